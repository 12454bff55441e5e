use crate::world::*;
use serde_json::json;

#[tokio::test]
async fn an_alias_is_made_read_changed_and_removed() {
    let w = World::new();
    let (one, two) = (w.id("quantri.nhanh"), w.id("kiemtoan"));
    let made = w
        .post(
            &w.branch,
            "aliases",
            json!({"address": "snv@x.vn", "account": one}),
        )
        .await;
    check(&made, 201);
    assert_eq!(made.header("location"), "/api/v1/aliases/snv@x.vn");
    assert_eq!(w.get(&w.branch, "aliases/snv@x.vn").await.json, made.json);
    assert_eq!(w.get(&w.branch, "aliases/SNV%40x.vn").await.json, made.json);

    let changed = w
        .patch(&w.branch, "aliases/snv@x.vn", json!({"account": two}))
        .await;
    check(&changed, 200);
    assert_eq!(changed.json["account"], two);
    let line = "PATCH aliases/snv@x.vn";
    let stale = w.with(
        &w.branch,
        line,
        &[("if-match", "\"1\"")],
        Some(json!({"account": one})),
    );
    check(&stale.await, 412);

    assert_eq!(
        w.get(&w.root, &format!("aliases?account={two}"))
            .await
            .names("address"),
        ["snv@x.vn"]
    );
    assert!(
        w.get(&w.root, &format!("aliases?account={one}"))
            .await
            .names("address")
            .is_empty()
    );
    assert!(
        w.get(&w.root, "aliases?account=0")
            .await
            .names("address")
            .is_empty()
    );
    assert_eq!(
        w.get(&w.root, "aliases?domain=x.vn").await.names("address"),
        ["snv@x.vn"]
    );
    assert!(
        w.get(&w.root, "aliases?domain=y.vn")
            .await
            .names("address")
            .is_empty()
    );

    check(&w.delete(&w.branch, "aliases/snv@x.vn").await, 204);
    check(&w.get(&w.branch, "aliases/snv@x.vn").await, 404);
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let w = World::new();
    let account = w.id("kiemtoan");
    let new = |address: &str| json!({"address": address, "account": account});
    check(&w.post(&w.root, "aliases", new("quantri@x.vn")).await, 409);
    check(&w.post(&w.root, "aliases", new("không phải")).await, 422);
    check(&w.post(&w.root, "aliases", new("ai@y.vn")).await, 422);
    let unknown = w
        .post(
            &w.root,
            "aliases",
            json!({"address": "a@x.vn", "account": 999}),
        )
        .await;
    check(&unknown, 422);
    assert_eq!(unknown.json["errors"][0]["field"], "account");
}

#[tokio::test]
async fn i17_aliases_elsewhere_do_not_exist() {
    let w = World::new();
    let account = w.id("nguoila");
    let new = json!({"address": "la@x.vn", "account": account});
    let hidden = w.post(&w.branch, "aliases", new.clone()).await;
    check(&hidden, 422);
    check(&w.post(&w.root, "aliases", new).await, 201);
    check(&w.get(&w.branch, "aliases/la@x.vn").await, 404);
    check(&w.delete(&w.branch, "aliases/la@x.vn").await, 404);
    assert!(
        w.get(&w.branch, "aliases")
            .await
            .names("address")
            .is_empty()
    );
    check(&w.get(&w.nobody, "aliases/la@x.vn").await, 200);
    check(&w.delete(&w.nobody, "aliases/la@x.vn").await, 404);
}

#[tokio::test]
async fn an_alias_has_an_end_that_may_be_moved_and_taken_away() {
    let w = World::new();
    let account = w.id("kiemtoan");
    let over = json!({"address": "cu@x.vn", "account": account, "until": "2020-01-01"});
    check(&w.post(&w.root, "aliases", over).await, 422);
    let new = json!({"address": "cu@x.vn", "account": account, "until": "2028-06-30"});
    let made = w.post(&w.branch, "aliases", new).await;
    check(&made, 201);
    assert_eq!(made.json["until"], "2028-06-30");
    let path = "aliases/cu@x.vn";
    for (until, account_too) in [(json!("2029-01-31"), false), (json!(null), true)] {
        let mut change = json!({ "until": until });
        if account_too {
            change["account"] = account.into();
        }
        let changed = w.patch(&w.branch, path, change).await;
        check(&changed, 200);
        assert_eq!(changed.json["until"], until);
        assert_eq!(changed.json["account"], account);
    }
    let end = json!({"until": "2020-01-01"});
    check(&w.patch(&w.branch, path, end).await, 200);
    // What leads elsewhere keeps its end.
    let other = json!({"account": w.id("quantri.nhanh")});
    assert_eq!(
        w.patch(&w.root, path, other).await.json["until"],
        "2020-01-01"
    );
    for bad in ["2028-02-30", "soon", ""] {
        let refused = w.patch(&w.root, path, json!({ "until": bad })).await;
        check(&refused, 422);
    }
    check(&w.patch(&w.nobody, path, json!({"until": null})).await, 404);
}
