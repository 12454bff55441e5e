//! Another server as mail from here sees it: somewhere on the Internet, found by DNS, with a certificate of its own.
//! Its addresses are public ones, of which the way leads back to loopback.

use delivery::tls_report::Session;
use delivery::{Envelope, Job, Outcome, Recipient, ReversePath, TlsWish, Tried, Via};
use formats::address::{Address, DomainName};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls_pki_types::CertificateDer;
use server::config::Relay;
use server::outward::{Names, Sockets};
use sha2::{Digest as _, Sha256};
use smtp::relay::{Insecure, Settings, Trust, Wire, mta_sts};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tests::world::World;

/// A certificate with its authority.
pub struct Paper {
    /// It and its authority's, PEM.
    pub chain: PathBuf,
    /// PEM.
    pub key: PathBuf,
    /// PEM.
    pub ca: PathBuf,
    /// SHA-256 of its public key.
    pub key_hash: Vec<u8>,
    /// SHA-256 of its authority's certificate.
    pub ca_hash: Vec<u8>,
    _folder: tempfile::TempDir,
}

impl Paper {
    /// Of this name, good in these years.
    pub fn new(name: &str, years: (i32, i32)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::new(Vec::<String>::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let ca_certificate = ca.self_signed(&ca_key).unwrap();
        let issuer = Issuer::new(ca, ca_key);
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
        leaf.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        leaf.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        let certificate = leaf.signed_by(&key, &issuer).unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("chain"), certificate.pem() + &ca_certificate.pem()).unwrap();
        std::fs::write(at("ca"), ca_certificate.pem()).unwrap();
        server::tls::private_file(&at("key"), key.serialize_pem().as_bytes()).unwrap();
        let ca: &CertificateDer<'_> = ca_certificate.der();
        let spki = rcgen::PublicKeyData::subject_public_key_info(&key);
        Self {
            chain: at("chain"),
            key: at("key"),
            ca: at("ca"),
            key_hash: Sha256::digest(spki).to_vec(),
            ca_hash: Sha256::digest(ca).to_vec(),
            _folder: folder,
        }
    }
}

/// Connections to any address lead to one server here.
struct Bent {
    sockets: Sockets,
    to: SocketAddr,
}

impl Wire for Bent {
    type Stream = <Sockets as Wire>::Stream;

    async fn connect(&self, _to: SocketAddr) -> io::Result<Self::Stream> {
        self.sockets.connect(self.to).await
    }

    fn tls(&self, stream: &Self::Stream) -> Option<String> {
        self.sockets.tls(stream)
    }

    async fn sts(&self, domain: &DomainName) -> Option<Arc<mta_sts::Policy>> {
        self.sockets.sts(domain).await
    }

    fn told(&self, domain: &DomainName, session: Session) {
        self.sockets.told(domain, session);
    }

    async fn secure(
        &self,
        stream: Self::Stream,
        name: &str,
        trust: &Trust,
    ) -> Result<Self::Stream, Insecure> {
        self.sockets.secure(stream, name, trust).await
    }
}

/// The other server, which takes mail for thu.gov.vn.
pub struct There {
    pub world: World,
    pub paper: Paper,
}

impl There {
    /// With a certificate of this name that holds in these years.
    pub fn new(name: &str, years: (i32, i32)) -> Self {
        let paper = Paper::new(name, years);
        let world = World::with(|config| {
            config.tls.certificate = paper.chain.clone();
            config.tls.key = paper.key.clone();
        });
        Self { world, paper }
    }

    /// What comes of a letter to it that leaves by this config; `fit` adds what the sockets need.
    pub fn letter(
        &self,
        config: &Relay,
        tls: TlsWish,
        fit: impl FnOnce(Arc<Names>, Sockets) -> Sockets,
    ) -> Tried {
        let runtime = server::run::runtime().unwrap();
        runtime.block_on(async {
            let names = Arc::new(Names::new(config).unwrap());
            let sockets = Sockets::new(config).unwrap();
            let wire = Bent {
                sockets: fit(Arc::clone(&names), sockets),
                to: self.world.address("smtp"),
            };
            let settings = Settings {
                hello: "mx.noi.example".into(),
                names: Vec::new(),
                random: || 7,
            };
            let relay = smtp::relay::Relay::new(names, wire, settings);
            let tried = Box::pin(relay.send(&job(tls))).await;
            relay.sweep(true).await;
            tried
        })
    }
}

fn job(tls: TlsWish) -> Job {
    let via = Via::Mx(DomainName::parse("thu.gov.vn").unwrap());
    Job {
        id: storage::QueueId::new(1).unwrap(),
        hop: via.hop(),
        via,
        envelope: Envelope {
            from: ReversePath::Address(Address::parse("x@noi.example").unwrap()),
            recipients: vec![Recipient {
                address: Address::parse("an@thu.gov.vn").unwrap(),
                notify: None,
                orcpt: None,
            }],
            tls,
            ..Envelope::default()
        },
        content: b"Subject: x\r\n\r\nbody\r\n".as_slice().into(),
        signer: None,
        priority: 0,
        trace: "t".into(),
        octets: 20,
    }
}

/// It arrived, over a connection of which this is told.
pub fn taken(tried: &Tried, tls: &str) {
    let [Outcome::Relayed(_)] = &tried.outcomes[..] else {
        panic!("{tried:?}, not {tls}");
    };
    let words = tried.tls.as_deref().unwrap_or("in the clear");
    assert!(words.ends_with(tls), "{words}, not {tls}");
}

/// It waits, for this reason.
pub fn waits(tried: &Tried, why: &str) {
    let [Outcome::Deferred(text)] = &tried.outcomes[..] else {
        panic!("{tried:?}, not {why}");
    };
    assert!(text.contains(why), "{text}, not {why}");
}

/// It comes back, for this reason.
pub fn refused(tried: &Tried, why: &str) {
    let [Outcome::Failed(text)] = &tried.outcomes[..] else {
        panic!("{tried:?}, not {why}");
    };
    assert!(text.contains(why), "{text}, not {why}");
}
