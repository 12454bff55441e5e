//! What the directory says in English of a wrong value, in Vietnamese.

/// English and Vietnamese; `#` stands for a number.
const PHRASES: &[(&str, &str)] = &[
    ("a number of at most #", "một số không quá #"),
    (
        "some of: delete_account, restore_mail, export_mail, release_hold, impersonate",
        "các việc trong số: delete_account, restore_mail, export_mail, release_hold, impersonate",
    ),
    (
        "fewer than # requests that wait",
        "ít hơn # yêu cầu đang chờ",
    ),
    ("# to # words", "# đến # từ"),
    ("true or false", "true hoặc false"),
    (
        "endings of file names such as pdf",
        "phần đuôi tên tệp, ví dụ pdf",
    ),
    (
        "networks such as #.#.#.#/# or #:db#::/#",
        "các mạng, ví dụ #.#.#.#/# hoặc #:db#::/#",
    ),
    (
        "hours such as mon-fri #:#-#:#",
        "các giờ trong tuần, ví dụ mon-fri #:#-#:#",
    ),
    (
        "a value no looser than the one that is locked above",
        "một giá trị không lỏng hơn giá trị mà cấp trên đã khoá",
    ),
    (
        "a sign-in by a secret that went through fewer hands",
        "đăng nhập bằng mật khẩu hay mã truy cập qua tay ít người hơn",
    ),
    (
        "a password other than the last #",
        "mật khẩu khác # mật khẩu gần nhất",
    ),
    (
        "two of: lower case, upper case, digits, other characters",
        "hai trong bốn loại: chữ thường, chữ hoa, chữ số, ký tự khác",
    ),
    (
        "all of: lower case, upper case, digits, other characters",
        "đủ bốn loại: chữ thường, chữ hoa, chữ số, ký tự khác",
    ),
    (
        "another kind: the agency does not allow app passwords",
        "loại khác: cơ quan không cho dùng mật khẩu ứng dụng",
    ),
    ("a time before the end", "một thời điểm trước lúc hết hạn"),
    (
        "a time not after #-#-#T#:#:#Z",
        "một thời điểm không sau #-#-#T#:#:#Z",
    ),
    (
        "a grant given at fewer than # removes",
        "một quyền được giao qua ít hơn # lượt",
    ),
    (
        "letters, digits and dots, at most #",
        "chữ cái, chữ số và dấu chấm, nhiều nhất # ký tự",
    ),
    (
        "official codes such as H#.#.# or #.#.#.G#, each of at most # characters",
        "mã định danh như H#.#.# hoặc #.#.#.G#, mỗi mã nhiều nhất # ký tự",
    ),
    (
        "a day that is not before `since`",
        "một ngày không trước `since`",
    ),
    (
        "an agency that has not ended",
        "một cơ quan chưa kết thúc hoạt động",
    ),
    (
        "nothing: the domain stands for no other",
        "để trống: tên miền này không đứng tên thay cho tên miền nào",
    ),
    (
        "why you read what is another's",
        "lý do xem thư hoặc dữ liệu của người khác (ghi ở trường Audit-Reason của yêu cầu, hoặc --reason)",
    ),
    (
        "why mail that is meant for one is to come to another",
        "lý do chuyển thư của người này sang người khác (ghi ở `reason`, ở trường Audit-Reason, hoặc --reason); chủ tài khoản sẽ thấy",
    ),
    (
        "why letters of others are to go to this host",
        "lý do đưa thư của người khác sang máy chủ này (ghi ở `reason`, ở trường Audit-Reason, hoặc --reason); người có thư sẽ thấy",
    ),
    (
        "why you let yourself into this mailbox",
        "lý do tự cho mình vào hộp thư này (ghi ở `reason`, ở trường Audit-Reason, hoặc --reason); các thành viên khác sẽ thấy",
    ),
    (
        "why you make a secret by which mail of another is read",
        "lý do lập mật khẩu mở được thư của người khác (ghi ở `reason`, ở trường Audit-Reason, hoặc --reason); chủ tài khoản sẽ thấy",
    ),
    (
        "the number of an order recorded for this account that stands",
        "số của một lệnh còn hiệu lực đã được ghi cho tài khoản này",
    ),
    (
        "a time within the next # days",
        "một thời điểm trong # ngày tới",
    ),
    ("a day that has come", "một ngày đã đến"),
    ("at most # orders", "nhiều nhất # lệnh"),
    (
        "at most # that stand",
        "nhiều nhất # lần đọc thay còn hiệu lực",
    ),
    (
        "an account that may sign in",
        "một tài khoản đang hoạt động và đăng nhập được",
    ),
    (
        "an address such as https://hr.tinh.gov.vn/congvu, without a user or a fragment",
        "một địa chỉ như https://hr.tinh.gov.vn/congvu, không kèm tên người dùng hay phần sau dấu thăng",
    ),
    (
        "webhooks to be switched on in the config first",
        "webhook phải được bật trong cấu hình trước (webhooks.enabled)",
    ),
    ("at most # webhooks", "nhiều nhất # webhook"),
    ("positions", "vị trí"),
    (
        "a history of holders",
        "lịch sử người giữ vị trí (hãy đặt `until` thay vì xoá)",
    ),
    (
        "a position whose mailbox it is",
        "một vị trí có hộp thư này",
    ),
    (
        "a shared account that you manage and that is no other position's",
        "một hộp thư chung do bạn quản lý và chưa thuộc vị trí nào khác",
    ),
    (
        "the same, while somebody holds the position or its earlier mail is sealed",
        "giữ nguyên, vì đang có người giữ vị trí hoặc thư trước của vị trí đã niêm phong",
    ),
    (
        "a day that has come, and not before the last handover",
        "một ngày đã đến và không trước lần bàn giao gần nhất",
    ),
    (
        "somebody: nobody holds the position now",
        "một người: hiện chưa có ai giữ vị trí này",
    ),
    (
        "another person: this one holds the position now",
        "một người khác: người này đang giữ vị trí",
    ),
    (
        "nobody: the position has ended",
        "để trống: vị trí này đã bãi bỏ",
    ),
    (
        "the account of a person in your scope",
        "tài khoản của một người trong phạm vi của bạn",
    ),
    ("at most # handovers", "nhiều nhất # lần bàn giao"),
    (
        "one or more letters of lrswipkxtea",
        "một hoặc nhiều chữ trong lrswipkxtea",
    ),
    (
        "kinds of accounts or kinds of positions, not both",
        "loại tài khoản hoặc loại vị trí, không cả hai",
    ),
    (
        "an agency outside its own subtree",
        "một cơ quan không nằm dưới chính nó",
    ),
    ("at most # levels", "nhiều nhất # cấp"),
    (
        "# to # characters on one line",
        "# đến # ký tự trên một dòng",
    ),
    ("a full domain name", "một tên miền đầy đủ"),
    (
        "a name below domains that you manage, or one given at the top of the tree; not the server's own",
        "một tên nằm dưới tên miền do bạn quản lý, hoặc do cấp cao nhất đặt; không phải tên của chính máy chủ",
    ),
    (
        "a name that is no role's, such as admin: those are given by who manages the domain's own agency",
        "một tên không dành cho chức năng chung như admin: tên đó do người quản lý cơ quan có tên miền đặt",
    ),
    (
        "a domain of the agency or of one above it",
        "một tên miền của cơ quan đó hoặc của cơ quan cấp trên",
    ),
    (
        "a name with a letter of the Latin alphabet",
        "họ tên có chữ cái La-tinh",
    ),
    (
        "letters and digits, dots between them, at most #",
        "chữ cái và chữ số, giữa chúng là dấu chấm, nhiều nhất # ký tự",
    ),
    (
        "another domain that you manage and that stands for none itself",
        "một tên miền khác mà bạn quản lý và không đứng tên thay cho tên miền nào",
    ),
    (
        "an address in a domain that stands for no other",
        "một địa chỉ thuộc tên miền không đứng tên thay cho tên miền khác",
    ),
    (
        "a domain that stands for it",
        "một tên miền đang đứng tên thay cho nó",
    ),
    (
        "an address in a domain of the agency or of one above it",
        "một địa chỉ thuộc tên miền của cơ quan đó hoặc của cơ quan cấp trên",
    ),
    ("at most #", "nhiều nhất #"),
    ("agencies that exist", "những cơ quan đã có"),
    (
        "at most #; name other lists for more",
        "nhiều nhất #; cần nhiều hơn thì đưa danh sách khác vào làm thành viên",
    ),
    (
        "an account with fewer than # aliases",
        "một tài khoản có ít hơn # bí danh",
    ),
    (
        "an app password or a token",
        "mật khẩu ứng dụng hoặc mã truy cập",
    ),
    ("a time to come", "một thời điểm ở tương lai"),
    ("today or a later day", "hôm nay hoặc một ngày sau đó"),
    ("a time within # days", "một thời điểm trong vòng # ngày"),
    (
        "fewer than # tokens of one's own",
        "ít hơn # mã truy cập tự lập; hãy thu hồi mã không dùng nữa",
    ),
    (
        "administration: a token that somebody else makes opens no mail",
        "administration: mã truy cập do người khác lập không mở được thư",
    ),
    (
        "administration: the agency lets no token open mail",
        "administration: cơ quan không cho dùng mã truy cập để mở thư",
    ),
    (
        "mail: the account administers nothing, or the token by which you ask does not",
        "mail: tài khoản này, hoặc mã truy cập đang dùng, không có quyền quản trị nào",
    ),
    (
        "administration: the token by which you ask opens no mail",
        "administration: mã truy cập đang dùng không mở được thư nên không lập được mã mở thư",
    ),
    (
        "nothing of mail yet: an administrator made the password before yours and may know by what you signed in; seven days after you chose your password a token opens mail",
        "chưa mở được thư: mật khẩu trước do người quản trị đặt, người đó có thể biết bạn đăng nhập bằng gì; bảy ngày sau khi bạn tự chọn mật khẩu thì lập được mã mở thư",
    ),
    (
        "another account, or a sign-in by password: a token makes no password of its own account",
        "một tài khoản khác, hoặc đăng nhập bằng mật khẩu: mã truy cập không lập mật khẩu cho chính tài khoản của nó",
    ),
    (
        "another account, or a sign-in that opens mail: this token opens none",
        "một tài khoản khác, hoặc cách đăng nhập mở được thư: mã truy cập này không mở thư",
    ),
    (
        "an account with a second factor, which its agency demands: sign in again to set it up",
        "một tài khoản đã có xác minh hai bước như cơ quan đòi hỏi: hãy đăng nhập lại để thiết lập",
    ),
    (
        "nothing: the agency lets no token open mail, and the account administers nothing",
        "không lập được: cơ quan không cho dùng mã truy cập để mở thư, và tài khoản này không có quyền quản trị nào",
    ),
    (
        "the password that you have now: the browser may have been left open",
        "mật khẩu hiện tại của bạn: trình duyệt có thể đang bị bỏ ngỏ",
    ),
    (
        "the password that you have now: this is not it",
        "mật khẩu hiện tại của bạn: mật khẩu vừa nhập không đúng",
    ),
    (
        "nothing: only who changes what is his own in the browser says his present password",
        "không có gì: chỉ người đổi mật khẩu, lập mã của chính mình trong trình duyệt mới đưa mật khẩu hiện tại",
    ),
    (
        "fewer than # credentials",
        "ít hơn # mật khẩu và mã truy cập",
    ),
    ("# to # characters", "# đến # ký tự"),
    (
        "three of: lower case, upper case, digits, other characters",
        "ba trong bốn loại: chữ thường, chữ hoa, chữ số, ký tự khác",
    ),
    (
        "a password without the address in it",
        "mật khẩu không chứa địa chỉ thư",
    ),
    ("agencies below it", "cơ quan cấp dưới"),
    ("accounts", "tài khoản"),
    ("domains", "tên miền"),
    ("grants", "quyền quản trị"),
    ("# addresses", "# địa chỉ"),
    ("# accounts", "# tài khoản"),
    ("# to # octets on one line", "# đến # byte trên một dòng"),
    ("at most # octets", "nhiều nhất # byte"),
    ("a number from # to #", "một số từ # đến #"),
    (
        "a domain with new keys; make them first",
        "một tên miền có khoá mới; hãy tạo khoá trước",
    ),
    (
        "fewer than # keys; wait until the oldest are gone",
        "ít hơn # khoá; hãy chờ các khoá cũ hết hạn",
    ),
    ("it signs", "khoá đang dùng để ký"),
    (
        "a shared account or a resource",
        "một hộp thư chung hoặc tài nguyên",
    ),
    (
        "the address of another account, not of a list",
        "địa chỉ của một tài khoản khác, không phải danh sách",
    ),
    ("at most # addresses", "nhiều nhất # địa chỉ"),
    (
        "addresses here: the agency does not let mail go on elsewhere",
        "địa chỉ trong hệ thống này: cơ quan không cho chuyển tiếp thư ra ngoài",
    ),
    (
        "addresses of other accounts, no lists",
        "địa chỉ của tài khoản khác, không phải danh sách",
    ),
    (
        "one of the agencies that you administer",
        "một trong những cơ quan bạn quản trị",
    ),
    (
        "fewer than # jobs under way",
        "ít hơn # việc đang chạy hoặc đang chờ",
    ),
    (
        "a size such as # MB or # GB, or octets",
        "một dung lượng như # MB hoặc # GB, hoặc số byte",
    ),
    (
        "person, shared, resource or list",
        "person (cá nhân), shared (hộp thư chung), resource (tài nguyên) hoặc list (danh sách)",
    ),
    (
        "the kind that it has",
        "loại đang có (bảng không đổi loại của tài khoản đã có)",
    ),
    (
        "active, suspended or retired",
        "active (hoạt động), suspended (tạm khoá) hoặc retired (đã nghỉ)",
    ),
    (
        "a day such as #-#-# or #/#/#",
        "một ngày như #-#-# hoặc #/#/#",
    ),
    (
        "committee, council, department, commune, unit, centre, party, front or other",
        "UBND tỉnh, HĐND, sở, xã, phòng, đơn vị sự nghiệp, đảng, mặt trận hoặc khác",
    ),
    (
        "addresses such as annv@coquan.gov.vn, parted by spaces",
        "các địa chỉ thư như annv@coquan.gov.vn, cách nhau bằng dấu cách",
    ),
    (
        "chairman, deputy_chairman, head, deputy_head, chief_of_office, deputy_chief_of_office, secretary, \
         deputy_secretary, clerk, accountant, inspector, specialist, desk or other",
        "chủ tịch, phó chủ tịch, giám đốc, phó giám đốc, chánh văn phòng, phó chánh văn phòng, bí thư, phó bí thư, văn thư, \
         kế toán, thanh tra, chuyên viên, bộ phận một cửa hoặc khác",
    ),
    (
        "nothing: the row names no holder",
        "để trống: dòng này không nêu người giữ",
    ),
    ("yes or no", "yes (có) hoặc no (không)"),
    ("a whole number", "một số nguyên"),
    (
        "an address such as annv@coquan.gov.vn",
        "một địa chỉ thư như annv@coquan.gov.vn",
    ),
    (
        "one or more letters of lrswipkxtea, or - for no member any more",
        "một hoặc nhiều chữ trong lrswipkxtea, hoặc dấu - để thôi là thành viên",
    ),
    (
        "nothing, or - for no member any more: members of a list have no rights",
        "để trống, hoặc dấu - để thôi là thành viên: thành viên danh sách không có quyền riêng",
    ),
    (
        "another password than the first one",
        "mật khẩu khác với mật khẩu lần đầu",
    ),
    ("the job has ended", "việc này đã kết thúc"),
    (
        "the job is no dry run whose file is still there",
        "đây không phải lần chạy thử còn giữ tệp",
    ),
    (
        "the job changed nothing that could be undone",
        "việc này chưa thay đổi gì để hoàn tác",
    ),
    (
        "the job is still to work; cancel it first",
        "việc này còn đang chạy; hãy huỷ nó trước",
    ),
    ("the job is undone already", "việc này đã được hoàn tác"),
    ("the time for undoing it is over", "đã quá hạn hoàn tác"),
    (
        "the job made no accounts",
        "việc này không lập tài khoản nào",
    ),
    (
        "the letters were fetched already",
        "các thư mật khẩu đã được lấy rồi",
    ),
    (
        "an account that is no list",
        "một tài khoản không phải danh sách",
    ),
];

/// How a reason is given, and who sees it.
const TO_BE_SEEN: [(&str, &str); 4] = [
    (
        "why mail that is meant for one is to come to another",
        "the owner of the account sees it",
    ),
    (
        "why letters of others are to go to this host",
        "whose letters they are sees it",
    ),
    (
        "why you let yourself into this mailbox",
        "its other members see it",
    ),
    (
        "why you make a secret by which mail of another is read",
        "the owner of the account sees it",
    ),
];

/// The phrase in English, as the directory says it; where a reason is missed, also how it is given.
pub(crate) fn in_english(phrase: &str) -> String {
    if phrase == "why you read what is another's" {
        return format!("{phrase} (in the field Audit-Reason of the request, or --reason)");
    }
    match TO_BE_SEEN.iter().find(|(why, _)| *why == phrase) {
        Some((why, who)) => {
            format!("{why} (in `reason`, in the field Audit-Reason, or --reason); {who}")
        }
        None => phrase.to_owned(),
    }
}

/// The phrase in Vietnamese with its numbers; English in brackets when it is not known.
pub(crate) fn in_vietnamese(phrase: &str) -> String {
    let mut pattern = String::with_capacity(phrase.len());
    let mut numbers: Vec<String> = Vec::new();
    let mut inside = false;
    for c in phrase.chars() {
        match numbers.last_mut().filter(|_| inside && c.is_ascii_digit()) {
            Some(number) => number.push(c),
            None if c.is_ascii_digit() => {
                numbers.push(c.to_string());
                pattern.push('#');
            }
            None => pattern.push(c),
        }
        inside = c.is_ascii_digit();
    }
    let Some((_, words)) = PHRASES.iter().find(|(english, _)| *english == pattern) else {
        return format!("giá trị không hợp lệ ({phrase})");
    };
    let mut numbers = numbers.into_iter();
    words
        .split_inclusive('#')
        .map(|part| match part.strip_suffix('#') {
            Some(before) => format!("{before}{}", numbers.next().unwrap_or_default()),
            None => part.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(english: &str, vietnamese: &str) {
        assert_eq!(in_vietnamese(english), vietnamese);
    }

    #[test]
    fn numbers_are_carried_over() {
        check("at most 32", "nhiều nhất 32");
        check(
            "1 to 200 characters on one line",
            "1 đến 200 ký tự trên một dòng",
        );
        check("a time to come", "một thời điểm ở tương lai");
        check("2 to be", "giá trị không hợp lệ (2 to be)");
    }

    /// Who is asked for a reason is told in either language how it is given.
    #[test]
    fn how_a_reason_is_given_is_said_in_both_languages() {
        let whys = PHRASES.iter().filter(|(en, _)| en.starts_with("why "));
        let mut count = 0;
        for (english, vietnamese) in whys {
            for told in [in_english(english).as_str(), vietnamese] {
                assert!(told.contains("Audit-Reason"), "{told}");
                assert!(told.contains("--reason"), "{told}");
            }
            count += 1;
        }
        assert_eq!(count, 5);
        assert_eq!(in_english("at most 32"), "at most 32");
    }

    /// The directory's phrases change with the directory; what is not translated is found here.
    #[test]
    fn every_phrase_is_matched_by_its_own_row() {
        for (english, vietnamese) in PHRASES {
            let phrase = english.replace('#', "7");
            check(&phrase, &vietnamese.replace('#', "7"));
        }
    }
}
