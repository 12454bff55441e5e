//! Which query parameters each operation takes, and whether it takes a body: what the OpenAPI document says, in force.
//!
//! Whatever else a request names is refused before anything is done: a misspelt `dry_run` would do in earnest what was only to
//! be tried. An operation that is in the document is in this table, so none can be forgotten.

use crate::body::too_large;
use crate::decoder::plain;
use crate::problem::{Kind, Problem, text};
use crate::{BODY_MAX, openapi};
use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Query, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{Method, Uri};
use std::collections::HashMap;
use std::sync::Arc;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};

/// What one operation takes.
#[derive(Debug, Default)]
struct Taken {
    /// Names of query parameters, in the order of the document.
    query: Vec<String>,
    body: bool,
}

/// What each operation takes, by method and path.
#[derive(Debug)]
pub(crate) struct Parameters(HashMap<(Method, String), Taken>);

impl Parameters {
    /// As the document says.
    pub(crate) fn documented() -> Self {
        let mut all = HashMap::new();
        for (path, item) in openapi::tree().paths.paths {
            for (method, operation) in operations(item) {
                all.insert((method, path.clone()), Taken::by(&operation));
            }
        }
        Self(all)
    }

    /// `None`: there is no such operation, which is told elsewhere.
    fn of(&self, method: &Method, path: &str) -> Option<&Taken> {
        // RFC 9110 §9.3.2: HEAD is GET without the content.
        let method = match *method {
            Method::HEAD => Method::GET,
            ref other => other.clone(),
        };
        self.0.get(&(method, path.to_owned()))
    }
}

fn operations(item: PathItem) -> impl Iterator<Item = (Method, Operation)> {
    let each = [
        (Method::GET, item.get),
        (Method::POST, item.post),
        (Method::PUT, item.put),
        (Method::PATCH, item.patch),
        (Method::DELETE, item.delete),
    ];
    each.into_iter()
        .filter_map(|(method, operation)| Some((method, operation?)))
}

impl Taken {
    fn by(operation: &Operation) -> Self {
        let all = operation.parameters.iter().flatten();
        let query = all.filter(|one| matches!(one.parameter_in, ParameterIn::Query));
        Self {
            query: query.map(|one| one.name.clone()).collect(),
            body: operation.request_body.is_some(),
        }
    }

    /// Errors: 400, for the first that it does not take, or takes once.
    fn check(&self, uri: &Uri) -> Result<(), Problem> {
        let mut seen: Vec<String> = Vec::new();
        for (_, name, _) in pairs(uri)? {
            if !self.query.contains(&name) {
                return Err(unknown(&name, &self.query));
            }
            if seen.contains(&name) {
                let once = text("chỉ được nêu một lần", "it may be given once");
                return Err(Problem::malformed(&name, once));
            }
            seen.push(name);
        }
        Ok(())
    }
}

/// The pairs of a query, each as it stands there and as the name and the value that it means. Errors: 400.
pub(crate) fn pairs(uri: &Uri) -> Result<Vec<(&str, String, String)>, Problem> {
    let Ok(Query(meant)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
        return Err(Problem::new(
            Kind::Malformed,
            text(
                "Không đọc được phần sau dấu ? của địa chỉ.",
                "The query could not be read.",
            ),
        ));
    };
    let stands = uri.query().unwrap_or_default().split('&');
    let stands = stands.filter(|pair| !pair.is_empty());
    let both = stands.zip(meant);
    Ok(both
        .map(|(pair, (name, value))| (pair, name, value))
        .collect())
}

/// Refuses a request that names what its operation does not take; lets others pass.
pub(crate) async fn known(
    State(parameters): State<Arc<Parameters>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let taken = path.and_then(|path| parameters.of(request.method(), path.as_str()));
    let Some(taken) = taken else {
        return next.run(request).await;
    };
    if let Err(problem) = taken.check(request.uri()) {
        return problem.into_response();
    }
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    if taken.body || reads {
        return next.run(request).await;
    }
    match bare(request).await {
        Ok(request) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// The request of an operation without a body: nobody would look at what is in one. Errors: 413, 422.
async fn bare(request: Request) -> Result<Request, Problem> {
    let (parts, content) = request.into_parts();
    let content = to_bytes(content, BODY_MAX).await.map_err(|_| too_large())?;
    let letters: Vec<u8> = content
        .iter()
        .copied()
        .filter(|c| !c.is_ascii_whitespace())
        .collect();
    match letters.as_slice() {
        b"" | b"{}" => Ok(Request::from_parts(parts, Body::from(content))),
        _ => Err(needless(&content)),
    }
}

/// What is told of a body where none is taken: of its first field, where it has one.
fn needless(content: &[u8]) -> Problem {
    let vi = "thao tác này không nhận nội dung nào; tham số của nó ở sau dấu ? của địa chỉ";
    let en = "this operation takes no body; what it takes stands in the query";
    let fields = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(content);
    let first = fields.ok().and_then(|fields| fields.into_iter().next());
    match first {
        Some((name, _)) => Problem::invalid(&plain(&name), text(vi, en)),
        None => Problem::new(
            Kind::Invalid,
            text(
                "Thao tác này không nhận nội dung nào; tham số của nó ở sau dấu ? của địa chỉ.",
                "This operation takes no body; what it takes stands in the query.",
            ),
        ),
    }
}

/// The operation has no such parameter.
fn unknown(name: &str, known: &[String]) -> Problem {
    let name = plain(name);
    let (vi, en) = match known {
        [] => (
            "không có tham số này; thao tác này không nhận tham số nào".to_owned(),
            "there is no such parameter; this operation takes none".to_owned(),
        ),
        known => {
            let known = known.join(", ");
            (
                format!("không có tham số này; thao tác này nhận: {known}"),
                format!("there is no such parameter; this operation takes: {known}"),
            )
        }
    };
    Problem::unknown_parameter(&name, text(vi, en))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_as_they_are_meant() {
        let delete = Parameters::documented();
        let path = "/api/v1/accounts/{id}";
        let taken = delete.of(&Method::DELETE, path).unwrap();
        let check = |query: &str, status: Option<u16>| {
            let uri = format!("/api/v1/accounts/1?{query}").parse().unwrap();
            let refused = taken.check(&uri).err();
            let told = refused.map(|problem| problem.status().as_u16());
            assert_eq!(told, status, "{query}");
        };
        check("", None);
        check("&", None);
        check("dry_run=true", None);
        check("dry%5Frun=true", None);
        for query in [
            "dryrun=true",
            "Dry_Run=true",
            "dry_run=true&dry_run=false",
            "x",
            "=",
            "limit=1",
        ] {
            check(query, Some(400));
        }
        assert!(delete.of(&Method::HEAD, path).is_some());
        assert!(delete.of(&Method::POST, path).is_none());
    }
}
