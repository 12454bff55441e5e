//! Our sender against our receiver, each fed in pieces of every size: the letter arrives as it left.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use delivery::{Outcome, Recipient, Refusal, Refused, ReversePath};
use formats::address::Address;
use smtp::sender::{Message, Sender};
use smtp::{Answer, Ask, Receiver, Service, Step, sender};
use std::sync::Arc;

const SIZE_MAX: u64 = 1 << 20;

struct Pair {
    sender: Sender,
    receiver: Receiver,
    piece: usize,
    to_receiver: Vec<u8>,
    to_sender: Vec<u8>,
    taken: Vec<(delivery::Envelope, Vec<u8>)>,
    outcomes: Vec<Vec<Outcome>>,
    left: Vec<Message>,
}

impl Pair {
    fn new(piece: usize, letters: Vec<Message>) -> Self {
        let config = smtp::Config {
            host: "mx.b.example".into(),
            size_max: SIZE_MAX,
            recipients_max: 100,
            pace: smtp::Pace::default(),
            postmaster_domain: None,
        };
        let ours = sender::Config {
            hello: "mx.tinhmau.gov.vn".into(),
            peer: "mx.b.example".into(),
            tls: sender::Tls::May,
            login: None,
            lmtp: false,
        };
        Self {
            sender: Sender::new(ours, 0),
            receiver: Receiver::new(Arc::new(config), Service::Mx, smtp::Tls::Offered, 0),
            piece,
            to_receiver: Vec::new(),
            to_sender: Vec::new(),
            taken: Vec::new(),
            outcomes: Vec::new(),
            left: letters,
        }
    }

    /// Until neither has anything to say.
    fn talk(&mut self) {
        let mut closed = false;
        for _ in 0..1_000_000 {
            let (sent, said) = (self.send(&mut closed), self.receive());
            let moved = self.carry();
            if !sent && !said && !moved {
                assert!(closed, "they wait for each other");
                return;
            }
        }
        panic!("they never end");
    }

    fn send(&mut self, closed: &mut bool) -> bool {
        let Some(step) = self.sender.next(0) else {
            return false;
        };
        match step {
            sender::Step::Send(bytes) => self.to_receiver.extend(bytes),
            sender::Step::StartTls => self.sender.secured(Ok(()), 0),
            sender::Step::Ready(_) => match self.left.pop() {
                Some(message) => self.sender.begin(message, 0),
                None => self.sender.quit(0),
            },
            sender::Step::Sent { outcomes, .. } => self.outcomes.push(outcomes),
            sender::Step::Failed(failure) => panic!("{failure:?}"),
            sender::Step::Close => *closed = true,
        }
        true
    }

    fn receive(&mut self) -> bool {
        let Some(step) = self.receiver.next() else {
            return false;
        };
        match step {
            Step::Send(bytes) => self.to_sender.extend(bytes),
            Step::Ask(ask) => {
                let answer = self.answer(ask);
                self.receiver.answer(answer, 0);
            }
            Step::StartTls | Step::Close => {}
        }
        true
    }

    fn answer(&mut self, ask: Ask) -> Answer {
        match ask {
            Ask::Sender(_) => Answer::Sender(Ok(())),
            Ask::Recipient(to, _) if to.local.as_str() == "nobody" => {
                Answer::Recipient(Err(Refused::Permanent(Refusal::UnknownRecipient)))
            }
            Ask::Recipient(..) => Answer::Recipient(Ok(())),
            Ask::Room(_) => Answer::Room(true),
            Ask::Take { envelope, content } => {
                self.taken.push((envelope, content));
                Answer::Take(Ok(format!("T{}", self.taken.len())))
            }
            other => panic!("{other:?}"),
        }
    }

    fn carry(&mut self) -> bool {
        let out = self.to_receiver.len().min(self.piece);
        let back = self.to_sender.len().min(self.piece);
        let piece: Vec<u8> = self.to_receiver.drain(..out).collect();
        if !piece.is_empty() {
            self.receiver.receive(&piece, 0);
        }
        let piece: Vec<u8> = self.to_sender.drain(..back).collect();
        if !piece.is_empty() {
            self.sender.receive(&piece, 0);
        }
        out + back > 0
    }
}

fn letter(to: &[&str], content: &[u8]) -> Message {
    let recipients = to.iter().map(|to| Recipient {
        address: Address::parse(&format!("{to}@b.example")).unwrap(),
        notify: None,
        orcpt: None,
    });
    Message {
        from: ReversePath::Address(Address::parse("an@tinhmau.gov.vn").unwrap()),
        recipients: recipients.collect(),
        ret: None,
        envid: None,
        smtputf8: to.iter().any(|to| !to.is_ascii()),
        eight_bit: !content.is_ascii(),
        binary: false,
        require_tls: false,
        priority: None,
        head: Arc::default(),
        content: content.into(),
    }
}

/// A binary letter of so many parts of every octet, with what would end a message or a chunk among them.
fn binary(to: &[&str], parts: usize) -> Message {
    let all: Vec<u8> = (0..=255).collect();
    let part = [
        &all,
        b"\r\n.\r\n\nQUIT\r\nBDAT 0 LAST\r\n\r\r\n.".as_slice(),
    ]
    .concat();
    let mut content =
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".to_vec();
    for _ in 0..parts {
        content.extend_from_slice(b"--b\r\nContent-Transfer-Encoding: binary\r\n\r\n");
        content.extend_from_slice(&part);
        content.extend_from_slice(b"\r\n");
    }
    content.extend_from_slice(b"--b--\r\n");
    Message {
        binary: true,
        ret: Some("HDRS".into()),
        envid: Some("q1".into()),
        ..letter(to, &content)
    }
}

#[test]
fn binary_letters_arrive_octet_for_octet_however_they_are_cut() {
    for piece in (1..700).chain([1_000, 64 * 1024, usize::MAX]) {
        // The last one is of several pieces of the sender (`PIECE_MAX`).
        let parts = if piece > 200 { 300 } else { 1 };
        let letters = vec![
            letter(&["a"], b"Subject: text\r\n\r\n.\r\n"),
            binary(&["nobody"], 1),
            binary(&["a", "nobody", "b"], 1),
            binary(&["a"], parts),
        ];
        let sent: Vec<Vec<u8>> = letters.iter().rev().map(|l| l.content.to_vec()).collect();
        let mut pair = Pair::new(piece, letters);
        pair.talk();
        let taken: Vec<(usize, Option<&str>)> = pair
            .taken
            .iter()
            .map(|(e, _)| (e.recipients.len(), e.envid.as_deref()))
            .collect();
        assert_eq!(taken, [(1, Some("q1")), (2, Some("q1")), (1, None)]);
        for (n, at) in [(0, 0), (1, 1), (2, 3)] {
            assert!(
                pair.taken[n].1 == sent[at],
                "letter {n} in pieces of {piece}"
            );
        }
        let relayed = |o: &Vec<Outcome>| {
            o.iter()
                .filter(|o| matches!(o, Outcome::Relayed(_)))
                .count()
        };
        let relayed: Vec<usize> = pair.outcomes.iter().map(relayed).collect();
        assert_eq!(relayed, [1, 2, 0, 1]);
    }
}

#[test]
fn letters_arrive_as_they_left_however_the_octets_are_cut() {
    let many: Vec<String> = (0..70).map(|n| format!("r{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let long = b"Subject: x\r\n\r\n"
        .iter()
        .copied()
        .chain(b"..a\r\n.\r\n".repeat(600))
        .collect::<Vec<u8>>();
    for piece in (1..300).chain([1_000, 64 * 1024, usize::MAX]) {
        let letters = vec![
            letter(&["ủyban"], "Subject: Công văn\r\n\r\n.\r\n".as_bytes()),
            letter(&["nobody"], b"x: y\r\n\r\n"),
            letter(&many, &long),
            letter(&["a", "nobody", "b"], b"no line end"),
        ];
        let mut pair = Pair::new(piece, letters);
        pair.talk();
        let taken: Vec<(usize, &[u8])> = pair
            .taken
            .iter()
            .map(|(e, c)| (e.recipients.len(), c.as_slice()))
            .collect();
        assert_eq!(
            taken,
            [
                (2, b"no line end\r\n".as_slice()),
                (70, &long),
                (1, "Subject: Công văn\r\n\r\n.\r\n".as_bytes()),
            ]
        );
        let relayed: Vec<usize> = pair
            .outcomes
            .iter()
            .map(|o| {
                o.iter()
                    .filter(|o| matches!(o, Outcome::Relayed(_)))
                    .count()
            })
            .collect();
        assert_eq!(relayed, [2, 70, 0, 1]);
        assert!(matches!(&pair.outcomes[0][1], Outcome::Failed(why) if why.starts_with("5.1.1 ")));
    }
}
