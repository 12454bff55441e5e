//! Upkeep of the store: now and then, beside the server's work, on a blocking thread.

use crate::config::Config;
use crate::services::Services;
use crate::shutdown::Shutdown;
use anyhow::anyhow;
use delivery::Delivery;
use directory::Directory;
use std::time::Duration;
use storage::{Policy, Store, Upkeep};

/// A server that was started is left alone for so long.
const FIRST: Duration = Duration::from_secs(60);
const DAY_S: u64 = 24 * 60 * 60;
/// Steps of forgetting timelines in one pass, a thousand rows each.
const FORGET_STEPS: usize = 2_000;

/// Steps of trimming the audit log in one pass, a thousand entries each.
const TRIM_STEPS: usize = 200;

/// Between two looks at what the search index has not seen.
const INDEX_EVERY: Duration = Duration::from_secs(5);
/// After the disk refused the index.
const INDEX_AGAIN: Duration = Duration::from_secs(60);

/// Days before a domain's end on each of which the log says so.
const ENDS_WITHIN: i64 = 30;

/// Between two looks at the keys that sign mail, and at domains that end.
const KEYS_EVERY: Duration = Duration::from_secs(60 * 60);

/// What is kept for how long, by this config.
pub fn policy(config: &Config) -> Policy {
    Policy {
        window_s: u64::from(config.storage.undelete_days) * DAY_S,
        ..Policy::default()
    }
}

/// All until the server stops: passes over the store, its search index brought after the mail, the keys of domains.
pub(crate) async fn run(services: Services, shutdown: Shutdown) {
    tokio::join!(
        passes(services.clone(), shutdown.clone()),
        index(services.clone(), shutdown.clone()),
        keys(services, shutdown)
    );
}

/// A pass that runs when the server stops ends by itself: the store refuses its writes.
async fn passes(services: Services, shutdown: Shutdown) {
    let every = Duration::from_secs(u64::from(services.config.storage.upkeep_minutes) * 60);
    let mut wait = FIRST.min(every);
    loop {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shutdown.stopped() => return,
        }
        wait = every;
        let (services, stop) = (services.clone(), shutdown.clone());
        let pass = tokio::task::spawn_blocking(move || {
            let Services {
                store,
                directory,
                delivery,
                config,
                ..
            } = &services;
            let done = pass(store, directory, delivery, config, &|| stop.is_said());
            told(done, &stop);
        });
        tokio::select! {
            done = pass => if done.is_err() {
                tracing::error!("a pass of upkeep stopped");
            },
            () = shutdown.stopped() => return,
        }
    }
}

/// One pass over the store and what lies in it: removed mail, Trash and Junk, timelines, the audit log. What it did, and
/// what of it waits for the next pass. `stop` ends it early. Errors: as of [`Store::maintain`].
pub(crate) fn pass(
    store: &Store,
    directory: &Directory,
    delivery: &Delivery,
    config: &Config,
    stop: &dyn Fn() -> bool,
) -> Result<(Upkeep, Vec<anyhow::Error>), storage::Error> {
    let mut waits = Vec::new();
    // Before any of it is forgotten.
    if let Err(error) = directory.keep_as_ruled() {
        waits.push(anyhow!(error).context("how long policies keep removed mail"));
    }
    // Ages are measured against a time that one wrong reading of the clock does not move.
    let done = store.maintain(&policy(config))?;
    let now_s = done.trusted_s;
    if let Err(error) = expire(directory, now_s, stop) {
        waits.push(anyhow!(error).context("Trash and Junk"));
    }
    let kept_s = i64::from(config.trace.days).saturating_mul(DAY_S as i64);
    let before = now_s.saturating_sub(kept_s);
    match delivery.forget_traces(before, FORGET_STEPS) {
        Ok(false) => {}
        Ok(true) => waits.push(anyhow!("more timelines are to be forgotten")),
        Err(error) => waits.push(anyhow!(error).context("old timelines")),
    }
    if let Err(error) = delivery.forget_answered(now_s) {
        waits.push(anyhow!(error).context("whom those who were away answered"));
    }
    if let Err(error) = trim(directory, config.audit.months, now_s) {
        waits.push(anyhow!(error).context("the audit log (see congvu admin audit verify)"));
    }
    Ok((done, waits))
}

/// Into the log.
fn told(done: Result<(Upkeep, Vec<anyhow::Error>), storage::Error>, stop: &Shutdown) {
    match done {
        Ok((done, waits)) => {
            tracing::info!(
                commits_forgotten = done.trimmed.commits,
                messages_gone = done.trimmed.messages,
                "upkeep of the store"
            );
            for what in waits {
                tracing::warn!(
                    what = format!("{what:#}"),
                    "waits for the next pass of upkeep"
                );
            }
        }
        // The store was closed under it; the next start's first pass goes on.
        Err(error) if stop.is_said() => {
            tracing::info!(%error, "upkeep of the store ended with the server");
        }
        Err(error) => {
            tracing::warn!(%error, "upkeep of the store did not end; it goes on next time");
        }
    }
}

/// Mail that lay longer in Trash and Junk than the policies allow.
fn expire(
    directory: &Directory,
    now_s: i64,
    stop: &dyn Fn() -> bool,
) -> Result<(), directory::Error> {
    let gone = directory.expire(now_s, stop)?;
    if gone.messages > 0 {
        tracing::info!(
            accounts = gone.accounts,
            messages = gone.messages,
            "mail went from Trash and Junk, as the policies say"
        );
    }
    Ok(())
}

/// Entries of the audit log that are older than the config keeps them.
fn trim(directory: &Directory, months: u32, now_s: i64) -> Result<(), directory::Error> {
    for _ in 0..TRIM_STEPS {
        if months == 0 || !directory.trim_audit(months, now_s)?.more {
            return Ok(());
        }
    }
    Ok(())
}

/// Half of one core at most: while much
/// is to be done, it rests as long as it worked.
async fn index(services: Services, shutdown: Shutdown) {
    let mut wait = INDEX_EVERY;
    loop {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shutdown.stopped() => return,
        }
        let store = services.store.clone();
        let begun = tokio::time::Instant::now();
        let stepped = tokio::task::spawn_blocking(move || store.index_step()).await;
        wait = match stepped {
            Ok(Ok(done)) if done.more => begun.elapsed().min(INDEX_EVERY),
            Ok(Ok(_)) => INDEX_EVERY,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the search index waits");
                INDEX_AGAIN
            }
            Err(_) => {
                tracing::error!("a step of the search index stopped");
                INDEX_AGAIN
            }
        };
    }
}

/// Domains that stand for others and soon do not: who writes to them, or signs in by them, is to be told in time.
fn warn_of_ends(directory: &Directory) {
    for (domain, days) in directory.domains_ending(ENDS_WITHIN) {
        tracing::warn!(
            domain = %domain.name,
            days,
            until = domain.until.map(|day| day.to_string()),
            stands_for = domain.alias_of.map(|name| name.to_string()),
            "a domain ends soon: afterwards its mail is refused and nobody signs in by it; more time: congvu admin domains update"
        );
    }
}

/// Keys that sign mail (DKIM): made for domains that have none, forgotten when they have retired.
async fn keys(services: Services, shutdown: Shutdown) {
    let (mut first, mut warned) = (true, None);
    loop {
        let directory = services.directory.clone();
        let today = directory.today();
        if warned.replace(today) != Some(today) {
            warn_of_ends(&directory);
        }
        let (domains, signed) = match services.delivery.signs() {
            true => (
                directory.domains_without_dkim(),
                directory.domains_that_sign(),
            ),
            false => (Vec::new(), 0),
        };
        // A server that was killed may have made keys and not told of them.
        if first && signed > 0 {
            tracing::info!(
                domains = signed,
                "mail is signed; the records of the keys: congvu admin domains dkim list, congvu dns"
            );
        }
        first = false;
        for domain in domains {
            let directory = directory.clone();
            let made = tokio::task::spawn_blocking(move || {
                match directory.make_first_dkim_keys(None, &domain) {
                    Ok(_) => tracing::info!(
                        %domain,
                        "keys to sign its mail were made; their records: congvu admin domains dkim list"
                    ),
                    Err(error) => tracing::warn!(%domain, %error, "no keys to sign its mail"),
                }
            });
            tokio::select! {
                _ = made => {}
                () = shutdown.stopped() => return,
            }
        }
        let forgotten = tokio::task::spawn_blocking(move || directory.forget_retired_dkim()).await;
        if let Ok(Err(error)) = forgotten {
            tracing::warn!(%error, "keys that have retired are not forgotten yet");
        }
        tokio::select! {
            () = tokio::time::sleep(KEYS_EVERY) => {}
            () = shutdown.stopped() => return,
        }
    }
}
