//! RFC 7807 problem details as RFC 8620 §3.6.1 uses them: errors of a whole HTTP request.

use crate::error::MethodError;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value};

/// Shown to whoever opens a message whose content is damaged.
pub(crate) const DAMAGED_VI: &str = "Nội dung thư này đã hỏng trên máy chủ nên không hiện được. \
    Hãy báo quản trị viên hệ thống thư: có thể khôi phục thư từ bản sao lưu.";
/// The same in English.
pub(crate) const DAMAGED_EN: &str = "The content of this message is damaged on the server and cannot be shown. \
    Tell your mail administrator: the message may be restored from a backup.";

/// An HTTP error with a JSON body.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    status: StatusCode,
    body: Map<String, Value>,
    challenge: bool,
}

impl Problem {
    fn new(status: StatusCode, kind: &str, detail: impl Into<String>) -> Self {
        let body = Map::from_iter([
            ("type".to_owned(), kind.into()),
            ("status".to_owned(), status.as_u16().into()),
            ("detail".to_owned(), detail.into().into()),
        ]);
        Self {
            status,
            body,
            challenge: false,
        }
    }

    /// Of a kind that RFC 8620 names not; the others of the house are named so too.
    fn plain(status: StatusCode, detail: impl Into<String>) -> Self {
        let named = match status {
            StatusCode::UNAUTHORIZED => ("unauthenticated", "Chưa đăng nhập / Not signed in"),
            StatusCode::FORBIDDEN => ("forbidden", "Không có quyền / Not allowed"),
            StatusCode::NOT_FOUND => ("not-found", "Không tìm thấy / Not found"),
            StatusCode::BAD_REQUEST => ("malformed", "Yêu cầu sai dạng / Malformed request"),
            StatusCode::INSUFFICIENT_STORAGE => ("full", "Hộp thư đã đầy / The account is full"),
            StatusCode::SERVICE_UNAVAILABLE => {
                ("unavailable", "Tạm thời không làm được / Unavailable")
            }
            _ => ("internal", "Lỗi máy chủ / Server error"),
        };
        let (slug, title) = named;
        let mut problem = Self::new(status, &format!("urn:congvu:problem:{slug}"), detail);
        problem.body.insert("title".to_owned(), title.into());
        problem
    }

    /// `challenge`: with `WWW-Authenticate`, which makes browsers ask by a dialog.
    pub(crate) fn unauthorized(challenge: bool) -> Self {
        let detail = "Chưa đăng nhập. / Not signed in.";
        Self {
            challenge,
            ..Self::plain(StatusCode::UNAUTHORIZED, detail)
        }
    }

    pub(crate) fn forbidden(detail: &str) -> Self {
        Self::plain(StatusCode::FORBIDDEN, detail)
    }

    /// Absent, or not for this Access to see (I-17).
    pub(crate) fn not_found() -> Self {
        Self::plain(StatusCode::NOT_FOUND, "Không tìm thấy. / Not found.")
    }

    pub(crate) fn bad_request(detail: &str) -> Self {
        Self::plain(StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn unavailable() -> Self {
        Self::plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "Máy chủ tạm thời không phục vụ được, hãy thử lại sau. / The server cannot do this now; try again later.",
        )
    }

    pub(crate) fn failed() -> Self {
        Self::plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Máy chủ gặp lỗi; nhật ký của máy chủ cho biết lý do. / The server failed; its log says why.",
        )
    }

    /// One message, or what is in it, of a store that is whole otherwise.
    pub(crate) fn damaged() -> Self {
        Self::plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("{DAMAGED_VI} / {DAMAGED_EN}"),
        )
    }

    pub(crate) fn unknown_capability(name: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "urn:ietf:params:jmap:error:unknownCapability",
            format!("capability {name:?} is not supported by this server"),
        )
    }

    pub(crate) fn not_json(why: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "urn:ietf:params:jmap:error:notJSON",
            why,
        )
    }

    pub(crate) fn not_request(why: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "urn:ietf:params:jmap:error:notRequest",
            why,
        )
    }

    /// Its members, for where there is no HTTP.
    pub(crate) fn into_object(self) -> Map<String, Value> {
        self.body
    }

    /// RFC 8620 §3.6.1: `limit` names the limit that was passed.
    pub(crate) fn limit(name: &'static str) -> Self {
        let status = match name {
            "maxSizeRequest" | "maxSizeUpload" => StatusCode::PAYLOAD_TOO_LARGE,
            "maxConcurrentRequests" | "maxConcurrentUpload" => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::BAD_REQUEST,
        };
        let mut problem = Self::new(
            status,
            "urn:ietf:params:jmap:error:limit",
            format!("the request is over the server's {name}"),
        );
        problem.body.insert("limit".into(), name.into());
        problem
    }
}

impl From<storage::Error> for Problem {
    fn from(error: storage::Error) -> Self {
        use storage::Error as E;
        match error {
            E::NotFound | E::Expunged => Self::not_found(),
            E::OverQuota(_) => Self::plain(
                StatusCode::INSUFFICIENT_STORAGE,
                "Hộp thư đã đầy. / The account is full.",
            ),
            E::TooLarge(_) => Self::limit("maxSizeUpload"),
            // Storage has logged it, with the place where it lies.
            E::Damaged(_) => Self::damaged(),
            E::Unavailable(why) => {
                tracing::warn!(%why, "storage is unavailable");
                Self::unavailable()
            }
            other => {
                tracing::error!(error = %other, "storage failed under a JMAP request");
                Self::failed()
            }
        }
    }
}

/// RFC 8620 §6: the same refusals, said of a whole request.
impl From<MethodError> for Problem {
    fn from(error: MethodError) -> Self {
        match error {
            MethodError::AccountNotFound => Self::not_found(),
            MethodError::ServerUnavailable => Self::unavailable(),
            _ => Self::failed(),
        }
    }
}

impl From<directory::Denied> for Problem {
    fn from(_: directory::Denied) -> Self {
        Self::not_found()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Value::Object(self.body).to_string();
        let mut response = (
            self.status,
            [
                (header::CONTENT_TYPE, "application/problem+json"),
                (header::CACHE_CONTROL, "no-store"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ],
            body,
        )
            .into_response();
        if self.challenge {
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"Congvu\", charset=\"UTF-8\""),
            );
        }
        response
    }
}
