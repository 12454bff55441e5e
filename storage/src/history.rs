//! One commit in the change log: when it was made, what it changed, and what each change replaced.
//!
//! The value of a log key is three pieces behind one version octet: the time, the changes, the
//! undo. Whoever follows the log decodes only the first two; undelete and point in time read the
//! third. Undo holds only what differs: a message whose keywords changed costs three to five octets.

use crate::index::Index;
use crate::record::{
    self, MailboxRecord, Row, StateRecord, StateRecordV2, join_keywords, split_keywords,
};
use crate::{AccountId, BlobId, Change, EmailId, Error, Keyword, MailboxId, ModSeq, Uid, key};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const WHAT: &str = "change log";

/// Up to where an account's log was trimmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trimmed {
    /// The last commit that the log no longer has.
    pub until: ModSeq,
    /// No commit up to it was made later than this, Unix seconds.
    pub time: i64,
}

impl Trimmed {
    /// `None` when all of the log is there.
    pub(crate) fn read(index: &Index, account: AccountId) -> Result<Option<Self>, Error> {
        let value = index.get(&key::kind(account, key::TRIMMED))?;
        value.map(|v| record::decode(&v, "trimming")).transpose()
    }
}

/// What a changed or removed message was before. Stored in this order of variants: new ones go to the end.
pub(crate) type Before = Replaced<StateRecord>;

/// The same, with whatever shape a whole message has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Replaced<R> {
    /// Only keywords that are marks differ: the marks and the ModSeq before.
    Marks(u8, ModSeq),
    /// Keywords differ.
    Keywords(u8, Vec<Keyword>, ModSeq),
    /// Mailboxes differ.
    Places(Vec<(MailboxId, Uid)>, ModSeq),
    /// Both differ.
    Both(u8, Vec<Keyword>, Vec<(MailboxId, Uid)>, ModSeq),
    /// All of it: the message is gone.
    Whole(Box<R>),
}

impl Before {
    pub(crate) fn of(before: &Row, after: Option<&Row>) -> Self {
        let (old, modseq) = (&before.state, before.state.modseq);
        let Some(new) = after.map(|row| &row.state) else {
            return Self::Whole(Box::new(StateRecord::of(before)));
        };
        let places = (old.mailboxes != new.mailboxes).then(|| old.mailboxes.clone());
        if old.keywords == new.keywords {
            return Self::Places(places.unwrap_or_default(), modseq);
        }
        let (marks, words) = split_keywords(&old.keywords);
        match places {
            Some(places) => Self::Both(marks, words, places, modseq),
            None if words == split_keywords(&new.keywords).1 => Self::Marks(marks, modseq),
            None => Self::Keywords(marks, words, modseq),
        }
    }
}

/// What a changed or removed mailbox was before. Stored in this order of variants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum BoxBefore {
    /// Only the next Uid and the highest ModSeq differ.
    Counters(Uid, ModSeq),
    Whole(Box<MailboxRecord>),
}

impl BoxBefore {
    pub(crate) fn of(before: &MailboxRecord, after: Option<&MailboxRecord>) -> Self {
        let same = after.is_some_and(|after| {
            let (uid_next, highest_modseq) = (before.uid_next, before.highest_modseq);
            let counted = MailboxRecord {
                uid_next,
                highest_modseq,
                ..after.clone()
            };
            counted == *before
        });
        if same {
            Self::Counters(before.uid_next, before.highest_modseq)
        } else {
            Self::Whole(Box::new(before.clone()))
        }
    }
}

/// A message that was made of one that is gone, or of one as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Came {
    pub new: EmailId,
    pub from: EmailId,
    /// A copy in a folder of its own; the message itself is not back.
    pub copy: bool,
}

/// What one commit replaced.
pub(crate) type Undo = UndoOf<StateRecord>;

/// The same, with whatever shape a whole message has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UndoOf<R> {
    /// Of each changed or removed message, in the order of the changes.
    pub rows: Vec<Replaced<R>>,
    pub boxes: Vec<(MailboxId, BoxBefore)>,
    pub came: Vec<Came>,
}

impl<R> Default for UndoOf<R> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            boxes: Vec::new(),
            came: Vec::new(),
        }
    }
}

impl From<UndoOf<StateRecordV2>> for Undo {
    fn from(old: UndoOf<StateRecordV2>) -> Self {
        let row = |before: Replaced<StateRecordV2>| match before {
            Replaced::Marks(marks, modseq) => Before::Marks(marks, modseq),
            Replaced::Keywords(marks, words, modseq) => Before::Keywords(marks, words, modseq),
            Replaced::Places(places, modseq) => Before::Places(places, modseq),
            Replaced::Both(marks, words, places, modseq) => {
                Before::Both(marks, words, places, modseq)
            }
            Replaced::Whole(record) => Before::Whole(Box::new((*record).into())),
        };
        Self {
            rows: old.rows.into_iter().map(row).collect(),
            boxes: old.boxes,
            came: old.came,
        }
    }
}

/// The value of a log key.
pub(crate) fn encode(time: i64, changes: &[Change], undo: &Undo) -> Result<Vec<u8>, Error> {
    let mut value = record::encode(&time)?;
    for piece in [
        postcard::to_extend(changes, Vec::new()),
        postcard::to_extend(undo, Vec::new()),
    ] {
        value.extend(piece.map_err(|_| Error::Invalid("a value that cannot be encoded"))?);
    }
    Ok(value)
}

/// A value of the log whose undo is not read yet.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    /// Unix seconds, as the clock said.
    pub time: i64,
    pub changes: Vec<Change>,
    version: u8,
    undo: &'a [u8],
}

fn take<T: DeserializeOwned>(bytes: &mut &[u8]) -> Result<T, Error> {
    let (value, rest) = postcard::take_from_bytes(bytes)
        .map_err(|_| Error::Corrupt(format!("the record of a {WHAT} cannot be read").into()))?;
    *bytes = rest;
    Ok(value)
}

/// When the commit was made.
pub(crate) fn time_of(value: &[u8]) -> Result<i64, Error> {
    take(&mut record::body(value, WHAT)?)
}

/// Reads time and changes.
pub(crate) fn read(value: &[u8]) -> Result<Entry<'_>, Error> {
    let (version, mut body) = record::versioned(value, WHAT)?;
    Ok(Entry {
        time: take(&mut body)?,
        changes: take(&mut body)?,
        version,
        undo: body,
    })
}

/// What a commit replaced, message by message.
#[derive(Debug, Default)]
pub(crate) struct Undone {
    pub rows: Vec<(EmailId, Before)>,
    pub boxes: Vec<(MailboxId, BoxBefore)>,
    pub came: Vec<Came>,
}

impl Entry<'_> {
    /// The third piece; `None` for a commit made before undo was kept.
    pub(crate) fn undone(&self) -> Result<Option<Undone>, Error> {
        if self.undo.is_empty() {
            return Ok(None);
        }
        let mut rest = self.undo;
        let Undo { rows, boxes, came } = match self.version {
            2 => take::<UndoOf<StateRecordV2>>(&mut rest)?.into(),
            _ => take(&mut rest)?,
        };
        let emails = || self.changes.iter().filter_map(replaced);
        if !rest.is_empty() || emails().count() != rows.len() {
            return Err(Error::Corrupt(
                format!("the undo of a {WHAT} does not fit its changes").into(),
            ));
        }
        let rows = emails().zip(rows).collect();
        Ok(Some(Undone { rows, boxes, came }))
    }

    /// The messages that the commit removed.
    pub(crate) fn removed(&self) -> impl Iterator<Item = EmailId> + '_ {
        self.changes.iter().filter_map(|change| match change {
            Change::EmailRemoved { email, .. } => Some(*email),
            _ => None,
        })
    }
}

/// The message of a change that has an undo.
fn replaced(change: &Change) -> Option<EmailId> {
    match change {
        Change::EmailChanged { email, .. } | Change::EmailRemoved { email, .. } => Some(*email),
        _ => None,
    }
}

/// Calls `each` for the content of every message that this commit removed: it stays needed as
/// long as the log keeps the commit (I-06).
pub(crate) fn blobs_of(value: &[u8], each: &mut dyn FnMut(BlobId)) -> Result<(), Error> {
    let entry = read(value)?;
    if entry.removed().next().is_none() {
        return Ok(());
    }
    for (_, before) in entry.undone()?.unwrap_or_default().rows {
        if let Before::Whole(record) = before {
            each(record.blob);
        }
    }
    Ok(())
}

/// For the upgrade: the second version of a log value of the first. Its undo is not known; it
/// counts as made at `now`, so that clients can follow it for as long as any other.
pub(crate) fn from_v1(body: &[u8], now: i64) -> Result<Vec<u8>, Error> {
    let (_, rest) = postcard::take_from_bytes::<Vec<Change>>(body)
        .map_err(|_| Error::Corrupt(format!("the record of a {WHAT} cannot be read").into()))?;
    if !rest.is_empty() {
        return Err(Error::Corrupt(
            format!("the record of a {WHAT} is too long").into(),
        ));
    }
    let mut value = record::encode_as(2, &now)?;
    value.extend_from_slice(body);
    Ok(value)
}

/// For the upgrade: the third version of a log value of the second, in which whole messages have the times at
/// which they were put into their mailboxes.
pub(crate) fn from_v2(body: &[u8]) -> Result<Vec<u8>, Error> {
    let old = [&[2], body].concat();
    let entry = read(&old)?;
    match entry.undone()? {
        // A commit made before undo was kept.
        None => Ok([&[3], body].concat()),
        Some(Undone { rows, boxes, came }) => {
            let rows = rows.into_iter().map(|(_, before)| before).collect();
            encode(entry.time, &entry.changes, &Undo { rows, boxes, came })
        }
    }
}

/// A message as it was, found by reading commits from an early one on: what the first of them
/// that touches a part replaced, is what that part was.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowThen {
    absent: bool,
    marks: Option<u8>,
    words: Option<Vec<Keyword>>,
    places: Option<Vec<(MailboxId, Uid)>>,
    modseq: Option<ModSeq>,
    whole: Option<Box<StateRecord>>,
}

impl RowThen {
    /// It came with this commit: before it there was nothing.
    pub(crate) fn created(&mut self) {
        self.absent = true;
    }

    pub(crate) fn add(&mut self, before: Before) {
        let (marks, words, places, modseq) = match before {
            Before::Marks(marks, modseq) => (Some(marks), None, None, modseq),
            Before::Keywords(marks, words, modseq) => (Some(marks), Some(words), None, modseq),
            Before::Places(places, modseq) => (None, None, Some(places), modseq),
            Before::Both(marks, words, places, modseq) => {
                (Some(marks), Some(words), Some(places), modseq)
            }
            Before::Whole(record) => {
                let modseq = record.modseq;
                self.whole = Some(record);
                (None, None, None, modseq)
            }
        };
        self.modseq.get_or_insert(modseq);
        self.marks = self.marks.or(marks);
        self.words = self.words.take().or(words);
        self.places = self.places.take().or(places);
    }

    /// The message then; `now` is what it is today.
    pub(crate) fn row(&self, email: EmailId, now: Option<Row>) -> Option<Row> {
        if self.absent {
            return None;
        }
        let mut row = match &self.whole {
            Some(record) => record.as_ref().clone().into_row(email),
            None => now?,
        };
        let (marks, words) = split_keywords(&row.state.keywords);
        let words = self.words.clone().unwrap_or(words);
        row.state.keywords = join_keywords(self.marks.unwrap_or(marks), words);
        if let Some(places) = &self.places {
            row.state.mailboxes.clone_from(places);
        }
        row.state.modseq = self.modseq.unwrap_or(row.state.modseq);
        Some(row)
    }
}

/// A mailbox as it was; see [`RowThen`].
#[derive(Debug, Clone, Default)]
pub(crate) struct BoxThen {
    absent: bool,
    counters: Option<(Uid, ModSeq)>,
    whole: Option<Box<MailboxRecord>>,
}

impl BoxThen {
    /// It was made by this commit.
    pub(crate) fn created(&mut self) {
        self.absent = true;
    }

    pub(crate) fn add(&mut self, before: BoxBefore) {
        match before {
            BoxBefore::Counters(uid_next, highest) if self.whole.is_none() => {
                self.counters.get_or_insert((uid_next, highest));
            }
            BoxBefore::Counters(..) => {}
            BoxBefore::Whole(record) => drop(self.whole.get_or_insert(record)),
        }
    }

    /// The mailbox then; `now` is what it is today.
    pub(crate) fn record(&self, now: Option<&MailboxRecord>) -> Option<MailboxRecord> {
        if self.absent {
            return None;
        }
        let mut record = self.whole.as_deref().or(now)?.clone();
        if let Some((uid_next, highest_modseq)) = self.counters {
            (record.uid_next, record.highest_modseq) = (uid_next, highest_modseq);
        }
        Some(record)
    }
}
