//! RFC 9051 §9: the tokens of a command whose literals have been gathered already.

/// A literal and where in the command's text its `{n}` stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    /// Offset of the `{`.
    pub at: usize,
    /// The octets.
    pub octets: Vec<u8>,
}

/// Why a command was not understood; shown to the peer after `BAD`. A limit that was passed begins with its
/// response code, `[LIMIT]` (RFC 5530 §3); what has none is told as `[CLIENTBUG]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Syntax(pub &'static str);

/// What every rule gives.
pub type Parsed<T> = Result<T, Syntax>;

/// A cursor over one command. Every rule reads forward only, so that a command is read in linear time.
#[derive(Debug)]
pub struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    literals: std::iter::Peekable<std::vec::IntoIter<Literal>>,
}

/// ATOM-CHAR = <any CHAR except atom-specials>;
/// atom-specials = "(" / ")" / "{" / SP / CTL / list-wildcards / quoted-specials / resp-specials
pub fn is_atom_char(b: u8) -> bool {
    (0x21..0x7f).contains(&b) && !b"(){%*\"\\]".contains(&b)
}

/// ASTRING-CHAR = ATOM-CHAR / resp-specials
pub fn is_astring_char(b: u8) -> bool {
    is_atom_char(b) || b == b']'
}

impl<'a> Lexer<'a> {
    /// Over a command's text (without CRLF) and its literals in order.
    pub fn new(text: &'a [u8], literals: Vec<Literal>) -> Self {
        Self {
            text,
            at: 0,
            literals: literals.into_iter().peekable(),
        }
    }

    /// The next octet, not taken.
    pub fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Whether the text goes on with this word, in any case; takes nothing.
    pub fn looking_at(&self, word: &str) -> bool {
        self.text
            .get(self.at..self.at + word.len())
            .is_some_and(|t| t.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// Takes this word if it comes next, in any case.
    pub fn take_word(&mut self, word: &str) -> bool {
        let found = self.looking_at(word);
        if found {
            self.at += word.len();
        }
        found
    }

    /// Takes this octet if it comes next.
    pub fn take(&mut self, octet: u8) -> bool {
        let found = self.peek() == Some(octet);
        self.at += usize::from(found);
        found
    }

    /// This octet must come next.
    pub fn must(&mut self, octet: u8, why: &'static str) -> Parsed<()> {
        if self.take(octet) {
            Ok(())
        } else {
            Err(Syntax(why))
        }
    }

    /// SP: exactly one space.
    pub fn sp(&mut self) -> Parsed<()> {
        self.must(b' ', "a space is missing")
    }

    /// Nothing may be left.
    pub fn end(&self) -> Parsed<()> {
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(Syntax("too many arguments"))
        }
    }

    /// Octets for which `fits` holds; at least one.
    pub fn run(&mut self, fits: impl Fn(u8) -> bool, why: &'static str) -> Parsed<&'a [u8]> {
        let rest = &self.text[self.at..];
        let len = rest.iter().position(|b| !fits(*b)).unwrap_or(rest.len());
        if len == 0 {
            return Err(Syntax(why));
        }
        self.at += len;
        Ok(&rest[..len])
    }

    /// The rest of the line, whatever it is.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = &self.text[self.at..];
        self.at = self.text.len();
        rest
    }

    /// tag = 1*<any ASTRING-CHAR except "+">
    pub fn tag(&mut self) -> Parsed<String> {
        let octets = self.run(|b| is_astring_char(b) && b != b'+', "a tag is missing")?;
        if octets.len() > TAG_MAX {
            return Err(Syntax("[LIMIT] the tag is too long"));
        }
        Ok(ascii(octets))
    }

    /// atom = 1*ATOM-CHAR
    pub fn atom(&mut self) -> Parsed<String> {
        self.run(is_atom_char, "an atom is expected").map(ascii)
    }

    /// A word of letters, digits, `.`, `-` and `=`, in upper case: command names and options.
    pub fn keyword(&mut self) -> Parsed<String> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'=' | b'_');
        let mut word = ascii(self.run(fits, "a keyword is expected")?);
        word.make_ascii_uppercase();
        Ok(word)
    }

    /// number64 = 1*DIGIT, below 2^63
    pub fn number64(&mut self) -> Parsed<u64> {
        let digits = self.run(|b| b.is_ascii_digit(), "a number is expected")?;
        let value = ascii(digits).parse::<u64>().ok().filter(|n| *n < 1 << 63);
        value.ok_or(Syntax("the number is too large"))
    }

    /// number = 1*DIGIT, below 2^32
    pub fn number(&mut self) -> Parsed<u32> {
        u32::try_from(self.number64()?).map_err(|_| Syntax("the number is too large"))
    }

    /// nz-number = digit-nz *DIGIT
    pub fn nz_number(&mut self) -> Parsed<u32> {
        match self.number()? {
            0 => Err(Syntax("zero is not allowed here")),
            n => Ok(n),
        }
    }

    /// astring = 1*ASTRING-CHAR / string
    pub fn astring(&mut self) -> Parsed<Vec<u8>> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(),
            _ => Ok(self.run(is_astring_char, "a string is expected")?.to_vec()),
        }
    }

    /// astring which must be UTF-8.
    pub fn astring_text(&mut self) -> Parsed<String> {
        String::from_utf8(self.astring()?).map_err(|_| Syntax("the string is not UTF-8"))
    }

    /// list-mailbox = 1*list-char / string; list-char = ATOM-CHAR / list-wildcards / resp-specials
    ///
    /// Octets above 127 are let through: RFC 9051 §5.1 wants them quoted, clients forget.
    pub fn list_mailbox(&mut self) -> Parsed<Vec<u8>> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(),
            _ => {
                let fits = |b: u8| is_astring_char(b) || matches!(b, b'%' | b'*') || b >= 0x80;
                Ok(self.run(fits, "a mailbox pattern is expected")?.to_vec())
            }
        }
    }

    /// mailbox = "INBOX" / astring, still encoded.
    pub fn mailbox(&mut self) -> Parsed<Vec<u8>> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(),
            _ => {
                let fits = |b: u8| is_astring_char(b) || b >= 0x80;
                Ok(self.run(fits, "a mailbox name is expected")?.to_vec())
            }
        }
    }

    /// string = quoted / literal
    pub fn string(&mut self) -> Parsed<Vec<u8>> {
        if self.peek() == Some(b'{') {
            let octets = self.literal()?;
            return match octets.contains(&0) {
                true => Err(Syntax("NUL is not allowed in a string")),
                false => Ok(octets),
            };
        }
        self.quoted()
    }

    /// quoted = DQUOTE *QUOTED-CHAR DQUOTE; QUOTED-CHAR = <any TEXT-CHAR except quoted-specials> /
    /// "\" quoted-specials / UTF8-2 / UTF8-3 / UTF8-4
    fn quoted(&mut self) -> Parsed<Vec<u8>> {
        self.must(b'"', "a string is expected")?;
        let mut out = Vec::new();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    // RFC 6855 §3: what has the high bit set must be UTF-8, whoever sends it.
                    return match std::str::from_utf8(&out) {
                        Ok(_) => Ok(out),
                        Err(_) => Err(Syntax("a quoted string is UTF-8")),
                    };
                }
                Some(b'\\') => {
                    self.at += 1;
                    match self.peek() {
                        Some(b @ (b'"' | b'\\')) => out.push(b),
                        _ => return Err(Syntax("only \\\" and \\\\ may be escaped")),
                    }
                }
                Some(0 | b'\r' | b'\n') => {
                    return Err(Syntax("a control character in a quoted string"));
                }
                Some(b) => out.push(b),
                None => return Err(Syntax("the closing quote is missing")),
            }
            self.at += 1;
        }
    }

    /// literal = "{" number64 ["+"] "}" CRLF *CHAR8; the octets were gathered by the machine.
    /// Only a `{` which the machine took for a literal counts as one.
    pub fn literal(&mut self) -> Parsed<Vec<u8>> {
        let at = self.at;
        let Some(literal) = self.literals.next_if(|l| l.at == at) else {
            return Err(Syntax("a literal is expected"));
        };
        let rest = &self.text[at..];
        let len = rest
            .iter()
            .position(|b| *b == b'}')
            .map_or(rest.len(), |i| i + 1);
        self.at += len;
        Ok(literal.octets)
    }

    /// `"(" [item *(SP item)] ")"` with at most `max` items.
    pub fn list<T>(
        &mut self,
        max: usize,
        mut item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        self.must(b'(', "a list is expected")?;
        let mut items = Vec::new();
        if self.take(b')') {
            return Ok(items);
        }
        loop {
            if items.len() == max {
                return Err(Syntax("[LIMIT] too many items in a list"));
            }
            items.push(item(self)?);
            if self.take(b')') {
                return Ok(items);
            }
            self.sp()?;
        }
    }
}

/// Octets of a tag.
pub const TAG_MAX: usize = 64;

fn ascii(octets: &[u8]) -> String {
    octets.iter().map(|b| char::from(*b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: PartialEq + std::fmt::Debug>(
        text: &str,
        rule: impl Fn(&mut Lexer<'_>) -> Parsed<T>,
        expected: Option<T>,
    ) {
        let mut lexer = Lexer::new(text.as_bytes(), Vec::new());
        assert_eq!(rule(&mut lexer).ok(), expected, "{text:?}");
    }

    #[test]
    fn strings_and_numbers_are_read_as_the_grammar_says() {
        check("abc]", |l| l.astring(), Some(b"abc]".to_vec()));
        check("\"a\\\"b\\\\\"", |l| l.astring(), Some(b"a\"b\\".to_vec()));
        check("\"a\\b\"", |l| l.astring(), None);
        check("\"a", |l| l.astring(), None);
        check("{3}", |l| l.astring(), None);
        check("(", |l| l.astring(), None);
        check("4294967295", |l| l.number(), Some(u32::MAX));
        check("4294967296", |l| l.number(), None);
        check("9223372036854775808", |l| l.number64(), None);
        check("0", |l| l.nz_number(), None);
        check(
            "(a b)",
            |l| l.list(2, Lexer::atom),
            Some(vec!["a".into(), "b".into()]),
        );
        check("(a b)", |l| l.list(1, Lexer::atom), None);
        check("()", |l| l.list(1, Lexer::atom), Some(vec![]));
        check("(a  b)", |l| l.list(3, Lexer::atom), None);
        check("a+b", |l| l.tag(), Some("a".into()));
    }

    #[test]
    fn a_literal_is_taken_only_where_it_was_gathered() {
        let literal = Literal {
            at: 2,
            octets: b"xyz".to_vec(),
        };
        let mut lexer = Lexer::new(b"a {3} b", vec![literal.clone()]);
        assert_eq!(lexer.atom().unwrap(), "a");
        lexer.sp().unwrap();
        assert_eq!(lexer.astring().unwrap(), b"xyz");
        lexer.sp().unwrap();
        assert_eq!(lexer.atom().unwrap(), "b");
        lexer.end().unwrap();
        let mut lexer = Lexer::new(b"{9} {3}", vec![literal]);
        assert!(lexer.astring().is_err());
    }
}
