//! The keys of a store: which there are, which is the newest of a domain, whose domain an account is.
//!
//! A domain is an agency (a number that the directory gives) or the system. Keys are only ever added,
//! since what lies under an older one stays readable. `file` keeps them, sealed under the master key.

mod choice;
mod file;

pub(crate) use file::{expect_readable, is_whole, opens, sound};
pub use file::{is_sealed, master_fits};

use crate::disk::Disk;
use crate::master::{KEY_OCTETS, KeySource, MasterKey, fill};
use crate::seal::{Cipher, KeyId, Keys, cipher};
use crate::{AccountId, Clock, Error, Obstacle, Options};
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use zeroize::Zeroizing;

/// The domain of what belongs to nobody in particular.
pub const SYSTEM_DOMAIN: u64 = 0;
/// Keys of one store.
const KEYS_MAX: usize = 1 << 17;

/// A data key as an operator may see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct KeyInfo {
    pub id: u32,
    /// Whose: [`SYSTEM_DOMAIN`] or what [`crate::Store::assign_domain`] was given.
    pub domain: u64,
    /// Unix seconds.
    pub created_at: i64,
    /// Whether it is what the domain's new data is sealed under.
    pub newest: bool,
}

/// The open keyring of a store.
pub(crate) struct Ring {
    dir: PathBuf,
    disk: Disk,
    clock: Clock,
    /// Held while the files are changed.
    change: Mutex<()>,
    /// What both files are to be once it opened the store: one of them is missing, damaged or another one.
    pending: Mutex<Option<Vec<u8>>>,
    pub(crate) state: RwLock<State>,
}

/// What readers need of it.
#[derive(Clone)]
pub(crate) struct State {
    master: MasterKey,
    keys: Vec<DataKey>,
    newest: HashMap<u64, KeyId>,
    domains: HashMap<AccountId, u64>,
    pub(crate) holds_plain: bool,
    pub(crate) ciphers: HashMap<KeyId, Arc<Cipher>>,
}

#[derive(Clone)]
struct DataKey {
    id: KeyId,
    domain: u64,
    created_at: i64,
    secret: Zeroizing<[u8; KEY_OCTETS]>,
}

impl State {
    fn new(master: MasterKey, keys: Vec<DataKey>, holds_plain: bool) -> Self {
        let mut state = Self {
            master,
            keys: Vec::with_capacity(keys.len()),
            newest: HashMap::new(),
            domains: HashMap::new(),
            holds_plain,
            ciphers: HashMap::new(),
        };
        keys.into_iter().for_each(|key| state.add(key));
        state
    }

    fn add(&mut self, key: DataKey) {
        self.ciphers.insert(key.id, Arc::new(cipher(&key.secret)));
        self.newest.insert(key.domain, key.id);
        self.keys.push(key);
    }

    /// Adds a fresh key for each of these domains.
    fn draw(&mut self, domains: &BTreeSet<u64>, now: i64) -> Result<(), Error> {
        if self.keys.len() + domains.len() > KEYS_MAX {
            return Err(Error::TooLarge("number of keys"));
        }
        for domain in domains {
            let mut secret = Zeroizing::new([0; KEY_OCTETS]);
            fill(secret.as_mut())?;
            let last = self.last().map_or(0, |id| id.0);
            self.add(DataKey {
                id: KeyId(
                    last.checked_add(1)
                        .ok_or(Error::TooLarge("number of keys"))?,
                ),
                domain: *domain,
                created_at: now,
                secret,
            });
        }
        Ok(())
    }

    /// The key that was made last, whose number is the highest.
    pub(crate) fn last(&self) -> Option<KeyId> {
        self.keys.last().map(|key| key.id)
    }

    /// The newest key of this key's domain; of an unknown key's: the system's.
    pub(crate) fn successor(&self, key: KeyId) -> KeyId {
        let known = self.keys.iter().find(|k| k.id == key);
        self.newest(known.map_or(SYSTEM_DOMAIN, |k| k.domain))
    }

    /// The key for new data of a domain; of one without a key: the system's.
    pub(crate) fn newest(&self, domain: u64) -> KeyId {
        let own = self.newest.get(&domain);
        let found = own.or_else(|| self.newest.get(&SYSTEM_DOMAIN));
        found.copied().unwrap_or(KeyId::PLAIN)
    }

    pub(crate) fn domain_of(&self, account: AccountId) -> u64 {
        self.domains.get(&account).copied().unwrap_or(SYSTEM_DOMAIN)
    }
}

impl Keys {
    /// Opens the keyring, or makes one where there is a master key and none yet; `is_new`: the store
    /// holds nothing so far. Of what was there nothing is changed before [`Keys::settle`]. Errors: `Unavailable`
    /// when the master key is missing or another store's, and where two are whole of which nobody knows whose they
    /// are; `Corrupt` when both files are damaged or of an unknown version.
    pub(crate) fn open(options: &Options, is_new: bool) -> Result<Self, Error> {
        let (dir, source, disk) = (&options.dir, &options.keys, &options.disk);
        let (state, pending) = match (source, file::find(dir)?) {
            (KeySource::None, None) => return Ok(Self::none()),
            (KeySource::None, Some(_)) => {
                return Err(Error::Unavailable(Obstacle::NoMasterKey));
            }
            (KeySource::Master(master), Some(found)) => {
                let chosen = choice::choose(options, master, found)?.ok_or_else(wrong)?;
                (chosen.state, chosen.pending)
            }
            (KeySource::Master(master), None) => {
                let mut state = State::new(master.clone(), Vec::new(), !is_new);
                state.draw(&BTreeSet::from([SYSTEM_DOMAIN]), options.clock.now())?;
                let bytes = file::encode(&state.master, &state.keys, state.holds_plain)?;
                file::save(dir, &bytes, disk)?;
                (state, None)
            }
        };
        Ok(Self::with(options, state, pending))
    }

    fn with(options: &Options, state: State, pending: Option<Vec<u8>>) -> Self {
        let ring = Ring {
            dir: options.dir.clone(),
            disk: options.disk.clone(),
            clock: options.clock.clone(),
            change: Mutex::default(),
            pending: Mutex::new(pending),
            state: RwLock::new(state),
        };
        Self {
            ring: Some(Arc::new(ring)),
        }
    }

    /// The keyring has opened its store: where one of the two files is missing, damaged or not the right one, it is
    /// written again. Not before, as whoever put a wrong one there may still have the right one as the other. Errors:
    /// `Unavailable`.
    pub(crate) fn settle(&self) -> Result<(), Error> {
        let Some(ring) = &self.ring else {
            return Ok(());
        };
        let _turn = lock(&ring.change);
        let pending = ring.pending.lock();
        let mut pending = pending.unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = pending.as_ref() {
            file::save(&ring.dir, bytes, &ring.disk)?;
            *pending = None;
        }
        Ok(())
    }

    /// Of a store that may be in use by another process: reads the keyring and changes nothing. `None` when
    /// this is not its master key, or there is none. Errors: as of [`Keys::open`].
    pub(crate) fn look(options: &Options) -> Result<Option<Self>, Error> {
        let found = match (&options.keys, file::find(&options.dir)?) {
            (_, None) => return Ok(Some(Self::none())),
            (KeySource::None, Some(_)) => return Ok(None),
            (KeySource::Master(master), Some(found)) => choice::choose(options, master, found)?,
        };
        Ok(found.map(|chosen| Self::with(options, chosen.state, None)))
    }

    /// Writes the keyring again when one of its two files is gone or damaged under the open store: with both
    /// gone nobody could open it any more. Whether it did so. Errors: `Unavailable`.
    pub(crate) fn rewrite(&self) -> Result<bool, Error> {
        let Some(ring) = &self.ring else {
            return Ok(false);
        };
        let _turn = lock(&ring.change);
        if matches!(file::find(&ring.dir), Ok(Some(found)) if !found.stale) {
            return Ok(false);
        }
        let state = ring.look().clone();
        let bytes = file::encode(&state.master, &state.keys, state.holds_plain)?;
        file::save(&ring.dir, &bytes, &ring.disk)?;
        tracing::error!("the keyring of the open store was gone or damaged; it was written again");
        Ok(true)
    }

    /// A new key for what one domain writes from now on, or for every domain's. Returns how many.
    /// Errors: `Invalid` for a plain store, `NotFound` for a domain without a key.
    pub(crate) fn rotate(&self, domain: Option<u64>) -> Result<usize, Error> {
        self.change(|state, now| {
            let mut domains: BTreeSet<u64> = state.newest.keys().copied().collect();
            if let Some(domain) = domain {
                domains.retain(|d| *d == domain);
            }
            if domains.is_empty() {
                return Err(Error::NotFound);
            }
            state.draw(&domains, now).map(|()| domains.len())
        })
    }

    /// Seals the keyring under another master key; no data is rewritten.
    pub(crate) fn rotate_master(&self, new: &MasterKey) -> Result<(), Error> {
        self.change(|state, _| {
            state.master = new.clone();
            Ok(())
        })
    }

    /// Makes keys for those of these domains that have none.
    pub(crate) fn ensure(&self, domains: &BTreeSet<u64>) -> Result<(), Error> {
        let missing = |state: &State| -> BTreeSet<u64> {
            let known = |d: &u64| state.newest.contains_key(d);
            domains.iter().copied().filter(|d| !known(d)).collect()
        };
        let Some(ring) = &self.ring else {
            return Ok(());
        };
        if missing(&ring.look()).is_empty() {
            return Ok(());
        }
        self.change(|state, now| state.draw(&missing(state), now))
    }

    /// Remembers whose domain an account is of; the durable word is the row of a table.
    pub(crate) fn note_domain(&self, account: AccountId, domain: u64) {
        if let Some(ring) = &self.ring {
            let mut state = ring.state.write().unwrap_or_else(PoisonError::into_inner);
            state.domains.insert(account, domain);
        }
    }

    /// The domain that was last noted.
    pub(crate) fn domain_of(&self, account: AccountId) -> u64 {
        let ring = self.ring.as_ref();
        ring.map_or(SYSTEM_DOMAIN, |r| r.look().domain_of(account))
    }

    /// All keys, in the order in which they were made.
    pub(crate) fn list(&self) -> Vec<KeyInfo> {
        let Some(ring) = &self.ring else {
            return Vec::new();
        };
        let state = ring.look();
        let info = |key: &DataKey| KeyInfo {
            id: key.id.0,
            domain: key.domain,
            created_at: key.created_at,
            newest: state.newest(key.domain) == key.id,
        };
        state.keys.iter().map(info).collect()
    }

    /// Changes a copy of the state, makes it durable, and only then uses it.
    fn change<T>(
        &self,
        make: impl FnOnce(&mut State, i64) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let ring = self.ring.as_ref();
        let ring = ring.ok_or(Error::Invalid("the store is not encrypted"))?;
        let _turn = lock(&ring.change);
        let mut state = ring.look().clone();
        let made = make(&mut state, ring.clock.now())?;
        file::save(
            &ring.dir,
            &file::encode(&state.master, &state.keys, state.holds_plain)?,
            &ring.disk,
        )?;
        let mut current = ring.state.write().unwrap_or_else(PoisonError::into_inner);
        // Accounts may have been noted meanwhile.
        state.domains = std::mem::take(&mut current.domains);
        *current = state;
        Ok(made)
    }
}

impl Ring {
    fn look(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wrong() -> Error {
    Error::Unavailable(Obstacle::WrongMasterKey)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::path::Path;
    use std::sync::atomic::{AtomicI64, Ordering};

    /// Options of a store in `dir` with this master key, and a clock that counts.
    pub(crate) fn options(dir: &Path, keys: KeySource) -> Options {
        let time = AtomicI64::new(100);
        Options {
            dir: dir.to_owned(),
            keys,
            clock: Clock::new(move || time.fetch_add(1, Ordering::SeqCst)),
            ..Options::default()
        }
    }

    pub(crate) fn master() -> MasterKey {
        MasterKey::new([7; KEY_OCTETS])
    }

    /// The keys of a store in `dir` that was sealed from its first commit.
    pub(crate) fn keys(dir: &Path) -> Keys {
        Keys::open(&options(dir, KeySource::Master(master())), true).unwrap()
    }

    #[test]
    fn a_rotation_is_for_new_data_and_old_keys_stay() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keys(folder.path());
        let (own, other) = (AccountId::new(5).unwrap(), AccountId::new(6).unwrap());
        keys.ensure(&BTreeSet::from([40, 50])).unwrap();
        keys.ensure(&BTreeSet::from([40, 50])).unwrap();
        keys.note_domain(own, 40);
        assert_eq!((keys.system(), keys.of(own)), (KeyId(1), KeyId(2)));
        assert_eq!(keys.of(other), keys.system(), "an account without a domain");
        assert_eq!(keys.rotate(Some(40)), Ok(1));
        assert_eq!((keys.system(), keys.of(own)), (KeyId(1), KeyId(4)));
        assert_eq!(keys.rotate(None), Ok(3));
        assert_eq!(keys.of(own), KeyId(6));
        assert_eq!(keys.rotate(Some(41)), Err(Error::NotFound));
        assert!(Keys::none().rotate(None).is_err());
        let again = tests::keys(folder.path());
        assert_eq!(again.list(), keys.list());
        let newest = |k: &&KeyInfo| k.newest;
        let shown: Vec<_> = again
            .list()
            .iter()
            .filter(newest)
            .map(|k| (k.id, k.domain))
            .collect();
        assert_eq!(shown, [(5, SYSTEM_DOMAIN), (6, 40), (7, 50)]);
        assert_eq!(again.list()[3].created_at, 102);
    }

    #[test]
    fn another_master_key_opens_the_same_data_keys_and_the_old_one_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let ring = keys(folder.path());
        let new = MasterKey::draw().unwrap();
        ring.rotate_master(&new).unwrap();
        let open = |master: MasterKey| {
            Keys::open(&options(folder.path(), KeySource::Master(master)), false)
        };
        assert_eq!(open(new.clone()).unwrap().list(), ring.list());
        let refused = open(master()).unwrap_err().to_string();
        assert!(refused.contains("master key"), "{refused}");
        assert_eq!(master_fits(folder.path(), &new), Ok(true));
        assert_eq!(master_fits(folder.path(), &master()), Ok(false));
    }

    #[test]
    fn a_missing_or_wrong_master_key_is_refused_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        keys(folder.path());
        let octets = || std::fs::read(folder.path().join("keyring")).unwrap();
        let before = octets();
        let check = |source: KeySource, says: &str| {
            let refused = Keys::open(&options(folder.path(), source), false).unwrap_err();
            assert!(
                matches!(&refused, Error::Unavailable(t) if t.to_string().contains(says)),
                "{refused}"
            );
            assert_eq!(octets(), before);
        };
        check(KeySource::None, "no master key");
        let wrong = MasterKey::new([8; KEY_OCTETS]);
        check(KeySource::Master(wrong), "not the one of this store");
    }

    #[test]
    fn nothing_secret_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keys(folder.path());
        assert_eq!(format!("{keys:?}"), "Keys(***)");
    }
}
