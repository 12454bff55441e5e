//! Fills the index: follows the accounts that were written to, a bounded batch at a time.

use super::folder::{self, End, Folder};
use super::merge::Joining;
use super::shown::{self, Shown};
use super::term::{self, Place, Terms};
use super::{FOLDER, Indexed, Search, Until, has_room, lock, sweep, told};
use crate::commit::{self, Shared};
use crate::{AccountId, EmailId, Error, Store, check, disk, key, record};
use formats::document;
use formats::message::{Summary, sought};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use tantivy::indexer::{IndexWriterOptions, NoMergePolicy};
use tantivy::schema::{BytesOptions, FAST, Field, Schema};
use tantivy::{
    Index, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, SegmentMeta, TantivyDocument,
};

/// Messages that one step takes.
const MESSAGES_MAX: usize = 2_000;
/// Octets of messages that one step reads, unless one alone is larger.
const OCTETS_MAX: u64 = 16 * 1024 * 1024;
/// Octets of terms that one step makes, unless one message alone has more, each with [`TERM_OCTETS`] besides: all of
/// them may wait in memory at once for tantivy to take them.
const TERMS_MAX: usize = 8 * 1024 * 1024;
/// What a term takes beyond its own octets.
const TERM_OCTETS: usize = 16;
/// Accounts that one step looks at.
const ACCOUNTS_MAX: usize = 2_000;
/// Octets that tantivy gathers in memory before it writes a segment; about the least that it takes.
const MEMORY_OCTETS: usize = 16 * 1024 * 1024;
/// Steps without work after which the writer, its threads and its memory are let go.
const IDLE_STEPS: u32 = 10;
/// Octets of the disk, beyond the store's reserve, without which the index does not grow.
pub(super) const ROOM_OCTETS: u64 = 64 * 1024 * 1024;
/// What the index is like; another number means that it is made anew.
const VERSION: u32 = 3;
/// Files that are looked at when it is opened.
const FILES_MAX: usize = 100_000;
/// Says what the index is like.
const ABOUT: &str = "about";

/// The open index.
pub(super) struct Filling {
    pub(super) index: Index,
    pub(super) reader: IndexReader,
    pub(super) terms: Field,
    email: Field,
    pub(super) text: Field,
    pub(super) until: Until,
    pub(super) writer: Option<IndexWriter>,
    pub(super) joining: Joining,
    /// An account that is not filled wholly, and that nobody else used when it was begun.
    guest: Option<AccountId>,
    idle: u32,
    /// Told to whoever still writes when this is let go of.
    end: Arc<End>,
}

impl Drop for Filling {
    /// Joining that is under way ends with its next write; what it wrote is in no segment, and goes when the index is
    /// opened again.
    fn drop(&mut self) {
        self.end.tell();
    }
}

/// What one step has found so far.
#[derive(Default)]
pub(super) struct Batch {
    messages: usize,
    octets: u64,
    terms: usize,
    accounts: usize,
    /// Up to where these accounts will be in the index.
    reached: HashMap<AccountId, EmailId>,
    /// Messages whose attached files are to be looked into.
    due: Vec<(AccountId, EmailId)>,
    /// Whether the index changes by it.
    pub(super) changes: bool,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.messages >= MESSAGES_MAX || self.octets >= OCTETS_MAX || self.terms >= TERMS_MAX
    }
}

/// One step; `Corrupt`: the index must be made anew.
pub(super) fn step(store: &Store, filling: &mut Option<Filling>) -> Result<Indexed, Error> {
    let shared = &store.inner.shared;
    let search = &shared.search;
    if search.wrong.swap(false, Ordering::SeqCst) {
        *filling = None;
        search.show(None);
        throw_away(shared)?;
    }
    let open = match filling {
        Some(open) => open,
        None => {
            has_room(shared, 0)?;
            let open = Filling::open(shared)?;
            *lock(&search.end) = Some(open.end.clone());
            open.publish(search)?;
            lock(&search.waiting).all = AccountId::SYSTEM.next();
            lock(&search.due).look_again();
            filling.insert(open)
        }
    };
    let mut batch = Batch::default();
    while !batch.is_full() && batch.accounts < ACCOUNTS_MAX {
        let Some(account) = next(store)? else {
            break;
        };
        batch.accounts += 1;
        // One that nobody uses stays only as long as it is filled: an index made anew looks at all of them.
        let is_guest = open.guest == Some(account) || store.inner.cells.peek(account).is_none();
        let filled = open.fill(store, account, &mut batch);
        if !matches!(filled, Ok(true)) {
            search.touch(account);
            open.guest = is_guest.then_some(account);
        } else if is_guest {
            store.inner.cells.let_go(account);
        }
        filled?;
    }
    let swept = match batch.messages {
        0 => sweep::step(store, open)?,
        _ => false,
    };
    open.end(shared, batch, swept)
}

/// The next account to look at.
fn next(store: &Store) -> Result<Option<AccountId>, Error> {
    let shared = &store.inner.shared;
    let mut waiting = lock(&shared.search.waiting);
    if let Some(account) = waiting.touched.pop_first() {
        return Ok(Some(account));
    }
    let Some(from) = waiting.all else {
        return Ok(None);
    };
    drop(waiting);
    // Where keys cannot be read, who searches tells.
    let found = match check::account_from(&shared.index, from) {
        Err(Error::Corrupt(_)) => None,
        found => found?,
    };
    lock(&shared.search.waiting).all = found.and_then(AccountId::next);
    Ok(found)
}

/// Removes the index; searches read the messages meanwhile.
fn throw_away(shared: &Shared) -> Result<(), Error> {
    let dir = shared.dir.join(FOLDER);
    let removed = shared.disk.remove_tree(&dir);
    removed.map_err(|e| disk::failed("cannot remove", &dir, &e))
}

/// Removes files that no segment has: what a crash left, of commits that were never made.
fn clear(index: &Index, shared: &Shared) -> Result<(), Error> {
    let dir = shared.dir.join(FOLDER);
    let segments = index.searchable_segment_metas().map_err(|e| told(&e))?;
    let living: HashSet<PathBuf> = segments.iter().flat_map(SegmentMeta::list_files).collect();
    let entries = std::fs::read_dir(&dir).map_err(|e| disk::failed("cannot read", &dir, &e))?;
    for entry in entries.flatten().take(FILES_MAX) {
        let name = PathBuf::from(entry.file_name());
        let is_kept = [ABOUT, folder::LISTING, folder::META]
            .map(Path::new)
            .contains(&name.as_path());
        if !is_kept && !living.contains(&name) {
            let removed = shared.disk.remove(&entry.path());
            removed.map_err(|e| disk::failed("cannot remove", &entry.path(), &e))?;
        }
    }
    Ok(())
}

impl Filling {
    /// Opens what is there, or makes it anew.
    fn open(shared: &Shared) -> Result<Self, Error> {
        let dir = shared.dir.join(FOLDER);
        let about = format!(
            "{VERSION} {} {} {}",
            sought::TEXTS_VERSION,
            document::VERSION,
            if shared.keys.is_on() {
                "sealed"
            } else {
                "plain"
            }
        );
        let known = std::fs::read(dir.join(ABOUT)).ok();
        if known.as_deref() != Some(about.as_bytes()) {
            throw_away(shared)?;
            shared.disk.make_dir(&dir)?;
            shared.disk.replace(&dir, ABOUT, about.as_bytes())?;
        }
        let end = Arc::new(End::default());
        let folder = Folder::new(&dir, &shared.disk, &shared.keys, &end);
        let mut schema = Schema::builder();
        let terms = schema.add_bytes_field("terms", BytesOptions::default().set_indexed());
        let email = schema.add_u64_field("email", FAST);
        let text = schema.add_bytes_field("text", BytesOptions::default().set_stored());
        let schema = schema.build();
        let there = Index::exists(&folder).map_err(|e| Error::Corrupt(e.to_string().into()))?;
        let index = match there {
            true => Index::open(folder),
            false => {
                let settings = IndexSettings {
                    docstore_compress_dedicated_thread: false,
                    ..IndexSettings::default()
                };
                Index::create(folder, schema.clone(), settings)
            }
        };
        let index = index.map_err(|e| told(&e))?;
        if index.schema() != schema {
            return Err(Error::Corrupt("other fields".into()));
        }
        clear(&index, shared)?;
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .doc_store_cache_num_blocks(1)
            .try_into();
        let reader: IndexReader = reader.map_err(|e| told(&e))?;
        let highest = shown::highest(&index, terms).map_err(|e| told(&e))?;
        let until: Until = Arc::new(Mutex::new(highest));
        Ok(Self {
            index,
            reader,
            terms,
            email,
            text,
            until,
            writer: None,
            joining: Joining::Due,
            guest: None,
            idle: 0,
            end,
        })
    }

    /// Lets searches see the last commit.
    pub(super) fn publish(&self, search: &Search) -> Result<(), Error> {
        let before = search.shown();
        let before = before.as_deref();
        let fields = (self.terms, self.text);
        let shown = Shown::take(&self.reader, fields, &self.until, before);
        search.show(Some(Arc::new(shown.map_err(|e| told(&e))?)));
        Ok(())
    }

    pub(super) fn writer(&mut self) -> Result<&mut IndexWriter, Error> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => {
                let options = IndexWriterOptions::builder()
                    .memory_budget_per_thread(MEMORY_OCTETS)
                    .num_worker_threads(1)
                    .num_merge_threads(1)
                    .build();
                let writer = self.index.writer_with_options(options);
                let writer: IndexWriter = writer.map_err(|e| told(&e))?;
                // What is joined, and when, is for `merge` to say.
                writer.set_merge_policy(Box::new(NoMergePolicy));
                writer
            }
        };
        Ok(self.writer.insert(writer))
    }

    /// Takes messages of an account; false when it has more than fit.
    fn fill(
        &mut self,
        store: &Store,
        account: AccountId,
        batch: &mut Batch,
    ) -> Result<bool, Error> {
        let shared = &store.inner.shared;
        // An account may come twice in one step.
        let known = || lock(&self.until).get(&account).copied();
        let until = batch.reached.get(&account).copied().or_else(known);
        let mut found = match some_of(store, account, until, batch) {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(true),
            // Damage of an account is for others to tell; it is read by whoever searches in it.
            Err(error @ (Error::Corrupt(_) | Error::NotFound)) => {
                tracing::warn!(%account, %error, "an account is not in the search index");
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        if !found.list.is_empty() {
            has_room(shared, ROOM_OCTETS)?;
        }
        let mut taken = None;
        let mut list = std::mem::take(&mut found.list).into_iter();
        while let Some(email) = list.next() {
            if batch.terms >= TERMS_MAX {
                found.more = true;
                batch.messages -= 1 + list.len();
                break;
            }
            taken = Some(email);
            if shared.search.closed.load(Ordering::SeqCst) {
                return Err(commit::stopped());
            }
            let Read { terms, due } = match terms_of(store, account, email) {
                Ok(found) => found,
                Err(Error::NotFound | Error::Expunged) => continue, // gone meanwhile
                // It is found by reading what is left of it, as any other that has too many.
                Err(Error::Corrupt(_) | Error::Damaged(_)) => Read::default(),
                Err(error) => return Err(error),
            };
            batch.terms += terms
                .iter()
                .flatten()
                .fold(0, |all, term| all + term.len() + TERM_OCTETS);
            self.add(account, email, terms, due)?;
            if due {
                batch.due.push((account, email));
            }
            batch.changes = true;
        }
        let reached = if found.more {
            taken
        } else {
            Some(found.reached)
        };
        batch
            .reached
            .extend(reached.map(|reached| (account, reached)));
        Ok(!found.more)
    }

    fn add(
        &mut self,
        account: AccountId,
        email: EmailId,
        texts: Option<Vec<Vec<u8>>>,
        due: bool,
    ) -> Result<(), Error> {
        let terms = self.terms;
        let mut document = self.document((term::ACCOUNT, account), email);
        if due {
            document.add_bytes(terms, &term::of_account(term::DUE, account));
        }
        match texts {
            Some(texts) => texts
                .iter()
                .for_each(|term| document.add_bytes(terms, term)),
            None => document.add_bytes(terms, &term::of_account(term::OPAQUE, account)),
        }
        let added = self.writer()?.add_document(document);
        added.map(drop).map_err(|e| told(&e))
    }

    /// One that is of a message, in this list of its account.
    pub(super) fn document(&self, list: (u8, AccountId), email: EmailId) -> TantivyDocument {
        let mut document = TantivyDocument::new();
        document.add_u64(self.email, email.raw());
        document.add_bytes(self.terms, &term::of_account(list.0, list.1));
        document.add_bytes(self.terms, &term::of_email(email));
        document
    }

    /// Commits what the step changed, shows it, and says what is left.
    pub(super) fn end(
        &mut self,
        shared: &Shared,
        batch: Batch,
        swept: bool,
    ) -> Result<Indexed, Error> {
        let search = &shared.search;
        let changed = batch.changes || swept;
        if changed {
            self.writer()?.commit().map_err(|e| told(&e))?;
            self.publish(search)?;
        }
        // Only now: who reads this looks at what was shown before.
        lock(&self.until).extend(batch.reached);
        lock(&search.due).add(batch.due);
        let busy = self.join(shared, changed)? || changed;
        self.rest(busy);
        let waiting = lock(&search.waiting);
        let more = !waiting.touched.is_empty() || waiting.all.is_some() || waiting.sweep.is_some();
        Ok(Indexed {
            messages: batch.messages as u64,
            more,
        })
    }

    /// Lets the writer go when nothing was to be done for a while.
    fn rest(&mut self, busy: bool) {
        self.idle = if busy { 0 } else { self.idle.saturating_add(1) };
        if self.idle >= IDLE_STEPS {
            self.writer = None;
        }
    }
}

/// Messages of one account that are not in the index.
struct Found {
    list: Vec<EmailId>,
    /// Up to where none is left when these are in it.
    reached: EmailId,
    more: bool,
}

/// `None` where all are in it. At least one message: the batch is not full.
fn some_of(
    store: &Store,
    account: AccountId,
    until: Option<EmailId>,
    batch: &mut Batch,
) -> Result<Option<Found>, Error> {
    let inner = &store.inner;
    let Some(from) = until.map_or(Some(EmailId::FIRST), EmailId::next) else {
        return Ok(None);
    };
    // Without loading the account, since most have nothing new.
    let next = match inner.cells.peek(account) {
        Some(hot) => hot.meta.next_email,
        None => match inner.shared.index.get(&key::meta(account))? {
            Some(value) => record::decode::<record::Meta>(&value, "account")?.next_email,
            None => return Ok(None),
        },
    };
    if next <= from {
        return Ok(None);
    }
    // What is here was applied whole: no message up to its last one appears later.
    let hot = store.account(account).hot()?;
    let Some(reached) = EmailId::new(hot.meta.next_email.raw() - 1) else {
        return Ok(None);
    };
    let mut found = Found {
        list: Vec::new(),
        reached,
        more: false,
    };
    hot.scan_from(from, &mut |state| {
        if batch.is_full() {
            found.more = true;
            return false;
        }
        found.list.push(state.email);
        found.reached = state.email;
        batch.messages += 1;
        batch.octets += state.size;
        true
    });
    if !found.more {
        found.reached = reached;
    }
    Ok(Some(found))
}

/// What was read of a message.
#[derive(Default)]
struct Read {
    /// Its terms; `None` where there are too many.
    terms: Option<Vec<Vec<u8>>>,
    /// Whether it has files with text of their own.
    due: bool,
}

/// Reads a message.
fn terms_of(store: &Store, account: AccountId, email: EmailId) -> Result<Read, Error> {
    let account = store.account(account);
    let summary = account.kept_summary(email)?;
    let content = account.content(email)?;
    let due = document::files(&summary, &content).next().is_some();
    let terms = terms(&summary, &content);
    Ok(Read { terms, due })
}

/// The same texts that a search reads.
fn terms(summary: &Summary, content: &[u8]) -> Option<Vec<Vec<u8>>> {
    let head = &summary.head;
    let mut terms = Terms::default();
    terms.add(Place::Subject, &sought::subject(head));
    for (place, people) in [
        (Place::From, &head.from),
        (Place::To, &head.to),
        (Place::Cc, &head.cc),
        (Place::Bcc, &head.bcc),
    ] {
        sought::people(people).for_each(|text| terms.add(place, &text));
    }
    for value in [&head.message_id, &head.in_reply_to].into_iter().flatten() {
        terms.add(Place::Identifier, &sought::kept_value(value));
    }
    sought::header(summary, content).for_each(|text| terms.add(Place::Header, &text));
    sought::shown_names(summary).for_each(|text| terms.add(Place::FileName, &text));
    sought::body(summary, content, &mut |text| terms.add(Place::Body, &text));
    terms.all()
}
