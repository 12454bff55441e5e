//! A letter as a safe document of its own (`ui/README.md` §6), and the pictures in it.
//!
//! The HTML is cleaned by `formats::html` and nothing touches it afterwards; the document's own policy
//! allows no script, no form, no other address than this letter's pictures. Images on other servers are
//! left out and counted, unless the reader asks for them and the operator allows that.

use crate::blob::octets_response;
use crate::ident;
use crate::limit;
use crate::mail::email::property::subject;
use crate::mail::email::{body::cid, visible};
use crate::problem::{DAMAGED_EN, DAMAGED_VI, Problem};
use crate::router::{Shared, Signed, Site};
use crate::sight::Sight;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use directory::{Access, Right};
use formats::html::{CleanOptions, Images, clean, text_to_html};
use formats::message::{Part, Summary, bodies, part};
use http::{HeaderName, header};
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::Arc;

/// What all letters share. Plain text follows the reader's light or dark; HTML stays on white paper.
const STYLE: &str = "\
html{color-scheme:light;background:#fff;color:#17212e}\
body{margin:0;padding:16px;font:15px/1.65 'Be Vietnam Pro','Segoe UI',system-ui,-apple-system,Roboto,'Noto Sans',Arial,sans-serif;overflow-wrap:anywhere}\
img{max-width:100%;height:auto}table{max-width:100%}\
img:not([src]){width:auto!important;height:auto!important;padding:2px 8px;border:1px dashed #818d9c;border-radius:4px;color:#5d6a7e;font-size:13px}\
pre{white-space:pre-wrap}\
a{color:#0b5a8a}\
blockquote{margin:8px 0;padding-left:12px;border-left:3px solid #dce2e9}\
.part+.part{margin-top:16px;padding-top:16px;border-top:1px solid #dce2e9}\
.text{white-space:pre-wrap}\
.note{margin-top:16px;color:#5d6a7e}";
const STYLE_DARK: &str = "\
html{color-scheme:light dark}\
@media (prefers-color-scheme:dark){html{background:#171f28;color:#e8edf2}a{color:#8ccaf0}\
blockquote,.part+.part{border-color:#2b3744}.note{color:#94a2b2}}";
const TOO_LONG: &str = "<p class=\"note\">Thư quá dài, phần còn lại không hiện ở đây; hãy tải thư gốc. / \
The letter is too long; the rest is not shown here, download the original.</p>";
const NOTHING: &str = "<p class=\"note\">Thư không có nội dung. / The letter has no text.</p>";

/// Subtypes of pictures that browsers decode without running anything.
const RASTER: [&str; 7] = ["png", "jpeg", "jpg", "pjpeg", "gif", "webp", "bmp"];

/// Marks the address of a picture by its part number rather than its Content-ID.
const BY_NUMBER: char = '~';

#[derive(Debug, Deserialize)]
pub(crate) struct LetterQuery {
    images: Option<String>,
}

/// A letter, ready to be shown.
struct Page {
    html: String,
    remote: bool,
}

/// `GET /mail/html/{account}/{email}?images=0|1`.
pub(crate) async fn document(
    State(inner): State<Shared>,
    Signed(access): Signed,
    Path((account, email)): Path<(String, String)>,
    Query(query): Query<LetterQuery>,
    site: Site,
) -> Result<Response, Problem> {
    let base = site.base(&inner.context)?;
    // Who reads by virtue of an office tells no sender of it.
    let remote =
        query.images.as_deref() == Some("1") && inner.context.remote_images && !access.only_reads();
    let page = inner
        .pool
        .run(move || page(&access, &account, &email, remote));
    let page = page.await?;
    let fields = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CONTENT_SECURITY_POLICY, policy(&base, page.remote)),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin".to_owned(),
        ),
    ];
    Ok((fields, page.html).into_response())
}

/// The document's policy. `img-src` is narrowed to this room's pictures, so that a letter cannot call
/// other GET routes of this host with the reader's cookie.
fn policy(base: &str, remote: bool) -> String {
    let elsewhere = if remote { " https:" } else { "" };
    format!(
        "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox; default-src 'none'; \
         style-src 'unsafe-inline'; img-src {base}/mail/cid/ data:{elsewhere}; font-src 'none'; \
         form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
    )
}

fn page(access: &Access, account: &str, email: &str, remote: bool) -> Result<Page, Problem> {
    let id = ident::parse_account(account).ok_or_else(Problem::not_found)?;
    let mail = Sight::of(access, id, Right::Read)?;
    let state = visible(&mail, email)?.ok_or_else(Problem::not_found)?;
    let summary = mail.summary(state.email)?;
    let raw = match mail.content(state.email) {
        // A document of its own in the reader's page: it must say what is wrong.
        Err(storage::Error::Damaged(_)) => None,
        content => Some(content?),
    };
    let pictures = format!("/mail/cid/{account}/{email}/");
    let mut writer = Writer {
        pictures: &pictures,
        remote,
        out: String::new(),
        blocked: 0,
        truncated: false,
        plain: true,
        damaged: raw.is_none(),
    };
    for number in bodies(&summary.part).html {
        let found = summary.part.find_section(&number);
        if let Some((found, raw)) = found.zip(raw.as_deref()) {
            writer.part(found.part, &number, raw);
        }
    }
    if raw.is_none() {
        writer.out = format!(
            "<p class=\"note\">{DAMAGED_VI}</p><p class=\"note\" lang=\"en\">{DAMAGED_EN}</p>"
        );
    }
    Ok(Page {
        html: writer.finish(&summary),
        remote,
    })
}

struct Writer<'a> {
    pictures: &'a str,
    remote: bool,
    out: String,
    blocked: usize,
    truncated: bool,
    /// Only plain text so far.
    plain: bool,
    /// The content cannot be read.
    damaged: bool,
}

impl Writer<'_> {
    fn part(&mut self, part: &Part, number: &str, raw: &[u8]) {
        let left = limit::LETTER_OCTETS_MAX.saturating_sub(self.out.len());
        if left == 0 {
            self.truncated = true;
            return;
        }
        let (class, html) = match (part.media.as_str(), part.subtype.as_str()) {
            ("text", "html") => ("html", self.html(&part::decode_text(part, raw))),
            ("text", _) => ("text", Some(self.text(&part::decode_text(part, raw), left))),
            ("image", subtype) if RASTER.contains(&subtype) => {
                ("image", Some(self.image(part, number)))
            }
            ("image", subtype) => ("image", Some(unshown(part, subtype))),
            // Sound and film are listed as attachments.
            _ => return,
        };
        let Some(html) = html.filter(|h| h.len() <= left) else {
            self.truncated = true;
            return;
        };
        self.out
            .push_str(&format!("<div class=\"part {class}\">{html}</div>"));
    }

    fn html(&mut self, text: &str) -> Option<String> {
        let upgrade = |url: &str| match url.split_once(':') {
            // The policy lets only https through; most servers have both.
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => format!("https:{rest}"),
            _ => url.to_owned(),
        };
        let cleaned = clean(
            text,
            &CleanOptions {
                images: if self.remote {
                    Images::Allowed
                } else {
                    Images::Blocked
                },
                cid_prefix: self.pictures,
                proxy: self.remote.then_some(&upgrade),
            },
        );
        self.plain = false;
        self.blocked += cleaned.blocked_images;
        self.truncated |= cleaned.truncated;
        Some(cleaned.html)
    }

    /// Markup may take several times the room of its text; what is cut is said.
    fn text(&mut self, text: &str, left: usize) -> String {
        let mut end = text.len().min(left / 4);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.truncated |= end < text.len();
        text_to_html(&text[..end])
    }

    fn image(&mut self, part: &Part, number: &str) -> String {
        let name = part::file_name(part).unwrap_or_default();
        format!(
            "<img src=\"{}{BY_NUMBER}{number}\" alt=\"{}\">",
            self.pictures,
            escape(&name)
        )
    }

    fn finish(self, summary: &Summary) -> String {
        let title = subject(summary).unwrap_or_default();
        let dark = if self.plain { STYLE_DARK } else { "" };
        let mut body = self.out;
        if body.is_empty() && !self.truncated {
            body.push_str(NOTHING);
        }
        if self.truncated {
            body.push_str(TOO_LONG);
        }
        // The webmail then says what is known and what can be done, in the reader's language.
        let damaged = match self.damaged {
            true => "<meta name=\"congvu-damaged\" content=\"1\">",
            false => "",
        };
        format!(
            "<!doctype html><html lang=\"vi\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"congvu-blocked\" content=\"{}\">{damaged}<title>{}</title>\
             <style>{STYLE}{dark}</style></head><body>{body}</body></html>",
            self.blocked,
            escape(&title),
        )
    }
}

/// A picture that may hold a program is named, not shown.
fn unshown(part: &Part, subtype: &str) -> String {
    let name = part::file_name(part).unwrap_or_default();
    format!(
        "<p class=\"note\">{} (image/{}): hình không hiện vì an toàn / not shown for safety</p>",
        escape(&name),
        escape(subtype)
    )
}

/// Text for an element or a quoted attribute.
fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out.into()
}

/// `GET /mail/cid/{account}/{email}/{cid}`: a raster picture of the letter, by Content-ID (RFC 2392)
/// or, with a leading `~`, by part number.
pub(crate) async fn image(
    State(inner): State<Shared>,
    Signed(access): Signed,
    Path((account, email, id)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    let found = inner
        .pool
        .run(move || picture(&access, &account, &email, &id));
    let (octets, kind) = found.await?;
    let fields = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, "inline".to_owned()),
        (header::CACHE_CONTROL, "private, max-age=3600".to_owned()),
    ];
    Ok(octets_response(octets, fields))
}

fn picture(
    access: &Access,
    account: &str,
    email: &str,
    id: &str,
) -> Result<(Arc<[u8]>, &'static str), Problem> {
    let account = ident::parse_account(account).ok_or_else(Problem::not_found)?;
    let mail = Sight::of(access, account, Right::Read)?;
    let state = visible(&mail, email)?.ok_or_else(Problem::not_found)?;
    let summary = mail.summary(state.email)?;
    let found = match id.strip_prefix(BY_NUMBER) {
        Some(number) => summary.part.find_section(number).map(|f| f.part),
        None => summary
            .part
            .walk()
            .map(|(_, p)| p)
            .find(|p| cid(p) == Some(id)),
    };
    let part = found.ok_or_else(Problem::not_found)?;
    let raw = mail.content(state.email)?;
    let octets = part::decode_body(part, &raw);
    // Only by what it is, never by what it says it is: SVG and HTML are programs.
    let kind = raster(&octets).ok_or_else(Problem::not_found)?;
    Ok((octets.as_ref().into(), kind))
}

fn raster(octets: &[u8]) -> Option<&'static str> {
    Some(match octets {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => "image/gif",
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => "image/webp",
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => "image/bmp",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_told_by_their_octets() {
        assert_eq!(raster(b"\x89PNG\r\n\x1a\nrest"), Some("image/png"));
        assert_eq!(raster(b"GIF89a"), Some("image/gif"));
        assert_eq!(raster(b"<svg xmlns="), None);
        assert_eq!(raster(b""), None);
    }

    #[test]
    fn policy_is_the_one_of_the_ui_standard() {
        assert_eq!(
            policy("https://mail.vn", false),
            "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox; default-src 'none'; \
             style-src 'unsafe-inline'; img-src https://mail.vn/mail/cid/ data:; font-src 'none'; \
             form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
        );
        assert!(policy("https://mail.vn", true).contains("/mail/cid/ data: https:;"));
    }
}
