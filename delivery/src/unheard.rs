//! Reverse-paths to which nothing is told. What is told of a letter goes to its reverse-path, and in mail from outside
//! that is a claim: who forges somebody else's address would let this server write to him, with the forger's words in
//! it (backscatter; RFC 5321 §7.1, RFC 3464 §4.1). So it is told only where nothing speaks against the claim:
//!
//! | what was found out | is the reverse-path told? |
//! |---|---|
//! | SPF of the reverse-path passes | yes, whoever wrote the letter |
//! | SPF fails | no |
//! | DMARC of the author fails | no |
//! | it is an address of a domain here, and nobody signed in | no |
//! | anything else, or nothing was looked at | yes |
//!
//! Such a letter is taken as if its sender had asked to be told nothing (RFC 3461 §4.1 `NOTIFY=NEVER`): that holds over
//! restarts, for all that may become of it here, and at servers to which it goes on.

use crate::verify::{DmarcResult, SpfResult};
use crate::{Delivery, Enforcement, Envelope, Evidence, Origin, Recipient, ReversePath};
use formats::address::DomainName;

/// RFC 3461 §4.1.
pub(crate) const NEVER: &str = "NEVER";

/// Why the sender of a letter is told nothing; `None`: he is told what he asks for. `ours`: domains of this server.
pub(crate) fn why(
    from: &ReversePath,
    origin: &Origin,
    evidence: Option<&Evidence>,
    ours: impl FnOnce(&DomainName) -> bool,
) -> Option<&'static str> {
    let (Some(from), Origin::Remote { .. }, Some(evidence)) = (from.address(), origin, evidence)
    else {
        return None;
    };
    match (evidence.spf.result, evidence.dmarc.result) {
        (SpfResult::Pass, _) => None,
        (SpfResult::Fail, _) => Some("spf=fail"),
        (_, DmarcResult::Fail) => Some("dmarc=fail"),
        _ if ours(&from.domain) => Some("not signed in"),
        _ => None,
    }
}

impl Delivery {
    /// The same of a letter at the door.
    pub(crate) fn unheard(
        &self,
        envelope: &Envelope,
        origin: &Origin,
        seen: Option<&(Evidence, Enforcement)>,
    ) -> Option<&'static str> {
        let evidence = seen.map(|(evidence, _)| evidence);
        let ours = |domain: &DomainName| self.inner.directory.serves(domain);
        why(&envelope.from, origin, evidence, ours)
    }
}

/// Makes an envelope one of which nothing is told; what the timeline says of that.
pub(crate) fn silence(envelope: &mut Envelope, why: &str) -> String {
    for recipient in &mut envelope.recipients {
        recipient.notify = Some(NEVER.to_owned());
    }
    format!("the sender is told nothing ({why})")
}

/// Whether nothing is to be told of any recipient: then no other server has to know whom it could tell.
pub(crate) fn is_silent<'a>(recipients: impl IntoIterator<Item = &'a Recipient>) -> bool {
    let mut each = recipients.into_iter();
    each.all(|recipient| recipient.notify.as_deref() == Some(NEVER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::{Dmarc, Spf};
    use formats::address::Address;
    use std::net::{IpAddr, Ipv4Addr};

    #[test]
    fn who_may_be_forged_is_told_nothing() {
        let remote = Origin::Remote {
            ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9)),
            helo: String::new(),
            with: "ESMTP",
            tls: None,
        };
        let check = |from: &str, spf: SpfResult, dmarc: DmarcResult, expected: Option<&str>| {
            let from = Address::parse(from).map_or(ReversePath::Null, ReversePath::Address);
            let evidence = Evidence {
                spf: Spf {
                    result: spf,
                    ..Spf::default()
                },
                dmarc: Dmarc {
                    result: dmarc,
                    ..Dmarc::default()
                },
                ..Evidence::default()
            };
            let ours = |domain: &DomainName| domain.as_str() == "tinh.gov.vn";
            let got = why(&from, &remote, Some(&evidence), ours);
            assert_eq!(got, expected, "{from} {spf:?} {dmarc:?}");
            assert_eq!(why(&from, &remote, None, ours), None);
            let generated = Origin::Generated;
            assert_eq!(why(&from, &generated, Some(&evidence), ours), None);
        };
        use {DmarcResult as D, SpfResult as S};
        for other in [S::None, S::Neutral, S::SoftFail, S::TempError, S::PermError] {
            check("a@noi.vn", other, D::None, None);
            check("a@noi.vn", other, D::Pass, None);
            check("a@noi.vn", other, D::TempError, None);
            check("a@noi.vn", other, D::Fail, Some("dmarc=fail"));
            check("an@tinh.gov.vn", other, D::Pass, Some("not signed in"));
        }
        check("a@noi.vn", S::Fail, D::Pass, Some("spf=fail"));
        // The list elsewhere that broke its author's signature is who it says to be.
        check("ds@noi.vn", S::Pass, D::Fail, None);
        check("an@tinh.gov.vn", S::Pass, D::None, None);
        check("", S::Fail, D::Fail, None);
    }
}
