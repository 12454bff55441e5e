//! `Idempotency-Key` over a restart, and what owners see of exports.

use crate::world::*;
use serde_json::json;
use std::sync::Arc;

struct Nowhere;

impl admin::Premises for Nowhere {
    fn rotate_master(&self, _: &storage::Store) -> Result<String, admin::Said> {
        Err(nothing())
    }

    fn backups(&self) -> Result<admin::Backups, admin::Said> {
        Err(nothing())
    }
}

fn nothing() -> admin::Said {
    admin::Said {
        vi: "không có".into(),
        en: "nothing".into(),
    }
}

impl World {
    /// The API as after a restart: it knows what the store knows.
    fn begin_anew(&mut self) {
        self.router = admin::router(admin::Context {
            directory: self.directory.clone(),
            delivery: self.delivery.clone(),
            premises: Arc::new(Nowhere),
        });
    }
}

#[tokio::test]
async fn an_answer_is_given_again_after_a_restart() {
    let mut w = World::new();
    let key = |name| [("idempotency-key", name)];
    let new = |name: &str| {
        let address = format!("{name}@x.vn");
        Some(json!({"address": address, "agency": "H99.1", "name": "Mới"}))
    };
    let made = w
        .with(&w.root, "POST accounts", &key("k1"), new("moi"))
        .await;
    check(&made, 201);
    let token = json!({"account": w.id("kiemtoan"), "label": "t"});
    let secret = w
        .with(&w.root, "POST tokens", &key("k2"), Some(token.clone()))
        .await;
    check(&secret, 201);
    w.begin_anew();
    let again = w
        .with(&w.root, "POST accounts", &key("k1"), new("moi"))
        .await;
    check(&again, 201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(
        (&again.json, again.header("location")),
        (&made.json, made.header("location"))
    );
    assert_eq!(again.header("etag"), made.header("etag"));
    // Of another request it is no answer, nor for another who asks.
    check(
        &w.with(&w.root, "POST accounts", &key("k1"), new("khac"))
            .await,
        422,
    );
    let other = w
        .with(&w.branch, "POST accounts", &key("k1"), new("khac"))
        .await;
    check(&other, 201);
    // No secret lies in the store: that one is done anew.
    let anew = w
        .with(&w.root, "POST tokens", &key("k2"), Some(token))
        .await;
    check(&anew, 201);
    assert_eq!(anew.header("idempotency-replayed"), "");
    assert_ne!(anew.json["secret"], secret.json["secret"]);
    // What was refused is not kept, and a day later nothing is.
    check(
        &w.with(&w.root, "POST accounts", &key("k3"), new("moi"))
            .await,
        409,
    );
    w.turn(24 * 3600);
    w.begin_anew();
    check(
        &w.with(&w.root, "POST accounts", &key("k1"), new("moi"))
            .await,
        409,
    );
    assert_eq!(w.directory.audit_check().unwrap(), None);
}

#[tokio::test]
async fn owners_see_that_they_were_exported() {
    let w = World::new();
    let seen = async |local: &str| {
        let path = format!("accounts/{}/reads", w.id(local));
        w.get(&w.root, &path).await.names("scope")
    };
    w.exported(&w.branch, "agencies").await;
    assert!(seen("kiemtoan").await.is_empty());
    w.exported(&w.branch, "accounts").await;
    assert_eq!(seen("kiemtoan").await, ["directory"]);
    // Once in one window; nobody of elsewhere, nor who did it.
    w.exported(&w.branch, "members").await;
    assert_eq!(seen("kiemtoan").await, ["directory"]);
    assert!(seen("nguoila").await.is_empty());
    assert!(seen("quantri.nhanh").await.is_empty());
    let told = w
        .get(&w.root, &format!("accounts/{}/reads", w.id("kiemtoan")))
        .await;
    assert_eq!(told.json["items"][0]["reason"], "thử nghiệm");
    assert_eq!(w.directory.audit_check().unwrap(), None);
}
