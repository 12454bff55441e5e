//! RFC 9051 §6.3.11 STATUS, RFC 8438 SIZE, RFC 7889 APPENDLIMIT, RFC 7162 HIGHESTMODSEQ,
//! RFC 8474 MAILBOXID, RFC 9208 DELETED-STORAGE.

use super::{Runner, Stop};
use crate::ask::Completion;
use crate::code::Seeking;
use crate::tree::Row;
use crate::wire::ident;
use crate::wire::list::StatusItem;
use crate::wire::response::{self, put};
use directory::Rights;
use storage::{AccountStore, Error, Uid};

impl Runner {
    pub(super) fn status(
        &mut self,
        raw: &[u8],
        items: &[StatusItem],
        out: &mut Vec<u8>,
    ) -> Result<Completion, Stop> {
        let row = self.find(raw, Seeking::Named)?;
        let row = row.needs(Rights::READ)?;
        if items.contains(&StatusItem::HighestModSeq) {
            self.condstore_on(out);
        }
        self.status_line(out, &row.store, &row, items)?;
        Ok(Completion::ok("STATUS completed"))
    }

    /// `* STATUS "Sent" (MESSAGES 3 UNSEEN 0)`, from the counts that storage keeps.
    pub(super) fn status_line(
        &self,
        out: &mut Vec<u8>,
        store: &AccountStore,
        row: &Row,
        items: &[StatusItem],
    ) -> Result<(), Error> {
        let told = Told {
            size_max: self.settings.size_max,
            deleted_octets: match items.contains(&StatusItem::DeletedStorage) {
                true => deleted_octets(store, row)?,
                false => 0,
            },
            recent: match items.contains(&StatusItem::Recent) {
                true => self.recent_of(store, row)?,
                false => 0,
            },
        };
        put_line(out, row, items, self.utf8, &told);
        Ok(())
    }
}

impl Runner {
    /// RFC 3501 §6.3.10 RECENT: messages of which no session was told, and of the selected mailbox those besides of
    /// which this one was the first to be told.
    fn recent_of(&self, store: &AccountStore, row: &Row) -> Result<u64, Error> {
        if self.rev2 {
            return Ok(0);
        }
        let mailbox = &row.mailbox;
        let mut first = self
            .kept
            .untold
            .first(&self.directory, store.id(), mailbox)?;
        let selected = self.selected.as_deref();
        let here = selected.filter(|s| (s.account, s.mailbox) == (store.id(), mailbox.id));
        if let Some(selected) = here {
            first = first.max(
                selected
                    .view
                    .last_uid()
                    .map_or(1, |uid| uid.saturating_add(1)),
            );
        } else if first == 1 {
            return Ok(u64::from(mailbox.counts.total));
        }
        let mut recent = here.map_or(0, |s| s.recent.count());
        if let (Some(from), Some(to)) = (Uid::new(first), Uid::new(u32::MAX))
            && from < mailbox.uid_next
        {
            store.scan(mailbox.id, from, to, &mut |_, _| {
                recent += 1;
                true
            })?;
        }
        Ok(recent)
    }
}

/// What is not among the counts.
struct Told {
    size_max: u64,
    deleted_octets: u64,
    recent: u64,
}

/// RFC 9208 §4.1.4: what an EXPUNGE would free; read only where it is asked for.
fn deleted_octets(store: &AccountStore, row: &Row) -> Result<u64, Error> {
    let mut octets = 0;
    if row.mailbox.counts.deleted > 0 {
        let last = Uid::new(u32::MAX).unwrap_or(Uid::FIRST);
        store.scan(row.mailbox.id, Uid::FIRST, last, &mut |_, state| {
            if state.has("$deleted") {
                octets += state.told_size();
            }
            true
        })?;
    }
    Ok(octets)
}

/// From the counts alone, for items that are among them.
pub(super) fn line(out: &mut Vec<u8>, row: &Row, items: &[StatusItem], rev2: bool, size_max: u64) {
    let told = Told {
        size_max,
        deleted_octets: 0,
        recent: 0,
    };
    put_line(out, row, items, rev2, &told);
}

fn put_line(out: &mut Vec<u8>, row: &Row, items: &[StatusItem], rev2: bool, told: &Told) {
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
            StatusItem::Recent => told.recent,
            StatusItem::AppendLimit => told.size_max,
            StatusItem::DeletedStorage => told.deleted_octets,
            StatusItem::MailboxId => {
                let id = ident::mailbox(row.owner, row.mailbox.id);
                put(out, format_args!("{space}MAILBOXID ({id})"));
                continue;
            }
            StatusItem::HighestModSeq => row.mailbox.highest_modseq.raw(),
        };
        put(out, format_args!("{space}{} {value}", item.word()));
    }
    out.extend_from_slice(b")\r\n");
}
