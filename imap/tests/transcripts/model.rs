//! I-16: three connections act at random on one mailbox. Each one's picture, made from nothing but
//! what it was told, must in the end be the mailbox.

use crate::door::World;
use std::collections::BTreeSet;

/// A message as a client knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Known {
    uid: Option<u32>,
    flags: Option<BTreeSet<String>>,
}

/// A client's picture of the mailbox.
#[derive(Debug, Default)]
struct Picture(Vec<Known>);

impl Picture {
    /// RFC 9051 §7: what a client must do with each response.
    fn hear(&mut self, line: &str) {
        let mut words = line.split(' ');
        if words.next() != Some("*") {
            return;
        }
        let Some(number) = words.next().and_then(|w| w.parse::<usize>().ok()) else {
            return;
        };
        match words.next() {
            Some("EXISTS") => {
                assert!(number >= self.0.len(), "EXISTS may not shrink: {line}");
                self.0.resize(number, Known::default());
            }
            Some("EXPUNGE") => {
                assert!((1..=self.0.len()).contains(&number), "{line}");
                self.0.remove(number - 1);
            }
            Some("FETCH") => {
                assert!((1..=self.0.len()).contains(&number), "{line}");
                let known = &mut self.0[number - 1];
                if let Some(uid) = between(line, "UID ", [' ', ')']) {
                    let uid = uid.parse().unwrap();
                    assert!(
                        known.uid.is_none_or(|before| before == uid),
                        "{line} was {known:?}"
                    );
                    known.uid = Some(uid);
                }
                if let Some(flags) = between(line, "FLAGS (", [')', ')']) {
                    known.flags = Some(flags.split_whitespace().map(str::to_owned).collect());
                }
            }
            _ => {}
        }
    }
}

fn between<'a>(line: &'a str, from: &str, to: [char; 2]) -> Option<&'a str> {
    let rest = &line[line.find(from)? + from.len()..];
    rest.find(to).map(|end| &rest[..end])
}

/// Responses with their literals, which `ask` gives line by line.
fn whole(lines: Vec<String>) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for line in lines {
        match told.last_mut() {
            Some(last) if !line.starts_with("* ") && !line.starts_with("q ") => {
                last.push_str(&line)
            }
            _ => told.push(line),
        }
    }
    told
}

/// xorshift; the seed is in the test's message.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

fn command(dice: &mut Dice, count: usize) -> String {
    let flag = ["\\Seen", "\\Flagged", "\\Deleted", "viec"][dice.roll(4)];
    let sign = ["", "+", "-"][dice.roll(3)];
    let (a, b) = (dice.roll(count.max(1)) + 1, dice.roll(count.max(1)) + 1);
    match dice.roll(13) {
        0 | 1 if count > 0 => format!("STORE {a}:{b} {sign}FLAGS ({flag})"),
        2 => format!("UID STORE {a}:{} {sign}FLAGS ({flag})", a + 3),
        3 => "EXPUNGE".into(),
        4 => format!("UID EXPUNGE {a}:*"),
        5 if count > 0 => format!("FETCH {a}:{b} (UID FLAGS)"),
        6 if count > 0 => format!("FETCH {a} BODY[TEXT]"),
        7 if count > 0 => format!("COPY {a} INBOX"),
        8 if count > 0 => format!("MOVE {a}:{b} INBOX"),
        9 => format!("UID MOVE {a} Archive"),
        10 => "SEARCH UNSEEN".into(),
        11 => "UID FETCH 1:* FLAGS".into(),
        _ => "NOOP".into(),
    }
}

fn check(seed: u64) {
    let mut world = World::new();
    let mut dice = Dice(seed);
    let mut pictures: Vec<Picture> = Vec::new();
    world.login(0);
    for _ in 0..12 {
        world.append(0, "INBOX", "", b"Subject: x\r\n\r\nbody\r\n");
    }
    for number in 1..=3 {
        world.login(number);
        let mut picture = Picture::default();
        world
            .ask(number, "SELECT INBOX")
            .iter()
            .for_each(|line| picture.hear(line));
        pictures.push(picture);
    }
    for _ in 0..120 {
        let at = dice.roll(3);
        if dice.roll(8) == 0 {
            world.append(0, "INBOX", "(\\Seen)", b"Subject: new\r\n\r\nbody\r\n");
        }
        let command = command(&mut dice, pictures[at].0.len());
        let told = whole(world.ask(at as u32 + 1, &command));
        let quiet = ["FETCH", "STORE", "SEARCH"]
            .iter()
            .any(|word| command.starts_with(word));
        for line in &told {
            assert!(
                !(quiet && line.ends_with(" EXPUNGE")),
                "seed {seed}: {command}: {line}"
            );
            pictures[at].hear(line);
        }
    }
    world.ask(0, "SELECT INBOX");
    let mut truth = Picture::default();
    let count = world.ask(0, "UID SEARCH ALL")[0].split(' ').skip(2).count();
    truth.0.resize(count, Known::default());
    world
        .ask(0, "UID FETCH 1:* FLAGS")
        .iter()
        .for_each(|line| truth.hear(line));
    for (at, mut picture) in pictures.into_iter().enumerate() {
        world
            .ask(at as u32 + 1, "NOOP")
            .iter()
            .for_each(|line| picture.hear(line));
        assert_eq!(
            picture.0.len(),
            truth.0.len(),
            "seed {seed}, connection {}",
            at + 1
        );
        for (known, is) in picture.0.iter().zip(&truth.0) {
            assert!(
                known.uid.is_none_or(|uid| Some(uid) == is.uid),
                "seed {seed}: {known:?} {is:?}"
            );
            let told = known.flags.is_none() || known.flags == is.flags;
            assert!(told, "seed {seed}, connection {}: {known:?} {is:?}", at + 1);
        }
    }
}

#[test]
fn i16_every_picture_is_the_mailbox_in_the_end() {
    for seed in 1..=12u64 {
        check(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    }
}
