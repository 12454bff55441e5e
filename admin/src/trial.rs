//! `?dry_run=true` on whatever changes something: what it would do, or the refusal that it would meet, and nothing done.
//!
//! The directory stops such a request at its commit (`directory::Trial`), so no operation knows of it. Imports and undoing
//! a job have dry runs of their own, which look at each row.

use crate::parameters::pairs;
use crate::problem::{Kind, Problem, expected, text};
use axum::Json;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use directory::{Access, Trial, Tried};
use http::{Method, Uri};
use serde::Serialize;
use utoipa::ToSchema;

/// The parameter of the query.
pub(crate) const DRY_RUN: &str = "dry_run";

/// What a request would do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DryRun {
    /// Always true.
    dry_run: bool,
    /// It would wait for a second person.
    takes_two: bool,
    /// What the audit log would tell, in order; empty: it is so already.
    changes: Vec<WouldDo>,
}

/// One act that would be done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WouldDo {
    /// As in the audit log.
    #[schema(example = "account.change")]
    act: &'static str,
    #[schema(example = "annv@tinhmau.gov.vn")]
    object: String,
    /// As there: of a change each field with what it was and what it would be.
    #[schema(value_type = Object)]
    detail: serde_json::Value,
}

impl From<Tried> for WouldDo {
    fn from(tried: Tried) -> Self {
        Self {
            act: tried.act,
            object: tried.object,
            detail: tried.detail,
        }
    }
}

/// Whether an operation can be tried here: it changes something, and has no dry run of its own.
pub(crate) fn offered(method: &Method, path: &str) -> bool {
    let own = path.starts_with("/api/v1/imports/")
        || (path.starts_with("/api/v1/jobs/") && path.ends_with("/undo"));
    let reads = [Method::GET, Method::HEAD].contains(method);
    !own && !reads
}

/// Tries a request that asks for it; lets others pass.
pub(crate) async fn tried(mut request: Request, next: Next) -> Response {
    if !offered(request.method(), request.uri().path()) {
        return next.run(request).await;
    }
    match without(request.uri()) {
        Ok((_, false)) => return next.run(request).await,
        Ok((uri, true)) => *request.uri_mut() = uri,
        Err(problem) => return problem.into_response(),
    }
    let trial = Trial::default();
    if let Some(access) = request.extensions_mut().remove::<Access>() {
        request.extensions_mut().insert(access.on_trial(&trial));
    }
    // Nothing was done that the same key could be answered with.
    request.headers_mut().remove("idempotency-key");
    let answer = next.run(request).await;
    let changes = match trial.ended() {
        Some(changes) => changes,
        // It waits for a second person already: a success that is none.
        None if answer.extensions().get::<Problem>().is_some() => return answer,
        None if answer.status().is_success() => Vec::new(),
        None => return answer,
    };
    Json(DryRun {
        dry_run: true,
        takes_two: changes.iter().any(|tried| tried.act == "approval.ask"),
        changes: changes.into_iter().map(Into::into).collect(),
    })
    .into_response()
}

/// What a query says of a dry run. Errors: 400 where that is neither true nor false.
pub(crate) fn says(uri: &Uri) -> Result<Option<bool>, Problem> {
    let all = pairs(uri)?;
    let said = all.iter().find(|(_, name, _)| name == DRY_RUN);
    match said.map(|(_, _, value)| value.as_str()) {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(wrong()),
    }
}

fn wrong() -> Problem {
    Problem::malformed(DRY_RUN, expected("true hoặc false", "true or false"))
}

/// The address without the parameter, and what it says. Errors: as `says`.
fn without(uri: &Uri) -> Result<(Uri, bool), Problem> {
    let Some(value) = says(uri)? else {
        return Ok((uri.clone(), false));
    };
    let all = pairs(uri)?;
    let rest = all.iter().filter(|(_, name, _)| name != DRY_RUN);
    let rest: Vec<&str> = rest.map(|(pair, _, _)| *pair).collect();
    let address = match rest.as_slice() {
        [] => uri.path().to_owned(),
        rest => format!("{}?{}", uri.path(), rest.join("&")),
    };
    Ok((address.parse().map_err(|_| wrong())?, value))
}

/// What is told where a dry run was stopped by the directory; the layer above answers in its place.
pub(crate) fn stopped() -> Problem {
    Problem::new(
        Kind::Malformed,
        text("Đây là chạy thử.", "This is a dry run."),
    )
}
