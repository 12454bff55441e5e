//! RFC 9738: MESSAGELIMIT and SAVELIMIT, with a limit of three.

use crate::door::{World, check};
use imap::Settings;

/// Six messages in INBOX, with UIDs 1 to 6; connection 1 has it selected.
fn world(settings: Settings) -> World {
    let mut world = World::with(settings);
    world.login(1);
    for at in 1..=6 {
        let raw = format!("Subject: thu {at}\r\n\r\nx\r\n");
        world.append(1, "INBOX", "", raw.as_bytes());
    }
    world.ask(1, "SELECT INBOX");
    world
}

fn three() -> Settings {
    Settings {
        message_limit: 3,
        ..Settings::default()
    }
}

#[test]
fn fetch_goes_from_the_highest_down_to_the_limit() {
    check(
        &mut world(three()),
        r#"C: a CAPABILITY
           S: * CAPABILITY … MESSAGELIMIT=3 …
           S: a OK …
           C: b FETCH 1:* UID
           S: * 6 FETCH (UID 6)
           S: * 5 FETCH (UID 5)
           S: * 4 FETCH (UID 4)
           S: b OK [MESSAGELIMIT 3 4] FETCH completed
           C: c UID FETCH 1:3 FLAGS
           S: * 1 FETCH (UID 1 FLAGS (\Recent))
           S: * 2 FETCH (UID 2 FLAGS (\Recent))
           S: * 3 FETCH (UID 3 FLAGS (\Recent))
           S: c OK FETCH completed
           C: d UID FETCH 1:2,4,6 ENVELOPE
           S: * 6 FETCH (UID 6 ENVELOPE (NIL "thu 6" …
           S: * 4 FETCH (UID 4 ENVELOPE (NIL "thu 4" …
           S: * 2 FETCH (UID 2 ENVELOPE (NIL "thu 2" …
           S: d OK [MESSAGELIMIT 3 2] FETCH completed
           C: e UID FETCH 1:* FLAGS (PARTIAL -1:-5)
           S: e NO [MESSAGELIMIT 3] Too many messages; name fewer
           C: f UID FETCH 1:* FLAGS (PARTIAL -1:-2)
           S: * 5 FETCH (UID 5 FLAGS (\Recent))
           S: * 6 FETCH (UID 6 FLAGS (\Recent))
           S: f OK FETCH completed"#,
    );
}

/// RFC 9738 §3.1: what has a code already keeps it.
#[test]
fn two_codes_are_told_apart() {
    let mut world = world(three());
    world.login(2);
    world.ask(2, "SELECT INBOX");
    check(
        &mut world,
        r#"C2: a STORE 5 +FLAGS.SILENT (\Deleted)
           S2: a OK …
           C2: b EXPUNGE
           S2: * 5 EXPUNGE
           S2: b OK …
           C: a FETCH 1:* UID
           S: * 6 FETCH (UID 6)
           S: * 4 FETCH (UID 4)
           S: * NO [MESSAGELIMIT 3 4] …
           S: a OK [EXPUNGEISSUED] FETCH completed
           C: b STORE 1:* (UNCHANGEDSINCE 1) +FLAGS (\Seen)
           S: * OK [HIGHESTMODSEQ …
           S: * NO [MESSAGELIMIT 3 4] …
           S: b NO [MODIFIED 4,6] Some messages are gone"#,
    );
}

#[test]
fn searches_judge_the_highest() {
    check(
        &mut world(three()),
        r#"C: a SEARCH ALL
           S: * SEARCH 4 5 6
           S: a OK [MESSAGELIMIT 3 4] SEARCH completed
           C: b UID SEARCH UID 1:4 SUBJECT "thu"
           S: * SEARCH 2 3 4
           S: b OK [MESSAGELIMIT 3 2] SEARCH completed
           C: c SEARCH 2 SUBJECT "thu"
           S: * SEARCH 2
           S: c OK SEARCH completed
           C: d SEARCH RETURN (SAVE COUNT) NOT DELETED
           S: * ESEARCH (TAG "d") COUNT 3
           S: d OK [MESSAGELIMIT 3 4] SEARCH completed
           C: e UID SEARCH UID $
           S: * SEARCH 4 5 6
           S: e OK SEARCH completed
           C: f UID SEARCH UIDBEFORE 4
           S: * SEARCH 1 2 3
           S: f OK SEARCH completed
           C: g UID SEARCH UIDAFTER 5 UNDELETED
           S: * SEARCH 6
           S: g OK SEARCH completed
           C: h UID SEARCH UIDAFTER 6
           S: * SEARCH
           S: h OK SEARCH completed
           C: i UID SEARCH UIDBEFORE 1
           S: * SEARCH
           S: i OK SEARCH completed
           C: j UID SEARCH UIDAFTER 4294967295
           S: * SEARCH
           S: j OK SEARCH completed
           C: k SORT (SUBJECT) UTF-8 ALL
           S: k NO [MESSAGELIMIT 3] Too many messages; name fewer
           C: l UID SORT (REVERSE SUBJECT) UTF-8 UID 2:4
           S: * SORT 4 3 2
           S: l OK SORT completed
           C: m THREAD REFERENCES UTF-8 ALL
           S: m NO [MESSAGELIMIT 3] …
           C: n ESEARCH IN (personal) ALL
           S: * ESEARCH (TAG "n" MAILBOX INBOX UIDVALIDITY …) UID ALL 1:6
           S: n OK ESEARCH completed
           C: o SEARCH RETURN (UPDATE COUNT) ALL
           S: * ESEARCH (TAG "o") COUNT 3
           S: * NO [NOUPDATE "o"] …
           S: o OK [MESSAGELIMIT 3 4] SEARCH completed
           C: p SEARCH UIDAFTER 0
           S: p BAD …"#,
    );
}

#[test]
fn what_changes_is_changed_as_far_as_told() {
    check(
        &mut world(three()),
        r#"C: a UID STORE 1:* +FLAGS (\Seen)
           S: * 6 FETCH (UID 6 FLAGS (\Seen \Recent))
           S: * 5 FETCH (UID 5 FLAGS (\Seen \Recent))
           S: * 4 FETCH (UID 4 FLAGS (\Seen \Recent))
           S: a OK [MESSAGELIMIT 3 4] STORE completed
           C: b UID STORE 1:3 +FLAGS.SILENT (\Seen)
           S: b OK STORE completed
           C: c UID COPY 1:* Archive
           S: c NO [MESSAGELIMIT 3 4] Too many messages; name fewer
           C: d STATUS Archive (MESSAGES)
           S: * STATUS "Archive" (MESSAGES 0)
           S: d OK …
           C: e UID COPY 4:* Archive
           S: e OK [COPYUID … 4:6 1:3] COPY completed
           C: f UID MOVE 1:* Archive
           S: * OK [COPYUID … 4:6 4:6] Moved
           S: * 6 EXPUNGE
           S: * 5 EXPUNGE
           S: * 4 EXPUNGE
           S: f OK [MESSAGELIMIT 3 4] MOVE completed
           C: g UID MOVE 1:* Archive
           S: * OK [COPYUID … 1:3 7:9] Moved
           S: * 3 EXPUNGE
           S: * 2 EXPUNGE
           S: * 1 EXPUNGE
           S: g OK MOVE completed"#,
    );
}

/// RFC 9738 §3.1: UID EXPUNGE goes as far as the limit, EXPUNGE, CLOSE and STATUS to the end.
#[test]
fn only_uid_expunge_is_limited() {
    let mut world = world(three());
    world.ask(1, r"UID STORE 1:3 +FLAGS.SILENT (\Deleted)");
    world.ask(1, r"UID STORE 4:6 +FLAGS.SILENT (\Deleted)");
    check(
        &mut world,
        r#"C: a STATUS INBOX (UNSEEN DELETED)
           S: * STATUS INBOX (UNSEEN 6 DELETED 6)
           S: a OK …
           C: b UID EXPUNGE 2:6
           S: * 6 EXPUNGE
           S: * 5 EXPUNGE
           S: * 4 EXPUNGE
           S: b OK [MESSAGELIMIT 3 4] EXPUNGE completed
           C: c UID EXPUNGE 2:6
           S: * 3 EXPUNGE
           S: * 2 EXPUNGE
           S: c OK EXPUNGE completed"#,
    );
    for at in 0..4 {
        let raw = format!("Subject: {at}\r\n\r\nx\r\n");
        world.append(1, "INBOX", r"(\Deleted) ", raw.as_bytes());
    }
    check(
        &mut world,
        r#"C: a EXPUNGE
           S: ⋮
           S: * 1 EXPUNGE
           S: a OK EXPUNGE completed"#,
    );
}

#[test]
fn with_qresync_both_codes_are_told() {
    let mut world = world(three());
    world.ask(1, r"UID STORE 1:3 +FLAGS.SILENT (\Deleted)");
    world.ask(1, r"UID STORE 4:6 +FLAGS.SILENT (\Deleted)");
    world.ask(1, "ENABLE QRESYNC");
    check(
        &mut world,
        r#"C: a UID EXPUNGE 1:6
           S: * VANISHED 4:6
           S: * OK [HIGHESTMODSEQ …
           S: a OK [MESSAGELIMIT 3 4] EXPUNGE completed"#,
    );
}

#[test]
fn several_messages_are_appended_or_none() {
    for settings in [
        three(),
        Settings {
            message_limit: 0,
            save_limit: 3,
            ..Settings::default()
        },
    ] {
        let limited = settings.message_limit > 0;
        let mut world = world(settings);
        let told = world.ask(1, "CAPABILITY").concat();
        assert_eq!(told.contains(" MESSAGELIMIT=3 "), limited, "{told}");
        assert_eq!(told.contains(" SAVELIMIT=3 "), !limited, "{told}");
        let letter = " {5+}\r\na: b\n";
        for (count, begin) in [(4, "q NO [MESSAGELIMIT 3] "), (3, "q OK [APPENDUID ")] {
            let command = format!("APPEND Archive{}", letter.repeat(count));
            let told = world.ask(1, &command);
            assert!(told[0].starts_with(begin), "{told:?}");
        }
        let copied = world.ask(1, "COPY 1:4 Archive");
        assert!(
            copied[0].starts_with("q NO [MESSAGELIMIT 3 2] "),
            "{copied:?}"
        );
        let found = world.ask(1, "SEARCH ALL");
        let all = if limited {
            "* SEARCH 4 5 6"
        } else {
            "* SEARCH 1 2 3 4 5 6"
        };
        assert_eq!(found[0], all);
    }
}
