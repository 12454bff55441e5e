//! Power cuts: a disk that forgets, at random, what was not synced. Nothing acknowledged is lost,
//! nothing is invented, every invariant holds; and a sync that is left out is noticed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]
#![allow(
    clippy::needless_update,
    reason = "sizes that do not matter here may be added"
)]

mod world;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use storage::*;
use world::{keyword, letter, new_mailbox};

/// SplitMix64.
#[derive(Clone)]
struct Chance(u64);

impl Chance {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.draw() % n
    }
}

/// A message: the number of its letter, and whether it is marked.
type Mail = BTreeMap<u32, (u64, bool)>;

/// What one account, one queue item and one row at a time should hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Held {
    mail: Mail,
    row: Option<Vec<u8>>,
    queued: Vec<u8>,
}

/// One writer with an account, a row and a kind of queue item of its own.
struct Lane {
    number: u32,
    chance: Chance,
    held: Held,
    /// What is held if the change came to be that was not acknowledged.
    perhaps: Option<Held>,
    /// The first Uid that was never given, and the last ModSeq, as far as acknowledged.
    uid_next: u32,
    modseq: u64,
    letters: u64,
}

impl Lane {
    fn new(number: u32, seed: u64) -> Self {
        Self {
            number,
            chance: Chance(seed ^ (u64::from(number) << 40)),
            held: Held::default(),
            perhaps: None,
            uid_next: 1,
            modseq: 0,
            letters: u64::from(number) << 32,
        }
    }

    fn account(&self, store: &Store) -> AccountStore {
        store.account(AccountId::new(self.number).unwrap())
    }

    fn row(&self) -> Vec<u8> {
        vec![self.number as u8]
    }

    /// Makes changes until one is refused or there were enough.
    fn work(&mut self, store: &Store, steps: u64) {
        for _ in 0..steps {
            self.perhaps = Some(self.held.clone());
            if self.step(store).is_err() {
                return;
            }
            self.held = self.perhaps.take().unwrap();
        }
    }

    fn step(&mut self, store: &Store) -> Result<(), Error> {
        let after = self.perhaps.as_mut().unwrap();
        let account = store.account(AccountId::new(self.number).unwrap());
        let inbox = match account.by_role(Role::Inbox)? {
            Some(inbox) => inbox.id,
            None => {
                let mut writer = account.write()?;
                let id = writer.create_mailbox(new_mailbox("INBOX", Some(Role::Inbox)))?;
                writer.commit()?;
                id
            }
        };
        let uids: Vec<u32> = after.mail.keys().copied().collect();
        let drawn = |chance: &mut Chance| uids[chance.below(uids.len() as u64) as usize];
        match self.chance.below(10) {
            0..=4 => {
                self.letters += 1;
                let text = text_of(self.letters);
                after.mail.insert(self.uid_next, (self.letters, false));
                let delivery = Some(self.letters);
                let placed = world::deliver(store, self.number, inbox, &text, delivery)?;
                assert_eq!(placed.uids[0].1.raw(), self.uid_next, "a Uid was skipped");
                self.uid_next += 1;
            }
            5 | 6 if !uids.is_empty() => {
                let uid = drawn(&mut self.chance);
                after.mail.get_mut(&uid).unwrap().1 = true;
                let state = account.at(inbox, Uid::new(uid).unwrap())?;
                let mut writer = account.write()?;
                writer.keywords(state.email, &KeywordChange::Add(vec![keyword("$seen")]))?;
                writer.commit()?;
            }
            7 if !uids.is_empty() => {
                let uid = drawn(&mut self.chance);
                after.mail.remove(&uid);
                let state = account.at(inbox, Uid::new(uid).unwrap())?;
                let mut writer = account.write()?;
                writer.expunge(state.email, inbox)?;
                writer.commit()?;
            }
            8 => {
                let value = self.chance.draw().to_le_bytes().repeat(20);
                after.row = Some(value.clone());
                store.table("power").put(&self.row(), Some(value))?;
            }
            _ => {
                let payload = self.chance.draw().to_le_bytes().to_vec();
                after.queued.extend_from_slice(&payload);
                let blob = store.put_blob(text_of(self.letters + 7).as_bytes())?;
                let due = i64::from(self.number);
                store.queue().put(due, blob, payload)?;
            }
        }
        self.modseq = account.modseq()?.raw();
        Ok(())
    }

    /// Whether the store holds what it should; from here on it is known what it does.
    fn judge(&mut self, store: &Store) -> Result<(), String> {
        let lane = self.number;
        let found = self.look(store).map_err(|e| format!("lane {lane}: {e}"))?;
        let perhaps = self.perhaps.take();
        if found != self.held && perhaps.as_ref() != Some(&found) {
            return Err(format!(
                "lane {lane}: found {found:?}\nnot {:?}\nnor {perhaps:?}",
                self.held
            ));
        }
        self.held = found;
        let account = self.account(store);
        let inbox = account.by_role(Role::Inbox).map_err(|e| e.to_string())?;
        let next = inbox.map_or(1, |inbox| inbox.uid_next.raw());
        let modseq = account.modseq().map_err(|e| e.to_string())?.raw();
        if next < self.uid_next || modseq < self.modseq {
            return Err(format!("lane {lane}: Uids or ModSeqs would be given again"));
        }
        (self.uid_next, self.modseq) = (next, modseq);
        Ok(())
    }

    fn look(&self, store: &Store) -> Result<Held, Error> {
        let account = self.account(store);
        let mut states = Vec::new();
        account.scan_all(&mut |state| {
            states.push(state.clone());
            true
        })?;
        let mut held = Held::default();
        for state in states {
            let text = account.content(state.email)?;
            let text = str::from_utf8(&text).unwrap_or_default();
            let number = text.lines().find_map(|l| l.strip_prefix("Message-ID: <"));
            let number = number.and_then(|n| n.split_once('@')?.0.parse().ok());
            let number = number.unwrap_or(0);
            if text != text_of(number) {
                return Err(Error::Corrupt("other content than was delivered".into()));
            }
            let uid = state.mailboxes[0].1.raw();
            if held
                .mail
                .insert(uid, (number, state.has("$seen")))
                .is_some()
            {
                return Err(Error::Corrupt("a Uid twice".into()));
            }
        }
        held.row = store.table("power").row(&self.row())?;
        let items = store.queue().list(None, 10_000)?;
        for item in items.iter().filter(|i| i.due == i64::from(self.number)) {
            store.blob(item.blob)?;
            held.queued.extend_from_slice(&item.payload);
        }
        Ok(held)
    }
}

/// Some letters are long and do not compress.
fn text_of(number: u64) -> String {
    let mut chance = Chance(number);
    let mut text = letter(number, "x", &[]);
    for _ in 0..[0, 0, 30, 300][chance.below(4) as usize] {
        text.push_str(&format!("{:x}\r\n", chance.draw()));
    }
    text
}

/// A clock that goes anywhere.
fn jumping(seed: u64) -> Clock {
    let state = AtomicU64::new(seed);
    Clock::new(move || {
        let drawn = Chance(state.fetch_add(1, Ordering::SeqCst)).draw();
        match drawn % 4 {
            0 => 0,
            1 => -((drawn >> 20) as i64),
            2 => (drawn >> 20) as i64,
            _ => 1_800_000_000 + (drawn >> 40) as i64,
        }
    })
}

struct History {
    options: Options,
    lanes: Vec<Lane>,
    chance: Chance,
}

impl History {
    fn new(dir: &Path, seed: u64, engine: EngineKind) -> Self {
        let mut chance = Chance(seed);
        let sizes = Sizes {
            segment: 1_000 + chance.below(20_000),
            pack: 2_000 + chance.below(30_000),
            checkpoint: 1_000 + chance.below(30_000),
            ahead: [0, 700, 4_096][chance.below(3) as usize],
            sealed: 1 + chance.below(3) as u32,
            sort: 2_000 + chance.below(30_000),
            // Many commits are applied apart.
            apart: 2 + chance.below(4) as u32,
            ..Sizes::default()
        };
        let options = Options {
            dir: dir.join("store"),
            engine,
            cache_bytes: 1 << 20,
            reserve_bytes: 0,
            sizes,
            disk: Disk::forgetful(seed),
            clock: jumping(seed),
            ..Options::default()
        };
        let lanes = 1 + chance.below(3) as u32;
        Self {
            options,
            lanes: (2..2 + lanes).map(|n| Lane::new(n, seed)).collect(),
            chance,
        }
    }

    /// Opens, works and has the power cut, some times; then looks.
    fn run(&mut self, lives: u64) -> Result<(), String> {
        for life in 0..lives {
            self.options.boot_id = Some(format!("boot {life}"));
            if self.chance.below(4) > 0 {
                // In the middle of something; of the start, too.
                let most = [20, 60, 200][self.chance.below(3) as usize];
                let steps = 1 + self.chance.below(most);
                self.options.disk.fail_after(steps);
            }
            if let Ok(store) = Store::open(&self.options) {
                let judged = self.lanes.iter_mut().try_for_each(|l| l.judge(&store));
                judged.map_err(|e| format!("life {life}: {e}"))?;
                let steps = self.chance.below(25);
                let upkeep = self.chance.below(3) == 0;
                std::thread::scope(|scope| {
                    if upkeep {
                        scope.spawn(|| keep_up(&store));
                    }
                    for lane in &mut self.lanes {
                        let store = &store;
                        scope.spawn(move || lane.work(store, steps));
                    }
                });
                if self.chance.below(4) == 0 {
                    let _ = store.close();
                }
            }
            self.options.disk.power_cut().map_err(|e| e.to_string())?;
        }
        self.options.boot_id = Some("the last boot".into());
        let store = Store::open(&self.options).map_err(|e| e.to_string())?;
        self.lanes.iter_mut().try_for_each(|l| l.judge(&store))?;
        match store.check() {
            Ok(findings) if findings.is_empty() => Ok(()),
            Ok(findings) => Err(findings.join("\n")),
            Err(e) => Err(e.to_string()),
        }
    }
}

/// Trims, collects, rewrites and covers what it can while others write; the power may fail in it.
fn keep_up(store: &Store) {
    let policy = Policy {
        window_s: 0,
        delivered_window_s: 0,
        upload_window_s: 0,
        collect_every_s: 0,
        dead_percent: 1,
    };
    for _ in 0..3 {
        let kept = store.maintain(&policy).map(drop);
        if kept.and_then(|()| store.snapshot().map(drop)).is_err() {
            break;
        }
    }
}

fn history(seed: u64, engine: EngineKind, prepare: impl Fn(&Disk)) -> Result<(), String> {
    let dir = tempfile::tempdir().unwrap();
    let mut history = History::new(dir.path(), seed, engine);
    prepare(&history.options.disk);
    history.run(5).map_err(|e| format!("seed {seed}: {e}"))
}

fn all_hold(seeds: std::ops::Range<u64>, engine: EngineKind) {
    for seed in seeds {
        assert_eq!(history(seed, engine, |_| {}), Ok(()));
    }
}

#[test]
fn i01_i03_i04_nothing_acknowledged_is_lost_by_a_power_cut() {
    all_hold(0..80, EngineKind::Memory);
}

#[test]
fn i01_i03_i04_nothing_acknowledged_is_lost_by_a_power_cut_once_more() {
    all_hold(10_000..10_080, EngineKind::Memory);
}

#[test]
fn i19_an_index_is_not_trusted_after_a_power_cut() {
    all_hold(20_000..20_006, EngineKind::Sled);
}

/// Seeds tried until a left out sync shows.
const SEEDS_MAX: u64 = 200;

#[test]
fn i01_a_sync_that_is_left_out_is_noticed() {
    for part in [
        "packs/0",
        "journal/0",
        "packs/",
        "journal/",
        "checkpoint.new",
    ] {
        let seeds = if part == "checkpoint.new" {
            20
        } else {
            SEEDS_MAX
        };
        let noticed = (0..seeds).find(|seed| {
            history(*seed, EngineKind::Memory, |disk| disk.skip_syncs_of(part)).is_err()
        });
        // Without the checkpoint everything is made anew: nothing is lost by it.
        assert_eq!(
            noticed.is_some(),
            part != "checkpoint.new",
            "{part}: {noticed:?}"
        );
    }
}

#[test]
fn a_clock_that_jumps_harms_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let time = Arc::new(AtomicU64::new(0));
    let own = time.clone();
    let mut history = History::new(dir.path(), 7, EngineKind::Memory);
    history.options.clock = Clock::new(move || own.load(Ordering::SeqCst) as i64);
    let store = Store::open(&history.options).unwrap();
    let lane = &mut history.lanes[0];
    for now in [i64::MAX, 0, i64::MIN, 1_800_000_000, -1, i64::MAX, 5] {
        time.store(now as u64, Ordering::SeqCst);
        lane.work(&store, 10);
        assert_eq!(lane.perhaps, None, "a change was refused");
    }
    let before = store.fingerprint().unwrap();
    drop(store);
    let store = Store::open(&history.options).unwrap();
    assert_eq!(store.fingerprint().unwrap(), before);
    lane.judge(&store).unwrap();
    assert_eq!(store.check().unwrap(), Vec::<String>::new());
}
