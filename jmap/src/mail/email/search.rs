//! RFC 8621 §4.4.1: search text. Words must all be there; quoted ones as a phrase. A word without
//! diacritics finds words with them (`chiem` finds `Chiêm`); one with them finds only those.

use crate::error::MethodError;
use crate::limit;
use formats::message::{Person, Summary, part, person};
use formats::{html, text};
use std::cell::OnceCell;

/// One word or phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    needle: String,
    /// Without marks: compared with marks taken away.
    plain: bool,
}

impl Term {
    fn new(word: &str) -> Self {
        let (folded, cased) = (text::fold(word), text::casemap(word));
        let plain = folded == cased;
        let needle = if plain { folded } else { cased };
        Self { needle, plain }
    }
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

    fn has(&self, term: &Term) -> bool {
        let text = if term.plain {
            self.folded.get_or_init(|| text::fold(&self.text))
        } else {
            self.cased.get_or_init(|| text::casemap(&self.text))
        };
        text.contains(&term.needle)
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

    /// The text as it is, spaces and quotes too.
    pub(crate) fn phrase(text: &str) -> Self {
        Self(vec![Term::new(text)])
    }

    /// Whether every word is in some of the texts.
    pub(crate) fn all_in(&self, hay: &[&Haystack]) -> bool {
        self.0.iter().all(|term| hay.iter().any(|h| h.has(term)))
    }

    /// The needles, folded or not, for marking what was found.
    pub(crate) fn needles(&self) -> impl Iterator<Item = (&str, bool)> {
        self.0.iter().map(|t| (t.needle.as_str(), t.plain))
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
    let line = |a: &formats::message::NamedAddress| {
        format!("{} {}", a.name.as_deref().unwrap_or_default(), a.email)
    };
    let lines: Vec<String> = groups.iter().flat_map(|g| &g.addresses).map(line).collect();
    Haystack::new(lines.join("\n"))
}

/// Octets of the text of one message that search looks at.
const BODY_MAX: usize = 1 << 20;

/// The text of all text parts, markup taken away.
pub(crate) fn body(summary: &Summary, raw: &[u8]) -> String {
    let mut all = String::new();
    for (_, part) in summary.part.walk() {
        if part.media != "text" || all.len() >= BODY_MAX {
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
        check("Chiếm", "huyện chiêm hóa", false);
        check("duong", "Đường Trần Hưng Đạo", true);
        check("đuong", "Đường", false);
        check("cong van", "van ban va cong tac", true);
        check("\"cong van\"", "van ban va cong tac", false);
        check("'cong van'", "Công văn số 1", true);
        check(r#""a \"b\" c""#, r#"x a "b" c y"#, true);
        check("\"unclosed", "an \"unclosed quote", true);
        check("", "anything", true);
        check("a  b", "b a", true);
    }

    #[test]
    fn i13_long_searches_are_refused() {
        assert!(Words::parse(&"a".repeat(limit::SEARCH_OCTETS_MAX + 1)).is_err());
        assert!(Words::parse(&"a ".repeat(limit::SEARCH_WORDS_MAX + 1)).is_err());
    }
}
