//! The types beside mail of which changes are pushed: their states stand elsewhere than in the log of an account, so what
//! was told of each is remembered, and compared with how it stands when the account is woken.

use crate::error::MethodError;
use crate::mail::{identity, submission, vacation};
use crate::router::Context;
use crate::sight::Sight;
use crate::{ident, quota};
use directory::{Access, AccountId, Sending};
use std::collections::{BTreeMap, BTreeSet};

/// RFC 8621 §1.5 ("any of the types defined in this specification"), RFC 9425 §6.
pub(crate) const TYPES: [&str; 4] = ["EmailSubmission", "Identity", "Quota", "VacationResponse"];
/// Hex digits that tell what was told from what stands now.
const MARK_DIGITS: usize = 16;

/// How a type stands in an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stand {
    /// As its `/get` says it.
    pub(crate) state: String,
    /// Without what others change: the sums of agencies, which move all day.
    own: String,
}

impl From<String> for Stand {
    fn from(state: String) -> Self {
        let own = state.clone();
        Self { state, own }
    }
}

/// How some types stand in some accounts.
pub(crate) type States = BTreeMap<(AccountId, &'static str), Stand>;

/// How a type stands in an account; `None`: the account has none of it.
pub(crate) fn state(
    context: &Context,
    access: &Access,
    mail: &Sight,
    name: &str,
) -> Result<Option<Stand>, MethodError> {
    Ok(match name {
        "EmailSubmission" => Some(submission::state_of(context, access, mail)?.into()),
        "Identity" => Some(identity::state_of(access, mail.id())?.into()),
        "Quota" => {
            let (state, own) = quota::states_of(context, access, mail)?;
            Some(Stand { state, own })
        }
        "VacationResponse" if access.sending_for(mail.id()) == Sending::As => {
            match vacation::state_of(context, access, mail.id()) {
                Err(MethodError::AccountNotFound) => None,
                found => Some(found?.into()),
            }
        }
        _ => None,
    })
}

/// What tells how one type stands from how it stood.
fn mark(states: &States, wanted: &str) -> String {
    let mut hash = blake3::Hasher::new();
    for ((account, name), stand) in states {
        if *name == wanted {
            let text = format!("{} {}\n", ident::account(*account), stand.own);
            hash.update(text.as_bytes());
        }
    }
    hash.finalize().to_hex()[..MARK_DIGITS].to_owned()
}

/// The marks of these types, in one word: `Identity=0123456789abcdef,Quota=…`.
pub(crate) fn marks(states: &States, types: &BTreeSet<&'static str>) -> String {
    let marks = types.iter().map(|t| format!("{t}={}", mark(states, t)));
    marks.collect::<Vec<_>>().join(",")
}

/// Those of these types that stand as they were marked.
pub(crate) fn unmoved(
    states: &States,
    types: &BTreeSet<&'static str>,
    marks: &str,
) -> BTreeSet<&'static str> {
    let marks: BTreeSet<&str> = marks.split(',').collect();
    let same = |t: &&&'static str| marks.contains(format!("{t}={}", mark(states, t)).as_str());
    types.iter().filter(same).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_change_and_what_is_not_wished_for_marks_nothing() {
        let account = AccountId::new(7).unwrap();
        let stands = |identity: &str, used: &str, sums: &str| {
            let quota = Stand {
                state: format!("{used}-{sums}"),
                own: used.to_owned(),
            };
            let identity = Stand::from(identity.to_owned());
            States::from([
                ((account, "Identity"), identity),
                ((account, "Quota"), quota),
            ])
        };
        let both = BTreeSet::from(["Identity", "Quota"]);
        let before = marks(&stands("i1", "5", "100"), &both);
        assert!(!before.contains(' '), "{before}");
        let same = |now: &States| unmoved(now, &both, &before);
        assert_eq!(same(&stands("i1", "5", "200")), both);
        assert_eq!(
            same(&stands("i2", "5", "100")),
            BTreeSet::from(["Quota"]),
            "each has its own mark"
        );
        assert_eq!(
            same(&stands("i1", "6", "100")),
            BTreeSet::from(["Identity"])
        );
        let some = BTreeSet::from(["Quota"]);
        assert_eq!(unmoved(&stands("i2", "5", "9"), &some, &before), some);
        assert!(unmoved(&stands("i1", "5", "100"), &both, "").is_empty());
        let one = marks(&stands("i1", "5", "100"), &some);
        assert_eq!(unmoved(&stands("i1", "5", "100"), &both, &one), some);
    }
}
