//! Plain text from HTML and HTML from plain text.

use super::balance::beginning;
use super::clean::{INPUT_MAX, OUTPUT_MAX};
use super::link;
use super::token::{Token, Tokens};

/// Depth of quoting that is shown.
const QUOTES_MAX: usize = 20;
/// Octets of a character reference.
const REFERENCE_MAX: usize = 12;

/// The text of HTML: blocks on lines of their own, cells apart, links and pictures left out,
/// nothing of scripts and styles.
#[must_use]
pub fn html_to_text(html: &str) -> String {
    let mut text = Text::default();
    for token in Tokens::of(beginning(html, INPUT_MAX)) {
        match token {
            Token::Text(raw) => text.words(raw),
            Token::Start(name, _) => text.start(&name),
            Token::End(name) => text.end(&name),
            Token::Sheet(_) => {}
        }
        if text.out.len() > OUTPUT_MAX {
            break;
        }
    }
    text.out.trim().to_owned()
}

#[derive(Default)]
struct Text {
    out: String,
    quotes: usize,
    preformatted: usize,
    hidden: usize,
    blank: bool,
}

impl Text {
    fn start(&mut self, name: &str) {
        match name {
            "br" => self.line(),
            "hr" => {
                self.paragraph();
                self.out.push_str("----");
                self.line();
            }
            "td" | "th" if !self.at_line_start() => self.out.push('\t'),
            "li" => {
                self.new_line();
                self.quote();
                self.out.push_str("- ");
            }
            "blockquote" => {
                self.paragraph();
                self.quotes += 1;
            }
            "pre" => {
                self.new_line();
                self.preformatted += 1;
            }
            "head" => self.hidden += 1,
            "body" => self.hidden = 0,
            name => self.block(name),
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "blockquote" => {
                self.new_line();
                self.quotes = self.quotes.saturating_sub(1);
                self.paragraph();
            }
            "pre" => {
                self.preformatted = self.preformatted.saturating_sub(1);
                self.new_line();
            }
            "head" => self.hidden = self.hidden.saturating_sub(1),
            name => self.block(name),
        }
    }

    fn block(&mut self, name: &str) {
        match name {
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "table" | "ul" | "ol" | "dl" => {
                self.paragraph()
            }
            "div" | "tr" | "li" | "dt" | "dd" | "center" | "address" | "article" | "section"
            | "header" | "footer" | "aside" | "main" | "figure" | "figcaption" | "caption"
            | "form" | "fieldset" => {
                self.new_line();
            }
            _ => {}
        }
    }

    fn words(&mut self, raw: &str) {
        if self.hidden > 0 {
            return;
        }
        let mut rest = raw;
        while let Some(c) = rest.chars().next() {
            let (shown, len) = match c {
                '&' => reference(rest).unwrap_or(('&', 1)),
                c => (c, c.len_utf8()),
            };
            let from_source = c != '&';
            rest = &rest[len..];
            self.character(shown, from_source);
        }
    }

    fn character(&mut self, c: char, from_source: bool) {
        if self.preformatted > 0 && c == '\n' {
            return self.line();
        }
        let collapses = from_source && c.is_ascii_whitespace() && self.preformatted == 0;
        if collapses || c == '\u{a0}' {
            self.blank = true;
            return;
        }
        if c.is_control() && c != '\t' {
            return;
        }
        self.quote();
        let blank = std::mem::take(&mut self.blank);
        if blank && !self.at_line_start() && !self.out.ends_with([' ', '\t']) {
            self.out.push(' ');
        }
        self.out.push(c);
    }

    fn at_line_start(&self) -> bool {
        self.out.is_empty() || self.out.ends_with('\n')
    }

    fn quote(&mut self) {
        if self.quotes > 0 && self.at_line_start() {
            self.out.push_str(&">".repeat(self.quotes.min(QUOTES_MAX)));
            self.out.push(' ');
        }
    }

    fn line(&mut self) {
        self.blank = false;
        while self.out.ends_with([' ', '\t']) {
            self.out.pop();
        }
        self.out.push('\n');
    }

    fn new_line(&mut self) {
        if !self.at_line_start() {
            self.line();
        }
    }

    fn paragraph(&mut self) {
        self.new_line();
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }
}

/// A character reference at the beginning of the text, and its octets.
fn reference(text: &str) -> Option<(char, usize)> {
    let inner = beginning(text.strip_prefix('&')?, REFERENCE_MAX);
    if let Some(number) = inner.strip_prefix('#') {
        let (digits, radix, skip) = match number.strip_prefix(['x', 'X']) {
            Some(hex) => (hex, 16, 3),
            None => (number, 10, 2),
        };
        let len = digits
            .find(|c: char| !c.is_digit(radix))
            .unwrap_or(digits.len());
        let code = u32::from_str_radix(&digits[..len], radix).ok()?;
        let semicolon = usize::from(digits[len..].starts_with(';'));
        let c = char::from_u32(code)
            .filter(|c| *c != '\0')
            .unwrap_or('\u{fffd}');
        return Some((c, skip + len + semicolon));
    }
    let len = inner.find(';')?;
    let (_, c) = NAMED.iter().find(|(name, _)| *name == &inner[..len])?;
    Some((*c, len + 2))
}

/// The names that letters use; the Latin ones are how old programs wrote Vietnamese.
const NAMED: [(&str, char); 62] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", '\u{a0}'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("hellip", '…'),
    ("laquo", '«'),
    ("raquo", '»'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("bull", '•'),
    ("middot", '·'),
    ("copy", '©'),
    ("reg", '®'),
    ("trade", '™'),
    ("euro", '€'),
    ("times", '×'),
    ("deg", '°'),
    ("sect", '§'),
    ("Agrave", 'À'),
    ("Aacute", 'Á'),
    ("Acirc", 'Â'),
    ("Atilde", 'Ã'),
    ("Egrave", 'È'),
    ("Eacute", 'É'),
    ("Ecirc", 'Ê'),
    ("Igrave", 'Ì'),
    ("Iacute", 'Í'),
    ("Ograve", 'Ò'),
    ("Oacute", 'Ó'),
    ("Ocirc", 'Ô'),
    ("Otilde", 'Õ'),
    ("Ugrave", 'Ù'),
    ("Uacute", 'Ú'),
    ("Yacute", 'Ý'),
    ("agrave", 'à'),
    ("aacute", 'á'),
    ("acirc", 'â'),
    ("atilde", 'ã'),
    ("egrave", 'è'),
    ("eacute", 'é'),
    ("ecirc", 'ê'),
    ("igrave", 'ì'),
    ("iacute", 'í'),
    ("ograve", 'ò'),
    ("oacute", 'ó'),
    ("ocirc", 'ô'),
    ("otilde", 'õ'),
    ("ugrave", 'ù'),
    ("uacute", 'ú'),
    ("yacute", 'ý'),
    ("ccedil", 'ç'),
    ("uuml", 'ü'),
    ("ouml", 'ö'),
    ("auml", 'ä'),
    ("shy", '\u{ad}'),
    ("zwnj", '\u{200c}'),
];

/// Plain text as HTML: escaped, quoted lines in `blockquote`, `http`, `https` and `mailto`
/// addresses as links. Each line ends in `<br>` alone, so it may stand where white space is kept.
#[must_use]
pub fn text_to_html(text: &str) -> String {
    let text = beginning(text, OUTPUT_MAX);
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let mut depth = 0;
    for line in text.lines() {
        let (quotes, line) = unquoted(line);
        while depth < quotes {
            out.push_str("<blockquote>");
            depth += 1;
        }
        while depth > quotes {
            out.push_str("</blockquote>");
            depth -= 1;
        }
        linked(line, &mut out);
        out.push_str("<br>");
    }
    out.push_str(&"</blockquote>".repeat(depth));
    out
}

/// How often a line is quoted, and the line without the marks.
fn unquoted(line: &str) -> (usize, &str) {
    let (mut quotes, mut rest) = (0, line);
    while quotes < QUOTES_MAX
        && let Some(inner) = rest.strip_prefix('>')
    {
        quotes += 1;
        rest = inner
            .strip_prefix(' ')
            .filter(|next| next.starts_with('>'))
            .unwrap_or(inner);
    }
    (
        quotes,
        if quotes > 0 {
            rest.strip_prefix(' ').unwrap_or(rest)
        } else {
            rest
        },
    )
}

/// Each link is judged by the rule for links in HTML letters, then written with its text escaped:
/// no character of the letter reaches the markup by another way.
fn linked(line: &str, out: &mut String) {
    let mut rest = line;
    while let Some(at) = next_link(rest) {
        escape(&rest[..at], out);
        rest = &rest[at..];
        let stop =
            rest.find(|c: char| c.is_whitespace() || c.is_control() || "<>\"'`{}|\\^".contains(c));
        let word = &rest[..stop.unwrap_or(rest.len())];
        if word.len() > link::HREF_MAX {
            // Not looked into again: a line of nothing but links must stay linear.
            escape(word, out);
            rest = &rest[word.len()..];
            continue;
        }
        let url = word.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '…']);
        match link::href(url).filter(|href| href == url) {
            Some(href) => {
                out.push_str("<a href=\"");
                escape(&href, out);
                out.push_str("\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">");
                escape(url, out);
                out.push_str("</a>");
                rest = &rest[url.len()..];
            }
            None => {
                let first = rest.chars().next().map_or(0, char::len_utf8);
                escape(&rest[..first], out);
                rest = &rest[first..];
            }
        }
    }
    escape(rest, out);
}

/// Where `http://`, `https://` or `mailto:` begins.
fn next_link(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b':', bytes).find_map(|colon| {
        ["https", "http", "mailto"].iter().find_map(|scheme| {
            let start = colon.checked_sub(scheme.len())?;
            let named = bytes[start..colon].eq_ignore_ascii_case(scheme.as_bytes());
            let apart = start == 0 || !bytes[start - 1].is_ascii_alphanumeric();
            let slashes = *scheme == "mailto" || bytes[colon..].starts_with(b"://");
            (named && apart && slashes).then_some(start)
        })
    })
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\0' => {}
            c => out.push(c),
        }
    }
}
