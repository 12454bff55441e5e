//! RFC 8621 §4.1, §4.2, §4.9: Email objects, and the octets of messages and their parts.

use crate::house::{House, RICH, get, letter};
use http::StatusCode;
use serde_json::{Value, json};

async fn one(house: &House, id: &str, mut arguments: Value) -> Value {
    arguments["ids"] = json!([id]);
    house.call("Email/get", arguments).await["list"][0].clone()
}

#[tokio::test]
async fn metadata_and_header() {
    let house = House::new();
    let id = house.put_for(&house.an, RICH, 1_795_305_600, &["$seen", "$flagged"]);
    let email = one(&house, &id, json!({})).await;
    for (property, expected) in [
        ("id", json!(id)),
        ("blobId", json!(id)),
        ("threadId", json!(id.replace('e', "t"))),
        ("mailboxIds", json!({house.inbox(): true})),
        ("keywords", json!({"$seen": true, "$flagged": true})),
        ("size", json!(RICH.len())),
        ("receivedAt", json!("2026-11-22T00:00:00Z")),
        ("sentAt", json!("2026-11-02T08:00:00+07:00")),
        ("subject", json!("Công văn số 1")),
        (
            "from",
            json!([{"name": "Trần Thị Bình", "email": "binhtt@tinh.gov.vn"}]),
        ),
        ("to", json!([{"name": null, "email": "annv@tinh.gov.vn"}])),
        (
            "cc",
            json!([{"name": null, "email": "a@x.vn"}, {"name": null, "email": "b@x.vn"}]),
        ),
        ("bcc", Value::Null),
        ("sender", Value::Null),
        ("replyTo", Value::Null),
        ("messageId", json!(["rich@tinh.gov.vn"])),
        ("inReplyTo", json!(["first@tinh.gov.vn"])),
        (
            "references",
            json!(["zero@tinh.gov.vn", "first@tinh.gov.vn"]),
        ),
        ("hasAttachment", json!(true)),
        ("bodyValues", json!({})),
    ] {
        assert_eq!(email[property], expected, "{property}");
    }
    assert!(
        email["preview"]
            .as_str()
            .unwrap()
            .starts_with("Kính gửi anh An")
    );
    let properties = json!({"properties": [
        "header:List-Unsubscribe:asURLs", "header:cc:asGroupedAddresses", "header:X:all", "headers",
    ]});
    let email = one(&house, &id, properties).await;
    assert_eq!(
        email.as_object().unwrap().len(),
        5,
        "what was asked, and the id"
    );
    let urls = json!(["mailto:out@x.vn", "https://x.vn/out"]);
    assert_eq!(email["header:List-Unsubscribe:asURLs"], urls);
    assert_eq!(email["header:cc:asGroupedAddresses"][0]["name"], "Nhom");
    assert_eq!(email["header:X:all"], json!([]));
    assert_eq!(
        email["headers"][1],
        json!({"name": "To", "value": " annv@tinh.gov.vn"})
    );
    for bad in ["bogus", "header:From:asDate", "header:"] {
        let refused = house
            .refusal("Email/get", json!({"ids": [], "properties": [bad]}))
            .await;
        assert_eq!(refused, "invalidArguments", "{bad}");
    }
}

#[tokio::test]
async fn bodies() {
    let house = House::new();
    let id = house.put(RICH);
    let arguments = json!({
        "properties": ["textBody", "htmlBody", "attachments", "bodyValues", "bodyStructure"],
        "fetchTextBodyValues": true,
        "fetchHTMLBodyValues": true,
    });
    let email = one(&house, &id, arguments).await;
    let parts = |list: &Value| -> Vec<String> {
        let all = list.as_array().unwrap().iter();
        all.map(|p| p["partId"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(parts(&email["textBody"]), ["1.1", "4"]);
    assert_eq!(parts(&email["htmlBody"]), ["1.2.1", "4"]);
    assert_eq!(parts(&email["attachments"]), ["1.2.2", "2", "3"]);
    let text = &email["bodyValues"]["1.1"];
    assert_eq!(text["value"], "Kính gửi anh An,\nxin xem công văn.");
    assert_eq!(
        (&text["isTruncated"], &text["isEncodingProblem"]),
        (&json!(false), &json!(false))
    );
    assert!(
        email["bodyValues"]["1.2.1"]["value"]
            .as_str()
            .unwrap()
            .contains("<script>")
    );
    let pdf = &email["attachments"][1];
    assert_eq!(
        *pdf,
        json!({
            "partId": "2", "blobId": format!("{id}-2"), "size": 13, "name": "Công văn.pdf",
            "type": "application/pdf", "charset": null, "disposition": "attachment", "cid": null,
            "language": null, "location": null,
        })
    );
    assert_eq!(email["attachments"][0]["cid"], "logo@x.vn");
    let structure = &email["bodyStructure"];
    assert_eq!(structure["type"], "multipart/mixed");
    assert_eq!(
        (&structure["partId"], &structure["blobId"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(
        structure["subParts"][0]["subParts"][1]["subParts"][0]["partId"],
        "1.2.1"
    );
    assert_eq!(structure["subParts"][2]["type"], "message/rfc822");
    assert!(
        structure["subParts"][2].get("subParts").is_none(),
        "not into messages within"
    );
}

#[tokio::test]
async fn values_are_truncated_as_asked() {
    let house = House::new();
    let id = house.put(RICH);
    let arguments = json!({
        "properties": ["bodyValues", "textBody"],
        "bodyProperties": ["partId", "header:Content-Transfer-Encoding"],
        "fetchAllBodyValues": true,
        "maxBodyValueBytes": 3,
    });
    let email = one(&house, &id, arguments).await;
    let keys: Vec<&String> = email["bodyValues"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["1.1", "1.2.1"]);
    // K and í are three octets.
    let expected = json!({"value": "Kí", "isTruncated": true, "isEncodingProblem": false});
    assert_eq!(email["bodyValues"]["1.1"], expected);
    assert_eq!(email["bodyValues"]["1.2.1"]["value"], "<p>");
    let field = &email["textBody"][0]["header:Content-Transfer-Encoding"];
    assert_eq!(*field, " quoted-printable");
    let refused = json!({"ids": [], "bodyProperties": ["bogus"]});
    assert_eq!(
        house.refusal("Email/get", refused).await,
        "invalidArguments"
    );
}

#[tokio::test]
async fn one_part_alone_is_part_1() {
    let house = House::new();
    let id = house.put(b"Subject: x\r\n\r\nchao\xff\r\n");
    let email = one(&house, &id, json!({"fetchTextBodyValues": true})).await;
    assert_eq!(email["textBody"][0]["partId"], "1");
    assert_eq!(email["textBody"][0]["type"], "text/plain");
    assert_eq!(email["textBody"][0]["charset"], "us-ascii");
    assert_eq!(email["textBody"], email["htmlBody"]);
    assert_eq!(email["from"], Value::Null);
    assert_eq!(email["sentAt"], Value::Null);
    let got = house
        .call("Email/get", json!({"ids": null, "properties": ["id"]}))
        .await;
    assert_eq!(got["list"], json!([{"id": id}]));
    let got = house
        .call("Email/get", json!({"ids": [id, id, "e999", "bad", "e0"]}))
        .await;
    assert_eq!(
        got["list"].as_array().unwrap().len(),
        1,
        "the same id twice is one"
    );
    assert_eq!(got["notFound"], json!(["e999", "bad", "e0"]));
}

#[tokio::test]
async fn downloads_are_octet_for_octet() {
    let house = House::new();
    let id = house.put(RICH);
    let account = house.account();
    let check = async |blob: &str, octets: &[u8]| {
        let path = format!("/jmap/download/{account}/{blob}/t%E1%BB%87p.bin?type=text/html");
        let answer = house.get(&house.an, &path).await;
        assert_eq!(answer.status, StatusCode::OK, "{blob}");
        assert_eq!(answer.body, octets, "{blob}");
        let disposition = "attachment; filename=\"t_p.bin\"; filename*=UTF-8''t%E1%BB%87p.bin";
        assert_eq!(answer.header("content-disposition"), disposition);
        assert_eq!(answer.header("content-type"), "text/html");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(
            answer.header("content-security-policy"),
            "sandbox; default-src 'none'"
        );
    };
    check(&id, RICH).await;
    check(
        &format!("{id}-1.1"),
        "Kính gửi anh An,\r\nxin xem công văn.".as_bytes(),
    )
    .await;
    check(&format!("{id}-2"), b"%PDF-1.7\n\0\x01\x02\xff").await;
    let inner =
        b"From: c@x.vn\r\nSubject: ben trong\r\nContent-Type: text/plain\r\n\r\nnoi dung ben trong";
    check(&format!("{id}-3"), inner).await;
    check(&format!("{id}-3-1"), b"noi dung ben trong").await;
    for bad in ["9", "1", "1.9", "2-1-1", "3-2", "3-1-1-1-1", "01"] {
        let path = format!("/jmap/download/{account}/{id}-{bad}/x");
        let answer = house.get(&house.an, &path).await;
        // A part that is no message is opened as one with a single part: its own octets.
        let opened = bad.starts_with("2-1");
        assert_eq!(
            answer.status == StatusCode::OK,
            opened,
            "{bad}: {}",
            answer.status
        );
    }
}

#[tokio::test]
async fn uploads() {
    let house = House::new();
    let account = house.account();
    let post = |octets: Vec<u8>| {
        http::Request::post(format!("/jmap/upload/{account}/"))
            .header("content-type", "application/pdf; x=y")
            .body(axum::body::Body::from(octets))
            .unwrap()
    };
    let octets: Vec<u8> = (0..=255).collect();
    let answer = house.ask(Some(&house.an), post(octets.clone())).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let object = answer.json();
    assert_eq!(
        (&object["accountId"], &object["size"]),
        (&json!(account), &json!(256))
    );
    assert_eq!(object["type"], "application/pdf");
    let blob = object["blobId"].as_str().unwrap();
    let got = house
        .ask(
            Some(&house.an),
            get(&format!("/jmap/download/{account}/{blob}/x")),
        )
        .await;
    assert_eq!(got.body, octets);
    assert_eq!(got.header("content-type"), "application/octet-stream");
    let large = vec![0; crate::house::SIZE_MAX as usize + 1];
    let answer = house.ask(Some(&house.an), post(large)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.json()["limit"], "maxSizeUpload");
}

#[tokio::test]
async fn parse_opens_messages_within() {
    let house = House::new();
    let id = house.put(RICH);
    let (inner, picture) = (format!("{id}-3"), format!("{id}-1.2.2"));
    let arguments = json!({
        "blobIds": [inner, picture, "e999", "bad"],
        "fetchTextBodyValues": true,
    });
    let parsed = house.call("Email/parse", arguments).await;
    assert_eq!(parsed["notFound"], json!(["e999", "bad"]));
    assert_eq!(parsed["notParsable"], json!([picture]));
    let email = &parsed["parsed"][&inner];
    assert_eq!(email["subject"], "ben trong");
    assert_eq!(email["textBody"][0]["blobId"], format!("{inner}-1"));
    assert_eq!(email["bodyValues"]["1"]["value"], "noi dung ben trong");
    assert!(email.get("id").is_none());
    let arguments = json!({"blobIds": [inner], "properties": ["id", "mailboxIds", "receivedAt"]});
    let parsed = house.call("Email/parse", arguments).await;
    let nothing = json!({"id": null, "mailboxIds": null, "receivedAt": null});
    assert_eq!(parsed["parsed"][&inner], nothing);
}

#[tokio::test]
async fn changes_and_threads() {
    let house = House::new();
    let first = house.put(b"Subject: chao\r\nMessage-ID: <a@x>\r\n\r\n1\r\n");
    let state = house.call("Email/get", json!({"ids": []})).await["state"].clone();
    let reply =
        house.put(b"Subject: Re: chao\r\nMessage-ID: <b@x>\r\nIn-Reply-To: <a@x>\r\n\r\n2\r\n");
    let other = house.put(&letter("x@x.vn", "khác", "c"));
    let thread = first.replace('e', "t");
    let other_thread = other.replace('e', "t");
    let got = house
        .call("Thread/get", json!({"ids": [thread, "t999", "x"]}))
        .await;
    assert_eq!(
        got["list"],
        json!([{"id": thread, "emailIds": [first, reply]}])
    );
    assert_eq!(got["notFound"], json!(["t999", "x"]));
    assert_eq!(
        house.refusal("Thread/get", json!({})).await,
        "requestTooLarge"
    );
    let since = json!({"sinceState": state});
    let changes = house.call("Thread/changes", since.clone()).await;
    assert_eq!(
        (&changes["created"], &changes["updated"]),
        (&json!([other_thread]), &json!([thread]))
    );
    house
        .call(
            "Email/set",
            json!({"update": {first.as_str(): {"keywords/$seen": true}}}),
        )
        .await;
    let set = house.call("Email/set", json!({"destroy": [other]})).await;
    assert_eq!(set["destroyed"], json!([other]));
    let changes = house.call("Email/changes", since.clone()).await;
    assert_eq!(
        changes["created"],
        json!([reply]),
        "created and destroyed again is nothing"
    );
    assert_eq!(changes["updated"], json!([first]));
    assert_eq!(changes["destroyed"], json!([]));
    assert_eq!(changes["newState"], set["newState"]);
    let changes = house.call("Thread/changes", since).await;
    assert_eq!(
        (&changes["created"], &changes["destroyed"]),
        (&json!([]), &json!([]))
    );
    house
        .call("Email/set", json!({"destroy": [first, reply]}))
        .await;
    let changes = house
        .call("Thread/changes", json!({"sinceState": set["newState"]}))
        .await;
    assert_eq!(changes["destroyed"], json!([thread]));
    // Every step through a limit of one leads to the same end.
    let (mut state, mut created, mut destroyed) = (state, Vec::new(), Vec::new());
    for _ in 0..20 {
        let step = json!({"sinceState": state, "maxChanges": 2});
        let changes = house.call("Email/changes", step).await;
        created.extend(changes["created"].as_array().unwrap().clone());
        destroyed.extend(changes["destroyed"].as_array().unwrap().clone());
        state = changes["newState"].clone();
        if changes["hasMoreChanges"] == false {
            break;
        }
    }
    destroyed.retain(|id| !created.contains(id));
    assert_eq!(destroyed, [json!(first)]);
}
