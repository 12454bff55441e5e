//! What the pages of the second factor say, in Vietnamese first and in English.

use crate::words::Language;

/// What went wrong with a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slip {
    Wrong,
    /// The password, where that is asked for again.
    Password,
    /// Seconds to wait.
    Later(u32),
    /// The same, of one code alone: others tried many.
    Beset(u32),
    /// The agency demands the factor.
    Demanded,
    Unavailable,
}

/// Every text of these pages.
pub(crate) struct Words {
    pub(crate) name: &'static str,
    pub(crate) code: &'static str,
    pub(crate) code_why: &'static str,
    pub(crate) code_hint: &'static str,
    pub(crate) lost: &'static str,
    pub(crate) lost_answer: &'static str,
    pub(crate) go_on: &'static str,
    pub(crate) set_title: &'static str,
    pub(crate) demanded: &'static str,
    pub(crate) steps: [&'static str; 3],
    pub(crate) picture: &'static str,
    pub(crate) by_hand: &'static str,
    pub(crate) set: &'static str,
    pub(crate) spare_title: &'static str,
    pub(crate) spare_why: &'static str,
    pub(crate) spare_kept: &'static str,
    pub(crate) is_off: &'static str,
    pub(crate) is_due: &'static str,
    /// The date stands between.
    pub(crate) is_on: (&'static str, &'static str),
    /// The number stands between.
    pub(crate) left: (&'static str, &'static str),
    pub(crate) programs: &'static str,
    pub(crate) password: &'static str,
    pub(crate) begin: &'static str,
    pub(crate) renew: &'static str,
    pub(crate) change: &'static str,
    pub(crate) withdraw: &'static str,
    pub(crate) back: &'static str,
    wrong: &'static str,
    wrong_password: &'static str,
    later: (&'static str, &'static str),
    beset: (&'static str, &'static str),
    bound: &'static str,
    unavailable: &'static str,
}

static VIETNAMESE: Words = Words {
    name: "Xác minh hai bước",
    code: "Mã xác minh",
    code_why: "Hãy mở ứng dụng xác minh trên điện thoại và nhập mã 6 chữ số đang hiện.",
    code_hint: "Hoặc một mã dự phòng, mỗi mã dùng một lần.",
    lost: "Không có điện thoại?",
    lost_answer: "Hãy dùng một mã dự phòng đã lưu. Nếu không còn mã nào, hãy liên hệ cán bộ quản trị thư điện tử của cơ quan bạn để được gỡ xác minh hai bước.",
    go_on: "Tiếp tục",
    set_title: "Thiết lập xác minh hai bước",
    demanded: "Cơ quan bạn yêu cầu xác minh hai bước. Hãy thiết lập một lần để tiếp tục.",
    steps: [
        "Cài một ứng dụng xác minh trên điện thoại, ví dụ Google Authenticator, Microsoft Authenticator, Aegis hoặc FreeOTP.",
        "Trong ứng dụng, quét mã này.",
        "Nhập mã 6 chữ số mà ứng dụng hiện ra.",
    ],
    picture: "Mã QR để quét bằng ứng dụng xác minh",
    by_hand: "Không quét được? Nhập khoá này bằng tay:",
    set: "Bật xác minh hai bước",
    spare_title: "Lưu các mã dự phòng",
    spare_why: "Khi không có điện thoại, mỗi mã này thay được mã của ứng dụng một lần. Hãy in hoặc chép lại và cất nơi an toàn: chúng chỉ hiện lần này.",
    spare_kept: "Tôi đã lưu, tiếp tục",
    is_off: "Đang tắt: chỉ cần mật khẩu là đăng nhập được. Khi bật, trang đăng nhập hỏi thêm mã trên điện thoại của bạn, nên kẻ biết mật khẩu cũng không vào được.",
    is_due: "Chưa thiết lập, mà cơ quan bạn yêu cầu xác minh hai bước: lần đăng nhập sau sẽ hỏi. Hãy thiết lập ngay bây giờ.",
    is_on: ("Đang bật từ ngày ", "."),
    left: ("Còn ", " mã dự phòng."),
    programs: "Phần mềm thư (Outlook, Thunderbird, điện thoại) không hỏi được mã: chúng đăng nhập bằng mật khẩu ứng dụng.",
    password: "Mật khẩu hiện tại",
    begin: "Thiết lập",
    renew: "Lập mã dự phòng mới",
    change: "Đổi sang điện thoại khác",
    withdraw: "Tắt xác minh hai bước",
    back: "Về hộp thư",
    wrong: "Mã không đúng hoặc đã dùng. Hãy chờ mã kế tiếp; nếu vẫn không được, hãy xem lại giờ trên điện thoại.",
    wrong_password: "Mật khẩu không đúng.",
    later: ("Đã nhập sai nhiều lần. Hãy thử lại sau ", " giây."),
    beset: (
        "Có người đã nhập sai nhiều mã của tài khoản này. Hãy nhập liền nhau hai mã kế tiếp của ứng dụng (chờ mã thứ hai hiện ra), hoặc một mã dự phòng; hoặc thử lại sau ",
        " giây.",
    ),
    bound: "Cơ quan bạn yêu cầu xác minh hai bước nên không tắt được.",
    unavailable: "Máy chủ tạm thời chưa làm được việc này. Hãy thử lại sau ít phút.",
};

static ENGLISH: Words = Words {
    name: "Two-step verification",
    code: "Verification code",
    code_why: "Open the authenticator app on your telephone and enter the 6 digits that it shows.",
    code_hint: "Or a spare code; each is good once.",
    lost: "No telephone at hand?",
    lost_answer: "Use one of the spare codes that you kept. If none is left, ask the mail administrator of your agency to take two-step verification away.",
    go_on: "Continue",
    set_title: "Set up two-step verification",
    demanded: "Your agency asks for two-step verification. Set it up once to go on.",
    steps: [
        "Install an authenticator app on your telephone, such as Google Authenticator, Microsoft Authenticator, Aegis or FreeOTP.",
        "Scan this code in the app.",
        "Enter the 6 digits that the app shows.",
    ],
    picture: "QR code to be scanned by an authenticator app",
    by_hand: "Cannot scan it? Type this key:",
    set: "Turn on two-step verification",
    spare_title: "Keep your spare codes",
    spare_why: "Without your telephone each of these stands once for a code of the app. Print or copy them and keep them safe: they are shown this once.",
    spare_kept: "I have kept them, continue",
    is_off: "Off: the password alone signs in. When it is on, the sign-in page also asks for a code from your telephone, so that who knows the password does not get in.",
    is_due: "Not set up yet, and your agency asks for two-step verification: you will be asked at your next sign-in. Set it up now.",
    is_on: ("On since ", "."),
    left: ("", " spare codes are left."),
    programs: "Mail programs (Outlook, Thunderbird, telephones) cannot ask for a code: they sign in by app passwords.",
    password: "Current password",
    begin: "Set up",
    renew: "Make new spare codes",
    change: "Use another telephone",
    withdraw: "Turn off two-step verification",
    back: "Back to the mailbox",
    wrong: "The code is not right, or was used already. Wait for the next one; if that fails too, check the clock of your telephone.",
    wrong_password: "The password is not right.",
    later: ("Too many wrong entries. Try again in ", " seconds."),
    beset: (
        "Somebody entered many wrong codes for this account. Enter two codes of the app that follow each other, one behind the other (wait for the second to appear), or a spare code; or try again in ",
        " seconds.",
    ),
    bound: "Your agency asks for two-step verification, so it cannot be turned off.",
    unavailable: "The server cannot do this right now. Try again in a few minutes.",
};

impl Language {
    /// The words of these pages.
    pub(crate) fn of_second(self) -> &'static Words {
        match self {
            Self::Vietnamese => &VIETNAMESE,
            Self::English => &ENGLISH,
        }
    }
}

impl Words {
    pub(crate) fn slip(&self, slip: Slip) -> String {
        match slip {
            Slip::Wrong => self.wrong.to_owned(),
            Slip::Password => self.wrong_password.to_owned(),
            Slip::Later(s) => format!("{}{s}{}", self.later.0, self.later.1),
            Slip::Beset(s) => format!("{}{s}{}", self.beset.0, self.beset.1),
            Slip::Demanded => self.bound.to_owned(),
            Slip::Unavailable => self.unavailable.to_owned(),
        }
    }
}
