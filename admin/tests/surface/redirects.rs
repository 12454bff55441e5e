//! Ways by which somebody's mail comes to another: each wants a reason, is refused to who may not, is told to the owner, and
//! waits for a second where impersonation does.

use crate::world::*;
use axum::body::Body;
use directory::Access;
use http::Request;
use serde_json::{Value, json};

const WHY: &str = "nghỉ thai sản";

/// A request that says nothing in its head.
pub(crate) async fn plain(w: &World, who: &Access, line: &str, body: Value) -> Answer {
    let (method, path) = line.split_once(' ').unwrap();
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v1/{path}"))
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()));
    w.send(Some(who), request.unwrap()).await
}

fn with_reason(mut body: Value, reason: Value) -> Value {
    body["reason"] = reason;
    body
}

/// A shared mailbox of the branch with a letter, the auditor its member.
async fn office(w: &World) -> u32 {
    let new =
        json!({"address": "vanthu@x.vn", "name": "Văn thư", "kind": "shared", "agency": "H99.1"});
    let made = w.post(&w.root, "accounts", new).await;
    check(&made, 201);
    let id = made.json["id"].as_u64().unwrap() as u32;
    let line = format!("PUT accounts/{id}/members/kiemtoan@x.vn");
    let member = Some(json!({"rights": "lrs"}));
    check(&w.with(&w.root, &line, &[], member).await, 200);
    id
}

/// Every way, as a request, with what its refusal names.
async fn ways(w: &World) -> Vec<(String, Value)> {
    let (person, sh) = (w.id("kiemtoan"), office(w).await);
    let (branch, other) = (w.id("quantri.nhanh"), w.id("quantri"));
    let alias = json!({"address": "kt@x.vn", "account": person});
    check(&w.post(&w.root, "aliases", alias).await, 201);
    let old = json!({"address": "cu@x.vn", "account": person});
    check(&w.post(&w.root, "aliases", old).await, 201);
    check(&w.delete(&w.root, "aliases/cu@x.vn").await, 204);
    let new = json!({"address": "cu@x.vn", "name": "Rối", "agency": "H99.1"});
    let member = json!({"rights": "lr"});
    let app = json!({"kind": "app_password", "label": "máy"});
    vec![
        (
            format!("PUT accounts/{person}/forwarding"),
            json!({"to": ["quantri.nhanh@x.vn"]}),
        ),
        (
            "POST aliases".into(),
            json!({"address": "cu@x.vn", "account": branch}),
        ),
        (
            "POST aliases".into(),
            json!({"address": "kiemtoan+x@x.vn", "account": branch}),
        ),
        ("PATCH aliases/kt@x.vn".into(), json!({"account": branch})),
        ("POST accounts".into(), new),
        (
            format!("PATCH accounts/{branch}"),
            json!({"address": "cu@x.vn"}),
        ),
        (
            format!("PATCH accounts/{person}"),
            json!({"kind": "list", "members": ["quantri@x.vn"]}),
        ),
        (format!("POST accounts/{person}/credentials"), app.clone()),
        (format!("POST accounts/{sh}/credentials"), app),
        (
            format!("PUT accounts/{sh}/credentials/password"),
            json!({"password": "Hoa-Sen-2026"}),
        ),
        (
            format!("PUT accounts/{sh}/members/quantri@x.vn"),
            member.clone(),
        ),
        (
            format!("PATCH accounts/{other}"),
            json!({"address": "cu@x.vn"}),
        ),
    ]
}

#[tokio::test]
async fn i20_none_is_gone_without_a_reason_nor_by_who_may_not() {
    let count = ways(&World::new()).await.len();
    for n in 0..count {
        let w = &World::new();
        let person = w.id("kiemtoan");
        let (line, body) = ways(w).await.swap_remove(n);
        let last = w.get(&w.root, "audit?limit=1").await.names("number");
        let refused = plain(w, &w.root, &line, body.clone()).await;
        check(&refused, 422);
        assert_eq!(refused.json["errors"][0]["field"], "reason", "{line}");
        let detail = refused.json["detail"].as_str().unwrap();
        assert!(detail.contains("lý do"), "{line} {detail}");
        let (path, query) = (line.clone(), "?dry_run=true");
        let tried = plain(w, &w.root, &(path + query), body.clone()).await;
        check(&tried, 422);
        let odd = plain(w, &w.root, &line, with_reason(body.clone(), json!("a\nb"))).await;
        check(&odd, 422);
        assert_eq!(odd.json["errors"][0]["field"], "reason", "{line}");
        // With every reason, who administers elsewhere or only looks may not.
        let why = || with_reason(body.clone(), WHY.into());
        let refused = plain(w, &w.nobody, &line, why()).await;
        let of_nothing = |answer: &Answer| match answer.status.as_u16() {
            422 => answer.json["errors"][0]["field"] != "reason",
            status => status == 404,
        };
        assert!(of_nothing(&refused), "{line} {refused:?}");
        assert_eq!(w.get(&w.root, "audit?limit=1").await.names("number"), last);
        let looks = json!({"account": w.id("nguoila"), "agency": "H99", "capabilities": ["read_directory"]});
        check(&w.post(&w.root, "grants", looks).await, 201);
        let last = w.get(&w.root, "audit?limit=1").await.names("number");
        check(&plain(w, &w.nobody, &line, why()).await, 403);
        let tried = plain(w, &w.root, &format!("{line}?dry_run=true"), why()).await;
        check(&tried, 200);
        assert_eq!(w.get(&w.root, "audit?limit=1").await.names("number"), last);
        let done = plain(w, &w.root, &line, why()).await;
        assert!(done.status.is_success(), "{line} {done:?}");
        // Told to whose mail it is, or to who reads the shared mailbox.
        let reads = w.get(&w.root, &format!("accounts/{person}/reads")).await;
        let read = &reads.json["items"][0];
        assert_eq!(
            (&read["by"], &read["reason"]),
            (&json!("quantri@x.vn"), &json!(WHY)),
            "{line} {}",
            reads.json
        );
    }
}

#[tokio::test]
async fn its_owner_is_told_where_to_and_may_take_it_back_alone() {
    let w = World::new();
    let person = w.id("kiemtoan");
    let line = format!("PUT accounts/{person}/forwarding");
    let body = json!({"to": ["quantri@x.vn", "quantri.nhanh@x.vn"], "keep": false, "reason": WHY});
    check(&plain(&w, &w.branch, &line, body).await, 200);
    let path = format!("accounts/{person}/reads");
    let reads = w.get(&w.auditor, &path).await;
    let read = &reads.json["items"][0];
    assert_eq!(
        json!([
            read["scope"],
            read["by"],
            read["reason"],
            read["to"],
            read["account"],
            read["account_address"]
        ]),
        json!([
            "redirect",
            "quantri.nhanh@x.vn",
            WHY,
            ["quantri.nhanh@x.vn", "quantri@x.vn"],
            person,
            "kiemtoan@x.vn"
        ])
    );
    check(&w.get(&w.nobody, &path).await, 404);
    // To fewer, kept again, to nobody: by whoever manages it.
    for body in [
        json!({"to": ["quantri@x.vn"], "keep": false}),
        json!({"to": ["quantri@x.vn"]}),
        json!({"to": []}),
    ] {
        check(&plain(&w, &w.branch, &line, body).await, 200);
    }
    assert_eq!(w.get(&w.auditor, &path).await.names("id").len(), 1);
    let log = w.get(&w.root, "audit?act=mail.redirect").await;
    assert_eq!(log.names("object"), ["kiemtoan@x.vn"]);
    assert_eq!(log.json["items"][0]["account"], person);
    let used = log.json["items"][0]["credential"].as_u64().unwrap();
    let token = w
        .get(&w.root, &format!("tokens/{}-{used}", w.id("quantri.nhanh")))
        .await;
    check(&token, 200);
}

#[tokio::test]
async fn it_takes_two_where_impersonation_does() {
    let w = World::new();
    let person = w.id("kiemtoan");
    let rule = json!({"values": {"two_persons": {"value": ["impersonate"]}}});
    check(&w.patch(&w.root, "policies/H99.1", rule).await, 200);
    for act in ["redirect_mail", "make_secret", "join_mailbox"] {
        let rule = json!({"values": {"two_persons": {"value": [act]}}});
        check(&w.patch(&w.root, "policies/H99.1", rule).await, 422);
    }
    let line = format!("PUT accounts/{person}/forwarding");
    let body = json!({"to": ["quantri.nhanh@x.vn"], "reason": WHY});
    let asked = plain(&w, &w.branch, &line, body.clone()).await;
    check(&asked, 202);
    assert_eq!(asked.json["type"], "urn:congvu:problem:awaiting-approval");
    let tried = plain(&w, &w.branch, &format!("{line}?dry_run=true"), body.clone()).await;
    assert_eq!(tried.status, 202);
    let request = asked.header("location");
    let request = request.strip_prefix("/api/v1/").unwrap();
    let shown = w.get(&w.root, request).await;
    assert_eq!(shown.json["act"], "redirect_mail");
    assert_eq!(
        shown.json["detail"]["asked"],
        json!({"act": "account.forwarding", "keep": true, "to": ["quantri.nhanh@x.vn"], "reason": WHY})
    );
    // Where no copy stays it is another request.
    let mut none = body.clone();
    none["keep"] = false.into();
    let other = plain(&w, &w.branch, &line, none).await;
    check(&other, 202);
    assert_ne!(other.header("location"), asked.header("location"));
    let approve = format!("{request}/approve");
    check(&w.post(&w.branch, &approve, json!({})).await, 403);
    check(&w.post(&w.root, &approve, json!({})).await, 200);
    check(&plain(&w, &w.branch, &line, body).await, 200);
    assert_eq!(w.get(&w.root, request).await.json["state"], "used");
}

#[tokio::test]
async fn members_see_what_is_done_with_their_mailbox_and_others_do_not() {
    let w = World::new();
    let sh = office(&w).await;
    let open = format!("accounts/{sh}/impersonations");
    check(&w.post(&w.root, &open, json!({"minutes": 5})).await, 201);
    let path = format!("accounts/{sh}/reads");
    check(&w.get(&w.nobody, &path).await, 404);
    // The auditor reads the log of the agency anyway: a member who does not.
    let line = format!("PUT accounts/{sh}/members/nguoila@x.vn");
    let member = Some(json!({"rights": "lr"}));
    check(&w.with(&w.root, &line, &[], member).await, 200);
    let reads = w.get(&w.nobody, &path).await;
    check(&reads, 200);
    assert_eq!(reads.names("scope"), ["impersonation"]);
    check(&w.post(&w.root, &open, json!({"minutes": 6})).await, 201);
    let own = w
        .get(&w.nobody, &format!("accounts/{}/reads", w.id("nguoila")))
        .await;
    assert_eq!(own.names("account_address"), ["vanthu@x.vn"]);
    let off = format!("accounts/{sh}/members/nguoila@x.vn");
    check(&w.delete(&w.root, &off).await, 204);
    check(&w.get(&w.nobody, &path).await, 404);
}

#[tokio::test]
async fn a_table_does_none_of_it() {
    let w = World::new();
    let sh = office(&w).await;
    let person = w.id("kiemtoan");
    let old = json!({"address": "cu@x.vn", "account": person});
    check(&w.post(&w.root, "aliases", old).await, 201);
    check(&w.delete(&w.root, "aliases/cu@x.vn").await, 204);
    let faults = async |table: &str, rows: &str| {
        let job = w.import(&w.branch, table, rows).await;
        assert_eq!(job["failure"]["code"], "rows", "{job}");
        let path = format!("jobs/{}/results?outcome=error", job["id"]);
        let found = w.get(&w.branch, &path).await;
        found.json["items"][0]["errors"][0]["code"].clone()
    };
    let new = "address,name,agency\ncu@x.vn,Rối,H99.1\n";
    assert_eq!(faults("accounts", new).await, "needs-reason");
    let alias = "address,name,agency,aliases\nquantri.nhanh@x.vn,Quản Trị Nhánh,H99.1,cu@x.vn\n";
    assert_eq!(faults("accounts", alias).await, "needs-reason");
    let member = "account,member,rights\nvanthu@x.vn,quantri.nhanh@x.vn,lr\n";
    assert_eq!(faults("members", member).await, "needs-reason");
    let seat = "agency,title,mailbox,holder\nH99.1,Văn thư,vanthu@x.vn,quantri.nhanh@x.vn\n";
    assert_eq!(faults("positions", seat).await, "needs-reason");
    assert_eq!(
        w.get(&w.root, &format!("accounts/{sh}/members")).await.json["version"],
        1
    );
}

#[tokio::test]
async fn letters_and_lost_telephones_are_told() {
    let w = World::new();
    let job = w.import(&w.branch, "accounts", crate::bulk::ACCOUNTS).await;
    let path = format!("jobs/{}/letters", job["id"]);
    let tried = w
        .post(&w.branch, &format!("{path}?dry_run=true"), json!({}))
        .await;
    check(&tried, 200);
    let changes = tried.json["changes"].as_array().unwrap();
    let of = |n: usize| {
        (
            changes[n]["act"].as_str().unwrap(),
            changes[n]["object"].as_str().unwrap(),
        )
    };
    assert_eq!(of(0), ("job.letters", "H99.1"));
    assert_eq!(changes[0]["detail"]["persons"], 2);
    assert_eq!(of(1), ("password.first", "annv@x.vn"));
    assert_eq!(changes.len(), 3);
    let person = w.id("annv");
    let reads = format!("accounts/{person}/reads");
    assert!(w.get(&w.root, &reads).await.names("scope").is_empty());
    check(&w.post(&w.branch, &path, json!({})).await, 200);
    let told = w.get(&w.root, &reads).await;
    assert_eq!(told.names("scope"), ["secret"]);
    assert_eq!(told.names("by"), ["quantri.nhanh@x.vn"]);
    let id = told.names("id")[0].clone();
    let entry = w.get(&w.root, &format!("audit/{id}")).await;
    assert_eq!(
        (&entry.json["act"], &entry.json["account"]),
        (&json!("password.first"), &json!(person))
    );
}
