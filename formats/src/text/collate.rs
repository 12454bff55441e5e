//! Vietnamese order (Unicode CLDR `vi`): letters a ă â b c d đ e ê … o ô ơ … u ư, then the tones
//! ngang, huyền, hỏi, ngã, sắc, nặng, then small before capital.

use unicode_normalization::UnicodeNormalization;

use super::name::Name;

const LETTERS: &str = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz";
/// Characters that a key looks at.
const KEY_MAX: usize = 1000;
/// Between the three levels of a key; below every weight.
const LEVEL_END: u8 = 0;
const SPACE: u8 = 1;
const DIGIT_FIRST: u8 = 2;
const LETTER_FIRST: u8 = 16;
/// Before a character that is neither letter, digit nor space.
const SYMBOL: u8 = 12;
/// Before a letter of another alphabet: all of them come behind `z`.
const FOREIGN: u8 = 200;

/// A key whose byte order is the Vietnamese order of texts.
#[must_use]
pub fn key(text: &str) -> Vec<u8> {
    let mut primary = Vec::with_capacity(text.len() + 2);
    let mut tones = Vec::new();
    let mut cases = Vec::new();
    let mut syllable = Syllable::default();
    for c in text.nfc().take(KEY_MAX) {
        let (letter, tone) = untoned(c);
        syllable.tone = syllable.tone.max(tone);
        let lower = letter.to_lowercase().next().unwrap_or(letter);
        weigh(lower, &mut primary);
        cases.push(1 + u8::from(lower != letter));
        if lower.is_alphabetic() {
            syllable.open = true;
        } else {
            syllable.end(&mut tones);
        }
    }
    syllable.end(&mut tones);
    let mut key = primary;
    key.push(LEVEL_END);
    key.append(&mut tones);
    key.push(LEVEL_END);
    key.append(&mut cases);
    key
}

/// A key for lists of people: by given name, then family name, then the names between.
#[must_use]
pub fn name_key(full_name: &str) -> Vec<u8> {
    let name = Name::read(full_name);
    let mut key = key(&name.given);
    for piece in [&name.family, &name.middle] {
        key.extend([LEVEL_END, LEVEL_END]);
        key.append(&mut self::key(piece));
    }
    key
}

/// One tone per syllable, wherever it is written: `hoà` and `hòa` are one word.
#[derive(Default)]
struct Syllable {
    open: bool,
    tone: u8,
}

impl Syllable {
    fn end(&mut self, tones: &mut Vec<u8>) {
        if std::mem::take(&mut self.open) {
            tones.push(1 + self.tone);
        }
        self.tone = 0;
    }
}

/// The letter without its tone (ă â ê ô ơ ư keep their own marks), and the tone's rank.
fn untoned(c: char) -> (char, u8) {
    if c.is_ascii() {
        return (c, 0);
    }
    let mut tone = 0;
    let kept = c.nfd().filter(|&mark| {
        let rank = match mark {
            '\u{300}' => 1,
            '\u{309}' => 2,
            '\u{303}' => 3,
            '\u{301}' => 4,
            '\u{323}' => 5,
            _ => return true,
        };
        tone = tone.max(rank);
        false
    });
    let letter = kept.nfc().next().unwrap_or(c);
    (letter, tone)
}

fn weigh(lower: char, primary: &mut Vec<u8>) {
    // U+00F0 is what fonts and converters write for đ.
    let lower = if lower == 'ð' { 'đ' } else { lower };
    if let Some(at) = LETTERS.chars().position(|letter| letter == lower) {
        primary.push(LETTER_FIRST + at as u8);
    } else if let Some(digit) = lower.to_digit(10) {
        primary.push(DIGIT_FIRST + digit as u8);
    } else if lower.is_whitespace() {
        primary.push(SPACE);
    } else {
        primary.push(if lower.is_alphabetic() {
            FOREIGN
        } else {
            SYMBOL
        });
        // Zero must stay the end of a level, and UTF-8 keeps the order of code points.
        primary.extend(lower.encode_utf8(&mut [0; 4]).bytes().filter(|b| *b != 0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_in_vietnamese_order() {
        let ordered = [
            "", "1", "2", "a", "A", "à", "ả", "ã", "á", "ạ", "an", "An", "ăn", "ân", "ba", "da",
            "đa", "ma", "mà", "ma túy", "oi", "ôi", "ơi", "Ủy", "ưa", "za", "я",
        ];
        for pair in ordered.windows(2) {
            assert!(key(pair[0]) < key(pair[1]), "{} < {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn the_place_of_a_tone_and_the_normal_form_do_not_matter() {
        assert_eq!(key("hoà"), key("hòa"));
        assert_eq!(key("hòa"), key("ho\u{300}a"));
        assert_eq!(key("\u{d0}ỗ"), key("Đỗ"));
    }
}
