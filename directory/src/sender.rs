//! Sender: who may send in the name of an account besides its owner, as it or on its behalf.
//!
//! Who holds a seat sends as the seat: a member of a shared account whose rights are those of a holder
//! ([`HOLDER`]) does so without anybody's doing. An administrator may give it to others, of persons too, or take
//! it from a holder; what is said so counts before what membership gives. To send *as* somebody is to be the
//! author (From); *on behalf of* him one is named beside him (Sender, RFC 5322 §3.6.2).

use crate::act::{Note, check_version, invalid};
use crate::book::Book;
use crate::fact::Fact;
use crate::{
    Access, Account, AccountId, AccountKind, AccountState, Capability, Directory, DomainState,
    Error, Rights, Sharing,
};
use formats::address::Address;
use serde::{Deserialize, Serialize};

/// Entries of one list.
pub const SENDERS_MAX: usize = 1_000;
/// Other accounts in whose name one account may send, as far as they are listed.
pub const PRINCIPALS_MAX: usize = 200;
/// Addresses of one account that are listed to send from: its own first, then those in domains that stand for others.
pub const ADDRESSES_MAX: usize = 200;
/// What a member of a seat's mailbox may do who holds the seat: all but remove mailboxes and give rights.
pub const HOLDER: Rights = Rights::LOOKUP
    .with(Rights::READ)
    .with(Rights::SEEN)
    .with(Rights::WRITE)
    .with(Rights::INSERT)
    .with(Rights::DELETE)
    .with(Rights::EXPUNGE);

/// How one may send in the name of an account. The later is the more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Sending {
    /// Not at all, whatever membership gives.
    No,
    /// Named beside it: the account in From, oneself in Sender.
    OnBehalf,
    /// As if it were oneself.
    As,
}

/// Who may send in the name of an account, as administrators said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Senders {
    pub account: AccountId,
    /// Sorted, each once.
    pub entries: Vec<(AccountId, Sending)>,
    pub version: u64,
}

impl Senders {
    /// What is said of somebody.
    pub fn said(&self, who: AccountId) -> Option<Sending> {
        let entry = self.entries.iter().find(|(account, _)| *account == who);
        entry.map(|(_, sending)| *sending)
    }

    fn put(&mut self, who: AccountId, sending: Option<Sending>) {
        self.entries.retain(|(account, _)| *account != who);
        self.entries.extend(sending.map(|sending| (who, sending)));
        self.entries.sort_unstable();
        self.version += 1;
    }

    fn fact(self) -> Fact {
        match self.entries.is_empty() {
            true => Fact::NoSenders(self.account),
            false => Fact::Senders(self),
        }
    }
}

/// An address that one may send from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct SenderAddress {
    pub address: Address,
    /// Whose it is.
    pub account: AccountId,
    /// The name of that account.
    pub name: String,
    /// Never `No`.
    pub sending: Sending,
}

impl Access {
    fn sends(&self, book: &Book) -> bool {
        self.stands_in(book) && !self.only_reads()
    }

    /// How one may send from this address: one's own, a seat's, somebody's on whose behalf one writes.
    /// `No` also where nobody has it (I-17).
    pub fn sending(&self, address: &Address) -> Sending {
        let book = self.directory.read();
        match book.reached(address) {
            Some(owner) if self.sends(&book) => book.sending(self.account, owner.id),
            _ => Sending::No,
        }
    }

    /// How one may send in the name of this account.
    pub fn sending_for(&self, account: AccountId) -> Sending {
        let book = self.directory.read();
        match self.sends(&book) {
            true => book.sending(self.account, account),
            false => Sending::No,
        }
    }

    /// All addresses one may send from: one's own, the main one first; then those of others in the order of
    /// their accounts, of [`PRINCIPALS_MAX`] at most.
    pub fn senders(&self) -> Vec<SenderAddress> {
        let book = self.directory.read();
        if !self.sends(&book) {
            return Vec::new();
        }
        let others = book.principals(self.account).into_iter();
        let others = others.filter(|owner| book.sending(self.account, *owner) != Sending::No);
        let all = std::iter::once(self.account).chain(others.take(PRINCIPALS_MAX));
        all.flat_map(|owner| book.senders_of(self.account, owner))
            .collect()
    }

    /// The addresses of this account, if one may send in its name.
    pub fn senders_of(&self, account: AccountId) -> Vec<SenderAddress> {
        let book = self.directory.read();
        match self.sends(&book) {
            true => book.senders_of(self.account, account),
            false => Vec::new(),
        }
    }
}

impl Directory {
    /// Who may send in the name of an account, as was said; those who may as holders of a seat are not among them.
    /// Errors: `NotFound`.
    pub fn senders(&self, by: Option<&Access>, account: AccountId) -> Result<Senders, Error> {
        let book = self.read();
        let owner = book.account(account).ok_or(Error::NotFound("account"))?;
        book.check(by, Capability::ReadDirectory, &owner.agency, "account")?;
        Ok(book.said_senders(account))
    }

    /// Says how somebody may send in the name of an account; `None`: nothing is said any more. `version`: the
    /// list's, zero while there is none. Errors: `NotFound` (account), `Invalid` (kind, sender), `Conflict`,
    /// `Denied`.
    pub fn set_sender(
        &self,
        by: Option<&Access>,
        account: AccountId,
        sender: AccountId,
        sending: Option<Sending>,
        version: Option<u64>,
    ) -> Result<Senders, Error> {
        let mut acts = self.acts();
        let (senders, note) = {
            let book = self.read();
            let owner = book.account(account).ok_or(Error::NotFound("account"))?;
            book.check_account(by, Capability::ManageAccounts, owner)?;
            let mut senders = book.said_senders(account);
            check_version(version, senders.version)?;
            let who = book.check_sender(by, owner, sender, sending)?;
            let before = senders.said(sender);
            senders.put(sender, sending);
            if senders.entries.len() > SENDERS_MAX {
                return Err(invalid("sender", format!("at most {SENDERS_MAX}")));
            }
            let note = Note {
                act: "account.sender",
                object: owner.address.to_string(),
                detail: serde_json::json!({ "sender": who, "sending": [before, sending] }),
            };
            (senders, note)
        };
        self.commit(&mut acts, by, note, vec![senders.clone().fact()])?;
        drop(acts);
        self.inner.store.account(sender).wake();
        Ok(senders)
    }
}

impl Book {
    pub(crate) fn put_senders(&mut self, senders: Senders) {
        self.drop_senders(senders.account);
        for (who, _) in &senders.entries {
            self.sends_for.insert((*who, senders.account));
        }
        self.senders.insert(senders.account, senders);
    }

    pub(crate) fn drop_senders(&mut self, account: AccountId) {
        let Some(old) = self.senders.remove(&account) else {
            return;
        };
        for (who, _) in old.entries {
            self.sends_for.remove(&(who, account));
        }
    }

    fn said_senders(&self, account: AccountId) -> Senders {
        let none = Senders {
            account,
            entries: Vec::new(),
            version: 0,
        };
        self.senders.get(&account).cloned().unwrap_or(none)
    }

    /// How `who` may send in the name of `owner`.
    pub(crate) fn sending(&self, who: AccountId, owner: AccountId) -> Sending {
        if who == owner {
            return Sending::As;
        }
        let Some(account) = self.account(owner) else {
            return Sending::No;
        };
        // A seat that is suspended sends nothing, as a person who is suspended sends nothing.
        let sends = account.state == AccountState::Active
            && !matches!(account.kind, AccountKind::List { .. });
        if !sends {
            return Sending::No;
        }
        let said = self.senders.get(&owner).and_then(|list| list.said(who));
        said.unwrap_or_else(|| match self.holds(who, account) {
            true => Sending::As,
            false => Sending::No,
        })
    }

    /// Whether he is a member of a seat's mailbox, by name, with the rights of a holder.
    fn holds(&self, who: AccountId, seat: &Account) -> bool {
        let members = self.shares.get(&(seat.id, None));
        seat.kind == AccountKind::Shared
            && members.is_some_and(|list| list.given(Sharing::Account(who)).has(HOLDER))
    }

    /// Others in whose name he may perhaps send, in the order of their numbers.
    fn principals(&self, who: AccountId) -> std::collections::BTreeSet<AccountId> {
        let said = self.sends_for.range((who, AccountId::FIRST)..);
        let said = said.take_while(|(account, _)| *account == who);
        let to = Sharing::Account(who);
        let seats = self.shared_to.range((to, AccountId::FIRST, None)..);
        let seats = seats.take_while(|(whom, ..)| *whom == to);
        let seats = seats.filter(|(_, _, mailbox)| mailbox.is_none());
        said.map(|(_, owner)| *owner)
            .chain(seats.map(|(_, owner, _)| *owner))
            .filter(|owner| *owner != who)
            .collect()
    }

    fn senders_of(&self, who: AccountId, owner: AccountId) -> Vec<SenderAddress> {
        let sending = self.sending(who, owner);
        let Some(account) = self.account(owner).filter(|_| sending != Sending::No) else {
            return Vec::new();
        };
        let aliases = self.aliases_of.get(&owner).into_iter().flatten();
        let aliases = aliases.filter_map(|key| self.aliases.get(key));
        let aliases = aliases.filter(|alias| self.alias_serves(alias));
        let named = std::iter::once(&account.address).chain(aliases.map(|a| &a.address));
        let named: Vec<&Address> = named.collect();
        let other = named.iter().flat_map(|address| self.other_names(address));
        let own = named.iter().map(|address| (*address).clone());
        let each = own.chain(other).take(ADDRESSES_MAX);
        let each = each.map(|address| SenderAddress {
            address,
            account: owner,
            name: account.name.clone(),
            sending,
        });
        each.collect()
    }

    /// The same address in the domains that stand for its own, where they take mail and nobody has that very address.
    fn other_names<'a>(&'a self, address: &'a Address) -> impl Iterator<Item = Address> + 'a {
        let stand = self.domains.values().filter(|domain| {
            domain.alias_of.as_ref() == Some(&address.domain)
                && self.state_of(&domain.name) == Some(DomainState::Active)
        });
        let each = stand.map(|domain| Address {
            local: address.local.clone(),
            domain: domain.name.clone(),
        });
        each.filter(|other| !self.addresses.contains_key(&other.key()))
    }

    /// The sender's address, when he may become one.
    fn check_sender(
        &self,
        by: Option<&Access>,
        owner: &Account,
        sender: AccountId,
        sending: Option<Sending>,
    ) -> Result<String, Error> {
        if matches!(owner.kind, AccountKind::List { .. }) {
            return Err(invalid("account", "an account that is no list"));
        }
        let found = self.account(sender).filter(|s| {
            s.id != owner.id
                && s.kind == AccountKind::Person
                // What is taken away is taken away without his being seen.
                && (sending.is_none() || self.allows(by, Capability::ReadDirectory, &s.agency))
        });
        found
            .map(|s| s.address.to_string())
            .ok_or_else(|| invalid("sender", "the address of another person's account"))
    }

    /// What was said of the senders of a seat's mailbox, without those of whom nothing is said any more; `keeps`: the
    /// account whose list it is from now on.
    pub(crate) fn senders_handed(
        &self,
        of: AccountId,
        keeps: AccountId,
        without: impl Iterator<Item = AccountId>,
    ) -> Vec<Fact> {
        let Some(mut senders) = self.senders.get(&of).cloned() else {
            return Vec::new();
        };
        for who in without {
            senders.put(who, None);
        }
        senders.account = keeps;
        let ended = (keeps != of).then_some(Fact::NoSenders(of));
        ended.into_iter().chain([senders.fact()]).collect()
    }

    /// What is no longer so when an account goes: its own list, and its entries in those of others.
    pub(crate) fn senders_of_departed(&self, id: AccountId) -> Vec<Fact> {
        let named = self.sends_for.range((id, AccountId::FIRST)..);
        let named = named.take_while(|(who, _)| *who == id);
        let without = named.map(|(_, owner)| {
            let mut senders = self.said_senders(*owner);
            senders.put(id, None);
            senders.fact()
        });
        self.own_senders_of(id).into_iter().chain(without).collect()
    }

    /// The end of an account's own list.
    pub(crate) fn own_senders_of(&self, id: AccountId) -> Option<Fact> {
        let own = self.senders.contains_key(&id);
        own.then_some(Fact::NoSenders(id))
    }
}
