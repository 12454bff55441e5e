//! RFC 9007 §2.2 MDN/parse.

use crate::blob::{self, Unread};
use crate::error::MethodError;
use crate::ident::BlobName;
use crate::request::{Arguments, Turn};
use crate::standard;
use directory::Right;
use formats::message::disposition::Notification;
use formats::message::{Part, PartKind, Summary, header, part, summarize};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ParseArguments {
    account_id: String,
    blob_ids: Vec<String>,
}

/// RFC 9007 §2.2: an account that is not there is `invalidArguments`.
pub(crate) fn parse(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: ParseArguments = standard::read(arguments)?;
    let ids = standard::wanted(arguments.blob_ids)?;
    let mail = turn.mail(&arguments.account_id, Right::Read);
    let mail = mail.map_err(super::send::unknown_account)?;
    let mut parsed = Map::new();
    let (mut not_parsable, mut not_found) = (Vec::new(), Vec::new());
    for id in ids {
        let name = turn.real(&id).and_then(BlobName::parse);
        let found = name.map(|name| blob::read_counted(turn, &mail, &name));
        let octets = match found {
            None | Some(Err(Unread::NotFound)) => {
                not_found.push(id);
                continue;
            }
            Some(Err(Unread::OverBudget)) => return Err(MethodError::RequestTooLarge),
            Some(Err(Unread::Storage(error))) => return Err(error.into()),
            Some(Ok(octets)) => octets,
        };
        match read(&octets) {
            Some(object) => drop(parsed.insert(id, object)),
            None => not_parsable.push(id),
        }
    }
    let some = |empty: bool, value: Value| if empty { Value::Null } else { value };
    Ok(json!({
        "accountId": arguments.account_id,
        "parsed": some(parsed.is_empty(), parsed.into()),
        "notParsable": some(not_parsable.is_empty(), json!(not_parsable)),
        "notFound": some(not_found.is_empty(), json!(not_found)),
    }))
}

/// RFC 8098 §3: multipart/report of this type, and in it what is for programs.
fn read(raw: &[u8]) -> Option<Value> {
    let summary = summarize(raw);
    let root = &summary.part;
    let PartKind::Multipart(children) = &root.kind else {
        return None;
    };
    let kind = root.param("report-type");
    if !root.is("multipart", "report")
        || !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("disposition-notification"))
    {
        return None;
    }
    // RFC 6533 §6: the other one is of internationalized mail.
    let told = children.iter().find(|part| {
        part.is("message", "disposition-notification")
            || part.is("message", "global-disposition-notification")
    })?;
    let told = Notification::parse(&part::decode_body(told, raw))?;
    let text = children.iter().find(|part| is_text(part));
    let mut object = super::spell(&told);
    object.insert("subject".into(), json!(subject(&summary)));
    object.insert(
        "textBody".into(),
        json!(text.map(|text| part::decode_text(text, raw))),
    );
    // RFC 8098 §3: a message; its header fields alone are not its content.
    let original = children
        .iter()
        .any(|part| part.is("message", "rfc822") || part.is("message", "global"));
    object.insert("includeOriginalMessage".into(), original.into());
    // RFC 9007 §2.2: several messages may have the Message-ID, and no index is by it.
    object.insert("forEmailId".into(), Value::Null);
    Some(object.into())
}

fn is_text(part: &Part) -> bool {
    part.is("text", "plain")
}

fn subject(summary: &Summary) -> Option<String> {
    summary.head.subject.as_deref().map(header::decode_words)
}
