//! What all sessions share: the directory, the limits, the maildrops that are open.

use crate::lock::Locks;
use crate::machine::Machine;
use crate::settings::Settings;
use directory::Directory;
use directory::sasl::Channel;
use std::sync::Arc;
use storage::Lately;
use tokio::sync::Semaphore;

/// Octets of the large messages that are on their way to slow peers and kept meanwhile, over all sessions.
const LATELY_OCTETS_MAX: usize = 64 * 1024 * 1024;
/// How many they are.
const LATELY_MAX: usize = 16;

/// What all sessions share.
#[derive(Clone)]
pub struct Services {
    pub(crate) directory: Directory,
    pub(crate) settings: Arc<Settings>,
    pub(crate) commands: Arc<Semaphore>,
    pub(crate) sign_ins: Arc<Semaphore>,
    pub(crate) locks: Arc<Locks>,
    pub(crate) lately: Arc<Lately>,
}

impl Services {
    /// Over one directory, within these limits.
    pub fn new(directory: Directory, settings: Settings) -> Self {
        let commands = settings.commands_max.max(1) as usize;
        let sign_ins = settings.sign_ins_max.max(1) as usize;
        Self {
            directory,
            settings: Arc::new(settings),
            commands: Arc::new(Semaphore::new(commands)),
            sign_ins: Arc::new(Semaphore::new(sign_ins)),
            locks: Arc::default(),
            lately: Arc::new(Lately::new(LATELY_OCTETS_MAX, LATELY_MAX)),
        }
    }

    /// The machine of a new connection; `tls`: the stream is already under TLS.
    pub fn machine(&self, tls: bool) -> Machine {
        let now_ms = self.directory.clock().now_ms();
        Machine::new(Arc::clone(&self.settings), tls, now_ms)
    }

    /// The machine of a new connection under TLS; SCRAM is offered over its channel where the directory
    /// offers it (RFC 7677).
    pub fn machine_over(&self, channel: Channel) -> Machine {
        let mut machine = self.machine(true);
        if self.directory.offers_scram() {
            machine.offer_scram(channel);
        }
        machine
    }
}
