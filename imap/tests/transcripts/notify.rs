//! RFC 5465 NOTIFY.

use crate::door::{World, check};

/// Three messages in the INBOX; connection 1 has it open, connection 2 too.
fn world() -> World {
    let mut world = World::new();
    world.login(1);
    for at in 0..3 {
        let raw = format!("Subject: {at}\r\n\r\nx\r\n");
        world.append(1, "INBOX", "", raw.as_bytes());
    }
    world.ask(1, "SELECT INBOX");
    world.login(2);
    world.ask(2, "SELECT INBOX");
    world
}

/// `* …` of RECENT: which of two sessions is the first to be told of an arrival, nobody knows.
fn lines(world: &mut World, expected: &[&str]) {
    for line in expected {
        let got = world.line(1);
        let fits = match line.strip_suffix('…') {
            Some(start) => got.starts_with(start),
            None => got == *line,
        };
        assert!(fits, "expected {line}, got {got}");
    }
}

#[test]
fn the_selected_mailbox_is_told_of_at_any_time() {
    let mut world = world();
    let set = "NOTIFY SET (SELECTED (MessageNew (UID BODY.PEEK[HEADER.FIELDS (Subject)]) MessageExpunge FlagChange))";
    assert_eq!(world.ask(1, set), ["q OK NOTIFY completed"]);
    world.append(2, "INBOX", "", b"Subject: new\r\n\r\n");
    lines(
        &mut world,
        &[
            "* 4 EXISTS",
            "* …",
            "* 4 FETCH (UID 4 BODY[HEADER.FIELDS (Subject)] {16}",
            "Subject: new",
            "",
            ")",
        ],
    );
    world.ask(2, "STORE 1 +FLAGS.SILENT (\\Deleted)");
    lines(
        &mut world,
        &["* 1 FETCH (UID 1 FLAGS (\\Deleted \\Recent))"],
    );
    world.ask(2, "EXPUNGE");
    lines(&mut world, &["* 1 EXPUNGE"]);
    // IDLE tells the same.
    world.send(1, b"i IDLE\r\n");
    lines(&mut world, &["+ idling"]);
    world.append(2, "INBOX", "", b"Subject: more\r\n\r\n");
    lines(
        &mut world,
        &[
            "* 4 EXISTS",
            "* …",
            "* 4 FETCH (UID 5 BODY[HEADER.FIELDS (Subject)] {17}",
            "Subject: more",
            "",
            ")",
        ],
    );
    world.send(1, b"DONE\r\n");
    lines(&mut world, &["i OK IDLE completed"]);
    // With nothing asked for, nothing is told, until it is asked for again.
    assert_eq!(world.ask(1, "NOTIFY NONE"), ["q OK NOTIFY completed"]);
    world.append(2, "INBOX", "", b"Subject: quiet\r\n\r\n");
    world.ask(2, "STORE 2 +FLAGS.SILENT (\\Seen)");
    assert_eq!(world.ask(1, "NOOP"), ["q OK NOOP completed"]);
    let mut told = world.ask(
        1,
        "NOTIFY SET (SELECTED (MessageNew MessageExpunge FlagChange))",
    );
    assert!(told[1].ends_with(" RECENT"), "{told:?}");
    told.remove(1);
    assert_eq!(
        told,
        [
            "* 5 EXISTS",
            "* 2 FETCH (UID 3 FLAGS (\\Seen \\Recent))",
            "q OK NOTIFY completed"
        ]
    );
    // Without FlagChange flags are not told; a command's own work is.
    world.ask(1, "NOTIFY SET (SELECTED (MessageNew MessageExpunge))");
    world.ask(2, "STORE 3 +FLAGS.SILENT (\\Deleted)");
    assert_eq!(world.ask(1, "NOOP"), ["q OK NOOP completed"]);
    world.ask(1, "NOTIFY NONE");
    assert_eq!(
        world.ask(1, "EXPUNGE"),
        ["* 3 EXPUNGE", "q OK EXPUNGE completed"]
    );
}

#[test]
fn i16_delayed_expunges_wait_for_a_command() {
    let mut world = world();
    world.ask(
        1,
        "NOTIFY SET (SELECTED-DELAYED (MessageNew MessageExpunge FlagChange))",
    );
    world.ask(2, "STORE 1 +FLAGS.SILENT (\\Deleted)");
    lines(
        &mut world,
        &["* 1 FETCH (UID 1 FLAGS (\\Deleted \\Recent))"],
    );
    world.ask(2, "EXPUNGE");
    world.append(2, "INBOX", "", b"Subject: new\r\n\r\n");
    lines(&mut world, &["* 4 EXISTS", "* …"]);
    assert_eq!(
        world.ask(1, "FETCH 4 UID"),
        ["* 4 FETCH (UID 4)", "q OK FETCH completed"]
    );
    assert_eq!(world.ask(1, "NOOP"), ["* 1 EXPUNGE", "q OK NOOP completed"]);
}

#[test]
fn other_mailboxes_are_told_of_by_status_and_list() {
    let mut world = world();
    let set = "NOTIFY SET STATUS (SELECTED NONE) (MAILBOXES (Sent nope) (MessageNew MessageExpunge FlagChange)) \
               (SUBTREE x (MailboxName SubscriptionChange))";
    let told = world.ask(1, set);
    assert!(
        told[0].starts_with("* STATUS \"Sent\" (MESSAGES 0 UIDNEXT 1 UIDVALIDITY "),
        "{told:?}"
    );
    assert!(told[0].contains(" HIGHESTMODSEQ "), "{told:?}");
    assert_eq!(told[1..], ["q OK NOTIFY completed"]);
    world.ask(2, "COPY 1 Sent");
    lines(
        &mut world,
        &["* STATUS \"Sent\" (MESSAGES 1 UIDNEXT 2 UNSEEN 1)"],
    );
    world.ask(2, "SELECT Sent");
    world.ask(2, "STORE 1 +FLAGS.SILENT (\\Seen)");
    lines(&mut world, &["* STATUS \"Sent\" (UNSEEN 0)"]);
    world.ask(2, "CREATE x");
    lines(
        &mut world,
        &["* LIST (\\HasNoChildren \\Subscribed) \"/\" \"x\""],
    );
    world.ask(2, "CREATE x/y");
    lines(
        &mut world,
        &[
            "* LIST (\\HasNoChildren \\Subscribed) \"/\" \"x/y\"",
            "* LIST (\\HasChildren \\Subscribed) \"/\" \"x\"",
        ],
    );
    world.ask(2, "UNSUBSCRIBE x/y");
    lines(&mut world, &["* LIST (\\HasNoChildren) \"/\" \"x/y\""]);
    // What is below a renamed mailbox goes without saying.
    world.ask(2, "RENAME x z");
    lines(
        &mut world,
        &["* LIST (\\HasChildren \\Subscribed) \"/\" \"z\" (\"OLDNAME\" (\"x\"))"],
    );
    world.ask(2, "RENAME z x");
    lines(
        &mut world,
        &["* LIST (\\HasChildren \\Subscribed) \"/\" \"x\" (\"OLDNAME\" (\"z\"))"],
    );
    world.ask(2, "DELETE x/y");
    lines(
        &mut world,
        &[
            "* LIST (\\NonExistent) \"/\" \"x/y\"",
            "* LIST (\\HasNoChildren \\Subscribed) \"/\" \"x\"",
        ],
    );
    // The selected one is not told of, and nothing was left over.
    world.append(2, "INBOX", "", b"Subject: new\r\n\r\n");
    assert_eq!(world.ask(1, "NOOP"), ["q OK NOOP completed"]);
    assert_eq!(world.ask(1, "ENABLE CONDSTORE").len(), 3);
    world.ask(2, "STORE 1 -FLAGS.SILENT (\\Seen)");
    let line = world.line(1);
    assert!(
        line.starts_with("* STATUS \"Sent\" (UIDVALIDITY "),
        "{line}"
    );
    assert!(
        line.contains(" HIGHESTMODSEQ ") && line.ends_with(" UNSEEN 1)"),
        "{line}"
    );
}

/// RFC 5465 §5.4: nobody else says that its name is another, where what lies above it was not asked for.
#[test]
fn a_child_alone_is_told_of_when_its_parent_is_renamed() {
    let mut world = world();
    for name in ["x", "x/y", "x/y/z"] {
        world.ask(2, &format!("CREATE {name}"));
    }
    let set = "NOTIFY SET (SELECTED NONE) (MAILBOXES (x/y x/y/z) (MailboxName))";
    assert_eq!(world.ask(1, set), ["q OK NOTIFY completed"]);
    world.ask(2, "RENAME x v");
    lines(
        &mut world,
        &["* LIST (\\HasChildren \\Subscribed) \"/\" \"v/y\" (\"OLDNAME\" (\"x/y\"))"],
    );
    assert_eq!(world.ask(1, "NOOP"), ["q OK NOOP completed"]);
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let mut world = world();
    let names = vec!["a"; 600].join(" ");
    let groups = format!("(MAILBOXES ({names}) NONE) (SUBTREE ({names}) NONE)");
    check(
        &mut world,
        &format!(
            "C: a NOTIFY SET (PERSONAL (AnnotationChange))
             S: a NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange)] …
             C: b NOTIFY SET (PERSONAL (MessageNew))
             S: b BAD …
             C: c NOTIFY SET {groups}
             S: c NO [NOTIFICATIONOVERFLOW] …
             C: d NOTIFY SET (PERSONAL NONE)
             S: d OK NOTIFY completed"
        ),
    );
}
