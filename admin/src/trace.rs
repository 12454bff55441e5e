//! `/api/v1/trace`: what became of each message ("where is my mail?"). Everybody sees their own; who reads the queue
//! of an agency, those of its accounts; the rest does not exist (I-17).

mod view;
mod wire;

use crate::body::{Asked, Named};
use crate::caller::Caller;
use crate::filter::{address, instant};
use crate::page::{Ask, Page};
use crate::problem::Problem;
use crate::router::Room;
use axum::Json;
use axum::extract::State;
use delivery::trace::Sought;
use directory::{AccountId, Capability, Scope};
use http::HeaderMap;
use serde::Deserialize;
use std::collections::BTreeSet;
use utoipa::IntoParams;
use view::Looker;
use wire::{Timeline, TraceItem, item, progress, shown};

/// Pieces of the timelines that one page reads at most.
const PIECES_MAX: usize = 5;

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TraceFilter {
    /// Reverse-path.
    sender: Option<String>,
    /// A recipient: as it was written to, or an account's address.
    recipient: Option<String>,
    message_id: Option<String>,
    /// Accepted then or later; RFC 3339.
    since: Option<String>,
    /// Accepted before; RFC 3339.
    until: Option<String>,
    /// Only what you sent or were to get, or with a Message-ID also a seat whose mail you read; as its sender or its
    /// recipient sees it.
    #[serde(default)]
    mine: bool,
    /// 1 to 500, 50 when left out.
    limit: Option<i64>,
    /// Of the page before.
    cursor: Option<String>,
}

/// How one message is looked at.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TraceLook {
    /// As its sender or its recipient sees it, whatever you administer.
    #[serde(default)]
    mine: bool,
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
            from: at("sender", &self.sender)?,
            to: at("recipient", &self.recipient)?,
            message_id: self.message_id.clone(),
            since: time("since", &self.since)?,
            until: time("until", &self.until)?,
            account: own,
        })
    }

    /// As the audit log tells of it.
    fn detail(&self) -> serde_json::Value {
        serde_json::json!({
            "sender": self.sender, "recipient": self.recipient, "message_id": self.message_id,
            "since": self.since, "until": self.until,
        })
    }
}

/// Looks messages up, the newest first. A search in others' needs a reason, is in the audit log, and is shown to them.
#[utoipa::path(get, path = "/api/v1/trace", tag = "trace", params(TraceFilter),
    responses((status = 200, body = Page<TraceItem>)))]
pub(crate) async fn search(
    State(room): State<Room>,
    caller: Caller,
    Asked(filter): Asked<TraceFilter>,
) -> Result<Json<Page<TraceItem>>, Problem> {
    let ask = Ask::of(filter.limit, filter.cursor.as_deref())?;
    let page = room.ask(caller, move |room, access| {
        let others = !filter.mine && !access.scopes(Capability::ReadTrace).is_empty();
        // A Message-ID names few: which of them there are for the one who asks, the view says.
        let own = !others && filter.message_id.is_none();
        let sought = filter.sought(own.then(|| access.account()))?;
        let reading = others.then(|| room.directory.open_reading(access, Scope::Trace));
        let reading = reading.transpose()?;
        if let Some(reading) = reading.as_ref().filter(|_| ask.after.is_none()) {
            reading.enter("trace.search", "trace", filter.detail(), &[])?;
        }
        let mut owners = BTreeSet::new();
        let looker = Looker::new(room, access, filter.mine);
        let (mut items, mut after) = (Vec::new(), ask.after);
        for _ in 0..PIECES_MAX {
            let wanted = ask.limit - items.len();
            let found = room.delivery.traces(&sought, after.as_deref(), wanted)?;
            for found in found.found {
                let view = looker.view(&found).filter(|view| {
                    let sought = sought.to.as_ref();
                    sought.is_none_or(|to| view.names(room, &found.head, to))
                });
                if let Some(view) = view {
                    owners.extend(looker.owners(&found.head, &view));
                    let (_, events) = room.delivery.trace(&found.id)?;
                    let all = room.delivery.progress(&found, &events)?;
                    let all = view.stands(&found.head, &events, all);
                    items.push(item(found, &view, &all));
                }
            }
            after = found.last;
            if after.is_none() || items.len() >= ask.limit {
                break;
            }
        }
        if let Some(reading) = reading {
            reading.tell(&owners.into_iter().collect::<Vec<_>>())?;
        }
        Ok(Page::new(items, after))
    });
    Ok(Json(page.await?))
}

/// Reads what became of one message. That somebody reads others' needs a reason, is in the audit log, and is shown to
/// them.
#[utoipa::path(get, path = "/api/v1/trace/{id}", tag = "trace",
    params(("id" = String, Path), TraceLook), responses((status = 200, body = Timeline)))]
pub(crate) async fn read(
    State(room): State<Room>,
    caller: Caller,
    Named(id): Named<String>,
    Asked(look): Asked<TraceLook>,
    headers: HeaderMap,
) -> Result<Json<Timeline>, Problem> {
    let language = crate::language::of(&headers);
    let timeline = room.ask(caller, move |room, access| {
        let (found, events) = room.delivery.trace(&id)?;
        let looker = Looker::new(room, access, look.mine);
        let view = looker.view(&found).ok_or_else(Problem::not_found)?;
        if !looker.is_own(&found) {
            let object = format!("trace/{}", found.id);
            let owners = looker.owners(&found.head, &view);
            room.directory.open_reading(access, Scope::Trace)?.enter(
                "trace.read",
                &object,
                serde_json::json!({}),
                &owners,
            )?;
        }
        let all = room.delivery.progress(&found, &events)?;
        let all = view.stands(&found.head, &events, all);
        let head = found.head.clone();
        Ok(Timeline {
            events: shown(room, &head, &view, &all, events, language),
            progress: progress(&head, &view, &all, language),
            message: item(found, &view, &all),
        })
    });
    Ok(Json(timeline.await?))
}
