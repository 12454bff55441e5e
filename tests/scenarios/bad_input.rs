//! Too many recipients, a circle over two servers, and a destination that hangs: each ends as it should, and nobody else
//! waits. What peers and DNS answer wrongly is in `bad_peers`; docs/sending.md has the table.

use directory::{AccountKind, AgencyForwarding, AgencyId, Forwarding, NewAccount, Secret};
use formats::address::{Address, DomainName};
use server::config::{Config, Route, RouteTls};
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use tests::imap_client::ImapClient;
use tests::smtp_client::SmtpClient;
use tests::smtp_sink::Sink;
use tests::until;
use tests::world::{PASSWORD, World};

const LETTER: &[u8] = b"From: An <an@thu.gov.vn>\r\nSubject: x\r\n\r\nx\r\n";
/// Recipients of one letter.
const MANY: usize = 10_000;
/// Recipients that the server takes at once, as its config says.
const AT_ONCE: usize = 1_000;
/// Command lines that are sent before their answers are read.
const AHEAD: usize = 100;
/// Letters for somebody else while a destination hangs.
const OTHERS: usize = 60;
/// Letters for the destination that hangs, and how many it may have at once.
const HUNG: usize = 30;
const LANES: usize = 4;

fn route(domains: &[&str], to: SocketAddr) -> Route {
    Route {
        domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
        host: to.ip().to_string(),
        port: to.port(),
        tls: RouteTls::Opportunistic,
        ..Route::default()
    }
}

/// Names these to the server; how many were taken. The others hear 452 (RFC 5321 §4.5.3.1.10), and in the end 421.
fn name_all(client: &mut SmtpClient, to: &[String]) -> usize {
    let (mut taken, mut refused) = (0, 0);
    client.expect("MAIL FROM:<an@thu.gov.vn>", "250");
    for some in to.chunks(AHEAD) {
        let lines = some.iter().map(|to| format!("RCPT TO:<{to}>\r\n"));
        client.send(lines.collect::<String>().as_bytes());
        for to in some {
            let reply = client.reply();
            if reply.starts_with("421 4.7.0 ") {
                assert!(refused > AT_ONCE, "{refused} refused");
                return taken;
            }
            let full = reply.starts_with("452 4.5.3 ");
            assert!(full || reply.starts_with("250"), "{to}: {reply}");
            assert_eq!(full, taken == AT_ONCE, "{to}: {reply}");
            taken += usize::from(!full);
            refused += usize::from(full);
        }
    }
    taken
}

/// Who got it, and how often.
fn arrived(sink: &Sink) -> BTreeMap<String, usize> {
    let mut arrived = BTreeMap::new();
    for to in sink.taken().into_iter().flat_map(|letter| letter.to) {
        *arrived.entry(to).or_default() += 1;
    }
    arrived
}

#[test]
fn ten_thousand_recipients_are_taken_in_parts_and_each_gets_one() {
    let sink = Sink::new(|_| None);
    let world = World::with(|config| {
        config.relay.routes = vec![route(&["*"], sink.address)];
        config.mail.recipients_max = AT_ONCE;
        // Nobody's habit, and meant.
        config.sending.sudden_recipients = 0;
        config.sending.recipients_per_hour = 0;
        config.sending.recipients_per_day = 0;
    });
    let to: Vec<String> = (0..MANY).map(|n| format!("x{n}@noi.example")).collect();
    // All at once: the server has its fill, and goes.
    assert_eq!(name_all(&mut world.submission("an"), &to), AT_ONCE);
    let mut client = world.submission("an");
    let mut left = &to[..];
    while !left.is_empty() {
        // More than are taken, as senders do that do not know the limit.
        let some = &left[..left.len().min(AT_ONCE + AHEAD)];
        let taken = name_all(&mut client, some);
        assert_eq!(taken, AT_ONCE.min(left.len()));
        client.expect("DATA", "354");
        client.send(&tests::smtp_client::stuffed(LETTER));
        let reply = client.reply();
        assert!(reply.starts_with("250 2.0.0"), "{reply}");
        left = &left[taken..];
    }
    let all = || arrived(&sink).len() == MANY;
    assert!(
        (0..12).any(|_| until(all)),
        "{} of {MANY}",
        arrived(&sink).len()
    );
    assert!(arrived(&sink).values().all(|times| *times == 1));
    assert!(until(|| world.services.store.queue().count() == 0));
    world.finish();
}

/// Somebody in a domain of this server's own, whose mail goes on to `to` and leaves no copy.
fn sends_on(world: &World, name: &str, domain: &str, to: &str) {
    let directory = &world.services.directory;
    let agency = AgencyId("T1".into());
    let domain = DomainName::parse(domain).unwrap();
    directory
        .create_domain(None, domain.clone(), agency.clone())
        .unwrap();
    let new = NewAccount {
        address: Address::parse(&format!("{name}@{domain}")).unwrap(),
        kind: AccountKind::Person,
        agency: agency.clone(),
        name: name.into(),
        position: None,
        quota: None,
        messages_max: None,
    };
    let account = directory.create_account(None, new).unwrap().id;
    directory
        .set_password(None, account, &Secret::new(PASSWORD))
        .unwrap();
    let outside = AgencyForwarding {
        agency,
        outside: Some(true),
        version: 0,
    };
    directory
        .set_agency_forwarding(None, outside, None)
        .unwrap();
    let on = Forwarding {
        account,
        to: vec![Address::parse(to).unwrap()],
        keep: false,
        version: 0,
    };
    directory.set_forwarding(None, on, None).unwrap();
}

#[test]
fn a_circle_over_two_servers_ends_in_one_letter() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let there = World::with(|config| {
        config.server.host = "mail.ban.gov.vn".into();
        config.relay.routes = vec![route(&["*"], free)];
    });
    let here = World::with(|config: &mut Config| {
        config.listen.smtp = vec![free];
        config.relay.routes = vec![route(&["*"], there.address("smtp"))];
    });
    sends_on(&here, "dung", "nha.gov.vn", "chi@ban.gov.vn");
    sends_on(&there, "chi", "ban.gov.vn", "dung@nha.gov.vn");
    let mut client = here.smtp();
    client.ehlo();
    let reply = client.transaction("x@noi.example", &["dung@nha.gov.vn"], LETTER);
    assert!(reply.starts_with("250"), "{reply}");
    let count = |world: &World, address: &str| {
        let mut reader = ImapClient::connect_tls(world.address("imaps"), &world.ca());
        reader.ok(&format!("LOGIN {address} {PASSWORD}"));
        reader
            .ok("STATUS INBOX (MESSAGES)")
            .line("* STATUS")
            .to_owned()
    };
    let one = || count(&here, "dung@nha.gov.vn").contains("MESSAGES 1)");
    assert!(until(one), "{}", count(&here, "dung@nha.gov.vn"));
    let done = |world: &World| world.services.store.queue().count() == 0;
    assert!(until(|| done(&here) && done(&there)), "it goes round");
    assert!(one() && count(&there, "chi@ban.gov.vn").contains("MESSAGES 0)"));
    here.finish();
    there.finish();
}

/// Takes connections and says nothing.
fn mute(held: &Arc<Mutex<Vec<TcpStream>>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let held = Arc::clone(held);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            held.lock().unwrap().push(stream);
        }
    });
    address
}

/// One destination is silent from the start, one in all its lanes after a first letter.
#[test]
fn while_one_destination_hangs_all_letters_for_another_go() {
    let good = Sink::new(|_| None);
    let (gate, mails) = (Arc::new(Mutex::new(())), Arc::new(AtomicUsize::new(0)));
    let (closed, count) = (Arc::clone(&gate), Arc::clone(&mails));
    let bad = Sink::new(move |line| {
        if line.starts_with("MAIL") {
            // The first is answered once all wait: then its destination is known to be there, and has all its lanes.
            match count.fetch_add(1, SeqCst) {
                0 => drop(closed.lock().unwrap()),
                _ => loop {
                    // Until the test ends.
                    std::thread::park();
                },
            }
        }
        None
    });
    let held = Arc::default();
    let silent = mute(&held);
    let world = World::with(|config| {
        config.relay.messages_per_destination = LANES;
        config.relay.routes = vec![
            route(&["good.example"], good.address),
            route(&["bad.example"], bad.address),
            route(&["silent.example"], silent),
        ];
    });
    let send = |to: String| {
        let mut client = world.submission("an");
        let reply = client.transaction("an@thu.gov.vn", &[to.as_str()], LETTER);
        assert!(reply.starts_with("250 2.0.0"), "{reply}");
    };
    let open = gate.lock().unwrap();
    for n in 0..HUNG {
        send(format!("x{n}@bad.example"));
        send(format!("x{n}@silent.example"));
    }
    drop(open);
    let hang = || mails.load(SeqCst) == 1 + LANES && !held.lock().unwrap().is_empty();
    assert!(until(hang), "{} at once", mails.load(SeqCst));
    for n in 0..OTHERS {
        send(format!("x{n}@good.example"));
    }
    assert!(
        until(|| good.taken().len() == OTHERS),
        "{} of {OTHERS}",
        good.taken().len()
    );
    // And not because those that hung were given up.
    assert_eq!((mails.load(SeqCst), bad.taken().len()), (1 + LANES, 1));
    assert!(until(
        || world.services.store.queue().count() == 2 * HUNG - 1
    ));
    held.lock().unwrap().clear();
}
