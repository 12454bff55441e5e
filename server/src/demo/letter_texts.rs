//! Phrases of the sample letters.

/// What letters are about.
pub const SUBJECTS: &[&str] = &[
    "báo cáo kết quả cải cách hành chính quý III/2026",
    "triển khai kế hoạch chuyển đổi số của tỉnh giai đoạn 2026-2030",
    "rà soát, cập nhật thủ tục hành chính thuộc thẩm quyền",
    "dự toán ngân sách nhà nước năm 2027",
    "kiểm tra công vụ tại xã Hàm An",
    "cấp tài khoản thư điện tử công vụ cho công chức mới",
    "bảo đảm an toàn thông tin trong dịp cuối năm",
    "góp ý dự thảo quy chế sử dụng thư điện tử công vụ",
    "họp giao ban tuần của Ủy ban nhân dân tỉnh",
    "xếp loại chất lượng cán bộ, công chức, viên chức năm 2026",
    "tổng hợp số lượng hồ sơ trễ hạn tháng 11",
    "tập huấn sử dụng hệ thống quản lý văn bản và điều hành",
    "lịch tiếp công dân định kỳ tháng 12",
    "phòng, chống thiên tai và tìm kiếm cứu nạn năm 2026",
    "sắp xếp, bàn giao tài sản công sau hợp nhất đơn vị hành chính",
    "đăng ký thi đua, khen thưởng năm 2027",
    "bảo trì hệ thống thư công vụ đêm 21/11",
];

/// What the sender does.
pub const ACTIONS: &[&str] = &[
    "đề nghị quý cơ quan cho ý kiến về việc",
    "thông báo về việc",
    "kính mời dự họp về việc",
    "gửi báo cáo về việc",
    "hướng dẫn thực hiện nội dung",
    "đôn đốc các đơn vị khẩn trương thực hiện việc",
];

/// Where.
pub const PLACES: &[&str] = &[
    "Phòng họp số 1",
    "Phòng họp A, tầng 3",
    "Hội trường lớn, trụ sở Ủy ban nhân dân tỉnh",
    "Phòng họp trực tuyến",
    "Trung tâm Phục vụ hành chính công",
];

/// How letters end.
pub const CLOSINGS: &[&str] = &[
    "Đề nghị các đơn vị gửi báo cáo về Văn phòng trước 17 giờ ngày 25/11/2026 để tổng hợp.",
    "Đơn vị nào chưa có số liệu đề nghị liên hệ bộ phận Kiểm soát thủ tục hành chính để được hướng dẫn.",
    "Rất mong quý cơ quan quan tâm, phối hợp thực hiện.",
    "Đề nghị Thủ trưởng các cơ quan, đơn vị nghiêm túc triển khai.",
];

/// What people answer.
pub const REPLIES: &[&str] = &[
    "Kính gửi anh/chị, em đã nhận được văn bản và sẽ tham mưu trong ngày.",
    "Đã xem. Giao phòng tổng hợp, báo cáo tôi trước 16 giờ.",
    "Nhất trí với nội dung dự thảo, không có ý kiến bổ sung.",
    "Em đã báo xã chuẩn bị phòng họp và hồ sơ từ 8 giờ.",
    "Đề nghị bổ sung số liệu của các xã, phường rồi gửi lại giúp tôi.",
];

/// Units in tables.
pub const TABLE_ROWS: &[&str] = &[
    "Sở Nội vụ",
    "Sở Tài chính",
    "Phường Minh Hà",
    "Xã Hàm An",
    "Xã Đồng Quế",
];
