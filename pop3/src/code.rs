//! RFC 3206: storage's causes as refusals. The one translation.

use crate::ask::Refusal;
use storage::Error;

/// What the operator should know is logged here, and nowhere else.
pub fn refusal(error: &Error) -> Refusal {
    match error {
        Error::NotFound | Error::Expunged => Refusal::Gone,
        Error::Corrupt(why) => {
            tracing::error!(%why, "storage is corrupt");
            Refusal::Damaged
        }
        // Storage has logged it, with the place where it lies.
        Error::Damaged(_) => Refusal::Damaged,
        Error::Unavailable(_) | Error::InUse { .. } => {
            tracing::warn!(why = %error, "storage is unavailable");
            Refusal::Unavailable
        }
        // None of these comes of reading and removing; if one does, trying again is right.
        Error::Conflict
        | Error::Exists
        | Error::OverQuota(_)
        | Error::TooLarge(_)
        | Error::Invalid(_) => {
            tracing::warn!(%error, "storage refused");
            Refusal::Unavailable
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::reply::Language;

    #[test]
    fn every_cause_has_its_code() {
        let table = [
            (Error::NotFound, "The message is gone"),
            (Error::Expunged, "The message is gone"),
            (Error::Conflict, "[SYS/TEMP]"),
            (Error::TooLarge("x"), "[SYS/TEMP]"),
            (Error::Unavailable("/secret/path".into()), "[SYS/TEMP]"),
            (Error::Corrupt("x".into()), "[SYS/PERM]"),
            (Error::Damaged("secret".into()), "[SYS/PERM]"),
        ];
        for (error, begins) in table {
            let text = refusal(&error).phrase().text(Language::En);
            assert!(text.starts_with(begins), "{error}: {text}");
            assert!(!text.contains("secret"), "peers never see internals");
        }
    }
}
