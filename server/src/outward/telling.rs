//! Reports to other domains: what was counted of each on a day goes out once, in the first hours of the next. Counts lie
//! in the store, a minute behind at most.

use crate::services::Services;
use anyhow::Context as _;
use delivery::ledger::{Key, Ledger, Tally};
use delivery::{Envelope, Origin, Recipient, Refused, TlsWish};
use formats::address::{Address, DomainName};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use storage::{Error, Store};

/// Days after which a report that cannot be sent is forgotten.
const LATE_DAYS: i64 = 3;
/// Seconds until one that could not be sent is tried again: it must not keep the others waiting.
const AGAIN_S: i64 = 1_800;
/// Reports that wait for their next try; of more it is not known when they were tried.
const PUT_OFF_MAX: usize = 20_000;

/// Unix seconds now.
pub(super) type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Makes the report of one kind, and hands it over.
pub(super) trait Teller: Send + Sync {
    /// What is counted.
    type Count: Tally + 'static;
    /// For the log.
    const KIND: &'static str;

    /// Whether there was somebody who wants it. Errors: later, perhaps.
    fn tell(
        &self,
        key: &Key,
        count: Self::Count,
    ) -> impl Future<Output = anyhow::Result<bool>> + Send;
}

/// Counts of one kind, and when they are told.
pub(super) struct Telling<T> {
    ledger: Arc<Ledger<T>>,
    now: Now,
    /// One round at a time: else a slow one's report would go twice.
    round: tokio::sync::Mutex<()>,
    put_off: Arc<Mutex<HashMap<Key, i64>>>,
}

impl<T: Tally + 'static> Telling<T> {
    /// Goes on with what was counted today. Errors: the store cannot be read.
    pub(super) fn open(store: Store, table: &'static str, now: Now) -> Result<Self, Error> {
        Ok(Self {
            ledger: Arc::new(Ledger::open(store, table, now())?),
            now,
            round: tokio::sync::Mutex::default(),
            put_off: Arc::default(),
        })
    }

    /// Counts: `add` gets what is known of the domain today, and how many parts all have.
    pub(super) fn count(&self, domain: &DomainName, add: impl FnOnce(&mut T, usize)) {
        self.ledger.count(domain, (self.now)(), add);
    }

    /// Writes down what changed. Blocks.
    pub(super) fn flush(&self) -> Result<(), Error> {
        self.ledger.flush((self.now)())
    }

    /// Tells domains what was counted on days that are over.
    pub(super) async fn send<R: Teller<Count = T>>(&self, teller: R) {
        let Ok(_round) = self.round.try_lock() else {
            return;
        };
        let (ledger, now) = (Arc::clone(&self.ledger), (self.now)());
        let put_off = Arc::clone(&self.put_off);
        let due = tokio::task::spawn_blocking(move || {
            ledger.flush(now)?;
            let mut put_off = put_off.lock().unwrap_or_else(PoisonError::into_inner);
            put_off.retain(|_, until| *until > now);
            ledger.due(now, &|key| put_off.contains_key(key))
        });
        let kind = R::KIND;
        let due = match due.await {
            Ok(Ok(due)) => due,
            Ok(Err(error)) => return tracing::error!(%error, "{kind} reports cannot be read"),
            Err(_) => return tracing::error!("reading {kind} reports stopped"),
        };
        for (key, count) in due {
            let domain = key.1.clone();
            match teller.tell(&key, count).await {
                Ok(true) => tracing::info!(%domain, "a {kind} report was sent"),
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%domain, error = %format!("{error:#}"), "a {kind} report cannot be sent");
                    let days = now / delivery::ledger::DAY_S - i64::from(key.0);
                    if days <= LATE_DAYS {
                        self.put_off(key, now);
                        continue;
                    }
                }
            }
            let ledger = Arc::clone(&self.ledger);
            let forgotten = tokio::task::spawn_blocking(move || ledger.forget(&key));
            if let Ok(Err(error)) = forgotten.await {
                tracing::error!(%domain, %error, "a {kind} report cannot be marked as sent");
            }
        }
    }

    fn put_off(&self, key: Key, now: i64) {
        let mut put_off = self.put_off.lock().unwrap_or_else(PoisonError::into_inner);
        if put_off.len() < PUT_OFF_MAX {
            put_off.insert(key, now + AGAIN_S);
        }
    }
}

/// RFC 8460 §5.3, RFC 9990 §3.5.2: a report is signed by the domain that it comes from; that must be one of ours.
pub(super) fn sender(services: &Services) -> anyhow::Result<Address> {
    let default = &services.config.server.default_domain;
    let domain = match DomainName::parse(default) {
        Ok(domain) => domain,
        Err(_) => {
            let first = services
                .directory
                .domains(None, None, 1)?
                .into_iter()
                .next();
            first.context("there is no domain to send it from")?.name
        }
    };
    Address::parse(&format!("postmaster@{domain}")).map_err(|error| anyhow::anyhow!("{error:?}"))
}

/// By mail, from nobody: what cannot be delivered is told to nobody.
pub(super) fn post(
    services: &Services,
    letter: &[u8],
    to: Vec<Address>,
    tls: TlsWish,
) -> anyhow::Result<()> {
    let recipients = to.into_iter().map(|address| Recipient {
        address,
        notify: Some("NEVER".into()),
        orcpt: None,
    });
    let envelope = Envelope {
        recipients: recipients.collect(),
        tls,
        ..Envelope::default()
    };
    let taken = tokio::task::block_in_place(|| {
        services
            .delivery
            .accept(envelope, letter, &Origin::Generated)
    });
    match taken {
        Ok(_) => Ok(()),
        Err(Refused::Temporary(why) | Refused::Failed(why)) => anyhow::bail!("{why}"),
        Err(Refused::Permanent(cause)) => anyhow::bail!("{cause:?}"),
    }
}
