//! RFC 8621 §7: sending. The pipeline keeps its own record of what waits (the queue, seen by staff), so
//! a submission is destroyed as soon as it was made, as RFC 8621 §7 allows: there is never one to get,
//! and the state never changes.

mod parameter;
pub(crate) mod query;
pub(crate) mod set;

use crate::error::MethodError;
use crate::request::{Arguments, Turn};
use crate::standard::{self, ChangesArguments, GetArguments};
use directory::Right;
use serde_json::{Value, json};

/// The state of a type that has no records.
const STATE: &str = "0";

const PROPERTIES: [&str; 10] = [
    "id",
    "identityId",
    "emailId",
    "threadId",
    "envelope",
    "sendAt",
    "undoStatus",
    "deliveryStatus",
    "dsnBlobIds",
    "mdnBlobIds",
];

/// RFC 8621 §7.1.
pub(crate) fn get(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: GetArguments = standard::read(arguments)?;
    standard::check_properties(&arguments.properties, &PROPERTIES)?;
    turn.mail(&arguments.account_id, Right::Read)?;
    let ids = standard::wanted(arguments.ids.unwrap_or_default())?;
    Ok(json!({
        "accountId": arguments.account_id,
        "state": STATE,
        "list": [],
        "notFound": ids,
    }))
}

/// RFC 8621 §7.2.
pub(crate) fn changes(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: ChangesArguments = standard::read(arguments)?;
    arguments.max()?;
    turn.mail(&arguments.account_id, Right::Read)?;
    if arguments.since_state != STATE {
        return Err(MethodError::CannotCalculateChanges);
    }
    Ok(json!({
        "accountId": arguments.account_id,
        "oldState": STATE,
        "newState": STATE,
        "hasMoreChanges": false,
        "created": [],
        "updated": [],
        "destroyed": [],
    }))
}
