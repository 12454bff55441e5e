use crate::world::*;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use storage::{KeySource, MasterKey};

fn sealed() -> World {
    World::over(KeySource::Master(MasterKey::draw().unwrap()))
}

#[tokio::test]
async fn the_store_is_looked_after_from_the_top_only() {
    let w = World::new();
    let health = w.get(&w.root, "store").await;
    check(&health, 200);
    assert_eq!(health.json["writable"], true);
    assert!(health.json["journal"].as_u64().unwrap() > 0);
    for path in ["store", "store/keys", "store/verify/1"] {
        for who in [&w.branch, &w.nobody] {
            check(&w.get(who, path).await, 403);
        }
    }
    for path in [
        "verify",
        "verify?deep=true",
        "keys/rotate",
        "keys/rotate-master",
    ] {
        for who in [&w.branch, &w.auditor] {
            let refused = w.post(who, &format!("store/{path}"), json!({})).await;
            check(&refused, 403);
        }
    }
    let audit = w.get(&w.root, "audit?object=store").await;
    assert!(audit.names("act").is_empty(), "what was refused is no act");
}

#[tokio::test]
async fn the_store_is_verified_while_it_is_used_and_to_its_ground() {
    let w = World::new();
    for (path, deep) in [("store/verify", false), ("store/verify?deep=true", true)] {
        let verified = w.post(&w.root, path, json!({})).await;
        check(&verified, 200);
        let told = &verified.json;
        assert_eq!((&told["findings"], &told["count"]), (&json!([]), &json!(0)));
        assert_eq!(told["finished"], true);
        let again = format!("store/verify/{}", told["id"]);
        assert_eq!(w.get(&w.root, &again).await.json, *told);
        let audit = w.get(&w.root, "audit?act=store.verify").await;
        let number = audit.json["items"][0]["detail"]["deep"].clone();
        assert_eq!(number, Value::Bool(deep), "{:?}", audit.json);
    }
    check(&w.get(&w.root, "store/verify/999").await, 404);
    let wrong = w.post(&w.root, "store/verify?deep=much", json!({})).await;
    check(&wrong, 400);
    // Content that is damaged is found by the deep one only.
    let mail = crate::recovery::removed_letter(&w);
    let pack = w.dir.path().join("store/packs/000001.pack");
    let mut octets = std::fs::read(&pack).unwrap();
    let last = octets.len() - 3;
    octets[last] ^= 1;
    std::fs::write(&pack, octets).unwrap();
    drop(mail);
    let shallow = w.post(&w.root, "store/verify", json!({})).await;
    assert_eq!(shallow.json["count"], 0, "{shallow:?}");
    let deep = w.post(&w.root, "store/verify?deep=true", json!({})).await;
    assert!(deep.json["count"].as_u64().unwrap() > 0, "{deep:?}");
}

#[tokio::test]
async fn health_tells_what_is_damaged_whose_and_what_to_do() {
    let w = World::new();
    let well = w.get(&w.root, "store").await;
    assert_eq!(well.json["damage"], json!([]));
    crate::recovery::removed_letter(&w);
    let mail = w.nobody.own().unwrap();
    let inbox = mail.by_role(storage::Role::Inbox).unwrap().unwrap().id;
    let letter = b"Subject: x\r\n\r\nhai\r\n";
    let mut writer = mail.write().unwrap();
    let append = storage::Append {
        blob: mail.put_blob(letter).unwrap(),
        summary: &formats::message::summarize(letter),
        received_at: 1_700_000_000,
        keywords: Vec::new(),
        mailboxes: vec![inbox],
        delivery: None,
    };
    let email = writer.append(append).unwrap().email;
    writer.commit().unwrap();
    let pack = w.dir.path().join("store/packs/000001.pack");
    let whole = std::fs::read(&pack).unwrap();
    let mut octets = whole.clone();
    let last = octets.len() - 3;
    octets[last] ^= 1;
    std::fs::write(&pack, octets).unwrap();
    mail.content(email).unwrap_err();
    let deep = w.post(&w.root, "store/verify?deep=true", json!({})).await;
    let findings = deep.json["findings"].as_array().unwrap();
    assert_eq!(deep.json["count"], findings.len());
    let named = |line: &Value| {
        line.as_str()
            .unwrap()
            .starts_with("tài khoản / account nguoila@x.vn, INBOX UID ")
    };
    assert!(findings.iter().any(named), "{deep:?}");
    for (language, word) in [
        ("vi", "Giữ các bản sao lưu cũ"),
        ("en", "Keep the older backups"),
    ] {
        let fields = [("accept-language", language)];
        let health = w.with(&w.root, "GET store", &fields, None).await;
        check(&health, 200);
        let damage = &health.json["damage"];
        assert_eq!(damage[0]["kind"], "content");
        assert_eq!(damage[0]["file"], "packs/000001.pack");
        assert!(damage[0]["octet"].is_u64() && damage[0]["since"].is_string());
        let message = &damage[0]["messages"][0];
        assert_eq!(message["address"], "nguoila@x.vn");
        assert_eq!(message["places"], json!(["INBOX uid 1"]));
        assert!(damage[0]["advice"].as_str().unwrap().contains(word));
    }
    std::fs::write(&pack, whole).unwrap();
    let store = w.directory.store_custody(None, "store.maintain", "{}");
    store
        .unwrap()
        .maintain(&storage::Policy::default())
        .unwrap();
    let well = w.get(&w.root, "store").await;
    assert_eq!(well.json["damage"], json!([]));
}

#[tokio::test]
async fn keys_are_listed_and_changed_while_the_store_is_used() {
    let w = sealed();
    let listed = w.get(&w.root, "store/keys").await;
    check(&listed, 200);
    let before = listed.names("id").len();
    assert!(listed.names("agency").contains(&"H99".to_owned()));
    assert_eq!(listed.json["items"][0]["agency"], Value::Null);
    let agency = json!({"agency": "H99"});
    let made = w.post(&w.root, "store/keys/rotate", agency).await;
    assert_eq!(made.json, json!({"made": 1}));
    let unknown = json!({"agency": "H98"});
    check(&w.post(&w.root, "store/keys/rotate", unknown).await, 422);
    let all = w.post(&w.root, "store/keys/rotate", json!({})).await;
    assert_eq!(all.json["made"].as_u64().unwrap() as usize, before);
    let after = w.get(&w.root, "store/keys").await;
    assert_eq!(after.names("id").len(), 2 * before + 1);
    let in_use = after.names("in_use");
    assert_eq!(in_use.iter().filter(|used| *used == "true").count(), before);
    let kept = w.post(&w.root, "store/keys/rotate-master", json!({})).await;
    assert_eq!(kept.json, json!({"kept": "master.old-1"}));
    let mail = crate::recovery::removed_letter(&w);
    assert!(!mail.mailboxes().unwrap().is_empty());
    let deep = w.post(&w.root, "store/verify?deep=true", json!({})).await;
    assert_eq!(deep.json["count"], 0, "{deep:?}");
    let audit = w.get(&w.root, "audit?act=store.keys").await;
    assert_eq!(audit.names("act").len(), 3);
}

#[tokio::test]
async fn a_plain_store_has_no_keys_to_change() {
    let w = World::new();
    let listed = w.get(&w.root, "store/keys").await;
    assert!(listed.names("id").is_empty());
    for path in ["store/keys/rotate", "store/keys/rotate-master"] {
        let refused = w.post(&w.root, path, json!({})).await;
        check(&refused, 409);
        assert_eq!(refused.json["type"], "urn:congvu:problem:not-possible");
    }
}

/// What cannot be written down is not done; who asked is told why, and what helps.
#[tokio::test]
async fn a_full_disk_is_told_with_what_to_do() {
    let w = sealed();
    w.room.store(1 << 20, Ordering::SeqCst);
    for path in ["verify", "keys/rotate", "keys/rotate-master"] {
        for (language, word) in [
            ("vi", "Hãy dọn chỗ trên đĩa"),
            ("en", "Make room on the disk"),
        ] {
            let fields = [("accept-language", language)];
            let ask = format!("POST store/{path}");
            let refused = w.with(&w.root, &ask, &fields, Some(json!({}))).await;
            check(&refused, 503);
            let detail = refused.json["detail"].as_str().unwrap();
            assert!(
                detail.contains(word) && detail.contains("32 MiB"),
                "{detail}"
            );
        }
    }
    check(&w.get(&w.root, "store").await, 200);
    w.room.store(1 << 40, Ordering::SeqCst);
    check(&w.post(&w.root, "store/keys/rotate", json!({})).await, 200);
}
