//! The `[inbound]` section.

use delivery::Enforcement;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How mail from outside is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Inbound {
    /// Whether DNS is asked who may send in a domain's name (SPF, DKIM, DMARC). Off in a network without DNS of the
    /// Internet.
    pub verify: bool,
    /// What becomes of mail that fails where its author's domain wishes so.
    pub dmarc: Enforcement,
    /// Whether domains that ask for it hear once a day, in numbers, what came in their name from where, and what became
    /// of it (DMARC reports). Off: what is counted tells others how much mail comes from there.
    pub dmarc_reports: bool,
    /// From whom these reports come, an address of a domain of this server; empty: postmaster of the default domain.
    pub dmarc_reports_from: String,
    /// Peers whose mail is not looked at: gateways that did so before, and this machine.
    pub trusted: Vec<IpAddr>,
}

impl Default for Inbound {
    fn default() -> Self {
        Self {
            verify: true,
            dmarc: Enforcement::default(),
            dmarc_reports: false,
            dmarc_reports_from: String::new(),
            trusted: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        }
    }
}

impl Inbound {
    /// Values that parse but cannot be: the key and what is expected.
    pub(crate) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let from = &self.dmarc_reports_from;
        if !from.is_empty() && formats::address::Address::parse(from).is_err() {
            return Err((
                "inbound.dmarc_reports_from",
                "expected an address such as \"dmarc@tinh.gov.vn\"",
            ));
        }
        if self.dmarc_reports && !self.verify {
            return Err((
                "inbound.dmarc_reports",
                "expected inbound.verify with it: of mail that is not looked at nothing can be told",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::parse;

    #[test]
    fn reports_need_an_address_and_something_to_tell() {
        let good = "[inbound]\ndmarc_reports = true\ndmarc_reports_from = \"bao@x.vn\"\n";
        assert!(parse(good, "c").unwrap().inbound.dmarc_reports);
        let check = |text: &str, says: &str| {
            let wrong = parse(text, "c").unwrap_err();
            assert!(wrong.reason.contains(says), "{text}: {wrong}");
        };
        check(
            "[inbound]\ndmarc_reports_from = \"ai\"\n",
            "an address such as",
        );
        check(
            "[inbound]\nverify = false\ndmarc_reports = true\n",
            "inbound.verify with it",
        );
    }
}
