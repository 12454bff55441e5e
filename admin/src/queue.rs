//! `/api/v1/queue`: messages that wait, and why.

use crate::body::{Asked, Named};
use crate::caller::Caller;
use crate::page::{Ask, Page, gather};
use crate::problem::Problem;
use crate::router::Room;
use crate::sight::Sight;
use axum::Json;
use axum::extract::State;
use delivery::{Item, Outcome, RecipientState, ReversePath, Waiting};
use directory::{Access, Capability};
use formats::date;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use storage::QueueId;
use utoipa::{IntoParams, ToSchema};

/// Where one recipient stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RecipientProgress {
    /// To be placed in a mailbox here.
    Local,
    /// To be handed to another server.
    Remote,
    /// Handed over.
    Relayed,
    /// Given up.
    Failed,
}

/// One recipient of a waiting message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueuedRecipient {
    address: String,
    state: RecipientProgress,
    /// Tries so far.
    tries: u32,
    /// How the last try ended, in the peer's own words, or what keeps its server from taking anything.
    last: Option<String>,
    /// When it is tried next; RFC 3339, UTC. `null`: no more.
    next_try: Option<String>,
}

/// One waiting message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueueItem {
    id: u64,
    /// Reverse-path; null for a bounce.
    from: Option<String>,
    recipients: Vec<QueuedRecipient>,
    /// RFC 3339, UTC.
    accepted_at: String,
    /// When it is tried next; RFC 3339, UTC.
    due: String,
    /// Octets.
    size: u64,
    /// The account that submitted it.
    submitter: Option<u32>,
    message_id: Option<String>,
}

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct QueueFilter {
    /// Reverse-path; empty for bounces.
    from: Option<String>,
    /// Address of one recipient.
    recipient: Option<String>,
    message_id: Option<String>,
    /// The account that submitted it.
    submitter: Option<u32>,
    /// 1 to 500, 50 when left out.
    limit: Option<i64>,
    /// Of the page before.
    cursor: Option<String>,
}

impl From<Waiting> for QueuedRecipient {
    fn from(waiting: Waiting) -> Self {
        let (state, done) = match waiting.state {
            RecipientState::Local(_) => (RecipientProgress::Local, None),
            RecipientState::Remote => (RecipientProgress::Remote, None),
            RecipientState::Done(outcome) => match outcome {
                Outcome::Relayed(said) => (RecipientProgress::Relayed, Some(said)),
                Outcome::Deferred(said) => (RecipientProgress::Remote, Some(said)),
                Outcome::Failed(said) => (RecipientProgress::Failed, Some(said)),
            },
        };
        let last = waiting.last.map(|outcome| match outcome {
            Outcome::Relayed(said) | Outcome::Deferred(said) | Outcome::Failed(said) => said,
        });
        let waits = matches!(state, RecipientProgress::Local | RecipientProgress::Remote);
        Self {
            next_try: waits.then(|| date::utc(waiting.next)),
            address: waiting.address.to_string(),
            state,
            tries: waiting.tries,
            last: done.or(last),
        }
    }
}

impl From<Item> for QueueItem {
    fn from(item: Item) -> Self {
        Self {
            id: item.id.raw(),
            from: from_of(&item),
            recipients: item.waiting.into_iter().map(Into::into).collect(),
            accepted_at: date::utc(item.accepted_at),
            due: date::utc(item.due),
            size: item.size,
            submitter: item.submitter.map(directory::AccountId::raw),
            message_id: item.message_id,
        }
    }
}

fn from_of(item: &Item) -> Option<String> {
    match &item.envelope.from {
        ReversePath::Null => None,
        ReversePath::Address(address) => Some(address.to_string()),
    }
}

impl QueueFilter {
    fn fits(&self, item: &Item) -> bool {
        let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
        let to = |r: &str| item.waiting.iter().any(|w| same(&w.address.to_string(), r));
        self.from
            .as_ref()
            .is_none_or(|from| same(&from_of(item).unwrap_or_default(), from))
            && self.recipient.as_deref().is_none_or(to)
            && self
                .message_id
                .as_ref()
                .is_none_or(|id| item.message_id.as_ref() == Some(id))
            && self
                .submitter
                .is_none_or(|raw| item.submitter.map(directory::AccountId::raw) == Some(raw))
    }
}

/// An item belongs to the agency of its submitter and those of its recipients here; one that came
/// from outside for elsewhere belongs to the top.
fn in_sight(room: &Room, access: &Access, capability: Capability, item: &Item) -> bool {
    let sight = Sight::new(&room.directory, access, capability);
    let local = |waiting: &Waiting| match waiting.state {
        RecipientState::Local(account) => sight.account(account),
        RecipientState::Remote | RecipientState::Done(_) => false,
    };
    item.submitter.is_some_and(|account| sight.account(account))
        || item.waiting.iter().any(local)
        || sight.whole()
}

/// The item, when the caller may see it. Errors: 404.
fn visible(room: &Room, access: &Access, raw: u64) -> Result<Item, Problem> {
    let id = QueueId::new(raw).ok_or_else(Problem::not_found)?;
    let item = room.delivery.queued(id)?;
    if in_sight(room, access, Capability::ReadQueue, &item) {
        return Ok(item);
    }
    Err(Problem::not_found())
}

/// The item, when the caller may act on it. Errors: 404, 403.
fn managed(room: &Room, access: &Access, raw: u64) -> Result<Item, Problem> {
    let item = visible(room, access, raw)?;
    if in_sight(room, access, Capability::ManageQueue, &item) {
        return Ok(item);
    }
    Err(Problem::forbidden())
}

/// I-20: the act is in the audit log before it takes effect.
fn note(room: &Room, access: &Access, act: &'static str, item: &Item) -> Result<(), Problem> {
    let recipients: Vec<String> = item.waiting.iter().map(|w| w.address.to_string()).collect();
    let detail = serde_json::json!({
        "from": from_of(item), "recipients": recipients, "message_id": item.message_id,
    });
    let object = format!("queue/{}", item.id);
    Ok(room
        .directory
        .record(Some(access), act, &object, &detail.to_string())?)
}

/// Lists waiting messages, the oldest first.
#[utoipa::path(get, path = "/api/v1/queue", tag = "queue", params(QueueFilter),
    responses((status = 200, body = Page<QueueItem>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Asked(filter): Asked<QueueFilter>,
) -> Result<Json<Page<QueueItem>>, Problem> {
    let ask = Ask::of(filter.limit, filter.cursor.as_deref())?;
    let after = ask.key(|key| key.parse().ok().and_then(QueueId::new))?;
    let page = room.ask(caller, move |room, access| {
        gather(
            ask.limit,
            after,
            |after: Option<&QueueId>, max| Ok(room.delivery.queue(after.copied(), max)?),
            |item| item.id,
            |item| {
                let shown =
                    filter.fits(&item) && in_sight(room, access, Capability::ReadQueue, &item);
                shown.then(|| item.into())
            },
            ToString::to_string,
        )
    });
    Ok(Json(page.await?))
}

/// Reads one waiting message.
#[utoipa::path(get, path = "/api/v1/queue/{id}", tag = "queue", params(("id" = u64, Path)),
    responses((status = 200, body = QueueItem)))]
pub(crate) async fn read(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<u64>,
) -> Result<Json<QueueItem>, Problem> {
    let found = room.ask(caller, move |room, access| visible(room, access, id));
    Ok(Json(found.await?.into()))
}

/// Tries a waiting message now.
#[utoipa::path(post, path = "/api/v1/queue/{id}/retry", tag = "queue", params(("id" = u64, Path)),
    responses((status = 202, description = "It is due now.")))]
pub(crate) async fn retry(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<u64>,
) -> Result<StatusCode, Problem> {
    let due = room.ask(caller, move |room, access| {
        let item = managed(room, access, id)?;
        note(room, access, "queue.retry", &item)?;
        Ok(room.delivery.retry_now(item.id)?)
    });
    due.await?;
    Ok(StatusCode::ACCEPTED)
}

/// Gives a waiting message up; its sender is told by a bounce.
#[utoipa::path(delete, path = "/api/v1/queue/{id}", tag = "queue", params(("id" = u64, Path)),
    responses((status = 204)))]
pub(crate) async fn delete(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<u64>,
) -> Result<StatusCode, Problem> {
    let gone = room.ask(caller, move |room, access| {
        let item = managed(room, access, id)?;
        note(room, access, "queue.delete", &item)?;
        Ok(room.delivery.give_up(item.id)?)
    });
    gone.await?;
    Ok(StatusCode::NO_CONTENT)
}
