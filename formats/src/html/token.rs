//! HTML cut into tags and text the way browsers cut it (WHATWG HTML §13.2.5), in one linear pass.
//!
//! It needs not agree with browsers in every odd case: what it lets pass is judged by ammonia.

/// Attributes of one tag that are looked at; a parser compares each with all before it.
const ATTRIBUTES_MAX: usize = 64;
/// Octets of a tag name.
const NAME_MAX: usize = 32;

/// A piece of HTML.
pub(super) enum Token<'a> {
    /// Text with its character references still in it.
    Text(&'a str),
    /// `<name …>`, the name in lower case.
    Start(String, Vec<(String, &'a str)>),
    /// `</name>`, the name in lower case.
    End(String),
    /// What stands between `<style>` and `</style>`.
    Sheet(&'a str),
}

/// Elements whose content is not markup, and not for reading either.
const OPAQUE: [&str; 8] = [
    "script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes",
];

/// The tokens of a text. Comments, declarations, and the content of scripts and the like are
/// passed over.
pub(super) struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(html: &'a str) -> Self {
        Self { rest: html }
    }

    /// Cuts off the first `len` octets.
    fn cut(&mut self, len: usize) -> &'a str {
        let (head, tail) = self.rest.split_at(len);
        self.rest = tail;
        head
    }

    /// Moves behind the first `end`, or to the end of the text.
    fn skip_past(&mut self, end: &str) {
        let at = self
            .rest
            .find(end)
            .map_or(self.rest.len(), |at| at + end.len());
        self.cut(at);
    }

    /// `<!--` is at the beginning. `<!-->` and `<!--->` are whole comments.
    fn comment(&mut self) {
        self.cut(4);
        if let Some(rest) = self
            .rest
            .strip_prefix('>')
            .or_else(|| self.rest.strip_prefix("->"))
        {
            self.rest = rest;
            return;
        }
        let mut from = 0;
        while let Some(at) = self.rest[from..].find("--") {
            let after = from + at + 2;
            match self.rest.as_bytes().get(after) {
                Some(b'>') => {
                    self.cut(after + 1);
                    return;
                }
                Some(b'!') if self.rest[after..].starts_with("!>") => {
                    self.cut(after + 2);
                    return;
                }
                _ => from = after - 1,
            }
        }
        self.rest = "";
    }

    /// A tag; the `<` or `</` is cut off already. Nothing when the text ends within it.
    fn tag(&mut self) -> Option<(String, Vec<(String, &'a str)>)> {
        let stops = |c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>');
        let len = self.rest.find(stops)?;
        let name = self.cut(len);
        let name = if name.len() > NAME_MAX {
            String::new()
        } else {
            name.to_ascii_lowercase()
        };
        let mut attributes = Vec::new();
        loop {
            let len = self
                .rest
                .find(|c: char| !c.is_ascii_whitespace() && c != '/')?;
            self.cut(len);
            if self.rest.starts_with('>') {
                self.cut(1);
                return Some((name, attributes));
            }
            let attribute = self.attribute()?;
            if attributes.len() < ATTRIBUTES_MAX {
                attributes.push(attribute);
            }
        }
    }

    fn attribute(&mut self) -> Option<(String, &'a str)> {
        // A leading `=` belongs to the name.
        let skip = usize::from(self.rest.starts_with('='));
        let stops = |c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>' | '=');
        let len = skip + self.rest[skip..].find(stops)?;
        let name = self.cut(len);
        let name = if name.len() > NAME_MAX {
            String::new()
        } else {
            name.to_ascii_lowercase()
        };
        let blanks = self.rest.find(|c: char| !c.is_ascii_whitespace())?;
        if !self.rest[blanks..].starts_with('=') {
            return Some((name, ""));
        }
        self.cut(blanks + 1);
        let blanks = self.rest.find(|c: char| !c.is_ascii_whitespace())?;
        self.cut(blanks);
        if let Some(quote) = self.rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
            let len = self.rest[1..].find(quote)?;
            let value = &self.cut(len + 2)[1..=len];
            return Some((name, value));
        }
        let len = self
            .rest
            .find(|c: char| c.is_ascii_whitespace() || c == '>')?;
        Some((name, self.cut(len)))
    }

    /// Moves to the end tag that closes an opaque element; gives what is before it.
    fn skip_content(&mut self, name: &str) -> &'a str {
        let bytes = self.rest.as_bytes();
        let mut from = 0;
        while let Some(at) = memchr::memmem::find(&bytes[from..], b"</") {
            let start = from + at + 2;
            let end = start + name.len();
            let named = bytes
                .get(start..end)
                .is_some_and(|n| n.eq_ignore_ascii_case(name.as_bytes()));
            let ended = bytes.get(end).is_none_or(|b| !b.is_ascii_alphanumeric());
            if named && ended {
                return self.cut(start - 2);
            }
            from = start;
        }
        self.cut(self.rest.len())
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        while !self.rest.is_empty() {
            let Some(at) = memchr::memchr(b'<', self.rest.as_bytes()) else {
                return Some(Token::Text(self.cut(self.rest.len())));
            };
            if at > 0 {
                return Some(Token::Text(self.cut(at)));
            }
            let bytes = self.rest.as_bytes();
            match (bytes.get(1), bytes.get(2)) {
                (Some(b), _) if b.is_ascii_alphabetic() => {
                    self.cut(1);
                    let Some((name, attributes)) = self.tag() else {
                        break;
                    };
                    if OPAQUE.contains(&name.as_str()) {
                        let content = self.skip_content(&name);
                        if name == "style" {
                            return Some(Token::Sheet(content));
                        }
                    }
                    return Some(Token::Start(name, attributes));
                }
                (Some(b'/'), Some(b)) if b.is_ascii_alphabetic() => {
                    self.cut(2);
                    let Some((name, _)) = self.tag() else { break };
                    return Some(Token::End(name));
                }
                (Some(b'!'), _) if self.rest.starts_with("<!--") => self.comment(),
                (Some(b'!' | b'?' | b'/'), _) => self.skip_past(">"),
                _ => return Some(Token::Text(self.cut(1))),
            }
        }
        self.rest = "";
        None
    }
}
