//! Bodies, queries and paths into values; what cannot be read is named by its field.

use crate::decoder::{at_fault, no_json};
use crate::problem::{Kind, Problem, text};
use axum::body::Bytes;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Json, Path, Query, Request};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::de::{Deserialize, DeserializeOwned, Deserializer};

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
            Err(JsonRejection::JsonSyntaxError(e)) => Err(no_json(&e.body_text())),
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
