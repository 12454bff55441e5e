//! Replay: answers that were given to requests with a key of their own, over a restart too.
//!
//! The same request with the same key gets the answer again and does nothing twice. The room that answers decides which
//! are kept, and in which of the places: another answer in the same place pushes the one before out (I-13).

use crate::fact::{decode, encode, table};
use crate::{AccountId, Directory, Error};
use serde::{Deserialize, Serialize};
use storage::RowChange;

/// Places for answers.
pub const ANSWERS_MAX: u32 = 10_000;
/// Answers that are read at a time.
const PAGE: usize = 100;

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// Who asked.
    pub account: AccountId,
    /// The key of the request.
    pub key: String,
    /// A sum of the request.
    pub request: u64,
    /// Unix seconds from which on it is forgotten.
    pub until: i64,
    /// The status of HTTP.
    pub status: u16,
    /// Names and values of header fields.
    pub headers: Vec<(String, String)>,
    /// Its octets.
    pub body: Vec<u8>,
}

impl Directory {
    /// Keeps an answer in its place; durable when this returns. Errors: `Storage`.
    pub fn keep_answer(&self, place: u32, answer: &KeptAnswer) -> Result<(), Error> {
        let row = RowChange {
            table: table::ANSWER,
            key: place.to_be_bytes().to_vec(),
            value: Some(encode(answer)?),
        };
        self.inner.store.commit_rows(vec![row])?;
        Ok(())
    }

    /// The answer in a place. Errors: `Storage`.
    pub fn kept_answer(&self, place: u32) -> Result<Option<KeptAnswer>, Error> {
        let row = self.inner.store.table(table::ANSWER);
        let row = row.row(&place.to_be_bytes())?;
        Ok(row.map(|row| decode(table::ANSWER, &row)).transpose()?)
    }

    /// Calls `each` for every answer that is kept, with its place. Errors: `Storage`.
    pub fn each_kept_answer(&self, each: &mut dyn FnMut(u32, KeptAnswer)) -> Result<(), Error> {
        let rows = self.inner.store.table(table::ANSWER);
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = rows.rows(&[], after.as_deref(), PAGE)?;
            for (key, row) in &page {
                let place = key.as_slice().try_into().map(u32::from_be_bytes);
                if let Ok(place) = place {
                    each(place, decode(table::ANSWER, row)?);
                }
            }
            match page.last() {
                Some((key, _)) => after = Some(key.clone()),
                None => return Ok(()),
            }
        }
    }
}
