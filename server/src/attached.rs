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
use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use storage::{ATTACHED_TEXT_MAX, Attached, Due, Error, Store};

/// This program, even when its file was replaced while it runs.
pub(crate) const OWN: &str = "/proc/self/exe";
/// Between two looks at what is due.
const EVERY: Duration = Duration::from_secs(1);
/// After the disk, or the system, refused.
const AGAIN: Duration = Duration::from_secs(60);
/// Rest after a batch at most; else as long as it took, so that it has half of one core.
const REST_MAX: Duration = Duration::from_secs(60);
/// Messages of one batch, and the time after which one ends: then searches see what was found.
const BATCH_MAX: usize = 64;
const BATCH_TIME: Duration = Duration::from_secs(3);
/// For one file, from its start to its end.
const FILE_TIME: Duration = Duration::from_secs(20);
/// For all files of one letter; what comes behind is not looked at.
const LETTER_TIME: Duration = Duration::from_secs(40);
/// The signal of who ends a process without asking it.
const KILLED: i32 = 9;
/// Of a processor, for one file; `congvu extract` sets it.
pub(crate) const CPU_TIME: Duration = Duration::from_secs(10);
/// How soon a stop of the server is noticed.
const LOOK: Duration = Duration::from_millis(100);

/// Tries of a message that cannot be read now, or of a file whose process somebody else ended.
const TRIES_MAX: u8 = 3;
/// Messages of which it is remembered how often they were tried; a further one is tried once, and is without text.
const TROUBLES_MAX: usize = 10_000;

/// All until the server stops.
pub(crate) async fn run(services: Services, shutdown: Shutdown) {
    let Some(program) = services.extractor.clone() else {
        return;
    };
    let worker = Arc::new(Worker {
        store: services.store.clone(),
        program,
        stop: shutdown.clone(),
        troubles: Mutex::default(),
    });
    let mut wait = EVERY;
    let mut look_at: Option<tokio::time::Instant> = None;
    loop {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shutdown.stopped() => return,
        }
        let begun = tokio::time::Instant::now();
        if look_at.is_some_and(|at| at <= begun) {
            look_at = None;
            services.store.look_for_attached();
        }
        let worker = Arc::clone(&worker);
        wait = match tokio::task::spawn_blocking(move || worker.batch()).await {
            Ok(Ok(batch)) => {
                if batch.later {
                    look_at.get_or_insert(begun + AGAIN);
                }
                match batch.looked {
                    0 => EVERY,
                    _ => begun.elapsed().min(REST_MAX),
                }
            }
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
    /// It was ended from outside, or there was no processor for it: what the other files have.
    #[error("a process was ended before its time")]
    Interrupted(String),
    #[error("the server stops")]
    Stopped,
}

/// What came of one.
#[derive(Debug, Default, PartialEq, Eq)]
struct Batch {
    /// Messages that were looked at.
    looked: usize,
    /// Some are to be tried again.
    later: bool,
}

struct Worker {
    store: Store,
    program: PathBuf,
    stop: Shutdown,
    /// How often each was tried in vain.
    troubles: Mutex<HashMap<Due, u8>>,
}

impl Worker {
    /// Some messages. One that cannot be read keeps none behind it waiting.
    fn batch(&self) -> Result<Batch, Failed> {
        let begun = Instant::now();
        let mut found = Vec::new();
        let mut batch = Batch::default();
        let mut failed = None;
        while batch.looked < BATCH_MAX && begun.elapsed() < BATCH_TIME && !self.stop.is_said() {
            let Some(due) = self.store.attached_due() else {
                break;
            };
            if self.tries(due) >= TRIES_MAX {
                continue; // Until the next start.
            }
            batch.looked += 1;
            let text = match self.text(due) {
                Ok(text) => text,
                Err(Failed::Store(error)) => {
                    tracing::debug!(account = %due.0, email = %due.1, %error, "a message with files cannot be read");
                    match self.note(due) {
                        None => String::new(),
                        Some(tries) => {
                            batch.later |= tries < TRIES_MAX;
                            continue;
                        }
                    }
                }
                Err(Failed::Interrupted(text))
                    if self.note(due).is_none_or(|tries| tries >= TRIES_MAX) =>
                {
                    text
                }
                Err(Failed::Interrupted(_)) => {
                    batch.later = true;
                    continue;
                }
                Err(why) => {
                    failed = Some(why);
                    break;
                }
            };
            found.push(Attached {
                account: due.0,
                email: due.1,
                text,
            });
        }
        if !found.is_empty() {
            self.store.keep_attached(&found)?;
        }
        match failed {
            Some(Failed::Stopped) | None => Ok(batch),
            Some(why) => Err(why),
        }
    }

    fn tries(&self, due: Due) -> u8 {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.get(&due).copied().unwrap_or(0)
    }

    /// One more try in vain; how many they are. `None`: so many are in trouble that it is given up.
    fn note(&self, due: Due) -> Option<u8> {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        if troubles.len() >= TROUBLES_MAX && !troubles.contains_key(&due) {
            return None;
        }
        let tries = troubles.entry(due).or_insert(0);
        *tries = tries.saturating_add(1);
        Some(*tries)
    }

    /// The text of all files of a message, one line each, as far as it is kept; empty where there is none.
    fn text(&self, (account, email): Due) -> Result<String, Failed> {
        let (summary, content) = match self.store.attached_message((account, email)) {
            Ok(read) => read,
            // Gone, or not to be read: others tell.
            Err(Error::NotFound | Error::Expunged | Error::Damaged(_) | Error::Corrupt(_)) => {
                return Ok(String::new());
            }
            Err(error) => return Err(error.into()),
        };
        let begun = Instant::now();
        let (mut all, mut interrupted) = (String::new(), false);
        for (kind, part) in document::files(&summary, &content) {
            if all.len() >= ATTACHED_TEXT_MAX || begun.elapsed() >= LETTER_TIME {
                break;
            }
            let octets = part::decode_body(part, &content).into_owned();
            match self.extract(kind, octets)? {
                Extracted::Text(text) if !text.is_empty() => {
                    if !all.is_empty() {
                        all.push('\n');
                    }
                    all.push_str(&text);
                }
                Extracted::Text(_) => {}
                Extracted::Interrupted => interrupted = true,
                Extracted::None => {
                    tracing::debug!(%account, %email, kind = kind.word(), "no text of a file");
                }
            }
        }
        match interrupted {
            true => Err(Failed::Interrupted(all)),
            false => Ok(all),
        }
    }

    fn extract(&self, kind: Kind, octets: Vec<u8>) -> Result<Extracted, Failed> {
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
        let took = begun.elapsed();
        // Its own limit of a processor's time cannot end it so soon, and is the only one that ends it so.
        let killed = status.signal() == Some(KILLED) && took < CPU_TIME;
        if killed || took >= FILE_TIME {
            return Ok(Extracted::Interrupted);
        }
        let text = text.filter(|text| status.success() && text.len() <= TEXT_MAX);
        let text = text.and_then(|text| String::from_utf8(text).ok());
        Ok(text.map_or(Extracted::None, Extracted::Text))
    }
}

/// What a process made of a file.
enum Extracted {
    Text(String),
    /// It has no text that can be taken.
    None,
    /// It was ended from outside, as where memory is short, or had no processor.
    Interrupted,
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
