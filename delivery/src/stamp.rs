//! RFC 5321 §4.4 trace header: what is put before a message on its way in.

use crate::header::Header;
use crate::trace::Id;
use crate::{Envelope, Origin, Refused, ReversePath};
use formats::address::Address;
use formats::date;
use formats::message::header;
use std::borrow::Cow;
use std::net::IpAddr;

/// Viet Nam has one zone and no summer time; minutes east of Greenwich.
pub(crate) const ZONE_MIN: i32 = 7 * 60;

/// Fifteen letters and digits that name one acceptance, in reply, Received, log and timeline. `now`: Unix seconds.
pub(crate) fn trace_id(now: i64) -> Result<String, Refused> {
    let mut random = [0u8; 5];
    getrandom::fill(&mut random).map_err(no_random)?;
    Ok(Id::new(now, random).to_string())
}

/// A delivery id that no other delivery has, also after the queue was empty and its ids began anew.
pub(crate) fn delivery_id() -> Result<u64, Refused> {
    let id = getrandom::u64().map_err(no_random)?;
    Ok(id | 1)
}

fn no_random(error: getrandom::Error) -> Refused {
    Refused::Failed(format!("no random numbers: {error}"))
}

/// Who stamps, as what, when.
pub(crate) struct Stamp<'a> {
    pub(crate) host: &'a str,
    pub(crate) trace: &'a str,
    /// Unix seconds.
    pub(crate) now: i64,
    /// RFC 6409 §8.1: the Sender that a submission lacks.
    pub(crate) sender: Option<&'a Address>,
    /// RFC 8601: what was found out of who sent it, a whole field; empty: it was not looked at.
    pub(crate) results: &'a str,
}

impl Stamp<'_> {
    /// The message as it is stored: trace header, what a submission lacked, then the octets as received (I-12).
    pub(crate) fn apply(
        &self,
        envelope: &Envelope,
        origin: &Origin,
        header: &Header,
        content: &[u8],
    ) -> Vec<u8> {
        let mut content = Cow::Borrowed(content);
        let mut head = format!("Return-Path: <{}>\r\n", envelope.from);
        // RFC 8601 §4: above the trace field of the host that says it.
        head.push_str(self.results);
        self.received(envelope, origin, &mut head);
        if let Origin::Submitted { .. } = origin {
            // RFC 6409 §8.2 and §8.3.
            if !header.has_date {
                head.push_str(&format!("Date: {}\r\n", date::rfc5322(self.now, ZONE_MIN)));
            }
            if header.message_id.is_none() {
                head.push_str(&format!("Message-ID: {}\r\n", self.message_id()));
            }
            if let Some(sender) = self.sender {
                head.push_str(&format!("Sender: <{sender}>\r\n"));
            }
            // RFC 5322 §3.6.3: those named in Bcc are not to be seen.
            if header.has_bcc {
                for name in ["Bcc", "Resent-Bcc"] {
                    content = Cow::Owned(header::remove_field(&content, name));
                }
            }
            // RFC 5321 §4.4: who originates a message does not say what the last server is to say, nor where it has been.
            for (there, name) in [
                (header.has_return_path, "Return-Path"),
                (header.has_delivered_to, "Delivered-To"),
            ] {
                if there {
                    content = Cow::Owned(header::remove_field(&content, name));
                }
            }
        }
        let mut whole = Vec::with_capacity(head.len() + content.len());
        whole.extend_from_slice(head.as_bytes());
        whole.extend_from_slice(&content);
        whole
    }

    /// Message-ID given to what comes without.
    pub(crate) fn message_id(&self) -> String {
        format!("<{}@{}>", self.trace, self.host)
    }

    /// The Message-ID that `apply` adds.
    pub(crate) fn own_message_id(&self, origin: &Origin) -> Option<String> {
        matches!(origin, Origin::Submitted { .. }).then(|| self.message_id())
    }

    /// Time-stamp-line = "Received:" From-domain By-domain Opt-info ";" date-time.
    fn received(&self, envelope: &Envelope, origin: &Origin, head: &mut String) {
        let (ip, helo, with) = match origin {
            Origin::Remote { ip, helo, with, .. } => (Some(*ip), helo.as_str(), *with),
            Origin::Submitted { ip, helo, with, .. } => (*ip, helo.as_str(), *with),
            Origin::Generated => return,
        };
        head.push_str("Received: from ");
        head.push_str(&plain(helo));
        if let Some(ip) = ip {
            match ip.to_canonical() {
                IpAddr::V4(v4) => head.push_str(&format!(" ([{v4}])")),
                IpAddr::V6(v6) => head.push_str(&format!(" ([IPv6:{v6}])")),
            }
        }
        head.push_str(&format!(
            "\r\n\tby {} with {with} id {}",
            self.host, self.trace
        ));
        // RFC 6710 §4.1.
        if envelope.priority != 0 {
            head.push_str(&format!("\r\n\tPRIORITY {}", envelope.priority));
        }
        // RFC 5321 §7.6: naming one of several recipients would show the blind ones.
        if let [only] = envelope.recipients.as_slice() {
            head.push_str(&format!("\r\n\tfor <{}>", only.address));
        }
        head.push_str(&format!(";\r\n\t{}\r\n", date::rfc5322(self.now, ZONE_MIN)));
    }
}

/// A greeting as it may stand in a header: what is no domain or literal becomes `?`.
fn plain(helo: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    let name: String = helo
        .chars()
        .map(|c| if fits(c) { c } else { '?' })
        .collect();
    if name.is_empty() {
        "unknown".into()
    } else {
        name
    }
}

impl std::fmt::Display for ReversePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Address(address) => address.fmt(f),
        }
    }
}
