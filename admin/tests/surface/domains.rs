use crate::world::*;
use serde_json::{Value, json};

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
    // One that is there and one that is nowhere are refused in the same words, where neither may be seen.
    let new = |name: &str| json!({"name": name, "agency": "H99.1"});
    let there = w.post(&w.branch, "domains", new("x.vn")).await;
    let nowhere = w.post(&w.branch, "domains", new("khong-co.vn")).await;
    check(&there, 422);
    assert_eq!(there.json, nowhere.json);
    check(&w.post(&w.branch, "domains", new("snv.x.vn")).await, 409);
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

#[tokio::test]
async fn keys_that_sign_are_made_rotated_and_removed() {
    let w = World::new();
    let at = "domains/x.vn/dkim";
    assert_eq!(w.get(&w.root, at).await.json["items"], json!([]));
    check(&w.post(&w.auditor, at, json!({})).await, 404);
    let made = w.post(&w.root, at, json!({})).await;
    check(&made, 201);
    let states = |answer: &Answer| -> Vec<String> {
        let items = answer.json["items"].as_array().unwrap().iter();
        let mut all: Vec<String> = items
            .map(|key| format!("{} {}", key["selector"].as_str().unwrap(), key["state"]))
            .collect();
        all.sort();
        all
    };
    assert_eq!(
        states(&made),
        ["cv202610e \"signing\"", "cv202610r \"signing\""]
    );
    let key = &made.json["items"][0];
    assert_eq!(key["record_name"], "cv202610r._domainkey.x.vn");
    assert!(
        key["record"]
            .as_str()
            .unwrap()
            .starts_with("v=DKIM1; k=rsa; p=MIIB")
    );

    let force = json!({"force": true});
    let activate = "domains/x.vn/dkim/activate";
    check(&w.post(&w.root, activate, force.clone()).await, 422);
    check(&w.post(&w.root, at, json!({})).await, 201);
    check(&w.post(&w.root, at, json!({})).await, 409);
    // These premises have no DNS to ask.
    let refused = w.post(&w.root, activate, json!({})).await;
    check(&refused, 409);
    let detail = refused.json["detail"].as_str().unwrap();
    assert!(detail.contains("force"), "{detail}");
    let done = w.post(&w.root, activate, force).await;
    check(&done, 200);
    assert_eq!(
        states(&done),
        [
            "cv202610e \"retiring\"",
            "cv202610e2 \"signing\"",
            "cv202610r \"retiring\"",
            "cv202610r2 \"signing\"",
        ]
    );
    check(
        &w.delete(&w.root, "domains/x.vn/dkim/cv202610r2").await,
        409,
    );
    check(&w.delete(&w.root, "domains/x.vn/dkim/cv202610r").await, 204);
    check(&w.delete(&w.root, "domains/x.vn/dkim/cv202610r").await, 404);
    check(&w.get(&w.nobody, at).await, 404);
}

#[tokio::test]
async fn a_domain_stands_for_another() {
    let w = World::new();
    let new = json!({"name": "cu.vn", "agency": "H99", "alias_of": "X.vn"});
    let made = w.post(&w.root, "domains", new).await;
    check(&made, 201);
    assert_eq!(made.json["alias_of"], "x.vn");
    let found = w.get(&w.root, "domains?alias_of=x.vn").await;
    assert_eq!(found.names("name"), ["cu.vn"]);
    check(&w.delete(&w.root, "domains/x.vn").await, 409);
    let own = w
        .patch(&w.root, "domains/cu.vn", json!({"alias_of": null}))
        .await;
    assert_eq!(own.json["alias_of"], json!(null));
    for wrong in ["cu.vn", "la.vn", "a b"] {
        let body = json!({"alias_of": wrong});
        let refused = w.patch(&w.root, "domains/cu.vn", body).await;
        check(&refused, 422);
        assert_eq!(refused.json["errors"][0]["field"], "alias_of", "{wrong}");
    }
    // Not there for who does not manage it: it is not told whether it is anywhere (I-17).
    w.post(
        &w.root,
        "domains",
        json!({"name": "snv.x.vn", "agency": "H99.1"}),
    )
    .await;
    let taken = w
        .patch(&w.branch, "domains/snv.x.vn", json!({"alias_of": "x.vn"}))
        .await;
    check(&taken, 422);
}

#[tokio::test]
async fn a_domain_stands_for_another_until_a_day() {
    let w = World::new();
    let new = json!({"name": "cu.vn", "agency": "H99", "alias_of": "x.vn"});
    let made = w.post(&w.root, "domains", new).await;
    check(&made, 201);
    assert_eq!(made.json["until"], Value::Null);
    let until = |name: &'static str, day: Value| {
        let w = &w;
        async move {
            w.patch(&w.root, &format!("domains/{name}"), json!({ "until": day }))
                .await
        }
    };
    let said = until("cu.vn", json!("2028-06-30")).await;
    check(&said, 200);
    assert_eq!(said.json["until"], "2028-06-30");
    check(&until("cu.vn", json!("30/6/2028")).await, 422);
    // The day is 2026-10-26.
    for (day, within, left) in [
        ("2026-11-25", 30, Some(30)),
        ("2026-11-26", 30, None),
        ("2026-10-26", 0, Some(0)),
        ("2026-10-25", 30, None),
    ] {
        check(&until("cu.vn", json!(day)).await, 200);
        let ending = w.directory.domains_ending(within);
        let ending = ending
            .iter()
            .map(|(domain, left)| (domain.name.as_str(), *left));
        let expected = left.map(|left| ("cu.vn", left));
        assert_eq!(
            ending.collect::<Vec<_>>(),
            Vec::from_iter(expected),
            "{day}"
        );
    }
    let own = until("x.vn", json!("2028-06-30")).await;
    check(&own, 422);
    assert_eq!(own.json["errors"][0]["field"], "until");
    // It stands for itself only when its end was taken away.
    let alone = json!({"alias_of": null});
    check(&w.patch(&w.root, "domains/cu.vn", alone).await, 422);
    assert_eq!(until("cu.vn", Value::Null).await.json["until"], Value::Null);
}
