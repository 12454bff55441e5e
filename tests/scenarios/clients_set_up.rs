//! A stranger's mail client asks how to set itself up; an administrator lets somebody use POP3.

use serde_json::json;
use std::io::Write as _;
use std::process::{Command, Stdio};
use tests::stream::Stream;
use tests::world::{DOMAIN, PASSWORD, World};

#[test]
fn settings_are_told_by_domain_and_tell_nothing_of_accounts() {
    let world = World::new();
    let stranger = world.stranger();
    let ask = |address: &str| {
        stranger.get(&format!(
            "/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress={address}"
        ))
    };
    let (status, headers, body) = ask("an@thu.gov.vn");
    let text = String::from_utf8(body.clone()).unwrap();
    assert_eq!(status, 200, "{headers}");
    assert!(headers.contains("content-type: text/xml"), "{headers}");
    assert!(
        text.contains("<hostname>mail.thu.gov.vn</hostname>"),
        "{text}"
    );
    assert_eq!(ask("nobody@thu.gov.vn").2, body, "the same for any address");
    assert_eq!(ask("an@elsewhere.vn").0, 404);
    assert_eq!(ask("no-address").0, 404);
    let host = |name: &str| {
        let asking = stranger.clone().with("Host", name);
        asking.get("/mail/config-v1.1.xml").0
    };
    assert_eq!(host("autoconfig.thu.gov.vn"), 200);
    assert_eq!(host("mail.thu.gov.vn"), 200, "the default domain");
    assert_eq!(host("autoconfig.elsewhere.vn"), 404);

    let outlook = |address: &str, schema: &str| {
        let request = format!(
            "<?xml version=\"1.0\"?><Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006\">\
             <Request><EMailAddress>{address}</EMailAddress><AcceptableResponseSchema>\
             http://schemas.microsoft.com/exchange/autodiscover/{schema}</AcceptableResponseSchema></Request></Autodiscover>"
        );
        let path = "/Autodiscover/Autodiscover.xml";
        let (status, _, body) = stranger.post(path, "text/xml", request.as_bytes());
        (status, String::from_utf8(body).unwrap())
    };
    let mine = outlook("an@thu.gov.vn", "outlook/responseschema/2006a");
    assert_eq!(mine.0, 200, "{}", mine.1);
    assert!(mine.1.contains("<LoginName>an@thu.gov.vn</LoginName>"));
    let nobody = outlook("nobody@thu.gov.vn", "outlook/responseschema/2006a");
    assert_eq!(nobody.1.replace("nobody@", "an@"), mine.1);
    assert_eq!(
        outlook("an@elsewhere.vn", "outlook/responseschema/2006a").0,
        404
    );
    let phone = outlook("an@thu.gov.vn", "mobilesync/responseschema/2006");
    assert!(
        phone.1.contains("<ErrorCode>601</ErrorCode>"),
        "{}",
        phone.1
    );
    assert_eq!(
        stranger
            .post("/autodiscover/autodiscover.xml", "text/xml", b"?")
            .0,
        400
    );

    let path = "/autodiscover/autodiscover.json?Email=an@thu.gov.vn&Protocol=AutodiscoverV1";
    let (status, _, body) = stranger.get(path);
    let found: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (status, &found["Protocol"]),
        (200, &json!("AutodiscoverV1"))
    );
    let path = "/autodiscover/autodiscover.json/v1.0/an@thu.gov.vn?Protocol=Rest";
    assert_eq!(stranger.get(path).0, 400);
    world.finish();
}

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "another program judges the signature"
)]
fn profiles_are_signed_as_openssl_wants_it() {
    let world = World::new();
    let path = "/autoconfig/mail.mobileconfig?emailaddress=an@thu.gov.vn";
    let (status, headers, signed) = world.stranger().get(path);
    assert_eq!(status, 200);
    assert!(
        headers.contains("application/x-apple-aspen-config"),
        "{headers}"
    );
    let mut openssl = Command::new("openssl")
        .args([
            "smime", "-verify", "-inform", "DER", "-purpose", "any", "-CAfile",
        ])
        .arg(world.ca())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    openssl.stdin.take().unwrap().write_all(&signed).unwrap();
    let done = openssl.wait_with_output().unwrap();
    let (out, told) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    assert!(done.status.success(), "{told}");
    assert!(
        out.contains("<string>com.apple.mail.managed</string>"),
        "{out}"
    );
    assert!(out.contains("<key>EmailAddress</key><string>an@thu.gov.vn</string>"));
    assert_eq!(
        world
            .stranger()
            .get("/autoconfig/mail.mobileconfig?emailaddress=a@b.vn")
            .0,
        404
    );
    world.finish();
}

fn said(stream: &mut Stream) -> String {
    String::from_utf8(stream.line()).unwrap()
}

/// Signs in over POP3; what PASS was answered.
fn sign_in(stream: &mut Stream, local: &str) -> String {
    stream.write(format!("USER {local}@{DOMAIN}\r\nPASS {PASSWORD}\r\n").as_bytes());
    assert_eq!(said(stream), "+OK Now the password\r\n");
    said(stream)
}

#[test]
fn pop3_is_for_whom_an_administrator_lets() {
    let world = World::new();
    let mut stream = Stream::tls(world.address("pop3s"), &world.ca());
    assert_eq!(said(&mut stream), "+OK Congvu POP3 is ready\r\n");
    let refused = sign_in(&mut stream, "an");
    assert!(refused.starts_with("-ERR [AUTH] POP3 is off"), "{refused}");

    let letter = b"From: a@xa.example\r\nSubject: x\r\n\r\n.dot\r\n";
    let mut sender = world.smtp();
    sender.ehlo();
    let reply = sender.transaction("a@xa.example", &["an@thu.gov.vn"], letter);
    assert!(reply.starts_with("250"), "{reply}");
    let directory = &world.services.directory;
    let address = formats::address::Address::parse(&format!("an@{DOMAIN}")).unwrap();
    let mut account = directory.account_at(&address).unwrap();
    account.pop3 = true;
    directory.change_account(None, account, None).unwrap();
    let welcome = sign_in(&mut stream, "an");
    assert!(welcome.starts_with("+OK 1 messages ("), "{welcome}");
    stream.write(b"TOP 1 0\r\nDELE 1\r\nQUIT\r\n");
    while said(&mut stream) != ".\r\n" {}
    assert_eq!(said(&mut stream), "+OK Marked as deleted\r\n");
    assert_eq!(said(&mut stream), "+OK Goodbye\r\n");

    let mut stream = Stream::plain(world.address("pop3"));
    assert!(said(&mut stream).starts_with("+OK"));
    stream.write(b"STLS\r\n");
    assert!(said(&mut stream).starts_with("+OK Begin TLS"));
    let mut stream = stream.upgrade(&world.ca());
    assert_eq!(sign_in(&mut stream, "an"), "+OK 0 messages (0 octets)\r\n");
    world.finish();
}
