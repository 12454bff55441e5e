//! `/api/v1/jobs/{id}/letters`: first passwords as letters to print, a sheet of A4 for each person. Nothing in the page
//! comes from elsewhere, and nothing of it is kept: fetched a second time there are new passwords.

use crate::body::{Body, Named};
use crate::caller::Caller;
use crate::jobs::{job_id, refused};
use crate::problem::Problem;
use crate::router::Room;
use axum::body::{Body as Content, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use directory::bulk::{Letter, Letters};
use formats::date;
use futures_util::stream;
use http::HeaderMap;
use http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST};
use maud::{Markup, html};
use serde::Deserialize;
use utoipa::ToSchema;

/// Seconds by which Viet Nam's clocks are ahead.
const ZONE_S: i64 = 7 * 3600;
/// The head of the page. Its style is its own; it asks for nothing else.
const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"vi\"><head><meta charset=\"utf-8\"><title>Thư mật khẩu lần đầu</title><style>\
    @page{size:A4;margin:22mm 20mm}*{box-sizing:border-box}\
    body{margin:0;color:#000;font:12pt/1.5 \"Times New Roman\",\"Noto Serif\",serif}\
    section{break-after:page;page-break-after:always;min-height:240mm;padding:4mm 0}\
    h1{font-size:16pt;text-align:center;margin:12mm 0 8mm}.agency{text-transform:uppercase;font-weight:bold}\
    .secret{font:bold 20pt/1.6 \"DejaVu Sans Mono\",Consolas,monospace;text-align:center;border:.5mm dashed #000;padding:4mm;\
    margin:6mm 0}table{border-collapse:collapse;width:100%}th{text-align:left;font-weight:normal;width:42mm}\
    th,td{padding:1mm 0;vertical-align:top}td{font-weight:bold}ol{padding-left:6mm}\
    .en{color:#333;font-size:10.5pt;border-top:.2mm solid #999;margin-top:8mm;padding-top:4mm}\
    @media screen{body{background:#ccc}section{background:#fff;width:210mm;margin:8mm auto;padding:22mm 20mm}}\
    </style></head><body>\n";
const FOOT: &str = "</body></html>\n";
/// No script, nothing from elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'; sandbox allow-modals";

/// Which letters.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LettersAsk {
    /// They were fetched before: the passwords that nobody used are drawn anew, the letters before are void.
    #[serde(default)]
    again: bool,
}

/// Draws first passwords for the persons whom an import made, as letters to print (HTML, one page each). Once, and for
/// who asked for the job alone; each is good for 30 days, and for nothing but choosing a password of one's own.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/letters", tag = "jobs", params(("id" = u64, Path)),
    request_body = LettersAsk, responses((status = 200, body = String, content_type = "text/html")))]
pub(crate) async fn letters(
    State(room): State<Room>,
    caller: Caller,
    headers: HeaderMap,
    Named(id): Named<String>,
    Body(ask): Body<LettersAsk>,
) -> Result<Response, Problem> {
    let id = job_id(&id)?;
    let host = headers.get(HOST).and_then(|v| v.to_str().ok());
    let host = host.unwrap_or_default().to_owned();
    let letters = room.ask(caller, move |room, access| {
        room.directory
            .letters(access, id, ask.again)
            .map_err(refused)
    });
    let printing = Printing {
        letters: letters.await?,
        host,
        at: Place::Head,
    };
    let pieces = stream::unfold(printing, |printing| async {
        let printed = tokio::task::spawn_blocking(move || printing.piece());
        let (piece, printing) = printed.await.ok().flatten()?;
        Some((piece.map(Bytes::from), printing))
    });
    let name = format!("inline; filename=\"letters-{id}.html\"");
    let about = [
        (CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, name),
        (CONTENT_SECURITY_POLICY, POLICY.to_owned()),
    ];
    Ok((about, Content::from_stream(pieces)).into_response())
}

/// What of the page comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Head,
    Letters,
    End,
}

/// A page on its way.
struct Printing {
    letters: Letters,
    host: String,
    at: Place,
}

/// A piece of the page; an error cuts it off, so that nobody takes it for whole.
type Printed = Result<String, std::io::Error>;

impl Printing {
    fn piece(mut self) -> Option<(Printed, Self)> {
        let text = match self.at {
            Place::End => return None,
            Place::Head => {
                self.at = Place::Letters;
                Ok(HEAD.to_owned())
            }
            Place::Letters => match self.letters.some() {
                Ok(Some(letters)) => {
                    let sheets = letters
                        .iter()
                        .map(|letter| sheet(letter, &self.host).into_string());
                    Ok(sheets.collect())
                }
                Ok(None) => {
                    self.at = Place::End;
                    Ok(FOOT.to_owned())
                }
                Err(error) => {
                    self.at = Place::End;
                    tracing::error!(%error, "letters with first passwords were cut off");
                    Err(std::io::Error::other("the letters were cut off"))
                }
            },
        };
        Some((text, self))
    }
}

/// `31/12/2026`.
fn day(at: i64) -> String {
    let text = date::utc(at.saturating_add(ZONE_S));
    let mut parts = text.split(['-', 'T']);
    let (year, month, day) = (parts.next(), parts.next(), parts.next());
    [day, month, year].map(Option::unwrap_or_default).join("/")
}

/// One person's sheet.
fn sheet(letter: &Letter, host: &str) -> Markup {
    let until = day(letter.until);
    html! {
        section {
            p.agency { (letter.agency) }
            h1 { "THÔNG TIN TÀI KHOẢN THƯ ĐIỆN TỬ CÔNG VỤ" }
            table {
                tr { th { "Họ và tên" } td { (letter.name) } }
                @if let Some(position) = &letter.position {
                    tr { th { "Chức vụ" } td { (position) } }
                }
                tr { th { "Địa chỉ thư" } td { (letter.address) } }
                tr { th { "Trang web thư" } td { "https://" (host) "/" } }
            }
            p { "Mật khẩu lần đầu:" }
            p.secret { (letter.secret.expose()) }
            ol {
                li { "Mở trang web thư, nhập địa chỉ thư và mật khẩu trên (không cần gõ dấu gạch)." }
                li { "Đặt ngay mật khẩu riêng chỉ mình bạn biết. Trước khi đặt, chưa dùng được phần mềm thư." }
                li { "Mật khẩu lần đầu chỉ dùng được một lần, đến hết ngày " b { (until) } ". Sau đó hãy huỷ thư này." }
            }
            p { "Không ai được phép hỏi mật khẩu của bạn, kể cả cán bộ quản trị." }
            div.en lang="en" {
                p { b { "Your government mail account." } " Open https://" (host) "/ , enter your mail address and the first \
                    password above (dashes do not matter), and choose a password of your own at once; mail programs work \
                    after that. The first password is good once, until " (until) ". Then destroy this letter. Nobody may ask \
                    you for your password, not even an administrator." }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_is_whole_and_nothing_in_it_is_markup() {
        let letter = Letter {
            name: "<script>An</script>".to_owned(),
            position: None,
            agency: "Sở & Phòng".to_owned(),
            address: "an@x.vn".to_owned(),
            secret: directory::Secret::new("abcd-efgh-2345-mnop"),
            until: 1_795_305_600,
        };
        let sheet = sheet(&letter, "mail.x.vn").into_string();
        assert!(!sheet.contains("<script"), "{sheet}");
        for part in [
            "Sở &amp; Phòng",
            "abcd-efgh-2345-mnop",
            "https://mail.x.vn/",
            "22/11/2026",
        ] {
            assert!(sheet.contains(part), "{part} {sheet}");
        }
        assert!(!HEAD.contains("http") && !HEAD.contains("url("));
    }
}
