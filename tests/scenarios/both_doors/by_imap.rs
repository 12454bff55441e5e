//! The side that speaks IMAP.

use super::model::{Dice, Letter, Shown, Side, text};
use std::collections::BTreeMap;
use tests::imap_client::{Answer, ImapClient};
use tests::world::World;

/// What is known of a mailbox: its HIGHESTMODSEQ, and its letters by UID.
pub type Known = BTreeMap<String, (u64, BTreeMap<u32, (String, Letter)>)>;

pub struct ByImap {
    client: ImapClient,
    selected: Option<String>,
    dice: Dice,
    pub side: Side,
}

impl ByImap {
    pub fn new(world: &World, dice: Dice) -> Self {
        let mut client = world.imap("an");
        client.ok("ENABLE QRESYNC");
        for name in ["A", "B", "C"] {
            client.ok(&format!("CREATE {name}"));
        }
        Self {
            client,
            selected: None,
            dice,
            side: Side::new('i'),
        }
    }

    fn select(&mut self, name: &str) {
        if self.selected.as_deref() != Some(name) {
            self.client.ok(&format!("SELECT {name}"));
            self.selected = Some(name.to_owned());
        }
    }

    /// The UID of a letter in this mailbox, which is selected.
    fn uid(&mut self, id: &str, name: &str) -> Option<String> {
        self.select(name);
        let found = self
            .client
            .ok(&format!("UID SEARCH RETURN (ALL) EMAILID {id}"));
        let line = found.line("* ESEARCH");
        let uid = line.split(" ALL ").nth(1)?;
        Some(uid.trim().to_owned())
    }

    fn append(&mut self, name: &str, flags: &str) -> String {
        let subject = self.side.new_name();
        let target = format!("{name} ({flags})");
        let answer = self
            .client
            .append(&target, text(&subject).as_bytes())
            .unwrap();
        let told = answer.tagged.split("APPENDUID ").nth(1);
        let uid = told
            .unwrap_or_else(|| panic!("{answer:?}"))
            .split([' ', ']'])
            .nth(1);
        self.select(name);
        let fetched = self
            .client
            .ok(&format!("UID FETCH {} (EMAILID)", uid.unwrap()));
        let line = fetched.line("* ");
        let id = line.split("EMAILID (").nth(1).unwrap();
        id.split(')').next().unwrap().to_owned()
    }

    pub fn common_letter(&mut self, _at: usize) -> String {
        self.append("A", "")
    }

    pub fn act(&mut self) {
        match self.dice.below(10) {
            0 | 1 => self.put(),
            2 | 3 => self.flag(),
            4 => self.take(),
            5 => self.copy(),
            6 => self.expunge(),
            7 => self.mailbox(),
            8 => self.flag_common(),
            _ => self.take_common(),
        }
    }

    fn put(&mut self) {
        let (name, mark) = (
            self.side.some_box(&mut self.dice),
            self.side.some_mark(&mut self.dice),
        );
        let id = self.append(&name, &format!("\\Seen {mark}"));
        let letter = Letter {
            mailboxes: [name].into(),
            keywords: ["$seen".to_owned(), mark].into(),
        };
        self.side.own.insert(id, letter);
    }

    /// One's own letter, where it is, and its UID there.
    fn some_own(&mut self) -> Option<(String, String, String)> {
        let id = self.side.some_own(&mut self.dice)?;
        let at = self.side.own[&id].mailboxes.first().unwrap().clone();
        let uid = self
            .uid(&id, &at)
            .unwrap_or_else(|| panic!("{id} is not in {at}"));
        Some((id, at, uid))
    }

    fn flag(&mut self) {
        let Some((id, _, uid)) = self.some_own() else {
            return;
        };
        let keywords = &mut self.side.own.get_mut(&id).unwrap().keywords;
        let (name, keyword) = match self.dice.below(3) {
            0 => ("\\Seen".to_owned(), "$seen".to_owned()),
            1 => ("\\Flagged".to_owned(), "$flagged".to_owned()),
            _ => ("i7".to_owned(), "i7".to_owned()),
        };
        let sign = if keywords.insert(keyword.clone()) {
            "+"
        } else {
            keywords.remove(&keyword);
            "-"
        };
        self.client
            .ok(&format!("UID STORE {uid} {sign}FLAGS ({name})"));
    }

    fn take(&mut self) {
        let Some((id, at, uid)) = self.some_own() else {
            return;
        };
        let to = self.side.some_box(&mut self.dice);
        if to != at {
            self.client.ok(&format!("UID MOVE {uid} {to}"));
            self.side.own.get_mut(&id).unwrap().mailboxes = [to].into();
        }
    }

    /// A copy over IMAP is a letter of its own.
    fn copy(&mut self) {
        let Some((id, at, uid)) = self.some_own() else {
            return;
        };
        let to = self.side.some_box(&mut self.dice);
        if to == at {
            return;
        }
        let answer = self.client.ok(&format!("UID COPY {uid} {to}"));
        let told = answer.tagged.split("COPYUID ").nth(1).unwrap();
        let copied = told.split([' ', ']']).nth(2).unwrap().to_owned();
        self.select(&to);
        let fetched = self.client.ok(&format!("UID FETCH {copied} (EMAILID)"));
        let line = fetched.line("* ");
        let new = line.split("EMAILID (").nth(1).unwrap().split(')').next();
        let mut letter = self.side.own[&id].clone();
        letter.mailboxes = [to].into();
        self.side.own.insert(new.unwrap().to_owned(), letter);
    }

    fn expunge(&mut self) {
        let Some((id, _, uid)) = self.some_own() else {
            return;
        };
        self.client
            .ok(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)"));
        self.client.ok(&format!("UID EXPUNGE {uid}"));
        self.side.own.remove(&id);
    }

    /// Makes, renames or deletes a mailbox of its own.
    fn mailbox(&mut self) {
        let at = self.dice.below(self.side.boxes.len() + 1);
        let Some(name) = self.side.boxes.get(at).cloned() else {
            let name = self.side.new_name();
            self.client.ok(&format!("CREATE {name}"));
            self.side.boxes.push(name);
            return;
        };
        if self.selected.as_ref() == Some(&name) {
            self.select("A");
        }
        if self.dice.below(2) == 0 {
            let to = self.side.new_name();
            self.client.ok(&format!("RENAME {name} {to}"));
            for letter in self.side.own.values_mut() {
                if letter.mailboxes.remove(&name) {
                    letter.mailboxes.insert(to.clone());
                }
            }
            self.side.boxes[at] = to;
        } else {
            self.client.ok(&format!("DELETE {name}"));
            self.side
                .own
                .retain(|_, letter| !letter.mailboxes.contains(&name));
            self.side.boxes.remove(at);
        }
    }

    /// A letter in common, where it was found, and its UID there.
    fn some_common(&mut self) -> Option<(String, String, String)> {
        let id = self.dice.pick(&self.side.common).clone();
        let mut places = ["A", "B", "C"].into_iter();
        places.find_map(|at| Some((id.clone(), at.to_owned(), self.uid(&id, at)?)))
    }

    fn flag_common(&mut self) {
        let Some((id, _, uid)) = self.some_common() else {
            return;
        };
        let (mark, on) = (self.side.some_mark(&mut self.dice), self.dice.below(2) == 0);
        let sign = if on { "+" } else { "-" };
        let answer = self
            .client
            .run(&format!("UID STORE {uid} {sign}FLAGS ({mark})"));
        // Where it was moved meanwhile, nothing is told of it.
        if self.was_stored(&answer, &uid, &mark, on) {
            self.side.mark(&id, &mark, on);
        }
    }

    fn was_stored(&self, answer: &Answer, uid: &str, mark: &str, on: bool) -> bool {
        let of_it = format!("UID {uid} ");
        let end = format!("UID {uid})");
        answer.tagged.starts_with("OK")
            && answer.lines("* ").iter().any(|line| {
                line.contains(" FETCH (")
                    && (line.contains(&of_it) || line.contains(&end))
                    && line.contains("FLAGS (")
                    && flags(line).contains(mark) == on
            })
    }

    fn take_common(&mut self) {
        let Some((id, at, uid)) = self.some_common() else {
            return;
        };
        let to = (*self.dice.pick(&["A", "B", "C"])).to_owned();
        if to == at {
            return;
        }
        let answer = self.client.run(&format!("UID MOVE {uid} {to}"));
        let told = answer.lines("* OK [COPYUID");
        if !told.is_empty() || answer.tagged.contains("COPYUID") {
            self.side.moved(&id, &to);
        }
    }

    fn names(&mut self) -> Vec<String> {
        let listed = self.client.ok("LIST \"\" *");
        let names = listed.lines("* LIST").into_iter();
        let name = |line: String| {
            line.trim_end()
                .rsplit(' ')
                .next()
                .unwrap()
                .trim_matches('"')
                .to_owned()
        };
        names
            .map(name)
            .filter(|name| name.len() < 5 && name != "Sent" && name != "Junk")
            .collect()
    }

    /// Every mailbox that a side may have made, by its letters.
    pub fn view(&mut self) -> Shown {
        let mut shown = Shown::new();
        for name in self.names() {
            self.client.ok(&format!("EXAMINE {name}"));
            self.selected = None;
            let fetched = self.client.run("UID FETCH 1:* (FLAGS EMAILID)");
            for line in fetched.lines("* ") {
                if let Some((_, id, keywords)) = row(&line) {
                    let letter = shown.entry(id).or_default();
                    letter.mailboxes.insert(name.clone());
                    letter.keywords.extend(keywords);
                }
            }
        }
        shown
    }

    /// RFC 7162 §3.2.5.1: brings what is known of each mailbox up to now.
    pub fn follow(&mut self, known: &mut Known) {
        let names = self.names();
        known.retain(|name, _| names.contains(name));
        for name in names {
            let selected = self.client.ok(&format!("SELECT {name}"));
            self.selected = Some(name.clone());
            let line = selected.line("* OK [HIGHESTMODSEQ");
            let now = line.split([' ', ']']).nth(3).unwrap().parse().unwrap();
            let (since, rows) = known.entry(name).or_insert_with(|| (1, BTreeMap::new()));
            let command = match rows.is_empty() {
                true => "UID FETCH 1:* (FLAGS EMAILID)".to_owned(),
                false => format!("UID FETCH 1:* (FLAGS EMAILID) (CHANGEDSINCE {since} VANISHED)"),
            };
            let told = self.client.run(&command);
            for line in told.lines("* VANISHED") {
                let gone = line.trim_end().rsplit(' ').next().unwrap();
                for range in gone.split(',') {
                    let (from, to) = range.split_once(':').unwrap_or((range, range));
                    let (from, to): (u32, u32) = (from.parse().unwrap(), to.parse().unwrap());
                    rows.retain(|uid, _| !(from..=to).contains(uid));
                }
            }
            for line in told.lines("* ") {
                if let Some((uid, id, keywords)) = row(&line) {
                    let letter = Letter {
                        keywords: keywords.into_iter().collect(),
                        ..Letter::default()
                    };
                    rows.insert(uid, (id, letter));
                }
            }
            *since = now;
        }
    }

    pub fn flat(&self, known: &Known) -> Shown {
        let mut shown = Shown::new();
        for (name, (_, rows)) in known {
            for (id, letter) in rows.values() {
                let whole = shown.entry(id.clone()).or_default();
                whole.mailboxes.insert(name.clone());
                whole.keywords.extend(letter.keywords.iter().cloned());
            }
        }
        shown
    }

    /// Letters of each mailbox, and those not seen.
    pub fn counts(&mut self) -> BTreeMap<String, (u64, u64)> {
        let mut all = BTreeMap::new();
        for name in self.names() {
            let answer = self.client.ok(&format!("STATUS {name} (MESSAGES UNSEEN)"));
            let line = answer.line("* STATUS");
            let number = |what: &str| -> u64 {
                let rest = line.split(&format!("{what} ")).nth(1).unwrap();
                let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
                digits.unwrap().parse().unwrap()
            };
            all.insert(name.clone(), (number("MESSAGES"), number("UNSEEN")));
        }
        all
    }
}

/// Flags as JMAP has them (RFC 8621 §4.1.1).
fn flags(line: &str) -> std::collections::BTreeSet<String> {
    let list = line.split("FLAGS (").nth(1).unwrap_or_default();
    let list = list.split(')').next().unwrap_or_default();
    let words = list.split(' ').filter(|word| !word.is_empty());
    words
        .map(|word| word.to_lowercase().replace('\\', "$"))
        .filter(|word| word != "$recent")
        .collect()
}

/// UID, id and keywords of a FETCH response.
fn row(line: &str) -> Option<(u32, String, std::collections::BTreeSet<String>)> {
    let uid = line.split("UID ").nth(1)?.split([' ', ')']).next()?;
    let id = line.split("EMAILID (").nth(1)?.split(')').next()?;
    Some((uid.parse().ok()?, id.to_owned(), flags(line)))
}
