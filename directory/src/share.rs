//! Share: who else may do what with the mail of an account, or with one of its mailboxes.
//!
//! The letters are those of RFC 4314 §2.1. An account as a whole is shared by its members' list, which
//! administrators keep for the mailboxes of seats (`AccountKind::Shared`); each mailbox may have a list of its
//! own besides. What somebody may do is the union of all entries that mean him. What is given for the account
//! as a whole cannot be taken away for one mailbox: RFC 4314 §3.7 calls such rights always granted.
//! There are no negative rights.

use crate::act::{Note, check_version, invalid};
use crate::book::Book;
use crate::fact::{Fact, account_key, decode, encode, share_key, table};
use crate::{
    Access, Account, AccountId, AccountKind, AccountState, Capability, Denied, Directory, Error,
    Rights,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use storage::{AccountStore, MailboxId, RowChange};

/// Entries of one list.
pub const ENTRIES_MAX: usize = 1_000;
/// Other accounts that are listed for one; more are still reached by their names.
pub const ACCOUNTS_SEEN_MAX: usize = 1_000;
/// Subscriptions to mailboxes of others that one account may have.
pub const SUBSCRIPTIONS_MAX: usize = 10_000;
/// Rows removed in one commit.
const SWEEP_PAGE: usize = 1_000;

/// To whom something is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Sharing {
    /// Every account under the same topmost agency as the owner.
    Anyone,
    /// One account.
    Account(AccountId),
}

/// A list of rights: of an account as a whole, or of one mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Share {
    pub account: AccountId,
    /// `None`: every mailbox of the account, those to come too.
    pub mailbox: Option<MailboxId>,
    /// Sorted; no entry is empty.
    pub entries: Vec<(Sharing, Rights)>,
    pub version: u64,
}

/// How an entry is to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum RightsChange {
    Set(Rights),
    Add(Rights),
    Remove(Rights),
}

impl RightsChange {
    /// What becomes of these rights.
    pub fn of(self, present: Rights) -> Rights {
        match self {
            Self::Set(rights) => rights,
            Self::Add(rights) => present.with(rights),
            Self::Remove(rights) => present.without(rights),
        }
    }
}

impl Share {
    fn none(account: AccountId, mailbox: Option<MailboxId>) -> Self {
        Self {
            account,
            mailbox,
            entries: Vec::new(),
            version: 0,
        }
    }

    /// What the entry gives; nothing when there is none.
    pub fn given(&self, to: Sharing) -> Rights {
        let entry = self.entries.iter().find(|(who, _)| *who == to);
        entry.map_or(Rights::NONE, |(_, rights)| *rights)
    }

    /// With this entry, or without it when nothing is given.
    pub(crate) fn put(&mut self, to: Sharing, rights: Rights) {
        self.entries.retain(|(who, _)| *who != to);
        if !rights.is_empty() {
            self.entries.push((to, rights));
            self.entries.sort_unstable();
        }
        self.version += 1;
    }

    pub(crate) fn fact(self) -> Fact {
        match self.entries.is_empty() {
            true => Fact::NoShare(self.account, self.mailbox),
            false => Fact::Share(self),
        }
    }
}

impl Access {
    /// What one may do with a mailbox, or (`None`) with every mailbox of an account. Over one's own: all.
    /// An account that does not exist, or shares nothing, gives nothing (I-17).
    pub fn rights(&self, account: AccountId, mailbox: Option<MailboxId>) -> Rights {
        let book = self.directory.read();
        match self.stands_in(&book) {
            true if self.only_reads() => self.looked_into(account),
            true => book.rights(self.account, account, mailbox),
            false => Rights::NONE,
        }
    }

    /// The door to the mail of the account for what concerns this mailbox. Errors: `Denied` when one of the
    /// rights is missing.
    pub fn mailbox(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        needed: Rights,
    ) -> Result<AccountStore, Denied> {
        let held = self.rights(account, Some(mailbox));
        if held.is_empty() || !held.has(needed) {
            return Err(Denied);
        }
        Ok(self.directory.inner.store.account(account))
    }

    /// The door to the mail of an account of which something is shared with one, or of one's own: the rights
    /// over each mailbox are for the caller to ask. Errors: `Denied`.
    pub fn reach(&self, account: AccountId) -> Result<AccountStore, Denied> {
        let book = self.directory.read();
        let others = self.only_reads() && account != self.account;
        if others || !self.stands_in(&book) || !book.reaches(self.account, account) {
            return Err(Denied);
        }
        Ok(self.directory.inner.store.account(account))
    }

    /// Other accounts of which something is shared with one, at most [`ACCOUNTS_SEEN_MAX`].
    pub fn neighbours(&self) -> Vec<Account> {
        let book = self.directory.read();
        if self.only_reads() || !self.stands_in(&book) {
            return Vec::new();
        }
        let mut owners = BTreeSet::new();
        for to in [Sharing::Account(self.account), Sharing::Anyone] {
            let all = AccountId::FIRST;
            let shared = book.shared_to.range((to, all, None)..);
            let shared = shared.take_while(|(who, ..)| *who == to);
            owners.extend(shared.map(|(_, owner, _)| *owner));
        }
        owners
            .into_iter()
            .filter(|owner| *owner != self.account && book.reaches(self.account, *owner))
            .filter_map(|owner| book.account(owner))
            .take(ACCOUNTS_SEEN_MAX)
            .map(|account| Account::clone(account))
            .collect()
    }

    /// The lists that hold for a mailbox: the account's and the mailbox's own. Errors: `Denied` without the
    /// right to administer it.
    pub fn shares(&self, account: AccountId, mailbox: MailboxId) -> Result<(Share, Share), Denied> {
        if !self.rights(account, Some(mailbox)).has(Rights::ADMINISTER) {
            return Err(Denied);
        }
        let book = self.directory.read();
        Ok((
            book.share(account, None),
            book.share(account, Some(mailbox)),
        ))
    }

    /// Changes what a mailbox's own list gives. Errors: `Denied` without the right to administer it;
    /// `Invalid` when less would be left than the account as a whole gives, or for the owner himself;
    /// `TooLarge`.
    pub fn change_share(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        to: Sharing,
        change: RightsChange,
    ) -> Result<(), Error> {
        let acts = self.directory.acts();
        let (share, news) = {
            let book = self.directory.read();
            let held = match self.stands_in(&book) && !self.only_reads() {
                true => book.rights(self.account, account, Some(mailbox)),
                false => Rights::NONE,
            };
            if !held.has(Rights::ADMINISTER) {
                return Err(Denied.into());
            }
            if to == Sharing::Account(account) {
                return Err(invalid("identifier", "another account than the owner's"));
            }
            let always = book.share(account, None).given(to);
            let mut share = book.share(account, Some(mailbox));
            let before = share.given(to);
            let after = change.of(before.with(always));
            if !after.has(always) {
                let expected = "at least what is given for the account as a whole";
                return Err(invalid("rights", expected));
            }
            share.put(to, after.without(always));
            if share.entries.len() > ENTRIES_MAX {
                return Err(storage::Error::TooLarge("a mailbox's list of rights").into());
            }
            if share.given(to) == before {
                return Ok(());
            }
            let news = book.news(Some(self), to, mailbox, &share);
            (share, news)
        };
        let mut facts = vec![share.fact()];
        if let Some(mut news) = news {
            let named = self.directory.inner.store.account(account).mailbox(mailbox);
            news.name = named.map(|m| m.name).unwrap_or_default();
            facts.extend(self.directory.notice(news)?);
        }
        self.directory.commit_unlogged(facts)?;
        drop(acts);
        self.directory.tell_shared(account, Some(mailbox), to);
        Ok(())
    }

    /// A new mailbox begins with the list of the one above it (RFC 4314 §4). Those who may see it now hear of it,
    /// who could not when it was made.
    pub fn inherit_share(
        &self,
        account: AccountId,
        above: MailboxId,
        mailbox: MailboxId,
    ) -> Result<(), Error> {
        let acts = self.directory.acts();
        let mut share = self.directory.read().share(account, Some(above));
        if share.entries.is_empty() || self.rights(account, Some(above)).is_empty() {
            return Ok(());
        }
        (share.mailbox, share.version) = (Some(mailbox), 1);
        self.directory.commit_unlogged(vec![share.fact()])?;
        drop(acts);
        self.directory.touch(account, Some(mailbox));
        Ok(())
    }

    /// Whether one has said of mailboxes of others that one is subscribed to them, or that one is not.
    pub fn subscriptions(&self) -> Result<BTreeMap<(AccountId, MailboxId), bool>, storage::Error> {
        let table = self.directory.inner.store.table(table::SUBSCRIPTION);
        let prefix = account_key(self.account);
        let rows = table.rows(&prefix, None, SUBSCRIPTIONS_MAX)?;
        let mut said = BTreeMap::new();
        for (key, value) in rows {
            let number = |at: usize| {
                let octets = key.get(at..at + 4)?.try_into().ok()?;
                Some(u32::from_be_bytes(octets))
            };
            let owner = number(4).and_then(AccountId::new);
            let mailbox = number(8).and_then(MailboxId::new);
            if let (Some(owner), Some(mailbox)) = (owner, mailbox) {
                said.insert((owner, mailbox), decode(table::SUBSCRIPTION, &value)?);
            }
        }
        Ok(said)
    }

    /// Says so. Errors: `TooLarge`.
    pub fn subscribe(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        on: bool,
    ) -> Result<(), storage::Error> {
        if self.only_reads() {
            return Err(storage::Error::Invalid("a sign-in that only reads"));
        }
        let said = self.subscriptions()?;
        if said.len() >= SUBSCRIPTIONS_MAX && !said.contains_key(&(account, mailbox)) {
            return Err(storage::Error::TooLarge("subscriptions"));
        }
        let mut key = account_key(self.account);
        key.extend(share_key(account, Some(mailbox)));
        let value = Some(encode(&on)?);
        let row = RowChange {
            table: table::SUBSCRIPTION,
            key,
            value,
        };
        let store = &self.directory.inner.store;
        store.commit_rows(vec![row])?;
        store.account(self.account).wake();
        Ok(())
    }
}

impl Directory {
    /// The account that a name at sign-in means, with or without its domain. Lists are none: nobody signs in
    /// as one.
    pub fn account_named(&self, name: &str) -> Option<Account> {
        let account = self.account_at(&self.named(name)?).ok()?;
        Some(account).filter(|a| !matches!(a.kind, AccountKind::List { .. }))
    }

    /// The members of a shared account: the list of the account as a whole. Errors: `NotFound`.
    pub fn members(&self, by: Option<&Access>, account: AccountId) -> Result<Share, Error> {
        let book = self.read();
        let owner = book.account(account).ok_or(Error::NotFound("account"))?;
        book.check(by, Capability::ReadDirectory, &owner.agency, "account")?;
        Ok(book.share(account, None))
    }

    /// What is to be committed for a member's rights (`set_member`). The lock of acts is held, since notices have numbers.
    pub(crate) fn member_facts(
        &self,
        _acts: &crate::act::Acts,
        by: Option<&Access>,
        (account, member, rights): (AccountId, AccountId, Rights),
        version: Option<u64>,
    ) -> Result<(Share, Vec<Fact>, Note), Error> {
        let inbox = self.inner.store.account(account);
        let inbox = inbox.by_role(storage::Role::Inbox).ok().flatten();
        let (share, mut facts, note, news) = {
            let book = self.read();
            let owner = book.account(account).ok_or(Error::NotFound("account"))?;
            book.check_account(by, Capability::ManageAccounts, owner)?;
            let mut share = book.share(account, None);
            check_version(version, share.version)?;
            let to = Sharing::Account(member);
            let before = share.given(to);
            let who = book.check_member(by, owner, member, rights)?;
            share.put(to, rights);
            if share.entries.len() > ENTRIES_MAX {
                return Err(invalid("member", format!("at most {ENTRIES_MAX}")));
            }
            let mut facts = vec![share.clone().fact()];
            if rights.is_empty() {
                facts.extend(book.single_shares_without(account, member));
            }
            let detail = serde_json::json!({
                "member": who, "rights": [before.to_string(), rights.to_string()],
            });
            let note = Note {
                act: "account.member",
                object: owner.address.to_string(),
                detail,
            };
            // Told of the inbox, for all of the account's mailboxes.
            let news = inbox.and_then(|inbox| {
                let mut news = book.news(by, to, inbox.id, &share)?;
                news.name.clone_from(&owner.name);
                Some(news)
            });
            (share, facts, note, news)
        };
        if let Some(news) = news {
            facts.extend(self.notice(news)?);
        }
        Ok((share, facts, note))
    }

    /// Lets those know who listen: to the account, for which its mailbox is now another, and the one who is meant.
    pub(crate) fn tell_shared(&self, account: AccountId, mailbox: Option<MailboxId>, to: Sharing) {
        self.touch(account, mailbox);
        if let Sharing::Account(member) = to {
            self.inner.store.account(member).wake();
        }
    }

    /// Lets those know who listen to the account, for which its mailbox is now another.
    fn touch(&self, account: AccountId, mailbox: Option<MailboxId>) {
        let store = self.inner.store.account(account);
        let touched = mailbox.map(|id| {
            let mut writer = store.write()?;
            writer.touch_mailbox(id)?;
            writer.commit()
        });
        // The list stands whether they hear of it now or when they look the next time.
        if !matches!(touched, Some(Ok(_))) {
            store.wake();
        }
    }

    /// What was said of a mailbox that is no more: its list of rights, its annotations, that it was subscribed to.
    /// Does nothing while it is there.
    pub fn forget_mailbox(&self, account: AccountId, mailbox: MailboxId) -> Result<(), Error> {
        match self.inner.store.account(account).mailbox(mailbox) {
            Err(storage::Error::NotFound) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let _acts = self.acts();
        if self.read().shares.contains_key(&(account, Some(mailbox))) {
            self.commit_unlogged(vec![Fact::NoShare(account, Some(mailbox))])?;
        }
        self.forget_annotations(account, Some(mailbox))?;
        self.forget_wanted(account, mailbox)?;
        Ok(self.forget_met(account, mailbox)?)
    }

    /// Rows of an account that is no more, and that nobody holds in memory. A crash before the end leaves rows
    /// that mean nobody: account ids are never given twice (I-07).
    pub(crate) fn forget_account(&self, id: AccountId) -> Result<(), Error> {
        self.forget_annotations(id, None)?;
        self.sweep(table::NOTICE, &account_key(id))?;
        self.sweep(table::FORMER_PASSWORD, &account_key(id))?;
        self.sweep(table::WANTED, &account_key(id))?;
        self.sweep(table::MET, &account_key(id))?;
        self.sweep(table::SIGNATURE, &account_key(id))?;
        self.sweep(table::MEASURED, &account_key(id))?;
        self.sweep(table::SUBSCRIPTION, &account_key(id))
    }

    /// Removes all rows whose key begins so.
    pub(crate) fn sweep(&self, name: &'static str, prefix: &[u8]) -> Result<(), Error> {
        loop {
            let rows = self
                .inner
                .store
                .table(name)
                .rows(prefix, None, SWEEP_PAGE)?;
            if rows.is_empty() {
                return Ok(());
            }
            let gone = rows.into_iter().map(|(key, _)| RowChange {
                table: name,
                key,
                value: None,
            });
            self.inner.store.commit_rows(gone.collect())?;
        }
    }
}

impl Book {
    pub(crate) fn put_share(&mut self, share: Share) {
        let at = (share.account, share.mailbox);
        self.drop_share(at.0, at.1);
        for (to, _) in &share.entries {
            self.shared_to.insert((*to, at.0, at.1));
        }
        self.shares.insert(at, share);
    }

    pub(crate) fn drop_share(&mut self, account: AccountId, mailbox: Option<MailboxId>) {
        let Some(old) = self.shares.remove(&(account, mailbox)) else {
            return;
        };
        for (to, _) in old.entries {
            self.shared_to.remove(&(to, account, mailbox));
        }
    }

    /// The list, empty where there is none.
    pub(crate) fn share(&self, account: AccountId, mailbox: Option<MailboxId>) -> Share {
        let found = self.shares.get(&(account, mailbox)).cloned();
        found.unwrap_or_else(|| Share::none(account, mailbox))
    }

    /// Whom entries may mean: `who` himself, and anyone where both are under one topmost agency. Nobody where
    /// the owner has no mail to share.
    pub(crate) fn meant(&self, who: AccountId, owner: AccountId) -> Vec<Sharing> {
        let (Some(who), Some(owner)) = (self.account(who), self.account(owner)) else {
            return Vec::new();
        };
        if owner.state == AccountState::Retired || matches!(owner.kind, AccountKind::List { .. }) {
            return Vec::new();
        }
        let mut meant = vec![Sharing::Account(who.id)];
        let top = |account: &Account| self.upward(&account.agency).last().cloned();
        if top(who) == top(owner) {
            meant.push(Sharing::Anyone);
        }
        meant
    }

    /// What `who` may do with a mailbox of `owner`.
    pub(crate) fn rights(
        &self,
        who: AccountId,
        owner: AccountId,
        mailbox: Option<MailboxId>,
    ) -> Rights {
        if who == owner {
            return Rights::ALL;
        }
        let whole = self.shares.get(&(owner, None));
        let own = mailbox.and_then(|id| self.shares.get(&(owner, Some(id))));
        self.given(who, owner, [whole, own])
    }

    /// What these lists of `owner` give him.
    pub(crate) fn given(
        &self,
        who: AccountId,
        owner: AccountId,
        lists: [Option<&Share>; 2],
    ) -> Rights {
        let mut rights = Rights::NONE;
        let meant = self.meant(who, owner);
        for share in lists.into_iter().flatten() {
            for to in &meant {
                rights = rights.with(share.given(*to));
            }
        }
        rights
    }

    /// Whether `owner` shares anything with `who`.
    pub(crate) fn reaches(&self, who: AccountId, owner: AccountId) -> bool {
        let shares = |to: &Sharing| {
            let mut from = self.shared_to.range((*to, owner, None)..);
            from.next().is_some_and(|(w, o, _)| w == to && *o == owner)
        };
        who == owner || self.meant(who, owner).iter().any(shares)
    }

    /// The member's address, when he may become one.
    pub(crate) fn check_member(
        &self,
        by: Option<&Access>,
        owner: &Account,
        member: AccountId,
        rights: Rights,
    ) -> Result<String, Error> {
        let office = matches!(owner.kind, AccountKind::Shared | AccountKind::Resource);
        if !office && !rights.is_empty() {
            // A person shares what is his himself.
            return Err(invalid("account", "a shared account or a resource"));
        }
        let found = self.account(member).filter(|m| {
            m.id != owner.id
                && !matches!(m.kind, AccountKind::List { .. })
                // Whoever leaves is taken off the list without being seen.
                && (rights.is_empty() || self.allows(by, Capability::ReadDirectory, &m.agency))
        });
        found
            .map(|m| m.address.to_string())
            .ok_or_else(|| invalid("member", "the address of another account, not of a list"))
    }

    /// All lists that name `to`, without it.
    fn without(&self, to: Sharing) -> impl Iterator<Item = Fact> {
        let named = self.shared_to.range((to, AccountId::FIRST, None)..);
        let named = named.take_while(move |(who, ..)| *who == to);
        named.map(move |(_, owner, mailbox)| {
            let mut share = self.share(*owner, *mailbox);
            share.put(to, Rights::NONE);
            share.fact()
        })
    }

    /// The lists of single mailboxes of an account, without somebody.
    pub(crate) fn single_shares_without(&self, account: AccountId, who: AccountId) -> Vec<Fact> {
        let named = self.without(Sharing::Account(who));
        let single = named.filter(|fact| match fact {
            Fact::Share(s) => s.account == account && s.mailbox.is_some(),
            Fact::NoShare(a, mailbox) => *a == account && mailbox.is_some(),
            _ => false,
        });
        single.collect()
    }

    /// The end of all lists of an account.
    pub(crate) fn own_shares_of(&self, id: AccountId) -> Vec<Fact> {
        let own = self.shares.range((id, None)..);
        let own = own.take_while(|((owner, _), _)| *owner == id);
        own.map(|((owner, mailbox), _)| Fact::NoShare(*owner, *mailbox))
            .collect()
    }

    /// What is no longer so of shares when an account goes: its own lists, and its entries in those of others.
    pub(crate) fn shares_of_departed(&self, id: AccountId) -> Vec<Fact> {
        let mut gone = self.own_shares_of(id);
        gone.extend(self.without(Sharing::Account(id)));
        gone
    }
}
