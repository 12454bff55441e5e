//! Position: a seat of an agency, who held it when, and the mailbox that belongs to it.
//!
//! A seat outlasts its holders: they come and go by handing it over (`handover`), and each remains in its history. Its
//! mailbox, a shared account, belongs to the seat; whoever holds the seat is a member of that account with the rights
//! of a holder, and so sends as the seat. Others may be members besides, as deputies and readers.

use crate::act::{Note, check_version, difference, invalid, json, name, name_if_any};
use crate::book::Book;
use crate::fact::Fact;
use crate::open::PAGE_MAX;
use crate::{
    Access, Account, AccountId, AccountKind, AccountState, AgencyId, Capability, Directory, Error,
};
use formats::date::Day;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

/// Holdings of one position that its history has, at most.
pub const HOLDINGS_MAX: usize = 500;

/// The number of a position; never zero, never given twice.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct PositionId(pub u32);

impl std::fmt::Display for PositionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What kind of seat. The order is how it is stored: new ones come last.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub enum PositionKind {
    /// None of the others, or not said.
    #[default]
    Other,
    /// Chủ tịch.
    Chairman,
    /// Phó Chủ tịch.
    DeputyChairman,
    /// Giám đốc, Trưởng phòng: who leads an agency that has no chairman.
    Head,
    /// Phó Giám đốc, Phó Trưởng phòng.
    DeputyHead,
    /// Chánh Văn phòng.
    ChiefOfOffice,
    /// Phó Chánh Văn phòng.
    DeputyChiefOfOffice,
    /// Bí thư.
    Secretary,
    /// Phó Bí thư.
    DeputySecretary,
    /// Văn thư.
    Clerk,
    /// Kế toán.
    Accountant,
    /// Thanh tra.
    Inspector,
    /// Chuyên viên, công chức.
    Specialist,
    /// A desk that several people serve: Bộ phận Tiếp nhận hồ sơ.
    Desk,
}

/// That somebody held a position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Who; perhaps deleted since.
    pub account: AccountId,
    /// The name at that time.
    pub name: String,
    /// The main address at that time.
    pub address: String,
    /// The first day.
    pub from: Day,
    /// The day on which it was handed on; `None`: still held.
    pub until: Option<Day>,
    /// In another's place: `quyền`, `phụ trách`.
    pub acting: bool,
}

/// Mail that was sealed when a position was handed over: the account that was its mailbox until then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// Retired: nobody is a member of it.
    pub account: AccountId,
    /// The day on which it was sealed.
    pub on: Day,
}

/// One seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Its number.
    pub id: PositionId,
    /// Whose seat it is.
    pub agency: AgencyId,
    /// What kind.
    pub kind: PositionKind,
    /// `Chủ tịch Ủy ban nhân dân xã`.
    pub title: String,
    /// The same in English.
    pub title_en: Option<String>,
    /// Its place in the agency: the smaller comes first.
    pub order: u32,
    /// The shared account that belongs to it; of no other position.
    pub mailbox: Option<AccountId>,
    /// The last day on which there is this seat; `None`: it has no end.
    pub until: Option<Day>,
    /// Who held it, the oldest first.
    pub holdings: Vec<Holding>,
    /// Mail of earlier holders that was sealed, the oldest first.
    pub sealed: Vec<Sealed>,
    /// Raised with each change (If-Match).
    pub version: u64,
}

impl Position {
    /// Who holds it now.
    #[must_use]
    pub fn holder(&self) -> Option<&Holding> {
        self.holdings.last().filter(|last| last.until.is_none())
    }
}

/// A seat to make.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct NewPosition {
    pub agency: AgencyId,
    pub kind: PositionKind,
    pub title: String,
    pub title_en: Option<String>,
    pub order: u32,
    pub mailbox: Option<AccountId>,
    pub until: Option<Day>,
}

/// The positions in memory, with what questions need.
#[derive(Debug, Default)]
pub(crate) struct Seats {
    all: BTreeMap<PositionId, Position>,
    /// The seats of each agency.
    of: HashMap<AgencyId, BTreeSet<PositionId>>,
    /// Whose mailbox an account is.
    by_mailbox: HashMap<AccountId, PositionId>,
    /// Who holds what now.
    held: BTreeSet<(AccountId, PositionId)>,
    /// Sealed mailboxes, and the position for which mail comes now.
    sealed: HashMap<AccountId, PositionId>,
    last: u32,
}

impl Seats {
    pub(crate) fn put(&mut self, position: Position) {
        self.drop(position.id);
        self.last = self.last.max(position.id.0);
        if let Some(mailbox) = position.mailbox {
            self.by_mailbox.insert(mailbox, position.id);
        }
        let of = self.of.entry(position.agency.clone()).or_default();
        of.insert(position.id);
        if let Some(holder) = position.holder() {
            self.held.insert((holder.account, position.id));
        }
        for sealed in &position.sealed {
            self.sealed.insert(sealed.account, position.id);
        }
        self.all.insert(position.id, position);
    }

    pub(crate) fn drop(&mut self, id: PositionId) {
        let Some(old) = self.all.remove(&id) else {
            return;
        };
        if let Some(mailbox) = old.mailbox {
            self.by_mailbox.remove(&mailbox);
        }
        if let Some(of) = self.of.get_mut(&old.agency) {
            of.remove(&id);
            if of.is_empty() {
                self.of.remove(&old.agency);
            }
        }
        if let Some(holder) = old.holder() {
            self.held.remove(&(holder.account, id));
        }
        for sealed in &old.sealed {
            self.sealed.remove(&sealed.account);
        }
    }

    /// The numbers up to this one were given.
    pub(crate) fn count(&mut self, last: u32) {
        self.last = self.last.max(last);
    }

    pub(crate) fn last(&self) -> u32 {
        self.last
    }

    pub(crate) fn one(&self, id: PositionId) -> Option<&Position> {
        self.all.get(&id)
    }

    pub(crate) fn each(&self) -> impl Iterator<Item = &Position> {
        self.all.values()
    }

    /// Those of one agency, in the order of their numbers.
    pub(crate) fn in_agency(&self, agency: &AgencyId) -> impl Iterator<Item = &Position> {
        let ids = self.of.get(agency).into_iter().flatten();
        ids.filter_map(|id| self.all.get(id))
    }

    /// Those after a number.
    pub(crate) fn after(&self, id: Option<PositionId>) -> impl Iterator<Item = &Position> {
        let from = id.map_or(Bound::Unbounded, Bound::Excluded);
        self.all
            .range((from, Bound::Unbounded))
            .map(|(_, seat)| seat)
    }

    /// The position whose mailbox an account is.
    pub(crate) fn of_mailbox(&self, account: AccountId) -> Option<&Position> {
        self.one(*self.by_mailbox.get(&account)?)
    }

    /// The mailboxes of the positions that an account holds.
    pub(crate) fn mailboxes_of(&self, holder: AccountId) -> impl Iterator<Item = AccountId> {
        let held = self.held.range((holder, PositionId(0))..);
        let held = held.take_while(move |(who, _)| *who == holder);
        held.filter_map(|(_, id)| self.one(*id)?.mailbox)
    }

    /// The account that gets what was to come to this one, whose mail was sealed.
    fn successor(&self, account: AccountId) -> Option<AccountId> {
        self.one(*self.sealed.get(&account)?)?.mailbox
    }
}

impl Directory {
    /// Makes a position; nobody holds it yet. Errors: `NotFound` (agency), `Invalid` (also a mailbox that is none, or
    /// another position's), `Denied`.
    pub fn create_position(
        &self,
        by: Option<&Access>,
        new: NewPosition,
    ) -> Result<Position, Error> {
        let mut acts = self.acts();
        let position = {
            let book = self.read();
            book.check_seat_agency(by, &new.agency)?;
            let id = book.seats.last().checked_add(1);
            let id = id.ok_or(storage::Error::TooLarge("the number of positions"))?;
            let position = Position {
                id: PositionId(id),
                agency: new.agency,
                kind: new.kind,
                title: name("title", &new.title)?,
                title_en: name_if_any("title_en", new.title_en.as_deref())?,
                order: new.order,
                mailbox: new.mailbox,
                until: new.until,
                holdings: Vec::new(),
                sealed: Vec::new(),
                version: 1,
            };
            book.check_seat_mailbox(by, &position)?;
            position
        };
        let note = Note {
            act: "position.create",
            object: object(position.id),
            detail: json(&position),
        };
        let facts = vec![
            Fact::PositionCounter(position.id.0),
            Fact::Position(position.clone()),
        ];
        self.commit(&mut acts, by, note, facts)?;
        Ok(position)
    }

    /// One position. Errors: `NotFound`.
    pub fn position(&self, by: Option<&Access>, id: PositionId) -> Result<Position, Error> {
        let book = self.read();
        let found = book.seat(by, Capability::ReadDirectory, id)?;
        Ok(found.clone())
    }

    /// Positions of an agency and those under it, or all that may be seen, in the order of their numbers. Errors:
    /// `NotFound` (agency).
    pub fn positions(
        &self,
        by: Option<&Access>,
        agency: Option<&AgencyId>,
        after: Option<PositionId>,
        max: usize,
    ) -> Result<Vec<Position>, Error> {
        let book = self.read();
        let visible = book.visible(by, agency)?;
        let rows = book.seats.after(after).filter(|position| {
            visible
                .as_ref()
                .is_none_or(|set| set.contains(&position.agency))
        });
        Ok(rows.take(max.min(PAGE_MAX)).cloned().collect())
    }

    /// Changes agency, kind, titles, place, end, and, while nobody holds it, the mailbox. Errors: `Invalid`,
    /// `Conflict`, `Denied`.
    pub fn change_position(
        &self,
        by: Option<&Access>,
        position: Position,
        version: Option<u64>,
    ) -> Result<Position, Error> {
        let mut acts = self.acts();
        let (old, new) = {
            let book = self.read();
            let old = book
                .seat(by, Capability::ManageAccounts, position.id)?
                .clone();
            check_version(version, old.version)?;
            let new = Position {
                title: name("title", &position.title)?,
                title_en: name_if_any("title_en", position.title_en.as_deref())?,
                holdings: old.holdings.clone(),
                sealed: old.sealed.clone(),
                version: old.version + 1,
                ..position
            };
            if new.agency != old.agency {
                book.check_seat_agency(by, &new.agency)?;
            }
            if new.mailbox != old.mailbox {
                check_mailbox_free(&old)?;
                book.check_seat_mailbox(by, &new)?;
            }
            (old, new)
        };
        let note = Note {
            act: "position.change",
            object: object(new.id),
            detail: difference(&old, &new),
        };
        self.commit(&mut acts, by, note, vec![Fact::Position(new.clone())])?;
        Ok(new)
    }

    /// Removes a position that nobody has held. Errors: `InUse` (its history is kept: say until when there is the
    /// seat), `Conflict`, `Denied`.
    pub fn delete_position(
        &self,
        by: Option<&Access>,
        id: PositionId,
        version: Option<u64>,
    ) -> Result<(), Error> {
        let mut acts = self.acts();
        let old = {
            let book = self.read();
            let old = book.seat(by, Capability::ManageAccounts, id)?.clone();
            check_version(version, old.version)?;
            if !old.holdings.is_empty() {
                return Err(Error::InUse("a history of holders".to_owned()));
            }
            old
        };
        let note = Note {
            act: "position.delete",
            object: object(id),
            detail: json(&old),
        };
        self.commit(&mut acts, by, note, vec![Fact::NoPosition(id)])
    }

    /// The account into which mail for this one comes: its successor, where it was the mailbox of a position and was
    /// sealed after the letter was accepted for it.
    pub fn takes_for(&self, account: AccountId) -> AccountId {
        let book = self.read();
        let closed = |id: &AccountId| {
            let old = book.account(account);
            old.is_none_or(|a| a.state == AccountState::Retired) && book.account(*id).is_some()
        };
        let next = book.seats.successor(account).filter(closed);
        next.unwrap_or(account)
    }
}

/// Whether its mailbox may be another. Errors: `Invalid`.
pub(crate) fn check_mailbox_free(old: &Position) -> Result<(), Error> {
    match old.holder().is_none() && old.sealed.is_empty() {
        true => Ok(()),
        false => Err(invalid(
            "mailbox",
            "the same, while somebody holds the position or its earlier mail is sealed",
        )),
    }
}

/// How the audit log names a position.
pub(crate) fn object(id: PositionId) -> String {
    format!("position/{id}")
}

impl Book {
    /// The position, when `by` may do this to it. Errors: `NotFound` also where it may not be seen.
    pub(crate) fn seat(
        &self,
        by: Option<&Access>,
        capability: Capability,
        id: PositionId,
    ) -> Result<&Position, Error> {
        let found = self.seats.one(id).ok_or(Error::NotFound("position"))?;
        self.check(by, capability, &found.agency, "position")?;
        Ok(found)
    }

    /// Whether a seat may be made in this agency.
    pub(crate) fn check_seat_agency(
        &self,
        by: Option<&Access>,
        agency: &AgencyId,
    ) -> Result<(), Error> {
        if !self.agencies.contains_key(agency) {
            return Err(Error::NotFound("agency"));
        }
        self.check(by, Capability::ManageAccounts, agency, "agency")?;
        self.check_goes_on("agency", agency)
    }

    /// Whether a mailbox may belong to a seat: a shared account that `by` manages, and no other's.
    pub(crate) fn check_seat_mailbox(
        &self,
        by: Option<&Access>,
        position: &Position,
    ) -> Result<(), Error> {
        let Some(mailbox) = position.mailbox else {
            return Ok(());
        };
        let fits = |account: &Account| {
            account.kind == AccountKind::Shared
                && self
                    .check_account(by, Capability::ManageAccounts, account)
                    .is_ok()
                && self
                    .seats
                    .of_mailbox(mailbox)
                    .is_none_or(|p| p.id == position.id)
        };
        match self.account(mailbox).is_some_and(|a| fits(a)) {
            true => Ok(()),
            false => Err(invalid(
                "mailbox",
                "a shared account that you manage and that is no other position's",
            )),
        }
    }

    /// Errors: `InUse` where the account is the mailbox of a position.
    pub(crate) fn check_no_seat(&self, account: AccountId) -> Result<(), Error> {
        match self.seats.of_mailbox(account) {
            Some(_) => Err(Error::InUse("a position whose mailbox it is".to_owned())),
            None => Ok(()),
        }
    }

    /// The positions that somebody holds no longer who goes.
    pub(crate) fn seats_of_departed(&self, id: AccountId) -> Vec<Fact> {
        let held = self.seats.held.range((id, PositionId(0))..);
        let held = held.take_while(|(who, _)| *who == id);
        let today = self.today();
        let left = held.filter_map(|(_, position)| {
            let mut position = self.seats.one(*position)?.clone();
            position.holdings.last_mut()?.until = Some(today);
            position.version += 1;
            Some(Fact::Position(position))
        });
        left.collect()
    }
}
