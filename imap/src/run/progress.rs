//! RFC 9585: a sign of life during long commands, at most once in a while.

use super::{Job, Runner};
use crate::wire::response::put;

/// Milliseconds between two signs. Clients give up after half a minute or more.
const EVERY_MS: i64 = 10_000;

/// What is told of the command that runs.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// `None` where the tag could not stand inside a response code.
    tag: Option<String>,
    /// Unix milliseconds: when it began, or was last told of.
    told_ms: i64,
    /// Messages that it began with.
    total: u64,
}

impl Pace {
    /// A piece of the command begins: with the first one, all is still to come.
    pub(super) fn begin(&mut self, job: &Job) {
        self.total = self.total.max(left(job).unwrap_or(0));
    }
}

impl Runner {
    /// A command begins.
    pub(super) fn progress_from(&mut self, tag: &str) {
        self.pace = Pace {
            // RFC 9585 §4: NIL in place of a tag with "]".
            tag: (!tag.contains([']', '"', '\\'])).then(|| tag.to_owned()),
            told_ms: self.directory.clock().now_ms(),
            total: 0,
        };
    }

    /// Between two responses: `* OK [INPROGRESS ("a1" 450 1000)] …`, when it is time.
    pub(super) fn tell_progress(&mut self, job: &Job, out: &mut Vec<u8>) {
        let Some(left) = left(job) else {
            return;
        };
        let pace = &mut self.pace;
        let now_ms = self.directory.clock().now_ms();
        if now_ms - pace.told_ms < EVERY_MS {
            return;
        }
        pace.told_ms = now_ms;
        let done = pace.total.saturating_sub(left);
        // RFC 9585 §4: the goal is not reached while the command runs.
        let goal = pace.total.max(done + 1);
        match &pace.tag {
            Some(tag) => put(
                out,
                format_args!("* OK [INPROGRESS (\"{tag}\" {done} {goal})] Still at it\r\n"),
            ),
            None => put(
                out,
                format_args!("* OK [INPROGRESS (NIL {done} {goal})] Still at it\r\n"),
            ),
        }
    }
}

/// Messages still to come; `None` while a response is being told, or there is nothing to count.
fn left(job: &Job) -> Option<u64> {
    match job {
        Job::Fetch(fetch) => fetch.left(),
        Job::Search(searching) => searching.left(),
        Job::Store(storing) => Some(storing.left()),
        Job::Expunge(expunging) => Some(expunging.left()),
        _ => None,
    }
}
