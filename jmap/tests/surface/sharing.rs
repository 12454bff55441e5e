//! RFC 9670: with whom a mailbox is shared, who there is to share with, and how those learn of it.

use crate::house::{House, get, letter};
use crate::shared::{ask, give, put, refused, theirs, try_as};
use axum::response::Response;
use directory::{AccountKind, AgencyId, NewAccount, Rights, Sharing};
use formats::address::Address;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::time::Duration;
use storage::{AccountId, MailboxId, Role};

/// An account besides An's and Bình's.
fn account(house: &House, address: &str, kind: AccountKind) -> AccountId {
    let new = NewAccount {
        address: Address::parse(address).unwrap(),
        kind,
        agency: AgencyId("H99".into()),
        name: "Văn thư".into(),
        position: None,
        quota: None,
        messages_max: None,
    };
    house.directory.create_account(None, new).unwrap().id
}

fn principal(id: AccountId) -> String {
    format!("p{id}")
}

/// The letters that An's inbox gives, as IMAP's GETACL has them.
fn letters(house: &House, to: Sharing) -> String {
    let inbox = MailboxId::new(house.inbox()[1..].parse().unwrap()).unwrap();
    let (_, own) = house.an.shares(house.an.account(), inbox).unwrap();
    own.given(to).to_string()
}

async fn set(house: &House, patch: Value) -> Value {
    let inbox = house.inbox();
    let done = house
        .call("Mailbox/set", json!({"update": {inbox.as_str(): patch}}))
        .await;
    match &done["notUpdated"][&inbox] {
        Value::Null => done["updated"][&inbox].clone(),
        refused => refused["type"].clone(),
    }
}

async fn list(house: &House) -> Value {
    let wish = json!({"ids": [house.inbox()], "properties": ["shareWith"]});
    house.call("Mailbox/get", wish).await["list"][0]["shareWith"].clone()
}

#[tokio::test]
async fn a_list_of_rights_is_read_and_written() {
    let house = House::new();
    let binh = Sharing::Account(house.binh.account());
    let key = principal(house.binh.account());
    let reads = json!({"mayReadItems": true, "maySetSeen": true});
    assert_eq!(list(&house).await, Value::Null);
    // The rights that were not named are told.
    let told = set(&house, json!({"shareWith": {key.as_str(): reads}})).await;
    assert_eq!(told, Value::Null);
    assert_eq!(letters(&house, binh), "lrs");
    let shown = list(&house).await;
    assert_eq!(shown[&key]["mayReadItems"], true);
    assert_eq!(shown[&key]["mayAddItems"], false);
    assert_eq!(shown[&key]["mayShare"], false);
    let got = ask(&house, "Mailbox/get", json!({})).await;
    assert_eq!(got["list"][0]["myRights"]["maySetSeen"], true);
    assert_eq!(got["list"][0]["shareWith"], Value::Null);
    // By part.
    let path = |rest: &str| format!("shareWith/{key}{rest}");
    let told = set(
        &house,
        json!({path("/mayAddItems"): true, path("/maySetSeen"): false}),
    )
    .await;
    assert_eq!(told, Value::Null);
    assert_eq!(letters(&house, binh), "lri");
    set(&house, json!({"shareWith/anyone": {"mayReadItems": true}})).await;
    assert_eq!(letters(&house, Sharing::Anyone), "lr");
    // What JMAP has no word for stays when the list comes back as it was, or with another entry changed.
    give(&house, Role::Inbox, "lrt");
    let same = list(&house).await;
    set(&house, json!({"shareWith": same})).await;
    set(&house, json!({"shareWith/anyone": null})).await;
    assert_eq!(letters(&house, binh), "lrt");
    assert_eq!(letters(&house, Sharing::Anyone), "");
    set(&house, json!({path("/mayAddItems"): true})).await;
    assert_eq!(letters(&house, binh), "lrit");
    // A right that is refused takes all of its letters, also those that were given without the other (RFC 8621 §2).
    for partial in ["lre", "lrt"] {
        for refused in [
            json!({"shareWith": {key.as_str(): {"mayReadItems": true}}}),
            json!({path(""): {"mayReadItems": true, "mayRemoveItems": false}}),
            json!({path("/mayRemoveItems"): false}),
        ] {
            give(&house, Role::Inbox, partial);
            set(&house, refused.clone()).await;
            assert_eq!(letters(&house, binh), "lr", "{partial} {refused}");
        }
    }
    give(&house, Role::Inbox, "lrt");
    // One letter stands for two rights of JMAP: what came of it is told.
    let told = set(
        &house,
        json!({"shareWith": {key.as_str(): {"mayDelete": true}}}),
    )
    .await;
    assert_eq!(told["shareWith"][&key]["mayRename"], true);
    assert_eq!(letters(&house, binh), "x");
    set(&house, json!({"shareWith": null})).await;
    assert_eq!(list(&house).await, Value::Null);
    assert_eq!(
        refused(&house, "Mailbox/get", json!({})).await,
        "accountNotFound"
    );
}

#[tokio::test]
async fn a_list_that_makes_no_sense_is_refused() {
    let house = House::new();
    let key = principal(house.binh.account());
    let own = principal(house.an.account());
    for (patch, error) in [
        (
            json!({"shareWith": {own.as_str(): {"mayReadItems": true}}}),
            "invalidProperties",
        ),
        (
            json!({"shareWith": {"p999": {"mayReadItems": true}}}),
            "invalidProperties",
        ),
        (
            json!({"shareWith": {"x": {"mayReadItems": true}}}),
            "invalidProperties",
        ),
        (
            json!({"shareWith": {key.as_str(): {"mayFly": true}}}),
            "invalidProperties",
        ),
        (
            json!({"shareWith": {key.as_str(): {"mayReadItems": 1}}}),
            "invalidProperties",
        ),
        (
            json!({"shareWith": {key.as_str(): true}}),
            "invalidProperties",
        ),
        (json!({"shareWith": 3}), "invalidProperties"),
        (
            json!({format!("shareWith/{key}/mayReadItems"): true}),
            "invalidPatch",
        ),
        (
            json!({"shareWith": null, "shareWith/anyone": {}}),
            "invalidPatch",
        ),
    ] {
        assert_eq!(set(&house, patch.clone()).await, error, "{patch}");
        assert_eq!(list(&house).await, Value::Null, "{patch}");
    }
    // Only who administers it may.
    give(&house, Role::Inbox, "lrx");
    let anyone = json!({"shareWith/anyone": {"mayReadItems": true}});
    let inbox = theirs(&house, &house.inbox());
    let share = json!({"update": {inbox.as_str(): anyone}});
    let refused = ask(&house, "Mailbox/set", share.clone()).await;
    assert_eq!(refused["notUpdated"][&inbox]["type"], "forbidden");
    give(&house, Role::Inbox, "lra");
    let done = ask(&house, "Mailbox/set", share).await;
    assert_eq!(done["notUpdated"], Value::Null, "{done}");
    assert_eq!(letters(&house, Sharing::Anyone), "lr");
    let got = ask(&house, "Mailbox/get", json!({})).await;
    assert_eq!(got["list"][0]["shareWith"]["anyone"]["mayReadItems"], true);
}

/// What is given over a seat's account as a whole cannot be taken away of one mailbox, as over IMAP.
#[tokio::test]
async fn rights_over_the_whole_account_stay() {
    let house = House::new();
    let office = account(&house, "vanthu@tinh.gov.vn", AccountKind::Shared);
    let rights = Rights::parse("lrswipkxtea").unwrap();
    let member = |who, rights| house.directory.set_member(None, office, who, rights, None);
    member(house.an.account(), rights).unwrap();
    member(house.binh.account(), Rights::parse("lr").unwrap()).unwrap();
    let wish = json!({"accountId": format!("a{office}")});
    let got = house.call("Mailbox/get", wish).await;
    let inbox = got["list"]
        .as_array()
        .unwrap()
        .iter()
        .find(|m| m["role"] == "inbox");
    let inbox = inbox.unwrap().clone();
    let key = principal(house.binh.account());
    assert_eq!(inbox["shareWith"][&key]["mayReadItems"], true);
    let id = inbox["id"].as_str().unwrap();
    let patch = json!({format!("shareWith/{key}"): null});
    let change = json!({"accountId": format!("a{office}"), "update": {id: patch}});
    let done = house.call("Mailbox/set", change).await;
    assert_eq!(done["notUpdated"][id]["type"], "forbidden");
}

/// Somebody under another topmost agency.
fn stranger(house: &House) -> AccountId {
    let elsewhere = directory::NewAgency {
        id: AgencyId("G01".into()),
        parent: None,
        name: "Bộ".into(),
        name_en: None,
        quota: directory::AgencyQuota::default(),
        profile: directory::AgencyProfile::default(),
    };
    house.directory.create_agency(None, elsewhere).unwrap();
    let domain = formats::address::DomainName::parse("bo.gov.vn").unwrap();
    house
        .directory
        .create_domain(None, domain, AgencyId("G01".into()))
        .unwrap();
    let new = NewAccount {
        address: Address::parse("x@bo.gov.vn").unwrap(),
        kind: AccountKind::Person,
        agency: AgencyId("G01".into()),
        name: "Người lạ".into(),
        position: None,
        quota: None,
        messages_max: None,
    };
    house.directory.create_account(None, new).unwrap().id
}

#[tokio::test]
async fn principals_are_those_that_the_directory_shows() {
    let house = House::new();
    let office = account(&house, "vanthu@tinh.gov.vn", AccountKind::Shared);
    let stranger = stranger(&house);
    let got = house.call("Principal/get", json!({})).await;
    let ids: Vec<&Value> = got["list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| &p["id"])
        .collect();
    let (an, binh) = (
        principal(house.an.account()),
        principal(house.binh.account()),
    );
    assert_eq!(
        ids,
        [
            &json!("anyone"),
            &json!(an),
            &json!(binh),
            &json!(principal(office))
        ]
    );
    let got = house
        .call("Principal/get", json!({"ids": [principal(stranger), "x"]}))
        .await;
    assert_eq!(got["notFound"], json!([principal(stranger), "x"]));
    let got = house.call("Principal/get", json!({"ids": [binh]})).await;
    let shown = &got["list"][0];
    assert_eq!(shown["type"], "individual");
    assert_eq!(shown["name"], "Trần Thị Bình");
    assert_eq!(shown["email"], "binhtt@tinh.gov.vn");
    assert_eq!(shown["accounts"], Value::Null);
    let query = |filter: Value| house.call("Principal/query", json!({"filter": filter}));
    assert_eq!(query(json!({"name": "Bình"})).await["ids"], json!([binh]));
    assert_eq!(query(json!({"text": "annv@"})).await["ids"], json!([an]));
    assert_eq!(
        query(json!({"type": "group", "email": "vanthu"})).await["ids"],
        json!([principal(office)])
    );
    let mine = house.account();
    assert_eq!(
        query(json!({"accountIds": [mine]})).await["ids"],
        json!([an])
    );
    for name in ["Principal/set", "ShareNotification/set"] {
        let done = house.call(name, json!({"create": {"k": {}}})).await;
        assert_eq!(done["notCreated"]["k"]["type"], "forbidden", "{name}");
    }
    // They are in one's own account.
    give(&house, Role::Inbox, "lr");
    let (_, error) = try_as(&house, &house.binh, "Principal/get", json!({})).await;
    assert_eq!(error["type"], "accountNotSupportedByMethod");
}

/// RFC 9670 §2.2, §2.5: who came, who is shown otherwise, and who went.
#[tokio::test]
async fn changes_of_principals_are_told() {
    let house = House::new();
    let office = account(&house, "vanthu@tinh.gov.vn", AccountKind::Shared);
    let mine = format!("a{}", house.binh.account());
    let own = async |name: &str, mut arguments: Value| {
        arguments["accountId"] = mine.as_str().into();
        try_as(&house, &house.binh, name, arguments).await.1
    };
    let people = json!({"type": "individual"});
    let got = own("Principal/get", json!({"ids": []})).await;
    let found = own("Principal/query", json!({"filter": people})).await;
    assert_eq!(found["canCalculateChanges"], true);
    assert_eq!(found["queryState"], got["state"]);
    let same = own("Principal/changes", json!({"sinceState": got["state"]})).await;
    assert_eq!(
        (&same["newState"], &same["created"]),
        (&got["state"], &json!([]))
    );

    let chi = account(&house, "chi@tinh.gov.vn", AccountKind::Person);
    let renamed = directory::Account {
        name: "Nguyễn Văn Ân".into(),
        ..house.directory.account(house.an.account()).unwrap()
    };
    house.directory.change_account(None, renamed, None).unwrap();
    let retired = directory::Account {
        state: directory::AccountState::Retired,
        ..house.directory.account(office).unwrap()
    };
    house.directory.change_account(None, retired, None).unwrap();
    // Nobody hears of who is not to be seen.
    stranger(&house);
    let (an, chi, office) = (
        principal(house.an.account()),
        principal(chi),
        principal(office),
    );
    let told = own("Principal/changes", json!({"sinceState": got["state"]})).await;
    assert_eq!(
        [&told["created"], &told["updated"], &told["destroyed"]],
        [&json!([chi]), &json!([an]), &json!([office])]
    );
    let since = json!({"filter": people, "sinceQueryState": found["queryState"]});
    let moved = own("Principal/queryChanges", since.clone()).await;
    assert_eq!(moved["removed"], json!([an, office]));
    let now = own("Principal/query", json!({"filter": people})).await;
    let place = |id: &String| now["ids"].as_array().unwrap().iter().position(|i| i == id);
    let mut added = [(place(&an).unwrap(), &an), (place(&chi).unwrap(), &chi)];
    added.sort_unstable();
    let added = added.map(|(index, id)| json!({"id": id, "index": index}));
    assert_eq!(moved["added"], json!(added));
    let few = json!({"filter": people, "sinceQueryState": found["queryState"], "maxChanges": 3});
    assert_eq!(
        own("Principal/queryChanges", few).await["type"],
        "tooManyChanges"
    );
}

/// RFC 9670 §2 accounts: what is shared makes another object of who shares it.
#[tokio::test]
async fn a_principal_changes_with_what_is_shared() {
    let house = House::new();
    let an = principal(house.an.account());
    let mine = format!("a{}", house.binh.account());
    let own = async |name: &str, mut arguments: Value| {
        arguments["accountId"] = mine.as_str().into();
        try_as(&house, &house.binh, name, arguments).await.1
    };
    let before = own("Principal/get", json!({"ids": []})).await;
    let chi = principal(account(&house, "chi@tinh.gov.vn", AccountKind::Person));
    give(&house, Role::Inbox, "lr");
    let since = |state: &Value, max: u64| json!({"sinceState": state, "maxChanges": max});
    let shared = own("Principal/changes", since(&before["state"], 10)).await;
    assert_eq!(
        [&shared["created"], &shared["updated"], &shared["destroyed"]],
        [&json!([chi]), &json!([an]), &json!([])]
    );
    let got = own("Principal/get", json!({"ids": [an]})).await;
    assert_eq!(got["state"], shared["newState"]);
    assert!(got["list"][0]["accounts"][house.account()].is_object());
    // In parts.
    let first = own("Principal/changes", since(&before["state"], 1)).await;
    assert_eq!(
        (&first["updated"], &first["hasMoreChanges"]),
        (&json!([an]), &json!(true))
    );
    let last = own("Principal/changes", since(&first["newState"], 1)).await;
    assert_eq!(
        (&last["created"], &last["hasMoreChanges"]),
        (&json!([chi]), &json!(false))
    );
    assert_eq!(last["newState"], got["state"]);
    for (arguments, error) in [
        (json!({"sinceState": "x"}), "cannotCalculateChanges"),
        (since(&got["state"], 0), "invalidArguments"),
    ] {
        assert_eq!(own("Principal/changes", arguments).await["type"], error);
    }
}

/// RFC 9670 §1.5: what the accounts of a session say of principals; and what they say of each other is there.
#[tokio::test]
async fn the_session_names_whose_accounts_are_whose() {
    let house = House::new();
    give(&house, Role::Archive, "lr");
    let session = house.get(&house.binh, "/jmap/session").await.json();
    let uri = "urn:ietf:params:jmap:principals";
    assert_eq!(session["capabilities"][uri], json!({}));
    let owner = format!("{uri}:owner");
    assert_eq!(session["capabilities"][&owner], Value::Null);
    let mine = format!("a{}", house.binh.account());
    assert_eq!(session["primaryAccounts"][uri], mine);
    let of = |account: &str| session["accounts"][account]["accountCapabilities"].clone();
    assert_eq!(
        of(&mine)[uri],
        json!({"currentUserPrincipalId": principal(house.binh.account())})
    );
    assert_eq!(
        of(&house.account())[uri],
        Value::Null,
        "no principals are there"
    );
    for (account, who) in [(mine.clone(), &house.binh), (house.account(), &house.an)] {
        let said = json!({
            "accountIdForPrincipal": mine, "principalId": principal(who.account()),
        });
        assert_eq!(of(&account)[&owner], said);
        let wish = json!({"accountId": mine, "ids": [said["principalId"]]});
        let (_, got) = try_as(&house, &house.binh, "Principal/get", wish).await;
        assert!(got["list"][0]["accounts"][&account].is_object(), "{got}");
    }
}

/// RFC 9670 §1.4: a session lists what one is subscribed to; the rest is found by its principal.
#[tokio::test]
async fn what_is_not_subscribed_to_is_found_by_its_principal() {
    let house = House::new();
    let an = principal(house.an.account());
    set(&house, json!({"shareWith/anyone": {"mayReadItems": true}})).await;
    let listed = |session: Value| session["accounts"][house.account()] != Value::Null;
    assert!(!listed(
        house.get(&house.binh, "/jmap/session").await.json()
    ));
    let own = format!("a{}", house.binh.account());
    let wish = json!({"accountId": own, "ids": [an]});
    let got = ask(&house, "Principal/get", wish.clone()).await;
    let shown = &got["list"][0]["accounts"][house.account()];
    assert_eq!(shown["isPersonal"], false);
    let inbox = theirs(&house, &house.inbox());
    let on = |on: bool| json!({"update": {inbox.as_str(): {"isSubscribed": on}}});
    ask(&house, "Mailbox/set", on(true)).await;
    assert!(listed(house.get(&house.binh, "/jmap/session").await.json()));
    ask(&house, "Mailbox/set", on(false)).await;
    assert!(!listed(
        house.get(&house.binh, "/jmap/session").await.json()
    ));
    // Given by name, it is there without one's doing anything, until one wants it no more.
    give(&house, Role::Archive, "lr");
    assert!(listed(house.get(&house.binh, "/jmap/session").await.json()));
}

async fn next(stream: &mut Response) -> Value {
    let frame = tokio::time::timeout(Duration::from_secs(20), stream.body_mut().frame()).await;
    let data = frame.unwrap().unwrap().unwrap().into_data().unwrap();
    let text = String::from_utf8(data.to_vec()).unwrap();
    let data = text.lines().find_map(|l| l.strip_prefix("data: "));
    data.map_or(Value::Null, |data| {
        serde_json::from_str::<Value>(data).unwrap()["changed"].clone()
    })
}

#[tokio::test]
async fn changes_are_pushed_to_whom_they_are_shared_with() {
    let house = House::new();
    let query = "/jmap/eventsource/?types=Email,Mailbox&closeafter=no&ping=0";
    let mut stream = house.open(Some(&house.binh), get(query)).await;
    assert_eq!(next(&mut stream).await, Value::Null);
    // What is given in the middle of it is told of.
    give(&house, Role::Inbox, "lr");
    let account = house.account();
    let got = ask(&house, "Email/get", json!({"ids": []})).await;
    let all = json!({account.as_str(): {"Email": got["state"], "Mailbox": got["state"]}});
    assert_eq!(next(&mut stream).await, all);
    put(&house, Role::Inbox, &letter("x@x.vn", "a", "b"));
    let got = ask(&house, "Email/get", json!({"ids": []})).await;
    let all = json!({account.as_str(): {"Email": got["state"], "Mailbox": got["state"]}});
    assert_eq!(next(&mut stream).await, all);
    // What happens where one does not look is not told; what comes after it is.
    put(&house, Role::Archive, &letter("x@x.vn", "kín", "b"));
    let own = house.put_for(&house.binh, &letter("x@x.vn", "c", "d"), 0, &[]);
    assert!(own.starts_with('e'));
    let told = next(&mut stream).await;
    assert_eq!(told[&account], Value::Null, "{told}");
    assert!(
        told[format!("a{}", house.binh.account())].is_object(),
        "{told}"
    );
    // Taken away, it is told of no more.
    give(&house, Role::Inbox, "");
    put(&house, Role::Inbox, &letter("x@x.vn", "e", "f"));
    house.put_for(&house.binh, &letter("x@x.vn", "g", "h"), 0, &[]);
    let told = next(&mut stream).await;
    assert_eq!(told[&account], Value::Null, "{told}");
}

/// The owner's clients hear that a list changed, whoever changed it.
#[tokio::test]
async fn a_changed_list_is_a_changed_mailbox() {
    let house = House::new();
    let before = house.call("Mailbox/get", json!({"ids": []})).await["state"].clone();
    give(&house, Role::Inbox, "lr");
    let told = house
        .call("Mailbox/changes", json!({"sinceState": before}))
        .await;
    assert_eq!(told["updated"], json!([house.inbox()]));
    assert_eq!(told["updatedProperties"], Value::Null);
}
