//! What the webmail's first page carries along, so that its first row needs no round trip
//! (`ui/README.md` §3.4).

use crate::discovery;
use crate::error::MethodError;
use crate::ident;
use crate::limit;
use crate::mail::email::filter::Budget;
use crate::mail::email::get::{objects, row_wish};
use crate::mail::email::query::{Asked, Query, respond};
use crate::mail::email::visible;
use crate::mail::mailbox;
use crate::principal;
use crate::router::Context;
use crate::sight::Sight;
use crate::standard::Window;
use directory::{Access, Right};
use serde_json::{Value, json};
use storage::Role;

/// The properties of a row in the list.
const ROW: [&str; 12] = [
    "id",
    "blobId",
    "threadId",
    "mailboxIds",
    "keywords",
    "from",
    "to",
    "subject",
    "receivedAt",
    "preview",
    "hasAttachment",
    "size",
];

/// Why there is no first page: the Access no longer stands, or the store does not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no mail to show: {0}")]
pub struct BootError(String);

impl From<MethodError> for BootError {
    fn from(error: MethodError) -> Self {
        Self(error.to_string())
    }
}

/// The JSON of the block `boot`: session (addresses relative to the host), name, address, agency,
/// mailboxes, the first rows of the inbox with the query that found them, and who shares something with one. Blocks: call it on a
/// blocking thread. The caller escapes `<` when it puts this into a page.
pub fn boot(context: &Context, access: &Access) -> Result<Value, BootError> {
    let account = access.account();
    let mail = Sight::of(access, account, Right::Read)?;
    let all = mail.mailboxes().map_err(MethodError::from)?;
    let mailboxes = all
        .iter()
        .map(|m| mailbox::object(&mail, m).map(Value::Object))
        .collect::<Result<Vec<_>, _>>()?;
    let inbox = all.iter().find(|m| m.role == Some(Role::Inbox));
    let filter = inbox.map(|m| json!({"inMailbox": mail.ids().mailbox(m.id)}));
    let sort = json!([{"property": "receivedAt", "isAscending": false}]);
    let query = Query::read(filter.as_ref(), Some(&sort), false, mail.ids())?;
    let window = Window {
        limit: Some(limit::BOOT_ROWS as i64),
        ..Window::default()
    };
    let asked = Asked {
        account: &ident::account(account),
        query: &query,
        window: &window,
        calculate_total: true,
    };
    let answer = respond(&mail, &asked, &mut Budget::default())?;
    let mut rows = Vec::new();
    for id in answer["ids"].as_array().into_iter().flatten() {
        let id = id.as_str().unwrap_or_default();
        rows.extend(visible(&mail, id).map_err(MethodError::from)?);
    }
    let mut budget = limit::BODY_VALUES_OCTETS_MAX;
    let emails = objects(&mail, &rows, &row_wish(&ROW)?, &mut budget)?;
    let agency = context
        .directory
        .account(account)
        .and_then(|a| context.directory.agency(&a.agency))
        .ok();
    let agency_en = agency.as_ref().and_then(|a| a.name_en.clone());
    Ok(json!({
        "session": discovery::object(context, access, ""),
        "name": access.name(),
        "address": access.address().to_string(),
        "agency": agency.map(|a| a.name),
        "agencyEn": agency_en,
        "mailboxes": mailboxes,
        "query": answer,
        "emails": emails,
        "principals": principal::followed(context, access)?,
    }))
}
