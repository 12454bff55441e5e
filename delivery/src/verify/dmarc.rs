//! RFC 9989 (RFC 7489): whether what passed is of the author's own domain, and what its owner wishes where nothing is. The
//! organizational domain is found in DNS itself (§4.10), without a list of public suffixes that grows old.

use super::dkim::DkimResult;
use super::dmarc_record::{Record, Suffix, is_record};
use super::lookup::Asking;
use super::spf::SpfResult;
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
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Wish {
    #[default]
    None,
    Quarantine,
    Reject,
}

impl Wish {
    pub(super) fn read(text: &str) -> Option<Self> {
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

/// What becomes of a message: it comes in, goes into Junk, or is not taken; in the words in which its domain wishes for
/// it (RFC 7489 §7.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Disposition(pub Wish);

impl Disposition {
    /// In one word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.0.word()
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
        Disposition(match (rule, wish) {
            (Enforcement::Mark, _) | (_, Wish::None) => Wish::None,
            (Enforcement::Reject, Wish::Reject) => Wish::Reject,
            _ => Wish::Quarantine,
        })
    }
}

/// What a message is drawn by for `pct`: 0 to 99, the same each time.
pub(super) fn sample(content: &[u8]) -> u8 {
    Sha256::digest(content)[0] % 100
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

/// The policy that holds for a message, found before anything else is asked: DNS of others has no say in it.
pub(super) struct Policy {
    /// As far as it is known without what passed.
    found: Dmarc,
    organization: String,
    sample: u8,
}

impl Policy {
    /// RFC 9989 §4.10.1.
    pub(super) async fn discover<R: Resolver>(
        asking: &mut Asking<'_, R>,
        header: &Header,
        sample: u8,
    ) -> Self {
        let mut policy = Self {
            found: Dmarc::default(),
            organization: String::new(),
            sample,
        };
        let Some(domain) = author(header) else {
            policy.found.result = DmarcResult::PermError;
            return policy;
        };
        policy.found.domain.clone_from(&domain);
        if let Err(LookupError::Failed(_)) = policy.look(asking, &domain).await {
            policy.found.result = DmarcResult::TempError;
            policy.found.published = None;
        }
        policy
    }

    async fn look<R: Resolver>(
        &mut self,
        asking: &mut Asking<'_, R>,
        domain: &str,
    ) -> Result<(), LookupError> {
        let walk = walk(asking, domain).await?;
        self.organization = walk.organization(domain);
        let own = walk.record(domain).map(|record| (record, false));
        let above = || walk.record(&self.organization).map(|record| (record, true));
        let suffix = || walk.0.last().map(|(_, record)| (record, true));
        let Some((record, is_below)) = own.or_else(above).or_else(suffix) else {
            return Ok(());
        };
        let Some(published) = record.policy.clone() else {
            return Ok(());
        };
        let below = match (is_below, published.absent) {
            (false, _) => None,
            (true, Some(wish)) if is_absent(asking, domain).await? => Some(wish),
            (true, _) => published.below,
        };
        let said = below.unwrap_or(published.wish);
        // RFC 7489 §6.6.4: the sample that is left out gets the next milder; RFC 9989 §4.7 `t` does so for all.
        let sampled_out = published.testing || self.sample >= published.percent;
        let found = &mut self.found;
        found.result = DmarcResult::Fail;
        (found.said, found.sampled_out) = (said, sampled_out);
        found.wish = match (said, sampled_out) {
            (Wish::Reject, true) => Wish::Quarantine,
            (Wish::Quarantine, true) => Wish::None,
            (wish, _) => wish,
        };
        found.published = Some(published);
        Ok(())
    }

    /// Whether what a domain vouches for could count here: whoever else passes, it changes nothing.
    pub(super) fn may_align(&self, domain: &str) -> bool {
        let domain = domain.to_ascii_lowercase();
        self.found.published.is_some()
            && (domain == self.found.domain || is_within(&domain, &self.organization))
    }

    /// RFC 9989 §4.4: what follows from what was found out of domains that may align.
    pub(super) async fn weigh<R: Resolver>(
        &self,
        asking: &mut Asking<'_, R>,
        evidence: &Evidence,
    ) -> Dmarc {
        let mut found = self.found.clone();
        let Some(published) = found.published.clone() else {
            return found;
        };
        let mut uncertain = false;
        for one in &evidence.dkim {
            let (passed, failed) = (DkimResult::Pass, DkimResult::TempError);
            let aligned = self.aligned(asking, &one.domain, published.strict_dkim);
            match aligned.await {
                Ok(aligned) => {
                    found.dkim |= aligned && one.result == passed;
                    uncertain |= aligned && one.result == failed;
                }
                Err(_) => uncertain |= one.result == passed,
            }
        }
        let spf = &evidence.spf;
        let aligned = self.aligned(asking, &spf.domain, published.strict_spf);
        match aligned.await {
            Ok(aligned) => {
                found.spf = aligned && spf.result == SpfResult::Pass;
                uncertain |= aligned && spf.result == SpfResult::TempError;
            }
            Err(_) => uncertain |= spf.result == SpfResult::Pass,
        }
        if found.dkim || found.spf {
            found.result = DmarcResult::Pass;
        } else if uncertain {
            // RFC 9989 §5.3.2: nobody can say that it failed for good, so the policy does not apply.
            found.result = DmarcResult::TempError;
        }
        found
    }

    /// RFC 9989 §4.4.
    async fn aligned<R: Resolver>(
        &self,
        asking: &mut Asking<'_, R>,
        other: &str,
        strict: bool,
    ) -> Result<bool, LookupError> {
        let other = other.to_ascii_lowercase();
        if other == self.found.domain {
            return Ok(true);
        }
        if strict || !is_within(&other, &self.organization) {
            return Ok(false);
        }
        Ok(walk(asking, &other).await?.organization(&other) == self.organization)
    }
}

fn is_within(domain: &str, above: &str) -> bool {
    let rest = domain.strip_suffix(above);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// RFC 9989 §3.2.13 (RFC 8020): whether there is no such name.
async fn is_absent<R: Resolver>(
    asking: &mut Asking<'_, R>,
    domain: &str,
) -> Result<bool, LookupError> {
    match asking.addresses(domain).await {
        Ok(_) => Ok(false),
        Err(LookupError::NoName) => Ok(true),
        Err(failed) => Err(failed),
    }
}

/// RFC 9989 §4.10.2: the organizational domain of a domain. Errors: DNS does not answer.
pub async fn organization<R: Resolver>(resolver: &R, domain: &str) -> Result<String, LookupError> {
    let domain = domain.to_ascii_lowercase();
    let walk = walk(&mut Asking::new(resolver), &domain).await?;
    Ok(walk.organization(&domain))
}

/// Records on the way up from a domain, the nearest first.
struct Walk(Vec<(String, Record)>);

impl Walk {
    fn record(&self, domain: &str) -> Option<&Record> {
        let found = self.0.iter().find(|(at, _)| at == domain);
        found.map(|(_, record)| record)
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
            let last = record.suffix != Suffix::Unknown;
            found.push((at, record));
            if last {
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

/// RFC 9989 §4.10: the one record of a domain.
async fn record<R: Resolver>(
    asking: &mut Asking<'_, R>,
    domain: &str,
) -> Result<Option<Record>, LookupError> {
    let texts = match asking.texts(&format!("_dmarc.{domain}")).await {
        Ok(texts) => texts,
        Err(LookupError::NoName) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut records = texts.iter().filter(|text| is_record(text));
    match (records.next(), records.next()) {
        (Some(text), None) => Ok(Record::read(text, domain)),
        _ => Ok(None),
    }
}
