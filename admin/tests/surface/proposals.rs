use crate::world::*;

const AN: &str = "name=Nguy%E1%BB%85n%20V%C4%83n%20An";

#[tokio::test]
async fn addresses_are_proposed_by_each_scheme_and_by_one() {
    let w = World::new();
    let all = w
        .get(
            &w.branch,
            &format!("address-proposals?{AN}&domain=x.vn&agency=H99.1"),
        )
        .await;
    check(&all, 200);
    assert_eq!(
        all.names("scheme"),
        ["given_initials", "initials_given", "full", "given_dot_rest"]
    );
    assert_eq!(
        all.names("free"),
        [
            "annv@x.vn",
            "nvan@x.vn",
            "nguyenvanan@x.vn",
            "an.nguyenvan@x.vn"
        ]
    );
    let one = w
        .get(
            &w.branch,
            &format!(
                "address-proposals?{AN}&domain=x.vn&agency=H99.1&scheme=initials_given&suffix=C%E1%BB%A5c"
            ),
        )
        .await;
    check(&one, 200);
    assert_eq!(one.names("free"), ["nvan.cuc@x.vn"]);
}

#[tokio::test]
async fn what_cannot_be_proposed_is_refused() {
    let w = World::new();
    let get = async |ask: &str| w.get(&w.branch, &format!("address-proposals?{ask}")).await;
    for (ask, field) in [
        ("name=%E6%9D%8E&domain=x.vn&agency=H99.1", "name"),
        ("name=&domain=x.vn&agency=H99.1", "name"),
        ("name=An&domain=x&agency=H99.1", "domain"),
        ("name=An&domain=y.vn&agency=H99.1", "domain"),
        ("name=An&domain=x.vn&agency=H99.2", "agency"),
        ("name=An&domain=x.vn&agency=H98", "agency"),
        ("name=An&domain=x.vn&agency=H99.1&suffix=a..b", "suffix"),
    ] {
        let refused = get(ask).await;
        check(&refused, 422);
        assert_eq!(refused.json["errors"][0]["field"], field, "{refused:?}");
        let said = refused.json["detail"].as_str().unwrap();
        assert!(
            !said.contains("letter") && !said.contains("domain of"),
            "{said}"
        );
    }
    check(&get("name=An&domain=x.vn").await, 400);
    check(&get("name=An&domain=x.vn&agency=H99.1&scheme=x").await, 400);
}
