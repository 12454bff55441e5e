//! RFC 9051 §7.5: what other sessions did, told as EXPUNGE (or RFC 7162 VANISHED), EXISTS and FETCH.

use super::resync::{Modes, put_fetch, put_vanished};
use super::{Runner, Selected, Stop, select};
use crate::wire::flag;
use crate::wire::response::put;
use crate::wire::sequence::Numbers;
use directory::Rights;
use std::collections::BTreeSet;
use storage::{AccountStore, Change, EmailId, Error, ModSeq, State, Uid};

/// Changes read at one time.
const CHANGES_MAX: usize = 2_000;

/// What a stretch of the change log means for the selected mailbox.
#[derive(Default)]
struct Found {
    emails: BTreeSet<EmailId>,
    states: Vec<(u32, State)>,
    gone: Vec<u32>,
    /// The first commit that took some of them out.
    from: Option<ModSeq>,
    arrivals: bool,
}

impl Runner {
    /// Tells what changed since the last time; true when there is more to tell. Nothing is told
    /// twice, and nothing of what this session did itself and told already.
    pub(super) fn sync(&mut self, expunges: bool, out: &mut Vec<u8>) -> Result<bool, Stop> {
        if self.selected.is_none() {
            return Ok(false);
        }
        let store = self.here(Rights::READ)?;
        // RFC 5465 §3.1: who does not want to hear of messages hears what their own command did.
        let wants = self.selection();
        let own = self.selected.as_deref().is_some_and(|s| s.expunged);
        if !wants.messages && !own {
            return Ok(false);
        }
        let (rev2, modes) = (self.rev2, self.modes);
        let Some(selected) = self.selected.as_deref_mut() else {
            return Ok(false);
        };
        let now = store.modseq()?;
        let mut more = false;
        let mut found = Found::default();
        if now != selected.modseq {
            match store.changes(selected.modseq, CHANGES_MAX) {
                Ok(changes) => {
                    for (modseq, change) in &changes.list {
                        selected.note(*modseq, change, &mut found);
                    }
                    more = changes.more;
                    selected.modseq = changes.until;
                    selected.look_up(&store, &mut found)?;
                }
                // The log no longer reaches back: compare everything.
                Err(Error::NotFound) => {
                    selected.rescan(&store, &mut found)?;
                    selected.modseq = now;
                }
                Err(error) => return Err(error.into()),
            }
            let told = selected.modseq;
            selected.own.retain(|own| *own > told);
        }
        selected.gone.extend(found.gone);
        selected.held = selected.held.or(found.from);
        selected.contexts_lose(out);
        if expunges {
            selected.tell_gone(modes, out);
        }
        if found.arrivals {
            let last = selected.view.last_uid().unwrap_or(0);
            selected.tell_arrivals(&store, rev2, out)?;
            if !wants.items.is_empty() {
                let new = selected.view.all().after(last);
                selected.arrived = selected.arrived.iter().chain(new.iter()).collect();
            }
        }
        if !wants.flags {
            found.states.clear();
        }
        for (uid, state) in &found.states {
            selected.tell_flags(*uid, state, modes, out);
        }
        selected.contexts_follow(&store, out)?;
        Ok(more)
    }
}

impl Selected {
    fn note(&self, modseq: ModSeq, change: &Change, found: &mut Found) {
        match change {
            Change::EmailCreated { email, .. } | Change::EmailChanged { email, .. } => {
                found.arrivals = true;
                if !self.own.contains(&modseq) && matches!(change, Change::EmailChanged { .. }) {
                    found.emails.insert(*email);
                }
            }
            Change::Vanished { mailbox, uid } if *mailbox == self.mailbox => {
                found.gone.push(uid.raw());
                found.from = found.from.or(Some(modseq));
            }
            _ => {}
        }
    }

    /// The states behind the noted messages, of those which the peer knows.
    fn look_up(&self, store: &AccountStore, found: &mut Found) -> Result<(), Error> {
        for email in std::mem::take(&mut found.emails) {
            match store.state(email) {
                Ok(state) => {
                    let uid = state.uid(self.mailbox).map(Uid::raw);
                    if let Some(uid) = uid.filter(|uid| self.view.number(*uid).is_some()) {
                        found.states.push((uid, state));
                    }
                }
                Err(Error::NotFound | Error::Expunged) => {}
                Err(error) => return Err(error),
            }
        }
        found.states.sort_by_key(|(uid, _)| *uid);
        Ok(())
    }

    fn rescan(&self, store: &AccountStore, found: &mut Found) -> Result<(), Error> {
        let mut present = Numbers::default();
        let last = Uid::new(u32::MAX).unwrap_or(Uid::FIRST);
        store.scan(self.mailbox, Uid::FIRST, last, &mut |uid, state| {
            present.push(uid.raw());
            // Here its own changes cannot be told from others' before them: all are told.
            if state.modseq > self.modseq && self.view.number(uid.raw()).is_some() {
                found.states.push((uid.raw(), state.clone()));
            }
            true
        })?;
        found.gone = self
            .view
            .all()
            .iter()
            .filter(|uid| !present.contains(*uid))
            .collect();
        // When they went is not known: after what was told before.
        found.from = self.modseq.next().filter(|_| !found.gone.is_empty());
        found.arrivals = true;
        Ok(())
    }

    /// RFC 9051 §7.5.1 EXPUNGE, RFC 7162 §3.2.10.2 VANISHED: only of what the client was told of.
    fn tell_gone(&mut self, modes: Modes, out: &mut Vec<u8>) {
        let gone: Numbers = std::mem::take(&mut self.gone).into_iter().collect();
        self.held = None;
        self.recent = self.recent.without(&gone);
        if modes.qresync || modes.uid_only {
            put_vanished(out, self.view.known(&gone), false);
            self.view.remove(&gone);
            return;
        }
        for number in self.view.remove(&gone) {
            put(out, format_args!("* {number} EXPUNGE\r\n"));
        }
    }

    /// RFC 9051 §7.4.1 EXISTS.
    fn tell_arrivals(
        &mut self,
        store: &AccountStore,
        rev2: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let after = self
            .view
            .last_uid()
            .map_or(Some(Uid::FIRST), |uid| Uid::new(uid).and_then(Uid::next));
        let (Some(from), Some(to)) = (after, Uid::new(u32::MAX)) else {
            return Ok(());
        };
        let before = self.view.count();
        let mut arrived = Numbers::default();
        let mut keywords = Vec::new();
        store.scan(self.mailbox, from, to, &mut |uid, state| {
            self.view.push(uid.raw());
            arrived.push(uid.raw());
            keywords.extend(
                state
                    .keywords
                    .iter()
                    .filter(|k| !self.keywords.contains(k))
                    .cloned(),
            );
            true
        })?;
        self.tell_keywords(keywords, out);
        if self.view.count() > before {
            put(out, format_args!("* {} EXISTS\r\n", self.view.count()));
            // RFC 3501 §2.3.2: of what nobody else was told before.
            let first = self.telling.tell(self.view.last_uid().unwrap_or(0));
            if !rev2 {
                for uid in arrived.after(first - 1).iter() {
                    self.recent.push(uid);
                }
                put(out, format_args!("* {} RECENT\r\n", self.recent.count()));
            }
        }
        Ok(())
    }

    /// RFC 9051 §7.3.5 FLAGS: a keyword that was never named before is named first.
    pub(super) fn tell_keywords(
        &mut self,
        keywords: impl IntoIterator<Item = storage::Keyword>,
        out: &mut Vec<u8>,
    ) {
        let before = self.keywords.len();
        self.keywords.extend(keywords);
        if self.keywords.len() > before {
            select::flags(out, &self.keywords);
        }
    }

    /// RFC 9051 §7.5.2 FETCH with the flags of one message, and its mod-sequence (RFC 7162 §3.2.4).
    pub(super) fn tell_flags(&mut self, uid: u32, state: &State, modes: Modes, out: &mut Vec<u8>) {
        let Some(number) = self.view.number(uid) else {
            return;
        };
        if state.keywords.iter().any(|k| !self.keywords.contains(k)) {
            self.tell_keywords(state.keywords.iter().cloned(), out);
        }
        if !put_fetch(out, number, uid, modes) {
            put(out, format_args!("UID {uid} "));
        }
        out.extend_from_slice(b"FLAGS ");
        flag::put_flags_told(out, &state.keywords, self.recent.contains(uid));
        if modes.condstore {
            put(out, format_args!(" MODSEQ ({})", state.modseq));
            self.tell_modseq(state.modseq);
        }
        out.extend_from_slice(b")\r\n");
    }
}
