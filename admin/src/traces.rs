//! `/api/v1/traces`: what became of each message ("where is my mail?"). Everybody sees their own; who reads the queue
//! of an agency, those of its accounts; the rest does not exist (I-17).

use crate::body::{Asked, Named};
use crate::caller::Caller;
use crate::filter::{address, instant};
use crate::page::{Ask, Page};
use crate::problem::Problem;
use crate::router::Room;
use crate::sight::Sight;
use axum::Json;
use axum::extract::State;
use delivery::Outcome;
use delivery::trace::{Event, Found, Head, Sought, What, Whence};
use directory::{Access, AccountId, Capability};
use formats::date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema};

/// Pieces of the timelines that one page reads at most.
const PIECES_MAX: usize = 5;

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TraceFilter {
    /// Reverse-path.
    from: Option<String>,
    /// A recipient: as it was written to, or an account's address.
    to: Option<String>,
    message_id: Option<String>,
    /// Accepted then or later; RFC 3339.
    since: Option<String>,
    /// Accepted before; RFC 3339.
    until: Option<String>,
    /// Only what you sent or were to get.
    #[serde(default)]
    mine: bool,
    /// 1 to 500, 50 when left out.
    limit: Option<i64>,
    /// Of the page before.
    cursor: Option<String>,
}

/// Whence a message came.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceOrigin {
    kind: TraceOriginKind,
    /// Address of the server or program that handed it in.
    ip: Option<String>,
    /// As that greeted.
    helo: Option<String>,
    /// ESMTP, ESMTPS, ESMTPSA, JMAP…
    protocol: Option<String>,
    /// Version and cipher of TLS.
    tls: Option<String>,
    /// The account that submitted it.
    account: Option<u32>,
    /// Of a notification: the message that it is about.
    about: Option<String>,
}

/// How a message came.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TraceOriginKind {
    /// From another server.
    Remote,
    /// From somebody signed in.
    Submitted,
    /// Made by this server.
    Generated,
}

/// A message as it was accepted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceItem {
    /// Names the acceptance: in the reply to the sender, in Received, in the log.
    id: String,
    /// When it was accepted; RFC 3339, UTC.
    accepted_at: String,
    /// Reverse-path; null for a bounce.
    from: Option<String>,
    /// The envelope's recipients, as far as you may know of them; at most 1,000.
    recipients: Vec<String>,
    message_id: Option<String>,
    /// Octets.
    size: u64,
    /// RFC 6710: -9 to 9.
    priority: i8,
    origin: TraceOrigin,
    /// What was found out about it before it was accepted.
    checks: Vec<String>,
}

/// How a try ended, for whom.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceResult {
    outcome: TraceOutcome,
    /// What was answered, word for word, or what went wrong.
    said: String,
    recipients: Vec<String>,
}

/// How a try ended.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TraceOutcome {
    Relayed,
    Deferred,
    Failed,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TraceEventKind {
    /// It waits in the queue.
    Queued,
    /// It lies in a mailbox here.
    Placed,
    /// A try ended.
    Tried,
    /// The sender was told that it failed, or takes long.
    Told,
    /// An administrator did something.
    Act,
}

/// What happened when.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceEvent {
    /// RFC 3339, UTC.
    at: String,
    kind: TraceEventKind,
    /// Of `placed`: for whom; of `told`: of whom.
    recipients: Vec<String>,
    /// Of `tried`: the next hop; null: none was asked.
    hop: Option<String>,
    /// Of `tried`: version and cipher of TLS; null: in the clear, or not known.
    tls: Option<String>,
    /// Of `tried`.
    results: Vec<TraceResult>,
    /// Of `told`: true where it only takes long.
    late: Option<bool>,
    /// Of `told`: true where it arrived, and the sender had asked to hear of that.
    good: Option<bool>,
    /// Of `told`: names the notification; null: nobody could or should be told.
    notice: Option<String>,
    /// Of `act`: what was done, as the audit log names it.
    act: Option<String>,
    /// Of `act`: who did it.
    by: Option<String>,
    /// Of `act`: the way that was chosen.
    to: Option<String>,
}

/// A message and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Timeline {
    message: TraceItem,
    /// The oldest first.
    events: Vec<TraceEvent>,
}

/// How much of a message somebody may see.
enum View {
    /// All of it.
    Whole,
    /// What its sender knows: no members of lists.
    Sender,
    /// What concerns these accounts, and the recipients through whom it came to them.
    Partly(BTreeSet<AccountId>, BTreeSet<String>),
}

impl View {
    /// `None`: it does not exist.
    fn of(room: &Room, access: &Access, head: &Head) -> Option<Self> {
        let sight = Sight::new(&room.directory, access, Capability::ReadQueue);
        let submitter = head.submitter();
        if sight.whole() || submitter.is_some_and(|account| sight.account(account)) {
            return Some(Self::Whole);
        }
        if submitter == Some(access.account()) {
            return Some(Self::Sender);
        }
        let looks = !access.scopes(Capability::ReadQueue).is_empty();
        let seen = head.accounts.iter().filter(|(account, _)| {
            *account == access.account() || (looks && sight.account(*account))
        });
        let (mut accounts, mut recipients) = (BTreeSet::new(), BTreeSet::new());
        for (account, through) in seen {
            accounts.insert(*account);
            recipients.extend(head.recipients.get(*through as usize).cloned());
        }
        (!accounts.is_empty()).then_some(Self::Partly(accounts, recipients))
    }

    fn shows(&self, head: &Head, recipient: &String) -> bool {
        match self {
            Self::Whole => true,
            Self::Sender => head.recipients.contains(recipient),
            Self::Partly(_, recipients) => recipients.contains(recipient),
        }
    }

    /// Where it was placed: accounts, or for the sender those whom he wrote to.
    fn places(&self, room: &Room, head: &Head, accounts: &[AccountId]) -> Vec<String> {
        let named = |account: &AccountId| match room.directory.kept_account(*account) {
            Ok(account) => account.address.to_string(),
            Err(_) => format!("#{account}"),
        };
        match self {
            Self::Whole => accounts.iter().map(named).collect(),
            Self::Partly(seen, _) => accounts
                .iter()
                .filter(|a| seen.contains(a))
                .map(named)
                .collect(),
            Self::Sender => {
                let placed: BTreeSet<&AccountId> = accounts.iter().collect();
                let each = head
                    .accounts
                    .iter()
                    .filter(|(account, _)| placed.contains(account));
                let through: BTreeSet<u32> = each.map(|(_, through)| *through).collect();
                let named = through
                    .iter()
                    .filter_map(|at| head.recipients.get(*at as usize));
                named.cloned().collect()
            }
        }
    }
}

fn origin(whence: Whence) -> TraceOrigin {
    let none = TraceOrigin {
        kind: TraceOriginKind::Generated,
        ip: None,
        helo: None,
        protocol: None,
        tls: None,
        account: None,
        about: None,
    };
    match whence {
        Whence::Remote {
            ip,
            helo,
            with,
            tls,
        } => TraceOrigin {
            kind: TraceOriginKind::Remote,
            ip: Some(ip.to_string()),
            helo: Some(helo),
            protocol: Some(with),
            tls,
            ..none
        },
        Whence::Submitted {
            account,
            ip,
            helo,
            with,
            tls,
        } => TraceOrigin {
            kind: TraceOriginKind::Submitted,
            ip: ip.map(|ip| ip.to_string()),
            helo: Some(helo),
            protocol: Some(with),
            tls,
            account: Some(account.raw()),
            about: None,
        },
        Whence::Generated { about } => TraceOrigin { about, ..none },
    }
}

fn item(found: Found, view: &View) -> TraceItem {
    let Found { id, at, head } = found;
    let shown = |recipient: &&String| view.shows(&head, recipient);
    TraceItem {
        id,
        accepted_at: date::utc(at),
        from: Some(head.from.clone()).filter(|from| !from.is_empty()),
        recipients: head.recipients.iter().filter(shown).cloned().collect(),
        message_id: head.message_id.clone(),
        size: head.size,
        priority: head.priority,
        checks: head.checks.clone(),
        origin: origin(head.whence),
    }
}

/// The event as one may see it; `None`: it tells of others only.
fn event(room: &Room, head: &Head, view: &View, event: Event) -> Option<TraceEvent> {
    let mut shown = TraceEvent {
        at: date::utc(event.at),
        kind: TraceEventKind::Queued,
        recipients: Vec::new(),
        hop: None,
        tls: None,
        results: Vec::new(),
        late: None,
        good: None,
        notice: None,
        act: None,
        by: None,
        to: None,
    };
    let visible = |all: Vec<String>| -> Vec<String> {
        all.into_iter().filter(|to| view.shows(head, to)).collect()
    };
    match event.what {
        What::Queued => {}
        What::Placed(accounts) => {
            shown.kind = TraceEventKind::Placed;
            shown.recipients = view.places(room, head, &accounts);
            if shown.recipients.is_empty() {
                return None;
            }
        }
        What::Tried { hop, tls, results } => {
            shown.kind = TraceEventKind::Tried;
            (shown.hop, shown.tls) = (Some(hop).filter(|hop| !hop.is_empty()), tls);
            for (outcome, recipients) in results {
                let recipients = visible(recipients);
                if !recipients.is_empty() {
                    let (outcome, said) = match outcome {
                        Outcome::Relayed(said) => (TraceOutcome::Relayed, said),
                        Outcome::Deferred(said) => (TraceOutcome::Deferred, said),
                        Outcome::Failed(said) => (TraceOutcome::Failed, said),
                    };
                    shown.results.push(TraceResult {
                        outcome,
                        said,
                        recipients,
                    });
                }
            }
            if shown.results.is_empty() {
                return None;
            }
        }
        What::Told {
            late,
            good,
            recipients,
            notice,
        } => {
            if matches!(view, View::Partly(..)) {
                return None;
            }
            shown.kind = TraceEventKind::Told;
            shown.recipients = visible(recipients);
            (shown.late, shown.good, shown.notice) = (Some(late), Some(good), notice);
        }
        What::Act { act, by, to } => {
            shown.kind = TraceEventKind::Act;
            shown.act = Some(act);
            // Who administers is not everybody's business.
            if matches!(view, View::Whole) {
                (shown.by, shown.to) = (by, to);
            }
        }
    }
    Some(shown)
}

/// Whether somebody looks at what is not their own: that is in the audit log.
fn is_own(access: &Access, head: &Head) -> bool {
    let own = access.account();
    head.submitter() == Some(own) || head.accounts.iter().any(|(account, _)| *account == own)
}

impl TraceFilter {
    fn sought(&self, own: Option<AccountId>) -> Result<Sought, Problem> {
        let time = |field: &str, text: &Option<String>| {
            let text = text.as_ref();
            text.map(|text| instant(field, text)).transpose()
        };
        let at = |field: &str, text: &Option<String>| {
            let text = text.as_ref();
            text.map(|text| address(field, text)).transpose()
        };
        Ok(Sought {
            from: at("from", &self.from)?,
            to: at("to", &self.to)?,
            message_id: self.message_id.clone(),
            since: time("since", &self.since)?,
            until: time("until", &self.until)?,
            account: own,
        })
    }

    /// As the audit log tells of it.
    fn detail(&self) -> String {
        let detail = serde_json::json!({
            "from": self.from, "to": self.to, "message_id": self.message_id,
            "since": self.since, "until": self.until,
        });
        detail.to_string()
    }
}

/// Looks messages up, the newest first. A search in others' is in the audit log.
#[utoipa::path(get, path = "/api/v1/traces", tag = "traces", params(TraceFilter),
    responses((status = 200, body = Page<TraceItem>)))]
pub(crate) async fn search(
    State(room): State<Room>,
    caller: Caller,
    Asked(filter): Asked<TraceFilter>,
) -> Result<Json<Page<TraceItem>>, Problem> {
    let ask = Ask::of(filter.limit, filter.cursor.as_deref())?;
    let page = room.ask(caller, move |room, access| {
        let others = !filter.mine && !access.scopes(Capability::ReadQueue).is_empty();
        let sought = filter.sought((!others).then(|| access.account()))?;
        if others && ask.after.is_none() {
            let act = "trace.search";
            room.directory
                .record(Some(access), act, "traces", &filter.detail())?;
        }
        let (mut items, mut after) = (Vec::new(), ask.after);
        for _ in 0..PIECES_MAX {
            let wanted = ask.limit - items.len();
            let found = room.delivery.traces(&sought, after.as_deref(), wanted)?;
            for found in found.found {
                if let Some(view) = View::of(room, access, &found.head) {
                    items.push(item(found, &view));
                }
            }
            after = found.last;
            if after.is_none() || items.len() >= ask.limit {
                break;
            }
        }
        Ok(Page::new(items, after))
    });
    Ok(Json(page.await?))
}

/// Reads what became of one message. That somebody reads others' is in the audit log.
#[utoipa::path(get, path = "/api/v1/traces/{id}", tag = "traces", params(("id" = String, Path)),
    responses((status = 200, body = Timeline)))]
pub(crate) async fn read(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Json<Timeline>, Problem> {
    let timeline = room.ask(caller, move |room, access| {
        let (found, events) = room.delivery.trace(&id)?;
        let view = View::of(room, access, &found.head).ok_or_else(Problem::not_found)?;
        if !is_own(access, &found.head) {
            let object = format!("trace/{}", found.id);
            room.directory
                .record(Some(access), "trace.read", &object, "{}")?;
        }
        let head = found.head.clone();
        let each = events
            .into_iter()
            .filter_map(|e| event(room, &head, &view, e));
        Ok(Timeline {
            events: each.collect(),
            message: item(found, &view),
        })
    });
    Ok(Json(timeline.await?))
}
