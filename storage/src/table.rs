//! Small tables of the system (directory, sessions, audit): rows by key, ordered.

use crate::index::{Index, Op};
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

/// A row's key and value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Longest key of a row, octets.
const KEY_OCTETS_MAX: usize = 512;
/// Longest value of a row, octets.
const VALUE_OCTETS_MAX: usize = 1024 * 1024;

/// The index's changes for those of rows. Errors: `Invalid`, `TooLarge`.
pub(crate) fn ops(rows: Vec<RowChange>) -> Result<Vec<Op>, Error> {
    rows.into_iter().map(op).collect()
}

/// The index's change for a row's. Errors: `Invalid`, `TooLarge`.
pub(crate) fn op(row: RowChange) -> Result<Op, Error> {
    if row.table.is_empty() || row.table.contains('\0') {
        return Err(Error::Invalid("table name"));
    }
    if row.key.is_empty() {
        return Err(Error::Invalid("empty row key"));
    }
    if row.key.len() > KEY_OCTETS_MAX {
        return Err(Error::TooLarge("row key"));
    }
    let key = key::row(row.table, &row.key);
    let Some(value) = row.value else {
        return Ok(Op::Delete(key));
    };
    if value.len() > VALUE_OCTETS_MAX {
        return Err(Error::TooLarge("row"));
    }
    let mut versioned = Vec::with_capacity(value.len() + 1);
    versioned.push(record::VERSION);
    versioned.extend_from_slice(&value);
    Ok(Op::Put(key, versioned))
}

impl Table {
    /// One row.
    pub fn row(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let value = self.index().get(&key::row(self.name, key))?;
        value
            .map(|v| record::body(&v, "row").map(<[u8]>::to_vec))
            .transpose()
    }

    /// Rows whose key begins with `prefix` and is greater than `after`, in key order, at most `max`.
    pub fn rows(&self, prefix: &[u8], after: Option<&[u8]>, max: usize) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        if max == 0 {
            return Ok(rows);
        }
        let skip = key::table(self.name).len();
        let prefix = key::row(self.name, prefix);
        let after = after.map(|a| key::row(self.name, a));
        let from = after.as_deref().unwrap_or(&prefix);
        self.index().scan(&prefix, from, &mut |key, value| {
            if after.as_deref() != Some(key) {
                rows.push((key[skip..].to_vec(), record::body(value, "row")?.to_vec()));
            }
            Ok(rows.len() < max)
        })?;
        Ok(rows)
    }

    /// Puts or deletes one row, durably.
    pub fn put(&self, key: &[u8], value: Option<Vec<u8>>) -> Result<(), Error> {
        let row = RowChange {
            table: self.name,
            key: key.to_vec(),
            value,
        };
        self.store.commit_rows(vec![row]).map(|_| ())
    }

    fn index(&self) -> &Index {
        &self.store.inner.shared.index
    }
}
