//! What relaying needs of DNS; `server` implements it.

use formats::address::DomainName;
use std::future::Future;
use std::net::IpAddr;

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
}
