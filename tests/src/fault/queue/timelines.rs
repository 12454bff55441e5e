//! What the timelines tell, against what became of the letters: each ends where its letter ended.

use super::ends::{End, Known, Seen, names};
use super::left::Left;
use super::letter::{FORWARDED, FORWARDER, Letter};
use super::province::Province;
use crate::fault::Verdict;
use delivery::Outcome;
use delivery::trace::{Event, Found, Sought, What};
use std::collections::BTreeSet;
use storage::Error;

/// Messages of one Message-ID that are looked at.
const MAX: usize = 10;

/// One timeline.
pub struct Timeline {
    found: Found,
    events: Vec<Event>,
    /// Names of the accounts that it was placed in.
    placed: Vec<String>,
    /// Names of notifications that have no timeline, or one that does not end, with what it tells.
    open_notices: Vec<(String, Vec<Event>)>,
    /// Whom notifications tell of that reached nobody in time, and whether of success.
    dead_notices: Vec<(bool, Vec<String>)>,
}

/// Those of the letter of this number.
pub fn of(province: &Province, number: u64) -> Result<Vec<Timeline>, Error> {
    let sought = Sought {
        message_id: Some(format!("<k{number}@queue.example>")),
        ..Sought::default()
    };
    let found = province.delivery.traces(&sought, None, MAX)?.found;
    found
        .iter()
        .map(|found| read(province, &found.id))
        .collect()
}

fn read(province: &Province, id: &str) -> Result<Timeline, Error> {
    let (found, events) = province.delivery.trace(id)?;
    let mut placed = Vec::new();
    let (mut open_notices, mut dead_notices) = (Vec::new(), Vec::new());
    for event in &events {
        match &event.what {
            What::Placed(accounts) => {
                for account in accounts {
                    let address = province
                        .directory
                        .account(*account)
                        .map(|a| a.address.to_string());
                    let address = address.unwrap_or_default();
                    let name = address.split('@').next().unwrap_or_default();
                    placed.push(name.to_owned());
                }
            }
            What::Told {
                notice: Some(id),
                recipients,
                good,
                ..
            } => {
                let events = province
                    .delivery
                    .trace(id)
                    .map_or(Vec::new(), |(_, all)| all);
                let end = events.iter().rev().find(|event| ends(&event.what));
                match end.map(|event| failed(&event.what)) {
                    None => open_notices.push((id.clone(), events)),
                    Some(true) => dead_notices.push((*good, recipients.clone())),
                    Some(false) => {}
                }
            }
            _ => {}
        }
    }
    Ok(Timeline {
        found,
        events,
        placed,
        open_notices,
        dead_notices,
    })
}

/// Whether it is the end of a notification, which is for one. Of one that waited for days the last try was put off, too:
/// that it is given up, and that nobody is told of it (I-11), is its end.
fn ends(what: &What) -> bool {
    match what {
        What::Placed(_) => true,
        What::Told { .. } => failed(what),
        What::Tried { results, .. } => results
            .iter()
            .any(|(how, _)| !matches!(how, Outcome::Deferred(_))),
        _ => false,
    }
}

fn failed(what: &What) -> bool {
    let over = |(how, _): &(Outcome, _)| matches!(how, Outcome::Failed(_));
    match what {
        What::Tried { results, .. } => results.iter().any(over),
        What::Told {
            late, good, notice, ..
        } => !*late && !*good && notice.is_none(),
        _ => false,
    }
}

/// Whether a place to which the forwarder's mail goes on has the letter.
fn went_on(number: u64, known: &Known, seen: &Seen) -> bool {
    FORWARDED.iter().any(|on| {
        let name = on.split('@').next().unwrap_or_default().to_owned();
        let taken = known
            .takes
            .contains_key(&(Left::Letter(number), (*on).to_owned()));
        taken || seen.letters.contains_key(&(number, name))
    })
}

impl std::fmt::Display for Timeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}: {:?}", self.found.id, self.found.head.accounts)?;
        let mut each = |event: &Event| writeln!(f, "  {} {:?}", event.at, event.what);
        self.events.iter().try_for_each(&mut each)?;
        for (notice, events) in &self.open_notices {
            writeln!(f, "notification {notice}:")?;
            let mut each = |event: &Event| writeln!(f, "  {} {:?}", event.at, event.what);
            events.iter().try_for_each(&mut each)?;
        }
        Ok(())
    }
}

impl Timeline {
    /// How often a try of it ended so for him.
    fn tried(&self, to: &BTreeSet<String>, so: impl Fn(&Outcome) -> bool) -> usize {
        let results = self.events.iter().filter_map(|event| match &event.what {
            What::Tried { results, .. } => Some(results),
            _ => None,
        });
        let ended = results
            .flatten()
            .filter(|(how, all)| so(how) && all.iter().any(|one| to.contains(one)));
        ended.count()
    }

    /// How often it tells of his failure, or that it takes long.
    fn told(&self, to: &BTreeSet<String>, of_late: bool) -> usize {
        let each = self.events.iter().filter(|event| match &event.what {
            What::Told {
                late,
                good,
                recipients,
                ..
            } => *late == of_late && !*good && recipients.iter().any(|one| to.contains(one)),
            _ => false,
        });
        each.count()
    }

    /// How often it tells of who keeps a copy and sends on, because of where it went on to: that address comes before.
    fn told_of_where_it_went_on(&self) -> usize {
        let own = super::letter::local(FORWARDER);
        let led = |pair: &[String]| FORWARDED.contains(&pair[0].as_str()) && pair[1] == own;
        let each = self.events.iter().filter(|event| match &event.what {
            What::Told {
                late: false,
                good: false,
                recipients,
                ..
            } => recipients.windows(2).any(led),
            _ => false,
        });
        each.count()
    }

    fn acted(&self, name: &str) -> bool {
        self.events
            .iter()
            .any(|event| matches!(&event.what, What::Act { act, .. } if act == name))
    }

    /// Judges the letter by it, and it by the letter.
    pub fn judge(&self, letter: &Letter, known: &Known, seen: &Seen, verdict: &mut Verdict) {
        let number = letter.number;
        if let Some(trace) = known.acked.get(&number)
            && *trace != self.found.id
        {
            verdict
                .lost
                .push(format!("letter {number}: its timeline is not {trace}"));
        }
        let back = self.acted("queue.take_back");
        if back || known.did(number, "take back") {
            return self.judge_taken_back(back, number, known, seen, verdict);
        }
        if self.acted("queue.delete") && !known.began(number, "delete")
            || known.did(number, "delete") && !self.acted("queue.delete")
        {
            verdict.findings.push(format!(
                "letter {number}: its timeline does not tell that it was deleted"
            ));
        }
        let reach = letter.reach();
        for to in reach.here.iter().chain(&reach.there) {
            self.judge_one(letter, to, reach.owned.contains(to), known, seen, verdict);
        }
        for (notice, _) in &self.open_notices {
            verdict
                .findings
                .push(format!("letter {number}: notification {notice} has no end"));
        }
    }

    fn judge_taken_back(
        &self,
        back: bool,
        number: u64,
        known: &Known,
        seen: &Seen,
        verdict: &mut Verdict,
    ) {
        if !(back && known.began(number, "take back")) {
            verdict.findings.push(format!(
                "letter {number}: its timeline does not tell that it was taken back"
            ));
        }
        let gone = known
            .takes
            .keys()
            .any(|(left, _)| *left == Left::Letter(number));
        let here = seen.letters.keys().any(|(n, _)| *n == number);
        let told = seen
            .notices
            .keys()
            .any(|(notice, _)| notice.about == number);
        if gone || here || told {
            verdict
                .invented
                .push(format!("letter {number} was taken back"));
        }
    }

    fn judge_one(
        &self,
        letter: &Letter,
        to: &str,
        owned: bool,
        known: &Known,
        seen: &Seen,
        verdict: &mut Verdict,
    ) {
        let number = letter.number;
        let names = names(letter, to);
        let here = !to.contains('@');
        let takes = known.takes.get(&(Left::Letter(number), to.to_owned()));
        let takes = takes.map_or(&[][..], Vec::as_slice);
        let had = match here {
            true => seen
                .letters
                .get(&(number, to.to_owned()))
                .copied()
                .unwrap_or(0),
            false => takes.len(),
        };
        // Whose mail goes on has his copy: that the further address takes none is in the timeline, and nobody is told.
        // What was given up before it was placed is told of as his alone.
        let on = !here && FORWARDED.contains(&to) && had == 0;
        let his = BTreeSet::from([super::letter::local(FORWARDER)]);
        let refused = self.tried(&names, |how| matches!(how, Outcome::Failed(_))) > 0;
        if on && (refused || self.told(&his, false) > 0 || known.began(number, "delete")) {
            let told = seen.told(number, &super::letter::local(FORWARDER), "failed");
            if told > 0 && self.placed.iter().any(|name| *name == FORWARDER) {
                let what =
                    format!("letter {number} for {FORWARDER}, who has it: told that it failed");
                verdict.invented.push(what);
            }
            return;
        }
        // Given up by an administrator between the two: who got his mail has it for him, and nobody is told.
        let given_up = to == FORWARDER && had == 0 && known.began(number, "delete");
        if given_up && self.told(&names, false) == 0 && went_on(number, known, seen) {
            return;
        }
        // An address that stands for several may be told of for one of them.
        let placed = self.placed.iter().filter(|name| *name == to).count();
        let mut failed = self.told(&names, false);
        if here && had == 1 && names.len() > 1 {
            failed = failed.min(usize::from(
                self.told(&BTreeSet::from([super::letter::local(to)]), false) > 0,
            ));
        }
        if had == 1 && to == FORWARDER {
            failed = failed.saturating_sub(self.told_of_where_it_went_on());
        }
        let end = End {
            letter,
            to,
            owned,
            had,
            unsure: takes.last().is_some_and(|take| !take.settled),
            failed,
        }
        .check(known, verdict);
        let at = |what: &str| format!("letter {number} for {to}: {what}");
        if here && placed != end.had {
            verdict.findings.push(at(&format!(
                "placed {placed} times in its timeline, {had} in the mailbox"
            )));
        }
        let settled = takes.iter().any(|take| take.settled);
        let relayed = self.tried(&names, |how| matches!(how, Outcome::Relayed(_)));
        if !here && (relayed > 1 || settled && relayed != 1) {
            verdict
                .findings
                .push(at(&format!("relayed {relayed} times in its timeline")));
        }
        if self.told(&names, true) > names.len() {
            verdict.invented.push(at("told twice that it is late"));
        }
        self.judge_told(&end, known, seen, verdict);
    }

    /// Whether its sender has the notifications that he wants, and no others.
    fn judge_told(&self, end: &End<'_>, known: &Known, seen: &Seen, verdict: &mut Verdict) {
        let (letter, to, number) = (end.letter, end.to, end.letter.number);
        let (names, here) = (names(letter, to), !to.contains('@'));
        let at = |what: &str| format!("letter {number} for {to}: {what}");
        // What waited for five days for a server that was away is over, too.
        let dead = |of_good: bool| {
            let of = |(good, all): &&(bool, Vec<String>)| {
                *good == of_good && all.iter().any(|one| names.contains(one))
            };
            self.dead_notices.iter().filter(of).count()
        };
        if end.had == 0 && end.failed == 1 {
            let wanted = end.owned || letter.wants("FAILURE");
            // Where somebody's mail goes on to is not named to its sender: he is.
            let told_as = match FORWARDED.contains(&to) {
                true => BTreeSet::from([super::letter::local(FORWARDER)]),
                false => names.clone(),
            };
            let notices: usize = told_as
                .iter()
                .map(|name| seen.told(number, name, "failed"))
                .sum();
            if notices.max(dead(false)) != usize::from(wanted) {
                let list = match wanted {
                    true => &mut verdict.lost,
                    false => &mut verdict.invented,
                };
                list.push(at(&format!(
                    "{notices} notifications of its failure, wanted: {wanted}"
                )));
            }
        }
        let direct = letter
            .to
            .iter()
            .any(|given| *given == *to || *given == super::letter::local(to));
        if end.had == 1
            && here
            && direct
            && !letter.expands()
            && letter.wants("SUCCESS")
            && known.acked.contains_key(&number)
        {
            let notices: usize = names
                .iter()
                .map(|name| seen.told(number, name, "delivered"))
                .sum();
            if notices.max(dead(true)) != 1 {
                verdict
                    .lost
                    .push(at(&format!("{notices} notifications of its success")));
            }
        }
    }
}
