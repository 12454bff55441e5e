//! What holds for every input of the receiving machine.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use proptest::prelude::*;
use smtp::receiver::{ERRORS_MAX, REPLIES_MAX};
use smtp::{Answer, Ask, Config, Receiver, Service, SignIn, Step, Tls};
use std::sync::Arc;

fn machine(service: Service, tls: Tls, size_max: u64) -> Receiver {
    let config = Config {
        host: "mx.tinhmau.gov.vn".into(),
        size_max,
        recipients_max: 100,
        pace: smtp::Pace::default(),
        postmaster_domain: None,
    };
    Receiver::new(Arc::new(config), service, tls, 0)
}

/// Feeds a piece and answers yes to everything; returns what was said and whether it closed.
fn feed(machine: &mut Receiver, bytes: &[u8], said: &mut Vec<u8>) -> Option<Step> {
    machine.receive(bytes, 0);
    while let Some(step) = machine.next() {
        match step {
            Step::Send(bytes) => {
                // A reply more than the bound may be added to those gathered.
                assert!(bytes.len() <= REPLIES_MAX + 1024);
                said.extend(bytes);
            }
            Step::Ask(ask) => {
                let answer = match ask {
                    Ask::Sender(_) => Answer::Sender(Ok(())),
                    Ask::Recipient(..) => Answer::Recipient(Ok(())),
                    Ask::Room(_) => Answer::Room(true),
                    Ask::SignIn { .. } | Ask::Enter(_) | Ask::Sasl(_) => {
                        Answer::SignIn(SignIn::Accepted)
                    }
                    Ask::Take { .. } => Answer::Take(Ok("T".into())),
                };
                machine.answer(answer, 0);
            }
            end @ (Step::StartTls | Step::Close) => return Some(end),
        }
    }
    None
}

#[test]
fn commands_sent_ahead_of_the_handshake_are_dropped() {
    let mut machine = machine(Service::Mx, Tls::Offered, 1000);
    let mut said = Vec::new();
    let ahead = b"EHLO x\r\nSTARTTLS\r\nMAIL FROM:<a@b.vn>\r\nRCPT TO:<c@d.vn>\r\n";
    let end = feed(&mut machine, ahead, &mut said);
    assert!(matches!(end, Some(Step::StartTls)));
    assert!(said.ends_with(b"220 2.0.0 Ready to start TLS\r\n"));
    said.clear();
    assert!(feed(&mut machine, b"NOOP\r\n", &mut said).is_none());
    assert_eq!(
        said, b"250 2.0.0 Ok\r\n",
        "the answer to MAIL would stand before it"
    );
}

/// RFC 5802 §6: who takes -PLUS out of the list on its way is found out, before anybody is asked.
#[test]
fn a_downgrade_of_scram_is_turned_away() {
    let mut machine = machine(Service::Submission, Tls::On, 1000);
    machine.offer_scram(directory::sasl::Channel {
        exporter: Some([7; 32]),
        end_point: None,
    });
    let mut said = Vec::new();
    feed(&mut machine, b"EHLO x\r\n", &mut said);
    said.clear();
    // y,,n=an,r=x
    feed(
        &mut machine,
        b"AUTH SCRAM-SHA-256 eSwsbj1hbixyPXg=\r\n",
        &mut said,
    );
    let said = String::from_utf8(said).unwrap();
    let denied = "535 5.7.8 SCRAM-SHA-256-PLUS is offered here, but ";
    assert!(said.starts_with(denied), "{said}");
}

#[test]
fn an_answer_that_was_not_asked_for_changes_nothing() {
    let mut machine = machine(Service::Submission, Tls::On, 1000);
    let mut said = Vec::new();
    machine.answer(Answer::SignIn(SignIn::Accepted), 0);
    feed(&mut machine, b"EHLO x\r\nMAIL FROM:<a@b.vn>\r\n", &mut said);
    assert!(said.ends_with(b"530 5.7.0 Authentication required\r\n"));
}

#[test]
fn a_pipelining_flood_is_answered_in_bounded_writes() {
    let mut machine = machine(Service::Mx, Tls::Absent, 1000);
    let mut said = Vec::new();
    let flood = b"NOOP\r\n".repeat(4_000);
    assert!(feed(&mut machine, &flood, &mut said).is_none());
    assert_eq!(said.iter().filter(|b| **b == b'\n').count(), 4_001);
    let mut other = self::machine(Service::Mx, Tls::Absent, 1000);
    let flood = b"X\r\n".repeat(20_000);
    said.clear();
    assert!(matches!(
        feed(&mut other, &flood, &mut said),
        Some(Step::Close)
    ));
    let lines = said.iter().filter(|b| **b == b'\n').count();
    assert_eq!(lines, ERRORS_MAX as usize + 2);
    let flood = b"NOOP\r\n".repeat(2_000);
    said.clear();
    assert!(matches!(
        feed(&mut machine, &flood, &mut said),
        Some(Step::Close)
    ));
    assert!(said.ends_with(b"421 4.7.0 Too many commands without a message\r\n"));
}

/// Octets made of what means something here, so that deep states are reached.
fn words() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just(b"EHLO x\r\n".to_vec()),
        Just(b"MAIL FROM:<a@b.vn>\r\n".to_vec()),
        Just(b"RCPT TO:<c@d.vn>\r\n".to_vec()),
        Just(b"DATA\r\n".to_vec()),
        Just(b"BDAT 7\r\n".to_vec()),
        Just(b"BDAT 3 LAST\r\n".to_vec()),
        Just(b"AUTH PLAIN AGEAYg==\r\n".to_vec()),
        Just(b"AUTH LOGIN\r\n".to_vec()),
        Just(b"\r\n.\r\n".to_vec()),
        Just(b"RSET\r\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\n".to_vec()),
        Just(b".".to_vec()),
        Just(vec![b'x'; 3000]),
        proptest::collection::vec(any::<u8>(), 0..40),
    ];
    proptest::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn i13_any_octets_neither_panic_nor_pile_up(
        input in words(), piece in 1usize..5000, submission in any::<bool>()
    ) {
        let service = if submission { Service::Submission } else { Service::Mx };
        let mut machine = machine(service, Tls::On, 5_000);
        let mut said = Vec::new();
        for bytes in input.chunks(piece) {
            if feed(&mut machine, bytes, &mut said).is_some() {
                break;
            }
            prop_assert!(machine.memory() <= 5_000 + 12_288 + piece, "{}", machine.memory());
        }
    }

    #[test]
    fn i14_any_octets_give_the_same_replies_however_cut(input in words(), piece in 1usize..50) {
        let mut whole = Vec::new();
        let mut pieces = Vec::new();
        let mut machine_whole = machine(Service::Submission, Tls::On, 5_000);
        let mut machine_pieces = machine(Service::Submission, Tls::On, 5_000);
        let closed = feed(&mut machine_whole, &input, &mut whole).is_some();
        let mut closed_pieces = false;
        for bytes in input.chunks(piece) {
            closed_pieces = feed(&mut machine_pieces, bytes, &mut pieces).is_some();
            if closed_pieces {
                break;
            }
        }
        if !input.is_empty() {
            prop_assert_eq!(String::from_utf8_lossy(&whole), String::from_utf8_lossy(&pieces));
            prop_assert_eq!(closed, closed_pieces);
        }
    }
}
