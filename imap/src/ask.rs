//! What the machine asks of its session, and what it is told: the whole traffic between the two.

use crate::wire::command::Command;
use crate::wire::response::Status;
use directory::sasl;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// Something for the session to do, in order.
#[derive(Debug)]
pub enum Step {
    /// Write this to the peer.
    Send(Chunk),
    /// Find out, then call `answer`. Nothing is read meanwhile.
    Ask(Ask),
    /// Flush, then begin TLS; what was read before is already forgotten.
    StartTls,
    /// RFC 4978: from here on both directions are compressed; this much was received already.
    Compress(Vec<u8>),
    /// RFC 8437 §4.1: from here on neither is.
    Decompress,
    /// Flush, then close.
    Close,
}

/// A question.
#[derive(Debug, PartialEq)]
pub enum Ask {
    /// Is there room in memory for a literal of so many octets? Answered by [`Answer::Room`].
    Room(u64),
    /// Run a command. Answered by [`Answer::Piece`] or [`Answer::Done`].
    Run {
        /// The command's tag, which ESEARCH repeats.
        tag: String,
        /// What to run.
        command: Box<Command>,
    },
    /// What AUTHENTICATE's exchange must know. Answered by [`Answer::Sasl`].
    Sasl(sasl::Question),
    /// Go on with the command whose piece was sent.
    More,
    /// Tell what changed, during IDLE.
    Changes,
    /// IDLE is over; tell what changed.
    EndIdle,
}

impl Ask {
    /// Whether a password is to be checked, which takes long.
    pub fn is_sign_in(&self) -> bool {
        match self {
            Self::Run { command, .. } => matches!(**command, Command::Login { .. }),
            Self::Sasl(_) => true,
            _ => false,
        }
    }
}

/// An answer.
#[derive(Debug)]
pub enum Answer {
    /// Whether memory was set aside.
    Room(bool),
    /// What the directory said.
    Sasl(sasl::Answer),
    /// Part of the output; more is to be asked for.
    Piece(Output),
    /// The rest of the output, and how it ended.
    Done(Output, Completion),
    /// The command could not be run to its end; the session cannot go on.
    Failed,
}

impl Answer {
    /// Octets of memory that its output holds.
    pub fn held(&self) -> usize {
        match self {
            Self::Piece(output) | Self::Done(output, _) => output.held(),
            _ => 0,
        }
    }
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// OK, NO or BAD.
    pub status: Status,
    /// A response code without its brackets.
    pub code: Option<String>,
    /// For people.
    pub text: Cow<'static, str>,
    /// What it does to the state of the connection.
    pub effect: Effect,
}

impl Completion {
    /// Tagged OK.
    pub fn ok(text: &'static str) -> Self {
        Self {
            status: Status::Ok,
            code: None,
            text: text.into(),
            effect: Effect::None,
        }
    }

    /// Tagged NO with a code (RFC 5530).
    pub fn no(code: &str, text: &'static str) -> Self {
        Self {
            status: Status::No,
            code: Some(code.to_owned()),
            text: text.into(),
            effect: Effect::None,
        }
    }

    /// Tagged BAD: the client is wrong (RFC 5530 §3).
    pub fn bad(text: &'static str) -> Self {
        Self {
            status: Status::Bad,
            code: Some("CLIENTBUG".to_owned()),
            text: text.into(),
            effect: Effect::None,
        }
    }

    /// With a response code.
    #[must_use]
    pub fn code(mut self, code: String) -> Self {
        self.code = Some(code);
        self
    }

    /// With another text for people.
    #[must_use]
    pub fn saying(mut self, text: String) -> Self {
        self.text = text.into();
        self
    }

    /// With an effect on the connection.
    #[must_use]
    pub fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }
}

/// What a command did to the state of the connection (RFC 9051 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Effect {
    None,
    SignedIn,
    /// A sign-in failed.
    NotSignedIn,
    /// RFC 8437: nobody is signed in any more.
    SignedOut,
    Selected,
    Unselected,
    /// The selected mailbox is no more, and the client knows no other end of it: say BYE and close.
    Lost,
    /// A response broke off in its middle, maybe within a literal, where a goodbye would be taken for a part of it:
    /// close without a word.
    Torn,
    /// The sign-in no longer stands: say BYE and close.
    Bye,
}

/// Octets to send; large content is shared, not copied.
#[derive(Debug, Clone)]
pub enum Chunk {
    /// Made for this answer.
    Bytes(Vec<u8>),
    /// A piece of stored content.
    Shared(Arc<[u8]>, Range<usize>),
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Shared(content, range) => content.get(range.clone()).unwrap_or_default(),
        }
    }
}

/// Content from this length on is shared rather than copied.
const SHARED_MIN: usize = 16 * 1024;

/// The output of a command so far.
#[derive(Debug, Default)]
pub struct Output {
    chunks: Vec<Chunk>,
    len: usize,
    tail: Vec<u8>,
}

impl Output {
    /// Where to write.
    pub fn buf(&mut self) -> &mut Vec<u8> {
        &mut self.tail
    }

    /// Adds a piece of stored content.
    pub fn share(&mut self, content: &Arc<[u8]>, range: Range<usize>) {
        if range.len() < SHARED_MIN {
            self.tail
                .extend_from_slice(content.get(range).unwrap_or_default());
            return;
        }
        self.seal();
        self.len += range.len();
        self.chunks.push(Chunk::Shared(Arc::clone(content), range));
    }

    /// Octets so far.
    pub fn len(&self) -> usize {
        self.len + self.tail.len()
    }

    /// Octets of memory that it holds: a shared content counts whole.
    pub fn held(&self) -> usize {
        let chunks = self.chunks.iter().map(|chunk| match chunk {
            Chunk::Bytes(bytes) => bytes.len(),
            Chunk::Shared(content, _) => content.len(),
        });
        chunks.sum::<usize>() + self.tail.len()
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.len += self.tail.len();
            self.chunks
                .push(Chunk::Bytes(std::mem::take(&mut self.tail)));
        }
    }

    /// What to send, in order.
    pub fn into_chunks(mut self) -> Vec<Chunk> {
        self.seal();
        self.chunks
    }
}
