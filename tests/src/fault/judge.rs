//! Compares a store with what was acknowledged.

use super::lane::{Folder, Mail};
use super::letter::letter;
use super::{Lane, Step};
use std::collections::{BTreeMap, BTreeSet};
use storage::{BlobId, Error, Store};

const TABLE: &str = "fault-rows";

/// What a comparison found.
#[derive(Debug, Default, Clone)]
pub struct Verdict {
    /// Acknowledged and not there.
    pub lost: Vec<String>,
    /// There and never asked for, or there twice.
    pub invented: Vec<String>,
    /// What `Store::check` says.
    pub findings: Vec<String>,
}

impl Verdict {
    pub fn is_clean(&self) -> bool {
        self.lost.is_empty() && self.invented.is_empty() && self.findings.is_empty()
    }

    pub fn add(&mut self, mut other: Self) {
        self.lost.append(&mut other.lost);
        self.invented.append(&mut other.invented);
        self.findings.append(&mut other.findings);
    }
}

/// Looks at one lane in the store. `under_way` is the step that was begun and not acknowledged:
/// it may be there or not, but not in parts. The lane is brought to what is there.
pub fn judge(store: &Store, lane: &mut Lane, under_way: Option<&Step>) -> Result<Verdict, Error> {
    let seen = see(store, lane)?;
    let mut verdict = content(store, &seen)?;
    let more = under_way.map(|step| {
        let mut more = lane.clone();
        more.done(step);
        more
    });
    let without = differences(lane, &seen);
    if without.is_clean() {
        return Ok(verdict);
    }
    match more {
        Some(more) if differences(&more, &seen).is_clean() => *lane = more,
        _ => verdict.add(without),
    }
    Ok(verdict)
}

/// The lane as the store shows it. What cannot be seen (ids given next) is taken from the model.
fn see(store: &Store, lane: &Lane) -> Result<Lane, Error> {
    let account = store.account(lane.account());
    let mut seen = Lane::new(lane.number);
    seen.modseq = account.modseq()?.raw();
    for mailbox in account.mailboxes()? {
        let folder = Folder {
            name: mailbox.name,
            uid_next: mailbox.uid_next.raw(),
        };
        seen.folders.insert(mailbox.id.raw(), folder);
    }
    let mut states = Vec::new();
    account.scan_all(&mut |state| {
        states.push(state.clone());
        true
    })?;
    for state in states {
        let summary = account.summary(state.email)?;
        let mail = Mail {
            tag: summary.head.subject.clone().unwrap_or_default(),
            keywords: state
                .keywords
                .iter()
                .map(|k| k.as_str().to_owned())
                .collect(),
            places: state
                .mailboxes
                .iter()
                .map(|(m, u)| (m.raw(), u.raw()))
                .collect(),
            received_at: state.received_at,
        };
        if state.blob != BlobId::of(&letter(&mail.tag)) {
            return Err(Error::Corrupt(
                format!("{} has other content", mail.tag).into(),
            ));
        }
        seen.mails.insert(state.email.raw(), mail);
    }
    let prefix = format!("{:03}.", lane.number);
    for (key, value) in store.table(TABLE).rows(prefix.as_bytes(), None, 10_000)? {
        let text = |octets: Vec<u8>| String::from_utf8_lossy(&octets).into_owned();
        seen.rows.insert(text(key), text(value));
    }
    let own = format!("l{}.", lane.number);
    for item in store.queue().list(None, 100_000)? {
        let tag = String::from_utf8_lossy(&item.payload).into_owned();
        if tag.starts_with(&own) && seen.queue.insert(tag.clone(), item.due).is_some() {
            return Err(Error::Corrupt(format!("{tag} is queued twice").into()));
        }
    }
    Ok(seen)
}

/// Every message, item and upload can be read and is what it was.
fn content(store: &Store, seen: &Lane) -> Result<Verdict, Error> {
    let mut verdict = Verdict::default();
    let tags: BTreeSet<&String> = seen
        .mails
        .values()
        .map(|m| &m.tag)
        .chain(seen.queue.keys())
        .collect();
    for tag in tags {
        let octets = letter(tag);
        match store.blob(BlobId::of(&octets)) {
            Ok(read) if read[..] == octets[..] => {}
            Ok(_) => verdict.invented.push(format!("{tag} reads otherwise")),
            Err(e) => verdict.lost.push(format!("content of {tag}: {e}")),
        }
    }
    Ok(verdict)
}

fn differences(expected: &Lane, seen: &Lane) -> Verdict {
    let mut verdict = Verdict::default();
    let lane = expected.number;
    let at = |what: &str| format!("lane {lane}, {what}");
    compare(
        &expected.folders,
        &seen.folders,
        &at("mailbox"),
        &mut verdict,
    );
    compare(&expected.mails, &seen.mails, &at("message"), &mut verdict);
    compare(&expected.rows, &seen.rows, &at("row"), &mut verdict);
    compare(
        &expected.queue,
        &seen.queue,
        &at("queue item"),
        &mut verdict,
    );
    match expected.modseq.cmp(&seen.modseq) {
        std::cmp::Ordering::Greater => verdict.lost.push(at("commits: ModSeq too low")),
        std::cmp::Ordering::Less => verdict.invented.push(at("commits: ModSeq too high")),
        std::cmp::Ordering::Equal => {}
    }
    verdict
}

fn compare<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    expected: &BTreeMap<K, V>,
    seen: &BTreeMap<K, V>,
    what: &str,
    verdict: &mut Verdict,
) {
    for (key, value) in expected {
        match seen.get(key) {
            None => verdict.lost.push(format!("{what} {key:?} = {value:?}")),
            Some(found) if found != value => {
                verdict
                    .lost
                    .push(format!("{what} {key:?}: {found:?} instead of {value:?}"));
            }
            Some(_) => {}
        }
    }
    for key in seen.keys().filter(|k| !expected.contains_key(k)) {
        verdict.invented.push(format!("{what} {key:?}"));
    }
}
