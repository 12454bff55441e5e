//! RFC 9425: what is used of which limits, as far as one sees them.

use crate::house::{House, letter};
use crate::shared::{ask, give, refused};
use directory::{AgencyId, AgencyQuota, NewAgency, Quota};
use serde_json::{Value, json};
use storage::Role;

async fn get(house: &House) -> Value {
    house.call("Quota/get", json!({"ids": null})).await
}

/// The agency has a limit too.
fn limit(house: &House, octets: Option<u64>, messages: Option<u64>) {
    let d = &house.directory;
    let mut agency = d.agency(&AgencyId("H99".into())).unwrap();
    agency.quota = AgencyQuota {
        total: Quota { octets, messages },
        each: Quota {
            octets: None,
            messages: Some(500),
        },
        soft_percent: Some(80),
    };
    d.change_agency(None, agency, None).unwrap();
}

#[tokio::test]
async fn limits_and_what_is_used_of_them() {
    let house = House::new();
    let raw = letter("a@x.vn", "a", "a");
    house.put(&raw);
    // Messages have no limit, so there is one quota.
    let got = get(&house).await;
    let all = got["list"].as_array().unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0]["hardLimit"], 8 << 20);
    assert_eq!(all[0]["warnLimit"], (8 << 20) * 9 / 10);
    limit(&house, Some(1 << 30), None);
    let got = get(&house).await;
    let field = |name: &str| -> Vec<Value> {
        let all = got["list"].as_array().unwrap().iter();
        all.map(|quota| quota[name].clone()).collect()
    };
    assert_eq!(
        json!(field("resourceType")),
        json!(["octets", "count", "octets"])
    );
    assert_eq!(
        json!(field("scope")),
        json!(["account", "account", "domain"])
    );
    assert_eq!(json!(field("hardLimit")), json!([8 << 20, 500, 1 << 30]));
    assert_eq!(
        json!(field("warnLimit")),
        json!([(8_u64 << 20) * 80 / 100, 400, (1_u64 << 30) * 80 / 100])
    );
    assert_eq!(json!(field("softLimit")), json!([null, null, null]));
    assert_eq!(json!(field("used")), json!([raw.len(), 1, raw.len()]));
    assert_eq!(
        json!(field("types")),
        json!([["Email"], ["Email"], ["Email"]])
    );
    assert_eq!(
        json!(field("name")),
        json!([
            "annv@tinh.gov.vn",
            "annv@tinh.gov.vn",
            "Ủy ban nhân dân tỉnh"
        ])
    );
    let ids = field("id");
    let picked = json!({"ids": [ids[1], "x", ids[1]], "properties": ["used"]});
    let got = house.call("Quota/get", picked).await;
    assert_eq!(got["list"], json!([{"id": ids[1], "used": 1}]));
    assert_eq!(got["notFound"], json!(["x"]));
}

/// RFC 9425 §4.1: which language a description has is no change of the quota.
#[tokio::test]
async fn descriptions_are_in_the_language_that_is_liked() {
    let house = House::new();
    limit(&house, Some(1 << 30), None);
    let calls = json!([["Quota/get", {"accountId": house.account(), "ids": null}, "c"]]);
    let mut states = Vec::new();
    for (field, account, agency) in [
        (None, "Thư trong mọi hộp", "Thư của mọi tài khoản"),
        (Some("vi"), "Thư trong mọi hộp", "Thư của mọi tài khoản"),
        (Some("en-GB,vi;q=0.5"), "Mail in all", "Mail of all"),
    ] {
        let mut request = crate::house::api(&calls);
        if let Some(field) = field {
            let value = field.parse().unwrap();
            request.headers_mut().insert("accept-language", value);
        }
        let answer = house.ask(Some(&house.an), request).await.json();
        let got = &answer["methodResponses"][0][1];
        let text = |at: usize| got["list"][at]["description"].as_str().unwrap();
        assert!(text(0).starts_with(account), "{field:?} {}", text(0));
        assert!(text(2).starts_with(agency), "{field:?} {}", text(2));
        assert!(!text(0).contains('/') && !text(2).contains('/'));
        states.push(got["state"].clone());
    }
    states.dedup();
    assert_eq!(states.len(), 1);
}

#[tokio::test]
async fn changes_of_usage_are_exact() {
    let house = House::new();
    limit(&house, Some(1 << 30), Some(1_000));
    let first = get(&house).await["state"].clone();
    let changes = async |since: &Value, max: Value| {
        let asked = json!({"sinceState": since, "maxChanges": max});
        house.call("Quota/changes", asked).await
    };
    let none = changes(&first, json!(null)).await;
    assert_eq!((&none["updated"], &none["newState"]), (&json!([]), &first));
    house.put(&letter("a@x.vn", "a", "a"));
    let all = changes(&first, json!(null)).await;
    assert_eq!(all["updated"].as_array().unwrap().len(), 4);
    assert_eq!(all["updatedProperties"], json!(["used"]));
    assert_eq!(
        (&all["created"], &all["destroyed"]),
        (&json!([]), &json!([]))
    );
    assert_eq!(all["newState"], get(&house).await["state"]);
    // Step by step it comes to the same.
    let (mut at, mut met) = (first.clone(), Vec::new());
    loop {
        let step = changes(&at, json!(3)).await;
        met.extend(step["updated"].as_array().unwrap().clone());
        at = step["newState"].clone();
        if step["hasMoreChanges"] == false {
            break;
        }
    }
    assert_eq!(
        (json!(met), &at),
        (all["updated"].clone(), &all["newState"])
    );
    // Somebody else's mail counts for the agency alone.
    house.put_for(&house.binh, &letter("a@x.vn", "a", "a"), 0, &[]);
    let others = changes(&at, json!(null)).await;
    assert_eq!(others["updated"].as_array().unwrap().len(), 2);
    let text = first.as_str().unwrap();
    let forged = [
        String::new(),
        "1".into(),
        "x".into(),
        format!("{text}-1"),
        format!("{text} "),
        text.replace("-0", "-00"),
        text.replace("-0", "-+0"),
        text.replace("-0", "--0"),
        text.replace("-0", "-99999999999999999999999"),
    ];
    for bad in forged {
        let kind = house
            .refusal("Quota/changes", json!({"sinceState": bad}))
            .await;
        assert_eq!(kind, "cannotCalculateChanges", "{bad}");
    }
    limit(&house, Some(1 << 31), Some(1_000));
    let kind = house
        .refusal("Quota/changes", json!({"sinceState": at}))
        .await;
    assert_eq!(kind, "cannotCalculateChanges");
    let kind = house
        .refusal("Quota/changes", json!({"sinceState": at, "maxChanges": 0}))
        .await;
    assert_eq!(kind, "invalidArguments");
}

#[tokio::test]
async fn queries() {
    let house = House::new();
    limit(&house, Some(1 << 30), None);
    house.put(&letter("a@x.vn", "a", "a"));
    let got = get(&house).await;
    let id = |n: usize| got["list"][n]["id"].clone();
    let check = async |asked: Value, expected: Value| {
        let answer = house.call("Quota/query", asked.clone()).await;
        assert_eq!(answer["ids"], expected, "{asked}");
        assert_eq!(answer["canCalculateChanges"], false);
    };
    check(json!({}), json!([id(0), id(1), id(2)])).await;
    check(
        json!({"filter": {"scope": "account"}}),
        json!([id(0), id(1)]),
    )
    .await;
    check(json!({"filter": {"resourceType": "count"}}), json!([id(1)])).await;
    check(json!({"filter": {"name": "nhân dân"}}), json!([id(2)])).await;
    check(
        json!({"filter": {"type": "Email", "scope": "domain"}}),
        json!([id(2)]),
    )
    .await;
    check(json!({"filter": {"type": "Calendar"}}), json!([])).await;
    let not = json!({"operator": "NOT", "conditions": [{"scope": "domain"}]});
    check(json!({"filter": not}), json!([id(0), id(1)])).await;
    let used = json!([{"property": "used"}]);
    check(json!({"sort": used}), json!([id(1), id(0), id(2)])).await;
    let name = json!([{"property": "name", "isAscending": false}, {"property": "used"}]);
    check(json!({"sort": name}), json!([id(2), id(1), id(0)])).await;
    check(json!({"limit": 1, "position": 1}), json!([id(1)])).await;
    check(
        json!({"anchor": id(2), "anchorOffset": -1, "calculateTotal": true}),
        json!([id(1), id(2)]),
    )
    .await;
    for (bad, kind) in [
        (json!({"filter": {"bogus": "x"}}), "unsupportedFilter"),
        (json!({"filter": {"name": 1}}), "unsupportedFilter"),
        (json!({"filter": []}), "invalidArguments"),
        (json!({"sort": [{"property": "scope"}]}), "unsupportedSort"),
        (
            json!({"sort": [{"property": "name", "collation": "i;x"}]}),
            "unsupportedSort",
        ),
        (json!({"anchor": "x"}), "anchorNotFound"),
        (json!({"bogus": 1}), "invalidArguments"),
    ] {
        assert_eq!(
            house.refusal("Quota/query", bad.clone()).await,
            kind,
            "{bad}"
        );
    }
    let stale = json!({"sinceQueryState": got["state"]});
    assert_eq!(
        house.refusal("Quota/queryChanges", stale).await,
        "cannotCalculateChanges"
    );
}

#[tokio::test]
async fn what_one_may_not_see_is_not_there() {
    let house = House::new();
    limit(&house, Some(1 << 30), None);
    assert_eq!(
        refused(&house, "Quota/get", json!({})).await,
        "accountNotFound"
    );
    assert_eq!(
        refused(&house, "Quota/queryChanges", json!({})).await,
        "accountNotFound"
    );
    // Who only knows that the mailbox is there reads nothing of its account.
    give(&house, Role::Inbox, "l");
    let scopes = async || -> Vec<Value> {
        let got = ask(&house, "Quota/get", json!({})).await;
        let all = got["list"].as_array().unwrap().iter();
        all.map(|quota| quota["scope"].clone()).collect()
    };
    assert_eq!(json!(scopes().await), json!(["domain"]));
    give(&house, Role::Inbox, "lr");
    assert_eq!(
        json!(scopes().await),
        json!(["account", "account", "domain"])
    );
    // Of an agency that is not above him he sees nothing.
    let d = &house.directory;
    let agency = NewAgency {
        id: AgencyId("H99.1".into()),
        parent: Some(AgencyId("H99".into())),
        name: "Sở".into(),
        name_en: None,
        quota: AgencyQuota {
            total: Quota {
                octets: Some(1 << 20),
                messages: None,
            },
            ..AgencyQuota::default()
        },
        profile: directory::AgencyProfile::default(),
    };
    d.create_agency(None, agency).unwrap();
    let mut an = d.account(house.an.account()).unwrap();
    an.agency = AgencyId("H99.1".into());
    d.change_account(None, an, None).unwrap();
    assert_eq!(
        json!(scopes().await),
        json!(["account", "account", "domain"])
    );
    let own = get(&house).await;
    assert_eq!(own["list"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn who_does_not_speak_of_mail_hears_of_no_quota_of_it() {
    let house = House::new();
    let request = json!({
        "using": ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:quota"],
        "methodCalls": [["Quota/get", {"accountId": house.account()}, "c"]],
    });
    let answer = house
        .ask(Some(&house.an), crate::house::api_text(request.to_string()))
        .await;
    assert_eq!(answer.json()["methodResponses"][0][1]["list"], json!([]));
    let without = json!({
        "using": ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"],
        "methodCalls": [["Quota/get", {"accountId": house.account()}, "c"]],
    });
    let answer = house
        .ask(Some(&house.an), crate::house::api_text(without.to_string()))
        .await;
    assert_eq!(
        answer.json()["methodResponses"][0][1]["type"],
        "unknownMethod"
    );
}
