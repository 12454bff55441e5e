//! The accounts of others, seen and used as far as the rights over each mailbox go (RFC 4314 §2.1, RFC 8621 §2).

use crate::house::{House, NOW_S, RICH, letter};
use directory::{Access, Rights, RightsChange, Sharing};
use http::StatusCode;
use serde_json::{Value, json};
use storage::{Append, MailboxId, Role};

/// An gives Bình these rights over a mailbox in this role.
pub(crate) fn give(house: &House, role: Role, letters: &str) {
    let mailbox = house.role(&house.an, role);
    give_over(house, &mailbox, letters);
}

pub(crate) fn give_over(house: &House, mailbox: &str, letters: &str) {
    let (_, number) = mailbox.rsplit_once('m').unwrap();
    let id = MailboxId::new(number.parse().unwrap()).unwrap();
    let to = Sharing::Account(house.binh.account());
    let rights = RightsChange::Set(Rights::parse(letters).unwrap());
    let done = house.an.change_share(house.an.account(), id, to, rights);
    done.unwrap();
}

/// How Bình names what An names so (RFC 8474 §4, RFC 9698 §3).
pub(crate) fn theirs(house: &House, id: &str) -> String {
    format!("{}-{id}", house.account())
}

/// Puts a message into An's mailbox in this role.
pub(crate) fn put(house: &House, role: Role, raw: &[u8]) -> String {
    let mail = house.store.account(house.an.account());
    let mailbox = mail.by_role(role).unwrap().unwrap().id;
    let blob = house.store.put_blob(raw).unwrap();
    let mut writer = mail.write().unwrap();
    let placed = writer.append(Append {
        blob,
        summary: &formats::message::summarize(raw),
        received_at: NOW_S,
        keywords: Vec::new(),
        mailboxes: vec![mailbox],
        delivery: None,
    });
    let email = placed.unwrap().email;
    writer.commit().unwrap();
    format!("e{email}")
}

/// One call of somebody on An's account: the response's name and arguments.
pub(crate) async fn try_as(
    house: &House,
    who: &Access,
    name: &str,
    mut arguments: Value,
) -> (String, Value) {
    if arguments.get("accountId").is_none() {
        arguments["accountId"] = house.account().into();
    }
    let response = house.calls(who, json!([[name, arguments, "c"]])).await;
    let first = &response["methodResponses"][0];
    (first[0].as_str().unwrap().to_owned(), first[1].clone())
}

/// One call of Bình on An's account, that must not fail as a whole.
pub(crate) async fn ask(house: &House, name: &str, arguments: Value) -> Value {
    let (answered, arguments) = try_as(house, &house.binh, name, arguments).await;
    assert_eq!(answered, name, "{arguments}");
    arguments
}

/// One that must fail as a whole: the type of the error.
pub(crate) async fn refused(house: &House, name: &str, arguments: Value) -> String {
    let (answered, arguments) = try_as(house, &house.binh, name, arguments).await;
    assert_eq!(answered, "error", "{name}: {arguments}");
    arguments["type"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_session_lists_what_is_shared() {
    let house = House::new();
    let account = house.account();
    let session = house.get(&house.binh, "/jmap/session").await.json();
    assert_eq!(session["accounts"].as_object().unwrap().len(), 1);
    // What may be posted to and not looked up is not there.
    give(&house, Role::Inbox, "p");
    let session = house.get(&house.binh, "/jmap/session").await.json();
    assert_eq!(session["accounts"][&account], Value::Null);
    assert_eq!(
        refused(&house, "Mailbox/get", json!({})).await,
        "accountNotFound"
    );
    let before = session["state"].clone();
    give(&house, Role::Inbox, "lr");
    let session = house.get(&house.binh, "/jmap/session").await.json();
    assert_ne!(session["state"], before);
    let shown = &session["accounts"][&account];
    assert_eq!(shown["name"], "annv@tinh.gov.vn");
    assert_eq!(shown["isPersonal"], false);
    assert_eq!(shown["isReadOnly"], true);
    let mail = &shown["accountCapabilities"]["urn:ietf:params:jmap:mail"];
    assert_eq!(mail["mayCreateTopLevelMailbox"], false);
    give(&house, Role::Inbox, "lrs");
    let session = house.get(&house.binh, "/jmap/session").await.json();
    assert_eq!(session["accounts"][&account]["isReadOnly"], false);
    // An sees nothing of Bình's for that.
    let session = house.get(&house.an, "/jmap/session").await.json();
    assert_eq!(session["accounts"].as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn i17_only_what_may_be_looked_up_is_there() {
    let house = House::new();
    let blobs = [
        put(&house, Role::Inbox, RICH),
        put(&house, Role::Archive, &letter("x@x.vn", "kín", "bí mật")),
    ];
    let [seen, hidden] = blobs.each_ref().map(|id| theirs(&house, id));
    let inbox = theirs(&house, &house.inbox());
    give(&house, Role::Inbox, "lr");
    let got = ask(&house, "Mailbox/get", json!({})).await;
    let list = got["list"].as_array().unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0]["id"], inbox.as_str());
    assert_eq!(list[0]["isSubscribed"], true);
    assert_eq!(list[0]["shareWith"], Value::Null);
    assert_eq!(list[0]["totalEmails"], 1);
    let rights = list[0]["myRights"].as_object().unwrap();
    for (name, given) in rights {
        assert_eq!(*given, json!(name == "mayReadItems"), "{name}");
    }
    let archive = theirs(&house, &house.role(&house.an, Role::Archive));
    // Nor what has no account before it: that is how An names it.
    let strange = json!([archive, house.inbox()]);
    let got = ask(&house, "Mailbox/get", json!({"ids": strange})).await;
    assert_eq!(got["notFound"], strange);
    let found = ask(&house, "Mailbox/query", json!({})).await;
    assert_eq!(found["ids"], json!([inbox]));

    let both = json!({"ids": [seen, hidden], "properties": ["mailboxIds"]});
    let got = ask(&house, "Email/get", both).await;
    assert_eq!(got["list"][0]["mailboxIds"], json!({inbox.as_str(): true}));
    assert_eq!(got["notFound"], json!([hidden]));
    let all = ask(&house, "Email/query", json!({"calculateTotal": true})).await;
    assert_eq!((&all["ids"], &all["total"]), (&json!([seen]), &json!(1)));
    for filter in [
        json!({"inMailbox": archive}),
        json!({"text": "bí mật"}),
        json!({"inMailboxOtherThan": [inbox]}),
    ] {
        let found = ask(&house, "Email/query", json!({"filter": filter})).await;
        assert_eq!(found["ids"], json!([]));
    }
    let thread = hidden.replace('e', "t");
    let got = ask(&house, "Thread/get", json!({"ids": [thread]})).await;
    assert_eq!(got["notFound"], json!([thread]));
    let snippets = json!({"filter": {"text": "bí"}, "emailIds": [hidden]});
    let got = ask(&house, "SearchSnippet/get", snippets).await;
    assert_eq!(got["notFound"], json!([hidden]));
    let got = ask(&house, "Email/parse", json!({"blobIds": [blobs[1]]})).await;
    assert_eq!(got["notFound"], json!([blobs[1]]));
    let statuses = [StatusCode::OK, StatusCode::NOT_FOUND];
    for ((email, blob), status) in [seen.clone(), hidden].iter().zip(&blobs).zip(statuses) {
        let account = house.account();
        for path in [
            format!("/jmap/download/{account}/{blob}/x.eml"),
            format!("/mail/html/{account}/{email}"),
        ] {
            assert_eq!(house.get(&house.binh, &path).await.status, status, "{path}");
        }
    }
    assert_eq!(
        refused(&house, "Email/set", json!({"destroy": [seen]})).await,
        "accountReadOnly"
    );
}

/// RFC 8621 §2: a mailbox below one that is not shared has its place in the tree.
#[tokio::test]
async fn a_shared_mailbox_below_a_hidden_one_keeps_its_place() {
    let house = House::new();
    let new = json!({"create": {"p": {"name": "Kín"}, "c": {"name": "Chung", "parentId": "#p"}}});
    let made = house.call("Mailbox/set", new).await;
    let parent = made["created"]["p"]["id"].as_str().unwrap().to_owned();
    let child = made["created"]["c"]["id"].as_str().unwrap().to_owned();
    give_over(&house, &child, "lr");
    let [parent, child] = [parent, child].map(|id| theirs(&house, &id));
    let got = ask(&house, "Mailbox/get", json!({})).await;
    let list = got["list"].as_array().unwrap();
    assert_eq!(list.len(), 2);
    let way = list.iter().find(|m| m["id"] == parent.as_str()).unwrap();
    assert_eq!(way["myRights"]["mayReadItems"], false);
    assert_eq!(way["totalEmails"], 0);
    let end = list.iter().find(|m| m["id"] == child.as_str()).unwrap();
    assert_eq!(end["parentId"], parent.as_str());
    assert_eq!(end["myRights"]["mayReadItems"], true);
    // A way that comes or goes is not in the log: whoever knows the old ones is to read all anew.
    let (_, own) = child.split_once('-').unwrap();
    let (_, above) = parent.split_once('-').unwrap();
    let mut since = got["state"].clone();
    for (to, count) in [(Value::Null, 1), (json!(above), 2)] {
        let change = json!({"update": {own: {"parentId": to}}});
        let set = house.call("Mailbox/set", change).await;
        assert_eq!(set["notUpdated"], Value::Null, "{set}");
        assert_eq!(
            refused(&house, "Mailbox/changes", json!({"sinceState": since})).await,
            "cannotCalculateChanges"
        );
        let got = ask(&house, "Mailbox/get", json!({})).await;
        assert_eq!(got["list"].as_array().unwrap().len(), count);
        since = got["state"].clone();
    }
    // The name of a way is told.
    let change = json!({"update": {above: {"name": "Mật"}}});
    house.call("Mailbox/set", change).await;
    let told = ask(&house, "Mailbox/changes", json!({"sinceState": since})).await;
    assert_eq!(told["updated"], json!([parent]));
}

/// RFC 8620 §5.3: the new state is what Mailbox/get would say right after, also where the rights came or went with it.
#[tokio::test]
async fn the_state_after_a_change_can_be_gone_on_from() {
    let house = House::new();
    let inbox = theirs(&house, &house.inbox());
    give(&house, Role::Inbox, "lrkx");
    let new = json!({"create": {"k": {"name": "Việc", "parentId": inbox}}});
    let mut change = new;
    for step in ["create", "destroy"] {
        let set = ask(&house, "Mailbox/set", change).await;
        let got = ask(&house, "Mailbox/get", json!({"ids": []})).await;
        assert_eq!(set["newState"], got["state"], "{step}");
        assert_ne!(set["newState"], set["oldState"], "{step}");
        let since = json!({"sinceState": set["newState"]});
        let told = ask(&house, "Mailbox/changes", since).await;
        assert_eq!(told["created"], json!([]), "{step}");
        change = json!({"destroy": [set["created"]["k"]["id"]]});
    }
}

/// What becomes of an update of one message by Bình: `None` when it is done.
async fn update(house: &House, email: &str, patch: Value) -> Option<String> {
    let set = json!({"update": {email: patch}});
    let (name, done) = try_as(house, &house.binh, "Email/set", set).await;
    match name.as_str() {
        "error" => Some(done["type"].as_str().unwrap().to_owned()),
        _ => {
            let refused = &done["notUpdated"][email]["type"];
            refused.as_str().map(str::to_owned)
        }
    }
}

#[tokio::test]
async fn each_change_takes_its_right() {
    let house = House::new();
    let inbox = theirs(&house, &house.inbox());
    let archive = theirs(&house, &house.role(&house.an, Role::Archive));
    let seen = json!({"keywords/$seen": true});
    let flag = json!({"keywords/$flagged": true});
    let away = json!({"mailboxIds": {archive.as_str(): true}});
    let table = [
        // Over the inbox, over the archive, and what may be done of: see, flag, move away, destroy.
        ("lr", "lr", [false, false, false, false]),
        ("lrs", "", [true, false, false, false]),
        ("lrsw", "", [true, true, false, false]),
        ("lrste", "lr", [true, false, false, true]),
        ("lrste", "i", [true, false, false, true]),
        ("lrste", "li", [true, false, true, true]),
        ("lrt", "lri", [false, false, false, false]),
        ("lrswi", "lri", [true, true, false, false]),
    ];
    for (over, there, expected) in table {
        give(&house, Role::Inbox, over);
        give(&house, Role::Archive, there);
        let mut done = Vec::new();
        for patch in [&seen, &flag, &away] {
            let email = put(&house, Role::Inbox, &letter("x@x.vn", "a", "b"));
            let email = theirs(&house, &email);
            done.push(update(&house, &email, patch.clone()).await.is_none());
        }
        let email = put(&house, Role::Inbox, &letter("x@x.vn", "a", "b"));
        let email = theirs(&house, &email);
        let set = json!({"destroy": [email]});
        let (_, set) = try_as(&house, &house.binh, "Email/set", set).await;
        done.push(set["destroyed"] == json!([email]));
        assert_eq!(done, expected, "{over} {there}");
    }
    give(&house, Role::Inbox, "lrswi");
    let new = |keywords: Value| json!({"create": {"k": {"mailboxIds": {inbox.as_str(): true}, "keywords": keywords, "subject": "x"}}});
    let set = ask(&house, "Email/set", new(json!({"$draft": true}))).await;
    assert!(set["created"]["k"]["id"].is_string(), "{set}");
    give(&house, Role::Inbox, "lri");
    let set = ask(&house, "Email/set", new(json!({"$draft": true}))).await;
    assert_eq!(set["notCreated"]["k"]["type"], "forbidden");
    give(&house, Role::Inbox, "lrs");
    let set = ask(&house, "Email/set", new(json!({}))).await;
    assert_eq!(set["notCreated"]["k"]["type"], "forbidden");
}

/// A message that is in a hidden mailbox too stays there, whatever is done to it where it is seen.
#[tokio::test]
async fn what_is_elsewhere_stays() {
    let house = House::new();
    let (inbox, archive) = (house.inbox(), house.role(&house.an, Role::Archive));
    let both = json!({"mailboxIds": {inbox.as_str(): true, archive.as_str(): true}});
    give(&house, Role::Inbox, "lrte");
    give(&house, Role::Junk, "lri");
    let junk = house.role(&house.an, Role::Junk);
    for (change, left) in [
        (json!({"destroy": ["E"]}), json!({archive.as_str(): true})),
        (
            json!({"update": {"E": {"mailboxIds": {theirs(&house, &junk): true}}}}),
            json!({archive.as_str(): true, junk.as_str(): true}),
        ),
    ] {
        let email = put(&house, Role::Inbox, &letter("x@x.vn", "a", "b"));
        let set = json!({"update": {email.as_str(): both}});
        house.call("Email/set", set).await;
        let own = format!("\"{}\"", theirs(&house, &email));
        let change = change.to_string().replace("\"E\"", &own);
        let set = ask(&house, "Email/set", serde_json::from_str(&change).unwrap()).await;
        assert_eq!(set["notDestroyed"], Value::Null, "{set}");
        assert_eq!(set["notUpdated"], Value::Null, "{set}");
        let wish = json!({"ids": [email], "properties": ["mailboxIds"]});
        let got = house.call("Email/get", wish).await;
        assert_eq!(got["list"][0]["mailboxIds"], left);
    }
}

#[tokio::test]
async fn changes_tell_what_comes_into_sight_and_leaves_it() {
    let house = House::new();
    let (inbox, archive) = (house.inbox(), house.role(&house.an, Role::Archive));
    let email = put(&house, Role::Inbox, &letter("x@x.vn", "a", "b"));
    give(&house, Role::Inbox, "lr");
    let state = |value: &Value| value["newState"].as_str().unwrap().to_owned();
    let start = ask(&house, "Email/get", json!({"ids": []})).await;
    let mut since = start["state"].as_str().unwrap().to_owned();
    let to = |id: &str| json!({"update": {email.as_str(): {"mailboxIds": {id: true}}}});
    let seen = theirs(&house, &email);
    for (step, created, destroyed) in [
        (to(&archive), json!([]), json!([seen])),
        (
            json!({"update": {email.as_str(): {"keywords/$seen": true}}}),
            json!([]),
            json!([]),
        ),
        (to(&inbox), json!([seen]), json!([])),
        (json!({"destroy": [email]}), json!([]), json!([seen])),
    ] {
        house.call("Email/set", step.clone()).await;
        let told = ask(&house, "Email/changes", json!({"sinceState": since})).await;
        let lists = (&told["created"], &told["updated"], &told["destroyed"]);
        assert_eq!(lists, (&created, &json!([]), &destroyed), "{step}");
        since = state(&told);
    }
    // What happens where one does not look is not told.
    put(&house, Role::Archive, &letter("x@x.vn", "kín", "b"));
    for name in ["Email/changes", "Thread/changes", "Mailbox/changes"] {
        let told = ask(&house, name, json!({"sinceState": since})).await;
        for list in ["created", "updated", "destroyed"] {
            assert_eq!(told[list], json!([]), "{name} {list}");
        }
    }
    // Under other rights all is to be read anew.
    give(&house, Role::Archive, "lr");
    assert_eq!(
        refused(&house, "Email/changes", json!({"sinceState": since})).await,
        "cannotCalculateChanges"
    );
}

/// Withdrawn in the middle of a running session: the next call finds nothing.
#[tokio::test]
async fn what_is_taken_away_is_gone_at_once() {
    let house = House::new();
    let email = put(&house, Role::Inbox, &letter("x@x.vn", "a", "b"));
    let email = theirs(&house, &email);
    give(&house, Role::Inbox, "lrswite");
    assert_eq!(
        update(&house, &email, json!({"keywords/$seen": true})).await,
        None
    );
    give(&house, Role::Inbox, "");
    for name in ["Mailbox/get", "Email/query"] {
        assert_eq!(refused(&house, name, json!({})).await, "accountNotFound");
    }
    assert_eq!(
        update(&house, &email, json!({"keywords/$seen": null})).await,
        Some("accountNotFound".into())
    );
    let session = house.get(&house.binh, "/jmap/session").await.json();
    assert_eq!(session["accounts"].as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn mailboxes_are_made_named_and_removed_by_right() {
    let house = House::new();
    let inbox = theirs(&house, &house.inbox());
    let new = json!({"create": {"k": {"name": "Việc", "parentId": inbox}}});
    let made = |set: &Value| set["created"]["k"]["id"].as_str().map(str::to_owned);
    give(&house, Role::Inbox, "lr");
    let set = ask(&house, "Mailbox/set", new.clone()).await;
    assert_eq!(set["notCreated"]["k"]["type"], "forbidden");
    give(&house, Role::Inbox, "lrk");
    let set = ask(
        &house,
        "Mailbox/set",
        json!({"create": {"k": {"name": "Đỉnh"}}}),
    )
    .await;
    assert_eq!(set["notCreated"]["k"]["type"], "forbidden");
    let set = ask(&house, "Mailbox/set", new).await;
    // RFC 4314 §4: the new one has the list of the one above it.
    let child = made(&set).unwrap();
    assert_eq!(set["created"]["k"]["myRights"]["mayReadItems"], true);
    assert_eq!(set["created"]["k"]["myRights"]["mayRename"], false);
    assert_eq!(set["created"]["k"]["isSubscribed"], true);
    let rename = json!({"update": {child.as_str(): {"name": "Khác"}}});
    let set = ask(&house, "Mailbox/set", rename.clone()).await;
    assert_eq!(set["notUpdated"][&child]["type"], "forbidden");
    let remove = json!({"destroy": [child]});
    let set = ask(&house, "Mailbox/set", remove.clone()).await;
    assert_eq!(set["notDestroyed"][&child]["type"], "forbidden");
    give_over(&house, &child, "lrx");
    let set = ask(&house, "Mailbox/set", rename).await;
    assert_eq!(set["updated"], json!({child.as_str(): null}));
    for arranged in [json!({"role": "junk"}), json!({"sortOrder": 3})] {
        let set = json!({"update": {child.as_str(): arranged}});
        let set = ask(&house, "Mailbox/set", set).await;
        assert_eq!(set["notUpdated"][&child]["type"], "forbidden");
    }
    // Each subscribes for himself.
    let off = json!({"update": {child.as_str(): {"isSubscribed": false}}});
    ask(&house, "Mailbox/set", off).await;
    let wish = json!({"ids": [child], "properties": ["isSubscribed"]});
    let got = ask(&house, "Mailbox/get", wish).await;
    assert_eq!(got["list"][0]["isSubscribed"], false);
    let (_, own) = child.split_once('-').unwrap();
    let wish = json!({"ids": [own], "properties": ["isSubscribed"]});
    let got = house.call("Mailbox/get", wish).await;
    assert_eq!(got["list"][0]["isSubscribed"], true);
    let set = ask(&house, "Mailbox/set", remove).await;
    assert_eq!(set["destroyed"], json!([child]));
}

#[tokio::test]
async fn messages_are_copied_between_accounts() {
    let house = House::new();
    let email = theirs(&house, &put(&house, Role::Inbox, RICH));
    give(&house, Role::Inbox, "lr");
    let own = format!("a{}", house.binh.account());
    let inbox = house.role(&house.binh, Role::Inbox);
    let copy = json!({
        "fromAccountId": house.account(), "accountId": own,
        "create": {"k": {"id": email, "mailboxIds": {inbox.as_str(): true}}},
    });
    let copied = ask(&house, "Email/copy", copy.clone()).await;
    let new = copied["created"]["k"]["id"].as_str().unwrap().to_owned();
    let got = ask(&house, "Email/get", json!({"accountId": own, "ids": [new]})).await;
    assert_eq!(got["list"][0]["subject"], "Công văn số 1");
    // The original may not be taken away.
    let mut moving = copy.clone();
    moving["onSuccessDestroyOriginal"] = true.into();
    let calls = json!([["Email/copy", moving, "c"]]);
    let answer = house.calls(&house.binh, calls.clone()).await;
    assert_eq!(answer["methodResponses"][1][1]["type"], "accountReadOnly");
    give(&house, Role::Inbox, "lrte");
    let answer = house.calls(&house.binh, calls).await;
    let gone = &answer["methodResponses"][1];
    assert_eq!(
        (&gone[0], &gone[1]["destroyed"]),
        (&json!("Email/set"), &json!([email]))
    );
    assert_eq!(
        ask(&house, "Email/copy", copy.clone()).await["notCreated"]["k"]["type"],
        "notFound"
    );
    // Back: only with the right to insert; keywords that may not be set are left out.
    let mail = house.store.account(house.binh.account());
    let mut writer = mail.write().unwrap();
    let id = storage::EmailId::new(new[1..].parse().unwrap()).unwrap();
    let flagged = storage::Keyword::new("$flagged").unwrap();
    let add = storage::KeywordChange::Add(vec![flagged]);
    writer.keywords(id, &add).unwrap();
    writer.commit().unwrap();
    let back = json!({
        "fromAccountId": own,
        "create": {"k": {"id": new, "mailboxIds": {theirs(&house, &house.inbox()): true}}},
    });
    let refused_copy = ask(&house, "Email/copy", back.clone()).await;
    assert_eq!(refused_copy["notCreated"]["k"]["type"], "forbidden");
    give(&house, Role::Inbox, "lri");
    let copied = ask(&house, "Email/copy", back.clone()).await;
    let new = copied["created"]["k"]["id"].as_str().unwrap();
    let (_, new) = new.split_once('-').unwrap();
    let got = house.call("Email/get", json!({"ids": [new]})).await;
    assert_eq!(got["list"][0]["keywords"], json!({}));
    give(&house, Role::Inbox, "");
    assert_eq!(refused(&house, "Email/copy", back).await, "accountNotFound");
    assert_eq!(
        refused(&house, "Email/copy", copy).await,
        "fromAccountNotFound"
    );
}

/// What one uploads for somebody else's account stays one's own.
#[tokio::test]
async fn uploads_are_seen_by_who_made_them() {
    let house = House::new();
    let upload = || {
        let to = format!("/jmap/upload/{}/", house.account());
        http::Request::post(to)
            .body(axum::body::Body::from("x"))
            .unwrap()
    };
    give(&house, Role::Inbox, "lr");
    let status = house.ask(Some(&house.binh), upload()).await.status;
    assert_eq!(status, StatusCode::FORBIDDEN);
    give(&house, Role::Inbox, "lri");
    let answer = house.ask(Some(&house.binh), upload()).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let blob = answer.json()["blobId"].as_str().unwrap().to_owned();
    let path = format!("/jmap/download/{}/{blob}/x", house.account());
    assert_eq!(house.get(&house.binh, &path).await.body, b"x");
    assert_eq!(
        house.get(&house.an, &path).await.status,
        StatusCode::NOT_FOUND
    );
    let new = json!({"create": {"k": {
        "mailboxIds": {theirs(&house, &house.inbox()): true}, "subject": "x",
        "attachments": [{"blobId": blob, "type": "text/plain"}],
    }}});
    let set = ask(&house, "Email/set", new).await;
    assert!(set["created"]["k"]["id"].is_string(), "{set}");
}
