//! RFC 8621 §4.1.2, §4.1.3: header fields as properties, in their raw and parsed forms.

use formats::date;
use formats::message::header::{self, Field};
use formats::message::{Group, NamedAddress};
use serde_json::{Value, json};

/// RFC 8621 §4.1.2: how a field's value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Raw,
    Text,
    Addresses,
    GroupedAddresses,
    MessageIds,
    Date,
    Urls,
}

/// `header:Name:asForm:all`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeaderProperty {
    /// As the client wrote it.
    pub(crate) name: String,
    pub(crate) form: Form,
    pub(crate) all: bool,
}

/// Fields of RFC 5322 §3.6 and RFC 2369 §3, with the form that each may have beside raw.
const DEFINED: [(&str, Option<Form>); 29] = [
    ("date", Some(Form::Date)),
    ("from", Some(Form::Addresses)),
    ("sender", Some(Form::Addresses)),
    ("reply-to", Some(Form::Addresses)),
    ("to", Some(Form::Addresses)),
    ("cc", Some(Form::Addresses)),
    ("bcc", Some(Form::Addresses)),
    ("message-id", Some(Form::MessageIds)),
    ("in-reply-to", Some(Form::MessageIds)),
    ("references", Some(Form::MessageIds)),
    ("subject", Some(Form::Text)),
    ("comments", Some(Form::Text)),
    ("keywords", Some(Form::Text)),
    ("resent-date", Some(Form::Date)),
    ("resent-from", Some(Form::Addresses)),
    ("resent-sender", Some(Form::Addresses)),
    ("resent-reply-to", Some(Form::Addresses)),
    ("resent-to", Some(Form::Addresses)),
    ("resent-cc", Some(Form::Addresses)),
    ("resent-bcc", Some(Form::Addresses)),
    ("resent-message-id", Some(Form::MessageIds)),
    ("return-path", None),
    ("received", None),
    ("list-help", Some(Form::Urls)),
    ("list-unsubscribe", Some(Form::Urls)),
    ("list-subscribe", Some(Form::Urls)),
    ("list-post", Some(Form::Urls)),
    ("list-owner", Some(Form::Urls)),
    ("list-archive", Some(Form::Urls)),
];

/// Octets of a field name in a property.
const NAME_MAX: usize = 200;

impl HeaderProperty {
    /// Reads what follows `header:`; the error says why not (RFC 8621 §4.1.3).
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut steps = text.split(':');
        let name = steps.next().unwrap_or_default();
        let sound = !name.is_empty()
            && name.len() <= NAME_MAX
            && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
        if !sound {
            return Err("not a header field name".into());
        }
        let mut form = Form::Raw;
        let mut all = false;
        let mut next = steps.next();
        if let Some(found) = next.and_then(parse_form) {
            form = found;
            next = steps.next();
        }
        if next == Some("all") {
            all = true;
            next = steps.next();
        }
        if next.is_some() {
            return Err("expected header:Name, then :asForm, then :all".into());
        }
        if !allowed(name, form) {
            return Err("this form is not allowed for this field (RFC 8621 §4.1.2)".into());
        }
        Ok(Self {
            name: name.to_owned(),
            form,
            all,
        })
    }

    /// The value in a header: of the last such field, or of all of them.
    pub(crate) fn value(&self, head: &[u8]) -> Value {
        let fields = header::fields(head).filter(|f| f.is(&self.name));
        if self.all {
            return fields.map(|f| read(&f, self.form)).collect();
        }
        fields.last().map_or(Value::Null, |f| read(&f, self.form))
    }
}

fn parse_form(text: &str) -> Option<Form> {
    Some(match text {
        "asRaw" => Form::Raw,
        "asText" => Form::Text,
        "asAddresses" => Form::Addresses,
        "asGroupedAddresses" => Form::GroupedAddresses,
        "asMessageIds" => Form::MessageIds,
        "asDate" => Form::Date,
        "asURLs" => Form::Urls,
        _ => return None,
    })
}

/// RFC 8621 §4.1.2: any form for fields that neither RFC defines; List-Id is one of those.
fn allowed(name: &str, form: Form) -> bool {
    let lower = name.to_ascii_lowercase();
    let asked = match form {
        Form::Raw => return true,
        Form::GroupedAddresses => Form::Addresses,
        other => other,
    };
    let defined = DEFINED.iter().find(|(known, _)| *known == lower);
    defined.is_none_or(|(_, form)| *form == Some(asked))
}

fn read(field: &Field<'_>, form: Form) -> Value {
    match form {
        Form::Raw => raw(field.value).into(),
        Form::Text => header::text(field.value).into(),
        Form::Addresses => addresses(&header::decoded_addresses(field.value)),
        Form::GroupedAddresses => grouped(&header::decoded_addresses(field.value)),
        Form::MessageIds => message_ids(header::message_ids(field.value)),
        Form::Date => {
            let read = date::parse_rfc5322(&header::unfold(field.value));
            read.map_or(Value::Null, |(at, offset)| zoned(at, offset).into())
        }
        Form::Urls => urls(&header::unfold(field.value)),
    }
}

/// RFC 8621 §4.1.2.1: octets that are not UTF-8 replaced, NUL dropped.
pub(crate) fn raw(value: &[u8]) -> String {
    String::from_utf8_lossy(value).replace('\0', "")
}

pub(crate) fn address(address: &NamedAddress) -> Value {
    json!({"name": address.name, "email": address.email})
}

/// RFC 8621 §4.1.2.3: groups are discarded.
pub(crate) fn addresses(groups: &[Group]) -> Value {
    groups
        .iter()
        .flat_map(|g| &g.addresses)
        .map(address)
        .collect()
}

fn grouped(groups: &[Group]) -> Value {
    let group = |g: &Group| {
        let inner: Vec<Value> = g.addresses.iter().map(address).collect();
        json!({"name": g.name, "addresses": inner})
    };
    groups.iter().map(group).collect()
}

/// RFC 8621 §4.1.2.5: null when there is nothing that could be read.
pub(crate) fn message_ids(ids: Vec<String>) -> Value {
    if ids.is_empty() {
        Value::Null
    } else {
        json!(ids)
    }
}

/// RFC 2369 §2: URLs in angle brackets, separated by commas.
fn urls(text: &str) -> Value {
    let found: Vec<&str> = text
        .split('<')
        .skip(1)
        .filter_map(|rest| rest.split_once('>'))
        .map(|(url, _)| url.trim())
        .filter(|url| !url.is_empty())
        .collect();
    if found.is_empty() {
        Value::Null
    } else {
        json!(found)
    }
}

/// RFC 8620 §1.4 Date: with the sender's zone.
pub(crate) fn zoned(unix_s: i64, offset_min: i32) -> String {
    let local = date::utc(unix_s.saturating_add(i64::from(offset_min) * 60));
    if offset_min == 0 {
        return local;
    }
    let sign = if offset_min < 0 { '-' } else { '+' };
    let (hours, minutes) = (offset_min.abs() / 60, offset_min.abs() % 60);
    format!(
        "{}{sign}{hours:02}:{minutes:02}",
        local.trim_end_matches('Z')
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"From: =?utf-8?Q?Tr=E1=BA=A7n_V=C4=83n_A?= <a@x.vn>\r\n\
        To: Nh\xc3\xb3m: b@x.vn, \"C, D\" <c@x.vn>;, d@x.vn\r\n\
        Subject: =?utf-8?B?Q+G7mW5n?=\r\n h=c3\r\n\
        Date: Mon, 02 Nov 2026 08:00:00 +0700\r\n\
        Message-ID: <1@x.vn>\r\n\
        List-Post: <mailto:l@x.vn>, <https://x.vn/l>\r\n\
        X-One: first\r\n\
        X-One:  second\r\n\
        X-Bad: \xff\0a\r\n\r\n";

    fn check(property: &str, expected: Value) {
        let read = HeaderProperty::parse(property.strip_prefix("header:").unwrap());
        assert_eq!(read.unwrap().value(HEAD), expected, "{property}");
    }

    #[test]
    fn forms() {
        check("header:X-One", json!("  second"));
        check("header:x-one:all", json!([" first", "  second"]));
        check("header:X-One:asText:all", json!(["first", "second"]));
        check("header:X-None:all", json!([]));
        check("header:X-None", Value::Null);
        check("header:X-Bad", json!(" \u{fffd}a"));
        check(
            "header:Subject:asRaw",
            json!(" =?utf-8?B?Q+G7mW5n?=\r\n h=c3"),
        );
        check("header:Message-ID:asMessageIds", json!(["1@x.vn"]));
        check("header:X-One:asMessageIds", Value::Null);
        check("header:Date:asDate", json!("2026-11-02T08:00:00+07:00"));
        check("header:X-One:asDate", Value::Null);
        check(
            "header:List-Post:asURLs",
            json!(["mailto:l@x.vn", "https://x.vn/l"]),
        );
        check(
            "header:From:asAddresses",
            json!([{"name": "Trần Văn A", "email": "a@x.vn"}]),
        );
        check(
            "header:To:asGroupedAddresses",
            json!([
                {"name": "Nhóm", "addresses": [
                    {"name": null, "email": "b@x.vn"}, {"name": "C, D", "email": "c@x.vn"}]},
                {"name": null, "addresses": [{"name": null, "email": "d@x.vn"}]},
            ]),
        );
    }

    #[test]
    fn forbidden_forms() {
        for bad in [
            "From:asDate",
            "Subject:asAddresses",
            "Received:asText",
            "Date:asText",
            "List-Post:asText",
            "X:asNothing",
            "X:all:asText",
            "X:asText:all:all",
            "",
            "X Y",
        ] {
            assert!(HeaderProperty::parse(bad).is_err(), "{bad}");
        }
    }
}
