//! RFC 8621 §4.6: an Email object to be created, written as a message by `formats`.

use super::header::{Form, HeaderProperty};
use crate::blob;
use crate::error::SetError;
use crate::ident::BlobName;
use crate::limit;
use crate::request::Turn;
use crate::sight::Sight;
use formats::address::Address;
use formats::date;
use formats::message::header as fields;
use formats::message::{Draft, Enclosure, NamedAddress, charset, compose};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Minutes east of Greenwich in a Date that the server sets: Vietnam.
const OFFSET_MIN: i32 = 7 * 60;

type Object = Map<String, Value>;

/// Properties that say where the message goes, not what it is.
const PLACE: [&str; 3] = ["mailboxIds", "keywords", "receivedAt"];

/// The octets of the message that this object describes.
pub(crate) fn write(turn: &Turn<'_>, mail: &Sight, object: &Object) -> Result<Vec<u8>, SetError> {
    let size_max = turn.inner.context.size_max;
    let mut builder = Builder {
        mail,
        draft: Draft {
            sent_at: (turn.now_s(), OFFSET_MIN),
            message_id: message_id(&turn.inner.context.delivery.settings().host)?,
            ..Draft::default()
        },
        seen: BTreeSet::new(),
        missing: Vec::new(),
        octets_left: size_max,
        size_max,
    };
    for (name, value) in object {
        builder.property(name, value)?;
    }
    builder.bodies(object)?;
    if !builder.missing.is_empty() {
        return Err(SetError::new("blobNotFound").with("notFound", json!(builder.missing)));
    }
    let bytes = compose(&builder.draft);
    if bytes.len() as u64 > size_max {
        return Err(SetError::new("tooLarge").with("maxSize", size_max));
    }
    Ok(bytes)
}

/// RFC 5322 §3.6.4: unique by chance, at this host.
fn message_id(host: &str) -> Result<String, SetError> {
    let mut random = [0u8; 16];
    getrandom::fill(&mut random).map_err(|_| SetError::new("serverFail"))?;
    let number = u128::from_be_bytes(random);
    Ok(format!("{number:032x}@{host}"))
}

struct Builder<'a> {
    mail: &'a Sight,
    draft: Draft,
    /// Header fields given so far, in lower case: none may be given twice.
    seen: BTreeSet<String>,
    missing: Vec<String>,
    octets_left: u64,
    size_max: u64,
}

fn invalid(name: &str, why: &str) -> SetError {
    SetError::invalid(&[name], why)
}

impl Builder<'_> {
    fn property(&mut self, name: &str, value: &Value) -> Result<(), SetError> {
        if PLACE.contains(&name) || BODY.contains(&name) {
            return Ok(());
        }
        let (field, form) = match name {
            "messageId" => ("Message-ID", Form::MessageIds),
            "inReplyTo" => ("In-Reply-To", Form::MessageIds),
            "references" => ("References", Form::MessageIds),
            "sender" => ("Sender", Form::Addresses),
            "from" => ("From", Form::Addresses),
            "to" => ("To", Form::Addresses),
            "cc" => ("Cc", Form::Addresses),
            "bcc" => ("Bcc", Form::Addresses),
            "replyTo" => ("Reply-To", Form::Addresses),
            "subject" => ("Subject", Form::Text),
            "sentAt" => ("Date", Form::Date),
            other => return self.header_property(other, value),
        };
        self.field(name, field, form, value)
    }

    /// `header:Name:asForm:all`.
    fn header_property(&mut self, name: &str, value: &Value) -> Result<(), SetError> {
        let Some(text) = name.strip_prefix("header:") else {
            return Err(invalid(name, "cannot be set"));
        };
        let property = HeaderProperty::parse(text).map_err(|why| invalid(name, &why))?;
        let lower = property.name.to_ascii_lowercase();
        if lower.starts_with("content-") || lower == "mime-version" {
            return Err(invalid(name, "the server writes this field"));
        }
        if !property.all {
            return self.field(name, &property.name, property.form, value);
        }
        self.claim(name, &lower)?;
        let values = value
            .as_array()
            .ok_or_else(|| invalid(name, "a list is expected"))?;
        let max = if ONCE.contains(&lower.as_str()) {
            1
        } else {
            limit::CREATE_FIELDS_MAX
        };
        if values.len() > max {
            return Err(invalid(name, "too many of them"));
        }
        let mut values = values.iter();
        values.try_for_each(|v| self.fill(name, &property.name, property.form, v))
    }

    fn field(
        &mut self,
        property: &str,
        field: &str,
        form: Form,
        value: &Value,
    ) -> Result<(), SetError> {
        self.claim(property, &field.to_ascii_lowercase())?;
        self.fill(property, field, form, value)
    }

    /// RFC 8621 §4.6: no two properties may stand for the same header field. `lower`: its name.
    fn claim(&mut self, property: &str, lower: &str) -> Result<(), SetError> {
        if !self.seen.insert(lower.to_owned()) {
            return Err(invalid(property, "this header field is given twice"));
        }
        if self.seen.len() > limit::CREATE_FIELDS_MAX {
            return Err(invalid(property, "too many header fields"));
        }
        Ok(())
    }

    fn fill(
        &mut self,
        property: &str,
        field: &str,
        form: Form,
        value: &Value,
    ) -> Result<(), SetError> {
        if value.is_null() {
            return Ok(());
        }
        let wrong = |expected: &str| invalid(property, expected);
        match field.to_ascii_lowercase().as_str() {
            "from" => self.draft.from = people(form, value).ok_or_else(|| wrong(PEOPLE))?,
            "to" => self.draft.to = people(form, value).ok_or_else(|| wrong(PEOPLE))?,
            "cc" => self.draft.cc = people(form, value).ok_or_else(|| wrong(PEOPLE))?,
            "bcc" => self.draft.bcc = people(form, value).ok_or_else(|| wrong(PEOPLE))?,
            "reply-to" => self.draft.reply_to = people(form, value).ok_or_else(|| wrong(PEOPLE))?,
            "in-reply-to" => self.draft.in_reply_to = ids(form, value).ok_or_else(|| wrong(IDS))?,
            "references" => self.draft.references = ids(form, value).ok_or_else(|| wrong(IDS))?,
            "message-id" => {
                let ids = ids(form, value).ok_or_else(|| wrong(IDS))?;
                let only = <[String; 1]>::try_from(ids).map_err(|_| wrong("exactly one id"))?;
                [self.draft.message_id] = only;
            }
            "subject" => self.draft.subject = text(form, value).ok_or_else(|| wrong("a string"))?,
            "date" => self.draft.sent_at = when(form, value).ok_or_else(|| wrong("a Date"))?,
            _ => {
                let text = written(form, value).ok_or_else(|| wrong("a value of this form"))?;
                self.draft.extra.push((field.to_owned(), text));
            }
        }
        Ok(())
    }
}

/// RFC 5322 §3.6: fields that a message has no more than once.
const ONCE: [&str; 11] = [
    "date",
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "message-id",
    "in-reply-to",
    "references",
    "subject",
];

const PEOPLE: &str = "a list of EmailAddress objects";
const IDS: &str = "a list of message ids";

/// RFC 8621 §4.1.2.3; group names are not kept.
fn people(form: Form, value: &Value) -> Option<Vec<NamedAddress>> {
    match form {
        Form::Addresses => value.as_array()?.iter().map(person).collect(),
        Form::GroupedAddresses => {
            let groups = value
                .as_array()?
                .iter()
                .map(|g| g.get("addresses")?.as_array());
            let groups: Option<Vec<_>> = groups.collect();
            groups?.into_iter().flatten().map(person).collect()
        }
        Form::Raw => {
            let groups = fields::decoded_addresses(value.as_str()?.as_bytes());
            Some(groups.into_iter().flat_map(|g| g.addresses).collect())
        }
        _ => None,
    }
}

fn person(value: &Value) -> Option<NamedAddress> {
    let map = value.as_object()?;
    let name = match map.get("name") {
        None | Some(Value::Null) => None,
        Some(name) => Some(name.as_str()?.to_owned()),
    };
    let email = map.get("email")?.as_str()?.to_owned();
    Some(NamedAddress { name, email })
}

fn ids(form: Form, value: &Value) -> Option<Vec<String>> {
    match form {
        Form::MessageIds => strings(value),
        Form::Raw => Some(fields::message_ids(value.as_str()?.as_bytes())),
        _ => None,
    }
}

fn strings(value: &Value) -> Option<Vec<String>> {
    let texts = value
        .as_array()?
        .iter()
        .map(|v| v.as_str().map(str::to_owned));
    texts.collect()
}

fn text(form: Form, value: &Value) -> Option<String> {
    match form {
        Form::Text => value.as_str().map(str::to_owned),
        Form::Raw => value.as_str().map(|v| fields::text(v.as_bytes())),
        _ => None,
    }
}

fn when(form: Form, value: &Value) -> Option<(i64, i32)> {
    let text = value.as_str()?;
    match form {
        Form::Date => Some((date::parse_utc(text)?, offset(text))),
        Form::Raw => date::parse_rfc5322(text.trim()),
        _ => None,
    }
}

/// Minutes of `+07:00` at the end of an RFC 3339 time; none for `Z`.
fn offset(text: &str) -> i32 {
    let read = || {
        let zone = text.get(text.len().checked_sub(6)?..)?;
        let (hours, minutes) = zone.get(1..)?.split_once(':')?;
        let total = hours.parse::<i32>().ok()? * 60 + minutes.parse::<i32>().ok()?;
        match zone.as_bytes()[0] {
            b'+' => Some(total),
            b'-' => Some(-total),
            _ => None,
        }
    };
    read().unwrap_or(0)
}

/// Any other field as its value is written; `formats` encodes what is not ASCII and keeps line ends out.
fn written(form: Form, value: &Value) -> Option<String> {
    match form {
        Form::Raw => value.as_str().map(|v| v.trim().to_owned()),
        Form::Text => value.as_str().map(|v| fields::encode_words(v.trim())),
        Form::Addresses | Form::GroupedAddresses => {
            let each: Option<Vec<_>> = people(form, value)?.iter().map(mailbox).collect();
            Some(each?.join(", "))
        }
        Form::MessageIds | Form::Urls => {
            let between = if form == Form::Urls { ", " } else { " " };
            let each = strings(value)?.into_iter().map(|v| format!("<{v}>"));
            Some(each.collect::<Vec<_>>().join(between))
        }
        Form::Date => when(form, value).map(|(at, offset)| date::rfc5322(at, offset)),
    }
}

/// RFC 5322 §3.4: `"name" <address>`; `None` for what is no address.
fn mailbox(person: &NamedAddress) -> Option<String> {
    let address = Address::parse(person.email.trim()).ok()?;
    let name = person.name.as_deref().unwrap_or_default();
    let name = name.replace(|c: char| c.is_control(), " ");
    let name = name.trim();
    let encoded = fields::encode_words(name);
    Some(if name.is_empty() {
        address.to_string()
    } else if encoded == name {
        let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{quoted}\" <{address}>")
    } else {
        format!("{encoded} <{address}>")
    })
}

/// Properties of the body, taken together by [`Builder::bodies`].
const BODY: [&str; 5] = [
    "bodyStructure",
    "bodyValues",
    "textBody",
    "htmlBody",
    "attachments",
];

impl Builder<'_> {
    fn bodies(&mut self, object: &Object) -> Result<(), SetError> {
        let empty = Object::new();
        let values = match object.get("bodyValues") {
            None | Some(Value::Null) => &empty,
            Some(Value::Object(values)) => values,
            Some(_) => return Err(invalid("bodyValues", "an object is expected")),
        };
        let given = |name: &str| object.get(name).filter(|v| !v.is_null());
        if let Some(structure) = given("bodyStructure") {
            if ["textBody", "htmlBody", "attachments"]
                .iter()
                .any(|n| given(n).is_some())
            {
                return Err(invalid(
                    "bodyStructure",
                    "excludes textBody, htmlBody and attachments",
                ));
            }
            let mut parts = limit::CREATE_PARTS_MAX;
            return self.structure(structure, values, &mut parts, 0);
        }
        if let Some(value) = given("textBody") {
            let part = only(value, "textBody", "text/plain")?;
            self.draft.text = Some(self.text(part, values, "textBody")?);
        }
        if let Some(value) = given("htmlBody") {
            let part = only(value, "htmlBody", "text/html")?;
            self.draft.html = Some(self.text(part, values, "htmlBody")?);
        }
        let list = given("attachments").map(|v| v.as_array());
        let attachments = match list {
            None => return Ok(()),
            Some(Some(list)) if list.len() <= limit::CREATE_PARTS_MAX => list,
            Some(_) => return Err(invalid("attachments", "a list, not too long, is expected")),
        };
        for part in attachments {
            self.enclosure(part, values, "attachments")?;
        }
        Ok(())
    }

    /// A given structure, flattened: RFC 8621 §4.6 lets the server choose another one. The first text and
    /// the first HTML are the letter; everything else goes with it.
    fn structure(
        &mut self,
        value: &Value,
        values: &Object,
        parts: &mut usize,
        depth: usize,
    ) -> Result<(), SetError> {
        const NAME: &str = "bodyStructure";
        *parts = parts
            .checked_sub(1)
            .ok_or_else(|| invalid(NAME, "too many parts"))?;
        if depth > limit::FILTER_DEPTH_MAX {
            return Err(invalid(NAME, "too deep"));
        }
        let map = value
            .as_object()
            .ok_or_else(|| invalid(NAME, "an object is expected"))?;
        if let Some(inner) = map.get("subParts").filter(|v| !v.is_null()) {
            let inner = inner
                .as_array()
                .ok_or_else(|| invalid(NAME, "subParts must be a list"))?;
            return inner
                .iter()
                .try_for_each(|p| self.structure(p, values, parts, depth + 1));
        }
        let attached = map.get("disposition").and_then(Value::as_str) == Some("attachment");
        match kind(map).as_deref() {
            Some("text/plain") | None if !attached && self.draft.text.is_none() => {
                self.draft.text = Some(self.text(map, values, NAME)?);
            }
            Some("text/html") if !attached && self.draft.html.is_none() => {
                self.draft.html = Some(self.text(map, values, NAME)?);
            }
            _ => self.enclosure(value, values, NAME)?,
        }
        Ok(())
    }

    fn text(&mut self, part: &Object, values: &Object, name: &str) -> Result<String, SetError> {
        check_part(part, name)?;
        match self.content(part, values, name)? {
            Content::Text(text) => Ok(text),
            Content::Octets(octets) => {
                let declared = part.get("charset").and_then(Value::as_str);
                Ok(charset::decode(declared.unwrap_or("utf-8"), &octets))
            }
        }
    }

    fn enclosure(&mut self, value: &Value, values: &Object, name: &str) -> Result<(), SetError> {
        let part = value
            .as_object()
            .ok_or_else(|| invalid(name, "an object is expected"))?;
        check_part(part, name)?;
        let bytes = match self.content(part, values, name)? {
            Content::Text(text) => text.into_bytes(),
            Content::Octets(octets) => octets,
        };
        let string = |key: &str| part.get(key).and_then(Value::as_str).map(str::to_owned);
        let cid = string("cid");
        let disposition = string("disposition");
        let inline = match disposition.as_deref() {
            Some(kind) => kind.eq_ignore_ascii_case("inline"),
            None => cid.is_some(),
        };
        self.draft.attachments.push(Enclosure {
            name: string("name").unwrap_or_default(),
            media_type: kind(part).unwrap_or_else(|| "application/octet-stream".to_owned()),
            bytes,
            cid,
            inline,
        });
        Ok(())
    }

    /// RFC 8621 §4.6: a partId or a blobId, not both.
    fn content(&mut self, part: &Object, values: &Object, name: &str) -> Result<Content, SetError> {
        let given = |key: &str| part.get(key).filter(|v| !v.is_null());
        let content = match (given("partId"), given("blobId")) {
            (Some(id), None) => {
                let id = id
                    .as_str()
                    .ok_or_else(|| invalid(name, "partId must be a string"))?;
                if given("charset").is_some() || given("size").is_some() {
                    return Err(invalid(name, "charset and size go with a blobId only"));
                }
                let value = values
                    .get(id)
                    .ok_or_else(|| invalid("bodyValues", "a part has no value"))?;
                Content::Text(body_value(value)?)
            }
            (None, Some(Value::String(id))) => match self.blob(id)? {
                Some(octets) => Content::Octets(octets),
                None => {
                    self.missing.push(id.clone());
                    Content::Octets(Vec::new())
                }
            },
            _ => return Err(invalid(name, "a part needs a partId or a blobId")),
        };
        let octets = match &content {
            Content::Text(text) => text.len(),
            Content::Octets(octets) => octets.len(),
        };
        let left = self.octets_left.checked_sub(octets as u64);
        self.octets_left =
            left.ok_or_else(|| SetError::new("tooLarge").with("maxSize", self.size_max))?;
        Ok(content)
    }

    fn blob(&self, id: &str) -> Result<Option<Vec<u8>>, SetError> {
        let Some(name) = BlobName::parse(id) else {
            return Ok(None);
        };
        match blob::read(self.mail, &name) {
            Ok(octets) => Ok(Some(octets.to_vec())),
            Err(storage::Error::NotFound | storage::Error::Expunged) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }
}

enum Content {
    Text(String),
    Octets(Vec<u8>),
}

fn kind(part: &Object) -> Option<String> {
    part.get("type")
        .and_then(Value::as_str)
        .map(str::to_ascii_lowercase)
}

/// Exactly one part, of this type.
fn only<'a>(value: &'a Value, name: &str, wanted: &str) -> Result<&'a Object, SetError> {
    let part = match value.as_array().map(Vec::as_slice) {
        Some([Value::Object(part)]) => part,
        _ => return Err(invalid(name, "exactly one part is expected")),
    };
    if kind(part).is_some_and(|k| k != wanted) {
        return Err(invalid(name, &format!("its type must be {wanted}")));
    }
    Ok(part)
}

/// RFC 8621 §4.6: no `headers`; fields of a part are made from its properties.
fn check_part(part: &Object, name: &str) -> Result<(), SetError> {
    const KNOWN: [&str; 11] = [
        "partId",
        "blobId",
        "size",
        "name",
        "type",
        "charset",
        "disposition",
        "cid",
        "language",
        "location",
        "subParts",
    ];
    match part.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        Some(key) => Err(invalid(name, &format!("a part cannot have {key}"))),
        None => Ok(()),
    }
}

fn body_value(value: &Value) -> Result<String, SetError> {
    let flag = |key: &str| value.get(key).and_then(Value::as_bool).unwrap_or(false);
    let text = value.get("value").and_then(Value::as_str);
    match text {
        Some(text) if !flag("isEncodingProblem") && !flag("isTruncated") => Ok(text.to_owned()),
        _ => Err(invalid("bodyValues", "a whole value is expected")),
    }
}
