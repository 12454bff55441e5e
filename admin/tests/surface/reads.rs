//! Privileged reads: refused without a reason, in the log, shown to the owner, hidden under a legal order.

use crate::queue::submit;
use crate::world::*;
use axum::body::Body;
use directory::Access;
use http::Request;
use serde_json::{Value, json};

/// A request with these fields and no others.
async fn bare(w: &World, who: &Access, line: &str, fields: &[(&str, &str)]) -> Answer {
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = Request::builder()
        .method(method)
        .uri(format!("/api/v1/{path}"));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let request = match method {
        "POST" => request
            .header("content-type", "application/json")
            .body(Body::from(r#"{"messages":[]}"#)),
        _ => request.body(Body::empty()),
    };
    w.send(Some(who), request.unwrap()).await
}

/// All that is read of others, as a line of a request.
async fn lines(w: &World) -> Vec<String> {
    let person = w.id("kiemtoan");
    let hold = json!({"name": "A", "reason": "x"});
    check(
        &w.post(&w.root, &format!("accounts/{person}/holds"), hold)
            .await,
        201,
    );
    let queued = submit(w, &w.branch, "ai@ngoai.vn");
    let trace = w.get(&w.root, &format!("queue/{queued}")).await.json["trace"].clone();
    let trace = trace.as_str().unwrap();
    [
        "GET trace".to_owned(),
        format!("GET trace/{trace}"),
        "GET exports/accounts".to_owned(),
        "GET audit/export".to_owned(),
        format!("GET accounts/{person}/removed"),
        format!("POST accounts/{person}/removed/restore"),
        format!("DELETE accounts/{person}/restore"),
        format!("GET accounts/{person}/holds/A/letters"),
    ]
    .into()
}

#[tokio::test]
async fn i20_what_is_anothers_is_read_with_a_reason_only() {
    for line in lines(&World::new()).await {
        // Each in a world of its own: a reason opens a window.
        let w = World::new();
        lines(&w).await;
        let w = &w;
        // The windows that making them opened are over.
        w.turn(directory::reading::WINDOW_S);
        let last = w.get(&w.root, "audit?limit=1").await.names("number");
        let line = match line.starts_with("GET trace/") {
            true => {
                let found = w.get(&w.root, "trace").await.names("id");
                w.turn(directory::reading::WINDOW_S);
                format!("GET trace/{}", found[0])
            }
            false => line,
        };
        let refused = bare(w, &w.root, &line, &[("accept-language", "en")]).await;
        check(&refused, 422);
        assert_eq!(refused.json["errors"][0]["field"], "Audit-Reason", "{line}");
        let refused = bare(w, &w.root, &line, &[]).await;
        let detail = refused.json["detail"].as_str().unwrap();
        assert!(detail.contains("lý do xem thư"), "{line} {detail}");
        let why = [("audit-reason", "theo y%C3%AAu c%E1%BA%A7u")];
        let done = bare(w, &w.root, &line, &why).await;
        // There is no restore to give up, as it turns out then.
        let fits = |answer: &Answer| answer.status.is_success() || line.starts_with("DELETE ");
        assert!(fits(&done), "{line} {done:?}");
        let audit = w.get(&w.root, "audit?limit=2").await;
        let number = |text: &String| text.parse::<u64>().unwrap();
        assert!(
            number(&audit.names("number")[0]) > number(&last[0]),
            "{line}"
        );
        for item in audit.json["items"].as_array().unwrap() {
            assert_eq!(item["reason"], "theo yêu cầu", "{line} {item}");
        }
        assert_eq!(audit.names("act")[1], "read.open", "{line}");
        // Within the window it is not said again.
        let again = bare(w, &w.root, &line, &[]).await;
        assert!(fits(&again), "{line} {again:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_a_reason_is_refused() {
    let w = World::new();
    let long = "x".repeat(501);
    for bad in ["", "%0a", "%ff", long.as_str()] {
        let answer = bare(&w, &w.root, "GET agencies", &[("audit-reason", bad)]).await;
        check(&answer, 400);
        assert_eq!(answer.json["errors"][0]["field"], "Audit-Reason");
    }
    for bad in ["", "x", "-1"] {
        let answer = bare(&w, &w.root, "GET agencies", &[("legal-order", bad)]).await;
        check(&answer, 400);
    }
    // Any act may say why.
    let fields = [
        ("audit-reason", "sắp xếp lại"),
        ("user-agent", "congvu/0.1"),
    ];
    let renamed = json!({"name": "Sở Mới"});
    check(
        &w.with(&w.root, "PATCH agencies/H99.1", &fields, Some(renamed))
            .await,
        200,
    );
    let entry = &w.get(&w.root, "audit?limit=1").await.json["items"][0];
    assert_eq!(
        (&entry["reason"], &entry["service"]),
        (&json!("sắp xếp lại"), &json!("cli"))
    );
    assert_eq!(
        (&entry["agency"], &entry["actor_id"]),
        (&json!("H99.1"), &json!(w.id("quantri")))
    );
    assert_eq!(entry["before"], json!({"name": "Sở Nội vụ"}));
    assert_eq!(entry["after"], json!({"name": "Sở Mới"}));
}

#[tokio::test]
async fn the_owner_sees_who_read_and_why_and_nobody_else_but_who_reads_the_log() {
    let w = World::new();
    let person = w.id("kiemtoan");
    let path = format!("accounts/{person}/reads");
    assert!(w.get(&w.auditor, &path).await.names("id").is_empty());
    submit(&w, &w.auditor, "ai@ngoai.vn");
    let why = [("audit-reason", "thư không đến")];
    let found = w.with(&w.branch, "GET trace", &why, None).await;
    assert_eq!(found.names("id").len(), 1);
    let own = w.get(&w.auditor, &path).await;
    check(&own, 200);
    let read = &own.json["items"][0];
    assert_eq!(
        json!([read["by"], read["reason"], read["scope"], read["order"]]),
        json!(["quantri.nhanh@x.vn", "thư không đến", "trace", Value::Null])
    );
    assert_eq!(own.names("id").len(), 1);
    // Who looks is told of no read of himself.
    let branch = format!("accounts/{}/reads", w.id("quantri.nhanh"));
    assert!(w.get(&w.branch, &branch).await.names("id").is_empty());
    assert_eq!(w.get(&w.root, &path).await.json, own.json);
    check(&w.get(&w.nobody, &path).await, 404);
    check(&w.get(&w.nobody, "accounts/9999/reads").await, 404);
    check(&w.get(&w.root, &format!("{path}?cursor=x")).await, 400);
}

fn order(w: &World) -> Value {
    let until = formats::date::utc(w.now() + 30 * 24 * 3600);
    json!({"number": "15/QĐ-CQĐT", "date": "2026-10-20", "issuer": "Công an tỉnh",
        "hidden_until": until})
}

#[tokio::test]
async fn under_a_legal_order_the_owner_sees_it_later() {
    let w = World::new();
    let person = w.id("kiemtoan");
    let orders = format!("accounts/{person}/orders");
    let made = w.post(&w.branch, &orders, order(&w)).await;
    check(&made, 201);
    let id = made.json["id"].to_string();
    assert_eq!(made.header("location"), format!("/api/v1/{orders}/{id}"));
    let fields = [("audit-reason", "theo lệnh"), ("legal-order", id.as_str())];
    let line = format!("GET accounts/{person}/removed");
    check(&w.with(&w.branch, &line, &fields, None).await, 200);
    let reads = format!("accounts/{person}/reads");
    assert!(w.get(&w.auditor, &reads).await.names("id").is_empty());
    assert_eq!(
        w.get(&w.root, &reads).await.json["items"][0]["order"].to_string(),
        id
    );
    // Its subject reads the log of this agency, and sees nothing of it there either.
    let path = format!("audit?account={person}&limit=500");
    let acts = |answer: &Answer| answer.names("act");
    let of = ["order.record", "read.open", "mail.removed"];
    let (his, all) = (w.get(&w.auditor, &path).await, w.get(&w.root, &path).await);
    for act in of {
        assert!(!acts(&his).contains(&act.to_owned()), "{act}");
        assert!(acts(&all).contains(&act.to_owned()), "{act}");
    }
    let export = w.get(&w.auditor, "audit/export").await;
    check(&export, 200);
    assert!(!export.text.contains("15/QĐ-CQĐT") && export.text.contains("H99.1.1"));
    check(&w.get(&w.auditor, &format!("audit/{id}")).await, 404);
    check(&w.get(&w.auditor, &orders).await, 403);
    check(&w.get(&w.nobody, &orders).await, 404);
    check(&w.delete(&w.nobody, &format!("{orders}/{id}")).await, 404);
    check(&w.post(&w.auditor, &orders, order(&w)).await, 403);
    check(&w.delete(&w.branch, &format!("{orders}/9999")).await, 404);
    check(&w.delete(&w.branch, &format!("{orders}/{id}")).await, 204);
    assert_eq!(w.get(&w.auditor, &reads).await.names("id").len(), 1);
    assert!(acts(&w.get(&w.auditor, &path).await).contains(&"order.record".to_owned()));
    let listed = w.get(&w.branch, &orders).await;
    assert_eq!(listed.json["items"][0]["stands"], false);
    let fields = [("audit-reason", "x"), ("legal-order", id.as_str())];
    let refused = w.with(&w.branch, &line, &fields, None).await;
    check(&refused, 422);
    assert_eq!(refused.json["errors"][0]["field"], "Legal-Order");
}

#[tokio::test]
async fn orders_that_cannot_be_are_refused() {
    let w = World::new();
    let orders = format!("accounts/{}/orders", w.id("kiemtoan"));
    for (field, value) in [
        ("number", json!("")),
        ("date", json!("hôm nay")),
        ("date", json!("2031-01-01")),
        ("issuer", json!("a\nb")),
        ("hidden_until", json!("2020-01-01T00:00:00Z")),
        ("hidden_until", json!("2031-01-01T00:00:00Z")),
        ("hidden_until", json!("mai")),
    ] {
        let mut body = order(&w);
        body[field] = value;
        let answer = w.post(&w.root, &orders, body).await;
        check(&answer, 422);
        assert_eq!(answer.json["errors"][0]["field"], field);
    }
    check(
        &w.post(&w.root, "accounts/9999/orders", order(&w)).await,
        404,
    );
    check(&w.get(&w.root, "accounts/x/orders").await, 404);
}

#[tokio::test]
async fn the_log_is_exported_and_verified() {
    let w = World::new();
    let odd = [("audit-reason", "=1+1")];
    let renamed = json!({"name": "Sở Mới"});
    check(
        &w.with(&w.root, "PATCH agencies/H99.1", &odd, Some(renamed))
            .await,
        200,
    );
    let lines = w.get(&w.root, "audit/export").await;
    check(&lines, 200);
    assert_eq!(lines.header("content-type"), "application/jsonl");
    let all: Vec<Value> = lines
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let numbers: Vec<u64> = all.iter().map(|e| e["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    assert_eq!(all.last().unwrap()["act"], "audit.export");
    let table = w.get(&w.root, "audit/export?format=csv").await;
    assert!(
        table.text.starts_with("\u{feff}number,at,actor,"),
        "{}",
        table.text
    );
    assert!(table.text.contains(",'=1+1,"), "{}", table.text);
    let none = w
        .get(&w.root, "audit/export?since=2031-01-01T00:00:00Z")
        .await;
    assert_eq!((none.status.as_u16(), none.text.as_str()), (200, ""));
    check(&w.get(&w.root, "audit/export?format=xml").await, 400);
    check(&w.get(&w.nobody, "audit/export").await, 403);
    let part = w.get(&w.auditor, "audit/export").await;
    assert!(!part.text.contains("H99.2") && part.text.contains("H99.1"));

    let verified = w.post(&w.root, "audit/verify", json!({})).await;
    check(&verified, 200);
    let last = w.get(&w.root, "audit?limit=1").await;
    assert_eq!(verified.json["holds"], true);
    assert_eq!(verified.json["hash"], last.json["items"][0]["hash"]);
    let run = format!("audit/verify/{}", verified.json["id"]);
    assert_eq!(w.get(&w.root, &run).await.json, verified.json);
    check(&w.post(&w.auditor, "audit/verify", json!({})).await, 403);
    check(&w.get(&w.auditor, &run).await, 403);
    let gone = storage::RowChange {
        table: "directory.audit",
        key: 5u64.to_be_bytes().to_vec(),
        value: None,
    };
    w.store.commit_rows(vec![gone]).unwrap();
    let broken = w.post(&w.root, "audit/verify", json!({})).await;
    assert_eq!(
        json!([
            broken.json["holds"],
            broken.json["broken_at"],
            broken.json["broken"]
        ]),
        json!([false, 5, "missing"])
    );
}

#[tokio::test]
async fn the_log_is_filtered_by_account_and_time() {
    let w = World::new();
    let person = w.id("nguoila");
    let path = format!("audit?account={person}");
    let acts = w.get(&w.root, &path).await.names("act");
    assert_eq!(acts, ["credential.create", "account.create"]);
    let then = formats::date::utc(w.now());
    w.turn(60);
    check(&w.delete(&w.root, &format!("accounts/{person}")).await, 204);
    let acts = w.get(&w.root, &path).await.names("act");
    assert_eq!(acts.len(), 3);
    let later = formats::date::utc(w.now());
    let acts = w
        .get(&w.root, &format!("{path}&since={later}"))
        .await
        .names("act");
    assert_eq!(acts, ["account.delete"]);
    let acts = w
        .get(&w.root, &format!("{path}&until={then}"))
        .await
        .names("act");
    assert!(acts.is_empty());
    check(&w.get(&w.root, "audit?since=mai").await, 422);
}
