use crate::world::*;
use serde_json::{Value, json};

#[tokio::test]
async fn an_agency_is_made_read_changed_and_removed() {
    let w = World::new();
    let body =
        json!({"id": "H99.1.2", "parent": "H99.1", "name": "Văn phòng", "name_en": "Office"});
    let made = w.post(&w.root, "agencies", body).await;
    check(&made, 201);
    assert_eq!(made.header("location"), "/api/v1/agencies/H99.1.2");
    assert_eq!(made.header("etag"), "\"1\"");
    assert_eq!(made.header("cache-control"), "no-store");

    let read = w.get(&w.root, "agencies/H99.1.2").await;
    check(&read, 200);
    assert_eq!(read.json, made.json);
    assert_eq!(read.json["name"], "Văn phòng");

    let change = json!({"name_en": null, "parent": "H99.2"});
    let changed = w.patch(&w.root, "agencies/H99.1.2", change).await;
    check(&changed, 200);
    assert_eq!(changed.json["name_en"], Value::Null);
    assert_eq!(changed.json["parent"], "H99.2");
    assert_eq!(changed.json["name"], "Văn phòng");
    assert_eq!(changed.header("etag"), "\"2\"");

    check(&w.delete(&w.root, "agencies/H99.1.2").await, 204);
    check(&w.get(&w.root, "agencies/H99.1.2").await, 404);
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let w = World::new();
    let new = |id: &str, parent: Value| json!({"id": id, "parent": parent, "name": "Tên"});
    check(
        &w.post(&w.root, "agencies", new("H99.1", json!("H99")))
            .await,
        409,
    );
    check(
        &w.post(&w.root, "agencies", new("a/b", json!("H99"))).await,
        422,
    );
    let topless = w.post(&w.root, "agencies", new("H98", Value::Null)).await;
    check(&topless, 422);
    assert_eq!(topless.json["errors"][0]["field"], "parent");
    let topless = w
        .patch(&w.root, "agencies/H99.1", json!({"parent": null}))
        .await;
    check(&topless, 422);
    let unknown = w
        .post(&w.root, "agencies", new("H99.7", json!("H77")))
        .await;
    check(&unknown, 422);
    assert_eq!(unknown.json["errors"][0]["field"], "parent");
    let looped = w
        .patch(&w.root, "agencies/H99.1", json!({"parent": "H99.1.1"}))
        .await;
    check(&looped, 422);
    check(
        &w.patch(&w.root, "agencies/H99.1", json!({"name": null}))
            .await,
        422,
    );
    let used = w.delete(&w.root, "agencies/H99.1").await;
    check(&used, 409);
    assert!(
        used.json["detail"]
            .as_str()
            .unwrap()
            .contains("cơ quan cấp dưới"),
        "{used:?}"
    );
}

#[tokio::test]
async fn i17_a_delegated_administrator_sees_the_subtree_only() {
    let w = World::new();
    let found = w.get(&w.root, "agencies?find=noi%20so").await;
    assert_eq!(found.names("id"), ["H99.1"]);
    let hidden = w.get(&w.branch, "agencies?find=tai%20chinh").await;
    assert!(hidden.names("id").is_empty());
    let seen = w.get(&w.branch, "agencies").await;
    assert_eq!(seen.names("id"), ["H99.1", "H99.1.1"]);
    assert_eq!(w.get(&w.root, "agencies").await.names("id").len(), 4);
    assert_eq!(
        w.get(&w.root, "agencies?parent=H99").await.names("id"),
        ["H99.1", "H99.2"]
    );
    assert!(w.get(&w.nobody, "agencies").await.names("id").is_empty());
    for path in ["agencies/H99", "agencies/H99.2", "agencies/H77"] {
        check(&w.get(&w.branch, path).await, 404);
        check(&w.patch(&w.branch, path, json!({"name": "x"})).await, 404);
        check(&w.delete(&w.branch, path).await, 404);
    }
    // There or not: the same words.
    let new = |parent: &str| json!({"id": "H99.9", "parent": parent, "name": "Tên"});
    let hidden = w.post(&w.branch, "agencies", new("H99.2")).await;
    let absent = w.post(&w.branch, "agencies", new("H77")).await;
    check(&hidden, 422);
    assert_eq!(hidden.json, absent.json);
    check(&w.post(&w.branch, "agencies", new("H99.1")).await, 201);
    // Seen, yet not to be changed.
    check(
        &w.patch(&w.auditor, "agencies/H99.1", json!({"name": "x"}))
            .await,
        403,
    );
}

#[tokio::test]
async fn if_match_guards_a_change() {
    let w = World::new();
    let change = Some(json!({"name": "Sở Nội vụ và Lao động"}));
    let line = "PATCH agencies/H99.1";
    check(
        &w.with(&w.root, line, &[("if-match", "\"7\"")], change.clone())
            .await,
        412,
    );
    check(
        &w.with(&w.root, line, &[("if-match", "W/\"1\"")], change.clone())
            .await,
        412,
    );
    check(
        &w.with(&w.root, line, &[("if-match", "nonsense")], change.clone())
            .await,
        412,
    );
    check(
        &w.with(
            &w.root,
            line,
            &[("if-match", "\"7\", \"1\"")],
            change.clone(),
        )
        .await,
        200,
    );
    check(
        &w.with(&w.root, line, &[("if-match", "*")], change).await,
        200,
    );
    check(
        &w.with(
            &w.root,
            "DELETE agencies/H99.1.1",
            &[("if-match", "\"7\"")],
            None,
        )
        .await,
        412,
    );
    check(
        &w.with(
            &w.root,
            "DELETE agencies/H99.1.1",
            &[("if-match", "\"1\"")],
            None,
        )
        .await,
        204,
    );
}

#[tokio::test]
async fn an_agency_has_a_kind_codes_a_place_and_days() {
    let w = World::new();
    let body = json!({
        "id": "H99.1.2", "parent": "H99.1", "name": "Phòng Tổ chức", "short_name": "TCCB", "kind": "unit",
        "codes": ["000.01.01.h99", "H26.1.2"], "order": 2, "since": "2025-07-01",
    });
    let made = w.post(&w.root, "agencies", body).await;
    check(&made, 201);
    assert_eq!(made.json["codes"], json!(["000.01.01.H99", "H26.1.2"]));
    assert_eq!(
        (&made.json["kind"], &made.json["until"]),
        (&json!("unit"), &Value::Null)
    );
    let first = json!({"id": "H99.1.3", "parent": "H99.1", "name": "Văn phòng", "order": 1});
    check(&w.post(&w.root, "agencies", first).await, 201);

    for code in ["H99.1.2", "h26.1.2", "000.01.01.H99"] {
        let found = w.get(&w.root, &format!("agencies/{code}")).await;
        assert_eq!(found.json["id"], "H99.1.2", "{code}");
        let found = w.get(&w.root, &format!("agencies?code={code}")).await;
        assert_eq!(found.names("id"), ["H99.1.2"], "{code}");
    }
    let seen = |query: &'static str| {
        let w = &w;
        async move {
            w.get(&w.root, &format!("agencies?{query}"))
                .await
                .names("id")
        }
    };
    assert_eq!(seen("find=tccb").await, ["H99.1.2"]);
    assert_eq!(seen("find=h26.1").await, ["H99.1.2"]);
    assert_eq!(seen("kind=unit").await, ["H99.1.2"]);
    assert_eq!(seen("kind=unit&at=2025-06-30").await, [""; 0]);
    assert_eq!(seen("code=H26.1.2&parent=H99").await, [""; 0]);
    assert_eq!(
        seen("parent=H99.1").await,
        ["H99.1.1", "H99.1.3", "H99.1.2"]
    );
    let page = w.get(&w.root, "agencies?parent=H99.1&limit=2").await;
    let rest = format!(
        "agencies?parent=H99.1&cursor={}",
        page.json["cursor"].as_str().unwrap()
    );
    assert_eq!(w.get(&w.root, &rest).await.names("id"), ["H99.1.2"]);
    check(&w.get(&w.root, "agencies?at=yesterday").await, 422);
    check(&w.get(&w.root, "agencies?kind=village").await, 400);
}

#[tokio::test]
async fn an_agency_that_ended_takes_no_account() {
    let w = World::new();
    let seen = |query: &'static str| {
        let w = &w;
        async move {
            w.get(&w.root, &format!("agencies?{query}"))
                .await
                .names("id")
        }
    };
    let body = json!({"id": "H99.1.2", "parent": "H99.1", "name": "Phòng", "kind": "unit", "since": "2025-07-01"});
    check(&w.post(&w.root, "agencies", body).await, 201);
    let ends = json!({"until": "2025-12-31", "codes": [], "short_name": null});
    let ended = w.patch(&w.root, "agencies/H99.1.2", ends).await;
    check(&ended, 200);
    assert_eq!(
        (&ended.json["kind"], &ended.json["codes"]),
        (&json!("unit"), &json!([]))
    );
    assert_eq!(seen("kind=unit&at=2025-12-31").await, ["H99.1.2"]);
    assert_eq!(seen("kind=unit&at=2026-01-01").await, [""; 0]);
    let body = json!({"address": "moi@x.vn", "agency": "H99.1.2", "name": "Mới"});
    let refused = w.post(&w.root, "accounts", body).await;
    check(&refused, 422);
    let detail = &refused.json["errors"][0];
    assert_eq!(detail["field"], "agency");
    assert_eq!(detail["detail"], "một cơ quan chưa kết thúc hoạt động");
    for (field, value) in [
        ("codes", json!(["H26/1"])),
        ("until", json!("2025-02-30")),
        ("since", json!("2026-02-01")),
    ] {
        let mut body = json!({});
        body[field] = value;
        let refused = w.patch(&w.root, "agencies/H99.1.2", body).await;
        check(&refused, 422);
        let told = if field == "since" { "until" } else { field };
        assert_eq!(refused.json["errors"][0]["field"], told, "{refused:?}");
    }
}

#[tokio::test]
async fn i17_codes_find_nothing_outside_the_subtree() {
    let w = World::new();
    let coded = json!({"codes": ["H26.2"]});
    check(&w.patch(&w.root, "agencies/H99.2", coded).await, 200);
    let absent = w.get(&w.branch, "agencies/H77.7").await;
    let hidden = w.get(&w.branch, "agencies/H26.2").await;
    check(&hidden, 404);
    assert_eq!(hidden.json, absent.json);
    let none: [&str; 0] = [];
    assert_eq!(
        w.get(&w.branch, "agencies?code=H26.2").await.names("id"),
        none
    );
    assert_eq!(
        w.get(&w.branch, "agencies?parent=H99").await.names("id"),
        ["H99.1"]
    );
    assert_eq!(w.get(&w.root, "agencies/H26.2").await.json["id"], "H99.2");
    // A code that another has is refused in the same words, whether that one may be seen or not.
    let new = |id: &str| json!({"id": id, "parent": "H99.1", "name": "Tên"});
    let mut told = Vec::new();
    for code in ["H26.2", "H99.2", "H99.1.1"] {
        let refused = w.post(&w.branch, "agencies", new(code)).await;
        check(&refused, 409);
        let words = refused.json["detail"].as_str().unwrap();
        told.push(words.replace(code, ""));
    }
    assert!(told.iter().all(|words| *words == told[0]), "{told:?}");
    assert!(told[0].contains("không cấp được ở đây"), "{told:?}");
}
