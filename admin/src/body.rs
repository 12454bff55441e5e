//! Bodies, queries and paths into values; what cannot be read is named by its field.

use crate::problem::{Kind, Problem, text};
use axum::body::Bytes;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Json, Path, Query, Request};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::de::{Deserialize, DeserializeOwned, Deserializer};

/// Octets of a decoder's own words that are passed on.
const WORDS_MAX: usize = 300;

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(not_json());
        }
        let bytes = match Bytes::from_request(request, state).await {
            Ok(bytes) => bytes,
            Err(e) if e.status() == StatusCode::PAYLOAD_TOO_LARGE => return Err(too_large()),
            Err(_) => return Err(unreadable()),
        };
        // Serde would take an array for an object, its fields in the order of the code.
        let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        if first.is_some_and(|byte| *byte != b'{') {
            return Err(no_object());
        }
        match Json::<T>::from_bytes(&bytes) {
            Ok(Json(value)) => Ok(Self(value)),
            Err(JsonRejection::JsonDataError(e)) => Err(at_fault(Kind::Invalid, &e.body_text())),
            Err(JsonRejection::JsonSyntaxError(e)) => {
                let words = words_of(&e.body_text());
                Err(Problem::new(
                    Kind::Malformed,
                    text(
                        format!("Nội dung không phải JSON đúng: {words}."),
                        format!("The body is not well-formed JSON: {words}."),
                    ),
                ))
            }
            Err(_) => Err(unreadable()),
        }
    }
}

/// RFC 8259 §1 `application/json`, and RFC 7396 §4 or another `application/…+json`.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    let essence = value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let sub = essence.strip_prefix("application/").unwrap_or_default();
    sub == "json" || sub.ends_with("+json")
}

fn unreadable() -> Problem {
    Problem::new(
        Kind::Malformed,
        text(
            "Không đọc được nội dung yêu cầu.",
            "The request body could not be read.",
        ),
    )
}

fn no_object() -> Problem {
    Problem::new(
        Kind::Malformed,
        text(
            "Nội dung phải là một đối tượng JSON.",
            "The body must be a JSON object.",
        ),
    )
}

/// The query parameters; unknown ones are refused.
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(QueryRejection::FailedToDeserializeQueryString(e)) => {
                Err(at_fault(Kind::Malformed, &e.body_text()))
            }
            Err(_) => Err(Problem::not_found()),
        }
    }
}

/// The variable parts of the path; what does not fit names nothing (404).
pub(crate) struct Named<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(_) => Err(Problem::not_found()),
        }
    }
}

/// RFC 9110 §15.5.16.
pub(crate) fn not_json() -> Problem {
    Problem::new(
        Kind::MediaType,
        text(
            "Nội dung phải là application/json.",
            "The body must be application/json.",
        ),
    )
}

/// RFC 9110 §15.5.14.
pub(crate) fn too_large() -> Problem {
    Problem::new(
        Kind::TooLarge,
        text(
            format!("Nội dung lớn hơn {} byte.", crate::BODY_MAX),
            format!("The body is larger than {} octets.", crate::BODY_MAX),
        ),
    )
}

/// The decoder says `Failed to …: quota: invalid type: …`: the field is named in the problem.
fn at_fault(kind: Kind, message: &str) -> Problem {
    let words = words_of(message);
    let quoted = words.split('`').nth(1).filter(|_| {
        words.contains("unknown field `")
            || words.contains("missing field `")
            || words.contains("duplicate field `")
    });
    let path = words.split_once(": ").map(|(path, _)| path).filter(|path| {
        path.chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.[]".contains(c))
    });
    let Some(field) = quoted.or(path) else {
        return Problem::new(
            kind,
            text(format!("Không đọc được: {words}."), format!("{words}.")),
        );
    };
    let expected = if words.contains("unknown field `") {
        text("không có trường này", words.clone())
    } else if words.contains("missing field `") {
        text("thiếu trường này", words.clone())
    } else {
        text(format!("giá trị sai kiểu ({words})"), words.clone())
    };
    match kind {
        Kind::Invalid => Problem::invalid(field, expected),
        _ => Problem::malformed(field, expected),
    }
}

/// What the decoder said, without its preface, cut to [`WORDS_MAX`].
fn words_of(message: &str) -> String {
    let words = message.split_once(": ").map_or(message, |(_, words)| words);
    words
        .chars()
        .filter(|c| !c.is_control())
        .take(WORDS_MAX)
        .collect()
}

/// RFC 7396 §2: a member that is there, null meaning "take it away".
pub(crate) fn present<'de, D, T>(input: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<T>::deserialize(input).map(Some)
}

/// A member that may be left out, but not null: nothing can take it away.
pub(crate) fn given<'de, D, T>(input: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(input).map(Some)
}
