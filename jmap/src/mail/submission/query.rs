//! RFC 8621 §7.3 EmailSubmission/query, RFC 8621 §7.4 EmailSubmission/queryChanges: held against the
//! rules like any query, over a list that is always empty.

use super::STATE;
use crate::error::MethodError;
use crate::mail::tree::Tree;
use crate::request::{Arguments, Turn};
use crate::standard::{self, Listed, Window};
use directory::Right;
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct QueryArguments {
    account_id: String,
    filter: Option<Value>,
    sort: Option<Vec<Comparator>>,
    #[serde(default)]
    position: i64,
    anchor: Option<String>,
    #[serde(default)]
    anchor_offset: i64,
    limit: Option<i64>,
    #[serde(default)]
    calculate_total: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ChangesArguments {
    account_id: String,
    filter: Option<Value>,
    sort: Option<Vec<Comparator>>,
    since_query_state: String,
    /// Nothing changes, so no limit is passed.
    #[allow(dead_code)]
    max_changes: Option<u64>,
    #[allow(dead_code)]
    up_to_id: Option<String>,
    #[serde(default)]
    calculate_total: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Comparator {
    property: String,
    #[serde(default)]
    #[allow(dead_code)]
    is_ascending: bool,
    collation: Option<String>,
}

/// Conditions of RFC 8621 §7.3.
fn condition(map: &Map<String, Value>) -> Result<Vec<()>, MethodError> {
    for (key, value) in map {
        let strings = || {
            let list = value.as_array();
            list.is_some_and(|l| l.iter().all(Value::is_string))
        };
        let date = || value.as_str().and_then(formats::date::parse_utc).is_some();
        let sound = match key.as_str() {
            "identityIds" | "emailIds" | "threadIds" => strings(),
            "undoStatus" => value.is_string(),
            "before" | "after" => date(),
            _ => return Err(MethodError::UnsupportedFilter(format!("condition {key:?}"))),
        };
        if !sound {
            let name = format!("filter/{key}");
            return Err(MethodError::argument(&name, "a value of its type"));
        }
    }
    Ok(Vec::new())
}

fn check(filter: Option<&Value>, sort: Option<&[Comparator]>) -> Result<(), MethodError> {
    Tree::read(filter, &mut condition)?;
    for comparator in sort.unwrap_or_default() {
        if !["emailId", "threadId", "sentAt"].contains(&comparator.property.as_str()) {
            return Err(MethodError::UnsupportedSort(comparator.property.clone()));
        }
        let collation = comparator.collation.as_deref();
        if collation.is_some_and(|c| !crate::discovery::COLLATIONS.contains(&c)) {
            return Err(MethodError::UnsupportedSort("collation".into()));
        }
    }
    Ok(())
}

pub(crate) fn query(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: QueryArguments = standard::read(arguments)?;
    turn.mail(&arguments.account_id, Right::Read)?;
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
        can_calculate_changes: true,
        calculate_total: arguments.calculate_total,
        window: &window,
    };
    listed.answer(&[])
}

pub(crate) fn changes(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: ChangesArguments = standard::read(arguments)?;
    turn.mail(&arguments.account_id, Right::Read)?;
    check(arguments.filter.as_ref(), arguments.sort.as_deref())?;
    if arguments.since_query_state != STATE {
        return Err(MethodError::CannotCalculateChanges);
    }
    let mut response = json!({
        "accountId": arguments.account_id,
        "oldQueryState": STATE,
        "newQueryState": STATE,
        "removed": [],
        "added": [],
    });
    if arguments.calculate_total {
        response["total"] = 0.into();
    }
    Ok(response)
}
