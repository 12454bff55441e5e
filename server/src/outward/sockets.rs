//! Connections to other mail servers, and the client's side of TLS.

use super::config::Relay;
use super::dane;
use super::reports::Reports;
use super::sts::Policies;
use anyhow::Context as _;
use delivery::tls_report::Session;
use formats::address::DomainName;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use smtp::relay::{Dane, Fault, Insecure, Trust, Wire, mta_sts};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Where systems keep the authorities that they trust.
const AUTHORITIES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// A connection, in the clear or not.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {
    /// Version and cipher, under TLS.
    fn tls(&self) -> Option<String>;
}

impl Stream for TcpStream {
    fn tls(&self) -> Option<String> {
        None
    }
}

impl Stream for UnixStream {
    fn tls(&self) -> Option<String> {
        None
    }
}

impl Stream for TlsStream<Box<dyn Stream>> {
    fn tls(&self) -> Option<String> {
        Some(crate::tls::words(self.get_ref().1))
    }
}

/// Makes connections from the configured addresses.
pub struct Sockets {
    sources: Vec<IpAddr>,
    provider: Arc<CryptoProvider>,
    anybody: TlsConnector,
    named: TlsConnector,
    authorities: Vec<CertificateDer<'static>>,
    policies: Option<Policies>,
    reports: Option<Arc<Reports>>,
}

impl Sockets {
    /// Errors: the authorities cannot be read.
    pub fn new(config: &Relay) -> anyhow::Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let begin = || {
            ClientConfig::builder_with_provider(Arc::clone(&provider))
                .with_safe_default_protocol_versions()
        };
        let anybody = begin()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(Arc::clone(&provider))))
            .with_no_client_auth();
        let authorities = authorities(config)?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(authorities.iter().cloned());
        let named = begin()?.with_root_certificates(roots).with_no_client_auth();
        Ok(Self {
            sources: config.sources.clone(),
            provider: Arc::clone(&provider),
            anybody: Arc::new(anybody).into(),
            named: Arc::new(named).into(),
            authorities,
            policies: None,
            reports: None,
        })
    }

    /// The authorities by whose word others are verified.
    pub fn authorities(&self) -> &[CertificateDer<'static>] {
        &self.authorities
    }

    /// From now on it is counted how TLS goes.
    #[must_use]
    pub fn with_reports(mut self, reports: Arc<Reports>) -> Self {
        self.reports = Some(reports);
        self
    }

    /// From now on domains are asked for their MTA-STS policies.
    #[must_use]
    pub fn with_policies(mut self, policies: Policies) -> Self {
        self.policies = Some(policies);
        self
    }
}

impl Sockets {
    /// One of its own for each peer: nothing is resumed that others' records vouched for.
    fn dane(&self, dane: &Arc<Dane>) -> Result<TlsConnector, String> {
        let provider = || Arc::clone(&self.provider);
        let verifier = dane::Verifier::new(Arc::clone(dane), provider());
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Arc::new(config).into())
    }
}

impl Wire for Sockets {
    type Stream = Box<dyn Stream>;

    async fn connect(&self, to: SocketAddr) -> io::Result<Self::Stream> {
        let socket = if to.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        let own = self.sources.iter().find(|ip| ip.is_ipv4() == to.is_ipv4());
        if let Some(own) = own {
            socket.bind(SocketAddr::new(*own, 0))?;
        }
        let stream = socket.connect(to).await?;
        // Replies are awaited: what is written is to go at once.
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }

    async fn connect_here(&self, socket: &Path) -> io::Result<Self::Stream> {
        Ok(Box::new(UnixStream::connect(socket).await?))
    }

    fn tls(&self, stream: &Self::Stream) -> Option<String> {
        stream.tls()
    }

    async fn sts(&self, domain: &DomainName) -> Option<Arc<mta_sts::Policy>> {
        self.policies.as_ref()?.of(domain).await
    }

    fn told(&self, domain: &DomainName, session: Session) {
        if let Some(reports) = &self.reports {
            reports.count(domain, session);
        }
    }

    async fn secure(
        &self,
        stream: Self::Stream,
        name: &str,
        trust: &Trust,
    ) -> Result<Self::Stream, Insecure> {
        let connector = match trust {
            Trust::Anybody => &self.anybody,
            Trust::Named => &self.named,
            Trust::Dane(dane) => &self.dane(dane).map_err(other)?,
        };
        let name =
            ServerName::try_from(name.to_owned()).map_err(|error| other(error.to_string()))?;
        match connector.connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(Insecure {
                fault: fault(&error),
                why: words(&error),
            }),
        }
    }
}

fn other(why: String) -> Insecure {
    let fault = Fault::Other;
    Insecure { fault, why }
}

/// Why a handshake failed, as people are told it; our own verifier's words without the library's before them.
fn words(error: &io::Error) -> String {
    let inner = error.get_ref();
    let inner = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if let Some(rustls::Error::InvalidCertificate(wrong)) = inner {
        return format!("its certificate is not good: {}", wrong_with(wrong));
    }
    let text = error.to_string();
    match text.strip_prefix("unexpected error: ") {
        Some(own) => own.to_owned(),
        None => text,
    }
}

/// What is wrong with a certificate. What the library only knows by a name of its own comes without its wrappings.
fn wrong_with(wrong: &CertificateError) -> String {
    use CertificateError as Wrong;
    let said = match wrong {
        Wrong::BadEncoding => "it cannot be read",
        Wrong::Expired => "it has expired",
        Wrong::NotValidYet => "its time has not begun",
        Wrong::Revoked => "it was revoked",
        Wrong::UnknownIssuer => "it comes from an authority that is not known here",
        Wrong::BadSignature => "its signature does not fit",
        Wrong::NotValidForName => "it is for another name",
        Wrong::InvalidPurpose => "it is not for a server",
        // What says more is well said by the library: times, and the names that it is for.
        Wrong::ExpiredContext { .. }
        | Wrong::NotValidYetContext { .. }
        | Wrong::NotValidForNameContext { .. } => return wrong.to_string(),
        other => {
            let name = format!("{other:?}");
            let name = name.trim_end_matches(')');
            let name = name.rsplit('(').next().unwrap_or(name);
            return match name {
                "CaUsedAsEndEntity" => {
                    "it is that of an authority (CA), which must not be a server's own".into()
                }
                "EndEntityUsedAsCa" => "it was signed by one that is no authority".into(),
                name => name.to_owned(),
            };
        }
    };
    said.to_owned()
}

/// What is wrong with a peer, by the error that the handshake ended with.
fn fault(error: &io::Error) -> Fault {
    use rustls::{CertificateError as Wrong, Error};
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(Error::InvalidCertificate(wrong)) => match wrong {
            Wrong::Expired
            | Wrong::ExpiredContext { .. }
            | Wrong::NotValidYet
            | Wrong::NotValidYetContext { .. } => Fault::Expired,
            Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => Fault::OtherName,
            _ => Fault::Untrusted,
        },
        // Our own verifier's.
        Some(Error::General(_)) => Fault::Untrusted,
        _ => Fault::Other,
    }
}

/// The authorities of verified routes and of letters that require TLS. Where there is no such route the server starts
/// without them, too.
pub(crate) fn authorities(config: &Relay) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    match read_authorities(config) {
        Err(error) if !config.verifies() && config.authorities.as_os_str().is_empty() => {
            tracing::info!(%error, "no certificate of another server can be verified but by DANE");
            Ok(Vec::new())
        }
        read => read,
    }
}

fn read_authorities(config: &Relay) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let own = &config.authorities;
    let path = if own.as_os_str().is_empty() {
        AUTHORITIES.iter().map(Path::new).find(|path| path.exists())
    } else {
        Some(own.as_path())
    };
    let path = path.context(
        "relay.authorities: this system keeps no authorities where they are looked for; name a PEM file",
    )?;
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let read = read.with_context(|| format!("relay.authorities: {}", path.display()))?;
    let (good, _) = RootCertStore::empty().add_parsable_certificates(read.iter().cloned());
    anyhow::ensure!(
        good > 0,
        "relay.authorities: {} holds no certificate of an authority",
        path.display()
    );
    Ok(read)
}

/// RFC 7435 §3: takes any certificate. Who only listens hears nothing; who stands between is not kept out.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_certificate_is_said_in_words() {
        let check = |wrong: CertificateError, expected: &str| {
            let error = io::Error::other(rustls::Error::InvalidCertificate(wrong));
            let told = words(&error);
            assert!(told.starts_with("its certificate is not good: "), "{told}");
            assert!(told.contains(expected), "{told}");
            assert!(!told.contains("Other"), "{told}");
        };
        let other = |name: Named| CertificateError::Other(rustls::OtherError(Arc::new(name)));
        check(CertificateError::Expired, "expired");
        check(other(Named::CaUsedAsEndEntity), "authority (CA)");
        check(other(Named::EndEntityUsedAsCa), "no authority");
        check(
            other(Named::PathLenConstraintViolated),
            "PathLenConstraintViolated",
        );
        let plain = io::Error::other(rustls::Error::General("DANE: no".into()));
        assert_eq!(words(&plain), "DANE: no");
    }

    /// As the library that verifies names them.
    #[derive(Debug)]
    enum Named {
        CaUsedAsEndEntity,
        EndEntityUsedAsCa,
        PathLenConstraintViolated,
    }

    impl std::fmt::Display for Named {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{self:?}")
        }
    }

    impl std::error::Error for Named {}
}
