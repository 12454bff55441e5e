//! RFC 8460: what is counted of sessions with mail exchangers: under which policy, and what was wrong with their TLS.

use super::dane::Dane;
use super::mta_sts::{self, Mode};
use super::route::Target;
use super::wire::{Fault, Wire};
use super::{Job, Relay};
use delivery::tls_report::{Failures, PolicyTold, Session};
use delivery::{Resolver, Via};
use formats::address::DomainName;
use std::net::IpAddr;

/// RFC 8460 §4.3.2.2: a host that the policy does not name.
const NOT_NAMED: &str = "the policy does not name the host";

impl Fault {
    /// RFC 8460 §4.3.
    fn result_type(self) -> &'static str {
        match self {
            Self::Absent => "starttls-not-supported",
            Self::Expired => "certificate-expired",
            Self::OtherName => "certificate-host-mismatch",
            Self::Untrusted => "certificate-not-trusted",
            Self::Other => "validation-failure",
        }
    }
}

/// The domain says nothing.
pub(super) fn no_policy(domain: &DomainName) -> PolicyTold {
    PolicyTold {
        policy_type: "no-policy-found".into(),
        policy_domain: domain.to_string(),
        ..PolicyTold::default()
    }
}

/// RFC 8460 §4.2: the lines of the policy file.
pub(super) fn sts(domain: &DomainName, policy: &mta_sts::Policy) -> PolicyTold {
    let mode = match policy.mode {
        Mode::Enforce => "enforce",
        Mode::Testing => "testing",
        Mode::None => "none",
    };
    let mut lines = vec!["version: STSv1".to_owned(), format!("mode: {mode}")];
    lines.extend(policy.hosts.iter().map(|host| format!("mx: {host}")));
    lines.push(format!("max_age: {}", policy.max_age));
    PolicyTold {
        policy_type: "sts".into(),
        policy_string: lines,
        policy_domain: domain.to_string(),
        mx_host: policy.hosts.clone(),
    }
}

/// RFC 8460 §4.2: the records as a zone file writes them; none where they cannot be used or are not known.
pub(super) fn tlsa(domain: &DomainName, host: &str, dane: Option<&Dane>) -> PolicyTold {
    let records = dane.map(|dane| dane.records.as_slice()).unwrap_or_default();
    let lines = records.iter().map(|record| {
        let data: String = record.data.iter().map(|b| format!("{b:02x}")).collect();
        format!(
            "{} {} {} {data}",
            record.usage, record.selector, record.matching
        )
    });
    PolicyTold {
        policy_type: "tlsa".into(),
        policy_string: lines.collect(),
        policy_domain: domain.to_string(),
        mx_host: vec![host.to_owned()],
    }
}

/// A session that did not come about for the sake of TLS.
fn failed(kind: &str, host: &str, ip: Option<IpAddr>, why: &str) -> Failures {
    Failures {
        result_type: kind.to_owned(),
        receiving_mx_hostname: Some(host.to_owned()),
        receiving_ip: ip.map(|ip| ip.to_string()),
        failure_reason_code: (!why.is_empty()).then(|| why.to_owned()),
        ..Failures::default()
    }
}

impl<R: Resolver, W: Wire> Relay<R, W> {
    /// Counts a session with one host; `fault`: what was wrong with its TLS, and in words.
    pub(super) fn tell(
        &self,
        job: &Job,
        target: &Target,
        ip: IpAddr,
        fault: Option<(Fault, &str)>,
    ) {
        let (Via::Mx(domain), Some(policy)) = (&job.via, &target.demand.told) else {
            return;
        };
        let failure =
            fault.map(|(fault, why)| failed(fault.result_type(), &target.name, Some(ip), why));
        let policy = policy.clone();
        self.wire.told(domain, Session { policy, failure });
    }

    /// The host is not one that the domain's policy names.
    pub(super) fn tell_not_named(&self, domain: &DomainName, policy: &mta_sts::Policy, host: &str) {
        let failure = Some(failed("validation-failure", host, None, NOT_NAMED));
        let policy = sts(domain, policy);
        self.wire.told(domain, Session { policy, failure });
    }

    /// What DNS says of the host's certificate is forged, or not to be had.
    pub(super) fn tell_dnssec(&self, domain: &DomainName, host: &str, why: &str) {
        let failure = Some(failed("dnssec-invalid", host, None, why));
        let policy = tlsa(domain, host, None);
        self.wire.told(domain, Session { policy, failure });
    }
}
