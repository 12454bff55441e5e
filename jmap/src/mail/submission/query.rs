//! RFC 8621 §7.3 EmailSubmission/query, RFC 8621 §7.4 EmailSubmission/queryChanges: over those that wait for a later
//! time.

use super::state::Waiting;
use crate::error::MethodError;
use crate::listed::{self, Comparator, QueryArguments};
use crate::mail::tree::Tree;
use crate::request::{Arguments, Turn};
use crate::sight::Sight;
use crate::standard;
use delivery::Later;
use directory::Right;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::cmp::Ordering;
use std::collections::HashSet;

/// RFC 8621 §7.3.
const SORTS: [&str; 3] = ["emailId", "threadId", "sentAt"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ChangesArguments {
    account_id: String,
    filter: Option<Value>,
    #[serde(default, deserialize_with = "listed::or_none")]
    sort: Vec<Comparator>,
    since_query_state: String,
    max_changes: Option<u64>,
    /// RFC 8620 §5.6: may be left unheeded.
    #[serde(rename = "upToId")]
    _up_to_id: Option<String>,
    #[serde(default)]
    calculate_total: bool,
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

fn check(filter: Option<&Value>, sort: &[Comparator]) -> Result<Tree<Test>, MethodError> {
    let tree = Tree::read(filter, &mut condition)?;
    listed::check_sort(sort, &SORTS)?;
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
        let order = listed::compare(sort, |property| match property {
            "emailId" => self.later.email.cmp(&other.later.email),
            "threadId" => self.thread.cmp(&other.thread),
            _ => self.later.at.cmp(&other.later.at),
        });
        let rest = || (self.later.at, self.later.id).cmp(&(other.later.at, other.later.id));
        order.then_with(rest)
    }
}

pub(crate) fn query(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: QueryArguments = standard::read(arguments)?;
    let mail = turn.mail(&arguments.account_id, Right::Read)?;
    let tree = check(arguments.filter.as_ref(), &arguments.sort)?;
    let all = super::waiting(turn, &mail)?;
    let state = super::state(&all);
    let ids = results(&mail, all, &tree, &arguments.sort);
    listed::answer(&arguments, (&state, true), &ids)
}

/// The ids of those that match, in order.
fn results(mail: &Sight, all: Vec<Later>, tree: &Tree<Test>, sort: &[Comparator]) -> Vec<String> {
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
    let mut found: Vec<Looked> = looked.filter(|one| one.matches(tree)).collect();
    found.sort_by(|a, b| a.compare(b, sort));
    found.into_iter().map(|one| one.id).collect()
}

/// RFC 8620 §5.6: what a submission is sorted and filtered by never changes, so that only what came and what went is
/// told.
pub(crate) fn changes(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: ChangesArguments = standard::read(arguments)?;
    let mail = turn.mail(&arguments.account_id, Right::Read)?;
    let tree = check(arguments.filter.as_ref(), &arguments.sort)?;
    let all = super::waiting(turn, &mail)?;
    let now = Waiting::of(&all);
    let changed = now.since(&arguments.since_query_state, usize::MAX)?;
    let ids = results(&mail, all, &tree, &arguments.sort);
    let spell = |numbers: Vec<u64>| numbers.into_iter().map(super::spelt);
    let removed: Vec<String> = spell(changed.destroyed).collect();
    let created: HashSet<String> = spell(changed.created).collect();
    let places = ids.iter().enumerate();
    let added: Vec<Value> = places
        .filter(|(_, id)| created.contains(*id))
        .map(|(index, id)| json!({"id": id, "index": index}))
        .collect();
    let count = (removed.len() + added.len()) as u64;
    if arguments.max_changes.is_some_and(|max| count > max) {
        return Err(MethodError::TooManyChanges);
    }
    let mut response = json!({
        "accountId": arguments.account_id,
        "oldQueryState": arguments.since_query_state,
        "newQueryState": now.spell(),
        "removed": removed,
        "added": added,
    });
    if arguments.calculate_total {
        response["total"] = ids.len().into();
    }
    Ok(response)
}
