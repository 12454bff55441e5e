//! `[relay]` of congvu.toml: how mail for elsewhere leaves.

use anyhow::Context as _;
use delivery::{Outward, Pattern, Security, SmartHost, Speaks};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

/// Octets of a password file: longer is something else.
const PASSWORD_MAX: u64 = 4_096;

/// Octets of a socket's path: what systems take (sun_path).
const SOCKET_MAX: usize = 107;

/// How mail for elsewhere leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Relay {
    /// Whether mail that no route takes goes to the mail exchangers of its domain (MX); otherwise it waits.
    pub direct: bool,
    /// Whether mail of this server's domains is signed (DKIM) on its way out. Domains without keys get them at start.
    pub sign: bool,
    /// Messages under way at once: each may be a connection. Those that take long do not count, up to four times as many.
    pub messages_max: usize,
    /// The same to one destination; peers refuse those who come with too many.
    pub messages_per_destination: usize,
    /// Addresses of this machine to connect from, one of each family; empty: the system chooses.
    pub sources: Vec<IpAddr>,
    /// DNS servers to ask; empty: those of /etc/resolv.conf.
    pub name_servers: Vec<SocketAddr>,
    /// Whether what mail exchangers tell of their certificates in signed DNS (DANE) is asked for and kept to.
    pub dane: bool,
    /// File of the DNSKEY records from which DNSSEC is checked; empty: the keys of the root that the program knows.
    pub trust_anchors: PathBuf,
    /// Whether domains are asked over HTTPS which hosts take their mail, under which TLS (MTA-STS). Off: this server
    /// fetches nothing from elsewhere unless its operator says so.
    pub mta_sts: bool,
    /// Whether domains that ask for it hear once a day, in numbers, how TLS with their servers went (RFC 8460). Off:
    /// what is counted tells others how much mail goes there.
    pub tls_reports: bool,
    /// Authorities (PEM) whose certificates are good for verified routes; empty: the system's.
    pub authorities: PathBuf,
    /// Hosts that take mail for some domains, instead of their mail exchangers.
    pub routes: Vec<Route>,
}

impl Default for Relay {
    fn default() -> Self {
        Self {
            direct: true,
            sign: true,
            messages_max: 100,
            messages_per_destination: 10,
            sources: Vec::new(),
            name_servers: Vec::new(),
            dane: true,
            trust_anchors: PathBuf::new(),
            mta_sts: false,
            tls_reports: false,
            authorities: PathBuf::new(),
            routes: Vec::new(),
        }
    }
}

/// A host that takes mail for some domains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Route {
    /// `tinh.gov.vn`, `.gov.vn` (all below it) or `*`; of several routes the one that fits best counts.
    pub domains: Vec<String>,
    /// Its name or address, which may be one of the internal network; with `lmtp` also the path of a socket of this
    /// machine, such as `/run/dovecot/lmtp`.
    pub host: String,
    /// Its port; none with a socket.
    pub port: u16,
    /// What it speaks.
    pub protocol: RouteProtocol,
    /// What is asked of TLS.
    pub tls: RouteTls,
    /// Name of our account there; empty: none.
    pub user: String,
    /// File with its password, mode 0600.
    pub password_file: PathBuf,
}

impl Default for Route {
    fn default() -> Self {
        Self {
            domains: Vec::new(),
            host: String::new(),
            port: 587,
            protocol: RouteProtocol::default(),
            tls: RouteTls::default(),
            user: String::new(),
            password_file: PathBuf::new(),
        }
    }
}

/// What is asked of TLS on a route.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RouteTls {
    /// STARTTLS where it is offered.
    Opportunistic,
    /// STARTTLS, whoever answers.
    Encrypted,
    /// STARTTLS with a certificate for the host's name.
    #[default]
    Verified,
    /// TLS from the first octet with a certificate for the host's name (port 465).
    Immediate,
}

/// What the host of a route speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RouteProtocol {
    /// As mail servers do among each other.
    #[default]
    Smtp,
    /// RFC 2033: as a server that has the mailboxes; for those that are still elsewhere.
    Lmtp,
}

impl From<RouteProtocol> for Speaks {
    fn from(protocol: RouteProtocol) -> Self {
        match protocol {
            RouteProtocol::Smtp => Self::Smtp,
            RouteProtocol::Lmtp => Self::Lmtp,
        }
    }
}

impl From<RouteTls> for Security {
    fn from(tls: RouteTls) -> Self {
        match tls {
            RouteTls::Opportunistic => Self::Opportunistic,
            RouteTls::Encrypted => Self::Encrypted,
            RouteTls::Verified => Self::Verified,
            RouteTls::Immediate => Self::Immediate,
        }
    }
}

impl Relay {
    /// Values that parse but cannot be: the key and what is expected.
    pub(crate) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if !(1..=10_000).contains(&self.messages_max) {
            return Err(("relay.messages_max", "expected 1 to 10000"));
        }
        if !(1..=self.messages_max).contains(&self.messages_per_destination) {
            return Err((
                "relay.messages_per_destination",
                "expected at least 1, at most relay.messages_max",
            ));
        }
        for (n, source) in self.sources.iter().enumerate() {
            let same = |other: &IpAddr| other.is_ipv4() == source.is_ipv4();
            if self.sources[..n].iter().any(same) {
                return Err(("relay.sources", "expected one address of each family"));
            }
        }
        self.routes.iter().try_for_each(Route::check)
    }

    /// Whether any route asks who the host is.
    pub(crate) fn verifies(&self) -> bool {
        let asks = |route: &Route| {
            matches!(route.tls, RouteTls::Verified | RouteTls::Immediate) && !route.is_socket()
        };
        self.routes.iter().any(asks)
    }

    /// The same for the pipeline. Errors: a password cannot be read.
    pub(crate) fn outward(&self) -> anyhow::Result<Outward> {
        let routes = self.routes.iter().map(|route| {
            let patterns = route.domains.iter().filter_map(|d| Pattern::parse(d));
            anyhow::Ok(delivery::Route {
                domains: patterns.collect(),
                host: Arc::new(SmartHost {
                    host: route.host.clone(),
                    port: route.port,
                    speaks: route.protocol.into(),
                    security: route.tls.into(),
                    login: route.login()?,
                }),
            })
        });
        Ok(Outward {
            routes: routes.collect::<anyhow::Result<_>>()?,
            direct: self.direct,
            sign: self.sign,
            jobs_max: self.messages_max,
            jobs_per_hop: self.messages_per_destination,
        })
    }
}

impl Route {
    /// Whether its host is a socket of this machine.
    fn is_socket(&self) -> bool {
        self.host.starts_with('/') && self.host.len() <= SOCKET_MAX
    }

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let socket = self.protocol == RouteProtocol::Lmtp && self.is_socket();
        let is_host = socket
            || self.host.parse::<IpAddr>().is_ok()
            || formats::address::DomainName::parse(&self.host).is_ok_and(|name| !name.is_literal());
        if !is_host {
            return Err(("host", "expected the route's host, a name or an address"));
        }
        if self.port == 0 {
            return Err(("port", "expected the port of the route's host"));
        }
        // RFC 2033 §5.
        if self.protocol == RouteProtocol::Lmtp && self.port == 25 {
            return Err(("port", "expected another port than 25 for LMTP, such as 24"));
        }
        let good = |domain: &String| Pattern::parse(domain).is_some();
        if self.domains.is_empty() || !self.domains.iter().all(good) {
            return Err((
                "domains",
                "expected domains such as [\"tinh.gov.vn\"], [\".gov.vn\"] or [\"*\"]",
            ));
        }
        if socket && !self.user.is_empty() {
            return Err(("user", "expected no user where the host is a socket"));
        }
        if self.user.is_empty() != self.password_file.as_os_str().is_empty() {
            return Err((
                "user",
                "expected user and password_file together, or neither",
            ));
        }
        if !self.user.is_empty() && self.tls == RouteTls::Opportunistic {
            return Err((
                "tls",
                "expected TLS that is not optional where a password is sent",
            ));
        }
        Ok(())
    }

    fn login(&self) -> anyhow::Result<Option<(String, directory::Secret)>> {
        if self.user.is_empty() {
            return Ok(None);
        }
        let file = &self.password_file;
        let name = || format!("relay.routes: the password file {}", file.display());
        let length = std::fs::metadata(file).with_context(name)?.len();
        anyhow::ensure!(length <= PASSWORD_MAX, "{} is too long", name());
        let text = std::fs::read_to_string(file).with_context(name)?;
        let password = text.trim_end_matches(['\r', '\n']);
        anyhow::ensure!(!password.is_empty(), "{} is empty", name());
        Ok(Some((self.user.clone(), directory::Secret::new(password))))
    }
}

#[cfg(test)]
mod tests {
    use crate::config::parse;

    #[test]
    fn routes_are_read_and_checked() {
        let route = "[[relay.routes]]\ndomains = [\"*\"]\nhost = \"smtp.x.vn\"\n";
        let config = parse(route, "c").unwrap();
        assert_eq!(config.relay.routes[0].port, 587);
        assert!(config.relay.direct && config.relay.verifies());
        let check = |more: &str, says: &str| {
            let wrong = parse(&format!("{route}{more}"), "c").unwrap_err();
            assert!(wrong.reason.contains(says), "{more}: {wrong}");
        };
        check("user = \"u\"", "together");
        check(
            "user = \"u\"\npassword_file = \"p\"\ntls = \"opportunistic\"",
            "not optional",
        );
        check("port = 0", "port");
        let socket = "[[relay.routes]]\ndomains = [\"x.vn\"]\nhost = \"/run/dovecot/lmtp\"\n";
        let lmtp = format!("{socket}protocol = \"lmtp\"\n");
        let relay = parse(&lmtp, "c").unwrap().relay;
        assert!(!relay.verifies());
        let hop = relay.outward().unwrap().routes[0].host.clone();
        assert_eq!(
            hop.socket(),
            Some(std::path::Path::new("/run/dovecot/lmtp"))
        );
        check(socket, "a name or an address");
        check(&format!("{lmtp}port = 25\n"), "another port");
        check(
            &format!("{lmtp}user = \"u\"\npassword_file = \"p\"\n"),
            "no user",
        );
        check("[[relay.routes]]\nhost = \"a b\"", "a name or an address");
        check("[[relay.routes]]\nhost = \"10.0.0.1\"", "domains such as");
        check("[relay]\nmessages_max = 0", "");
        let wrong = parse("[relay]\nmessages_per_destination = 0", "c").unwrap_err();
        assert_eq!(wrong.place, "c:2:1");
    }

    #[test]
    fn a_password_is_read_from_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("p");
        let text = format!(
            "[[relay.routes]]\ndomains = [\"x.vn\"]\nhost = \"h\"\nuser = \"u\"\npassword_file = {:?}\n",
            file.display().to_string()
        );
        let relay = parse(&text, "c").unwrap().relay;
        assert!(relay.outward().is_err());
        std::fs::write(&file, "Mật khẩu\n").unwrap();
        let outward = relay.outward().unwrap();
        let (user, secret) = outward.routes[0].host.login.clone().unwrap();
        assert_eq!((user.as_str(), secret.expose()), ("u", "Mật khẩu"));
    }
}
