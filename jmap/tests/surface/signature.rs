//! RFC 8621 §6.3: what one says of the addresses that one sends from.

use crate::house::House;
use crate::shared::try_as;
use directory::{AccountKind, AgencyId, NewAccount, Sending, signature};
use formats::address::Address;
use serde_json::{Value, json};

async fn first(house: &House) -> Value {
    let got = house.call("Identity/get", json!({"ids": null})).await;
    got["list"][0].clone()
}

async fn update(house: &House, patch: Value) -> Value {
    let id = first(house).await["id"].as_str().unwrap().to_owned();
    house
        .call("Identity/set", json!({"update": {id: patch}}))
        .await
}

#[tokio::test]
async fn it_is_said_kept_and_taken_back() {
    let house = House::new();
    let before = house.call("Identity/get", json!({"ids": null})).await;
    let whole = json!({
        "name": "Nguyễn Văn An (Sở Nội vụ)",
        "replyTo": [{"name": "Văn thư", "email": "vanthu@tinh.gov.vn"}],
        "bcc": [{"name": null, "email": "luu@tinh.gov.vn"}],
        "textSignature": "Nguyễn Văn An\nChuyên viên",
        "htmlSignature": "<b>Nguyễn Văn An</b><br>Chuyên viên",
    });
    let set = update(&house, whole.clone()).await;
    let id = before["list"][0]["id"].as_str().unwrap();
    assert_eq!(set["updated"], json!({id: null}), "{set}");
    assert_eq!(set["oldState"], before["state"]);
    let got = house.call("Identity/get", json!({"ids": null})).await;
    assert_eq!(got["state"], set["newState"]);
    assert_ne!(got["state"], before["state"]);
    let since = json!({"sinceState": before["state"]});
    let told = house.call("Identity/changes", since).await;
    assert_eq!(told["updated"], json!([id]));
    let mut expected = whole;
    expected["id"] = id.into();
    expected["email"] = json!("annv@tinh.gov.vn");
    expected["mayDelete"] = json!(false);
    assert_eq!(got["list"], json!([expected]));
    // One property at a time; what the server sets may be said as it is.
    update(
        &house,
        json!({"textSignature": "An", "id": id, "email": "annv@tinh.gov.vn"}),
    )
    .await;
    expected["textSignature"] = json!("An");
    assert_eq!(first(&house).await, expected);
    // The directory's name, and nothing: as before, and no row is left.
    let none =
        json!({"name": "", "replyTo": [], "bcc": null, "textSignature": "", "htmlSignature": null});
    let set = update(&house, none).await;
    assert_eq!(set["updated"][id]["name"], "Nguyễn Văn An");
    assert_eq!(first(&house).await, before["list"][0]);
    let rows = house
        .store
        .table("directory.signature")
        .rows(&[], None, 9)
        .unwrap();
    assert_eq!(rows, []);
}

#[tokio::test]
async fn html_is_cleaned_and_the_answer_says_how_it_is_now() {
    let house = House::new();
    let evil = "<p onclick=\"x()\">An</p><script>alert(1)</script><img src=\"https://x.vn/a.png\"><a href=\"javascript:x()\">a</a>";
    let set = update(&house, json!({"htmlSignature": evil})).await;
    let now = first(&house).await;
    let html = now["htmlSignature"].as_str().unwrap();
    for bad in ["onclick", "script", "https://x.vn", "javascript"] {
        assert!(!html.contains(bad), "{html}");
    }
    assert!(html.contains("<p>An</p>"), "{html}");
    let id = now["id"].as_str().unwrap();
    assert_eq!(set["updated"][id], json!({"htmlSignature": html}));
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_changes_nothing() {
    let house = House::new();
    let before = first(&house).await;
    let id = before["id"].as_str().unwrap();
    let check = async |patch: Value, kind: &str, property: Option<&str>| {
        let set = update(&house, patch.clone()).await;
        let error = &set["notUpdated"][id];
        assert_eq!(error["type"], kind, "{patch}: {set}");
        assert_eq!(
            error["properties"],
            json!(property.map(|p| [p])),
            "{patch}: {set}"
        );
        assert_eq!(set["oldState"], set["newState"]);
    };
    for (name, bad) in [
        ("name", json!(7)),
        ("name", json!("a\r\nBcc: x@x.vn")),
        ("name", json!("a\u{202e}b")),
        ("name", json!("a".repeat(201))),
        ("email", json!("chutich@tinh.gov.vn")),
        ("id", json!("i0")),
        ("mayDelete", json!(true)),
        ("replyTo", json!("a@x.vn")),
        ("replyTo", json!([{"name": "a"}])),
        ("replyTo", json!([{"email": "a@x.vn", "x": 1}])),
        ("replyTo", json!([{"email": "not an address"}])),
        ("bcc", json!([{"email": "a@x.vn", "name": "b\nc"}])),
        (
            "bcc",
            json!(vec![
                json!({"email": "a@x.vn"});
                signature::ADDRESSES_MAX + 1
            ]),
        ),
        ("textSignature", json!([])),
        ("textSignature", json!("a\0")),
        (
            "textSignature",
            json!("a".repeat(signature::TEXT_OCTETS_MAX + 1)),
        ),
        ("htmlSignature", json!({})),
        (
            "htmlSignature",
            json!("a".repeat(signature::HTML_OCTETS_MAX + 1)),
        ),
        (
            "htmlSignature",
            json!("a".repeat(signature::HTML_OCTETS_MAX * 5)),
        ),
        ("bogus", json!(1)),
    ] {
        check(json!({name: bad}), "invalidProperties", Some(name)).await;
    }
    check(json!({"replyTo/0": null}), "invalidPatch", None).await;
    check(json!(7), "invalidPatch", None).await;
    // Good beside bad: nothing of it.
    check(
        json!({"textSignature": "a", "name": 1}),
        "invalidProperties",
        Some("name"),
    )
    .await;
    assert_eq!(first(&house).await, before);
}

#[tokio::test]
async fn what_all_of_an_account_say_has_an_end() {
    let house = House::new();
    let account = house.an.account();
    let names = signature::TOTAL_MAX / signature::HTML_OCTETS_MAX + 1;
    for n in 0..names {
        let alias = Address::parse(&format!("an{n}@tinh.gov.vn")).unwrap();
        house.directory.create_alias(None, alias, account).unwrap();
    }
    let got = house.call("Identity/get", json!({"ids": null})).await;
    let ids = got["list"].as_array().unwrap();
    let update: serde_json::Map<String, Value> = ids
        .iter()
        .map(|one| {
            let html = "a".repeat(signature::HTML_OCTETS_MAX);
            (
                one["id"].as_str().unwrap().to_owned(),
                json!({"htmlSignature": html}),
            )
        })
        .collect();
    let set = house.call("Identity/set", json!({"update": update})).await;
    let refused = set["notUpdated"].as_object().unwrap();
    assert_eq!(refused.len(), ids.len() - (names - 1), "{refused:?}");
    assert!(
        refused.values().all(|error| error["type"] == "overQuota"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_seat_signs_as_its_holder_says_and_everybody_for_himself() {
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
    let seat = house.directory.create_account(None, seat).unwrap().id;
    let holder = directory::sender::HOLDER;
    house
        .directory
        .set_member(None, seat, house.an.account(), holder, None)
        .unwrap();
    house
        .directory
        .set_member(None, seat, house.binh.account(), holder, None)
        .unwrap();
    let behalf = Some(Sending::OnBehalf);
    house
        .directory
        .set_sender(None, seat, house.binh.account(), behalf, None)
        .unwrap();
    let there = format!("a{seat}");
    let got = house
        .call("Identity/get", json!({"accountId": there, "ids": null}))
        .await;
    let id = got["list"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(got["list"][0]["email"], "vanthu@tinh.gov.vn");
    let say = |account: &str, text: &str| json!({"accountId": account, "update": {&id: {"textSignature": text}}});
    // The seat's own.
    let set = house
        .call("Identity/set", say(&there, "Văn thư tỉnh"))
        .await;
    assert_eq!(set["updated"], json!({&id: null}), "{set}");
    // On its behalf one reads it, and does not say it.
    let (_, set) = try_as(&house, &house.binh, "Identity/set", say(&there, "Bình")).await;
    assert_eq!(set["notUpdated"][&id]["type"], "forbidden", "{set}");
    let ask = json!({"accountId": there, "ids": [&id], "properties": ["textSignature"]});
    let (_, got) = try_as(&house, &house.binh, "Identity/get", ask).await;
    assert_eq!(got["list"][0]["textSignature"], "Văn thư tỉnh");
    // In one's own list each says it for himself.
    let own = format!("a{}", house.binh.account());
    let (_, set) = try_as(
        &house,
        &house.binh,
        "Identity/set",
        say(&own, "Bình, thay mặt Văn thư"),
    )
    .await;
    assert_eq!(set["updated"], json!({&id: null}), "{set}");
    let mine = json!({"ids": [&id], "properties": ["textSignature"]});
    let got = house.call("Identity/get", mine).await;
    assert_eq!(got["list"][0]["textSignature"], "");
    // An address that is no more has no identity.
    house.directory.delete_account(None, seat, None).unwrap();
    let got = house.call("Identity/get", json!({"ids": null})).await;
    assert_eq!(got["list"].as_array().unwrap().len(), 1);
}
