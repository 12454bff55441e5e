//! RFC 8887: JMAP over a WebSocket. One connection carries requests, several at once, and tells of changes.
//!
//! The handshake is a request like all others: signed in by the same proofs, and of a browser's session only from this very
//! host, since a page elsewhere could open it with the session's cookie.

use crate::ear::{Ear, Types, state_change, wished};
use crate::pool::{Seat, Use};
use crate::problem::Problem;
use crate::request::{self, Request};
use crate::router::{From, Shared, Signed, Site};
use crate::{ijson, limit};
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use directory::Access;
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

/// RFC 8887 §4.2.
const PROTOCOL: &str = "jmap";

/// A request that is being answered, or was.
type Answered = (Option<String>, Result<Value, Problem>);

/// Who is told of changes, and of which.
struct Telling {
    /// Absent while somebody looks on a blocking thread.
    ear: Option<Ear>,
    types: Types,
    woken: watch::Receiver<u64>,
    /// When to look: a while after it was woken, so that a burst is one message.
    look_at: Option<Instant>,
}

/// One open connection.
struct Socket {
    inner: Shared,
    access: Access,
    ip: Option<IpAddr>,
    base: String,
    under_way: JoinSet<Answered>,
    telling: Option<Telling>,
    heard_at: Instant,
    /// Asked whether it is still there, and not answered yet.
    pinged: bool,
    _seat: Seat,
}

/// Why the connection ends: a code of RFC 6455 §7.4.1, or `None` when there is nobody to tell.
type End = Option<u16>;

/// RFC 8887 §4.3.5.2.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PushEnable {
    data_types: Option<Vec<String>>,
    push_state: Option<String>,
}

/// `GET /jmap/ws`: the handshake of RFC 6455 §4.
pub(crate) async fn open(
    State(inner): State<Shared>,
    Signed(access): Signed,
    From(ip): From,
    site: Site,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let expected = "the handshake of a WebSocket of the subprotocol jmap was expected";
    let upgrade = upgrade.map_err(|_| Problem::bad_request(expected))?;
    site.check(&access)?;
    let upgrade = upgrade.protocols([PROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        return Err(Problem::bad_request(expected));
    }
    let seat = inner
        .seat(&access, Use::Socket)
        .ok_or_else(|| Problem::limit("maxConcurrentRequests"))?;
    let socket = Socket {
        base: site.base(&inner.context)?,
        inner,
        access,
        ip,
        under_way: JoinSet::new(),
        telling: None,
        heard_at: Instant::now(),
        pinged: false,
        _seat: seat,
    };
    Ok(upgrade
        .max_message_size(limit::REQUEST_OCTETS_MAX)
        .max_frame_size(limit::REQUEST_OCTETS_MAX)
        .on_upgrade(move |wire| socket.run(wire)))
}

/// RFC 8887 §4.3.4: a problem of RFC 8620 §3.6.1, with the request that it is of.
fn request_error(id: Option<String>, problem: Problem) -> String {
    let mut object = problem.into_object();
    object.insert("@type".into(), "RequestError".into());
    object.insert("requestId".into(), id.into());
    Value::Object(object).to_string()
}

/// RFC 8887 §4.3.3.
fn response(id: Option<String>, mut answer: Value) -> String {
    answer["@type"] = "Response".into();
    if let Some(id) = id {
        answer["requestId"] = id.into();
    }
    answer.to_string()
}

async fn send(wire: &mut WebSocket, message: Message) -> Result<(), End> {
    // Who takes nothing for so long holds up nobody's memory.
    match timeout(
        Duration::from_secs(limit::SOCKET_WRITE_S),
        wire.send(message),
    )
    .await
    {
        Ok(Ok(())) => Ok(()),
        _ => Err(None),
    }
}

impl Socket {
    async fn run(mut self, mut wire: WebSocket) {
        loop {
            let Err(end) = self.step(&mut wire).await else {
                continue;
            };
            if let Some(code) = end {
                let close = CloseFrame {
                    code,
                    reason: "".into(),
                };
                let _ = send(&mut wire, Message::Close(Some(close))).await;
            }
            return;
        }
    }

    /// One thing that happens.
    async fn step(&mut self, wire: &mut WebSocket) -> Result<(), End> {
        let quiet = self.heard_at + Duration::from_secs(limit::SOCKET_PING_S);
        let lost = quiet + Duration::from_secs(limit::SOCKET_PONG_S);
        let beat = if self.pinged { lost } else { quiet };
        let telling = self.telling.as_mut();
        let (look_at, woken) = match telling {
            None => (None, None),
            Some(telling) => (telling.look_at, Some(&mut telling.woken)),
        };
        tokio::select! {
            frame = wire.recv() => {
                let frame = match frame {
                    None => return Err(None),
                    Some(Err(error)) => return Err(broken(&error)),
                    Some(Ok(frame)) => frame,
                };
                self.heard_at = Instant::now();
                self.pinged = false;
                self.take(wire, frame).await
            }
            Some(done) = self.under_way.join_next() => {
                let (id, answer) = done.unwrap_or_else(|_| (None, Err(Problem::failed())));
                let text = match answer {
                    Ok(answer) => response(id, answer),
                    Err(problem) => request_error(id, problem),
                };
                send(wire, Message::Text(text.into())).await
            }
            // Nothing more may come when the sender is gone, which lives in the ear.
            Some(Ok(())) = wakes(woken), if look_at.is_none() => {
                let at = Instant::now() + Duration::from_millis(limit::COALESCE_MS);
                if let Some(telling) = &mut self.telling {
                    telling.look_at = Some(at);
                }
                Ok(())
            }
            () = sleep_until(look_at.unwrap_or(beat)), if look_at.is_some() => self.look(wire).await,
            () = sleep_until(beat) => {
                if self.pinged {
                    return Err(None);
                }
                if !self.access.stands() {
                    return Err(Some(close_code::POLICY));
                }
                self.pinged = true;
                send(wire, Message::Ping(Vec::new().into())).await
            }
        }
    }

    async fn take(&mut self, wire: &mut WebSocket, frame: Message) -> Result<(), End> {
        let text = match frame {
            Message::Text(text) => text,
            // RFC 8887 §4.3: text alone.
            Message::Binary(_) => return Err(Some(close_code::UNSUPPORTED)),
            Message::Close(_) => return Err(Some(close_code::NORMAL)),
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
        };
        if !self.access.stands() {
            return Err(Some(close_code::POLICY));
        }
        let mut id = None;
        let done = self.obey(text.as_bytes(), &mut id).await;
        match done {
            Ok(()) => Ok(()),
            Err(problem) => {
                let text = request_error(id, problem);
                send(wire, Message::Text(text.into())).await
            }
        }
    }

    /// RFC 8887 §4.3: what one message asks for; its `id` is told even where nothing else of it can be used.
    async fn obey(&mut self, text: &[u8], id: &mut Option<String>) -> Result<(), Problem> {
        let value = ijson::parse(text).map_err(|e| Problem::not_json(e.to_string()))?;
        *id = value["id"].as_str().map(str::to_owned);
        match value["@type"].as_str() {
            Some("Request") => self.begin(id.clone(), value),
            Some("WebSocketPushEnable") => {
                let enable: PushEnable = serde_json::from_value(value)
                    .map_err(|e| Problem::not_request(e.to_string()))?;
                self.enable(enable).await
            }
            Some("WebSocketPushDisable") => {
                self.telling = None;
                Ok(())
            }
            _ => Err(Problem::not_request(
                "@type must be Request, WebSocketPushEnable or WebSocketPushDisable",
            )),
        }
    }

    /// RFC 8887 §4.3.2: runs it beside the others that are under way.
    fn begin(&mut self, id: Option<String>, value: Value) -> Result<(), Problem> {
        if value.get("id").is_some_and(|id| !id.is_string()) {
            return Err(Problem::not_request("id must be a string"));
        }
        let seat = self
            .inner
            .seat(&self.access, Use::Request)
            .ok_or_else(|| Problem::limit("maxConcurrentRequests"))?;
        let (inner, access) = (Arc::clone(&self.inner), self.access.clone());
        let (base, ip) = (self.base.clone(), self.ip);
        self.under_way.spawn(async move {
            let pool = inner.pool.clone();
            let answer = pool.run(move || {
                let _seat = seat;
                let request = Request::read(value)?;
                Ok(request::execute(&inner, &access, &base, ip, request))
            });
            (id, answer.await)
        });
        Ok(())
    }

    /// RFC 8887 §4.3.5.2: from now on, or from where the client was.
    async fn enable(&mut self, enable: PushEnable) -> Result<(), Problem> {
        let names: Option<Vec<&str>> = enable
            .data_types
            .as_ref()
            .map(|names| names.iter().map(String::as_str).collect());
        let types = wished(names.as_deref());
        self.telling = None;
        let (wake, woken) = watch::channel(0);
        let wake = Arc::new(wake);
        let access = self.access.clone();
        let opened = self
            .inner
            .pool
            .run(move || Ok(Ear::open(access, enable.push_state.as_deref(), wake)?));
        let (ear, due) = opened.await?;
        self.telling = Some(Telling {
            ear: Some(ear),
            types,
            woken,
            look_at: due.then(Instant::now),
        });
        Ok(())
    }

    /// RFC 8887 §4.3.5.1: tells what changed, if anything of interest did.
    async fn look(&mut self, wire: &mut WebSocket) -> Result<(), End> {
        let Some(telling) = &mut self.telling else {
            return Ok(());
        };
        telling.look_at = None;
        telling.woken.borrow_and_update();
        let Some(mut ear) = telling.ear.take() else {
            return Ok(());
        };
        let types = telling.types.clone();
        let looked = self.inner.pool.run(move || {
            if !ear.stands() {
                return Err(Problem::unauthorized(false));
            }
            let changed = ear.look(&types)?;
            Ok((ear, changed))
        });
        // The client asks again, with where it was, when it comes back.
        let Ok((ear, changed)) = looked.await else {
            let code = match self.access.stands() {
                true => close_code::ERROR,
                false => close_code::POLICY,
            };
            return Err(Some(code));
        };
        let state = ear.own().map(str::to_owned);
        telling.ear = Some(ear);
        if changed.is_empty() {
            return Ok(());
        }
        let mut told = state_change(&changed);
        told["pushState"] = json!(state);
        send(wire, Message::Text(told.to_string().into())).await
    }
}

/// When it is woken; never where nobody wakes.
async fn wakes(
    woken: Option<&mut watch::Receiver<u64>>,
) -> Option<Result<(), watch::error::RecvError>> {
    match woken {
        Some(woken) => Some(woken.changed().await),
        None => std::future::pending().await,
    }
}

/// RFC 6455 §7.4.1: a message that is too long is told so; a wire that broke is told nothing.
fn broken(error: &axum::Error) -> End {
    let said = error.to_string();
    said.contains("too long").then_some(close_code::SIZE)
}
