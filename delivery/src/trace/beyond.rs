//! What the head of a timeline tells of recipients whose mail goes on: who they are is asked later, when the directory
//! may say something else.

use super::{Head, RECIPIENTS_MAX, VERSION, decode};
use crate::resolve::Targets;
use formats::address::Address;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use storage::{AccountId, Error};

/// Accounts whose mail goes on that a head names; those beyond do not see it.
const ONWARD_MAX: usize = 5_000;

/// Recipients that lead to others. Behind the head, since few have such.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beyond {
    /// The numbers of those that are lists.
    pub lists: BTreeSet<u32>,
    /// Accounts on the way whose mail goes on; the one that a recipient names comes before those to which it leads.
    pub onward: Vec<Onward>,
}

/// An account whose mail goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Onward {
    /// Number of the recipient through whom it came there.
    pub through: u32,
    /// Which.
    pub account: AccountId,
    /// It gets a copy itself.
    pub keeps: bool,
    /// The accounts here to which it goes on.
    pub here: Vec<AccountId>,
    /// The addresses elsewhere to which it goes on.
    pub elsewhere: Vec<String>,
}

impl Beyond {
    pub(crate) fn of(targets: &Targets) -> Self {
        let mut named = 0;
        let onward = targets.onward.iter().take(ONWARD_MAX).map(|(through, on)| {
            let room = RECIPIENTS_MAX.saturating_sub(named);
            let elsewhere = on.elsewhere.iter().take(room);
            let elsewhere: Vec<String> = elsewhere.map(ToString::to_string).collect();
            named += elsewhere.len();
            Onward {
                through: *through,
                account: on.account,
                keeps: on.keeps,
                here: on.here.clone(),
                elsewhere,
            }
        });
        Self {
            lists: targets.lists.numbers().collect(),
            onward: onward.collect(),
        }
    }

    fn is_empty(&self) -> bool {
        self.lists.is_empty() && self.onward.is_empty()
    }

    /// Whether mail for somebody goes on to this address elsewhere; `key`: [`Address::key`].
    #[must_use]
    pub fn leads_to(&self, key: &str) -> bool {
        self.keys().any(|known| known == key)
    }

    /// The addresses elsewhere, as they are compared.
    pub(super) fn keys(&self) -> impl Iterator<Item = String> + '_ {
        let all = self.onward.iter().flat_map(|on| &on.elsewhere);
        all.filter_map(|to| Some(Address::parse(to).ok()?.key()))
    }

    /// Accounts whose mail goes on to this address elsewhere through this recipient: who names it, and who leads to them.
    /// All whose mail goes on through it where the address is not kept (of very many only the first are). None: nobody's
    /// is kept.
    pub(crate) fn led_by(&self, through: u32, to: &Address) -> BTreeSet<AccountId> {
        let key = to.key();
        let is = |text: &String| Address::parse(text).is_ok_and(|known| known.key() == key);
        let all = || self.onward.iter().filter(|on| on.through == through);
        let names = all().filter(|on| on.elsewhere.iter().any(is));
        let mut found: BTreeSet<AccountId> = names.map(|on| on.account).collect();
        if found.is_empty() {
            return all().map(|on| on.account).collect();
        }
        loop {
            let leads = all().filter(|on| on.here.iter().any(|next| found.contains(next)));
            let before: Vec<AccountId> = leads.map(|on| on.account).collect();
            let known = found.len();
            found.extend(before);
            if found.len() == known {
                return found;
            }
        }
    }

    /// Accounts to which it came, and which kept none of it.
    pub(super) fn passed(&self) -> impl Iterator<Item = (AccountId, u32)> + '_ {
        let passed = self.onward.iter().filter(|on| !on.keeps);
        passed.map(|on| (on.account, on.through))
    }
}

impl Head {
    /// Accounts here that it was for, each with the number of the recipient through whom: where it lies, and from where
    /// it went on.
    pub fn for_accounts(&self) -> impl Iterator<Item = (AccountId, u32)> + '_ {
        let placed = self.accounts.iter().copied();
        placed.chain(self.beyond.passed())
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, Error> {
        let head = super::encode(self)?;
        match self.beyond.is_empty() {
            true => Ok(head),
            false => postcard::to_extend(&self.beyond, head)
                .map_err(|_| Error::Invalid("the head of a timeline")),
        }
    }

    pub(super) fn decode(octets: &[u8]) -> Result<Self, Error> {
        let corrupt = || Error::Corrupt("the head of a timeline cannot be read".into());
        let Some((&VERSION, rest)) = octets.split_first() else {
            return decode(octets);
        };
        let (mut head, rest): (Self, &[u8]) =
            postcard::take_from_bytes(rest).map_err(|_| corrupt())?;
        if !rest.is_empty() {
            head.beyond = postcard::from_bytes(rest).map_err(|_| corrupt())?;
        }
        Ok(head)
    }
}
