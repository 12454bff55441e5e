//! The style sheet, under an address that changes with its content.

use axum::extract::RawQuery;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

const SHEET: &str = include_str!("style.css");

/// The first octets of the content's SHA-256, in hexadecimal.
static HASH: LazyLock<String> = LazyLock::new(|| {
    Sha256::digest(SHEET.as_bytes())
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
});

/// Where the page finds it.
pub(crate) fn address() -> String {
    format!("/login/style.css?{}", *HASH)
}

/// `GET /login/style.css`
pub(crate) async fn sheet(RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let tag = format!("\"{}\"", *HASH);
    // Only the address with this content's hash may be kept for ever.
    let keep = match query.as_deref() == Some(HASH.as_str()) {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| {
            value
                .split(',')
                .any(|one| one.trim().trim_start_matches("W/") == tag)
        });
    let about = [
        (header::CACHE_CONTROL, keep.to_owned()),
        (header::ETAG, tag),
    ];
    if known {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (
        about,
        [(header::CONTENT_TYPE, "text/css; charset=utf-8")],
        SHEET,
    )
        .into_response()
}
