//! RFC 9404 §4.1 Blob/upload: blobs made of texts, of base64 and of pieces of other blobs.

use crate::blob;
use crate::error::{MethodError, SetError};
use crate::ident::{BlobName, Root};
use crate::limit;
use crate::request::{Arguments, Turn};
use crate::sight::Sight;
use crate::standard;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use directory::{Right, Rights};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UploadArguments {
    account_id: String,
    create: Map<String, Value>,
}

/// One blob to be made.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    data: Vec<Source>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// RFC 9404 §4.1 DataSourceObject: exactly one of the first three.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Source {
    #[serde(rename = "data:asText")]
    text: Option<String>,
    #[serde(rename = "data:asBase64")]
    base64: Option<String>,
    #[serde(rename = "blobId")]
    blob: Option<String>,
    offset: Option<u64>,
    length: Option<u64>,
}

impl Source {
    /// The creation that it is a piece of.
    fn creation(&self) -> Option<&str> {
        self.blob.as_deref()?.strip_prefix('#')
    }

    fn check(&self) -> Result<(), SetError> {
        let given = [&self.text, &self.base64, &self.blob];
        let ranged = self.offset.is_some() || self.length.is_some();
        match given.iter().filter(|one| one.is_some()).count() {
            1 if self.blob.is_some() || !ranged => Ok(()),
            1 => Err(invalid("offset and length go with a blobId only")),
            _ => Err(invalid(
                "exactly one of data:asText, data:asBase64 and blobId",
            )),
        }
    }
}

fn invalid(why: &str) -> SetError {
    SetError::invalid(&["data"], why)
}

/// RFC 9404 §4.1: creations may name each other, whatever their order.
pub(crate) fn upload(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: UploadArguments = standard::read(arguments)?;
    if arguments.create.len() > limit::SET_OBJECTS_MAX {
        return Err(MethodError::RequestTooLarge);
    }
    let mail = turn.mail(&arguments.account_id, Right::Write)?;
    let may = mail.rights_anywhere().has(Rights::INSERT);
    let (mut created, mut refused) = (Map::new(), Map::new());
    let mut waiting: BTreeMap<String, Wish> = BTreeMap::new();
    for (creation, value) in arguments.create {
        let wish = match may {
            true => read(value),
            false => Err(SetError::forbidden("nothing may be put into this account")),
        };
        match wish {
            Ok(wish) => drop(waiting.insert(creation, wish)),
            Err(error) => drop(refused.insert(creation, error.spell())),
        }
    }
    // Each round makes at least one, or ends it: what is left then names itself, or what was not made.
    loop {
        let waits = |wish: &Wish| {
            let mut named = wish.data.iter().filter_map(Source::creation);
            named.any(|creation| waiting.contains_key(creation))
        };
        let ready = waiting.iter().find(|(_, wish)| !waits(wish));
        let next = ready
            .or(waiting.first_key_value())
            .map(|(key, _)| key.clone());
        let Some((creation, wish)) = next.and_then(|key| waiting.remove_entry(&key)) else {
            break;
        };
        match one(turn, &mail, &wish) {
            Ok((id, size)) => {
                turn.created.insert(creation.clone(), id.clone());
                let made = json!({"id": id, "type": wish.kind, "size": size});
                created.insert(creation, made);
            }
            Err(error) => drop(refused.insert(creation, error.spell())),
        }
    }
    let some = |map: Map<String, Value>| match map.is_empty() {
        true => Value::Null,
        false => Value::Object(map),
    };
    Ok(json!({
        "accountId": arguments.account_id,
        "created": some(created),
        "notCreated": some(refused),
    }))
}

fn read(value: Value) -> Result<Wish, SetError> {
    let wish: Wish = serde_json::from_value(value).map_err(|e| invalid(&e.to_string()))?;
    if wish.data.len() > limit::BLOB_SOURCES_MAX {
        let max = limit::BLOB_SOURCES_MAX;
        return Err(SetError::new("tooLarge").because(format!("at most {max} data sources")));
    }
    wish.data.iter().try_for_each(Source::check)?;
    Ok(wish)
}

/// Makes one, durably; its id and octets.
fn one(turn: &mut Turn<'_>, mail: &Sight, wish: &Wish) -> Result<(String, usize), SetError> {
    let max = turn.inner.context.size_max;
    let mut octets = Vec::new();
    let mut missing = Vec::new();
    for source in &wish.data {
        let piece = piece(turn, mail, source, &mut missing)?;
        if (octets.len() as u64).saturating_add(piece.len() as u64) > max {
            return Err(SetError::new("tooLarge").with("maxSize", max));
        }
        octets.extend_from_slice(&piece);
    }
    if !missing.is_empty() {
        return Err(SetError::new("blobNotFound").with("notFound", json!(missing)));
    }
    let left = turn.blob_octets.checked_sub(octets.len() as u64);
    turn.blob_octets = left.ok_or_else(over_budget)?;
    let blob = mail.upload(&octets, turn.now_s())?;
    let name = BlobName {
        root: Root::Upload(blob),
        sections: Vec::new(),
    };
    Ok((name.to_string(), octets.len()))
}

fn over_budget() -> SetError {
    SetError::new("rateLimit").because("one request may read and make only so much; ask again")
}

/// The octets of one source; of a blob that is not there none, and it is noted.
fn piece(
    turn: &mut Turn<'_>,
    mail: &Sight,
    source: &Source,
    missing: &mut Vec<String>,
) -> Result<Vec<u8>, SetError> {
    if let Some(text) = &source.text {
        return Ok(text.clone().into_bytes());
    }
    if let Some(encoded) = &source.base64 {
        return STANDARD
            .decode(encoded)
            .map_err(|_| invalid("data:asBase64 is no base64"));
    }
    let id = source.blob.as_deref().unwrap_or_default();
    let name = turn.real(id).and_then(BlobName::parse);
    let found = name.map(|name| blob::read_counted(turn, mail, &name));
    let whole = match found {
        None | Some(Err(blob::Unread::NotFound)) => {
            missing.push(id.to_owned());
            return Ok(Vec::new());
        }
        Some(Err(blob::Unread::OverBudget)) => return Err(over_budget()),
        Some(Err(blob::Unread::Storage(error))) => return Err(error.into()),
        Some(Ok(whole)) => whole,
    };
    let outside = || invalid("a range outside of the blob");
    let from = usize::try_from(source.offset.unwrap_or(0)).map_err(|_| outside())?;
    let rest = whole.get(from..).ok_or_else(outside)?;
    let length = source.length.map_or(Ok(rest.len()), usize::try_from);
    let length = length.map_err(|_| outside())?;
    Ok(rest.get(..length).ok_or_else(outside)?.to_vec())
}
