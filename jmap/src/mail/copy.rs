//! RFC 8621 §4.7 Email/copy, after RFC 8620 §5.4: messages from one account into another.

use super::email::set::{Place, append};
use super::email::{self, permit, visible};
use crate::error::{MethodError, SetError};
use crate::request::{Arguments, Turn};
use crate::sight::Sight;
use crate::standard::{self, SetArguments, SetOutcome};
use crate::state;
use directory::Right;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use storage::Keyword;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CopyArguments {
    from_account_id: String,
    if_from_in_state: Option<String>,
    account_id: String,
    if_in_state: Option<String>,
    create: Map<String, Value>,
    #[serde(default)]
    on_success_destroy_original: bool,
    destroy_from_if_in_state: Option<String>,
}

pub(crate) fn copy(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: CopyArguments = standard::read(arguments)?;
    if arguments.from_account_id == arguments.account_id {
        let why = "another account than accountId";
        return Err(MethodError::argument("fromAccountId", why));
    }
    let from = turn.mail(&arguments.from_account_id, Right::Read);
    let from = from.map_err(|error| match error {
        MethodError::AccountNotFound => MethodError::FromAccountNotFound,
        other => other,
    })?;
    let mail = turn.mail(&arguments.account_id, Right::Write)?;
    let old = state::current(&mail)?;
    let as_set = SetArguments {
        if_in_state: arguments.if_in_state,
        create: Some(arguments.create),
        ..SetArguments::default()
    };
    as_set.check(&old)?;
    let held = arguments.if_from_in_state;
    if held.is_some() && held != Some(state::current(&from)?) {
        return Err(MethodError::StateMismatch);
    }
    let mut outcome = SetOutcome::default();
    let mut originals = Vec::new();
    for (creation, new) in as_set.create.unwrap_or_default() {
        let copied = one(turn, (&from, &mail), &new);
        let created = copied.map(|(original, object)| {
            originals.push(original);
            object
        });
        outcome.create(turn, creation, created);
    }
    if arguments.on_success_destroy_original && !originals.is_empty() {
        let still = arguments.destroy_from_if_in_state;
        destroy(turn, &arguments.from_account_id, originals, still);
    }
    let new = state::current(&mail)?;
    let mut response = outcome.response(&arguments.account_id, &old, &new);
    if let Some(map) = response.as_object_mut() {
        let answered = ["accountId", "oldState", "newState", "created", "notCreated"];
        map.retain(|key, _| answered.contains(&key.as_str()));
        map.insert("fromAccountId".into(), arguments.from_account_id.into());
    }
    Ok(response)
}

/// Copies one; the id of the original, and the properties that the server set.
fn one(
    turn: &Turn<'_>,
    (from, mail): (&Sight, &Sight),
    new: &Value,
) -> Result<(String, Value), SetError> {
    let mut object = new
        .as_object()
        .ok_or_else(|| SetError::invalid(&[], "an object is expected"))?
        .clone();
    const KNOWN: [&str; 4] = ["id", "mailboxIds", "keywords", "receivedAt"];
    if let Some(unknown) = object.keys().find(|k| !KNOWN.contains(&k.as_str())) {
        return Err(SetError::invalid(&[unknown], "a copy keeps this"));
    }
    let id = object.remove("id");
    let id = id
        .as_ref()
        .and_then(Value::as_str)
        .and_then(|id| turn.real(id));
    let id = id.ok_or_else(|| SetError::invalid(&["id"], "the id of a message"))?;
    let state = visible(from, id)?.ok_or_else(SetError::not_found)?;
    let mut place = Place::read(turn, mail, &object)?;
    // RFC 8620 §5.4: what is not given is as in the original, as far as one may set it (RFC 4314 §4 COPY).
    if !object.contains_key("keywords") {
        let may = |k: &&Keyword| permit::mark(mail, &place.mailboxes, [*k]).is_ok();
        place.keywords = state.keywords.iter().filter(may).cloned().collect();
    }
    place.received_at = place.received_at.or(Some(state.received_at));
    let bytes = from.content(state.email)?;
    let created = append(turn, mail, &bytes, place)?;
    Ok((id.to_owned(), created))
}

/// RFC 8620 §5.4 onSuccessDestroyOriginal: an implicit Email/set, answered after this method's own response.
fn destroy(turn: &mut Turn<'_>, account: &str, ids: Vec<String>, if_in_state: Option<String>) {
    let implicit = json!({"accountId": account, "ifInState": if_in_state, "destroy": ids});
    let Value::Object(implicit) = implicit else {
        return;
    };
    let answer = match email::set::set(turn, implicit) {
        Ok(response) => ("Email/set", response),
        Err(error) => ("error", error.spell()),
    };
    turn.after.push(answer);
}
