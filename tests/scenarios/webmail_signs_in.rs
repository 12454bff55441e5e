//! The sign-in page without scripts, the webmail's first page and its policy, and signing out.

use tests::world::{PASSWORD, World};

fn cookies(headers: &str) -> String {
    headers
        .lines()
        .filter_map(|line| line.strip_prefix("set-cookie: "))
        .filter_map(|cookie| cookie.split(';').next())
        .collect::<Vec<_>>()
        .join("; ")
}

#[test]
fn signing_in_and_out() {
    let world = World::new();
    let stranger = world.stranger();
    let (status, headers, _) = stranger.get("/");
    assert!(
        (302..=303).contains(&status) && headers.contains("location: /login"),
        "{status} {headers}"
    );
    let (status, headers, page) = stranger.get("/login");
    let page = String::from_utf8(page).unwrap();
    assert_eq!(status, 200);
    assert!(
        page.contains("name=\"address\"") && page.contains("Đăng nhập"),
        "{page}"
    );
    assert!(
        headers.contains("content-security-policy: default-src 'none'"),
        "{headers}"
    );

    let before = cookies(&headers);
    let token = page
        .split("<input")
        .find(|input| input.contains("type=\"hidden\"") && input.contains("csrf"))
        .and_then(|input| input.split("value=\"").nth(1)?.split('"').next())
        .unwrap_or_default();
    let form = |password: &str| format!("address=an%40thu.gov.vn&password={password}&csrf={token}");
    let client = stranger
        .clone()
        .with("Cookie", &before)
        .with("Origin", stranger.site());
    let kind = "application/x-www-form-urlencoded";
    let (status, _, page) = client.post("/login", kind, form("sai").as_bytes());
    assert_eq!(status, 401);
    assert!(String::from_utf8(page).unwrap().contains("role=\"alert\""));
    let (status, headers, _) = client.post("/login", kind, form(PASSWORD).as_bytes());
    assert_eq!(status, 303, "{headers}");
    let session = cookies(&headers);
    assert!(session.contains("__Host-session="), "{headers}");
    for part in ["HttpOnly", "Secure", "SameSite="] {
        assert!(headers.contains(part), "{part}: {headers}");
    }

    let client = stranger
        .clone()
        .with("Cookie", &session)
        .with("Origin", stranger.site());
    let (status, headers, page) = client.get("/");
    assert_eq!(status, 200);
    assert!(headers.contains("script-src 'self'"), "{headers}");
    assert!(String::from_utf8(page).unwrap().contains("id=\"boot\""));
    let (status, _, _) = client.get("/jmap/session");
    assert_eq!(status, 200);
    let (status, _, _) = client.post("/logout", kind, format!("csrf={token}").as_bytes());
    assert_eq!(status, 303);
    let (status, _, _) = client.get("/jmap/session");
    assert_eq!(status, 401, "the session is over");
    world.finish();
}
