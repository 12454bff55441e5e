//! Where a message comes from.

use crate::trace::{Whence, bounded};
use directory::Access;
use std::net::IpAddr;
use storage::AccountId;

/// Origin of a message at the door.
#[derive(Debug, Clone)]
pub enum Origin {
    /// From another server: only local recipients are taken.
    Remote {
        /// The peer.
        ip: IpAddr,
        /// As it greeted.
        helo: String,
        /// ESMTP, ESMTPS, UTF8SMTP… (RFC 3848).
        with: &'static str,
        /// Version and cipher, where the connection has TLS.
        tls: Option<String>,
    },
    /// From somebody signed in.
    Submitted {
        /// Who.
        access: Access,
        /// The peer, when there is one (JMAP submission inside the server has it too).
        ip: Option<IpAddr>,
        /// As it greeted.
        helo: String,
        /// ESMTPSA, JMAP.
        with: &'static str,
        /// Version and cipher, where the connection has TLS.
        tls: Option<String>,
    },
    /// Made by the server itself: bounces, demo, reports.
    Generated,
}

impl Origin {
    /// The same, as a timeline keeps it; `about`: the message that one made here reports on.
    pub(crate) fn whence(&self, about: Option<String>) -> Whence {
        match self {
            Self::Remote {
                ip,
                helo,
                with,
                tls,
            } => Whence::Remote {
                ip: *ip,
                helo: bounded(helo),
                with: (*with).to_owned(),
                tls: tls.clone(),
            },
            Self::Submitted {
                access,
                ip,
                helo,
                with,
                tls,
            } => Whence::Submitted {
                account: access.account(),
                ip: *ip,
                helo: bounded(helo),
                with: (*with).to_owned(),
                tls: tls.clone(),
            },
            Self::Generated => Whence::Generated { about },
        }
    }

    /// Who submitted.
    pub(crate) fn submitter(&self) -> Option<AccountId> {
        match self {
            Self::Submitted { access, .. } => Some(access.account()),
            Self::Remote { .. } | Self::Generated => None,
        }
    }
}

/// For the log.
impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Remote { ip, with, .. } => write!(f, "{ip} {with}"),
            Self::Submitted { access, with, .. } => {
                write!(f, "account {} {with}", access.account())
            }
            Self::Generated => f.write_str("generated"),
        }
    }
}
