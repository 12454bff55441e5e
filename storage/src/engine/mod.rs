//! The ordered key-value engine under the index. It is asked neither for durability nor for
//! atomicity: the journal has both (DESIGN idea 6).

mod memory;
mod sled;

pub(crate) use self::memory::MemoryEngine;
use self::sled as on_disk;
pub(crate) use on_disk::SledEngine;

use crate::Error;

/// Largest value the engines are given, octets: over some 8 KB sled slows down (measured).
pub(crate) const VALUE_OCTETS_MAX: usize = 8_000;

/// What the index needs of an engine.
pub(crate) trait Engine: Send + Sync {
    /// One value.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;
    /// Visits keys greater than or equal to `from` that begin with `prefix`, in order, until `each` returns false.
    fn scan(
        &self,
        prefix: &[u8],
        from: &[u8],
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Error>;
    /// Puts one value.
    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), Error>;
    /// Removes one key; absent is fine.
    fn delete(&self, key: &[u8]) -> Result<(), Error>;
    /// Returns when everything put before the call is on disk.
    fn checkpoint(&self) -> Result<(), Error>;
}
