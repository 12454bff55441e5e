//! RFC 9425: what an account holds against its limits, and against those of the agencies above it.
//!
//! A state is what was used of each when it was given, behind a mark of all else that is shown: so changes are exact
//! without a log, and only those of usage can be told (`updatedProperties`).

use crate::discovery;
use crate::error::MethodError;
use crate::ident;
use crate::limit;
use crate::mail::tree::Tree;
use crate::request::{Arguments, Turn};
use crate::standard::{self, ChangesArguments, GetArguments, Listed, Window};
use directory::{Account, Agency, Capability, Directory, Right, Rights, Used};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::cmp::Ordering;

const PROPERTIES: [&str; 10] = [
    "id",
    "resourceType",
    "used",
    "hardLimit",
    "scope",
    "name",
    "types",
    "warnLimit",
    "softLimit",
    "description",
];
/// Agencies above an account.
const LEVELS_MAX: usize = 16;
/// Hex digits that tell agencies apart in ids, and what is shown in states.
const MARK_DIGITS: usize = 16;
/// RFC 9425 §4.1: the type that is counted.
const TYPE: &str = "Email";

/// One limit and what is used of it.
struct Quota {
    id: String,
    resource: &'static str,
    used: u64,
    hard: u64,
    warn: Option<u64>,
    scope: &'static str,
    name: String,
    description: &'static str,
}

impl Quota {
    fn object(&self) -> Map<String, Value> {
        let object = json!({
            "id": self.id,
            "resourceType": self.resource,
            "used": self.used,
            "hardLimit": self.hard,
            "scope": self.scope,
            "name": self.name,
            "types": [TYPE],
            "warnLimit": self.warn,
            // Nothing is refused before the hard one.
            "softLimit": null,
            "description": self.description,
        });
        object.as_object().cloned().unwrap_or_default()
    }
}

/// The limits that there are of an account or an agency; what has no limit is no quota.
fn limited(id: &str, name: &str, used: Used, (scope, description): Shown) -> Vec<Quota> {
    let (usage, limits) = (used.usage, used.limits);
    let both = [
        ("octets", limits.octets, usage.octets),
        ("count", limits.messages, usage.messages),
    ];
    let percent = u128::from(limits.soft_percent.min(100));
    let one = |(resource, hard, used): (&'static str, Option<u64>, u64)| {
        let hard = hard?;
        let warn = u64::try_from(u128::from(hard) * percent / 100).ok();
        Some(Quota {
            id: format!("{id}-{resource}"),
            resource,
            used,
            hard,
            warn: warn.filter(|warn| *warn < hard),
            scope,
            name: name.to_owned(),
            description,
        })
    };
    both.into_iter().filter_map(one).collect()
}

/// RFC 9425 §3.1 scope, and what is told of it.
type Shown = (&'static str, &'static str);

const OF_ACCOUNT: Shown = (
    "account",
    "Thư trong mọi hộp của tài khoản này. / Mail in all mailboxes of this account.",
);
const OF_AGENCY: Shown = (
    "domain",
    "Thư của mọi tài khoản trong cơ quan và các đơn vị trực thuộc. / Mail of all accounts of the agency and those below it.",
);

/// The agencies above an account, the nearest first.
fn above(directory: &Directory, account: &Account) -> Vec<Agency> {
    let first = directory.agency(&account.agency).ok();
    let next = |agency: &Agency| directory.agency(agency.parent.as_ref()?).ok();
    std::iter::successors(first, next)
        .take(LEVELS_MAX)
        .collect()
}

/// Those that one sees, in an order that stays: the account's own where one reads in it; of agencies, those above
/// oneself, and those that one may look into (as IMAP's QUOTA has them). Nothing where the client knows no mail (RFC 9425 §4).
fn quotas(turn: &Turn<'_>, account: &str) -> Result<Vec<Quota>, MethodError> {
    let mail = turn.mail(account, Right::Read)?;
    let id = ident::parse_account(account).ok_or(MethodError::AccountNotFound)?;
    let directory = &turn.inner.context.directory;
    let of = |account| directory.account(account).map_err(failed);
    if !turn.reads_mail {
        return Ok(Vec::new());
    }
    let found = of(id)?;
    let mut all = Vec::new();
    if mail.rights_anywhere().has(Rights::READ) {
        let used = directory.account_usage(id).map_err(failed)?;
        let name = found.address.to_string();
        all.extend(limited("q", &name, used, OF_ACCOUNT));
    }
    let own = match mail.is_own() {
        true => Vec::new(),
        false => above(directory, &of(turn.access.account())?),
    };
    for agency in above(directory, &found) {
        let seen = mail.is_own()
            || own.iter().any(|known| known.id == agency.id)
            || turn.access.may(Capability::ReadDirectory, &agency.id);
        if !seen {
            continue;
        }
        let used = directory.agency_usage(&agency.id).map_err(failed)?;
        let hash = blake3::hash(agency.id.to_string().as_bytes()).to_hex();
        let mark = format!("g{}", &hash[..MARK_DIGITS]);
        all.extend(limited(&mark, &agency.name, used, OF_AGENCY));
    }
    Ok(all)
}

/// What went meanwhile was not there.
fn failed(error: directory::Error) -> MethodError {
    match error {
        directory::Error::Storage(error) => error.into(),
        _ => MethodError::AccountNotFound,
    }
}

/// All but what is used.
fn mark(all: &[Quota]) -> String {
    let mut hash = blake3::Hasher::new();
    for quota in all {
        let mut object = quota.object();
        object.remove("used");
        hash.update(Value::Object(object).to_string().as_bytes());
    }
    hash.finalize().to_hex()[..MARK_DIGITS].to_owned()
}

fn spell(mark: &str, used: &[u64]) -> String {
    used.iter()
        .fold(mark.to_owned(), |text, used| format!("{text}-{used}"))
}

fn state(all: &[Quota]) -> String {
    let used: Vec<u64> = all.iter().map(|quota| quota.used).collect();
    spell(&mark(all), &used)
}

/// RFC 9425 §4.2.
pub(crate) fn get(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: GetArguments = standard::read(arguments)?;
    standard::check_properties(&arguments.properties, &PROPERTIES)?;
    let all = quotas(turn, &arguments.account_id)?;
    let ids = arguments.ids.map(standard::wanted).transpose()?;
    let chosen = |quota: &&Quota| ids.as_ref().is_none_or(|ids| ids.contains(&quota.id));
    let shown = all.iter().filter(chosen);
    let list: Vec<Value> = shown
        .map(|quota| standard::pick(quota.object(), &arguments.properties))
        .collect();
    let known = |id: &String| all.iter().any(|quota| quota.id == *id);
    let not_found: Vec<&String> = ids.iter().flatten().filter(|id| !known(id)).collect();
    Ok(json!({
        "accountId": arguments.account_id,
        "state": state(&all),
        "list": list,
        "notFound": not_found,
    }))
}

/// RFC 9425 §4.3: of usage; where limits came, went or changed, all is to be read anew.
pub(crate) fn changes(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: ChangesArguments = standard::read(arguments)?;
    let max = arguments.max()?;
    let all = quotas(turn, &arguments.account_id)?;
    let since = arguments.since_state.as_str();
    let stale = MethodError::CannotCalculateChanges;
    let mark = mark(&all);
    let known = since.strip_prefix(&mark).ok_or(stale.clone())?;
    let known: Option<Vec<u64>> = known.split('-').skip(1).map(|n| n.parse().ok()).collect();
    let mut known = known.ok_or(stale.clone())?;
    // Each has one spelling.
    if known.len() != all.len() || spell(&mark, &known) != since {
        return Err(stale);
    }
    let (mut updated, mut more) = (Vec::new(), false);
    for (known, quota) in known.iter_mut().zip(&all) {
        if *known == quota.used {
            continue;
        }
        if updated.len() == max {
            more = true;
            break;
        }
        *known = quota.used;
        updated.push(quota.id.as_str());
    }
    Ok(json!({
        "accountId": arguments.account_id,
        "oldState": since,
        "newState": spell(&mark, &known),
        "hasMoreChanges": more,
        "updatedProperties": ["used"],
        "created": [],
        "updated": updated,
        "destroyed": [],
    }))
}

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
struct Comparator {
    property: String,
    #[serde(default = "yes")]
    is_ascending: bool,
    collation: Option<String>,
}

fn yes() -> bool {
    true
}

/// RFC 9425 §4.4.
enum Test {
    Name(String),
    Scope(String),
    Resource(String),
    Type(String),
}

fn condition(map: &Map<String, Value>) -> Result<Vec<Test>, MethodError> {
    let test = |(key, value): (&String, &Value)| match (key.as_str(), value) {
        (_, Value::String(text)) if text.len() > limit::SEARCH_OCTETS_MAX => {
            Err(MethodError::UnsupportedFilter(format!("{key} is too long")))
        }
        ("name", Value::String(text)) => Ok(Test::Name(text.clone())),
        ("scope", Value::String(text)) => Ok(Test::Scope(text.clone())),
        ("resourceType", Value::String(text)) => Ok(Test::Resource(text.clone())),
        ("type", Value::String(text)) => Ok(Test::Type(text.clone())),
        (key, _) => Err(MethodError::UnsupportedFilter(format!("condition {key:?}"))),
    };
    map.iter().map(test).collect()
}

fn matches(test: &Test, quota: &Quota) -> bool {
    match test {
        Test::Name(text) => quota.name.contains(text.as_str()),
        Test::Scope(text) => quota.scope == text,
        Test::Resource(text) => quota.resource == text,
        Test::Type(text) => text == TYPE,
    }
}

/// RFC 9425 §4.4: by name or by what is used; what that leaves open stays in its order.
fn order(sort: Option<&[Comparator]>, a: &Quota, b: &Quota) -> Ordering {
    for by in sort.unwrap_or_default() {
        let found = match by.property.as_str() {
            "name" => formats::text::key(&a.name).cmp(&formats::text::key(&b.name)),
            _ => a.used.cmp(&b.used),
        };
        let found = if by.is_ascending {
            found
        } else {
            found.reverse()
        };
        if found != Ordering::Equal {
            return found;
        }
    }
    Ordering::Equal
}

fn check_sort(sort: Option<&[Comparator]>) -> Result<(), MethodError> {
    let sort = sort.unwrap_or_default();
    let known = |by: &Comparator| {
        let collation = by.collation.as_deref();
        ["name", "used"].contains(&by.property.as_str())
            && collation.is_none_or(|c| discovery::COLLATIONS.contains(&c))
    };
    match sort.len() <= limit::SORT_MAX && sort.iter().all(known) {
        true => Ok(()),
        false => Err(MethodError::UnsupportedSort("by name or used".into())),
    }
}

/// RFC 9425 §4.4.
pub(crate) fn query(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: QueryArguments = standard::read(arguments)?;
    let all = quotas(turn, &arguments.account_id)?;
    let filter = Tree::read(arguments.filter.as_ref(), &mut condition)?;
    let sort = arguments.sort.as_deref();
    check_sort(sort)?;
    let state = state(&all);
    let fits = |quota: &Quota| filter.judge(&mut |t| Some(matches(t, quota))) == Some(true);
    let mut found: Vec<Quota> = all.into_iter().filter(fits).collect();
    found.sort_by(|a, b| order(sort, a, b));
    let ids: Vec<String> = found.into_iter().map(|quota| quota.id).collect();
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

/// RFC 9425 §4.5: what was used when is not kept, so how the order changed is not known.
pub(crate) fn query_changes(
    turn: &mut Turn<'_>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    let account = arguments.get("accountId").and_then(Value::as_str);
    let account = account.ok_or_else(|| MethodError::argument("accountId", "a string"))?;
    turn.mail(account, Right::Read)?;
    Err(MethodError::CannotCalculateChanges)
}
