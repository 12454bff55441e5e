//! What an account holds, written down plainly, and the numbers that decide what happens to it.
#![allow(unreachable_pub, clippy::unwrap_used, reason = "part of a test")]

use crate::world::keyword;
use std::collections::{BTreeMap, BTreeSet};
use storage::*;

/// A small generator of numbers, so that a seed tells the whole run.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % sides
    }

    pub fn pick<T: Clone>(&mut self, from: impl IntoIterator<Item = T>) -> Option<T> {
        let from: Vec<T> = from.into_iter().collect();
        if from.is_empty() {
            None
        } else {
            Some(from[self.roll(from.len() as u64) as usize].clone())
        }
    }
}

/// What an account holds, written down plainly.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Model {
    pub boxes: BTreeMap<MailboxId, ModelBox>,
    pub messages: BTreeMap<EmailId, ModelMessage>,
    pub deliveries: BTreeMap<u64, EmailId>,
    /// Uids that were ever given, never to come again.
    pub given: BTreeSet<(MailboxId, Uid)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ModelBox {
    pub name: String,
    pub parent: Option<MailboxId>,
    pub subscribed: bool,
    pub uid_next: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ModelMessage {
    pub text: String,
    pub thread: ThreadId,
    pub places: BTreeMap<MailboxId, Uid>,
    pub keywords: BTreeSet<Keyword>,
}

impl Model {
    pub fn counts(&self, mailbox: MailboxId) -> Counts {
        let inside = || {
            self.messages
                .values()
                .filter(|m| m.places.contains_key(&mailbox))
        };
        let unseen = |m: &&ModelMessage| !m.keywords.contains(&keyword("$seen"));
        let threads = |list: Vec<&ModelMessage>| {
            list.iter().map(|m| m.thread).collect::<BTreeSet<_>>().len() as u32
        };
        Counts {
            total: inside().count() as u32,
            unseen: inside().filter(unseen).count() as u32,
            deleted: inside()
                .filter(|m| m.keywords.contains(&keyword("$deleted")))
                .count() as u32,
            size: inside().map(|m| m.text.len() as u64).sum(),
            threads: threads(inside().collect()),
            unseen_threads: threads(inside().filter(unseen).collect()),
        }
    }

    pub fn enter(&mut self, mailbox: MailboxId, uid: Uid) {
        assert!(
            self.given.insert((mailbox, uid)),
            "i03: uid {uid} of {mailbox} was given before"
        );
        let found = self.boxes.get_mut(&mailbox).unwrap();
        assert_eq!(found.uid_next, uid.raw());
        found.uid_next += 1;
    }

    /// Takes over what an append or a copy said.
    pub fn create(&mut self, placed: &Placed, text: String, keywords: BTreeSet<Keyword>) {
        for (mailbox, uid) in &placed.uids {
            self.enter(*mailbox, *uid);
        }
        let places = placed.uids.iter().copied().collect();
        let message = ModelMessage {
            text,
            thread: placed.thread,
            places,
            keywords,
        };
        assert!(
            self.messages.insert(placed.email, message).is_none(),
            "i07: an id twice"
        );
    }

    pub fn compare(&self, account: &AccountStore) {
        let shown = account.mailboxes().unwrap();
        assert_eq!(shown.len(), self.boxes.len());
        for mailbox in shown {
            let model = &self.boxes[&mailbox.id];
            let seen = (
                &mailbox.name,
                mailbox.parent,
                mailbox.subscribed,
                mailbox.uid_next.raw(),
            );
            assert_eq!(
                seen,
                (&model.name, model.parent, model.subscribed, model.uid_next)
            );
            assert_eq!(mailbox.counts, self.counts(mailbox.id), "{}", mailbox.name);
            let mut expected: Vec<(Uid, EmailId)> = self
                .messages
                .iter()
                .filter_map(|(e, m)| Some((*m.places.get(&mailbox.id)?, *e)))
                .collect();
            expected.sort_unstable();
            let mut found = Vec::new();
            let last = Uid::new(u32::MAX).unwrap();
            account
                .scan(mailbox.id, Uid::FIRST, last, &mut |uid, state| {
                    found.push((uid, state.email));
                    true
                })
                .unwrap();
            assert_eq!(found, expected);
        }
        let mut found = 0;
        account
            .scan_all(&mut |state| {
                let model = &self.messages[&state.email];
                let places: Vec<_> = model.places.iter().map(|(m, u)| (*m, *u)).collect();
                let keywords: Vec<_> = model.keywords.iter().cloned().collect();
                assert_eq!((&state.mailboxes, &state.keywords), (&places, &keywords));
                assert_eq!(
                    (state.thread, state.size),
                    (model.thread, model.text.len() as u64)
                );
                found += 1;
                true
            })
            .unwrap();
        assert_eq!(found, self.messages.len());
        let octets: u64 = self.messages.values().map(|m| m.text.len() as u64).sum();
        assert_eq!(
            account.usage().unwrap(),
            (octets, self.messages.len() as u64)
        );
    }
}

pub fn leave(email: EmailId, from: MailboxId, model: &mut Model) {
    let message = model.messages.get_mut(&email).unwrap();
    message.places.remove(&from);
    if message.places.is_empty() {
        model.messages.remove(&email);
    }
}

pub fn remove_mailbox(id: MailboxId, writer: &mut Writer, model: &mut Model) {
    if model.boxes.values().any(|b| b.parent == Some(id)) {
        assert!(matches!(writer.remove_mailbox(id), Err(Error::Invalid(_))));
        return;
    }
    writer.remove_mailbox(id).unwrap();
    model.boxes.remove(&id);
    let inside = model
        .messages
        .iter()
        .filter(|(_, m)| m.places.contains_key(&id));
    for email in inside.map(|(e, _)| *e).collect::<Vec<_>>() {
        leave(email, id, model);
    }
}
