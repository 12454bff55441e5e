//! One message whose content rotted on the disk: the others are read, searched and moved as ever, and of it
//! all that need not be read is told.

use crate::door::{World, check};

fn world() -> World {
    let mut world = World::new();
    world.login(1);
    world.append(1, "INBOX", "", b"Subject: mot\r\n\r\nalpha\r\n");
    let raw = b"From: Binh <b@x.vn>\r\nSubject: hai\r\nX-Loai: kin\r\n\r\nbeta gamma\r\n";
    world.append(1, "INBOX", "", raw);
    world.rot_last();
    world.append(1, "INBOX", "", b"Subject: ba\r\n\r\nbeta\r\n");
    world.ask(1, "SELECT INBOX");
    world
}

#[test]
fn fetch_gives_all_that_can_be_had() {
    let mut world = world();
    check(
        &mut world,
        r#"C: a UID FETCH 1:* (FLAGS BODY.PEEK[])
           S: * 1 FETCH (UID 1 FLAGS (\Recent) BODY[] {23}
           S: Subject: mot
           S: 
           S: alpha
           S: )
           S: * 2 FETCH (UID 2 FLAGS (\Recent))
           S: * 3 FETCH (UID 3 FLAGS (\Recent) BODY[] {21}
           S: Subject: ba
           S: 
           S: beta
           S: )
           S: a NO [CORRUPTION] The content of one message is damaged on the server: UID 2
           C: b FETCH 1:3 BODY.PEEK[TEXT]<0.4>
           S: * 1 FETCH (BODY[TEXT]<0> {4}
           S: alph)
           S: * 3 FETCH (BODY[TEXT]<0> {4}
           S: beta)
           S: b NO [CORRUPTION] …
           C: c FETCH 2 (RFC822.SIZE BINARY.SIZE[1] ENVELOPE BINARY.PEEK[1] BODY)
           S: * 2 FETCH (RFC822.SIZE 62 ENVELOPE (NIL "hai" (("Binh" NIL "b" "x.vn")) …) BODY ("text" "plain" …))
           S: c NO [CORRUPTION] …
           C: d FETCH 2 (ENVELOPE BODYSTRUCTURE PREVIEW)
           S: * 2 FETCH (ENVELOPE …
           S: d OK FETCH completed
           C: e FETCH 1:3 BODY[HEADER.FIELDS (SUBJECT)]
           S: * 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {16}
           S: Subject: mot
           S: 
           S:  FLAGS (\Seen \Recent))
           S: * 2 FETCH (FLAGS (\Seen \Recent))
           S: * 3 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {15}
           S: Subject: ba
           S: 
           S:  FLAGS (\Seen \Recent))
           S: e NO [CORRUPTION] …
           C: f FETCH 1 BODY[TEXT]
           S: * 1 FETCH (BODY[TEXT] {7}
           S: alpha
           S: )
           S: f OK FETCH completed"#,
    );
}

#[test]
fn many_damaged_messages_are_counted_and_some_are_named() {
    let mut world = World::new();
    world.login(1);
    for number in 0..130 {
        let raw = format!("Subject: {number}\r\n\r\nbody {number}\r\n");
        world.append(1, "INBOX", "", raw.as_bytes());
        if number % 2 == 0 {
            world.rot_last();
        }
    }
    world.ask(1, "SELECT INBOX");
    let lines = world.ask(1, "FETCH 1:* (UID BODY.PEEK[TEXT])");
    let told = lines.iter().filter(|line| line.contains("FETCH ")).count();
    let last = lines.last().unwrap();
    assert_eq!(told, 130);
    assert!(
        last.starts_with(
            "q NO [CORRUPTION] The content of 65 messages is damaged on the server: UIDs 1,3,5,"
        ) && last.ends_with(" and more")
            && last.len() < 320,
        "{last}"
    );
}

/// The same with and without the store's search index.
#[test]
fn search_goes_on_over_the_rest() {
    let mut world = world();
    for indexed in [false, true] {
        if indexed {
            while world.store.index_step().unwrap().more {}
        }
        check(
            &mut world,
            r#"C: a SEARCH BODY beta
               S: * SEARCH 3
               S: a OK SEARCH completed, but one message is damaged
               C: b SEARCH TEXT hai
               S: * SEARCH 2
               S: b OK SEARCH completed, but one message is damaged
               C: c SEARCH NOT BODY beta
               S: * SEARCH 1 2
               S: c OK …
               C: d SEARCH HEADER From binh
               S: * SEARCH 2
               S: d OK …
               C: e SEARCH HEADER X-Loai kin
               S: * SEARCH
               S: e OK …
               C: f UID SEARCH SUBJECT hai
               S: * SEARCH 2
               S: f OK SEARCH completed
               C: g SORT (SUBJECT) UTF-8 ALL
               S: * SORT 3 2 1
               S: g OK SORT completed
               C: h SORT (REVERSE SUBJECT) UTF-8 OR BODY beta FROM binh
               S: * SORT 2 3
               S: h OK …
               C: i THREAD REFERENCES UTF-8 ALL
               S: * THREAD (1)(2)(3)
               S: i OK THREAD completed"#,
        );
    }
}

#[test]
fn it_is_copied_and_moved_where_nothing_need_be_read() {
    let mut world = world();
    check(
        &mut world,
        r#"C: a STORE 2 +FLAGS (\Flagged)
           S: * 2 FETCH (UID 2 FLAGS (\Flagged \Recent))
           S: a OK …
           C: b COPY 1:3 Sent
           S: b OK [COPYUID …] COPY completed
           C: c MOVE 2 Trash
           S: * OK [COPYUID …] Moved
           S: * 2 EXPUNGE
           S: c OK …
           C: d STATUS Trash (MESSAGES)
           S: * STATUS "Trash" (MESSAGES 1)
           S: d OK …"#,
    );
    assert_eq!(world.store.check().unwrap(), Vec::<String>::new());
}
