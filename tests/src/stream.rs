//! A blocking connection, plain or TLS, with time limits, that reads lines and exact counts.

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a test waits for the server.
const PATIENCE: Duration = Duration::from_secs(60);

enum Inner {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Read for Inner {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

/// A connection to the server under test.
pub struct Stream {
    inner: BufReader<Inner>,
}

/// A TLS client that trusts this CA alone.
pub fn tls_config(ca: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

impl Stream {
    pub fn plain(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self {
            inner: BufReader::with_capacity(1 << 16, Inner::Plain(stream)),
        }
    }

    pub fn tls(address: SocketAddr, ca: &Path) -> Self {
        Self::plain(address).upgrade(ca)
    }

    /// As [`Stream::tls`], for one of many that share what they trust.
    pub fn tls_with(address: SocketAddr, tls: &Arc<ClientConfig>) -> Self {
        Self::plain(address).upgrade_with(tls)
    }

    /// Handshakes on a plain connection (after STARTTLS).
    pub fn upgrade(self, ca: &Path) -> Self {
        self.upgrade_with(&tls_config(ca))
    }

    fn upgrade_with(self, tls: &Arc<ClientConfig>) -> Self {
        let Inner::Plain(stream) = self.inner.into_inner() else {
            panic!("TLS already")
        };
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::clone(tls), name).unwrap();
        let tls = StreamOwned::new(connection, stream);
        Self {
            inner: BufReader::with_capacity(1 << 16, Inner::Tls(Box::new(tls))),
        }
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.try_write(bytes).unwrap();
    }

    pub fn try_write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self.inner.get_mut() {
            Inner::Plain(stream) => stream.write_all(bytes),
            Inner::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    /// One line with its end; empty when the server closed.
    pub fn line(&mut self) -> Vec<u8> {
        self.try_line().unwrap()
    }

    pub fn try_line(&mut self) -> std::io::Result<Vec<u8>> {
        let mut line = Vec::new();
        match self.inner.read_until(b'\n', &mut line) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(line),
            Err(error) => Err(error),
            Ok(_) => Ok(line),
        }
    }

    /// Whether there is nothing to read, not even the end; of TLS: no octet that was not decrypted.
    pub fn is_quiet(&mut self) -> bool {
        let socket = match self.inner.get_ref() {
            Inner::Plain(stream) => stream,
            Inner::Tls(stream) => &stream.sock,
        };
        socket.set_nonblocking(true).unwrap();
        let peeked = socket.peek(&mut [0]);
        socket.set_nonblocking(false).unwrap();
        let waits = peeked.is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock);
        self.inner.buffer().is_empty() && waits
    }

    /// Whatever is there, at least an octet; how many octets.
    pub fn more(&mut self, into: &mut Vec<u8>) -> usize {
        let there = self.inner.fill_buf().unwrap();
        let count = there.len();
        assert!(count > 0, "the server closed");
        into.extend_from_slice(there);
        self.inner.consume(count);
        count
    }

    pub fn exact(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.inner.read_exact(&mut bytes).unwrap();
        bytes
    }
}
