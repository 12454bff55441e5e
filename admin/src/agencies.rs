//! `/api/v1/agencies`: the agency tree.

mod profile;

pub(crate) use profile::AgencyKind;
use profile::ProfileChange;

use crate::body::{Asked, Body, Named, given, present};
use crate::caller::Caller;
use crate::filter;
use crate::page::{Ask, Page, gather};
use crate::problem::{Problem, text};
use crate::router::Room;
use crate::sight::{Sight, known_agency};
use crate::usage::Usage;
use crate::version::{Match, Tagged, merge, segment};
use axum::Json;
use axum::extract::State;
use directory::profile::agency_codes;
use directory::{Access, AgencyId, AgencyProfile, AgencyQuota, Capability, Directory, Quota};
use formats::text::fold;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// One agency or unit of the tree.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Agency {
    /// Code such as `H99.1`; never changes.
    #[schema(example = "H99.1")]
    id: String,
    /// The agency above; null at the top.
    parent: Option<String>,
    /// Vietnamese name.
    #[schema(example = "Sở Nội vụ")]
    name: String,
    /// English name.
    name_en: Option<String>,
    /// As it is called in few letters.
    #[schema(example = "SNV")]
    short_name: Option<String>,
    kind: AgencyKind,
    /// Official codes beside the id, in capitals; by each the agency is found.
    #[schema(example = json!(["000.00.01.H99"]))]
    codes: Vec<String>,
    /// Its place among its siblings: the smaller comes first.
    order: u32,
    /// The first day on which it is there; null: not known.
    #[schema(example = "2025-07-01")]
    since: Option<String>,
    /// The last day on which it is there; from the next one on it takes no accounts, domains, positions and agencies
    /// below it. Null: it has no end.
    until: Option<String>,
    /// Octets of all accounts of the agency and those under it together; null: no limit.
    quota: Option<u64>,
    /// Messages of all of them together; null: no limit.
    messages_max: Option<u64>,
    /// Octets of each account under it that has no quota of its own; null: as the agency above says.
    account_quota: Option<u64>,
    /// Messages of each such account; null: as the agency above says.
    account_messages_max: Option<u64>,
    /// Percent of a limit at which the log tells of it; null: as the agency above says, else 90.
    soft_percent: Option<u8>,
    /// Raised with each change; also the ETag.
    version: u64,
}

/// An agency to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAgency {
    #[schema(example = "H99.1.2")]
    id: String,
    parent: Option<String>,
    #[schema(example = "Phòng Tổ chức cán bộ")]
    name: String,
    name_en: Option<String>,
    short_name: Option<String>,
    /// `other` when left out.
    kind: Option<AgencyKind>,
    /// Official codes beside the id: `H26.1.2`, `000.00.01.G14`; 16 at most.
    #[serde(default)]
    codes: Vec<String>,
    order: Option<u32>,
    since: Option<String>,
    until: Option<String>,
    quota: Option<u64>,
    messages_max: Option<u64>,
    account_quota: Option<u64>,
    account_messages_max: Option<u64>,
    soft_percent: Option<u8>,
}

/// What may change of an agency (RFC 7396 merge).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgencyChange {
    /// Moves it with everything under it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    parent: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    name_en: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    short_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    kind: Option<AgencyKind>,
    /// All of them, replacing those before.
    #[serde(default, deserialize_with = "given")]
    codes: Option<Vec<String>>,
    #[serde(default, deserialize_with = "given")]
    order: Option<u32>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    since: Option<Option<String>>,
    /// The last day on which it is there.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    until: Option<Option<String>>,
    /// Of all together; set by who manages the agency above.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    quota: Option<Option<u64>>,
    /// Of all together; set by who manages the agency above.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    messages_max: Option<Option<u64>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    account_quota: Option<Option<u64>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    account_messages_max: Option<Option<u64>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u8>)]
    soft_percent: Option<Option<u8>>,
}

impl AgencyChange {
    /// The quotas with what is given changed.
    fn quota(&self, was: AgencyQuota) -> AgencyQuota {
        AgencyQuota {
            total: Quota {
                octets: self.quota.unwrap_or(was.total.octets),
                messages: self.messages_max.unwrap_or(was.total.messages),
            },
            each: Quota {
                octets: self.account_quota.unwrap_or(was.each.octets),
                messages: self.account_messages_max.unwrap_or(was.each.messages),
            },
            soft_percent: self.soft_percent.unwrap_or(was.soft_percent),
        }
    }
}

/// Which agencies.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AgencyFilter {
    /// Only the children of this one, in the order of their places.
    parent: Option<String>,
    /// Only those that were there, or will be, on this day.
    at: Option<String>,
    kind: Option<AgencyKind>,
    /// Only the one with this id or official code.
    code: Option<String>,
    /// Words in codes and names, with or without Vietnamese marks.
    find: Option<String>,
    /// 1 to 500, 50 when left out.
    limit: Option<i64>,
    /// Of the page before.
    cursor: Option<String>,
}

impl From<directory::Agency> for Agency {
    fn from(row: directory::Agency) -> Self {
        Self {
            id: row.id.0,
            parent: row.parent.map(|id| id.0),
            name: row.name,
            name_en: row.name_en,
            short_name: row.profile.short_name,
            kind: row.profile.kind.into(),
            codes: row.profile.codes.iter().map(ToString::to_string).collect(),
            order: row.profile.order,
            since: row.profile.since.map(Into::into),
            until: row.profile.until.map(Into::into),
            quota: row.quota.total.octets,
            messages_max: row.quota.total.messages,
            account_quota: row.quota.each.octets,
            account_messages_max: row.quota.each.messages,
            soft_percent: row.quota.soft_percent,
            version: row.version,
        }
    }
}

fn tagged(row: directory::Agency) -> Tagged<Agency> {
    let version = row.version;
    Tagged::found(row.into(), version)
}

/// The agency, when the caller may see it. Errors: 404.
fn visible(
    directory: &Directory,
    access: &Access,
    id: &AgencyId,
) -> Result<directory::Agency, Problem> {
    let row = directory.agency(id)?;
    if Sight::new(directory, access, Capability::ReadDirectory).agency(id) {
        return Ok(row);
    }
    Err(Problem::not_found())
}

/// Whether every word is in the agency's codes or names.
fn holds(row: &directory::Agency, words: &str) -> bool {
    let mut text = format!("{} {}", row.id, row.name);
    let names = [&row.name_en, &row.profile.short_name];
    let names = names.into_iter().flatten().map(String::as_str);
    let codes = row.profile.codes.iter().map(directory::AgencyCode::as_str);
    for one in names.chain(codes) {
        text.push(' ');
        text.push_str(one);
    }
    let text = fold(&text);
    words.split_whitespace().all(|word| text.contains(word))
}

/// Lists agencies in the order of their ids; the children of one in the order of their places.
#[utoipa::path(get, path = "/api/v1/agencies", tag = "agencies", params(AgencyFilter),
    responses((status = 200, body = Page<Agency>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Asked(filter): Asked<AgencyFilter>,
) -> Result<Json<Page<Agency>>, Problem> {
    let ask = Ask::of(filter.limit, filter.cursor.as_deref())?;
    let at = filter::day_if_any("at", filter.at.as_deref())?;
    let words = filter::find(filter.find)?
        .map(|find| fold(&find))
        .unwrap_or_default();
    let kind: Option<directory::AgencyKind> = filter.kind.map(Into::into);
    let fits = move |row: &directory::Agency| {
        at.is_none_or(|day| row.profile.is_there(day))
            && kind.is_none_or(|kind| row.profile.kind == kind)
            && holds(row, &words)
    };
    let (parent, code) = (filter.parent.map(AgencyId), filter.code);
    let page = room.ask(caller, move |room, access| match code {
        Some(code) => {
            let seen = by_code(&room.directory, access, &code).ok();
            let below = |row: &directory::Agency| parent.is_none() || row.parent == parent;
            let items = seen.filter(|row| below(row) && fits(row)).map(Into::into);
            Ok(Page::new(items.into_iter().collect(), None))
        }
        None => listed(room, access, &ask, parent.as_ref(), fits),
    });
    Ok(Json(page.await?))
}

/// A page of all agencies, or of the children of one.
fn listed(
    room: &Room,
    access: &Access,
    ask: &Ask,
    parent: Option<&AgencyId>,
    fits: impl Fn(&directory::Agency) -> bool,
) -> Result<Page<Agency>, Problem> {
    let by = Some(access);
    let keep = |row: directory::Agency| fits(&row).then(|| row.into());
    let Some(parent) = parent else {
        let after = ask.key(|key| Some(AgencyId(key.to_owned())))?;
        let read =
            |after: Option<&AgencyId>, max| Ok(room.directory.agencies(by, None, after, max)?);
        return gather(
            ask.limit,
            after,
            read,
            |row| row.id.clone(),
            keep,
            |id| id.0.clone(),
        );
    };
    let after = ask.key(|key| {
        let (place, id) = key.split_once('/')?;
        Some((place.parse::<u32>().ok()?, AgencyId(id.to_owned())))
    })?;
    gather(
        ask.limit,
        after,
        |after: Option<&(u32, AgencyId)>, max| {
            Ok(room.directory.agencies_below(by, parent, after, max))
        },
        |row| (row.profile.order, row.id.clone()),
        keep,
        |(place, id)| format!("{place}/{id}"),
    )
}

/// The agency with this id or official code, when the caller may see it. Errors: 404.
fn by_code(
    directory: &Directory,
    access: &Access,
    code: &str,
) -> Result<directory::Agency, Problem> {
    let row = directory.agency_coded(code)?;
    visible(directory, access, &row.id)
}

/// Makes an agency.
#[utoipa::path(post, path = "/api/v1/agencies", tag = "agencies", request_body = NewAgency,
    responses((status = 201, body = Agency)))]
pub(crate) async fn create(
    State(room): State<Room>,
    caller: Caller,
    Body(new): Body<NewAgency>,
) -> Result<Tagged<Agency>, Problem> {
    let profile = AgencyProfile {
        short_name: new.short_name,
        kind: new.kind.unwrap_or_default().into(),
        codes: agency_codes(&new.codes)?,
        order: new.order.unwrap_or_default(),
        since: filter::day_if_any("since", new.since.as_deref())?,
        until: filter::day_if_any("until", new.until.as_deref())?,
    };
    let made = room.ask(caller, move |room, access| {
        let parent = new.parent.map(AgencyId);
        match &parent {
            Some(parent) => known_agency(&room.directory, access, "parent", parent)?,
            None => return Err(top_alone()),
        }
        let new = directory::NewAgency {
            id: AgencyId(new.id),
            parent,
            name: new.name,
            name_en: new.name_en,
            profile,
            quota: AgencyQuota {
                total: Quota {
                    octets: new.quota,
                    messages: new.messages_max,
                },
                each: Quota {
                    octets: new.account_quota,
                    messages: new.account_messages_max,
                },
                soft_percent: new.soft_percent,
            },
        };
        Ok(room.directory.create_agency(Some(access), new)?)
    });
    let row = made.await?;
    let (version, place) = (
        row.version,
        format!("/api/v1/agencies/{}", segment(&row.id.0)),
    );
    Ok(Tagged::created(row.into(), version, place))
}

/// The top of a tree is above every grant.
fn top_alone() -> Problem {
    Problem::invalid(
        "parent",
        text(
            "cần mã của cơ quan cấp trên: cơ quan đứng đầu chỉ do `congvu init` lập",
            "the code of the agency above is needed: only `congvu init` founds the top of a tree",
        ),
    )
}

/// Reads one agency, by its id or an official code.
#[utoipa::path(get, path = "/api/v1/agencies/{id}", tag = "agencies", params(("id" = String, Path)),
    responses((status = 200, body = Agency)))]
pub(crate) async fn read(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Tagged<Agency>, Problem> {
    let found = room.ask(caller, move |room, access| {
        by_code(&room.directory, access, &id)
    });
    Ok(tagged(found.await?))
}

/// What the accounts of an agency and of those under it hold together.
#[utoipa::path(get, path = "/api/v1/agencies/{id}/usage", tag = "agencies",
    params(("id" = String, Path)), responses((status = 200, body = Usage)))]
pub(crate) async fn usage(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Json<Usage>, Problem> {
    let used = room.ask(caller, move |room, access| {
        let row = visible(&room.directory, access, &AgencyId(id))?;
        Ok(room.directory.agency_usage(&row.id)?)
    });
    Ok(Json(used.await?.into()))
}

/// Renames or moves an agency, says what it is and until when, sets its quotas.
#[utoipa::path(patch, path = "/api/v1/agencies/{id}", tag = "agencies", params(("id" = String, Path)),
    request_body = AgencyChange, responses((status = 200, body = Agency)))]
pub(crate) async fn update(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    wanted: Match,
    Body(change): Body<AgencyChange>,
) -> Result<Tagged<Agency>, Problem> {
    let profile = ProfileChange::of(&change)?;
    let changed = room.ask(caller, move |room, access| {
        let id = AgencyId(id);
        let row = visible(&room.directory, access, &id)?;
        let parent = change.parent.clone();
        let parent = parent.map(|parent| parent.map(AgencyId));
        match &parent {
            Some(Some(parent)) => known_agency(&room.directory, access, "parent", parent)?,
            Some(None) if row.parent.is_some() => return Err(top_alone()),
            Some(None) | None => {}
        }
        merge(
            &wanted,
            || visible(&room.directory, access, &id).map(|row| (row.clone(), row.version)),
            |mut row, version| {
                row.parent = parent.clone().unwrap_or(row.parent);
                row.name = change.name.clone().unwrap_or(row.name);
                row.name_en = change.name_en.clone().unwrap_or(row.name_en);
                row.quota = change.quota(row.quota);
                row.profile = profile.clone().merged(row.profile);
                room.directory
                    .change_agency(Some(access), row, Some(version))
            },
        )
    });
    Ok(tagged(changed.await?))
}

/// Removes an agency that nothing hangs on.
#[utoipa::path(delete, path = "/api/v1/agencies/{id}", tag = "agencies", params(("id" = String, Path)),
    responses((status = 204)))]
pub(crate) async fn delete(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    wanted: Match,
) -> Result<StatusCode, Problem> {
    let gone = room.ask(caller, move |room, access| {
        let row = visible(&room.directory, access, &AgencyId(id))?;
        let version = wanted.expected(row.version)?;
        Ok(room
            .directory
            .delete_agency(Some(access), &row.id, version)?)
    });
    gone.await?;
    Ok(StatusCode::NO_CONTENT)
}
