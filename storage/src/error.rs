//! The closed list of causes for which storage refuses or fails, and what is said of them in both languages.

mod fault;
mod obstacle;

use crate::told::{Told, Tongue};
use crate::{In, told};
pub use fault::{Fault, Part, PieceIs};
pub use obstacle::Obstacle;
use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

/// Why storage did not do what was asked. Each protocol spells these in exactly one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// No such account, mailbox, message, blob or row.
    NotFound,
    /// A mailbox of that name, or a row of that key, is there already.
    Exists,
    /// The message was there when the caller last looked and is gone.
    Expunged,
    /// The precondition (ModSeq) did not hold.
    Conflict,
    /// The commit would pass a limit; whose it is.
    OverQuota(crate::Bound),
    /// The value is larger than the named limit.
    TooLarge(&'static str),
    /// The value can never be stored (empty mailbox name, a mailbox under itself).
    Invalid(&'static str),
    /// The disk is full, not writable or failing, or what is asked for cannot be had; nothing was changed.
    Unavailable(Obstacle),
    /// Another process has the store open; its number, where it told.
    #[allow(missing_docs)]
    InUse { dir: PathBuf, process: Option<u32> },
    /// Stored bytes failed their checksum or carry an unknown version (I-18).
    Corrupt(Corrupt),
    /// The content of one message fails its checksum or is not there; all else that is known of the message
    /// can be had. It was logged when it was met.
    Damaged(Fault),
}

impl std::error::Error for Error {}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.tell(Tongue::English, f)
    }
}

impl Told for Error {
    fn tell(&self, tongue: Tongue, f: &mut Formatter<'_>) -> fmt::Result {
        let both = |vietnamese: &'static str, english: &'static str| match tongue {
            Tongue::Vietnamese => vietnamese,
            Tongue::English => english,
        };
        match self {
            Self::NotFound => f.write_str(both("không tìm thấy", "not found")),
            Self::Exists => f.write_str(both("đã có rồi", "exists already")),
            Self::Expunged => f.write_str(both("thư đã bị xoá", "expunged")),
            Self::Conflict => f.write_str(both("đã thay đổi trong lúc đó", "conflict")),
            Self::OverQuota(_) => f.write_str(both("vượt hạn mức", "over quota")),
            Self::TooLarge(what) => write!(f, "{}: {what}", both("quá lớn", "too large")),
            Self::Invalid(what) => write!(f, "{}: {what}", both("không hợp lệ", "invalid")),
            Self::Unavailable(why) => why.tell(tongue, f),
            Self::InUse { dir, process } => {
                let (dir, by) = (dir.display(), In(&Holder::of(*process), tongue).to_string());
                match tongue {
                    Tongue::Vietnamese => write!(f, "thư mục {dir} đang được {by} dùng"),
                    Tongue::English => write!(f, "the folder {dir} is in use by {by}"),
                }
            }
            Self::Corrupt(why) => write!(f, "{}: {}", both("hỏng", "corrupt"), In(why, tongue)),
            Self::Damaged(why) => {
                let lead = both("nội dung hỏng", "damaged content");
                write!(f, "{lead}: {}", In(why, tongue))
            }
        }
    }
}

told! {
    /// Who has a store open.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Holder {
        Process(number: u32): "tiến trình {number}", "process {number}";
        Another: "một tiến trình khác", "another process";
    }
}

impl Holder {
    fn of(process: Option<u32>) -> Self {
        process.map_or(Self::Another, Self::Process)
    }
}

/// What is damaged, and what helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corrupt {
    /// Which part of the store.
    pub what: Fault,
    /// `None` where whoever asked knows what to do, and nobody has to be told.
    pub cure: Option<Cure>,
}

told! {
    /// What helps against damage: one sentence each.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Cure {
        /// Damage that a repair passes over.
        Repair:
            "hãy chép thư mục của kho, rồi chạy `congvu store repair`, hoặc khôi phục bản sao lưu vào thư mục khác",
            "copy the folder of the store, then run `congvu store repair`, or restore a backup into another folder";
        /// A repair that was cut off.
        EndRepair: "`congvu store repair` làm nốt", "`congvu store repair` ends it";
        /// An index that is not that of the journal.
        Rebuild:
            "hãy trả đúng thứ về chỗ cũ, hoặc chạy `congvu store rebuild` để dựng lại chỉ mục theo nhật ký, nhật ký không \
             mất gì",
            "put the right one back, or run `congvu store rebuild`, which makes the index anew from the journal, of which \
             nothing is lost";
        /// The file `format` is damaged or missing.
        Format:
            "`congvu store repair` làm lại tệp này, hoặc lấy nó từ bản sao lưu",
            "`congvu store repair` makes the file anew, or take it from a backup";
        /// A file of another store.
        Foreign:
            "`congvu store repair` chuyển nó vào damaged/, hoặc hãy lấy nó ra",
            "`congvu store repair` moves it to damaged/, or take it away";
        /// A keyring that is damaged, or older than the store.
        Keyring:
            "hãy thay bằng `keyring` và `keyring.copy` của bản sao lưu mới nhất",
            "put `keyring` and `keyring.copy` of the newest backup in its place";
        /// What a newer version of this program wrote (I-18).
        Newer:
            "hãy dùng bản mới hơn của chương trình đã ghi nó",
            "use the newer version of this program that wrote it";
        /// Damage to a store of the first format, whose own program may know more of it.
        First:
            "hãy chép thư mục của kho, rồi chạy `congvu store repair` (giữ mọi thứ còn nguyên và nâng cấp kho), hoặc khôi \
             phục bản sao lưu vào thư mục khác, hoặc dùng tiếp chương trình đã ghi kho này",
            "copy the folder of the store, then run `congvu store repair` (it keeps all that is whole, and upgrades the \
             store), or restore a backup into another folder, or go on with the program that wrote the store";
        /// One backup of several.
        OtherBackup:
            "hãy dùng một bản cũ hơn (`congvu backup list` kể tên; khôi phục bằng `--manifest TÊN`, hỏi máy chủ thì \
             `--backup TÊN`), hoặc sao lưu lần nữa",
            "take an older one (`congvu backup list` names them; restore with `--manifest NAME`, where a server is asked \
             with `--backup NAME`), or make a new backup";
        /// The index alone, which a start makes anew.
        Restart:
            "mở lại kho thư thì chỉ mục được dựng lại",
            "opening the store again makes the index anew";
    }
}

impl Cure {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Repair,
        Self::EndRepair,
        Self::Rebuild,
        Self::Format,
        Self::Foreign,
        Self::Keyring,
        Self::Newer,
        Self::First,
        Self::OtherBackup,
        Self::Restart,
    ];
}

impl From<String> for Corrupt {
    fn from(what: String) -> Self {
        Fault::from(what).into()
    }
}

impl From<&str> for Corrupt {
    fn from(what: &str) -> Self {
        Fault::from(what).into()
    }
}

impl From<Fault> for Corrupt {
    fn from(what: Fault) -> Self {
        Self { what, cure: None }
    }
}

impl Told for Corrupt {
    fn tell(&self, tongue: Tongue, f: &mut Formatter<'_>) -> fmt::Result {
        self.what.tell(tongue, f)?;
        match self.cure {
            Some(cure) => write!(f, "; {}", In(&cure, tongue)),
            None => Ok(()),
        }
    }
}

impl Display for Corrupt {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.tell(Tongue::English, f)
    }
}

impl Error {
    /// The system gives no thread to what is called so in logs.
    pub(crate) fn no_thread(whose: &'static str, why: &std::io::Error) -> Self {
        let why = why.to_string();
        Self::Unavailable(Obstacle::Thread { whose, why })
    }

    /// Damage of which whoever asked knows what to do.
    pub(crate) fn corrupt(what: impl Into<Fault>) -> Self {
        Self::Corrupt(what.into().into())
    }

    /// Damage against which this helps.
    pub(crate) fn cured(what: impl Into<Fault>, cure: Cure) -> Self {
        Self::Corrupt(Corrupt {
            what: what.into(),
            cure: Some(cure),
        })
    }

    /// Says that this helps against damage of which nothing was said yet.
    pub(crate) fn with_cure(self, cure: Cure) -> Self {
        match self {
            Self::Corrupt(Corrupt { what, cure: None }) => Self::cured(what, cure),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::told::check_table;

    #[test]
    fn all_is_said_in_both_languages() {
        for table in [Fault::TABLE, Obstacle::TABLE] {
            let (inner, rows) = table.split_last().unwrap();
            // What is within is called as the program calls it.
            assert!(inner.1 == "{what}" && inner.0.contains("{what}"));
            check_table(rows);
        }
        for table in [Cure::TABLE, Part::TABLE, PieceIs::TABLE] {
            check_table(table);
        }
        check_table(Holder::TABLE);
    }

    #[test]
    fn damage_is_said_with_what_helps() {
        let what = Fault::Journal { segment: 2, at: 99 };
        let error = Error::cured(what, Cure::Foreign);
        assert_eq!(
            error.in_tongue(Tongue::Vietnamese),
            "hỏng: đoạn nhật ký 2 hỏng ở byte 99: không đọc được một lần ghi đã hứa giữ; `congvu store repair` chuyển nó \
             vào damaged/, hoặc hãy lấy nó ra"
        );
        assert_eq!(
            error.to_string(),
            "corrupt: journal segment 2 is damaged at 99: a commit that was promised cannot be read; `congvu store \
             repair` moves it to damaged/, or take it away"
        );
        let held = Error::InUse {
            dir: "/x".into(),
            process: None,
        };
        assert_eq!(
            held.in_tongue(Tongue::Vietnamese),
            "thư mục /x đang được một tiến trình khác dùng"
        );
        assert_eq!(
            held.to_string(),
            "the folder /x is in use by another process"
        );
    }
}
