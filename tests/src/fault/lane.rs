//! The plain model of one account: what it must hold after the steps that were done.

use super::step::{Act, Step};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    pub name: String,
    pub uid_next: u32,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    pub tag: String,
    pub keywords: BTreeSet<String>,
    /// Mailbox and Uid.
    pub places: BTreeMap<u32, u32>,
    pub received_at: i64,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    pub number: u32,
    /// Steps that were begun, done or not: no tag comes twice.
    pub begun: u64,
    pub modseq: u64,
    pub next_email: u64,
    pub next_mailbox: u32,
    pub folders: BTreeMap<u32, Folder>,
    pub mails: BTreeMap<u64, Mail>,
    /// Ids of deliveries that were placed.
    pub delivered: BTreeSet<u64>,
    pub rows: BTreeMap<String, String>,
    /// Items of the queue: payload and due time.
    pub queue: BTreeMap<String, i64>,
    pub uploads: BTreeSet<String>,
}

impl Lane {
    pub fn new(number: u32) -> Self {
        Self {
            number,
            begun: 0,
            modseq: 1,
            next_email: 1,
            next_mailbox: 1,
            folders: BTreeMap::new(),
            mails: BTreeMap::new(),
            delivered: BTreeSet::new(),
            rows: BTreeMap::new(),
            queue: BTreeMap::new(),
            uploads: BTreeSet::new(),
        }
    }

    /// The account of this lane.
    pub fn account(&self) -> storage::AccountId {
        storage::AccountId::new(self.number + 2).expect("not zero")
    }

    /// Takes over a step that was done.
    pub fn done(&mut self, step: &Step) {
        match step {
            Step::Commit(acts) => {
                let before = (self.next_email, self.modseq);
                let changed = acts.iter().fold(false, |any, act| self.act(act) | any);
                if changed {
                    self.modseq = before.1 + 1;
                }
            }
            Step::Row(key, Some(value)) => {
                self.rows.insert(key.clone(), value.clone());
            }
            Step::Row(key, None) => {
                self.rows.remove(key);
            }
            Step::Enqueue(tag, due) | Step::Postpone(tag, due) => {
                self.queue.insert(tag.clone(), *due);
            }
            Step::Dequeue(tag) => {
                self.queue.remove(tag);
            }
            Step::Upload(tag) => {
                self.uploads.insert(tag.clone());
            }
        }
    }

    /// Whether it changed anything.
    fn act(&mut self, act: &Act) -> bool {
        match act {
            Act::Create(name) => {
                let folder = Folder {
                    name: name.clone(),
                    uid_next: 1,
                };
                self.folders.insert(self.next_mailbox, folder);
                self.next_mailbox += 1;
            }
            Act::Rename(id, name) => {
                if let Some(folder) = self.folders.get_mut(id) {
                    folder.name = name.clone();
                }
            }
            Act::Remove(id) => {
                self.folders.remove(id);
                for mail in self.mails.values_mut() {
                    mail.places.remove(id);
                }
                self.mails.retain(|_, mail| !mail.places.is_empty());
            }
            Act::Append {
                tag,
                into,
                received_at,
                delivery,
                keywords,
            } => {
                if delivery.is_some_and(|d| !self.delivered.insert(d)) {
                    return false;
                }
                let mail = Mail {
                    tag: tag.clone(),
                    keywords: keywords.iter().cloned().collect(),
                    places: BTreeMap::new(),
                    received_at: *received_at,
                };
                self.arrive(mail, into);
            }
            Act::Copy(email, to) => {
                let mut mail = self.mails[email].clone();
                mail.places.clear();
                self.arrive(mail, &[*to]);
            }
            Act::Toggle(email, word) => {
                let words = &mut self.mails.get_mut(email).expect("a mail").keywords;
                if !words.remove(word) {
                    words.insert(word.clone());
                }
            }
            _ => return self.move_about(act),
        }
        true
    }

    /// What leaves a message's content and keywords as they are.
    fn move_about(&mut self, act: &Act) -> bool {
        match act {
            Act::Relocate(email, from, to) => {
                let uid = self.enter(*to);
                let places = &mut self.mails.get_mut(email).expect("a mail").places;
                places.remove(from);
                places.insert(*to, uid);
            }
            Act::Place(email, into) => {
                let into: BTreeSet<u32> = into.iter().copied().collect();
                let before = self.mails[email].places.clone();
                let after = into.iter().map(|id| {
                    let uid = before.get(id).copied();
                    (*id, uid.unwrap_or_else(|| self.enter(*id)))
                });
                let after: BTreeMap<u32, u32> = after.collect();
                let changed = after != before;
                self.mails.get_mut(email).expect("a mail").places = after;
                return changed;
            }
            Act::Expunge(email, from) => {
                let mail = self.mails.get_mut(email).expect("a mail");
                mail.places.remove(from);
                if mail.places.is_empty() {
                    self.mails.remove(email);
                }
            }
            Act::Destroy(email) => {
                self.mails.remove(email);
            }
            _ => return false,
        }
        true
    }

    fn enter(&mut self, mailbox: u32) -> u32 {
        let folder = self.folders.get_mut(&mailbox).expect("a folder");
        folder.uid_next += 1;
        folder.uid_next - 1
    }

    fn arrive(&mut self, mut mail: Mail, into: &[u32]) {
        let into: BTreeSet<u32> = into.iter().copied().collect();
        mail.places = into.iter().map(|id| (*id, self.enter(*id))).collect();
        self.mails.insert(self.next_email, mail);
        self.next_email += 1;
    }
}
