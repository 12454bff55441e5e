//! Which mailbox a name means: one's own, or (RFC 2342 §5) one that somebody else shares.
//!
//! `Other Users/an@tinh.gov.vn/INBOX` is a person's, `Shared/vanthu@tinh.gov.vn/INBOX` belongs to a seat, unit or
//! resource. A mailbox of one's own that happens to be called so goes before. Rights are asked of the directory
//! for each command and each piece of its answer, so that what is taken away is gone at once.

use super::{Runner, Selected, Stop};
use crate::ask::Completion;
use crate::code::{self, Seeking};
use crate::tree::{self, Pattern, Row, SEPARATOR, Tree};
use directory::{Access, Account, AccountKind, Held, Rights};
use formats::address::Address;
use std::ops::Deref;
use storage::{AccountId, AccountStore, Error};

/// Mailboxes of persons who share them.
pub(in crate::run) const OTHERS: &str = "Other Users";
/// Mailboxes of seats, units and resources.
pub(in crate::run) const SHARED: &str = "Shared";
/// Stands for the separator inside of an address, where it may occur (RFC 5321 §4.1.2 atext).
const SLASH: char = '\u{2215}';

/// A mailbox that a command names.
pub(super) struct Found {
    pub(super) account: AccountId,
    pub(super) store: AccountStore,
    pub(super) row: Row,
    /// What is said where it is hidden: the same as if it were not there.
    hidden: Seeking,
}

impl Deref for Found {
    type Target = Row;

    fn deref(&self) -> &Row {
        &self.row
    }
}

impl Found {
    /// RFC 9051 §6.3.12, §6.4.7: who may put messages in but not open it is told no UIDs.
    pub(in crate::run) fn shows_uids(&self) -> bool {
        self.rights.has(Rights::READ)
    }

    /// Refuses when one of these rights is missing; what may not even be seen is not there (I-17).
    pub(in crate::run) fn needs(self, needed: Rights) -> Result<Self, Stop> {
        if self.rights.has(needed) {
            Ok(self)
        } else if self.rights.has(Rights::LOOKUP) {
            Err(not_permitted().into())
        } else {
            Err(code::refusal(&Error::NotFound, self.hidden).into())
        }
    }
}

/// Where a name lies: in which account, and how it is called there.
pub(super) struct Spot {
    pub(super) account: AccountId,
    pub(super) store: AccountStore,
    /// `None`: one's own.
    pub(super) owner: Option<AccountId>,
    pub(super) path: String,
}

/// RFC 5530 §3 NOPERM.
pub(in crate::run) fn not_permitted() -> Completion {
    Completion::no("NOPERM", "You do not have the right to do this")
}

/// The name below which an account's mailboxes are.
pub(super) fn root(account: &Account) -> String {
    let space = match account.kind {
        AccountKind::Shared | AccountKind::Resource => SHARED,
        AccountKind::Person | AccountKind::List { .. } => OTHERS,
    };
    let address = account
        .address
        .to_string()
        .replace(SEPARATOR, &SLASH.to_string());
    format!("{space}{SEPARATOR}{address}")
}

impl Runner {
    pub(in crate::run) fn access(&self) -> Result<&Access, Stop> {
        self.access.as_ref().ok_or(Stop::Denied)
    }

    /// The door to the signed-in account's mail.
    pub(in crate::run) fn own(&self) -> Result<AccountStore, Stop> {
        self.access()?.own().map_err(|_| Stop::Denied)
    }

    /// The door to the mail of the account whose mailbox is selected, when these rights over it stand.
    pub(in crate::run) fn here(&self, needed: Rights) -> Result<AccountStore, Stop> {
        let none = || Stop::from(Completion::bad("no mailbox is selected"));
        let selected: &Selected = self.selected.as_deref().ok_or_else(none)?;
        let access = self.access()?;
        let door = access.mailbox(selected.account, selected.mailbox, needed);
        door.map_err(|_| match access.stands() {
            true => not_permitted().into(),
            false => Stop::Denied,
        })
    }

    /// The account, when it is not one's own.
    pub(in crate::run) fn foreign(&self, account: Option<AccountId>) -> Option<AccountId> {
        let own = self.access.as_ref().map(Access::account);
        account.filter(|account| Some(*account) != own)
    }

    /// The rights over the selected mailbox, as they stand.
    pub(in crate::run) fn rights_here(&self) -> Rights {
        match (&self.access, &self.selected) {
            (Some(access), Some(selected)) => {
                access.rights(selected.account, Some(selected.mailbox))
            }
            _ => Rights::NONE,
        }
    }

    /// One's own mailboxes.
    pub(in crate::run) fn tree(&self) -> Result<Tree, Stop> {
        Ok(Tree::of(self.own()?.mailboxes()?))
    }

    /// One's own mailboxes, and those of others that may fit a pattern and be seen in lists; `deep`: also those
    /// below a level that fits.
    pub(in crate::run) fn forest(&self, patterns: &[Pattern], deep: bool) -> Result<Tree, Stop> {
        let mut forest = self.tree()?;
        let access = self.access()?;
        let neighbours = access.neighbours();
        if neighbours.is_empty() {
            return Ok(forest);
        }
        let said = access.subscriptions()?;
        for account in neighbours {
            let root = root(&account);
            let below = format!("{root}{SEPARATOR}");
            let space = below.split(SEPARATOR).next().unwrap_or_default();
            let over = |p: &Pattern| deep && (p.fits(space) || p.fits(&root));
            if patterns.iter().any(|p| p.may_begin(&below) || over(p)) {
                // What was shared a moment ago may be no longer.
                let Ok(store) = access.reach(account.id) else {
                    continue;
                };
                let mut tree = shared(access, &root, &store)?;
                let held = access.held(account.id);
                tree.subscribe(|mailbox| {
                    let follows = |h: &Held| h.follows(mailbox.id, mailbox.subscribed);
                    let unsaid = held.as_ref().is_some_and(follows);
                    said.get(&(account.id, mailbox.id))
                        .copied()
                        .unwrap_or(unsaid)
                });
                tree.keep(|row| row.rights.has(Rights::LOOKUP));
                forest.join(tree);
            }
            forest.add_level(&root);
        }
        Ok(forest)
    }

    /// A mailbox name in the form of [`Tree`].
    pub(in crate::run) fn name(&self, raw: &[u8]) -> Result<String, Stop> {
        let name = tree::name(raw, self.utf8).filter(|n| !n.is_empty());
        name.ok_or_else(|| Completion::no("CANNOT", "This is not a mailbox name").into())
    }

    /// The mailbox of that name, over which there is some right.
    pub(in crate::run) fn find(&self, raw: &[u8], seeking: Seeking) -> Result<Found, Stop> {
        let name = self.name(raw)?;
        let store = self.own()?;
        let tree = Tree::of(store.mailboxes()?);
        if let Some(row) = tree.find(&name).cloned() {
            let account = store.id();
            return Ok(Found {
                account,
                store,
                row,
                hidden: Seeking::Named,
            });
        }
        let spot = self.elsewhere(&name)?;
        // RFC 9051 §6.3.12, §6.4.7: TRYCREATE is not told where CREATE is refused for certain.
        let seeking = || match seeking {
            Seeking::Target if !self.may_create(raw) => Seeking::Named,
            other => other,
        };
        let absent = || Stop::from(code::refusal(&Error::NotFound, seeking()));
        let spot = spot.ok_or_else(absent)?;
        let tree = shared(self.access()?, "", &spot.store)?;
        let path = format!("{SEPARATOR}{}", spot.path);
        let mut row = tree.find(&path).cloned().ok_or_else(absent)?;
        row.path = name;
        Ok(Found {
            account: spot.account,
            store: spot.store,
            hidden: match row.rights.has(Rights::LOOKUP) {
                true => Seeking::Named,
                false => seeking(),
            },
            row,
        })
    }

    /// Whether CREATE of this name may succeed.
    fn may_create(&self, raw: &[u8]) -> bool {
        let Ok(spot) = self.spot(raw) else {
            return false;
        };
        let Ok(all) = spot.store.mailboxes() else {
            return true;
        };
        let levels = tree::levels(&spot.path);
        levels.is_some_and(|levels| self.may_make(&spot, &Tree::of(all), &levels).is_ok())
    }

    /// Where a name lies that need not exist yet.
    pub(in crate::run) fn spot(&self, raw: &[u8]) -> Result<Spot, Stop> {
        let path = self.name(raw)?;
        let store = self.own()?;
        let (first, _) = path.split_once(SEPARATOR).unwrap_or((&path, ""));
        let reserved = [OTHERS, SHARED].contains(&first);
        if !reserved || Tree::of(store.mailboxes()?).find(first).is_some() {
            return Ok(Spot {
                account: store.id(),
                store,
                owner: None,
                path,
            });
        }
        let elsewhere = self.elsewhere(&path)?;
        elsewhere.ok_or_else(|| not_permitted().into())
    }

    /// The account of somebody else below whose name this one lies.
    fn elsewhere(&self, name: &str) -> Result<Option<Spot>, Stop> {
        let mut levels = name.splitn(3, SEPARATOR);
        let (Some(space), Some(level), Some(rest)) = (levels.next(), levels.next(), levels.next())
        else {
            return Ok(None);
        };
        if ![OTHERS, SHARED].contains(&space) {
            return Ok(None);
        }
        let address = level.replace(SLASH, &SEPARATOR.to_string());
        let account = Address::parse(&address).ok();
        let account = account.and_then(|address| {
            let found = self.directory.account_at(&address).ok();
            // An alias is no second name of a mailbox.
            found.filter(|a| a.address.key() == address.key() && root(a).starts_with(space))
        });
        let access = self.access()?;
        let account = account.filter(|a| a.id != access.account());
        let Some(account) = account else {
            return Ok(None);
        };
        let Ok(store) = access.reach(account.id) else {
            return Ok(None);
        };
        // RFC 9051 §5.1: INBOX in any case, here too.
        let (first, below) = rest.split_at(rest.find(SEPARATOR).unwrap_or(rest.len()));
        let path = match first.eq_ignore_ascii_case("INBOX") {
            true => format!("INBOX{below}"),
            false => rest.to_owned(),
        };
        Ok(Some(Spot {
            account: account.id,
            store,
            owner: Some(account.id),
            path,
        }))
    }
}

fn shared(access: &Access, root: &str, store: &AccountStore) -> Result<Tree, Error> {
    let rights = |id| access.rights(store.id(), Some(id));
    Ok(Tree::shared(root, store.id(), store.mailboxes()?, rights))
}
