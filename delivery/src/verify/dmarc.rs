//! RFC 7489: whether what passed is of the author's own domain, and what its owner wishes where nothing is. The
//! organizational domain is found in DNS itself (RFC 9989 §4.10), without a list of public suffixes that grows old.

use super::dkim::DkimResult;
use super::lookup::Asking;
use super::spf::SpfResult;
use super::tags::Tags;
use super::{Dmarc, Evidence};
use crate::header::Header;
use crate::{LookupError, Resolver};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// RFC 9989 §4.10: questions of one walk up the tree.
const WALK_MAX: usize = 8;

/// Whether a message is what its author's domain would send.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum DmarcResult {
    /// The domain says nothing.
    #[default]
    None,
    Pass,
    Fail,
    TempError,
    PermError,
}

impl DmarcResult {
    /// RFC 7489 §11.2.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::TempError => "temperror",
            Self::PermError => "permerror",
        }
    }
}

/// RFC 7489 §6.3 `p`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Wish {
    #[default]
    None,
    Quarantine,
    Reject,
}

impl Wish {
    fn read(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "none" => Some(Self::None),
            "quarantine" => Some(Self::Quarantine),
            "reject" => Some(Self::Reject),
            _ => None,
        }
    }

    /// As in a record.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Quarantine => "quarantine",
            Self::Reject => "reject",
        }
    }
}

/// What the operator lets become of what fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Enforcement {
    /// It is told in the header, and comes in as any other.
    Mark,
    /// It comes into Junk where its domain wishes for quarantine or reject.
    #[default]
    Junk,
    /// As its domain wishes: into Junk, or not at all.
    Reject,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Disposition {
    /// It comes in.
    #[default]
    None,
    /// Into Junk.
    Quarantine,
    /// It is not taken.
    Reject,
}

impl Disposition {
    /// As RFC 7489 §7.2 reports it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Quarantine => "quarantine",
            Self::Reject => "reject",
        }
    }
}

impl Evidence {
    /// What becomes of the message under this rule. A message of which nobody can say who wrote it (none, or several
    /// From) is treated as one that its domain wishes in Junk.
    #[must_use]
    pub fn disposition(&self, rule: Enforcement) -> Disposition {
        let wish = match self.dmarc.result {
            DmarcResult::Fail => self.dmarc.wish,
            DmarcResult::PermError => Wish::Quarantine,
            DmarcResult::None | DmarcResult::Pass | DmarcResult::TempError => Wish::None,
        };
        match (rule, wish) {
            (Enforcement::Mark, _) | (_, Wish::None) => Disposition::None,
            (Enforcement::Reject, Wish::Reject) => Disposition::Reject,
            _ => Disposition::Quarantine,
        }
    }
}

/// RFC 9989 §4.7 `psd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Suffix {
    Yes,
    No,
    Unknown,
}

/// RFC 7489 §6.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Record {
    wish: Wish,
    below: Option<Wish>,
    strict_dkim: bool,
    strict_spf: bool,
    percent: u8,
    testing: bool,
    suffix: Suffix,
}

impl Record {
    fn read(text: &str) -> Option<Self> {
        let tags = Tags::read(text)?;
        if tags.first() != Some("v") || tags.get("v") != Some("DMARC1") {
            return None;
        }
        let wish = match tags.get("p").map(Wish::read) {
            Some(Some(wish)) => wish,
            // RFC 7489 §6.6.3: what cannot be read is none where somebody wants to hear of it.
            _ if tags.get("rua").is_some_and(|rua| rua.contains("mailto:")) => Wish::None,
            _ => return None,
        };
        let strict = |tag| {
            tags.get(tag)
                .is_some_and(|v: &str| v.eq_ignore_ascii_case("s"))
        };
        let percent = tags.get("pct").and_then(|pct| pct.parse().ok());
        Some(Self {
            wish,
            below: tags.get("sp").and_then(Wish::read),
            strict_dkim: strict("adkim"),
            strict_spf: strict("aspf"),
            percent: percent.unwrap_or(100).min(100),
            testing: tags.get("t").is_some_and(|t| t.eq_ignore_ascii_case("y")),
            suffix: match tags.get("psd") {
                Some("y") => Suffix::Yes,
                Some("n") => Suffix::No,
                _ => Suffix::Unknown,
            },
        })
    }
}

/// What a message is drawn by for `pct`: 0 to 99, the same each time.
pub(super) fn sample(content: &[u8]) -> u8 {
    Sha256::digest(content)[0] % 100
}

/// RFC 7489 §6.6.
pub(super) async fn check<R: Resolver>(
    asking: &mut Asking<'_, R>,
    header: &Header,
    evidence: &Evidence,
    sample: u8,
) -> Dmarc {
    let Some(domain) = author(header) else {
        return Dmarc {
            result: DmarcResult::PermError,
            ..Dmarc::default()
        };
    };
    let mut found = Dmarc {
        domain: domain.clone(),
        ..Dmarc::default()
    };
    match weigh(asking, &domain, evidence, sample, &mut found).await {
        Ok(()) => {}
        Err(LookupError::NoName) => {}
        Err(LookupError::Failed(_)) => found.result = DmarcResult::TempError,
    }
    found
}

/// RFC 7489 §6.6.1: the one domain of the one From field.
fn author(header: &Header) -> Option<String> {
    let [Some(authors)] = header.from.as_slice() else {
        return None;
    };
    let mut domains = authors.iter().map(|author| author.domain.as_str());
    let first = domains.next()?;
    domains
        .all(|other| other.eq_ignore_ascii_case(first))
        .then(|| first.to_ascii_lowercase())
}

async fn weigh<R: Resolver>(
    asking: &mut Asking<'_, R>,
    domain: &str,
    evidence: &Evidence,
    sample: u8,
    found: &mut Dmarc,
) -> Result<(), LookupError> {
    let walk = walk(asking, domain).await?;
    let organization = walk.organization(domain);
    let own = walk.record(domain).map(|record| (record, false));
    let above = || walk.record(&organization).map(|record| (record, true));
    let suffix = || walk.0.last().map(|(_, record)| (*record, true));
    let Some((record, is_below)) = own.or_else(above).or_else(suffix) else {
        return Ok(());
    };
    found.said = match record.below {
        Some(wish) if is_below => wish,
        _ => record.wish,
    };
    // RFC 7489 §6.6.4: the sample that is left out gets the next milder; RFC 9989 §4.7 `t` does so for all.
    found.sampled_out = record.testing || sample >= record.percent;
    found.wish = match (found.said, found.sampled_out) {
        (Wish::Reject, true) => Wish::Quarantine,
        (Wish::Quarantine, true) => Wish::None,
        (wish, _) => wish,
    };
    let signed = evidence
        .dkim
        .iter()
        .filter(|one| one.result == DkimResult::Pass);
    let signed = signed.map(|one| (one.domain.clone(), record.strict_dkim));
    let sent = Some(&evidence.spf).filter(|spf| spf.result == SpfResult::Pass);
    let sent = sent.map(|spf| (spf.domain.clone(), record.strict_spf));
    found.result = DmarcResult::Fail;
    for (other, strict) in signed.chain(sent).collect::<Vec<_>>() {
        let other = other.to_ascii_lowercase();
        if other == domain || (!strict && is_of(asking, &other, &organization).await?) {
            found.result = DmarcResult::Pass;
            break;
        }
    }
    Ok(())
}

/// RFC 7489 §3.1: whether a domain is of this organization.
async fn is_of<R: Resolver>(
    asking: &mut Asking<'_, R>,
    domain: &str,
    organization: &str,
) -> Result<bool, LookupError> {
    let within = domain == organization || domain.ends_with(&format!(".{organization}"));
    if !within {
        return Ok(false);
    }
    Ok(walk(asking, domain).await?.organization(domain) == organization)
}

/// Records on the way up from a domain, the nearest first.
struct Walk(Vec<(String, Record)>);

impl Walk {
    fn record(&self, domain: &str) -> Option<Record> {
        let found = self.0.iter().find(|(at, _)| at == domain);
        found.map(|(_, record)| *record)
    }

    /// RFC 9989 §4.10.2.
    fn organization(&self, domain: &str) -> String {
        for (at, record) in &self.0 {
            match record.suffix {
                Suffix::No => return at.clone(),
                // One label below, where the walk did not begin there.
                Suffix::Yes if at != domain => {
                    let below = domain.strip_suffix(at.as_str()).unwrap_or(domain);
                    let below = below.trim_end_matches('.');
                    let label = below.rsplit('.').next().unwrap_or(below);
                    return format!("{label}.{at}");
                }
                Suffix::Yes | Suffix::Unknown => {}
            }
        }
        let last = self.0.last().map(|(at, _)| at.clone());
        last.unwrap_or_else(|| domain.to_owned())
    }
}

/// RFC 9989 §4.10: asks the domain, then those above it; of long names not each.
async fn walk<R: Resolver>(asking: &mut Asking<'_, R>, domain: &str) -> Result<Walk, LookupError> {
    let labels: Vec<&str> = domain.split('.').collect();
    let mut from = 0;
    let mut found = Vec::new();
    for _ in 0..WALK_MAX {
        let Some(rest) = labels.get(from..).filter(|rest| !rest.is_empty()) else {
            break;
        };
        let at = rest.join(".");
        if let Some(record) = record(asking, &at).await? {
            found.push((at, record));
            if record.suffix != Suffix::Unknown {
                break;
            }
        }
        from = match from {
            0 if labels.len() > WALK_MAX => labels.len() - (WALK_MAX - 1),
            _ => from + 1,
        };
    }
    Ok(Walk(found))
}

/// RFC 7489 §6.1, §6.6.3: the one record of a domain.
async fn record<R: Resolver>(
    asking: &mut Asking<'_, R>,
    domain: &str,
) -> Result<Option<Record>, LookupError> {
    let texts = match asking.texts(&format!("_dmarc.{domain}")).await {
        Ok(texts) => texts,
        Err(LookupError::NoName) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut records = texts.iter().filter(|text| text.starts_with("v=DMARC1"));
    match (records.next(), records.next()) {
        (Some(text), None) => Ok(Record::read(text)),
        _ => Ok(None),
    }
}
