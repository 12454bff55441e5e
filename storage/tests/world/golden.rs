//! Copies of the stores that programs of earlier formats wrote.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use storage::*;

/// A copy of the kept store of this name; it goes when the first part is dropped.
pub fn copied(name: &str, engine: EngineKind) -> (tempfile::TempDir, Options) {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        dir: dir.path().join("store"),
        engine,
        cache_bytes: 1 << 20,
        boot_id: Some("boot".into()),
        clock: Clock::new(|| 1_795_200_000),
        ..Options::default()
    };
    for (path, octets) in tree(&golden(name)) {
        let path = options.dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, octets).unwrap();
    }
    (dir, options)
}

/// Where the kept store of this name lies.
pub fn golden(name: &str) -> PathBuf {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    kept.join(name)
}

/// All files below a folder: paths in it, and octets.
pub fn tree(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = PathBuf::from(path.file_name().unwrap());
        match path.is_dir() {
            true => files.extend(tree(&path).into_iter().map(|(p, o)| (name.join(p), o))),
            false => drop(files.insert(name, fs::read(&path).unwrap())),
        }
    }
    files
}
