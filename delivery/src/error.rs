//! Why mail is refused, in causes; smtp/reply.rs and jmap/error.rs spell them.

/// A cause of refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Refusal {
    UnknownRecipient,
    /// The domain stood for another one until its last day.
    DomainEnded,
    /// Suspended domain or retired account.
    RecipientClosed,
    RelayDenied,
    /// A list takes nothing from this sender.
    MayNotPost,
    /// The account is full.
    OverQuota,
    /// The same, to who may try again later.
    FullNow,
    TooLarge {
        max: u64,
    },
    /// RFC 5321 §6.3: more than 100 Received fields, or a list that this has come through already.
    Loop,
    TooManyRecipients {
        max: usize,
    },
    /// MAIL FROM does not belong to the one signed in.
    SenderNotYours,
    /// Header From does not belong to the one signed in.
    FromNotYours,
    /// Header Sender does not belong to the one signed in.
    SenderFieldNotYours,
    /// A line of more than 998 octets stands where it can neither be folded nor encoded.
    LongLine,
    /// Not exactly one From field, or malformed (submission, RFC 6409 §8).
    FromInvalid,
    /// Several Sender fields, or a malformed one (RFC 5322 §3.6).
    SenderFieldInvalid,
    /// As many messages wait as the config lets, to who may try again later.
    QueueFull,
    NoRecipients,
    /// Since he signed in his account was suspended, or his password changed or was withdrawn.
    SignedOut,
    /// An administrator, or sending far more than ever, has suspended the sending of the one signed in.
    SendingSuspended,
    /// He sends more than he may in an hour or a day, or his agency does; later he may again.
    TooMuch(directory::Reached),
    /// More recipients than one message of his may have.
    RecipientsCap {
        max: u64,
    },
    /// The agency of the one signed in does not let files of this type be sent.
    AttachmentType,
    /// One attachment has more octets than it lets be sent.
    AttachmentTooLarge {
        max: u64,
    },
    /// RFC 7489 §6.6.2: nothing shows that it comes from its author's domain, which wishes that such mail be refused.
    Unauthenticated,
    /// Header fields unreadable or more than the limits allow.
    Malformed(&'static str),
}

/// The door's no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// For good: 5xx.
    Permanent(Refusal),
    /// Try again: disk full, store unavailable, queue full: 4xx. The text is for the log.
    Temporary(String),
    /// Something here is damaged or failed, and waiting for room helps nothing: 4xx, since it is to be mended. The text
    /// is for the log.
    Failed(String),
}
