//! Which grant was given out of which, and what becomes of those when one goes.

use super::{CHAIN_MAX, Grant, GrantId, id_of};
use crate::book::Book;
use crate::fact::Fact;
use crate::{Account, AccountId};
use std::collections::BTreeMap;

impl Book {
    /// A grant and those out of which it was given, one after the other.
    pub(crate) fn chain(&self, id: GrantId) -> impl Iterator<Item = &Grant> {
        let first = self.find_grant(id);
        let above = move |(_, grant): &(&Account, &Grant)| self.find_grant(grant.out_of?);
        let found = std::iter::successors(first, above).take(CHAIN_MAX);
        found.map(|(_, grant)| grant)
    }

    /// Adds all that was given out of these, at any remove.
    pub(super) fn given_out_of(&self, gone: &mut BTreeMap<GrantId, Option<GrantId>>) {
        let all = || {
            let holders = self.holders.iter().filter_map(|id| self.account(*id));
            holders.flat_map(|holder| {
                let each = holder.grants.iter();
                each.map(move |g| (id_of(holder.id, g), g.out_of))
            })
        };
        loop {
            let more: Vec<_> = all()
                .filter(|(id, out_of)| {
                    !gone.contains_key(id) && out_of.is_some_and(|from| gone.contains_key(&from))
                })
                .collect();
            if more.is_empty() {
                return;
            }
            gone.extend(more);
        }
    }

    /// The rows of holders when these grants are gone, each with the one out of which it was given. `except`: whose
    /// row is written otherwise.
    pub(crate) fn without_grants(
        &self,
        gone: &BTreeMap<GrantId, Option<GrantId>>,
        except: Option<AccountId>,
    ) -> Vec<Fact> {
        let holders = self.holders.iter().filter(|id| Some(**id) != except);
        let each = holders.filter_map(|id| self.account(*id));
        let changed = each.filter_map(|holder| {
            let mut new = Account::clone(holder);
            new.grants
                .retain(|g| !gone.contains_key(&id_of(holder.id, g)));
            rehang(&mut new.grants, gone);
            new.version += 1;
            (new.grants != holder.grants).then_some(Fact::Account(new))
        });
        changed.collect()
    }

    /// The rows of holders of what was given out of an account's grants, when another takes its place with the same.
    pub(crate) fn grants_inherited(&self, old: AccountId, heir: AccountId) -> Vec<Fact> {
        let holders = self.holders.iter().filter(|id| **id != old);
        let each = holders.filter_map(|id| self.account(*id));
        let changed = each.filter_map(|holder| {
            let mut new = Account::clone(holder);
            succeed(&mut new.grants, old, heir);
            new.version += 1;
            (new.grants != holder.grants).then_some(Fact::Account(new))
        });
        changed.collect()
    }

    /// What becomes of the grants of others when all of this account's go.
    pub(crate) fn grants_of_departed(&self, account: &Account) -> Vec<Fact> {
        self.without_grants(
            &leaving(account.id, account.grants.iter()),
            Some(account.id),
        )
    }
}

/// What was given out of one account's grants is from now on out of another's, which has them under the same numbers.
pub(crate) fn succeed(grants: &mut [Grant], old: AccountId, heir: AccountId) {
    let above = grants.iter_mut().filter_map(|grant| grant.out_of.as_mut());
    for above in above.filter(|above| above.account == old) {
        above.account = heir;
    }
}

/// Grants that go, each with the one out of which it was given.
pub(crate) fn leaving<'a>(
    holder: AccountId,
    grants: impl Iterator<Item = &'a Grant>,
) -> BTreeMap<GrantId, Option<GrantId>> {
    grants.map(|g| (id_of(holder, g), g.out_of)).collect()
}

/// What was given out of those that go hangs from the next above that stays.
pub(crate) fn rehang(grants: &mut [Grant], gone: &BTreeMap<GrantId, Option<GrantId>>) {
    for grant in grants {
        let mut removes = 0;
        while let Some(above) = grant.out_of.and_then(|id| gone.get(&id))
            && removes <= CHAIN_MAX
        {
            grant.out_of = *above;
            removes += 1;
        }
    }
}
