//! RFC 1939 §5 RETR, §7 TOP: a message in pieces.
//!
//! A large one is not held while its peer takes a piece: it waits among those read lately, which are bounded over
//! all connections, and is read again when others have pushed it out. So a slow reader costs one piece.

use super::Runner;
use crate::ask::{Answer, Refusal};
use crate::code;
use crate::wire::{stuff, surrogate};
use directory::Right;
use std::sync::Arc;
use storage::{AccountStore, BlobId, EmailId, Error, Lately, Uid};

/// Octets of a message that become one piece.
const PIECE_MAX: usize = 64 * 1024;
/// Octets of a message that is held until its last piece is made. Of a larger one a piece has as many.
const HELD_MAX: usize = 1024 * 1024;
/// Pieces of a larger one at most: it may have to be read again for each.
const READS_MAX: usize = 64;

/// A message on its way.
pub(super) struct Sending {
    email: EmailId,
    blob: BlobId,
    /// Its binary parts go out in base64.
    binary: bool,
    /// `None` between two pieces of a large one.
    content: Option<Arc<[u8]>>,
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
        let found = || -> Result<_, Error> {
            let state = store.at(inbox, Uid::new(uid).ok_or(Error::NotFound)?)?;
            let key = (store.id(), state.email, path(state.growth > 0));
            let read = || Ok(stuff::told(store.content(state.email)?, state.growth > 0));
            let content = self.lately.read(key, state.told_size(), read)?;
            Ok((state, content))
        };
        let (state, content) = found().map_err(|error| code::refusal(&error))?;
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
        self.sending = Some(Sending {
            email: state.email,
            blob: state.blob,
            binary: state.growth > 0,
            content: Some(content),
            at,
            to,
        });
        self.piece(out)
    }

    /// The next piece, behind these octets.
    pub(super) fn piece(&mut self, mut out: Vec<u8>) -> Result<Answer, Refusal> {
        let (store, _) = self.mail(Right::Read)?;
        let Some(mut sending) = self.sending.take() else {
            return Ok(Answer::Failed);
        };
        let content = sending.take_up(&store, &self.lately);
        let content = content.map_err(|error| code::refusal(&error))?;
        let until = sending
            .to
            .min(sending.at.saturating_add(piece_of(&content)));
        stuff::put(&mut out, &content, sending.at, until);
        sending.at = until;
        if until == sending.to {
            stuff::end(&mut out, &content, sending.to);
            return Ok(Answer::Last(out));
        }
        sending.put_down(content, &store, &self.lately);
        self.sending = Some(sending);
        Ok(Answer::Piece(out))
    }
}

/// Under which a content is found among those read lately: no part has the number 0, as IMAP does it too.
fn path(binary: bool) -> Vec<u32> {
    match binary {
        true => vec![0],
        false => Vec::new(),
    }
}

/// Octets of one piece of this message.
fn piece_of(content: &[u8]) -> usize {
    match content.len() {
        ..=HELD_MAX => PIECE_MAX,
        large => HELD_MAX.max(large.div_ceil(READS_MAX)),
    }
}

impl Sending {
    /// By what it was: the message itself may be expunged meanwhile.
    fn take_up(&mut self, store: &AccountStore, lately: &Lately) -> Result<Arc<[u8]>, Error> {
        let key = (store.id(), self.email, path(self.binary));
        match self.content.take() {
            Some(content) => Ok(content),
            None => lately.read(key, self.to as u64, || {
                let content = store.content_of(self.email, self.blob)?;
                Ok(stuff::told(content, self.binary))
            }),
        }
    }

    fn put_down(&mut self, content: Arc<[u8]>, store: &AccountStore, lately: &Lately) {
        if content.len() > HELD_MAX {
            let key = (store.id(), self.email, path(self.binary));
            lately.keep(key, &content);
        } else {
            self.content = Some(content);
        }
    }
}
