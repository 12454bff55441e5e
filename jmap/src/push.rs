//! RFC 8620 §7.3: push by event source. A stream sleeps until the store of one of its accounts wakes it.

use crate::error::MethodError;
use crate::pool::{Seat, Use};
use crate::problem::Problem;
use crate::router::{Shared, Signed};
use crate::sight::Sight;
use crate::{ident, limit, notice, state};
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use directory::{Access, Right};
use futures_util::stream;
use http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use storage::{AccountId, Change, ModSeq, Subscription};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

/// What may be pushed. RFC 8621 §1.5: `EmailDelivery` changes only when a message comes in.
const TYPES: [&str; 4] = ["Mailbox", "Email", "Thread", "EmailDelivery"];

/// What may be wished for: notices besides, of one's own account, whose state is one of their own.
fn wishable() -> impl Iterator<Item = &'static str> {
    TYPES.into_iter().chain([notice::TYPE])
}

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
            None | Some("*") => wishable().collect(),
            Some(list) => {
                let named: Vec<&str> = list.split(',').map(str::trim).collect();
                wishable().filter(|t| named.contains(t)).collect()
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

/// What the client knows of one account.
struct Told {
    at: ModSeq,
    /// The state as it was spelled: under other rights it is another one.
    state: String,
    _subscription: Subscription,
}

/// Which accounts woke the stream.
#[derive(Default)]
struct Woken(Mutex<BTreeSet<AccountId>>);

impl Woken {
    fn add(&self, account: AccountId) {
        let mut woken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        woken.insert(account);
    }

    fn take(&self) -> BTreeSet<AccountId> {
        let mut woken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut woken)
    }
}

/// What is heard: one's own account, and those that one follows (RFC 9670 §1.4), as they come and go.
struct Ear {
    access: Access,
    told: BTreeMap<AccountId, Told>,
    woken: Arc<Woken>,
    wake: Arc<watch::Sender<u64>>,
    /// The state of one's notices that is known; `None`: not known which.
    notices: Option<String>,
}

impl Ear {
    /// Listens to this account from now on; what the client last knew is `since`.
    fn listen(&mut self, account: AccountId, since: Option<ModSeq>) -> Result<(), MethodError> {
        let mail = Sight::of(&self.access, account, Right::Read)?;
        let (woken, wake) = (Arc::clone(&self.woken), Arc::clone(&self.wake));
        let subscription = mail.subscribe(Arc::new(move |_| {
            woken.add(account);
            wake.send_modify(|count| *count = count.wrapping_add(1));
        }));
        // Read after subscribing: what comes between the two is told twice rather than never.
        let now = mail.modseq()?;
        let at = since.filter(|since| *since <= now).unwrap_or(now);
        let told = Told {
            at,
            state: mail.state_at(at),
            _subscription: subscription,
        };
        self.told.insert(account, told);
        Ok(())
    }

    /// Follows whom one follows now; those that came.
    fn tune(&mut self) -> Result<BTreeSet<AccountId>, MethodError> {
        let followed = self.access.followed()?.into_iter();
        let followed = followed.map(|(account, _)| account.id);
        let own = std::iter::once(self.access.account());
        let now: BTreeSet<AccountId> = own.chain(followed).collect();
        self.told.retain(|account, _| now.contains(account));
        let mut come = now;
        come.retain(|account| !self.told.contains_key(account));
        // What was shared a moment ago may be no longer.
        come.retain(|account| self.listen(*account, None).is_ok());
        Ok(come)
    }

    /// RFC 8620 §7.1 `changed`: of each account what changed since it was last told of, of those that just came
    /// everything.
    fn look(&mut self, wished: &BTreeSet<&'static str>) -> Result<Map<String, Value>, MethodError> {
        let woken = self.woken.take();
        let come = self.tune()?;
        let mut all = Map::new();
        for account in woken.union(&come) {
            let Some(told) = self.told.get_mut(account) else {
                continue;
            };
            let Ok(mail) = Sight::of(&self.access, *account, Right::Read) else {
                continue;
            };
            let same = told.state == mail.state_at(told.at);
            let (types, now) = match same && !come.contains(account) {
                true => changed(&mail, told.at)?,
                // Under other rights, everything may be another.
                false => (TYPES.into_iter().collect(), mail.modseq()?),
            };
            (told.at, told.state) = (now, mail.state_at(now));
            let state = |t: &str| (t.to_owned(), Value::from(told.state.clone()));
            let states = types.into_iter().filter(|t| wished.contains(t)).map(state);
            let states: Map<String, Value> = states.collect();
            if !states.is_empty() {
                all.insert(ident::account(*account), states.into());
            }
        }
        let own = self.access.account();
        let heard = woken.contains(&own) || self.notices.is_none();
        if heard && wished.contains(notice::TYPE) {
            let now = Some(notice::state(&self.access)?);
            if now != self.notices {
                let states = all.entry(ident::account(own)).or_insert_with(|| json!({}));
                states[notice::TYPE] = json!(now);
                self.notices = now;
            }
        }
        Ok(all)
    }

    /// The state of one's own account that was last told.
    fn own(&self) -> Option<&str> {
        let told = self.told.get(&self.access.account());
        told.map(|told| told.state.as_str())
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
        .and_then(|v| v.to_str().ok())
        .map(str::to_owned);
    let (wake, woken) = watch::channel(0);
    let opened = inner.pool.run(move || Ok(open(access, last, wake)?));
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

/// Begins to listen; whether there is something to tell at once. An event's id is the state of one's own account: to
/// who comes back with one, the others are all told of, since they may have changed meanwhile.
fn open(
    access: Access,
    last: Option<String>,
    wake: watch::Sender<u64>,
) -> Result<(Ear, bool), MethodError> {
    let own = access.account();
    let mut ear = Ear {
        access,
        told: BTreeMap::new(),
        woken: Arc::default(),
        wake: Arc::new(wake),
        notices: None,
    };
    let mail = Sight::of(&ear.access, own, Right::Read)?;
    let last = last.and_then(|text| state::parse(&mail, &text).ok());
    ear.listen(own, last)?;
    let now = mail.modseq()?;
    let due = ear.told.values().any(|told| told.at < now);
    if due {
        ear.woken.add(own);
    }
    if last.is_none() {
        ear.tune()?;
        ear.notices = Some(notice::state(&ear.access)?);
    }
    Ok((ear, due || last.is_some()))
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
                let stands = self.ear.as_ref()?.access.stands();
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
            if !ear.access.stands() {
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
        let data = json!({"@type": "StateChange", "changed": states});
        Some(Some(format!("id: {now}\nevent: state\ndata: {data}\n\n")))
    }
}

/// The types of which something changed after `since`.
fn changed(mail: &Sight, since: ModSeq) -> Result<(BTreeSet<&'static str>, ModSeq), MethodError> {
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
