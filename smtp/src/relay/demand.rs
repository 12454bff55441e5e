//! What is asked of TLS with one host, on whose word, and what a connection then is worth.

use super::wire::Trust;
use crate::sender::Tls;
use delivery::tls_report::PolicyTold;
use delivery::{Job, ReversePath, TlsWish};
use std::fmt;

/// On whose word it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Nobody's: RFC 7435 §3, TLS where it is offered.
    Opportunistic,
    /// The host's, in its signed DNS (RFC 7672).
    Dane,
    /// The domain's, over HTTPS (RFC 8461).
    MtaSts,
    /// The same, on trial: it is looked at, and told of in reports.
    Testing,
    /// The operator's, who wrote the route.
    Route,
    /// The sender's, who waives what the recipient's domain asks for (RFC 8689 §3).
    Waived,
    /// The sender's alone (RFC 8689 §2): the recipient's domain asks for nothing.
    Required,
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Opportunistic => "opportunistic",
            Self::Dane => "DANE",
            Self::MtaSts => "MTA-STS",
            Self::Testing => "MTA-STS (testing)",
            Self::Route => "route",
            Self::Waived => "TLS-Required: No",
            Self::Required => "REQUIRETLS",
        })
    }
}

/// What is asked of TLS with one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Demand {
    pub(crate) tls: Tls,
    pub(crate) trust: Trust,
    pub(crate) policy: Policy,
    /// RFC 8689 §4.2.1 (2): the operator, DNSSEC or MTA-STS says that this host takes the domain's mail.
    pub(crate) vouched: bool,
    /// What is told of it in reports; `None`: nothing.
    pub(crate) told: Option<PolicyTold>,
}

impl Demand {
    /// RFC 7435 §3: better than nothing.
    pub(crate) fn opportunistic(policy: Policy) -> Self {
        Self {
            tls: Tls::May,
            trust: Trust::Anybody,
            policy,
            vouched: false,
            told: None,
        }
    }
}

/// What a connection is worth.
#[derive(Debug, Clone)]
pub(crate) struct Worth {
    /// Version and cipher of its TLS.
    pub(crate) tls: Option<String>,
    pub(crate) policy: Policy,
    /// The peer is the one that it should be, as [`Trust`] asks.
    pub(crate) verified: bool,
    vouched: bool,
}

impl Default for Worth {
    fn default() -> Self {
        Self::of(&Demand::opportunistic(Policy::Opportunistic), None, false)
    }
}

impl Worth {
    /// Of a connection that came about under this demand; `tls`: version and cipher, where they are known.
    pub(crate) fn of(demand: &Demand, tls: Option<String>, secured: bool) -> Self {
        Self {
            tls,
            policy: demand.policy,
            verified: secured && demand.trust != Trust::Anybody,
            vouched: demand.vouched,
        }
    }

    /// RFC 8689 §2: what a session must be in which REQUIRETLS may be said.
    pub(crate) fn is_assured(&self) -> bool {
        self.verified && self.vouched
    }

    /// For the timeline; `None`: in the clear, or nothing is known of it.
    pub(crate) fn words(&self) -> Option<String> {
        let tls = self.tls.as_ref()?;
        let verified = if self.verified {
            "verified"
        } else {
            "not verified"
        };
        Some(format!("{tls}; {}; {verified}", self.policy))
    }
}

/// What the sender asks that is to be kept on the way to the next hop.
pub(crate) fn wish(job: &Job) -> TlsWish {
    match (job.envelope.tls, &job.envelope.from) {
        // RFC 8689 §5: news of a failure rather goes unprotected than nowhere.
        (TlsWish::Required, ReversePath::Null) => TlsWish::None,
        (wish, _) => wish,
    }
}
