//! RFC 8621 §4.4, §4.5, §5: finding messages.

use crate::house::{House, RICH, letter};
use serde_json::{Value, json};

/// Four messages: the oldest first.
fn fill(house: &House) -> [String; 4] {
    let put = |raw: &[u8], at, keywords: &[&str]| house.put_for(&house.an, raw, at, keywords);
    [
        put(
            &letter(
                "Lê Văn Chiêm <chiem@x.vn>",
                "Họp giao ban",
                "Mời anh dự họp.",
            ),
            100,
            &["$seen"],
        ),
        put(RICH, 200, &["$flagged"]),
        put(
            &letter(
                "Đỗ Thị Ánh <anh@x.vn>",
                "Re: Báo cáo tháng",
                "Xin gửi báo cáo.",
            ),
            300,
            &[],
        ),
        put(
            &letter("bot@y.vn", "Báo cáo quý", &"dài ".repeat(2000)),
            400,
            &["$seen", "duan"],
        ),
    ]
}

async fn check(house: &House, filter: Value, expected: &[&String]) {
    let arguments = json!({"filter": filter, "calculateTotal": true});
    let found = house.call("Email/query", arguments).await;
    assert_eq!(found["ids"], json!(expected), "{filter}");
    assert_eq!(found["total"], expected.len(), "{filter}");
}

#[tokio::test]
async fn filters() {
    let house = House::new();
    let [a, b, c, d] = &fill(&house);
    let inbox = house.inbox();
    let h = &house;
    check(h, json!(null), &[d, c, b, a]).await;
    check(h, json!({}), &[d, c, b, a]).await;
    check(h, json!({"inMailbox": inbox}), &[d, c, b, a]).await;
    check(h, json!({"inMailbox": "m99"}), &[]).await;
    check(h, json!({"inMailboxOtherThan": [inbox]}), &[]).await;
    check(h, json!({"inMailboxOtherThan": ["m99"]}), &[d, c, b, a]).await;
    check(h, json!({"before": "1970-01-01T00:03:20Z"}), &[a]).await;
    check(
        h,
        json!({"after": "1970-01-01T00:03:20Z", "before": "1970-01-01T00:06:40Z"}),
        &[c, b],
    )
    .await;
    check(h, json!({"minSize": 5000}), &[d]).await;
    check(h, json!({"maxSize": 400}), &[c, a]).await;
    check(h, json!({"hasKeyword": "$seen"}), &[d, a]).await;
    check(
        h,
        json!({"hasKeyword": "$SEEN", "notKeyword": "DuAn"}),
        &[a],
    )
    .await;
    check(h, json!({"notKeyword": "$seen"}), &[c, b]).await;
    check(h, json!({"hasAttachment": true}), &[b]).await;
    check(h, json!({"from": "chiem"}), &[a]).await;
    check(h, json!({"from": "Chiếm"}), &[a]).await;
    check(h, json!({"from": "Chiếm anh"}), &[]).await;
    check(h, json!({"from": "x.vn"}), &[c, a]).await;
    check(h, json!({"to": "nguyen van an"}), &[d, c, a]).await;
    check(h, json!({"cc": "b@x.vn"}), &[b]).await;
    check(h, json!({"bcc": "b@x.vn"}), &[]).await;
    check(h, json!({"subject": "bao cao"}), &[d, c]).await;
    check(h, json!({"subject": "\"cao thang\""}), &[c]).await;
    check(h, json!({"body": "gui"}), &[c, b]).await;
    check(h, json!({"body": "alert"}), &[]).await;
    check(h, json!({"text": "chiem hop"}), &[a]).await;
    check(h, json!({"text": "công văn.pdf"}), &[b]).await;
    check(h, json!({"text": "anh dự"}), &[a, b]).await;
    check(h, json!({"header": ["List-Unsubscribe"]}), &[b]).await;
    check(h, json!({"header": ["subject", "quý"]}), &[d]).await;
    check(h, json!({"header": ["X-None"]}), &[]).await;
    for bad in [
        json!({"inMailboxOtherThan": [inbox, 1]}),
        json!({"inMailbox": null}),
        json!({"before": 1}),
        json!({"header": []}),
    ] {
        let arguments = json!({"filter": bad});
        assert_eq!(
            h.refusal("Email/query", arguments).await,
            "invalidArguments"
        );
    }
}

#[tokio::test]
async fn operators() {
    let house = House::new();
    let [a, b, c, d] = &fill(&house);
    let of =
        |operator: &str, conditions: Value| json!({"operator": operator, "conditions": conditions});
    let either = of(
        "OR",
        json!([{"subject": "hop"}, {"hasKeyword": "$flagged"}]),
    );
    check(&house, either.clone(), &[b, a]).await;
    check(&house, of("NOT", json!([either, {"body": "quy"}])), &[d, c]).await;
    let both = of(
        "AND",
        json!([{"text": "bao cao"}, of("NOT", json!([{"hasKeyword": "duan"}]))]),
    );
    check(&house, both, &[c]).await;
    for (filter, kind) in [
        (json!({"bogus": 1}), "unsupportedFilter"),
        (json!({"minSize": "x"}), "invalidArguments"),
        (json!({"before": "yesterday"}), "invalidArguments"),
        (json!({"hasKeyword": "a b"}), "invalidArguments"),
        (json!({"header": []}), "invalidArguments"),
        (
            json!({"operator": "XOR", "conditions": []}),
            "invalidArguments",
        ),
        (
            json!({"operator": "AND", "conditions": {}}),
            "invalidArguments",
        ),
        (json!("x"), "invalidArguments"),
        (json!({"text": "a".repeat(5000)}), "unsupportedFilter"),
    ] {
        assert_eq!(
            house
                .refusal("Email/query", json!({"filter": filter}))
                .await,
            kind,
            "{filter}"
        );
    }
}

#[tokio::test]
async fn sorts_and_windows() {
    let house = House::new();
    let [a, b, c, d] = &fill(&house);
    let check = async |arguments: Value, expected: &[&String]| {
        let found = house.call("Email/query", arguments.clone()).await;
        assert_eq!(found["ids"], json!(expected), "{arguments}");
        found
    };
    let by = |property: &str, up: bool| json!([{"property": property, "isAscending": up}]);
    check(json!({"sort": by("receivedAt", true)}), &[a, b, c, d]).await;
    check(json!({"sort": by("size", false), "limit": 1}), &[d]).await;
    check(json!({"sort": by("sentAt", true)}), &[a, b, c, d]).await;
    // bot, Đỗ, Lê, Trần: đ stands between d and e.
    check(json!({"sort": by("from", true)}), &[d, c, a, b]).await;
    // Báo cáo quý, Báo cáo tháng (Re: is not looked at), Công văn, Họp.
    check(json!({"sort": by("subject", true)}), &[d, c, b, a]).await;
    let flagged = json!([
        {"property": "hasKeyword", "keyword": "$flagged", "isAscending": false},
        {"property": "receivedAt", "isAscending": false},
    ]);
    check(json!({"sort": flagged}), &[b, d, c, a]).await;
    let some = json!([{"property": "someInThreadHaveKeyword", "keyword": "$seen"},
        {"property": "receivedAt"}]);
    check(json!({"sort": some}), &[b, c, a, d]).await;
    let page = check(json!({"position": 1, "limit": 2}), &[c, b]).await;
    assert_eq!(page["position"], 1);
    assert!(page.get("total").is_none() && page.get("limit").is_none());
    for asked in [json!(null), json!(1_000_000)] {
        let all = check(json!({"limit": asked}), &[d, c, b, a]).await;
        assert_eq!(all["limit"], jmap::limit::QUERY_IDS_MAX, "the server's own");
    }
    let none = check(json!({"limit": 0, "calculateTotal": true}), &[]).await;
    assert_eq!((&none["total"], &none["position"]), (&json!(4), &json!(0)));
    check(json!({"position": -1}), &[a]).await;
    check(json!({"position": -9, "limit": 1}), &[d]).await;
    check(json!({"position": 9}), &[]).await;
    let anchored = json!({"anchor": b, "anchorOffset": -1, "position": 7, "limit": 2});
    assert_eq!(check(anchored, &[c, b]).await["position"], 1);
    assert_eq!(
        house.refusal("Email/query", json!({"anchor": "e99"})).await,
        "anchorNotFound"
    );
    assert_eq!(
        house.refusal("Email/query", json!({"limit": -1})).await,
        "invalidArguments"
    );
    for bad in [
        json!([{"property": "bogus"}]),
        json!([{"property": "subject", "collation": "i;bogus"}]),
    ] {
        assert_eq!(
            house.refusal("Email/query", json!({"sort": bad})).await,
            "unsupportedSort"
        );
    }
    let bare = json!([{"property": "hasKeyword"}]);
    assert_eq!(
        house.refusal("Email/query", json!({"sort": bare})).await,
        "invalidArguments"
    );
}

#[tokio::test]
async fn threads() {
    let house = House::new();
    let put = |id: &str, reply: &str, at, keywords: &[&str]| {
        let raw =
            format!("Subject: a\r\nMessage-ID: <{id}@x>\r\nIn-Reply-To: <{reply}@x>\r\n\r\nx\r\n");
        house.put_for(&house.an, raw.as_bytes(), at, keywords)
    };
    let a = put("1", "0", 10, &["$seen"]);
    let b = put("2", "1", 20, &[]);
    let c = put("7", "6", 15, &["$seen"]);
    let found = house
        .call(
            "Email/query",
            json!({"collapseThreads": true, "calculateTotal": true}),
        )
        .await;
    assert_eq!(
        (&found["ids"], &found["total"]),
        (&json!([b, c]), &json!(2))
    );
    check(&house, json!({"allInThreadHaveKeyword": "$seen"}), &[&c]).await;
    check(
        &house,
        json!({"someInThreadHaveKeyword": "$seen"}),
        &[&b, &c, &a],
    )
    .await;
    check(
        &house,
        json!({"noneInThreadHaveKeyword": "$flagged"}),
        &[&b, &c, &a],
    )
    .await;
    check(&house, json!({"noneInThreadHaveKeyword": "$seen"}), &[]).await;
}

/// RFC 8620 §5.6: a cached list, spliced as a client does it, equals a fresh query.
#[tokio::test]
async fn query_changes_lead_to_the_fresh_list() {
    let house = House::new();
    let [a, b, c, _] = fill(&house);
    for query in [
        json!({"filter": {"notKeyword": "$seen"}}),
        json!({"sort": [{"property": "hasKeyword", "keyword": "$seen"}, {"property": "receivedAt"}]}),
        json!({"collapseThreads": true}),
        json!({"filter": {"subject": "bao cao"}}),
        json!({"filter": {"subject": "báo cáo"}}),
    ] {
        let before = house.call("Email/query", query.clone()).await;
        assert_eq!(before["canCalculateChanges"], true);
        let new = house.put(&letter("z@x.vn", "Báo cáo mới", "x"));
        let update = json!({
            a.as_str(): {"keywords/$seen": null},
            c.as_str(): {"keywords/$seen": true},
        });
        house
            .call("Email/set", json!({"update": update, "destroy": [new]}))
            .await;
        house.put(&letter("z@x.vn", &format!("Báo cáo {query}"), "y"));
        let mut since = query.clone();
        since["sinceQueryState"] = before["queryState"].clone();
        since["calculateTotal"] = true.into();
        let changes = house.call("Email/queryChanges", since.clone()).await;
        let mut list = before["ids"].as_array().unwrap().clone();
        let removed = changes["removed"].as_array().unwrap();
        list.retain(|id| !removed.contains(id));
        for item in changes["added"].as_array().unwrap() {
            list.insert(item["index"].as_u64().unwrap() as usize, item["id"].clone());
        }
        let fresh = house.call("Email/query", query.clone()).await;
        assert_eq!(json!(list), fresh["ids"], "{query}");
        assert_eq!(changes["total"], list.len());
        assert_eq!(changes["newQueryState"], fresh["queryState"]);
        since["maxChanges"] = 0.into();
        assert_eq!(
            house.refusal("Email/queryChanges", since).await,
            "tooManyChanges"
        );
        house
            .call(
                "Email/set",
                json!({"update": {b.as_str(): {"keywords/$seen": true}}}),
            )
            .await;
    }
    let stale = json!({"sinceQueryState": "99999"});
    assert_eq!(
        house.refusal("Email/queryChanges", stale).await,
        "cannotCalculateChanges"
    );
}

#[tokio::test]
async fn snippets() {
    let house = House::new();
    let [a, b, ..] = fill(&house);
    let arguments = json!({"filter": {"text": "hop dự"}, "emailIds": [a, b, "e99"]});
    let got = house.call("SearchSnippet/get", arguments).await;
    assert_eq!(got["notFound"], json!(["e99"]));
    let first = &got["list"][0];
    assert_eq!(first["subject"], "<mark>Họp</mark> giao ban");
    assert_eq!(
        first["preview"],
        "Mời anh <mark>dự</mark> <mark>họp</mark>."
    );
    assert_eq!(
        got["list"][1],
        json!({"emailId": b, "subject": null, "preview": "gửi anh An, xin xem công văn. Kính gửi anh An noi <mark>du</mark>ng ben trong"})
    );
}

/// RFC 8620 §5.2 and §5.6: a state from before what the change log still tells.
#[tokio::test]
async fn a_state_older_than_the_change_log_cannot_be_calculated_from() {
    let house = House::new();
    let [a, ..] = fill(&house);
    let old = house.call("Email/get", json!({"ids": []})).await["state"].clone();
    let seen = json!({"update": {a.as_str(): {"keywords/$flagged": true}}});
    house.call("Email/set", seen.clone()).await;
    assert_eq!(house.store.trim(1, 0, None, 1_000).unwrap().next, None);
    let since = json!({"sinceState": old});
    for method in ["Email/changes", "Mailbox/changes", "Thread/changes"] {
        let refused = house.refusal(method, since.clone()).await;
        assert_eq!(refused, "cannotCalculateChanges", "{method}");
    }
    let query = json!({"sinceQueryState": old});
    let refused = house.refusal("Email/queryChanges", query).await;
    assert_eq!(refused, "cannotCalculateChanges");
    // From here on the log is there again.
    let now = house.call("Email/get", json!({"ids": []})).await["state"].clone();
    let none = house
        .call("Email/changes", json!({"sinceState": now}))
        .await;
    assert_eq!(none["newState"], now);
    let gone = json!({"destroy": [a]});
    house.call("Email/set", gone).await;
    let changes = house
        .call("Email/changes", json!({"sinceState": now}))
        .await;
    assert_eq!(changes["destroyed"], json!([a]));
}

async fn thread(house: &House, id: &str) -> Value {
    let arguments = json!({"ids": [id], "properties": ["threadId"]});
    house.call("Email/get", arguments).await["list"][0]["threadId"].clone()
}

/// A removed message that is put back is a new Email; its thread is made again when it was gone.
#[tokio::test]
async fn what_was_put_back_is_created() {
    let house = House::new();
    let [a, b, ..] = fill(&house);
    let (lone, now) = (thread(&house, &a).await, json!({"ids": []}));
    house.call("Email/set", json!({"destroy": [a]})).await;
    let old = house.call("Email/get", now).await["state"].clone();
    let mail = house.store.account(house.an.account());
    let query = storage::RemovedQuery {
        max: 1,
        ..Default::default()
    };
    let removed = mail.removed(&query).unwrap().list[0].email;
    let back = mail.undelete(&[removed], None).unwrap();
    let new = format!("e{}", back[0].1.as_ref().unwrap().email);
    let since = json!({"sinceState": old});
    let emails = house.call("Email/changes", since.clone()).await;
    assert_eq!(emails["created"], json!([new]));
    assert_ne!(json!(new), json!(a));
    let threads = house.call("Thread/changes", since).await;
    assert_eq!(
        (&threads["created"], &threads["updated"]),
        (&json!([lone]), &json!([]))
    );
    assert_eq!(thread(&house, &new).await, lone);
    assert_ne!(thread(&house, &b).await, lone);
}
