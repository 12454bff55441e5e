//! `/api/v1/grants`.

use crate::world::*;
use serde_json::json;

#[tokio::test]
async fn a_grant_is_given_changed_and_taken() {
    let w = World::new();
    let stranger = w.id("nguoila");
    let body = json!({
        "account": stranger, "agency": "H99.2", "capabilities": ["create_accounts", "reset_credentials"],
        "accounts_max": 40, "quota_total_max": 1_u64 << 40, "until": "2026-12-31T00:00:00Z",
    });
    let made = w.post(&w.root, "grants", body).await;
    check(&made, 201);
    let id = made.json["id"].as_str().unwrap().to_owned();
    assert_eq!(id, format!("{stranger}-1"));
    assert_eq!(made.header("location"), format!("/api/v1/grants/{id}"));
    let names = ["read_directory", "create_accounts", "reset_credentials"];
    assert_eq!(made.json["capabilities"], json!(names));
    assert_eq!(
        (&made.json["role"], &made.json["stands"]),
        (&json!(null), &json!(true))
    );
    assert_eq!(made.json["given_by"], json!(w.id("quantri")));
    assert_eq!(made.json["out_of"], json!(format!("{}-1", w.id("quantri"))));
    let path = format!("grants/{id}");
    let read = w.get(&w.root, &path).await;
    assert_eq!((&read.json, read.header("etag")), (&made.json, "\"1\""));

    let change = json!({"role": "account_officer", "accounts_max": null, "until": null});
    let tag = [("if-match", "\"1\"")];
    let changed = w
        .with(
            &w.root,
            &format!("PATCH {path}"),
            &tag,
            Some(change.clone()),
        )
        .await;
    check(&changed, 200);
    assert_eq!(changed.json["role"], "account_officer");
    assert_eq!(
        (&changed.json["accounts_max"], &changed.json["until"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(changed.json["quota_total_max"], json!(1_u64 << 40));
    let stale = w
        .with(&w.root, &format!("PATCH {path}"), &tag, Some(change))
        .await;
    check(&stale, 412);
    // It works: an account of the agency is made by its holder.
    let new = json!({"address": "moi@x.vn", "agency": "H99.2", "name": "Mới"});
    check(&w.post(&w.nobody, "accounts", new).await, 201);

    check(&w.delete(&w.root, &path).await, 204);
    check(&w.get(&w.root, &path).await, 404);
    let acts = w.get(&w.root, "audit?act=grant").await;
    assert_eq!(
        acts.names("act"),
        ["grant.take", "grant.change", "grant.give"]
    );
    assert_eq!(acts.json["items"][2]["object"], "nguoila@x.vn");
}

#[tokio::test]
async fn what_is_beyond_is_refused_with_words() {
    let w = World::new();
    let person = w.id("kiemtoan");
    let give = |more: serde_json::Value| {
        let mut body = json!({"account": person, "agency": "H99.1.1"});
        let fields = body.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        body
    };
    for bad in [
        json!({}),
        json!({"role": "king"}),
        json!({"capabilities": []}),
        json!({"capabilities": ["fly"]}),
        json!({"role": "auditor", "capabilities": ["read_audit"]}),
        json!({"role": "auditor", "until": "2020-01-01T00:00:00Z"}),
        json!({"role": "auditor", "until": "soon"}),
        json!({"role": "auditor", "since": "2027-03-01T00:00:00Z", "until": "2027-02-01T00:00:00Z"}),
        json!({"role": "auditor", "accounts_max": u64::MAX}),
        json!({"role": "auditor", "agency": "H99.2"}),
        json!({"role": "auditor", "account": w.id("nguoila")}),
        json!({"role": "auditor", "account": 9999}),
    ] {
        let answer = w.post(&w.branch, "grants", give(bad.clone())).await;
        assert_eq!(answer.status.as_u16(), 422, "{bad} {answer:?}");
        let words = answer.json["detail"].as_str().unwrap();
        assert!(!words.contains("không hợp lệ ("), "untranslated: {words}");
    }
    check(
        &w.post(&w.auditor, "grants", give(json!({"role": "auditor"})))
            .await,
        403,
    );
    // Over his own agency, since who gives must reach the one to whom it is given.
    let limited = give(
        json!({"agency": "H99.1", "capabilities": ["create_accounts", "manage_grants"], "accounts_max": 0}),
    );
    check(&w.post(&w.branch, "grants", limited).await, 201);
    let new = json!({"address": "moi@x.vn", "agency": "H99.1.1", "name": "Mới"});
    let refused = w.post(&w.auditor, "accounts", new).await;
    check(&refused, 409);
    assert_eq!(refused.json["type"], "urn:congvu:problem:not-possible");
    assert!(
        refused.json["detail"]
            .as_str()
            .unwrap()
            .contains("0 tài khoản")
    );
    let on = json!({"account": person, "agency": "H99.1.1", "capabilities": ["create_accounts"], "accounts_max": 1});
    let refused = w.post(&w.auditor, "grants", on).await;
    check(&refused, 422);
    assert_eq!(refused.json["errors"][0]["field"], "accounts_max");
}

#[tokio::test]
async fn who_may_not_touch_an_account_for_its_rights_is_told_so() {
    let w = World::new();
    let new = json!({"address": "hanche@x.vn", "agency": "H99.1", "name": "Hạn chế"});
    let made = w.post(&w.branch, "accounts", new).await;
    check(&made, 201);
    let id = &made.json["id"];
    let limited =
        json!({"account": id, "agency": "H99.1", "role": "administrator", "accounts_max": 50});
    check(&w.post(&w.branch, "grants", limited).await, 201);
    let id = directory::AccountId::new(id.as_u64().unwrap() as u32).unwrap();
    let token = directory::CredentialKind::Token;
    let (_, secret) = w
        .directory
        .create_credential(None, id, token, "x", None)
        .unwrap();
    let limited = w.directory.sign_in_token(&secret, PEER).unwrap();
    let set = |of: &str| {
        let line = format!("PUT accounts/{}/credentials/password", w.id(of));
        let body = json!({"password": "Hoa-Sen-Xanh-2026"});
        let (w, limited) = (&w, &limited);
        async move { w.with(limited, &line, &[], Some(body)).await }
    };
    let plain = json!({"address": "thuong@x.vn", "agency": "H99.1.1", "name": "Thường"});
    check(&w.post(&w.branch, "accounts", plain).await, 201);
    check(&set("thuong").await, 200);
    // The auditor's grant came from the top, without limits.
    let refused = set("kiemtoan").await;
    check(&refused, 403);
    let words = refused.json["detail"].as_str().unwrap();
    assert!(
        words.contains("quyền (grants) mà bạn không giao được"),
        "{words}"
    );
}

#[tokio::test]
async fn i17_grants_of_a_sister_are_not_there() {
    let w = World::new();
    let body = json!({"account": w.id("nguoila"), "agency": "H99.2", "role": "auditor"});
    let hidden = w.post(&w.root, "grants", body).await.json["id"].clone();
    let (hidden, absent) = (hidden.as_str().unwrap(), "9999-1");
    for line in ["GET", "PATCH", "DELETE"] {
        let ask = async |id: &str| {
            let body = (line == "PATCH").then(|| json!({"role": "auditor"}));
            w.with(&w.branch, &format!("{line} grants/{id}"), &[], body)
                .await
        };
        let (hidden, absent) = (ask(hidden).await, ask(absent).await);
        assert_eq!(hidden.status.as_u16(), 404, "{line}");
        assert_eq!(hidden.json, absent.json);
    }
    let names = w.get(&w.branch, "grants").await.names("address");
    assert_eq!(names, ["quantri.nhanh@x.vn", "kiemtoan@x.vn"]);
    for query in ["agency=H99.2", "agency=H77", "account=9999", "agency=H99"] {
        let page = w.get(&w.branch, &format!("grants?{query}")).await;
        assert_eq!(page.json, json!({"items": [], "cursor": null}), "{query}");
    }
    let first = w.get(&w.root, "grants?limit=1").await;
    assert_eq!(first.names("address"), ["quantri@x.vn"]);
    let cursor = first.json["cursor"].as_str().unwrap();
    let rest = w.get(&w.root, &format!("grants?cursor={cursor}")).await;
    assert_eq!(rest.names("address").len(), 3);
    let one = w
        .get(&w.root, &format!("grants?account={}", w.id("kiemtoan")))
        .await;
    assert_eq!(one.names("role"), ["auditor"]);
    // One's own is one's own to see and to give up.
    let own = w.get(&w.nobody, "grants").await;
    assert_eq!(own.names("id"), [hidden]);
    check(&w.delete(&w.nobody, &format!("grants/{hidden}")).await, 204);
}

#[tokio::test]
async fn i17_who_gave_it_is_not_shown_where_he_is_not_seen() {
    let w = World::new();
    let grant = json!({"account": w.id("kiemtoan"), "agency": "H99.1", "role": "administrator"});
    let given = w.post(&w.root, "grants", grant).await;
    check(&given, 201);
    let giver = json!(w.id("quantri"));
    assert_eq!(given.json["given_by"], giver);
    let path = format!("grants/{}", given.json["id"].as_str().unwrap());
    for (who, expected) in [(&w.root, giver), (&w.branch, json!(null))] {
        let row = w.get(who, &path).await.json;
        assert_eq!(row["given_by"], expected);
        let log = w.get(who, "audit?act=grant.give").await;
        let entry = &log.json["items"][0];
        assert_eq!(entry["object"], "kiemtoan@x.vn", "{entry}");
        let text = entry["detail"].to_string();
        assert!(text.contains(&format!("\"given_by\":{expected}")), "{text}");
        assert_eq!(
            text.contains("\"out_of\":null"),
            expected.is_null(),
            "{text}"
        );
    }
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let w = World::new();
    let root = w.id("quantri");
    let account = format!("accounts/{root}");
    let grant = format!("grants/{root}-1");
    let english = [("accept-language", "en")];
    let suspend = json!({"state": "suspended"});
    let none = json!({"grants": []});
    let ends = json!({"until": "2027-12-31T00:00:00Z"});
    for (line, body) in [
        (format!("DELETE {account}"), None),
        (format!("PATCH {account}"), Some(suspend)),
        (format!("PATCH {account}"), Some(none)),
        (format!("DELETE {grant}"), None),
        (format!("DELETE {grant}?with_given=true"), None),
        (format!("PATCH {grant}"), Some(ends)),
        (format!("DELETE {account}?dry_run=true"), None),
    ] {
        let refused = w.with(&w.root, &line, &english, body).await;
        check(&refused, 409);
        assert_eq!(
            refused.json["type"], "urn:congvu:problem:last-administrator",
            "{line}"
        );
        let detail = refused.json["detail"].as_str().unwrap();
        assert!(detail.contains("all of H99"), "{line}: {detail}");
    }
    // No request for a second person is made for what cannot be.
    let rule = json!({"values": {"two_persons": {"value": ["delete_account"]}}});
    check(&w.patch(&w.root, "policies/H99", rule).await, 200);
    check(&w.delete(&w.root, &account).await, 409);
    assert!(w.get(&w.root, "approvals").await.names("id").is_empty());
    // A table neither, also where each row alone could be done.
    let second = json!({"account": w.id("nguoila"), "agency": "H99", "role": "administrator"});
    check(&w.post(&w.root, "grants", second).await, 201);
    let table = "address,state\nquantri@x.vn,suspended\n";
    let dry = w.import(&w.root, "accounts?dry_run=true", table).await;
    assert_eq!(dry["state"], "done", "{dry}");
    let table = "address,state\nnguoila@x.vn,suspended\nquantri@x.vn,suspended\n";
    let done = w.import(&w.root, "accounts?skip_errors=true", table).await;
    let rows = w.results(&w.root, &done, "?outcome=error").await;
    assert_eq!(rows.len(), 1, "{done} {rows:?}");
    assert_eq!(
        rows[0]["errors"][0]["code"], "last-administrator",
        "{rows:?}"
    );
    assert_eq!(rows[0]["errors"][0]["column"], "state", "{rows:?}");
    assert_eq!(w.directory.audit_check().unwrap(), None);
}
