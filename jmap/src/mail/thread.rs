//! RFC 8621 §3: threads, flat lists of messages.

use crate::error::MethodError;
use crate::mail::DELETED;
use crate::request::{Arguments, Turn};
use crate::sight::Sight;
use crate::standard::{self, ChangesArguments, GetArguments};
use crate::state::{self, Kind};
use directory::Right;
use serde_json::{Map, Value, json};
use storage::{EmailId, ThreadId};

/// The visible messages of a thread, oldest first; empty when there is no such thread.
pub(crate) fn emails(mail: &Sight, thread: ThreadId) -> Result<Vec<EmailId>, MethodError> {
    let all = match mail.thread(thread) {
        Err(storage::Error::NotFound) => Vec::new(),
        other => other?,
    };
    let mut visible = Vec::with_capacity(all.len());
    for email in all {
        match mail.state(email) {
            Ok(state) if !state.has(DELETED) => visible.push(email),
            Ok(_) | Err(storage::Error::NotFound | storage::Error::Expunged) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Ok(visible)
}

/// RFC 8621 §3.1.
pub(crate) fn get(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: GetArguments = standard::read(arguments)?;
    standard::check_properties(&arguments.properties, &["id", "emailIds"])?;
    let mail = turn.mail(&arguments.account_id, Right::Read)?;
    // RFC 8620 §5.1: all of them at once would be more than is promised.
    let ids = arguments.ids.ok_or(MethodError::RequestTooLarge)?;
    let state = state::current(&mail)?;
    let (mut list, mut not_found) = (Vec::new(), Vec::new());
    for id in standard::wanted(ids)? {
        let found = match mail.ids().parse_thread(&id) {
            Some(thread) => emails(&mail, thread)?,
            None => Vec::new(),
        };
        if found.is_empty() {
            not_found.push(id);
            continue;
        }
        let ids: Vec<String> = found.into_iter().map(|id| mail.ids().email(id)).collect();
        let object = Map::from_iter([("id".into(), json!(id)), ("emailIds".into(), json!(ids))]);
        list.push(standard::pick(object, &arguments.properties));
    }
    Ok(json!({
        "accountId": arguments.account_id,
        "state": state,
        "list": list,
        "notFound": not_found,
    }))
}

/// RFC 8621 §3.2.
pub(crate) fn changes(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: ChangesArguments = standard::read(arguments)?;
    let max = arguments.max()?;
    let mail = turn.mail(&arguments.account_id, Right::Read)?;
    let since = state::parse(&mail, &arguments.since_state)?;
    let delta = state::delta(&mail, since, max, Kind::Thread)?;
    let spell = |ids: Vec<u64>| mail.ids().spell_all('t', &ids);
    Ok(json!({
        "accountId": arguments.account_id,
        "oldState": arguments.since_state,
        "newState": delta.until,
        "hasMoreChanges": delta.more,
        "created": spell(delta.created),
        "updated": spell(delta.updated),
        "destroyed": spell(delta.destroyed),
    }))
}
