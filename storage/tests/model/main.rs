//! Random operations against a plain model in memory, with stops, crashes, rebuilds, looks back
//! and trimming between.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod back;
mod follower;
mod past;
mod plain;
#[path = "../world/mod.rs"]
mod world;

use follower::Follower;
use past::Past;
use plain::{Dice, Model, ModelBox, leave, remove_mailbox};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use storage::*;
use world::{World, keyword, letter, new_mailbox};

struct Run {
    world: World,
    dice: Dice,
    models: BTreeMap<u32, Model>,
    /// When each message changed last.
    modseqs: BTreeMap<(u32, EmailId), ModSeq>,
    followers: BTreeMap<u32, Follower>,
    letters: u64,
    clock: Arc<AtomicI64>,
    past: Past,
}

impl Run {
    fn new(engine: EngineKind, seed: u64) -> Self {
        let mut world = World::new(engine);
        // So few that accounts are dropped from memory and read again all the time.
        world.options.hot_messages_max = 40;
        // So small that all borders are crossed.
        world.options.sizes = Sizes {
            segment: 20_000,
            pack: 10_000,
            checkpoint: 15_000,
            ahead: 7_000,
            sealed: 2,
            sort: 10_000,
            apart: 8,
        };
        let clock = Arc::new(AtomicI64::new(past::START));
        let tells = clock.clone();
        world.options.clock = Clock::new(move || tells.load(Ordering::SeqCst));
        world.reopen();
        let dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        Self {
            world,
            dice,
            models: BTreeMap::new(),
            modseqs: BTreeMap::new(),
            followers: BTreeMap::new(),
            letters: 0,
            clock,
            past: Past::default(),
        }
    }

    fn batch(&mut self) {
        let id = 2 + self.dice.roll(4) as u32;
        let account = self.world.account(id);
        let mut model = self.models.get(&id).cloned().unwrap_or_default();
        let mut writer = account.write().unwrap();
        for _ in 0..1 + self.dice.roll(6) {
            self.operation(&mut writer, &mut model);
            let boxes = writer.mailboxes().unwrap();
            for mailbox in boxes {
                assert_eq!(mailbox.counts, model.counts(mailbox.id));
            }
        }
        let before = account.modseq().unwrap();
        if self.dice.roll(10) == 0 {
            drop(writer);
            assert_eq!(account.modseq().unwrap(), before);
            return;
        }
        let hours = 3_600 * self.dice.roll(20) as i64;
        let time = self.clock.fetch_add(hours, Ordering::SeqCst) + hours;
        let after = writer.commit().unwrap();
        assert_eq!(after, account.modseq().unwrap());
        let changed = self.models.get(&id).is_some_and(|m| *m != model);
        assert!(!changed || after > before, "i04");
        model.compare(&account);
        if after > before {
            self.past.note(id, time, after, &model);
        }
        let old = self.models.insert(id, model).unwrap_or_default();
        for (email, message) in &self.models[&id].messages {
            if old.messages.get(email) != Some(message) {
                self.modseqs.insert((id, *email), after);
            }
            let state = account.state(*email).unwrap();
            assert_eq!(state.modseq, self.modseqs[&(id, *email)], "i04");
        }
        if self.dice.roll(3) == 0 {
            let max = 1 + self.dice.roll(20) as usize;
            let trimmed = self.past.trimmed(id);
            let follower = self.followers.entry(id).or_default();
            follower.follow(&account, max, trimmed);
        }
    }

    fn operation(&mut self, writer: &mut Writer, model: &mut Model) {
        let mailbox = self.dice.pick(model.boxes.keys().copied());
        let message = self.dice.pick(model.messages.keys().copied());
        match (self.dice.roll(20), mailbox, message) {
            (0, ..) | (_, None, _) => self.create_mailbox(writer, model),
            (1, Some(mailbox), _) => self.change_mailbox(mailbox, writer, model),
            (2, Some(mailbox), _) if self.dice.roll(4) == 0 => {
                remove_mailbox(mailbox, writer, model)
            }
            (2..=8, Some(mailbox), _) | (_, Some(mailbox), None) => {
                self.append(mailbox, writer, model);
            }
            (9..=12, _, Some(email)) => self.keywords(email, writer, model),
            (13, Some(to), Some(email)) => {
                let placed = writer.copy(email, to).unwrap();
                let copied = model.messages[&email].clone();
                model.create(&placed, copied.text, copied.keywords);
            }
            (14, Some(to), Some(email)) => {
                let found = model.messages[&email].places.clone();
                let from = self.dice.pick(found.keys().copied()).unwrap();
                let uid = writer.relocate(email, from, to).unwrap();
                model.enter(to, uid);
                let places = &mut model.messages.get_mut(&email).unwrap().places;
                places.remove(&from);
                places.insert(to, uid);
            }
            (15..=16, _, Some(email)) => self.place(email, writer, model),
            (17..=18, _, Some(email)) => {
                let found = model.messages[&email].places.clone();
                let from = self.dice.pick(found.keys().copied()).unwrap();
                writer.expunge(email, from).unwrap();
                leave(email, from, model);
                assert_eq!(writer.expunge(email, from), Err(Error::Expunged));
            }
            (_, _, Some(email)) => {
                writer.destroy(email).unwrap();
                model.messages.remove(&email);
                assert_eq!(writer.state(email), Err(Error::Expunged));
            }
        }
    }

    fn create_mailbox(&mut self, writer: &mut Writer, model: &mut Model) {
        let name = format!("hộp {}", self.dice.roll(8));
        let mut new = new_mailbox(&name, None);
        new.parent = self
            .dice
            .pick(model.boxes.keys().map(|id| Some(*id)).chain([None]))
            .flatten();
        let taken = model
            .boxes
            .values()
            .any(|b| b.name == name && b.parent == new.parent);
        let parent = new.parent;
        match writer.create_mailbox(new) {
            Ok(id) => {
                assert!(!taken);
                let made = ModelBox {
                    name,
                    parent,
                    subscribed: true,
                    uid_next: 1,
                };
                assert!(model.boxes.insert(id, made).is_none());
            }
            Err(Error::Exists) => assert!(taken),
            Err(e) => assert_eq!(e, Error::TooLarge("depth of mailboxes")),
        }
    }

    fn change_mailbox(&mut self, id: MailboxId, writer: &mut Writer, model: &mut Model) {
        let parent = self
            .dice
            .pick(model.boxes.keys().map(|id| Some(*id)).chain([None]))
            .flatten();
        let change = MailboxChange {
            parent: Some(parent),
            subscribed: Some(self.dice.roll(2) == 0),
            ..MailboxChange::default()
        };
        let subscribed = change.subscribed.unwrap();
        if writer.change_mailbox(id, change).is_ok() {
            let found = model.boxes.get_mut(&id).unwrap();
            (found.parent, found.subscribed) = (parent, subscribed);
        }
    }

    fn append(&mut self, mailbox: MailboxId, writer: &mut Writer, model: &mut Model) {
        self.letters += 1;
        let known = self.dice.roll(4) == 0;
        let references: Vec<u64> = (0..self.dice.roll(3))
            .map(|_| 1 + self.dice.roll(self.letters))
            .collect();
        let number = if known {
            1 + self.dice.roll(self.letters)
        } else {
            self.letters
        };
        let text = letter(number, &format!("việc {}", self.dice.roll(2)), &references);
        let summary = formats::message::summarize(text.as_bytes());
        let delivery = (self.dice.roll(2) == 0).then(|| 1 + self.dice.roll(30));
        let mut mailboxes = vec![mailbox];
        mailboxes.extend(
            self.dice
                .pick(model.boxes.keys().copied())
                .filter(|_| known),
        );
        let blob = self.world.store().put_blob(text.as_bytes()).unwrap();
        let keywords: Vec<Keyword> = (self.dice.roll(2) == 0)
            .then(|| keyword("$seen"))
            .into_iter()
            .collect();
        let append = Append {
            blob,
            summary: &summary,
            received_at: self.letters as i64,
            keywords: keywords.clone(),
            mailboxes,
            delivery,
        };
        let placed = writer.append(append).unwrap();
        let before = delivery.and_then(|d| model.deliveries.get(&d));
        assert_eq!(placed.already, before.is_some(), "i09");
        if let Some(before) = before {
            assert_eq!(placed.email, *before);
            return;
        }
        model.deliveries.extend(delivery.map(|d| (d, placed.email)));
        model.create(&placed, text, keywords.into_iter().collect());
    }

    fn keywords(&mut self, email: EmailId, writer: &mut Writer, model: &mut Model) {
        let words = [
            "$seen",
            "$deleted",
            "$flagged",
            "việc".trim_matches('ệ'),
            "khan",
            "nội",
        ];
        let words = words
            .iter()
            .filter(|_| self.dice.roll(3) == 0)
            .filter_map(|w| Keyword::new(w));
        let words: Vec<Keyword> = words.collect();
        let set: BTreeSet<Keyword> = words.iter().cloned().collect();
        let before = model.messages[&email].keywords.clone();
        let (change, after) = match self.dice.roll(3) {
            0 => (KeywordChange::Set(words), set),
            1 => (
                KeywordChange::Add(words),
                before.union(&set).cloned().collect(),
            ),
            _ => (
                KeywordChange::Remove(words),
                before.difference(&set).cloned().collect(),
            ),
        };
        assert_eq!(writer.keywords(email, &change).unwrap(), before != after);
        model.messages.get_mut(&email).unwrap().keywords = after;
    }

    fn place(&mut self, email: EmailId, writer: &mut Writer, model: &mut Model) {
        let mut to = BTreeSet::new();
        for _ in 0..=self.dice.roll(2) {
            to.extend(self.dice.pick(model.boxes.keys().copied()));
        }
        let to: Vec<MailboxId> = to.into_iter().collect();
        let placed = writer.place(email, &to).unwrap();
        let before = model.messages[&email].places.clone();
        for (mailbox, uid) in &placed.uids {
            if before.get(mailbox) != Some(uid) {
                model.enter(*mailbox, *uid);
            }
        }
        model.messages.get_mut(&email).unwrap().places = placed.uids.into_iter().collect();
    }

    fn stop(&mut self) {
        let before = self.world.store().fingerprint().unwrap();
        match self.dice.roll(4) {
            0 => self.world.store().close().unwrap(),
            1 => {
                // Another boot after an unclean stop: the index is not trusted.
                self.world.options.boot_id = Some(format!("boot {}", self.dice.roll(u64::MAX)));
            }
            2 => {
                self.world.crash();
                std::fs::remove_file(self.world.options.dir.join("checkpoint")).unwrap();
            }
            _ => {}
        }
        self.world.reopen();
        assert_eq!(self.world.store().fingerprint().unwrap(), before, "i19");
        for (id, model) in &self.models {
            model.compare(&self.world.account(*id));
        }
    }
}

fn run(engine: EngineKind, seeds: std::ops::Range<u64>, batches: u64) {
    for seed in seeds {
        let mut run = Run::new(engine, seed);
        for batch in 0..batches {
            run.batch();
            if run.dice.roll(8) == 0 {
                assert_eq!(
                    run.world.check(),
                    Vec::<String>::new(),
                    "seed {seed}, batch {batch}"
                );
            }
            if run.dice.roll(6) == 0 {
                run.past.look_back(&run.world, &mut run.dice);
            }
            if run.dice.roll(12) == 0 {
                let now = run.clock.load(Ordering::SeqCst);
                run.past.trim(&run.world, &mut run.dice, now);
            }
            if run.dice.roll(12) == 0 {
                run.undelete();
            }
            if run.dice.roll(15) == 0 {
                run.restore();
            }
            if run.dice.roll(40) == 0 {
                run.stop();
            }
        }
        assert_eq!(run.world.check(), Vec::<String>::new(), "seed {seed}");
        run.stop();
    }
}

#[test]
fn i19_random_batches_equal_the_model_in_memory() {
    run(EngineKind::Memory, 1..4, 120);
}

#[test]
fn i19_random_batches_equal_the_model_in_sled() {
    run(EngineKind::Sled, 100..101, 120);
}
