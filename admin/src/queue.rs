//! `/api/v1/queue`: messages that wait, why, and what is done with one of them.

use crate::body::{Asked, Body, Named};
use crate::caller::Caller;
use crate::page::{Ask, Page, gather};
use crate::problem::{Kind, Problem, expected, text};
use crate::queue_filter::{QueueState, Sought};
use crate::router::Room;
use crate::sight::Sight;
use axum::Json;
use axum::extract::State;
use delivery::{Act, Detour, Item, Outcome, RecipientState, Security, Waiting};
use directory::{Access, Capability};
use formats::date;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use storage::{Error, QueueId};
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
    /// How the last try ended, in the peer's own words; where there was none, what keeps its server from taking anything.
    last: Option<String>,
    /// When it is tried next; RFC 3339, UTC. `null`: no more.
    next_try: Option<String>,
}

/// What is asked of TLS on the way to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DetourTls {
    /// STARTTLS where it is offered.
    Opportunistic,
    /// STARTTLS, whoever answers.
    Encrypted,
    /// STARTTLS with a certificate for the host's name.
    Verified,
    /// TLS from the first octet with a certificate for the host's name.
    Immediate,
}

/// A host that takes a message instead of those of its recipients' domains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DetourHost {
    /// A name or an address.
    host: String,
    port: u16,
    tls: DetourTls,
}

/// Where to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rerouting {
    /// Null: by the way that its recipients' domains have.
    to: Option<DetourHost>,
    /// Why: needed where the letter is another's and goes to a host (or `Audit-Reason`). Whose letter it is sees it in `reads`.
    #[schema(example = "Đường truyền tới ngoai.vn hỏng, gửi qua máy dự phòng")]
    reason: Option<String>,
}

/// One waiting message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueueItem {
    id: u64,
    state: QueueState,
    /// Reverse-path; null for a bounce.
    from: Option<String>,
    recipients: Vec<QueuedRecipient>,
    /// RFC 3339, UTC.
    accepted_at: String,
    /// When it is tried next; RFC 3339, UTC. Null: it is held.
    due: Option<String>,
    /// Octets.
    size: u64,
    /// The account that submitted it.
    submitter: Option<u32>,
    message_id: Option<String>,
    /// RFC 6710: -9 to 9; the higher go first.
    priority: i8,
    /// An administrator holds it since then; RFC 3339, UTC.
    held_since: Option<String>,
    /// The host that an administrator chose.
    detour: Option<DetourHost>,
    /// Names the acceptance: in the sender's reply, the log, and its timeline.
    trace: String,
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
    /// Domain of one recipient.
    domain: Option<String>,
    message_id: Option<String>,
    /// The account that submitted it.
    submitter: Option<u32>,
    state: Option<QueueState>,
    /// Accepted so many seconds ago, or before that.
    older_than: Option<u32>,
    /// 1 to 500, 50 when left out.
    limit: Option<i64>,
    /// Of the page before.
    cursor: Option<String>,
}

impl From<&Detour> for DetourHost {
    fn from(detour: &Detour) -> Self {
        Self {
            host: detour.host.clone(),
            port: detour.port,
            tls: match detour.security {
                Security::Opportunistic => DetourTls::Opportunistic,
                Security::Encrypted => DetourTls::Encrypted,
                Security::Verified => DetourTls::Verified,
                Security::Immediate => DetourTls::Immediate,
            },
        }
    }
}

impl DetourHost {
    /// Errors: 422.
    pub(crate) fn read(self) -> Result<Detour, Problem> {
        let detour = Detour {
            host: self.host,
            port: self.port,
            security: match self.tls {
                DetourTls::Opportunistic => Security::Opportunistic,
                DetourTls::Encrypted => Security::Encrypted,
                DetourTls::Verified => Security::Verified,
                DetourTls::Immediate => Security::Immediate,
            },
        };
        if detour.is_possible() {
            return Ok(detour);
        }
        Err(Problem::invalid(
            "to",
            expected(
                "tên hoặc địa chỉ của một máy chủ, và một cổng",
                "the name or the address of a host, and a port",
            ),
        ))
    }
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
            last: done.or(last).or(waiting.trouble),
        }
    }
}

impl From<Item> for QueueItem {
    fn from(item: Item) -> Self {
        Self {
            id: item.id.raw(),
            state: QueueState::of(&item),
            from: from_of(&item),
            recipients: item.waiting.into_iter().map(Into::into).collect(),
            accepted_at: date::utc(item.accepted_at),
            due: item.held.is_none().then(|| date::utc(item.due)),
            size: item.size,
            submitter: item.submitter.map(directory::AccountId::raw),
            message_id: item.message_id,
            priority: item.priority,
            held_since: item.held.map(date::utc),
            detour: item.detour.as_ref().map(Into::into),
            trace: item.trace,
        }
    }
}

/// The reverse-path; `None`: null.
pub(crate) fn from_of(item: &Item) -> Option<String> {
    item.envelope.from.address().map(ToString::to_string)
}

impl QueueFilter {
    fn sought(&mut self) -> Sought {
        Sought {
            from: self.from.take(),
            recipient: self.recipient.take(),
            domain: self.domain.take(),
            message_id: self.message_id.take(),
            submitter: self.submitter,
            state: self.state,
            older_than: self.older_than,
        }
    }
}

/// An item belongs to the agency of its submitter, and to those of its recipients when all are theirs: who answers for
/// one of several neither learns of the others nor stops their mail. The rest belongs to the top.
pub(crate) fn in_sight(room: &Room, access: &Access, capability: Capability, item: &Item) -> bool {
    let sight = Sight::new(&room.directory, access, capability);
    let theirs = |waiting: &Waiting| match waiting.state {
        RecipientState::Local(account) => sight.account(account),
        RecipientState::Remote => forwards(room, &sight, item, waiting),
        RecipientState::Done(_) => false,
    };
    item.submitter.is_some_and(|account| sight.account(account))
        || (!item.waiting.is_empty() && item.waiting.iter().all(theirs))
        || sight.whole()
}

/// Whether it goes there because the account to which it was written lets its mail go on to there.
fn forwards(room: &Room, sight: &Sight<'_>, item: &Item, waiting: &Waiting) -> bool {
    let given = item.envelope.recipients.get(waiting.recipient as usize);
    let account = given.and_then(|given| room.directory.account_at(&given.address).ok());
    account.is_some_and(|account| {
        let said = room.directory.forwarding(None, account.id);
        let leads = said.is_ok_and(|said| said.to.contains(&waiting.address));
        leads && sight.agency(&account.agency)
    })
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

/// Does it to one item, with its entry in the audit log (I-20). Errors: 404, 403, 409.
fn carry_out(room: &Room, access: &Access, raw: u64, act: &Act) -> Result<(), Problem> {
    let id = QueueId::new(raw).ok_or_else(Problem::not_found)?;
    let whole = Sight::new(&room.directory, access, Capability::ManageQueue).whole();
    match managed(room, access, raw) {
        Ok(item) if *act == Act::Retry && item.scheduled.is_some() => return Err(scheduled()),
        Ok(_) => {}
        // What nobody can read belongs to nobody but the top.
        Err(_) if whole && matches!(room.delivery.queued(id), Err(Error::Corrupt(_))) => {}
        Err(problem) => return Err(problem),
    }
    if matches!(act, Act::Reroute(_)) && !whole {
        return Err(Problem::forbidden());
    }
    match room.delivery.act(id, act, Some(access)) {
        Ok(_) => Ok(()),
        Err(error) => Err(refused(error)),
    }
}

/// Nobody but its sender chooses another time for a message.
fn scheduled() -> Problem {
    Problem::new(
        Kind::InUse,
        text(
            "Thư này chờ đến giờ mà người gửi đã chọn; thử lại không gửi nó sớm hơn.",
            "This message waits for the time that its sender chose; a retry does not send it earlier.",
        ),
    )
}

/// Why an act cannot be done now.
pub(crate) fn refused(error: directory::Error) -> Problem {
    let directory::Error::Storage(error) = error else {
        return error.into();
    };
    match error {
        Error::Conflict => Problem::new(
            Kind::InUse,
            text(
                "Thư này đang được gửi hoặc đang bị giữ; hãy đợi hoặc thả nó ra trước.",
                "This message is being sent or held just now; wait, or release it first.",
            ),
        ),
        Error::Invalid(_) => Problem::invalid(
            "to",
            expected(
                "một máy chủ khác, ở nơi thư được gửi ra ngoài",
                "another host, on a server that sends mail elsewhere",
            ),
        ),
        Error::Corrupt(_) => Problem::new(
            Kind::InUse,
            text(
                "Không đọc được mục này; chỉ có thể thử lại hoặc xoá nó.",
                "This item cannot be read; it can only be tried or deleted.",
            ),
        ),
        other => other.into(),
    }
}

async fn one(room: Room, caller: Caller, id: u64, act: Act) -> Result<StatusCode, Problem> {
    let done = room.ask(caller, move |room, access| {
        carry_out(room, access, id, &act)
    });
    done.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists waiting messages, the oldest first.
#[utoipa::path(get, path = "/api/v1/queue", tag = "queue", params(QueueFilter),
    responses((status = 200, body = Page<QueueItem>)))]
pub(crate) async fn list(
    State(room): State<Room>,
    caller: Caller,
    Asked(mut filter): Asked<QueueFilter>,
) -> Result<Json<Page<QueueItem>>, Problem> {
    let ask = Ask::of(filter.limit, filter.cursor.as_deref())?;
    let after = ask.key(|key| key.parse().ok().and_then(QueueId::new))?;
    let sought = filter.sought();
    let page = room.ask(caller, move |room, access| {
        let now = room.directory.clock().now_s();
        gather(
            ask.limit,
            after,
            |after: Option<&QueueId>, max| Ok(room.delivery.queue(after.copied(), max)?),
            |item| item.id,
            |item| {
                let shown =
                    sought.fits(&item, now) && in_sight(room, access, Capability::ReadQueue, &item);
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

/// Tries a waiting message now; 409 for one that waits for the time that its sender chose.
#[utoipa::path(post, path = "/api/v1/queue/{id}/retry", tag = "queue", params(("id" = u64, Path)),
    responses((status = 202, description = "It is due now.")))]
pub(crate) async fn retry(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<u64>,
) -> Result<StatusCode, Problem> {
    one(room, caller, id, Act::Retry).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Keeps a waiting message back until it is released; it does not end meanwhile.
#[utoipa::path(post, path = "/api/v1/queue/{id}/hold", tag = "queue", params(("id" = u64, Path)),
    responses((status = 204)))]
pub(crate) async fn hold(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<u64>,
) -> Result<StatusCode, Problem> {
    one(room, caller, id, Act::Hold).await
}

/// Lets a held message go on, with the time that it had left.
#[utoipa::path(post, path = "/api/v1/queue/{id}/release", tag = "queue", params(("id" = u64, Path)),
    responses((status = 204)))]
pub(crate) async fn release(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<u64>,
) -> Result<StatusCode, Problem> {
    one(room, caller, id, Act::Release).await
}

/// Sends what a message has for elsewhere to another host; for those whose grant hangs at the top of a tree. Whose host it
/// is reads it: to send another's letter there needs a reason, is shown to whose letter it is in `reads`, and takes two
/// persons where `impersonate` does.
#[utoipa::path(post, path = "/api/v1/queue/{id}/reroute", tag = "queue", params(("id" = u64, Path)),
    request_body = Rerouting, responses((status = 204)))]
pub(crate) async fn reroute(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<u64>,
    Body(way): Body<Rerouting>,
) -> Result<StatusCode, Problem> {
    let to = way.to.map(DetourHost::read).transpose()?;
    let caller = caller.because(way.reason.as_deref())?;
    one(room, caller, id, Act::Reroute(to)).await
}

/// Gives a waiting message up; its sender is told by a bounce.
#[utoipa::path(delete, path = "/api/v1/queue/{id}", tag = "queue", params(("id" = u64, Path)),
    responses((status = 204)))]
pub(crate) async fn delete(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<u64>,
) -> Result<StatusCode, Problem> {
    one(room, caller, id, Act::Delete).await
}
