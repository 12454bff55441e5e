//! One account's mail: reads of a consistent state, and the single mutable door (idea 5).

use crate::commit::Number;
use crate::hot::Hot;
use crate::index::{Index, Op};
use crate::*;
use formats::message::{Letterhead, LetterheadView, Summary};
use std::sync::Arc;

/// Handle to one account; cheap to clone. Reads see the last commit.
#[derive(Clone)]
pub struct AccountStore {
    pub(crate) store: Store,
    pub(crate) id: AccountId,
}

/// Fewer summaries than this are read one by one, more in one run over their keys.
const RUN_MIN: usize = 32;
/// Summaries that are asked of the engine at once.
const PIECE_MAX: usize = 256;
/// A run over keys may pass this many times the summaries that were asked for.
const RUN_WASTE: u64 = 4;

/// The first and the last of many messages that lie close together.
fn dense(emails: &[EmailId]) -> Option<(EmailId, EmailId)> {
    let (first, last) = emails.iter().min().zip(emails.iter().max())?;
    let waste = (last.raw() - first.raw()) / RUN_WASTE;
    (emails.len() >= RUN_MIN && waste <= emails.len() as u64).then_some((*first, *last))
}

/// Sees a stored summary, with the place at which it was asked for.
type Show<'a> = dyn FnMut(usize, &[u8]) -> Result<(), Error> + 'a;

impl AccountStore {
    /// Whose.
    pub fn id(&self) -> AccountId {
        self.id
    }

    pub(crate) fn hot(&self) -> Result<Arc<Hot>, Error> {
        let inner = &self.store.inner;
        inner
            .cells
            .open(self.id, &inner.shared.index)
            .map(|(_, hot)| hot)
    }

    pub(crate) fn index(&self) -> &Index {
        &self.store.inner.shared.index
    }

    /// The ModSeq of the last commit (1 for an untouched account).
    pub fn modseq(&self) -> Result<ModSeq, Error> {
        Ok(self.hot()?.meta.modseq)
    }

    /// All mailboxes, by id.
    pub fn mailboxes(&self) -> Result<Vec<Mailbox>, Error> {
        Ok(self
            .hot()?
            .boxes
            .iter()
            .map(|(id, hot)| hot.show(*id))
            .collect())
    }

    /// One mailbox. Errors: `NotFound`.
    pub fn mailbox(&self, id: MailboxId) -> Result<Mailbox, Error> {
        self.hot()?.mailbox(id).ok_or(Error::NotFound)
    }

    /// The number that the next mailbox gets.
    pub fn next_mailbox(&self) -> Result<MailboxId, Error> {
        Ok(self.hot()?.meta.next_mailbox)
    }

    /// The mailbox with this role.
    pub fn by_role(&self, role: Role) -> Result<Option<Mailbox>, Error> {
        let hot = self.hot()?;
        let found = hot
            .boxes
            .iter()
            .find(|(_, hot)| hot.record.role == Some(role));
        Ok(found.map(|(id, hot)| hot.show(*id)))
    }

    /// Calls `each` for every message of the mailbox with uid in `from..=to`, in Uid order,
    /// over one consistent state; `each` returns false to stop. No lock is held meanwhile.
    pub fn scan(
        &self,
        mailbox: MailboxId,
        from: Uid,
        to: Uid,
        each: &mut dyn FnMut(Uid, &State) -> bool,
    ) -> Result<(), Error> {
        let hot = self.hot()?;
        let mailbox = hot.boxes.get(&mailbox).ok_or(Error::NotFound)?;
        hot.scan(mailbox, from, to, each);
        Ok(())
    }

    /// Calls `each` for every message of the account, in EmailId order.
    pub fn scan_all(&self, each: &mut dyn FnMut(&State) -> bool) -> Result<(), Error> {
        self.hot()?.scan_all(each);
        Ok(())
    }

    /// The message at a Uid. Errors: `NotFound`.
    pub fn at(&self, mailbox: MailboxId, uid: Uid) -> Result<State, Error> {
        let hot = self.hot()?;
        hot.at(mailbox, uid)
            .and_then(|e| hot.state(e))
            .ok_or(Error::NotFound)
    }

    /// One message's state. Errors: `NotFound`.
    pub fn state(&self, email: EmailId) -> Result<State, Error> {
        self.hot()?.state(email).ok_or(Error::NotFound)
    }

    /// The Uids of those of these messages that are in this mailbox, in the order asked.
    pub fn uids(&self, mailbox: MailboxId, emails: &[EmailId]) -> Result<Vec<Uid>, Error> {
        let hot = self.hot()?;
        let places = emails.iter().filter_map(|email| hot.weighed(*email));
        let uid = |places: &[(MailboxId, Uid)]| places.iter().find(|p| p.0 == mailbox).map(|p| p.1);
        Ok(places.filter_map(|found| uid(found.places)).collect())
    }

    /// One message's summary. Errors: `NotFound`.
    pub fn summary(&self, email: EmailId) -> Result<Arc<Summary>, Error> {
        if self.hot()?.weighed(email).is_none() {
            return Err(Error::NotFound);
        }
        let cache = &self.store.inner.shared.summaries;
        if let Some(summary) = cache.find(self.id, email) {
            return Ok(summary);
        }
        let summary = Arc::new(self.kept_summary(email)?);
        cache.keep(self.id, email, summary.clone());
        Ok(summary)
    }

    /// The summary of a message that is there, or was as far back as the log tells. Errors: `NotFound`.
    pub(crate) fn kept_summary(&self, email: EmailId) -> Result<Summary, Error> {
        let value = self.index().get(&key::summary(self.id, email))?;
        record::decode(&value.ok_or(Error::NotFound)?, "summary")
    }

    /// Summaries of many messages in the order asked (absent ones are left out); quicker than one by one.
    pub fn summaries(&self, emails: &[EmailId]) -> Result<Vec<(EmailId, Arc<Summary>)>, Error> {
        if let Some((first, last)) = dense(emails) {
            let decode = &|value: &[u8]| record::decode(value, "summary");
            return self.run_of_summaries(emails, first, last, decode);
        }
        let mut found = Vec::with_capacity(emails.len());
        for piece in emails.chunks(PIECE_MAX) {
            self.scattered_summaries(piece, &mut found)?;
        }
        Ok(found)
    }

    /// From the cache, and the others with one question to the engine.
    fn scattered_summaries(
        &self,
        emails: &[EmailId],
        found: &mut Vec<(EmailId, Arc<Summary>)>,
    ) -> Result<(), Error> {
        let cache = &self.store.inner.shared.summaries;
        let cached: Vec<_> = emails.iter().map(|e| cache.find(self.id, *e)).collect();
        let absent = emails.iter().zip(&cached).filter(|(_, c)| c.is_none());
        let keys: Vec<_> = absent.map(|(e, _)| key::summary(self.id, *e)).collect();
        let mut values = self.index().multi_get(&keys)?.into_iter();
        for (email, cached) in emails.iter().zip(cached) {
            let summary = match cached {
                Some(summary) => summary,
                None => {
                    let Some(value) = values.next().flatten() else {
                        continue;
                    };
                    let summary: Arc<Summary> = Arc::new(record::decode(&value, "summary")?);
                    cache.keep(self.id, *email, summary.clone());
                    summary
                }
            };
            found.push((*email, summary));
        }
        Ok(())
    }

    /// As [`Self::summaries`], of each only what its header said: where nobody asks for the parts,
    /// they need not be read.
    pub fn letterheads(
        &self,
        emails: &[EmailId],
    ) -> Result<Vec<(EmailId, Arc<Letterhead>)>, Error> {
        if let Some((first, last)) = dense(emails) {
            return self.run_of_summaries(emails, first, last, &record::decode_letterhead);
        }
        let summaries = self.summaries(emails)?.into_iter();
        Ok(summaries
            .map(|(email, summary)| (email, Arc::new(summary.head.clone())))
            .collect())
    }

    /// As [`Self::letterheads`], each shown where it lies and not kept; in any order, each asked for once.
    pub fn each_letterhead(
        &self,
        emails: &[EmailId],
        each: &mut dyn FnMut(EmailId, &LetterheadView<'_>),
    ) -> Result<(), Error> {
        let Some((first, last)) = dense(emails) else {
            for (email, summary) in self.summaries(emails)? {
                each(email, &LetterheadView::from(&summary.head));
            }
            return Ok(());
        };
        self.run_over(emails, first, last, &mut |place, value| {
            each(emails[place], &record::view_letterhead(value)?);
            Ok(())
        })
    }

    /// One run over the keys from `first` to `last`.
    fn run_of_summaries<T>(
        &self,
        emails: &[EmailId],
        first: EmailId,
        last: EmailId,
        decode: &dyn Fn(&[u8]) -> Result<T, Error>,
    ) -> Result<Vec<(EmailId, Arc<T>)>, Error> {
        let mut found: Vec<Option<Arc<T>>> = vec![None; emails.len()];
        self.run_over(emails, first, last, &mut |place, value| {
            found[place] = Some(Arc::new(decode(value)?));
            Ok(())
        })?;
        let found = emails.iter().zip(found);
        Ok(found
            .filter_map(|(email, summary)| Some((*email, summary?)))
            .collect())
    }

    /// Shows the summaries as they are stored, in the order of the keys, each with the place at which it was
    /// asked for.
    fn run_over(
        &self,
        emails: &[EmailId],
        first: EmailId,
        last: EmailId,
        show: &mut Show<'_>,
    ) -> Result<(), Error> {
        let hot = self.hot()?;
        let mut wanted: Vec<(EmailId, usize)> = emails.iter().copied().zip(0..).collect();
        wanted.retain(|(email, _)| hot.weighed(*email).is_some());
        wanted.sort_unstable();
        let mut wanted = wanted.into_iter().peekable();
        let (prefix, from) = (
            key::kind(self.id, key::SUMMARY),
            key::summary(self.id, first),
        );
        let keys = (last.raw() - first.raw()) as usize + 1;
        let mut each = |key: &[u8], value: &[u8]| {
            let Some(email) = key::number_of(key).and_then(EmailId::new) else {
                return Ok(true);
            };
            while wanted.next_if(|(e, _)| *e < email).is_some() {}
            while let Some((_, place)) = wanted.next_if(|(e, _)| *e == email) {
                show(place, value)?;
            }
            Ok(email < last)
        };
        self.index().scan_by(keys, &prefix, &from, &mut each)
    }

    /// State and summary. Errors: `NotFound`.
    pub fn message(&self, email: EmailId) -> Result<Message, Error> {
        let (state, summary) = (self.state(email)?, self.summary(email)?);
        let summary = state.complete(summary);
        Ok(Message { state, summary })
    }

    /// The messages of a thread, oldest first (by received_at, then EmailId). Errors: `NotFound`.
    pub fn thread(&self, thread: ThreadId) -> Result<Vec<EmailId>, Error> {
        let inner = &self.store.inner;
        let (cell, _) = inner.cells.open(self.id, &inner.shared.index)?;
        let (hot, members) = cell.thread(thread).ok_or(Error::NotFound)?;
        let times = members
            .iter()
            .filter_map(|e| Some((hot.state(*e)?.received_at, *e)));
        let mut times: Vec<_> = times.collect();
        times.sort_unstable();
        if times.is_empty() {
            Err(Error::NotFound)
        } else {
            Ok(times.into_iter().map(|t| t.1).collect())
        }
    }

    /// The raw octets of a message. Errors: `NotFound`, `Damaged`.
    pub fn content(&self, email: EmailId) -> Result<Arc<[u8]>, Error> {
        self.content_at(email, None)
    }

    /// Where contents lie, in the order asked, for [`AccountStore::content_at`]: who reads many saves looking each
    /// one up by itself.
    pub fn lie(&self, blobs: &[BlobId]) -> Result<Vec<Option<Lies>>, Error> {
        let shared = &self.store.inner.shared;
        shared.packs.locate_all(blobs, &shared.index)
    }

    /// As [`AccountStore::content`], of a message whose content was found to lie there.
    pub fn content_at(&self, email: EmailId, lies: Option<Lies>) -> Result<Arc<[u8]>, Error> {
        let state = self.state(email)?;
        let content = self.store.blob_at(state.blob, lies);
        content.map_err(|why| self.damaged(&state, why))
    }

    /// The raw octets of a message whose state was read before, and which may be expunged meanwhile. Errors:
    /// `NotFound`, `Damaged`.
    pub fn content_of(&self, email: EmailId, blob: BlobId) -> Result<Arc<[u8]>, Error> {
        let content = self.store.blob(blob);
        content.map_err(|why| match (self.state(email), why) {
            (Ok(state), why) => self.damaged(&state, why),
            // Nobody is to mend what is expunged.
            (Err(_), Error::Corrupt(why)) => Error::Damaged(why.what),
            (Err(_), why) => why,
        })
    }

    /// Changes after `since`, at least one commit's, then at most `max` of them. Errors: `NotFound` when the log
    /// no longer reaches back (all of it may have been trimmed), or not yet so far.
    pub fn changes(&self, since: ModSeq, max: usize) -> Result<Changes, Error> {
        let now = self.modseq()?;
        if since > now {
            return Err(Error::NotFound);
        }
        let mut changes = Changes {
            list: Vec::new(),
            until: since,
            more: false,
        };
        let Some(next) = since.next().filter(|n| *n <= now) else {
            return Ok(changes);
        };
        let (prefix, from) = (key::kind(self.id, key::LOG), key::log(self.id, next));
        let mut expected = next;
        self.index().scan(&prefix, &from, &mut |key, value| {
            let modseq = key::number_of(key).and_then(ModSeq::new);
            let Some(modseq) = modseq.filter(|m| *m <= now) else {
                return Ok(false);
            };
            if modseq != expected {
                return Err(Error::NotFound);
            }
            let log = history::read(value)?.changes;
            if !changes.list.is_empty() && changes.list.len() + log.len() > max {
                changes.more = true;
                return Ok(false);
            }
            changes
                .list
                .extend(log.into_iter().map(|change| (modseq, change)));
            (changes.until, expected) = (modseq, modseq.next().unwrap_or(modseq));
            Ok(true)
        })?;
        if changes.until < now && !changes.more {
            return Err(Error::NotFound);
        }
        Ok(changes)
    }

    /// Calls `told` after each commit of this account, in order, on the journal's thread: it must only wake somebody.
    pub fn subscribe(&self, told: Arc<dyn Fn(ModSeq) + Send + Sync>) -> Subscription {
        let told = Arc::new(move |modseq: &ModSeq| told(*modseq));
        self.store.inner.shared.subscribers.add(self.id, told)
    }

    /// Calls those who subscribed, with the first ModSeq and without a commit: something that concerns the account
    /// changed elsewhere.
    pub fn wake(&self) {
        let shared = &self.store.inner.shared;
        shared.subscribers.tell(self.id, &ModSeq::FIRST);
    }

    /// Octets and messages of the whole account, without reading it when nobody uses it.
    pub fn usage(&self) -> Result<(u64, u64), Error> {
        let inner = &self.store.inner;
        if inner.cells.peek(self.id).is_none() {
            let meta = match self.index().get(&key::meta(self.id))? {
                Some(value) => record::decode::<record::Meta>(&value, "account")?,
                None => record::Meta::UNTOUCHED,
            };
            if let Some(held) = meta.held {
                return Ok(held);
            }
        }
        let hot = self.hot()?;
        Ok((hot.octets, hot.messages))
    }

    /// As `Store::put_blob`, for content that this account brings: in an encrypted store it is sealed
    /// under its domain's key, unless the store has it already.
    pub fn put_blob(&self, bytes: &[u8]) -> Result<BlobId, Error> {
        let key = self.store.inner.shared.keys.of(self.id);
        self.store.stage(key, bytes)
    }

    /// Whether the stored octets of this content can still be read back whole.
    pub(crate) fn is_whole(&self, blob: BlobId) -> bool {
        self.store.is_whole(blob)
    }

    /// Stores content anew whose octets were damaged: all who have it have it again. Errors: as of commits.
    pub(crate) fn heal(&self, blob: BlobId, bytes: &[u8]) -> Result<(), Error> {
        if self.put_blob(bytes)? != blob {
            return Err(Error::Corrupt(format!("content {blob}").into()));
        }
        self.store.renew(&[blob])
    }

    /// Remembers that this account uploaded this content (RFC 8620 §6.1), durable. Returns its id.
    pub fn upload(&self, bytes: &[u8], now_s: i64) -> Result<BlobId, Error> {
        let blob = self.put_blob(bytes)?;
        let op = Op::Put(key::upload(self.id, blob), record::encode(&now_s)?);
        self.store
            .submit(self.id, Number::None, vec![op], &[blob], Box::new(|| {}))?;
        Ok(blob)
    }

    /// The uploaded content; `NotFound` when this account did not upload it.
    pub fn uploaded(&self, blob: BlobId) -> Result<Arc<[u8]>, Error> {
        self.index()
            .get(&key::upload(self.id, blob))?
            .ok_or(Error::NotFound)?;
        self.store.blob(blob)
    }

    /// The one writer of this account; waits for the one before it. Never held across an `.await` (I-05).
    pub fn write(&self) -> Result<Writer, Error> {
        Writer::begin(&self.store, self.id)
    }
}

impl Store {
    /// As [`Store::blob`], of content that lay there a moment ago.
    pub(crate) fn blob_at(&self, id: BlobId, lies: Option<Lies>) -> Result<Arc<[u8]>, Error> {
        let shared = &self.inner.shared;
        let read = match lies {
            Some(lies) => shared.packs.read_from(id, lies, &shared.index),
            None => shared.packs.read(id, &shared.index),
        };
        if let Err(Error::Corrupt(why)) = &read
            && !shared.index.is_unreadable()
        {
            shared.note_content(id, &why.what, []);
        }
        read
    }
}
