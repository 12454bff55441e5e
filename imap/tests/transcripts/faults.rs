//! A full disk: clear answers, nothing half done, and reading goes on.

use crate::door::{World, check};
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
           S: * 1 FETCH (FLAGS () BODY[TEXT] {6}
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
           S: * 1 FETCH (UID 1 FLAGS (\Flagged))
           S: i OK …"#,
    );
    assert_eq!(world.store.check().unwrap(), Vec::<String>::new());
}
