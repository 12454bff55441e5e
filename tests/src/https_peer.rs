//! A program elsewhere that is called over HTTPS: one request at a time, each answered by what is made of it.

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

/// What was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The line of the request and the fields.
    pub head: String,
    pub body: Vec<u8>,
}

impl Asked {
    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<String> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(':'));
        let found = fields.find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim().to_owned())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// `None`: it broke off.
    fn read(stream: &mut impl Read) -> Option<Self> {
        let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            let length = stream.read(&mut buffer).ok().filter(|length| *length > 0)?;
            all.extend_from_slice(&buffer[..length]);
            let Some(end) = all.windows(4).position(|four| four == b"\r\n\r\n") else {
                continue;
            };
            let asked = Self {
                head: String::from_utf8_lossy(&all[..end]).into_owned(),
                body: all[end + 4..].to_vec(),
            };
            let size = asked.field("content-length");
            let size = size.map_or(Some(0), |size| size.parse::<usize>().ok())?;
            if asked.body.len() >= size {
                return Some(asked);
            }
        }
    }
}

/// Listens on 127.0.0.1, under this certificate and key (PEM files); `answer` gives the whole response. Its address.
pub fn listen(
    chain: &Path,
    key: &Path,
    answer: impl Fn(Asked) -> String + Send + 'static,
) -> SocketAddr {
    let chain = CertificateDer::pem_file_iter(chain).unwrap();
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            let Some(asked) = Asked::read(&mut stream) else {
                continue;
            };
            let _ = stream.write_all(answer(asked).as_bytes());
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    address
}
