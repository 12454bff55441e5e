//! RFC 8621 §6: also the addresses in a domain that stands for one's own are identities, and one sends by them.

use crate::house::House;
use formats::address::DomainName;
use serde_json::{Value, json};
use storage::Role;

#[tokio::test]
async fn identities_of_a_domain_that_stands_for_another() {
    let house = House::new();
    let before = house.call("Identity/get", json!({})).await;
    let d = &house.directory;
    let name = |text: &str| DomainName::parse(text).unwrap();
    let own = d.domain(&name("tinh.gov.vn")).unwrap();
    d.create_domain_for(None, name("cu.gov.vn"), own.agency, Some(own.name))
        .unwrap();
    let got = house.call("Identity/get", json!({})).await;
    let all = got["list"].as_array().unwrap();
    let emails: Vec<&Value> = all.iter().map(|i| &i["email"]).collect();
    assert_eq!(emails, ["annv@tinh.gov.vn", "annv@cu.gov.vn"]);
    assert_ne!(got["state"], before["state"]);
    let new = json!({
        "mailboxIds": {house.role(&house.an, Role::Drafts): true},
        "from": [{"email": "annv@cu.gov.vn"}], "to": [{"email": "binhtt@tinh.gov.vn"}],
        "bodyValues": {"1": {"value": "Chào chị"}}, "textBody": [{"partId": "1"}],
    });
    let made = house.call("Email/set", json!({"create": {"k": new}})).await;
    let email = &made["created"]["k"]["id"];
    let new = json!({"identityId": all[1]["id"], "emailId": email});
    let set = json!({"create": {"s": new}});
    let sent = house.call("EmailSubmission/set", set).await;
    assert!(sent["created"]["s"]["id"].is_string(), "{sent}");
}
