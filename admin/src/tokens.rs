//! `/api/v1/tokens`: bearer tokens of this API and of JMAP, one's own or those of an account one administers.

use crate::body::{Asked, Body, Named};
use crate::caller::Caller;
use crate::credentials::{created, expiry, present};
use crate::page::Page;
use crate::problem::Problem;
use crate::router::Room;
use crate::sight::{acted, known_account, named_account};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use directory::{Access, AccountId, Credential, CredentialId, CredentialKind, Directory};
use formats::date;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What a token opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TokenOpens {
    /// Mail (JMAP), and this API as far as the account's grants reach.
    All,
    /// Mail alone.
    Mail,
    /// This API alone.
    Administration,
}

impl From<directory::Opens> for TokenOpens {
    fn from(opens: directory::Opens) -> Self {
        match opens {
            directory::Opens::All => Self::All,
            directory::Opens::Mail => Self::Mail,
            directory::Opens::Administration => Self::Administration,
        }
    }
}

impl From<TokenOpens> for directory::Opens {
    fn from(opens: TokenOpens) -> Self {
        match opens {
            TokenOpens::All => Self::All,
            TokenOpens::Mail => Self::Mail,
            TokenOpens::Administration => Self::Administration,
        }
    }
}

/// A token without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Token {
    /// Account and credential, e.g. `12-3`.
    #[schema(example = "12-3")]
    id: String,
    /// Whose rights it carries.
    account: u32,
    label: String,
    opens: TokenOpens,
    /// RFC 3339, UTC.
    created_at: String,
    /// RFC 3339, UTC; null: never.
    expires_at: Option<String>,
    /// RFC 3339, UTC; null: not yet.
    last_used_at: Option<String>,
}

/// A token with its secret, shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreatedToken {
    #[serde(flatten)]
    token: Token,
    /// Keep it: it is never shown again.
    secret: String,
}

/// A token to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// Whose; one's own when left out.
    account: Option<u32>,
    #[schema(example = "Đồng bộ nhân sự")]
    label: String,
    /// As much as the account may when left out. Somebody else's opens no mail, one's own administration only where one has
    /// a grant.
    opens: Option<TokenOpens>,
    /// RFC 3339. When left out: never, where one may manage the account's tokens; else after 90 days (366 at most).
    #[schema(example = "2027-12-31T00:00:00Z")]
    expires_at: Option<String>,
    /// The password that one has now: asked of who makes it for himself in the browser, and of nobody else.
    current: Option<String>,
}

/// Which tokens.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TokenFilter {
    /// Whose; one's own when left out.
    account: Option<u32>,
}

fn shown(account: AccountId, row: Credential) -> Token {
    Token {
        id: format!("{account}-{}", row.id.0),
        account: account.raw(),
        label: row.label,
        opens: row.opens.unwrap_or(directory::Opens::Administration).into(),
        created_at: date::utc(row.created_at),
        expires_at: row.expires_at.map(date::utc),
        last_used_at: row.last_used_at.map(date::utc),
    }
}

/// `12-3` as account and credential. Errors: 404.
fn parse(id: &str) -> Result<(AccountId, CredentialId), Problem> {
    let parts = id.split_once('-').and_then(|(account, credential)| {
        Some((
            AccountId::new(account.parse().ok()?)?,
            CredentialId(credential.parse().ok()?),
        ))
    });
    parts.ok_or_else(Problem::not_found)
}

/// The account whose tokens are meant. Errors: 422.
fn owner(directory: &Directory, access: &Access, raw: Option<u32>) -> Result<AccountId, Problem> {
    raw.map_or(Ok(access.account()), |raw| {
        Ok(named_account(directory, access, raw)?.id)
    })
}

/// The token, when there is one to see. Errors: 404.
fn visible(
    directory: &Directory,
    access: &Access,
    account: AccountId,
    id: CredentialId,
) -> Result<Credential, Problem> {
    known_account(directory, access, account)?;
    let rows = directory.credentials(Some(access), account)?;
    rows.into_iter()
        .find(|row| row.id == id && row.kind == CredentialKind::Token)
        .ok_or_else(Problem::not_found)
}

/// Lists tokens.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "tokens", params(TokenFilter),
    responses((status = 200, body = Page<Token>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Asked(filter): Asked<TokenFilter>,
) -> Result<Json<Page<Token>>, Problem> {
    let rows = room.ask(caller, move |room, access| {
        let account = owner(&room.directory, access, filter.account)?;
        let rows = room.directory.credentials(Some(access), account)?;
        let tokens = rows
            .into_iter()
            .filter(|row| row.kind == CredentialKind::Token);
        Ok(tokens.map(|row| shown(account, row)).collect())
    });
    Ok(Json(Page {
        items: rows.await?,
        cursor: None,
    }))
}

/// Makes a token, for oneself or for an account whose tokens one manages; the answer has its secret, once. For oneself, in the
/// browser, it takes the present password (`current`).
#[utoipa::path(post, path = "/api/v1/tokens", tag = "tokens", request_body = NewToken,
    responses((status = 201, body = CreatedToken)))]
pub(crate) async fn create(
    State(room): State<Room>,
    caller: Caller,
    Body(new): Body<NewToken>,
) -> Result<Response, Problem> {
    let expires_at = expiry(new.expires_at.as_deref())?;
    let current = present(new.current)?;
    let made = room.ask(caller, move |room, access| {
        let account = owner(&room.directory, access, new.account)?;
        let opens = new.opens.map(Into::into);
        let by = room.directory.unlocked(access, account, current.as_ref())?;
        let made = room
            .directory
            .create_token(Some(&by), account, &new.label, opens, expires_at);
        Ok((account, acted(access, account, made)?))
    });
    let (account, (row, secret)) = made.await?;
    let token = shown(account, row);
    let place = format!("/api/v1/tokens/{}", token.id);
    Ok(created(
        CreatedToken {
            token,
            secret: secret.expose().to_owned(),
        },
        &place,
    ))
}

/// Reads one token.
#[utoipa::path(get, path = "/api/v1/tokens/{id}", tag = "tokens", params(("id" = String, Path)),
    responses((status = 200, body = Token)))]
pub(crate) async fn read(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Json<Token>, Problem> {
    let (account, id) = parse(&id)?;
    let found = room.ask(caller, move |room, access| {
        visible(&room.directory, access, account, id)
    });
    Ok(Json(shown(account, found.await?)))
}

/// Withdraws a token; requests with it are refused at once.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "tokens", params(("id" = String, Path)),
    responses((status = 204)))]
pub(crate) async fn delete(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<StatusCode, Problem> {
    let (account, id) = parse(&id)?;
    let gone = room.ask(caller, move |room, access| {
        visible(&room.directory, access, account, id)?;
        Ok(room
            .directory
            .delete_credential(Some(access), account, id)?)
    });
    gone.await?;
    Ok(StatusCode::NO_CONTENT)
}
