//! What tables say beside names: kinds, codes, dates and places of agencies, other addresses of accounts.

use crate::bulk::{counts, faults};
use crate::world::*;
use axum::body::Body;
use http::Request;
use serde_json::json;

const TREE: &str = "Mã cơ quan;Cơ quan cấp trên;Tên cơ quan;Tên tiếng Anh;Tên viết tắt;Loại;Mã chính thức;Thứ tự;Từ ngày;Đến ngày\n\
    H99.1.7;H99.1;Xã Hàm An;Ham An commune;HA;Xã;H99.77 000.00.07.H99;7;01/07/2025;\n\
    H99.1.8;H99.1;Phường Cũ;;;commune;;8;2020-01-01;30/06/2025\n";

#[tokio::test]
async fn a_tree_comes_with_its_kinds_codes_places_and_dates() {
    let w = World::new();
    let job = w.import(&w.branch, "agencies", TREE).await;
    assert_eq!(
        (&job["state"], counts(&job)),
        (&json!("done"), [2, 0, 0, 0])
    );
    let read = w.get(&w.branch, "agencies/H99.1.7").await.json;
    for (field, value) in [
        ("name_en", json!("Ham An commune")),
        ("short_name", json!("HA")),
        ("kind", json!("commune")),
        ("codes", json!(["H99.77", "000.00.07.H99"])),
        ("order", json!(7)),
        ("since", json!("2025-07-01")),
        ("until", json!(null)),
    ] {
        assert_eq!(read[field], value, "{field}: {read}");
    }
    let again = w.import(&w.branch, "agencies", TREE).await;
    assert_eq!(counts(&again), [0, 0, 2, 0]);
    // A column that is not there leaves what is; an empty cell clears it.
    let changed = "id,until,codes\nH99.1.8,,\nH99.1.7,2030-12-31,h99.78\n";
    let job = w.import(&w.branch, "agencies", changed).await;
    assert_eq!(counts(&job), [0, 2, 0, 0]);
    let rows = w.results(&w.branch, &job, "").await;
    let differences = json!([
        {"column": "codes", "from": "H99.77 000.00.07.H99", "to": "H99.78"},
        {"column": "until", "from": "", "to": "2030-12-31"},
    ]);
    assert_eq!(rows[1]["differences"], differences);
    let begun = w
        .post(&w.branch, &format!("jobs/{}/undo", job["id"]), json!({}))
        .await;
    let undone = w.ended(&w.branch, &begun).await;
    assert_eq!(counts(&undone), [0, 2, 0, 0], "{undone}");
    let read = w.get(&w.branch, "agencies/H99.1.7").await.json;
    assert_eq!(read["codes"], json!(["H99.77", "000.00.07.H99"]));
}

#[tokio::test]
async fn what_is_wrong_in_those_columns_is_told_by_column() {
    let w = World::new();
    w.import(&w.branch, "agencies", TREE).await;
    let bad = "id,parent,name,kind,codes,order,since,until\n\
        H99.1.20,H99.1,a,huyện,,,,\n\
        H99.1.21,H99.1,a,,ư1,,,\n\
        H99.1.22,H99.1,a,,H99.77,,,\n\
        H99.1.23,H99.1,a,,,-1,,\n\
        H99.1.24,H99.1,a,,,,31/02/2025,\n\
        H99.1.25,H99.1,a,,,,2025-02-01,2025-01-01\n\
        H99.1.26,H99.1,a,,H99.90,,,2025-01-01\n\
        H99.1.27,H99.1,a,,H99.90,,,\n\
        H99.90,H99.1,a,,,,,\n\
        H99.1.28,H99.1.26,a,,,,,\n";
    let job = w.import(&w.branch, "agencies?dry_run=true", bad).await;
    let rows = w.results(&w.branch, &job, "?outcome=error").await;
    assert_eq!(
        faults(&rows),
        [
            "2 kind invalid",
            "3 codes invalid",
            "4 codes taken",
            "5 order invalid",
            "6 since invalid",
            "7 until invalid",
            "9 codes taken",
            "10 id taken",
            "11 parent invalid"
        ]
    );
}

#[tokio::test]
async fn other_addresses_come_and_go_with_their_accounts() {
    let w = World::new();
    let people = "address,name,agency,aliases\n\
        annv@x.vn,An,H99.1,an@x.vn; Nguyen.An@x.vn\n\
        binhtt@x.vn,Bình,H99.1,\n";
    let first = w.import(&w.branch, "accounts", people).await;
    assert_eq!(counts(&first), [2, 0, 0, 0], "{first}");
    let owner = |of: &str| w.directory.account_at(&address(of)).map(|a| a.id.raw());
    let (an, binh) = (owner("annv").unwrap(), owner("binhtt").unwrap());
    let aliases = async |of: u32| {
        let read = w.get(&w.branch, &format!("aliases?account={of}")).await;
        read.names("address")
    };
    assert_eq!(aliases(an).await, ["an@x.vn", "Nguyen.An@x.vn"]);
    let again = w
        .import(&w.branch, "accounts", people.replace("an@x.vn;", "AN@x.vn"))
        .await;
    assert_eq!(counts(&again), [0, 0, 2, 0]);
    let text = w.exported(&w.branch, "accounts").await;
    assert!(text.contains("an@x.vn Nguyen.An@x.vn"), "{text}");

    let taken = "address,name,agency,aliases\n\
        c@x.vn,C,H99.1,an@x.vn\n\
        d@x.vn,D,H99.1,d@x.vn\n\
        e@x.vn,E,H99.1,ee@x.vn\n\
        f@x.vn,F,H99.1,ee@x.vn\n\
        ee@x.vn,EE,H99.1,\n\
        g@x.vn,G,H99.1,e@x.vn\n\
        h@x.vn,H,H99.1,h\n\
        i@x.vn,I,H99.1,i@y.vn\n";
    let job = w.import(&w.branch, "accounts?dry_run=true", taken).await;
    let rows = w.results(&w.branch, &job, "?outcome=error").await;
    let told = faults(&rows);
    assert_eq!(
        told[..6],
        [
            "2 aliases taken",
            "3 aliases taken",
            "5 aliases taken",
            "6 address taken",
            "7 aliases taken",
            "8 aliases invalid"
        ]
    );
    assert!(told[6].starts_with("9 aliases "), "{told:?}");

    let moved = "address,aliases\nannv@x.vn,an@x.vn\nbinhtt@x.vn,binh@x.vn\n";
    let second = w.import(&w.branch, "accounts", moved).await;
    assert_eq!(counts(&second), [0, 2, 0, 0]);
    assert_eq!(
        (aliases(an).await, aliases(binh).await),
        (vec!["an@x.vn".into()], vec!["binh@x.vn".into()])
    );
    // What somebody gave since stays with the row that gave the others.
    let given = json!({"address": "binh2@x.vn", "account": binh});
    check(&w.post(&w.branch, "aliases", given).await, 201);
    let begun = w
        .post(&w.branch, &format!("jobs/{}/undo", second["id"]), json!({}))
        .await;
    let undone = w.ended(&w.branch, &begun).await;
    assert_eq!(counts(&undone), [0, 1, 0, 1], "{undone}");
    assert_eq!(aliases(an).await, ["an@x.vn", "Nguyen.An@x.vn"]);
    assert_eq!(aliases(binh).await, ["binh2@x.vn", "binh@x.vn"]);
}

/// Sends a table with a key.
async fn keyed(w: &World, key: &str, ask: &str, text: &str) -> Answer {
    let request = Request::builder()
        .method("POST")
        .uri(format!("/api/v1/imports/{ask}"))
        .header("content-type", "text/csv")
        .header("idempotency-key", key);
    let body = Body::from(text.to_owned());
    w.send(Some(&w.branch), request.body(body).unwrap()).await
}

#[tokio::test]
async fn a_table_that_is_sent_again_with_its_key_is_one_job() {
    let w = World::new();
    let first = keyed(&w, "k1", "agencies", TREE).await;
    check(&first, 202);
    let again = keyed(&w, "k1", "agencies", TREE).await;
    check(&again, 202);
    assert_eq!(again.json["id"], first.json["id"]);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.header("location"), first.header("location"));
    let other = keyed(&w, "k1", "agencies", &TREE.replace("Hàm An", "Hàm Bình")).await;
    check(&other, 422);
    assert!(
        other.json["type"]
            .as_str()
            .unwrap()
            .ends_with("idempotency-key-reused")
    );
    // A dry run is another request, with keys of its own.
    let tried = keyed(&w, "k1", "agencies?dry_run=true", TREE).await;
    check(&tried, 202);
    assert_eq!(tried.header("idempotency-replayed"), "");
    check(&keyed(&w, "", "agencies", TREE).await, 400);
    let next = keyed(&w, "k2", "agencies", TREE).await;
    check(&next, 202);
    assert_ne!(next.json["id"], first.json["id"]);
    // What was refused made nothing: the same key does it when it is mended.
    check(&keyed(&w, "k3", "agencies?agency=H98", TREE).await, 422);
    let mended = keyed(&w, "k3", "agencies", TREE).await;
    check(&mended, 202);
    assert_eq!(w.get(&w.branch, "jobs").await.names("state").len(), 4);
}
