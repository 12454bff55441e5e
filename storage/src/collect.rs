//! Collection: finds content that nobody can reach any more and takes it out of the index (I-06).
//! Its octets are given back when its pack is rewritten ([`crate::compact`]).
//!
//! A pass *marks*, then *sweeps*. Content is reached from messages, from the change log (what was
//! removed and can be put back), from the queue, from uploads that are not too old, and as a piece
//! of other content. Nothing is locked meanwhile; mail is put, committed, removed and read. The pass
//! is safe for these reasons:
//!
//! 1. *A reference that is there from the pass's beginning to its end is seen*, since every key is
//!    visited. What moves is visited in the order in which it moves: an expunge moves a reference
//!    from a message to the log, and of each account the messages are visited before the log. An
//!    engine may show the two changes of such a commit in either order, so between the two visits
//!    the pass waits until all commits that were under way are wholly applied.
//! 2. *A reference that is made while the pass runs keeps its content.* Whoever makes one names the
//!    content to [`crate::pack::Packs::name`], which touches it when the commit begins and again when it
//!    is applied, and holds it in between. What was touched since the pass began, or is held, or
//!    was put and not yet committed, is not swept. A commit that ended before the pass began is seen
//!    by reason 1; any other one touches during the pass.
//! 3. *Looking and removing are one step.* The sweep makes content *busy* under the lock under which it
//!    sees that nobody touched it. Whoever wants it from then on waits until its removal is durable and
//!    applied, and then finds it absent: a put appends it anew, a commit that merely named it is
//!    refused. So no commit that counts on the content can come behind its removal in the journal,
//!    and replay in the journal's order gives the same index.
//! 4. *Pieces outlive what is put together of them.* Dead recipes are swept first; then the pieces of
//!    all recipes that are left, for whatever reason, are marked; then all else is swept. A recipe
//!    that is put after that touches its pieces itself.
//! 5. *A stop at any time* leaves each removal done or not done, as the journal has it. Nothing of
//!    a pass is kept; the next one begins anew.
//!
//! Two Bloom filters remember what was marked and touched. They err only towards keeping.

use crate::commit::Number;
use crate::history::{self, Trimmed};
use crate::index::{Index, Op};
use crate::pack::Bloom;
use crate::record::{self, Delivered, Form, Location, Meta, QueueRecord};
use crate::{AccountId, BlobId, Change, EmailId, Error, Store, check, key};
use std::collections::BTreeMap;

/// Keys that are removed by one commit.
const BATCH: usize = 512;
/// Keys that are visited in one go: an engine's iterator may keep memory as long as it lives.
const PAGE: usize = 4_096;

/// What a pass removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Content that is left.
    pub kept: u64,
    /// Content that is gone, pieces counted by themselves.
    pub blobs: u64,
    /// Octets that it takes in the packs until they are rewritten.
    pub octets: u64,
    /// Uploads that were forgotten.
    pub uploads: u64,
    /// Deliveries that were forgotten (I-09).
    pub deliveries: u64,
}

/// From when on what is kept, Unix seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Since {
    pub uploads: i64,
    pub deliveries: i64,
}

struct Pass<'a> {
    store: &'a Store,
    index: &'a Index,
    /// `None`: all uploads and deliveries are kept.
    since: Option<Since>,
    live: Bloom,
    swept: Swept,
}

/// One pass. Only one may run at a time.
pub(crate) fn collect(store: &Store, since: Since) -> Result<Swept, Error> {
    pass(store, Some(since))
}

/// One pass that forgets neither uploads nor deliveries. Only one may run at a time.
pub(crate) fn drop_unneeded(store: &Store) -> Result<Swept, Error> {
    pass(store, None)
}

fn pass(store: &Store, since: Option<Since>) -> Result<Swept, Error> {
    let shared = &store.inner.shared;
    let index = &shared.index;
    // From here on what is touched stays.
    shared.packs.gate.turn();
    let mut count = 0;
    pages(index, &key::blobs(), &mut |_, _| {
        count += 1;
        Ok(())
    })?;
    let mut pass = Pass {
        store,
        index,
        since,
        live: Bloom::for_ids(count),
        swept: Swept::default(),
    };
    pass.mark_queue()?;
    let mut next = AccountId::SYSTEM.next();
    while let Some(from) = next {
        let found = check::account_from(index, from)?;
        if let Some(account) = found {
            pass.mark_account(account)?;
        }
        next = found.and_then(AccountId::next);
    }
    pass.sweep_recipes()?;
    pass.mark_pieces()?;
    pass.sweep_content()?;
    Ok(pass.swept)
}

/// Called for each key and value.
type Each<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), Error> + 'a;

/// Visits all keys that begin with `prefix`, some at a time.
pub(crate) fn pages(index: &Index, prefix: &[u8], each: &mut Each<'_>) -> Result<(), Error> {
    let mut from = prefix.to_vec();
    loop {
        let (mut left, mut next) = (PAGE, None);
        index.scan(prefix, &from, &mut |key, value| {
            if left == 0 {
                next = Some(key.to_vec());
                return Ok(false);
            }
            left -= 1;
            each(key, value)?;
            Ok(true)
        })?;
        match next {
            Some(key) => from = key,
            None => return Ok(()),
        }
    }
}

/// The first message that this commit made, when it was made at this time or later.
fn first_recent(value: &[u8], since: i64) -> Result<Option<EmailId>, Error> {
    let entry = history::read(value)?;
    if entry.time < since {
        return Ok(None);
    }
    let made = entry.changes.iter().filter_map(|change| match change {
        Change::EmailCreated { email, .. } => Some(*email),
        _ => None,
    });
    Ok(made.min())
}

impl Pass<'_> {
    fn mark_queue(&mut self) -> Result<(), Error> {
        let items = key::kind(AccountId::SYSTEM, key::QUEUE);
        pages(self.index, &items, &mut |_, value| {
            let item: QueueRecord = record::decode(value, "queue item")?;
            self.live.add(item.blob);
            Ok(())
        })
    }

    fn mark_account(&mut self, account: AccountId) -> Result<(), Error> {
        let index = self.index;
        pages(index, &key::kind(account, key::STATE), &mut |key, value| {
            let email = key::number_of(key).and_then(EmailId::new);
            let email = email.ok_or_else(|| Error::Corrupt("a key of a message".into()))?;
            self.live.add(record::decode_row(email, value)?.state.blob);
            Ok(())
        })?;
        // After the messages, and after the commits that took some of them away meanwhile were
        // applied to their last key: that is the way that what is removed goes.
        self.store.place(false)?;
        let mut recent = None;
        pages(index, &key::kind(account, key::LOG), &mut |_, value| {
            history::blobs_of(value, &mut |blob| self.live.add(blob))?;
            if let Some(since) = self.since {
                recent = recent.or(first_recent(value, since.deliveries)?);
            }
            Ok(())
        })?;
        self.uploads(account)?;
        match self.since {
            Some(since) => self.deliveries(account, since.deliveries, recent),
            None => Ok(()),
        }
    }

    /// Marks what was uploaded lately and forgets the rest.
    fn uploads(&mut self, account: AccountId) -> Result<(), Error> {
        let mut old = Vec::new();
        pages(
            self.index,
            &key::kind(account, key::UPLOAD),
            &mut |key, value| {
                let at: i64 = record::decode(value, "upload")?;
                let id = key.get(key::HEAD..).and_then(|k| k.try_into().ok());
                let id = BlobId(id.ok_or_else(|| Error::Corrupt("a key of an upload".into()))?);
                if self.since.is_some_and(|since| at < since.uploads) {
                    old.push(id);
                } else {
                    self.live.add(id);
                }
                Ok(())
            },
        )?;
        for some in old.chunks(BATCH) {
            // An upload of the same again names the content: then this one stays for now.
            let ops = |id: &BlobId| vec![Op::Delete(key::upload(account, *id))];
            let gone = self.remove(account, some, &ops)?;
            let kept = some.iter().filter(|id| !gone.contains(id));
            kept.for_each(|id| self.live.add(*id));
            self.swept.uploads += gone.len() as u64;
        }
        Ok(())
    }

    /// Forgets deliveries of messages that came before the window. Messages are numbered in the order
    /// in which they came, and the log knows when; where it was trimmed later than that, it does not.
    fn deliveries(
        &mut self,
        account: AccountId,
        since: i64,
        recent: Option<EmailId>,
    ) -> Result<(), Error> {
        let trimmed = Trimmed::read(self.index, account)?;
        if trimmed.is_some_and(|t| t.time >= since) {
            return Ok(());
        }
        let meta = self.index.get(&key::meta(account))?;
        let Some(meta) = meta else { return Ok(()) };
        let meta: Meta = record::decode(&meta, "account")?;
        // What came since the log was read is numbered higher still.
        let first = recent.unwrap_or(meta.next_email);
        let mut old = Vec::new();
        let prefix = key::kind(account, key::DELIVERED);
        pages(self.index, &prefix, &mut |key, value| {
            if record::decode::<Delivered>(value, "delivery")?.email < first {
                old.push(key.to_vec());
            }
            Ok(())
        })?;
        for some in old.chunks(BATCH) {
            let ops = some.iter().cloned().map(Op::Delete).collect();
            self.store
                .submit(account, Number::None, ops, &[], Box::new(|| {}))?;
            self.swept.deliveries += some.len() as u64;
        }
        Ok(())
    }

    /// Content that is put together of pieces and was not marked.
    fn sweep_recipes(&mut self) -> Result<(), Error> {
        let mut dead = Vec::new();
        pages(self.index, &key::all_parts(), &mut |key, _| {
            dead.extend(key::parts_of(key).filter(|id| !self.live.may_hold(*id)));
            Ok(())
        })?;
        for some in dead.chunks(BATCH) {
            self.sweep(some)?;
        }
        Ok(())
    }

    fn mark_pieces(&mut self) -> Result<(), Error> {
        pages(self.index, &key::all_parts(), &mut |_, value| {
            let parts: Vec<BlobId> = record::decode(value, "recipe")?;
            parts.into_iter().for_each(|part| self.live.add(part));
            Ok(())
        })
    }

    fn sweep_content(&mut self) -> Result<(), Error> {
        let mut from = key::blobs();
        loop {
            let mut dead = Vec::new();
            let mut left = PAGE;
            let mut next = None;
            let mut kept = 0;
            self.index.scan(&key::blobs(), &from, &mut |key, value| {
                if left == 0 || dead.len() == BATCH {
                    next = Some(key.to_vec());
                    return Ok(false);
                }
                left -= 1;
                let id = key::blob_of(key).ok_or_else(|| Error::Corrupt("a key".into()))?;
                let location: Location = record::decode(value, "blob")?;
                if self.live.may_hold(id) {
                    kept += 1;
                } else {
                    dead.push((id, location.form));
                }
                Ok(true)
            })?;
            let found = dead.len();
            let mut unshared = Vec::with_capacity(found);
            for (id, form) in dead {
                // What has shared pieces had its turn; what of it came since is younger than the pass.
                let recipe = form == Form::Assembled && self.index.get(&key::parts(id))?.is_some();
                if !recipe {
                    unshared.push(id);
                }
            }
            let gone = self.sweep(&unshared)?;
            self.swept.kept += (kept + found - gone) as u64;
            match next {
                Some(key) => from = key,
                None => return Ok(()),
            }
        }
    }

    /// Takes what of these nobody uses out of the index; tells how many that were.
    fn sweep(&mut self, dead: &[BlobId]) -> Result<usize, Error> {
        let mut octets = BTreeMap::new();
        for id in dead {
            if let Some(value) = self.index.get(&key::blob(*id))? {
                let location: Location = record::decode(&value, "blob")?;
                octets.insert(*id, u64::from(location.stored));
            }
        }
        let ops = |id: &BlobId| vec![Op::Delete(key::blob(*id)), Op::Delete(key::parts(*id))];
        let gone = self.remove(AccountId::SYSTEM, dead, &ops)?;
        self.swept.blobs += gone.len() as u64;
        let octets = gone.iter().filter_map(|id| octets.get(id));
        self.swept.octets += octets.sum::<u64>();
        Ok(gone.len())
    }

    /// Commits `ops` of those of `ids` that nobody uses or has touched; returns them.
    fn remove(
        &self,
        account: AccountId,
        ids: &[BlobId],
        ops: &dyn Fn(&BlobId) -> Vec<Op>,
    ) -> Result<Vec<BlobId>, Error> {
        let gate = &self.store.inner.shared.packs.gate;
        let free = gate.condemn(ids.iter().copied());
        if free.is_empty() {
            return Ok(free);
        }
        let ops = free.iter().flat_map(ops).collect();
        let removed = self
            .store
            .submit(account, Number::None, ops, &[], Box::new(|| {}));
        gate.free(&free);
        removed.map(|_| free)
    }
}
