//! RFC 8620 §6: uploads, downloads, copies, and the octets behind a blob id; RFC 9404 in the files below.

pub(crate) mod get;
pub(crate) mod lookup;
pub(crate) mod upload;

use crate::error::{MethodError, SetError};
use crate::ident::{self, BlobName, Root};
use crate::limit;
use crate::mail::DELETED;
use crate::pool::Use;
use crate::problem::Problem;
use crate::request::{Arguments, Turn};
use crate::router::{Context, Shared, Signed, Site, body, json as answer};
use crate::sight::Sight;
use crate::standard;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use directory::{Right, Rights, Through};
use formats::message::{Part, PartKind, part, summarize};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The octets behind a blob id. `NotFound` for what this account does not have (I-17).
pub(crate) fn read(mail: &Sight, name: &BlobName) -> Result<Arc<[u8]>, storage::Error> {
    let mut raw = match name.root {
        Root::Upload(blob) => mail.uploaded(blob)?,
        Root::Message(email) if mail.state(email)?.has(DELETED) => {
            return Err(storage::Error::NotFound);
        }
        Root::Message(email) => mail.content(email)?,
    };
    let stored = match (name.root, name.sections.as_slice()) {
        (Root::Message(email), [_, ..]) => Some(mail.summary(email)?),
        _ => None,
    };
    for (depth, section) in name.sections.iter().enumerate() {
        // A message of the account was taken apart when it arrived; messages within are now.
        let summary = match stored.as_ref().filter(|_| depth == 0) {
            Some(stored) => Arc::clone(stored),
            None => Arc::new(summarize(&raw)),
        };
        let found = summary.part.find_section(section).map(|f| f.part);
        let leaf = found.filter(|p| !matches!(p.kind, PartKind::Multipart(_)));
        raw = part_octets(leaf.ok_or(storage::Error::NotFound)?, &raw);
    }
    Ok(raw)
}

/// How many octets a whole message of the account has; `None`: it must be read to know, or is not there.
pub(crate) fn size(mail: &Sight, name: &BlobName) -> Option<u64> {
    let Root::Message(email) = name.root else {
        return None;
    };
    let state = mail.state(email).ok()?;
    let whole = name.sections.is_empty() && !state.has(DELETED);
    whole.then_some(state.size)
}

/// Why a method of RFC 9404 has no octets.
pub(crate) enum Unread {
    NotFound,
    /// One request reads only so much.
    OverBudget,
    Storage(storage::Error),
}

/// The same, of what one request may still read: held before, as far as the size is known before.
pub(crate) fn read_counted(
    turn: &mut Turn<'_>,
    mail: &Sight,
    name: &BlobName,
) -> Result<Arc<[u8]>, Unread> {
    let unread = |error| match error {
        storage::Error::NotFound | storage::Error::Expunged => Unread::NotFound,
        other => Unread::Storage(other),
    };
    // A part costs its whole message.
    let known = match name.root {
        Root::Message(email) => mail.state(email).map_err(unread)?.size,
        Root::Upload(_) => 1,
    };
    let count = |turn: &mut Turn<'_>, octets: u64| match turn.blob_octets.checked_sub(octets) {
        Some(left) => {
            turn.blob_octets = left;
            Ok(())
        }
        None => Err(Unread::OverBudget),
    };
    count(turn, known)?;
    let octets = read(mail, name).map_err(unread)?;
    count(turn, (octets.len() as u64).saturating_sub(known))?;
    Ok(octets)
}

/// RFC 9404 §3.1: what the server does for each account.
pub(crate) fn capability(context: &Context) -> Value {
    json!({
        "maxSizeBlobSet": context.size_max,
        "maxDataSources": limit::BLOB_SOURCES_MAX,
        "supportedTypeNames": lookup::TYPES,
        "supportedDigestAlgorithms": get::DIGESTS,
    })
}

fn part_octets(part: &Part, raw: &[u8]) -> Arc<[u8]> {
    part::decode_body(part, raw).as_ref().into()
}

/// RFC 8620 §6.1.
pub(crate) async fn upload(
    State(inner): State<Shared>,
    Signed(access): Signed,
    Path(account): Path<String>,
    site: Site,
    headers: HeaderMap,
    content: Body,
) -> Result<Response, Problem> {
    // Any content type may be uploaded, so a form of another site could; it cannot send this field.
    if access.through() == Through::Session && !headers.contains_key("x-congvu") {
        return Err(Problem::forbidden(
            "Cần trường X-Congvu: 1. / The header field X-Congvu: 1 is needed.",
        ));
    }
    site.check(&access)?;
    let seat = inner
        .seat(&access, Use::Upload)
        .ok_or_else(|| Problem::limit("maxConcurrentUpload"))?;
    let id = ident::parse_account(&account).ok_or_else(Problem::not_found)?;
    let kind = media_type(
        headers
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok()),
    );
    // Asked before the octets are taken in, so that a stranger's account costs nothing.
    let mail = Sight::of(&access, id, Right::Write)?;
    if !mail.rights_anywhere().has(Rights::INSERT) {
        return Err(Problem::forbidden(
            "Không được đưa gì vào tài khoản này. / Nothing may be put into this account.",
        ));
    }
    let max = usize::try_from(inner.context.size_max).unwrap_or(usize::MAX);
    let bytes = body(&headers, content, max, "maxSizeUpload").await?;
    let now = inner.now_s();
    let stored = inner.pool.run(move || {
        let _seat = seat;
        let mail = Sight::of(&access, id, Right::Write)?;
        let blob = mail.upload(&bytes, now)?;
        Ok((blob, bytes.len()))
    });
    let (blob, size) = stored.await?;
    let name = BlobName {
        root: Root::Upload(blob),
        sections: Vec::new(),
    };
    let object = json!({
        "accountId": account,
        "blobId": name.to_string(),
        "type": kind,
        "size": size,
    });
    let mut response = answer(object.to_string());
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CopyArguments {
    from_account_id: String,
    account_id: String,
    blob_ids: Vec<String>,
}

/// RFC 8620 §6.3 Blob/copy: what comes over is as if the caller had uploaded it, and his alone until a record names it.
pub(crate) fn copy(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: CopyArguments = standard::read(arguments)?;
    if arguments.blob_ids.len() > limit::SET_OBJECTS_MAX {
        return Err(MethodError::RequestTooLarge);
    }
    let from = turn.mail(&arguments.from_account_id, Right::Read);
    let from = from.map_err(|error| match error {
        MethodError::AccountNotFound => MethodError::FromAccountNotFound,
        other => other,
    })?;
    let mail = turn.mail(&arguments.account_id, Right::Write)?;
    let may = mail.rights_anywhere().has(Rights::INSERT);
    let (mut copied, mut refused) = (Map::new(), Map::new());
    for id in arguments.blob_ids {
        let done = match may {
            true => one_copy(turn, &from, &mail, &id),
            false => Err(SetError::forbidden("nothing may be put into this account")),
        };
        match done {
            Ok(blob) => copied.insert(id, blob.into()),
            Err(error) => refused.insert(id, error.spell()),
        };
    }
    let some = |map: Map<String, Value>| match map.is_empty() {
        true => Value::Null,
        false => Value::Object(map),
    };
    Ok(json!({
        "fromAccountId": arguments.from_account_id,
        "accountId": arguments.account_id,
        "copied": some(copied),
        "notCopied": some(refused),
    }))
}

fn one_copy(turn: &Turn<'_>, from: &Sight, to: &Sight, id: &str) -> Result<String, SetError> {
    let name = BlobName::parse(id).ok_or_else(SetError::not_found)?;
    let octets = read(from, &name)?;
    let max = turn.inner.context.size_max;
    if octets.len() as u64 > max {
        return Err(SetError::new("tooLarge").with("maxSize", max));
    }
    let blob = to.upload(&octets, turn.now_s())?;
    Ok(BlobName {
        root: Root::Upload(blob),
        sections: Vec::new(),
    }
    .to_string())
}

#[derive(Debug, Deserialize)]
pub(crate) struct DownloadQuery {
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// RFC 8620 §6.2.
pub(crate) async fn download(
    State(inner): State<Shared>,
    Signed(access): Signed,
    Path((account, blob, name)): Path<(String, String, String)>,
    Query(query): Query<DownloadQuery>,
) -> Result<Response, Problem> {
    let account = ident::parse_account(&account).ok_or_else(Problem::not_found)?;
    let blob = BlobName::parse(&blob).ok_or_else(Problem::not_found)?;
    if name.len() > limit::FILE_NAME_OCTETS_MAX {
        return Err(Problem::bad_request("the file name is too long"));
    }
    let octets = inner.pool.run(move || {
        let mail = Sight::of(&access, account, Right::Read)?;
        Ok(read(&mail, &blob)?)
    });
    let octets = octets.await?;
    let fields = [
        (header::CONTENT_TYPE, media_type(query.kind.as_deref())),
        (header::CONTENT_DISPOSITION, disposition(&name)),
        // RFC 8620 §6.2: the octets of a blob never change.
        (
            header::CACHE_CONTROL,
            "private, immutable, max-age=86400".to_owned(),
        ),
    ];
    Ok(octets_response(octets, fields))
}

/// Octets that a sender chose, fenced: no sniffing, no scripts, no embedding elsewhere
/// (`ui/README.md` §6 vector 9).
pub(crate) fn octets_response<const N: usize>(
    octets: Arc<[u8]>,
    fields: [(HeaderName, String); N],
) -> Response {
    let fence = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "sandbox; default-src 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    let mut response = (fence, Bytes::from_owner(octets)).into_response();
    for (name, value) in fields {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// `type/subtype` with nothing behind it; anything else is octets.
fn media_type(asked: Option<&str>) -> String {
    let bare = asked
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    let bare = bare.trim().to_ascii_lowercase();
    let token = |t: &str| {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b);
        !t.is_empty() && t.len() <= 127 && t.bytes().all(fits)
    };
    let sound = bare
        .split_once('/')
        .is_some_and(|(a, b)| token(a) && token(b));
    if sound {
        bare
    } else {
        "application/octet-stream".to_owned()
    }
}

/// RFC 6266 §4: an ASCII name for old programs, and the real one by RFC 8187 §3.2.
fn disposition(name: &str) -> String {
    let name: String = name.chars().filter(|c| is_shown(*c)).collect();
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_graphic() && !"\"\\%/".contains(c) || c == ' ' {
                c
            } else {
                '_'
            }
        })
        .collect();
    let attr = |b: u8| b.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&b);
    let mut value = format!("attachment; filename=\"{plain}\"");
    if plain != name {
        value.push_str("; filename*=UTF-8''");
        for b in name.bytes() {
            if attr(b) {
                value.push(char::from(b));
            } else {
                value.push_str(&format!("%{b:02X}"));
            }
        }
    }
    value
}

/// Not what is unseen and turns the text around it: `gpj.exe` written to look like `exe.jpg`.
fn is_shown(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_types_cannot_break_out() {
        assert_eq!(disposition("a.pdf"), "attachment; filename=\"a.pdf\"");
        assert_eq!(
            disposition("Công \"văn\"\r\n.pdf"),
            "attachment; filename=\"C_ng _v_n_.pdf\"; filename*=UTF-8''C%C3%B4ng%20%22v%C4%83n%22.pdf"
        );
        assert_eq!(
            disposition("a\u{202e}fdp.exe"),
            "attachment; filename=\"afdp.exe\""
        );
        for (asked, given) in [
            ("image/png", "image/png"),
            ("Text/HTML; charset=utf-8", "text/html"),
            ("text/html\r\nX: y", "application/octet-stream"),
            ("text", "application/octet-stream"),
            ("", "application/octet-stream"),
        ] {
            assert_eq!(media_type(Some(asked)), given, "{asked:?}");
        }
    }
}
