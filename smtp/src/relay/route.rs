//! RFC 5321 §5.1: from a job to the hosts that take it, and from a host's name to its addresses and to what is asked
//! of TLS with it.

use super::dane::Dane;
use super::demand::{Demand, Policy};
use super::mta_sts::{self, Mode};
use super::target::{self, Nowhere};
use super::told;
use super::wire::{Trust, Wire};
use super::{DNS_S, Missed, Relay, is_public};
use crate::sender::Tls;
use delivery::{Job, LookupError, MailHosts, Resolver, Security, SmartHost, Speaks, TlsWish, Via};
use formats::address::DomainName;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// RFC 5321 §4.5.4.1: where mail exchangers listen.
const SMTP: u16 = 25;

/// Stands for a socket of this machine, which has a path instead.
pub(super) const HERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A host to ask.
pub(super) struct Target {
    /// Its name, or its address; or the path of a socket of this machine, whose address is [`HERE`].
    pub(super) name: String,
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) demand: Demand,
    pub(super) login: Option<(String, directory::Secret)>,
    /// RFC 2033.
    pub(super) lmtp: bool,
}

/// The names of the hosts to ask, in order.
pub(super) struct Way {
    pub(super) names: Vec<String>,
    /// DNSSEC says that they are the domain's.
    secure: bool,
    /// The host bears the domain's own name, which nobody needs to vouch for.
    own: bool,
    /// RFC 8461: what the domain says of them.
    sts: Option<Arc<mta_sts::Policy>>,
}

impl Way {
    fn new(names: Vec<String>, secure: bool) -> Self {
        Self {
            names,
            secure,
            own: false,
            sts: None,
        }
    }

    /// Whether it is certain that this host takes the domain's mail.
    fn vouches_for(&self, name: &str) -> bool {
        self.secure || self.own || self.sts.as_ref().is_some_and(|sts| sts.permits(name))
    }
}

impl<R: Resolver, W: Wire> Relay<R, W> {
    /// The hosts that take it.
    pub(super) async fn way(&self, job: &Job, wish: TlsWish) -> Result<Way, Missed> {
        let domain = match &job.via {
            Via::Host(host) => return Ok(Way::new(vec![host.host.clone()], false)),
            Via::Mx(domain) => domain,
        };
        let mut way = self.exchangers(domain).await?;
        if wish != TlsWish::Waived && !domain.is_literal() {
            way.sts = self.wire.sts(domain).await;
        }
        Ok(way)
    }

    /// One of them, with its addresses.
    pub(super) async fn target(
        &self,
        job: &Job,
        way: &Way,
        name: &str,
        wish: TlsWish,
    ) -> Result<Target, Missed> {
        match &job.via {
            Via::Host(host) => self.smart_host(host, wish).await,
            Via::Mx(domain) => self.exchanger(domain, way, name, wish).await,
        }
    }

    /// RFC 5321 §5.1: the names of the hosts that take a domain's mail.
    async fn exchangers(&self, domain: &DomainName) -> Result<Way, Missed> {
        if domain.is_literal() {
            return Ok(Way::new(vec![literal(domain)], false));
        }
        let limit = Duration::from_secs(DNS_S);
        let found = match timeout(limit, self.resolver.mail_hosts(domain)).await {
            Ok(found) => found,
            Err(_) => Err(LookupError::Failed("no answer in time".into())),
        };
        let MailHosts { hosts, secure } = match found {
            Ok(found) => found,
            Err(LookupError::NoName) => {
                let why = format!("5.1.2 DNS knows no domain {domain}");
                return Err(Missed::Never(why));
            }
            Err(LookupError::Failed(why)) => {
                return Err(Missed::Now(format!("4.4.3 DNS for {domain}: {why}")));
            }
        };
        // RFC 5321 §5.1: without MX the domain is its own host.
        if hosts.is_empty() {
            let mut way = Way::new(vec![domain.as_str().to_owned()], secure);
            way.own = true;
            return Ok(way);
        }
        let mut own = self.settings.names.clone();
        own.push(self.settings.hello.clone());
        let mut random = self.settings.random;
        let names = target::hosts(hosts, &own, &mut random).map_err(|nowhere| {
            Missed::Never(match nowhere {
                Nowhere::Null => format!("5.1.10 {domain} takes no mail (null MX)"),
                Nowhere::Here => format!("5.4.6 mail for {domain} would come back to this server"),
            })
        })?;
        Ok(Way::new(names, secure))
    }

    /// A mail exchanger: what its domain and the sender ask of TLS, and never within our own network.
    async fn exchanger(
        &self,
        domain: &DomainName,
        way: &Way,
        name: &str,
        wish: TlsWish,
    ) -> Result<Target, Missed> {
        let found = self.lookup(name).await.map_err(Missed::Now)?;
        let public: Vec<IpAddr> = found.iter().copied().filter(|ip| is_public(*ip)).collect();
        if public.is_empty() {
            return Err(match found.first() {
                Some(ip) => Missed::Now(format!("4.4.4 {name} has no public address ({ip})")),
                None => {
                    let why = format!("5.1.2 DNS names no host for mail to {domain}");
                    Missed::Nowhere(match way.own {
                        true => why,
                        false => format!("{why}: {name} has no address"),
                    })
                }
            });
        }
        Ok(Target {
            addresses: sockets(public, SMTP),
            demand: self.demand(domain, way, name, wish).await?,
            name: name.to_owned(),
            login: None,
            lmtp: false,
        })
    }

    /// What is asked of TLS with a mail exchanger: by its own DNS, else by the sender, else what can be had.
    async fn demand(
        &self,
        domain: &DomainName,
        way: &Way,
        name: &str,
        wish: TlsWish,
    ) -> Result<Demand, Missed> {
        if wish == TlsWish::Waived {
            return Ok(Demand::opportunistic(Policy::Waived));
        }
        let enforced = way.sts.as_ref().filter(|sts| sts.mode == Mode::Enforce);
        let required = wish == TlsWish::Required;
        // RFC 8689 §4.2.1 (2): whoever forges DNS could name a host of his own, with a good certificate.
        if required && !way.vouches_for(name) {
            return Err(Missed::Unfit(format!(
                "5.7.10 the sender requires TLS (REQUIRETLS), and nothing vouches that {name} takes mail for {domain}"
            )));
        }
        let dane = self.dane(domain, way, name).await?;
        // Records that cannot be used verify nobody, which the others ask for.
        let strict = required || enforced.is_some();
        let dane = dane.filter(|demand| !strict || demand.trust != Trust::Anybody);
        // RFC 8461 §4.1, §5: to no other host, however its name was signed; but DANE goes before it (§2).
        let by_dane = way.secure && dane.is_some();
        if let Some(sts) = enforced.filter(|sts| !by_dane && !sts.permits(name)) {
            self.tell_not_named(domain, sts, name);
            let why = format!("4.7.5 MTA-STS: {domain} does not name {name} as a host of its mail");
            return Err(Missed::Now(why));
        }
        if let Some(demand) = dane {
            return Ok(demand);
        }
        let told = match &way.sts {
            Some(sts) => told::sts(domain, sts),
            None => told::no_policy(domain),
        };
        let (tls, trust, policy) = match (&way.sts, required) {
            (Some(_), _) if enforced.is_some() => (Tls::Must, Trust::Named, Policy::MtaSts),
            (_, true) => (Tls::Must, Trust::Named, Policy::Required),
            // RFC 8461 §5: what would fail is told, and goes all the same.
            (Some(sts), false) if sts.permits(name) => (Tls::May, Trust::Named, Policy::Testing),
            (Some(sts), false) => {
                self.tell_not_named(domain, sts, name);
                return Ok(Demand::opportunistic(Policy::Testing));
            }
            (None, false) => (Tls::May, Trust::Anybody, Policy::Opportunistic),
        };
        Ok(Demand {
            tls,
            trust,
            policy,
            vouched: way.vouches_for(name),
            told: Some(told),
        })
    }

    /// RFC 7672 §2.2: what the host's own DNS asks for.
    async fn dane(
        &self,
        domain: &DomainName,
        way: &Way,
        name: &str,
    ) -> Result<Option<Demand>, Missed> {
        if name.parse::<IpAddr>().is_ok() {
            return Ok(None);
        }
        let limit = Duration::from_secs(DNS_S);
        let found = match timeout(limit, self.resolver.tlsa(name)).await {
            Ok(Ok(found)) => found,
            // RFC 7672 §2.1.1: a host of which that is not known is not asked, lest somebody hides its records.
            Ok(Err(LookupError::Failed(why))) => {
                self.tell_dnssec(domain, name, &why);
                return Err(Missed::Now(format!("4.7.5 DANE for {name}: {why}")));
            }
            Ok(Err(LookupError::NoName)) => None,
            Err(_) => {
                let why = format!("4.7.5 DANE for {name}: no answer in time");
                return Err(Missed::Now(why));
            }
        };
        Ok(found.map(|found| {
            let next_hop = way.secure.then_some(domain.as_str());
            let dane = Dane::new(found, next_hop);
            Demand {
                tls: Tls::Must,
                told: Some(told::tlsa(domain, name, dane.as_ref())),
                // RFC 7672 §2.2: records that cannot be used still say that there is TLS.
                trust: dane.map_or(Trust::Anybody, |dane| Trust::Dane(Arc::new(dane))),
                policy: Policy::Dane,
                vouched: way.vouches_for(name),
            }
        }))
    }

    /// A host that the operator named.
    async fn smart_host(&self, host: &SmartHost, wish: TlsWish) -> Result<Target, Missed> {
        if host.socket().is_some() {
            return Ok(Target {
                name: host.host.clone(),
                addresses: vec![HERE],
                demand: Demand {
                    tls: Tls::Never,
                    trust: Trust::Anybody,
                    policy: Policy::Route,
                    vouched: true,
                    told: None,
                },
                login: None,
                lmtp: true,
            });
        }
        let found = self.lookup(&host.host).await.map_err(Missed::Now)?;
        if found.is_empty() {
            return Err(Missed::Now(format!("4.4.4 {} has no address", host.host)));
        }
        let (tls, trust) = match host.security {
            Security::Immediate => (Tls::On, Trust::Named),
            Security::Verified => (Tls::Must, Trust::Named),
            // RFC 8689 §4.2.1 (4).
            _ if wish == TlsWish::Required => (Tls::Must, Trust::Named),
            Security::Encrypted => (Tls::Must, Trust::Anybody),
            Security::Opportunistic => (Tls::May, Trust::Anybody),
        };
        Ok(Target {
            name: host.host.clone(),
            addresses: sockets(found, host.port),
            demand: Demand {
                tls,
                trust,
                policy: Policy::Route,
                vouched: true,
                told: None,
            },
            login: host.login.clone(),
            lmtp: host.speaks == Speaks::Lmtp,
        })
    }

    async fn lookup(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        if let Ok(ip) = name.parse() {
            return Ok(vec![ip]);
        }
        let limit = Duration::from_secs(DNS_S);
        match timeout(limit, self.resolver.addresses(name)).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(LookupError::NoName)) => Ok(Vec::new()),
            Ok(Err(LookupError::Failed(why))) => Err(format!("4.4.3 DNS for {name}: {why}")),
            Err(_) => Err(format!("4.4.3 DNS for {name}: no answer in time")),
        }
    }
}

fn sockets(found: Vec<IpAddr>, port: u16) -> Vec<SocketAddr> {
    let order = target::addresses(found).into_iter();
    order.map(|ip| SocketAddr::new(ip, port)).collect()
}

/// The address in an address literal (RFC 5321 §4.1.3).
fn literal(domain: &DomainName) -> String {
    let text = domain.as_str();
    let inside = text.trim_start_matches('[').trim_end_matches(']');
    inside.strip_prefix("IPv6:").unwrap_or(inside).to_owned()
}
