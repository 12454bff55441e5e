//! List: who may post to it, and whom it answers to. Its members are in its account, and whom its rule finds (`rule`).
//!
//! A list without a word said of it takes letters from inside: from those who signed in here. What a list says holds
//! for those below it too: a list within a list of the same agency, or of one above its own, asks nobody again. A list
//! of elsewhere in the tree does, or whoever may make a list would reach all members of each other list.

use crate::act::{Note, check_version, difference, invalid};
use crate::book::Book;
use crate::fact::Fact;
use crate::mention::{Place, named_by};
use crate::rule::ListRule;
use crate::{Access, Account, AccountId, AccountKind, AccountState, Capability, Directory, Error};
use formats::address::Address;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashSet};

/// Addresses that may post to one list, beside those who may anyway.
pub const POSTERS_MAX: usize = 1_000;

/// Who may post to a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Posting {
    /// Everybody.
    Anyone,
    /// Who signed in here.
    #[default]
    Inside,
    /// Who is reached by it: an account here that signed in, or by his address who is elsewhere.
    Members,
    /// Only those who are named.
    Named,
}

/// What is said of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ListRules {
    pub account: AccountId,
    pub posting: Posting,
    /// Who may post whatever `posting` says; an account's address here, a list's for all whom it lets post, or an
    /// address elsewhere. Sorted, each once.
    pub posters: Vec<Address>,
    /// Who answers for it: hears of what cannot be delivered, and may post.
    pub owner: Option<Address>,
    /// Whether its letters bear its fields (`List-Id`).
    pub fields: bool,
    /// Whom it finds beside the members that it names.
    pub rule: Option<ListRule>,
    /// Zero while nothing was said.
    pub version: u64,
}

/// Who posts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Poster {
    /// The server itself.
    System,
    /// Who signed in.
    Account(AccountId),
    /// Another server, for this reverse-path; `None`: null. Nobody has proved that it is his.
    Elsewhere(Option<Address>),
}

/// A list as its letters show it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct ListFace {
    pub address: Address,
    /// As people write it.
    pub name: String,
    pub owner: Option<Address>,
    /// Whether everybody whom it reaches may answer to it.
    pub answers: bool,
    pub fields: bool,
}

impl ListFace {
    /// RFC 2919 §3: what names the list for ever: its address with a dot for the `@`, and `list-id` between as §5
    /// suggests. Characters that may not stand in it give way to its octets.
    #[must_use]
    pub fn id(&self) -> String {
        let mut id = String::new();
        let local = self.address.local.as_str().to_lowercase();
        for (n, part) in local.split('.').enumerate() {
            if n > 0 {
                id.push('.');
            }
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/?^_`{|}~".contains(&b);
            match !part.is_empty() && part.bytes().all(plain) {
                true => id.push_str(part),
                false => part.bytes().for_each(|b| id.push_str(&format!("={b:02x}"))),
            }
        }
        format!("{id}.list-id.{}", self.address.domain)
    }
}

impl ListRules {
    /// Of which nothing was said.
    fn of(account: AccountId) -> Self {
        Self {
            account,
            posting: Posting::default(),
            posters: Vec::new(),
            owner: None,
            fields: true,
            rule: None,
            version: 0,
        }
    }
}

impl Directory {
    /// Whether mail to this address goes to the members of a list of ours.
    pub fn leads_to_list(&self, address: &Address) -> bool {
        self.read().reached(address).is_some_and(|a| is_list(a))
    }

    /// What is said of a list. Errors: `NotFound` where it is none, or not to be seen.
    pub fn list_rules(&self, by: Option<&Access>, list: AccountId) -> Result<ListRules, Error> {
        let book = self.read();
        let found = book.account(list).ok_or(Error::NotFound("account"))?;
        book.check(by, Capability::ReadDirectory, &found.agency, "account")?;
        match is_list(found) {
            true => Ok(book.list_rules(list)),
            false => Err(Error::NotFound("list")),
        }
    }

    /// Says it. Errors: `NotFound`, `Invalid`, `Conflict`, `Denied`.
    pub fn set_list_rules(
        &self,
        by: Option<&Access>,
        rules: ListRules,
        version: Option<u64>,
    ) -> Result<ListRules, Error> {
        let mut acts = self.acts();
        let (old, new, object) = {
            let book = self.read();
            let list = book.account(rules.account);
            let list = list.ok_or(Error::NotFound("account"))?;
            if !is_list(list) {
                book.check_account(by, Capability::ManageAccounts, list)?;
                return Err(Error::NotFound("list"));
            }
            book.check_account(by, Capability::ManageLists, list)?;
            let old = book.list_rules(list.id);
            check_version(version, old.version)?;
            if rules
                .owner
                .as_ref()
                .is_some_and(|owner| book.at(owner).is_some_and(|a| is_list(a)))
            {
                return Err(invalid("owner", "an address that is no list"));
            }
            let mut seen = BTreeSet::new();
            let mut posters = rules.posters;
            posters.retain(|poster| seen.insert(poster.key()));
            posters.sort_by_key(Address::key);
            if posters.len() > POSTERS_MAX {
                return Err(invalid("posters", format!("at most {POSTERS_MAX}")));
            }
            let rule = rules.rule.map(ListRule::checked).transpose()?;
            if let Some(rule) = rule.as_ref().filter(|_| rule != old.rule) {
                book.check_rule(by, rule)?;
            }
            let new = ListRules {
                posters,
                rule,
                version: old.version + 1,
                ..rules
            };
            (old, new, list.address.to_string())
        };
        let note = Note {
            act: "account.list",
            object,
            detail: difference(&old, &new),
        };
        self.commit(&mut acts, by, note, vec![Fact::List(new.clone())])?;
        Ok(new)
    }

    /// The list at an address, as its letters show it; `None`: there is none.
    pub fn list_face(&self, address: &Address) -> Option<ListFace> {
        let book = self.read();
        book.reached(address)
            .filter(|a| is_list(a))
            .map(|list| book.face(list))
    }
}

fn is_list(account: &Account) -> bool {
    matches!(account.kind, AccountKind::List { .. })
}

impl Book {
    pub(crate) fn put_list(&mut self, rules: ListRules) {
        self.drop_list(rules.account);
        self.mentions
            .put(rules.account, Place::Rules, named_by(&rules));
        self.lists.insert(rules.account, rules);
    }

    pub(crate) fn drop_list(&mut self, list: AccountId) {
        if let Some(old) = self.lists.remove(&list) {
            self.mentions.remove(list, Place::Rules, named_by(&old));
        }
    }

    pub(crate) fn list_rules(&self, list: AccountId) -> ListRules {
        let said = self.lists.get(&list).cloned();
        said.unwrap_or_else(|| ListRules::of(list))
    }

    pub(crate) fn face(&self, list: &Account) -> ListFace {
        let rules = self.lists.get(&list.id);
        ListFace {
            address: list.address.clone(),
            name: list.name.clone(),
            owner: rules.and_then(|r| r.owner.clone()),
            answers: rules.is_none_or(|r| r.posting != Posting::Named),
            fields: rules.is_none_or(|r| r.fields),
        }
    }

    /// Whether somebody may post to a list; `above`: the list through which it comes to this one.
    pub(crate) fn may_post(
        &self,
        list: &Account,
        poster: &Poster,
        above: Option<&Account>,
    ) -> bool {
        if let Some(above) = above
            && (self.is_above(&above.agency, &list.agency) || self.names(list, &above.address))
        {
            return true;
        }
        let posting = self
            .lists
            .get(&list.id)
            .map_or(Posting::Inside, |r| r.posting);
        match (posting, poster) {
            (_, Poster::System) | (Posting::Anyone, _) => true,
            (Posting::Inside, Poster::Account(_)) => true,
            (Posting::Members, _) if self.has_member(list, poster) => true,
            _ => self.is_named(list, poster),
        }
    }

    fn names(&self, list: &Account, address: &Address) -> bool {
        let rules = self.lists.get(&list.id);
        rules.is_some_and(|r| r.posters.iter().any(|p| p.key() == address.key()))
    }

    /// Whether he is the owner, or among those named: by one of his addresses, or as a member of a list named.
    fn is_named(&self, list: &Account, poster: &Poster) -> bool {
        let Some(rules) = self.lists.get(&list.id) else {
            return false;
        };
        let mut named = rules.owner.iter().chain(&rules.posters);
        named.any(|address| match (poster, self.reached(address)) {
            (Poster::Account(who), Some(found)) if is_list(found) => self.brings_to(found, *who),
            (Poster::Account(who), Some(found)) => self.acts_as(*who, found.id),
            (Poster::Elsewhere(Some(from)), None) => {
                !self.domains.contains_key(&from.domain) && from.key() == address.key()
            }
            _ => false,
        })
    }

    /// Whether he is this account, or sends as it: who holds a seat posts as the seat.
    fn acts_as(&self, who: AccountId, account: AccountId) -> bool {
        self.sending(who, account) == crate::Sending::As
    }

    fn has_member(&self, list: &Account, poster: &Poster) -> bool {
        match poster {
            Poster::System => true,
            Poster::Account(who) => self.brings_to(list, *who),
            Poster::Elsewhere(None) => false,
            // Who claims an address of ours without having signed in is nobody.
            Poster::Elsewhere(Some(from)) => {
                let key = from.key();
                !self.domains.contains_key(&from.domain)
                    && self.within(list, &mut |member| member.key() == key)
            }
        }
    }

    fn brings_to(&self, list: &Account, who: AccountId) -> bool {
        self.within(list, &mut |member| {
            let seat = |a: &Account| a.kind == AccountKind::Shared && self.acts_as(who, a.id);
            self.reached(member).is_some_and(|a| a.id == who || seat(a))
        })
    }

    /// Whether any member of a list, or of a list in it, is one of these.
    fn within(&self, list: &Account, is: &mut dyn FnMut(&Address) -> bool) -> bool {
        let mut seen = HashSet::from([list.id]);
        let mut open = vec![list];
        while let Some(list) = open.pop() {
            let AccountKind::List { members } = &list.kind else {
                continue;
            };
            if list.state == AccountState::Retired {
                continue;
            }
            if self.ruled(list.id).iter().any(|found| is(&found.address)) {
                return true;
            }
            for member in members {
                if is(member) {
                    return true;
                }
                let inner = self.reached(member).filter(|a| is_list(a));
                open.extend(inner.filter(|a| seen.insert(a.id)).map(|a| &**a));
            }
        }
        false
    }

    /// What is no longer so when a list goes.
    pub(crate) fn list_of_departed(&self, account: &Account) -> Option<Fact> {
        let said = self.lists.contains_key(&account.id);
        said.then_some(Fact::NoList(account.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_names_of_their_own() {
        let check = |address: &str, id: &str| {
            let face = ListFace {
                address: Address::parse(address).unwrap(),
                name: "x".into(),
                owner: None,
                answers: true,
                fields: true,
            };
            assert_eq!(face.id(), id);
        };
        check("Toan.Tinh@Tinh.gov.vn", "toan.tinh.list-id.tinh.gov.vn");
        check("ạ@x.vn", "=e1=ba=a1.list-id.x.vn");
        check("\"a b\"@x.vn", "=61=20=62.list-id.x.vn");
    }
}
