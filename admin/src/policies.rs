//! `/api/v1/policies` and `/api/v1/accounts/{id}/policy`: rules inherited down the tree.

use crate::body::{Asked, Body, Named};
use crate::caller::Caller;
use crate::filter;
use crate::page::{Ask, Page, gather};
use crate::phrase::in_vietnamese;
use crate::problem::{Problem, text};
use crate::router::Room;
use crate::sight::{acted, known_account};
use crate::version::{Match, Tagged, merge};
use axum::Json;
use axum::extract::State;
use directory::policy::{Key, Said, Value};
use directory::{AgencyId, AgencyPolicy, Source};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::openapi::schema::{Object, ObjectBuilder, OneOfBuilder, Ref, Schema, Type};
use utoipa::{IntoParams, ToSchema};

/// A number, a switch or words, as the value is.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum PolicyValue {
    Number(u64),
    Switch(bool),
    Words(Vec<String>),
}

/// What an agency says of one value.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicySaid {
    value: PolicyValue,
    /// True: agencies below may make it stricter, not looser. False when left out.
    #[serde(default)]
    locked: bool,
}

/// What an agency says; what it does not say comes from the agency above.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Policy {
    #[schema(example = "H99.1")]
    agency: String,
    /// By name: `password_min`, `imap`, `sign_in_networks`, …; docs/admin-api.md tells of each.
    values: BTreeMap<&'static str, PolicySaid>,
    /// Raised with each change; also the ETag. Zero while nothing was said.
    version: u64,
}

/// What may change (RFC 7396 merge): what is not named stays, null takes a value back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyChange {
    #[schema(
        schema_with = changed_values,
        example = json!({"password_min": {"value": 12, "locked": true}, "imap": null})
    )]
    values: BTreeMap<String, Option<SaidAnew>>,
}

/// What is to be said of a value, of whatever kind: a refusal tells which kind is wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SaidAnew {
    value: serde_json::Value,
    #[serde(default)]
    locked: bool,
}

/// What one says of each value, or null: the derived schema has no word for a map of both.
fn changed_values() -> Object {
    let said = Ref::from_schema_name(PolicySaid::name());
    let none = ObjectBuilder::new().schema_type(Type::Null);
    let either = OneOfBuilder::new().item(none).item(said);
    ObjectBuilder::new()
        .additional_properties(Some(Schema::OneOf(either.build())))
        .build()
}

/// Which pages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PolicyFilter {
    /// 1 to 500, 50 when left out.
    limit: Option<i64>,
    /// Of the page before.
    cursor: Option<String>,
}

/// Where a value comes from.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RuledBy {
    /// The account's own.
    Account,
    /// An agency: its own or one above.
    Agency,
    /// The server's configuration.
    Config,
    /// Nobody said anything.
    Default,
}

/// One value that rules an account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuledValue {
    name: &'static str,
    /// Null: no rule.
    value: Option<PolicyValue>,
    from: RuledBy,
    /// Whose it is.
    agency: Option<String>,
    /// The agency below which it cannot be loosened.
    locked_by: Option<String>,
}

/// All that rules an account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EffectivePolicy {
    account: u32,
    values: Vec<RuledValue>,
}

impl From<Value> for PolicyValue {
    fn from(value: Value) -> Self {
        match value {
            Value::Number(n) => Self::Number(n),
            Value::Switch(on) => Self::Switch(on),
            Value::Words(words) => Self::Words(words),
        }
    }
}

/// The value of this key. Errors: 422 naming it, when it is of no kind that a value has.
fn value_of(key: Key, given: &serde_json::Value) -> Result<Value, Problem> {
    use serde_json::Value as Json;
    let word = |word: &Json| word.as_str().map(str::to_owned);
    let value = match given {
        Json::Number(n) => n.as_u64().map(Value::Number),
        Json::Bool(on) => Some(Value::Switch(*on)),
        Json::Array(words) => words
            .iter()
            .map(word)
            .collect::<Option<_>>()
            .map(Value::Words),
        _ => None,
    };
    value.ok_or_else(|| {
        let en = key.expected();
        let vi = in_vietnamese(&en);
        let expected = match key.is_listed() {
            true => text(format!("một danh sách: {vi}"), format!("a list: {en}")),
            false => text(vi, en),
        };
        Problem::invalid(key.name(), expected)
    })
}

impl From<AgencyPolicy> for Policy {
    fn from(row: AgencyPolicy) -> Self {
        let said = |(key, said): (Key, Said)| {
            let shown = PolicySaid {
                value: said.value.into(),
                locked: said.locked,
            };
            (key.name(), shown)
        };
        Self {
            agency: row.agency.0,
            values: row.said.into_iter().map(said).collect(),
            version: row.version,
        }
    }
}

fn tagged(row: AgencyPolicy) -> Tagged<Policy> {
    let version = row.version;
    Tagged::found(row.into(), version)
}

/// Lists what agencies say, in the order of their codes; those that say nothing are left out.
#[utoipa::path(get, path = "/api/v1/policies", tag = "policies", params(PolicyFilter),
    responses((status = 200, body = Page<Policy>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Asked(filter): Asked<PolicyFilter>,
) -> Result<Json<Page<Policy>>, Problem> {
    let ask = Ask::of(filter.limit, filter.cursor.as_deref())?;
    let after = ask.key(|key| Some(AgencyId(key.to_owned())))?;
    let page = room.ask(caller, move |room, access| {
        gather(
            ask.limit,
            after,
            |after: Option<&AgencyId>, max| Ok(room.directory.policies(Some(access), after, max)),
            |row| row.agency.clone(),
            |row| (!row.said.is_empty()).then(|| row.into()),
            |id| id.0.clone(),
        )
    });
    Ok(Json(page.await?))
}

/// What an agency says itself.
#[utoipa::path(get, path = "/api/v1/policies/{id}", tag = "policies", params(("id" = String, Path)),
    responses((status = 200, body = Policy)))]
pub(crate) async fn read(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Tagged<Policy>, Problem> {
    let found = room.ask(caller, move |room, access| {
        let row = room.directory.agency_policy(Some(access), &AgencyId(id))?;
        Ok(tagged(row))
    });
    found.await
}

/// Says values, or takes them back.
#[utoipa::path(patch, path = "/api/v1/policies/{id}", tag = "policies", params(("id" = String, Path)),
    request_body = PolicyChange, responses((status = 200, body = Policy)))]
pub(crate) async fn update(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    wanted: Match,
    Body(change): Body<PolicyChange>,
) -> Result<Tagged<Policy>, Problem> {
    let each = change.values.into_iter().map(|(name, changed)| {
        let key = Key::named(&name).ok_or_else(|| unknown(&name))?;
        let said = changed.map(|said| {
            let (value, locked) = (value_of(key, &said.value)?, said.locked);
            Ok::<_, Problem>(Said { value, locked })
        });
        Ok((key, said.transpose()?))
    });
    let each = each.collect::<Result<Vec<_>, Problem>>()?;
    let changed = room.ask(caller, move |room, access| {
        let id = AgencyId(id);
        let row = merge(
            &wanted,
            || {
                let mut row = room.directory.agency_policy(Some(access), &id)?;
                let version = row.version;
                for (key, said) in &each {
                    match said {
                        Some(said) => drop(row.said.insert(*key, said.clone())),
                        None => drop(row.said.remove(key)),
                    }
                }
                Ok((row, version))
            },
            |row, version| {
                let directory = &room.directory;
                directory.set_agency_policy(Some(access), row, Some(version))
            },
        )?;
        Ok(tagged(row))
    });
    changed.await
}

/// Each value that rules an account, and where it comes from; anybody may ask for one's own.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/policy", tag = "policies",
    params(("id" = u32, Path)), responses((status = 200, body = EffectivePolicy)))]
pub(crate) async fn of_account(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Json<EffectivePolicy>, Problem> {
    let id = filter::account_id(&id)?;
    let found = room.ask(caller, move |room, access| {
        known_account(&room.directory, access, id)?;
        let ruled = room.directory.effective_policy(Some(access), id);
        let values = acted(access, id, ruled)?.into_iter().map(|ruled| {
            let (from, agency) = match ruled.from {
                Source::Account => (RuledBy::Account, None),
                Source::Agency(id) => (RuledBy::Agency, Some(id.0)),
                Source::Config => (RuledBy::Config, None),
                Source::Default => (RuledBy::Default, None),
            };
            RuledValue {
                name: ruled.name,
                value: ruled.value.map(Into::into),
                from,
                agency,
                locked_by: ruled.locked.map(|id| id.0),
            }
        });
        Ok(EffectivePolicy {
            account: id.raw(),
            values: values.collect(),
        })
    });
    Ok(Json(found.await?))
}

fn unknown(name: &str) -> Problem {
    let names: Vec<&str> = Key::all().map(Key::name).collect();
    let names = names.join(", ");
    let name: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
    Problem::invalid(
        "values",
        text(
            format!("không có giá trị {name}; có: {names}"),
            format!("there is no {name}; there are: {names}"),
        ),
    )
}
