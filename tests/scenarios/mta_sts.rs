//! MTA-STS: what a domain says over HTTPS of the hosts that take its mail is kept to, and kept.

use crate::outside::{Paper, There, refused, taken, waits};
use delivery::{TlsWish, Tried};
use server::config::Relay;
use server::outward::Policies;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use storage::{EngineKind, Options, Store};
use tests::fake_dnssec::{Signed, a, mx, tlsa, txt};
use tests::https_peer;

const HOST: &str = "mx.noinhan.example";
const SAYS: &str = "; MTA-STS; verified";
const NOTHING: &str = "; opportunistic; not verified";
const DAY_S: i64 = 86_400;

/// A host that serves policies.
struct PolicyHost {
    address: SocketAddr,
    answer: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl PolicyHost {
    fn new(paper: &Paper) -> Self {
        let (answer, asked) = (
            Arc::<Mutex<String>>::default(),
            Arc::<AtomicUsize>::default(),
        );
        let (says, count) = (Arc::clone(&answer), Arc::clone(&asked));
        let address = https_peer::listen(&paper.chain, &paper.key, move |request| {
            count.fetch_add(1, SeqCst);
            let head = &request.head;
            assert!(
                head.starts_with("GET /.well-known/mta-sts.txt HTTP/1.1\r\n"),
                "{head}"
            );
            let host = request.field("host");
            assert_eq!(host.as_deref(), Some("mta-sts.thu.gov.vn"), "{head}");
            says.lock().unwrap().clone()
        });
        Self {
            address,
            answer,
            asked,
        }
    }

    /// What it says from now on.
    fn says(&self, status: &str, kind: &str, body: &str) {
        let length = body.len();
        *self.answer.lock().unwrap() = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
    }

    /// A policy of this mode for this host.
    fn policy(&self, mode: &str, host: &str) {
        let body = format!(
            "version: STSv1\r\nmode: {mode}\r\nmx: {host}\r\nmax_age: {}\r\n",
            10 * DAY_S
        );
        self.says("200 OK", "text/plain; charset=utf-8", &body);
    }

    fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }
}

/// This side: what it keeps, and its clock.
struct Here {
    store: Store,
    clock: Arc<AtomicI64>,
    folder: tempfile::TempDir,
    host: PolicyHost,
    paper: Paper,
}

fn open(folder: &std::path::Path) -> Store {
    Store::open(&Options {
        dir: folder.join("store"),
        engine: EngineKind::Sled,
        cache_bytes: 1 << 20,
        ..Options::default()
    })
    .unwrap()
}

impl Here {
    /// Trusts the authority of the other server and that of its policy host.
    fn new(there: &There, policy_name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let paper = Paper::new(policy_name, (2020, 2090));
        let both = [&there.paper.ca, &paper.ca].map(|ca| std::fs::read_to_string(ca).unwrap());
        std::fs::write(folder.path().join("authorities"), both.concat()).unwrap();
        Self {
            store: open(folder.path()),
            clock: Arc::new(AtomicI64::new(1_800_000_000)),
            host: PolicyHost::new(&paper),
            folder,
            paper,
        }
    }

    /// The store is closed and opened again.
    fn restarted(self) -> Self {
        self.store.close().unwrap();
        drop(self.store);
        Self {
            store: open(self.folder.path()),
            ..self
        }
    }

    fn send(&self, there: &There, dns: &Signed, tls: TlsWish) -> Tried {
        let anchors = self.folder.path().join("anchors");
        std::fs::write(&anchors, &dns.anchor).unwrap();
        let config = Relay {
            name_servers: vec![dns.address],
            trust_anchors: anchors,
            authorities: self.folder.path().join("authorities"),
            ..Relay::default()
        };
        let (store, clock) = (self.store.clone(), Arc::clone(&self.clock));
        there.letter(&config, tls, |names, sockets| {
            let clock = Arc::new(move || clock.load(SeqCst));
            let authorities = sockets.authorities().to_vec();
            let policies = Policies::new(names, store, clock, authorities);
            sockets.with_policies(policies.bent(self.host.address))
        })
    }
}

/// Nothing of the domain is signed.
fn dns(id: &str) -> Signed {
    let dns = Signed::start();
    dns.unsigned_zone("vn");
    dns.add("thu.gov.vn", mx(10, HOST));
    dns.add(HOST, a([1, 1, 1, 1]));
    if !id.is_empty() {
        dns.add("_mta-sts.thu.gov.vn", txt(&format!("v=STSv1; id={id};")));
    }
    dns
}

#[test]
fn a_policy_says_which_hosts_and_that_they_are_verified() {
    let there = There::new(HOST, (2020, 2090));
    let here = Here::new(&there, "mta-sts.thu.gov.vn");
    let none = TlsWish::None;
    here.host.policy("enforce", HOST);
    // DNS names none: nobody is asked.
    taken(&here.send(&there, &dns(""), none), NOTHING);
    assert_eq!(here.host.asked(), 0);
    taken(&here.send(&there, &dns("1"), none), SAYS);
    // RFC 8689 §2: it vouches for the host's name.
    taken(&here.send(&there, &dns("1"), TlsWish::Required), SAYS);
    assert_eq!(here.host.asked(), 1, "kept");
    // Another id, and another policy.
    here.host.policy("enforce", "*.khac.example");
    let tried = here.send(&there, &dns("2"), none);
    waits(
        &tried,
        "4.7.5 MTA-STS: thu.gov.vn does not name mx.noinhan.example",
    );
    refused(
        &here.send(&there, &dns("2"), TlsWish::Required),
        "nothing vouches",
    );
    taken(
        &here.send(&there, &dns("2"), TlsWish::Waived),
        "; not verified",
    );
    here.host.policy("testing", "*.khac.example");
    let trial = "; MTA-STS (testing); not verified";
    taken(&here.send(&there, &dns("3"), none), trial);
    here.host.policy("none", "x");
    taken(&here.send(&there, &dns("4"), none), NOTHING);
    assert_eq!(here.host.asked(), 4);
    // DANE goes before it: the host's key is the one, whatever its certificate is called.
    here.host.policy("enforce", HOST);
    let signed = dns("5");
    signed.add(
        &format!("_25._tcp.{HOST}"),
        tlsa(3, 1, &there.paper.key_hash),
    );
    taken(&here.send(&there, &signed, none), "; DANE; verified");
    let signed = dns("5");
    signed.add(&format!("_25._tcp.{HOST}"), tlsa(3, 1, &[7; 32]));
    waits(&here.send(&there, &signed, none), "TLSA");
    there.world.finish();
}

#[test]
fn a_certificate_of_another_name_gets_no_letter() {
    let there = There::new("khac.example", (2020, 2090));
    let here = Here::new(&there, "mta-sts.thu.gov.vn");
    here.host.policy("enforce", "*.noinhan.example");
    let tried = here.send(&there, &dns("1"), TlsWish::None);
    waits(
        &tried,
        "4.7.5 TLS with mx.noinhan.example[1.1.1.1] failed: ",
    );
    there.world.finish();
}

#[test]
fn a_policy_is_kept_over_restarts_and_for_as_long_as_it_says() {
    let there = There::new(HOST, (2020, 2090));
    let here = Here::new(&there, "mta-sts.thu.gov.vn");
    let none = TlsWish::None;
    here.host.policy("enforce", HOST);
    taken(&here.send(&there, &dns("1"), none), SAYS);
    // The policy host is gone, and so are the records in DNS.
    here.host.says("500 gone", "text/plain", "");
    let here = here.restarted();
    taken(&here.send(&there, &dns("1"), none), SAYS);
    taken(&here.send(&there, &dns("2"), none), SAYS);
    here.clock.fetch_add(9 * DAY_S, SeqCst);
    taken(&here.send(&there, &dns(""), none), SAYS);
    here.clock.fetch_add(DAY_S, SeqCst);
    taken(&here.send(&there, &dns(""), none), NOTHING);
    there.world.finish();
}

#[test]
fn what_is_no_policy_is_none() {
    let there = There::new(HOST, (2020, 2090));
    let here = Here::new(&there, "mta-sts.thu.gov.vn");
    let policy = format!("version: STSv1\nmode: enforce\nmx: khac.example\nmax_age: {DAY_S}\n");
    let long = policy.clone() + &"x".repeat(70_000);
    let answers = [
        (
            "301 Moved\r\nLocation: https://127.0.0.1/",
            "text/plain",
            policy.as_str(),
        ),
        ("404 Not Found", "text/plain", &policy),
        ("200 OK", "text/html", &policy),
        ("200 OK", "text/plain", &long),
        ("200 OK", "text/plain", "<html>"),
    ];
    for (nth, (status, kind, body)) in answers.iter().enumerate() {
        here.host.says(status, kind, body);
        let tried = here.send(&there, &dns(&nth.to_string()), TlsWish::None);
        taken(&tried, NOTHING);
        assert_eq!(here.host.asked(), nth + 1, "{status}");
    }
    // A certificate that is not the policy host's.
    let here = Here::new(&there, "www.thu.gov.vn");
    here.host.policy("enforce", "khac.example");
    taken(&here.send(&there, &dns("1"), TlsWish::None), NOTHING);
    assert_eq!(here.host.asked(), 0);
    assert!(here.paper.chain.exists());
    there.world.finish();
}
