//! Who sees how much of a timeline (I-17).

use crate::router::Room;
use crate::sight::Sight;
use delivery::trace::{Event, Found, Head, Progress, Standing, What};
use directory::{Access, AccountId, Capability, Rights};
use formats::Address;
use std::collections::{BTreeMap, BTreeSet};

/// Accounts of one message that are told that an administrator looked at what became of it.
const RECIPIENTS_TOLD: usize = 200;

/// Who looks at timelines.
pub(crate) struct Looker<'a> {
    room: &'a Room,
    access: &'a Access,
    /// As who wrote or got it, whatever one administers.
    mine: bool,
    /// Whose mail one reads all of: one's own, and that of the seats of which one is a member.
    reads: BTreeSet<AccountId>,
    /// By a token that somebody else made: nothing is one's own.
    lent: bool,
}

impl<'a> Looker<'a> {
    /// Asks once which accounts there are: a message may be for tens of thousands.
    pub(crate) fn new(room: &'a Room, access: &'a Access, mine: bool) -> Self {
        let whole = Rights::LOOKUP.with(Rights::READ);
        let shared = access.shown().into_iter();
        let seats = shared.filter(|(_, held)| held.whole.has(whole));
        let seats = seats.map(|(account, _)| account.id);
        let lent = access.is_lent();
        let own = seats.chain([access.account()]).filter(|_| !lent);
        Self {
            room,
            access,
            mine,
            reads: own.collect(),
            lent,
        }
    }

    /// Whether one wrote it, or it went out in the name of a seat whose mail one reads: what comes back of it comes
    /// there. Who was given its address since did not.
    fn wrote(&self, found: &Found) -> bool {
        let Some(submitter) = found.head.submitter() else {
            return false;
        };
        let seat = || {
            let from = Address::parse(&found.head.from).ok()?;
            self.room.directory.sent_for(submitter, &from, found.at)
        };
        (submitter == self.access.account() && !self.lent)
            || seat().is_some_and(|seat| self.reads.contains(&seat))
    }

    /// Whether it is one's own, or a seat's whose mail one reads. To look at what is not is in the audit log.
    pub(crate) fn is_own(&self, found: &Found) -> bool {
        let mut to = found.head.for_accounts();
        self.wrote(found) || to.any(|(to, _)| self.reads.contains(&to))
    }

    /// Whose mail this view shows besides one's own: its submitter, and where it came to, or from where it went on. Of what went to very many only
    /// the first [`RECIPIENTS_TOLD`].
    pub(crate) fn owners(&self, head: &Head, view: &View) -> Vec<AccountId> {
        let seen = |account: &AccountId| match view {
            View::Whole => true,
            View::Partly(part) => part.accounts.contains(account),
            View::Sender => false,
        };
        let whole = matches!(view, View::Whole);
        let to = head.for_accounts().map(|(account, _)| account);
        let to = to.filter(seen).take(RECIPIENTS_TOLD);
        let all = head.submitter().filter(|_| whole).into_iter().chain(to);
        all.filter(|account| !self.reads.contains(account))
            .collect()
    }

    /// How much of it one may see. `None`: it does not exist.
    pub(crate) fn view(&self, found: &Found) -> Option<View> {
        let head = &found.head;
        let sight = Sight::new(&self.room.directory, self.access, Capability::ReadTrace);
        let looks = !self.mine && !self.access.scopes(Capability::ReadTrace).is_empty();
        let submitter = head.submitter();
        if looks && (sight.whole() || submitter.is_some_and(|account| sight.account(account))) {
            return Some(View::Whole);
        }
        if self.wrote(found) {
            return Some(View::Sender);
        }
        let seen = head.for_accounts().filter(|(account, _)| {
            self.reads.contains(account) || (looks && sight.account(*account))
        });
        let mut part = Part::default();
        for (account, through) in seen {
            part.accounts.insert(account);
            if self.reads.contains(&account) {
                part.own.insert(account);
            }
            part.recipients
                .extend(head.recipients.get(through as usize).cloned());
        }
        for on in &head.beyond.onward {
            if part.accounts.contains(&on.account) {
                part.here.extend(on.here.iter().copied());
                part.elsewhere.extend(on.elsewhere.iter().cloned());
            }
        }
        (!part.accounts.is_empty()).then_some(View::Partly(part))
    }
}

/// How much of a message somebody may see.
pub(crate) enum View {
    /// All of it.
    Whole,
    /// What its sender knows: no members of lists.
    Sender,
    /// What concerns some accounts.
    Partly(Part),
}

/// What concerns some accounts.
#[derive(Default)]
pub(crate) struct Part {
    accounts: BTreeSet<AccountId>,
    /// Those of them whose mail one reads.
    own: BTreeSet<AccountId>,
    /// Through whom it came to them.
    recipients: BTreeSet<String>,
    /// To where their owners let it go on.
    here: BTreeSet<AccountId>,
    elsewhere: BTreeSet<String>,
}

/// Where it was placed, as one may see it.
#[derive(Default)]
pub(crate) struct Places {
    /// In these mailboxes.
    pub(crate) own: Vec<String>,
    /// In mailboxes to which these recipients lead, and whose they are is not told.
    pub(crate) led: Vec<String>,
}

impl View {
    pub(crate) fn shows(&self, head: &Head, recipient: &String) -> bool {
        match self {
            Self::Whole => true,
            Self::Sender => head.recipients.contains(recipient),
            Self::Partly(part) => part.recipients.contains(recipient),
        }
    }

    /// The same of an address that somebody was asked about: where mail goes on to is known to who lets it.
    pub(crate) fn hears(&self, head: &Head, address: &String) -> bool {
        match self {
            Self::Partly(part) if part.elsewhere.contains(address) => true,
            _ => self.shows(head, address),
        }
    }

    /// Whether somebody who is looked for is among those whom one may see: else a search would tell who got a blind
    /// copy, and who is a member of a list.
    pub(crate) fn names(&self, room: &Room, head: &Head, sought: &Address) -> bool {
        let key = sought.key();
        let is = |text: &String| Address::parse(text).is_ok_and(|address| address.key() == key);
        match self {
            Self::Whole => true,
            // Of very many not all are kept.
            Self::Sender => {
                let left_out = head.recipients.len() < head.recipient_count as usize;
                head.recipients.iter().any(is) || left_out && !head.beyond.leads_to(&key)
            }
            Self::Partly(part) => {
                let account = room.directory.account_at(sought);
                part.recipients.iter().chain(&part.elsewhere).any(is)
                    || account.is_ok_and(|a| part.accounts.contains(&a.id))
            }
        }
    }

    /// How far it is, as one sees it: who has it in a mailbox of his own has it, whoever it was written to.
    pub(crate) fn stands(
        &self,
        head: &Head,
        events: &[Event],
        mut all: Vec<Progress>,
    ) -> Vec<Progress> {
        let Self::Partly(part) = self else {
            return all;
        };
        let through: BTreeMap<AccountId, u32> = head.accounts.iter().copied().collect();
        for event in events {
            let What::Placed(accounts) = &event.what else {
                continue;
            };
            let own = accounts.iter().filter(|a| part.own.contains(a));
            for n in own.filter_map(|account| through.get(account)) {
                let one = all.get_mut(*n as usize);
                if let Some(one) = one.filter(|one| one.standing == Standing::SentOn) {
                    (one.standing, one.at) = (Standing::Placed, event.at);
                }
            }
        }
        all
    }

    /// Where it was placed: accounts, or for the sender those whom he wrote to.
    pub(crate) fn places(&self, room: &Room, head: &Head, accounts: &[AccountId]) -> Places {
        let named = |account: &AccountId| match room.directory.kept_account(*account) {
            Ok(account) => account.address.to_string(),
            Err(_) => format!("#{account}"),
        };
        let (own, led) = match self {
            Self::Whole => (accounts.iter().map(named).collect(), Vec::new()),
            Self::Partly(part) => {
                let seen = |a: &&AccountId| part.accounts.contains(a) || part.here.contains(a);
                let seen = accounts.iter().filter(seen);
                (seen.map(named).collect(), Vec::new())
            }
            Self::Sender => {
                let through = head.placed(accounts).into_iter();
                let (own, led): (Vec<_>, Vec<_>) = through.partition(|(_, own)| *own);
                let name = |(at, _): &(usize, bool)| head.recipients.get(*at).cloned();
                let named = |all: Vec<_>| all.iter().filter_map(name).collect();
                (named(own), named(led))
            }
        };
        Places { own, led }
    }
}
