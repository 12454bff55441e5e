//! Keeps mail: journal, packs, engine, ModSeq, change log. Synchronous; knows no protocol word.
//!
//! The promises:
//! 1. What `commit` returned from is on disk (I-01): the journal record and the content it names.
//! 2. Commits of an account are announced in ModSeq order, after they are durable (I-02, I-04).
//! 3. A Uid is never given twice while UidValidity stands (I-03).
//! 4. Content is never changed once stored, and stored once (BLAKE3-addressed).
//! 5. The engine (sled) is a shadow: snapshot and journal rebuild it (I-19).
//!
//! The folder of a store:
//!
//! | name | what |
//! |---|---|
//! | `journal/NNNNNNNNNN.log` | the newest commits, in order; the truth |
//! | `snapshots/A-B.snap` | what the journal's segments A to B said; the truth |
//! | `packs/NNNNNN.pack` | content; the truth |
//! | `index/` | sled or fjall; rebuilt from snapshots and journal when it is missing, damaged, behind or ahead |
//! | `search/` | what finds messages by their texts; made anew when it is missing, damaged or of another version |
//! | `index.sled/`, `index.fjall/` | a new index while the store moves to that engine |
//! | `index.aside/` | an index that could not be trusted, until the new one stands |
//! | `damaged/` | what a repair put aside; never removed by the store |
//! | `repaired/` | what a repair makes, until it is in its place |
//! | `checkpoint` | up to where the index is on the disk, and how the store was stopped |
//! | `keyring`, `keyring.copy` | the data keys of an encrypted store, sealed under its master key |
//! | `format` | what kind of store this is, and its identity, which the head of each file of journal, snapshots and packs names too; see `format`, `owner` |
//! | `before-2/`, `before-3/`, `before-4/` | the store as it was before its upgrade to that format, see `upgrade` |
//! | `harm` | what is known to be damaged, and since when; found out again when it is missing |
//! | `spare` | blocks that are given up so that the store can be opened on a full disk |
//! | `lock` | held by the process that has the store open, whose number is in it |
//! | `pin` | shared by backups that read the files, held alone by whoever removes some |
//!
//! The way of a commit: [`Writer`] gathers a batch over a state that cannot change meanwhile; `batch`
//! turns it into keys and a log; `commit` (one thread) writes a group of them to the `journal`, syncs
//! it and the `pack`s side by side, applies them to the `index` and to the `hot` states that readers
//! see, announces them, and only then answers. A very large one is applied beside the others (`unapplied`).

pub mod account;
mod applied;
pub mod backup;
mod batch;
mod cell;
pub mod change;
mod check;
mod checkpoint;
mod clock;
mod collect;
mod commit;
mod compact;
mod compare;
mod content_sync;
mod count;
mod damage;
mod disk;
mod domain;
mod engine;
pub mod error;
mod figures;
mod finding;
mod format;
#[cfg(test)]
mod golden;
mod harm;
mod history;
mod hold;
mod hot;
pub mod ident;
mod index;
mod journal;
mod key;
mod keyring;
mod lately;
mod lock;
pub mod mailbox;
pub mod maintain;
mod master;
pub mod message;
pub mod migrate;
mod owner;
mod pack;
pub mod pin;
pub mod progress;
pub mod queue;
pub mod quota;
mod rebuild;
mod record;
mod recover;
mod repair;
mod restore;
mod seal;
pub mod search;
mod share;
mod snapshot;
mod spare;
pub mod store;
mod submit;
mod summaries;
pub mod table;
mod thread;
pub mod told;
mod tree;
mod trim;
mod unapplied;
mod undelete;
mod upgrade;
mod validity;
pub mod writer;
mod zip;

pub use account::AccountStore;
pub use change::{Change, Changes, Listeners, Listening, Subscription};
pub use clock::Clock;

pub use collect::Swept;
pub use compact::Compacted;
pub use disk::Disk;
pub use error::{Corrupt, Cure, Error, Fault, Obstacle};
pub use figures::Figures;
pub use finding::{Finding, Findings, Flaw, Letter};
pub use format::{engine_of, holds_store, says_sealed};
pub use harm::{Harm, HarmKind, Harmed, Harms};
pub use hold::Hold;
pub use ident::{
    AccountId, BlobId, EmailId, MailboxId, ModSeq, QueueId, ThreadId, Uid, UidValidity,
};
pub use keyring::{KeyInfo, SYSTEM_DOMAIN, is_sealed, master_fits};
pub use lately::{Lately, LatelyKey};
pub use mailbox::{Counts, Mailbox, MailboxChange, NewMailbox, Role};
pub use maintain::{Policy, Upkeep};
pub use master::{KeySource, MasterKey};
pub use message::{Append, Keyword, KeywordChange, Message, Placed, State};
pub use migrate::Migrated;
pub use pack::{Lies, Verified};
pub use progress::{Progress, Stage, Tell, Watch};
pub use queue::{Queue, QueueItem};
pub use quota::{Bound, Limits, QuotaNode, Quotas, SoftPassed, Usage};
pub use rebuild::Reindexed;
pub use repair::{Damage, Gone, Loss, LostContent, Origin, Repaired, Untold};
pub use restore::{Later, RestoreAt, RestoredAt, Target, View};
pub use search::{
    ATTACHED_TEXT_MAX, Attached, Due, Indexed, Place as TextPlace, Sought, is_of_word, is_word,
};
pub use snapshot::Covered;
pub use store::{CACHE_OCTETS, EngineKind, HOT_MESSAGES, Options, Sizes, Store};
pub use table::{RowChange, Table};
pub use told::{In, Size, Told, Tongue};
pub use trim::Trimming;
pub use undelete::{Place, PutBack, Removed, RemovedPage, RemovedQuery};
pub use upgrade::Upgraded;
pub use writer::Writer;
