//! The same of extensions: what `input` sends to the base, sent to CATENATE, ACL, METADATA, NOTIFY, SORT and the
//! others, and in UTF-8 mode.

use crate::door::World;
use crate::input::{check, many, world};
use imap::Settings;

/// RFC 4469 §4: URLs of all kinds that name nothing; the peer learns which one it was.
#[test]
fn urls_that_name_nothing() {
    let w = &mut world();
    for url in [
        "/INBOX/;UID=0",
        "/INBOX/;UID=4294967296",
        "/INBOX/;UID=9",
        "/nope/;UID=1",
        "/INBOX;UIDVALIDITY=1/;UID=1",
        "/%C0%AF/;UID=1",
        "/%00/;UID=1",
        "/%G1/;UID=1",
        "/INBOX/;UID=1/;SECTION=9",
        "/INBOX/;UID=1/;SECTION=((((",
        "/INBOX/;UID=1/;PARTIAL=99999999999999999999.1",
        "imap://an@tinh.gov.vn/INBOX/;UID=1",
        "file:///etc/passwd",
        "//INBOX/;UID=1",
        "/Other%20Users/binh@tinh.gov.vn/INBOX/;UID=1",
    ] {
        let command = format!("APPEND INBOX CATENATE (TEXT {{4+}}\r\na: b URL \"{url}\")");
        check(w, command.as_bytes(), "q NO [BADURL ");
    }
    let deep = format!("/INBOX/;UID=1/;SECTION={}1", many("1.", 5_000));
    check(
        w,
        format!("APPEND INBOX CATENATE (URL {deep})").as_bytes(),
        "q NO [BADURL ",
    );
    check(
        w,
        b"APPEND INBOX CATENATE (URL {2+}\r\na\0)",
        "q BAD [CLIENTBUG]",
    );
    check(
        w,
        b"APPEND INBOX CATENATE (URL {2+}\r\n\xc0\xaf)",
        "q NO [BADURL %C0%AF]",
    );
    check(w, b"APPEND INBOX CATENATE (NOPE x)", "q BAD [CLIENTBUG]");
    let told = w.ask(1, "STATUS INBOX (MESSAGES)");
    assert_eq!(told[0], "* STATUS INBOX (MESSAGES 1)");
}

/// A letter that grows by naming itself is not built past the limit of one message.
#[test]
fn i13_urls_do_not_multiply() {
    let mut world = World::with(Settings {
        size_max: 100_000,
        raw_headers: true,
        ..Settings::default()
    });
    world.login(1);
    world.append(1, "INBOX", "", &[b'x'; 50_000]);
    world.ask(1, "SELECT INBOX");
    let urls = many(" URL /INBOX/;UID=1", 900);
    let command = format!("APPEND INBOX CATENATE ({})", urls.trim());
    check(&mut world, command.as_bytes(), "q NO [TOOBIG] ");
    let command = "APPEND INBOX CATENATE (URL /INBOX/;UID=1 URL /INBOX/;UID=1)";
    check(&mut world, command.as_bytes(), "q OK [APPENDUID ");
}

#[test]
fn extensions_refuse_as_the_base_does() {
    let w = &mut world();
    let bug = "q BAD [CLIENTBUG]";
    for command in [
        "SETACL INBOX \"a\x01b\" lr",
        "SETACL INBOX \"\" lr",
        "SETACL INBOX binh@tinh.gov.vn lrZ",
        "SETACL INBOX binh@tinh.gov.vn",
        "LISTRIGHTS INBOX",
        "SETMETADATA INBOX (/nope/x \"v\")",
        "SETMETADATA INBOX (/private//x \"v\")",
        "SETMETADATA INBOX (/private/a*b \"v\")",
        "SETMETADATA INBOX (/private \"v\")",
        "SETMETADATA INBOX ()",
        "GETMETADATA (DEPTH 2) INBOX /private/x",
        "NOTIFY SET",
        "NOTIFY SET (selected (MessageNew))",
        "NOTIFY SET (selected NONE) (selected-delayed NONE)",
        "NOTIFY SET (personal (MessageNew (UID) MessageExpunge))",
        "NOTIFY SET (nope NONE)",
        "NOTIFY SET (selected NONE",
        "SORT () UTF-8 ALL",
        "SORT (NOPE) UTF-8 ALL",
        "SORT (DATE) UTF-8",
        "THREAD NOPE UTF-8 ALL",
        "THREAD REFERENCES UTF-8",
        "SEARCH RETURN (NOPE) ALL",
        "SEARCH RETURN (PARTIAL 0:1) ALL",
        "SEARCH RETURN (ALL PARTIAL 1:2) ALL",
        "ESEARCH IN () ALL",
        "SETQUOTA x (STORAGE -1)",
        "COMPRESS LZMA",
        "CREATE x (USE (Sent))",
        "SELECT INBOX (NOPE)",
        "SELECT INBOX (QRESYNC (0 1))",
        "FETCH 1 UID (NOPE)",
        "STORE 1 (NOPE 1) +FLAGS (x)",
        "XLIST \"\"",
        "XNOPE",
        "UID NOOP",
        "UID",
        "",
    ] {
        check(w, command.as_bytes(), bug);
    }
    let long = many("a", 1_025);
    check(
        w,
        format!("SETACL INBOX {long} lr").as_bytes(),
        "q BAD [LIMIT]",
    );
    check(w, b"SETACL INBOX nobody@tinh.gov.vn lr", "q NO [");
    check(w, b"SETACL nope an@tinh.gov.vn lr", "q NO [NONEXISTENT]");
    check(w, b"NOTIFY SET (personal (NopeEvent))", "q NO [BADEVENT ");
    // RFC 5464 §4.3: a value that is too large is no error of syntax, however it comes.
    let value = many("x", 20_000);
    let sent = format!("SETMETADATA INBOX (/private/comment {{20000+}}\r\n{value})");
    check(w, sent.as_bytes(), "q NO [METADATA MAXSIZE ");
    check(
        w,
        b"SETMETADATA INBOX (/private/comment {20000}",
        "q NO [METADATA MAXSIZE ",
    );
    check(w, b"GETQUOTA nope", "q NO [");
}

/// RFC 6855: with UTF-8 in quoted strings the same is refused.
#[test]
fn in_utf_8_mode() {
    let w = &mut world();
    w.ask(1, "ENABLE UTF8=ACCEPT");
    for octets in [
        &b"SELECT \"\xc0\xaf\""[..],
        b"SELECT \"\xed\xa0\x80\"",
        b"SELECT \"\xf8\x88\x80\x80\x80\"",
        b"CREATE \"a\xff\"",
        b"SEARCH SUBJECT \"\xc0\xaf\"",
        b"SEARCH CHARSET UTF-8 SUBJECT x",
        b"APPEND INBOX UTF8 ({4+}\r\na: b)",
        b"APPEND INBOX UTF8 (~{4+}\r\na: b",
        b"APPEND INBOX UTF8 ~{4+}\r\na: b",
        b"APPEND INBOX UTF8 (\"x\")",
    ] {
        check(w, octets, "q BAD [CLIENTBUG]");
    }
    check(w, b"SELECT {2+}\r\n\xc0\xaf", "q NO [CANNOT]");
    check(w, "CREATE \"a\u{2028}b\"".as_bytes(), "q NO [CANNOT]");
    check(w, "CREATE \"a\u{7}b\"".as_bytes(), "q NO [CANNOT]");
    check(w, b"APPEND INBOX UTF8 (~{2147483648}", "q NO [TOOBIG]");
    // What was modified UTF-7 is a name like any other now.
    check(w, b"SELECT \"&bad\"", "q NO [NONEXISTENT]");
}
