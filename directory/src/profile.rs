//! Profile: what an agency is beside its name: its kind, its official codes, its place among its siblings, and from
//! when to when it was there.
//!
//! An agency that has ended stays where it was, for history and reports: it is read as before, keeps what hangs on it
//! until somebody moves that, and takes nothing new.

use crate::act::{invalid, name_if_any};
use crate::book::Book;
use crate::{Access, Agency, AgencyId, Capability, Directory, Error};
use formats::date::Day;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Official codes of one agency, beside its id.
pub const CODES_MAX: usize = 16;
/// Characters of an official code (QĐ 20/2020/QĐ-TTg).
pub const CODE_MAX: usize = 35;
/// What an official code is, as who gives a wrong one is told.
pub(crate) const CODE_EXPECTED: &str =
    "official codes such as H26.1.2 or 000.00.01.G14, each of at most 35 characters";

/// What kind of agency. The order is how it is stored: new ones come last.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub enum AgencyKind {
    /// None of the others, or not said.
    #[default]
    Other,
    /// Ủy ban nhân dân of a province.
    Committee,
    /// Hội đồng nhân dân, of any level.
    Council,
    /// Sở, ban, ngành of a province.
    Department,
    /// Ủy ban nhân dân of a commune, ward or special zone.
    Commune,
    /// Phòng, ban and the like within another agency.
    Unit,
    /// Đơn vị sự nghiệp: a centre, a hospital, a school.
    Centre,
    /// A body of the Party.
    Party,
    /// Mặt trận Tổ quốc, a union or an association.
    Front,
}

/// An official code of an agency: of the form of QĐ 20/2020/QĐ-TTg (`H26.1.2`, or from `Z` on for others) or of the one
/// before it (`000.00.01.G14`), in capitals.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AgencyCode(String);

impl AgencyCode {
    /// Reads it; letters may be small. `None`: it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let code = text.trim().to_ascii_uppercase();
        let plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
        let parts: Vec<&[u8]> = code.split('.').map(str::as_bytes).collect();
        let sound = parts
            .iter()
            .all(|part| !part.is_empty() && part.iter().copied().all(plain));
        if code.len() > CODE_MAX || !sound {
            return None;
        }
        let top = |part: &[u8], letters: std::ops::RangeInclusive<u8>| matches!(part, [m, x1, x2] if letters.contains(m) && x1.is_ascii_digit() && x2.is_ascii_digit());
        let number =
            |part: &[u8], len: usize| part.len() == len && part.iter().all(u8::is_ascii_digit);
        let fits = match parts.as_slice() {
            [a, b, c, d] if number(a, 3) && number(b, 2) && number(c, 2) => top(d, b'A'..=b'Y'),
            [first, ..] if first.starts_with(b"Z") => first.len() >= 3,
            [first, ..] => top(first, b'A'..=b'Y'),
            [] => false,
        };
        fits.then_some(Self(code))
    }

    /// In capitals.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for AgencyCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an agency is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AgencyProfile {
    /// `SNV`, `Sở Nội vụ`.
    pub short_name: Option<String>,
    /// What kind.
    pub kind: AgencyKind,
    /// Official codes beside the id, the one in use first; no agency of the tree has one of another's.
    pub codes: Vec<AgencyCode>,
    /// Its place among its siblings: the smaller comes first, those of one place by their ids.
    pub order: u32,
    /// The first day on which it is there; `None`: not known.
    pub since: Option<Day>,
    /// The last day on which it is there; `None`: it has no end.
    pub until: Option<Day>,
}

impl AgencyProfile {
    /// Whether it was there, or will be, on a day.
    #[must_use]
    pub fn is_there(&self, day: Day) -> bool {
        self.since.is_none_or(|first| first <= day) && !self.ended(day)
    }

    /// Whether its last day was before this one.
    #[must_use]
    pub fn ended(&self, day: Day) -> bool {
        self.until.is_some_and(|last| last < day)
    }

    /// As it is kept. Errors: `Invalid`.
    pub(crate) fn checked(self, id: &AgencyId) -> Result<Self, Error> {
        let mut seen = BTreeSet::from([id.0.to_ascii_uppercase()]);
        let mut codes = self.codes;
        codes.retain(|code| seen.insert(code.0.clone()));
        if codes.len() > CODES_MAX {
            return Err(invalid("codes", format!("at most {CODES_MAX}")));
        }
        if self.since.zip(self.until).is_some_and(|(a, b)| b < a) {
            return Err(invalid("until", "a day that is not before `since`"));
        }
        Ok(Self {
            short_name: name_if_any("short_name", self.short_name.as_deref())?,
            codes,
            ..self
        })
    }
}

/// Codes as people give them. Errors: `Invalid`.
pub fn agency_codes(given: &[String]) -> Result<Vec<AgencyCode>, Error> {
    let read = given.iter().map(|code| AgencyCode::parse(code));
    read.collect::<Option<_>>()
        .ok_or_else(|| invalid("codes", CODE_EXPECTED))
}

impl Directory {
    /// The day that it is in Vietnam.
    pub fn today(&self) -> Day {
        self.read().today()
    }

    /// The agency that has this id, or else this official code, whose letters may be small. Errors: `NotFound`.
    pub fn agency_coded(&self, code: &str) -> Result<Agency, Error> {
        let book = self.read();
        book.coded(code).cloned().ok_or(Error::NotFound("agency"))
    }

    /// The children of one, in the order of their places and ids; `after`: place and id of the last one seen.
    pub fn agencies_below(
        &self,
        by: Option<&Access>,
        parent: &AgencyId,
        after: Option<&(u32, AgencyId)>,
        max: usize,
    ) -> Vec<Agency> {
        let book = self.read();
        let children = book.children.get(parent).into_iter().flatten();
        let children = children.filter_map(|id| book.agencies.get(id));
        let mut seen: Vec<(u32, &Agency)> = children
            .filter(|agency| book.allows(by, Capability::ReadDirectory, &agency.id))
            .map(|agency| (agency.profile.order, agency))
            .filter(|(order, agency)| {
                after.is_none_or(|(place, id)| (*order, &agency.id) > (*place, id))
            })
            .collect();
        seen.sort_unstable_by(|(a, one), (b, other)| (a, &one.id).cmp(&(b, &other.id)));
        let rows = seen.into_iter().take(max.min(crate::open::PAGE_MAX));
        rows.map(|(_, agency)| agency.clone()).collect()
    }
}

impl Book {
    /// The agency of this id, or of this code.
    pub(crate) fn coded(&self, code: &str) -> Option<&Agency> {
        let found = self.agencies.get(&AgencyId(code.to_owned()));
        found.or_else(|| {
            self.agencies
                .get(self.codes.get(&code.to_ascii_uppercase())?)
        })
    }

    /// Errors: `Exists` where another agency has one of its codes, or its id as a code.
    pub(crate) fn check_codes(&self, new: &Agency) -> Result<(), Error> {
        let own = std::iter::once(new.id.0.to_ascii_uppercase());
        let named = new.profile.codes.iter().map(|code| code.0.clone());
        for code in own.chain(named) {
            if self.codes.get(&code).is_some_and(|owner| *owner != new.id) {
                return Err(Error::Exists(format!("code {code}")));
            }
        }
        Ok(())
    }

    /// Errors: `Invalid` where the agency takes nothing new, since it has ended.
    pub(crate) fn check_goes_on(&self, field: &'static str, id: &AgencyId) -> Result<(), Error> {
        let agency = self.agencies.get(id);
        match agency.is_some_and(|a| a.profile.ended(self.today())) {
            true => Err(invalid(field, "an agency that has not ended")),
            false => Ok(()),
        }
    }

    /// Takes in by which codes an agency is found.
    pub(crate) fn put_codes(&mut self, agency: &Agency) {
        let own = std::iter::once(agency.id.0.to_ascii_uppercase());
        let named = agency.profile.codes.iter().map(|code| code.0.clone());
        for code in own.chain(named) {
            self.codes.entry(code).or_insert_with(|| agency.id.clone());
        }
    }

    /// The reverse of `put_codes`.
    pub(crate) fn drop_codes(&mut self, agency: &Agency) {
        let own = std::iter::once(agency.id.0.to_ascii_uppercase());
        let named = agency.profile.codes.iter().map(|code| code.0.clone());
        for code in own.chain(named) {
            if self.codes.get(&code) == Some(&agency.id) {
                self.codes.remove(&code);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_two_official_forms() {
        let check = |text: &str, kept: Option<&str>| {
            let read = AgencyCode::parse(text);
            assert_eq!(read.as_ref().map(AgencyCode::as_str), kept, "{text:?}");
        };
        check("H26", Some("H26"));
        check("H26.1.2", Some("H26.1.2"));
        check(" h26.a1.2 ", Some("H26.A1.2"));
        check("000.00.01.G14", Some("000.00.01.G14"));
        check("000.00.00.H26", Some("000.00.00.H26"));
        check("Z01.0123456789", Some("Z01.0123456789"));
        let longest = format!("H26.{}", "1".repeat(CODE_MAX - 4));
        check(&longest, Some(&longest));
        check(&format!("{longest}1"), None);
        for bad in [
            "",
            "H",
            "H2",
            "H266",
            "26H",
            "H26.",
            ".H26",
            "H26..1",
            "H26/1",
            "H26 1",
            "H26.ư",
            "00.00.01.G14",
            "000.00.01.Z14",
            "000.00.G14",
            "Z",
            "=H26",
        ] {
            check(bad, None);
        }
    }
}
