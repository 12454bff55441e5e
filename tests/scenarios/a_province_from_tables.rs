//! IT staff set a province up from tables; its people get letters, choose passwords, and only then open their mail.

use serde_json::{Value, json};
use tests::http_client::HttpClient;
use tests::imap_client::ImapClient;
use tests::smtp_client::SmtpClient;
use tests::world::{PASSWORD, World};

/// Imports a table and waits for its end.
fn import(api: &HttpClient, table: &str, text: &str) -> Value {
    let path = format!("/api/v1/imports/{table}");
    let (status, _, body) = api.post(&path, "text/csv", text.as_bytes());
    let job: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status, 202, "{job}");
    let (status, _, body) = api.get(&format!("/api/v1/jobs/{}?wait_s=20", job["id"]));
    let job: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (status, &job["state"], &job["errors"]),
        (200, &json!("done"), &json!(0)),
        "{job}"
    );
    job
}

/// The value of a field of a form.
fn field<'a>(page: &'a str, name: &str) -> &'a str {
    let from = page.find(&format!("name=\"{name}\" value=\"")).unwrap();
    page[from..].split('"').nth(3).unwrap()
}

fn form(fields: &[(&str, &str)]) -> Vec<u8> {
    let escaped = |text: &str| {
        text.bytes()
            .map(|b| format!("%{b:02X}"))
            .collect::<String>()
    };
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", escaped(value)));
    pairs.collect::<Vec<_>>().join("&").into_bytes()
}

/// Signs in on the page with a first password and chooses one of one's own.
fn choose(world: &World, address: &str, first: &str, own: &str) {
    let kind = "application/x-www-form-urlencoded";
    let browser = world.stranger();
    let (_, head, page) = browser.get("/login");
    let page = String::from_utf8(page).unwrap();
    let token = field(&page, "csrf");
    assert!(head.contains(token), "{head}");
    let origin = browser.site().to_owned();
    let browser = browser
        .with("cookie", &format!("__Host-form={token}"))
        .with("origin", &origin);
    let fields = [
        ("address", address),
        ("password", first),
        ("csrf", token),
        ("next", "/"),
    ];
    let (status, head, page) = browser.post("/login", kind, &form(&fields));
    let page = String::from_utf8(page).unwrap();
    assert!(
        status == 200 && page.contains("Đặt mật khẩu của bạn"),
        "{status} {page}"
    );
    assert!(!head.contains("__Host-session"), "{head}");
    let kept = field(&page, "first").to_owned();
    let send = |password: &str, repeated: &str| {
        let fields = [
            ("address", address),
            ("first", &kept),
            ("password", password),
            ("repeated", repeated),
            ("csrf", token),
            ("next", "/"),
        ];
        browser.post("/login/first", kind, &form(&fields))
    };
    for (password, repeated, word) in [
        (own, "khác", "Hai lần nhập không giống nhau"),
        ("ngắn", "ngắn", "từ 8 đến 256 ký tự"),
        (first, first, "ba trong bốn loại"),
    ] {
        let (status, _, page) = send(password, repeated);
        let page = String::from_utf8(page).unwrap();
        assert!(status == 422 && page.contains(word), "{status} {page}");
    }
    let (status, head, _) = send(own, own);
    assert!(
        status == 303 && head.contains("__Host-session="),
        "{status} {head}"
    );
    let (status, _, _) = send(own, own);
    assert_eq!(status, 401, "a first password is good once");
}

#[test]
fn a_province_is_set_up_from_tables() {
    let world = World::new();
    let api = world.api();
    let agencies = "Mã cơ quan;Mã cơ quan cấp trên;Tên cơ quan\n\
        T1.1;T1;Sở Nội vụ\nT1.1.1;T1.1;Phòng Tổ chức\nT1.2;T1;Xã Mẫu\n";
    import(&api, "agencies", agencies);
    let accounts = "Họ và tên,Địa chỉ thư,Mã cơ quan,Loại\n\
        Lê Chi,chi@thu.gov.vn,T1.1.1,\nPhạm Dung,dung@thu.gov.vn,T1.2,\n\
        Văn thư Sở,vanthu@thu.gov.vn,T1.1,hộp thư chung\n";
    let job = import(&api, "accounts", accounts);
    let members = "Hộp thư,Thành viên,Quyền\nvanthu@thu.gov.vn,chi@thu.gov.vn,lrs\n";
    import(&api, "members", members);
    let positions = "Cơ quan,Chức danh,Loại,Hộp thư,Người giữ\n\
        T1.1,Văn thư Sở,Văn thư,vanthu@thu.gov.vn,dung@thu.gov.vn\nT1.2,Chủ tịch,Chủ tịch,,\n";
    import(&api, "positions", positions);
    let (_, _, seats) = api.get("/api/v1/positions?kind=clerk");
    let seats: Value = serde_json::from_slice(&seats).unwrap();
    let holder = &seats["items"][0]["holder"]["address"];
    assert_eq!(holder, "dung@thu.gov.vn", "{seats}");

    let path = format!("/api/v1/jobs/{}/letters", job["id"]);
    let (status, _, page) = api.post(&path, "application/json", b"{}");
    let page = String::from_utf8(page).unwrap();
    assert_eq!(status, 200, "{page}");
    let sheet = page
        .split("<section>")
        .find(|s| s.contains("chi@thu.gov.vn"))
        .unwrap();
    let first = sheet.split("class=\"secret\">").nth(1).unwrap()[..19].to_owned();
    assert_eq!(page.matches("<section>").count(), 2);

    // Nothing but the page takes it, and each says why.
    let mut imap = ImapClient::connect_tls(world.address("imaps"), &world.ca());
    let answer = imap.run(&format!("LOGIN chi@thu.gov.vn {first}")).tagged;
    assert!(
        answer.starts_with("NO [EXPIRED] Mat khau lan dau"),
        "{answer}"
    );
    let mut smtp = SmtpClient::connect_tls(world.address("submissions"), &world.ca());
    smtp.ehlo();
    let plain = base64(&format!("\0chi@thu.gov.vn\0{first}"));
    let answer = smtp.say(&format!("AUTH PLAIN {plain}"));
    assert!(answer.starts_with("535 5.7.8 Mat khau lan dau"), "{answer}");
    let jmap = world.stranger().basic("chi@thu.gov.vn", &first);
    let (status, _, body) = jmap.get("/.well-known/jmap");
    assert!(status == 401 && String::from_utf8_lossy(&body).contains("Mật khẩu lần đầu"));

    choose(&world, "chi@thu.gov.vn", &first, PASSWORD);
    let mut sender = world.smtp();
    sender.ehlo();
    let letter = b"From: a@b.example\r\nSubject: x\r\n\r\nhello\r\n";
    let reply = sender.transaction("a@b.example", &["vanthu@thu.gov.vn"], letter);
    assert!(reply.starts_with("250"), "{reply}");
    let mut reader = world.imap("chi");
    let listed = reader.ok("LIST \"\" \"*\"");
    assert!(
        listed.lines("* LIST").iter().any(|l| l.contains("vanthu")),
        "{listed:?}"
    );
    world.finish();
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
