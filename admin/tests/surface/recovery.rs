use crate::world::*;
use serde_json::{Value, json};
use storage::{Append, Keyword, Role};

const LETTER: &[u8] =
    b"From: a@y.vn\r\nSubject: =?UTF-8?Q?H=E1=BB=8Dp?=\r\nMessage-ID: <1@y.vn>\r\n\r\nx\r\n";

/// A letter in the inbox of the auditor, who removes it an hour later.
pub(crate) fn removed_letter(w: &World) -> storage::AccountStore {
    let mail = w.auditor.own().unwrap();
    let inbox = mail.by_role(Role::Inbox).unwrap().unwrap().id;
    let blob = mail.put_blob(LETTER).unwrap();
    let mut writer = mail.write().unwrap();
    let append = Append {
        blob,
        summary: &formats::message::summarize(LETTER),
        received_at: 1_700_000_000,
        keywords: vec![Keyword::new("$flagged").unwrap()],
        mailboxes: vec![inbox],
        delivery: None,
    };
    let email = writer.append(append).unwrap().email;
    writer.commit().unwrap();
    w.turn(3_600);
    let mut writer = mail.write().unwrap();
    writer.expunge(email, inbox).unwrap();
    writer.commit().unwrap();
    mail
}

#[tokio::test]
async fn removed_mail_is_listed_and_put_back_within_the_subtree() {
    let w = World::new();
    let mail = removed_letter(&w);
    let id = w.id("kiemtoan");
    let path = format!("accounts/{id}/removed");
    let listed = w.get(&w.branch, &path).await;
    check(&listed, 200);
    let row = &listed.json["items"][0];
    assert_eq!(
        (&row["subject"], &row["from"], &row["mailboxes"]),
        (&json!("Họp"), &json!(["a@y.vn"]), &json!(["INBOX"]))
    );
    assert_eq!(row["received_at"], "2023-11-14T22:13:20Z");
    let filtered = |query: &str| format!("{path}?{query}");
    for (query, count) in [
        ("mailbox=INBOX", 1),
        ("mailbox=Sent", 0),
        ("to=2026-01-01T00:00:00Z", 0),
    ] {
        let page = w.get(&w.branch, &filtered(query)).await;
        assert_eq!(page.names("id").len(), count, "{query}");
    }
    check(&w.get(&w.branch, &filtered("mailbox=Khong")).await, 422);
    check(&w.get(&w.branch, &filtered("from=xyz")).await, 422);
    // The account's owner sees himself, yet this is an administrator's act.
    check(&w.get(&w.auditor, &path).await, 403);
    check(&w.get(&w.nobody, &path).await, 404);

    let back = format!("{path}/restore");
    let ask = json!({"messages": [row["id"], 999]});
    check(&w.post(&w.auditor, &back, ask.clone()).await, 403);
    let done = w.post(&w.branch, &back, ask.clone()).await;
    check(&done, 200);
    let items = &done.json["items"];
    assert_eq!(
        (&items[0]["already"], &items[1]["message"]),
        (&json!(false), &Value::Null)
    );
    let inbox = mail.by_role(Role::Inbox).unwrap().unwrap();
    assert_eq!(inbox.counts.total, 1);
    let again = w.post(&w.branch, &back, ask).await;
    assert_eq!(again.json["items"][0]["already"], true);
    let many = json!({"messages": vec![1; 1_001]});
    check(&w.post(&w.branch, &back, many).await, 422);
    let audit = w.get(&w.root, "audit?act=mail.undelete").await;
    assert_eq!(
        audit.names("object"),
        ["kiemtoan@x.vn", "kiemtoan@x.vn"].map(str::to_owned)[..2].to_vec()
    );
    let audit = w.get(&w.root, "audit?act=mail.removed").await;
    assert!(!audit.names("act").is_empty(), "reading is an act too");
}

#[tokio::test]
async fn a_time_before_the_history_is_told_since_when_that_reaches() {
    let w = World::new();
    let mail = removed_letter(&w);
    let path = format!("accounts/{}/restore", w.id("kiemtoan"));
    let begun = 1_793_000_000;
    let at = formats::date::utc(begun + 60);
    let ask = json!({"at": at, "folder": "Cũ"});
    // All that was made up to now is past its window.
    w.turn(60);
    let inbox = mail.by_role(Role::Inbox).unwrap().unwrap().id;
    let mut writer = mail.write().unwrap();
    writer.touch_mailbox(inbox).unwrap();
    writer.commit().unwrap();
    let now = begun + 3_600 + 60;
    w.store.trim(now, 30, None, 1_000).unwrap();
    let refused = w.post(&w.branch, &path, ask.clone()).await;
    check(&refused, 422);
    assert_eq!(refused.json["errors"][0]["field"], "at");
    let said = refused.json["errors"][0]["detail"].as_str().unwrap();
    let since = formats::date::utc(begun + 3_600);
    assert!(said.contains(&format!("chỉ còn từ {since}")), "{said}");
    let with = format!("from-backup … --time {at}");
    assert!(said.contains(&with), "{said}");
    // As at the time that is named it can be restored.
    let ask = json!({"at": since, "folder": "Cũ"});
    check(&w.post(&w.branch, &path, ask).await, 200);
}

#[tokio::test]
async fn an_account_is_restored_as_at_a_time() {
    let w = World::new();
    let mail = removed_letter(&w);
    let path = format!("accounts/{}/restore", w.id("kiemtoan"));
    let at = formats::date::utc(1_793_000_000 + 60);
    let into = json!({"at": at, "mailbox": "INBOX", "folder": "Cũ"});
    check(&w.post(&w.nobody, &path, into.clone()).await, 404);
    let done = w.post(&w.branch, &path, into.clone()).await;
    check(&done, 200);
    assert_eq!(
        (&done.json["finished"], &done.json["made"]),
        (&json!(true), &json!(1))
    );
    let all = mail.mailboxes().unwrap();
    let folder = all.iter().find(|m| m.name == "Cũ").unwrap();
    assert_eq!(folder.counts.total, 1);
    let again = w.post(&w.branch, &path, into).await;
    check(&again, 409);
    let said = again.json["detail"].as_str().unwrap();
    assert!(said.contains("đã có hộp thư “Cũ”"), "{said}");
    assert_eq!(again.json["errors"][0]["field"], "folder");
    let boxes = all.len();
    for (field, ask) in [
        ("place", json!({ "at": at })),
        (
            "place",
            json!({"at": at, "folder": "X", "place": "in-place"}),
        ),
        ("aside", json!({"at": at, "folder": "X", "aside": "Y"})),
        ("folder", json!({"at": at, "folder": "a/b"})),
        ("folder", json!({"at": at, "folder": ""})),
        (
            "aside",
            json!({"at": at, "place": "in-place", "aside": "a/b"}),
        ),
        ("at", json!({"at": "2099-01-01T00:00:00Z", "folder": "X"})),
        ("at", json!({"at": "2001-01-01T00:00:00Z", "folder": "X"})),
    ] {
        let refused = w.post(&w.branch, &path, ask.clone()).await;
        check(&refused, 422);
        assert_eq!(refused.json["errors"][0]["field"], field, "{ask}");
        assert_eq!(mail.mailboxes().unwrap().len(), boxes, "{ask}");
    }
    check(&w.delete(&w.branch, &path).await, 404);
    let ask = json!({"at": at, "place": "in-place"});
    let place = w.post(&w.branch, &path, ask.clone()).await;
    check(&place, 200);
    let again = w.post(&w.branch, &path, ask).await;
    assert_eq!(
        (&again.json["made"], &again.json["changed"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(mail.mailboxes().unwrap().len(), boxes);
    let inbox = mail.by_role(Role::Inbox).unwrap().unwrap();
    assert_eq!(inbox.counts.total, 1);
    let unknown = json!({"at": at, "mailbox": "Khong", "folder": "X"});
    check(&w.post(&w.branch, &path, unknown).await, 422);
    check(&w.delete(&w.branch, &path).await, 404);
}
