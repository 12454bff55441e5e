//! RFC 8621 §2.3 Mailbox/query, RFC 8621 §2.4 Mailbox/queryChanges.

use super::{find, name, parse_role};
use crate::error::MethodError;
use crate::ident::Ids;
use crate::listed::{self, Comparator, QueryArguments};
use crate::mail::email::search::{Haystack, Words};
use crate::mail::tree::Tree;
use crate::request::{Arguments, Turn};
use crate::standard;
use crate::{limit, state};
use directory::Right;
use serde_json::{Map, Value};
use std::cmp::Ordering;
use storage::{Mailbox, MailboxId, Role};

/// RFC 8621 §2.3: the arguments of this query alone.
struct AsTree {
    sort: bool,
    filter: bool,
}

impl AsTree {
    fn take(arguments: &mut Arguments) -> Result<Self, MethodError> {
        let mut flag = |name: &str| match arguments.remove(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(MethodError::argument(name, "a boolean")),
        };
        Ok(Self {
            sort: flag("sortAsTree")?,
            filter: flag("filterAsTree")?,
        })
    }
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

pub(crate) fn query(turn: &mut Turn<'_>, mut arguments: Arguments) -> Result<Value, MethodError> {
    let as_tree = AsTree::take(&mut arguments)?;
    let arguments: QueryArguments = standard::read(arguments)?;
    let mail = turn.mail(&arguments.account_id, Right::Read)?;
    let state = state::current(&mail)?;
    let all = mail.mailboxes()?;
    let ids = results(&all, (&arguments, &as_tree), mail.ids())?;
    listed::answer(&arguments, (&state, false), &ids)
}

/// Changes of a parent move whole subtrees; fetching the few mailboxes anew is cheaper than telling how.
pub(crate) fn changes(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    listed::no_changes(&arguments, |account| {
        turn.mail(account, Right::Read).map(drop)
    })
}

fn results(
    all: &[Mailbox],
    (arguments, as_tree): (&QueryArguments, &AsTree),
    ids: Ids,
) -> Result<Vec<String>, MethodError> {
    let filter = Tree::read(arguments.filter.as_ref(), &mut |map| condition(map, ids))?;
    let sort = arguments.sort.as_slice();
    listed::check_sort(sort, &["sortOrder", "name"])?;
    let own = |m: &Mailbox| filter.judge(&mut |t| Some(matches(t, m))) == Some(true);
    let mut chosen: Vec<&Mailbox> = all
        .iter()
        .filter(|m| own(m) && (!as_tree.filter || ancestors(all, m).iter().all(|a| own(a))))
        .collect();
    chosen.sort_by(|a, b| {
        if as_tree.sort {
            compare_in_tree(all, a, b, sort)
        } else {
            compare(a, b, sort)
        }
    });
    Ok(chosen.iter().map(|m| ids.mailbox(m.id)).collect())
}

fn compare(a: &Mailbox, b: &Mailbox, sort: &[Comparator]) -> Ordering {
    let order = listed::compare(sort, |property| match property {
        "name" => formats::text::key(name(a)).cmp(&formats::text::key(name(b))),
        _ => a.sort_order.cmp(&b.sort_order),
    });
    order.then_with(|| a.id.cmp(&b.id))
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
