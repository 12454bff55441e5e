//! Account: owner of mailboxes, a person or a shared (position) mailbox; or a list.

mod fit;

use crate::act::{Acts, Note, check_version, difference, invalid, json, name, name_if_any};
use crate::approval::{Dangerous, Spent, Wanted};
use crate::book::Book;
use crate::fact::Fact;
use crate::grant::Grant;
use crate::open::PAGE_MAX;
use crate::trial::only_tried;
use crate::{Access, AccountId, AgencyId, Capability, Directory, Error, quota};
use formats::address::Address;
use formats::text::fold;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;
use storage::{MailboxId, NewMailbox};

/// Members of one list; larger lists are lists of lists.
pub const MEMBERS_MAX: usize = 10_000;
/// Account ids recorded as given at a time, so that not every account costs a commit more. After a restart
/// the rest of the block is skipped: ids have gaps, and are never given twice (I-07).
const ID_BLOCK: u32 = 32;
/// Octets of what is searched for.
const FIND_MAX: usize = 200;
/// Mailboxes that every account begins with, in their order.
const DEFAULT_MAILBOXES: [(&str, storage::Role); 6] = [
    ("INBOX", storage::Role::Inbox),
    ("Drafts", storage::Role::Drafts),
    ("Sent", storage::Role::Sent),
    ("Junk", storage::Role::Junk),
    ("Trash", storage::Role::Trash),
    ("Archive", storage::Role::Archive),
];

/// What kind of owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum AccountKind {
    Person,
    /// A seat's or unit's mailbox (`vanthu@`).
    Shared,
    /// A room or device.
    Resource,
    /// Mail goes on to these members (accounts, lists or addresses); it has no mailboxes of its own.
    List {
        members: Vec<Address>,
    },
}

/// Where it stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum AccountState {
    Active,
    /// Gets mail, may not sign in.
    Suspended,
    /// Neither.
    Retired,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Account {
    pub id: AccountId,
    /// The main address.
    pub address: Address,
    pub kind: AccountKind,
    pub state: AccountState,
    pub agency: AgencyId,
    /// As people write it, NFC: `Nguyễn Văn An`.
    pub name: String,
    /// `Chuyên viên`.
    pub position: Option<String>,
    /// Octets; `None`: what the nearest agency gives each account, or the config's default.
    pub quota: Option<u64>,
    /// Messages; `None`: what the nearest agency gives each account, or no limit.
    pub messages_max: Option<u64>,
    /// Whether it may be read over POP3, which takes mail away from the server: off until an
    /// administrator turns it on.
    pub pop3: bool,
    /// Administrative grants, in the order in which they were given.
    pub grants: Vec<Grant>,
    /// The last number given to a grant.
    pub grant_last: u32,
    /// Unix seconds.
    pub created_at: i64,
    pub version: u64,
}

/// An account to make.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct NewAccount {
    pub address: Address,
    pub kind: AccountKind,
    pub agency: AgencyId,
    pub name: String,
    pub position: Option<String>,
    pub quota: Option<u64>,
    pub messages_max: Option<u64>,
}

impl Directory {
    /// Makes an account with its default mailboxes (INBOX, Drafts, Sent, Junk, Trash, Archive).
    ///
    /// The mailboxes come first, under an id that nobody has yet: a crash between leaves no account
    /// without mailboxes. Where a deleted account had the address, they have other numbers than its mailboxes, and so
    /// another UIDVALIDITY: a mail program that remembers those never takes the new ones for them. Errors: `Exists`, `NotFound` (agency), `Invalid`.
    pub fn create_account(&self, by: Option<&Access>, new: NewAccount) -> Result<Account, Error> {
        let mut account = Account {
            id: AccountId::SYSTEM,
            address: new.address,
            kind: kind(new.kind)?,
            state: AccountState::Active,
            agency: new.agency,
            name: name("name", &new.name)?,
            position: name_if_any("position", new.position.as_deref())?,
            quota: new.quota,
            messages_max: new.messages_max,
            pop3: false,
            grants: Vec::new(),
            grant_last: 0,
            created_at: self.now_s(),
            version: 1,
        };
        check_limits(&account)?;
        self.read()
            .check_new_account(by, &account, self.reckoning())?;
        // Its number is given and its mailboxes are made before the commit.
        let made = [Fact::Account(account.clone())];
        self.check_diversions(&mut self.acts(), by, &made)?;
        only_tried(by, || {
            let mut detail = json(&account);
            detail["id"] = serde_json::Value::Null;
            Note {
                act: "account.create",
                object: account.address.to_string(),
                detail,
            }
        })?;
        account.id = self.next_account(&mut self.acts())?;
        self.seal_account(&account)?;
        self.make_first_mailboxes(&account)?;
        let mut acts = self.acts();
        self.read()
            .check_new_account(by, &account, self.reckoning())?;
        let note = Note {
            act: "account.create",
            object: account.address.to_string(),
            detail: json(&account),
        };
        self.commit(&mut acts, by, note, vec![Fact::Account(account.clone())])?;
        Ok(account)
    }

    /// One account.
    pub fn account(&self, id: AccountId) -> Result<Account, Error> {
        self.read()
            .account(id)
            .map(|a| (**a).clone())
            .ok_or(Error::NotFound("account"))
    }

    /// By main address or alias.
    pub fn account_at(&self, address: &Address) -> Result<Account, Error> {
        self.read()
            .at(address)
            .map(|a| (**a).clone())
            .ok_or(Error::NotFound("account"))
    }

    /// Accounts of a subtree, in id order; `find` is looked for in name and address without regard to case
    /// and diacritics, all its words. Errors: `NotFound` (agency).
    pub fn accounts(
        &self,
        by: Option<&Access>,
        agency: Option<&AgencyId>,
        find: Option<&str>,
        after: Option<AccountId>,
        max: usize,
    ) -> Result<Vec<Account>, Error> {
        let find: String = find.unwrap_or("").chars().take(FIND_MAX).collect();
        let find = fold(&find);
        let words: Vec<&str> = find.split_whitespace().collect();
        let book = self.read();
        let visible = book.visible(by, agency)?;
        let seen = |account: &&Arc<Account>| {
            let visible = visible.as_ref();
            visible.is_none_or(|set| set.contains(&account.agency))
        };
        let max = max.min(PAGE_MAX);
        let copied = |account: &Arc<Account>| (**account).clone();
        if words.is_empty() {
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            let rest = book.accounts.range((from, Bound::Unbounded));
            let rest = rest.map(|(_, account)| account);
            return Ok(rest.filter(seen).take(max).map(copied).collect());
        }
        let found = book.texts.find(&words, after);
        let found = found.filter_map(|id| book.accounts.get(&id));
        Ok(found.filter(seen).take(max).map(copied).collect())
    }

    /// Changes name, position, agency, state, quota, kind, POP3, main address (one of its aliases changes places with what
    /// was that), and grants: those with a number are kept as they are, those without are given, the others taken.
    /// Browser sessions end when the account is no longer active; its members and senders with its kind. Errors: `Conflict`,
    /// `Exists`, `Invalid`, `Lived`.
    pub fn change_account(
        &self,
        by: Option<&Access>,
        account: Account,
        version: Option<u64>,
    ) -> Result<Account, Error> {
        let new = Account {
            kind: kind(account.kind.clone())?,
            name: name("name", &account.name)?,
            position: name_if_any("position", account.position.as_deref())?,
            ..account
        };
        check_limits(&new)?;
        let mut acts = self.acts();
        let (old, new, mut facts) = {
            let book = self.read();
            let old = book.account(new.id).ok_or(Error::NotFound("account"))?;
            book.check_account(by, managed_by(old), old)?;
            check_version(version, old.version)?;
            let mut new = Account {
                created_at: old.created_at,
                version: old.version + 1,
                ..new
            };
            book.check_changed_account(by, old, &new, self.reckoning())?;
            let mut facts = book.ended_sessions(&new);
            if becomes_another(&old.kind, &new.kind) {
                book.check_no_seat(new.id)?;
                self.check_unlived(&book, old, &new)?;
                // Whoever was a member of what it was is none of what it becomes.
                facts.extend(book.own_shares_of(new.id));
                facts.extend(book.own_senders_of(new.id));
            }
            let others = book.settle_grants(by, old, &mut new, self.now_s())?;
            facts.extend(others);
            facts.extend(book.addresses_changed(old, &new));
            book.check_administered(by, &facts, self.now_s())?;
            ((**old).clone(), new, facts)
        };
        let spent = self.second_of_change(&mut acts, by, &old, &new)?;
        let mut notes = Vec::new();
        for (used, fact) in spent.into_iter().map(Spent::into_rows) {
            notes.extend(used);
            facts.extend(fact);
        }
        notes.push(Note {
            act: "account.change",
            object: new.address.to_string(),
            detail: difference(&old, &new),
        });
        // Mailboxes are made before the commit.
        if !by.is_some_and(Access::is_on_trial) {
            self.make_mailboxes(&new)?;
        }
        self.commit_all(&mut acts, by, notes, facts)?;
        self.seal_account(&new)?;
        Ok(new)
    }

    /// Whether an account may become one that has members, or one that has an owner: only while nobody was let in by it
    /// and no mail is in it, or whoever keeps the members would read what was a person's. Errors: `Lived`.
    fn check_unlived(&self, book: &Book, old: &Account, new: &Account) -> Result<(), Error> {
        let office = |a: &Account| matches!(a.kind, AccountKind::Shared | AccountKind::Resource);
        if office(old) == office(new) {
            return Ok(());
        }
        let let_in = book
            .credentials
            .get(&old.id)
            .is_some_and(|all| !all.is_empty());
        let (used, _) = self.inner.store.quotas().account(old.id)?;
        match let_in || used.messages > 0 {
            true => Err(Error::Lived),
            false => Ok(()),
        }
    }

    /// The second person of a change by which an account leaves what takes two where it is: it becomes a list, which
    /// one person deletes, or moves to where fewer acts take two. Errors: `Awaiting`.
    fn second_of_change(
        &self,
        acts: &mut Acts,
        by: Option<&Access>,
        old: &Account,
        new: &Account,
    ) -> Result<Vec<Spent>, Error> {
        let looser = self.read().takes_less(Some(&old.agency), Some(&new.agency));
        let becomes_list = is_list(new) && !is_list(old);
        let asked = serde_json::json!({
            "account": old.id.raw(), "agency": new.agency.0, "list": becomes_list,
        });
        let leaves = [
            (looser, Dangerous::Loosen),
            (becomes_list, Dangerous::DeleteAccount),
        ];
        let acts_of_two = leaves.into_iter().filter(|(leaves, _)| *leaves);
        let each = acts_of_two.map(|(_, act)| {
            let wanted = Wanted {
                act,
                agency: &old.agency,
                object: &old.address.to_string(),
                detail: &asked.to_string(),
            };
            self.with_second(acts, by, wanted)
        });
        each.collect()
    }

    /// Retires for ever: addresses freed, credentials and sessions withdrawn, mail kept until erased by a
    /// later act; the id is never reused (I-07). What it gave on of its grants stays. Errors: `Held` while a legal hold is
    /// on it, `InUse` while it is the mailbox of a position.
    pub fn delete_account(
        &self,
        by: Option<&Access>,
        id: AccountId,
        version: Option<u64>,
    ) -> Result<(), Error> {
        let mut acts = self.acts();
        let (old, mut facts) = {
            let book = self.read();
            let old = book.account(id).ok_or(Error::NotFound("account"))?;
            book.check_account(by, managed_by(old), old)?;
            check_version(version, old.version)?;
            book.check_no_seat(id)?;
            let facts = book.departure(old);
            // Before a second person is asked.
            book.check_administered(by, &facts, self.now_s())?;
            (Account::clone(old), facts)
        };
        self.check_not_held(id)?;
        let mut notes = Vec::new();
        if !is_list(&old) {
            let wanted = Wanted {
                act: Dangerous::DeleteAccount,
                agency: &old.agency,
                object: &old.address.to_string(),
                detail: &format!("{{\"account\":{id}}}"),
            };
            let (used, fact) = self.with_second(&mut acts, by, wanted)?.into_rows();
            notes.extend(used);
            facts.extend(fact);
        }
        notes.push(Note {
            act: "account.delete",
            object: old.address.to_string(),
            detail: json(&old),
        });
        self.commit_all(&mut acts, by, notes, facts)?;
        drop(acts);
        self.forget_account(id)
    }

    /// Numbers for so many accounts.
    pub(crate) fn next_accounts(
        &self,
        acts: &mut Acts,
        count: usize,
    ) -> Result<Vec<AccountId>, Error> {
        let most = u32::try_from(count).map_err(|_| used_up())?;
        let last = acts.account_next.saturating_add(most).saturating_sub(1);
        if most > 0 && last > acts.account_reserved {
            self.commit_unlogged(vec![Fact::AccountCounter(last)])?;
            acts.account_reserved = last;
        }
        (0..count).map(|_| self.next_account(acts)).collect()
    }

    pub(crate) fn next_account(&self, acts: &mut Acts) -> Result<AccountId, Error> {
        if acts.account_next > acts.account_reserved {
            let reserved = acts.account_next.saturating_add(ID_BLOCK - 1);
            self.commit_unlogged(vec![Fact::AccountCounter(reserved)])?;
            acts.account_reserved = reserved;
        }
        let id = AccountId::new(acts.account_next).ok_or_else(used_up)?;
        acts.account_next = acts.account_next.checked_add(1).ok_or_else(used_up)?;
        Ok(id)
    }

    /// The default mailboxes of a new account, with other numbers than those of one that had its address.
    pub(crate) fn make_first_mailboxes(&self, account: &Account) -> Result<(), Error> {
        let before: Vec<AccountId> = self.read().had_before(&account.address).collect();
        let next = before
            .into_iter()
            .map(|old| self.inner.store.account(old).next_mailbox());
        let next = next.collect::<Result<Vec<MailboxId>, _>>()?;
        self.make_mailboxes_from(account, next.into_iter().max())
    }

    /// The default mailboxes, unless there is an inbox already.
    pub(crate) fn make_mailboxes(&self, account: &Account) -> Result<(), Error> {
        self.make_mailboxes_from(account, None)
    }

    /// The same, with numbers from this one on.
    pub(crate) fn make_mailboxes_from(
        &self,
        account: &Account,
        first: Option<MailboxId>,
    ) -> Result<(), Error> {
        let store = self.inner.store.account(account.id);
        let is_list = matches!(account.kind, AccountKind::List { .. });
        if is_list || store.by_role(storage::Role::Inbox)?.is_some() {
            return Ok(());
        }
        let mut writer = store.write()?;
        if let Some(first) = first {
            writer.begin_mailboxes_at(first);
        }
        for (order, (name, role)) in (1..).zip(DEFAULT_MAILBOXES) {
            writer.create_mailbox(NewMailbox {
                parent: None,
                name: name.to_owned(),
                role: Some(role),
                subscribed: true,
                sort_order: order,
            })?;
        }
        writer.commit()?;
        Ok(())
    }
}

pub(crate) fn check_limits(account: &Account) -> Result<(), Error> {
    quota::limit("quota", account.quota)?;
    quota::limit("messages_max", account.messages_max)
}

/// A list's members once each, and not too many.
fn kind(kind: AccountKind) -> Result<AccountKind, Error> {
    let AccountKind::List { mut members } = kind else {
        return Ok(kind);
    };
    if members.len() > MEMBERS_MAX {
        return Err(invalid(
            "members",
            format!("at most {MEMBERS_MAX}; name other lists for more"),
        ));
    }
    let mut seen = BTreeSet::new();
    members.retain(|member| seen.insert(member.key()));
    Ok(AccountKind::List { members })
}

fn is_list(account: &Account) -> bool {
    matches!(account.kind, AccountKind::List { .. })
}

/// Whether it is another kind of thing; a list with other members is not.
fn becomes_another(old: &AccountKind, new: &AccountKind) -> bool {
    std::mem::discriminant(old) != std::mem::discriminant(new)
}

/// The right to change what is there.
pub(crate) fn managed_by(account: &Account) -> Capability {
    match is_list(account) {
        true => Capability::ManageLists,
        false => Capability::ManageAccounts,
    }
}

fn used_up() -> Error {
    storage::Error::TooLarge("the number of accounts").into()
}
