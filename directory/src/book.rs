//! Book: all rows of the directory in memory, ordered, with the indexes that questions need.
//!
//! Knows no store and no clock; who reads tells it the time. Built only by `apply`; asked under a read lock that is never held
//! across a commit, so that sign-ins and deliveries do not wait for an administrator's fdatasync.

use crate::allotment::{self, Allotted};
use crate::approval::Approval;
use crate::bulk::{Job, JobId};
use crate::cap::AgencyCaps;
use crate::credential::{Kept, Stored};
use crate::dkim::SigningKey;
use crate::fact::Fact;
use crate::forward::{AgencyForwarding, Forwarding};
use crate::freed::Freed;
use crate::impersonation::Impersonation;
use crate::list::ListRules;
use crate::mention::{Mentions, Place, members};
use crate::policy::AgencyPolicy;
use crate::position::Seats;
use crate::sender::Senders;
use crate::session::{KeptSession, SessionRow};
use crate::share::{Share, Sharing};
use crate::sought::Texts;
use crate::stop::Stop;
use crate::vacation::Span;
use crate::{Account, AccountId, Agency, AgencyId, Alias, CredentialId, Domain};
use formats::address::{Address, DomainName};
use formats::date::{self, Day};
use formats::text::fold;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use storage::{MailboxId, QuotaNode};

/// Levels of the agency tree: a province has three to five.
pub(crate) const AGENCY_DEPTH_MAX: usize = 16;

/// Vietnam's days begin so many minutes before those of UTC.
const ZONE_MIN: i32 = 7 * 60;

/// Everything that is known.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) agencies: BTreeMap<AgencyId, Agency>,
    /// The numbers under which the store knows agencies, given in the order of their coming.
    nodes: HashMap<AgencyId, QuotaNode>,
    /// By id and official code, in capitals.
    pub(crate) codes: HashMap<String, AgencyId>,
    pub(crate) children: BTreeMap<AgencyId, BTreeSet<AgencyId>>,
    pub(crate) domains: BTreeMap<DomainName, Domain>,
    /// By domain and selector.
    pub(crate) dkim: BTreeMap<(DomainName, String), Arc<SigningKey>>,
    pub(crate) accounts: BTreeMap<AccountId, Arc<Account>>,
    /// Their names and addresses, for searching.
    pub(crate) texts: Texts,
    pub(crate) aliases: BTreeMap<String, Alias>,
    pub(crate) aliases_of: HashMap<AccountId, BTreeSet<String>>,
    /// Main addresses and aliases, by `Address::key`.
    pub(crate) addresses: HashMap<String, AccountId>,
    /// How many main addresses and aliases a domain has.
    pub(crate) addresses_in: HashMap<DomainName, usize>,
    /// Those of one agency itself: what asks for a subtree need not look at all accounts.
    pub(crate) accounts_in: HashMap<AgencyId, BTreeSet<AccountId>>,
    /// What the accounts of an agency are against the limits of grants.
    pub(crate) allotted: HashMap<AgencyId, Allotted>,
    /// Accounts with grants: few.
    pub(crate) holders: BTreeSet<AccountId>,
    pub(crate) credentials: HashMap<AccountId, BTreeMap<CredentialId, Arc<Kept>>>,
    /// Tokens and app passwords by the hash of their secret.
    pub(crate) by_digest: HashMap<[u8; 32], (AccountId, CredentialId)>,
    pub(crate) sessions: HashMap<[u8; 32], Arc<KeptSession>>,
    pub(crate) sessions_of: HashMap<AccountId, HashSet<[u8; 32]>>,
    pub(crate) shares: BTreeMap<(AccountId, Option<MailboxId>), Share>,
    /// To whom, by whom, which mailbox: the other direction of `shares`.
    pub(crate) shared_to: BTreeSet<(Sharing, AccountId, Option<MailboxId>)>,
    pub(crate) senders: BTreeMap<AccountId, Senders>,
    /// Who, in whose name: the other direction of `senders`.
    pub(crate) sends_for: BTreeSet<(AccountId, AccountId)>,
    pub(crate) lists: HashMap<AccountId, ListRules>,
    pub(crate) forwardings: HashMap<AccountId, Forwarding>,
    pub(crate) vacations: HashMap<AccountId, Span>,
    pub(crate) outsides: BTreeMap<AgencyId, AgencyForwarding>,
    pub(crate) caps: BTreeMap<AgencyId, AgencyCaps>,
    pub(crate) policies: BTreeMap<AgencyId, AgencyPolicy>,
    pub(crate) approvals: BTreeMap<u64, Approval>,
    pub(crate) impersonations: BTreeMap<u64, Impersonation>,
    pub(crate) stops: BTreeMap<AccountId, Stop>,
    pub(crate) seats: Seats,
    /// Who had a main address last, of those who were deleted.
    pub(crate) departed: HashMap<String, Vec<AccountId>>,
    /// Addresses that were freed, by `Address::key`.
    pub(crate) freed: HashMap<String, Freed>,
    /// Which lists and forwardings name an address.
    pub(crate) mentions: Mentions,
    pub(crate) jobs: BTreeMap<JobId, Job>,
    /// Raised when an account or a credential changes: what was refused before may now be right.
    pub(crate) epoch: u64,
    /// Unix seconds, as told by who reads: what begins and ends with a day is asked of the book like the rest.
    pub(crate) now: AtomicI64,
}

impl Book {
    /// Makes it so. Facts come in an order in which what they name is there, except at start.
    pub(crate) fn apply(&mut self, fact: Fact) {
        match fact {
            Fact::Agency(agency) => self.put_agency(agency),
            Fact::NoAgency(id) => self.drop_agency(&id),
            Fact::Domain(domain) => {
                self.domains.insert(domain.name.clone(), domain);
            }
            Fact::NoDomain(name) => {
                self.domains.remove(&name);
            }
            Fact::Dkim(row) => {
                let at = (row.key.domain.clone(), row.key.selector.clone());
                self.dkim.insert(at, Arc::new(SigningKey::new(row)));
            }
            Fact::NoDkim(domain, selector) => {
                self.dkim.remove(&(domain, selector));
            }
            Fact::Account(account) => self.put_account(account),
            Fact::NoAccount(id) => self.drop_account(id),
            Fact::Alias(alias) => self.put_alias(alias),
            Fact::NoAlias(address) => self.drop_alias(&address.key()),
            Fact::Credential(account, stored) => self.put_credential(account, stored),
            Fact::NoCredential(account, id) => self.drop_credential(account, id),
            Fact::Session(hash, row) => self.put_session(hash, row),
            Fact::NoSession(hash) => self.drop_session(&hash),
            Fact::Share(share) => self.put_share(share),
            Fact::NoShare(account, mailbox) => self.drop_share(account, mailbox),
            Fact::Senders(senders) => self.put_senders(senders),
            Fact::NoSenders(account) => self.drop_senders(account),
            Fact::List(rules) => self.put_list(rules),
            Fact::NoList(account) => self.drop_list(account),
            Fact::Forwarding(_) | Fact::NoForwarding(_) | Fact::Outside(_) | Fact::NoOutside(_) => {
                self.forward(fact)
            }
            Fact::Vacation(said) => drop(self.vacations.insert(said.account, said.span)),
            Fact::NoVacation(account) => drop(self.vacations.remove(&account)),
            Fact::Caps(caps) => {
                self.caps.insert(caps.agency.clone(), caps);
            }
            Fact::NoCaps(id) => {
                self.caps.remove(&id);
            }
            Fact::Policy(_) | Fact::NoPolicy(_) | Fact::Approval(_) | Fact::NoApproval(_) => {
                self.rule(fact)
            }
            Fact::Impersonation(one) => drop(self.impersonations.insert(one.id, one)),
            Fact::NoImpersonation(id) => drop(self.impersonations.remove(&id)),
            Fact::Stop(stop) => {
                self.stops.insert(stop.account, stop);
            }
            Fact::NoStop(account) => {
                self.stops.remove(&account);
            }
            Fact::Position(position) => self.seats.put(position),
            Fact::NoPosition(id) => self.seats.drop(id),
            Fact::PositionCounter(last) => self.seats.count(last),
            Fact::Departed(account) => self.put_departed(&account),
            Fact::Freed(freed) => drop(self.freed.insert(freed.address.key(), freed)),
            Fact::Job(_) | Fact::NoJob(_) | Fact::JobCounter(_) | Fact::Row(_) => self.work(fact),
            // Rows that nobody needs in memory.
            Fact::FormerPassword(..)
            | Fact::AccountCounter(_)
            | Fact::CredentialCounter(_)
            | Fact::Notice(..)
            | Fact::NoticeCounter(..) => {}
        }
    }

    fn put_credential(&mut self, account: AccountId, stored: Stored) {
        self.epoch += 1;
        if let Some(digest) = stored.digest() {
            self.by_digest.insert(digest, (account, stored.id));
        }
        let kept = Kept::new(stored);
        if let Some(before) = self.credential(account, kept.stored.id) {
            kept.used_at.store(before.used_at.load(Relaxed), Relaxed);
        }
        let kept = Arc::new(kept);
        self.credentials
            .entry(account)
            .or_default()
            .insert(kept.stored.id, kept);
    }

    fn put_departed(&mut self, account: &Account) {
        let had = self.departed.entry(account.address.key()).or_default();
        if let Err(place) = had.binary_search(&account.id) {
            had.insert(place, account.id);
        }
    }

    fn put_session(&mut self, hash: [u8; 32], row: SessionRow) {
        let of = self.sessions_of.entry(row.account).or_default();
        of.insert(hash);
        self.sessions.insert(hash, Arc::new(KeptSession::new(row)));
    }

    fn drop_session(&mut self, hash: &[u8; 32]) {
        if let Some(session) = self.sessions.remove(hash)
            && let Some(of) = self.sessions_of.get_mut(&session.row.account)
        {
            of.remove(hash);
        }
    }

    fn put_agency(&mut self, agency: Agency) {
        self.drop_agency(&agency.id.clone());
        let next = QuotaNode(self.nodes.len() as u64);
        self.nodes.entry(agency.id.clone()).or_insert(next);
        if let Some(parent) = &agency.parent {
            self.children
                .entry(parent.clone())
                .or_default()
                .insert(agency.id.clone());
        }
        self.put_codes(&agency);
        self.agencies.insert(agency.id.clone(), agency);
    }

    fn drop_agency(&mut self, id: &AgencyId) {
        let Some(old) = self.agencies.remove(id) else {
            return;
        };
        self.drop_codes(&old);
        if let Some(siblings) = old.parent.and_then(|p| self.children.get_mut(&p)) {
            siblings.remove(id);
        }
    }

    fn put_account(&mut self, account: Account) {
        self.unlist(account.id);
        self.epoch += 1;
        self.addresses.insert(account.address.key(), account.id);
        *self
            .addresses_in
            .entry(account.address.domain.clone())
            .or_default() += 1;
        let in_agency = self.accounts_in.entry(account.agency.clone());
        in_agency.or_default().insert(account.id);
        allotment::count(&mut self.allotted, &account, true);
        if !account.grants.is_empty() {
            self.holders.insert(account.id);
        }
        let folded = fold(&format!("{} {}", account.name, account.address));
        self.texts.put(account.id, &folded);
        self.mentions
            .put(account.id, Place::Members, members(&account).iter());
        self.accounts.insert(account.id, Arc::new(account));
    }

    /// Takes the account's own row out of the indexes; aliases and credentials stay.
    fn unlist(&mut self, id: AccountId) {
        let Some(old) = self.accounts.remove(&id) else {
            return;
        };
        self.texts.remove(id);
        self.mentions
            .remove(id, Place::Members, members(&old).iter());
        self.addresses.remove(&old.address.key());
        decrease(&mut self.addresses_in, &old.address.domain);
        if let Some(ids) = self.accounts_in.get_mut(&old.agency) {
            ids.remove(&id);
            if ids.is_empty() {
                self.accounts_in.remove(&old.agency);
            }
        }
        allotment::count(&mut self.allotted, &old, false);
        self.holders.remove(&id);
    }

    fn drop_account(&mut self, id: AccountId) {
        self.epoch += 1;
        self.unlist(id);
    }

    fn put_alias(&mut self, alias: Alias) {
        let key = alias.address.key();
        self.drop_alias(&key);
        self.epoch += 1;
        self.addresses.insert(key.clone(), alias.account);
        *self
            .addresses_in
            .entry(alias.address.domain.clone())
            .or_default() += 1;
        self.aliases_of
            .entry(alias.account)
            .or_default()
            .insert(key.clone());
        self.aliases.insert(key, alias);
    }

    fn drop_alias(&mut self, key: &str) {
        let Some(old) = self.aliases.remove(key) else {
            return;
        };
        self.addresses.remove(key);
        decrease(&mut self.addresses_in, &old.address.domain);
        if let Some(of) = self.aliases_of.get_mut(&old.account) {
            of.remove(key);
        }
    }

    fn drop_credential(&mut self, account: AccountId, id: CredentialId) {
        self.epoch += 1;
        let Some(of) = self.credentials.get_mut(&account) else {
            return;
        };
        if let Some(digest) = of.remove(&id).and_then(|old| old.stored.digest()) {
            self.by_digest.remove(&digest);
        }
        if of.is_empty() {
            self.credentials.remove(&account);
        }
    }

    /// The day that it is in Vietnam.
    pub(crate) fn today(&self) -> Day {
        date::day_of(self.now.load(Relaxed), ZONE_MIN)
    }

    /// The number under which the store knows an agency.
    pub(crate) fn node(&self, id: &AgencyId) -> Option<QuotaNode> {
        self.nodes
            .get(id)
            .copied()
            .filter(|_| self.agencies.contains_key(id))
    }

    /// The reverse of `node`.
    pub(crate) fn agency_at(&self, node: QuotaNode) -> Option<AgencyId> {
        let found = self.nodes.iter().find(|(_, n)| **n == node);
        found.map(|(id, _)| id.clone())
    }

    /// One account.
    pub(crate) fn account(&self, id: AccountId) -> Option<&Arc<Account>> {
        self.accounts.get(&id)
    }

    /// By main address or alias, until that ends; in a domain that stands for another also by the address there, the same.
    pub(crate) fn at(&self, address: &Address) -> Option<&Arc<Account>> {
        if self.has_ended(&address.domain) {
            return None;
        }
        let key = self.key_of(address)?;
        let alias = self.aliases.get(&key);
        if alias.is_some_and(|alias| self.alias_has_ended(alias)) {
            return None;
        }
        self.account(*self.addresses.get(&key)?)
    }

    /// One credential of an account.
    pub(crate) fn credential(&self, account: AccountId, id: CredentialId) -> Option<&Arc<Kept>> {
        self.credentials.get(&account)?.get(&id)
    }

    /// The agency and those above it, nearest first; at most `AGENCY_DEPTH_MAX`.
    pub(crate) fn upward<'a>(&'a self, id: &'a AgencyId) -> impl Iterator<Item = &'a AgencyId> {
        std::iter::successors(Some(id), |id| self.agencies.get(*id)?.parent.as_ref())
            .take(AGENCY_DEPTH_MAX)
    }

    /// Whether `above` is the agency or over it.
    pub(crate) fn is_above(&self, above: &AgencyId, id: &AgencyId) -> bool {
        self.upward(id).any(|a| a == above)
    }

    /// The agency and all below it.
    pub(crate) fn subtree(&self, top: &AgencyId) -> HashSet<AgencyId> {
        let mut found = HashSet::new();
        let mut open = vec![top];
        while let Some(id) = open.pop() {
            if found.insert(id.clone()) {
                open.extend(self.children.get(id).into_iter().flatten());
            }
        }
        found
    }

    /// Levels below the agency, itself counted.
    pub(crate) fn height(&self, top: &AgencyId) -> usize {
        let mut level: Vec<&AgencyId> = vec![top];
        let mut height = 0;
        while !level.is_empty() && height <= AGENCY_DEPTH_MAX {
            height += 1;
            level = level
                .iter()
                .filter_map(|id| self.children.get(*id))
                .flatten()
                .collect();
        }
        height
    }
}

fn decrease<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}
