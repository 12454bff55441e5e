//! RFC 5034 §4 with RFC 5802, RFC 7677: AUTH SCRAM-SHA-256 with a client of our own.

use crate::door::{PASSWORD, USER, World, check};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use directory::sasl::Channel;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.chain_update(text).finalize().into_bytes().into()
}

fn xor(a: &mut [u8; 32], b: [u8; 32]) {
    a.iter_mut().zip(b).for_each(|(a, b)| *a ^= b);
}

/// ClientProof and ServerSignature.
fn proof(secret: &str, salt: &[u8], iterations: u32, signed: &str) -> (String, String) {
    let mut last = hmac(secret.as_bytes(), &[salt, &[0, 0, 0, 1]].concat());
    let mut salted = last;
    for _ in 1..iterations {
        last = hmac(secret.as_bytes(), &last);
        xor(&mut salted, last);
    }
    let client_key = hmac(&salted, b"Client Key");
    let mut proof = hmac(&Sha256::digest(client_key), signed.as_bytes());
    xor(&mut proof, client_key);
    let signature = hmac(&hmac(&salted, b"Server Key"), signed.as_bytes());
    (STANDARD.encode(proof), STANDARD.encode(signature))
}

fn challenge(world: &mut World) -> String {
    let line = world.line(1);
    let coded = line.strip_prefix("+ ").unwrap_or_else(|| panic!("{line}"));
    String::from_utf8(STANDARD.decode(coded).unwrap()).unwrap()
}

/// Goes up to the client's proof; gives the server's signature as it should be.
fn speak(world: &mut World, secret: &str, bound: Option<&[u8]>) -> String {
    let (mechanism, header) = match bound {
        None => ("SCRAM-SHA-256", "n,,"),
        Some(_) => ("SCRAM-SHA-256-PLUS", "p=tls-exporter,,"),
    };
    let bare = format!("n={USER},r=fyko+d2lbbFgONRv9qkxdawL");
    let coded = STANDARD.encode(format!("{header}{bare}"));
    world.send(1, format!("AUTH {mechanism} {coded}\r\n").as_bytes());
    let first = challenge(world);
    let mut fields = first.split(',');
    let nonce = fields.next().unwrap();
    let salt = fields.next().unwrap().strip_prefix("s=").unwrap();
    let iterations = fields.next().unwrap().strip_prefix("i=").unwrap();
    let binding = [header.as_bytes(), bound.unwrap_or_default()].concat();
    let without = format!("c={},{nonce}", STANDARD.encode(binding));
    let signed = format!("{bare},{first},{without}");
    let salt = STANDARD.decode(salt).unwrap();
    let (proof, signature) = proof(secret, &salt, iterations.parse().unwrap(), &signed);
    let last = STANDARD.encode(format!("{without},p={proof}"));
    world.send(1, format!("{last}\r\n").as_bytes());
    format!("v={signature}")
}

fn exporter() -> Channel {
    Channel {
        exporter: Some([7; 32]),
        end_point: None,
    }
}

#[test]
fn both_sides_prove_what_they_know() {
    let mut world = World::new();
    world.put(&[b"Subject: a\r\n\r\nx\r\n"]);
    for bound in [None, Some(&[7u8; 32][..])] {
        world.connect_over(1, exporter());
        let signature = speak(&mut world, PASSWORD, bound);
        assert_eq!(challenge(&mut world), signature, "the server knows it too");
        world.send(1, b"\r\n");
        let line = world.line(1);
        assert!(line.starts_with("+OK 1 "), "{line}");
        assert_eq!(world.ask(1, "STAT"), "+OK 1 17");
        assert!(world.ask(1, "QUIT").starts_with("+OK"));
    }
}

#[test]
fn wrong_words_and_wrong_channels_are_refused() {
    let mut world = World::new();
    world.connect_over(1, exporter());
    let refused = "-ERR [AUTH] Wrong address or password";
    speak(&mut world, "wrong", None);
    assert_eq!(world.line(1), refused);
    // Somebody in between has a channel of his own.
    speak(&mut world, PASSWORD, Some(&[8; 32]));
    assert_eq!(world.line(1), refused);
    // The proof needs its last word.
    let signature = speak(&mut world, PASSWORD, None);
    assert_eq!(challenge(&mut world), signature);
    check(
        &mut world,
        "C: *
         S: -ERR AUTH was cancelled
         C: STAT
         S: -ERR …
         C: AUTH SCRAM-SHA-256 bm8=
         S: -ERR …",
    );
}

/// RFC 5802 §6: who takes -PLUS out of the list on its way is found out.
#[test]
fn a_downgrade_is_turned_away() {
    let mut world = World::new();
    world.connect_over(1, exporter());
    let coded = STANDARD.encode(format!("y,,n={USER},r=fyko+d2lbbFgONRv9qkxdawL"));
    let told = world.ask(1, &format!("AUTH SCRAM-SHA-256 {coded}"));
    let denied = "-ERR [AUTH] SCRAM-SHA-256-PLUS is offered here, but ";
    assert!(told.starts_with(denied), "{told}");
    assert!(world.ask(1, "STAT").starts_with("-ERR"));
    // A client that cannot bind at all says `n`, and is as welcome as ever; `=` is curl's way to say nothing.
    let signature = speak(&mut world, PASSWORD, None);
    assert_eq!(challenge(&mut world), signature);
    world.send(1, b"=\r\n");
    assert!(world.line(1).starts_with("+OK 0 "));
}

#[test]
fn who_may_not_use_pop3_is_told_so_after_the_proof() {
    let mut world = World::new();
    world.switch(world.account, false);
    world.connect_over(1, Channel::default());
    let signature = speak(&mut world, PASSWORD, None);
    assert_eq!(challenge(&mut world), signature);
    let told = world.ask(1, "");
    assert!(told.starts_with("-ERR [AUTH] POP3 is off"), "{told}");
}

#[test]
fn it_is_offered_where_it_can_be_had() {
    let mut world = World::new();
    world.connect_over(1, exporter());
    let plus = "SASL SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN";
    assert!(world.lines(1, "CAPA").contains(&plus.to_owned()));
    world.connect_over(1, Channel::default());
    let bare = "SASL SCRAM-SHA-256 PLAIN LOGIN";
    assert!(world.lines(1, "CAPA").contains(&bare.to_owned()));
    assert_eq!(world.lines(1, "AUTH"), ["SCRAM-SHA-256", "PLAIN", "LOGIN"]);
    world.connect(1, true);
    assert!(world.ask(1, "AUTH SCRAM-SHA-256 biws").starts_with("-ERR"));
}
