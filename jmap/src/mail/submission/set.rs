//! RFC 8621 §7.5 EmailSubmission/set: mail leaves through the one door, `delivery`.

use super::{parameter, spell};
use crate::error::{self, MethodError, SetError};
use crate::limit;
use crate::mail::email;
use crate::mail::identity::{Identity, identities};
use crate::request::{Arguments, Turn};
use crate::sight::Sight;
use crate::standard::{self, SetArguments, SetOutcome};
use delivery::{Envelope, Later, Origin, Receipt, Recipient, Refusal, Refused, ReversePath};
use directory::Right;
use formats::address::Address;
use formats::date;
use formats::message::{Person, Summary};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashSet};
use storage::State;

pub(crate) fn set(turn: &mut Turn<'_>, mut arguments: Arguments) -> Result<Value, MethodError> {
    let patches: Option<Map<String, Value>> = take(&mut arguments, "onSuccessUpdateEmail")?;
    let doomed: Option<Vec<String>> = take(&mut arguments, "onSuccessDestroyEmail")?;
    let arguments: SetArguments = standard::read(arguments)?;
    let mail = turn.mail(&arguments.account_id, Right::Send)?;
    let before = super::state(&super::waiting(turn, &mail)?);
    arguments.check(&before)?;
    let mut outcome = SetOutcome::default();
    let mut sent: BTreeMap<String, String> = BTreeMap::new();
    for (creation, new) in arguments.create.unwrap_or_default() {
        let made = create(turn, &mail, &new);
        let created = made.map(|(email, object)| {
            sent.insert(format!("#{creation}"), email);
            object
        });
        outcome.create(turn, creation, created);
    }
    for (id, patch) in arguments.update.unwrap_or_default() {
        let updated = update(turn, &mail, &id, &patch).map(|email| {
            sent.insert(id.clone(), email);
            Value::Null
        });
        outcome.update(id, updated);
    }
    for id in arguments.destroy.unwrap_or_default() {
        let destroyed = destroy(turn, &mail, &id);
        outcome.destroy(id, destroyed);
    }
    after(
        turn,
        &arguments.account_id,
        &sent,
        patches.unwrap_or_default(),
        doomed.unwrap_or_default(),
    );
    let state = super::state(&super::waiting(turn, &mail)?);
    Ok(outcome.response(&arguments.account_id, &before, &state))
}

/// One that waits still. Errors: `notFound`.
fn there(turn: &Turn<'_>, mail: &Sight, id: &str) -> Result<Later, SetError> {
    let id = turn.real(id).and_then(super::parse);
    let all = super::waiting(turn, mail).map_err(|_| SetError::new("serverUnavailable"))?;
    let found = all.into_iter().find(|later| Some(later.id) == id);
    found.ok_or_else(SetError::not_found)
}

/// RFC 8621 §7.5: undoStatus may become canceled, and nothing else may change. The id of what was not sent.
fn update(turn: &Turn<'_>, mail: &Sight, id: &str, patch: &Value) -> Result<String, SetError> {
    let later = there(turn, mail, id)?;
    let patch = patch.as_object();
    let patch = patch.ok_or_else(|| SetError::invalid_patch("an object is expected"))?;
    let status = patch.get("undoStatus").and_then(Value::as_str);
    let other: Vec<&str> = patch
        .keys()
        .map(String::as_str)
        .filter(|key| *key != "undoStatus")
        .collect();
    if !other.is_empty() {
        return Err(SetError::invalid(&other, "not to be changed"));
    }
    match status {
        Some("canceled") => {}
        Some("pending") => return Ok(mail.ids().email(later.email)),
        _ => return Err(SetError::invalid(&["undoStatus"], "canceled is expected")),
    }
    let door = &turn.inner.context.delivery;
    match door.take_back(mail.id(), later.id) {
        Ok(true) => Ok(mail.ids().email(later.email)),
        Ok(false) => Err(SetError::new("cannotUnsend").because("it has gone")),
        Err(error) => Err(error.into()),
    }
}

/// RFC 8621 §7.5: what is destroyed goes all the same.
fn destroy(turn: &Turn<'_>, mail: &Sight, id: &str) -> Result<(), SetError> {
    let later = there(turn, mail, id)?;
    let door = &turn.inner.context.delivery;
    Ok(door.forget_later(mail.id(), later.id)?)
}

fn take<T: for<'de> Deserialize<'de>>(
    arguments: &mut Arguments,
    name: &str,
) -> Result<Option<T>, MethodError> {
    let value = arguments.remove(name).unwrap_or(Value::Null);
    serde_json::from_value(value).map_err(|e| MethodError::argument(name, &e.to_string()))
}

/// The implicit Email/set on what was sent, answered after this method's own response.
fn after(
    turn: &mut Turn<'_>,
    account: &str,
    sent: &BTreeMap<String, String>,
    patches: Map<String, Value>,
    doomed: Vec<String>,
) {
    let update: Map<String, Value> = patches
        .into_iter()
        .filter_map(|(key, patch)| Some((sent.get(&key)?.clone(), patch)))
        .collect();
    let destroy: Vec<&String> = doomed.iter().filter_map(|key| sent.get(key)).collect();
    if update.is_empty() && destroy.is_empty() {
        return;
    }
    let implicit = json!({"accountId": account, "update": update, "destroy": destroy});
    let Value::Object(implicit) = implicit else {
        return;
    };
    let answer = match email::set::set(turn, implicit) {
        Ok(response) => ("Email/set", response),
        Err(error) => ("error", error.spell()),
    };
    turn.after.push(answer);
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewSubmission {
    identity_id: String,
    email_id: String,
    envelope: Option<NewEnvelope>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewEnvelope {
    mail_from: NewAddress,
    rcpt_to: Vec<NewAddress>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewAddress {
    email: String,
    parameters: Option<Map<String, Value>>,
}

/// Reads a new EmailSubmission; the error names the properties that are wrong (RFC 8620 §5.3).
fn read(new: &Value) -> Result<NewSubmission, SetError> {
    const SETTABLE: [&str; 3] = ["identityId", "emailId", "envelope"];
    let map = new
        .as_object()
        .ok_or_else(|| SetError::invalid(&[], "an object is expected"))?;
    let mut wrong: Vec<&str> = SETTABLE[..2]
        .iter()
        .copied()
        .filter(|name| !map.get(*name).is_some_and(Value::is_string))
        .collect();
    let strange = map.keys().map(String::as_str);
    wrong.extend(strange.filter(|name| !SETTABLE.contains(name)));
    if !wrong.is_empty() {
        return Err(SetError::invalid(&wrong, "missing, or not to be set"));
    }
    serde_json::from_value(new.clone()).map_err(|e| SetError::invalid(&["envelope"], e.to_string()))
}

/// Sends one message; its email id, and the properties that the server set.
fn create(turn: &Turn<'_>, mail: &Sight, new: &Value) -> Result<(String, Value), SetError> {
    let new = read(new)?;
    let known = identities(turn.access, mail.id());
    // RFC 8621 §7.5: out of the account of another only in whose name one may send.
    if known.is_empty() {
        return Err(SetError::new("forbiddenToSend")
            .because("you may not send in the name of this account"));
    }
    let identity = turn.real(&new.identity_id);
    let identity = known
        .iter()
        .find(|i| Some(i.id.as_str()) == identity)
        .ok_or_else(|| SetError::invalid(&["identityId"], "no such identity"))?;
    let id = turn.real(&new.email_id).unwrap_or_default();
    let state = email::visible(mail, id)?
        .ok_or_else(|| SetError::invalid(&["emailId"], "no such email"))?;
    let summary = mail.summary(state.email)?;
    let ascii = mail.content(state.email)?.is_ascii();
    let derived = new.envelope.is_none();
    let mut envelope = match new.envelope {
        Some(envelope) => given(envelope, turn.now_s())?,
        None => derive(&summary, identity)?,
    };
    envelope.eight_bit = !ascii;
    check_recipients(turn, &envelope)?;
    let submitted = turn.inner.context.delivery.submit(
        turn.access,
        mail.id(),
        state.email,
        Some(envelope.clone()),
        turn.ip,
    );
    let named: Vec<String> = envelope
        .recipients
        .iter()
        .map(|r| r.address.to_string())
        .collect();
    let (_, receipt) = submitted.map_err(|refused| error::refused(refused, &named))?;
    let mut object = created((turn, mail), &state, &receipt, &named);
    if let (Some(at), Some(queued)) = (envelope.release_at, receipt.queued) {
        let door = &turn.inner.context.delivery;
        if let Err(error) = door.note_later(mail.id(), queued, state.email, &identity.id) {
            // It goes at its time; only taking it back is not to be had.
            tracing::error!(trace = %receipt.trace, %error, "a message that waits is not listed");
        } else {
            object["id"] = super::id(queued).into();
            object["undoStatus"] = "pending".into();
        }
        object["sendAt"] = date::utc(at).into();
    }
    if derived {
        object["envelope"] = spell(&envelope);
    }
    Ok((id.to_owned(), object))
}

/// RFC 8621 §7: what the server sets.
fn created(
    (turn, mail): (&Turn<'_>, &Sight),
    state: &State,
    receipt: &Receipt,
    recipients: &[String],
) -> Value {
    let statuses = super::statuses(turn, &receipt.trace, recipients.iter().cloned());
    let unique = blake3::hash(receipt.trace.as_bytes()).to_hex();
    json!({
        "id": format!("s{}", &unique[..24]),
        "threadId": mail.ids().thread(state.thread),
        "sendAt": date::utc(turn.now_s()),
        "undoStatus": "final",
        "deliveryStatus": statuses,
        "dsnBlobIds": [],
        "mdnBlobIds": [],
    })
}

fn envelope(from: ReversePath, addresses: Vec<Address>) -> Result<Envelope, SetError> {
    if addresses.is_empty() {
        return Err(SetError::new("noRecipients"));
    }
    let author = match &from {
        ReversePath::Null => true,
        ReversePath::Address(address) => address.is_ascii(),
    };
    let smtputf8 = !author || addresses.iter().any(|a| !a.is_ascii());
    let recipients = addresses.into_iter().map(|address| Recipient {
        address,
        notify: None,
        orcpt: None,
    });
    Ok(Envelope {
        from,
        recipients: recipients.collect(),
        envid: None,
        ret: None,
        smtputf8,
        eight_bit: false,
        ..Envelope::default()
    })
}

/// An envelope that the client gave.
fn given(new: NewEnvelope, now: i64) -> Result<Envelope, SetError> {
    if new.rcpt_to.len() > limit::RECIPIENTS_MAX {
        let error = SetError::new("tooManyRecipients");
        return Err(error.with("maxRecipients", limit::RECIPIENTS_MAX));
    }
    let from = match new.mail_from.email.as_str() {
        "" => ReversePath::Null,
        text => {
            let read = Address::parse(text);
            ReversePath::Address(read.map_err(|_| SetError::new("forbiddenMailFrom"))?)
        }
    };
    let addresses = parse_all(new.rcpt_to.iter().map(|a| a.email.clone()))?;
    let mut envelope = envelope(from, addresses)?;
    if let Some(parameters) = &new.mail_from.parameters {
        parameter::of_sender(&mut envelope, parameters, now)?;
    }
    for given in &new.rcpt_to {
        let (Some(parameters), Ok(address)) = (&given.parameters, Address::parse(&given.email))
        else {
            continue;
        };
        let key = address.key();
        let mut named = envelope.recipients.iter_mut();
        if let Some(recipient) = named.find(|r| r.address.key() == key) {
            parameter::of_recipient(recipient, parameters)?;
        }
    }
    Ok(envelope)
}

/// RFC 8621 §7: Sender, else From; and everyone in To, Cc and Bcc once.
fn derive(summary: &Summary, identity: &Identity) -> Result<Envelope, SetError> {
    let head = &summary.head;
    let written = |people: &[Person]| people.iter().filter_map(Person::email).collect::<Vec<_>>();
    let authors = match written(&head.sender) {
        senders if !senders.is_empty() => senders,
        _ => written(&head.from),
    };
    let author = match authors.as_slice() {
        [] => None,
        [one] => Address::parse(one).ok(),
        _ => {
            let error = SetError::new("invalidEmail").with("properties", json!(["from", "sender"]));
            return Err(error.because("more than one author and no single sender"));
        }
    };
    // RFC 8621 §7: what the identity does not allow is replaced by the identity's own address.
    let own = author.filter(|a| a.key() == identity.address.key());
    let from = ReversePath::Address(own.unwrap_or_else(|| identity.address.clone()));
    let everyone = [&head.to, &head.cc, &head.bcc];
    let addresses = parse_all(everyone.into_iter().flat_map(|people| written(people)))?;
    envelope(from, addresses)
}

/// Each address once; those that are none are named together.
fn parse_all(texts: impl Iterator<Item = String>) -> Result<Vec<Address>, SetError> {
    let (mut addresses, mut invalid) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for text in texts {
        match Address::parse(&text) {
            Ok(address) if seen.insert(address.key()) => addresses.push(address),
            Ok(_) => {}
            Err(_) => invalid.push(text),
        }
    }
    if invalid.is_empty() {
        return Ok(addresses);
    }
    Err(SetError::new("invalidRecipients").with("invalidRecipients", json!(invalid)))
}

/// Asks the door about each recipient first, so that the sender learns all wrong ones by name.
fn check_recipients(turn: &Turn<'_>, envelope: &Envelope) -> Result<(), SetError> {
    let origin = Origin::Submitted {
        access: turn.access.clone(),
        ip: turn.ip,
        helo: "localhost".to_owned(),
        with: "JMAP",
        tls: None,
    };
    let door = &turn.inner.context.delivery;
    let mut invalid = Vec::new();
    for recipient in &envelope.recipients {
        match door.recipient(&recipient.address, &envelope.from, &origin) {
            Ok(()) => {}
            Err(Refused::Permanent(
                Refusal::UnknownRecipient
                | Refusal::DomainEnded
                | Refusal::RecipientClosed
                | Refusal::RelayDenied
                | Refusal::MayNotPost,
            )) => invalid.push(recipient.address.to_string()),
            Err(other) => return Err(error::refused(other, &[recipient.address.to_string()])),
        }
    }
    if invalid.is_empty() {
        return Ok(());
    }
    Err(SetError::new("invalidRecipients").with("invalidRecipients", json!(invalid)))
}
