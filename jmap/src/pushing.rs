//! Pushing: tells the addresses of push subscriptions that something changed (RFC 8620 §7.2). One task for each, which
//! sleeps until the store of one of its accounts wakes it; what changes while a push is under way goes with the next one.
//!
//! This room knows no sockets: a [`Courier`] takes each message where it goes, if it may go there.

mod line;
pub(crate) mod message;
pub(crate) mod seal;
pub(crate) mod vapid;

use crate::ear::{self, Wake};
use crate::limit;
use crate::pool::Pool;
use crate::router::Context;
use directory::PushId;
use line::Line;
use std::collections::{BTreeSet, HashMap};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio::time::{Instant, sleep_until};

/// A message to a push service.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct Post {
    /// `https://`, as somebody's program named it: it may lead anywhere.
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Post {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Post({} octets)", self.body.len())
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Posted {
    /// The service answered.
    Status {
        /// RFC 9110 §15.
        code: u16,
        /// Seconds for which it wants to be left alone, if it said so.
        retry_after_s: Option<u64>,
    },
    /// There was no answer: why, in English, without the address.
    Failed(String),
}

/// A message under way.
pub type Posting = Pin<Box<dyn Future<Output = Posted> + Send>>;

/// Takes messages to push services.
pub trait Courier: Send + Sync {
    /// Sends one; must end within a bounded time.
    fn post(&self, post: Post) -> Posting;
}

/// What the lines share.
struct House {
    context: Context,
    courier: Arc<dyn Courier>,
    pool: Pool,
    posts: Semaphore,
}

/// Subscriptions that were made, changed or removed.
#[derive(Default)]
struct Noted {
    which: Mutex<BTreeSet<PushId>>,
    come: Notify,
}

impl Noted {
    fn add(&self, id: PushId) {
        let mut which = self.which.lock().unwrap_or_else(PoisonError::into_inner);
        which.insert(id);
        drop(which);
        self.come.notify_one();
    }

    fn take(&self) -> BTreeSet<PushId> {
        let mut which = self.which.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut which)
    }
}

/// One that runs.
struct Running {
    wake: Wake,
    stop: AbortHandle,
}

/// Pushes until it is dropped. Where the context has it switched off, only what has ended is removed.
pub async fn push(context: Context, courier: Arc<dyn Courier>) {
    let noted = Arc::new(Noted::default());
    let note = Arc::clone(&noted);
    let on = context.push;
    let directory = context.directory.clone();
    directory.on_push(Arc::new(move |id| note.add(id)));
    directory.pushes().into_iter().for_each(|id| noted.add(id));
    let house = Arc::new(House {
        context,
        courier,
        pool: Pool::of(limit::PUSH_BLOCKING_MAX),
        posts: Semaphore::new(limit::POSTS_AT_ONCE_MAX),
    });
    let mut running: HashMap<PushId, Running> = HashMap::new();
    let mut tasks: JoinSet<()> = JoinSet::new();
    let mut of: HashMap<Id, PushId> = HashMap::new();
    let mut sweep = Instant::now();
    loop {
        tokio::select! {
            () = noted.come.notified() => {}
            Some(done) = tasks.join_next_with_id() => {
                let id = done.as_ref().map_or_else(|error| error.id(), |(id, ())| *id);
                let ended = of.remove(&id);
                if let Some(ended) = ended {
                    running.remove(&ended);
                }
                if done.is_err_and(|error| error.is_panic()) {
                    tracing::error!(subscription = ?ended, "pushing to it panicked: it is left alone until the next start");
                }
            }
            () = sleep_until(sweep) => {
                sweep = Instant::now() + Duration::from_secs(limit::PUSH_SWEEP_S);
                let directory = directory.clone();
                let swept = house.pool.run(move || Ok(directory.sweep_pushes(None)?));
                if swept.await.is_err() {
                    tracing::warn!("push subscriptions that have ended are not removed yet");
                }
            }
        }
        for id in noted.take() {
            let there = on && directory.push(id).is_some();
            match running.get(&id) {
                Some(line) if there => ear::wake(&line.wake),
                // What it was about to send is nobody's news any more.
                Some(line) => line.stop.abort(),
                None if there => {
                    let (wake, woken) = watch::channel(0);
                    let wake = Arc::new(wake);
                    let line = Line::new(Arc::clone(&house), id, Arc::clone(&wake), woken);
                    let stop = tasks.spawn(line.run());
                    of.insert(stop.id(), id);
                    running.insert(id, Running { wake, stop });
                }
                None => {}
            }
        }
    }
}
