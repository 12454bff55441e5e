//! RFC 8621 §4.4.1: search text. Words must all be there; quoted ones as a phrase. Marks are ignored, so that `công vụ`
//! finds `cong vu` and `cong vu` finds `Công vụ`; how near a text comes to what was typed is its [`Rank`].

use crate::error::MethodError;
use crate::limit;
use formats::message::{NamedAddress, PartKind, Person, Summary, header, part, person};
use formats::{html, text};
use std::cell::OnceCell;
use storage::{is_of_word, is_word};

/// How near a text comes to what was typed: the lower, the nearer.
pub(crate) type Rank = u8;
/// Marks and all; of a word, as a word by itself.
pub(crate) const TYPED: Rank = 0;
/// Written without marks, as telephones and haste have it.
pub(crate) const BARE: Rank = 1;
/// With other marks.
pub(crate) const OTHER: Rank = 2;

/// One word or phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    /// As it was typed, but for case.
    pub(crate) typed: String,
    /// Without marks.
    pub(crate) bare: String,
    /// Whether the index keeps such by themselves; else it ranks wherever it stands.
    pub(crate) word: bool,
    /// Marks count.
    strict: bool,
}

impl Term {
    fn new(text: &str) -> Self {
        let typed = text::casemap(text);
        Self {
            bare: text::fold(text),
            word: is_word(&typed),
            strict: false,
            typed,
        }
    }

    fn stands(&self, needle: &str, text: &str) -> bool {
        match self.word {
            true => stands_alone(needle, text),
            false => text.contains(needle),
        }
    }
}

/// Whether a word stands somewhere with no letter or figure on either side.
fn stands_alone(word: &str, text: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_of_word) && !after.is_some_and(is_of_word)
    })
}

/// The words of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words(Vec<Term>);

/// Text to be looked into, folded once.
pub(crate) struct Haystack {
    text: String,
    folded: OnceCell<String>,
    cased: OnceCell<String>,
}

impl Haystack {
    pub(crate) fn new(text: String) -> Self {
        Self {
            text,
            folded: OnceCell::new(),
            cased: OnceCell::new(),
        }
    }

    fn cased(&self) -> &str {
        self.cased.get_or_init(|| text::casemap(&self.text))
    }

    pub(crate) fn has(&self, term: &Term) -> bool {
        // A strict term without marks finds all spellings.
        if term.strict && term.typed != term.bare {
            return self.cased().contains(&term.typed);
        }
        let folded = self.folded.get_or_init(|| text::fold(&self.text));
        folded.contains(&term.bare)
    }

    fn rank(&self, term: &Term) -> Rank {
        match self.cased() {
            text if term.stands(&term.typed, text) => TYPED,
            text if term.stands(&term.bare, text) => BARE,
            _ => OTHER,
        }
    }
}

impl Words {
    pub(crate) fn parse(text: &str) -> Result<Self, MethodError> {
        if text.len() > limit::SEARCH_OCTETS_MAX {
            return Err(MethodError::UnsupportedFilter(
                "the search text is too long".into(),
            ));
        }
        let words = split(text);
        if words.len() > limit::SEARCH_WORDS_MAX {
            return Err(MethodError::UnsupportedFilter(
                "too many words to search for".into(),
            ));
        }
        Ok(Self(words.iter().map(|w| Term::new(w)).collect()))
    }

    /// The text as it is, spaces and quotes too; with marks, it finds only what has the same. For names, of which few
    /// are looked through and none comes first.
    pub(crate) fn phrase(text: &str) -> Self {
        let term = Term::new(text);
        Self(vec![Term {
            strict: true,
            ..term
        }])
    }

    /// Whether every word is in some of the texts.
    pub(crate) fn all_in(&self, hay: &[&Haystack]) -> bool {
        self.0.iter().all(|term| hay.iter().any(|h| h.has(term)))
    }

    /// How near texts that have them all come: by the word that comes least near, where it does best.
    pub(crate) fn rank(&self, hay: &[&Haystack]) -> Rank {
        let best = |term| hay.iter().map(|h| h.rank(term)).min();
        let ranks = self.0.iter().map(|term| best(term).unwrap_or(OTHER));
        ranks.max().unwrap_or(TYPED)
    }

    /// Each word or phrase.
    pub(crate) fn terms(&self) -> &[Term] {
        &self.0
    }
}

/// Words at white space; `"…"` and `'…'` are one, in which `\` takes the next character as it is.
fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if matches!(first, '"' | '\'')
            && let Some((phrase, after)) = phrase(&rest[1..], first)
        {
            words.push(phrase);
            rest = after.trim_start();
            continue;
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        words.push(rest[..end].to_owned());
        rest = rest[end..].trim_start();
    }
    words.retain(|w| !w.is_empty());
    words
}

/// Up to the closing quote, and what follows it; `None` when it never closes.
fn phrase(text: &str, quote: char) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut rest = text.char_indices();
    while let Some((at, c)) = rest.next() {
        match c {
            '\\' => out.extend(rest.next().map(|(_, c)| c)),
            c if c == quote => return Some((out, &text[at + 1..])),
            c => out.push(c),
        }
    }
    None
}

/// The texts of a message that its summary has.
pub(crate) struct Envelope {
    pub(crate) from: Haystack,
    pub(crate) to: Haystack,
    pub(crate) cc: Haystack,
    pub(crate) bcc: Haystack,
    pub(crate) subject: Haystack,
    /// Names of attached files.
    pub(crate) names: Haystack,
}

impl Envelope {
    pub(crate) fn of(summary: &Summary) -> Self {
        let head = &summary.head;
        let names = summary.part.walk().filter_map(|(_, p)| part::file_name(p));
        Self {
            from: people(&head.from),
            to: people(&head.to),
            cc: people(&head.cc),
            bcc: people(&head.bcc),
            subject: Haystack::new(super::property::subject(summary).unwrap_or_default()),
            names: Haystack::new(names.collect::<Vec<_>>().join("\n")),
        }
    }

    pub(crate) fn everywhere(&self) -> [&Haystack; 6] {
        [
            &self.from,
            &self.to,
            &self.cc,
            &self.bcc,
            &self.subject,
            &self.names,
        ]
    }
}

/// Names and addresses, one person a line, so that no phrase spans two.
fn people(people: &[Person]) -> Haystack {
    let groups = person::grouped(people);
    let line = |a: &NamedAddress| format!("{} {}", a.name.as_deref().unwrap_or_default(), a.email);
    let lines: Vec<String> = groups.iter().flat_map(|g| &g.addresses).map(line).collect();
    Haystack::new(lines.join("\n"))
}

/// Octets of the text of one message that search looks at.
const BODY_MAX: usize = 1 << 20;

/// The text of all text parts, markup taken away, as it is shown where something was found.
pub(crate) fn body(summary: &Summary, raw: &[u8]) -> String {
    text_of(summary, raw, false)
}

/// The same with the fields of letters within the letter, which are part of a body, as the index has it.
pub(crate) fn sought_body(summary: &Summary, raw: &[u8]) -> String {
    text_of(summary, raw, true)
}

fn text_of(summary: &Summary, raw: &[u8], with_fields: bool) -> String {
    let mut all = String::new();
    for (_, part) in summary.part.walk() {
        if all.len() >= BODY_MAX {
            break;
        }
        if with_fields && let PartKind::Message(nested) = &part.kind {
            for field in header::fields(nested.part.header.of(raw)) {
                all.push_str(&format!("{}: {}\n", field.name, header::text(field.value)));
            }
        }
        if part.media != "text" {
            continue;
        }
        let text = part::decode_text(part, raw);
        let text = if part.subtype == "html" {
            html::html_to_text(&text)
        } else {
            text
        };
        all.push_str(&text);
        all.push('\n');
    }
    let mut end = all.len().min(BODY_MAX);
    while !all.is_char_boundary(end) {
        end -= 1;
    }
    all.truncate(end);
    // A phrase may be broken over lines in the letter.
    all.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(search: &str, text: &str, found: bool) {
        let words = Words::parse(search).unwrap();
        let hay = Haystack::new(text.to_owned());
        assert_eq!(words.all_in(&[&hay]), found, "{search:?} in {text:?}");
    }

    #[test]
    fn vietnamese_words() {
        check("chiem hoa", "Huyện CHIÊM HÓA", true);
        check("Chiêm", "huyện chiêm hóa", true);
        check("Chiếm", "huyện chiêm hóa", true);
        check("Chiếm", "huyện chêm hóa", false);
        check("duong", "Đường Trần Hưng Đạo", true);
        check("đuong", "Đường", true);
        check("cong van", "van ban va cong tac", true);
        check("\"cong van\"", "van ban va cong tac", false);
        check("'cong van'", "Công văn số 1", true);
        check(r#""a \"b\" c""#, r#"x a "b" c y"#, true);
        check("\"unclosed", "an \"unclosed quote", true);
        check("", "anything", true);
        check("a  b", "b a", true);
    }

    #[test]
    fn names_with_marks_are_found_with_the_same() {
        let found =
            |phrase: &str| Words::phrase(phrase).all_in(&[&Haystack::new("Đặng Thị Ánh".into())]);
        assert!(found("thị ánh") && found("thi anh"));
        assert!(!found("thị anh") && !found("thì"));
    }

    #[test]
    fn what_is_written_as_typed_comes_first_then_what_has_no_marks() {
        let rank = |search: &str, texts: &[&str]| {
            let hay: Vec<Haystack> = texts.iter().map(|t| Haystack::new((*t).into())).collect();
            let hay: Vec<&Haystack> = hay.iter().collect();
            let words = Words::parse(search).unwrap();
            assert!(words.all_in(&hay), "{search:?} in {texts:?}");
            words.rank(&hay)
        };
        for (search, texts, expected) in [
            ("công vụ", &["Thư CÔNG VỤ"][..], TYPED),
            ("công vụ", &["co\u{302}ng vu\u{323}"], TYPED),
            ("công vụ", &["cong vu"], BARE),
            ("công vụ", &["công vu"], BARE),
            ("công vụ", &["cổng vũ"], OTHER),
            ("công vụ", &["cổng vụ"], OTHER),
            ("công vụ", &["công", "vụ"], TYPED),
            ("công vụ", &["cổng vũ", "công vụ"], TYPED),
            ("cong vu", &["cong vu"], TYPED),
            ("cong vu", &["công vụ"], OTHER),
            // A part of a word is not the word.
            ("cong", &["congvu"], OTHER),
            ("\"công vụ\"", &["vụ công, cong vu"], BARE),
            ("12/qđ", &["số 12/QĐ-UBND"], TYPED),
            ("hòa", &["hoà"], OTHER),
        ] {
            assert_eq!(rank(search, texts), expected, "{search:?} in {texts:?}");
        }
    }

    #[test]
    fn i13_long_searches_are_refused() {
        assert!(Words::parse(&"a".repeat(limit::SEARCH_OCTETS_MAX + 1)).is_err());
        assert!(Words::parse(&"a ".repeat(limit::SEARCH_WORDS_MAX + 1)).is_err());
    }
}
