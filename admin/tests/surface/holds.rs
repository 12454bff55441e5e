use crate::world::*;
use serde_json::{Value, json};

#[tokio::test]
async fn a_hold_is_placed_listed_and_ended_within_the_subtree() {
    let w = World::new();
    let (nobody, auditor) = (w.id("nguoila"), w.id("kiemtoan"));
    let body = json!({"name": "TT 1/2026", "reason": "Thanh tra", "from": "2026-01-01T00:00:00Z"});
    let path = format!("accounts/{auditor}/holds");
    let placed = w.post(&w.branch, &path, body.clone()).await;
    check(&placed, 201);
    assert_eq!(
        placed.header("location"),
        format!("/api/v1/accounts/{auditor}/holds/TT%201%2F2026")
    );
    assert_eq!(placed.json["by"], "quantri.nhanh@x.vn");
    check(&w.post(&w.branch, &path, body.clone()).await, 409);
    let bad = json!({"name": " ", "reason": ""});
    check(&w.post(&w.branch, &path, bad).await, 422);

    // Who sees the account but may not hold is refused; who does not see it finds nothing.
    check(&w.post(&w.auditor, &path, body.clone()).await, 403);
    check(&w.post(&w.nobody, &path, body.clone()).await, 404);
    let other = format!("accounts/{nobody}/holds");
    check(&w.post(&w.branch, &other, body.clone()).await, 404);
    check(&w.post(&w.nobody, &other, body).await, 403);

    let listed = w.get(&w.auditor, &path).await;
    check(&listed, 200);
    assert_eq!(listed.names("name"), ["TT 1/2026"]);
    assert_eq!(listed.json["items"][0]["from"], "2026-01-01T00:00:00Z");
    let more = json!({"name": "B", "reason": "x"});
    check(&w.post(&w.root, &other, more).await, 201);
    let all = w.get(&w.root, "holds").await;
    assert_eq!(all.names("name"), ["TT 1/2026", "B"]);
    let first = w.get(&w.root, "holds?limit=1").await;
    let cursor = first.json["cursor"].as_str().unwrap();
    let second = w.get(&w.root, &format!("holds?cursor={cursor}")).await;
    assert_eq!(second.names("name"), ["B"]);
    assert_eq!(second.json["items"][0]["from"], Value::Null);
    assert_eq!(w.get(&w.branch, "holds").await.names("name"), ["TT 1/2026"]);
    assert!(w.get(&w.nobody, "holds").await.names("name").is_empty());

    let one = format!("{path}/TT%201%2F2026");
    check(&w.delete(&w.auditor, &one).await, 403);
    check(&w.delete(&w.branch, &one).await, 204);
    check(&w.delete(&w.branch, &one).await, 404);
    let audit = w.get(&w.root, "audit?act=hold").await;
    assert_eq!(
        audit.names("act"),
        ["hold.release", "hold.place", "hold.place"]
    );
}

/// What is under a hold is not deleted, and what was deleted is still looked after by whoever could before.
#[tokio::test]
async fn an_account_under_a_hold_stays_and_a_deleted_one_is_in_custody() {
    let w = World::new();
    crate::recovery::removed_letter(&w);
    let id = w.id("kiemtoan");
    let (one, holds) = (format!("accounts/{id}"), format!("accounts/{id}/holds"));
    let hold = json!({"name": "TT 1/2026", "reason": "Thanh tra"});
    check(&w.post(&w.branch, &holds, hold.clone()).await, 201);
    let refused = w.delete(&w.branch, &one).await;
    check(&refused, 409);
    let said = refused.json["detail"].as_str().unwrap();
    assert!(said.contains("lệnh giữ “TT 1/2026”"), "{said}");
    let account = w.get(&w.branch, &one).await;
    check(&account, 200);
    assert_eq!(
        (&account.json["state"], &account.json["version"]),
        (&json!("active"), &json!(2))
    );
    assert!(
        w.get(&w.root, "audit?act=account.delete")
            .await
            .names("act")
            .is_empty()
    );

    check(
        &w.delete(&w.branch, &format!("{holds}/TT%201%2F2026")).await,
        204,
    );
    check(&w.delete(&w.branch, &one).await, 204);
    check(&w.get(&w.branch, &one).await, 404);
    let listed = w
        .get(&w.branch, "accounts?deleted=true&address=kiemtoan@x.vn")
        .await;
    assert_eq!(listed.names("id"), [id.to_string()]);
    assert_eq!(listed.names("state"), ["retired"]);
    assert!(
        w.get(&w.nobody, "accounts?deleted=true")
            .await
            .names("id")
            .is_empty()
    );
    check(&w.post(&w.nobody, &holds, hold.clone()).await, 404);
    check(&w.post(&w.branch, &holds, hold).await, 201);
    assert_eq!(w.get(&w.branch, &holds).await.names("name"), ["TT 1/2026"]);
    assert_eq!(
        w.get(&w.branch, "holds").await.names("account"),
        [id.to_string()]
    );
    assert!(w.get(&w.nobody, "holds").await.names("account").is_empty());
    let removed = w.get(&w.branch, &format!("{one}/removed")).await;
    check(&removed, 200);
    let letter = removed.json["items"][0]["id"].clone();
    let back = json!({ "messages": [letter] });
    let done = w
        .post(&w.branch, &format!("{one}/removed/restore"), back)
        .await;
    check(&done, 200);
    assert!(done.json["items"][0]["message"].is_u64());
    check(&w.get(&w.nobody, &format!("{one}/removed")).await, 404);
}

/// Its agency stays too, so that the hold stays with those who look after it.
#[tokio::test]
async fn an_agency_with_held_mail_of_a_deleted_account_stays() {
    let w = World::new();
    let new = json!({"id": "H99.1.9", "parent": "H99.1", "name": "Phòng"});
    check(&w.post(&w.root, "agencies", new).await, 201);
    let new = json!({"address": "di@x.vn", "agency": "H99.1.9", "name": "Đi"});
    check(&w.post(&w.root, "accounts", new).await, 201);
    let one = format!("accounts/{}", w.id("di"));
    check(&w.delete(&w.root, "agencies/H99.1.9").await, 409);
    check(&w.delete(&w.root, &one).await, 204);
    let hold = json!({"name": "B", "reason": "x"});
    check(&w.post(&w.branch, &format!("{one}/holds"), hold).await, 201);
    let refused = w.delete(&w.root, "agencies/H99.1.9").await;
    check(&refused, 409);
    assert!(refused.json["detail"].as_str().unwrap().contains("“B”"));
    check(&w.delete(&w.branch, &format!("{one}/holds/B")).await, 204);
    check(&w.delete(&w.root, "agencies/H99.1.9").await, 204);
    // Without agency it is in the care of who stands at the top.
    check(&w.get(&w.branch, &format!("{one}/removed")).await, 404);
    check(&w.get(&w.root, &format!("{one}/removed")).await, 200);
}

/// What a hold keeps is read by whoever looks after it, of a deleted account too, and each time that is written down.
#[tokio::test]
async fn the_letters_under_a_hold_are_read_with_their_content() {
    let w = World::new();
    let mail = crate::recovery::removed_letter(&w);
    let inbox = mail.by_role(storage::Role::Inbox).unwrap().unwrap().id;
    let letter = b"Subject: hai\r\n\r\nx\r\n";
    let mut writer = mail.write().unwrap();
    let append = storage::Append {
        blob: mail.put_blob(letter).unwrap(),
        summary: &formats::message::summarize(letter),
        received_at: 1_700_000_000,
        keywords: vec![storage::Keyword::new("$seen").unwrap()],
        mailboxes: vec![inbox],
        delivery: None,
    };
    writer.append(append).unwrap();
    writer.commit().unwrap();
    let id = w.id("kiemtoan");
    check(&w.delete(&w.branch, &format!("accounts/{id}")).await, 204);
    let holds = format!("accounts/{id}/holds");
    let letters = format!("{holds}/A/letters");
    // Without a hold there is nothing to read.
    check(&w.get(&w.root, &letters).await, 404);
    let hold = json!({"name": "A", "reason": "x"});
    check(&w.post(&w.branch, &holds, hold).await, 201);
    check(&w.get(&w.nobody, &letters).await, 404);
    let audit = w.get(&w.root, "audit?act=hold.export").await;
    assert!(audit.names("act").is_empty(), "what was refused is no act");
    let read = w.get(&w.branch, &letters).await;
    check(&read, 200);
    let items = read.json["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{read:?}");
    assert_eq!(read.json["cursor"], Value::Null);
    let content = |item: &Value| {
        use base64::Engine as _;
        let coded = item["content"].as_str().unwrap();
        base64::engine::general_purpose::STANDARD
            .decode(coded)
            .unwrap()
    };
    assert_eq!(content(&items[0]), letter);
    assert_eq!(items[0]["mailboxes"], json!(["INBOX"]));
    assert_eq!(items[0]["keywords"], json!(["$seen"]));
    assert_eq!(items[0]["removed_at"], Value::Null);
    // The removed one, with the mailbox it was in.
    assert!(items[1]["removed_at"].is_string());
    assert_eq!(items[1]["mailboxes"], json!(["INBOX"]));
    assert_eq!(
        content(&items[1]).len() as u64,
        items[1]["size"].as_u64().unwrap()
    );
    let audit = w.get(&w.root, "audit?act=hold.export").await;
    assert_eq!(audit.names("act"), ["hold.export"]);
    assert_eq!(audit.json["items"][0]["detail"]["hold"], "A");
    check(&w.get(&w.branch, &format!("{letters}?cursor=x")).await, 400);
}
