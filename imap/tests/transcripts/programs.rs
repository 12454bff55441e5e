//! What Outlook and Apple Mail send, in the order in which they send it: the commands are theirs, letter for
//! letter but for names. Of each answer only what the program goes on with is looked at, so that a new
//! capability or response changes nothing here.
//!
//! What Outlook fetches is as Microsoft states it (MS-STANOIMAP §2.2.34, V0052 to V0055): no macros, no BODY, no
//! parts and no partials; only the new Outlook for Windows asks for sections. Of Apple Mail there is no such
//! statement; its commands are from memory of its logs.

use crate::door::{PASSWORD, USER, World};

const PLAIN: &[u8] = b"From: binh@tinh.gov.vn\r\nTo: an@tinh.gov.vn\r\nSubject: Hop giao ban\r\n\
    Date: Mon, 02 Nov 2026 08:00:00 +0700\r\nMessage-ID: <1@tinh.gov.vn>\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\r\nNoi dung\r\n";

/// Sends a command and finds these pieces in its lines, one after the other; the last line is OK.
fn check(world: &mut World, command: &str, pieces: &[&str]) -> Vec<String> {
    let lines = world.ask(1, command);
    let last = lines.last().unwrap();
    assert!(last.starts_with("q OK"), "{command}: {lines:#?}");
    let mut rest = lines.iter();
    for piece in pieces {
        let found = rest.any(|line| line.contains(piece));
        assert!(found, "{command}: no {piece:?} in its place in {lines:#?}");
    }
    lines
}

fn world(letters: &[&[u8]]) -> World {
    let mut world = World::new();
    world.login(2);
    for letter in letters {
        world.append(2, "INBOX", "", letter);
    }
    world.connect(1, true);
    world
}

/// A letter of some 300 KB, most of it one attachment.
fn large() -> Vec<u8> {
    let mut raw = b"From: binh@tinh.gov.vn\r\nSubject: Tep\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nxem\r\n\
        --b\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        .to_vec();
    for n in 0..4_000 {
        let digit = b'A' + (n % 26) as u8;
        raw.extend([digit; 74]);
        raw.extend(b"\r\n");
    }
    raw.extend(b"--b--\r\n");
    raw
}

fn outlook_arrives(world: &mut World) {
    check(world, "CAPABILITY", &["* CAPABILITY IMAP4rev1 "]);
    let login = format!("LOGIN \"{USER}\" \"{PASSWORD}\"");
    check(world, &login, &["[CAPABILITY "]);
    let offered = check(world, "CAPABILITY", &[]);
    for name in [" IDLE", " NAMESPACE", " UIDPLUS", " MOVE"] {
        assert!(offered[0].contains(name), "{name}");
    }
    let id = "ID (\"name\" \"Microsoft Outlook\" \"version\" \"16.0.14332.0\")";
    check(world, id, &["* ID (\"name\" \"Congvu\""]);
    check(world, "NAMESPACE", &["* NAMESPACE ((\"\" \"/\"))"]);
    // The hierarchy delimiter, then one level, then all.
    check(world, "LIST \"\" \"\"", &["* LIST (\\Noselect) \"/\" \"\""]);
    check(world, "LIST \"\" \"%\"", &["INBOX"]);
    check(world, "LIST \"\" \"*\"", &["INBOX"]);
    check(world, "LSUB \"\" \"*\"", &["* LSUB "]);
    // Where its own folders are to be: asked of servers that advertise it.
    assert!(offered[0].contains(" XLIST "));
    let uses = check(world, "XLIST \"\" \"%\"", &[]);
    for line in [
        "* XLIST (\\HasNoChildren \\Inbox) \"/\" INBOX",
        "* XLIST (\\HasNoChildren \\Drafts) \"/\" \"Drafts\"",
        "* XLIST (\\HasNoChildren \\Sent) \"/\" \"Sent\"",
        "* XLIST (\\HasNoChildren \\Spam) \"/\" \"Junk\"",
        "* XLIST (\\HasNoChildren \\Trash) \"/\" \"Trash\"",
    ] {
        assert!(uses.iter().any(|told| told == line), "{line} in {uses:?}");
    }
    check(
        world,
        "XLIST \"\" \"\"",
        &["* XLIST (\\Noselect) \"/\" \"\""],
    );
    // A storm over every folder.
    for name in ["INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive"] {
        let command = format!("STATUS \"{name}\" (UIDNEXT MESSAGES UNSEEN)");
        check(world, &command, &["UIDNEXT "]);
    }
}

#[test]
fn outlook_for_windows() {
    let mut world = world(&[PLAIN, PLAIN]);
    outlook_arrives(&mut world);
    check(&mut world, "SELECT \"INBOX\"", &["[UIDVALIDITY "]);
    let all = "UID FETCH 1:* (UID FLAGS)";
    check(
        &mut world,
        all,
        &["* 1 FETCH (UID 1 FLAGS (", "* 2 FETCH (UID 2 FLAGS ("],
    );
    let heads = "UID FETCH 1:2 (UID FLAGS RFC822.SIZE BODY.PEEK[HEADER] INTERNALDATE)";
    check(
        &mut world,
        heads,
        &["BODY[HEADER] {", "Subject: Hop giao ban", "* 2 FETCH ("],
    );
    check(&mut world, "UID FETCH 1:2 (UID)", &["* 1 FETCH (UID 1)"]);
    check(
        &mut world,
        "UID FETCH 2 (UID FLAGS BODY.PEEK[])",
        &["FLAGS (\\Recent) BODY[] {", "Noi dung"],
    );
    // The same of a server of before IMAP4rev1, which it still knows how to ask.
    check(
        &mut world,
        "UID FETCH 2 (UID FLAGS RFC822.SIZE RFC822.HEADER INTERNALDATE)",
        &["RFC822.HEADER {", "Subject: Hop giao ban"],
    );
    check(
        &mut world,
        "UID STORE 2 +FLAGS (\\Seen)",
        &["FLAGS (\\Seen \\Recent)"],
    );
    check(
        &mut world,
        "UID STORE 2 FLAGS.SILENT (\\Seen \\Flagged)",
        &[],
    );
    check(&mut world, "UID FETCH 2 (FLAGS)", &["\\Flagged"]);
    let moved = check(
        &mut world,
        "UID MOVE 1 \"Trash\"",
        &["* OK [COPYUID ", "* 1 EXPUNGE"],
    );
    assert!(!moved.iter().any(|line| line.contains("* 2 EXPUNGE")));
    check(
        &mut world,
        "UID SEARCH SINCE 1-Nov-2020 NOT DELETED",
        &["* SEARCH 2"],
    );
    check(&mut world, "CREATE \"Ho so\"", &[]);
    check(&mut world, "SUBSCRIBE \"Ho so\"", &[]);
    check(&mut world, "UID COPY 2 \"Ho so\"", &["[COPYUID "]);
    check(&mut world, "UID STORE 2 +FLAGS.SILENT (\\Deleted)", &[]);
    check(&mut world, "EXPUNGE", &["* 1 EXPUNGE"]);
    world.append(1, "\"Sent\"", "(\\Seen)", PLAIN);
    let drafts = "STATUS \"Sent\" (UIDNEXT MESSAGES UNSEEN)";
    check(&mut world, drafts, &["MESSAGES 1"]);
    world.send(1, b"i IDLE\r\n");
    assert!(world.line(1).starts_with("+ "));
    world.append(2, "INBOX", "", PLAIN);
    assert_eq!(world.line(1), "* 1 EXISTS");
    world.send(1, b"DONE\r\n");
    while !world.line(1).starts_with("i OK") {}
    check(&mut world, "LOGOUT", &["* BYE"]);
}

/// The new Outlook for Windows and the ones on phones, which go through a service of their own: sections and parts.
#[test]
fn outlook_of_later() {
    let large = large();
    let mut world = world(&[PLAIN, &large]);
    let login = format!("LOGIN \"{USER}\" \"{PASSWORD}\"");
    check(&mut world, &login, &["[CAPABILITY "]);
    let uses = check(&mut world, "LIST \"\" \"*\" RETURN (SPECIAL-USE)", &[]);
    assert!(uses.iter().any(|line| line.contains("\\Sent")));
    check(&mut world, "SELECT \"INBOX\"", &["* 2 EXISTS"]);
    check(
        &mut world,
        "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODYSTRUCTURE BODY.PEEK[HEADER])",
        &["* 1 FETCH (UID 1 FLAGS (\\Recent)", "* 2 FETCH ("],
    );
    check(
        &mut world,
        "UID FETCH 1 (BODY.PEEK[HEADER.FIELDS (Message-ID References)] BODY.PEEK[1])",
        &["Message-ID: <1@tinh.gov.vn>", "BODY[1] {", "Noi dung"],
    );
    check(
        &mut world,
        "UID FETCH 2 (BODY.PEEK[1] BODY.PEEK[2.MIME])",
        &["BODY[1] {3}", "xem", "a.pdf"],
    );
}

fn apple_arrives(world: &mut World) {
    let capabilities = check(world, "CAPABILITY", &["AUTH=PLAIN"]);
    assert!(!capabilities[0].contains("XLIST"));
    let id = "ID (\"name\" \"Mac OS X Mail\" \"version\" \"16.0 (3774.600.62)\" \"os\" \"Mac OS X\" \
        \"os-version\" \"14.5 (23F79)\" \"vendor\" \"Apple Inc.\")";
    check(world, id, &["* ID ("]);
    use base64::Engine as _;
    let plain = base64::engine::general_purpose::STANDARD.encode(format!("\0{USER}\0{PASSWORD}"));
    world.send(1, b"p AUTHENTICATE PLAIN\r\n");
    assert_eq!(world.line(1), "+ ");
    world.send(1, format!("{plain}\r\n").as_bytes());
    assert!(world.line(1).starts_with("p OK"));
    check(world, "CAPABILITY", &["* CAPABILITY "]);
    check(
        world,
        "ID (\"name\" \"iPhone Mail\" \"version\" \"21F90\")",
        &["* ID ("],
    );
    check(world, "NAMESPACE", &["* NAMESPACE "]);
    check(world, "LIST \"\" \"*\"", &["INBOX"]);
    let roles = check(world, "LIST \"\" \"*\" RETURN (SPECIAL-USE)", &[]);
    for role in ["\\Drafts", "\\Sent", "\\Junk", "\\Trash", "\\Archive"] {
        assert!(roles.iter().any(|line| line.contains(role)), "{role}");
    }
    for name in ["INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive"] {
        let command = format!("STATUS \"{name}\" (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)");
        check(world, &command, &["UIDVALIDITY "]);
    }
}

fn apple_fetches(world: &mut World, large: &[u8]) {
    // The attachment, stretch by stretch; what comes back is what is stored, and the last one is short.
    let at = large.windows(4).position(|w| w == b"AAAA").unwrap();
    let end = large.windows(7).position(|w| w == b"\r\n--b--").unwrap();
    let part = &large[at..end];
    let (mut got, mut from) = (Vec::new(), 0);
    while from < part.len() {
        world.send(
            1,
            format!("f UID FETCH 2 BODY.PEEK[2]<{from}.65536>\r\n").as_bytes(),
        );
        let first = world.line(1);
        let len: usize = first
            .rsplit_once('{')
            .and_then(|(_, rest)| rest.strip_suffix('}'))
            .and_then(|digits| digits.parse().ok())
            .unwrap_or_else(|| panic!("{first}"));
        assert!(first.contains(&format!("BODY[2]<{from}> ")), "{first}");
        assert_eq!(len, 65_536.min(part.len() - from));
        got.extend(world.octets(1, len));
        assert!(world.line(1).ends_with(')'));
        assert!(world.line(1).starts_with("f OK"));
        from += len;
    }
    assert!(got == part, "the pieces differ from the whole");
}

#[test]
fn apple_mail() {
    let large = large();
    let mut world = world(&[PLAIN, &large]);
    apple_arrives(&mut world);
    check(&mut world, "SELECT INBOX", &["* 2 EXISTS", "[UIDNEXT 3]"]);
    check(&mut world, "FETCH 1:2 (FLAGS UID)", &["* 1 FETCH ("]);
    let heads = "UID FETCH 1:2 (INTERNALDATE UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (date subject \
        from to cc message-id in-reply-to references content-type x-priority x-uniform-type-identifier \
        x-universally-unique-identifier list-id list-unsubscribe bimi-indicator bimi-location \
        x-bimi-indicator-hash authentication-results dkim-signature)])";
    check(
        &mut world,
        heads,
        &[
            "* 1 FETCH (",
            "Subject: Hop giao ban",
            "* 2 FETCH (",
            "Subject: Tep",
        ],
    );
    let parts = "UID FETCH 2 (BODYSTRUCTURE BODY.PEEK[HEADER])";
    check(&mut world, parts, &["BODYSTRUCTURE ((", "Subject: Tep"]);
    check(
        &mut world,
        "UID FETCH 2 (BODY.PEEK[1.MIME] BODY.PEEK[1])",
        &["xem"],
    );
    apple_fetches(&mut world, &large);
    check(
        &mut world,
        "UID STORE 1 +FLAGS.SILENT (\\Seen $NotJunk NotJunk)",
        &[],
    );
    check(&mut world, "UID FETCH 1 (FLAGS)", &["\\Seen"]);
    check(&mut world, "UID SEARCH 1:* NOT SEEN", &["* SEARCH 2"]);
    check(&mut world, "CREATE \"Notes\"", &[]);
    world.append(1, "\"Drafts\"", "(\\Seen \\Draft $NotJunk)", PLAIN);
    check(&mut world, "UID COPY 1 \"Archive\"", &["[COPYUID "]);
    check(&mut world, "UID STORE 1 +FLAGS.SILENT (\\Deleted)", &[]);
    check(&mut world, "UID EXPUNGE 1", &["* 1 EXPUNGE"]);
    check(&mut world, "CLOSE", &[]);
    check(&mut world, "LOGOUT", &["* BYE"]);
}
