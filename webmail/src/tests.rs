//! What the embedded files and the page promise their callers.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use tower::ServiceExt;

use crate::asset::Web;
use crate::{asset, page, router};

/// Far above any page or asset here.
const BODY_MAX: usize = 4 << 20;

async fn parts(response: axum::response::Response) -> (StatusCode, HeaderMap, Bytes) {
    let (head, body) = response.into_parts();
    let body = axum::body::to_bytes(body, BODY_MAX).await.unwrap();
    (head.status, head.headers, body)
}

fn script() -> String {
    Web::iter()
        .find(|name| name.starts_with("assets/index-") && name.ends_with(".js"))
        .expect("the build makes an entry script")
        .into_owned()
}

#[tokio::test]
async fn assets_are_kept_for_ever_and_compressed_on_wish() {
    let path = script();
    for (accept, encoded) in [
        (None, false),
        (Some("gzip"), false),
        (Some("gzip, br"), true),
        (Some("br;q=0"), false),
    ] {
        let (status, headers, body) = parts(asset(&path, accept)).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(
            headers["cache-control"],
            "public, max-age=31536000, immutable"
        );
        assert_eq!(headers["vary"], "accept-encoding");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["content-type"], "text/javascript; charset=utf-8");
        assert_eq!(
            headers.contains_key("content-encoding"),
            encoded,
            "{accept:?}"
        );
        let plain = Web::get(&path).unwrap().data;
        assert_eq!(body[..] == plain[..], !encoded, "{accept:?}");
    }
}

#[tokio::test]
async fn only_assets_are_reachable() {
    for (path, expected) in [
        (format!("/{}", script()), StatusCode::OK),
        ("/favicon.svg".into(), StatusCode::OK),
        ("/manifest.webmanifest".into(), StatusCode::OK),
        ("/index.html".into(), StatusCode::NOT_FOUND),
        ("/assets/../index.html".into(), StatusCode::NOT_FOUND),
        ("/assets/%2e%2e/index.html".into(), StatusCode::NOT_FOUND),
        ("/assets/nothing.js".into(), StatusCode::NOT_FOUND),
        (format!("/{}.br", script()), StatusCode::NOT_FOUND),
    ] {
        let request = Request::get(&path).body(Body::empty()).unwrap();
        let (status, _, _) = parts(router().oneshot(request).await.unwrap()).await;
        assert_eq!(status, expected, "{path}");
    }
}

#[tokio::test]
async fn boot_block_cannot_break_out() {
    let (_, headers, body) = parts(page(r#"{"name":"</script><script>alert(1)"}"#)).await;
    let html = std::str::from_utf8(&body).unwrap();
    assert!(html.contains(r#"id="boot">{"name":"\u003c/script>\u003cscript>alert(1)"}</script>"#));
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"));
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["referrer-policy"], "no-referrer");
    assert_eq!(headers["cross-origin-opener-policy"], "same-origin");
}

#[tokio::test]
async fn page_has_nothing_its_policy_forbids() {
    let (_, _, body) = parts(page("null")).await;
    let html = std::str::from_utf8(&body).unwrap();
    assert!(
        !html.contains("<style") && !html.contains(" onload="),
        "{html}"
    );
    for tag in html.split("<script").skip(1) {
        let data = tag.contains("application/json");
        assert!(data || tag.trim_start().starts_with("type=\"module\"") || tag.contains("src="));
    }
}

/// At most 45 kB of script and 12 kB of style, both brotli, before the first row.
#[test]
fn first_load_stays_within_its_budget() {
    let html = Web::get("index.html").unwrap();
    let html = std::str::from_utf8(&html.data).unwrap().to_owned();
    let mut sizes = [("js", 0, 45_000), ("css", 0, 12_000)];
    for name in Web::iter().filter(|name| html.contains(&format!("\"/{name}\""))) {
        for (extension, sum, _) in &mut sizes {
            if name.ends_with(&format!(".{extension}")) {
                let small = Web::get(&format!("{name}.br"));
                *sum += small.or_else(|| Web::get(&name)).unwrap().data.len();
            }
        }
    }
    for (extension, sum, budget) in sizes {
        assert!(
            sum > 0 && sum <= budget,
            "{sum} bytes of {extension}, budget {budget}"
        );
    }
}

/// What writing a letter needs beyond that: at most 40 kB of script, brotli.
#[test]
fn compose_stays_within_its_budget() {
    // The editor is a bundle of its own, since signatures are written with it too.
    let sizes = ["Compose-", "FormatBar-"].map(|part| {
        let name = Web::iter()
            .find(|name| name.starts_with(&format!("assets/{part}")) && name.ends_with(".js"))
            .expect("the build makes it");
        Web::get(&format!("{name}.br")).unwrap().data.len()
    });
    let sum: usize = sizes.iter().sum();
    assert!(sum <= 40_000, "{sum} bytes");
}
