//! An administrator rules by the API, and every door holds to it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use directory::CredentialKind;
use formats::address::Address;
use serde_json::{Value, json};
use tests::http_client::HttpClient;
use tests::imap_client::ImapClient;
use tests::smtp_client::SmtpClient;
use tests::world::{PASSWORD, World};

fn rule(world: &World, values: Value) {
    let api = world.api();
    let (status, answer) = api.patch_json("/api/v1/policies/T1", &json!({ "values": values }));
    assert_eq!(status, 200, "{answer}");
}

fn login(world: &World, password: &str) -> String {
    let mut client = ImapClient::connect_tls(world.address("imaps"), &world.ca());
    client
        .run(&format!("LOGIN an@thu.gov.vn {password}"))
        .tagged
}

fn auth(world: &World, password: &str) -> String {
    let mut client = SmtpClient::connect_tls(world.address("submissions"), &world.ca());
    client.ehlo();
    let plain = STANDARD.encode(format!("\0an@thu.gov.vn\0{password}"));
    client.say(&format!("AUTH PLAIN {plain}"))
}

#[test]
fn who_is_barred_is_told_why_and_others_nothing() {
    let world = World::new();
    assert!(login(&world, PASSWORD).starts_with("OK"));
    rule(
        &world,
        json!({"sign_in_networks": {"value": ["192.0.2.0/24"]}}),
    );
    let told = login(&world, PASSWORD);
    assert!(
        told.starts_with("NO [AUTHORIZATIONFAILED] Co quan ban khong cho dang nhap tu mang nay / ")
            && told.contains("network"),
        "{told}"
    );
    assert!(login(&world, "sai").starts_with("NO [AUTHENTICATIONFAILED]"));
    let told = auth(&world, PASSWORD);
    assert!(
        told.starts_with("535 5.7.8 Co quan ban khong cho") && told.contains("network"),
        "{told}"
    );
    let told = auth(&world, "sai");
    assert!(
        told.starts_with("535 5.7.8") && told.contains("invalid"),
        "{told}"
    );
    let (status, _, body) = world.http("an").get("/.well-known/jmap");
    assert_eq!(status, 403, "{}", String::from_utf8_lossy(&body));
    assert!(String::from_utf8_lossy(&body).contains("từ mạng này"));
    let problem: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem["type"], "urn:congvu:problem:forbidden");
    assert_eq!(problem["title"], "Không có quyền / Not allowed");
    // The one who can mend it is not shut out.
    rule(
        &world,
        json!({"sign_in_networks": null, "imap": {"value": false}}),
    );
    let told = login(&world, PASSWORD);
    assert!(told.starts_with("NO [AUTHORIZATIONFAILED]"), "{told}");
    assert!(auth(&world, PASSWORD).starts_with("235"));
    rule(&world, json!({"imap": null}));
    assert!(login(&world, PASSWORD).starts_with("OK"));
    world.finish();
}

/// The status of everything that a token may ask of mail.
fn mail_doors(token: &HttpClient) -> Vec<(&'static str, u16)> {
    let get = [
        "/",
        "/.well-known/jmap",
        "/jmap/session",
        "/jmap/download/2/x/x",
        "/jmap/eventsource/",
    ];
    let get = get.into_iter().chain(["/mail/html/2/x", "/mail/cid/2/x/x"]);
    let mut told: Vec<(&str, u16)> = get.map(|path| (path, token.get(path).0)).collect();
    let request =
        json!({"using": ["urn:ietf:params:jmap:core"], "methodCalls": [["Core/echo", {}, "0"]]});
    told.push(("/jmap/api", token.post_json("/jmap/api", &request).0));
    let upload = token.post("/jmap/upload/2/", "text/plain", b"x").0;
    told.push(("/jmap/upload/2/", upload));
    told
}

#[test]
fn a_token_reads_mail_only_as_the_agency_allows_and_administers_all_the_same() {
    let world = World::new();
    let directory = &world.services.directory;
    let qt = Address::parse("quantri@thu.gov.vn").unwrap();
    let qt = directory.account_at(&qt).unwrap().id;
    // What somebody else makes for him administers, and reads nothing.
    let made = directory.create_credential(None, qt, CredentialKind::Token, "máy", None);
    let given = world.stranger().bearer(made.unwrap().1.expose());
    for (door, status) in mail_doors(&given) {
        assert_eq!(status, 403, "{door}");
    }
    let label = json!({"label": "máy"});
    let (status, made) = given.post_json("/api/v1/tokens", &label);
    assert_eq!(status, 201, "{made}");
    assert_eq!(given.get("/api/v1/tokens").0, 200);
    let token = world.stranger().bearer(made["secret"].as_str().unwrap());
    assert_eq!(token.jmap("Email/query", json!({}))["total"], Value::Null);
    let off = json!({"value": false});
    let elsewhere = json!({"value": ["192.0.2.0/24"]});
    // Three days from now in Viet Nam; day 0 of Unix time was a Thursday.
    let days = (directory.clock().now_s() + 7 * 3600) / 86_400;
    let week = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"];
    let day = week[usize::try_from((days + 3) % 7).unwrap()];
    let never = json!({"value": [format!("{day} 08:00-09:00")]});
    for (rules, undone) in [
        (json!({"jmap": off}), json!({"jmap": null})),
        (
            json!({"sign_in_networks": elsewhere}),
            json!({"sign_in_networks": null}),
        ),
        (
            json!({"sign_in_hours": never}),
            json!({"sign_in_hours": null}),
        ),
    ] {
        rule(&world, rules.clone());
        for (door, status) in mail_doors(&token) {
            assert_eq!(status, 403, "{rules} {door}");
        }
        assert_eq!(token.get("/api/v1/tokens").0, 200, "{rules}");
        rule(&world, undone);
        assert_eq!(token.get("/jmap/session").0, 200);
    }
    world.finish();
}

fn letter(name: &str, octets: usize) -> Vec<u8> {
    let body = STANDARD.encode(vec![7; octets]);
    let lines: Vec<&str> = body
        .as_bytes()
        .chunks(76)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "From: an@thu.gov.vn\r\nTo: binh@thu.gov.vn\r\nSubject: tep\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nGui tep\r\n\
         --b\r\nContent-Type: application/octet-stream; name=\"{name}\"\r\n\
         Content-Disposition: attachment; filename=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
        lines.join("\r\n")
    )
    .into_bytes()
}

#[test]
fn attachments_are_sent_as_the_agency_allows() {
    let world = World::new();
    let mut client = world.submission("an");
    let mut send =
        |letter: &[u8]| client.transaction("an@thu.gov.vn", &["binh@thu.gov.vn"], letter);
    assert!(send(&letter("a.exe", 10)).starts_with("250"));
    rule(
        &world,
        json!({
            "attachment_types_refused": {"value": ["exe", "lnk"]},
            "attachment_octets": {"value": 1000},
        }),
    );
    for bad in [
        "a.exe",
        "A.EXE",
        "bao cao.pdf.lnk",
        "a.exe.",
        "a.exe:x",
        "a.pdf\"; filename=\"a.exe",
    ] {
        let told = send(&letter(bad, 10));
        assert!(told.starts_with("550 5.7.1"), "{bad}: {told}");
    }
    assert!(send(&letter("a.pdf", 1000)).starts_with("250"));
    let told = send(&letter("a.pdf", 1001));
    assert!(told.starts_with("552 5.3.4"), "{told}");
    rule(
        &world,
        json!({"attachment_types": {"value": ["pdf", "docx"]}, "attachment_octets": null}),
    );
    assert!(send(&letter("a.docx", 10)).starts_with("250"));
    for bad in ["a.js", "khong-duoi"] {
        let told = send(&letter(bad, 10));
        assert!(told.starts_with("550 5.7.1"), "{bad}: {told}");
    }
    // What comes from outside is not submitted here.
    let mut outside = world.smtp();
    outside.ehlo();
    let told = outside.transaction("a@b.example", &["binh@thu.gov.vn"], &letter("a.js", 10));
    assert!(told.starts_with("250"), "{told}");
    world.finish();
}

#[test]
fn messages_are_as_large_as_the_agency_allows() {
    let world = World::new();
    rule(&world, json!({"message_octets": {"value": 20_000}}));
    let mut client = SmtpClient::connect_tls(world.address("submissions"), &world.ca());
    let before = client.say("EHLO may.tinh");
    assert!(!before.contains("SIZE 20000"), "{before}");
    let plain = STANDARD.encode(format!("\0an@thu.gov.vn\0{PASSWORD}"));
    assert!(
        client
            .say(&format!("AUTH PLAIN {plain}"))
            .starts_with("235")
    );
    let after = client.say("EHLO may.tinh");
    assert!(after.contains("SIZE 20000"), "{after}");
    let told = client.say("MAIL FROM:<an@thu.gov.vn> SIZE=20001");
    assert!(told.starts_with("552 5.3.4"), "{told}");
    // Who says nothing of it is refused when it is there; what is no larger goes.
    let mut send =
        |letter: &[u8]| client.transaction("an@thu.gov.vn", &["binh@thu.gov.vn"], letter);
    let told = send(&letter("a.pdf", 16_000));
    assert!(told.starts_with("552 5.3.4"), "{told}");
    assert!(send(&letter("a.pdf", 10_000)).starts_with("250"));
    // It holds from now on, for who is signed in already too.
    rule(&world, json!({"message_octets": {"value": 5_000}}));
    let told = client.say("MAIL FROM:<an@thu.gov.vn> SIZE=5001");
    assert!(told.starts_with("552 5.3.4"), "{told}");
    let (_, _, session) = world.http("an").get("/.well-known/jmap");
    let session = String::from_utf8_lossy(&session);
    assert!(session.contains("\"SIZE\":[\"5000\"]"), "{session}");
    // What comes from outside is measured by the config alone.
    let mut outside = world.smtp();
    outside.ehlo();
    let told = outside.transaction("a@b.example", &["an@thu.gov.vn"], &letter("a.pdf", 16_000));
    assert!(told.starts_with("250"), "{told}");
    world.finish();
}
