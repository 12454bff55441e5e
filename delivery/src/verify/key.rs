//! RFC 6376 §3.6: a domain's public key in DNS, and whether a signature is good by it.

use super::tags::{Tags, dense};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};

/// Octets of a key record that is read.
const RECORD_MAX: usize = 4 * 1024;

/// A signature's algorithm (RFC 8301 §3.1: not SHA-1; RFC 8463).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    RsaSha256,
    Ed25519Sha256,
}

impl Algorithm {
    /// `a=`.
    pub(super) fn read(text: &str) -> Option<Self> {
        match text {
            "rsa-sha256" => Some(Self::RsaSha256),
            "ed25519-sha256" => Some(Self::Ed25519Sha256),
            _ => None,
        }
    }

    const fn key_type(self) -> &'static str {
        match self {
            Self::RsaSha256 => "rsa",
            Self::Ed25519Sha256 => "ed25519",
        }
    }
}

/// A key that may be used.
#[derive(Debug)]
pub(super) struct Key {
    algorithm: Algorithm,
    octets: Vec<u8>,
    /// `t=s`: `i=` must be of the very domain.
    pub(super) strict: bool,
}

impl Key {
    /// RFC 6376 §6.1.2. Errors: why it cannot be used.
    pub(super) fn read(text: &str, algorithm: Algorithm) -> Result<Self, &'static str> {
        let bad = "the key record cannot be read";
        let tags = Some(text).filter(|text| text.len() <= RECORD_MAX);
        let tags = tags.and_then(Tags::read).ok_or(bad)?;
        let has = |list: &str, word: &str| list.split(':').any(|one| one.trim() == word);
        if tags
            .get("v")
            .is_some_and(|v| v != "DKIM1" || tags.first() != Some("v"))
        {
            return Err(bad);
        }
        if tags.get("k").unwrap_or("rsa") != algorithm.key_type() {
            return Err("the key is of another kind");
        }
        if tags.get("h").is_some_and(|hashes| !has(hashes, "sha256")) {
            return Err("the key is for other hashes");
        }
        if tags
            .get("s")
            .is_some_and(|services| !has(services, "*") && !has(services, "email"))
        {
            return Err("the key is not for mail");
        }
        let public = dense(tags.get("p").ok_or(bad)?);
        if public.is_empty() {
            return Err("the key is revoked");
        }
        let octets = STANDARD.decode(public).map_err(|_| bad)?;
        Ok(Self {
            octets: match algorithm {
                Algorithm::RsaSha256 => rsa(&octets).to_vec(),
                Algorithm::Ed25519Sha256 => octets,
            },
            algorithm,
            strict: tags.get("t").is_some_and(|flags| has(flags, "s")),
        })
    }

    /// Whether it made this signature over `data`, of which the hash `digest` is signed (RFC 8463 §3 signs the hash).
    pub(super) fn has_signed(&self, data: &[u8], digest: &[u8], signature: &[u8]) -> bool {
        match self.algorithm {
            Algorithm::RsaSha256 => {
                let rsa = &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY;
                let key = UnparsedPublicKey::new(rsa, &self.octets);
                key.verify(data, signature).is_ok()
            }
            Algorithm::Ed25519Sha256 => {
                let key = UnparsedPublicKey::new(&ED25519, &self.octets);
                key.verify(digest, signature).is_ok()
            }
        }
    }
}

/// The RSAPublicKey in a SubjectPublicKeyInfo (RFC 5280 §4.1), which is what records have; some have it bare.
fn rsa(octets: &[u8]) -> &[u8] {
    fn inner(octets: &[u8]) -> Option<&[u8]> {
        let (outer, _) = der(octets, 0x30)?;
        let (_, rest) = der(outer, 0x30)?;
        let (bits, _) = der(rest, 0x03)?;
        bits.strip_prefix(&[0])
    }
    inner(octets).unwrap_or(octets)
}

/// The content of a DER value of this tag, and what follows it.
fn der(octets: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = octets.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0x00..=0x7f => (usize::from(*length), rest),
        0x81 | 0x82 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x0f))?;
            let length = bytes.iter().fold(0, |sum, b| sum << 8 | usize::from(*b));
            (length, rest)
        }
        _ => return None,
    };
    (*first == tag)
        .then(|| rest.split_at_checked(length))
        .flatten()
}
