//! Somebody's mail read for some minutes: asked with a reason, told to its owner, waiting for a second where it takes two.

use crate::world::*;
use directory::Access;
use serde_json::{Value, json};

const WHY: [(&str, &str); 1] = [("audit-reason", "tìm công văn 12")];

async fn open(w: &World, who: &Access, path: &str, fields: &[(&str, &str)]) -> Answer {
    let minutes = Some(json!({"minutes": 30}));
    w.with(who, &format!("POST {path}"), fields, minutes).await
}

#[tokio::test]
async fn it_is_opened_listed_shown_to_its_owner_and_ended() {
    let w = World::new();
    let person = w.id("kiemtoan");
    let path = format!("accounts/{person}/impersonations");
    let made = open(&w, &w.branch, &path, &WHY).await;
    check(&made, 201);
    let id = made.json["id"].to_string();
    assert_eq!(made.header("location"), format!("/api/v1/{path}/{id}"));
    assert!(made.json["secret"].as_str().unwrap().starts_with("cvi_"));
    let listed = w.get(&w.root, &path).await;
    check(&listed, 200);
    assert!(!listed.text.contains("cvi_"));
    let one = &listed.json["items"][0];
    let until = formats::date::utc(w.now() + 30 * 60);
    assert_eq!(
        json!([
            one["by"],
            one["reason"],
            one["until"],
            one["stands"],
            one["sessions"]
        ]),
        json!(["quantri.nhanh@x.vn", "tìm công văn 12", until, true, 0])
    );
    let reads = w.get(&w.auditor, &format!("accounts/{person}/reads")).await;
    let read = &reads.json["items"][0];
    assert_eq!(
        json!([
            read["id"].to_string(),
            read["scope"],
            read["by"],
            read["until"]
        ]),
        json!([id, "impersonation", "quantri.nhanh@x.vn", until])
    );
    // Its owner neither lists nor ends it: he is told where all reads are.
    check(&w.get(&w.auditor, &path).await, 403);
    check(&w.delete(&w.auditor, &format!("{path}/{id}")).await, 403);
    for (who, status) in [(&w.nobody, 404), (&w.branch, 204), (&w.root, 204)] {
        check(&w.delete(who, &format!("{path}/{id}")).await, status);
    }
    check(&w.delete(&w.root, &format!("{path}/9999")).await, 404);
    let listed = w.get(&w.branch, &path).await;
    assert_eq!(listed.json["items"][0]["stands"], false);
    let log = w.get(&w.root, &format!("audit?account={person}")).await;
    assert_eq!(
        log.names("act")[..2],
        ["impersonation.end", "impersonation.open"]
    );
    assert_eq!(log.json["items"][1]["reason"], "tìm công văn 12");
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_its_name() {
    let w = World::new();
    let person = w.id("kiemtoan");
    let path = format!("accounts/{person}/impersonations");
    let line = format!("POST {path}");
    let minutes = Some(json!({"minutes": 5}));
    let bare = w.with(&w.branch, &line, &[("audit-reason", "")], minutes);
    check(&bare.await, 400);
    for (body, field) in [
        (json!({"minutes": 0}), "minutes"),
        (json!({"minutes": 61}), "minutes"),
    ] {
        let answer = w.with(&w.branch, &line, &WHY, Some(body)).await;
        check(&answer, 422);
        assert_eq!(answer.json["errors"][0]["field"], field);
    }
    let order = [WHY[0], ("legal-order", "9999")];
    let answer = open(&w, &w.branch, &path, &order).await;
    check(&answer, 422);
    assert_eq!(answer.json["errors"][0]["field"], "Legal-Order");
    check(&open(&w, &w.nobody, &path, &WHY).await, 404);
    check(&open(&w, &w.auditor, &path, &WHY).await, 403);
    let above = format!("accounts/{}/impersonations", w.id("quantri"));
    check(&open(&w, &w.branch, &above, &WHY).await, 404);
    let own = format!("accounts/{}/impersonations", w.id("quantri.nhanh"));
    check(&open(&w, &w.branch, &own, &WHY).await, 403);
    check(&w.get(&w.branch, "accounts/9999/impersonations").await, 404);
    assert!(w.get(&w.root, &path).await.names("id").is_empty());
    // Whoever has all but this capability is refused.
    let may = json!({"account": w.id("nguoila"), "agency": "H99.1",
        "capabilities": ["read_directory", "reset_credentials", "manage_tokens", "recover_mail", "manage_holds"]});
    check(&w.post(&w.root, "grants", may).await, 201);
    check(&open(&w, &w.nobody, &path, &WHY).await, 403);
}

#[tokio::test]
async fn a_dry_run_opens_nothing() {
    let w = World::new();
    let path = format!("accounts/{}/impersonations", w.id("kiemtoan"));
    let tried = open(&w, &w.branch, &format!("{path}?dry_run=true"), &WHY).await;
    check(&tried, 200);
    assert_eq!(tried.json["changes"][0]["act"], "impersonation.open");
    assert!(!tried.text.contains("cvi_"));
    assert!(w.get(&w.root, &path).await.names("id").is_empty());
}

#[tokio::test]
async fn it_takes_two_where_the_agency_says_so() {
    let w = World::new();
    let person = w.id("nguoila");
    let path = format!("accounts/{person}/impersonations");
    let rule = json!({"values": {"two_persons": {"value": ["impersonate"]}}});
    check(&w.patch(&w.root, "policies/H99.2", rule).await, 200);
    let mut account = w
        .directory
        .account(w.directory.account_at(&address("kiemtoan")).unwrap().id)
        .unwrap();
    account.grants = vec![directory::Grant::of(
        directory::Role::Administrator,
        directory::AgencyId("H99.2".into()),
    )];
    w.directory.change_account(None, account, None).unwrap();
    let second = token_of(&w.directory, "kiemtoan");
    let asked = open(&w, &w.root, &path, &WHY).await;
    check(&asked, 202);
    assert_eq!(asked.json["type"], "urn:congvu:problem:awaiting-approval");
    let request = asked
        .header("location")
        .strip_prefix("/api/v1/")
        .unwrap()
        .to_owned();
    let shown = w.get(&second, &request).await;
    assert_eq!(shown.json["act"], "impersonate");
    assert_eq!(
        shown.json["detail"]["asked"],
        json!({"minutes": 30, "reason": "tìm công văn 12"})
    );
    assert!(
        w.get(&w.nobody, &format!("accounts/{person}/reads"))
            .await
            .names("id")
            .is_empty()
    );
    let approved = w
        .post(&second, &format!("{request}/approve"), json!({}))
        .await;
    check(&approved, 200);
    let made = open(&w, &w.root, &path, &WHY).await;
    check(&made, 201);
    assert_eq!(
        w.get(&w.root, &request).await.json["state"],
        Value::from("used")
    );
    check(&open(&w, &w.root, &path, &WHY).await, 202);
}
