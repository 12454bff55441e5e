//! RFC 7672 §3.2: whether a server's certificate is one that its own DNS records name. No authority is asked.

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest as _, Sha256, Sha512};
use smtp::relay::Dane;
use smtp::relay::dane::{
    MATCHING_FULL, MATCHING_SHA256, MATCHING_SHA512, SELECTOR_CERT, USAGE_EE, USAGE_TA,
};
use std::sync::Arc;

/// Looks at the certificates of one server.
#[derive(Debug)]
pub(super) struct Verifier {
    dane: Arc<Dane>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    pub(super) fn new(dane: Arc<Dane>, provider: Arc<CryptoProvider>) -> Self {
        Self { dane, provider }
    }

    /// Whether a record of this usage names the certificate.
    fn names(&self, usage: u8, certificate: &CertificateDer<'_>) -> bool {
        let of_usage = self.dane.records.iter().filter(|r| r.usage == usage);
        of_usage.into_iter().any(|record| {
            let key;
            let octets: &[u8] = if record.selector == SELECTOR_CERT {
                certificate
            } else {
                let Ok(parsed) = ParsedCertificate::try_from(certificate) else {
                    return false;
                };
                key = parsed.subject_public_key_info();
                &key
            };
            match record.matching {
                MATCHING_FULL => record.data == octets,
                MATCHING_SHA256 => record.data == Sha256::digest(octets).as_slice(),
                MATCHING_SHA512 => record.data == Sha512::digest(octets).as_slice(),
                _ => false,
            }
        })
    }

    /// RFC 7671 §5.2: authorities that the records name, out of those that the server sent along, or as they stand in
    /// the records themselves.
    fn authorities(&self, sent: &[CertificateDer<'_>]) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        for certificate in sent.iter().filter(|c| self.names(USAGE_TA, c)) {
            let _ = roots.add(certificate.clone().into_owned());
        }
        for record in &self.dane.records {
            let whole = record.selector == SELECTOR_CERT && record.matching == MATCHING_FULL;
            if record.usage == USAGE_TA && whole {
                let _ = roots.add(CertificateDer::from(record.data.clone()));
            }
        }
        roots
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // RFC 7672 §3.1.1: the record alone binds the server to its key; names and dates do not count.
        if self.names(USAGE_EE, end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        let roots = self.authorities(intermediates);
        if roots.is_empty() {
            let why = "DANE: none of the host's TLSA records names its certificate";
            return Err(Error::General(why.into()));
        }
        let provider = Arc::clone(&self.provider);
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let chain = builder.build();
        let chain = chain.map_err(|error| Error::General(format!("DANE: {error}")))?;
        // RFC 7672 §3.2.2: one of the names will do.
        let mut last = Error::General("DANE: no name to look for".into());
        for name in &self.dane.names {
            let Ok(name) = ServerName::try_from(name.as_str()) else {
                continue;
            };
            let seen = (end_entity, intermediates, &name, ocsp_response);
            match chain.verify_server_cert(seen.0, seen.1, seen.2, seen.3, now) {
                Ok(good) => return Ok(good),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
