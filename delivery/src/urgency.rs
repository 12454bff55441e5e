//! How urgent a letter is by its own header, for who has no MT-PRIORITY to say it with (RFC 6710 §5: what decides may
//! be local policy): the marks of official documents at the head of the subject, and what mail clients set.

/// Khẩn, RFC 6710 §2 priority.
pub(crate) const URGENT: i8 = 2;
/// Thượng khẩn.
pub(crate) const VERY_URGENT: i8 = 4;
/// Hỏa tốc.
pub(crate) const MOST_URGENT: i8 = 6;

/// The marks in lower case, with both places of the tone.
const MARKS: [(&str, i8); 4] = [
    ("hỏa tốc", MOST_URGENT),
    ("hoả tốc", MOST_URGENT),
    ("thượng khẩn", VERY_URGENT),
    ("khẩn", URGENT),
];

/// The mark that a decoded subject begins with, set apart: `[KHẨN] …`, `Hỏa tốc: …`, `(Thượng khẩn) …`. A word of the
/// sentence is none: "Khẩn trương triển khai …".
pub(crate) fn of_subject(subject: &str) -> i8 {
    let text = subject.to_lowercase();
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || "[(*-–".contains(c));
    let marked = MARKS.iter().find(|(mark, _)| {
        let after = text.strip_prefix(mark).map(str::trim_start);
        after.is_some_and(|rest| rest.is_empty() || rest.starts_with(|c| "])*:-–.!,;".contains(c)))
    });
    marked.map_or(0, |(_, urgency)| *urgency)
}

/// What a client's field says: `Importance` and `Priority`, which come from X.400, and the `X-Priority` of many clients,
/// of which 1 is the most urgent.
pub(crate) fn of_field(name: &str, value: &str) -> i8 {
    let first = value.split_ascii_whitespace().next().unwrap_or_default();
    match (name, first.to_ascii_lowercase().as_str()) {
        ("Importance", "high") | ("Priority", "urgent") | ("X-Priority", "1") => VERY_URGENT,
        ("X-Priority", "2") => URGENT,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_where_they_are_marks() {
        for (subject, expected) in [
            ("[HỎA TỐC] Công điện số 1", MOST_URGENT),
            ("Hoả tốc: họp lúc 14 giờ", MOST_URGENT),
            (" (Thượng khẩn) Báo cáo", VERY_URGENT),
            ("KHẨN - Triệu tập", URGENT),
            ("KHẨN", URGENT),
            ("Khẩn trương triển khai", 0),
            ("Về việc khẩn: xem", 0),
            ("Khăn: mua", 0),
            ("", 0),
        ] {
            assert_eq!(of_subject(subject), expected, "{subject}");
        }
        for (name, value, expected) in [
            ("Importance", "High", VERY_URGENT),
            ("Priority", "urgent", VERY_URGENT),
            ("X-Priority", "1 (Highest)", VERY_URGENT),
            ("X-Priority", "2", URGENT),
            ("X-Priority", "3", 0),
            ("Importance", "low", 0),
            ("Priority", "1", 0),
        ] {
            assert_eq!(of_field(name, value), expected, "{name}: {value}");
        }
    }
}
