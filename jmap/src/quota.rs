//! RFC 9425: what an account holds against its limits, and against those of the agencies above it.
//!
//! A state is what was used of each when it was given, behind a mark of all else that is shown: so changes are exact
//! without a log, and only those of usage can be told (`updatedProperties`).

use crate::error::MethodError;
use crate::limit;
use crate::listed::{self, QueryArguments};
use crate::mail::tree::Tree;
use crate::request::{Arguments, Turn};
use crate::router::Context;
use crate::sight::Sight;
use crate::standard::{self, ChangesArguments, GetArguments};
use directory::{Access, Account, Agency, Capability, Directory, Right, Rights, Used};
use formats::language::Language;
use serde_json::{Map, Value, json};

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
}

impl Quota {
    fn object(&self, language: Language) -> Map<String, Value> {
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
            "description": description(self.scope, language),
        });
        object.as_object().cloned().unwrap_or_default()
    }
}

/// The limits that there are of an account or an agency; what has no limit is no quota.
fn limited(id: &str, name: &str, used: Used, scope: &'static str) -> Vec<Quota> {
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
        })
    };
    both.into_iter().filter_map(one).collect()
}

/// RFC 9425 §3.1 scope.
const OF_ACCOUNT: &str = "account";
const OF_AGENCY: &str = "domain";

/// RFC 9425 §4.1: in the language that the request likes.
fn description(scope: &str, language: Language) -> &'static str {
    match (scope, language) {
        (OF_ACCOUNT, Language::Vietnamese) => "Thư trong mọi hộp của tài khoản này.",
        (OF_ACCOUNT, Language::English) => "Mail in all mailboxes of this account.",
        (_, Language::Vietnamese) => {
            "Thư của mọi tài khoản trong cơ quan và các đơn vị trực thuộc."
        }
        (_, Language::English) => "Mail of all accounts of the agency and those below it.",
    }
}

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
///
/// RFC 9425 §8 would show those of agencies to administrators alone, since their counts tell how many a circular reached.
/// Here they refuse the mail of every member once they are full, and who is refused is to see why: the sums are of
/// whole agencies, in which mail comes and goes all day, and say of nobody what he got.
fn quotas(turn: &Turn<'_>, account: &str) -> Result<Vec<Quota>, MethodError> {
    let mail = turn.mail(account, Right::Read)?;
    if !turn.reads_mail {
        return Ok(Vec::new());
    }
    quotas_of(&turn.inner.context, turn.access, &mail)
}

/// The state of an account's, for who knows mail; and the same without what agencies have used.
pub(crate) fn states_of(
    context: &Context,
    access: &Access,
    mail: &Sight,
) -> Result<(String, String), MethodError> {
    let all = quotas_of(context, access, mail)?;
    let own = all.iter().filter(|quota| quota.scope == OF_ACCOUNT);
    let own: Vec<u64> = own.map(|quota| quota.used).collect();
    Ok((state(&all), spell(&mark(&all), &own)))
}

fn quotas_of(context: &Context, access: &Access, mail: &Sight) -> Result<Vec<Quota>, MethodError> {
    let directory = &context.directory;
    let found = directory.account(mail.id()).map_err(failed)?;
    let mut all = Vec::new();
    if mail.rights_anywhere().has(Rights::READ) {
        let used = directory.account_usage(mail.id()).map_err(failed)?;
        let name = found.address.to_string();
        all.extend(limited("q", &name, used, OF_ACCOUNT));
    }
    let own = match mail.is_own() {
        true => Vec::new(),
        false => {
            let who = directory.account(access.account());
            above(directory, &who.map_err(failed)?)
        }
    };
    for agency in above(directory, &found) {
        let seen = mail.is_own()
            || own.iter().any(|known| known.id == agency.id)
            || access.may(Capability::ReadDirectory, &agency.id);
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

/// All but what is used, in whatever language.
fn mark(all: &[Quota]) -> String {
    let mut hash = blake3::Hasher::new();
    for quota in all {
        let mut object = quota.object(Language::default());
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
        .map(|quota| standard::pick(quota.object(turn.language), &arguments.properties))
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
pub(crate) fn query(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: QueryArguments = standard::read(arguments)?;
    let all = quotas(turn, &arguments.account_id)?;
    let filter = Tree::read(arguments.filter.as_ref(), &mut condition)?;
    listed::check_sort(&arguments.sort, &["name", "used"])?;
    let state = state(&all);
    let fits = |quota: &Quota| filter.judge(&mut |t| Some(matches(t, quota))) == Some(true);
    let mut found: Vec<Quota> = all.into_iter().filter(fits).collect();
    found.sort_by(|a, b| {
        listed::compare(&arguments.sort, |property| match property {
            "name" => formats::text::key(&a.name).cmp(&formats::text::key(&b.name)),
            _ => a.used.cmp(&b.used),
        })
    });
    let ids: Vec<String> = found.into_iter().map(|quota| quota.id).collect();
    listed::answer(&arguments, (&state, false), &ids)
}

/// RFC 9425 §4.5: what was used when is not kept, so how the order changed is not known.
pub(crate) fn query_changes(
    turn: &mut Turn<'_>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    listed::no_changes(&arguments, |account| {
        turn.mail(account, Right::Read).map(drop)
    })
}
