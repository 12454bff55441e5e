//! RFC 8621 §2.5 Mailbox/set.

use super::{object, parse_role, share};
use crate::error::{MethodError, SetError};
use crate::request::{Arguments, Turn};
use crate::sight::Sight;
use crate::standard::{self, SetArguments, SetOutcome};
use crate::state;
use directory::{Right, Rights};
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use storage::{AccountId, Mailbox, MailboxChange, MailboxId, NewMailbox, Role};

pub(crate) fn set(turn: &mut Turn<'_>, mut arguments: Arguments) -> Result<Value, MethodError> {
    let remove_emails = match arguments.remove("onDestroyRemoveEmails") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(flag)) => flag,
        Some(_) => return Err(MethodError::argument("onDestroyRemoveEmails", "a boolean")),
    };
    let arguments: SetArguments = standard::read(arguments)?;
    // Who may only read may still subscribe: rights are asked of each mailbox.
    let mail = turn.mail(&arguments.account_id, Right::Read)?;
    let old = state::current(&mail)?;
    arguments.check(&old)?;
    let mut outcome = SetOutcome::default();
    create_all(
        turn,
        &mail,
        arguments.create.unwrap_or_default(),
        &mut outcome,
    );
    let doomed = arguments.destroy.unwrap_or_default();
    let patches = arguments.update.unwrap_or_default();
    // A role must be given up before another mailbox can take it.
    let (freeing, taking): (Vec<_>, Vec<_>) = patches
        .into_iter()
        .partition(|(_, patch)| patch.get("role") == Some(&Value::Null));
    for (key, patch) in freeing.into_iter().chain(taking) {
        let updated = if doomed.contains(&key) {
            Err(SetError::new("willDestroy"))
        } else {
            update(turn, &mail, &key, &patch)
        };
        outcome.update(turn.real(&key).unwrap_or(&key).to_owned(), updated);
    }
    for id in deepest_first(turn, &mail, doomed)? {
        let destroyed = destroy(turn, &mail, &id, remove_emails);
        outcome.destroy(turn.real(&id).unwrap_or(&id).to_owned(), destroyed);
    }
    // RFC 8620 §5.3: as Mailbox/get would say it right after this. What was made or removed changed the rights, so
    // they are read anew; who took his own away has nothing to ask any more.
    let new = match turn.mail(&arguments.account_id, Right::Read) {
        Ok(now) => state::current(&now)?,
        Err(_) => state::current(&mail)?,
    };
    Ok(outcome.response(&arguments.account_id, &old, &new))
}

/// RFC 8620 §5.3: a mailbox may name another of the same call as its parent, so parents come first.
fn create_all(
    turn: &mut Turn<'_>,
    mail: &Sight,
    mut waiting: Map<String, Value>,
    outcome: &mut SetOutcome,
) {
    while !waiting.is_empty() {
        let ready = |value: &Value| {
            let parent = value.get("parentId").and_then(Value::as_str);
            let creation = parent.and_then(|p| p.strip_prefix('#'));
            creation.is_none_or(|c| !waiting.contains_key(c))
        };
        // When only a loop is left, its first mailbox is refused for naming an unknown parent.
        let next = waiting
            .iter()
            .find(|(_, v)| ready(v))
            .or(waiting.iter().next());
        let Some(key) = next.map(|(key, _)| key.clone()) else {
            break;
        };
        let Some(new) = waiting.remove(&key) else {
            break;
        };
        let created = create(turn, mail.id(), &new);
        outcome.create(turn, key, created);
    }
}

/// The account as it is seen now; what was made a moment ago has rights of its own.
fn look(turn: &Turn<'_>, account: AccountId) -> Result<Sight, SetError> {
    let mail = Sight::of(turn.access, account, Right::Read);
    mail.map_err(|_| SetError::forbidden("the rights over this account have changed"))
}

fn create(turn: &Turn<'_>, account: AccountId, new: &Value) -> Result<Value, SetError> {
    let mail = look(turn, account)?;
    let map = new
        .as_object()
        .ok_or_else(|| SetError::invalid(&[], "an object is expected"))?;
    let mut wanted = NewMailbox {
        parent: None,
        name: String::new(),
        role: None,
        subscribed: true,
        sort_order: 0,
    };
    for (key, value) in map.iter().filter(|(key, _)| *key != share::NAME) {
        match field(turn, &mail, key, value)? {
            Field::Name(name) => wanted.name = name,
            Field::Parent(parent) => wanted.parent = parent,
            Field::Role(role) => wanted.role = role,
            Field::SortOrder(order) => wanted.sort_order = order,
            Field::Subscribed(flag) => wanted.subscribed = flag,
        }
    }
    if wanted.name.is_empty() {
        return Err(SetError::invalid(&["name"], "a name is needed"));
    }
    if wanted.role == Some(Role::Inbox) {
        return Err(SetError::invalid(&["role"], "there is one inbox already"));
    }
    let above = wanted.parent;
    may_make(&mail, above)?;
    if wanted.role.is_some() {
        may_arrange(&mail)?;
    }
    let subscribed = wanted.subscribed;
    let mut writer = mail.write()?;
    let id = writer.create_mailbox(wanted).map_err(name_error)?;
    writer.commit()?;
    inherit(turn, account, above, id);
    if !mail.is_own() {
        turn.access.subscribe(account, id, subscribed)?;
    }
    let mail = look(turn, account)?;
    if let Some(wish) = share::Wish::new(&mail, id, map)? {
        wish.grant(&mail, id)?;
    }
    let made = mail.mailbox(id)?;
    let mut created = object(&mail, &made).map_err(|_| SetError::new("serverFail"))?;
    created.retain(|key, _| !map.contains_key(key));
    Ok(Value::Object(created))
}

/// RFC 8621 §2 mayCreateChild; at the top, what is given over the account as a whole.
fn may_make(mail: &Sight, above: Option<MailboxId>) -> Result<(), SetError> {
    let rights = match above {
        Some(parent) => {
            mail.mailbox(parent).map_err(parent_error)?;
            mail.rights(parent)
        }
        None => mail.rights_over_all(),
    };
    match rights.has(Rights::CREATE) {
        true => Ok(()),
        false => Err(SetError::forbidden("no mailbox may be made here")),
    }
}

/// Roles and order are of the account, not of one mailbox.
fn may_arrange(mail: &Sight) -> Result<(), SetError> {
    match mail.rights_over_all().has(Rights::ADMINISTER) {
        true => Ok(()),
        false => Err(SetError::forbidden(
            "roles and order are the owner's to change",
        )),
    }
}

/// RFC 4314 §4: a new mailbox has the list of rights of the one above it.
fn inherit(turn: &Turn<'_>, account: AccountId, above: Option<MailboxId>, made: MailboxId) {
    let Some(above) = above else { return };
    if let Err(error) = turn.access.inherit_share(account, above, made) {
        // The mailbox stands; without a list it is the owner's alone.
        tracing::warn!(%error, "a new mailbox could not be given the rights of the one above it");
    }
}

fn parent_error(error: storage::Error) -> SetError {
    match error {
        storage::Error::NotFound => SetError::invalid(&["parentId"], "no such mailbox"),
        other => other.into(),
    }
}

fn name_error(error: storage::Error) -> SetError {
    use storage::Error as E;
    match error {
        E::Exists => SetError::invalid(&["name", "role"], "name or role is taken"),
        E::Invalid(why) => SetError::invalid(&["name", "parentId"], why),
        E::NotFound => SetError::invalid(&["parentId"], "no such mailbox"),
        E::TooLarge(why) => SetError::new("overQuota").because(why),
        other => other.into(),
    }
}

enum Field {
    Name(String),
    Parent(Option<MailboxId>),
    Role(Option<Role>),
    SortOrder(u32),
    Subscribed(bool),
}

/// One property that a client may set.
fn field(turn: &Turn<'_>, mail: &Sight, key: &str, value: &Value) -> Result<Field, SetError> {
    let read = match (key, value) {
        ("name", Value::String(name)) => Some(Field::Name(name.clone())),
        ("parentId", Value::Null) => Some(Field::Parent(None)),
        ("parentId", Value::String(id)) => turn
            .real(id)
            .and_then(|id| mail.ids().parse_mailbox(id))
            .map(|m| Field::Parent(Some(m))),
        ("role", Value::Null) => Some(Field::Role(None)),
        ("role", Value::String(role)) => parse_role(role).map(|r| Field::Role(Some(r))),
        ("sortOrder", Value::Number(n)) => n
            .as_u64()
            .and_then(|n| u32::try_from(n).ok())
            .filter(|n| *n < 1 << 31)
            .map(Field::SortOrder),
        ("sortOrder", Value::Null) => Some(Field::SortOrder(0)),
        ("isSubscribed", Value::Bool(flag)) => Some(Field::Subscribed(*flag)),
        _ => None,
    };
    read.ok_or_else(|| SetError::invalid(&[key], "cannot be set to this"))
}

fn update(turn: &Turn<'_>, mail: &Sight, key: &str, patch: &Value) -> Result<Value, SetError> {
    let mailbox = existing(turn, mail, key)?;
    let patch = patch
        .as_object()
        .ok_or_else(|| SetError::invalid_patch("an object is expected"))?;
    let current = object(mail, &mailbox).map_err(|_| SetError::new("serverFail"))?;
    let wish = share::Wish::read(mail, mailbox.id, patch)?;
    let mut change = MailboxChange::default();
    for (key, value) in patch {
        // RFC 8620 §5.3: what is sent back as it is changes nothing, server-set or not.
        if current.get(key) == Some(value) || share::is_of(key) {
            continue;
        }
        // A mailbox has nothing that could be set by a part.
        if key.contains('/') {
            return Err(SetError::invalid_patch(format!("no such path: {key}")));
        }
        match field(turn, mail, key, value)? {
            Field::Name(name) => change.name = Some(name),
            Field::Parent(parent) => change.parent = Some(parent),
            Field::Role(role) => change.role = Some(role),
            Field::SortOrder(order) => change.sort_order = Some(order),
            Field::Subscribed(flag) => change.subscribed = Some(flag),
        }
    }
    check_change(mail, mailbox.id, &change)?;
    let moved = change.name.is_some() || change.parent.is_some() || change.role.is_some();
    if mailbox.role == Some(Role::Inbox) && moved {
        return Err(SetError::forbidden(
            "the inbox keeps its name, place and role",
        ));
    }
    if change.role == Some(Some(Role::Inbox)) {
        return Err(SetError::invalid(&["role"], "there is one inbox already"));
    }
    if let Some(on) = change.subscribed.take_if(|_| !mail.is_own()) {
        turn.access.subscribe(mail.id(), mailbox.id, on)?;
    }
    let mut writer = mail.write()?;
    writer
        .change_mailbox(mailbox.id, change)
        .map_err(name_error)?;
    writer.commit()?;
    wish.map_or(Ok(Value::Null), |wish| wish.grant(mail, mailbox.id))
}

/// Whether all of it is allowed.
fn check_change(mail: &Sight, id: MailboxId, change: &MailboxChange) -> Result<(), SetError> {
    let rights = mail.rights(id);
    let renamed = change.name.is_some() || change.parent.is_some();
    if renamed && !rights.has(Rights::REMOVE) {
        return Err(SetError::forbidden("this mailbox may not be renamed"));
    }
    if let Some(parent) = change.parent {
        may_make(mail, parent)?;
    }
    if change.role.is_some() || change.sort_order.is_some() {
        may_arrange(mail)?;
    }
    // RFC 4314 §4: `l` to subscribe.
    match change.subscribed.is_some() && !rights.has(Rights::LOOKUP) {
        true => Err(SetError::not_found()),
        false => Ok(()),
    }
}

fn existing(turn: &Turn<'_>, mail: &Sight, key: &str) -> Result<Mailbox, SetError> {
    let id = turn.real(key).and_then(|id| mail.ids().parse_mailbox(id));
    Ok(mail.mailbox(id.ok_or_else(SetError::not_found)?)?)
}

/// Children go before their parents, whatever order they were named in.
fn deepest_first(
    turn: &Turn<'_>,
    mail: &Sight,
    mut ids: Vec<String>,
) -> Result<Vec<String>, MethodError> {
    let all = mail.mailboxes()?;
    let depth = |id: &String| {
        let mut depth = 0;
        let mut next = turn.real(id).and_then(|id| mail.ids().parse_mailbox(id));
        while let Some(found) = next.and_then(|m| super::find(&all, m)) {
            depth += 1;
            if depth > crate::limit::MAILBOX_DEPTH_MAX {
                break;
            }
            next = found.parent;
        }
        depth
    };
    ids.sort_by_key(|id| std::cmp::Reverse(depth(id)));
    let mut seen = HashSet::new();
    ids.retain(|id| seen.insert(turn.real(id).unwrap_or(id).to_owned()));
    Ok(ids)
}

/// RFC 8621 §2.5: children first; messages only with `onDestroyRemoveEmails`.
fn destroy(turn: &Turn<'_>, mail: &Sight, key: &str, remove_emails: bool) -> Result<(), SetError> {
    let mailbox = existing(turn, mail, key)?;
    if mailbox.role.is_some() {
        let why = "a mailbox with a role is needed; take the role away first";
        return Err(
            SetError::forbidden(why).with("role", json!(mailbox.role.map(super::role_name)))
        );
    }
    if !mail.rights(mailbox.id).has(Rights::REMOVE) {
        return Err(SetError::forbidden("this mailbox may not be removed"));
    }
    let mut writer = mail.write()?;
    let all = writer.mailboxes()?;
    if all.iter().any(|m| m.parent == Some(mailbox.id)) {
        return Err(SetError::new("mailboxHasChild"));
    }
    // Counted under the writer, so that mail that arrives now is not swept away unseen.
    let counts = writer.mailbox(mailbox.id)?.counts;
    if !remove_emails && counts.total > counts.deleted {
        return Err(SetError::new("mailboxHasEmail"));
    }
    writer.remove_mailbox(mailbox.id)?;
    writer.commit()?;
    // RFC 4314 §4: its list of rights goes with it. Ids are never given twice, so that what a full disk
    // leaves behind means nothing.
    let directory = &turn.inner.context.directory;
    if let Err(error) = directory.forget_mailbox(mail.id(), mailbox.id) {
        tracing::warn!(%error, "what was said of a deleted mailbox could not be removed");
    }
    Ok(())
}
