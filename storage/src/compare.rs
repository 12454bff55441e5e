//! Whether the index says what snapshots and journal say, key by key (I-19), while commits go on.
//!
//! The truth is read as one sorted stream up to a place of the journal, the index as another. Keys
//! that differ were changed meanwhile, or are wrong: they are looked at again with what the journal
//! has got since, until they agree or have had enough tries. Memory is bounded whatever the size.

use crate::commit::Shared;
use crate::index::{Index, Op, ops_of};
use crate::journal::{self, Position};
use crate::pin::Pin;
use crate::rebuild;
use crate::snapshot::{Chain, Entry, Folder, Merge, Sorter};
use crate::*;
use std::collections::{BTreeSet, HashMap};
use std::iter::Peekable;

/// Keys that differ and are looked at again together, and their octets.
const DOUBTS_MAX: usize = 4_096;
const DOUBT_OCTETS_MAX: usize = 8 << 20;
/// Looks at a key that is changed all the time before it counts as wrong.
const LOOKS_MAX: usize = 20;
/// Octets of the journal's tail sorted in memory.
const SORT_OCTETS: u64 = 16 << 20;
/// Keys between two tellings of how far it is.
const TOLD_EVERY: u64 = 1_024;
/// Octets of a key that a finding shows.
const SHOWN_MAX: usize = 40;

type Truth = Peekable<Box<dyn Iterator<Item = Result<Entry, Error>>>>;

struct Comparison<'a> {
    store: &'a Store,
    index: &'a Index,
    /// Up to where the truth was read.
    end: Position,
    /// Keys that differ, with their true values.
    doubts: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    doubt_octets: usize,
    findings: &'a mut Findings,
    tell: Tell<'a>,
    /// Keys of the index that were met, and about how many there are.
    keys: (u64, u64),
}

/// Compares everything; returns the accounts that there are by the truth, `None` when that itself is
/// damaged. Errors: `Unavailable` only, also when `tell` ends it.
pub(crate) fn compare(
    store: &Store,
    findings: &mut Findings,
    tell: Tell<'_>,
) -> Result<Option<BTreeSet<AccountId>>, Error> {
    let shared = &store.inner.shared;
    // While this is held no segment and no snapshot goes away.
    let _pin = Pin::shared(&shared.dir)?;
    match truth(store) {
        Ok((mut truth, end, keys)) => {
            let mut comparison = Comparison {
                store,
                index: &shared.index,
                end,
                doubts: Vec::new(),
                doubt_octets: 0,
                findings,
                tell,
                keys: (0, keys),
            };
            match comparison.run(&mut truth) {
                Ok(accounts) => Ok(Some(accounts)),
                Err(e) => untrue(shared, comparison.findings, e),
            }
        }
        Err(e) => untrue(shared, findings, e),
    }
}

/// The truth itself is damaged: a finding, which whoever looks after the store hears of too.
fn untrue<T>(shared: &Shared, findings: &mut Findings, e: Error) -> Result<Option<T>, Error> {
    let Error::Corrupt(what) = &e else {
        return Err(e);
    };
    findings.add(what.clone());
    shared.note_snapshots(&e);
    Ok(None)
}

/// What snapshots and journal say, in the order of the keys, up to where, and about how many keys that is.
fn truth(store: &Store) -> Result<(Truth, Position, u64), Error> {
    let shared = &store.inner.shared;
    let folder = &shared.snapshots.folder;
    let chain = folder.chain()?;
    let from = rebuild::tail(folder, &chain)?;
    // After the last commit nobody is asked any more, and nothing moves.
    let end = match store.place(false) {
        Ok(place) => place.end,
        Err(_) => journal::whole(&folder.journal(), from)?,
    };
    let merged = merged(folder, &chain, from, end)?;
    let truth: Box<dyn Iterator<Item = _>> = Box::new(merged.living());
    Ok((truth.peekable(), end, chain.entries()))
}

/// Snapshots and the journal between two places as one, deletions too.
fn merged(folder: &Folder, chain: &Chain, from: Position, end: Position) -> Result<Merge, Error> {
    let mut sources = chain.sources(&[])?;
    if from < end {
        folder.disk.make_dir(&folder.dir)?;
        let mut sorter = Sorter::new(folder, SORT_OCTETS);
        journal::between(&folder.journal(), &folder.keys, from, end, &mut |met| {
            for op in ops_of(met.body) {
                sorter.add(op?)?;
            }
            Ok(true)
        })?;
        sources.push(sorter.sorted()?);
    }
    Ok(Merge::new(sources))
}

impl Comparison<'_> {
    fn run(&mut self, truth: &mut Truth) -> Result<BTreeSet<AccountId>, Error> {
        let mut accounts = BTreeSet::new();
        let (mut from, index) = (Vec::new(), self.index);
        loop {
            let mut met = Ok(());
            // The index must not take damage of the truth for its own: it is then what is left.
            let scanned = index.scan(&[], &from, &mut |key, value| {
                met = self.met(truth, key, value, &mut accounts);
                Ok(met.is_ok())
            });
            met?;
            let Err(e) = scanned else { break };
            let Error::Corrupt(what) = e else {
                return Err(e);
            };
            // What cannot be read ends the scan. It goes on behind the next key that there should be.
            let Some(entry) = truth.next().transpose()? else {
                self.findings.add(what);
                break;
            };
            accounts.extend(key::account_of(&entry.key));
            from = after(&entry.key);
            self.doubt(entry.key, entry.value)?;
        }
        while let Some(entry) = truth.next().transpose()? {
            accounts.extend(key::account_of(&entry.key));
            self.doubt(entry.key, entry.value)?;
        }
        self.look_again()?;
        accounts.remove(&AccountId::SYSTEM);
        Ok(accounts)
    }

    /// A key of the index: the truth has passed by all below it, and has it with this value.
    fn met(
        &mut self,
        truth: &mut Truth,
        key: &[u8],
        value: &[u8],
        accounts: &mut BTreeSet<AccountId>,
    ) -> Result<(), Error> {
        self.told()?;
        if matches!(key::kind_of(key), key::APPLIED | key::PART) {
            return Ok(());
        }
        accounts.extend(key::account_of(key));
        let below = |t: &Result<Entry, Error>| t.as_ref().map_or(true, |t| *t.key < *key);
        while let Some(entry) = truth.next_if(below).transpose()? {
            accounts.extend(key::account_of(&entry.key));
            self.doubt(entry.key, entry.value)?;
        }
        let same = |t: &Result<Entry, Error>| t.as_ref().is_ok_and(|t| *t.key == *key);
        match truth.next_if(same).transpose()? {
            Some(entry) if entry.value.as_deref() == Some(value) => Ok(()),
            Some(entry) => self.doubt(entry.key, entry.value),
            None => self.doubt(key.to_vec(), None),
        }
    }

    /// Counts a key, and tells now and then.
    fn told(&mut self) -> Result<(), Error> {
        self.keys.0 += 1;
        let (done, total) = (self.keys.0, self.keys.1.max(self.keys.0));
        let stage = Stage::Comparing;
        match done.is_multiple_of(TOLD_EVERY) && !(self.tell)(Progress { stage, done, total }) {
            true => Err(check::ended()),
            false => Ok(()),
        }
    }

    fn doubt(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) -> Result<(), Error> {
        self.doubt_octets += key.len() + value.as_ref().map_or(0, Vec::len);
        self.doubts.push((key, value));
        if self.doubts.len() >= DOUBTS_MAX || self.doubt_octets >= DOUBT_OCTETS_MAX {
            self.look_again()?;
        }
        Ok(())
    }

    /// Compares what differs with what the journal has got since.
    fn look_again(&mut self) -> Result<(), Error> {
        self.doubt_octets = 0;
        for _ in 0..LOOKS_MAX {
            if self.doubts.is_empty() {
                return Ok(());
            }
            let since = self.since()?;
            let index = self.index;
            self.doubts.retain(|(key, value)| {
                let expected = since.get(key).unwrap_or(value);
                index.get(key).map_or(true, |found| found != *expected)
            });
        }
        for (key, value) in std::mem::take(&mut self.doubts) {
            self.index.suspect();
            let what = match (value, self.index.get(&key)) {
                (_, Err(e)) => e.to_string(),
                (None, _) => "the index has it, snapshots and journal have not (I-19)".into(),
                (_, Ok(None)) => "the index misses it (I-19)".into(),
                _ => "the index has another value than snapshots and journal (I-19)".into(),
            };
            let (account, key) = spelled(&key);
            self.findings.of_any(account, format!("{key}: {what}"));
        }
        Ok(())
    }

    /// What the journal has got since the truth was read, of the keys in doubt.
    fn since(&self) -> Result<HashMap<Vec<u8>, Option<Vec<u8>>>, Error> {
        let mut since = HashMap::new();
        let Ok(place) = self.store.place(false) else {
            return Ok(since);
        };
        let wanted: BTreeSet<&[u8]> = self.doubts.iter().map(|(key, _)| key.as_slice()).collect();
        let folder = &self.store.inner.shared.snapshots.folder;
        let (dir, keys) = (folder.journal(), &folder.keys);
        journal::between(&dir, keys, self.end, place.end, &mut |met| {
            for op in ops_of(met.body) {
                match op? {
                    Op::Put(key, value) if wanted.contains(key.as_slice()) => {
                        since.insert(key, Some(value));
                    }
                    Op::Delete(key) if wanted.contains(key.as_slice()) => {
                        since.insert(key, None);
                    }
                    _ => {}
                }
            }
            Ok(true)
        })?;
        Ok(since)
    }
}

/// The lowest key above.
pub(crate) fn after(key: &[u8]) -> Vec<u8> {
    let mut after = key.to_vec();
    after.push(0);
    after
}

/// A key in words.
pub(crate) fn spell(key: &[u8]) -> String {
    match spelled(key) {
        _ if key.is_empty() => "the first one".to_owned(),
        (None, what) => what,
        (Some(account), what) => format!("account {account}: {what}"),
    }
}

/// The account of a key, where it is not the system's, and the rest in words.
fn spelled(key: &[u8]) -> (Option<AccountId>, String) {
    let kind = match key::kind_of(key) {
        key::META => "counters",
        key::MAILBOX => "mailbox",
        key::STATE => "message",
        key::SUMMARY => "summary",
        key::LOG => "change log",
        key::DELIVERED => "delivery",
        key::UPLOAD => "upload",
        key::BLOB => "content",
        key::QUEUE => "queue item",
        key::TABLE => "row",
        key::TRACE => "timeline",
        _ => "key",
    };
    let rest = key.get(key::HEAD..).unwrap_or_default();
    let shown = match key::kind_of(key) {
        key::TABLE => {
            String::from_utf8_lossy(&rest[..rest.len().min(SHOWN_MAX)]).replace('\0', " ")
        }
        _ => match key::number_of(key) {
            Some(number) if rest.len() == 8 => number.to_string(),
            _ => rest[..rest.len().min(SHOWN_MAX)]
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect(),
        },
    };
    // Of some kinds there is only one.
    let what = format!("{kind} {shown}");
    let account = key::account_of(key).filter(|id| *id != AccountId::SYSTEM);
    (account, what.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn options(dir: &std::path::Path, engine: EngineKind) -> Options {
        Options {
            dir: dir.to_owned(),
            engine,
            cache_bytes: 4 << 20,
            boot_id: Some("boot".into()),
            sizes: Sizes {
                segment: 3_000,
                sealed: 2,
                checkpoint: 5_000,
                ahead: 0,
                ..Sizes::default()
            },
            ..Options::default()
        }
    }

    fn deliver(store: &Store, id: u32, number: usize) -> Result<(), Error> {
        let account = store.account(AccountId::new(id).unwrap());
        let mut writer = account.write()?;
        let inbox = match account.by_role(Role::Inbox)? {
            Some(inbox) => inbox.id,
            None => writer.create_mailbox(NewMailbox {
                parent: None,
                name: "INBOX".into(),
                role: Some(Role::Inbox),
                subscribed: true,
                sort_order: 0,
            })?,
        };
        let text = format!("Subject: {id} {number}\r\n\r\nnội dung\r\n");
        writer.append(Append {
            blob: store.put_blob(text.as_bytes())?,
            summary: &formats::message::summarize(text.as_bytes()),
            received_at: 1,
            keywords: Vec::new(),
            mailboxes: vec![inbox],
            delivery: None,
        })?;
        writer.commit().map(|_| ())
    }

    fn filled(options: &Options) -> Store {
        let store = Store::open(options).unwrap();
        for number in 0..20 {
            for id in 2..6 {
                deliver(&store, id, number).unwrap();
            }
        }
        store
            .table("rows")
            .put(b"a", Some(vec![1; 20_000]))
            .unwrap();
        store
    }

    fn index(store: &Store) -> &Index {
        &store.inner.shared.index
    }

    fn some_key(kind: u8) -> Vec<u8> {
        let account = AccountId::new(3).unwrap();
        match kind {
            key::META => key::meta(account),
            key::TABLE => key::row("rows", b"a"),
            key::STATE => key::state(account, EmailId::new(5).unwrap()),
            _ => key::summary(account, EmailId::new(5).unwrap()),
        }
    }

    #[test]
    fn i19_every_key_that_differs_is_told() {
        for covered in [false, true] {
            for kind in [key::META, key::STATE, key::SUMMARY, key::TABLE] {
                let dir = tempfile::tempdir().unwrap();
                let store = filled(&options(dir.path(), EngineKind::Memory));
                if covered {
                    store.snapshot().unwrap();
                }
                assert_eq!(store.check().unwrap(), Vec::<String>::new());
                let key = some_key(kind);
                let value = index(&store).get(&key).unwrap().unwrap();
                let mut other = value.clone();
                *other.last_mut().unwrap() ^= 1;
                for (op, what) in [
                    (Op::Put(key.clone(), other), "another value"),
                    (Op::Delete(key.clone()), "misses"),
                ] {
                    index(&store).write(vec![op]).unwrap();
                    let findings = store.check().unwrap();
                    let (account, spelt) = spelled(&key);
                    let whose = account.map_or(String::new(), |id| format!("account {id}: "));
                    let parts = [whose, format!("{spelt}: "), what.to_owned()];
                    let told = |f: &String| parts.iter().all(|part| f.contains(part));
                    assert!(findings.iter().any(told), "{what}: {findings:?}");
                    index(&store)
                        .write(vec![Op::Put(key.clone(), value.clone())])
                        .unwrap();
                }
                let surplus = key::row("strange", b"z");
                index(&store).write(vec![Op::Put(surplus, value)]).unwrap();
                let findings = store.check().unwrap();
                assert!(
                    findings.len() == 1 && findings[0].contains("have not"),
                    "{findings:?}"
                );
            }
        }
    }

    #[test]
    fn i19_damage_in_one_account_stays_there_until_the_next_start_mends_it() {
        for kind in [key::META, key::STATE] {
            let dir = tempfile::tempdir().unwrap();
            let options = options(dir.path(), EngineKind::Sled);
            let store = filled(&options);
            let whole = store.fingerprint().unwrap();
            index(&store)
                .write(vec![Op::Put(some_key(kind), vec![0xEE; 9])])
                .unwrap();
            store.close().unwrap();
            drop(store);
            let store = Store::open(&options).unwrap();
            let read = |id: u32| store.account(AccountId::new(id).unwrap()).mailboxes();
            assert!(matches!(read(3), Err(Error::Corrupt(_))));
            for id in [2, 4, 5] {
                assert_eq!(read(id).unwrap().len(), 1);
            }
            let findings = store.check().unwrap();
            assert!(
                findings.iter().all(|f| f.contains("account 3")),
                "{findings:?}"
            );
            assert!(!findings.is_empty());
            // Others are written meanwhile as if nothing were.
            deliver(&store, 4, 99).unwrap();
            assert!(matches!(deliver(&store, 3, 99), Err(Error::Corrupt(_))));
            let _ = store.close();
            drop(store);
            let store = Store::open(&options).unwrap();
            assert_eq!(store.check().unwrap(), Vec::<String>::new());
            assert_ne!(store.fingerprint().unwrap(), whole);
            deliver(&store, 3, 99).unwrap();
        }
    }

    #[test]
    fn what_is_changed_meanwhile_is_no_finding() {
        let dir = tempfile::tempdir().unwrap();
        let store = filled(&options(dir.path(), EngineKind::Memory));
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for id in 2..4 {
                let (store, ended) = (&store, &ended);
                scope.spawn(move || {
                    for number in 100.. {
                        deliver(store, id, number).unwrap();
                        store
                            .table("rows")
                            .put(b"a", Some(vec![number as u8; 9_000]))
                            .unwrap();
                        if ended.load(Ordering::SeqCst) {
                            return;
                        }
                    }
                });
            }
            for _ in 0..10 {
                let mut findings = Findings::default();
                compare(&store, &mut findings, &mut |_| true).unwrap();
                assert_eq!(findings.lines(), Vec::<String>::new());
            }
            ended.store(true, Ordering::SeqCst);
        });
        assert_eq!(store.check().unwrap(), Vec::<String>::new());
    }
}
