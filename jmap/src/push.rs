//! RFC 8620 §7.3: push by event source. A stream sleeps until its account's store wakes it.

use crate::error::MethodError;
use crate::pool::{Seat, Use};
use crate::problem::Problem;
use crate::router::{Shared, Signed};
use crate::{ident, limit, state};
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use directory::{Access, Right};
use futures_util::stream;
use http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use storage::{AccountStore, Change, ModSeq, Subscription};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

/// What may be pushed. RFC 8621 §1.5: `EmailDelivery` changes only when a message comes in.
const TYPES: [&str; 4] = ["Mailbox", "Email", "Thread", "EmailDelivery"];

#[derive(Debug, Deserialize)]
pub(crate) struct StreamQuery {
    types: Option<String>,
    closeafter: Option<String>,
    ping: Option<String>,
}

/// What the client wants to be told, and when to end.
struct Wish {
    types: BTreeSet<&'static str>,
    close_after_state: bool,
    ping: Option<Duration>,
}

impl StreamQuery {
    /// RFC 8620 §7.3: all three variables of the template.
    fn read(&self) -> Result<Wish, Problem> {
        let types = match self.types.as_deref() {
            None | Some("*") => TYPES.into_iter().collect(),
            Some(list) => {
                let named: Vec<&str> = list.split(',').map(str::trim).collect();
                TYPES.into_iter().filter(|t| named.contains(t)).collect()
            }
        };
        let close_after_state = match self.closeafter.as_deref() {
            None | Some("no") => false,
            Some("state") => true,
            Some(_) => return Err(Problem::bad_request("closeafter must be state or no")),
        };
        let ping = match self.ping.as_deref().unwrap_or("0").parse::<u64>() {
            Ok(0) => None,
            Ok(s) => Some(Duration::from_secs(s.min(limit::PING_MAX_S))),
            Err(_) => return Err(Problem::bad_request("ping must be a number of seconds")),
        };
        Ok(Wish {
            types,
            close_after_state,
            ping,
        })
    }
}

/// One open stream.
struct Stream {
    inner: Shared,
    access: Access,
    wish: Wish,
    woken: watch::Receiver<u64>,
    /// What the client knows.
    told: ModSeq,
    /// Something has happened that was not looked at.
    due: bool,
    opening: bool,
    ended: bool,
    _subscription: Subscription,
    _seat: Seat,
}

/// `GET /jmap/eventsource/?types=…&closeafter=…&ping=…`.
pub(crate) async fn stream(
    State(inner): State<Shared>,
    Signed(access): Signed,
    Query(query): Query<StreamQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let wish = query.read()?;
    let seat = inner
        .seat(&access, Use::Stream)
        .ok_or_else(|| Problem::limit("maxConcurrentRequests"))?;
    let last = headers
        .get("last-event-id")
        .and_then(|v| v.to_str().ok())
        .and_then(|v| state::parse(v).ok());
    let asking = access.clone();
    let opened = inner.pool.run(move || {
        let mail = asking.mail(asking.account(), Right::Read)?;
        let (wake, woken) = watch::channel(0);
        let subscription = mail.subscribe(Arc::new(move |at: ModSeq| {
            wake.send_replace(at.raw());
        }));
        // Read after subscribing: what comes between the two is told twice rather than never.
        Ok((woken, subscription, mail.modseq()?))
    });
    let (woken, subscription, now) = opened.await?;
    let told = last.filter(|l| *l <= now).unwrap_or(now);
    let stream = Stream {
        inner,
        access,
        wish,
        woken,
        told,
        due: told < now,
        opening: true,
        ended: false,
        _subscription: subscription,
        _seat: seat,
    };
    let events = stream::unfold(stream, |mut stream| async move {
        let event = stream.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(event)), stream))
    });
    let fields = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((fields, Body::from_stream(events)).into_response())
}

impl Stream {
    /// The next event as it goes over the wire; `None` ends the stream.
    async fn next(&mut self) -> Option<String> {
        if std::mem::take(&mut self.opening) {
            // A comment opens the stream at once, so that the client knows it is there.
            return Some(": congvu\n\n".to_owned());
        }
        if self.ended {
            return None;
        }
        let deadline = self.wish.ping.map(|ping| Instant::now() + ping);
        loop {
            // Changes that are not of interest put no ping off.
            let late = deadline.is_some_and(|at| at <= Instant::now());
            if late || (!self.due && !self.wait(deadline).await?) {
                let ping = self.wish.ping?;
                return self.access.stands().then(|| {
                    format!("event: ping\ndata: {{\"interval\":{}}}\n\n", ping.as_secs())
                });
            }
            self.due = false;
            sleep(Duration::from_millis(limit::COALESCE_MS)).await;
            if let Some(event) = self.look().await? {
                self.ended = self.wish.close_after_state;
                return Some(event);
            }
        }
    }

    /// True when the store woke it, false when the time for a ping has come.
    async fn wait(&mut self, deadline: Option<Instant>) -> Option<bool> {
        match deadline {
            None => self.woken.changed().await.ok().map(|()| true),
            Some(at) => match timeout_at(at, self.woken.changed()).await {
                Ok(changed) => changed.ok().map(|()| true),
                Err(_) => Some(false),
            },
        }
    }

    /// What changed since the last event. `None` outside: the stream ends; inside: nothing to tell.
    async fn look(&mut self) -> Option<Option<String>> {
        self.woken.borrow_and_update();
        let (access, since) = (self.access.clone(), self.told);
        let looked = self.inner.pool.run(move || {
            if !access.stands() {
                return Err(Problem::unauthorized(false));
            }
            let mail = access.mail(access.account(), Right::Read)?;
            changed(&mail, since).map_err(|_| Problem::failed())
        });
        let (changed, now) = looked.await.ok()?;
        self.told = now;
        let wished = changed.into_iter().filter(|t| self.wish.types.contains(t));
        let states: Map<String, Value> = wished
            .map(|t| (t.to_owned(), now.to_string().into()))
            .collect();
        if states.is_empty() {
            return Some(None);
        }
        let account = ident::account(self.access.account());
        let data = json!({"@type": "StateChange", "changed": {account: states}});
        Some(Some(format!("id: {now}\nevent: state\ndata: {data}\n\n")))
    }
}

/// The types of which something changed after `since`.
fn changed(
    mail: &AccountStore,
    since: ModSeq,
) -> Result<(BTreeSet<&'static str>, ModSeq), MethodError> {
    let now = mail.modseq()?;
    let log = match state::log(mail, since) {
        // Too long ago to tell: everything may have changed.
        Err(MethodError::CannotCalculateChanges) => return Ok((TYPES.into_iter().collect(), now)),
        other => other?,
    };
    if log.more {
        return Ok((TYPES.into_iter().collect(), now));
    }
    let mut types = BTreeSet::new();
    let mut until = since;
    for (at, change) in log.list {
        until = at;
        match change {
            Change::MailboxCreated(_)
            | Change::MailboxChanged(_)
            | Change::MailboxCounts(_)
            | Change::MailboxRemoved(_) => {
                types.insert("Mailbox");
            }
            Change::EmailCreated { .. } => types.extend(["Email", "Thread", "EmailDelivery"]),
            Change::EmailRemoved { .. } => types.extend(["Email", "Thread"]),
            Change::EmailChanged { email, .. } => {
                types.insert("Email");
                // RFC 8621 §4.1.1: marked deleted, it leaves its thread.
                if !types.contains("Thread") && state::hidden(mail, email)? {
                    types.insert("Thread");
                }
            }
            Change::Vanished { .. } => {}
        }
    }
    Ok((types, until.max(now)))
}
