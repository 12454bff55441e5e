//! `/api/v1/accounts/{id}/credentials`: password, app passwords and tokens of an account.
//!
//! A secret is in an answer once, at its creation; lists and reads never have it.

use crate::body::{Body, Named};
use crate::caller::Caller;
use crate::filter;
use crate::once::BearsSecret;
use crate::page::Page;
use crate::problem::{Problem, expected, text};
use crate::router::Room;
use crate::sight::{acted, known_account};
use crate::tokens::TokenOpens;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use directory::{CredentialId, Secret};
use formats::date;
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Octets of a password.
const PASSWORD_MAX: usize = 1024;

/// What kind of proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CredentialKind {
    /// The account's one password; set by PUT.
    Password,
    /// For one mail program or device.
    AppPassword,
    /// Bearer token of this API.
    Token,
    /// Told in a letter; good for nothing but choosing a password of one's own on the sign-in page.
    FirstPassword,
    /// Of an app that shows codes for the sign-in page, where its owner sets it; withdrawing it is for who lost the app.
    SecondFactor,
}

/// A credential without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Credential {
    id: u64,
    kind: CredentialKind,
    #[schema(example = "Điện thoại của tôi")]
    label: String,
    /// RFC 3339, UTC.
    created_at: String,
    /// RFC 3339, UTC; null: never.
    expires_at: Option<String>,
    /// RFC 3339, UTC; null: not yet.
    last_used_at: Option<String>,
    /// Of a token: what it opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    opens: Option<TokenOpens>,
}

/// A credential with its secret, shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreatedCredential {
    #[serde(flatten)]
    pub(crate) credential: Credential,
    /// Keep it: it is never shown again.
    pub(crate) secret: String,
}

/// An app password, token or first password to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCredential {
    /// `app_password`, `token`, or `first_password`, which takes the place of the password.
    kind: CredentialKind,
    #[schema(example = "Điện thoại của tôi")]
    label: String,
    /// RFC 3339.
    #[schema(example = "2027-12-31T00:00:00Z")]
    expires_at: Option<String>,
    /// The password that one has now: asked of who makes it for himself in the browser, and of nobody else.
    current: Option<String>,
    /// Why: needed for an app password of another's account, and any secret of a shared one (or `Audit-Reason`).
    #[schema(example = "Máy quét tầng 2")]
    reason: Option<String>,
}

/// A password to set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    password: String,
    /// The password that one has now: asked of who sets his own in the browser, and of nobody else.
    current: Option<String>,
    /// Why: needed for a shared account's (or `Audit-Reason`).
    reason: Option<String>,
}

impl From<directory::CredentialKind> for CredentialKind {
    fn from(kind: directory::CredentialKind) -> Self {
        match kind {
            directory::CredentialKind::Password => Self::Password,
            directory::CredentialKind::AppPassword => Self::AppPassword,
            directory::CredentialKind::Token => Self::Token,
            directory::CredentialKind::FirstPassword => Self::FirstPassword,
            directory::CredentialKind::SecondFactor => Self::SecondFactor,
        }
    }
}

impl From<directory::Credential> for Credential {
    fn from(row: directory::Credential) -> Self {
        Self {
            id: row.id.0,
            kind: row.kind.into(),
            label: row.label,
            created_at: date::utc(row.created_at),
            expires_at: row.expires_at.map(date::utc),
            last_used_at: row.last_used_at.map(date::utc),
            opens: row.opens.map(Into::into),
        }
    }
}

/// 201 with a secret in it: remembered for a short while only (`once`).
pub(crate) fn created(body: impl Serialize, place: &str) -> Response {
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    response.extensions_mut().insert(BearsSecret);
    if let Ok(place) = HeaderValue::from_str(place) {
        response.headers_mut().insert(LOCATION, place);
    }
    response
}

/// A password as it was typed. Errors: 422.
fn bounded(field: &str, typed: String) -> Result<Secret, Problem> {
    match typed.len() <= PASSWORD_MAX {
        true => Ok(Secret::new(typed)),
        false => Err(Problem::invalid(
            field,
            text(
                format!("nhiều nhất {PASSWORD_MAX} byte"),
                format!("at most {PASSWORD_MAX} octets"),
            ),
        )),
    }
}

/// The password that who asks has now, where he says it. Errors: 422.
pub(crate) fn present(current: Option<String>) -> Result<Option<Secret>, Problem> {
    current.map(|typed| bounded("current", typed)).transpose()
}

/// When it ends. Errors: 422.
pub(crate) fn expiry(value: Option<&str>) -> Result<Option<i64>, Problem> {
    value
        .map(|text| filter::instant("expires_at", text))
        .transpose()
}

/// Lists the credentials of an account.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/credentials", tag = "credentials",
    params(("id" = u32, Path)), responses((status = 200, body = Page<Credential>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Json<Page<Credential>>, Problem> {
    let id = filter::account_id(&id)?;
    let rows = room.ask(caller, move |room, access| {
        known_account(&room.directory, access, id)?;
        Ok(room.directory.credentials(Some(access), id)?)
    });
    Ok(Json(Page {
        items: rows.await?.into_iter().map(Into::into).collect(),
        cursor: None,
    }))
}

/// Makes an app password, token or first password; the answer has its secret, once. An app password of another's account
/// needs a reason and takes two persons where `impersonate` does; its owner sees every secret made for him in `reads`. One for
/// oneself, in the browser, takes the present password (`current`).
#[utoipa::path(post, path = "/api/v1/accounts/{id}/credentials", tag = "credentials",
    params(("id" = u32, Path)), request_body = NewCredential,
    responses((status = 201, body = CreatedCredential)))]
pub(crate) async fn create(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    Body(new): Body<NewCredential>,
) -> Result<Response, Problem> {
    let id = filter::account_id(&id)?;
    let kind = match new.kind {
        CredentialKind::AppPassword => directory::CredentialKind::AppPassword,
        CredentialKind::Token => directory::CredentialKind::Token,
        CredentialKind::FirstPassword => directory::CredentialKind::FirstPassword,
        CredentialKind::Password | CredentialKind::SecondFactor => {
            return Err(Problem::invalid(
                "kind",
                expected(
                    "app_password, token hoặc first_password; mật khẩu chính đặt bằng PUT …/credentials/password, xác minh hai bước do người dùng tự đặt ở trang đăng nhập",
                    "app_password, token or first_password; the password is set by PUT …/credentials/password, a second factor by its owner on the sign-in page",
                ),
            ));
        }
    };
    let expires_at = expiry(new.expires_at.as_deref())?;
    let caller = caller.because(new.reason.as_deref())?;
    let current = present(new.current)?;
    let made = room.ask(caller, move |room, access| {
        known_account(&room.directory, access, id)?;
        let by = room.directory.unlocked(access, id, current.as_ref())?;
        let by = Some(&by);
        let made = room
            .directory
            .create_credential(by, id, kind, &new.label, expires_at);
        Ok(acted(access, id, made)?)
    });
    let (row, secret) = made.await?;
    let place = format!("/api/v1/accounts/{id}/credentials/{}", row.id.0);
    let body = CreatedCredential {
        credential: row.into(),
        secret: secret.expose().to_owned(),
    };
    Ok(created(body, &place))
}

/// Sets the password of an account. Who sets his own in the browser says the present one (`current`): a wrong one counts as a
/// failed sign-in and is in the audit log; all his browsers are signed out by it, this one too.
#[utoipa::path(put, path = "/api/v1/accounts/{id}/credentials/password", tag = "credentials",
    params(("id" = u32, Path)), request_body = NewPassword,
    responses((status = 200, body = Credential)))]
pub(crate) async fn set_password(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    Body(new): Body<NewPassword>,
) -> Result<Json<Credential>, Problem> {
    let id = filter::account_id(&id)?;
    let secret = bounded("password", new.password)?;
    let caller = caller.because(new.reason.as_deref())?;
    let current = present(new.current)?;
    let set = room.ask(caller, move |room, access| {
        known_account(&room.directory, access, id)?;
        let by = room.directory.unlocked(access, id, current.as_ref())?;
        let set = room.directory.set_password(Some(&by), id, &secret);
        let credential = acted(access, id, set)?;
        let rows = room.directory.credentials(Some(access), id)?;
        rows.into_iter()
            .find(|row| row.id == credential)
            .ok_or_else(Problem::not_found)
    });
    Ok(Json(set.await?.into()))
}

/// Reads one credential.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/credentials/{credential}", tag = "credentials",
    params(("id" = u32, Path), ("credential" = u64, Path)),
    responses((status = 200, body = Credential)))]
pub(crate) async fn read(
    State(room): State<Room>,
    caller: Caller,
    Named((id, credential)): Named<(String, u64)>,
) -> Result<Json<Credential>, Problem> {
    let id = filter::account_id(&id)?;
    let found = room.ask(caller, move |room, access| {
        known_account(&room.directory, access, id)?;
        let rows = room.directory.credentials(Some(access), id)?;
        rows.into_iter()
            .find(|row| row.id.0 == credential)
            .ok_or_else(Problem::not_found)
    });
    Ok(Json(found.await?.into()))
}

/// Withdraws a credential; sign-ins through it end at once.
#[utoipa::path(delete, path = "/api/v1/accounts/{id}/credentials/{credential}", tag = "credentials",
    params(("id" = u32, Path), ("credential" = u64, Path)), responses((status = 204)))]
pub(crate) async fn delete(
    State(room): State<Room>,
    caller: Caller,
    Named((id, credential)): Named<(String, u64)>,
) -> Result<StatusCode, Problem> {
    let id = filter::account_id(&id)?;
    let gone = room.ask(caller, move |room, access| {
        known_account(&room.directory, access, id)?;
        Ok(room
            .directory
            .delete_credential(Some(access), id, CredentialId(credential))?)
    });
    gone.await?;
    Ok(StatusCode::NO_CONTENT)
}
