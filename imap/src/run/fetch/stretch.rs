//! RFC 9051 §6.4.5: a large section goes out in stretches, and between two of them its connection holds nothing
//! of it.
//!
//! The content waits among those read lately ([`Lately`]), which are bounded over all connections; who takes
//! its next stretch after others have pushed it out has it read again. So a slow reader costs one stretch of
//! memory, however large the message is.

use super::{Fetch, Open, Stop, Told};
use crate::ask::Output;
use crate::run::section;
use crate::wire::fetch::Section;
use std::ops::Range;
use std::sync::Arc;
use storage::{AccountStore, Error, Lately};

/// Octets of one stretch; smaller contents are kept while their message is told.
pub(in crate::run) const STRETCH_MAX: usize = 1024 * 1024;
/// A content too large to be kept is read again so often at most.
const READS_MAX: usize = 64;

/// What is still to be sent of a literal whose length has been told.
pub(in crate::run) struct Rest {
    pub(in crate::run) of: Of,
    pub(in crate::run) range: Range<usize>,
}

/// What it is a stretch of.
pub(in crate::run) enum Of {
    /// The message as it is stored; NUL is told as something else.
    Content,
    /// The same, NUL and all.
    Octets,
    /// A part with its transfer encoding undone; `None` while nobody holds it.
    Decoded(Vec<u32>, Option<Arc<[u8]>>),
    /// Fields that were picked out of a header; NUL is told as something else.
    Picked(Section, Option<Vec<u8>>),
}

/// How an item has ended.
pub(in crate::run) enum Sent {
    All,
    /// The part's transfer encoding is not known.
    Unknown,
    Rest(Rest),
}

impl Rest {
    /// Sends the next stretch; true when that was all.
    fn go_on(&mut self, content: &[u8], out: &mut Output) -> bool {
        let whole = match &self.of {
            Of::Content | Of::Octets => content,
            Of::Decoded(_, decoded) => decoded.as_deref().unwrap_or_default(),
            Of::Picked(_, picked) => picked.as_deref().unwrap_or_default(),
        };
        let len = STRETCH_MAX.max(whole.len() / READS_MAX);
        let end = self.range.end.min(self.range.start + len);
        let octets = whole.get(self.range.start..end).unwrap_or_default();
        match self.of {
            Of::Content | Of::Picked(..) => section::put_text(out.buf(), octets),
            _ => out.buf().extend_from_slice(octets),
        }
        self.range.start = end;
        self.range.is_empty()
    }
}

impl Open {
    /// Whether its response has begun: no other may come before its end.
    pub(super) fn begun(&self) -> bool {
        self.at > 0 || self.rest.is_some()
    }

    /// Goes on with what was begun; false while there is more of it.
    pub(super) fn go_on(&mut self, out: &mut Output) -> bool {
        let Some(rest) = &mut self.rest else {
            return true;
        };
        let ended = rest.go_on(self.content.as_deref().unwrap_or_default(), out);
        if ended {
            self.rest = None;
            self.at += 1;
        }
        ended
    }
}

impl Fetch {
    /// Octets of content that are held for the next piece.
    pub(in crate::run) fn held(&self) -> usize {
        let content = self.open.as_ref().and_then(|open| open.content.as_ref());
        content.map_or(0, |content| content.len())
    }

    /// A piece has been made: a large content is not held until the next one.
    pub(super) fn put_down(&mut self, store: &AccountStore, lately: &Lately) {
        let Some(open) = &mut self.open else { return };
        let email = open.due.state.email;
        if let Some(content) = open.content.take_if(|content| content.len() > STRETCH_MAX) {
            lately.keep((store.id(), email, open.due.state.path()), &content);
            open.away = true;
        }
        match open.rest.as_mut().map(|rest| &mut rest.of) {
            Some(Of::Decoded(path, held)) => {
                if let Some(decoded) = held.take() {
                    lately.keep((store.id(), email, path.clone()), &decoded);
                    open.away = true;
                }
            }
            // Rare enough to be picked out again.
            Some(Of::Picked(_, picked)) => open.away |= picked.take().is_some(),
            _ => {}
        }
    }

    /// The next piece is asked for. A content that cannot be had again ends the connection where its response
    /// has begun: nobody could tell where that ends.
    pub(super) fn take_up(&mut self, store: &AccountStore, lately: &Lately) -> Result<(), Stop> {
        let Some(open) = self.open.as_mut().filter(|open| open.away) else {
            return Ok(());
        };
        match taken_up(open, store, lately) {
            Ok(()) => {
                open.away = false;
                Ok(())
            }
            Err(error) if open.begun() => {
                tracing::warn!(%error, "a message could not be read to its end");
                Err(Stop::Torn)
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn taken_up(open: &mut Open, store: &AccountStore, lately: &Lately) -> Result<(), Error> {
    let state = &open.due.state;
    let key = |path: &[u32]| (store.id(), state.email, path.to_vec());
    let content = match open.content.take() {
        Some(content) => content,
        // By what it was: the message itself may be expunged meanwhile.
        None => lately.read(key(&state.path()), state.size, || {
            let content = store.content_of(state.email, state.blob)?;
            Ok(state.told(content))
        })?,
    };
    let summary = match &open.due.summary {
        Some(Told::Whole(summary)) => Some(summary),
        _ => None,
    };
    match open.rest.as_mut().map(|rest| &mut rest.of) {
        Some(Of::Decoded(path, held)) => {
            let decoded = lately.find(&key(path)).or_else(|| {
                let decoded = section::decoded_again(summary?, &content, path)?;
                Some(decoded.into())
            });
            *held = Some(decoded.ok_or(Error::NotFound)?);
        }
        Some(Of::Picked(asked, held)) => {
            let picked = summary.and_then(|s| section::octets(s, &content, asked));
            *held = Some(picked.ok_or(Error::NotFound)?.into_owned());
        }
        _ => {}
    }
    open.content = Some(content);
    Ok(())
}
