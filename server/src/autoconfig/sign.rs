//! RFC 5652: signed data around a profile, by the key of the server's certificate.

use super::der::{self, INTEGER, NULL, OCTETS, OID, SEQUENCE, SET, TIME, ZERO};
use anyhow::Context as _;
use rustls::SignatureScheme;
use rustls::sign::SigningKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use std::path::Path;
use std::sync::Arc;

/// RFC 5652 §4: id-data.
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
/// RFC 5652 §5.1: id-signedData.
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// RFC 5652 §11.1: id-contentType.
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
/// RFC 5652 §11.2: id-messageDigest.
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
/// RFC 5652 §11.3: id-signingTime.
const SIGNING_TIME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x05];

/// How a key of one kind signs.
struct Way {
    scheme: SignatureScheme,
    /// RFC 5754 §2 digest.
    digest: &'static [u8],
    /// RFC 5754 §3, RFC 8419 §3 signature.
    signature: &'static [u8],
    /// RSA's parameters are NULL, the others have none.
    null: bool,
    hash: fn(&[u8]) -> Vec<u8>,
}

const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const SHA_384: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02];
const SHA_512: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03];

const WAYS: [Way; 4] = [
    Way {
        scheme: SignatureScheme::ECDSA_NISTP256_SHA256,
        digest: SHA_256,
        signature: &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
        null: false,
        hash: |octets| Sha256::digest(octets).to_vec(),
    },
    Way {
        scheme: SignatureScheme::ECDSA_NISTP384_SHA384,
        digest: SHA_384,
        signature: &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03],
        null: false,
        hash: |octets| Sha384::digest(octets).to_vec(),
    },
    Way {
        scheme: SignatureScheme::RSA_PKCS1_SHA256,
        digest: SHA_256,
        signature: &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b],
        null: true,
        hash: |octets| Sha256::digest(octets).to_vec(),
    },
    Way {
        scheme: SignatureScheme::ED25519,
        digest: SHA_512,
        signature: &[0x2b, 0x65, 0x70],
        null: false,
        hash: |octets| Sha512::digest(octets).to_vec(),
    },
];

/// Signs as the server.
pub(crate) struct Signer {
    chain: Vec<CertificateDer<'static>>,
    issuer_and_serial: Vec<u8>,
    key: Arc<dyn SigningKey>,
}

impl Signer {
    /// By the files of the TLS certificate. Errors name the file.
    pub(crate) fn load(certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .with_context(|| certificate.display().to_string())?;
        let secret =
            PrivateKeyDer::from_pem_file(key).with_context(|| key.display().to_string())?;
        let own = chain.first().context("no certificate")?;
        let issuer_and_serial = der::issuer_and_serial(own)
            .with_context(|| format!("{} cannot be read", certificate.display()))?;
        let key = rustls::crypto::ring::sign::any_supported_type(&secret)?;
        Ok(Self {
            chain,
            issuer_and_serial,
            key,
        })
    }

    /// RFC 5652 §5.1 SignedData over these octets, which are inside. `now_s`: Unix seconds, until 2049.
    pub(crate) fn sign(&self, content: &[u8], now_s: i64) -> anyhow::Result<Vec<u8>> {
        let way = WAYS.iter().find_map(|way| {
            let signer = self.key.choose_scheme(&[way.scheme])?;
            Some((way, signer))
        });
        let (way, signer) = way.context("the key of the certificate signs in no way known here")?;
        let parameters = if way.null {
            der::value(NULL, &[])
        } else {
            Vec::new()
        };
        let digest = der::of(SEQUENCE, &[&der::value(OID, way.digest)]);
        let signature = der::of(SEQUENCE, &[&der::value(OID, way.signature), &parameters]);
        let attributes = attributes(&(way.hash)(content), now_s);
        let signed = signer.sign(&der::value(SET, &attributes))?;
        let one = der::value(INTEGER, &[1]);
        let info = der::of(
            SEQUENCE,
            &[
                &one,
                &self.issuer_and_serial,
                &digest,
                &der::value(ZERO, &attributes),
                &signature,
                &der::value(OCTETS, &signed),
            ],
        );
        let inside = der::value(ZERO, &der::value(OCTETS, content));
        let chain: Vec<&[u8]> = self.chain.iter().map(AsRef::as_ref).collect();
        let data = der::of(
            SEQUENCE,
            &[
                &one,
                &der::value(SET, &digest),
                &der::of(SEQUENCE, &[&der::value(OID, DATA), &inside]),
                &der::value(ZERO, &chain.concat()),
                &der::value(SET, &info),
            ],
        );
        let wrapped = der::value(ZERO, &data);
        Ok(der::of(
            SEQUENCE,
            &[&der::value(OID, SIGNED_DATA), &wrapped],
        ))
    }
}

/// RFC 5652 §5.3 signedAttrs, in the order that DER wants of a set.
fn attributes(digest: &[u8], now_s: i64) -> Vec<u8> {
    let attribute = |oid: &[u8], content: &[u8]| {
        der::of(
            SEQUENCE,
            &[&der::value(OID, oid), &der::value(SET, content)],
        )
    };
    // `2026-11-22T00:00:00Z` as UTCTime: `261122000000Z`.
    let digits: String = formats::date::utc(now_s)
        .chars()
        .filter(char::is_ascii_digit)
        .skip(2)
        .collect();
    let time = der::value(TIME, format!("{digits}Z").as_bytes());
    let mut set = [
        attribute(CONTENT_TYPE, &der::value(OID, DATA)),
        attribute(SIGNING_TIME, &time),
        attribute(MESSAGE_DIGEST, &der::value(OCTETS, digest)),
    ];
    set.sort_unstable();
    set.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_sorted_and_timed() {
        let set = attributes(&[7; 32], 1_795_305_600);
        let text = String::from_utf8_lossy(&set);
        assert!(text.contains("261122000000Z"), "{text}");
        let first = der::first(&set).unwrap();
        let second = der::first(first.rest).unwrap();
        let third = der::first(second.rest).unwrap();
        assert!(first.all < second.all && second.all < third.all);
        assert!(third.rest.is_empty());
    }

    #[test]
    fn a_profile_is_signed_with_the_server_s_own_certificate() {
        let dir = tempfile::tempdir().unwrap();
        let files = crate::tls::own(dir.path(), &["localhost".to_owned()]).unwrap();
        let signer = Signer::load(&files.certificate, &files.key).unwrap();
        let signed = signer.sign(b"<plist/>", 1_795_305_600).unwrap();
        let whole = der::first(&signed).unwrap();
        assert_eq!((whole.tag, whole.all.len()), (SEQUENCE, signed.len()));
        let inside = |needle: &[u8]| signed.windows(needle.len()).any(|w| w == needle);
        assert!(inside(b"<plist/>") && inside(&signer.issuer_and_serial));
    }
}
