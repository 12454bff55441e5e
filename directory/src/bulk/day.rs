//! Days and kinds of agencies in cells.

use super::cells::word;
use crate::AgencyKind;
use formats::date::Day;

/// What [`day`] expects.
pub(crate) const DAY_EXPECTED: &str = "a day such as 2025-07-01 or 01/07/2025";
/// What [`agency_kind`] expects.
pub(crate) const AGENCY_KIND_EXPECTED: &str =
    "committee, council, department, commune, unit, centre, party, front or other";

/// Kinds of agencies with the words for each: the first is how it is written.
const AGENCY_KINDS: [(AgencyKind, &[&str]); 9] = [
    (AgencyKind::Other, &["other", "khac"]),
    (
        AgencyKind::Committee,
        &[
            "committee",
            "ubnd tinh",
            "ubnd thanh pho",
            "uy ban nhan dan tinh",
        ],
    ),
    (
        AgencyKind::Council,
        &["council", "hdnd", "hoi dong nhan dan"],
    ),
    (
        AgencyKind::Department,
        &["department", "so", "so ban nganh", "ban nganh"],
    ),
    (
        AgencyKind::Commune,
        &[
            "commune",
            "xa",
            "phuong",
            "dac khu",
            "cap xa",
            "ubnd xa",
            "ubnd phuong",
            "ward",
        ],
    ),
    (
        AgencyKind::Unit,
        &["unit", "phong", "phong ban", "don vi", "don vi truc thuoc"],
    ),
    (
        AgencyKind::Centre,
        &[
            "centre",
            "center",
            "don vi su nghiep",
            "trung tam",
            "truong hoc",
            "benh vien",
        ],
    ),
    (AgencyKind::Party, &["party", "dang", "co quan dang"]),
    (AgencyKind::Front, &["front", "mat tran", "doan the", "hoi"]),
];

/// A day, as ISO 8601 has it or as Vietnam writes it: day, month, year.
pub(crate) fn day(text: &str) -> Option<Day> {
    if let Some(day) = Day::parse(text) {
        return Some(day);
    }
    let mut parts = text.split(['/', '.']);
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || day.len() > 2 || month.len() > 2 {
        return None;
    }
    Day::parse(&format!("{year}-{month:0>2}-{day:0>2}"))
}

/// A kind of agency, in either language.
pub(crate) fn agency_kind(text: &str) -> Option<AgencyKind> {
    let words = AGENCY_KINDS.map(|(_, words)| words);
    Some(AGENCY_KINDS.get(word(text, &words)?)?.0)
}

/// How it is written.
pub(crate) fn agency_kind_text(kind: AgencyKind) -> &'static str {
    let found = AGENCY_KINDS.iter().find(|(of, _)| *of == kind);
    found.map_or("other", |(_, words)| words[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_kinds_are_read_as_they_are_written() {
        let first = Day::parse("2025-07-01");
        for text in ["2025-07-01", "01/07/2025", "1/7/2025", "1.7.2025"] {
            assert_eq!(day(text), first, "{text}");
        }
        for text in [
            "",
            "31/02/2025",
            "7/2025",
            "1/7/25",
            "001/7/2025",
            "1/7/2025/1",
        ] {
            assert_eq!(day(text), None, "{text}");
        }
        for (kind, words) in AGENCY_KINDS {
            assert_eq!(agency_kind(agency_kind_text(kind)), Some(kind));
            for word in words {
                assert_eq!(agency_kind(word), Some(kind), "{word}");
            }
        }
        assert_eq!(agency_kind("Xã"), Some(AgencyKind::Commune));
        assert_eq!(agency_kind("UBND tỉnh"), Some(AgencyKind::Committee));
        assert_eq!(agency_kind("huyện"), None);
    }
}
