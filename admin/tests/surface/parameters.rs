//! What an operation does not take is refused before anything is done: query parameters and fields of bodies, of every
//! route of the OpenAPI document.

use crate::world::*;
use serde_json::{Value, json};

/// Method, path with names of nothing in it, and what the document says of the operation.
fn operations() -> Vec<(String, String, Value)> {
    let document: Value = serde_json::from_str(&admin::document()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for verb in ["get", "post", "put", "patch", "delete"] {
            if let Some(operation) = item.get(verb) {
                found.push((verb.to_uppercase(), filled(path), operation.clone()));
            }
        }
    }
    found
}

fn filled(path: &str) -> String {
    let known = [
        ("/agencies/{id}", "/agencies/H99.1"),
        ("/policies/{id}", "/policies/H99.1"),
        ("{name}", "x.vn"),
        ("{address}", "a@x.vn"),
        ("{hold}", "x"),
        ("{selector}", "cv1r"),
        ("{subject}", "accounts"),
        ("{credential}", "9999"),
        ("{number}", "9999"),
        ("{order}", "9999"),
        ("{impersonation}", "9999"),
        ("{run}", "9999"),
    ];
    let path = known
        .iter()
        .fold(path.to_owned(), |path, (from, to)| path.replace(from, to));
    let path = path.strip_prefix("/api/v1/").unwrap();
    match path.split('/').next() {
        Some("tokens" | "grants") => path.replace("{id}", "9999-1"),
        _ => path.replace("{id}", "9999"),
    }
}

fn parameters(operation: &Value) -> Vec<&str> {
    let all = operation["parameters"].as_array().into_iter().flatten();
    let query = all.filter(|one| one["in"] == "query");
    query.map(|one| one["name"].as_str().unwrap()).collect()
}

const UNKNOWN: &str = "urn:congvu:problem:unknown-parameter";

#[tokio::test]
async fn no_route_takes_a_parameter_that_it_does_not_know() {
    let w = World::new();
    let last = || w.directory.audit(None, 1).unwrap()[0].number;
    let mut known = 0;
    for (verb, path, operation) in operations() {
        let takes = parameters(&operation);
        let before = last();
        for name in ["dryrun", "Dry_Run", "khongco"] {
            let line = format!("{verb} {path}?{name}=true");
            let refused = w.with(&w.root, &line, &[], None).await;
            assert_eq!(refused.status.as_u16(), 400, "{line}: {refused:?}");
            assert_eq!(refused.json["type"], UNKNOWN, "{line}");
            let [told] = refused.json["errors"].as_array().unwrap().as_slice() else {
                panic!("{line}: {refused:?}");
            };
            assert_eq!(told["field"], name, "{line}");
            let detail = told["detail"].as_str().unwrap();
            assert!(
                takes.iter().all(|name| detail.contains(name)),
                "{line}: {detail}"
            );
        }
        assert_eq!(last(), before, "{verb} {path}: something was done");
        for name in takes {
            // Known, whatever becomes of this value.
            let line = format!("{verb} {path}?{name}=%00");
            let answer = w.with(&w.root, &line, &[], None).await;
            assert_ne!(answer.json["type"], UNKNOWN, "{line}");
            let twice = format!("{line}&{name}=%00");
            check(&w.with(&w.root, &twice, &[], None).await, 400);
            known += 1;
        }
    }
    assert!(known > 150, "{known}");
}

#[tokio::test]
async fn what_was_to_be_tried_is_not_done_for_a_slip_of_the_pen() {
    let w = World::new();
    let path = format!("accounts/{}", w.id("kiemtoan"));
    for query in [
        "dryrun=true",
        "dry-run=true",
        "dry_run=true&x",
        "dry_run=true&dry_run=false",
    ] {
        check(&w.delete(&w.root, &format!("{path}?{query}")).await, 400);
    }
    let english = [("accept-language", "en")];
    let line = format!("DELETE {path}?dryrun=true");
    let refused = w.with(&w.root, &line, &english, None).await;
    assert_eq!(
        refused.json["detail"],
        "`dryrun`: there is no such parameter; this operation takes: dry_run"
    );
    // As it is meant, however it is spelled.
    let tried = w.delete(&w.root, &format!("{path}?dry%5Frun=%74rue")).await;
    check(&tried, 200);
    assert_eq!(tried.json["dry_run"], true);
    check(&w.get(&w.root, &path).await, 200);
    // Who is not signed in learns nothing of it, nor is anything known of what is not there.
    let request = http::Request::builder().uri("/api/v1/accounts?khongco=1");
    let request = request.body(axum::body::Body::empty()).unwrap();
    check(&w.send(None, request).await, 401);
    check(&w.get(&w.root, "nothing?khongco=1").await, 404);
}

#[tokio::test]
async fn no_route_takes_a_field_that_it_does_not_know() {
    let w = World::new();
    let last = || w.directory.audit(None, 1).unwrap()[0].number;
    let before = last();
    let (mut bodies, mut bare) = (0, 0);
    for (verb, path, operation) in operations() {
        let content = &operation["requestBody"]["content"];
        if verb == "GET" || !content["text/csv"].is_null() {
            continue;
        }
        let line = format!("{verb} {path}");
        let body = json!({"khongco": true});
        let refused = w.with(&w.root, &line, &[], Some(body)).await;
        assert_eq!(refused.status.as_u16(), 422, "{line}: {refused:?}");
        assert_eq!(refused.json["errors"][0]["field"], "khongco", "{line}");
        match content.is_null() {
            true => bare += 1,
            false => bodies += 1,
        }
    }
    assert!(bodies > 30 && bare > 20, "{bodies} {bare}");
    assert_eq!(last(), before, "something was done");
    // Where no body is taken, an empty one is none.
    let path = format!("accounts/{}", w.id("kiemtoan"));
    let line = format!("DELETE {path}");
    let meant = w
        .with(&w.root, &line, &[], Some(json!({"dry_run": true})))
        .await;
    check(&meant, 422);
    check(&w.get(&w.root, &path).await, 200);
    check(&w.with(&w.root, &line, &[], Some(json!({}))).await, 204);
}
