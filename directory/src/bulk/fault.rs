//! What is wrong with a row, cell by cell: a closed list, put into words by whoever shows it.

use super::column::Column;
use serde::{Deserialize, Serialize};

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// A value is needed.
    Missing,
    /// Another value is expected: what, in the directory's English.
    Invalid(String),
    /// No such agency, or none that who asked may see or that lies in the job's subtree.
    NoAgency,
    /// No such account that who asked may see.
    NoAccount,
    /// Somebody has the address, or something the code.
    Taken,
    /// The same thing stands in this row too.
    Twice(u64),
    /// It would hang under itself.
    Loop,
    /// The row has this many cells, and its header that many.
    Cells(u64, u64),
    /// It may be seen, yet not changed.
    NotAllowed,
    /// Still used: by what, in the directory's English.
    InUse(String),
    /// Under the legal hold of this name.
    Held(String),
    /// Somebody changed it while the job worked, or since then.
    Changed,
    /// Somebody has used it since: it has mail, or was signed in to.
    Used,
    /// It is gone already.
    Gone,
    /// What it was before cannot stand now: why, as a fault of its own is told.
    Before(String),
    /// The grant by which it would be done lets there be so many accounts.
    TooManyAccounts(u64),
    /// It lets the limits of the accounts be so many octets together.
    TooMuchQuota(u64),
    /// It takes a second person, whom a file does not have.
    TakesTwo,
    // How rows of results are stored: new ones come last.
    /// No position of this number that who asked may see.
    NoPosition,
    /// So many positions are meant: their order, or their number, says which.
    Several(u64),
    /// Who holds a position that is there changes by handing it over alone.
    ByHandover,
    /// The mailbox has passwords, sessions, senders or forwarding of its own, which end for good with the first holder.
    OwnSecrets,
    /// Mail meant for somebody comes to another by it, or who asked lets himself in: it needs a reason, which a file lacks.
    NeedsReason,
    /// Nobody would be left who administers this tree from its top.
    LastAdministrator(String),
}

/// A fault and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// `None`: of the row as a whole.
    pub column: Option<Column>,
    /// What is wrong.
    pub fault: Fault,
    /// What stands there, cut.
    pub value: String,
}

impl Found {
    pub(crate) fn row(fault: Fault) -> Self {
        Self {
            column: None,
            fault,
            value: String::new(),
        }
    }
}

/// The fault that an error of the directory is; `Err`: the store's, which is no row's.
pub(crate) fn fault_of(error: crate::Error) -> Result<Fault, storage::Error> {
    use crate::{Error, Measure};
    Ok(match error {
        Error::NotFound("agency") => Fault::NoAgency,
        Error::NotFound("position") => Fault::NoPosition,
        Error::NotFound(_) => Fault::NoAccount,
        Error::Exists(_) => Fault::Taken,
        Error::Invalid { expected, .. } => Fault::Invalid(expected),
        Error::InUse(what) => Fault::InUse(what),
        Error::Held(hold) => Fault::Held(hold),
        Error::Lived => Fault::Used,
        Error::Conflict => Fault::Changed,
        // A job is never on trial, and says no password.
        Error::Denied(_)
        | Error::Outranked
        | Error::Lent
        | Error::Closed
        | Error::NotSecond
        | Error::Tried
        | Error::Later(_) => Fault::NotAllowed,
        Error::Beyond(Measure::Accounts, most) => Fault::TooManyAccounts(most),
        Error::Beyond(Measure::Quota, most) => Fault::TooMuchQuota(most),
        Error::LastAdministrator(top) => Fault::LastAdministrator(top.0),
        Error::Awaiting(_) => Fault::TakesTwo,
        Error::Storage(error) => return Err(error),
    })
}
