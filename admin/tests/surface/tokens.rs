use crate::world::*;
use directory::Secret;
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
