//! Mention: where an address is written down: as member of a list, as one who may post to it or answers for it, as where
//! mail goes on to. Whoever gets the address later is not who was meant.

use crate::act::{Note, difference};
use crate::book::Book;
use crate::fact::Fact;
use crate::forward::Forwarding;
use crate::list::ListRules;
use crate::resolve::bare;
use crate::{Account, AccountId, AccountKind, AgencyId};
use formats::address::Address;
use std::collections::{BTreeSet, HashMap, HashSet};

/// An account that loses addresses.
pub(crate) struct Leaving {
    pub(crate) account: AccountId,
    pub(crate) agency: AgencyId,
    /// Which nobody gets at once.
    pub(crate) gone: Vec<Address>,
    /// Its main address from now on; `None`: it goes itself.
    pub(crate) instead: Option<Address>,
}

/// In which of its rows an account names an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Members,
    Rules,
    Forwarding,
}

/// Who names an address, by its key; one with a detail also by the key without it.
#[derive(Debug, Default)]
pub(crate) struct Mentions(HashMap<String, BTreeSet<(AccountId, Place)>>);

impl Mentions {
    pub(crate) fn put<'a>(
        &mut self,
        account: AccountId,
        place: Place,
        named: impl Iterator<Item = &'a Address>,
    ) {
        for key in named.flat_map(keys) {
            self.0.entry(key).or_default().insert((account, place));
        }
    }

    pub(crate) fn remove<'a>(
        &mut self,
        account: AccountId,
        place: Place,
        named: impl Iterator<Item = &'a Address>,
    ) {
        for key in named.flat_map(keys) {
            if let Some(of) = self.0.get_mut(&key) {
                of.remove(&(account, place));
                if of.is_empty() {
                    self.0.remove(&key);
                }
            }
        }
    }

    fn of(&self, keys: &HashSet<String>) -> BTreeSet<(AccountId, Place)> {
        let each = keys.iter().filter_map(|key| self.0.get(key));
        each.flatten().copied().collect()
    }
}

fn keys(address: &Address) -> impl Iterator<Item = String> {
    let bare = bare(address).map(|bare| bare.key());
    std::iter::once(address.key()).chain(bare)
}

/// Those that a list names; of what is no list none.
pub(crate) fn members(account: &Account) -> &[Address] {
    match &account.kind {
        AccountKind::List { members } => members,
        _ => &[],
    }
}

/// Those that the rules of a list name.
pub(crate) fn named_by(rules: &ListRules) -> impl Iterator<Item = &Address> {
    rules.owner.iter().chain(&rules.posters)
}

impl Book {
    /// Takes addresses out of all that names them, or puts the account's other address there; on top of what these facts
    /// say already. What the audit log tells of it.
    pub(crate) fn unname(&self, leaves: &Leaving, facts: &mut Vec<Fact>) -> Vec<Note> {
        let gone = self.spellings(leaves);
        let means = |address: &Address| {
            // An address with a detail may be somebody's own.
            let other = self.addresses.get(&address.key());
            let own = other.is_none_or(|id| *id == leaves.account);
            own && keys(address).any(|key| gone.contains(&key))
        };
        let mut notes = Vec::new();
        for (account, place) in self.mentions.of(&gone) {
            let changed = match place {
                Place::Members => self.without_member(account, leaves, &means, facts),
                Place::Rules => self.rules_without(account, leaves, &means, facts),
                Place::Forwarding => self.forwarding_without(account, leaves, &means, facts),
            };
            notes.extend(changed);
        }
        notes
    }

    /// The keys by which the addresses are meant: themselves, and the same in domains that stand for theirs.
    fn spellings(&self, leaves: &Leaving) -> HashSet<String> {
        let mut all = HashSet::new();
        for address in &leaves.gone {
            all.insert(address.key());
            let stand = self.domains.values();
            let stand = stand.filter(|d| d.alias_of.as_ref() == Some(&address.domain));
            all.extend(stand.map(|domain| {
                let local = address.local.clone();
                let domain = domain.name.clone();
                Address { local, domain }.key()
            }));
        }
        all
    }

    fn without_member(
        &self,
        id: AccountId,
        leaves: &Leaving,
        means: &dyn Fn(&Address) -> bool,
        facts: &mut Vec<Fact>,
    ) -> Option<Note> {
        let said = |fact: &Fact| match fact {
            Fact::Account(account) if account.id == id => Some(Some(account.clone())),
            Fact::NoAccount(gone) if *gone == id => Some(None),
            _ => None,
        };
        let kept = || self.account(id).map(|account| Account::clone(account));
        let old = after(facts, said, kept)?;
        let was = members(&old);
        let is = replaced(was, leaves.instead.as_ref(), means);
        if was == is {
            return None;
        }
        let went: Vec<String> = was
            .iter()
            .filter(|a| means(a))
            .map(Address::to_string)
            .collect();
        let detail = serde_json::json!({ "members_removed": went, "members_added": instead(leaves, &is, was) });
        let note = Note {
            act: "account.change",
            object: old.address.to_string(),
            detail,
        };
        facts.push(Fact::Account(Account {
            kind: AccountKind::List { members: is },
            version: old.version + 1,
            ..old
        }));
        Some(note)
    }

    fn rules_without(
        &self,
        id: AccountId,
        leaves: &Leaving,
        means: &dyn Fn(&Address) -> bool,
        facts: &mut Vec<Fact>,
    ) -> Option<Note> {
        let said = |fact: &Fact| match fact {
            Fact::List(rules) if rules.account == id => Some(Some(rules.clone())),
            Fact::NoList(gone) if *gone == id => Some(None),
            _ => None,
        };
        let old = after(facts, said, || self.lists.get(&id).cloned())?;
        let mut posters = replaced(&old.posters, leaves.instead.as_ref(), means);
        posters.sort_by_key(Address::key);
        let owner = match old.owner.as_ref().filter(|owner| means(owner)) {
            Some(_) => leaves.instead.clone(),
            None => old.owner.clone(),
        };
        if posters == old.posters && owner == old.owner {
            return None;
        }
        let new = ListRules {
            posters,
            owner,
            version: old.version + 1,
            ..old.clone()
        };
        let note = self.told("account.list", id, difference(&old, &new))?;
        facts.push(Fact::List(new));
        Some(note)
    }

    fn forwarding_without(
        &self,
        id: AccountId,
        leaves: &Leaving,
        means: &dyn Fn(&Address) -> bool,
        facts: &mut Vec<Fact>,
    ) -> Option<Note> {
        let said = |fact: &Fact| match fact {
            Fact::Forwarding(forwarding) if forwarding.account == id => {
                Some(Some(forwarding.clone()))
            }
            Fact::NoForwarding(gone) if *gone == id => Some(None),
            _ => None,
        };
        let old = after(facts, said, || self.forwardings.get(&id).cloned())?;
        let to = replaced(&old.to, leaves.instead.as_ref(), means);
        if to == old.to {
            return None;
        }
        let new = Forwarding {
            to,
            version: old.version + 1,
            ..old.clone()
        };
        let note = self.told("account.forwarding", id, difference(&old, &new))?;
        facts.push(new.fact());
        Some(note)
    }

    fn told(&self, act: &'static str, id: AccountId, detail: serde_json::Value) -> Option<Note> {
        let object = self.account(id)?.address.to_string();
        Some(Note {
            act,
            object,
            detail,
        })
    }
}

/// A row as it is after these facts: what the last of them says of it, `Some(None)` that there is none; else what is kept.
fn after<T>(
    facts: &[Fact],
    said: impl Fn(&Fact) -> Option<Option<T>>,
    kept: impl FnOnce() -> Option<T>,
) -> Option<T> {
    facts.iter().rev().find_map(said).unwrap_or_else(kept)
}

/// The addresses without those that are meant, and with the other one once, where there is one.
fn replaced(
    named: &[Address],
    instead: Option<&Address>,
    means: &dyn Fn(&Address) -> bool,
) -> Vec<Address> {
    let mut there: HashSet<String> = named.iter().map(Address::key).collect();
    let each = named.iter().filter_map(|address| match means(address) {
        false => Some(address.clone()),
        true => instead
            .filter(|instead| there.insert(instead.key()))
            .cloned(),
    });
    each.collect()
}

/// The address that came into it, if it was not there.
fn instead(leaves: &Leaving, is: &[Address], was: &[Address]) -> Vec<String> {
    let named = |all: &[Address], one: &Address| all.iter().any(|a| a.key() == one.key());
    let came = leaves.instead.iter();
    let came = came.filter(|one| named(is, one) && !named(was, one));
    came.map(Address::to_string).collect()
}
