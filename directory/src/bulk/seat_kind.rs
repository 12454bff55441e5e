//! Kinds of positions in cells.

use super::cells::word;
use crate::PositionKind;

/// What [`position_kind`] expects.
pub(crate) const POSITION_KIND_EXPECTED: &str = "chairman, deputy_chairman, head, deputy_head, chief_of_office, deputy_chief_of_office, secretary, \
     deputy_secretary, clerk, accountant, inspector, specialist, desk or other";

/// Kinds of positions: how each is written, and other words for it.
const POSITION_KINDS: [(PositionKind, &str, &[&str]); 14] = [
    (PositionKind::Other, "other", &["other", "khac"]),
    (
        PositionKind::Chairman,
        "chairman",
        &["chairman", "chu tich"],
    ),
    (
        PositionKind::DeputyChairman,
        "deputy_chairman",
        &["deputy chairman", "pho chu tich"],
    ),
    (
        PositionKind::Head,
        "head",
        &[
            "head",
            "giam doc",
            "truong phong",
            "truong ban",
            "thu truong",
        ],
    ),
    (
        PositionKind::DeputyHead,
        "deputy_head",
        &[
            "deputy head",
            "pho giam doc",
            "pho truong phong",
            "pho truong ban",
            "cap pho",
        ],
    ),
    (
        PositionKind::ChiefOfOffice,
        "chief_of_office",
        &["chief of office", "chanh van phong"],
    ),
    (
        PositionKind::DeputyChiefOfOffice,
        "deputy_chief_of_office",
        &["deputy chief of office", "pho chanh van phong"],
    ),
    (
        PositionKind::Secretary,
        "secretary",
        &["secretary", "bi thu"],
    ),
    (
        PositionKind::DeputySecretary,
        "deputy_secretary",
        &["deputy secretary", "pho bi thu"],
    ),
    (PositionKind::Clerk, "clerk", &["clerk", "van thu"]),
    (
        PositionKind::Accountant,
        "accountant",
        &["accountant", "ke toan"],
    ),
    (
        PositionKind::Inspector,
        "inspector",
        &["inspector", "thanh tra"],
    ),
    (
        PositionKind::Specialist,
        "specialist",
        &["specialist", "chuyen vien", "cong chuc", "vien chuc"],
    ),
    (
        PositionKind::Desk,
        "desk",
        &["desk", "bo phan", "mot cua", "bo phan mot cua"],
    ),
];

/// A kind of position, in either language.
pub(crate) fn position_kind(text: &str) -> Option<PositionKind> {
    let words = POSITION_KINDS.map(|(.., words)| words);
    Some(POSITION_KINDS.get(word(text, &words)?)?.0)
}

/// How it is written.
pub(crate) fn position_kind_text(kind: PositionKind) -> &'static str {
    let found = POSITION_KINDS.iter().find(|(of, ..)| *of == kind);
    found.map_or("other", |(_, written, _)| written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_as_they_are_written() {
        let expected = POSITION_KIND_EXPECTED.replace(" or ", ", ");
        for (kind, written, words) in POSITION_KINDS {
            assert_eq!(position_kind(position_kind_text(kind)), Some(kind));
            assert!(
                expected.split(", ").any(|word| word == written),
                "{written}"
            );
            for word in words {
                assert_eq!(position_kind(word), Some(kind), "{word}");
            }
        }
        assert_eq!(
            position_kind("Phó Chủ tịch"),
            Some(PositionKind::DeputyChairman)
        );
        assert_eq!(position_kind("Văn thư"), Some(PositionKind::Clerk));
        assert_eq!(position_kind("king"), None);
    }
}
