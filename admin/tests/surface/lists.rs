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
    let silent = json!({"posting": "inside", "posters": [], "owner": Value::Null, "fields": true,
        "rule": Value::Null, "reach": {"count": 0, "first": []}, "version": 0});
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
        "fields": true, "rule": Value::Null, "reach": {"count": 0, "first": []}, "version": 1});
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

#[tokio::test]
async fn i17_a_rule_finds_members_in_the_subtree_of_who_sets_it() {
    let w = World::new();
    let new = json!({"address": "ds@x.vn", "kind": "list", "name": "DS", "agency": "H99.1"});
    let made = w.post(&w.branch, "accounts", new).await;
    check(&made, 201);
    let line = format!("PUT accounts/{}/list", made.json["id"]);
    let put = |access, rule: Value| {
        let (line, w) = (line.clone(), &w);
        async move {
            w.with(access, &line, &[], Some(json!({ "rule": rule })))
                .await
        }
    };
    let set = put(&w.branch, json!({"under": "H99.1"})).await;
    check(&set, 200);
    let kept =
        json!({"under": "H99.1", "agency_kinds": [], "position_kinds": [], "account_kinds": []});
    assert_eq!(set.json["rule"], kept);
    let found = json!({"count": 2, "first": ["quantri.nhanh@x.vn", "kiemtoan@x.vn"]});
    assert_eq!(set.json["reach"], found);
    // There or not: the same words.
    let hidden = put(&w.branch, json!({"under": "H99"})).await;
    check(&hidden, 422);
    assert_eq!(hidden.json["errors"][0]["field"], "rule");
    assert_eq!(
        hidden.json,
        put(&w.branch, json!({"under": "H77"})).await.json
    );
    // What finds people elsewhere shows and counts only those in sight.
    let wide = put(
        &w.root,
        json!({"under": "H99", "account_kinds": ["person"]}),
    )
    .await;
    assert_eq!(wide.json["reach"]["count"], 4);
    let read = w.get(&w.branch, &line.replace("PUT ", "")).await;
    assert_eq!(read.json["reach"], found);
    for bad in [
        json!({"under": "H99.1", "account_kinds": ["list"]}),
        json!({"under": "H99.1", "position_kinds": ["king"]}),
        json!({"under": "H99.1", "position_kinds": ["clerk"], "account_kinds": ["person"]}),
        json!({"agency_kinds": []}),
        json!({"under": "H99.1", "agency_kinds": vec!["unit"; 33]}),
    ] {
        check(&put(&w.branch, bad).await, 422);
    }
    let none = put(&w.branch, Value::Null).await;
    assert_eq!(
        (&none.json["rule"], &none.json["reach"]["count"]),
        (&Value::Null, &json!(0))
    );
}
