//! Why the directory refuses or fails.

/// Errors of administrative acts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Names the kind of thing, e.g. `account`.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The name or address is taken; says by what.
    #[error("{0} exists already")]
    Exists(String),
    /// A field's value cannot be; field name and what was expected.
    #[error("{field}: {expected}")]
    Invalid {
        /// JSON name of the field.
        field: &'static str,
        /// What is expected instead, in English.
        expected: String,
    },
    /// Still used by other rows (an agency with children, a domain with accounts).
    #[error("in use: {0}")]
    InUse(String),
    /// The account is under this legal hold, or the agency's deleted accounts are.
    #[error("under the legal hold {0}")]
    Held(String),
    /// Someone changed it since (If-Match).
    #[error("changed meanwhile")]
    Conflict,
    /// The one who asks may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Storage refused or failed.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

/// The Access does not allow it. Outside, what one may not see does not exist (I-17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not allowed")]
pub struct Denied;

/// Why a sign-in failed. Peers are told only `Refused` or `Later`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// Unknown name, wrong secret, or an account that may not sign in: not told apart outside.
    #[error("wrong address or password")]
    Refused,
    /// Too many failures from this peer or for this account; seconds to wait.
    #[error("too many failed sign-ins; wait {0} s")]
    Later(u32),
    /// It is the right first password: it opens nothing before a password of one's own is chosen on the sign-in page.
    #[error("a first password: choose one of your own on the sign-in page")]
    ChooseFirst,
    /// Storage failed.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}
