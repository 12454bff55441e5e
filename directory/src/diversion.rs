//! Diversion: by an administrator's act mail that was meant for one account comes to another: it is made to go on, an
//! address becomes somebody else's while letters to it are still meant for who had it, a person's account becomes a list, or a
//! letter that waits is handed to a host (`rerouting`).
//!
//! Who gets another's new mail reads it as surely as who impersonates him. So all such acts are found at their one commit,
//! whatever asks for them: each needs a reason, has an entry of its own in the audit log, is told to whom the mail was meant
//! for like a privileged read, and takes two where impersonation does. What its owner does himself is his own affair, and
//! to take mail back to where it was meant for needs nothing.

use crate::act::{Acts, Note, invalid};
use crate::approval::{Dangerous, Wanted};
use crate::book::Book;
use crate::fact::Fact;
use crate::freed::REST_DAYS;
use crate::mention::members;
use crate::reading::{row_of, told};
use crate::resolve::bare;
use crate::{
    Access, Account, AccountId, AccountKind, AgencyId, Alias, Directory, Domain, Error, Forwarding,
    Reading, Scope,
};
use formats::address::Address;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The act that is entered beside the one that does it.
pub(crate) const ACT: &str = "mail.redirect";
/// Destinations that an entry names; a person who becomes a list may have more.
const NAMED_MAX: usize = 50;

/// Whose mail comes to whom by an act.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Diverted {
    /// For whom it was meant; perhaps deleted since.
    pub(crate) owner: AccountId,
    agency: AgencyId,
    /// His main address, or the one that he had.
    address: String,
    /// Where it comes to.
    to: BTreeSet<String>,
    /// The addresses that become another's; none: all his mail.
    of: BTreeSet<String>,
    /// What else makes it another request: which letter, whether a copy stays, until when.
    terms: Map<String, Value>,
}

/// Whether `by` is the owner of an account and acts as such.
pub(crate) fn is_owner(by: &Access, owner: AccountId) -> bool {
    by.owns_mail_of(owner)
}

impl Directory {
    /// Enters and tells what these facts divert, behind what they are entered as; nothing where `by` is the owner or the
    /// system. Errors: `Invalid` (no reason, or a legal order that does not stand), `Awaiting`.
    pub(crate) fn settle_diversions(
        &self,
        acts: &mut Acts,
        by: &Access,
        notes: &mut Vec<Note>,
        facts: &mut Vec<Fact>,
    ) -> Result<(), Error> {
        let mut all = {
            let book = self.read();
            let mut all = book.diverted(facts);
            all.retain(|one| self.is_meant_in(&book, one.owner));
            all
        };
        all.retain(|one| !is_owner(by, one.owner));
        if by.reason().is_none() && !all.is_empty() {
            return Err(no_reason());
        }
        self.settle_each(acts, by, all, (notes, facts))
    }

    /// The same of these, by somebody else than their owners who says why; the act itself is the first of the notes. Errors:
    /// as there.
    pub(crate) fn settle_each(
        &self,
        acts: &mut Acts,
        by: &Access,
        all: Vec<Diverted>,
        (notes, facts): (&mut Vec<Note>, &mut Vec<Fact>),
    ) -> Result<(), Error> {
        if all.is_empty() {
            return Ok(());
        }
        let reason = by.reason().ok_or_else(no_reason)?.to_owned();
        let order = by.origin.order;
        let now = self.now_s();
        if let Some(order) = order {
            // Whom it is hidden from is not told by the act's own entry either.
            for note in notes.iter_mut().filter(|note| note.detail.is_object()) {
                note.detail["order"] = order.into();
            }
        }
        let act = notes.first().map_or(ACT, |note| note.act);
        for one in all {
            let to = one.named();
            let scope = Scope::Redirect(one.owner, to);
            if let Some(order) = order {
                self.check_order(order, &scope)?;
            }
            let detail = one.asked(act, &reason, order);
            let asked = json!({ "account": one.owner, "asked": detail }).to_string();
            let wanted = Wanted {
                act: Dangerous::Redirect,
                agency: &one.agency,
                object: &one.address,
                detail: &asked,
            };
            let (used, spent) = self.with_second(acts, Some(by), wanted)?.into_rows();
            let reading = Reading {
                id: acts.chain.last + notes.len() as u64 + 1,
                by: by.account,
                address: by.address.to_string(),
                scope,
                reason: reason.clone(),
                opened_at: now,
                until: now,
                order,
            };
            facts.push(row_of(&reading)?);
            let whom = self.read().told_of(one.owner, by);
            for who in whom {
                facts.push(told(who, reading.id, now)?);
            }
            notes.push(Note {
                act: ACT,
                object: one.address,
                detail,
            });
            notes.extend(used);
            facts.extend(spent);
        }
        Ok(())
    }

    /// Whether anything was ever meant for an account: of one that is gone without a letter, as after the undoing of a
    /// file, nothing is.
    pub(crate) fn is_meant_in(&self, book: &Book, owner: AccountId) -> bool {
        book.account(owner).is_some() || self.has_mail(owner)
    }

    /// Whether there is mail in an account, gone or not; true where that cannot be counted.
    pub(crate) fn has_mail(&self, account: AccountId) -> bool {
        let used = self.inner.store.quotas().account(account);
        used.map_or(true, |(used, _)| used.messages > 0)
    }

    /// The same before something is made outside of the commit that these facts come with. Errors: as there.
    pub(crate) fn check_diversions(
        &self,
        acts: &mut Acts,
        by: Option<&Access>,
        facts: &[Fact],
    ) -> Result<(), Error> {
        let Some(by) = by else { return Ok(()) };
        self.settle_diversions(acts, by, &mut Vec::new(), &mut facts.to_vec())
    }
}

fn no_reason() -> Error {
    invalid(
        "reason",
        "why mail that is meant for one is to come to another",
    )
}

impl Book {
    /// Whose mail comes to others once these facts are so, each owner once.
    pub(crate) fn diverted(&self, facts: &[Fact]) -> Vec<Diverted> {
        let mut all = BTreeMap::new();
        for fact in facts {
            match fact {
                Fact::Forwarding(new) => self.goes_on(new, &mut all),
                Fact::Alias(alias) => {
                    let main = self.main_of(alias.account, facts);
                    let taker = (alias.account, main.unwrap_or_else(|| alias.address.clone()));
                    let one = self.taken(&alias.address, taker, facts, &mut all);
                    if let (Some(one), Some(until)) = (one, alias.until) {
                        let ends = json!(until.to_string());
                        one.terms.insert("until".to_owned(), ends);
                    }
                }
                Fact::Account(new) => {
                    let old = self.account(new.id);
                    if old.is_none_or(|old| old.address.key() != new.address.key()) {
                        let taker = (new.id, new.address.clone());
                        self.taken(&new.address, taker, facts, &mut all);
                    }
                    let was = old.filter(|old| !is_list(old) && is_list(new));
                    if let Some(old) = was {
                        let one = all.entry(old.id).or_insert_with(|| Diverted::of(old));
                        one.to.extend(members(new).iter().map(Address::to_string));
                    }
                }
                Fact::Domain(new) => self.covered(new, facts, &mut all),
                _ => {}
            }
        }
        all.into_values().collect()
    }

    /// Whose mail comes to an account by its getting this address.
    pub(crate) fn loses(&self, address: &Address, taker: AccountId) -> Option<AccountId> {
        let mut all = BTreeMap::new();
        self.taken(address, (taker, address.clone()), &[], &mut all);
        all.into_keys().next()
    }

    /// Where mail goes on to that did not before, or lies no longer where it was meant for.
    fn goes_on(&self, new: &Forwarding, all: &mut BTreeMap<AccountId, Diverted>) {
        let Some(owner) = self.account(new.account) else {
            return;
        };
        let old = self.forwardings.get(&new.account);
        let meant = |to: &Address| {
            let here = self.reached(to).map(|found| found.id);
            (here, here.is_none().then(|| to.key()))
        };
        let was: Vec<_> = old.into_iter().flat_map(|old| &old.to).map(meant).collect();
        let leaves = !new.keep && old.is_none_or(|old| old.keep);
        let added = new
            .to
            .iter()
            .filter(|to| leaves || !was.contains(&meant(to)));
        let added: BTreeSet<String> = added.map(Address::to_string).collect();
        if !added.is_empty() {
            let one = all.entry(owner.id).or_insert_with(|| Diverted::of(owner));
            one.to.extend(added);
            one.terms.insert("keep".to_owned(), new.keep.into());
        }
    }

    /// Whose address this was, or is: whoever mail to it comes to now, else who had it lately.
    fn taken<'a>(
        &self,
        address: &Address,
        (taker, to): (AccountId, Address),
        facts: &[Fact],
        all: &'a mut BTreeMap<AccountId, Diverted>,
    ) -> Option<&'a mut Diverted> {
        let other = |id: &AccountId| *id != taker && !succeeds(facts, *id, taker);
        let has = self.meant_by(address);
        let one = match has.iter().find(|has| other(&has.id)) {
            Some(has) => all.entry(has.id).or_insert_with(|| Diverted::of(has)),
            // It has it already, whoever had it before.
            None if self.addresses.contains_key(&address.key()) => return None,
            None => {
                let without = bare(address);
                let mut each = std::iter::once(address).chain(&without);
                let lately = |one| {
                    let freed = self.rested(one, REST_DAYS);
                    freed.filter(|f| other(&f.account))
                };
                let had = each.find_map(lately)?;
                let now = self.account(had.account);
                all.entry(had.account).or_insert_with(|| match now {
                    Some(now) => Diverted::of(now),
                    None => Diverted {
                        owner: had.account,
                        agency: had.agency.clone(),
                        address: had.address.to_string(),
                        to: BTreeSet::new(),
                        of: BTreeSet::new(),
                        terms: Map::new(),
                    },
                })
            }
        };
        one.to.insert(to.to_string());
        one.of.insert(address.to_string());
        Some(one)
    }

    /// Whose addresses are others' aliases in a domain that is to stand for theirs: those aliases go first.
    fn covered(&self, new: &Domain, facts: &[Fact], all: &mut BTreeMap<AccountId, Diverted>) {
        let old = self.domains.get(&new.name);
        let target = new.alias_of.as_ref();
        let changed = old.and_then(|old| old.alias_of.as_ref()) != target;
        let Some(target) = target.filter(|_| changed) else {
            return;
        };
        let within = |alias: &&Alias| alias.address.domain == new.name;
        for alias in self.aliases.values().filter(within) {
            let there = Address {
                local: alias.address.local.clone(),
                domain: target.clone(),
            };
            let owners = self.meant_by(&there).into_iter();
            for owner in owners.filter(|owner| owner.id != alias.account) {
                let main = self.main_of(alias.account, facts);
                let to = main.unwrap_or_else(|| alias.address.clone());
                let one = all.entry(owner.id).or_insert_with(|| Diverted::of(owner));
                one.to.insert(to.to_string());
                one.of.insert(alias.address.to_string());
            }
        }
    }

    /// Whom letters to an address are meant for: who has it, though its day be over, and whoever they reach now; at most two.
    pub(crate) fn meant_by(&self, address: &Address) -> Vec<&Arc<Account>> {
        let key = self.key_of(address);
        let key = key.or_else(|| self.key_of(&bare(address)?));
        let has = key.and_then(|key| self.account(*self.addresses.get(&key)?));
        let mut all: Vec<_> = has.into_iter().chain(self.reached(address)).collect();
        all.dedup_by_key(|account| account.id);
        all
    }

    /// The main address of an account once these facts are so.
    fn main_of(&self, id: AccountId, facts: &[Fact]) -> Option<Address> {
        let made = facts.iter().find_map(|fact| match fact {
            Fact::Account(account) if account.id == id => Some(account.address.clone()),
            _ => None,
        });
        made.or_else(|| self.account(id).map(|account| account.address.clone()))
    }

    /// Who is told of what is done with an account's mail: itself, and whoever reads it as his own by a list of members or
    /// by a seat; not who does it.
    pub(crate) fn told_of(&self, owner: AccountId, by: &Access) -> Vec<AccountId> {
        let mut told = vec![owner];
        told.extend(self.insiders(owner));
        told.retain(|who| !is_owner_in(self, by, *who));
        told
    }

    /// Members of a shared account, and who holds the seat that it belongs to.
    pub(crate) fn insiders(&self, owner: AccountId) -> BTreeSet<AccountId> {
        let office = |a: &Account| matches!(a.kind, AccountKind::Shared | AccountKind::Resource);
        if !self.account(owner).is_some_and(|a| office(a)) {
            return BTreeSet::new();
        }
        let members = self.share(owner, None).entries.into_iter();
        let members = members.filter_map(|(who, _)| match who {
            crate::Sharing::Account(id) => Some(id),
            crate::Sharing::Anyone => None,
        });
        let seat = self.seats.of_mailbox(owner);
        let holder = seat.and_then(|seat| seat.holder()).map(|held| held.account);
        members.chain(holder).collect()
    }
}

impl Access {
    /// Whether one reads a shared account as one's own: as a member of it, or as who holds its seat.
    pub fn is_insider(&self, account: AccountId) -> bool {
        let book = self.directory.read();
        let own = self.stands_in(&book) && !self.only_reads() && !book.is_lent(self);
        own && book.insiders(account).contains(&self.account)
    }
}

fn is_owner_in(book: &Book, by: &Access, owner: AccountId) -> bool {
    book.owns_mail(by, owner)
}

fn is_list(account: &Account) -> bool {
    matches!(account.kind, AccountKind::List { .. })
}

/// Whether one takes the other's place as the mailbox of a seat, with its members: a handover, entered as such.
fn succeeds(facts: &[Fact], old: AccountId, new: AccountId) -> bool {
    facts.iter().any(|fact| match fact {
        Fact::Position(seat) => {
            seat.mailbox == Some(new) && seat.sealed.iter().any(|sealed| sealed.account == old)
        }
        _ => false,
    })
}

impl Diverted {
    /// Some of where it comes to.
    fn named(&self) -> Vec<String> {
        self.to.iter().take(NAMED_MAX).cloned().collect()
    }

    /// What exactly is asked for.
    fn asked(&self, act: &str, reason: &str, order: Option<u64>) -> Value {
        let mut asked = json!({ "act": act, "to": self.named(), "reason": reason });
        for (name, term) in &self.terms {
            asked[name] = term.clone();
        }
        if self.to.len() > NAMED_MAX {
            // All of them are what is approved, though not all are named.
            let all: Vec<&str> = self.to.iter().map(String::as_str).collect();
            let digest = blake3::hash(all.join(" ").as_bytes()).to_hex();
            asked["all"] = json!({ "count": all.len(), "blake3": digest.as_str() });
        }
        if !self.of.is_empty() {
            asked["of"] = json!(self.of);
        }
        if let Some(order) = order {
            asked["order"] = order.into();
        }
        asked
    }

    fn of(owner: &Account) -> Self {
        Self {
            owner: owner.id,
            agency: owner.agency.clone(),
            address: owner.address.to_string(),
            to: BTreeSet::new(),
            of: BTreeSet::new(),
            terms: Map::new(),
        }
    }

    /// One letter of an account's that goes to a host instead.
    pub(crate) fn letter(owner: &Account, to: &str, object: &str) -> Self {
        let mut one = Self::of(owner);
        one.to.insert(to.to_owned());
        one.terms.insert("letter".to_owned(), object.into());
        one
    }
}
