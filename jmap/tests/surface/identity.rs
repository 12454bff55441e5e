//! RFC 8621 §6.2: addresses come and go.

use crate::house::House;
use serde_json::json;

#[tokio::test]
async fn changes_of_identities_are_told() {
    let house = House::new();
    let got = house.call("Identity/get", json!({"ids": null})).await;
    let alias = formats::address::Address::parse("vanthu@tinh.gov.vn").unwrap();
    let an = house.an.account();
    house
        .directory
        .create_alias(None, alias.clone(), an)
        .unwrap();
    let since = json!({"sinceState": got["state"]});
    let told = house.call("Identity/changes", since).await;
    assert_eq!(
        (&told["updated"], &told["destroyed"]),
        (&json!([]), &json!([]))
    );
    let come = house
        .call("Identity/get", json!({"ids": told["created"]}))
        .await;
    assert_eq!(come["list"][0]["email"], "vanthu@tinh.gov.vn");
    assert_eq!(come["state"], told["newState"]);
    house.directory.delete_alias(None, &alias, None).unwrap();
    let since = json!({"sinceState": come["state"]});
    let gone = house.call("Identity/changes", since).await;
    assert_eq!(gone["destroyed"], told["created"]);
    assert_eq!(gone["newState"], got["state"]);
    let renamed = directory::Account {
        name: "Nguyễn Văn Ân".into(),
        ..house.directory.account(an).unwrap()
    };
    house.directory.change_account(None, renamed, None).unwrap();
    let since = json!({"sinceState": got["state"]});
    let other = house.call("Identity/changes", since).await;
    assert_eq!(other["updated"], json!([got["list"][0]["id"]]));
}
