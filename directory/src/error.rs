//! Why the directory refuses or fails.

/// Errors of administrative acts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Names the kind of thing, e.g. `account`.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The name or address is taken; says by what.
    #[error("{0} exists already")]
    Exists(String),
    /// A field's value cannot be; field name and what was expected.
    #[error("{field}: {expected}")]
    Invalid {
        /// JSON name of the field.
        field: &'static str,
        /// What is expected instead, in English.
        expected: String,
    },
    /// Still used by other rows (an agency with children, a domain with accounts).
    #[error("in use: {0}")]
    InUse(String),
    /// The account is under this legal hold, or the agency's deleted accounts are.
    #[error("under the legal hold {0}")]
    Held(String),
    /// The account was somebody's, or holds mail: it does not become another kind of thing.
    #[error("the account was used as what it is")]
    Lived,
    /// It would leave nobody who administers the tree from this top.
    #[error("nobody would be left who administers {0}")]
    LastAdministrator(crate::AgencyId),
    /// The grant by which it would be done sets a limit.
    #[error("the grant allows {0} at most: {1}")]
    Beyond(Measure, u64),
    /// It takes a second person: the number of the request that waits for one.
    #[error("awaits approval {0}")]
    Awaiting(u64),
    /// Who approves is not another person than who asked, as far as can be known.
    #[error("not a second person")]
    NotSecond,
    /// On trial: it would be done, and was not.
    #[error("a dry run")]
    Tried,
    /// It was decided already, or its time is over.
    #[error("closed")]
    Closed,
    /// After wrong passwords: seconds to wait, as at the sign-in.
    #[error("too many failed tries; wait {0} s")]
    Later(u32),
    /// Someone changed it since (If-Match).
    #[error("changed meanwhile")]
    Conflict,
    /// The one who asks may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The account holds rights that the one who asks could not give: who sets its password would have them.
    #[error("not allowed: the account has rights that are not one's to give")]
    Outranked,
    /// By a token that somebody else than its owner made, or may know: nothing is his own by it.
    #[error("not by a token that somebody else made or may know")]
    Lent,
    /// Storage refused or failed.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

/// What a grant limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Accounts in its subtree.
    Accounts,
    /// Octets of their limits together.
    Quota,
}

impl std::fmt::Display for Measure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Accounts => "accounts",
            Self::Quota => "octets of quota together",
        })
    }
}

/// The Access does not allow it. Outside, what one may not see does not exist (I-17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not allowed")]
pub struct Denied;

/// Why a sign-in failed. Peers are told only `Refused` or `Later`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// Unknown name, wrong secret, or an account that may not sign in: not told apart outside.
    #[error("wrong address or password")]
    Refused,
    /// Too many failures from this peer or for this account; seconds to wait.
    #[error("too many failed sign-ins; wait {0} s")]
    Later(u32),
    /// It is the right first password: it opens nothing before a password of one's own is chosen on the sign-in page.
    #[error("a first password: choose one of your own on the sign-in page")]
    ChooseFirst,
    /// The secret is right, and the agency's policy lets nobody in this way; to be told in words.
    #[error("not allowed here: {0:?}")]
    Barred(Barred),
    /// Storage failed.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

/// What a policy bars of a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barred {
    /// The protocol.
    Service,
    /// App passwords.
    AppPassword,
    /// The network.
    Place,
    /// The hour.
    Hour,
    /// The password alone, at a door that asks for no code.
    SecondFactor,
    /// A token at a door of mail that somebody else than the account's owner made, or may know.
    Token,
    /// The token of an impersonation, at another door than that of mail.
    ReadsMail,
    /// A token for mail, at the door of administration.
    MailOnly,
    /// The reverse.
    AdministersOnly,
    /// Any token, at a door of mail.
    MailToken,
}

impl Barred {
    /// In both languages for mail programs that show a server's words, which are ASCII: Vietnamese without its marks first.
    pub const fn said_in_both(self) -> &'static str {
        match self {
            Self::Service => {
                "Co quan ban khong cho dang nhap bang cach nay / Your agency does not allow this way of signing in"
            }
            Self::AppPassword => {
                "Co quan ban khong cho dung mat khau ung dung / Your agency does not allow app passwords"
            }
            Self::Place => {
                "Co quan ban khong cho dang nhap tu mang nay / Your agency does not allow signing in from this network"
            }
            Self::Hour => {
                "Co quan ban khong cho dang nhap vao gio nay / Your agency does not allow signing in at this hour"
            }
            Self::Token => {
                "Ma truy cap do nguoi khac lap hoac co the biet khong mo duoc thu / A token that somebody else made, or may know, opens no mail"
            }
            Self::ReadsMail => "Ma nay chi de doc thu / This token is for reading mail only",
            Self::MailOnly => "Ma nay chi mo thu / This token opens mail only",
            Self::AdministersOnly => "Ma nay khong mo thu / This token opens no mail",
            Self::MailToken => {
                "Co quan ban khong cho dung ma truy cap de mo thu / Your agency lets no token open mail"
            }
            Self::SecondFactor => {
                "Tai khoan nay can xac minh hai buoc, hay dung mat khau ung dung / This account has a second factor, so use an app password here"
            }
        }
    }

    /// In English.
    pub const fn said(self) -> &'static str {
        match self {
            Self::Service => "Your agency does not allow this way of signing in",
            Self::AppPassword => "Your agency does not allow app passwords",
            Self::Place => "Your agency does not allow signing in from this network",
            Self::Hour => "Your agency does not allow signing in at this hour",
            Self::SecondFactor => "This account has a second factor, so use an app password here",
            Self::Token => "A token that somebody else made, or may know, opens no mail",
            Self::ReadsMail => "This token is for reading mail only",
            Self::MailOnly => "This token opens mail only",
            Self::AdministersOnly => "This token opens no mail",
            Self::MailToken => "Your agency lets no token open mail",
        }
    }

    /// The same for people, in Vietnamese.
    pub const fn said_in_vietnamese(self) -> &'static str {
        match self {
            Self::Service => "Cơ quan bạn không cho đăng nhập bằng cách này",
            Self::AppPassword => "Cơ quan bạn không cho dùng mật khẩu ứng dụng",
            Self::Place => "Cơ quan bạn không cho đăng nhập từ mạng này",
            Self::Hour => "Cơ quan bạn không cho đăng nhập vào giờ này",
            Self::SecondFactor => "Tài khoản này cần xác minh hai bước, hãy dùng mật khẩu ứng dụng",
            Self::Token => "Mã truy cập do người khác lập, hoặc có thể biết, không mở được thư",
            Self::ReadsMail => "Mã này chỉ để đọc thư",
            Self::MailOnly => "Mã này chỉ mở thư",
            Self::AdministersOnly => "Mã này không mở thư",
            Self::MailToken => "Cơ quan bạn không cho dùng mã truy cập để mở thư",
        }
    }
}
