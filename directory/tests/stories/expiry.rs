//! Policies of days: what they keep, and what goes by them.

use crate::world::{START_MS, World, agency};
use directory::policy::{Key, Said, Value};
use directory::{AccountId, Expired, Source};
use storage::{Append, Hold, MailboxId, RemovedQuery, Role};

const LETTER: &[u8] = b"From: a@x.vn\r\nSubject: x\r\n\r\nhello\r\n";
const DAY_S: i64 = 24 * 3600;

fn say(world: &World, at: &str, key: Key, days: Option<u64>) {
    let mut policy = world.directory.agency_policy(None, &agency(at)).unwrap();
    policy.said.remove(&key);
    if let Some(days) = days {
        let (value, locked) = (Value::Number(days), false);
        policy.said.insert(key, Said { value, locked });
    }
    world
        .directory
        .set_agency_policy(None, policy, None)
        .unwrap();
}

fn mailbox(world: &World, account: AccountId, role: Role) -> MailboxId {
    let mail = world.store.account(account);
    mail.by_role(role).unwrap().unwrap().id
}

/// A letter in these mailboxes, put there now.
fn put(world: &World, account: AccountId, roles: &[Role]) {
    let mail = world.store.account(account);
    let blob = mail.put_blob(LETTER).unwrap();
    let mailboxes = roles.iter().map(|role| mailbox(world, account, *role));
    let mailboxes = mailboxes.collect();
    let mut writer = mail.write().unwrap();
    let summary = &formats::message::summarize(LETTER);
    let append = Append {
        blob,
        summary,
        received_at: 1,
        keywords: Vec::new(),
        mailboxes,
        delivery: None,
    };
    writer.append(append).unwrap();
    writer.commit().unwrap();
}

fn messages(world: &World, account: AccountId, role: Role) -> u32 {
    let mail = world.store.account(account);
    mail.by_role(role).unwrap().unwrap().counts.total
}

/// How many removed messages can be put back.
fn removed(world: &World, account: AccountId) -> usize {
    let query = RemovedQuery {
        max: 100,
        ..RemovedQuery::default()
    };
    let page = world.store.account(account).removed(&query).unwrap();
    page.list.len()
}

fn expire(world: &World) -> Expired {
    world.directory.expire(world.now_s(), &|| false).unwrap()
}

#[test]
fn mail_goes_from_trash_and_junk_when_its_days_are_over() {
    let world = World::new();
    let xa = world.person("xa@tinh.gov.vn", "H99.2.1").id;
    let other = world.person("so@tinh.gov.vn", "H99.1").id;
    for account in [xa, other] {
        put(&world, account, &[Role::Trash]);
        put(&world, account, &[Role::Junk]);
        // In another mailbox too: it only leaves the one.
        put(&world, account, &[Role::Inbox, Role::Trash]);
    }
    say(&world, "H99.2", Key::TrashDays, Some(30));
    say(&world, "H99.2.1", Key::JunkDays, Some(7));
    world.pass(7 * DAY_S - 1);
    assert_eq!(expire(&world), Expired::default());
    world.pass(1);
    let gone = |accounts, messages| Expired { accounts, messages };
    assert_eq!(expire(&world), gone(1, 1));
    assert_eq!(messages(&world, xa, Role::Junk), 0);
    // What comes later has its days from then on.
    put(&world, xa, &[Role::Trash]);
    world.pass(23 * DAY_S);
    assert_eq!(expire(&world), gone(1, 2));
    assert_eq!(messages(&world, xa, Role::Trash), 1);
    assert_eq!(messages(&world, xa, Role::Inbox), 1);
    assert_eq!(messages(&world, other, Role::Trash), 2);
    assert_eq!(messages(&world, other, Role::Junk), 1);
    // It can be put back like what somebody removed; what only left one of two mailboxes is still there.
    assert_eq!(removed(&world, xa), 2);
    let log = world.directory.audit(None, 10).unwrap();
    let entry = log.iter().find(|e| e.act == "mail.expire").unwrap();
    assert!(entry.detail.contains("\"messages\":2"), "{}", entry.detail);
    assert_eq!(world.directory.audit_check().unwrap(), None);
}

#[test]
fn nothing_goes_of_an_account_under_a_hold() {
    let world = World::new();
    let xa = world.person("xa@tinh.gov.vn", "H99.2.1").id;
    put(&world, xa, &[Role::Trash]);
    say(&world, "H99", Key::TrashDays, Some(1));
    let hold = Hold {
        account: xa,
        name: "TT-1".into(),
        from: 0,
        reason: "thanh tra".into(),
        by: "quantri".into(),
        placed_at: START_MS / 1000,
    };
    world.store.hold(&hold).unwrap();
    world.pass(10 * DAY_S);
    assert_eq!(expire(&world), Expired::default());
    assert_eq!(messages(&world, xa, Role::Trash), 1);
    world.store.release(xa, "TT-1").unwrap();
    assert_eq!(expire(&world).messages, 1);
}

#[test]
fn removed_mail_is_kept_as_long_as_is_ruled() {
    let world = World::new();
    let d = &world.directory;
    let xa = world.person("xa@tinh.gov.vn", "H99.2.1").id;
    let gone = world.person("cu@tinh.gov.vn", "H99.2.1").id;
    let other = world.person("so@tinh.gov.vn", "H99.1").id;
    d.delete_account(None, gone, None).unwrap();
    d.set_restore_days(30);
    let kept = |account| world.store.kept_at_least(account).unwrap();
    d.keep_as_ruled().unwrap();
    assert_eq!([kept(xa), kept(gone)], [None, None]);
    say(&world, "H99.2", Key::RestoreDays, Some(90));
    d.keep_as_ruled().unwrap();
    let ninety = Some(90 * DAY_S as u64);
    assert_eq!([kept(xa), kept(gone), kept(other)], [ninety, ninety, None]);
    let told = |account| {
        let all = d.effective_policy(None, account).unwrap();
        let ruled = all.into_iter().find(|r| r.name == "restore_days").unwrap();
        (ruled.value.unwrap(), ruled.from)
    };
    assert_eq!(
        told(xa),
        (Value::Number(90), Source::Agency(agency("H99.2")))
    );
    assert_eq!(told(other), (Value::Number(30), Source::Config));
    // Fewer days than the config's shorten nothing.
    say(&world, "H99.2", Key::RestoreDays, Some(10));
    assert_eq!(told(xa), (Value::Number(30), Source::Config));
    // Who moves is ruled by where he is, and what is no longer said no longer holds.
    say(&world, "H99.1", Key::RestoreDays, Some(40));
    say(&world, "H99.2", Key::RestoreDays, None);
    d.keep_as_ruled().unwrap();
    let forty = Some(40 * DAY_S as u64);
    assert_eq!([kept(xa), kept(gone), kept(other)], [None, None, forty]);
    // What the pass over the store forgets keeps to it.
    put(&world, other, &[Role::Inbox]);
    put(&world, xa, &[Role::Inbox]);
    for account in [xa, other] {
        let mail = world.store.account(account);
        let inbox = mailbox(&world, account, Role::Inbox);
        let mut emails = Vec::new();
        mail.scan_all(&mut |state| {
            emails.push(state.email);
            true
        })
        .unwrap();
        let mut writer = mail.write().unwrap();
        emails
            .iter()
            .for_each(|email| writer.expunge(*email, inbox).unwrap());
        writer.commit().unwrap();
    }
    world.pass(31 * DAY_S);
    let window = 30 * DAY_S as u64;
    world
        .store
        .trim(world.now_s(), window, None, 10_000)
        .unwrap();
    assert_eq!([removed(&world, xa), removed(&world, other)], [0, 1]);
}
