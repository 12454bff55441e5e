//! `ui/README.md` §6: letters as safe documents, and their pictures.

use crate::house::{HOST, House, RICH, letter};
use http::StatusCode;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

fn policy(more: &str) -> String {
    format!(
        "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox; default-src 'none'; \
         style-src 'unsafe-inline'; img-src https://{HOST}/mail/cid/ data:{more}; font-src 'none'; \
         form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
    )
}

#[tokio::test]
async fn html_is_cleaned_and_fenced() {
    let house = House::new();
    let id = house.put(RICH);
    let account = house.account();
    let path = format!("/mail/html/{account}/{id}");
    let answer = house.get(&house.an, &path).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("content-security-policy"), policy(""));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
    assert_eq!(answer.header("cache-control"), "private, no-store");
    let html = answer.text();
    for evil in ["<script", "alert", "onerror", "pixel.gif"] {
        assert!(!html.contains(evil), "{evil}: {html}");
    }
    assert!(html.contains("<b>anh An</b>"));
    assert!(html.contains("<title>Công văn số 1</title>"));
    assert!(html.contains("<meta name=\"congvu-blocked\" content=\"1\">"));
    let picture = format!("/mail/cid/{account}/{id}/logo%40x.vn");
    assert!(html.contains(&format!("src=\"{picture}\"")), "{html}");
    assert!(
        !html.contains("prefers-color-scheme"),
        "HTML stays on white paper"
    );
    let answer = house.get(&house.an, &picture).await;
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (StatusCode::OK, PNG)
    );
    assert_eq!(answer.header("content-type"), "image/png");
    assert_eq!(
        answer.header("content-security-policy"),
        "sandbox; default-src 'none'"
    );
}

#[tokio::test]
async fn remote_images_only_when_asked_and_allowed() {
    let house = House::new();
    let id = house.put(RICH);
    let path = format!("/mail/html/{}/{id}?images=1", house.account());
    let answer = house.get(&house.an, &path).await;
    assert_eq!(answer.header("content-security-policy"), policy(" https:"));
    let html = answer.text();
    assert!(html.contains("src=\"https://x.vn/pixel.gif\""), "{html}");
    assert!(html.contains("<meta name=\"congvu-blocked\" content=\"0\">"));
    let house = house.with(|c| c.remote_images = false);
    let answer = house.get(&house.an, &path).await;
    assert_eq!(answer.header("content-security-policy"), policy(""));
    assert!(!answer.text().contains("pixel.gif"));
}

#[tokio::test]
async fn plain_text_is_text() {
    let house = House::new();
    let id = house.put(&letter(
        "x@x.vn",
        "a </title><script>",
        "<b>đậm</b> https://x.vn/a?b&c\r\n> trích",
    ));
    let answer = house
        .get(&house.an, &format!("/mail/html/{}/{id}", house.account()))
        .await;
    let html = answer.text();
    assert!(html.contains("&lt;b&gt;đậm&lt;/b&gt;"), "{html}");
    assert!(html.contains("<title>a &lt;/title&gt;&lt;script&gt;</title>"));
    assert!(html.contains("href=\"https://x.vn/a?b&amp;c\""));
    assert!(
        html.contains("prefers-color-scheme:dark"),
        "plain text follows the reader"
    );
    let empty = house.put(b"Subject: trong\r\n\r\n");
    let answer = house
        .get(
            &house.an,
            &format!("/mail/html/{}/{empty}", house.account()),
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn i13_a_huge_letter_is_cut_and_says_so() {
    let house = House::new();
    let id = house.put(&letter(
        "x@x.vn",
        "dài",
        &"<<<<<<<< dòng &&&&&&&&\r\n".repeat(40_000),
    ));
    let answer = house
        .get(&house.an, &format!("/mail/html/{}/{id}", house.account()))
        .await;
    assert!(
        answer.body.len() < jmap::limit::LETTER_OCTETS_MAX + 8192,
        "{}",
        answer.body.len()
    );
    assert!(answer.text().contains("Thư quá dài"));
}

/// Vector 9: only raster pictures are shown in line, told by their octets.
#[tokio::test]
async fn only_raster_pictures_are_shown() {
    let house = House::new();
    let id = house.put(RICH);
    let account = house.account();
    for (name, status) in [
        ("logo@x.vn", StatusCode::OK),
        ("~1.2.2", StatusCode::OK),
        ("svg@x.vn", StatusCode::NOT_FOUND),
        ("~4", StatusCode::NOT_FOUND),
        ("~2", StatusCode::NOT_FOUND),
        ("~1.2.1", StatusCode::NOT_FOUND),
        ("~9", StatusCode::NOT_FOUND),
        ("none@x.vn", StatusCode::NOT_FOUND),
        ("~", StatusCode::NOT_FOUND),
    ] {
        let answer = house
            .get(&house.an, &format!("/mail/cid/{account}/{id}/{name}"))
            .await;
        assert_eq!(answer.status, status, "{name}");
    }
}
