//! Threading. RFC 8621 §3: messages that share an id of Message-ID, In-Reply-To or References
//! and the base subject are one thread.
//!
//! Id and base subject are hashed together, so one equal hash says both.

use crate::hot::Hot;
use crate::record::Row;
use crate::{EmailId, ThreadId};
use formats::message::thread::base_subject;
use formats::message::{Summary, message_ids};
use formats::text::casemap;
use std::collections::HashMap;

/// Ids of one message by which it is threaded; of longer References the last ones count.
const IDS_MAX: usize = 64;
/// A thread that has grown to this many messages takes no more: mail that quotes one id for ever
/// must not make each new message dearer than the one before.
pub(crate) const THREAD_MESSAGES_MAX: usize = 1_000;

/// The hashes by which a message is threaded.
pub(crate) fn ids(summary: &Summary) -> Vec<u64> {
    let head = &summary.head;
    let subject = casemap(&base_subject(head.subject.as_deref().unwrap_or_default()));
    let read = |field: &Option<String>| {
        field
            .as_ref()
            .map_or(Vec::new(), |value| message_ids(value.as_bytes()))
    };
    let (own, answered) = (read(&head.message_id), read(&head.in_reply_to));
    let others = answered.iter().chain(head.references.iter().rev());
    let mut ids = Vec::new();
    for id in own.iter().chain(others).take(IDS_MAX) {
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(id.as_bytes())
            .update(&[0])
            .update(subject.as_bytes());
        let mut hash = [0u8; 8];
        hash.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        ids.push(u64::from_be_bytes(hash));
    }
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Which hash belongs to which thread, and which messages a thread has.
#[derive(Default)]
pub(crate) struct Threads {
    by_id: HashMap<u64, ThreadId>,
    /// Only threads that are not just their first message.
    many: HashMap<ThreadId, Vec<EmailId>>,
}

impl Threads {
    /// The thread of the first hash that is known and whose thread has room.
    pub(crate) fn find(
        &self,
        ids: &[u64],
        has_room: impl Fn(ThreadId) -> bool,
    ) -> Option<ThreadId> {
        // The oldest thread wins, whatever the order of the hashes.
        ids.iter()
            .filter_map(|id| self.by_id.get(id))
            .copied()
            .filter(|t| has_room(*t))
            .min()
    }

    /// The messages of a thread, by EmailId.
    pub(crate) fn members(&self, thread: ThreadId, hot: &Hot) -> Vec<EmailId> {
        if let Some(many) = self.many.get(&thread) {
            return many.clone();
        }
        let first = EmailId::new(thread.raw());
        let alone = first.filter(|e| hot.weighed(*e).is_some_and(|w| w.thread == thread));
        alone.into_iter().collect()
    }

    /// How many messages a thread has, at least one when it is known.
    pub(crate) fn size(&self, thread: ThreadId) -> usize {
        self.many.get(&thread).map_or(1, Vec::len)
    }

    /// A message came. Called in EmailId order, so that hashes stay with the thread that had them first.
    pub(crate) fn add(&mut self, row: &Row, first_lives: bool) {
        let (email, thread) = (row.state.email, row.state.thread);
        for id in &row.ids {
            self.by_id.entry(*id).or_insert(thread);
        }
        if email.raw() == thread.raw() && !self.many.contains_key(&thread) {
            return;
        }
        let first = EmailId::new(thread.raw()).filter(|_| first_lives);
        let members = self
            .many
            .entry(thread)
            .or_insert_with(|| first.into_iter().collect());
        if let Err(at) = members.binary_search(&email) {
            members.insert(at, email);
        }
    }

    /// A message went. `others` are the hashes that the rest of its thread still has.
    pub(crate) fn remove(&mut self, row: &Row, others: &[u64]) {
        let (email, thread) = (row.state.email, row.state.thread);
        for id in row.ids.iter().filter(|id| !others.contains(id)) {
            if self.by_id.get(id) == Some(&thread) {
                self.by_id.remove(id);
            }
        }
        if let Some(members) = self.many.get_mut(&thread) {
            members.retain(|m| *m != email);
            if members.is_empty() {
                self.many.remove(&thread);
            }
        }
    }
}
