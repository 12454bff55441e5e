//! What became of a row, or would.

use super::column::Column;
use super::fault::Found;
use serde::{Deserialize, Serialize};

/// What a row comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Done {
    New,
    Changed,
    Same,
    Error,
}

/// A cell that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Difference {
    pub column: Column,
    /// As it would be exported; empty where nothing was.
    pub from: String,
    pub to: String,
}

impl Difference {
    /// The way back.
    pub(crate) fn back(&self) -> Self {
        Self {
            column: self.column,
            from: self.to.clone(),
            to: self.from.clone(),
        }
    }
}

/// One row's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Outcome {
    /// Of the file; the header is row 1.
    pub row: u64,
    /// The agency's code, the account's address, account and member, or the agency, the place and the title of a
    /// position.
    pub key: String,
    pub done: Done,
    pub differences: Vec<Difference>,
    pub errors: Vec<Found>,
    /// The account that was made or changed, or the number of the position; 0: none.
    pub account: u32,
    /// Its version, the agency's or the position's, after that; 0: nothing was changed.
    pub version: u64,
}

impl Outcome {
    pub(crate) fn failed(row: u64, key: String, errors: Vec<Found>) -> Self {
        Self {
            row,
            key,
            done: Done::Error,
            differences: Vec::new(),
            errors,
            account: 0,
            version: 0,
        }
    }
}
