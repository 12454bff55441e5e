//! RFC 1939 §6 QUIT: what was marked goes in one commit, durable before `+OK` (I-01).

use super::Runner;
use crate::ask::{Answer, Refusal};
use crate::code;
use directory::Right;
use storage::{Error, Uid};

impl Runner {
    pub(super) fn finish(&mut self, marked: &[u32]) -> Result<Answer, Refusal> {
        let removed = match marked.is_empty() {
            true => Ok(()),
            false => self.remove(marked),
        };
        // The maildrop is given back whatever came of it.
        self.open = None;
        self.sending = None;
        removed.map(|()| Answer::Finished)
    }

    /// All of them or none. What others removed meanwhile is gone already, as it should be.
    fn remove(&self, marked: &[u32]) -> Result<(), Refusal> {
        let (store, inbox) = self.mail(Right::Write)?;
        let refusal = |error: Error| code::refusal(&error);
        let mut writer = store.write().map_err(refusal)?;
        let mut any = false;
        for uid in marked.iter().copied().filter_map(Uid::new) {
            match writer.at(inbox, uid) {
                Ok(state) => {
                    writer.expunge(state.email, inbox).map_err(refusal)?;
                    any = true;
                }
                Err(Error::NotFound | Error::Expunged) => {}
                Err(error) => return Err(refusal(error)),
            }
        }
        if any {
            writer.commit().map_err(refusal)?;
        }
        Ok(())
    }
}
