//! RFC 9051 rule by rule, where no other file here has a reason to look: what is ignored and what is refused,
//! what is told of names, what is kept from whom.

use crate::door::{PASSWORD, USER, World, check};
use directory::AccountKind;

/// `Thư` with its horn as a character of its own: not NFC.
const LOOSE: &str = "Thu\u{31b}";

#[test]
fn what_is_not_known_is_ignored() {
    let mut world = World::new();
    world.login(1);
    world.append(
        1,
        "INBOX",
        "(\\Seen \\Nope \\Recent)",
        b"Subject: a\r\n\r\n",
    );
    check(
        &mut world,
        r#"C: a ENABLE LITERAL+ X-GOOD-IDEA QUOTA=RES-STORAGE
           S: * ENABLED
           S: a OK …
           C: b ENABLE
           S: b BAD [CLIENTBUG] …
           C: c SELECT INBOX
           S: ⋮
           S: c OK …
           C: d FETCH 1 FLAGS
           S: * 1 FETCH (FLAGS (\Seen \Recent))
           S: d OK …
           C: e STORE 1 +FLAGS (\Nope)
           S: * 1 FETCH (UID 1 FLAGS (\Seen \Recent))
           S: e OK …
           C: f STORE 1 FLAGS (\Nope \Flagged)
           S: * 1 FETCH (UID 1 FLAGS (\Flagged \Recent))
           S: f OK …
           C: g STORE 1 +FLAGS (\*)
           S: g BAD [CLIENTBUG] …
           C: h UNSUBSCRIBE nope
           S: h OK …
           C: i SUBSCRIBE nope
           S: i NO [NONEXISTENT] …
           C: j AUTHENTICATE PLAIN
           S: j BAD [CLIENTBUG] already signed in"#,
    );
}

/// RFC 9051 §6.2.2: an initial response, which for LOGIN is the name, as curl sends it.
#[test]
fn an_initial_response_is_the_first_answer() {
    use base64::Engine as _;
    let code = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let (user, secret) = (code(USER), code(PASSWORD));
    check(
        &mut World::new(),
        &format!(
            "raw
             C: a AUTHENTICATE LOGIN {user}
             S: + UGFzc3dvcmQ6
             C: *
             S: a BAD AUTHENTICATE was cancelled
             C: b AUTHENTICATE LOGIN =
             S: b BAD …
             C: c AUTHENTICATE PLAIN =
             S: c BAD …
             C: d AUTHENTICATE PLAIN AAA=BBB
             S: d BAD …
             C: e AUTHENTICATE PLAIN =AAA
             S: e BAD …
             C: f AUTHENTICATE LOGIN
             S: + VXNlcm5hbWU6
             C: {user}
             S: + UGFzc3dvcmQ6
             C: *
             S: f BAD AUTHENTICATE was cancelled
             C: g authenticate login
             S: + VXNlcm5hbWU6
             C: {user}
             S: + UGFzc3dvcmQ6
             C: {secret}
             S: g OK …"
        ),
    );
    check(
        &mut World::new(),
        &format!(
            "raw
             C: a AUTHENTICATE LOGIN {user}
             S: + UGFzc3dvcmQ6
             C: {secret}
             S: a OK …"
        ),
    );
}

/// RFC 9051 §6.3.9: what cannot be a pattern names nothing, and that is no error.
#[test]
fn patterns_that_are_none_list_nothing() {
    let wild = "*a".repeat(40);
    check(
        &mut World::new(),
        &format!(
            r#"C: a LIST "" "&bad"
               S: a OK …
               C: b LIST "" "{wild}"
               S: b OK …
               C: c LIST "" ("&bad" Sent)
               S: * LIST (\HasNoChildren \Sent) "/" "Sent"
               S: c OK …
               C: d LIST "Sent" ("")
               S: d OK …
               C: e LIST () "Sent" ""
               S: e OK …
               C: f LIST "Sent" ""
               S: * LIST (\Noselect) "/" ""
               S: f OK …
               C: g LSUB "" "&bad"
               S: g OK …
               C: h LIST "&bad" *
               S: h OK …
               C: i LIST (SUBSCRIBED SUBSCRIBED) "" Sent RETURN (CHILDREN CHILDREN SUBSCRIBED)
               S: * LIST (\HasNoChildren \Sent \Subscribed) "/" "Sent"
               S: i OK …
               C: j LIST "" * RETURN (VENDOR.X)
               S: j BAD [CLIENTBUG] …"#
        ),
    );
}

/// RFC 9051 §6.3.9.3, §6.3.9.6: a name that is not selected itself is told of for what is below it only where
/// that is not told.
#[test]
fn children_are_told_of_once() {
    check(
        &mut World::new(),
        r#"C: a CREATE foo2/bar1
           S: a OK …
           C: b CREATE foo2/bar2
           S: b OK …
           C: c CREATE baz2/bar22
           S: c OK …
           C: d UNSUBSCRIBE foo2
           S: d OK …
           C: e UNSUBSCRIBE baz2
           S: e OK …
           C: f LIST (RECURSIVEMATCH SUBSCRIBED) "" "*2"
           S: * LIST (\HasNoChildren \Subscribed) "/" "baz2/bar22"
           S: * LIST (\HasChildren) "/" "foo2" ("CHILDINFO" ("SUBSCRIBED"))
           S: * LIST (\HasNoChildren \Subscribed) "/" "foo2/bar2"
           S: f OK …
           C: g LIST (SUBSCRIBED RECURSIVEMATCH) "" (foo% baz%)
           S: * LIST (\HasChildren) "/" "baz2" ("CHILDINFO" ("SUBSCRIBED"))
           S: * LIST (\HasChildren) "/" "foo2" ("CHILDINFO" ("SUBSCRIBED"))
           S: g OK …
           C: h CREATE foo2/x (USE (\Junk))
           S: h NO [USEATTR] …
           C: i SUBSCRIBE baz2
           S: i OK …
           C: j LIST (SUBSCRIBED RECURSIVEMATCH) "" baz%
           S: * LIST (\HasChildren \Subscribed) "/" "baz2" ("CHILDINFO" ("SUBSCRIBED"))
           S: j OK …
           C: k LIST (SUBSCRIBED SPECIAL-USE RECURSIVEMATCH) "" foo%
           S: k OK …"#,
    );
}

/// RFC 9051 §6.3.9.7: who writes a name in another form than the one kept is told which it became.
#[test]
fn a_name_in_another_form_is_told_with_its_own() {
    let kept = "Thư";
    let uses = format!(
        r#"C: b CREATE "{LOOSE}"
           S: * LIST (\HasNoChildren \Subscribed) "/" "{kept}" ("OLDNAME" ("{LOOSE}"))
           S: b OK …
           C: c CREATE "{kept}"
           S: c NO [ALREADYEXISTS] …
           C: d SELECT "{LOOSE}"
           S: * FLAGS …
           S: * OK [PERMANENTFLAGS …
           S: * 0 EXISTS
           S: * OK [UIDVALIDITY …
           S: * OK [UIDNEXT 1] …
           S: * OK [MAILBOXID …
           S: * OK [HIGHESTMODSEQ …
           S: * LIST (\HasNoChildren \Subscribed) "/" "{kept}" ("OLDNAME" ("{LOOSE}"))
           S: d OK …
           C: e APPEND "{LOOSE}" {{4+}}
           C: a: b
           S: * LIST (\HasNoChildren \Subscribed) "/" "{kept}" ("OLDNAME" ("{LOOSE}"))
           S: * 1 EXISTS
           S: e OK [APPENDUID …
           C: f RENAME "{LOOSE}" moi
           S: * LIST (\HasNoChildren \Subscribed) "/" "moi" ("OLDNAME" ("{LOOSE}"))
           S: f OK …
           C: g RENAME moi "{LOOSE}"
           S: * LIST (\HasNoChildren \Subscribed) "/" "{kept}" ("OLDNAME" ("moi"))
           S: g OK …
           C: h RENAME "{kept}" moi
           S: h OK …
           C: i RENAME moi "{kept}"
           S: i OK …
           C: j DELETE "{LOOSE}"
           S: * LIST (\NonExistent) "/" "{kept}" ("OLDNAME" ("{LOOSE}"))
           S: * OK [CLOSED] …
           S: j OK …
           C: k SELECT inbox
           S: ⋮
           S: * LIST (\HasNoChildren) "/" INBOX
           S: k OK …"#
    );
    let rev2 = format!("C: a ENABLE IMAP4rev2\nS: * ENABLED IMAP4rev2\nS: a OK …\n{uses}");
    check(&mut World::new(), &rev2);
    // Before IMAP4rev2 nobody has asked for such responses.
    check(
        &mut World::new(),
        &format!(
            r#"C: a CREATE "{LOOSE}"
               S: a OK …
               C: b DELETE "{LOOSE}"
               S: b OK …"#
        ),
    );
}

/// RFC 9051 §6.3.12, §6.4.7, §7.3.1: who may put messages into a mailbox but not open it learns no UIDs of it.
#[test]
fn who_may_not_open_a_mailbox_learns_nothing_of_it() {
    let mut world = World::new();
    world.account("binh@tinh.gov.vn", AccountKind::Person);
    world.login(1);
    world.ask(1, "CREATE Hop");
    world.ask(1, "SETACL Hop binh@tinh.gov.vn li");
    world.login_as(2, "binh@tinh.gov.vn");
    world.append(2, "INBOX", "", b"Subject: a\r\n\r\n");
    world.append(2, "INBOX", "", b"Subject: b\r\n\r\n");
    world.ask(2, "SELECT INBOX");
    let hop = "\"Other Users/an@tinh.gov.vn/Hop\"";
    check(
        &mut world,
        &format!(
            r#"C2: a APPEND {hop} {{4+}}
               C2: a: b
               S2: a OK APPEND completed
               C2: b COPY 1 {hop}
               S2: b OK COPY completed
               C2: c MOVE 1 {hop}
               S2: * 1 EXPUNGE
               S2: c OK MOVE completed
               C2: d REPLACE 1 {hop} {{4+}}
               C2: a: b
               S2: * 1 EXPUNGE
               S2: d OK REPLACE completed
               C2: e LIST "" "Other Users/*" RETURN (STATUS (MESSAGES))
               S2: * LIST (\HasNoChildren \Noselect) "/" {hop}
               S2: e OK …
               C2: f SELECT {hop}
               S2: * OK [CLOSED] …
               S2: f NO [NOPERM] …
               C: a STATUS Hop (MESSAGES)
               S: * STATUS "Hop" (MESSAGES 4)
               S: a OK …"#
        ),
    );
}

/// RFC 9051 §7.5.2: lines of decoded text end in CRLF, and BINARY.SIZE counts them.
#[test]
fn decoded_text_has_crlf() {
    let mut world = World::new();
    world.login(1);
    let raw = b"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Transfer-Encoding: base64\r\n\r\n\
        YQpiDQpjCg==\r\n--o\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\n\
        YQpiDQpjCg==\r\n--o--\r\n";
    world.append(1, "INBOX", "", raw);
    world.ask(1, "SELECT INBOX");
    check(
        &mut world,
        "C: a FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1] BINARY.SIZE[2])
         S: * 1 FETCH (BINARY.SIZE[1] 9 BINARY[1] {9}
         S: a
         S: b
         S: c
         S:  BINARY.SIZE[2] 7)
         S: a OK …
         C: b FETCH 1 BINARY.PEEK[1]<1.3>
         S: * 1 FETCH (BINARY[1]<1> {3}
         S: 
         S: b)
         S: b OK …",
    );
}

/// RFC 9051 §6.4.5.1: the empty line is there but in a message that has none, and no body.
#[test]
fn header_fields_end_as_the_header_does() {
    let mut world = World::new();
    world.login(1);
    for raw in [
        &b"Subject: a\r\nTo: b\r\n"[..],
        b"Subject: a\r\nTo: b\r\n\r\n",
        b"\r\nx\r\n",
    ] {
        world.append(1, "INBOX", "", raw);
    }
    world.ask(1, "SELECT INBOX");
    check(
        &mut world,
        "C: a FETCH 1:3 BODY.PEEK[HEADER.FIELDS (SUBJECT)]
         S: * 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {12}
         S: Subject: a
         S: )
         S: * 2 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {14}
         S: Subject: a
         S: 
         S: )
         S: * 3 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {2}
         S: 
         S: )
         S: a OK …
         C: b FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)]<0.4>
         S: * 1 FETCH (BODY[HEADER.FIELDS.NOT (SUBJECT)]<0> {4}
         S: To: )
         S: b OK …",
    );
}

/// RFC 2231 §6, RFC 9051 §7.5.2: parameters come whole; who enabled IMAP4rev2 has them decoded too.
#[test]
fn parameters_in_pieces_are_joined() {
    let mut world = World::new();
    world.login(1);
    let raw = b"Content-Type: application/pdf; name*0*=utf-8''C%C3%B4ng; name*1=\" v\"; name*2*=%C4%83n;\r\n \
        x*0=ab; x*1=cd\r\nContent-Disposition: attachment; filename*0=a; filename*1=b.pdf\r\n\r\nx";
    world.append(1, "INBOX", "", raw);
    world.ask(1, "SELECT INBOX");
    check(
        &mut world,
        r#"C: a FETCH 1 BODYSTRUCTURE
           S: * 1 FETCH (BODYSTRUCTURE ("application" "pdf" ("name*" "utf-8''C%C3%B4ng%20v%C4%83n" "x" "abcd") NIL NIL "7BIT" 1 NIL ("attachment" ("filename" "ab.pdf")) NIL NIL))
           S: a OK …
           C: b ENABLE IMAP4rev2
           S: ⋮
           S: b OK …
           C: c FETCH 1 BODY
           S: * 1 FETCH (BODY ("application" "pdf" ("name*" "Công văn" "x" "abcd") NIL NIL "7BIT" 1))
           S: c OK …"#,
    );
}

/// RFC 9051 §6.4.4 TEXT: the MIME header fields too, where the names of attachments are.
#[test]
fn text_is_looked_for_in_the_headers_of_parts() {
    let mut world = World::new();
    world.login(1);
    let raw = b"Subject: a\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\
        Content-Disposition: attachment; filename=Baocao.pdf\r\nContent-Type: application/pdf\r\n\r\nx\r\n--o--\r\n";
    world.append(1, "INBOX", "", raw);
    world.append(1, "INBOX", "", b"Subject: b\r\n\r\nx\r\n");
    world.ask(1, "SELECT INBOX");
    check(
        &mut world,
        "C: a SEARCH TEXT baocao
         S: * SEARCH 1
         S: a OK …
         C: b SEARCH BODY baocao
         S: * SEARCH
         S: b OK …
         C: c SEARCH HEADER Content-Disposition baocao
         S: * SEARCH
         S: c OK …",
    );
}

/// RFC 9051 §9 sequence-set: `$` stands alone, or at the end of a list.
#[test]
fn the_saved_result_joins_a_list() {
    let mut world = World::new();
    world.login(1);
    for _ in 0..5 {
        world.append(1, "INBOX", "", b"Subject: a\r\n\r\n");
    }
    world.ask(1, "SELECT INBOX");
    check(
        &mut world,
        r#"C: a SEARCH RETURN (SAVE) 4
           S: a OK …
           C: b FETCH 2,$ UID
           S: * 2 FETCH (UID 2)
           S: * 4 FETCH (UID 4)
           S: b OK …
           C: c UID FETCH 9,1,$ UID
           S: * 1 FETCH (UID 1)
           S: * 4 FETCH (UID 4)
           S: c OK …
           C: d SEARCH NOT 1:2,$
           S: * SEARCH 3 5
           S: d OK …
           C: e UID SEARCH UID 5:*,$
           S: * SEARCH 4 5
           S: e OK …
           C: f STORE 9,$ +FLAGS (\Seen)
           S: f BAD …
           C: g FETCH $,1 UID
           S: g BAD …"#,
    );
}
