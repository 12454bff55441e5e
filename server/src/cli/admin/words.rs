//! Vietnamese for the names of states, kinds and the like in tables for people; programs get the names themselves.

/// Columns whose values are names of the API.
const COLUMNS: [&str; 10] = [
    "kind", "state", "phase", "outcome", "subject", "role", "act", "earlier", "stands", "scope",
];

/// Names and what they are called. A name of several tables means the same in each.
const WORDS: [(&str, &str); 87] = [
    // Accounts.
    ("person", "cá nhân"),
    ("shared", "hộp thư chung"),
    ("resource", "tài nguyên"),
    ("list", "danh sách"),
    ("active", "hoạt động"),
    ("suspended", "tạm khoá"),
    ("retired", "đã nghỉ"),
    // Letters.
    ("placed", "đã vào hộp thư"),
    ("relayed", "nơi nhận đã nhận"),
    ("sent_on", "đã chuyển tiếp"),
    ("scheduled", "hẹn giờ"),
    ("held", "bị giữ"),
    ("deferred", "chưa được"),
    ("submitted", "từ trong hệ thống"),
    ("remote", "nơi khác"),
    ("local", "ở đây"),
    ("generated", "máy chủ tự viết"),
    ("signing", "đang ký"),
    // Jobs.
    ("import", "nhập"),
    ("undo", "hoàn tác"),
    ("queued", "chờ"),
    ("running", "đang làm"),
    ("done", "xong"),
    ("failed", "hỏng"),
    ("cancelled", "đã huỷ"),
    ("checking", "kiểm tra"),
    ("applying", "thực hiện"),
    ("agencies", "cơ quan"),
    ("accounts", "tài khoản"),
    ("members", "thành viên"),
    ("positions", "vị trí"),
    ("new", "mới"),
    ("changed", "thay đổi"),
    ("same", "như cũ"),
    ("error", "lỗi"),
    // Grants and approvals.
    ("administrator", "quản trị"),
    ("account_officer", "phụ trách tài khoản"),
    ("auditor", "kiểm tra, giám sát"),
    ("delete_account", "xoá tài khoản"),
    ("restore_mail", "khôi phục thư"),
    ("export_mail", "đọc thư lưu giữ"),
    ("release_hold", "thôi lưu giữ"),
    ("impersonate", "đọc thay"),
    ("loosen", "nới quy tắc hai người"),
    ("waiting", "chờ"),
    ("approved", "đã duyệt"),
    ("refused", "bị từ chối"),
    ("lapsed", "hết hạn"),
    ("used", "đã dùng"),
    // Agencies.
    ("committee", "UBND tỉnh"),
    ("council", "HĐND"),
    ("department", "sở, ban, ngành"),
    ("commune", "cấp xã"),
    ("unit", "phòng, ban"),
    ("centre", "đơn vị sự nghiệp"),
    ("party", "cơ quan Đảng"),
    ("front", "Mặt trận, đoàn thể"),
    ("other", "khác"),
    // Positions.
    ("chairman", "Chủ tịch"),
    ("deputy_chairman", "Phó Chủ tịch"),
    ("head", "Thủ trưởng"),
    ("deputy_head", "Phó thủ trưởng"),
    ("chief_of_office", "Chánh Văn phòng"),
    ("deputy_chief_of_office", "Phó Chánh Văn phòng"),
    ("secretary", "Bí thư"),
    ("deputy_secretary", "Phó Bí thư"),
    ("clerk", "Văn thư"),
    ("accountant", "Kế toán"),
    ("inspector", "Thanh tra"),
    ("specialist", "Chuyên viên"),
    ("desk", "Bộ phận"),
    // What was read of an account.
    ("trace", "đường đi của thư"),
    ("mail", "thư đã xoá, giữ, khôi phục"),
    ("directory", "bảng danh bạ"),
    ("impersonation", "đọc thay"),
    ("secret", "người khác lập mật khẩu"),
    ("redirect", "chuyển thư sang nơi khác"),
    ("member", "người quản trị tự vào hộp thư"),
    ("readable", "đọc được"),
    ("sealed", "niêm phong"),
    // Credentials.
    ("password", "mật khẩu"),
    ("first_password", "mật khẩu lần đầu"),
    ("app_password", "mật khẩu ứng dụng"),
    ("token", "mã truy cập"),
    ("second_factor", "xác minh hai bước"),
    ("true", "có"),
    ("false", "không"),
];

/// What a value of a column is called in Vietnamese; `None`: it is shown as it is.
pub(super) fn vietnamese(column: &str, value: &str) -> Option<&'static str> {
    if !COLUMNS.contains(&column) {
        return None;
    }
    let found = WORDS.iter().find(|(name, _)| *name == value);
    found.map(|(_, word)| *word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_have_one_word_each_and_names_of_people_none() {
        let names: HashSet<&str> = WORDS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), WORDS.len());
        assert_eq!(vietnamese("state", "active"), Some("hoạt động"));
        assert_eq!(vietnamese("name", "active"), None);
        assert_eq!(vietnamese("act", "account.create"), None);
    }
}
