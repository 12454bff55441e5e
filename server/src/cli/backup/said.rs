//! What the operator reads when a backup or restore is refused: Vietnamese first, then English.

use super::super::progress::octets;
use storage::backup::{Failure, Refusal};

/// The failure as one sentence in both languages.
pub(in super::super) fn said(failure: Failure) -> anyhow::Error {
    match failure {
        Failure::Refused(refusal) => {
            anyhow::anyhow!("{} / {}", vietnamese(&refusal), english(&refusal))
        }
        Failure::Storage(error) => anyhow::Error::new(error),
    }
}

fn english(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NoRoom {
            place,
            needed,
            free,
        } => format!(
            "{place} has room for {}, but {} are needed",
            octets(*free),
            octets(*needed)
        ),
        other => other.to_string(),
    }
}

fn vietnamese(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Foreign(dir) => {
            format!("{dir} có tệp khác và không phải là bản sao lưu; hãy chọn một thư mục trống")
        }
        Refusal::OtherStore(dir) => {
            format!("{dir} là bản sao lưu của một kho thư khác; hãy chọn thư mục khác")
        }
        Refusal::NoStore(dir) => format!("{dir} không có kho thư"),
        Refusal::NoBackup(dir) => format!("{dir} không có bản sao lưu"),
        Refusal::Inside(dir) => {
            format!(
                "{dir} nằm trong thư mục dữ liệu; bản sao lưu phải ở nơi khác, tốt nhất là máy khác"
            )
        }
        Refusal::Around(dir) => {
            format!(
                "{dir} chứa chính kho thư; hãy chọn một thư mục chỉ để sao lưu, tốt nhất ở máy khác"
            )
        }
        Refusal::NoRoom {
            place,
            needed,
            free,
        } => format!("{place} chỉ còn {}, cần {}", octets(*free), octets(*needed)),
        Refusal::NoPlace(dir) => {
            format!("{dir} không phải là nơi ghi được tệp; hãy chọn một thư mục trên đĩa")
        }
        Refusal::Busy(dir) => {
            format!("một lần sao lưu hoặc dọn dẹp khác đang chạy trong {dir}; hãy chờ nó xong")
        }
        Refusal::NoManifest(dir) => format!("trong {dir} không có bản sao lưu như vậy"),
        Refusal::NotEmpty(dir) => format!("{dir} không trống; khôi phục cần một thư mục trống"),
        Refusal::Damaged(why) => format!(
            "kho thư bị hỏng ({why}); không tạo bản sao lưu, các bản cũ vẫn nguyên: hãy dừng máy chủ và chạy \
             `congvu store repair`"
        ),
        Refusal::NoAccount => "bản sao lưu không có tài khoản này".into(),
        Refusal::NoMailbox(name) => {
            format!("trong bản sao lưu, tài khoản không có hộp thư {name}")
        }
        Refusal::NoFormat(_)
        | Refusal::TwoFormats(_)
        | Refusal::KeyMissing(_)
        | Refusal::KeyWrong(_)
        | Refusal::NotSealed(_)
        | Refusal::KeyringLost(_)
        | Refusal::NoSpare(_)
        | Refusal::OtherSpare(_)
        | Refusal::NoKeyring(_) => of_keys(refusal),
        Refusal::Stopped => "đã dừng; chạy lại cùng lệnh để tiếp tục".into(),
    }
}

/// The same of what opens a backup, or the store in it.
fn of_keys(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NoFormat(dir) => format!(
            "{dir} có bản sao lưu mà hai tệp `format` và `format.copy` đều hỏng hoặc mất: chúng giữ khoá của nó, không gì \
             khác mở được. Hãy tìm một bản chép của thư mục này và đặt lại một trong hai tệp; cho đến lúc đó hãy để nguyên \
             và sao lưu vào thư mục khác"
        ),
        Refusal::TwoFormats(dir) => format!(
            "{dir} có `format` của một bản sao lưu và `format.copy` của một bản khác; không thay đổi gì: hãy lấy ra tệp \
             đến từ nơi khác"
        ),
        Refusal::KeyMissing(dir) => {
            format!("bản sao lưu trong {dir} được niêm phong; hãy cho tệp khoá hoặc mật khẩu")
        }
        Refusal::KeyWrong(dir) => {
            format!("khoá hoặc mật khẩu này không mở được bản sao lưu trong {dir}")
        }
        Refusal::NotSealed(dir) => {
            format!(
                "bản sao lưu trong {dir} không được niêm phong; muốn niêm phong, hãy chọn thư mục khác"
            )
        }
        Refusal::KeyringLost(dir) => format!(
            "bản sao lưu trong {dir} đã mất vòng khoá của kho thư, không có nó thì không ai đọc được gì; không ghi gì cả. Một \
             vòng khoá khác của cùng kho giúp được: tệp `keyring` trong thư mục `store` của chính máy chủ, của một bản chép, \
             hoặc của kho khôi phục từ thư mục sao lưu khác; hãy nêu bằng --keyring TỆP, hoặc thử bản sao lưu cũ hơn bằng \
             --manifest"
        ),
        Refusal::NoSpare(file) => format!(
            "{file} không phải là vòng khoá, hoặc đã hỏng; không ghi gì cả. Hãy nêu tệp `keyring` trong một thư mục `store` \
             của cùng máy chủ bằng --keyring TỆP"
        ),
        Refusal::OtherSpare(file) => format!(
            "vòng khoá {file} không mở được bằng khoá chủ trong cấu hình; không ghi gì cả. Hãy nêu vòng khoá của cùng kho \
             này, hoặc đặt key_file là khoá của thời đó (khoá đã thay được giữ ở TỆP.old-N)"
        ),
        Refusal::NoKeyring(dir) => format!(
            "vòng khoá của kho thư mã hoá trong {dir} đã mất hoặc hỏng; không tạo bản sao lưu. Máy chủ đang chạy còn \
             giữ nó trong bộ nhớ và sẽ ghi lại: đừng dừng nó, hãy chạy `congvu admin store verify`. Nếu không có máy \
             chủ nào chạy, hãy khôi phục bản sao lưu mới nhất vào thư mục khác rồi chép hai tệp ấy từ kho của nó"
        ),
        other => other.to_string(),
    }
}
