//! Allotment: what the accounts of a subtree are together, against the limits of the grants by which they are made.
//!
//! A limit binds whoever acts by the grant, and whoever acts by one that was given out of it; it is looked at where the
//! act is committed, one act at a time, so that two administrators cannot both take the last place. What is above a limit
//! already may stay, and may become less.

use crate::book::Book;
use crate::error::Measure;
use crate::grant::Grant;
use crate::{Access, Account, AccountKind, AgencyId, Capability, Denied, Directory, Error};
use std::collections::HashMap;

/// What the accounts of one agency are, those below it not counted; lists have no mail and are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Allotted {
    accounts: u64,
    /// The limits that accounts have themselves.
    octets: u64,
    /// Accounts that have the limit which their agency gives.
    inheriting: u64,
}

/// What allotments are reckoned by, beside the book.
#[derive(Clone, Copy)]
pub(crate) struct Reckoning<'a> {
    /// The limit of accounts of which nothing is said at all.
    default: Option<u64>,
    /// What agencies hold with what is to be committed together; those that are not named are as in the book.
    ahead: Option<&'a HashMap<AgencyId, Allotted>>,
}

impl<'a> Reckoning<'a> {
    /// With what comes in the same commit.
    pub(crate) fn with(self, ahead: &'a HashMap<AgencyId, Allotted>) -> Self {
        Self {
            ahead: Some(ahead),
            ..self
        }
    }
}

impl Directory {
    /// By what is committed alone.
    pub(crate) fn reckoning(&self) -> Reckoning<'static> {
        Reckoning {
            default: self.inner.settings.default_quota,
            ahead: None,
        }
    }
}

/// An account as it counts: where it is, and its own limit of octets.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    agency: &'a AgencyId,
    quota: Option<u64>,
}

fn place(account: &Account) -> Option<Place<'_>> {
    let counts = !matches!(account.kind, AccountKind::List { .. });
    counts.then_some(Place {
        agency: &account.agency,
        quota: account.quota,
    })
}

/// Counts an account in or out.
pub(crate) fn count(all: &mut HashMap<AgencyId, Allotted>, account: &Account, comes: bool) {
    tally(all, account, comes);
    if all.get(&account.agency) == Some(&Allotted::default()) {
        all.remove(&account.agency);
    }
}

fn tally(all: &mut HashMap<AgencyId, Allotted>, account: &Account, comes: bool) {
    let Some(place) = place(account) else { return };
    let here = all.entry(place.agency.clone()).or_default();
    let step = |n: u64, by: u64| match comes {
        true => n.saturating_add(by),
        false => n.saturating_sub(by),
    };
    here.accounts = step(here.accounts, 1);
    match place.quota {
        Some(octets) => here.octets = step(here.octets, octets),
        None => here.inheriting = step(here.inheriting, 1),
    }
}

/// Counts an account out as it was and in as it is to be, over what the book holds.
pub(crate) fn count_ahead(
    book: &Book,
    ahead: &mut HashMap<AgencyId, Allotted>,
    old: Option<&Account>,
    new: &Account,
) {
    for (account, comes) in old.map(|old| (old, false)).into_iter().chain([(new, true)]) {
        let held = book.allotted.get(&account.agency).copied();
        let agency = account.agency.clone();
        ahead.entry(agency).or_insert(held.unwrap_or_default());
        tally(ahead, account, comes);
    }
}

/// What a subtree would hold; octets `None`: some account in it has no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    accounts: u64,
    octets: Option<u64>,
}

impl Book {
    /// What an agency gives each account that has no limit of its own. `instead`: as if an agency gave this.
    fn each_octets(
        &self,
        agency: &AgencyId,
        reckoning: Reckoning<'_>,
        instead: Option<(&AgencyId, Option<u64>)>,
    ) -> Option<u64> {
        let said = |id: &AgencyId| match instead {
            Some((agency, each)) if agency == id => each,
            _ => self.agencies.get(id)?.quota.each.octets,
        };
        self.upward(agency).find_map(said).or(reckoning.default)
    }

    fn sum(
        &self,
        top: &AgencyId,
        reckoning: Reckoning<'_>,
        instead: Option<(&AgencyId, Option<u64>)>,
    ) -> Sum {
        let mut sum = Sum {
            accounts: 0,
            octets: Some(0),
        };
        for id in self.subtree(top) {
            let ahead = reckoning.ahead.and_then(|ahead| ahead.get(&id));
            let Some(here) = ahead.or(self.allotted.get(&id)) else {
                continue;
            };
            sum.accounts = sum.accounts.saturating_add(here.accounts);
            let each = || self.each_octets(&id, reckoning, instead);
            let inherited = match here.inheriting {
                0 => Some(0),
                n => each().map(|octets| octets.saturating_mul(n)),
            };
            let both = sum.octets.zip(inherited);
            let both = both.map(|(sum, octets)| sum.saturating_add(octets));
            sum.octets = both.map(|sum| sum.saturating_add(here.octets));
        }
        sum
    }

    /// Whether `by` may do this at an agency, when it leads to this growth. Only what grows is bound.
    /// Errors: `Beyond`, `Denied`.
    pub(crate) fn check_allotment(
        &self,
        by: Option<&Access>,
        capability: Capability,
        at: &AgencyId,
        growth: &Growth<'_>,
    ) -> Result<(), Error> {
        let Some(by) = by else { return Ok(()) };
        let now = by.directory.now_s();
        let account = self.account(by.account).ok_or(Denied)?;
        let mut why = Error::from(Denied);
        for grant in self.standing(account, capability, at, now) {
            match self.fits(grant, growth) {
                Ok(()) => return Ok(()),
                Err(beyond) => why = beyond,
            }
        }
        Err(why)
    }

    fn fits(&self, grant: &Grant, growth: &Growth<'_>) -> Result<(), Error> {
        let above = grant.out_of.into_iter().flat_map(|id| self.chain(id));
        for grant in std::iter::once(grant).chain(above) {
            let (accounts_max, octets_max) =
                (grant.limits.accounts_max, grant.limits.quota_total_max);
            if accounts_max.is_none() && octets_max.is_none() {
                continue;
            }
            let grown = growth.of(self, &grant.agency);
            if let Some(max) = accounts_max.filter(|_| grown.accounts)
                && grown.after.accounts > max
            {
                return Err(Error::Beyond(Measure::Accounts, max));
            }
            // Without a limit is more than any.
            if let Some(max) = octets_max.filter(|_| grown.octets)
                && grown.after.octets.is_none_or(|octets| octets > max)
            {
                return Err(Error::Beyond(Measure::Quota, max));
            }
        }
        Ok(())
    }
}

/// What an act adds and takes.
pub(crate) struct Growth<'a> {
    reckoning: Reckoning<'a>,
    what: What<'a>,
}

enum What<'a> {
    Account {
        old: Option<Place<'a>>,
        new: Option<Place<'a>>,
    },
    /// An agency with all below it comes from elsewhere.
    Agency(&'a AgencyId),
    /// An agency gives each of its accounts another limit.
    Each(&'a AgencyId, Option<u64>),
}

impl<'a> Growth<'a> {
    /// An account is made, or becomes another.
    pub(crate) fn account(
        old: Option<&'a Account>,
        new: &'a Account,
        reckoning: Reckoning<'a>,
    ) -> Self {
        let (old, new) = (old.and_then(place), place(new));
        Self {
            reckoning,
            what: What::Account { old, new },
        }
    }

    /// An agency moves with all below it.
    pub(crate) fn agency(moved: &'a AgencyId, reckoning: Reckoning<'a>) -> Self {
        let what = What::Agency(moved);
        Self { reckoning, what }
    }

    /// An agency gives each account in its subtree another limit of octets.
    pub(crate) fn each(agency: &'a AgencyId, each: Option<u64>, reckoning: Reckoning<'a>) -> Self {
        let what = What::Each(agency, each);
        Self { reckoning, what }
    }

    /// What the subtree of `top` holds after it, and what of that becomes more.
    fn of(&self, book: &Book, top: &AgencyId) -> Grown {
        let before = book.sum(top, self.reckoning, None);
        match &self.what {
            What::Account { old, new } => {
                let inside = |at: &Place<'_>| book.is_above(top, at.agency);
                let octets = |at: Place<'_>| {
                    let given = || book.each_octets(at.agency, self.reckoning, None);
                    at.quota.or_else(given)
                };
                let less = old.filter(inside).map(octets);
                let more = new.filter(inside).map(octets);
                let accounts = before.accounts.saturating_add(more.iter().len() as u64);
                // An account without a limit counts for nothing while others are so too.
                let kept = before
                    .octets
                    .map(|sum| sum.saturating_sub(less.flatten().unwrap_or(0)));
                let octets = match more {
                    None => kept,
                    Some(more) => kept.zip(more).map(|(sum, more)| sum.saturating_add(more)),
                };
                Grown {
                    after: Sum {
                        accounts: accounts.saturating_sub(less.iter().len() as u64),
                        octets,
                    },
                    accounts: more.is_some() && less.is_none(),
                    octets: more.is_some_and(|more| {
                        let weight = |octets: Option<u64>| octets.unwrap_or(u64::MAX);
                        weight(more) > less.map_or(0, weight)
                    }),
                }
            }
            What::Agency(moved) if book.is_above(top, moved) => Grown {
                after: before,
                accounts: false,
                octets: false,
            },
            What::Agency(moved) => {
                let comes = book.sum(moved, self.reckoning, None);
                let both = before.octets.zip(comes.octets);
                Grown {
                    after: Sum {
                        accounts: before.accounts.saturating_add(comes.accounts),
                        octets: both.map(|(here, comes)| here.saturating_add(comes)),
                    },
                    accounts: comes.accounts > 0,
                    octets: comes.octets != Some(0),
                }
            }
            What::Each(agency, each) => {
                let after = book.sum(top, self.reckoning, Some((*agency, *each)));
                Grown {
                    after,
                    accounts: false,
                    octets: after
                        .octets
                        .is_none_or(|after| before.octets.is_some_and(|before| after > before)),
                }
            }
        }
    }
}

/// What an act leads to.
struct Grown {
    after: Sum,
    /// Whether there are more accounts.
    accounts: bool,
    /// Whether there are more octets.
    octets: bool,
}
