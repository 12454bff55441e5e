//! RFC 8620 §3.6.2 method-level errors and RFC 8620 §5.3 SetError: the one place that spells
//! what storage, directory and delivery refuse.

use delivery::{Refusal, Refused};
use directory::Reached;
use serde_json::{Map, Value, json};

/// What is said where the content of one message is what was asked for.
const DAMAGED: &str =
    "the content of a message is damaged on the server; its operator may have it in a backup";

/// Why a whole method call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MethodError {
    #[error("accountNotFound")]
    AccountNotFound,
    #[error("accountNotSupportedByMethod")]
    AccountNotSupportedByMethod,
    #[error("accountReadOnly")]
    AccountReadOnly,
    #[error("anchorNotFound")]
    AnchorNotFound,
    #[error("cannotCalculateChanges")]
    CannotCalculateChanges,
    #[error("forbidden")]
    Forbidden(String),
    #[error("fromAccountNotFound")]
    FromAccountNotFound,
    #[error("invalidArguments")]
    InvalidArguments(String),
    #[error("invalidResultReference")]
    InvalidResultReference(String),
    #[error("requestTooLarge")]
    RequestTooLarge,
    #[error("serverFail")]
    ServerFail,
    /// The content of a message that the method needs.
    #[error("serverFail")]
    Damaged,
    #[error("serverUnavailable")]
    ServerUnavailable,
    #[error("stateMismatch")]
    StateMismatch,
    #[error("tooManyChanges")]
    TooManyChanges,
    /// RFC 9404 §4.3.
    #[error("unknownDataType")]
    UnknownDataType,
    #[error("unknownMethod")]
    UnknownMethod,
    #[error("unsupportedFilter")]
    UnsupportedFilter(String),
    #[error("unsupportedSort")]
    UnsupportedSort(String),
}

impl MethodError {
    /// The arguments of an `error` response; texts are for developers (RFC 8620 §3.6.2).
    pub(crate) fn spell(&self) -> Value {
        let mut object = Map::new();
        object.insert("type".into(), self.to_string().into());
        let description = match self {
            Self::Forbidden(text)
            | Self::InvalidArguments(text)
            | Self::InvalidResultReference(text)
            | Self::UnsupportedFilter(text)
            | Self::UnsupportedSort(text) => Some(text.as_str()),
            Self::Damaged => Some(DAMAGED),
            Self::ServerFail => Some("the server failed; its log says why"),
            _ => None,
        };
        if let Some(text) = description {
            object.insert("description".into(), text.into());
        }
        Value::Object(object)
    }

    pub(crate) fn argument(name: &str, expected: &str) -> Self {
        Self::InvalidArguments(format!("{name}: {expected}"))
    }
}

impl From<storage::Error> for MethodError {
    fn from(error: storage::Error) -> Self {
        match error {
            storage::Error::Unavailable(why) => {
                tracing::warn!(%why, "storage is unavailable");
                Self::ServerUnavailable
            }
            // Storage has logged it, with the place where it lies.
            storage::Error::Damaged(_) => Self::Damaged,
            other => {
                tracing::error!(error = %other, "storage failed under a JMAP method");
                Self::ServerFail
            }
        }
    }
}

/// Denied and absent are the same outside (I-17).
impl From<directory::Denied> for MethodError {
    fn from(_: directory::Denied) -> Self {
        Self::AccountNotFound
    }
}

/// Why one record was not created, updated or destroyed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SetError(Map<String, Value>);

impl SetError {
    pub(crate) fn new(kind: &'static str) -> Self {
        Self(Map::from_iter([("type".to_owned(), kind.into())]))
    }

    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    pub(crate) fn because(self, text: impl Into<String>) -> Self {
        self.with("description", text.into())
    }

    pub(crate) fn not_found() -> Self {
        Self::new("notFound")
    }

    pub(crate) fn forbidden(why: &str) -> Self {
        Self::new("forbidden").because(why)
    }

    pub(crate) fn invalid_patch(why: impl Into<String>) -> Self {
        Self::new("invalidPatch").because(why)
    }

    /// RFC 8620 §5.3 invalidProperties, naming them.
    pub(crate) fn invalid(properties: &[&str], why: impl Into<String>) -> Self {
        Self::new("invalidProperties")
            .with("properties", json!(properties))
            .because(why)
    }

    pub(crate) fn spell(self) -> Value {
        Value::Object(self.0)
    }
}

/// What may be seen, and not be done, is `forbidden` (RFC 8620 §5.3).
impl From<directory::Error> for SetError {
    fn from(error: directory::Error) -> Self {
        match error {
            directory::Error::Storage(error) => error.into(),
            directory::Error::Invalid { expected, .. } => {
                Self::forbidden(&format!("expected: {expected}"))
            }
            _ => Self::forbidden("you do not have the right to do this"),
        }
    }
}

impl From<storage::Error> for SetError {
    fn from(error: storage::Error) -> Self {
        use storage::Error as E;
        match error {
            E::NotFound | E::Expunged => Self::not_found(),
            E::OverQuota(storage::Bound::Account(_)) => Self::new("overQuota"),
            E::OverQuota(storage::Bound::Group(_)) => {
                Self::new("overQuota").because("the agency of this account is full")
            }
            E::TooLarge(what) => Self::new("tooLarge").because(what),
            E::Exists => Self::new("invalidProperties").because("exists already"),
            E::Invalid(what) => Self::new("invalidProperties").because(what),
            E::Conflict => Self::new("serverFail").because("changed meanwhile; try again"),
            E::Unavailable(_) | E::InUse { .. } => {
                tracing::warn!(%error, "storage is unavailable");
                Self::new("serverUnavailable")
            }
            E::Damaged(_) => Self::new("serverFail").because(DAMAGED),
            E::Corrupt(why) => {
                tracing::error!(%why, "stored bytes are damaged");
                Self::new("serverFail").because("the server failed; its log says why")
            }
        }
    }
}

/// RFC 8621 §7.5: what the door for mail refused, as a SetError of EmailSubmission/set.
pub(crate) fn refused(refused: Refused, recipients: &[String]) -> SetError {
    let refusal = match refused {
        Refused::Temporary(why) => {
            tracing::warn!(%why, "a submission was put off");
            return SetError::new("serverUnavailable").because("try again later");
        }
        Refused::Failed(why) => {
            tracing::error!(%why, "a submission failed");
            return SetError::new("serverFail").because("the server failed; its log says why");
        }
        Refused::Permanent(refusal) => refusal,
    };
    let invalid_email = |properties: &[&str], why: &str| {
        SetError::new("invalidEmail")
            .with("properties", json!(properties))
            .because(why)
    };
    match refusal {
        Refusal::UnknownRecipient
        | Refusal::DomainEnded
        | Refusal::RecipientClosed
        | Refusal::RelayDenied
        | Refusal::MayNotPost => {
            SetError::new("invalidRecipients").with("invalidRecipients", json!(recipients))
        }
        Refusal::OverQuota | Refusal::FullNow => {
            SetError::new("forbiddenToSend").because("a recipient's mailbox is full")
        }
        Refusal::TooLarge { max } => SetError::new("tooLarge").with("maxSize", max),
        Refusal::Loop => invalid_email(&["headers"], "more than 100 Received fields"),
        Refusal::TooManyRecipients { max } => {
            SetError::new("tooManyRecipients").with("maxRecipients", max)
        }
        Refusal::SenderNotYours => SetError::new("forbiddenMailFrom"),
        Refusal::FromNotYours | Refusal::SenderFieldNotYours => SetError::new("forbiddenFrom"),
        Refusal::LongLine => invalid_email(
            &["headers", "bodyStructure"],
            "a line has more than 998 octets and can neither be folded nor encoded",
        ),
        Refusal::SenderFieldInvalid => {
            invalid_email(&["sender"], "at most one Sender field may be there")
        }
        Refusal::SignedOut => SetError::new("forbiddenToSend").because(
            "Tài khoản đã bị tạm dừng hoặc mật khẩu đã đổi sau khi đăng nhập; hãy đăng nhập lại. / \
             The account was suspended or its password changed since you signed in; sign in again.",
        ),
        Refusal::QueueFull => SetError::new("rateLimit").because(
            "Máy chủ đang có quá nhiều thư chờ gửi; hãy thử lại sau. / \
             Too many messages wait on this server; try again later.",
        ),
        Refusal::FromInvalid => invalid_email(&["from"], "exactly one From field is needed"),
        Refusal::NoRecipients => SetError::new("noRecipients"),
        Refusal::SendingSuspended => SetError::new("forbiddenToSend").because(
            "Việc gửi thư của tài khoản này đang bị tạm dừng; hãy liên hệ người quản trị. / \
             Sending from this account is suspended; ask your administrator.",
        ),
        Refusal::AttachmentType => SetError::new("forbiddenToSend").because(
            "Cơ quan bạn không cho gửi loại tệp có trong tệp đính kèm. / \
             Your agency does not allow sending files of a type that is attached.",
        ),
        Refusal::AttachmentTooLarge { max } => {
            SetError::new("forbiddenToSend").because(attachment_too_large(max))
        }
        // RFC 8620 §5.3.
        Refusal::TooMuch(cap) => SetError::new("rateLimit").because(too_much(cap)),
        Refusal::RecipientsCap { max } => {
            SetError::new("tooManyRecipients").with("maxRecipients", max)
        }
        // Of mail from outside alone.
        Refusal::Unauthenticated => SetError::new("forbiddenFrom"),
        Refusal::Malformed(why) => invalid_email(&["headers"], why),
    }
}

/// The same, of what may be attached.
fn attachment_too_large(max: u64) -> String {
    format!(
        "Có tệp đính kèm lớn hơn mức cơ quan bạn cho gửi ({max} byte). / \
         An attachment is larger than your agency allows ({max} octets)."
    )
}

/// For the one who sends.
fn too_much(cap: Reached) -> &'static str {
    match cap {
        Reached::Hour => {
            "Bạn đã gửi hết mức của một giờ; hãy gửi lại sau. / \
             You have sent as much as you may in an hour; try again later."
        }
        Reached::Day => {
            "Bạn đã gửi hết mức của một ngày; hãy gửi lại vào ngày mai. / \
             You have sent as much as you may in a day; try again tomorrow."
        }
        Reached::Agency => {
            "Cơ quan của bạn đã gửi hết mức; hãy gửi lại sau. / \
             Your agency has sent as much as it may for now; try again later."
        }
    }
}
