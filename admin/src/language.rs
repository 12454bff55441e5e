//! The language of an answer, as the request asks.

pub(crate) use formats::language::Language;
use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

/// What the client likes best.
pub(crate) fn of(headers: &HeaderMap) -> Language {
    let field = headers.get(ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok());
    Language::of(field.unwrap_or_default())
}
