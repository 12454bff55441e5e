//! RFC 9990 (RFC 7489 §7.2): DMARC aggregate reports, one for each domain and day: counted, written, and read where
//! others send theirs. Pure.

mod charset;
mod count;
mod letter;
mod places;
mod read;
mod unpack;
mod write;

pub use count::{Counted, Judged};
pub use letter::{report_id, report_letter};
pub use places::{Place, agreed, places};
pub(crate) use read::{Unread, read};
pub(crate) use unpack::unpacked;
pub use write::xml;

use crate::verify::Published;
use serde::{Deserialize, Serialize};

/// Rows of one report that are kept, written or read: what goes beyond is counted in [`DmarcReport::left_out`].
pub const ROWS_MAX: usize = 2_000;

/// Messages of one report. Each JSON reader knows numbers up to this one exactly (RFC 8259 §6).
const COUNT_MAX: u64 = (1 << 53) - 1;

/// A report. What others wrote is kept as text: nobody vouches for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DmarcReport {
    /// Who reports.
    pub organization: String,
    /// Whom to ask about it.
    pub email: String,
    /// More of that.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub contact: String,
    /// Unique among those of one who reports.
    pub report_id: String,
    /// Unix seconds.
    pub begin: i64,
    /// Unix seconds; the last one that counts.
    pub end: i64,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
    /// The program that made it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub generator: String,
    /// What was in DNS.
    pub policy: PolicyTold,
    /// Messages that are alike.
    pub rows: Vec<Row>,
    /// Messages in rows that are not here: there were more than [`ROWS_MAX`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// RFC 9990 §3.1.1.5. Empty: not told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct PolicyTold {
    pub domain: String,
    pub p: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sp: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub np: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub adkim: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub aspf: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub testing: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub fo: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pct: String,
}

impl From<&Published> for PolicyTold {
    fn from(published: &Published) -> Self {
        let mode = |strict: bool| if strict { "s" } else { "r" }.to_owned();
        let word = |wish: Option<crate::verify::Wish>| {
            wish.map_or_else(String::new, |wish| wish.word().to_owned())
        };
        Self {
            domain: published.domain.clone(),
            p: published.wish.word().to_owned(),
            // RFC 9990 §3.1.1.5: tags that are not there have their defaults.
            sp: word(published.below.or(Some(published.wish))),
            np: word(published.absent),
            adkim: mode(published.strict_dkim),
            aspf: mode(published.strict_spf),
            testing: if published.testing { "y" } else { "n" }.to_owned(),
            fo: published.options.clone(),
            pct: String::new(),
        }
    }
}

/// Messages that are alike (RFC 9990 §3.1.1.7).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Row {
    /// The peer.
    pub ip: String,
    /// How many.
    pub count: u64,
    /// `none`, `pass`, `quarantine` or `reject`.
    pub disposition: String,
    /// Whether DKIM passed, aligned: `pass` or `fail`.
    pub dkim: String,
    /// The same of SPF.
    pub spf: String,
    /// Why the policy was not followed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// The author's domain.
    pub header_from: String,
    /// That of the reverse-path, empty where that is; `None`: not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envelope_from: Option<String>,
    /// That of the recipients; `None`: not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envelope_to: Option<String>,
    /// Each signature.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Signature>,
    /// What SPF said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub senders: Vec<Sender>,
}

/// RFC 9990 §3.1.1.13.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct Reason {
    pub kind: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

/// RFC 9990 §3.1.1.11.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct Signature {
    pub domain: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub selector: String,
    pub result: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// RFC 9990 §3.1.1.12.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct Sender {
    pub domain: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scope: String,
    pub result: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
}

impl Row {
    /// RFC 7489 §3: either was enough.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.dkim == "pass" || self.spf == "pass"
    }
}

impl DmarcReport {
    /// Messages, and those of them that passed.
    #[must_use]
    pub fn sums(&self) -> (u64, u64) {
        let all = self.rows.iter().map(|row| row.count);
        let passed = self.rows.iter().filter(|row| row.passed());
        let sum = |n: u64, more: u64| n.saturating_add(more);
        (
            all.fold(self.left_out, sum),
            passed.map(|row| row.count).fold(0, sum),
        )
    }

    /// Whether its numbers can be: no server has had more messages than [`COUNT_MAX`].
    fn can_be_counted(&self) -> bool {
        let counts = self.rows.iter().map(|row| row.count);
        let sum = counts.fold(self.left_out, u64::saturating_add);
        sum <= COUNT_MAX
    }
}

#[cfg(test)]
mod tests;
