//! `/api/v1/traces`: each sees their own, administrators those of their subtree.

use crate::queue::submit;
use crate::world::*;
use serde_json::json;

/// The name of the acceptance of the message that waits under this number.
async fn trace_of(w: &World, id: u64) -> String {
    let item = w.get(&w.root, &format!("queue/{id}")).await;
    item.json["trace"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_message_is_found_and_its_timeline_told() {
    let w = World::new();
    let id = submit(&w, &w.branch, "ai@ngoai.vn");
    let trace = trace_of(&w, id).await;
    let hold = format!("POST queue/{id}/hold");
    check(&w.with(&w.root, &hold, &[], None).await, 204);
    w.turn(10);
    check(&w.delete(&w.root, &format!("queue/{id}")).await, 204);
    for query in [
        "",
        "to=AI@ngoai.vn",
        "from=quantri.nhanh@x.vn",
        "message_id=thu@x.vn",
        "to=ai@ngoai.vn&since=2020-01-01T00:00:00Z",
    ] {
        let found = w.get(&w.root, &format!("traces?{query}")).await;
        assert!(found.names("id").contains(&trace), "{query}");
    }
    let none = w.get(&w.root, "traces?to=khac@ngoai.vn").await;
    assert!(none.names("id").is_empty());
    let told = w.get(&w.root, &format!("traces/{trace}")).await;
    check(&told, 200);
    let message = &told.json["message"];
    assert_eq!(message["recipients"], json!(["ai@ngoai.vn"]));
    assert_eq!(message["origin"]["kind"], "submitted");
    assert_eq!(message["origin"]["account"], w.id("quantri.nhanh"));
    let kinds: Vec<&str> = told.json["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["queued", "act", "act", "told"]);
    let act = &told.json["events"][1];
    assert_eq!(
        (&act["act"], &act["by"]),
        (&json!("queue.hold"), &json!("quantri@x.vn"))
    );
    check(&w.get(&w.root, "traces/khong-co").await, 404);
    check(&w.get(&w.root, "traces?to=khong").await, 422);
    check(&w.get(&w.root, "traces?since=hom-qua").await, 422);
}

#[tokio::test]
async fn i17_timelines_of_others_do_not_exist() {
    let w = World::new();
    let own = trace_of(&w, submit(&w, &w.branch, "ai@ngoai.vn")).await;
    let other = trace_of(&w, submit(&w, &w.nobody, "ai@ngoai.vn")).await;
    let seen = async |who: &directory::Access, query: &str| {
        let mut ids = w.get(who, &format!("traces{query}")).await.names("id");
        ids.sort();
        ids
    };
    let mut both = vec![own.clone(), other.clone()];
    both.sort();
    assert_eq!(seen(&w.root, "").await, both);
    assert_eq!(seen(&w.branch, "").await, [own.as_str()]);
    assert_eq!(seen(&w.auditor, "").await, [own.as_str()]);
    assert_eq!(seen(&w.nobody, "").await, [other.as_str()]);
    assert_eq!(seen(&w.nobody, "?to=ai@ngoai.vn").await, [other.as_str()]);
    assert!(seen(&w.root, "?mine=true").await.is_empty());
    check(&w.get(&w.branch, &format!("traces/{other}")).await, 404);
    check(&w.get(&w.nobody, &format!("traces/{own}")).await, 404);
    // Reading one's own is nobody's business; reading others' is in the audit log.
    let count = async || {
        let log = w.get(&w.root, "audit?act=trace.read").await;
        log.names("object")
    };
    check(&w.get(&w.nobody, &format!("traces/{other}")).await, 200);
    assert!(count().await.is_empty());
    check(&w.get(&w.root, &format!("traces/{other}")).await, 200);
    assert_eq!(count().await, [format!("trace/{other}")]);
}

#[tokio::test]
async fn who_got_it_learns_of_nobody_else() {
    let w = World::new();
    // To both; what nobody got is told to nobody.
    let recipients = ["kiemtoan@x.vn", "nguoila@x.vn", "ai@ngoai.vn"];
    let id = crate::queue::submit_to(&w, &w.root, &recipients);
    let trace = trace_of(&w, id).await;
    w.delivery.dispatch(w.now()).unwrap();
    w.turn(1);
    check(
        &w.with(&w.root, &format!("POST queue/{id}/hold"), &[], None)
            .await,
        204,
    );
    let told = w.get(&w.nobody, &format!("traces/{trace}")).await;
    check(&told, 200);
    assert_eq!(told.json["message"]["recipients"], json!(["nguoila@x.vn"]));
    let text = told.json.to_string();
    for secret in ["kiemtoan", "ngoai.vn", "\"by\":\"quantri"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let placed = &told.json["events"][1];
    assert_eq!(
        (&placed["kind"], &placed["recipients"]),
        (&json!("placed"), &json!(["nguoila@x.vn"]))
    );
    let whole = w.get(&w.root, &format!("traces/{trace}")).await;
    assert!(whole.json.to_string().contains("ai@ngoai.vn"));
}
