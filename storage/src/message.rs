//! Message: one stored mail of an account, in one or more mailboxes.

use crate::{BlobId, EmailId, MailboxId, ModSeq, ThreadId, Uid};
use formats::message::Summary;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A keyword as JMAP spells it: lower-case, `$seen`, `$flagged`, `$answered`, `$draft`, `$deleted`,
/// or a user's own (RFC 8621 §4.1.1). 1 to 255 octets of printable ASCII without `( ) { ] % * " \`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Keyword(String);

impl Keyword {
    /// Checks and lower-cases.
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=255).contains(&text.len())
            && text
                .bytes()
                .all(|b| (0x21..=0x7e).contains(&b) && !b"(){]%*\"\\".contains(&b));
        fits.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The text, lower-case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The small mutable part of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct State {
    pub email: EmailId,
    pub thread: ThreadId,
    pub blob: BlobId,
    /// Octets of the raw message.
    pub size: u64,
    /// By how many octets it is longer for who reads it in lines: its binary parts go to him in base64 (RFC 3516 §6).
    /// 0: nothing in it is binary, or it came before that was looked at.
    pub growth: u32,
    /// Unix seconds, with the zone it arrived in shown as UTC (INTERNALDATE, receivedAt).
    pub received_at: i64,
    /// Unix seconds of the Date header, or `received_at`.
    pub sent_at: i64,
    pub has_attachment: bool,
    /// Where it is, each time with its Uid; sorted by MailboxId; never empty.
    pub mailboxes: Vec<(MailboxId, Uid)>,
    /// When it was put into each of them, Unix seconds; one where it was before that was kept is left out.
    pub saved: Vec<(MailboxId, i64)>,
    /// Sorted.
    pub keywords: Vec<Keyword>,
    /// Of the last change.
    pub modseq: ModSeq,
    /// Of its arrival.
    pub created: ModSeq,
}

impl State {
    /// The Uid in this mailbox.
    pub fn uid(&self, mailbox: MailboxId) -> Option<Uid> {
        self.mailboxes
            .iter()
            .find(|(m, _)| *m == mailbox)
            .map(|(_, u)| *u)
    }

    /// Octets of the message as who reads it in lines gets it: what IMAP and POP3 tell.
    pub fn told_size(&self) -> u64 {
        self.size.saturating_add(self.growth.into())
    }

    /// Its summary with what is not kept there, so that a copy has it too.
    pub(crate) fn complete(&self, mut summary: Arc<Summary>) -> Arc<Summary> {
        if summary.growth != self.growth {
            Arc::make_mut(&mut summary).growth = self.growth;
        }
        summary
    }

    /// When it was put into this mailbox, Unix seconds; `None` when that was not kept.
    pub fn saved_at(&self, mailbox: MailboxId) -> Option<i64> {
        let saved = self.saved.iter().find(|(m, _)| *m == mailbox);
        saved.map(|(_, at)| *at)
    }

    /// Whether this keyword is set; `text` in lower case.
    pub fn has(&self, text: &str) -> bool {
        self.keywords.iter().any(|k| k.as_str() == text)
    }
}

/// A message with its immutable summary.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Message {
    pub state: State,
    pub summary: Arc<Summary>,
}

/// A message to put into an account. The content must have been staged with `Store::put_blob`.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Append<'a> {
    pub blob: BlobId,
    pub summary: &'a Summary,
    /// Unix seconds.
    pub received_at: i64,
    pub keywords: Vec<Keyword>,
    /// At least one.
    pub mailboxes: Vec<MailboxId>,
    /// Non-zero for deliveries: the same id is placed at most once in this account (I-09).
    pub delivery: Option<u64>,
}

/// What became of an append or a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Placed {
    pub email: EmailId,
    pub thread: ThreadId,
    pub uids: Vec<(MailboxId, Uid)>,
    /// Whether I-09 found it already there and nothing was added.
    pub already: bool,
}

/// A change of keywords.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub enum KeywordChange {
    Set(Vec<Keyword>),
    Add(Vec<Keyword>),
    Remove(Vec<Keyword>),
}
