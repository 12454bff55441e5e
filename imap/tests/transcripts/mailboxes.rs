//! RFC 9051 §6.3: mailboxes made, named, listed, selected, filled and removed.

use crate::door::{USER, World, check};
use formats::address::Address;
use storage::{MailboxChange, Role};

#[test]
fn the_default_mailboxes_are_listed() {
    check(
        &mut World::new(),
        r#"C: a LIST "" *
           S: * LIST (\HasNoChildren) "/" INBOX
           S: * LIST (\HasNoChildren \Archive) "/" "Archive"
           S: * LIST (\HasNoChildren \Drafts) "/" "Drafts"
           S: * LIST (\HasNoChildren \Junk) "/" "Junk"
           S: * LIST (\HasNoChildren \Sent) "/" "Sent"
           S: * LIST (\HasNoChildren \Trash) "/" "Trash"
           S: a OK LIST completed
           C: b LIST "" ""
           S: * LIST (\Noselect) "/" ""
           S: b OK …
           C: c LIST (SPECIAL-USE) "" (Dra% Sen*) RETURN (SUBSCRIBED STATUS (MESSAGES UNSEEN SIZE DELETED APPENDLIMIT))
           S: * LIST (\HasNoChildren \Drafts \Subscribed) "/" "Drafts"
           S: * STATUS "Drafts" (MESSAGES 0 UNSEEN 0 SIZE 0 DELETED 0 APPENDLIMIT 52428800)
           S: * LIST (\HasNoChildren \Sent \Subscribed) "/" "Sent"
           S: * STATUS "Sent" (MESSAGES 0 UNSEEN 0 SIZE 0 DELETED 0 APPENDLIMIT 52428800)
           S: c OK …
           C: d NAMESPACE
           S: * NAMESPACE (("" "/")) (("Other Users/" "/")) (("Shared/" "/"))
           S: d OK …
           C: e LSUB "" I%
           S: * LSUB (\HasNoChildren) "/" INBOX
           S: e OK …"#,
    );
}

#[test]
fn vietnamese_names_in_both_codings() {
    check(
        &mut World::new(),
        r#"C: a CREATE "C&APQ-ng v&AQM-n/&AREebw-n"
           S: a OK [MAILBOXID (m…)] CREATE completed
           C: b CREATE "C&APQ-ng v&AQM-n"
           S: b NO [ALREADYEXISTS] …
           C: c LIST "" "C&APQ-*"
           S: * LIST (\HasChildren) "/" "C&APQ-ng v&AQM-n"
           S: * LIST (\HasNoChildren) "/" "C&APQ-ng v&AQM-n/&AREebw-n"
           S: c OK …
           C: d ENABLE IMAP4rev2
           S: * ENABLED IMAP4rev2
           S: d OK …
           C: e LIST "" "Công%"
           S: * LIST (\HasChildren) "/" "Công văn"
           S: e OK …
           C: f SELECT "Công văn/Đốn"
           S: f NO [NONEXISTENT] …
           C: g STATUS "Công văn" (MESSAGES)
           S: * STATUS "Công văn" (MESSAGES 0)
           S: g OK …
           C: h CREATE "a//b"
           S: h NO [CANNOT] …
           C2: a CREATE &bad
           S2: a NO [CANNOT] …"#,
    );
}

#[test]
fn create_rename_delete_subscribe() {
    check(
        &mut World::new(),
        r#"C: a CREATE x/y/z
           S: a OK …
           C: b DELETE x/y
           S: b NO [HASCHILDREN] …
           C: c RENAME x/y m/n
           S: c OK …
           C: d LIST "" (x* m*)
           S: * LIST (\HasChildren) "/" "m"
           S: * LIST (\HasChildren) "/" "m/n"
           S: * LIST (\HasNoChildren) "/" "m/n/z"
           S: * LIST (\HasNoChildren) "/" "x"
           S: d OK …
           C: e RENAME m m/n/w
           S: e NO [CANNOT] …
           C: f RENAME nope x2
           S: f NO [NONEXISTENT] …
           C: g RENAME x m
           S: g NO [ALREADYEXISTS] …
           C: h DELETE INBOX
           S: h NO [CANNOT] …
           C: i CREATE inbox
           S: i NO [ALREADYEXISTS] …
           C: j UNSUBSCRIBE m/n
           S: j OK …
           C: k LIST (SUBSCRIBED) "" m*
           S: * LIST (\HasChildren \Subscribed) "/" "m"
           S: * LIST (\HasNoChildren \Subscribed) "/" "m/n/z"
           S: k OK …
           C: l LIST (SUBSCRIBED RECURSIVEMATCH) "" m/%
           S: * LIST (\HasChildren) "/" "m/n" ("CHILDINFO" ("SUBSCRIBED"))
           S: l OK …
           C: m LSUB "" m/%
           S: * LSUB (\Noselect) "/" "m/n"
           S: m OK …
           C: n SUBSCRIBE nope
           S: n NO [NONEXISTENT] …
           C: o DELETE m/n/z
           S: o OK …
           C: p DELETE m/n/z
           S: p NO [NONEXISTENT] …
           C: q CREATE Spam (USE (\Junk))
           S: q NO [USEATTR] …
           C: r CREATE all (USE (\All))
           S: r NO [USEATTR] …"#,
    );
}

#[test]
fn a_mailbox_with_a_use_is_not_deleted() {
    let mut world = World::new();
    check(
        &mut world,
        r#"C: a DELETE Drafts
           S: a NO [CANNOT] …
           C: b DELETE Sent
           S: b NO [CANNOT] …
           C: c DELETE Junk
           S: c NO [CANNOT] …
           C: d DELETE Trash
           S: d NO [CANNOT] …
           C: e DELETE Archive
           S: e NO [CANNOT] …
           C: f DELETE inbox
           S: f NO [CANNOT] …
           C: g RENAME Junk Spam
           S: g OK …
           C: h DELETE Spam
           S: h NO [CANNOT] …"#,
    );
    // JMAP may take the use away, and then it is a mailbox like others.
    let address = Address::parse(USER).unwrap();
    let id = world.directory.account_at(&address).unwrap().id;
    let mail = world.store.account(id);
    let junk = mail.by_role(Role::Junk).unwrap().unwrap().id;
    let mut writer = mail.write().unwrap();
    let change = MailboxChange {
        role: Some(None),
        ..MailboxChange::default()
    };
    writer.change_mailbox(junk, change).unwrap();
    writer.commit().unwrap();
    check(
        &mut world,
        r#"C: a DELETE Spam
           S: a OK …
           C: b CREATE Spam (USE (\Junk))
           S: b OK …
           C: c LIST (SPECIAL-USE) "" S*
           S: * LIST (\HasNoChildren \Sent) "/" "Sent"
           S: * LIST (\HasNoChildren \Junk) "/" "Spam"
           S: c OK …"#,
    );
}

#[test]
fn renaming_inbox_moves_its_messages() {
    let mut world = World::new();
    world.login(1);
    world.append(1, "INBOX", "(\\Seen)", b"Subject: a\r\n\r\nx\r\n");
    check(
        &mut world,
        r#"C: a RENAME INBOX old
           S: a OK …
           C: b STATUS INBOX (MESSAGES UIDNEXT)
           S: * STATUS INBOX (MESSAGES 0 UIDNEXT 2)
           S: b OK …
           C: c STATUS old (MESSAGES UNSEEN)
           S: * STATUS "old" (MESSAGES 1 UNSEEN 0)
           S: c OK …"#,
    );
}

#[test]
fn select_tells_all_there_is_to_know() {
    let mut world = World::new();
    world.login(1);
    world.append(
        1,
        "INBOX",
        "(\\Seen $Forwarded)",
        b"Subject: a\r\n\r\nx\r\n",
    );
    world.append(
        1,
        "INBOX",
        "() \"17-Jul-1996 02:44:25 -0700\" ",
        b"Subject: b\r\n\r\nyy\r\n",
    );
    check(
        &mut world,
        r#"C: a SELECT InBox
           S: * FLAGS (\Answered \Deleted \Draft \Flagged $Forwarded \Seen)
           S: * OK [PERMANENTFLAGS (\Answered \Deleted \Draft \Flagged $Forwarded \Seen \*)] …
           S: * 2 EXISTS
           S: * 2 RECENT
           S: * OK [UNSEEN 2] …
           S: * OK [UIDVALIDITY …] …
           S: * OK [UIDNEXT 3] …
           S: * OK [MAILBOXID (m1)] …
           S: * OK [HIGHESTMODSEQ …
           S: a OK [READ-WRITE] SELECT completed
           C: b FETCH 2 (INTERNALDATE RFC822.SIZE FLAGS)
           S: * 2 FETCH (INTERNALDATE "17-Jul-1996 09:44:25 +0000" RFC822.SIZE 18 FLAGS (\Recent))
           S: b OK FETCH completed
           C: c ENABLE IMAP4rev2 NOPE
           S: * ENABLED IMAP4rev2
           S: c OK …
           C: d EXAMINE INBOX
           S: * OK [CLOSED] …
           S: * FLAGS …
           S: * OK [PERMANENTFLAGS ()] …
           S: * 2 EXISTS
           S: * OK [UIDVALIDITY …] …
           S: * OK [UIDNEXT 3] …
           S: * OK [MAILBOXID (m1)] …
           S: * OK [HIGHESTMODSEQ …
           S: * LIST (\HasNoChildren) "/" INBOX
           S: d OK [READ-ONLY] EXAMINE completed
           C: e STORE 1 +FLAGS (\Deleted)
           S: e NO [READ-ONLY] …
           C: f FETCH 2 BODY[TEXT]
           S: * 2 FETCH (BODY[TEXT] {4}
           S: yy
           S: )
           S: f OK …
           C: g FETCH 2 FLAGS
           S: * 2 FETCH (FLAGS ())
           S: g OK …
           C: h UNSELECT
           S: h OK …
           C: i FETCH 1 UID
           S: i BAD [CLIENTBUG] no mailbox is selected
           C: j SELECT nope
           S: j NO [NONEXISTENT] …"#,
    );
}

#[test]
fn store_expunge_close() {
    let mut world = World::new();
    world.login(1);
    for subject in ["a", "b", "c", "d", "e"] {
        world.append(
            1,
            "INBOX",
            "",
            format!("Subject: {subject}\r\n\r\nx\r\n").as_bytes(),
        );
    }
    world.ask(1, "SELECT INBOX");
    check(
        &mut world,
        r#"C: a STORE 1:2 +FLAGS (\Deleted viec)
           S: * FLAGS (\Answered \Deleted \Draft \Flagged \Seen viec)
           S: * 1 FETCH (UID 1 FLAGS (\Deleted viec \Recent))
           S: * 2 FETCH (UID 2 FLAGS (\Deleted viec \Recent))
           S: a OK STORE completed
           C: b STORE 1:2 -FLAGS.SILENT (viec)
           S: b OK …
           C: c UID STORE 4 FLAGS \Deleted \Seen
           S: * 4 FETCH (UID 4 FLAGS (\Deleted \Seen \Recent))
           S: c OK …
           C: d UID EXPUNGE 2:3
           S: * 2 EXPUNGE
           S: d OK …
           C: e STORE 9 FLAGS ()
           S: e BAD [CLIENTBUG] there is no message of that number
           C: f UID STORE 99 FLAGS ()
           S: f OK …
           C: g EXPUNGE
           S: * 3 EXPUNGE
           S: * 1 EXPUNGE
           S: g OK EXPUNGE completed
           C: h UID SEARCH ALL
           S: * SEARCH 3 5
           S: h OK …
           C: i STORE 1 +FLAGS (\Deleted)
           S: * 1 FETCH (UID 3 FLAGS (\Deleted \Recent))
           S: i OK …
           C: j CLOSE
           S: j OK CLOSE completed
           C: k STATUS INBOX (MESSAGES UIDNEXT)
           S: * STATUS INBOX (MESSAGES 1 UIDNEXT 6)
           S: k OK …"#,
    );
}

#[test]
fn copy_and_move_tell_the_new_uids() {
    let mut world = World::new();
    world.login(1);
    for subject in ["a", "b", "c"] {
        world.append(
            1,
            "INBOX",
            "(\\Flagged)",
            format!("Subject: {subject}\r\n\r\nx\r\n").as_bytes(),
        );
    }
    world.ask(1, "SELECT INBOX");
    check(
        &mut world,
        r#"C: a COPY 1:2 Archive
           S: a OK [COPYUID … 1:2 1:2] COPY completed
           C: b COPY 1 nope
           S: b NO [TRYCREATE] …
           C: c UID MOVE 2:3 Archive
           S: * OK [COPYUID … 2:3 3:4] Moved
           S: * 3 EXPUNGE
           S: * 2 EXPUNGE
           S: c OK MOVE completed
           C: d COPY 1 INBOX
           S: * 2 EXISTS
           S: * 2 RECENT
           S: d OK [COPYUID … 1 4] …
           C: e MOVE 1 INBOX
           S: * OK [COPYUID … 1 5] Moved
           S: * 1 EXPUNGE
           S: * 2 EXISTS
           S: * 2 RECENT
           S: e OK …
           C: f UID COPY 77 Archive
           S: f OK COPY completed
           C: g SELECT Archive
           S: * OK [CLOSED] …
           S: * FLAGS …
           S: * OK …
           S: * 4 EXISTS
           S: * 4 RECENT
           S: * OK [UNSEEN 1] …
           S: * OK …
           S: * OK [UIDNEXT 5] …
           S: * OK [MAILBOXID (m…)] …
           S: * OK [HIGHESTMODSEQ …
           S: g OK …
           C: h UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])
           S: * 1 FETCH (UID 1 FLAGS (\Flagged \Recent) BODY[HEADER.FIELDS (SUBJECT)] {14}
           S: Subject: a
           S: 
           S: )
           S: * 2 FETCH (UID 2 FLAGS (\Flagged \Recent) BODY[HEADER.FIELDS (SUBJECT)] {14}
           S: Subject: b
           S: 
           S: )
           S: * 3 FETCH (UID 3 FLAGS (\Flagged \Recent) BODY[HEADER.FIELDS (SUBJECT)] {14}
           S: Subject: b
           S: 
           S: )
           S: * 4 FETCH (UID 4 FLAGS (\Flagged \Recent) BODY[HEADER.FIELDS (SUBJECT)] {14}
           S: Subject: c
           S: 
           S: )
           S: h OK FETCH completed"#,
    );
}

#[test]
fn append_answers_with_the_uid() {
    let mut world = World::new();
    check(
        &mut world,
        r#"C: a APPEND nope {3}
           S: + go on
           C: abc
           S: a NO [TRYCREATE] …
           C: b APPEND Drafts (\Seen \Draft) {11}
           S: + go on
           C: Subject: x
           S: b OK [APPENDUID … 1] APPEND completed
           C: c APPEND Drafts ~{5+}
           C: a: bc
           S: c OK [APPENDUID … 2] …
           C: d APPEND Drafts {0+}
           C: 
           S: d NO [CANNOT] …"#
            .replace("Subject: x\n", "Subject: xy\n")
            .as_str(),
    );
}

#[test]
fn the_quota_holds() {
    let mut world = World::new();
    world.login(1);
    let letter = vec![b'x'; 9 << 20];
    world.append(1, "INBOX", "", &letter);
    let mut octets = format!("a APPEND INBOX {{{}+}}\r\n", letter.len()).into_bytes();
    octets.extend(&letter);
    octets.extend_from_slice(b"\r\n");
    world.send(1, &octets);
    let answer = world.line(1);
    assert!(answer.starts_with("a NO [OVERQUOTA]"), "{answer}");
    world.ask(1, "SELECT INBOX");
    assert!(
        world
            .ask(1, "COPY 1 Sent")
            .concat()
            .starts_with("q NO [OVERQUOTA]")
    );
    assert!(world.ask(1, "MOVE 1 Sent").concat().contains("q OK MOVE"));
}
