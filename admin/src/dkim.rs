//! `/api/v1/domains/{name}/dkim`: the keys that sign a domain's mail. Private keys are never told.

use crate::Said;
use crate::body::{Asked, Body, Named};
use crate::caller::Caller;
use crate::domains::visible;
use crate::page::Page;
use crate::problem::{Kind, Problem, text};
use crate::router::Room;
use axum::Json;
use axum::extract::State;
use directory::DkimState;
use formats::date;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Standing {
    New,
    Signing,
    Retiring,
}

/// One key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DkimKey {
    #[schema(example = "cv202611r")]
    selector: String,
    /// `rsa-sha256` or `ed25519-sha256`.
    algorithm: &'static str,
    /// `new`: publish its record, then activate it. `signing`. `retiring`: it signs no more; keep its record
    /// until `until`.
    #[schema(inline)]
    state: Standing,
    /// RFC 3339, UTC.
    made_at: String,
    /// Of a retiring key, RFC 3339, UTC.
    until: Option<String>,
    /// Where its TXT record is to stand.
    #[schema(example = "cv202611r._domainkey.tinhmau.gov.vn")]
    record_name: String,
    /// What its TXT record is to say.
    record: String,
    /// Both as a zone file writes them.
    zone_line: String,
    /// Whether DNS shows its record; null when it was not asked, or gave no answer.
    published: Option<bool>,
}

/// What to tell of the keys.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct KeysAsked {
    /// Asks DNS for their records too.
    #[serde(default)]
    dns: bool,
    /// As of all lists; a domain has few keys, and all are told.
    #[serde(rename = "limit")]
    _limit: Option<i64>,
}

/// How to activate.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Activation {
    /// Even if the records are not seen in DNS.
    #[serde(default)]
    force: bool,
}

impl From<directory::DkimKey> for DkimKey {
    fn from(key: directory::DkimKey) -> Self {
        let (state, until) = match key.state {
            DkimState::New => (Standing::New, None),
            DkimState::Signing => (Standing::Signing, None),
            DkimState::Retiring { until } => (Standing::Retiring, Some(date::utc(until))),
        };
        Self {
            algorithm: key.algorithm.name(),
            state,
            made_at: date::utc(key.made_at),
            until,
            record_name: key.record_name(),
            record: key.record(),
            zone_line: key.zone_line(),
            published: None,
            selector: key.selector,
        }
    }
}

fn page(keys: Vec<directory::DkimKey>) -> Json<Page<DkimKey>> {
    Json(Page::new(keys.into_iter().map(Into::into).collect(), None))
}

/// Lists the keys of a domain with their DNS records.
#[utoipa::path(get, path = "/api/v1/domains/{name}/dkim", tag = "dkim",
    params(("name" = String, Path), KeysAsked), responses((status = 200, body = Page<DkimKey>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Named(name): Named<String>,
    Asked(asked): Asked<KeysAsked>,
) -> Result<Json<Page<DkimKey>>, Problem> {
    let found = room.ask(caller, move |room, access| {
        let row = visible(&room.directory, access, &name)?;
        let keys = room.directory.dkim_keys(Some(access), &row.name)?;
        // After one question without an answer the others are not asked: somebody waits.
        let mut answers = asked.dns;
        let shown = keys.into_iter().map(|key| {
            let published = answers.then(|| is_published(room, &key)).transpose();
            answers &= published.is_ok();
            DkimKey {
                published: published.ok().flatten(),
                ..key.into()
            }
        });
        Ok(Page::new(shown.collect(), None))
    });
    Ok(Json(found.await?))
}

/// Makes new keys: the first ones of a domain sign at once, others when they are activated.
#[utoipa::path(post, path = "/api/v1/domains/{name}/dkim", tag = "dkim", params(("name" = String, Path)),
    responses((status = 201, body = Page<DkimKey>)))]
pub(crate) async fn create(
    State(room): State<Room>,
    caller: Caller,
    Named(name): Named<String>,
) -> Result<(StatusCode, Json<Page<DkimKey>>), Problem> {
    let made = room.ask(caller, move |room, access| {
        let row = visible(&room.directory, access, &name)?;
        let (directory, by) = (&room.directory, Some(access));
        Ok(if directory.dkim_keys(by, &row.name)?.is_empty() {
            directory.make_first_dkim_keys(by, &row.name)?
        } else {
            directory.renew_dkim(by, &row.name)?
        })
    });
    Ok((StatusCode::CREATED, page(made.await?)))
}

/// The new keys sign from now on, those that signed retire. Refused while DNS does not show the new records.
#[utoipa::path(post, path = "/api/v1/domains/{name}/dkim/activate", tag = "dkim",
    params(("name" = String, Path)), request_body = Activation,
    responses((status = 200, body = Page<DkimKey>)))]
pub(crate) async fn activate(
    State(room): State<Room>,
    caller: Caller,
    Named(name): Named<String>,
    Body(how): Body<Activation>,
) -> Result<Json<Page<DkimKey>>, Problem> {
    let done = room.ask(caller, move |room, access| {
        let row = visible(&room.directory, access, &name)?;
        let (directory, by) = (&room.directory, Some(access));
        if !how.force {
            directory.may_manage_domain(by, &row.name)?;
            let keys = directory.dkim_keys(by, &row.name)?;
            let new = keys.iter().filter(|key| key.state == DkimState::New);
            for key in new {
                published(room, key)?;
            }
        }
        Ok(directory.activate_dkim(by, &row.name)?)
    });
    Ok(page(done.await?))
}

/// Forgets a key that does not sign; its record may leave DNS.
#[utoipa::path(delete, path = "/api/v1/domains/{name}/dkim/{selector}", tag = "dkim",
    params(("name" = String, Path), ("selector" = String, Path)), responses((status = 204)))]
pub(crate) async fn delete(
    State(room): State<Room>,
    caller: Caller,
    Named((name, selector)): Named<(String, String)>,
) -> Result<StatusCode, Problem> {
    let gone = room.ask(caller, move |room, access| {
        let row = visible(&room.directory, access, &name)?;
        let (directory, by) = (&room.directory, Some(access));
        Ok(directory.delete_dkim_key(by, &row.name, &selector)?)
    });
    gone.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether DNS shows this key's record. Errors: it cannot be asked.
fn is_published(room: &Room, key: &directory::DkimKey) -> Result<bool, Said> {
    let found = room.premises.text_records(&key.record_name())?;
    Ok(found.iter().any(|text| key.is_published_by(text)))
}

/// Others could not verify a signature whose key is not in DNS. Errors: it is not there, or DNS cannot be asked.
fn published(room: &Room, key: &directory::DkimKey) -> Result<(), Problem> {
    let name = key.record_name();
    match is_published(room, key) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Problem::new(
            Kind::Impossible,
            text(
                format!(
                    "DNS chưa có bản ghi TXT {name} với khoá này; hãy công bố rồi thử lại, hoặc dùng `force`."
                ),
                format!(
                    "DNS has no TXT record {name} with this key; publish it and try again, or use `force`."
                ),
            ),
        )),
        Err(said) => Err(Problem::new(Kind::Impossible, said.into())),
    }
}
