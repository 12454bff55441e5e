//! RFC 9051 §6.3.12 APPEND, RFC 4315 §3 APPENDUID.

use super::{Runner, Stop};
use crate::ask::Completion;
use crate::code::{self, Seeking};
use crate::wire::append::Append;
use directory::Right;
use formats::message::summarize;

impl Runner {
    /// The octets are stored as they came (I-12); OK only after the commit (I-01).
    pub(super) fn append(&mut self, append: Append) -> Result<Completion, Stop> {
        let row = self.find(&append.mailbox, Seeking::Target)?;
        if append.message.is_empty() {
            return Err(Completion::no("CANNOT", "There is no message").into());
        }
        let store = self.mail(Right::Write)?;
        let received_at = append
            .date
            .unwrap_or_else(|| self.directory.clock().now_s());
        // Reading and staging come before the writer: others must not wait for them.
        let summary = summarize(&append.message);
        let blob = store.put_blob(&append.message)?;
        let mut writer = store.write()?;
        writer.quota(self.directory.quota(store.id()));
        let placed = writer.append(storage::Append {
            blob,
            summary: &summary,
            received_at,
            keywords: append.flags.into_iter().map(|flag| flag.0).collect(),
            mailboxes: vec![row.mailbox.id],
            delivery: None,
        });
        let placed = placed.map_err(|e| Stop::Answer(code::refusal(&e, Seeking::Target)))?;
        let validity = writer.mailbox(row.mailbox.id)?.uid_validity;
        writer.commit()?;
        let uid = placed.uids.first().map_or(0, |(_, uid)| uid.raw());
        Ok(Completion::ok("APPEND completed").code(format!("APPENDUID {validity} {uid}")))
    }
}
