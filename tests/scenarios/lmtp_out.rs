//! Mailboxes that still lie on another server: mail goes there by LMTP (RFC 2033), over TCP or a socket of this machine,
//! and each recipient's answer counts for himself.

use directory::Forwarding;
use formats::address::Address;
use serde_json::Value;
use server::config::{Config, Route, RouteProtocol, RouteTls};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use tests::until;
use tests::world::World;

const LETTER: &[u8] =
    "From: An <an@thu.gov.vn>\r\nSubject: Qua LMTP\r\n\r\nKính gửi.\r\n..hai chấm\r\n".as_bytes();

fn route(config: &mut Config, domain: &str, host: String, port: u16) {
    config.relay.routes = vec![Route {
        domains: vec![domain.into()],
        host,
        port,
        protocol: RouteProtocol::Lmtp,
        tls: RouteTls::Opportunistic,
        ..Route::default()
    }];
}

fn send(world: &World, to: &[&str]) {
    let mut client = world.submission("an");
    let reply = client.transaction("an@thu.gov.vn", to, LETTER);
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
}

fn queue(world: &World) -> Vec<Value> {
    let (status, _, body) = world.api().get("/api/v1/queue");
    assert_eq!(status, 200);
    let page: Value = serde_json::from_slice(&body).unwrap();
    page["items"].as_array().unwrap().clone()
}

/// What the other server was given: recipients of each letter, and the last content.
#[derive(Default)]
struct Given {
    letters: Vec<Vec<String>>,
    content: String,
}

/// A server with mailboxes, at a socket: `day` is full until it is `open`, `cam` refuses what it has read, `khong` is
/// not there.
fn mailboxes(socket: &Path, open: Arc<AtomicBool>) -> Arc<Mutex<Given>> {
    let listener = UnixListener::bind(socket).unwrap();
    let given = Arc::new(Mutex::new(Given::default()));
    let all = Arc::clone(&given);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = converse(stream, &open, &all);
        }
    });
    given
}

fn converse(stream: UnixStream, open: &AtomicBool, all: &Mutex<Given>) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let (mut to, mut content) = (Vec::new(), None::<String>);
    // The name of this very machine, as Dovecot beside us would have it.
    out.write_all(b"220 mail.thu.gov.vn LMTP\r\n")?;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        if let Some(text) = &mut content {
            if line != "." {
                text.push_str(line.strip_prefix('.').unwrap_or(&line));
                text.push('\n');
                continue;
            }
            for name in &to {
                let reply = match name {
                    name if *name == "day" && !open.load(SeqCst) => "452 4.2.2 mailbox full",
                    name if *name == "cam" => "550 5.7.1 not this one",
                    _ => "250 2.0.0 saved",
                };
                out.write_all(format!("{reply}\r\n").as_bytes())?;
            }
            let mut all = all.lock().unwrap();
            all.content = content.take().unwrap_or_default();
            all.letters.push(std::mem::take(&mut to));
            continue;
        }
        let reply = match line.get(..4).unwrap_or("") {
            "LHLO" => "250-mail.thu.gov.vn\r\n250-8BITMIME\r\n250 PIPELINING",
            "RCPT" if line.contains("<khong@") => "550 5.1.1 no such mailbox",
            "RCPT" => {
                let name = line.split(['<', '@']).nth(1).unwrap_or_default();
                to.push(name.to_owned());
                "250 2.1.5 Ok"
            }
            "DATA" if to.is_empty() => "503 5.5.1 nobody",
            "DATA" => {
                content = Some(String::new());
                "354 go on"
            }
            "QUIT" => "221 2.0.0 bye",
            "EHLO" | "HELO" => "500 5.5.1 LMTP is spoken here",
            _ => "250 2.0.0 Ok",
        };
        out.write_all(format!("{reply}\r\n").as_bytes())?;
    }
    Ok(())
}

#[test]
fn each_recipients_answer_counts_for_himself() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("lmtp");
    let open = Arc::new(AtomicBool::new(false));
    let given = mailboxes(&socket, Arc::clone(&open));
    let path = socket.display().to_string();
    let world = World::with(|config| route(config, "cu.noibo.vn", path.clone(), 24));
    let to = ["co", "day", "cam", "khong"].map(|name| format!("{name}@cu.noibo.vn"));
    send(&world, &to.each_ref().map(String::as_str));
    let waits = || {
        let items = queue(&world);
        let Some(item) = items.first() else {
            return false;
        };
        let all = item["recipients"].as_array().unwrap();
        let waiting: Vec<&Value> = all.iter().filter(|r| r["last"].is_string()).collect();
        let expected = format!("4.2.2 {path} said to the message: 452 4.2.2 mailbox full");
        waiting
            .iter()
            .any(|r| r["last"] == expected.as_str() && r["address"] == "day@cu.noibo.vn")
    };
    assert!(until(waits), "{:?}", queue(&world));
    assert!(
        until(|| world.letters("an", "INBOX").len() == 1),
        "who failed is told of"
    );
    let bounce = world.letters("an", "INBOX").remove(0);
    for part in [
        "Final-Recipient: rfc822; cam@cu.noibo.vn\r\nAction: failed\r\nStatus: 5.7.1\r\n",
        "Final-Recipient: rfc822; khong@cu.noibo.vn\r\nAction: failed\r\nStatus: 5.1.1\r\n",
        &format!("Remote-MTA: x-unix; {path}\r\n"),
        "Diagnostic-Code: smtp; 550 5.7.1 not this one\r\n",
    ] {
        assert!(bounce.contains(part), "{part} in {bounce}");
    }
    assert!(
        !bounce.contains("co@cu") && !bounce.contains("day@cu"),
        "{bounce}"
    );
    let id = queue(&world)[0]["id"].clone();
    open.store(true, SeqCst);
    let again = format!("/api/v1/queue/{id}/retry");
    world.api().post(&again, "application/json", b"");
    assert!(until(|| queue(&world).is_empty()), "{:?}", queue(&world));
    let given = given.lock().unwrap();
    assert_eq!(given.letters, [vec!["co", "day", "cam"], vec!["day"]]);
    assert!(
        given.content.ends_with("Kính gửi.\n..hai chấm\n"),
        "{}",
        given.content
    );
    world.finish();
}

#[test]
fn a_mailbox_that_is_still_there_gets_what_comes_here() {
    let there = World::with(|config| {
        config.listen.lmtp = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
        config.server.host = "cu.thu.gov.vn".into();
    });
    let at = there.address("lmtp");
    // Over there it is the mailbox of `binh`; here `binh` goes on there, under a domain that only the route knows.
    let directory = &there.services.directory;
    let domain = formats::address::DomainName::parse("cu.noibo.vn").unwrap();
    let thu = formats::address::DomainName::parse("thu.gov.vn").unwrap();
    let agency = directory::AgencyId("T1".into());
    directory
        .create_domain_for(None, domain, agency.clone(), Some(thu))
        .unwrap();
    let here = World::with(|config| route(config, "cu.noibo.vn", at.ip().to_string(), at.port()));
    let directory = &here.services.directory;
    let binh = Address::parse("binh@thu.gov.vn").unwrap();
    let account = directory.account_at(&binh).unwrap().id;
    let outside = directory::AgencyForwarding {
        agency,
        outside: Some(true),
        version: 0,
    };
    directory
        .set_agency_forwarding(None, outside, None)
        .unwrap();
    let new = Forwarding {
        account,
        to: vec![Address::parse("binh@cu.noibo.vn").unwrap()],
        keep: false,
        version: 0,
    };
    directory.set_forwarding(None, new, None).unwrap();
    let mut client = here.smtp();
    client.ehlo();
    let reply = client.transaction("x@noi.example", &["binh@thu.gov.vn"], LETTER);
    assert!(reply.starts_with("250"), "{reply}");
    assert!(
        until(|| there.letters("binh", "INBOX").len() == 1),
        "nothing arrived"
    );
    let text = there.letters("binh", "INBOX").remove(0);
    assert!(text.contains("by cu.thu.gov.vn with LMTPS id "), "{text}");
    assert!(text.ends_with(&*String::from_utf8_lossy(LETTER)), "{text}");
    assert!(until(|| queue(&here).is_empty()));
    assert!(here.letters("binh", "INBOX").is_empty());
    here.finish();
    there.finish();
}
