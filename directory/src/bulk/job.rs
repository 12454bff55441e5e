//! A job: what was asked for, by whom, and how far it is.

use super::column::Subject;
use crate::{AccountId, AgencyId, CredentialId};
use formats::csv::Refusal;
use serde::{Deserialize, Serialize};

/// Number of a job; never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobId(pub u64);

impl std::fmt::Display for JobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobKind {
    /// Rows of a file become so.
    Import,
    /// What an import did becomes undone.
    Undo,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum JobState {
    Queued,
    Running,
    Done,
    /// See [`Job::failure`].
    Failed,
    Cancelled,
}

impl JobState {
    /// Whether it is still to work.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }
}

/// What of an import is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Every row is looked at; nothing changes.
    Checking,
    /// Rows become so.
    Applying,
}

/// Why a job ended without having done all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// Rows have errors, and they were not to be left out: nothing was changed.
    Rows,
    /// Nothing is in the file.
    Empty,
    /// It is a workbook, no table of text.
    Workbook,
    /// It is in UTF-16.
    Utf16,
    /// This row is not in UTF-8.
    NotUtf8(u64),
    /// This row is longer than rows may be; as a rule a quotation mark that is not closed.
    RowTooLong(u64),
    /// This row has more cells than rows may have.
    TooManyCells(u64),
    /// More rows than a file may have.
    TooManyRows(u64),
    /// A column of this name is not known.
    UnknownColumn(String),
    /// The column of this name is there twice.
    ColumnTwice(String),
    /// The column of this name is missing.
    NoColumn(String),
    /// Who asked may no longer do it, or the sign-in it rested on was withdrawn.
    NotAllowed,
    /// The file is gone.
    FileGone,
    /// The store takes no more; what was done stays.
    Store,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Empty => Self::Empty,
            Refusal::Workbook => Self::Workbook,
            Refusal::Utf16 => Self::Utf16,
            Refusal::NotUtf8(row) => Self::NotUtf8(row),
            Refusal::RowTooLong(row) => Self::RowTooLong(row),
            Refusal::TooManyCells(row) => Self::TooManyCells(row),
        }
    }
}

/// How many rows came out how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Counts {
    pub new: u64,
    pub changed: u64,
    pub same: u64,
    /// Rows with errors; of an undo: what could not be undone.
    pub errors: u64,
}

/// One job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Job {
    pub id: JobId,
    pub kind: JobKind,
    pub subject: Subject,
    pub state: JobState,
    /// Who asked.
    pub account: AccountId,
    /// Through what: while it stands, the job does.
    pub credential: CredentialId,
    /// Top of the subtree within which it works, and whose administrators see it.
    pub agency: AgencyId,
    /// Only looks.
    pub dry_run: bool,
    /// Leaves rows with errors out instead of changing nothing.
    pub skip_errors: bool,
    /// The name that its file had.
    pub file_name: String,
    /// Octets of the file.
    pub octets: u64,
    /// Whether its file is still kept.
    pub has_file: bool,
    /// Of an undo: the import.
    pub of: Option<JobId>,
    /// Of an import: its undo.
    pub undone_by: Option<JobId>,
    pub phase: Phase,
    /// Rows that are done in this phase; blank ones are none.
    pub done: u64,
    /// Rows of the file, once they were counted.
    pub total: Option<u64>,
    pub counts: Counts,
    pub failure: Option<Failure>,
    /// Unix seconds.
    pub created_at: i64,
    pub ended_at: Option<i64>,
    /// When its letters with first passwords were fetched.
    pub letters_at: Option<i64>,
}
