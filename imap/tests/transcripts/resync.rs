//! RFC 7162: CONDSTORE and QRESYNC. In a script `@n` is the n-th commit after the beginning.

use crate::door::{World, check};

/// Messages in the INBOX, connection 1 signed in; and the mod-sequence of the beginning.
fn filled(count: usize) -> (World, u64) {
    let mut world = World::new();
    world.login(1);
    for at in 0..count {
        let raw = format!("Subject: {at}\r\n\r\nx\r\n");
        world.append(1, "INBOX", "", raw.as_bytes());
    }
    world.login(9);
    let told = world.ask(9, "STATUS INBOX (HIGHESTMODSEQ)");
    let number = told[0].split(['(', ')']).nth(1).unwrap();
    let modseq = number.strip_prefix("HIGHESTMODSEQ ").unwrap();
    (world, modseq.parse().unwrap())
}

fn validity(world: &mut World) -> String {
    let told = world.ask(9, "STATUS INBOX (UIDVALIDITY)");
    let inside = told[0].split(['(', ')']).nth(1).unwrap();
    inside.strip_prefix("UIDVALIDITY ").unwrap().to_owned()
}

/// Plays a script in which `@n` is a mod-sequence and `V` in `(V ` the UIDVALIDITY.
fn play(world: &mut World, start: u64, script: &str) {
    let validity = validity(world);
    let mut text = script.replace("(V ", &format!("({validity} "));
    for at in (0..40).rev() {
        text = text.replace(&format!("@{at}"), &(start + at).to_string());
    }
    check(world, &text);
}

const OPENED: &str = "S: * FLAGS …
    S: * OK [PERMANENTFLAGS …
    S: * 4 EXISTS
    S: * … RECENT
    S: * OK [UNSEEN …
    S: * OK [UIDVALIDITY …
    S: * OK [UIDNEXT 5] …
    S: * OK [MAILBOXID …";

#[test]
fn who_does_not_ask_for_mod_sequences_sees_the_highest_at_opening_only() {
    let (mut world, start) = filled(4);
    let script = format!(
        "C: a SELECT INBOX
         {OPENED}
         S: * OK [HIGHESTMODSEQ @0] …
         S: a OK [READ-WRITE] …
         C: b STORE 1 +FLAGS (\\Seen)
         S: * 1 FETCH (UID 1 FLAGS (\\Seen \\Recent))
         S: b OK …
         C: c FETCH 2 BODY[TEXT]
         S: * 2 FETCH (BODY[TEXT] {{3}}
         S: x
         S:  FLAGS (\\Seen \\Recent))
         S: c OK …
         C: d EXAMINE INBOX (QRESYNC (V 1))
         S: d BAD [CLIENTBUG] ENABLE QRESYNC first
         C: e UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)
         S: e BAD [CLIENTBUG] ENABLE QRESYNC first
         C: f EXAMINE INBOX
         S: * OK [CLOSED] …
         {OPENED}
         S: * OK [HIGHESTMODSEQ @2] …
         S: f OK [READ-ONLY] …"
    );
    play(&mut world, start, &script);
}

#[test]
fn the_first_enabling_command_tells_where_the_mailbox_is() {
    for (command, told) in [
        (
            "STATUS Sent (HIGHESTMODSEQ)",
            "* STATUS \"Sent\" (HIGHESTMODSEQ …",
        ),
        ("FETCH 1 MODSEQ", "* 1 FETCH (MODSEQ (…"),
        (
            "FETCH 1 FLAGS (CHANGEDSINCE 1)",
            "* 1 FETCH (FLAGS (\\Recent) MODSEQ (…",
        ),
        ("SEARCH MODSEQ 1", "* SEARCH 1 2 3 4 (MODSEQ @0)"),
        (
            "STORE 1 (UNCHANGEDSINCE 0) +FLAGS (viec)",
            "q OK [MODIFIED 1] STORE completed",
        ),
        ("ENABLE CONDSTORE", "* ENABLED CONDSTORE"),
        ("ENABLE QRESYNC CONDSTORE", "* ENABLED QRESYNC CONDSTORE"),
        ("LIST \"\" Sent RETURN (STATUS (HIGHESTMODSEQ))", "* LIST …"),
    ] {
        let (mut world, start) = filled(4);
        world.ask(1, "SELECT INBOX");
        let script = format!(
            "C: q {command}
             S: * OK [HIGHESTMODSEQ @0] …
             S: {told}"
        );
        let rest = "C: r NOOP\nS: r OK NOOP completed";
        let ends = if told.starts_with('q') {
            ""
        } else if command.starts_with("LIST") {
            "S: * STATUS …\nS: q OK …\n"
        } else {
            "S: q OK …\n"
        };
        play(&mut world, start, &format!("{script}\n{ends}{rest}"));
    }
}

#[test]
fn mod_sequences_go_with_every_change_once_asked_for() {
    let (mut world, start) = filled(4);
    let script = format!(
        "C: a SELECT INBOX (CONDSTORE)
         {OPENED}
         S: * OK [HIGHESTMODSEQ @0] …
         S: a OK [READ-WRITE] …
         C2: a SELECT INBOX
         {opened2}
         S2: * OK [HIGHESTMODSEQ @0] …
         S2: a OK [READ-WRITE] …
         C: b STORE 1,2 +FLAGS (\\Flagged)
         S: * 1 FETCH (UID 1 FLAGS (\\Flagged \\Recent) MODSEQ (@1))
         S: * 2 FETCH (UID 2 FLAGS (\\Flagged \\Recent) MODSEQ (@1))
         S: b OK …
         C: c STORE 1:2 +FLAGS.SILENT (\\Flagged)
         S: c OK …
         C: d STORE 2:3 +FLAGS.SILENT (\\Seen)
         S: * 2 FETCH (UID 2 MODSEQ (@2))
         S: * 3 FETCH (UID 3 MODSEQ (@2))
         S: d OK …
         C2: b NOOP
         S2: * 1 FETCH (UID 1 FLAGS (\\Flagged))
         S2: * 2 FETCH (UID 2 FLAGS (\\Flagged \\Seen))
         S2: * 3 FETCH (UID 3 FLAGS (\\Seen))
         S2: b OK …
         C2: c STORE 4 +FLAGS (viec)
         S2: * FLAGS …
         S2: * 4 FETCH (UID 4 FLAGS (viec))
         S2: c OK …
         C: e NOOP
         S: * FLAGS …
         S: * 4 FETCH (UID 4 FLAGS (viec \\Recent) MODSEQ (@3))
         S: e OK …
         C: f FETCH 1 (BODY[TEXT])
         S: * 1 FETCH (BODY[TEXT] {{3}}
         S: x
         S:  FLAGS (\\Flagged \\Seen \\Recent) UID 1 MODSEQ (@4))
         S: f OK …
         C: g FETCH 1:4 (UID MODSEQ) (CHANGEDSINCE @2)
         S: * 1 FETCH (UID 1 MODSEQ (@4))
         S: * 4 FETCH (UID 4 MODSEQ (@3))
         S: g OK …
         C: h STATUS INBOX (HIGHESTMODSEQ MESSAGES)
         S: * STATUS INBOX (HIGHESTMODSEQ @4 MESSAGES 4)
         S: h OK …",
        opened2 = OPENED.replace("S:", "S2:"),
    );
    play(&mut world, start, &script);
}

#[test]
fn a_conditional_store_leaves_what_others_changed() {
    let (mut world, start) = filled(4);
    world.ask(1, "SELECT INBOX (CONDSTORE)");
    world.login(2);
    world.ask(2, "SELECT INBOX");
    play(
        &mut world,
        start,
        "C2: a STORE 2 +FLAGS (\\Answered)
         S2: * 2 FETCH (UID 2 FLAGS (\\Answered))
         S2: a OK …
         C: a STORE 1:3 (UNCHANGEDSINCE @0) +FLAGS.SILENT (\\Seen)
         S: * 1 FETCH (UID 1 MODSEQ (@2))
         S: * 3 FETCH (UID 3 MODSEQ (@2))
         S: * 2 FETCH (UID 2 FLAGS (\\Answered \\Recent) MODSEQ (@1))
         S: a OK [MODIFIED 2] STORE completed
         C: b UID STORE 1:3 (UNCHANGEDSINCE @1) +FLAGS (\\Seen)
         S: * 2 FETCH (UID 2 FLAGS (\\Answered \\Seen \\Recent) MODSEQ (@3))
         S: b OK [MODIFIED 1,3] STORE completed
         C: c STORE 1:4 (UNCHANGEDSINCE 0) +FLAGS (\\Seen)
         S: c OK [MODIFIED 1:4] STORE completed
         C: d STORE 4,4:4 (UNCHANGEDSINCE @0) +FLAGS.SILENT ()
         S: * 4 FETCH (UID 4 MODSEQ (…
         S: d OK STORE completed
         C2: b STORE 1 +FLAGS.SILENT (\\Deleted)
         S2: * 1 FETCH (UID 1 FLAGS (\\Deleted \\Seen))
         S2: * 2 FETCH (UID 2 FLAGS (\\Answered \\Seen))
         S2: * 3 FETCH (UID 3 FLAGS (\\Seen))
         S2: b OK …",
    );
}

#[test]
fn searches_tell_the_highest_mod_sequence_found() {
    let (mut world, start) = filled(4);
    world.ask(1, "SELECT INBOX (CONDSTORE)");
    world.ask(1, "STORE 3 +FLAGS (\\Seen)");
    world.ask(1, "STORE 1 +FLAGS (\\Seen)");
    play(
        &mut world,
        start,
        "C: a SEARCH MODSEQ @1
         S: * SEARCH 1 3 (MODSEQ @2)
         S: a OK …
         C: b SEARCH MODSEQ \"/flags/\\\\seen\" all @2
         S: * SEARCH 1 (MODSEQ @2)
         S: b OK …
         C: c SEARCH MODSEQ @3
         S: * SEARCH
         S: c OK …
         C: d SEARCH RETURN (MAX) MODSEQ 1
         S: * ESEARCH (TAG \"d\") MAX 4 MODSEQ @0
         S: d OK …
         C: e UID SEARCH RETURN (MIN COUNT) MODSEQ @1
         S: * ESEARCH (TAG \"e\") UID MIN 1 COUNT 2 MODSEQ @2
         S: e OK …
         C: f SEARCH RETURN (MIN) NOT MODSEQ 1
         S: * ESEARCH (TAG \"f\")
         S: f OK …
         C: g SEARCH SEEN
         S: * SEARCH 1 3
         S: g OK …",
    );
}

#[test]
fn vanished_takes_the_place_of_expunge() {
    let (mut world, start) = filled(4);
    world.ask(1, "ENABLE QRESYNC");
    world.ask(1, "SELECT INBOX");
    world.login(2);
    world.ask(2, "SELECT INBOX");
    play(
        &mut world,
        start,
        "C2: a STORE 1,3 +FLAGS.SILENT (\\Deleted)
         S2: a OK …
         C: a NOOP
         S: * 1 FETCH (UID 1 FLAGS (\\Deleted \\Recent) MODSEQ (@1))
         S: * 3 FETCH (UID 3 FLAGS (\\Deleted \\Recent) MODSEQ (@1))
         S: a OK …
         C: b EXPUNGE
         S: * VANISHED 1,3
         S: b OK [HIGHESTMODSEQ @2] EXPUNGE completed
         C: c EXPUNGE
         S: c OK EXPUNGE completed
         C2: b NOOP
         S2: * 3 EXPUNGE
         S2: * 1 EXPUNGE
         S2: b OK NOOP completed
         C2: c STORE 1 +FLAGS.SILENT (\\Deleted)
         S2: c OK …
         C2: d UID EXPUNGE 2
         S2: * 1 EXPUNGE
         S2: d OK EXPUNGE completed
         C: d FETCH 2 FLAGS
         S: * 2 FETCH (FLAGS (\\Recent))
         S: d OK …
         C: e NOOP
         S: * VANISHED 2
         S: e OK NOOP completed
         C: f MOVE 1 Trash
         S: * OK [COPYUID …
         S: * VANISHED 4
         S: f OK [HIGHESTMODSEQ @5] MOVE completed
         C: g CLOSE
         S: g OK CLOSE completed",
    );
}

/// RFC 7162 §6: what was told leads no further than what was kept back.
#[test]
fn what_waits_holds_the_highest_mod_sequence_down() {
    let (mut world, start) = filled(4);
    world.ask(1, "ENABLE QRESYNC");
    world.ask(1, "SELECT INBOX");
    world.login(2);
    world.ask(2, "SELECT INBOX");
    play(
        &mut world,
        start,
        "C2: a STORE 2 +FLAGS.SILENT (\\Deleted)
         S2: a OK …
         C2: b EXPUNGE
         S2: * 2 EXPUNGE
         S2: b OK …
         C: a STORE 1,3 +FLAGS.SILENT (\\Seen)
         S: * 1 FETCH (UID 1 MODSEQ (@3))
         S: * 3 FETCH (UID 3 MODSEQ (@3))
         S: * OK [HIGHESTMODSEQ @1] …
         S: a OK STORE completed
         C: b FETCH 1 FLAGS
         S: * 1 FETCH (FLAGS (\\Seen \\Recent))
         S: b OK …
         C: c NOOP
         S: * VANISHED 2
         S: * OK [HIGHESTMODSEQ @3] …
         S: c OK NOOP completed
         C: d NOOP
         S: d OK NOOP completed",
    );
}

#[test]
fn a_client_that_returns_is_told_what_changed() {
    let (mut world, start) = filled(4);
    world.login(2);
    world.ask(2, "SELECT INBOX");
    world.ask(2, "STORE 2:3 +FLAGS.SILENT (\\Deleted)");
    world.ask(2, "EXPUNGE");
    world.ask(2, "STORE 1 +FLAGS.SILENT (\\Seen)");
    world.append(2, "INBOX", "", b"Subject: new\r\n\r\n");
    world.ask(1, "ENABLE QRESYNC");
    let opened = "S: * FLAGS …
         S: * OK [PERMANENTFLAGS …
         S: * 3 EXISTS
         S: * 0 RECENT
         S: * OK [UNSEEN 2] …
         S: * OK [UIDVALIDITY …
         S: * OK [UIDNEXT 6] …
         S: * OK [MAILBOXID …
         S: * OK [HIGHESTMODSEQ @4] …";
    let closed = "S: * OK [CLOSED] …";
    let script = format!(
        "C: a SELECT INBOX (QRESYNC (V @0))
         {opened}
         S: * VANISHED (EARLIER) 2:3
         S: * 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (@3))
         S: * 3 FETCH (UID 5 FLAGS () MODSEQ (@4))
         S: a OK [READ-WRITE] SELECT completed
         C: b EXAMINE INBOX (QRESYNC (V @0 1:2))
         {closed}
         {opened2}
         S: * VANISHED (EARLIER) 2
         S: * 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (@3))
         S: b OK [READ-ONLY] EXAMINE completed
         C: c SELECT INBOX (CONDSTORE QRESYNC (V @2))
         {closed}
         {opened}
         S: * 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (@3))
         S: * 3 FETCH (UID 5 FLAGS () MODSEQ (@4))
         S: c OK [READ-WRITE] SELECT completed
         C: d SELECT INBOX (QRESYNC (V @4 1:5 (1,2 1,4)))
         {closed}
         {opened}
         S: d OK [READ-WRITE] SELECT completed
         C: e SELECT INBOX (QRESYNC (77 @0))
         {closed}
         {opened}
         S: e OK [READ-WRITE] SELECT completed
         C: f UID FETCH 1:* (FLAGS) (CHANGEDSINCE @1 VANISHED)
         S: * VANISHED (EARLIER) 2:3
         S: * 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (@3))
         S: * 3 FETCH (UID 5 FLAGS () MODSEQ (@4))
         S: f OK FETCH completed
         C: g UID FETCH 3,5 UID (CHANGEDSINCE @2 VANISHED)
         S: * 3 FETCH (UID 5 MODSEQ (@4))
         S: g OK FETCH completed
         C: h SELECT INBOX (QRESYNC (V @39))
         {closed}
         {opened}
         S: * VANISHED (EARLIER) 2:3
         S: * 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (@3))
         S: * 2 FETCH (UID 4 FLAGS () MODSEQ (@0))
         S: * 3 FETCH (UID 5 FLAGS () MODSEQ (@4))
         S: h OK [READ-WRITE] SELECT completed
         C: i SELECT nope (QRESYNC (V @1))
         {closed}
         S: i NO [NONEXISTENT] …
         C: j SELECT INBOX (QRESYNC (V x))
         S: j BAD …",
        opened2 = opened.replace("S: * OK [PERMANENTFLAGS …", "S: * OK [PERMANENTFLAGS ()] …"),
    );
    play(&mut world, start, &script);
}

/// The log no longer reaches back: what is not there is gone, but for what the client's sample
/// shows that it knows (RFC 7162 §3.2.5.2).
#[test]
fn a_client_that_was_away_for_long_is_told_all_that_is_gone() {
    let (mut world, start) = filled(8);
    world.login(2);
    world.ask(2, "SELECT INBOX");
    world.ask(2, "STORE 1,3,5,7 +FLAGS.SILENT (\\Deleted)");
    world.ask(2, "EXPUNGE");
    world.store.trim(1, 0, None, 1_000).unwrap();
    world.ask(1, "ENABLE QRESYNC");
    let resync = |world: &mut World, arguments: &str, told: &str| {
        let validity = validity(world);
        let lines = world.ask(
            1,
            &format!("SELECT INBOX (QRESYNC ({validity} {arguments}))"),
        );
        let vanished = lines.iter().filter(|l| l.starts_with("* VANISHED"));
        let vanished: Vec<&String> = vanished.collect();
        let expected = format!("* VANISHED (EARLIER) {told}");
        let expected = if told.is_empty() {
            vec![]
        } else {
            vec![&expected]
        };
        assert_eq!(vanished, expected, "{arguments}");
    };
    resync(&mut world, &format!("{start}"), "1,3,5,7");
    resync(&mut world, &format!("{start} 3:6,100"), "3,5");
    resync(&mut world, &format!("{start} 1:8 (1,2,3 2,4,6)"), "7");
    resync(&mut world, &format!("{start} 1:8 (1,2,3 2,4,5)"), "5,7");
    resync(&mut world, &format!("{start} (1:4 2,4,6,8)"), "");
    resync(&mut world, &format!("{start} (1:9 1:9)"), "1,3,5,7");
    resync(&mut world, &format!("{}", start + 2), "");
    let lines = world.ask(
        1,
        &format!("UID FETCH 1:* UID (CHANGEDSINCE {start} VANISHED)"),
    );
    assert_eq!(lines[0], "* VANISHED (EARLIER) 1,3,5,7");
}
