//! A full disk: clear answers, nothing half done, and reading goes on.

use crate::door::{World, check};
use directory::AccountKind;
use imap::Settings;
use std::sync::atomic::Ordering::SeqCst;

#[test]
fn on_a_full_disk_mail_is_read_and_nothing_is_half_written() {
    let mut world = World::new();
    world.login(1);
    world.append(1, "INBOX", "", b"Subject: a\r\n\r\nbody\r\n");
    world.ask(1, "SELECT INBOX");
    let room = world.room.swap(20, SeqCst);
    check(
        &mut world,
        r#"C: a APPEND INBOX {16+}
           C: Subject: b 12345
           S: a NO [UNAVAILABLE] …
           C: b STORE 1 +FLAGS (\Flagged)
           S: b NO [UNAVAILABLE] …
           C: c COPY 1 Sent
           S: c NO [UNAVAILABLE] …
           C: d MOVE 1 Sent
           S: d NO [UNAVAILABLE] …
           C: e CREATE x
           S: e NO [UNAVAILABLE] …
           C: f FETCH 1 (FLAGS BODY[TEXT])
           S: * 1 FETCH (FLAGS (\Recent) BODY[TEXT] {6}
           S: body
           S: )
           S: f OK FETCH completed
           C: g STATUS INBOX (MESSAGES UNSEEN UIDNEXT)
           S: * STATUS INBOX (MESSAGES 1 UNSEEN 1 UIDNEXT 2)
           S: g OK …
           C: h STATUS Sent (MESSAGES)
           S: * STATUS "Sent" (MESSAGES 0)
           S: h OK …"#,
    );
    world.room.store(room, SeqCst);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !world
        .ask(1, "STORE 1 +FLAGS.SILENT (\\Flagged)")
        .concat()
        .starts_with("q OK")
    {
        assert!(
            std::time::Instant::now() < deadline,
            "writing is not taken up again"
        );
    }
    check(
        &mut world,
        r#"C: i UID FETCH 1:* FLAGS
           S: * 1 FETCH (UID 1 FLAGS (\Flagged \Recent))
           S: i OK …"#,
    );
    assert_eq!(world.store.check().unwrap(), Vec::<String>::new());
}

/// RFC 6851 §3.3: MOVE between two accounts is two commits. Wherever the disk ends between them, the message is with
/// the one, with the other or with both, and the answer says OK only where it was moved.
#[test]
fn a_move_between_accounts_is_never_lost_at_the_cut() {
    let mut world = World::on(0, Settings::default());
    world.account("binh@tinh.gov.vn", AccountKind::Person);
    world.login(1);
    world.login_as(2, "binh@tinh.gov.vn");
    world.ask(2, "SETACL INBOX an@tinh.gov.vn lrswipkxte");
    let theirs = "\"Other Users/binh@tinh.gov.vn/INBOX\"";
    let count = |world: &mut World, number| {
        let told = world.ask(number, "STATUS INBOX (MESSAGES)").concat();
        let (_, rest) = told.split_once("MESSAGES ").unwrap();
        rest.split(')').next().unwrap().parse::<u32>().unwrap()
    };
    let plenty = world.room.load(SeqCst);
    let (mut moved, mut both, mut neither) = (0, 0, 0);
    for octets in (0..2_400).step_by(40) {
        world.append(1, "INBOX", "", b"Subject: a\r\n\r\nbody\r\n");
        world.ask(1, "SELECT INBOX");
        let before = (count(&mut world, 1), count(&mut world, 2));
        world.room.store(octets, SeqCst);
        let answer = world.ask(1, &format!("MOVE * {theirs}")).concat();
        world.room.store(plenty, SeqCst);
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while !world.ask(1, "CREATE x").concat().contains("q OK") {
            assert!(std::time::Instant::now() < deadline, "no writing again");
        }
        world.ask(1, "DELETE x");
        let after = (count(&mut world, 1), count(&mut world, 2));
        match (before.0 - after.0, after.1 - before.1) {
            (1, 1) => moved += 1,
            (0, 1) => both += 1,
            (0, 0) => neither += 1,
            lost => panic!("{lost:?} with {octets} octets: {answer}"),
        }
        let done = answer.contains("q OK MOVE");
        assert_eq!(done, after.0 < before.0, "{octets} octets: {answer}");
    }
    assert!(
        moved > 0 && both > 0 && neither > 0,
        "{moved} {both} {neither}"
    );
    assert_eq!(world.store.check().unwrap(), Vec::<String>::new());
}
