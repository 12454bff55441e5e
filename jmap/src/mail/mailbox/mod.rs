//! RFC 8621 §2.1 Mailbox/get, RFC 8621 §2.2 Mailbox/changes.

pub(crate) mod query;
pub(crate) mod right;
pub(crate) mod set;
pub(crate) mod share;

use crate::error::MethodError;
use crate::mail::{DELETED, DRAFT, SEEN};
use crate::request::{Arguments, Turn};
use crate::sight::Sight;
use crate::standard::{self, ChangesArguments, GetArguments};
use crate::state::{self, Kind};
use directory::Right;
use serde_json::{Map, Value, json};
use storage::{Mailbox, MailboxId, Role};

const PROPERTIES: [&str; 12] = [
    "id",
    "name",
    "parentId",
    "role",
    "sortOrder",
    "totalEmails",
    "unreadEmails",
    "totalThreads",
    "unreadThreads",
    "myRights",
    "isSubscribed",
    "shareWith",
];
const COUNTS: [&str; 4] = [
    "totalEmails",
    "unreadEmails",
    "totalThreads",
    "unreadThreads",
];

pub(crate) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Inbox => "inbox",
        Role::Drafts => "drafts",
        Role::Sent => "sent",
        Role::Junk => "junk",
        Role::Trash => "trash",
        Role::Archive => "archive",
    }
}

fn parse_role(name: &str) -> Option<Role> {
    use Role::*;
    let all = [Inbox, Drafts, Sent, Junk, Trash, Archive];
    all.into_iter().find(|r| role_name(*r) == name)
}

/// Plain English on the wire; the webmail shows its own words for mailboxes with a role.
pub(crate) fn name(mailbox: &Mailbox) -> &str {
    match mailbox.role {
        Some(Role::Inbox) => "Inbox",
        _ => &mailbox.name,
    }
}

/// The Mailbox object with all its properties.
pub(crate) fn object(mail: &Sight, mailbox: &Mailbox) -> Result<Map<String, Value>, MethodError> {
    let (counts, ids) = (counts(mail, mailbox)?, mail.ids());
    let object = json!({
        "id": ids.mailbox(mailbox.id),
        "name": name(mailbox),
        "parentId": mailbox.parent.map(|id| ids.mailbox(id)),
        "role": mailbox.role.map(role_name),
        "sortOrder": mailbox.sort_order,
        "totalEmails": counts.total,
        "unreadEmails": counts.unread,
        "totalThreads": counts.threads,
        "unreadThreads": counts.unread_threads,
        "myRights": right::mine(mail, mailbox),
        "isSubscribed": mailbox.subscribed,
        "shareWith": share::shown(mail, mailbox.id),
    });
    match object {
        Value::Object(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}

#[derive(Default)]
struct Counted {
    total: u32,
    unread: u32,
    threads: u32,
    unread_threads: u32,
}

/// Storage counts all messages and what is not `$seen`. RFC 8621 §2 also leaves out drafts and what is
/// marked deleted, so mailboxes that have such are counted one by one.
fn counts(mail: &Sight, mailbox: &Mailbox) -> Result<Counted, MethodError> {
    if !mail.reads(mailbox.id) {
        return Ok(Counted::default());
    }
    let stored = &mailbox.counts;
    let exact = stored.deleted == 0 && mailbox.role != Some(Role::Drafts);
    if exact || stored.total == 0 {
        return Ok(Counted {
            total: stored.total,
            unread: stored.unseen,
            threads: stored.threads,
            unread_threads: stored.unseen_threads,
        });
    }
    let (mut total, mut unread) = (0, 0);
    let mut threads = std::collections::BTreeMap::new();
    mail.scan(mailbox.id, &mut |state| {
        if !state.has(DELETED) {
            let new = !state.has(SEEN) && !state.has(DRAFT);
            total += 1;
            unread += u32::from(new);
            *threads.entry(state.thread).or_insert(false) |= new;
        }
        true
    })?;
    Ok(Counted {
        total,
        unread,
        threads: threads.len() as u32,
        unread_threads: threads.values().filter(|new| **new).count() as u32,
    })
}

/// RFC 8621 §2.1.
pub(crate) fn get(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: GetArguments = standard::read(arguments)?;
    standard::check_properties(&arguments.properties, &PROPERTIES)?;
    let mail = turn.mail(&arguments.account_id, Right::Read)?;
    let state = state::current(&mail)?;
    let all = mail.mailboxes()?;
    let mut not_found = Vec::new();
    let chosen: Vec<&Mailbox> = match arguments.ids {
        None => all.iter().collect(),
        Some(ids) => standard::wanted(ids)?
            .into_iter()
            .filter_map(|id| {
                let found = mail.ids().parse_mailbox(&id).and_then(|m| find(&all, m));
                if found.is_none() {
                    not_found.push(id);
                }
                found
            })
            .collect(),
    };
    let list = chosen
        .into_iter()
        .map(|m| Ok(standard::pick(object(&mail, m)?, &arguments.properties)))
        .collect::<Result<Vec<_>, MethodError>>()?;
    Ok(json!({
        "accountId": arguments.account_id,
        "state": state,
        "list": list,
        "notFound": not_found,
    }))
}

pub(crate) fn find(all: &[Mailbox], id: MailboxId) -> Option<&Mailbox> {
    all.iter().find(|m| m.id == id)
}

/// RFC 8621 §2.2: with `updatedProperties` when only counts changed.
pub(crate) fn changes(turn: &mut Turn<'_>, arguments: Arguments) -> Result<Value, MethodError> {
    let arguments: ChangesArguments = standard::read(arguments)?;
    let max = arguments.max()?;
    let mail = turn.mail(&arguments.account_id, Right::Read)?;
    let since = state::parse(&mail, &arguments.since_state)?;
    let delta = state::delta(&mail, since, max, Kind::Mailbox)?;
    let spell = |ids: Vec<u64>| mail.ids().spell_all('m', &ids);
    let counts = delta.counts_only && !delta.updated.is_empty();
    Ok(json!({
        "accountId": arguments.account_id,
        "oldState": arguments.since_state,
        "newState": delta.until,
        "hasMoreChanges": delta.more,
        "created": spell(delta.created),
        "updated": spell(delta.updated),
        "destroyed": spell(delta.destroyed),
        "updatedProperties": if counts { json!(COUNTS) } else { Value::Null },
    }))
}
