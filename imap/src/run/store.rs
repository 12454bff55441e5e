//! RFC 9051 §6.4.6 STORE.

use super::{Progress, Runner, Stop};
use crate::ask::Completion;
use crate::wire::command::Sign;
use crate::wire::flag::Flag;
use crate::wire::sequence::{Numbers, SequenceSet};
use directory::Right;
use storage::{Error, KeywordChange, State, Uid};

/// Messages of one commit; more wait for the next piece, so that the writer is soon free for others.
const BATCH_MAX: usize = 500;

/// A STORE under way.
pub(super) struct Storing {
    pub(super) uid: bool,
    silent: bool,
    change: KeywordChange,
    left: Numbers,
    missing: bool,
}

impl Runner {
    pub(super) fn store(
        &mut self,
        uid: bool,
        set: &SequenceSet,
        sign: Sign,
        silent: bool,
        flags: Vec<Flag>,
    ) -> Result<Box<Storing>, Stop> {
        self.writable()?;
        let left = self.uids(uid, set)?;
        let words = flags.into_iter().map(|flag| flag.0).collect();
        let change = match sign {
            Sign::Set => KeywordChange::Set(words),
            Sign::Add => KeywordChange::Add(words),
            Sign::Remove => KeywordChange::Remove(words),
        };
        Ok(Box::new(Storing {
            uid,
            silent,
            change,
            left,
            missing: false,
        }))
    }

    pub(super) fn store_step(
        &mut self,
        storing: &mut Storing,
        out: &mut Vec<u8>,
    ) -> Result<Progress, Stop> {
        let batch: Vec<u32> = storing.left.iter().take(BATCH_MAX).collect();
        let Some(last) = batch.last().copied() else {
            return Ok(Progress::Done(match storing.missing && !storing.uid {
                // RFC 2180 §4.2: some messages were expunged by another session.
                true => Completion::no("EXPUNGEISSUED", "Some messages are gone"),
                false => Completion::ok("STORE completed"),
            }));
        };
        storing.left = storing.left.after(last);
        let store = self.mail(Right::Write)?;
        let selected = self.writable()?;
        let mut writer = store.write()?;
        let mut told: Vec<(u32, State)> = Vec::new();
        let mut changed = false;
        for uid in batch {
            let Some(id) = Uid::new(uid) else { continue };
            let email = match writer.at(selected.mailbox, id) {
                Ok(state) => state.email,
                Err(Error::NotFound | Error::Expunged) => {
                    storing.missing = true;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            changed |= writer.keywords(email, &storing.change)?;
            told.push((uid, writer.state(email)?));
        }
        if changed {
            selected.own.push(writer.commit()?);
        }
        for (uid, state) in told {
            if storing.silent {
                let new: Vec<_> = state
                    .keywords
                    .into_iter()
                    .filter(|k| !selected.keywords.contains(k))
                    .collect();
                selected.tell_keywords(new, out);
            } else {
                selected.tell_flags(uid, &state, out);
            }
        }
        Ok(Progress::More)
    }
}
