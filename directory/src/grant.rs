//! Grant: what an account may administer, over which subtree, within which limits and from when until when.
//!
//! Grants are part of their holder's row. Nobody gives what he has not: a grant is given out of one that the giver has
//! himself, and is no wider, no longer and bound no less. It remembers which: the limits of the one above bind it too,
//! as they are at the time. Who gave it may leave: what was given on stays, since the officers of a commune must not
//! stand without rights because somebody in the province retired; it hangs from then on from the grant out of which the
//! lost one was given, and the limits of the lost one bind it on. Who takes a grant may take with it all that was given out of it.

mod chain;

pub(crate) use chain::{leaving, succeed};

use crate::act::{Note, check_version, difference, invalid, json};
use crate::book::Book;
use crate::fact::Fact;
use crate::open::PAGE_MAX;
use crate::{
    Access, Account, AccountId, AccountKind, AccountState, AgencyId, Capabilities, Capability,
    Denied, Directory, Error, Role, Through,
};
use formats::address::Address;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Grants of one account.
pub const GRANTS_MAX: usize = 32;
/// Grants of which each was given out of the one before.
pub const CHAIN_MAX: usize = 16;

/// Whose grant, and its number among those ever given to that account; never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct GrantId {
    pub account: AccountId,
    pub number: u32,
}

impl GrantId {
    /// The reverse of `to_string`: `66-1`.
    pub fn parse(text: &str) -> Option<Self> {
        let (account, number) = text.split_once('-')?;
        let id = Self {
            account: AccountId::new(account.parse().ok()?)?,
            number: number.parse().ok()?,
        };
        (id.number > 0 && id.to_string() == text).then_some(id)
    }
}

impl std::fmt::Display for GrantId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.account, self.number)
    }
}

/// What a grant lets its holder do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum May {
    /// A named set, as it is in this version of the server.
    Role(Role),
    /// These and no others.
    Only(Capabilities),
}

impl May {
    /// The set.
    pub const fn capabilities(self) -> Capabilities {
        match self {
            Self::Role(role) => role.capabilities(),
            Self::Only(these) => these,
        }
    }
}

/// What the holder's acts may lead to in the subtree; `None`: no limit of this grant's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GrantLimits {
    /// Accounts in the subtree, lists not counted.
    pub accounts_max: Option<u64>,
    /// Octets: what the limits of these accounts are together.
    pub quota_total_max: Option<u64>,
}

/// One grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Grant {
    /// Zero: not given yet.
    pub number: u32,
    /// The top of its subtree.
    pub agency: AgencyId,
    pub may: May,
    pub limits: GrantLimits,
    /// Unix seconds; `None`: from when it was given.
    pub since: Option<i64>,
    /// Unix seconds: the first at which it stands no more.
    pub until: Option<i64>,
    /// `None`: the system, or before this was recorded.
    pub given_by: Option<AccountId>,
    /// `None`: before this was recorded.
    pub given_at: Option<i64>,
    /// The grant out of which it was given; `None`: out of the system's own right.
    pub out_of: Option<GrantId>,
    pub version: u64,
}

impl Grant {
    /// A role without limits and end, not given yet.
    pub fn of(role: Role, agency: AgencyId) -> Self {
        Self {
            number: 0,
            agency,
            may: May::Role(role),
            limits: GrantLimits::default(),
            since: None,
            until: None,
            given_by: None,
            given_at: None,
            out_of: None,
            version: 1,
        }
    }

    /// Whether it has begun and not ended.
    pub fn stands(&self, now_s: i64) -> bool {
        self.since.is_none_or(|since| since <= now_s) && !self.ended(now_s)
    }

    /// Whether it gives nothing any more.
    pub fn ended(&self, now_s: i64) -> bool {
        self.until.is_some_and(|until| until <= now_s)
    }

    /// Whether it gives nothing and only stands for the limits of one that is gone (`chain`).
    pub(crate) fn only_binds(&self) -> bool {
        self.may == May::Only(Capabilities::NONE)
    }

    fn has(&self, capability: Capability) -> bool {
        self.may.capabilities().has(capability)
    }
}

/// A grant with whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Held {
    pub id: GrantId,
    pub holder: Address,
    pub grant: Grant,
}

impl Held {
    fn of(holder: &Account, grant: &Grant) -> Self {
        Self {
            id: id_of(holder.id, grant),
            holder: holder.address.clone(),
            grant: grant.clone(),
        }
    }
}

pub(crate) fn id_of(account: AccountId, grant: &Grant) -> GrantId {
    GrantId {
        account,
        number: grant.number,
    }
}

impl Directory {
    /// Gives a grant: `grant` says agency, set, limits and dates. What the giver's own grant bounds is bounded so too
    /// where nothing is said. Passwords and tokens of the holder end that others made than who gives it. Errors: `NotFound`, `Denied` (not his to give), `Invalid` (limits or dates beyond his).
    pub fn give_grant(
        &self,
        by: Option<&Access>,
        account: AccountId,
        grant: Grant,
    ) -> Result<Held, Error> {
        let now = self.now_s();
        let mut acts = self.acts();
        let (new, mut facts) = {
            let book = self.read();
            let holder = book.account(account).ok_or(Error::NotFound("account"))?;
            book.check(by, Capability::ManageGrants, &holder.agency, "account")?;
            let mut new = Account::clone(holder);
            book.add_grant(by, &mut new, grant, now)?;
            new.version += 1;
            (new, book.planted(account, by, now))
        };
        let given = new.grants.last().ok_or(Error::NotFound("grant"))?;
        let held = Held::of(&new, given);
        let mut detail = json(&held.grant);
        let ended = |fact: &&Fact| matches!(fact, Fact::NoCredential(..));
        detail["credentials_ended"] = facts.iter().filter(ended).count().into();
        facts.push(Fact::Account(new));
        self.commit(&mut acts, by, note("grant.give", &held, detail), facts)?;
        Ok(held)
    }

    /// One grant. Errors: `NotFound`.
    pub fn grant(&self, by: Option<&Access>, id: GrantId) -> Result<Held, Error> {
        let book = self.read();
        let (holder, grant) = book.granted(by, id)?;
        Ok(Held::of(holder, grant))
    }

    /// An account with those of its grants that `by` may see.
    pub fn as_seen(&self, by: &Access, mut account: Account) -> Account {
        if !account.grants.is_empty() {
            let book = self.read();
            let holder = account.id;
            let seen = |grant: &Grant| book.shows_grant(Some(by), holder, grant);
            account.grants.retain(seen);
        }
        account
    }

    /// Grants of an account, over an agency or one below it, or all, as far as `by` may see them; by holder and number.
    pub fn grants(
        &self,
        by: Option<&Access>,
        account: Option<AccountId>,
        under: Option<&AgencyId>,
        after: Option<GrantId>,
        max: usize,
    ) -> Vec<Held> {
        let book = self.read();
        let from = after.map_or(AccountId::SYSTEM, |after| after.account);
        let holders = book.holders.range(from..);
        let holders = holders.filter(|id| account.is_none_or(|account| account == **id));
        let each = holders.filter_map(|id| book.account(*id));
        let each = each.flat_map(|holder| holder.grants.iter().map(move |g| (holder, g)));
        each.filter(|(holder, g)| after.is_none_or(|after| id_of(holder.id, g) > after))
            .filter(|(_, g)| under.is_none_or(|top| book.is_above(top, &g.agency)))
            .filter(|(holder, g)| book.shows_grant(by, holder.id, g))
            .take(max.min(PAGE_MAX))
            .map(|(holder, g)| Held::of(holder, g))
            .collect()
    }

    /// Sets what a grant lets do, its limits and dates; subtree and holder stay. Who changes it must be able to give it
    /// as it was and as it is to be. Errors: `NotFound`, `Denied`, `Invalid`, `Conflict`.
    pub fn change_grant(
        &self,
        by: Option<&Access>,
        id: GrantId,
        change: Grant,
        version: Option<u64>,
    ) -> Result<Held, Error> {
        let now = self.now_s();
        let mut acts = self.acts();
        let (old, new) = {
            let book = self.read();
            let (holder, old) = book.granted(by, id)?;
            book.source(by, id, old, now)?;
            check_version(version, old.version)?;
            let mut grant = Grant {
                may: change.may,
                limits: change.limits,
                since: change.since,
                until: change.until,
                version: old.version + 1,
                ..old.clone()
            };
            book.bind(by, &mut grant, now)?;
            if old.only_binds() {
                grant.may = old.may;
            }
            check_dates(&grant, now)?;
            let mut new = Account::clone(holder);
            new.version += 1;
            let at = new.grants.iter_mut().find(|g| g.number == id.number);
            let place = at.ok_or(Error::NotFound("grant"))?;
            *place = grant;
            (old.clone(), new)
        };
        let grant = new.grants.iter().find(|g| g.number == id.number);
        let held = Held::of(&new, grant.ok_or(Error::NotFound("grant"))?);
        let note = note("grant.change", &held, difference(&old, &held.grant));
        self.commit(&mut acts, by, note, vec![Fact::Account(new)])?;
        Ok(held)
    }

    /// Takes a grant away; `with_given`: with it all that was given out of it, at any remove. One may always give up
    /// one's own. Errors: `NotFound`, `Denied`, `Conflict`.
    pub fn take_grant(
        &self,
        by: Option<&Access>,
        id: GrantId,
        with_given: bool,
        version: Option<u64>,
    ) -> Result<(), Error> {
        let now = self.now_s();
        let mut acts = self.acts();
        let (held, facts, count) = {
            let book = self.read();
            let (holder, grant) = book.granted(by, id)?;
            let own = by.is_some_and(|by| by.account == id.account && by.stands_in(&book));
            if !own || with_given {
                book.source(by, id, grant, now)?;
            }
            check_version(version, grant.version)?;
            let mut gone = BTreeMap::from([(id, grant.out_of)]);
            if with_given {
                book.given_out_of(&mut gone);
            }
            for other in gone.keys().filter(|other| **other != id) {
                let (_, grant) = book.find_grant(*other).ok_or(Error::NotFound("grant"))?;
                book.source(by, *other, grant, now)?;
            }
            let count = gone.len();
            (
                Held::of(holder, grant),
                book.without_grants(&gone, None),
                count,
            )
        };
        let mut detail = json(&held.grant);
        detail["with_given"] = (count - 1).into();
        self.commit(&mut acts, by, note("grant.take", &held, detail), facts)
    }
}

fn note(act: &'static str, held: &Held, mut detail: serde_json::Value) -> Note {
    detail["grant"] = held.id.to_string().into();
    Note {
        act,
        object: held.holder.to_string(),
        detail,
    }
}

fn check_dates(grant: &Grant, now_s: i64) -> Result<(), Error> {
    if grant.ended(now_s) {
        return Err(invalid("until", "a time to come"));
    }
    match (grant.since, grant.until) {
        (Some(since), Some(until)) if since >= until => {
            Err(invalid("since", "a time before the end"))
        }
        _ => Ok(()),
    }
}

/// A limit within the one above, which holds where nothing is said.
fn within(field: &'static str, limit: &mut Option<u64>, above: Option<u64>) -> Result<(), Error> {
    match (*limit, above) {
        (None, above) => *limit = above,
        (Some(limit), Some(above)) if limit > above => {
            return Err(invalid(field, format!("a number of at most {above}")));
        }
        _ => {}
    }
    crate::quota::limit(field, *limit)
}

impl Book {
    /// Puts a new grant behind those of `holder`, a row that is to be written.
    pub(crate) fn add_grant(
        &self,
        by: Option<&Access>,
        holder: &mut Account,
        mut grant: Grant,
        now_s: i64,
    ) -> Result<(), Error> {
        if matches!(holder.kind, AccountKind::List { .. }) {
            return Err(invalid("account", "an account that is no list"));
        }
        if holder.grants.len() >= GRANTS_MAX {
            return Err(invalid("grants", format!("at most {GRANTS_MAX}")));
        }
        grant.out_of = self.bind(by, &mut grant, now_s)?;
        self.check_goes_on("agency", &grant.agency)?;
        check_dates(&grant, now_s)?;
        if grant
            .out_of
            .is_some_and(|id| self.chain(id).count() >= CHAIN_MAX)
        {
            let expected = format!("a grant given at fewer than {CHAIN_MAX} removes");
            return Err(invalid("agency", expected));
        }
        holder.grant_last += 1;
        grant.number = holder.grant_last;
        grant.given_by = by.map(|by| by.account);
        grant.given_at = Some(now_s);
        grant.version = 1;
        holder.grants.push(grant);
        Ok(())
    }

    /// Bounds a grant by that of the giver and says which it is. Errors: `NotFound`, `Denied`, `Invalid`.
    fn bind(
        &self,
        by: Option<&Access>,
        grant: &mut Grant,
        now_s: i64,
    ) -> Result<Option<GrantId>, Error> {
        if !self.agencies.contains_key(&grant.agency) {
            return Err(invalid("agency", "agencies that exist"));
        }
        if let May::Only(these) = grant.may {
            grant.may = May::Only(these.with(Capability::ReadDirectory));
        }
        // The first error says most: that of the grant which comes nearest.
        let (mut fits, mut why) = (None, None);
        for (id, own) in self.sources(by, grant, now_s)? {
            let mut bound = grant.clone();
            match bound_by(&mut bound, own) {
                Ok(()) => {
                    fits = Some((id, bound));
                    break;
                }
                Err(error) => why = why.or(Some(error)),
            }
        }
        match (fits, why) {
            (Some((id, bound)), _) => {
                *grant = bound;
                Ok(Some(id))
            }
            (None, Some(why)) => Err(why),
            (None, None) if by.is_none() => {
                crate::quota::limit("accounts_max", grant.limits.accounts_max)?;
                crate::quota::limit("quota_total_max", grant.limits.quota_total_max)?;
                Ok(None)
            }
            (None, None) => Err(Denied.into()),
        }
    }

    /// Whether `by` could give this grant as it is: then he may also change it, take it, and touch its holder. Not by
    /// what he has out of that very grant: nobody rises against whom he has his right from. Errors: `NotFound`, `Denied`.
    pub(crate) fn source(
        &self,
        by: Option<&Access>,
        id: GrantId,
        grant: &Grant,
        now_s: i64,
    ) -> Result<(), Error> {
        let sources = self.sources(by, grant, now_s)?;
        let covers = |own: &Grant| {
            let less = |limit: Option<u64>, above: Option<u64>| {
                above.is_none_or(|above| limit.is_some_and(|limit| limit <= above))
            };
            own.until
                .is_none_or(|end| grant.until.is_some_and(|until| until <= end))
                && less(grant.limits.accounts_max, own.limits.accounts_max)
                && less(grant.limits.quota_total_max, own.limits.quota_total_max)
        };
        let mut sources = sources.iter();
        if by.is_none() || sources.any(|(own, of)| covers(of) && !self.hangs_on(*own, id)) {
            Ok(())
        } else {
            Err(Denied.into())
        }
    }

    /// The grants of `by` that reach as wide as this one. Errors: `NotFound`, `Denied` where nothing may be given there.
    fn sources<'a>(
        &'a self,
        by: Option<&Access>,
        grant: &Grant,
        now_s: i64,
    ) -> Result<Vec<(GrantId, &'a Grant)>, Error> {
        let Some(by) = by else { return Ok(Vec::new()) };
        self.check(Some(by), Capability::ManageGrants, &grant.agency, "grant")?;
        let giver = self.account(by.account).ok_or(Denied)?;
        let wanted = grant.may.capabilities().with(Capability::ManageGrants);
        // What is given on need not hold the right to give; who gives must.
        let reaches = |own: &&Grant| {
            own.stands(now_s)
                && own.may.capabilities().covers(wanted)
                && self.is_above(&own.agency, &grant.agency)
        };
        let own = giver.grants.iter().filter(reaches);
        Ok(own.map(|own| (id_of(giver.id, own), own)).collect())
    }

    /// The grants of an account that give something at an agency now.
    pub(crate) fn standing<'a>(
        &'a self,
        account: &'a Account,
        capability: Capability,
        agency: &'a AgencyId,
        now_s: i64,
    ) -> impl Iterator<Item = &'a Grant> {
        let own = account.grants.iter();
        own.filter(move |g| {
            g.has(capability) && g.stands(now_s) && self.is_above(&g.agency, agency)
        })
    }

    /// Whether the account's grants hold this capability at the agency or above it. App passwords are for
    /// mail programs and carry no administrative right, nor do first passwords and impersonations.
    pub(crate) fn may(
        &self,
        account: AccountId,
        through: Through,
        capability: Capability,
        agency: &AgencyId,
        now_s: i64,
    ) -> bool {
        let mail = matches!(
            through,
            Through::AppPassword(_) | Through::FirstPassword(_) | Through::Impersonation(_)
        );
        if mail || !self.agencies.contains_key(agency) {
            return false;
        }
        self.account(account).is_some_and(|account| {
            account.state == AccountState::Active
                && self
                    .standing(account, capability, agency, now_s)
                    .next()
                    .is_some()
        })
    }

    /// A grant, where `by` may see it. Errors: `NotFound`.
    fn granted(&self, by: Option<&Access>, id: GrantId) -> Result<(&Account, &Grant), Error> {
        self.find_grant(id)
            .filter(|(holder, grant)| self.shows_grant(by, holder.id, grant))
            .ok_or(Error::NotFound("grant"))
    }

    pub(crate) fn find_grant(&self, id: GrantId) -> Option<(&Account, &Grant)> {
        let holder = self.account(id.account)?;
        let grant = holder.grants.iter().find(|g| g.number == id.number)?;
        Some((holder, grant))
    }

    /// One's own, and those over what one sees. That somebody of one's subtree may do something elsewhere is not.
    pub(crate) fn shows_grant(
        &self,
        by: Option<&Access>,
        holder: AccountId,
        grant: &Grant,
    ) -> bool {
        by.is_some_and(|by| by.account == holder && by.stands_in(self))
            || self.allows(by, Capability::ReadDirectory, &grant.agency)
    }
}

/// Bounds a grant by another. Errors: `Invalid`, with what would do.
fn bound_by(grant: &mut Grant, own: &Grant) -> Result<(), Error> {
    let (limits, above) = (&mut grant.limits, own.limits);
    within("accounts_max", &mut limits.accounts_max, above.accounts_max)?;
    let octets = above.quota_total_max;
    within("quota_total_max", &mut limits.quota_total_max, octets)?;
    match (grant.until, own.until) {
        (None, end) => grant.until = end,
        (Some(until), Some(end)) if until > end => {
            let end = formats::date::utc(end);
            return Err(invalid("until", format!("a time not after {end}")));
        }
        _ => {}
    }
    Ok(())
}
