use crate::world::*;
use serde_json::json;

#[tokio::test]
async fn i20_acts_are_in_the_log() {
    let w = World::new();
    let before = w.get(&w.root, "audit?limit=1").await.json["items"][0]["number"]
        .as_u64()
        .unwrap();
    w.patch(
        &w.branch,
        "agencies/H99.1.1",
        json!({"name": "Phòng Tổ chức cán bộ"}),
    )
    .await;
    w.post(
        &w.root,
        "domains",
        json!({"name": "stc.x.vn", "agency": "H99.2"}),
    )
    .await;
    let log = w.get(&w.root, "audit?limit=2").await;
    check(&log, 200);
    assert_eq!(log.names("act"), ["domain.create", "agency.change"]);
    assert_eq!(log.names("actor"), ["quantri@x.vn", "quantri.nhanh@x.vn"]);
    assert_eq!(
        log.names("number"),
        [(before + 2).to_string(), (before + 1).to_string()]
    );
    assert!(log.json["items"][0]["detail"].is_object());

    let next = log.json["cursor"].as_str().unwrap();
    let older = w
        .get(&w.root, &format!("audit?limit=1&cursor={next}"))
        .await;
    assert_eq!(older.names("number"), [before.to_string()]);
    let one = w.get(&w.root, &format!("audit/{}", before + 1)).await;
    assert_eq!(one.json, log.json["items"][1]);
    check(&w.get(&w.root, &format!("audit/{}", before + 3)).await, 404);
    check(&w.get(&w.root, "audit/18446744073709551615").await, 404);
    assert_eq!(w.directory.audit_check().unwrap(), None);
}

#[tokio::test]
async fn i17_an_auditor_sees_the_acts_of_the_subtree_only() {
    let w = World::new();
    let made = w
        .post(
            &w.root,
            "domains",
            json!({"name": "stc.x.vn", "agency": "H99.2"}),
        )
        .await;
    check(&made, 201);
    let number = w.get(&w.root, "audit?limit=1").await.names("number")[0].clone();
    let seen = w.get(&w.auditor, "audit?limit=500").await;
    assert!(!seen.names("object").is_empty());
    for object in seen.names("object") {
        let own = ["H99.1", "H99.1.1", "quantri.nhanh@x.vn", "kiemtoan@x.vn"];
        assert!(own.contains(&object.as_str()), "{object}");
    }
    check(&w.get(&w.auditor, &format!("audit/{number}")).await, 404);
    assert!(w.get(&w.nobody, "audit").await.names("number").is_empty());
}

#[tokio::test]
async fn the_log_is_filtered() {
    let w = World::new();
    let acts = w
        .get(&w.root, "audit?act=agency&limit=500")
        .await
        .names("act");
    assert_eq!(acts, ["agency.create"; 4]);
    assert!(
        w.get(&w.root, "audit?act=agen")
            .await
            .names("act")
            .is_empty()
    );
    let of = w
        .get(&w.root, "audit?object=nguoila@x.vn&actor=system")
        .await;
    assert_eq!(of.names("act"), ["credential.create", "account.create"]);
}

#[tokio::test]
async fn i17_a_freed_address_brings_nothing_of_who_had_it() {
    let w = World::new();
    let new = json!({"address": "tro@x.vn", "agency": "H99.2", "name": "Của Người Khác"});
    let made = w.post(&w.root, "accounts", new).await;
    check(&made, 201);
    let id = &made.json["id"];
    let moved = json!({"address": "doi@x.vn", "agency": "H99.2", "name": "Chuyển Đi"});
    let moves = w.post(&w.root, "accounts", moved).await.json["id"].clone();
    let again = json!({"address": "tro@x.vn", "agency": "H99.1", "name": "Của Mình"});
    let had = w.post(&w.branch, "accounts", again.clone()).await;
    check(&had, 409);
    check(&w.delete(&w.root, &format!("accounts/{id}")).await, 204);
    // It rests: for others it is as it was when somebody had it.
    let rests = w.post(&w.branch, "accounts", again.clone()).await;
    check(&rests, 409);
    assert_eq!(rests.text, had.text);
    assert!(rests.text.contains("để nghỉ"), "{}", rests.text);
    let at_once = json!({"values": {"address_rest_days": {"value": 0}}});
    check(&w.patch(&w.root, "policies/H99.2", at_once).await, 200);
    check(&w.post(&w.branch, "accounts", again).await, 201);
    let acts = async |access, object: &str| {
        let page = w.get(access, &format!("audit?object={object}")).await;
        (page.names("act"), page.text)
    };
    let (seen, text) = acts(&w.branch, "tro@x.vn").await;
    assert_eq!(seen, ["account.create"]);
    assert!(!text.contains("Của Người Khác"), "{text}");
    assert_eq!(acts(&w.root, "tro@x.vn").await.0.len(), 3);
    // Who is moved in brings nothing of what was done elsewhere.
    let here = json!({"agency": "H99.1"});
    check(
        &w.patch(&w.root, &format!("accounts/{moves}"), here).await,
        200,
    );
    assert_eq!(acts(&w.branch, "doi@x.vn").await.0, ["account.change"]);
}
