//! DNS that proves what it says (RFC 4033 §5), for what mail exchangers tell of themselves there. Answers are checked
//! here, down from the keys of the root or from the operator's, so that no name server needs to be believed; those
//! asked must only pass signatures on. Where they do not, the server goes on without DNSSEC and says so: a network
//! without the root's keys must have its mail. Once they did, an answer that cannot be checked counts as none.

use super::names::{RECORDS_MAX, builder, none};
use anyhow::Context as _;
use delivery::{LookupError, MailHost, MailHosts, Tlsa, Tlsas};
use hickory_resolver::TokioResolver;
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::NetError;
use hickory_resolver::proto::dnssec::TrustAnchors;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// Aliases of one name that are followed.
const ALIASES_MAX: usize = 10;
/// What the first question may take, by which is found out whether answers can be checked.
const PROBE: Duration = Duration::from_secs(8);
/// After it was in vain.
const PROBE_AGAIN: Duration = Duration::from_secs(600);
/// RFC 7672 §2.2: mail exchangers are asked about this port.
const PORT: u16 = 25;

/// A resolver that checks.
pub(super) struct Dnssec {
    resolver: TokioResolver,
    works: AtomicBool,
    /// When it was found out last that it does not work.
    failed: Mutex<Option<Instant>>,
}

impl Dnssec {
    /// `anchors`: a file of DNSKEY records; empty: the keys of the root that the program knows. Errors: the file cannot
    /// be read, or there is no DNS to ask.
    pub(super) fn new(servers: &[SocketAddr], anchors: &Path) -> anyhow::Result<Self> {
        let mut builder = builder(servers)?;
        builder.options_mut().validate = true;
        if !anchors.as_os_str().is_empty() {
            let place = || format!("relay.trust_anchors: {}", anchors.display());
            let text = std::fs::read_to_string(anchors).with_context(place)?;
            let keys = TrustAnchors::from_str(&text).map_err(|error| anyhow::anyhow!("{error}"));
            builder = builder.with_trust_anchor(Arc::new(keys.with_context(place)?));
        }
        Ok(Self {
            resolver: builder.build()?,
            works: AtomicBool::new(false),
            failed: Mutex::new(None),
        })
    }

    /// Whether answers can be checked. Asks for the root's keys the first time; where that was in vain, now and then
    /// again.
    pub(super) async fn works(&self) -> bool {
        if self.works.load(Ordering::Relaxed) {
            return true;
        }
        let mut failed = self.failed.lock().await;
        if failed.is_some_and(|at| at.elapsed() < PROBE_AGAIN) {
            return false;
        }
        let keys = timeout(
            PROBE,
            self.resolver.lookup(Name::root(), RecordType::DNSKEY),
        )
        .await;
        let why = match keys {
            Ok(Ok(keys)) if is_secure(&keys, RecordType::DNSKEY) => {
                tracing::info!("DNSSEC: answers of DNS are checked, DANE is used");
                self.works.store(true, Ordering::Relaxed);
                return true;
            }
            Ok(Ok(_)) => "the root's keys are not signed".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::warn!(
            %why,
            "DNSSEC: the name servers pass no signatures on, mail goes without DANE; name others in relay.name_servers, or set relay.dane = false"
        );
        *failed = Some(Instant::now());
        false
    }

    /// A domain's mail exchangers.
    pub(super) async fn mail_hosts(&self, name: &str) -> Result<MailHosts, LookupError> {
        let unknown = |_| LookupError::Failed(format!("{name} is no name"));
        let mut at = Name::from_str(name).map_err(unknown)?;
        for _ in 0..ALIASES_MAX {
            let error = match self.resolver.mx_lookup(at.clone()).await {
                Ok(found) => {
                    return Ok(MailHosts {
                        // An alias that was followed by itself counts as not signed.
                        secure: at.to_ascii() == name && is_secure(&found, RecordType::MX),
                        hosts: super::names::mail_hosts(found.answers()),
                    });
                }
                Err(error) => error,
            };
            let failed = match none::<MailHost>(&error) {
                Ok(hosts) => {
                    return Ok(MailHosts {
                        hosts,
                        secure: false,
                    });
                }
                Err(LookupError::NoName) => return Err(LookupError::NoName),
                Err(failed) => failed,
            };
            // See `bases`: an alias to a name without such records.
            match self.alias(&at).await? {
                Some((_, to)) => at = to,
                None => return Err(failed),
            }
        }
        Err(LookupError::Failed("too many aliases".into()))
    }

    /// RFC 7672 §2.2.3: under the host's last name first, where it is an alias.
    pub(super) async fn tlsa(&self, host: &str) -> Result<Option<Tlsas>, LookupError> {
        for base in self.bases(host).await? {
            let name = format!("_{PORT}._tcp.{base}.");
            let found = match self.resolver.tlsa_lookup(name).await {
                Ok(found) => found,
                Err(error) => {
                    absent(&error)?;
                    continue;
                }
            };
            if !is_secure(&found, RecordType::TLSA) {
                continue;
            }
            let records = found
                .answers()
                .iter()
                .filter_map(|record| match &record.data {
                    RData::TLSA(tlsa) => Some(Tlsa {
                        usage: tlsa.cert_usage.into(),
                        selector: tlsa.selector.into(),
                        matching: tlsa.matching.into(),
                        data: tlsa.cert_data.clone(),
                    }),
                    _ => None,
                });
            let records: Vec<Tlsa> = records.take(RECORDS_MAX).collect();
            if !records.is_empty() {
                return Ok(Some(Tlsas { base, records }));
            }
        }
        Ok(None)
    }

    /// RFC 7672 §2.2.2, §2.2.3: the names under which TLSA records are looked for: none where the host's addresses are
    /// not vouched for, since some servers of such zones do not answer such questions (§2.1.2).
    async fn bases(&self, host: &str) -> Result<Vec<String>, LookupError> {
        let Ok(mut at) = Name::from_str(&format!("{}.", host.trim_end_matches('.'))) else {
            return Ok(Vec::new());
        };
        // Aliases are asked for by themselves: the resolver takes an answer that is an alias to a name without such
        // records for a forged one.
        let (mut first, mut all) = (None, true);
        for _ in 0..ALIASES_MAX {
            let Some((secure, to)) = self.alias(&at).await? else {
                break;
            };
            first.get_or_insert(secure);
            all &= secure;
            at = to;
        }
        let both = tokio::join!(
            self.resolver.ipv4_lookup(at.clone()),
            self.resolver.ipv6_lookup(at.clone())
        );
        let mut answers: Vec<Record> = Vec::new();
        for found in [both.0, both.1] {
            match found {
                Ok(found) => answers.extend(found.answers().iter().cloned()),
                Err(error) => absent(&error)?,
            }
        }
        let address = |record: &&Record| record.data.ip_addr().is_some();
        let mut addresses = answers.iter().filter(address);
        let there = addresses.clone().next().is_some();
        all &= there && addresses.all(|record| record.proof.is_secure());
        let own = host.trim_end_matches('.').to_owned();
        let last = at.to_ascii().trim_end_matches('.').to_ascii_lowercase();
        Ok(match (first, all) {
            (None, true) => vec![own],
            (Some(_), true) => vec![last, own],
            (Some(true), false) => vec![own],
            _ => Vec::new(),
        })
    }

    /// Where a name is an alias of another one: whether DNSSEC vouches for that, and of which.
    async fn alias(&self, at: &Name) -> Result<Option<(bool, Name)>, LookupError> {
        let found = match self.resolver.lookup(at.clone(), RecordType::CNAME).await {
            Ok(found) => found,
            Err(error) => return absent(&error).map(|()| None),
        };
        let alias = found
            .answers()
            .iter()
            .find_map(|record| match &record.data {
                RData::CNAME(to) if record.name == *at => {
                    Some((record.proof.is_secure(), to.0.clone()))
                }
                _ => None,
            });
        Ok(alias)
    }
}

/// Whether DNSSEC vouches for all records of this type, and for the aliases on the way to them.
fn is_secure(found: &Lookup, kind: RecordType) -> bool {
    let of_kind = |record: &&Record| {
        let got = record.record_type();
        got == kind || got == RecordType::CNAME
    };
    let mut records = found.answers().iter().filter(of_kind);
    let there = records.clone().next().is_some();
    there && records.all(|record| record.proof.is_secure())
}

/// There are none. Errors: that is not known.
fn absent(error: &NetError) -> Result<(), LookupError> {
    match none::<()>(error) {
        Ok(_) | Err(LookupError::NoName) => Ok(()),
        Err(failed) => Err(failed),
    }
}
