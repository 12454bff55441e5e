//! One message whose content rotted on the disk: its page is given, and it says what it cannot give.

use crate::house::{House, RICH, letter};
use http::StatusCode;
use serde_json::{Value, json};

/// Three messages, of which the second is damaged.
fn house(damaged: &[u8]) -> (House, [String; 3]) {
    let house = House::new();
    let first = house.put(&letter("a@x.vn", "mot", "alpha"));
    let second = house.put(damaged);
    house.rot_last();
    let third = house.put(&letter("c@x.vn", "ba", "beta"));
    (house, [first, second, third])
}

#[tokio::test]
async fn a_page_is_given_with_what_is_known_of_it() {
    let (house, ids) = house(&letter("b@x.vn", "hai", "beta gamma"));
    let arguments = json!({
        "ids": ids, "fetchAllBodyValues": true,
        "properties": ["subject", "from", "preview", "bodyValues", "textBody", "header:X-None"],
    });
    let got = house.call("Email/get", arguments).await;
    assert_eq!(got["notFound"], json!([]));
    let list = got["list"].as_array().unwrap();
    let value = |at: usize| list[at]["bodyValues"]["1"].clone();
    assert_eq!(value(0)["value"], "alpha\n");
    assert_eq!(value(2)["value"], "beta\n");
    assert_eq!(list[1]["subject"], "hai");
    assert_eq!(list[1]["preview"], "beta gamma");
    assert_eq!(
        value(1),
        json!({"value": "", "isEncodingProblem": true, "isTruncated": true})
    );
    assert_eq!(list[1]["textBody"][0]["size"], "beta gamma\r\n".len());
}

/// RFC 9404 §4.2: a size alone is told without reading.
#[tokio::test]
async fn how_long_it_is_is_known_without_reading() {
    let raw = letter("b@x.vn", "hai", "beta gamma");
    let (house, ids) = house(&raw);
    let size = json!({"ids": [ids[1]], "properties": ["size"]});
    let got = house.call("Blob/get", size).await;
    assert_eq!(got["list"], json!([{"id": ids[1], "size": raw.len()}]));
    let behind = json!({"ids": [ids[1]], "properties": ["id"], "offset": raw.len() + 1});
    let got = house.call("Blob/get", behind).await;
    assert_eq!(got["list"], json!([{"id": ids[1], "isTruncated": true}]));
    let digest = json!({"ids": [ids[1]], "properties": ["digest:sha"]});
    assert_eq!(house.refusal("Blob/get", digest).await, "serverFail");
    let none = json!({"ids": ["e99"], "properties": ["size"]});
    let got = house.call("Blob/get", none).await;
    assert_eq!(got["notFound"], json!(["e99"]));
}

#[tokio::test]
async fn searches_go_on_over_the_rest() {
    let (house, ids) = house(&letter("b@x.vn", "hai", "beta gamma"));
    let found = async |filter: Value| {
        let got = house.call("Email/query", json!({"filter": filter})).await;
        let mut ids: Vec<String> = serde_json::from_value(got["ids"].clone()).unwrap();
        ids.sort_unstable();
        ids
    };
    assert_eq!(found(json!({"body": "beta"})).await, [ids[2].clone()]);
    assert_eq!(found(json!({"text": "hai"})).await, [ids[1].clone()]);
    assert_eq!(found(json!({"text": "beta"})).await, [ids[2].clone()]);
    let arguments = json!({"filter": {"text": "beta"}, "emailIds": ids});
    let got = house.call("SearchSnippet/get", arguments).await;
    assert_eq!(got["list"][1]["preview"], Value::Null);
    assert_eq!(got["list"][2]["preview"], "<mark>beta</mark>");
}

#[tokio::test]
async fn what_needs_the_content_says_that_it_is_damaged() {
    let (house, ids) = house(RICH);
    let account = house.account();
    for path in [
        format!("/jmap/download/{account}/{}/letter.eml", ids[1]),
        format!("/mail/cid/{account}/{}/logo%40x.vn", ids[1]),
    ] {
        let answer = house.get(&house.an, &path).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        let problem = answer.json();
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains("đã hỏng") && detail.contains("is damaged"),
            "{detail}"
        );
        assert!(!detail.contains("pack"), "{detail}");
    }
    // The reader's page shows a letter as a document of its own.
    let answer = house
        .get(&house.an, &format!("/mail/html/{account}/{}", ids[1]))
        .await;
    let html = answer.text();
    assert_eq!(answer.status, StatusCode::OK);
    assert!(
        html.contains("đã hỏng trên máy chủ") && html.contains("is damaged on the server"),
        "{html}"
    );
    assert!(html.contains("<title>Công văn số 1</title>"), "{html}");
    let mark = "<meta name=\"congvu-damaged\" content=\"1\">";
    assert!(html.contains(mark), "{html}");
    let sound = format!("/mail/html/{account}/{}", ids[0]);
    let sound = house.get(&house.an, &sound).await.text();
    assert!(!sound.contains("congvu-damaged"), "{sound}");
    let parse = json!({"blobIds": [ids[1], ids[0]]});
    let got = house.call("Email/parse", parse).await;
    assert_eq!(got["notParsable"], json!([ids[1]]));
    assert_eq!(got["parsed"][&ids[0]]["subject"], "mot");
}
