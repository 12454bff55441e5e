//! RFC 4013 SASLprep: names and passwords as SCRAM's clients prepare them before hashing.
//!
//! The tables are those of RFC 3454 that RFC 4013 §2 names. Code points that Unicode 3.2 did not have are
//! let through, as for a query: clients with newer tables let them through too.

use unicode_normalization::UnicodeNormalization;

/// The prepared text; `None` when it has what is prohibited, mixes directions, or nothing is left.
pub(crate) fn saslprep(text: &str) -> Option<String> {
    let mapped = text.chars().filter(|c| !is_nothing(*c) || is_space(*c));
    let mapped = mapped.map(|c| if is_space(c) { ' ' } else { c });
    let out: String = mapped.nfkc().collect();
    let well = !out.is_empty() && !out.chars().any(is_prohibited) && one_direction(&out);
    well.then_some(out)
}

/// RFC 3454 §C.1.2: spaces that are mapped to SPACE.
fn is_space(c: char) -> bool {
    matches!(
        c,
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200b}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// RFC 3454 §B.1: commonly mapped to nothing.
fn is_nothing(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{1806}' | '\u{180b}'..='\u{180d}' | '\u{200b}'..='\u{200d}' | '\u{2060}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
    )
}

/// RFC 4013 §2.3: the tables C.1.2, C.2.1, C.2.2, C.3 to C.9 of RFC 3454.
fn is_prohibited(c: char) -> bool {
    is_space(c)
        || c.is_control()
        || matches!(
            c,
            '\u{6dd}' | '\u{70f}' | '\u{180e}' | '\u{200c}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2063}' | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffd}'
                | '\u{1d173}'..='\u{1d17a}' | '\u{340}' | '\u{341}' | '\u{2ff0}'..='\u{2ffb}'
                | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' | '\u{fdd0}'..='\u{fdef}'
                | '\u{e0001}' | '\u{e0020}'..='\u{e007f}'
        )
        || u32::from(c) & 0xfffe == 0xfffe
}

/// RFC 3454 §6: text from right to left has no letter from left to right, and begins and ends as such.
fn one_direction(text: &str) -> bool {
    if !text.chars().any(is_right_to_left) {
        return true;
    }
    let ends = [text.chars().next(), text.chars().next_back()];
    ends.into_iter().flatten().all(is_right_to_left)
        && !text
            .chars()
            .any(|c| c.is_alphabetic() && !is_right_to_left(c))
}

/// The blocks of Hebrew, Arabic, Syriac and Thaana letters (RFC 3454 §D.1); their digits are neither.
fn is_right_to_left(c: char) -> bool {
    let block = matches!(c, '\u{590}'..='\u{7bf}' | '\u{fb1d}'..='\u{fdfc}' | '\u{fe70}'..='\u{fefc}')
        || c == '\u{200f}';
    block && !c.is_numeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_prepared_as_rfc_4013_shows() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(saslprep(text).as_deref(), expected, "{text:?}");
        };
        check("I\u{ad}X", Some("IX"));
        check("user", Some("user"));
        check("USER", Some("USER"));
        check("\u{aa}", Some("a"));
        check("\u{2168}", Some("IX"));
        check("\u{7}", None);
        check("\u{627}\u{31}", None);
        check("\u{627}\u{31}\u{628}", Some("\u{627}\u{31}\u{628}"));
        check("\u{627}a\u{628}", None);
        check("a\u{a0}b", Some("a b"));
        check("", None);
        check("\u{ad}", None);
        // However a keyboard composes it.
        check(
            "Mật khẩu",
            saslprep("Ma\u{323}\u{302}t khâ\u{309}u").as_deref(),
        );
        check("a\u{e000}", None);
        check("\u{10fffe}", None);
    }
}
