//! Conversations of the sending machine, from `tests/sender/*.txt`.
//!
//! Inputs: `S:` a line of the peer with CRLF, `S|` raw octets (`\r \n`, `{n*c}`), `@300s` time passes,
//! `> begin`, `> quit`, `> tls ok`, `> tls failed TEXT`, `> closed`. Outputs, in order: `C:` what is sent, line by
//! line, and `! ready`, `! tls`, `! close`, `! failed CAUSE WHY`, `! sent` with a `! to` line for each recipient.
//! The first lines may set `tls`, `login`, `lmtp`, `from`, `to` (with NOTIFY and ORCPT), `with`, `content`.
//! Each conversation is held whole, octet by octet and in small pieces: it must be the same (I-14).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use delivery::{Outcome, Recipient, ReversePath};
use directory::Secret;
use formats::address::Address;
use smtp::sender::{Config, Message, Sender, Step, Tls};
use std::sync::Arc;

struct Script {
    config: Config,
    message: Message,
    /// Held in one piece only: what comes with a reply to STARTTLS in one read is the point.
    whole: bool,
    /// Input, then the outputs that must follow it.
    exchanges: Vec<(Option<Event>, Vec<String>)>,
}

#[derive(Clone)]
enum Event {
    Feed(Vec<u8>),
    Wait(u64),
    Begin,
    Quit,
    Handshake(Result<(), String>),
    Closed,
}

fn unescape(text: &str) -> Vec<u8> {
    let text = text.replace("\\r", "\r").replace("\\n", "\n");
    let Some((before, rest)) = text.split_once('{') else {
        return text.into_bytes();
    };
    let (inner, after) = rest.split_once('}').unwrap();
    let (n, what) = inner.split_once('*').unwrap();
    format!("{before}{}{after}", what.repeat(n.parse().unwrap())).into_bytes()
}

fn read(text: &str) -> Script {
    let mut script = Script {
        config: Config {
            hello: "mx.tinhmau.gov.vn".into(),
            peer: "mx.example".into(),
            tls: Tls::May,
            login: None,
            lmtp: false,
        },
        message: Message {
            from: ReversePath::Address(Address::parse("an@tinhmau.gov.vn").unwrap()),
            recipients: Vec::new(),
            ret: None,
            envid: None,
            smtputf8: false,
            eight_bit: false,
            binary: false,
            require_tls: false,
            priority: None,
            head: Arc::default(),
            content: b"Subject: x\r\n\r\n.hello\r\n".as_slice().into(),
        },
        whole: false,
        exchanges: vec![(None, Vec::new())],
    };
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
        match mark {
            "" => {}
            "S:" => script.exchanges.push((
                Some(Event::Feed(format!("{rest}\r\n").into_bytes())),
                vec![],
            )),
            "S|" => script
                .exchanges
                .push((Some(Event::Feed(unescape(rest))), vec![])),
            ">" => script.exchanges.push((Some(event(rest)), vec![])),
            _ if mark.starts_with('@') => {
                let seconds: u64 = mark[1..mark.len() - 1].parse().unwrap();
                script
                    .exchanges
                    .push((Some(Event::Wait(seconds * 1000)), vec![]));
            }
            "C:" | "!" => script
                .exchanges
                .last_mut()
                .unwrap()
                .1
                .push(line.trim_end().to_owned()),
            _ => script.setting(mark, rest),
        }
    }
    script
}

fn event(text: &str) -> Event {
    match text {
        "begin" => Event::Begin,
        "quit" => Event::Quit,
        "closed" => Event::Closed,
        "tls ok" => Event::Handshake(Ok(())),
        _ => Event::Handshake(Err(text.strip_prefix("tls failed ").unwrap().to_owned())),
    }
}

impl Script {
    fn setting(&mut self, mark: &str, rest: &str) {
        let message = &mut self.message;
        let words: Vec<&str> = rest.split(' ').collect();
        match mark {
            "tls" => {
                self.config.tls = match rest {
                    "never" => Tls::Never,
                    "must" => Tls::Must,
                    "on" => Tls::On,
                    _ => Tls::May,
                }
            }
            "login" => self.config.login = Some((words[0].to_owned(), Secret::new(words[1]))),
            "lmtp" => self.config.lmtp = true,
            "whole" => self.whole = true,
            "from" if rest == "<>" => message.from = ReversePath::Null,
            "from" => message.from = ReversePath::Address(Address::parse(rest).unwrap()),
            "to" => message.recipients.push(Recipient {
                address: Address::parse(words[0]).unwrap(),
                notify: words
                    .iter()
                    .find_map(|w| w.strip_prefix("NOTIFY="))
                    .map(str::to_owned),
                orcpt: words
                    .iter()
                    .find_map(|w| w.strip_prefix("ORCPT="))
                    .map(str::to_owned),
            }),
            "many" => message
                .recipients
                .extend((0..rest.parse().unwrap()).map(|n: usize| Recipient {
                    address: Address::parse(&format!("r{n}@b.example")).unwrap(),
                    notify: None,
                    orcpt: None,
                })),
            "content" => message.content = unescape(rest).into(),
            "with" => {
                for word in words {
                    match word.split_once('=').unwrap_or((word, "")) {
                        ("ret", v) => message.ret = Some(v.into()),
                        ("envid", v) => message.envid = Some(v.into()),
                        ("priority", v) => message.priority = Some(v.parse().unwrap()),
                        ("smtputf8", _) => message.smtputf8 = true,
                        ("8bit", _) => message.eight_bit = true,
                        ("binary", _) => message.binary = true,
                        ("requiretls", _) => message.require_tls = true,
                        other => panic!("{other:?}"),
                    }
                }
            }
            other => panic!("{other}"),
        }
    }
}

/// What the machine does until it waits: lines as in the scripts.
fn outputs(machine: &mut Sender, now: u64, sent: &mut Vec<u8>, out: &mut Vec<String>) {
    let flush = |sent: &mut Vec<u8>, out: &mut Vec<String>| {
        let text = String::from_utf8_lossy(sent).into_owned();
        sent.clear();
        out.extend(
            text.split_terminator("\r\n")
                .map(|line| line.replace('\n', "\\n"))
                .map(|line| format!("C: {line}").trim_end().to_owned()),
        );
    };
    while let Some(step) = machine.next(now) {
        if let Step::Send(bytes) = step {
            sent.extend(bytes);
            continue;
        }
        flush(sent, out);
        match step {
            Step::Send(_) => {}
            Step::StartTls => out.push("! tls".into()),
            Step::Ready(_) => out.push("! ready".into()),
            Step::Close => out.push("! close".into()),
            Step::Failed(failure) => {
                out.push(format!("! failed {:?} {}", failure.cause, failure.why))
            }
            Step::Sent { outcomes, reports } => {
                out.push(format!("! sent{}", if reports { " reported" } else { "" }));
                out.extend(outcomes.iter().map(|outcome| match outcome {
                    Outcome::Relayed(why) => format!("! to relayed {why}"),
                    Outcome::Deferred(why) => format!("! to deferred {why}"),
                    Outcome::Failed(why) => format!("! to failed {why}"),
                }));
            }
        }
    }
    flush(sent, out);
}

fn hold(name: &str, script: &Script, step: usize) {
    let (mut now, mut machine) = (0, Sender::new(script.config.clone(), 0));
    for (at, (event, expected)) in script.exchanges.iter().enumerate() {
        let (mut sent, mut out) = (Vec::new(), Vec::new());
        match event.clone() {
            None => {}
            Some(Event::Feed(bytes)) => {
                for piece in bytes.chunks(step) {
                    machine.receive(piece, now);
                    outputs(&mut machine, now, &mut sent, &mut out);
                }
            }
            Some(Event::Wait(ms)) => {
                now += ms;
                machine.expire(now);
            }
            Some(Event::Begin) => machine.begin(script.message.clone(), now),
            Some(Event::Quit) => machine.quit(now),
            Some(Event::Handshake(result)) => machine.secured(result, now),
            Some(Event::Closed) => machine.closed(),
        }
        outputs(&mut machine, now, &mut sent, &mut out);
        assert_eq!(
            &out, expected,
            "{name}, in pieces of {step}, after input {at}"
        );
    }
}

#[test]
fn conversations() {
    let mut held = 0;
    for (name, text) in [
        ("mail", include_str!("sender/mail.txt")),
        ("refused", include_str!("sender/refused.txt")),
        ("tls", include_str!("sender/tls.txt")),
        ("hostile", include_str!("sender/hostile.txt")),
        ("lmtp", include_str!("sender/lmtp.txt")),
    ] {
        for (number, part) in text.split("----\n").enumerate() {
            let script = read(part);
            let steps: &[usize] = if script.whole {
                &[usize::MAX]
            } else {
                &[usize::MAX, 1, 7]
            };
            for step in steps.iter().copied() {
                hold(&format!("{name} {number}"), &script, step);
            }
            held += 1;
        }
    }
    assert!(held > 30, "{held}");
}
