//! RFC 9457 problem details: the one translation of refusals and failures into status and words.

pub(crate) use crate::kind::Kind;
use crate::language::Language;
use crate::phrase::{in_english, in_vietnamese};
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use serde::Serialize;
use utoipa::ToSchema;

/// The media type (RFC 9457 §3).
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";
/// Seconds after which a client may come back when the store is unavailable.
const RETRY_AFTER_S: &str = "30";

/// The same sentence in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    vi: String,
    en: String,
}

/// Says one thing in both languages.
pub(crate) fn text(vi: impl Into<String>, en: impl Into<String>) -> Text {
    Text {
        vi: vi.into(),
        en: en.into(),
    }
}

/// What a field would have to be: a noun.
pub(crate) fn expected(vi: impl std::fmt::Display, en: impl std::fmt::Display) -> Text {
    text(format!("cần {vi}"), format!("expected {en}"))
}

impl Text {
    pub(crate) fn in_language(&self, language: Language) -> String {
        match language {
            Language::Vietnamese => self.vi.clone(),
            Language::English => self.en.clone(),
        }
    }
}

/// A refusal or failure, ready to be told; written out by [`render`] in the client's language.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    kind: Kind,
    detail: Text,
    fields: Vec<(String, Text)>,
    /// Where to look after it.
    place: Option<String>,
    /// Seconds after which it may be tried again, where that is known.
    wait_s: Option<u32>,
}

/// The document on the wire (RFC 9457 §3.1).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Document {
    /// `urn:congvu:problem:not-found`.
    #[serde(rename = "type")]
    kind: String,
    /// What kind of problem, in the language of the answer.
    title: String,
    /// The HTTP status again.
    status: u16,
    /// What happened here and what to do.
    detail: String,
    /// The fields that are at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldDocument>,
}

/// One field at fault.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FieldProblem)]
pub(crate) struct FieldDocument {
    /// JSON name of the field or query parameter.
    field: String,
    /// What is expected instead.
    detail: String,
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: Text) -> Self {
        Self {
            kind,
            detail,
            fields: Vec::new(),
            place: None,
            wait_s: None,
        }
    }

    /// After wrong passwords.
    fn later(wait_s: u32) -> Self {
        let told = text(
            format!(
                "Đã nhập sai mật khẩu nhiều lần. Hãy thử lại sau {wait_s} giây. Chưa có gì thay đổi."
            ),
            format!(
                "Wrong passwords were given too often. Try again in {wait_s} seconds. Nothing was changed."
            ),
        );
        Self {
            wait_s: Some(wait_s),
            ..Self::new(Kind::Later, told)
        }
    }

    /// By a token that is not its owner's alone, what is his own only.
    fn lent() -> Self {
        Self::new(
            Kind::Forbidden,
            text(
                "Mã truy cập này do người khác lập, hoặc người khác có thể biết, nên chỉ dùng để quản trị theo quyền được giao; việc \
                 của riêng tài khoản thì hãy tự đăng nhập bằng mật khẩu mà làm.",
                "Somebody else made this token, or may know it, so it only administers, as far as the account's grants reach. What is \
                 the account's own is done by whose it is, signed in by his password.",
            ),
        )
    }

    /// A field's value cannot be.
    pub(crate) fn invalid(field: &str, expected: Text) -> Self {
        Self::at_field(Kind::Invalid, field, expected)
    }

    /// A query parameter's value cannot be.
    pub(crate) fn malformed(field: &str, expected: Text) -> Self {
        Self::at_field(Kind::Malformed, field, expected)
    }

    /// The operation takes no such query parameter.
    pub(crate) fn unknown_parameter(name: &str, takes: Text) -> Self {
        Self::at_field(Kind::UnknownParameter, name, takes)
    }

    /// Something of this field's name is there already.
    pub(crate) fn exists(field: &str, what: Text) -> Self {
        Self::at_field(Kind::Exists, field, what)
    }

    fn at_field(kind: Kind, field: &str, expected: Text) -> Self {
        let detail = text(
            format!("`{field}`: {}", expected.vi),
            format!("`{field}`: {}", expected.en),
        );
        Self {
            kind,
            detail,
            fields: vec![(field.to_owned(), expected)],
            place: None,
            wait_s: None,
        }
    }

    /// I-17: nothing there, or nothing the one who asks may see.
    pub(crate) fn not_found() -> Self {
        Self::new(
            Kind::NotFound,
            text(
                "Không có gì ở địa chỉ này, hoặc bạn không được xem.",
                "Nothing is here, or nothing that you may see.",
            ),
        )
    }

    /// It may be seen, yet not done.
    pub(crate) fn forbidden() -> Self {
        Self::new(
            Kind::Forbidden,
            text(
                "Tài khoản của bạn không có quyền làm việc này ở cơ quan này.",
                "Your account may not do this for this agency.",
            ),
        )
    }

    /// The account is in the subtree, and has rights that are wider than those of who asks.
    fn outranked() -> Self {
        Self::new(
            Kind::Forbidden,
            text(
                "Tài khoản này có quyền (grants) mà bạn không giao được: rộng hơn quyền của bạn, hoặc không bị giới hạn như \
                 quyền của bạn. Ai đổi được mật khẩu của tài khoản thì có các quyền đó, nên việc này dành cho người giao được \
                 chúng: hãy nhờ quản trị cấp trên.",
                "This account has rights (grants) that are not yours to give: they reach further than yours, or lack limits \
                 that yours has. Whoever may set its password would have them, so this is for somebody who could give \
                 them: ask an administrator above you.",
            ),
        )
    }

    /// RFC 9110 §13.1.1: If-Match did not hold.
    pub(crate) fn changed() -> Self {
        Self::new(
            Kind::Changed,
            text(
                "Bản ghi đã được người khác sửa. Hãy đọc lại rồi sửa tiếp.",
                "Someone changed it since you read it. Read it again, then change it.",
            ),
        )
    }

    /// It takes a second person: the request is there, nothing is done.
    fn awaiting(id: u64) -> Self {
        let mut awaits = Self::new(
            Kind::Awaiting,
            text(
                format!(
                    "Việc này cần hai người: yêu cầu số {id} đang chờ một người khác có quyền duyệt. Chưa có gì thay \
                     đổi. Được duyệt rồi thì hãy làm lại đúng như vậy."
                ),
                format!(
                    "This takes two persons: request {id} waits for somebody else with the right to approve it. Nothing \
                     was changed. When it is approved, do the same again."
                ),
            ),
        );
        awaits.place = Some(format!("/api/v1/approvals/{id}"));
        awaits
    }

    /// The name or address is somebody's. The same is said of an address that rests: who has it, or had it, is no
    /// business of who asks.
    fn taken(what: &str) -> Self {
        let told = match what.strip_prefix("keys of ") {
            Some(domain) => text(
                format!("Đã có khoá mới của {domain}."),
                format!("New keys of {domain} are there already."),
            ),
            // The same where who asks may see what has the code and where he may not.
            None if what.starts_with("code ") => text(
                format!(
                    "Mã {} đã có hoặc không cấp được ở đây. Hãy chọn mã khác, hoặc hỏi quản trị cấp trên.",
                    &what["code ".len()..]
                ),
                format!(
                    "The {what} is there already or cannot be given here. Choose another, or ask an administrator above \
                     you."
                ),
            ),
            None if what.contains('@') => text(
                format!(
                    "{what} đang có nơi dùng, hoặc mới thôi dùng nên còn để nghỉ. Hãy chọn địa chỉ khác, hoặc nhờ cấp trên."
                ),
                format!(
                    "{what} is in use, or was until lately and rests. Choose another, or ask who administers the agency \
                     above."
                ),
            ),
            None => text(format!("Đã có {what}."), format!("{what} exists already.")),
        };
        Self::new(Kind::Exists, told)
    }

    /// The account was used as what it is.
    fn lived() -> Self {
        Self::new(
            Kind::InUse,
            text(
                "Tài khoản này đã có thư, mật khẩu hoặc mã truy cập, nên không đổi giữa tài khoản cá nhân và hộp thư chung. \
                 Hãy lập một hộp thư chung mới rồi chuyển thư sang.",
                "The account has mail, a password or a token, so it does not turn from a person's into a shared one or \
                 back. Make a new shared mailbox and move the mail there.",
            ),
        )
    }

    /// Nobody would be left at the top of a tree.
    fn last_administrator(top: &directory::AgencyId) -> Self {
        Self::new(
            Kind::LastAdministrator,
            text(
                format!(
                    "Làm vậy thì không còn ai quản trị được toàn bộ {top}. Hãy giao vai trò administrator ở {top}, không đặt ngày \
                     hết hạn và giới hạn, cho một tài khoản khác đang hoạt động rồi làm lại. Chưa có gì thay đổi."
                ),
                format!(
                    "Nobody would be left who administers all of {top}. Give the role administrator at {top}, without an end and limits, to \
                     another active account, then do it again. Nothing was changed."
                ),
            ),
        )
    }

    /// A limit of the grant by which it would be done.
    fn beyond(what: directory::Measure, max: u64) -> Self {
        use directory::Measure;
        let (vi, en) = match what {
            Measure::Accounts => (
                format!("nhiều nhất {max} tài khoản"),
                format!("{max} accounts at most"),
            ),
            Measure::Quota => (
                format!("tổng hạn mức các tài khoản nhiều nhất {max} byte"),
                format!("{max} octets of quota for all accounts together"),
            ),
        };
        Self::new(
            Kind::Impossible,
            text(
                format!(
                    "Quyền quản trị của bạn ở cơ quan này cho phép {vi}. Hãy đề nghị người giao quyền nâng giới hạn."
                ),
                format!("Your grant here allows {en}. Ask whoever gave it to raise the limit."),
            ),
        )
    }

    /// Whether it is the store's, which may take it later.
    pub(crate) fn is_unavailable(&self) -> bool {
        self.kind == Kind::Unavailable
    }

    /// The store writes nothing below so many free octets.
    pub(crate) fn want_of_room(reserve: u64) -> Self {
        let mib = reserve >> 20;
        Self::new(
            Kind::Unavailable,
            text(
                format!(
                    "Đĩa của máy chủ đã đầy: khi còn trống dưới {mib} MiB thì kho thư không ghi gì nữa. Chưa có gì thay \
                     đổi. Hãy dọn chỗ trên đĩa rồi làm lại; không cần khởi động lại máy chủ."
                ),
                format!(
                    "The server's disk is full: with less than {mib} MiB free the store writes nothing. Nothing was \
                     changed. Make room on the disk, then do it again; the server need not be started again."
                ),
            ),
        )
    }

    /// What broke is for the log, never for the peer.
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "an act of the administration API failed");
        Self::new(
            Kind::Internal,
            text(
                "Máy chủ gặp lỗi; nhật ký của máy chủ có chi tiết.",
                "The server failed; its log has the details.",
            ),
        )
    }

    #[cfg(test)]
    pub(crate) fn status(&self) -> http::StatusCode {
        self.kind.status()
    }

    pub(crate) fn document(&self, language: Language) -> Document {
        let (vi, en) = self.kind.title();
        let fields = self.fields.iter().map(|(field, expected)| FieldDocument {
            field: field.clone(),
            detail: expected.in_language(language),
        });
        Document {
            kind: format!("urn:congvu:problem:{}", self.kind.slug()),
            title: text(vi, en).in_language(language),
            status: self.kind.status().as_u16(),
            detail: self.detail.in_language(language),
            errors: fields.collect(),
        }
    }
}

impl From<directory::Error> for Problem {
    fn from(error: directory::Error) -> Self {
        use directory::Error;
        match error {
            Error::NotFound(_) => Self::not_found(),
            Error::Denied(_) => Self::forbidden(),
            Error::Outranked => Self::outranked(),
            Error::Conflict => Self::changed(),
            Error::Exists(what) => Self::taken(&what),
            Error::InUse(what) => Self::new(
                Kind::InUse,
                text(
                    format!(
                        "Còn được dùng: {}. Hãy chuyển hoặc xoá chúng trước.",
                        in_vietnamese(&what)
                    ),
                    format!("Still in use: {what}. Move or delete them first."),
                ),
            ),
            Error::Held(name) => Self::new(
                Kind::InUse,
                text(
                    format!(
                        "Thư còn thuộc lệnh giữ “{name}”, nên không được xoá. Hãy gỡ lệnh giữ trước, hoặc chỉ \
                         khoá tài khoản (state: suspended)."
                    ),
                    format!(
                        "Mail is under the legal hold “{name}”, so this may not be deleted. End the hold first, \
                         or only close the account (state: suspended)."
                    ),
                ),
            ),
            Error::Lived => Self::lived(),
            Error::LastAdministrator(top) => Self::last_administrator(&top),
            Error::Beyond(what, max) => Self::beyond(what, max),
            Error::Awaiting(id) => Self::awaiting(id),
            Error::Tried => crate::trial::stopped(),
            Error::Later(wait_s) => Self::later(wait_s),
            Error::Lent => Self::lent(),
            Error::NotSecond => Self::new(
                Kind::Forbidden,
                text(
                    "Phải do người khác duyệt: không phải người yêu cầu, không phải người được người yêu cầu giao quyền này, và \
                     đăng nhập bằng mật khẩu hay mã truy cập tự lập, có từ trước yêu cầu, không do người yêu cầu đặt, cũng không do một \
                     người thứ ba lập cho cả hai; quyền của hai người không cùng do một người giao, trừ người đứng trên cơ quan \
                     có quy định này.",
                    "Somebody else must approve: not who asked, nor who has this right from him, signed in by a password or \
                     token of one's own making that was there before the request; not by one that who asked made, nor a \
                     third person who made both. Nor may both have the right from one person, unless he stands above the \
                     agency whose rule it is.",
                ),
            ),
            Error::Closed => Self::new(
                Kind::Closed,
                text(
                    "Yêu cầu này đã được quyết định hoặc đã hết hạn.",
                    "This request was decided already, or its time is over.",
                ),
            ),
            Error::Invalid { field, expected } => {
                Self::invalid(field, text(in_vietnamese(&expected), in_english(&expected)))
            }
            Error::Storage(error) => error.into(),
        }
    }
}

impl From<storage::Error> for Problem {
    fn from(error: storage::Error) -> Self {
        use storage::Error;
        match error {
            Error::NotFound | Error::Expunged => Self::not_found(),
            Error::Conflict => Self::changed(),
            Error::Exists => Self::new(Kind::Exists, text("Đã có rồi.", "It exists already.")),
            Error::TooLarge(_) => Self::new(
                Kind::TooLarge,
                text("Giá trị quá lớn để lưu.", "The value is too large to keep."),
            ),
            Error::OverQuota(_) => Self::new(
                Kind::InUse,
                text(
                    "Tài khoản hoặc cơ quan đã đầy; những thư đã thêm vẫn còn. Hãy nâng hạn mức rồi làm lại.",
                    "The account or its agency is full; what was added stays. Raise the quota, then do it again.",
                ),
            ),
            Error::Unavailable(_) | Error::InUse { .. } => {
                tracing::warn!(%error, "storage refused an act of the administration API");
                Self::new(
                    Kind::Unavailable,
                    text(
                        "Kho dữ liệu tạm thời không ghi được; chưa có gì thay đổi. Hãy thử lại sau.",
                        "The store cannot write now; nothing was changed. Try again later.",
                    ),
                )
            }
            Error::Invalid(_) | Error::Corrupt(_) | Error::Damaged(_) => Self::internal(&error),
        }
    }
}

impl IntoResponse for Problem {
    /// The words follow in [`render`], which alone knows the client's language.
    fn into_response(self) -> Response {
        let mut response = self.kind.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The outermost layer: writes a problem out in the language of the request.
pub(crate) async fn render(request: Request, next: Next) -> Response {
    let language = crate::language::of(request.headers());
    let mut response = next.run(request).await;
    // Rows and secrets of others must not lie in a browser's or a proxy's cache.
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    let json = serde_json::to_vec(&problem.document(language)).unwrap_or_default();
    let headers = response.headers_mut();
    let media = match problem.kind {
        Kind::Awaiting => "application/json",
        _ => MEDIA_TYPE,
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    if let Some(Ok(place)) = problem.place.as_deref().map(HeaderValue::from_str) {
        headers.insert(LOCATION, place);
    }
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    match problem.kind {
        // RFC 6750 §3.
        Kind::Unauthenticated => {
            headers.insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"congvu\""),
            );
        }
        Kind::Unavailable => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
        }
        _ => {}
    }
    if let Some(wait_s) = problem.wait_s {
        // RFC 9110 §10.2.3.
        headers.insert(RETRY_AFTER, HeaderValue::from(wait_s));
    }
    headers.remove(http::header::CONTENT_LENGTH);
    *response.body_mut() = Body::from(json);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: directory::Error, status: u16) {
        let shown = format!("{error:?}");
        assert_eq!(Problem::from(error).status().as_u16(), status, "{shown}");
    }

    #[test]
    fn each_cause_has_its_status() {
        use directory::Error as E;
        use storage::Error as S;
        check(E::NotFound("account"), 404);
        check(E::Exists("an@x.vn".into()), 409);
        check(
            E::Invalid {
                field: "id",
                expected: "letters".into(),
            },
            422,
        );
        check(E::InUse("2 accounts".into()), 409);
        check(E::Conflict, 412);
        check(E::Denied(directory::Denied), 403);
        check(E::Outranked, 403);
        check(E::Lent, 403);
        check(E::Later(3), 429);
        check(E::Storage(S::NotFound), 404);
        check(E::Storage(S::Exists), 409);
        check(E::Storage(S::Expunged), 404);
        check(E::Storage(S::Conflict), 412);
        check(
            E::Storage(S::OverQuota(storage::Bound::Account(
                storage::AccountId::SYSTEM,
            ))),
            409,
        );
        check(E::Storage(S::TooLarge("row")), 413);
        check(E::Storage(S::Invalid("row")), 500);
        check(
            E::Storage(S::Unavailable("/secret/path is full".into())),
            503,
        );
        check(E::Storage(S::Corrupt("row 7".into())), 500);
    }

    #[test]
    fn peers_never_see_internals() {
        for cause in [
            storage::Error::Unavailable("/secret/path".into()),
            storage::Error::Corrupt("/secret/path".into()),
        ] {
            for language in [Language::Vietnamese, Language::English] {
                let document = Problem::from(cause.clone()).document(language);
                let json = serde_json::to_string(&document).unwrap();
                assert!(!json.contains("secret"), "{json}");
            }
        }
    }
}
