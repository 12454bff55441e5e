//! What the machine asks of its session, and what it is told: the whole traffic between the two.

use crate::maildrop::Maildrop;
use crate::wire::reply::{self, Phrase};
use directory::{Barred, Secret, sasl};

/// Something for the session to do, in order.
#[derive(Debug)]
pub enum Step {
    /// Write this to the peer.
    Send(Vec<u8>),
    /// Find out, then call `answer`. Nothing is read meanwhile.
    Ask(Ask),
    /// Flush, then begin TLS; what was read before is already forgotten.
    StartTls,
    /// Flush, then close.
    Close,
}

/// A question.
#[derive(Debug)]
pub enum Ask {
    /// Who is this? Answered by [`Answer::SignedIn`] or [`Answer::Refused`].
    SignIn {
        /// As given.
        name: String,
        /// The password.
        secret: Secret,
    },
    /// What AUTH's exchange must know. Answered by [`Answer::Sasl`].
    Sasl(sasl::Question),
    /// AUTH proved who it is. Answered as [`Ask::SignIn`] is.
    Enter(sasl::Entry),
    /// Whether the maildrop may still be read. Answered by [`Answer::Stands`] or [`Answer::Refused`].
    Look,
    /// The message of this UID. Answered by [`Answer::Piece`], [`Answer::Last`] or [`Answer::Refused`].
    Read {
        /// Of INBOX.
        uid: u32,
        /// TOP: only the header and so many lines.
        lines: Option<u32>,
        /// RFC 6856 §2.1: internationalized headers may be sent as they are.
        utf8: bool,
    },
    /// The next piece of that message.
    More,
    /// QUIT: remove these and give the maildrop back. Answered by [`Answer::Finished`] or
    /// [`Answer::Refused`].
    Finish(Vec<u32>),
}

/// An answer.
#[derive(Debug)]
pub enum Answer {
    /// The maildrop is open, and nobody else's.
    SignedIn(Maildrop),
    /// To [`Ask::Sasl`].
    Sasl(sasl::Answer),
    /// To [`Ask::Look`].
    Stands,
    /// Not done.
    Refused(Refusal),
    /// Part of a message, dots stuffed; more is to be asked for.
    Piece(Vec<u8>),
    /// The last part of a message, with the dot that ends it.
    Last(Vec<u8>),
    /// What was marked is gone, durably.
    Finished,
    /// It could not be found out; the session cannot go on.
    Failed,
}

/// Why something was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Wrong name or password; not told apart.
    Credentials,
    /// A first password: one's own is to be chosen on the sign-in page first.
    ChooseFirst,
    /// RFC 5802 §6: the client could bind the channel, and was told that we cannot.
    Downgraded,
    /// The account may not be read over POP3; if it could before, the session ends.
    SwitchedOff,
    /// The agency's policy lets nobody in this way.
    Barred(Barred),
    /// The account has no INBOX.
    NoMaildrop,
    /// Another session has the maildrop.
    InUse,
    /// Too many failed sign-ins.
    Later,
    /// The message was removed meanwhile, by others.
    Gone,
    /// The sign-in no longer stands: the session ends.
    Ended,
    /// For now.
    Unavailable,
    /// For good.
    Damaged,
}

impl Refusal {
    /// Whether a session that was signed in ends by it.
    pub fn ends(self) -> bool {
        matches!(self, Self::Ended | Self::SwitchedOff)
    }

    /// As it is said.
    pub fn phrase(self) -> Phrase {
        match self {
            Self::Credentials => reply::REFUSED,
            Self::ChooseFirst => reply::CHOOSE_FIRST,
            Self::Downgraded => reply::DOWNGRADED,
            Self::SwitchedOff => reply::SWITCHED_OFF,
            Self::Barred(why) => reply::barred(why),
            Self::NoMaildrop => reply::NO_MAILDROP,
            Self::InUse => reply::IN_USE,
            Self::Later => reply::LATER,
            Self::Gone => reply::GONE,
            Self::Ended => reply::ENDED,
            Self::Unavailable => reply::UNAVAILABLE,
            Self::Damaged => reply::DAMAGED,
        }
    }
}
