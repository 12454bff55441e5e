//! RFC 5802, RFC 7677: AUTHENTICATE SCRAM-SHA-256 with a client of our own.

use crate::door::{END, NOW_MS, PASSWORD, USER, World};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use directory::sasl::Channel;
use directory::{CredentialKind, Peer, Secret};
use formats::address::Address;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.chain_update(text).finalize().into_bytes().into()
}

fn xor(a: &mut [u8; 32], b: [u8; 32]) {
    a.iter_mut().zip(b).for_each(|(a, b)| *a ^= b);
}

/// The two halves of what a client computes: ClientProof and ServerSignature.
fn proof(secret: &str, salt: &[u8], iterations: u32, signed: &str) -> ([u8; 32], [u8; 32]) {
    let mut last = hmac(secret.as_bytes(), &[salt, &[0, 0, 0, 1]].concat());
    let mut salted = last;
    for _ in 1..iterations {
        last = hmac(secret.as_bytes(), &last);
        xor(&mut salted, last);
    }
    let client_key = hmac(&salted, b"Client Key");
    let mut proof = hmac(&Sha256::digest(client_key), signed.as_bytes());
    xor(&mut proof, client_key);
    let server_key = hmac(&salted, b"Server Key");
    (proof, hmac(&server_key, signed.as_bytes()))
}

/// The challenge behind `+ `, base64 undone.
fn challenge(world: &mut World) -> String {
    let line = world.line(1);
    let coded = line.strip_prefix("+ ").unwrap_or_else(|| panic!("{line}"));
    String::from_utf8(STANDARD.decode(coded).unwrap()).unwrap()
}

fn answer(world: &mut World, text: &str) {
    world.send(1, format!("{}\r\n", STANDARD.encode(text)).as_bytes());
}

/// Salt and iterations of the server's first message, and what the client says to it.
fn speak(world: &mut World, name: &str, secret: &str, bound: Option<&[u8]>) -> (String, String) {
    let (mechanism, header) = match bound {
        None => ("SCRAM-SHA-256", "n,,"),
        Some(_) => ("SCRAM-SHA-256-PLUS", "p=tls-exporter,,"),
    };
    let bare = format!("n={name},r=fyko+d2lbbFgONRv9qkxdawL");
    let coded = STANDARD.encode(format!("{header}{bare}"));
    world.send(
        1,
        format!("a AUTHENTICATE {mechanism} {coded}\r\n").as_bytes(),
    );
    let first = challenge(world);
    let mut fields = first.split(',');
    let nonce = fields.next().unwrap().to_owned();
    assert!(nonce.starts_with("r=fyko+d2lbbFgONRv9qkxdawL") && nonce.len() > 45);
    let salt = fields
        .next()
        .unwrap()
        .strip_prefix("s=")
        .unwrap()
        .to_owned();
    let iterations = fields.next().unwrap().strip_prefix("i=").unwrap();
    let binding = [header.as_bytes(), bound.unwrap_or_default()].concat();
    let without = format!("c={},{nonce}", STANDARD.encode(binding));
    let signed = format!("{bare},{first},{without}");
    let octets = STANDARD.decode(&salt).unwrap();
    let (proof, signature) = proof(secret, &octets, iterations.parse().unwrap(), &signed);
    answer(world, &format!("{without},p={}", STANDARD.encode(proof)));
    (salt, format!("v={}", STANDARD.encode(signature)))
}

/// Signs in and is answered with OK.
fn enters(world: &mut World, name: &str, secret: &str) {
    world.connect_over(1, Channel::default());
    let (_, signature) = speak(world, name, secret, None);
    assert_eq!(challenge(world), signature, "the server knows it too");
    world.send(1, b"\r\n");
    let line = world.line(1);
    assert!(line.starts_with("a OK [CAPABILITY "), "{line}");
    assert!(
        world
            .ask(1, "SELECT INBOX")
            .last()
            .unwrap()
            .starts_with("q OK")
    );
}

/// Is refused; gives the salt that was shown.
fn fails(world: &mut World, name: &str, secret: &str) -> String {
    world.connect_over(1, Channel::default());
    let (salt, _) = speak(world, name, secret, None);
    let line = world.line(1);
    assert!(line.starts_with("a NO [AUTHENTICATIONFAILED] "), "{line}");
    assert!(world.ask(1, "SELECT INBOX")[0].starts_with("q BAD"));
    salt
}

#[test]
fn both_sides_prove_what_they_know() {
    let mut world = World::new();
    let greeting = world.connect_over(1, Channel::default());
    assert!(
        greeting.contains(" AUTH=SCRAM-SHA-256 AUTH=PLAIN"),
        "{greeting}"
    );
    enters(&mut world, USER, PASSWORD);
    // A bare name is of the default domain.
    enters(&mut world, "an", PASSWORD);
    let known = fails(&mut world, USER, "wrong");
    assert_eq!(known, fails(&mut world, USER, ""));
    // A name that does not exist looks the same, and always the same.
    let unknown = fails(&mut world, "nobody@tinh.gov.vn", PASSWORD);
    assert_eq!(unknown, fails(&mut world, "Nobody@tinh.gov.vn", "other"));
    assert!(unknown != known && unknown.len() == known.len());
}

#[test]
fn a_proof_needs_its_last_word() {
    let mut world = World::new();
    for (last, expected) in [(&b"*\r\n"[..], "a BAD "), (b"eA==\r\n", "a BAD ")] {
        world.connect_over(1, Channel::default());
        let (_, signature) = speak(&mut world, USER, PASSWORD, None);
        assert_eq!(challenge(&mut world), signature);
        world.send(1, last);
        let line = world.line(1);
        assert!(line.starts_with(expected), "{line}");
        assert!(world.ask(1, "SELECT INBOX")[0].starts_with("q BAD"));
    }
    // Without an initial response the client still begins.
    world.connect_over(1, Channel::default());
    world.send(1, b"a AUTHENTICATE SCRAM-SHA-256\r\n");
    assert_eq!(challenge(&mut world), "");
    answer(&mut world, "n,,n=an");
    assert!(world.line(1).starts_with("a BAD "));
    // Where it is not offered it is not there.
    world.connect(1, true);
    let told = world.ask(1, "AUTHENTICATE SCRAM-SHA-256 biws");
    assert!(told[0].starts_with("q NO [CANNOT]"), "{told:?}");
}

#[test]
fn the_channel_is_bound() {
    let mut world = World::new();
    let channel = Channel {
        exporter: Some([7; 32]),
        end_point: None,
    };
    let greeting = world.connect_over(1, channel.clone());
    let both = " AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 ";
    assert!(greeting.contains(both), "{greeting}");
    let (_, signature) = speak(&mut world, USER, PASSWORD, Some(&[7; 32]));
    assert_eq!(challenge(&mut world), signature);
    world.send(1, b"\r\n");
    assert!(world.line(1).starts_with("a OK "));
    // Somebody in between has a channel of his own.
    world.connect_over(1, channel.clone());
    speak(&mut world, USER, PASSWORD, Some(&[8; 32]));
    assert!(world.line(1).starts_with("a NO [AUTHENTICATIONFAILED] "));
}

/// RFC 5802 §6: who takes -PLUS out of the list on its way is found out.
#[test]
fn a_downgrade_is_turned_away() {
    let mut world = World::new();
    let channel = Channel {
        exporter: Some([7; 32]),
        end_point: None,
    };
    world.connect_over(1, channel);
    for header in ["y,,", "y,a=an,"] {
        let coded = STANDARD.encode(format!("{header}n=an,r=fyko+d2lbbFgONRv9qkxdawL"));
        let told = world.ask(1, &format!("AUTHENTICATE SCRAM-SHA-256 {coded}"));
        let denied = "q NO [AUTHENTICATIONFAILED] SCRAM-SHA-256-PLUS is offered here, but ";
        assert!(told[0].starts_with(denied), "{told:?}");
    }
    assert!(world.ask(1, "SELECT INBOX")[0].starts_with("q BAD"));
    // A client that cannot bind at all says `n`, and is as welcome as ever.
    let (_, signature) = speak(&mut world, USER, PASSWORD, None);
    assert_eq!(challenge(&mut world), signature);
    // curl's way to say nothing.
    world.send(1, b"=\r\n");
    assert!(world.line(1).starts_with("a OK "));
    // Where the channel cannot be bound, `y` is the truth.
    world.connect_over(1, Channel::default());
    let coded = STANDARD.encode("y,,n=an,r=fyko+d2lbbFgONRv9qkxdawL");
    world.send(
        1,
        format!("a AUTHENTICATE SCRAM-SHA-256 {coded}\r\n").as_bytes(),
    );
    assert!(challenge(&mut world).starts_with("r=fyko+d2lbbFgONRv9qkxdawL"));
}

#[test]
fn app_passwords_and_new_passwords() {
    let mut world = World::new();
    let account = world.directory.account_at(&Address::parse(USER).unwrap());
    let id = account.unwrap().id;
    let made =
        world
            .directory
            .create_credential(None, id, CredentialKind::AppPassword, "phone", None);
    let (app, secret) = made.unwrap();
    enters(&mut world, USER, secret.expose());
    enters(&mut world, USER, PASSWORD);
    world.directory.delete_credential(None, id, app.id).unwrap();
    let before = fails(&mut world, USER, secret.expose());
    let new = "Mật khẩu mới 2027";
    world
        .directory
        .set_password(None, id, &Secret::new(new))
        .unwrap();
    assert_eq!(fails(&mut world, USER, PASSWORD), before);
    enters(&mut world, USER, new);
}

#[test]
fn failures_are_counted_as_with_passwords() {
    let mut world = World::new();
    for _ in 0..5 {
        fails(&mut world, USER, "wrong");
    }
    world.connect_over(1, Channel::default());
    let coded = STANDARD.encode(format!("n,,n={USER},r=x"));
    let told = world.ask(1, &format!("AUTHENTICATE SCRAM-SHA-256 {coded}"));
    assert!(told[0].starts_with("q NO [UNAVAILABLE]"), "{told:?}");
    assert_ne!(told[0], END);
    // The same count: a password from there waits as well.
    let peer = Peer {
        ip: "192.0.2.7".parse().unwrap(),
        service: "imap",
    };
    let tried = world.directory.sign_in(USER, &Secret::new("other"), peer);
    assert!(tried.is_err(), "at {NOW_MS}");
}
