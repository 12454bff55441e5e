//! RFC 8621 §4.2 Email/get, RFC 8621 §4.9 Email/parse.

use super::body::{self, Values};
use super::property::{DEFAULT, Properties, Property, Source, Wish};
use super::visible;
use crate::error::MethodError;
use crate::ident::BlobName;
use crate::request::{Arguments, Turn};
use crate::sight::Sight;
use crate::{blob, limit, standard, state};
use directory::Right;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use storage::{EmailId, State};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EmailArguments {
    account_id: String,
    ids: Option<Vec<String>>,
    blob_ids: Option<Vec<String>>,
    properties: Option<Vec<String>>,
    body_properties: Option<Vec<String>>,
    #[serde(default)]
    fetch_text_body_values: bool,
    #[serde(default, rename = "fetchHTMLBodyValues")]
    fetch_html_body_values: bool,
    #[serde(default)]
    fetch_all_body_values: bool,
    #[serde(default)]
    max_body_value_bytes: u64,
}

impl EmailArguments {
    fn wish(&mut self, default: &[&str]) -> Result<Wish, MethodError> {
        let named = self.properties.take();
        let named = named.unwrap_or_else(|| default.iter().map(|p| (*p).to_owned()).collect());
        Ok(Wish {
            properties: properties(named)?,
            body: body::properties(self.body_properties.take())?,
            values: Values {
                text: self.fetch_text_body_values,
                html: self.fetch_html_body_values,
                all: self.fetch_all_body_values,
                octets_max: usize::try_from(self.max_body_value_bytes).unwrap_or(usize::MAX),
            },
        })
    }
}

fn properties(names: Vec<String>) -> Result<Properties, MethodError> {
    if names.len() > limit::PROPERTIES_MAX {
        return Err(MethodError::argument("properties", "fewer of them"));
    }
    names
        .into_iter()
        .map(|name| {
            let property = Property::parse(&name)?;
            Ok((name, property))
        })
        .collect()
}

/// RFC 8621 §4.2.
pub(crate) fn get(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let mut arguments: EmailArguments = standard::read(arguments)?;
    if arguments.blob_ids.is_some() {
        return Err(MethodError::argument(
            "blobIds",
            "not an argument of Email/get",
        ));
    }
    let mut wish = arguments.wish(&DEFAULT)?;
    // RFC 8620 §5.1: the id is always there.
    if !wish.properties.iter().any(|(name, _)| name == "id") {
        wish.properties.push(("id".into(), Property::Id));
    }
    let mail = turn.mail(&arguments.account_id, Right::Read)?;
    let state = state::current(&mail)?;
    let ids = match arguments.ids {
        Some(ids) => standard::wanted(ids)?,
        None => everything(&mail)?,
    };
    let (mut found, mut not_found) = (Vec::new(), Vec::new());
    for id in ids {
        match visible(&mail, &id)? {
            Some(state) => found.push(state),
            None => not_found.push(id),
        }
    }
    let list = objects(&mail, &found, &wish, &mut turn.body_octets)?;
    // What was expunged between the two reads is not found either.
    if list.len() < found.len() {
        let there: Vec<&str> = list.iter().filter_map(|o| o["id"].as_str()).collect();
        let ids = found.iter().map(|s| mail.ids().email(s.email));
        not_found.extend(ids.filter(|id| !there.contains(&id.as_str())));
    }
    Ok(json!({
        "accountId": arguments.account_id,
        "state": state,
        "list": list,
        "notFound": not_found,
    }))
}

/// RFC 8620 §5.1: all of them, when there are no more than a call may have.
fn everything(mail: &Sight) -> Result<Vec<String>, MethodError> {
    let mut ids = Vec::new();
    mail.scan_all(&mut |state| {
        if !state.has(crate::mail::DELETED) {
            ids.push(mail.ids().email(state.email));
        }
        ids.len() <= limit::GET_OBJECTS_MAX
    })?;
    if ids.len() > limit::GET_OBJECTS_MAX {
        return Err(MethodError::RequestTooLarge);
    }
    Ok(ids)
}

/// Email objects of these messages, in order.
pub(crate) fn objects(
    mail: &Sight,
    states: &[State],
    wish: &Wish,
    budget: &mut usize,
) -> Result<Vec<Value>, MethodError> {
    let ids: Vec<EmailId> = states.iter().map(|s| s.email).collect();
    let summaries: HashMap<_, _> = mail.summaries(&ids)?.into_iter().collect();
    let content = wish.needs_content();
    let mut list = Vec::with_capacity(states.len());
    for state in states {
        let Some(summary) = summaries.get(&state.email) else {
            continue;
        };
        let raw = match content.then(|| mail.content(state.email)) {
            None => None,
            Some(Ok(raw)) => Some(raw),
            Some(Err(storage::Error::NotFound | storage::Error::Expunged)) => continue,
            // RFC 8620 §5.1: `notFound` is for what does not exist, and clients forget it; an error of the method
            // would take the other messages of the page away too. So the message is given by its summary, and its
            // body values say that they are not all there is (see `body::Values`).
            Some(Err(storage::Error::Damaged(_))) => None,
            Some(Err(other)) => return Err(other.into()),
        };
        let source = Source {
            ids: mail.ids(),
            state: Some(state),
            summary,
            blob: BlobName::message(state.email),
            raw,
        };
        list.push(Value::Object(source.object(wish, budget)));
    }
    Ok(list)
}

/// The properties of a list's row, for the first paint.
pub(crate) fn row_wish(names: &[&str]) -> Result<Wish, MethodError> {
    Ok(Wish {
        properties: properties(names.iter().map(|n| (*n).to_owned()).collect())?,
        body: Vec::new(),
        values: Values::default(),
    })
}

/// One property of one message as Email/get would give it.
pub(crate) fn single(mail: &Sight, state: &State, name: &str) -> Option<Value> {
    let wish = row_wish(&[name]).ok()?;
    let mut budget = limit::BODY_VALUES_OCTETS_MAX;
    let list = objects(mail, std::slice::from_ref(state), &wish, &mut budget).ok()?;
    list.into_iter()
        .next()
        .map(|mut object| object[name].take())
}

/// RFC 8621 §4.9.
pub(crate) fn parse(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let mut arguments: EmailArguments = standard::read(arguments)?;
    let blobs = match (&arguments.ids, arguments.blob_ids.take()) {
        (None, Some(blobs)) => standard::wanted(blobs)?,
        _ => return Err(MethodError::argument("blobIds", "a list of ids")),
    };
    let wish = arguments.wish(&DEFAULT[7..])?;
    let mail = turn.mail(&arguments.account_id, Right::Read)?;
    let (mut parsed, mut not_parsable, mut not_found) = (Map::new(), Vec::new(), Vec::new());
    for id in blobs {
        let read = BlobName::parse(&id).map(|name| blob::read(&mail, &name).map(|b| (name, b)));
        let (name, raw) = match read {
            Some(Ok(found)) => found,
            None | Some(Err(storage::Error::NotFound | storage::Error::Expunged)) => {
                not_found.push(id);
                continue;
            }
            Some(Err(storage::Error::Damaged(_))) => {
                not_parsable.push(id);
                continue;
            }
            Some(Err(other)) => return Err(other.into()),
        };
        if !looks_like_mail(&raw) {
            not_parsable.push(id);
            continue;
        }
        let source = Source {
            ids: mail.ids(),
            state: None,
            summary: &formats::message::summarize(&raw),
            blob: name,
            raw: Some(raw),
        };
        parsed.insert(
            id,
            Value::Object(source.object(&wish, &mut turn.body_octets)),
        );
    }
    let list = |ids: Vec<String>| {
        if ids.is_empty() {
            Value::Null
        } else {
            json!(ids)
        }
    };
    Ok(json!({
        "accountId": arguments.account_id,
        "parsed": if parsed.is_empty() { Value::Null } else { Value::Object(parsed) },
        "notParsable": list(not_parsable),
        "notFound": list(not_found),
    }))
}

/// A message begins with a header field (RFC 5322 §2.1); what does not is some other file.
pub(crate) fn looks_like_mail(raw: &[u8]) -> bool {
    let first = raw.split(|b| *b == b'\n').next().unwrap_or_default();
    formats::message::header::fields(first).next().is_some()
}
