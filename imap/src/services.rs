//! What all sessions share: the directory, the limits, and what is counted over all of them.

use crate::machine::Machine;
use crate::run::Kept;
use crate::settings::Settings;
use directory::Directory;
use directory::sasl::Channel;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Semaphore;

/// What all sessions share.
#[derive(Clone)]
pub struct Services {
    pub(crate) directory: Directory,
    pub(crate) settings: Arc<Settings>,
    pub(crate) commands: Arc<Semaphore>,
    pub(crate) sign_ins: Arc<Semaphore>,
    pub(crate) kept: Arc<Kept>,
    pub(crate) flight: Arc<Flight>,
}

/// Octets of answers that were made and not yet taken by their peers, over all sessions.
#[derive(Debug, Default)]
pub struct Flight {
    now: AtomicU64,
    peak: AtomicU64,
}

impl Flight {
    /// At this moment.
    pub fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// The most that there ever were.
    pub fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }
}

/// What one session has in flight.
#[derive(Debug)]
pub(crate) struct Held {
    flight: Arc<Flight>,
    octets: u64,
}

impl Held {
    /// Nothing yet.
    pub(crate) fn new(flight: &Arc<Flight>) -> Self {
        Self {
            flight: Arc::clone(flight),
            octets: 0,
        }
    }

    /// At this moment.
    pub(crate) fn octets(&self) -> u64 {
        self.octets
    }

    /// So much now.
    pub(crate) fn set(&mut self, octets: u64) {
        let (now, before) = (&self.flight.now, self.octets);
        self.octets = octets;
        let all = match octets.checked_sub(before) {
            Some(more) => now.fetch_add(more, Ordering::Relaxed) + more,
            None => now.fetch_sub(before - octets, Ordering::Relaxed),
        };
        self.flight.peak.fetch_max(all, Ordering::Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl Services {
    /// Over one directory, within these limits.
    pub fn new(directory: Directory, settings: Settings) -> Self {
        let kept = Arc::new(Kept::new(settings.memory_max, settings.size_max));
        let commands = settings.commands_max.max(1) as usize;
        let sign_ins = settings.sign_ins_max.max(1) as usize;
        Self {
            directory,
            settings: Arc::new(settings),
            commands: Arc::new(Semaphore::new(commands)),
            sign_ins: Arc::new(Semaphore::new(sign_ins)),
            kept,
            flight: Arc::default(),
        }
    }

    /// How much memory the answers of all sessions hold: a slow peer may make others wait for none of it (I-13).
    pub fn flight(&self) -> &Flight {
        &self.flight
    }

    /// How often sessions that wait in IDLE or by NOTIFY were woken, over all of them: by a commit, before it is
    /// acknowledged, once for each session that listens to the account. A woken session looks what it has to tell, if
    /// anything; who listens elsewhere costs nothing.
    pub fn wakes(&self) -> u64 {
        self.kept.wakes.count()
    }

    /// The machine of a new connection under TLS; SCRAM is offered over its channel where the directory
    /// keeps what it takes.
    pub fn machine_over(&self, channel: Channel) -> Machine {
        let channel = Some(channel).filter(|_| self.directory.offers_scram());
        let now_ms = self.directory.clock().now_ms();
        Machine::over(Arc::clone(&self.settings), true, channel, now_ms)
    }

    /// The machine of a new connection; `tls`: the stream is already under TLS.
    pub fn machine(&self, tls: bool) -> Machine {
        Machine::new(
            Arc::clone(&self.settings),
            tls,
            self.directory.clock().now_ms(),
        )
    }
}
