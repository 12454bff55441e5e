//! Members of a shared account: kept by who manages its accounts, seen by who sees the directory.

use crate::world::*;
use serde_json::json;

#[tokio::test]
async fn i20_members_are_set_listed_and_taken_off_within_the_subtree() {
    let w = World::new();
    let (nobody, auditor) = (w.id("nguoila"), w.id("kiemtoan"));
    let agency = w.get(&w.root, &format!("accounts/{auditor}")).await.json["agency"].clone();
    let new =
        json!({"address": "vanthu@x.vn", "kind": "shared", "name": "Văn thư", "agency": agency});
    let made = w.post(&w.branch, "accounts", new).await;
    check(&made, 201);
    let office = &made.json["id"];
    let path = format!("accounts/{office}/members");
    let empty = w.get(&w.auditor, &path).await;
    check(&empty, 200);
    assert_eq!(empty.json, json!({"members": [], "version": 0}));

    let put = |access, address: &str, rights: &str| {
        let line = format!("PUT {path}/{address}");
        let body = json!({ "rights": rights });
        let w = &w;
        async move { w.with(access, &line, &[], Some(body)).await }
    };
    let set = put(&w.branch, "kiemtoan@x.vn", "riwstel").await;
    check(&set, 200);
    let member = json!({"account": auditor, "address": "kiemtoan@x.vn", "rights": "lrswite"});
    assert_eq!(set.json, json!({"members": [member], "version": 1}));
    assert_eq!(w.get(&w.auditor, &path).await.json, set.json);

    // Wrong letters, strangers, and those who may not.
    check(&put(&w.branch, "kiemtoan@x.vn", "lrz").await, 422);
    check(&put(&w.branch, "kiemtoan@x.vn", "").await, 422);
    // One of elsewhere is told like one that is not there.
    let absent = put(&w.branch, "khong@x.vn", "lr").await;
    check(&absent, 422);
    let elsewhere = put(&w.branch, "nguoila@x.vn", "lr").await;
    assert_eq!(elsewhere.text, absent.text);
    check(&put(&w.auditor, "kiemtoan@x.vn", "lr").await, 403);
    check(&put(&w.nobody, "kiemtoan@x.vn", "lr").await, 404);
    check(&w.get(&w.nobody, &path).await, 404);
    let person = format!("PUT accounts/{nobody}/members/kiemtoan@x.vn");
    let own = w.with(&w.root, &person, &[], Some(json!({"rights": "lr"})));
    check(&own.await, 422);

    let one = format!("{path}/kiemtoan@x.vn");
    let line = format!("DELETE {one}");
    let change = |tag: &'static str| {
        let (line, w) = (format!("PUT {one}"), &w);
        let rights = json!({"rights": "lr"});
        async move {
            w.with(&w.branch, &line, &[("if-match", tag)], Some(rights))
                .await
        }
    };
    check(&change("\"7\"").await, 412);
    assert_eq!(
        w.get(&w.auditor, &path).await.json["members"][0]["rights"],
        "lrswite"
    );
    check(&change("\"1\"").await, 200);
    let stale = w.with(&w.branch, &line, &[("if-match", "\"7\"")], None);
    check(&stale.await, 412);
    check(&w.delete(&w.branch, &one).await, 204);
    check(&w.delete(&w.branch, &one).await, 404);
    let audit = w.get(&w.root, "audit?act=account.member").await;
    assert_eq!(audit.names("object"), ["vanthu@x.vn"; 3]);
}
