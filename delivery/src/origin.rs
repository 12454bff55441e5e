//! Where a message comes from.

use directory::Access;
use std::net::IpAddr;

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
    },
    /// Made by the server itself: bounces, demo, reports.
    Generated,
}
