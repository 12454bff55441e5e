//! RFC 8621 §8: the answer of who is away, and who may give it.

use crate::house::House;
use crate::shared::{give, refused, try_as};
use directory::{AccountKind, AgencyId, NewAccount, Rights, Sending, vacation};
use formats::address::Address;
use serde_json::{Value, json};
use storage::Role;

async fn get(house: &House) -> Value {
    house
        .call("VacationResponse/get", json!({"ids": null}))
        .await
}

async fn update(house: &House, patch: Value) -> Value {
    let update = json!({"update": {"singleton": patch}});
    house.call("VacationResponse/set", update).await
}

#[tokio::test]
async fn there_is_one_and_it_is_changed() {
    let house = House::new();
    let first = get(&house).await;
    let none = json!([{
        "id": "singleton", "isEnabled": false, "fromDate": null, "toDate": null, "subject": null, "textBody": null,
        "htmlBody": null,
    }]);
    assert_eq!((&first["list"], &first["notFound"]), (&none, &json!([])));
    let whole = json!({
        "isEnabled": true, "fromDate": "2026-11-22T00:00:00Z", "toDate": "2026-12-01T00:00:00Z",
        "subject": "Vắng mặt", "textBody": "Tôi nghỉ.", "htmlBody": "<p>Tôi nghỉ.</p>",
    });
    let set = update(&house, whole.clone()).await;
    assert_eq!(set["updated"], json!({"singleton": null}));
    assert_eq!(set["oldState"], first["state"]);
    let got = get(&house).await;
    assert_eq!(got["state"], set["newState"]);
    assert_ne!(got["state"], first["state"]);
    let mut expected = whole;
    expected["id"] = json!("singleton");
    assert_eq!(got["list"], json!([expected]));
    // One property at a time, and null is a value.
    update(&house, json!({"subject": null, "id": "singleton"})).await;
    let picked =
        json!({"ids": ["singleton", "x", "singleton"], "properties": ["subject", "isEnabled"]});
    let got = house.call("VacationResponse/get", picked).await;
    assert_eq!(
        got["list"],
        json!([{"id": "singleton", "subject": null, "isEnabled": true}])
    );
    assert_eq!(got["notFound"], json!(["x"]));
    let none = house.call("VacationResponse/get", json!({"ids": []})).await;
    assert_eq!(none["list"], json!([]));
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_changes_nothing() {
    let house = House::new();
    let before = get(&house).await;
    let check = async |patch: Value, kind: &str, property: Option<&str>| {
        let set = update(&house, patch.clone()).await;
        let error = &set["notUpdated"]["singleton"];
        assert_eq!(error["type"], kind, "{patch}: {set}");
        assert_eq!(
            error["properties"],
            json!(property.map(|p| [p])),
            "{patch}: {set}"
        );
        assert_eq!(set["oldState"], set["newState"]);
    };
    let invalid = async |name: &str, value: Value| {
        check(json!({name: value}), "invalidProperties", Some(name)).await;
    };
    for bad in [json!(null), json!(1), json!("true"), json!([]), json!({})] {
        invalid("isEnabled", bad).await;
    }
    for name in ["fromDate", "toDate"] {
        for bad in [
            json!(true),
            json!(1),
            json!([]),
            json!({}),
            json!(""),
            json!("2026-11-22"),
            json!("2026-11-22T00:00:00"),
            json!("2026-11-22T07:00:00+07:00"),
            json!("2026-02-30T00:00:00Z"),
            json!("2026-11-22T25:00:00Z"),
        ] {
            invalid(name, bad).await;
        }
    }
    for name in ["subject", "textBody", "htmlBody"] {
        for bad in [json!(true), json!(1), json!([]), json!({})] {
            invalid(name, bad).await;
        }
        invalid(name, json!("a".repeat(vacation::HTML_OCTETS_MAX + 1))).await;
    }
    invalid("textBody", json!("a".repeat(vacation::TEXT_OCTETS_MAX + 1))).await;
    invalid("subject", json!("a\r\nBcc: b@x.vn")).await;
    invalid("id", json!("other")).await;
    invalid("bogus", json!(1)).await;
    let turned = json!({"fromDate": "2026-12-01T00:00:00Z", "toDate": "2026-11-22T00:00:00Z"});
    check(turned, "invalidProperties", Some("toDate")).await;
    check(json!({"subject/x": "a"}), "invalidPatch", None).await;
    check(json!(7), "invalidPatch", None).await;
    // Good beside bad: nothing of it.
    check(
        json!({"isEnabled": true, "subject": 1}),
        "invalidProperties",
        Some("subject"),
    )
    .await;
    assert_eq!(get(&house).await, before);
}

#[tokio::test]
async fn it_is_neither_made_nor_destroyed() {
    let house = House::new();
    let set = json!({
        "create": {"k": {"isEnabled": true}}, "update": {"x": {}}, "destroy": ["singleton", "x"],
    });
    let set = house.call("VacationResponse/set", set).await;
    assert_eq!(set["notCreated"]["k"]["type"], "singleton");
    assert_eq!(set["notUpdated"]["x"]["type"], "notFound");
    assert_eq!(set["notDestroyed"]["singleton"]["type"], "singleton");
    assert_eq!(set["notDestroyed"]["x"]["type"], "notFound");
    let stale = json!({"ifInState": "x", "update": {"singleton": {"isEnabled": true}}});
    assert_eq!(
        house.refusal("VacationResponse/set", stale).await,
        "stateMismatch"
    );
    let wrong = json!({"ids": ["singleton"], "properties": ["bogus"]});
    assert_eq!(
        house.refusal("VacationResponse/get", wrong).await,
        "invalidArguments"
    );
    let foreign = json!({"accountId": "a999"});
    assert_eq!(
        house.refusal("VacationResponse/get", foreign).await,
        "accountNotFound"
    );
    // RFC 8621 §8 has no other methods.
    assert_eq!(
        house
            .refusal("VacationResponse/changes", json!({"sinceState": "x"}))
            .await,
        "unknownMethod"
    );
    assert_eq!(get(&house).await["list"][0]["isEnabled"], false);
}

#[tokio::test]
async fn who_only_reads_a_mailbox_does_not_answer_for_it() {
    let house = House::new();
    give(&house, Role::Inbox, "lrswipkxtea");
    for (name, arguments) in [
        ("VacationResponse/get", json!({})),
        (
            "VacationResponse/set",
            json!({"update": {"singleton": {"isEnabled": true}}}),
        ),
    ] {
        let kind = refused(&house, name, arguments).await;
        assert_eq!(kind, "accountNotSupportedByMethod", "{name}");
    }
    let session = house.get(&house.binh, "/jmap/session").await.json();
    let vacation = "urn:ietf:params:jmap:vacationresponse";
    let of = |id: &str| session["accounts"][id]["accountCapabilities"][vacation].clone();
    assert_eq!(of(&house.account()), Value::Null);
    let own = format!("a{}", house.binh.account());
    assert_eq!(of(&own), json!({}));
    assert_eq!(session["primaryAccounts"][vacation], json!(own));
}

#[tokio::test]
async fn who_holds_a_seat_answers_for_it() {
    let house = House::new();
    let seat = NewAccount {
        address: Address::parse("vanthu@tinh.gov.vn").unwrap(),
        kind: AccountKind::Shared,
        agency: AgencyId("H99".into()),
        name: "Văn thư".into(),
        position: None,
        quota: None,
        messages_max: None,
    };
    let (directory, binh) = (&house.directory, house.binh.account());
    let seat = directory.create_account(None, seat).unwrap().id;
    let rights = Rights::parse("lrswikxte").unwrap();
    directory
        .set_member(None, seat, binh, rights, None)
        .unwrap();
    directory
        .set_sender(None, seat, binh, Some(Sending::As), None)
        .unwrap();
    let at = json!(format!("a{seat}"));
    let set = json!({"accountId": at, "update": {"singleton": {"isEnabled": true}}});
    let (_, set) = try_as(&house, &house.binh, "VacationResponse/set", set).await;
    assert_eq!(set["updated"], json!({"singleton": null}));
    let (name, error) = try_as(
        &house,
        &house.an,
        "VacationResponse/get",
        json!({"accountId": at}),
    )
    .await;
    assert_eq!(
        (name.as_str(), &error["type"]),
        ("error", &json!("accountNotFound"))
    );
    assert!(directory.is_away(seat, 0));
}
