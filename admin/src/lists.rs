//! `/api/v1/accounts/{id}/list`: who may post to a list, whom it answers to, and whom it finds by a rule.

mod rule;

use rule::{ListReach, ListRule};

use crate::body::{Body, Named};
use crate::caller::Caller;
use crate::filter;
use crate::problem::Problem;
use crate::router::Room;
use crate::sight::{acted, known_account, known_agency};
use crate::version::{Match, Tagged};
use axum::extract::State;
use directory::{Access, ListRules};
use formats::Address;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who may post to a list.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Posting {
    /// Everybody, strangers too.
    Anyone,
    /// Who signed in here.
    Inside,
    /// Whom the list reaches.
    Members,
    /// Only `posters`.
    Named,
}

impl From<Posting> for directory::Posting {
    fn from(posting: Posting) -> Self {
        match posting {
            Posting::Anyone => Self::Anyone,
            Posting::Inside => Self::Inside,
            Posting::Members => Self::Members,
            Posting::Named => Self::Named,
        }
    }
}

impl From<directory::Posting> for Posting {
    fn from(posting: directory::Posting) -> Self {
        match posting {
            directory::Posting::Anyone => Self::Anyone,
            directory::Posting::Inside => Self::Inside,
            directory::Posting::Members => Self::Members,
            directory::Posting::Named => Self::Named,
        }
    }
}

/// What is said of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListSettings {
    posting: Posting,
    /// Who may post besides: addresses here or elsewhere, or lists for all whom they reach.
    posters: Vec<String>,
    /// Who hears of what cannot be delivered, instead of the sender; may post.
    #[schema(example = "vanthu@tinhmau.gov.vn")]
    owner: Option<String>,
    /// Whether its letters bear `List-Id` and its like.
    fields: bool,
    /// Whom it finds beside the members that it names, looked at for each letter.
    rule: Option<ListRule>,
    /// Whom the rule finds now, as far as you may see them.
    reach: ListReach,
    /// Raised with each change; also the ETag. Zero while nothing was said.
    version: u64,
}

/// What is to be said of it; what is left out is as for a new list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListSettingsChange {
    /// `inside` when left out.
    posting: Option<Posting>,
    #[serde(default)]
    posters: Vec<String>,
    owner: Option<String>,
    /// True when left out.
    fields: Option<bool>,
    /// No rule when left out.
    rule: Option<ListRule>,
}

fn shown(room: &Room, access: &Access, rules: ListRules) -> Result<Tagged<ListSettings>, Problem> {
    let version = rules.version;
    let reach = room.directory.list_reach(Some(access), rules.account);
    let reach = acted(access, rules.account, reach)?;
    let settings = ListSettings {
        posting: rules.posting.into(),
        posters: rules.posters.iter().map(ToString::to_string).collect(),
        owner: rules.owner.map(|owner| owner.to_string()),
        fields: rules.fields,
        rule: rules.rule.map(Into::into),
        reach: reach.into(),
        version,
    };
    Ok(Tagged::found(settings, version))
}

/// Reads who may post to a list, whom it answers to, and whom its rule finds. 404 also where the account is no list.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/list", tag = "lists",
    params(("id" = u32, Path)), responses((status = 200, body = ListSettings)))]
pub(crate) async fn read(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Tagged<ListSettings>, Problem> {
    let id = filter::account_id(&id)?;
    let found = room.ask(caller, move |room, access| {
        known_account(&room.directory, access, id)?;
        let rules = room.directory.list_rules(Some(access), id);
        shown(room, access, acted(access, id, rules)?)
    });
    found.await
}

/// Says it anew, whole.
#[utoipa::path(put, path = "/api/v1/accounts/{id}/list", tag = "lists",
    params(("id" = u32, Path)), request_body = ListSettingsChange,
    responses((status = 200, body = ListSettings)))]
pub(crate) async fn set(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    wanted: Match,
    Body(change): Body<ListSettingsChange>,
) -> Result<Tagged<ListSettings>, Problem> {
    let id = filter::account_id(&id)?;
    let one = |(n, poster): (usize, &String)| filter::address(&format!("posters[{n}]"), poster);
    let posters = change.posters.iter().enumerate().map(one);
    let posters = posters.collect::<Result<Vec<Address>, Problem>>()?;
    let owner = change
        .owner
        .as_deref()
        .map(|owner| filter::address("owner", owner));
    let owner = owner.transpose()?;
    let done = room.ask(caller, move |room, access| {
        known_account(&room.directory, access, id)?;
        let present = acted(access, id, room.directory.list_rules(Some(access), id))?;
        let version = wanted.expected(present.version)?;
        if let Some(rule) = change.rule.as_ref().filter(|rule| rule.is_new(&present)) {
            known_agency(&room.directory, access, "rule", &rule.under())?;
        }
        let rules = ListRules {
            account: id,
            posting: change.posting.unwrap_or(Posting::Inside).into(),
            posters,
            owner,
            fields: change.fields.unwrap_or(true),
            rule: change.rule.map(Into::into),
            version: 0,
        };
        let set = room.directory.set_list_rules(Some(access), rules, version);
        shown(room, access, acted(access, id, set)?)
    });
    done.await
}
