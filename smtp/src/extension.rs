//! RFC 5321 §4.1.1.1: the keywords of the EHLO reply, a row each.

use crate::receiver::{Service, Tls};
use delivery::RELEASE_MAX_S;
use formats::date;

/// What decides whether a keyword is offered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offer {
    pub(crate) service: Service,
    pub(crate) tls: Tls,
    pub(crate) size_max: u64,
    /// SCRAM is offered; whether it can bind the channel.
    pub(crate) scram: Option<bool>,
    /// Unix seconds now, where mail may be held for later.
    pub(crate) wall: Option<i64>,
}

impl Offer {
    fn signs_in(&self) -> bool {
        self.service == Service::Submission && self.tls == Tls::On
    }
}

/// One extension.
struct Row {
    keyword: &'static str,
    offered: fn(&Offer) -> bool,
}

/// SIZE (RFC 1870 §3) is printed with its number, the others as they stand.
const SIZE: &str = "SIZE";
/// FUTURERELEASE (RFC 4865 §3) with the longest interval and the last time.
const FUTURERELEASE: &str = "FUTURERELEASE";

const ROWS: [Row; 16] = [
    Row {
        keyword: SIZE,
        offered: |_| true,
    },
    // RFC 2920 §3.
    Row {
        keyword: "PIPELINING",
        offered: |_| true,
    },
    // RFC 6152 §1.
    Row {
        keyword: "8BITMIME",
        offered: |_| true,
    },
    // RFC 6531 §3.1.
    Row {
        keyword: "SMTPUTF8",
        offered: |_| true,
    },
    // RFC 2034 §4.
    Row {
        keyword: "ENHANCEDSTATUSCODES",
        offered: |_| true,
    },
    // RFC 3030 §2.
    Row {
        keyword: "CHUNKING",
        offered: |_| true,
    },
    // RFC 3030 §3.
    Row {
        keyword: "BINARYMIME",
        offered: |_| true,
    },
    // RFC 3461 §3.
    Row {
        keyword: "DSN",
        offered: |_| true,
    },
    // RFC 6710 §4.1: priorities are for who signed in.
    Row {
        keyword: "MT-PRIORITY",
        offered: |o| o.service == Service::Submission,
    },
    Row {
        keyword: FUTURERELEASE,
        offered: |o| o.service == Service::Submission && o.wall.is_some(),
    },
    // RFC 3207 §4: not once TLS is on.
    Row {
        keyword: "STARTTLS",
        offered: |o| o.tls == Tls::Offered,
    },
    // RFC 8689 §2: under TLS only; onward it is kept by `relay`.
    Row {
        keyword: "REQUIRETLS",
        offered: |o| o.tls == Tls::On,
    },
    // RFC 4954 §4: not in the clear, since PLAIN and LOGIN show the secret.
    Row {
        keyword: "AUTH PLAIN LOGIN",
        offered: |o| o.signs_in() && o.scram.is_none(),
    },
    // RFC 5802 §6: with -PLUS where the channel can be bound.
    Row {
        keyword: "AUTH SCRAM-SHA-256 PLAIN LOGIN",
        offered: |o| o.signs_in() && o.scram == Some(false),
    },
    Row {
        keyword: "AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN",
        offered: |o| o.signs_in() && o.scram == Some(true),
    },
    Row {
        keyword: "HELP",
        offered: |_| true,
    },
];

/// Prints the reply to EHLO.
pub(crate) fn print(host: &str, offer: &Offer, out: &mut Vec<u8>) {
    let rows: Vec<&Row> = ROWS.iter().filter(|row| (row.offered)(offer)).collect();
    out.extend_from_slice(format!("250-{host}\r\n").as_bytes());
    for (i, row) in rows.iter().enumerate() {
        let mark = if i + 1 == rows.len() { ' ' } else { '-' };
        let line = match row.keyword {
            SIZE => format!("250{mark}SIZE {}\r\n", offer.size_max),
            FUTURERELEASE => {
                let last = offer.wall.unwrap_or(0).saturating_add(RELEASE_MAX_S);
                format!(
                    "250{mark}{FUTURERELEASE} {RELEASE_MAX_S} {}\r\n",
                    date::utc(last)
                )
            }
            keyword => format!("250{mark}{keyword}\r\n"),
        };
        out.extend_from_slice(line.as_bytes());
    }
}
