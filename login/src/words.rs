//! What the pages say, in Vietnamese first and in English.

use directory::Barred;

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
    pub(crate) choose: &'static str,
    pub(crate) choose_why: &'static str,
    pub(crate) choose_do: &'static str,
    pub(crate) new_password: &'static str,
    pub(crate) new_password_hint: &'static str,
    pub(crate) repeated: &'static str,
    unfit: [&'static str; 6],
    classes: [&'static str; 3],
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
    choose: "Đặt mật khẩu của bạn",
    choose_why: "Bạn vừa nhập mật khẩu lần đầu. Hãy đặt mật khẩu riêng, chỉ mình bạn biết; sau đó mật khẩu lần đầu không còn dùng được.",
    choose_do: "Đặt mật khẩu và đăng nhập",
    new_password: "Mật khẩu mới",
    new_password_hint: "Ít nhất 8 ký tự, có ba trong bốn loại: chữ thường, chữ hoa, chữ số, ký tự khác; không chứa địa chỉ thư. Cơ quan bạn có thể đòi hỏi nhiều hơn.",
    repeated: "Nhập lại mật khẩu mới",
    unfit: [
        "Hai lần nhập không giống nhau.",
        "Mật khẩu cần từ # đến 256 ký tự.",
        "Mật khẩu cần # trong bốn loại: chữ thường, chữ hoa, chữ số, ký tự khác.",
        "Mật khẩu không được chứa địa chỉ thư của bạn.",
        "Hãy chọn mật khẩu khác với mật khẩu lần đầu.",
        "Mật khẩu phải khác # mật khẩu gần đây của bạn.",
    ],
    classes: ["hai", "ba", "cả bốn"],
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
    choose: "Choose your password",
    choose_why: "You entered a first password. Choose one of your own that only you know; after that the first one is void.",
    choose_do: "Set the password and sign in",
    new_password: "New password",
    new_password_hint: "At least 8 characters, of three of these kinds: lower case, upper case, digits, others; without your mail address in it. Your agency may ask for more.",
    repeated: "New password once more",
    unfit: [
        "The two entries are not the same.",
        "A password needs # to 256 characters.",
        "A password needs # of: lower case, upper case, digits, other characters.",
        "The password must not have your mail address in it.",
        "Choose another password than the first one.",
        "The password must not be one of your last #.",
    ],
    classes: ["two", "three", "all"],
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
    /// The password is right, and the agency's policy lets nobody in this way.
    Barred(Barred),
}

/// Why a password cannot be one's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    Differs,
    /// Fewer characters than this, or too many.
    Length(u64),
    /// Fewer kinds of characters than this: two to four.
    Classes(usize),
    Address,
    Same,
    /// One of the last so many.
    Former(u64),
}

/// Seconds from which a wait is told in minutes.
const IN_MINUTES_S: u32 = 120;

impl Words {
    /// What is wrong with a password that was chosen.
    pub(crate) fn unfit(&self, why: Unfit) -> String {
        let (text, number) = match why {
            Unfit::Differs => (self.unfit[0], String::new()),
            Unfit::Length(least) => (self.unfit[1], least.to_string()),
            Unfit::Classes(n) => {
                let words = self.classes[n.clamp(2, 4) - 2];
                (self.unfit[2], words.to_owned())
            }
            Unfit::Address => (self.unfit[3], String::new()),
            Unfit::Same => (self.unfit[4], String::new()),
            Unfit::Former(last) => (self.unfit[5], last.to_string()),
        };
        text.replace('#', &number)
    }

    /// What to tell, and that is all that is told: not whether the address exists.
    pub(crate) fn trouble(&self, trouble: Trouble) -> String {
        match trouble {
            Trouble::Wrong => self.wrong.to_owned(),
            Trouble::Empty => self.empty.to_owned(),
            Trouble::AppPassword => self.app_password.to_owned(),
            Trouble::Stale => self.stale.to_owned(),
            Trouble::Unavailable => self.unavailable.to_owned(),
            Trouble::Barred(why) if std::ptr::eq(self, &ENGLISH) => format!("{}.", why.said()),
            Trouble::Barred(why) => format!("{}.", why.said_in_vietnamese()),
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
