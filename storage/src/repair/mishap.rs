//! What a repair finds damaged, as whoever ordered it is told.

use crate::error::Fault;
use crate::{AccountId, BlobId, EmailId, Error, told};

told! {
    /// One damaged place, or what was made of it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(super) enum Mishap {
        // The journal.
        JournalShort { than: Than }:
            "nhật ký kết thúc trước {than}",
            "the journal ends before {than}";
        Segment { segment: u32 }:
            "mất đoạn nhật ký {segment}",
            "journal segment {segment} is missing";
        SegmentOther { segment: u32, own: u32 }:
            "mất đoạn nhật ký {segment}: tệp của nó là của đoạn {own}",
            "journal segment {segment} is missing: its file is that of segment {own}";
        SegmentHead { segment: u32 }:
            "đoạn nhật ký {segment}: phần đầu bị hỏng",
            "journal segment {segment}: its head is damaged";
        Commits { segment: u32, from: u64, to: u64 }:
            "đoạn nhật ký {segment}: các lần ghi từ byte {from} đến {to}",
            "journal segment {segment}: commits from octet {from} to {to}";

        // Snapshots.
        SnapshotRim { name: String }:
            "ảnh chụp {name}: phần bao quanh các khối bị hỏng",
            "snapshot {name}: what is around its blocks is damaged";
        Keys { name: String, from: String, to: String }:
            "ảnh chụp {name}: các khoá từ {from} đến {to}",
            "snapshot {name}: keys from {from} to {to}";
        KeysToEnd { name: String, from: String }:
            "ảnh chụp {name}: các khoá từ {from} đến hết",
            "snapshot {name}: keys from {from} to its end";

        // Content.
        Pack { number: u32 }:
            "mất tệp nội dung {number}",
            "pack {number} is missing";
        PackHeader { name: String }:
            "tệp nội dung {name}: phần đầu bị hỏng, đã ghi lại",
            "pack {name}: its header is damaged; it was written again";
        PackStrange { name: String, to: String }:
            "tệp nội dung {name}: thứ nằm ở chỗ đó không phải tệp nội dung, đã chuyển sang {to}",
            "pack {name}: what is in its place is no pack; it was moved to {to}";
        PackRenamed { name: String, own: String }:
            "tệp nội dung {own} mang tên {name}: đã trả lại tên {own}",
            "pack {own} had the name {name}; it has its own again";
        PackCopy { name: String, own: u32, to: String }:
            "tệp nội dung {name} là một bản chép của tệp nội dung {own}, hoặc từ nơi khác đến; đã chuyển sang {to}",
            "pack {name} is a copy of pack {own}, or came from elsewhere; it was moved to {to}";
        PackReplaced { name: String, to: String }:
            "tệp nội dung {name} hỏng phần đầu, và chính tệp đó nằm nguyên vẹn dưới tên khác; thứ nằm ở chỗ đó đã chuyển              sang {to}",
            "pack {name}: its header is damaged, and it lies whole under another name; what was in its place was moved to              {to}";
        ContentFound { count: u64, file: String }:
            "{count} nội dung không còn đúng chỗ, đã tìm thấy nguyên vẹn trong {file}: không mất gì của chúng",
            "{count} contents were not where they should be, and were found whole in {file}: nothing of them is lost";
        ContentUnneeded { blob: BlobId }:
            "nội dung {blob} bị hỏng mà không thư nào còn cần đến: đã bỏ nó ra",
            "content {blob} is damaged, and no message needs it any more; it was dropped";
        Content { blob: BlobId, why: Error }:
            "nội dung {blob}: {why}",
            "content {blob}: {why}";
        Arrival { account: AccountId, email: EmailId }:
            "tài khoản {account}, thư {email}: mất bản ghi lúc thư đến, và cùng với nó là chỗ của nội dung; thư bị bỏ ra",
            "account {account}, message {email}: its arrival is lost, and with it where its content lies; it is left out";

        // Files of the store.
        Format { was: Was, whose: Whose, engine: &'static str }:
            "tệp `format` {was}, đã làm lại: {whose}; chỉ mục do {engine} giữ",
            "the file `format` {was}; it was made anew: {whose}; its index is kept by {engine}";
        Moved { what: Fault, to: String }:
            "{what}; đã chuyển sang {to}",
            "{what}; it was moved to {to}";
        IndexOfAnother:
            "chỉ mục là của một kho khác; không hỏi nó, và nó được dựng lại",
            "the index belongs to another store; it was not asked, and is made anew";
        CheckpointApart:
            "điểm mốc (`checkpoint`) không đi với nhật ký: nó là của một bản sao của kho này đã chạy tiếp, hoặc nhật ký là của \
             bản sao đó; những gì nó hứa không được tính",
            "the checkpoint does not belong to the journal: it is of a copy of this store that went on by itself, or the \
             journal is; what it promised does not count";
        IndexApart { to: String }:
            "chỉ mục không đi với nhật ký: nó là của một bản sao của kho này đã chạy tiếp, hoặc nhật ký là của bản sao đó; \
             không lấy gì của nó, đã chuyển nó sang {to}, và chỉ mục được dựng lại theo nhật ký",
            "the index does not belong to the journal: it is of a copy of this store that went on by itself, or the journal \
             is; nothing of it was taken, it was moved to {to}, and the index is made anew from the journal";
    }
}

told! {
    /// What knows that there was more.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) enum Than {
        Checkpoint: "điểm mốc (`checkpoint`)", "its checkpoint";
        Index: "những gì chỉ mục có", "what the index has of it";
    }
}

told! {
    /// What is wrong with the file `format`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) enum Was {
        Damaged: "bị hỏng", "is damaged";
        OfAnother: "là của một kho khác", "belongs to another store";
        Missing: "bị mất", "is missing";
    }
}

told! {
    /// Which store it is now.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) enum Whose {
        Agreed: "kho là kho mà các tệp của nó ghi", "the store is the one that its files name";
        Drawn:
            "không tệp nào khác ghi tên kho, nên kho có danh tính mới: từ nay phải sao lưu vào thư mục mới",
            "no other file names the store, so it has a new identity: backups need a new folder from now on";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::told::check_table;

    #[test]
    fn all_is_said_in_both_languages() {
        for table in [Mishap::TABLE, Than::TABLE, Was::TABLE, Whose::TABLE] {
            check_table(table);
        }
    }
}
