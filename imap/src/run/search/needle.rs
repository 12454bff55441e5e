//! A string to look for: RFC 9051 §6.4.4 as a part of the text without regard to case
//! (RFC 5255 §4.2, i;unicode-casemap), RFC 6203 §3 also without marks and word by word.

use formats::text::{casemap, fold};

/// Words of a fuzzy string that are looked for; the others are passed over.
const WORDS_MAX: usize = 32;
/// RFC 6203 §4: how well a text fits that has the very string, has it but for its marks (`chiem` for
/// `Chiêm`), or has all its words somewhere.
const VERY: u8 = 100;
const BARE: u8 = 80;
const WORDS: u8 = 50;

/// A string, mapped for comparison.
pub(in crate::run) enum Needle {
    Exact(String),
    Fuzzy {
        exact: String,
        bare: String,
        words: Vec<String>,
    },
}

impl Needle {
    pub(in crate::run) fn new(text: &str, fuzzy: bool) -> Self {
        let exact = casemap(text);
        if !fuzzy {
            return Self::Exact(exact);
        }
        let bare = fold(text);
        let words = bare.split_whitespace().take(WORDS_MAX);
        Self::Fuzzy {
            exact,
            words: words.map(str::to_owned).collect(),
            bare,
        }
    }

    /// How well a text fits; zero where it does not.
    pub(super) fn grade(&self, text: &str) -> u8 {
        let texts = [casemap(text)];
        match self {
            Self::Exact(_) => self.grade_mapped(&texts, || &[]),
            Self::Fuzzy { .. } => {
                let bare = [fold(text)];
                self.grade_mapped(&texts, || &bare)
            }
        }
    }

    /// As [`Self::grade`], the best of several texts that are mapped already; `bare_texts` are the same
    /// without marks.
    pub(super) fn grade_mapped<'t>(
        &self,
        texts: &[String],
        bare_texts: impl FnOnce() -> &'t [String],
    ) -> u8 {
        let (Self::Exact(exact) | Self::Fuzzy { exact, .. }) = self;
        if texts.iter().any(|text| text.contains(exact)) {
            return VERY;
        }
        let Self::Fuzzy { bare, words, .. } = self else {
            return 0;
        };
        // Nothing but marks is asked for: without them it would be found in everything.
        if bare.trim().is_empty() {
            return 0;
        }
        let texts = bare_texts();
        if texts.iter().any(|text| text.contains(bare)) {
            return BARE;
        }
        let all = |text: &String| words.iter().all(|word| text.contains(word));
        match texts.iter().any(all) && !words.is_empty() {
            true => WORDS,
            false => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(needle: &str, fuzzy: bool, text: &str, expected: u8) {
        let got = Needle::new(needle, fuzzy).grade(text);
        assert_eq!(got, expected, "{needle:?} in {text:?}");
    }

    #[test]
    fn texts_are_graded() {
        check("CÔNG VĂN", false, "Re: công văn 12", VERY);
        check("cong van", false, "Re: công văn 12", 0);
        check("cong van", true, "Re: công văn 12", BARE);
        check("công văn", true, "Re: công văn 12", VERY);
        check("van cong", true, "Re: công văn 12", WORDS);
        check("van thu", true, "Re: công văn 12", 0);
        check("dang", true, "Đặng Thị Chiêm", BARE);
        check("", true, "", VERY);
        check(" ", true, "x", 0);
        check("\u{301}", true, "Chiêm", 0);
        check("\u{301} \u{323}", true, "Chiêm Chiêm", 0);
    }
}
