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
