//! Bulk work: tables of agencies, positions, accounts and members as files, imported by durable jobs.
//!
//! A job is a row of the directory; its file and its results are rows beside it, sealed with the store. What a row of
//! the file does, its result, its audit entry and how far the job is are one commit (I-20): killed at any moment it
//! goes on at the row where it stood, and no row is done twice. Who asked must still be allowed at each row.

mod account;
mod agency;
mod book;
mod cells;
mod column;
mod day;
mod doings;
mod export;
mod fault;
mod import;
mod job;
mod keep;
mod letters;
mod member;
mod other;
mod outcome;
mod plan;
mod seat;
mod seat_kind;
mod shelf;
mod turn;
mod undo;
mod work;

pub use column::{Column, Subject};
pub use export::Export;
pub use fault::{Fault, Found};
pub use job::{Counts, Failure, Job, JobId, JobKind, JobState, Phase};
pub(crate) use keep::Desk;
pub use keep::{FILE_OCTETS_MAX, JOBS_OPEN_MAX, NewImport, ROWS_MAX, UNDO_DAYS, Upload};
pub use letters::{Letter, Letters};
pub use outcome::{Difference, Done, Outcome};
pub use work::Workshop;
