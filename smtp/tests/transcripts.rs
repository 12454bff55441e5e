//! Conversations with the receiving machine, from `tests/transcripts/*.txt`.
//!
//! `C:` a line from the client with CRLF; `C|` raw octets (`\r \n \0 \xHH \\` and `{n*c}` for n times
//! c); `S:` a reply line; `?` a question of the machine, `=` its answer; `@300s` time passes; `! tls`
//! and `! close` what the session must do; `#` a comment. The first lines may set `service`, `tls`,
//! `size`, `recipients`, `room`, `wall`. Each conversation is held whole, octet by octet, in small pieces
//! and cut once at every octet: replies and questions must be the same (I-14).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use delivery::{Envelope, Refusal, Refused, ReversePath, TlsWish};
use formats::address::DomainName;
use smtp::{Answer, Ask, Config, Pace, Receiver, Service, SignIn, Step, Tls};
use std::collections::VecDeque;
use std::sync::Arc;

#[derive(Clone)]
enum Event {
    Feed(Vec<u8>),
    Wait(u64),
}

/// One exchange: what happens, then what the machine must have done about it.
#[derive(Clone, Default)]
struct Exchange {
    event: Option<Event>,
    said: Vec<u8>,
    done: Vec<String>,
    answers: Vec<String>,
}

struct Script {
    name: String,
    config: Config,
    service: Service,
    tls: Tls,
    room: u64,
    /// Unix seconds at the beginning, where mail may be held.
    wall: Option<i64>,
    exchanges: Vec<Exchange>,
}

fn unescape(text: &str) -> Vec<u8> {
    let (mut out, mut chars) = (Vec::new(), text.chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next().unwrap() {
                'r' => out.push(b'\r'),
                'n' => out.push(b'\n'),
                '0' => out.push(0),
                'x' => {
                    let hex: String = chars.by_ref().take(2).collect();
                    out.push(u8::from_str_radix(&hex, 16).unwrap());
                }
                other => out.push(other as u8),
            },
            '{' => {
                let inner: String = chars.by_ref().take_while(|c| *c != '}').collect();
                let (n, what) = inner.split_once('*').unwrap();
                out.extend(unescape(what).repeat(n.parse().unwrap()));
            }
            c => out.extend(c.to_string().bytes()),
        }
    }
    out
}

fn read(name: &str, text: &str) -> Script {
    let mut script = Script {
        name: name.to_owned(),
        config: Config {
            host: "mx.tinhmau.gov.vn".into(),
            size_max: 1000,
            recipients_max: 3,
            pace: Pace {
                rate_min: 0,
                ..Pace::default()
            },
            postmaster_domain: DomainName::parse("tinhmau.gov.vn").ok(),
        },
        service: Service::Mx,
        tls: Tls::Offered,
        room: u64::MAX,
        wall: None,
        exchanges: vec![Exchange::default()],
    };
    for line in text.lines() {
        let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
        if !script.setting(mark, rest) {
            script.event(line, mark, rest);
        }
    }
    script
}

impl Script {
    /// The first lines.
    fn setting(&mut self, mark: &str, rest: &str) -> bool {
        match mark {
            "" | "#" => {}
            "service" if rest == "submission" => self.service = Service::Submission,
            "service" if rest == "lmtp" => self.service = Service::Lmtp,
            "tls" if rest == "on" => self.tls = Tls::On,
            "tls" if rest == "absent" => self.tls = Tls::Absent,
            "size" => self.config.size_max = rest.parse().unwrap(),
            "recipients" => self.config.recipients_max = rest.parse().unwrap(),
            "rate" => self.config.pace.rate_min = rest.parse().unwrap(),
            "wall" => self.wall = Some(rest.parse().unwrap()),
            "room" => self.room = rest.parse().unwrap(),
            _ => return false,
        }
        true
    }

    fn event(&mut self, line: &str, mark: &str, rest: &str) {
        let last = self.exchanges.last_mut().unwrap();
        let answered = !last.said.is_empty()
            || !last.done.is_empty()
            || matches!(last.event, Some(Event::Wait(_)));
        match mark {
            "C:" | "C|" => {
                let mut bytes = unescape(rest);
                if mark == "C:" {
                    bytes.extend(b"\r\n");
                }
                match &mut last.event {
                    Some(Event::Feed(fed)) if !answered => fed.extend(bytes),
                    _ => self.begin(Event::Feed(bytes)),
                }
            }
            "S:" => last.said.extend(rest.bytes().chain(*b"\r\n")),
            "?" | "!" => last.done.push(line.to_owned()),
            "=" => last.answers.push(rest.to_owned()),
            _ => {
                let seconds = line.strip_prefix('@').and_then(|l| l.strip_suffix('s'));
                let seconds = seconds.and_then(|s| s.parse::<u64>().ok());
                let seconds = seconds.unwrap_or_else(|| panic!("{}: {line}", self.name));
                self.begin(Event::Wait(seconds * 1000));
            }
        }
    }

    fn begin(&mut self, event: Event) {
        self.exchanges.push(Exchange {
            event: Some(event),
            ..Exchange::default()
        });
    }
}

fn show(from: &ReversePath) -> String {
    match from {
        ReversePath::Null => "<>".into(),
        ReversePath::Address(address) => format!("<{address}>"),
    }
}

/// What MAIL declared, where it did.
fn declared(octets: u64) -> String {
    match octets {
        0 => String::new(),
        octets => format!(" {octets}"),
    }
}

fn refusal(word: &str) -> Refused {
    Refused::Permanent(match word {
        "unknown" => Refusal::UnknownRecipient,
        "relay" => Refusal::RelayDenied,
        "list" => Refusal::MayNotPost,
        "full" => Refusal::OverQuota,
        "fullnow" => Refusal::FullNow,
        "loop" => Refusal::Loop,
        "sender" => Refusal::SenderNotYours,
        "from" => Refusal::FromNotYours,
        "later" => return Refused::Temporary("secret path /var".into()),
        "damage" => return Refused::Failed("secret path /var".into()),
        other => panic!("{other}"),
    })
}

/// What else the sender asks for.
fn wishes(envelope: &Envelope) -> String {
    let priority = match envelope.priority {
        0 => String::new(),
        priority => format!(" priority {priority}"),
    };
    match envelope.tls {
        TlsWish::Required => priority + " requires TLS",
        TlsWish::None | TlsWish::Waived => priority,
    }
}

/// One holding of a conversation.
struct Play {
    machine: Receiver,
    room: u64,
    now: u64,
    said: Vec<u8>,
    done: Vec<String>,
    answers: VecDeque<String>,
}

impl Play {
    /// Runs the machine until it needs input.
    fn turn(&mut self) {
        while let Some(step) = self.machine.next() {
            match step {
                Step::Send(bytes) => self.said.extend(bytes),
                Step::StartTls => self.done.push("! tls".into()),
                Step::Close => self.done.push("! close".into()),
                Step::Ask(ask) => {
                    assert_eq!(self.machine.deadline(), None);
                    let answer = self.answer(ask);
                    self.machine.answer(answer, self.now);
                }
            }
        }
    }

    fn answer(&mut self, ask: Ask) -> Answer {
        if let Ask::Room(octets) = ask {
            return Answer::Room(octets <= self.room);
        }
        let word = self
            .answers
            .pop_front()
            .unwrap_or_else(|| panic!("no answer for {ask:?}"));
        let yes = || {
            if word == "ok" {
                Ok(())
            } else {
                Err(refusal(&word))
            }
        };
        match ask {
            Ask::Sender(from) => {
                self.done.push(format!("? sender {}", show(&from)));
                Answer::Sender(yes())
            }
            Ask::Recipient(address, octets) => {
                let declared = declared(octets);
                self.done.push(format!("? recipient <{address}>{declared}"));
                Answer::Recipient(yes())
            }
            Ask::SignIn { name, secret } => {
                self.done
                    .push(format!("? sign-in {name} {}", secret.expose()));
                Answer::SignIn(match word.as_str() {
                    "ok" => SignIn::Accepted,
                    "refused" => SignIn::Refused,
                    "wait" => SignIn::Later,
                    _ => SignIn::Unavailable,
                })
            }
            Ask::Take { envelope, content } => {
                let to: Vec<String> = envelope
                    .recipients
                    .iter()
                    .map(|r| {
                        let asked = [&r.notify, &r.orcpt].into_iter().flatten();
                        let asked: String = asked.map(|word| format!(" {word}")).collect();
                        format!("{}{asked}", r.address)
                    })
                    .collect();
                let asked = [&envelope.ret, &envelope.envid].into_iter().flatten();
                let asked: String = asked.map(|word| format!(" {word}")).collect();
                let held = envelope.release_at.map(|at| format!(" until {at}"));
                let asked = asked + &wishes(&envelope) + &held.unwrap_or_default();
                let text = if content.len() > 200 {
                    format!("{} octets", content.len())
                } else {
                    content.escape_ascii().to_string()
                };
                let (with, from) = (self.machine.with(), show(&envelope.from));
                self.done.push(format!(
                    "? take {with} {from}{asked} {} {text}",
                    to.join(",")
                ));
                let took = |word: &str| match word {
                    "ok" => Ok("T1".into()),
                    word => Err(refusal(word)),
                };
                match self.machine.service() {
                    Service::Lmtp => Answer::TakeEach(word.split(' ').map(took).collect()),
                    Service::Mx | Service::Submission => Answer::Take(took(&word)),
                }
            }
            Ask::Room(_) | Ask::Sasl(_) | Ask::Enter(_) => unreachable!(),
        }
    }
}

/// `cut` tells where the octets fed so far are cut.
fn hold(script: &Script, cut: &dyn Fn(usize) -> bool, how: &str) {
    let config = Arc::new(script.config.clone());
    let mut play = Play {
        machine: Receiver::new(config, script.service, script.tls, 0),
        room: script.room,
        now: 0,
        said: Vec::new(),
        done: Vec::new(),
        answers: VecDeque::new(),
    };
    if let Some(began) = script.wall {
        play.machine.offer_release(began);
    }
    let mut fed = 0;
    for (nth, exchange) in script.exchanges.iter().enumerate() {
        let context = format!("{} {how}, exchange {nth}", script.name);
        play.answers.extend(exchange.answers.iter().cloned());
        play.turn();
        match &exchange.event {
            None => {}
            Some(Event::Wait(ms)) => {
                play.now += ms;
                let deadline = play.machine.deadline().expect("nothing is asked");
                if play.now >= deadline {
                    play.machine.expire(play.now);
                }
                play.turn();
            }
            Some(Event::Feed(bytes)) => {
                let mut piece = Vec::new();
                for (i, b) in bytes.iter().enumerate() {
                    piece.push(*b);
                    fed += 1;
                    if cut(fed) || i + 1 == bytes.len() {
                        play.machine.receive(&piece, play.now);
                        play.turn();
                        piece.clear();
                    }
                }
            }
        }
        let said = String::from_utf8_lossy(&play.said).into_owned();
        assert_eq!(said, String::from_utf8_lossy(&exchange.said), "{context}");
        assert_eq!(play.done, exchange.done, "{context}");
        assert!(
            play.answers.is_empty(),
            "{context}: not asked {:?}",
            play.answers
        );
        play.said.clear();
        play.done.clear();
    }
}

fn check(name: &str, text: &str) {
    let script = read(name, text);
    let length: usize = script
        .exchanges
        .iter()
        .map(|e| match &e.event {
            Some(Event::Feed(bytes)) => bytes.len(),
            _ => 0,
        })
        .sum();
    hold(&script, &|_| false, "whole");
    for size in [1, 2, 3, 5, 7, 64] {
        hold(&script, &|at| at % size == 0, &format!("by {size}"));
    }
    let stride = (length / 2_000).max(1);
    for place in (1..length).step_by(stride) {
        hold(&script, &|at| at == place, &format!("cut at {place}"));
    }
}

#[test]
fn i14_conversations_go_as_written_however_the_octets_are_cut() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut held = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // Several conversations of one subject stand in one file.
        for (nth, part) in text.split("\n----\n").enumerate() {
            check(&format!("{name}[{nth}]"), part);
            held += 1;
        }
    }
    assert!(held >= 20, "only {held} conversations");
}
