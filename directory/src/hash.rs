//! Secrets to digests: argon2id for what people choose (RFC 9106 §4), BLAKE3 for what we drew at random.

use crate::Error;
use crate::act::invalid;
use argon2::password_hash::{Output, PasswordHash, SaltString};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use std::sync::{Condvar, Mutex, PoisonError};
use unicode_normalization::UnicodeNormalization;

/// argon2id computations at a time: each takes a processor and its whole memory.
pub(crate) const PARALLEL_MAX: u32 = 4;
/// Computations that may wait for their turn; more are told to come later.
pub(crate) const WAITING_MAX: u32 = 128;
/// Working memories kept for the next computation: as many as can be in use at a time, so that none is
/// ever freed. A freed one (19 MiB) stays behind in an arena of the allocator, another for each thread.
const MEMORIES_KEPT: usize = PARALLEL_MAX as usize;
/// Octets of a digest.
const DIGEST: usize = 32;
/// Octets of memory that a stored hash may ask for, KiB; a damaged row cannot ask for more.
const MEMORY_KIB_MAX: u32 = 4 << 20;
/// Octets of a secret that is looked at.
pub(crate) const SECRET_MAX: usize = 1024;

/// Hashes and verifies, a bounded number at a time.
#[derive(Debug)]
pub(crate) struct Hasher {
    argon: Argon2<'static>,
    /// What unknown names are verified against, so that they cost the same.
    decoy: String,
    gate: Gate,
    memories: Mutex<Vec<Vec<Block>>>,
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
            memories: Mutex::default(),
        };
        hasher.decoy = hasher.hash(&encode(&random::<32>()?))?;
        Ok(hasher)
    }

    /// The PHC string of a prepared secret.
    pub(crate) fn hash(&self, secret: &str) -> Result<String, Error> {
        let salt = SaltString::encode_b64(&random::<16>()?).map_err(|_| no_random())?;
        let _turn = self.gate.enter().map_err(|Busy| busy())?;
        let params = self.argon.params();
        let mut raw = [0; 64];
        let raw_salt = salt.decode_b64(&mut raw).map_err(|_| busy())?;
        let digest = self.digest(params, secret, raw_salt).map_err(|_| busy())?;
        let output = Output::new(&digest).map_err(|_| busy())?;
        let phc = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: params.try_into().map_err(|_| busy())?,
            salt: Some(salt.as_salt()),
            hash: Some(output),
        };
        Ok(phc.to_string())
    }

    /// Whether the secret fits the PHC string; `None` verifies against the decoy and is never right.
    pub(crate) fn verify(&self, hash: Option<&str>, secret: &str) -> Result<bool, Busy> {
        let _turn = self.gate.enter()?;
        let fits = self
            .fits(hash.unwrap_or(&self.decoy), secret)
            .unwrap_or(false);
        Ok(fits && hash.is_some())
    }

    /// `None`: the PHC string is not one of ours.
    fn fits(&self, phc: &str, secret: &str) -> Option<bool> {
        let parsed = PasswordHash::new(phc).ok()?;
        let params = Params::try_from(&parsed).ok()?;
        let ours = parsed.algorithm == Algorithm::Argon2id.ident()
            && parsed.version == Some(Version::V0x13.into())
            && params.m_cost() <= MEMORY_KIB_MAX;
        let mut raw = [0; 64];
        let salt = parsed.salt?.decode_b64(&mut raw).ok()?;
        let expected = parsed.hash?;
        if !ours || expected.len() != DIGEST {
            return None;
        }
        let digest = self.digest(&params, secret, salt).ok()?;
        // `Output` compares in constant time.
        Some(Output::new(&digest).ok()? == expected)
    }

    /// argon2id in a working memory that is used again.
    fn digest(
        &self,
        params: &Params,
        secret: &str,
        salt: &[u8],
    ) -> Result<[u8; DIGEST], argon2::Error> {
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        let kept = self
            .memories
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let mut memory = kept.unwrap_or_default();
        memory.resize(params.block_count(), Block::default());
        let mut out = [0; DIGEST];
        let done =
            argon.hash_password_into_with_memory(secret.as_bytes(), salt, &mut out, &mut memory);
        let mut memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        if memories.len() < MEMORIES_KEPT {
            memories.push(memory);
        }
        done.map(|()| out)
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
    storage::Error::Unavailable("the system gives no random octets".into()).into()
}

fn busy() -> Error {
    storage::Error::Unavailable("too many passwords are being hashed".into()).into()
}
