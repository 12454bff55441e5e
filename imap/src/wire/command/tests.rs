//! Commands that are read, and some that are not.

use super::*;

fn check(text: &str, well: bool) {
    let got = parse(text.as_bytes(), Vec::new());
    assert_eq!(got.is_ok(), well, "{text:?} {got:?}");
}

const WELL: &[&str] = &[
    "CAPABILITY",
    "noop",
    "LOGOUT",
    "ID NIL",
    "ID (\"name\" \"x\" \"version\" NIL)",
    "STARTTLS",
    "AUTHENTICATE PLAIN",
    "AUTHENTICATE PLAIN =",
    "AUTHENTICATE PLAIN AGEAYg==",
    "LOGIN a b",
    "LOGIN \"a@b\" \"c d\"",
    "ENABLE IMAP4rev2 UTF8=ACCEPT",
    "SELECT inbox",
    "EXAMINE \"a b\"",
    "CREATE owatagusiam/blurdybloop",
    "CREATE MySent (USE (\\Drafts \\Sent))",
    "DELETE x",
    "RENAME a b",
    "SUBSCRIBE a",
    "UNSUBSCRIBE a",
    "LIST \"\" *",
    "LSUB \"#news.\" \"comp.mail.*\"",
    "NAMESPACE",
    "STATUS blurdybloop (UIDNEXT MESSAGES)",
    "IDLE",
    "CHECK",
    "CLOSE",
    "UNSELECT",
    "EXPUNGE",
    "UID EXPUNGE 3000:3002",
    "SEARCH ALL",
    "UID SEARCH RETURN () ALL",
    "SORT (DATE) UTF-8 ALL",
    "UID SORT RETURN (COUNT) (SUBJECT) US-ASCII SEEN",
    "THREAD REFERENCES UTF-8 ALL",
    "UID THREAD ORDEREDSUBJECT UTF-8 ALL",
    "ESEARCH IN (personal) RETURN (COUNT) ALL",
    "CANCELUPDATE \"a1\" \"a2\"",
    "FETCH 1:* FAST",
    "UID FETCH 4827313:4828442 FLAGS",
    "STORE 2:4 +FLAGS (\\Deleted)",
    "STORE 1 FLAGS.SILENT \\Seen $x",
    "UID STORE 1 -FLAGS ()",
    "COPY 2:4 MEETING",
    "MOVE 42:69 foo",
    "UID MOVE 42:69 foo",
    "FETCH $ UID",
    "COMPRESS DEFLATE",
    "UNAUTHENTICATE",
    "GETJMAPACCESS",
    "REPLACE 4 Drafts (\\Seen) CATENATE (URL /;UID=1)",
    "UID REPLACE * Drafts CATENATE (URL /;UID=1)",
    "SETACL INBOX/Drafts John lrswicda",
    "LISTRIGHTS archive/imap anyone",
    "GETQUOTAROOT INBOX",
    "SETQUOTA \"#user/alice\" (STORAGE 510 MESSAGE 7)",
    "SELECT inbox (CONDSTORE)",
    "EXAMINE inbox (QRESYNC (67890007 20050715194045000 41:211,214:541))",
    "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 12345 VANISHED)",
    "FETCH 1 MODSEQ (CHANGEDSINCE 1)",
    "STORE 7,5,9 (UNCHANGEDSINCE 320162338) +FLAGS.SILENT (\\Deleted)",
    "SEARCH CHARSET X-KLINGON TEXT xyz",
];

#[test]
fn commands_of_both_revisions_are_read() {
    for line in WELL {
        check(&format!("a1 {line}"), true);
        check(
            &format!("a1 {line} "),
            *line == "SEARCH CHARSET X-KLINGON TEXT xyz",
        );
    }
    for bad in [
        "",
        "a1",
        "a1 ",
        "a1 NOPE",
        "a1  NOOP",
        "+ NOOP",
        "a1 LOGIN a",
        "a1 FETCH 1",
        "a1 UID NOOP x",
        "a1 CANCELUPDATE",
        "a1 CANCELUPDATE a1",
        "a1 STORE 1 *FLAGS x",
        "a1 STORE 1 +-FLAGS x",
        "a1 STORE 1 FLAGS (\\*)",
        "a1 APPEND x \"y\"",
        "a1 AUTHENTICATE PLAIN ===",
        "a1 SELECT",
        "a1 ID (a b)",
        "a1 FETCH 0 UID",
        "a1 UID EXPUNGE",
        "a1 FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)",
        "a1 UID FETCH 1 FLAGS (VANISHED)",
        "a1 FETCH 1 FLAGS (NOPE)",
        "a1 STORE 1 (UNCHANGEDSINCE 1 UNCHANGEDSINCE 2) FLAGS ()",
        "a1 STORE 1 (UNCHANGEDSINCE) FLAGS ()",
        "a1 COMPRESS",
        "a1 REPLACE 1:2 Drafts CATENATE (URL /;UID=1)",
        "a1 REPLACE $ Drafts CATENATE (URL /;UID=1)",
        "a1 REPLACE 1 CATENATE (URL /;UID=1)",
        "a1 REPLACE 1 Drafts",
        "a1 SETACL a \"\" l",
        "a1 SETQUOTA x (STORAGE)",
    ] {
        check(bad, false);
    }
}
