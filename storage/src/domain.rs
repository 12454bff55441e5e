//! Whose key an account's data is sealed under: a number for each account, which the directory gives
//! (its agency's). The word is a row of a table, so it is as durable as a commit and a rebuilt index
//! has it; the keyring follows in memory.

use crate::commit::Number;
use crate::index::{Index, Op};
use crate::keyring::{KeyInfo, SYSTEM_DOMAIN};
use crate::master::MasterKey;
use crate::seal::Keys;
use crate::*;
use std::collections::BTreeSet;

/// Name of the table; fixed for ever. The key is the account, the value the domain, both big-endian.
const TABLE: &str = "seal.domain";
/// Rows of one commit.
const ROWS_MAX: usize = 10_000;

/// What a row of the index says, when it is one of these.
fn read(key: &[u8], value: &[u8]) -> Option<(AccountId, u64)> {
    let account = key.strip_prefix(key::table(TABLE).as_slice())?;
    let account = AccountId::new(u32::from_be_bytes(account.try_into().ok()?))?;
    let domain = record::body(value, "row").ok()?.try_into().ok()?;
    Some((account, u64::from_be_bytes(domain)))
}

/// Looks at what is written to the index.
pub(crate) fn note(keys: &Keys, key: &[u8], value: &[u8]) {
    if keys.is_on()
        && key::kind_of(key) == key::TABLE
        && let Some((account, domain)) = read(key, value)
    {
        keys.note_domain(account, domain);
    }
}

/// Remembers all rows of an index that was opened.
pub(crate) fn load(keys: &Keys, index: &Index) -> Result<(), Error> {
    if !keys.is_on() {
        return Ok(());
    }
    let prefix = key::table(TABLE);
    index.scan(&prefix, &prefix, &mut |key, value| {
        note(keys, key, value);
        Ok(true)
    })
}

impl Store {
    /// Whether what is written now is encrypted.
    pub fn is_sealed(&self) -> bool {
        self.inner.shared.keys.is_on()
    }

    /// From now on this account's data is sealed under the key of this domain (0: the system's);
    /// what was written before stays as it is and readable. A plain store remembers nothing.
    /// The domain gets a key if it has none.
    pub fn assign_domain(&self, account: AccountId, domain: u64) -> Result<(), Error> {
        self.assign_domains(&[(account, domain)])
    }

    /// The same for many at once; those that are so already cost nothing.
    pub fn assign_domains(&self, accounts: &[(AccountId, u64)]) -> Result<(), Error> {
        let keys = &self.inner.shared.keys;
        if !keys.is_on() {
            return Ok(());
        }
        let differs = |(account, domain): &&(AccountId, u64)| keys.domain_of(*account) != *domain;
        let new: Vec<_> = accounts.iter().filter(differs).collect();
        let mut domains: BTreeSet<u64> = new.iter().map(|(_, domain)| *domain).collect();
        domains.remove(&SYSTEM_DOMAIN);
        keys.ensure(&domains)?;
        for some in new.chunks(ROWS_MAX) {
            let row = |(account, domain): &&(AccountId, u64)| {
                let mut value = vec![record::VERSION];
                value.extend_from_slice(&domain.to_be_bytes());
                Op::Put(key::row(TABLE, &account.raw().to_be_bytes()), value)
            };
            let ops = some.iter().map(row).collect();
            self.submit(AccountId::SYSTEM, Number::None, ops, &[], Box::new(|| {}))?;
        }
        Ok(())
    }

    /// The domain that was assigned last; 0 without one and in a plain store.
    pub fn domain_of(&self, account: AccountId) -> u64 {
        self.inner.shared.keys.domain_of(account)
    }

    /// The data keys, oldest first; none in a plain store.
    pub fn data_keys(&self) -> Vec<KeyInfo> {
        self.inner.shared.keys.list()
    }

    /// A new key for what one domain, or every one, writes from now on. Rewrites nothing; older keys
    /// stay for reading. Returns how many. Errors: `Invalid` (plain store), `NotFound` (no such domain).
    pub fn rotate_keys(&self, domain: Option<u64>) -> Result<usize, Error> {
        self.inner.shared.keys.rotate(domain)
    }

    /// Seals the keyring under another master key; rewrites nothing else. When it returns, the old
    /// master key opens nothing any more. Errors: `Invalid` (plain store), `Unavailable`.
    pub fn rotate_master(&self, new: &MasterKey) -> Result<(), Error> {
        self.inner.shared.keys.rotate_master(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::tests::{master, options};

    /// The key under which content lies in its pack.
    fn key_of(store: &Store, blob: BlobId) -> u32 {
        let shared = &store.inner.shared;
        let place = shared.packs.locate(blob, &shared.index).unwrap();
        let pack = shared.dir.join(format!("packs/{:06}.pack", place.pack));
        let octets = std::fs::read(pack).unwrap();
        let key = &octets[place.offset as usize + 8..][..4];
        u32::from_le_bytes(key.try_into().unwrap())
    }

    /// Octets that do not press, another lot for each number.
    fn noise(number: u32) -> Vec<u8> {
        let mut octets = vec![0; 2_000];
        let mut reader = blake3::Hasher::new()
            .update(&number.to_le_bytes())
            .finalize_xof();
        reader.fill(&mut octets);
        octets
    }

    #[test]
    fn compaction_seals_what_was_written_before_encryption_was_on() {
        let folder = tempfile::tempdir().unwrap();
        let small = |keys| Options {
            sizes: Sizes {
                pack: 6_000,
                ..Sizes::default()
            },
            ..options(folder.path(), keys)
        };
        let account = AccountId::new(5).unwrap();
        let store = Store::open(&small(KeySource::None)).unwrap();
        // Every other one is old, and nobody's after a while.
        let put = |n: u32| {
            let at = if n.is_multiple_of(2) { 1 } else { 1 << 40 };
            store.account(account).upload(&noise(n), at).unwrap()
        };
        let blobs: Vec<BlobId> = (0..24).map(put).collect();
        store.close().unwrap();
        drop(store);
        let store = Store::open(&small(KeySource::Master(master()))).unwrap();
        let kept: Vec<u32> = (1..20).step_by(2).collect();
        for n in &kept {
            assert_eq!(key_of(&store, blobs[*n as usize]), 0, "still plain");
        }
        let policy = Policy {
            upload_window_s: 10,
            collect_every_s: 0,
            dead_percent: 20,
            ..Policy::default()
        };
        for _ in 0..3 {
            store.maintain(&policy).unwrap();
        }
        let mut plain = Vec::new();
        for pack in std::fs::read_dir(folder.path().join("packs")).unwrap() {
            plain.extend(std::fs::read(pack.unwrap().path()).unwrap());
        }
        for n in kept {
            let (blob, noise) = (blobs[n as usize], noise(n));
            assert_ne!(key_of(&store, blob), 0, "sealed");
            assert_eq!(store.blob(blob).unwrap()[..], noise);
            let shows = plain.windows(noise.len()).any(|octets| octets == noise);
            assert!(!shows, "{n} lies there plain");
        }
        assert_eq!(store.check_deep().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn content_lies_under_the_key_of_whose_it_is_and_what_is_known_stays_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let options = options(folder.path(), KeySource::Master(master()));
        let store = Store::open(&options).unwrap();
        let (one, two) = (AccountId::new(5).unwrap(), AccountId::new(6).unwrap());
        store.assign_domains(&[(one, 50), (two, 60)]).unwrap();
        let shared = store.put_blob(b"a circular").unwrap();
        let own = store.account(one).upload(b"a draft", 1).unwrap();
        store.account(two).upload(b"a draft", 1).unwrap();
        store.account(two).upload(b"a circular", 1).unwrap();
        assert_eq!((key_of(&store, shared), key_of(&store, own)), (1, 2));
        assert_eq!(store.rotate_keys(Some(50)), Ok(1));
        let later = store.account(one).upload(b"another draft", 1).unwrap();
        assert_eq!((key_of(&store, own), key_of(&store, later)), (2, 4));
        for (blob, text) in [
            (shared, "a circular"),
            (own, "a draft"),
            (later, "another draft"),
        ] {
            assert_eq!(&store.blob(blob).unwrap()[..], text.as_bytes());
        }
    }
}
