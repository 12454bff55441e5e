//! The hash-chained log of administrative acts and privileged reads (I-20).

use crate::*;
use serde::{Deserialize, Serialize};

/// One entry; `hash` covers the entry and the hash before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Entry {
    pub number: u64,
    pub at: i64,
    /// Address of the actor, or `system`.
    pub actor: String,
    /// `account.create`.
    pub act: String,
    /// `annv@tinhmau.gov.vn`.
    pub object: String,
    /// JSON of what changed, without secrets.
    pub detail: String,
    pub hash: [u8; 32],
}

#[allow(unused_variables, clippy::todo)]
impl Directory {
    /// A page of the log, newest first, before `before`.
    pub fn audit(&self, before: Option<u64>, max: usize) -> Result<Vec<Entry>, Error> {
        todo!()
    }
    /// Recomputes the chain; the number of the first entry that does not fit.
    pub fn audit_check(&self) -> Result<Option<u64>, Error> {
        todo!()
    }
}
