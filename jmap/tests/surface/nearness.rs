//! RFC 8621 §4.4, RFC 8620 §5.5: what is written as it was typed comes first, then what is written without marks, then
//! what has other marks; the same whether the search index knows the letters or they are read.

use crate::house::{House, letter};
use formats::text::fold;
use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization;

/// All that is there gets into the index.
fn index(house: &House) {
    let mut steps = 0;
    while house.store.index_step().unwrap().more {
        steps += 1;
        assert!(steps < 10_000, "the index is never done");
    }
}

async fn ids(house: &House, query: Value) -> Value {
    house.call("Email/query", query).await["ids"].clone()
}

/// Asked of the letters themselves, then of the index, then of both.
async fn check(house: &House, filter: Value, expected: &[&String]) {
    let found = ids(house, json!({"filter": filter})).await;
    assert_eq!(found, json!(expected), "{filter}");
}

fn fill(house: &House) -> [String; 6] {
    let put = |subject: &str, body: &str, at| {
        house.put_for(&house.an, &letter("x@x.vn", subject, body), at, &[])
    };
    [
        put("Thư CÔNG VỤ", "a", 100),
        put("Thu cong vu", "b", 200),
        put("Cổng vũ trường", "c", 300),
        put("Việc khác", "Nội dung: công vụ.", 400),
        put("Vụ án", "e", 500),
        put("congvu.vn", "liền nhau", 600),
    ]
}

#[tokio::test]
async fn marks_as_typed_come_first_then_none_then_others() {
    let house = House::new();
    let [a, b, c, d, e, f] = &fill(&house);
    for round in ["read", "indexed"] {
        check(&house, json!({"text": "công vụ"}), &[d, a, b, f, c]).await;
        check(&house, json!({"text": "cong vu"}), &[b, f, d, c, a]).await;
        check(&house, json!({"subject": "công vụ"}), &[a, b, f, c]).await;
        check(&house, json!({"body": "cổng vũ"}), &[d]).await;
        check(&house, json!({"text": "vụ"}), &[e, d, a, b, f, c]).await;
        check(&house, json!({"text": "\"công vụ\""}), &[d, a, b, c]).await;
        let not = json!({"operator": "NOT", "conditions": [{"text": "vụ"}]});
        check(&house, not, &[]).await;
        let either = json!({"operator": "OR", "conditions": [{"text": "án"}, {"text": "cổng"}]});
        check(&house, either, &[e, c, f, d, b, a]).await;
        let both = json!({"text": "công vụ", "before": "1970-01-01T00:05:00Z"});
        check(&house, both, &[a, b]).await;
        // An order that was asked for holds, and finds the same.
        let by = json!([{"property": "receivedAt"}]);
        let found = ids(&house, json!({"filter": {"text": "công vụ"}, "sort": by})).await;
        assert_eq!(found, json!([a, b, c, d, f]), "{round}");
        index(&house);
    }
    // A newer letter is found before the index knows it.
    let g = &house.put_for(
        &house.an,
        &letter("x@x.vn", "Đạo đức công vụ", "g"),
        700,
        &[],
    );
    check(&house, json!({"text": "công vụ"}), &[g, d, a, b, f, c]).await;
}

#[tokio::test]
async fn pages_and_anchors_go_by_the_same_order_and_the_state_says_when_it_changes() {
    let house = House::new();
    let [a, b, c, d, _, f] = &fill(&house);
    let ask = async |more: Value| {
        let mut query = json!({"filter": {"text": "công vụ"}, "limit": 2});
        for (key, value) in more.as_object().unwrap() {
            query[key] = value.clone();
        }
        house.call("Email/query", query).await
    };
    let first = ask(json!({"calculateTotal": true})).await;
    assert_eq!(
        (&first["ids"], &first["total"]),
        (&json!([d, a]), &json!(5))
    );
    assert_eq!(ask(json!({"position": 2})).await["ids"], json!([b, f]));
    let next = ask(json!({"anchor": f, "anchorOffset": 1})).await;
    assert_eq!((&next["ids"], &next["position"]), (&json!([c]), &json!(4)));
    let threads = ask(json!({"collapseThreads": true, "limit": 1})).await;
    assert_eq!(threads["ids"], json!([d]));
    // RFC 8620 §5.5: texts of attached files become known later, so no change is told.
    assert_eq!(first["canCalculateChanges"], false);
    assert_eq!(ask(json!({})).await["queryState"], first["queryState"]);
    index(&house);
    assert_eq!(ask(json!({})).await["queryState"], first["queryState"]);
    let since = json!({"filter": {"text": "công vụ"}, "sinceQueryState": first["queryState"]});
    let refused = house.refusal("Email/queryChanges", since).await;
    assert_eq!(refused, "cannotCalculateChanges");
    house.put(&letter("x@x.vn", "Công vụ mới", "h"));
    assert_ne!(ask(json!({})).await["queryState"], first["queryState"]);
    let subject = house
        .call("Email/query", json!({"filter": {"subject": "công vụ"}}))
        .await;
    assert_eq!(subject["canCalculateChanges"], true);
}

/// Texts of official letters, in both normal forms, without marks, and with some others.
#[tokio::test]
async fn words_of_official_letters_in_all_spellings() {
    const TEXTS: [(&str, &str); 6] = [
        (
            "Cộng hòa xã hội chủ nghĩa Việt Nam",
            "Công họa xa hồi chú nghịa Viết Năm",
        ),
        (
            "Kính gửi Sở Thông tin và Truyền thông",
            "Kinh gùi Số Thống tín vả Truyện thống",
        ),
        ("đường Nguyễn Huệ", "dướng Nguyên Huế"),
        ("Độc lập - Tự do - Hạnh phúc", "Đốc láp - Tư đo - Hanh phục"),
        ("báo cáo quý III năm 2019", "bào cạo quỳ III nắm 2019"),
        ("Đắk Lắk", "Đăk Lắc k"),
    ];
    let house = House::new();
    for (number, (text, other)) in (1..).zip(TEXTS) {
        let bare = fold(text);
        let decomposed: String = text.nfd().collect();
        let put = |subject: &str, at| {
            let raw = letter("x@x.vn", subject, &format!("số {number} {at}"));
            house.put_for(&house.an, &raw, at, &[])
        };
        // The nearest are the oldest.
        let near = [put(&decomposed, 10), put(&text.to_uppercase(), 20)];
        let middle = put(&bare, 30);
        let far = put(other, 40);
        let found = fold(other) == bare;
        for _ in 0..2 {
            let mut expected = vec![&near[1], &near[0], &middle];
            expected.extend(found.then_some(&far));
            check(&house, json!({"text": text}), &expected).await;
            check(&house, json!({"subject": text}), &expected).await;
            let mut expected = vec![&middle];
            expected.extend(found.then_some(&far));
            expected.extend([&near[1], &near[0]]);
            check(&house, json!({"text": bare}), &expected).await;
            index(&house);
        }
    }
}

/// No index keeps so short ones as words.
#[tokio::test]
async fn words_of_one_letter_come_in_the_same_order() {
    let house = House::new();
    let put =
        |subject: &str, at| house.put_for(&house.an, &letter("x@x.vn", subject, "a"), at, &[]);
    let [a, b] = &[put("ý kiến", 100), put("y tế", 200)];
    let [c, d] = &[put("1đ", 300), put("1d", 400)];
    for round in ["read", "indexed"] {
        check(&house, json!({"subject": "ý"}), &[a, b]).await;
        check(&house, json!({"subject": "y"}), &[b, a]).await;
        // All are to "Nguyễn Văn An".
        check(&house, json!({"text": "ý"}), &[a, d, c, b]).await;
        check(&house, json!({"text": "y"}), &[d, c, b, a]).await;
        for place in ["subject", "text"] {
            check(&house, json!({ place: "1đ" }), &[c, d]).await;
            check(&house, json!({ place: "1" }), &[d, c]).await;
        }
        let query = json!({"filter": {"subject": "ý"}});
        let state = house.call("Email/query", query).await["canCalculateChanges"].clone();
        assert_eq!(state, true, "{round}");
        index(&house);
    }
}

/// Far more letters than one request may read: the index leaves only those to read that may have a word.
#[tokio::test]
async fn nothing_is_missed_behind_the_newest_letters() {
    let house = House::new();
    let old = house.put(&letter(
        "x@x.vn",
        "cũ",
        "Chiêm Hóa, giao ban. Năm 2026 như sau",
    ));
    let with = |field: &str| [field.as_bytes(), b"\r\n", &letter("x@x.vn", "cũ", "b")].concat();
    let named = house.put(&with("Content-Type: text/plain; name=quyet-dinh.txt"));
    let hasty = house.put(&with("X-Hasty: mau len"));
    let quoted = house.put(&letter("x@x.vn", "cũ", "theo “Quy chế – văn thư” ban hành"));
    let mail = house.store.account(house.an.account());
    let inbox = mail.by_role(storage::Role::Inbox).unwrap().unwrap().id;
    let mut writer = mail.write().unwrap();
    for n in 0..jmap::limit::SEARCH_CONTENTS_MAX + 20 {
        let raw = letter("x@x.vn", "mới", &format!("thư số {}", n % 2_000));
        let raw = [
            &b"Received: by x.vn; Mon, 23 Nov 2026 08:00:00 +0700\r\n"[..],
            &raw,
        ]
        .concat();
        let append = storage::Append {
            blob: mail.put_blob(&raw).unwrap(),
            summary: &formats::message::summarize(&raw),
            received_at: crate::house::NOW_S,
            keywords: Vec::new(),
            mailboxes: vec![inbox],
            delivery: None,
        };
        writer.append(append).unwrap();
    }
    writer.commit().unwrap();
    index(&house);
    check(&house, json!({"text": "chiem hoa"}), &[&old]).await;
    check(&house, json!({"body": "\"hóa, giao\""}), &[&old]).await;
    check(&house, json!({"text": "2026"}), &[&old]).await;
    check(&house, json!({"text": "received"}), &[]).await;
    check(&house, json!({"text": "\"năm 2026\""}), &[&old]).await;
    check(&house, json!({"text": "quyết-định"}), &[&named]).await;
    check(&house, json!({"text": "“Quy"}), &[&quoted]).await;
    check(
        &house,
        json!({"body": "\"“quy che – van thu”\""}),
        &[&quoted],
    )
    .await;
    check(&house, json!({"text": "chế– thư”"}), &[]).await;
    check(&house, json!({"header": ["x-hasty"]}), &[&hasty]).await;
    check(&house, json!({"header": ["X-Hasty", "mau"]}), &[&hasty]).await;
    check(&house, json!({"header": ["X-Hasty", "cham"]}), &[]).await;
    let query = json!({"filter": {"header": ["X-Hasty"]}});
    let found = house.call("Email/query", query).await;
    assert_eq!(found["canCalculateChanges"], false);
    check(&house, json!({"body": "khong co dau ca"}), &[]).await;
}
