//! Where a message stands for each recipient of its envelope: what its timeline tells and what the queue knows.

use super::id::Id;
use super::{Event, Found, Head, TABLE, What, decode};
use crate::act::{Act, GIVEN_UP};
use crate::outcome::out_of_time;
use crate::release::{self, TAKE_BACK, TAKEN_BACK};
use crate::{Delivery, Item, Outcome, RecipientState};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use storage::{AccountId, Error, QueueId};

/// Where it stands for a recipient; what is worse for the sender comes later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It lies in a mailbox here.
    Placed,
    /// Another server took it.
    Relayed,
    /// It went to where the recipient's address leads: other addresses, members of a list.
    SentOn,
    /// It waits for the time that its sender chose.
    Scheduled,
    /// It waits for its next try.
    Waiting,
    /// An administrator holds it back.
    Held,
    /// It was given up.
    Failed,
}

/// How far it is for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// As the envelope names him.
    pub recipient: String,
    /// Where it stands.
    pub standing: Standing,
    /// Since when, Unix seconds.
    pub at: i64,
    /// When it is tried next, Unix seconds.
    pub next: Option<i64>,
    /// Tries that ended.
    pub tries: u32,
    /// How the last one ended; where there was none, what keeps the next hop from taking anything. Status code first.
    pub said: Option<String>,
    /// Who was asked then, where anybody was.
    pub hop: Option<String>,
    /// Version and cipher of TLS then.
    pub tls: Option<String>,
}

/// What the queue has of a message.
#[derive(Debug)]
pub(crate) enum Waits {
    /// It was never there, or an older program put it there.
    Unknown,
    /// It waits no more.
    Gone,
    As(Box<Item>),
}

impl Delivery {
    /// How far a message is for each recipient that its head names, in order. `events`: all of its timeline.
    /// Errors: `Unavailable`, `Corrupt`.
    pub fn progress(&self, found: &Found, events: &[Event]) -> Result<Vec<Progress>, Error> {
        let now = self.inner.directory.clock().now_s();
        Ok(told(found, events, &self.waits(&found.id)?, now))
    }

    fn waits(&self, name: &str) -> Result<Waits, Error> {
        let Some(id) = Id::parse(name) else {
            return Ok(Waits::Unknown);
        };
        let Some(row) = self.inner.store.table(TABLE).row(&id.item())? else {
            return Ok(Waits::Unknown);
        };
        let Some(item) = QueueId::new(decode(&row)?) else {
            return Ok(Waits::Unknown);
        };
        match self.queued(item) {
            Ok(item) if item.trace == name => Ok(Waits::As(Box::new(item))),
            Ok(_) | Err(Error::NotFound) => Ok(Waits::Gone),
            // Whoever administers hears of it elsewhere (`spoilt`); it waits.
            Err(Error::Corrupt(_)) => Ok(Waits::Unknown),
            Err(error) => Err(error),
        }
    }
}

/// See [`Delivery::progress`]; `now`: Unix seconds.
fn told(found: &Found, events: &[Event], waits: &Waits, now: i64) -> Vec<Progress> {
    let head = &found.head;
    let begin = |recipient: &String| Progress {
        recipient: recipient.clone(),
        standing: Standing::Waiting,
        at: found.at,
        next: None,
        tries: 0,
        said: None,
        hop: None,
        tls: None,
    };
    let mut all: Vec<Progress> = head.recipients.iter().map(begin).collect();
    let places = Places::of(head);
    let (mut deleted, mut beyond) = (false, HashMap::new());
    for event in events {
        deleted |= matches!(&event.what, What::Act { act, .. } if *act == Act::Delete.name());
        take(&mut all, &places, event, deleted, &mut beyond);
    }
    let mut pending = BTreeSet::new();
    let mut scheduled = None;
    if let Waits::As(item) = waits {
        for waiting in &item.waiting {
            if matches!(waiting.state, RecipientState::Done(_)) {
                continue;
            }
            let Some(one) = all.get_mut(waiting.recipient as usize) else {
                continue;
            };
            // Where else his mail goes is no wait for who has it.
            let led = places.leads(waiting.recipient as usize);
            if led && one.standing == Standing::Placed {
                continue;
            }
            let first = pending.insert(waiting.recipient);
            let earlier = one.next.filter(|_| !first);
            one.next = Some(earlier.map_or(waiting.next, |next| next.min(waiting.next)));
            let last = waiting.last.as_ref().map(|last| last.text().to_owned());
            // Why it is held says more than how a try ended before.
            let kept = one.said.take_if(|said| is_kept(said));
            let own = kept.or(last).or(one.said.take());
            one.said = own.or_else(|| waiting.trouble.clone());
            one.standing = Standing::Waiting;
            // Not tried, in no trouble, and yet it is not to go now (RFC 4865).
            let untouched = waiting.tries == 0 && waiting.last.is_none();
            let later = untouched && waiting.trouble.is_none() && waiting.next > now;
            if later {
                one.standing = Standing::Scheduled;
            }
            if item.held.is_some() {
                (one.standing, one.next) = (Standing::Held, None);
            }
            if later {
                scheduled = Some((one.standing, one.next));
            }
        }
    }
    // Until any of it goes, who leads where somebody else does waits with him.
    let goes = |event: &Event| matches!(event.what, What::Placed(_) | What::Tried { .. });
    let scheduled = scheduled.filter(|_| !events.iter().any(goes));
    let queued = events.iter().any(|event| event.what == What::Queued);
    for (n, one) in all.iter_mut().enumerate() {
        let over = !queued || !matches!(waits, Waits::Unknown);
        // Nothing was told of the address itself: it leads to others, of whom the sender hears nothing.
        if one.standing == Standing::Waiting && over && !pending.contains(&(n as u32)) {
            (one.standing, one.next) = scheduled.unwrap_or((Standing::SentOn, one.next));
        }
    }
    all
}

impl Head {
    /// For which recipients, by number, it lies in these accounts. True: in their own mailboxes; otherwise in others, to
    /// which they lead.
    #[must_use]
    pub fn placed(&self, accounts: &[AccountId]) -> BTreeMap<usize, bool> {
        Places::of(self).placed(accounts)
    }
}

/// Which recipient of the envelope something is about.
struct Places<'a> {
    by_address: HashMap<&'a str, usize>,
    by_account: HashMap<AccountId, usize>,
    /// By where else its mail goes on to.
    by_target: HashMap<&'a str, usize>,
    /// Recipients that lead to others, with their own accounts where these keep a copy.
    led: HashMap<usize, Option<AccountId>>,
}

impl<'a> Places<'a> {
    fn of(head: &'a Head) -> Self {
        let named = head.recipients.iter().enumerate();
        let accounts = head.accounts.iter();
        let lists = head.beyond.lists.iter();
        let mut led: HashMap<usize, Option<AccountId>> =
            lists.map(|n| (*n as usize, None)).collect();
        let mut by_target = HashMap::new();
        for on in &head.beyond.onward {
            let n = on.through as usize;
            led.entry(n).or_insert(on.keeps.then_some(on.account));
            by_target.extend(on.elsewhere.iter().map(|to| (to.as_str(), n)));
        }
        Self {
            by_address: named.map(|(n, to)| (to.as_str(), n)).collect(),
            by_account: accounts.map(|(to, n)| (*to, *n as usize)).collect(),
            by_target,
            led,
        }
    }

    /// Whether a recipient leads to others.
    fn leads(&self, n: usize) -> bool {
        self.led.contains_key(&n)
    }

    /// For which recipients it lies in these accounts; true: in their own.
    fn placed(&self, accounts: &[AccountId]) -> BTreeMap<usize, bool> {
        let mut all = BTreeMap::new();
        for account in accounts {
            let Some(n) = self.by_account.get(account) else {
                continue;
            };
            let own = self
                .led
                .get(n)
                .is_none_or(|own| own.as_ref() == Some(account));
            *all.entry(*n).or_insert(own) |= own;
        }
        all
    }
}

/// Whether this is why the server keeps it back.
fn is_kept(said: &str) -> bool {
    [release::SUSPENDED, release::DELETED, release::ADDRESS_LOST].contains(&said)
}

/// What an event makes of it. `deleted`: an administrator gave up before what waited then; `beyond`: what was answered
/// of addresses to which recipients lead.
fn take<'e>(
    all: &mut [Progress],
    places: &Places<'_>,
    event: &'e Event,
    deleted: bool,
    beyond: &mut HashMap<&'e str, &'e str>,
) {
    match &event.what {
        What::Act { act, .. } if act == TAKE_BACK => {
            for one in all.iter_mut() {
                (one.standing, one.at) = (Standing::Failed, event.at);
                one.said = Some(TAKEN_BACK.to_owned());
            }
        }
        What::Act { act, .. } if release::kept(act).is_some() => {
            let why = release::kept(act).unwrap_or_default();
            let waits = |one: &&mut Progress| one.standing == Standing::Waiting;
            for one in all.iter_mut().filter(waits) {
                (one.at, one.said) = (event.at, Some(why.to_owned()));
            }
        }
        What::Act { act, .. } if *act == Act::Release.name() => {
            let kept = |one: &&mut Progress| one.said.as_deref().is_some_and(is_kept);
            all.iter_mut().filter(kept).for_each(|one| one.said = None);
        }
        What::Queued | What::Act { .. } => {}
        What::Placed(accounts) => {
            for (n, own) in places.placed(accounts) {
                let standing = if own {
                    Standing::Placed
                } else {
                    Standing::SentOn
                };
                if let Some(one) = all
                    .get_mut(n)
                    .filter(|one| one.standing != Standing::Placed)
                {
                    (one.standing, one.at) = (standing, event.at);
                    (one.said, one.hop, one.tls) = (None, None, None);
                }
            }
        }
        What::Tried { .. } => tried(all, places, event, beyond),
        What::Told {
            late: false,
            good: false,
            recipients,
            ..
        } => {
            let said = |led: &str| match deleted {
                true => Some(GIVEN_UP),
                false => beyond.get(led).copied(),
            };
            fail(all, places, event.at, recipients, said);
        }
        What::Told { .. } => {}
    }
}

/// What a try that ended makes of it.
fn tried<'e>(
    all: &mut [Progress],
    places: &Places<'_>,
    event: &'e Event,
    beyond: &mut HashMap<&'e str, &'e str>,
) {
    let What::Tried { hop, tls, results } = &event.what else {
        return;
    };
    for (outcome, recipients) in results {
        let unnamed = |to: &&String| !places.by_address.contains_key(to.as_str());
        let elsewhere = recipients.iter().filter(unnamed);
        for to in elsewhere {
            beyond.insert(to, outcome.text());
            let led = places.by_target.get(to.as_str());
            let led = led.and_then(|n| all.get_mut(*n));
            let led = led.filter(|one| one.standing != Standing::Placed);
            if let (Outcome::Relayed(_), Some(one)) = (outcome, led) {
                (one.standing, one.at) = (Standing::SentOn, event.at);
            }
        }
        let named = recipients.iter();
        for n in named.filter_map(|to| places.by_address.get(to.as_str())) {
            let one = &mut all[*n];
            // One of several places to which he leads has it.
            let there = [Standing::Placed, Standing::SentOn].contains(&one.standing);
            if there && places.leads(*n) {
                continue;
            }
            one.standing = match outcome {
                Outcome::Relayed(_) => Standing::Relayed,
                Outcome::Deferred(_) => Standing::Waiting,
                Outcome::Failed(_) => Standing::Failed,
            };
            one.at = event.at;
            one.tries += 1;
            one.said = Some(outcome.text().to_owned());
            one.hop = Some(hop.clone()).filter(|hop| !hop.is_empty());
            one.tls.clone_from(tls);
        }
    }
}

/// Their sender was told: an administrator gave it up, its time is over, or it was refused where their mail goes on to.
/// `said`: why, of the address before.
fn fail<'s>(
    all: &mut [Progress],
    places: &Places<'_>,
    at: i64,
    told: &[String],
    said: impl Fn(&str) -> Option<&'s str>,
) {
    // Where a recipient's mail went on to comes before him.
    let mut before = "";
    for to in told {
        let led = std::mem::replace(&mut before, to);
        let Some(n) = places.by_address.get(to.as_str()) else {
            continue;
        };
        let one = &mut all[*n];
        if one.standing == Standing::Waiting {
            (one.standing, one.at) = (Standing::Failed, at);
            let said = said(led).map(str::to_owned).or(one.said.take());
            // As its sender was told: nothing is tried after the last deferral.
            one.said = said.map(|said| match said.starts_with("4.") {
                true => out_of_time(&said),
                false => said,
            });
        }
    }
}
