//! The machine alone: the same answers however the octets are split, time, and hostile input.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use imap::ask::{Answer, Ask, Completion, Effect, Output, Step};
use imap::machine::{HALF_COMMAND_MS, LARGE_COMMAND_MS, LITERAL_PACE, Machine};
use imap::settings::Settings;
use imap::wire::command::Command;
use proptest::prelude::*;
use std::sync::Arc;

/// What the session would do, with a store that says yes to everything; told as text.
fn drain(machine: &mut Machine, told: &mut String) -> bool {
    while let Some(step) = machine.next() {
        match step {
            Step::Send(chunk) => told.push_str(&String::from_utf8_lossy(chunk.as_ref())),
            Step::Ask(ask) => {
                let effect = match &ask {
                    Ask::Run { command, .. } => match **command {
                        Command::Login { .. } => Effect::SignedIn,
                        Command::Select { .. } => Effect::Selected,
                        Command::Close | Command::Unselect => Effect::Unselected,
                        Command::Unauthenticate => Effect::SignedOut,
                        _ => Effect::None,
                    },
                    _ => Effect::None,
                };
                told.push_str(&format!("<{ask:?}>"));
                let answer = match ask {
                    Ask::Room(octets) => Answer::Room(octets < 40_000),
                    Ask::Sasl(_) => Answer::Failed,
                    _ => Answer::Done(Output::default(), Completion::ok("done").effect(effect)),
                };
                machine.answer(answer, 0);
            }
            Step::StartTls => told.push_str("<tls>"),
            Step::Compress(ahead) => {
                // As if compression were none.
                told.push_str("<deflate>");
                machine.receive(&ahead, 0);
            }
            Step::Decompress => told.push_str("<plain>"),
            Step::Close => return false,
        }
    }
    true
}

fn machine() -> Machine {
    let settings = Settings {
        size_max: 60_000,
        ..Settings::default()
    };
    Machine::new(Arc::new(settings), true, 0)
}

fn play(octets: &[u8], step: usize) -> String {
    let (mut machine, mut told) = (machine(), String::new());
    drain(&mut machine, &mut told);
    for piece in octets.chunks(step) {
        machine.receive(piece, 0);
        if !drain(&mut machine, &mut told) {
            told.push_str("<end>");
            break;
        }
    }
    told
}

const TALK: &[u8] = b"a CAPABILITY\r\nb LOGIN {3}\r\nx@y {4+}\r\npass\r\nc NOOP\r\nd SELECT \"INBOX\"\r\n\
e UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (\"From\")])\r\nf APPEND x () {20}\r\nFrom: a\r\n\r\n{3}\r\nxyz12\r\n\
g SEARCH OR TEXT {2+}\r\nab TEXT {0+}\r\n\r\nh IDLE\r\nDONE\r\ni IDLE\r\nwhat\r\nj APPEND x {70000+}\r\n";

#[test]
fn i14_the_answers_do_not_depend_on_how_octets_are_split() {
    let mut talk = TALK.to_vec();
    talk.extend(vec![b'z'; 70_000]);
    talk.extend_from_slice(
        b"\r\nu COMPRESS DEFLATE\r\nv COMPRESS DEFLATE\r\nw UNAUTHENTICATE\r\nx LOGIN a b\r\nk APPEND x {50000}\r\nl NOPE\r\nm STARTTLS\r\nn LOGOUT\r\no NOOP\r\n",
    );
    let whole = play(&talk, talk.len());
    for step in [1, 2, 3, 5, 7, 64, 1_000] {
        assert_eq!(play(&talk, step), whole, "in steps of {step}");
    }
    for expected in [
        "j NO [TOOBIG]",
        "k NO [LIMIT]",
        "l BAD",
        "i BAD [CLIENTBUG] DONE",
        "h OK IDLE",
        "u OK DEFLATE active\r\n<deflate>v NO [COMPRESSIONACTIVE]",
        "w OK done\r\n<plain>",
        "* BYE",
        "n OK LOGOUT",
    ] {
        assert!(whole.contains(expected), "{expected} in {whole}");
    }
    assert!(whole.ends_with("<end>"));
}

#[test]
fn the_sample_of_rfc_9051_section_8_is_understood() {
    let talk = b"a001 login mrc secret\r\na002 select inbox\r\na003 fetch 12 full\r\na004 fetch 12 body[header]\r\n\
a005 store 12 +flags \\deleted\r\na006 logout\r\n";
    let told = play(talk, talk.len());
    for tag in ["a001", "a002", "a003", "a004", "a005", "a006"] {
        assert!(
            told.contains(&format!("\r\n{tag} OK ")) || told.contains(&format!(">{tag} OK ")),
            "{tag} in {told}"
        );
    }
}

#[test]
fn time_runs_out() {
    let mut told = String::new();
    let mut late = machine();
    drain(&mut late, &mut told);
    // Talking without signing in does not help.
    late.receive(b"a NOOP\r\n", 100_000);
    drain(&mut late, &mut told);
    assert_eq!(late.deadline(), Some(120_000));
    late.expire(119_999);
    assert!(drain(&mut late, &mut told));
    late.expire(120_000);
    assert!(!drain(&mut late, &mut told));
    assert!(told.ends_with("* BYE Autologout; too long without a command\r\n"));

    let mut idle = machine();
    idle.receive(b"a LOGIN x y\r\n", 1_000);
    drain(&mut idle, &mut told);
    idle.receive(b"b NOOP\r\n", 500_000);
    drain(&mut idle, &mut told);
    // RFC 9051 §5.4: at least 30 minutes. The stub answers at time 0.
    assert!(idle.deadline().is_some_and(|at| at >= 30 * 60_000));
    idle.receive(b"c APPEND x {10000}\r\n", 600_000);
    drain(&mut idle, &mut told);
    idle.receive(b"half", 700_000);
    assert_eq!(idle.deadline(), Some(700_000 + HALF_COMMAND_MS));
}

/// Room for a large literal is not held by an octet a minute.
#[test]
fn a_large_command_comes_in_whole_within_its_time() {
    let mut told = String::new();
    let mut slow = machine();
    slow.receive(b"a LOGIN x y\r\n", 0);
    drain(&mut slow, &mut told);
    let large = format!("b APPEND x {{{}+}}\r\n", 9 * LITERAL_PACE);
    slow.receive(large.as_bytes(), 0);
    drain(&mut slow, &mut told);
    // The stub answers at time 0.
    let whole = LARGE_COMMAND_MS + 9_000;
    let mut now = 0;
    while now + 60_000 < whole {
        now += 60_000;
        slow.receive(b"x", now);
        slow.expire(now);
        assert!(drain(&mut slow, &mut told), "at {now}");
    }
    slow.receive(b"x", whole - 1);
    assert_eq!(slow.deadline(), Some(whole));
    slow.expire(whole);
    assert!(!drain(&mut slow, &mut told));
    assert!(told.contains("* BYE Autologout"), "{told}");

    // Once it is whole, the next one has its own time.
    let mut quick = machine();
    quick.receive(b"a LOGIN x y\r\nb APPEND x {30000+}\r\n", 0);
    drain(&mut quick, &mut told);
    quick.receive(&[b'x'; 30_000], 1_000);
    quick.receive(b"\r\n", 1_000);
    drain(&mut quick, &mut told);
    assert!(quick.deadline().is_some_and(|at| at >= 30 * 60_000));
}

/// Pieces that hostile and careless clients are made of.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&'static [u8]> = vec![
        b"a ",
        b"\r\n",
        b"\n",
        b"\r",
        b"LOGIN x y\r\n",
        b"SELECT INBOX\r\n",
        b"FETCH ",
        b"1:*",
        b" (",
        b"(",
        b")",
        b"\"",
        b"{",
        b"}",
        b"{3}\r\n",
        b"{3+}\r\n",
        b"{99999999999}\r\n",
        b"{30000+}\r\n",
        b"~",
        b"\\",
        b"BODY[",
        b"]",
        b"<1.2>",
        b"SEARCH ",
        b"NOT ",
        b"OR ",
        b"$",
        b"APPEND x ",
        b"IDLE\r\n",
        b"DONE\r\n",
        b"AUTHENTICATE PLAIN\r\n",
        b"*",
        b"UID ",
        b"STORE 1 FLAGS ",
        b"LIST \"\" ",
        b"RETURN (",
        b"\0",
        b"\xff\xfe",
        b"=\r\n",
        b"STARTTLS\r\n",
        b"COMPRESS DEFLATE\r\n",
        b"UNAUTHENTICATE\r\n",
        b"REPLACE 1 x CATENATE (TEXT ",
        b"UTF8 (~",
        b"URL /;UID=1 ",
    ];
    prop_oneof![
        8 => prop::sample::select(words).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn i13_nothing_a_peer_sends_ends_in_a_panic(pieces in prop::collection::vec(piece(), 0..60), step in 1usize..50) {
        let octets: Vec<u8> = pieces.concat();
        let whole = play(&octets, octets.len().max(1));
        prop_assert_eq!(play(&octets, step), whole);
    }
}
