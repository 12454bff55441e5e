//! What the one who asks may see (I-17), where the directory answers without asking who asks.

use crate::problem::{Problem, text};
use directory::{Access, AccountId, AgencyId, Capability, Directory};

/// One caller's view through one capability.
pub(crate) struct Sight<'a> {
    directory: &'a Directory,
    access: &'a Access,
    capability: Capability,
}

impl<'a> Sight<'a> {
    pub(crate) fn new(
        directory: &'a Directory,
        access: &'a Access,
        capability: Capability,
    ) -> Self {
        Self {
            directory,
            access,
            capability,
        }
    }

    /// The agency lies in the caller's subtree.
    pub(crate) fn agency(&self, id: &AgencyId) -> bool {
        self.access.may(self.capability, id)
    }

    /// The account is of an agency in the caller's subtree.
    pub(crate) fn account(&self, id: AccountId) -> bool {
        self.directory
            .account(id)
            .is_ok_and(|account| self.agency(&account.agency))
    }

    /// An account that is there or was deleted, in the caller's subtree: when its agency is gone too, in that of
    /// whoever stands at the top.
    pub(crate) fn kept(&self, account: &directory::Account) -> bool {
        match self.directory.agency(&account.agency) {
            Ok(agency) => self.agency(&agency.id),
            Err(_) => self.whole(),
        }
    }

    /// The caller's grant hangs at the top of a tree: what belongs to no agency is theirs to see.
    pub(crate) fn whole(&self) -> bool {
        let top = |id: &AgencyId| self.directory.agency(id).is_ok_and(|a| a.parent.is_none());
        self.access.scopes(self.capability).iter().any(top)
    }
}

/// An agency named in a body or a filter must be one that the caller may see.
pub(crate) fn known_agency(
    directory: &Directory,
    access: &Access,
    field: &'static str,
    id: &AgencyId,
) -> Result<(), Problem> {
    let there = directory.agency(id).is_ok();
    if there && Sight::new(directory, access, Capability::ReadDirectory).agency(id) {
        return Ok(());
    }
    Err(Problem::invalid(
        field,
        text(
            "không có cơ quan này trong phạm vi của bạn",
            "no such agency in your scope",
        ),
    ))
}

/// The account, when the caller may see it: their own, or one of their subtree. Errors: 404.
pub(crate) fn known_account(
    directory: &Directory,
    access: &Access,
    id: AccountId,
) -> Result<directory::Account, Problem> {
    let account = directory.account(id)?;
    let sight = Sight::new(directory, access, Capability::ReadDirectory);
    if access.account() == id || sight.agency(&account.agency) {
        return Ok(account);
    }
    Err(Problem::not_found())
}

/// The same for custody: an account that was deleted and whose mail is kept is there too. Errors: 404.
pub(crate) fn kept_account(
    directory: &Directory,
    access: &Access,
    id: AccountId,
) -> Result<directory::Account, Problem> {
    if directory.account(id).is_ok() {
        return known_account(directory, access, id);
    }
    let account = directory.kept_account(id)?;
    let sight = Sight::new(directory, access, Capability::ReadDirectory);
    sight
        .kept(&account)
        .then_some(account)
        .ok_or_else(Problem::not_found)
}

/// What the directory did with an account that the caller sees. One's own account is there to see
/// even where the directory says `NotFound`: then the act is `Denied`.
pub(crate) fn acted<T>(
    access: &Access,
    id: AccountId,
    done: Result<T, directory::Error>,
) -> Result<T, directory::Error> {
    match done {
        Err(directory::Error::NotFound("account")) if access.account() == id => {
            Err(directory::Denied.into())
        }
        other => other,
    }
}

/// The same for an account named in a body or a filter. Errors: the field is named.
pub(crate) fn named_account(
    directory: &Directory,
    access: &Access,
    raw: u32,
) -> Result<directory::Account, Problem> {
    let known = AccountId::new(raw).map(|id| known_account(directory, access, id));
    known.and_then(Result::ok).ok_or_else(|| {
        Problem::invalid(
            "account",
            text(
                "không có tài khoản này trong phạm vi của bạn",
                "no such account in your scope",
            ),
        )
    })
}
