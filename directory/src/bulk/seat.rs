//! Rows of positions: a seat with who holds it first. Whoever holds one that is there changes by a handover alone: it
//! ends passwords and sessions for good, which no undo of a table could bring back.

use super::cells::{BOOLEAN_EXPECTED, Cell, Cells, Faults, NUMBER_EXPECTED, boolean, optional};
use super::column::{Column, Subject};
use super::day::{DAY_EXPECTED, day};
use super::fault::{Fault, fault_of};
use super::outcome::Difference;
use super::plan::{Ahead, Ground, Planned, Work, differences};
use super::seat_kind::{POSITION_KIND_EXPECTED, position_kind, position_kind_text};
use crate::book::Book;
use crate::position::check_mailbox_free;
use crate::sender::HOLDER;
use crate::{
    AccountId, AgencyId, Capability, Error, Handover, Position, PositionId, PositionKind, Rights,
    Sharing,
};
use formats::address::Address;
use formats::text::fold;
use unicode_normalization::UnicodeNormalization;

/// What the columns of a holder expect where the row names none.
const NOBODY_EXPECTED: &str = "nothing: the row names no holder";
/// What parts the names of agencies, from the top down.
const PATH_SIGN: char = '>';

/// A cell of a position's row.
pub(crate) fn text(book: &Book, seat: &Position, column: Column) -> String {
    let holder = seat.holder();
    match column {
        Column::Number => match seat.id.0 {
            0 => String::new(),
            number => number.to_string(),
        },
        Column::Agency => seat.agency.to_string(),
        Column::Order => seat.order.to_string(),
        Column::Title => seat.title.clone(),
        Column::TitleEn => optional(seat.title_en.clone()),
        Column::Kind => position_kind_text(seat.kind).to_owned(),
        Column::Mailbox => {
            let mailbox = seat.mailbox.and_then(|id| book.account(id));
            optional(mailbox.map(|account| account.address.to_string()))
        }
        Column::Until => optional(seat.until.map(|day| day.to_string())),
        Column::Holder => optional(holder.map(|held| match book.account(held.account) {
            Some(account) => account.address.to_string(),
            None => held.address.clone(),
        })),
        Column::HeldSince => optional(holder.map(|held| held.from.to_string())),
        Column::Acting => match holder.map(|held| held.acting) {
            Some(true) => "yes".to_owned(),
            Some(false) => "no".to_owned(),
            None => String::new(),
        },
        _ => String::new(),
    }
}

/// By what a position is known that the row does not name by its number: agency, place and title, in small letters.
fn natural(agency: &AgencyId, order: u32, title: &str) -> String {
    let title: String = title.nfc().collect();
    format!("{agency} {order} {}", title.to_lowercase())
}

fn natural_of(seat: &Position) -> String {
    natural(&seat.agency, seat.order, &seat.title)
}

/// What a row comes to before it is known who holds the seat.
struct Seating {
    new: Position,
    /// Over the mailbox: those of the holder as they are, and as they are to be.
    rights: Option<(Rights, Rights)>,
}

impl Ground<'_> {
    pub(super) fn seat(
        &self,
        cells: &Cells,
        ahead: &mut Ahead,
        faults: &mut Faults,
    ) -> Option<Planned> {
        let old = match self.seat_named(cells) {
            Ok(old) => old,
            Err((column, fault)) => {
                faults.at(cells, column, fault);
                return None;
            }
        };
        let may = |seat: &Position| self.allows(Capability::ManageAccounts, &seat.agency);
        if !old.as_ref().is_none_or(may) {
            faults.at(cells, Column::Agency, Fault::NotAllowed);
            return None;
        }
        let new = self.seat_as(cells, old.as_ref(), faults);
        if faults.0.is_empty() {
            self.check_seat(cells, old.as_ref(), &new, ahead, faults);
        }
        let Seating { new, rights } = match &old {
            Some(old) => {
                self.check_holder_kept(cells, old, faults);
                Seating { new, rights: None }
            }
            None => self.first_holder(cells, new, faults),
        };
        if !faults.0.is_empty() {
            return None;
        }
        let from = |column| optional(old.as_ref().map(|old| text(self.book, old, column)));
        let to = |column| text(self.book, &new, column);
        let mut differences = differences(Subject::Positions, from, to);
        differences.extend(rights.map(|(from, to)| Difference {
            column: Column::Rights,
            from: from.to_string(),
            to: to.to_string(),
        }));
        let key = format!("{} {} {}", new.agency, new.order, new.title);
        let is_new = old.is_none();
        let rights = rights.map(|(_, to)| to);
        if is_new || !differences.is_empty() {
            ahead.seat(&natural_of(&new), new.mailbox);
        }
        let work = match old {
            None => Some(Work::NewSeat(new, rights)),
            Some(_) if differences.is_empty() => None,
            Some(old) => Some(Work::Seat(old, new)),
        };
        Some(Planned {
            key,
            differences,
            is_new,
            work,
        })
    }

    /// What names the seat of a row: its number, or agency, place and title, with the number where there is such a
    /// seat. Two may be of one name, and are told apart by their numbers then.
    pub(super) fn seat_keys(&self, cells: &Cells) -> Vec<String> {
        let numbered = |number: &str| format!("#{number}");
        if let Cell::Text(number) = cells.get(Column::Number) {
            return vec![numbered(number)];
        }
        let found = self.seat_named(cells).ok().flatten();
        let order = match &found {
            Some(seat) => seat.order,
            None => place(cells.text(Column::Order)).unwrap_or(0),
        };
        let agency = self.agency_named(cells.text(Column::Agency));
        let named = agency.map(|agency| natural(&agency, order, cells.text(Column::Title)));
        let number = found.map(|seat| numbered(&seat.id.to_string()));
        number.into_iter().chain(named).collect()
    }

    /// The seat that a row names, as it is; `None`: it is to be made.
    fn seat_named(&self, cells: &Cells) -> Result<Option<Position>, (Column, Fault)> {
        if let Cell::Text(number) = cells.get(Column::Number) {
            let Ok(number) = number.parse() else {
                let fault = Fault::Invalid(NUMBER_EXPECTED.to_owned());
                return Err((Column::Number, fault));
            };
            let found = self.book.seats.one(PositionId(number));
            let found = found.filter(|seat| self.reaches(&seat.agency));
            let none = (Column::Number, Fault::NoPosition);
            return found.cloned().map(Some).ok_or(none);
        }
        let written = |column: Column| match cells.text(column) {
            "" => Err((column, Fault::Missing)),
            text => Ok(text),
        };
        let agency = self.agency_named(written(Column::Agency)?);
        let agency = agency.ok_or((Column::Agency, Fault::NoAgency))?;
        let title = written(Column::Title)?;
        let order = match cells.get(Column::Order) {
            Cell::Absent => None,
            Cell::Empty => Some(0),
            Cell::Text(text) => {
                let wrong = Fault::Invalid(NUMBER_EXPECTED.to_owned());
                Some(place(text).ok_or((Column::Order, wrong))?)
            }
        };
        let seats = self.book.seats.in_agency(&agency);
        let mut found = seats.filter(|seat| {
            order.is_none_or(|order| order == seat.order)
                && natural_of(seat) == natural(&agency, seat.order, title)
        });
        let first = found.next().cloned();
        match found.count() as u64 {
            0 => Ok(first),
            more => Err((Column::Title, Fault::Several(more + 1))),
        }
    }

    /// An agency by its id, by an official code, or by names from the top of the job's subtree down, parted by `>`.
    fn agency_named(&self, written: &str) -> Option<AgencyId> {
        let code = self.book.codes.get(&written.to_ascii_uppercase());
        if let Some(id) = code.filter(|id| self.reaches(id)) {
            return Some(id.clone());
        }
        let named = |id: &AgencyId, name: &str| {
            let agency = self.book.agencies.get(id);
            agency.is_some_and(|agency| fold(&agency.name) == name)
        };
        let below = |id: &AgencyId, name: &str| {
            let children = self.book.children.get(id).into_iter().flatten();
            let mut found = children.filter(|child| named(child, name));
            let first = found.next().cloned();
            // Two of a name are not told apart by it.
            first.filter(|_| found.next().is_none())
        };
        let mut names = written.split(PATH_SIGN).map(|name| fold(name.trim()));
        let first = names.next()?;
        let top = match named(self.top, &first) {
            true => self.top.clone(),
            false => below(self.top, &first)?,
        };
        let found = names.try_fold(top, |at, name| below(&at, &name))?;
        self.reaches(&found).then_some(found)
    }

    /// The seat as the row says, but for who holds it.
    fn seat_as(&self, cells: &Cells, old: Option<&Position>, faults: &mut Faults) -> Position {
        let was = old.cloned().unwrap_or_else(blank);
        let agency = match (cells.get(Column::Agency), old) {
            (Cell::Absent, Some(old)) => old.agency.clone(),
            (Cell::Text(written), _) => self.agency_named(written).unwrap_or_else(|| {
                faults.at(cells, Column::Agency, Fault::NoAgency);
                was.agency.clone()
            }),
            _ => {
                faults.at(cells, Column::Agency, Fault::Missing);
                was.agency.clone()
            }
        };
        let title = faults.name(cells, Column::Title, old.map(|seat| seat.title.clone()));
        let title_en = faults.line(cells, Column::TitleEn, was.title_en.clone());
        let column = Column::Order;
        let order = faults.value(cells, column, (was.order, 0), place, NUMBER_EXPECTED);
        let none = PositionKind::default();
        let kind = faults.value(
            cells,
            Column::Kind,
            (was.kind, none),
            position_kind,
            POSITION_KIND_EXPECTED,
        );
        let read = |text: &str| day(text).map(Some);
        let until = faults.value(cells, Column::Until, (was.until, None), read, DAY_EXPECTED);
        let mailbox = match cells.get(Column::Mailbox) {
            Cell::Absent => was.mailbox,
            Cell::Empty => None,
            Cell::Text(_) => self.account_in(cells, Column::Mailbox, faults),
        };
        Position {
            agency,
            title: match old.filter(|old| old.title.to_lowercase() == title.to_lowercase()) {
                // Named by it: other letters for the same name change nothing.
                Some(old) if !matches!(cells.get(Column::Number), Cell::Text(_)) => {
                    old.title.clone()
                }
                _ => title,
            },
            title_en,
            order,
            kind,
            until,
            mailbox,
            version: was.version + 1,
            ..was
        }
    }

    /// The account that a cell names, in the job's subtree.
    fn account_in(&self, cells: &Cells, column: Column, faults: &mut Faults) -> Option<AccountId> {
        let address = Address::parse(cells.text(column)).ok();
        let Some(address) = address else {
            let expected = "an address such as annv@coquan.gov.vn";
            faults.at(cells, column, Fault::Invalid(expected.to_owned()));
            return None;
        };
        let found = self.book.at(&address).filter(|a| self.reaches(&a.agency));
        if found.is_none() {
            faults.at(cells, column, Fault::NoAccount);
        }
        found.map(|account| account.id)
    }

    /// What the directory would refuse, and what earlier rows take.
    fn check_seat(
        &self,
        cells: &Cells,
        old: Option<&Position>,
        new: &Position,
        ahead: &Ahead,
        faults: &mut Faults,
    ) {
        if old.is_none_or(|old| old.agency != new.agency) {
            let may = self.book.check_seat_agency(self.by, &new.agency);
            refused(cells, Column::Agency, may, faults);
        }
        if old.is_none_or(|old| natural_of(old) != natural_of(new)) {
            let named = natural_of(new);
            let mut seats = self.book.seats.in_agency(&new.agency);
            let taken = seats.any(|seat| seat.id != new.id && natural_of(seat) == named);
            if taken || ahead.seats(&named) {
                faults.at(cells, Column::Title, Fault::Taken);
            }
        }
        if new.mailbox == old.and_then(|old| old.mailbox) {
            return;
        }
        let free = old.map_or(Ok(()), check_mailbox_free);
        let fits = free.and_then(|()| self.book.check_seat_mailbox(self.by, new));
        refused(cells, Column::Mailbox, fits, faults);
        if new.mailbox.is_some_and(|id| ahead.mailboxes.contains(&id)) {
            faults.at(cells, Column::Mailbox, Fault::Taken);
        }
    }

    /// Nothing in the row says otherwise of who holds a seat that is there.
    fn check_holder_kept(&self, cells: &Cells, old: &Position, faults: &mut Faults) {
        let now = old.holder();
        match cells.get(Column::Holder) {
            Cell::Absent => {}
            Cell::Empty if now.is_none() => {}
            Cell::Empty => faults.at(cells, Column::Holder, Fault::ByHandover),
            Cell::Text(written) => {
                let address = Address::parse(written).ok();
                let named = address.and_then(|address| self.book.at(&address));
                if now.is_none() || named.map(|a| a.id) != now.map(|held| held.account) {
                    faults.at(cells, Column::Holder, Fault::ByHandover);
                }
            }
        }
        let from = now.map(|held| held.from);
        let since = faults.value(
            cells,
            Column::HeldSince,
            (from, from),
            |text| day(text).map(Some),
            DAY_EXPECTED,
        );
        let acting = now.is_some_and(|held| held.acting);
        let column = Column::Acting;
        let says = faults.value(cells, column, (acting, false), boolean, BOOLEAN_EXPECTED);
        for (column, same) in [(Column::HeldSince, since == from), (column, says == acting)] {
            if !same && !faults.has(column) {
                faults.at(cells, column, Fault::ByHandover);
            }
        }
    }

    /// A new seat with who holds it, and what rights over its mailbox that gives.
    fn first_holder(&self, cells: &Cells, new: Position, faults: &mut Faults) -> Seating {
        let read = |text: &str| day(text).map(Some);
        let since = Column::HeldSince;
        let on = faults.value(cells, since, (None, None), read, DAY_EXPECTED);
        let column = Column::Acting;
        let acting = faults.value(cells, column, (false, false), boolean, BOOLEAN_EXPECTED);
        let Cell::Text(written) = cells.get(Column::Holder) else {
            for (column, said) in [(since, on.is_some()), (column, acting)] {
                if said {
                    faults.at(cells, column, Fault::Invalid(NOBODY_EXPECTED.to_owned()));
                }
            }
            return Seating { new, rights: None };
        };
        let found = Address::parse(written).ok();
        let found = found.and_then(|address| self.book.at(&address));
        let sees = |agency: &AgencyId| self.allows(Capability::ReadDirectory, agency);
        let Some(holder) = found.filter(|a| sees(&a.agency)).map(|a| a.id) else {
            faults.at(cells, Column::Holder, Fault::NoAccount);
            return Seating { new, rights: None };
        };
        if !faults.0.is_empty() {
            return Seating { new, rights: None };
        }
        let what = Handover {
            to: Some(holder),
            acting,
            on,
            ..Handover::default()
        };
        // Made and handed over at once: one version.
        let version = new.version;
        match self.book.next_holder(self.by, &new, &what) {
            Ok(held) => {
                let rights = self.holder_rights(cells, &held, holder, faults);
                let new = Position { version, ..held };
                Seating { new, rights }
            }
            Err(error) => {
                let column = match &error {
                    Error::Invalid { field: "on", .. } => since,
                    Error::Invalid { field: "to", .. } => Column::Holder,
                    _ => Column::Agency,
                };
                refused(cells, column, Err(error), faults);
                Seating { new, rights: None }
            }
        }
    }

    /// The rights over the mailbox that the holder has and gets, where they differ.
    fn holder_rights(
        &self,
        cells: &Cells,
        new: &Position,
        holder: AccountId,
        faults: &mut Faults,
    ) -> Option<(Rights, Rights)> {
        let mailbox = self.book.account(new.mailbox?)?;
        if self.book.has_what_ends(mailbox.id, holder) {
            faults.at(cells, Column::Mailbox, Fault::OwnSecrets);
            return None;
        }
        let share = self.book.share(mailbox.id, None);
        let given = share.given(Sharing::Account(holder));
        let wanted = given.with(HOLDER);
        let may = self.book.check_member(self.by, mailbox, holder, wanted);
        refused(cells, Column::Holder, may.map(|_| ()), faults);
        if self.lets_himself_in(mailbox, holder, wanted) && !faults.has(Column::Holder) {
            faults.at(cells, Column::Holder, Fault::NeedsReason);
        }
        (given != wanted).then_some((given, wanted))
    }
}

/// A place among the seats of an agency.
fn place(text: &str) -> Option<u32> {
    text.parse().ok()
}

fn refused(cells: &Cells, column: Column, may: Result<(), Error>, faults: &mut Faults) {
    if let Some(fault) = may.err().and_then(|error| fault_of(error).ok()) {
        faults.at(cells, column, fault);
    }
}

fn blank() -> Position {
    Position {
        id: PositionId(0),
        agency: AgencyId(String::new()),
        kind: PositionKind::default(),
        title: String::new(),
        title_en: None,
        order: 0,
        mailbox: None,
        until: None,
        holdings: Vec::new(),
        sealed: Vec::new(),
        version: 0,
    }
}
