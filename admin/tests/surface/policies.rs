//! `/api/v1/policies` and `/api/v1/accounts/{id}/policy`.

use crate::world::*;
use serde_json::{Value, json};

fn ruled<'a>(answer: &'a Answer, name: &str) -> &'a Value {
    let values = answer.json["values"].as_array().unwrap();
    values.iter().find(|ruled| ruled["name"] == name).unwrap()
}

#[tokio::test]
async fn policies_are_said_inherited_and_taken_back() {
    let w = World::new();
    let change = json!({"values": {
        "password_min": {"value": 12, "locked": true},
        "attachment_types_refused": {"value": [".EXE", "js", "exe"]},
        "imap": {"value": false},
    }});
    let said = w.patch(&w.root, "policies/H99", change).await;
    check(&said, 200);
    assert_eq!(said.header("etag"), "\"1\"");
    assert_eq!(
        said.json["values"],
        json!({
            "attachment_types_refused": {"value": ["exe", "js"], "locked": false},
            "imap": {"value": false, "locked": false},
            "password_min": {"value": 12, "locked": true},
        })
    );
    let id = w.id("kiemtoan");
    let policy = w.get(&w.branch, &format!("accounts/{id}/policy")).await;
    check(&policy, 200);
    let min = json!({"name": "password_min", "value": 12, "from": "agency", "agency": "H99", "locked_by": "H99"});
    assert_eq!(ruled(&policy, "password_min"), &min);
    let hours = json!({"name": "sign_in_hours", "value": null, "from": "default", "agency": null, "locked_by": null});
    assert_eq!(ruled(&policy, "sign_in_hours"), &hours);
    assert_eq!(ruled(&policy, "quota")["from"], "config");
    // Below a lock there is no loosening; what is not locked may be otherwise.
    let looser = json!({"values": {"password_min": {"value": 9}}});
    let refused = w.patch(&w.branch, "policies/H99.1", looser).await;
    check(&refused, 422);
    assert_eq!(refused.json["errors"][0]["field"], "password_min");
    let other = json!({"values": {"imap": {"value": true}, "password_min": {"value": 14}}});
    check(&w.patch(&w.branch, "policies/H99.1", other).await, 200);
    let policy = w.get(&w.branch, &format!("accounts/{id}/policy")).await;
    assert_eq!(ruled(&policy, "imap")["agency"], "H99.1");
    assert_eq!(ruled(&policy, "password_min")["value"], 14);
    let listed = w.get(&w.root, "policies").await;
    assert_eq!(listed.names("agency"), ["H99", "H99.1"]);
    let back = json!({"values": {"imap": null, "password_min": null}});
    let tag = [("if-match", "\"1\"")];
    let line = "PATCH policies/H99.1";
    check(
        &w.with(&w.branch, line, &tag, Some(back.clone())).await,
        200,
    );
    check(&w.with(&w.branch, line, &tag, Some(back)).await, 412);
    assert_eq!(w.get(&w.root, "policies").await.names("agency"), ["H99"]);
    let set = json!({"password": "Hoa-Sen-26"});
    let path = format!("PUT accounts/{id}/credentials/password");
    let refused = w.with(&w.root, &path, &[], Some(set)).await;
    check(&refused, 422);
    let words = refused.json["detail"].as_str().unwrap();
    assert!(words.contains("12 đến 256 ký tự"), "{words}");
    let acts = w.get(&w.root, "audit?act=agency.policy&object=H99").await;
    let told = &acts.json["items"][0]["detail"]["password_min"];
    assert_eq!(told, &json!([null, {"value": 12, "locked": true}]));
}

#[tokio::test]
async fn a_value_of_another_kind_is_told_which_one_is_wanted() {
    let w = World::new();
    for (name, value, wanted) in [
        (
            "sign_in_hours",
            json!("8-17"),
            "danh sách: các giờ trong tuần",
        ),
        ("sign_in_networks", json!([1]), "danh sách: các mạng"),
        ("second_factor", json!("yes"), "true hoặc false"),
        ("attachment_octets", json!(-1), "một số từ"),
        ("password_min", json!(null), "một số từ"),
        ("imap", json!(1), "true hoặc false"),
    ] {
        let said = json!({"values": {name: {"value": value}}});
        let refused = w.patch(&w.branch, "policies/H99.1", said).await;
        check(&refused, 422);
        assert_eq!(refused.json["errors"][0]["field"], name);
        let words = refused.json["detail"].as_str().unwrap();
        assert!(words.contains(wanted), "{words}");
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_words() {
    let w = World::new();
    for (name, value) in [
        ("password_min", json!(7)),
        ("password_min", json!("many")),
        ("imap", json!(1)),
        ("imap", json!(["yes"])),
        ("sign_in_networks", json!(["10.0.0.0/99"])),
        ("sign_in_networks", json!([])),
        ("sign_in_hours", json!(["always"])),
        ("attachment_types", json!(["a b"])),
        ("attachment_octets", json!(0)),
        ("second_factor", json!("always")),
        ("handwriting", json!(true)),
    ] {
        let body = json!({"values": {name: {"value": value}}});
        let answer = w.patch(&w.root, "policies/H99", body.clone()).await;
        assert_eq!(answer.status.as_u16(), 422, "{body} {answer:?}");
        let words = answer.json["detail"].as_str().unwrap();
        assert!(
            !words.contains("không hợp lệ (") || value.is_string(),
            "untranslated: {words}"
        );
    }
    let body = json!({"values": {"imap": {"value": true}}});
    check(
        &w.patch(&w.auditor, "policies/H99.1", body.clone()).await,
        403,
    );
    for hidden in ["H99.2", "H99", "H77"] {
        let path = format!("policies/{hidden}");
        check(&w.patch(&w.branch, &path, body.clone()).await, 404);
        check(&w.get(&w.branch, &path).await, 404);
    }
    let there = w.id("nguoila");
    check(
        &w.get(&w.branch, &format!("accounts/{there}/policy")).await,
        404,
    );
    check(
        &w.get(&w.nobody, &format!("accounts/{there}/policy")).await,
        200,
    );
}
