//! RFC 9404 §4.2 Blob/get: pieces of blobs as text or base64, with digests and sizes.

use crate::blob::{self, Unread};
use crate::error::MethodError;
use crate::ident::BlobName;
use crate::limit;
use crate::request::{Arguments, Turn};
use crate::standard;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use directory::Right;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

/// RFC 9404 §3.1: names of the HTTP digest algorithm registry.
pub(crate) const DIGESTS: [&str; 3] = ["sha", "sha-256", "sha-512"];
/// RFC 9404 §4.2: where none are named.
const PROPERTIES: [&str; 2] = ["data", "size"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BlobArguments {
    account_id: String,
    ids: Vec<String>,
    properties: Option<Vec<String>>,
    offset: Option<u64>,
    length: Option<u64>,
}

/// What is to be told of each.
#[derive(Default)]
struct Wish {
    text: bool,
    base64: bool,
    /// One of these, as it fits.
    either: bool,
    size: bool,
    digests: Vec<&'static str>,
}

impl Wish {
    fn read(properties: &[String]) -> Result<Self, MethodError> {
        if properties.len() > limit::PROPERTIES_MAX {
            return Err(MethodError::argument("properties", "not so many"));
        }
        let mut wish = Self::default();
        for property in properties {
            let digest = property.strip_prefix("digest:");
            let digest = digest.and_then(|name| DIGESTS.iter().find(|known| **known == name));
            match (property.as_str(), digest) {
                ("data:asText", _) => wish.text = true,
                ("data:asBase64", _) => wish.base64 = true,
                ("data", _) => wish.either = true,
                ("size", _) => wish.size = true,
                ("id", _) => {}
                (_, Some(digest)) if !wish.digests.contains(digest) => wish.digests.push(digest),
                (_, Some(_)) => {}
                (name, None) => {
                    let why = format!("no property {name:?}");
                    return Err(MethodError::argument("properties", &why));
                }
            }
        }
        Ok(wish)
    }

    fn data(&self) -> bool {
        self.text || self.base64 || self.either
    }

    /// RFC 9404 §4.2: a size alone is told without reading.
    fn reads(&self) -> bool {
        self.data() || !self.digests.is_empty()
    }

    fn unread(&self, id: &str, size: u64, cut: bool) -> Value {
        let mut object = json!({"id": id});
        if cut {
            object["isTruncated"] = true.into();
        }
        if self.size {
            object["size"] = size.into();
        }
        object
    }

    fn object(&self, id: &str, whole: &[u8], (from, to): (usize, usize), cut: bool) -> Value {
        let piece = &whole[from..to];
        let mut object = Map::new();
        object.insert("id".into(), id.into());
        let text = std::str::from_utf8(piece).ok();
        if self.text || self.either && text.is_some() {
            object.insert("data:asText".into(), json!(text));
        }
        if self.base64 || self.either && text.is_none() {
            object.insert("data:asBase64".into(), STANDARD.encode(piece).into());
        }
        if (self.text || self.either) && text.is_none() {
            object.insert("isEncodingProblem".into(), true.into());
        }
        // RFC 9404 §4.2: whatever was asked for.
        if cut {
            object.insert("isTruncated".into(), true.into());
        }
        if self.size {
            object.insert("size".into(), whole.len().into());
        }
        for name in &self.digests {
            object.insert(format!("digest:{name}"), digest(name, piece).into());
        }
        Value::Object(object)
    }
}

/// RFC 9404 §4.2: it begins or ends behind the last octet.
fn cut(arguments: &BlobArguments, size: u64) -> bool {
    let offset = arguments.offset.unwrap_or(0);
    let end = arguments.length.map(|length| offset.saturating_add(length));
    offset > size || end.is_some_and(|end| end > size)
}

fn digest(name: &str, octets: &[u8]) -> String {
    match name {
        "sha" => STANDARD.encode(Sha1::digest(octets)),
        "sha-256" => STANDARD.encode(Sha256::digest(octets)),
        _ => STANDARD.encode(Sha512::digest(octets)),
    }
}

/// RFC 9404 §4.2. What one request reads, and what of it goes into its answer, is bounded: `requestTooLarge`.
pub(crate) fn get(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let mut arguments: BlobArguments = standard::read(arguments)?;
    let ids = standard::wanted(std::mem::take(&mut arguments.ids))?;
    let wish = match &arguments.properties {
        Some(named) => Wish::read(named)?,
        None => Wish::read(&PROPERTIES.map(str::to_owned))?,
    };
    let mail = turn.mail(&arguments.account_id, Right::Read)?;
    let (mut list, mut not_found) = (Vec::new(), Vec::new());
    for id in ids {
        let name = turn.real(&id).and_then(BlobName::parse);
        let known = name.as_ref().filter(|_| !wish.reads());
        if let Some((name, size)) = known.and_then(|n| Some((n, blob::size(&mail, n)?))) {
            list.push(wish.unread(&name.to_string(), size, cut(&arguments, size)));
            continue;
        }
        let found = name.map(|name| (name.to_string(), blob::read_counted(turn, &mail, &name)));
        let (real, whole) = match found {
            None | Some((_, Err(Unread::NotFound))) => {
                not_found.push(id);
                continue;
            }
            Some((_, Err(Unread::OverBudget))) => return Err(MethodError::RequestTooLarge),
            Some((_, Err(Unread::Storage(error)))) => return Err(error.into()),
            Some((real, Ok(whole))) => (real, whole),
        };
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(whole.len());
        let offset = arguments.offset.unwrap_or(0);
        let end = arguments.length.map(|length| offset.saturating_add(length));
        let (from, to) = (place(offset), end.map_or(whole.len(), place));
        let cut = cut(&arguments, whole.len() as u64);
        if wish.data() {
            let left = turn.body_octets.checked_sub(to - from);
            turn.body_octets = left.ok_or(MethodError::RequestTooLarge)?;
        }
        list.push(wish.object(&real, &whole, (from, to), cut));
    }
    Ok(json!({
        "accountId": arguments.account_id,
        "list": list,
        "notFound": not_found,
    }))
}
