//! `/api/v1/approvals`: acts that take two persons.

use crate::world::*;
use directory::{Access, Secret};
use serde_json::{Value, json};

/// Leaves deletions and holds of H99.1 to two, and gives `kiemtoan` the rights of the branch.
async fn two(w: &World) -> Access {
    let grant = json!({"account": w.id("kiemtoan"), "agency": "H99.1", "role": "administrator"});
    check(&w.post(&w.root, "grants", grant).await, 201);
    let rule = json!({"values": {"two_persons": {"value": ["delete_account", "release_hold", "export_mail"]}}});
    check(&w.patch(&w.root, "policies/H99.1", rule).await, 200);
    // What he signs in by is older than what is asked.
    w.turn(60);
    w.auditor.clone()
}

async fn person(w: &World) -> String {
    let new = json!({"address": "di@x.vn", "agency": "H99.1.1", "name": "Đi"});
    let made = w.post(&w.root, "accounts", new).await;
    format!("accounts/{}", made.json["id"])
}

#[tokio::test]
async fn one_asks_and_another_approves() {
    let w = World::new();
    let second = two(&w).await;
    let gone = person(&w).await;
    let asked = w.delete(&w.branch, &gone).await;
    check(&asked, 202);
    assert_eq!(asked.json["type"], "urn:congvu:problem:awaiting-approval");
    assert_eq!(asked.header("content-type"), "application/json");
    let path = asked
        .header("location")
        .strip_prefix("/api/v1/")
        .unwrap()
        .to_owned();
    check(&w.get(&w.root, &gone).await, 200);
    // Asking again is the same request.
    assert_eq!(
        w.delete(&w.branch, &gone).await.header("location"),
        asked.header("location")
    );
    let row = w.get(&second, &path).await;
    assert_eq!(
        (&row.json["act"], &row.json["state"]),
        (&json!("delete_account"), &json!("waiting"))
    );
    assert_eq!(row.json["object"], "di@x.vn");
    // Not oneself, not by another token of one's own, not who may not do it, not who may not see it.
    let approve = format!("{path}/approve");
    check(&w.post(&w.branch, &approve, json!({})).await, 403);
    let again = token_of(&w.directory, "quantri.nhanh");
    check(&w.post(&again, &approve, json!({})).await, 403);
    check(&w.post(&w.nobody, &approve, json!({})).await, 404);
    check(&w.get(&w.nobody, &path).await, 404);
    assert!(w.get(&w.nobody, "approvals").await.names("id").is_empty());
    let approved = w.post(&second, &approve, json!({})).await;
    check(&approved, 200);
    assert_eq!(approved.json["decided_by_address"], "kiemtoan@x.vn");
    check(&w.post(&second, &approve, json!({})).await, 409);
    // For the one who asked alone, for what was asked alone, once.
    check(&w.delete(&second, &gone).await, 202);
    check(&w.delete(&w.branch, &gone).await, 204);
    check(&w.get(&w.root, &gone).await, 404);
    assert_eq!(w.get(&w.branch, &path).await.json["state"], "used");
    let acts = w.get(&w.root, "audit?act=approval").await.names("act");
    assert_eq!(
        acts,
        [
            "approval.use",
            "approval.ask",
            "approval.approve",
            "approval.ask"
        ]
    );
    assert_eq!(w.directory.audit_check().unwrap(), None);
}

#[tokio::test]
async fn a_puppet_is_no_second_person() {
    let w = World::new();
    drop(two(&w).await);
    let gone = person(&w).await;
    // He gives the right to an account of his own making.
    let puppet = json!({"address": "roi@x.vn", "agency": "H99.1", "name": "Rối"});
    let puppet = w.post(&w.branch, "accounts", puppet).await.json["id"].clone();
    let grant = json!({"account": puppet, "agency": "H99.1", "role": "administrator"});
    check(&w.post(&w.branch, "grants", grant).await, 201);
    let strings = token_of(&w.directory, "roi");
    let asked = w.delete(&w.branch, &gone).await;
    let approve = format!(
        "{}/approve",
        asked.header("location").strip_prefix("/api/v1/").unwrap()
    );
    check(&w.post(&strings, &approve, json!({})).await, 403);
    // A token of a real colleague that was made since he asked, be it in the same second.
    let stolen = token_of(&w.directory, "kiemtoan");
    check(&w.post(&stolen, &approve, json!({})).await, 403);
    w.turn(60);
    let stolen = token_of(&w.directory, "kiemtoan");
    check(&w.post(&stolen, &approve, json!({})).await, 403);
    check(&w.post(&w.auditor, &approve, json!({})).await, 200);
}

/// The request that an act became, and the line that approves it.
fn asked(answer: &Answer) -> (String, String) {
    check(answer, 202);
    let path = answer.header("location").strip_prefix("/api/v1/");
    let path = path.unwrap().to_owned();
    (path.clone(), format!("{path}/approve"))
}

#[tokio::test]
async fn who_approved_must_be_able_to_when_it_is_done() {
    let w = World::new();
    let second = two(&w).await;
    let gone = person(&w).await;
    let (first, approve) = asked(&w.delete(&w.branch, &gone).await);
    check(&w.post(&second, &approve, json!({})).await, 200);
    let grants = w
        .get(&w.root, &format!("grants?account={}", w.id("kiemtoan")))
        .await;
    for grant in grants.names("id") {
        check(&w.delete(&w.root, &format!("grants/{grant}")).await, 204);
    }
    // He has no right here any more: somebody else must approve.
    let (other, _) = asked(&w.delete(&w.branch, &gone).await);
    assert_ne!(other, first);
    check(&w.get(&w.root, &gone).await, 200);
    check(
        &w.post(&w.root, &format!("{other}/approve"), json!({}))
            .await,
        200,
    );
    check(&w.delete(&w.branch, &gone).await, 204);
    let uses = w.get(&w.root, "audit?act=approval.use").await;
    assert_eq!(
        uses.json["items"][0]["detail"]["approval"].to_string(),
        other.rsplit('/').next().unwrap()
    );
    assert_eq!(uses.names("act").len(), 1);
}

#[tokio::test]
async fn what_is_refused_uses_no_approval_up() {
    let w = World::new();
    let second = two(&w).await;
    let rule = json!({"values": {"two_persons": {"value": ["restore_mail"]}}});
    let (_, approve) = asked(&w.patch(&w.branch, "policies/H99.1", rule.clone()).await);
    check(&w.post(&second, &approve, json!({})).await, 200);
    check(&w.patch(&w.branch, "policies/H99.1", rule).await, 200);
    let mail = crate::recovery::removed_letter(&w);
    let path = format!("accounts/{}/removed", w.id("kiemtoan"));
    let removed = w.get(&w.branch, &path).await.json["items"][0]["id"].clone();
    let back = format!("{path}/restore");
    let wanted = json!({"messages": [removed], "mailbox": "Phục hồi"});
    let (request, approve) = asked(&w.post(&w.branch, &back, wanted.clone()).await);
    check(&w.post(&second, &approve, json!({})).await, 200);
    // There is no such mailbox: nothing is put back, and nothing used up.
    check(&w.post(&w.branch, &back, wanted.clone()).await, 422);
    assert_eq!(w.get(&w.branch, &request).await.json["state"], "approved");
    let mut writer = mail.write().unwrap();
    writer
        .create_mailbox(storage::NewMailbox {
            parent: None,
            name: "Phục hồi".to_owned(),
            role: None,
            subscribed: true,
            sort_order: 9,
        })
        .unwrap();
    writer.commit().unwrap();
    check(&w.post(&w.branch, &back, wanted.clone()).await, 200);
    assert_eq!(w.get(&w.branch, &request).await.json["state"], "used");
    check(&w.post(&w.branch, &back, wanted).await, 202);
}

#[tokio::test]
async fn a_token_that_was_there_in_the_same_second_approves() {
    let w = World::new();
    drop(two(&w).await);
    let gone = person(&w).await;
    let before = token_of(&w.directory, "kiemtoan");
    let (_, approve) = asked(&w.delete(&w.branch, &gone).await);
    let after = token_of(&w.directory, "kiemtoan");
    check(&w.post(&after, &approve, json!({})).await, 403);
    check(&w.post(&before, &approve, json!({})).await, 200);
}

#[tokio::test]
async fn requests_end_by_refusal_and_by_time() {
    let w = World::new();
    let second = two(&w).await;
    let gone = person(&w).await;
    let ask = async || {
        let asked = w.delete(&w.branch, &gone).await;
        check(&asked, 202);
        asked
            .header("location")
            .strip_prefix("/api/v1/")
            .unwrap()
            .to_owned()
    };
    let first = ask().await;
    check(
        &w.post(&second, &format!("{first}/refuse"), json!({})).await,
        200,
    );
    let next = ask().await;
    assert_ne!(first, next);
    check(
        &w.post(&w.branch, &format!("{next}/refuse"), json!({}))
            .await,
        200,
    );
    let third = ask().await;
    w.turn(3 * 24 * 3600);
    check(
        &w.post(&second, &format!("{third}/approve"), json!({}))
            .await,
        409,
    );
    assert_eq!(w.get(&second, &third).await.json["state"], "lapsed");
    let last = ask().await;
    check(
        &w.post(&second, &format!("{last}/approve"), json!({})).await,
        200,
    );
    w.turn(24 * 3600);
    assert_ne!(ask().await, last, "too late: it must be asked anew");
    let waiting = w.get(&second, "approvals?state=waiting").await;
    assert_eq!(waiting.names("act"), ["delete_account"]);
    assert_eq!(
        w.get(&second, "approvals?limit=2").await.names("id").len(),
        2
    );
}

#[tokio::test]
async fn the_rule_is_loosened_by_two_only() {
    let w = World::new();
    let second = two(&w).await;
    let less = json!({"values": {"two_persons": {"value": ["release_hold", "export_mail"]}}});
    let asked = w.patch(&w.branch, "policies/H99.1", less.clone()).await;
    check(&asked, 202);
    let off = json!({"values": {"two_persons": null}});
    check(&w.patch(&w.branch, "policies/H99.1", off).await, 202);
    let more = json!({"values": {"two_persons": {"value":
        ["delete_account", "restore_mail", "export_mail", "release_hold"]}}});
    check(&w.patch(&w.branch, "policies/H99.1", more).await, 200);
    let path = asked.header("location").strip_prefix("/api/v1/").unwrap();
    check(
        &w.post(&second, &format!("{path}/approve"), json!({})).await,
        200,
    );
    check(&w.patch(&w.branch, "policies/H99.1", less).await, 200);
    // An idempotent request that waits is done when it is approved.
    let id = w.id("kiemtoan");
    let hold = json!({"name": "V1", "reason": "Thanh tra"});
    check(
        &w.post(&w.root, &format!("accounts/{id}/holds"), hold).await,
        201,
    );
    check(
        &w.delete(&w.branch, &format!("accounts/{id}/holds/V1"))
            .await,
        202,
    );
    check(
        &w.get(&w.branch, &format!("accounts/{id}/holds/V1/letters"))
            .await,
        202,
    );
}

#[tokio::test]
async fn what_takes_two_is_not_led_to_where_it_takes_one() {
    let w = World::new();
    drop(two(&w).await);
    let gone = person(&w).await;
    for (path, change) in [
        (gone.as_str(), json!({"agency": "H99.2"})),
        ("agencies/H99.1.1", json!({"parent": "H99.2"})),
    ] {
        let asked = w.patch(&w.root, path, change.clone()).await;
        assert_eq!(asked.status.as_u16(), 202, "{path} {change} {asked:?}");
    }
    assert_eq!(w.get(&w.root, &gone).await.json["agency"], "H99.1.1");
    let acts = w.get(&w.root, "approvals").await.names("act");
    assert_eq!(acts, ["loosen_two_persons", "loosen_two_persons"]);
    // A list is deleted by one, so an account becomes one by two.
    let list = json!({"kind": "list", "members": ["kiemtoan@x.vn"]});
    check(&w.patch(&w.branch, &gone, list).await, 202);
    // Where as much takes two, one person moves it.
    let up = json!({"agency": "H99.1"});
    check(&w.patch(&w.branch, &gone, up).await, 200);
}

#[tokio::test]
async fn a_request_with_a_key_is_done_when_it_is_approved() {
    let w = World::new();
    let second = two(&w).await;
    let rule = json!({"values": {"two_persons": {"value": ["restore_mail", "delete_account", "release_hold", "export_mail"]}}});
    check(&w.patch(&w.root, "policies/H99.1", rule).await, 200);
    let line = format!("POST accounts/{}/removed/restore", w.id("kiemtoan"));
    let key = [("idempotency-key", "k1")];
    let body = Some(json!({"messages": [1]}));
    let asked = w.with(&w.branch, &line, &key, body.clone()).await;
    check(&asked, 202);
    let path = asked.header("location").strip_prefix("/api/v1/").unwrap();
    check(
        &w.post(&second, &format!("{path}/approve"), json!({})).await,
        200,
    );
    let done = w.with(&w.branch, &line, &key, body).await;
    assert_ne!(done.status.as_u16(), 202, "{done:?}");
    assert_eq!(w.get(&w.branch, path).await.json["state"], "used");
}

/// The holder of this secret.
fn enters(w: &World, secret: &Value) -> Access {
    let secret = Secret::new(secret.as_str().unwrap());
    w.directory.sign_in_token(&secret, PEER).unwrap()
}

#[tokio::test]
async fn nobody_approves_by_a_secret_that_the_asker_made_nor_asks_by_one_that_he_made_himself() {
    let w = World::new();
    let second = two(&w).await;
    let gone = person(&w).await;
    // Long before he asks, he makes his colleague's token; and the colleague one of his.
    let token = |id: u32| json!({"account": id, "label": "api"});
    let (asker, colleague) = (w.id("quantri.nhanh"), w.id("kiemtoan"));
    let stolen = w.post(&w.branch, "tokens", token(colleague)).await;
    check(&stolen, 201);
    let lent = w.post(&second, "tokens", token(asker)).await;
    check(&lent, 201);
    let (stolen, lent) = (
        enters(&w, &stolen.json["secret"]),
        enters(&w, &lent.json["secret"]),
    );
    // What is made by a secret that he knows he knows too.
    let further = w.post(&stolen, "tokens", token(colleague)).await;
    let further = enters(&w, &further.json["secret"]);
    w.turn(365 * 24 * 3600);
    let asked = w.delete(&w.branch, &gone).await;
    check(&asked, 202);
    let path = asked.header("location").strip_prefix("/api/v1/").unwrap();
    let approve = format!("{path}/approve");
    for puppet in [&stolen, &further] {
        let refused = w.post(puppet, &approve, json!({})).await;
        check(&refused, 403);
        assert!(
            refused.text.contains("không do người yêu cầu đặt"),
            "{refused:?}"
        );
    }
    check(
        &w.post(&second, &format!("{path}/refuse"), json!({})).await,
        200,
    );
    // The other way about: the second person asks in his name.
    let asked = w.delete(&lent, &gone).await;
    check(&asked, 202);
    let path = asked.header("location").strip_prefix("/api/v1/").unwrap();
    let approve = format!("{path}/approve");
    check(&w.post(&second, &approve, json!({})).await, 403);
    let own = token_of(&w.directory, "kiemtoan");
    check(&w.post(&own, &approve, json!({})).await, 403);
    check(&w.post(&w.root, &approve, json!({})).await, 200);
    check(&w.delete(&lent, &gone).await, 204);
}

#[tokio::test]
async fn a_password_of_ones_own_choice_is_ones_own_after_a_week() {
    let w = World::new();
    drop(two(&w).await);
    let (gone, colleague) = (person(&w).await, w.id("kiemtoan"));
    let path = format!("accounts/{colleague}/credentials");
    let first = json!({"kind": "first_password", "label": "thư"});
    let first = w.post(&w.branch, &path, first).await;
    check(&first, 201);
    let first = Secret::new(first.json["secret"].as_str().unwrap());
    let own = Secret::new("Mat khau 2026 cua toi");
    let name = "kiemtoan@x.vn";
    w.directory
        .choose_password(name, &first, &own, PEER)
        .unwrap()
        .unwrap();
    let approves = async |within: i64| {
        w.turn(within);
        let asked = w.delete(&w.branch, &gone).await;
        check(&asked, 202);
        let path = asked.header("location").strip_prefix("/api/v1/").unwrap();
        let id: u64 = path.rsplit('/').next().unwrap().parse().unwrap();
        let access = w.directory.sign_in(name, &own, PEER).unwrap();
        w.directory.decide(&access, id, true).map(drop)
    };
    assert_eq!(approves(3600).await, Err(directory::Error::NotSecond));
    assert_eq!(approves(7 * 24 * 3600).await, Ok(()));
    // One that he set himself never is.
    let set = w
        .with(
            &w.branch,
            &format!("PUT {path}/password"),
            &[],
            Some(json!({"password": "Mat khau 2027 cua ai"})),
        )
        .await;
    check(&set, 200);
    w.turn(365 * 24 * 3600);
    let asked = w.delete(&w.branch, &gone).await;
    check(&asked, 202);
    let id = asked.header("location").rsplit('/').next().unwrap();
    let set = Secret::new("Mat khau 2027 cua ai");
    let access = w.directory.sign_in(name, &set, PEER).unwrap();
    let decided = w.directory.decide(&access, id.parse().unwrap(), true);
    assert_eq!(decided.unwrap_err(), directory::Error::NotSecond);
}

#[tokio::test]
async fn a_rule_that_nobody_can_lift_is_lifted_by_who_runs_the_server() {
    let w = World::new();
    let rule =
        json!({"values": {"two_persons": {"value": ["delete_account"]}, "pop3": {"value": false}}});
    check(&w.patch(&w.root, "policies/H99.1", rule).await, 200);
    let agency = directory::AgencyId("H99.1".into());
    assert!(w.directory.lift_two_persons(&agency, " ").is_err());
    w.directory
        .lift_two_persons(&agency, "Không còn ai duyệt được")
        .unwrap();
    let left = w.get(&w.root, "policies/H99.1").await;
    assert_eq!(left.json["values"]["two_persons"], json!(null), "{left:?}");
    assert_eq!(left.json["values"]["pop3"]["value"], json!(false));
    let told = w.get(&w.root, "audit?act=two_persons").await;
    assert_eq!(told.json["items"][0]["actor"], "system");
    assert!(
        told.text.contains("Không còn ai duyệt được"),
        "{}",
        told.text
    );
    let gone = w.directory.lift_two_persons(&agency, "lần nữa");
    assert_eq!(gone, Err(directory::Error::NotFound("two_persons")));
    let gone = person(&w).await;
    check(&w.delete(&w.branch, &gone).await, 204);
}
