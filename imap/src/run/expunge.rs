//! RFC 9051 §6.4.3 EXPUNGE, §6.4.9 UID EXPUNGE (RFC 4315 §2.1).

use super::{Progress, Runner, Stop};
use crate::ask::Completion;
use crate::wire::sequence::{Numbers, SequenceSet};
use directory::Rights;
use storage::{Error, Uid};

/// Messages of one commit.
const BATCH_MAX: usize = 500;

/// An EXPUNGE under way.
pub(super) struct Expunging {
    left: Numbers,
}

impl Expunging {
    /// Messages still to be taken out.
    pub(super) fn left(&self) -> u64 {
        self.left.count()
    }
}

impl Runner {
    /// Finds what is marked; the numbers are told by `sync`, as for any other session.
    pub(super) fn expunge(&mut self, set: Option<&SequenceSet>) -> Result<Expunging, Stop> {
        self.writable()?;
        let store = self.here(Rights::EXPUNGE)?;
        let among = set.map(|set| self.uids(true, set)).transpose()?;
        let selected = self.selected()?;
        let mut left = Numbers::default();
        let marked = match store.mailbox(selected.mailbox) {
            Ok(mailbox) => mailbox.counts.deleted,
            Err(Error::NotFound) => 0,
            Err(error) => return Err(error.into()),
        };
        if marked > 0 {
            let last = Uid::new(u32::MAX).unwrap_or(Uid::FIRST);
            store.scan(selected.mailbox, Uid::FIRST, last, &mut |uid, state| {
                let uid = uid.raw();
                // Only what the peer knows of: it must not lose what it never saw.
                let known = selected.view.number(uid).is_some();
                let wanted = among.as_ref().is_none_or(|set| set.contains(uid));
                if known && wanted && state.has("$deleted") {
                    left.push(uid);
                }
                true
            })?;
        }
        Ok(Expunging { left })
    }

    pub(super) fn expunge_step(&mut self, expunging: &mut Expunging) -> Result<Progress, Stop> {
        let batch: Vec<u32> = expunging.left.iter().take(BATCH_MAX).collect();
        let Some(last) = batch.last().copied() else {
            return Ok(Progress::Done(Completion::ok("EXPUNGE completed")));
        };
        expunging.left = expunging.left.after(last);
        let store = self.here(Rights::EXPUNGE)?;
        let mailbox = self.writable()?.mailbox;
        let mut writer = store.write()?;
        let mut changed = false;
        for uid in batch.into_iter().filter_map(Uid::new) {
            match writer.at(mailbox, uid) {
                // Another session may have taken the mark away since.
                Ok(state) if state.has("$deleted") => {
                    writer.expunge(state.email, mailbox)?;
                    changed = true;
                }
                Ok(_) | Err(Error::NotFound | Error::Expunged) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if changed {
            writer.commit()?;
            self.selected()?.expunged = true;
        }
        Ok(Progress::More)
    }
}
