//! Secrets to digests: argon2id for what people choose (RFC 9106 §4), BLAKE3 for what we drew at random.

use crate::Error;
use crate::act::invalid;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::{Condvar, Mutex, PoisonError};
use unicode_normalization::UnicodeNormalization;

/// argon2id computations at a time: each takes a processor and its whole memory.
pub(crate) const PARALLEL_MAX: u32 = 4;
/// Computations that may wait for their turn; more are told to come later.
pub(crate) const WAITING_MAX: u32 = 128;
/// Octets of a secret that is looked at.
pub(crate) const SECRET_MAX: usize = 1024;

/// Hashes and verifies, a bounded number at a time.
#[derive(Debug)]
pub(crate) struct Hasher {
    argon: Argon2<'static>,
    /// What unknown names are verified against, so that they cost the same.
    decoy: String,
    gate: Gate,
}

/// Too many wait already.
#[derive(Debug)]
pub(crate) struct Busy;

impl Hasher {
    pub(crate) fn new(memory_kib: u32, passes: u32) -> Result<Self, Error> {
        let params = Params::new(memory_kib, passes, 1, None)
            .map_err(|e| invalid("argon2", format!("other memory and passes ({e})")))?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut hasher = Self {
            argon,
            decoy: String::new(),
            gate: Gate::default(),
        };
        hasher.decoy = hasher.hash(&encode(&random::<32>()?))?;
        Ok(hasher)
    }

    /// The PHC string of a prepared secret.
    pub(crate) fn hash(&self, secret: &str) -> Result<String, Error> {
        let salt = SaltString::encode_b64(&random::<16>()?).map_err(|_| no_random())?;
        let _turn = self.gate.enter().map_err(|Busy| busy())?;
        let hash = self.argon.hash_password(secret.as_bytes(), &salt);
        hash.map(|hash| hash.to_string()).map_err(|_| busy())
    }

    /// Whether the secret fits the PHC string; `None` verifies against the decoy and is never right.
    pub(crate) fn verify(&self, hash: Option<&str>, secret: &str) -> Result<bool, Busy> {
        let _turn = self.gate.enter()?;
        let Ok(parsed) = PasswordHash::new(hash.unwrap_or(&self.decoy)) else {
            return Ok(false);
        };
        // Compares in constant time.
        let fits = self
            .argon
            .verify_password(secret.as_bytes(), &parsed)
            .is_ok();
        Ok(fits && hash.is_some())
    }
}

/// Lets a bounded number through at a time.
#[derive(Debug, Default)]
struct Gate {
    state: Mutex<(u32, u32)>,
    left: Condvar,
}

struct Turn<'a>(&'a Gate);

impl Gate {
    fn enter(&self) -> Result<Turn<'_>, Busy> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 >= PARALLEL_MAX {
            if state.1 >= WAITING_MAX {
                return Err(Busy);
            }
            state.1 += 1;
            state = self
                .left
                .wait_while(state, |state| state.0 >= PARALLEL_MAX)
                .unwrap_or_else(PoisonError::into_inner);
            state.1 -= 1;
        }
        state.0 += 1;
        Ok(Turn(self))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 -= 1;
        drop(state);
        self.0.left.notify_one();
    }
}

/// A secret as it is compared: NFC, since keyboards differ in how they compose Vietnamese letters
/// (RFC 4616 §2 leaves the preparation to the server). `None`: empty, too long or with a NUL.
pub(crate) fn prepare(secret: &str) -> Option<String> {
    let fits = !secret.is_empty() && secret.len() <= SECRET_MAX && !secret.contains('\0');
    fits.then(|| secret.nfc().collect())
}

/// Octets that nobody can guess.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| no_random())?;
    Ok(bytes)
}

/// As text for headers and URLs.
pub(crate) fn encode(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// The digest under which a drawn secret (token, app password, session) is kept. It has 120 bits or more,
/// so a quick hash is enough.
pub(crate) fn digest(secret: &str) -> [u8; 32] {
    *blake3::hash(secret.as_bytes()).as_bytes()
}

fn no_random() -> Error {
    storage::Error::Unavailable("the system gives no random octets".to_owned()).into()
}

fn busy() -> Error {
    storage::Error::Unavailable("too many passwords are being hashed".to_owned()).into()
}
