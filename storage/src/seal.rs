//! Sealing: authenticated encryption of everything that the store writes about mail.
//!
//! XChaCha20-Poly1305 with a random nonce of 24 octets for each piece, so that no counter has to
//! survive a crash. A sealed piece is nonce, ciphertext and tag. What it belongs to ([`Context`]) is
//! authenticated with it: a piece moved to another key, place or file does not open.
//!
//! [`Keys`] are the data keys in memory. Key 0 means plain: a store that was plain once still reads
//! what it wrote then; one that was sealed from its first commit does not accept anything plain.

use crate::error::{Cure, Fault, Obstacle};
use crate::keyring::{Ring, State};
use crate::master::{KEY_OCTETS, fill};
use crate::{AccountId, BlobId, Error};
use chacha20poly1305::aead::{AeadInOut as _, KeyInit as _};
use chacha20poly1305::{Key, Tag, XChaCha20Poly1305, XNonce};
use std::sync::{Arc, PoisonError};

pub(crate) type Cipher = XChaCha20Poly1305;

const NONCE: usize = 24;
const TAG: usize = 16;
/// What sealing adds, octets.
pub(crate) const SEAL_OCTETS: usize = NONCE + TAG;

/// Names a data key within its store; 0 is none. Stored with everything sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct KeyId(pub u32);

impl KeyId {
    /// Not sealed.
    pub(crate) const PLAIN: Self = Self(0);

    /// Whether this is the mark of what is not sealed.
    pub(crate) fn is_plain(self) -> bool {
        self == Self::PLAIN
    }
}

/// What a sealed piece belongs to. Each kind has a number of its own, so that none passes for another.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Context<'a> {
    /// The index's value at this key.
    Value(&'a [u8]),
    /// Content in a pack.
    Content(BlobId),
    /// A group of commits in the journal.
    Frame { segment: u32, offset: u64 },
    /// A block of a snapshot file.
    Block { file: &'a str, number: u32 },
    /// The keyring whose head this is.
    Keyring(&'a [u8]),
    /// A piece of a backup's file.
    Backup { file: &'a str, number: u64 },
    /// A block of a file of the search index.
    Search { file: &'a str, number: u32 },
}

impl Context<'_> {
    fn octets(&self) -> Vec<u8> {
        let mut octets = Vec::with_capacity(64);
        let mut put = |kind: u8, pieces: [&[u8]; 2]| {
            octets.push(kind);
            pieces.iter().for_each(|p| octets.extend_from_slice(p));
        };
        match self {
            Self::Value(key) => put(1, [key, &[]]),
            Self::Content(id) => put(2, [&id.0, &[]]),
            Self::Frame { segment, offset } => {
                put(3, [&segment.to_le_bytes(), &offset.to_le_bytes()]);
            }
            // The number has a fixed length and comes first, so the name needs none of its own.
            Self::Block { file, number } => put(4, [&number.to_le_bytes(), file.as_bytes()]),
            Self::Keyring(head) => put(5, [head, &[]]),
            Self::Backup { file, number } => put(6, [&number.to_le_bytes(), file.as_bytes()]),
            Self::Search { file, number } => put(7, [&number.to_le_bytes(), file.as_bytes()]),
        }
        octets
    }
}

pub(crate) fn cipher(key: &[u8; KEY_OCTETS]) -> Cipher {
    Cipher::new(&Key::from(*key))
}

/// Nonce, ciphertext, tag. Errors: `Unavailable` without random numbers, `TooLarge`.
pub(crate) fn seal_with(
    cipher: &Cipher,
    context: Context<'_>,
    plain: &[u8],
) -> Result<Vec<u8>, Error> {
    let mut nonce = [0u8; NONCE];
    fill(&mut nonce)?;
    let mut sealed = Vec::with_capacity(plain.len() + SEAL_OCTETS);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plain);
    let body = (&mut sealed[NONCE..]).into();
    let tag = cipher
        .encrypt_inout_detached(&XNonce::from(nonce), &context.octets(), body)
        .map_err(|_| Error::TooLarge("piece to be sealed"))?;
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

/// The reverse; `None` for another key, another context or changed octets.
pub(crate) fn open_with(cipher: &Cipher, context: Context<'_>, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
    let (body, tag) = rest.split_last_chunk::<TAG>()?;
    let mut plain = body.to_vec();
    cipher
        .decrypt_inout_detached(
            &XNonce::from(*nonce),
            &context.octets(),
            plain.as_mut_slice().into(),
            &Tag::from(*tag),
        )
        .ok()?;
    Some(plain)
}

/// The data keys of a store; cheap to clone. Plain stores have none.
#[derive(Clone, Default)]
pub(crate) struct Keys {
    pub(crate) ring: Option<Arc<Ring>>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_on() { "Keys(***)" } else { "Keys" })
    }
}

impl Keys {
    /// Those of a plain store.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// Whether what is written now is sealed.
    pub(crate) fn is_on(&self) -> bool {
        self.ring.is_some()
    }

    /// The key for what belongs to nobody in particular.
    pub(crate) fn system(&self) -> KeyId {
        self.read(KeyId::PLAIN, |s| s.newest(crate::keyring::SYSTEM_DOMAIN))
    }

    /// The key for what belongs to this account: its domain's, else the system's.
    pub(crate) fn of(&self, account: AccountId) -> KeyId {
        self.read(KeyId::PLAIN, |s| s.newest(s.domain_of(account)))
    }

    /// The key under which content sealed with `key` is sealed when it is written anew: the newest
    /// of the same domain.
    pub(crate) fn successor(&self, key: KeyId) -> KeyId {
        self.read(KeyId::PLAIN, |s| s.successor(key))
    }

    /// Seals under a key; [`KeyId::PLAIN`] leaves the octets as they are.
    /// Errors: `Unavailable` for a key that this store has not.
    pub(crate) fn seal(
        &self,
        key: KeyId,
        context: Context<'_>,
        plain: &[u8],
    ) -> Result<Vec<u8>, Error> {
        if key.is_plain() {
            return Ok(plain.to_vec());
        }
        let cipher = self.cipher(key);
        let cipher = cipher.ok_or(Error::Unavailable(Obstacle::NoKey { key: key.0 }))?;
        seal_with(&cipher, context, plain)
    }

    /// The reverse. Errors: `Corrupt` when the octets, the key or what they belong to are not those
    /// with which they were sealed, and for plain octets in a store that never wrote any.
    pub(crate) fn unseal(
        &self,
        key: KeyId,
        context: Context<'_>,
        sealed: &[u8],
    ) -> Result<Vec<u8>, Error> {
        if key.is_plain() {
            self.accept_plain()?;
            return Ok(sealed.to_vec());
        }
        let cipher = self.cipher(key);
        let cipher = cipher.ok_or_else(|| Error::cured(self.unknown(key), Cure::Keyring))?;
        open_with(&cipher, context, sealed).ok_or_else(|| {
            Error::Corrupt(format!("a piece sealed under key {} was changed", key.0).into())
        })
    }

    /// Whether octets that are not sealed may be believed. Errors: `Corrupt`, in a store that was
    /// sealed from its first commit: somebody put them there.
    pub(crate) fn accept_plain(&self) -> Result<(), Error> {
        if self.read(true, |s| s.holds_plain) {
            return Ok(());
        }
        Err(Error::Corrupt(
            "a piece that is not sealed in a store that seals everything".into(),
        ))
    }

    fn cipher(&self, key: KeyId) -> Option<Arc<Cipher>> {
        self.read(None, |s| s.ciphers.get(&key).cloned())
    }

    /// What is said of a key that is not here. Numbers only grow: one above all that are here was made after this
    /// keyring was written.
    fn unknown(&self, key: KeyId) -> Fault {
        let last = self.read(None, State::last);
        match last.filter(|last| last.0 < key.0) {
            Some(last) => Fault::KeyringOlder {
                key: key.0,
                last: last.0,
            },
            None => Fault::KeyUnknown { key: key.0 },
        }
    }

    fn read<T>(&self, plain: T, look: impl FnOnce(&State) -> T) -> T {
        match &self.ring {
            Some(ring) => look(&ring.state.read().unwrap_or_else(PoisonError::into_inner)),
            None => plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::tests::keys;

    const CONTEXT: Context<'_> = Context::Value(b"k");

    #[test]
    fn what_was_sealed_comes_back_whatever_its_size() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keys(folder.path());
        for size in [0, 1, 15, 16, 64, 65, 8_000, 100_000] {
            let plain: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
            let sealed = keys.seal(keys.system(), CONTEXT, &plain).unwrap();
            assert_eq!(sealed.len(), size + SEAL_OCTETS);
            assert_eq!(keys.unseal(keys.system(), CONTEXT, &sealed), Ok(plain));
        }
    }

    #[test]
    fn equal_texts_are_sealed_differently_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keys(folder.path());
        let seal = |_| keys.seal(keys.system(), CONTEXT, &[0; 64]).unwrap();
        let all: Vec<_> = (0..1_000).map(seal).collect();
        let nonces: std::collections::BTreeSet<_> = all.iter().map(|s| &s[..NONCE]).collect();
        let bodies: std::collections::BTreeSet<_> = all.iter().map(|s| &s[NONCE..]).collect();
        assert_eq!((nonces.len(), bodies.len()), (all.len(), all.len()));
    }

    #[test]
    fn any_flipped_bit_cut_or_swap_is_corrupt_and_never_plaintext() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keys(folder.path());
        let system = keys.system();
        let sealed = keys.seal(system, CONTEXT, b"mat khau").unwrap();
        let check = |key: KeyId, context: Context<'_>, sealed: &[u8], what: &str| {
            let opened = keys.unseal(key, context, sealed);
            assert!(
                matches!(opened, Err(Error::Corrupt(_))),
                "{what}: {opened:?}"
            );
        };
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            check(system, CONTEXT, &changed, "a flipped bit");
        }
        for len in 0..sealed.len() {
            check(system, CONTEXT, &sealed[..len], "cut");
        }
        let mut longer = sealed.clone();
        longer.push(0);
        check(system, CONTEXT, &longer, "lengthened");
        check(system, Context::Value(b"other"), &sealed, "another place");
        check(system, Context::Keyring(b"k"), &sealed, "another kind");
        check(KeyId(77), CONTEXT, &sealed, "an unknown key");
        check(KeyId::PLAIN, CONTEXT, &sealed, "said to be plain");
        keys.rotate(None).unwrap();
        check(keys.system(), CONTEXT, &sealed, "the newer key");
        assert_eq!(keys.unseal(system, CONTEXT, &sealed).unwrap(), b"mat khau");
    }

    #[test]
    fn a_keyring_of_before_a_rotation_says_that_it_is_older() {
        let folder = tempfile::tempdir().unwrap();
        let newer = keys(folder.path());
        let before = std::fs::read(folder.path().join("keyring")).unwrap();
        newer.rotate(None).unwrap();
        let sealed = newer.seal(newer.system(), CONTEXT, b"a").unwrap();
        for name in ["keyring", "keyring.copy"] {
            std::fs::write(folder.path().join(name), &before).unwrap();
        }
        let older = keys(folder.path());
        let refused = older.unseal(newer.system(), CONTEXT, &sealed);
        let said = refused.unwrap_err().to_string();
        assert!(
            said.contains("key 2 is not in the keyring, which ends with key 1"),
            "{said}"
        );
        assert!(
            said.contains("older than the store") && said.contains("newest backup"),
            "{said}"
        );
    }

    #[test]
    fn a_plain_store_changes_nothing_and_knows_no_key() {
        let keys = Keys::none();
        assert_eq!(keys.system(), KeyId::PLAIN);
        assert_eq!(keys.of(AccountId::FIRST), KeyId::PLAIN);
        assert_eq!(keys.seal(KeyId::PLAIN, CONTEXT, b"a").unwrap(), b"a");
        assert_eq!(keys.unseal(KeyId::PLAIN, CONTEXT, b"a").unwrap(), b"a");
        let unknown = keys.unseal(KeyId(1), CONTEXT, &[0; 64]);
        assert!(matches!(unknown, Err(Error::Corrupt(_))));
    }
}
