//! What is wrong with rows and files, in words: why, and how to mend it.

use crate::phrase::{in_english, in_vietnamese};
use crate::problem::{Text, text};
use directory::bulk::{Column, Failure, Fault};

/// The name of a fault in answers; it does not change.
pub(crate) const fn code(fault: &Fault) -> &'static str {
    match fault {
        Fault::Missing => "missing",
        Fault::Invalid(_) => "invalid",
        Fault::NoAgency => "no-agency",
        Fault::NoAccount => "no-account",
        Fault::Taken => "taken",
        Fault::Twice(_) => "twice",
        Fault::Loop => "loop",
        Fault::Cells(..) => "cells",
        Fault::NotAllowed => "not-allowed",
        Fault::InUse(_) => "in-use",
        Fault::Held(_) => "held",
        Fault::Changed => "changed",
        Fault::Used => "used",
        Fault::Gone => "gone",
        Fault::Before(_) => "before",
        Fault::TooManyAccounts(_) => "too-many-accounts",
        Fault::TooMuchQuota(_) => "too-much-quota",
        Fault::TakesTwo => "takes-two",
        Fault::NoPosition => "no-position",
        Fault::Several(_) => "several",
        Fault::ByHandover => "by-handover",
        Fault::OwnSecrets => "own-secrets",
        Fault::NeedsReason => "needs-reason",
        Fault::LastAdministrator(_) => "last-administrator",
    }
}

/// Why, and how to mend it; in a cell of this column, `None`: of the row as a whole.
pub(crate) fn words(fault: &Fault, column: Option<Column>) -> Text {
    match fault {
        Fault::Missing => text(
            "ô này cần có giá trị; hãy điền vào",
            "this cell needs a value; fill it in",
        ),
        Fault::Invalid(expected) => text(
            format!("giá trị không dùng được; cần: {}", in_vietnamese(expected)),
            format!("this value cannot be; expected: {}", in_english(expected)),
        ),
        Fault::NoAgency => text(
            "không có cơ quan này trong phạm vi của bạn; nếu chính tệp này lập nó, hãy để dòng của nó lên trên",
            "no such agency in your scope; if this file makes it, put its row above this one",
        ),
        Fault::NoAccount => text(
            "không có tài khoản này trong phạm vi của bạn; hãy kiểm tra địa chỉ, hoặc lập tài khoản trước",
            "no such account in your scope; check the address, or make the account first",
        ),
        Fault::Taken => taken(column),
        Fault::Twice(row) => text(
            format!("trùng với dòng {row}; hãy bỏ một trong hai dòng"),
            format!("the same as row {row}; remove one of the two"),
        ),
        Fault::Loop => text(
            "cơ quan không thể trực thuộc chính nó hoặc cơ quan dưới nó; hãy chọn cấp trên khác",
            "an agency cannot hang under itself or under one below it; choose another agency above",
        ),
        Fault::Cells(has, wants) => cells(*has, *wants),
        Fault::NotAllowed => text(
            "bạn không có quyền thay đổi mục này; hãy bỏ dòng này hoặc nhờ quản trị cấp trên",
            "you may not change this; remove the row, or ask an administrator above you",
        ),
        Fault::InUse(what) => text(
            format!("còn được dùng: {}", in_vietnamese(what)),
            format!("still in use: {what}"),
        ),
        Fault::Held(hold) => text(
            format!("thư còn thuộc lệnh giữ “{hold}”"),
            format!("mail is under the legal hold “{hold}”"),
        ),
        Fault::Changed => text(
            "đã có người sửa sau đó; giữ nguyên như hiện nay",
            "somebody changed it since; it stays as it is",
        ),
        Fault::Used => text(
            "tài khoản đã được dùng (có thư, hoặc đã có mật khẩu); giữ nguyên, muốn bỏ hãy xoá riêng",
            "the account was used (it has mail, or a password); it stays: delete it by itself if that is meant",
        ),
        Fault::Gone => text("không còn nữa", "it is gone already"),
        Fault::Before(column) => text(
            format!("giá trị trước kia của cột `{column}` nay không còn đặt lại được"),
            format!("what the column `{column}` held before cannot stand now"),
        ),
        Fault::TooManyAccounts(most) => too_many(*most),
        Fault::TooMuchQuota(most) => too_much(*most),
        Fault::TakesTwo => text(
            "việc này cần hai người, không làm bằng tệp được; hãy chuyển riêng mục này rồi nhờ người khác duyệt",
            "this takes two persons and cannot be done by a file; move it by itself and have somebody approve it",
        ),
        Fault::NoPosition => text(
            "không có vị trí mang số này trong phạm vi của bạn; để trống ô này nếu muốn lập vị trí mới",
            "no position of this number in your scope; leave the cell empty to make a new one",
        ),
        Fault::Several(of) => several(*of),
        Fault::ByHandover => by_handover(),
        Fault::OwnSecrets => own_secrets(),
        Fault::NeedsReason => needs_reason(),
        Fault::LastAdministrator(top) => last_administrator(top),
    }
}

fn last_administrator(top: &str) -> Text {
    text(
        format!(
            "tài khoản cuối cùng quản trị được toàn bộ {top}; hãy giao vai trò administrator ở {top} cho người khác trước"
        ),
        format!(
            "the last account that administers all of {top}; give the role administrator at {top} to another one first"
        ),
    )
}

fn taken(column: Option<Column>) -> Text {
    match column {
        Some(Column::Address | Column::Aliases) => text(
            "đã có nơi dùng, hoặc là địa chỉ mới thôi dùng nên còn để nghỉ; hãy chọn địa chỉ khác",
            "it is taken, or was until lately and rests; choose another address",
        ),
        Some(Column::Id | Column::Codes) => text(
            "mã này đã có hoặc không cấp được ở đây; hãy chọn mã khác, hoặc hỏi quản trị cấp trên",
            "this code is there already or cannot be given here; choose another, or ask an administrator above you",
        ),
        _ => text(
            "đã có nơi dùng; hãy chọn giá trị khác",
            "it is taken already; choose another",
        ),
    }
}

fn cells(has: u64, wants: u64) -> Text {
    text(
        format!(
            "dòng có {has} ô, còn dòng tiêu đề có {wants}; hãy xem lại dấu phân cách và dấu nháy kép"
        ),
        format!(
            "the row has {has} cells, its header {wants}; look at delimiters and quotation marks"
        ),
    )
}

fn by_handover() -> Text {
    text(
        "người giữ, ngày nhận và việc quyền của vị trí đã có không đổi bằng tệp; hãy bàn giao: congvu admin positions handover SỐ --to ĐỊA-CHỈ",
        "who holds a position that is there, since when and whether acting does not change by a file; hand it over: \
             congvu admin positions handover NUMBER --to ADDRESS",
    )
}

fn needs_reason() -> Text {
    text(
        "việc này đưa thư của người khác sang tài khoản này, hoặc cho chính bạn vào hộp thư chung, nên phải nêu lý do, không làm bằng \
             tệp được; hãy làm riêng mục này với --reason",
        "by this mail meant for somebody else comes to this account, or you let yourself into a shared mailbox: it needs a reason and \
             cannot be done by a file; do it by itself with --reason",
    )
}

fn own_secrets() -> Text {
    text(
        "hộp thư này có mật khẩu, phiên, chuyển tiếp hoặc người gửi thay riêng, sẽ mất hẳn khi có người nhận; hãy nhập vị trí không \
             kèm người giữ rồi bàn giao",
        "this mailbox has passwords, sessions, forwarding or senders of its own, which end for good when somebody takes it over; \
             import the position without a holder, then hand it over",
    )
}

fn several(of: u64) -> Text {
    text(
        format!("có {of} vị trí như vậy; hãy ghi thêm thứ tự hoặc số vị trí để chỉ rõ"),
        format!("there are {of} such positions; say by the order, or the number, which is meant"),
    )
}

fn too_many(most: u64) -> Text {
    text(
        format!(
            "quyền của bạn cho nhiều nhất {most} tài khoản; hãy bỏ bớt dòng hoặc xin cấp trên tăng"
        ),
        format!(
            "your grant allows {most} accounts at most; leave rows out, or ask whoever gave it for more"
        ),
    )
}

fn too_much(most: u64) -> Text {
    text(
        format!(
            "dung lượng của các tài khoản cộng lại sẽ quá {most} byte mà quyền của bạn cho; hãy đặt mức nhỏ hơn"
        ),
        format!(
            "the accounts' quotas together would pass the {most} octets that your grant allows; set smaller ones"
        ),
    )
}

/// How to save a table so that it can be read.
const SAVE_VI: &str = "Trong Excel: Tệp > Lưu dưới dạng > “CSV UTF-8 (Comma delimited) (*.csv)”; trong LibreOffice: Lưu thành > \
     Text CSV, bộ ký tự Unicode (UTF-8).";
const SAVE_EN: &str = "In Excel: File > Save As > “CSV UTF-8 (Comma delimited) (*.csv)”; in LibreOffice: Save As > Text CSV, \
     character set Unicode (UTF-8).";

/// The name of a failure in answers; it does not change.
pub(crate) const fn failure_code(failure: &Failure) -> &'static str {
    match failure {
        Failure::Rows => "rows",
        Failure::Empty => "empty",
        Failure::Workbook => "workbook",
        Failure::Utf16 => "utf-16",
        Failure::NotUtf8(_) => "not-utf-8",
        Failure::RowTooLong(_) => "row-too-long",
        Failure::TooManyCells(_) => "too-many-cells",
        Failure::TooManyRows(_) => "too-many-rows",
        Failure::UnknownColumn(_) => "unknown-column",
        Failure::ColumnTwice(_) => "column-twice",
        Failure::NoColumn(_) => "no-column",
        Failure::NotAllowed => "not-allowed",
        Failure::FileGone => "file-gone",
        Failure::Store => "store",
    }
}

/// Why a job failed, and what to do. `columns`: those that its table may have.
pub(crate) fn failed(failure: &Failure, columns: &str) -> Text {
    match failure {
        Failure::Rows => text(
            "Có dòng bị lỗi, nên chưa thay đổi gì. Hãy sửa các dòng đó rồi nhập lại, hoặc nhập với skip_errors để bỏ qua chúng.",
            "Some rows have errors, so nothing was changed. Mend them and import again, or import with skip_errors to leave \
             them out.",
        ),
        Failure::Empty => text(
            "Tệp trống: cần dòng tiêu đề và ít nhất một dòng.",
            "The file is empty: it needs a header and rows.",
        ),
        Failure::Workbook => text(
            format!("Đây là tệp bảng tính (xlsx, xls, ods), không phải CSV. {SAVE_VI}"),
            format!("This is a workbook (xlsx, xls, ods), not CSV. {SAVE_EN}"),
        ),
        Failure::Utf16 => text(
            format!("Tệp ở bảng mã UTF-16 (“Unicode Text”), không phải UTF-8. {SAVE_VI}"),
            format!("The file is in UTF-16 (“Unicode Text”), not UTF-8. {SAVE_EN}"),
        ),
        Failure::NotUtf8(row) => text(
            format!(
                "Dòng {row} không ở bảng mã UTF-8 (có thể là Windows-1258, TCVN3 hoặc VNI). {SAVE_VI}"
            ),
            format!("Row {row} is not in UTF-8 (perhaps Windows-1258, TCVN3 or VNI). {SAVE_EN}"),
        ),
        Failure::RowTooLong(row) => text(
            format!("Dòng {row} quá dài: thường do một dấu nháy kép chưa đóng. Hãy sửa dòng đó."),
            format!(
                "Row {row} is too long: as a rule a quotation mark is not closed. Mend that row."
            ),
        ),
        Failure::TooManyCells(row) => text(
            format!("Dòng {row} có quá nhiều ô. Hãy sửa dòng đó."),
            format!("Row {row} has too many cells. Mend that row."),
        ),
        Failure::TooManyRows(most) => text(
            format!("Tệp có hơn {most} dòng; hãy chia thành nhiều tệp."),
            format!("The file has more than {most} rows; cut it into several."),
        ),
        Failure::UnknownColumn(name) => text(
            format!("Không có cột “{name}”. Các cột: {columns}. Hãy đổi tên hoặc bỏ cột đó."),
            format!("There is no column “{name}”. Columns: {columns}. Rename it or leave it out."),
        ),
        Failure::ColumnTwice(name) => text(
            format!("Cột “{name}” có hai lần; hãy bỏ một cột."),
            format!("The column “{name}” is there twice; leave one out."),
        ),
        Failure::NoColumn(name) => text(
            format!("Thiếu cột `{name}`. Các cột: {columns}."),
            format!("The column `{name}` is missing. Columns: {columns}."),
        ),
        Failure::NotAllowed => text(
            "Người yêu cầu không còn quyền làm việc này, hoặc mật khẩu hay mã truy cập đã dùng bị thu hồi. Những dòng đã làm vẫn giữ.",
            "Who asked may no longer do this, or the password or token it was asked with was withdrawn. The rows that were done stay.",
        ),
        Failure::FileGone => text(
            "Tệp không còn được giữ; hãy gửi lại.",
            "The file is no longer kept; send it again.",
        ),
        Failure::Store => text(
            "Kho dữ liệu không ghi được nữa; những dòng đã làm vẫn giữ.",
            "The store takes no more; the rows that were done stay.",
        ),
    }
}
