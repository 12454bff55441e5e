//! What a row would do, found without doing it; done under the lock of acts it is what it does.

use super::cells::{Cells, Faults};
use super::column::{Column, Subject};
use super::fault::Found;
use super::outcome::{Difference, Done, Outcome};
use crate::allotment::{Allotted, Reckoning};
use crate::book::Book;
use crate::{Access, Account, AccountId, Agency, AgencyId, Capability, Position, Rights};
use formats::address::Address;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

/// What is to be done for a row that differs.
#[derive(Debug, Clone)]
pub(crate) enum Work {
    NewAgency(Agency),
    Agency(Agency, Agency),
    NewAccount(Account, Vec<Address>),
    Account(Account, Account, Other),
    /// Rights over a shared account; none: no member any more.
    Member(AccountId, AccountId, Rights),
    /// A member of a list comes, or goes.
    Listed(AccountId, Address, bool),
    /// A position, and the rights over its mailbox that its holder gets; `None`: nobody's change.
    NewSeat(Position, Option<Rights>),
    Seat(Position, Position),
}

/// Aliases that come and go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Other {
    pub(crate) come: Vec<Address>,
    pub(crate) go: Vec<Address>,
}

/// A row that can be done.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) key: String,
    pub(crate) differences: Vec<Difference>,
    pub(crate) is_new: bool,
    /// `None`: it is so already.
    pub(crate) work: Option<Work>,
}

impl Planned {
    pub(crate) fn done(&self) -> Done {
        match (&self.work, self.is_new) {
            (None, _) => Done::Same,
            (Some(_), true) => Done::New,
            (Some(_), false) => Done::Changed,
        }
    }

    /// Whether it is a commit of its own: rights over a shared account, since each tells who is concerned by a number
    /// of its own; an agency that moves, since what it takes along counts where it comes to; somebody with grants who is suspended, since
    /// it depends on who else administers.
    pub(crate) fn stands_alone(&self) -> bool {
        match &self.work {
            Some(Work::Member(..) | Work::NewSeat(_, Some(_))) => true,
            Some(Work::Agency(old, new)) => old.parent != new.parent,
            Some(Work::Account(old, new, _)) => old.state != new.state && !old.grants.is_empty(),
            _ => false,
        }
    }

    pub(crate) fn outcome(self, row: u64) -> Outcome {
        Outcome {
            row,
            done: self.done(),
            key: self.key,
            differences: self.differences,
            errors: Vec::new(),
            account: 0,
            version: 0,
        }
    }
}

/// What earlier rows of the same file will have done, as far as later ones may rest on it.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    /// Agencies as they will be.
    pub(crate) agencies: HashMap<AgencyId, Agency>,
    /// Whose official codes will be, in capitals; ids of new agencies among them.
    pub(crate) codes: HashMap<String, AgencyId>,
    /// Addresses that accounts will have, by the hashes of their keys: eight octets each.
    addresses: HashSet<u64>,
    hasher: RandomState,
    /// Members of lists as they will be, by the keys of their addresses.
    pub(crate) members: HashMap<AccountId, HashSet<String>>,
    /// What the accounts of agencies will be against the limits of grants; agencies that are not named: as they are.
    pub(crate) allotted: HashMap<AgencyId, Allotted>,
    /// Positions that will be, by the hashes of agency, place and title.
    seats: HashSet<u64>,
    /// Mailboxes that positions will have.
    pub(crate) mailboxes: HashSet<AccountId>,
}

impl Ahead {
    /// Notes the codes of an agency.
    pub(crate) fn code(&mut self, agency: &Agency) {
        let codes = agency
            .profile
            .codes
            .iter()
            .map(|code| code.as_str().to_owned());
        for code in codes.chain([agency.id.0.to_ascii_uppercase()]) {
            self.codes.insert(code, agency.id.clone());
        }
    }

    /// Whether an earlier row gives this address to an account.
    pub(crate) fn gives(&self, address: &Address) -> bool {
        let hash = self.hasher.hash_one(address.key());
        self.addresses.contains(&hash)
    }

    /// Whether an earlier row makes such a position.
    pub(crate) fn seats(&self, natural: &str) -> bool {
        self.seats.contains(&self.hasher.hash_one(natural))
    }

    /// Notes a position.
    pub(crate) fn seat(&mut self, natural: &str, mailbox: Option<AccountId>) {
        self.seats.insert(self.hasher.hash_one(natural));
        self.mailboxes.extend(mailbox);
    }

    /// Notes that an account gets this address.
    pub(crate) fn give(&mut self, address: &Address) {
        self.addresses.insert(self.hasher.hash_one(address.key()));
    }
}

/// On what a row is planned.
pub(crate) struct Ground<'a> {
    pub(crate) book: &'a Book,
    pub(crate) by: Option<&'a Access>,
    /// Nothing outside of this subtree.
    pub(crate) top: &'a AgencyId,
    pub(crate) now: i64,
    pub(crate) reckoning: Reckoning<'static>,
}

impl<'a> Ground<'a> {
    pub(crate) fn new(book: &'a Book, by: &'a Access, top: &'a AgencyId, now: i64) -> Self {
        Self {
            book,
            by: Some(by),
            top,
            now,
            reckoning: by.directory.reckoning(),
        }
    }

    /// Whether an agency lies in the job's subtree and may be seen: else there is no such agency (I-17).
    pub(crate) fn reaches(&self, agency: &AgencyId) -> bool {
        self.book.agencies.contains_key(agency)
            && self.book.is_above(self.top, agency)
            && self.book.allows(self.by, Capability::ReadDirectory, agency)
    }

    pub(crate) fn allows(&self, capability: Capability, agency: &AgencyId) -> bool {
        self.book.allows(self.by, capability, agency)
    }

    /// Plans a row. Errors: every fault of it.
    pub(crate) fn plan(
        &self,
        subject: Subject,
        cells: &Cells,
        ahead: &mut Ahead,
    ) -> Result<Planned, Vec<Found>> {
        let mut faults = Faults::default();
        let planned = match subject {
            Subject::Agencies => self.agency(cells, ahead, &mut faults),
            Subject::Accounts => self.account(cells, ahead, &mut faults),
            Subject::Members => self.member(cells, ahead, &mut faults),
            Subject::Positions => self.seat(cells, ahead, &mut faults),
        };
        match planned {
            Some(planned) if faults.0.is_empty() => Ok(planned),
            _ => Err(faults.0),
        }
    }
}

/// What names the thing of a row, the same for every spelling of it; empty: nothing does.
pub(crate) fn keys(ground: &Ground<'_>, subject: Subject, cells: &Cells) -> Vec<String> {
    match subject {
        Subject::Positions => ground.seat_keys(cells),
        _ => key(subject, cells).into_iter().collect(),
    }
}

fn key(subject: Subject, cells: &Cells) -> Option<String> {
    let address = |column| Address::parse(cells.text(column)).ok().map(|a| a.key());
    match subject {
        Subject::Agencies => {
            let id = cells.text(Column::Id);
            (!id.is_empty()).then(|| id.to_owned())
        }
        Subject::Accounts => address(Column::Address),
        Subject::Members => Some(format!(
            "{} {}",
            address(Column::Account)?,
            address(Column::Member)?
        )),
        Subject::Positions => None,
    }
}

/// As the row is called where it is told of.
pub(crate) fn called(subject: Subject, cells: &Cells) -> String {
    let text = match subject {
        Subject::Agencies => cells.text(Column::Id).to_owned(),
        Subject::Accounts => cells.text(Column::Address).to_owned(),
        Subject::Members => format!(
            "{} {}",
            cells.text(Column::Account),
            cells.text(Column::Member)
        ),
        Subject::Positions => format!(
            "{} {} {}",
            cells.text(Column::Agency),
            cells.text(Column::Order),
            cells.text(Column::Title)
        ),
    };
    super::column::cut(&text)
}

/// The columns of which the text differs.
pub(crate) fn differences(
    subject: Subject,
    from: impl Fn(Column) -> String,
    to: impl Fn(Column) -> String,
) -> Vec<Difference> {
    let columns = subject.columns().iter().copied();
    columns
        .map(|column| Difference {
            column,
            from: from(column),
            to: to(column),
        })
        .filter(|difference| difference.from != difference.to)
        .collect()
}
