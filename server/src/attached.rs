//! Takes the text of attached files, for searches: one file at a time, beside all else. Mail is delivered, found and
//! read without it.
//!
//! A file is read by another process of this program (`congvu extract`), which can open no file and no socket and has
//! little memory and time. One that stops it, or keeps it busy, is without text from then on; the store remembers
//! that it was looked at.

use crate::services::Services;
use crate::shutdown::Shutdown;
use formats::document::{self, Kind, TEXT_MAX};
use formats::message::part;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};
use storage::{Attached, Due, Error, Store};

/// This program, even when its file was replaced while it runs.
pub(crate) const OWN: &str = "/proc/self/exe";
/// Between two looks at what is due.
const EVERY: Duration = Duration::from_secs(1);
/// After the disk, or the system, refused.
const AGAIN: Duration = Duration::from_secs(60);
/// Rest after a batch at most; else as long as it took, so that it has half of one core.
const REST_MAX: Duration = Duration::from_secs(5);
/// Messages of one batch, and the time after which one ends: then searches see what was found.
const BATCH_MAX: usize = 64;
const BATCH_TIME: Duration = Duration::from_secs(3);
/// For one file, from its start to its end.
const FILE_TIME: Duration = Duration::from_secs(20);
/// How soon a stop of the server is noticed.
const LOOK: Duration = Duration::from_millis(100);

/// All until the server stops.
pub(crate) async fn run(services: Services, shutdown: Shutdown) {
    let Some(program) = services.extractor.clone() else {
        return;
    };
    let mut wait = EVERY;
    loop {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shutdown.stopped() => return,
        }
        let worker = Worker {
            store: services.store.clone(),
            program: program.clone(),
            stop: shutdown.clone(),
        };
        let begun = tokio::time::Instant::now();
        wait = match tokio::task::spawn_blocking(move || worker.batch()).await {
            Ok(Ok(0)) => EVERY,
            Ok(Ok(_)) => begun.elapsed().min(REST_MAX),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the text of attached files waits");
                services.store.look_for_attached();
                AGAIN
            }
            Err(_) => {
                tracing::error!("taking the text of attached files stopped");
                services.store.look_for_attached();
                AGAIN
            }
        };
    }
}

/// Why the text of a message's files is not known yet; it is tried again.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Store(#[from] Error),
    #[error("a process could not be started or heard: {0}")]
    Process(#[from] std::io::Error),
    #[error("the server stops")]
    Stopped,
}

struct Worker {
    store: Store,
    program: PathBuf,
    stop: Shutdown,
}

impl Worker {
    /// Some messages; how many.
    fn batch(&self) -> Result<usize, Failed> {
        let begun = Instant::now();
        let mut found = Vec::new();
        let mut failed = None;
        while found.len() < BATCH_MAX && begun.elapsed() < BATCH_TIME && !self.stop.is_said() {
            let Some(due) = self.store.attached_due() else {
                break;
            };
            match self.text(due) {
                Ok(text) => found.push(Attached {
                    account: due.0,
                    email: due.1,
                    text,
                }),
                Err(why) => {
                    failed = Some(why);
                    break;
                }
            }
        }
        if !found.is_empty() {
            self.store.keep_attached(&found)?;
        }
        match failed {
            Some(Failed::Stopped) | None => Ok(found.len()),
            Some(why) => Err(why),
        }
    }

    /// The text of all files of a message, one line each; empty where there is none.
    fn text(&self, (account, email): Due) -> Result<String, Failed> {
        let (summary, content) = match self.store.attached_message((account, email)) {
            Ok(read) => read,
            // Gone, or not to be read: others tell.
            Err(Error::NotFound | Error::Expunged | Error::Damaged(_) | Error::Corrupt(_)) => {
                return Ok(String::new());
            }
            Err(error) => return Err(error.into()),
        };
        let mut all = String::new();
        for (kind, part) in document::files(&summary, &content) {
            let octets = part::decode_body(part, &content).into_owned();
            match self.extract(kind, octets)? {
                Some(text) if !text.is_empty() => {
                    if !all.is_empty() {
                        all.push('\n');
                    }
                    all.push_str(&text);
                }
                Some(_) => {}
                None => tracing::debug!(%account, %email, kind = kind.word(), "no text of a file"),
            }
        }
        Ok(all)
    }

    /// `None`: the file has no text that can be taken.
    fn extract(&self, kind: Kind, octets: Vec<u8>) -> Result<Option<String>, Failed> {
        let mut child = start(&self.program, kind)?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (told, heard) = sync_channel(1);
        // Ends with the process, whose ends of the pipes it holds the others of.
        let pipes = std::thread::Builder::new().name("attached".into());
        let talk = pipes.spawn(move || {
            // One that ends early does not hear all of it; its status tells.
            let _ = stdin.map(|mut to| to.write_all(&octets));
            let mut text = Vec::new();
            let taken = stdout.map(|from| from.take(TEXT_MAX as u64 + 1).read_to_end(&mut text));
            let _ = told.send(taken.is_some_and(|t| t.is_ok()).then_some(text));
        });
        let begun = Instant::now();
        let text = loop {
            match heard.recv_timeout(LOOK) {
                Err(RecvTimeoutError::Timeout)
                    if !self.stop.is_said() && begun.elapsed() < FILE_TIME => {}
                Ok(Some(text)) => break Some(text),
                _ => {
                    // It goes on, or was not heard: its pipes close with it.
                    child.kill()?;
                    break None;
                }
            }
        };
        let status = child.wait()?;
        talk?;
        if self.stop.is_said() {
            return Err(Failed::Stopped);
        }
        let text = text.filter(|text| status.success() && text.len() <= TEXT_MAX);
        Ok(text.and_then(|text| String::from_utf8(text).ok()))
    }
}

fn start(program: &Path, kind: Kind) -> std::io::Result<Child> {
    #[allow(
        clippy::disallowed_methods,
        reason = "no other program: itself, for what may not happen to the server"
    )]
    let mut command = Command::new(program);
    command
        .args(["extract", kind.word()])
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
}
