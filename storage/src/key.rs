//! Every key of the index, in one table. Big-endian and account first, so that any ordered engine
//! can be split by account.
//!
//! | key | value (after the version octet) |
//! |---|---|
//! | account, `META` | modseq, next EmailId, next MailboxId, octets and messages |
//! | account, `MAILBOX`, mailbox | name, parent, role, UIDs; without counts |
//! | account, `STATE`, email | the mutable part of a message |
//! | account, `SUMMARY`, email | the immutable part of a message; of a removed one as long as the log tells of it |
//! | account, `LOG`, modseq | when that commit was made, what it changed, what it replaced |
//! | account, `DELIVERED`, delivery | where that delivery was placed (I-09) |
//! | account, `UPLOAD`, blob | when it was uploaded |
//! | account, `RESTORE` | the restore that is under way |
//! | account, `RESTORED` | the mailboxes that restores into place made, and what for |
//! | account, `TRIMMED` | up to where the change log was trimmed |
//! | system, `BLOB`, blob | pack, offset, lengths |
//! | system, `PARTS`, blob | the shared pieces that it is put together of |
//! | system, `PACK`, number | nothing: that pack holds content |
//! | system, `UPKEEP` | the trusted time, and when content was collected |
//! | system, `QUEUE`, item | due, blob, payload |
//! | system, `QUEUED` | the numbers of queue items up to this one may have been given |
//! | system, `TABLE`, name, 0, key | a row |
//! | system, `TRACE`, key | a row of the table `trace`: written once, never changed |
//! | system, `APPLIED` | the journal's place up to which the index was written, and its last frame; not in the journal |
//! | system, `APPLIED`, `begun` | by what else that journal can be told from another; not in the journal |
//! | system, `APPLIED`, `store` | the identity of the store whose index it is; not in the journal |
//! | system, `START` | where UidValidity begins |
//! | account, `PART`, key without account, number | a piece of a value too large for one key |

use crate::{AccountId, BlobId, EmailId, MailboxId, ModSeq, QueueId};

pub(crate) const META: u8 = 1;
pub(crate) const MAILBOX: u8 = 2;
pub(crate) const STATE: u8 = 3;
pub(crate) const SUMMARY: u8 = 4;
pub(crate) const LOG: u8 = 5;
pub(crate) const DELIVERED: u8 = 6;
pub(crate) const UPLOAD: u8 = 7;
pub(crate) const RESTORE: u8 = 8;
pub(crate) const TRIMMED: u8 = 9;
pub(crate) const RESTORED: u8 = 10;
pub(crate) const BLOB: u8 = 16;
pub(crate) const QUEUE: u8 = 17;
pub(crate) const TABLE: u8 = 18;
pub(crate) const APPLIED: u8 = 19;
pub(crate) const START: u8 = 20;
pub(crate) const TRACE: u8 = 21;
/// 22 and 23 are left to others.
pub(crate) const PARTS: u8 = 24;
pub(crate) const PACK: u8 = 25;
pub(crate) const UPKEEP: u8 = 26;
pub(crate) const QUEUED: u8 = 27;
pub(crate) const PART: u8 = 255;

/// Octets before what tells keys of one kind apart: account and kind.
pub(crate) const HEAD: usize = 5;

fn key(account: AccountId, kind: u8, rest: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(HEAD + rest.len());
    key.extend_from_slice(&account.raw().to_be_bytes());
    key.push(kind);
    key.extend_from_slice(rest);
    key
}

/// All keys of one kind of an account.
pub(crate) fn kind(account: AccountId, kind: u8) -> Vec<u8> {
    key(account, kind, &[])
}

/// The kind of a key; 0 for what is no key.
pub(crate) fn kind_of(key: &[u8]) -> u8 {
    key.get(HEAD - 1).copied().unwrap_or(0)
}

/// The account of a key.
pub(crate) fn account_of(key: &[u8]) -> Option<AccountId> {
    let raw = key.get(..4)?.try_into().ok()?;
    AccountId::new(u32::from_be_bytes(raw))
}

/// The 64-bit number after the head.
pub(crate) fn number_of(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(HEAD..)?.try_into().ok()?))
}

pub(crate) fn meta(account: AccountId) -> Vec<u8> {
    kind(account, META)
}

pub(crate) fn mailbox(account: AccountId, id: MailboxId) -> Vec<u8> {
    key(account, MAILBOX, &id.raw().to_be_bytes())
}

pub(crate) fn state(account: AccountId, email: EmailId) -> Vec<u8> {
    key(account, STATE, &email.raw().to_be_bytes())
}

pub(crate) fn summary(account: AccountId, email: EmailId) -> Vec<u8> {
    key(account, SUMMARY, &email.raw().to_be_bytes())
}

pub(crate) fn log(account: AccountId, modseq: ModSeq) -> Vec<u8> {
    key(account, LOG, &modseq.raw().to_be_bytes())
}

pub(crate) fn delivered(account: AccountId, delivery: u64) -> Vec<u8> {
    key(account, DELIVERED, &delivery.to_be_bytes())
}

pub(crate) fn upload(account: AccountId, blob: BlobId) -> Vec<u8> {
    key(account, UPLOAD, &blob.0)
}

pub(crate) fn blob(id: BlobId) -> Vec<u8> {
    key(AccountId::SYSTEM, BLOB, &id.0)
}

/// The content that a key is about.
pub(crate) fn blob_of(key: &[u8]) -> Option<BlobId> {
    let is_blob = account_of(key) == Some(AccountId::SYSTEM) && kind_of(key) == BLOB;
    is_blob.then(|| key.get(HEAD..)?.try_into().ok().map(BlobId))?
}

/// All content.
pub(crate) fn blobs() -> Vec<u8> {
    kind(AccountId::SYSTEM, BLOB)
}

/// All content that is put together of pieces.
pub(crate) fn all_parts() -> Vec<u8> {
    kind(AccountId::SYSTEM, PARTS)
}

pub(crate) fn upkeep() -> Vec<u8> {
    kind(AccountId::SYSTEM, UPKEEP)
}

/// The shared pieces of content that is put together.
pub(crate) fn parts(id: BlobId) -> Vec<u8> {
    key(AccountId::SYSTEM, PARTS, &id.0)
}

/// The content whose pieces a key names.
pub(crate) fn parts_of(key: &[u8]) -> Option<BlobId> {
    let is_parts = account_of(key) == Some(AccountId::SYSTEM) && kind_of(key) == PARTS;
    is_parts.then(|| key.get(HEAD..)?.try_into().ok().map(BlobId))?
}

/// All packs that content was committed to.
pub(crate) fn packs() -> Vec<u8> {
    kind(AccountId::SYSTEM, PACK)
}

pub(crate) fn pack(number: u32) -> Vec<u8> {
    key(AccountId::SYSTEM, PACK, &number.to_be_bytes())
}

/// The pack that a key is about.
pub(crate) fn pack_of(key: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(key.get(HEAD..)?.try_into().ok()?))
}

pub(crate) fn queued() -> Vec<u8> {
    kind(AccountId::SYSTEM, QUEUED)
}

pub(crate) fn queue(id: QueueId) -> Vec<u8> {
    key(AccountId::SYSTEM, QUEUE, &id.raw().to_be_bytes())
}

/// The table of timelines: there are many rows with each message, so their keys are short, and nothing looks for what
/// a row replaces.
const TRACES: &str = "trace";

/// All rows of a table. A name holds no zero octet, so no table's rows begin another's.
pub(crate) fn table(name: &str) -> Vec<u8> {
    if name == TRACES {
        return kind(AccountId::SYSTEM, TRACE);
    }
    let mut key = key(AccountId::SYSTEM, TABLE, name.as_bytes());
    key.push(0);
    key
}

pub(crate) fn row(name: &str, row: &[u8]) -> Vec<u8> {
    let mut key = table(name);
    key.extend_from_slice(row);
    key
}

pub(crate) fn applied() -> Vec<u8> {
    kind(AccountId::SYSTEM, APPLIED)
}

pub(crate) fn begun() -> Vec<u8> {
    key(AccountId::SYSTEM, APPLIED, b"begun")
}

pub(crate) fn whose() -> Vec<u8> {
    key(AccountId::SYSTEM, APPLIED, b"store")
}

pub(crate) fn start() -> Vec<u8> {
    kind(AccountId::SYSTEM, START)
}

/// A piece of the large value at `whole`.
pub(crate) fn part(whole: &[u8], number: u16) -> Vec<u8> {
    let mut key = Vec::with_capacity(whole.len() + 3);
    key.extend_from_slice(&whole[..HEAD - 1]);
    key.push(PART);
    key.extend_from_slice(&whole[HEAD - 1..]);
    key.extend_from_slice(&number.to_be_bytes());
    key
}
