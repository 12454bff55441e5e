//! A commit of very many changes: one for its own account, and no wait for the others.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::sync::atomic::{AtomicBool, Ordering};
use storage::*;
use world::{World, keyword, letter};

const LETTERS: u64 = 120;

fn world(engine: EngineKind) -> World {
    let mut world = World::new(engine);
    world.options.sizes.apart = 50;
    world.options.sizes.checkpoint = 20_000;
    world.options.sizes.segment = 60_000;
    world.options.sizes.sealed = 2;
    world.reopen();
    world
}

/// Reads an account all the time: it is seen before a commit or after it, never in between.
fn watched(account: &AccountStore, inbox: MailboxId, target: MailboxId, over: &AtomicBool) {
    let mut last = ModSeq::FIRST;
    while !over.load(Ordering::SeqCst) {
        let modseq = account.modseq().unwrap();
        assert!(modseq >= last);
        last = modseq;
        for mailbox in [inbox, target] {
            let shown = account.mailbox(mailbox).unwrap();
            assert!(u64::from(shown.counts.total).is_multiple_of(LETTERS));
            let mut seen = 0;
            let each = &mut |_: Uid, _: &State| {
                seen += 1;
                true
            };
            let last = Uid::new(u32::MAX).unwrap();
            account.scan(mailbox, Uid::FIRST, last, each).unwrap();
            assert!(u64::is_multiple_of(seen, LETTERS), "{seen} letters");
        }
    }
}

/// Some letters, in one commit.
fn fill(world: &World, inbox: MailboxId) -> Vec<EmailId> {
    let mut writer = world.account(2).write().unwrap();
    let mut emails = Vec::new();
    for number in 0..LETTERS {
        let text = letter(number, "x", &[]);
        let append = Append {
            blob: world.store().put_blob(text.as_bytes()).unwrap(),
            summary: &formats::message::summarize(text.as_bytes()),
            received_at: 1,
            keywords: Vec::new(),
            mailboxes: vec![inbox],
            delivery: None,
        };
        emails.push(writer.append(append).unwrap().email);
    }
    writer.commit().unwrap();
    emails
}

/// Copies all letters, marks the copies and destroys them, each in one commit.
fn rounds(account: &AccountStore, emails: &[EmailId], target: MailboxId) {
    for round in 0..4 {
        let mut writer = account.write().unwrap();
        let copies: Vec<_> = emails
            .iter()
            .map(|email| writer.copy(*email, target).unwrap().email)
            .collect();
        writer.commit().unwrap();
        let mut writer = account.write().unwrap();
        let word = KeywordChange::Add(vec![keyword(&format!("w{round}"))]);
        for email in &copies {
            assert!(writer.keywords(*email, &word).unwrap());
        }
        let modseq = writer.commit().unwrap();
        assert_eq!(account.modseq().unwrap(), modseq);
        let state = account.state(copies[7]).unwrap();
        assert_eq!(state.modseq, modseq);
        let summaries = account.summaries(&copies).unwrap();
        assert_eq!(summaries.len(), copies.len());
        let mut writer = account.write().unwrap();
        copies
            .iter()
            .for_each(|email| writer.destroy(*email).unwrap());
        writer.commit().unwrap();
    }
}

#[test]
fn a_mailbox_is_copied_marked_and_emptied_in_whole_while_others_write() {
    for engine in [EngineKind::Memory, EngineKind::Sled, EngineKind::Fjall] {
        let mut world = world(engine);
        let (inbox, other) = (world.inbox(2), world.inbox(3));
        let target = world.mailbox(2, "Bản sao", None);
        let emails = fill(&world, inbox);
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (store, over) = (world.store(), &over);
            let account = world.account(2);
            scope.spawn(move || watched(&account, inbox, target, over));
            let writes = scope.spawn(move || {
                for number in 1_000.. {
                    world::deliver(store, 3, other, &letter(number, "y", &[]), None).unwrap();
                    if over.load(Ordering::SeqCst) {
                        return number - 999;
                    }
                }
                0
            });
            let upkeep = scope.spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    store.snapshot().unwrap();
                    assert_eq!(store.check().unwrap(), Vec::<String>::new());
                }
            });
            let account = world.account(2);
            rounds(&account, &emails, target);
            over.store(true, Ordering::SeqCst);
            let written = writes.join().unwrap();
            upkeep.join().unwrap();
            let usage = store.account(AccountId::new(3).unwrap()).usage().unwrap();
            assert_eq!(usage.1, written, "all that was acknowledged");
        });
        assert_eq!(world.check(), Vec::<String>::new());
        let whole = world.store().fingerprint().unwrap();
        world.reopen();
        assert_eq!(world.store().fingerprint().unwrap(), whole);
        assert_eq!(world.check(), Vec::<String>::new());
        let whole = world.account(2).mailbox(inbox).unwrap();
        assert_eq!(u64::from(whole.counts.total), LETTERS);
    }
}
