//! RFC 9051 §6.3.11 STATUS, RFC 8438 SIZE, RFC 7889 APPENDLIMIT, RFC 7162 HIGHESTMODSEQ,
//! RFC 8474 MAILBOXID.

use super::{Runner, Stop};
use crate::ask::Completion;
use crate::code::Seeking;
use crate::tree::Row;
use crate::wire::ident;
use crate::wire::list::StatusItem;
use crate::wire::response::{self, put};

impl Runner {
    pub(super) fn status(
        &mut self,
        raw: &[u8],
        items: &[StatusItem],
        out: &mut Vec<u8>,
    ) -> Result<Completion, Stop> {
        let row = self.find(raw, Seeking::Named)?;
        if items.contains(&StatusItem::HighestModSeq) {
            self.condstore_on(out);
        }
        line(out, &row, items, self.utf8, self.settings.size_max);
        Ok(Completion::ok("STATUS completed"))
    }
}

/// `* STATUS "Sent" (MESSAGES 3 UNSEEN 0)`, from the counts that storage keeps.
pub(super) fn line(out: &mut Vec<u8>, row: &Row, items: &[StatusItem], rev2: bool, size_max: u64) {
    out.extend_from_slice(b"* STATUS ");
    response::mailbox(out, &row.path, rev2);
    out.extend_from_slice(b" (");
    for (at, item) in items.iter().enumerate() {
        let space = if at == 0 { "" } else { " " };
        let counts = &row.mailbox.counts;
        let value = match item {
            StatusItem::Messages => u64::from(counts.total),
            StatusItem::UidNext => u64::from(row.mailbox.uid_next.raw()),
            StatusItem::UidValidity => u64::from(row.mailbox.uid_validity.raw()),
            StatusItem::Unseen => u64::from(counts.unseen),
            StatusItem::Deleted => u64::from(counts.deleted),
            StatusItem::Size => counts.size,
            StatusItem::Recent => 0,
            StatusItem::AppendLimit => size_max,
            StatusItem::MailboxId => {
                let id = ident::mailbox(row.mailbox.id);
                put(out, format_args!("{space}MAILBOXID ({id})"));
                continue;
            }
            StatusItem::HighestModSeq => row.mailbox.highest_modseq.raw(),
        };
        put(out, format_args!("{space}{} {value}", item.word()));
    }
    out.extend_from_slice(b")\r\n");
}
