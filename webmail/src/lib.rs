//! The webmail's embedded files and their Content-Security-Policy.
//!
//! The front end in `app/` is built by `build.rs` and embedded whole. This room
//! knows nothing of mail, accounts or sessions: `server` decides who gets the
//! page and what the boot block says.

mod asset;
mod page;

use axum::Router;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;
use axum::response::Response;
use axum::routing::get;

pub use asset::asset;
pub use page::page;

/// Serves `/assets/*` (named by their content, so cached for a year),
/// `/favicon.svg` and `/manifest.webmanifest`. It holds nothing secret and
/// needs no sign-in: the sign-in page may use it as well.
pub fn router() -> Router {
    Router::new()
        .route("/assets/{*path}", get(hashed))
        .route("/favicon.svg", get(|headers| named("favicon.svg", headers)))
        .route(
            "/manifest.webmanifest",
            get(|headers| named("manifest.webmanifest", headers)),
        )
}

async fn hashed(Path(path): Path<String>, headers: HeaderMap) -> Response {
    asset(&format!("assets/{path}"), accept_encoding(&headers))
}

async fn named(path: &'static str, headers: HeaderMap) -> Response {
    asset(path, accept_encoding(&headers))
}

fn accept_encoding(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests;
