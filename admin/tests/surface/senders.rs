//! Who may send in the name of an account: said by who manages its accounts, seen by who sees the directory.

use crate::world::*;
use serde_json::json;

#[tokio::test]
async fn i20_senders_are_set_listed_and_taken_back_within_the_subtree() {
    let w = World::new();
    let auditor = w.id("kiemtoan");
    let agency = w.get(&w.root, &format!("accounts/{auditor}")).await.json["agency"].clone();
    let new =
        json!({"address": "chutich@x.vn", "kind": "shared", "name": "Chủ tịch", "agency": agency});
    let made = w.post(&w.branch, "accounts", new).await;
    check(&made, 201);
    let seat = &made.json["id"];
    let path = format!("accounts/{seat}/senders");
    let empty = w.get(&w.auditor, &path).await;
    check(&empty, 200);
    assert_eq!(empty.json, json!({"senders": [], "version": 0}));

    let put = |access, address: &str, sending: &str| {
        let line = format!("PUT {path}/{address}");
        let body = json!({ "sending": sending });
        let w = &w;
        async move { w.with(access, &line, &[], Some(body)).await }
    };
    let set = put(&w.branch, "kiemtoan@x.vn", "on_behalf").await;
    check(&set, 200);
    let sender = json!({"account": auditor, "address": "kiemtoan@x.vn", "sending": "on_behalf"});
    assert_eq!(set.json, json!({"senders": [sender], "version": 1}));
    assert_eq!(w.get(&w.auditor, &path).await.json, set.json);

    check(&put(&w.branch, "kiemtoan@x.vn", "gladly").await, 422);
    check(&put(&w.branch, "khong@x.vn", "as").await, 422);
    check(&put(&w.branch, "chutich@x.vn", "as").await, 422);
    check(&put(&w.auditor, "kiemtoan@x.vn", "as").await, 403);
    check(&put(&w.nobody, "kiemtoan@x.vn", "as").await, 404);
    check(&w.get(&w.nobody, &path).await, 404);

    let one = format!("{path}/kiemtoan@x.vn");
    let line = format!("DELETE {one}");
    let stale = w.with(&w.branch, &line, &[("if-match", "\"7\"")], None);
    check(&stale.await, 412);
    check(&w.delete(&w.branch, &one).await, 204);
    check(&w.delete(&w.branch, &one).await, 404);
    let audit = w.get(&w.root, "audit?act=account.sender").await;
    assert_eq!(audit.names("object"), ["chutich@x.vn", "chutich@x.vn"]);
}
