//! `/api/v1/accounts/{id}/members`: who may do what with the mail of a shared account or a resource.

use crate::body::{Body, Named};
use crate::caller::Caller;
use crate::problem::{Problem, expected};
use crate::roster::{self, Roster, rows};
use crate::router::Room;
use crate::version::{Match, Tagged};
use axum::extract::State;
use directory::{Access, AccountId, Directory, Error, Rights, Share, Sharing};
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
    /// Why: needed of who lets himself in (or `Audit-Reason`). The other members see it in `reads`.
    #[schema(example = "Trực thay văn thư tuần này")]
    reason: Option<String>,
}

impl Roster for Members {
    type Kept = Share;
    type Said = Rights;
    const FIELD: &'static str = "member";

    fn read(directory: &Directory, by: &Access, of: AccountId) -> Result<Share, Error> {
        directory.members(Some(by), of)
    }

    fn write(
        directory: &Directory,
        by: &Access,
        of: AccountId,
        who: AccountId,
        said: Option<Rights>,
        version: Option<u64>,
    ) -> Result<Share, Error> {
        let rights = said.unwrap_or(Rights::NONE);
        directory.set_member(Some(by), of, who, rights, version)
    }

    fn version(kept: &Share) -> u64 {
        kept.version
    }

    fn names(kept: &Share, who: AccountId) -> bool {
        !kept.given(Sharing::Account(who)).is_empty()
    }

    fn shown(directory: &Directory, kept: Share) -> Self {
        let version = kept.version;
        let entries = kept.entries.into_iter();
        let accounts = entries.filter_map(|(who, rights)| match who {
            Sharing::Account(id) => Some((id, rights)),
            _ => None,
        });
        let member = |account, address, rights: Rights| Member {
            account,
            address,
            rights: rights.to_string(),
        };
        let members = rows(directory, accounts, member);
        Self { members, version }
    }
}

/// Lists the members of an account.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/members", tag = "members",
    params(("id" = u32, Path)), responses((status = 200, body = Members)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Tagged<Members>, Problem> {
    roster::list(room, caller, &id).await
}

/// Makes an account a member, or changes what a member may do. Who lets himself in says why; it is told to the other
/// members, and takes two persons where `impersonate` does.
#[utoipa::path(put, path = "/api/v1/accounts/{id}/members/{address}", tag = "members",
    params(("id" = u32, Path), ("address" = String, Path)), request_body = MemberRights,
    responses((status = 200, body = Members)))]
pub(crate) async fn set(
    State(room): State<Room>,
    caller: Caller,
    Named((id, address)): Named<(String, String)>,
    held: Match,
    Body(wanted): Body<MemberRights>,
) -> Result<Tagged<Members>, Problem> {
    let caller = caller.because(wanted.reason.as_deref())?;
    let rights = Rights::parse(&wanted.rights).filter(|rights| !rights.is_empty());
    let rights = rights.ok_or_else(|| {
        let vi = "một hoặc nhiều chữ trong lrswipkxtea";
        Problem::invalid("rights", expected(vi, "one or more letters of lrswipkxtea"))
    })?;
    roster::set(room, caller, (&id, &address), rights, held).await
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
    roster::remove::<Members>(room, caller, (&id, &address), wanted).await
}
