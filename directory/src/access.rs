//! Access: the proof of a sign-in (idea 2). Made by `Directory` only; the one way to mail (I-08).

use crate::book::Book;
use crate::origin::Origin;
use crate::signin::may_enter;
use crate::{AccountId, AgencyId, Capability, CredentialId, Denied, Directory, Right};
use formats::address::Address;
use storage::AccountStore;

/// Through what somebody signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Through {
    Password(CredentialId),
    AppPassword(CredentialId),
    Token(CredentialId),
    /// Browser session.
    Session,
    /// A first password, which opens nothing but the choice of a password of one's own.
    FirstPassword(CredentialId),
    /// A job that was asked for through this credential, and stands while that does.
    Job(CredentialId),
    /// Somebody else who reads this account's mail for some minutes, and changes nothing; the number of it.
    Impersonation(u64),
}

/// Who, through what, and what they may. Cheap to clone; checked anew against the directory at each use,
/// so that a suspended account loses access at once.
#[derive(Clone)]
pub struct Access {
    pub(crate) directory: Directory,
    pub(crate) account: AccountId,
    pub(crate) address: Address,
    pub(crate) through: Through,
    /// The digest of the session's token, for `Through::Session` and what was `unlocked` in one.
    pub(crate) session: Option<[u8; 32]>,
    /// From where and why.
    pub(crate) origin: Origin,
}

impl Access {
    /// Who.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The main address at sign-in.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Through what.
    pub fn through(&self) -> Through {
        self.through
    }

    /// Whether it still stands (account active, credential or session not withdrawn or past its time).
    pub fn stands(&self) -> bool {
        self.stands_in(&self.directory.read())
    }

    /// The accounts of which one may see mailboxes: one's own first.
    pub fn accounts(&self) -> Vec<AccountId> {
        let others = self.shown().into_iter().map(|(account, _)| account.id);
        std::iter::once(self.account).chain(others).collect()
    }

    /// The door to an account's mail. Errors: `Denied` (also for accounts that do not exist, I-17).
    pub fn mail(&self, account: AccountId, right: Right) -> Result<AccountStore, Denied> {
        // One's own mail is all there is so far, and over it every right is given, but to who only reads it.
        let lacks = self.only_reads() && right != Right::Read;
        if account != self.account || lacks || !self.stands() {
            return Err(Denied);
        }
        Ok(self.directory.inner.store.account(account))
    }

    /// Whether it is somebody else's, who reads this account's mail and may change nothing and send nothing.
    pub fn only_reads(&self) -> bool {
        matches!(self.through, Through::Impersonation(_))
    }

    /// Whether it is by a token that somebody else made for the account, or may know: then nothing is one's own by it.
    pub fn is_lent(&self) -> bool {
        self.directory.read().is_lent(self)
    }

    /// Whether it is the owner of this account, signed in by what opens his mail.
    pub(crate) fn owns_mail_of(&self, account: AccountId) -> bool {
        self.directory.read().owns_mail(self, account)
    }

    /// One's own mail.
    pub fn own(&self) -> Result<AccountStore, Denied> {
        self.mail(self.account, Right::Write)
    }

    /// The addresses this Access may send as: the main address first, then the aliases in order.
    pub fn sender_addresses(&self) -> Vec<Address> {
        let book = self.directory.read();
        if self.only_reads() || !self.stands_in(&book) {
            return Vec::new();
        }
        let main = book
            .account(self.account)
            .map(|account| account.address.clone());
        let aliases = book.aliases_of.get(&self.account).into_iter().flatten();
        let aliases = aliases
            .filter_map(|key| book.aliases.get(key))
            .filter(|alias| book.alias_serves(alias))
            .map(|a| a.address.clone());
        main.into_iter().chain(aliases).collect()
    }

    /// Whether it may send as this address: its own, or a seat's.
    pub fn may_send_as(&self, address: &Address) -> bool {
        self.sending(address) == crate::Sending::As
    }

    /// The limit of an account, octets.
    pub fn quota(&self, account: AccountId) -> Option<u64> {
        self.directory.quota(account)
    }

    /// The account's display name, as it is now.
    pub fn name(&self) -> String {
        self.directory
            .read()
            .account(self.account)
            .map(|a| a.name.clone())
            .unwrap_or_default()
    }

    /// Whether it may do this to things of this agency (grants go down the tree).
    pub fn may(&self, capability: Capability, agency: &AgencyId) -> bool {
        let book = self.directory.read();
        let now = self.directory.now_s();
        self.stands_in(&book) && book.may(self.account, self.through, capability, agency, now)
    }

    /// Agencies at which grants with this capability hang (the tops of the visible subtrees).
    pub fn scopes(&self, capability: Capability) -> Vec<AgencyId> {
        let book = self.directory.read();
        if !self.stands_in(&book) {
            return Vec::new();
        }
        let Some(account) = book.account(self.account) else {
            return Vec::new();
        };
        let now = self.directory.now_s();
        let mut tops: Vec<AgencyId> = account
            .grants
            .iter()
            .map(|grant| grant.agency.clone())
            .filter(|top| book.may(self.account, self.through, capability, top, now))
            .collect();
        tops.sort_unstable();
        tops.dedup();
        tops
    }

    /// The credential that it rests on.
    pub(crate) fn rests_on(&self) -> Option<CredentialId> {
        self.rests_on_in(&self.directory.read())
    }

    /// The same, for who has the book in hand.
    pub(crate) fn rests_on_in(&self, book: &Book) -> Option<CredentialId> {
        match self.through {
            Through::Password(id)
            | Through::AppPassword(id)
            | Through::Token(id)
            | Through::FirstPassword(id)
            | Through::Job(id) => Some(id),
            Through::Impersonation(id) => Some(book.impersonations.get(&id)?.credential),
            Through::Session => {
                let session = book.sessions.get(&self.session?)?;
                Some(session.row.credential)
            }
        }
    }

    pub(crate) fn stands_in(&self, book: &Book) -> bool {
        let now = self.directory.now_s();
        let credential = |id| {
            book.credential(self.account, id)
                .is_some_and(|c| !c.expired(now))
        };
        book.account(self.account)
            .is_some_and(|account| may_enter(account))
            && match self.through {
                Through::Password(id)
                | Through::AppPassword(id)
                | Through::Token(id)
                | Through::FirstPassword(id)
                | Through::Job(id) => credential(id),
                Through::Impersonation(id) => {
                    let one = book.impersonations.get(&id);
                    one.is_some_and(|one| self.directory.stands(book, one))
                }
                Through::Session => self
                    .session
                    .and_then(|hash| book.sessions.get(&hash))
                    .is_some_and(|s| !s.ended(now) && credential(s.row.credential)),
            }
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Access({}, {:?})", self.account, self.through)
    }
}
