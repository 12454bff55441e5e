//! RFC 9051 §6.1, §6.2: any state, signing in, and what is refused.

use crate::door::{END, PASSWORD, USER, World, check};
use imap::Settings;

#[test]
fn sign_in_needs_tls() {
    let mut world = World::new();
    let greeting = world.connect(1, false);
    assert!(
        greeting.starts_with("* OK [CAPABILITY IMAP4rev1 IMAP4rev2 "),
        "{greeting}"
    );
    assert!(greeting.contains(" STARTTLS LOGINDISABLED]"), "{greeting}");
    check(
        &mut world,
        "C: a1 LOGIN an@tinh.gov.vn x
         S: a1 NO [PRIVACYREQUIRED] …
         C: a2 AUTHENTICATE PLAIN
         S: a2 NO [PRIVACYREQUIRED] …
         C: a3 SELECT INBOX
         S: a3 BAD [CLIENTBUG] sign in first",
    );
    // ATTACKS 3: what is sent ahead in clear text behind STARTTLS is forgotten.
    world.send(1, b"a4 STARTTLS\r\na5 NOOP\r\n");
    assert_eq!(world.line(1), "a4 OK Begin TLS negotiation now");
    check(
        &mut world,
        "C: a6 CAPABILITY
         S: * CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ ID ENABLE SASL-IR AUTH=PLAIN AUTH=LOGIN
         S: a6 OK …
         C: a7 STARTTLS
         S: a7 BAD …",
    );
    world.login(2);
}

#[test]
fn every_way_to_sign_in() {
    use base64::Engine as _;
    let code = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let plain = code(&format!("\0{USER}\0{PASSWORD}"));
    let (user, secret) = (code(USER), code(PASSWORD));
    let mut world = World::new();
    check(
        &mut world,
        &format!(
            "raw
             C: a AUTHENTICATE PLAIN {plain}
             S: a OK [CAPABILITY IMAP4rev1 …APPENDLIMIT=52428800] Signed in
             C2: a AUTHENTICATE PLAIN
             S2: + 
             C2: {plain}
             S2: a OK …
             C3: a AUTHENTICATE LOGIN
             S3: + VXNlcm5hbWU6
             C3: {user}
             S3: + UGFzc3dvcmQ6
             C3: {secret}
             S3: a OK …
             C4: a LOGIN {{14}}
             S4: + …
             C4: {USER} {{{len}}}
             S4: + …
             C4: {PASSWORD}
             S4: a OK …
             C4: b LOGIN x y
             S4: b BAD [CLIENTBUG] already signed in
             C5: a AUTHENTICATE PLAIN
             S5: + 
             C5: *
             S5: a BAD AUTHENTICATE was cancelled
             C5: b AUTHENTICATE PLAIN
             S5: + 
             C5: !!!
             S5: b BAD …
             C5: c AUTHENTICATE GSSAPI
             S5: c NO [CANNOT] …
             C5: d LOGIN {USER} wrong
             S5: d NO [AUTHENTICATIONFAILED] …",
            len = PASSWORD.len(),
        ),
    );
}

#[test]
fn any_state() {
    check(
        &mut World::new(),
        "raw
         C: a NOOP
         S: a OK NOOP completed
         C: b ID (\"name\" \"x\")
         S: * ID (\"name\" \"Congvu\" \"version\" \"…\")
         S: b OK …
         C: c NOPE
         S: c BAD [CLIENTBUG] an unknown command
         C: d FETCH 1 UID
         S: d BAD [CLIENTBUG] sign in first
         C: 
         S: * BAD [CLIENTBUG] a tag is missing
         C: e LOGOUT
         S: * BYE …
         S: e OK LOGOUT completed
         S: (end)",
    );
}

#[test]
fn i13_nonsense_ends_the_connection() {
    let mut world = World::new();
    world.connect(1, true);
    for _ in 0..imap::machine::BAD_MAX {
        world.send(1, b"x\r\n");
        assert!(world.line(1).starts_with("x BAD"));
    }
    assert!(world.line(1).starts_with("* BYE"));
    assert_eq!(world.line(1), END);
    world.connect(2, true);
    world.send(2, &vec![b'x'; 9_000]);
    assert_eq!(world.line(2), "* BYE the line is too long");
    world.connect(3, true);
    world.send(3, b"a LOGIN {2000+}\r\n");
    assert_eq!(world.line(3), "* BYE the literal is too large");
}

#[test]
fn large_literals_need_room() {
    let settings = Settings {
        size_max: 100_000,
        memory_max: 80_000,
        ..Settings::default()
    };
    let mut world = World::with(settings);
    check(
        &mut world,
        "C: a APPEND INBOX {100001}
         S: a NO [TOOBIG] …
         C: b APPEND INBOX {99999}
         S: b NO [LIMIT] …
         C: c SELECT {20000}
         S: c BAD [LIMIT] the literal is too large",
    );
    let letter = vec![b'x'; 60_000];
    world.append(1, "INBOX", "", &letter);
    // The room was given back.
    world.append(1, "INBOX", "", &letter);
    let mut ahead = b"d APPEND INBOX {100001+}\r\n".to_vec();
    ahead.extend(vec![b'y'; 100_001]);
    ahead.extend_from_slice(b"\r\ne NOOP\r\n");
    world.send(1, &ahead);
    assert!(world.line(1).starts_with("d NO [TOOBIG]"));
    assert_eq!(world.line(1), "e OK NOOP completed");
}

#[test]
fn a_suspended_account_is_out_at_once() {
    let mut world = World::new();
    check(&mut world, "C: a NOOP\nS: a OK NOOP completed");
    let mut account = world
        .directory
        .account_at(&formats::address::Address::parse(USER).unwrap())
        .unwrap();
    account.state = directory::AccountState::Suspended;
    world.directory.change_account(None, account, None).unwrap();
    check(&mut world, "C: a SELECT INBOX\nS: * BYE …");
}

/// Who idles, or waits for what NOTIFY tells, hears of it without asking; others at their next command.
#[test]
fn a_suspended_account_does_not_idle_on() {
    let mut world = World::new();
    world.login(1);
    world.login(2);
    world.login(3);
    check(
        &mut world,
        "C: a IDLE
         S: + idling
         C2: a NOTIFY SET (PERSONAL (MessageNew MessageExpunge))
         S2: a OK …",
    );
    let account = world.account_of(USER);
    let mut account = world.directory.account(account).unwrap();
    account.name = "Nguyễn Thị An".into();
    let changed = world.directory.change_account(None, account, None);
    let mut account = changed.unwrap();
    account.state = directory::AccountState::Suspended;
    world.directory.change_account(None, account, None).unwrap();
    let bye = "* BYE [UNAVAILABLE] The sign-in no longer stands";
    for number in [1, 2] {
        assert_eq!(world.line(number), bye, "connection {number}");
        assert_eq!(world.line(number), END, "connection {number}");
    }
    assert_eq!(world.ask(3, "NOOP"), [bye, END]);
}

#[test]
fn shutting_down_says_bye() {
    let mut world = World::new();
    check(
        &mut world,
        "C: a SELECT INBOX\nS: * FLAGS …\nS: * OK …\nS: * 0 EXISTS\nS: * 0 RECENT\nS: * OK …\nS: * OK …\nS: * OK …\nS: * OK [HIGHESTMODSEQ …\nS: a OK …",
    );
    world.shut_down();
    assert_eq!(
        world.line(1),
        "* BYE [UNAVAILABLE] The server is shutting down"
    );
}

#[test]
fn a_waiting_connection_is_small() {
    let world = World::new();
    let (_ours, theirs) = tokio::io::duplex(1);
    let machine = world.services.machine(true);
    let (_stop, told) = tokio::sync::watch::channel(false);
    let session = imap::run(
        theirs,
        machine,
        &world.services,
        "::1".parse().unwrap(),
        told,
    );
    // The future holds the machine and no read buffer; TLS and the view come on top of it.
    let size = size_of_val(&session);
    assert!(size < 4_096, "{size} octets");
}
