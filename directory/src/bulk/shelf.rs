//! Where a job's file and its results lie: rows beside the job's own, sealed as the store is.
//!
//! A file lies in parts, results lie by the batches in which they came, under the number of the last row of each: a
//! page begins with the first batch whose last row comes after what was seen.

use super::job::JobId;
use super::outcome::Outcome;
use crate::fact::{decode, encode, table};
use crate::{Directory, Error};
use storage::RowChange;

/// Octets of a part of a file.
pub(super) const PART_OCTETS: usize = 64 * 1024;
/// Parts read at a time.
const PARTS_READ: usize = 4;
/// Batches looked at for one page of results: a rare kind of result must not hold a thread.
const LOOK_MAX: usize = 400;

/// Job first, so that all of one lie together, then the number.
pub(crate) fn key(job: JobId, number: u64) -> Vec<u8> {
    let mut key = job.0.to_be_bytes().to_vec();
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// The job and the number that a key names.
fn named(key: &[u8]) -> Option<(JobId, u64)> {
    let (job, number) = key.split_first_chunk::<8>()?;
    let number = u64::from_be_bytes(number.try_into().ok()?);
    Some((JobId(u64::from_be_bytes(*job)), number))
}

/// A part of a job's file.
pub(super) fn part(job: JobId, number: u64, octets: Vec<u8>) -> RowChange {
    RowChange {
        table: table::JOB_FILE,
        key: key(job, number),
        value: Some(octets),
    }
}

/// The row of a batch of results.
pub(crate) fn results_row(job: JobId, results: &[Outcome]) -> Result<RowChange, storage::Error> {
    let last = results.last().map_or(0, |outcome| outcome.row);
    Ok(RowChange {
        table: table::JOB_RESULT,
        key: key(job, last),
        value: Some(encode(&results)?),
    })
}

impl Directory {
    /// Gives the parts of a job's file one by one, each time it is called.
    pub(super) fn parts(
        &self,
        job: JobId,
    ) -> impl FnMut() -> Result<Option<Vec<u8>>, storage::Error> + use<> {
        let rows = self.inner.store.table(table::JOB_FILE);
        let mut after: Option<Vec<u8>> = None;
        let mut ready = Vec::new().into_iter();
        move || {
            if let Some(part) = ready.next() {
                return Ok(Some(part));
            }
            let page = rows.rows(&job.0.to_be_bytes(), after.as_deref(), PARTS_READ)?;
            if let Some((key, _)) = page.last() {
                after = Some(key.clone());
            }
            let octets: Vec<Vec<u8>> = page.into_iter().map(|(_, value)| value).collect();
            ready = octets.into_iter();
            Ok(ready.next())
        }
    }

    /// Batches of results after a row, in order, at most `max`.
    pub(super) fn batches(
        &self,
        job: JobId,
        after: u64,
        max: usize,
    ) -> Result<Vec<Vec<Outcome>>, Error> {
        let rows = self.inner.store.table(table::JOB_RESULT);
        let page = rows.rows(&job.0.to_be_bytes(), Some(&key(job, after)), max)?;
        let read = |(_, value): (Vec<u8>, Vec<u8>)| decode(table::JOB_RESULT, &value);
        Ok(page.into_iter().map(read).collect::<Result<_, _>>()?)
    }

    /// The last rows of all batches of results, in order.
    pub(super) fn batch_ends(&self, job: JobId) -> Result<Vec<u64>, Error> {
        let rows = self.inner.store.table(table::JOB_RESULT);
        let mut ends: Vec<u64> = Vec::new();
        loop {
            let after = ends.last().map(|end| key(job, *end));
            let page = rows.rows(&job.0.to_be_bytes(), after.as_deref(), PARTS_READ)?;
            if page.is_empty() {
                return Ok(ends);
            }
            ends.extend(
                page.iter()
                    .filter_map(|(key, _)| named(key))
                    .map(|(_, n)| n),
            );
        }
    }

    /// Results after a row that are wanted, at most `max`, and the row after which to go on: `None` at the end.
    pub(super) fn shelf(
        &self,
        job: JobId,
        mut after: u64,
        max: usize,
        wanted: impl Fn(&Outcome) -> bool,
    ) -> Result<(Vec<Outcome>, Option<u64>), Error> {
        let mut found = Vec::new();
        for _ in 0..LOOK_MAX {
            let Some(batch) = self.batches(job, after, 1)?.pop() else {
                return Ok((found, None));
            };
            let from = after;
            for outcome in batch.into_iter().filter(|o| o.row > from) {
                after = outcome.row;
                if wanted(&outcome) {
                    found.push(outcome);
                }
                if found.len() >= max {
                    return Ok((found, Some(after)));
                }
            }
        }
        Ok((found, Some(after)))
    }

    /// Files of which the upload was cut off: no job is there that would read them.
    pub(super) fn sweep_shelves(&self) -> Result<(), Error> {
        for name in [table::JOB_FILE, table::JOB_RESULT] {
            let rows = self.inner.store.table(name);
            let mut after: Option<Vec<u8>> = None;
            while let Some((found, _)) = rows.rows(&[], after.as_deref(), 1)?.pop() {
                let Some((job, _)) = named(&found) else {
                    break;
                };
                if !self.read().jobs.contains_key(&job) && !self.inner.desk.is_uploading(job) {
                    self.sweep(name, &job.0.to_be_bytes())?;
                }
                after = Some(key(job, u64::MAX));
            }
        }
        Ok(())
    }
}
