//! What became of each letter, against what the ledger knows.

use super::ledger::Event;
use super::left::{Left, Notice};
use super::letter::{FORWARDER, FULL, From, Letter, OWNER, PEOPLE, local};
use super::province::Province;
use crate::fault::Verdict;
use std::collections::{BTreeMap, BTreeSet};
use storage::Error;

/// A letter or notification that another server took.
#[derive(Debug, Clone)]
pub struct Take {
    pub hop: String,
    /// Whether the try's end was written down.
    pub settled: bool,
}

/// What the ledger tells.
#[derive(Debug, Default)]
pub struct Known {
    pub begun: BTreeSet<u64>,
    pub acked: BTreeMap<u64, String>,
    /// For good.
    pub refused: BTreeSet<u64>,
    /// In order, by what and whom.
    pub takes: BTreeMap<(Left, String), Vec<Take>>,
    /// Acts that were begun, and those that did something.
    pub begun_acts: BTreeSet<(u64, String)>,
    pub acts: BTreeSet<(u64, String)>,
}

impl Known {
    pub fn of(events: &[Event]) -> Self {
        let mut known = Self::default();
        let settled: BTreeSet<u64> = events
            .iter()
            .filter_map(|event| match event {
                Event::Settled(job) => Some(*job),
                _ => None,
            })
            .collect();
        for event in events {
            match event {
                Event::Begun(number) => _ = known.begun.insert(*number),
                Event::Acked(number, trace) => _ = known.acked.insert(*number, trace.clone()),
                Event::Refused(number, why) if why.starts_with("Permanent") => {
                    known.refused.insert(*number);
                }
                Event::Took { job, left, to, hop } => {
                    for to in to {
                        let take = Take {
                            hop: hop.clone(),
                            settled: settled.contains(job),
                        };
                        let key = (left.clone(), to.clone());
                        known.takes.entry(key).or_default().push(take);
                    }
                }
                Event::Acting(number, act) => _ = known.begun_acts.insert((*number, act.clone())),
                Event::Acted(number, act, true) => _ = known.acts.insert((*number, act.clone())),
                _ => {}
            }
        }
        known
    }

    pub fn did(&self, number: u64, act: &str) -> bool {
        self.acts.contains(&(number, act.to_owned()))
    }

    pub fn began(&self, number: u64, act: &str) -> bool {
        self.begun_acts.contains(&(number, act.to_owned()))
    }
}

/// What lies in the mailboxes.
#[derive(Debug, Default)]
pub struct Seen {
    /// How often each letter is in whose mailbox.
    pub letters: BTreeMap<(u64, String), usize>,
    /// How often each notification is where: a name here, or an address elsewhere.
    pub notices: BTreeMap<(Notice, String), usize>,
}

impl Seen {
    pub fn of(province: &Province, known: &Known) -> Result<Self, Error> {
        let mut seen = Self::default();
        for name in PEOPLE.into_iter().chain([FORWARDER, FULL]) {
            let account = province.store.account(province.id(name));
            let mut emails = Vec::new();
            account.scan_all(&mut |state| {
                emails.push(state.email);
                true
            })?;
            for email in emails {
                let name = name.to_owned();
                match Left::read(&account.content(email)?) {
                    Some(Left::Letter(number)) => {
                        *seen.letters.entry((number, name)).or_default() += 1
                    }
                    Some(Left::Notice(notice)) => {
                        *seen.notices.entry((notice, name)).or_default() += 1
                    }
                    None => {}
                }
            }
        }
        for ((left, to), takes) in &known.takes {
            if let Left::Notice(notice) = left {
                seen.notices
                    .insert((notice.clone(), to.clone()), takes.len());
            }
        }
        Ok(seen)
    }

    /// Notifications of this letter that say this of this recipient, each once however often it came.
    pub fn told(&self, number: u64, to: &str, action: &str) -> usize {
        let said = (to.to_owned(), action.to_owned());
        let all = self.notices.keys();
        let about = all.filter(|(notice, _)| notice.about == number && notice.told.contains(&said));
        about
            .map(|(notice, _)| &notice.id)
            .collect::<BTreeSet<_>>()
            .len()
    }

    fn is_there(&self, number: u64) -> bool {
        self.letters.keys().any(|(n, _)| *n == number)
            || self.notices.keys().any(|(n, _)| n.about == number)
    }
}

/// How a letter stands for one recipient: how often he got it, and whether its sender was told that he did not.
pub struct End<'a> {
    pub letter: &'a Letter,
    /// The address, or the name of who is here.
    pub to: &'a str,
    pub owned: bool,
    pub had: usize,
    /// A peer has it whose 250 is lost.
    pub unsure: bool,
    /// Times that its timeline tells of its failure.
    pub failed: usize,
}

impl End<'_> {
    fn judge(&self, known: &Known, verdict: &mut Verdict) {
        let (number, to) = (self.letter.number, self.to);
        let here = !to.contains('@');
        match (self.had, self.failed) {
            (0, 0) => verdict.lost.push(format!("letter {number} for {to}")),
            (0, 1) => {
                let may = !here || to == FULL || known.began(number, "delete");
                if !may {
                    verdict
                        .invented
                        .push(format!("letter {number} failed for {to}"));
                }
            }
            (1, 0) => {}
            (_, 0) if !here => {}
            (_, 1) if self.unsure => {}
            (had, failed) => verdict.invented.push(format!(
                "letter {number} for {to}: {had} times, {failed} times told that it failed"
            )),
        }
    }
}

/// All letters against all that is there; nothing waits any more.
pub fn judge(province: &Province, events: &[Event]) -> Result<Verdict, Error> {
    let known = Known::of(events);
    let seen = Seen::of(province, &known)?;
    let mut verdict = Verdict::default();
    let waiting = province.store.queue().count();
    if waiting > 0 {
        verdict
            .findings
            .push(format!("{waiting} letters wait for ever"));
    }
    repeats(&known, &mut verdict);
    notices(&seen, &mut verdict);
    for number in &known.begun {
        let letter = Letter::new(*number);
        let traces = super::timelines::of(province, *number)?;
        let taken = known
            .takes
            .keys()
            .any(|(left, _)| *left == Left::Letter(*number));
        match traces.as_slice() {
            [] => {
                if known.acked.contains_key(number) {
                    verdict
                        .lost
                        .push(format!("letter {number} has no timeline"));
                }
                if taken || seen.is_there(*number) {
                    verdict
                        .invented
                        .push(format!("letter {number} is there without a timeline"));
                }
            }
            [_] if known.refused.contains(number) => {
                verdict
                    .invented
                    .push(format!("letter {number} was refused"));
            }
            [only] => only.judge(&letter, &known, &seen, &mut verdict),
            _ => verdict
                .invented
                .push(format!("letter {number} was accepted twice")),
        }
    }
    Ok(verdict)
}

/// I-10: again only where the 250 was never written down.
fn repeats(known: &Known, verdict: &mut Verdict) {
    for ((left, to), takes) in &known.takes {
        let before = takes.split_last().map_or(&[][..], |(_, before)| before);
        if before.iter().any(|take| take.settled) {
            verdict
                .invented
                .push(format!("{left:?} for {to} goes again after it was taken"));
        }
    }
}

/// Each notification is in its mailbox once, and nothing is told by two.
fn notices(seen: &Seen, verdict: &mut Verdict) {
    let mut told: BTreeMap<(u64, &str, &str), BTreeSet<&str>> = BTreeMap::new();
    for ((notice, place), times) in &seen.notices {
        if !place.contains('@') && *times != 1 {
            verdict
                .invented
                .push(format!("{notice:?} is {times} times with {place}"));
        }
        let letter = Letter::new(notice.about);
        let sender = match &letter.from {
            From::Inside(name) => (*name).to_owned(),
            From::Outside(address) => address.clone(),
            From::Null => String::new(),
        };
        let owned = letter.reach().owned;
        let owns = place == OWNER && !owned.is_empty();
        if *place != sender && !owns {
            verdict
                .invented
                .push(format!("{notice:?} came to {place}, not {sender}"));
        }
        for (to, action) in &notice.told {
            let all = told.entry((notice.about, to, action)).or_default();
            all.insert(&notice.id);
            if all.len() == 2 {
                verdict.invented.push(format!(
                    "letter {} is told twice of: {to} {action}",
                    notice.about
                ));
            }
        }
    }
}

/// The addresses by which somebody is named in a notification: his own, or that of the sender's through which he got it.
pub fn names(letter: &Letter, to: &str) -> BTreeSet<String> {
    if to.contains('@') {
        return BTreeSet::from([to.to_owned()]);
    }
    let own = local(to);
    // Who is named himself gets the letter that is for him, whatever lists he is on besides.
    let lists = [super::letter::LIST, super::letter::OWNED].map(local);
    if letter.to.contains(&own) && letter.to.iter().any(|given| lists.contains(given)) {
        return BTreeSet::from([own]);
    }
    let given = letter.to.iter().filter(|given| {
        let one = Letter {
            to: vec![(*given).clone()],
            ..letter.clone()
        };
        one.reach().here.contains(to)
    });
    given.cloned().chain([own]).collect()
}

impl<'a> End<'a> {
    pub fn check(self, known: &Known, verdict: &mut Verdict) -> Self {
        self.judge(known, verdict);
        self
    }
}
