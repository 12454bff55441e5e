use crate::door::*;
use pop3::ask::{Answer, Ask, Step};
use pop3::machine::{BAD_MAX, PIECE_MAX, SIGN_INS_MAX};
use pop3::maildrop::Maildrop;
use pop3::wire::command::LINE_MAX;
use pop3::wire::line::DROPPED_MAX;
use pop3::{Machine, Settings};
use proptest::prelude::*;
use std::sync::Arc;

#[test]
fn bad_lines_are_refused_and_the_session_lives_on() {
    let mut world = World::new();
    world.connect(1, true);
    let long = "x".repeat(LINE_MAX + 1);
    for (line, answer) in [
        (&b""[..], "-ERR No such command"),
        (b"HELP", "-ERR No such command"),
        (b"STAT", "-ERR Sign in first"),
        (b"XTND XMIT", "-ERR No such command"),
        (b"USER", "-ERR The arguments do not fit the command"),
        (b"CAPA x", "-ERR The arguments do not fit the command"),
        (b"USER a\0b", "-ERR The line is not clean UTF-8"),
        (b"USER \xc0\xaf", "-ERR The line is not clean UTF-8"),
        (b"PASS \xff", "-ERR The line is not clean UTF-8"),
        (long.as_bytes(), "-ERR The line is too long"),
        (b"QUIT", "+OK Goodbye"),
    ] {
        world.send(1, &[line, b"\r\n"].concat());
        assert_eq!(world.line(1), answer, "{}", line.escape_ascii());
    }
    assert_eq!(world.line(1), END);
}

/// The same behind the sign-in: no line that is wrong marks, removes or unmarks anything.
#[test]
fn bad_lines_change_nothing_in_the_maildrop() {
    let mut world = World::new();
    world.put(&[&b"Subject: a\r\n\r\nx\r\n"[..]; 3]);
    assert!(world.login(1).starts_with("+OK"));
    assert!(world.ask(1, "DELE 1").starts_with("+OK"));
    let (none, arguments) = (
        "-ERR No such message",
        "-ERR The arguments do not fit the command",
    );
    let long = format!("RETR {}", "1".repeat(LINE_MAX));
    let list = "2,".repeat(900);
    for (line, answer) in [
        (&b"RETR 0"[..], none),
        (b"RETR 1", none),
        (b"RETR 4", none),
        (b"RETR 4294967297", none),
        (b"TOP 9999999999 0", none),
        (b"DELE 0", none),
        (b"DELE 1", none),
        (b"RETR 99999999999", arguments),
        (b"RETR -1", arguments),
        (b"RETR 2 3", arguments),
        (b"DELE 2:3", arguments),
        (b"DELE *", arguments),
        (b"DELE", arguments),
        (b"TOP 2", arguments),
        (b"TOP 2 -1", arguments),
        (b"TOP 2 1 1", arguments),
        (b"LIST x", arguments),
        (b"UIDL 2 2", arguments),
        (list.as_bytes(), "-ERR No such command"),
        (b"DELE 2\0", "-ERR The line is not clean UTF-8"),
        (b"DELE \xc0\xaf", "-ERR The line is not clean UTF-8"),
        (b"RSET\x01", "-ERR The line is not clean UTF-8"),
        (long.as_bytes(), "-ERR The line is too long"),
        (b"USER an", "-ERR "),
        (b"AUTH PLAIN", "-ERR "),
        (b"STLS", "-ERR "),
    ] {
        world.send(1, &[line, b"\r\n"].concat());
        let got = world.line(1);
        let shown = line[..line.len().min(40)].escape_ascii();
        assert!(got.starts_with(answer), "{shown}: {got}");
        // Too many of them in a row would end the connection.
        assert_eq!(world.ask(1, "STAT"), "+OK 2 34");
    }
    world.cut(1);
    assert_eq!(world.count(), 3);
}

#[test]
fn i13_lines_commands_and_sign_ins_have_an_end() {
    let mut world = World::new();
    world.connect(1, true);
    world.send(1, &vec![b'x'; DROPPED_MAX + LINE_MAX]);
    world.send(1, &[b'x'; 8_192]);
    assert_eq!(world.line(1), "-ERR The line is too long");
    assert_eq!(world.line(1), END);
    world.connect(2, true);
    for _ in 0..BAD_MAX {
        assert_eq!(world.ask(2, "WHO"), "-ERR No such command");
    }
    assert_eq!(
        world.line(2),
        "-ERR Too many commands that cannot be understood"
    );
    assert_eq!(world.line(2), END);
    world.connect(3, true);
    for n in 0..SIGN_INS_MAX {
        assert_eq!(world.ask(3, "USER an"), "+OK Now the password");
        let answer = world.ask(3, &format!("PASS wrong {n}"));
        assert!(answer.starts_with("-ERR ["), "{answer}");
    }
    let last = "-ERR [SYS/TEMP] Too many failed sign-ins on this connection";
    assert_eq!(world.line(3), last);
    assert_eq!(world.line(3), END);
}

/// Answers everything the machine asks; what it says.
struct Play {
    machine: Machine,
    said: Vec<u8>,
    closed: bool,
    largest: usize,
}

impl Play {
    fn new(settings: Settings) -> Self {
        let machine = Machine::new(Arc::new(settings), true, 0);
        let mut play = Self {
            machine,
            said: Vec::new(),
            closed: false,
            largest: 0,
        };
        play.turn(0);
        play
    }

    fn feed(&mut self, octets: &[u8], now_ms: i64) {
        self.machine.receive(octets, now_ms);
        self.turn(now_ms);
    }

    fn turn(&mut self, now_ms: i64) {
        while let Some(step) = self.machine.next() {
            match step {
                Step::Send(octets) => {
                    self.largest = self.largest.max(octets.len());
                    self.said.extend(octets);
                }
                Step::Close => self.closed = true,
                Step::StartTls => {}
                Step::Ask(ask) => {
                    assert_eq!(self.machine.deadline(), None, "a question has no deadline");
                    let answer = match ask {
                        Ask::Sasl(_) => Answer::Failed,
                        Ask::SignIn { .. } | Ask::Enter(_) => {
                            let mut maildrop = Maildrop::new(7);
                            for uid in 1..=50_000 {
                                maildrop.push(uid, 10);
                            }
                            Answer::SignedIn(maildrop)
                        }
                        Ask::Read { .. } => Answer::Piece(b"A: 1\r\n".to_vec()),
                        Ask::More => Answer::Last(b"\r\n.\r\n".to_vec()),
                        Ask::Look => Answer::Stands,
                        Ask::Finish(_) => Answer::Finished,
                    };
                    self.machine.answer(answer, now_ms);
                }
            }
        }
    }
}

#[test]
fn who_does_not_sign_in_or_says_nothing_is_closed_without_a_word() {
    let settings = Settings::default();
    let (login_ms, idle_ms) = (
        i64::from(settings.login_s) * 1000,
        i64::from(settings.idle_s) * 1000,
    );
    assert!(idle_ms >= 600_000, "RFC 1939 §3");
    let mut play = Play::new(settings.clone());
    play.feed(b"CAPA\r\n", login_ms - 1);
    play.said.clear();
    assert_eq!(play.machine.deadline(), Some(login_ms), "words do not help");
    play.machine.expire(login_ms);
    play.turn(login_ms);
    assert!(play.closed && play.said.is_empty());

    let mut play = Play::new(settings);
    play.feed(b"USER a\r\nPASS b\r\n", 1000);
    assert_eq!(play.machine.deadline(), Some(1000 + idle_ms));
    play.feed(b"DELE 1\r\n", 5000);
    play.said.clear();
    play.machine.expire(5000 + idle_ms - 1);
    play.turn(0);
    assert!(!play.closed);
    play.machine.expire(5000 + idle_ms);
    play.turn(0);
    assert!(play.closed && play.said.is_empty());
    play.feed(b"QUIT\r\n", 0);
    assert!(play.said.is_empty(), "nothing after the end");
}

#[test]
fn fifty_thousand_messages_come_in_pieces() {
    let mut play = Play::new(Settings::default());
    play.feed(b"USER a\r\nPASS b\r\nUIDL\r\nLIST\r\nNOOP\r\n", 0);
    let lines = play.said.iter().filter(|b| **b == b'\n').count();
    assert_eq!(lines, 3 + 2 * 50_002 + 1);
    assert!(
        play.said
            .ends_with(b"50000 10\r\n.\r\n+OK Nothing done\r\n")
    );
    assert!(play.largest < PIECE_MAX + 200, "{}", play.largest);
}

/// Octets made of what means something here, so that deep states are reached.
fn words() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just(b"USER a\r\nPASS b\r\n".to_vec()),
        Just(b"AUTH PLAIN\r\n".to_vec()),
        Just(b"AUTH PLAIN AGEAYg==\r\n".to_vec()),
        Just(b"CAPA\r\n".to_vec()),
        Just(b"RETR 1\r\n".to_vec()),
        Just(b"TOP 50000 9\r\n".to_vec()),
        Just(b"LIST 3\nDELE 3\n".to_vec()),
        Just(b"RSET\r\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\n".to_vec()),
        Just(vec![b'x'; 3000]),
        proptest::collection::vec(any::<u8>(), 0..40),
    ];
    proptest::collection::vec(word, 0..30).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn i14_any_octets_give_the_same_answers_however_cut(input in words(), piece in 1usize..50) {
        let mut whole = Play::new(Settings::default());
        whole.feed(&input, 0);
        let mut cut = Play::new(Settings::default());
        for octets in input.chunks(piece) {
            cut.feed(octets, 0);
        }
        prop_assert_eq!(whole.closed, cut.closed);
        prop_assert_eq!(String::from_utf8_lossy(&whole.said), String::from_utf8_lossy(&cut.said));
    }
}
