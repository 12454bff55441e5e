//! RFC 9670 §3 ShareNotification. None is kept yet, as a server may limit their number (RFC 9670 §3): the methods
//! hold what is asked against the rules, over a list that is always empty.

use crate::error::{MethodError, SetError};
use crate::mail::tree::Tree;
use crate::principal::own;
use crate::request::{Arguments, Turn};
use crate::standard::{
    self, ChangesArguments, GetArguments, Listed, SetArguments, SetOutcome, Window,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The state of a type that has no records.
const STATE: &str = "0";

const PROPERTIES: [&str; 9] = [
    "id",
    "created",
    "changedBy",
    "objectType",
    "objectAccountId",
    "objectId",
    "oldRights",
    "newRights",
    "name",
];

/// RFC 9670 §3.3.
pub(crate) fn get(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: GetArguments = standard::read(arguments)?;
    standard::check_properties(&arguments.properties, &PROPERTIES)?;
    own(turn, &arguments.account_id)?;
    let ids = standard::wanted(arguments.ids.unwrap_or_default())?;
    Ok(json!({
        "accountId": arguments.account_id,
        "state": STATE,
        "list": [],
        "notFound": ids,
    }))
}

/// RFC 9670 §3.4.
pub(crate) fn changes(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: ChangesArguments = standard::read(arguments)?;
    arguments.max()?;
    own(turn, &arguments.account_id)?;
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

/// RFC 9670 §3.5: only destroying is supported.
pub(crate) fn set(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: SetArguments = standard::read(arguments)?;
    own(turn, &arguments.account_id)?;
    arguments.check(STATE)?;
    let refused = || SetError::forbidden("the server makes these");
    let mut outcome = SetOutcome::default();
    for (creation, _) in arguments.create.unwrap_or_default() {
        outcome.create(turn, creation, Err(refused()));
    }
    for (id, _) in arguments.update.unwrap_or_default() {
        outcome.update(id, Err(refused()));
    }
    for id in arguments.destroy.unwrap_or_default() {
        outcome.destroy(id, Err(SetError::not_found()));
    }
    Ok(outcome.response(&arguments.account_id, STATE, STATE))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct QueryArguments {
    account_id: String,
    filter: Option<Value>,
    sort: Option<Vec<Map<String, Value>>>,
    #[serde(default)]
    position: i64,
    anchor: Option<String>,
    #[serde(default)]
    anchor_offset: i64,
    limit: Option<i64>,
    #[serde(default)]
    calculate_total: bool,
}

/// RFC 9670 §3.6.1.
fn condition(map: &Map<String, Value>) -> Result<Vec<()>, MethodError> {
    for (key, value) in map {
        let date = || value.as_str().and_then(formats::date::parse_utc).is_some();
        let sound = match key.as_str() {
            "after" | "before" => value.is_null() || date(),
            "objectType" | "objectAccountId" => value.is_string(),
            _ => return Err(MethodError::UnsupportedFilter(format!("condition {key:?}"))),
        };
        if !sound {
            let name = format!("filter/{key}");
            return Err(MethodError::argument(&name, "a value of its type"));
        }
    }
    Ok(Vec::new())
}

/// RFC 9670 §3.6.2: by `created`.
fn check(filter: Option<&Value>, sort: Option<&[Map<String, Value>]>) -> Result<(), MethodError> {
    Tree::read(filter, &mut condition)?;
    let other = |c: &&Map<String, Value>| c.get("property") != Some(&json!("created"));
    match sort.unwrap_or_default().iter().find(other) {
        Some(_) => Err(MethodError::UnsupportedSort("only by created".into())),
        None => Ok(()),
    }
}

/// RFC 9670 §3.6.
pub(crate) fn query(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: QueryArguments = standard::read(arguments)?;
    own(turn, &arguments.account_id)?;
    check(arguments.filter.as_ref(), arguments.sort.as_deref())?;
    let window = Window {
        position: arguments.position,
        anchor: arguments.anchor,
        anchor_offset: arguments.anchor_offset,
        limit: arguments.limit,
    };
    let listed = Listed {
        account: &arguments.account_id,
        state: STATE,
        can_calculate_changes: false,
        calculate_total: arguments.calculate_total,
        window: &window,
    };
    listed.answer(&[])
}

/// RFC 9670 §3.7.
pub(crate) fn query_changes(
    turn: &mut Turn<'_>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    let account = arguments.get("accountId").and_then(Value::as_str);
    let account = account.ok_or_else(|| MethodError::argument("accountId", "a string"))?;
    own(turn, account)?;
    Err(MethodError::CannotCalculateChanges)
}
