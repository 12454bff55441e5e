use crate::world::*;
use directory::{Access, Peer, Secret};
use serde_json::json;

#[tokio::test]
async fn a_token_is_made_used_and_withdrawn() {
    let w = World::new();
    let account = w.id("kiemtoan");
    let new = json!({"account": account, "label": "Đồng bộ nhân sự"});
    let made = w.post(&w.branch, "tokens", new).await;
    check(&made, 201);
    let id = made.json["id"].as_str().unwrap();
    assert!(id.starts_with(&format!("{account}-")), "{id}");
    assert_eq!(made.header("location"), format!("/api/v1/tokens/{id}"));
    let secret = made.json["secret"].as_str().unwrap();
    let access = w
        .directory
        .sign_in_token(&Secret::new(secret), PEER)
        .unwrap();
    check(&w.get(&access, "agencies/H99.1").await, 200);

    let read = w.get(&w.branch, &format!("tokens/{id}")).await;
    check(&read, 200);
    assert_eq!(read.json["label"], "Đồng bộ nhân sự");
    assert!(read.json.get("secret").is_none());
    let listed = w.get(&w.branch, &format!("tokens?account={account}")).await;
    assert!(listed.names("id").contains(&id.to_owned()));
    assert!(
        !w.get(&w.branch, "tokens")
            .await
            .names("id")
            .contains(&id.to_owned())
    );

    check(&w.delete(&w.branch, &format!("tokens/{id}")).await, 204);
    check(&w.get(&w.branch, &format!("tokens/{id}")).await, 404);
    // The Access that it gave is worth nothing any more.
    check(&w.get(&access, "agencies/H99.1").await, 401);
}

#[tokio::test]
async fn i17_tokens_elsewhere_do_not_exist() {
    let w = World::new();
    let account = w.id("nguoila");
    let made = w
        .post(&w.root, "tokens", json!({"account": account, "label": "x"}))
        .await;
    check(&made, 201);
    let path = format!("tokens/{}", made.json["id"].as_str().unwrap());
    check(&w.get(&w.branch, &path).await, 404);
    check(&w.delete(&w.branch, &path).await, 404);
    check(
        &w.get(&w.branch, &format!("tokens?account={account}")).await,
        422,
    );
    check(
        &w.post(
            &w.branch,
            "tokens",
            json!({"account": account, "label": "x"}),
        )
        .await,
        422,
    );
    for bad in ["tokens/1", "tokens/-", "tokens/0-1", "tokens/x-y"] {
        check(&w.get(&w.root, bad).await, 404);
    }
    // Somebody without rights may withdraw his own token, and cannot make another with it.
    check(
        &w.post(&w.nobody, "tokens", json!({"label": "x"})).await,
        403,
    );
    check(&w.delete(&w.nobody, &path).await, 204);
}

/// The console's own site, as a browser says it.
const SITE: [(&str, &str); 2] = [("host", "mail.x.vn"), ("origin", "https://mail.x.vn")];

/// A browser in which somebody signed in by a password of his own.
fn browser(w: &World, local: &str) -> Access {
    let d = &w.directory;
    let id = d.account_at(&address(local)).unwrap().id;
    let password = Secret::new("Hoa-Sen-2026");
    d.set_password(None, id, &password).unwrap();
    let name = address(local).to_string();
    let access = d.sign_in(&name, &password, PEER).unwrap();
    let token = d.open_session(&access, PEER).unwrap();
    d.session(&token.0).unwrap().coming_from(PEER)
}

async fn make(w: &World, who: &Access, mut body: serde_json::Value) -> Answer {
    if body.get("account").is_none() {
        body["current"] = "Hoa-Sen-2026".into();
    }
    w.with(who, "POST tokens", &SITE, Some(body)).await
}

#[tokio::test]
async fn a_person_without_rights_has_tokens_for_his_mail() {
    let w = World::new();
    let person = browser(&w, "nguoila");
    let made = make(&w, &person, json!({"label": "điện thoại"})).await;
    check(&made, 201);
    assert_eq!(made.json["opens"], "mail");
    assert_ne!(made.json["expires_at"], json!(null));
    let secret = Secret::new(made.json["secret"].as_str().unwrap());
    assert!(w.directory.sign_in_token(&secret, PEER).is_err());
    let mail = Peer {
        service: "jmap",
        ..PEER
    };
    w.directory.sign_in_token(&secret, mail).unwrap();
    for body in [
        json!({"label": "x", "opens": "all"}),
        json!({"label": "x", "opens": "administration"}),
        json!({"label": "x", "opens": "everything"}),
        json!({"label": "x", "expires_at": "2099-01-01T00:00:00Z"}),
    ] {
        let refused = make(&w, &person, body.clone()).await;
        assert_eq!(refused.status.as_u16(), 422, "{body} {refused:?}");
        let words = refused.json["detail"].as_str().unwrap();
        assert!(!words.contains("không hợp lệ ("), "untranslated: {words}");
    }
    let id = made.json["id"].as_str().unwrap().to_owned();
    let listed = w.get(&person, "tokens").await;
    assert_eq!(listed.names("opens"), ["administration", "mail"]);
    // It is there among the credentials too, and who manages tokens sees and withdraws it; a sister agency does not.
    let account = w.id("nguoila");
    let all = w
        .get(&w.root, &format!("accounts/{account}/credentials"))
        .await;
    assert!(all.names("opens").contains(&"mail".to_owned()), "{all:?}");
    check(&w.get(&w.branch, &format!("tokens/{id}")).await, 404);
    check(&w.delete(&w.branch, &format!("tokens/{id}")).await, 404);
    check(&w.delete(&w.root, &format!("tokens/{id}")).await, 204);
    let told = w.get(&w.root, "audit?act=credential.create").await;
    assert_eq!(told.json["items"][0]["detail"]["opens"], "mail");
    assert_eq!(w.directory.audit_check().unwrap(), None);
}

#[tokio::test]
async fn who_approves_makes_a_token_of_his_own() {
    let w = World::new();
    // An auditor of H99.1 manages no tokens.
    let officer = browser(&w, "kiemtoan");
    let made = make(&w, &officer, json!({"label": "duyệt"})).await;
    check(&made, 201);
    assert_eq!(made.json["opens"], "all");
    let secret = Secret::new(made.json["secret"].as_str().unwrap());
    let access = w.directory.sign_in_token(&secret, PEER).unwrap();
    check(&w.get(&access, "agencies/H99.1").await, 200);
    check(&w.get(&access, "agencies/H99.2").await, 404);
    // Not by the token itself.
    check(&w.post(&access, "tokens", json!({"label": "x"})).await, 403);
    // For another he may not.
    let other = json!({"label": "x", "account": w.id("quantri.nhanh")});
    check(&make(&w, &officer, other).await, 403);
}

/// What an open browser without the present password is answered, in English.
async fn asked(w: &World, who: &Access, line: &str, body: serde_json::Value) -> String {
    let mut fields = SITE.to_vec();
    fields.push(("accept-language", "en"));
    let en = w.with(who, line, &fields, Some(body.clone())).await;
    let vi = w.with(who, line, &SITE, Some(body)).await;
    let told = [en, vi].map(|refused| {
        check(&refused, 422);
        assert_eq!(refused.json["errors"][0]["field"], "current", "{line}");
        refused.json["detail"].as_str().unwrap().to_owned()
    });
    let [en, vi] = told;
    assert!(vi.contains("mật khẩu hiện tại"), "{vi}");
    en
}

#[tokio::test]
async fn an_open_browser_says_the_present_password_for_what_outlasts_it() {
    let w = World::new();
    let person = browser(&w, "nguoila");
    let id = w.id("nguoila");
    let put = format!("PUT accounts/{id}/credentials/password");
    let post = format!("POST accounts/{id}/credentials");
    for (line, body) in [
        (put.as_str(), json!({"password": "Doi-Roi-2026"})),
        (&post, json!({"kind": "app_password", "label": "x"})),
        (&post, json!({"kind": "first_password", "label": "x"})),
        (&post, json!({"kind": "token", "label": "x"})),
        ("POST tokens", json!({"label": "x"})),
    ] {
        let words = asked(&w, &person, line, body.clone()).await;
        assert!(words.contains("left open"), "{line}: {words}");
        let mut wrong = body.clone();
        wrong["current"] = "Hoa-Sen-2025".into();
        let refused = w.with(&person, line, &SITE, Some(wrong.clone())).await;
        check(&refused, 422);
        assert_eq!(refused.json["errors"][0]["field"], "current");
        assert!(refused.text.contains("không đúng"), "{refused:?}");
    }
    // The same wrong one again is no other guess; each try is in the log.
    let told = w.get(&w.root, "audit?act=password.wrong").await;
    assert_eq!(told.json["items"].as_array().unwrap().len(), 5);
    assert_eq!(told.json["items"][0]["service"], "console");
    let said = json!({"password": "Doi-Roi-2026", "current": "Hoa-Sen-2026"});
    check(&w.with(&person, &put, &SITE, Some(said)).await, 200);
    check(&w.get(&person, "tokens").await, 401);
    let new = Secret::new("Doi-Roi-2026");
    w.directory.sign_in("nguoila@x.vn", &new, PEER).unwrap();
    // An administrator says none of his for another, and is told so.
    let said = json!({"password": "Dat-Lai-2026", "current": "x"});
    let refused = w.with(&w.root, &put, &[], Some(said)).await;
    check(&refused, 422);
    assert_eq!(refused.json["errors"][0]["field"], "current");
    let set = json!({"password": "Dat-Lai-2026"});
    check(&w.with(&w.root, &put, &[], Some(set)).await, 200);
}

#[tokio::test]
async fn who_guesses_in_an_open_browser_waits() {
    let w = World::new();
    let person = browser(&w, "nguoila");
    let put = format!("PUT accounts/{}/credentials/password", w.id("nguoila"));
    for n in 0..5 {
        let said = json!({"password": "Doi-Roi-2026", "current": format!("sai {n}")});
        check(&w.with(&person, &put, &SITE, Some(said)).await, 422);
    }
    let said = json!({"password": "Doi-Roi-2026", "current": "Hoa-Sen-2026"});
    let waits = w.with(&person, &put, &SITE, Some(said.clone())).await;
    check(&waits, 429);
    assert_eq!(waits.json["type"], "urn:congvu:problem:too-many-tries");
    assert_eq!(waits.header("retry-after"), "1");
    w.turn(1);
    check(&w.with(&person, &put, &SITE, Some(said)).await, 200);
}
