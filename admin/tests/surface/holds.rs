use crate::world::*;
use serde_json::{Value, json};

#[tokio::test]
async fn a_hold_is_placed_listed_and_ended_within_the_subtree() {
    let w = World::new();
    let (nobody, auditor) = (w.id("nguoila"), w.id("kiemtoan"));
    let body = json!({"name": "TT 1/2026", "reason": "Thanh tra", "from": "2026-01-01T00:00:00Z"});
    let path = format!("accounts/{auditor}/holds");
    let placed = w.post(&w.branch, &path, body.clone()).await;
    check(&placed, 201);
    assert_eq!(
        placed.header("location"),
        format!("/api/v1/accounts/{auditor}/holds/TT%201%2F2026")
    );
    assert_eq!(placed.json["by"], "quantri.nhanh@x.vn");
    check(&w.post(&w.branch, &path, body.clone()).await, 409);
    let bad = json!({"name": " ", "reason": ""});
    check(&w.post(&w.branch, &path, bad).await, 422);

    // Who sees the account but may not hold is refused; who does not see it finds nothing.
    check(&w.post(&w.auditor, &path, body.clone()).await, 403);
    check(&w.post(&w.nobody, &path, body.clone()).await, 404);
    let other = format!("accounts/{nobody}/holds");
    check(&w.post(&w.branch, &other, body.clone()).await, 404);
    check(&w.post(&w.nobody, &other, body).await, 403);

    let listed = w.get(&w.auditor, &path).await;
    check(&listed, 200);
    assert_eq!(listed.names("name"), ["TT 1/2026"]);
    assert_eq!(listed.json["items"][0]["from"], "2026-01-01T00:00:00Z");
    let more = json!({"name": "B", "reason": "x"});
    check(&w.post(&w.root, &other, more).await, 201);
    let all = w.get(&w.root, "holds").await;
    assert_eq!(all.names("name"), ["TT 1/2026", "B"]);
    let first = w.get(&w.root, "holds?limit=1").await;
    let cursor = first.json["cursor"].as_str().unwrap();
    let second = w.get(&w.root, &format!("holds?cursor={cursor}")).await;
    assert_eq!(second.names("name"), ["B"]);
    assert_eq!(second.json["items"][0]["from"], Value::Null);
    assert_eq!(w.get(&w.branch, "holds").await.names("name"), ["TT 1/2026"]);
    assert!(w.get(&w.nobody, "holds").await.names("name").is_empty());

    let one = format!("{path}/TT%201%2F2026");
    check(&w.delete(&w.auditor, &one).await, 403);
    check(&w.delete(&w.branch, &one).await, 204);
    check(&w.delete(&w.branch, &one).await, 404);
    let audit = w.get(&w.root, "audit?act=hold").await;
    assert_eq!(
        audit.names("act"),
        ["hold.release", "hold.place", "hold.place"]
    );
}
