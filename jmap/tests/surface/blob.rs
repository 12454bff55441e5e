//! RFC 9404: blobs made of pieces, read in pieces, and what has them.

use crate::house::{House, RICH, SIZE_MAX};
use crate::shared::{ask, give, refused};
use serde_json::{Value, json};
use storage::Role;

async fn upload(house: &House, create: Value) -> Value {
    house.call("Blob/upload", json!({"create": create})).await
}

/// Makes a blob of a text; its id.
async fn text(house: &House, text: &str) -> String {
    let made = upload(house, json!({"k": {"data": [{"data:asText": text}]}})).await;
    made["created"]["k"]["id"].as_str().unwrap().to_owned()
}

async fn get(house: &House, arguments: Value) -> Value {
    house.call("Blob/get", arguments).await
}

#[tokio::test]
async fn blobs_are_made_of_texts_base64_and_pieces() {
    let house = House::new();
    let fox = text(&house, "The quick brown fox jumped over the lazy dog.").await;
    let made = upload(&house, json!({
        "b": {"data": [{"blobId": fox, "offset": 4, "length": 6}, {"data:asText": "chó "}, {"data:asBase64": "xJHhurlw"},
            {"blobId": "#a"}], "type": "text/plain"},
        "a": {"data": [{"blobId": fox, "offset": 40, "length": null}]},
        "empty": {"data": []},
    }))
    .await;
    assert_eq!(made["notCreated"], Value::Null);
    assert_eq!(
        (&made["created"]["b"]["type"], &made["created"]["a"]["type"]),
        (&json!("text/plain"), &Value::Null)
    );
    assert_eq!(made["created"]["a"]["size"], 5);
    let id = made["created"]["b"]["id"].clone();
    let got = get(
        &house,
        json!({"ids": [id, made["created"]["empty"]["id"], "u00"]}),
    )
    .await;
    assert_eq!(
        got["list"][0],
        json!({"id": id, "data:asText": "quick chó đẹp dog.", "size": 22})
    );
    assert_eq!(
        (&got["list"][1]["size"], &got["notFound"]),
        (&json!(0), &json!(["u00"]))
    );
    // The same octets by download, and by a later call of the same request.
    let path = format!(
        "/jmap/download/{}/{}/a?type=text/plain",
        house.account(),
        id.as_str().unwrap()
    );
    assert_eq!(
        house.get(&house.an, &path).await.text(),
        "quick chó đẹp dog."
    );
    let account = house.account();
    let calls = json!([
        ["Blob/upload", {"accountId": account, "create": {"k": {"data": [{"data:asText": "a"}]}}}, "0"],
        ["Blob/get", {"accountId": account, "ids": ["#k"]}, "1"],
    ]);
    let response = house.calls(&house.an, calls).await;
    assert_eq!(
        response["methodResponses"][1][1]["list"][0]["data:asText"],
        "a"
    );
    // A part of a letter is a blob like others.
    let email = house.put(RICH);
    let part = json!({"k": {"data": [{"blobId": format!("{email}-2"), "length": 4}]}});
    let made = upload(&house, part).await;
    let got = get(&house, json!({"ids": [made["created"]["k"]["id"]]})).await;
    assert_eq!(got["list"][0]["data:asText"], "%PDF");
}

#[tokio::test]
async fn what_cannot_be_made_is_refused_by_itself() {
    let house = House::new();
    let blob = text(&house, "0123456789").await;
    let check = async |data: Value, kind: &str| {
        let made = upload(&house, json!({"good": {"data": []}, "bad": {"data": data}})).await;
        assert_eq!(made["notCreated"]["bad"]["type"], kind, "{data}: {made}");
        assert_eq!(made["created"]["good"]["size"], 0);
        made["notCreated"]["bad"].clone()
    };
    for data in [
        json!(null),
        json!("a"),
        json!({}),
        json!([null]),
        json!([{}]),
        json!([{"data:asText": 1}]),
        json!([{"data:asText": "a", "data:asBase64": "YQ=="}]),
        json!([{"data:asText": "a", "offset": 0}]),
        json!([{"data:asBase64": "%%%"}]),
        json!([{"data:asBase64": "YQ"}]),
        json!([{"bogus": 1}]),
        json!([{"blobId": blob, "offset": -1}]),
        json!([{"blobId": blob, "offset": 11}]),
        json!([{"blobId": blob, "offset": 4, "length": 7}]),
        json!([{"blobId": blob, "length": u64::MAX}]),
        json!([{"blobId": blob, "offset": u64::MAX, "length": u64::MAX}]),
        json!([{"blobId": 7}]),
    ] {
        check(data, "invalidProperties").await;
    }
    let missing = check(
        json!([{"blobId": "#x"}, {"blobId": blob}, {"blobId": "e9"}]),
        "blobNotFound",
    )
    .await;
    assert_eq!(missing["notFound"], json!(["#x", "e9"]));
    let sources: Vec<Value> = (0..65).map(|_| json!({"data:asText": "a"})).collect();
    check(json!(sources), "tooLarge").await;
    let fits = upload(&house, json!({"k": {"data": sources[..64]}})).await;
    assert_eq!(fits["created"]["k"]["size"], 64);
}

#[tokio::test]
async fn limits_hold_before_the_work() {
    let house = House::new();
    let half = "a".repeat(SIZE_MAX as usize / 2 + 1);
    let blob = text(&house, &half).await;
    let pieces = json!([{"blobId": blob}, {"blobId": blob}]);
    let made = upload(&house, json!({"k": {"data": pieces}})).await;
    assert_eq!(made["notCreated"]["k"]["type"], "tooLarge");
    assert_eq!(made["notCreated"]["k"]["maxSize"], SIZE_MAX);
    let many: serde_json::Map<String, Value> = (0..501)
        .map(|n| (format!("k{n}"), json!({"data": []})))
        .collect();
    assert_eq!(
        house.refusal("Blob/upload", json!({"create": many})).await,
        "requestTooLarge"
    );
    let ids: Vec<String> = (0..501).map(|n| format!("e{n}")).collect();
    assert_eq!(
        house.refusal("Blob/get", json!({"ids": ids})).await,
        "requestTooLarge"
    );
    assert_eq!(
        house
            .refusal("Blob/lookup", json!({"ids": ids, "typeNames": []}))
            .await,
        "requestTooLarge"
    );
    // One request reads and makes no more than so much, here of a megabyte each.
    let blob = text(&house, &"a".repeat(SIZE_MAX as usize)).await;
    let many: serde_json::Map<String, Value> = (0..500)
        .map(|n| {
            (
                format!("k{n:03}"),
                json!({"data": [{"blobId": blob, "length": 1}]}),
            )
        })
        .collect();
    let made = upload(&house, json!(many)).await;
    let (done, not) = (
        made["created"].as_object().unwrap(),
        made["notCreated"].as_object().unwrap(),
    );
    assert_eq!(done.len() + not.len(), 500);
    assert!((250..256).contains(&done.len()), "{}", done.len());
    assert!(not.values().all(|error| error["type"] == "rateLimit"));
}

#[tokio::test]
async fn ranges_digests_and_encodings() {
    let house = House::new();
    let id = text(&house, "Thư đến").await;
    let check = async |asked: Value, expected: Value| {
        let mut arguments = asked.clone();
        arguments["ids"] = json!([id]);
        let got = get(&house, arguments).await;
        let mut expected = expected;
        expected["id"] = json!(id);
        assert_eq!(got["list"], json!([expected]), "{asked}");
    };
    check(json!({}), json!({"data:asText": "Thư đến", "size": 11})).await;
    check(json!({"properties": []}), json!({})).await;
    check(json!({"properties": ["id", "size"]}), json!({"size": 11})).await;
    check(
        json!({"properties": ["id", "size"], "offset": 20}),
        json!({"isTruncated": true, "size": 11}),
    )
    .await;
    check(
        json!({"properties": ["data:asText", "data:asBase64"], "length": 2}),
        json!({"data:asText": "Th", "data:asBase64": "VGg="}),
    )
    .await;
    // RFC 9404 §4.2: exactly the octets that were asked for, though a letter is cut.
    let cut = json!({"data:asBase64": "VGjG", "isEncodingProblem": true});
    check(json!({"properties": ["data"], "length": 3}), cut).await;
    let cut = json!({"data:asText": null, "isEncodingProblem": true});
    check(json!({"properties": ["data:asText"], "length": 3}), cut).await;
    check(
        json!({"properties": ["data:asBase64"], "length": 3}),
        json!({"data:asBase64": "VGjG"}),
    )
    .await;
    check(
        json!({"offset": 5}),
        json!({"data:asText": "đến", "size": 11}),
    )
    .await;
    check(
        json!({"offset": 5, "length": 6}),
        json!({"data:asText": "đến", "size": 11}),
    )
    .await;
    check(
        json!({"offset": 5, "length": 7}),
        json!({"data:asText": "đến", "isTruncated": true, "size": 11}),
    )
    .await;
    check(
        json!({"offset": 11}),
        json!({"data:asText": "", "size": 11}),
    )
    .await;
    check(
        json!({"offset": 12}),
        json!({"data:asText": "", "isTruncated": true, "size": 11}),
    )
    .await;
    check(
        json!({"offset": u64::MAX, "length": u64::MAX}),
        json!({"data:asText": "", "isTruncated": true, "size": 11}),
    )
    .await;
    check(
        json!({"offset": null, "length": 0}),
        json!({"data:asText": "", "size": 11}),
    )
    .await;
}

#[tokio::test]
async fn digests_are_of_what_was_asked_for() {
    let house = House::new();
    let id = text(&house, "Thư đến").await;
    // As `printf Th | openssl dgst -binary | base64` has them.
    let asked = json!({"ids": [id], "properties": ["digest:sha", "digest:sha-256", "digest:sha"], "length": 2});
    let told = json!({
        "id": id, "digest:sha": "aSnnZfa9EoCIzfgbpIBdOoTaTl4=",
        "digest:sha-256": "O/+TnBD02bwhxpRGBry4GQHLrYD8aAGyV/2KoSeIFoc=",
    });
    assert_eq!(get(&house, asked).await["list"], json!([told]));
    let whole = get(
        &house,
        json!({"ids": [id], "properties": ["digest:sha-512"]}),
    )
    .await;
    assert_eq!(
        whole["list"][0]["digest:sha-512"].as_str().unwrap().len(),
        88
    );
    for bad in [
        json!({"properties": ["bogus"]}),
        json!({"properties": ["digest:md5"]}),
        json!({"properties": ["digest:"]}),
        json!({"offset": -1}),
        json!({"length": 1.5}),
        json!({"length": "1"}),
        json!({"properties": 1}),
        json!({"bogus": 1}),
    ] {
        let mut asked = bad.clone();
        asked["ids"] = json!([id]);
        assert_eq!(
            house.refusal("Blob/get", asked).await,
            "invalidArguments",
            "{bad}"
        );
    }
    // All of them: there is no such list.
    assert_eq!(
        house.refusal("Blob/get", json!({"ids": null})).await,
        "invalidArguments"
    );
}

#[tokio::test]
async fn what_has_a_blob() {
    let house = House::new();
    let email = house.put(RICH);
    let blob = text(&house, "a").await;
    let part = format!("{email}-2");
    let asked = json!({"ids": [email, part, blob, "e99", format!("{email}-9"), "x"], "typeNames": ["Email", "Mailbox", "Thread"]});
    let got = house.call("Blob/lookup", asked).await;
    let thread = email.replace('e', "t");
    let matched = json!({"Email": [email], "Mailbox": [house.inbox()], "Thread": [thread]});
    let nowhere = json!({"Email": [], "Mailbox": [], "Thread": []});
    assert_eq!(
        got["list"],
        json!([
            {"id": email, "matchedIds": matched},
            {"id": part, "matchedIds": matched},
            {"id": blob, "matchedIds": nowhere},
            {"id": "e99", "matchedIds": nowhere},
            {"id": format!("{email}-9"), "matchedIds": nowhere},
        ])
    );
    assert_eq!(got["notFound"], json!(["x"]));
    let only = house
        .call(
            "Blob/lookup",
            json!({"ids": [email], "typeNames": ["Thread"]}),
        )
        .await;
    assert_eq!(only["list"][0]["matchedIds"], json!({"Thread": [thread]}));
    let unknown = json!({"ids": [email], "typeNames": ["Email", "CalendarEvent"]});
    assert_eq!(
        house.refusal("Blob/lookup", unknown).await,
        "unknownDataType"
    );
    let request = json!({
        "using": ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:blob"],
        "methodCalls": [["Blob/lookup", {"accountId": house.account(), "ids": [email], "typeNames": ["Email"]}, "c"]],
    });
    let answer = house
        .ask(Some(&house.an), crate::house::api_text(request.to_string()))
        .await;
    assert_eq!(
        answer.json()["methodResponses"][0][1]["type"],
        "unknownDataType"
    );
}

#[tokio::test]
async fn what_one_may_not_see_has_no_octets() {
    let house = House::new();
    let email = house.put(RICH);
    for name in ["Blob/get", "Blob/lookup", "Blob/upload"] {
        let asked = json!({"ids": [email], "typeNames": ["Email"], "create": {}});
        let mut asked = asked.as_object().unwrap().clone();
        asked.retain(|key, _| match name {
            "Blob/get" => key == "ids",
            "Blob/lookup" => key != "create",
            _ => key == "create",
        });
        assert_eq!(
            refused(&house, name, json!(asked)).await,
            "accountNotFound",
            "{name}"
        );
    }
    // Bình reads another mailbox of An's.
    give(&house, Role::Archive, "lr");
    let got = ask(&house, "Blob/get", json!({"ids": [email]})).await;
    assert_eq!(got["notFound"], json!([email]));
    let got = ask(
        &house,
        "Blob/lookup",
        json!({"ids": [email], "typeNames": ["Email"]}),
    )
    .await;
    let nowhere = json!([{"id": email, "matchedIds": {"Email": []}}]);
    assert_eq!((&got["list"], &got["notFound"]), (&nowhere, &json!([])));
    assert_eq!(
        refused(&house, "Blob/upload", json!({"create": {}})).await,
        "accountReadOnly"
    );
    // What An uploaded is his alone, until a letter has it.
    give(&house, Role::Inbox, "lri");
    let blob = text(&house, "a").await;
    let got = ask(&house, "Blob/get", json!({"ids": [blob]})).await;
    assert_eq!(got["notFound"], json!([blob]));
    let made = ask(
        &house,
        "Blob/upload",
        json!({"create": {"k": {"data": [{"blobId": blob}]}}}),
    )
    .await;
    assert_eq!(made["notCreated"]["k"]["type"], "blobNotFound");
    let made = ask(
        &house,
        "Blob/upload",
        json!({"create": {"k": {"data": [{"blobId": email, "length": 4}]}}}),
    )
    .await;
    assert_eq!(made["created"]["k"]["size"], 4);
}

#[tokio::test]
async fn the_session_tells_the_limits() {
    let house = House::new();
    let session = house.get(&house.an, "/jmap/session").await.json();
    let blob = "urn:ietf:params:jmap:blob";
    assert_eq!(session["capabilities"][blob], json!({}));
    assert_eq!(
        session["accounts"][house.account()]["accountCapabilities"][blob],
        json!({
            "maxSizeBlobSet": SIZE_MAX, "maxDataSources": 64, "supportedTypeNames": ["Email", "Mailbox", "Thread"],
            "supportedDigestAlgorithms": ["sha", "sha-256", "sha-512"],
        })
    );
}
