//! What relaying, and looking at who sent a message, need of DNS; `server` implements it.

use formats::address::DomainName;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

/// A mail exchanger of a domain (RFC 5321 §5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailHost {
    /// The lower, the sooner.
    pub preference: u16,
    /// Without a dot at its end; empty for the root, with which a domain says that it takes no mail (RFC 7505 §3).
    pub name: String,
}

/// The mail exchangers of a domain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailHosts {
    /// As DNS gave them.
    pub hosts: Vec<MailHost>,
    /// DNSSEC vouches for the answer, from a key that the operator trusts down to the record (RFC 4035 §4.3).
    pub secure: bool,
}

/// RFC 6698 §2.1: what a host says in DNS of its certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Tlsa {
    pub usage: u8,
    pub selector: u8,
    pub matching: u8,
    pub data: Vec<u8>,
}

/// A host's records, for which DNSSEC vouches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tlsas {
    /// RFC 7672 §2.2.3: the TLSA base domain, under whose name they were found.
    pub base: String,
    /// At least one.
    pub records: Vec<Tlsa>,
}

/// Why DNS gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookupError {
    /// There is no such name.
    NoName,
    /// No answer, or one that cannot be used: later, perhaps. In words.
    Failed(String),
}

/// Finds where a domain's mail goes. Names come in the order in which DNS gave them, and within its limits.
pub trait Resolver: Send + Sync {
    /// The domain's mail exchangers; empty where the name is there without any.
    fn mail_hosts(
        &self,
        domain: &DomainName,
    ) -> impl Future<Output = Result<MailHosts, LookupError>> + Send;

    /// A host's addresses, of both families; empty where the name is there without any.
    fn addresses(
        &self,
        host: &str,
    ) -> impl Future<Output = Result<Vec<IpAddr>, LookupError>> + Send;

    /// TXT records of a name, the strings of each joined; empty where the name is there without any.
    fn texts(&self, _name: &str) -> impl Future<Output = Result<Vec<String>, LookupError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Names of an address (PTR); nobody vouches that they lead back to it.
    fn names_of(
        &self,
        _ip: IpAddr,
    ) -> impl Future<Output = Result<Vec<String>, LookupError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// RFC 7672 §2.2: what a host says of the certificate of its mail service. `None`: DNSSEC does not vouch for any
    /// such records, because there are none or because its zone is not signed. Errors: it is not known, since an answer
    /// did not come or is forged; then nothing may be sent there (§2.1.1).
    fn tlsa(&self, _host: &str) -> impl Future<Output = Result<Option<Tlsas>, LookupError>> + Send {
        async { Ok(None) }
    }
}

impl<R: Resolver> Resolver for Arc<R> {
    fn mail_hosts(
        &self,
        domain: &DomainName,
    ) -> impl Future<Output = Result<MailHosts, LookupError>> + Send {
        (**self).mail_hosts(domain)
    }

    fn addresses(
        &self,
        host: &str,
    ) -> impl Future<Output = Result<Vec<IpAddr>, LookupError>> + Send {
        (**self).addresses(host)
    }

    fn texts(&self, name: &str) -> impl Future<Output = Result<Vec<String>, LookupError>> + Send {
        (**self).texts(name)
    }

    fn names_of(
        &self,
        ip: IpAddr,
    ) -> impl Future<Output = Result<Vec<String>, LookupError>> + Send {
        (**self).names_of(ip)
    }

    fn tlsa(&self, host: &str) -> impl Future<Output = Result<Option<Tlsas>, LookupError>> + Send {
        (**self).tlsa(host)
    }
}
