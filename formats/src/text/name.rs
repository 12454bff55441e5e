//! Vietnamese names: họ (family), đệm (middle), tên (given), in this order; people are addressed
//! and sorted by the given name.

use super::fold::fold;

/// Octets of a local part that is made from a name.
const LOCAL_PART_MAX: usize = 64;

/// A name in its pieces. A single word is a given name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Name {
    /// Họ.
    pub family: String,
    /// Đệm; may be several words or none.
    pub middle: String,
    /// Tên.
    pub given: String,
}

impl Name {
    /// Takes a full name apart at its white space.
    #[must_use]
    pub fn read(full_name: &str) -> Self {
        let words: Vec<&str> = full_name.split_whitespace().collect();
        match words.as_slice() {
            [] => Self::default(),
            [given] => Self {
                given: (*given).to_owned(),
                ..Self::default()
            },
            [family, middle @ .., given] => Self {
                family: (*family).to_owned(),
                middle: middle.join(" "),
                given: (*given).to_owned(),
            },
        }
    }
}

/// The given name, by which a letter greets.
#[must_use]
pub fn given_name(full_name: &str) -> &str {
    full_name.split_whitespace().next_back().unwrap_or_default()
}

/// Two letters for a picture: of the family name and of the given name.
#[must_use]
pub fn initials(full_name: &str) -> String {
    let name = Name::read(full_name);
    let letter = |word: &str| word.chars().find(|c| c.is_alphanumeric());
    let letters = letter(&name.family).into_iter().chain(letter(&name.given));
    letters.flat_map(char::to_uppercase).collect()
}

/// How agencies make local parts from names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameScheme {
    /// `annv`
    GivenInitials,
    /// `nvan`
    InitialsGiven,
    /// `nguyenvanan`
    Full,
    /// `an.nguyenvan`
    GivenDotRest,
}

/// The usual local part of a person: `Nguyễn Văn An` is `annv`. Empty when the name has no letter.
#[must_use]
pub fn local_part_from_name(full_name: &str) -> String {
    local_part_by(NameScheme::GivenInitials, full_name)
}

/// A local part of ASCII letters and digits by one of the schemes in use.
#[must_use]
pub fn local_part_by(scheme: NameScheme, full_name: &str) -> String {
    let words: Vec<String> = full_name
        .split_whitespace()
        .map(plain)
        .filter(|w| !w.is_empty())
        .collect();
    let Some((given, rest)) = words.split_last() else {
        return String::new();
    };
    let first_letters = || {
        rest.iter()
            .filter_map(|word| word.chars().next())
            .collect::<String>()
    };
    let mut local = match scheme {
        NameScheme::GivenInitials => format!("{given}{}", first_letters()),
        NameScheme::InitialsGiven => format!("{}{given}", first_letters()),
        NameScheme::Full => format!("{}{given}", rest.concat()),
        NameScheme::GivenDotRest if rest.is_empty() => given.clone(),
        NameScheme::GivenDotRest => format!("{given}.{}", rest.concat()),
    };
    local.truncate(LOCAL_PART_MAX);
    local
}

fn plain(word: &str) -> String {
    fold(word)
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let name = Name::read("  Trần Thị  Ngọc Ánh ");
        assert_eq!(
            (
                name.family.as_str(),
                name.middle.as_str(),
                name.given.as_str()
            ),
            ("Trần", "Thị Ngọc", "Ánh")
        );
        assert_eq!(given_name("Nguyễn Văn An"), "An");
        assert_eq!(initials("đặng Thị Bích"), "ĐB");
        assert_eq!(initials("An"), "A");
        assert_eq!(initials(""), "");
    }

    #[test]
    fn local_parts_are_made() {
        assert_eq!(local_part_from_name("Nguyễn Văn An"), "annv");
        assert_eq!(local_part_from_name("Y Blôk Êban"), "ebanyb");
        assert_eq!(local_part_from_name("Đỗ"), "do");
        // U+00D0 for Đ, as fonts and converters write it.
        assert_eq!(local_part_from_name("\u{d0}ặng \u{d0}ức"), "ducd");
        assert_eq!(local_part_from_name(" 李 "), "");
    }
}
