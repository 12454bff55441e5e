//! An administrator reads somebody's mail for some minutes: over JMAP, nothing but read, told to its owner, and over in time.

use crate::shared_mailboxes::call;
use directory::{Clock, CredentialKind, Grant, Role};
use formats::address::Address;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use tests::http_client::HttpClient;
use tests::imap_client::ImapClient;
use tests::world::{DOMAIN, World};

/// Turned by hand.
#[derive(Debug)]
struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now_ms(&self) -> i64 {
        self.0.load(SeqCst)
    }
}

/// A world in which two letters came to An, whose number it is; and its clock.
fn begin() -> (World, Arc<HandClock>, u64) {
    let clock = Arc::new(HandClock(AtomicI64::new(1_795_305_600_000)));
    let world = World::at(clock.clone(), |_| {});
    for subject in ["cong van 12", "moi hop"] {
        let mut sender = world.smtp();
        sender.ehlo();
        let letter = format!("From: a@b.example\r\nSubject: {subject}\r\n\r\nNoi dung\r\n");
        let to = format!("an@{DOMAIN}");
        let said = sender.transaction("a@b.example", &[&to], letter.as_bytes());
        assert!(said.starts_with("250"), "{said}");
    }
    let an = Address::parse(&format!("an@{DOMAIN}")).unwrap();
    let an = world.services.directory.account_at(&an).unwrap().id;
    (world, clock, u64::from(an.raw()))
}

fn read(api: &HttpClient, path: &str) -> Value {
    let (status, _, body) = api.get(path);
    assert_eq!(status, 200, "{path}");
    serde_json::from_slice(&body).unwrap()
}

/// Opens one for ten minutes; its number, and a client that bears its token.
fn open(world: &World, api: &HttpClient, an: u64) -> (u64, HttpClient) {
    let path = format!("/api/v1/accounts/{an}/impersonations");
    let (status, made) = api.post_json(&path, &json!({"minutes": 10}));
    assert_eq!(status, 201, "{made}");
    let reader = world.stranger().bearer(made["secret"].as_str().unwrap());
    (made["id"].as_u64().unwrap(), reader)
}

/// The state of An's account and the keywords of his letters: what any change would change.
fn state(world: &World) -> Value {
    let an = world.http("an");
    let found = an.jmap("Email/query", json!({}));
    let got = json!({"ids": found["ids"], "properties": ["keywords", "mailboxIds"]});
    an.jmap("Email/get", got)
}

/// Folders, letters, search, the letter itself and its page; that letter.
fn reads_as_its_owner(world: &World, reader: &HttpClient, id: &str) -> Value {
    let folders = reader.jmap("Mailbox/get", json!({"ids": null}));
    let own = world.http("an").jmap("Mailbox/get", json!({"ids": null}));
    let names = |list: &Value| {
        let list = list["list"].as_array().unwrap().clone();
        list.into_iter()
            .map(|m| m["name"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&folders), names(&own));
    let rights = &folders["list"][0]["myRights"];
    assert_eq!(
        (&rights["mayReadItems"], &rights["maySetSeen"]),
        (&json!(true), &json!(false))
    );
    let found = reader.jmap("Email/query", json!({"filter": {"subject": "cong van"}}));
    let letter = found["ids"][0].as_str().unwrap().to_owned();
    let got = json!({"ids": [letter], "properties": ["id", "subject", "blobId", "mailboxIds"]});
    let email = reader.jmap("Email/get", got)["list"][0].clone();
    assert_eq!(email["subject"], "cong van 12");
    let blob = email["blobId"].as_str().unwrap();
    let (status, _, body) = reader.get(&format!("/jmap/download/{id}/{blob}/x.eml"));
    assert!(status == 200 && String::from_utf8_lossy(&body).contains("Noi dung"));
    let (status, _, _) = reader.get(&format!("/mail/html/{id}/{letter}?images=1"));
    assert_eq!(status, 200);
    email
}

/// Whatever would change something is refused before it is looked at.
fn changes_nothing(reader: &HttpClient, id: &str, email: &Value) {
    let (letter, blob) = (email["id"].as_str().unwrap(), &email["blobId"]);
    let folder = email["mailboxIds"]
        .as_object()
        .unwrap()
        .keys()
        .next()
        .unwrap();
    for (method, arguments) in [
        (
            "Email/set",
            json!({"update": {letter: {"keywords/$seen": true}}}),
        ),
        ("Email/set", json!({"destroy": [letter]})),
        (
            "Email/import",
            json!({"emails": {"a": {"blobId": blob, "mailboxIds": {folder: true}}}}),
        ),
        ("Email/copy", json!({"fromAccountId": id, "create": {}})),
        ("Mailbox/set", json!({"create": {"a": {"name": "Moi"}}})),
        (
            "Mailbox/set",
            json!({"update": {folder: {"isSubscribed": false}}}),
        ),
        ("Blob/copy", json!({"fromAccountId": id, "blobIds": [blob]})),
    ] {
        let mut arguments = arguments;
        arguments["accountId"] = json!(id);
        let (name, answer) = call(reader, method, arguments);
        assert_eq!(
            (name.as_str(), &answer["type"]),
            ("error", &json!("accountReadOnly")),
            "{method}"
        );
    }
    let sends = json!({
        "using": ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:submission"],
        "methodCalls": [["EmailSubmission/set", {"accountId": id, "create": {"a": {"emailId": letter,
            "envelope": {"mailFrom": {"email": format!("an@{DOMAIN}")}, "rcptTo": [{"email": "a@b.example"}]}}}}, "0"]],
    });
    let (_, answer) = reader.post_json("/jmap/api", &sends);
    assert_eq!(
        answer["methodResponses"][0][1]["type"], "accountReadOnly",
        "{answer}"
    );
    assert_eq!(
        reader
            .post(&format!("/jmap/upload/{id}/"), "text/plain", b"x")
            .0,
        403
    );
}

#[test]
fn all_is_read_and_nothing_changed() {
    let (world, _, an) = begin();
    let before = state(&world);
    let (_, reader) = open(&world, &world.api(), an);
    let session = read(&reader, "/jmap/session");
    let id = reader.account();
    let accounts = session["accounts"].as_object().unwrap();
    assert_eq!(accounts.keys().collect::<Vec<_>>(), [&id]);
    assert_eq!(
        (&session["username"], &accounts[&id]["isReadOnly"]),
        (&json!(format!("an@{DOMAIN}")), &json!(true))
    );
    let email = reads_as_its_owner(&world, &reader, &id);
    changes_nothing(&reader, &id, &email);
    assert_eq!(state(&world), before);
    // No other door opens to it.
    assert_eq!(reader.get("/api/v1/tokens").0, 403);
    world.finish();
}

#[test]
fn its_owner_sees_it_and_it_ends_in_time_or_at_once() {
    let (world, clock, an) = begin();
    let api = world.api();
    let (id, reader) = open(&world, &api, an);
    reader.jmap("Email/query", json!({}));
    // By a token of his own, An sees who read, and why.
    let directory = &world.services.directory;
    let whom = directory::AccountId::new(u32::try_from(an).unwrap()).unwrap();
    let made = directory.create_credential(None, whom, CredentialKind::Token, "t", None);
    let own = world.stranger().bearer(made.unwrap().1.expose());
    let reads = read(&own, &format!("/api/v1/accounts/{an}/reads"));
    let told = &reads["items"][0];
    assert_eq!(
        (&told["id"], &told["scope"], &told["by"], &told["reason"]),
        (
            &json!(id),
            &json!("impersonation"),
            &json!(format!("quantri@{DOMAIN}")),
            &json!("thử")
        )
    );
    let log = read(
        &api,
        &format!("/api/v1/audit?account={an}&act=impersonation"),
    );
    let acts: Vec<&Value> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["act"])
        .collect();
    assert_eq!(acts, ["impersonation.use", "impersonation.open"]);
    assert_eq!(log["items"][0]["address"], "127.0.0.1");
    clock.0.fetch_add(10 * 60 * 1000 - 1000, SeqCst);
    assert_eq!(reader.get("/jmap/session").0, 200);
    clock.0.fetch_add(1000, SeqCst);
    assert_eq!(reader.get("/jmap/session").0, 401);
    let (id, reader) = open(&world, &api, an);
    assert_eq!(reader.get("/jmap/session").0, 200);
    assert_eq!(
        api.delete(&format!("/api/v1/accounts/{an}/impersonations/{id}")),
        204
    );
    assert_eq!(reader.get("/jmap/session").0, 401);
    // The token is no password.
    let mut client = ImapClient::connect_tls(world.address("imaps"), &world.ca());
    let token = open_token(&api, an);
    let said = client.run(&format!("LOGIN an@{DOMAIN} {token}")).tagged;
    assert!(said.starts_with("NO"), "{said}");
    let listed = read(&api, &format!("/api/v1/accounts/{an}/impersonations"));
    let stands = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["stands"]);
    assert_eq!(
        stands.collect::<Vec<_>>(),
        [&json!(true), &json!(false), &json!(false)]
    );
    world.finish();
}

fn open_token(api: &HttpClient, an: u64) -> String {
    let path = format!("/api/v1/accounts/{an}/impersonations");
    let (status, made) = api.post_json(&path, &json!({"minutes": 1}));
    assert_eq!(status, 201, "{made}");
    made["secret"].as_str().unwrap().to_owned()
}

#[test]
fn where_it_takes_two_a_second_person_sees_whose_mail_and_why() {
    let (world, _, an) = begin();
    let directory = &world.services.directory;
    let second = world.person("pho");
    let mut account = directory.account(second).unwrap();
    account.grants = vec![Grant::of(Role::Administrator, account.agency.clone())];
    directory.change_account(None, account, None).unwrap();
    let made = directory.create_credential(None, second, CredentialKind::Token, "t", None);
    let second = world.stranger().bearer(made.unwrap().1.expose());
    let api = world.api();
    let rule = json!({"values": {"two_persons": {"value": ["impersonate"]}}});
    assert_eq!(api.patch_json("/api/v1/policies/T1", &rule).0, 200);
    let path = format!("/api/v1/accounts/{an}/impersonations");
    let (status, asked) = api.post_json(&path, &json!({"minutes": 10}));
    assert_eq!(status, 202, "{asked}");
    let waiting = read(&second, "/api/v1/approvals?state=waiting");
    let request = &waiting["items"][0];
    assert_eq!(
        (
            &request["act"],
            &request["object"],
            &request["detail"]["asked"]["reason"]
        ),
        (
            &json!("impersonate"),
            &json!(format!("an@{DOMAIN}")),
            &json!("thử")
        )
    );
    let approve = format!("/api/v1/approvals/{}/approve", request["id"]);
    assert_eq!(api.post_json(&approve, &json!({})).0, 403);
    assert_eq!(second.post_json(&approve, &json!({})).0, 200);
    let (_, reader) = open(&world, &api, an);
    assert_eq!(
        reader.jmap("Email/query", json!({}))["ids"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    world.finish();
}
