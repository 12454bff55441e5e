//! RFC 9007: receipts go once, to whom the letter names, by whom may speak for its recipient.

use crate::house::{House, letter};
use crate::shared::{give, theirs, try_as};
use formats::address::Address;
use serde_json::{Value, json};
use storage::Role;

/// A letter that asks for a receipt.
const ASKS: &str = "Return-Path: <binhtt@tinh.gov.vn>\r\nFrom: binhtt@tinh.gov.vn\r\nTo: annv@tinh.gov.vn\r\n\
    Subject: =?utf-8?B?SOG7j2k=?=\r\nMessage-ID: <1@tinh.gov.vn>\r\nOriginal-Recipient: rfc822; annv@tinh.gov.vn\r\n\
    Disposition-Notification-To: =?utf-8?B?QsOsbmg=?= <binhtt@tinh.gov.vn>\r\n\r\nnội dung\r\n";

fn wish(email: &str) -> Value {
    let disposition = json!({
        "actionMode": "manual-action", "sendingMode": "mdn-sent-manually", "type": "displayed",
    });
    json!({"forEmailId": email, "disposition": disposition})
}

async fn identity(house: &House) -> Value {
    let got = house.call("Identity/get", json!({"ids": null})).await;
    got["list"][0]["id"].clone()
}

async fn arguments(house: &House, wish: Value) -> Value {
    json!({
        "accountId": house.account(), "identityId": identity(house).await, "send": {"k": wish},
        "onSuccessUpdateEmail": {"#k": {"keywords/$mdnsent": true}},
    })
}

/// All responses to one MDN/send.
async fn send(house: &House, arguments: Value) -> Value {
    let response = house
        .calls(&house.an, json!([["MDN/send", arguments, "c"]]))
        .await;
    response["methodResponses"].clone()
}

async fn refusal(house: &House, wish: Value) -> Value {
    let answer = send(house, arguments(house, wish).await).await;
    assert_eq!(answer[0][0], "MDN/send", "{answer}");
    assert_eq!(answer[0][1]["sent"], Value::Null, "{answer}");
    assert_eq!(answer[1], Value::Null, "{answer}");
    answer[0][1]["notSent"]["k"].clone()
}

/// What is in Bình's INBOX.
fn got(house: &House) -> Vec<String> {
    let mail = house.store.account(house.binh.account());
    let inbox = mail.by_role(Role::Inbox).unwrap().unwrap().id;
    let mut emails = Vec::new();
    mail.scan_all(&mut |state| {
        emails.extend(state.uid(inbox).map(|_| state.email));
        true
    })
    .unwrap();
    let text = |email| String::from_utf8(mail.content(email).unwrap().to_vec()).unwrap();
    emails.into_iter().map(text).collect()
}

async fn keywords(house: &House, email: &str) -> Value {
    let asked = json!({"ids": [email], "properties": ["keywords"]});
    house.call("Email/get", asked).await["list"][0]["keywords"].clone()
}

#[tokio::test]
async fn a_receipt_goes_once_and_is_read_by_who_gets_it() {
    let house = House::new();
    let email = house.put(ASKS.as_bytes());
    let mut told = wish(&email);
    told["reportingUA"] = json!("mail.tinh.gov.vn; Congvu");
    told["extensionFields"] = json!({"X-Phong": "Một cửa"});
    let answer = send(&house, arguments(&house, told.clone()).await).await;
    let sent = &answer[0][1]["sent"]["k"];
    assert_eq!(
        sent["finalRecipient"], "rfc822; annv@tinh.gov.vn",
        "{answer}"
    );
    assert_eq!(sent["originalMessageId"], "<1@tinh.gov.vn>");
    assert_eq!(sent["originalRecipient"], "rfc822; annv@tinh.gov.vn");
    assert_eq!(sent["subject"], "Báo đã đọc (Read receipt): Hỏi");
    assert_eq!(sent["includeOriginalMessage"], false);
    assert!(
        sent["textBody"]
            .as_str()
            .unwrap()
            .contains("đã được mở xem")
    );
    assert_eq!(sent.get("reportingUA"), None);
    assert_eq!(answer[0][1]["notSent"], Value::Null);
    // RFC 9007 §2.1: the implicit Email/set.
    assert_eq!(
        (&answer[1][0], &answer[1][2]),
        (&json!("Email/set"), &json!("c"))
    );
    assert_eq!(answer[1][1]["updated"], json!({email.clone(): null}));
    assert_eq!(keywords(&house, &email).await, json!({"$mdnsent": true}));
    let all = got(&house);
    assert_eq!(all.len(), 1);
    assert!(all[0].starts_with("Return-Path: <>\r\n"), "{}", all[0]);
    assert!(!all[0].contains("Auto-Submitted"));
    // Twice is once.
    assert_eq!(refusal(&house, told).await["type"], "mdnAlreadySent");
    assert_eq!(got(&house).len(), 1);
    let asked =
        json!({"accountId": format!("a{}", house.binh.account()), "blobIds": ["e1", "e9", "x"]});
    let (_, parsed) = try_as(&house, &house.binh, "MDN/parse", asked).await;
    assert_eq!(parsed["notFound"], json!(["e9", "x"]));
    let read = &parsed["parsed"]["e1"];
    assert_eq!(read["disposition"], wish(&email)["disposition"]);
    for name in [
        "finalRecipient",
        "originalMessageId",
        "originalRecipient",
        "subject",
        "includeOriginalMessage",
    ] {
        assert_eq!(read[name], sent[name], "{name}");
    }
    assert_eq!(read["reportingUA"], "mail.tinh.gov.vn; Congvu");
    assert_eq!(read["extensionFields"], json!({"X-Phong": "Một cửa"}));
    assert_eq!(read["textBody"], sent["textBody"]);
    assert_eq!(
        (&read["forEmailId"], &read["error"], &read["mdnGateway"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn the_words_and_the_letter_are_as_the_client_wants_them() {
    let house = House::new();
    let email = house.put(ASKS.as_bytes());
    let mut told = wish(&email);
    told["subject"] = json!("Đã xem");
    told["textBody"] = json!("Tôi đã xem. ".repeat(200));
    told["includeOriginalMessage"] = json!(true);
    told["finalRecipient"] = json!("rfc822; annv@tinh.gov.vn");
    told["disposition"] = json!({
        "actionMode": "automatic-action", "sendingMode": "mdn-sent-automatically", "type": "processed",
    });
    let mut asked = arguments(&house, told).await;
    // By the message's own id, and all keywords at once.
    asked["onSuccessUpdateEmail"] =
        json!({email.clone(): {"keywords": {"$mdnsent": true, "$seen": true}}});
    let answer = send(&house, asked).await;
    let sent = &answer[0][1]["sent"]["k"];
    let mut names: Vec<&String> = sent.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(
        names,
        ["originalMessageId", "originalRecipient"],
        "{answer}"
    );
    assert_eq!(
        keywords(&house, &email).await,
        json!({"$mdnsent": true, "$seen": true})
    );
    let all = got(&house);
    assert!(all[0].contains("Auto-Submitted: auto-replied\r\n"));
    assert!(
        all[0].contains("Content-Type: message/rfc822\r\n\r\nReturn-Path: <binhtt@"),
        "{}",
        all[0]
    );
    assert!(all[0].lines().all(|line| line.len() < 200));
    let asked = json!({"accountId": format!("a{}", house.binh.account()), "blobIds": ["e1"]});
    let (_, parsed) = try_as(&house, &house.binh, "MDN/parse", asked).await;
    assert_eq!(
        parsed["parsed"]["e1"]["textBody"],
        "Tôi đã xem. ".repeat(200)
    );
    assert_eq!(parsed["parsed"]["e1"]["includeOriginalMessage"], true);
    assert_eq!(parsed["parsed"]["e1"]["disposition"]["type"], "processed");
}

async fn check(house: &House, email: &str, (name, value): (&str, Value), kind: &str) {
    let mut told = wish(email);
    told[name] = value.clone();
    let error = refusal(house, told).await;
    assert_eq!(error["type"], kind, "{name} {value}: {error}");
    if kind == "invalidProperties" {
        assert_eq!(error["properties"], json!([name]), "{value}");
    }
}

#[tokio::test]
async fn what_cannot_be_told_is_refused_and_no_keyword_set() {
    let house = House::new();
    let email = house.put(ASKS.as_bytes());
    let plain = house.put(&letter("binhtt@tinh.gov.vn", "a", "a"));
    let receipt = house.put(
        b"Disposition-Notification-To: binhtt@tinh.gov.vn\r\nContent-Type: multipart/report; report-type=x\r\n\r\n",
    );
    for id in [plain.as_str(), receipt.as_str(), "e999", "x", "#x"] {
        assert_eq!(refusal(&house, wish(id)).await["type"], "notFound", "{id}");
    }
    for to in ["rfc822; binhtt@tinh.gov.vn", "rfc822; ai@noi.vn"] {
        check(
            &house,
            &email,
            ("finalRecipient", json!(to)),
            "forbiddenFrom",
        )
        .await;
    }
    assert_eq!(keywords(&house, &email).await, json!({}));
    assert_eq!(got(&house), Vec::<String>::new());
}

#[tokio::test]
async fn each_property_of_the_wrong_kind_is_named() {
    let house = House::new();
    let email = house.put(ASKS.as_bytes());
    let invalid = async |name: &str, value: Value| {
        check(&house, &email, (name, value), "invalidProperties").await;
    };
    for name in ["subject", "reportingUA", "finalRecipient"] {
        for bad in [
            json!(1),
            json!(true),
            json!([]),
            json!({}),
            json!("a\r\nBcc: x@y.vn"),
            json!("a".repeat(901)),
        ] {
            invalid(name, bad).await;
        }
    }
    for bad in [json!(1), json!([]), json!("a".repeat(70_000))] {
        invalid("textBody", bad).await;
    }
    invalid("includeOriginalMessage", json!("yes")).await;
    invalid("forEmailId", json!(null)).await;
    invalid("forEmailId", json!(1)).await;
    let modes = |action: &str, sending: &str, kind: &str| json!({"actionMode": action, "sendingMode": sending, "type": kind});
    for bad in [
        json!(null),
        json!("displayed"),
        json!({}),
        modes("manual", "mdn-sent-manually", "displayed"),
        modes("manual-action", "sent", "displayed"),
        modes("manual-action", "mdn-sent-manually", "read"),
        modes("manual-action", "mdn-sent-manually", "Displayed"),
        modes("Manual-Action", "mdn-sent-manually", "displayed"),
    ] {
        invalid("disposition", bad).await;
    }
    for bad in [
        json!("x"),
        json!([]),
        json!({"X-A": 1}),
        json!({"": "a"}),
        json!({"A B": "a"}),
        json!({"X-A": "a\r\nB: c"}),
        json!({"Final-Recipient": "rfc822; x@y.vn"}),
        json!({"disposition": "x"}),
    ] {
        invalid("extensionFields", bad).await;
    }
    // What only the server says.
    for name in [
        "mdnGateway",
        "originalRecipient",
        "originalMessageId",
        "error",
        "bogus",
    ] {
        invalid(name, json!("x")).await;
    }
    assert_eq!(keywords(&house, &email).await, json!({}));
    assert_eq!(got(&house), Vec::<String>::new());
}

#[tokio::test]
async fn nothing_goes_without_the_keyword_or_by_itself_to_somebody_else() {
    let house = House::new();
    let email = house.put(ASKS.as_bytes());
    for patch in [
        json!(null),
        json!({}),
        json!({"#x": {"keywords/$mdnsent": true}}),
        json!({"#k": {"keywords/$mdnsent": null}}),
        json!({"#k": {"keywords/$seen": true}}),
        json!({"#k": {"keywords": {"$seen": true}}}),
        json!({"#k": 1}),
    ] {
        let mut asked = arguments(&house, wish(&email)).await;
        asked["onSuccessUpdateEmail"] = patch.clone();
        let answer = send(&house, asked).await;
        let error = &answer[0][1]["notSent"]["k"];
        assert_eq!(error["type"], "invalidProperties", "{patch}: {answer}");
    }
    // RFC 8098 §2.1: who asks for it is not who sent it, or there is no telling.
    let automatic = json!({
        "actionMode": "manual-action", "sendingMode": "mdn-sent-automatically", "type": "displayed",
    });
    for raw in [
        ASKS.replace("Return-Path: <binhtt", "Return-Path: <khac"),
        ASKS.replace("Return-Path", "X"),
    ] {
        let other = house.put(raw.as_bytes());
        let mut told = wish(&other);
        told["disposition"] = automatic.clone();
        assert_eq!(refusal(&house, told).await["type"], "forbidden");
    }
    let mut wrong = arguments(&house, wish(&email)).await;
    wrong["identityId"] = json!("i0");
    assert_eq!(
        house.refusal("MDN/send", wrong.clone()).await,
        "invalidArguments"
    );
    wrong["accountId"] = json!("a999");
    assert_eq!(house.refusal("MDN/send", wrong).await, "invalidArguments");
    let foreign = json!({"accountId": "a999", "blobIds": []});
    assert_eq!(
        house.refusal("MDN/parse", foreign).await,
        "invalidArguments"
    );
    let ids: Vec<String> = (0..501).map(|n| format!("e{n}")).collect();
    assert_eq!(
        house.refusal("MDN/parse", json!({"blobIds": ids})).await,
        "requestTooLarge"
    );
    assert_eq!(got(&house), Vec::<String>::new());
}

#[tokio::test]
async fn a_receipt_that_does_not_go_leaves_no_keyword() {
    let house = House::new();
    let raw = ASKS.replace(
        "<binhtt@tinh.gov.vn>\r\n\r\n",
        "<khong.co@tinh.gov.vn>\r\n\r\n",
    );
    let email = house.put(raw.as_bytes());
    let error = refusal(&house, wish(&email)).await;
    assert_eq!(error["type"], "invalidRecipients", "{error}");
    assert_eq!(keywords(&house, &email).await, json!({}));
    // And it may be sent when it can be.
    let to = Address::parse("khong.co@tinh.gov.vn").unwrap();
    house
        .directory
        .create_alias(None, to, house.binh.account())
        .unwrap();
    let answer = send(&house, arguments(&house, wish(&email)).await).await;
    assert_eq!(answer[0][1]["notSent"], Value::Null, "{answer}");
    assert_eq!(got(&house).len(), 1);
}

#[tokio::test]
async fn only_who_may_mark_and_speak_for_the_account_sends_one() {
    let house = House::new();
    let email = house.put(ASKS.as_bytes());
    give(&house, Role::Inbox, "lrw");
    let id = theirs(&house, &email);
    let (_, own) = try_as(
        &house,
        &house.binh,
        "Identity/get",
        json!({"accountId": format!("a{}", house.binh.account())}),
    )
    .await;
    let asked = json!({
        "identityId": own["list"][0]["id"], "send": {"k": wish(&id)},
        "onSuccessUpdateEmail": {"#k": {"keywords/$mdnsent": true}},
    });
    // An's account has no identity that is Bình's.
    let (name, error) = try_as(&house, &house.binh, "MDN/send", asked).await;
    assert_eq!(
        (name.as_str(), &error["type"]),
        ("error", &json!("invalidArguments"))
    );
    assert_eq!(keywords(&house, &email).await, json!({}));
}

#[tokio::test]
async fn what_is_no_receipt_is_not_parsable() {
    let house = House::new();
    let plain = house.put(&letter("a@x.vn", "a", "a"));
    let report = |kind: &str, part: &str, text: &str| {
        let raw = format!(
            "Content-Type: multipart/report; report-type={kind}; boundary=b\r\n\r\n--b\r\n\r\na\r\n--b\r\n\
             Content-Type: {part}\r\n\r\n{text}\r\n--b--\r\n"
        );
        house.put(raw.as_bytes())
    };
    let good = "Final-Recipient: rfc822;a@x.vn\r\nDisposition: Manual-Action/MDN-sent-manually; Displayed\r\nError: x\r\n";
    let (kind, part) = (
        "disposition-notification",
        "message/disposition-notification",
    );
    let fits = report(kind, part, good);
    let bad = [
        plain,
        report("delivery-status", part, good),
        report(kind, "text/plain", good),
        report(kind, part, "x"),
        report(kind, part, "Final-Recipient: rfc822;a@x.vn\r\n"),
    ];
    let mut ids = bad.to_vec();
    ids.push(fits.clone());
    let got = house.call("MDN/parse", json!({"blobIds": ids})).await;
    assert_eq!(got["notParsable"], json!(bad));
    let read = &got["parsed"][&fits];
    // RFC 9007 §1.3: in lower case.
    assert_eq!(read["disposition"]["type"], "displayed");
    assert_eq!(
        (&read["error"], &read["subject"]),
        (&json!(["x"]), &Value::Null)
    );
}
