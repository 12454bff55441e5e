//! RFC 9051 §7.1, RFC 5530: storage's causes as response codes. The one translation.

use crate::ask::Completion;
use storage::{Bound, Error};

/// What was being looked for when storage refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seeking {
    /// A mailbox that is named, or a message.
    Named,
    /// The mailbox to put something into: making it might help.
    Target,
}

/// The tagged NO for an error of storage; what the operator should know is logged here, and nowhere else.
pub fn refusal(error: &Error, seeking: Seeking) -> Completion {
    match error {
        Error::NotFound if seeking == Seeking::Target => {
            Completion::no("TRYCREATE", "There is no such mailbox")
        }
        Error::NotFound => Completion::no("NONEXISTENT", "There is no such mailbox"),
        Error::Exists => Completion::no("ALREADYEXISTS", "It exists already"),
        Error::Expunged => Completion::no("EXPUNGEISSUED", "Some messages are gone"),
        Error::Conflict => Completion::no("INUSE", "It was changed meanwhile; try again"),
        Error::OverQuota(Bound::Account(_)) => {
            Completion::no("OVERQUOTA", "The account would pass its quota")
        }
        Error::OverQuota(Bound::Group(_)) => {
            Completion::no("OVERQUOTA", "The agency would pass its quota")
        }
        Error::TooLarge(_) => Completion::no("LIMIT", "A limit of the server would be passed"),
        Error::Invalid(_) => Completion::no("CANNOT", "This can never be done"),
        Error::Unavailable(_) | Error::InUse { .. } => {
            tracing::warn!(why = %error, "storage is unavailable");
            Completion::no("UNAVAILABLE", "The server cannot do this now; try later")
        }
        Error::Corrupt(why) => {
            tracing::error!(%why, "storage is corrupt");
            Completion::no("CORRUPTION", "The server found damaged data")
        }
        // Storage has logged it, with the place where it lies.
        Error::Damaged(_) => Completion::no(
            "CORRUPTION",
            "The content of a message is damaged on the server",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use storage::{AccountId, QuotaNode};

    #[test]
    fn every_cause_has_its_code() {
        let table = [
            (Error::NotFound, "NONEXISTENT"),
            (Error::Exists, "ALREADYEXISTS"),
            (Error::Expunged, "EXPUNGEISSUED"),
            (Error::Conflict, "INUSE"),
            (
                Error::OverQuota(Bound::Account(AccountId::SYSTEM)),
                "OVERQUOTA",
            ),
            (Error::OverQuota(Bound::Group(QuotaNode(7))), "OVERQUOTA"),
            (Error::TooLarge("x"), "LIMIT"),
            (Error::Invalid("x"), "CANNOT"),
            (Error::Unavailable("/secret/path".into()), "UNAVAILABLE"),
            (Error::Corrupt("x".into()), "CORRUPTION"),
            (Error::Damaged("secret".into()), "CORRUPTION"),
        ];
        for (error, code) in table {
            let told = refusal(&error, Seeking::Named);
            assert_eq!(told.code.as_deref(), Some(code));
            assert!(!told.text.contains("secret"), "peers never see internals");
        }
        assert_eq!(
            refusal(&Error::NotFound, Seeking::Target).code.as_deref(),
            Some("TRYCREATE")
        );
    }
}
