//! Folding for search, and the case mapping that RFC 5051 (i;unicode-casemap) stands for.

use std::ops::RangeInclusive;
use unicode_normalization::UnicodeNormalization;

/// The text as search compares it: no marks, `đ` as `d`, lower case. `Chiêm`, `chiem` and
/// `CHIÊM` in any normal form are one.
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let bare = text.nfkd().filter(|c| !is_mark(*c));
    let lower: String = bare.flat_map(char::to_lowercase).collect();
    // Lower-casing may bring marks back (İ); and đ has no decomposition, as has none the letter of Iceland (U+00D0, U+00F0)
    // that fonts and converters write for it: the capitals look the same.
    lower
        .nfd()
        .filter(|c| !is_mark(*c))
        .map(|c| if matches!(c, 'đ' | 'ð') { 'd' } else { c })
        .collect()
}

/// Combining diacritical marks; the vowel signs of other scripts are letters and stay.
pub const MARKS: [RangeInclusive<char>; 3] = [
    '\u{300}'..='\u{36f}',
    '\u{1ab0}'..='\u{1aff}',
    '\u{1dc0}'..='\u{1dff}',
];

/// Whether it is one of [`MARKS`].
#[must_use]
pub fn is_mark(c: char) -> bool {
    c >= '\u{300}' && MARKS.iter().any(|range| range.contains(&c))
}

/// The text as comparison without regard to case needs it: compatibility forms joined, lower case,
/// marks kept. Texts that RFC 5051 §2 holds equal are equal here; a letter stays in one piece with its
/// marks, so that `va` is not found within `văn`.
#[must_use]
pub fn casemap(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower = text.nfkc().flat_map(char::to_lowercase);
    lower.map(one_small_form).nfc().collect()
}

/// Where two small letters share a capital, they are one to RFC 5051.
fn one_small_form(c: char) -> char {
    match c {
        'ς' => 'σ',
        'ı' => 'i',
        _ => c,
    }
}

/// The text whose octets order as RFC 5051 §2 (i;unicode-casemap) says: simple title case, then
/// decomposed by compatibility.
#[must_use]
pub fn order(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_uppercase();
    }
    text.chars().map(title).nfkd().collect()
}

/// The simple titlecase mapping of the Unicode data: one character to one.
fn title(c: char) -> char {
    match c {
        // Digraphs have a title case of their own.
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        // Georgian has capitals but no title case.
        '\u{10d0}'..='\u{10ff}' => c,
        // Greek with iota below: the full upper case is two letters, the simple title case one.
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => {
            char::from_u32(c as u32 + 8).unwrap_or(c)
        }
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => char::from_u32(c as u32 + 9).unwrap_or(c),
        _ => {
            let mut upper = c.to_uppercase();
            match (upper.next(), upper.next()) {
                (Some(one), None) => one,
                _ => c,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_joins_spellings() {
        for text in [
            "Đặng Thị Chiêm",
            "đặng thị chiêm",
            "\u{d0}ặng Thị Chiêm",
            "\u{f0}ặng Thị Chiêm",
            "DANG THI CHIEM",
            "Đa\u{323}\u{306}ng Thi\u{323} Chie\u{302}m",
        ] {
            assert_eq!(fold(text), "dang thi chiem", "{text}");
        }
        assert_eq!(fold("ﬁle №1"), "file no1");
        assert_eq!(fold("กิน"), "กิน");
        assert_eq!(casemap("HÒA"), casemap("ho\u{300}a"));
        assert_ne!(casemap("hòa"), casemap("hoa"));
        assert_eq!(casemap("ΟΔΟΣ"), casemap("οδος"));
    }

    fn check_order(text: &str, expected: &str) {
        assert_eq!(order(text), expected, "{text:?}");
    }

    #[test]
    fn i_unicode_casemap_is_title_case_decomposed() {
        check_order("a_b", "A_B");
        check_order("ǆ", "Dz\u{30c}");
        check_order("Ờ", "O\u{31b}\u{300}");
        check_order("đ", "Đ");
        check_order("ß", "ß");
        check_order("ﬁ", "fi");
        check_order("ᾳ", "\u{391}\u{345}");
        check_order("ა", "ა");
        // The example of RFC 5255 §4.6.
        assert_eq!(order("Андрей"), order("андрей"));
        let mut names = ["андрей", "сЕРГЕЙ", "Василий", "алексей"];
        names.sort_by_key(|name| order(name));
        assert_eq!(names, ["алексей", "андрей", "Василий", "сЕРГЕЙ"]);
    }
}
