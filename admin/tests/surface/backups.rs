use crate::recovery::removed_letter;
use crate::world::*;
use serde_json::json;
use storage::backup::{self, FolderVault, Secret, Take};
use storage::{Disk, Role};

/// Backs up the store of this world; the backup's name.
fn backed_up(w: &World) -> String {
    backed_up_under(w, &Secret::None)
}

fn backed_up_under(w: &World, secret: &Secret) -> String {
    let (store, to) = (w.dir.path().join("store"), w.dir.path().join("backups"));
    let vault = FolderVault::target(&to, &store, &Disk::default()).unwrap();
    let task = Take {
        store: &store,
        vault: &vault,
        secret,
        keys: &storage::KeySource::None,
        now_s: 1_793_010_000,
        reread: false,
        workers: 1,
    };
    backup::take(&task, &mut |_| true).unwrap().name
}

fn in_place() -> serde_json::Value {
    json!({"place": "in-place"})
}

#[tokio::test]
async fn an_account_comes_back_out_of_a_backup_within_the_subtree() {
    let w = World::new();
    let path = format!("accounts/{}/backup-restores", w.id("kiemtoan"));
    // Who could mend the config is told how.
    check(&w.post(&w.root, &path, in_place()).await, 409);
    check(&w.get(&w.root, "backups").await, 409);
    check(&w.post(&w.branch, &path, in_place()).await, 403);
    check(&w.get(&w.branch, "backups").await, 403);
    let mail = removed_letter(&w);
    let name = backed_up(&w);
    let listed = w.get(&w.branch, "backups").await;
    check(&listed, 200);
    assert_eq!(listed.names("name"), std::slice::from_ref(&name));
    check(&w.get(&w.nobody, "backups").await, 403);
    check(&w.post(&w.nobody, &path, in_place()).await, 404);
    // The account's owner sees himself, yet this is an administrator's act.
    check(&w.post(&w.auditor, &path, in_place()).await, 403);

    // In the backup it was removed already, an hour before it was there.
    let then = formats::date::utc(1_793_000_000 + 60);
    let folder = json!({"time": then, "mailbox": "INBOX", "folder": "Lấy lại"});
    let done = w.post(&w.branch, &path, folder.clone()).await;
    check(&done, 200);
    let told = &done.json;
    assert_eq!(
        (&told["finished"], &told["messages"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(told["backup"], name);
    let again = format!("{path}/{}", told["id"]);
    assert_eq!(w.get(&w.branch, &again).await.json, *told);
    check(&w.get(&w.auditor, &again).await, 403);
    let other = format!(
        "accounts/{}/backup-restores/{}",
        w.id("quantri.nhanh"),
        told["id"]
    );
    check(&w.get(&w.root, &other).await, 404);
    let all = mail.mailboxes().unwrap();
    let top = all.iter().find(|m| m.name == "Lấy lại").unwrap().id;
    let made = all.iter().find(|m| m.parent == Some(top)).unwrap();
    assert_eq!((made.name.as_str(), made.counts.total), ("INBOX", 1));
    let twice = w.post(&w.branch, &path, folder).await;
    assert_eq!(
        (&twice.json["messages"], &twice.json["already"]),
        (&json!(0), &json!(1))
    );
    let place = json!({"time": then, "backup": name, "place": "in-place"});
    let done = w.post(&w.branch, &path, place).await;
    assert_eq!(done.json["messages"], 1, "{done:?}");
    let inbox = mail.by_role(Role::Inbox).unwrap().unwrap();
    assert_eq!(inbox.counts.total, 1);
    let audit = w.get(&w.root, "audit?act=mail.restore_backup").await;
    assert_eq!(audit.names("object"), vec!["kiemtoan@x.vn"; 3]);
    assert!(!w.dir.path().join("scratch").exists());
}

#[tokio::test]
async fn backups_that_do_not_open_are_told_with_what_opens_them() {
    let w = World::new();
    removed_letter(&w);
    let words = "một mật khẩu cho bản sao lưu".to_owned();
    backed_up_under(&w, &Secret::Passphrase(words.into()));
    let path = format!("accounts/{}/backup-restores", w.id("kiemtoan"));
    let listed = w.get(&w.branch, "backups").await;
    let asked = w.post(&w.branch, &path, in_place()).await;
    for refused in [listed, asked] {
        check(&refused, 409);
        let said = refused.json["detail"].as_str().unwrap();
        assert!(said.contains("được niêm phong"), "{said}");
        assert!(said.contains("`passphrase_file`"), "{said}");
        assert!(!said.contains(w.dir.path().to_str().unwrap()), "{said}");
    }
}

#[tokio::test]
async fn what_a_backup_has_not_is_said_by_its_field() {
    let w = World::new();
    removed_letter(&w);
    backed_up(&w);
    let path = format!("accounts/{}/backup-restores", w.id("kiemtoan"));
    for (field, ask) in [
        ("backup", json!({"backup": "20200101T000000Z"})),
        ("backup", json!({"backup": "../../etc"})),
        ("mailbox", json!({"mailbox": "Khong"})),
        ("time", json!({"time": "yesterday"})),
        ("time", json!({"time": "2099-01-01T00:00:00Z"})),
        ("time", json!({"time": "2001-01-01T00:00:00Z"})),
        ("place", json!({"place": null})),
        ("place", json!({"folder": "X"})),
        ("folder", json!({"folder": "a/b", "place": null})),
    ] {
        let mut whole = in_place();
        let fields = whole.as_object_mut().unwrap();
        fields.extend(ask.as_object().unwrap().clone());
        let ask = whole;
        let refused = w.post(&w.branch, &path, ask.clone()).await;
        check(&refused, 422);
        assert_eq!(refused.json["errors"][0]["field"], field, "{ask}");
    }
    let dir = w
        .post(&w.branch, &path, json!({"folder": "X", "from": "/mnt"}))
        .await;
    check(&dir, 422);
}
