use crate::world::*;
use directory::Secret;
use serde_json::{Value, json};

#[tokio::test]
async fn a_password_is_set_and_signs_in() {
    let w = World::new();
    let path = format!("accounts/{}/credentials", w.id("kiemtoan"));
    let put = async |who, password: &str| {
        let body = Some(json!({"password": password}));
        w.with(who, &format!("PUT {path}/password"), &[], body)
            .await
    };
    let weak = put(&w.branch, "12345678").await;
    check(&weak, 422);
    assert_eq!(weak.json["errors"][0]["field"], "password");
    check(&put(&w.branch, &"Aa1-".repeat(400)).await, 422);
    let set = put(&w.branch, "Hoa-Sen-2026").await;
    check(&set, 200);
    assert_eq!(set.json["kind"], "password");
    assert!(set.json.get("secret").is_none());
    let signed = w
        .directory
        .sign_in("kiemtoan@x.vn", &Secret::new("Hoa-Sen-2026"), PEER);
    assert!(signed.is_ok());
    let listed = w.get(&w.branch, &path).await;
    assert_eq!(
        listed
            .names("kind")
            .iter()
            .filter(|k| *k == "password")
            .count(),
        1
    );
    check(&put(&w.auditor, "Hoa-Sen-2027").await, 403);
    check(&put(&w.nobody, "Hoa-Sen-2027").await, 404);
}

#[tokio::test]
async fn an_app_password_shows_its_secret_once() {
    let w = World::new();
    let path = format!("accounts/{}/credentials", w.id("kiemtoan"));
    let new = json!({"kind": "app_password", "label": "Điện thoại", "expires_at": "2027-01-01T00:00:00Z"});
    let made = w.post(&w.branch, &path, new).await;
    check(&made, 201);
    let secret = made.json["secret"].as_str().unwrap().to_owned();
    assert_eq!(made.json["expires_at"], "2027-01-01T00:00:00Z");
    assert!(
        w.directory
            .sign_in("kiemtoan@x.vn", &Secret::new(secret.as_str()), PEER)
            .is_ok()
    );

    let one = format!("{path}/{}", made.json["id"]);
    for place in [&path, &one, &"audit".to_owned(), &"accounts".to_owned()] {
        let told = w.get(&w.root, place).await;
        check(&told, 200);
        assert!(!told.json.to_string().contains(&secret), "{place}");
    }
    check(&w.delete(&w.branch, &one).await, 204);
    check(&w.get(&w.branch, &one).await, 404);
    assert!(
        w.directory
            .sign_in("kiemtoan@x.vn", &Secret::new(secret), PEER)
            .is_err()
    );
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let w = World::new();
    let path = format!("accounts/{}/credentials", w.id("kiemtoan"));
    let new = |kind: &str, label: &str, expires: Value| json!({"kind": kind, "label": label, "expires_at": expires});
    for (body, field) in [
        (new("password", "x", Value::Null), "kind"),
        (new("finger", "x", Value::Null), "kind"),
        (new("token", "", Value::Null), "label"),
        (
            new("token", "x", json!("2001-01-01T00:00:00Z")),
            "expires_at",
        ),
        (new("token", "x", json!("ngày mai")), "expires_at"),
    ] {
        let refused = w.post(&w.root, &path, body).await;
        check(&refused, 422);
        assert_eq!(refused.json["errors"][0]["field"], field, "{refused:?}");
    }
}
