//! A program of the personnel department hears of accounts: over HTTPS, signed, also of what came while it was away.

use crate::outside::Paper;
use ring::hmac;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use tests::until;
use tests::world::{DOMAIN, World};

/// What was heard: the head of the request, and its body.
type Heard = Arc<Mutex<Vec<(String, String)>>>;

/// A program that listens, and says this status.
struct Program {
    address: SocketAddr,
    heard: Heard,
    says: Arc<Mutex<&'static str>>,
}

impl Program {
    fn new(paper: &Paper) -> Self {
        let chain = CertificateDer::pem_file_iter(&paper.chain).unwrap();
        let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_file(&paper.key).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let program = Self {
            address: listener.local_addr().unwrap(),
            heard: Heard::default(),
            says: Arc::new(Mutex::new("204 No Content")),
        };
        let (heard, says) = (Arc::clone(&program.heard), Arc::clone(&program.says));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut stream = StreamOwned::new(connection, stream);
                let Some(request) = request(&mut stream) else {
                    continue;
                };
                heard.lock().unwrap().push(request);
                let says = *says.lock().unwrap();
                let answer = format!(
                    "HTTP/1.1 {says}\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n"
                );
                let _ = stream.write_all(answer.as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        });
        program
    }

    fn url(&self) -> String {
        format!("https://localhost:{}/congvu", self.address.port())
    }

    fn count(&self) -> usize {
        self.heard.lock().unwrap().len()
    }
}

/// Head and body of a request; `None`: it broke off.
fn request(stream: &mut impl std::io::Read) -> Option<(String, String)> {
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let length = stream.read(&mut buffer).ok().filter(|length| *length > 0)?;
        all.extend_from_slice(&buffer[..length]);
        let text = String::from_utf8_lossy(&all).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let size = field(head, "content-length")?.parse::<usize>().ok()?;
        if body.len() >= size {
            return Some((head.to_owned(), body.to_owned()));
        }
    }
}

fn field(head: &str, name: &str) -> Option<String> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let found = fields.find(|(field, _)| field.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim().to_owned())
}

/// As docs/webhooks.md tells a program to do it.
fn is_signed(head: &str, body: &str, secret: &str) -> bool {
    let signature = field(head, "congvu-signature").unwrap();
    let (time, hex) = signature
        .strip_prefix("t=")
        .and_then(|rest| rest.split_once(",v1="))
        .unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{time}.{body}").as_bytes());
    let octets = tag.as_ref().iter();
    octets
        .map(|octet| format!("{octet:02x}"))
        .collect::<String>()
        == hex
}

#[test]
fn a_program_hears_of_accounts_signed_and_is_not_led_elsewhere() {
    let paper = Paper::new("localhost", (2020, 2090));
    let program = Program::new(&paper);
    let world = World::with(|config| {
        config.webhooks.enabled = true;
        config.webhooks.private = vec![Ipv4Addr::LOCALHOST.into()];
        config.relay.authorities = paper.ca.clone();
    });
    let api = world.api();
    let new = json!({"label": "Nhân sự", "agency": "T1", "url": program.url()});
    let (status, made) = api.post_json("/api/v1/webhooks", &new);
    assert_eq!(status, 201, "{made}");
    let secret = made["secret"].as_str().unwrap();
    let one = format!("/api/v1/webhooks/{}", made["id"]);
    let state = || -> Value { serde_json::from_slice(&api.get(&one).2).unwrap() };
    world.person("moi");
    assert!(until(|| program.count() == 2), "{}", state());
    let heard = program.heard.lock().unwrap().clone();
    let (head, body) = &heard[0];
    assert!(head.starts_with("POST /congvu HTTP/1.1\r\n"), "{head}");
    assert_eq!(
        field(head, "congvu-event").as_deref(),
        Some("account.created")
    );
    assert!(is_signed(head, body, secret) && !is_signed(head, body, "khac"));
    let told: Value = serde_json::from_str(body).unwrap();
    assert_eq!(told["object"], format!("moi@{DOMAIN}"));
    assert_eq!(
        field(head, "congvu-event-id").unwrap(),
        told["id"].to_string()
    );
    // Who answers with another place to go to is not followed: it is a failure.
    *program.says.lock().unwrap() = "302 Found";
    world.person("nua");
    assert!(until(|| state()["state"] == "retrying"), "{}", state());
    assert_eq!(state()["failures"][0]["error"], "it answered 302");
    assert_eq!(program.count(), 3);
    world.finish();
}

#[test]
fn what_is_within_this_network_is_not_called() {
    let paper = Paper::new("localhost", (2020, 2090));
    let program = Program::new(&paper);
    let world = World::with(|config| {
        config.webhooks.enabled = true;
        config.relay.authorities = paper.ca.clone();
    });
    let api = world.api();
    let new = json!({"label": "Nhân sự", "agency": "T1", "url": program.url()});
    let (status, made) = api.post_json("/api/v1/webhooks", &new);
    assert_eq!(status, 201, "{made}");
    let one = format!("/api/v1/webhooks/{}", made["id"]);
    let state = || -> Value { serde_json::from_slice(&api.get(&one).2).unwrap() };
    world.person("moi");
    assert!(until(|| state()["state"] == "retrying"), "{}", state());
    let why = state()["failures"][0]["error"].to_string();
    assert!(why.contains("no public address"), "{why}");
    assert_eq!(program.count(), 0);
    world.finish();
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_not_believed() {
    let (paper, other) = (
        Paper::new("localhost", (2020, 2090)),
        Paper::new("x", (2020, 2090)),
    );
    let program = Program::new(&paper);
    let world = World::with(|config| {
        config.webhooks.enabled = true;
        config.webhooks.private = vec![Ipv4Addr::LOCALHOST.into()];
        config.relay.authorities = other.ca.clone();
    });
    let api = world.api();
    let new = json!({"label": "Nhân sự", "agency": "T1", "url": program.url()});
    let (_, made) = api.post_json("/api/v1/webhooks", &new);
    let one = format!("/api/v1/webhooks/{}", made["id"]);
    let state = || -> Value { serde_json::from_slice(&api.get(&one).2).unwrap() };
    world.person("moi");
    assert!(until(|| state()["state"] == "retrying"), "{}", state());
    assert_eq!(program.count(), 0);
    world.finish();
}
