//! TLS reports (RFC 8460): counts by domain and day how TLS with other servers went, and tells each domain that wants to
//! hear of it once a day.

use super::Names;
use super::telling::{Now, Teller, Telling, post, sender};
use crate::services::Services;
use anyhow::Context as _;
use delivery::attachment::gzipped;
use delivery::ledger::{DAY_S, Key};
use delivery::tls_report::{
    Counted, DateRange, Place, PolicyReport, Session, TlsReport, places, report_letter,
};
use delivery::{LookupError, TlsWish};
use formats::address::{Address, DomainName};
use formats::date;
use std::sync::Arc;
use std::time::Duration;
use storage::{Error, Store};

/// Rows of what was counted.
const TABLE: &str = "relay.tls";
/// What handing one over by HTTPS may take.
const POST: Duration = Duration::from_secs(60);

/// Counts, and tells.
pub struct Reports(Telling<Counted>);

impl Reports {
    /// Goes on with what was counted today. `now`: Unix seconds. Errors: the store cannot be read.
    pub fn new(store: Store, now: Now) -> Result<Self, Error> {
        Telling::open(store, TABLE, now).map(Self)
    }

    /// Counts one.
    pub(super) fn count(&self, domain: &DomainName, session: Session) {
        self.0.count(domain, |counted, _| counted.add(session));
    }

    /// Writes down what changed. Blocks.
    pub fn flush(&self) -> Result<(), Error> {
        self.0.flush()
    }

    /// Tells domains what was counted on days that are over.
    pub async fn send(self: Arc<Self>, services: Services, names: Arc<Names>) {
        self.0.send(Tls { services, names }).await;
    }
}

struct Tls {
    services: Services,
    names: Arc<Names>,
}

impl Teller for Tls {
    type Count = Counted;
    const KIND: &'static str = "TLS";

    async fn tell(&self, (day, domain): &Key, counted: Counted) -> anyhow::Result<bool> {
        let records = match self.names.text(&format!("_smtp._tls.{domain}")).await {
            Ok(records) => records,
            Err(LookupError::NoName) => Vec::new(),
            Err(LookupError::Failed(why)) => anyhow::bail!("DNS: {why}"),
        };
        let places = places(&records);
        if places.is_empty() {
            return Ok(false);
        }
        let services = &self.services;
        let from = sender(services)?;
        let host = &services.config.server.host;
        let report = report(host, &from, (*day, domain), counted.policies);
        // RFC 8460 §5.2: JSON under gzip.
        let packed = gzipped(&serde_json::to_vec(&report)?)?;
        let mut last = None;
        // RFC 8460 §3: one of the places is enough.
        for place in places {
            let handed = match place {
                Place::Mail(to) => {
                    let now = services.directory.clock().now_s();
                    let letter = report_letter(&report, (host, &from, now), (domain, &to), &packed);
                    // RFC 8460 §3: it must arrive where TLS is what fails.
                    post(services, &letter, vec![to], TlsWish::Waived)
                }
                Place::Web(uri) => put(uri, packed.clone()).await,
            };
            match handed {
                Ok(()) => return Ok(true),
                Err(error) => last = Some(error),
            }
        }
        last.map_or(Ok(false), Err)
    }
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
