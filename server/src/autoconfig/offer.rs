//! What this server offers to mail clients: names and ports from the config.

use crate::config::Config;
use formats::address::DomainName;
use std::net::SocketAddr;

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) enum Kind {
    Imap,
    Pop3,
    Submission,
}

/// RFC 8314 §3: TLS from the first octet before STARTTLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) enum Security {
    Tls,
    StartTls,
}

/// One service, in the order in which it is recommended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) struct Service {
    pub(crate) kind: Kind,
    pub(crate) security: Security,
    pub(crate) port: u16,
}

/// Everything that a client must know.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) host: String,
    /// Of whom asks by the host's own name.
    pub(crate) default_domain: Option<DomainName>,
    pub(crate) services: Vec<Service>,
    /// Port of HTTPS, if there is one.
    pub(crate) https: Option<u16>,
}

fn port(addresses: &[SocketAddr]) -> Option<u16> {
    addresses.first().map(SocketAddr::port)
}

impl Offer {
    /// By this config.
    pub(crate) fn of(config: &Config) -> Self {
        let listen = &config.listen;
        let rows = [
            (Kind::Imap, Security::Tls, &listen.imaps),
            (Kind::Imap, Security::StartTls, &listen.imap),
            (Kind::Pop3, Security::Tls, &listen.pop3s),
            (Kind::Pop3, Security::StartTls, &listen.pop3),
            (Kind::Submission, Security::Tls, &listen.submissions),
            (Kind::Submission, Security::StartTls, &listen.submission),
        ];
        let services = rows.into_iter().filter_map(|(kind, security, addresses)| {
            Some(Service {
                kind,
                security,
                port: port(addresses)?,
            })
        });
        Self {
            host: config.server.host.clone(),
            default_domain: DomainName::parse(&config.server.default_domain).ok(),
            services: services.collect(),
            https: port(&listen.https),
        }
    }

    /// The services of one kind, the best first.
    pub(crate) fn all(&self, kind: Kind) -> impl Iterator<Item = Service> + '_ {
        self.services
            .iter()
            .copied()
            .filter(move |service| service.kind == kind)
    }

    /// The port of a service, if it is offered.
    pub(crate) fn port(&self, kind: Kind, security: Security) -> Option<u16> {
        self.all(kind)
            .find(|service| service.security == security)
            .map(|service| service.port)
    }

    /// `https://host` or `https://host:port`, without a last slash.
    pub(crate) fn site(&self) -> String {
        match self.https {
            Some(443) | None => format!("https://{}", self.host),
            Some(port) => format!("https://{}:{port}", self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_off_is_not_offered() {
        let mut config = Config::default();
        config.server.host = "mail.x.vn".into();
        let offer = Offer::of(&config);
        assert_eq!(offer.port(Kind::Imap, Security::Tls), Some(993));
        assert_eq!(offer.port(Kind::Submission, Security::StartTls), Some(587));
        assert_eq!(offer.all(Kind::Pop3).count(), 0);
        assert_eq!(offer.site(), "https://mail.x.vn");
        config.listen.pop3s = vec!["127.0.0.1:20995".parse().unwrap()];
        config.listen.imap.clear();
        config.listen.https = vec!["127.0.0.1:20443".parse().unwrap()];
        let offer = Offer::of(&config);
        assert_eq!(offer.port(Kind::Pop3, Security::Tls), Some(20995));
        assert_eq!(offer.port(Kind::Imap, Security::StartTls), None);
        assert_eq!(offer.site(), "https://mail.x.vn:20443");
    }
}
