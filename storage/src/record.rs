//! Encoding of the index's values: one version octet, then postcard. An unknown version is an
//! error, never a guess (I-18). Fields are only ever added with a new version.

use crate::{
    BlobId, Change, EmailId, Error, Keyword, MailboxId, ModSeq, Placed, Role, State, ThreadId, Uid,
    UidValidity,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The version that this program writes.
pub(crate) const VERSION: u8 = 1;

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
    postcard::to_extend(value, vec![VERSION])
        .map_err(|_| Error::Invalid("a value that cannot be encoded"))
}

/// Decodes; an unknown version and surplus or missing octets are `Corrupt`.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, Error> {
    match postcard::take_from_bytes(body(bytes, what)?) {
        Ok((value, [])) => Ok(value),
        _ => Err(Error::Corrupt(format!(
            "the record of a {what} cannot be read"
        ))),
    }
}

/// What follows the version octet.
pub(crate) fn body<'a>(bytes: &'a [u8], what: &str) -> Result<&'a [u8], Error> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => Ok(rest),
        Some((version, _)) => Err(Error::Corrupt(format!(
            "unknown version {version} of the record of a {what}"
        ))),
        None => Err(Error::Corrupt(format!("the record of a {what} is empty"))),
    }
}

/// The counters of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    pub modseq: ModSeq,
    pub next_email: EmailId,
    pub next_mailbox: MailboxId,
}

impl Meta {
    /// Of an account that was never written.
    pub(crate) const UNTOUCHED: Self = Self {
        modseq: ModSeq::FIRST,
        next_email: EmailId::FIRST,
        next_mailbox: MailboxId::FIRST,
    };
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

#[derive(Serialize, Deserialize)]
struct StateRecord {
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

/// The value of a state key.
pub(crate) fn encode_row(row: &Row) -> Result<Vec<u8>, Error> {
    let state = &row.state;
    let (mut marks, mut words) = (0u8, Vec::new());
    for keyword in &state.keywords {
        match MARKS.iter().position(|m| *m == keyword.as_str()) {
            Some(bit) => marks |= 1 << bit,
            None => words.push(keyword.clone()),
        }
    }
    encode(&StateRecord {
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
    })
}

/// Reads the value of a state key.
pub(crate) fn decode_row(email: EmailId, bytes: &[u8]) -> Result<Row, Error> {
    let record: StateRecord = decode(bytes, "message")?;
    let mut keywords = record.words;
    let marked = MARKS
        .iter()
        .enumerate()
        .filter(|(bit, _)| record.marks & (1 << bit) != 0);
    keywords.extend(marked.filter_map(|(_, text)| Keyword::new(text)));
    keywords.sort_unstable();
    let state = State {
        email,
        thread: record.thread,
        blob: record.blob,
        size: record.size,
        received_at: record.received_at,
        sent_at: record.sent_at,
        has_attachment: record.has_attachment,
        mailboxes: record.mailboxes,
        keywords,
        modseq: record.modseq,
        created: record.created,
    };
    Ok(Row {
        state,
        ids: record.ids.into_iter().map(u64::from_be_bytes).collect(),
    })
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
    pub zipped: bool,
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

/// What one commit changed.
pub(crate) type Log = Vec<Change>;

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
