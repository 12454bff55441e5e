//! RFC 8474 OBJECTID, RFC 8970 PREVIEW, RFC 9586 UIDONLY, RFC 9585 INPROGRESS.

use crate::door::{World, check};
use std::sync::atomic::Ordering;

fn world() -> World {
    let mut world = World::new();
    world.login(1);
    let first = "Message-ID: <1@x>\r\nSubject: a\r\n\r\nXin  chào\r\n các bạn\r\n";
    world.append(1, "INBOX", "", first.as_bytes());
    let reply = "Message-ID: <2@x>\r\nReferences: <1@x>\r\nSubject: Re: a\r\n\r\n";
    world.append(1, "INBOX", "", reply.as_bytes());
    world.append(1, "INBOX", "", b"Subject: c\r\n\r\nHello\r\n");
    world
}

#[test]
fn ids_are_those_of_jmap() {
    check(
        &mut world(),
        r#"C: a STATUS INBOX (MAILBOXID MESSAGES)
           S: * STATUS INBOX (MAILBOXID (m1) MESSAGES 3)
           S: a OK …
           C: b CREATE x
           S: b OK [MAILBOXID (m…)] CREATE completed
           C: c RENAME x y
           S: c OK …
           C: d LIST "" y RETURN (STATUS (MAILBOXID))
           S: * LIST …
           S: * STATUS "y" (MAILBOXID (m…))
           S: d OK …
           C: e EXAMINE INBOX
           S: * FLAGS …
           S: * OK …
           S: * 3 EXISTS
           S: * 0 RECENT
           S: * OK [UNSEEN 1] …
           S: * OK [UIDVALIDITY …
           S: * OK [UIDNEXT 4] …
           S: * OK [MAILBOXID (m1)] …
           S: e OK …
           C: f FETCH 1:* (EMAILID THREADID)
           S: * 1 FETCH (EMAILID (e1) THREADID (t1))
           S: * 2 FETCH (EMAILID (e2) THREADID (t1))
           S: * 3 FETCH (EMAILID (e3) THREADID (t3))
           S: f OK …
           C: g SEARCH EMAILID e2
           S: * SEARCH 2
           S: g OK …
           C: h SEARCH OR THREADID t1 EMAILID e3
           S: * SEARCH 1 2 3
           S: h OK …
           C: i SEARCH EMAILID t1
           S: * SEARCH
           S: i OK …
           C: j SEARCH EMAILID e01
           S: * SEARCH
           S: j OK …
           C: k SEARCH EMAILID (
           S: k BAD …"#,
    );
}

#[test]
fn previews_are_told_as_they_are_kept() {
    check(
        &mut world(),
        r#"C: a SELECT INBOX
           S: * FLAGS …
           S: * OK …
           S: * 3 EXISTS
           S: * 0 RECENT
           S: * OK [UNSEEN 1] …
           S: * OK [UIDVALIDITY …
           S: * OK [UIDNEXT 4] …
           S: * OK [MAILBOXID (m1)] …
           S: a OK …
           C: b FETCH 2:3 PREVIEW
           S: * 2 FETCH (PREVIEW "")
           S: * 3 FETCH (PREVIEW "Hello")
           S: b OK …
           C: c UID FETCH 3 (PREVIEW (LAZY) FLAGS)
           S: * 3 FETCH (UID 3 PREVIEW "Hello" FLAGS ())
           S: c OK …
           C: d FETCH 3 PREVIEW (LAZY) (CHANGEDSINCE 1)
           S: * OK [HIGHESTMODSEQ …
           S: * 3 FETCH (PREVIEW "Hello" MODSEQ …
           S: d OK …
           C: e FETCH 1 PREVIEW
           S: * 1 FETCH (PREVIEW {20}
           S: Xin chào các bạn)
           S: e OK …
           C: f ENABLE IMAP4rev2
           S: * ENABLED IMAP4rev2
           S: f OK …
           C: g FETCH 1 PREVIEW
           S: * 1 FETCH (PREVIEW "Xin chào các bạn")
           S: g OK …"#,
    );
}

#[test]
fn uidonly_knows_no_message_numbers() {
    let mut world = world();
    world.login(2);
    world.ask(2, "SELECT INBOX");
    check(
        &mut world,
        r#"C: a ENABLE UIDONLY
           S: * ENABLED UIDONLY
           S: a OK …
           C: b SELECT INBOX
           S: * FLAGS …
           S: * OK …
           S: * 3 EXISTS
           S: * 0 RECENT
           S: * OK [UIDVALIDITY …
           S: * OK [UIDNEXT 4] …
           S: * OK [MAILBOXID (m1)] …
           S: b OK …
           C: c FETCH 1 FLAGS
           S: c BAD [UIDREQUIRED] …
           C: d STORE 1 FLAGS ()
           S: d BAD [UIDREQUIRED] …
           C: e SEARCH ALL
           S: e BAD [UIDREQUIRED] …
           C: f UID SEARCH OR ALL 1:2
           S: f BAD [UIDREQUIRED] …
           C: g COPY 1 Sent
           S: g BAD [UIDREQUIRED] …
           C: h MOVE 1 Sent
           S: h BAD [UIDREQUIRED] …
           C: i UID FETCH 2:3 (FLAGS)
           S: * 2 UIDFETCH (FLAGS ())
           S: * 3 UIDFETCH (FLAGS ())
           S: i OK …
           C: j UID FETCH 3 (UID RFC822.SIZE)
           S: * 3 UIDFETCH (UID 3 RFC822.SIZE 21)
           S: j OK …
           C: k UID STORE 3 +FLAGS (\Seen)
           S: * 3 UIDFETCH (FLAGS (\Seen))
           S: k OK …
           C: l UID SEARCH SEEN
           S: * SEARCH 3
           S: l OK …
           C2: a STORE 1 +FLAGS.SILENT (\Deleted)
           S2: * 3 FETCH (UID 3 FLAGS (\Seen))
           S2: a OK …
           C2: b EXPUNGE
           S2: * 1 EXPUNGE
           S2: b OK …
           C: m NOOP
           S: * VANISHED 1
           S: m OK …
           C: n ENABLE QRESYNC
           S: * OK [HIGHESTMODSEQ …
           S: * ENABLED QRESYNC
           S: n OK …
           C: o UID STORE 2 +FLAGS.SILENT (\Deleted)
           S: * 2 UIDFETCH (MODSEQ (…
           S: o OK …
           C: p UID EXPUNGE 2
           S: * VANISHED 2
           S: p OK [HIGHESTMODSEQ …
           C: q SELECT INBOX (QRESYNC (1 1 1:3 (1 1)))
           S: q BAD [UIDREQUIRED] …"#,
    );
}

#[test]
fn long_commands_give_a_sign_of_life() {
    let mut world = world();
    for _ in 0..600 {
        world.append(1, "INBOX", "", b"a: b\r\n\r\n");
    }
    world.ask(1, "SELECT INBOX");
    let signs = |lines: &[String]| -> Vec<String> {
        let signs = lines.iter().filter(|l| l.contains("INPROGRESS"));
        signs.cloned().collect()
    };
    let quick = world.ask(1, "UID STORE 1:* +FLAGS.SILENT (viec)");
    assert!(signs(&quick).is_empty(), "{quick:?}");
    // From now on each look at the clock finds it some seconds later.
    world.hurry.store(6_000, Ordering::Relaxed);
    let slow = world.ask(1, "UID STORE 1:* -FLAGS.SILENT (viec)");
    world.hurry.store(0, Ordering::Relaxed);
    let signs = signs(&slow);
    assert_eq!(signs[0], "* OK [INPROGRESS (\"q\" 500 603)] Still at it");
    assert_eq!(slow.last().unwrap(), "q OK STORE completed");
}
