//! RFC 8620 §3: requests, their limits, references between calls.

use crate::house::{House, api_text, letter};
use http::StatusCode;
use serde_json::{Value, json};

const CORE: &str = "urn:ietf:params:jmap:core";

async fn check(house: &House, body: &str, kind: &str, limit: Option<&str>) {
    let answer = house.ask(Some(&house.an), api_text(body.to_owned())).await;
    assert!(
        answer.status.is_client_error(),
        "{body:.80}: {}",
        answer.status
    );
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = answer.json();
    let expected = format!("urn:ietf:params:jmap:error:{kind}");
    assert_eq!(problem["type"], json!(expected), "{body:.80}");
    assert_eq!(problem["limit"], json!(limit), "{body:.80}");
}

#[tokio::test]
async fn malformed_requests() {
    let house = House::new();
    check(&house, "", "notJSON", None).await;
    check(&house, "{\"using\":", "notJSON", None).await;
    check(&house, &"[".repeat(5000), "notJSON", None).await;
    let twice = format!("{{\"using\":[\"{CORE}\"],\"using\":[],\"methodCalls\":[]}}");
    check(&house, &twice, "notJSON", None).await;
    check(&house, "[]", "notRequest", None).await;
    check(&house, "{\"using\":[]}", "notRequest", None).await;
    let calls = |calls: Value| json!({"using": [CORE], "methodCalls": calls}).to_string();
    check(
        &house,
        &calls(json!([["Core/echo", {}]])),
        "notRequest",
        None,
    )
    .await;
    check(
        &house,
        &calls(json!([["Core/echo", [], "c"]])),
        "notRequest",
        None,
    )
    .await;
    let many: Vec<Value> = (0..17).map(|_| json!(["Core/echo", {}, "c"])).collect();
    check(
        &house,
        &calls(many.into()),
        "limit",
        Some("maxCallsInRequest"),
    )
    .await;
    let unknown = json!({"using": ["urn:x"], "methodCalls": []}).to_string();
    check(&house, &unknown, "unknownCapability", None).await;
    let long = format!("{{\"x\":\"{}\"}}", "a".repeat(10_000_000));
    check(&house, &long, "limit", Some("maxSizeRequest")).await;
}

#[tokio::test]
async fn method_errors_do_not_stop_the_request() {
    let house = House::new();
    let response = house
        .calls(
            &house.an,
            json!([
                ["Nothing/get", {}, "a"],
                ["Email/get", {"accountId": house.account()}, "b"],
                ["Email/get", {"accountId": house.account(), "ids": [], "bogus": 1}, "c"],
                ["Email/get", {"accountId": house.account(), "ids": "e1"}, "d"],
                ["Email/get", {"ids": []}, "e"],
                ["Core/echo", {"last": true}, "f"],
            ]),
        )
        .await;
    let types: Vec<&Value> = response["methodResponses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| {
            if r[0] == "error" {
                &r[1]["type"]
            } else {
                &r[0]
            }
        })
        .collect();
    let invalid = "invalidArguments";
    assert_eq!(
        types,
        [
            "unknownMethod",
            "Email/get",
            invalid,
            invalid,
            invalid,
            "Core/echo"
        ]
    );
    let without_mail = json!({"using": [CORE], "methodCalls": [["Mailbox/get", {}, "c"]]});
    let answer = house
        .ask(Some(&house.an), api_text(without_mail.to_string()))
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.json()["methodResponses"][0][1]["type"],
        "unknownMethod"
    );
}

#[tokio::test]
async fn results_feed_later_calls() {
    let house = House::new();
    let email = house.put(&letter("x@x.vn", "chào", "a"));
    let account = house.account();
    let response = house
        .calls(
            &house.an,
            json!([
                ["Email/query", {"accountId": account}, "0"],
                ["Email/get", {
                    "accountId": account,
                    "#ids": {"resultOf": "0", "name": "Email/query", "path": "/ids"},
                    "properties": ["threadId"],
                }, "1"],
                ["Thread/get", {
                    "accountId": account,
                    "#ids": {"resultOf": "1", "name": "Email/get", "path": "/list/*/threadId"},
                }, "2"],
                ["Email/get", {
                    "accountId": account,
                    "#ids": {"resultOf": "2", "name": "Email/get", "path": "/list"},
                }, "3"],
            ]),
        )
        .await;
    let responses = &response["methodResponses"];
    assert_eq!(responses[2][1]["list"][0]["emailIds"], json!([email]));
    assert_eq!(responses[3][1]["type"], "invalidResultReference");
    assert!(response.get("createdIds").is_none());
}

#[tokio::test]
async fn creation_ids_cross_calls_and_come_back() {
    let house = House::new();
    let account = house.account();
    let request = json!({
        "using": [CORE, "urn:ietf:params:jmap:mail"],
        "createdIds": {"old": "m77"},
        "methodCalls": [
            ["Mailbox/set", {"accountId": account, "create": {
                "b": {"name": "Con", "parentId": "#a"},
                "a": {"name": "Cha"},
            }}, "0"],
            ["Email/set", {"accountId": account, "create": {
                "k": {"mailboxIds": {"#b": true}, "subject": "nháp"},
            }}, "1"],
            ["Email/set", {"accountId": account, "update": {"#k": {"keywords/$draft": true}}}, "2"],
        ],
    });
    let response = house
        .ask(Some(&house.an), api_text(request.to_string()))
        .await
        .json();
    let created = &response["createdIds"];
    assert_eq!(created["old"], "m77");
    let email = created["k"].as_str().unwrap();
    let updated = &response["methodResponses"][2][1]["updated"];
    assert!(
        updated.as_object().unwrap().contains_key(email),
        "{response}"
    );
    let got = house.call("Email/get", json!({"ids": [email]})).await;
    assert_eq!(
        got["list"][0]["mailboxIds"],
        json!({created["b"].as_str().unwrap(): true})
    );
    assert_eq!(got["list"][0]["keywords"], json!({"$draft": true}));
}

#[tokio::test]
async fn i13_get_and_set_are_bounded() {
    let house = House::new();
    let ids: Vec<String> = (1..=501).map(|n| format!("e{n}")).collect();
    assert_eq!(
        house.refusal("Email/get", json!({"ids": ids})).await,
        "requestTooLarge"
    );
    assert_eq!(
        house.refusal("Email/set", json!({"destroy": ids})).await,
        "requestTooLarge"
    );
    let stale = json!({"ifInState": "999", "destroy": []});
    assert_eq!(
        house.refusal("Email/set", stale.clone()).await,
        "stateMismatch"
    );
    assert_eq!(house.refusal("Mailbox/set", stale).await, "stateMismatch");
}
