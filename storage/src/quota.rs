//! Limits of accounts and of groups of accounts, held by every commit.
//!
//! Storage knows nothing of agencies: a [`QuotaNode`] is a number that the directory gave, with a
//! parent and limits, and an account hangs on one. Nothing of it is stored here; the directory tells
//! it at start and at every change. What an account holds is in its own state, and what a group
//! holds is the sum over the accounts below it.
//!
//! There is no race because growth is reserved before the commit is sent, in the account and in all
//! groups above it under one lock, and given back when the commit fails; what a commit frees counts
//! only once the commit is durable. So the sum in memory is never less than what is on the disk, and
//! writers of different accounts can never pass the limit of their group together.

use crate::record::{self, Meta};
use crate::{AccountId, Error, Store, cell, key};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Groups above an account.
const GROUP_DEPTH_MAX: usize = 32;
/// A soft limit that never tells: all of the hard one.
const SOFT_NEVER: u8 = 100;

/// A group of accounts; the number is the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuotaNode(pub u64);

/// What the limits of something are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Octets of all messages; `None`: no limit.
    pub octets: Option<u64>,
    /// Messages; `None`: no limit.
    pub messages: Option<u64>,
    /// At this share of a limit, percent, it is told once; 100 and more: never.
    pub soft_percent: u8,
}

impl Limits {
    /// No limits.
    pub const NONE: Self = Self {
        octets: None,
        messages: None,
        soft_percent: SOFT_NEVER,
    };

    /// Whether this usage is at the soft limit or past it.
    #[must_use]
    pub fn soft_passed(&self, used: Usage) -> bool {
        let at = |max: Option<u64>, used: u64| {
            let share = max.map(|m| u128::from(m) * u128::from(self.soft_percent));
            share.is_some_and(|share| u128::from(used) * 100 >= share && used > 0)
        };
        self.soft_percent < SOFT_NEVER
            && (at(self.octets, used.octets) || at(self.messages, used.messages))
    }

    /// Whether this usage fills a limit: nothing more may come.
    #[must_use]
    pub fn is_full(&self, used: Usage) -> bool {
        self.octets.is_some_and(|max| used.octets >= max)
            || self.messages.is_some_and(|max| used.messages >= max)
    }

    /// Whether growing by this from here passes a limit. What does not grow is never refused.
    fn refuse(&self, used: Usage, growth: Usage) -> bool {
        let over = |max: Option<u64>, used: u64, growth: u64| {
            growth > 0 && max.is_some_and(|max| used.saturating_add(growth) > max)
        };
        over(self.octets, used.octets, growth.octets)
            || over(self.messages, used.messages, growth.messages)
    }

    fn any(&self) -> bool {
        self.octets.is_some() || self.messages.is_some()
    }
}

/// What something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub struct Usage {
    pub octets: u64,
    pub messages: u64,
}

impl Usage {
    fn plus(self, other: Self) -> Self {
        Self {
            octets: self.octets.saturating_add(other.octets),
            messages: self.messages.saturating_add(other.messages),
        }
    }

    /// What this has more than another; nothing where it has less.
    fn over(self, other: Self) -> Self {
        Self {
            octets: self.octets.saturating_sub(other.octets),
            messages: self.messages.saturating_sub(other.messages),
        }
    }
}

/// Whose limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The account's own.
    Account(AccountId),
    /// A group's above the account.
    Group(QuotaNode),
}

/// A soft limit was passed by a commit that is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct SoftPassed {
    pub bound: Bound,
    pub used: Usage,
    pub limits: Limits,
}

/// Is called once for each crossing, by the thread that committed: it must be quick.
pub type Told = Arc<dyn Fn(SoftPassed) + Send + Sync>;

struct Group {
    parent: Option<QuotaNode>,
    limits: Limits,
    /// Of all accounts below it that were counted, with what is reserved.
    used: Usage,
    told: bool,
}

struct Holder {
    node: Option<QuotaNode>,
    limits: Limits,
    /// `None`: not counted yet.
    used: Option<Usage>,
    told: bool,
}

#[derive(Default)]
struct State {
    groups: HashMap<QuotaNode, Group>,
    holders: HashMap<AccountId, Holder>,
    /// Accounts that hang on a group and were not counted yet.
    uncounted: HashSet<AccountId>,
    told: Option<Told>,
}

/// The limits of a store, and what is used of them.
#[derive(Clone)]
pub struct Quotas {
    pub(crate) store: Store,
}

/// Where they are kept: one lock, never held while anything waits for the journal.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<State>>);

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The groups above, nearest first.
    fn above(&self, node: Option<QuotaNode>) -> Vec<QuotaNode> {
        let up = |node: &QuotaNode| self.groups.get(node)?.parent;
        std::iter::successors(node, up)
            .take(GROUP_DEPTH_MAX)
            .collect()
    }

    fn holder(&mut self, account: AccountId) -> &mut Holder {
        self.holders.entry(account).or_insert(Holder {
            node: None,
            limits: Limits::NONE,
            used: None,
            told: false,
        })
    }

    fn group(&mut self, node: QuotaNode) -> &mut Group {
        self.groups.entry(node).or_insert(Group {
            parent: None,
            limits: Limits::NONE,
            used: Usage::default(),
            told: false,
        })
    }

    /// Moves the sums of the groups from `node` upwards.
    fn shift(&mut self, node: Option<QuotaNode>, less: Usage, more: Usage) {
        for node in self.above(node) {
            if let Some(group) = self.groups.get_mut(&node) {
                group.used = group.used.over(less).plus(more);
            }
        }
    }

    /// What an account holds is this now.
    fn count(&mut self, account: AccountId, now: Usage) {
        let holder = self.holder(account);
        let before = holder.used.replace(now).unwrap_or_default();
        let node = holder.node;
        if before != now {
            self.shift(node, before, now);
        }
        self.uncounted.remove(&account);
    }

    /// Counts every account that hangs somewhere and was not counted yet. No commit of such an
    /// account is under way: a commit's first act is to count its account, under the same lock.
    fn count_all(&mut self, store: &Store) -> Result<(), Error> {
        while let Some(account) = self.uncounted.iter().next().copied() {
            let used = stored(store, account)?;
            self.count(account, used);
        }
        Ok(())
    }

    /// The limits that hold for an account, nearest first, with what is used of each.
    fn bounds(&self, account: AccountId) -> Vec<(Bound, Limits, Usage)> {
        let Some(holder) = self.holders.get(&account) else {
            return Vec::new();
        };
        let own = (
            Bound::Account(account),
            holder.limits,
            holder.used.unwrap_or_default(),
        );
        let groups = self.above(holder.node).into_iter().filter_map(|node| {
            let group = self.groups.get(&node)?;
            Some((Bound::Group(node), group.limits, group.used))
        });
        std::iter::once(own)
            .chain(groups)
            .filter(|(_, limits, _)| limits.any())
            .collect()
    }

    /// Which soft limits of an account are newly passed; those that are no longer are forgotten.
    fn crossed(&mut self, account: AccountId) -> Vec<SoftPassed> {
        let mut crossed = Vec::new();
        for (bound, limits, used) in self.bounds(account) {
            let passed = limits.soft_passed(used);
            let told = match bound {
                Bound::Account(id) => self.holders.get_mut(&id).map(|h| &mut h.told),
                Bound::Group(node) => self.groups.get_mut(&node).map(|g| &mut g.told),
            };
            if let Some(told) = told
                && std::mem::replace(told, passed) != passed
                && passed
            {
                crossed.push(SoftPassed {
                    bound,
                    used,
                    limits,
                });
            }
        }
        crossed
    }
}

/// What the index says that an account holds. Its messages are counted only where an upgrade has
/// left its counters without that; the next commit writes them.
fn stored(store: &Store, account: AccountId) -> Result<Usage, Error> {
    let index = &store.inner.shared.index;
    let Some(value) = index.get(&key::meta(account))? else {
        return Ok(Usage::default());
    };
    let (octets, messages) = match record::decode::<Meta>(&value, "account")?.held {
        Some(held) => held,
        None => {
            let (hot, _) = cell::load(account, index)?;
            (hot.octets, hot.messages)
        }
    };
    Ok(Usage { octets, messages })
}

/// Growth that a commit may make; given back when dropped without [`Reserved::settle`].
pub(crate) struct Reserved {
    ledger: Ledger,
    account: AccountId,
    before: Usage,
    after: Usage,
    settled: bool,
}

impl Ledger {
    /// Reserves what a commit of this account adds. Errors: `OverQuota`, and those of the index.
    pub(crate) fn reserve(
        &self,
        store: &Store,
        account: AccountId,
        before: Usage,
        after: Usage,
    ) -> Result<Reserved, Error> {
        let growth = after.over(before);
        let mut state = self.lock();
        state.count(account, before);
        if growth != Usage::default() {
            let limited = state.bounds(account);
            if limited.iter().any(|(b, ..)| matches!(b, Bound::Group(_))) {
                state.count_all(store)?;
            }
            let mut bounds = state.bounds(account).into_iter();
            if let Some((bound, ..)) = bounds.find(|(_, limits, used)| limits.refuse(*used, growth))
            {
                return Err(Error::OverQuota(bound));
            }
            state.count(account, before.plus(growth));
        }
        Ok(Reserved {
            ledger: self.clone(),
            account,
            before,
            after,
            settled: false,
        })
    }
}

impl Reserved {
    /// The commit is durable: what it freed counts too. Tells of soft limits that were passed.
    pub(crate) fn settle(mut self) {
        self.settled = true;
        let (crossed, told) = {
            let mut state = self.ledger.lock();
            state.count(self.account, self.after);
            (state.crossed(self.account), state.told.clone())
        };
        for passed in crossed {
            match &told {
                Some(told) => told(passed),
                None => tracing::warn!(?passed, "a soft limit was passed"),
            }
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if !self.settled {
            self.ledger.lock().count(self.account, self.before);
        }
    }
}

impl Store {
    /// Limits and usage.
    pub fn quotas(&self) -> Quotas {
        Quotas {
            store: self.clone(),
        }
    }
}

impl Quotas {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.store.inner.ledger.lock()
    }

    /// Makes or changes a group. Moving it takes what hangs below along. Errors: `Invalid` when it
    /// would hang below itself.
    pub fn set_group(
        &self,
        node: QuotaNode,
        parent: Option<QuotaNode>,
        limits: Limits,
    ) -> Result<(), Error> {
        let mut state = self.lock();
        if state.above(parent).contains(&node) {
            return Err(Error::Invalid("a group below itself"));
        }
        if let Some(parent) = parent {
            state.group(parent);
        }
        let group = state.group(node);
        let (used, from) = (group.used, group.parent);
        group.limits = limits;
        if from != parent {
            state.shift(from, used, Usage::default());
            state.group(node).parent = parent;
            state.shift(parent, Usage::default(), used);
        }
        Ok(())
    }

    /// Forgets a group; what hung on it hangs nowhere.
    pub fn remove_group(&self, node: QuotaNode) {
        let mut state = self.lock();
        let Some(group) = state.groups.remove(&node) else {
            return;
        };
        state.shift(group.parent, group.used, Usage::default());
        for group in state.groups.values_mut() {
            group.parent = group.parent.filter(|parent| *parent != node);
        }
        for holder in state.holders.values_mut() {
            holder.node = holder.node.filter(|on| *on != node);
        }
    }

    /// Hangs an account on a group and sets its own limits.
    pub fn set_account(&self, account: AccountId, node: Option<QuotaNode>, limits: Limits) {
        let mut state = self.lock();
        if let Some(node) = node {
            state.group(node);
        }
        let holder = state.holder(account);
        let (from, used) = (holder.node, holder.used);
        (holder.node, holder.limits) = (node, limits);
        match used {
            Some(used) if from != node => {
                state.shift(from, used, Usage::default());
                state.shift(node, Usage::default(), used);
            }
            Some(_) => {}
            None => {
                state.uncounted.insert(account);
            }
        }
    }

    /// The account hangs nowhere any more and has no limits: it is gone.
    pub fn remove_account(&self, account: AccountId) {
        self.set_account(account, None, Limits::NONE);
    }

    /// What the accounts of a group hold together, with what is being written. Errors: `NotFound`.
    pub fn group(&self, node: QuotaNode) -> Result<(Usage, Limits), Error> {
        let mut state = self.lock();
        state.count_all(&self.store)?;
        let group = state.groups.get(&node).ok_or(Error::NotFound)?;
        Ok((group.used, group.limits))
    }

    /// What an account holds, with what is being written, without loading it where it can be helped.
    pub fn account(&self, account: AccountId) -> Result<(Usage, Limits), Error> {
        let mut state = self.lock();
        let used = match state.holder(account).used {
            Some(used) => used,
            None => {
                let used = stored(&self.store, account)?;
                state.count(account, used);
                used
            }
        };
        Ok((used, state.holder(account).limits))
    }

    /// Whether a message of so many octets would be refused now, and by whose limit. A later commit
    /// decides anew.
    pub fn would_refuse(&self, account: AccountId, octets: u64) -> Result<Option<Bound>, Error> {
        self.account(account)?;
        let mut state = self.lock();
        let bounds = state.bounds(account);
        if bounds.iter().any(|(b, ..)| matches!(b, Bound::Group(_))) {
            state.count_all(&self.store)?;
        }
        let growth = Usage {
            octets,
            messages: 1,
        };
        let mut bounds = state.bounds(account).into_iter();
        let refusing = bounds.find(|(_, limits, used)| limits.refuse(*used, growth));
        Ok(refusing.map(|(bound, ..)| bound))
    }

    /// Who is told when a soft limit is passed, once for each crossing. There is one.
    pub fn on_soft(&self, told: Told) {
        self.lock().told = Some(told);
    }
}
