//! First passwords: the letters that tell them, and what they open.

use crate::bulk::ACCOUNTS;
use crate::world::*;
use directory::{Secret, SignInError};
use serde_json::json;

#[tokio::test]
async fn letters_are_fetched_once_and_their_passwords_open_one_door_only() {
    let w = World::new();
    let job = w.import(&w.branch, "accounts", ACCOUNTS).await;
    let path = format!("jobs/{}/letters", job["id"]);
    check(&w.post(&w.root, &path, json!({})).await, 403);
    let page = w.post(&w.branch, &path, json!({})).await;
    check(&page, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    // Two persons: the shared mailbox and the list have no password.
    let secrets: Vec<&str> = page
        .text
        .split("class=\"secret\">")
        .skip(1)
        .map(|s| &s[..19])
        .collect();
    assert_eq!(secrets.len(), 2, "{}", page.text);
    assert!(page.text.ends_with("</html>\n") && !page.text.contains("src="));
    check(&w.post(&w.branch, &path, json!({})).await, 409);
    let sign_in = |secret: &str| {
        w.directory
            .sign_in("annv@x.vn", &Secret::new(secret), PEER)
            .err()
    };
    assert_eq!(sign_in(secrets[0]), Some(SignInError::ChooseFirst));
    assert_eq!(sign_in(secrets[1]), Some(SignInError::Refused));
    // Drawn anew, the letter before is void.
    let again = w.post(&w.branch, &path, json!({"again": true})).await;
    let fresh: Vec<&str> = again
        .text
        .split("class=\"secret\">")
        .skip(1)
        .map(|s| &s[..19])
        .collect();
    assert_eq!(sign_in(secrets[0]), Some(SignInError::Refused));
    let choose = |first: &str, new: &str| {
        let (first, new) = (Secret::new(first), Secret::new(new));
        w.directory.choose_password("annv@x.vn", &first, &new, PEER)
    };
    assert!(matches!(
        choose(fresh[0], "short"),
        Ok(Err(directory::Error::Invalid { .. }))
    ));
    assert!(matches!(
        choose(fresh[0], fresh[0]),
        Ok(Err(directory::Error::Invalid { .. }))
    ));
    assert_eq!(choose(fresh[1], "Mật khẩu 2026"), Err(SignInError::Refused));
    assert_eq!(
        choose(&fresh[0].replace('-', ""), "Mật khẩu 2026"),
        Ok(Ok(()))
    );
    assert_eq!(sign_in("Mật khẩu 2026"), None);
    assert_eq!(sign_in(fresh[0]), Some(SignInError::Refused));
    // Who has chosen gets no letter any more; after 30 days the other is void too.
    let third = w.post(&w.branch, &path, json!({"again": true})).await;
    assert_eq!(third.text.matches("class=\"secret\"").count(), 1);
    let last = third
        .text
        .split("class=\"secret\">")
        .nth(1)
        .map(|s| s[..19].to_owned())
        .unwrap();
    w.turn(31 * 24 * 3600);
    let binh = w.directory.sign_in("binhtt@x.vn", &Secret::new(last), PEER);
    assert_eq!(binh.err(), Some(SignInError::Refused));
}

#[tokio::test]
async fn a_first_password_takes_the_place_of_one_that_was_forgotten() {
    let w = World::new();
    let path = format!("accounts/{}/credentials", w.id("nguoila"));
    let password = json!({"password": "Mat khau 2026"});
    check(
        &w.with(
            &w.root,
            &format!("PUT {path}/password"),
            &[],
            Some(password),
        )
        .await,
        200,
    );
    let body = json!({"kind": "first_password", "label": "Quên mật khẩu"});
    let made = w.post(&w.root, &path, body).await;
    check(&made, 201);
    let secret = Secret::new(made.json["secret"].as_str().unwrap());
    let sign_in = |secret: &Secret| w.directory.sign_in("nguoila@x.vn", secret, PEER).err();
    assert_eq!(
        sign_in(&Secret::new("Mat khau 2026")),
        Some(SignInError::Refused)
    );
    assert_eq!(sign_in(&secret), Some(SignInError::ChooseFirst));
    let kinds = w.get(&w.root, &path).await;
    assert!(kinds.names("kind").contains(&"first_password".to_owned()));
}
