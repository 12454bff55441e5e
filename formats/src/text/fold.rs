//! Folding for search, and the case mapping that RFC 5051 (i;unicode-casemap) stands for.

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
    // Lower-casing may bring marks back (İ); and đ has no decomposition.
    lower
        .nfd()
        .filter(|c| !is_mark(*c))
        .map(|c| if c == 'đ' { 'd' } else { c })
        .collect()
}

/// Combining diacritical marks; the vowel signs of other scripts are letters and stay.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}')
}

/// The text as comparison without regard to case needs it: compatibility forms joined, lower case,
/// marks kept.
#[must_use]
pub fn casemap(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkc().flat_map(char::to_lowercase).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_joins_spellings() {
        for text in [
            "Đặng Thị Chiêm",
            "đặng thị chiêm",
            "DANG THI CHIEM",
            "Đa\u{323}\u{306}ng Thi\u{323} Chie\u{302}m",
        ] {
            assert_eq!(fold(text), "dang thi chiem", "{text}");
        }
        assert_eq!(fold("ﬁle №1"), "file no1");
        assert_eq!(fold("กิน"), "กิน");
        assert_eq!(casemap("HÒA"), casemap("ho\u{300}a"));
        assert_ne!(casemap("hòa"), casemap("hoa"));
    }
}
