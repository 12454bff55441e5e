//! RFC 9051 §7.5: two connections on one mailbox; IDLE.

use crate::door::{World, check};

fn filled(count: usize) -> World {
    let mut world = World::new();
    world.login(1);
    for at in 0..count {
        world.append(
            1,
            "INBOX",
            "",
            format!("Subject: {at}\r\n\r\nx\r\n").as_bytes(),
        );
    }
    world.ask(1, "SELECT INBOX");
    world.login(2);
    world.ask(2, "SELECT INBOX");
    world
}

#[test]
fn i16_expunge_waits_for_its_time() {
    check(
        &mut filled(3),
        r#"C: a STORE 1 +FLAGS.SILENT (\Deleted)
           S: a OK …
           C: b EXPUNGE
           S: * 1 EXPUNGE
           S: b OK …
           C2: a FETCH 1:3 UID
           S2: * 2 FETCH (UID 2)
           S2: * 3 FETCH (UID 3)
           S2: a OK [EXPUNGEISSUED] FETCH completed
           C2: b STORE 1 +FLAGS (\Seen)
           S2: b NO [EXPUNGEISSUED] …
           C2: c SEARCH ALL
           S2: * SEARCH 2 3
           S2: c OK …
           C2: d FETCH 3 UID
           S2: * 3 FETCH (UID 3)
           S2: d OK FETCH completed
           C2: e NOOP
           S2: * 1 EXPUNGE
           S2: e OK …
           C2: f FETCH 2 UID
           S2: * 2 FETCH (UID 3)
           S2: f OK …"#,
    );
}

#[test]
fn changes_of_others_are_told_once() {
    check(
        &mut filled(2),
        r#"C: a STORE 2 +FLAGS (\Seen)
           S: * 2 FETCH (UID 2 FLAGS (\Seen \Recent))
           S: a OK …
           C: b NOOP
           S: b OK …
           C2: a NOOP
           S2: * 2 FETCH (UID 2 FLAGS (\Seen))
           S2: a OK …
           C2: b APPEND INBOX {3+}
           C2: x:y
           S2: * 3 EXISTS
           S2: * 1 RECENT
           S2: b OK …
           C: c STORE 1:2 FLAGS.SILENT (Việc)
           S: c BAD …
           C: c STORE 1:2 FLAGS.SILENT (viec)
           S: * FLAGS (\Answered \Deleted \Draft \Flagged \Seen viec)
           S: * 3 EXISTS
           S: * 2 RECENT
           S: c OK …
           C2: c CHECK
           S2: * FLAGS (\Answered \Deleted \Draft \Flagged \Seen viec)
           S2: * 1 FETCH (UID 1 FLAGS (viec))
           S2: * 2 FETCH (UID 2 FLAGS (viec))
           S2: c OK …
           C2: d UID STORE 1:* +FLAGS.SILENT (\Deleted)
           S2: d OK …
           C2: e UID EXPUNGE 1:2
           S2: * 2 EXPUNGE
           S2: * 1 EXPUNGE
           S2: e OK …
           C: d UID FETCH 3 FLAGS
           S: * 3 FETCH (UID 3 FLAGS (\Deleted))
           S: * 2 EXPUNGE
           S: * 1 EXPUNGE
           S: * 1 FETCH (UID 3 FLAGS (\Deleted))
           S: d OK …"#,
    );
}

/// What one waiting connection costs beside its stream, whatever it may still do.
#[test]
fn i13_a_connection_that_waits_is_small() {
    let world = World::new();
    let (stop, told) = tokio::sync::watch::channel(false);
    let (_ours, theirs) = tokio::io::duplex(16);
    let machine = world.services.machine(true);
    let ip = "192.0.2.7".parse().unwrap();
    let connection = imap::run(theirs, machine, &world.services, ip, told);
    let octets = size_of_val(&connection);
    assert!(octets <= 2_048, "{octets} octets");
    drop(connection);
    drop(stop);
}

/// What comes behind LOGOUT is read and dropped: closing on it would reset the connection, and BYE could be lost.
#[test]
fn what_comes_behind_the_goodbye_is_dropped() {
    let mut world = World::new();
    world.login(1);
    let mut octets = b"a LOGOUT\r\n".to_vec();
    octets.resize(200_000, b'x');
    world.send_all(1, &octets);
    assert!(world.line(1).starts_with("* BYE"));
    assert!(world.line(1).starts_with("a OK"));
    assert_eq!(world.line(1), crate::door::END);
}

#[test]
fn idle_tells_at_once() {
    let mut world = filled(1);
    world.send(1, b"i IDLE\r\n");
    assert_eq!(world.line(1), "+ idling");
    world.append(2, "INBOX", "(\\Flagged)", b"Subject: new\r\n\r\n");
    assert_eq!(world.line(1), "* 2 EXISTS");
    // RFC 3501 §2.3.2: which of the two is told of it first, nobody knows.
    assert!(world.line(1).ends_with(" RECENT"));
    world.ask(2, "STORE 1 +FLAGS (\\Deleted)");
    assert_eq!(
        world.line(1),
        "* 1 FETCH (UID 1 FLAGS (\\Deleted \\Recent))"
    );
    world.ask(2, "EXPUNGE");
    assert_eq!(world.line(1), "* 1 EXPUNGE");
    world.send(1, b"DONE\r\n");
    assert_eq!(world.line(1), "i OK IDLE completed");
    world.send(1, b"j IDLE\r\n");
    assert_eq!(world.line(1), "+ idling");
    world.send(1, b"k NOOP\r\n");
    assert_eq!(world.line(1), "j BAD [CLIENTBUG] DONE is expected");
    assert_eq!(world.ask(1, "NOOP").len(), 1);
}

#[test]
fn a_deleted_mailbox_is_no_other_of_its_name() {
    let mut world = World::new();
    world.login(1);
    world.ask(1, "CREATE x");
    world.append(1, "x", "", b"a: b\r\n\r\n");
    world.ask(1, "SELECT x");
    check(
        &mut world,
        r#"C2: a DELETE x
           S2: a OK …
           C2: b CREATE x
           S2: b OK …
           C: a NOOP
           S: a OK …
           S: * BYE …
           S: (end)"#,
    );
}

#[test]
fn saved_results_follow_expunges() {
    check(
        &mut filled(4),
        r#"C: a SEARCH RETURN (SAVE) ALL
           S: a OK SEARCH completed
           C2: a STORE 2 +FLAGS.SILENT (\Deleted)
           S2: a OK …
           C2: b EXPUNGE
           S2: * 2 EXPUNGE
           S2: b OK …
           C: b NOOP
           S: * 2 EXPUNGE
           S: b OK …
           C: c FETCH $ UID
           S: * 1 FETCH (UID 1)
           S: * 2 FETCH (UID 3)
           S: * 3 FETCH (UID 4)
           S: c OK …"#,
    );
}

/// The change log no longer reaches back to what the session saw: it compares everything.
#[test]
fn changes_are_told_after_the_log_was_trimmed() {
    let mut world = filled(3);
    check(
        &mut world,
        r#"C: a STORE 1 +FLAGS.SILENT (\Deleted)
           S: a OK …
           C: b STORE 3 +FLAGS.SILENT (\Flagged)
           S: b OK …
           C: c EXPUNGE
           S: * 1 EXPUNGE
           S: c OK …
           C: d APPEND INBOX {3+}
           C: x:y
           S: * 3 EXISTS
           S: * 3 RECENT
           S: d OK …"#,
    );
    let trimmed = world.store.trim(1, 0, None, 1_000).unwrap();
    assert_eq!((trimmed.messages, trimmed.next), (1, None));
    check(
        &mut world,
        r#"C2: a NOOP
           S2: * 1 EXPUNGE
           S2: * 3 EXISTS
           S2: * 0 RECENT
           S2: * 2 FETCH (UID 3 FLAGS (\Flagged))
           S2: a OK …
           C2: b NOOP
           S2: b OK …
           C: e NOOP
           S: e OK …"#,
    );
}
