//! RFC 9007 §2: an MDN as a client sends it.

use crate::error::SetError;
use formats::message::disposition::{DispositionKind, is_extension};
use serde_json::{Map, Value};

/// Octets of one value; RFC 5322 §2.1.1: a line has 998.
const VALUE_OCTETS_MAX: usize = 900;
/// Octets of the words.
const TEXT_OCTETS_MAX: usize = 64 * 1024;
/// Extension fields.
const EXTENSIONS_MAX: usize = 20;

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) email: String,
    pub(super) subject: Option<String>,
    pub(super) text: Option<String>,
    pub(super) whole: Option<bool>,
    pub(super) reporting_ua: Option<String>,
    pub(super) final_recipient: Option<String>,
    pub(super) extensions: Vec<(String, String)>,
    pub(super) acted_by_itself: bool,
    pub(super) sent_by_itself: bool,
    pub(super) kind: DispositionKind,
}

fn invalid(name: &str, why: &str) -> SetError {
    SetError::invalid(&[name], why)
}

/// One line of text, or null.
fn line(object: &Map<String, Value>, name: &str) -> Result<Option<String>, SetError> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if fits(text) => Ok(Some(text.clone())),
        Some(_) => Err(invalid(name, "one line of text, not too long, or null")),
    }
}

fn fits(text: &str) -> bool {
    text.len() <= VALUE_OCTETS_MAX && !text.contains(char::is_control)
}

/// Reads it; the error names what is wrong, what only the server sets too.
pub(super) fn read(value: &Value) -> Result<Wish, SetError> {
    const SETTABLE: [&str; 8] = [
        "forEmailId",
        "subject",
        "textBody",
        "includeOriginalMessage",
        "reportingUA",
        "disposition",
        "finalRecipient",
        "extensionFields",
    ];
    let object = value
        .as_object()
        .ok_or_else(|| SetError::invalid(&[], "an object is expected"))?;
    let strange = object.iter().filter(|(_, value)| !value.is_null());
    let strange = strange.map(|(name, _)| name.as_str());
    let strange: Vec<&str> = strange.filter(|name| !SETTABLE.contains(name)).collect();
    if !strange.is_empty() {
        return Err(SetError::invalid(&strange, "not to be set"));
    }
    let email = object.get("forEmailId").and_then(Value::as_str);
    let email = email.ok_or_else(|| invalid("forEmailId", "an id"))?;
    let text = match object.get("textBody") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.len() <= TEXT_OCTETS_MAX => Some(text.clone()),
        Some(_) => return Err(invalid("textBody", "text, not too long, or null")),
    };
    let whole = match object.get("includeOriginalMessage") {
        None | Some(Value::Null) => None,
        Some(Value::Bool(whole)) => Some(*whole),
        Some(_) => return Err(invalid("includeOriginalMessage", "true or false")),
    };
    let wrong = || {
        let why = "actionMode, sendingMode and type as in RFC 9007 §2";
        invalid("disposition", why)
    };
    let modes = object.get("disposition").and_then(Value::as_object);
    let modes = modes.filter(|modes| modes.len() == 3).ok_or_else(wrong)?;
    let word = |name: &str| modes.get(name).and_then(Value::as_str).unwrap_or_default();
    let either = |name: &str, no: &str, yes: &str| match word(name) {
        said if said == no => Ok(false),
        said if said == yes => Ok(true),
        _ => Err(wrong()),
    };
    // RFC 9007 §2: here in lower case alone.
    let kind = DispositionKind::parse(word("type")).filter(|kind| kind.word() == word("type"));
    Ok(Wish {
        email: email.to_owned(),
        subject: line(object, "subject")?,
        text,
        whole,
        reporting_ua: line(object, "reportingUA")?,
        final_recipient: line(object, "finalRecipient")?,
        extensions: extensions(object)?,
        acted_by_itself: either("actionMode", "manual-action", "automatic-action")?,
        sent_by_itself: either("sendingMode", "mdn-sent-manually", "mdn-sent-automatically")?,
        kind: kind.ok_or_else(wrong)?,
    })
}

fn extensions(object: &Map<String, Value>) -> Result<Vec<(String, String)>, SetError> {
    let wrong = || {
        invalid(
            "extensionFields",
            "names of further fields and lines of text, not too many",
        )
    };
    let fields = match object.get("extensionFields") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(fields)) if fields.len() <= EXTENSIONS_MAX => fields,
        Some(_) => return Err(wrong()),
    };
    let one = |(name, value): (&String, &Value)| match value {
        Value::String(text) if fits(text) && fits(name) && is_extension(name) => {
            Ok((name.clone(), text.clone()))
        }
        _ => Err(wrong()),
    };
    fields.iter().map(one).collect()
}
