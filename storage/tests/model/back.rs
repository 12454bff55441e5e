//! Undelete and restore in a random history: what comes back is what the model was.
#![allow(unreachable_pub, clippy::unwrap_used, reason = "part of a test")]

use crate::Run;
use crate::plain::{Model, ModelBox, ModelMessage};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use storage::*;

type Path = Vec<String>;
/// Uid (when it counts), text, thread and keywords of a message.
type Seen = (Option<u32>, String, ThreadId, Vec<Keyword>);

fn path(
    boxes: &BTreeMap<MailboxId, ModelBox>,
    id: MailboxId,
    below: Option<MailboxId>,
) -> Option<Path> {
    let (mut path, mut at) = (Vec::new(), Some(id));
    while at != below {
        let found = &boxes[&at?];
        path.insert(0, found.name.clone());
        at = found.parent;
    }
    Some(path)
}

/// What is in each mailbox, without ids; below `top` or everything.
fn shape(model: &Model, top: Option<MailboxId>, uids: bool) -> BTreeMap<Path, Vec<Seen>> {
    let mut shape = BTreeMap::new();
    for id in model.boxes.keys().filter(|id| Some(**id) != top) {
        let Some(path) = path(&model.boxes, *id, top) else {
            continue;
        };
        shape.insert(path, inside(model, *id, uids));
    }
    shape
}

fn inside(model: &Model, id: MailboxId, uids: bool) -> Vec<Seen> {
    let all = model.messages.values();
    let mut seen: Vec<Seen> = all
        .filter_map(|m| {
            let uid = m.places.get(&id)?.raw();
            let keywords = m.keywords.iter().cloned().collect();
            Some((uids.then_some(uid), m.text.clone(), m.thread, keywords))
        })
        .collect();
    seen.sort();
    seen
}

/// The model of an account as it is, read from it.
fn read(account: &AccountStore, before: &Model) -> Model {
    let mut model = Model {
        deliveries: before.deliveries.clone(),
        given: before.given.clone(),
        ..Model::default()
    };
    for mailbox in account.mailboxes().unwrap() {
        let made = ModelBox {
            name: mailbox.name,
            parent: mailbox.parent,
            subscribed: mailbox.subscribed,
            uid_next: mailbox.uid_next.raw(),
        };
        model.boxes.insert(mailbox.id, made);
    }
    account
        .scan_all(&mut |state| {
            let text = account.content(state.email).unwrap();
            let message = ModelMessage {
                text: String::from_utf8(text.to_vec()).unwrap(),
                thread: state.thread,
                places: state.mailboxes.iter().copied().collect(),
                keywords: state.keywords.iter().cloned().collect(),
            };
            for place in &state.mailboxes {
                let moved = before
                    .messages
                    .get(&state.email)
                    .and_then(|m| m.places.get(&place.0));
                assert!(model.given.insert(*place) || moved == Some(&place.1), "i03");
            }
            model.messages.insert(state.email, message);
            true
        })
        .unwrap();
    for (email, message) in &before.messages {
        let now = model.messages.get(email);
        assert!(now.is_none_or(|now| now.text == message.text), "i07");
    }
    model
}

impl Run {
    /// Takes over what became of an account by other ways than the batches of this run.
    fn take_over(&mut self, id: u32) -> Model {
        let account = self.world.account(id);
        let before = self.models.remove(&id).unwrap_or_default();
        let model = read(&account, &before);
        model.compare(&account);
        for email in model.messages.keys() {
            self.modseqs
                .insert((id, *email), account.state(*email).unwrap().modseq);
        }
        let (time, modseq) = (self.clock.load(Ordering::SeqCst), account.modseq().unwrap());
        if Some(modseq) > self.past.last(id) {
            self.past.note(id, time, modseq, &model);
        }
        self.models.insert(id, model.clone());
        model
    }

    /// Puts some of what was removed back; once is enough.
    pub fn undelete(&mut self) {
        let Some((id, ..)) = self.past.pick(&mut self.dice) else {
            return;
        };
        let account = self.world.account(id);
        let mut removed = Vec::new();
        let mut query = RemovedQuery {
            max: 1 + self.dice.roll(5) as usize,
            ..RemovedQuery::default()
        };
        loop {
            let page = account.removed(&query).unwrap();
            assert!(page.list.len() <= query.max);
            removed.extend(page.list);
            query.after = removed.last().map(|r| (r.modseq, r.email));
            if !page.more {
                break;
            }
        }
        assert!(removed.is_sorted_by(|a, b| (a.modseq, a.email) > (b.modseq, b.email)));
        let chosen: Vec<&Removed> = removed.iter().filter(|_| self.dice.roll(2) == 0).collect();
        let emails: Vec<EmailId> = chosen.iter().map(|r| r.email).collect();
        let answers = account.undelete(&emails, None).unwrap();
        let again = account.undelete(&emails, None).unwrap();
        let before = self.models[&id].clone();
        let model = self.take_over(id);
        let mut come: BTreeSet<EmailId> = model.messages.keys().copied().collect();
        come.retain(|email| !before.messages.contains_key(email));
        for ((removed, (_, answer)), (_, second)) in chosen.iter().zip(answers).zip(again) {
            let (placed, second) = (answer.unwrap(), second.unwrap());
            // Another of its kind may have come back by the same call.
            assert!(second.already && model.messages.contains_key(&second.email));
            assert_eq!(placed.already, removed.back.is_some());
            assert_eq!(placed.already, !come.remove(&placed.email));
            if let Some(back) = removed.back {
                assert_eq!(back, placed.email);
                continue;
            }
            let now = &model.messages[&placed.email];
            assert_eq!(BlobId::of(now.text.as_bytes()), removed.blob);
            assert_eq!(now.thread, removed.thread);
            // All but the one that says that it is to go.
            let kept = removed.keywords.iter();
            assert!(
                now.keywords
                    .iter()
                    .eq(kept.filter(|k| k.as_str() != "$deleted"))
            );
            let state = account.state(placed.email).unwrap();
            assert_eq!(state.received_at, removed.received_at);
            let paths: BTreeSet<Path> = now
                .places
                .keys()
                .filter_map(|m| path(&model.boxes, *m, None))
                .collect();
            assert_eq!(
                paths,
                removed.places.iter().map(|p| p.path.clone()).collect()
            );
        }
        assert!(come.is_empty(), "nothing else came");
    }

    /// Restores an account as at a time, with stops between.
    pub fn restore(&mut self) {
        let Some((id, time, then)) = self.past.pick(&mut self.dice) else {
            return;
        };
        let name = format!("hộp {}", self.letters);
        let to = match self.dice.roll(3) {
            0 => Target::Folder(name.clone()),
            1 => Target::Place(Later::Keep),
            _ => Target::Place(Later::Aside(name.clone())),
        };
        let mailbox = (self.dice.roll(3) == 0)
            .then(|| self.dice.pick(then.boxes.keys().copied()))
            .flatten();
        let ask = RestoreAt { time, mailbox, to };
        let before = self.models[&id].clone();
        let done = match self.carry_out(id, &ask) {
            Ok(done) => done,
            Err(e) => {
                // A tree that is as deep as it may be bears no folder above it.
                let mut roots = before.boxes.values().filter(|b| b.parent.is_none());
                match roots.any(|b| b.name == name) && matches!(ask.to, Target::Folder(_)) {
                    true => assert_eq!(e, Error::Exists),
                    false => assert_eq!(e, Error::TooLarge("depth of mailboxes")),
                }
                assert_eq!(self.world.account(id).restoring(), Ok(None));
                return;
            }
        };
        assert_eq!(done.missed, 0);
        let model = self.take_over(id);
        match (&ask.to, mailbox) {
            (Target::Folder(_), None) => {
                assert_eq!(shape(&model, done.folder, true), shape(&then, None, true));
            }
            (Target::Folder(_), Some(only)) => {
                assert_eq!(
                    inside(&model, done.folder.unwrap(), true),
                    inside(&then, only, true)
                );
            }
            (Target::Place(later), only) => {
                self.compare_in_place(&before, &model, &then, later, only, &done)
            }
        }
    }

    fn compare_in_place(
        &self,
        before: &Model,
        model: &Model,
        then: &Model,
        later: &Later,
        only: Option<MailboxId>,
        done: &RestoredAt,
    ) {
        if let Some(only) = only {
            if model.boxes.contains_key(&only) && *later != Later::Keep {
                assert_eq!(inside(model, only, false), inside(then, only, false));
            }
            return;
        }
        let mut now = shape(model, None, false);
        if let (Later::Aside(_), Some(folder)) = (later, done.folder) {
            let aside = path(&model.boxes, folder, None).unwrap();
            now.retain(|path, _| !path.starts_with(&aside));
            assert_eq!(now, shape(then, None, false));
        }
        for (path, was) in shape(then, None, false) {
            let mut extra = now[&path].clone();
            for message in &was {
                let at = extra.iter().position(|m| m == message);
                extra.remove(at.expect("what was there is there again"));
            }
            let came = |text: &String| before.messages.values().any(|m| m.text == *text);
            assert!(extra.iter().all(|(_, text, ..)| came(text)));
        }
    }

    fn carry_out(&mut self, id: u32, ask: &RestoreAt) -> Result<RestoredAt, Error> {
        let mut calls = 0;
        loop {
            let account = self.world.account(id);
            let stop = 1 + self.dice.roll(6);
            let mut commits = 0;
            let done = account.restore(ask, &mut |looked, all| {
                assert!(looked <= all);
                commits += 1;
                commits < stop
            })?;
            calls += 1;
            if done.finished {
                assert_eq!(account.restoring(), Ok(None));
                return Ok(done);
            }
            assert!(calls < 10_000);
            assert_eq!(account.restoring(), Ok(Some(ask.clone())));
            let other = RestoreAt {
                time: ask.time - 1,
                ..ask.clone()
            };
            assert_eq!(
                account.restore(&other, &mut |_, _| true),
                Err(Error::Conflict)
            );
            drop(account);
            if self.dice.roll(3) == 0 {
                self.world.crash();
                self.world.reopen();
            }
        }
    }
}
