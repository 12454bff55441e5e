//! What happened, as those outside of the store know it. It outlives the process: a line that was written by one system
//! call stays when the process is killed.

use super::left::Left;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Kinds of steps at which a fault may come, as the table counts them.
pub const STEPS: &[&str] = &[
    "accept",
    "accept for later",
    "dispatch",
    "lease",
    "try",
    "after the 250",
    "settle",
    "hold",
    "release",
    "retry",
    "reroute",
    "delete",
    "take back",
];

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The store was opened for the nth time.
    Opened(u64),
    /// It is this time, Unix seconds.
    Now(i64),
    /// The letter of this number comes to the door.
    Begun(u64),
    /// It was taken: the name of its acceptance.
    Acked(u64, String),
    /// It was not taken.
    Refused(u64, String),
    /// A step of this kind began in a lane, or ended.
    Step(u32, String),
    /// The lane's step ended.
    Done(u32),
    /// Another server took this from a job for these, by this way, and is about to say 250.
    Took {
        job: u64,
        left: Left,
        to: Vec<String>,
        hop: String,
    },
    /// That the job's tries ended is written down.
    Settled(u64),
    /// An administrator begins an act on a letter.
    Acting(u64, String),
    /// It ended: whether it did anything.
    Acted(u64, String, bool),
}

/// All that happened, in order.
#[derive(Debug, Default)]
pub struct Ledger {
    events: Mutex<Vec<Event>>,
    file: Option<File>,
}

impl Ledger {
    /// In a file, with what stands in it already.
    pub fn at(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        // The last line may be cut off.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let events = whole
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let events = Mutex::new(events.collect());
        if whole.len() + 1 < text.len() {
            std::fs::write(path, format!("{whole}\n")).unwrap();
        }
        let file = OpenOptions::new().create(true).append(true).open(path);
        Self {
            events,
            file: Some(file.unwrap()),
        }
    }

    pub fn note(&self, event: Event) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut file) = self.file.as_ref() {
            let line = serde_json::to_string(&event).unwrap() + "\n";
            file.write_all(line.as_bytes()).unwrap();
        }
        events.push(event);
    }

    pub fn events(&self) -> Vec<Event> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.clone()
    }

    /// The time, as far as it is known.
    pub fn now(&self) -> Option<i64> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().rev().find_map(|event| match event {
            Event::Now(at) => Some(*at),
            _ => None,
        })
    }

    /// The number of the next letter.
    pub fn next_letter(&self) -> u64 {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = events.iter().filter_map(|event| match event {
            Event::Begun(number) => Some(number + 1),
            _ => None,
        });
        begun.max().unwrap_or(0)
    }
}
