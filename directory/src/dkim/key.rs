//! One key that signs mail: made, kept, used, and what DNS is to say of it.

use crate::Error;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use formats::address::DomainName;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::OnceLock;
use zeroize::Zeroize as _;

/// RFC 1035 §3.3: octets of one character-string of a TXT record.
const STRING_MAX: usize = 255;
/// `SEQUENCE { OBJECT IDENTIFIER rsaEncryption, NULL }`: what goes before the key in a SubjectPublicKeyInfo.
const RSA_ENCRYPTION: [u8; 15] = [
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];

/// With what a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// RFC 6376 §3.3.1 with a key of 2048 bits, as RFC 8301 §3.2 wants it.
    RsaSha256,
    /// RFC 8463 §3.
    Ed25519Sha256,
}

impl Algorithm {
    /// RFC 6376 §3.5 `a=`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RsaSha256 => "rsa-sha256",
            Self::Ed25519Sha256 => "ed25519-sha256",
        }
    }

    /// RFC 6376 §3.6.1 `k=`.
    const fn kind(self) -> &'static str {
        match self {
            Self::RsaSha256 => "rsa",
            Self::Ed25519Sha256 => "ed25519",
        }
    }

    /// The letter at the end of a selector.
    pub(super) const fn letter(self) -> char {
        match self {
            Self::RsaSha256 => 'r',
            Self::Ed25519Sha256 => 'e',
        }
    }
}

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DkimState {
    /// Its record is to be published; it does not sign yet.
    New,
    /// It signs.
    Signing,
    /// It signs no more; its record stays until then (Unix seconds), for letters that are on their way.
    Retiring {
        /// Unix seconds.
        until: i64,
    },
}

/// A key as people see it: nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DkimKey {
    /// Whose mail it signs.
    pub domain: DomainName,
    /// RFC 6376 §3.1: names it among the domain's keys.
    pub selector: String,
    /// With what it signs.
    pub algorithm: Algorithm,
    /// Where it stands.
    pub state: DkimState,
    /// When it was made, Unix seconds.
    pub made_at: i64,
    /// The public key as `p=` of its record has it, before base64.
    pub public: Vec<u8>,
}

impl DkimKey {
    /// RFC 6376 §3.6.2.1: where its record stands in DNS.
    #[must_use]
    pub fn record_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// RFC 6376 §3.6.1: what its record says.
    #[must_use]
    pub fn record(&self) -> String {
        let (kind, key) = (self.algorithm.kind(), STANDARD.encode(&self.public));
        format!("v=DKIM1; k={kind}; p={key}")
    }

    /// The same as a zone file writes it: a text of more than 255 octets in several strings.
    #[must_use]
    pub fn zone_line(&self) -> String {
        let record = self.record();
        // Base64 and the tags are ASCII.
        let strings = record.as_bytes().chunks(STRING_MAX);
        let quoted: Vec<String> = strings
            .map(|piece| format!("\"{}\"", String::from_utf8_lossy(piece)))
            .collect();
        format!("{}.\tIN TXT\t{}", self.record_name(), quoted.join(" "))
    }

    /// Whether this text of a TXT record at its name holds this key (RFC 6376 §3.6.1).
    #[must_use]
    pub fn is_published_by(&self, text: &str) -> bool {
        let own = STANDARD.encode(&self.public);
        let mut tags = text.split(';').filter_map(|tag| tag.split_once('='));
        tags.any(|(name, value)| {
            let value: String = value.split_ascii_whitespace().collect();
            name.trim() == "p" && value == own
        })
    }
}

/// Octets that nobody is shown; wiped when dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Private(Vec<u8>);

impl fmt::Debug for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// A key as its row keeps it. The row is sealed as every row is, in an encrypted store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DkimRow {
    pub(crate) key: DkimKey,
    /// RSA: PKCS #1; Ed25519: PKCS #8.
    private: Private,
}

impl DkimRow {
    /// The same in another state.
    pub(crate) fn turned(&self, state: DkimState) -> Self {
        let mut row = self.clone();
        row.key.state = state;
        row
    }
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Ed25519KeyPair),
}

/// A key that can sign.
pub struct SigningKey {
    pub(crate) row: DkimRow,
    /// Read when it is first needed; `None`: it cannot be.
    pair: OnceLock<Option<Pair>>,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.row.key.record_name())
    }
}

impl SigningKey {
    pub(crate) const fn new(row: DkimRow) -> Self {
        let pair = OnceLock::new();
        Self { row, pair }
    }

    /// What of it may be seen.
    #[must_use]
    pub const fn key(&self) -> &DkimKey {
        &self.row.key
    }

    /// The signature over what goes into the hash (RFC 6376 §3.7). `None`: the key cannot be read, which the log says.
    #[must_use]
    pub fn sign(&self, data: &[u8]) -> Option<Vec<u8>> {
        match self.pair.get_or_init(|| self.read()).as_ref()? {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                let random = SystemRandom::new();
                let signed = pair.sign(&RSA_PKCS1_SHA256, &random, data, &mut signature);
                signed.ok().map(|()| signature)
            }
            // RFC 8463 §3: what is signed is the hash.
            Pair::Ed25519(pair) => {
                let hash = ring::digest::digest(&ring::digest::SHA256, data);
                Some(pair.sign(hash.as_ref()).as_ref().to_vec())
            }
        }
    }

    fn read(&self) -> Option<Pair> {
        let private = &self.row.private.0;
        let pair = match self.row.key.algorithm {
            Algorithm::RsaSha256 => {
                RsaKeyPair::from_der(private).map(|pair| Pair::Rsa(Box::new(pair)))
            }
            Algorithm::Ed25519Sha256 => {
                Ed25519KeyPair::from_pkcs8_maybe_unchecked(private).map(Pair::Ed25519)
            }
        };
        pair.inspect_err(|error| tracing::error!(key = ?self, %error, "a key cannot be read"))
            .ok()
    }
}

/// Draws a key: its private and its public octets. RSA takes some tenths of a second of a core.
pub(super) fn draw(algorithm: Algorithm) -> Result<(Private, Vec<u8>), Error> {
    let failed = |what: &str| Error::from(storage::Error::Unavailable(what.into()));
    match algorithm {
        Algorithm::RsaSha256 => {
            let drawn = super::rsa::draw().ok_or_else(|| failed("no RSA key could be made"))?;
            let private = Private(drawn.to_vec());
            let pair = RsaKeyPair::from_der(&private.0).map_err(|_| failed("an RSA key"))?;
            Ok((private, public_key_info(pair.public_key().as_ref())))
        }
        Algorithm::Ed25519Sha256 => {
            let drawn = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
            let drawn = drawn.map_err(|_| failed("no Ed25519 key could be made"))?;
            let private = Private(drawn.as_ref().to_vec());
            let pair = Ed25519KeyPair::from_pkcs8(&private.0);
            let pair = pair.map_err(|_| failed("an Ed25519 key"))?;
            // RFC 8463 §4.2: the 32 octets themselves.
            Ok((private, pair.public_key().as_ref().to_vec()))
        }
    }
}

/// A row of a key that was just drawn.
pub(super) fn row(key: DkimKey, private: Private) -> DkimRow {
    DkimRow { key, private }
}

/// RFC 5280 §4.1 SubjectPublicKeyInfo: RFC 6376 §3.6.1 names RSAPublicKey, and its own examples (appendix C), all
/// signers and all verifiers wrap that in this.
fn public_key_info(key: &[u8]) -> Vec<u8> {
    let mut bits = vec![0];
    bits.extend_from_slice(key);
    let mut inside = RSA_ENCRYPTION.to_vec();
    inside.extend(tagged(0x03, &bits));
    tagged(0x30, &inside)
}

/// DER: tag, length, content of at most 65,535 octets.
pub(super) fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len() as u16;
    let [high, low] = length.to_be_bytes();
    let mut out = match length {
        0..=127 => vec![tag, low],
        128..=255 => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    fn key(algorithm: Algorithm, public: Vec<u8>, private: Private) -> SigningKey {
        let key = DkimKey {
            domain: DomainName::parse("x.vn").unwrap(),
            selector: "cv202611r".into(),
            algorithm,
            state: DkimState::Signing,
            made_at: 0,
            public,
        };
        SigningKey::new(row(key, private))
    }

    #[test]
    fn what_is_drawn_signs_and_its_record_verifies() {
        for algorithm in [Algorithm::RsaSha256, Algorithm::Ed25519Sha256] {
            let (private, public) = draw(algorithm).unwrap();
            let key = key(algorithm, public, private);
            let signature = key.sign(b"data").unwrap();
            let public = &key.key().public;
            let verified = match algorithm {
                // The key without its wrapping: 24 octets go before it.
                Algorithm::RsaSha256 => {
                    assert_eq!(
                        (public.len(), &public[..4]),
                        (294, &[0x30, 0x82, 1, 0x22][..])
                    );
                    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public[24..])
                        .verify(b"data", &signature)
                }
                Algorithm::Ed25519Sha256 => {
                    let hash = ring::digest::digest(&ring::digest::SHA256, b"data");
                    UnparsedPublicKey::new(&ED25519, public).verify(hash.as_ref(), &signature)
                }
            };
            assert!(verified.is_ok(), "{algorithm:?}");
            assert!(format!("{:?}", key.row).ends_with("private: *** }"));
            let line = key.key().zone_line();
            let strings: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
            assert_eq!(strings.concat(), key.key().record());
            assert!(strings.iter().all(|string| string.len() <= STRING_MAX));
            assert!(line.starts_with("cv202611r._domainkey.x.vn.\tIN TXT\t\"v=DKIM1; k="));
            assert!(key.key().is_published_by(&strings.concat()));
            let spaced = key
                .key()
                .record()
                .replace("; ", " ;\t")
                .replace("p=", "p = ");
            assert!(key.key().is_published_by(&spaced));
            assert!(!key.key().is_published_by("v=DKIM1; k=rsa; p="));
        }
    }

    #[test]
    fn a_key_that_cannot_be_read_signs_nothing() {
        let key = key(
            Algorithm::RsaSha256,
            Vec::new(),
            Private(b"no key".to_vec()),
        );
        assert_eq!(key.sign(b"data"), None);
        assert_eq!(key.sign(b"data"), None);
    }
}
