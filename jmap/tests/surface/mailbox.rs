//! RFC 8621 §2: mailboxes.

use crate::house::{House, letter};
use serde_json::{Value, json};

async fn create(house: &House, new: Value) -> Value {
    house
        .call("Mailbox/set", json!({"create": {"k": new}}))
        .await
}

async fn made(house: &House, new: Value) -> String {
    let set = create(house, new).await;
    set["created"]["k"]["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{set}"))
        .to_owned()
}

#[tokio::test]
async fn default_mailboxes() {
    let house = House::new();
    let got = house.call("Mailbox/get", json!({"ids": null})).await;
    let mut roles: Vec<&str> = got["list"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|m| m["role"].as_str())
        .collect();
    roles.sort_unstable();
    assert_eq!(
        roles,
        ["archive", "drafts", "inbox", "junk", "sent", "trash"]
    );
    let inbox = house.inbox();
    let got = house
        .call(
            "Mailbox/get",
            json!({"ids": [inbox, "m99", "x"], "properties": ["name", "myRights"]}),
        )
        .await;
    assert_eq!(got["notFound"], json!(["m99", "x"]));
    let object = got["list"][0].as_object().unwrap();
    assert_eq!(
        object.keys().collect::<Vec<_>>(),
        ["id", "myRights", "name"]
    );
    assert_eq!(object["name"], "Inbox");
    assert_eq!(object["myRights"]["mayDelete"], false);
    let bogus = json!({"properties": ["bogus"]});
    assert_eq!(
        house.refusal("Mailbox/get", bogus).await,
        "invalidArguments"
    );
}

#[tokio::test]
async fn create_rename_move_destroy() {
    let house = House::new();
    let set = create(
        &house,
        json!({"name": "Công văn đến", "isSubscribed": true}),
    )
    .await;
    let object = &set["created"]["k"];
    assert_eq!(object["parentId"], Value::Null);
    assert_eq!(object["totalEmails"], 0);
    assert!(
        object.get("name").is_none(),
        "what the client sent is not repeated: {object}"
    );
    let parent = object["id"].as_str().unwrap().to_owned();
    let child = made(&house, json!({"name": "2026", "parentId": parent})).await;
    let update = json!({child.as_str(): {"name": "Năm 2026", "sortOrder": 5, "totalEmails": 0}});
    let set = house.call("Mailbox/set", json!({"update": update})).await;
    assert_eq!(set["updated"], json!({child.as_str(): null}), "{set}");
    let got = house.call("Mailbox/get", json!({"ids": [child]})).await;
    assert_eq!(got["list"][0]["name"], "Năm 2026");
    assert_eq!(got["list"][0]["sortOrder"], 5);
    let set = house
        .call("Mailbox/set", json!({"destroy": [parent]}))
        .await;
    assert_eq!(set["notDestroyed"][&parent]["type"], "mailboxHasChild");
    let set = house
        .call("Mailbox/set", json!({"destroy": [parent, child]}))
        .await;
    assert_eq!(
        set["destroyed"],
        json!([child, parent]),
        "children go first"
    );
    assert_ne!(set["oldState"], set["newState"]);
}

#[tokio::test]
async fn refused_changes() {
    let house = House::new();
    let inbox = house.inbox();
    let one = made(&house, json!({"name": "Một"})).await;
    let two = made(&house, json!({"name": "Hai", "parentId": one})).await;
    for (new, kind) in [
        (json!({}), "invalidProperties"),
        (json!({"name": ""}), "invalidProperties"),
        (json!({"name": 1}), "invalidProperties"),
        (json!({"name": "Một"}), "invalidProperties"),
        (json!({"name": "a/b"}), "invalidProperties"),
        (json!({"name": "x", "role": "inbox"}), "invalidProperties"),
        (json!({"name": "x", "role": "sent"}), "invalidProperties"),
        (json!({"name": "x", "role": "nothing"}), "invalidProperties"),
        (json!({"name": "x", "parentId": "m99"}), "invalidProperties"),
        (
            json!({"name": "x", "parentId": "#none"}),
            "invalidProperties",
        ),
        (json!({"name": "x", "id": "m5"}), "invalidProperties"),
        (json!({"name": "x", "sortOrder": -1}), "invalidProperties"),
    ] {
        let set = create(&house, new.clone()).await;
        assert_eq!(set["notCreated"]["k"]["type"], kind, "{new}: {set}");
    }
    for (id, patch, kind) in [
        (inbox.as_str(), json!({"name": "x"}), "forbidden"),
        (
            inbox.as_str(),
            json!({"totalEmails": 7}),
            "invalidProperties",
        ),
        (one.as_str(), json!({"parentId": two}), "invalidProperties"),
        (one.as_str(), json!({"role": "inbox"}), "invalidProperties"),
        (
            one.as_str(),
            json!({"myRights/mayDelete": true}),
            "invalidPatch",
        ),
        ("m99", json!({"name": "x"}), "notFound"),
    ] {
        let set = house
            .call("Mailbox/set", json!({"update": {id: patch}}))
            .await;
        assert_eq!(set["notUpdated"][id]["type"], kind, "{patch}: {set}");
    }
    let set = house
        .call("Mailbox/set", json!({"destroy": [inbox, "m99"]}))
        .await;
    assert_eq!(set["notDestroyed"][&inbox]["type"], "forbidden");
    assert_eq!(set["notDestroyed"]["m99"]["type"], "notFound");
}

#[tokio::test]
async fn a_role_changes_hands_in_one_call() {
    let house = House::new();
    let mut holder = house.role(&house.an, storage::Role::Archive);
    let other = made(&house, json!({"name": "Lưu trữ mới"})).await;
    // Forth and back, so that the one that gives it up comes first and last in the order of ids.
    for next in [other.clone(), holder.clone()] {
        let update = json!({holder.as_str(): {"role": null}, next.as_str(): {"role": "archive"}});
        let set = house.call("Mailbox/set", json!({"update": update})).await;
        assert_eq!(set["notUpdated"], json!(null), "{set}");
        holder = next;
    }
}

#[tokio::test]
async fn named_twice_is_destroyed_once() {
    let house = House::new();
    let one = made(&house, json!({"name": "Một"})).await;
    let two = made(&house, json!({"name": "Hai"})).await;
    let set = house
        .call("Mailbox/set", json!({"destroy": [one, two, one]}))
        .await;
    assert_eq!(set["destroyed"], json!([one, two]));
    assert_eq!(set["notDestroyed"], json!(null));
}

#[tokio::test]
async fn a_mailbox_with_mail_goes_only_when_asked() {
    let house = House::new();
    let id = made(&house, json!({"name": "Tạm"})).await;
    let only = house.put(&letter("x@x.vn", "chỉ ở đây", "a"));
    let both = house.put(&letter("x@x.vn", "hai nơi", "b"));
    let inbox = house.inbox();
    let update = json!({
        only.as_str(): {"mailboxIds": {id.as_str(): true}},
        both.as_str(): {format!("mailboxIds/{id}"): true},
    });
    house.call("Email/set", json!({"update": update})).await;
    let set = house.call("Mailbox/set", json!({"destroy": [id]})).await;
    assert_eq!(set["notDestroyed"][&id]["type"], "mailboxHasEmail");
    let destroy = json!({"destroy": [id], "onDestroyRemoveEmails": true});
    let set = house.call("Mailbox/set", destroy).await;
    assert_eq!(set["destroyed"], json!([id]));
    let got = house.call("Email/get", json!({"ids": [only, both]})).await;
    assert_eq!(got["notFound"], json!([only]));
    assert_eq!(got["list"][0]["mailboxIds"], json!({inbox.as_str(): true}));
}

#[tokio::test]
async fn changes_tell_counts_apart() {
    let house = House::new();
    let state = |got: &Value| got["state"].as_str().unwrap().to_owned();
    let start = state(&house.call("Mailbox/get", json!({"ids": []})).await);
    house.put(&letter("x@x.vn", "mới", "a"));
    let changes = house
        .call("Mailbox/changes", json!({"sinceState": start}))
        .await;
    assert_eq!(changes["updated"], json!([house.inbox()]));
    let counts = json!([
        "totalEmails",
        "unreadEmails",
        "totalThreads",
        "unreadThreads"
    ]);
    assert_eq!(changes["updatedProperties"], counts);
    let id = made(&house, json!({"name": "Mới"})).await;
    let changes = house
        .call("Mailbox/changes", json!({"sinceState": start}))
        .await;
    assert_eq!(changes["created"], json!([id]));
    assert_eq!(changes["updatedProperties"], Value::Null);
    assert_eq!(changes["hasMoreChanges"], false);
    let first = house
        .call(
            "Mailbox/changes",
            json!({"sinceState": start, "maxChanges": 1}),
        )
        .await;
    assert_eq!(
        (&first["hasMoreChanges"], &first["created"]),
        (&json!(true), &json!([]))
    );
    let next = json!({"sinceState": first["newState"], "maxChanges": 1});
    let second = house.call("Mailbox/changes", next).await;
    assert_eq!(
        (&second["hasMoreChanges"], &second["created"]),
        (&json!(false), &json!([id]))
    );
    house.call("Mailbox/set", json!({"destroy": [id]})).await;
    let changes = house
        .call("Mailbox/changes", json!({"sinceState": start}))
        .await;
    assert_eq!(
        (&changes["created"], &changes["destroyed"]),
        (&json!([]), &json!([]))
    );
    for bad in ["", "0", "01", "x", "999999"] {
        let refused = house
            .refusal("Mailbox/changes", json!({"sinceState": bad}))
            .await;
        assert_eq!(refused, "cannotCalculateChanges", "{bad:?}");
    }
    let none = json!({"sinceState": start, "maxChanges": 0});
    assert_eq!(
        house.refusal("Mailbox/changes", none).await,
        "invalidArguments"
    );
}

#[tokio::test]
async fn queries() {
    let house = House::new();
    let a = made(&house, json!({"name": "Ăn", "sortOrder": 90})).await;
    let b = made(
        &house,
        json!({"name": "Bàn", "sortOrder": 90, "isSubscribed": false}),
    )
    .await;
    let c = made(
        &house,
        json!({"name": "Con", "sortOrder": 1, "parentId": b}),
    )
    .await;
    let check = async |arguments: Value, expected: &[&String]| {
        let found = house.call("Mailbox/query", arguments.clone()).await;
        assert_eq!(found["ids"], json!(expected), "{arguments}");
    };
    let by_name = json!([{"property": "name"}]);
    check(
        json!({"filter": {"hasAnyRole": false}, "sort": by_name}),
        &[&a, &b, &c],
    )
    .await;
    let by_order = json!([{"property": "sortOrder"}, {"property": "name", "isAscending": false}]);
    check(
        json!({"filter": {"hasAnyRole": false}, "sort": by_order}),
        &[&c, &b, &a],
    )
    .await;
    let tree = json!({"filter": {"hasAnyRole": false}, "sort": by_order, "sortAsTree": true});
    check(tree, &[&b, &c, &a]).await;
    check(json!({"filter": {"name": "ban"}}), &[&b]).await;
    check(json!({"filter": {"parentId": b}}), &[&c]).await;
    check(json!({"filter": {"isSubscribed": false}}), &[&b]).await;
    let leaf = json!({"name": "con"});
    check(json!({"filter": leaf, "filterAsTree": true}), &[]).await;
    check(json!({"filter": {"role": "inbox"}}), &[&house.inbox()]).await;
    let not = json!({"operator": "NOT", "conditions": [{"hasAnyRole": true}, {"name": "Ăn"}]});
    check(
        json!({"filter": not, "sort": by_name, "position": 1, "limit": 1}),
        &[&c],
    )
    .await;
    let bogus = json!({"filter": {"bogus": 1}});
    assert_eq!(
        house.refusal("Mailbox/query", bogus).await,
        "unsupportedFilter"
    );
    let bogus = json!({"sort": [{"property": "bogus"}]});
    assert_eq!(
        house.refusal("Mailbox/query", bogus).await,
        "unsupportedSort"
    );
    let since = json!({"sinceQueryState": "1"});
    assert_eq!(
        house.refusal("Mailbox/queryChanges", since).await,
        "cannotCalculateChanges"
    );
}
