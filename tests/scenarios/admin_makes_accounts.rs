//! IT staff make an account over the API, and its owner signs in everywhere.

use serde_json::json;
use tests::world::{PASSWORD, World};

#[test]
fn an_account_from_the_api_gets_mail() {
    let world = World::new();
    let api = world.api();
    let (status, made) = api.post_json(
        "/api/v1/accounts",
        &json!({"address": "chi@thu.gov.vn", "kind": "person", "agency": "T1", "name": "Lê Chi"}),
    );
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_u64().unwrap();
    let (status, answer) = api.put_json(
        &format!("/api/v1/accounts/{id}/credentials/password"),
        &json!({"password": PASSWORD}),
    );
    assert!((200..300).contains(&status), "{answer}");
    let (status, problem) = api.post_json(
        "/api/v1/accounts",
        &json!({"address": "chi@thu.gov.vn", "kind": "person", "agency": "T1", "name": "Lê Chi"}),
    );
    assert_eq!(status, 409, "{problem}");
    let mut sender = world.smtp();
    sender.ehlo();
    let reply = sender.transaction(
        "a@b.example",
        &["chi@thu.gov.vn"],
        b"From: a@b.example\r\nSubject: x\r\n\r\nhello\r\n",
    );
    assert!(reply.starts_with("250"), "{reply}");
    let mut reader = world.imap("chi");
    assert!(
        reader
            .ok("STATUS INBOX (MESSAGES)")
            .line("* STATUS")
            .contains("MESSAGES 1")
    );
    let (status, _, _) = world.http("chi").get("/api/v1/accounts");
    assert_eq!(status, 401, "a password is no proof here: a token is");
    let (status, _, body) = api.get("/api/v1/openapi.json");
    assert_eq!(status, 200);
    assert!(serde_json::from_slice::<serde_json::Value>(&body).unwrap()["paths"].is_object());
    world.finish();
}
