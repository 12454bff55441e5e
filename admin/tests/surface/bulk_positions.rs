//! Positions as a table: seats come with who holds them first, and nobody else by a table.

use crate::bulk::{counts, faults};
use crate::world::*;
use serde_json::{Value, json};

const MAILBOXES: &str = "address,name,agency,kind\n\
    vanthu@x.vn,Văn thư,H99.1,shared\nmotcua@x.vn,Một cửa,H99.1,shared\n\
    annv@x.vn,Nguyễn Văn An,H99.1,\nbinhtt@x.vn,Trần Thị Bình,H99.1.1,\n";
const SEATS: &str = "Cơ quan;Thứ tự;Chức danh;Chức danh tiếng Anh;Loại vị trí;Hộp thư;Người giữ;Giữ từ ngày;Phụ trách\n\
    H99.1;1;Giám đốc;Director;Giám đốc;;annv@x.vn;01/07/2025;\n\
    H99.1;2;Phó Giám đốc;;deputy_head;;;;\n\
    H99.1;3;Phó Giám đốc;;Phó giám đốc;;;;\n\
    H99.1;9;Văn thư;Clerk;Văn thư;vanthu@x.vn;binhtt@x.vn;;có\n";

async fn seats(w: &World) -> Value {
    w.import(&w.branch, "accounts", MAILBOXES).await;
    let job = w.import(&w.branch, "positions", SEATS).await;
    assert_eq!(counts(&job), [4, 0, 0, 0], "{job}");
    job
}

async fn undone(w: &World, job: &Value) -> Value {
    let path = format!("jobs/{}/undo", job["id"]);
    let begun = w.post(&w.branch, &path, json!({})).await;
    w.ended(&w.branch, &begun).await
}

/// The seats of H99.1 by their titles.
async fn seat(w: &World, title: &str) -> Value {
    let listed = w.get(&w.branch, "positions?agency=H99.1").await;
    let items = listed.json["items"].as_array().unwrap();
    let found = items.iter().find(|seat| seat["title"] == title);
    found.cloned().unwrap_or(Value::Null)
}

async fn rights(w: &World, mailbox: &str) -> Value {
    let id = w.id(mailbox);
    let members = w.get(&w.branch, &format!("accounts/{id}/members")).await;
    members.json["members"].clone()
}

#[tokio::test]
async fn seats_come_with_who_holds_them_and_go_again() {
    let w = World::new();
    w.import(&w.branch, "accounts", MAILBOXES).await;
    let dry = w.import(&w.branch, "positions?dry_run=true", SEATS).await;
    assert_eq!(counts(&dry), [4, 0, 0, 0], "{dry}");
    let rows = w.results(&w.branch, &dry, "").await;
    assert_eq!(rows[3]["key"], "H99.1 9 Văn thư");
    let told = |column: &str| {
        let differences = rows[3]["differences"].as_array().unwrap().iter();
        let found = differences.filter(|d| d["column"] == column);
        found.map(|d| d["to"].clone()).collect::<Vec<_>>()
    };
    for (column, to) in [
        ("holder", "binhtt@x.vn"),
        ("held_since", "2026-10-26"),
        ("acting", "yes"),
        ("rights", "lrswite"),
    ] {
        assert_eq!(told(column), [to], "{column}");
    }
    assert_eq!(seat(&w, "Văn thư").await, Value::Null, "a dry run looks");

    let job = w.import(&w.branch, "positions", SEATS).await;
    assert_eq!(counts(&job), [4, 0, 0, 0], "{job}");
    let head = seat(&w, "Giám đốc").await;
    assert_eq!(
        (&head["kind"], &head["holder"]["from"], &head["version"]),
        (&json!("head"), &json!("2025-07-01"), &json!(1))
    );
    let clerk = seat(&w, "Văn thư").await;
    assert_eq!(clerk["mailbox"], json!(w.id("vanthu")));
    assert_eq!(clerk["holder"]["address"], "binhtt@x.vn");
    assert_eq!(clerk["holder"]["acting"], true);
    assert_eq!(rights(&w, "vanthu").await[0]["rights"], "lrswite");
    let log = w.get(&w.auditor, "audit?act=position.handover").await;
    assert_eq!(log.names("act").len(), 2);
    assert_eq!(log.json["items"][0]["detail"]["to"], "binhtt@x.vn");

    let again = w.import(&w.branch, "positions", SEATS).await;
    assert_eq!(counts(&again), [0, 0, 4, 0], "{again}");

    let gone = undone(&w, &job).await;
    assert_eq!(counts(&gone), [4, 0, 0, 0], "{gone}");
    assert_eq!(seat(&w, "Văn thư").await, Value::Null);
    assert_eq!(rights(&w, "vanthu").await, json!([]));
}

#[tokio::test]
async fn what_is_exported_comes_in_as_it_is() {
    let w = World::new();
    seats(&w).await;
    // Two of one name and place, as only the API makes them: told apart by their numbers.
    for _ in 0..2 {
        let twin = json!({"agency": "H99.1.1", "title": "=Chuyên viên", "until": "2030-12-31"});
        check(&w.post(&w.branch, "positions", twin).await, 201);
    }
    let table = w.exported(&w.branch, "positions").await;
    assert!(table.contains(",'=Chuyên viên,"), "{table}");
    let job = w.import(&w.branch, "positions", table.clone()).await;
    assert_eq!(counts(&job), [0, 0, 6, 0], "{job}");
    let changed = table.replace("Clerk", "Registrar").replace(",9,", ",10,");
    let job = w.import(&w.branch, "positions", changed).await;
    assert_eq!(counts(&job), [0, 1, 5, 0], "{job}");
    let rows = w.results(&w.branch, &job, "?outcome=changed").await;
    let differences = json!([
        {"column": "order", "from": "9", "to": "10"},
        {"column": "title_en", "from": "Clerk", "to": "Registrar"},
    ]);
    assert_eq!(rows[0]["differences"], differences);
    let back = undone(&w, &job).await;
    assert_eq!(counts(&back), [0, 1, 0, 0], "{back}");
    assert_eq!(w.exported(&w.branch, "positions").await, table);
    // The sister agency's administrator reads none of them.
    let other = w.exported(&w.root, "positions?agency=H99.2").await;
    assert_eq!(other.lines().count(), 1, "{other}");
}

#[tokio::test]
async fn who_holds_a_seat_that_is_there_changes_by_handing_over() {
    let w = World::new();
    seats(&w).await;
    let table = "agency,order,title,holder,held_since,acting\n\
        H99.1,1,Giám đốc,binhtt@x.vn,,\n\
        H99.1,2,Phó Giám đốc,binhtt@x.vn,,\n\
        H99.1,3,Phó Giám đốc,,2025-01-01,yes\n\
        H99.1,9,Văn thư,,,\n\
        H99.1,4,Kế toán,,2025-01-01,\n\
        H99.1,5,Thanh tra,annv@x.vn,2027-01-01,\n\
        H99.1,6,Thủ quỹ,khongco@x.vn,,\n\
        H99.1,7,Lái xe,motcua@x.vn,,\n";
    let job = w.import(&w.branch, "positions?dry_run=true", table).await;
    let rows = w.results(&w.branch, &job, "").await;
    assert_eq!(
        faults(&rows),
        [
            "2 holder by-handover",
            "3 holder by-handover",
            "4 held_since by-handover",
            "4 acting by-handover",
            "5 holder by-handover",
            "5 acting by-handover",
            "6 held_since invalid",
            "7 held_since invalid",
            "8 holder no-account",
            "9 holder invalid",
        ]
    );
    let told = rows[0]["errors"][0]["detail"].as_str().unwrap();
    assert!(told.contains("congvu admin positions handover"), "{told}");

    // What a first handover ends for good is not ended by a table.
    let mailbox = w.id("motcua");
    let own = json!({"kind": "app_password", "label": "máy quét"});
    let path = format!("accounts/{mailbox}/credentials");
    check(&w.post(&w.branch, &path, own).await, 201);
    let table = "agency,title,mailbox,holder\nH99.1,Một cửa,motcua@x.vn,annv@x.vn\n";
    let job = w.import(&w.branch, "positions", table).await;
    let rows = w.results(&w.branch, &job, "").await;
    assert_eq!(faults(&rows), ["2 mailbox own-secrets"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_seat_is_told_by_column() {
    let w = World::new();
    seats(&w).await;
    let table = "number,agency,order,title,kind,mailbox,until\n\
        ,H99.2,1,a,,,\n\
        ,H99.1,x,b,,,\n\
        ,H99.1,1,,,,\n\
        ,H99.1,1,c,vua,,\n\
        ,H99.1,1,d,,vanthu@x.vn,\n\
        ,H99.1,1,e,,annv@x.vn,\n\
        ,H99.1,1,f,,motcua@x.vn,\n\
        ,H99.1,1,g,,motcua@x.vn,\n\
        ,H99.1,1,F,,,\n\
        999,H99.1,1,h,,,\n\
        một,H99.1,1,i,,,\n\
        ,H99.1,1,k,,,31/02/2025\n\
        2,H99.1,1,Giám đốc,,,\n\
        ,H99.1,2,phó giám đốc,,,\n";
    let job = w.import(&w.branch, "positions?dry_run=true", table).await;
    let rows = w.results(&w.branch, &job, "?outcome=error").await;
    assert_eq!(
        faults(&rows),
        [
            "2 agency no-agency",
            "3 order invalid",
            "4 title missing",
            "5 kind invalid",
            "6 mailbox invalid",
            "7 mailbox invalid",
            "9 mailbox taken",
            "10 - twice",
            "11 number no-position",
            "12 number invalid",
            "13 until invalid",
            "14 title taken",
            "15 - twice",
        ]
    );
    // Without a place two are meant.
    let table = "agency,title\nH99.1,Phó Giám đốc\n";
    let job = w.import(&w.branch, "positions?dry_run=true", table).await;
    let rows = w.results(&w.branch, &job, "").await;
    assert_eq!(faults(&rows), ["2 title several"]);
    check(&w.table(&w.auditor, "positions", SEATS).await, 403);
    check(&w.table(&w.nobody, "positions", SEATS).await, 403);
}

#[tokio::test]
async fn an_agency_is_named_by_code_or_by_its_names() {
    let w = World::new();
    let tree = "id,parent,name,codes\nH99.1.7,H99.1,Phòng Tổng hợp,H99.77\nH99.1.8,H99.1,Phòng Một,\n\
        H99.1.9,H99.1,Phòng Một,\nH99.1.7.1,H99.1.7,Tổ Kế toán,\n";
    w.import(&w.branch, "agencies", tree).await;
    let table = "agency,title\nH99.77,a\nphòng tổng hợp > tổ kế toán,b\nPhòng Một,c\nTổ Kế toán,d\nH99.1.7 > x,e\n";
    let job = w
        .import(&w.branch, "positions?skip_errors=true", table)
        .await;
    let rows = w.results(&w.branch, &job, "").await;
    assert_eq!(
        faults(&rows),
        [
            "4 agency no-agency",
            "5 agency no-agency",
            "6 agency no-agency"
        ]
    );
    let keys = [&rows[0]["key"], &rows[1]["key"]];
    assert_eq!(keys, [&json!("H99.1.7 0 a"), &json!("H99.1.7.1 0 b")]);
}

#[tokio::test]
async fn an_undo_leaves_what_somebody_changed() {
    let w = World::new();
    let job = seats(&w).await;
    let head = seat(&w, "Giám đốc").await;
    let path = format!("positions/{}/handover", head["id"]);
    let over = json!({"to": w.id("binhtt")});
    check(&w.post(&w.branch, &path, over).await, 200);
    // Rights that were changed since stay, and the seat with them.
    let path = format!("PUT accounts/{}/members/binhtt@x.vn", w.id("vanthu"));
    let body = Some(json!({"rights": "lrs"}));
    check(&w.with(&w.branch, &path, &[], body).await, 200);
    let gone = undone(&w, &job).await;
    assert_eq!(counts(&gone), [2, 0, 0, 2], "{gone}");
    let rows = w.results(&w.branch, &gone, "?outcome=error").await;
    assert_eq!(faults(&rows), ["2 - changed", "5 - changed"]);
    assert_eq!(rights(&w, "vanthu").await[0]["rights"], "lrs");
}
