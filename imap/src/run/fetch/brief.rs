//! RFC 9051 §6.4.5: what a FETCH takes out of the state of each message that it looks up.

use formats::message::binary;
use std::sync::Arc;
use storage::{BlobId, EmailId, Keyword, MailboxId, ModSeq, State, ThreadId};

/// What is told of a message out of its state. Messages with the same keywords share them.
pub(super) struct Brief {
    pub(super) email: EmailId,
    pub(super) blob: BlobId,
    pub(super) thread: ThreadId,
    /// As it is told.
    pub(super) size: u64,
    growth: u32,
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
            size: state.told_size(),
            growth: state.growth,
            received_at: state.received_at,
            saved_at: state.saved_at(mailbox),
            modseq: state.modseq,
            keywords: match same {
                Some(before) => Arc::clone(&before.keywords),
                None => state.keywords.as_slice().into(),
            },
        }
    }

    /// RFC 3516 §6: whether it is told otherwise than it is kept, its binary parts in base64.
    pub(super) fn is_binary(&self) -> bool {
        self.growth > 0
    }

    /// Under which its content is found among those read lately: no part has the number 0.
    pub(super) fn path(&self) -> Vec<u32> {
        match self.is_binary() {
            true => vec![0],
            false => Vec::new(),
        }
    }

    /// Its content as it is told.
    pub(super) fn told(&self, content: Arc<[u8]>) -> Arc<[u8]> {
        let lines = self.is_binary().then(|| binary::readable(&content));
        lines.flatten().map_or(content, Into::into)
    }

    pub(super) fn is_seen(&self) -> bool {
        self.keywords.iter().any(|k| k.as_str() == "$seen")
    }
}
