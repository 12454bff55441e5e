//! What a command failed for, in Vietnamese first, then in English: one line.
//!
//! Storage and what joins it here say in English why a store cannot be used; this table says the same in Vietnamese.
//! What it does not know stays as it is. A sentence that is in both languages already (`vi / en`) is taken apart.

/// English and Vietnamese; `{}` stands for a name or a number, in Vietnamese by its place.
const TABLE: &[(&str, &str)] = &[
    // Opening a store.
    (
        "the store in {} cannot be opened",
        "không mở được kho thư trong {0}",
    ),
    ("{} holds no store", "{0} không có kho thư"),
    ("there is no store in {}", "{0} không có kho thư"),
    (
        "the data folder {} cannot be made",
        "không tạo được thư mục dữ liệu {0}",
    ),
    (
        "the folder {} holds other files and is no store",
        "thư mục {0} có tệp khác và không phải là kho thư",
    ),
    (
        "the folder {} is in use by {}",
        "thư mục {0} đang được {1} dùng",
    ),
    (
        "the store in {} is in use by {}",
        "kho thư trong {0} đang được {1} dùng",
    ),
    ("stop it first", "hãy dừng nó trước"),
    (
        "it does this by itself now and then",
        "nó thỉnh thoảng tự làm việc này",
    ),
    (
        "to do it at once, stop it first",
        "muốn làm ngay, hãy dừng nó trước",
    ),
    (
        "the store in {} is kept by {}, not by {}",
        "kho thư trong {0} do bộ máy {1} giữ, không phải {2}",
    ),
    (
        "set storage.engine = \"{}\" in the config, or move it by `congvu store migrate --engine {}`",
        "hãy đặt storage.engine = \"{0}\" trong cấu hình, hoặc chuyển kho bằng `congvu store migrate --engine {1}`",
    ),
    (
        "{}: the store has the format {}, of another version of this program, and this one reads up to {}: use the newer \
         program (if there never was one, take this file from a backup)",
        "{0}: kho thư có định dạng {1} của một phiên bản khác, bản này chỉ đọc đến {2}: hãy dùng bản mới hơn (nếu chưa \
         từng có bản nào mới hơn, hãy lấy tệp này từ bản sao lưu)",
    ),
    (
        "{}: the store is kept by an engine that this program has not",
        "{0}: kho thư do một bộ máy mà chương trình này không có giữ",
    ),
    ("{}: the file is damaged", "{0}: tệp bị hỏng"),
    ("{}: the file is missing", "{0}: tệp bị mất"),
    (
        "{}: a folder lies in the file's place, take it away first",
        "{0}: chỗ của tệp này lại là một thư mục, hãy lấy nó ra trước",
    ),
    (
        "`congvu store repair` makes it anew, or take it from a backup",
        "`congvu store repair` làm lại tệp này, hoặc lấy nó từ bản sao lưu",
    ),
    (
        "the store in {} has lost its journal",
        "kho thư trong {0} đã mất nhật ký",
    ),
    // Keys.
    (
        "the store in {} is encrypted and its keyring is gone (files `keyring` and `keyring.copy`): restore a backup into \
         another folder and copy them from its store",
        "kho thư trong {0} được mã hoá mà keyring đã mất (tệp `keyring` và `keyring.copy`): hãy khôi phục bản sao lưu vào \
         thư mục khác rồi chép hai tệp đó về",
    ),
    (
        "without them nobody can read the mail",
        "không có chúng thì không ai đọc được thư",
    ),
    (
        "the store in {} is encrypted, and both its file `format` and its keyring are gone: restore a backup into another \
         folder and copy them from its store",
        "kho thư trong {0} được mã hoá mà tệp `format` và keyring đều đã mất: hãy khôi phục bản sao lưu vào thư mục khác \
         rồi chép chúng về",
    ),
    (
        "the store in {} is encrypted, and what was encrypted stays so: set enabled and key_file under [storage.encryption]",
        "kho thư trong {0} được mã hoá và vẫn phải như vậy: hãy đặt enabled và key_file trong [storage.encryption]",
    ),
    (
        "the store is encrypted and no master key was given",
        "kho thư được mã hoá mà không có khoá chủ",
    ),
    (
        "the master key that was given is not the one of this store",
        "khoá chủ này không phải của kho thư này",
    ),
    (
        "the keyring {} may be read by others (mode {}): chmod 600 {}",
        "người khác đọc được keyring {0} (quyền {1}): chmod 600 {2}",
    ),
    (
        "the master key {} may be read by others (mode {}): chmod 600 {}",
        "người khác đọc được khoá chủ {0} (quyền {1}): chmod 600 {2}",
    ),
    (
        "the master key {} belongs to user {}, this process is user {}: chown {} {}",
        "khoá chủ {0} thuộc người dùng {1}, tiến trình này là người dùng {2}: chown {3} {4}",
    ),
    (
        "{} holds no master key: one line congvu-master-1:… was expected",
        "{0} không chứa khoá chủ: cần một dòng congvu-master-1:…",
    ),
    (
        "the key of the backups {} may be read by others (mode {}): chmod 600 {}",
        "người khác đọc được khoá của bản sao lưu {0} (quyền {1}): chmod 600 {2}",
    ),
    (
        "the key of the backups {} belongs to user {}, this process is user {}: chown {} {}",
        "khoá của bản sao lưu {0} thuộc người dùng {1}, tiến trình này là người dùng {2}: chown {3} {4}",
    ),
    (
        "{} holds no key of backups: one line congvu-master-1:… was expected",
        "{0} không chứa khoá của bản sao lưu: cần một dòng congvu-master-1:…",
    ),
    // Damage.
    (
        "journal segment {} is damaged at {}: a commit that was promised cannot be read",
        "đoạn nhật ký {0} hỏng ở byte {1}: không đọc được một lần ghi đã hứa giữ",
    ),
    (
        "journal segment {} has no valid head",
        "đoạn nhật ký {0} hỏng phần đầu",
    ),
    (
        "journal segment {} has the head of segment {}",
        "đoạn nhật ký {0} có phần đầu của đoạn {1}",
    ),
    ("journal segment {} is missing", "mất đoạn nhật ký {0}"),
    (
        "the journal ends at {} of segment {}, before commits that were promised: they are damaged",
        "nhật ký kết thúc ở byte {0} của đoạn {1}, trước những lần ghi đã hứa giữ: chúng bị hỏng",
    ),
    (
        "`congvu store repair` keeps all that is whole",
        "`congvu store repair` giữ lại mọi phần còn nguyên",
    ),
    ("snapshot {} is damaged: {}", "ảnh chụp {0} bị hỏng: {1}"),
    (
        "the snapshot from segment {} on is missing",
        "mất ảnh chụp từ đoạn {0} trở đi",
    ),
    ("the pack {} is missing", "mất tệp nội dung {0}"),
    (
        "pack {} has no valid header",
        "tệp nội dung {0} hỏng phần đầu",
    ),
    (
        "copy the folder of the store, then run `congvu store repair`, or restore a backup into another folder",
        "hãy chép thư mục của kho, rồi chạy `congvu store repair`, hoặc khôi phục bản sao lưu vào thư mục khác",
    ),
    (
        "the file {} belongs to another store",
        "tệp {0} là của một kho khác",
    ),
    (
        "`congvu store repair` moves it to damaged/, or take it away",
        "`congvu store repair` chuyển nó vào damaged/, hoặc hãy lấy nó ra",
    ),
    (
        "a repair of this store was cut off",
        "một lần sửa kho này đã dừng giữa chừng",
    ),
    (
        "`congvu store repair` ends it",
        "`congvu store repair` làm nốt",
    ),
    (
        "`congvu store repair` makes the file anew, or take it from a backup",
        "`congvu store repair` làm lại tệp này, hoặc lấy nó từ bản sao lưu",
    ),
    (
        "put `keyring` and `keyring.copy` of the newest backup in its place",
        "hãy thay bằng `keyring` và `keyring.copy` của bản sao lưu mới nhất",
    ),
    (
        "use the newer version of this program that wrote it",
        "hãy dùng bản mới hơn của chương trình đã ghi nó",
    ),
    (
        "restore a backup into another folder, or go on with the program that wrote the store",
        "hãy khôi phục bản sao lưu vào thư mục khác, hoặc dùng tiếp chương trình đã ghi kho này",
    ),
    (
        "opening the store again makes the index anew",
        "mở lại kho thư thì chỉ mục được dựng lại",
    ),
    // The disk.
    ("the disk is full: {}", "đĩa đầy: {0}"),
    (
        "{}: this process may not read and write it ({})",
        "tiến trình này không được đọc và ghi: {0} ({1})",
    ),
    (
        "it belongs to user {}, and its folder to user {}: run all commands as the server's user, and give the file \
         back to it with chown",
        "nó là của người dùng {0}, còn thư mục là của người dùng {1}: hãy chạy mọi lệnh bằng người dùng của máy chủ, và \
         trả tệp lại cho người dùng đó bằng chown",
    ),
    // What was not done.
    ("the index was not made anew", "chưa dựng lại được chỉ mục"),
    ("the old one is kept", "chỉ mục cũ vẫn còn"),
    ("the store was not repaired", "chưa sửa được kho thư"),
    ("the repair was cut off", "lần sửa dừng giữa chừng"),
    ("run it again", "hãy chạy lại"),
    ("the store was not moved", "chưa chuyển được kho thư"),
    ("the old index stands", "chỉ mục cũ vẫn dùng"),
    (
        "agency {} has no key of its own",
        "cơ quan {0} không có khoá riêng",
    ),
];
/// How storage begins a sentence about damage.
const DAMAGED: (&str, &str) = ("corrupt: ", "hỏng: ");
/// Between parts of a sentence.
const AND: &str = "; ";
/// Between the two languages.
const OR: &str = " / ";

/// The error with all its causes, in both languages as far as they are known.
pub(super) fn said(error: &anyhow::Error) -> String {
    let links: Vec<String> = error.chain().map(ToString::to_string).collect();
    let both: Vec<(String, String)> = links.iter().map(|link| in_both(link)).collect();
    let joined = |part: fn(&(String, String)) -> &str| {
        let parts: Vec<&str> = both.iter().map(part).collect();
        parts.join(": ")
    };
    let (vietnamese, english) = (joined(|b| &b.0), joined(|b| &b.1));
    match vietnamese == english {
        true => english,
        false => format!("{vietnamese}{OR}{english}"),
    }
}

/// Vietnamese and English of one cause; twice the same when only one is known.
fn in_both(link: &str) -> (String, String) {
    if let Some((vietnamese, english)) = link.split_once(OR)
        && !english.contains(OR)
    {
        return (vietnamese.to_owned(), english.to_owned());
    }
    let vietnamese = in_vietnamese(link).unwrap_or_else(|| link.to_owned());
    (vietnamese, link.to_owned())
}

/// `None` when a part of it is not in the table.
fn in_vietnamese(link: &str) -> Option<String> {
    let (begin, rest) = match link.strip_prefix(DAMAGED.0) {
        Some(rest) => (DAMAGED.1, rest),
        None => ("", link),
    };
    let parts: Option<Vec<String>> = rest.split(AND).map(row).collect();
    Some(format!("{begin}{}", parts?.join(AND)))
}

fn row(part: &str) -> Option<String> {
    TABLE.iter().find_map(|(english, vietnamese)| {
        let values = values(english, part)?;
        let mut told = (*vietnamese).to_owned();
        for (place, value) in values.iter().enumerate() {
            told = told.replace(&format!("{{{place}}}"), value);
        }
        Some(told)
    })
}

/// What stands in `text` where the pattern has `{}`.
fn values<'a>(pattern: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut fixed = pattern.split("{}");
    let mut rest = text.strip_prefix(fixed.next()?)?;
    let mut values = Vec::new();
    let mut fixed = fixed.peekable();
    while let Some(next) = fixed.next() {
        let at = match (next.is_empty(), fixed.peek().is_none()) {
            (true, _) => rest.len(),
            (false, true) => rest
                .len()
                .checked_sub(next.len())
                .filter(|_| rest.ends_with(next))?,
            (false, false) => rest.find(next)?,
        };
        values.push(&rest[..at]);
        rest = &rest[at + next.len()..];
    }
    rest.is_empty().then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn each_row_is_found_by_its_own_sentence() {
        for (english, vietnamese) in TABLE {
            let places = english.matches("{}").count();
            let text = english.replace("{}", "X1");
            let told = row(&text).unwrap_or_else(|| panic!("{english}"));
            let mut expected = (*vietnamese).to_owned();
            for place in 0..places {
                expected = expected.replace(&format!("{{{place}}}"), "X1");
            }
            assert_eq!(told, expected);
            assert!(!expected.contains('{'), "{vietnamese}");
        }
    }

    #[test]
    fn a_chain_is_said_in_both_languages_on_one_line() {
        let storage = storage::Error::Corrupt(
            "journal segment 2 is damaged at 99: a commit that was promised cannot be read; \
             `congvu store repair` keeps all that is whole"
                .into(),
        );
        let error = Err::<(), _>(storage).context("the store in /var/lib/congvu cannot be opened");
        let error = error.unwrap_err();
        let told = said(&error);
        assert_eq!(
            told,
            "không mở được kho thư trong /var/lib/congvu: hỏng: đoạn nhật ký 2 hỏng ở byte 99: không đọc được một lần \
             ghi đã hứa giữ; `congvu store repair` giữ lại mọi phần còn nguyên / the store in /var/lib/congvu cannot be \
             opened: corrupt: journal segment 2 is damaged at 99: a commit that was promised cannot be read; `congvu \
             store repair` keeps all that is whole"
        );
    }

    #[test]
    fn what_is_not_known_stays_and_what_is_in_both_is_taken_apart() {
        let plain = anyhow::anyhow!("something else; and more");
        assert_eq!(said(&plain), "something else; and more");
        let both = anyhow::anyhow!("đĩa đầy / the disk is full")
            .context("the store in x cannot be opened");
        assert_eq!(
            said(&both),
            "không mở được kho thư trong x: đĩa đầy / the store in x cannot be opened: the disk is full"
        );
        let system =
            anyhow::anyhow!("No such file (os error 2)").context("the store was not repaired");
        assert_eq!(
            said(&system),
            "chưa sửa được kho thư: No such file (os error 2) / the store was not repaired: No such file (os error 2)"
        );
    }

    #[test]
    fn all_that_helps_is_in_the_table() {
        for cure in storage::Cure::ALL {
            assert!(row(cure.advice()).is_some(), "{cure:?}");
        }
    }

    /// The sentences are storage's: what changes there is found here.
    #[test]
    fn what_storage_refuses_is_in_the_table() {
        let check = |refused: Result<storage::Store, storage::Error>| {
            let error = refused.err().expect("a refusal");
            let told = said(&anyhow::Error::new(error.clone()));
            assert!(told.contains(OR), "{error} has no Vietnamese");
        };
        let dir = tempfile::tempdir().unwrap();
        let options = |name: &str| storage::Options {
            dir: dir.path().join(name),
            ..storage::Options::default()
        };
        let foreign = options("foreign");
        std::fs::create_dir(&foreign.dir).unwrap();
        std::fs::write(foreign.dir.join("notes"), "x").unwrap();
        check(storage::Store::open(&foreign));
        let own = options("own");
        let store = storage::Store::open(&own).unwrap();
        store.table("t").put(b"k", Some(b"v".to_vec())).unwrap();
        check(storage::Store::open(&own));
        store.close().unwrap();
        drop(store);
        check(storage::Store::open(&storage::Options {
            engine: storage::EngineKind::Fjall,
            ..own.clone()
        }));
        let path = own.dir.join("format");
        let whole = std::fs::read(&path).unwrap();
        for at in [0, 8, 20] {
            let mut octets = whole.clone();
            octets[at] = octets[at].wrapping_add(9);
            std::fs::write(&path, octets).unwrap();
            check(storage::Store::open(&own));
        }
        std::fs::remove_file(&path).unwrap();
        check(storage::Store::open(&own));
        std::fs::create_dir(&path).unwrap();
        check(storage::Store::open(&own));
        std::fs::remove_dir(&path).unwrap();
        std::fs::write(&path, whole).unwrap();
        let segment = own.dir.join("journal/0000000001.log");
        let mut octets = std::fs::read(&segment).unwrap();
        octets.fill(7);
        std::fs::write(&segment, octets).unwrap();
        std::fs::remove_dir_all(own.dir.join("index")).unwrap();
        check(storage::Store::open(&own));
        std::fs::remove_file(segment).unwrap();
        check(storage::Store::open(&own));
    }
}
