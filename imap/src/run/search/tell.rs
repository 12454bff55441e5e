//! RFC 9051 §7.3.4 ESEARCH, RFC 3501 §7.2.5 SEARCH, and what `$` stands for afterwards.

use super::{Progress, Searching};
use crate::ask::Completion;
use crate::wire::response::put;
use crate::wire::search::Wanted;
use crate::wire::sequence::Numbers;
use storage::ModSeq;

/// Numbers of one piece of `* SEARCH`.
const TOLD_MAX: usize = 8_192;

/// The mod-sequences of what was found (RFC 4731 §3.2).
#[derive(Clone, Copy, Default)]
pub(super) struct ModSeqs {
    first: Option<ModSeq>,
    last: Option<ModSeq>,
    highest: Option<ModSeq>,
}

impl ModSeqs {
    /// Of the next message found, in the order of UIDs.
    pub(super) fn note(&mut self, modseq: ModSeq) {
        self.first = self.first.or(Some(modseq));
        self.last = Some(modseq);
        self.highest = self.highest.max(Some(modseq));
    }

    /// Of those that are returned.
    fn of(self, wanted: Wanted) -> Option<ModSeq> {
        match (wanted.all || wanted.count, wanted.min, wanted.max) {
            (false, true, false) => self.first,
            (false, false, true) => self.last,
            (false, true, true) => self.first.max(self.last),
            _ => self.highest,
        }
    }
}

/// RFC 9051 §6.4.4.1, table 4: what `$` stands for.
pub(super) fn saved(found: &Numbers, wanted: Wanted) -> Numbers {
    if wanted.all || wanted.count || !(wanted.min || wanted.max) {
        return found.clone();
    }
    let mut ends: Vec<u32> = Vec::new();
    ends.extend(found.first().filter(|_| wanted.min));
    ends.extend(found.last().filter(|_| wanted.max));
    ends.dedup();
    ends.into_iter().collect()
}

/// esearch-response = "ESEARCH" [search-correlator] [SP "UID"] *(SP search-return-data)
pub(super) fn esearch(out: &mut Vec<u8>, searching: &Searching, wanted: Wanted, numbers: &Numbers) {
    put(out, format_args!("* ESEARCH (TAG \"{}\")", searching.tag));
    if searching.uid {
        out.extend_from_slice(b" UID");
    }
    // RFC 9051 §7.3.4: of an empty result only COUNT is told.
    if let Some(first) = numbers.first().filter(|_| wanted.min) {
        put(out, format_args!(" MIN {first}"));
    }
    if let Some(last) = numbers.last().filter(|_| wanted.max) {
        put(out, format_args!(" MAX {last}"));
    }
    if wanted.count {
        put(out, format_args!(" COUNT {}", numbers.count()));
    }
    if wanted.all && !numbers.is_empty() {
        put(out, format_args!(" ALL {}", numbers.text()));
    }
    let modseq = searching.modseqs.of(wanted);
    if let Some(modseq) = modseq.filter(|_| searching.asks_modseq && !numbers.is_empty()) {
        put(out, format_args!(" MODSEQ {modseq}"));
    }
    out.extend_from_slice(b"\r\n");
}

impl Searching {
    /// RFC 3501 §7.2.5 SEARCH, a piece at a time.
    pub(super) fn tell(&mut self, out: &mut Vec<u8>) -> Progress {
        let numbers = self.telling.take().unwrap_or_default();
        let mut last = None;
        for number in numbers.iter().take(TOLD_MAX) {
            put(out, format_args!(" {number}"));
            last = Some(number);
        }
        let rest = last.map(|last| numbers.after(last)).unwrap_or_default();
        if rest.is_empty() {
            let modseq = self.modseqs.highest.filter(|_| self.asks_modseq);
            if let (Some(modseq), Some(_)) = (modseq, last) {
                // RFC 7162 §3.1.6.
                put(out, format_args!(" (MODSEQ {modseq})"));
            }
            out.extend_from_slice(b"\r\n");
            return Progress::Done(Completion::ok("SEARCH completed"));
        }
        self.telling = Some(rest);
        Progress::More
    }
}
