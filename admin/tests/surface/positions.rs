//! Positions: made, held, handed over, within the subtree.

use crate::world::*;
use serde_json::{Value, json};

/// A seat of H99.1 with a mailbox, as the API answers.
async fn seat(w: &World) -> Value {
    let mailbox =
        json!({"address": "vanthu@x.vn", "kind": "shared", "agency": "H99.1", "name": "Văn thư"});
    let mailbox = w.post(&w.root, "accounts", mailbox).await;
    check(&mailbox, 201);
    let new = json!({
        "agency": "H99.1", "kind": "clerk", "title": "Văn thư Sở", "title_en": "Clerk", "order": 3,
        "mailbox": mailbox.json["id"],
    });
    let made = w.post(&w.branch, "positions", new).await;
    check(&made, 201);
    assert_eq!(
        made.header("location"),
        format!("/api/v1/positions/{}", made.json["id"])
    );
    assert_eq!(made.header("etag"), "\"1\"");
    made.json
}

#[tokio::test]
async fn a_position_is_made_handed_over_and_remembers() {
    let w = World::new();
    let made = seat(&w).await;
    assert_eq!(
        (&made["holder"], &made["history"]),
        (&Value::Null, &json!([]))
    );
    let path = format!("positions/{}", made["id"]);
    let (first, second) = (w.id("quantri.nhanh"), w.id("kiemtoan"));
    let over = |body: Value| {
        let (w, path) = (&w, format!("{path}/handover"));
        async move { w.post(&w.branch, &path, body).await }
    };
    let held = over(json!({"to": first, "reason": "Quyết định 12"})).await;
    check(&held, 200);
    assert_eq!(held.json["holder"]["address"], "quantri.nhanh@x.vn");
    assert_eq!(held.json["holder"]["from"], "2026-10-26");
    let members = format!("accounts/{}/members", made["mailbox"]);
    let listed = w.get(&w.branch, &members).await;
    assert_eq!(listed.json["members"][0]["rights"], "lrswite");
    let passed = over(json!({"to": second, "acting": true, "earlier": "sealed"})).await;
    check(&passed, 200);
    assert_eq!(passed.json["history"].as_array().unwrap().len(), 2);
    assert_eq!(passed.json["holder"]["acting"], true);
    assert_eq!(passed.json["sealed"][0]["account"], made["mailbox"]);
    assert_ne!(passed.json["mailbox"], made["mailbox"]);
    let heir = w.get(&w.branch, "accounts?address=vanthu@x.vn").await;
    assert_eq!(heir.names("id"), [passed.json["mailbox"].to_string()]);
    let old = w
        .get(&w.branch, &format!("accounts/{}", made["mailbox"]))
        .await;
    assert_eq!(old.json["state"], "retired");

    for query in [
        "agency=H99.1".to_owned(),
        "kind=clerk&vacant=false".to_owned(),
        format!("holder={second}"),
        format!("mailbox={}", passed.json["mailbox"]),
        "find=van%20thu%20kiem".to_owned(),
    ] {
        let seen = w.get(&w.branch, &format!("positions?{query}")).await;
        assert_eq!(seen.names("id"), [made["id"].to_string()], "{query}");
    }
    for query in ["agency=H99.2", "kind=chairman", "vacant=true", "find=giam"] {
        let seen = w.get(&w.branch, &format!("positions?{query}")).await;
        assert!(seen.names("id").is_empty(), "{query}");
    }
    // The log says it to whoever audits the subtree: one entry for each handover.
    let log = w.get(&w.auditor, "audit?act=position.handover").await;
    let object = format!("position/{}", made["id"]);
    assert_eq!(log.names("object"), [object.clone(), object]);
    let detail = &log.json["items"][1]["detail"];
    assert_eq!(
        (&detail["reason"], &detail["to"]),
        (&json!("Quyết định 12"), &json!("quantri.nhanh@x.vn"))
    );
    // What came in the head of the request is the reason of the entry.
    assert_eq!(log.json["items"][1]["reason"], "thử nghiệm");
    // Who holds it is not the next one; who held it in another's place may hold it for good.
    let again = over(json!({"to": second, "acting": true})).await;
    check(&again, 422);
    assert_eq!(again.json["errors"][0]["field"], "to");
    let good = over(json!({"to": second, "reason": "Quyết định 13"})).await;
    check(&good, 200);
    assert_eq!(good.json["holder"]["acting"], false);
    let vacant = over(json!({"to": null})).await;
    check(&vacant, 200);
    assert_eq!(vacant.json["holder"], Value::Null);
    check(&over(json!({"to": null})).await, 422);
    check(&w.delete(&w.branch, &path).await, 409);
}

#[tokio::test]
async fn what_cannot_be_of_a_position_is_refused() {
    let w = World::new();
    let made = seat(&w).await;
    let path = format!("positions/{}", made["id"]);
    let line = format!("POST {path}/handover");
    let to = json!({"to": w.id("kiemtoan")});
    let stale = w
        .with(&w.branch, &line, &[("if-match", "\"7\"")], Some(to))
        .await;
    check(&stale, 412);
    for (field, body) in [
        ("to", json!({})),
        ("to", json!({"to": 9999})),
        ("to", json!({"to": made["mailbox"]})),
        ("on", json!({"to": w.id("kiemtoan"), "on": "2099-01-01"})),
        ("on", json!({"to": w.id("kiemtoan"), "on": "hôm nay"})),
        ("rights", json!({"to": w.id("kiemtoan"), "rights": "xyz"})),
        ("reason", json!({"to": w.id("kiemtoan"), "reason": "a\nb"})),
    ] {
        let refused = w.post(&w.branch, &format!("{path}/handover"), body).await;
        check(&refused, 422);
        assert_eq!(refused.json["errors"][0]["field"], field, "{refused:?}");
    }
    let second = json!({"agency": "H99.1", "title": "Khác", "mailbox": made["mailbox"]});
    let second = w.post(&w.branch, "positions", second).await;
    check(&second, 422);
    assert_eq!(second.json["errors"][0]["field"], "mailbox");
    check(
        &w.post(
            &w.branch,
            "positions",
            json!({"agency": "H99.1", "title": " "}),
        )
        .await,
        422,
    );
    check(&w.get(&w.branch, "positions/0").await, 404);
    check(&w.get(&w.branch, "positions/x").await, 404);
    let used = w
        .delete(&w.branch, &format!("accounts/{}", made["mailbox"]))
        .await;
    check(&used, 409);
    assert!(
        used.json["detail"].as_str().unwrap().contains("vị trí"),
        "{used:?}"
    );
    let changed = json!({"title": "Văn thư - Lưu trữ", "title_en": null, "mailbox": null, "until": "2027-01-31"});
    let changed = w.patch(&w.branch, &path, changed).await;
    check(&changed, 200);
    assert_eq!(changed.json["mailbox"], Value::Null);
    check(&w.delete(&w.branch, &path).await, 204);
    check(&w.get(&w.branch, &path).await, 404);
}

#[tokio::test]
async fn i17_positions_outside_the_subtree_are_not_there() {
    let w = World::new();
    let new = json!({"agency": "H99.2", "kind": "head", "title": "Giám đốc"});
    let made = w.post(&w.root, "positions", new).await;
    check(&made, 201);
    let hidden = format!("positions/{}", made.json["id"]);
    let to = json!({"to": w.id("kiemtoan")});
    for path in [hidden.as_str(), "positions/77"] {
        check(&w.get(&w.branch, path).await, 404);
        check(&w.patch(&w.branch, path, json!({"title": "x"})).await, 404);
        check(&w.delete(&w.branch, path).await, 404);
        check(
            &w.post(&w.branch, &format!("{path}/handover"), to.clone())
                .await,
            404,
        );
    }
    let absent = w.get(&w.branch, "positions/77").await;
    assert_eq!(w.get(&w.branch, &hidden).await.json, absent.json);
    for query in [
        "",
        "?find=giam",
        "?agency=H99.2",
        "?agency=H77",
        "?kind=head",
    ] {
        assert!(
            w.get(&w.branch, &format!("positions{query}"))
                .await
                .names("id")
                .is_empty()
        );
    }
    let new = |agency: &str| json!({"agency": agency, "title": "x"});
    let there = w.post(&w.branch, "positions", new("H99.2")).await;
    check(&there, 422);
    assert_eq!(
        there.json,
        w.post(&w.branch, "positions", new("H77")).await.json
    );
    // A person of elsewhere cannot be put into a seat, and is not told from nobody.
    let own = w.post(&w.branch, "positions", new("H99.1")).await;
    let own = format!("positions/{}/handover", own.json["id"]);
    let stranger = w
        .post(&w.branch, &own, json!({"to": w.id("nguoila")}))
        .await;
    check(&stranger, 422);
    assert_eq!(
        stranger.json,
        w.post(&w.branch, &own, json!({"to": 9999})).await.json
    );
    // An auditor reads, and changes nothing.
    check(&w.get(&w.auditor, &own.replace("/handover", "")).await, 200);
    check(&w.post(&w.auditor, &own, json!({"to": null})).await, 403);
    check(&w.post(&w.nobody, &own, json!({"to": null})).await, 404);
}
