//! Who asks: the Access that the server's sign-in layer put into the request.

use crate::problem::{Kind, Problem, expected, text};
use axum::extract::{FromRequestParts, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use directory::{Access, REASON_MAX, Through};
use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, Method, Uri};

/// Lets in only requests of somebody signed in by bearer token or console session.
pub(crate) async fn admit(mut request: Request, next: Next) -> Response {
    let access = request
        .extensions_mut()
        .remove::<Access>()
        .filter(Access::stands);
    let Some(access) = access else {
        return unauthenticated().into_response();
    };
    match access.through() {
        Through::Token(_) => {}
        Through::Session => {
            if let Err(problem) = same_origin(request.method(), request.uri(), request.headers()) {
                return problem.into_response();
            }
        }
        // A mail program's secret must not be able to administer.
        Through::Password(_)
        | Through::AppPassword(_)
        | Through::FirstPassword(_)
        | Through::Impersonation(_)
        | Through::Job(_) => {
            return unauthenticated().into_response();
        }
    }
    let access = match crate::why::said(access, request.headers()) {
        Ok(access) => access,
        Err(problem) => return problem.into_response(),
    };
    request.extensions_mut().insert(access);
    next.run(request).await
}

/// A browser sends its cookie along with forms of other sites; those have another Origin, and
/// cannot send application/json without asking first.
fn same_origin(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    if [Method::GET, Method::HEAD].contains(method) {
        return Ok(());
    }
    let origin = headers.get(ORIGIN).and_then(|v| v.to_str().ok());
    let site = origin
        .and_then(|o| o.split_once("://"))
        .map(|(_, site)| site);
    let host = headers
        .get(HOST)
        .and_then(|v| v.to_str().ok())
        .or_else(|| uri.authority().map(http::uri::Authority::as_str));
    match (site, host) {
        (Some(site), Some(host)) if site.eq_ignore_ascii_case(host) => {}
        _ => {
            return Err(Problem::new(
                Kind::CrossOrigin,
                text(
                    "Yêu cầu thay đổi phải đến từ chính trang quản trị (Origin).",
                    "A change must come from the console itself (Origin).",
                ),
            ));
        }
    }
    // DELETE has no body, hence no type; the Origin alone vouches for it.
    if crate::body::is_json(headers)
        || crate::imports::is_table(headers)
        || (*method == Method::DELETE && !headers.contains_key(CONTENT_TYPE))
    {
        return Ok(());
    }
    Err(crate::body::not_json())
}

fn unauthenticated() -> Problem {
    Problem::new(
        Kind::Unauthenticated,
        text(
            "Cần mã truy cập (Authorization: Bearer …) hoặc phiên đăng nhập của trang quản trị.",
            "A bearer token (Authorization: Bearer …) or a console session is needed.",
        ),
    )
}

/// The one who asks, as an argument of each operation.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Access);

impl Caller {
    /// The same with the reason that a body brings, where it has one: it goes before that of the head. Errors: 422.
    pub(crate) fn because(self, reason: Option<&str>) -> Result<Self, Problem> {
        let Some(reason) = reason else {
            return Ok(self);
        };
        let said = self.0.because(reason);
        said.map(Self).map_err(|_| {
            Problem::invalid(
                "reason",
                expected(
                    format!("1 đến {REASON_MAX} ký tự trên một dòng"),
                    format!("1 to {REASON_MAX} characters on one line"),
                ),
            )
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<Access>()
            .cloned()
            .map(Self)
            .ok_or_else(unauthenticated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: Method, fields: &[(&'static str, &str)], expected: bool) {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.insert(*name, value.parse().unwrap());
        }
        let uri = Uri::from_static("/api/v1/agencies");
        assert_eq!(
            same_origin(&method, &uri, &headers).is_ok(),
            expected,
            "{method} {fields:?}"
        );
    }

    #[test]
    fn a_session_changes_things_from_its_own_origin_only() {
        let host = ("host", "mail.x.vn:443");
        let own = ("origin", "https://mail.x.vn:443");
        let json = ("content-type", "application/json");
        check(Method::GET, &[host], true);
        check(Method::POST, &[host, own, json], true);
        check(
            Method::PATCH,
            &[host, own, ("content-type", "application/merge-patch+json")],
            true,
        );
        check(Method::DELETE, &[host, own], true);
        check(Method::POST, &[host, json], false);
        check(Method::POST, &[host, own], false);
        check(
            Method::POST,
            &[host, own, ("content-type", "text/plain")],
            false,
        );
        check(Method::POST, &[host, ("origin", "null"), json], false);
        check(
            Method::POST,
            &[host, ("origin", "https://evil.vn"), json],
            false,
        );
        check(Method::POST, &[own, json], false);
        check(
            Method::DELETE,
            &[host, ("origin", "https://mail.x.vn.evil.vn")],
            false,
        );
    }
}
