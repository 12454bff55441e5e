//! What can be damaged, as whoever mends it is told.

use crate::{BlobId, told};

told! {
    /// What is damaged.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Fault {
        // The journal.
        /// What was promised cannot be read at this place.
        Journal { segment: u32, at: u64 }:
            "đoạn nhật ký {segment} hỏng ở byte {at}: không đọc được một lần ghi đã hứa giữ",
            "journal segment {segment} is damaged at {at}: a commit that was promised cannot be read";
        /// The same in a store of the first format.
        FirstJournal { segment: u32, at: u64 }:
            "đoạn nhật ký {segment} hỏng ở byte {at}: không đọc được một bản ghi đã hứa giữ",
            "journal segment {segment} is damaged at {at}: a record that was promised cannot be read";
        /// A segment whose head cannot be read.
        JournalHead { segment: u32 }:
            "đoạn nhật ký {segment} hỏng phần đầu",
            "journal segment {segment} has no valid head";
        /// A segment under another one's name.
        JournalOther { segment: u32, own: u32 }:
            "đoạn nhật ký {segment} có phần đầu của đoạn {own}",
            "journal segment {segment} has the head of segment {own}";
        /// A segment of a newer program (I-18).
        JournalVersion { segment: u32, version: u32 }:
            "đoạn nhật ký {segment} có phiên bản chưa biết {version}",
            "journal segment {segment} has an unknown version {version}";
        /// A segment is not there.
        JournalMissing { segment: u32 }:
            "mất đoạn nhật ký {segment}",
            "journal segment {segment} is missing";
        /// The end of it is not there.
        JournalShort { segment: u32, at: u64 }:
            "nhật ký kết thúc ở byte {at} của đoạn {segment}, trước những lần ghi đã hứa giữ: chúng bị hỏng",
            "the journal ends at {at} of segment {segment}, before commits that were promised: they are damaged";
        /// Content without a journal.
        JournalLost { dir: String }:
            "kho thư trong {dir} đã mất nhật ký",
            "the store in {dir} has lost its journal";
        /// A group of commits as a newer program writes it (I-18).
        FrameKind:
            "một khung nhật ký thuộc loại chưa biết",
            "a journal frame of an unknown kind";
        /// A commit as a newer program writes it (I-18).
        RecordKind { kind: u8, version: u8 }:
            "một bản ghi nhật ký thuộc loại {kind} hoặc phiên bản {version} chưa biết",
            "a journal record of the unknown type {kind} or version {version}";

        // Snapshots.
        /// A snapshot cannot be read.
        Snapshot { name: String, what: Part }:
            "ảnh chụp {name} bị hỏng: {what}",
            "snapshot {name} is damaged: {what}";
        /// A snapshot is not there.
        SnapshotMissing { segment: u32 }:
            "mất ảnh chụp từ đoạn {segment} trở đi",
            "the snapshot from segment {segment} on is missing";

        // Content.
        /// A file of content is not there.
        PackMissing { file: String }:
            "mất tệp nội dung {file}",
            "the pack {file} is missing";
        /// A file of content whose head cannot be read.
        PackHead { pack: u32 }:
            "tệp nội dung {pack} hỏng phần đầu",
            "pack {pack} has no valid header";
        /// A file of content of a newer program (I-18).
        PackVersion { pack: u32, version: u32 }:
            "tệp nội dung {pack} có phiên bản chưa biết ({version})",
            "pack {pack} has an unknown version ({version})";
        /// A pack under another one's name.
        PackOther { file: String, own: u32 }:
            "tệp {file} là tệp nội dung {own}: nó bị đổi tên, hoặc là một bản chép",
            "the file {file} is pack {own}: it was renamed, or is a copy";
        /// A pack with a number that no store reaches.
        PackNumber { file: String }:
            "tệp {file} mang một số mà không tệp nội dung nào của kho có",
            "the file {file} has a number that no pack of a store has";
        /// How a content is put together, as a newer program writes it (I-18).
        RecipeVersion { version: u8 }:
            "cách ghép một nội dung có phiên bản chưa biết {version}",
            "a recipe of content has the unknown version {version}";
        /// A content that is not what its hash says.
        Content { blob: BlobId, pack: u32, at: u64 }:
            "nội dung {blob} trong tệp nội dung {pack}, byte {at}",
            "content {blob} in pack {pack} at octet {at}";
        /// The same, already before its octets.
        ContentHead { blob: BlobId, pack: u32 }:
            "phần đầu của {blob} trong tệp nội dung {pack}",
            "head of {blob} in pack {pack}";
        /// A content is not there.
        ContentMissing { blob: BlobId }:
            "mất nội dung {blob}",
            "content {blob} is missing";

        // Files of the store.
        /// The file that says what store it is.
        FormatDamaged { file: String }:
            "{file}: tệp bị hỏng",
            "{file}: the file is damaged";
        /// The same, of another store than all other files.
        FormatOfAnother { file: String }:
            "{file}: tệp này là của một kho khác, mọi tệp còn lại của kho đều ghi cùng một kho khác với nó",
            "{file}: the file belongs to another store, all other files of the store name one that it does not";
        /// The same, not there.
        FormatMissing { file: String }:
            "{file}: tệp bị mất",
            "{file}: the file is missing";
        /// The same, with a folder of its name.
        FormatFolder { file: String }:
            "{file}: chỗ của tệp này lại là một thư mục, hãy lấy nó ra trước",
            "{file}: a folder lies in the file's place, take it away first";
        /// The same, gone since it was read.
        FormatGone:
            "tệp ghi tên bộ máy của kho đã mất",
            "the file that names the engine is gone";
        /// A file of another store.
        Foreign { file: String }:
            "tệp {file} là của một kho khác",
            "the file {file} belongs to another store";
        /// Such files, of which one is named.
        ForeignMany { file: String, more: usize }:
            "tệp {file} là của một kho khác (và {more} tệp nữa cũng vậy)",
            "the file {file} belongs to another store (and {more} more files do)";
        /// A folder where the store has a file.
        Folder { file: String }:
            "chỗ của tệp {file} trong kho lại là một thư mục",
            "{file} is a folder where a file of the store should be";
        /// A link that has lost what it leads to.
        LinkToNowhere { file: String }:
            "tệp {file} của kho là một liên kết không dẫn tới đâu cả",
            "the file {file} of the store is a link that leads nowhere";
        /// A folder, and more that is not the store's.
        FolderMany { file: String, more: usize }:
            "chỗ của tệp {file} trong kho lại là một thư mục (và {more} tệp nữa không phải của kho)",
            "{file} is a folder where a file of the store should be (and {more} more files are not the store's)";
        /// A value as a newer program writes it (I-18).
        ValueVersion { version: u8 }:
            "một giá trị có phiên bản chưa biết {version}",
            "a value has the unknown version {version}";
        /// A repair did not end.
        RepairCutOff:
            "một lần sửa kho này đã dừng giữa chừng",
            "a repair of this store was cut off";

        // The index.
        /// What the engine has cannot be trusted.
        Index:
            "chỉ mục",
            "the index";
        /// Index or checkpoint, and journal, of two copies of one store.
        Apart { file: String }:
            "{file} và nhật ký không đi với nhau, mỗi bên có những lần ghi mà bên kia không có: một trong hai là của một bản \
             sao của kho này đã chạy tiếp",
            "{file} and the journal do not belong together, each has commits that the other has not: one of them is of a \
             copy of this store that went on by itself";
        /// Two indexes of one store that are not the same.
        IndexDiffers:
            "chỉ mục vừa dựng lại khác với chỉ mục đang dùng; hãy kiểm tra kho thư",
            "the index that was made anew differs from the one in use; verify the store";

        // Keys.
        /// Neither the keyring nor its copy can be read.
        Keyring:
            "keyring và bản chép của nó đều hỏng",
            "the keyring and its copy are damaged";
        /// A keyring of a newer program (I-18).
        KeyringVersion { version: u32 }:
            "keyring có phiên bản chưa biết {version}",
            "unknown version {version} of the keyring";
        /// A key that the keyring has not.
        KeyUnknown { key: u32 }:
            "khoá {key} không có trong keyring",
            "key {key} is not in the keyring";
        /// A key that was made after this keyring.
        KeyringOlder { key: u32, last: u32 }:
            "khoá {key} không có trong keyring, vốn dừng ở khoá {last}: keyring này cũ hơn kho thư (khoá đã được đổi sau đó)",
            "key {key} is not in the keyring, which ends with key {last}: this keyring is older than the store (keys \
             were rotated since)";

        // Backups.
        /// What says which pieces a backup consists of.
        Manifest { name: String }:
            "bản kê của bản sao lưu {name} bị hỏng",
            "the manifest of the backup {name} is damaged";
        /// The same, as a newer program writes it (I-18).
        ManifestVersion { name: String, version: u32 }:
            "bản kê của bản sao lưu {name} có phiên bản chưa biết {version}",
            "the manifest of the backup {name} has the unknown version {version}";

        /// A piece of a backup that cannot be read.
        Piece { path: String, is: PieceIs }:
            "{path} của bản sao lưu {is}",
            "{path} of the backup {is}";
        /// A piece of a backup, whole, of something else.
        PieceLength { path: String }:
            "{path} của bản sao lưu có độ dài khác với bản kê",
            "{path} of the backup has another length than the manifest says";
        /// A piece of a backup that was written and is read otherwise.
        PieceChanged { path: String, place: String }:
            "{path} trong {place} đọc lại không đúng như vừa ghi",
            "{path} in {place} is not what was written there";
        /// A file whose pieces are fewer than they must be.
        BackupShort { path: String }:
            "{path} của bản sao lưu bị thiếu phần cuối",
            "{path} of the backup is too short";
        /// A file whose pieces are whole and do not make it.
        BackupOther { path: String }:
            "{path} của bản sao lưu không đúng như bản kê",
            "{path} of the backup is not what the manifest says";
        /// A file that a backup has not.
        BackupLacks { path: String }:
            "bản sao lưu không có {path}",
            "{path} is missing in the backup";

        /// A record within a file; which, in the words of whoever wrote the program.
        Inner { what: String }:
            "dữ liệu bên trong không đúng ({what})",
            "{what}";
    }
}

told! {
    /// What of a snapshot is damaged.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Part {
        Name: "tên tệp", "its name";
        Head: "phần đầu", "its head";
        /// Of a newer program, unless it is damage (I-18).
        HeadVersion { version: u32 }:
            "phần đầu (phiên bản chưa biết {version})",
            "its head (unknown version {version})";
        Block { number: u64 }: "khối {number}", "block {number}";
        Table: "bảng các khối", "its table";
        Count: "số khối", "the number of its blocks";
        Keys: "số khoá", "the number of its keys";
        Order: "thứ tự các khoá", "the order of its keys";
        End: "phần cuối", "its end";
    }
}

told! {
    /// How a piece of a backup is.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum PieceIs {
        Missing: "bị mất", "is missing";
        Long: "dài hơn mọi mảnh", "is longer than any chunk";
        /// Of a newer program (I-18).
        Version: "có phiên bản chưa biết", "has an unknown version";
        Damaged: "bị hỏng", "is damaged";
    }
}

impl Fault {
    /// The segment of the journal that is damaged, and the octet where that is known.
    pub(crate) fn journal_place(&self) -> Option<(u32, Option<u64>)> {
        match *self {
            Self::Journal { segment, at }
            | Self::FirstJournal { segment, at }
            | Self::JournalShort { segment, at } => Some((segment, Some(at))),
            Self::JournalHead { segment }
            | Self::JournalOther { segment, .. }
            | Self::JournalVersion { segment, .. }
            | Self::JournalMissing { segment } => Some((segment, None)),
            _ => None,
        }
    }
}

impl From<String> for Fault {
    fn from(what: String) -> Self {
        Self::Inner { what }
    }
}

impl From<&str> for Fault {
    fn from(what: &str) -> Self {
        what.to_owned().into()
    }
}
