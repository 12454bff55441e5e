//! The report of a repair as a file: what was damaged, and what is lost, is on disk before the new files take their
//! places. Whoever is cut off at the end of a repair, or loses the terminal, finds it in `damaged/`; the next
//! repair names it until somebody was told.

use super::told::{Gone, LostContent, Repaired};
use super::{ASIDE, ASIDE_MAX};
use crate::disk::{self, Disk};
use crate::{AccountId, Error, Options};
use formats::date;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Name of the file, in the first of the folders that has none.
const FILE: &str = "report.txt";
/// Its last line once whoever ordered the repair was told.
const TOLD: &str = "told\n";
/// How lines begin that tell of what is lost.
const LOST: &str = "lost: ";

/// What is still to be written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pending {
    lines: Vec<String>,
    /// What was written of [`Gone`].
    gone: Gone,
}

/// The report of an earlier repair that nobody was told to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Untold {
    pub path: PathBuf,
    /// It tells that something is lost.
    pub lost: bool,
}

impl Pending {
    pub(super) fn damage(&mut self, what: &str) {
        self.lines.push(format!("damage: {what}"));
    }

    fn gone(&mut self, gone: &Gone) {
        let new: BTreeSet<AccountId> = gone
            .accounts
            .difference(&self.gone.accounts)
            .copied()
            .collect();
        if !new.is_empty() {
            let line = format!("{LOST}changes of the accounts {}", ranges(&new));
            self.lines.push(line);
        }
        if gone.others && !self.gone.others {
            let since = gone
                .since
                .map(|since| format!(" made at {} or later", date::utc(since)));
            let line = format!(
                "{LOST}any other account may have lost changes{} too",
                since.unwrap_or_default()
            );
            self.lines.push(line);
        }
        self.gone = gone.clone();
    }

    fn content(&mut self, lost: &LostContent) {
        let places = lost.mailboxes.iter().map(|(m, uid)| format!("{m}/{uid}"));
        let places: Vec<String> = places.collect();
        self.lines.push(format!(
            "{LOST}the content of a message of account {}, {}: {:?}",
            lost.account,
            places.join(", "),
            lost.subject.as_deref().unwrap_or_default()
        ));
    }
}

/// `3-33, 40`.
fn ranges(accounts: &BTreeSet<AccountId>) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for number in accounts.iter().map(|id| id.raw()) {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let named = runs.iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    });
    named.collect::<Vec<_>>().join(", ")
}

impl Repaired {
    /// Writes down what was found since the last time. Errors: `Unavailable`; then nothing may be changed.
    pub(super) fn keep(&mut self, (dir, disk): (&Path, &Disk), now_s: i64) -> Result<(), Error> {
        if let Some(gone) = &self.gone {
            self.pending.gone(gone);
        }
        if self.pending.lines.is_empty() {
            return Ok(());
        }
        let path = match &self.report {
            Some(path) => path.clone(),
            None => {
                let begin = format!("repair of the store at {}", date::utc(now_s));
                self.pending.lines.insert(0, begin);
                super::aside_in(dir, disk, FILE)?
            }
        };
        let text = self.pending.lines.join("\n") + "\n";
        append(&path, disk, &text)?;
        self.pending.lines.clear();
        self.report = Some(path);
        Ok(())
    }

    /// The same at the end, with all that the repaired store was found to lack.
    pub(super) fn keep_all(&mut self, options: &Options) -> Result<(), Error> {
        for lost in &self.contents {
            self.pending.content(lost);
        }
        for id in &self.waiting {
            let line = format!("{LOST}the content of the letter {id} of the queue");
            self.pending.lines.push(line);
        }
        if self.more > 0 {
            let line = format!(
                "damage: {} more places or messages that are not listed",
                self.more
            );
            self.pending.lines.push(line);
        }
        let remaining = self.remaining.iter().map(|line| format!("found: {line}"));
        self.pending.lines.extend(remaining);
        self.keep((&options.dir, &options.disk), options.clock.now())
    }

    /// Whoever ordered the repair was told all of it, and these lines besides, which its report gets. Until then
    /// each next repair names it. Errors: `Unavailable`.
    pub fn told(&self, options: &Options, lines: &[String]) -> Result<(), Error> {
        if let Some(path) = &self.report {
            let lines: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
            append(path, &options.disk, &(lines.concat() + TOLD))?;
        }
        for earlier in &self.untold {
            append(&earlier.path, &options.disk, TOLD)?;
        }
        Ok(())
    }
}

fn append(path: &Path, disk: &Disk, text: &str) -> Result<(), Error> {
    let failed = |e: &std::io::Error| disk::failed("cannot write", path, e);
    let file = disk.open(path)?;
    let octets = file.len().map_err(|e| failed(&e))?;
    let written = file.append_at(octets, text.as_bytes());
    written.and_then(|()| file.sync()).map_err(|e| failed(&e))?;
    disk.sync_dir(path.parent().unwrap_or(path))
}

/// The reports of earlier repairs of the store in `dir` that nobody was told to their ends.
pub(super) fn untold(dir: &Path) -> Vec<Untold> {
    let mut found = Vec::new();
    for number in 1..ASIDE_MAX {
        let folder = match number {
            1 => dir.join(ASIDE),
            n => dir.join(format!("{ASIDE}.{n}")),
        };
        if !folder.is_dir() {
            break;
        }
        let path = folder.join(FILE);
        // One that cannot be read, or was cut off in the midst of a letter, is untold too.
        let Ok(octets) = std::fs::read(&path) else {
            continue;
        };
        let text = String::from_utf8_lossy(&octets);
        if text.lines().last() != Some(TOLD.trim_end()) {
            let lost = text.lines().any(|line| line.starts_with(LOST));
            found.push(Untold { path, lost });
        }
    }
    found
}
