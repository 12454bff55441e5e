//! RFC 5464, RFC 9590, RFC 6154 §5.4: annotations of mailboxes and of the server.

use crate::door::{USER, World, check};
use directory::{AccountKind, AgencyId, Grant, Role};

const BINH: &str = "binh@tinh.gov.vn";

#[test]
fn values_are_set_told_and_removed() {
    let mut world = World::new();
    check(
        &mut world,
        r#"C: a SETMETADATA INBOX (/private/comment "My own comment" /shared/Comment {14+}
           C: Its "sunny"
           C: !)
           S: a OK SETMETADATA completed
           C: b GETMETADATA INBOX /private/comment
           S: * METADATA INBOX (/private/comment "My own comment")
           S: b OK GETMETADATA completed
           C: c GETMETADATA "INBOX" (/shared/comment /private/comment)
           S: * METADATA INBOX (/private/comment "My own comment" /shared/comment {14}
           S: Its "sunny"
           S: !)
           S: c OK …
           C: d GETMETADATA INBOX (MAXSIZE 5) (/shared/comment /private/comment)
           S: d OK [METADATA LONGENTRIES 14] GETMETADATA completed
           C: e SETMETADATA INBOX (/private/filters/values/small "SMALLER 5000" /private/filters/values/boss "FROM" /private/filters/values/boss/x "y")
           S: e OK …
           C: f GETMETADATA INBOX (DEPTH 1) (/private/filters/values)
           S: * METADATA INBOX (/private/filters/values/boss "FROM" /private/filters/values/small "SMALLER 5000")
           S: f OK …
           C: g GETMETADATA (DEPTH infinity MAXSIZE 4) INBOX /private/filters
           S: * METADATA INBOX (/private/filters/values/boss "FROM" /private/filters/values/boss/x "y")
           S: g OK [METADATA LONGENTRIES 12] …
           C: h GETMETADATA INBOX /private/filters
           S: * METADATA INBOX (/private/filters NIL)
           S: h OK …
           C: i SETMETADATA INBOX (/private/comment NIL)
           S: i OK …
           C: j GETMETADATA INBOX /private/comment
           S: * METADATA INBOX (/private/comment NIL)
           S: j OK …
           C: k SETMETADATA INBOX (/comment "x")
           S: k BAD …
           C: l SETMETADATA nope (/private/comment "x")
           S: l NO [NONEXISTENT] …
           C: m SETMETADATA Drafts (/shared/vendor/x/color "blue")
           S: m OK …
           C: n LIST "" D% RETURN (METADATA (/shared/vendor/x/color /private/comment))
           S: * LIST (\HasNoChildren \Drafts) "/" "Drafts"
           S: * METADATA "Drafts" (/shared/vendor/x/color "blue" /private/comment NIL)
           S: n OK …"#,
    );
}

#[test]
fn i13_there_are_limits() {
    let mut world = World::new();
    world.login(1);
    let long = format!(
        "SETMETADATA INBOX (/private/comment \"ok\" /private/long \"{}\")",
        "x".repeat(8193)
    );
    assert_eq!(
        world.ask(1, &long).concat(),
        "q NO [METADATA MAXSIZE 8192] The value is too large"
    );
    let none = world.ask(1, "GETMETADATA INBOX /private/comment");
    assert_eq!(none[0], "* METADATA INBOX (/private/comment NIL)");
    let name = format!("SETMETADATA INBOX (/private/{} \"x\")", "x".repeat(300));
    assert!(world.ask(1, &name).concat().starts_with("q BAD"));
    for first in [0, 50] {
        let pairs: Vec<String> = (first..first + 50)
            .map(|n| format!("/private/n{n} \"v\""))
            .collect();
        let set = format!("SETMETADATA INBOX ({})", pairs.join(" "));
        assert_eq!(world.ask(1, &set).concat(), "q OK SETMETADATA completed");
    }
    let more = world
        .ask(
            1,
            "SETMETADATA INBOX (/private/n0 \"w\" /private/more \"v\")",
        )
        .concat();
    assert!(more.starts_with("q NO [METADATA TOOMANY]"), "{more}");
    let kept = world.ask(1, "GETMETADATA INBOX /private/n0");
    assert_eq!(kept[0], "* METADATA INBOX (/private/n0 \"v\")");
    let swap = world
        .ask(1, "SETMETADATA INBOX (/private/n1 NIL /private/more \"v\")")
        .concat();
    assert!(swap.starts_with("q OK"), "{swap}");
    assert!(
        world
            .ask(1, "SETMETADATA INBOX (/shared/n1 \"v\")")
            .concat()
            .starts_with("q OK")
    );
    // All of an account's together.
    let pair = |n| format!("/shared/big{n} \"{}\"", "x".repeat(8100));
    let full = (0..600).any(|n| {
        if n % 90 == 0 {
            world.ask(1, &format!("CREATE M{}", n / 90));
        }
        let set = format!("SETMETADATA M{} ({})", n / 90, pair(n));
        world
            .ask(1, &set)
            .concat()
            .starts_with("q NO [METADATA TOOMANY]")
    });
    assert!(full, "4 MiB of annotations are not enough");
}

#[test]
fn rights_decide_and_private_values_are_ones_own() {
    let mut world = World::new();
    world.account(BINH, AccountKind::Person);
    world.login_as(1, USER);
    world.login_as(2, BINH);
    check(
        &mut world,
        r#"C: a CREATE Viec
           S: a OK …
           C: b SETMETADATA Viec (/private/comment "an" /shared/comment "cả hai")
           S: b OK …
           C2: c GETMETADATA "Other Users/an@tinh.gov.vn/Viec" /shared/comment
           S2: c NO [NONEXISTENT] …
           C: d SETACL Viec binh l
           S: d OK …
           C2: e GETMETADATA "Other Users/an@tinh.gov.vn/Viec" /shared/comment
           S2: e NO [NOPERM] …
           C: f SETACL Viec binh lr
           S: f OK …
           C2: g SETMETADATA "Other Users/an@tinh.gov.vn/Viec" (/shared/comment "khong")
           S2: g NO [NOPERM] …
           C2: h SETMETADATA "Other Users/an@tinh.gov.vn/Viec" (/private/comment "binh")
           S2: h OK …
           C2: i GETMETADATA "Other Users/an@tinh.gov.vn/Viec" (/private/comment /shared/comment)
           S2: * METADATA "Other Users/an@tinh.gov.vn/Viec" (/private/comment "binh" /shared/comment {8}
           S2: cả hai)
           S2: i OK …
           C: j GETMETADATA Viec /private/comment
           S: * METADATA "Viec" (/private/comment "an")
           S: j OK …
           C: k RENAME Viec Viec2
           S: k OK …
           C: l GETMETADATA Viec2 /private/comment
           S: * METADATA "Viec2" (/private/comment "an")
           S: l OK …
           C: m DELETE Viec2
           S: m OK …
           C: n SETMETADATA INBOX (/private/comment "thư đến")
           S: n OK …
           C: o RENAME INBOX cu
           S: o OK …
           C: p GETMETADATA cu /private/comment
           S: * METADATA "cu" (/private/comment {11}
           S: thư đến)
           S: p OK …
           C: q GETMETADATA INBOX /private/comment
           S: * METADATA INBOX (/private/comment {11}
           S: thư đến)
           S: q OK …"#,
    );
    let rows = world
        .store
        .table("directory.annotation")
        .rows(&[], None, 9)
        .unwrap();
    assert_eq!(rows.len(), 2, "those of a deleted mailbox are gone");
}

#[test]
fn special_uses_are_changed_by_metadata() {
    let mut world = World::new();
    check(
        &mut world,
        r#"C: a CREATE SavedDrafts
           S: a OK …
           C: b GETMETADATA Drafts /private/specialuse
           S: * METADATA "Drafts" (/private/specialuse "\\Drafts")
           S: b OK …
           C: c SETMETADATA SavedDrafts (/private/specialuse "\\Drafts")
           S: c OK …
           C: d SETMETADATA Sent (/private/specialuse NIL)
           S: d OK …
           C: e LIST "" (Sa% Dr% Se%) RETURN (SPECIAL-USE)
           S: * LIST (\HasNoChildren) "/" "Drafts"
           S: * LIST (\HasNoChildren \Drafts) "/" "SavedDrafts"
           S: * LIST (\HasNoChildren) "/" "Sent"
           S: e OK …
           C: f SETMETADATA Junk (/private/specialuse "\\All")
           S: f NO [USEATTR] …
           C: g SETMETADATA INBOX (/private/specialuse "\\Junk")
           S: g NO [USEATTR] …
           C: h GETMETADATA Junk /private/specialuse
           S: * METADATA "Junk" (/private/specialuse "\\Junk")
           S: h OK …"#,
    );
}

#[test]
fn i20_the_servers_values_are_its_administrators() {
    let mut world = World::new();
    let binh = world.account(BINH, AccountKind::Person);
    let mut account = world.directory.account(binh).unwrap();
    account.grants = vec![Grant::of(Role::Administrator, AgencyId("H99".into()))];
    world.directory.change_account(None, account, None).unwrap();
    world.login_as(1, USER);
    world.login_as(2, BINH);
    check(
        &mut world,
        r#"C: a GETMETADATA "" (/shared/admin /shared/comment)
           S: * METADATA "" (/shared/admin "mailto:postmaster@tinh.gov.vn" /shared/comment NIL)
           S: a OK …
           C: b SETMETADATA "" (/shared/comment "x")
           S: b NO [NOPERM] …
           C2: c SETMETADATA "" (/shared/admin "mailto:me@x")
           S2: c NO [NOPERM] …
           C2: d SETMETADATA "" (/shared/comment "hom nay bao tri")
           S2: d OK …
           C: e GETMETADATA "" (DEPTH infinity) (/shared)
           S: * METADATA "" (/shared/admin "mailto:postmaster@tinh.gov.vn" /shared/comment "hom nay bao tri")
           S: e OK …
           C: f SETMETADATA "" (/private/vendor/x/y "mine")
           S: f OK …
           C2: g GETMETADATA "" /private/vendor/x/y
           S2: * METADATA "" (/private/vendor/x/y NIL)
           S2: g OK …
           C: h GETMETADATA "" /private/vendor/x/y
           S: * METADATA "" (/private/vendor/x/y "mine")
           S: h OK …"#,
    );
    let entry = world.directory.audit(None, 1).unwrap().remove(0);
    assert_eq!(
        (entry.act.as_str(), entry.actor.as_str()),
        ("server.annotate", BINH)
    );
}
