//! RFC 5802 §3, RFC 7677 §3: what is kept of a password so that SCRAM-SHA-256 can be spoken.
//!
//! All keys of an account share salt and iteration count: the server names them before it knows whether
//! the password or an app password will be proved.

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// RFC 7677 §4: at least so many iterations.
pub const ITERATIONS_MIN: u32 = 4_096;
/// Octets of a salt.
pub(crate) const SALT: usize = 16;

/// A SHA-256.
pub(crate) type Key = [u8; 32];

/// SCRAM's half of a secret. It lets nobody sign in, but guesses can be tried on it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Verifier {
    pub(crate) salt: [u8; SALT],
    pub(crate) iterations: u32,
    stored_key: Key,
    server_key: Key,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier(***)")
    }
}

impl Verifier {
    /// Of a text that SASLprep has prepared. Takes as long as `iterations` say.
    pub(crate) fn of(text: &str, salt: [u8; SALT], iterations: u32) -> Self {
        // SaltedPassword := Hi(Normalize(password), salt, i)
        let salted = hi(text.as_bytes(), &salt, iterations);
        Self {
            salt,
            iterations,
            stored_key: Sha256::digest(hmac(&salted, b"Client Key")).into(),
            server_key: hmac(&salted, b"Server Key"),
        }
    }

    /// What nobody can prove, for names that do not exist.
    pub(crate) fn decoy(salt: [u8; SALT], iterations: u32, random: [Key; 2]) -> Self {
        let [stored_key, server_key] = random;
        Self {
            salt,
            iterations,
            stored_key,
            server_key,
        }
    }

    /// The ServerSignature, when the ClientProof shows knowledge of the password.
    pub(crate) fn signature(&self, message: &[u8], proof: &Key) -> Option<Key> {
        // ClientKey := ClientProof XOR HMAC(StoredKey, AuthMessage)
        let mut client_key = hmac(&self.stored_key, message);
        client_key.iter_mut().zip(proof).for_each(|(a, b)| *a ^= b);
        let stored: Key = Sha256::digest(client_key).into();
        let fits = bool::from(stored.ct_eq(&self.stored_key));
        fits.then(|| hmac(&self.server_key, message))
    }
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

pub(crate) fn hmac(key: &[u8], message: &[u8]) -> Key {
    mac(key)
        .chain_update(message)
        .finalize()
        .into_bytes()
        .into()
}

/// RFC 5802 §2.2 Hi(): PBKDF2 of one block.
fn hi(text: &[u8], salt: &[u8], iterations: u32) -> Key {
    let keyed = mac(text);
    let first = keyed.clone().chain_update(salt).chain_update([0, 0, 0, 1]);
    let mut last: Key = first.finalize().into_bytes().into();
    let mut all = last;
    for _ in 1..iterations.max(1) {
        last = keyed
            .clone()
            .chain_update(last)
            .finalize()
            .into_bytes()
            .into();
        all.iter_mut().zip(last).for_each(|(a, b)| *a ^= b);
    }
    all
}

/// The client's half, for tests.
#[cfg(test)]
pub(crate) fn proof(text: &str, salt: &[u8], iterations: u32, message: &[u8]) -> (Key, Key) {
    let salted = hi(text.as_bytes(), salt, iterations);
    let client_key = hmac(&salted, b"Client Key");
    let stored: Key = Sha256::digest(client_key).into();
    let mut proof = hmac(&stored, message);
    proof.iter_mut().zip(client_key).for_each(|(a, b)| *a ^= b);
    (proof, hmac(&hmac(&salted, b"Server Key"), message))
}
