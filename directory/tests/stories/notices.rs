//! Who may do more or less with a mailbox of another is told of it, within bounds.

use crate::world::{World, new};
use directory::notice::{KEPT_S, NOTICES_MAX, OF_ONE_MAX};
use directory::{Access, AccountKind, NewAccount, Notice, Rights, RightsChange, Sharing};
use storage::{MailboxId, NewMailbox};

fn rights(letters: &str) -> Rights {
    Rights::parse(letters).unwrap()
}

fn inbox(access: &Access) -> MailboxId {
    let store = access.own().unwrap();
    store.by_role(storage::Role::Inbox).unwrap().unwrap().id
}

fn give(by: &Access, mailbox: MailboxId, to: &Access, letters: &str) {
    let to = Sharing::Account(to.account());
    let change = RightsChange::Set(rights(letters));
    by.change_share(by.account(), mailbox, to, change).unwrap();
}

fn numbers(of: &Access) -> Vec<u64> {
    let kept = of.notices().unwrap();
    kept.iter().map(|notice| notice.number).collect()
}

fn only(of: &Access) -> Notice {
    let mut kept = of.notices().unwrap();
    assert_eq!(kept.len(), 1, "{kept:?}");
    kept.remove(0)
}

#[test]
fn changes_that_nobody_has_heard_of_are_one_notice() {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99.2");
    world.person("binh@tinh.gov.vn", "H99.1");
    let (an, binh) = (world.enter("an"), world.enter("binh"));
    give(&an, inbox(&an), &binh, "lr");
    world.pass(60);
    give(&an, inbox(&an), &binh, "lrs");
    let told = only(&binh);
    assert_eq!((told.before, told.after), (Rights::NONE, rights("lrs")));
    assert_eq!(told.by.map(|by| by.address), Some("an@tinh.gov.vn".into()));
    // Taken away at once: he may have seen the mailbox, and is to learn where it went.
    give(&an, inbox(&an), &binh, "");
    let told = only(&binh);
    assert_eq!((told.before, told.after), (rights("lrs"), Rights::NONE));
    give(&an, inbox(&an), &binh, "lrs");
    give(&an, inbox(&an), &binh, "");
    let told = only(&binh);
    assert_eq!((told.before, told.after), (rights("lrs"), Rights::NONE));
    assert_eq!((told.number, told.name.as_str()), (5, "INBOX"));
    // It outlives a restart; a number is not given twice.
    drop((an, binh));
    let world = world.restart();
    let (an, binh) = (world.enter("an"), world.enter("binh"));
    assert_eq!(numbers(&binh), [5]);
    binh.dismiss(5).unwrap();
    assert!(binh.dismiss(5).is_err() && binh.dismiss(0).is_err());
    give(&an, inbox(&an), &binh, "l");
    assert_eq!(numbers(&binh), [6]);
    assert_eq!(numbers(&an), [] as [u64; 0]);
    world.pass(KEPT_S + 1);
    assert_eq!(numbers(&binh), [] as [u64; 0]);
}

/// RFC 9670 §3: oldRights is what he might do before the change; whoever has heard of one change knows that already.
#[test]
fn what_was_heard_of_stays_and_what_follows_is_told_by_itself() {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99.2");
    world.person("binh@tinh.gov.vn", "H99.1");
    let (an, binh) = (world.enter("an"), world.enter("binh"));
    let story = |binh: &Access| -> Vec<(u64, Rights, Rights)> {
        let told = binh.hear_notices().unwrap().into_iter();
        told.map(|n| (n.number, n.before, n.after)).collect()
    };
    let (none, lr, lrs) = (Rights::NONE, rights("lr"), rights("lrs"));
    give(&an, inbox(&an), &binh, "lr");
    assert_eq!(story(&binh), [(1, none, lr)]);
    give(&an, inbox(&an), &binh, "lrs");
    assert_eq!(story(&binh), [(1, none, lr), (2, lr, lrs)]);
    give(&an, inbox(&an), &binh, "");
    // To look whether there is news is not to hear it.
    assert_eq!(numbers(&binh), [1, 2, 3]);
    give(&an, inbox(&an), &binh, "l");
    assert_eq!(
        story(&binh),
        [(1, none, lr), (2, lr, lrs), (4, lrs, rights("l"))]
    );
    // After a restart nobody knows what he heard of: nothing is taken together.
    give(&an, inbox(&an), &binh, "lr");
    drop((an, binh));
    let world = world.restart();
    let (an, binh) = (world.enter("an"), world.enter("binh"));
    give(&an, inbox(&an), &binh, "lrs");
    assert_eq!(story(&binh)[3..], [(5, rights("l"), lr), (6, lr, lrs)]);
    // And of one mailbox there are never more than so many.
    for letters in ["lr", "lrs"].into_iter().cycle().take(40) {
        give(&an, inbox(&an), &binh, letters);
        assert!(story(&binh).len() <= OF_ONE_MAX);
    }
    assert_eq!(story(&binh).last().unwrap().2, lrs);
}

#[test]
fn i13_notices_are_bounded() {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99.2");
    world.person("binh@tinh.gov.vn", "H99.1");
    let (an, binh) = (world.enter("an"), world.enter("binh"));
    let store = an.own().unwrap();
    let mut writer = store.write().unwrap();
    let new = |n: usize| NewMailbox {
        parent: None,
        name: n.to_string(),
        role: None,
        subscribed: true,
        sort_order: 0,
    };
    let made: Vec<MailboxId> = (0..NOTICES_MAX + 5)
        .map(|n| writer.create_mailbox(new(n)).unwrap())
        .collect();
    writer.commit().unwrap();
    for mailbox in &made {
        give(&an, *mailbox, &binh, "lr");
    }
    let kept = numbers(&binh);
    assert_eq!(kept.len(), NOTICES_MAX);
    assert_eq!(kept.first(), Some(&6));
    // To and fro on one mailbox fills nothing.
    for _ in 0..50 {
        give(&an, made[9], &binh, "lrs");
        give(&an, made[9], &binh, "lr");
    }
    assert_eq!(numbers(&binh).len(), NOTICES_MAX);
}

#[test]
fn a_seat_is_told_to_its_holder() {
    let world = World::new();
    world.person("binh@tinh.gov.vn", "H99.1");
    let binh = world.enter("binh");
    let new = NewAccount {
        kind: AccountKind::Shared,
        name: "Văn thư".into(),
        ..new("vanthu@tinh.gov.vn", "H99.1")
    };
    let d = &world.directory;
    let office = d.create_account(None, new).unwrap().id;
    d.set_member(None, office, binh.account(), rights("lrs"), None)
        .unwrap();
    let told = only(&binh);
    assert_eq!((told.account, told.name.as_str()), (office, "Văn thư"));
    assert_eq!((told.by, told.after), (None, rights("lrs")));
    world.pass(3_600);
    d.set_member(None, office, binh.account(), Rights::NONE, None)
        .unwrap();
    let told = only(&binh);
    assert_eq!((told.before, told.after), (rights("lrs"), Rights::NONE));
    // With the account its notices go.
    d.delete_account(None, binh.account(), None).unwrap();
    let rows = world.store.table("directory.notice");
    assert!(rows.rows(&[], None, 10).unwrap().is_empty());
}
