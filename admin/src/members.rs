//! `/api/v1/accounts/{id}/members`: who may do what with the mail of a shared account or a resource.

use crate::body::{Body, Named};
use crate::caller::Caller;
use crate::filter;
use crate::problem::{Problem, text};
use crate::router::Room;
use crate::sight::{acted, known_account};
use crate::version::{Match, Tagged};
use axum::extract::State;
use directory::{Directory, Rights, Share, Sharing};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The members of a shared account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Members {
    members: Vec<Member>,
    /// Raised with each change; also the ETag. Zero while there is no member.
    version: u64,
}

/// One member.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Member {
    account: u32,
    #[schema(example = "an.nguyen@tinhmau.gov.vn")]
    address: String,
    /// Letters of RFC 4314 §2.1, for every mailbox of the account.
    #[schema(example = "lrswite")]
    rights: String,
}

/// What a member may do.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberRights {
    /// Letters of RFC 4314 §2.1: `l` see, `r` read, `s` mark as seen, `w` other flags, `i` put in, `p` post,
    /// `k` make mailboxes, `x` remove mailboxes, `t` mark as deleted, `e` expunge, `a` give rights.
    #[schema(example = "lrswite")]
    rights: String,
}

fn shown(directory: &Directory, share: Share) -> Tagged<Members> {
    let version = share.version;
    let member = |(who, rights): (Sharing, Rights)| {
        let Sharing::Account(id) = who else {
            return None;
        };
        let account = directory.account(id).ok()?;
        Some(Member {
            account: id.raw(),
            address: account.address.to_string(),
            rights: rights.to_string(),
        })
    };
    let members = share.entries.into_iter().filter_map(member).collect();
    Tagged::found(Members { members, version }, version)
}

/// Lists the members of an account.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/members", tag = "members",
    params(("id" = u32, Path)), responses((status = 200, body = Members)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Tagged<Members>, Problem> {
    let id = filter::account_id(&id)?;
    let found = room.ask(caller, move |room, access| {
        known_account(&room.directory, access, id)?;
        let share = acted(access, id, room.directory.members(Some(access), id))?;
        Ok(shown(&room.directory, share))
    });
    found.await
}

/// Makes an account a member, or changes what a member may do.
#[utoipa::path(put, path = "/api/v1/accounts/{id}/members/{address}", tag = "members",
    params(("id" = u32, Path), ("address" = String, Path)), request_body = MemberRights,
    responses((status = 200, body = Members)))]
pub(crate) async fn set(
    State(room): State<Room>,
    caller: Caller,
    Named((id, address)): Named<(String, String)>,
    Body(wanted): Body<MemberRights>,
) -> Result<Tagged<Members>, Problem> {
    let id = filter::account_id(&id)?;
    let rights = Rights::parse(&wanted.rights).filter(|rights| !rights.is_empty());
    let rights = rights.ok_or_else(|| {
        let vi = "một hoặc nhiều chữ trong lrswipkxtea";
        Problem::invalid("rights", text(vi, "one or more letters of lrswipkxtea"))
    })?;
    let address = filter::address("member", &address)?;
    let done = room.ask(caller, move |room, access| {
        known_account(&room.directory, access, id)?;
        let member = room.directory.account_at(&address).map_err(|_| {
            let vi = "không có tài khoản này trong phạm vi của bạn";
            Problem::invalid("member", text(vi, "no such account in your scope"))
        })?;
        let share = room
            .directory
            .set_member(Some(access), id, member.id, rights, None);
        Ok(shown(&room.directory, acted(access, id, share)?))
    });
    done.await
}

/// Takes an account off the members, with all rights over single mailboxes that it was given besides.
#[utoipa::path(delete, path = "/api/v1/accounts/{id}/members/{address}", tag = "members",
    params(("id" = u32, Path), ("address" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove(
    State(room): State<Room>,
    caller: Caller,
    Named((id, address)): Named<(String, String)>,
    wanted: Match,
) -> Result<StatusCode, Problem> {
    let id = filter::account_id(&id)?;
    let address = filter::address("member", &address)?;
    let done = room.ask(caller, move |room, access| {
        known_account(&room.directory, access, id)?;
        let share = acted(access, id, room.directory.members(Some(access), id))?;
        let member = room.directory.account_at(&address)?;
        if share.given(Sharing::Account(member.id)).is_empty() {
            return Err(Problem::not_found());
        }
        let version = wanted.expected(share.version)?;
        let none = Rights::NONE;
        let done = room
            .directory
            .set_member(Some(access), id, member.id, none, version);
        Ok(acted(access, id, done).map(drop)?)
    });
    done.await?;
    Ok(StatusCode::NO_CONTENT)
}
