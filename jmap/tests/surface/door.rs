//! Who comes in, and how: every route without an Access, the same-origin rule, the session object.

use crate::house::{HOST, House, RICH, api, get};
use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};

const ROUTES: [(&str, &str); 8] = [
    ("GET", "/.well-known/jmap"),
    ("GET", "/jmap/session"),
    ("POST", "/jmap/api"),
    ("POST", "/jmap/upload/{account}/"),
    ("GET", "/jmap/download/{account}/{email}/letter.eml"),
    ("GET", "/jmap/eventsource/?types=*&closeafter=no&ping=0"),
    ("GET", "/mail/html/{account}/{email}"),
    ("GET", "/mail/cid/{account}/{email}/logo@x.vn"),
];

fn fill(path: &str, house: &House, email: &str) -> String {
    path.replace("{account}", &house.account())
        .replace("{email}", email)
}

fn request(method: &str, path: &str) -> Request<Body> {
    let built = Request::builder().method(method).uri(path);
    built
        .header("content-type", "application/json")
        .body(Body::from("{}"))
        .unwrap()
}

/// A stranger gets the same 401 everywhere, whether the thing exists or not.
#[tokio::test]
async fn i08_every_route_is_refused_without_access() {
    let house = House::new();
    let email = house.put(RICH);
    for (method, path) in ROUTES {
        let path = fill(path, &house, &email);
        let answer = house.ask(None, request(method, &path)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert!(
            answer
                .header("www-authenticate")
                .starts_with("Basic realm=\"Congvu\""),
            "{path}"
        );
        assert_eq!(answer.json()["status"], 401, "{path}");
        let mut webmail = request(method, &path);
        webmail
            .headers_mut()
            .insert("x-congvu", "1".parse().unwrap());
        let answer = house.ask(None, webmail).await;
        assert_eq!(
            answer.header("www-authenticate"),
            "",
            "{path}: no dialog in the webmail"
        );
    }
}

/// With an Access every one of these routes answers something else, so the table above is not idle.
#[tokio::test]
async fn every_route_answers_who_signed_in() {
    let house = House::new();
    let email = house.put(RICH);
    for (method, path) in ROUTES {
        let path = fill(path, &house, &email);
        let answer = house.open(Some(&house.an), request(method, &path)).await;
        assert_ne!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_ne!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_suspended_account_is_out_at_once() {
    let house = House::new();
    let mut account = house.directory.account(house.an.account()).unwrap();
    account.state = directory::AccountState::Suspended;
    house.directory.change_account(None, account, None).unwrap();
    let answer = house.get(&house.an, "/jmap/session").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn session_object() {
    let house = House::new();
    let answer = house.get(&house.an, "/.well-known/jmap").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.header("cache-control").contains("no-store"));
    let session = answer.json();
    let core = &session["capabilities"]["urn:ietf:params:jmap:core"];
    assert_eq!(core["maxCallsInRequest"], 16);
    assert_eq!(core["maxObjectsInGet"], 500);
    assert_eq!(core["maxSizeUpload"], crate::house::SIZE_MAX);
    let account = house.account();
    assert_eq!(
        session["primaryAccounts"]["urn:ietf:params:jmap:mail"],
        json!(account)
    );
    assert_eq!(session["accounts"][&account]["isPersonal"], true);
    assert_eq!(session["username"], "annv@tinh.gov.vn");
    assert_eq!(session["apiUrl"], json!(format!("https://{HOST}/jmap/api")));
    for (url, variables) in [
        (
            "downloadUrl",
            &["{accountId}", "{blobId}", "{type}", "{name}"][..],
        ),
        ("uploadUrl", &["{accountId}"]),
        ("eventSourceUrl", &["{types}", "{closeafter}", "{ping}"]),
    ] {
        let template = session[url].as_str().unwrap();
        assert!(variables.iter().all(|v| template.contains(v)), "{template}");
    }
    let response = house
        .calls(&house.an, json!([["Core/echo", {"a": [1]}, "x"]]))
        .await;
    assert_eq!(response["sessionState"], session["state"]);
    assert_eq!(
        response["methodResponses"],
        json!([["Core/echo", {"a": [1]}, "x"]])
    );
}

#[tokio::test]
async fn the_configured_base_url_wins_and_a_strange_host_is_refused() {
    let house = House::new();
    let mut strange = get("/jmap/session");
    strange
        .headers_mut()
        .insert("host", "x';script-src *".parse().unwrap());
    let answer = house.ask(Some(&house.an), strange).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let house = house.with(|c| c.base_url = Some("https://thu.tinh.gov.vn".into()));
    let session = house.get(&house.an, "/jmap/session").await.json();
    assert_eq!(session["apiUrl"], "https://thu.tinh.gov.vn/jmap/api");
}

/// `ui/README.md` §6 vector 16.
#[tokio::test]
async fn another_site_cannot_ride_on_the_cookie() {
    let house = House::new();
    let cookie = house.session();
    let echo = json!([["Core/echo", {}, "c"]]);
    let upload = format!("/jmap/upload/{}/", house.account());
    let check = async |request: Request<Body>, expected: StatusCode, what: &str| {
        let answer = house.ask(Some(&cookie), request).await;
        assert_eq!(answer.status, expected, "{what}: {}", answer.text());
    };
    let with = |mut request: Request<Body>, name: &'static str, value: &str| {
        request.headers_mut().insert(name, value.parse().unwrap());
        request
    };
    let own = format!("https://{HOST}");
    check(api(&echo), StatusCode::OK, "no origin").await;
    check(
        with(api(&echo), "origin", &own),
        StatusCode::OK,
        "own origin",
    )
    .await;
    check(
        with(api(&echo), "origin", "https://evil.vn"),
        StatusCode::FORBIDDEN,
        "other",
    )
    .await;
    check(
        with(api(&echo), "origin", "null"),
        StatusCode::FORBIDDEN,
        "sandbox",
    )
    .await;
    check(
        with(api(&echo), "content-type", "text/plain"),
        StatusCode::BAD_REQUEST,
        "form",
    )
    .await;
    let post = || Request::post(&upload).body(Body::from("x")).unwrap();
    check(post(), StatusCode::FORBIDDEN, "upload by a form").await;
    check(with(post(), "x-congvu", "1"), StatusCode::CREATED, "upload").await;
    let crossed = with(with(post(), "x-congvu", "1"), "origin", "https://evil.vn");
    check(crossed, StatusCode::FORBIDDEN, "upload by another site").await;
    // A password in the request proves that nobody rides on it.
    let answer = house
        .ask(
            Some(&house.an),
            with(api(&echo), "origin", "https://app.vn"),
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn first_paint() {
    let house = House::new();
    let email = house.put(RICH);
    let boot = jmap::boot(&house.context, &house.an).unwrap();
    assert_eq!(boot["name"], "Nguyễn Văn An");
    assert_eq!(boot["address"], "annv@tinh.gov.vn");
    assert_eq!(boot["agency"], "Ủy ban nhân dân tỉnh");
    assert_eq!(boot["session"]["apiUrl"], "/jmap/api");
    assert_eq!(boot["query"]["ids"], json!([email]));
    assert_eq!(boot["query"]["total"], 1);
    let row = &boot["emails"][0];
    assert_eq!(row["from"][0]["name"], "Trần Thị Bình");
    assert_eq!(row["subject"], "Công văn số 1");
    assert_eq!(row["hasAttachment"], true);
    let inbox = boot["mailboxes"].as_array().unwrap();
    let inbox: Vec<&Value> = inbox.iter().filter(|m| m["role"] == "inbox").collect();
    assert_eq!(inbox[0]["unreadEmails"], 1);
    // The list's own call answers the same, so the page may go on from the block.
    let properties: Vec<&String> = row.as_object().unwrap().keys().collect();
    let got = house
        .call(
            "Email/get",
            json!({"ids": [email], "properties": properties}),
        )
        .await;
    assert_eq!(got["list"][0], *row);
}
