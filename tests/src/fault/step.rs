//! What a lane does: chosen by its model, done to a store.

use super::letter::letter;
use super::{Chance, Lane};
use std::collections::BTreeSet;
use storage::{
    Append, EmailId, Error, Keyword, KeywordChange, MailboxChange, MailboxId, NewMailbox, Store,
    Uid, Writer,
};

/// Messages of a lane from which on more are removed than come.
const MAILS_MANY: usize = 60;
/// Acts of one commit at most.
const ACTS_MAX: u64 = 6;
const WORDS: [&str; 6] = [
    "$seen",
    "$flagged",
    "$answered",
    "khan",
    "hoa-toc",
    "$forwarded",
];
/// The table that all lanes write, each under its own keys.
const TABLE: &str = "fault-rows";

/// One change that is acknowledged as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Commit(Vec<Act>),
    Row(String, Option<String>),
    Enqueue(String, i64),
    Postpone(String, i64),
    Dequeue(String),
    Upload(String),
}

/// A part of a commit. Those of one commit are about different messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    Create(String),
    Rename(u32, String),
    Remove(u32),
    Append {
        tag: String,
        into: Vec<u32>,
        received_at: i64,
        delivery: Option<u64>,
        keywords: Vec<String>,
    },
    Copy(u64, u32),
    Toggle(u64, String),
    Relocate(u64, u32, u32),
    Place(u64, Vec<u32>),
    Expunge(u64, u32),
    Destroy(u64),
}

impl Lane {
    /// The step after those that were begun, and counts it as begun.
    pub fn next(&mut self, seed: u64) -> Step {
        let mut chance = Chance::of(&[seed, u64::from(self.number), self.begun]);
        self.begun += 1;
        if self.folders.is_empty() {
            return Step::Commit(vec![Act::Create("INBOX".into()), Act::Create("Luu".into())]);
        }
        let tag = format!("l{}.{}.{}", self.number, self.begun, chance.below(1_000));
        match chance.below(20) {
            0 => self.row(&mut chance),
            1 => self.spool(&mut chance, tag),
            2 => Step::Upload(tag),
            3 if self.folders.len() < 8 => Step::Commit(vec![Act::Create(tag)]),
            4 => self.folder(&mut chance, tag),
            _ => self.acts(&mut chance, &tag),
        }
    }

    fn row(&self, chance: &mut Chance) -> Step {
        let key = format!("{:03}.{}", self.number, chance.below(12));
        let value = (!chance.once_in(4)).then(|| "x".repeat(1 + chance.below(12_000) as usize));
        Step::Row(key, value)
    }

    fn spool(&self, chance: &mut Chance, tag: String) -> Step {
        let there: Vec<&String> = self.queue.keys().collect();
        let due = chance.below(1_000) as i64;
        match chance.pick(&there) {
            Some(item) if self.queue.len() > 8 || chance.once_in(2) => {
                Step::Dequeue((*item).clone())
            }
            Some(item) if chance.once_in(2) => Step::Postpone((*item).clone(), due),
            _ => Step::Enqueue(tag, due),
        }
    }

    fn folder(&self, chance: &mut Chance, tag: String) -> Step {
        let others: Vec<u32> = self.folders.keys().copied().filter(|id| *id > 2).collect();
        Step::Commit(vec![match chance.pick(&others) {
            Some(id) if chance.once_in(3) => Act::Remove(*id),
            Some(id) => Act::Rename(*id, tag),
            None => Act::Create(tag),
        }])
    }

    fn acts(&self, chance: &mut Chance, tag: &str) -> Step {
        let count = if chance.once_in(3) {
            1 + chance.below(ACTS_MAX)
        } else {
            1
        };
        let mut free: Vec<u64> = self.mails.keys().copied().collect();
        let mut acts = Vec::new();
        for part in 0..count {
            let arrives = free.is_empty()
                || chance.below(100)
                    < if self.mails.len() > MAILS_MANY {
                        25
                    } else {
                        60
                    };
            if arrives {
                acts.push(self.arrival(
                    chance,
                    &format!("{tag}.{part}.{}", chance.clone().below(1_000)),
                ));
            } else {
                let at = chance.below(free.len() as u64) as usize;
                let email = free.swap_remove(at);
                acts.push(self.change(chance, email));
            }
        }
        // A delivery that was placed already, alone: then nothing changes.
        if let (true, Some(id)) = (chance.once_in(40), self.delivered.iter().next_back()) {
            acts = vec![Act::Append {
                tag: tag.into(),
                into: vec![1],
                received_at: 0,
                delivery: Some(*id),
                keywords: Vec::new(),
            }];
        }
        Step::Commit(acts)
    }

    fn mailbox(&self, chance: &mut Chance) -> u32 {
        let all: Vec<u32> = self.folders.keys().copied().collect();
        chance.pick(&all).copied().unwrap_or(1)
    }

    fn arrival(&self, chance: &mut Chance, tag: &str) -> Act {
        let mut into = vec![self.mailbox(chance)];
        if chance.once_in(8) {
            into.push(self.mailbox(chance));
        }
        let fresh = self.begun * 100 + chance.below(90) + 1;
        let id = chance.once_in(2).then_some(fresh);
        let keywords = if chance.once_in(3) {
            vec!["$seen".to_owned()]
        } else {
            Vec::new()
        };
        Act::Append {
            tag: tag.into(),
            into,
            received_at: 1_795_000_000 + chance.below(100_000) as i64,
            delivery: id.filter(|id| !self.delivered.contains(id)),
            keywords,
        }
    }

    fn change(&self, chance: &mut Chance, email: u64) -> Act {
        let mail = &self.mails[&email];
        let places: Vec<u32> = mail.places.keys().copied().collect();
        let from = chance.pick(&places).copied().unwrap_or(1);
        let to = self.mailbox(chance);
        match chance.below(10) {
            0 => Act::Copy(email, to),
            1 if to != from => Act::Relocate(email, from, to),
            2 if !mail.places.contains_key(&to) => Act::Place(email, vec![from, to]),
            3 | 4 => Act::Expunge(email, from),
            5 => Act::Destroy(email),
            _ => {
                let word = WORDS[chance.below(WORDS.len() as u64) as usize];
                Act::Toggle(email, word.into())
            }
        }
    }
}

impl Step {
    /// Does it to the store; returns when it is acknowledged.
    pub fn perform(&self, store: &Store, lane: &Lane) -> Result<(), Error> {
        match self {
            Self::Commit(acts) => {
                // Content is staged before the account is held, as deliveries do.
                let blobs: Result<Vec<_>, Error> =
                    acts.iter().map(|act| stage(store, act)).collect();
                let blobs = blobs?;
                let mut writer = store.account(lane.account()).write()?;
                for (act, blob) in acts.iter().zip(blobs) {
                    act.perform(&mut writer, blob, lane)?;
                }
                writer.commit().map(|_| ())
            }
            Self::Row(key, value) => {
                let value = value.as_ref().map(|v| v.clone().into_bytes());
                store.table(TABLE).put(key.as_bytes(), value)
            }
            Self::Enqueue(tag, due) => {
                let blob = store.put_blob(&letter(tag))?;
                store
                    .queue()
                    .put(*due, blob, tag.clone().into_bytes())
                    .map(|_| ())
            }
            Self::Postpone(tag, due) => {
                let id = item(store, tag)?;
                store.queue().update(id, *due, tag.clone().into_bytes())
            }
            Self::Dequeue(tag) => store.queue().remove(item(store, tag)?),
            Self::Upload(tag) => store
                .account(lane.account())
                .upload(&letter(tag), 7)
                .map(|_| ()),
        }
    }
}

fn item(store: &Store, tag: &str) -> Result<storage::QueueId, Error> {
    let items = store.queue().list(None, 10_000)?;
    let found = items.iter().find(|item| item.payload == tag.as_bytes());
    found.map(|item| item.id).ok_or(Error::NotFound)
}

fn stage(store: &Store, act: &Act) -> Result<Option<storage::BlobId>, Error> {
    match act {
        Act::Append { tag, .. } => store.put_blob(&letter(tag)).map(Some),
        _ => Ok(None),
    }
}

fn mailbox(raw: u32) -> MailboxId {
    MailboxId::new(raw).expect("not zero")
}

fn email(raw: u64) -> EmailId {
    EmailId::new(raw).expect("not zero")
}

impl Act {
    fn perform(
        &self,
        writer: &mut Writer,
        blob: Option<storage::BlobId>,
        lane: &Lane,
    ) -> Result<(), Error> {
        match self {
            Self::Create(name) => {
                let new = NewMailbox {
                    parent: None,
                    name: name.clone(),
                    role: None,
                    subscribed: true,
                    sort_order: 0,
                };
                writer.create_mailbox(new).map(|_| ())
            }
            Self::Rename(id, name) => {
                let change = MailboxChange {
                    name: Some(name.clone()),
                    ..MailboxChange::default()
                };
                writer.change_mailbox(mailbox(*id), change)
            }
            Self::Remove(id) => writer.remove_mailbox(mailbox(*id)),
            Self::Append {
                tag,
                into,
                received_at,
                delivery,
                keywords,
            } => {
                let summary = formats::message::summarize(&letter(tag));
                let append = Append {
                    blob: blob.ok_or(Error::NotFound)?,
                    summary: &summary,
                    received_at: *received_at,
                    keywords: keywords.iter().filter_map(|w| Keyword::new(w)).collect(),
                    mailboxes: into.iter().map(|id| mailbox(*id)).collect(),
                    delivery: *delivery,
                };
                writer.append(append).map(|_| ())
            }
            Self::Copy(id, to) => writer.copy(email(*id), mailbox(*to)).map(|_| ()),
            Self::Toggle(id, word) => {
                let has = lane.mails[id].keywords.contains(word);
                let words: Vec<Keyword> = Keyword::new(word).into_iter().collect();
                let change = match has {
                    true => KeywordChange::Remove(words),
                    false => KeywordChange::Add(words),
                };
                writer.keywords(email(*id), &change).map(|_| ())
            }
            Self::Relocate(id, from, to) => {
                let moved: Uid = writer.relocate(email(*id), mailbox(*from), mailbox(*to))?;
                debug_assert!(moved.raw() > 0);
                Ok(())
            }
            Self::Place(id, into) => {
                let into: BTreeSet<MailboxId> = into.iter().map(|id| mailbox(*id)).collect();
                let into: Vec<MailboxId> = into.into_iter().collect();
                writer.place(email(*id), &into).map(|_| ())
            }
            Self::Expunge(id, from) => writer.expunge(email(*id), mailbox(*from)),
            Self::Destroy(id) => writer.destroy(email(*id)),
        }
    }
}
