//! RFC 6376 DKIM signatures, made when a message leaves: over the very octets that the peer gets, whatever had to be
//! encoded anew for it, and with the keys that are in DNS on that day however long the message waited. One signature
//! by each key of the domain, RSA and Ed25519 (RFC 8463 §6).
//!
//! Only what somebody submitted here or what the server itself says is signed; what came from elsewhere and goes on,
//! through a list say, is not ours to vouch for.

use crate::header;
use crate::spool::Record;
use crate::{Delivery, ReversePath};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use directory::SigningKey;
use formats::DomainName;
use formats::message::canonical::{RelaxedBody, lines_ended, relaxed_field, split};
use formats::message::header::{FIELDS_MAX, Field, fields};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::sync::Arc;

/// Fields of which each is signed and one more than there are (RFC 6376 §5.4.2), so that none can be added.
const OVERSIGNED: [&str; 10] = [
    "From",
    "To",
    "Cc",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];
/// Fields of which each is signed; lists and others on the way may add them where there are none.
const SIGNED: [&str; 8] = [
    "Sender",
    "In-Reply-To",
    "References",
    "Importance",
    "List-Id",
    "List-Unsubscribe",
    // RFC 8058 §4 asks for it.
    "List-Unsubscribe-Post",
    "Auto-Submitted",
];
/// Names in `h=`; a header with more fields of these names is not signed.
const NAMES_MAX: usize = 200;
/// Characters of one line of the signature.
const LINE_MAX: usize = 72;

/// What signs one message, chosen when it is leased.
#[derive(Debug, Clone)]
pub struct Signer {
    keys: Vec<Arc<SigningKey>>,
    /// RFC 6376 §3.5 `t=`, Unix seconds.
    at: i64,
}

impl Signer {
    /// By these keys, at this time (Unix seconds).
    #[must_use]
    pub const fn new(keys: Vec<Arc<SigningKey>>, at: i64) -> Self {
        Self { keys, at }
    }

    /// The DKIM-Signature fields that are to go before this message, each ended by CRLF. A line end that the message
    /// has as CR or LF alone counts as CRLF. Empty: it cannot be signed, which the log says. Reads all of it: for
    /// a blocking thread.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        // RFC 5322 §2.2.3: it would continue the field that is put before it.
        if matches!(message.first(), Some(b' ' | b'\t')) {
            tracing::warn!("not signed: white space before the first field");
            return Vec::new();
        }
        let (header, body) = split(message);
        let header = lines_ended(header);
        let all: Vec<Field<'_>> = fields(&header).collect();
        let names = names(&all);
        if all.len() >= FIELDS_MAX || names.len() > NAMES_MAX {
            tracing::warn!(fields = all.len(), "not signed: too many header fields");
            return Vec::new();
        }
        let body = STANDARD.encode(body_hash(body));
        let mut chosen = Vec::new();
        canonical(&all, &names, &mut chosen);
        let mut out = Vec::new();
        for key in &self.keys {
            let unsigned = self.field(key, &names, &body);
            let mut data = chosen.clone();
            own(&unsigned, &mut data);
            if let Some(signature) = key.sign(&data) {
                out.extend_from_slice(unsigned.as_bytes());
                out.extend_from_slice(folded(&STANDARD.encode(signature)).as_bytes());
                out.extend_from_slice(b"\r\n");
            }
        }
        out
    }

    /// The field as far as the value of `b=`, which comes last.
    fn field(&self, key: &SigningKey, names: &[&str], body: &str) -> String {
        let key = key.key();
        let mut field = format!(
            "DKIM-Signature: v=1; a={}; c=relaxed/relaxed; d={};\r\n\ts={}; t={};\r\n\th=",
            key.algorithm.name(),
            key.domain,
            key.selector,
            self.at
        );
        let mut width = 3;
        for (n, name) in names.iter().enumerate() {
            if n > 0 {
                field.push(':');
                width += 1;
                if width + name.len() > LINE_MAX {
                    field.push_str("\r\n\t");
                    width = 1;
                }
            }
            field.push_str(name);
            width += name.len();
        }
        let _ = write!(field, ";\r\n\tbh={body};\r\n\tb=");
        field
    }
}

/// RFC 6376 §3.5 `h=`: From first, each name as often as it is signed.
fn names(all: &[Field<'_>]) -> Vec<&'static str> {
    let count = |name: &str| all.iter().filter(|field| field.is(name)).count();
    let over = OVERSIGNED.iter().map(|name| (*name, count(name) + 1));
    let plain = SIGNED.iter().map(|name| (*name, count(name)));
    let each = over.chain(plain);
    each.flat_map(|(name, times)| std::iter::repeat_n(name, times.min(NAMES_MAX + 1)))
        .collect()
}

/// RFC 6376 §5.4.2: the fields of these names, of several of one name the last one first; those that are not there
/// are nothing.
fn canonical(all: &[Field<'_>], names: &[&str], out: &mut Vec<u8>) {
    for (n, name) in names.iter().enumerate() {
        let before = names[..n]
            .iter()
            .filter(|other| other.eq_ignore_ascii_case(name));
        let mut of_name = all.iter().rev().filter(|field| field.is(name));
        if let Some(field) = of_name.nth(before.count()) {
            relaxed_field(field.raw, out);
        }
    }
}

/// RFC 6376 §3.7: the signature's own field, without what `b=` says and without a line end.
fn own(field: &str, out: &mut Vec<u8>) {
    relaxed_field(field.as_bytes(), out);
    out.truncate(out.len() - 2);
}

/// RFC 6376 §3.7: over the body in its relaxed form, piece by piece.
fn body_hash(body: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut relaxed = RelaxedBody::default();
    relaxed.feed(body, &mut |piece| hash.update(piece));
    relaxed.finish(&mut |piece| hash.update(piece));
    hash.finalize().into()
}

/// Base64 in lines of a header field.
fn folded(text: &str) -> String {
    let lines = text.as_bytes().chunks(LINE_MAX);
    let lines: Vec<&str> = lines
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    lines.join("\r\n\t")
}

impl Delivery {
    /// Whether mail for elsewhere is signed.
    #[must_use]
    pub fn signs(&self) -> bool {
        self.inner
            .outward
            .as_ref()
            .is_some_and(|outward| outward.sign)
    }

    /// What signs this message when it leaves now. `d=` is the domain of From, or one above it that is ours: what
    /// DMARC (RFC 7489 §3.1.1) calls aligned.
    pub(crate) fn signer(&self, record: &Record, content: &[u8], now: i64) -> Option<Signer> {
        if !self.signs() || !is_ours(record, content) {
            return None;
        }
        let domain = author(content)?;
        let keys = self.inner.directory.signing_keys(&domain);
        (!keys.is_empty()).then(|| Signer::new(keys, now))
    }
}

/// Whether it was submitted here, or said by the server: only then is no Received of ours (`stamp`) its first field,
/// and its reverse-path is null. `content` is without Return-Path.
fn is_ours(record: &Record, content: &[u8]) -> bool {
    let null = record.envelope.from == ReversePath::Null;
    // What comes from outside begins with what this host found out of it, or with its Received.
    let from_outside = ["Received:", "Authentication-Results:"];
    let from_outside = from_outside
        .iter()
        .any(|name| content.starts_with(name.as_bytes()));
    record.submitter.is_some() || (null && !from_outside)
}

/// The domain of the first author.
fn author(content: &[u8]) -> Option<DomainName> {
    let header = header::Header::read(content);
    let first = header.from.into_iter().next()??;
    first.into_iter().next().map(|address| address.domain)
}

#[cfg(test)]
mod tests;
