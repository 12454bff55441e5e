//! Peers and DNS that answer nonsense, too much, or nothing: each letter waits with the reason in the queue, and the
//! letters for others go at once.

use serde_json::Value;
use server::config::{Route, RouteTls};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use tests::http_client::HttpClient;
use tests::smtp_sink::Sink;
use tests::world::World;
use tests::{bad_dns, until};

const LETTER: &[u8] = b"From: An <an@thu.gov.vn>\r\nSubject: x\r\n\r\nx\r\n";
/// What floods send.
const MUCH: usize = 10 << 20;
const GREETING: &str = "220 x\r\n";
const OFFERS: &str = "250-x\r\n250 STARTTLS\r\n";

/// Listens until the test ends, and does this with each connection.
fn peer(act: impl Fn(TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let act = Arc::new(act);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let act = Arc::clone(&act);
            std::thread::spawn(move || act(stream));
        }
    });
    address
}

/// Says its lines, one for each that it is told, and closes.
fn says(lines: &'static [&'static str]) -> SocketAddr {
    peer(move |stream| {
        let mut out = stream.try_clone()?;
        let mut heard = BufReader::new(stream);
        for (n, line) in lines.iter().enumerate() {
            if n > 0 && heard.read_line(&mut String::new())? == 0 {
                return Ok(());
            }
            out.write_all(line.as_bytes())?;
        }
        Ok(())
    })
}

/// Begins with this and goes on with that for ten megabytes.
fn floods(begin: &'static str, more: &'static str) -> SocketAddr {
    peer(move |mut stream| {
        stream.write_all(begin.as_bytes())?;
        let piece = more.repeat(65_536 / more.len());
        (0..MUCH / piece.len()).try_for_each(|_| stream.write_all(piece.as_bytes()))
    })
}

/// Closes the connection at this line, `.` standing for the end of a letter.
fn leaves_at(verb: &'static str) -> SocketAddr {
    Sink::new(move |line| line.starts_with(verb).then(String::new)).address
}

fn route(domain: &str, to: SocketAddr, tls: RouteTls) -> Route {
    Route {
        domains: vec![domain.to_owned()],
        host: to.ip().to_string(),
        port: to.port(),
        tls,
        ..Route::default()
    }
}

fn send(world: &World, to: &[String]) {
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let mut client = world.submission("an");
    let reply = client.transaction("an@thu.gov.vn", &to, LETTER);
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
}

/// What the queue tells of one recipient.
fn last(api: &HttpClient, address: &str) -> Option<String> {
    let (_, _, body) = api.get("/api/v1/queue");
    let page: Value = serde_json::from_slice(&body).unwrap();
    let items = page["items"].as_array()?;
    let mut rows = items
        .iter()
        .flat_map(|item| item["recipients"].as_array().into_iter().flatten());
    let row = rows.find(|row| row["address"] == address)?;
    row["last"].as_str().map(str::to_owned)
}

fn waits(api: &HttpClient, address: &str, why: &str) {
    let said = || last(api, address);
    let so = until(|| said().is_some_and(|said| said.starts_with('4') && said.contains(why)));
    assert!(so, "{address}: {:?}, not {why:?}", said());
}

#[test]
fn bad_peers_keep_only_their_own_letters() {
    let bad = [
        (
            "noise.example",
            says(&["SSH-2.0-OpenSSH_9.2\r\n"]),
            "cannot be read",
        ),
        (
            "octets.example",
            says(&["\u{0}\u{1}\u{7f}\n"]),
            "cannot be read",
        ),
        ("drops.example", says(&[]), "4.4.2 "),
        ("greets.example", says(&[GREETING]), "closed the connection"),
        (
            "mixed.example",
            says(&[GREETING, "250-x\r\n550 y\r\n"]),
            "cannot be read",
        ),
        ("ehlo.example", leaves_at("EHLO"), "closed the connection"),
        ("mail.example", leaves_at("MAIL"), "closed the connection"),
        ("rcpt.example", leaves_at("RCPT"), "closed the connection"),
        ("data.example", leaves_at("DATA"), "closed the connection"),
        ("end.example", leaves_at("."), "it may arrive twice"),
        (
            "line.example",
            floods("220 ", "x"),
            "a line that is too long",
        ),
        ("lines.example", floods("", "220-x\r\n"), "never ends"),
        ("replies.example", floods("", "220 x\r\n"), "4."),
    ];
    let good = Sink::new(|_| None);
    let world = World::with(|config| {
        let mut routes: Vec<Route> = bad
            .iter()
            .map(|(domain, at, _)| route(domain, *at, RouteTls::Opportunistic))
            .collect();
        routes.push(route("good.example", good.address, RouteTls::Opportunistic));
        config.relay.routes = routes;
    });
    let mut to: Vec<String> = bad
        .iter()
        .map(|(domain, ..)| format!("x@{domain}"))
        .collect();
    to.push("x@good.example".into());
    send(&world, &to);
    assert!(
        until(|| good.taken().len() == 1),
        "the good one waits for the bad"
    );
    let api = world.api();
    for (domain, _, why) in bad {
        waits(&api, &format!("x@{domain}"), why);
    }
    world.finish();
}

#[test]
fn silent_peers_do_not_take_the_place_of_others() {
    let held = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&held);
    let silent = peer(move |stream| {
        keep.lock().unwrap().push(stream);
        Ok(())
    });
    let good = Sink::new(|_| None);
    let world = World::with(|config| {
        let mut routes: Vec<Route> = (0..20)
            .map(|n| {
                route(
                    &format!("silent{n}.example"),
                    silent,
                    RouteTls::Opportunistic,
                )
            })
            .collect();
        routes.push(route("good.example", good.address, RouteTls::Opportunistic));
        config.relay.routes = routes;
    });
    let to: Vec<String> = (0..20).map(|n| format!("x@silent{n}.example")).collect();
    send(&world, &to);
    assert!(until(|| !held.lock().unwrap().is_empty()));
    for n in 1..=5 {
        send(&world, &["x@good.example".to_owned()]);
        assert!(until(|| good.taken().len() == n), "letter {n}");
    }
    // They go: their letters wait, and the server can stop.
    held.lock().unwrap().clear();
    waits(&world.api(), "x@silent0.example", "closed the connection");
    world.finish();
}

#[test]
fn tls_that_is_offered_and_fails() {
    // Offers it, then cannot do it: in words, and in octets.
    let refusing = || {
        Sink::new(|line| match line.get(..4) {
            Some("EHLO") => Some("250-x\r\n250 STARTTLS".to_owned()),
            Some("STAR") => Some("454 4.7.0 TLS not available".to_owned()),
            _ => None,
        })
    };
    let (may, must) = (refusing(), refusing());
    let broken = says(&[GREETING, OFFERS, "220 go\r\n", "this is no TLS\r\n"]);
    let world = World::with(|config| {
        config.relay.routes = vec![
            route("may.example", may.address, RouteTls::Opportunistic),
            route("must.example", must.address, RouteTls::Encrypted),
            route("broken.example", broken, RouteTls::Encrypted),
        ];
    });
    let to = ["may", "must", "broken"].map(|name| format!("x@{name}.example"));
    send(&world, &to);
    assert!(
        until(|| may.taken().len() == 1),
        "opportunistic TLS that is refused"
    );
    let api = world.api();
    waits(
        &api,
        "x@must.example",
        "said to STARTTLS: 454 4.7.0 TLS not available",
    );
    waits(&api, "x@broken.example", "4.7.5 TLS with ");
    assert!(must.taken().is_empty());
    world.finish();
}

#[test]
fn dns_that_leads_nowhere() {
    for (dns, domain) in [
        (bad_dns::looping(), "a.loop.example"),
        (bad_dns::flooding(), "flood.example"),
    ] {
        let world = World::with(|config| {
            config.relay.direct = true;
            config.relay.name_servers = vec![dns];
        });
        let to = format!("x@{domain}");
        send(&world, std::slice::from_ref(&to));
        // Found nothing, for now.
        waits(&world.api(), &to, "4.4.");
        world.finish();
    }
}
