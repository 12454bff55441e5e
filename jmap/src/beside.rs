//! The types beside mail of which changes are pushed: their states stand elsewhere than in the log of an account, so what
//! was told of each is remembered, and compared with how it stands when the account is woken.

use crate::error::MethodError;
use crate::mail::{identity, submission, vacation};
use crate::router::Context;
use crate::sight::Sight;
use crate::{ident, quota};
use directory::{Access, AccountId, Sending};
use std::collections::BTreeMap;

/// RFC 8621 §1.5 ("any of the types defined in this specification"), RFC 9425 §6.
pub(crate) const TYPES: [&str; 4] = ["EmailSubmission", "Identity", "Quota", "VacationResponse"];
/// Hex digits that tell what was told from what stands now.
const MARK_DIGITS: usize = 16;

/// The states of some accounts, by account and type.
pub(crate) type States = BTreeMap<(AccountId, &'static str), String>;

/// How a type stands in an account, as its `/get` says it; `None`: the account has none of it.
pub(crate) fn state(
    context: &Context,
    access: &Access,
    mail: &Sight,
    name: &str,
) -> Result<Option<String>, MethodError> {
    Ok(match name {
        "EmailSubmission" => Some(submission::state_of(context, access, mail)?),
        "Identity" => Some(identity::state_of(access, mail.id())),
        "Quota" => Some(quota::state_of(context, access, mail)?),
        "VacationResponse" if access.sending_for(mail.id()) == Sending::As => {
            match vacation::state_of(context, access, mail.id()) {
                Err(MethodError::AccountNotFound) => None,
                found => Some(found?),
            }
        }
        _ => None,
    })
}

/// All of an account.
pub(crate) fn states(
    context: &Context,
    access: &Access,
    mail: &Sight,
) -> Result<States, MethodError> {
    let mut all = States::new();
    for name in TYPES {
        if let Some(state) = state(context, access, mail, name)? {
            all.insert((mail.id(), name), state);
        }
    }
    Ok(all)
}

/// What tells these from others.
pub(crate) fn mark(states: &States) -> String {
    let mut hash = blake3::Hasher::new();
    for ((account, name), state) in states {
        let text = format!("{} {name} {state}\n", ident::account(*account));
        hash.update(text.as_bytes());
    }
    hash.finalize().to_hex()[..MARK_DIGITS].to_owned()
}
