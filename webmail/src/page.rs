//! The one page of the webmail, with its boot block and its policy.

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use crate::asset::Web;

/// No inline script, no eval, no address but our own. `style-src-attr` is there
/// for colours inside the editor only; letters come as documents of their own
/// with a policy of their own (`frame-src 'self'`).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    style-src-attr 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; \
    connect-src 'self'; frame-src 'self'; manifest-src 'self'; worker-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Where index.html waits for the boot block.
const SLOT: &str = "id=\"boot\">null<";

/// The webmail's page for someone signed in. `boot_json` is one JSON text
/// (`null` is allowed: the app then asks for everything itself); it becomes a
/// data block that is never executed, and no `<` of it reaches the HTML parser.
pub fn page(boot_json: &str) -> Response {
    let Some(index) = Web::get("index.html") else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return response;
    };
    let html = String::from_utf8_lossy(&index.data);
    let block = format!("id=\"boot\">{}<", boot_json.replace('<', "\\u003c"));
    let mut response = Response::new(Body::from(html.replacen(SLOT, &block, 1)));
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        // It carries letters: a computer that many use must not keep it.
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
