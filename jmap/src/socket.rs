//! RFC 8887: JMAP over a WebSocket. One connection carries requests, several at once, and tells of changes.
//!
//! The handshake is a request like all others: signed in by the same proofs, and of a browser's session only from this very
//! host, since a page elsewhere could open it with the session's cookie.

use crate::ear::{Ear, Types, state_change, wished};
use crate::pool::{Seat, Use};
use crate::problem::Problem;
use crate::request::{self, Came, Request};
use crate::router::{From, Shared, Signed, Site, language};
use crate::{ijson, limit};
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use directory::Access;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

/// RFC 8887 §4.2.
const PROTOCOL: &str = "jmap";

/// What came of a message on a blocking thread.
enum Done {
    /// RFC 8887 §4.3.3, §4.3.4: spelled.
    Answer(String),
    /// It is no request.
    Other(Value),
}

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
    came: Came,
    base: String,
    under_way: JoinSet<Done>,
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
    headers: HeaderMap,
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
        came: (ip, language(&headers)),
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

/// A message's `id`, told even where nothing else of it can be used.
fn id_of(value: &Value) -> Option<String> {
    value["id"].as_str().map(str::to_owned)
}

/// What answering a request takes.
struct Asked {
    inner: Shared,
    access: Access,
    base: String,
    came: Came,
}

impl Asked {
    /// The answer as it goes over the wire. Blocks.
    fn answer(&self, value: Value) -> String {
        let id = id_of(&value);
        let read = match value.get("id").is_some_and(|id| !id.is_string()) {
            true => Err(Problem::not_request("id must be a string")),
            false => Request::read(value),
        };
        match read {
            Ok(request) => {
                let (inner, access) = (&self.inner, &self.access);
                let answer = request::execute(inner, access, &self.base, self.came, request);
                response(id, answer)
            }
            Err(problem) => request_error(id, problem),
        }
    }
}

async fn refuse(wire: &mut WebSocket, id: Option<String>, problem: Problem) -> Result<(), End> {
    send(wire, Message::Text(request_error(id, problem).into())).await
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
                    Some(Err(error)) if is_too_long(&error) => {
                        // RFC 8887 §4.3.1: told before it ends.
                        let text = request_error(None, Problem::limit("maxSizeRequest"));
                        send(wire, Message::Text(text.into())).await?;
                        return Err(Some(close_code::SIZE));
                    }
                    Some(Err(_)) => return Err(None),
                    Some(Ok(frame)) => frame,
                };
                self.heard_at = Instant::now();
                self.pinged = false;
                self.take(wire, frame).await
            }
            Some(done) = self.under_way.join_next() => {
                let failed = |_| Done::Answer(request_error(None, Problem::failed()));
                match done.unwrap_or_else(failed) {
                    Done::Answer(text) => send(wire, Message::Text(text.into())).await,
                    Done::Other(value) => self.answer(wire, value).await,
                }
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
        if text.len() > limit::SOCKET_AT_ONCE_OCTETS {
            return match self.seat() {
                Ok(seat) => {
                    self.read(seat, text);
                    Ok(())
                }
                Err(problem) => refuse(wire, None, problem).await,
            };
        }
        match ijson::parse(text.as_bytes()) {
            Ok(value) => self.answer(wire, value).await,
            Err(error) => refuse(wire, None, Problem::not_json(error.to_string())).await,
        }
    }

    fn seat(&self) -> Result<Seat, Problem> {
        let seat = self.inner.seat(&self.access, Use::Request);
        seat.ok_or_else(|| Problem::limit("maxConcurrentRequests"))
    }

    /// Answers what is wrong with a message at once, and all else when it is done.
    async fn answer(&mut self, wire: &mut WebSocket, value: Value) -> Result<(), End> {
        let id = id_of(&value);
        match self.obey(value).await {
            Ok(()) => Ok(()),
            Err(problem) => refuse(wire, id, problem).await,
        }
    }

    /// RFC 8887 §4.3: what one message asks for.
    async fn obey(&mut self, value: Value) -> Result<(), Problem> {
        match value["@type"].as_str() {
            Some("Request") => {
                let (seat, asked) = (self.seat()?, self.asked());
                self.spawn(seat, move || Done::Answer(asked.answer(value)));
                Ok(())
            }
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

    /// Reads a long message where nobody waits, within a seat, and answers it there when it is a request.
    fn read(&mut self, seat: Seat, text: Utf8Bytes) {
        let asked = self.asked();
        self.spawn(seat, move || {
            let read = ijson::parse(text.as_bytes());
            drop(text);
            match read {
                Err(e) => Done::Answer(request_error(None, Problem::not_json(e.to_string()))),
                Ok(value) if value["@type"] == "Request" => Done::Answer(asked.answer(value)),
                Ok(value) => Done::Other(value),
            }
        });
    }

    fn asked(&self) -> Asked {
        Asked {
            inner: Arc::clone(&self.inner),
            access: self.access.clone(),
            base: self.base.clone(),
            came: self.came,
        }
    }

    /// RFC 8887 §4.3.2: runs it beside the others that are under way.
    fn spawn(&mut self, seat: Seat, work: impl FnOnce() -> Done + Send + 'static) {
        let pool = self.inner.pool.clone();
        self.under_way.spawn(async move {
            let done = pool.run(move || {
                let _seat = seat;
                Ok(work())
            });
            let failed = |problem| Done::Answer(request_error(None, problem));
            done.await.unwrap_or_else(failed)
        });
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
        let (context, access) = (self.inner.context.clone(), self.access.clone());
        let looked_at = types.clone();
        let opened = self.inner.pool.run(move || {
            let known = enable.push_state.as_deref();
            Ok(Ear::open(context, access, &looked_at, known, wake)?)
        });
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

/// A message that is too long, rather than a wire that broke.
fn is_too_long(error: &axum::Error) -> bool {
    error.to_string().contains("too long")
}
