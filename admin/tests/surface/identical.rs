//! Idempotency-Key.

use crate::world::*;
use serde_json::{Value, json};

fn new(id: &str) -> Option<Value> {
    Some(json!({"id": id, "name": "Tên", "parent": "H99"}))
}

#[tokio::test]
async fn the_same_request_again_gets_the_same_answer() {
    let w = World::new();
    let key = [("idempotency-key", "k1")];
    let first = w.with(&w.root, "POST agencies", &key, new("H99.5")).await;
    check(&first, 201);
    let again = w.with(&w.root, "POST agencies", &key, new("H99.5")).await;
    check(&again, 201);
    assert_eq!(again.json, first.json);
    assert_eq!(again.header("etag"), first.header("etag"));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(
        w.get(&w.root, "audit?act=agency.create&object=H99.5")
            .await
            .names("act")
            .len(),
        1
    );

    check(
        &w.with(&w.root, "POST agencies", &key, new("H99.6")).await,
        422,
    );
    check(
        &w.with(
            &w.root,
            "POST agencies",
            &[("idempotency-key", "")],
            new("H99.6"),
        )
        .await,
        400,
    );
    let long = "k".repeat(256);
    check(
        &w.with(
            &w.root,
            "POST agencies",
            &[("idempotency-key", &long)],
            new("H99.6"),
        )
        .await,
        400,
    );
    // Another actor's key is another key.
    let body = Some(json!({"id": "H99.1.9", "name": "Tên", "parent": "H99.1"}));
    check(&w.with(&w.branch, "POST agencies", &key, body).await, 201);
    // After a day it is forgotten: the request is done anew, and the name is taken.
    w.turn(24 * 3600 + 1);
    check(
        &w.with(&w.root, "POST agencies", &key, new("H99.5")).await,
        409,
    );
}

#[tokio::test]
async fn a_refused_request_may_be_tried_again() {
    let w = World::new();
    let key = [("idempotency-key", "k2")];
    check(
        &w.with(&w.root, "POST agencies", &key, new("H99.1")).await,
        409,
    );
    check(
        &w.with(&w.root, "POST agencies", &key, new("H99.7")).await,
        201,
    );
}

#[tokio::test]
async fn an_answer_with_a_secret_is_forgotten_soon() {
    let w = World::new();
    let key = [("idempotency-key", "k3")];
    let body = Some(json!({"label": "x"}));
    let first = w.with(&w.root, "POST tokens", &key, body.clone()).await;
    check(&first, 201);
    let again = w.with(&w.root, "POST tokens", &key, body.clone()).await;
    assert_eq!(again.json["secret"], first.json["secret"]);
    w.turn(301);
    let later = w.with(&w.root, "POST tokens", &key, body).await;
    check(&later, 201);
    assert_ne!(later.json["secret"], first.json["secret"]);
}
