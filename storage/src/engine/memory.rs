//! An engine in memory: for tests, and the model that other engines are compared with.

use super::{Engine, Op, Page};
use crate::Error;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

#[derive(Default)]
pub(crate) struct MemoryEngine {
    keys: RwLock<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl Engine for MemoryEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        Ok(keys.get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], from: &[u8], keys_max: usize) -> Result<Page, Error> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let mut page = Page::default();
        let pairs = keys.range(from.max(prefix).to_vec()..);
        for (key, value) in pairs.take_while(|(key, _)| key.starts_with(prefix)) {
            if !page.push(key, value, keys_max) {
                break;
            }
        }
        Ok(page)
    }

    fn write(&self, ops: &[Op]) -> Result<(), Error> {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        for op in ops {
            match op {
                Op::Put(key, value) => drop(keys.insert(key.clone(), value.clone())),
                Op::Delete(key) => drop(keys.remove(key)),
            }
        }
        Ok(())
    }

    fn checkpoint(&self) -> Result<(), Error> {
        Ok(())
    }
}
