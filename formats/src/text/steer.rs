//! Characters that a terminal, or who reads, would obey rather than see.

/// Whether a character of somebody else's words steers: control characters (C0, C1, DEL), the ends of lines and
/// paragraphs of Unicode, and those that turn the direction of what follows (UAX #9 §2), by which a text shows other
/// than it is.
#[must_use]
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_a_line_steers_and_letters_do_not() {
        for c in [
            '\u{0}', '\n', '\u{1b}', '\u{7f}', '\u{85}', '\u{9b}', '\u{202a}', '\u{202e}',
        ] {
            assert!(steers(c), "{c:?}");
        }
        for c in ['\u{2028}', '\u{2066}', '\u{2069}', '\u{200f}', '\u{61c}'] {
            assert!(steers(c), "{c:?}");
        }
        // Combining marks, joiners and letters written from the right are how people write.
        for c in ['a', 'ế', '\u{301}', '\u{200d}', 'ع', '…', ' ', '\u{a0}'] {
            assert!(!steers(c), "{c:?}");
        }
    }
}
