//! The OpenAPI document: the golden copy, and every operation of it in the refused-without-Access table.

use crate::world::*;
use axum::body::Body;
use http::Request;
use serde_json::Value;
use std::path::Path;

fn operations() -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(&admin::document()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for verb in ["get", "post", "put", "patch", "delete"] {
            if item.get(verb).is_some() {
                found.push((verb.to_uppercase(), path.clone()));
            }
        }
    }
    found
}

/// UPDATE_EXPECT=1 rewrites the golden copy.
#[test]
#[allow(clippy::disallowed_methods)] // A test may read the environment.
fn the_document_is_the_golden_copy() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let now = admin::document();
    if std::env::var("UPDATE_EXPECT").is_ok() {
        std::fs::write(&file, &now).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == now,
        "admin/openapi.json is stale: UPDATE_EXPECT=1 cargo test -p admin"
    );
}

#[test]
fn operations_have_names_of_their_own_and_problems() {
    let document: Value = serde_json::from_str(&admin::document()).unwrap();
    let mut names = Vec::new();
    for (verb, path) in operations() {
        let operation = &document["paths"][&path][verb.to_lowercase()];
        names.push(operation["operationId"].as_str().unwrap().to_owned());
        assert!(
            operation["responses"]["default"].is_object(),
            "{verb} {path}"
        );
        assert!(operation["summary"].is_string(), "{verb} {path}");
    }
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
    assert_eq!(count, 129);
}

#[tokio::test]
async fn i08_every_operation_is_refused_without_access() {
    let w = World::new();
    let nothing = w.get(&w.root, "nothing").await;
    check(&nothing, 404);
    for (verb, path) in operations() {
        let filled: String = fill(&path);
        let request = |body| {
            Request::builder()
                .method(verb.as_str())
                .uri(&filled)
                .body(body)
                .unwrap()
        };
        let answer = w.send(None, request(Body::empty())).await;
        assert_eq!(answer.status.as_u16(), 401, "{verb} {path}");
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"congvu\"");
        // The route is really there: with Access it answers something else than "no such address".
        let answer = w.send(Some(&w.root), request(Body::empty())).await;
        assert!(
            ![401, 405].contains(&answer.status.as_u16()),
            "{verb} {path} {answer:?}"
        );
        assert_ne!(answer.json, nothing.json, "{verb} {path}");
    }
    let request = Request::builder()
        .uri("/api/v1/nothing")
        .body(Body::empty())
        .unwrap();
    check(&w.send(None, request).await, 401);
}

/// Ids of nothing, so that the walk removes nothing that it stands on.
fn fill(path: &str) -> String {
    let path = path
        .replace("/agencies/{id}", "/agencies/H99.1")
        .replace("{name}", "x.vn");
    let path = path
        .replace("{credential}", "1")
        .replace("{number}", "1")
        .replace("{address}", "a@x.vn")
        .replace("{hold}", "x")
        .replace("{order}", "1")
        .replace("{selector}", "cv1r")
        .replace("{subject}", "accounts")
        .replace("{run}", "1");
    path.replace("{id}", "9999")
}

#[tokio::test]
async fn the_document_is_served_to_all() {
    let w = World::new();
    let request = Request::builder()
        .uri("/api/v1/openapi.json")
        .body(Body::empty())
        .unwrap();
    let answer = w.send(None, request).await;
    check(&answer, 200);
    let golden: Value = serde_json::from_str(&admin::document()).unwrap();
    assert_eq!(answer.json, golden);
}
