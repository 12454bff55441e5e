//! What the pages say, in Vietnamese first and in English.

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Vietnamese,
    English,
}

impl Language {
    /// From `vi` or `en`.
    pub(crate) fn from_code(code: &str) -> Option<Self> {
        match code {
            "vi" => Some(Self::Vietnamese),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Vietnamese => "vi",
            Self::English => "en",
        }
    }

    pub(crate) fn words(self) -> &'static Words {
        match self {
            Self::Vietnamese => &VIETNAMESE,
            Self::English => &ENGLISH,
        }
    }
}

/// Every text of the sign-in page.
pub(crate) struct Words {
    pub(crate) product: &'static str,
    pub(crate) tagline: &'static str,
    pub(crate) sign_in: &'static str,
    pub(crate) address: &'static str,
    /// The domain follows.
    pub(crate) address_hint: &'static str,
    pub(crate) password: &'static str,
    pub(crate) forgotten: &'static str,
    pub(crate) forgotten_answer: &'static str,
    pub(crate) care: &'static str,
    pub(crate) language: &'static str,
    wrong: &'static str,
    empty: &'static str,
    app_password: &'static str,
    stale: &'static str,
    unavailable: &'static str,
    later_seconds: (&'static str, &'static str),
    later_minutes: (&'static str, &'static str),
}

static VIETNAMESE: Words = Words {
    product: "Công vụ",
    tagline: "Thư điện tử công vụ",
    sign_in: "Đăng nhập",
    address: "Địa chỉ thư",
    address_hint: "Ví dụ: annv@",
    password: "Mật khẩu",
    forgotten: "Quên mật khẩu?",
    forgotten_answer: "Hãy liên hệ cán bộ quản trị thư điện tử của cơ quan bạn để được đặt lại mật khẩu.",
    care: "Không ai được phép hỏi mật khẩu của bạn, kể cả cán bộ quản trị.",
    language: "Ngôn ngữ",
    wrong: "Địa chỉ hoặc mật khẩu không đúng.",
    empty: "Hãy nhập địa chỉ thư và mật khẩu.",
    app_password: "Đây là mật khẩu ứng dụng, chỉ dùng cho phần mềm thư. Hãy nhập mật khẩu của tài khoản.",
    stale: "Trang đã quá hạn hoặc trình duyệt chặn cookie. Hãy đăng nhập lại; nếu vẫn không được, hãy cho phép cookie cho trang này.",
    unavailable: "Máy chủ tạm thời chưa kiểm tra được mật khẩu. Hãy thử lại sau ít phút.",
    later_seconds: ("Đã nhập sai nhiều lần. Hãy thử lại sau ", " giây."),
    later_minutes: ("Đã nhập sai nhiều lần. Hãy thử lại sau ", " phút."),
};

static ENGLISH: Words = Words {
    product: "Công vụ",
    tagline: "Government mail",
    sign_in: "Sign in",
    address: "Mail address",
    address_hint: "For example: annv@",
    password: "Password",
    forgotten: "Forgot your password?",
    forgotten_answer: "Ask the mail administrator of your agency to set a new one.",
    care: "Nobody may ask you for your password, not even an administrator.",
    language: "Language",
    wrong: "The address or the password is not right.",
    empty: "Enter your mail address and password.",
    app_password: "This is an app password, which is for mail programs only. Enter the password of your account.",
    stale: "This page was too old, or your browser blocks cookies. Sign in again; if it does not work, allow cookies for this site.",
    unavailable: "The server cannot check passwords right now. Try again in a few minutes.",
    later_seconds: ("Too many wrong entries. Try again in ", " seconds."),
    later_minutes: ("Too many wrong entries. Try again in ", " minutes."),
};

/// Why the page is shown again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    Wrong,
    Empty,
    AppPassword,
    /// Without the form's token, or from another site.
    Stale,
    /// Seconds to wait.
    Later(u32),
    Unavailable,
}

/// Seconds from which a wait is told in minutes.
const IN_MINUTES_S: u32 = 120;

impl Words {
    /// What to tell, and that is all that is told: not whether the address exists.
    pub(crate) fn trouble(&self, trouble: Trouble) -> String {
        match trouble {
            Trouble::Wrong => self.wrong.to_owned(),
            Trouble::Empty => self.empty.to_owned(),
            Trouble::AppPassword => self.app_password.to_owned(),
            Trouble::Stale => self.stale.to_owned(),
            Trouble::Unavailable => self.unavailable.to_owned(),
            Trouble::Later(s) if s >= IN_MINUTES_S => {
                format!(
                    "{}{}{}",
                    self.later_minutes.0,
                    s.div_ceil(60),
                    self.later_minutes.1
                )
            }
            Trouble::Later(1) if std::ptr::eq(self, &ENGLISH) => {
                format!("{}1 second.", self.later_seconds.0)
            }
            Trouble::Later(s) => format!("{}{s}{}", self.later_seconds.0, self.later_seconds.1),
        }
    }
}
