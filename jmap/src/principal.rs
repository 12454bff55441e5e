//! RFC 9670 §2: principals, which are the accounts that one may know of, and `anyone`: all of them at once.
//!
//! They are shown in one's own account. The directory is kept by administrators, so that nothing is set here
//! (RFC 9670 §2.3). What changed in it is told from how it stood when a state was told, as long as that is remembered (RFC
//! 9670 §2.2).

use crate::discovery;
use crate::error::{MethodError, SetError};
use crate::listed::{self, Comparator, QueryArguments};
use crate::mail::email::search::{Haystack, Words};
use crate::mail::tree::Tree;
use crate::remembered::{QueryChangesArguments, Stand, stamp};
use crate::request::{Arguments, Turn};
use crate::router::Context;
use crate::standard::{self, ChangesArguments, GetArguments, SetArguments, SetOutcome};
use crate::{ident, limit};
use directory::{Access, Account, AccountKind, Right, Sharing};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

const PROPERTIES: [&str; 8] = [
    "id",
    "type",
    "name",
    "description",
    "email",
    "timeZone",
    "capabilities",
    "accounts",
];

/// How `anyone` is called.
const EVERYONE: &str = "Mọi người / Everyone";

/// One principal: an account, or all of them.
enum Principal {
    Anyone,
    Account(Box<Account>),
}

impl Principal {
    fn id(&self) -> String {
        ident::principal(match self {
            Self::Anyone => Sharing::Anyone,
            Self::Account(account) => Sharing::Account(account.id),
        })
    }

    fn name(&self) -> &str {
        match self {
            Self::Anyone => EVERYONE,
            Self::Account(account) => &account.name,
        }
    }

    fn email(&self) -> Option<String> {
        match self {
            Self::Anyone => None,
            Self::Account(account) => Some(account.address.to_string()),
        }
    }

    /// The seat, for a person.
    fn description(&self) -> Option<&str> {
        match self {
            Self::Anyone => None,
            Self::Account(account) => account.position.as_deref(),
        }
    }

    /// RFC 9670 §2 type.
    fn kind(&self) -> &'static str {
        match self {
            Self::Anyone => "group",
            Self::Account(account) => match account.kind {
                AccountKind::Person => "individual",
                AccountKind::Shared | AccountKind::List { .. } => "group",
                AccountKind::Resource => "resource",
            },
        }
    }

    fn object(
        &self,
        context: &Context,
        access: &Access,
        shown: &BTreeSet<String>,
    ) -> Map<String, Value> {
        let own = match self {
            Self::Anyone => None,
            Self::Account(account) => {
                let id = ident::account(account.id);
                let object = shown
                    .contains(&id)
                    .then(|| discovery::account(context, access, account));
                object.map(|object| json!({ id: object }))
            }
        };
        let object = json!({
            "id": self.id(),
            "type": self.kind(),
            "name": self.name(),
            "description": self.description(),
            "email": self.email(),
            "timeZone": null,
            "capabilities": {},
            "accounts": own,
        });
        object.as_object().cloned().unwrap_or_default()
    }
}

/// RFC 9670 §1.4: principals are in one's own account only.
pub(crate) fn own(turn: &Turn<'_>, account: &str) -> Result<(), MethodError> {
    match turn.mail(account, Right::Read)?.is_own() {
        true => Ok(()),
        false => Err(MethodError::AccountNotSupportedByMethod),
    }
}

fn find(access: &Access, id: &str) -> Option<Principal> {
    match ident::parse_principal(id)? {
        Sharing::Anyone => Some(Principal::Anyone),
        Sharing::Account(id) => access
            .colleague(id)
            .map(|account| Principal::Account(Box::new(account))),
    }
}

/// How they stand: all of them, and the accounts that are shown of some.
fn stand(context: &Context, access: &Access) -> Stand {
    let mut there = Vec::new();
    access.colleagues(&mut |account| {
        there.push((u64::from(account.id.raw()), account.version));
        true
    });
    let mut now = Stand::of(there);
    for id in access.accounts() {
        if let Some(account) = access.colleague(id) {
            let object = discovery::account(context, access, &account);
            let row = (u64::from(id.raw()), stamp(&object.to_string()));
            now.besides.push(row);
        }
    }
    now.besides.sort_unstable();
    now
}

/// The id by which a principal stands.
fn spell(number: u64) -> String {
    format!("p{number}")
}

/// The ids of accounts of which one sees anything.
fn shown(access: &Access) -> BTreeSet<String> {
    access.accounts().into_iter().map(ident::account).collect()
}

/// Those of accounts of which one is subscribed to something, as `Principal/get` has them.
pub(crate) fn followed(context: &Context, access: &Access) -> Result<Vec<Value>, MethodError> {
    let followed = access.followed()?;
    let shown: BTreeSet<String> = followed.iter().map(|(a, _)| ident::account(a.id)).collect();
    let object = |(account, _): (Account, directory::Held)| {
        let principal = Principal::Account(Box::new(account));
        Value::Object(principal.object(context, access, &shown))
    };
    Ok(followed.into_iter().map(object).collect())
}

/// RFC 9670 §2.1.
pub(crate) fn get(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: GetArguments = standard::read(arguments)?;
    standard::check_properties(&arguments.properties, &PROPERTIES)?;
    own(turn, &arguments.account_id)?;
    let ids = match arguments.ids {
        Some(ids) => standard::wanted(ids)?,
        None => everyone(turn.access)?,
    };
    let shown = shown(turn.access);
    // Before they are read: what changes meanwhile is told again rather than never.
    let now = stand(&turn.inner.context, turn.access);
    let (mut list, mut not_found) = (Vec::new(), Vec::new());
    for id in ids {
        match find(turn.access, &id) {
            Some(found) => {
                let object = found.object(&turn.inner.context, turn.access, &shown);
                list.push(standard::pick(object, &arguments.properties));
            }
            None => not_found.push(id),
        }
    }
    Ok(json!({
        "accountId": arguments.account_id,
        "state": turn.inner.remembered.keep(&now),
        "list": list,
        "notFound": not_found,
    }))
}

/// RFC 8620 §5.1: all of them, when there are no more than a call may have.
fn everyone(access: &Access) -> Result<Vec<String>, MethodError> {
    let mut ids = vec![ident::principal(Sharing::Anyone)];
    access.colleagues(&mut |account| {
        ids.push(ident::principal(Sharing::Account(account.id)));
        ids.len() <= limit::GET_OBJECTS_MAX
    });
    match ids.len() > limit::GET_OBJECTS_MAX {
        true => Err(MethodError::RequestTooLarge),
        false => Ok(ids),
    }
}

/// RFC 9670 §2.2.
pub(crate) fn changes(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: ChangesArguments = standard::read(arguments)?;
    own(turn, &arguments.account_id)?;
    let now = stand(&turn.inner.context, turn.access);
    turn.inner.remembered.changes(&now, &arguments, spell)
}

/// RFC 9670 §2.3: a server refuses with `forbidden` what it does not allow.
pub(crate) fn set(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: SetArguments = standard::read(arguments)?;
    own(turn, &arguments.account_id)?;
    let now = stand(&turn.inner.context, turn.access);
    let state = turn.inner.remembered.keep(&now);
    arguments.check(&state)?;
    let refused = |id: &str| match find(turn.access, id) {
        Some(_) => SetError::forbidden("the directory is kept by administrators"),
        None => SetError::not_found(),
    };
    let mut outcome = SetOutcome::default();
    for (id, _) in arguments.update.unwrap_or_default() {
        let error = refused(&id);
        outcome.update(id, Err(error));
    }
    for id in arguments.destroy.unwrap_or_default() {
        let error = refused(&id);
        outcome.destroy(id, Err(error));
    }
    for (creation, _) in arguments.create.unwrap_or_default() {
        let error = SetError::forbidden("the directory is kept by administrators");
        outcome.create(turn, creation, Err(error));
    }
    Ok(outcome.response(&arguments.account_id, &state, &state))
}

/// RFC 9670 §2.4.1.
enum Test {
    Accounts(Vec<String>),
    Email(Words),
    Name(Words),
    Text(Words),
    Kind(String),
    /// No principal says its time zone.
    TimeZone,
}

fn condition(map: &Map<String, Value>) -> Result<Vec<Test>, MethodError> {
    let phrase = |text: &str| Words::phrase(text);
    let test = |(key, value): (&String, &Value)| match (key.as_str(), value) {
        ("accountIds", Value::Array(ids)) => {
            let ids = ids.iter().map(|id| id.as_str().map(str::to_owned));
            let ids: Option<Vec<String>> = ids.collect();
            let wrong = || MethodError::argument("filter/accountIds", "a list of ids");
            ids.map(Test::Accounts).ok_or_else(wrong)
        }
        (_, Value::String(text)) if text.len() > limit::SEARCH_OCTETS_MAX => {
            Err(MethodError::UnsupportedFilter(format!("{key} is too long")))
        }
        ("email", Value::String(text)) => Ok(Test::Email(phrase(text))),
        ("name", Value::String(text)) => Ok(Test::Name(phrase(text))),
        ("text", Value::String(text)) => Ok(Test::Text(phrase(text))),
        ("type", Value::String(text)) => Ok(Test::Kind(text.clone())),
        ("timeZone", Value::String(_)) => Ok(Test::TimeZone),
        (key, _) => Err(MethodError::UnsupportedFilter(format!("condition {key:?}"))),
    };
    map.iter().map(test).collect()
}

fn matches(test: &Test, principal: &Principal, shown: &BTreeSet<String>) -> bool {
    let hay = |text: Option<&str>| Haystack::new(text.unwrap_or_default().to_owned());
    let email = || hay(principal.email().as_deref());
    match test {
        Test::Accounts(ids) => match principal {
            Principal::Anyone => false,
            Principal::Account(account) => {
                let id = ident::account(account.id);
                ids.contains(&id) && shown.contains(&id)
            }
        },
        Test::Email(words) => words.all_in(&[&email()]),
        Test::Name(words) => words.all_in(&[&hay(Some(principal.name()))]),
        Test::Text(words) => {
            let (name, description) = (hay(Some(principal.name())), hay(principal.description()));
            [&name, &description, &email()]
                .into_iter()
                .any(|text| words.all_in(&[text]))
        }
        Test::Kind(kind) => principal.kind() == kind,
        Test::TimeZone => false,
    }
}

/// RFC 9670 §2.4.
pub(crate) fn query(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: QueryArguments = standard::read(arguments)?;
    own(turn, &arguments.account_id)?;
    let now = stand(&turn.inner.context, turn.access);
    let ids = results(turn.access, (arguments.filter.as_ref(), &arguments.sort))?;
    let state = turn.inner.remembered.keep(&now);
    listed::answer(&arguments, (&state, true), &ids)
}

/// By name in Vietnamese order, and what the name leaves open by id.
fn results(
    access: &Access,
    (filter, sort): (Option<&Value>, &[Comparator]),
) -> Result<Vec<String>, MethodError> {
    let filter = Tree::read(filter, &mut condition)?;
    listed::check_sort(sort, &["name"])?;
    let ascending = sort.first().is_none_or(|by| by.is_ascending);
    let shown = shown(access);
    let mut found = Vec::new();
    let mut take = |principal: Principal| {
        if filter.judge(&mut |t| Some(matches(t, &principal, &shown))) == Some(true) {
            found.push((formats::text::key(principal.name()), principal.id()));
        }
    };
    take(Principal::Anyone);
    access.colleagues(&mut |account| {
        take(Principal::Account(Box::new(account.clone())));
        true
    });
    found.sort();
    if !ascending {
        found.reverse();
    }
    Ok(found.into_iter().map(|(_, id)| id).collect())
}

/// RFC 9670 §2.5.
pub(crate) fn query_changes(
    turn: &mut Turn<'_>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    let arguments: QueryChangesArguments = standard::read(arguments)?;
    own(turn, &arguments.account_id)?;
    let now = stand(&turn.inner.context, turn.access);
    let ids = results(turn.access, (arguments.filter.as_ref(), &arguments.sort))?;
    let remembered = &turn.inner.remembered;
    remembered.query_changes(&now, &arguments, &ids, spell)
}
