//! RFC 8621 §7.3 EmailSubmission/query, RFC 8621 §7.4 EmailSubmission/queryChanges: over those that wait for a later
//! time.

use crate::error::MethodError;
use crate::mail::tree::Tree;
use crate::request::{Arguments, Turn};
use crate::standard::{self, Listed, Window};
use delivery::Later;
use directory::Right;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::cmp::Ordering;

/// RFC 8621 §7.3.
const SORTS: [&str; 3] = ["emailId", "threadId", "sentAt"];

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
    #[serde(default = "ascending")]
    is_ascending: bool,
    collation: Option<String>,
}

/// RFC 8620 §5.5.
fn ascending() -> bool {
    true
}

/// One test of a condition of RFC 8621 §7.3.
#[derive(Debug, Clone)]
enum Test {
    Identity(Vec<String>),
    Email(Vec<String>),
    Thread(Vec<String>),
    Undo(String),
    Before(i64),
    After(i64),
}

fn condition(map: &Map<String, Value>) -> Result<Vec<Test>, MethodError> {
    let mut tests = Vec::new();
    for (key, value) in map {
        let wrong = || {
            let name = format!("filter/{key}");
            MethodError::argument(&name, "a value of its type")
        };
        let strings = || {
            let list = value.as_array().ok_or_else(wrong)?.iter();
            let list = list.map(|one| one.as_str().map(str::to_owned).ok_or_else(wrong));
            list.collect::<Result<Vec<String>, _>>()
        };
        let date = || {
            let read = value.as_str().and_then(formats::date::parse_utc);
            read.ok_or_else(wrong)
        };
        tests.push(match key.as_str() {
            "identityIds" => Test::Identity(strings()?),
            "emailIds" => Test::Email(strings()?),
            "threadIds" => Test::Thread(strings()?),
            "undoStatus" => Test::Undo(value.as_str().ok_or_else(wrong)?.to_owned()),
            "before" => Test::Before(date()?),
            "after" => Test::After(date()?),
            _ => return Err(MethodError::UnsupportedFilter(format!("condition {key:?}"))),
        });
    }
    Ok(tests)
}

fn check(filter: Option<&Value>, sort: Option<&[Comparator]>) -> Result<Tree<Test>, MethodError> {
    let tree = Tree::read(filter, &mut condition)?;
    for comparator in sort.unwrap_or_default() {
        if !SORTS.contains(&comparator.property.as_str()) {
            return Err(MethodError::UnsupportedSort(comparator.property.clone()));
        }
        let collation = comparator.collation.as_deref();
        if collation.is_some_and(|c| !crate::discovery::COLLATIONS.contains(&c)) {
            return Err(MethodError::UnsupportedSort("collation".into()));
        }
    }
    Ok(tree)
}

/// What a submission is looked at by.
struct Looked {
    id: String,
    later: Later,
    email: String,
    thread: String,
}

impl Looked {
    fn matches(&self, tree: &Tree<Test>) -> bool {
        tree.judge(&mut |test| {
            Some(match test {
                Test::Identity(ids) => ids.contains(&self.later.identity),
                Test::Email(ids) => ids.contains(&self.email),
                Test::Thread(ids) => ids.contains(&self.thread),
                Test::Undo(status) => status == "pending",
                Test::Before(at) => self.later.at < *at,
                Test::After(at) => self.later.at >= *at,
            })
        })
        .unwrap_or(false)
    }

    fn compare(&self, other: &Self, sort: &[Comparator]) -> Ordering {
        for comparator in sort {
            let order = match comparator.property.as_str() {
                "emailId" => self.later.email.cmp(&other.later.email),
                "threadId" => self.thread.cmp(&other.thread),
                _ => self.later.at.cmp(&other.later.at),
            };
            let order = if comparator.is_ascending {
                order
            } else {
                order.reverse()
            };
            if order != Ordering::Equal {
                return order;
            }
        }
        (self.later.at, self.later.id).cmp(&(other.later.at, other.later.id))
    }
}

pub(crate) fn query(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: QueryArguments = standard::read(arguments)?;
    let mail = turn.mail(&arguments.account_id, Right::Read)?;
    let tree = check(arguments.filter.as_ref(), arguments.sort.as_deref())?;
    let all = super::waiting(turn, &mail)?;
    let state = super::state(&all);
    let look = |later: Later| Looked {
        id: super::id(later.id),
        email: mail.ids().email(later.email),
        thread: mail
            .state(later.email)
            .map(|state| mail.ids().thread(state.thread))
            .unwrap_or_default(),
        later,
    };
    let looked = all.into_iter().map(look);
    let mut found: Vec<Looked> = looked.filter(|one| one.matches(&tree)).collect();
    let sort = arguments.sort.as_deref().unwrap_or_default();
    found.sort_by(|a, b| a.compare(b, sort));
    let window = Window {
        position: arguments.position,
        anchor: arguments.anchor,
        anchor_offset: arguments.anchor_offset,
        limit: arguments.limit,
    };
    let listed = Listed {
        account: &arguments.account_id,
        state: &state,
        can_calculate_changes: true,
        calculate_total: arguments.calculate_total,
        window: &window,
    };
    let ids: Vec<String> = found.into_iter().map(|one| one.id).collect();
    listed.answer(&ids)
}

pub(crate) fn changes(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: ChangesArguments = standard::read(arguments)?;
    let mail = turn.mail(&arguments.account_id, Right::Read)?;
    check(arguments.filter.as_ref(), arguments.sort.as_deref())?;
    let all = super::waiting(turn, &mail)?;
    let state = super::state(&all);
    if arguments.since_query_state != state {
        return Err(MethodError::CannotCalculateChanges);
    }
    let mut response = json!({
        "accountId": arguments.account_id,
        "oldQueryState": state,
        "newQueryState": state,
        "removed": [],
        "added": [],
    });
    if arguments.calculate_total {
        response["total"] = all.len().into();
    }
    Ok(response)
}
