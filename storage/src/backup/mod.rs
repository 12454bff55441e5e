//! Backup and restore: the store's files, cut into pieces that are kept once each.
//!
//! A backup runs as a process of its own beside the server. It takes no lock of the store, only the
//! shared [`Pin`](crate::pin::Pin), so that nothing it reads is removed meanwhile. It notes the snapshots, then the
//! journal up to its last whole group, then the packs: whatever that journal names was in the
//! packs before, so the three together are the store as it stood at the journal's end.
//!
//! The target is a [`Vault`]:
//!
//! | name | what |
//! |---|---|
//! | `format` | magic, version, which store, and the wrapped key when the backup is sealed |
//! | `format.copy` | the same; either is enough |
//! | `chunks/ab/ab…` | 4 MB of a file, under its (keyed) BLAKE3 hash, compressed where it helps |
//! | `twins/ab…` | the second copy of what a store cannot be read without: its `format` and its keyring |
//! | `manifests/TIME.manifest` | one backup: files, lengths, hashes, chunks; written last |
//! | `lock` | keeps two backups, or a backup and a prune, apart |
//!
//! A chunk that is there already is not written again: backups are incremental, and one that was
//! cut off goes on. Each new chunk is read back and compared before the manifest is written;
//! without a manifest a backup does not exist.

mod account;
mod chunk;
mod crew;
mod folder;
mod framed;
mod head;
mod keep;
mod keys;
mod manifest;
mod named;
mod note;
mod place;
mod prune;
mod restore;
mod sealer;
mod sound;
mod source;
mod take;
mod vault;
mod whole;

pub use account::{Account, Cut};
pub use folder::{FolderVault, lies_in};
pub use keep::{Backup, Checked, check, list};
pub use place::{Into, Picture, Restored, place};
pub use prune::{Keep, Prune, Pruned, prune};
pub use restore::{Rebuilt, Restore, Spare, Which, expect_key, restore};
pub use sealer::{Secret, expect_opens};
pub use take::{Take, Taken, take};
pub use vault::{Held, Vault};

// Whoever hears of it and says no ends the work with [`Refusal::Stopped`].
pub use crate::progress::{Progress, Stage, Tell};

use crate::{Error, Fault, Size, Told, Tongue, told};

/// Threads that read, press and seal at most.
pub const WORKERS_MAX: usize = 16;

/// Why a backup or restore did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It was not begun, and nothing was changed; or it can be begun again.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store or the vault failed.
    #[error(transparent)]
    Storage(#[from] Error),
}

told! {
    /// What the operator can set right.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Refusal {
        /// The target has files, and they are not of a backup.
        Foreign(dir: String):
            "{dir} có tệp khác và không phải là bản sao lưu; hãy chọn một thư mục trống",
            "{dir} holds other files and is not a backup; name an empty folder";
        /// The target is a backup of another store.
        OtherStore(dir: String):
            "{dir} là bản sao lưu của một kho thư khác; hãy chọn thư mục khác",
            "{dir} holds the backup of another store; name another folder";
        /// The folder that should be backed up is none of ours.
        NoStore(dir: String):
            "{dir} không có kho thư",
            "{dir} holds no store";
        /// The folder that should be read is no backup.
        NoBackup(dir: String):
            "{dir} không có bản sao lưu",
            "{dir} holds no backup";
        /// Pieces and manifests are there, sealed, and what held their key is not.
        NoFormat(dir: String):
            "{dir} có bản sao lưu mà hai tệp `format` và `format.copy` đều hỏng hoặc mất: chúng giữ khoá của nó, không gì \
             khác mở được. Hãy tìm một bản chép của thư mục này và đặt lại một trong hai tệp; cho đến lúc đó hãy để nguyên \
             và sao lưu vào thư mục khác",
            "{dir} holds a backup whose files `format` and `format.copy` are both damaged or missing: they held its key, \
             and nothing else opens it. Look for a copy of this folder and put one of the two back from there; until then \
             leave it as it is, and back up into another folder";
        /// The two files are of two backups.
        TwoFormats(dir: String):
            "{dir} có `format` của một bản sao lưu và `format.copy` của một bản khác; không thay đổi gì: hãy lấy ra tệp \
             đến từ nơi khác",
            "{dir} has the `format` of one backup and the `format.copy` of another; nothing was changed: take the one \
             away that came from elsewhere";
        /// The target lies in the store itself.
        Inside(dir: String):
            "{dir} nằm trong thư mục dữ liệu; bản sao lưu phải ở nơi khác, tốt nhất là máy khác",
            "{dir} lies inside the data folder; a backup must lie elsewhere, best on another machine";
        /// The store lies in the target.
        Around(dir: String):
            "{dir} chứa chính kho thư; hãy chọn một thư mục chỉ để sao lưu, tốt nhất ở máy khác",
            "{dir} holds the store itself; name a folder that is only for backups, best on another machine";
        /// The target has not enough room.
        NoRoom { place: String, needed: Size, free: Size }:
            "{place} chỉ còn {free}, cần {needed}",
            "{place} has room for {free}, but {needed} are needed";
        /// The target is where files cannot be kept.
        NoPlace(dir: String):
            "{dir} không phải là nơi ghi được tệp; hãy chọn một thư mục trên đĩa",
            "{dir} is no place for files; name a folder on a disk";
        /// Another backup, prune or check uses the target.
        Busy(dir: String):
            "một lần sao lưu hoặc dọn dẹp khác đang chạy trong {dir}; hãy chờ nó xong",
            "another backup or prune works in {dir}; wait until it is done";
        /// The backup is sealed and no key was given.
        KeyMissing(dir: String):
            "bản sao lưu trong {dir} được niêm phong; hãy cho tệp khoá hoặc mật khẩu",
            "the backup in {dir} is sealed; give its key file or passphrase";
        /// The backup is sealed with another key.
        KeyWrong(dir: String):
            "khoá hoặc mật khẩu này không mở được bản sao lưu trong {dir}",
            "this key or passphrase does not open the backup in {dir}";
        /// A key was given for a backup that is not sealed.
        NotSealed(dir: String):
            "bản sao lưu trong {dir} không được niêm phong; muốn niêm phong, hãy chọn thư mục khác",
            "the backup in {dir} is not sealed; for a sealed one name another folder";
        /// No backup of that name.
        NoManifest { dir: String, name: String }:
            "trong {dir} không có bản sao lưu nào tên là {name} (`congvu backup list` kể tên)",
            "there is no backup {name} in {dir} (`congvu backup list` names them)";
        /// None that old: all were made later.
        NoneThatOld { dir: String, at: String, first: String }:
            "trong {dir} không có bản sao lưu nào từ {at} trở về trước: bản cũ nhất là {first}",
            "no backup in {dir} is of {at} or before: the oldest is {first}";
        /// The manifest of a backup that a prune was to keep is damaged.
        StaysDamaged(name: String):
            "bản kê của bản sao lưu {name}, vốn phải giữ lại, bị hỏng: không biết nó cần những mảnh nào nên không xoá gì. Hãy \
             sao lưu lần nữa, rồi dọn sao cho chính bản {name} cũng bị xoá (`--keep` đủ nhỏ)",
            "the manifest of the backup {name}, which was to stay, is damaged: nobody can say which pieces it needs, so \
             nothing was removed. Make a new backup, then prune so that {name} itself goes too (a `--keep` small enough)";
        /// Snapshots, journal or keyring of the store are damaged.
        Damaged(why: Fault):
            "kho thư bị hỏng ({why}); không tạo bản sao lưu, các bản cũ vẫn nguyên: hãy dừng máy chủ và chạy `congvu store \
             repair`",
            "the store is damaged: {why}; no backup was made, and the earlier ones stay as they are: stop the server and \
             run `congvu store repair`";
        /// The keyring of an encrypted store is gone.
        NoKeyring(dir: String):
            "vòng khoá của kho thư mã hoá trong {dir} đã mất hoặc hỏng (tệp `keyring` và `keyring.copy`); không tạo bản sao \
             lưu. Máy chủ đang chạy còn giữ nó trong bộ nhớ và sẽ ghi lại: đừng dừng nó, hãy chạy `congvu admin store \
             verify`. Nếu không có máy chủ nào chạy, hãy khôi phục bản sao lưu mới nhất vào thư mục khác rồi chép hai tệp \
             ấy từ kho của nó",
            "the keyring of the encrypted store in {dir} is gone or damaged (files `keyring` and `keyring.copy`); no \
             backup was made. A running server still has it in memory and writes it again: do not stop it, and run \
             `congvu admin store verify`. Where none runs, restore the newest backup into another folder and copy the two \
             files from its store";
        /// The keyring in the backup is lost, with its second copy.
        KeyringLost(dir: String):
            "bản sao lưu trong {dir} đã mất vòng khoá của kho thư, không có nó thì không ai đọc được gì; không ghi gì cả. \
             Một vòng khoá khác của cùng kho giúp được: tệp `keyring` trong thư mục `store` của chính máy chủ, của một bản \
             chép, hoặc của kho khôi phục từ thư mục sao lưu khác; hãy nêu bằng --keyring TỆP, hoặc thử bản sao lưu cũ hơn \
             bằng --manifest",
            "the keyring of the store is lost in the backup {dir}, and without it nobody can read what is in it; nothing \
             was written. Another one of the same store helps: the file `keyring` in the folder `store` of the server \
             itself, of a copy of that, or of what is restored from another folder of backups; name it with --keyring \
             FILE, or try an older backup with --manifest";
        /// The file that was named as a keyring is none.
        NoSpare(file: String):
            "{file} không phải là vòng khoá, hoặc đã hỏng; không ghi gì cả. Hãy nêu tệp `keyring` trong một thư mục `store` \
             của cùng máy chủ bằng --keyring TỆP",
            "{file} is no keyring, or damaged; nothing was written. Name the file `keyring` of a folder `store` of the same \
             server by --keyring FILE";
        /// The keyring that was named opens with another master key.
        OtherSpare(file: String):
            "vòng khoá {file} không mở được bằng khoá chủ trong cấu hình; không ghi gì cả. Hãy nêu vòng khoá của cùng kho \
             này, hoặc đặt key_file là khoá của thời đó (khoá đã thay được giữ ở TỆP.old-N)",
            "the keyring {file} is not sealed under the master key that the config names; nothing was written. Name the \
             keyring of the same store, or the key of its time (a replaced one is kept as FILE.old-N) as key_file";
        /// A restore goes into an empty folder only.
        NotEmpty(dir: String):
            "{dir} không trống; khôi phục cần một thư mục trống",
            "{dir} is not empty; a restore needs an empty folder";
        /// The backup does not have this account.
        NoAccount:
            "bản sao lưu không có tài khoản này",
            "the backup does not know this account";
        /// The backup's account does not have this mailbox.
        NoMailbox(name: String):
            "trong bản sao lưu, tài khoản không có hộp thư {name}",
            "the account has no mailbox {name} in the backup";
        /// Whoever asked does not want it any more.
        Stopped:
            "đã dừng; chạy lại cùng lệnh để tiếp tục",
            "stopped; the same command goes on from here";
    }
}

impl std::error::Error for Refusal {}

impl Told for Failure {
    fn tell(&self, tongue: Tongue, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.tell(tongue, f),
            Self::Storage(error) => error.tell(tongue, f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_said_in_both_languages() {
        told::check_table(Refusal::TABLE);
        let failure = Failure::from(Refusal::Damaged(Fault::JournalMissing { segment: 3 }));
        assert_eq!(
            failure.in_tongue(Tongue::Vietnamese),
            "kho thư bị hỏng (mất đoạn nhật ký 3); không tạo bản sao lưu, các bản cũ vẫn nguyên: hãy dừng máy chủ và chạy \
             `congvu store repair`"
        );
        let (needed, free) = (Size(4_200_000), Size(1_000));
        let place = "/b".to_owned();
        let refusal = Refusal::NoRoom {
            place,
            needed,
            free,
        };
        assert_eq!(
            refusal.to_string(),
            "/b has room for 1,0 kB, but 4,2 MB are needed"
        );
    }
}
