//! The loop that drives the sending machine, over streams in memory whose time is turned by hand.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use delivery::{Outcome, Recipient, ReversePath};
use formats::address::Address;
use smtp::relay::{Line, Network};
use smtp::sender::{Cause, Config, Message, Tls};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// Octets that the streams hold before a writer waits.
const HELD: usize = 64 * 1024;

/// Handshakes as told.
struct Handshake(Result<(), &'static str>);

impl Network<DuplexStream> for Handshake {
    async fn secure(&self, stream: DuplexStream) -> Result<DuplexStream, String> {
        self.0.map(|()| stream).map_err(str::to_owned)
    }
}

fn config(tls: Tls) -> Config {
    Config {
        hello: "mx.tinhmau.gov.vn".into(),
        peer: "mx.example".into(),
        tls,
        login: None,
        lmtp: false,
    }
}

fn message(octets: usize) -> Message {
    Message {
        from: ReversePath::Null,
        recipients: vec![Recipient {
            address: Address::parse("b@b.example").unwrap(),
            notify: None,
            orcpt: None,
        }],
        ret: None,
        envid: None,
        smtputf8: false,
        eight_bit: false,
        binary: false,
        require_tls: false,
        priority: None,
        head: Arc::default(),
        content: b"a line of text\r\n".repeat(octets / 16).into(),
    }
}

/// Says each line after it has read up to the text before it.
async fn peer(mut stream: DuplexStream, script: &[(&str, &str)]) -> DuplexStream {
    let mut seen = String::new();
    for (until, say) in script {
        while !seen.ends_with(until) {
            let mut octet = [0; 1];
            assert_eq!(stream.read(&mut octet).await.unwrap(), 1, "{seen:?}");
            seen.push(octet[0] as char);
        }
        stream.write_all(say.as_bytes()).await.unwrap();
    }
    stream
}

const BEGIN: [(&str, &str); 2] = [
    ("", "220 x\r\n"),
    ("EHLO mx.tinhmau.gov.vn\r\n", "250 x\r\n"),
];
const LETTER: [(&str, &str); 4] = [
    ("MAIL FROM:<>\r\n", "250 a\r\n"),
    ("RCPT TO:<b@b.example>\r\n", "250 b\r\n"),
    ("DATA\r\n", "354 c\r\n"),
    ("\r\n.\r\n", "250 2.0.0 taken\r\n"),
];

#[tokio::test]
async fn one_connection_carries_several_letters() {
    let (ours, theirs) = tokio::io::duplex(HELD);
    let script = [&BEGIN[..], &LETTER, &LETTER, &[("QUIT\r\n", "221 bye\r\n")]].concat();
    let server = tokio::spawn(async move { peer(theirs, &script).await });
    let mut line = Line::open(ours, config(Tls::May), &Handshake(Ok(())))
        .await
        .unwrap();
    for _ in 0..2 {
        let sent = line.send(message(200_000)).await;
        assert!(matches!(&sent.outcomes[..], [Outcome::Relayed(why)] if why.starts_with("2.0.0 ")));
        assert!(line.is_fresh());
    }
    line.quit().await;
    server.await.unwrap();
}

#[tokio::test]
async fn a_peer_that_refuses_in_the_middle_and_goes_is_heard() {
    let (ours, theirs) = tokio::io::duplex(1_024);
    let script = [
        &BEGIN[..],
        &LETTER[..3],
        &[(
            "a line of text\r\na line of text\r\n",
            "552 5.3.4 too big\r\n",
        )],
    ]
    .concat();
    let server = tokio::spawn(async move { drop(peer(theirs, &script).await) });
    let mut line = Line::open(ours, config(Tls::May), &Handshake(Ok(())))
        .await
        .unwrap();
    let sent = line.send(message(1_000_000)).await;
    server.await.unwrap();
    assert_eq!(
        sent.outcomes,
        [Outcome::Failed(
            "5.3.4 mx.example said to the message: 552 5.3.4 too big".into()
        )]
    );
    assert!(!line.is_fresh());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_more_is_left_after_a_while() {
    let (ours, theirs) = tokio::io::duplex(1_024);
    let script = [&BEGIN[..], &LETTER[..3]].concat();
    let server = tokio::spawn(async move {
        let stream = peer(theirs, &script).await;
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        drop(stream);
    });
    let mut line = Line::open(ours, config(Tls::May), &Handshake(Ok(())))
        .await
        .unwrap();
    let sent = line.send(message(1_000_000)).await;
    assert!(matches!(&sent.outcomes[..], [Outcome::Deferred(why)] if why.starts_with("4.4.2 ")));
    server.abort();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_nothing_is_left_after_five_minutes() {
    let (ours, theirs) = tokio::io::duplex(HELD);
    let failure = Line::open(ours, config(Tls::May), &Handshake(Ok(())))
        .await
        .err()
        .unwrap();
    assert_eq!(
        (failure.cause, &failure.why[..5]),
        (Cause::Connection, "4.4.2")
    );
    drop(theirs);
}

#[tokio::test]
async fn tls_is_turned_on_by_the_network() {
    for (result, cause) in [(Ok(()), None), (Err("wrong name"), Some(Cause::Tls))] {
        let (ours, theirs) = tokio::io::duplex(HELD);
        let mut script = vec![
            ("", "220 x\r\n"),
            ("EHLO mx.tinhmau.gov.vn\r\n", "250-x\r\n250 STARTTLS\r\n"),
            ("STARTTLS\r\n", "220 go\r\n"),
        ];
        if result.is_ok() {
            script.push(("EHLO mx.tinhmau.gov.vn\r\n", "250 x\r\n"));
        }
        let server = tokio::spawn(async move { peer(theirs, &script).await });
        let opened = Line::open(ours, config(Tls::Must), &Handshake(result)).await;
        assert_eq!(opened.err().map(|failure| failure.cause), cause);
        server.await.unwrap();
    }
}
