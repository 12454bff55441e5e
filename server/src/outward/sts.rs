//! MTA-STS (RFC 8461): asks domains what they say of the hosts that take their mail, where the operator wants that, and
//! keeps it for as long as they say, over restarts. A domain whose DNS names no policy is asked nothing.

use super::Names;
use anyhow::Context as _;
use delivery::{LookupError, Resolver};
use formats::address::DomainName;
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use smtp::relay::mta_sts::{self, Mode, POLICY_MAX, Policy};
use smtp::relay::{DNS_S, is_public};
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use storage::{Error, Store};
use tokio::time::{Instant, timeout};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver as Places};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

/// RFC 8461 §3.3: what fetching a policy may take.
const FETCH: Duration = Duration::from_secs(60);
/// RFC 8461 §3.3: after a policy could not be fetched it is not asked for again for so long.
const FETCH_AGAIN: Duration = Duration::from_secs(300);
/// Domains of which it is remembered that their policy could not be fetched; then all are forgotten.
const FAILED_MAX: usize = 10_000;
/// Domains asked at once share one of so many turns: letters to one domain fetch its policy once.
const TURNS: usize = 64;
/// Addresses of one policy host that are tried.
const ADDRESSES_MAX: usize = 8;
/// Rows of what domains said, by their name.
const TABLE: &str = "relay.sts";
/// The version of these rows.
const VERSION: u8 = 1;

/// What a domain said.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    id: String,
    /// When it was fetched, Unix seconds.
    at: i64,
    policy: Policy,
}

impl Kept {
    fn age(&self, now: i64) -> u64 {
        u64::try_from(now.saturating_sub(self.at)).unwrap_or(0)
    }

    fn holds(&self, now: i64) -> bool {
        self.age(now) < self.policy.max_age
    }

    /// RFC 8461 §3.3: it is asked for anew while it still holds, so that nobody can wait for its end.
    fn is_old(&self, now: i64) -> bool {
        self.age(now) > self.policy.max_age / 2
    }
}

/// Asks, and keeps what was said.
pub struct Policies {
    names: Arc<Names>,
    store: Store,
    clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    authorities: Vec<CertificateDer<'static>>,
    bent: Option<SocketAddr>,
    turns: Vec<tokio::sync::Mutex<()>>,
    failed: Mutex<HashMap<String, (String, Instant)>>,
}

impl Policies {
    /// `clock`: Unix seconds now; `authorities`: whose certificates policy hosts may bear.
    pub fn new(
        names: Arc<Names>,
        store: Store,
        clock: Arc<dyn Fn() -> i64 + Send + Sync>,
        authorities: Vec<CertificateDer<'static>>,
    ) -> Self {
        Self {
            names,
            store,
            clock,
            authorities,
            bent: None,
            turns: (0..TURNS).map(|_| tokio::sync::Mutex::default()).collect(),
            failed: Mutex::default(),
        }
    }

    /// For tests, which have no public address: all policy hosts are at this one.
    #[must_use]
    pub fn bent(mut self, to: SocketAddr) -> Self {
        self.bent = Some(to);
        self
    }

    /// What a domain says, if anything; RFC 8461 §5.1: what it said before, while that holds and nothing else is to be
    /// had.
    pub(super) async fn of(&self, domain: &DomainName) -> Option<Arc<Policy>> {
        let mut hash = DefaultHasher::new();
        domain.hash(&mut hash);
        let _turn = self.turns[hash.finish() as usize % TURNS].lock().await;
        let now = (self.clock)();
        let kept = match self.kept(domain).await {
            Ok(kept) => kept.filter(|kept| kept.holds(now)),
            Err(error) => {
                tracing::error!(%domain, %error, "MTA-STS: what was said before cannot be read");
                None
            }
        };
        let fresh = match self.id(domain).await {
            Some(id) if kept.as_ref().is_some_and(|k| k.id == id && !k.is_old(now)) => None,
            Some(id) => self.fetched(domain, &id, now).await,
            None => None,
        };
        let policy = fresh.or(kept)?.policy;
        (policy.mode != Mode::None).then(|| Arc::new(policy))
    }

    /// RFC 8461 §3.1.
    async fn id(&self, domain: &DomainName) -> Option<String> {
        let name = format!("_mta-sts.{domain}");
        match timeout(Duration::from_secs(DNS_S), self.names.text(&name)).await {
            Ok(Ok(records)) => mta_sts::id(&records),
            _ => None,
        }
    }

    async fn fetched(&self, domain: &DomainName, id: &str, now: i64) -> Option<Kept> {
        let failed = |map: &HashMap<String, (String, Instant)>| {
            let before = map.get(domain.as_str());
            before.is_some_and(|(of, at)| of == id && at.elapsed() < FETCH_AGAIN)
        };
        if failed(&self.failed()) {
            return None;
        }
        let policy = match self.fetch(domain).await {
            Ok(policy) => policy,
            Err(error) => {
                let why = format!("{error:#}");
                tracing::warn!(%domain, %why, "MTA-STS: the policy cannot be fetched");
                let mut failed = self.failed();
                if failed.len() >= FAILED_MAX {
                    failed.clear();
                }
                failed.insert(domain.to_string(), (id.to_owned(), Instant::now()));
                return None;
            }
        };
        tracing::info!(%domain, %id, mode = ?policy.mode, "MTA-STS: a policy was fetched");
        let kept = Kept {
            id: id.to_owned(),
            at: now,
            policy,
        };
        if let Err(error) = self.keep(domain, kept.clone()).await {
            tracing::error!(%domain, %error, "MTA-STS: the policy cannot be kept");
        }
        Some(kept)
    }

    fn failed(&self) -> std::sync::MutexGuard<'_, HashMap<String, (String, Instant)>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn kept(&self, domain: &DomainName) -> Result<Option<Kept>, Error> {
        let (store, key) = (self.store.clone(), domain.as_str().as_bytes().to_vec());
        let read = tokio::task::spawn_blocking(move || store.table(TABLE).row(&key));
        let row = read
            .await
            .map_err(|_| Error::Invalid("reading it stopped"))??;
        let Some(row) = row else {
            return Ok(None);
        };
        let corrupt = || Error::Corrupt("a policy that was kept cannot be read".into());
        match row.split_first() {
            Some((&VERSION, rest)) => serde_json::from_slice(rest).map_err(|_| corrupt()),
            _ => Err(corrupt()),
        }
    }

    async fn keep(&self, domain: &DomainName, kept: Kept) -> Result<(), Error> {
        let (store, key) = (self.store.clone(), domain.as_str().as_bytes().to_vec());
        let write = tokio::task::spawn_blocking(move || {
            let mut value = vec![VERSION];
            serde_json::to_writer(&mut value, &kept).map_err(|_| Error::Invalid("a policy"))?;
            store.table(TABLE).put(&key, Some(value))
        });
        write
            .await
            .map_err(|_| Error::Invalid("writing it stopped"))?
    }

    /// RFC 8461 §3.3: over HTTPS with a certificate of the policy host, without redirects.
    async fn fetch(&self, domain: &DomainName) -> anyhow::Result<Policy> {
        let host = format!("mta-sts.{domain}");
        let places = match self.bent {
            Some(bent) => vec![bent],
            None => self.places(&host).await?,
        };
        let config = ureq::Agent::config_builder()
            .tls_config(verified(&self.authorities))
            .https_only(true)
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(FETCH))
            .user_agent(concat!("congvu/", env!("CARGO_PKG_VERSION")))
            .build();
        let agent = ureq::Agent::with_parts(config, DefaultConnector::default(), Known(places));
        let uri = format!("https://{host}/.well-known/mta-sts.txt");
        let get = tokio::task::spawn_blocking(move || -> anyhow::Result<String> {
            let mut answer = agent.get(&uri).call()?;
            anyhow::ensure!(answer.status() == 200, "the host says {}", answer.status());
            let kind = answer.headers().get("content-type");
            let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            let media = kind.split(';').next().unwrap_or_default().trim();
            anyhow::ensure!(
                media.eq_ignore_ascii_case("text/plain"),
                "it is of type {kind:?}"
            );
            let body = answer.body_mut().with_config().limit(POLICY_MAX as u64);
            Ok(body.read_to_string()?)
        });
        let text = get.await.context("fetching it stopped")??;
        Policy::parse(&text).context("it is no policy")
    }

    /// Its public addresses: strangers' DNS must not lead into our own network.
    async fn places(&self, host: &str) -> anyhow::Result<Vec<SocketAddr>> {
        let found = match timeout(Duration::from_secs(DNS_S), self.names.addresses(host)).await {
            Ok(Ok(found)) => found,
            Ok(Err(LookupError::NoName)) => anyhow::bail!("DNS knows no host {host}"),
            Ok(Err(LookupError::Failed(why))) => anyhow::bail!("DNS for {host}: {why}"),
            Err(_) => anyhow::bail!("DNS for {host}: no answer in time"),
        };
        let public = found.into_iter().filter(|ip: &IpAddr| is_public(*ip));
        let places: Vec<SocketAddr> = public
            .take(ADDRESSES_MAX)
            .map(|ip| SocketAddr::new(ip, 443))
            .collect();
        anyhow::ensure!(!places.is_empty(), "{host} has no public address");
        Ok(places)
    }
}

/// TLS with certificates that these authorities vouch for.
pub(crate) fn verified(authorities: &[CertificateDer<'static>]) -> TlsConfig {
    let authorities: Vec<Certificate<'static>> = authorities
        .iter()
        .map(|der| Certificate::from_der(der).to_owned())
        .collect();
    TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::new_with_certs(&authorities))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build()
}

/// Addresses that were looked up before.
#[derive(Debug)]
pub(crate) struct Known(pub(crate) Vec<SocketAddr>);

impl Places for Known {
    fn resolve(
        &self,
        _uri: &http::Uri,
        _config: &ureq::config::Config,
        _timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut places = self.empty();
        self.0.iter().for_each(|place| places.push(*place));
        Ok(places)
    }
}
