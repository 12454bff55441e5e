//! Why nothing could be done, though nothing is damaged, as the operator is told.

use crate::{Size, told};

told! {
    /// Why the store could not be used, or something in it not be done; nothing was changed.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Obstacle {
        // Which store.
        /// Somebody else's folder.
        Foreign { dir: String }:
            "thư mục {dir} có tệp khác và không phải là kho thư",
            "the folder {dir} holds other files and is no store";
        /// Nothing is there.
        NoStore { dir: String }:
            "trong {dir} không có kho thư",
            "there is no store in {dir}";
        /// A store as another version of this program makes it (I-18).
        Version { file: String, version: u32, newest: u32 }:
            "{file}: kho thư có định dạng {version} của một phiên bản khác, bản này chỉ đọc đến {newest}: hãy dùng bản mới \
             hơn (nếu chưa từng có bản nào mới hơn, hãy lấy tệp này từ bản sao lưu)",
            "{file}: the store has the format {version}, of another version of this program, and this one reads up to \
             {newest}: use the newer program (if there never was one, take this file from a backup)";
        /// An engine of another version of this program.
        NoEngine { file: String }:
            "{file}: kho thư do một bộ máy mà chương trình này không có giữ",
            "{file}: the store is kept by an engine that this program has not";
        /// Another engine than that which was asked for.
        OtherEngine { dir: String, own: &'static str, asked: &'static str }:
            "kho thư trong {dir} do bộ máy {own} giữ, không phải {asked}; hãy đặt storage.engine = \"{own}\" trong cấu \
             hình hoặc bỏ dòng đó, hoặc chuyển kho bằng `congvu store migrate --engine {asked}`",
            "the store in {dir} is kept by {own}, not by {asked}; set storage.engine = \"{own}\" in the config or leave it \
             out, or move it by `congvu store migrate --engine {asked}`";
        /// What is asked for comes after an upgrade.
        FirstFormat { dir: String }:
            "kho thư trong {dir} thuộc định dạng đầu tiên: hãy mở nó một lần (`congvu store verify`) để nâng cấp; nếu lần mở \
             ấy báo kho hỏng thì hãy làm như nó chỉ",
            "the store in {dir} is of the first format: open it once (`congvu store verify`), which upgrades it; where that \
             says that it is damaged, do what it says";
        /// A folder where the store keeps a file that it can make itself.
        FolderForFile { file: String }:
            "chỗ của tệp {file} lại là một thư mục: hãy chuyển thư mục đó đi nơi khác, kho thư tự tạo lại tệp này",
            "{file} is a folder where the store keeps a file: take it away, the store makes the file itself";
        /// The folder of an open store was removed, or another one put in its place.
        FolderReplaced { dir: String }:
            "thư mục {dir} đã bị xoá hoặc thay bằng thư mục khác trong khi kho thư đang mở; không ghi gì vào đó nữa: hãy \
             dừng máy chủ, đặt đúng thư mục về chỗ rồi khởi động lại",
            "the folder {dir} was removed or replaced while its store was open; nothing more is written there: stop the \
             server, put the right folder in its place, then start it again";

        // Keys.
        /// An encrypted store without keys.
        KeyringGone { dir: String }:
            "kho thư trong {dir} được mã hoá mà keyring đã mất (tệp `keyring` và `keyring.copy`): hãy khôi phục bản sao \
             lưu vào thư mục khác rồi chép hai tệp đó về; không có chúng thì không ai đọc được thư",
            "the store in {dir} is encrypted and its keyring is gone (files `keyring` and `keyring.copy`): restore a \
             backup into another folder and copy them from its store; without them nobody can read the mail";
        /// The same, and what says so is gone too.
        FormatAndKeyringGone { dir: String }:
            "kho thư trong {dir} được mã hoá mà tệp `format` và keyring đều đã mất: hãy khôi phục bản sao lưu vào thư \
             mục khác rồi chép chúng về",
            "the store in {dir} is encrypted, and both its file `format` and its keyring are gone: restore a backup into \
             another folder and copy them from its store";
        /// An encrypted store, and no key was named.
        NoMasterKey:
            "kho thư được mã hoá mà không có khoá chủ",
            "the store is encrypted and no master key was given";
        /// An encrypted store, and a key of something else.
        WrongMasterKey:
            "khoá chủ này không phải của kho thư này",
            "the master key that was given is not the one of this store";
        /// Two whole keyrings of different masters, and the key is that of the copy.
        KeyringOfOtherMaster { dir: String }:
            "khoá chủ này mở được tệp `keyring.copy` trong {dir} mà không mở được tệp `keyring`: nếu vừa đổi khoá chủ thì \
             hãy dùng khoá mới; nếu `keyring` từ nơi khác đến thì hãy chuyển nó đi (đừng xoá); không thay đổi gì cả",
            "this master key opens the file `keyring.copy` in {dir} and not the file `keyring`: where the master key was \
             just replaced use the new one; where `keyring` came from elsewhere take it away (do not remove it); nothing \
             was changed";
        /// Two whole keyrings that went apart.
        KeyringsApart { dir: String }:
            "hai tệp `keyring` và `keyring.copy` trong {dir} đều nguyên vẹn mà chứa khoá khác nhau, và không biết tệp nào \
             là của kho thư này: hãy chuyển tệp từ nơi khác đến đi chỗ khác (đừng xoá); không thay đổi gì cả",
            "the files `keyring` and `keyring.copy` in {dir} are both whole and hold different keys, and nothing tells \
             which is that of this store: take away the one that came from elsewhere (do not remove it); nothing was \
             changed";
        /// A keyring that is not its owner's alone.
        KeyringOpen { file: String, mode: String }:
            "người khác đọc được keyring {file} (quyền {mode}): chmod 600 {file}",
            "the keyring {file} may be read by others (mode {mode}): chmod 600 {file}";
        /// A key that the keyring has not.
        NoKey { key: u32 }:
            "khoá {key} không có trong keyring",
            "key {key} is not in the keyring";
        /// The backup of an encrypted store, and no key was named.
        BackupNeedsMasterKey { name: String }:
            "kho thư trong bản sao lưu {name} được mã hoá: cấu hình phải nêu khoá chủ của nó ([storage.encryption], \
             enabled và key_file)",
            "the store in the backup {name} is encrypted: the config must name its master key ([storage.encryption], \
             enabled and key_file)";
        /// The backup of an encrypted store, and a key of something else, or of another time.
        BackupOfOtherMasterKey { name: String }:
            "khoá chủ này không phải của kho thư trong bản sao lưu {name}: hãy đặt key_file là khoá của thời bản sao lưu \
             đó (khoá đã thay được giữ ở TỆP.old-N); không ghi gì cả",
            "this is not the master key of the store in the backup {name}: name the key of the time of the backup (a \
             replaced one is kept as FILE.old-N) as key_file; nothing was written";

        // The disk.
        /// No room, or no quota.
        DiskFull { file: String }:
            "đĩa đầy: {file}",
            "the disk is full: {file}";
        /// No room even to read the store.
        NoRoomToOpen { dir: String, free: u64, needed_mib: u64 }:
            "đĩa đầy: {dir} chỉ còn {free} byte, mà mở kho thư cần khoảng {needed_mib} MiB; hãy giải phóng đĩa (đừng xoá \
             gì trong thư mục này) rồi chạy lại",
            "the disk is full: {dir} has {free} octets free, and to open the store some {needed_mib} MiB are needed; make \
             room (remove nothing in this folder), then start again";
        /// No room for a search index that grows.
        NoRoomToSearch { dir: String, free: Size, needed: Size }:
            "đĩa sắp đầy: {dir} còn {free}, mà chỉ mục tìm kiếm cần {needed}; hãy giải phóng đĩa, nó sẽ tự làm tiếp",
            "the disk is nearly full: {dir} has {free} free, and the search index needs {needed}; make room, and it goes on \
             by itself";
        /// A file that this process may not use.
        Denied { deed: &'static str, file: String, why: String }:
            "tiến trình này không được đọc và ghi {file} ({why}; {deed})",
            "{deed} {file}: this process may not read and write it ({why})";
        /// The same, since somebody ran a command as another user.
        DeniedToUser { deed: &'static str, file: String, why: String, owner: u32, folder: u32 }:
            "tiến trình này không được đọc và ghi {file} ({why}; {deed}); tệp là của người dùng {owner}, còn thư mục là \
             của người dùng {folder}: hãy chạy mọi lệnh bằng người dùng của máy chủ, và trả tệp lại cho người dùng đó \
             bằng chown",
            "{deed} {file}: this process may not read and write it ({why}); it belongs to user {owner}, and its folder to \
             user {folder}: run all commands as the server's user, and give the file back to it with chown";
        /// What the system says of a file.
        File { deed: &'static str, file: String, why: String }:
            "hệ thống báo lỗi ở tệp {file}: {why} ({deed})",
            "{deed} {file}: {why}";
        /// What the engine says of its files.
        Engine { engine: &'static str, why: String }:
            "bộ máy {engine} báo lỗi: {why}",
            "{engine}: {why}";
        /// A file of the store that was cut while a backup read it.
        Shorter { file: String }:
            "{file} bị ngắn lại trong khi đang đọc; hãy chạy sao lưu lần nữa",
            "{file} became shorter while it was read; run the backup again";

        // The process.
        /// Nothing is written any more.
        Closed:
            "kho thư đã đóng hoặc đã hỏng giữa chừng; hãy khởi động lại",
            "the store is closed or failed; restart it";
        /// Whoever asked ended it.
        CheckEnded:
            "việc kiểm tra bị dừng trước khi xong",
            "the check was ended before its time";
        /// The content of a commit did not reach the disk.
        ContentLost:
            "một lần ghi nội dung đã thất bại",
            "content was lost by a failed write";
        /// The system gives no thread.
        Thread { whose: &'static str, why: String }:
            "hệ thống không cho luồng chạy ({whose}: {why})",
            "cannot start the thread of {whose}: {why}";
        /// What the system refuses: memory, random numbers. In its words, or those of another crate.
        System { what: String }:
            "hệ thống không đáp ứng ({what})",
            "{what}";
    }
}

impl Obstacle {
    /// Whether it is a disk without room.
    pub(crate) fn is_full_disk(&self) -> bool {
        /// What systems call it, where an engine hands on their words.
        const FULL: [&str; 3] = ["No space left", "os error 28)", "uota exceeded"];
        match self {
            Self::DiskFull { .. } | Self::NoRoomToOpen { .. } | Self::NoRoomToSearch { .. } => true,
            Self::Engine { why, .. } | Self::File { why, .. } => {
                FULL.iter().any(|word| why.contains(word))
            }
            _ => false,
        }
    }
}

impl From<String> for Obstacle {
    fn from(what: String) -> Self {
        Self::System { what }
    }
}

impl From<&str> for Obstacle {
    fn from(what: &str) -> Self {
        what.to_owned().into()
    }
}
