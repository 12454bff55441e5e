//! `/api/v1/accounts/{id}/senders`: who may send in the name of an account besides its owner.

use crate::body::{Body, Named};
use crate::caller::Caller;
use crate::problem::Problem;
use crate::roster::{self, Roster, rows};
use crate::router::Room;
use crate::version::{Match, Tagged};
use axum::extract::State;
use directory::{Access, AccountId, Directory, Error, Senders as Kept, Sending as How};
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

impl Roster for Senders {
    type Kept = Kept;
    type Said = How;
    const FIELD: &'static str = "sender";

    fn read(directory: &Directory, by: &Access, of: AccountId) -> Result<Kept, Error> {
        directory.senders(Some(by), of)
    }

    fn write(
        directory: &Directory,
        by: &Access,
        of: AccountId,
        who: AccountId,
        said: Option<How>,
        version: Option<u64>,
    ) -> Result<Kept, Error> {
        directory.set_sender(Some(by), of, who, said, version)
    }

    fn version(kept: &Kept) -> u64 {
        kept.version
    }

    fn names(kept: &Kept, who: AccountId) -> bool {
        kept.said(who).is_some()
    }

    fn shown(directory: &Directory, kept: Kept) -> Self {
        let version = kept.version;
        let sender = |account, address, sending: How| Sender {
            account,
            address,
            sending: sending.into(),
        };
        let senders = rows(directory, kept.entries, sender);
        Self { senders, version }
    }
}

/// Lists who may send in the name of an account, as administrators said.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/senders", tag = "senders",
    params(("id" = u32, Path)), responses((status = 200, body = Senders)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Tagged<Senders>, Problem> {
    roster::list(room, caller, &id).await
}

/// Says how a person may send in the name of an account.
#[utoipa::path(put, path = "/api/v1/accounts/{id}/senders/{address}", tag = "senders",
    params(("id" = u32, Path), ("address" = String, Path)), request_body = SenderSending,
    responses((status = 200, body = Senders)))]
pub(crate) async fn set(
    State(room): State<Room>,
    caller: Caller,
    Named((id, address)): Named<(String, String)>,
    held: Match,
    Body(wanted): Body<SenderSending>,
) -> Result<Tagged<Senders>, Problem> {
    roster::set(room, caller, (&id, &address), wanted.sending.into(), held).await
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
    roster::remove::<Senders>(room, caller, (&id, &address), wanted).await
}
