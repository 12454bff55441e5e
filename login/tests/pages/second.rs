//! The code after the password, and setting the second factor up.

use super::*;
use totp_rs::{Algorithm, TOTP};

/// The value of a hidden field.
fn hidden(page: &Answer, name: &str) -> String {
    let mark = format!("name=\"{name}\" value=\"");
    let rest = page.body.split_once(&mark).map(|(_, rest)| rest);
    rest.unwrap_or_else(|| panic!("no {name} in {}", page.body))
        .split('"')
        .next()
        .unwrap()
        .to_owned()
}

/// What stands between tags.
fn texts(page: &Answer, tag: &str) -> Vec<String> {
    let mark = format!("<{tag}>");
    let parts = page.body.split(mark.as_str()).skip(1);
    parts
        .map(|part| part.split('<').next().unwrap().to_owned())
        .collect()
}

/// What an app shows at the clock's time, so many steps later.
fn app(key: &str, later: u64) -> String {
    let secret = totp_rs::Secret::Encoded(key.replace(' ', ""));
    let totp = TOTP::new_unchecked(Algorithm::SHA1, 6, 0, 30, secret.to_bytes().unwrap());
    totp.generate(1_795_305_600 + 30 * later)
}

async fn step(world: &World, path: &str, token: &str, fields: &[(&str, &str)]) -> Answer {
    let mut all = vec![("csrf", "token")];
    all.extend(fields);
    let mut request = form(path, &all);
    let cookie = format!("__Host-form=token; __Host-session={token}");
    request
        .headers_mut()
        .insert(header::COOKIE, cookie.parse().unwrap());
    send(world, request).await
}

/// Sets it up for who is signed in: the session that it gave, the app's key, the spare codes.
async fn set_up(world: &World) -> (String, String, Vec<String>) {
    let old = session(&enter(world, ADDRESS, PASSWORD).await).unwrap();
    let page = step(world, "/login/second", &old, &[("password", PASSWORD)]).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert!(page.body.contains("<svg class=\"qr\"") && !page.body.contains("<script"));
    let (half, key) = (hidden(&page, "half"), texts(&page, "code").remove(0));
    let set = async |code: &str| {
        let fields = [("half", half.as_str()), ("code", code)];
        step(world, "/login/second/set", &old, &fields).await
    };
    let wrong = set("000000").await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let shown = texts(&wrong, "code");
    assert_eq!(shown, [key.as_str()], "the app has it already");
    let page = set(&app(&key, 0)).await;
    assert_eq!(page.status, StatusCode::OK);
    let spare = texts(&page, "code");
    assert_eq!(spare.len(), 10);
    let token = session(&page).unwrap();
    assert!(world.directory.session(&token).is_some());
    assert!(world.directory.session(&old).is_none(), "it gave way");
    (token, key, spare)
}

#[tokio::test]
async fn a_second_factor_is_for_who_is_signed_in_and_knows_the_password() {
    let world = world();
    let signed_out = get(&world, "/login/second", "").await;
    assert_eq!(signed_out.header(header::LOCATION), "/login");
    let token = session(&enter(&world, ADDRESS, PASSWORD).await).unwrap();
    let cookie = format!("__Host-session={token}");
    let page = get(&world, "/login/second?lang=en", &cookie).await;
    assert!(page.body.contains("Two-step verification") && page.body.contains("Off: "));
    let wrong = step(
        &world,
        "/login/second",
        &token,
        &[("password", "Sai 2026!")],
    )
    .await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(wrong.body.contains("Mật khẩu không đúng."));
    let out = step(&world, "/login/second", "", &[("password", PASSWORD)]).await;
    assert_eq!(out.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_code_is_asked_for_after_the_password() {
    let world = world();
    let (_, key, spare) = set_up(&world).await;
    let page = enter(&world, ADDRESS, PASSWORD).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(session(&page).is_none() && page.body.contains("one-time-code"));
    let told = page.body.contains(PASSWORD);
    assert!(!told, "nothing of the password is in the page");
    let half = hidden(&page, "half");
    let prove = async |half: &str, code: &str| {
        let fields = [("half", half), ("code", code)];
        step(&world, "/login/second/code", "", &fields).await
    };
    let spent = prove(&half, &app(&key, 0)).await;
    assert_eq!(spent.status, StatusCode::UNAUTHORIZED);
    assert!(spent.body.contains("đã dùng") && session(&spent).is_none());
    let right = prove(&half, &app(&key, 1)).await;
    assert_eq!(right.status, StatusCode::SEE_OTHER);
    let token = session(&right).unwrap();
    assert!(world.directory.session(&token).is_some());
    let again = prove(&half, &spare[0]).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN, "it is done");
    assert_eq!(prove("x", &spare[0]).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn spare_codes_are_renewed_and_the_factor_taken_away_by_a_code() {
    let world = world();
    let (token, _, spare) = set_up(&world).await;
    let page = get(&world, "/login/second", &format!("__Host-session={token}")).await;
    let since = "Đang bật từ ngày 22/11/2026.";
    assert!(page.body.contains(since), "{}", page.body);
    let by = async |path: &str, code: &str| step(&world, path, &token, &[("code", code)]).await;
    let around = step(&world, "/login/second", &token, &[("password", PASSWORD)]).await;
    assert!(around.status == StatusCode::UNAUTHORIZED && !around.body.contains("class=\"qr\""));
    let other = by("/login/second/change", &spare[0]).await;
    assert!(other.status == StatusCode::OK && other.body.contains("class=\"qr\""));
    let new = texts(&by("/login/second/spare", &spare[1]).await, "code");
    assert!(new.len() == 10 && new != spare);
    let off = by("/login/second/off", &spare[2]).await;
    assert_eq!(off.status, StatusCode::UNAUTHORIZED);
    let off = by("/login/second/off", &new[2]).await;
    assert_eq!(off.status, StatusCode::SEE_OTHER);
    assert!(session(&enter(&world, ADDRESS, PASSWORD).await).is_some());
}

/// The agency wants a second factor of everybody.
fn demand(world: &World) {
    use directory::policy::{Key, Said, Value};
    let agency = AgencyId("H99".to_owned());
    let mut policy = world.directory.agency_policy(None, &agency).unwrap();
    let value = Value::Switch(true);
    let said = Said {
        value,
        locked: false,
    };
    policy.said.insert(Key::SecondFactor, said);
    world
        .directory
        .set_agency_policy(None, policy, None)
        .unwrap();
}

#[tokio::test]
async fn who_is_halfway_in_when_the_factor_is_withdrawn_sets_another_up() {
    let world = world();
    let (_, key, _) = set_up(&world).await;
    demand(&world);
    let half = hidden(&enter(&world, ADDRESS, PASSWORD).await, "half");
    let d = &world.directory;
    let account = d.account_at(&Address::parse(ADDRESS).unwrap()).unwrap().id;
    let mut all = d.credentials(None, account).unwrap().into_iter();
    let factor = all.find(|one| one.kind == CredentialKind::SecondFactor);
    d.delete_credential(None, account, factor.unwrap().id)
        .unwrap();
    let code = app(&key, 1);
    let fields = [
        ("half", half.as_str()),
        ("code", code.as_str()),
        ("next", "/mail"),
    ];
    let page = step(&world, "/login/second/code", "", &fields).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert!(page.body.contains("class=\"qr\"") && !page.body.contains("không tắt được"));
    assert!(session(&page).is_none(), "the password alone opens nothing");
    let (half, key) = (hidden(&page, "half"), texts(&page, "code").remove(0));
    let code = app(&key, 0);
    let fields = [
        ("half", half.as_str()),
        ("code", code.as_str()),
        ("next", "/mail"),
    ];
    let page = step(&world, "/login/second/set", "", &fields).await;
    assert!(session(&page).is_some() && page.body.contains("href=\"/mail\""));
    // The half that it was is none any more.
    let again = step(&world, "/login/second/code", "", &fields).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_an_agency_demands_is_set_up_at_the_sign_in() {
    let world = world();
    let before = session(&enter(&world, ADDRESS, PASSWORD).await).unwrap();
    demand(&world);
    let cookie = format!("__Host-session={before}");
    let due = get(&world, "/login/second", &cookie).await;
    assert!(due.body.contains("Chưa thiết lập, mà cơ quan bạn yêu cầu"));
    assert!(!due.body.contains("Đang tắt"), "{}", due.body);
    let page = enter(&world, ADDRESS, PASSWORD).await;
    assert!(
        page.body.contains("Cơ quan bạn yêu cầu xác minh hai bước"),
        "{}",
        page.body
    );
    assert!(session(&page).is_none());
    let key = texts(&page, "code").remove(0);
    let half = hidden(&page, "half");
    // With a code, but not by way of the page that sets it up.
    let fields = [("half", half.as_str()), ("code", "123456")];
    let around = step(&world, "/login/second/code", "", &fields).await;
    assert!(around.status == StatusCode::FORBIDDEN && session(&around).is_none());
    let code = app(&key, 0);
    let fields = [("csrf", "x"), ("half", &half), ("code", &code)];
    let foreign = send(&world, form("/login/second/set", &fields)).await;
    assert!(foreign.status == StatusCode::FORBIDDEN && session(&foreign).is_none());
    let fields = [
        ("half", half.as_str()),
        ("code", code.as_str()),
        ("next", "/mail"),
    ];
    let page = step(&world, "/login/second/set", "", &fields).await;
    let token = session(&page).unwrap();
    assert!(page.body.contains("href=\"/mail\""));
    let off = step(
        &world,
        "/login/second/off",
        &token,
        &[("code", &app(&key, 1))],
    )
    .await;
    assert_eq!(off.status, StatusCode::FORBIDDEN);
    assert!(off.body.contains("không tắt được"));
    // Guessing is slowed down.
    let half = hidden(&enter(&world, ADDRESS, PASSWORD).await, "half");
    let mut last = StatusCode::OK;
    for _ in 0..7 {
        let fields = [("half", half.as_str()), ("code", "000000")];
        let answer = step(&world, "/login/second/code", "", &fields).await;
        last = answer.status;
        if last == StatusCode::TOO_MANY_REQUESTS {
            assert!(!answer.header(header::RETRY_AFTER).is_empty());
        }
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}
