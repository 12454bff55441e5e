//! What the standard methods of RFC 8620 §5 share: arguments, answers, windows on query results, patches.

use crate::error::{MethodError, SetError};
use crate::limit;
use crate::request::{Arguments, Turn};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// Reads arguments; what does not fit is `invalidArguments`, saying what and where.
pub(crate) fn read<T: DeserializeOwned>(arguments: Arguments) -> Result<T, MethodError> {
    serde_json::from_value(Value::Object(arguments))
        .map_err(|e| MethodError::InvalidArguments(e.to_string()))
}

/// RFC 8620 §5.1.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct GetArguments {
    pub(crate) account_id: String,
    pub(crate) ids: Option<Vec<String>>,
    pub(crate) properties: Option<Vec<String>>,
}

/// RFC 8620 §5.1: more ids than promised are `requestTooLarge`; the same id twice is one.
pub(crate) fn wanted(ids: Vec<String>) -> Result<Vec<String>, MethodError> {
    if ids.len() > limit::GET_OBJECTS_MAX {
        return Err(MethodError::RequestTooLarge);
    }
    let mut seen = std::collections::HashSet::new();
    Ok(ids
        .into_iter()
        .filter(|id| seen.insert(id.clone()))
        .collect())
}

/// Keeps `id` and the properties asked for; an unknown one is `invalidArguments`.
pub(crate) fn check_properties(
    properties: &Option<Vec<String>>,
    known: &[&str],
) -> Result<(), MethodError> {
    let unknown = properties
        .iter()
        .flatten()
        .find(|p| !known.contains(&p.as_str()));
    match unknown {
        Some(name) => Err(MethodError::argument(
            "properties",
            &format!("no property {name:?}"),
        )),
        None => Ok(()),
    }
}

/// Drops what was not asked for; `id` always stays.
pub(crate) fn pick(mut object: Map<String, Value>, properties: &Option<Vec<String>>) -> Value {
    if let Some(wanted) = properties {
        object.retain(|key, _| key == "id" || wanted.contains(key));
    }
    Value::Object(object)
}

/// RFC 8620 §5.2.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ChangesArguments {
    pub(crate) account_id: String,
    pub(crate) since_state: String,
    pub(crate) max_changes: Option<u64>,
}

impl ChangesArguments {
    /// RFC 8620 §5.2: `maxChanges` MUST be positive.
    pub(crate) fn max(&self) -> Result<usize, MethodError> {
        match self.max_changes {
            Some(0) => Err(MethodError::argument("maxChanges", "a positive number")),
            Some(n) => Ok(usize::try_from(n)
                .unwrap_or(usize::MAX)
                .min(limit::CHANGES_MAX)),
            None => Ok(limit::CHANGES_MAX),
        }
    }
}

/// RFC 8620 §5.3. Email/set and Thread-less types use it as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SetArguments {
    pub(crate) account_id: String,
    pub(crate) if_in_state: Option<String>,
    pub(crate) create: Option<Map<String, Value>>,
    pub(crate) update: Option<Map<String, Value>>,
    pub(crate) destroy: Option<Vec<String>>,
}

impl SetArguments {
    /// RFC 8620 §5.3: `requestTooLarge` over the limit, `stateMismatch` when the state moved on.
    pub(crate) fn check(&self, state: &str) -> Result<(), MethodError> {
        let count = self.create.as_ref().map_or(0, Map::len)
            + self.update.as_ref().map_or(0, Map::len)
            + self.destroy.as_ref().map_or(0, Vec::len);
        if count > limit::SET_OBJECTS_MAX {
            return Err(MethodError::RequestTooLarge);
        }
        match &self.if_in_state {
            Some(expected) if expected != state => Err(MethodError::StateMismatch),
            _ => Ok(()),
        }
    }
}

/// What became of each record of a `/set`.
#[derive(Debug, Default)]
pub(crate) struct SetOutcome {
    pub(crate) created: Map<String, Value>,
    pub(crate) updated: Map<String, Value>,
    pub(crate) destroyed: Vec<String>,
    not_created: Map<String, Value>,
    not_updated: Map<String, Value>,
    not_destroyed: Map<String, Value>,
}

impl SetOutcome {
    /// Notes a creation and makes its id known to later references.
    pub(crate) fn create(
        &mut self,
        turn: &mut Turn<'_>,
        creation: String,
        outcome: Result<Value, SetError>,
    ) {
        match outcome {
            Ok(object) => {
                if let Some(id) = object["id"].as_str() {
                    turn.created.insert(creation.clone(), id.to_owned());
                }
                self.created.insert(creation, object);
            }
            Err(error) => {
                self.not_created.insert(creation, error.spell());
            }
        }
    }

    pub(crate) fn update(&mut self, id: String, outcome: Result<Value, SetError>) {
        match outcome {
            Ok(changed) => self.updated.insert(id, changed),
            Err(error) => self.not_updated.insert(id, error.spell()),
        };
    }

    pub(crate) fn destroy(&mut self, id: String, outcome: Result<(), SetError>) {
        match outcome {
            Ok(()) => self.destroyed.push(id),
            Err(error) => {
                self.not_destroyed.insert(id, error.spell());
            }
        }
    }

    /// The batch that all updates and destroys shared did not commit: none of them happened.
    pub(crate) fn undo_batch(&mut self, error: &SetError) {
        for (id, _) in std::mem::take(&mut self.updated) {
            self.not_updated.insert(id, error.clone().spell());
        }
        for id in std::mem::take(&mut self.destroyed) {
            self.not_destroyed.insert(id, error.clone().spell());
        }
    }

    /// The response; absent is `null` as RFC 8620 §5.3 says.
    pub(crate) fn response(self, account: &str, old: &str, new: &str) -> Value {
        let map = |m: Map<String, Value>| {
            if m.is_empty() {
                Value::Null
            } else {
                Value::Object(m)
            }
        };
        json!({
            "accountId": account,
            "oldState": old,
            "newState": new,
            "created": map(self.created),
            "updated": map(self.updated),
            "destroyed": if self.destroyed.is_empty() { Value::Null } else { json!(self.destroyed) },
            "notCreated": map(self.not_created),
            "notUpdated": map(self.not_updated),
            "notDestroyed": map(self.not_destroyed),
        })
    }
}

/// The window of RFC 8620 §5.5 on a list of results.
#[derive(Debug, Clone, Default)]
pub(crate) struct Window {
    pub(crate) position: i64,
    pub(crate) anchor: Option<String>,
    pub(crate) anchor_offset: i64,
    pub(crate) limit: Option<i64>,
}

/// What the window shows.
pub(crate) struct Shown {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// The limit, when the server set it: none or a greater one was asked for (RFC 8620 §5.5).
    pub(crate) limit: Option<usize>,
}

impl Window {
    /// `find`: the index of the anchor in the results.
    pub(crate) fn show(
        &self,
        total: usize,
        find: impl FnOnce(&str) -> Option<usize>,
    ) -> Result<Shown, MethodError> {
        let signed = i64::try_from(total).unwrap_or(i64::MAX);
        let from = match &self.anchor {
            Some(anchor) => {
                let index = find(anchor).ok_or(MethodError::AnchorNotFound)?;
                let index = i64::try_from(index).unwrap_or(i64::MAX);
                index.saturating_add(self.anchor_offset).max(0)
            }
            None if self.position < 0 => signed.saturating_add(self.position).max(0),
            None => self.position,
        };
        let (max, clamped) = match self.limit {
            Some(n) if n < 0 => return Err(MethodError::argument("limit", "not negative")),
            Some(n) if n as u64 <= limit::QUERY_IDS_MAX as u64 => (n as usize, None),
            _ => (limit::QUERY_IDS_MAX, Some(limit::QUERY_IDS_MAX)),
        };
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(total);
        let to = from.saturating_add(max).min(total);
        Ok(Shown {
            from,
            to,
            limit: clamped,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(window: Window, expected: Result<(usize, usize), &str>) {
        let shown = window.show(10, |id| (id == "x").then_some(4));
        let shown = shown.map(|s| (s.from, s.to)).map_err(|e| e.to_string());
        assert_eq!(shown, expected.map_err(str::to_owned), "{window:?}");
    }

    #[test]
    fn windows() {
        let at = |position, limit| Window {
            position,
            limit,
            ..Window::default()
        };
        check(at(0, None), Ok((0, 10)));
        check(at(0, Some(3)), Ok((0, 3)));
        check(at(-2, Some(30)), Ok((8, 10)));
        check(at(-20, Some(1)), Ok((0, 1)));
        check(at(i64::MIN, Some(1)), Ok((0, 1)));
        check(at(i64::MAX, Some(i64::MAX)), Ok((10, 10)));
        check(at(20, None), Ok((10, 10)));
        check(at(0, Some(-1)), Err("invalidArguments"));
        let anchored = |anchor: &str, anchor_offset| Window {
            position: 9,
            anchor: Some(anchor.into()),
            anchor_offset,
            limit: Some(2),
        };
        check(anchored("x", 0), Ok((4, 6)));
        check(anchored("x", -1), Ok((3, 5)));
        check(anchored("x", -9), Ok((0, 2)));
        check(anchored("x", 9), Ok((10, 10)));
        check(anchored("y", 0), Err("anchorNotFound"));
    }
}
