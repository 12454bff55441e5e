//! Kinds of problems: slug of the `type` URI, status and title.

use http::StatusCode;

/// One kind of problem (RFC 9457 §3.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Malformed,
    UnknownParameter,
    Unauthenticated,
    Forbidden,
    CrossOrigin,
    NotFound,
    NoSuchMethod,
    Exists,
    InUse,
    InProgress,
    Changed,
    TooLarge,
    MediaType,
    Invalid,
    KeyReused,
    Impossible,
    LastAdministrator,
    Closed,
    Awaiting,
    Later,
    Internal,
    Unavailable,
}

impl Kind {
    /// `urn:congvu:problem:` and this is the `type`; it does not change.
    pub(crate) const fn slug(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownParameter => "unknown-parameter",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::CrossOrigin => "cross-origin",
            Self::NotFound => "not-found",
            Self::NoSuchMethod => "method-not-allowed",
            Self::Exists => "exists",
            Self::InUse => "in-use",
            Self::InProgress => "in-progress",
            Self::Changed => "changed",
            Self::TooLarge => "too-large",
            Self::MediaType => "media-type",
            Self::Invalid => "invalid",
            Self::KeyReused => "idempotency-key-reused",
            Self::Impossible => "not-possible",
            Self::LastAdministrator => "last-administrator",
            Self::Closed => "closed",
            Self::Awaiting => "awaiting-approval",
            Self::Later => "too-many-tries",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
        }
    }

    /// RFC 9110 §15.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::Malformed | Self::UnknownParameter => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::CrossOrigin => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::NoSuchMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::Exists
            | Self::InUse
            | Self::InProgress
            | Self::Impossible
            | Self::LastAdministrator
            | Self::Closed => StatusCode::CONFLICT,
            // RFC 9110 §15.3.3: nothing is wrong, and nothing is done yet.
            Self::Awaiting => StatusCode::ACCEPTED,
            Self::Changed => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Invalid | Self::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            // RFC 6585 §4.
            Self::Later => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Vietnamese and English.
    pub(crate) const fn title(self) -> (&'static str, &'static str) {
        match self {
            Self::Malformed => ("Yêu cầu sai dạng", "Malformed request"),
            Self::UnknownParameter => ("Tham số không có", "Unknown parameter"),
            Self::Unauthenticated => ("Chưa đăng nhập", "Not signed in"),
            Self::Forbidden => ("Không có quyền", "Not allowed"),
            Self::CrossOrigin => ("Yêu cầu từ trang khác", "Request from another site"),
            Self::NotFound => ("Không tìm thấy", "Not found"),
            Self::NoSuchMethod => ("Thao tác không có", "Method not allowed"),
            Self::Exists => ("Đã có rồi", "Exists already"),
            Self::InUse => ("Đang được dùng", "In use"),
            Self::InProgress => ("Đang được xử lý", "Still in progress"),
            Self::Changed => ("Đã bị sửa trong lúc đó", "Changed meanwhile"),
            Self::TooLarge => ("Yêu cầu quá lớn", "Request too large"),
            Self::MediaType => ("Kiểu nội dung không nhận", "Unsupported media type"),
            Self::Invalid => ("Giá trị không hợp lệ", "Invalid value"),
            Self::KeyReused => (
                "Idempotency-Key đã dùng cho yêu cầu khác",
                "Idempotency-Key was used for another request",
            ),
            Self::Impossible => ("Không làm được ở đây", "Not possible here"),
            Self::LastAdministrator => ("Người quản trị cuối cùng", "The last administrator"),
            Self::Closed => ("Đã xong rồi", "Closed"),
            Self::Awaiting => ("Chờ người thứ hai duyệt", "Awaiting a second person"),
            Self::Later => ("Thử sai quá nhiều lần", "Too many failed tries"),
            Self::Internal => ("Lỗi máy chủ", "Server error"),
            Self::Unavailable => ("Tạm thời không làm được", "Unavailable"),
        }
    }
}
