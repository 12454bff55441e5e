//! One embedded file as a response: its type, how long it may be kept, and
//! its brotli copy for those who take it.

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use rust_embed::RustEmbed;

/// What `build.rs` made of `app/`.
#[derive(RustEmbed)]
#[folder = "$OUT_DIR/web"]
pub(crate) struct Web;

/// Assets bear a hash of their content in their name, so they never change.
const KEEP_FOR_EVER: &str = "public, max-age=31536000, immutable";
/// The icon and the manifest keep their names over releases.
const KEEP_A_DAY: &str = "public, max-age=86400";

/// The embedded file at `path` (without a leading slash), or 404. The brotli
/// copy is given when `accept_encoding` names `br` and does not refuse it.
/// `index.html` is not an asset: see [`crate::page`].
pub fn asset(path: &str, accept_encoding: Option<&str>) -> Response {
    if path.ends_with(".br") || path == "index.html" {
        return missing();
    }
    let small = accept_encoding
        .is_some_and(accepts_brotli)
        .then(|| Web::get(&format!("{path}.br")))
        .flatten();
    let encoded = small.is_some();
    let Some(file) = small.or_else(|| Web::get(path)) else {
        return missing();
    };
    let mut response = Response::new(Body::from(file.data));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type(path)));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let keep = if path.starts_with("assets/") {
        KEEP_FOR_EVER
    } else {
        KEEP_A_DAY
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    if encoded {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    response
}

fn missing() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// RFC 9110 §12.5.3: `br` is wanted when listed with a weight above zero. A
/// bare `*` is not taken as a wish for brotli: old proxies send it.
fn accepts_brotli(list: &str) -> bool {
    list.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named = parts
            .next()
            .is_some_and(|coding| coding.eq_ignore_ascii_case("br"));
        let weight = parts
            .find_map(|part| part.strip_prefix("q="))
            .map(str::parse::<f32>);
        named && weight.is_none_or(|weight| weight.is_ok_and(|weight| weight > 0.0))
    })
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        Some("webmanifest") => "application/manifest+json",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}
