//! RFC 7162: mod-sequences as the client may rely on them, and what is gone since one of them.
//!
//! A client that is cut off goes on from the highest mod-sequence it was told. What must hold is
//! therefore that nothing up to that one was kept from it: where an EXPUNGE waits for its time
//! (I-16), or a commit of this moment was seen in part, HIGHESTMODSEQ says so (RFC 7162 §3.2, §6).

use super::{Runner, Selected, Stop};
use crate::wire::response::{self, put};
use crate::wire::sequence::Numbers;
use directory::Rights;
use storage::{AccountStore, Change, Error, ModSeq, Uid};

/// Changes of the log read at one time.
const CHANGES_MAX: usize = 2_000;
/// Times that it is read for one command. What lies further back is found by comparing, which
/// costs no more than the mailbox is large.
const READS_MAX: usize = 100;
/// Ranges of one VANISHED line.
pub(super) const VANISHED_MAX: usize = 2_048;

/// What the client has turned on for the rest of the connection.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Modes {
    /// RFC 7162 §3.1: mod-sequences go with every FETCH response.
    pub(super) condstore: bool,
    /// RFC 7162 §3.2.3: VANISHED instead of EXPUNGE.
    pub(super) qresync: bool,
    /// RFC 9586 §3: UIDs in place of message numbers, everywhere.
    pub(super) uid_only: bool,
}

impl Runner {
    /// RFC 7162 §3.1: a CONDSTORE enabling command; the first one tells HIGHESTMODSEQ.
    pub(super) fn condstore_on(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.modes.condstore, true) {
            return;
        }
        let Ok(store) = self.here(Rights::READ) else {
            return;
        };
        let safe = self.selected.as_deref().and_then(|s| s.safe(&store));
        if let Some(safe) = safe {
            put_highest(out, safe);
        }
    }

    /// RFC 7162 §3.2.6: those of `asked` that left the mailbox after `since`. Where the log does
    /// not reach back so far, all that are not there (RFC 7162 §3.2.6, last note), without those
    /// that the client's sample shows it knows of (RFC 7162 §3.2.5.2).
    pub(super) fn vanished(
        &mut self,
        asked: &Numbers,
        since: u64,
        sample: Option<&(Numbers, Numbers)>,
    ) -> Result<Numbers, Stop> {
        let store = self.here(Rights::READ)?;
        let selected = self.selected()?;
        match logged(&store, selected, since) {
            Ok(Some(gone)) => return Ok(gone.and(asked).without(&selected.view.all())),
            Ok(None) | Err(Error::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
        let Ok(mailbox) = store.mailbox(selected.mailbox) else {
            return Ok(Numbers::default());
        };
        // Read before the scan: what comes in between is not taken for gone.
        let next = mailbox.uid_next.raw();
        let mut present = Numbers::default();
        let last = Uid::new(u32::MAX).unwrap_or(Uid::FIRST);
        store.scan(selected.mailbox, Uid::FIRST, last, &mut |uid, _| {
            present.push(uid.raw());
            true
        })?;
        let floor = sample.map_or(0, |sample| agreed(selected, sample));
        if floor.saturating_add(1) >= next {
            return Ok(Numbers::default());
        }
        let span = Numbers::of(&[(Some(floor + 1), Some(next - 1))], 0);
        let absent = asked.and(&span).without(&present);
        Ok(absent.without(&selected.view.all()))
    }

    /// At the end of a command: HIGHESTMODSEQ where the mod-sequences that were told lead further
    /// than is safe, and again when that is over.
    pub(super) fn settle(&mut self, out: &mut Vec<u8>) {
        if !self.modes.condstore {
            return;
        }
        let Ok(store) = self.here(Rights::READ) else {
            return;
        };
        let Some(selected) = self.selected.as_deref_mut() else {
            return;
        };
        let told = selected.told.take();
        let Some(safe) = selected.safe(&store) else {
            return;
        };
        if told.is_some_and(|told| told > safe) {
            put_highest(out, safe);
            selected.lowered = true;
        } else if selected.lowered && selected.held.is_none() {
            put_highest(out, safe);
            selected.lowered = false;
        }
    }

    /// RFC 7162 §3.2.7, §3.2.9: with QRESYNC the OK of a command that took messages out tells the
    /// HIGHESTMODSEQ after it.
    pub(super) fn highest_after_expunge(&mut self) -> Option<String> {
        let store = self.here(Rights::READ).ok()?;
        let qresync = self.modes.qresync;
        let selected = self.selected.as_deref_mut()?;
        if !std::mem::take(&mut selected.expunged) || !qresync {
            return None;
        }
        let safe = selected.safe(&store)?;
        Some(format!("HIGHESTMODSEQ {safe}"))
    }
}

impl Selected {
    /// Up to which mod-sequence the client was told everything: of the mailbox, so that it is what
    /// STATUS tells when nothing is open.
    pub(super) fn safe(&self, store: &AccountStore) -> Option<ModSeq> {
        let mailbox = store.mailbox(self.mailbox).ok()?;
        let highest = mailbox.highest_modseq.min(self.modseq);
        match self.held {
            Some(held) => ModSeq::new(held.raw() - 1).map(|before| before.min(highest)),
            None => Some(highest),
        }
    }

    /// A mod-sequence was told in a FETCH response.
    pub(super) fn tell_modseq(&mut self, modseq: ModSeq) {
        self.told = self.told.max(Some(modseq));
    }
}

/// `* 23 FETCH (`, or `* 304 UIDFETCH (` (RFC 9586 §3.3). Gives whether the UID has been told so.
pub(super) fn put_fetch(out: &mut Vec<u8>, number: u32, uid: u32, modes: Modes) -> bool {
    out.extend_from_slice(b"* ");
    let (number, word) = match modes.uid_only {
        true => (uid, &b" UIDFETCH ("[..]),
        false => (number, &b" FETCH ("[..]),
    };
    response::number(out, u64::from(number));
    out.extend_from_slice(word);
    modes.uid_only
}

/// `* OK [HIGHESTMODSEQ 7] …`
pub(super) fn put_highest(out: &mut Vec<u8>, modseq: ModSeq) {
    put(
        out,
        format_args!("* OK [HIGHESTMODSEQ {modseq}] Everything up to here was told\r\n"),
    );
}

/// `* VANISHED (EARLIER) 41,43:116`, as many lines as it takes.
pub(super) fn put_vanished(out: &mut Vec<u8>, mut uids: Numbers, earlier: bool) {
    while !uids.is_empty() {
        let rest = uids.cut(VANISHED_MAX);
        let word = if earlier { " (EARLIER)" } else { "" };
        put(out, format_args!("* VANISHED{word} {}\r\n", uids.text()));
        uids = rest;
    }
}

/// What the log tells; `None` when that would be too much to read.
fn logged(store: &AccountStore, selected: &Selected, since: u64) -> Result<Option<Numbers>, Error> {
    let mut at = ModSeq::new(since).ok_or(Error::NotFound)?;
    let mut gone = std::collections::BTreeSet::new();
    for _ in 0..READS_MAX {
        let changes = store.changes(at, CHANGES_MAX)?;
        for (_, change) in &changes.list {
            if let Change::Vanished { mailbox, uid } = change
                && *mailbox == selected.mailbox
            {
                gone.insert(uid.raw());
            }
        }
        at = changes.until;
        if !changes.more {
            return Ok(Some(gone.into_iter().collect()));
        }
    }
    Ok(None)
}

/// RFC 7162 §3.2.5.2: the last UID of the sample up to which every pair is as the client says.
fn agreed(selected: &Selected, sample: &(Numbers, Numbers)) -> u32 {
    let pairs = sample.0.iter().zip(sample.1.iter());
    let same = pairs.take_while(|(number, uid)| selected.view.uid(*number) == Some(*uid));
    same.last().map_or(0, |(_, uid)| uid)
}
