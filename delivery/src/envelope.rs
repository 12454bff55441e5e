//! Envelope: reverse-path and recipients of a transaction (RFC 5321 §3.3).

use formats::address::Address;
use serde::{Deserialize, Serialize};

/// RFC 5321 §4.5.5: null for bounces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum ReversePath {
    #[default]
    Null,
    Address(Address),
}

/// One recipient with its DSN parameters (RFC 3461 §4), kept as given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Recipient {
    pub address: Address,
    pub notify: Option<String>,
    pub orcpt: Option<String>,
}

/// What the sender of a message asks of TLS, all the way (RFC 8689).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsWish {
    /// Nothing: each hop does what its next one's policy says.
    #[default]
    None,
    /// RFC 8689 §2 `REQUIRETLS`: only under verified TLS, and only to who promises the same.
    Required,
    /// RFC 8689 §3 `TLS-Required: No`: rather in the clear than not at all, whatever the recipient's domain asks for.
    Waived,
}

/// A transaction's envelope.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Envelope {
    pub from: ReversePath,
    pub recipients: Vec<Recipient>,
    /// RFC 3461 §4.4.
    pub envid: Option<String>,
    /// FULL or HDRS.
    pub ret: Option<String>,
    /// RFC 6531.
    pub smtputf8: bool,
    /// RFC 6152 BODY=8BITMIME.
    pub eight_bit: bool,
    /// RFC 6710 §2: -9 to 9, as its sender asked; 0 where nobody did.
    pub priority: i8,
    /// RFC 8689.
    pub tls: TlsWish,
    /// RFC 4865: not before this time, Unix seconds. The item's rows have it, not its envelope.
    #[serde(skip)]
    pub release_at: Option<i64>,
}
