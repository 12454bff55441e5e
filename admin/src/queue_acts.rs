//! `/api/v1/queue/acts`: the same act on all waiting messages that are meant, counted first where one asks.

use crate::body::Body;
use crate::caller::Caller;
use crate::problem::{Problem, expected, text};
use crate::queue::{DetourHost, in_sight, refused};
use crate::queue_filter::{QueueState, Sought};
use crate::router::Room;
use crate::sight::Sight;
use axum::Json;
use axum::extract::State;
use delivery::Act;
use directory::{Access, Capability, Error as Undone};
use serde::{Deserialize, Serialize};
use storage::{Error, QueueId};
use utoipa::ToSchema;

/// Messages that one call changes when it does not say.
const LIMIT_DEFAULT: usize = 100;
/// Messages that one call changes at most: each is a commit of its own.
const LIMIT_MAX: usize = 1_000;
/// Messages that one call looks at.
const LOOK_MAX: usize = 200_000;
/// Messages read at once.
const READ_AT_ONCE: usize = 500;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BulkVerb {
    Hold,
    Release,
    Retry,
    /// For those whose grant hangs at the top of a tree.
    Reroute,
    Delete,
}

/// An act on many messages: on those that fit all that is given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BulkAct {
    act: BulkVerb,
    /// Of `reroute`: the host; null: by the way that the recipients' domains have.
    to: Option<DetourHost>,
    /// Why: needed to `reroute` others' letters to a host (or `Audit-Reason`). Whose letter it is sees it in `reads`.
    reason: Option<String>,
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
    /// All messages that you may act on, when nothing else is given.
    #[serde(default)]
    all: bool,
    /// Only count.
    #[serde(default)]
    dry_run: bool,
    /// Messages to change at most: 1 to 1,000, 100 when left out.
    limit: Option<i64>,
}

/// What came of it.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct BulkDone {
    /// Messages that are meant, and that the act would change.
    matching: usize,
    /// Those that it changed; 0 for a dry run.
    done: usize,
    /// Those that it could not change just now: they are being sent.
    busy: usize,
    /// Those that wait for a second person: each is a request of its own, made by this where there was none.
    awaiting: usize,
    /// Those that `retry` leaves alone, since they wait for the time that their senders chose; not among `matching`.
    scheduled: usize,
    /// The queue is longer than what was looked at: there may be more.
    more: bool,
}

impl BulkAct {
    fn act(&mut self) -> Result<Act, Problem> {
        let to = self.to.take().map(DetourHost::read).transpose()?;
        if to.is_some() && self.act != BulkVerb::Reroute {
            return Err(Problem::invalid(
                "to",
                text("chỉ dùng với reroute", "only with reroute"),
            ));
        }
        Ok(match self.act {
            BulkVerb::Hold => Act::Hold,
            BulkVerb::Release => Act::Release,
            BulkVerb::Retry => Act::Retry,
            BulkVerb::Reroute => Act::Reroute(to),
            BulkVerb::Delete => Act::Delete,
        })
    }

    fn limit(&self) -> Result<usize, Problem> {
        match self.limit.map(usize::try_from) {
            None => Ok(LIMIT_DEFAULT),
            Some(Ok(n)) if (1..=LIMIT_MAX).contains(&n) => Ok(n),
            Some(_) => Err(Problem::invalid(
                "limit",
                expected("một số từ 1 đến 1000", "a number from 1 to 1000"),
            )),
        }
    }

    /// Errors: nothing says which, which must not mean all by mistake.
    fn sought(self) -> Result<Sought, Problem> {
        let sought = Sought {
            from: self.from,
            recipient: self.recipient,
            domain: self.domain,
            message_id: self.message_id,
            submitter: self.submitter,
            state: self.state,
            older_than: self.older_than,
        };
        let texts = [
            &sought.from,
            &sought.recipient,
            &sought.domain,
            &sought.message_id,
        ];
        let given = texts.iter().any(|text| text.is_some())
            || sought.submitter.is_some()
            || sought.state.is_some()
            || sought.older_than.is_some();
        if given || self.all {
            return Ok(sought);
        }
        Err(Problem::invalid(
            "all",
            text(
                "hãy nêu thư nào, hoặc all: true cho tất cả",
                "say which messages, or all: true for all of them",
            ),
        ))
    }
}

/// Holds, releases, tries, reroutes or gives up all waiting messages that are meant; with `dry_run` it counts them.
#[utoipa::path(post, path = "/api/v1/queue/acts", tag = "queue", request_body = BulkAct,
    responses((status = 200, body = BulkDone)))]
pub(crate) async fn bulk(
    State(room): State<Room>,
    caller: Caller,
    Body(mut asked): Body<BulkAct>,
) -> Result<Json<BulkDone>, Problem> {
    let (act, limit) = (asked.act()?, asked.limit()?);
    let limit = if asked.dry_run { 0 } else { limit };
    let caller = caller.because(asked.reason.as_deref())?;
    let sought = asked.sought()?;
    let done = room.ask(caller, move |room, access| {
        let sight = Sight::new(&room.directory, access, Capability::ManageQueue);
        if matches!(act, Act::Reroute(_)) && !sight.whole() {
            return Err(Problem::forbidden());
        }
        carry_out(room, access, &act, &sought, limit)
    });
    Ok(Json(done.await?))
}

/// Does it to `limit` of them.
fn carry_out(
    room: &Room,
    access: &Access,
    act: &Act,
    sought: &Sought,
    limit: usize,
) -> Result<BulkDone, Problem> {
    let now = room.directory.clock().now_s();
    let mut told = BulkDone::default();
    let (mut looked, mut after): (usize, Option<QueueId>) = (0, None);
    while looked < LOOK_MAX {
        let items = room.delivery.queue(after, READ_AT_ONCE)?;
        let Some(last) = items.last() else {
            return Ok(told);
        };
        after = Some(last.id);
        looked += items.len();
        for item in items {
            let meant = act.changes(item.held.is_some(), item.detour.as_ref())
                && sought.fits(&item, now)
                && in_sight(room, access, Capability::ManageQueue, &item);
            if !meant {
                continue;
            }
            if *act == Act::Retry && item.scheduled.is_some() {
                told.scheduled += 1;
                continue;
            }
            told.matching += 1;
            if told.done + told.busy + told.awaiting >= limit {
                continue;
            }
            match room.delivery.act(item.id, act, Some(access)) {
                Ok(true) => told.done += 1,
                // Another did it meanwhile.
                Ok(false) => told.matching -= 1,
                Err(Undone::Awaiting(_)) => told.awaiting += 1,
                Err(Undone::Storage(Error::Conflict)) => told.busy += 1,
                // Gone meanwhile.
                Err(Undone::Storage(Error::NotFound)) => told.matching -= 1,
                Err(error) => return Err(refused(error)),
            }
        }
    }
    told.more = true;
    Ok(told)
}
