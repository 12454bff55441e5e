//! Who sees how much of a timeline (I-17).

use crate::router::Room;
use crate::sight::Sight;
use delivery::trace::Head;
use directory::{Access, AccountId, Capability, Rights};
use formats::Address;
use std::collections::BTreeSet;

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
}

impl<'a> Looker<'a> {
    /// Asks once which accounts there are: a message may be for tens of thousands.
    pub(crate) fn new(room: &'a Room, access: &'a Access, mine: bool) -> Self {
        let whole = Rights::LOOKUP.with(Rights::READ);
        let shared = access.shown().into_iter();
        let seats = shared.filter(|(_, held)| held.whole.has(whole));
        let seats = seats.map(|(account, _)| account.id);
        Self {
            room,
            access,
            mine,
            reads: seats.chain([access.account()]).collect(),
        }
    }

    /// Whether one wrote it, or it went out in the name of a seat whose mail one reads: what comes back of it comes
    /// there.
    fn wrote(&self, head: &Head) -> bool {
        let Some(submitter) = head.submitter() else {
            return false;
        };
        let seat = || {
            let from = Address::parse(&head.from).ok()?;
            self.room.directory.account_at(&from).ok()
        };
        submitter == self.access.account()
            || seat().is_some_and(|seat| self.reads.contains(&seat.id))
    }

    /// Whether it is one's own, or a seat's whose mail one reads. To look at what is not is in the audit log.
    pub(crate) fn is_own(&self, head: &Head) -> bool {
        self.wrote(head) || head.accounts.iter().any(|(to, _)| self.reads.contains(to))
    }

    /// Whose mail this view shows besides one's own: its submitter, and where it came to. Of what went to very many only
    /// the first [`RECIPIENTS_TOLD`].
    pub(crate) fn owners(&self, head: &Head, view: &View) -> Vec<AccountId> {
        let seen = |account: &AccountId| match view {
            View::Whole => true,
            View::Partly(accounts, _) => accounts.contains(account),
            View::Sender => false,
        };
        let whole = matches!(view, View::Whole);
        let to = head.accounts.iter().map(|(account, _)| *account);
        let to = to.filter(seen).take(RECIPIENTS_TOLD);
        let all = head.submitter().filter(|_| whole).into_iter().chain(to);
        all.filter(|account| !self.reads.contains(account))
            .collect()
    }

    /// How much of it one may see. `None`: it does not exist.
    pub(crate) fn view(&self, head: &Head) -> Option<View> {
        let sight = Sight::new(&self.room.directory, self.access, Capability::ReadTrace);
        let looks = !self.mine && !self.access.scopes(Capability::ReadTrace).is_empty();
        let submitter = head.submitter();
        if looks && (sight.whole() || submitter.is_some_and(|account| sight.account(account))) {
            return Some(View::Whole);
        }
        if self.wrote(head) {
            return Some(View::Sender);
        }
        let seen = head.accounts.iter().filter(|(account, _)| {
            self.reads.contains(account) || (looks && sight.account(*account))
        });
        let (mut accounts, mut recipients) = (BTreeSet::new(), BTreeSet::new());
        for (account, through) in seen {
            accounts.insert(*account);
            recipients.extend(head.recipients.get(*through as usize).cloned());
        }
        (!accounts.is_empty()).then_some(View::Partly(accounts, recipients))
    }
}

/// How much of a message somebody may see.
pub(crate) enum View {
    /// All of it.
    Whole,
    /// What its sender knows: no members of lists.
    Sender,
    /// What concerns these accounts, and the recipients through whom it came to them.
    Partly(BTreeSet<AccountId>, BTreeSet<String>),
}

impl View {
    pub(crate) fn shows(&self, head: &Head, recipient: &String) -> bool {
        match self {
            Self::Whole => true,
            Self::Sender => head.recipients.contains(recipient),
            Self::Partly(_, recipients) => recipients.contains(recipient),
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
                head.recipients.iter().any(is)
                    || head.recipients.len() < head.recipient_count as usize
            }
            Self::Partly(accounts, recipients) => {
                let account = room.directory.account_at(sought);
                recipients.iter().any(is) || account.is_ok_and(|a| accounts.contains(&a.id))
            }
        }
    }

    /// Where it was placed: accounts, or for the sender those whom he wrote to.
    pub(crate) fn places(&self, room: &Room, head: &Head, accounts: &[AccountId]) -> Vec<String> {
        let named = |account: &AccountId| match room.directory.kept_account(*account) {
            Ok(account) => account.address.to_string(),
            Err(_) => format!("#{account}"),
        };
        match self {
            Self::Whole => accounts.iter().map(named).collect(),
            Self::Partly(seen, _) => accounts
                .iter()
                .filter(|a| seen.contains(a))
                .map(named)
                .collect(),
            Self::Sender => {
                let placed: BTreeSet<&AccountId> = accounts.iter().collect();
                let each = head
                    .accounts
                    .iter()
                    .filter(|(account, _)| placed.contains(account));
                let through: BTreeSet<u32> = each.map(|(_, through)| *through).collect();
                let named = through
                    .iter()
                    .filter_map(|at| head.recipients.get(*at as usize));
                named.cloned().collect()
            }
        }
    }
}
