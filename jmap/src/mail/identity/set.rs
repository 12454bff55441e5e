//! RFC 8621 §6.3: names, signatures, and whereto answers and copies go; the addresses are the directory's.

use super::{Said, object, stand};
use crate::error::{MethodError, SetError};
use crate::ident;
use crate::request::{Arguments, Turn};
use crate::standard::{self, SetArguments, SetOutcome};
use directory::signature::{HTML_OCTETS_MAX, Named};
use directory::{Right, Signature};
use formats::address::Address;
use formats::html::{CleanOptions, Images, clean};
use serde_json::Value;

/// As `Identity/set`.
pub(crate) fn set(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: SetArguments = standard::read(arguments)?;
    let account = ident::parse_account(&arguments.account_id);
    let account = account.ok_or(MethodError::AccountNotFound)?;
    turn.mail(&arguments.account_id, Right::Write)?;
    let mut all = super::said(turn.access, account)?;
    let before = turn.inner.remembered.keep(&stand(&all));
    arguments.check(&before)?;
    let mut outcome = SetOutcome::default();
    for (creation, new) in arguments.create.unwrap_or_default() {
        let error = uncreated(&all, &new);
        outcome.create(turn, creation, Err(error));
    }
    for (id, patch) in arguments.update.unwrap_or_default() {
        let done = match all.iter_mut().find(|said| said.identity.id == id) {
            Some(said) => change(turn, said, &patch),
            None => Err(SetError::not_found()),
        };
        outcome.update(id, done);
    }
    for id in arguments.destroy.unwrap_or_default() {
        let known = all.iter().any(|said| said.identity.id == id);
        let error = match known {
            true => SetError::forbidden("an identity stays as long as its address"),
            false => SetError::not_found(),
        };
        outcome.destroy(id, Err(error));
    }
    let after = turn.inner.remembered.keep(&stand(&all));
    Ok(outcome.response(&arguments.account_id, &before, &after))
}

/// RFC 8621 §6.3 forbiddenFrom: an address that one may not send from; those that one may have an identity already.
fn uncreated(all: &[Said], new: &Value) -> SetError {
    let address = new["email"].as_str().and_then(|a| Address::parse(a).ok());
    let known = |a: Address| all.iter().any(|i| i.identity.address.key() == a.key());
    match address.is_some_and(known) {
        true => SetError::forbidden("each address has one identity; change that one"),
        false => SetError::new("forbiddenFrom"),
    }
}

/// The properties that are otherwise than they were asked for (RFC 8620 §5.3).
fn change(turn: &Turn<'_>, said: &mut Said, patch: &Value) -> Result<Value, SetError> {
    let signature = patched(said, patch)?;
    turn.access
        .set_signature(&signature)
        .map_err(|error| match error {
            directory::Error::Storage(storage::Error::TooLarge(what)) => {
                SetError::new("overQuota").because(what)
            }
            directory::Error::Storage(error) => error.into(),
            directory::Error::Invalid { field, expected } => {
                let property = match field {
                    "reply_to" => "replyTo",
                    "text" => "textSignature",
                    "html" => "htmlSignature",
                    other => other,
                };
                SetError::invalid(&[property], format!("expected: {expected}"))
            }
            _ => SetError::forbidden("you do not send as this mailbox"),
        })?;
    said.signature = signature;
    let mut now = object(said);
    now.retain(|property, value| patch.get(property).is_some_and(|asked| asked != value));
    Ok(match now.is_empty() {
        true => Value::Null,
        false => Value::Object(now),
    })
}

/// RFC 8620 §5.3 PatchObject; nothing within a value is patched.
fn patched(said: &Said, patch: &Value) -> Result<Signature, SetError> {
    let patch = patch
        .as_object()
        .ok_or_else(|| SetError::invalid_patch("an object is expected"))?;
    let is = object(said);
    let mut new = said.signature.clone();
    for (path, value) in patch {
        let wrong = |expected: &str| SetError::invalid(&[path], format!("expected: {expected}"));
        let text = || match value {
            Value::Null => Ok(String::new()),
            Value::String(text) => Ok(text.clone()),
            _ => Err(wrong("a string")),
        };
        match path.as_str() {
            "name" => {
                let name = text()?.trim().to_owned();
                // The directory's own follows the directory.
                let own = name.is_empty() || name == said.identity.name;
                new.name = (!own).then_some(name);
            }
            "replyTo" => new.reply_to = people(value).ok_or_else(|| wrong(PEOPLE))?,
            "bcc" => new.bcc = people(value).ok_or_else(|| wrong(PEOPLE))?,
            "textSignature" => new.text = text()?,
            "htmlSignature" => new.html = cleaned(&text()?).ok_or_else(|| wrong("less HTML"))?,
            // RFC 8620 §5.3: what the server sets may be said as it is.
            "id" | "email" | "mayDelete" if is.get(path) == Some(value) => {}
            "id" | "email" | "mayDelete" => return Err(wrong("the value as it is")),
            other if other.contains('/') => {
                return Err(SetError::invalid_patch(format!("no such path: {other}")));
            }
            _ => return Err(wrong("no such property")),
        }
    }
    Ok(new)
}

const PEOPLE: &str = "a list of EmailAddress objects, or null";

/// `None`: no EmailAddress[] or null. An empty list says nothing.
fn people(value: &Value) -> Option<Option<Vec<Named>>> {
    let list = match value {
        Value::Null => return Some(None),
        value => value.as_array()?,
    };
    let one = |one: &Value| {
        let one = one.as_object()?;
        let known = |key: &String| key == "name" || key == "email";
        let name = match one.get("name") {
            None | Some(Value::Null) => None,
            Some(name) => Some(name.as_str()?.trim().to_owned()).filter(|name| !name.is_empty()),
        };
        let email = one.get("email")?.as_str()?.trim().to_owned();
        one.keys().all(known).then_some((name, email))
    };
    let list: Option<Vec<Named>> = list.iter().map(one).collect();
    list.map(|list| Some(list).filter(|list| !list.is_empty()))
}

/// What goes below letters is cleaned as letters are: no script, no style that reaches over others, no picture on another
/// server, by which each reader would be told of. `None`: far too much.
fn cleaned(html: &str) -> Option<String> {
    // What is too long when clean is refused by the directory.
    const READ_MAX: usize = 4 * HTML_OCTETS_MAX;
    if html.len() > READ_MAX {
        return None;
    }
    let options = CleanOptions {
        images: Images::Blocked,
        cid_prefix: "cid:",
        proxy: None,
    };
    let cleaned = clean(html, &options);
    Some(cleaned.html).filter(|_| !cleaned.truncated)
}
