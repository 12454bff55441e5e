//! RFC 9051 §6.4.5: what a FETCH takes out of the state of each message that it looks up.

use std::sync::Arc;
use storage::{BlobId, EmailId, Keyword, MailboxId, ModSeq, State, ThreadId};

/// What is told of a message out of its state. Messages with the same keywords share them.
pub(super) struct Brief {
    pub(super) email: EmailId,
    pub(super) blob: BlobId,
    pub(super) thread: ThreadId,
    pub(super) size: u64,
    pub(super) received_at: i64,
    /// RFC 8514 §3: when it was put into this mailbox, Unix seconds.
    pub(super) saved_at: Option<i64>,
    pub(super) modseq: ModSeq,
    pub(super) keywords: Arc<[Keyword]>,
}

impl Brief {
    pub(super) fn of(state: &State, mailbox: MailboxId, before: Option<&Self>) -> Self {
        let same = before.filter(|before| *before.keywords == *state.keywords);
        Self {
            email: state.email,
            blob: state.blob,
            thread: state.thread,
            size: state.size,
            received_at: state.received_at,
            saved_at: state.saved_at(mailbox),
            modseq: state.modseq,
            keywords: match same {
                Some(before) => Arc::clone(&before.keywords),
                None => state.keywords.as_slice().into(),
            },
        }
    }

    pub(super) fn is_seen(&self) -> bool {
        self.keywords.iter().any(|k| k.as_str() == "$seen")
    }
}
