//! The backup's own `format` file, and what follows from it: how chunks are named and sealed.
//!
//! A sealed backup has a random key of its own. It lies in `format`, wrapped by the operator's key
//! file or by a key made from a passphrase (argon2id), so that either can change without a chunk
//! being written again. Chunks are then named by a keyed hash: their names tell nothing either.

use super::head::{self, FILE, Found, Head, Lock};
use super::{Failure, Refusal, Vault};
use crate::Error;
use crate::master::{KEY_OCTETS, MasterKey, fill};
use crate::seal::{self, Cipher, Context};
use argon2::{Algorithm, Argon2, Params, Version};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// Cost of a passphrase: far over that of a sign-in, since whoever holds the backup may guess for years.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
/// What a `format` file may ask for; a damaged one cannot ask for more.
const MEMORY_KIB_MAX: u32 = 1024 * 1024;
const PASSES_MAX: u32 = 64;

/// What opens a sealed backup.
#[derive(Clone, Default)]
pub enum Secret {
    /// The backup is not sealed.
    #[default]
    None,
    /// A key file; that of the store's master key may serve too.
    Key(MasterKey),
    /// Words that somebody chose.
    Passphrase(Zeroizing<String>),
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Key(_) => "Key(***)",
            Self::Passphrase(_) => "Passphrase(***)",
        })
    }
}

/// The name of a chunk.
pub(super) type ChunkId = [u8; 32];

/// Names, seals and opens.
pub(super) struct Sealer {
    /// The store whose backup this is.
    pub store: [u8; 16],
    /// What is wrong with the vault's `format` and its copy, a line each.
    pub told: Vec<String>,
    keys: Option<(Zeroizing<[u8; 32]>, Cipher)>,
}

impl Sealer {
    /// Reads the vault's `format`, or its copy. Errors: `NoBackup`, `NoFormat`, `TwoFormats`, `KeyMissing`,
    /// `KeyWrong`, `NotSealed`, `Corrupt`.
    pub(super) fn open(vault: &dyn Vault, secret: &Secret) -> Result<Self, Failure> {
        Self::of(&found(vault)?, vault, secret)
    }

    /// The same for whoever holds the vault alone: what is damaged or missing of the two is written again.
    pub(super) fn open_alone(vault: &dyn Vault, secret: &Secret) -> Result<Self, Failure> {
        let found = found(vault)?;
        // Only what the key vouches for.
        let sealer = Self::of(&found, vault, secret)?;
        found.mend(vault)?;
        Ok(sealer)
    }

    fn of(found: &Found, vault: &dyn Vault, secret: &Secret) -> Result<Self, Failure> {
        let head = &found.head;
        let told = found.told();
        let context = context(head);
        let missing = || Refusal::KeyMissing(vault.place());
        let wrong = || Refusal::KeyWrong(vault.place());
        let key = match (&head.lock, secret) {
            (Lock::Open, Secret::None) => {
                return Ok(Self {
                    told,
                    ..Self::plain(head.store)
                });
            }
            (Lock::Open, _) => return Err(Refusal::NotSealed(vault.place()).into()),
            (_, Secret::None) => return Err(missing().into()),
            (Lock::Key { wrapped }, Secret::Key(key)) => key.unseal(context, wrapped),
            (
                Lock::Passphrase {
                    salt,
                    memory_kib,
                    passes,
                    wrapped,
                },
                Secret::Passphrase(words),
            ) => {
                let mut key = None;
                for words in spellings(words) {
                    let made = stretch(&words, salt, *memory_kib, *passes)?;
                    key = made.unseal(context, wrapped);
                    if key.is_some() {
                        break;
                    }
                }
                key
            }
            _ => return Err(wrong().into()),
        };
        let key = key.ok_or_else(wrong)?;
        let key = key.as_slice().try_into().map_err(|_| wrong())?;
        Ok(Self {
            told,
            ..Self::with(head.store, key)
        })
    }

    /// Whether the vault holds no backup yet.
    pub(super) fn is_none(vault: &dyn Vault) -> Result<bool, Failure> {
        Ok(head::find(vault)?.is_none())
    }

    /// Writes the `format` of a new backup of this store.
    pub(super) fn found(
        vault: &dyn Vault,
        secret: &Secret,
        store: [u8; 16],
    ) -> Result<Self, Failure> {
        let mut head = Head::draw(store)?;
        let mut key = Zeroizing::new([0u8; KEY_OCTETS]);
        fill(key.as_mut())?;
        let context = context(&head);
        head.lock = match secret {
            Secret::None => Lock::Open,
            Secret::Key(master) => Lock::Key {
                wrapped: master.seal(context, key.as_slice())?,
            },
            Secret::Passphrase(words) => {
                let mut salt = [0u8; 16];
                fill(&mut salt)?;
                let master = stretch(&composed(words), &salt, MEMORY_KIB, PASSES)?;
                Lock::Passphrase {
                    salt,
                    memory_kib: MEMORY_KIB,
                    passes: PASSES,
                    wrapped: master.seal(context, key.as_slice())?,
                }
            }
        };
        head.write(vault)?;
        Ok(match head.lock {
            Lock::Open => Self::plain(store),
            _ => Self::with(store, &key),
        })
    }

    /// Of a backup that is not sealed.
    pub(super) fn plain(store: [u8; 16]) -> Self {
        Self {
            store,
            told: Vec::new(),
            keys: None,
        }
    }

    fn with(store: [u8; 16], key: &[u8; KEY_OCTETS]) -> Self {
        let naming = blake3::derive_key("congvu backup 1: names of chunks", key);
        let sealing = Zeroizing::new(blake3::derive_key("congvu backup 1: sealing", key));
        Self {
            store,
            told: Vec::new(),
            keys: Some((Zeroizing::new(naming), seal::cipher(&sealing))),
        }
    }

    /// Whether what is written is sealed.
    pub(super) fn seals(&self) -> bool {
        self.keys.is_some()
    }

    /// The name of a chunk with this content.
    pub(super) fn name(&self, raw: &[u8]) -> ChunkId {
        match &self.keys {
            Some((naming, _)) => *blake3::keyed_hash(naming, raw).as_bytes(),
            None => *blake3::hash(raw).as_bytes(),
        }
    }

    /// Seals a piece of the vault under its name; as it is when the backup is not sealed.
    pub(super) fn seal(&self, name: &str, plain: Vec<u8>) -> Result<Vec<u8>, Error> {
        let context = Context::Backup {
            file: name,
            number: 0,
        };
        match &self.keys {
            Some((_, cipher)) => seal::seal_with(cipher, context, &plain),
            None => Ok(plain),
        }
    }

    /// The reverse; `None` when it was changed or has another name.
    pub(super) fn unseal(&self, name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let context = Context::Backup {
            file: name,
            number: 0,
        };
        match &self.keys {
            Some((_, cipher)) => seal::open_with(cipher, context, sealed),
            None => Some(sealed.to_vec()),
        }
    }
}

/// Errors: this does not open what is in the vault (`KeyMissing`, `KeyWrong`, `NotSealed`), or nothing does
/// (`NoBackup`, `NoFormat`, `TwoFormats`, `Corrupt`).
pub fn expect_opens(vault: &dyn Vault, secret: &Secret) -> Result<(), Failure> {
    Sealer::open(vault, secret).map(drop)
}

/// Errors: `NoBackup`, `NoFormat`, `TwoFormats`, `Corrupt`.
fn found(vault: &dyn Vault) -> Result<Found, Failure> {
    head::find(vault)?.ok_or_else(|| Refusal::NoBackup(vault.place()).into())
}

/// Under which the key of a backup is wrapped.
fn context(head: &Head) -> Context<'static> {
    Context::Backup {
        file: FILE,
        number: u64::from_le_bytes(first_half(&head.vault)),
    }
}

fn first_half(id: &[u8; 16]) -> [u8; 8] {
    let mut half = [0; 8];
    half.copy_from_slice(&id[..8]);
    half
}

/// The passphrase as one spelling of its letters, whatever editor or system wrote it: `ế` is one character (NFC), or `e`
/// with two marks (NFD, as macOS writes names).
fn composed(words: &str) -> Zeroizing<String> {
    Zeroizing::new(words.nfc().collect())
}

/// The spellings under which a passphrase may have sealed: composed, and, since backups of earlier versions were sealed
/// under the octets of the file, as it is and with all marks apart. Each once.
fn spellings(words: &str) -> Vec<Zeroizing<String>> {
    let mut spellings = vec![composed(words)];
    let as_it_is = Zeroizing::new(words.to_owned());
    for other in [as_it_is, Zeroizing::new(words.nfd().collect())] {
        if !spellings.contains(&other) {
            spellings.push(other);
        }
    }
    spellings
}

/// The key that a passphrase makes.
fn stretch(words: &str, salt: &[u8], memory_kib: u32, passes: u32) -> Result<MasterKey, Error> {
    let params = Params::new(
        memory_kib.min(MEMORY_KIB_MAX),
        passes.min(PASSES_MAX),
        1,
        None,
    )
    .map_err(|_| Error::Corrupt("the backup's format asks for an impossible key".into()))?;
    let mut key = Zeroizing::new([0u8; KEY_OCTETS]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(words.as_bytes(), salt, key.as_mut())
        .map_err(|_| Error::Invalid("passphrase"))?;
    Ok(MasterKey::new(*key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Disk;
    use crate::backup::FolderVault;

    const COMPOSED: &str = "mật khẩu tiếng Việt";

    fn apart() -> String {
        COMPOSED.nfd().collect()
    }

    fn passphrase(words: &str) -> Secret {
        Secret::Passphrase(Zeroizing::new(words.to_owned()))
    }

    fn opens(vault: &FolderVault, words: &str) -> bool {
        match Sealer::open(vault, &passphrase(words)) {
            Ok(_) => true,
            Err(Failure::Refused(Refusal::KeyWrong(_))) => false,
            Err(e) => panic!("{e}"),
        }
    }

    fn vault(dir: &std::path::Path, name: &str) -> FolderVault {
        let to = dir.join(name);
        let store = dir.join("store");
        std::fs::create_dir_all(&store).unwrap();
        FolderVault::target(&to, &store, &Disk::default()).unwrap()
    }

    #[test]
    fn a_passphrase_opens_however_its_letters_are_spelt() {
        let dir = tempfile::tempdir().unwrap();
        for (name, words) in [("composed", COMPOSED.to_owned()), ("apart", apart())] {
            let vault = vault(dir.path(), name);
            Sealer::found(&vault, &passphrase(&words), [7; 16]).unwrap();
            assert!(opens(&vault, COMPOSED) && opens(&vault, &apart()), "{name}");
            assert!(!opens(&vault, "mat khau tieng Viet"));
        }
    }

    #[test]
    fn what_was_sealed_under_the_octets_of_a_file_opens_too() {
        let dir = tempfile::tempdir().unwrap();
        let vault = vault(dir.path(), "before");
        let mut head = Head::draw([7; 16]).unwrap();
        let salt = [3; 16];
        let master = stretch(&apart(), &salt, 64, 1).unwrap();
        head.lock = Lock::Passphrase {
            salt,
            memory_kib: 64,
            passes: 1,
            wrapped: master.seal(context(&head), &[9; KEY_OCTETS]).unwrap(),
        };
        head.write(&vault).unwrap();
        assert!(opens(&vault, COMPOSED) && opens(&vault, &apart()));
        assert!(!opens(&vault, "mật khẩu khác hẳn"));
    }

    #[test]
    fn plain_words_are_tried_once() {
        assert_eq!(spellings("muoi hai con giap").len(), 1);
        assert_eq!(spellings(COMPOSED).len(), 2);
    }
}
