//! RFC 9051 §6.4.4 with the store's search index: it changes how much is read and never what is found.

use crate::door::World;
use storage::{AccountId, TextPlace};

/// Words that letters are made of.
const WORDS: [&str; 12] = [
    "Công", "văn", "họp", "giao ban", "UBND", "Tỉnh", "12/QD", "thong", "thông", "báo", "a", "ơ",
];
/// Texts to look for, with their lengths in octets known to `literal`.
const TEXTS: [&str; 12] = [
    "công văn",
    "ông",
    "họp giao",
    "ubnd",
    "2/qd",
    "a",
    "ơ ",
    "thông báo",
    "THONG",
    "le",
    "x.vn>",
    "nowhere",
];

struct Dice(u64);

impl Dice {
    fn below(&mut self, max: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % max
    }

    fn words(&mut self, max: usize) -> String {
        let count = self.below(max + 1);
        let words: Vec<_> = (0..count).map(|_| WORDS[self.below(WORDS.len())]).collect();
        words.join(" ")
    }
}

fn append(world: &mut World, dice: &mut Dice, letters: usize) {
    for _ in 0..letters {
        let (subject, body, number) = (dice.words(3), dice.words(12), dice.below(9));
        let raw = format!(
            "From: Lê Văn <le.{number}@x.vn>\r\nTo: vanthu@y.vn\r\nSubject: {subject}\r\n\
             Message-ID: <Tin.{number}@X.vn>\r\nX-Loai: {}\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\n{body}\r\n",
            dice.words(1)
        );
        world.append(1, "INBOX", "", raw.as_bytes());
    }
}

/// All that the mailbox answers.
fn answers(world: &mut World) -> Vec<Vec<String>> {
    world.ask(1, "NOOP");
    let mut all = Vec::new();
    for text in TEXTS {
        let text = format!("{{{}+}}\r\n{text}", text.len());
        for keys in [
            format!("SUBJECT {text}"),
            format!("FROM {text}"),
            format!("TO {text}"),
            format!("BODY {text}"),
            format!("TEXT {text}"),
            format!("HEADER X-Loai {text}"),
            format!("HEADER Message-ID {text}"),
            format!("HEADER Subject {text}"),
            format!("NOT BODY {text}"),
            format!("OR SUBJECT {text} BODY thong"),
            format!("OR (TEXT {text} FROM le.3) NOT TEXT {text}"),
            format!("3:20 BODY {text} SUBJECT a"),
            format!("LARGER 230 TEXT {text}"),
        ] {
            all.push(world.ask(1, &format!("SEARCH CHARSET UTF-8 {keys}")));
        }
    }
    all
}

fn index(world: &World) {
    while world.store.index_step().unwrap().more {}
}

#[test]
fn the_index_changes_no_answer() {
    let mut world = World::new();
    world.login(1);
    world.ask(1, "SELECT INBOX");
    let mut dice = Dice(5);
    append(&mut world, &mut dice, 25);
    let before = answers(&mut world);
    assert!(
        before.iter().any(|lines| lines[0].len() > 20),
        "something is found"
    );
    index(&world);
    let known = (1..20).filter_map(AccountId::new).any(|account| {
        let sought = world
            .store
            .account(account)
            .sought(TextPlace::Body, "thong");
        sought.is_some_and(|sought| !sought.certain.is_empty())
    });
    assert!(known, "the index is asked");
    assert_eq!(answers(&mut world), before);
    // Newer messages, and removed ones.
    append(&mut world, &mut dice, 3);
    world.ask(1, "STORE 2,7 +FLAGS.SILENT (\\Deleted)");
    world.ask(1, "EXPUNGE");
    world.ask(1, "COPY 1 INBOX");
    let behind = answers(&mut world);
    index(&world);
    assert_eq!(answers(&mut world), behind);
}

/// RFC 9051 §6.4.4 TEXT: the header as BODY[HEADER] shows it, with lines that are no fields.
#[test]
fn lines_that_are_no_fields_are_found() {
    let mut world = World::new();
    world.login(1);
    let raw =
        "From: a@x.vn\r\nkhong phai Nhãn\r\nUTF8 (Subject: Nháp\r\nTo: b@x.vn\r\n\r\nthân\r\n";
    world.append(1, "INBOX", "", raw.as_bytes());
    world.ask(1, "SELECT INBOX");
    for indexed in [false, true] {
        for (text, found) in [
            ("nháp", true),
            ("phai nhãn", true),
            ("utf8 (sub", true),
            ("nhap khong", false),
        ] {
            let key = format!("TEXT {{{}+}}\r\n{text}", text.len());
            let answer = &world.ask(1, &format!("SEARCH CHARSET UTF-8 {key}"))[0];
            let expected = if found { "* SEARCH 1" } else { "* SEARCH" };
            assert_eq!(answer, expected, "{text}, indexed: {indexed}");
        }
        index(&world);
    }
}
