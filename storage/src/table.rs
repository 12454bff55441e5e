//! Small tables of the system (directory, sessions, audit): rows by key, ordered.

use crate::*;

/// Door to one table.
#[derive(Clone)]
pub struct Table {
    pub(crate) store: Store,
    pub(crate) name: &'static str,
}

/// One row to put (`Some`) or delete (`None`).
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct RowChange {
    pub table: &'static str,
    /// 1 to 512 octets.
    pub key: Vec<u8>,
    /// At most 1 MB.
    pub value: Option<Vec<u8>>,
}

#[allow(unused_variables, clippy::todo)]
impl Table {
    /// One row.
    pub fn row(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        todo!()
    }
    /// Rows whose key begins with `prefix` and is greater than `after`, in key order, at most `max`.
    pub fn rows(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        max: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Error> {
        todo!()
    }
    /// Puts or deletes one row, durably.
    pub fn put(&self, key: &[u8], value: Option<Vec<u8>>) -> Result<(), Error> {
        todo!()
    }
}
