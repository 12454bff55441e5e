//! Which way mail for elsewhere leaves: to the hosts of its domain, or to a host that a route names.

use directory::Secret;
use formats::address::DomainName;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

/// How mail leaves this server.
#[derive(Debug, Clone)]
pub struct Outward {
    /// Routes by domain; the one that fits best counts.
    pub routes: Vec<Route>,
    /// Whether mail that no route takes goes to the hosts of its domain; otherwise it waits.
    pub direct: bool,
    /// Whether our own mail is signed (DKIM), by the keys of its domain.
    pub sign: bool,
    /// Messages under way at once.
    pub jobs_max: usize,
    /// Messages under way at once to one next hop.
    pub jobs_per_hop: usize,
}

/// A way for some domains.
#[derive(Debug, Clone)]
pub struct Route {
    /// Whose mail takes it.
    pub domains: Vec<Pattern>,
    /// Where it goes.
    pub host: Arc<SmartHost>,
}

/// Which domains a route is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// All.
    Any,
    /// All below this one.
    Below(DomainName),
    /// This one.
    Only(DomainName),
}

impl Pattern {
    /// Reads `*`, `.gov.vn` or `tinh.gov.vn`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        match text.strip_prefix('.') {
            Some(above) => DomainName::parse(above).ok().map(Self::Below),
            None => DomainName::parse(text).ok().map(Self::Only),
        }
    }

    /// How well it fits; `None`: not at all.
    fn fits(&self, domain: &DomainName) -> Option<usize> {
        match self {
            Self::Any => Some(0),
            Self::Below(above) => {
                let rest = domain.as_str().strip_suffix(above.as_str())?;
                (rest.len() > 1 && rest.ends_with('.')).then_some(above.as_str().len())
            }
            Self::Only(only) => (only == domain).then_some(usize::MAX),
        }
    }
}

/// What is asked of TLS on the way to a smart host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Security {
    /// RFC 3207: where it is offered; nobody is verified.
    Opportunistic,
    /// STARTTLS, whoever answers.
    Encrypted,
    /// STARTTLS, with a certificate for the host's name.
    Verified,
    /// RFC 8314 §3.3: TLS from the first octet, with a certificate for the host's name.
    Immediate,
}

/// What a host that an operator named speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Speaks {
    /// RFC 5321: it takes the message for all, and keeps it.
    #[default]
    Smtp,
    /// RFC 2033: it has the mailboxes, and tells of each recipient.
    Lmtp,
}

/// A host that takes mail for others from us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmartHost {
    /// A name, or an address; with LMTP also the path of a socket of this machine, from `/` on.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What it speaks.
    pub speaks: Speaks,
    /// What is asked of TLS.
    pub security: Security,
    /// Name and secret of our account there; only ever sent under TLS.
    pub login: Option<(String, Secret)>,
}

/// A host that an administrator named for one letter, instead of the way that its domains have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detour {
    /// A name, or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What is asked of TLS.
    pub security: Security,
}

impl Detour {
    /// Whether host and port can be.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        let named = DomainName::parse(&self.host).is_ok_and(|name| !name.is_literal());
        self.port > 0 && (named || self.host.parse::<IpAddr>().is_ok())
    }

    pub(crate) fn via(&self) -> Via {
        Via::Host(Arc::new(SmartHost {
            host: self.host.clone(),
            port: self.port,
            speaks: Speaks::Smtp,
            security: self.security,
            login: None,
        }))
    }
}

/// The way of a letter's next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    /// RFC 5321 §5.1: the domain's mail exchangers.
    Mx(DomainName),
    /// A route's host.
    Host(Arc<SmartHost>),
}

/// Names a next hop. Mail for the same one shares its connections, and its troubles.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hop(Arc<str>);

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl SmartHost {
    /// The socket of this machine that it is, instead of a host.
    #[must_use]
    pub fn socket(&self) -> Option<&Path> {
        self.host.starts_with('/').then(|| Path::new(&self.host))
    }
}

impl Via {
    /// Its name.
    #[must_use]
    pub fn hop(&self) -> Hop {
        Hop(match self {
            Self::Mx(domain) => domain.as_str().into(),
            Self::Host(host) => {
                let account = host.login.as_ref().map_or("", |(name, _)| name);
                // A connection that one route is content with may be too little for another.
                let security = match host.security {
                    Security::Opportunistic => "",
                    Security::Encrypted => " encrypted",
                    Security::Verified => " verified",
                    Security::Immediate => " immediate",
                };
                let speaks = match host.speaks {
                    Speaks::Smtp => "",
                    Speaks::Lmtp => " lmtp",
                };
                format!("{account}@{}:{}{security}{speaks}", host.host, host.port).into()
            }
        })
    }
}

impl Outward {
    /// The way for a domain; `None`: there is none, mail waits.
    #[must_use]
    pub fn via(&self, domain: &DomainName) -> Option<Via> {
        let best = self.routes.iter().filter_map(|route| {
            let fit = route.domains.iter().filter_map(|p| p.fits(domain)).max()?;
            Some((fit, &route.host))
        });
        // Of two that fit alike the first counts.
        let best = best.reduce(|a, b| if b.0 > a.0 { b } else { a });
        match best {
            Some((_, host)) => Some(Via::Host(host.clone())),
            None if self.direct => Some(Via::Mx(domain.clone())),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(domains: &[&str], host: &str) -> Route {
        Route {
            domains: domains.iter().map(|d| Pattern::parse(d).unwrap()).collect(),
            host: Arc::new(SmartHost {
                host: host.into(),
                port: 25,
                speaks: Speaks::Smtp,
                security: Security::Opportunistic,
                login: None,
            }),
        }
    }

    #[test]
    fn the_route_that_fits_best_is_taken() {
        let mut outward = Outward {
            routes: vec![
                route(&[".vn"], "c"),
                route(&[".gov.vn", "edu.vn"], "b"),
                route(&["tinh.gov.vn"], "a"),
            ],
            direct: true,
            sign: true,
            jobs_max: 1,
            jobs_per_hop: 1,
        };
        let check = |outward: &Outward, domain: &str, hop: Option<&str>| {
            let via = outward.via(&DomainName::parse(domain).unwrap());
            let got = via.map(|via| via.hop().to_string());
            assert_eq!(got.as_deref(), hop, "{domain}");
        };
        check(&outward, "Tinh.gov.vn", Some("@a:25"));
        check(&outward, "x.tinh.gov.vn", Some("@b:25"));
        check(&outward, "gov.vn", Some("@c:25"));
        check(&outward, "edu.vn", Some("@b:25"));
        check(&outward, "xgov.vn", Some("@c:25"));
        check(&outward, "vn", Some("vn"));
        check(&outward, "example.net", Some("example.net"));
        outward.direct = false;
        check(&outward, "example.net", None);
        outward.routes.push(route(&["*"], "d"));
        check(&outward, "example.net", Some("@d:25"));
        assert_eq!(Pattern::parse("a b"), None);
        assert_eq!(Pattern::parse("."), None);
    }
}
