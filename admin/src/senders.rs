//! `/api/v1/accounts/{id}/senders`: who may send in the name of an account besides its owner.

use crate::body::{Body, Named};
use crate::caller::Caller;
use crate::filter;
use crate::problem::{Problem, text};
use crate::router::Room;
use crate::sight::{acted, known_account};
use crate::version::{Match, Tagged};
use axum::extract::State;
use directory::{Directory, Senders as Said, Sending as How};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How one may send in the name of an account.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sending {
    /// Not at all, though the rights over its mailboxes are those of a holder.
    No,
    /// The account stands in From, the sender in Sender.
    OnBehalf,
    /// As if it were the account itself.
    As,
}

impl From<Sending> for How {
    fn from(sending: Sending) -> Self {
        match sending {
            Sending::No => Self::No,
            Sending::OnBehalf => Self::OnBehalf,
            Sending::As => Self::As,
        }
    }
}

impl From<How> for Sending {
    fn from(sending: How) -> Self {
        match sending {
            How::No => Self::No,
            How::OnBehalf => Self::OnBehalf,
            How::As => Self::As,
        }
    }
}

/// Of whom something was said. Members of a shared account who may read, mark, put in and take out
/// (`lrswite`) send as it without standing here.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Senders {
    senders: Vec<Sender>,
    /// Raised with each change; also the ETag. Zero while there is no sender.
    version: u64,
}

/// One of them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sender {
    account: u32,
    #[schema(example = "an.nguyen@tinhmau.gov.vn")]
    address: String,
    sending: Sending,
}

/// How he may send.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SenderSending {
    sending: Sending,
}

fn shown(directory: &Directory, said: Said) -> Tagged<Senders> {
    let version = said.version;
    let sender = |(id, sending): (directory::AccountId, How)| {
        let account = directory.account(id).ok()?;
        Some(Sender {
            account: id.raw(),
            address: account.address.to_string(),
            sending: sending.into(),
        })
    };
    let senders = said.entries.into_iter().filter_map(sender).collect();
    Tagged::found(Senders { senders, version }, version)
}

/// Lists who may send in the name of an account, as administrators said.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/senders", tag = "senders",
    params(("id" = u32, Path)), responses((status = 200, body = Senders)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Tagged<Senders>, Problem> {
    let id = filter::account_id(&id)?;
    let found = room.ask(caller, move |room, access| {
        known_account(&room.directory, access, id)?;
        let said = acted(access, id, room.directory.senders(Some(access), id))?;
        Ok(shown(&room.directory, said))
    });
    found.await
}

/// Says how a person may send in the name of an account.
#[utoipa::path(put, path = "/api/v1/accounts/{id}/senders/{address}", tag = "senders",
    params(("id" = u32, Path), ("address" = String, Path)), request_body = SenderSending,
    responses((status = 200, body = Senders)))]
pub(crate) async fn set(
    State(room): State<Room>,
    caller: Caller,
    Named((id, address)): Named<(String, String)>,
    Body(wanted): Body<SenderSending>,
) -> Result<Tagged<Senders>, Problem> {
    let id = filter::account_id(&id)?;
    let address = filter::address("sender", &address)?;
    let done = room.ask(caller, move |room, access| {
        known_account(&room.directory, access, id)?;
        let sender = room.directory.account_at(&address).map_err(|_| {
            let vi = "không có tài khoản này trong phạm vi của bạn";
            Problem::invalid("sender", text(vi, "no such account in your scope"))
        })?;
        let how = Some(wanted.sending.into());
        let said = room
            .directory
            .set_sender(Some(access), id, sender.id, how, None);
        Ok(shown(&room.directory, acted(access, id, said)?))
    });
    done.await
}

/// Takes back what was said of somebody; what he may as the holder of a seat he may again.
#[utoipa::path(delete, path = "/api/v1/accounts/{id}/senders/{address}", tag = "senders",
    params(("id" = u32, Path), ("address" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove(
    State(room): State<Room>,
    caller: Caller,
    Named((id, address)): Named<(String, String)>,
    wanted: Match,
) -> Result<StatusCode, Problem> {
    let id = filter::account_id(&id)?;
    let address = filter::address("sender", &address)?;
    let done = room.ask(caller, move |room, access| {
        known_account(&room.directory, access, id)?;
        let said = acted(access, id, room.directory.senders(Some(access), id))?;
        let sender = room.directory.account_at(&address)?;
        if said.said(sender.id).is_none() {
            return Err(Problem::not_found());
        }
        let version = wanted.expected(said.version)?;
        let done = room
            .directory
            .set_sender(Some(access), id, sender.id, None, version);
        Ok(acted(access, id, done).map(drop)?)
    });
    done.await?;
    Ok(StatusCode::NO_CONTENT)
}
