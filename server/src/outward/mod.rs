//! Mail for elsewhere: leases messages from the pipeline, lets `smtp::relay` try them, settles what came of it.

pub(crate) mod config;
mod dane;
mod dmarc;
mod dnssec;
mod names;
mod reports;
mod sockets;
mod sts;
mod telling;

pub use dmarc::DmarcReports;
pub use names::{Names, Watch};
pub use reports::Reports;
pub use sockets::Sockets;
pub(crate) use sockets::authorities;
pub use sts::Policies;
pub(crate) use sts::{Known, verified};

use crate::services::Services;
use crate::shutdown::{GRACE, Shutdown};
use delivery::{Job, Outcome, Tried};
use smtp::relay::{Relay, Settings};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

/// Idle connections and resting destinations are looked at at least this often.
const TICK: Duration = Duration::from_secs(10);
/// Between two looks at reports that are due.
const TELL: Duration = Duration::from_secs(60);
/// After the store refused to tell what is to be sent.
const AGAIN: Duration = Duration::from_secs(5);

/// Everything that sending needs.
pub(crate) struct Sending {
    services: Services,
    relay: Arc<Relay<Arc<Names>, Sockets>>,
    woken: Arc<Notify>,
    names: Arc<Names>,
    /// Where other domains are to hear how TLS with them goes.
    tls: Option<Arc<Reports>>,
    /// Where they are to hear what comes in their name.
    dmarc: Option<Arc<DmarcReports>>,
}

impl Sending {
    /// Errors: the authorities or the trust anchors cannot be read.
    pub(crate) fn new(services: &Services, woken: Arc<Notify>) -> anyhow::Result<Self> {
        let config = &services.config;
        let settings = Settings {
            hello: config.server.host.clone(),
            names: Vec::new(),
            // Without random numbers the order of hosts is the same each time.
            random: || getrandom::u64().unwrap_or_default(),
        };
        let names = Arc::new(Names::new(&config.relay)?);
        let mut sockets = Sockets::new(&config.relay)?;
        if config.relay.mta_sts {
            let (store, clock) = (services.store.clone(), services.directory.clock().clone());
            let clock = Arc::new(move || clock.now_s());
            let authorities = sockets.authorities().to_vec();
            let policies = Policies::new(Arc::clone(&names), store, clock, authorities);
            sockets = sockets.with_policies(policies);
        }
        let store = || services.store.clone();
        let clock = services.directory.clock().clone();
        let now: telling::Now = Arc::new(move || clock.now_s());
        let mut tls = None;
        if config.relay.tls_reports {
            let counts = Arc::new(Reports::new(store(), Arc::clone(&now))?);
            sockets = sockets.with_reports(Arc::clone(&counts));
            tls = Some(counts);
        }
        let mut dmarc = None;
        if config.inbound.dmarc_reports {
            let counts = Arc::new(DmarcReports::new(store(), now)?);
            let hears = Arc::clone(&counts);
            let hears = Arc::new(move |judged| hears.count(judged));
            services.delivery.on_judged(hears);
            dmarc = Some(counts);
        }
        Ok(Self {
            services: services.clone(),
            relay: Arc::new(Relay::new(Arc::clone(&names), sockets, settings)),
            woken,
            names,
            tls,
            dmarc,
        })
    }

    /// Tells other domains what they want to hear; each report goes in a task of its own.
    fn tell(&self, under_way: &mut JoinSet<()>) {
        let (services, names) = (|| self.services.clone(), || Arc::clone(&self.names));
        if let Some(tls) = &self.tls {
            under_way.spawn(Arc::clone(tls).send(services(), names()));
        }
        if let Some(dmarc) = &self.dmarc {
            under_way.spawn(Arc::clone(dmarc).send(services(), names()));
        }
    }

    /// Writes down what was counted for them.
    async fn keep_counts(&self) {
        let (tls, dmarc) = (self.tls.clone(), self.dmarc.clone());
        let flushed = tokio::task::spawn_blocking(move || {
            let tls = tls.map_or(Ok(()), |tls| tls.flush());
            tls.and(dmarc.map_or(Ok(()), |dmarc| dmarc.flush()))
        });
        if let Ok(Err(error)) = flushed.await {
            tracing::error!(%error, "what was counted for reports is lost");
        }
    }

    /// Sends until told to stop; then what is under way gets a moment to end.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        let mut under_way: JoinSet<()> = JoinSet::new();
        let mut jobs: HashMap<Id, Arc<Job>> = HashMap::new();
        let mut told_at = Instant::now();
        loop {
            if told_at.elapsed() >= TELL {
                told_at = Instant::now();
                self.tell(&mut under_way);
            }
            let wait = self.begin(&mut under_way, &mut jobs).await;
            tokio::select! {
                () = self.woken.notified() => {}
                () = tokio::time::sleep(wait) => {
                    let relay = Arc::clone(&self.relay);
                    under_way.spawn(async move { relay.sweep(false).await });
                }
                Some(ended) = under_way.join_next_with_id() => self.ended(ended, &mut jobs).await,
                () = shutdown.stopped() => break,
            }
        }
        let rest = async {
            while let Some(ended) = under_way.join_next_with_id().await {
                self.ended(ended, &mut jobs).await;
            }
            self.relay.sweep(true).await;
            self.keep_counts().await;
        };
        let _ = tokio::time::timeout(GRACE - Duration::from_secs(1), rest).await;
    }

    /// Begins all that may go now; when to look again.
    async fn begin(
        &self,
        under_way: &mut JoinSet<()>,
        jobs: &mut HashMap<Id, Arc<Job>>,
    ) -> Duration {
        loop {
            let (delivery, now) = (self.services.delivery.clone(), self.now());
            match tokio::task::spawn_blocking(move || delivery.lease(now)).await {
                Ok(Ok(Some(job))) => {
                    let job = Arc::new(job);
                    let one = one(self.services.clone(), Arc::clone(&self.relay), job.clone());
                    jobs.insert(under_way.spawn(one).id(), job);
                }
                Ok(Ok(None)) => break,
                Ok(Err(error)) => {
                    tracing::error!(%error, "the queue could not be read");
                    return AGAIN;
                }
                Err(_) => {
                    tracing::error!("reading the queue stopped");
                    return AGAIN;
                }
            }
        }
        let wakes = self.services.delivery.lanes_wake_at();
        let wait = wakes.map_or(TICK, |at| {
            Duration::from_secs(u64::try_from(at - self.now()).unwrap_or(0).max(1))
        });
        wait.min(TICK)
    }

    fn now(&self) -> i64 {
        self.services.directory.clock().now_s()
    }

    /// A task ended; one that broke leaves its message to be tried again.
    async fn ended(
        &self,
        ended: Result<(Id, ()), tokio::task::JoinError>,
        jobs: &mut HashMap<Id, Arc<Job>>,
    ) {
        match ended {
            Ok((id, ())) => {
                jobs.remove(&id);
            }
            Err(broken) => {
                tracing::error!("sending a message stopped");
                if let Some(job) = jobs.remove(&broken.id()) {
                    let why = "4.3.0 sending it broke off".to_owned();
                    let tried = Tried {
                        outcomes: vec![Outcome::Deferred(why); job.envelope.recipients.len()],
                        ..Tried::default()
                    };
                    settle(self.services.clone(), job, tried).await;
                }
            }
        }
    }
}

/// Tries one message.
async fn one(services: Services, relay: Arc<Relay<Arc<Names>, Sockets>>, job: Arc<Job>) {
    let tried = Box::pin(relay.send(&job)).await;
    settle(services, job, tried).await;
}

/// Writes down what came of it; what cannot be written now the pipeline remembers.
async fn settle(services: Services, job: Arc<Job>, tried: Tried) {
    let settled = tokio::task::spawn_blocking(move || {
        let now = services.directory.clock().now_s();
        services.delivery.settle(&job, tried, now)
    });
    if let Ok(Err(error)) = settled.await {
        tracing::error!(%error, "what came of a message could not be written down yet");
    }
}
