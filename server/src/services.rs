//! Services: store, directory and pipeline opened once and handed to every protocol.

use crate::clock::SystemClock;
use crate::config::Config;
use crate::told::{Failed, Lead as _, Notice, shown};
use delivery::Delivery;
use directory::{Clock, Directory};
use formats::address::DomainName;
use std::path::PathBuf;
use std::sync::Arc;
use storage::{Disk, Options, Store, Told as _, Upgraded, Watch};
use tokio::sync::Semaphore;

/// Blocking calls of the web side at once; more wait.
const BLOCKING_MAX: usize = 64;
/// Web sign-ins at once; the directory bounds the argon2 work below that.
const SIGN_INS_MAX: usize = 16;

/// Everything that the protocols share; cheap to clone.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct Services {
    pub config: Arc<Config>,
    pub store: Store,
    pub directory: Directory,
    pub delivery: Delivery,
    /// This program, that reads attached files in a process of its own; `None`: nobody reads them.
    pub extractor: Option<PathBuf>,
    blocking: Arc<Semaphore>,
    sign_ins: Arc<Semaphore>,
}

/// How the store is opened by this config. Errors: the master key cannot be read.
pub fn store_options(config: &Config) -> anyhow::Result<Options> {
    let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
    let (dir, usual) = (crate::keys::store_dir(config), Options::default());
    let named = config.storage.engine.named();
    let engine = named.or_else(|| storage::engine_of(&dir));
    Ok(Options {
        engine: engine.unwrap_or(usual.engine),
        dir,
        cache_bytes: config.storage.cache_octets,
        hot_messages_max: config.storage.hot_messages,
        boot_id: boot_id.map(|id| id.trim().to_owned()),
        keys: crate::keys::source(config)?,
        clock: storage::Clock::new(|| SystemClock.now_ms().div_euclid(1_000)),
        disk: disk(Watch::default()),
        ..usual
    })
}

/// The disk on which a store is opened; `watch` hears how far that is. An upgrade is told on standard error.
pub(crate) fn disk(watch: Watch) -> Disk {
    let watch = watch.of_upgrades(|how| {
        let Upgraded { from, to, kept } = how;
        let (from, to, kept) = (*from, *to, shown(kept));
        let told = Notice::Upgraded { from, to, kept };
        eprintln!("congvu: {}", told.in_both());
    });
    Disk::default().watched(watch)
}

/// Opens the store alone. Errors say what to do.
pub fn open_store(config: &Config) -> anyhow::Result<Store> {
    open_store_telling(config, Watch::default())
}

/// The same; `watch` hears how far it is when the index must be made anew.
pub fn open_store_telling(config: &Config, watch: Watch) -> anyhow::Result<Store> {
    let dir = &config.server.data;
    std::fs::create_dir_all(dir).lead(|| Failed::DataFolder { dir: shown(dir) })?;
    let options = Options {
        disk: disk(watch),
        ..store_options(config)?
    };
    Store::open(&options).lead(|| Failed::Opening { dir: shown(dir) })
}

/// The directory's settings by this config.
pub fn directory_settings(config: &Config) -> anyhow::Result<directory::Settings> {
    let domain = &config.server.default_domain;
    Ok(directory::Settings {
        argon2_memory_kib: config.sign_in.argon2_memory_kib,
        argon2_passes: config.sign_in.argon2_passes,
        scram_iterations: config.sign_in.scram_iterations,
        default_domain: if domain.is_empty() {
            None
        } else {
            Some(DomainName::parse(domain)?)
        },
        default_quota: (config.mail.quota > 0).then_some(config.mail.quota),
    })
}

/// The pipeline's settings by this config.
pub fn delivery_settings(config: &Config) -> delivery::Settings {
    delivery::Settings {
        host: config.server.host.clone(),
        size_max: config.mail.size_max,
        recipients_max: config.mail.recipients_max,
        queue_max: config.mail.queue_max,
        full_wait_s: i64::from(config.mail.full_mailbox_days) * 24 * 3600,
    }
}

/// The directory of an open store, that knows how long removed mail is kept by this config.
pub(crate) fn open_directory(
    config: &Config,
    store: &Store,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Directory> {
    let directory = Directory::open(store.clone(), clock, directory_settings(config)?)?;
    directory.set_restore_days(config.storage.undelete_days.into());
    Ok(directory)
}

impl Services {
    /// Opens everything with this clock.
    pub fn open(config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let store = open_store(&config)?;
        Self::with_store(config, store, clock)
    }

    /// Joins an open store with directory and pipeline.
    pub fn with_store(config: Config, store: Store, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let directory = open_directory(&config, &store, clock)?;
        directory.set_sending(config.sending.settings());
        directory.set_hooks(config.webhooks.enabled);
        if let Ok(host) = DomainName::parse(&config.server.host) {
            directory.set_host(host);
        }
        let settings = delivery_settings(&config);
        let outward = config.relay.outward()?;
        let delivery = Delivery::new(store.clone(), directory.clone(), settings, Some(outward));
        Ok(Self {
            config: Arc::new(config),
            store,
            directory,
            delivery,
            extractor: None,
            blocking: Arc::new(Semaphore::new(BLOCKING_MAX)),
            sign_ins: Arc::new(Semaphore::new(SIGN_INS_MAX)),
        })
    }

    /// Runs blocking work off the async threads, bounded; `None` when it panicked.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let _permit = self.blocking.acquire().await.ok()?;
        tokio::task::spawn_blocking(work).await.ok()
    }

    /// Runs a sign-in off the async threads, bounded on its own so that argon2 starves nobody.
    pub async fn signing_in<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, directory::SignInError> + Send + 'static,
    ) -> Result<T, directory::SignInError> {
        let Ok(_permit) = self.sign_ins.acquire().await else {
            return Err(directory::SignInError::Later(1));
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(result) => result,
            Err(_) => Err(directory::SignInError::Storage(
                storage::Error::Unavailable("sign-in stopped".into()),
            )),
        }
    }
}
