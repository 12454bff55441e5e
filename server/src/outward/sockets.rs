//! Connections to other mail servers, and the client's side of TLS.

use super::config::Relay;
use anyhow::Context as _;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use smtp::relay::{Trust, Wire};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Where systems keep the authorities that they trust.
const AUTHORITIES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// A connection, in the clear or not.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {
    /// Version and cipher, under TLS.
    fn tls(&self) -> Option<String>;
}

impl Stream for TcpStream {
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
pub(crate) struct Sockets {
    sources: Vec<IpAddr>,
    anybody: TlsConnector,
    named: TlsConnector,
}

impl Sockets {
    /// Errors: the authorities cannot be read.
    pub(crate) fn new(config: &Relay) -> anyhow::Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let begin = || {
            ClientConfig::builder_with_provider(Arc::clone(&provider))
                .with_safe_default_protocol_versions()
        };
        let anybody = begin()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(Arc::clone(&provider))))
            .with_no_client_auth();
        let named = begin()?
            .with_root_certificates(authorities(config)?)
            .with_no_client_auth();
        Ok(Self {
            sources: config.sources.clone(),
            anybody: Arc::new(anybody).into(),
            named: Arc::new(named).into(),
        })
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

    fn tls(&self, stream: &Self::Stream) -> Option<String> {
        stream.tls()
    }

    async fn secure(
        &self,
        stream: Self::Stream,
        name: &str,
        trust: &Trust,
    ) -> Result<Self::Stream, String> {
        let connector = match trust {
            Trust::Anybody => &self.anybody,
            Trust::Named => &self.named,
        };
        let name = ServerName::try_from(name.to_owned()).map_err(|error| error.to_string())?;
        match connector.connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The authorities of verified routes; none are read where there is no such route.
fn authorities(config: &Relay) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if !config.verifies() {
        return Ok(roots);
    }
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
    let (good, _) = roots.add_parsable_certificates(read);
    anyhow::ensure!(
        good > 0,
        "relay.authorities: {} holds no certificate of an authority",
        path.display()
    );
    Ok(roots)
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
