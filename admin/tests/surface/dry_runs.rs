//! `?dry_run=true`: what would be done, or the very refusal, and nothing done.

use crate::bulk::{counts, faults};
use crate::queue::submit;
use crate::world::*;
use serde_json::{Value, json};

/// What a commit of any kind would change: the end of the audit log, and the octets of the journal.
fn state(w: &World) -> (u64, String) {
    let last = w.directory.audit(None, 1).unwrap()[0].number;
    (last, format!("{:?}", w.store.figures()))
}

/// Tries it; the acts that would be done, with nothing changed.
async fn tries(w: &World, line: &str, body: Option<Value>) -> (Vec<String>, Value) {
    let before = state(w);
    let answer = w
        .with(&w.root, &format!("{line}?dry_run=true"), &[], body)
        .await;
    check(&answer, 200);
    assert_eq!(answer.json["dry_run"], true, "{line}: {}", answer.json);
    assert_eq!(state(w), before, "{line}");
    let changes = answer.json["changes"].as_array().unwrap().clone();
    let acts = changes
        .iter()
        .map(|c| c["act"].as_str().unwrap().to_owned());
    (acts.collect(), answer.json)
}

#[tokio::test]
async fn what_would_be_done_is_told_and_not_done() {
    let w = World::new();
    let id = w.id("kiemtoan");
    let shared = json!({"address": "vt@x.vn", "kind": "shared", "agency": "H99.1", "name": "VT"});
    let shared = w.post(&w.root, "accounts", shared).await.json["id"].clone();
    let seat = json!({"agency": "H99.1", "title": "Văn thư", "mailbox": shared});
    let seat = w.post(&w.root, "positions", seat).await.json["id"].clone();
    let over = json!({"to": id, "reason": "QĐ 1"});
    let sealed = json!({"to": id, "earlier": "sealed"});
    let new = json!({"address": "moi@x.vn", "agency": "H99.1", "name": "Người Mới"});
    let grant = json!({"account": id, "agency": "H99.1", "role": "account_officer"});
    let token = json!({"account": id, "label": "t"});
    for (line, body, acts) in [
        ("POST accounts".to_owned(), Some(new), "account.create"),
        (
            format!("PATCH accounts/{id}"),
            Some(json!({"name": "Tên Khác"})),
            "account.change",
        ),
        (format!("DELETE accounts/{id}"), None, "account.delete"),
        ("POST grants".to_owned(), Some(grant), "grant.give"),
        (
            "PATCH policies/H99.1".to_owned(),
            Some(json!({"values": {"imap": {"value": false}}})),
            "agency.policy",
        ),
        (
            format!("POST positions/{seat}/handover"),
            Some(over),
            "position.handover",
        ),
        (
            format!("POST positions/{seat}/handover"),
            Some(sealed),
            "position.handover",
        ),
        (
            "PATCH agencies/H99.1.1".to_owned(),
            Some(json!({"parent": "H99.2"})),
            "agency.change",
        ),
        (
            format!("PUT accounts/{shared}/members/kiemtoan@x.vn"),
            Some(json!({"rights": "lr"})),
            "account.member",
        ),
        (
            format!("PUT accounts/{id}/credentials/password"),
            Some(json!({"password": "Mật khẩu 2026"})),
            "password.set",
        ),
        ("POST tokens".to_owned(), Some(token), "credential.create"),
        (
            format!("POST accounts/{id}/holds"),
            Some(json!({"name": "V1", "reason": "vụ"})),
            "hold.place",
        ),
    ] {
        let (told, answer) = tries(&w, &line, body).await;
        assert_eq!(told, [acts], "{line}: {answer}");
        assert_eq!(answer["takes_two"], false, "{line}");
    }
    let renamed = Some(json!({"name": "Tên Khác"}));
    let (_, told) = tries(&w, &format!("PATCH accounts/{id}"), renamed).await;
    let detail = &told["changes"][0]["detail"];
    assert_eq!(detail, &json!({"name": ["Kiểm Toán", "Tên Khác"]}));
    // The next number is the one that would have been given before all this.
    let next = json!({"address": "moi@x.vn", "agency": "H99.1", "name": "Người Mới"});
    let made = w.post(&w.root, "accounts", next).await;
    check(&made, 201);
    assert_eq!(made.json["id"].as_u64(), shared.as_u64().map(|id| id + 1));
    assert_eq!(w.directory.audit_check().unwrap(), None);
}

#[tokio::test]
async fn what_would_be_refused_is_refused_alike() {
    let w = World::new();
    let id = w.id("kiemtoan");
    let taken = json!({"address": "kiemtoan@x.vn", "agency": "H99.1", "name": "A"});
    for (who, line, fields, body) in [
        (&w.root, "POST accounts".to_owned(), None, Some(taken)),
        (&w.branch, "DELETE accounts/999".to_owned(), None, None),
        (
            &w.branch,
            format!("DELETE accounts/{}", w.id("nguoila")),
            None,
            None,
        ),
        (&w.auditor, format!("DELETE accounts/{id}"), None, None),
        (
            &w.root,
            format!("DELETE accounts/{id}"),
            Some(("if-match", "\"99\"")),
            None,
        ),
        (
            &w.root,
            "PATCH agencies/H99.1".to_owned(),
            None,
            Some(json!({"parent": "H99.1.1"})),
        ),
        (
            &w.root,
            format!("PATCH accounts/{id}"),
            None,
            Some(json!({"tuoi": 5})),
        ),
    ] {
        let fields: Vec<(&str, &str)> = fields.into_iter().collect();
        let tried = format!("{line}?dry_run=true");
        let tried = w.with(who, &tried, &fields, body.clone()).await;
        let done = w.with(who, &line, &fields, body).await;
        assert!(tried.status.is_client_error(), "{line}: {tried:?}");
        assert_eq!(
            (tried.status, &tried.json),
            (done.status, &done.json),
            "{line}"
        );
    }
    let wrong = w
        .with(&w.root, "DELETE accounts/9?dry_run=maybe", &[], None)
        .await;
    check(&wrong, 400);
}

#[tokio::test]
async fn neither_a_second_person_nor_a_key_is_spent() {
    let w = World::new();
    let id = w.id("kiemtoan");
    let rule = json!({"values": {"two_persons": {"value": ["delete_account"]}}});
    check(&w.patch(&w.root, "policies/H99.1", rule).await, 200);
    let (acts, told) = tries(&w, &format!("DELETE accounts/{id}"), None).await;
    assert_eq!(
        (acts, &told["takes_two"]),
        (vec!["approval.ask".to_owned()], &json!(true))
    );
    assert!(w.get(&w.root, "approvals").await.names("id").is_empty());
    // Who approves signed in before it was asked.
    w.turn(60);
    // While one waits, trying says so like asking again; approved, it stays approved.
    let asked = w.delete(&w.branch, &format!("accounts/{id}")).await;
    check(&asked, 202);
    let line = format!("DELETE accounts/{id}?dry_run=true");
    check(&w.with(&w.branch, &line, &[], None).await, 202);
    let place = asked.header("location").strip_prefix("/api/v1/").unwrap();
    let place = place.to_owned();
    check(
        &w.post(&w.root, &format!("{place}/approve"), json!({}))
            .await,
        200,
    );
    let tried = w.with(&w.branch, &line, &[], None).await;
    check(&tried, 200);
    let acts = tried.json["changes"].as_array().unwrap();
    let acts: Vec<&Value> = acts.iter().map(|change| &change["act"]).collect();
    assert_eq!(acts, ["approval.use", "account.delete"]);
    assert_eq!(w.get(&w.root, &place).await.json["state"], "approved");
    check(&w.delete(&w.branch, &format!("accounts/{id}")).await, 204);

    let new = json!({"address": "moi@x.vn", "agency": "H99.2", "name": "Mới"});
    let key = [("idempotency-key", "k")];
    let tried = w
        .with(
            &w.root,
            "POST accounts?dry_run=true",
            &key,
            Some(new.clone()),
        )
        .await;
    check(&tried, 200);
    let made = w.with(&w.root, "POST accounts", &key, Some(new)).await;
    check(&made, 201);
    assert_eq!(made.header("idempotency-replayed"), "");
}

#[tokio::test]
async fn undoing_a_job_is_looked_at_row_by_row() {
    let w = World::new();
    let tree = "id,parent,name\nH99.1.7,H99.1,Phòng\nH99.1.7.1,H99.1.7,Tổ\nH99.1.8,H99.1,Khác\n";
    let job = w.import(&w.branch, "agencies", tree).await;
    check(
        &w.patch(&w.branch, "agencies/H99.1.8", json!({"name": "Đổi"}))
            .await,
        200,
    );
    let path = format!("jobs/{}/undo", job["id"]);
    let look = async || {
        let begun = w
            .post(&w.branch, &format!("{path}?dry_run=true"), json!({}))
            .await;
        w.ended(&w.branch, &begun).await
    };
    let seen = look().await;
    assert_eq!(
        (&seen["dry_run"], counts(&seen)),
        (&json!(true), [2, 0, 0, 1])
    );
    let rows = w.results(&w.branch, &seen, "?outcome=error").await;
    assert_eq!(faults(&rows), ["4 - changed"]);
    check(&w.get(&w.branch, "agencies/H99.1.7.1").await, 200);
    // It stays to be undone, in earnest too.
    assert_eq!(counts(&look().await), [2, 0, 0, 1]);
    let begun = w.post(&w.branch, &path, json!({})).await;
    let undone = w.ended(&w.branch, &begun).await;
    assert_eq!(counts(&undone), [2, 0, 0, 1]);
    check(&w.get(&w.branch, "agencies/H99.1.7").await, 404);
}

#[tokio::test]
async fn i17_what_ends_with_it_elsewhere_is_not_told() {
    let w = World::new();
    let (id, stranger) = (w.id("kiemtoan"), w.id("nguoila"));
    let line = format!("PUT accounts/{stranger}/forwarding");
    let to = json!({"to": ["kiemtoan@x.vn"], "keep": true});
    check(&w.with(&w.root, &line, &[], Some(to)).await, 200);
    let line = format!("DELETE accounts/{id}?dry_run=true");
    let acts = async |who| w.with(who, &line, &[], None).await.json["changes"].clone();
    let whole = acts(&w.root).await.to_string();
    assert!(whole.contains("nguoila@x.vn"), "{whole}");
    let told = acts(&w.branch).await;
    assert_eq!(told[0]["act"], "account.delete");
    assert!(!told.to_string().contains("nguoila"), "{told}");
}

#[tokio::test]
async fn a_password_is_not_guessed_by_trying() {
    let w = World::new();
    let id = w.id("kiemtoan");
    let rule = json!({"values": {"password_history": {"value": 3}}});
    check(&w.patch(&w.root, "policies/H99.1", rule).await, 200);
    let line = format!("PUT accounts/{id}/credentials/password");
    let set = async |line: &str, password: &str| {
        let body = Some(json!({ "password": password }));
        w.with(&w.root, line, &[], body).await.status.as_u16()
    };
    assert_eq!(set(&line, "Mật khẩu 2026").await, 200);
    let tried = format!("{line}?dry_run=true");
    assert_eq!(set(&tried, "Mật khẩu 2026").await, 200);
    assert_eq!(set(&tried, "Mật khẩu 2027").await, 200);
    assert_eq!(set(&line, "Mật khẩu 2026").await, 422);
}

#[tokio::test]
async fn acts_on_waiting_mail_are_told_of_each_letter() {
    let w = World::new();
    let first = submit(&w, &w.branch, "ai@ngoai.vn");
    let second = submit(&w, &w.branch, "khac@ngoai.vn");
    let entries = w.directory.audit(None, 1).unwrap()[0].number;
    let told = async |line: String, body: Option<Value>| {
        let line = format!("{line}?dry_run=true");
        let answer = w.with(&w.root, &line, &[], body).await;
        check(&answer, 200);
        let changes = answer.json["changes"].as_array().unwrap().iter();
        changes
            .map(|change| format!("{} {}", change["act"], change["object"]).replace('"', ""))
            .collect::<Vec<String>>()
    };
    let all = json!({"act": "hold", "all": true});
    assert_eq!(
        told("POST queue/acts".to_owned(), Some(all)).await,
        [
            format!("queue.hold queue/{first}"),
            format!("queue.hold queue/{second}")
        ]
    );
    let retry = told(format!("POST queue/{first}/retry"), None).await;
    assert_eq!(retry, [format!("queue.retry queue/{first}")]);
    let delete = told(format!("DELETE queue/{second}"), None).await;
    assert_eq!(delete, [format!("queue.delete queue/{second}")]);
    assert_eq!(w.directory.audit(None, 1).unwrap()[0].number, entries);
    check(&w.get(&w.root, &format!("queue/{second}")).await, 200);
}

#[tokio::test]
async fn an_import_that_is_tried_spends_no_key() {
    let w = World::new();
    let send = async |ask: &str| {
        let request = http::Request::post(format!("/api/v1/imports/accounts{ask}"))
            .header("content-type", "text/csv")
            .header("idempotency-key", "k1");
        let table = "address,name,agency\nmoi@x.vn,Mới,H99.1\n";
        let request = request.body(axum::body::Body::from(table)).unwrap();
        w.send(Some(&w.root), request).await
    };
    let tried = send("?dry_run=true").await;
    assert_eq!(counts(&w.ended(&w.root, &tried).await), [1, 0, 0, 0]);
    let done = send("").await;
    assert_eq!(done.header("idempotency-replayed"), "", "{done:?}");
    let job = w.ended(&w.root, &done).await;
    assert_ne!(job["id"], tried.json["id"]);
    check(
        &w.get(&w.root, &format!("accounts/{}", w.id("moi"))).await,
        200,
    );
    // The same again is the same job, of each.
    for (ask, first) in [("?dry_run=true", &tried), ("", &done)] {
        let again = send(ask).await;
        assert_eq!(again.header("idempotency-replayed"), "true", "{ask}");
        assert_eq!(again.json["id"], first.json["id"], "{ask}");
    }
    // Undoing it too.
    let line = format!("POST jobs/{}/undo", job["id"]);
    let key = [("idempotency-key", "k2")];
    let tried = format!("{line}?dry_run=true");
    let tried = w.with(&w.root, &tried, &key, None).await;
    w.ended(&w.root, &tried).await;
    let done = w.with(&w.root, &line, &key, None).await;
    assert_eq!(done.header("idempotency-replayed"), "", "{done:?}");
    assert_eq!(counts(&w.ended(&w.root, &done).await), [1, 0, 0, 0]);
    assert!(w.directory.account_at(&address("moi")).is_err());
}

#[tokio::test]
async fn a_restore_that_is_not_there_is_not_given_up_on_trial_either() {
    let w = World::new();
    let line = format!("DELETE accounts/{}/restore", w.id("kiemtoan"));
    let entries = state(&w).0;
    let tries = format!("{line}?dry_run=true");
    check(&w.with(&w.root, &tries, &[], None).await, 404);
    assert_eq!(state(&w).0, entries);
    check(&w.with(&w.root, &line, &[], None).await, 404);
    // Who may not do it hears of that first.
    check(&w.with(&w.auditor, &tries, &[], None).await, 403);
}
