//! The change log in hand: what was removed, what was, holds, and clocks that were wrong.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use storage::*;
use world::{World, keyword, letter, new_mailbox};

const DAY: i64 = 86_400;
/// When the stories begin.
const START: i64 = 1_800_000_000;

/// A world whose clock is turned by hand.
fn world() -> (World, Arc<AtomicI64>) {
    let mut world = World::new(EngineKind::Memory);
    let clock = Arc::new(AtomicI64::new(START));
    let tells = clock.clone();
    world.options.clock = Clock::new(move || tells.load(Ordering::SeqCst));
    world.reopen();
    (world, clock)
}

fn fill(world: &World, mailbox: MailboxId, numbers: std::ops::Range<u64>) -> Vec<EmailId> {
    let account = world.account(2);
    let mut emails = Vec::new();
    let mut writer = account.write().unwrap();
    for number in numbers {
        let text = letter(number, "việc", &[]);
        let append = Append {
            blob: world.store().put_blob(text.as_bytes()).unwrap(),
            summary: &formats::message::summarize(text.as_bytes()),
            received_at: number as i64,
            keywords: vec![keyword("$seen")],
            mailboxes: vec![mailbox],
            delivery: None,
        };
        emails.push(writer.append(append).unwrap().email);
    }
    writer.commit().unwrap();
    emails
}

fn destroy(account: &AccountStore, emails: &[EmailId]) {
    let mut writer = account.write().unwrap();
    emails.iter().for_each(|e| writer.destroy(*e).unwrap());
    writer.commit().unwrap();
}

/// Uid, received_at and size of what is in a mailbox.
fn inside(account: &AccountStore, mailbox: MailboxId) -> Vec<(u32, i64, u64)> {
    let mut seen = Vec::new();
    let last = Uid::new(u32::MAX).unwrap();
    account
        .scan(mailbox, Uid::FIRST, last, &mut |uid, s| {
            seen.push((uid.raw(), s.received_at, s.size));
            true
        })
        .unwrap();
    seen
}

/// Three messages in INBOX of which two were removed after a day, and three below `Hồ sơ` that went
/// with their mailbox after two.
fn story() -> (World, MailboxId, Vec<EmailId>, Vec<EmailId>) {
    let (world, clock) = world();
    let (inbox, account) = (world.inbox(2), world.account(2));
    let mut writer = account.write().unwrap();
    let case = writer.create_mailbox(new_mailbox("Hồ sơ", None)).unwrap();
    let mut year = new_mailbox("2026", None);
    year.parent = Some(case);
    let year = writer.create_mailbox(year).unwrap();
    writer.commit().unwrap();
    let here = fill(&world, inbox, 1..4);
    let there = fill(&world, year, 4..7);
    clock.fetch_add(DAY, Ordering::SeqCst);
    destroy(&account, &here[1..]);
    clock.fetch_add(DAY, Ordering::SeqCst);
    let mut writer = account.write().unwrap();
    writer.remove_mailbox(year).unwrap();
    writer.remove_mailbox(case).unwrap();
    writer.commit().unwrap();
    drop(account);
    (world, inbox, here, there)
}

fn everything() -> RemovedQuery {
    RemovedQuery {
        max: 100,
        ..RemovedQuery::default()
    }
}

#[test]
fn what_is_removed_is_listed() {
    let (world, inbox, here, there) = story();
    let account = world.account(2);
    let all = everything();
    let list = |query: &RemovedQuery| {
        let page = account.removed(query).unwrap();
        page.list.iter().map(|r| r.email).collect::<Vec<_>>()
    };
    assert_eq!(list(&all), [there[2], there[1], there[0], here[2], here[1]]);
    assert_eq!(
        list(&RemovedQuery {
            mailbox: Some(inbox),
            ..all.clone()
        }),
        [here[2], here[1]]
    );
    let first_day = Some(START + DAY);
    assert_eq!(
        list(&RemovedQuery {
            from: first_day.map(|d| d + 1),
            ..all.clone()
        })
        .len(),
        3
    );
    assert_eq!(
        list(&RemovedQuery {
            to: first_day,
            ..all.clone()
        })
        .len(),
        0
    );
    assert_eq!(
        list(&RemovedQuery {
            max: 0,
            ..all.clone()
        })
        .len(),
        0
    );
    let found = &account.removed(&all).unwrap().list[0];
    assert_eq!(found.places[0].path, ["Hồ sơ", "2026"]);
    assert_eq!(
        (found.places[0].exists, found.places[0].uid.raw()),
        (false, 3)
    );
    assert_eq!(
        (found.removed_at, found.keywords.as_slice()),
        (START + 2 * DAY, &[keyword("$seen")][..])
    );
    assert_eq!(found.summary.head.subject.as_deref(), Some("việc"));
    assert_eq!(
        account.summary(here[1]).unwrap_err(),
        Error::NotFound,
        "it is gone for all others"
    );
}

#[test]
fn what_is_removed_comes_back() {
    let (world, inbox, here, there) = story();
    let account = world.account(2);
    let unknown = EmailId::new(999).unwrap();
    let answers = account
        .undelete(&[there[0], here[1], unknown, here[0], there[0]], None)
        .unwrap();
    assert_eq!(answers[2].1, Err(Error::NotFound));
    assert_eq!(answers[3].1, Err(Error::NotFound), "it was never removed");
    let again = |at: usize| answers[at].1.clone().unwrap();
    assert_eq!((again(4).email, again(4).already), (again(0).email, true));
    assert!(again(0).email > there[2], "i07: a new id");
    let home = account.mailbox(again(0).uids[0].0).unwrap();
    assert_eq!((home.name.as_str(), home.counts.total), ("2026", 1));
    assert_eq!(account.mailbox(home.parent.unwrap()).unwrap().name, "Hồ sơ");
    assert_eq!(
        inside(&account, inbox)
            .iter()
            .map(|s| (s.0, s.1))
            .collect::<Vec<_>>(),
        [(1, 1), (4, 2)],
        "i03"
    );
    let state = account.state(again(1).email).unwrap();
    assert_eq!((state.thread.raw(), state.received_at), (here[1].raw(), 2));
    assert!(state.has("$seen"));
    // Where somebody says.
    let answers = account.undelete(&[there[1]], Some(inbox)).unwrap();
    assert_eq!(
        answers[0].1.as_ref().unwrap().uids,
        [(inbox, Uid::new(5).unwrap())]
    );
    let answers = account.undelete(&[there[2]], MailboxId::new(77)).unwrap();
    assert_eq!(answers[0].1, Err(Error::NotFound));
    let back = account.removed(&everything()).unwrap().list;
    assert_eq!(
        back.iter().map(|r| r.back.is_some()).collect::<Vec<_>>(),
        [false, true, true, false, true]
    );
    assert_eq!(world.check(), Vec::<String>::new());
}

fn compare(
    account: &AccountStore,
    inbox: MailboxId,
    done: &RestoredAt,
    copies: bool,
    then: &[(u32, i64, u64)],
) {
    if copies {
        let root = done.folder.unwrap();
        let boxes = account.mailboxes().unwrap();
        let copy = boxes.iter().find(|m| m.parent == Some(root)).unwrap();
        assert_eq!((copy.name.as_str(), copy.role), ("INBOX", None));
        assert_eq!(inside(account, copy.id), then);
        assert_ne!(
            copy.uid_validity,
            account.mailbox(inbox).unwrap().uid_validity
        );
        assert_eq!(
            account.mailbox(inbox).unwrap().counts.total,
            110,
            "nothing else is touched"
        );
    } else {
        let mut now = inside(account, inbox);
        now.sort_unstable_by_key(|m| m.1);
        let uids: Vec<u32> = now.iter().map(|m| m.0).collect();
        assert!(
            uids[..1_200].iter().all(|uid| *uid > 1_310),
            "i03: new Uids"
        );
        let without =
            |list: &[(u32, i64, u64)]| list.iter().map(|m| (m.1, m.2)).collect::<Vec<_>>();
        assert_eq!(without(&now), without(then));
        // What came later, and the folder of the restore before.
        let aside = account.mailbox(done.folder.unwrap()).unwrap();
        assert_eq!((aside.name.as_str(), aside.counts.total), ("Mới", 10));
    }
}

#[test]
fn a_large_restore_that_is_cut_off_goes_on_and_is_not_trimmed_meanwhile() {
    let (mut world, clock) = world();
    let (inbox, account) = (world.inbox(2), world.account(2));
    let emails = fill(&world, inbox, 1..1_301);
    let then = inside(&account, inbox);
    let time = clock.fetch_add(DAY, Ordering::SeqCst);
    destroy(&account, &emails[..1_200]);
    fill(&world, inbox, 2_000..2_010);
    drop(account);
    for (to, uids) in [
        (Target::Folder("Như cũ".into()), true),
        (Target::Place(Later::Aside("Mới".into())), false),
    ] {
        let ask = RestoreAt {
            time,
            mailbox: None,
            to,
        };
        let mut calls = 0;
        let done = loop {
            let account = world.account(2);
            let done = account.restore(&ask, &mut |_, _| false).unwrap();
            if done.finished {
                break done;
            }
            calls += 1;
            drop(account);
            // Mail that arrives meanwhile stays, and so does the log.
            let late = fill(&world, inbox, 3_000 + calls..3_001 + calls);
            world
                .store()
                .trim(START + 90 * DAY, 0, None, 10_000)
                .unwrap();
            destroy(&world.account(2), &late);
            world.crash();
            world.reopen();
        };
        assert!(
            calls >= 3,
            "1,300 messages are more than three commits: {calls}"
        );
        let account = world.account(2);
        compare(&account, inbox, &done, uids, &then);
        assert_eq!(world.check(), Vec::<String>::new());
    }
    let trimmed = world
        .store()
        .trim(START + 90 * DAY, 0, None, 10_000)
        .unwrap();
    assert!(
        trimmed.messages >= 1_200,
        "the log goes when no restore needs it: {trimmed:?}"
    );
    assert_eq!(world.check(), Vec::<String>::new());
}

#[test]
fn one_mailbox_comes_back_with_its_uids_when_it_is_gone() {
    let (world, clock) = world();
    let (inbox, account) = (world.inbox(2), world.account(2));
    let old = world.mailbox(2, "Cũ", None);
    let emails = fill(&world, old, 1..6);
    destroy(&account, &emails[1..2]);
    let then = inside(&account, old);
    let time = clock.fetch_add(DAY, Ordering::SeqCst);
    let mut writer = account.write().unwrap();
    writer.relocate(emails[0], old, inbox).unwrap();
    writer
        .keywords(emails[0], &KeywordChange::Set(Vec::new()))
        .unwrap();
    writer.remove_mailbox(old).unwrap();
    writer.create_mailbox(new_mailbox("Cũ", None)).unwrap();
    writer.commit().unwrap();
    let ask = RestoreAt {
        time,
        mailbox: Some(old),
        to: Target::Place(Later::Keep),
    };
    let done = account.restore(&ask, &mut |_, _| true).unwrap();
    assert_eq!((done.made, done.changed, done.missed), (3, 1, 0));
    let boxes = account.mailboxes().unwrap();
    let again = boxes.iter().find(|m| m.name == "Cũ (2)").unwrap();
    assert_eq!(inside(&account, again.id), then);
    let state = account.state(emails[0]).unwrap();
    assert_eq!(state.mailboxes.len(), 2, "other mailboxes stay as they are");
    assert!(state.has("$seen"));
    for (time, mailbox) in [(time, MailboxId::new(99)), (START - 1, Some(old))] {
        let ask = RestoreAt {
            time,
            mailbox,
            ..ask.clone()
        };
        assert_eq!(
            account.restore(&ask, &mut |_, _| true),
            Err(Error::NotFound)
        );
    }
    assert_eq!(world.check(), Vec::<String>::new());
}

fn hold(account: AccountId) -> Hold {
    Hold {
        account,
        name: "Vụ 12".into(),
        from: START + 2 * DAY,
        reason: "Quyết định 12/QĐ".into(),
        by: "thanhtra@tinh.gov.vn".into(),
        placed_at: START,
    }
}

#[test]
fn i06_nothing_under_a_hold_is_trimmed() {
    let (world, clock) = world();
    let (inbox, account) = (world.inbox(2), world.account(2));
    let emails = fill(&world, inbox, 1..4);
    for email in &emails {
        clock.fetch_add(DAY, Ordering::SeqCst);
        destroy(&account, &[*email]);
    }
    let hold = hold(account.id());
    world.store().hold(&hold).unwrap();
    assert_eq!(world.store().hold(&hold), Err(Error::Exists));
    let left = || {
        let query = RemovedQuery {
            max: 9,
            ..RemovedQuery::default()
        };
        account.removed(&query).unwrap().list.len()
    };
    let late = START + 1_000 * DAY;
    let trim = |now| {
        world
            .store()
            .trim(now, 30 * DAY as u64, None, 1_000)
            .unwrap()
            .messages
    };
    assert_eq!(
        (trim(START + 10 * DAY), left()),
        (0, 3),
        "inside the window"
    );
    assert_eq!(
        (trim(late), left()),
        (1, 2),
        "only what is older than the hold"
    );
    let all: Vec<EmailId> = emails[1..].to_vec();
    assert!(
        account
            .undelete(&all, None)
            .unwrap()
            .iter()
            .all(|(_, placed)| placed.is_ok())
    );
    world.store().release(account.id(), "Vụ 12").unwrap();
    world
        .store()
        .keep_at_least(account.id(), Some(2_000 * DAY as u64))
        .unwrap();
    assert_eq!((trim(late), left()), (0, 2), "inside the rule");
    world.store().keep_at_least(account.id(), None).unwrap();
    assert_eq!((trim(late), left()), (2, 0));
    // All of the log is gone, and says so.
    let now = account.modseq().unwrap();
    assert!(account.changes(now, 10).unwrap().list.is_empty());
    let before = ModSeq::new(now.raw() - 1).unwrap();
    assert_eq!(account.changes(before, 10).unwrap_err(), Error::NotFound);
    assert_eq!(
        account.changes(ModSeq::FIRST, 10).unwrap_err(),
        Error::NotFound
    );
    assert_eq!(account.as_at(START).unwrap_err(), Error::NotFound);
    assert_eq!(account.as_at(late).unwrap().modseq(), now);
    assert_eq!(world.check(), Vec::<String>::new());
}

#[test]
fn holds_that_cannot_be_placed() {
    let (world, _) = world();
    let hold = hold(AccountId::new(2).unwrap());
    for (name, reason, expected) in [
        ("", "", Error::Invalid("name of a hold")),
        ("a\nb", "", Error::Invalid("name of a hold")),
        (&*"x".repeat(200), "", Error::TooLarge("name of a hold")),
        (
            "x",
            &*"x".repeat(5_000),
            Error::TooLarge("reason of a hold"),
        ),
    ] {
        let hold = Hold {
            name: name.into(),
            reason: reason.into(),
            ..hold.clone()
        };
        assert_eq!(world.store().hold(&hold), Err(expected));
    }
}

#[test]
fn a_clock_that_was_wrong_ages_nothing_early() {
    // When commits were made, and how many of them go at START + 40 days with a window of 30.
    for (times, gone) in [
        (vec![0, 1, 2], 3),
        (vec![0, 20, 21], 1),
        // It jumped ahead and came back: the later commit tells when the earlier one was.
        (vec![0, 900, 1, 20], 3),
        (vec![0, 900, 20], 1),
        (vec![0, 900], 1),
        (vec![900], 0),
        // It jumped back: a commit is no older than those before it.
        (vec![20, -900, 21], 0),
        (vec![0, -900, 1], 3),
    ] {
        let (world, clock) = world();
        let account = world.account(2);
        for (number, day) in times.iter().enumerate() {
            clock.store(START + day * DAY, Ordering::SeqCst);
            world.mailbox(2, &format!("h{number}"), None);
        }
        let done = world
            .store()
            .trim(START + 40 * DAY, 30 * DAY as u64, None, 100)
            .unwrap();
        assert_eq!((done.commits, done.next), (gone, None), "{times:?}");
        let reached = account
            .changes(ModSeq::new(1 + gone).unwrap(), 100)
            .unwrap();
        assert_eq!(reached.list.len() as u64, times.len() as u64 - gone);
        assert_eq!(world.check(), Vec::<String>::new());
    }
}

#[test]
fn usage_of_an_account_that_nobody_uses_is_known() {
    let (mut world, _) = world();
    let inbox = world.inbox(2);
    let emails = fill(&world, inbox, 1..4);
    destroy(&world.account(2), &emails[..1]);
    let size: u64 = (2..4).map(|n| letter(n, "việc", &[]).len() as u64).sum();
    assert_eq!(world.account(2).usage(), Ok((size, 2)));
    world.reopen();
    assert_eq!(world.account(2).usage(), Ok((size, 2)));
    assert_eq!(world.account(9).usage(), Ok((0, 0)));
}

/// Uid, received_at and size of each message of a mailbox.
type Inside = Vec<(u32, i64, u64)>;

/// The mailboxes by their ids, and what is in them.
fn all_of(account: &AccountStore) -> Vec<(MailboxId, String, Inside)> {
    let mut boxes = account.mailboxes().unwrap();
    boxes.sort_by_key(|m| m.id);
    let each = boxes.into_iter();
    each.map(|m| (m.id, m.name, inside(account, m.id)))
        .collect()
}

/// A folder of that name came later: what is moved aside goes into another one, and goes there once.
#[test]
fn a_restore_with_a_taken_name_for_what_is_moved_aside_is_done_once() {
    let (world, clock) = world();
    let (inbox, account) = (world.inbox(2), world.account(2));
    fill(&world, inbox, 1..4);
    let time = clock.fetch_add(DAY, Ordering::SeqCst);
    let own = world.mailbox(2, "Sau", None);
    fill(&world, own, 10..12);
    fill(&world, inbox, 12..14);
    let ask = RestoreAt {
        time,
        mailbox: None,
        to: Target::Place(Later::Aside("Sau".into())),
    };
    let first = account.restore(&ask, &mut |_, _| true).unwrap();
    assert_eq!(
        account.mailbox(first.folder.unwrap()).unwrap().name,
        "Sau (2)"
    );
    let after = all_of(&account);
    for _ in 0..2 {
        let again = account.restore(&ask, &mut |_, _| true).unwrap();
        let done = (again.made, again.changed, again.aside, again.missed);
        assert_eq!((done, again.folder), ((0, 0, 0, 0), first.folder));
        assert_eq!(all_of(&account), after);
    }
}

/// The same restore a second time finds nothing to do, whatever it made the first time.
#[test]
fn a_restore_into_place_is_done_once() {
    for later in [Later::Keep, Later::Aside("Sau".into())] {
        for single in [false, true] {
            let (world, clock) = world();
            let (inbox, account) = (world.inbox(2), world.account(2));
            let gone = world.mailbox(2, "K1", None);
            let renamed = world.mailbox(2, "K2", None);
            fill(&world, gone, 1..4);
            fill(&world, renamed, 4..6);
            let emails = fill(&world, inbox, 6..9);
            let time = clock.fetch_add(DAY, Ordering::SeqCst);
            let mut writer = account.write().unwrap();
            writer.remove_mailbox(gone).unwrap();
            let change = MailboxChange {
                name: Some("K1".into()),
                ..MailboxChange::default()
            };
            writer.change_mailbox(renamed, change).unwrap();
            writer.commit().unwrap();
            destroy(&account, &emails[..2]);
            let new = world.mailbox(2, "Mới", None);
            fill(&world, new, 20..22);
            fill(&world, inbox, 22..23);
            let ask = RestoreAt {
                time,
                mailbox: single.then_some(gone),
                to: Target::Place(later.clone()),
            };
            let first = account.restore(&ask, &mut |_, _| true).unwrap();
            assert!(first.made >= 3, "{first:?}");
            let after = all_of(&account);
            for _ in 0..2 {
                let again = account.restore(&ask, &mut |_, _| true).unwrap();
                let done = (again.made, again.changed, again.aside, again.missed);
                assert_eq!(done, (0, 0, 0, 0), "{later:?} {single}");
                assert_eq!(all_of(&account), after, "{later:?} {single}");
            }
            // What was made again and is gone again is made again.
            let made = after.iter().find(|m| m.0 > new).unwrap();
            let mut writer = account.write().unwrap();
            writer.remove_mailbox(made.0).unwrap();
            writer.commit().unwrap();
            account.restore(&ask, &mut |_, _| true).unwrap();
            let after = all_of(&account);
            account.restore(&ask, &mut |_, _| true).unwrap();
            assert_eq!(all_of(&account), after);
            assert_eq!(world.check(), Vec::<String>::new());
        }
    }
}
