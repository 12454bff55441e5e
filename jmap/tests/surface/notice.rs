//! RFC 9670 §3: somebody is told what he may do with another's mailbox now, and dismisses it.

use crate::house::{House, get};
use crate::shared::{give, put, theirs, try_as};
use directory::{RightsChange, Sharing};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::time::Duration;
use storage::Role;

/// One call of Bình on his own account.
async fn own(house: &House, name: &str, mut arguments: Value) -> Value {
    arguments["accountId"] = format!("a{}", house.binh.account()).into();
    let (answered, arguments) = try_as(house, &house.binh, name, arguments).await;
    match answered == name {
        true => arguments,
        false => arguments["type"].clone(),
    }
}

async fn list(house: &House) -> Vec<Value> {
    let got = own(house, "ShareNotification/get", json!({"ids": null})).await;
    got["list"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_change_is_told_once_and_dismissed() {
    let house = House::new();
    let empty = own(&house, "ShareNotification/get", json!({"ids": null})).await;
    assert_eq!(empty["list"], json!([]));
    give(&house, Role::Inbox, "lr");
    let all = list(&house).await;
    let reads: Value = {
        let all = json!({"mayReadItems": true});
        let mut rights = all.as_object().unwrap().clone();
        for name in [
            "mayAddItems",
            "mayRemoveItems",
            "maySetSeen",
            "maySetKeywords",
            "mayCreateChild",
            "mayRename",
            "mayDelete",
            "maySubmit",
            "mayShare",
        ] {
            rights.insert(name.to_owned(), false.into());
        }
        rights.into()
    };
    let expected = json!({
        "id": "n1",
        "created": "2026-11-22T00:00:00Z",
        "changedBy": {
            "name": "Nguyễn Văn An", "email": "annv@tinh.gov.vn",
            "principalId": format!("p{}", house.an.account()),
        },
        "objectType": "Mailbox",
        "objectAccountId": house.account(),
        "objectId": theirs(&house, &house.inbox()),
        "oldRights": null,
        "newRights": reads,
        "name": "Inbox",
    });
    assert_eq!(all, [expected]);
    // Nobody else is told, and what one may do oneself is no news.
    let got = house
        .call("ShareNotification/get", json!({"ids": null}))
        .await;
    assert_eq!(got["list"], json!([]));
    let since = json!({"sinceState": empty["state"]});
    let told = own(&house, "ShareNotification/changes", since).await;
    assert_eq!(told["created"], json!(["n1"]));
    let again = json!({"sinceState": told["newState"]});
    let none = own(&house, "ShareNotification/changes", again.clone()).await;
    assert_eq!(
        (&none["created"], &none["hasMoreChanges"]),
        (&json!([]), &json!(false))
    );
    // Nobody makes or changes one; one that is not there cannot be dismissed.
    let change = json!({
        "create": {"k": {}}, "update": {"n1": {"name": "x"}}, "destroy": ["n1", "n2", "n01", "x"],
    });
    let done = own(&house, "ShareNotification/set", change).await;
    assert_eq!(done["notCreated"]["k"]["type"], "forbidden");
    assert_eq!(done["notUpdated"]["n1"]["type"], "forbidden");
    assert_eq!(done["destroyed"], json!(["n1"]));
    for absent in ["n2", "n01", "x"] {
        assert_eq!(done["notDestroyed"][absent]["type"], "notFound", "{absent}");
    }
    assert_eq!(list(&house).await, [] as [Value; 0]);
    let told = own(&house, "ShareNotification/changes", again).await;
    assert_eq!(told["destroyed"], json!(["n1"]));
    assert_eq!(told["newState"], done["newState"]);
    let stale = json!({"sinceState": "1-0123456789ab"});
    let told = own(&house, "ShareNotification/changes", stale).await;
    assert_eq!(told, "cannotCalculateChanges");
    // The next one has a number of its own.
    give(&house, Role::Archive, "lr");
    assert_eq!(list(&house).await[0]["id"], "n2");
}

#[tokio::test]
async fn changes_of_one_mailbox_are_one_notice_until_it_is_told() {
    let house = House::new();
    give(&house, Role::Inbox, "lr");
    give(&house, Role::Archive, "lr");
    give(&house, Role::Inbox, "lrs");
    let all = list(&house).await;
    let told: Vec<_> = all.iter().map(|n| (&n["id"], &n["oldRights"])).collect();
    assert_eq!(
        told,
        [(&json!("n2"), &Value::Null), (&json!("n3"), &Value::Null),]
    );
    assert_eq!(all[1]["newRights"]["maySetSeen"], true);
    // Both were told: they stay, and what follows says what was so before it.
    give(&house, Role::Inbox, "");
    give(&house, Role::Archive, "");
    let all = list(&house).await;
    let told: Vec<_> = all.iter().map(|n| (&n["id"], &n["newRights"])).collect();
    assert_eq!((told[0].0, told[1].0), (&json!("n2"), &json!("n3")));
    assert_eq!(
        told[2..],
        [(&json!("n4"), &Value::Null), (&json!("n5"), &Value::Null)]
    );
    assert_eq!(all[2]["oldRights"]["maySetSeen"], true);
    assert_eq!(all[2]["name"], "Inbox");
    assert_eq!(all[3]["oldRights"]["mayReadItems"], true);
    let dismissed = json!({"destroy": ["n2", "n3", "n4", "n5"]});
    own(&house, "ShareNotification/set", dismissed).await;
    // What is given to all is told to none.
    let inbox = house.inbox();
    let id = storage::MailboxId::new(inbox[1..].parse().unwrap()).unwrap();
    let rights = RightsChange::Set(directory::Rights::parse("lr").unwrap());
    let shared = house
        .an
        .change_share(house.an.account(), id, Sharing::Anyone, rights);
    shared.unwrap();
    assert_eq!(list(&house).await, [] as [Value; 0]);
    // And he whom it gives nothing new is not told either.
    give(&house, Role::Inbox, "lr");
    assert_eq!(list(&house).await, [] as [Value; 0]);
}

#[tokio::test]
async fn notices_are_found_by_what_they_tell() {
    let house = House::new();
    give(&house, Role::Inbox, "lr");
    give(&house, Role::Archive, "lr");
    let found = async |arguments: Value| {
        let got = own(&house, "ShareNotification/query", arguments).await;
        match got["ids"].is_array() {
            true => got["ids"].clone(),
            false => got,
        }
    };
    assert_eq!(found(json!({})).await, json!(["n1", "n2"]));
    let newest = json!([{"property": "created", "isAscending": false}]);
    assert_eq!(found(json!({"sort": newest})).await, json!(["n2", "n1"]));
    let moment = "2026-11-22T00:00:00Z";
    let both = json!(["n1", "n2"]);
    for (filter, expected) in [
        (json!({"after": moment}), &both),
        (json!({"after": null}), &both),
        (json!({"before": moment}), &json!([])),
        (json!({"objectType": "Mailbox"}), &both),
        (json!({"objectType": "Calendar"}), &json!([])),
        (json!({"objectAccountId": house.account()}), &both),
        (json!({"objectAccountId": "a999"}), &json!([])),
        (json!({"objectType": 3}), &json!("invalidArguments")),
        (json!({"name": "x"}), &json!("unsupportedFilter")),
    ] {
        let arguments = json!({"filter": filter});
        assert_eq!(found(arguments).await, *expected, "{filter}");
    }
    let newest = json!([{"property": "created", "isAscending": false}]);
    let first = own(&house, "ShareNotification/query", json!({"sort": newest})).await;
    assert_eq!(first["canCalculateChanges"], true);
    own(&house, "ShareNotification/set", json!({"destroy": ["n1"]})).await;
    give(&house, Role::Sent, "lr");
    let since = json!({
        "sort": newest, "sinceQueryState": first["queryState"], "calculateTotal": true,
    });
    let told = own(&house, "ShareNotification/queryChanges", since).await;
    assert_eq!(told["removed"], json!(["n1"]));
    assert_eq!(told["added"], json!([{"id": "n3", "index": 0}]));
    assert_eq!(told["total"], 2);
    let again = own(&house, "ShareNotification/query", json!({"sort": newest})).await;
    assert_eq!(again["queryState"], told["newQueryState"]);
    let by_name = json!({"sort": [{"property": "name"}]});
    assert_eq!(found(by_name).await, "unsupportedSort");
}

#[tokio::test]
async fn a_notice_is_pushed_to_whom_it_concerns() {
    let house = House::new();
    let query = "/jmap/eventsource/?types=ShareNotification&closeafter=no&ping=0";
    let mut stream = house.open(Some(&house.binh), get(query)).await;
    let mut next = async || {
        let frame = tokio::time::timeout(Duration::from_secs(20), stream.body_mut().frame()).await;
        let data = frame.unwrap().unwrap().unwrap().into_data().unwrap();
        String::from_utf8(data.to_vec()).unwrap()
    };
    assert!(next().await.starts_with(':'));
    // Mail alone is no notice.
    put(
        &house,
        Role::Inbox,
        &crate::house::letter("x@x.vn", "a", "b"),
    );
    give(&house, Role::Inbox, "lr");
    let told = next().await;
    let got = own(&house, "ShareNotification/get", json!({"ids": []})).await;
    let state = format!("\"ShareNotification\":{}", got["state"]);
    assert!(told.contains(&state), "{told} {state}");
    assert!(!told.contains("Mailbox"), "{told}");
}
