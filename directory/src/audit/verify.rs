//! Verifying the chain: every entry that is there, its hash anew, and that what is not there was cut off by it.

use super::{AUDIT_PAGE_MAX, Chain, Entry, cut};
use crate::fact::table;
use crate::{Directory, Error};

/// Walks of one verification: entries that are cut off while it walks make it begin anew.
const TRIES_MAX: usize = 3;

/// Why the chain does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// There is no entry of this number, though later ones are, or were.
    Missing,
    /// It is not what its hash says, or its hash does not follow on the one before.
    Changed,
    /// It cannot be read.
    Unreadable,
    /// Entries before it are gone, and no entry says that they were cut off.
    CutOff,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The first entry that is there; 0: none is.
    pub first: u64,
    /// The last one, and its hash: who noted them elsewhere sees whether the whole chain was written anew.
    pub last: u64,
    #[allow(missing_docs)]
    pub hash: [u8; 32],
    /// Entries that fit.
    pub checked: u64,
    /// Where the chain breaks first.
    pub broken: Option<(u64, Broken)>,
}

impl Directory {
    /// Recomputes the chain; the number of the first entry that does not fit.
    pub fn audit_check(&self) -> Result<Option<u64>, Error> {
        let found = self.audit_verify(&mut |_, _| true)?;
        Ok(found.broken.map(|(number, _)| number))
    }

    /// The same with what was found. `tell` hears how many entries are done, of how many; where it answers false, the
    /// verification ends there. What is entered meanwhile is not looked at.
    pub fn audit_verify(&self, tell: &mut dyn FnMut(u64, u64) -> bool) -> Result<Verified, Error> {
        let mut left = TRIES_MAX;
        loop {
            let (begins, until) = {
                let acts = self.acts();
                (self.audit_begins()?, acts.chain.clone())
            };
            let found = self.walk(&begins, &until, tell)?;
            left -= 1;
            // What was cut off meanwhile is not missing.
            if found.broken.is_none() || left == 0 || self.audit_begins()?.last == begins.last {
                return Ok(found);
            }
        }
    }

    fn walk(
        &self,
        begins: &Chain,
        until: &Chain,
        tell: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<Verified, Error> {
        let total = until.last.saturating_sub(begins.last);
        let mut chain = begins.clone();
        let mut cut_is_told = begins.last == 0;
        let mut found = Verified {
            first: if total == 0 { 0 } else { begins.last + 1 },
            last: until.last,
            hash: until.hash,
            checked: 0,
            broken: None,
        };
        while chain.last < until.last {
            let rows = self.inner.store.table(table::AUDIT);
            let rows = rows.rows(&[], Some(&chain.last.to_be_bytes()), AUDIT_PAGE_MAX)?;
            let page_begins = chain.last;
            for (_, value) in &rows {
                if chain.last >= until.last {
                    break;
                }
                match broken(&chain, value) {
                    Ok(entry) => {
                        cut_is_told |= cut::tells_of(&entry, begins);
                        chain.follow(&entry);
                        found.checked += 1;
                    }
                    Err(why) => {
                        found.broken = Some((chain.last + 1, why));
                        return Ok(found);
                    }
                }
            }
            if chain.last == page_begins {
                found.broken = Some((chain.last + 1, Broken::Missing));
                return Ok(found);
            }
            if !tell(found.checked, total) {
                return Ok(found);
            }
        }
        if chain.hash != until.hash {
            found.broken = Some((until.last, Broken::Changed));
        } else if !cut_is_told {
            found.broken = Some((begins.last + 1, Broken::CutOff));
        }
        Ok(found)
    }
}

/// The entry, where it is the one that comes next.
fn broken(chain: &Chain, value: &[u8]) -> Result<Entry, Broken> {
    let entry = Entry::read(value).map_err(|_| Broken::Unreadable)?;
    match chain.fits(&entry) {
        true => Ok(entry),
        false if entry.number > chain.last + 1 => Err(Broken::Missing),
        false => Err(Broken::Changed),
    }
}
