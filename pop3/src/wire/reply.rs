//! RFC 1939 §3, RFC 2449 §8, RFC 3206, RFC 6856 §3: every sentence said, in each language.

use directory::Barred;

/// A language of the human-readable text (RFC 6856 §3). English is what a session begins with: it is ASCII.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Language {
    #[default]
    En,
    Vi,
}

/// Tag (RFC 5646 §2.1), the language's own name for itself.
pub const LANGUAGES: [(Language, &str, &str); 2] = [
    (Language::En, "en", "English"),
    (Language::Vi, "vi", "Tiếng Việt"),
];

impl Language {
    /// What a language range asks for; `*` is what the server prefers. `en-GB` finds `en`.
    pub fn of(range: &str) -> Option<Self> {
        if range == "*" {
            return Some(Self::Vi);
        }
        let primary = range.split('-').next().unwrap_or_default();
        let row = LANGUAGES
            .iter()
            .find(|row| row.1.eq_ignore_ascii_case(primary))?;
        Some(row.0)
    }

    /// Its tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Vi => "vi",
        }
    }
}

/// One sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phrase {
    /// RFC 2449 §8, without brackets.
    code: Option<&'static str>,
    en: &'static str,
    vi: &'static str,
}

const fn plain(en: &'static str, vi: &'static str) -> Phrase {
    Phrase { code: None, en, vi }
}

const fn coded(code: &'static str, en: &'static str, vi: &'static str) -> Phrase {
    Phrase {
        code: Some(code),
        en,
        vi,
    }
}

impl Phrase {
    /// `[code] text`.
    pub fn text(self, language: Language) -> String {
        let text = match language {
            Language::En => self.en,
            Language::Vi => self.vi,
        };
        match self.code {
            Some(code) => format!("[{code}] {text}"),
            None => text.to_owned(),
        }
    }
}

pub(crate) const READY: Phrase = plain("Congvu POP3 is ready", "Congvu POP3 sẵn sàng");
pub(crate) const GOODBYE: Phrase = plain("Goodbye", "Tạm biệt");
pub(crate) const LIST_FOLLOWS: Phrase = plain("List follows", "Danh sách kèm sau");
pub(crate) const BEGIN_TLS: Phrase = plain("Begin TLS negotiation now", "Bắt đầu TLS");
pub(crate) const NOW_PASS: Phrase = plain("Now the password", "Mời nhập mật khẩu");
pub(crate) const UTF8_ON: Phrase = plain("UTF-8 is on", "Đã bật UTF-8");
pub(crate) const LANGUAGE_SET: Phrase = plain("English it is", "Đã chọn tiếng Việt");
pub(crate) const MARKED: Phrase = plain("Marked as deleted", "Đã đánh dấu xoá");
pub(crate) const UNMARKED: Phrase = plain("Nothing is marked", "Đã bỏ mọi đánh dấu");
pub(crate) const DONE: Phrase = plain("Nothing done", "Không làm gì");

pub(crate) const UNKNOWN: Phrase = plain("No such command", "Không có lệnh này");
pub(crate) const ARGUMENTS: Phrase = plain(
    "The arguments do not fit the command",
    "Tham số không hợp với lệnh",
);
pub(crate) const OCTETS: Phrase = plain(
    "The line is not clean UTF-8",
    "Dòng lệnh không phải UTF-8 hợp lệ",
);
pub(crate) const TOO_LONG: Phrase = plain("The line is too long", "Dòng lệnh quá dài");
pub(crate) const TOO_MANY_BAD: Phrase = plain(
    "Too many commands that cannot be understood",
    "Quá nhiều lệnh không hiểu được",
);
pub(crate) const SIGN_IN_FIRST: Phrase = plain("Sign in first", "Hãy đăng nhập trước");
pub(crate) const SIGNED_IN_ALREADY: Phrase = plain("Signed in already", "Đã đăng nhập rồi");
pub(crate) const TLS_FIRST: Phrase = plain(
    "Start TLS (STLS) before signing in",
    "Hãy bật TLS (STLS) trước khi đăng nhập",
);
pub(crate) const TLS_ON: Phrase = plain("TLS is on already", "TLS đã bật");
pub(crate) const STLS_LATE: Phrase = plain("STLS comes before UTF8", "STLS phải trước UTF8");
pub(crate) const USER_FIRST: Phrase = plain("USER comes first", "Phải gửi USER trước");
pub(crate) const NO_APOP: Phrase = plain(
    "APOP is not offered; use USER and PASS, or AUTH",
    "Không hỗ trợ APOP; hãy dùng USER và PASS, hoặc AUTH",
);
pub(crate) const NO_MECHANISM: Phrase = plain(
    "This mechanism is not offered",
    "Không hỗ trợ cơ chế xác thực này",
);
pub(crate) const NO_LANGUAGE: Phrase = plain("No such language", "Không có ngôn ngữ này");
pub(crate) const CANCELLED: Phrase = plain("AUTH was cancelled", "Đã huỷ AUTH");
pub(crate) const MALFORMED: Phrase = plain(
    "The answer does not fit the mechanism",
    "Câu trả lời không đúng cơ chế xác thực",
);
pub(crate) const NO_MESSAGE: Phrase = plain("No such message", "Không có thư này");
pub(crate) const GONE: Phrase = plain(
    "The message is gone: somebody else removed it",
    "Thư không còn: nơi khác đã xoá",
);

pub(crate) const REFUSED: Phrase = coded(
    "AUTH",
    "Wrong address or password",
    "Sai địa chỉ hoặc mật khẩu",
);
pub(crate) const CHOOSE_FIRST: Phrase = coded(
    "AUTH",
    "First password: sign in to the webmail and choose your own",
    "Mật khẩu lần đầu: hãy đăng nhập trang web thư để đặt mật khẩu riêng",
);
pub(crate) const DOWNGRADED: Phrase = coded(
    "AUTH",
    "SCRAM-SHA-256-PLUS is offered here, but the client does not know it: choose it, or see who is in between",
    "Máy chủ có SCRAM-SHA-256-PLUS mà phần mềm không biết: hãy chọn nó, hoặc xem ai đứng giữa",
);
pub(crate) const SWITCHED_OFF: Phrase = coded(
    "AUTH",
    "POP3 is off for this account; an administrator can turn it on",
    "Tài khoản này chưa được bật POP3; hãy đề nghị quản trị viên bật",
);
/// A sign-in that the agency's policy bars.
pub(crate) const fn barred(why: Barred) -> Phrase {
    coded("AUTH", why.said(), why.said_in_vietnamese())
}
pub(crate) const NO_MAILDROP: Phrase = coded(
    "AUTH",
    "This account has no maildrop",
    "Tài khoản này không có hộp thư",
);
pub(crate) const IN_USE: Phrase = coded(
    "IN-USE",
    "Another session has this maildrop open; try later",
    "Phiên khác đang mở hộp thư này; hãy thử lại sau",
);
pub(crate) const LATER: Phrase = coded(
    "SYS/TEMP",
    "Too many failed sign-ins; try later",
    "Đăng nhập sai quá nhiều lần; hãy thử lại sau",
);
pub(crate) const TOO_MANY_FAILED: Phrase = coded(
    "SYS/TEMP",
    "Too many failed sign-ins on this connection",
    "Kết nối này đăng nhập sai quá nhiều lần",
);
pub(crate) const UNAVAILABLE: Phrase = coded(
    "SYS/TEMP",
    "The server cannot do this now; try later",
    "Máy chủ chưa làm được lúc này; hãy thử lại sau",
);
pub(crate) const NOT_REMOVED: Phrase = coded(
    "SYS/TEMP",
    "The messages were not removed; try later",
    "Chưa xoá được thư; hãy thử lại sau",
);
pub(crate) const DAMAGED: Phrase = coded(
    "SYS/PERM",
    "The server found damaged data",
    "Máy chủ gặp dữ liệu hỏng",
);
pub(crate) const SHUTTING_DOWN: Phrase = coded(
    "SYS/TEMP",
    "The server is shutting down",
    "Máy chủ đang dừng",
);
/// Ends the session without removing anything: the account was suspended, its password changed.
pub(crate) const ENDED: Phrase = coded(
    "AUTH",
    "The sign-in no longer stands",
    "Phiên đăng nhập không còn hiệu lực",
);

/// How many messages there are, as a sentence.
pub(crate) fn total(language: Language, messages: usize, octets: u64) -> String {
    match language {
        Language::En => format!("{messages} messages ({octets} octets)"),
        Language::Vi => format!("{messages} thư ({octets} byte)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_found_by_their_primary_subtag() {
        for (range, expected) in [
            ("en", Some(Language::En)),
            ("EN-gb", Some(Language::En)),
            ("vi-VN", Some(Language::Vi)),
            ("*", Some(Language::Vi)),
            ("fr", None),
            ("", None),
        ] {
            assert_eq!(Language::of(range), expected, "{range}");
        }
        for (language, tag, _) in LANGUAGES {
            assert_eq!(language.tag(), tag);
        }
    }

    #[test]
    fn codes_stand_in_front() {
        assert_eq!(GOODBYE.text(Language::Vi), "Tạm biệt");
        let text = REFUSED.text(Language::En);
        assert_eq!(text, "[AUTH] Wrong address or password");
    }
}
