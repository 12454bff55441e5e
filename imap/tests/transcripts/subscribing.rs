//! RFC 3501 §6.3.6, §6.3.7, §6.3.9, RFC 9051 §6.3.6 to §6.3.9: a name stays in the list of subscriptions until its
//! user takes it out.

use crate::door::{USER, World, check};
use directory::AccountKind;
use storage::{MailboxChange, MailboxId};

/// RFC 3501 §6.3.9, RFC 9051 §6.3.9.1, §6.3.9.8 examples 2 and 6; another session sees it at once.
#[test]
fn a_name_outlives_its_mailbox() {
    check(
        &mut World::new(),
        r#"C: a CREATE Fruit
           S: a OK …
           C: b SUBSCRIBE Fruit
           S: b OK SUBSCRIBE completed
           C: c DELETE Fruit
           S: c OK …
           C: d LSUB "" F*
           S: * LSUB () "/" "Fruit"
           S: d OK …
           C: e LIST (SUBSCRIBED) "" F*
           S: * LIST (\NonExistent \Subscribed) "/" "Fruit"
           S: e OK …
           C: f LIST "" F* RETURN (SUBSCRIBED)
           S: f OK …
           C: g LIST "" F*
           S: g OK …
           C: h SELECT Fruit
           S: h NO [NONEXISTENT] …
           C2: a LSUB "" F%
           S2: * LSUB () "/" "Fruit"
           S2: a OK …
           C: i SUBSCRIBE Fruit
           S: i OK …
           C: j CREATE Fruit
           S: j OK …
           C: k LSUB "" F*
           S: * LSUB (\HasNoChildren) "/" "Fruit"
           S: k OK …
           C: l DELETE Fruit
           S: l OK …
           C2: b UNSUBSCRIBE Fruit
           S2: b OK UNSUBSCRIBE completed
           C: m LSUB "" F*
           S: m OK …
           C: n LIST (SUBSCRIBED) "" F*
           S: n OK …
           C: o SUBSCRIBE Fruit
           S: o NO [NONEXISTENT] …
           C: p UNSUBSCRIBE Fruit
           S: p OK …"#,
    );
}

/// RFC 9051 §6.3.6: renaming does not touch the names in the list, those below it neither.
#[test]
fn renaming_leaves_the_names_before() {
    check(
        &mut World::new(),
        r#"C: a CREATE X/y
           S: a OK …
           C: b SUBSCRIBE X
           S: b OK …
           C: c SUBSCRIBE X/y
           S: c OK …
           C: d RENAME X Z
           S: d OK …
           C: e LSUB "" X*
           S: * LSUB () "/" "X"
           S: * LSUB () "/" "X/y"
           S: e OK …
           C: f LSUB "" Z*
           S: * LSUB (\HasChildren) "/" "Z"
           S: * LSUB (\HasNoChildren) "/" "Z/y"
           S: f OK …
           C: g SUBSCRIBE Z
           S: g OK …
           C: h UNSUBSCRIBE X
           S: h OK …
           C: i LIST (SUBSCRIBED) "" (X* Z)
           S: * LIST (\NonExistent \Subscribed) "/" "X/y"
           S: * LIST (\HasChildren \Subscribed) "/" "Z"
           S: i OK …
           C: j RENAME Z X
           S: j OK …
           C: k LIST (SUBSCRIBED) "" (X* Z*)
           S: * LIST (\NonExistent \Subscribed) "/" "Z"
           S: * LIST (\HasChildren \Subscribed) "/" "X"
           S: * LIST (\HasNoChildren \Subscribed) "/" "X/y"
           S: k OK …
           C: l RENAME X Drafts
           S: l NO [ALREADYEXISTS] …
           C: m LIST (SUBSCRIBED) "" (X Z)
           S: * LIST (\NonExistent \Subscribed) "/" "Z"
           S: * LIST (\HasChildren \Subscribed) "/" "X"
           S: m OK …"#,
    );
}

/// RFC 9051 §6.3.9.6, table 3, and RFC 3501 §6.3.9 of `%`.
#[test]
fn what_is_above_such_a_name_is_told() {
    check(
        &mut World::new(),
        r#"C: a CREATE foo/bar
           S: a OK …
           C: b SUBSCRIBE foo/bar
           S: b OK …
           C: c UNSUBSCRIBE foo
           S: c OK …
           C: d DELETE foo/bar
           S: d OK …
           C: e LIST (SUBSCRIBED) "" f%
           S: e OK …
           C: f LIST (SUBSCRIBED RECURSIVEMATCH) "" foo RETURN (CHILDREN)
           S: * LIST (\HasNoChildren) "/" "foo" ("CHILDINFO" ("SUBSCRIBED"))
           S: f OK …
           C: g LSUB "" f%
           S: * LSUB (\Noselect) "/" "foo"
           S: g OK …
           C: h DELETE foo
           S: h OK …
           C: i LIST (SUBSCRIBED RECURSIVEMATCH) "" f%
           S: * LIST (\NonExistent) "/" "foo" ("CHILDINFO" ("SUBSCRIBED"))
           S: i OK …
           C: j LIST (SUBSCRIBED RECURSIVEMATCH) "" foo
           S: * LIST (\NonExistent) "/" "foo" ("CHILDINFO" ("SUBSCRIBED"))
           S: j OK …
           C: k LSUB "" f%
           S: * LSUB (\Noselect) "/" "foo"
           S: k OK …
           C: l LSUB "" f*
           S: * LSUB () "/" "foo/bar"
           S: l OK …
           C: m LIST (SUBSCRIBED RECURSIVEMATCH) "" f*
           S: * LIST (\NonExistent \Subscribed) "/" "foo/bar"
           S: m OK …
           C: n LIST (SUBSCRIBED SPECIAL-USE) "" f*
           S: n OK …
           C: o CREATE foo
           S: o OK …
           C: p SUBSCRIBE foo
           S: p OK …
           C: q DELETE foo
           S: q OK …
           C: r LIST (SUBSCRIBED RECURSIVEMATCH) "" foo
           S: * LIST (\NonExistent \Subscribed) "/" "foo" ("CHILDINFO" ("SUBSCRIBED"))
           S: r OK …"#,
    );
}

/// What the server subscribed to on its own, nobody has declared (RFC 3501 §6.3.9).
#[test]
fn a_mailbox_that_was_only_made_leaves_no_name() {
    check(
        &mut World::new(),
        r#"C: a CREATE tmp
           S: a OK …
           C: b LSUB "" t*
           S: * LSUB (\HasNoChildren) "/" "tmp"
           S: b OK …
           C: c DELETE tmp
           S: c OK …
           C: d LSUB "" t*
           S: d OK …
           C: e CREATE tmp
           S: e OK …
           C: f SUBSCRIBE tmp
           S: f OK …
           C: g UNSUBSCRIBE tmp
           S: g OK …
           C: h DELETE tmp
           S: h OK …
           C: i LSUB "" t*
           S: i OK …"#,
    );
}

fn own(world: &World, name: &str) -> (storage::AccountStore, MailboxId) {
    let mail = world.store.account(world.account_of(USER));
    let all = mail.mailboxes().unwrap();
    let id = all.iter().find(|m| m.name == name).unwrap().id;
    (mail, id)
}

/// RFC 8621 §2: over JMAP a subscription is a property of the mailbox, and goes with it.
#[test]
fn jmap_takes_the_subscription_with_the_mailbox() {
    let mut world = World::new();
    for name in ["A", "B", "C"] {
        world.login(1);
        world.ask(1, &format!("CREATE {name}"));
        world.ask(1, &format!("SUBSCRIBE {name}"));
    }
    let change = |name: &str, change: MailboxChange| {
        let (mail, id) = own(&world, name);
        let mut writer = mail.write().unwrap();
        writer.change_mailbox(id, change).unwrap();
        writer.commit().unwrap();
    };
    change(
        "A",
        MailboxChange {
            name: Some("A2".into()),
            ..MailboxChange::default()
        },
    );
    change(
        "B",
        MailboxChange {
            subscribed: Some(false),
            ..MailboxChange::default()
        },
    );
    let (mail, id) = own(&world, "C");
    let mut writer = mail.write().unwrap();
    writer.remove_mailbox(id).unwrap();
    writer.commit().unwrap();
    world.directory.forget_mailbox(mail.id(), id).unwrap();
    check(
        &mut world,
        r#"C: a LIST (SUBSCRIBED) "" (A* B* C*)
           S: * LIST (\HasNoChildren \Subscribed) "/" "A2"
           S: * LIST (\HasNoChildren \Archive \Subscribed) "/" "Archive"
           S: a OK …
           C: b DELETE B
           S: b OK …
           C: c DELETE A2
           S: c OK …
           C: d LIST (SUBSCRIBED) "" (A2 A B C)
           S: * LIST (\NonExistent \Subscribed) "/" "A2"
           S: d OK …"#,
    );
}

/// A mailbox of somebody else: deleted, renamed or shared no longer, its name stays; what was never subscribed to
/// by name does not.
#[test]
fn names_of_shared_mailboxes_stay() {
    let mut world = World::new();
    world.account("binh@tinh.gov.vn", AccountKind::Person);
    world.login(1);
    for name in ["Hop", "Viec", "Cu", "Chung"] {
        world.ask(1, &format!("CREATE {name}"));
        world.ask(1, &format!("SUBSCRIBE {name}"));
        world.ask(1, &format!("SETACL {name} binh@tinh.gov.vn lrx"));
    }
    world.login_as(2, "binh@tinh.gov.vn");
    for name in ["Hop", "Viec", "Cu"] {
        let answer = world.ask(
            2,
            &format!("SUBSCRIBE \"Other Users/an@tinh.gov.vn/{name}\""),
        );
        assert_eq!(answer, ["q OK SUBSCRIBE completed"]);
    }
    check(
        &mut world,
        r#"C: a DELETE Hop
           S: a OK …
           C: b SETACL Viec binh@tinh.gov.vn ""
           S: b OK …
           C: c RENAME Cu Moi
           S: c OK …
           C: d DELETE Chung
           S: d OK …
           C2: a LSUB "" "Other Users/*"
           S2: * LSUB () "/" "Other Users/an@tinh.gov.vn/Cu"
           S2: * LSUB () "/" "Other Users/an@tinh.gov.vn/Hop"
           S2: * LSUB () "/" "Other Users/an@tinh.gov.vn/Viec"
           S2: * LSUB (\HasNoChildren) "/" "Other Users/an@tinh.gov.vn/Moi"
           S2: a OK …
           C2: b LIST (SUBSCRIBED RECURSIVEMATCH) "" %
           S2: * LIST (\NonExistent \HasChildren) "/" "Other Users" ("CHILDINFO" ("SUBSCRIBED"))
           S2: ⋮
           S2: b OK …
           C2: c UNSUBSCRIBE "Other Users/an@tinh.gov.vn/Hop"
           S2: c OK …
           C2: d UNSUBSCRIBE "Other Users/an@tinh.gov.vn/Viec"
           S2: d OK …
           C: e SETACL Viec binh@tinh.gov.vn lr
           S: e OK …
           C2: e LSUB "" "Other Users/*"
           S2: * LSUB () "/" "Other Users/an@tinh.gov.vn/Cu"
           S2: * LSUB (\HasNoChildren) "/" "Other Users/an@tinh.gov.vn/Moi"
           S2: e OK …
           C2: f DELETE "Other Users/an@tinh.gov.vn/Moi"
           S2: f OK …
           C: g LIST (SUBSCRIBED) "" (Moi Cu Hop Viec Chung)
           S: * LIST (\NonExistent \Subscribed) "/" "Chung"
           S: * LIST (\NonExistent \Subscribed) "/" "Cu"
           S: * LIST (\NonExistent \Subscribed) "/" "Hop"
           S: * LIST (\HasNoChildren \Subscribed) "/" "Viec"
           S: g OK …"#,
    );
}

/// The list is bounded: then a name more is refused, and one less makes room.
#[test]
fn i13_the_list_is_bounded() {
    let mut world = World::new();
    let access = {
        let peer = directory::Peer {
            ip: "192.0.2.7".parse().unwrap(),
            service: "imap",
        };
        let secret = directory::Secret::new(crate::door::PASSWORD);
        world.directory.sign_in(USER, &secret, peer).unwrap()
    };
    let (mail, _) = own(&world, "Sent");
    let level = "n".repeat(250);
    let some = MailboxId::new(4_000_000).unwrap();
    let above = format!("{level}/").repeat(19);
    let mut names = (0..1_000).map(|number| format!("{above}{number}"));
    let refused = names.find_map(|name| access.want(&name, mail.id(), some).err());
    assert!(matches!(refused, Some(storage::Error::TooLarge(_))));
    // The last octets too.
    for bit in (0..13).rev() {
        let _ = access.want(&"x".repeat(1 << bit), mail.id(), some);
    }
    check(
        &mut world,
        &format!(
            r#"C: a SUBSCRIBE Sent
               S: a NO [LIMIT] …
               C: b UNSUBSCRIBE {above}1
               S: b OK …
               C: c SUBSCRIBE Sent
               S: c OK …"#
        ),
    );
}
