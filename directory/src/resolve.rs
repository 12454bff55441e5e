//! Where an address leads: aliases and lists expanded, loops guarded, each account once.

use crate::book::Book;
use crate::forward::HOPS_MAX;
use crate::list::{ListFace, Poster};
use crate::{Account, AccountId, AccountKind, AccountState, Directory, DomainState, Error};
use formats::address::{Address, LocalPart};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Accounts and other addresses that one address may lead to.
pub const RESOLVED_MAX: usize = 50_000;

/// RFC 5233 §1: what parts the mailbox from the detail, which its owner gives out as he likes: `annv+hop@`.
const DETAIL: char = '+';

/// Where an address leads (aliases and lists expanded, loops guarded, each account once).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// Goes to these accounts here, and on to these other addresses (members of lists elsewhere).
    Local {
        /// Here.
        accounts: Vec<AccountId>,
        /// Elsewhere.
        remote: Vec<Address>,
        /// The list that it is.
        list: Option<ListFace>,
        /// Lists in it that take nothing from this poster.
        closed_lists: Vec<Address>,
        /// Members of lists in it that should be here and are not, or take no mail any more.
        gone: Vec<Address>,
        /// Accounts on the way whose mail goes on.
        onward: Vec<Onward>,
    },
    /// Our domain, no such address.
    Unknown,
    /// An address in a domain that stood for another until its last day: whether there was such an address is not told.
    Moved,
    /// Our address, suspended domain, retired account or a list that leads nowhere: no mail is taken now.
    Closed,
    /// A list that takes nothing from this poster.
    MayNotPost,
    /// Stands for the reverse-path of mail that was sent on from here: what cannot be delivered goes back there.
    SentBack(Address),
    /// Not our domain.
    Elsewhere,
}

/// An account whose mail goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Onward {
    /// Which.
    pub account: AccountId,
    /// It gets a copy itself.
    pub keeps: bool,
    /// The accounts here to which it goes on.
    pub here: Vec<AccountId>,
    /// The addresses elsewhere to which it goes on.
    pub elsewhere: Vec<Address>,
}

/// What is known of a letter before it is known where it goes.
#[derive(Debug, Clone, Copy)]
pub struct Passing<'a> {
    /// Who sends it, as lists see it.
    pub poster: &'a Poster,
    /// Addresses from which it was sent on before: it is not sent on from them again.
    pub met: &'a [Address],
}

/// What is found while lists are opened.
#[derive(Default)]
struct Found<'a> {
    accounts: Vec<AccountId>,
    remote: BTreeMap<String, &'a Address>,
    closed_lists: Vec<Address>,
    gone: Vec<Address>,
    /// The loop guard: an account or a list counts once, however often it is named.
    seen: HashSet<AccountId>,
    /// Lists to be opened.
    open: Vec<&'a Account>,
    /// Accounts from which it was sent on before.
    met: HashSet<AccountId>,
    /// Accounts from which it goes on, those met first before those to which they lead.
    onward: Vec<Onward>,
}

impl Directory {
    /// Where an address leads for such a letter. Errors: `Storage(TooLarge)` past `RESOLVED_MAX`.
    pub fn resolve(&self, address: &Address, passing: Passing<'_>) -> Result<Resolution, Error> {
        let book = self.read();
        if book.has_moved(address) {
            return Ok(Resolution::Moved);
        }
        match book.state_of(&address.domain) {
            None => return Ok(Resolution::Elsewhere),
            Some(DomainState::Suspended) => return Ok(Resolution::Closed),
            Some(DomainState::Active) => {}
        }
        let Some(account) = book.reached(address) else {
            let sender = self.sender_of(&address.local);
            let sender = sender.filter(|sender| !book.domains.contains_key(&sender.domain));
            let accounts = book.postmasters(address, self.now_s());
            return Ok(match sender {
                Some(sender) => Resolution::SentBack(sender),
                None if accounts.is_empty() => Resolution::Unknown,
                None => Resolution::Local {
                    accounts,
                    remote: Vec::new(),
                    list: None,
                    closed_lists: Vec::new(),
                    gone: Vec::new(),
                    onward: Vec::new(),
                },
            });
        };
        book.expand(account, passing)
    }
}

/// The address without its detail, where it has one.
pub(crate) fn bare(address: &Address) -> Option<Address> {
    let (mailbox, _) = address.local.as_str().split_once(DETAIL)?;
    Some(Address {
        local: LocalPart::parse(mailbox).ok()?,
        domain: address.domain.clone(),
    })
}

impl Book {
    /// The account that mail to an address comes to: the one that has it, or without its detail. What is named in a
    /// domain itself goes before what the domain stands for.
    pub(crate) fn reached(&self, address: &Address) -> Option<&Arc<Account>> {
        self.at(address).or_else(|| self.at(&bare(address)?))
    }

    fn expand(&self, first: &Account, passing: Passing<'_>) -> Result<Resolution, Error> {
        let poster = passing.poster;
        let met = passing.met.iter().filter_map(|met| self.reached(met));
        let mut found = Found {
            seen: HashSet::from([first.id]),
            met: met.map(|account| account.id).collect(),
            ..Found::default()
        };
        if first.state == AccountState::Retired {
            return Ok(Resolution::Closed);
        }
        let list = match &first.kind {
            AccountKind::List { .. } if !self.may_post(first, poster, None) => {
                return Ok(Resolution::MayNotPost);
            }
            AccountKind::List { .. } => {
                found.open.push(first);
                Some(self.face(first))
            }
            _ => {
                // With nobody before it, it cannot lead back to somebody before it.
                let _ = self.follow(first, &mut found, &mut Vec::new());
                None
            }
        };
        while let Some(list) = found.open.pop() {
            self.open_list(list, poster, &mut found)?;
        }
        let Found {
            mut accounts,
            remote,
            closed_lists,
            gone,
            mut onward,
            ..
        } = found;
        if accounts.is_empty() && remote.is_empty() {
            return Ok(match closed_lists.is_empty() {
                true => Resolution::Closed,
                false => Resolution::MayNotPost,
            });
        }
        accounts.sort_unstable();
        // Who leads nowhere is where it stays.
        onward.retain(|on| !on.here.is_empty() || !on.elsewhere.is_empty());
        Ok(Resolution::Local {
            accounts,
            remote: remote.into_values().cloned().collect(),
            list,
            closed_lists,
            gone,
            onward,
        })
    }

    fn open_list<'a>(
        &'a self,
        list: &'a Account,
        poster: &Poster,
        found: &mut Found<'a>,
    ) -> Result<(), Error> {
        let AccountKind::List { members } = &list.kind else {
            return Ok(());
        };
        for member in members {
            match self.state_of(&member.domain) {
                None => {
                    found.remote.insert(member.key(), member);
                }
                Some(DomainState::Suspended) => found.gone.push(member.clone()),
                Some(DomainState::Active) => match self.reached(member) {
                    Some(a) if !found.seen.insert(a.id) => {}
                    Some(a) if a.state == AccountState::Retired => {
                        found.gone.push(member.clone());
                    }
                    Some(a) if !matches!(a.kind, AccountKind::List { .. }) => {
                        let _ = self.follow(a, found, &mut Vec::new());
                    }
                    Some(a) if self.may_post(a, poster, Some(list)) => found.open.push(a),
                    Some(a) => found.closed_lists.push(a.address.clone()),
                    None => found.gone.push(member.clone()),
                },
            }
            if found.seen.len() + found.remote.len() > RESOLVED_MAX {
                return Err(storage::Error::TooLarge("the members of a list").into());
            }
        }
        for account in self.ruled(list.id) {
            if found.seen.insert(account.id) {
                self.follow(account, found, &mut Vec::new());
            }
            if found.seen.len() + found.remote.len() > RESOLVED_MAX {
                return Err(storage::Error::TooLarge("the members of a list").into());
            }
        }
        Ok(())
    }

    /// An account that takes it, or from which it goes on. It stays where it came from when nobody takes it; in a circle
    /// that is where it came into the circle first. Returns where in the chain that is, when it is not here.
    fn follow<'a>(
        &'a self,
        account: &'a Account,
        found: &mut Found<'a>,
        chain: &mut Vec<AccountId>,
    ) -> Option<usize> {
        let said = self.forwardings.get(&account.id);
        let said = said.filter(|_| !found.met.contains(&account.id) && chain.len() < HOPS_MAX);
        let Some(said) = said else {
            found.accounts.push(account.id);
            return None;
        };
        let here = chain.len();
        chain.push(account.id);
        let at = found.onward.len();
        found.onward.push(Onward {
            account: account.id,
            keeps: true,
            here: Vec::new(),
            elsewhere: Vec::new(),
        });
        let mut circle = None;
        for to in &said.to {
            if !self.domains.contains_key(&to.domain) {
                if self.outside(&account.agency) {
                    found.remote.insert(to.key(), to);
                    found.onward[at].elsewhere.push(to.clone());
                }
                continue;
            }
            let Some(next) = self.takes(to) else { continue };
            // Who is on the way here himself has no letter yet, and does not keep one because of us.
            let back = match chain.iter().position(|passed| *passed == next.id) {
                Some(first) => Some(first),
                None if found.seen.insert(next.id) => self.follow(next, found, chain),
                None => None,
            };
            match back {
                Some(first) => circle = Some(circle.map_or(first, |known: usize| known.min(first))),
                None => found.onward[at].here.push(next.id),
            }
        }
        chain.pop();
        let on = &mut found.onward[at];
        let taken = !on.here.is_empty() || !on.elsewhere.is_empty();
        let back = circle.filter(|first| *first < here && !taken && !said.keep);
        on.keeps = said.keep || !taken && back.is_none();
        if on.keeps {
            found.accounts.push(account.id);
        }
        back
    }
}
