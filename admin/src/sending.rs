//! How much may be sent: what agencies say, what an account has sent, and sending that is suspended.

use crate::body::{Body, Named};
use crate::caller::Caller;
use crate::filter;
use crate::problem::Problem;
use crate::router::Room;
use crate::sight::{acted, known_account};
use crate::version::{Match, Tagged};
use axum::Json;
use axum::extract::State;
use directory::{AgencyCaps, AgencyId, Directory, Sent, Stop};
use formats::date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Limits of sending; null: nothing is said here.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Caps {
    /// Octets of one message.
    octets: Option<u64>,
    /// Recipients of one message; a list is one.
    recipients: Option<u64>,
    /// Messages in any hour.
    messages_hour: Option<u64>,
    /// Messages in any day.
    messages_day: Option<u64>,
    /// Recipients in any hour.
    recipients_hour: Option<u64>,
    /// Recipients in any day.
    recipients_day: Option<u64>,
}

impl From<directory::Caps> for Caps {
    fn from(caps: directory::Caps) -> Self {
        Self {
            octets: caps.octets,
            recipients: caps.recipients,
            messages_hour: caps.messages_hour,
            messages_day: caps.messages_day,
            recipients_hour: caps.recipients_hour,
            recipients_day: caps.recipients_day,
        }
    }
}

impl From<Caps> for directory::Caps {
    fn from(caps: Caps) -> Self {
        Self {
            octets: caps.octets,
            recipients: caps.recipients,
            messages_hour: caps.messages_hour,
            messages_day: caps.messages_day,
            recipients_hour: caps.recipients_hour,
            recipients_day: caps.recipients_day,
        }
    }
}

/// What an agency says of sending.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgencySending {
    /// Of each account in the subtree, unless an agency nearer to it says otherwise.
    each: Caps,
    /// Of all accounts in the subtree together; set by who manages the agency above.
    total: Caps,
    /// Raised with each change; also the ETag. Zero while nothing is said.
    version: u64,
}

/// What it is to say.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AgencySendingChange {
    each: Caps,
    total: Caps,
}

/// Messages and recipients.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Count {
    messages: u64,
    recipients: u64,
}

impl From<Sent> for Count {
    fn from(sent: Sent) -> Self {
        Self {
            messages: sent.messages,
            recipients: sent.recipients,
        }
    }
}

/// Sending that is suspended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Suspension {
    account: u32,
    #[schema(example = "an.nguyen@tinhmau.gov.vn")]
    address: String,
    /// RFC 3339, UTC.
    since: String,
    /// Recipients within the hour when it suddenly was far too much; null: an administrator did it.
    recipients_within_the_hour: Option<u64>,
    /// Recipients of the busiest hour of the two weeks before.
    busiest_hour_before: Option<u64>,
}

/// All that one may see.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Suspensions {
    suspended: Vec<Suspension>,
}

/// What an account has sent, may send, and whether it may.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountSending {
    hour: Count,
    day: Count,
    /// Recipients of the busiest hour of the last two weeks.
    busiest_hour: u64,
    /// The limits that hold for it.
    caps: Caps,
    /// Null: it may send.
    suspended: Option<Suspension>,
}

/// Whether it may.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountSendingChange {
    suspended: bool,
}

fn suspension(directory: &Directory, stop: &Stop) -> Suspension {
    let account = directory.account(stop.account);
    Suspension {
        account: stop.account.raw(),
        address: account.map(|a| a.address.to_string()).unwrap_or_default(),
        since: date::utc(stop.since),
        recipients_within_the_hour: stop.sudden.map(|(within, _)| within),
        busiest_hour_before: stop.sudden.map(|(_, before)| before),
    }
}

fn standing(
    directory: &Directory,
    id: directory::AccountId,
) -> Result<AccountSending, directory::Error> {
    let standing = directory.standing(id)?;
    Ok(AccountSending {
        hour: standing.hour.into(),
        day: standing.day.into(),
        busiest_hour: standing.usual,
        caps: directory.caps(id)?.into(),
        suspended: standing.stop.map(|stop| suspension(directory, &stop)),
    })
}

fn shown(caps: AgencyCaps) -> Tagged<AgencySending> {
    let version = caps.version;
    let row = AgencySending {
        each: caps.each.into(),
        total: caps.total.into(),
        version,
    };
    Tagged::found(row, version)
}

/// Lists the accounts whose sending is suspended.
#[utoipa::path(get, path = "/api/v1/sending", tag = "sending",
    responses((status = 200, body = Suspensions)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
) -> Result<Json<Suspensions>, Problem> {
    let found = room.ask(caller, move |room, access| {
        let stops = room.directory.stops(Some(access));
        let each = stops.iter().map(|stop| suspension(&room.directory, stop));
        Ok(Json(Suspensions {
            suspended: each.collect(),
        }))
    });
    found.await
}

/// What an account has sent lately, and whether it may go on.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/sending", tag = "sending",
    params(("id" = u32, Path)), responses((status = 200, body = AccountSending)))]
pub(crate) async fn of_account(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Json<AccountSending>, Problem> {
    let id = filter::account_id(&id)?;
    let found = room.ask(caller, move |room, access| {
        known_account(&room.directory, access, id)?;
        Ok(Json(standing(&room.directory, id)?))
    });
    found.await
}

/// Suspends an account's sending, or lets it send again. Doing what is done already changes nothing.
#[utoipa::path(put, path = "/api/v1/accounts/{id}/sending", tag = "sending",
    params(("id" = u32, Path)), request_body = AccountSendingChange,
    responses((status = 200, body = AccountSending)))]
pub(crate) async fn set_account(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    Body(wanted): Body<AccountSendingChange>,
) -> Result<Json<AccountSending>, Problem> {
    let id = filter::account_id(&id)?;
    let done = room.ask(caller, move |room, access| {
        known_account(&room.directory, access, id)?;
        let d = &room.directory;
        let done = match wanted.suspended {
            true => d.stop_sending(Some(access), id, None).map(drop),
            false => d.resume_sending(Some(access), id),
        };
        match done {
            Err(directory::Error::Exists(_) | directory::Error::NotFound("suspension")) => {}
            other => acted(access, id, other)?,
        }
        Ok(Json(standing(d, id)?))
    });
    done.await
}

/// What an agency says of sending.
#[utoipa::path(get, path = "/api/v1/agencies/{id}/sending", tag = "sending",
    params(("id" = String, Path)), responses((status = 200, body = AgencySending)))]
pub(crate) async fn of_agency(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Tagged<AgencySending>, Problem> {
    let found = room.ask(caller, move |room, access| {
        let caps = room.directory.agency_caps(Some(access), &AgencyId(id))?;
        Ok(shown(caps))
    });
    found.await
}

/// Says how much the accounts of an agency may send; what is left out is said no more.
#[utoipa::path(put, path = "/api/v1/agencies/{id}/sending", tag = "sending",
    params(("id" = String, Path)), request_body = AgencySendingChange,
    responses((status = 200, body = AgencySending)))]
pub(crate) async fn set_agency(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    wanted: Match,
    Body(change): Body<AgencySendingChange>,
) -> Result<Tagged<AgencySending>, Problem> {
    let done = room.ask(caller, move |room, access| {
        let agency = AgencyId(id);
        let present = room.directory.agency_caps(Some(access), &agency)?;
        let version = wanted.expected(present.version)?;
        let caps = AgencyCaps {
            agency,
            each: change.each.into(),
            total: change.total.into(),
            version: 0,
        };
        let set = room
            .directory
            .set_agency_caps(Some(access), caps, version)?;
        Ok(shown(set))
    });
    done.await
}
