//! Limits of accounts and of groups: never passed, whoever writes; freeing always works.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use storage::*;
use world::{World, deliver, letter};

const PROVINCE: QuotaNode = QuotaNode(1);
const OFFICE: QuotaNode = QuotaNode(2);
const OTHER: QuotaNode = QuotaNode(3);

fn id(raw: u32) -> AccountId {
    AccountId::new(raw).unwrap()
}

fn octets(max: u64) -> Limits {
    Limits {
        octets: Some(max),
        ..Limits::NONE
    }
}

fn messages(max: u64) -> Limits {
    Limits {
        messages: Some(max),
        ..Limits::NONE
    }
}

/// A province with two offices; accounts 10 and 11 in one, 12 in the other.
fn tree(world: &World, province: Limits, office: Limits, each: Limits) {
    let quotas = world.store().quotas();
    quotas.set_group(OFFICE, Some(PROVINCE), office).unwrap();
    quotas.set_group(PROVINCE, None, province).unwrap();
    quotas
        .set_group(OTHER, Some(PROVINCE), Limits::NONE)
        .unwrap();
    for (account, node) in [(10, OFFICE), (11, OFFICE), (12, OTHER)] {
        quotas.set_account(id(account), Some(node), each);
    }
}

fn held(world: &World, node: QuotaNode) -> Usage {
    world.store().quotas().group(node).unwrap().0
}

fn sum(world: &World, accounts: &[u32]) -> Usage {
    let mut sum = Usage::default();
    for account in accounts {
        let (octets, messages) = world.account(*account).usage().unwrap();
        sum.octets += octets;
        sum.messages += messages;
    }
    sum
}

fn expunge_one(world: &World, account: u32) -> Result<(), Error> {
    let mailbox = world.account(account).by_role(Role::Inbox)?.unwrap().id;
    let mut first = None;
    world.account(account).scan_all(&mut |state| {
        first = Some(state.email);
        false
    })?;
    let mut writer = world.account(account).write()?;
    writer.expunge(first.ok_or(Error::NotFound)?, mailbox)?;
    writer.commit().map(drop)
}

#[test]
fn each_limit_refuses_growth_and_says_whose_it_is() {
    // What one letter weighs.
    let one = letter(1, "x", &[]).len() as u64;
    let account = |n| Some(Bound::Account(id(n)));
    let none = Limits::NONE;
    let check = |name: &str, limits: [Limits; 3], expected: [Option<Bound>; 4]| {
        let world = World::new(EngineKind::Memory);
        let boxes: BTreeMap<u32, MailboxId> = (10..13).map(|a| (a, world.inbox(a))).collect();
        tree(&world, limits[0], limits[1], limits[2]);
        for (n, (to, expected)) in [10, 10, 11, 12].into_iter().zip(expected).enumerate() {
            let would = world.store().quotas().would_refuse(id(to), one).unwrap();
            assert_eq!(would, expected, "{name}, letter {n}");
            let got = world.try_deliver(to, boxes[&to], &letter(n as u64, "x", &[]), None);
            let got = match got {
                Ok(_) => None,
                Err(Error::OverQuota(bound)) => Some(bound),
                Err(other) => panic!("{name}: {other}"),
            };
            assert_eq!(got, expected, "{name}, letter {n}");
        }
        assert_eq!(held(&world, OFFICE), sum(&world, &[10, 11]), "{name}");
        assert_eq!(held(&world, PROVINCE), sum(&world, &[10, 11, 12]), "{name}");
    };
    let (office, province) = (Some(Bound::Group(OFFICE)), Some(Bound::Group(PROVINCE)));
    check("no limits", [none; 3], [None; 4]);
    check(
        "account, octets",
        [none, none, octets(one)],
        [None, account(10), None, None],
    );
    check(
        "account, messages",
        [none, none, messages(1)],
        [None, account(10), None, None],
    );
    check(
        "nothing at all",
        [none, none, messages(0)],
        [account(10), account(10), account(11), account(12)],
    );
    check(
        "office, octets",
        [none, octets(one * 2 - 1), none],
        [None, office, office, None],
    );
    check(
        "office, messages",
        [none, messages(2), none],
        [None, None, office, None],
    );
    check(
        "province, octets",
        [octets(one * 3), none, none],
        [None, None, None, province],
    );
    check(
        "the nearest is named",
        [messages(1), messages(1), messages(1)],
        [None, account(10), office, province],
    );
}

#[test]
fn what_is_over_may_still_be_freed_and_changed() {
    let world = World::new(EngineKind::Memory);
    let inbox = world.inbox(10);
    let placed = world.deliver(10, inbox, &letter(1, "x", &[]), None);
    world.deliver(10, inbox, &letter(2, "x", &[]), None);
    tree(&world, octets(1), messages(0), octets(1));
    let mut writer = world.account(10).write().unwrap();
    let seen = KeywordChange::Add(vec![world::keyword("$seen")]);
    assert!(writer.keywords(placed.email, &seen).unwrap());
    writer.commit().unwrap();
    expunge_one(&world, 10).unwrap();
    assert_eq!(held(&world, PROVINCE), sum(&world, &[10]));
    // One for one: it does not grow.
    let mut writer = world.account(10).write().unwrap();
    let last = world.account(10).at(inbox, Uid::new(2).unwrap()).unwrap();
    writer.expunge(last.email, inbox).unwrap();
    let text = letter(3, "x", &[]);
    let blob = world.store().put_blob(text.as_bytes()).unwrap();
    writer
        .append(Append {
            blob,
            summary: &formats::message::summarize(text.as_bytes()),
            received_at: 1,
            keywords: Vec::new(),
            mailboxes: vec![inbox],
            delivery: None,
        })
        .unwrap();
    writer.commit().unwrap();
    let more = world.try_deliver(10, inbox, &letter(4, "x", &[]), None);
    assert_eq!(more, Err(Error::OverQuota(Bound::Account(id(10)))));
    assert_eq!(held(&world, OFFICE), sum(&world, &[10]));
}

#[test]
fn writers_of_many_accounts_never_pass_the_limit_of_their_group_together() {
    const WRITERS: u32 = 8;
    const FIT: u64 = 20;
    let world = World::new(EngineKind::Memory);
    let one = letter(1_000, "x", &[]).len() as u64;
    let accounts: Vec<u32> = (10..10 + WRITERS).collect();
    let quotas = world.store().quotas();
    // Some room is left that one more letter does not fit into.
    quotas
        .set_group(PROVINCE, None, octets(one * FIT + one / 2))
        .unwrap();
    quotas
        .set_group(OFFICE, Some(PROVINCE), Limits::NONE)
        .unwrap();
    for account in &accounts {
        world.inbox(*account);
        quotas.set_account(id(*account), Some(OFFICE), Limits::NONE);
    }
    let (world, over) = (&world, AtomicBool::new(false));
    std::thread::scope(|scope| {
        let writers = accounts.iter().map(|account| {
            scope.spawn(move || {
                let inbox = world.account(*account).by_role(Role::Inbox).unwrap();
                let number = u64::from(*account) * 100;
                let letters = (0..FIT).map(|n| letter(number + n, "x", &[]));
                let placed = letters.map(|text| {
                    deliver(
                        world.store(),
                        *account,
                        inbox.as_ref().unwrap().id,
                        &text,
                        None,
                    )
                });
                placed.filter(Result::is_ok).count() as u64
            })
        });
        let writers: Vec<_> = writers.collect();
        let over = &over;
        let watcher = scope.spawn(move || {
            while !over.load(Ordering::SeqCst) {
                let all: Vec<u32> = (10..10 + WRITERS).collect();
                assert!(sum(world, &all).octets <= one * FIT + one / 2);
            }
        });
        let placed: u64 = writers.into_iter().map(|w| w.join().unwrap()).sum();
        over.store(true, Ordering::SeqCst);
        watcher.join().unwrap();
        assert_eq!(placed, FIT, "all the room is used, and no more");
    });
    assert_eq!(held(world, PROVINCE), sum(world, &accounts));
}

#[test]
fn what_a_failed_commit_reserved_is_given_back() {
    let (world, room) = World::small(100_000);
    let inbox = world.inbox(10);
    tree(&world, octets(1 << 30), Limits::NONE, Limits::NONE);
    world.deliver(10, inbox, &letter(1, "x", &[]), None);
    let before = held(&world, PROVINCE);
    let text = letter(2, "x", &[]);
    world.store().put_blob(text.as_bytes()).unwrap();
    room.store(0, Ordering::SeqCst);
    let refused = world.try_deliver(10, inbox, &text, None);
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    assert_eq!(held(&world, PROVINCE), before);
    // A writer that gives up reserved nothing.
    drop(world.account(10).write().unwrap());
    assert_eq!(held(&world, PROVINCE), before);
}

#[test]
fn a_soft_limit_is_told_once_for_each_crossing() {
    let world = World::new(EngineKind::Memory);
    let inbox = world.inbox(10);
    let soft = |max, soft_percent| Limits {
        soft_percent,
        ..messages(max)
    };
    tree(&world, soft(10, 30), Limits::NONE, soft(4, 100));
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = told.clone();
    world.store().quotas().on_soft(Arc::new(move |passed| {
        sink.lock()
            .unwrap()
            .push((passed.bound, passed.used.messages));
    }));
    let check = |expected: &[(Bound, u64)]| assert_eq!(*told.lock().unwrap(), expected);
    let province = Bound::Group(PROVINCE);
    for number in 0..2 {
        world.deliver(10, inbox, &letter(number, "x", &[]), None);
    }
    check(&[]);
    world.deliver(10, inbox, &letter(2, "x", &[]), None);
    check(&[(province, 3)]);
    world.deliver(10, inbox, &letter(3, "x", &[]), None);
    check(&[(province, 3)]);
    for _ in 0..2 {
        expunge_one(&world, 10).unwrap();
    }
    check(&[(province, 3)]);
    world.deliver(10, inbox, &letter(4, "x", &[]), None);
    check(&[(province, 3), (province, 3)]);
    let limits = world.store().quotas().group(PROVINCE).unwrap().1;
    assert!(limits.soft_passed(held(&world, PROVINCE)) && !limits.is_full(held(&world, PROVINCE)));
}

#[test]
fn a_group_cannot_hang_below_itself() {
    let world = World::new(EngineKind::Memory);
    tree(&world, Limits::NONE, Limits::NONE, Limits::NONE);
    let quotas = world.store().quotas();
    for parent in [PROVINCE, OFFICE] {
        let looped = quotas.set_group(PROVINCE, Some(parent), Limits::NONE);
        assert!(matches!(looped, Err(Error::Invalid(_))), "{parent:?}");
    }
    assert_eq!(quotas.group(QuotaNode(99)).err(), Some(Error::NotFound));
}

/// Accounts and groups that move, grow, shrink and begin anew hold what a sum over them says.
#[test]
fn usage_follows_every_change() {
    for seed in 1..6u64 {
        let mut state = seed;
        let mut random = move |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) % below
        };
        let mut world = World::new(EngineKind::Sled);
        let accounts = [10u32, 11, 12];
        let boxes: Vec<MailboxId> = accounts.iter().map(|a| world.inbox(*a)).collect();
        tree(&world, Limits::NONE, messages(1_000), Limits::NONE);
        let mut place: BTreeMap<u32, QuotaNode> = [(10, OFFICE), (11, OFFICE), (12, OTHER)].into();
        let mut other_in = PROVINCE;
        for step in 0..60 {
            let n = random(3) as usize;
            match random(8) {
                0..4 => drop(world.deliver(accounts[n], boxes[n], &letter(step, "x", &[]), None)),
                4 => drop(expunge_one(&world, accounts[n])),
                5 => {
                    let node = [OFFICE, OTHER, PROVINCE][random(3) as usize];
                    place.insert(accounts[n], node);
                    let quotas = world.store().quotas();
                    quotas.set_account(id(accounts[n]), Some(node), Limits::NONE);
                }
                6 => {
                    other_in = [OFFICE, PROVINCE][random(2) as usize];
                    let quotas = world.store().quotas();
                    quotas
                        .set_group(OTHER, Some(other_in), messages(2_000))
                        .unwrap();
                }
                _ => {
                    world.reopen();
                    tree(&world, Limits::NONE, messages(1_000), Limits::NONE);
                    let quotas = world.store().quotas();
                    quotas
                        .set_group(OTHER, Some(other_in), Limits::NONE)
                        .unwrap();
                    for (account, node) in &place {
                        quotas.set_account(id(*account), Some(*node), Limits::NONE);
                    }
                }
            }
            let below = |nodes: &[QuotaNode]| {
                let here = place.iter().filter(|(_, node)| nodes.contains(node));
                sum(&world, &here.map(|(a, _)| *a).collect::<Vec<_>>())
            };
            let office: &[QuotaNode] = match other_in {
                OFFICE => &[OFFICE, OTHER],
                _ => &[OFFICE],
            };
            assert_eq!(held(&world, OTHER), below(&[OTHER]), "{seed} {step}");
            assert_eq!(held(&world, OFFICE), below(office), "{seed} {step}");
            let all = below(&[PROVINCE, OFFICE, OTHER]);
            assert_eq!(held(&world, PROVINCE), all, "{seed} {step}");
        }
        let quotas = world.store().quotas();
        quotas.remove_group(OFFICE);
        quotas.remove_account(id(12));
        assert!(quotas.group(OFFICE).is_err());
    }
}
