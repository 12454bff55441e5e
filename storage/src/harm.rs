//! Harm: what of a store is known to be damaged, and since when, so that whoever looks after it can ask at any time.
//!
//! Noted by upkeep (journal, snapshots, packs), by a check (all content) and by whoever reads a message. It goes
//! when the same place is found whole: upkeep looks at everything noted with each pass, and a restore that heals
//! content says so at once. What is noted outlives the process in the file `harm`, which nobody needs: when it
//! cannot be written or read, the damage is met again. It holds numbers only, no names.

use crate::commit::Shared;
use crate::disk::Disk;
use crate::error::Cure;
use crate::snapshot::Unsound;
use crate::{AccountId, AccountStore, BlobId, EmailId, Error, MailboxId, Store, Told, Uid, record};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

const FILE: &str = "harm";
const MAGIC: &[u8; 8] = b"CVHARM\r\n";
const SUM: usize = 32;
/// Damaged places that are remembered; of more only that there are more.
const PLACES_MAX: usize = 1_000;
/// Messages that are remembered of one place.
const MESSAGES_MAX: usize = 100;
/// The file is written so often at most while readers meet damage, seconds.
const SAVED_EVERY_S: u64 = 10;
/// Levels of a mailbox's path.
const DEPTH_MAX: usize = 32;

/// Which part of a store is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HarmKind {
    /// Commits: they are in the index only, as long as that lasts.
    Journal,
    /// The same for older ones.
    Snapshots,
    /// A whole file of content.
    Pack,
    /// One content: that of a letter, or a piece that letters share.
    Content,
}

/// A message that is known to suffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Harmed {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub email: EmailId,
    /// Paths of its mailboxes and its Uids; empty when it was removed since.
    pub places: Vec<(Vec<String>, Uid)>,
}

/// A damaged place of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Harm {
    /// Of which part.
    pub kind: HarmKind,
    /// Within the store's folder, where it is known.
    pub file: Option<String>,
    /// Offset in the file, where it is known.
    pub octet: Option<u64>,
    /// In both languages ([`halves`](crate::told::halves)), for whoever knows the store; what an earlier version
    /// met is in English.
    pub what: String,
    /// When it was met first, Unix seconds.
    pub since: i64,
    /// Messages that were met with it, at most 100; a deep check meets all.
    pub messages: Vec<Harmed>,
}

/// All that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Harms {
    /// Journal and snapshots first.
    pub list: Vec<Harm>,
    /// Whether more were met than are listed.
    pub more: bool,
}

/// What stands for itself: one of each is known at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Spot {
    Journal,
    Snapshots,
    Pack(u32),
    Content(BlobId),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    file: Option<String>,
    octet: Option<u64>,
    what: String,
    since: i64,
    messages: BTreeSet<(AccountId, EmailId)>,
}

#[derive(Debug, Default)]
struct Book {
    known: BTreeMap<Spot, Known>,
    more: bool,
    /// Whether the file says something else.
    unsaved: bool,
    saved_at: Option<i64>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Ailing(Mutex<Book>);

impl Ailing {
    /// What the file remembers; nothing when it cannot be read.
    pub(crate) fn load(dir: &Path) -> Self {
        let known = std::fs::read(dir.join(FILE)).ok();
        let known = known.and_then(|bytes| decoded(&bytes)).unwrap_or_default();
        Self(Mutex::new(Book {
            known,
            ..Book::default()
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn knows(&self, spot: Spot) -> bool {
        self.lock().known.contains_key(&spot)
    }
}

impl Book {
    /// The same damage again changes nothing but whom it harms.
    fn note(&mut self, spot: Spot, met: Known) {
        if let Some(known) = self.known.get_mut(&spot) {
            let told = (&known.file, known.octet) == (&met.file, met.octet);
            if told || met.file.is_none() {
                let all = known.messages.len();
                let room = MESSAGES_MAX.saturating_sub(all);
                known.messages.extend(met.messages.into_iter().take(room));
                self.unsaved |= known.messages.len() > all;
                return;
            }
        } else if self.known.len() >= PLACES_MAX {
            self.more = true;
            return;
        }
        self.known.insert(spot, met);
        self.unsaved = true;
    }

    fn forget(&mut self, spot: Spot) {
        if self.known.remove(&spot).is_some() {
            (self.unsaved, self.more) = (true, false);
        }
    }

    fn encoded(&self) -> Option<Vec<u8>> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&record::encode(&self.known).ok()?);
        let sum = blake3::hash(&bytes);
        bytes.extend_from_slice(sum.as_bytes());
        Some(bytes)
    }

    fn save(&mut self, dir: &Path, disk: &Disk, now: i64) {
        let saved = match self.encoded() {
            Some(bytes) if !self.known.is_empty() => disk.replace(dir, FILE, &bytes).is_ok(),
            _ => disk.remove(&dir.join(FILE)).is_ok(),
        };
        tracing::debug!(saved, "what is damaged");
        (self.unsaved, self.saved_at) = (!saved, Some(now));
    }
}

fn decoded(bytes: &[u8]) -> Option<BTreeMap<Spot, Known>> {
    let (said, sum) = bytes.split_at_checked(bytes.len().checked_sub(SUM)?)?;
    let value = said.strip_prefix(MAGIC)?;
    (blake3::hash(said).as_bytes() == sum)
        .then(|| record::decode(value, "harm").ok())
        .flatten()
}

impl Shared {
    fn met(&self, file: Option<&Path>, octet: Option<u64>, what: String) -> Known {
        let inside = |file: &Path| {
            let inside = file.strip_prefix(&self.dir).unwrap_or(file);
            inside.display().to_string()
        };
        Known {
            file: file.map(inside),
            octet,
            what,
            since: self.clock.now(),
            messages: BTreeSet::new(),
        }
    }

    /// Remembers it, and says so in the file soon.
    fn note(&self, spot: Spot, met: Known) {
        let now = self.clock.now();
        let mut book = self.ailing.lock();
        book.note(spot, met);
        let due = |at: i64| now.abs_diff(at) >= SAVED_EVERY_S;
        if book.unsaved && book.saved_at.is_none_or(due) && self.place.expect().is_ok() {
            book.save(&self.dir, &self.disk, now);
        }
    }

    /// Snapshots or journal cannot be read wholly, or can.
    pub(crate) fn note_unsound(&self, found: Option<&Unsound>) {
        let Some(found) = found else {
            self.mended(Spot::Journal);
            return self.mended(Spot::Snapshots);
        };
        if found.spot == Spot::Journal {
            // The snapshots are looked at first.
            self.mended(Spot::Snapshots);
        }
        let (file, what) = (
            found.file.as_deref(),
            found.why.clone().with_cure(Cure::Repair).in_both(),
        );
        self.note(found.spot, self.met(file, found.octet, what));
    }

    /// A snapshot could not be made of what is there, where that is damaged.
    pub(crate) fn note_snapshots(&self, why: &Error) {
        let Error::Corrupt(why) = why else { return };
        let spot = match why.what.journal_place() {
            Some(_) => Spot::Journal,
            None => Spot::Snapshots,
        };
        if !self.index.is_unreadable() {
            self.note(spot, self.met(None, None, why.in_both()));
        }
    }

    /// Content cannot be read; whose, where that is known.
    pub(crate) fn note_content(
        &self,
        id: BlobId,
        why: &impl Told,
        of: impl IntoIterator<Item = (AccountId, EmailId)>,
    ) {
        self.packs.doubt(id, &self.index);
        let spot = Spot::Content(id);
        let place = self.packs.place_of(id, &self.index);
        let (file, octet) = place.unzip();
        let mut met = self.met(file.as_deref(), octet, why.in_both());
        met.messages = of.into_iter().take(MESSAGES_MAX).collect();
        self.note(spot, met);
    }

    /// A pack cannot be read.
    pub(crate) fn note_pack(&self, number: u32, why: &Error) {
        let spot = Spot::Pack(number);
        let file = self.packs.file(number);
        self.note(spot, self.met(Some(&file), None, why.in_both()));
    }

    /// It was found whole, or nobody needs it any more.
    pub(crate) fn mended(&self, spot: Spot) {
        self.ailing.lock().forget(spot);
    }

    /// Whether blocks of a snapshot were found damaged, which only reading them tells.
    pub(crate) fn suspects_snapshots(&self) -> bool {
        self.ailing.knows(Spot::Snapshots)
    }

    /// Looks again at all content that is noted, and forgets what is whole.
    pub(crate) fn look_again(&self) {
        let spots: Vec<Spot> = self.ailing.lock().known.keys().copied().collect();
        for spot in spots {
            let whole = match spot {
                Spot::Content(id) => match self.packs.read(id, &self.index) {
                    Ok(_) | Err(Error::NotFound) => true,
                    Err(_) => false,
                },
                Spot::Pack(number) => {
                    let gone = !self.packs.file(number).exists();
                    gone || self.packs.walk(number, &mut |_, _| Ok(true)).is_ok()
                }
                Spot::Journal | Spot::Snapshots => false,
            };
            if whole {
                self.mended(spot);
            }
        }
    }

    /// Writes the file when it says something else.
    pub(crate) fn save_harm(&self) {
        let mut book = self.ailing.lock();
        if book.unsaved && self.place.expect().is_ok() {
            book.save(&self.dir, &self.disk, self.clock.now());
        }
    }
}

impl Store {
    /// What is known to be damaged. Nothing is read for it but the names of mailboxes.
    pub fn harms(&self) -> Harms {
        let (known, more) = {
            let book = self.inner.shared.ailing.lock();
            (book.known.clone(), book.more)
        };
        let list = known.into_iter().map(|(spot, known)| {
            let messages = known.messages.iter();
            Harm {
                kind: match spot {
                    Spot::Journal => HarmKind::Journal,
                    Spot::Snapshots => HarmKind::Snapshots,
                    Spot::Pack(_) => HarmKind::Pack,
                    Spot::Content(_) => HarmKind::Content,
                },
                file: known.file,
                octet: known.octet,
                what: known.what,
                since: known.since,
                messages: messages
                    .map(|(account, email)| self.account(*account).harmed(*email))
                    .collect(),
            }
        });
        Harms {
            list: list.collect(),
            more,
        }
    }
}

impl AccountStore {
    fn harmed(&self, email: EmailId) -> Harmed {
        let places = self.state(email).map(|state| state.mailboxes);
        let places = places.unwrap_or_default().into_iter();
        Harmed {
            account: self.id,
            email,
            places: places.map(|(id, uid)| (self.path(id), uid)).collect(),
        }
    }

    /// Names from the root down.
    pub(crate) fn path(&self, id: MailboxId) -> Vec<String> {
        let mut names = Vec::new();
        let mut next = Some(id);
        while let Some(mailbox) = next.and_then(|id| self.mailbox(id).ok()) {
            next = mailbox.parent;
            names.push(mailbox.name);
            if names.len() >= DEPTH_MAX {
                break;
            }
        }
        names.reverse();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(file: &str, since: i64, email: u64) -> Known {
        let message = AccountId::new(7).zip(EmailId::new(email));
        Known {
            file: Some(file.into()),
            octet: Some(3),
            what: "damaged".into(),
            since,
            messages: message.into_iter().collect(),
        }
    }

    #[test]
    fn the_same_damage_keeps_its_first_time_and_another_is_new() {
        let mut book = Book::default();
        book.note(Spot::Journal, known("journal/1", 10, 1));
        book.note(Spot::Journal, known("journal/1", 20, 2));
        let one = &book.known[&Spot::Journal];
        assert_eq!((one.since, one.messages.len()), (10, 2));
        book.note(Spot::Journal, known("journal/2", 30, 1));
        assert_eq!(book.known[&Spot::Journal].since, 30);
        book.forget(Spot::Journal);
        assert!(book.known.is_empty());
    }

    #[test]
    fn i13_it_does_not_grow_for_ever() {
        let mut book = Book::default();
        for n in 0..=PLACES_MAX as u32 {
            book.note(Spot::Pack(n), known("packs/1", 1, 1));
        }
        assert!(book.more && book.known.len() == PLACES_MAX);
        for n in 0..=MESSAGES_MAX as u64 + 3 {
            book.note(Spot::Pack(1), known("packs/1", 1, n + 1));
        }
        assert_eq!(book.known[&Spot::Pack(1)].messages.len(), MESSAGES_MAX);
    }

    #[test]
    fn the_file_is_read_back_and_a_damaged_one_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let (dir, disk) = (dir.path(), Disk::default());
        let mut book = Book::default();
        book.note(
            Spot::Content(BlobId::of(b"x")),
            known("packs/000001.pack", 5, 9),
        );
        book.save(dir, &disk, 5);
        assert_eq!(Ailing::load(dir).lock().known, book.known);
        let mut bytes = std::fs::read(dir.join(FILE)).unwrap();
        bytes[12] ^= 1;
        std::fs::write(dir.join(FILE), bytes).unwrap();
        assert!(Ailing::load(dir).lock().known.is_empty());
        book.forget(Spot::Content(BlobId::of(b"x")));
        book.save(dir, &disk, 6);
        assert!(!dir.join(FILE).exists());
    }
}
