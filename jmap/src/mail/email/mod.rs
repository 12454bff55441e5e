//! RFC 8621 §4: messages.

pub(crate) mod body;
pub(crate) mod draft;
pub(crate) mod filter;
pub(crate) mod get;
pub(crate) mod header;
pub(crate) mod known;
pub(crate) mod permit;
pub(crate) mod property;
pub(crate) mod query;
pub(crate) mod search;
pub(crate) mod set;
pub(crate) mod sort;

use crate::error::MethodError;
use crate::mail::DELETED;
use crate::request::{Arguments, Turn};
use crate::sight::Sight;
use crate::standard::{self, ChangesArguments};
use crate::state::{self, Kind};
use directory::Right;
use serde_json::{Value, json};
use storage::State;

/// The message under this id, if there is one to see (RFC 8621 §4.1.1 hides `$deleted`).
pub(crate) fn visible(mail: &Sight, id: &str) -> Result<Option<State>, storage::Error> {
    let Some(email) = mail.ids().parse_email(id) else {
        return Ok(None);
    };
    match mail.state(email) {
        Ok(state) => Ok(Some(state).filter(|s| !s.has(DELETED))),
        Err(storage::Error::NotFound | storage::Error::Expunged) => Ok(None),
        Err(other) => Err(other),
    }
}

/// RFC 8621 §4.3.
pub(crate) fn changes(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: ChangesArguments = standard::read(arguments)?;
    let max = arguments.max()?;
    let mail = turn.mail(&arguments.account_id, Right::Read)?;
    let since = state::parse(&mail, &arguments.since_state)?;
    let delta = state::delta(&mail, since, max, Kind::Email)?;
    let spell = |ids: Vec<u64>| mail.ids().spell_all('e', &ids);
    Ok(json!({
        "accountId": arguments.account_id,
        "oldState": arguments.since_state,
        "newState": delta.until,
        "hasMoreChanges": delta.more,
        "created": spell(delta.created),
        "updated": spell(delta.updated),
        "destroyed": spell(delta.destroyed),
    }))
}
