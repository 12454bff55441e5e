//! RFC 8620 §7.3: push by event source. A stream sleeps until the store of one of its accounts wakes it.

use crate::ear::{Ear, Types, state_change, wished};
use crate::limit;
use crate::pool::{Seat, Use};
use crate::problem::Problem;
use crate::router::{Shared, Signed};
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::{HeaderMap, header};
use serde::Deserialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

#[derive(Debug, Deserialize)]
pub(crate) struct StreamQuery {
    types: Option<String>,
    closeafter: Option<String>,
    ping: Option<String>,
}

/// What the client wants to be told, and when to end.
struct Wish {
    types: Types,
    close_after_state: bool,
    ping: Option<Duration>,
}

impl StreamQuery {
    /// RFC 8620 §7.3: all three variables of the template.
    fn read(&self) -> Result<Wish, Problem> {
        let types = match self.types.as_deref() {
            None | Some("*") => wished(None),
            Some(list) => {
                let named: Vec<&str> = list.split(',').map(str::trim).collect();
                wished(Some(&named))
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
    wish: Wish,
    woken: watch::Receiver<u64>,
    /// Absent while somebody looks on a blocking thread.
    ear: Option<Ear>,
    /// Something has happened that was not looked at.
    due: bool,
    opening: bool,
    ended: bool,
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
        .map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned())
        .filter(|v| !v.is_empty());
    let (wake, woken) = watch::channel(0);
    let wake = Arc::new(wake);
    let context = inner.context.clone();
    let types = wish.types.clone();
    let opened = inner
        .pool
        .run(move || Ok(Ear::open(context, access, &types, last.as_deref(), wake)?));
    let (ear, due) = opened.await?;
    let stream = Stream {
        inner,
        wish,
        woken,
        ear: Some(ear),
        due,
        opening: true,
        ended: false,
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
                let stands = self.ear.as_ref()?.stands();
                return stands.then(|| {
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
        let mut ear = self.ear.take()?;
        let wished = self.wish.types.clone();
        let looked = self.inner.pool.run(move || {
            if !ear.stands() {
                return Err(Problem::unauthorized(false));
            }
            let states = ear.look(&wished)?;
            Ok((ear, states))
        });
        let (ear, states) = looked.await.ok()?;
        let now = ear.own().unwrap_or_default().to_owned();
        self.ear = Some(ear);
        if states.is_empty() {
            return Some(None);
        }
        let data = state_change(&states);
        Some(Some(format!("id: {now}\nevent: state\ndata: {data}\n\n")))
    }
}
