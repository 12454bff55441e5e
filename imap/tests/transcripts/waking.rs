//! RFC 2177, RFC 5465: who waits is woken by what he waits for, and by nothing else.
//!
//! Storage calls who listens to an account after each commit there, before the commit is acknowledged, so that the
//! count of wakes stands still once a command has been answered.

use crate::door::{USER, World, check};
use crate::sharing::{BINH, give};
use directory::{AccountKind, Rights, Sharing};

const LETTER: &[u8] = b"Subject: a\r\n\r\nx\r\n";
/// Accounts of which each has one connection in IDLE.
const IDLE: u32 = 60;

/// The connection that idles in the account of this number.
fn sleeper(number: u32) -> u32 {
    100 + number
}

fn address(number: u32) -> String {
    format!("nguoi{number}@tinh.gov.vn")
}

/// Lets `number` wait in IDLE, with an empty INBOX before; `other` signs in to the same account.
fn idle(world: &mut World, (number, other): (u32, u32), user: &str) {
    world.login_as(number, user);
    world.ask(number, "SELECT INBOX");
    world.send(number, b"i IDLE\r\n");
    assert_eq!(world.line(number), "+ idling");
    // It says so before it listens; who has been told of something listens.
    world.login_as(other, user);
    world.append(other, "INBOX", "", LETTER);
    assert_eq!(world.line(number), "* 1 EXISTS");
    assert_eq!(world.line(number), "* 1 RECENT");
}

/// What one act wakes.
fn woken(world: &mut World, act: impl FnOnce(&mut World)) -> u64 {
    let before = world.services.wakes();
    act(world);
    world.services.wakes() - before
}

#[test]
fn a_delivery_wakes_the_sessions_of_its_account_alone() {
    let mut world = World::new();
    for number in 0..IDLE {
        world.account(&address(number), AccountKind::Person);
        idle(&mut world, (sleeper(number), 1), &address(number));
    }
    for number in [0, 7, IDLE - 1] {
        world.login_as(1, &address(number));
        let woken = woken(&mut world, |world| world.append(1, "INBOX", "", LETTER));
        assert_eq!(woken, 1);
        assert_eq!(world.line(sleeper(number)), "* 2 EXISTS");
        assert_eq!(world.line(sleeper(number)), "* 2 RECENT");
    }
    // Nobody else has been told anything: to each the end of IDLE comes first.
    for number in 0..IDLE {
        world.send(sleeper(number), b"DONE\r\n");
        assert_eq!(world.line(sleeper(number)), "i OK IDLE completed");
    }
    // Who does not wait is not woken at all.
    world.login_as(1, &address(7));
    assert_eq!(
        woken(&mut world, |world| world.append(1, "INBOX", "", LETTER)),
        0
    );
}

/// In one's own account a change of another mailbox wakes the session once; it reads the log of changes from where it
/// was, finds nothing of its mailbox, and goes on waiting.
#[test]
fn a_change_elsewhere_in_the_account_is_not_told() {
    let mut world = World::new();
    idle(&mut world, (1, 2), USER);
    let wakes = woken(&mut world, |world| world.append(2, "Sent", "", LETTER));
    assert_eq!(wakes, 1);
    check(
        &mut world,
        "C: DONE
         S: i OK IDLE completed
         C: a NOOP
         S: a OK NOOP completed",
    );
}

/// RFC 5465: a session that watches one mailbox of another account hears of that account and of its own.
#[test]
fn notify_hears_the_accounts_that_it_names() {
    let mut world = World::new();
    let binh = world.account(BINH, AccountKind::Person);
    let everybody = Rights::parse("lr").unwrap();
    for (number, office) in [(11, "vanthu"), (12, "phongtc")] {
        let address = format!("{office}@tinh.gov.vn");
        let id = world.account(&address, AccountKind::Shared);
        let directory = &world.directory;
        directory
            .set_member(None, id, binh, everybody, None)
            .unwrap();
        world.login_as(number, &address);
    }
    world.login(1);
    give(&world, "an", "Archive", Sharing::Account(binh), "lr");
    world.login_as(2, BINH);
    world.login_as(3, BINH);
    world.ask(
        2,
        "NOTIFY SET (MAILBOXES Shared/vanthu@tinh.gov.vn/INBOX (MessageNew MessageExpunge))",
    );
    let mut append = |number: u32, mailbox: &str| {
        woken(&mut world, |world| {
            world.append(number, mailbox, "", LETTER);
        })
    };
    let told = "* STATUS \"Shared/vanthu@tinh.gov.vn/INBOX\" (MESSAGES 1 UIDNEXT 2)";
    assert_eq!(append(11, "INBOX"), 1, "what it watches");
    assert_eq!(append(11, "Sent"), 1, "looked at, and not told");
    assert_eq!(append(12, "INBOX"), 0, "an office that it does not name");
    assert_eq!(append(1, "Archive"), 0, "a person whom it does not name");
    assert_eq!(append(1, "INBOX"), 0, "what it may not even see");
    // Rights come and go with one's own account, so that this one is always heard.
    assert_eq!(append(3, "INBOX"), 1, "its own account");
    assert_eq!(world.line(2), told);
    assert_eq!(world.ask(2, "NOOP"), ["q OK NOOP completed"]);
    // A subtree above the names of accounts means all of them, subscriptions may mean any.
    for set in [
        "NOTIFY SET (SUBTREE Shared (MessageNew MessageExpunge))",
        "NOTIFY SET (SUBSCRIBED (MessageNew MessageExpunge))",
    ] {
        world.ask(2, set);
        let wakes = woken(&mut world, |world| world.append(12, "INBOX", "", LETTER));
        assert_eq!(wakes, 1, "{set}");
        assert!(world.line(2).contains("phongtc"), "{set}");
    }
    world.ask(2, "NOTIFY NONE");
    let wakes = woken(&mut world, |world| world.append(3, "INBOX", "", LETTER));
    assert_eq!(wakes, 0);
}
