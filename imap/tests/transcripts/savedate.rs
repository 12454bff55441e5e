//! RFC 8514 SAVEDATE. The clock of the store begins on 2026-11-22.

use crate::door::{NOW_MS, World, check};
use std::sync::atomic::Ordering;

const DAY_S: i64 = 86_400;

/// So many seconds after the beginning.
fn at(world: &World, seconds: i64) {
    let store_s = NOW_MS / 1_000 + seconds;
    world.store_s.store(store_s, Ordering::Relaxed);
}

#[test]
fn the_date_is_that_of_the_mailbox() {
    let mut world = World::new();
    at(&world, 0);
    world.login(1);
    world.append(
        1,
        "INBOX",
        "\"17-Jul-1996 02:44:25 -0700\" ",
        b"Subject: a\r\n\r\nx\r\n",
    );
    at(&world, 2 * DAY_S + 61);
    world.append(1, "INBOX", "", b"Subject: b\r\n\r\nx\r\n");
    world.ask(1, "SELECT INBOX");
    check(
        &mut world,
        r#"C: a CAPABILITY
           S: * CAPABILITY … SAVEDATE …
           S: a OK …
           C: b FETCH 1:2 (SAVEDATE INTERNALDATE)
           S: * 1 FETCH (SAVEDATE "22-Nov-2026 00:00:00 +0000" INTERNALDATE "17-Jul-1996 09:44:25 +0000")
           S: * 2 FETCH (SAVEDATE "24-Nov-2026 00:01:01 +0000" INTERNALDATE "22-Nov-2026 00:00:00 +0000")
           S: b OK …
           C: c SEARCH SAVEDON 22-Nov-2026
           S: * SEARCH 1
           S: c OK …
           C: d SEARCH SAVEDSINCE 22-Nov-2026
           S: * SEARCH 1 2
           S: d OK …
           C: e SEARCH SAVEDBEFORE 24-Nov-2026
           S: * SEARCH 1
           S: e OK …
           C: f SEARCH NOT SAVEDBEFORE 24-Nov-2026 SINCE 22-Nov-2026
           S: * SEARCH 2
           S: f OK …
           C: g UID SEARCH SAVEDATESUPPORTED
           S: * SEARCH 1 2
           S: g OK …
           C: h SORT (REVERSE ARRIVAL) UTF-8 SAVEDSINCE 23-Nov-2026
           S: * SORT 2
           S: h OK …
           C: i SEARCH SAVEDON
           S: i BAD …
           C: j SEARCH SAVEDON 31-Feb-2026
           S: j BAD …"#,
    );
}

/// RFC 8514 §3: COPY and MOVE begin anew, STORE and RENAME leave it.
#[test]
fn who_is_copied_or_moved_is_saved_anew() {
    let mut world = World::new();
    at(&world, 0);
    world.login(1);
    for subject in ["a", "b"] {
        let raw = format!("Subject: {subject}\r\n\r\nx\r\n");
        world.append(1, "INBOX", "", raw.as_bytes());
    }
    world.ask(1, "SELECT INBOX");
    at(&world, DAY_S);
    world.ask(1, "CREATE Viec");
    world.ask(1, "COPY 1 Viec");
    world.ask(1, "MOVE 2 Viec");
    world.ask(1, r"STORE 1 +FLAGS.SILENT (\Seen)");
    world.ask(1, "RENAME Viec Cu");
    check(
        &mut world,
        r#"C: a FETCH 1 SAVEDATE
           S: * 1 FETCH (SAVEDATE "22-Nov-2026 00:00:00 +0000")
           S: a OK …
           C: b ESEARCH IN (personal) SAVEDSINCE 23-Nov-2026
           S: * ESEARCH (TAG "b" MAILBOX "Cu" UIDVALIDITY …) UID ALL 1:2
           S: b OK …"#,
    );
    world.ask(1, "SELECT Cu");
    check(
        &mut world,
        r#"C: a FETCH 1:2 SAVEDATE
           S: * 1 FETCH (SAVEDATE "23-Nov-2026 00:00:00 +0000")
           S: * 2 FETCH (SAVEDATE "23-Nov-2026 00:00:00 +0000")
           S: a OK …"#,
    );
    // Even a move to where it was is a new beginning.
    at(&world, 2 * DAY_S);
    world.ask(1, "MOVE 1 Cu");
    check(
        &mut world,
        r#"C: a FETCH 1:2 SAVEDATE
           S: * 1 FETCH (SAVEDATE "23-Nov-2026 00:00:00 +0000")
           S: * 2 FETCH (SAVEDATE "24-Nov-2026 00:00:00 +0000")
           S: a OK …"#,
    );
}
