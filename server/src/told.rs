//! What this program could not do, in Vietnamese and in English, from one table.
//!
//! [`Failed`] leads to a cause by [`Lead::lead`], as `context` does: then both languages of the whole are known.

use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::path::Path;
use storage::backup::{Failure, Refusal};
pub(crate) use storage::told::OR;
use storage::told::halves;
use storage::{In, Told, Tongue, told};

told! {
    /// What could not be done.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) enum Failed {
        DataFolder { dir: String }:
            "không tạo được thư mục dữ liệu {dir}",
            "the data folder {dir} cannot be made";
        Opening { dir: String }:
            "không mở được kho thư trong {dir}",
            "the store in {dir} cannot be opened";
        NoStore { dir: String }:
            "{dir} không có kho thư",
            "{dir} holds no store";
        /// Another process has the store open.
        Held { dir: String, holder: Holder, advice: Advice }:
            "kho thư trong {dir} đang được {holder} dùng; {advice}",
            "the store in {dir} is in use by {holder}; {advice}";
        /// The same, and it was asked in vain.
        HeldAndNotAsked { dir: String, holder: Holder }:
            "kho thư trong {dir} đang được {holder} dùng, mà không hỏi nó được: hãy nêu mã truy cập bằng --token-file TỆP \
             (của người quản trị ở gốc cây cơ quan), hoặc dừng nó trước",
            "the store in {dir} is in use by {holder}, which could not be asked: name a token with --token-file FILE (an \
             administrator's of the top of the tree), or stop it first";
        IndexNotMade:
            "chưa dựng lại được chỉ mục; chỉ mục cũ vẫn còn",
            "the index was not made anew; the old one is kept";
        IndexMadeInVain:
            "chỉ mục đã dựng lại xong nhưng kho thư vẫn không mở được",
            "the index is made anew, but the store cannot be opened";
        NotRepaired:
            "chưa sửa được kho thư",
            "the store was not repaired";
        RepairCutOff:
            "lần sửa dừng giữa chừng; hãy chạy lại",
            "the repair was cut off; run it again";
        NotMoved:
            "chưa chuyển được kho thư; chỉ mục cũ vẫn dùng",
            "the store was not moved; the old index stands";
        BackupDamaged:
            "bản sao lưu bị hỏng; `--salvage` khôi phục mọi thứ còn đọc được và nêu tên từng thư mất nội dung",
            "the backup is damaged; `--salvage` restores all that can be read, and names every message whose content is \
             missing";

        // Files and folders; the system's reason follows.
        Unopened { file: String }:
            "không mở được {file}",
            "cannot open {file}";
        Unread { file: String }:
            "không đọc được {file}",
            "cannot read {file}";
        NotRemoved { file: String }:
            "không xoá được {file}",
            "{file} cannot be removed";
        FolderUnusable { dir: String }:
            "không dùng được thư mục {dir}",
            "the folder {dir} cannot be used";

        // The demo.
        NoDemoFolder { dir: String }:
            "{dir} không trống và không phải thư mục của bản chạy thử; hãy chọn thư mục khác bằng --dir",
            "{dir} is not empty and not a folder of the demo; choose another with --dir";
        DemoRuns { dir: String, holder: Holder }:
            "một bản chạy thử đang chạy trong {dir} rồi: {holder}; hãy dừng nó, hoặc chọn thư mục khác bằng --dir",
            "a demo runs in {dir} already: {holder}; stop it, or choose another folder with --dir";

        // Keys.
        StaysEncrypted { dir: String }:
            "kho thư trong {dir} được mã hoá và vẫn phải như vậy: hãy đặt enabled và key_file trong [storage.encryption]",
            "the store in {dir} is encrypted, and what was encrypted stays so: set enabled and key_file under \
             [storage.encryption]";
        NoKeyNamed { credential: &'static str }:
            "cấu hình chưa đặt storage.encryption.key_file, và systemd không giao {credential}",
            "storage.encryption.key_file is not set and systemd gives no credential {credential}";
        KeyGone { file: String, instead: Instead }:
            "không có tệp khoá chủ {file}: {instead}",
            "the master key {file} is not there: {instead}";
        KeyOfAnother { file: String, dir: String, instead: Instead }:
            "khoá trong {file} không phải là khoá chủ của kho thư trong {dir}: {instead}",
            "the key in {file} is not the master key of the store in {dir}: {instead}";
        /// The system's reason follows.
        Secret { what: Secret, file: String }:
            "không đọc được {what} {file}",
            "{what} {file} cannot be read";
        SecretNoFile { what: Secret, file: String }:
            "{what} {file} không phải là một tệp",
            "{what} {file} is not a file";
        SecretOpen { what: Secret, file: String, mode: String }:
            "người khác đọc được {what} {file} (quyền {mode}): chmod 600 {file}",
            "{what} {file} may be read by others (mode {mode}): chmod 600 {file}";
        SecretOfAnother { what: Secret, file: String, owner: u32, ours: u32 }:
            "{what} {file} thuộc người dùng {owner}, tiến trình này là người dùng {ours}: chown {ours} {file}",
            "{what} {file} belongs to user {owner}, this process is user {ours}: chown {ours} {file}";
        /// Root was asked to do what the server's user does.
        SecretOfUser { what: Secret, file: String, owner: u32 }:
            "{what} {file} thuộc người dùng {owner}, còn lệnh này chạy bằng root: hãy chạy bằng người dùng của máy chủ \
             (sudo -u '#{owner}' …)",
            "{what} {file} belongs to user {owner}, and this command runs as root: run it as the server's user \
             (sudo -u '#{owner}' …)";
        NoMasterKey { file: String }:
            "{file} không chứa khoá chủ: cần một dòng congvu-master-1:…",
            "{file} holds no master key: one line congvu-master-1:… was expected";
        NoBackupKey { file: String }:
            "{file} không chứa khoá của bản sao lưu: cần một dòng congvu-master-1:… (nếu đó là mật khẩu, hãy nêu nó bằng \
             passphrase_file hay --passphrase-file)",
            "{file} holds no key of backups: one line congvu-master-1:… was expected (if it is a passphrase, name it as \
             passphrase_file or by --passphrase-file)";
        KeyForPassphrase { file: String }:
            "{file} chứa một khoá, không phải mật khẩu: hãy dùng --key-file",
            "{file} holds a key, not a passphrase: use --key-file";
        ShortPassphrase { file: String, least: usize }:
            "mật khẩu trong {file} quá ngắn, cần ít nhất {least} ký tự",
            "the passphrase in {file} is too short, at least {least} characters are needed";
        KeyNotWritten { file: String }:
            "không ghi được khoá chủ {file}",
            "the master key {file} cannot be written";
        KeyNotReplaced { file: String }:
            "không thay được khoá chủ {file}",
            "the master key {file} cannot be replaced";
    }
}

told! {
    /// What was done besides.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) enum Notice {
        Upgraded { from: u32, to: u32, kept: String }:
            "kho thư đã được nâng cấp từ định dạng {from} lên {to}; bản như trước khi nâng cấp được giữ trong {kept}, để còn \
             quay lại chương trình cũ, và xoá được khi không còn cần (docs/operation.md)",
            "the store was upgraded from the format {from} to {to}; as it was before it is kept in {kept}, so that you can \
             go back to the older program, and may be removed when nobody needs that any more (docs/operation.md)";
    }
}

told! {
    /// What whoever finds a store in use may do.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Advice {
        Stop: "hãy dừng nó trước", "stop it first";
        /// The server does this too.
        ByItself:
            "nó thỉnh thoảng tự làm việc này; muốn làm ngay, hãy dừng nó trước",
            "it does this by itself now and then; to do it at once, stop it first";
        AskForKeys:
            "hãy hỏi nó bằng `congvu admin store keys` hoặc `rotate-keys`, hoặc dừng nó trước",
            "ask it with `congvu admin store keys` or `rotate-keys`, or stop it first";
        AskToRestore:
            "hãy nhờ nó bằng `congvu admin recovery from-backup`, hoặc dừng nó trước",
            "ask it with `congvu admin recovery from-backup`, or stop it first";
    }
}

told! {
    /// A file that only its owner may read.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Secret {
        MasterKey: "khoá chủ", "the master key";
        BackupKey: "khoá của bản sao lưu", "the key of the backups";
        Passphrase: "tệp mật khẩu", "the passphrase file";
    }
}

told! {
    /// Where the right master key may be.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) enum Instead {
        Credential:
            "hãy giao cho systemd khoá đúng, từ bản cất trong két",
            "give systemd the right one, from the copy in the safe";
        /// What is there now may be the newest.
        KeyringOlder { older: String, file: String }:
            "{older} mới đúng, vậy keyring cũ hơn khoá: tốt nhất hãy lấy keyring của một bản sao lưu tạo sau đó; nếu không \
             có, hãy giữ {file} dưới tên khác (các bản sao lưu tạo với nó cần nó) rồi chép {older} vào chỗ của nó",
            "{older} is, so the keyring is older than the key: better than that is the keyring of a backup made since; else \
             keep {file} under another name (backups made under it need it) and put a copy of {older} in its place";
        Older { older: String }:
            "{older} mới đúng; hãy chép nó vào chỗ này",
            "{older} is; put a copy of it in its place";
        Safe { file: String }:
            "hãy đặt khoá đúng vào chỗ này (quyền 0600), từ bản cất trong két hoặc từ một tệp {file}.old-N",
            "put the right one in its place (mode 0600), from the copy in the safe or a {file}.old-N";
    }
}

/// The process that has a store open; `None`: it did not tell its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holder(pub Option<u32>);

impl Told for Holder {
    fn tell(&self, tongue: Tongue, f: &mut Formatter<'_>) -> fmt::Result {
        match (self.0, tongue) {
            (Some(number), _) => f.write_str(&crate::holder::of_process(number)),
            (None, Tongue::Vietnamese) => f.write_str("một tiến trình khác"),
            (None, Tongue::English) => f.write_str("another process"),
        }
    }
}

impl Error for Failed {}

/// A path in a sentence.
pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// What failed, with its cause.
#[derive(Debug)]
pub(crate) struct Led {
    pub what: Failed,
    cause: anyhow::Error,
}

impl Led {
    pub(crate) fn new(what: Failed, cause: impl Into<anyhow::Error>) -> Self {
        let cause = cause.into();
        Self { what, cause }
    }
}

impl Display for Led {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(&In(&self.what, Tongue::English), f)
    }
}

impl Error for Led {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.cause.as_ref())
    }
}

/// Says what failed before what it failed for.
pub(crate) trait Lead<T> {
    /// Errors: the same, led by `what`.
    fn lead(self, what: impl FnOnce() -> Failed) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> Lead<T> for Result<T, E> {
    fn lead(self, what: impl FnOnce() -> Failed) -> anyhow::Result<T> {
        self.map_err(|cause| Led::new(what(), cause).into())
    }
}

/// The error with all its causes in Vietnamese, and in English; the same twice as far as only one is known. Each cause
/// that storage or this program names has both; one that was written in both (`vi / en`) is taken apart; what the
/// system or another crate says stays as it is.
pub(crate) fn in_both(error: &anyhow::Error) -> (String, String) {
    let both: Vec<(String, String)> = error.chain().map(link_in_both).collect();
    let joined = |part: fn(&(String, String)) -> &str| {
        let parts: Vec<&str> = both.iter().map(part).collect();
        parts.join(": ")
    };
    (joined(|b| &b.0), joined(|b| &b.1))
}

/// Vietnamese and English of one cause; twice the same when only one is known.
fn link_in_both(link: &(dyn Error + 'static)) -> (String, String) {
    if let Some(told) = told(link) {
        let [vietnamese, english] =
            [Tongue::Vietnamese, Tongue::English].map(|tongue| told.in_tongue(tongue));
        return (vietnamese, english);
    }
    let link = link.to_string();
    let (vietnamese, english) = halves(&link);
    (vietnamese.to_owned(), english.to_owned())
}

/// The cause as one that has both languages.
fn told<'a>(link: &'a (dyn Error + 'static)) -> Option<&'a dyn Told> {
    fn as_told<T: Told>(told: &T) -> &dyn Told {
        told
    }
    let led = link.downcast_ref().map(|led: &Led| as_told(&led.what));
    led.or_else(|| link.downcast_ref::<Failed>().map(as_told))
        .or_else(|| link.downcast_ref::<storage::Error>().map(as_told))
        .or_else(|| link.downcast_ref::<Failure>().map(as_told))
        .or_else(|| link.downcast_ref::<Refusal>().map(as_told))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_names_the_same_values_in_both_languages() {
        let tables = [
            Failed::TABLE,
            Notice::TABLE,
            Advice::TABLE,
            Secret::TABLE,
            Instead::TABLE,
        ];
        for (vietnamese, english) in tables.concat() {
            let values = |text: &str| {
                let mut values: Vec<String> = text
                    .split('{')
                    .skip(1)
                    .filter_map(|part| part.split_once('}').map(|(name, _)| name.to_owned()))
                    .collect();
                values.sort();
                values.dedup();
                values
            };
            assert_eq!(values(vietnamese), values(english), "{english}");
            assert_ne!(vietnamese, english);
        }
    }

    #[test]
    fn what_leads_keeps_its_cause() {
        let cause = storage::Error::NotFound;
        let led: anyhow::Result<()> = Err(cause.clone()).lead(|| Failed::NotMoved);
        let led = led.unwrap_err();
        assert_eq!(
            format!("{led:#}"),
            "the store was not moved; the old index stands: not found"
        );
        let found = led.chain().find_map(|link| link.downcast_ref());
        assert_eq!(found, Some(&cause));
    }
}
