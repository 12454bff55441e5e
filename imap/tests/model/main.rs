//! I-16: eight connections act at random on one mailbox, one after the other and all at once. Each
//! one's picture, made from nothing but what it was told, must in the end be the mailbox.
//!
//! They differ in what they have turned on: revision 1 and 2, CONDSTORE, QRESYNC, UIDONLY, IDLE, NOTIFY.
//! Those with QRESYNC are cut off now and then and must get all they missed when they return.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

#[allow(dead_code, reason = "the transcripts use all of it")]
#[path = "../transcripts/door.rs"]
mod door;
mod picture;

use door::World;
use picture::{Flags, Kind, Picture, between};
use std::collections::{BTreeMap, BTreeSet};

/// Operations when nobody says how many.
const OPERATIONS: usize = 2_000;
/// Operations in one world.
const OF_ONE_WORLD: usize = 500;
const SESSIONS: u32 = 8;
/// Is told of changes between its commands (RFC 5465); it knows no numbers that they could move.
const LISTENER: u32 = 6;
const NOTIFY: &str =
    "NOTIFY SET (SELECTED (MessageNew (FLAGS) MessageExpunge FlagChange)) (PERSONAL (MailboxName))";
const BODY: &[u8] = b"Subject: x\r\n\r\nbody\r\n";

/// xorshift; the seed is in the failure's message.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

fn kind(number: u32) -> (Kind, &'static str, &'static str) {
    let none = Kind::default();
    let condstore = Kind {
        condstore: true,
        ..none
    };
    let qresync = Kind {
        qresync: true,
        ..condstore
    };
    match number {
        1 | 2 => (none, "NOOP", "SELECT INBOX"),
        3 => (condstore, "NOOP", "SELECT INBOX (CONDSTORE)"),
        4 => (qresync, "ENABLE QRESYNC", "SELECT INBOX"),
        5 => (
            Kind {
                rev2: true,
                ..qresync
            },
            "ENABLE QRESYNC IMAP4rev2",
            "SELECT INBOX",
        ),
        6 => (
            Kind {
                uid_only: true,
                ..none
            },
            "ENABLE UIDONLY",
            "SELECT INBOX",
        ),
        7 => (
            Kind {
                uid_only: true,
                ..qresync
            },
            "ENABLE QRESYNC UIDONLY",
            "SELECT INBOX",
        ),
        _ => (
            Kind { rev2: true, ..none },
            "ENABLE IMAP4rev2",
            "SELECT INBOX",
        ),
    }
}

/// Responses with their literals, which come line by line.
fn whole(lines: Vec<String>) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for line in lines {
        match told.last_mut() {
            Some(last) if !line.starts_with("* ") && !line.starts_with('z') => last.push_str(&line),
            _ => told.push(line),
        }
    }
    told
}

struct Play {
    world: World,
    dice: Dice,
    clients: Vec<Picture>,
    idle: Vec<bool>,
    validity: String,
    returns: usize,
}

impl Play {
    fn new(seed: u64) -> Self {
        let mut world = World::new();
        world.login(0);
        for _ in 0..12 {
            world.append(0, "INBOX", "", BODY);
        }
        let told = world.ask(0, "SELECT INBOX");
        let validity = told
            .iter()
            .find_map(|l| between(l, "[UIDVALIDITY ", &[']']));
        let validity = validity.unwrap().to_owned();
        let mut play = Self {
            world,
            dice: Dice(seed),
            clients: Vec::new(),
            idle: vec![false; SESSIONS as usize],
            validity,
            returns: 0,
        };
        for number in 1..=SESSIONS {
            let mut picture = Picture {
                kind: kind(number).0,
                ..Picture::default()
            };
            play.world.login(number);
            for command in [kind(number).1, kind(number).2, "UID FETCH 1:* FLAGS"] {
                let lines = play.exchange(number, command);
                picture.hear_all(command, &lines);
            }
            if number == LISTENER {
                play.exchange(number, NOTIFY);
            }
            play.clients.push(picture);
        }
        play
    }

    fn send(&mut self, number: u32, at: usize, command: &str) {
        self.world
            .send(number, format!("z{at} {command}\r\n").as_bytes());
    }

    /// Lines up to the tagged one.
    fn receive(&mut self, number: u32, at: usize) -> Vec<String> {
        let (tag, mut lines) = (format!("z{at} "), Vec::new());
        loop {
            let line = self.world.line(number);
            assert_ne!(line, door::END, "the connection ended after {lines:?}");
            let last = line.starts_with(&tag);
            lines.push(line);
            if last {
                return whole(lines);
            }
        }
    }

    fn exchange(&mut self, number: u32, command: &str) -> Vec<String> {
        self.send(number, 0, command);
        let lines = self.receive(number, 0);
        let well = lines.last().unwrap();
        assert!(!well.starts_with("z0 BAD"), "{command}: {well}");
        lines
    }

    fn truth(&mut self) -> BTreeMap<u32, Flags> {
        self.exchange(0, "NOOP");
        let command = "UID FETCH 1:* FLAGS";
        let lines = self.exchange(0, command);
        let mut picture = Picture::default();
        picture.rows.resize(1_000, picture::Known::default());
        picture.hear_all(command, &lines);
        picture.known()
    }

    /// A command, and whether it may follow another one that is still under way (RFC 9051 §5.5).
    fn command(&mut self, number: u32) -> (String, bool) {
        let (dice, picture) = (&mut self.dice, &self.clients[number as usize - 1]);
        let (kind, count, highest) = (picture.kind, picture.len(), picture.highest);
        let flag = ["\\Seen", "\\Flagged", "\\Deleted", "viec"][dice.roll(4)];
        let sign = ["", "+", "-"][dice.roll(3)];
        // What was pushed may be from before a silent change or after it: nobody can tell.
        let silent = [".SILENT", ""][dice.roll(2).max(usize::from(number == LISTENER))];
        let (a, b) = (dice.roll(count.max(1)) + 1, dice.roll(count.max(1)) + 1);
        let known = picture.known();
        let uid = known.keys().nth(a - 1).copied().unwrap_or(1);
        let numbers = count > 0 && !kind.uid_only;
        let text = match dice.roll(18) {
            0 | 1 if numbers => {
                return (format!("STORE {a}:{b} {sign}FLAGS{silent} ({flag})"), true);
            }
            2 if numbers => return (format!("FETCH {a}:{b} (UID FLAGS)"), true),
            3 if numbers => return (format!("FETCH {a} BODY[TEXT]"), true),
            4 if numbers => format!("COPY {a} INBOX"),
            5 if numbers => format!("MOVE {a}:{b} Archive"),
            6 if !kind.uid_only => return ("SEARCH UNSEEN".into(), true),
            7 => format!("UID STORE {uid}:{} {sign}FLAGS{silent} ({flag})", uid + 3),
            8 if kind.condstore => {
                format!("UID STORE {uid} (UNCHANGEDSINCE {highest}) {sign}FLAGS ({flag})")
            }
            9 if kind.qresync => {
                format!("UID FETCH 1:* FLAGS (CHANGEDSINCE {highest} VANISHED)")
            }
            10 => "EXPUNGE".into(),
            11 => format!("UID EXPUNGE {uid}:*"),
            12 => format!("UID COPY {uid} INBOX"),
            13 => format!("UID MOVE {uid} INBOX"),
            14 => "UID FETCH 1:* FLAGS".into(),
            15 => format!("UID FETCH {uid} BODY[TEXT]"),
            _ => "NOOP".into(),
        };
        (text, false)
    }

    /// One command, or some ahead of their answers; returns how many.
    fn burst(&mut self, numbers: &[u32]) -> usize {
        let mut sent: Vec<(u32, usize, String)> = Vec::new();
        for &number in numbers {
            for at in 0..3 {
                let (command, quiet) = self.command(number);
                self.send(number, at, &command);
                sent.push((number, at, command));
                // RFC 9051 §5.5: after a command that may tell of expunges, numbers mean nothing.
                if !quiet || self.dice.roll(2) == 0 {
                    break;
                }
            }
        }
        for (number, at, command) in &sent {
            let lines = self.receive(*number, *at);
            let well = lines.last().unwrap();
            assert!(!well.contains(" BAD "), "{number}: {command}: {well}");
            self.clients[*number as usize - 1].hear_all(command, &lines);
        }
        sent.len()
    }

    fn wake(&mut self, number: u32) {
        let at = number as usize - 1;
        if std::mem::take(&mut self.idle[at]) {
            self.world.send(number, b"DONE\r\n");
            let lines = self.receive(number, 0);
            self.clients[at].hear_all("IDLE", &lines);
        }
    }

    fn rest(&mut self, number: u32) {
        self.send(number, 0, "IDLE");
        let line = self.world.line(number);
        assert_eq!(line, "+ idling");
        self.idle[number as usize - 1] = true;
    }

    /// RFC 7162 §3.2.5: cut off, back again, and all that was missed is told.
    fn come_back(&mut self, number: u32) {
        let at = number as usize - 1;
        // The answer to this is lost on the way.
        self.send(number, 0, "NOOP");
        let mut cached = self.clients[at].known();
        let (highest, kind) = (self.clients[at].highest, self.clients[at].kind);
        self.clients[at].forget();
        self.world.login(number);
        self.exchange(number, self::kind(number).1);
        let command = format!("SELECT INBOX (QRESYNC ({} {highest}))", self.validity);
        let lines = self.exchange(number, &command);
        self.clients[at].hear_all(&command, &lines);
        for line in &lines {
            if let Some(uids) = line.strip_prefix("* VANISHED (EARLIER) ") {
                picture::set(uids)
                    .iter()
                    .for_each(|uid| drop(cached.remove(uid)));
            }
        }
        cached.extend(self.clients[at].known());
        let truth = self.truth();
        for (uid, flags) in &cached {
            assert_eq!(truth.get(uid), Some(flags), "{kind:?} {uid}: {lines:?}");
        }
        let lines = self.exchange(number, "UID FETCH 1:* FLAGS");
        self.clients[at].hear_all("UID FETCH 1:* FLAGS", &lines);
        self.returns += 1;
    }

    fn go_on(&mut self) -> usize {
        let number = self.dice.roll(SESSIONS as usize) as u32 + 1;
        self.wake(number);
        match self.dice.roll(24) {
            0 | 1 => self.world.append(0, "INBOX", "(\\Seen)", BODY),
            2 if number != LISTENER => self.rest(number),
            3 if kind(number).0.qresync => self.come_back(number),
            4..=8 => {
                let mut numbers: Vec<u32> = (1..=SESSIONS).collect();
                numbers.retain(|n| !self.idle[*n as usize - 1] && self.dice.roll(2) == 0);
                return self.burst(&numbers);
            }
            _ => return self.burst(&[number]),
        }
        1
    }

    fn check(&mut self) {
        let truth = self.truth();
        for number in 1..=SESSIONS {
            self.wake(number);
            let lines = self.exchange(number, "NOOP");
            let picture = &mut self.clients[number as usize - 1];
            picture.hear_all("NOOP", &lines);
            if let Err(why) = picture.agrees(&truth) {
                panic!("connection {number}: {why}");
            }
        }
        // RFC 3501 §2.3.2: no message was new to two sessions.
        let mut told = BTreeSet::new();
        for uid in self.clients.iter().flat_map(Picture::was_recent) {
            assert!(told.insert(uid), "{uid} was recent twice");
        }
        // A mailbox of some dozens: what nobody took out goes now and then.
        if truth.len() > 60 {
            self.exchange(0, "UID STORE 1:* +FLAGS.SILENT (\\Deleted)");
            self.exchange(0, "EXPUNGE");
            self.world.append(0, "INBOX", "", BODY);
        }
    }
}

fn play(seed: u64, operations: usize) -> (usize, usize) {
    let mut play = Play::new(seed);
    let (mut done, mut checked) = (0, 0);
    while done < operations {
        done += play.go_on();
        if done - checked >= 40 {
            checked = done;
            play.check();
        }
    }
    play.check();
    (done, play.returns)
}

fn main() {
    let asked = std::env::args().skip(1).find_map(|a| a.parse().ok());
    let operations: usize = asked.unwrap_or(OPERATIONS);
    let (mut done, mut returns, mut seed) = (0, 0, 0x9E37_79B9_7F4A_7C15u64);
    while done < operations {
        let run = || play(seed, OF_ONE_WORLD.min(operations - done));
        let Ok((more, came)) = std::panic::catch_unwind(run) else {
            panic!("seed {seed:#x}");
        };
        (done, returns) = (done + more, returns + came);
        seed = seed.wrapping_mul(0x2545_F491_4F6C_DD1D).wrapping_add(1) | 1;
    }
    println!(
        "i16: {done} operations of {SESSIONS} sessions, {returns} returns: every picture was the mailbox"
    );
}
