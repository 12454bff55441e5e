//! Who may post to a list: said by who manages its account, seen by who sees the directory.

use crate::world::*;
use serde_json::{Value, json};

#[tokio::test]
async fn i20_lists_are_settled_within_the_subtree() {
    let w = World::new();
    let auditor = w.id("kiemtoan");
    let agency = w.get(&w.root, &format!("accounts/{auditor}")).await.json["agency"].clone();
    let new = json!({"address": "phong@x.vn", "kind": "list", "name": "Phòng", "agency": agency,
        "members": ["kiemtoan@x.vn"]});
    let made = w.post(&w.branch, "accounts", new).await;
    check(&made, 201);
    let path = format!("accounts/{}/list", made.json["id"]);
    let first = w.get(&w.auditor, &path).await;
    check(&first, 200);
    let silent = json!({"posting": "inside", "posters": [], "owner": Value::Null, "fields": true, "version": 0});
    assert_eq!(first.json, silent);
    check(
        &w.get(&w.root, &format!("accounts/{auditor}/list")).await,
        404,
    );
    check(&w.get(&w.nobody, &path).await, 404);

    let put = |access, match_: &'static str, body: Value| {
        let (line, w) = (format!("PUT {path}"), &w);
        let fields: &[(&str, &str)] = if match_.is_empty() {
            &[]
        } else {
            &[("if-match", match_)]
        };
        let fields = fields.to_vec();
        async move { w.with(access, &line, &fields, Some(body)).await }
    };
    let named =
        json!({"posting": "named", "posters": ["b@x.vn", "a@noi.vn"], "owner": "kiemtoan@x.vn"});
    let set = put(&w.branch, "\"0\"", named).await;
    check(&set, 200);
    let said = json!({"posting": "named", "posters": ["a@noi.vn", "b@x.vn"], "owner": "kiemtoan@x.vn",
        "fields": true, "version": 1});
    assert_eq!(set.json, said);
    check(&put(&w.branch, "\"0\"", json!({})).await, 412);
    check(&put(&w.branch, "", json!({"posting": "all"})).await, 422);
    check(&put(&w.branch, "", json!({"posters": ["a"]})).await, 422);
    check(
        &put(&w.branch, "", json!({"owner": "phong@x.vn"})).await,
        422,
    );
    check(&put(&w.auditor, "", json!({})).await, 403);
    check(&put(&w.nobody, "", json!({})).await, 404);
    let audit = w.get(&w.root, "audit?act=account.list").await;
    assert_eq!(audit.names("object"), ["phong@x.vn"]);
}
