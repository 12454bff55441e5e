//! `/api/v1/traces`: each sees their own, administrators those of their subtree.

use crate::queue::submit;
use crate::world::*;
use serde_json::{Value, json};

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
        "recipient=AI@ngoai.vn",
        "sender=quantri.nhanh@x.vn",
        "message_id=thu@x.vn",
        "recipient=ai@ngoai.vn&since=2020-01-01T00:00:00Z",
    ] {
        let found = w.get(&w.root, &format!("trace?{query}")).await;
        assert!(found.names("id").contains(&trace), "{query}");
    }
    let none = w.get(&w.root, "trace?recipient=khac@ngoai.vn").await;
    assert!(none.names("id").is_empty());
    let told = w.get(&w.root, &format!("trace/{trace}")).await;
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
    check(&w.get(&w.root, "trace/khong-co").await, 404);
    check(&w.get(&w.root, "trace?recipient=khong").await, 422);
    check(&w.get(&w.root, "trace?since=hom-qua").await, 422);
}

#[tokio::test]
async fn how_far_it_is_is_told_for_each_recipient() {
    let w = World::new();
    let id = submit(&w, &w.branch, "ai@ngoai.vn");
    let trace = trace_of(&w, id).await;
    let waits = w.get(&w.branch, &format!("trace/{trace}")).await.json;
    assert_eq!(waits["message"]["state"], "waiting");
    let one = &waits["progress"][0];
    assert_eq!(
        (&one["recipient"], &one["state"]),
        (&json!("ai@ngoai.vn"), &json!("waiting"))
    );
    assert_eq!(
        one["next_try"],
        w.get(&w.root, &format!("queue/{id}")).await.json["due"]
    );
    let hold = format!("POST queue/{id}/hold");
    check(&w.with(&w.root, &hold, &[], None).await, 204);
    let held = w.get(&w.branch, &format!("trace/{trace}")).await.json;
    assert_eq!(
        (&held["message"]["state"], &held["progress"][0]["next_try"]),
        (&json!("held"), &Value::Null)
    );
    check(&w.delete(&w.root, &format!("queue/{id}")).await, 204);
    let told = w.get(&w.branch, &format!("trace/{trace}")).await;
    let over = &told.json["progress"][0];
    assert_eq!(
        (&over["state"], &over["tries"]),
        (&json!("failed"), &json!(0))
    );
    assert!(
        over["meaning"].as_str().unwrap().contains("Quản trị viên"),
        "{over}"
    );
    let english = [("accept-language", "en")];
    let line = format!("GET trace/{trace}");
    let english = w.with(&w.root, &line, &english, None).await;
    let meaning = english.json["progress"][0]["meaning"].clone();
    assert!(
        meaning.as_str().unwrap().contains("administrator"),
        "{meaning}"
    );
}

#[tokio::test]
async fn i17_timelines_of_others_do_not_exist() {
    let w = World::new();
    let own = trace_of(&w, submit(&w, &w.branch, "ai@ngoai.vn")).await;
    let other = trace_of(&w, submit(&w, &w.nobody, "ai@ngoai.vn")).await;
    let seen = async |who: &directory::Access, query: &str| {
        let mut ids = w.get(who, &format!("trace{query}")).await.names("id");
        ids.sort();
        ids
    };
    let mut both = vec![own.clone(), other.clone()];
    both.sort();
    assert_eq!(seen(&w.root, "").await, both);
    assert_eq!(seen(&w.branch, "").await, [own.as_str()]);
    assert_eq!(seen(&w.auditor, "").await, [own.as_str()]);
    assert_eq!(seen(&w.nobody, "").await, [other.as_str()]);
    assert_eq!(
        seen(&w.nobody, "?recipient=ai@ngoai.vn").await,
        [other.as_str()]
    );
    assert!(seen(&w.root, "?mine=true").await.is_empty());
    check(&w.get(&w.branch, &format!("trace/{other}")).await, 404);
    check(&w.get(&w.nobody, &format!("trace/{own}")).await, 404);
    // Reading one's own is nobody's business; reading others' is in the audit log.
    let count = async || {
        let log = w.get(&w.root, "audit?act=trace.read").await;
        log.names("object")
    };
    check(&w.get(&w.nobody, &format!("trace/{other}")).await, 200);
    assert!(count().await.is_empty());
    check(&w.get(&w.root, &format!("trace/{other}")).await, 200);
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
    let told = w.get(&w.nobody, &format!("trace/{trace}")).await;
    check(&told, 200);
    assert_eq!(told.json["message"]["recipients"], json!(["nguoila@x.vn"]));
    let text = told.json.to_string();
    // Where its sender works and with what is for who looks after him.
    let origin = &told.json["message"]["origin"];
    assert_eq!(
        (&origin["account"], &origin["ip"], &origin["helo"]),
        (&json!(null), &json!(null), &json!(null))
    );
    assert_eq!(origin["kind"], "submitted");
    for secret in ["kiemtoan", "ngoai.vn", "\"by\":\"quantri"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    // What is done for others afterwards would tell that there are some.
    assert_eq!(told.json["events"].as_array().unwrap().len(), 2);
    let placed = &told.json["events"][1];
    assert_eq!(
        (&placed["kind"], &placed["recipients"]),
        (&json!("placed"), &json!(["nguoila@x.vn"]))
    );
    let whole = w.get(&w.root, &format!("trace/{trace}")).await;
    assert!(whole.json.to_string().contains("ai@ngoai.vn"));
    assert_eq!(
        whole.json["message"]["origin"]["account"],
        json!(w.id("quantri"))
    );
    // Nor does a search say whether somebody else got it.
    let message_id = whole.json["message"]["message_id"].as_str().unwrap();
    let message_id = message_id.trim_matches(['<', '>']);
    for (who, recipient, found) in [
        (&w.nobody, "nguoila@x.vn", true),
        (&w.nobody, "NguoiLa@x.vn", true),
        (&w.nobody, "kiemtoan@x.vn", false),
        (&w.nobody, "ai@ngoai.vn", false),
        (&w.nobody, "khac@ngoai.vn", false),
        (&w.root, "kiemtoan@x.vn", true),
        (&w.root, "ai@ngoai.vn", true),
    ] {
        for more in ["", "&mine=true"] {
            let query = format!("trace?message_id={message_id}&recipient={recipient}{more}");
            let answer = w.get(who, &query).await;
            check(&answer, 200);
            assert_eq!(!answer.names("id").is_empty(), found, "{query}");
        }
    }
}

#[tokio::test]
async fn members_see_what_concerns_their_seat() {
    let w = World::new();
    let seat =
        json!({"address": "vanthu@x.vn", "kind": "shared", "name": "Văn thư", "agency": "H99.1"});
    let made = w.post(&w.root, "accounts", seat).await;
    check(&made, 201);
    let member = format!("PUT accounts/{}/members/nguoila@x.vn", made.json["id"]);
    let join = w.with(&w.root, &member, &[], Some(json!({"rights": "lrswite"})));
    check(&join.await, 200);
    // To the seat and to somebody elsewhere: members hear of the seat.
    let id = crate::queue::submit_to(&w, &w.root, &["vanthu@x.vn", "ai@ngoai.vn"]);
    let to_seat = trace_of(&w, id).await;
    w.delivery.dispatch(w.now()).unwrap();
    let seen = w.get(&w.nobody, &format!("trace/{to_seat}")).await;
    check(&seen, 200);
    assert_eq!(seen.json["message"]["recipients"], json!(["vanthu@x.vn"]));
    assert_eq!(seen.json["message"]["state"], "placed");
    assert!(!seen.json.to_string().contains("ngoai.vn"));
    let query = "trace?message_id=thu@x.vn&mine=true";
    assert_eq!(
        w.get(&w.nobody, query).await.names("id"),
        [to_seat.as_str()]
    );
    // In the name of the seat, by another member: it is the seat's.
    let other = format!("PUT accounts/{}/members/kiemtoan@x.vn", made.json["id"]);
    let join = w.with(&w.root, &other, &[], Some(json!({"rights": "lrswite"})));
    check(&join.await, 200);
    let by_seat = crate::queue::submit_as(&w, &w.auditor, "vanthu@x.vn", &["ai@ngoai.vn"]);
    let by_seat = trace_of(&w, by_seat).await;
    let seen = w.get(&w.nobody, &format!("trace/{by_seat}")).await;
    check(&seen, 200);
    assert_eq!(seen.json["progress"][0]["recipient"], "ai@ngoai.vn");
    // Who is a member no more sees nothing of it.
    let off = format!("accounts/{}/members/nguoila@x.vn", made.json["id"]);
    check(&w.delete(&w.root, &off).await, 204);
    check(&w.get(&w.nobody, &format!("trace/{by_seat}")).await, 404);
    check(&w.get(&w.nobody, &format!("trace/{to_seat}")).await, 404);
    assert!(w.get(&w.nobody, query).await.names("id").is_empty());
}

#[tokio::test]
async fn who_administers_sees_his_own_as_its_sender() {
    let w = World::new();
    let recipients = ["kiemtoan@x.vn", "ai@ngoai.vn"];
    let id = crate::queue::submit_to(&w, &w.root, &recipients);
    let trace = trace_of(&w, id).await;
    let hold = format!("POST queue/{id}/hold");
    check(&w.with(&w.root, &hold, &[], None).await, 204);
    let by = |told: Value| {
        let events = told["events"].as_array().unwrap().clone();
        let act = events.into_iter().find(|event| event["kind"] == "act");
        act.unwrap()["by"].clone()
    };
    let own = w.get(&w.root, &format!("trace/{trace}?mine=true")).await;
    assert_eq!(by(own.json), Value::Null);
    let whole = w.get(&w.root, &format!("trace/{trace}")).await;
    assert_eq!(by(whole.json), "quantri@x.vn");
    let others = trace_of(&w, submit(&w, &w.nobody, "ai@ngoai.vn")).await;
    check(
        &w.get(&w.root, &format!("trace/{others}?mine=true")).await,
        404,
    );
    let own = w.get(&w.root, "trace?mine=true&message_id=thu@x.vn").await;
    assert_eq!(own.names("id"), [trace.as_str()]);
    assert_eq!(own.names("state"), ["held"]);
    let own = w.get(&w.root, "trace?mine=true&sender=quantri@x.vn").await;
    assert_eq!(own.names("id"), [trace.as_str()]);
    let log = w.get(&w.root, "audit?act=trace").await;
    assert!(
        log.names("act").is_empty(),
        "one's own is nobody's business"
    );
}

#[tokio::test]
async fn what_a_suspended_account_scheduled_says_why_it_is_held() {
    let w = World::new();
    let from = w.branch.address().to_string();
    let at = Some(w.now() + 60);
    let id = crate::queue::submit_for(&w, &w.branch, &from, &["ai@ngoai.vn"], at);
    let trace = trace_of(&w, id).await;
    let sending = format!("PUT accounts/{}/sending", w.id("quantri.nhanh"));
    let suspended = Some(json!({"suspended": true}));
    check(&w.with(&w.root, &sending, &[], suspended).await, 200);
    w.turn(60);
    w.delivery.dispatch(w.now()).unwrap();
    let told = w.get(&w.root, &format!("trace/{trace}")).await.json;
    let one = &told["progress"][0];
    assert_eq!(one["state"], "held");
    let meaning = one["meaning"].as_str().unwrap();
    assert!(meaning.contains("tạm ngưng"), "{one}");
    let act = told["events"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&act["act"], &act["by"]),
        (&json!("queue.keep_suspended"), &Value::Null)
    );
}

#[tokio::test]
async fn who_is_given_an_address_sees_nothing_of_what_went_from_it_before() {
    let w = World::new();
    let whose = w.directory.account_at(&address("quantri.nhanh")).unwrap();
    let taker = w.nobody.account();
    let alias = address("song");
    w.directory
        .create_alias(None, alias.clone(), whose.id)
        .unwrap();
    let from = alias.to_string();
    let id = crate::queue::submit_for(&w, &w.branch, &from, &["ai@ngoai.vn"], None);
    let trace = trace_of(&w, id).await;
    let path = format!("trace/{trace}");
    check(&w.get(&w.nobody, &path).await, 404);
    let mut moved = w.directory.alias(&alias).unwrap();
    moved.account = taker;
    w.directory.change_alias(None, moved, None).unwrap();
    check(&w.get(&w.nobody, &path).await, 404);
    let found = w.get(&w.nobody, "trace?message_id=thu@x.vn").await;
    assert!(found.names("id").is_empty());
    check(&w.get(&w.branch, &path).await, 200);
}
