//! RFC 1939 §5 RETR, §7 TOP: a message in pieces.

use super::Runner;
use crate::ask::{Answer, Refusal};
use crate::code;
use crate::wire::{stuff, surrogate};
use directory::Right;
use std::sync::Arc;
use storage::Uid;

/// Octets of a message that become one piece.
const PIECE_MAX: usize = 64 * 1024;

/// A message on its way.
pub(super) struct Sending {
    content: Arc<[u8]>,
    at: usize,
    to: usize,
}

impl Runner {
    pub(super) fn read(
        &mut self,
        uid: u32,
        lines: Option<u32>,
        utf8: bool,
    ) -> Result<Answer, Refusal> {
        let (store, inbox) = self.mail(Right::Read)?;
        let content = Uid::new(uid)
            .ok_or(storage::Error::NotFound)
            .and_then(|uid| store.at(inbox, uid))
            .and_then(|state| store.content(state.email))
            .map_err(|error| code::refusal(&error))?;
        let header_end = stuff::header_end(&content);
        let to = match lines {
            Some(lines) => stuff::lines_end(&content, header_end, lines),
            None => content.len(),
        };
        let made = match utf8 {
            true => None,
            false => surrogate::header(&content[..header_end]),
        };
        let mut out = Vec::new();
        let at = match made {
            Some(header) => {
                stuff::put(&mut out, &header, 0, header.len());
                header_end
            }
            None => 0,
        };
        self.sending = Some(Sending { content, at, to });
        Ok(self.piece(out))
    }

    pub(super) fn more(&mut self) -> Answer {
        self.piece(Vec::new())
    }

    fn piece(&mut self, mut out: Vec<u8>) -> Answer {
        let Some(sending) = &mut self.sending else {
            return Answer::Failed;
        };
        let until = sending.to.min(sending.at.saturating_add(PIECE_MAX));
        stuff::put(&mut out, &sending.content, sending.at, until);
        sending.at = until;
        if until < sending.to {
            return Answer::Piece(out);
        }
        stuff::end(&mut out, &sending.content, sending.to);
        self.sending = None;
        Answer::Last(out)
    }
}
