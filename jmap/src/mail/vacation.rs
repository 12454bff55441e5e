//! RFC 8621 §8: what an account answers by itself; one object for each account that one sends as.

use crate::error::{MethodError, SetError};
use crate::ident;
use crate::request::{Arguments, Turn};
use crate::router::Context;
use crate::standard::{self, GetArguments, SetArguments, SetOutcome};
use directory::{Access, AccountId, Right, Sending, Vacation};
use formats::date;
use serde_json::{Map, Value, json};

/// RFC 8621 §8: the id of the only one.
const ID: &str = "singleton";

const PROPERTIES: [&str; 7] = [
    "id",
    "isEnabled",
    "fromDate",
    "toDate",
    "subject",
    "textBody",
    "htmlBody",
];

fn object(said: &Vacation) -> Map<String, Value> {
    let object = json!({
        "id": ID,
        "isEnabled": said.span.enabled,
        "fromDate": said.span.from.map(date::utc),
        "toDate": said.span.to.map(date::utc),
        "subject": said.subject,
        "textBody": said.text,
        "htmlBody": said.html,
    });
    object.as_object().cloned().unwrap_or_default()
}

fn state(said: &Vacation) -> String {
    let text = Value::Object(object(said)).to_string();
    blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
}

/// What is said now. Errors: `AccountNotSupportedByMethod` for accounts that one only reads (RFC 8621 §1.3.3).
fn said(turn: &Turn<'_>, account: &str, right: Right) -> Result<Vacation, MethodError> {
    turn.mail(account, right)?;
    let id = ident::parse_account(account).ok_or(MethodError::AccountNotFound)?;
    if turn.access.sending_for(id) != Sending::As {
        return Err(MethodError::AccountNotSupportedByMethod);
    }
    let said = turn.inner.context.directory.vacation(Some(turn.access), id);
    said.map_err(failed)
}

/// The state of an account that one sends as.
pub(crate) fn state_of(
    context: &Context,
    access: &Access,
    account: AccountId,
) -> Result<String, MethodError> {
    let said = context.directory.vacation(Some(access), account);
    Ok(state(&said.map_err(failed)?))
}

fn failed(error: directory::Error) -> MethodError {
    match error {
        directory::Error::Storage(error) => error.into(),
        _ => MethodError::AccountNotFound,
    }
}

/// RFC 8621 §8.1.
pub(crate) fn get(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: GetArguments = standard::read(arguments)?;
    standard::check_properties(&arguments.properties, &PROPERTIES)?;
    let said = said(turn, &arguments.account_id, Right::Read)?;
    let ids = arguments.ids.map(standard::wanted).transpose()?;
    let asked = ids.as_ref().is_none_or(|ids| ids.iter().any(|id| id == ID));
    let shown = asked.then(|| standard::pick(object(&said), &arguments.properties));
    let not_found: Vec<&String> = ids.iter().flatten().filter(|id| *id != ID).collect();
    Ok(json!({
        "accountId": arguments.account_id,
        "state": state(&said),
        "list": shown.into_iter().collect::<Vec<_>>(),
        "notFound": not_found,
    }))
}

/// RFC 8621 §8.2: only changed, never made or destroyed (RFC 8620 §5.3 singleton).
pub(crate) fn set(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: SetArguments = standard::read(arguments)?;
    let old = said(turn, &arguments.account_id, Right::Write)?;
    let before = state(&old);
    arguments.check(&before)?;
    let mut outcome = SetOutcome::default();
    for (creation, _) in arguments.create.unwrap_or_default() {
        outcome.create(turn, creation, Err(SetError::new("singleton")));
    }
    let mut now = old;
    for (id, patch) in arguments.update.unwrap_or_default() {
        let done = match id.as_str() {
            ID => change(turn, &now, &patch),
            _ => Err(SetError::not_found()),
        };
        let done = done.map(|new| {
            now = new;
            Value::Null
        });
        outcome.update(id, done);
    }
    for id in arguments.destroy.unwrap_or_default() {
        let error = match id.as_str() {
            ID => SetError::new("singleton"),
            _ => SetError::not_found(),
        };
        outcome.destroy(id, Err(error));
    }
    Ok(outcome.response(&arguments.account_id, &before, &state(&now)))
}

fn change(turn: &Turn<'_>, old: &Vacation, patch: &Value) -> Result<Vacation, SetError> {
    let new = patched(old, patch)?;
    let directory = &turn.inner.context.directory;
    let done = directory.set_vacation(Some(turn.access), new);
    done.map_err(|error| match error {
        directory::Error::Storage(error) => error.into(),
        directory::Error::Invalid { field, expected } => {
            let property = match field {
                "text" => "textBody",
                "html" => "htmlBody",
                "to" => "toDate",
                other => other,
            };
            SetError::invalid(&[property], format!("expected: {expected}"))
        }
        _ => SetError::forbidden("you do not have the right to do this"),
    })
}

/// RFC 8620 §5.3 PatchObject of an object without objects in it.
fn patched(old: &Vacation, patch: &Value) -> Result<Vacation, SetError> {
    let patch = patch
        .as_object()
        .ok_or_else(|| SetError::invalid_patch("an object is expected"))?;
    let mut new = old.clone();
    for (path, value) in patch {
        let wrong = |expected: &str| SetError::invalid(&[path], format!("expected: {expected}"));
        let text = || match value {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text.clone())),
            _ => Err(wrong("a string or null")),
        };
        match path.as_str() {
            "id" if value == ID => {}
            "id" => return Err(wrong("the id as it is")),
            "isEnabled" => {
                let flag = value.as_bool();
                new.span.enabled = flag.ok_or_else(|| wrong("true or false"))?;
            }
            "fromDate" => new.span.from = time(value).ok_or_else(|| wrong("a UTCDate or null"))?,
            "toDate" => new.span.to = time(value).ok_or_else(|| wrong("a UTCDate or null"))?,
            "subject" => new.subject = text()?,
            "textBody" => new.text = text()?,
            "htmlBody" => new.html = text()?,
            other if other.contains('/') => {
                return Err(SetError::invalid_patch(format!("no such path: {other}")));
            }
            _ => return Err(wrong("no such property")),
        }
    }
    Ok(new)
}

/// RFC 8620 §1.4 UTCDate or null.
fn time(value: &Value) -> Option<Option<i64>> {
    match value {
        Value::Null => Some(None),
        Value::String(text) if text.ends_with('Z') => Some(Some(date::parse_utc(text)?)),
        _ => None,
    }
}
