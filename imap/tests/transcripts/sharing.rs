//! RFC 2342, RFC 4314: mailboxes of others, named, listed and used as far as the rights go.

use crate::door::{World, check};
use directory::{AccountKind, Peer, Rights, RightsChange, Secret, Sharing};
use storage::AccountId;

pub(crate) const BINH: &str = "binh@tinh.gov.vn";
const OFFICE: &str = "vanthu@tinh.gov.vn";

/// An and Bình are persons, the office belongs to both: Bình may do what `rights` say.
pub(crate) fn office(rights: &str) -> (World, AccountId) {
    let mut world = World::new();
    let binh = world.account(BINH, AccountKind::Person);
    let office = world.account(OFFICE, AccountKind::Shared);
    member(&world, office, binh, rights);
    world.login_as(2, BINH);
    world.login_as(3, OFFICE);
    (world, binh)
}

fn member(world: &World, account: AccountId, member: AccountId, rights: &str) {
    let rights = Rights::parse(rights).unwrap();
    let done = world
        .directory
        .set_member(None, account, member, rights, None);
    done.unwrap();
}

/// What somebody gives of one of his mailboxes.
pub(crate) fn give(world: &World, owner: &str, mailbox: &str, to: Sharing, rights: &str) {
    let secret = Secret::new(crate::door::PASSWORD);
    let peer = Peer {
        ip: "192.0.2.9".parse().unwrap(),
        service: "test",
    };
    let access = world.directory.sign_in(owner, &secret, peer).unwrap();
    let boxes = access.own().unwrap().mailboxes().unwrap();
    let id = boxes.iter().find(|m| m.name == mailbox).unwrap().id;
    let rights = RightsChange::Set(Rights::parse(rights).unwrap());
    access
        .change_share(access.account(), id, to, rights)
        .unwrap();
}

const LETTER: &[u8] = b"Subject: a\r\n\r\nx\r\n";

#[test]
fn mailboxes_of_a_seat_appear_to_its_holders() {
    let (mut world, _) = office("lrswite");
    world.append(3, "INBOX", "(\\Seen)", LETTER);
    check(
        &mut world,
        r#"C2: a LIST "" %
           S2: * LIST (\Noselect \HasChildren) "/" "Shared"
           S2: * LIST (\HasNoChildren) "/" INBOX
           S2: * LIST (\HasNoChildren \Archive) "/" "Archive"
           S2: * LIST (\HasNoChildren \Drafts) "/" "Drafts"
           S2: * LIST (\HasNoChildren \Junk) "/" "Junk"
           S2: * LIST (\HasNoChildren \Sent) "/" "Sent"
           S2: * LIST (\HasNoChildren \Trash) "/" "Trash"
           S2: a OK …
           C2: b LIST "" Shared/%
           S2: * LIST (\Noselect \HasChildren) "/" "Shared/vanthu@tinh.gov.vn"
           S2: b OK …
           C2: c LIST "Shared/" */S*
           S2: * LIST (\HasNoChildren) "/" "Shared/vanthu@tinh.gov.vn/Sent"
           S2: c OK …
           C2: d LSUB "" Shared/*/INBOX
           S2: * LSUB (\HasNoChildren) "/" "Shared/vanthu@tinh.gov.vn/INBOX"
           S2: d OK …
           C2: e SELECT Shared/vanthu@tinh.gov.vn/inbox
           S2: * FLAGS …
           S2: * OK [PERMANENTFLAGS (\Answered \Deleted \Draft \Flagged \Seen \*)] …
           S2: * 1 EXISTS
           S2: * 1 RECENT
           S2: * OK [UIDVALIDITY …
           S2: * OK [UIDNEXT 2] …
           S2: * OK [MAILBOXID …
           S2: * OK [HIGHESTMODSEQ …
           S2: e OK [READ-WRITE] …
           C2: f FETCH 1 (FLAGS BODY[TEXT])
           S2: * 1 FETCH (FLAGS (\Seen \Recent) BODY[TEXT] {3}
           S2: x
           S2: )
           S2: f OK …
           C2: g STORE 1 -FLAGS (\Seen)
           S2: * 1 FETCH (UID 1 FLAGS (\Recent))
           S2: g OK …
           C3: h STATUS INBOX (UNSEEN)
           S3: * STATUS INBOX (UNSEEN 1)
           S3: h OK …
           C2: i UNSUBSCRIBE Shared/vanthu@tinh.gov.vn/INBOX
           S2: i OK …
           C2: j LSUB "" Shared/*/INBOX
           S2: j OK …
           C3: k LSUB "" INBOX
           S3: * LSUB (\HasNoChildren) "/" INBOX
           S3: k OK …
           C: l LIST "" Shared*
           S: l OK …
           C: m SELECT Shared/vanthu@tinh.gov.vn/INBOX
           S: m NO [NONEXISTENT] …"#,
    );
}

/// RFC 9051 §6.3.12, §6.4.7: unless it is certain that it cannot be created.
#[test]
fn trycreate_is_told_where_create_may_succeed() {
    let (mut world, binh) = office("lrs");
    world.login(1);
    for (name, rights) in [("Viec", "lrk"), ("Kin", "p")] {
        world.ask(1, &format!("CREATE {name}"));
        give(&world, "an", name, Sharing::Account(binh), rights);
    }
    world.append(2, "INBOX", "", LETTER);
    world.ask(2, "SELECT INBOX");
    let others = "Other Users/an@tinh.gov.vn";
    for (name, code) in [
        ("Moi".to_owned(), "TRYCREATE"),
        ("Moi//a".to_owned(), "NONEXISTENT"),
        ("\"Moi*\"".to_owned(), "NONEXISTENT"),
        ("Shared/vanthu@tinh.gov.vn/Moi".to_owned(), "NONEXISTENT"),
        (
            "Shared/vanthu@tinh.gov.vn/INBOX/Moi".to_owned(),
            "NONEXISTENT",
        ),
        ("Shared/khong@tinh.gov.vn/Moi".to_owned(), "NONEXISTENT"),
        (format!("\"{others}/Moi\""), "NONEXISTENT"),
        (format!("\"{others}/Kin\""), "NONEXISTENT"),
        (format!("\"{others}/Viec/Moi\""), "TRYCREATE"),
        (format!("\"{others}/Viec/Moi/Hai\""), "TRYCREATE"),
    ] {
        let refused = format!("q NO [{code}] There is no such mailbox");
        let append = format!("APPEND {name} {{3+}}\r\nabc");
        for command in [
            append,
            format!("COPY 1 {name}"),
            format!("UID MOVE 1 {name}"),
        ] {
            assert_eq!(world.ask(2, &command), [refused.as_str()], "{command}");
        }
        // What is told of CREATE agrees, where a name is one at all.
        let created = world.ask(2, &format!("CREATE {name}"));
        let made = created.last().unwrap().starts_with("q OK");
        assert_eq!(made, code == "TRYCREATE", "{name}: {created:?}");
    }
}

#[test]
fn a_command_does_what_the_rights_allow() {
    let (mut world, _) = office("lrs");
    world.append(3, "INBOX", "", LETTER);
    world.append(2, "INBOX", "(\\Seen \\Flagged \\Deleted)", LETTER);
    world.ask(2, "SELECT INBOX");
    check(
        &mut world,
        r#"C2: a COPY 1 Shared/vanthu@tinh.gov.vn/INBOX
           S2: a NO [NOPERM] …
           C2: b APPEND Shared/vanthu@tinh.gov.vn/INBOX {3+}
           C2: abc
           S2: b NO [NOPERM] …
           C2: c CREATE Shared/vanthu@tinh.gov.vn/x
           S2: c NO [NOPERM] …
           C2: d DELETE Shared/vanthu@tinh.gov.vn/Sent
           S2: d NO [NOPERM] …
           C2: e SELECT Shared/vanthu@tinh.gov.vn/INBOX
           S2: * OK [CLOSED] …
           S2: * FLAGS …
           S2: * OK [PERMANENTFLAGS (\Seen)] …
           S2: * 1 EXISTS
           S2: * 1 RECENT
           S2: * OK [UNSEEN 1] …
           S2: * OK [UIDVALIDITY …
           S2: * OK [UIDNEXT 2] …
           S2: * OK [MAILBOXID …
           S2: * OK [HIGHESTMODSEQ …
           S2: e OK [READ-WRITE] …
           C2: f STORE 1 +FLAGS (\Flagged)
           S2: f NO [NOPERM] …
           C2: g STORE 1 FLAGS (\Seen \Flagged)
           S2: * 1 FETCH (UID 1 FLAGS (\Seen \Recent))
           S2: g OK …
           C2: h EXPUNGE
           S2: h NO [NOPERM] …
           C2: i MOVE 1 INBOX
           S2: i NO [NOPERM] …
           C2: j COPY 1 INBOX
           S2: j OK [COPYUID … 1 2] COPY completed
           C2: k CLOSE
           S2: k OK …"#,
    );
}

#[test]
fn a_flag_that_may_not_be_set_is_left_out() {
    let (mut world, _) = office("lri");
    world.append(3, "INBOX", "(\\Seen)", LETTER);
    world.append(2, "INBOX", "(\\Seen \\Flagged \\Deleted)", LETTER);
    world.ask(2, "SELECT INBOX");
    check(
        &mut world,
        r#"C2: a COPY 1 Shared/vanthu@tinh.gov.vn/INBOX
           S2: a OK [COPYUID … 1 2] COPY completed
           C3: b FETCH 1 FLAGS
           S3: b BAD [CLIENTBUG] no mailbox is selected
           C3: c SELECT INBOX
           S3: * FLAGS …
           S3: * OK [PERM…
           S3: * 2 EXISTS
           S3: * 2 RECENT
           S3: * OK [UNSEEN 2] …
           S3: * OK [UIDV…
           S3: * OK [UIDNEXT 3] …
           S3: * OK [MAILBOXID …
           S3: * OK [HIGHESTMODSEQ …
           S3: c OK …
           C3: d FETCH 2 FLAGS
           S3: * 2 FETCH (FLAGS (\Recent))
           S3: d OK …
           C2: e SELECT Shared/vanthu@tinh.gov.vn/INBOX
           S2: * OK [CLOSED] …
           S2: * FLAGS …
           S2: * OK [PERMANENTFLAGS ()] …
           S2: * 2 EXISTS
           S2: * 0 RECENT
           S2: * OK [UNSEEN 2] …
           S2: * OK [UIDV…
           S2: * OK [UIDNEXT 3] …
           S2: * OK [MAILBOXID …
           S2: * OK [HIGHESTMODSEQ …
           S2: e OK [READ-WRITE] …
           C2: f FETCH 2 BODY[TEXT]
           S2: * 2 FETCH (BODY[TEXT] {3}
           S2: x
           S2: )
           S2: f OK …
           C3: g FETCH 2 FLAGS
           S3: * 2 FETCH (FLAGS (\Recent))
           S3: g OK …"#,
    );
}

#[test]
fn messages_move_between_accounts() {
    let (mut world, _) = office("lrswipkxte");
    world.append(3, "INBOX", "(\\Flagged)", LETTER);
    world.append(3, "INBOX", "", b"Subject: b\r\n\r\nyy\r\n");
    world.ask(2, "SELECT Shared/vanthu@tinh.gov.vn/INBOX");
    check(
        &mut world,
        r#"C2: a MOVE 1:2 Archive
           S2: * OK [COPYUID … 1:2 1:2] Moved
           S2: * 2 EXPUNGE
           S2: * 1 EXPUNGE
           S2: a OK MOVE completed
           C2: b CREATE Shared/vanthu@tinh.gov.vn/2026/11
           S2: b OK …
           C2: c RENAME Shared/vanthu@tinh.gov.vn/2026/11 x
           S2: c NO [CANNOT] …
           C2: d RENAME Shared/vanthu@tinh.gov.vn/2026/11 Shared/vanthu@tinh.gov.vn/2026/12
           S2: d OK …
           C3: e LIST "" 2*
           S3: * LIST (\HasChildren) "/" "2026"
           S3: * LIST (\HasNoChildren) "/" "2026/12"
           S3: e OK …
           C2: f SELECT Archive
           S2: * OK [CLOSED] …
           S2: * FLAGS …
           S2: * OK [PERM…
           S2: * 2 EXISTS
           S2: * 2 RECENT
           S2: * OK [UNSEEN 1] …
           S2: * OK [UIDV…
           S2: * OK [UIDNEXT 3] …
           S2: * OK [MAILBOXID …
           S2: * OK [HIGHESTMODSEQ …
           S2: f OK …
           C2: g MOVE 2 Shared/vanthu@tinh.gov.vn/2026/12
           S2: * OK [COPYUID … 2 1] Moved
           S2: * 2 EXPUNGE
           S2: g OK …
           C2: h FETCH 1 (FLAGS RFC822.SIZE)
           S2: * 1 FETCH (FLAGS (\Flagged \Recent) RFC822.SIZE 17)
           S2: h OK …
           C3: i STATUS 2026/12 (MESSAGES SIZE)
           S3: * STATUS "2026/12" (MESSAGES 1 SIZE 18)
           S3: i OK …
           C2: j DELETE Shared/vanthu@tinh.gov.vn/2026/12
           S2: j OK …"#,
    );
}

#[test]
fn one_mailbox_is_shared_and_the_others_are_not_there() {
    let mut world = World::new();
    let binh = world.account(BINH, AccountKind::Person);
    world.login(1);
    world.login_as(2, BINH);
    world.ask(1, "CREATE Viec/Chung");
    give(&world, "an", "Chung", Sharing::Account(binh), "lr");
    give(&world, "an", "Archive", Sharing::Anyone, "l");
    give(&world, "an", "Junk", Sharing::Account(binh), "i");
    check(
        &mut world,
        r#"C2: a LIST "" "Other Users/*"
           S2: * LIST (\HasNoChildren \Noselect) "/" "Other Users/an@tinh.gov.vn/Archive"
           S2: * LIST (\HasNoChildren) "/" "Other Users/an@tinh.gov.vn/Viec/Chung"
           S2: a OK …
           C2: b LIST "" "Other Users/an@tinh.gov.vn/%"
           S2: * LIST (\Noselect \HasChildren) "/" "Other Users/an@tinh.gov.vn/Viec"
           S2: * LIST (\HasNoChildren \Noselect) "/" "Other Users/an@tinh.gov.vn/Archive"
           S2: b OK …
           C2: c SELECT "Other Users/an@tinh.gov.vn/Archive"
           S2: c NO [NOPERM] …
           C2: d SELECT "Other Users/an@tinh.gov.vn/INBOX"
           S2: d NO [NONEXISTENT] …
           C2: e SELECT "Other Users/an@tinh.gov.vn/Junk"
           S2: e NO [NONEXISTENT] …
           C2: f APPEND "Other Users/an@tinh.gov.vn/Junk" {3+}
           C2: abc
           S2: f OK …
           C2: g SELECT "Other Users/an@tinh.gov.vn/Viec/Chung"
           S2: * FLAGS …
           S2: * OK [PERMANENTFLAGS ()] …
           S2: * 0 EXISTS
           S2: * 0 RECENT
           S2: * OK [UIDV…
           S2: * OK [UIDNEXT 1] …
           S2: * OK [MAILBOXID …
           S2: * OK [HIGHESTMODSEQ …
           S2: g OK [READ-ONLY] …
           C2: h LSUB "" "Other Users/*"
           S2: * LSUB (\HasNoChildren) "/" "Other Users/an@tinh.gov.vn/Viec/Chung"
           S2: h OK …
           C2: h UNSUBSCRIBE "Other Users/an@tinh.gov.vn/Viec/Chung"
           S2: h OK …
           C2: h LSUB "" "Other Users/*"
           S2: h OK …
           C2: i SUBSCRIBE "Other Users/an@tinh.gov.vn/Viec/Chung"
           S2: i OK …
           C2: j LSUB "" %
           S2: * LSUB (\Noselect) "/" "Other Users"
           S2: * LSUB (\HasNoChildren) "/" INBOX
           S2: * LSUB (\HasNoChildren \Archive) "/" "Archive"
           S2: * LSUB (\HasNoChildren \Drafts) "/" "Drafts"
           S2: * LSUB (\HasNoChildren \Junk) "/" "Junk"
           S2: * LSUB (\HasNoChildren \Sent) "/" "Sent"
           S2: * LSUB (\HasNoChildren \Trash) "/" "Trash"
           S2: j OK …
           C2: k LIST (SUBSCRIBED) "" "Other*"
           S2: * LIST (\HasNoChildren \Subscribed) "/" "Other Users/an@tinh.gov.vn/Viec/Chung"
           S2: k OK …
           C2: l CREATE "Other Users/an@tinh.gov.vn/Viec/Chung/x"
           S2: l NO [NOPERM] …
           C2: m CREATE "Other Users/khong@tinh.gov.vn/x"
           S2: m NO [NOPERM] …"#,
    );
    // What is taken away is gone at once, in the middle of a session.
    give(&world, "an", "Chung", Sharing::Account(binh), "");
    check(
        &mut world,
        r#"C2: a UID SEARCH ALL
           S2: a NO [NONEXISTENT] …
           S2: * BYE …
           S2: (end)"#,
    );
    world.login_as(2, BINH);
    check(
        &mut world,
        r#"C2: c SELECT "Other Users/an@tinh.gov.vn/Viec/Chung"
           S2: c NO [NONEXISTENT] …
           C2: d LIST "" "Other Users/*"
           S2: * LIST (\HasNoChildren \Noselect) "/" "Other Users/an@tinh.gov.vn/Archive"
           S2: d OK …"#,
    );
}

/// RFC 8474 §4: each account gives its numbers by itself, and no two mailboxes that are seen have one id.
#[test]
fn ids_of_others_have_their_account_before_them() {
    let (mut world, binh) = office("lrs");
    let office = world.directory.account_named(OFFICE).unwrap().id;
    assert_ne!(office, binh);
    world.append(3, "INBOX", "", LETTER);
    world.append(2, "INBOX", "", LETTER);
    let told = world.ask(2, "STATUS INBOX (MAILBOXID)");
    assert_eq!(told[0], "* STATUS INBOX (MAILBOXID (m1))");
    let told = world.ask(2, "STATUS Shared/vanthu@tinh.gov.vn/INBOX (MAILBOXID)");
    assert!(
        told[0].ends_with(&format!("(MAILBOXID (a{office}-m1))")),
        "{told:?}"
    );
    let told = world
        .ask(2, "SELECT Shared/vanthu@tinh.gov.vn/INBOX")
        .join(" ");
    assert!(
        told.contains(&format!("[MAILBOXID (a{office}-m1)]")),
        "{told}"
    );
    let told = world.ask(2, "FETCH 1 (EMAILID THREADID)");
    let expected = format!("* 1 FETCH (EMAILID (a{office}-e1) THREADID (a{office}-t1))");
    assert_eq!(told[0], expected);
    for (key, found) in [
        (format!("EMAILID a{office}-e1"), "* SEARCH 1"),
        (format!("THREADID a{office}-t1"), "* SEARCH 1"),
        ("EMAILID e1".to_owned(), "* SEARCH"),
        (format!("EMAILID a{binh}-e1"), "* SEARCH"),
    ] {
        assert_eq!(world.ask(2, &format!("SEARCH {key}"))[0], found, "{key}");
    }
    world.ask(2, "SELECT INBOX");
    assert_eq!(world.ask(2, "SEARCH EMAILID e1")[0], "* SEARCH 1");
    assert_eq!(
        world.ask(2, &format!("SEARCH EMAILID a{office}-e1"))[0],
        "* SEARCH"
    );
}

fn told(world: &mut World, number: u32, expected: &[&str]) {
    for line in expected {
        assert_eq!(world.line(number), *line);
    }
}

/// RFC 5465 §6.5, §5.9: mailboxes of others are told of as they change, come and go.
#[test]
fn mailboxes_of_others_are_told_of() {
    let (mut world, binh) = office("lr");
    world.ask(
        2,
        "NOTIFY SET (SELECTED NONE) (SUBTREE (Shared \"Other Users\") (MessageNew MessageExpunge MailboxName))",
    );
    world.append(3, "INBOX", "", LETTER);
    let inbox = "Shared/vanthu@tinh.gov.vn/INBOX";
    let status = format!("* STATUS \"{inbox}\" (MESSAGES 1 UIDNEXT 2)");
    told(&mut world, 2, &[&status]);
    // What is given in the middle of it is heard from then on.
    world.login(1);
    give(&world, "an", "Archive", Sharing::Account(binh), "lr");
    let name = "\"Other Users/an@tinh.gov.vn/Archive\"";
    told(
        &mut world,
        2,
        &[&format!(
            "* LIST (\\HasNoChildren \\Subscribed) \"/\" {name}"
        )],
    );
    world.append(1, "Archive", "", LETTER);
    told(
        &mut world,
        2,
        &[&format!("* STATUS {name} (MESSAGES 1 UIDNEXT 2)")],
    );
    give(&world, "an", "Archive", Sharing::Account(binh), "");
    told(
        &mut world,
        2,
        &[&format!("* LIST (\\NonExistent \\NoAccess) \"/\" {name}")],
    );
    // RFC 5465 §3.1: what may be known of and not read. And what is made below has the rights of what is above.
    give(&world, "an", "Archive", Sharing::Account(binh), "l");
    let seen = |attributes: &str| format!("* LIST ({attributes} \\Subscribed) \"/\" {name}");
    told(
        &mut world,
        2,
        &[&seen("\\HasNoChildren \\Noselect \\NoAccess")],
    );
    let set =
        format!("NOTIFY SET STATUS (MAILBOXES {name} (MessageNew MessageExpunge MailboxName))");
    assert_eq!(
        world.ask(2, &set),
        [
            seen("\\HasNoChildren \\Noselect \\NoAccess").as_str(),
            "q OK NOTIFY completed"
        ]
    );
    give(&world, "an", "Archive", Sharing::Account(binh), "lr");
    told(&mut world, 2, &[&seen("\\HasNoChildren")]);
    let set = format!("NOTIFY SET (SUBTREE {name} (MailboxName))");
    world.ask(2, &set);
    world.ask(1, "CREATE Archive/2026");
    let below = name.replace("Archive", "Archive/2026");
    told(
        &mut world,
        2,
        &[
            &format!("* LIST (\\HasNoChildren \\Subscribed) \"/\" {below}"),
            &seen("\\HasChildren"),
        ],
    );
    // Only one's own are personal.
    world.ask(2, "NOTIFY SET (PERSONAL (MessageNew MessageExpunge))");
    world.append(3, "INBOX", "", LETTER);
    world.append(2, "Sent", "", LETTER);
    let own = world.ask(2, "NOOP");
    assert!(!own.iter().any(|line| line.contains("Shared/")), "{own:?}");
}

/// RFC 5465 §5.4: what one sees is told by its new name when a mailbox above it, that one may not see, is renamed.
#[test]
fn what_lies_below_a_hidden_mailbox_is_told_when_that_is_renamed() {
    let (mut world, binh) = office("lr");
    world.login(1);
    for name in ["hid", "hid/den", "hid/den/flat", "hid/den/flat/room"] {
        world.ask(1, &format!("CREATE {name}"));
    }
    for name in ["flat", "room"] {
        give(&world, "an", name, Sharing::Account(binh), "lr");
    }
    world.ask(
        2,
        "NOTIFY SET (SELECTED NONE) (SUBTREE (\"Other Users\") (MessageNew MessageExpunge MailboxName))",
    );
    let name = |top: &str, rest: &str| format!("\"Other Users/an@tinh.gov.vn/{top}{rest}\"");
    world.ask(1, "RENAME hid hyd");
    let (old, new) = (name("hid", "/den/flat"), name("hyd", "/den/flat"));
    let line = |children: &str, new: &str, old: &str| {
        format!("* LIST ({children} \\Subscribed) \"/\" {new} (\"OLDNAME\" ({old}))")
    };
    told(&mut world, 2, &[&line("\\HasChildren", &new, &old)]);
    // Out of the hidden one: by its own name, and its child with it.
    world.ask(1, "RENAME hyd/den/flat flat");
    let (old, new) = (new, name("flat", ""));
    told(&mut world, 2, &[&line("\\HasChildren", &new, &old)]);
    world.ask(1, "RENAME flat/room room");
    let (old, new) = (name("flat", "/room"), name("room", ""));
    told(&mut world, 2, &[&line("\\HasNoChildren", &new, &old)]);
    assert_eq!(world.ask(2, "NOOP"), ["q OK NOOP completed"]);
}

/// RFC 5465 §5.6, §5.7; RFC 5464 §4.4.2.
#[test]
fn annotations_that_others_set_are_told_by_name() {
    let (mut world, _) = office("lrw");
    let inbox = "Shared/vanthu@tinh.gov.vn/INBOX";
    world.ask(
        2,
        "NOTIFY SET (SUBTREE Shared (MailboxMetadataChange)) (PERSONAL (ServerMetadataChange))",
    );
    world.ask(
        3,
        "SETMETADATA INBOX (/shared/comment \"x\" /private/comment \"mine\")",
    );
    told(
        &mut world,
        2,
        &[&format!("* METADATA \"{inbox}\" /shared/comment")],
    );
    world.ask(3, "SETMETADATA INBOX (/shared/comment NIL)");
    told(
        &mut world,
        2,
        &[&format!("* METADATA \"{inbox}\" /shared/comment")],
    );
    // One's own session of another program; and not what this one did itself.
    world.login_as(4, BINH);
    world.ask(4, "SETMETADATA \"\" (/private/vendor/x/y \"1\")");
    told(&mut world, 2, &["* METADATA \"\" /private/vendor/x/y"]);
    let done = world.ask(2, "SETMETADATA \"\" (/private/vendor/x/y \"2\")");
    assert_eq!(done, ["q OK SETMETADATA completed"]);
    assert_eq!(world.ask(2, "NOOP"), ["q OK NOOP completed"]);
    // Without NOTIFY, at the end of commands, once it was asked for.
    assert_eq!(world.ask(4, "ENABLE METADATA")[0], "* ENABLED METADATA");
    world.ask(3, "SETMETADATA INBOX (/shared/comment \"z\")");
    let line = format!("* METADATA \"{inbox}\" /shared/comment");
    assert_eq!(world.ask(4, "NOOP"), [line.as_str(), "q OK NOOP completed"]);
}
