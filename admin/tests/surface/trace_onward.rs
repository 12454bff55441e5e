//! Timelines of mail that goes on: who lets it go on sees that, and so does who administers him.

use crate::queue::submit_to;
use crate::world::*;
use serde_json::json;

/// Lets the mail of `kiemtoan` go on to there.
async fn go_on(w: &World, to: &str, keep: bool) {
    let id = w.id("kiemtoan");
    let agency = w.get(&w.root, &format!("accounts/{id}")).await.json["agency"].clone();
    let line = format!("PUT agencies/{}/forwarding", agency.as_str().unwrap());
    let let_out = Some(json!({"outside": true}));
    check(&w.with(&w.root, &line, &[], let_out).await, 200);
    let line = format!("PUT accounts/{id}/forwarding");
    let body = Some(json!({"to": [to], "keep": keep}));
    check(&w.with(&w.root, &line, &[], body).await, 200);
}

#[tokio::test]
async fn i17_what_goes_on_without_a_copy_is_seen_from_the_side_of_its_recipient() {
    let w = World::new();
    go_on(&w, "ai@ngoai.vn", false).await;
    let id = submit_to(&w, &w.nobody, &["kiemtoan@x.vn"]);
    let item = w.get(&w.root, &format!("queue/{id}")).await;
    let trace = item.json["trace"].as_str().unwrap().to_owned();
    w.delivery.dispatch(w.now()).unwrap();
    let finds = async |who, query: &str| {
        let found = w.get(who, &format!("trace?{query}")).await;
        check(&found, 200);
        found.names("id").contains(&trace)
    };
    // He himself, who administers his agency, and who sees the whole.
    for who in [&w.auditor, &w.branch, &w.root] {
        assert!(finds(who, "recipient=kiemtoan@x.vn").await);
        let told = w.get(who, &format!("trace/{trace}")).await;
        check(&told, 200);
        assert_eq!(told.json["message"]["recipients"], json!(["kiemtoan@x.vn"]));
        assert_eq!(told.json["progress"][0]["state"], "waiting");
        // To where it goes is his own affair, and he knows it.
        let tried = told.json["events"].to_string();
        assert!(tried.contains("ai@ngoai.vn"), "{tried}");
        assert!(finds(who, "recipient=ai@ngoai.vn").await);
    }
    assert!(finds(&w.auditor, "mine=true").await);
    // Its sender learns nothing of that.
    assert!(finds(&w.nobody, "recipient=kiemtoan@x.vn").await);
    assert!(!finds(&w.nobody, "recipient=ai@ngoai.vn").await);
    let told = w.get(&w.nobody, &format!("trace/{trace}")).await;
    assert!(!told.json.to_string().contains("ngoai.vn"), "{}", told.json);
    // While it waits, in the queue.
    for who in [&w.branch, &w.root] {
        for query in ["recipient=KiemToan@x.vn", "recipient=ai@ngoai.vn"] {
            let waits = w.get(who, &format!("queue?{query}")).await;
            assert_eq!(waits.json["items"].as_array().unwrap().len(), 1, "{query}");
        }
    }
    // Another's waits beside it: then it is theirs no more.
    submit_to(&w, &w.nobody, &["kiemtoan@x.vn", "khac@ngoai.vn"]);
    let waits = w.get(&w.branch, "queue?recipient=kiemtoan@x.vn").await;
    assert_eq!(waits.json["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn its_sender_is_told_that_it_went_on_and_not_that_it_lies_in_the_mailbox() {
    let w = World::new();
    let kinds = async |who, trace: &str| {
        let told = w.get(who, &format!("trace/{trace}")).await;
        check(&told, 200);
        let events = told.json["events"].as_array().unwrap().clone();
        let one = |e: &serde_json::Value| format!("{} {}", e["kind"], e["recipients"]);
        let told = told.json["progress"][0]["state"].clone();
        let events: Vec<String> = events.iter().map(one).collect();
        (told, events.join(", "))
    };
    let send = async || {
        // Beside somebody elsewhere: only what waits has a number.
        let id = submit_to(&w, &w.nobody, &["kiemtoan@x.vn", "ai@ngoai.vn"]);
        let item = w.get(&w.root, &format!("queue/{id}")).await;
        w.delivery.dispatch(w.now()).unwrap();
        item.json["trace"].as_str().unwrap().to_owned()
    };
    let admin = w.branch.address().to_string();
    go_on(&w, &admin, false).await;
    let trace = send().await;
    let (state, events) = kinds(&w.nobody, &trace).await;
    assert_eq!(state, "sent_on");
    assert!(
        events.contains("\"sent_on\" [\"kiemtoan@x.vn\"]"),
        "{events}"
    );
    assert!(
        !events.contains(&admin) && !events.contains("placed"),
        "{events}"
    );
    let (state, events) = kinds(&w.auditor, &trace).await;
    assert_eq!(state, "sent_on");
    assert!(
        events.contains(&format!("\"placed\" [\"{admin}\"]")),
        "{events}"
    );
    assert!(!events.contains("ngoai.vn"), "{events}");
    // He to whom it went on has it in his own.
    let (state, events) = kinds(&w.branch, &format!("{trace}?mine=true")).await;
    assert_eq!(state, "placed", "{events}");
    go_on(&w, &admin, true).await;
    let trace = send().await;
    let (state, events) = kinds(&w.nobody, &trace).await;
    assert_eq!(state, "placed");
    assert!(
        events.contains("\"placed\" [\"kiemtoan@x.vn\"]"),
        "{events}"
    );
    assert!(
        !events.contains(&admin) && !events.contains("sent_on"),
        "{events}"
    );
}
