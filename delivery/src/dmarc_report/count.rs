//! What one message adds to the report for its author's domain.

use super::{ROWS_MAX, Reason, Row, Sender, Signature, places};
use crate::ledger::{Part, Tally};
use crate::verify::{Disposition, DkimResult, DmarcResult, Published};
use crate::{Envelope, Evidence};
use formats::address::DomainName;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::net::IpAddr;

/// Rows of one domain and day that are told in all detail; later ones lose what only tells letters of one source apart.
const DETAILED_MAX: usize = 1_000;
/// Signatures of one row (RFC 9990 §3.1.3 allows a hundred).
const SIGNATURES_MAX: usize = 10;

/// One message, as far as its author's domain hears of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Where its policy was found: who hears of it.
    pub domain: DomainName,
    /// What was found there.
    pub published: Published,
    /// The message; its count is one.
    pub row: Row,
}

impl Judged {
    /// `None`: nobody wants to hear of it.
    #[must_use]
    pub fn of(
        evidence: &Evidence,
        became: Disposition,
        ip: IpAddr,
        envelope: &Envelope,
    ) -> Option<Self> {
        let dmarc = &evidence.dmarc;
        let published = dmarc.published.clone()?;
        if places(&published.places).is_empty() {
            return None;
        }
        let word = |passed: bool| if passed { "pass" } else { "fail" }.to_owned();
        let row = Row {
            ip: ip.to_canonical().to_string(),
            count: 1,
            disposition: became.word().to_owned(),
            dkim: word(dmarc.dkim),
            spf: word(dmarc.spf),
            reasons: reason(evidence, became, &published).into_iter().collect(),
            header_from: dmarc.domain.clone(),
            envelope_from: Some(
                envelope
                    .from
                    .address()
                    .map_or_else(String::new, |from| from.domain.to_string()),
            ),
            envelope_to: one_domain(envelope),
            signatures: signatures(evidence),
            // RFC 9990 §3.1.1.12: DMARC looks at the reverse-path only, or what stands for it (RFC 7208 §2.4).
            senders: vec![Sender {
                domain: evidence.spf.domain.clone(),
                scope: "mfrom".into(),
                result: evidence.spf.result.word().into(),
                why: String::new(),
            }],
        };
        Some(Self {
            domain: DomainName::parse(&published.domain).ok()?,
            published,
            row,
        })
    }
}

/// RFC 9990 §3.1.6: why what fails was not treated as its domain wishes.
fn reason(evidence: &Evidence, became: Disposition, published: &Published) -> Option<Reason> {
    let dmarc = &evidence.dmarc;
    if dmarc.result == DmarcResult::Pass || became.0 == dmarc.said {
        return None;
    }
    let (kind, comment) = match dmarc.result {
        DmarcResult::TempError => ("other", "DNS did not answer".to_owned()),
        _ if became.0 == dmarc.wish && published.testing => ("policy_test_mode", String::new()),
        _ if became.0 == dmarc.wish && dmarc.sampled_out => {
            ("other", format!("left out by pct={}", published.percent))
        }
        _ => ("local_policy", String::new()),
    };
    Some(Reason {
        kind: kind.into(),
        comment,
    })
}

/// The domain of all recipients; `None`: they have several.
fn one_domain(envelope: &Envelope) -> Option<String> {
    let mut all = envelope.recipients.iter().map(|to| &to.address.domain);
    let first = all.next()?;
    all.all(|other| other == first).then(|| first.to_string())
}

/// RFC 9990 §3.1.3: good ones of the author's own domain first, then other good ones, then the rest.
fn signatures(evidence: &Evidence) -> Vec<Signature> {
    let mut all: Vec<_> = evidence.dkim.iter().collect();
    all.sort_by_key(|one| {
        let passed = one.result == DkimResult::Pass;
        (!passed, one.domain != evidence.dmarc.domain)
    });
    let told = all.into_iter().take(SIGNATURES_MAX).map(|one| Signature {
        domain: one.domain.clone(),
        selector: one.selector.clone(),
        result: one.result.word().into(),
        why: one.why.to_owned(),
    });
    told.filter(|one| !one.domain.is_empty()).collect()
}

/// What tells rows apart.
type RowHash = [u8; 8];

/// What is kept beside the rows of a day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Summary {
    /// The policy, as it was found last.
    published: Published,
    /// Messages that were counted without a row.
    left_out: u64,
}

/// What was counted of one domain on one day.
#[derive(Debug, Clone, Default)]
pub struct Counted {
    summary: Summary,
    summary_changed: bool,
    rows: HashMap<RowHash, (Row, bool)>,
}

impl Counted {
    /// Adds one. `may_grow`: there is room for another row.
    pub fn add(&mut self, judged: Judged, may_grow: bool) {
        if self.summary.published != judged.published {
            self.summary.published = judged.published;
            self.summary_changed = true;
        }
        let mut row = judged.row;
        let mut name = hash(&row);
        // What has a row already is counted there, however many there are.
        if self.rows.len() >= DETAILED_MAX && !self.rows.contains_key(&name) {
            row = plain(&row);
            name = hash(&row);
        }
        if let Some((known, changed)) = self.rows.get_mut(&name) {
            known.count = known.count.saturating_add(1);
            *changed = true;
        } else if may_grow && self.rows.len() < ROWS_MAX {
            self.rows.insert(name, (row, true));
        } else {
            self.summary.left_out = self.summary.left_out.saturating_add(1);
            self.summary_changed = true;
        }
    }

    /// The policy, the rows (those of most messages first) and how many messages have none.
    #[must_use]
    pub fn told(self) -> (Published, Vec<Row>, u64) {
        let mut rows: Vec<Row> = self.rows.into_values().map(|(row, _)| row).collect();
        rows.sort_by(|a, b| (b.count, &a.ip).cmp(&(a.count, &b.ip)));
        (self.summary.published, rows, self.summary.left_out)
    }
}

/// A row by what RFC 9990 wants of it at least: what told it apart from others of its source goes.
fn plain(row: &Row) -> Row {
    Row {
        envelope_from: None,
        envelope_to: None,
        signatures: row.signatures.iter().take(1).cloned().collect(),
        ..row.clone()
    }
}

fn hash(row: &Row) -> RowHash {
    let row = Row {
        count: 0,
        ..row.clone()
    };
    // Rows are texts and numbers, which JSON always holds.
    let text = serde_json::to_vec(&row).unwrap_or_default();
    let mut hash = RowHash::default();
    hash.copy_from_slice(&Sha256::digest(text)[..8]);
    hash
}

impl Tally for Counted {
    fn parts(&mut self) -> Result<Vec<Part>, serde_json::Error> {
        let mut parts = Vec::new();
        if std::mem::take(&mut self.summary_changed) {
            parts.push(Part {
                name: Vec::new(),
                value: serde_json::to_vec(&self.summary)?,
            });
        }
        for (hash, (row, changed)) in &mut self.rows {
            if std::mem::take(changed) {
                parts.push(Part {
                    name: hash.to_vec(),
                    value: serde_json::to_vec(row)?,
                });
            }
        }
        Ok(parts)
    }

    fn size(&self) -> usize {
        self.rows.len()
    }

    fn put(&mut self, name: &[u8], value: &[u8]) {
        match RowHash::try_from(name) {
            Ok(hash) => {
                if let Ok(row) = serde_json::from_slice(value) {
                    self.rows.insert(hash, (row, false));
                }
            }
            Err(_) => self.summary = serde_json::from_slice(value).unwrap_or_default(),
        }
    }
}
