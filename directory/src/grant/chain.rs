//! Which grant was given out of which, and what becomes of those when one goes.

use super::{CHAIN_MAX, Grant, GrantId, GrantLimits, May, id_of};
use crate::book::Book;
use crate::fact::Fact;
use crate::{Account, AccountId, Capabilities};
use std::collections::BTreeMap;

impl Book {
    /// A grant and those out of which it was given, one after the other.
    pub(crate) fn chain(&self, id: GrantId) -> impl Iterator<Item = &Grant> {
        let first = self.find_grant(id);
        let above = move |(_, grant): &(&Account, &Grant)| self.find_grant(grant.out_of?);
        let found = std::iter::successors(first, above).take(CHAIN_MAX);
        found.map(|(_, grant)| grant)
    }

    /// Whether one was given out of the other, at any remove.
    pub(super) fn hangs_on(&self, id: GrantId, above: GrantId) -> bool {
        self.chain(id).any(|grant| grant.out_of == Some(above))
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
            self.rehang(&mut new, gone);
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

    /// What was given out of those that go hangs from the next above that stays. The limits of those that go bind it
    /// on: a grant that gives nothing stands for each, beside what it binds, so that all of it together has no more
    /// room than before, whoever else holds the rest.
    pub(crate) fn rehang(&self, holder: &mut Account, gone: &BTreeMap<GrantId, Option<GrantId>>) {
        for at in 0..holder.grants.len() {
            let mut lost = Vec::new();
            let mut above = holder.grants[at].out_of;
            while let Some(id) = above.filter(|_| lost.len() <= CHAIN_MAX)
                && let Some(next) = gone.get(&id)
            {
                lost.push(id);
                above = *next;
            }
            if lost.is_empty() {
                continue;
            }
            let lost = lost.into_iter().rev();
            for (_, grant) in lost.filter_map(|id| self.find_grant(id)) {
                if grant.limits != GrantLimits::default() {
                    above = Some(bound_on(holder, grant, above));
                }
            }
            holder.grants[at].out_of = above;
        }
        let (owner, all) = (holder.id, holder.grants.clone());
        let binds = |id: GrantId| all.iter().any(|grant| grant.out_of == Some(id));
        holder
            .grants
            .retain(|grant| !grant.only_binds() || binds(id_of(owner, grant)));
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

/// The grant that stands in a holder's row for one that goes and binds on; one for all that it binds there.
fn bound_on(holder: &mut Account, lost: &Grant, out_of: Option<GrantId>) -> GrantId {
    let there = holder.grants.iter().find(|grant| {
        grant.only_binds()
            && (&grant.agency, grant.limits, grant.out_of) == (&lost.agency, lost.limits, out_of)
    });
    if let Some(there) = there {
        return id_of(holder.id, there);
    }
    holder.grant_last += 1;
    let bound = Grant {
        number: holder.grant_last,
        may: May::Only(Capabilities::NONE),
        since: None,
        until: None,
        out_of,
        version: 1,
        ..lost.clone()
    };
    let id = id_of(holder.id, &bound);
    holder.grants.push(bound);
    id
}

/// Grants that go, each with the one out of which it was given.
pub(crate) fn leaving<'a>(
    holder: AccountId,
    grants: impl Iterator<Item = &'a Grant>,
) -> BTreeMap<GrantId, Option<GrantId>> {
    grants.map(|g| (id_of(holder, g), g.out_of)).collect()
}
