use crate::door::*;
use std::sync::atomic::Ordering::SeqCst;

#[test]
fn capabilities_are_told_as_they_are() {
    let mut world = World::new();
    check(
        &mut world,
        "C: CAPA
         S: +OK List follows
         S: TOP
         S: UIDL
         S: RESP-CODES
         S: AUTH-RESP-CODE
         S: PIPELINING
         S: LOGIN-DELAY 0
         S: EXPIRE NEVER
         S: UTF8 USER
         S: LANG
         S: USER
         S: SASL PLAIN LOGIN
         S: IMPLEMENTATION Congvu
         S: .
         C: AUTH
         S: +OK List follows
         S: PLAIN
         S: LOGIN
         S: .
         C: QUIT
         S: +OK Goodbye
         S: (end)",
    );
}

#[test]
fn passwords_are_taken_under_tls_only() {
    let mut world = World::new();
    check(
        &mut world,
        "T: clear
         C: CAPA
         S: +OK List follows
         S: TOP
         S: UIDL
         S: RESP-CODES
         S: AUTH-RESP-CODE
         S: PIPELINING
         S: LOGIN-DELAY 0
         S: EXPIRE NEVER
         S: UTF8 USER
         S: LANG
         S: STLS
         S: IMPLEMENTATION Congvu
         S: .
         C: USER an@tinh.gov.vn
         S: -ERR Start TLS (STLS) before signing in
         C: PASS Mật khẩu 2026
         S: -ERR Start TLS (STLS) before signing in
         C: AUTH PLAIN AGFuAHg=
         S: -ERR Start TLS (STLS) before signing in
         C: STLS
         S: +OK Begin TLS negotiation now
         C: STLS
         S: -ERR TLS is on already
         C: USER an@tinh.gov.vn
         S: +OK Now the password
         C: PASS Mật khẩu 2026
         S: +OK 0 messages (0 octets)
         C: STLS
         S: -ERR Signed in already",
    );
}

#[test]
fn what_is_sent_ahead_of_the_handshake_is_forgotten() {
    let mut world = World::new();
    world.connect(1, false);
    world.send(1, b"STLS\r\nUSER an@tinh.gov.vn\r\nQUIT\r\n");
    assert_eq!(world.line(1), "+OK Begin TLS negotiation now");
    assert_eq!(world.ask(1, "NOOP"), "-ERR Sign in first");
    assert_eq!(world.ask(1, "PASS x"), "-ERR USER comes first");
}

#[test]
fn names_are_not_told_apart() {
    let mut world = World::new();
    check(
        &mut world,
        "C: PASS Mật khẩu 2026
         S: -ERR USER comes first
         C: USER nobody@tinh.gov.vn
         S: +OK Now the password
         C: PASS wrong
         S: -ERR [AUTH] Wrong address or password
         C: USER an@tinh.gov.vn
         S: +OK Now the password
         C: PASS wrong
         S: -ERR [AUTH] Wrong address or password
         C: PASS Mật khẩu 2026
         S: -ERR USER comes first
         C: APOP an 0123456789abcdef0123456789abcdef
         S: -ERR APOP is not offered; use USER and PASS, or AUTH
         C: USER an
         S: +OK Now the password
         C: PASS Mật khẩu 2026
         S: +OK 0 messages (0 octets)
         C: USER an
         S: -ERR Signed in already",
    );
}

#[test]
fn sasl_goes_through_the_directory() {
    let mut world = World::new();
    check(
        &mut world,
        "C: AUTH CRAM-MD5
         S: -ERR This mechanism is not offered
         C: AUTH PLAIN !!
         S: -ERR The answer does not fit the mechanism
         C: AUTH PLAIN
         S: + …
         C: *
         S: -ERR AUTH was cancelled
         C: AUTH PLAIN =
         S: -ERR The answer does not fit the mechanism
         C: AUTH PLAIN b3RoZXIAYW4AeA==
         S: -ERR The answer does not fit the mechanism
         C: auth login
         S: + VXNlcm5hbWU6
         C: YW5AdGluaC5nb3Yudm4=
         S: + UGFzc3dvcmQ6
         C: eA==
         S: -ERR [AUTH] Wrong address or password
         C: AUTH PLAIN AGFuQHRpbmguZ292LnZuAE3huq10IGto4bqpdSAyMDI2
         S: +OK 0 messages (0 octets)
         C: AUTH PLAIN
         S: -ERR Signed in already
         C2: AUTH PLAIN
         S2: + 
         C2: AGFuQHRpbmguZ292LnZuAE3huq10IGto4bqpdSAyMDI2
         S2: -ERR [IN-USE] Another session has this maildrop open; try later",
    );
}

#[test]
fn pop3_is_off_until_it_is_turned_on() {
    let mut world = World::new();
    let binh = world.person("binh@tinh.gov.vn");
    check(
        &mut world,
        "C: USER binh@tinh.gov.vn
         S: +OK Now the password
         C: PASS wrong
         S: -ERR [AUTH] Wrong address or password
         C: USER binh@tinh.gov.vn
         S: +OK Now the password
         C: PASS Mật khẩu 2026
         S: -ERR [AUTH] POP3 is off for this account; an administrator can turn it on
         C: LANG vi
         S: +OK vi Đã chọn tiếng Việt
         C: USER binh@tinh.gov.vn
         S: +OK Mời nhập mật khẩu
         C: PASS Mật khẩu 2026
         S: -ERR [AUTH] Tài khoản này chưa được bật POP3; hãy đề nghị quản trị viên bật",
    );
    world.switch(binh, true);
    check(
        &mut world,
        "C: USER binh@tinh.gov.vn
         S: +OK Mời nhập mật khẩu
         C: PASS Mật khẩu 2026
         S: +OK 0 thư (0 byte)",
    );
}

#[test]
fn one_session_has_the_maildrop_until_it_ends() {
    let mut world = World::new();
    check(
        &mut world,
        "L1: first
         C2: USER an@tinh.gov.vn
         S2: +OK Now the password
         C2: PASS Mật khẩu 2026
         S2: -ERR [IN-USE] Another session has this maildrop open; try later
         C: QUIT
         S: +OK Goodbye
         C2: USER an@tinh.gov.vn
         S2: +OK Now the password
         C2: PASS Mật khẩu 2026
         S2: +OK 0 messages (0 octets)",
    );
    // A connection that is simply gone gives it back too.
    world.cut(2);
    let free = (0..100).any(|_| {
        let answer = world.login(3);
        answer == "+OK 0 messages (0 octets)"
    });
    assert!(free, "the maildrop stays taken");
}

/// Of a session that waits and of one that asks.
#[test]
fn i08_a_sign_in_that_no_longer_stands_reads_and_removes_nothing() {
    let mut world = World::new();
    world.put(&[b"A: 1\r\n\r\nx\r\n"]);
    let off = "-ERR [AUTH] POP3 is off for this account; an administrator can turn it on";
    world.login(1);
    assert_eq!(world.ask(1, "DELE 1"), "+OK Marked as deleted");
    world.switch(world.account, false);
    assert_eq!(world.line(1), off);
    assert_eq!(world.line(1), END);
    assert_eq!(world.count(), 1);
    for command in ["STAT", "UIDL", "DELE 1", "RETR 1", "TOP 1 0", "QUIT"] {
        world.switch(world.account, true);
        assert_eq!(world.login(2), "+OK 1 messages (11 octets)");
        world.switch(world.account, false);
        assert_eq!(world.ask(2, command), off, "{command}");
        assert_eq!(world.line(2), END, "{command}");
    }
    world.switch(world.account, true);
    world.login(3);
    assert_eq!(world.ask(3, "DELE 1"), "+OK Marked as deleted");
    let secret = directory::Secret::new("Mật khẩu 2027");
    let changed = world.directory.set_password(None, world.account, &secret);
    changed.unwrap();
    let ended = "-ERR [AUTH] The sign-in no longer stands";
    assert_eq!(world.line(3), ended);
    assert_eq!(world.line(3), END);
    assert_eq!(world.count(), 1);
}

/// What else changes of an account leaves its session alone.
#[test]
fn a_session_goes_on_while_its_account_is_renamed() {
    let mut world = World::new();
    world.put(&[b"A: 1\r\n\r\nx\r\n"]);
    world.login(1);
    let mut account = world.directory.account(world.account).unwrap();
    account.name = "Nguyễn Thị An".into();
    world.directory.change_account(None, account, None).unwrap();
    world.switch(world.account, true);
    assert_eq!(world.ask(1, "STAT"), "+OK 1 11");
    assert_eq!(world.ask(1, "DELE 1"), "+OK Marked as deleted");
    assert_eq!(world.ask(1, "QUIT"), "+OK Goodbye");
    assert_eq!(world.count(), 0);
}

#[test]
fn languages_are_listed_and_chosen() {
    let mut world = World::new();
    check(
        &mut world,
        "C: LANG
         S: +OK List follows
         S: en English
         S: vi Tiếng Việt
         S: .
         C: LANG fr
         S: -ERR No such language
         C: LANG *
         S: +OK vi Đã chọn tiếng Việt
         C: LANG fr
         S: -ERR Không có ngôn ngữ này
         C: LANG en-GB
         S: +OK en English it is
         C: QUIT
         S: +OK Goodbye",
    );
}

#[test]
fn a_full_disk_refuses_and_the_maildrop_is_as_it_was() {
    let mut world = World::new();
    world.put(&[b"A: 1\r\n\r\nx\r\n"]);
    world.login(1);
    assert_eq!(world.ask(1, "DELE 1"), "+OK Marked as deleted");
    world.room.store(0, SeqCst);
    let answer = world.ask(1, "QUIT");
    assert_eq!(
        answer,
        "-ERR [SYS/TEMP] The messages were not removed; try later"
    );
    assert_eq!(world.line(1), END);
    assert_eq!(world.count(), 1);
}

#[test]
fn a_server_that_stops_says_so_and_removes_nothing() {
    let mut world = World::new();
    world.put(&[b"A: 1\r\n\r\nx\r\n"]);
    world.login(1);
    assert_eq!(world.ask(1, "DELE 1"), "+OK Marked as deleted");
    world.shut_down();
    assert_eq!(world.line(1), "-ERR [SYS/TEMP] The server is shutting down");
    assert_eq!(world.line(1), END);
    assert_eq!(world.count(), 1);
}
