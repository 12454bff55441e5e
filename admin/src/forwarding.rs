//! `/api/v1/accounts/{id}/forwarding`, `/api/v1/agencies/{id}/forwarding`: where mail goes on to, and whether it may.

use crate::body::{Body, Named};
use crate::caller::Caller;
use crate::filter;
use crate::problem::Problem;
use crate::router::Room;
use crate::sight::{acted, known_account};
use crate::version::{Match, Tagged};
use axum::extract::State;
use directory::{AgencyForwarding, AgencyId, Directory};
use formats::Address;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where the mail of an account goes on to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Forwarding {
    /// Empty: nowhere.
    to: Vec<String>,
    /// Whether it lies in the account's own mailbox too.
    keep: bool,
    /// Whether its agency lets mail go on to addresses elsewhere.
    outside: bool,
    /// Raised with each change; also the ETag. Zero while it goes on nowhere.
    version: u64,
}

/// Where it is to go on to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForwardingChange {
    /// At most ten; empty: nowhere.
    #[schema(example = json!(["binhtt@tinhmau.gov.vn"]))]
    to: Vec<String>,
    /// True when left out.
    keep: Option<bool>,
    /// Why: needed of an administrator who lets another's mail go on to where it did not (or `Audit-Reason`). Its owner
    /// sees it in `reads`.
    #[schema(example = "Nghỉ thai sản, chuyển cho người thay")]
    reason: Option<String>,
}

/// What an agency says of forwarding.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgencyOutside {
    /// Whether mail of its accounts may go on to addresses elsewhere; null: as the agency above says, and no where
    /// none says anything.
    outside: Option<bool>,
    /// Raised with each change; also the ETag. Zero while nothing was said.
    version: u64,
}

/// What it is to say.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgencyOutsideChange {
    /// True and null are for who manages the agency above.
    outside: Option<bool>,
}

fn shown(
    directory: &Directory,
    said: directory::Forwarding,
) -> Result<Tagged<Forwarding>, directory::Error> {
    let version = said.version;
    let row = Forwarding {
        to: said.to.iter().map(ToString::to_string).collect(),
        keep: said.keep,
        outside: directory.forwards_outside(said.account)?,
        version,
    };
    Ok(Tagged::found(row, version))
}

fn told(said: AgencyForwarding) -> Tagged<AgencyOutside> {
    let version = said.version;
    let outside = said.outside;
    Tagged::found(AgencyOutside { outside, version }, version)
}

/// Where an account's mail goes on to; anybody may ask for one's own.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/forwarding", tag = "forwarding",
    params(("id" = u32, Path)), responses((status = 200, body = Forwarding)))]
pub(crate) async fn of_account(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Tagged<Forwarding>, Problem> {
    let id = filter::account_id(&id)?;
    let found = room.ask(caller, move |room, access| {
        known_account(&room.directory, access, id)?;
        let said = room.directory.forwarding(Some(access), id)?;
        Ok(shown(&room.directory, said)?)
    });
    found.await
}

/// Lets an account's mail go on, whole; one's own, or an account's that one manages. To let another's mail go on to where
/// it did not needs a reason, is shown to its owner in `reads`, and takes two persons where `impersonate` does.
#[utoipa::path(put, path = "/api/v1/accounts/{id}/forwarding", tag = "forwarding",
    params(("id" = u32, Path)), request_body = ForwardingChange,
    responses((status = 200, body = Forwarding)))]
pub(crate) async fn set_account(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    wanted: Match,
    Body(change): Body<ForwardingChange>,
) -> Result<Tagged<Forwarding>, Problem> {
    let id = filter::account_id(&id)?;
    let one = |(n, to): (usize, &String)| filter::address(&format!("to[{n}]"), to);
    let to = change.to.iter().take(TO_MAX).enumerate().map(one);
    let to = to.collect::<Result<Vec<Address>, Problem>>()?;
    let caller = caller.because(change.reason.as_deref())?;
    let done = room.ask(caller, move |room, access| {
        known_account(&room.directory, access, id)?;
        let present = room.directory.forwarding(Some(access), id)?;
        let version = wanted.expected(present.version)?;
        let new = directory::Forwarding {
            account: id,
            to,
            keep: change.keep.unwrap_or(true),
            version: 0,
        };
        let set = room.directory.set_forwarding(Some(access), new, version);
        Ok(shown(&room.directory, acted(access, id, set)?)?)
    });
    done.await
}

/// More addresses than these are refused by the directory, without reading all of them.
const TO_MAX: usize = directory::forward::TO_MAX + 1;

/// Whether an agency lets mail go on to addresses elsewhere.
#[utoipa::path(get, path = "/api/v1/agencies/{id}/forwarding", tag = "forwarding",
    params(("id" = String, Path)), responses((status = 200, body = AgencyOutside)))]
pub(crate) async fn of_agency(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Tagged<AgencyOutside>, Problem> {
    let found = room.ask(caller, move |room, access| {
        let said = room
            .directory
            .agency_forwarding(Some(access), &AgencyId(id))?;
        Ok(told(said))
    });
    found.await
}

/// Lets it, or not.
#[utoipa::path(put, path = "/api/v1/agencies/{id}/forwarding", tag = "forwarding",
    params(("id" = String, Path)), request_body = AgencyOutsideChange,
    responses((status = 200, body = AgencyOutside)))]
pub(crate) async fn set_agency(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    wanted: Match,
    Body(change): Body<AgencyOutsideChange>,
) -> Result<Tagged<AgencyOutside>, Problem> {
    let done = room.ask(caller, move |room, access| {
        let agency = AgencyId(id);
        let present = room.directory.agency_forwarding(Some(access), &agency)?;
        let version = wanted.expected(present.version)?;
        let said = AgencyForwarding {
            agency,
            outside: change.outside,
            version: 0,
        };
        let set = room
            .directory
            .set_agency_forwarding(Some(access), said, version)?;
        Ok(told(set))
    });
    done.await
}
