//! I-17: what an account may not see does not exist.

use crate::house::{House, RICH, letter};
use http::StatusCode;
use serde_json::{Value, json};
use storage::Role;

/// Every method on another's account says `accountNotFound`, as on one that was never there.
#[tokio::test]
async fn i17_another_account_is_not_found() {
    let house = House::new();
    let theirs = format!("a{}", house.binh.account());
    let methods = [
        ("Mailbox/get", json!({})),
        ("Mailbox/changes", json!({"sinceState": "1"})),
        ("Mailbox/query", json!({})),
        ("Mailbox/queryChanges", json!({"sinceQueryState": "1"})),
        ("Mailbox/set", json!({"create": {"k": {"name": "x"}}})),
        ("Thread/get", json!({"ids": ["t1"]})),
        ("Thread/changes", json!({"sinceState": "1"})),
        ("Email/get", json!({"ids": ["e1"]})),
        ("Email/changes", json!({"sinceState": "1"})),
        ("Email/query", json!({})),
        ("Email/queryChanges", json!({"sinceQueryState": "1"})),
        ("Email/set", json!({"destroy": ["e1"]})),
        ("Email/import", json!({"emails": {}})),
        ("Email/parse", json!({"blobIds": ["e1"]})),
        ("SearchSnippet/get", json!({"emailIds": ["e1"]})),
        ("Identity/get", json!({})),
        ("Identity/changes", json!({"sinceState": "1"})),
        ("Identity/set", json!({})),
        ("EmailSubmission/get", json!({})),
        ("EmailSubmission/changes", json!({"sinceState": "0"})),
        ("EmailSubmission/query", json!({})),
        (
            "EmailSubmission/queryChanges",
            json!({"sinceQueryState": "0"}),
        ),
        ("EmailSubmission/set", json!({})),
    ];
    for (name, arguments) in methods {
        for account in [theirs.as_str(), "a999", "a01", "x", ""] {
            let mut arguments = arguments.clone();
            arguments["accountId"] = account.into();
            assert_eq!(
                house.refusal(name, arguments).await,
                "accountNotFound",
                "{name} {account}"
            );
        }
    }
}

#[tokio::test]
async fn i17_another_accounts_addresses_are_404() {
    let house = House::new();
    let theirs = house.put_for(&house.binh, RICH, 0, &[]);
    let account = format!("a{}", house.binh.account());
    let absent = |path: String| {
        let house = &house;
        async move {
            let answer = house.get(&house.an, &path).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
            (answer.json(), path)
        }
    };
    let mut bodies = Vec::new();
    for (account, email) in [(account.as_str(), theirs.as_str()), ("a999", "e999")] {
        for path in [
            format!("/jmap/download/{account}/{email}/x.eml"),
            format!("/jmap/download/{account}/{email}-1/x.eml"),
            format!("/mail/html/{account}/{email}"),
            format!("/mail/cid/{account}/{email}/logo@x.vn"),
        ] {
            bodies.push(absent(path).await.0);
        }
    }
    bodies.dedup();
    assert_eq!(
        bodies.len(),
        1,
        "there and not there must look the same: {bodies:?}"
    );
    let post = http::Request::post(format!("/jmap/upload/{account}/"));
    let post = post.body(axum::body::Body::from("x")).unwrap();
    assert_eq!(
        house.ask(Some(&house.an), post).await.status,
        StatusCode::NOT_FOUND
    );
}

/// Ids of another account, used on one's own.
#[tokio::test]
async fn i17_another_accounts_ids_are_not_found() {
    let house = House::new();
    house.put(&letter("x@x.vn", "một", "a"));
    for at in 0..5 {
        let text = at.to_string();
        house.put_for(&house.binh, &letter("x@x.vn", &text, "b"), at, &[]);
    }
    let theirs = house.put_for(&house.binh, RICH, 9, &[]);
    let upload = house
        .store
        .account(house.binh.account())
        .upload(b"secret", 0)
        .unwrap();
    let secret = format!("u{upload}");
    let got = house.call("Email/get", json!({"ids": [theirs]})).await;
    assert_eq!(got["notFound"], json!([theirs]));
    let thread = theirs.replace('e', "t");
    let got = house.call("Thread/get", json!({"ids": [thread]})).await;
    assert_eq!(got["notFound"], json!([thread]));
    let set = house.call("Email/set", json!({"destroy": [theirs]})).await;
    assert_eq!(set["notDestroyed"][&theirs]["type"], "notFound");
    let set = house
        .call(
            "Email/set",
            json!({"update": {theirs.as_str(): {"keywords/$seen": true}}}),
        )
        .await;
    assert_eq!(set["notUpdated"][&theirs]["type"], "notFound");
    for blob in [theirs.clone(), format!("{theirs}-1.1"), secret.clone()] {
        let path = format!("/jmap/download/{}/{blob}/x", house.account());
        assert_eq!(
            house.get(&house.an, &path).await.status,
            StatusCode::NOT_FOUND,
            "{blob}"
        );
        let parsed = house.call("Email/parse", json!({"blobIds": [blob]})).await;
        assert_eq!(parsed["notFound"], json!([blob]));
        let emails = json!({"k": {"blobId": blob, "mailboxIds": {house.inbox(): true}}});
        let imported = house.call("Email/import", json!({"emails": emails})).await;
        assert_eq!(imported["notCreated"]["k"]["type"], "invalidProperties");
        let new = json!({
            "mailboxIds": {house.inbox(): true},
            "attachments": [{"blobId": blob, "type": "text/plain"}],
        });
        let set = house.call("Email/set", json!({"create": {"k": new}})).await;
        assert_eq!(set["notCreated"]["k"]["type"], "blobNotFound");
        assert_eq!(set["notCreated"]["k"]["notFound"], json!([blob]));
    }
    // The other one has it all the same.
    let path = format!("/jmap/download/a{}/{secret}/x", house.binh.account());
    assert_eq!(house.get(&house.binh, &path).await.body, b"secret");
}

/// RFC 8621 §4.1.1: what IMAP marked deleted is not there for JMAP.
#[tokio::test]
async fn deleted_messages_are_hidden() {
    let house = House::new();
    let kept = house.put_for(&house.an, &letter("x@x.vn", "còn", "a"), 1, &[]);
    let before = house.call("Email/get", json!({"ids": []})).await["state"].clone();
    let hidden = house.put_for(&house.an, &letter("x@x.vn", "xóa", "b"), 2, &["$deleted"]);
    let all = house
        .call("Email/query", json!({"calculateTotal": true}))
        .await;
    assert_eq!(
        (all["ids"].clone(), all["total"].clone()),
        (json!([kept]), json!(1))
    );
    let got = house.call("Email/get", json!({"ids": [hidden]})).await;
    assert_eq!(got["notFound"], json!([hidden]));
    let thread = hidden.replace('e', "t");
    let got = house.call("Thread/get", json!({"ids": [thread]})).await;
    assert_eq!(got["notFound"], json!([thread]));
    let changes = house
        .call("Email/changes", json!({"sinceState": before}))
        .await;
    assert_eq!(changes["created"], json!([]));
    let inbox = house.role(&house.an, Role::Inbox);
    let got = house.call("Mailbox/get", json!({"ids": [inbox]})).await;
    let list: &Value = &got["list"][0];
    assert_eq!(
        (list["totalEmails"].clone(), list["unreadThreads"].clone()),
        (json!(1), json!(1))
    );
    let path = format!("/jmap/download/{}/{hidden}/x.eml", house.account());
    assert_eq!(
        house.get(&house.an, &path).await.status,
        StatusCode::NOT_FOUND
    );
    let patch = json!({kept.as_str(): {"keywords/$deleted": true}});
    let set = house.call("Email/set", json!({"update": patch})).await;
    assert_eq!(set["notUpdated"][&kept]["type"], "invalidProperties");
}

#[tokio::test]
async fn a_message_marked_deleted_leaves_its_thread() {
    let house = House::new();
    let first = house.put(b"Subject: chao\r\nMessage-ID: <a@x>\r\n\r\n1\r\n");
    let reply =
        house.put(b"Subject: Re: chao\r\nMessage-ID: <b@x>\r\nIn-Reply-To: <a@x>\r\n\r\n2\r\n");
    let before = house.call("Email/get", json!({"ids": []})).await["state"].clone();
    let mail = house.store.account(house.an.account());
    let mark = |keyword: &str| {
        let id = storage::EmailId::new(reply[1..].parse().unwrap()).unwrap();
        let add = storage::KeywordChange::Add(vec![storage::Keyword::new(keyword).unwrap()]);
        let mut writer = mail.write().unwrap();
        writer.keywords(id, &add).unwrap();
        writer.commit().unwrap();
    };
    let thread = first.replace('e', "t");
    let since = json!({"sinceState": before});
    mark("$seen");
    let changes = house.call("Thread/changes", since.clone()).await;
    assert_eq!(changes["updated"], json!([]), "flags leave it as it is");
    mark("$deleted");
    let changes = house.call("Thread/changes", since).await;
    assert_eq!(changes["updated"], json!([thread]));
    let got = house.call("Thread/get", json!({"ids": [thread]})).await;
    assert_eq!(got["list"][0]["emailIds"], json!([first]));
}
