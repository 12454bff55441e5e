//! What the receiving machine asks of the world, and what it is answered (idea 1).

use delivery::{Envelope, Refused, ReversePath};
use directory::{Barred, Secret, sasl};
use formats::address::Address;

/// What the machine wants done next.
#[derive(Debug)]
pub enum Step {
    /// Write these bytes to the peer.
    Send(Vec<u8>),
    /// Find out and call `answer`; nothing else may be fed meanwhile.
    Ask(Ask),
    /// Handshake now, as server; the machine already counts itself as secured and has dropped
    /// all it had read (RFC 3207 §4.2). When the handshake fails the connection must end.
    StartTls,
    /// Close the connection.
    Close,
}

/// A question.
#[derive(Debug)]
pub enum Ask {
    /// Would this reverse-path be taken? (MAIL)
    Sender(ReversePath),
    /// Would this recipient be taken? (RCPT) With the octets that MAIL declared (RFC 1870 §6.4); 0: it declared none.
    Recipient(Address, u64),
    /// May the session hold so many octets of message in memory, in all?
    /// What is held may shrink without a question: see `Receiver::held`.
    Room(u64),
    /// Who is this? (AUTH)
    SignIn {
        /// Authentication identity as given.
        name: String,
        /// The secret.
        secret: Secret,
    },
    /// What the exchange of AUTH must know.
    Sasl(sasl::Question),
    /// The exchange has proved who this is.
    Enter(sasl::Entry),
    /// Take this message: `250` once it is on disk (I-01).
    Take {
        /// Reverse-path and recipients.
        envelope: Envelope,
        /// Octets as received, dots removed.
        content: Vec<u8>,
    },
}

/// How a sign-in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignIn {
    /// Signed in.
    Accepted,
    /// Wrong name or secret; not told apart.
    Refused,
    /// A first password: one's own is to be chosen on the sign-in page first.
    ChooseFirst,
    /// The secret is right, and the agency's policy lets nobody in this way.
    Barred(Barred),
    /// Too many failures: later.
    Later,
    /// The directory cannot tell now.
    Unavailable,
}

/// The answer to an [`Ask`] of the same name.
#[derive(Debug)]
pub enum Answer {
    /// To [`Ask::Sender`].
    Sender(Result<(), Refused>),
    /// To [`Ask::Recipient`].
    Recipient(Result<(), Refused>),
    /// To [`Ask::Room`].
    Room(bool),
    /// To [`Ask::SignIn`] and [`Ask::Enter`].
    SignIn(SignIn),
    /// To [`Ask::Sasl`].
    Sasl(sasl::Answer),
    /// To [`Ask::Take`]: the trace shown to the peer.
    Take(Result<String, Refused>),
    /// The same of LMTP: for each recipient, in their order.
    TakeEach(Vec<Result<String, Refused>>),
}
