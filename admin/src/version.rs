//! RFC 9110 §13.1.1 If-Match over the version of a row, which is its ETag.

use crate::problem::Problem;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Json, Response};
use http::header::{ETAG, IF_MATCH, LOCATION};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use serde::Serialize;

/// Tags looked at in one If-Match field.
const TAGS_MAX: usize = 32;
/// Tries of a change without If-Match when others change the same row.
pub(crate) const TRIES_MAX: usize = 5;

/// What If-Match asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Match {
    /// Absent or `*`: whatever is there now.
    Any,
    /// One of these versions.
    Of(Vec<u64>),
}

impl Match {
    /// Whether a change may go on from this version. Errors: 412.
    pub(crate) fn check(&self, version: u64) -> Result<(), Problem> {
        match self {
            Self::Any => Ok(()),
            Self::Of(versions) if versions.contains(&version) => Ok(()),
            Self::Of(_) => Err(Problem::changed()),
        }
    }

    /// The version that a removal insists on: the one read, when the client named it. Errors: 412.
    pub(crate) fn expected(&self, version: u64) -> Result<Option<u64>, Problem> {
        self.check(version)?;
        Ok((*self != Self::Any).then_some(version))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Match {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.headers.get(IF_MATCH).map_or(Self::Any, |field| {
            let text = field.to_str().unwrap_or_default();
            if text.trim() == "*" {
                return Self::Any;
            }
            // Weak tags never match here (RFC 9110 §8.8.3.2), nor do tags that are not ours.
            let version = |tag: &str| {
                tag.trim()
                    .strip_prefix('"')?
                    .strip_suffix('"')?
                    .parse::<u64>()
                    .ok()
            };
            Self::Of(text.split(',').take(TAGS_MAX).filter_map(version).collect())
        }))
    }
}

/// Reads a row, changes it and writes it back; repeats when another change came between and the
/// client did not insist on a version, so that a merge never loses the other's fields.
pub(crate) fn merge<R>(
    wanted: &Match,
    mut read: impl FnMut() -> Result<(R, u64), Problem>,
    mut write: impl FnMut(R, u64) -> Result<R, directory::Error>,
) -> Result<R, Problem> {
    for _ in 0..TRIES_MAX {
        let (row, version) = read()?;
        wanted.check(version)?;
        match write(row, version) {
            Err(directory::Error::Conflict) => {}
            other => return Ok(other?),
        }
    }
    Err(Problem::changed())
}

/// One row in an answer, with its version as ETag.
pub(crate) struct Tagged<T> {
    pub(crate) status: StatusCode,
    pub(crate) location: Option<String>,
    pub(crate) version: u64,
    pub(crate) row: T,
}

impl<T> Tagged<T> {
    /// 200 with the row.
    pub(crate) fn found(row: T, version: u64) -> Self {
        Self {
            status: StatusCode::OK,
            location: None,
            version,
            row,
        }
    }

    /// 201 with the row and where it lives now.
    pub(crate) fn created(row: T, version: u64, location: String) -> Self {
        Self {
            status: StatusCode::CREATED,
            location: Some(location),
            version,
            row,
        }
    }
}

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.row)).into_response();
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", self.version)) {
            response.headers_mut().insert(ETAG, tag);
        }
        if let Some(Ok(place)) = self.location.map(|l| HeaderValue::from_str(&l)) {
            response.headers_mut().insert(LOCATION, place);
        }
        response
    }
}

/// RFC 3986 §2.1: one path segment, everything but unreserved characters and `@` encoded.
pub(crate) fn segment(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => {
                encoded.push(byte as char);
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_stays_one_segment() {
        assert_eq!(segment("H99.1"), "H99.1");
        assert_eq!(segment("a/b?c#d@x.vn"), "a%2Fb%3Fc%23d@x.vn");
        assert_eq!(segment("đ"), "%C4%91");
    }

    #[test]
    fn a_match_holds_for_its_versions_only() {
        assert!(Match::Any.check(7).is_ok());
        assert!(Match::Of(vec![3, 7]).check(7).is_ok());
        assert!(Match::Of(vec![3]).check(7).is_err());
        assert!(Match::Of(vec![]).check(7).is_err());
    }
}
