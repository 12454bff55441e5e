//! RFC 8620 §6.3: what hangs on a letter in another's account is taken over into one's own, as an upload is.

use crate::house::{House, RICH, letter};
use crate::shared::{give, put, try_as};
use http::StatusCode;
use serde_json::{Value, json};
use storage::Role;

fn own(house: &House) -> String {
    format!("a{}", house.binh.account())
}

async fn copy(house: &House, from: &str, to: &str, ids: Value) -> (String, Value) {
    let arguments = json!({"fromAccountId": from, "accountId": to, "blobIds": ids});
    try_as(house, &house.binh, "Blob/copy", arguments).await
}

#[tokio::test]
async fn a_part_of_a_shared_letter_is_sent_on() {
    let house = House::new();
    let seen = put(&house, Role::Inbox, RICH);
    let hidden = put(&house, Role::Archive, &letter("x@x.vn", "kín", "bí mật"));
    give(&house, Role::Inbox, "lr");
    let part = format!("{seen}-2");
    let ids = json!([part, seen, hidden, "e999", "x"]);
    let (name, done) = copy(&house, &house.account(), &own(&house), ids).await;
    assert_eq!(name, "Blob/copy", "{done}");
    assert_eq!(done["fromAccountId"], house.account());
    assert_eq!(done["accountId"], own(&house));
    for absent in [hidden.as_str(), "e999", "x"] {
        assert_eq!(done["notCopied"][absent]["type"], "notFound", "{absent}");
    }
    let blob = done["copied"][&part].as_str().unwrap().to_owned();
    assert!(done["copied"][&seen].is_string(), "{done}");
    // The same octets, for the one who copied them.
    let path = |account: &str, blob: &str| format!("/jmap/download/{account}/{blob}/x");
    let before = house.get(&house.binh, &path(&house.account(), &part)).await;
    let after = house.get(&house.binh, &path(&own(&house), &blob)).await;
    assert_eq!(after.status, StatusCode::OK);
    assert_eq!((before.body, before.status), (after.body, after.status));
    let another = house.get(&house.an, &path(&house.account(), &blob)).await;
    assert_eq!(another.status, StatusCode::NOT_FOUND);
    let drafts = house.role(&house.binh, Role::Drafts);
    let new = json!({"accountId": own(&house), "create": {"k": {
        "mailboxIds": {drafts.as_str(): true}, "subject": "chuyển tiếp",
        "attachments": [{"blobId": blob, "type": "application/pdf", "name": "Công văn.pdf"}],
    }}});
    let (_, made) = try_as(&house, &house.binh, "Email/set", new).await;
    assert!(made["created"]["k"]["id"].is_string(), "{made}");
    // It stays when the letter is shared no more.
    give(&house, Role::Inbox, "");
    let after = house.get(&house.binh, &path(&own(&house), &blob)).await;
    assert_eq!(after.status, StatusCode::OK);
}

#[tokio::test]
async fn what_may_not_be_seen_or_put_is_refused() {
    let house = House::new();
    let email = put(&house, Role::Inbox, RICH);
    let (mine, theirs) = (own(&house), house.account());
    let (name, error) = copy(&house, &theirs, &mine, json!([email])).await;
    assert_eq!(
        (name.as_str(), &error["type"]),
        ("error", &json!("fromAccountNotFound"))
    );
    let (_, error) = copy(&house, &mine, &theirs, json!([])).await;
    assert_eq!(error["type"], "accountNotFound");
    give(&house, Role::Inbox, "lr");
    let (_, error) = copy(&house, &mine, &theirs, json!([])).await;
    assert_eq!(error["type"], "accountReadOnly");
    // To mark letters as read is not to put anything there.
    give(&house, Role::Inbox, "lrs");
    let letter = house.put_for(&house.binh, RICH, 0, &[]);
    let (_, done) = copy(&house, &mine, &theirs, json!([letter])).await;
    assert_eq!(done["copied"], Value::Null);
    assert_eq!(done["notCopied"][&letter]["type"], "forbidden");
    let many: Vec<String> = (1..=jmap::limit::SET_OBJECTS_MAX + 1)
        .map(|n| format!("e{n}"))
        .collect();
    let (_, error) = copy(&house, &theirs, &mine, json!(many)).await;
    assert_eq!(error["type"], "requestTooLarge");
}

#[tokio::test]
async fn a_damaged_letter_is_not_copied() {
    let house = House::new();
    let email = put(&house, Role::Inbox, RICH);
    house.rot_last();
    give(&house, Role::Inbox, "lr");
    let ids = json!([email]);
    let (_, done) = copy(&house, &house.account(), &own(&house), ids).await;
    assert_eq!(done["copied"], Value::Null, "{done}");
    assert!(
        done["notCopied"][&email]["description"].is_string(),
        "{done}"
    );
}
