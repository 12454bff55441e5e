//! RFC 8621 §7: sending. The pipeline keeps its own record of what waits for other servers (the queue, seen by staff),
//! so a submission is destroyed as soon as it can no longer be taken back, as RFC 8621 §7 allows: what there is
//! to get are those that wait for a later time (RFC 4865).

mod parameter;
pub(crate) mod query;
pub(crate) mod set;
mod state;

use crate::error::MethodError;
use crate::request::{Arguments, Turn};
use crate::router::Context;
use crate::sight::Sight;
use crate::standard::{self, ChangesArguments, GetArguments};
use delivery::trace::Standing;
use delivery::{Envelope, Later, ReversePath};
use directory::{Access, Right, Sending};
use formats::date;
use serde_json::{Map, Value, json};
use state::Waiting;
use std::collections::HashMap;
use storage::QueueId;

const PROPERTIES: [&str; 10] = [
    "id",
    "identityId",
    "emailId",
    "threadId",
    "envelope",
    "sendAt",
    "undoStatus",
    "deliveryStatus",
    "dsnBlobIds",
    "mdnBlobIds",
];

/// Those of an account that wait, the first to go first; none where one may not send in its name.
fn waiting(turn: &Turn<'_>, mail: &Sight) -> Result<Vec<Later>, MethodError> {
    waiting_in(&turn.inner.context, turn.access, mail)
}

fn waiting_in(context: &Context, access: &Access, mail: &Sight) -> Result<Vec<Later>, MethodError> {
    if access.sending_for(mail.id()) == Sending::No {
        return Ok(Vec::new());
    }
    Ok(context.delivery.later(mail.id())?)
}

/// The state of an account's.
pub(crate) fn state_of(
    context: &Context,
    access: &Access,
    mail: &Sight,
) -> Result<String, MethodError> {
    Ok(state(&waiting_in(context, access, mail)?))
}

fn id(id: QueueId) -> String {
    spelt(id.raw())
}

fn spelt(number: u64) -> String {
    format!("q{number}")
}

fn parse(text: &str) -> Option<QueueId> {
    let number = text
        .strip_prefix('q')?
        .parse()
        .ok()
        .and_then(QueueId::new)?;
    (id(number) == text).then_some(number)
}

/// RFC 8620 §5.1: which of them there are.
fn state(all: &[Later]) -> String {
    Waiting::of(all).spell()
}

/// RFC 8621 §7 deliveryStatus, as the message's timeline and the queue have it now. What is there for no recipient, or
/// cannot be read, is not known.
fn statuses(
    turn: &Turn<'_>,
    trace: &str,
    recipients: impl Iterator<Item = String>,
) -> Map<String, Value> {
    let door = &turn.inner.context.delivery;
    let told = door.trace(trace);
    let told = told.and_then(|(found, events)| door.progress(&found, &events));
    let told = told.unwrap_or_default();
    let known: HashMap<&str, Standing> = told
        .iter()
        .map(|one| (one.recipient.as_str(), one.standing))
        .collect();
    let reply = format!("250 2.0.0 Ok: queued as {trace}");
    let status = |recipient: String| {
        let delivered = match known.get(recipient.as_str()) {
            Some(Standing::Placed) => "yes",
            Some(Standing::Failed) => "no",
            Some(Standing::Scheduled | Standing::Waiting | Standing::Held) => "queued",
            Some(Standing::Relayed | Standing::SentOn) | None => "unknown",
        };
        let status = json!({"smtpReply": reply, "delivered": delivered, "displayed": "unknown"});
        (recipient, status)
    };
    recipients.map(status).collect()
}

/// RFC 8621 §7: one that waits.
fn object(turn: &Turn<'_>, mail: &Sight, later: &Later) -> Map<String, Value> {
    let thread = mail.state(later.email).ok().map(|state| state.thread);
    let recipients = later.envelope.recipients.iter();
    let recipients = recipients.map(|r| r.address.to_string());
    let statuses = statuses(turn, &later.trace, recipients);
    let object = json!({
        "id": id(later.id),
        "identityId": later.identity,
        "emailId": mail.ids().email(later.email),
        "threadId": thread.map(|thread| mail.ids().thread(thread)),
        "envelope": spell(&later.envelope),
        "sendAt": date::utc(later.at),
        "undoStatus": "pending",
        "deliveryStatus": statuses,
        "dsnBlobIds": [],
        "mdnBlobIds": [],
    });
    object.as_object().cloned().unwrap_or_default()
}

fn spell(envelope: &Envelope) -> Value {
    let address = |email: String| json!({"email": email, "parameters": null});
    let from = match &envelope.from {
        ReversePath::Null => String::new(),
        ReversePath::Address(address) => address.to_string(),
    };
    let recipients: Vec<Value> = envelope
        .recipients
        .iter()
        .map(|r| address(r.address.to_string()))
        .collect();
    json!({"mailFrom": address(from), "rcptTo": recipients})
}

/// RFC 8621 §7.1.
pub(crate) fn get(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: GetArguments = standard::read(arguments)?;
    standard::check_properties(&arguments.properties, &PROPERTIES)?;
    let mail = turn.mail(&arguments.account_id, Right::Read)?;
    let ids = arguments.ids.map(standard::wanted).transpose()?;
    let turn: &Turn<'_> = turn;
    let all = waiting(turn, &mail)?;
    let chosen = |later: &&Later| ids.as_ref().is_none_or(|ids| ids.contains(&id(later.id)));
    let list: Vec<Value> = all
        .iter()
        .filter(chosen)
        .map(|later| standard::pick(object(turn, &mail, later), &arguments.properties))
        .collect();
    let known = |wanted: &String| all.iter().any(|later| id(later.id) == *wanted);
    let not_found: Vec<&String> = ids.iter().flatten().filter(|id| !known(id)).collect();
    Ok(json!({
        "accountId": arguments.account_id,
        "state": state(&all),
        "list": list,
        "notFound": not_found,
    }))
}

/// RFC 8621 §7.2. One that waits is not changed; it comes, and it goes when it is sent, taken back or destroyed.
pub(crate) fn changes(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: ChangesArguments = standard::read(arguments)?;
    let max = arguments.max()?;
    let mail = turn.mail(&arguments.account_id, Right::Read)?;
    let now = Waiting::of(&waiting(turn, &mail)?);
    let changed = now.since(&arguments.since_state, max)?;
    let ids = |numbers: &[u64]| numbers.iter().map(|n| spelt(*n)).collect::<Vec<_>>();
    Ok(json!({
        "accountId": arguments.account_id,
        "oldState": arguments.since_state,
        "newState": changed.until.spell(),
        "hasMoreChanges": changed.more,
        "created": ids(&changed.created),
        "updated": [],
        "destroyed": ids(&changed.destroyed),
    }))
}
