//! Commands put together at random from real words, run against a real store: every one is
//! answered, none ends in a panic, and the store stays whole.

use crate::door::{END, World};

const WORDS: &[&str] = &[
    "FETCH",
    "UID",
    "STORE",
    "SEARCH",
    "COPY",
    "MOVE",
    "EXPUNGE",
    "SELECT",
    "EXAMINE",
    "CREATE",
    "DELETE",
    "RENAME",
    "LIST",
    "LSUB",
    "STATUS",
    "SUBSCRIBE",
    "CLOSE",
    "UNSELECT",
    "CHECK",
    "NOOP",
    "ENABLE IMAP4rev2",
    "NAMESPACE",
    "INBOX",
    "inbox/x",
    "Sent",
    "\"\"",
    "*",
    "%",
    "a/b/c",
    "\"C&APQ-ng\"",
    "1",
    "1:*",
    "*",
    "2,4:3",
    "$",
    "4294967295",
    "0",
    "(FLAGS)",
    "ALL",
    "FULL",
    "BODY[]",
    "BODY[1.2.HEADER]<0.5>",
    "BODY[HEADER.FIELDS (x)]",
    "BODY[TEXT]<3.9999999999>",
    "BINARY[1]",
    "BINARY.SIZE[]",
    "ENVELOPE",
    "BODYSTRUCTURE",
    "(UID BODY[1] BODY[1.MIME] RFC822)",
    "+FLAGS",
    "-FLAGS.SILENT",
    "FLAGS",
    "(\\Seen \\Deleted)",
    "\\Flagged",
    "()",
    "viec",
    "RETURN",
    "(MIN MAX SAVE)",
    "(SAVE)",
    "(SUBSCRIBED RECURSIVEMATCH)",
    "(STATUS (MESSAGES SIZE))",
    "(MESSAGES UNSEEN UIDNEXT)",
    "TEXT",
    "BODY",
    "FROM",
    "HEADER",
    "x",
    "NOT",
    "OR",
    "SEEN",
    "SINCE 1-Jan-2026",
    "SENTON 2-Nov-2026",
    "LARGER 3",
    "(",
    ")",
    "CHARSET UTF-8",
    "USE",
    "(USE (\\Sent))",
    "SORT",
    "THREAD",
    "ESEARCH",
    "IN",
    "(personal)",
    "(subtree a)",
    "(REVERSE SUBJECT DATE)",
    "(RELEVANCY)",
    "REFERENCES UTF-8",
    "FUZZY",
    "YOUNGER 5",
    "(UPDATE COUNT)",
    "(PARTIAL -1:-3)",
    "CANCELUPDATE \"q\"",
];

/// Commands that can succeed; each `?` is a word from the list after it.
const SHAPES: &[(&str, &[&str])] = &[
    ("FETCH ? ?", &["1", "1:*", "2,1", "$", "*"]),
    ("UID FETCH ? ?", &["1:*", "7:2", "$", "4294967295"]),
    ("STORE ? +FLAGS ?", &["1", "1:*", "$"]),
    ("UID STORE ? FLAGS ?", &["1:*", "3"]),
    ("COPY ? ?", &["1", "*", "$"]),
    ("UID MOVE ? ?", &["1", "*", "2:3"]),
    (
        "UID SEARCH ? ?",
        &["ALL", "RETURN (SAVE) NOT", "OR TEXT b", "BODY a"],
    ),
    (
        "UID SORT ? UTF-8 ?",
        &["(SUBJECT)", "RETURN (ALL) (SIZE)", "(DISPLAYFROM FROM)"],
    ),
    (
        "THREAD ? UTF-8 ?",
        &["REFERENCES", "REFS", "ORDEREDSUBJECT"],
    ),
    (
        "ESEARCH ? ?",
        &["IN (personal)", "RETURN (COUNT)", "IN (inboxes)"],
    ),
    ("LIST ? ?", &["\"\"", "a/"]),
    ("CREATE ?", &["a/b", "c", "INBOX/d", "e/"]),
    ("RENAME ? ?", &["a", "c", "INBOX/d", "a/b"]),
    ("DELETE ?", &["a", "a/b", "c"]),
    ("EXPUNGE", &[]),
];

fn command(state: &mut u64) -> String {
    let word = |state: &mut u64| WORDS[next(state) % WORDS.len()];
    if next(state).is_multiple_of(2) {
        let count = 1 + next(state) % 5;
        let words: Vec<&str> = (0..count).map(|_| word(state)).collect();
        return words.join(" ");
    }
    let (shape, firsts) = SHAPES[next(state) % SHAPES.len()];
    let mut pieces = shape.split('?');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for (at, piece) in pieces.enumerate() {
        text.push_str(if at == 0 {
            firsts[next(state) % firsts.len()]
        } else {
            word(state)
        });
        text.push_str(piece);
    }
    text
}

fn next(state: &mut u64) -> usize {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize
}

#[test]
fn i13_whatever_is_asked_is_answered() {
    let mut world = World::new();
    let mut state = 20_261_122;
    world.login(1);
    for raw in [
        "Subject: a\r\n\r\nb\r\n",
        "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\na\r\n--x\r\nContent-Type: message/rfc822\r\n\r\nFrom: a\r\n\r\nb\r\n--x--\r\n",
        "x",
    ] {
        world.append(1, "INBOX", "", raw.as_bytes());
    }
    let (mut fine, mut refused) = (0, 0);
    for _ in 0..4_000 {
        let command = command(&mut state);
        let told = world.ask(1, &command);
        let last = told.last().unwrap();
        assert!(!told.concat().contains("SERVERBUG"), "{command}: {told:?}");
        match last.as_str() {
            END => world.login(1),
            answer if answer.starts_with("q OK") => fine += 1,
            _ => refused += 1,
        }
        if next(&mut state).is_multiple_of(16) {
            world.ask(1, "SELECT INBOX");
        }
    }
    assert!(
        fine > 200 && refused > 200,
        "{fine} done, {refused} refused"
    );
    assert_eq!(world.store.check().unwrap(), Vec::<String>::new());
}
