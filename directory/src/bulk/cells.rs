//! The cells of one row by their columns, and how values are spelt in them.

use super::column::{Column, cut};
use super::fault::{Fault, Found};
use crate::{AccountKind, AccountState};
use formats::csv::{Row, unguarded};
use formats::text::fold;
use std::collections::BTreeMap;

/// A row of which it is known what each cell is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cells {
    pub(crate) row: u64,
    values: BTreeMap<Column, String>,
}

/// What stands in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cell<'a> {
    /// The file has no such column: the value stays what it is.
    Absent,
    /// Nothing stands there: there is to be no value.
    Empty,
    Text(&'a str),
}

impl Cells {
    /// Errors: the row has another number of cells than its header.
    pub(crate) fn of(header: &[Option<Column>], row: Row) -> Result<Self, Found> {
        let more = row.cells.iter().skip(header.len());
        if row.cells.len() < header.len() || more.clone().any(|c| !c.trim().is_empty()) {
            let (has, wants) = (row.cells.len() as u64, header.len() as u64);
            return Err(Found::row(Fault::Cells(has, wants)));
        }
        let named = header.iter().zip(row.cells);
        let values = named.filter_map(|(column, cell)| {
            let text = unguarded(&cell).trim().to_owned();
            Some(((*column)?, text))
        });
        Ok(Self {
            row: row.number,
            values: values.collect(),
        })
    }

    /// From values as they were told.
    pub(crate) fn told(row: u64, values: impl IntoIterator<Item = (Column, String)>) -> Self {
        let values = values.into_iter().collect();
        Self { row, values }
    }

    pub(crate) fn get(&self, column: Column) -> Cell<'_> {
        match self.values.get(&column) {
            None => Cell::Absent,
            Some(text) if text.is_empty() => Cell::Empty,
            Some(text) => Cell::Text(text),
        }
    }

    pub(crate) fn text(&self, column: Column) -> &str {
        self.values.get(&column).map_or("", String::as_str)
    }
}

/// Gathers every fault of a row.
#[derive(Debug, Default)]
pub(crate) struct Faults(pub(crate) Vec<Found>);

impl Faults {
    pub(crate) fn at(&mut self, cells: &Cells, column: Column, fault: Fault) {
        self.0.push(Found {
            column: Some(column),
            fault,
            value: cut(cells.text(column)),
        });
    }

    /// Whether something is wrong there.
    pub(crate) fn has(&self, column: Column) -> bool {
        self.0.iter().any(|found| found.column == Some(column))
    }

    /// The value that a cell spells; where there is none, `otherwise`. A wrong one is a fault.
    pub(crate) fn value<T>(
        &mut self,
        cells: &Cells,
        column: Column,
        (absent, empty): (T, T),
        read: impl FnOnce(&str) -> Option<T>,
        expected: &str,
    ) -> T {
        match cells.get(column) {
            Cell::Absent => absent,
            Cell::Empty => empty,
            Cell::Text(text) => match read(text) {
                Some(value) => value,
                None => {
                    self.at(cells, column, Fault::Invalid(expected.to_owned()));
                    empty
                }
            },
        }
    }

    /// A text of one line that may be left out.
    pub(crate) fn line(
        &mut self,
        cells: &Cells,
        column: Column,
        was: Option<String>,
    ) -> Option<String> {
        match cells.get(column) {
            Cell::Absent => was,
            Cell::Empty => None,
            Cell::Text(text) => self.named(cells, column, text),
        }
    }

    /// A name that must be there.
    pub(crate) fn name(&mut self, cells: &Cells, column: Column, was: Option<String>) -> String {
        let found = match (cells.get(column), was) {
            (Cell::Absent, Some(was)) => Some(was),
            (Cell::Absent | Cell::Empty, _) => {
                self.at(cells, column, Fault::Missing);
                None
            }
            (Cell::Text(text), _) => self.named(cells, column, text),
        };
        found.unwrap_or_default()
    }

    fn named(&mut self, cells: &Cells, column: Column, text: &str) -> Option<String> {
        match crate::act::name("name", text) {
            Ok(name) => Some(name),
            Err(crate::Error::Invalid { expected, .. }) => {
                self.at(cells, column, Fault::Invalid(expected));
                None
            }
            Err(_) => None,
        }
    }
}

/// Words for the kinds of accounts: the first of each is how it is written.
const KINDS: [&[&str]; 4] = [
    &["person", "ca nhan", "can bo", "nguoi"],
    &[
        "shared",
        "chung",
        "dung chung",
        "hop thu chung",
        "chuc danh",
    ],
    &["resource", "tai nguyen", "phong hop", "thiet bi"],
    &["list", "danh sach", "nhom"],
];
/// Words for the states of accounts.
const STATES: [&[&str]; 3] = [
    &["active", "hoat dong", "dang hoat dong", "dang dung"],
    &["suspended", "tam khoa", "tam dung", "khoa"],
    &[
        "retired",
        "da nghi",
        "ngung",
        "ngung hoat dong",
        "thoi viec",
    ],
];
const BOOLEANS: [&[&str]; 2] = [
    &["no", "khong", "0", "false", "n", "k"],
    &["yes", "co", "1", "true", "y", "c", "x"],
];
/// What [`octets`] expects.
pub(crate) const OCTETS_EXPECTED: &str = "a size such as 500 MB or 2 GB, or octets";
/// What [`kind`] expects.
pub(crate) const KIND_EXPECTED: &str = "person, shared, resource or list";
/// What [`state`] expects.
pub(crate) const STATE_EXPECTED: &str = "active, suspended or retired";
/// What [`boolean`] expects.
pub(crate) const BOOLEAN_EXPECTED: &str = "yes or no";
/// What [`number`] expects.
pub(crate) const NUMBER_EXPECTED: &str = "a whole number";

/// Which row of words a text is one of, whatever its case, marks, `-` and `_`.
pub(super) fn word(text: &str, words: &[&[&str]]) -> Option<usize> {
    let folded = fold(text).replace(['_', '-'], " ");
    let folded = folded.trim();
    words.iter().position(|row| row.contains(&folded))
}

pub(crate) fn kind(text: &str) -> Option<AccountKind> {
    Some(match word(text, &KINDS)? {
        0 => AccountKind::Person,
        1 => AccountKind::Shared,
        2 => AccountKind::Resource,
        _ => AccountKind::List {
            members: Vec::new(),
        },
    })
}

pub(crate) fn kind_text(kind: &AccountKind) -> &'static str {
    KINDS[match kind {
        AccountKind::Person => 0,
        AccountKind::Shared => 1,
        AccountKind::Resource => 2,
        AccountKind::List { .. } => 3,
    }][0]
}

pub(crate) fn state(text: &str) -> Option<AccountState> {
    Some(match word(text, &STATES)? {
        0 => AccountState::Active,
        1 => AccountState::Suspended,
        _ => AccountState::Retired,
    })
}

pub(crate) fn state_text(state: AccountState) -> &'static str {
    STATES[match state {
        AccountState::Active => 0,
        AccountState::Suspended => 1,
        AccountState::Retired => 2,
    }][0]
}

pub(crate) fn boolean(text: &str) -> Option<bool> {
    word(text, &BOOLEANS).map(|at| at == 1)
}

pub(crate) fn boolean_text(value: bool) -> &'static str {
    BOOLEANS[usize::from(value)][0]
}

/// A whole number.
pub(crate) fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

/// Octets, or with a unit of 1,024 to the power: `2 GB`, `500MB`.
pub(crate) fn octets(text: &str) -> Option<u64> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = lower.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let shift = match unit.trim().trim_end_matches("ib").trim_end_matches('b') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

/// The same as text: with the largest unit that leaves nothing over.
pub(crate) fn octets_text(octets: u64) -> String {
    let units = [(40, "TB"), (30, "GB"), (20, "MB"), (10, "KB")];
    let fits = |shift: &u32| octets > 0 && octets.is_multiple_of(1 << *shift);
    match units.iter().find(|(shift, _)| fits(shift)) {
        Some((shift, unit)) => format!("{} {unit}", octets >> shift),
        None => octets.to_string(),
    }
}

/// The parts of a cell that may have several, parted by spaces, commas, semicolons, bars or lines.
pub(crate) fn several(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '|'));
    parts.filter(|part| !part.is_empty())
}

/// The same where there may be none.
pub(crate) fn optional(value: Option<String>) -> String {
    value.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_are_written() {
        for n in [0, 1, 1023, 1024, 1 << 20, 3 << 30, (3 << 30) + 1, 5 << 40] {
            assert_eq!(octets(&octets_text(n)), Some(n), "{}", octets_text(n));
        }
        for (text, n) in [
            ("2GB", Some(2 << 30)),
            ("2 gib", Some(2 << 30)),
            ("500 m", Some(500 << 20)),
            ("17", Some(17)),
            ("17 B", Some(17)),
            ("2,5 GB", None),
            ("-1", None),
            ("GB", None),
            ("", None),
            ("99999999999 TB", None),
        ] {
            assert_eq!(octets(text), n, "{text}");
        }
        for (text, found) in [
            ("Cá nhân", Some("person")),
            ("HỘP THƯ CHUNG", Some("shared")),
            ("list", Some("list")),
            ("robot", None),
        ] {
            assert_eq!(kind(text).as_ref().map(kind_text), found, "{text}");
        }
        assert_eq!(state("Tạm khoá"), Some(AccountState::Suspended));
        assert_eq!(
            [boolean("Có"), boolean("không"), boolean("?")],
            [Some(true), Some(false), None]
        );
    }
}
