//! RFC 8621 §2.3 Mailbox/query, RFC 8621 §2.4 Mailbox/queryChanges.

use super::{find, name, parse_role};
use crate::error::MethodError;
use crate::ident::Ids;
use crate::mail::email::search::{Haystack, Words};
use crate::mail::tree::Tree;
use crate::request::{Arguments, Turn};
use crate::standard::{self, Listed, Window};
use crate::{limit, state};
use directory::Right;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::cmp::Ordering;
use storage::{Mailbox, MailboxId, Role};

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
    #[serde(default)]
    sort_as_tree: bool,
    #[serde(default)]
    filter_as_tree: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Comparator {
    property: String,
    #[serde(default = "yes")]
    is_ascending: bool,
    collation: Option<String>,
}

fn yes() -> bool {
    true
}

#[derive(Debug)]
enum Test {
    Parent(Option<MailboxId>),
    /// A parent that can be no mailbox's.
    Nowhere,
    Name(Words),
    Role(Option<Role>),
    /// A role that no mailbox here has.
    NoRole,
    HasAnyRole(bool),
    Subscribed(bool),
}

fn condition(map: &Map<String, Value>, ids: Ids) -> Result<Vec<Test>, MethodError> {
    map.iter()
        .map(|(key, value)| match (key.as_str(), value) {
            ("parentId", Value::Null) => Ok(Test::Parent(None)),
            ("parentId", Value::String(id)) => Ok(ids
                .parse_mailbox(id)
                .map_or(Test::Nowhere, |m| Test::Parent(Some(m)))),
            ("name", Value::String(text)) if text.len() <= limit::SEARCH_OCTETS_MAX => {
                Ok(Test::Name(Words::phrase(text)))
            }
            ("role", Value::Null) => Ok(Test::Role(None)),
            ("role", Value::String(role)) => {
                Ok(parse_role(role).map_or(Test::NoRole, |r| Test::Role(Some(r))))
            }
            ("hasAnyRole", Value::Bool(flag)) => Ok(Test::HasAnyRole(*flag)),
            ("isSubscribed", Value::Bool(flag)) => Ok(Test::Subscribed(*flag)),
            (key, _) => Err(MethodError::UnsupportedFilter(format!("condition {key:?}"))),
        })
        .collect()
}

fn matches(test: &Test, mailbox: &Mailbox) -> bool {
    match test {
        Test::Parent(parent) => mailbox.parent == *parent,
        Test::Nowhere | Test::NoRole => false,
        Test::Name(words) => words.all_in(&[&Haystack::new(name(mailbox).to_owned())]),
        Test::Role(role) => mailbox.role == *role,
        Test::HasAnyRole(flag) => mailbox.role.is_some() == *flag,
        Test::Subscribed(flag) => mailbox.subscribed == *flag,
    }
}

pub(crate) fn query(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: QueryArguments = standard::read(arguments)?;
    let mail = turn.mail(&arguments.account_id, Right::Read)?;
    let state = state::current(&mail)?;
    let all = mail.mailboxes()?;
    let ids = results(&all, &arguments, mail.ids())?;
    let window = Window {
        position: arguments.position,
        anchor: arguments.anchor,
        anchor_offset: arguments.anchor_offset,
        limit: arguments.limit,
    };
    let listed = Listed {
        account: &arguments.account_id,
        state: &state,
        can_calculate_changes: false,
        calculate_total: arguments.calculate_total,
        window: &window,
    };
    listed.answer(&ids)
}

/// Changes of a parent move whole subtrees; fetching the few mailboxes anew is cheaper than telling how.
pub(crate) fn changes(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let account = arguments.get("accountId").and_then(Value::as_str);
    let account = account.ok_or_else(|| MethodError::argument("accountId", "a string"))?;
    turn.mail(account, Right::Read)?;
    Err(MethodError::CannotCalculateChanges)
}

fn results(
    all: &[Mailbox],
    arguments: &QueryArguments,
    ids: Ids,
) -> Result<Vec<String>, MethodError> {
    let filter = Tree::read(arguments.filter.as_ref(), &mut |map| condition(map, ids))?;
    let sort = arguments.sort.as_deref().unwrap_or_default();
    check_sort(sort)?;
    let own = |m: &Mailbox| filter.judge(&mut |t| Some(matches(t, m))) == Some(true);
    let mut chosen: Vec<&Mailbox> = all
        .iter()
        .filter(|m| {
            own(m) && (!arguments.filter_as_tree || ancestors(all, m).iter().all(|a| own(a)))
        })
        .collect();
    chosen.sort_by(|a, b| {
        if arguments.sort_as_tree {
            compare_in_tree(all, a, b, sort)
        } else {
            compare(a, b, sort)
        }
    });
    Ok(chosen.iter().map(|m| ids.mailbox(m.id)).collect())
}

fn check_sort(sort: &[Comparator]) -> Result<(), MethodError> {
    if sort.len() > limit::SORT_MAX {
        return Err(MethodError::UnsupportedSort("too many comparators".into()));
    }
    for comparator in sort {
        if !["sortOrder", "name"].contains(&comparator.property.as_str()) {
            return Err(MethodError::UnsupportedSort(comparator.property.clone()));
        }
        let collation = comparator.collation.as_deref();
        if collation.is_some_and(|c| !crate::discovery::COLLATIONS.contains(&c)) {
            return Err(MethodError::UnsupportedSort("collation".into()));
        }
    }
    Ok(())
}

fn compare(a: &Mailbox, b: &Mailbox, sort: &[Comparator]) -> Ordering {
    let step = |c: &Comparator| {
        let order = if c.property == "name" {
            formats::text::key(name(a)).cmp(&formats::text::key(name(b)))
        } else {
            a.sort_order.cmp(&b.sort_order)
        };
        if c.is_ascending {
            order
        } else {
            order.reverse()
        }
    };
    let order = sort.iter().map(step).find(|o| o.is_ne());
    order.unwrap_or_else(|| a.id.cmp(&b.id))
}

/// From the top level down to the parent. Storage allows no loop; the depth bounds the walk all the same.
fn ancestors<'a>(all: &'a [Mailbox], mailbox: &Mailbox) -> Vec<&'a Mailbox> {
    let mut above = Vec::new();
    let mut next = mailbox.parent;
    while let Some(parent) = next.and_then(|id| find(all, id)) {
        if above.len() > limit::MAILBOX_DEPTH_MAX {
            break;
        }
        above.push(parent);
        next = parent.parent;
    }
    above.reverse();
    above
}

/// RFC 8621 §2.3 sortAsTree: compares the nearest ancestors that share a parent.
fn compare_in_tree(all: &[Mailbox], a: &Mailbox, b: &Mailbox, sort: &[Comparator]) -> Ordering {
    let (mut way_a, mut way_b) = (ancestors(all, a), ancestors(all, b));
    way_a.push(a);
    way_b.push(b);
    let fork = way_a.iter().zip(&way_b).find(|(x, y)| x.id != y.id);
    match fork {
        Some((x, y)) => compare(x, y, sort),
        None => way_a.len().cmp(&way_b.len()),
    }
}
