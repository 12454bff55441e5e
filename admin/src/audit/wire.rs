//! An entry of the log on the wire, and which entries are asked for.

use crate::filter;
use crate::problem::Problem;
use directory::AccountId;
use directory::audit::Entry;
use formats::date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt::Write as _;
use utoipa::{IntoParams, ToSchema};

/// One entry of the log: who did what to whom, what was before and is after, why, and from where.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AuditEntry {
    pub(super) number: u64,
    /// RFC 3339, UTC.
    pub(super) at: String,
    /// Address of the actor, or `system`.
    pub(super) actor: String,
    /// The actor's account; null: the server itself, or an entry of an earlier version.
    pub(super) actor_id: Option<u32>,
    #[schema(example = "account.create")]
    pub(super) act: String,
    #[schema(example = "annv@tinhmau.gov.vn")]
    pub(super) object: String,
    /// The account that the object is or belongs to.
    pub(super) account: Option<u32>,
    /// The agency that the object is, or belonged to then.
    pub(super) agency: Option<String>,
    /// What was, where something was changed or removed.
    pub(super) before: Option<Value>,
    /// What is since then, where something was made or changed.
    pub(super) after: Option<Value>,
    /// What changed as it is kept, without secrets: a changed field has what it was and what it is.
    pub(super) detail: Value,
    /// Why, where it was said.
    pub(super) reason: String,
    /// From which network address; empty: by the server itself, or not known.
    pub(super) address: String,
    /// Through what: `api`, `cli`, `console`, `imap`, `job`; empty: by the server itself, or not known.
    #[schema(example = "console")]
    pub(super) service: String,
    /// Number of the actor's credential by which it was done, as in `accounts/ID/credentials`: the token, or the password
    /// that opened the session; null: not known.
    pub(super) credential: Option<u64>,
    /// Covers this entry and the hash before it; hexadecimal.
    pub(super) hash: String,
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditFilter {
    actor: Option<String>,
    /// `account.create`, or `account` for all acts on accounts.
    act: Option<String>,
    object: Option<String>,
    /// Number of the account that an act concerns, whatever its address was.
    account: Option<u32>,
    /// At this time or later; RFC 3339.
    since: Option<String>,
    /// Before this time; RFC 3339.
    until: Option<String>,
    /// 1 to 500, 50 when left out.
    pub(super) limit: Option<i64>,
    /// Of the page before.
    pub(super) cursor: Option<String>,
}

/// A filter that was read.
#[derive(Debug, Clone, Default)]
pub(super) struct Sought {
    pub(super) actor: Option<String>,
    pub(super) act: Option<String>,
    pub(super) object: Option<String>,
    pub(super) account: Option<u32>,
    pub(super) since: Option<i64>,
    pub(super) until: Option<i64>,
}

/// A time of a filter. Errors: 422 naming the field.
pub(super) fn time(field: &str, text: Option<&String>) -> Result<Option<i64>, Problem> {
    text.map(|text| filter::instant(field, text)).transpose()
}

impl TryFrom<AuditFilter> for Sought {
    type Error = Problem;

    fn try_from(filter: AuditFilter) -> Result<Self, Problem> {
        Ok(Self {
            since: time("since", filter.since.as_ref())?,
            until: time("until", filter.until.as_ref())?,
            actor: filter.actor,
            act: filter.act,
            object: filter.object,
            account: filter.account,
        })
    }
}

impl Sought {
    pub(super) fn fits(&self, entry: &Entry) -> bool {
        let of = |act: &String| {
            let rest = entry.act.strip_prefix(act.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let same = |sought: &Option<String>, is: &String| sought.as_ref().is_none_or(|s| s == is);
        same(&self.actor, &entry.actor)
            && same(&self.object, &entry.object)
            && self.act.as_ref().is_none_or(of)
            && self
                .account
                .is_none_or(|id| entry.account.is_some_and(|account| account.raw() == id))
            && self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
    }
}

pub(super) fn hex(hash: &[u8; 32]) -> String {
    let mut text = String::with_capacity(hash.len() * 2);
    for octet in hash {
        let _ = write!(text, "{octet:02x}");
    }
    text
}

/// Acts whose detail holds what was and what is of each field that changed.
fn changes(act: &str) -> bool {
    act.ends_with(".change")
        || [
            "account.forwarding",
            "account.vacation",
            "account.list",
            "account.sender",
            "account.member",
            "agency.forwarding",
            "agency.caps",
            "agency.policy",
        ]
        .contains(&act)
}

/// What was before and what is after, as far as the detail tells it.
fn sides(act: &str, detail: &Value) -> (Option<Value>, Option<Value>) {
    if act.ends_with(".create") || act.ends_with(".record") {
        return (None, Some(detail.clone()));
    }
    if act.ends_with(".delete") {
        return (Some(detail.clone()), None);
    }
    let Some(fields) = detail.as_object().filter(|_| changes(act)) else {
        return (None, None);
    };
    let (mut before, mut after) = (Map::new(), Map::new());
    for (name, value) in fields {
        if let Some([was, is]) = value.as_array().map(Vec::as_slice) {
            before.insert(name.clone(), was.clone());
            after.insert(name.clone(), is.clone());
        }
    }
    (Some(before.into()), Some(after.into()))
}

/// Fields that name who gave a grant, by number, and the grant out of which he gave it.
const GIVERS: [&str; 2] = ["given_by", "out_of"];
/// How deep a detail is looked into.
const DEPTH_MAX: usize = 8;

/// Takes givers out whom one does not see.
fn veil(value: &mut Value, seen: &dyn Fn(AccountId) -> bool, depth: usize) {
    if depth >= DEPTH_MAX {
        return;
    }
    let giver = |value: &Value| {
        let number = match value {
            Value::Object(grant) => grant.get("account").and_then(Value::as_u64),
            Value::String(grant) => grant.split('-').next().and_then(|n| n.parse().ok()),
            other => other.as_u64(),
        };
        number
            .and_then(|n| u32::try_from(n).ok())
            .and_then(AccountId::new)
    };
    match value {
        Value::Array(all) => all.iter_mut().for_each(|one| veil(one, seen, depth + 1)),
        Value::Object(fields) => {
            for (name, one) in fields {
                // What it was and what it is, where it changed.
                let sides = match one {
                    Value::Array(sides) => sides.as_mut_slice(),
                    one => std::slice::from_mut(one),
                };
                for side in sides {
                    match GIVERS.contains(&name.as_str()) {
                        true if giver(side).is_some_and(|id| !seen(id)) => *side = Value::Null,
                        true => {}
                        false => veil(side, seen, depth + 1),
                    }
                }
            }
        }
        _ => {}
    }
}

impl AuditEntry {
    /// Without those who gave grants whom one does not see.
    pub(super) fn veiled(mut self, seen: &dyn Fn(AccountId) -> bool) -> Self {
        let sides = [&mut self.before, &mut self.after];
        for side in sides.into_iter().flatten().chain([&mut self.detail]) {
            veil(side, seen, 0);
        }
        self
    }
}

impl From<Entry> for AuditEntry {
    fn from(entry: Entry) -> Self {
        let detail = serde_json::from_str(&entry.detail)
            .unwrap_or_else(|_| Value::String(entry.detail.clone()));
        let (before, after) = sides(&entry.act, &detail);
        Self {
            number: entry.number,
            at: date::utc(entry.at),
            actor: entry.actor,
            actor_id: entry.actor_id.map(|id| id.raw()),
            act: entry.act,
            object: entry.object,
            account: entry.account.map(|id| id.raw()),
            agency: entry.agency,
            before,
            after,
            detail,
            reason: entry.reason,
            address: entry.address,
            service: entry.service,
            credential: entry.credential.map(|id| id.0),
            hash: hex(&entry.hash),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(act: &str, detail: Value, before: Value, after: Value) {
        let or_null = |side: Option<Value>| side.unwrap_or(Value::Null);
        let (was, is) = sides(act, &detail);
        assert_eq!((or_null(was), or_null(is)), (before, after), "{act}");
    }

    #[test]
    fn a_change_tells_both_sides() {
        let none = Value::Null;
        check(
            "account.change",
            json!({"quota": [null, 5], "name": ["A", "B"]}),
            json!({"quota": null, "name": "A"}),
            json!({"quota": 5, "name": "B"}),
        );
        check(
            "account.sender",
            json!({"sender": "a@x.vn", "sending": [null, "as"]}),
            json!({"sending": null}),
            json!({"sending": "as"}),
        );
        let row = json!({"members": ["a", "b"]});
        check("account.create", row.clone(), none.clone(), row.clone());
        check("account.delete", row.clone(), row.clone(), none.clone());
        check("trace.search", row, none.clone(), none);
    }
}
