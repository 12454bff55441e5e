//! A push service, and a device behind it that can read what is sent there (RFC 8030, RFC 8291).

use crate::https_peer::{self, Asked};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use ring::signature::{self, ECDSA_P256_SHA256_FIXED};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Listens, keeps what comes, and says this status.
pub struct PushService {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Asked>>>,
    says: Arc<Mutex<String>>,
}

impl PushService {
    /// Under this certificate and key of `localhost` (PEM files).
    pub fn new(chain: &Path, key: &Path) -> Self {
        let heard: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let says = Arc::new(Mutex::new("201 Created".to_owned()));
        let (keep, said) = (Arc::clone(&heard), Arc::clone(&says));
        let address = https_peer::listen(chain, key, move |asked| {
            keep.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(asked);
            let said = said.lock().unwrap_or_else(PoisonError::into_inner).clone();
            format!("HTTP/1.1 {said}\r\nContent-Length: 0\r\n\r\n")
        });
        Self {
            address,
            heard,
            says,
        }
    }

    /// The address of a device that has this name there.
    pub fn url(&self, name: &str) -> String {
        format!("https://localhost:{}/{name}", self.address.port())
    }

    /// What is said from now on: status, and fields after it.
    pub fn says(&self, status: &str) {
        status.clone_into(&mut self.says.lock().unwrap());
    }

    pub fn heard(&self) -> Vec<Asked> {
        self.heard.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.heard.lock().unwrap().len()
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(key: &Prk, info: &[&[u8]]) -> [u8; N] {
    let mut octets = [0; N];
    let okm = key.expand(info, Length(N)).unwrap();
    okm.fill(&mut octets).unwrap();
    octets
}

/// A browser or telephone with keys of its own.
pub struct Device {
    private: [u8; 32],
    public: Vec<u8>,
    auth: [u8; 16],
}

impl Default for Device {
    fn default() -> Self {
        Self::new()
    }
}

impl Device {
    pub fn new() -> Self {
        let private = [0x2a; 32];
        let public = secret(&private).compute_public_key().unwrap();
        Self {
            private,
            public: public.as_ref().to_vec(),
            auth: [0x17; 16],
        }
    }

    /// As RFC 8620 §7.2 has them.
    pub fn keys(&self) -> Value {
        json!({
            "p256dh": URL_SAFE_NO_PAD.encode(&self.public),
            "auth": URL_SAFE_NO_PAD.encode(self.auth),
        })
    }

    /// What a message says (RFC 8291 §3, RFC 8188 §2).
    pub fn read(&self, asked: &Asked) -> Value {
        assert_eq!(
            asked.field("content-encoding").as_deref(),
            Some("aes128gcm")
        );
        let (salt, rest) = asked.body.split_at(16);
        let (size, rest) = rest.split_at(4);
        assert_eq!(size, 4096_u32.to_be_bytes());
        assert!(asked.body.len() <= 4096);
        let (length, rest) = rest.split_at(1);
        let (sender, sealed) = rest.split_at(usize::from(length[0]));
        let peer = UnparsedPublicKey::new(&ECDH_P256, sender);
        let secret = agree_ephemeral(secret(&self.private), &peer, |shared| {
            let key = Salt::new(HKDF_SHA256, &self.auth).extract(shared);
            expand::<32>(&key, &[b"WebPush: info\0", &self.public, sender])
        });
        let key = Salt::new(HKDF_SHA256, salt).extract(&secret.unwrap());
        let content: [u8; 16] = expand(&key, &[b"Content-Encoding: aes128gcm\0"]);
        let nonce: [u8; 12] = expand(&key, &[b"Content-Encoding: nonce\0"]);
        let content = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &content).unwrap());
        let mut text = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let text = content
            .open_in_place(nonce, Aad::empty(), &mut text)
            .unwrap();
        let (last, text) = text.split_last().unwrap();
        assert_eq!(*last, 2, "the last record");
        serde_json::from_slice(text).unwrap()
    }
}

/// ring takes a key that is given by a random source that is none, for tests alone.
#[allow(deprecated, reason = "ring offers no other way to a key that is given")]
fn secret(private: &[u8; 32]) -> EphemeralPrivateKey {
    let given = ring::test::rand::FixedSliceRandom { bytes: private };
    EphemeralPrivateKey::generate(&ECDH_P256, &given).unwrap()
}

/// RFC 8292: what the sender claims, when it is signed by this key (base64url).
pub fn claims(asked: &Asked, server_key: &str) -> Value {
    let authorization = asked.field("authorization").unwrap();
    let (token, key) = authorization
        .strip_prefix("vapid t=")
        .and_then(|rest| rest.split_once(", k="))
        .unwrap();
    assert_eq!(key, server_key);
    let octets = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let (said, signed) = token.rsplit_once('.').unwrap();
    let key = signature::UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, octets(key));
    key.verify(said.as_bytes(), &octets(signed)).unwrap();
    serde_json::from_slice(&octets(said.split_once('.').unwrap().1)).unwrap()
}
