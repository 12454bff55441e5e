//! How much may be sent: said by who manages agencies, lifted by who manages accounts.

use crate::world::*;
use serde_json::{Value, json};

#[tokio::test]
async fn i20_sending_is_suspended_and_resumed_within_the_subtree() {
    let w = World::new();
    let id = w.id("kiemtoan");
    let path = format!("accounts/{id}/sending");
    let put = |access, suspended: bool| {
        let (line, w) = (format!("PUT {path}"), &w);
        let body = json!({ "suspended": suspended });
        async move { w.with(access, &line, &[], Some(body)).await }
    };
    let free = w.get(&w.auditor, &path).await;
    check(&free, 200);
    assert_eq!(free.json["suspended"], Value::Null);
    assert_eq!(free.json["day"], json!({"messages": 0, "recipients": 0}));
    for _ in 0..2 {
        let stopped = put(&w.root, true).await;
        check(&stopped, 200);
        assert_eq!(stopped.json["suspended"]["address"], "kiemtoan@x.vn");
    }
    let all = w.get(&w.root, "sending").await;
    assert_eq!(all.json["suspended"].as_array().unwrap().len(), 1);
    let none = w.get(&w.nobody, "sending").await;
    assert_eq!(none.json["suspended"], json!([]));
    check(&put(&w.nobody, false).await, 404);
    let resumed = put(&w.root, false).await;
    assert_eq!(resumed.json["suspended"], Value::Null);
    check(&put(&w.root, false).await, 200);
    let audit = w.get(&w.root, "audit?act=sending.resume").await;
    assert_eq!(audit.names("object"), ["kiemtoan@x.vn"]);
}

#[tokio::test]
async fn i20_agencies_say_how_much_their_accounts_send() {
    let w = World::new();
    let id = w.id("kiemtoan");
    let agency = w.get(&w.root, &format!("accounts/{id}")).await.json["agency"].clone();
    let path = format!("agencies/{}/sending", agency.as_str().unwrap());
    let none = w.get(&w.root, &path).await;
    check(&none, 200);
    assert_eq!(none.json["version"], 0);
    let line = format!("PUT {path}");
    let body = json!({"each": {"messages_hour": 9}, "total": {"recipients_day": 90}});
    let set = w.with(&w.root, &line, &[], Some(body.clone())).await;
    check(&set, 200);
    assert_eq!(set.json["each"]["messages_hour"], 9);
    let of = w.get(&w.root, &format!("accounts/{id}/sending")).await;
    assert_eq!(of.json["caps"]["messages_hour"], 9);
    let stale = w.with(&w.root, &line, &[("if-match", "\"7\"")], Some(body.clone()));
    check(&stale.await, 412);
    check(
        &w.with(&w.auditor, &line, &[], Some(body.clone())).await,
        403,
    );
    check(&w.with(&w.nobody, &line, &[], Some(body)).await, 404);
    let wrong = json!({"each": {"messages": 9}});
    check(&w.with(&w.root, &line, &[], Some(wrong)).await, 422);
    let audit = w.get(&w.root, "audit?act=agency.caps").await;
    assert_eq!(audit.names("object"), [agency.as_str().unwrap()]);
}
