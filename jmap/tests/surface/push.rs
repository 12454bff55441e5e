//! RFC 8620 §7.3: event streams.

use crate::house::{House, get, letter};
use axum::response::Response;
use http::StatusCode;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

async fn open(house: &House, query: &str, last: Option<&str>) -> Response {
    let mut request = get(&format!("/jmap/eventsource/?{query}"));
    if let Some(last) = last {
        request
            .headers_mut()
            .insert("last-event-id", last.parse().unwrap());
    }
    let response = house.open(Some(&house.an), request).await;
    assert_eq!(response.status(), StatusCode::OK);
    response
}

/// The next event; `None` when the stream ended.
async fn next(stream: &mut Response) -> Option<String> {
    let frame = tokio::time::timeout(PATIENCE, stream.body_mut().frame())
        .await
        .unwrap();
    let data = frame?.unwrap().into_data().unwrap();
    Some(String::from_utf8(data.to_vec()).unwrap())
}

fn states(house: &House, event: &str) -> Value {
    let data = event
        .lines()
        .find_map(|l| l.strip_prefix("data: "))
        .unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["@type"], "StateChange");
    assert!(
        event.contains("event: state\n") && event.ends_with("\n\n"),
        "{event}"
    );
    data["changed"][house.account()].clone()
}

#[tokio::test]
async fn mail_and_flags_are_pushed() {
    let house = House::new();
    let mut all = open(&house, "types=*&closeafter=no&ping=0", None).await;
    assert_eq!(all.headers()["content-type"], "text/event-stream");
    let mut arrivals = open(&house, "types=EmailDelivery&closeafter=state&ping=0", None).await;
    assert!(next(&mut all).await.unwrap().starts_with(':'));
    next(&mut arrivals).await.unwrap();
    let id = house.put(&letter("x@x.vn", "mới", "a"));
    let state = house.call("Email/get", json!({"ids": []})).await["state"].clone();
    let event = next(&mut all).await.unwrap();
    let quota = house.call("Quota/get", json!({"ids": []})).await["state"].clone();
    let expected = json!({
        "Email": state, "EmailDelivery": state, "Mailbox": state, "Quota": quota, "Thread": state,
    });
    assert_eq!(states(&house, &event), expected);
    assert!(event.contains(&format!("id: {}\n", state.as_str().unwrap())));
    let event = next(&mut arrivals).await.unwrap();
    assert_eq!(states(&house, &event), json!({"EmailDelivery": state}));
    assert_eq!(next(&mut arrivals).await, None, "closeafter=state");
    house
        .call(
            "Email/set",
            json!({"update": {id.as_str(): {"keywords/$flagged": true}}}),
        )
        .await;
    let event = next(&mut all).await.unwrap();
    let changed = states(&house, &event);
    assert!(
        changed.get("Email").is_some() && changed.get("EmailDelivery").is_none(),
        "{changed}"
    );
}

#[tokio::test]
async fn a_message_marked_deleted_is_told_to_its_thread() {
    let house = House::new();
    let id = house.put(&letter("x@x.vn", "thư", "a"));
    let mut stream = open(&house, "types=Thread&closeafter=no&ping=0", None).await;
    next(&mut stream).await.unwrap();
    let mail = house.store.account(house.an.account());
    let deleted = storage::KeywordChange::Add(vec![storage::Keyword::new("$deleted").unwrap()]);
    let mut writer = mail.write().unwrap();
    let email = storage::EmailId::new(id[1..].parse().unwrap()).unwrap();
    writer.keywords(email, &deleted).unwrap();
    writer.commit().unwrap();
    let event = next(&mut stream).await.unwrap();
    assert!(states(&house, &event).get("Thread").is_some(), "{event}");
}

#[tokio::test]
async fn a_burst_is_one_event_and_a_missed_one_is_told_at_once() {
    let house = House::new();
    let before = house.call("Email/get", json!({"ids": []})).await["state"].clone();
    let mut stream = open(&house, "types=Email&closeafter=no&ping=0", None).await;
    next(&mut stream).await.unwrap();
    for n in 0..10 {
        house.put(&letter("x@x.vn", "loạt", &n.to_string()));
    }
    let now = house.call("Email/get", json!({"ids": []})).await["state"].clone();
    let event = next(&mut stream).await.unwrap();
    assert_eq!(states(&house, &event)["Email"], now);
    let query = "types=*&closeafter=state&ping=0";
    let mut late = open(&house, query, before.as_str()).await;
    next(&mut late).await.unwrap();
    let event = next(&mut late).await.unwrap();
    assert_eq!(states(&house, &event)["Email"], now);
}

/// RFC 8621 §1.5: any of its types; RFC 9425 §6: quotas.
#[tokio::test]
async fn what_stands_beside_mail_is_pushed_when_it_changes() {
    let house = House::new();
    let state = async |name: &str| {
        let got = house.call(&format!("{name}/get"), json!({"ids": []})).await;
        got["state"].clone()
    };
    let types = "Identity,Quota,EmailSubmission,VacationResponse";
    let query = format!("types={types}&closeafter=no&ping=0");
    let before = state("Email").await;
    let mut stream = open(&house, &query, None).await;
    next(&mut stream).await.unwrap();
    let away = json!({"update": {"singleton": {"isEnabled": true, "textBody": "Tôi nghỉ."}}});
    house.call("VacationResponse/set", away).await;
    let event = next(&mut stream).await.unwrap();
    let expected = json!({"VacationResponse": state("VacationResponse").await});
    assert_eq!(states(&house, &event), expected);

    let alias = formats::address::Address::parse("vanthu@tinh.gov.vn").unwrap();
    let (an, directory) = (house.an.account(), &house.directory);
    directory.create_alias(None, alias.clone(), an).unwrap();
    let event = next(&mut stream).await.unwrap();
    let known = state("Identity").await;
    assert_eq!(states(&house, &event), json!({"Identity": known}));
    directory.delete_alias(None, &alias, None).unwrap();
    let event = next(&mut stream).await.unwrap();
    assert_ne!(states(&house, &event)["Identity"], known);

    let mut account = directory.account(an).unwrap();
    account.quota = Some(9 << 20);
    directory.change_account(None, account, None).unwrap();
    let event = next(&mut stream).await.unwrap();
    assert_eq!(
        states(&house, &event),
        json!({"Quota": state("Quota").await})
    );

    let email = house.put(&letter("annv@tinh.gov.vn", "gửi sau", "a"));
    next(&mut stream).await.unwrap();
    let all = house.call("Identity/get", json!({"ids": null})).await;
    let hold = json!({"HOLDUNTIL": "2026-11-23T00:00:00Z"});
    let new = json!({"identityId": all["list"][0]["id"], "emailId": email, "envelope": {
        "mailFrom": {"email": "annv@tinh.gov.vn", "parameters": hold},
        "rcptTo": [{"email": "binhtt@tinh.gov.vn"}],
    }});
    let set = json!({"create": {"s": new}});
    let set = house.call("EmailSubmission/set", set).await;
    let event = next(&mut stream).await.unwrap();
    assert_eq!(
        states(&house, &event),
        json!({"EmailSubmission": set["newState"]})
    );
    let id = set["created"]["s"]["id"].as_str().unwrap();
    let back = json!({"update": {id: {"undoStatus": "canceled"}}});
    let set = house.call("EmailSubmission/set", back).await;
    let event = next(&mut stream).await.unwrap();
    assert_eq!(
        states(&house, &event),
        json!({"EmailSubmission": set["newState"]})
    );

    // Who comes back is told how they stand.
    let mut late = open(&house, &query, before.as_str()).await;
    next(&mut late).await.unwrap();
    let event = next(&mut late).await.unwrap();
    let told = states(&house, &event);
    for name in types.split(',') {
        assert_eq!(told[name], state(name).await, "{name}");
    }
}

/// Who sends in the name of a seat has its addresses among his own.
#[tokio::test]
async fn an_address_of_a_seat_is_told_to_who_holds_it() {
    let house = House::new();
    let (an, directory) = (house.an.account(), &house.directory);
    let address = |text: &str| formats::address::Address::parse(text).unwrap();
    let seat = directory::NewAccount {
        address: address("vanthu@tinh.gov.vn"),
        kind: directory::AccountKind::Shared,
        agency: directory::AgencyId("H99".into()),
        name: "Văn thư".into(),
        position: None,
        quota: None,
        messages_max: None,
    };
    let seat = directory.create_account(None, seat).unwrap().id;
    let holder = directory::Rights::parse("lrswite").unwrap();
    directory.set_member(None, seat, an, holder, None).unwrap();
    let mut stream = open(&house, "types=Identity&closeafter=no&ping=0", None).await;
    next(&mut stream).await.unwrap();
    directory
        .create_alias(None, address("congvan@tinh.gov.vn"), seat)
        .unwrap();
    let event = next(&mut stream).await.unwrap();
    let own = house.call("Identity/get", json!({"ids": []})).await;
    assert_eq!(states(&house, &event)["Identity"], own["state"]);
}

/// A table that cannot be read keeps nobody from hearing of mail.
#[tokio::test]
async fn a_type_whose_state_cannot_be_told_is_left_out() {
    let house = House::new();
    let mut key = house.an.account().raw().to_be_bytes().to_vec();
    key.extend(1_u64.to_be_bytes());
    let row = storage::RowChange {
        table: "delivery.later",
        key,
        value: Some(b"?".to_vec()),
    };
    house.store.commit_rows(vec![row]).unwrap();
    for types in ["*", "Email,EmailSubmission"] {
        let query = format!("types={types}&closeafter=no&ping=0");
        let mut stream = open(&house, &query, None).await;
        next(&mut stream).await.unwrap();
        house.put(&letter("x@x.vn", "mới", "a"));
        let event = next(&mut stream).await.unwrap();
        let told = states(&house, &event);
        assert!(told["Email"].is_string(), "{told}");
        assert_eq!(told.get("EmailSubmission"), None);
    }
}

/// RFC 8887 §4.3.5.2, and the same of streams: nothing can be told from such a state, so everything is.
#[tokio::test]
async fn to_who_brings_a_state_that_is_none_everything_is_told() {
    let house = House::new();
    house.put(&letter("x@x.vn", "có từ trước", "a"));
    let now = house.call("Email/get", json!({"ids": []})).await["state"].clone();
    for last in ["rác", "999999999", "0"] {
        let mut stream = open(
            &house,
            "types=Email,Mailbox&closeafter=no&ping=0",
            Some(last),
        )
        .await;
        next(&mut stream).await.unwrap();
        let event = next(&mut stream).await.unwrap();
        assert_eq!(
            states(&house, &event),
            json!({"Email": now, "Mailbox": now}),
            "{last}"
        );
    }
}

#[tokio::test]
async fn i17_the_mail_of_others_wakes_nobody() {
    let house = House::new();
    let mut stream = open(&house, "types=*&closeafter=no&ping=0", None).await;
    next(&mut stream).await.unwrap();
    house.put_for(&house.binh, &letter("x@x.vn", "của chị", "a"), 0, &[]);
    let woken = tokio::time::timeout(Duration::from_millis(600), stream.body_mut().frame()).await;
    assert!(woken.is_err(), "{woken:?}");
}

#[tokio::test]
async fn pings_come_in_time() {
    let house = House::new();
    let mut stream = open(&house, "types=*&closeafter=no&ping=1", None).await;
    next(&mut stream).await.unwrap();
    let event = next(&mut stream).await.unwrap();
    assert_eq!(event, "event: ping\ndata: {\"interval\":1}\n\n");
}

#[tokio::test]
async fn pings_come_while_other_things_change() {
    let house = House::new();
    let mut stream = open(&house, "types=Identity&closeafter=no&ping=1", None).await;
    next(&mut stream).await.unwrap();
    let busy = async {
        loop {
            house.put(&letter("x@x.vn", "loạt", "a"));
            tokio::task::yield_now().await;
        }
    };
    // A change stands by whenever the stream has looked at the last one.
    tokio::select! {
        biased;
        () = busy => {}
        () = tokio::time::sleep(Duration::from_secs(10)) => panic!("no ping"),
        event = next(&mut stream) => assert!(event.unwrap().starts_with("event: ping\n")),
    }
}

#[tokio::test]
async fn i13_streams_of_one_account_are_bounded() {
    let house = House::new();
    let query = "types=*&closeafter=no&ping=0";
    let mut held = Vec::new();
    for _ in 0..jmap::limit::STREAMS_MAX {
        held.push(open(&house, query, None).await);
    }
    let path = format!("/jmap/eventsource/?{query}");
    let answer = house.get(&house.an, &path).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    held.pop();
    held.push(open(&house, query, None).await);
    for bad in [
        "types=*&closeafter=x&ping=0",
        "types=*&closeafter=no&ping=x",
    ] {
        let answer = house
            .get(&house.binh, &format!("/jmap/eventsource/?{bad}"))
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bad}");
    }
}

#[tokio::test]
async fn a_suspended_account_hears_no_more() {
    let house = House::new();
    let mut stream = open(&house, "types=*&closeafter=no&ping=0", None).await;
    next(&mut stream).await.unwrap();
    let mut account = house.directory.account(house.an.account()).unwrap();
    account.state = directory::AccountState::Suspended;
    house.directory.change_account(None, account, None).unwrap();
    house.put(&letter("x@x.vn", "mới", "a"));
    assert_eq!(next(&mut stream).await, None);
}
