//! That commits were lost for good: whoever gives numbers of its own and keeps them in tables must leap ahead too,
//! since what it gave may be forgotten. A store that came out of a backup lost what was committed since that was made.

use crate::{AccountId, Error, Store, master};
use serde::{Deserialize, Serialize};

const TABLE: &str = "storage.loss";
const ROW: &[u8] = b"last";
/// Beside it, when it came of a restore: the mark again, and out of which backup.
const RESTORED: &[u8] = b"restored";
const MARK: usize = 16;

/// The last time that commits were lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Drawn then: another one means that more was lost since.
    pub mark: [u8; MARK],
    /// The highest account of which anything was left.
    pub last_account: Option<AccountId>,
    /// It was no damage: the store was restored from this backup, which was whole.
    pub restored: Option<Origin>,
}

/// The backup from which a store was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Its name, as a list of backups shows it.
    pub backup: String,
    /// When it was taken, Unix seconds.
    pub taken_at: i64,
}

impl Origin {
    /// As it lies in a folder that was restored, until that is opened.
    pub(crate) fn octets(&self) -> Result<Vec<u8>, Error> {
        postcard::to_stdvec(self).map_err(|_| Error::Invalid("a backup's name"))
    }

    /// `None` for what earlier versions wrote, and where the backup was not whole.
    pub(super) fn read(octets: &[u8]) -> Option<Self> {
        postcard::from_bytes(octets).ok()
    }
}

impl Loss {
    pub(super) fn draw(last_account: Option<AccountId>) -> Result<Self, Error> {
        let mut mark = [0; MARK];
        master::fill(&mut mark)?;
        Ok(Self {
            mark,
            last_account,
            restored: None,
        })
    }

    pub(super) fn write(&self, store: &Store) -> Result<(), Error> {
        let mut row = self.mark.to_vec();
        let account = self.last_account.map_or(0, AccountId::raw);
        row.extend_from_slice(&account.to_be_bytes());
        store.table(TABLE).put(ROW, Some(row))
    }

    /// Says that the last loss was a restore.
    pub(super) fn came_of(store: &Store, origin: &Origin) -> Result<(), Error> {
        let Some(loss) = store.loss()? else {
            return Ok(());
        };
        let mut row = loss.mark.to_vec();
        row.extend_from_slice(&origin.octets()?);
        store.table(TABLE).put(RESTORED, Some(row))
    }
}

impl Store {
    /// The last time that commits of this store were lost, by a repair or since it was restored; `None`: there never
    /// was one. Errors: `Corrupt`.
    pub fn loss(&self) -> Result<Option<Loss>, Error> {
        let Some(row) = self.table(TABLE).row(ROW)? else {
            return Ok(None);
        };
        let parts = row.split_first_chunk::<MARK>();
        let loss = parts.and_then(|(mark, account)| {
            let account = u32::from_be_bytes(account.try_into().ok()?);
            Some((*mark, AccountId::new(account)))
        });
        let (mark, last_account) =
            loss.ok_or_else(|| Error::Corrupt("the row of a loss cannot be read".into()))?;
        let restored = self.table(TABLE).row(RESTORED)?;
        let restored = restored.and_then(|row| Origin::read(row.strip_prefix(&mark)?));
        Ok(Some(Loss {
            mark,
            last_account,
            restored,
        }))
    }
}
