//! That commits were lost for good: whoever gives numbers of its own and keeps them in tables must leap ahead too,
//! since what it gave may be forgotten.

use crate::{AccountId, Error, Store, master};

const TABLE: &str = "storage.loss";
const ROW: &[u8] = b"last";
const MARK: usize = 16;

/// The last repair that lost commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// Drawn by that repair: another one means that more was lost since.
    pub mark: [u8; MARK],
    /// The highest account of which anything was left.
    pub last_account: Option<AccountId>,
}

impl Loss {
    pub(super) fn draw(last_account: Option<AccountId>) -> Result<Self, Error> {
        let mut mark = [0; MARK];
        master::fill(&mut mark)?;
        Ok(Self { mark, last_account })
    }

    pub(super) fn write(self, store: &Store) -> Result<(), Error> {
        let mut row = self.mark.to_vec();
        let account = self.last_account.map_or(0, AccountId::raw);
        row.extend_from_slice(&account.to_be_bytes());
        store.table(TABLE).put(ROW, Some(row))
    }
}

impl Store {
    /// The last repair of this store that lost commits; `None`: there never was one. Errors: `Corrupt`.
    pub fn loss(&self) -> Result<Option<Loss>, Error> {
        let Some(row) = self.table(TABLE).row(ROW)? else {
            return Ok(None);
        };
        let parts = row.split_first_chunk::<MARK>();
        let loss = parts.and_then(|(mark, account)| {
            let account = u32::from_be_bytes(account.try_into().ok()?);
            Some(Loss {
                mark: *mark,
                last_account: AccountId::new(account),
            })
        });
        loss.ok_or_else(|| Error::Corrupt("the row of a loss cannot be read".into()))
            .map(Some)
    }
}
