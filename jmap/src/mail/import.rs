//! RFC 8621 §4.8 Email/import.

use crate::blob;
use crate::error::{MethodError, SetError};
use crate::ident::BlobName;
use crate::mail::email::get::looks_like_mail;
use crate::mail::email::set::{Place, append};
use crate::request::{Arguments, Turn};
use crate::sight::Sight;
use crate::standard::{self, SetArguments, SetOutcome};
use crate::state;
use directory::Right;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::borrow::Cow;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ImportArguments {
    account_id: String,
    if_in_state: Option<String>,
    emails: Map<String, Value>,
}

pub(crate) fn import(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: ImportArguments = standard::read(arguments)?;
    let mail = turn.mail(&arguments.account_id, Right::Write)?;
    let old = state::current(&mail)?;
    let as_set = SetArguments {
        if_in_state: arguments.if_in_state,
        create: Some(arguments.emails),
        ..SetArguments::default()
    };
    as_set.check(&old)?;
    let mut outcome = SetOutcome::default();
    for (creation, new) in as_set.create.unwrap_or_default() {
        let created = one(turn, &mail, &new);
        outcome.create(turn, creation, created);
    }
    let new = state::current(&mail)?;
    let mut response = outcome.response(&arguments.account_id, &old, &new);
    if let Some(map) = response.as_object_mut() {
        let answered = ["accountId", "oldState", "newState", "created", "notCreated"];
        map.retain(|key, _| answered.contains(&key.as_str()));
    }
    Ok(response)
}

fn one(turn: &Turn<'_>, mail: &Sight, new: &Value) -> Result<Value, SetError> {
    let object = new
        .as_object()
        .ok_or_else(|| SetError::invalid(&[], "an object is expected"))?;
    const KNOWN: [&str; 4] = ["blobId", "mailboxIds", "keywords", "receivedAt"];
    if let Some(unknown) = object.keys().find(|k| !KNOWN.contains(&k.as_str())) {
        return Err(SetError::invalid(
            &[unknown],
            "not a property of EmailImport",
        ));
    }
    let missing = || SetError::invalid(&["blobId"], "no such blob");
    let id = object
        .get("blobId")
        .and_then(Value::as_str)
        .ok_or_else(missing)?;
    let name = BlobName::parse(id).ok_or_else(missing)?;
    let raw = blob::read(mail, &name).map_err(|error| match error {
        storage::Error::NotFound | storage::Error::Expunged => missing(),
        other => other.into(),
    })?;
    let mut place = Place::read(turn, mail, object)?;
    if !looks_like_mail(&raw) {
        return Err(SetError::new("invalidEmail").because("it begins with no header field"));
    }
    let size_max = turn.inner.context.size_max;
    let bytes = crlf(&raw);
    if bytes.len() as u64 > size_max {
        return Err(SetError::new("tooLarge").with("maxSize", json!(size_max)));
    }
    place.received_at = place.received_at.or_else(|| received_at(&bytes));
    append(turn, mail, &bytes, place)
}

/// RFC 8621 §4.8 default: the date of the most recent Received field, which is the first one.
fn received_at(raw: &[u8]) -> Option<i64> {
    use formats::message::header;
    let first = header::fields(raw).find(|f| f.is("Received"))?;
    let text = header::unfold(first.value);
    let (_, date) = text.rsplit_once(';')?;
    formats::date::parse_rfc5322(date.trim()).map(|(at, _)| at)
}

/// RFC 5322 §2.3: lines end in CRLF; files saved on other systems have LF alone, and IMAP must not show that.
fn crlf(raw: &[u8]) -> Cow<'_, [u8]> {
    let bare = |at: usize| raw[at] == b'\n' && (at == 0 || raw[at - 1] != b'\r');
    if !(0..raw.len()).any(bare) {
        return raw.into();
    }
    let mut out = Vec::with_capacity(raw.len() + raw.len() / 32);
    for (at, octet) in raw.iter().enumerate() {
        if bare(at) {
            out.push(b'\r');
        }
        out.push(*octet);
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends() {
        for (given, kept) in [
            (&b"a\r\nb\r\n"[..], &b"a\r\nb\r\n"[..]),
            (b"\na\nb\r\n", b"\r\na\r\nb\r\n"),
            (b"", b""),
            (b"a\rb", b"a\rb"),
        ] {
            assert_eq!(crlf(given).as_ref(), kept);
        }
    }

    #[test]
    fn the_topmost_received_dates_the_import() {
        let raw = b"Received: from a by b; Mon, 02 Nov 2026 08:00:00 +0700\r\n\
            Received: from c by a; Sun, 01 Nov 2026 08:00:00 +0700\r\n\r\n";
        assert_eq!(
            received_at(raw),
            formats::date::parse_utc("2026-11-02T01:00:00Z")
        );
        assert_eq!(received_at(b"Subject: x\r\n\r\n"), None);
    }
}
