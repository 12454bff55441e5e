//! What leaves or lies in a mailbox, as it is recognized: a letter of ours, or what tells of one.

use serde::{Deserialize, Serialize};

/// A letter, or a notification.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Left {
    /// The letter of this number.
    Letter(u64),
    /// What tells of it.
    Notice(Notice),
}

/// RFC 3464.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Notice {
    /// The letter that it is about.
    pub about: u64,
    /// Its own Message-ID: one that is sent again has the same.
    pub id: String,
    /// Final-Recipient and Action of each.
    pub told: Vec<(String, String)>,
}

fn number(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("Message-ID: <k")?;
    rest.split_once("@queue.example>")?.0.parse().ok()
}

fn value<'a>(block: &'a str, field: &str) -> Option<&'a str> {
    let mut lines = block.lines();
    lines.find_map(|line| line.strip_prefix(field)?.strip_prefix(": "))
}

impl Left {
    /// `None`: something else.
    pub fn read(content: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(content);
        let about = number(&text)?;
        if !text.contains("report-type=delivery-status") {
            return Some(Self::Letter(about));
        }
        let id = value(&text, "Message-ID")?.to_owned();
        let blocks = text.split("\r\n\r\n");
        let told = blocks.filter_map(|block| {
            let (_, to) = value(block, "Final-Recipient")?.split_once("; ")?;
            Some((to.to_owned(), value(block, "Action")?.to_owned()))
        });
        let told = told.collect();
        Some(Self::Notice(Notice { about, id, told }))
    }
}
