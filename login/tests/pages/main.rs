//! The pages through the router, in memory: what a browser sends, what it gets.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod second;

use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode, header};
use directory::{
    AccountKind, AgencyId, Clock, CredentialKind, Directory, NewAccount, NewAgency, Secret,
    Settings,
};
use formats::address::{Address, DomainName};
use std::net::SocketAddr;
use std::sync::Arc;
use storage::{EngineKind, Options, Store};
use tower::ServiceExt as _;

const PASSWORD: &str = "Mật khẩu 2026";
const ADDRESS: &str = "annv@tinh.gov.vn";

#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now_ms(&self) -> i64 {
        1_795_305_600_000
    }
}

struct World {
    directory: Directory,
    account: directory::AccountId,
    context: login::Context,
    _dir: tempfile::TempDir,
}

fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        dir: dir.path().to_owned(),
        engine: EngineKind::Memory,
        cache_bytes: 1 << 20,
        ..Options::default()
    };
    let settings = Settings {
        argon2_memory_kib: 64,
        argon2_passes: 1,
        scram_iterations: 0,
        default_domain: Some(DomainName::parse("tinh.gov.vn").unwrap()),
        default_quota: None,
    };
    let directory =
        Directory::open(Store::open(&options).unwrap(), Arc::new(Still), settings).unwrap();
    let agency = AgencyId("H99".to_owned());
    let new = NewAgency {
        id: agency.clone(),
        parent: None,
        name: "Tỉnh".to_owned(),
        name_en: None,
        quota: directory::AgencyQuota::default(),
        profile: directory::AgencyProfile::default(),
    };
    directory.create_agency(None, new).unwrap();
    directory
        .create_domain(
            None,
            DomainName::parse("tinh.gov.vn").unwrap(),
            agency.clone(),
        )
        .unwrap();
    let new = NewAccount {
        address: Address::parse(ADDRESS).unwrap(),
        kind: AccountKind::Person,
        agency,
        name: "Nguyễn Văn An".to_owned(),
        position: None,
        quota: None,
        messages_max: None,
    };
    let account = directory.create_account(None, new).unwrap().id;
    directory
        .set_password(None, account, &Secret::new(PASSWORD))
        .unwrap();
    World {
        context: login::Context::new(directory.clone()),
        directory,
        account,
        _dir: dir,
    }
}

struct Answer {
    status: StatusCode,
    headers: axum::http::HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: header::HeaderName) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The value that a cookie is set to, with its attributes.
    fn cookie(&self, name: &str) -> Option<String> {
        let lines = self.headers.get_all(header::SET_COOKIE).iter();
        let mut lines = lines.map(|value| value.to_str().unwrap().to_owned());
        lines.find_map(|line| line.strip_prefix(&format!("{name}=")).map(str::to_owned))
    }
}

async fn send(world: &World, request: Request<Body>) -> Answer {
    let router = login::router(world.context.clone());
    let response = router.oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    Answer {
        status: head.status,
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

async fn get(world: &World, path: &str, cookie: &str) -> Answer {
    let request = Request::get(path).header(header::HOST, "mail.tinh.gov.vn");
    send(
        world,
        request
            .header(header::COOKIE, cookie)
            .body(Body::empty())
            .unwrap(),
    )
    .await
}

/// A form as a browser sends it: with `Origin`, the cookie and the token.
fn form(path: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let escaped = |text: &str| -> String { text.bytes().map(|b| format!("%{b:02X}")).collect() };
    let body: Vec<String> = fields
        .iter()
        .map(|(k, v)| format!("{k}={}", escaped(v)))
        .collect();
    let mut request = Request::post(path)
        .header(header::HOST, "mail.tinh.gov.vn")
        .header(header::ORIGIN, "https://mail.tinh.gov.vn")
        .header(header::COOKIE, "__Host-form=token")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body.join("&")))
        .unwrap();
    let peer: SocketAddr = "192.0.2.1:4711".parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

async fn enter(world: &World, address: &str, password: &str) -> Answer {
    let fields = [
        ("address", address),
        ("password", password),
        ("csrf", "token"),
    ];
    send(world, form("/login", &fields)).await
}

fn session(answer: &Answer) -> Option<String> {
    Some(
        answer
            .cookie("__Host-session")?
            .split(';')
            .next()?
            .to_owned(),
    )
}

#[tokio::test]
async fn the_page_works_without_scripts_in_two_languages() {
    let world = world();
    let page = get(&world, "/login", "").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.body.starts_with("<!DOCTYPE html><html lang=\"vi\">"),
        "{}",
        page.body
    );
    for text in [
        "Đăng nhập",
        "Thư điện tử công vụ",
        "autocomplete=\"username\"",
        "autocomplete=\"current-password\"",
        "role=\"alert\"",
        "<label for=\"address\">",
    ] {
        assert!(page.body.contains(text), "{text} is not in {}", page.body);
    }
    assert!(!page.body.contains("<script") && !page.body.contains("style=\""));
    let policy = page.header(header::CONTENT_SECURITY_POLICY);
    assert_eq!(
        policy,
        "default-src 'none'; style-src 'self'; form-action 'self'; img-src 'self' data:; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    assert_eq!(page.header(header::CACHE_CONTROL), "no-store");
    assert_eq!(page.header(header::REFERRER_POLICY), "same-origin");
    let token = page.cookie("__Host-form").unwrap();
    assert!(
        token.ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict"),
        "{token}"
    );
    let token = token.split(';').next().unwrap();
    assert!(
        page.body
            .contains(&format!("name=\"csrf\" value=\"{token}\""))
    );

    let english = get(&world, "/login?lang=en&next=/x", "").await;
    assert!(english.body.contains("<html lang=\"en\">") && english.body.contains("Sign in"));
    assert!(english.body.contains("name=\"next\" value=\"/x\""));
    assert!(
        english
            .cookie("lang")
            .unwrap()
            .starts_with("en; Path=/; Secure")
    );
    let remembered = get(&world, "/login", "lang=en").await;
    assert!(remembered.body.contains("Sign in"));
    let odd = get(&world, "/login?lang=fr&next=//evil.vn", "lang=xx").await;
    assert!(odd.body.contains("Đăng nhập") && !odd.body.contains("evil.vn"));
    assert_eq!(odd.cookie("lang"), None);
}

#[tokio::test]
async fn the_right_password_opens_a_session_that_signing_out_ends() {
    let world = world();
    let fields = [
        ("address", "annv"),
        ("password", PASSWORD),
        ("csrf", "token"),
        ("next", "//evil.vn"),
    ];
    let answer = send(&world, form("/login", &fields)).await;
    assert_eq!(
        (answer.status, answer.header(header::LOCATION)),
        (StatusCode::SEE_OTHER, "/")
    );
    let fields = [
        ("address", ADDRESS),
        ("password", PASSWORD),
        ("csrf", "token"),
        ("next", "/mail?a=1"),
    ];
    let answer = send(&world, form("/login", &fields)).await;
    assert_eq!(answer.header(header::LOCATION), "/mail?a=1");
    let cookie = answer.cookie("__Host-session").unwrap();
    assert!(
        cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    let token = session(&answer).unwrap();
    let access = world.directory.session(&token).unwrap();
    assert_eq!(access.account(), world.account);
    let carried = format!("__Host-session={token}");
    let again = get(&world, "/login?next=/mail", &carried).await;
    assert_eq!(
        (again.status, again.header(header::LOCATION)),
        (StatusCode::SEE_OTHER, "/mail")
    );

    let mut leave = form("/logout", &[]);
    leave
        .headers_mut()
        .append(header::COOKIE, carried.parse().unwrap());
    let left = send(&world, leave).await;
    assert_eq!(
        (left.status, left.header(header::LOCATION)),
        (StatusCode::SEE_OTHER, "/login")
    );
    assert!(left.cookie("__Host-session").unwrap().contains("Max-Age=0"));
    assert_eq!(
        left.header(header::HeaderName::from_static("clear-site-data")),
        "\"cache\""
    );
    assert!(!access.stands());
    assert!(world.directory.session(&token).is_none());
}

#[tokio::test]
async fn a_second_sign_in_ends_the_browsers_first_session() {
    let world = world();
    let first = session(&enter(&world, ADDRESS, PASSWORD).await).unwrap();
    let fields = [
        ("address", ADDRESS),
        ("password", PASSWORD),
        ("csrf", "token"),
    ];
    let mut request = form("/login", &fields);
    let cookie = format!("__Host-session={first}; __Host-form=token");
    request
        .headers_mut()
        .insert(header::COOKIE, cookie.parse().unwrap());
    let second = session(&send(&world, request).await).unwrap();
    assert!(world.directory.session(&first).is_none());
    assert!(world.directory.session(&second).is_some());
}

#[tokio::test]
async fn what_is_wrong_is_told_and_nothing_more() {
    let world = world();
    let wrong = enter(&world, ADDRESS, "<b>sai</b>").await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(wrong.body.contains("Địa chỉ hoặc mật khẩu không đúng."));
    assert!(
        wrong.body.contains(&format!("value=\"{ADDRESS}\"")),
        "the address is kept"
    );
    assert!(!wrong.body.contains("sai"), "the password is not");
    assert_eq!(session(&wrong), None);
    let unknown = enter(&world, "<script>@x", "sai").await;
    assert_eq!(unknown.status, StatusCode::UNAUTHORIZED);
    assert!(!unknown.body.contains("<script>"), "{}", unknown.body);
    assert_eq!(
        enter(&world, "", PASSWORD).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    for n in 0..5 {
        enter(&world, ADDRESS, &format!("guess {n}")).await;
    }
    let later = enter(&world, ADDRESS, PASSWORD).await;
    assert_eq!(later.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(later.header(header::RETRY_AFTER), "1");
    assert!(
        later.body.contains("Hãy thử lại sau 1 giây."),
        "{}",
        later.body
    );
}

#[tokio::test]
async fn an_app_password_opens_no_browser_session() {
    let world = world();
    let kind = CredentialKind::AppPassword;
    let made = world
        .directory
        .create_credential(None, world.account, kind, "Điện thoại", None);
    let answer = enter(&world, ADDRESS, made.unwrap().1.expose()).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.body.contains("mật khẩu ứng dụng") && session(&answer).is_none());
}

/// The same right form with one thing odd.
async fn check(odd: &str, change: impl Fn(&mut Request<Body>), expected: StatusCode) {
    let world = world();
    let fields = [
        ("address", ADDRESS),
        ("password", PASSWORD),
        ("csrf", "token"),
    ];
    let mut request = form("/login", &fields);
    change(&mut request);
    let answer = send(&world, request).await;
    assert_eq!(answer.status, expected, "{odd}");
    assert_eq!(
        session(&answer).is_some(),
        expected == StatusCode::SEE_OTHER,
        "{odd}"
    );
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let set = |name: header::HeaderName, value: &'static str| {
        move |request: &mut Request<Body>| {
            request
                .headers_mut()
                .insert(name.clone(), value.parse().unwrap());
        }
    };
    let without = |name: header::HeaderName| {
        move |request: &mut Request<Body>| {
            request.headers_mut().remove(name.clone());
        }
    };
    check("nothing", |_| {}, StatusCode::SEE_OTHER).await;
    check(
        "an old browser",
        without(header::ORIGIN),
        StatusCode::SEE_OTHER,
    )
    .await;
    check(
        "a private one",
        set(header::ORIGIN, "null"),
        StatusCode::SEE_OTHER,
    )
    .await;
    check(
        "elsewhere",
        set(header::ORIGIN, "https://evil.vn"),
        StatusCode::FORBIDDEN,
    )
    .await;
    check(
        "no TLS",
        set(header::ORIGIN, "http://mail.tinh.gov.vn"),
        StatusCode::FORBIDDEN,
    )
    .await;
    check("no cookie", without(header::COOKIE), StatusCode::FORBIDDEN).await;
    check(
        "another token",
        set(header::COOKIE, "__Host-form=x"),
        StatusCode::FORBIDDEN,
    )
    .await;
    check(
        "a plain cookie",
        set(header::COOKIE, "form=token"),
        StatusCode::FORBIDDEN,
    )
    .await;
    check(
        "no form",
        without(header::CONTENT_TYPE),
        StatusCode::BAD_REQUEST,
    )
    .await;
    let large = |request: &mut Request<Body>| {
        *request.body_mut() = Body::from("a".repeat(login::FORM_MAX + 1));
    };
    check("too large", large, StatusCode::BAD_REQUEST).await;
}

#[tokio::test]
async fn nobody_else_signs_a_browser_out() {
    let world = world();
    let token = session(&enter(&world, ADDRESS, PASSWORD).await).unwrap();
    let leave = async |change: &dyn Fn(&mut Request<Body>)| {
        let mut request = form("/logout", &[]);
        let cookie = format!("__Host-session={token}");
        request
            .headers_mut()
            .insert(header::COOKIE, cookie.parse().unwrap());
        change(&mut request);
        send(&world, request).await.status
    };
    let foreign = |request: &mut Request<Body>| {
        request
            .headers_mut()
            .insert(header::ORIGIN, "https://evil.vn".parse().unwrap());
        request
            .headers_mut()
            .insert("x-congvu", "1".parse().unwrap());
    };
    assert_eq!(leave(&foreign).await, StatusCode::FORBIDDEN);
    let unsaid = |request: &mut Request<Body>| {
        request.headers_mut().remove(header::ORIGIN);
    };
    assert_eq!(leave(&unsaid).await, StatusCode::FORBIDDEN);
    assert!(world.directory.session(&token).is_some());
    let script = |request: &mut Request<Body>| {
        request.headers_mut().remove(header::ORIGIN);
        request
            .headers_mut()
            .insert("x-congvu", "1".parse().unwrap());
    };
    assert_eq!(leave(&script).await, StatusCode::SEE_OTHER);
    assert!(world.directory.session(&token).is_none());
}

#[tokio::test]
async fn the_style_sheet_is_kept_by_its_hash() {
    let world = world();
    let page = get(&world, "/login", "").await;
    let address = page
        .body
        .split("href=\"")
        .find(|part| part.starts_with("/login/style.css?"));
    let address = address.unwrap().split('"').next().unwrap();
    let sheet = get(&world, address, "").await;
    assert_eq!(sheet.status, StatusCode::OK);
    assert_eq!(
        sheet.header(header::CONTENT_TYPE),
        "text/css; charset=utf-8"
    );
    assert_eq!(
        sheet.header(header::CACHE_CONTROL),
        "public, max-age=31536000, immutable"
    );
    let tag = sheet.header(header::ETAG).to_owned();
    let request = Request::get(address).header(header::IF_NONE_MATCH, tag);
    let known = send(&world, request.body(Body::empty()).unwrap()).await;
    assert_eq!(
        (known.status, known.body.as_str()),
        (StatusCode::NOT_MODIFIED, "")
    );
    let bare = get(&world, "/login/style.css", "").await;
    assert_eq!(bare.header(header::CACHE_CONTROL), "no-cache");
}

#[tokio::test]
async fn a_first_password_asks_for_one_of_ones_own() {
    let world = world();
    let kind = CredentialKind::FirstPassword;
    let made = world
        .directory
        .create_credential(None, world.account, kind, "Thư", None);
    let first = made.unwrap().1.expose().to_owned();
    assert_eq!(
        enter(&world, ADDRESS, PASSWORD).await.status,
        StatusCode::UNAUTHORIZED,
        "the password before it is withdrawn"
    );
    let page = enter(&world, ADDRESS, &first).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(session(&page).is_none() && page.header(header::CACHE_CONTROL) == "no-store");
    for part in [
        "action=\"/login/first\"",
        "autocomplete=\"new-password\"",
        "Đặt mật khẩu của bạn",
    ] {
        assert!(page.body.contains(part), "{part} {}", page.body);
    }
    let choose = async |first: &str, own: &str, csrf: &str| {
        let fields = [
            ("address", ADDRESS),
            ("first", first),
            ("password", own),
            ("repeated", own),
            ("csrf", csrf),
        ];
        send(&world, form("/login/first", &fields)).await
    };
    let own = "Riêng tôi 2026";
    for (first, own, csrf, status) in [
        (first.as_str(), own, "other", StatusCode::FORBIDDEN),
        (
            "abcd-efgh-2345-abcd",
            own,
            "token",
            StatusCode::UNAUTHORIZED,
        ),
        (
            &first,
            "annv@2026AB",
            "token",
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (&first, &first, "token", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let answer = choose(first, own, csrf).await;
        assert!(
            answer.status == status && session(&answer).is_none(),
            "{}",
            answer.status
        );
    }
    let answer = choose(&first.to_uppercase().replace('-', " "), own, "token").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let token = session(&answer).unwrap();
    assert!(world.directory.session(&token).is_some());
    assert!(session(&enter(&world, ADDRESS, own).await).is_some());
    assert_eq!(
        choose(&first, own, "token").await.status,
        StatusCode::UNAUTHORIZED
    );
}
