//! TLS reports (RFC 8460): counts by domain and day how TLS with other servers went, and tells each domain that wants to
//! hear of it once a day. Counts lie in the store, a minute behind at most.

use super::Names;
use crate::services::Services;
use anyhow::Context as _;
use delivery::tls_report::{
    Counted, DateRange, Place, PolicyReport, Session, TlsReport, places, report_letter,
};
use delivery::{Envelope, LookupError, Origin, Recipient, Refused, TlsWish};
use formats::address::{Address, DomainName};
use formats::date;
use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use storage::{Error, RowChange, Store};

/// Rows of what was counted: the day (since 1970), then the domain.
const TABLE: &str = "relay.tls";
/// The version of these rows.
const VERSION: u8 = 1;
const DAY_S: i64 = 86_400;
/// Domains that are counted on one day; those that come later are not.
const DOMAINS_MAX: usize = 20_000;
/// Reports of one round.
const ROUND_MAX: usize = 50;
/// Days after which a report that cannot be sent is forgotten.
const LATE_DAYS: u32 = 3;
/// RFC 8460 §3.1: they do not all go at midnight; hours within which each goes.
const SPREAD_S: i64 = 4 * 3600;
/// What handing one over by HTTPS may take.
const POST: Duration = Duration::from_secs(60);

/// Of one domain on one day.
type Key = (u32, DomainName);

/// Counts, and tells.
pub struct Reports {
    store: Store,
    clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    counts: Mutex<HashMap<Key, (Counted, bool)>>,
}

fn row_key((day, domain): &Key) -> Vec<u8> {
    let mut key = day.to_be_bytes().to_vec();
    key.extend_from_slice(domain.as_str().as_bytes());
    key
}

fn parse_key(key: &[u8]) -> Option<Key> {
    let (day, domain) = key.split_first_chunk::<4>()?;
    let domain = DomainName::parse(std::str::from_utf8(domain).ok()?).ok()?;
    Some((u32::from_be_bytes(*day), domain))
}

fn decode(value: &[u8]) -> Option<Counted> {
    match value.split_first() {
        Some((&VERSION, rest)) => serde_json::from_slice(rest).ok(),
        _ => None,
    }
}

impl Reports {
    /// Goes on with what was counted today. `clock`: Unix seconds now. Errors: the store cannot be read.
    pub fn new(store: Store, clock: Arc<dyn Fn() -> i64 + Send + Sync>) -> Result<Self, Error> {
        let reports = Self {
            store,
            clock,
            counts: Mutex::default(),
        };
        let today = reports.today().to_be_bytes();
        let rows = reports.store.table(TABLE).rows(&today, None, DOMAINS_MAX)?;
        let known = rows.into_iter().filter_map(|(key, value)| {
            let counted = decode(&value)?;
            Some((parse_key(&key)?, (counted, false)))
        });
        let known: HashMap<Key, (Counted, bool)> = known.collect();
        *reports.counts() = known;
        Ok(reports)
    }

    fn today(&self) -> u32 {
        u32::try_from((self.clock)() / DAY_S).unwrap_or(0)
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, HashMap<Key, (Counted, bool)>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one.
    pub(super) fn count(&self, domain: &DomainName, session: Session) {
        let key = (self.today(), domain.clone());
        let mut counts = self.counts();
        if counts.len() >= DOMAINS_MAX && !counts.contains_key(&key) {
            return;
        }
        let (counted, changed) = counts.entry(key).or_default();
        counted.add(session);
        *changed = true;
    }

    /// Writes down what changed. Blocks.
    pub fn flush(&self) -> Result<(), Error> {
        let today = self.today();
        let mut rows = Vec::new();
        {
            let mut counts = self.counts();
            for (key, (counted, changed)) in counts.iter_mut().filter(|(_, (_, changed))| *changed)
            {
                let mut value = vec![VERSION];
                serde_json::to_writer(&mut value, counted).map_err(|_| Error::Invalid("counts"))?;
                rows.push(RowChange {
                    table: TABLE,
                    key: row_key(key),
                    value: Some(value),
                });
                *changed = false;
            }
            counts.retain(|(day, _), _| *day >= today);
        }
        match rows.is_empty() {
            true => Ok(()),
            false => self.store.commit_rows(rows).map(|_| ()),
        }
    }

    /// What was counted on days before this one, some of it. Blocks.
    fn due(&self) -> Result<Vec<(Key, Counted)>, Error> {
        let (now, today) = ((self.clock)(), self.today());
        let rows = self.store.table(TABLE).rows(&[], None, ROUND_MAX)?;
        let due = rows.into_iter().filter_map(|(key, value)| {
            let key = parse_key(&key)?;
            let late = i64::from(key.0 + 1) * DAY_S + spread(&key.1) <= now;
            (key.0 < today && late).then_some((key, decode(&value).unwrap_or_default()))
        });
        Ok(due.collect())
    }

    fn forget(&self, key: &Key) -> Result<(), Error> {
        self.store.table(TABLE).put(&row_key(key), None)
    }

    /// Tells domains what was counted on days that are over.
    pub async fn send(self: Arc<Self>, services: Services, names: Arc<Names>) {
        let reports = Arc::clone(&self);
        let due = tokio::task::spawn_blocking(move || {
            reports.flush()?;
            reports.due()
        });
        let due = match due.await {
            Ok(Ok(due)) => due,
            Ok(Err(error)) => return tracing::error!(%error, "TLS reports cannot be read"),
            Err(_) => return tracing::error!("reading TLS reports stopped"),
        };
        for (key, counted) in due {
            let domain = key.1.clone();
            let done = match self.send_one(&services, &names, &key, counted).await {
                Ok(()) => true,
                Err(error) => {
                    tracing::warn!(%domain, error = %format!("{error:#}"), "a TLS report cannot be sent");
                    self.today().saturating_sub(key.0) > LATE_DAYS
                }
            };
            let reports = Arc::clone(&self);
            let forgotten = tokio::task::spawn_blocking(move || match done {
                true => reports.forget(&key),
                false => Ok(()),
            });
            if let Ok(Err(error)) = forgotten.await {
                tracing::error!(%domain, %error, "a TLS report cannot be marked as sent");
            }
        }
    }

    /// Errors: later, perhaps.
    async fn send_one(
        &self,
        services: &Services,
        names: &Names,
        key: &Key,
        counted: Counted,
    ) -> anyhow::Result<()> {
        let (day, domain) = key;
        let records = match names.text(&format!("_smtp._tls.{domain}")).await {
            Ok(records) => records,
            Err(LookupError::NoName) => Vec::new(),
            Err(LookupError::Failed(why)) => anyhow::bail!("DNS: {why}"),
        };
        let places = places(&records);
        if places.is_empty() {
            return Ok(());
        }
        let from = sender(services)?;
        let host = &services.config.server.host;
        let report = report(host, &from, (*day, domain), counted.0);
        let packed = packed(&report)?;
        let mut last = None;
        // RFC 8460 §3: one of the places is enough.
        for place in places {
            let handed = match place {
                Place::Mail(to) => post(services, &report, &from, domain, to, &packed),
                Place::Web(uri) => put(uri, packed.clone()).await,
            };
            match handed {
                Ok(()) => {
                    tracing::info!(%domain, report = %report.report_id, "a TLS report was sent");
                    return Ok(());
                }
                Err(error) => last = Some(error),
            }
        }
        last.map_or(Ok(()), Err)
    }
}

/// When within the hours of a day a domain's turn is, seconds.
fn spread(domain: &DomainName) -> i64 {
    let sum = domain
        .as_str()
        .bytes()
        .fold(0i64, |sum, b| (sum * 31 + i64::from(b)) % SPREAD_S);
    sum % SPREAD_S
}

/// RFC 8460 §5.3: a report is signed by the domain that it comes from; that must be one of ours.
fn sender(services: &Services) -> anyhow::Result<Address> {
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

fn report(
    host: &str,
    from: &Address,
    (day, domain): (u32, &DomainName),
    policies: Vec<PolicyReport>,
) -> TlsReport {
    let begin = i64::from(day) * DAY_S;
    TlsReport {
        organization_name: host.to_owned(),
        date_range: DateRange {
            start_datetime: date::utc(begin),
            end_datetime: date::utc(begin + DAY_S - 1),
        },
        contact_info: from.to_string(),
        report_id: format!("{day}.{domain}@{host}"),
        policies,
    }
}

/// RFC 8460 §5.2: JSON under gzip.
fn packed(report: &TlsReport) -> anyhow::Result<Vec<u8>> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&serde_json::to_vec(report)?)?;
    Ok(gzip.finish()?)
}

/// By mail.
fn post(
    services: &Services,
    report: &TlsReport,
    from: &Address,
    domain: &DomainName,
    to: Address,
    packed: &[u8],
) -> anyhow::Result<()> {
    let host = &services.config.server.host;
    let now = services.directory.clock().now_s();
    let letter = report_letter(report, (host, from, now), (domain, &to), packed);
    let envelope = Envelope {
        recipients: vec![Recipient {
            address: to,
            notify: Some("NEVER".into()),
            orcpt: None,
        }],
        // RFC 8460 §3: it must arrive where TLS is what fails.
        tls: TlsWish::Waived,
        ..Envelope::default()
    };
    let taken = tokio::task::block_in_place(|| {
        services
            .delivery
            .accept(envelope, &letter, &Origin::Generated)
    });
    match taken {
        Ok(_) => Ok(()),
        Err(Refused::Temporary(why) | Refused::Failed(why)) => anyhow::bail!("{why}"),
        Err(Refused::Permanent(cause)) => anyhow::bail!("{cause:?}"),
    }
}

/// RFC 8460 §5.4: by HTTPS; the certificate need not be a good one.
async fn put(uri: String, packed: Vec<u8>) -> anyhow::Result<()> {
    use ureq::tls::{TlsConfig, TlsProvider};
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .disable_verification(true)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    let config = ureq::Agent::config_builder()
        .tls_config(tls)
        .https_only(true)
        .proxy(None)
        .max_redirects(0)
        .timeout_global(Some(POST))
        .user_agent(concat!("congvu/", env!("CARGO_PKG_VERSION")))
        .build();
    let sent = tokio::task::spawn_blocking(move || {
        let agent: ureq::Agent = config.into();
        let request = agent
            .post(&uri)
            .header("content-type", "application/tlsrpt+gzip");
        request.send(&packed[..]).map(|_| ())
    });
    Ok(sent.await.context("sending it stopped")??)
}
