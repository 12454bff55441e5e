//! RFC 8621 §7: sending. The pipeline keeps its own record of what waits (the queue, seen by staff), so
//! a submission is destroyed as soon as it was made, as RFC 8621 §7 allows: there is never one to get,
//! and the state never changes.

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

fn account(turn: &Turn<'_>, arguments: &Arguments) -> Result<String, MethodError> {
    let account = arguments.get("accountId").and_then(Value::as_str);
    let account = account.ok_or_else(|| MethodError::argument("accountId", "a string"))?;
    turn.mail(account, Right::Read)?;
    Ok(account.to_owned())
}

/// RFC 8621 §7.3.
pub(crate) fn query(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let account = account(turn, &arguments)?;
    if arguments.get("anchor").is_some_and(|a| !a.is_null()) {
        return Err(MethodError::AnchorNotFound);
    }
    let mut response = json!({
        "accountId": account,
        "queryState": STATE,
        "canCalculateChanges": true,
        "position": 0,
        "ids": [],
    });
    if arguments.get("calculateTotal") == Some(&Value::Bool(true)) {
        response["total"] = 0.into();
    }
    Ok(response)
}

/// RFC 8621 §7.4.
pub(crate) fn query_changes(
    turn: &mut Turn<'_>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    let account = account(turn, &arguments)?;
    if arguments.get("sinceQueryState").and_then(Value::as_str) != Some(STATE) {
        return Err(MethodError::CannotCalculateChanges);
    }
    Ok(json!({
        "accountId": account,
        "oldQueryState": STATE,
        "newQueryState": STATE,
        "removed": [],
        "added": [],
    }))
}
