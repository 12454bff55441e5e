//! Where backups lie: named pieces, written whole. A folder today, an object store later.

use super::Failure;
use crate::Error;
use std::any::Any;

/// Named, immutable pieces. Names are relative, with `/`; nothing is changed in place.
pub trait Vault: Send + Sync {
    /// How people know it.
    fn place(&self) -> String;

    /// Stores a piece: afterwards it is there whole, or it is as before. Its name is durable after
    /// [`Vault::settle`]. Errors: `Unavailable`.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Error>;

    /// A piece. Errors: `NotFound`, `TooLarge` (more than `octets_max`), `Unavailable`.
    fn get(&self, name: &str, octets_max: u64) -> Result<Vec<u8>, Error>;

    /// Names and octets of all pieces whose name begins with `folder/`, in no order.
    fn list(&self, folder: &str) -> Result<Vec<(String, u64)>, Error>;

    /// Removes a piece; absent is fine.
    fn remove(&self, name: &str) -> Result<(), Error>;

    /// Makes all that was put and removed durable.
    fn settle(&self) -> Result<(), Error>;

    /// Keeps others out (`alone`), or keeps out those that want to be alone. Never waits.
    /// Errors: `Busy`.
    fn hold(&self, alone: bool) -> Result<Held, Failure>;

    /// Octets that can still be stored.
    fn free(&self) -> u64;
}

/// Others are kept out until this is dropped.
pub struct Held {
    _lock: Option<Box<dyn Any + Send>>,
}

impl Held {
    /// Until `lock` is dropped; `None` where nobody can change anything.
    pub fn new(lock: Option<Box<dyn Any + Send>>) -> Self {
        Self { _lock: lock }
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Held")
    }
}
