//! Who brings a report, and how far that is believed: anybody can write one.

use crate::verify::{DkimResult, DmarcResult, SpfResult};
use crate::{Envelope, Evidence, Origin};
use formats::address::{Address, DomainName};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Recipients of a letter that are compared with where a domain asks for its reports.
const RECIPIENTS_MAX: usize = 100;
/// RFC 2142 §5: where the record that `congvu dns` prints asks for reports.
const POSTMASTER: &str = "postmaster";

/// How far a report is believed; the greater, the further.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Nobody vouches for the letter, and it came to somebody else than who asks for reports.
    #[default]
    Stranger,
    /// One of both is so.
    Half,
    /// It came to where the domain asks for its reports, and the domain of its author vouches for it.
    Verified,
}

/// Where a domain asks for reports, as DNS says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asks {
    /// Whose reports.
    pub domain: String,
    /// To which addresses.
    pub places: Vec<Address>,
}

/// What is known of the letter that brings a report.
#[derive(Debug, Clone, Default)]
pub(crate) struct Brought {
    /// The reverse-path.
    pub(crate) from: String,
    /// What DMARC said, as the header tells it; `None`: nobody looked.
    pub(crate) checked: Option<String>,
    /// The domain that vouches for the letter.
    pub(super) reporter: Option<String>,
    /// Whose letters are counted together.
    pub(super) by: String,
    /// Its recipients.
    pub(super) to: Vec<Address>,
    asks: Option<Asks>,
    /// This server tells its own domain, where DNS says that it asks.
    own: bool,
}

impl Brought {
    /// Of a letter from outside or of this server's own; `author`: the domain of its From, where nothing else is known.
    pub(crate) fn of(
        envelope: &Envelope,
        origin: &Origin,
        evidence: Option<&Evidence>,
        (author, host): (&str, &str),
    ) -> Self {
        let reporter = match (evidence, origin) {
            (_, Origin::Generated) => Some(host.to_owned()),
            (Some(evidence), _) => vouching(evidence),
            (None, _) => None,
        };
        let by = match (&reporter, evidence, origin) {
            (Some(domain), ..) => format!("d {domain}"),
            (None, Some(_), Origin::Remote { ip, .. }) => format!("n {}", network(*ip)),
            // A gateway has looked, or nobody has: its address says nothing.
            _ => format!("f {author}"),
        };
        let to = envelope.recipients.iter().take(RECIPIENTS_MAX);
        Self {
            from: envelope.from.to_string(),
            checked: evidence.map(|evidence| evidence.dmarc.result.word().to_owned()),
            reporter,
            by,
            to: to.map(|to| to.address.clone()).collect(),
            asks: evidence.and_then(|evidence| evidence.asks.clone()),
            own: matches!(origin, Origin::Generated),
        }
    }

    /// Whether it came to where this domain asks for its reports.
    pub(super) fn is_asked(&self, domain: &DomainName) -> bool {
        let asks = self.asks.as_ref();
        let asks = asks.filter(|asks| asks.domain.eq_ignore_ascii_case(domain.as_str()));
        let named = |to: &Address| {
            let places = asks.map_or(&[][..], |asks| &asks.places);
            places.iter().any(|place| place.key() == to.key())
        };
        // Where nobody knows what the record says, any domain's here: some have all their reports at one.
        let own = |to: &Address| {
            let is_there = asks.is_none() || to.domain == *domain;
            is_there && to.local.as_str().eq_ignore_ascii_case(POSTMASTER)
        };
        self.own || self.to.iter().any(|to| own(to) || named(to))
    }

    /// The domains that ask for their reports where it came to.
    pub(super) fn asking(&self) -> Vec<DomainName> {
        let named = self.asks.as_ref();
        let named = named.and_then(|asks| DomainName::parse(&asks.domain).ok());
        let own = self.to.iter().map(|to| to.domain.clone());
        let all = own.chain(named);
        all.filter(|domain| self.is_asked(domain)).collect()
    }

    /// How far a report on this domain is believed.
    pub(super) fn standing(&self, domain: &DomainName) -> Standing {
        match (self.is_asked(domain), self.reporter.is_some()) {
            (true, true) => Standing::Verified,
            (true, false) | (false, true) => Standing::Half,
            (false, false) => Standing::Stranger,
        }
    }
}

/// The domain that vouches for a letter: that of its author, by DMARC, or where that has no policy by SPF or by a
/// signature in its name or in that of a domain above it. Where the policy is that of a domain above, that one.
fn vouching(evidence: &Evidence) -> Option<String> {
    let dmarc = &evidence.dmarc;
    let author = &dmarc.domain;
    let vouches = |domain: &str| is_at_or_above(domain, author);
    let passed = match dmarc.result {
        DmarcResult::Pass => true,
        DmarcResult::None => {
            let spf = &evidence.spf;
            let mut good = evidence.dkim.iter();
            (spf.result == SpfResult::Pass && vouches(&spf.domain))
                || good.any(|one| one.result == DkimResult::Pass && vouches(&one.domain))
        }
        DmarcResult::Fail | DmarcResult::TempError | DmarcResult::PermError => false,
    };
    let policy = dmarc.published.as_ref().map(|found| &found.domain);
    let policy = policy.filter(|domain| vouches(domain));
    (passed && !author.is_empty()).then(|| policy.unwrap_or(author).to_ascii_lowercase())
}

fn is_at_or_above(domain: &str, author: &str) -> bool {
    let (domain, author) = (domain.to_ascii_lowercase(), author.to_ascii_lowercase());
    let rest = author.strip_suffix(&domain).filter(|_| !domain.is_empty());
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// What one who sends has: an address of version 4, 64 bits of version 6.
fn network(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::")
        }
    }
}
