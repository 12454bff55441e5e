//! RFC 8463 appendix A, and what is chosen to be signed.

use super::*;
use ring::signature::{
    Ed25519KeyPair, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, UnparsedPublicKey,
};

const FIELDS: &str = "From: Joe SixPack <joe@football.example.com>\r\n\
    To: Suzie Q <suzie@shopping.example.net>\r\n\
    Subject: Is dinner ready?\r\n\
    Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
    Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n";
const BODY: &str = "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
const BODY_HASH: &str = "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=";
const NAMES: [&str; 8] = [
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "from",
    "subject",
    "date",
];
const ED25519_FIELD: &str = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n \
    d=football.example.com; i=@football.example.com;\r\n \
    q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n \
    subject : date : message-id : from : subject : date;\r\n \
    bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=";
const ED25519_SIGNATURE: &str = "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\
    Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==";
const RSA_FIELD: &str = "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n \
    d=football.example.com; i=@football.example.com;\r\n \
    q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n \
    date : message-id : from : subject : date;\r\n \
    bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=";
const RSA_SIGNATURE: &str = "F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\
    DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\
    dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=";
const RSA_PUBLIC: &str = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi\
    Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l\
    /K4w3QIDAQAB";

fn data(field: &str) -> Vec<u8> {
    let all: Vec<Field<'_>> = fields(FIELDS.as_bytes()).collect();
    let mut data = Vec::new();
    canonical(&all, &NAMES, &mut data);
    own(field, &mut data);
    data
}

#[test]
fn the_examples_of_rfc_8463_come_out() {
    let decoded = |text: &str| STANDARD.decode(text).unwrap();
    assert_eq!(STANDARD.encode(body_hash(BODY.as_bytes())), BODY_HASH);
    let seed = decoded("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=");
    let public = decoded("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    let pair = Ed25519KeyPair::from_seed_and_public_key(&seed, &public).unwrap();
    let signed = pair.sign(&Sha256::digest(data(ED25519_FIELD)));
    assert_eq!(STANDARD.encode(signed.as_ref()), ED25519_SIGNATURE);
    // RSA of 1024 bits, which we would not make; 22 octets wrap the key.
    let algorithm = &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY;
    let public = decoded(RSA_PUBLIC);
    let key = UnparsedPublicKey::new(algorithm, &public[22..]);
    let signature = decoded(RSA_SIGNATURE);
    assert!(key.verify(&data(RSA_FIELD), &signature).is_ok());
    assert!(key.verify(&data(ED25519_FIELD), &signature).is_err());
}

#[test]
fn from_comes_first_and_nothing_can_be_added() {
    let header = "Received: x\r\nTO: a\r\nX-Other: y\r\nto: b\r\nFrom: c\r\nReferences: d\r\n";
    let all: Vec<Field<'_>> = fields(header.as_bytes()).collect();
    let names = names(&all);
    assert_eq!(names[..5], ["From", "From", "To", "To", "To"]);
    let count = |name: &str| names.iter().filter(|other| **other == name).count();
    assert_eq!(
        (count("Subject"), count("Sender"), count("References")),
        (1, 0, 1)
    );
    assert_eq!((count("Received"), count("X-Other")), (0, 0));
    let mut out = Vec::new();
    canonical(&all, &names, &mut out);
    // The last one first.
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "from:c\r\nto:b\r\nto:a\r\nreferences:d\r\n"
    );
}

#[test]
fn a_header_beyond_measure_is_not_signed() {
    let signer = Signer::new(Vec::new(), 0);
    let many = "To: a\r\n".repeat(NAMES_MAX) + "\r\n";
    assert!(signer.sign(many.as_bytes()).is_empty());
    assert!(signer.sign(b" From: a@x.vn\r\n\r\n").is_empty());
}
