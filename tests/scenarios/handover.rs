//! A seat is handed over by the API: who leaves reads it no more, who comes reads all of it or none, by every door.

use crate::shared_mailboxes::call;
use serde_json::{Value, json};
use tests::http_client::HttpClient;
use tests::world::{DOMAIN, PASSWORD, World};

fn deliver(world: &World, to: &str, subject: &str) -> String {
    let mut sender = world.smtp();
    sender.ehlo();
    let letter = format!("From: a@b.example\r\nSubject: {subject}\r\n\r\n{subject}\r\n");
    sender.transaction("a@b.example", &[to], letter.as_bytes())
}

fn account(api: &HttpClient, local: &str) -> u64 {
    let (_, _, body) = api.get(&format!("/api/v1/accounts?address={local}@{DOMAIN}"));
    let page: Value = serde_json::from_slice(&body).unwrap();
    page["items"][0]["id"].as_u64().unwrap()
}

/// The seat `vanthu@`, held by An; the path of its handovers.
fn held(world: &World, api: &HttpClient) -> String {
    let mailbox = json!({
        "address": format!("vanthu@{DOMAIN}"), "kind": "shared", "agency": "T1", "name": "Văn thư",
    });
    let (status, mailbox) = api.post_json("/api/v1/accounts", &mailbox);
    assert_eq!(status, 201, "{mailbox}");
    let seat =
        json!({"agency": "T1", "kind": "clerk", "title": "Văn thư", "mailbox": mailbox["id"]});
    let (status, seat) = api.post_json("/api/v1/positions", &seat);
    assert_eq!(status, 201, "{seat}");
    let path = format!("/api/v1/positions/{}/handover", seat["id"]);
    let (status, held) = api.post_json(&path, &json!({"to": account(api, "an")}));
    assert_eq!(status, 200, "{held}");
    let said = deliver(world, &format!("vanthu@{DOMAIN}"), "truoc");
    assert!(said.starts_with("250"), "{said}");
    path
}

/// Subjects in the seat's INBOX over IMAP; `None`: there is no such mailbox.
fn over_imap(world: &World, who: &str) -> Option<Vec<String>> {
    let mut client = world.imap(who);
    let name = format!("\"Shared/vanthu@{DOMAIN}/INBOX\"");
    let listed = client.ok("LIST \"\" \"Shared/*\"");
    let selected = client.run(&format!("SELECT {name}"));
    if !selected.tagged.contains(" OK ") && !selected.tagged.starts_with("OK") {
        assert!(listed.lines("* LIST").is_empty(), "{listed:?}");
        return None;
    }
    let found = client.ok("UID SEARCH TEXT truoc").line("* SEARCH");
    let fetched = client.ok("UID FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]");
    let count = fetched.lines("* ").len();
    let subjects = (0..count).map(|n| {
        let text = String::from_utf8_lossy(fetched.literals(n)[0]).into_owned();
        text.trim().replace("Subject: ", "")
    });
    let subjects: Vec<String> = subjects.collect();
    let finds = found.split_whitespace().count() > 2;
    assert_eq!(finds, subjects.iter().any(|s| s == "truoc"), "{found}");
    Some(subjects)
}

/// The same over JMAP, through every account that the session names.
fn over_jmap(world: &World, who: &str) -> Vec<String> {
    let http = world.http(who);
    let (_, _, body) = http.get("/jmap/session");
    let session: Value = serde_json::from_slice(&body).unwrap();
    let own = http.account();
    let others = session["accounts"].as_object().unwrap().keys();
    let mut subjects = Vec::new();
    for id in others.filter(|id| **id != own) {
        let (_, found) = call(&http, "Email/query", json!({"accountId": id}));
        let got = json!({"accountId": id, "ids": found["ids"], "properties": ["subject"]});
        let (_, list) = call(&http, "Email/get", got);
        let list = list["list"].as_array().unwrap().clone();
        subjects.extend(
            list.iter()
                .map(|email| email["subject"].as_str().unwrap().to_owned()),
        );
    }
    subjects.sort();
    subjects
}

#[test]
fn who_takes_a_seat_reads_all_that_came_before() {
    let world = World::new();
    let api = world.api();
    let path = held(&world, &api);
    assert_eq!(over_imap(&world, "an"), Some(vec!["truoc".to_owned()]));
    assert_eq!(over_imap(&world, "binh"), None);
    // A session that is open while the seat passes on.
    let mut open = world.imap("an");
    open.ok(&format!("SELECT \"Shared/vanthu@{DOMAIN}/INBOX\""));
    let (status, done) = api.post_json(&path, &json!({"to": account(&api, "binh")}));
    assert_eq!(status, 200, "{done}");
    let refused = open.run("UID FETCH 1:* FLAGS").tagged;
    assert!(refused.contains("NO "), "{refused}");
    assert_eq!(
        (over_imap(&world, "an"), over_jmap(&world, "an")),
        (None, vec![])
    );
    assert_eq!(over_imap(&world, "binh"), Some(vec!["truoc".to_owned()]));
    assert_eq!(over_jmap(&world, "binh"), ["truoc"]);
    // Sending as the seat follows.
    let seat = format!("vanthu@{DOMAIN}");
    let letter = format!("From: {seat}\r\nTo: an@{DOMAIN}\r\nSubject: cong van\r\n\r\nx\r\n");
    let said = world
        .submission("an")
        .transaction(&seat, &["an@thu.gov.vn"], letter.as_bytes());
    assert!(said.starts_with("550"), "{said}");
    let said = world
        .submission("binh")
        .transaction(&seat, &["an@thu.gov.vn"], letter.as_bytes());
    assert!(said.starts_with("250"), "{said}");
    world.finish();
}

#[test]
fn sealed_mail_is_read_through_no_door() {
    let world = World::new();
    let api = world.api();
    let path = held(&world, &api);
    let seat = account(&api, "vanthu");
    let password = json!({ "password": PASSWORD });
    let (status, _) = api.put_json(
        &format!("/api/v1/accounts/{seat}/credentials/password"),
        &password,
    );
    assert!((200..300).contains(&status));
    let status = world.imap("vanthu").ok("STATUS INBOX (MESSAGES)");
    assert!(status.line("* STATUS").contains("MESSAGES 1"));
    let mut open = world.imap("an");
    let selected = open.ok(&format!("SELECT \"Shared/vanthu@{DOMAIN}/INBOX\""));
    let before = selected.line("* OK [UIDVALIDITY");
    let over = json!({"to": account(&api, "binh"), "earlier": "sealed", "reason": "Quyết định 7"});
    let (status, done) = api.post_json(&path, &over);
    assert_eq!(status, 200, "{done}");
    assert_eq!(done["sealed"][0]["account"], seat);
    assert!(open.run("UID FETCH 1:* FLAGS").tagged.contains("NO "));
    assert_eq!(over_imap(&world, "an"), None);
    // Nothing of before, by IMAP, JMAP and search; what comes from now on is there.
    assert_eq!(over_imap(&world, "binh"), Some(vec![]));
    assert!(over_jmap(&world, "binh").is_empty());
    let said = deliver(&world, &format!("vanthu@{DOMAIN}"), "sau");
    assert!(said.starts_with("250"), "{said}");
    assert_eq!(over_imap(&world, "binh"), Some(vec!["sau".to_owned()]));
    assert_eq!(over_jmap(&world, "binh"), ["sau"]);
    let mut client = world.imap("binh");
    let selected = client.ok(&format!("SELECT \"Shared/vanthu@{DOMAIN}/INBOX\""));
    assert_ne!(selected.line("* OK [UIDVALIDITY"), before);
    // Guessed ids and names lead nowhere.
    let http = world.http("binh");
    let id = format!("{}{seat}", &http.account()[..1]);
    let (_, guessed) = call(&http, "Email/query", json!({"accountId": id}));
    assert_eq!(guessed["type"], "accountNotFound", "{guessed}");
    let hidden = format!("\"Shared/vanthu.luu-{seat}@{DOMAIN}/INBOX\"");
    assert!(
        client
            .run(&format!("SELECT {hidden}"))
            .tagged
            .contains("NO ")
    );
    assert!(
        client
            .run(&format!("STATUS {hidden} (MESSAGES)"))
            .tagged
            .contains("NO ")
    );
    // The seat's own password is no more, neither for the old account nor for the new one.
    for name in ["vanthu".to_owned(), format!("vanthu.luu-{seat}")] {
        let mut stranger =
            tests::imap_client::ImapClient::connect_tls(world.address("imaps"), &world.ca());
        let refused = stranger
            .run(&format!("LOGIN {name}@{DOMAIN} \"{PASSWORD}\""))
            .tagged;
        assert!(refused.contains("NO "), "{name}: {refused}");
    }
    // Mail to the sealed address is not taken.
    let said = deliver(&world, &format!("vanthu.luu-{seat}@{DOMAIN}"), "lac");
    assert!(said.starts_with("550 5.2.1"), "{said}");
    world.finish();
}

#[test]
fn a_domain_that_has_ended_takes_no_mail_and_lets_nobody_in() {
    let world = World::new();
    let api = world.api();
    let old = json!({"name": "cu.gov.vn", "agency": "T1", "alias_of": DOMAIN});
    assert_eq!(api.post_json("/api/v1/domains", &old).0, 201);
    let said = deliver(&world, "an@cu.gov.vn", "con");
    assert!(said.starts_with("250"), "{said}");
    let until = |day: &str| api.patch_json("/api/v1/domains/cu.gov.vn", &json!({ "until": day }));
    assert_eq!(until("2099-12-31").0, 200);
    let mut client =
        tests::imap_client::ImapClient::connect_tls(world.address("imaps"), &world.ca());
    client.ok(&format!("LOGIN an@cu.gov.vn \"{PASSWORD}\""));
    assert_eq!(until("2020-12-31").0, 200);
    for to in ["an@cu.gov.vn", "khongco@cu.gov.vn"] {
        let mut sender = world.smtp();
        sender.ehlo();
        sender.expect("MAIL FROM:<a@b.example>", "250");
        sender.expect(&format!("RCPT TO:<{to}>"), "550 5.1.6");
    }
    let mut client =
        tests::imap_client::ImapClient::connect_tls(world.address("imaps"), &world.ca());
    assert!(
        client
            .run(&format!("LOGIN an@cu.gov.vn \"{PASSWORD}\""))
            .tagged
            .contains("NO ")
    );
    assert_eq!(world.letters("an", "INBOX").len(), 1);
    world.finish();
}
