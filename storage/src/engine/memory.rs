//! An engine in memory: for tests, and the model that other engines are compared with.

use super::Engine;
use crate::Error;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock};

/// Keys copied at once by a scan, so that `each` runs without the lock.
const SCAN_PAGE: usize = 256;

#[derive(Default)]
pub(crate) struct MemoryEngine {
    keys: RwLock<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl Engine for MemoryEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        Ok(keys.get(key).cloned())
    }

    fn scan(
        &self,
        prefix: &[u8],
        from: &[u8],
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Error> {
        let mut start = Bound::Included(from.max(prefix).to_vec());
        loop {
            let page: Vec<_> = {
                let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
                keys.range((start, Bound::Unbounded))
                    .take_while(|(k, _)| k.starts_with(prefix))
                    .take(SCAN_PAGE)
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect()
            };
            if !page.iter().all(|(k, v)| each(k, v)) || page.len() < SCAN_PAGE {
                return Ok(());
            }
            start = Bound::Excluded(page.into_iter().last().map(|(k, _)| k).unwrap_or_default());
        }
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    fn delete(&self, key: &[u8]) -> Result<(), Error> {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.remove(key);
        Ok(())
    }

    fn checkpoint(&self) -> Result<(), Error> {
        Ok(())
    }
}
