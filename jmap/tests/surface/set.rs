//! RFC 8621 §4.6, §4.8: changing, creating and importing messages.

use crate::house::{House, NOW_S, RICH, letter};
use serde_json::{Value, json};
use storage::Role;

async fn update(house: &House, id: &str, patch: Value) -> Value {
    house
        .call("Email/set", json!({"update": {id: patch}}))
        .await
}

#[tokio::test]
async fn keywords_and_mailboxes() {
    let house = House::new();
    let id = house.put(RICH);
    let (inbox, trash) = (house.inbox(), house.role(&house.an, Role::Trash));
    let state = async || {
        let got = house.call("Email/get", json!({"ids": [id]})).await;
        let email = got["list"][0].clone();
        (email["keywords"].clone(), email["mailboxIds"].clone())
    };
    let set = update(
        &house,
        &id,
        json!({"keywords/$seen": true, "keywords/Việc": true}),
    )
    .await;
    assert_eq!(set["notUpdated"][&id]["properties"], json!(["keywords"]));
    assert_eq!(
        state().await.0,
        json!({}),
        "nothing of a refused patch stays"
    );
    let set = update(
        &house,
        &id,
        json!({"keywords/$SEEN": true, "keywords/viec~1a": true}),
    )
    .await;
    assert_eq!(set["updated"], json!({id.as_str(): null}));
    assert_eq!(state().await.0, json!({"$seen": true, "viec/a": true}));
    let whole = json!({"keywords": {"$flagged": true}, "mailboxIds": {trash.as_str(): true}});
    update(&house, &id, whole).await;
    assert_eq!(
        state().await,
        (json!({"$flagged": true}), json!({trash.as_str(): true}))
    );
    let patch = json!({
        format!("mailboxIds/{inbox}"): true, format!("mailboxIds/{trash}"): null,
        "keywords/$flagged": null, "keywords/absent": null,
        "subject": "Công văn số 1", "id": id, "size": RICH.len(),
    });
    let set = update(&house, &id, patch).await;
    assert_eq!(set["updated"], json!({id.as_str(): null}), "{set}");
    assert_eq!(state().await, (json!({}), json!({inbox.as_str(): true})));
    let again = update(&house, &id, json!({"keywords": {}})).await;
    assert_eq!(
        again["oldState"], again["newState"],
        "nothing changed, nothing was written"
    );
}

#[tokio::test]
async fn refused_patches() {
    let house = House::new();
    let id = house.put(&letter("x@x.vn", "thư", "a"));
    let inbox = house.inbox();
    for (patch, kind) in [
        (json!({"mailboxIds": {}}), "invalidProperties"),
        (
            json!({format!("mailboxIds/{inbox}"): null}),
            "invalidProperties",
        ),
        (json!({"mailboxIds/m99": true}), "invalidProperties"),
        (json!({"mailboxIds/#none": true}), "invalidProperties"),
        (
            json!({"mailboxIds": {inbox.as_str(): false}}),
            "invalidProperties",
        ),
        (json!({"keywords": {"a b": true}}), "invalidProperties"),
        (json!({"keywords/$seen": false}), "invalidProperties"),
        (
            json!({"keywords": {}, "keywords/$seen": true}),
            "invalidPatch",
        ),
        (json!({"from/0": null}), "invalidPatch"),
        (json!({"keywords/$seen/x": true}), "invalidPatch"),
        (
            json!({format!("mailboxIds/{inbox}/x"): null}),
            "invalidPatch",
        ),
        (json!({"subject": "khác"}), "invalidProperties"),
        (json!({"bogus": 1}), "invalidProperties"),
        (json!([]), "invalidPatch"),
    ] {
        let set = update(&house, &id, patch.clone()).await;
        assert_eq!(set["notUpdated"][&id]["type"], kind, "{patch}: {set}");
    }
    let many: serde_json::Map<_, _> = (0..200).map(|n| (format!("k{n}"), json!(true))).collect();
    let set = update(&house, &id, json!({"keywords": many})).await;
    assert_eq!(set["notUpdated"][&id]["type"], "tooManyKeywords");
    for absent in ["e999", "x", "#none"] {
        let set = update(&house, absent, json!({"keywords": {}})).await;
        assert_eq!(set["notUpdated"][absent]["type"], "notFound");
    }
    let both = json!({"update": {id.as_str(): {"keywords": {}}}, "destroy": [id, "e999"]});
    let set = house.call("Email/set", both).await;
    assert_eq!(set["notUpdated"][&id]["type"], "willDestroy");
    assert_eq!(set["destroyed"], json!([id]));
    assert_eq!(set["notDestroyed"]["e999"]["type"], "notFound");
}

async fn create(house: &House, mut new: Value) -> Value {
    if new.get("mailboxIds").is_none() {
        new["mailboxIds"] = json!({house.role(&house.an, Role::Drafts): true});
    }
    house.call("Email/set", json!({"create": {"k": new}})).await
}

/// A draft of a letter with a file and a picture.
fn everything(pdf: &str, picture: &str) -> Value {
    json!({
        "keywords": {"$draft": true, "$seen": true},
        "from": [{"name": "Nguyễn Văn An", "email": "annv@tinh.gov.vn"}],
        "to": [{"name": "Trần Thị Bình", "email": "binhtt@tinh.gov.vn"}, {"email": "chưa xong"}],
        "bcc": [{"name": null, "email": "luu@tinh.gov.vn"}],
        "subject": "Dự thảo báo cáo\r\nX-Injected: yes",
        "inReplyTo": ["rich@tinh.gov.vn"],
        "references": ["zero@tinh.gov.vn", "rich@tinh.gov.vn"],
        "sentAt": "2026-11-03T09:30:00+07:00",
        "header:X-Mailer:asText": "Công Vụ",
        "bodyValues": {"t": {"value": "Kính gửi\nchị Bình"}, "h": {"value": "<p>Kính gửi <b>chị Bình</b></p>"}},
        "textBody": [{"partId": "t", "type": "text/plain"}],
        "htmlBody": [{"partId": "h", "type": "text/html"}],
        "attachments": [
            {"blobId": pdf, "type": "application/pdf", "name": "Báo cáo.pdf",
             "disposition": "attachment", "size": 10},
            {"blobId": picture, "type": "image/png", "cid": "anh@x", "disposition": "inline"},
        ],
    })
}

#[tokio::test]
async fn a_draft_with_everything() {
    let house = House::new();
    let upload = house
        .store
        .account(house.an.account())
        .upload(b"%PDF-1.7 \xff", 0)
        .unwrap();
    let within = house.put(RICH);
    let new = everything(&format!("u{upload}"), &format!("{within}-1.2.2"));
    let set = create(&house, new).await;
    let made = &set["created"]["k"];
    let id = made["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{set}"))
        .to_owned();
    assert_eq!(made["blobId"], json!(id));
    let arguments = json!({"ids": [id], "fetchAllBodyValues": true, "properties": [
        "from", "to", "bcc", "subject", "inReplyTo", "references", "messageId", "sentAt", "size",
        "keywords", "receivedAt", "textBody", "htmlBody", "attachments", "bodyValues", "threadId",
        "header:X-Mailer:asText", "header:X-Injected",
    ]});
    let email = house.call("Email/get", arguments).await["list"][0].clone();
    assert_eq!(
        email["from"],
        json!([{"name": "Nguyễn Văn An", "email": "annv@tinh.gov.vn"}])
    );
    assert_eq!(
        email["to"][0],
        json!({"name": "Trần Thị Bình", "email": "binhtt@tinh.gov.vn"})
    );
    assert_eq!(email["bcc"][0]["email"], "luu@tinh.gov.vn");
    assert_eq!(
        email["header:X-Injected"],
        Value::Null,
        "no value begins a field"
    );
    assert!(
        email["subject"]
            .as_str()
            .unwrap()
            .starts_with("Dự thảo báo cáo")
    );
    assert_eq!(email["sentAt"], "2026-11-03T09:30:00+07:00");
    assert_eq!(email["receivedAt"], "2026-11-22T00:00:00Z");
    assert_eq!(
        email["references"],
        json!(["zero@tinh.gov.vn", "rich@tinh.gov.vn"])
    );
    assert_eq!(email["header:X-Mailer:asText"], "Công Vụ");
    assert_eq!(
        (&email["size"], &email["threadId"]),
        (&made["size"], &made["threadId"])
    );
    bodies(&house, &email).await;
}

/// The bodies and files of that draft.
async fn bodies(house: &House, email: &Value) {
    let (text, html) = (
        &email["textBody"][0]["partId"],
        &email["htmlBody"][0]["partId"],
    );
    let value = |part: &Value| email["bodyValues"][part.as_str().unwrap()]["value"].clone();
    assert_eq!(
        value(text).as_str().unwrap().trim_end(),
        "Kính gửi\nchị Bình"
    );
    assert_eq!(
        value(html).as_str().unwrap().trim_end(),
        "<p>Kính gửi <b>chị Bình</b></p>"
    );
    let attachments = email["attachments"].as_array().unwrap();
    let pdf = attachments
        .iter()
        .find(|a| a["type"] == "application/pdf")
        .unwrap();
    assert_eq!(
        (&pdf["name"], &pdf["size"]),
        (&json!("Báo cáo.pdf"), &json!(10))
    );
    let path = format!(
        "/jmap/download/{}/{}/x",
        house.account(),
        pdf["blobId"].as_str().unwrap()
    );
    assert_eq!(house.get(&house.an, &path).await.body, b"%PDF-1.7 \xff");
    assert!(attachments.iter().any(|a| a["cid"] == "anh@x"));
}

#[tokio::test]
async fn small_drafts() {
    let house = House::new();
    let set = create(&house, json!({})).await;
    let id = set["created"]["k"]["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{set}"));
    let email = house.call("Email/get", json!({"ids": [id]})).await["list"][0].clone();
    let message_id = email["messageId"][0].as_str().unwrap();
    assert!(
        message_id.ends_with("@mail.tinh.gov.vn"),
        "the server makes one: {message_id}"
    );
    assert_eq!(email["sentAt"], "2026-11-22T07:00:00+07:00");
    let structure = json!({
        "subject": null,
        "header:Subject:asText": "Theo cấu trúc",
        "header:Cc:asAddresses": [{"email": "c@x.vn"}],
        "header:X-Many:asText:all": ["a", "b"],
        "bodyStructure": {"type": "multipart/mixed", "subParts": [
            {"type": "text/plain", "partId": "1"},
            {"type": "text/csv", "partId": "2", "name": "a.csv", "disposition": "attachment"},
        ]},
        "bodyValues": {"1": {"value": "một"}, "2": {"value": "x,ý"}},
    });
    let refused = create(&house, structure.clone()).await;
    assert_eq!(
        refused["notCreated"]["k"]["type"], "invalidProperties",
        "subject twice"
    );
    let mut structure = structure;
    structure.as_object_mut().unwrap().remove("subject");
    let set = create(&house, structure).await;
    let id = set["created"]["k"]["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{set}"));
    let properties = [
        "subject",
        "cc",
        "textBody",
        "attachments",
        "header:X-Many:asText:all",
    ];
    let got = house
        .call("Email/get", json!({"ids": [id], "properties": properties}))
        .await;
    let email = &got["list"][0];
    assert_eq!(email["subject"], "Theo cấu trúc");
    assert_eq!(email["cc"][0]["email"], "c@x.vn");
    assert_eq!(email["header:X-Many:asText:all"], json!(["a", "b"]));
    let csv = &email["attachments"][0];
    assert_eq!(
        (&csv["name"], &csv["charset"]),
        (&json!("a.csv"), &json!("utf-8"))
    );
}

#[tokio::test]
async fn people_in_other_fields() {
    let house = House::new();
    let sender = json!([
        {"name": "Sở Nội vụ, văn phòng", "email": "vp@tinh.gov.vn"},
        {"name": "Nguyen, \"An\" \\", "email": "annv@tinh.gov.vn"},
        {"name": null, "email": "c@x.vn"},
    ]);
    let new = json!({
        "sender": sender,
        "header:Resent-To:asAddresses": [{"name": "Trần Thị Bình", "email": "b@x.vn"}],
        "header:X-Words": "=?utf-8?Q?C=C3=B4ng?= van",
        "header:X-Text:asText": "=?utf-8?Q?x?=",
    });
    let set = create(&house, new).await;
    let id = set["created"]["k"]["id"].as_str().unwrap();
    let properties = [
        "sender",
        "header:Resent-To:asAddresses",
        "header:X-Words",
        "header:X-Words:asText",
        "header:X-Text:asText",
    ];
    let got = house
        .call("Email/get", json!({"ids": [id], "properties": properties}))
        .await;
    let email = &got["list"][0];
    assert_eq!(email["sender"], sender);
    assert_eq!(
        email["header:Resent-To:asAddresses"],
        json!([{"name": "Trần Thị Bình", "email": "b@x.vn"}])
    );
    assert_eq!(email["header:X-Words"], " =?utf-8?Q?C=C3=B4ng?= van");
    assert_eq!(email["header:X-Words:asText"], "Công van");
    assert_eq!(email["header:X-Text:asText"], "=?utf-8?Q?x?=");
}

#[tokio::test]
async fn of_calls_in_one_state_one_goes_through() {
    let house = House::new();
    let id = house.put(RICH);
    for round in 0..10 {
        let got = house.call("Email/get", json!({"ids": []})).await;
        let calls = (0..8).map(|n| {
            let path = format!("keywords/k{round}-{n}");
            let arguments =
                json!({"ifInState": got["state"], "update": {id.as_str(): {path: true}}});
            house.try_call("Email/set", arguments)
        });
        let answers = futures_util::future::join_all(calls).await;
        let done = answers.iter().filter(|(name, _)| name == "Email/set");
        assert_eq!(done.count(), 1, "{answers:?}");
        let refused = answers.iter().filter(|(_, a)| a["type"] == "stateMismatch");
        assert_eq!(refused.count(), 7, "{answers:?}");
    }
}

fn refused_fields() -> Vec<(Value, &'static str)> {
    vec![
        (json!({"mailboxIds": {}}), "invalidProperties"),
        (json!({"mailboxIds": {"m99": true}}), "invalidProperties"),
        (json!({"id": "e5"}), "invalidProperties"),
        (json!({"headers": []}), "invalidProperties"),
        (json!({"from": "an@x.vn"}), "invalidProperties"),
        (json!({"header:From:asDate": "x"}), "invalidProperties"),
        (
            json!({"header:Content-Type": "text/html"}),
            "invalidProperties",
        ),
        (
            json!({"to": [], "header:to:asAddresses": []}),
            "invalidProperties",
        ),
        (
            json!({"from": [{"email": "a@x.vn"}], "header:From:asAddresses:all": [[]]}),
            "invalidProperties",
        ),
        (
            json!({"header:X-A": "a", "header:x-a:asText:all": ["b"]}),
            "invalidProperties",
        ),
        (
            json!({"header:Subject:asText:all": ["a", "b"]}),
            "invalidProperties",
        ),
        (
            json!({"sender": [{"email": "a@x.vn>, <b"}]}),
            "invalidProperties",
        ),
        (json!({"receivedAt": "x"}), "invalidProperties"),
        (json!({"keywords": {"$seen": 1}}), "invalidProperties"),
    ]
}

fn refused_bodies() -> Vec<(Value, &'static str)> {
    vec![
        (json!({"textBody": []}), "invalidProperties"),
        (
            json!({"textBody": [{"partId": "1", "type": "text/html"}]}),
            "invalidProperties",
        ),
        (
            json!({"textBody": [{"partId": "none"}]}),
            "invalidProperties",
        ),
        (
            json!({"textBody": [{"partId": "bad"}]}),
            "invalidProperties",
        ),
        (
            json!({"textBody": [{"partId": "1", "blobId": "e1"}]}),
            "invalidProperties",
        ),
        (
            json!({"textBody": [{"partId": "1", "charset": "utf-8"}]}),
            "invalidProperties",
        ),
        (
            json!({"textBody": [{"partId": "1", "header:X-A": "b"}]}),
            "invalidProperties",
        ),
        (
            json!({"textBody": [{"partId": "1"}], "bodyStructure": {"partId": "1"}}),
            "invalidProperties",
        ),
        (
            json!({"attachments": [{"type": "text/plain"}]}),
            "invalidProperties",
        ),
        (
            json!({"attachments": [{"blobId": "e99-1"}]}),
            "blobNotFound",
        ),
        (
            json!({"bodyValues": {"1": {"value": "x".repeat(2 << 20)}},
            "textBody": [{"partId": "1"}]}),
            "tooLarge",
        ),
    ]
}

#[tokio::test]
async fn refused_drafts() {
    let house = House::new();
    let values = json!({"1": {"value": "x"}, "bad": {"value": "x", "isTruncated": true}});
    for (new, kind) in refused_fields().into_iter().chain(refused_bodies()) {
        let mut new = new;
        if new.get("bodyValues").is_none() {
            new["bodyValues"] = values.clone();
        }
        let set = create(&house, new.clone()).await;
        assert_eq!(set["notCreated"]["k"]["type"], kind, "{new:.200}: {set}");
    }
    let found = house.call("Email/query", json!({})).await;
    assert_eq!(found["ids"], json!([]), "nothing half made");
}

#[tokio::test]
async fn a_full_account_takes_no_more() {
    let house = House::new();
    let text = "x".repeat(900 << 10);
    let new = json!({"bodyValues": {"1": {"value": text}}, "textBody": [{"partId": "1"}]});
    let mut kinds = Vec::new();
    for _ in 0..10 {
        let set = create(&house, new.clone()).await;
        kinds.push(
            set["notCreated"]["k"]["type"]
                .as_str()
                .unwrap_or("created")
                .to_owned(),
        );
    }
    assert_eq!(kinds.first().unwrap(), "created");
    assert_eq!(kinds.last().unwrap(), "overQuota");
}

#[tokio::test]
async fn imports() {
    let house = House::new();
    let mail = house.store.account(house.an.account());
    let up = |octets: &[u8]| format!("u{}", mail.upload(octets, NOW_S).unwrap());
    let raw = b"Received: by x; Mon, 02 Nov 2026 08:00:00 +0700\nSubject: cu\n\nx\n";
    let inbox = house.inbox();
    let import = async |new: Value| {
        let done = house
            .call("Email/import", json!({"emails": {"k": new}}))
            .await;
        assert!(done.get("updated").is_none());
        (
            done["created"]["k"].clone(),
            done["notCreated"]["k"]["type"].clone(),
        )
    };
    let place = json!({inbox.as_str(): true});
    let (made, _) = import(json!({
        "blobId": up(raw), "mailboxIds": place, "keywords": {"$seen": true},
    }))
    .await;
    let got = house.call("Email/get", json!({"ids": [made["id"]]})).await;
    assert_eq!(got["list"][0]["receivedAt"], "2026-11-02T01:00:00Z");
    assert_eq!(got["list"][0]["keywords"], json!({"$seen": true}));
    let path = format!(
        "/jmap/download/{}/{}/x",
        house.account(),
        made["blobId"].as_str().unwrap()
    );
    let octets = house.get(&house.an, &path).await.body;
    let crlf = String::from_utf8_lossy(raw).replace('\n', "\r\n");
    assert_eq!(octets, crlf.as_bytes());
    assert_eq!(made["size"], octets.len());
    let whole = house.put(RICH);
    let (made, _) =
        import(json!({"blobId": whole, "mailboxIds": place, "receivedAt": "2020-01-01T00:00:00Z"}))
            .await;
    assert_ne!(made["id"], json!(whole), "a copy of its own");
    for (new, kind) in [
        (
            json!({"blobId": up(b"\x89PNG\r\n"), "mailboxIds": place}),
            "invalidEmail",
        ),
        (
            json!({"blobId": "e99", "mailboxIds": place}),
            "invalidProperties",
        ),
        (json!({"blobId": up(raw)}), "invalidProperties"),
        (
            json!({"blobId": up(raw), "mailboxIds": place, "bogus": 1}),
            "invalidProperties",
        ),
    ] {
        assert_eq!(import(new.clone()).await.1, kind, "{new}");
    }
}
