use crate::world::*;
use serde_json::json;

#[tokio::test]
async fn a_domain_is_made_read_changed_and_removed() {
    let w = World::new();
    let made = w
        .post(
            &w.root,
            "domains",
            json!({"name": "SNV.x.vn", "agency": "H99.1"}),
        )
        .await;
    check(&made, 201);
    assert_eq!(made.json["name"], "snv.x.vn");
    assert_eq!(made.json["state"], "active");
    assert_eq!(w.get(&w.root, "domains/snv.x.vn").await.json, made.json);
    assert_eq!(
        w.get(&w.root, "domains").await.names("name"),
        ["snv.x.vn", "x.vn"]
    );

    let changed = w
        .patch(&w.root, "domains/snv.x.vn", json!({"state": "suspended"}))
        .await;
    check(&changed, 200);
    assert_eq!(changed.json["state"], "suspended");
    assert_eq!(
        w.get(&w.root, "domains?state=suspended")
            .await
            .names("name"),
        ["snv.x.vn"]
    );
    assert_eq!(
        w.get(&w.root, "domains?agency=H99").await.names("name"),
        ["x.vn"]
    );

    check(&w.delete(&w.root, "domains/snv.x.vn").await, 204);
    check(&w.get(&w.root, "domains/snv.x.vn").await, 404);
    check(&w.delete(&w.root, "domains/x.vn").await, 409);
}

#[tokio::test]
async fn names_in_unicode_are_kept_as_dns_has_them() {
    let w = World::new();
    let made = w
        .post(
            &w.root,
            "domains",
            json!({"name": "cơquan.vn", "agency": "H99"}),
        )
        .await;
    check(&made, 201);
    assert_eq!(made.json["name"], "xn--cquan-uob.vn");
    check(&w.get(&w.root, "domains/c%C6%A1quan.vn").await, 200);
    for bad in ["", "vn", "a b.vn", "[127.0.0.1]", "a..vn"] {
        let refused = w
            .post(&w.root, "domains", json!({"name": bad, "agency": "H99"}))
            .await;
        check(&refused, 422);
        assert_eq!(refused.json["errors"][0]["field"], "name", "{bad}");
    }
}

#[tokio::test]
async fn i17_domains_elsewhere_do_not_exist() {
    let w = World::new();
    w.post(
        &w.root,
        "domains",
        json!({"name": "snv.x.vn", "agency": "H99.1"}),
    )
    .await;
    assert_eq!(
        w.get(&w.branch, "domains").await.names("name"),
        ["snv.x.vn"]
    );
    check(&w.get(&w.branch, "domains/x.vn").await, 404);
    check(
        &w.patch(&w.branch, "domains/x.vn", json!({"state": "suspended"}))
            .await,
        404,
    );
    check(&w.delete(&w.branch, "domains/x.vn").await, 404);
    check(
        &w.patch(&w.branch, "domains/snv.x.vn", json!({"agency": "H99.2"}))
            .await,
        422,
    );
    check(
        &w.patch(
            &w.auditor,
            "domains/snv.x.vn",
            json!({"state": "suspended"}),
        )
        .await,
        403,
    );
}
