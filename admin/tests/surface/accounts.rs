use crate::world::*;
use serde_json::{Value, json};

fn an(agency: &str) -> Value {
    json!({"address": "annv@x.vn", "agency": agency, "name": "Nguyễn Văn An",
        "position": "Chuyên viên", "quota": 1_000_000})
}

#[tokio::test]
async fn an_account_is_made_read_changed_and_retired() {
    let w = World::new();
    let made = w.post(&w.root, "accounts", an("H99.1")).await;
    check(&made, 201);
    let path = format!("accounts/{}", made.json["id"]);
    assert_eq!(made.header("location"), format!("/api/v1/{path}"));
    assert_eq!(made.json["kind"], "person");
    assert_eq!(made.json["created_at"], "2026-10-26T07:33:20Z");
    assert!(made.json.get("members").is_none());
    assert_eq!(w.get(&w.root, &path).await.json, made.json);

    let change = json!({"position": null, "quota": null, "state": "suspended", "agency": "H99.2",
        "name": "Nguyễn Văn Ân", "address": "an@x.vn"});
    let changed = w.patch(&w.root, &path, change).await;
    check(&changed, 200);
    assert_eq!(changed.json["position"], Value::Null);
    assert_eq!(changed.json["quota"], Value::Null);
    assert_eq!(changed.json["state"], "suspended");
    assert_eq!(changed.json["agency"], "H99.2");
    assert_eq!(changed.json["address"], "an@x.vn");

    assert_eq!(changed.json["pop3"], false, "off until it is turned on");
    let on = w.patch(&w.root, &path, json!({"pop3": true})).await;
    assert_eq!(
        (&on.json["pop3"], &on.json["name"]),
        (&json!(true), &json!("Nguyễn Văn Ân"))
    );
    check(&w.patch(&w.root, &path, json!({"pop3": "yes"})).await, 422);

    check(&w.delete(&w.root, &path).await, 204);
    check(&w.get(&w.root, &path).await, 404);
    let again = w.post(&w.root, "accounts", an("H99.1")).await;
    check(&again, 201);
    assert_ne!(again.json["id"], made.json["id"]);
}

#[tokio::test]
async fn lists_have_members_and_nothing_else_has() {
    let w = World::new();
    let list = json!({"address": "moinguoi@x.vn", "agency": "H99", "name": "Mọi người",
        "kind": "list", "members": ["quantri@x.vn", "nguoila@x.vn", "ngoai@y.vn"]});
    let made = w.post(&w.root, "accounts", list).await;
    check(&made, 201);
    assert_eq!(made.json["members"].as_array().unwrap().len(), 3);
    let path = format!("accounts/{}", made.json["id"]);
    let renamed = w.patch(&w.root, &path, json!({"name": "Tất cả"})).await;
    assert_eq!(renamed.json["members"], made.json["members"]);
    let fewer = w
        .patch(&w.root, &path, json!({"members": ["quantri@x.vn"]}))
        .await;
    assert_eq!(fewer.json["members"], json!(["quantri@x.vn"]));
    let wrong = w
        .patch(
            &w.root,
            &path,
            json!({"members": ["quantri@x.vn", "không phải"]}),
        )
        .await;
    check(&wrong, 422);
    assert_eq!(wrong.json["errors"][0]["field"], "members[1]");
    let person = format!("accounts/{}", w.id("nguoila"));
    let refused = w
        .patch(&w.root, &person, json!({"members": ["quantri@x.vn"]}))
        .await;
    check(&refused, 422);
    assert_eq!(refused.json["errors"][0]["field"], "members");
}

#[tokio::test]
async fn lists_filter_by_the_names_of_fields() {
    let w = World::new();
    check(&w.post(&w.root, "accounts", an("H99.1.1")).await, 201);
    let addresses = async |query: &str| {
        w.get(&w.root, &format!("accounts{query}"))
            .await
            .names("address")
    };
    assert_eq!(addresses("").await.len(), 5);
    assert_eq!(addresses("?agency=H99.1").await.len(), 3);
    assert_eq!(addresses("?agency=H99.1.1").await, ["annv@x.vn"]);
    assert_eq!(addresses("?agency=H77").await.len(), 0);
    assert_eq!(addresses("?find=nguyen%20an").await, ["annv@x.vn"]);
    assert_eq!(
        addresses("?find=quan%20tri&agency=H99.1").await,
        ["quantri.nhanh@x.vn"]
    );
    assert_eq!(addresses("?address=ANNV@x.vn").await, ["annv@x.vn"]);
    assert_eq!(addresses("?address=khong@x.vn").await.len(), 0);
    assert_eq!(addresses("?kind=list").await.len(), 0);
    assert_eq!(addresses("?domain=y.vn").await.len(), 0);
    assert_eq!(addresses("?state=active&domain=x.vn").await.len(), 5);
    check(&w.get(&w.root, "accounts?state=asleep").await, 400);
    check(&w.get(&w.root, "accounts?colour=red").await, 400);
    check(&w.get(&w.root, "accounts?address=x").await, 422);
}

#[tokio::test]
async fn i17_accounts_elsewhere_do_not_exist() {
    let w = World::new();
    let seen = w.get(&w.branch, "accounts").await;
    assert_eq!(
        seen.names("address"),
        ["quantri.nhanh@x.vn", "kiemtoan@x.vn"]
    );
    let elsewhere = w.id("nguoila");
    for path in [
        format!("accounts/{elsewhere}"),
        "accounts/9999".into(),
        "accounts/x".into(),
    ] {
        check(&w.get(&w.branch, &path).await, 404);
        check(&w.patch(&w.branch, &path, json!({"name": "x"})).await, 404);
        check(&w.delete(&w.branch, &path).await, 404);
        check(&w.get(&w.branch, &format!("{path}/credentials")).await, 404);
    }
    assert!(
        w.get(&w.branch, "accounts?address=nguoila@x.vn")
            .await
            .names("id")
            .is_empty()
    );
    assert!(
        w.get(&w.branch, "accounts?agency=H99.2")
            .await
            .names("id")
            .is_empty()
    );
    let hidden = w.post(&w.branch, "accounts", an("H99.2")).await;
    let absent = w.post(&w.branch, "accounts", an("H77")).await;
    check(&hidden, 422);
    assert_eq!(hidden.json, absent.json);
    check(&w.post(&w.branch, "accounts", an("H99.1.1")).await, 201);
    // One's own row is there to see, and no more.
    let own = format!("accounts/{elsewhere}");
    check(&w.get(&w.nobody, &own).await, 200);
    check(&w.patch(&w.nobody, &own, json!({"name": "Sếp"})).await, 403);
    check(&w.delete(&w.nobody, &own).await, 403);
}

#[tokio::test]
async fn nobody_gives_more_than_he_has() {
    let w = World::new();
    let own = format!("accounts/{}", w.id("quantri.nhanh"));
    let grants = |agency: &str| json!({"grants": [{"role": "administrator", "agency": agency}]});
    check(&w.patch(&w.branch, &own, grants("H99")).await, 422);
    check(&w.patch(&w.branch, &own, grants("H99.1.1")).await, 200);
    // The grant above is gone with that, and so is the sight of the branch.
    check(&w.get(&w.branch, "agencies/H99.1").await, 404);
    check(&w.patch(&w.root, &own, grants("H99.1")).await, 200);
    check(&w.get(&w.branch, "agencies/H99.1").await, 200);
}

#[tokio::test]
async fn a_thousand_accounts_are_paged_once_each_in_order() {
    let w = World::new();
    for n in 0..1000 {
        let new = directory::NewAccount {
            address: address(&format!("nguoi{n}")),
            kind: directory::AccountKind::Person,
            agency: directory::AgencyId("H99.2".into()),
            name: format!("Người {n}"),
            position: None,
            quota: None,
            messages_max: None,
        };
        w.directory.create_account(None, new).unwrap();
    }
    let (mut seen, mut pages, mut query) = (Vec::new(), 0, "?limit=70".to_owned());
    loop {
        let page = w.get(&w.root, &format!("accounts{query}")).await;
        check(&page, 200);
        seen.extend(
            page.names("id")
                .into_iter()
                .map(|id| id.parse::<u32>().unwrap()),
        );
        pages += 1;
        let Some(cursor) = page.json["cursor"].as_str() else {
            break;
        };
        query = format!("?limit=70&cursor={cursor}");
    }
    assert_eq!(seen.len(), 1004);
    assert!(seen.is_sorted_by(|a, b| a < b));
    assert_eq!(pages, 1004_usize.div_ceil(70));
    assert_eq!(
        w.get(&w.root, "accounts?agency=H99.2&limit=500")
            .await
            .names("id")
            .len(),
        500
    );
    assert_eq!(w.get(&w.root, "accounts").await.names("id").len(), 50);
    for bad in [
        "limit=0",
        "limit=501",
        "limit=x",
        "limit=-5",
        "cursor=zz",
        "cursor=a7a7a",
    ] {
        check(&w.get(&w.root, &format!("accounts?{bad}")).await, 400);
    }
}

#[tokio::test]
async fn an_alias_changes_places_with_the_main_address() {
    let w = World::new();
    let id = w.id("nguoila");
    let alias = json!({"address": "la.nguoi@x.vn", "account": id});
    check(&w.post(&w.root, "aliases", alias).await, 201);
    let path = format!("accounts/{id}");
    let swapped = w
        .patch(&w.root, &path, json!({"address": "la.nguoi@x.vn"}))
        .await;
    check(&swapped, 200);
    assert_eq!(swapped.json["address"], "la.nguoi@x.vn");
    let aliases = w.get(&w.root, &format!("aliases?account={id}")).await;
    assert_eq!(aliases.names("address"), ["nguoila@x.vn"]);
    let taken = w
        .patch(&w.root, &path, json!({"address": "quantri@x.vn"}))
        .await;
    check(&taken, 409);
}

#[tokio::test]
async fn deleted_accounts_of_an_address_are_found_at_once() {
    let w = World::new();
    let mut had = Vec::new();
    for _ in 0..3 {
        let made = w.post(&w.root, "accounts", an("H99.2")).await;
        check(&made, 201);
        had.push(made.json["id"].to_string());
        let path = format!("accounts/{}", made.json["id"]);
        check(&w.delete(&w.root, &path).await, 204);
    }
    let of = "accounts?deleted=true&address=ANNV@x.vn";
    let all = w.get(&w.root, of).await;
    assert_eq!(
        (all.names("id"), &all.json["cursor"]),
        (had.clone(), &Value::Null)
    );
    let first = w.get(&w.root, &format!("{of}&limit=2")).await;
    assert_eq!(first.names("id"), had[..2]);
    let cursor = first.json["cursor"].as_str().unwrap();
    let rest = w
        .get(&w.root, &format!("{of}&limit=2&cursor={cursor}"))
        .await;
    assert_eq!(rest.names("id"), had[2..]);
    let elsewhere = w.get(&w.root, &format!("{of}&agency=H99.1")).await;
    assert!(elsewhere.names("id").is_empty());
    assert!(w.get(&w.branch, of).await.names("id").is_empty());
    let none = w.get(&w.root, "accounts?deleted=true&address=x@x.vn").await;
    assert!(none.names("id").is_empty() && none.json["cursor"].is_null());
}

#[tokio::test]
async fn a_name_does_not_turn_what_follows() {
    let w = World::new();
    for name in ["An \u{202e}gnôđ nac", "An\u{2066}", "An\u{7}"] {
        let new = json!({"address": "moi@x.vn", "agency": "H99.1", "name": name});
        check(&w.post(&w.branch, "accounts", new).await, 422);
    }
}
