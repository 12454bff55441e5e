//! TLS: the acceptor for all services, from the operator's files or a certificate of our own making.

use anyhow::Context as _;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// Seconds that a handshake may take.
pub const HANDSHAKE_S: u64 = 20;

/// Acceptors by what is spoken inside: HTTP negotiates h2 or http/1.1 by ALPN, mail does not.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct Acceptors {
    pub mail: TlsAcceptor,
    pub http: TlsAcceptor,
    /// RFC 5929 §4.1: the certificate's hash, for channel binding; none where its signature names no one hash.
    pub end_point: Option<Arc<[u8]>>,
}

impl std::fmt::Debug for Acceptors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Acceptors")
    }
}

/// Reads PEM chain and key. Errors name the file.
pub fn load(certificate: &Path, key: &Path) -> anyhow::Result<Acceptors> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("certificate {}", certificate.display()))?;
    let end_point = chain.first().and_then(|leaf| end_point(leaf));
    let secret = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("private key {}", key.display()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .with_context(|| format!("{} and {}", certificate.display(), key.display()))?;
    let mut http = config.clone();
    http.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Acceptors {
        mail: Arc::new(config).into(),
        http: Arc::new(http).into(),
        end_point,
    })
}

/// Version and cipher in words: `TLSv1.3 TLS13_AES_256_GCM_SHA384`.
pub(crate) fn words(connection: &rustls::CommonState) -> String {
    let version = connection.protocol_version();
    let version = version.map_or_else(|| "TLS".to_owned(), |v| format!("{v:?}").replace('_', "."));
    match connection.negotiated_cipher_suite() {
        Some(suite) => format!("{version} {:?}", suite.suite()),
        None => version,
    }
}

/// What a TLS connection lends to SCRAM: RFC 9266 §2 `tls-exporter` of TLS 1.3 (with TLS 1.2 it would need the
/// extended master secret, which rustls does not tell of), RFC 5929 §4 `tls-server-end-point`.
pub fn channel(
    connection: &rustls::ServerConnection,
    end_point: Option<&Arc<[u8]>>,
) -> directory::sasl::Channel {
    let modern = connection.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3);
    let exporter = || {
        let label = b"EXPORTER-Channel-Binding";
        connection
            .export_keying_material([0; 32], label, Some(b""))
            .ok()
    };
    directory::sasl::Channel {
        exporter: modern.then(exporter).flatten(),
        end_point: end_point.cloned(),
    }
}

/// RFC 5929 §4.1: the certificate under the hash of its signature, SHA-256 for MD5 and SHA-1.
fn end_point(certificate: &[u8]) -> Option<Arc<[u8]>> {
    use sha2::Digest as _;
    // Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OBJECT IDENTIFIER … }, … }
    let (_, inside, _) = element(certificate)?;
    let (_, _, rest) = element(inside)?;
    let (_, algorithm, _) = element(rest)?;
    let (tag, oid, _) = element(algorithm)?;
    if tag != 6 {
        return None;
    }
    /// sha1-, sha256-, sha384-, sha512WithRSAEncryption.
    const RSA: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    /// ecdsa-with-SHA2.
    const ECDSA: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
    let bits = match (oid.strip_prefix(&RSA), oid.strip_prefix(&ECDSA)) {
        (Some([5 | 11]), _) | (_, Some([2])) => 256,
        (Some([12]), _) | (_, Some([3])) => 384,
        (Some([13]), _) | (_, Some([4])) => 512,
        _ => return None,
    };
    Some(match bits {
        256 => sha2::Sha256::digest(certificate).as_slice().into(),
        384 => sha2::Sha384::digest(certificate).as_slice().into(),
        _ => sha2::Sha512::digest(certificate).as_slice().into(),
    })
}

/// One DER element: its tag, its content, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (len, rest) = match *first {
        short @ 0..0x80 => (usize::from(short), rest),
        long => {
            let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            let len = digits.iter().try_fold(0usize, |len, d| {
                len.checked_mul(256)?.checked_add(usize::from(*d))
            })?;
            (len, rest)
        }
    };
    let (content, rest) = rest.split_at_checked(len)?;
    Some((*tag, content, rest))
}

/// Where the server's own CA and certificate lie in a data folder.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct OwnFiles {
    pub ca: PathBuf,
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl OwnFiles {
    /// In this folder.
    pub fn within(dir: &Path) -> Self {
        Self {
            ca: dir.join("ca.pem"),
            certificate: dir.join("certificate.pem"),
            key: dir.join("key.pem"),
        }
    }
}

/// Makes a CA and a certificate for `names` (host names and addresses) unless they are there.
/// The CA's key is not kept: the next certificate comes with the next CA.
pub fn own(dir: &Path, names: &[String]) -> anyhow::Result<OwnFiles> {
    use rcgen::{
        BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
        KeyPair, KeyUsagePurpose,
    };
    let files = OwnFiles::within(dir);
    if files.ca.exists() && files.certificate.exists() && files.key.exists() {
        return Ok(files);
    }
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::new(Vec::<String>::new())?;
    ca.distinguished_name
        .push(DnType::CommonName, "Congvu CA of this machine");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_certificate = ca.self_signed(&ca_key)?;
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate()?;
    let mut leaf = CertificateParams::new(names.to_vec())?;
    leaf.distinguished_name.push(
        DnType::CommonName,
        names.first().map_or("localhost", String::as_str),
    );
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    let certificate = leaf.signed_by(&key, &issuer)?;
    let chain = certificate.pem() + &ca_certificate.pem();
    private_file(&files.key, key.serialize_pem().as_bytes())?;
    std::fs::write(&files.certificate, chain)?;
    std::fs::write(&files.ca, ca_certificate.pem())?;
    Ok(files)
}

/// Writes a file that only its owner may read.
pub fn private_file(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("{}", path.display()))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn own_files_load_and_stay() {
        let dir = tempfile::tempdir().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let files = super::own(dir.path(), &names).unwrap();
        super::load(&files.certificate, &files.key).unwrap();
        // Our own are ecdsa-with-SHA256.
        let loaded = super::load(&files.certificate, &files.key).unwrap();
        assert_eq!(loaded.end_point.map(|hash| hash.len()), Some(32));
        assert_eq!(
            super::end_point(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]),
            None
        );
        let before = std::fs::read(&files.certificate).unwrap();
        super::own(dir.path(), &names).unwrap();
        assert_eq!(std::fs::read(&files.certificate).unwrap(), before);
        let missing = super::load(&dir.path().join("none.pem"), &files.key)
            .err()
            .unwrap();
        assert!(missing.to_string().contains("none.pem"));
    }
}
