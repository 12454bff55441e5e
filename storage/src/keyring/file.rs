//! The keyring: the data keys of a store, sealed under its master key, in one small file.
//!
//! `magic, version, sealed body, checksum`; the body is a flag octet and for each key its id, domain,
//! time and secret. The file is replaced as a whole, and a second one (`keyring.copy`) follows it: one
//! bad sector must not take all mail. Another master key rewrites these two files and nothing else.

use super::{DataKey, KEYS_MAX};
use crate::Error;
use crate::disk::{self, Disk};
use crate::error::{Cure, Fault, Obstacle};
use crate::master::{KEY_OCTETS, MasterKey};
use crate::seal::{Context, KeyId, SEAL_OCTETS};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use zeroize::Zeroizing;

const FILE: &str = "keyring";
const COPY: &str = "keyring.copy";
const MAGIC: &[u8; 8] = b"CVKEYS\r\n";
const VERSION: u32 = 1;
const HEAD: usize = 12;
const SUM: usize = 32;
/// Octets of one key in the body: id, domain, time, secret.
const KEY: usize = 4 + 8 + 8 + KEY_OCTETS;
/// What others than the owner may do, in a file's mode.
const OTHERS: u32 = 0o077;
/// Flag: the store was plain once, so plain octets in it may be believed.
const HOLDS_PLAIN: u8 = 1;

/// The file of these keys.
pub(super) fn encode(
    master: &MasterKey,
    keys: &[DataKey],
    holds_plain: bool,
) -> Result<Vec<u8>, Error> {
    let mut body = Zeroizing::new(Vec::with_capacity(1 + keys.len() * KEY));
    body.push(if holds_plain { HOLDS_PLAIN } else { 0 });
    for key in keys {
        body.extend_from_slice(&key.id.0.to_le_bytes());
        body.extend_from_slice(&key.domain.to_le_bytes());
        body.extend_from_slice(&key.created_at.to_le_bytes());
        body.extend_from_slice(key.secret.as_ref());
    }
    let mut file = MAGIC.to_vec();
    file.extend_from_slice(&VERSION.to_le_bytes());
    let sealed = master.seal(Context::Keyring(&file), &body)?;
    file.extend_from_slice(&sealed);
    let sum = blake3::hash(&file);
    file.extend_from_slice(sum.as_bytes());
    Ok(file)
}

/// Whether this is the master key of the store in `dir`, without opening it; true where there is no
/// keyring yet. Errors: `Corrupt`, `Unavailable`.
pub fn master_fits(dir: &Path, master: &MasterKey) -> Result<bool, Error> {
    match find(dir)? {
        Some(found) => Ok(decode(&found.bytes, master)?.is_some()),
        None => Ok(true),
    }
}

/// Whether what lies in `dir` as a keyring, if anything does, can be read by this version; nothing is changed.
/// Errors: `Corrupt`, `Unavailable`.
pub(crate) fn expect_readable(dir: &Path) -> Result<(), Error> {
    find(dir).map(drop)
}

/// Whether these octets of a keyring open with this master key; `None` when they are damaged.
/// Errors: `Corrupt` for an unknown version (I-18).
pub(crate) fn opens(bytes: &[u8], master: &MasterKey) -> Result<Option<bool>, Error> {
    match check(bytes) {
        Ok(()) => Ok(Some(decode(bytes, master)?.is_some())),
        Err(Flaw::Damaged) => Ok(None),
        Err(Flaw::Version(n)) => Err(unknown(n)),
    }
}

fn unknown(version: u32) -> Error {
    Error::cured(Fault::KeyringVersion { version }, Cure::Newer)
}

/// Whether the store in `dir` has a keyring: then it opens with its master key only.
pub fn is_sealed(dir: &Path) -> bool {
    dir.join(FILE).exists() || dir.join(COPY).exists()
}

/// Writes the file and its copy.
pub(super) fn save(dir: &Path, bytes: &[u8], disk: &Disk) -> Result<(), Error> {
    disk.replace(dir, FILE, bytes)?;
    disk.replace(dir, COPY, bytes)
}

/// A keyring's file whose checksum is right.
pub(super) struct Found {
    pub bytes: Vec<u8>,
    /// Whether the other file must be written again.
    pub stale: bool,
    /// The copy, where it is whole as well and another one.
    pub other: Option<Vec<u8>>,
}

/// The keyring, or its copy where it is damaged or missing; `None` when there is neither.
pub(super) fn find(dir: &Path) -> Result<Option<Found>, Error> {
    let (first, copy) = (read(dir, FILE)?, read(dir, COPY)?);
    let (sound, copied) = (first.as_deref().map(check), copy.as_deref().map(check));
    match (sound, copied) {
        (None, None) => Ok(None),
        (Some(Ok(())), copied) => Ok(first.map(|bytes| {
            let stale = copy.as_ref() != Some(&bytes);
            let is_whole = matches!(copied, Some(Ok(())));
            Found {
                bytes,
                stale,
                other: copy.filter(|_| stale && is_whole),
            }
        })),
        // A newer program's keyring is not repaired from anything.
        (Some(Err(Flaw::Version(n))), _) => Err(unknown(n)),
        (was, Some(Ok(()))) => {
            let what = was.map_or("missing", |_| "damaged");
            tracing::warn!("the keyring is {what}; its copy is taken");
            Ok(copy.map(|bytes| Found {
                bytes,
                stale: true,
                other: None,
            }))
        }
        _ => Err(Error::cured(Fault::Keyring, Cure::Keyring)),
    }
}

/// The octets of the keyring in `dir`, or of its copy, that are whole; `None` when there is neither. Nothing is
/// changed. Errors: as of opening it.
pub(crate) fn sound(dir: &Path) -> Result<Option<Vec<u8>>, Error> {
    Ok(find(dir)?.map(|found| found.bytes))
}

/// Whether these are the octets of a keyring, whole.
pub(crate) fn is_whole(bytes: &[u8]) -> bool {
    check(bytes).is_ok()
}

enum Flaw {
    Damaged,
    Version(u32),
}

fn read(dir: &Path, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let path = dir.join(name);
    match std::fs::read(&path) {
        Ok(bytes) => private(&path).map(|()| Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(disk::failed("cannot read", &path, &e)),
    }
}

/// A file of keys is its owner's alone, sealed or not. Errors: `Unavailable`.
fn private(path: &Path) -> Result<(), Error> {
    let about = std::fs::metadata(path).map_err(|e| disk::failed("cannot read", path, &e))?;
    let mode = about.permissions().mode() & 0o7777;
    match mode & OTHERS {
        0 => Ok(()),
        _ => Err(Error::Unavailable(Obstacle::KeyringOpen {
            file: path.display().to_string(),
            mode: format!("{mode:04o}"),
        })),
    }
}

/// Every version ends with the checksum of all before it.
fn check(bytes: &[u8]) -> Result<(), Flaw> {
    let (body, sum) = bytes.split_last_chunk::<SUM>().ok_or(Flaw::Damaged)?;
    if body.len() < HEAD || body[..MAGIC.len()] != *MAGIC || blake3::hash(body) != *sum {
        return Err(Flaw::Damaged);
    }
    let version = u32::from_le_bytes([body[8], body[9], body[10], body[11]]);
    match version {
        VERSION if body.len() > HEAD + SEAL_OCTETS => Ok(()),
        VERSION => Err(Flaw::Damaged),
        other => Err(Flaw::Version(other)),
    }
}

/// The keys of a sound file; `None` under another master key.
pub(super) fn decode(
    bytes: &[u8],
    master: &MasterKey,
) -> Result<Option<(Vec<DataKey>, bool)>, Error> {
    let (head, rest) = bytes.split_at(HEAD);
    let sealed = &rest[..rest.len() - SUM];
    let Some(body) = master.unseal(Context::Keyring(head), sealed) else {
        return Ok(None);
    };
    let strange = || Error::Corrupt("the keyring cannot be read".into());
    let (flags, records) = body.split_first().ok_or_else(strange)?;
    if *flags > HOLDS_PLAIN || records.len() % KEY != 0 || records.len() / KEY > KEYS_MAX {
        return Err(strange());
    }
    let keys = records.chunks_exact(KEY).map(|record| {
        let mut secret = Zeroizing::new([0; KEY_OCTETS]);
        secret.copy_from_slice(&record[20..]);
        let eight = |at: usize| record[at..at + 8].try_into().map(u64::from_le_bytes);
        Some(DataKey {
            id: KeyId(u32::from_le_bytes(record[..4].try_into().ok()?)),
            domain: eight(4).ok()?,
            created_at: eight(12).ok()?.cast_signed(),
            secret,
        })
    });
    let keys: Option<Vec<_>> = keys.collect();
    Ok(Some((keys.ok_or_else(strange)?, *flags == HOLDS_PLAIN)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::tests::{keys, master, options};
    use crate::master::KeySource;
    use crate::seal::Keys;

    fn open(dir: &Path) -> Result<Keys, Error> {
        let keys = Keys::open(&options(dir, KeySource::Master(master())), false)?;
        keys.settle()?;
        Ok(keys)
    }

    fn resum(mut bytes: Vec<u8>) -> Vec<u8> {
        let body = bytes.len() - SUM;
        let sum = blake3::hash(&bytes[..body]);
        bytes[body..].copy_from_slice(sum.as_bytes());
        bytes
    }

    #[test]
    fn one_damaged_or_torn_keyring_is_healed_by_the_other_and_two_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let listed = keys(dir).list();
        let good = std::fs::read(dir.join(FILE)).unwrap();
        let mut wrongs: Vec<Vec<u8>> = (0..good.len()).map(|n| good[..n].to_vec()).collect();
        wrongs.extend((0..good.len()).map(|n| {
            let mut flipped = good.clone();
            flipped[n] ^= 1;
            flipped
        }));
        for (file, other) in [(FILE, COPY), (COPY, FILE)] {
            for wrong in wrongs.iter().step_by(7) {
                std::fs::write(dir.join(file), wrong).unwrap();
                assert_eq!(open(dir).unwrap().list(), listed);
                assert_eq!(std::fs::read(dir.join(file)).unwrap(), good, "healed");
            }
            std::fs::remove_file(dir.join(file)).unwrap();
            assert_eq!(open(dir).unwrap().list(), listed);
            assert_eq!(std::fs::read(dir.join(other)).unwrap(), good);
        }
        for wrong in &wrongs {
            std::fs::write(dir.join(FILE), wrong).unwrap();
            std::fs::write(dir.join(COPY), wrong).unwrap();
            let refused = open(dir).unwrap_err();
            assert!(matches!(refused, Error::Corrupt(_)), "{refused}");
            assert_eq!(&std::fs::read(dir.join(FILE)).unwrap(), wrong, "unchanged");
        }
    }

    #[test]
    fn i18_an_unknown_version_of_the_keyring_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        keys(dir);
        let mut future = std::fs::read(dir.join(FILE)).unwrap();
        future[8] = 9;
        std::fs::write(dir.join(FILE), resum(future)).unwrap();
        let refused = open(dir).unwrap_err().to_string();
        assert!(
            refused.contains("unknown version 9 of the keyring"),
            "{refused}"
        );
    }

    #[test]
    fn the_master_key_vouches_for_the_whole_file() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        keys(dir);
        let good = std::fs::read(dir.join(FILE)).unwrap();
        for at in HEAD..good.len() - SUM {
            let mut forged = good.clone();
            forged[at] ^= 0x10;
            let forged = resum(forged);
            std::fs::write(dir.join(FILE), &forged).unwrap();
            assert!(open(dir).is_err(), "octet {at}");
        }
    }
}
