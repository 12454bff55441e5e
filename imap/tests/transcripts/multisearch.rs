//! RFC 7377 MULTISEARCH.

use crate::door::{World, check};

fn world() -> World {
    let mut world = World::new();
    world.login(1);
    for name in ["Viec", "Viec/A", "Viec/A/B", "\"C&APQ-ng\""] {
        world.ask(1, &format!("CREATE {name}"));
    }
    let letters = [
        ("INBOX", "one"),
        ("INBOX", "two"),
        ("Viec", "two"),
        ("Viec/A", "one"),
        ("Viec/A", "one"),
        ("Viec/A/B", "two one"),
        ("\"C&APQ-ng\"", "one"),
        ("Junk", "one"),
    ];
    for (mailbox, subject) in letters {
        let raw = format!("Subject: {subject}\r\n\r\nx\r\n");
        world.append(1, mailbox, "", raw.as_bytes());
    }
    world.ask(1, "SUBSCRIBE Viec/A/B");
    world
}

#[test]
fn mailboxes_are_searched_without_being_selected() {
    check(
        &mut world(),
        r#"C: a ESEARCH IN (mailboxes Viec subtree-one Viec/A) SUBJECT one
           S: * ESEARCH (TAG "a" MAILBOX "Viec/A" UIDVALIDITY …) UID ALL 1:2
           S: * ESEARCH (TAG "a" MAILBOX "Viec/A/B" UIDVALIDITY …) UID ALL 1
           S: a OK ESEARCH completed
           C: b ESEARCH IN (subtree Viec) RETURN (COUNT MIN MAX) ALL
           S: * ESEARCH (TAG "b" MAILBOX "Viec" UIDVALIDITY …) UID MIN 1 MAX 1 COUNT 1
           S: * ESEARCH (TAG "b" MAILBOX "Viec/A" UIDVALIDITY …) UID MIN 1 MAX 2 COUNT 2
           S: * ESEARCH (TAG "b" MAILBOX "Viec/A/B" UIDVALIDITY …) UID MIN 1 MAX 1 COUNT 1
           S: b OK …
           C: c ESEARCH IN (subtree-one Viec) ALL
           S: * ESEARCH (TAG "c" MAILBOX "Viec" UIDVALIDITY …) UID ALL 1
           S: * ESEARCH (TAG "c" MAILBOX "Viec/A" UIDVALIDITY …) UID ALL 1:2
           S: c OK …
           C: d ESEARCH IN (personal) SUBJECT two
           S: * ESEARCH (TAG "d" MAILBOX INBOX UIDVALIDITY …) UID ALL 2
           S: * ESEARCH (TAG "d" MAILBOX "Viec" UIDVALIDITY …) UID ALL 1
           S: * ESEARCH (TAG "d" MAILBOX "Viec/A/B" UIDVALIDITY …) UID ALL 1
           S: d OK …
           C: e ESEARCH IN (inboxes) SUBJECT one
           S: * ESEARCH (TAG "e" MAILBOX INBOX UIDVALIDITY …) UID ALL 1
           S: * ESEARCH (TAG "e" MAILBOX "Junk" UIDVALIDITY …) UID ALL 1
           S: e OK …
           C: f ESEARCH IN (mailboxes ("C&APQ-ng" none inbox inbox)) RETURN (PARTIAL -1:-1) ALL
           S: * ESEARCH (TAG "f" MAILBOX INBOX UIDVALIDITY …) UID PARTIAL (-1:-1 2)
           S: * ESEARCH (TAG "f" MAILBOX "C&APQ-ng" UIDVALIDITY …) UID PARTIAL (-1:-1 1)
           S: f OK …
           C: g ESEARCH IN (mailboxes none) ALL
           S: g OK ESEARCH completed
           C: h ESEARCH IN (personal) SUBJECT three
           S: h OK ESEARCH completed
           C: i ESEARCH IN (subtree Viec) 2
           S: * ESEARCH (TAG "i" MAILBOX "Viec/A" UIDVALIDITY …) UID ALL 2
           S: i OK …
           C: j ESEARCH ALL
           S: j BAD [CLIENTBUG] no mailbox is selected
           C: k ESEARCH IN (personal selected) ALL
           S: k BAD [CLIENTBUG] no mailbox is selected
           C: l ESEARCH IN (selected-delayed) ALL
           S: l BAD …
           C: m ESEARCH IN (personal) RETURN (SAVE) ALL
           S: m BAD …
           C: n ESEARCH IN (mailboxes INBOX) CHARSET X-KLINGON ALL
           S: n NO [BADCHARSET …] …"#,
    );
}

#[test]
fn the_selected_mailbox_is_one_of_them() {
    let mut world = world();
    world.ask(1, "SELECT Viec/A");
    world.ask(1, "ENABLE IMAP4rev2");
    check(
        &mut world,
        r#"C: a ESEARCH RETURN (ALL SAVE) 2
           S: * ESEARCH (TAG "a" MAILBOX "Viec/A" UIDVALIDITY …) UID ALL 2
           S: a OK …
           C: b UID ESEARCH IN (selected) $
           S: * ESEARCH (TAG "b" MAILBOX "Viec/A" UIDVALIDITY …) UID ALL 2
           S: b OK …
           C: c ESEARCH IN (selected mailboxes INBOX) RETURN (COUNT) *
           S: * ESEARCH (TAG "c" MAILBOX INBOX UIDVALIDITY …) UID COUNT 1
           S: * ESEARCH (TAG "c" MAILBOX "Viec/A" UIDVALIDITY …) UID COUNT 1
           S: c OK …
           C: d ESEARCH IN (mailboxes "Công") ALL
           S: * ESEARCH (TAG "d" MAILBOX "Công" UIDVALIDITY …) UID ALL 1
           S: d OK …
           C: e FETCH $ UID
           S: * 2 FETCH (UID 2)
           S: e OK …
           C: f ESEARCH SUBJECT three
           S: f OK …
           C: g SEARCH RETURN (COUNT) ALL
           S: * ESEARCH (TAG "g") COUNT 2
           S: g OK …"#,
    );
}
