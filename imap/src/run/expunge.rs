//! RFC 9051 §6.4.3 EXPUNGE, §6.4.9 UID EXPUNGE (RFC 4315 §2.1).

use super::limit::Cut;
use super::{Progress, Runner, Stop};
use crate::ask::Completion;
use crate::wire::sequence::{Numbers, SequenceSet};
use directory::Rights;
use storage::{Error, Uid};

/// Messages of one commit.
const BATCH_MAX: u64 = 500;

/// An EXPUNGE under way.
pub(super) struct Expunging {
    left: Numbers,
    cut: Option<Cut>,
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
        // RFC 9738 §3.1: EXPUNGE is never cut, UID EXPUNGE by what it would take out.
        let cut = set.and_then(|_| self.cut(&mut left));
        Ok(Expunging { left, cut })
    }

    /// Takes a batch out, the highest UIDs first.
    pub(super) fn expunge_step(
        &mut self,
        expunging: &mut Expunging,
        out: &mut Vec<u8>,
    ) -> Result<Progress, Stop> {
        let batch = expunging.left.top(BATCH_MAX);
        let Some(first) = batch.first() else {
            let done = Completion::ok("EXPUNGE completed");
            return Ok(Progress::Done(match expunging.cut {
                Some(cut) => cut.ends(done, out),
                None => done,
            }));
        };
        expunging.left = expunging.left.before(first);
        let store = self.here(Rights::EXPUNGE)?;
        let mailbox = self.writable()?.mailbox;
        let mut writer = store.write()?;
        let mut changed = false;
        for uid in batch.iter().filter_map(Uid::new) {
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
