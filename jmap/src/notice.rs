//! RFC 9670 §3 ShareNotification: what the directory keeps for somebody whose rights over a mailbox of another were
//! changed. Clients read and dismiss them; nobody makes or changes one.

use crate::error::{MethodError, SetError};
use crate::ident::{self, Ids};
use crate::limit;
use crate::listed::{self, Comparator, QueryArguments};
use crate::mail::mailbox::right;
use crate::mail::tree::Tree;
use crate::principal::own;
use crate::remembered::{QueryChangesArguments, Stand};
use crate::request::{Arguments, Turn};
use crate::standard::{self, ChangesArguments, GetArguments, SetArguments, SetOutcome};
use directory::{Access, Notice, Rights, Sharing};
use formats::date;
use serde_json::{Map, Value, json};

/// The name of the type in states that are pushed (RFC 8620 §7.1).
pub(crate) const TYPE: &str = "ShareNotification";
/// The one type of which objects are shared so far.
const OBJECT_TYPE: &str = "Mailbox";
/// How the system is called where no person made a change.
const SYSTEM: &str = "Quản trị hệ thống / System administration";

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

fn id(notice: &Notice) -> String {
    spell(notice.number)
}

fn failed(error: directory::Error) -> MethodError {
    match error {
        directory::Error::Storage(error) => error.into(),
        _ => MethodError::AccountNotFound,
    }
}

/// To be told: what comes later is another notice.
fn heard(access: &Access) -> Result<Vec<Notice>, MethodError> {
    access.hear_notices().map_err(failed)
}

/// They come and go, and never change.
fn stand(notices: &[Notice]) -> Stand {
    Stand::of(notices.iter().map(|notice| (notice.number, 0)).collect())
}

fn stand_now(access: &Access) -> Result<Stand, MethodError> {
    Ok(stand(&access.notices().map_err(failed)?))
}

/// The state of one's notices.
pub(crate) fn state(access: &Access) -> Result<String, MethodError> {
    Ok(stand_now(access)?.state())
}

fn spell(number: u64) -> String {
    format!("n{number}")
}

/// As Mailbox/get has it.
fn name(notice: &Notice) -> &str {
    match notice.name.as_str() {
        "INBOX" => "Inbox",
        name => name,
    }
}

fn object(access: &Access, notice: &Notice) -> Map<String, Value> {
    let by = match &notice.by {
        None => json!({"name": SYSTEM, "email": null, "principalId": null}),
        Some(author) => {
            let known = access.colleague(author.account);
            let principal = known.map(|account| ident::principal(Sharing::Account(account.id)));
            json!({"name": author.name, "email": author.address, "principalId": principal})
        }
    };
    let rights = |rights: Rights| match rights.is_empty() {
        true => Value::Null,
        false => Value::Object(right::spell(rights)),
    };
    let object = json!({
        "id": id(notice),
        "created": date::utc(notice.at),
        "changedBy": by,
        "objectType": OBJECT_TYPE,
        "objectAccountId": ident::account(notice.account),
        "objectId": Ids::of(access.account(), notice.account).mailbox(notice.mailbox),
        "oldRights": rights(notice.before),
        "newRights": rights(notice.after),
        "name": name(notice),
    });
    object.as_object().cloned().unwrap_or_default()
}

/// RFC 9670 §3.3.
pub(crate) fn get(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: GetArguments = standard::read(arguments)?;
    standard::check_properties(&arguments.properties, &PROPERTIES)?;
    own(turn, &arguments.account_id)?;
    let notices = heard(turn.access)?;
    let ids = match arguments.ids {
        Some(ids) => standard::wanted(ids)?,
        None => notices.iter().map(id).collect(),
    };
    let (mut list, mut not_found) = (Vec::new(), Vec::new());
    for wanted in ids {
        match notices.iter().find(|notice| id(notice) == wanted) {
            Some(notice) => {
                let object = object(turn.access, notice);
                list.push(standard::pick(object, &arguments.properties));
            }
            None => not_found.push(wanted),
        }
    }
    Ok(json!({
        "accountId": arguments.account_id,
        "state": turn.inner.remembered.keep(&stand(&notices)),
        "list": list,
        "notFound": not_found,
    }))
}

/// RFC 9670 §3.4.
pub(crate) fn changes(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: ChangesArguments = standard::read(arguments)?;
    own(turn, &arguments.account_id)?;
    let now = stand(&heard(turn.access)?);
    turn.inner.remembered.changes(&now, &arguments, spell)
}

/// RFC 9670 §3.5: only destroying is supported.
pub(crate) fn set(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: SetArguments = standard::read(arguments)?;
    own(turn, &arguments.account_id)?;
    let old = turn.inner.remembered.keep(&stand_now(turn.access)?);
    arguments.check(&old)?;
    let refused = || SetError::forbidden("the server makes these");
    let mut outcome = SetOutcome::default();
    for (creation, _) in arguments.create.unwrap_or_default() {
        outcome.create(turn, creation, Err(refused()));
    }
    for (id, _) in arguments.update.unwrap_or_default() {
        outcome.update(id, Err(refused()));
    }
    for id in arguments.destroy.unwrap_or_default() {
        let done = dismiss(turn.access, &id);
        outcome.destroy(id, done);
    }
    let new = turn.inner.remembered.keep(&stand_now(turn.access)?);
    Ok(outcome.response(&arguments.account_id, &old, &new))
}

fn dismiss(access: &Access, id: &str) -> Result<(), SetError> {
    let number = id.strip_prefix('n').and_then(|n| n.parse().ok());
    let number = number.filter(|n| format!("n{n}") == id);
    let number = number.ok_or_else(SetError::not_found)?;
    access.dismiss(number).map_err(|error| match error {
        directory::Error::Storage(error) => error.into(),
        _ => SetError::not_found(),
    })
}

/// RFC 9670 §3.6.1.
#[derive(Debug)]
enum Test {
    After(i64),
    Before(i64),
    ObjectType(String),
    Account(String),
}

impl Test {
    fn holds(&self, notice: &Notice) -> bool {
        match self {
            Self::After(at) => notice.at >= *at,
            Self::Before(at) => notice.at < *at,
            Self::ObjectType(name) => name == OBJECT_TYPE,
            Self::Account(id) => *id == ident::account(notice.account),
        }
    }
}

fn condition(map: &Map<String, Value>) -> Result<Vec<Test>, MethodError> {
    let mut tests = Vec::with_capacity(map.len());
    for (key, value) in map {
        let at = || value.as_str().and_then(date::parse_utc);
        let text = || value.as_str().map(str::to_owned);
        let test = match key.as_str() {
            "after" | "before" if value.is_null() => continue,
            "after" => at().map(Test::After),
            "before" => at().map(Test::Before),
            "objectType" => text().map(Test::ObjectType),
            "objectAccountId" => text().map(Test::Account),
            _ => return Err(MethodError::UnsupportedFilter(format!("condition {key:?}"))),
        };
        let wrong = || MethodError::argument(&format!("filter/{key}"), "a value of its type");
        tests.push(test.ok_or_else(wrong)?);
    }
    Ok(tests)
}

/// RFC 9670 §3.6. Those of one moment follow the order in which they were made; dates have one order, whatever collation
/// is named.
pub(crate) fn query(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: QueryArguments = standard::read(arguments)?;
    own(turn, &arguments.account_id)?;
    let notices = heard(turn.access)?;
    let ids = results(&notices, (arguments.filter.as_ref(), &arguments.sort))?;
    let state = turn.inner.remembered.keep(&stand(&notices));
    listed::answer(&arguments, (&state, true), &ids)
}

fn results(
    notices: &[Notice],
    (filter, sort): (Option<&Value>, &[Comparator]),
) -> Result<Vec<String>, MethodError> {
    let filter = Tree::read(filter, &mut condition)?;
    if sort.len() > limit::SORT_MAX || sort.iter().any(|by| by.property != "created") {
        return Err(MethodError::UnsupportedSort("only by created".into()));
    }
    let holds = |n: &&Notice| filter.judge(&mut |t: &Test| Some(t.holds(n))) == Some(true);
    let mut found: Vec<&Notice> = notices.iter().filter(holds).collect();
    found.sort_by_key(|notice| (notice.at, notice.number));
    if sort.first().is_some_and(|by| !by.is_ascending) {
        found.reverse();
    }
    Ok(found.into_iter().map(id).collect())
}

/// RFC 9670 §3.7.
pub(crate) fn query_changes(
    turn: &mut Turn<'_>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    let arguments: QueryChangesArguments = standard::read(arguments)?;
    own(turn, &arguments.account_id)?;
    let notices = heard(turn.access)?;
    let ids = results(&notices, (arguments.filter.as_ref(), &arguments.sort))?;
    let remembered = &turn.inner.remembered;
    remembered.query_changes(&stand(&notices), &arguments, &ids, spell)
}
