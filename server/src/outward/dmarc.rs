//! DMARC reports (RFC 9990, RFC 7489 §7.2): counts by domain and day what became of mail in its name, and tells each
//! domain that wants to hear of it once a day.

use super::Names;
use super::telling::{Now, Teller, Telling, post, sender};
use crate::services::Services;
use delivery::attachment::gzipped;
use delivery::dmarc_report::{
    Counted, DmarcReport, Judged, Place, PolicyTold, agreed, places, report_id, report_letter, xml,
};
use delivery::ledger::{DAY_S, Key};
use delivery::verify::organization;
use delivery::{LookupError, TlsWish};
use formats::address::{Address, DomainName};
use std::sync::Arc;
use storage::{Error, Store};

/// Rows of what was counted.
const TABLE: &str = "inbound.dmarc";
/// Rows of all domains on one day; what comes later is counted without.
const ROWS_MAX: usize = 50_000;

/// Counts, and tells.
pub struct DmarcReports(Telling<Counted>);

impl DmarcReports {
    /// Goes on with what was counted today. `now`: Unix seconds. Errors: the store cannot be read.
    pub fn new(store: Store, now: Now) -> Result<Self, Error> {
        Telling::open(store, TABLE, now).map(Self)
    }

    /// Counts one.
    pub fn count(&self, judged: Judged) {
        let domain = judged.domain.clone();
        let add = |counted: &mut Counted, rows| counted.add(judged, rows < ROWS_MAX);
        self.0.count(&domain, add);
    }

    /// Writes down what changed. Blocks.
    pub fn flush(&self) -> Result<(), Error> {
        self.0.flush()
    }

    /// Tells domains what was counted on days that are over.
    pub async fn send(self: Arc<Self>, services: Services, names: Arc<Names>) {
        self.0.send(Dmarc { services, names }).await;
    }
}

struct Dmarc {
    services: Services,
    names: Arc<Names>,
}

impl Teller for Dmarc {
    type Count = Counted;
    const KIND: &'static str = "DMARC";

    async fn tell(&self, (day, domain): &Key, counted: Counted) -> anyhow::Result<bool> {
        let (published, rows, left_out) = counted.told();
        if rows.is_empty() {
            return Ok(false);
        }
        let places = self.places(domain, &published.places).await?;
        if places.is_empty() {
            return Ok(false);
        }
        let from = self.from()?;
        let host = &self.services.config.server.host;
        let begin = i64::from(*day) * DAY_S;
        let report = DmarcReport {
            organization: host.clone(),
            email: from.to_string(),
            report_id: report_id(host, domain, *day),
            begin,
            end: begin + DAY_S - 1,
            generator: concat!("Congvu ", env!("CARGO_PKG_VERSION")).into(),
            policy: PolicyTold::from(&published),
            rows,
            left_out,
            ..DmarcReport::default()
        };
        let packed = gzipped(xml(&report).as_bytes())?;
        let now = self.services.directory.clock().now_s();
        let letter = |to: &[Address]| report_letter(&report, (host, &from, now), to, &packed);
        // RFC 7489 §6.2: as it is sent.
        let size = letter(&[]).len() as u64;
        let fits = |place: &Place| place.size_max.is_none_or(|max| size <= max);
        let to: Vec<Address> = places
            .into_iter()
            .filter(fits)
            .map(|place| place.address)
            .collect();
        if to.is_empty() {
            tracing::info!(%domain, size, "a DMARC report is larger than its domain takes");
            return Ok(false);
        }
        post(&self.services, &letter(&to), to, TlsWish::None)?;
        Ok(true)
    }
}

impl Dmarc {
    fn from(&self) -> anyhow::Result<Address> {
        let named = &self.services.config.inbound.dmarc_reports_from;
        if named.is_empty() {
            return sender(&self.services);
        }
        let from = Address::parse(named)
            .map_err(|error| anyhow::anyhow!("inbound.dmarc_reports_from: {error:?}"))?;
        anyhow::ensure!(
            self.services.directory.domain(&from.domain).is_ok(),
            "inbound.dmarc_reports_from: {} is no domain of this server",
            from.domain
        );
        Ok(from)
    }

    /// RFC 9990 §4: the places that a domain names, but those elsewhere that do not agree. Errors: DNS does not answer.
    async fn places(&self, domain: &DomainName, named: &str) -> anyhow::Result<Vec<Place>> {
        let mut all = Vec::new();
        let own = self.organization(domain.as_str()).await?;
        for place in places(named) {
            let host = place.address.domain.as_str();
            if host == domain.as_str() || self.organization(host).await? == own {
                all.push(place);
                continue;
            }
            let agrees = self
                .texts(&format!("{domain}._report._dmarc.{host}"))
                .await?;
            let found = agreed(&place, &agrees);
            if found.is_empty() {
                tracing::info!(%domain, %host, "does not agree to have DMARC reports of it");
            }
            all.extend(found);
        }
        all.dedup_by(|a, b| a.address == b.address);
        Ok(all)
    }

    async fn organization(&self, domain: &str) -> anyhow::Result<String> {
        match organization(&*self.names, domain).await {
            Ok(organization) => Ok(organization),
            Err(LookupError::NoName) => Ok(domain.to_owned()),
            Err(LookupError::Failed(why)) => anyhow::bail!("DNS: {why}"),
        }
    }

    async fn texts(&self, name: &str) -> anyhow::Result<Vec<String>> {
        match self.names.text(name).await {
            Ok(texts) => Ok(texts),
            Err(LookupError::NoName) => Ok(Vec::new()),
            Err(LookupError::Failed(why)) => anyhow::bail!("DNS: {why}"),
        }
    }
}
