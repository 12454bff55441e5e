//! What accounts were at earlier times, as far as it must still be known.
#![allow(unreachable_pub, clippy::unwrap_used, reason = "part of a test")]

use crate::plain::{Dice, Model};
use crate::world::World;
use std::collections::BTreeMap;
use storage::*;

pub const START: i64 = 1_800_000_000;

/// Holds of one account, and how long it is kept at least.
#[derive(Default)]
struct Rules {
    holds: Vec<Hold>,
    kept: u64,
}

/// Every state that some commit left, oldest first, by account.
#[derive(Default)]
pub struct Past {
    states: BTreeMap<u32, Vec<(i64, ModSeq, Model)>>,
    rules: BTreeMap<u32, Rules>,
    trimmed: BTreeMap<u32, (ModSeq, i64)>,
}

impl Past {
    pub fn note(&mut self, id: u32, time: i64, modseq: ModSeq, model: &Model) {
        let states = self.states.entry(id).or_default();
        states.push((time, modseq, model.clone()));
    }

    /// The last commit that was noted.
    pub fn last(&self, id: u32) -> Option<ModSeq> {
        self.states.get(&id)?.last().map(|s| s.1)
    }

    /// Up to where this account's log is gone.
    pub fn trimmed(&self, id: u32) -> ModSeq {
        self.trimmed.get(&id).map_or(ModSeq::FIRST, |t| t.0)
    }

    /// A random account that has a past, a time in it, and the model of that time.
    pub fn pick(&self, dice: &mut Dice) -> Option<(u32, i64, Model)> {
        let id = dice.pick(self.states.keys().copied())?;
        let (time, _, _) = dice.pick(self.states[&id].iter())?;
        let last = self.states[&id].iter().rfind(|(t, ..)| t <= time)?;
        Some((id, *time, last.2.clone()))
    }

    /// One account at a random time equals the model of that time.
    pub fn look_back(&self, world: &World, dice: &mut Dice) {
        let Some(id) = dice.pick(self.states.keys().copied()) else {
            return;
        };
        let (account, states) = (world.account(id), &self.states[&id]);
        let picked = dice.pick(states.iter().map(|s| s.0)).unwrap();
        let time = picked + dice.roll(3) as i64 - 1;
        let expected = states.iter().rfind(|(t, ..)| *t <= time);
        match (account.as_at(time), expected) {
            (Ok(view), Some((_, modseq, model))) => {
                assert_eq!(view.modseq(), *modseq);
                compare(&view, model);
            }
            (Ok(view), None) => {
                assert_eq!(view.modseq(), ModSeq::FIRST);
                assert!(view.emails().is_empty() && view.mailboxes().is_empty());
                assert!(!self.trimmed.contains_key(&id));
            }
            (Err(e), _) => {
                assert_eq!(e, Error::NotFound);
                let (_, newest) = self.trimmed[&id];
                assert!(time < newest, "all that was not trimmed can be seen");
            }
        }
    }

    /// Trims with a random window, sometimes after a hold or a rule was set or ended.
    pub fn trim(&mut self, world: &World, dice: &mut Dice, now: i64) {
        let Some(id) = dice.pick(self.states.keys().copied()) else {
            return;
        };
        self.rule(id, world, dice, now);
        let window = 3_600 * dice.roll(24 * 60);
        let (mut from, max) = (None, 1 + dice.roll(10) as usize);
        loop {
            let done = world.store().trim(now, window, from, max).unwrap();
            from = done.next;
            if from.is_none() {
                break;
            }
        }
        for (id, states) in &mut self.states {
            let rules = self.rules.entry(*id).or_default();
            let cut = now - rules.kept.max(window) as i64;
            let cut = rules.holds.iter().map(|h| h.from).fold(cut, i64::min);
            let Some(last) = states.iter().rposition(|(time, ..)| *time < cut) else {
                continue;
            };
            let (time, modseq, _) = states[last];
            let trimmed = self.trimmed.entry(*id).or_insert((modseq, time));
            *trimmed = (*trimmed).max((modseq, time));
            // The last one that went can still be seen: undoing all that is left leads to it.
            states.drain(..last);
            let since = ModSeq::new(modseq.raw() - 1).unwrap();
            let reached = world.account(*id).changes(since, 1).err();
            assert_eq!(reached, Some(Error::NotFound));
        }
    }

    fn rule(&mut self, id: u32, world: &World, dice: &mut Dice, now: i64) {
        let (account, rules) = (
            AccountId::new(id).unwrap(),
            self.rules.entry(id).or_default(),
        );
        match dice.roll(6) {
            0 => {
                let hold = Hold {
                    account,
                    name: format!("vụ {}", dice.roll(3)),
                    from: now - 3_600 * dice.roll(24 * 30) as i64,
                    reason: "thanh tra".into(),
                    by: "admin".into(),
                    placed_at: now,
                };
                let taken = rules.holds.iter().any(|h| h.name == hold.name);
                let expected = if taken { Err(Error::Exists) } else { Ok(()) };
                assert_eq!(world.store().hold(&hold), expected);
                if !taken {
                    rules.holds.push(hold);
                }
            }
            1 => {
                for hold in rules.holds.drain(..) {
                    world.store().release(account, &hold.name).unwrap();
                }
                assert_eq!(world.store().release(account, "vụ 0"), Err(Error::NotFound));
            }
            2 => {
                rules.kept = 3_600 * dice.roll(24 * 30);
                world
                    .store()
                    .keep_at_least(account, Some(rules.kept))
                    .unwrap();
            }
            _ => {}
        }
        let mut holds = rules.holds.clone();
        holds.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(world.store().holds(Some(account)).unwrap(), holds);
    }
}

fn compare(view: &View, model: &Model) {
    let shown = view.mailboxes();
    assert_eq!(shown.len(), model.boxes.len());
    for mailbox in shown {
        let then = &model.boxes[&mailbox.id];
        let uid_next = mailbox.uid_next.raw();
        assert_eq!(
            (&mailbox.name, mailbox.parent, mailbox.subscribed, uid_next),
            (&then.name, then.parent, then.subscribed, then.uid_next)
        );
        assert_eq!(mailbox.counts, model.counts(mailbox.id));
    }
    let emails: Vec<EmailId> = model.messages.keys().copied().collect();
    assert_eq!(view.emails(), emails);
    for (email, then) in &model.messages {
        let state = view.state(*email).unwrap();
        let places: Vec<_> = then.places.iter().map(|(m, u)| (*m, *u)).collect();
        let keywords: Vec<_> = then.keywords.iter().cloned().collect();
        assert_eq!((state.mailboxes, state.keywords), (places, keywords));
        assert_eq!(&*view.content(*email).unwrap(), then.text.as_bytes());
        let summary = formats::message::summarize(then.text.as_bytes());
        assert_eq!(view.summary(*email).unwrap(), summary);
    }
}
