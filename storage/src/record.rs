//! Encoding of the index's values: one version octet, then postcard. An unknown version is an
//! error, never a guess (I-18). Fields are only ever added with a new version.

use crate::error::Cure;
use crate::{
    BlobId, EmailId, Error, Keyword, MailboxId, ModSeq, Placed, Role, State, ThreadId, Uid,
    UidValidity,
};
use formats::message::{Letterhead, LetterheadView};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The version that this program writes.
pub(crate) const VERSION: u8 = 3;
/// The oldest that it reads where it lies; what is older is rewritten when the store is opened.
pub(crate) const OLDEST: u8 = 2;

/// Keywords that are one bit of a state record instead of a text. Fixed for ever; at most eight.
const MARKS: [&str; 8] = [
    "$seen",
    "$flagged",
    "$answered",
    "$draft",
    "$deleted",
    "$forwarded",
    "$junk",
    "$notjunk",
];

/// Encodes with the current version.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    encode_as(VERSION, value)
}

/// Encodes what is in the shape of this version.
pub(crate) fn encode_as<T: Serialize>(version: u8, value: &T) -> Result<Vec<u8>, Error> {
    postcard::to_extend(value, vec![version])
        .map_err(|_| Error::Invalid("a value that cannot be encoded"))
}

/// Decodes a value whose shape is the same in all versions that are read; an unknown version and surplus or
/// missing octets are `Corrupt`.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, Error> {
    match postcard::take_from_bytes(body(bytes, what)?) {
        Ok((value, [])) => Ok(value),
        _ => Err(Error::Corrupt(
            format!("the record of a {what} cannot be read").into(),
        )),
    }
}

/// The beginning of a summary, in the order of its fields.
#[derive(Deserialize)]
struct Opening {
    _size: u64,
    _header_size: u32,
    head: Letterhead,
}

/// Reads of a summary only what its header said; what follows is not looked at.
pub(crate) fn decode_letterhead(bytes: &[u8]) -> Result<Letterhead, Error> {
    match postcard::take_from_bytes::<Opening>(body(bytes, "summary")?) {
        Ok((opening, _)) => Ok(opening.head),
        Err(_) => Err(Error::Corrupt(
            "the record of a summary cannot be read".into(),
        )),
    }
}

/// The beginning of a summary, its texts where they lie.
#[derive(Deserialize)]
struct OpeningView<'a> {
    _size: u64,
    _header_size: u32,
    #[serde(borrow)]
    head: LetterheadView<'a>,
}

/// As [`decode_letterhead`], without copying a text.
pub(crate) fn view_letterhead(bytes: &[u8]) -> Result<LetterheadView<'_>, Error> {
    match postcard::take_from_bytes::<OpeningView<'_>>(body(bytes, "summary")?) {
        Ok((opening, _)) => Ok(opening.head),
        Err(_) => Err(Error::Corrupt(
            "the record of a summary cannot be read".into(),
        )),
    }
}

/// What follows the version octet.
pub(crate) fn body<'a>(bytes: &'a [u8], what: &str) -> Result<&'a [u8], Error> {
    versioned(bytes, what).map(|(_, rest)| rest)
}

/// The version octet, which is of one that is read, and what follows it.
pub(crate) fn versioned<'a>(bytes: &'a [u8], what: &str) -> Result<(u8, &'a [u8]), Error> {
    match bytes.split_first() {
        Some((version @ OLDEST..=VERSION, rest)) => Ok((*version, rest)),
        Some((version, _)) => Err(Error::cured(
            format!("unknown version {version} of the record of a {what}"),
            Cure::Newer,
        )),
        None => Err(Error::Corrupt(
            format!("the record of a {what} is empty").into(),
        )),
    }
}

/// The counters of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    pub modseq: ModSeq,
    pub next_email: EmailId,
    pub next_mailbox: MailboxId,
    /// Octets and messages, so that usage is known without reading them; not known right after
    /// an upgrade from the first version.
    pub held: Option<(u64, u64)>,
}

impl Meta {
    /// Of an account that was never written.
    pub(crate) const UNTOUCHED: Self = Self {
        modseq: ModSeq::FIRST,
        next_email: EmailId::FIRST,
        next_mailbox: MailboxId::FIRST,
        held: Some((0, 0)),
    };

    /// For the upgrade: the counters of the first version, which knew no octets and messages.
    pub(crate) fn from_v1(body: &[u8]) -> Result<Self, Error> {
        match postcard::take_from_bytes::<(ModSeq, EmailId, MailboxId)>(body) {
            Ok(((modseq, next_email, next_mailbox), [])) => Ok(Self {
                modseq,
                next_email,
                next_mailbox,
                held: None,
            }),
            _ => Err(Error::Corrupt(
                "the record of an account cannot be read".into(),
            )),
        }
    }
}

/// A mailbox without its id (in the key) and its counts (found by counting).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MailboxRecord {
    pub parent: Option<MailboxId>,
    pub name: String,
    pub role: Option<Role>,
    pub subscribed: bool,
    pub sort_order: u32,
    pub uid_validity: UidValidity,
    pub uid_next: Uid,
    pub modseq: ModSeq,
    pub highest_modseq: ModSeq,
}

/// A message's state and the hashes by which it is threaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub state: State,
    pub ids: Vec<u64>,
}

/// A row as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StateRecord {
    pub thread: ThreadId,
    pub blob: BlobId,
    pub size: u64,
    pub received_at: i64,
    pub sent_at: i64,
    pub has_attachment: bool,
    pub mailboxes: Vec<(MailboxId, Uid)>,
    pub marks: u8,
    pub words: Vec<Keyword>,
    pub modseq: ModSeq,
    pub created: ModSeq,
    pub ids: Vec<[u8; 8]>,
    /// Of each of `mailboxes`: see [`offset`]. One more where the message grows for who reads it in lines: by how
    /// many octets. Who does not know of it leaves it alone.
    pub saved: Vec<u64>,
}

/// The second version: without the time at which a message was put into each mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StateRecordV2 {
    thread: ThreadId,
    blob: BlobId,
    size: u64,
    received_at: i64,
    sent_at: i64,
    has_attachment: bool,
    mailboxes: Vec<(MailboxId, Uid)>,
    marks: u8,
    words: Vec<Keyword>,
    modseq: ModSeq,
    created: ModSeq,
    ids: Vec<[u8; 8]>,
}

impl From<StateRecordV2> for StateRecord {
    fn from(old: StateRecordV2) -> Self {
        Self {
            thread: old.thread,
            blob: old.blob,
            size: old.size,
            received_at: old.received_at,
            sent_at: old.sent_at,
            has_attachment: old.has_attachment,
            mailboxes: old.mailboxes,
            marks: old.marks,
            words: old.words,
            modseq: old.modseq,
            created: old.created,
            ids: old.ids,
            saved: Vec::new(),
        }
    }
}

/// A time beside the arrival, which it mostly is: zero when it is not known, else one more than its distance,
/// those before the arrival in between those after it. One octet for most messages.
fn offset(saved: Option<i64>, received_at: i64) -> u64 {
    let Some(saved) = saved else {
        return 0;
    };
    let distance = saved.saturating_sub(received_at);
    let zigzag = (distance << 1) ^ (distance >> 63);
    zigzag.cast_unsigned().saturating_add(1)
}

/// The time of an [`offset`].
fn saved_of(offset: u64, received_at: i64) -> Option<i64> {
    let zigzag = offset.checked_sub(1)?;
    let distance = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
    Some(received_at.saturating_add(distance))
}

/// The keywords that are marks as bits, and the others.
pub(crate) fn split_keywords(keywords: &[Keyword]) -> (u8, Vec<Keyword>) {
    let (mut marks, mut words) = (0u8, Vec::new());
    for keyword in keywords {
        match MARKS.iter().position(|m| *m == keyword.as_str()) {
            Some(bit) => marks |= 1 << bit,
            None => words.push(keyword.clone()),
        }
    }
    (marks, words)
}

/// Both together again, sorted.
pub(crate) fn join_keywords(marks: u8, words: Vec<Keyword>) -> Vec<Keyword> {
    let mut keywords = words;
    let marked = MARKS
        .iter()
        .enumerate()
        .filter(|(bit, _)| marks & (1 << bit) != 0);
    keywords.extend(marked.filter_map(|(_, text)| Keyword::new(text)));
    keywords.sort_unstable();
    keywords
}

impl StateRecord {
    pub(crate) fn of(row: &Row) -> Self {
        let state = &row.state;
        let (marks, words) = split_keywords(&state.keywords);
        Self {
            thread: state.thread,
            blob: state.blob,
            size: state.size,
            received_at: state.received_at,
            sent_at: state.sent_at,
            has_attachment: state.has_attachment,
            mailboxes: state.mailboxes.clone(),
            marks,
            words,
            modseq: state.modseq,
            created: state.created,
            ids: row.ids.iter().map(|id| id.to_be_bytes()).collect(),
            saved: {
                let places = state.mailboxes.iter();
                let at = places.map(|(m, _)| offset(state.saved_at(*m), state.received_at));
                let growth = (state.growth > 0).then_some(state.growth.into());
                at.chain(growth).collect()
            },
        }
    }

    pub(crate) fn into_row(self, email: EmailId) -> Row {
        let places = self.mailboxes.iter().zip(&self.saved);
        let saved = places.filter_map(|((m, _), at)| Some((*m, saved_of(*at, self.received_at)?)));
        let saved = saved.collect();
        let growth = self.saved.get(self.mailboxes.len()).copied();
        let state = State {
            email,
            thread: self.thread,
            blob: self.blob,
            size: self.size,
            growth: growth.map_or(0, |octets| u32::try_from(octets).unwrap_or(u32::MAX)),
            received_at: self.received_at,
            sent_at: self.sent_at,
            has_attachment: self.has_attachment,
            mailboxes: self.mailboxes,
            saved,
            keywords: join_keywords(self.marks, self.words),
            modseq: self.modseq,
            created: self.created,
        };
        Row {
            state,
            ids: self.ids.into_iter().map(u64::from_be_bytes).collect(),
        }
    }
}

/// The value of a state key.
pub(crate) fn encode_row(row: &Row) -> Result<Vec<u8>, Error> {
    encode(&StateRecord::of(row))
}

/// Reads the value of a state key.
pub(crate) fn decode_row(email: EmailId, bytes: &[u8]) -> Result<Row, Error> {
    let record = match versioned(bytes, "message")?.0 {
        2 => decode::<StateRecordV2>(bytes, "message")?.into(),
        _ => decode::<StateRecord>(bytes, "message")?,
    };
    Ok(record.into_row(email))
}

/// Where content lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Location {
    pub pack: u32,
    pub offset: u64,
    /// Octets in the pack, without the header.
    pub stored: u32,
    /// Octets of the content.
    pub raw: u32,
    pub form: Form,
}

/// How content is stored. The numbers are on the disk: new ones go to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub(crate) enum Form {
    /// As it is.
    Plain = 0,
    /// Compressed.
    Zipped = 1,
    /// A recipe, and pieces that other messages may share.
    Assembled = 2,
    /// Compressed with what letters have in common.
    Primed = 3,
}

impl Form {
    /// The form of this number.
    pub(crate) fn of(number: u8) -> Option<Self> {
        [Self::Plain, Self::Zipped, Self::Assembled, Self::Primed]
            .get(usize::from(number))
            .copied()
    }
}

/// A spooled item without its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QueueRecord {
    pub due: i64,
    pub blob: BlobId,
    pub payload: Vec<u8>,
}

/// Where a delivery went (I-09).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Delivered {
    pub email: EmailId,
    pub thread: ThreadId,
    pub uids: Vec<(MailboxId, Uid)>,
}

impl Delivered {
    pub(crate) fn placed(self) -> Placed {
        Placed {
            email: self.email,
            thread: self.thread,
            uids: self.uids,
            already: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i18_an_unknown_version_is_an_error() {
        let mut bytes = encode(&Meta::UNTOUCHED).unwrap();
        assert_eq!(decode::<Meta>(&bytes, "account"), Ok(Meta::UNTOUCHED));
        bytes[0] = VERSION + 1;
        assert!(matches!(
            decode::<Meta>(&bytes, "account"),
            Err(Error::Corrupt(_))
        ));
        assert!(matches!(
            decode::<Meta>(&[], "account"),
            Err(Error::Corrupt(_))
        ));
    }

    #[test]
    fn a_time_is_kept_beside_the_arrival() {
        for received_at in [0, 1_800_000_000, -5] {
            for distance in [0, 1, -1, 86_400, -900_000_000] {
                let saved = Some(received_at + distance);
                assert_eq!(saved_of(offset(saved, received_at), received_at), saved);
            }
            assert_eq!(saved_of(offset(None, received_at), received_at), None);
        }
        assert_eq!((offset(Some(7), 7), offset(Some(8), 7)), (1, 3));
    }

    #[test]
    fn what_a_message_grows_by_is_kept_behind_its_times() {
        let (email, thread) = (EmailId::FIRST, ThreadId::FIRST);
        let boxes = [MailboxId::FIRST, MailboxId::new(2).unwrap()];
        for (growth, mailboxes) in [(0, 1), (7, 1), (u32::MAX, 2)] {
            let state = State {
                email,
                thread,
                blob: BlobId([1; 32]),
                size: 100,
                growth,
                received_at: 5,
                sent_at: 5,
                has_attachment: false,
                mailboxes: boxes[..mailboxes]
                    .iter()
                    .map(|m| (*m, Uid::FIRST))
                    .collect(),
                saved: vec![(boxes[0], 6)],
                keywords: Vec::new(),
                modseq: ModSeq::FIRST,
                created: ModSeq::FIRST,
            };
            let row = Row {
                state,
                ids: vec![3],
            };
            let bytes = encode_row(&row).unwrap();
            let read = decode_row(email, &bytes).unwrap();
            assert_eq!(read.state.told_size(), 100 + u64::from(growth));
            assert_eq!(read, row);
        }
    }

    #[test]
    fn a_letterhead_is_the_beginning_of_a_summary() {
        let text = "From: Bình <b@x.vn>\r\nTo: c@x.vn\r\nSubject: Công văn\r\nReferences: <1@x> <2@x>\r\n\r\nx";
        let summary = formats::message::summarize(text.as_bytes());
        let bytes = encode(&summary).unwrap();
        let view = view_letterhead(&bytes).unwrap();
        assert_eq!(view, LetterheadView::from(&summary.head));
        assert_eq!(view.from[0].mailbox, Some("b"));
        assert!(matches!(
            view_letterhead(&bytes[..9]),
            Err(Error::Corrupt(_))
        ));
        assert_eq!(decode_letterhead(&bytes), Ok(summary.head));
        assert!(matches!(
            decode_letterhead(&bytes[..9]),
            Err(Error::Corrupt(_))
        ));
    }

    #[test]
    fn surplus_octets_are_an_error() {
        let mut bytes = encode(&Meta::UNTOUCHED).unwrap();
        bytes.push(0);
        assert!(matches!(
            decode::<Meta>(&bytes, "account"),
            Err(Error::Corrupt(_))
        ));
    }

    #[test]
    fn every_mark_is_a_keyword() {
        assert!(
            MARKS
                .iter()
                .all(|m| Keyword::new(m).is_some_and(|k| k.as_str() == *m))
        );
    }
}
