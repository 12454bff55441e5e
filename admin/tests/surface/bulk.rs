//! Tables in and out through the API, and the jobs that work on them.

use crate::world::*;
use axum::body::Body;
use directory::Access;
use http::Request;
use serde_json::{Value, json};

pub(crate) const ACCOUNTS: &str = "\u{feff}Địa chỉ thư;Họ và tên;Mã cơ quan;Chức vụ;Hạn mức;Loại\r\n\
    annv@x.vn;Nguyễn Văn An;H99.1;Chuyên viên;2 GB;\r\n\
    binhtt@x.vn;\"Trần; Thị Bình\";H99.1.1;;;Cá nhân\r\n\
    vanthu@x.vn;Văn thư Sở;H99.1;;;Hộp thư chung\r\n\
    tatca@x.vn;Tất cả;H99.1;;;Danh sách\r\n";

impl World {
    /// Sends a table; the answer.
    pub(crate) async fn table(
        &self,
        who: &Access,
        ask: &str,
        octets: impl Into<Vec<u8>>,
    ) -> Answer {
        let request = Request::builder()
            .method("POST")
            .uri(format!("/api/v1/imports/{ask}"))
            .header("content-type", "text/csv")
            .header("accept-language", "en");
        let body = Body::from(octets.into());
        self.send(Some(who), request.body(body).unwrap()).await
    }

    /// Waits until a job has ended.
    pub(crate) async fn ended(&self, who: &Access, begun: &Answer) -> Value {
        check(begun, 202);
        let path = format!("jobs/{}?wait_s=20", begun.json["id"]);
        let fields = [("accept-language", "en")];
        let answer = self.with(who, &format!("GET {path}"), &fields, None).await;
        check(&answer, 200);
        assert!(answer.json["ended_at"].is_string(), "{}", answer.json);
        answer.json
    }

    /// Imports a table and waits; the job.
    pub(crate) async fn import(
        &self,
        who: &Access,
        ask: &str,
        octets: impl Into<Vec<u8>>,
    ) -> Value {
        let begun = self.table(who, ask, octets).await;
        self.ended(who, &begun).await
    }

    pub(crate) async fn results(&self, who: &Access, job: &Value, more: &str) -> Vec<Value> {
        let path = format!("GET jobs/{}/results{more}", job["id"]);
        let page = self
            .with(who, &path, &[("accept-language", "en")], None)
            .await;
        check(&page, 200);
        page.json["items"].as_array().unwrap().clone()
    }

    pub(crate) async fn exported(&self, who: &Access, ask: &str) -> String {
        let answer = self.get(who, &format!("exports/{ask}")).await;
        check(&answer, 200);
        assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
        answer.text
    }
}

pub(crate) fn counts(job: &Value) -> [u64; 4] {
    ["new", "changed", "same", "errors"].map(|name| job[name].as_u64().unwrap())
}

/// `row column code` of each error.
pub(crate) fn faults(results: &[Value]) -> Vec<String> {
    let each = results.iter().flat_map(|row| {
        let errors = row["errors"].as_array().unwrap().iter();
        errors.map(move |e| {
            let column = e["column"].as_str().unwrap_or("-");
            format!("{} {column} {}", row["row"], e["code"].as_str().unwrap())
        })
    });
    each.collect()
}

#[tokio::test]
async fn a_table_is_looked_at_then_done_then_changes_nothing_any_more() {
    let w = World::new();
    let dry = w
        .import(&w.branch, "accounts?dry_run=true&file_name=a.csv", ACCOUNTS)
        .await;
    assert_eq!(dry["state"], "done", "{dry}");
    assert_eq!(
        (counts(&dry), dry["total"].as_u64()),
        ([4, 0, 0, 0], Some(4))
    );
    assert_eq!(dry["agency"], "H99.1");
    let rows = w.results(&w.branch, &dry, "?outcome=new").await;
    assert_eq!(rows[1]["key"], "binhtt@x.vn");
    let name = json!({"column": "name", "from": "", "to": "Trần; Thị Bình"});
    assert!(
        rows[1]["differences"].as_array().unwrap().contains(&name),
        "{rows:?}"
    );
    assert!(w.directory.account_at(&address("annv")).is_err());

    let applied = w
        .post(&w.branch, &format!("jobs/{}/apply", dry["id"]), json!({}))
        .await;
    let applied = w.ended(&w.branch, &applied).await;
    assert_eq!(
        (&applied["state"], counts(&applied)),
        (&json!("done"), [4, 0, 0, 0])
    );
    let an = w.directory.account_at(&address("annv")).unwrap();
    assert_eq!(
        (an.quota, an.position.as_deref()),
        (Some(2 << 30), Some("Chuyên viên"))
    );
    assert_eq!(w.store.account(an.id).mailboxes().unwrap().len(), 6);

    let again = w.import(&w.branch, "accounts", ACCOUNTS).await;
    assert_eq!(counts(&again), [0, 0, 4, 0]);
    let other = ACCOUNTS
        .replace("Chuyên viên", "Phó phòng")
        .replace("2 GB", "");
    let changed = w.import(&w.branch, "accounts", other).await;
    assert_eq!(counts(&changed), [0, 1, 3, 0]);
    let rows = w.results(&w.branch, &changed, "?outcome=changed").await;
    let differences = json!([
        {"column": "position", "from": "Chuyên viên", "to": "Phó phòng"},
        {"column": "quota", "from": "2 GB", "to": ""},
    ]);
    assert_eq!(rows[0]["differences"], differences);
    let audit = w.get(&w.root, "audit?limit=3").await;
    assert_eq!(
        audit.names("act"),
        ["job.end", "account.change", "job.create"]
    );
}

#[tokio::test]
async fn every_error_is_told_and_nothing_is_changed() {
    let w = World::new();
    let bad = "name,address,agency,state,quota,pop3,kind\n\
        ,annv@x.vn,H99.1,,,,\n\
        An,,H99.7,dead,lots,perhaps,robot\n\
        An,annv@x.vn,H99.1,,,,\n\
        Bình,b@elsewhere.vn,H99.1,,,,\n\
        Lạ,nguoila@x.vn,H99.1,,,,\n\
        Cường,c@x.vn,H99.2,,,,\n\
        Dung,d@x.vn,H99.1\n\
        Em,em@x.vn,H99.1.1,,,,list\n";
    let job = w.import(&w.branch, "accounts", bad).await;
    assert_eq!(
        (&job["state"], &job["failure"]["code"]),
        (&json!("failed"), &json!("rows"))
    );
    let rows = w.results(&w.branch, &job, "").await;
    assert_eq!(
        faults(&rows),
        [
            "2 name missing",
            "3 address missing",
            "4 - twice",
            "5 address invalid",
            "6 address taken",
            "7 agency no-agency",
            "8 - cells",
        ]
    );
    assert!(w.directory.account_at(&address("em")).is_err());
    // Without the address all the rest is told too.
    let bad = bad.replace("An,,H99.7", "An,x@x.vn,H99.7");
    let job = w.import(&w.branch, "accounts?skip_errors=true", bad).await;
    assert_eq!(
        (&job["state"], counts(&job)),
        (&json!("done"), [1, 0, 0, 7])
    );
    let rows = w.results(&w.branch, &job, "?outcome=error&limit=2").await;
    let third = [
        "agency no-agency",
        "kind invalid",
        "state invalid",
        "quota invalid",
        "pop3 invalid",
    ];
    assert_eq!(faults(&rows[1..]), third.map(|f| format!("3 {f}")));
    let detail = rows[1]["errors"][2]["detail"].as_str().unwrap();
    assert!(detail.contains("active, suspended or retired"), "{detail}");
    assert_eq!(rows[1]["errors"][2]["value"], "dead");
    let path = format!("GET jobs/{}/results?outcome=error", job["id"]);
    let vi = w.with(&w.branch, &path, &[], None).await;
    for item in vi.json["items"].as_array().unwrap() {
        for error in item["errors"].as_array().unwrap() {
            let said = error["detail"].as_str().unwrap();
            assert!(
                !said.contains("(") || !said.contains("giá trị không hợp lệ"),
                "{said}"
            );
        }
    }
    assert!(w.directory.account_at(&address("em")).is_ok());
}

#[tokio::test]
async fn files_that_are_no_such_table_are_refused_with_words() {
    let w = World::new();
    let wide: Vec<u8> = "address,name\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let header = "address,name,agency\n";
    for (octets, code, word) in [
        (Vec::new(), "empty", "header"),
        (wide, "utf-16", "CSV UTF-8"),
        (
            b"address,name\nan@x.vn,Nguy\xea\xden\n".to_vec(),
            "not-utf-8",
            "CSV UTF-8",
        ),
        (b"PK\x03\x04\0\0".to_vec(), "workbook", "CSV UTF-8"),
        (b"address,birthday\n".to_vec(), "unknown-column", "birthday"),
        (b"address,email\n".to_vec(), "column-twice", "email"),
        (b"name,agency\n".to_vec(), "no-column", "address"),
        (
            format!("{header}\"{}", "x\n".repeat(99_999)).into_bytes(),
            "row-too-long",
            "quotation",
        ),
        (
            format!("{header}{}\n", ",".repeat(99)).into_bytes(),
            "too-many-cells",
            "Row 2",
        ),
    ] {
        let job = w.import(&w.branch, "accounts", octets).await;
        assert_eq!(
            (&job["state"], &job["failure"]["code"]),
            (&json!("failed"), &json!(code))
        );
        let said = job["failure"]["detail"].as_str().unwrap();
        assert!(said.contains(word), "{said}");
    }
    // Not as a table, or to nowhere.
    check(&w.post(&w.branch, "imports/accounts", json!({})).await, 415);
    // More rows than a table may have: refused as they come, not after a million were looked at.
    let rows = "a\n".repeat(1_000_002);
    let many = w.table(&w.branch, "accounts?dry_run=true", rows).await;
    check(&many, 413);
    assert!(many.text.contains("1000000"), "{}", many.text);
    check(&w.table(&w.branch, "cars", ACCOUNTS).await, 404);
    check(&w.table(&w.branch, "accounts?dry=1", ACCOUNTS).await, 400);
}

#[tokio::test]
async fn i17_nobody_reaches_beyond_his_subtree_or_sees_the_jobs_of_others() {
    let w = World::new();
    check(&w.table(&w.nobody, "accounts", ACCOUNTS).await, 403);
    check(&w.table(&w.auditor, "accounts", ACCOUNTS).await, 403);
    for outside in ["H99", "H99.2", "H98"] {
        let refused = w
            .table(&w.branch, &format!("accounts?agency={outside}"), ACCOUNTS)
            .await;
        check(&refused, 422);
        assert_eq!(
            refused.json["errors"][0]["detail"],
            "no such agency in your scope"
        );
    }
    let job = w.import(&w.root, "accounts", ACCOUNTS).await;
    assert_eq!(job["agency"], "H99");
    for who in [&w.branch, &w.nobody] {
        let list = w.get(who, "jobs").await;
        assert_eq!(list.json, json!({"items": [], "cursor": null}));
        for path in ["", "/results"] {
            check(&w.get(who, &format!("jobs/{}{path}", job["id"])).await, 404);
        }
        for act in ["apply", "cancel", "undo", "letters"] {
            check(
                &w.post(who, &format!("jobs/{}/{act}", job["id"]), json!({}))
                    .await,
                404,
            );
        }
    }
    // One's own are seen from above, and below the subtree from one's own.
    let own = w.import(&w.branch, "accounts?dry_run=true", ACCOUNTS).await;
    assert_eq!(
        w.get(&w.root, "jobs").await.names("id"),
        [own["id"].to_string(), job["id"].to_string()]
    );
    assert_eq!(
        w.get(&w.auditor, "jobs").await.names("id"),
        [own["id"].to_string()]
    );
    check(
        &w.post(&w.auditor, &format!("jobs/{}/undo", own["id"]), json!({}))
            .await,
        403,
    );
    // Rows beyond the subtree are of nothing that is there.
    let tree = "id,parent,name\nH99.2,H99,Khác\nH99.2.9,H99.2,Lạ\nH99.1.9,H99.1,Mới\n";
    let job = w.import(&w.branch, "agencies?skip_errors=true", tree).await;
    let rows = w.results(&w.branch, &job, "?outcome=error").await;
    assert_eq!(faults(&rows), ["2 id taken", "3 parent no-agency"]);
    let members = "account,member\nnguoila@x.vn,quantri.nhanh@x.vn\nvanthu@x.vn,nguoila@x.vn\nvanthu@x.vn,x@x.vn\n";
    let job = w.import(&w.branch, "members?dry_run=true", members).await;
    let rows = w.results(&w.branch, &job, "").await;
    assert_eq!(
        faults(&rows),
        [
            "2 account no-account",
            "3 member no-account",
            "4 member no-account"
        ]
    );
    let seen = w.exported(&w.branch, "accounts").await;
    assert!(
        !seen.contains("nguoila") && seen.contains("kiemtoan@x.vn"),
        "{seen}"
    );
    check(
        &w.get(&w.branch, "exports/accounts?agency=H99.2").await,
        422,
    );
    check(&w.get(&w.nobody, "exports/accounts").await, 403);
}

#[tokio::test]
async fn what_is_exported_can_be_imported_and_runs_nothing_in_a_spreadsheet() {
    let w = World::new();
    let names = "address,name,agency,position\n\
        a@x.vn,\"=HYPERLINK(\"\"http://x\"\")\",H99.1,+84\n\
        b@x.vn,'=1,H99.1,-x\nc@x.vn,@SUM(A1),H99.1,\n";
    let job = w.import(&w.branch, "accounts", names).await;
    assert_eq!(counts(&job), [3, 0, 0, 0], "{job}");
    // `'=1` is what a guard makes of `=1`.
    let name = |local| w.directory.account_at(&address(local)).unwrap().name;
    assert_eq!([name("a"), name("b")], ["=HYPERLINK(\"http://x\")", "=1"]);
    let members = "account,member\n";
    w.import(&w.branch, "accounts", ACCOUNTS).await;
    w.import(
        &w.branch,
        "members",
        format!("{members}tatca@x.vn,annv@x.vn\nvanthu@x.vn,annv@x.vn\n"),
    )
    .await;
    for table in ["agencies", "accounts", "members"] {
        for delimiter in ["comma", "semicolon", "tab"] {
            let ask = format!("{table}?delimiter={delimiter}");
            let text = w.exported(&w.branch, &ask).await;
            assert!(text.starts_with('\u{feff}'));
            let cells = text.split([',', ';', '\t', '\n']);
            let runs =
                cells.filter(|c| c.trim_start_matches('"').starts_with(['=', '+', '-', '@']));
            assert_eq!(runs.count(), 0, "{text}");
            let job = w
                .import(&w.branch, &format!("{table}?agency=H99.1"), text)
                .await;
            let [new, changed, same, errors] = counts(&job);
            assert_eq!((new, changed, errors), (0, 0, 0), "{table} {job}");
            assert!(same > 0, "{table}");
        }
    }
}

#[tokio::test]
async fn members_come_and_go_by_table() {
    let w = World::new();
    w.import(&w.branch, "accounts", ACCOUNTS).await;
    let table = "Hộp thư,Thành viên,Quyền\n\
        tatca@x.vn,annv@x.vn,\ntatca@x.vn,ngoai@noi-khac.vn,\n\
        vanthu@x.vn,annv@x.vn,lrs\nvanthu@x.vn,binhtt@x.vn,\n";
    let job = w.import(&w.branch, "members", table).await;
    assert_eq!(
        (&job["state"], counts(&job)),
        (&json!("done"), [4, 0, 0, 0]),
        "{job}"
    );
    let again = w.import(&w.branch, "members", table).await;
    assert_eq!(counts(&again), [0, 0, 4, 0]);
    let bad = "account,member,rights\ntatca@x.vn,annv@x.vn,lr\nvanthu@x.vn,annv@x.vn,z\n\
        annv@x.vn,binhtt@x.vn,\nvanthu@x.vn,tatca@x.vn,\n";
    let refused = w.import(&w.branch, "members?dry_run=true", bad).await;
    let rows = w.results(&w.branch, &refused, "").await;
    assert_eq!(
        faults(&rows),
        [
            "2 rights invalid",
            "3 rights invalid",
            "4 member invalid",
            "5 member invalid"
        ]
    );
    let less = "account,member,rights\ntatca@x.vn,annv@x.vn,-\nvanthu@x.vn,annv@x.vn,-\nvanthu@x.vn,binhtt@x.vn,lr\n";
    let less = w.import(&w.branch, "members", less).await;
    assert_eq!(counts(&less), [0, 3, 0, 0], "{less}");
    let seen = async || {
        let list = w
            .get(&w.branch, &format!("accounts/{}", w.id("tatca")))
            .await;
        let shared = w
            .get(&w.branch, &format!("accounts/{}/members", w.id("vanthu")))
            .await;
        let shared = shared.json["members"].as_array().unwrap().clone();
        let shared = shared
            .iter()
            .map(|m| format!("{} {}", m["address"], m["rights"]));
        (
            list.json["members"].clone(),
            shared.collect::<Vec<_>>().join(", ").replace('"', ""),
        )
    };
    assert_eq!(
        seen().await,
        (json!(["ngoai@noi-khac.vn"]), "binhtt@x.vn lr".to_owned())
    );
    // Undone, the last first: what came goes, what went comes.
    for job in [&less, &job] {
        let undo = w
            .post(&w.branch, &format!("jobs/{}/undo", job["id"]), json!({}))
            .await;
        let undo = w.ended(&w.branch, &undo).await;
        assert_eq!(
            (&undo["state"], &undo["errors"]),
            (&json!("done"), &json!(0)),
            "{undo}"
        );
    }
    assert_eq!(seen().await, (json!([]), String::new()));
}

#[tokio::test]
async fn an_import_is_undone_but_for_what_somebody_touched_since() {
    let w = World::new();
    let tree = "id,parent,name\nH99.1.2,H99.1,Phòng Hai\nH99.1.2.1,H99.1.2,Tổ Một\nH99.1.1,H99.1,Tên khác\n";
    let tree = w.import(&w.branch, "agencies", tree).await;
    assert_eq!(counts(&tree), [2, 1, 0, 0], "{tree}");
    let people = w.import(&w.branch, "accounts", ACCOUNTS).await;
    let more = w
        .import(
            &w.branch,
            "accounts",
            "address,name\nannv@x.vn,An khác\nbinhtt@x.vn,Bình khác\n",
        )
        .await;
    assert_eq!(counts(&more), [0, 2, 0, 0]);
    let touched = format!("accounts/{}", w.id("binhtt"));
    check(
        &w.patch(&w.branch, &touched, json!({"position": "Trưởng phòng"}))
            .await,
        200,
    );
    let undo = async |job: &Value| {
        let begun = w
            .post(&w.branch, &format!("jobs/{}/undo", job["id"]), json!({}))
            .await;
        w.ended(&w.branch, &begun).await
    };
    let undone = undo(&more).await;
    assert_eq!(counts(&undone), [0, 1, 0, 1], "{undone}");
    assert_eq!(
        faults(&w.results(&w.branch, &undone, "?outcome=error").await),
        ["3 - changed"]
    );
    assert_eq!(
        w.directory.account_at(&address("annv")).unwrap().name,
        "Nguyễn Văn An"
    );
    // Twice it is not; what was changed in between stays, what has a password too.
    check(
        &w.post(&w.branch, &format!("jobs/{}/undo", more["id"]), json!({}))
            .await,
        409,
    );
    let secret = json!({"password": "Mat khau 2026"});
    let path = format!("PUT accounts/{}/credentials/password", w.id("vanthu"));
    check(&w.with(&w.branch, &path, &[], Some(secret)).await, 200);
    let undone = undo(&people).await;
    assert_eq!(counts(&undone), [1, 0, 0, 3], "{undone}");
    let left = w.results(&w.branch, &undone, "?outcome=error").await;
    assert_eq!(faults(&left), ["2 - changed", "3 - changed", "4 - used"]);
    let undone = undo(&tree).await;
    assert_eq!(counts(&undone), [2, 1, 0, 0], "{undone}");
    let names = w.get(&w.branch, "agencies?parent=H99.1").await;
    assert_eq!(names.names("name"), ["Phòng Tổ chức"]);
    // After its time it cannot be.
    w.turn(8 * 24 * 3600);
    let late = w
        .post(&w.branch, &format!("jobs/{}/undo", people["id"]), json!({}))
        .await;
    check(&late, 409);
}

#[tokio::test]
async fn agencies_hang_where_the_file_says_and_never_under_themselves() {
    let w = World::new();
    let tree = "Mã cơ quan;Mã cơ quan cấp trên;Tên cơ quan\nH99.1.5;H99.1;Phòng Năm\nH99.1.5.1;H99.1.5;Tổ\n\
        H99.1;H99.1.5.1;Sở Nội vụ\nH99.1.6;H99.1.7;Sáu\nH99.1.7;;Bảy\na b;H99.1;Sai\n";
    let job = w.import(&w.root, "agencies?dry_run=true", tree).await;
    let rows = w.results(&w.root, &job, "").await;
    assert_eq!(
        faults(&rows),
        [
            "4 parent loop",
            "5 parent no-agency",
            "6 parent missing",
            "7 id invalid"
        ]
    );
    assert_eq!(counts(&job), [2, 0, 0, 4]);
    let moved = "id,parent\nH99.1.1,H99.2\n";
    let job = w.import(&w.root, "agencies", moved).await;
    assert_eq!(counts(&job), [0, 1, 0, 0], "{job}");
    let read = w.get(&w.root, "agencies/H99.1.1").await;
    assert_eq!(
        (&read.json["parent"], &read.json["name"]),
        (&json!("H99.2"), &json!("Phòng Tổ chức"))
    );
}

#[tokio::test]
async fn limits_of_a_grant_hold_for_a_table_too() {
    let w = World::new();
    let there = w.get(&w.root, "accounts?agency=H99.2").await.names("id");
    let officer = json!({
        "account": w.id("nguoila"), "agency": "H99.2", "capabilities": ["create_accounts"],
        "accounts_max": there.len() + 2, "quota_total_max": (there.len() as u64 + 3) << 30,
    });
    check(&w.post(&w.root, "grants", officer).await, 201);
    // Who may only make accounts imports new ones, and changes none.
    let table = "address,name,agency,quota\n\
        a@x.vn,A,H99.2,\nb@x.vn,B,H99.2,9 GB\nc@x.vn,C,H99.2,\nd@x.vn,D,H99.2,1 MB\nnguoila@x.vn,Khác,H99.2,\n\
        e@x.vn,E,H99.1,\n";
    let expected = [
        "3 quota too-much-quota",
        "5 agency too-many-accounts",
        "6 address not-allowed",
        "7 agency no-agency",
    ];
    let dry = w.import(&w.nobody, "accounts?dry_run=true", table).await;
    assert_eq!(counts(&dry), [2, 0, 0, 4], "{dry}");
    assert_eq!(
        faults(&w.results(&w.nobody, &dry, "?outcome=error").await),
        expected
    );
    // Nothing at all, or all that fits.
    let whole = w.import(&w.nobody, "accounts", table).await;
    assert_eq!(whole["state"], "failed", "{whole}");
    let done = w
        .import(&w.nobody, "accounts?skip_errors=true", table)
        .await;
    assert_eq!(counts(&done), [2, 0, 0, 4], "{done}");
    let results = w.results(&w.nobody, &done, "?outcome=error").await;
    assert_eq!(faults(&results), expected);
    let words = results[0]["errors"][0].to_string();
    assert!(words.contains("octets that your grant allows"), "{words}");
    let now = w.get(&w.root, "accounts?agency=H99.2").await.names("id");
    assert_eq!(now.len(), there.len() + 2);
}

#[tokio::test]
async fn a_table_does_not_lead_what_takes_two_to_where_it_takes_one() {
    let w = World::new();
    let rule = json!({"values": {"two_persons": {"value": ["delete_account"]}}});
    check(&w.patch(&w.root, "policies/H99.1", rule).await, 200);
    let accounts = "address,agency\nkiemtoan@x.vn,H99.2\nquantri.nhanh@x.vn,H99.1.1\n";
    let moved = w.import(&w.root, "accounts?dry_run=true", accounts).await;
    assert_eq!(counts(&moved), [0, 1, 0, 1], "{moved}");
    let results = w.results(&w.root, &moved, "?outcome=error").await;
    assert_eq!(faults(&results), ["2 agency takes-two"]);
    let agencies = "id,parent\nH99.1.1,H99.2\n";
    let moved = w.import(&w.root, "agencies", agencies).await;
    let results = w.results(&w.root, &moved, "").await;
    assert_eq!(faults(&results), ["2 parent takes-two"], "{moved}");
}

#[tokio::test]
async fn a_code_that_is_taken_is_told_as_a_code() {
    let w = World::new();
    let tree = "id,parent,name\nH99.2,H99.1,Khác\n";
    let job = w.import(&w.branch, "agencies?dry_run=true", tree).await;
    let rows = w.results(&w.branch, &job, "").await;
    assert_eq!(faults(&rows), ["2 id taken"]);
    let words = rows[0]["errors"][0]["detail"].as_str().unwrap();
    assert!(
        words.starts_with("this code") && !words.contains("address"),
        "{words}"
    );
}
