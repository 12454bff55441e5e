//! An account's states in memory, compactly. Built from the index at first use, kept in step by
//! each commit, dropped when others need the room; never the truth.
//!
//! Readers hold an `Arc<Hot>`: one consistent state, no lock. A commit copies only the pieces
//! (a chunk of messages, a mailbox's list) that a reader still holds.

mod places;
mod uids;

use crate::record::{MailboxRecord, Meta, Row};
use crate::{BlobId, Counts, EmailId, Keyword, Mailbox, MailboxId, ModSeq, State, ThreadId, Uid};
use places::{Few, Places};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use uids::Uids;

/// Messages per piece that is copied when a reader holds it.
const CHUNK: usize = 256;
/// Dead places and unused keyword sets that are kept before all is packed again.
const SLACK: usize = 1_024;

#[derive(Clone)]
pub(crate) struct Hot {
    pub meta: Meta,
    pub boxes: BTreeMap<MailboxId, Arc<HotBox>>,
    chunks: Vec<Arc<Vec<Slot>>>,
    sets: Arc<Sets>,
    /// Messages, and their octets.
    pub messages: u64,
    pub octets: u64,
    dead: usize,
}

#[derive(Clone)]
pub(crate) struct HotBox {
    pub record: MailboxRecord,
    pub counts: Counts,
    uids: Uids,
}

/// One message. Dead when it has no place.
#[derive(Clone)]
struct Slot {
    email: EmailId,
    thread: ThreadId,
    blob: BlobId,
    /// No content has more octets than a pack can tell.
    size: u32,
    growth: u32,
    received_at: i64,
    sent_at: i64,
    modseq: ModSeq,
    created: ModSeq,
    places: Places,
    ids: Few<u64>,
    keywords: u32,
    has_attachment: bool,
}

/// Sets of keywords, each once.
#[derive(Clone, Default)]
struct Sets {
    list: Vec<Set>,
    numbers: HashMap<Vec<Keyword>, u32>,
}

#[derive(Clone)]
struct Set {
    words: Vec<Keyword>,
    unseen: bool,
    deleted: bool,
}

impl Sets {
    fn find(&self, words: &[Keyword]) -> Option<u32> {
        self.numbers.get(words).copied()
    }

    fn add(&mut self, words: &[Keyword]) -> u32 {
        let number = self.list.len() as u32;
        let has = |text| words.iter().any(|w| w.as_str() == text);
        let (unseen, deleted) = (!has("$seen"), has("$deleted"));
        self.list.push(Set {
            words: words.to_vec(),
            unseen,
            deleted,
        });
        self.numbers.insert(words.to_vec(), number);
        number
    }
}

/// What counting needs of a message.
#[derive(Clone, Copy)]
pub(crate) struct Weighed<'a> {
    pub thread: ThreadId,
    pub places: &'a [(MailboxId, Uid)],
    pub size: u64,
    /// The same as it is told.
    pub told: u64,
    pub unseen: bool,
    pub deleted: bool,
}

impl<'a> Weighed<'a> {
    pub(crate) fn of(state: &'a State) -> Self {
        Self {
            thread: state.thread,
            places: &state.mailboxes,
            size: state.size,
            told: state.told_size(),
            unseen: !state.has("$seen"),
            deleted: state.has("$deleted"),
        }
    }
}

/// What a commit did, in the form that [`Hot::apply`] takes.
#[derive(Default)]
pub(crate) struct Delta {
    pub boxes: Vec<(MailboxId, Option<MailboxRecord>)>,
    pub rows: Vec<(EmailId, Option<Row>)>,
    pub counts: Vec<(MailboxId, Counts)>,
}

impl Hot {
    pub(crate) fn new(meta: Meta) -> Self {
        Self {
            meta,
            boxes: BTreeMap::new(),
            chunks: Vec::new(),
            sets: Arc::default(),
            messages: 0,
            octets: 0,
            dead: 0,
        }
    }

    pub(crate) fn mailbox(&self, id: MailboxId) -> Option<Mailbox> {
        self.boxes.get(&id).map(|b| b.show(id))
    }

    fn slot(&self, number: u32) -> Option<&Slot> {
        self.chunks
            .get(number as usize / CHUNK)?
            .get(number as usize % CHUNK)
    }

    fn find(&self, email: EmailId) -> Option<u32> {
        let chunk = self
            .chunks
            .partition_point(|c| c.first().is_some_and(|s| s.email <= email));
        let chunk = chunk.checked_sub(1)?;
        let at = self.chunks[chunk]
            .binary_search_by_key(&email, |s| s.email)
            .ok()?;
        let slot = &self.chunks[chunk][at];
        (!slot.places.list().is_empty()).then_some((chunk * CHUNK + at) as u32)
    }

    /// One message's state.
    pub(crate) fn state(&self, email: EmailId) -> Option<State> {
        self.slot(self.find(email)?).map(|s| s.show(&self.sets))
    }

    /// One message's state and thread hashes.
    pub(crate) fn row(&self, email: EmailId) -> Option<Row> {
        let slot = self.slot(self.find(email)?)?;
        Some(Row {
            state: slot.show(&self.sets),
            ids: slot.ids.list().to_vec(),
        })
    }

    /// What counting needs.
    pub(crate) fn weighed(&self, email: EmailId) -> Option<Weighed<'_>> {
        self.slot(self.find(email)?).map(|s| s.weigh(&self.sets))
    }

    /// The message at a Uid.
    pub(crate) fn at(&self, mailbox: MailboxId, uid: Uid) -> Option<EmailId> {
        let number = self.boxes.get(&mailbox)?.uids.find(uid)?;
        self.slot(number).map(|s| s.email)
    }

    /// The messages of a mailbox.
    pub(crate) fn emails(&self, mailbox: MailboxId) -> Vec<EmailId> {
        let uids = self.boxes.get(&mailbox).map(|b| b.uids.iter());
        uids.into_iter()
            .flatten()
            .filter_map(|(_, n)| self.slot(n))
            .map(|s| s.email)
            .collect()
    }

    /// Visits the messages of a mailbox in Uid order until `each` returns false.
    pub(crate) fn scan(
        &self,
        mailbox: &HotBox,
        from: Uid,
        to: Uid,
        each: &mut dyn FnMut(Uid, &State) -> bool,
    ) {
        let mut shown = Shown::default();
        for (uid, number) in mailbox.uids.from(from) {
            let Some(slot) = self.slot(number).filter(|_| uid <= to) else {
                return;
            };
            if !each(uid, shown.fill(slot, &self.sets)) {
                return;
            }
        }
    }

    /// Visits all messages in EmailId order until `each` returns false.
    pub(crate) fn scan_all(&self, each: &mut dyn FnMut(&State) -> bool) {
        let mut shown = Shown::default();
        let slots = self.chunks.iter().flat_map(|c| c.iter());
        for slot in slots.filter(|s| !s.places.list().is_empty()) {
            if !each(shown.fill(slot, &self.sets)) {
                return;
            }
        }
    }

    /// Visits the messages from this one on in EmailId order until `each` returns false.
    pub(crate) fn scan_from(&self, from: EmailId, each: &mut dyn FnMut(&State) -> bool) {
        let mut shown = Shown::default();
        let first = self
            .chunks
            .partition_point(|c| c.last().is_some_and(|s| s.email < from));
        let slots = self.chunks[first..].iter().flat_map(|c| c.iter());
        for slot in slots.filter(|s| s.email >= from && !s.places.list().is_empty()) {
            if !each(shown.fill(slot, &self.sets)) {
                return;
            }
        }
    }

    /// Visits what counting needs of every message.
    pub(crate) fn weigh_all(&self, each: &mut dyn FnMut(Weighed<'_>)) {
        for slot in self.chunks.iter().flat_map(|c| c.iter()) {
            each(slot.weigh(&self.sets));
        }
    }

    /// Takes over what a commit did. Counts of mailboxes that it does not name stay.
    pub(crate) fn apply(&mut self, meta: Meta, delta: Delta) {
        self.meta = meta;
        for (id, record) in delta.boxes {
            match record {
                None => drop(self.boxes.remove(&id)),
                Some(record) => match self.boxes.get_mut(&id) {
                    Some(hot) => Arc::make_mut(hot).record = record,
                    None => {
                        let (counts, uids) = (Counts::default(), Uids::default());
                        self.boxes.insert(
                            id,
                            Arc::new(HotBox {
                                record,
                                counts,
                                uids,
                            }),
                        );
                    }
                },
            }
        }
        let mut left: HashMap<MailboxId, HashSet<Uid>> = HashMap::new();
        let mut entered: HashMap<MailboxId, Vec<(Uid, u32)>> = HashMap::new();
        for (email, row) in delta.rows {
            self.change(email, row, &mut left, &mut entered);
        }
        for (id, uids) in left {
            if let Some(hot) = self.boxes.get_mut(&id) {
                Arc::make_mut(hot).uids.leave(&uids);
            }
        }
        for (id, mut uids) in entered {
            if let Some(hot) = self.boxes.get_mut(&id) {
                uids.sort_unstable();
                Arc::make_mut(hot).uids.enter(&uids);
            }
        }
        for (id, counts) in delta.counts {
            if let Some(hot) = self.boxes.get_mut(&id).filter(|h| h.counts != counts) {
                Arc::make_mut(hot).counts = counts;
            }
        }
        let (live, sets) = (self.messages as usize, self.sets.list.len());
        if self.dead > live + SLACK || sets > live + SLACK {
            self.repack();
        }
    }

    fn change(
        &mut self,
        email: EmailId,
        row: Option<Row>,
        left: &mut HashMap<MailboxId, HashSet<Uid>>,
        entered: &mut HashMap<MailboxId, Vec<(Uid, u32)>>,
    ) {
        let number = self.find(email);
        let before = number
            .and_then(|n| self.slot(n))
            .map(|s| s.places.list().to_vec());
        let before = before.unwrap_or_default();
        let after = row.as_ref().map_or(&[][..], |r| &r.state.mailboxes);
        for (mailbox, uid) in before.iter().filter(|p| !after.contains(p)) {
            left.entry(*mailbox).or_default().insert(*uid);
        }
        let slot = row.as_ref().map(|r| self.pack(r));
        let number = match (number, slot) {
            (Some(number), Some(slot)) => {
                self.octets -= self
                    .put(number, slot.clone())
                    .map_or(0, |old| u64::from(old.size));
                self.octets += u64::from(slot.size);
                number
            }
            (Some(number), None) => {
                self.bury(number);
                return;
            }
            (None, Some(slot)) => {
                self.octets += u64::from(slot.size);
                self.messages += 1;
                self.push(slot)
            }
            (None, None) => return,
        };
        for (mailbox, uid) in after.iter().filter(|p| !before.contains(p)) {
            entered.entry(*mailbox).or_default().push((*uid, number));
        }
    }

    fn put(&mut self, number: u32, slot: Slot) -> Option<Slot> {
        let chunk = self.chunks.get_mut(number as usize / CHUNK)?;
        let place = Arc::make_mut(chunk).get_mut(number as usize % CHUNK)?;
        Some(std::mem::replace(place, slot))
    }

    fn bury(&mut self, number: u32) {
        let Some(mut slot) = self.slot(number).cloned() else {
            return;
        };
        slot.places = Places::None;
        slot.ids = Few::new(&[]);
        self.octets -= u64::from(slot.size);
        self.messages -= 1;
        self.dead += 1;
        self.put(number, slot);
    }

    fn push(&mut self, slot: Slot) -> u32 {
        if self.chunks.last().is_none_or(|c| c.len() >= CHUNK) {
            self.chunks.push(Arc::new(Vec::new()));
        }
        let chunk = self.chunks.len() - 1;
        let slots = Arc::make_mut(&mut self.chunks[chunk]);
        slots.push(slot);
        (chunk * CHUNK + slots.len() - 1) as u32
    }

    fn pack(&mut self, row: &Row) -> Slot {
        let state = &row.state;
        let keywords = self.sets.find(&state.keywords);
        let keywords =
            keywords.unwrap_or_else(|| Arc::make_mut(&mut self.sets).add(&state.keywords));
        Slot {
            email: state.email,
            thread: state.thread,
            blob: state.blob,
            size: u32::try_from(state.size).unwrap_or(u32::MAX),
            growth: state.growth,
            received_at: state.received_at,
            sent_at: state.sent_at,
            modseq: state.modseq,
            created: state.created,
            places: Places::of(state),
            ids: Few::new(&row.ids),
            keywords,
            has_attachment: state.has_attachment,
        }
    }

    /// Builds it again without dead places and unused sets.
    fn repack(&mut self) {
        let old = std::mem::replace(self, Self::new(self.meta));
        for (id, hot) in &old.boxes {
            let (record, counts) = (hot.record.clone(), hot.counts);
            self.boxes.insert(
                *id,
                Arc::new(HotBox {
                    record,
                    counts,
                    uids: Uids::default(),
                }),
            );
        }
        let slots = old.chunks.iter().flat_map(|c| c.iter());
        for slot in slots.filter(|s| !s.places.list().is_empty()) {
            let ids = slot.ids.list().to_vec();
            self.load(&Row {
                state: slot.show(&old.sets),
                ids,
            });
        }
        self.settle();
    }

    /// Adds a message whose EmailId is higher than all before; [`Hot::settle`] ends the loading.
    pub(crate) fn load(&mut self, row: &Row) {
        let slot = self.pack(row);
        self.messages += 1;
        self.octets += u64::from(slot.size);
        let number = self.push(slot);
        for (mailbox, uid) in &row.state.mailboxes {
            if let Some(hot) = self.boxes.get_mut(mailbox) {
                Arc::make_mut(hot).uids.push((*uid, number));
            }
        }
    }

    /// Puts the loaded messages' Uids in order.
    pub(crate) fn settle(&mut self) {
        for hot in self.boxes.values_mut() {
            Arc::make_mut(hot).uids.settle();
        }
        for chunk in &mut self.chunks {
            Arc::make_mut(chunk).shrink_to_fit();
        }
    }

    /// Adds an empty mailbox while loading.
    pub(crate) fn load_box(&mut self, id: MailboxId, record: MailboxRecord) {
        let (counts, uids) = (Counts::default(), Uids::default());
        self.boxes.insert(
            id,
            Arc::new(HotBox {
                record,
                counts,
                uids,
            }),
        );
    }

    /// Sets the counts that were found by counting.
    pub(crate) fn set_counts(&mut self, id: MailboxId, counts: Counts) {
        if let Some(hot) = self.boxes.get_mut(&id) {
            Arc::make_mut(hot).counts = counts;
        }
    }
}

impl HotBox {
    /// As the world sees it.
    pub(crate) fn show(&self, id: MailboxId) -> Mailbox {
        show(id, &self.record, self.counts)
    }

    /// The Uids with the numbers of their slots.
    pub(crate) fn uids(&self) -> impl Iterator<Item = Uid> + '_ {
        self.uids.iter().map(|(uid, _)| uid)
    }
}

/// A mailbox as the world sees it.
pub(crate) fn show(id: MailboxId, record: &MailboxRecord, counts: Counts) -> Mailbox {
    Mailbox {
        id,
        parent: record.parent,
        name: record.name.clone(),
        role: record.role,
        subscribed: record.subscribed,
        sort_order: record.sort_order,
        uid_validity: record.uid_validity,
        uid_next: record.uid_next,
        modseq: record.modseq,
        highest_modseq: record.highest_modseq,
        counts,
    }
}

impl Slot {
    fn show(&self, sets: &Sets) -> State {
        let mut saved = Vec::new();
        self.places.add_saved(&mut saved);
        State {
            email: self.email,
            thread: self.thread,
            blob: self.blob,
            size: u64::from(self.size),
            growth: self.growth,
            received_at: self.received_at,
            sent_at: self.sent_at,
            has_attachment: self.has_attachment,
            mailboxes: self.places.list().to_vec(),
            saved,
            keywords: sets
                .list
                .get(self.keywords as usize)
                .map_or(Vec::new(), |s| s.words.clone()),
            modseq: self.modseq,
            created: self.created,
        }
    }

    fn weigh<'a>(&'a self, sets: &Sets) -> Weighed<'a> {
        let set = sets.list.get(self.keywords as usize);
        Weighed {
            thread: self.thread,
            places: self.places.list(),
            size: u64::from(self.size),
            told: u64::from(self.size) + u64::from(self.growth),
            unseen: set.is_none_or(|s| s.unseen),
            deleted: set.is_some_and(|s| s.deleted),
        }
    }
}

/// One state, filled again for each message of a scan: no allocation per message.
#[derive(Default)]
struct Shown {
    state: Option<State>,
    set: Option<u32>,
}

impl Shown {
    fn fill(&mut self, slot: &Slot, sets: &Sets) -> &State {
        let state = self.state.get_or_insert_with(|| slot.show(sets));
        state.email = slot.email;
        state.thread = slot.thread;
        state.blob = slot.blob;
        state.size = u64::from(slot.size);
        state.growth = slot.growth;
        state.received_at = slot.received_at;
        state.sent_at = slot.sent_at;
        state.has_attachment = slot.has_attachment;
        state.mailboxes.clear();
        state.mailboxes.extend_from_slice(slot.places.list());
        state.saved.clear();
        slot.places.add_saved(&mut state.saved);
        if self.set != Some(slot.keywords) {
            self.set = Some(slot.keywords);
            let words = sets
                .list
                .get(slot.keywords as usize)
                .map_or(&[][..], |s| &s.words);
            state.keywords.clear();
            state.keywords.extend_from_slice(words);
        }
        state.modseq = slot.modseq;
        state.created = slot.created;
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `storage.hot_messages` is reckoned by: the time at which a message was put into its mailbox costs
    /// nothing beside it.
    #[test]
    fn a_message_takes_so_many_octets() {
        assert_eq!((size_of::<Places>(), size_of::<Slot>()), (16, 128));
    }
}
