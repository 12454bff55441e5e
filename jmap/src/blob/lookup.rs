//! RFC 9404 §4.3 Blob/lookup: what has a blob in it.

use crate::blob::{self, Unread};
use crate::error::MethodError;
use crate::ident::{BlobName, Root};
use crate::request::{Arguments, Turn};
use crate::sight::Sight;
use crate::standard;
use directory::Right;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// RFC 9404 §3.1: types that are looked through.
pub(crate) const TYPES: [&str; 3] = ["Email", "Mailbox", "Thread"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LookupArguments {
    account_id: String,
    type_names: Vec<String>,
    ids: Vec<String>,
}

/// RFC 9404 §4.3. A message has itself and its parts; what was uploaded is nobody's until it is made into a message, which
/// has another id then.
pub(crate) fn lookup(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: LookupArguments = standard::read(arguments)?;
    let ids = standard::wanted(arguments.ids)?;
    if !turn.reads_mail
        || arguments
            .type_names
            .iter()
            .any(|name| !TYPES.contains(&name.as_str()))
    {
        return Err(MethodError::UnknownDataType);
    }
    let mail = turn.mail(&arguments.account_id, Right::Read)?;
    let (mut list, mut not_found) = (Vec::new(), Vec::new());
    for id in ids {
        let name = turn.real(&id).and_then(BlobName::parse);
        let Some(name) = name else {
            not_found.push(id);
            continue;
        };
        match blob::read_counted(turn, &mail, &name) {
            Ok(_) => {}
            // RFC 9404 §4.3: it may be a blob's, and nothing that is seen here has it.
            Err(Unread::NotFound) => {
                let nowhere = arguments.type_names.iter();
                let nowhere: Map<_, _> = nowhere.map(|kind| (kind.clone(), json!([]))).collect();
                list.push(json!({"id": id, "matchedIds": nowhere}));
                continue;
            }
            Err(Unread::OverBudget) => return Err(MethodError::RequestTooLarge),
            Err(Unread::Storage(error)) => return Err(error.into()),
        }
        let mut matched = Map::new();
        for kind in &arguments.type_names {
            matched.insert(kind.clone(), matches(&mail, &name, kind)?.into());
        }
        list.push(json!({"id": name.to_string(), "matchedIds": matched}));
    }
    Ok(json!({
        "accountId": arguments.account_id,
        "list": list,
        "notFound": not_found,
    }))
}

fn matches(mail: &Sight, name: &BlobName, kind: &str) -> Result<Vec<Value>, MethodError> {
    let Root::Message(email) = name.root else {
        return Ok(Vec::new());
    };
    let (state, ids) = (mail.state(email)?, mail.ids());
    Ok(match kind {
        "Email" => vec![ids.email(email).into()],
        "Thread" => vec![ids.thread(state.thread).into()],
        _ => {
            let places = state.mailboxes.iter();
            places
                .map(|(mailbox, _)| ids.mailbox(*mailbox).into())
                .collect()
        }
    })
}
