//! RFC 8621 §4.6 Email/set. Creations are committed one by one; all updates and destroys of a call
//! are one batch, so that a thousand letters marked read cost one write to the disk.

use super::{draft, get, permit};
use crate::error::{MethodError, SetError};
use crate::ident::BlobName;
use crate::limit;
use crate::mail::DELETED;
use crate::request::{Arguments, Turn};
use crate::sight::Sight;
use crate::standard::{self, SetArguments, SetOutcome};
use crate::state;
use directory::Right;
use formats::message::summarize;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use storage::{Append, EmailId, Keyword, KeywordChange, MailboxId, State, Writer};

pub(crate) fn set(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: SetArguments = standard::read(arguments)?;
    let mail = turn.mail(&arguments.account_id, Right::Write)?;
    let old = state::current(&mail)?;
    arguments.check(&old)?;
    let mut outcome = SetOutcome::default();
    let create_wanted = arguments.create.unwrap_or_default();
    // What is created here moves the state on by itself.
    let still = arguments.if_in_state.filter(|_| create_wanted.is_empty());
    for (creation, new) in create_wanted {
        let created = create(turn, &mail, &new);
        outcome.create(turn, creation, created);
    }
    let update = arguments.update.unwrap_or_default();
    let destroy = arguments.destroy.unwrap_or_default();
    if !update.is_empty() || !destroy.is_empty() {
        let mut writer = mail.write()?;
        // Asked again under the writer: of two calls in the same state only one goes through.
        if still.is_some() && still != Some(state::current(&mail)?) {
            return Err(MethodError::StateMismatch);
        }
        if let Err(error) = batch(turn, &mail, &mut writer, (update, destroy), &mut outcome)
            .and_then(|()| Ok(writer.commit().map(|_| ())?))
        {
            outcome.undo_batch(&error);
        }
    }
    let new = state::current(&mail)?;
    Ok(outcome.response(&arguments.account_id, &old, &new))
}

/// Where a new message goes.
pub(crate) struct Place {
    pub(crate) mailboxes: Vec<MailboxId>,
    pub(crate) keywords: Vec<Keyword>,
    /// Unix seconds; `None`: the caller's default.
    pub(crate) received_at: Option<i64>,
}

impl Place {
    /// Reads `mailboxIds`, `keywords` and `receivedAt` of a new Email or EmailImport.
    pub(crate) fn read(
        turn: &Turn<'_>,
        mail: &Sight,
        object: &Map<String, Value>,
    ) -> Result<Self, SetError> {
        let known: BTreeSet<MailboxId> = mail.mailboxes()?.into_iter().map(|m| m.id).collect();
        let ids = object.get("mailboxIds").unwrap_or(&Value::Null);
        let keywords = object.get("keywords").unwrap_or(&Value::Null);
        let received_at = match object.get("receivedAt") {
            None | Some(Value::Null) => None,
            Some(value) => {
                let read = value.as_str().and_then(formats::date::parse_utc);
                Some(read.ok_or_else(|| SetError::invalid(&["receivedAt"], "a UTCDate"))?)
            }
        };
        let place = Self {
            mailboxes: checked_mailboxes(whole_mailboxes((turn, mail), ids)?, &known, mail)?,
            keywords: checked_keywords(whole_keywords(keywords)?)?,
            received_at,
        };
        permit::arrive(mail, &place.mailboxes)?;
        permit::mark(mail, &place.mailboxes, &place.keywords)?;
        Ok(place)
    }
}

fn create(turn: &Turn<'_>, mail: &Sight, new: &Value) -> Result<Value, SetError> {
    let object = new
        .as_object()
        .ok_or_else(|| SetError::invalid(&[], "an object is expected"))?;
    let place = Place::read(turn, mail, object)?;
    let bytes = draft::write(turn, mail, object)?;
    append(turn, mail, &bytes, place)
}

/// Puts a message into the account; what RFC 8621 §4.6 and §4.8 answer. Durable on return (I-01).
pub(crate) fn append(
    turn: &Turn<'_>,
    mail: &Sight,
    bytes: &[u8],
    place: Place,
) -> Result<Value, SetError> {
    let summary = summarize(bytes);
    let blob = mail.put_blob(bytes)?;
    let mut writer = mail.write()?;
    writer.quota(turn.access.quota(mail.id()));
    let placed = writer.append(Append {
        blob,
        summary: &summary,
        received_at: place.received_at.unwrap_or_else(|| turn.now_s()),
        keywords: place.keywords,
        mailboxes: place.mailboxes,
        delivery: None,
    })?;
    writer.commit()?;
    Ok(json!({
        "id": mail.ids().email(placed.email),
        "blobId": BlobName::message(placed.email).to_string(),
        "threadId": mail.ids().thread(placed.thread),
        "size": bytes.len(),
    }))
}

/// Updates and destroys under one writer. A refused record leaves no trace in the batch, since everything
/// is checked before anything is changed. Errors: storage itself refuses; the whole batch is to be dropped.
fn batch(
    turn: &Turn<'_>,
    mail: &Sight,
    writer: &mut Writer,
    (update, destroy): (Map<String, Value>, Vec<String>),
    outcome: &mut SetOutcome,
) -> Result<(), SetError> {
    let shown: BTreeSet<MailboxId> = mail.mailboxes()?.into_iter().map(|m| m.id).collect();
    let known = writer.mailboxes()?.into_iter().map(|m| m.id);
    let known: BTreeSet<MailboxId> = known.filter(|id| shown.contains(id)).collect();
    let doomed: BTreeSet<String> = destroy
        .iter()
        .map(|id| turn.real(id).unwrap_or(id).to_owned())
        .collect();
    let mut broken = None;
    for (key, patch) in update {
        let id = turn.real(&key).unwrap_or(&key).to_owned();
        let planned = if doomed.contains(&id) {
            Err(SetError::new("willDestroy"))
        } else {
            plan(turn, mail, writer, &id, &patch, &known)
        };
        let updated = planned.map(|plan| {
            if let Err(error) = plan.carry_out(writer) {
                broken = Some(error);
            }
            Value::Null
        });
        outcome.update(id, updated);
    }
    for id in doomed {
        let found = target(mail, writer, &id).and_then(|seen| {
            permit::leave(mail, seen.places())?;
            // What somebody else has of it elsewhere in the account stays.
            let done = match seen.elsewhere.as_slice() {
                [] => writer.destroy(seen.state.email),
                rest => writer.place(seen.state.email, rest).map(drop),
            };
            broken = broken.take().or(done.err());
            Ok(())
        });
        outcome.destroy(id, found);
    }
    match broken {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

/// A message as far as one sees it.
struct Seen {
    state: State,
    /// The mailboxes that one does not see it in.
    elsewhere: Vec<MailboxId>,
}

impl Seen {
    fn places(&self) -> impl Iterator<Item = MailboxId> + '_ {
        self.state.mailboxes.iter().map(|(mailbox, _)| *mailbox)
    }
}

/// The visible message under this id, as the batch leaves it.
fn target(mail: &Sight, writer: &Writer, id: &str) -> Result<Seen, SetError> {
    let email = mail.ids().parse_email(id).ok_or_else(SetError::not_found)?;
    let whole = writer.state(email)?;
    let everywhere: Vec<MailboxId> = whole.mailboxes.iter().map(|(m, _)| *m).collect();
    let state = mail.part_of(whole).filter(|state| !state.has(DELETED));
    let state = state.ok_or_else(SetError::not_found)?;
    let seen = |m: &MailboxId| state.uid(*m).is_some();
    let elsewhere = everywhere.into_iter().filter(|m| !seen(m)).collect();
    Ok(Seen { state, elsewhere })
}

/// What one update does.
struct Plan {
    email: EmailId,
    keywords: Option<Vec<Keyword>>,
    mailboxes: Option<Vec<MailboxId>>,
}

impl Plan {
    fn carry_out(self, writer: &mut Writer) -> Result<(), storage::Error> {
        if let Some(keywords) = self.keywords {
            writer.keywords(self.email, &KeywordChange::Set(keywords))?;
        }
        if let Some(mailboxes) = self.mailboxes {
            writer.place(self.email, &mailboxes)?;
        }
        Ok(())
    }
}

/// Reads a PatchObject (RFC 8620 §5.3): `keywords` and `mailboxIds`, whole or by member; everything else
/// is immutable and may only be repeated as it is.
fn plan(
    turn: &Turn<'_>,
    mail: &Sight,
    writer: &Writer,
    id: &str,
    patch: &Value,
    known: &BTreeSet<MailboxId>,
) -> Result<Plan, SetError> {
    let patch = patch
        .as_object()
        .ok_or_else(|| SetError::invalid_patch("an object is expected"))?;
    let seen = target(mail, writer, id)?;
    let state = &seen.state;
    let mut keywords: BTreeSet<Keyword> = state.keywords.iter().cloned().collect();
    let mut mailboxes: BTreeSet<MailboxId> = state.mailboxes.iter().map(|(m, _)| *m).collect();
    for (path, value) in patch {
        match path.split_once('/') {
            None => match path.as_str() {
                "keywords" => keywords = whole_keywords(value)?,
                "mailboxIds" => mailboxes = whole_mailboxes((turn, mail), value)?,
                name if get::single(mail, state, name).as_ref() == Some(value) => {}
                name => return Err(SetError::invalid(&[name], "cannot be changed")),
            },
            Some((property, member)) => {
                if patch.contains_key(property) {
                    return Err(SetError::invalid_patch(
                        "one patch is the prefix of another",
                    ));
                }
                // RFC 8620 §5.3: what stands before the last step must be an object already.
                if member.contains('/') {
                    return Err(SetError::invalid_patch(format!("no such path: {path}")));
                }
                let member = member.replace("~1", "/").replace("~0", "~");
                let add = added(value, property)?;
                match property {
                    "keywords" => {
                        let keyword = keyword(&member)?;
                        toggle(&mut keywords, keyword, add);
                    }
                    "mailboxIds" => {
                        let mailbox = mailbox((turn, mail), &member)?;
                        toggle(&mut mailboxes, mailbox, add);
                    }
                    _ => return Err(SetError::invalid_patch(format!("no such path: {path}"))),
                }
            }
        }
    }
    let old: BTreeSet<MailboxId> = state.mailboxes.iter().map(|(m, _)| *m).collect();
    let before: BTreeSet<Keyword> = state.keywords.iter().cloned().collect();
    let places: Vec<MailboxId> = old.iter().copied().collect();
    permit::mark(mail, &places, before.symmetric_difference(&keywords))?;
    let keywords = checked_keywords(keywords)?;
    Ok(Plan {
        email: state.email,
        mailboxes: moved(mail, &seen, &old, mailboxes, known)?,
        keywords: (keywords != state.keywords).then_some(keywords),
    })
}

/// Where the message is to be, when that is elsewhere than now.
fn moved(
    mail: &Sight,
    seen: &Seen,
    old: &BTreeSet<MailboxId>,
    new: BTreeSet<MailboxId>,
    known: &BTreeSet<MailboxId>,
) -> Result<Option<Vec<MailboxId>>, SetError> {
    if new == *old {
        return Ok(None);
    }
    let come: Vec<MailboxId> = new.difference(old).copied().collect();
    permit::leave(mail, old.difference(&new).copied())?;
    let mut all = checked_mailboxes(new, known, mail)?;
    permit::arrive(mail, &come)?;
    all.extend(&seen.elsewhere);
    all.sort_unstable();
    all.dedup();
    Ok(Some(all))
}

fn toggle<T: Ord>(set: &mut BTreeSet<T>, member: T, add: bool) {
    if add {
        set.insert(member);
    } else {
        set.remove(&member);
    }
}

/// RFC 8621 §4.1.1: a member's value is true; null takes it out.
fn added(value: &Value, property: &str) -> Result<bool, SetError> {
    match value {
        Value::Bool(true) => Ok(true),
        Value::Null => Ok(false),
        _ => Err(SetError::invalid(
            &[property],
            "a member is true, or null to remove it",
        )),
    }
}

fn keyword(text: &str) -> Result<Keyword, SetError> {
    let keyword = Keyword::new(text).filter(|k| k.as_str() != DELETED);
    keyword.ok_or_else(|| SetError::invalid(&["keywords"], format!("{text:?} cannot be a keyword")))
}

fn mailbox((turn, mail): (&Turn<'_>, &Sight), id: &str) -> Result<MailboxId, SetError> {
    let found = turn.real(id).and_then(|id| mail.ids().parse_mailbox(id));
    found.ok_or_else(|| SetError::invalid(&["mailboxIds"], format!("no mailbox {id:?}")))
}

fn members<'a>(value: &'a Value, property: &str) -> Result<Vec<&'a str>, SetError> {
    let wrong = || SetError::invalid(&[property], "an object whose values are true");
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Object(map) if map.values().all(|v| *v == Value::Bool(true)) => {
            Ok(map.keys().map(String::as_str).collect())
        }
        _ => Err(wrong()),
    }
}

fn whole_keywords(value: &Value) -> Result<BTreeSet<Keyword>, SetError> {
    members(value, "keywords")?
        .into_iter()
        .map(keyword)
        .collect()
}

fn whole_mailboxes(
    at: (&Turn<'_>, &Sight),
    value: &Value,
) -> Result<BTreeSet<MailboxId>, SetError> {
    let ids = members(value, "mailboxIds")?;
    ids.into_iter().map(|id| mailbox(at, id)).collect()
}

fn checked_keywords(keywords: BTreeSet<Keyword>) -> Result<Vec<Keyword>, SetError> {
    if keywords.len() > limit::KEYWORDS_MAX {
        return Err(SetError::new("tooManyKeywords"));
    }
    Ok(keywords.into_iter().collect())
}

/// RFC 8621 §4.1.1: at least one mailbox, and each of them there.
fn checked_mailboxes(
    mailboxes: BTreeSet<MailboxId>,
    known: &BTreeSet<MailboxId>,
    mail: &Sight,
) -> Result<Vec<MailboxId>, SetError> {
    if mailboxes.is_empty() {
        return Err(SetError::invalid(
            &["mailboxIds"],
            "at least one mailbox is needed",
        ));
    }
    if mailboxes.len() > limit::MAILBOXES_PER_EMAIL_MAX {
        return Err(SetError::new("tooManyMailboxes"));
    }
    match mailboxes.iter().find(|m| !known.contains(m)) {
        Some(unknown) => {
            let why = format!("no mailbox {:?}", mail.ids().mailbox(*unknown));
            Err(SetError::invalid(&["mailboxIds"], why))
        }
        None => Ok(mailboxes.into_iter().collect()),
    }
}
