//! RFC 9051 §6.4.6 STORE, RFC 7162 §3.1.3 UNCHANGEDSINCE.

use super::Selected;
use super::find::not_permitted;
use super::limit::Cut;
use super::resync::{Modes, put_fetch};
use super::{Progress, Runner, Stop};
use crate::ask::Completion;
use crate::wire::flag;
use crate::wire::response::put;
use crate::wire::sequence::Numbers;
use crate::wire::store::{Sign, Store};
use directory::Rights;
use std::borrow::Cow;
use std::collections::BTreeSet;
use storage::{Error, KeywordChange, ModSeq, State, Uid, Writer};

/// Messages of one commit; more wait for the next piece, so that the writer is soon free for others.
const BATCH_MAX: usize = 500;

/// A STORE under way.
pub(super) struct Storing {
    pub(super) uid: bool,
    silent: bool,
    change: KeywordChange,
    rights: Rights,
    left: Numbers,
    cut: Option<Cut>,
    missing: bool,
    unchanged_since: Option<u64>,
    /// UIDs of messages that changed after it.
    modified: BTreeSet<u32>,
}

/// A message of a batch.
struct Stored {
    uid: u32,
    state: State,
    changed: bool,
}

impl Storing {
    /// What changes of one message: FLAGS replaces only the flags that may be changed.
    fn change_of(&self, state: &State) -> Cow<'_, KeywordChange> {
        match &self.change {
            KeywordChange::Set(words) if !self.rights.has(flag::ALL) => {
                let kept = state.keywords.iter();
                let kept = kept.filter(|k| !self.rights.has(flag::right(k)));
                Cow::Owned(KeywordChange::Set(kept.chain(words).cloned().collect()))
            }
            change => Cow::Borrowed(change),
        }
    }
}

impl Runner {
    pub(super) fn store(&mut self, stored: Store, out: &mut Vec<u8>) -> Result<Box<Storing>, Stop> {
        self.writable()?;
        let mut left = self.uids(stored.uid, &stored.set)?;
        let cut = self.cut(&mut left);
        if stored.unchanged_since.is_some() {
            self.condstore_on(out);
        }
        // RFC 4314 §4: what may not be changed is left as it is; refused only where nothing else is left.
        let rights = self.rights_here();
        let named = !stored.flags.is_empty();
        let words = flag::permitted(stored.flags, rights);
        if !rights.any(flag::ALL) || (named && words.is_empty()) {
            return Err(not_permitted().into());
        }
        let change = match stored.sign {
            Sign::Set => KeywordChange::Set(words),
            Sign::Add => KeywordChange::Add(words),
            Sign::Remove => KeywordChange::Remove(words),
        };
        Ok(Box::new(Storing {
            uid: stored.uid,
            silent: stored.silent,
            change,
            rights,
            left,
            cut,
            missing: false,
            unchanged_since: stored.unchanged_since,
            modified: BTreeSet::new(),
        }))
    }

    pub(super) fn store_step(
        &mut self,
        storing: &mut Storing,
        out: &mut Vec<u8>,
    ) -> Result<Progress, Stop> {
        let batch = storing.next();
        if batch.is_empty() {
            let done = storing.completion(self.selected()?);
            return Ok(Progress::Done(match storing.cut {
                Some(cut) => cut.ends(done, out),
                None => done,
            }));
        }
        let store = self.here(Rights::NONE)?;
        let modes = self.modes;
        let selected = self.writable()?;
        let mut writer = store.write()?;
        let mut told: Vec<Stored> = Vec::new();
        for uid in batch {
            told.extend(storing.change_one(&mut writer, selected, uid)?);
        }
        if told.iter().any(|stored| stored.changed) {
            let modseq = writer.commit()?;
            selected.own.push(modseq);
            storing.tell(told, Some(modseq), selected, modes, out);
        } else {
            storing.tell(told, None, selected, modes, out);
        }
        Ok(Progress::More)
    }
}

impl Storing {
    /// Messages still to be changed.
    pub(super) fn left(&self) -> u64 {
        self.left.count()
    }

    /// The UIDs of the next commit. RFC 9738 §3.1: from the highest down, where not all will come.
    fn next(&mut self) -> Vec<u32> {
        let mut batch: Vec<u32>;
        if self.cut.is_some() {
            batch = self.left.top(BATCH_MAX as u64).iter().collect();
            self.left = self.left.before(batch.first().copied().unwrap_or(0));
            batch.reverse();
        } else {
            batch = self.left.iter().take(BATCH_MAX).collect();
            self.left = self.left.after(batch.last().copied().unwrap_or(0));
        }
        batch
    }

    fn change_one(
        &mut self,
        writer: &mut Writer,
        selected: &Selected,
        uid: u32,
    ) -> Result<Option<Stored>, Error> {
        let Some(id) = Uid::new(uid) else {
            return Ok(None);
        };
        let state = match writer.at(selected.mailbox, id) {
            Ok(state) => state,
            Err(Error::NotFound | Error::Expunged) => {
                self.missing = true;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        if self
            .unchanged_since
            .is_some_and(|since| state.modseq.raw() > since)
        {
            self.modified.insert(uid);
            return Ok(None);
        }
        let changed = writer.keywords(state.email, &self.change_of(&state))?;
        let state = writer.state(state.email)?;
        Ok(Some(Stored {
            uid,
            state,
            changed,
        }))
    }

    /// The messages of one commit. What failed UNCHANGEDSINCE is told by `sync`, unless the client
    /// knows it already.
    fn tell(
        &self,
        told: Vec<Stored>,
        commit: Option<ModSeq>,
        selected: &mut Selected,
        modes: Modes,
        out: &mut Vec<u8>,
    ) {
        for mut stored in told {
            // The commit has stamped what it changed.
            if let Some(modseq) = commit.filter(|_| stored.changed) {
                stored.state.modseq = modseq;
            }
            let Stored {
                uid,
                state,
                changed,
            } = stored;
            if !self.silent {
                selected.tell_flags(uid, &state, modes, out);
                continue;
            }
            let new = state.keywords.iter();
            let new = new.filter(|k| !selected.keywords.contains(k)).cloned();
            let new: Vec<_> = new.collect();
            selected.tell_keywords(new, out);
            // RFC 7162 §3.1.3: the mod-sequence is told even if silent.
            let due = changed || self.unchanged_since.is_some();
            if let Some(number) = selected.view.number(uid)
                && modes.condstore
                && due
            {
                let modseq = state.modseq;
                if !put_fetch(out, number, uid, modes) {
                    put(out, format_args!("UID {uid} "));
                }
                put(out, format_args!("MODSEQ ({modseq}))\r\n"));
                selected.tell_modseq(modseq);
            }
        }
    }

    fn completion(&self, selected: &Selected) -> Completion {
        let done = match self.missing && !self.uid {
            // RFC 2180 §4.2: some messages were expunged by another session.
            true => Completion::no("EXPUNGEISSUED", "Some messages are gone"),
            false => Completion::ok("STORE completed"),
        };
        if self.modified.is_empty() {
            return done;
        }
        let set: Numbers = match self.uid {
            true => self.modified.iter().copied().collect(),
            false => {
                let uids = self.modified.iter();
                uids.filter_map(|uid| selected.view.number(*uid)).collect()
            }
        };
        done.code(format!("MODIFIED {}", set.text()))
    }
}
