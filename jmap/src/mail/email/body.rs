//! RFC 8621 §4.1.4: body parts and their values.

use super::header::{self, HeaderProperty};
use crate::error::MethodError;
use crate::ident::BlobName;
use crate::limit;
use formats::message::{Part, PartKind, part};
use serde_json::{Map, Value, json};

/// What an EmailBodyPart may be asked for.
#[derive(Debug, Clone)]
pub(crate) enum BodyProperty {
    PartId,
    BlobId,
    Size,
    Headers,
    Name,
    Type,
    Charset,
    Disposition,
    Cid,
    Language,
    Location,
    SubParts,
    Header(HeaderProperty),
}

/// RFC 8621 §4.2: when `bodyProperties` is omitted.
const DEFAULT: [&str; 10] = [
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
];

/// Body properties by the name that the client wrote.
pub(crate) type BodyProperties = Vec<(String, BodyProperty)>;

pub(crate) fn properties(names: Option<Vec<String>>) -> Result<BodyProperties, MethodError> {
    let names = names.unwrap_or_else(|| DEFAULT.map(str::to_owned).to_vec());
    if names.len() > limit::PROPERTIES_MAX {
        return Err(MethodError::argument("bodyProperties", "fewer of them"));
    }
    names
        .into_iter()
        .map(|name| {
            let property = property(&name)?;
            Ok((name, property))
        })
        .collect()
}

fn property(name: &str) -> Result<BodyProperty, MethodError> {
    Ok(match name {
        "partId" => BodyProperty::PartId,
        "blobId" => BodyProperty::BlobId,
        "size" => BodyProperty::Size,
        "headers" => BodyProperty::Headers,
        "name" => BodyProperty::Name,
        "type" => BodyProperty::Type,
        "charset" => BodyProperty::Charset,
        "disposition" => BodyProperty::Disposition,
        "cid" => BodyProperty::Cid,
        "language" => BodyProperty::Language,
        "location" => BodyProperty::Location,
        "subParts" => BodyProperty::SubParts,
        other => {
            let field = other.strip_prefix("header:").ok_or("no such property");
            let read = field.map_err(str::to_owned).and_then(HeaderProperty::parse);
            let error =
                |why: String| MethodError::argument("bodyProperties", &format!("{other}: {why}"));
            BodyProperty::Header(read.map_err(error)?)
        }
    })
}

/// A message whose parts are asked about: its tree, its octets, its blob id.
#[derive(Clone, Copy)]
pub(crate) struct Anatomy<'a> {
    pub(crate) root: &'a Part,
    pub(crate) raw: &'a [u8],
    pub(crate) blob: &'a BlobName,
}

impl Anatomy<'_> {
    /// The part with this number as an EmailBodyPart.
    pub(crate) fn numbered(&self, number: &str, properties: &BodyProperties) -> Option<Value> {
        let found = self.root.find_section(number)?;
        Some(self.object(found.part, number, properties))
    }

    /// RFC 8621 §4.1.4 bodyStructure: the whole tree, not into messages within.
    pub(crate) fn structure(&self, properties: &BodyProperties) -> Value {
        self.node(self.root, "", properties)
    }

    fn node(&self, part: &Part, number: &str, properties: &BodyProperties) -> Value {
        let PartKind::Multipart(inner) = &part.kind else {
            // The only part of a message is its part 1.
            let number = if number.is_empty() { "1" } else { number };
            return self.object(part, number, properties);
        };
        let dot = if number.is_empty() { "" } else { "." };
        let children: Vec<Value> = inner
            .iter()
            .enumerate()
            .map(|(at, p)| self.node(p, &format!("{number}{dot}{}", at + 1), properties))
            .collect();
        let mut object = self.object(part, number, properties);
        object["subParts"] = children.into();
        object
    }

    fn object(&self, part: &Part, number: &str, properties: &BodyProperties) -> Value {
        let entries = properties
            .iter()
            .map(|(name, property)| (name.clone(), self.value(part, number, property)));
        Value::Object(entries.collect())
    }

    fn value(&self, part: &Part, number: &str, property: &BodyProperty) -> Value {
        let multipart = matches!(part.kind, PartKind::Multipart(_));
        match property {
            BodyProperty::PartId | BodyProperty::BlobId if multipart => Value::Null,
            BodyProperty::PartId => number.into(),
            BodyProperty::BlobId => self.blob.part(number).to_string().into(),
            BodyProperty::Size => size(part, self.raw).into(),
            BodyProperty::Headers => fields(part.header.of(self.raw)),
            BodyProperty::Name => json!(part::file_name(part)),
            BodyProperty::Type => format!("{}/{}", part.media, part.subtype).into(),
            BodyProperty::Charset => match part.param("charset") {
                Some(charset) => charset.into(),
                None if part.media == "text" => "us-ascii".into(),
                None => Value::Null,
            },
            BodyProperty::Disposition => json!(part.disposition.as_ref().map(|(kind, _)| kind)),
            BodyProperty::Cid => json!(cid(part)),
            BodyProperty::Language if part.language.is_empty() => Value::Null,
            BodyProperty::Language => json!(part.language),
            BodyProperty::Location => json!(part.location),
            BodyProperty::SubParts => Value::Null,
            BodyProperty::Header(property) => property.value(part.header.of(self.raw)),
        }
    }
}

/// The Content-ID without its brackets.
pub(crate) fn cid(part: &Part) -> Option<&str> {
    let id = part.id.as_deref()?.trim().trim_matches(['<', '>']);
    (!id.is_empty()).then_some(id)
}

/// Whether the octets of this part are there: those of a damaged message are not.
fn is_there(part: &Part, raw: &[u8]) -> bool {
    part.body.end() <= raw.len()
}

/// Octets after transfer decoding; of a multipart, and of what is damaged, as it stands.
fn size(part: &Part, raw: &[u8]) -> usize {
    match part.kind {
        _ if !is_there(part, raw) => part.body.len as usize,
        PartKind::Multipart(_) => part.body.of(raw).len(),
        _ => part::decode_body(part, raw).len(),
    }
}

/// RFC 8621 §4.1.3 EmailHeader[]: all fields in order, raw.
pub(crate) fn fields(head: &[u8]) -> Value {
    formats::message::header::fields(head)
        .map(|f| json!({"name": f.name, "value": header::raw(f.value)}))
        .collect()
}

/// RFC 8621 §4.2: which text parts are given with their values.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Values {
    pub(crate) text: bool,
    pub(crate) html: bool,
    pub(crate) all: bool,
    /// Octets; 0: no truncation.
    pub(crate) octets_max: usize,
}

impl Values {
    pub(crate) fn any(&self) -> bool {
        self.text || self.html || self.all
    }

    /// The map `bodyValues`. `budget` is what the whole answer may still hold.
    pub(crate) fn of(&self, anatomy: &Anatomy<'_>, budget: &mut usize) -> Value {
        let mut wanted: Vec<String> = Vec::new();
        let bodies = formats::message::bodies(anatomy.root);
        if self.text {
            wanted.extend(bodies.text.iter().cloned());
        }
        if self.html {
            wanted.extend(bodies.html.iter().cloned());
        }
        if self.all {
            let outer = leaves(anatomy.root, "");
            wanted.extend(outer.into_iter().map(|(number, _)| number));
        }
        let mut values = Map::new();
        for number in wanted {
            let found = anatomy.root.find_section(&number).map(|f| f.part);
            let Some(part) = found.filter(|p| p.media == "text") else {
                continue;
            };
            if !values.contains_key(&number) {
                let value = self.value(part, anatomy.raw, budget);
                values.insert(number, value);
            }
        }
        Value::Object(values)
    }

    fn value(&self, part: &Part, raw: &[u8], budget: &mut usize) -> Value {
        if !is_there(part, raw) {
            // RFC 8621 §4.1.4: nothing could be decoded, and there is more than is given.
            return json!({"value": "", "isEncodingProblem": true, "isTruncated": true});
        }
        let text = part::decode_text(part, raw).replace("\r\n", "\n");
        let problem = text.contains('\u{fffd}');
        let own = if self.octets_max == 0 {
            usize::MAX
        } else {
            self.octets_max
        };
        let max = own.min(*budget);
        let cut = truncated(&text, max, part.subtype == "html");
        *budget -= cut.len();
        json!({
            "value": cut,
            "isEncodingProblem": problem,
            "isTruncated": cut.len() < text.len(),
        })
    }
}

/// Leaves and messages with their numbers, not into messages within.
pub(crate) fn leaves<'a>(part: &'a Part, number: &str) -> Vec<(String, &'a Part)> {
    match &part.kind {
        PartKind::Multipart(inner) => {
            let dot = if number.is_empty() { "" } else { "." };
            let child = |(at, p): (usize, &'a Part)| leaves(p, &format!("{number}{dot}{}", at + 1));
            inner.iter().enumerate().flat_map(child).collect()
        }
        _ if number.is_empty() => vec![("1".to_owned(), part)],
        _ => vec![(number.to_owned(), part)],
    }
}

/// RFC 8621 §4.2: at a character's border, and in HTML not inside a tag.
fn truncated(text: &str, max: usize, html: bool) -> &str {
    if text.len() <= max {
        return text;
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let cut = &text[..end];
    match (html, cut.rfind('<')) {
        (true, Some(open)) if !cut[open..].contains('>') => &cut[..open],
        _ => cut,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truncation_keeps_characters_and_tags_whole() {
        assert_eq!(truncated("Cộng", 3, false), "C");
        assert_eq!(truncated("Cộng", 4, false), "Cộ");
        assert_eq!(truncated("a<b href='x'>c", 6, true), "a");
        assert_eq!(truncated("a<b>c", 4, true), "a<b>");
        assert_eq!(truncated("a<b", 2, false), "a<");
        assert_eq!(truncated("abc", 3, true), "abc");
    }
}
