//! Puts messages of one account's picture back into a living account, whatever the picture came from.
//!
//! Nothing is ever removed or changed, and nothing is added that is there already: a message counts
//! as there when the account still has it, or when the mailbox it would go to holds the same content.
//! So a restore that was cut off, or is done twice, adds nothing twice. Of what is there already the
//! content is read, and stored anew where it is damaged.

use super::{Failure, Progress, Refusal, Stage, Tell};
use crate::{
    AccountStore, Append, BlobId, EmailId, Error, Mailbox, MailboxId, NewMailbox, Role, State, Uid,
    View,
};
use formats::message::Summary;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Messages of one commit.
const COMMIT_MESSAGES: usize = 100;
/// Octets of the messages of one commit, unless one alone is larger.
const COMMIT_OCTETS: u64 = 16 << 20;
/// Levels of mailboxes that are followed upwards.
const DEPTH_MAX: usize = 64;

/// Where restored messages go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Into {
    /// To the mailboxes where they were; those that are gone are made again.
    Place,
    /// To a mailbox of this name at the top, with the mailboxes of the picture below it.
    Folder(String),
}

/// What became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Restored {
    /// Messages that were added.
    pub messages: u64,
    /// Octets of these.
    pub octets: u64,
    /// Messages that were there already.
    pub already: u64,
    /// Messages of these whose content was damaged in the store, and was stored anew.
    pub healed: u64,
    /// Messages whose content is damaged in the backup: they were neither added nor healed.
    pub damaged: u64,
    /// Mailboxes that were made.
    pub mailboxes: u64,
}

/// An account as it was once.
pub trait Picture {
    /// All mailboxes.
    fn mailboxes(&self) -> Result<Vec<Mailbox>, Error>;
    /// All messages, by EmailId.
    fn states(&self) -> Result<Vec<State>, Error>;
    /// What `Append` needs.
    fn summary(&self, state: &State) -> Result<Arc<Summary>, Error>;
    /// The message.
    fn content(&self, state: &State) -> Result<Arc<[u8]>, Error>;
}

impl Picture for AccountStore {
    fn mailboxes(&self) -> Result<Vec<Mailbox>, Error> {
        Self::mailboxes(self)
    }

    fn states(&self) -> Result<Vec<State>, Error> {
        let mut states = Vec::new();
        self.scan_all(&mut |state| {
            states.push(state.clone());
            true
        })?;
        Ok(states)
    }

    fn summary(&self, state: &State) -> Result<Arc<Summary>, Error> {
        Self::summary(self, state.email)
    }

    fn content(&self, state: &State) -> Result<Arc<[u8]>, Error> {
        Self::content(self, state.email)
    }
}

impl Picture for View {
    fn mailboxes(&self) -> Result<Vec<Mailbox>, Error> {
        Ok(Self::mailboxes(self))
    }

    fn states(&self) -> Result<Vec<State>, Error> {
        let mut states = Vec::new();
        self.scan_all(&mut |state| {
            states.push(state.clone());
            true
        });
        Ok(states)
    }

    fn summary(&self, state: &State) -> Result<Arc<Summary>, Error> {
        Self::summary(self, state.email).map(Arc::new)
    }

    fn content(&self, state: &State) -> Result<Arc<[u8]>, Error> {
        Self::content(self, state.email)
    }
}

/// Restores from the picture into `to`: all of it, or one mailbox (its names joined by `/`) with those below it.
/// Errors: `NoMailbox`, `Stopped`, `OverQuota`; what was committed before stays.
pub fn place(
    from: &dyn Picture,
    to: &AccountStore,
    into: &Into,
    mailbox: Option<&str>,
    tell: Tell<'_>,
) -> Result<Restored, Failure> {
    let boxes = from.mailboxes()?;
    let wanted = chosen(&boxes, mailbox)?;
    let mut restored = Restored::default();
    let targets = targets(&wanted, to, into, &mut restored)?;
    let mut states = from.states()?;
    // By Uid, so that a mailbox that is made again gives each letter the Uid it had.
    states.sort_by_key(|state| state.mailboxes.first().copied());
    let mut there = There::of(to, &states, *into == Into::Place)?;
    let (mut batch, mut octets, total) = (Vec::new(), 0, states.len() as u64);
    for (state, done) in states.iter().zip(0u64..) {
        let places = state.mailboxes.iter();
        let places: Vec<(MailboxId, Uid)> = places
            .filter_map(|(m, uid)| Some((*targets.get(m)?, *uid)))
            .collect();
        let missing = there.missing(state, &places);
        if missing.is_empty() {
            restored.already += u64::from(!places.is_empty());
            heal(from, to, state, &mut restored)?;
            continue;
        }
        octets += state.size;
        batch.push((state, missing));
        if batch.len() >= COMMIT_MESSAGES || octets >= COMMIT_OCTETS {
            commit(from, to, &mut batch, &mut restored)?;
            octets = 0;
            let stage = Stage::Placing;
            if !tell(Progress { stage, done, total }) {
                return Err(Refusal::Stopped.into());
            }
        }
    }
    commit(from, to, &mut batch, &mut restored)?;
    tell(Progress {
        stage: Stage::Placing,
        done: total,
        total,
    });
    Ok(restored)
}

/// A mailbox of the picture whose messages are wanted.
struct Chosen<'a> {
    /// From the top to it.
    line: Vec<&'a Mailbox>,
    /// How many of the line lie above what was asked for.
    above: usize,
}

/// The wanted mailboxes.
fn chosen<'a>(boxes: &'a [Mailbox], wanted: Option<&str>) -> Result<Vec<Chosen<'a>>, Failure> {
    let by_id: HashMap<MailboxId, &Mailbox> = boxes.iter().map(|m| (m.id, m)).collect();
    let mut found = Vec::new();
    for mailbox in boxes {
        let mut line = vec![mailbox];
        while let Some(above) = line.last().and_then(|m| by_id.get(&m.parent?)) {
            line.push(above);
            if line.len() > DEPTH_MAX {
                return Err(Error::Corrupt("the mailboxes form a circle".into()).into());
            }
        }
        line.reverse();
        let above = match wanted {
            None => Some(0),
            Some(wanted) => (0..line.len()).find(|at| is_named(&line[..=*at], wanted)),
        };
        found.extend(above.map(|above| Chosen { line, above }));
    }
    match wanted.filter(|_| found.is_empty()) {
        Some(wanted) => Err(Refusal::NoMailbox(wanted.to_owned()).into()),
        None => Ok(found),
    }
}

fn is_named(line: &[&Mailbox], wanted: &str) -> bool {
    let names: Vec<&str> = line.iter().map(|m| m.name.as_str()).collect();
    let inbox = line.len() == 1 && line[0].role == Some(Role::Inbox);
    names.join("/") == wanted || (inbox && wanted.eq_ignore_ascii_case("inbox"))
}

/// Finds or makes the mailboxes that the messages of the wanted ones go to.
fn targets(
    wanted: &[Chosen<'_>],
    to: &AccountStore,
    into: &Into,
    restored: &mut Restored,
) -> Result<BTreeMap<MailboxId, MailboxId>, Failure> {
    let mut writer = to.write()?;
    let mut there = writer.mailboxes()?;
    let mut find = |like: NewMailbox| -> Result<MailboxId, Error> {
        // A mailbox with the role is the one, whatever its name and place are now.
        let by_role = there
            .iter()
            .find(|m| like.role.is_some() && m.role == like.role);
        let same = |m: &&Mailbox| m.parent == like.parent && m.name == like.name;
        if let Some(found) = by_role.or_else(|| there.iter().find(same)) {
            return Ok(found.id);
        }
        let id = writer.create_mailbox(like)?;
        restored.mailboxes += 1;
        there.push(writer.mailbox(id)?);
        Ok(id)
    };
    let (top, keeps_roles) = match into {
        Into::Place => (None, true),
        Into::Folder(name) => {
            let top = NewMailbox {
                parent: None,
                name: name.clone(),
                role: None,
                subscribed: true,
                sort_order: 0,
            };
            (Some(find(top)?), false)
        }
    };
    let mut targets = BTreeMap::new();
    for chosen in wanted {
        // In place, what lies above is made again too; in a folder, what was asked for is at its top.
        let skip = if keeps_roles { 0 } else { chosen.above };
        let mut parent = top;
        for mailbox in &chosen.line[skip..] {
            let id = find(NewMailbox {
                parent,
                name: mailbox.name.clone(),
                role: mailbox.role.filter(|_| keeps_roles),
                subscribed: mailbox.subscribed,
                sort_order: mailbox.sort_order,
            })?;
            parent = Some(id);
        }
        if let (Some(last), Some(target)) = (chosen.line.last(), parent) {
            targets.insert(last.id, target);
        }
    }
    writer.commit()?;
    Ok(targets)
}

/// What the account has already.
struct There {
    /// Messages that are the picture's own, wherever they are now.
    same: HashSet<EmailId>,
    /// How often each content is in each mailbox, without these.
    counts: HashMap<(MailboxId, BlobId), usize>,
}

impl There {
    /// `in_place`: a message that was moved since the picture stays where it is.
    fn of(to: &AccountStore, states: &[State], in_place: bool) -> Result<Self, Error> {
        // Ids alone tell nothing: after a restore of the whole store they are given again.
        let own = |state: &State| (state.email, state.blob, state.created);
        let picture: HashSet<_> = match in_place {
            true => states.iter().map(own).collect(),
            false => HashSet::new(),
        };
        let mut there = Self {
            same: HashSet::new(),
            counts: HashMap::new(),
        };
        to.scan_all(&mut |state| {
            if picture.contains(&own(state)) {
                there.same.insert(state.email);
            } else {
                for (mailbox, _) in &state.mailboxes {
                    *there.counts.entry((*mailbox, state.blob)).or_default() += 1;
                }
            }
            true
        })?;
        Ok(there)
    }

    /// Which of these mailboxes lack the message.
    fn missing(&mut self, state: &State, places: &[(MailboxId, Uid)]) -> Vec<(MailboxId, Uid)> {
        if self.same.contains(&state.email) {
            return Vec::new();
        }
        let lacks =
            |(mailbox, _): &&(MailboxId, Uid)| match self.counts.get_mut(&(*mailbox, state.blob)) {
                Some(count) if *count > 0 => {
                    *count -= 1;
                    false
                }
                _ => true,
            };
        places.iter().filter(lacks).copied().collect()
    }
}

/// Stores the content of a message that is there once more, if its octets in the store are damaged.
fn heal(
    from: &dyn Picture,
    to: &AccountStore,
    state: &State,
    restored: &mut Restored,
) -> Result<(), Failure> {
    if to.is_whole(state.blob) {
        return Ok(());
    }
    match readable(from, state)? {
        Some(content) => {
            to.heal(state.blob, &content)?;
            restored.healed += 1;
        }
        None => restored.damaged += 1,
    }
    Ok(())
}

/// The content of a message, `None` where it is damaged: the others can still be restored.
fn readable(from: &dyn Picture, state: &State) -> Result<Option<Arc<[u8]>>, Error> {
    match from.content(state) {
        Ok(content) => Ok(Some(content)),
        Err(Error::Damaged(_)) => Ok(None),
        // What a view of an earlier time says.
        Err(Error::Corrupt(why)) => {
            tracing::warn!(email = %state.email, %why, "a message of the backup is damaged");
            Ok(None)
        }
        Err(e) => Err(e),
    }
}

/// Adds a batch of messages, each to the mailboxes that lack it.
fn commit(
    from: &dyn Picture,
    to: &AccountStore,
    batch: &mut Vec<(&State, Vec<(MailboxId, Uid)>)>,
    restored: &mut Restored,
) -> Result<(), Failure> {
    // The content first: it takes longest, and the account's other writers need not wait for it.
    let mut damaged = BTreeSet::new();
    for (state, _) in batch.iter() {
        match readable(from, state)? {
            Some(content) if to.put_blob(&content)? != state.blob => {
                return Err(Error::Corrupt(format!("content {}", state.blob).into()).into());
            }
            Some(_) => {}
            None => {
                damaged.insert(state.email);
            }
        }
    }
    restored.damaged += damaged.len() as u64;
    batch.retain(|(state, _)| !damaged.contains(&state.email));
    if batch.is_empty() {
        return Ok(());
    }
    let mut writer = to.write()?;
    for (state, places) in batch.iter() {
        let summary = state.complete(from.summary(state)?);
        for place in places {
            writer.skip_to((place.0, Some(place.1)))?;
        }
        writer.append(Append {
            blob: state.blob,
            summary: &summary,
            received_at: state.received_at,
            keywords: state.keywords.clone(),
            mailboxes: places.iter().map(|(mailbox, _)| *mailbox).collect(),
            delivery: None,
        })?;
    }
    writer.commit()?;
    restored.messages += batch.len() as u64;
    restored.octets += batch.iter().map(|(state, _)| state.size).sum::<u64>();
    batch.clear();
    Ok(())
}
