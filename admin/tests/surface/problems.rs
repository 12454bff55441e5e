use crate::world::*;
use axum::body::Body;
use directory::{CredentialKind, Secret};
use http::Request;
use serde_json::json;

fn raw(method: &str, path: &str, kind: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v1/{path}"));
    request
        .header("content-type", kind)
        .body(body.into())
        .unwrap()
}

#[tokio::test]
async fn bad_bodies_are_refused_by_name() {
    let w = World::new();
    let json = "application/json";
    for (body, status, field) in [
        ("", 400, None),
        ("{", 400, None),
        ("{\"id\": \"H99.5\", \"name\": \"x\"} trailing", 400, None),
        ("[]", 400, None),
        ("\"x\"", 400, None),
        ("[\"H99.5\", \"H99\", \"x\", null]", 400, None),
        ("{\"name\": \"x\"}", 422, Some("id")),
        ("{\"id\": 7, \"name\": \"x\"}", 422, Some("id")),
        (
            "{\"id\": \"H99.5\", \"name\": \"x\", \"colour\": 1}",
            422,
            Some("colour"),
        ),
        ("{\"id\": \"H99.5\", \"name\": {}}", 422, Some("name")),
        (
            "{\"id\": \"H99.5\", \"id\": \"H99.6\", \"name\": \"x\"}",
            422,
            Some("id"),
        ),
    ] {
        let answer = w
            .send(Some(&w.root), raw("POST", "agencies", json, body))
            .await;
        assert_eq!(answer.status.as_u16(), status, "{body} {answer:?}");
        assert_eq!(
            answer.json["errors"][0]["field"].as_str(),
            field,
            "{body} {answer:?}"
        );
    }
    let deep = format!("{{\"id\": {}", "[".repeat(100_000));
    check(
        &w.send(Some(&w.root), raw("POST", "agencies", json, deep))
            .await,
        422,
    );
    let bytes = raw("POST", "agencies", json, vec![0xff, 0xfe]);
    check(&w.send(Some(&w.root), bytes).await, 400);
    let form = raw(
        "POST",
        "agencies",
        "text/plain",
        "{\"id\": \"H99.5\", \"name\": \"x\"}",
    );
    check(&w.send(Some(&w.root), form).await, 415);
    let big = format!("{{\"id\": \"{}\"}}", "x".repeat(admin::BODY_MAX));
    check(
        &w.send(Some(&w.root), raw("POST", "agencies", json, big.clone()))
            .await,
        413,
    );
    let mut keyed = raw("POST", "agencies", json, big);
    keyed
        .headers_mut()
        .insert("idempotency-key", "k".parse().unwrap());
    check(&w.send(Some(&w.root), keyed).await, 413);
    assert_eq!(w.get(&w.root, "agencies").await.names("id").len(), 4);
}

#[tokio::test]
async fn problems_speak_the_language_of_the_client() {
    let w = World::new();
    let vi = w.get(&w.root, "accounts/9999").await;
    assert_eq!(vi.json["title"], "Không tìm thấy");
    assert_eq!(vi.header("content-language"), "vi");
    assert_eq!(vi.json["type"], "urn:congvu:problem:not-found");
    let en = w
        .with(
            &w.root,
            "GET accounts/9999",
            &[("accept-language", "en-GB")],
            None,
        )
        .await;
    assert_eq!(en.json["title"], "Not found");
    assert_eq!(en.header("content-language"), "en");
    let fields = [("accept-language", "en")];
    let body = Some(json!({"id": "a b", "name": "x", "parent": "H99"}));
    let en = w
        .with(&w.root, "POST agencies", &fields, body.clone())
        .await;
    assert_eq!(
        en.json["errors"][0]["detail"],
        "letters, digits and dots, at most 35"
    );
    let vi = w.with(&w.root, "POST agencies", &[], body).await;
    let expected = "chữ cái, chữ số và dấu chấm, nhiều nhất 35 ký tự";
    assert_eq!(vi.json["errors"][0]["detail"], expected);
}

#[tokio::test]
async fn addresses_and_methods_that_are_not_are_said_so() {
    let w = World::new();
    for path in [
        "",
        "nothing",
        "agencies/H99/more",
        "accounts/1/credentials/1/2",
    ] {
        check(&w.get(&w.root, path).await, 404);
    }
    check(&w.delete(&w.root, "agencies").await, 405);
    check(
        &w.with(&w.root, "PUT agencies/H99", &[], Some(json!({})))
            .await,
        405,
    );
    check(&w.get(&w.root, "agencies/%FF").await, 404);
    check(&w.get(&w.root, "agencies/H99%2F..%2Fx").await, 404);
}

#[tokio::test]
async fn mail_secrets_do_not_administer_and_withdrawn_ones_do_nothing() {
    let w = World::new();
    let account = w.directory.account_at(&address("quantri")).unwrap().id;
    let secret = Secret::new("Hoa-Sen-2026");
    w.directory.set_password(None, account, &secret).unwrap();
    let by_password = w.directory.sign_in("quantri@x.vn", &secret, PEER).unwrap();
    check(&w.get(&by_password, "agencies").await, 401);
    let app = CredentialKind::AppPassword;
    let (_, secret) = w
        .directory
        .create_credential(None, account, app, "x", None)
        .unwrap();
    let by_app = w.directory.sign_in("quantri@x.vn", &secret, PEER).unwrap();
    check(&w.get(&by_app, "agencies").await, 401);

    let token = w.directory.open_session(&by_password, PEER).unwrap();
    let session = w.directory.session(&token.0).unwrap();
    check(&w.get(&session, "agencies").await, 200);
    let new = json!({"id": "H99.5", "name": "x", "parent": "H99"});
    check(&w.post(&session, "agencies", new.clone()).await, 403);
    let own = [("origin", "https://mail.x.vn"), ("host", "mail.x.vn")];
    check(
        &w.with(&session, "POST agencies", &own, Some(new)).await,
        201,
    );
    check(&w.delete(&session, "agencies/H99.5").await, 403);
    check(
        &w.with(&session, "DELETE agencies/H99.5", &own, None).await,
        204,
    );
    w.directory.close_session(&token.0).unwrap();
    check(&w.get(&session, "agencies").await, 401);
}
