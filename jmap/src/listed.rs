//! RFC 8620 §5.5, §5.6: queries over lists that are at hand, which all types but Email answer alike.

use crate::discovery::COLLATIONS;
use crate::error::MethodError;
use crate::limit;
use crate::request::Arguments;
use crate::standard::Window;
use serde::Deserialize;
use serde_json::{Value, json};
use std::cmp::Ordering;

/// RFC 8620 §5.5.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct QueryArguments {
    pub(crate) account_id: String,
    pub(crate) filter: Option<Value>,
    #[serde(default, deserialize_with = "or_none")]
    pub(crate) sort: Vec<Comparator>,
    #[serde(default)]
    position: i64,
    anchor: Option<String>,
    #[serde(default)]
    anchor_offset: i64,
    limit: Option<i64>,
    #[serde(default)]
    calculate_total: bool,
}

/// RFC 8620 §5.5, of a type whose comparators have no more.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Comparator {
    pub(crate) property: String,
    #[serde(default = "yes")]
    pub(crate) is_ascending: bool,
    collation: Option<String>,
}

fn yes() -> bool {
    true
}

/// A sort that is absent or null is none.
pub(crate) fn or_none<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Vec<Comparator>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

impl Comparator {
    /// Whether it is of one of these properties, by an order that is known.
    fn is_of(&self, properties: &[&str]) -> bool {
        let collation = self.collation.as_deref();
        properties.contains(&self.property.as_str())
            && collation.is_none_or(|c| COLLATIONS.contains(&c))
    }

    /// The order wanted of what stands so in rising order.
    fn turn(&self, rising: Ordering) -> Ordering {
        match self.is_ascending {
            true => rising,
            false => rising.reverse(),
        }
    }
}

/// RFC 8620 §5.5: by these properties and known orders alone.
pub(crate) fn check_sort(sort: &[Comparator], properties: &[&str]) -> Result<(), MethodError> {
    match sort.len() <= limit::SORT_MAX && sort.iter().all(|by| by.is_of(properties)) {
        true => Ok(()),
        false => {
            let known = properties.join(", ");
            Err(MethodError::UnsupportedSort(format!("only by {known}")))
        }
    }
}

/// By the first comparator that tells them apart; `rising` compares by one property.
pub(crate) fn compare(sort: &[Comparator], rising: impl Fn(&str) -> Ordering) -> Ordering {
    let orders = sort.iter().map(|by| by.turn(rising(&by.property)));
    orders.fold(Ordering::Equal, Ordering::then)
}

/// The response of RFC 8620 §5.5: `ids` are all that was found, in order.
pub(crate) fn answer(
    arguments: &QueryArguments,
    (state, can_calculate_changes): (&str, bool),
    ids: &[String],
) -> Result<Value, MethodError> {
    let window = Window {
        position: arguments.position,
        anchor: arguments.anchor.clone(),
        anchor_offset: arguments.anchor_offset,
        limit: arguments.limit,
    };
    let shown = window.show(ids.len(), |anchor| ids.iter().position(|id| id == anchor))?;
    let mut response = json!({
        "accountId": arguments.account_id,
        "queryState": state,
        "canCalculateChanges": can_calculate_changes,
        "position": shown.from,
        "ids": ids[shown.from..shown.to],
    });
    if arguments.calculate_total {
        response["total"] = ids.len().into();
    }
    if let Some(limit) = shown.limit {
        response["limit"] = limit.into();
    }
    Ok(response)
}

/// RFC 8620 §5.6 where no change of an order can be told; `check` looks whether the account may be asked at all.
pub(crate) fn no_changes(
    arguments: &Arguments,
    check: impl FnOnce(&str) -> Result<(), MethodError>,
) -> Result<Value, MethodError> {
    let account = arguments.get("accountId").and_then(Value::as_str);
    check(account.ok_or_else(|| MethodError::argument("accountId", "a string"))?)?;
    Err(MethodError::CannotCalculateChanges)
}
