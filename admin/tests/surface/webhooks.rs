use crate::world::*;
use directory::hook::Answer as Came;
use serde_json::{Value, json};

fn new() -> Value {
    json!({"label": "Nhân sự", "agency": "H99.1", "url": "https://hr.x.vn/congvu",
        "events": ["account.deleted", "account.created"]})
}

#[tokio::test]
async fn a_webhook_is_made_read_changed_and_removed() {
    let w = World::new();
    let off = w.post(&w.branch, "webhooks", new()).await;
    check(&off, 422);
    assert_eq!(off.json["errors"][0]["field"], "url");
    w.directory.set_hooks(true);
    let made = w.post(&w.branch, "webhooks", new()).await;
    check(&made, 201);
    let secret = made.json["secret"].as_str().unwrap().to_owned();
    let one = format!("webhooks/{}", made.json["id"]);
    assert_eq!(made.header("location"), format!("/api/v1/{one}"));
    assert_eq!(made.json["state"], "working");
    assert_eq!(
        made.json["events"],
        json!(["account.created", "account.deleted"])
    );
    let read = w.get(&w.branch, &one).await;
    check(&read, 200);
    assert_eq!(read.header("etag"), "\"1\"");
    for place in [one.as_str(), "webhooks", "audit"] {
        assert!(
            !w.get(&w.root, place).await.text.contains(&secret),
            "{place}"
        );
    }
    let stale = [("if-match", "\"9\"")];
    let line = format!("PATCH {one}");
    let change = json!({"label": "Nhân sự 2", "events": []});
    check(
        &w.with(&w.branch, &line, &stale, Some(change.clone())).await,
        412,
    );
    let changed = w.patch(&w.branch, &one, change).await;
    check(&changed, 200);
    assert_eq!(
        json!([
            changed.json["label"],
            changed.json["events"],
            changed.json["version"]
        ]),
        json!(["Nhân sự 2", [], 2])
    );
    check(
        &w.with(&w.branch, &format!("DELETE {one}"), &stale, None)
            .await,
        412,
    );
    check(&w.delete(&w.branch, &one).await, 204);
    check(&w.get(&w.branch, &one).await, 404);
    let acts = w.get(&w.root, "audit?act=webhook").await.names("act");
    assert_eq!(acts, ["webhook.delete", "webhook.change", "webhook.create"]);
}

#[tokio::test]
async fn how_it_goes_is_told() {
    let w = World::new();
    w.directory.set_hooks(true);
    let made = w.post(&w.branch, "webhooks", new()).await;
    let one = format!("webhooks/{}", made.json["id"]);
    let account =
        json!({"address": "moi@x.vn", "agency": "H99.1", "name": "Mới", "kind": "person"});
    check(&w.post(&w.branch, "accounts", account).await, 201);
    let fail = |why: Came| {
        let call = w.directory.calls_due(1).unwrap().pop().unwrap();
        w.directory.call_ended(&call, &why).unwrap();
    };
    fail(Came::Status(302));
    let told = w.get(&w.branch, &one).await.json;
    assert_eq!(told["state"], "retrying");
    assert_eq!(told["next_at"], formats::date::utc(w.now() + 10));
    let failure = &told["failures"][0];
    assert_eq!(
        json!([failure["status"], failure["error"], failure["given_up"]]),
        json!([302, "it answered 302", false])
    );
    w.turn(10);
    fail(Came::Failed("no route".into()));
    assert_eq!(
        w.get(&w.branch, &one).await.json["failures"][0]["error"],
        "no route"
    );
    w.turn(60);
    fail(Came::Status(410));
    assert_eq!(w.get(&w.branch, &one).await.json["state"], "gone");
    let on = w
        .patch(&w.branch, &one, json!({"enabled": true, "skip": true}))
        .await;
    assert_eq!(
        json!([on.json["state"], on.json["next_at"]]),
        json!(["working", null])
    );
    assert!(w.directory.calls_due(1).unwrap().is_empty());
    let off = w.patch(&w.branch, &one, json!({"enabled": false})).await;
    assert_eq!(off.json["state"], "off");
}

#[tokio::test]
async fn i17_webhooks_of_others_do_not_exist_and_wrong_ones_are_refused() {
    let w = World::new();
    w.directory.set_hooks(true);
    let made = w
        .post(
            &w.root,
            "webhooks",
            json!({"label": "x", "agency": "H99", "url": "https://a.vn"}),
        )
        .await;
    let one = format!("webhooks/{}", made.json["id"]);
    for who in [&w.branch, &w.nobody, &w.auditor] {
        check(&w.get(who, &one).await, 404);
        check(&w.patch(who, &one, json!({"enabled": false})).await, 404);
        check(&w.delete(who, &one).await, 404);
        assert!(w.get(who, "webhooks").await.names("id").is_empty());
    }
    check(&w.post(&w.auditor, "webhooks", new()).await, 403);
    check(&w.post(&w.nobody, "webhooks", new()).await, 422);
    for (field, value) in [
        ("agency", json!("H77")),
        ("url", json!("http://hr.x.vn/")),
        ("url", json!("https://a:b@hr.x.vn/")),
        ("label", json!("")),
        ("events", json!(["account"])),
    ] {
        let mut body = new();
        body[field] = value;
        let refused = w.post(&w.branch, "webhooks", body).await;
        check(&refused, 422);
        assert_eq!(refused.json["errors"][0]["field"], field);
    }
    check(&w.get(&w.root, "webhooks/x").await, 404);
    check(
        &w.patch(&w.root, &one, json!({"agency": "H99.1"})).await,
        422,
    );
}
