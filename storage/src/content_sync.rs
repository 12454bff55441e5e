//! Makes content durable on a thread of its own, beside the journal's sync: a group then waits for
//! one disk round trip instead of two.

use crate::Error;
use crate::commit::{Shared, stopped};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// See the module. Ended and waited for when dropped.
pub(crate) struct ContentSync {
    shared: Arc<Shared>,
    ask: Option<SyncSender<()>>,
    outcome: Receiver<Result<(), Error>>,
    asked: bool,
    thread: Option<JoinHandle<()>>,
}

impl ContentSync {
    pub(crate) fn start(shared: Arc<Shared>) -> Result<Self, Error> {
        let (ask, asked) = sync_channel(1);
        let (told, outcome) = sync_channel(1);
        let own = shared.clone();
        let work = move || {
            while asked.recv().is_ok() {
                if told.send(own.packs.sync()).is_err() {
                    break;
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("content".into())
            .spawn(work)
            .map_err(|e| Error::no_thread("the content", &e))?;
        Ok(Self {
            shared,
            ask: Some(ask),
            outcome,
            asked: false,
            thread: Some(thread),
        })
    }

    /// Begins to make durable what was staged, if anything was.
    pub(crate) fn begin(&mut self) -> Result<(), Error> {
        if !self.shared.packs.is_dirty() {
            return Ok(());
        }
        let sent = self.ask.as_ref().is_some_and(|ask| ask.send(()).is_ok());
        self.asked = sent;
        if sent { Ok(()) } else { Err(stopped()) }
    }

    /// Waits for what was begun.
    pub(crate) fn end(&mut self) -> Result<(), Error> {
        if !std::mem::take(&mut self.asked) {
            return Ok(());
        }
        self.outcome.recv().unwrap_or_else(|_| Err(stopped()))
    }
}

impl Drop for ContentSync {
    fn drop(&mut self) {
        self.ask = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
