//! Encryption at rest: what lies in the files of a store, and who may open it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod world;

use std::path::Path;
use storage::*;
use world::{keyword, new_mailbox};

fn master() -> MasterKey {
    MasterKey::new([42; 32])
}

fn options(dir: &Path, keys: KeySource) -> Options {
    Options {
        dir: dir.to_owned(),
        keys,
        reserve_bytes: 0,
        boot_id: Some("this".into()),
        ..Options::default()
    }
}

fn open(dir: &Path, keys: &KeySource) -> Result<Store, Error> {
    Store::open(&options(dir, keys.clone()))
}

fn sealed() -> KeySource {
    KeySource::Master(master())
}

fn mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Puts a row, so that there is something to find again.
fn put(store: &Store, key: &[u8], value: &[u8]) {
    store.table("t").put(key, Some(value.to_vec())).unwrap();
}

fn row(store: &Store, key: &[u8]) -> Option<Vec<u8>> {
    store.table("t").row(key).unwrap()
}

/// The names of a folder's files and their octets, but not those that any open writes.
fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("lock") {
                all.push((path.display().to_string(), std::fs::read(&path).unwrap()));
            }
        }
    }
    all.sort();
    all
}

#[test]
fn a_sealed_store_opens_with_its_master_key_only_and_refusals_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let store = open(dir, &sealed()).unwrap();
    assert!(store.is_sealed());
    put(&store, b"k", b"value");
    store.close().unwrap();
    drop(store);
    let before = files(dir);
    let check = |keys: KeySource, says: &str| {
        let Err(Error::Unavailable(refused)) = open(dir, &keys) else {
            panic!("opened");
        };
        assert!(refused.to_string().contains(says), "{refused}");
        assert_eq!(files(dir), before);
    };
    check(KeySource::None, "no master key");
    check(KeySource::Master(MasterKey::new([1; 32])), "not the one");
    assert_eq!(master_fits(dir, &master()), Ok(true));
    // Without its keyring it is not taken for a plain store, nor given new keys.
    let names = ["keyring", "keyring.copy"].map(|name| dir.join(name));
    let octets = std::fs::read(&names[0]).unwrap();
    names
        .iter()
        .for_each(|name| std::fs::remove_file(name).unwrap());
    for keys in [KeySource::None, sealed()] {
        let Err(Error::Unavailable(refused)) = open(dir, &keys) else {
            panic!("opened");
        };
        assert!(
            refused.to_string().contains("its keyring is gone"),
            "{refused}"
        );
        assert!(names.iter().all(|name| !name.exists()));
    }
    std::fs::write(&names[0], octets).unwrap();
    mode(&names[0], 0o644);
    let Err(Error::Unavailable(refused)) = open(dir, &sealed()) else {
        panic!("opened");
    };
    assert!(refused.to_string().contains("chmod 600"), "{refused}");
    mode(&names[0], 0o600);
    let store = open(dir, &sealed()).unwrap();
    assert_eq!(row(&store, b"k").unwrap(), b"value");
}

#[test]
fn a_plain_store_that_is_sealed_later_reads_both_and_a_rebuild_seals_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let store = open(dir, &KeySource::None).unwrap();
    assert!(!store.is_sealed());
    put(&store, b"old", b"plain value");
    store.close().unwrap();
    drop(store);
    let store = open(dir, &sealed()).unwrap();
    put(&store, b"new", b"other value");
    let print = store.fingerprint().unwrap();
    let both = |store: &Store| {
        assert_eq!(row(store, b"old").unwrap(), b"plain value");
        assert_eq!(row(store, b"new").unwrap(), b"other value");
        assert_eq!(store.check().unwrap(), Vec::<String>::new());
    };
    both(&store);
    store.close().unwrap();
    drop(store);
    std::fs::remove_dir_all(dir.join("index")).unwrap();
    let store = open(dir, &sealed()).unwrap();
    both(&store);
    assert_eq!(store.fingerprint().unwrap(), print, "as it was, but sealed");
}

#[test]
fn domains_and_rotations_outlive_restarts_and_rebuilds() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let account = AccountId::new(9).unwrap();
    let store = open(dir, &sealed()).unwrap();
    store.assign_domain(account, 77).unwrap();
    store.assign_domain(account, 77).unwrap();
    assert_eq!(store.data_keys().len(), 2);
    assert_eq!(store.rotate_keys(None), Ok(2));
    put(&store, b"k", b"v");
    let new = MasterKey::draw().unwrap();
    store.rotate_master(&new).unwrap();
    put(&store, b"l", b"w");
    drop(store); // as a crash
    assert!(open(dir, &sealed()).is_err());
    for rebuild in [false, true, true] {
        if rebuild {
            std::fs::remove_dir_all(dir.join("index")).unwrap();
        }
        let store = open(dir, &KeySource::Master(new.clone())).unwrap();
        store.snapshot().unwrap(); // the next rebuild reads it
        assert_eq!(store.domain_of(account), 77);
        assert_eq!(store.data_keys().len(), 4);
        assert_eq!(row(&store, b"k").unwrap(), b"v");
        assert_eq!(row(&store, b"l").unwrap(), b"w");
    }
}

#[test]
fn a_plain_store_knows_no_domains_and_rotates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &KeySource::None).unwrap();
    store.assign_domain(AccountId::new(9).unwrap(), 77).unwrap();
    assert_eq!(store.domain_of(AccountId::new(9).unwrap()), 0);
    assert!(store.data_keys().is_empty());
    assert!(matches!(store.rotate_keys(None), Err(Error::Invalid(_))));
    assert!(matches!(
        store.rotate_master(&master()),
        Err(Error::Invalid(_))
    ));
}

#[test]
fn options_show_no_secret() {
    let shown = format!("{:?}", options(Path::new("x"), sealed()));
    assert!(
        shown.contains("***") && !shown.contains("42, 42"),
        "{shown}"
    );
}

/// Words that lie in each kind of record, none of them in a key.
const WORDS: [&str; 6] = [
    "kho4-bau-chu-de",
    "n0i-dung-than-thu",
    "dia.chi@gia-tri.vn",
    "tu-kho4-rieng",
    "ten-hop-thu-mat",
    "tep-dinh-kem.pdf",
];

/// A letter, an upload, a keyword, a mailbox, a row and a queued item with these words in them.
fn fill(store: &Store) {
    let account = AccountId::new(7).unwrap();
    store.assign_domain(account, 70).unwrap();
    let mail = store.account(account);
    let mut writer = mail.write().unwrap();
    let inbox = writer.create_mailbox(new_mailbox(WORDS[4], None)).unwrap();
    writer.commit().unwrap();
    let text = format!(
        "From: a@x.vn\r\nSubject: {}\r\nContent-Disposition: attachment; filename={}\r\n\r\n{}\r\n",
        WORDS[0], WORDS[5], WORDS[1]
    );
    let placed = world::deliver(store, 7, inbox, &text, Some(3)).unwrap();
    let mut writer = mail.write().unwrap();
    let change = KeywordChange::Add(vec![keyword(WORDS[3])]);
    assert!(writer.keywords(placed.email, &change).unwrap());
    writer.commit().unwrap();
    let blob = mail.upload(WORDS[1].as_bytes(), 1).unwrap();
    let payload = WORDS[2].as_bytes().to_vec();
    store.queue().put(5, blob, payload).unwrap();
    put(store, b"k", WORDS[2].as_bytes());
}

#[test]
fn no_file_of_a_sealed_store_shows_a_word_and_a_plain_one_shows_all() {
    for (keys, shown) in [(sealed(), false), (KeySource::None, true)] {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let store = open(dir, &keys).unwrap();
        fill(&store);
        // The journal before and after it was covered by a snapshot.
        let mut files = files(dir);
        store.snapshot().unwrap();
        store.close().unwrap();
        drop(store);
        files.extend(self::files(dir));
        assert!(files.iter().any(|(name, _)| name.ends_with(".snap")));
        for word in WORDS {
            let where_ = showing(&files, word);
            assert_eq!(!where_.is_empty(), shown, "{word} in {where_:?}");
        }
    }
}

/// The names of the files in which this word can be read.
fn showing<'a>(files: &'a [(String, Vec<u8>)], word: &str) -> Vec<&'a str> {
    let has = |octets: &[u8]| octets.windows(word.len()).any(|w| w == word.as_bytes());
    let found = files.iter().filter(|(_, octets)| has(octets));
    found.map(|(name, _)| name.as_str()).collect()
}

#[test]
fn upkeep_rebuild_and_another_engine_show_no_word_either() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let store = open(dir, &sealed()).unwrap();
    fill(&store);
    store.snapshot().unwrap();
    store.maintain(&Policy::default()).unwrap();
    let print = store.fingerprint().unwrap();
    store.close().unwrap();
    drop(store);
    Store::rebuild(&options(dir, sealed())).unwrap();
    Store::migrate(&options(dir, sealed()), EngineKind::Fjall).unwrap();
    let moved = Options {
        engine: EngineKind::Fjall,
        ..options(dir, sealed())
    };
    let store = Store::open(&moved).unwrap();
    assert_eq!(store.fingerprint().unwrap(), print);
    assert_eq!(store.check().unwrap(), Vec::<String>::new());
    store.close().unwrap();
    drop(store);
    for word in WORDS {
        assert_eq!(showing(&files(dir), word), Vec::<&str>::new(), "{word}");
    }
    // The mark that it is sealed outlived the move.
    for name in ["keyring", "keyring.copy"] {
        std::fs::remove_file(dir.join(name)).unwrap();
    }
    assert!(Store::open(&moved).is_err());
}

/// The power fails at each step of a change of keys: afterwards the old master key opens the store or
/// the new one does, and whatever was acknowledged under any data key is there.
#[test]
fn a_change_of_keys_may_be_cut_off_at_any_step() {
    let account = AccountId::new(9).unwrap();
    for steps in 0..48 {
        let folder = tempfile::tempdir().unwrap();
        let new = MasterKey::new([43; 32]);
        let disk = Disk::forgetful(steps);
        let with = |keys: KeySource| Options {
            disk: disk.clone(),
            engine: EngineKind::Memory,
            sizes: Sizes {
                ahead: 0,
                ..Sizes::default()
            },
            ..options(folder.path(), keys)
        };
        let store = Store::open(&with(sealed())).unwrap();
        put(&store, b"before", b"1");
        disk.fail_after(steps);
        let assigned = store.assign_domain(account, 9).is_ok();
        let rotated = store.rotate_keys(None).is_ok();
        let written = store.table("t").put(b"after", Some(b"2".to_vec())).is_ok();
        let changed = store.rotate_master(&new).is_ok();
        drop(store);
        disk.power_cut().unwrap();
        let fits = |master: &MasterKey| master_fits(folder.path(), master).unwrap();
        assert!(fits(&master()) != fits(&new), "one of the two, at {steps}");
        assert!(!changed || fits(&new), "acknowledged at {steps}");
        let master = if fits(&new) { new } else { master() };
        let store = Store::open(&with(KeySource::Master(master))).unwrap();
        assert_eq!(row(&store, b"before").unwrap(), b"1", "at {steps}");
        assert!(!written || row(&store, b"after").is_some(), "at {steps}");
        assert!(!assigned || store.domain_of(account) == 9, "at {steps}");
        let least = if rotated { 3 } else { 1 };
        assert!(store.data_keys().len() >= least, "at {steps}");
        assert_eq!(store.check().unwrap(), Vec::<String>::new());
    }
}

#[test]
fn a_store_of_the_first_format_is_sealed_as_it_is_upgraded() {
    let folder = tempfile::tempdir().unwrap();
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1-store");
    for (name, octets) in files(&kept) {
        let path = folder
            .path()
            .join(Path::new(&name).strip_prefix(&kept).unwrap());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, octets).unwrap();
    }
    let mut prints = Vec::new();
    for _ in 0..2 {
        let store = open(folder.path(), &sealed()).unwrap();
        assert!(store.is_sealed());
        assert_eq!(store.check().unwrap(), Vec::<String>::new());
        prints.push(store.fingerprint().unwrap());
        store.close().unwrap();
    }
    assert_eq!(prints[0], prints[1]);
    assert!(open(folder.path(), &KeySource::None).is_err());
}
