//! Lazy rows: times of last use, written behind the callers' backs. Their loss harms nothing.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use storage::{RowChange, Store};

/// Rows that may wait; what comes while it is full is dropped.
const WAITING_MAX: usize = 4096;
/// Rows of one commit.
const BATCH_MAX: usize = 512;

/// The thread that writes them; ends when dropped, after writing what waits.
#[derive(Debug)]
pub(crate) struct Lazy {
    rows: Option<SyncSender<RowChange>>,
    thread: Option<JoinHandle<()>>,
}

impl Lazy {
    pub(crate) fn start(store: Store) -> Result<Self, storage::Error> {
        let (rows, waiting) = sync_channel::<RowChange>(WAITING_MAX);
        let work = move || {
            while let Ok(first) = waiting.recv() {
                let mut batch = vec![first];
                batch.extend(waiting.try_iter().take(BATCH_MAX - 1));
                if let Err(error) = store.commit_rows(batch) {
                    tracing::debug!(%error, "times of last use were not written");
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("directory-lazy".to_owned())
            .spawn(work)
            .map_err(|e| storage::Error::Unavailable(e.to_string().into()))?;
        Ok(Self {
            rows: Some(rows),
            thread: Some(thread),
        })
    }

    /// Hands over a row; never waits.
    pub(crate) fn put(&self, row: RowChange) {
        if let Some(rows) = &self.rows {
            let _ = rows.try_send(row);
        }
    }
}

impl Drop for Lazy {
    fn drop(&mut self) {
        drop(self.rows.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
