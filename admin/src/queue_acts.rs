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
use directory::approval::REQUESTS;
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
/// Messages for which no request can be made any more, at which one call stops trying: each is looked at for nothing.
const UNASKED_MAX: usize = 1_000;
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
    /// Messages to change at most, or to make requests for: 1 to 1,000, 100 when left out. Those that have an open
    /// request of yours for the same act, with the same reason, do not count.
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
    /// Those that wait for a second person: each is a request of its own, made by this where none was open. When they are
    /// approved, the same act with the same reason does them.
    awaiting: usize,
    /// Those that take a second person too, and for which no request was made: as many of yours wait as may.
    unasked: usize,
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

/// What came of one message.
enum Came {
    Done,
    /// Another did it meanwhile, or it is gone.
    Over,
    Busy,
    /// It waits for a second person; whether it did before.
    Awaits {
        before: bool,
    },
    Unasked,
}

/// One after the other.
struct Round<'a> {
    room: &'a Room,
    access: &'a Access,
    act: &'a Act,
    /// Messages that it may change, or make requests for.
    left: usize,
    /// The newest request that was there before.
    request_last: u64,
    told: BulkDone,
}

impl Round<'_> {
    fn try_one(&self, id: QueueId) -> Result<Came, Problem> {
        Ok(
            match self.room.delivery.act(id, self.act, Some(self.access)) {
                Ok(true) => Came::Done,
                Ok(false) | Err(Undone::Storage(Error::NotFound)) => Came::Over,
                Err(Undone::Storage(Error::Conflict)) => Came::Busy,
                Err(Undone::Awaiting(request)) => Came::Awaits {
                    before: request <= self.request_last,
                },
                // What was approved is done all the same, wherever it stands.
                Err(Undone::Invalid { field, .. }) if field == REQUESTS => Came::Unasked,
                Err(error) => return Err(refused(error)),
            },
        )
    }

    /// One that is meant, as long as there is room. What waited for its second person already takes none: else the same
    /// ones would stand before the others for as long as nobody decides.
    fn meet(&mut self, id: QueueId) -> Result<(), Problem> {
        self.told.matching += 1;
        if self.left == 0 || self.told.unasked >= UNASKED_MAX {
            return Ok(());
        }
        let came = self.try_one(id)?;
        let told = &mut self.told;
        match came {
            Came::Done => told.done += 1,
            Came::Over => told.matching -= 1,
            Came::Busy => told.busy += 1,
            Came::Awaits { .. } => told.awaiting += 1,
            Came::Unasked => told.unasked += 1,
        }
        let changed = matches!(
            came,
            Came::Done | Came::Busy | Came::Awaits { before: false }
        );
        self.left -= usize::from(changed);
        Ok(())
    }
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
    let newest = room.directory.approvals(access, None, 1);
    let mut round = Round {
        room,
        access,
        act,
        left: limit,
        request_last: newest.first().map_or(0, |request| request.id),
        told: BulkDone::default(),
    };
    let (mut looked, mut after): (usize, Option<QueueId>) = (0, None);
    while looked < LOOK_MAX {
        let items = room.delivery.queue(after, READ_AT_ONCE)?;
        let Some(last) = items.last() else {
            return Ok(round.told);
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
                round.told.scheduled += 1;
                continue;
            }
            round.meet(item.id)?;
        }
    }
    round.told.more = true;
    Ok(round.told)
}
