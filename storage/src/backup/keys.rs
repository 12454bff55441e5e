//! Keys of a backed-up store, read from its snapshots and journal without an index.

use crate::index::{Op, ops_of};
use crate::journal;
use crate::owner::Owner;
use crate::seal::Keys;
use crate::snapshot::Folder;
use crate::{BlobId, EmailId, Error, Options, key};
use crate::{history, rebuild, record};
use std::collections::BTreeMap;

/// All keys that begin with `prefix` and for which `wanted` says so, with their last values.
pub(super) fn read(
    (options, owner): (&Options, Owner),
    prefix: &[u8],
    wanted: &dyn Fn(&[u8]) -> bool,
) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Error> {
    let mut keys = BTreeMap::new();
    let sealing = Keys::open(options, false)?;
    let snapshots = Folder::at(&options.dir, &options.disk, &sealing, owner);
    let chain = snapshots.chain()?;
    let wanted = |key: &[u8]| key.starts_with(prefix) && wanted(key);
    for entry in chain.merged(prefix)?.living() {
        let entry = entry?;
        if !entry.key.starts_with(prefix) {
            break;
        }
        if wanted(&entry.key) {
            keys.insert(entry.key, entry.value.unwrap_or_default());
        }
    }
    let from = rebuild::tail(&snapshots, &chain)?;
    let journal = options.dir.join("journal");
    journal::replay(&journal, &sealing, from, &mut |met| {
        for op in ops_of(met.body) {
            match op? {
                Op::Put(key, value) if wanted(&key) => {
                    keys.insert(key, value);
                }
                Op::Delete(key) if wanted(&key) => {
                    keys.remove(&key);
                }
                _ => {}
            }
        }
        Ok(true)
    })?;
    Ok(keys)
}

/// The content that the value of an account's key names.
pub(super) fn blobs(key: &[u8], value: &[u8], each: &mut dyn FnMut(BlobId)) -> Result<(), Error> {
    match key::kind_of(key) {
        key::STATE => {
            let email = key::number_of(key).and_then(EmailId::new);
            let email = email.ok_or_else(|| Error::Corrupt("a key of a message".into()))?;
            each(record::decode_row(email, value)?.state.blob);
        }
        key::UPLOAD => {
            let id = key.get(key::HEAD..).and_then(|id| id.try_into().ok());
            each(BlobId(id.ok_or_else(|| {
                Error::Corrupt("a key of an upload".into())
            })?));
        }
        // What was removed is still there to be looked back at.
        key::LOG => history::blobs_of(value, each)?,
        _ => {}
    }
    Ok(())
}
