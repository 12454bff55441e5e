//! RFC 3501 §2.3.2 `\Recent`: the first session to be told of a message sees it as new, and nobody after it.

use crate::door::{World, check};
use directory::AccountKind;
use storage::Change;

const OPENED: &str =
    "S: * OK [UIDVALIDITY …\nS: * OK [UIDNEXT …\nS: * OK [MAILBOXID …\nS: * OK [HIGHESTMODSEQ …";

fn letters(world: &mut World, count: usize) {
    world.login(1);
    for _ in 0..count {
        world.append(1, "INBOX", "", b"Subject: a\r\n\r\nx\r\n");
    }
}

/// RFC 3501 §6.3.1, §6.3.2, §6.3.10, §6.4.5, §6.4.6, §7.3.2: looking takes nothing away, selecting does.
#[test]
fn the_first_session_to_select_is_told() {
    let mut world = World::new();
    letters(&mut world, 2);
    check(
        &mut world,
        &format!(
            r#"C: a STATUS INBOX (MESSAGES RECENT)
              S: * STATUS INBOX (MESSAGES 2 RECENT 2)
              S: a OK …
              C: b EXAMINE INBOX
              S: ⋮
              S: * 2 EXISTS
              S: * 2 RECENT
              S: * OK [UNSEEN 1] …
              {OPENED}
              S: b OK [READ-ONLY] …
              C: c FETCH 1:2 FLAGS
              S: * 1 FETCH (FLAGS (\Recent))
              S: * 2 FETCH (FLAGS (\Recent))
              S: c OK …
              C2: a SELECT INBOX
              S2: ⋮
              S2: * 2 RECENT
              S2: ⋮
              S2: a OK …
              C2: b STORE 1 FLAGS (\Seen)
              S2: * 1 FETCH (UID 1 FLAGS (\Seen \Recent))
              S2: b OK …
              C2: c STORE 2 +FLAGS.SILENT (\Flagged)
              S2: c OK …
              C2: d FETCH 2 (FLAGS BODY[TEXT])
              S2: * 2 FETCH (FLAGS (\Flagged \Seen \Recent) BODY[TEXT] {{3}}
              S2: x
              S2: )
              S2: d OK …
              C: d NOOP
              S: * 1 FETCH (UID 1 FLAGS (\Seen \Recent))
              S: * 2 FETCH (UID 2 FLAGS (\Flagged \Seen \Recent))
              S: d OK …
              C3: a SELECT INBOX
              S3: ⋮
              S3: * 2 EXISTS
              S3: * 0 RECENT
              S3: ⋮
              S3: a OK …
              C3: b FETCH 1 FLAGS
              S3: * 1 FETCH (FLAGS (\Seen))
              S3: b OK …
              C3: c STATUS Sent (RECENT)
              S3: * STATUS "Sent" (RECENT 0)
              S3: c OK …
              C2: e UNSELECT
              S2: e OK …
              C2: f STATUS INBOX (RECENT)
              S2: * STATUS INBOX (RECENT 0)
              S2: f OK …
              C2: g EXAMINE INBOX
              S2: ⋮
              S2: * 0 RECENT
              S2: ⋮
              S2: g OK …"#
        ),
    );
}

/// RFC 3501 §2.3.2, §7.3.2: of two sessions only one is told of an arrival as new; which of them hears first.
#[test]
fn an_arrival_is_new_to_one_session() {
    let mut world = World::new();
    letters(&mut world, 1);
    check(
        &mut world,
        r"C: a SELECT INBOX
          S: ⋮
          S: a OK …
          C2: a SELECT INBOX
          S2: ⋮
          S2: * 0 RECENT
          S2: ⋮
          S2: a OK …
          C3: a EXAMINE INBOX
          S3: ⋮
          S3: a OK …
          C2: b APPEND INBOX {4+}
          C2: a: b
          S2: * 2 EXISTS
          S2: * 1 RECENT
          S2: b OK …
          C: b NOOP
          S: * 2 EXISTS
          S: * 1 RECENT
          S: b OK …
          C: c FETCH 1:2 FLAGS
          S: * 1 FETCH (FLAGS (\Recent))
          S: * 2 FETCH (FLAGS ())
          S: c OK …
          C2: c FETCH 1:2 FLAGS
          S2: * 1 FETCH (FLAGS ())
          S2: * 2 FETCH (FLAGS (\Recent))
          S2: c OK …
          C3: b NOOP
          S3: * 2 EXISTS
          S3: * 0 RECENT
          S3: b OK …
          C: d COPY 1 INBOX
          S: * 3 EXISTS
          S: * 2 RECENT
          S: d OK …
          C: e STATUS INBOX (RECENT)
          S: * STATUS INBOX (RECENT 2)
          S: e OK …
          C: f STORE 1 +FLAGS.SILENT (\Deleted)
          S: f OK …
          C: g EXPUNGE
          S: * 1 EXPUNGE
          S: g OK …
          C: h STATUS INBOX (RECENT MESSAGES)
          S: * STATUS INBOX (RECENT 1 MESSAGES 2)
          S: h OK …
          C: i MOVE 2 INBOX
          S: * OK [COPYUID …
          S: * 2 EXPUNGE
          S: * 2 EXISTS
          S: * 1 RECENT
          S: i OK …",
    );
}

/// RFC 3501 §6.4.4: NEW, OLD, RECENT, alone and among others.
#[test]
fn searches_know_what_is_recent() {
    let mut world = World::new();
    letters(&mut world, 2);
    check(
        &mut world,
        r#"C: a SELECT INBOX
           S: ⋮
           S: * 2 RECENT
           S: ⋮
           S: a OK …
           C: b UNSELECT
           S: b OK …
           C: c APPEND INBOX (\Seen) {4+}
           C: a: b
           S: c OK …
           C: d APPEND INBOX {4+}
           C: a: b
           S: d OK …
           C: e SELECT INBOX
           S: ⋮
           S: * 2 RECENT
           S: ⋮
           S: e OK …
           C: f SEARCH RECENT
           S: * SEARCH 3 4
           S: f OK …
           C: g SEARCH NEW
           S: * SEARCH 4
           S: g OK …
           C: h SEARCH OLD
           S: * SEARCH 1 2
           S: h OK …
           C: i SEARCH NOT RECENT 2:*
           S: * SEARCH 2
           S: i OK …
           C: j SEARCH OR OLD SEEN
           S: * SEARCH 1 2 3
           S: j OK …
           C: k SORT (ARRIVAL) US-ASCII RECENT
           S: * SORT 3 4
           S: k OK …
           C: l UID SEARCH RETURN (COUNT) RECENT UNSEEN
           S: * ESEARCH (TAG "l") UID COUNT 1
           S: l OK …
           C: m SEARCH RETURN (ALL UPDATE) RECENT
           S: * ESEARCH (TAG "m") ALL 3:4
           S: * NO [NOUPDATE "m"] …
           S: m OK …
           C: n APPEND Sent {4+}
           C: a: b
           S: n OK …
           C: o ESEARCH IN (mailboxes (Sent)) RETURN (COUNT) RECENT
           S: * ESEARCH (TAG "o" MAILBOX "Sent" UIDVALIDITY …) UID COUNT 1
           S: o OK …
           C: p FETCH 4 BODY[TEXT]
           S: * 4 FETCH (BODY[TEXT] {0}
           S:  FLAGS (\Seen \Recent))
           S: p OK …
           C: r CLOSE
           S: r OK …
           C: s SELECT INBOX
           S: ⋮
           S: * 0 RECENT
           S: ⋮
           S: s OK …
           C: t SEARCH RECENT
           S: * SEARCH
           S: t OK …"#,
    );
}

/// RFC 9051 appendix A.2 drops it: nothing of it is told once IMAP4rev2 is enabled; the message is told all the same.
#[test]
fn rev2_never_hears_of_it() {
    let mut world = World::new();
    letters(&mut world, 1);
    check(
        &mut world,
        &format!(
            r#"C: a ENABLE IMAP4rev2
               S: * ENABLED IMAP4rev2
               S: a OK …
               C: b SELECT INBOX
               S: ⋮
               S: * 1 EXISTS
               {OPENED}
               S: * LIST …
               S: b OK …
               C: c FETCH 1 FLAGS
               S: * 1 FETCH (FLAGS ())
               S: c OK …
               C: d APPEND INBOX {{4+}}
               C: a: b
               S: * 2 EXISTS
               S: d OK …
               C: e STORE 2 +FLAGS (\Seen)
               S: * 2 FETCH (UID 2 FLAGS (\Seen))
               S: e OK …
               C2: a SELECT INBOX
               S2: ⋮
               S2: * 0 RECENT
               S2: ⋮
               S2: a OK …
               C3: a SELECT Sent
               S3: ⋮
               S3: a OK …
               C3: b APPEND Sent {{4+}}
               C3: a: b
               S3: * 1 EXISTS
               S3: * 1 RECENT
               S3: b OK …
               C3: c ENABLE IMAP4rev2
               S3: ⋮
               S3: c OK …
               C3: d FETCH 1 FLAGS
               S3: * 1 FETCH (FLAGS ())
               S3: d OK …"#
        ),
    );
}

/// It costs no change of the mailbox: no mod-sequence, nothing that wakes others; and it outlives a restart.
#[test]
fn it_is_kept_without_a_change_and_over_a_restart() {
    let mut world = World::new();
    letters(&mut world, 2);
    let mail = world.store.account(world.account_of(crate::door::USER));
    let before = mail.modseq().unwrap();
    world.ask(1, "SELECT INBOX");
    world.ask(1, "UNSELECT");
    assert_eq!(mail.modseq().unwrap(), before);
    let changes = mail.changes(before, 9).unwrap().list;
    assert!(
        !changes
            .iter()
            .any(|(_, c)| matches!(c, Change::MailboxChanged(_)))
    );
    let mailbox = mail.by_role(storage::Role::Inbox).unwrap().unwrap();
    let noted = || {
        let first = world
            .directory
            .first_unmet(mail.id(), mailbox.id, mailbox.uid_validity);
        first.unwrap().map(storage::Uid::raw)
    };
    // Written behind the session's back.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while noted() != Some(3) {
        assert!(std::time::Instant::now() < deadline, "it is not written");
        std::thread::yield_now();
    }
    world.restart();
    letters(&mut world, 1);
    check(
        &mut world,
        r"C: a STATUS INBOX (RECENT)
          S: * STATUS INBOX (RECENT 1)
          S: a OK …
          C: b SELECT INBOX
          S: ⋮
          S: * 3 EXISTS
          S: * 1 RECENT
          S: ⋮
          S: b OK …
          C: c FETCH 1:3 FLAGS
          S: * 1 FETCH (FLAGS ())
          S: * 2 FETCH (FLAGS ())
          S: * 3 FETCH (FLAGS (\Recent))
          S: c OK …",
    );
    assert_eq!(
        world
            .directory
            .first_unmet(mail.id(), mailbox.id, storage::UidValidity::FIRST)
            .unwrap(),
        None,
        "UIDs of another UIDVALIDITY are others"
    );
}

/// RFC 4314 §5.2: who may change nothing opens it as with EXAMINE, and takes nothing away.
#[test]
fn a_mailbox_that_is_only_read_stays_new() {
    let mut world = World::new();
    world.account("binh@tinh.gov.vn", AccountKind::Person);
    letters(&mut world, 1);
    world.ask(1, "SETACL INBOX binh@tinh.gov.vn lr");
    world.login_as(2, "binh@tinh.gov.vn");
    check(
        &mut world,
        r#"C2: a SELECT "Other Users/an@tinh.gov.vn/INBOX"
           S2: ⋮
           S2: * 1 RECENT
           S2: ⋮
           S2: a OK [READ-ONLY] …
           C: a SELECT INBOX
           S: ⋮
           S: * 1 RECENT
           S: ⋮
           S: a OK [READ-WRITE] …"#,
    );
}

/// As mutt and alpine do: poll with NOOP and STATUS, and show what is new.
#[test]
fn a_reader_sees_what_came_since_last_time() {
    let mut world = World::new();
    letters(&mut world, 2);
    check(
        &mut world,
        r"C: a SELECT INBOX
          S: ⋮
          S: * 2 RECENT
          S: ⋮
          S: a OK …
          C: b FETCH 1:2 (UID FLAGS)
          S: * 1 FETCH (UID 1 FLAGS (\Recent))
          S: * 2 FETCH (UID 2 FLAGS (\Recent))
          S: b OK …
          C: c CLOSE
          S: c OK …
          C2: a APPEND INBOX {4+}
          C2: a: b
          S2: a OK …
          C: d STATUS INBOX (UIDNEXT UIDVALIDITY UNSEEN RECENT)
          S: * STATUS INBOX (UIDNEXT 4 UIDVALIDITY … UNSEEN 3 RECENT 1)
          S: d OK …
          C: e SELECT INBOX
          S: ⋮
          S: * 3 EXISTS
          S: * 1 RECENT
          S: ⋮
          S: e OK …
          C: f UID FETCH 1:* FLAGS
          S: * 1 FETCH (UID 1 FLAGS ())
          S: * 2 FETCH (UID 2 FLAGS ())
          S: * 3 FETCH (UID 3 FLAGS (\Recent))
          S: f OK …
          C2: b APPEND INBOX {4+}
          C2: c: d
          S2: b OK …
          C: g NOOP
          S: * 4 EXISTS
          S: * 2 RECENT
          S: g OK …
          C: h UID FETCH 4 FLAGS
          S: * 4 FETCH (UID 4 FLAGS (\Recent))
          S: h OK …",
    );
}
