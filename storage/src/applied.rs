//! What the index remembers of the journal after which it was written: how far, and by what it can be told from another.

use crate::index::{Index, Op};
use crate::journal::{Journal, Lineage, Mark, Position};
use crate::{Error, key, record};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Up to where, and the last frame there, where one is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Applied {
    pub position: Position,
    pub last: Option<Mark>,
}

impl Applied {
    /// Errors: `Corrupt`. `None` for an index that was never written.
    pub(crate) fn read(index: &Index) -> Result<Option<Self>, Error> {
        let Some(value) = index.get(&key::applied())? else {
            return Ok(None);
        };
        if let Ok(applied) = record::decode(&value, "place") {
            return Ok(Some(applied));
        }
        // As it was written before marks were.
        let position = record::decode(&value, "place")?;
        let last = None;
        Ok(Some(Self { position, last }))
    }
}

/// What an index was told of its journal; nothing where that cannot be read.
pub(crate) fn lineage(index: &Index, applied: Option<Applied>) -> Lineage {
    let begun = index.get(&key::begun()).ok().flatten();
    let begun = begun.and_then(|value| record::decode(&value, "journal").ok());
    Lineage {
        last: applied.and_then(|applied| applied.last),
        begun: begun.unwrap_or_default(),
    }
}

/// Whether an index is known to have been written after another journal than the one in `dir` (I-19).
pub(crate) fn is_of_another(index: &Index, dir: &Path) -> bool {
    let applied = Applied::read(index).ok().flatten();
    lineage(index, applied).is_anothers(dir)
}

/// Remembers in the index how far it was written, so that an index ahead of the journal is noticed.
pub(crate) fn note(index: &Index, position: Position, lineage: &Lineage) -> Result<(), Error> {
    index.write(vec![
        place(position, lineage)?,
        Op::Put(key::begun(), record::encode(&lineage.begun)?),
    ])
}

/// The same, of a journal that is written: what goes to the index with the commits up to its end.
pub(crate) fn ops(journal: &Journal, told: &mut usize) -> Result<Vec<Op>, Error> {
    let lineage = journal.lineage();
    let mut ops = vec![place(journal.end(), lineage)?];
    if *told != journal.begun() {
        *told = journal.begun();
        ops.push(Op::Put(key::begun(), record::encode(&lineage.begun)?));
    }
    Ok(ops)
}

fn place(position: Position, lineage: &Lineage) -> Result<Op, Error> {
    let last = lineage.last;
    let applied = Applied { position, last };
    Ok(Op::Put(key::applied(), record::encode(&applied)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EngineKind, Error, Options, Store, engine};
    use std::fs;

    fn options(dir: &Path) -> Options {
        Options {
            dir: dir.to_owned(),
            engine: EngineKind::Sled,
            reserve_bytes: 0,
            boot_id: Some("boot".into()),
            ..Options::default()
        }
    }

    fn put(options: &Options, rows: usize, octets: usize) {
        let store = Store::open(options).unwrap();
        for row in 0..rows {
            let value = Some(vec![b'x'; octets]);
            store.table("t").put(&row.to_be_bytes(), value).unwrap();
        }
        store.close().unwrap();
    }

    /// Leaves the index as it was written before marks were.
    fn forget_marks(options: &Options) {
        let dir = options.dir.join("index");
        let index = Index::new(engine::open(options.engine, &dir, 1 << 20).unwrap());
        let position = Applied::read(&index).unwrap().unwrap().position;
        let old = record::encode(&position).unwrap();
        let ops = vec![Op::Put(key::applied(), old), Op::Delete(key::begun())];
        index.write(ops).unwrap();
        index.checkpoint().unwrap();
    }

    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let (path, to) = entry.map(|e| (e.path(), to.join(e.file_name()))).unwrap();
            match path.is_dir() {
                true => copy(&path, &to),
                false => drop(fs::copy(path, to).unwrap()),
            }
        }
    }

    /// Copies of a store that an older program let go apart in one segment.
    #[test]
    fn i19_an_index_without_marks_gets_them_with_the_first_open() {
        for (ours, others, covered) in [(3, 9, false), (9, 3, false), (3, 9, true)] {
            let dir = tempfile::tempdir().unwrap();
            let [own, twin] = ["own", "twin"].map(|name| options(&dir.path().join(name)));
            put(&own, 5, 10);
            copy(&own.dir, &twin.dir);
            for (options, rows) in [(&own, ours), (&twin, others)] {
                put(options, rows, 100 + rows);
                if covered && options.dir == twin.dir {
                    // Its journal goes on in a segment of the older program that the other has not.
                    let store = Store::open(options).unwrap();
                    store.snapshot().unwrap();
                    store.close().unwrap();
                    drop(store);
                    put(options, 1, 10);
                }
                forget_marks(options);
                put(options, 1, 10);
            }
            fs::remove_dir_all(own.dir.join("index")).unwrap();
            copy(&twin.dir.join("index"), &own.dir.join("index"));
            let refused = Store::open(&own).map(drop).unwrap_err();
            let Error::Corrupt(why) = &refused else {
                panic!("{refused}");
            };
            assert!(matches!(why.what, crate::Fault::Apart { .. }), "{refused}");
            Store::rebuild(&own).unwrap();
            let rows = Store::open(&own).unwrap();
            let last = rows.table("t").row(&2_usize.to_be_bytes()).unwrap();
            assert_eq!(last.unwrap().len(), 100 + ours);
        }
    }
}
