//! What a client knows of the mailbox, made from nothing but what it was told (RFC 9051 §7).

use std::collections::{BTreeMap, BTreeSet};

pub(crate) type Flags = BTreeSet<String>;

/// What a session has turned on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Kind {
    pub(crate) condstore: bool,
    pub(crate) qresync: bool,
    pub(crate) uid_only: bool,
    pub(crate) rev2: bool,
}

/// A message as a client knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) uid: Option<u32>,
    pub(crate) flags: Option<Flags>,
}

/// A client's picture of the mailbox.
#[derive(Debug, Default)]
pub(crate) struct Picture {
    pub(crate) kind: Kind,
    /// By number; of a client without numbers (RFC 9586) only what it was told by UID, in order.
    pub(crate) rows: Vec<Known>,
    /// How many there are, for a client without numbers.
    pub(crate) count: usize,
    /// RFC 7162 §6: up to which mod-sequence it knows everything.
    pub(crate) highest: u64,
    /// RFC 3501 §2.3.2: UIDs of messages that were `\Recent` here.
    pub(crate) recent: BTreeSet<u32>,
    /// The same in sessions before this one.
    pub(crate) before: BTreeSet<u32>,
}

pub(crate) fn between<'a>(line: &'a str, from: &str, to: &[char]) -> Option<&'a str> {
    let rest = &line[line.find(from)? + from.len()..];
    rest.find(to).map(|end| &rest[..end])
}

/// `1:3,5`
pub(crate) fn set(text: &str) -> Vec<u32> {
    let range = |piece: &str| {
        let (from, to) = piece.split_once(':').unwrap_or((piece, piece));
        from.parse::<u32>().unwrap()..=to.parse::<u32>().unwrap()
    };
    let range_of = |piece| {
        let numbers = range(piece);
        // Either end may come first.
        numbers.start().min(numbers.end()).to_owned()
            ..=numbers.end().max(numbers.start()).to_owned()
    };
    text.split(',').flat_map(range_of).collect()
}

impl Picture {
    /// One command's answer, in order; `command` is what was asked.
    pub(crate) fn hear_all(&mut self, command: &str, lines: &[String]) {
        self.store_silently(command);
        let (mut told, mut code) = (0, None);
        for line in lines {
            self.hear(command, line);
            if let Some(highest) = between(line, "[HIGHESTMODSEQ ", &[']']) {
                code = Some(highest.parse().unwrap());
            }
            if line.contains("FETCH (")
                && let Some(modseq) = between(line, "MODSEQ (", &[')'])
            {
                told = modseq.parse::<u64>().unwrap().max(told);
            }
        }
        self.highest = code.unwrap_or(self.highest.max(told));
    }

    /// RFC 9051 §6.4.6: of its own `.SILENT` changes a client is not told.
    fn store_silently(&mut self, command: &str) {
        let Some((before, flags)) = command.split_once("FLAGS.SILENT (") else {
            return;
        };
        let flag = flags.trim_end_matches(')').to_owned();
        let by_uid = before.starts_with("UID ");
        let words = before.trim_start_matches("UID ");
        let range = set(words.split(' ').nth(1).unwrap());
        let ends = (range[0], range[range.len() - 1]);
        for (at, known) in self.rows.iter_mut().enumerate() {
            let number = match by_uid {
                true => known.uid,
                false => Some(at as u32 + 1),
            };
            let meant = number.is_some_and(|n| (ends.0..=ends.1).contains(&n));
            let Some(flags) = known.flags.as_mut().filter(|_| meant) else {
                continue;
            };
            match before.as_bytes().last() {
                Some(b'+') => drop(flags.insert(flag.clone())),
                Some(b'-') => drop(flags.remove(&flag)),
                _ => *flags = Flags::from([flag.clone()]),
            }
        }
    }

    /// RFC 9051 §7: what a client must do with each response, and what it must not be told.
    fn hear(&mut self, command: &str, line: &str) {
        let quiet = ["FETCH", "STORE", "SEARCH"];
        let quiet = quiet.iter().any(|word| command.starts_with(word));
        let mut words = line.split(' ');
        if words.next() != Some("*") {
            return;
        }
        let first = words.next().unwrap_or_default();
        if first == "VANISHED" {
            assert!(self.kind.qresync || self.kind.uid_only, "{command}: {line}");
            let mut uids = words.next().unwrap();
            let earlier = uids == "(EARLIER)";
            if earlier {
                uids = words.next().unwrap();
            }
            assert!(earlier || !quiet, "{command}: {line}");
            self.vanish(&set(uids), earlier, line);
        }
        let Ok(number) = first.parse::<usize>() else {
            return;
        };
        let word = words.next().unwrap_or_default();
        match word {
            "EXISTS" if self.kind.uid_only => {
                assert!(number >= self.count, "{command}: {line}");
                self.count = number;
            }
            "EXISTS" => {
                assert!(number >= self.rows.len(), "EXISTS may not shrink: {line}");
                self.rows.resize(number, Known::default());
            }
            "RECENT" => assert!(!self.kind.rev2, "{line}"),
            "EXPUNGE" => {
                assert!(!self.kind.qresync && !self.kind.uid_only, "{line}");
                assert!(!quiet, "{command}: {line}");
                assert!((1..=self.rows.len()).contains(&number), "{line}");
                self.rows.remove(number - 1);
            }
            "FETCH" | "UIDFETCH" => {
                assert_eq!(word == "UIDFETCH", self.kind.uid_only, "{line}");
                let modseq = line.contains("MODSEQ (");
                assert!(self.kind.condstore || !modseq, "{command}: {line}");
                let asked = command.contains("FETCH");
                assert!(asked || modseq || !self.kind.condstore, "{command}: {line}");
                self.fetched(number, line);
            }
            _ => {}
        }
    }

    fn vanish(&mut self, uids: &[u32], earlier: bool, line: &str) {
        for uid in uids {
            let at = self.rows.iter().position(|k| k.uid == Some(*uid));
            if earlier {
                assert_eq!(at, None, "still there: {line}");
                continue;
            }
            if self.kind.uid_only {
                assert!(self.count > 0, "{line}");
                self.count -= 1;
                at.map(|at| self.rows.remove(at));
                continue;
            }
            // A UID that the client was not told yet lies between those that it was told.
            let after = self.rows.iter().position(|k| k.uid > Some(*uid));
            let before = &self.rows[..after.unwrap_or(self.rows.len())];
            let unknown = || before.iter().rposition(|k| k.uid.is_none());
            let at = at.or_else(unknown);
            let at = at.unwrap_or_else(|| panic!("never told of {uid}: {line}"));
            self.rows.remove(at);
        }
    }

    fn fetched(&mut self, number: usize, line: &str) {
        let flags = between(line, "FLAGS (", &[')']);
        // RFC 3501 §2.3.2: a session's own, and told to no one who has enabled IMAP4rev2.
        let recent = flags.is_some_and(|flags| flags.contains("\\Recent"));
        assert!(!(recent && self.kind.rev2), "{line}");
        let flags = flags.map(|f| f.split_whitespace().filter(|flag| *flag != "\\Recent"));
        let flags: Option<Flags> = flags.map(|f| f.map(str::to_owned).collect());
        if self.kind.uid_only {
            let uid = number as u32;
            let at = self.rows.partition_point(|k| k.uid < Some(uid));
            if self.rows.get(at).is_none_or(|k| k.uid != Some(uid)) {
                let uid = Some(uid);
                self.rows.insert(at, Known { uid, flags: None });
                assert!(self.rows.len() <= self.count, "{line}");
            }
            self.rows[at].flags = flags.or(self.rows[at].flags.take());
            self.note_recent(recent, Some(number as u32), line);
            return;
        }
        assert!((1..=self.rows.len()).contains(&number), "{line}");
        let known = &mut self.rows[number - 1];
        if let Some(uid) =
            between(line, "(UID ", &[' ', ')']).or(between(line, " UID ", &[' ', ')']))
        {
            let uid = uid.parse().unwrap();
            assert!(
                known.uid.is_none_or(|before| before == uid),
                "{line} was {known:?}"
            );
            known.uid = Some(uid);
        }
        known.flags = flags.or(known.flags.take());
        let uid = known.uid;
        self.note_recent(recent, uid, line);
    }

    fn note_recent(&mut self, recent: bool, uid: Option<u32>, line: &str) {
        if let Some(uid) = uid.filter(|_| recent) {
            assert!(!self.before.contains(&uid), "told before: {line}");
            self.recent.insert(uid);
        }
    }

    /// UIDs of messages that were ever `\Recent` to it.
    pub(crate) fn was_recent(&self) -> impl Iterator<Item = u32> + '_ {
        self.recent.union(&self.before).copied()
    }

    /// Forgets the mailbox: another SELECT begins.
    pub(crate) fn forget(&mut self) {
        self.before.append(&mut self.recent);
        self.rows.clear();
        self.count = 0;
    }

    pub(crate) fn len(&self) -> usize {
        match self.kind.uid_only {
            true => self.count,
            false => self.rows.len(),
        }
    }

    /// UIDs with flags, of what it knows both.
    pub(crate) fn known(&self) -> BTreeMap<u32, Flags> {
        let both = |known: &Known| Some((known.uid?, known.flags.clone()?));
        self.rows.iter().filter_map(both).collect()
    }

    /// In the end everything that it knows must be so.
    pub(crate) fn agrees(&self, truth: &BTreeMap<u32, Flags>) -> Result<(), String> {
        if self.len() != truth.len() {
            return Err(format!("{} messages, not {}", self.len(), truth.len()));
        }
        for (at, known) in self.rows.iter().enumerate() {
            let uid = match self.kind.uid_only {
                true => known.uid,
                false => truth.keys().nth(at).copied(),
            };
            let is = uid.and_then(|uid| truth.get(&uid));
            let fits = known.uid.is_none_or(|known| Some(known) == uid)
                && is.is_some()
                && known.flags.as_ref().is_none_or(|flags| Some(flags) == is);
            if !fits {
                return Err(format!("{known:?} is {uid:?} {is:?}"));
            }
        }
        Ok(())
    }
}
