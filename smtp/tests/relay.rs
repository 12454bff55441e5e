//! Relaying over a DNS and connections made of memory: which hosts are asked, in which order, and what comes of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

#[path = "relay/tls.rs"]
mod tls;

use delivery::tls_report::Session;
use delivery::{
    Envelope, Job, LookupError, MailHost, MailHosts, Outcome, Recipient, Resolver, ReversePath,
    Security, SmartHost, Speaks, Tlsa, Tlsas, Tried, Via,
};
use formats::address::{Address, DomainName};
use smtp::relay::mta_sts::Policy;
use smtp::relay::{DNS_S, Fault, HESITATION_MS, Insecure, Relay, Settings, Trust, Wire};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::time::Instant;

/// Preference and name of each host.
type Hosts = Result<Vec<(u16, &'static str)>, LookupError>;

#[derive(Default)]
struct Dns {
    hosts: HashMap<&'static str, Hosts>,
    addresses: HashMap<&'static str, Vec<&'static str>>,
    /// Domains whose MX records are signed.
    signed: Vec<&'static str>,
    /// What hosts say of their certificates, signed.
    tlsas: HashMap<&'static str, Tlsa>,
}

impl Resolver for Dns {
    async fn mail_hosts(&self, domain: &DomainName) -> Result<MailHosts, LookupError> {
        if domain.as_str() == "mute.example" {
            return std::future::pending().await;
        }
        let found = self.hosts.get(domain.as_str()).cloned();
        let found = found.unwrap_or(Err(LookupError::NoName))?;
        let each = found.into_iter().map(|(preference, name)| MailHost {
            preference,
            name: name.to_owned(),
        });
        Ok(MailHosts {
            hosts: each.collect(),
            secure: self.signed.contains(&domain.as_str()),
        })
    }

    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        if host == "mute-host.example" {
            return std::future::pending().await;
        }
        let found = self.addresses.get(host).ok_or(LookupError::NoName)?;
        Ok(found.iter().map(|ip| ip.parse().unwrap()).collect())
    }

    async fn tlsa(&self, host: &str) -> Result<Option<Tlsas>, LookupError> {
        Ok(self.tlsas.get(host).map(|record| Tlsas {
            base: host.to_owned(),
            records: vec![record.clone()],
        }))
    }
}

/// What is at an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Peer {
    /// No answer, ever.
    Silent,
    /// Greets with this and closes.
    Turns(&'static str),
    /// Takes letters; bears this name, offers STARTTLS or not.
    Takes(&'static str, bool),
    /// Takes one letter, then closes the connection.
    TakesOne,
    /// Closes it when it has read a whole letter.
    Drops,
    /// Closes it when it hears for whom a letter is.
    HangsUp,
    /// Takes letters; offers STARTTLS, then REQUIRETLS.
    Promises(&'static str),
}

#[derive(Default)]
struct Net {
    peers: HashMap<SocketAddr, Peer>,
    handshake: Option<&'static str>,
    /// What the domain says of its hosts.
    sts: Option<Arc<Policy>>,
    log: Arc<Mutex<Vec<String>>>,
    told: Arc<Mutex<Vec<String>>>,
}

impl Net {
    fn note(&self, what: String) {
        self.log.lock().unwrap().push(what);
    }
}

impl Wire for Net {
    type Stream = DuplexStream;

    async fn connect(&self, to: SocketAddr) -> io::Result<DuplexStream> {
        self.note(format!("connect {}", to.ip()));
        match self.peers.get(&to).copied() {
            None => Err(io::ErrorKind::ConnectionRefused.into()),
            Some(Peer::Silent) => std::future::pending().await,
            Some(peer) => {
                let (ours, theirs) = tokio::io::duplex(64 * 1024);
                tokio::spawn(serve(theirs, peer));
                Ok(ours)
            }
        }
    }

    async fn sts(&self, _domain: &DomainName) -> Option<Arc<Policy>> {
        self.sts.clone()
    }

    fn told(&self, domain: &DomainName, session: Session) {
        let policy = session.policy.policy_type;
        let how = session.failure.map(|failure| {
            assert!(failure.receiving_mx_hostname.is_some());
            failure.result_type
        });
        let how = how.as_deref().unwrap_or("well");
        self.told
            .lock()
            .unwrap()
            .push(format!("{domain} {policy} {how}"));
    }

    async fn secure(
        &self,
        stream: DuplexStream,
        name: &str,
        trust: &Trust,
    ) -> Result<DuplexStream, Insecure> {
        self.note(format!("secure {name} {trust:?}"));
        let broken = |why: &str| Insecure {
            fault: Fault::Other,
            why: why.to_owned(),
        };
        self.handshake.map_or(Ok(stream), |why| Err(broken(why)))
    }
}

async fn serve(stream: DuplexStream, peer: Peer) {
    let (read, mut write) = tokio::io::split(stream);
    let mut lines = BufReader::new(read).lines();
    let (name, mut tls, one) = match peer {
        Peer::Promises(name) => (name, true, false),
        Peer::Turns(greeting) => {
            let _ = write.write_all(greeting.as_bytes()).await;
            return;
        }
        Peer::Takes(name, tls) => (name, tls, false),
        Peer::TakesOne | Peer::Drops | Peer::HangsUp | Peer::Silent => {
            ("once.example", false, true)
        }
    };
    write.write_all(b"220 hello\r\n").await.unwrap();
    let mut in_content = false;
    while let Ok(Some(line)) = lines.next_line().await {
        let reply = match line.get(..4).unwrap_or("") {
            _ if in_content && line != "." => continue,
            _ if in_content && peer == Peer::Drops => return,
            "RCPT" if peer == Peer::HangsUp => return,
            _ if in_content => {
                in_content = false;
                "250 2.0.0 taken\r\n".to_owned()
            }
            "EHLO" if !tls && matches!(peer, Peer::Promises(_)) => {
                format!("250-{name}\r\n250 REQUIRETLS\r\n")
            }
            "EHLO" if tls => format!("250-{name}\r\n250 STARTTLS\r\n"),
            "EHLO" => format!("250 {name}\r\n"),
            "STAR" => {
                tls = !matches!(peer, Peer::Promises(_));
                "220 go\r\n".to_owned()
            }
            "DATA" => {
                in_content = true;
                "354 go on\r\n".to_owned()
            }
            _ => "250 2.0.0 Ok\r\n".to_owned(),
        };
        write.write_all(reply.as_bytes()).await.unwrap();
        if one && reply.contains("taken") {
            return;
        }
    }
}

fn job(via: Via) -> Job {
    let recipient = Recipient {
        address: Address::parse("b@b.example").unwrap(),
        notify: None,
        orcpt: None,
    };
    Job {
        id: storage::QueueId::new(1).unwrap(),
        hop: via.hop(),
        via,
        envelope: Envelope {
            from: ReversePath::Null,
            recipients: vec![recipient],
            envid: None,
            ret: None,
            smtputf8: true,
            eight_bit: true,
            ..Envelope::default()
        },
        content: b"Subject: x\r\n\r\nbody\r\n".as_slice().into(),
        signer: None,
        priority: 0,
        trace: "t".into(),
        octets: 20,
    }
}

fn to_domain(name: &str) -> Job {
    job(Via::Mx(DomainName::parse(name).unwrap()))
}

fn to_host(host: &str, port: u16, security: Security) -> Job {
    job(Via::Host(Arc::new(SmartHost {
        host: host.into(),
        port,
        speaks: Speaks::Smtp,
        security,
        login: None,
    })))
}

struct House {
    relay: Relay<Dns, Net>,
    told: Arc<Mutex<Vec<String>>>,
    log: Arc<Mutex<Vec<String>>>,
}

impl House {
    fn new(dns: Dns, peers: &[(&str, Peer)], handshake: Option<&'static str>) -> Self {
        Self::saying(dns, peers, handshake, None)
    }

    /// The same, in a domain that says this of its hosts.
    fn saying(
        dns: Dns,
        peers: &[(&str, Peer)],
        handshake: Option<&'static str>,
        sts: Option<Policy>,
    ) -> Self {
        let net = Net {
            peers: peers
                .iter()
                .map(|(at, peer)| (at.parse().unwrap(), *peer))
                .collect(),
            handshake,
            sts: sts.map(Arc::new),
            log: Arc::default(),
            told: Arc::default(),
        };
        let (log, told) = (net.log.clone(), net.told.clone());
        let settings = Settings {
            hello: "mx.here.example".into(),
            names: vec!["alias.here.example".into()],
            random: || 7,
        };
        Self {
            relay: Relay::new(dns, net, settings),
            told,
            log,
        }
    }

    /// How it ends, and whom it asked.
    async fn check(&self, job: &Job, begins: &str, asked: &[&str]) -> Tried {
        let tried = self.relay.send(job).await;
        let text = tried.outcomes[0].text();
        assert!(text.starts_with(begins), "{text}, not {begins}");
        assert_eq!(*self.log.lock().unwrap(), asked);
        self.log.lock().unwrap().clear();
        tried
    }
}

const OK: &str = "2.0.0 ";

fn dns() -> Dns {
    let no_answer = LookupError::Failed("SERVFAIL".into());
    Dns {
        hosts: HashMap::from([
            (
                "b.example",
                Ok(vec![(20, "two.example"), (10, "one.example")]),
            ),
            ("bare.example", Ok(vec![])),
            ("idle.example", Ok(vec![])),
            (
                "lost.example",
                Ok(vec![(10, "idle.example"), (20, "gone.example")]),
            ),
            (
                "partly.example",
                Ok(vec![(10, "idle.example"), (20, "mute-host.example")]),
            ),
            ("null.example", Ok(vec![(0, "")])),
            ("down.example", Err(no_answer)),
            ("inside.example", Ok(vec![(10, "inside.example")])),
            ("here.example", Ok(vec![(10, "alias.here.example")])),
            ("six.example", Ok(vec![(10, "six.example")])),
            ("self.example", Ok(vec![(10, "self.example")])),
            (
                "half.example",
                Ok(vec![(10, "mute-host.example"), (20, "two.example")]),
            ),
        ]),
        signed: vec!["b.example"],
        tlsas: HashMap::new(),
        addresses: HashMap::from([
            ("one.example", vec!["1.0.0.1"]),
            ("two.example", vec!["1.0.0.2"]),
            ("bare.example", vec!["1.0.0.3"]),
            ("idle.example", vec![]),
            ("inside.example", vec!["127.0.0.1", "10.0.0.1", "::1"]),
            ("six.example", vec!["1.0.0.6", "2606::6"]),
            ("self.example", vec!["1.0.0.7"]),
            ("smart.example", vec!["10.0.0.9"]),
        ]),
    }
}

#[tokio::test(start_paused = true)]
async fn hosts_are_asked_in_order_until_one_takes_it() {
    let house = House::new(
        dns(),
        &[
            ("1.0.0.1:25", Peer::Turns("554 5.7.1 go away\r\n")),
            ("1.0.0.2:25", Peer::Takes("two.example", false)),
            ("1.0.0.3:25", Peer::Takes("bare.example", false)),
        ],
        None,
    );
    let both = ["connect 1.0.0.1", "connect 1.0.0.2"];
    let tried = house.check(&to_domain("b.example"), OK, &both).await;
    assert_eq!(
        tried.outcomes,
        [Outcome::Relayed(
            "2.0.0 two.example[1.0.0.2] said to the message: 250 2.0.0 taken".into()
        )]
    );
    // The same connection, without asking anybody again.
    house.check(&to_domain("b.example"), OK, &[]).await;
    house
        .check(&to_domain("bare.example"), OK, &["connect 1.0.0.3"])
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_drops_a_letter_may_take_others() {
    let peers = [("1.0.0.1:25", Peer::Drops)];
    let house = House::new(dns(), &peers, None);
    let asked = ["connect 1.0.0.1"];
    let tried = house.check(&to_domain("b.example"), "4.4.2 ", &asked).await;
    assert!(tried.dropped, "{tried:?}");
    let said = tried.outcomes[0].text();
    assert!(said.ends_with("it may arrive twice"), "{said}");
    let trouble = tried.trouble.unwrap();
    assert!(
        !trouble.contains("twice"),
        "of this letter alone: {trouble}"
    );
    // Nor is that a sign of more where it greeted us and hangs up on what it hears of this one.
    let peers = [("1.0.0.3:25", Peer::HangsUp)];
    let house = House::new(dns(), &peers, None);
    let asked = ["connect 1.0.0.3"];
    let tried = house
        .check(&to_domain("bare.example"), "4.4.2 ", &asked)
        .await;
    assert!(tried.trouble.is_some() && tried.dropped, "{tried:?}");
    // Who ends it before that takes nothing from anybody.
    let peers = [("1.0.0.3:25", Peer::Turns("421 4.3.2 busy\r\n"))];
    let house = House::new(dns(), &peers, None);
    let asked = ["connect 1.0.0.3"];
    let tried = house.check(&to_domain("bare.example"), "4.", &asked).await;
    assert!(tried.trouble.is_some() && !tried.dropped, "{tried:?}");
}

#[tokio::test(start_paused = true)]
async fn what_goes_nowhere_is_told_at_once_or_waits() {
    let peers = [("1.0.0.1:25", Peer::Turns("554 5.7.1 go away\r\n"))];
    let house = House::new(dns(), &peers, None);
    for (domain, begins) in [
        ("none.example", "5.1.2 DNS knows no domain none.example"),
        // RFC 5321 §5.1: no host, nor one of its own name; or hosts of which none has an address.
        (
            "idle.example",
            "5.1.2 DNS names no host for mail to idle.example",
        ),
        (
            "lost.example",
            "5.1.2 DNS names no host for mail to lost.example: gone.example has no address",
        ),
        ("null.example", "5.1.10 "),
        ("here.example", "5.4.6 "),
    ] {
        let tried = house.check(&to_domain(domain), begins, &[]).await;
        assert!(matches!(&tried.outcomes[..], [Outcome::Failed(_)]));
        assert_eq!(tried.trouble, None);
    }
    // Of one of them DNS does not say whether it is there.
    for domain in ["down.example", "partly.example"] {
        let tried = house.check(&to_domain(domain), "4.4.3 ", &[]).await;
        assert!(tried.trouble.is_some());
    }
    // Refused for good by one, out of reach the other: it waits all the same.
    let both = ["connect 1.0.0.1", "connect 1.0.0.2"];
    let tried = house
        .check(&to_domain("b.example"), "4.4.1 two.example: ", &both)
        .await;
    assert!(matches!(&tried.outcomes[..], [Outcome::Deferred(_)]));
    assert!(tried.trouble.is_some());
}

#[tokio::test(start_paused = true)]
async fn dns_that_never_answers_is_not_waited_for() {
    let peers = [("1.0.0.2:25", Peer::Takes("two.example", false))];
    let house = House::new(dns(), &peers, None);
    let limit = Duration::from_secs(DNS_S);
    let began = Instant::now();
    let why = "4.4.3 DNS for mute.example: no answer in time";
    let tried = house.check(&to_domain("mute.example"), why, &[]).await;
    assert!(tried.trouble.is_some());
    assert!((limit..2 * limit).contains(&began.elapsed()));
    // One host that nobody can tell the address of keeps nobody from the next.
    let half = to_domain("half.example");
    house.check(&half, OK, &["connect 1.0.0.2"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_binary_is_encoded_for_who_takes_lines() {
    let peers = [("1.0.0.3:25", Peer::Takes("bare.example", false))];
    let house = House::new(dns(), &peers, None);
    let mut job = to_domain("bare.example");
    let part = |kind: &str| {
        format!(
            "MIME-Version: 1.0\r\nContent-Type: multipart/{kind}; boundary=b\r\n\r\n--b\r\n\
             Content-Transfer-Encoding: binary\r\n\r\na\0b\r\n--b--\r\n"
        )
    };
    job.content = part("mixed").into_bytes().into();
    house.check(&job, OK, &["connect 1.0.0.3"]).await;
    job.content = part("signed").into_bytes().into();
    let tried = house.check(&job, "5.6.3 ", &[]).await;
    assert!(matches!(&tried.outcomes[..], [Outcome::Failed(_)]));
}

#[tokio::test(start_paused = true)]
async fn dns_does_not_lead_into_our_own_network_but_a_route_does() {
    let peers = [
        ("127.0.0.1:25", Peer::Takes("x", false)),
        ("10.0.0.1:25", Peer::Takes("x", false)),
        ("10.0.0.9:2525", Peer::Takes("smart.example", false)),
    ];
    let house = House::new(dns(), &peers, None);
    house
        .check(&to_domain("inside.example"), "4.4.4 ", &[])
        .await;
    for literal in ["[127.0.0.1]", "[IPv6:::1]", "[IPv6:::ffff:10.0.0.1]"] {
        house.check(&to_domain(literal), "4.4.4 ", &[]).await;
    }
    let job = to_host("smart.example", 2525, Security::Opportunistic);
    house.check(&job, OK, &["connect 10.0.0.9"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_family_that_hesitates_is_overtaken() {
    let peers = [
        ("[2606::6]:25", Peer::Silent),
        ("1.0.0.6:25", Peer::Takes("six.example", false)),
    ];
    let house = House::new(dns(), &peers, None);
    let began = Instant::now();
    let both = ["connect 2606::6", "connect 1.0.0.6"];
    house.check(&to_domain("six.example"), OK, &both).await;
    let took = began.elapsed();
    assert!(took < Duration::from_millis(2 * HESITATION_MS), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn tls_that_fails_is_done_without_unless_it_is_asked_for() {
    let peers = [
        ("1.0.0.3:25", Peer::Takes("bare.example", true)),
        ("10.0.0.9:587", Peer::Takes("smart.example", true)),
        ("10.0.0.9:465", Peer::Takes("smart.example", false)),
    ];
    let bare = to_domain("bare.example");
    let good = House::new(dns(), &peers, None);
    let asked = ["connect 1.0.0.3", "secure bare.example Anybody"];
    good.check(&bare, OK, &asked).await;
    let bad = House::new(dns(), &peers, Some("old and broken"));
    let asked = [
        "connect 1.0.0.3",
        "secure bare.example Anybody",
        "connect 1.0.0.3",
    ];
    bad.check(&bare, OK, &asked).await;

    let asked = ["connect 10.0.0.9", "secure smart.example Named"];
    for (port, security) in [(587, Security::Verified), (465, Security::Immediate)] {
        let job = to_host("smart.example", port, security);
        good.check(&job, OK, &asked).await;
        let tried = bad.check(
            &job,
            "4.7.5 TLS with smart.example[10.0.0.9] failed: old",
            &asked,
        );
        assert!(tried.await.trouble.is_some());
    }
    let job = to_host("smart.example", 465, Security::Encrypted);
    good.check(&job, "4.7.10 ", &["connect 10.0.0.9"]).await;
}

#[tokio::test(start_paused = true)]
async fn eight_bits_become_seven_for_a_peer_that_takes_no_more() {
    let peers = [("1.0.0.3:25", Peer::Takes("bare.example", false))];
    let house = House::new(dns(), &peers, None);
    let mut job = to_domain("bare.example");
    let letter = "Subject: x\r\n\r\nCh\u{e0}o m\u{1ecd}i ng\u{1b0}\u{1edd}i\r\n";
    job.content = letter.as_bytes().into();
    house.check(&job, OK, &["connect 1.0.0.3"]).await;
    // A header cannot be encoded by others than its author.
    job.content = "Subject: \u{1ed9}\r\n\r\nx\r\n".as_bytes().into();
    job.envelope.smtputf8 = false;
    let tried = house.check(&job, "5.6.3 ", &[]).await;
    assert!(matches!(&tried.outcomes[..], [Outcome::Failed(_)]));
}

#[tokio::test(start_paused = true)]
async fn a_peer_with_our_own_name_is_ourselves() {
    let peers = [("1.0.0.7:25", Peer::Takes("MX.here.example", false))];
    let house = House::new(dns(), &peers, None);
    let tried = house
        .check(&to_domain("self.example"), "5.4.6 ", &["connect 1.0.0.7"])
        .await;
    assert!(matches!(&tried.outcomes[..], [Outcome::Failed(_)]));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_closed_meanwhile_costs_no_try() {
    let peers = [("1.0.0.3:25", Peer::TakesOne)];
    let house = House::new(dns(), &peers, None);
    for _ in 0..3 {
        house
            .check(&to_domain("bare.example"), OK, &["connect 1.0.0.3"])
            .await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    // One that nobody needs is ended.
    tokio::time::sleep(Duration::from_secs(60)).await;
    house.relay.sweep(false).await;
    house
        .check(&to_domain("bare.example"), OK, &["connect 1.0.0.3"])
        .await;
}
