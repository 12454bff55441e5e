//! What is wrong with backups, or with the store that is backed up, a line each.

use super::chunk;
use super::sealer::ChunkId;
use crate::{BlobId, Error, Fault, told};

told! {
    /// One of these lines.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(super) enum Note {
        // A backup.
        Missing { pieces: u64 }:
            "thiếu {pieces} mảnh",
            "{pieces} of its pieces are missing";
        Lacks { places: usize }:
            "khi sao lưu, kho thư hỏng {places} chỗ mà bản này cũng không có nguyên vẹn",
            "the store was damaged in {places} places that it has not whole either";
        NoFormat:
            "tệp `format` của nó bị mất hoặc hỏng",
            "its file `format` is missing or damaged";
        NoKeyring:
            "kho thư được mã hoá mà keyring bị mất hoặc hỏng",
            "the store is encrypted, and its keyring is missing or damaged";
        Twin { name: &'static str, is: Is }:
            "tệp `{name}` của nó {is}; lần sao lưu tới ghi lại tệp này",
            "its file `{name}` {is}; the next backup writes it again";
        More { more: usize }:
            "và {more} chỗ nữa",
            "and {more} more";

        // Its pieces.
        Needed { why: Error, file: String }:
            "{why}, cần cho {file}",
            "{why}, needed for {file}";
        NeededOf { why: Error, file: String, name: String }:
            "{why}, cần cho {file} của {name}",
            "{why}, needed for {file} of {name}";
        Lost { why: Fault, octets: u64, file: String }:
            "{why}: thiếu {octets} byte của {file}",
            "{why}: {octets} octets of {file} are missing";

        // What stays of several.
        StaysWhole { name: String }:
            "trong các bản được giữ không bản nào nguyên vẹn; {name} thì nguyên vẹn, và được giữ lại",
            "none of the backups that were to stay is whole; {name} is, and stays";
        StaysFor { what: Damage, name: String }:
            "{what} trong các bản được giữ; {name} có nó nguyên vẹn và được giữ lại",
            "{what} in the backups that stay; {name} has it whole and stays";

        // The store.
        Healed { what: Damage }:
            "{what}; bản sao lưu này vẫn có nguyên vẹn, lấy từ một bản trước",
            "{what}; this backup has it whole, from one before";
    }
}

told! {
    /// What is damaged in a pack.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(super) enum Damage {
        Content { path: String, blob: BlobId, from: u64 }:
            "{path}: nội dung {blob} ở byte {from} bị hỏng",
            "{path}: content {blob} at octet {from} is damaged";
        Octets { path: String, from: u64, to: u64 }:
            "{path}: các byte từ {from} đến {to} bị hỏng",
            "{path}: the octets {from} to {to} are damaged";
        Gone { contents: u64 }:
            "kho thư: mất ít nhất {contents} nội dung cùng cả tệp gói, lần sửa kho không tìm lại được",
            "the store: at least {contents} contents are lost with whole packs, and its repair did not find them";
        Pack { path: String }:
            "{path}: kho thư ghi là có nội dung trong đó, mà tệp bị mất",
            "{path}: the store names content in it, and it is missing";
    }
}

told! {
    /// How one of two files of the same content is.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) enum Is {
        Missing: "bị mất", "is missing";
        Damaged: "bị hỏng", "is damaged";
        Older: "cũ hơn tệp kia", "is older than the other one";
    }
}

/// A piece that has not the octets that the manifest says.
pub(super) fn another_length(id: &ChunkId) -> Error {
    let path = chunk::path(id);
    Error::corrupt(Fault::PieceLength { path })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::told::check_table;

    #[test]
    fn all_is_said_in_both_languages() {
        for table in [Note::TABLE, Damage::TABLE, Is::TABLE] {
            check_table(table);
        }
    }
}
