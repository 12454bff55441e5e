//! RFC 7208 check_host(): whether a domain lets this peer send in its name.

use super::lookup::Asking;
use super::macros::{Values, expand};
use super::spf_record::{Lengths, Mechanism, Record, is_record};
use super::{Arriving, Spf};
use crate::{LookupError, Resolver, ReversePath};
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

/// RFC 7208 §4.6.4: terms that ask DNS.
const LOOKUPS_MAX: usize = 10;
/// RFC 7208 §4.6.4: questions to which there is no answer.
const VOIDS_MAX: usize = 2;
/// RFC 7208 §4.6.4: names of one MX or PTR answer.
const NAMES_MAX: usize = 10;

/// RFC 7208 §2.6.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum SpfResult {
    #[default]
    None,
    Neutral,
    Pass,
    Fail,
    SoftFail,
    TempError,
    PermError,
}

impl SpfResult {
    /// RFC 8601 §2.7.2.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Neutral => "neutral",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::SoftFail => "softfail",
            Self::TempError => "temperror",
            Self::PermError => "permerror",
        }
    }
}

/// In whose name a peer sends (RFC 7208 §2.3, §2.4).
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity<'a> {
    /// Whose record is asked.
    pub(super) domain: &'a str,
    local: &'a str,
    by_helo: bool,
}

impl<'a> Identity<'a> {
    /// RFC 7208 §2.4: the reverse-path, or where it is empty the greeting.
    pub(super) fn mail_from(arriving: &'a Arriving) -> Self {
        match &arriving.from {
            ReversePath::Address(from) => Self {
                domain: from.domain.as_str(),
                local: from.local.as_str(),
                by_helo: false,
            },
            ReversePath::Null => Self::helo(arriving),
        }
    }

    /// A reverse-path as a test writes it; empty: the greeting.
    #[cfg(test)]
    pub(super) fn written(arriving: &'a Arriving, from: &'a str) -> Self {
        match from.rsplit_once('@') {
            None if from.is_empty() => Self::helo(arriving),
            None => Self {
                domain: from,
                local: "postmaster",
                by_helo: false,
            },
            Some((local, domain)) => Self {
                domain,
                // RFC 7208 §4.3.
                local: if local.is_empty() {
                    "postmaster"
                } else {
                    local
                },
                by_helo: false,
            },
        }
    }

    /// RFC 7208 §2.3: the greeting.
    pub(super) fn helo(arriving: &'a Arriving) -> Self {
        Self {
            domain: &arriving.helo,
            // RFC 7208 §4.3.
            local: "postmaster",
            by_helo: true,
        }
    }
}

/// RFC 7208 §4: what its record says of the peer.
pub(super) async fn check<R: Resolver>(
    asking: &mut Asking<'_, R>,
    arriving: &Arriving,
    identity: Identity<'_>,
) -> Spf {
    let values = Values {
        ip: arriving.ip.to_canonical(),
        helo: &arriving.helo,
        local: identity.local,
        sender_domain: identity.domain,
    };
    let mut one = One {
        asking,
        values,
        lookups: 0,
        voids: 0,
    };
    Spf {
        result: one.check(identity.domain.to_owned()).await,
        domain: identity.domain.to_owned(),
        by_helo: identity.by_helo,
    }
}

/// One evaluation.
struct One<'a, 'r, R> {
    asking: &'a mut Asking<'r, R>,
    values: Values<'a>,
    lookups: usize,
    voids: usize,
}

/// Boxed, since records include others.
type Boxed<'a> = Pin<Box<dyn Future<Output = SpfResult> + Send + 'a>>;

impl<R: Resolver> One<'_, '_, R> {
    fn check(&mut self, domain: String) -> Boxed<'_> {
        Box::pin(async move {
            let record = match self.record(&domain).await {
                Ok(record) => record,
                Err(result) => return result,
            };
            for (result, mechanism) in &record.directives {
                match self.matches(mechanism, &domain).await {
                    Ok(true) => return *result,
                    Ok(false) => {}
                    Err(result) => return result,
                }
            }
            // RFC 7208 §4.7, §6.1.
            let Some(elsewhere) = &record.redirect else {
                return SpfResult::Neutral;
            };
            match self.target(Some(elsewhere), &domain) {
                Ok(target) => match self.check(target).await {
                    SpfResult::None => SpfResult::PermError,
                    result => result,
                },
                Err(result) => result,
            }
        })
    }

    /// RFC 7208 §4.3 to §4.5.
    async fn record(&mut self, domain: &str) -> Result<Record, SpfResult> {
        if !is_domain(domain) {
            return Err(SpfResult::None);
        }
        let texts = match self.asking.texts(domain).await {
            Ok(texts) => texts,
            Err(LookupError::NoName) => return Err(SpfResult::None),
            Err(LookupError::Failed(_)) => return Err(SpfResult::TempError),
        };
        let mut records = texts.iter().filter(|text| is_record(text));
        match (records.next(), records.next()) {
            (None, _) => Err(SpfResult::None),
            (Some(text), None) => Record::read(text).ok_or(SpfResult::PermError),
            (Some(_), Some(_)) => Err(SpfResult::PermError),
        }
    }

    /// Counts a term that asks DNS, and says of which name.
    fn target(&mut self, spec: Option<&String>, domain: &str) -> Result<String, SpfResult> {
        self.lookups += 1;
        if self.lookups > LOOKUPS_MAX {
            return Err(SpfResult::PermError);
        }
        let target = spec.map_or_else(
            || Some(domain.to_owned()),
            |spec| expand(spec, domain, &self.values),
        );
        target.ok_or(SpfResult::PermError)
    }

    async fn matches(&mut self, mechanism: &Mechanism, domain: &str) -> Result<bool, SpfResult> {
        let ip = self.values.ip;
        match mechanism {
            Mechanism::All => Ok(true),
            Mechanism::Net(net, length) => Ok(is_in(ip, *net, *length)),
            Mechanism::Include(spec) => {
                let target = self.target(Some(spec), domain)?;
                match self.check(target).await {
                    SpfResult::Pass => Ok(true),
                    SpfResult::Fail | SpfResult::SoftFail | SpfResult::Neutral => Ok(false),
                    SpfResult::TempError => Err(SpfResult::TempError),
                    SpfResult::PermError | SpfResult::None => Err(SpfResult::PermError),
                }
            }
            Mechanism::A(spec, lengths) => {
                let target = self.target(spec.as_ref(), domain)?;
                self.has(&target, *lengths).await
            }
            Mechanism::Mx(spec, lengths) => {
                let target = self.target(spec.as_ref(), domain)?;
                let hosts = self.asking.mail_hosts(&target).await;
                let hosts = self.answered(hosts)?;
                // RFC 7208 §4.6.4: more than that is an error, not a reason to stop looking.
                if hosts.len() > NAMES_MAX {
                    return Err(SpfResult::PermError);
                }
                for host in hosts {
                    if self.has(&host, *lengths).await? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Mechanism::Exists(spec) => {
                let target = self.target(Some(spec), domain)?;
                let found = self.asking.addresses(&target).await;
                Ok(self.answered(found)?.iter().any(IpAddr::is_ipv4))
            }
            Mechanism::Ptr(spec) => {
                let target = self.target(spec.as_ref(), domain)?;
                self.is_called(&target).await
            }
        }
    }

    /// What was found; a name without any is one of the few that may be.
    fn answered<T>(&mut self, found: Result<Vec<T>, LookupError>) -> Result<Vec<T>, SpfResult> {
        let found = match found {
            Ok(found) => found,
            Err(LookupError::NoName) => Vec::new(),
            Err(LookupError::Failed(_)) => return Err(SpfResult::TempError),
        };
        self.voids += usize::from(found.is_empty());
        match self.voids > VOIDS_MAX {
            true => Err(SpfResult::PermError),
            false => Ok(found),
        }
    }

    /// Whether one of a host's addresses is the peer's, or in one network with it.
    async fn has(&mut self, host: &str, lengths: Lengths) -> Result<bool, SpfResult> {
        let ip = self.values.ip;
        // RFC 7208 §5: only addresses of the peer's family are asked for; a host that has none is one without answer.
        let found = self.asking.addresses(host).await.map(|mut found| {
            found.retain(|net| net.is_ipv4() == ip.is_ipv4());
            found
        });
        let length = match ip {
            IpAddr::V4(_) => lengths.v4,
            IpAddr::V6(_) => lengths.v6,
        };
        let found = self.answered(found)?;
        Ok(found.into_iter().any(|net| is_in(ip, net, length)))
    }

    /// RFC 7208 §5.5: whether the peer's own name, which leads back to it, is this or below it. Where DNS does not answer
    /// that counts as no.
    async fn is_called(&mut self, target: &str) -> Result<bool, SpfResult> {
        let ip = self.values.ip;
        let names = self.asking.names_of(ip).await;
        if let Err(LookupError::Failed(_)) = names {
            return Ok(false);
        }
        // RFC 7208 §4.6.4: a peer without a name is one more question without answer.
        let names = self.answered(names)?;
        for name in names.into_iter().take(NAMES_MAX) {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let target = target.to_ascii_lowercase();
            let below = name == target || name.ends_with(&format!(".{target}"));
            if below
                && self
                    .asking
                    .addresses(&name)
                    .await
                    .is_ok_and(|all| all.contains(&ip))
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether an address is in a network.
fn is_in(ip: IpAddr, net: IpAddr, length: u8) -> bool {
    match (ip, net) {
        (IpAddr::V4(ip), IpAddr::V4(net)) => {
            let shift = 32 - u32::from(length.min(32));
            (u64::from(ip.to_bits() ^ net.to_bits()) >> shift) == 0
        }
        (IpAddr::V6(ip), IpAddr::V6(net)) => {
            let differ = (ip.to_bits() ^ net.to_bits()).leading_zeros();
            differ >= u32::from(length.min(128))
        }
        _ => false,
    }
}

/// RFC 7208 §4.3: two labels at least, none too long.
fn is_domain(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    let labels = || name.split('.');
    name.len() <= 253
        && labels().count() > 1
        && labels().all(|label| !label.is_empty() && label.len() <= 63)
        && name.is_ascii()
        && !name.starts_with('[')
}
