//! RFC 9051 §6.4.4, RFC 4731 §3.1: what a search is to return; RFC 5182 SAVE, RFC 9394 PARTIAL,
//! RFC 5267 UPDATE and CONTEXT, RFC 6203 RELEVANCY.

use super::lexer::{Lexer, Parsed, Syntax};
use std::fmt;

/// search-return-opt, as bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Wanted {
    pub min: bool,
    pub max: bool,
    pub all: bool,
    pub count: bool,
    pub save: bool,
    pub partial: Option<Span>,
    pub relevancy: bool,
    /// RFC 5267 §4.3: changes of the result are to be told.
    pub update: bool,
    /// RFC 5267 §4.2: the same will be asked again; nothing needs to be done about it.
    pub context: bool,
}

/// partial-range: places in the result from one to the other, the first being 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// As it was written.
    pub from: u32,
    /// As it was written.
    pub to: u32,
    /// RFC 9394 §3.1: counted from the last result.
    pub from_end: bool,
}

impl Span {
    /// partial-range-first = nz-number ":" nz-number;
    /// partial-range-last = MINUS nz-number ":" MINUS nz-number
    pub fn parse(lexer: &mut Lexer<'_>) -> Parsed<Self> {
        let from_end = lexer.take(b'-');
        let from = lexer.nz_number()?;
        lexer.must(b':', "PARTIAL takes a range")?;
        if lexer.take(b'-') != from_end {
            return Err(Syntax("PARTIAL counts from one end only"));
        }
        let to = lexer.nz_number()?;
        Ok(Self { from, to, from_end })
    }

    /// Which of `count` results it means: the index of the first, and the one after the last.
    pub fn within(self, count: usize) -> (usize, usize) {
        let first = self.from.min(self.to) as usize - 1;
        let after = (self.from.max(self.to) as usize).min(count);
        let first = first.min(after);
        match self.from_end {
            true => (count - after, count - first),
            false => (first, after),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.from_end { "-" } else { "" };
        write!(f, "{sign}{}:{sign}{}", self.from, self.to)
    }
}

/// search-return-opts = "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")", and the space
/// behind it; `None` where there are none.
pub(super) fn parse(lexer: &mut Lexer<'_>) -> Parsed<Option<Wanted>> {
    if !lexer.take_word("RETURN ") {
        return Ok(None);
    }
    let mut wanted = Wanted::default();
    lexer.list(16, |l| {
        match l.keyword()?.as_str() {
            "MIN" => wanted.min = true,
            "MAX" => wanted.max = true,
            "ALL" => wanted.all = true,
            "COUNT" => wanted.count = true,
            "SAVE" => wanted.save = true,
            "RELEVANCY" => wanted.relevancy = true,
            "UPDATE" => wanted.update = true,
            "CONTEXT" => wanted.context = true,
            "PARTIAL" if wanted.partial.is_none() => {
                l.sp()?;
                wanted.partial = Some(Span::parse(l)?);
            }
            _ => return Err(Syntax("an unknown SEARCH return option")),
        }
        Ok(())
    })?;
    lexer.sp()?;
    // RFC 9394 §3.1: one PARTIAL, one ALL, or neither.
    if wanted.all && wanted.partial.is_some() {
        return Err(Syntax("PARTIAL and ALL exclude each other"));
    }
    // RFC 4731 §3.1: an empty list means ALL. SAVE alone returns nothing (RFC 5182 §2.1).
    if wanted == Wanted::default() {
        wanted.all = true;
    }
    Ok(Some(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, count: usize, expected: (usize, usize)) {
        let mut lexer = Lexer::new(text.as_bytes(), Vec::new());
        let span = Span::parse(&mut lexer).unwrap();
        assert_eq!(span.to_string(), text);
        assert_eq!(span.within(count), expected, "{text} of {count}");
    }

    #[test]
    fn spans_are_cut_to_what_there_is() {
        check("1:3", 10, (0, 3));
        check("3:1", 10, (0, 3));
        check("9:12", 10, (8, 10));
        check("11:12", 10, (10, 10));
        check("1:1", 0, (0, 0));
        check("-1:-3", 10, (7, 10));
        check("-3:-1", 10, (7, 10));
        check("-9:-12", 10, (0, 2));
        check("-11:-12", 10, (0, 0));
        check("4294967295:1", 3, (0, 3));
    }
}
