//! Forwarding: set by its owner or by who manages accounts; elsewhere only where an agency above lets it.

use crate::world::*;
use serde_json::{Value, json};

#[tokio::test]
async fn i20_mail_goes_on_where_its_owner_or_an_officer_says() {
    let w = World::new();
    let id = w.id("kiemtoan");
    let path = format!("accounts/{id}/forwarding");
    let put = |access, body: Value| {
        let (line, w) = (format!("PUT {path}"), &w);
        async move { w.with(access, &line, &[], Some(body)).await }
    };
    let none = w.get(&w.auditor, &path).await;
    check(&none, 200);
    assert_eq!(
        none.json,
        json!({"to": [], "keep": true, "outside": false, "version": 0})
    );
    check(&w.get(&w.nobody, &path).await, 404);
    let admin = w.root.address().to_string();
    // His own.
    let set = put(&w.auditor, json!({"to": [admin], "keep": false})).await;
    check(&set, 200);
    assert_eq!(
        set.json,
        json!({"to": [admin], "keep": false, "outside": false, "version": 1})
    );
    check(&put(&w.nobody, json!({"to": []})).await, 404);
    let elsewhere = json!({"to": ["x@noi.vn"]});
    let wrong = put(&w.auditor, elsewhere.clone()).await;
    check(&wrong, 422);
    assert_eq!(wrong.json["errors"][0]["field"], "to");
    for to in ["kiemtoan@x.vn", "a"] {
        check(&put(&w.auditor, json!({"to": [to]})).await, 422);
    }
    // Who looks after the domain is told; to others nothing tells who has an address and whether anybody has.
    check(&put(&w.root, json!({"to": ["khong@x.vn"]})).await, 422);
    for to in ["khong@x.vn", "nguoila@x.vn"] {
        check(&put(&w.auditor, json!({"to": [to]})).await, 200);
        check(&put(&w.branch, json!({"to": [to]})).await, 200);
    }
    // The agency above lets it.
    let agency = w.get(&w.root, &format!("accounts/{id}")).await.json["agency"].clone();
    let of = format!("agencies/{}/forwarding", agency.as_str().unwrap());
    let line = format!("PUT {of}");
    let let_out = || Some(json!({"outside": true}));
    check(&w.with(&w.branch, &line, &[], let_out()).await, 403);
    check(&w.with(&w.root, &line, &[], let_out()).await, 200);
    let said = w.get(&w.auditor, &of).await;
    assert_eq!(said.json, json!({"outside": true, "version": 1}));
    check(&put(&w.branch, elsewhere).await, 200);
    // Keeping it in is its own affair.
    let keep_in = Some(json!({"outside": false}));
    check(&w.with(&w.branch, &line, &[], keep_in).await, 200);
    assert_eq!(w.get(&w.auditor, &path).await.json["outside"], false);
    check(&put(&w.branch, json!({"to": []})).await, 200);
    assert_eq!(w.get(&w.auditor, &path).await.json["version"], 0);
    let audit = w.get(&w.root, "audit?act=account.forwarding").await;
    assert_eq!(audit.names("actor").len(), 7);
}
