//! RFC 5464 §5: the arguments of GETMETADATA and SETMETADATA; RFC 9590: LIST's return option.

use super::command::name_of;
use super::lexer::{Lexer, Parsed, Syntax};
use directory::{Annotation, Seen};

/// Entries of one command.
pub const ENTRIES_MAX: usize = 64;
/// Octets of an entry's name.
const NAME_MAX: usize = directory::annotation::NAME_MAX;

/// RFC 5464 §4.2.2.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Depth {
    #[default]
    Zero,
    One,
    Infinity,
}

/// An entry's name without its scope, which is told by `seen`; in lower case, and beginning with `/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub struct Entry {
    pub seen: Seen,
    pub name: String,
}

impl Entry {
    /// As it goes on the wire.
    pub fn text(&self) -> String {
        let scope = match self.seen {
            Seen::ByAll => "/shared",
            Seen::ByOne => "/private",
        };
        format!("{scope}{}", self.name)
    }
}

/// One of the two commands. The mailbox name is as sent; an empty one is the server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Metadata {
    Get {
        mailbox: Vec<u8>,
        max: Option<u32>,
        depth: Depth,
        entries: Vec<Entry>,
    },
    Set {
        mailbox: Vec<u8>,
        changes: Vec<Annotation>,
    },
}

/// getmetadata = "GETMETADATA" [SP getmetadata-options] SP mailbox SP entries. The examples of RFC 5464 §4.2 have
/// the options after the mailbox, and entries without parentheses: both are understood.
pub fn get(lexer: &mut Lexer<'_>) -> Parsed<Metadata> {
    let (mut max, mut depth) = (None, Depth::Zero);
    if lexer.peek() == Some(b'(') {
        options(lexer, &mut max, &mut depth)?;
        lexer.sp()?;
    }
    let mailbox = name_of(lexer)?;
    lexer.sp()?;
    if lexer.looking_at("(MAXSIZE ") || lexer.looking_at("(DEPTH ") {
        options(lexer, &mut max, &mut depth)?;
        lexer.sp()?;
    }
    let mut entries = entries(lexer)?;
    while lexer.take(b' ') {
        if entries.len() >= ENTRIES_MAX {
            return Err(Syntax("[LIMIT] too many entries"));
        }
        entries.push(entry(lexer)?);
    }
    Ok(Metadata::Get {
        mailbox,
        max,
        depth,
        entries,
    })
}

/// maxsize-opt = "MAXSIZE" SP number; scope-opt = "DEPTH" SP ("0" / "1" / "infinity")
fn options(lexer: &mut Lexer<'_>, max: &mut Option<u32>, depth: &mut Depth) -> Parsed<()> {
    lexer.list(8, |l| {
        let name = l.keyword()?;
        l.sp()?;
        match name.as_str() {
            "MAXSIZE" => *max = Some(l.number()?),
            "DEPTH" => {
                *depth = match l.keyword()?.as_str() {
                    "0" => Depth::Zero,
                    "1" => Depth::One,
                    "INFINITY" => Depth::Infinity,
                    _ => return Err(Syntax("DEPTH is 0, 1 or infinity")),
                }
            }
            _ => return Err(Syntax("an unknown GETMETADATA option")),
        }
        Ok(())
    })?;
    Ok(())
}

/// entries = entry / "(" entry *(SP entry) ")"
pub fn entries(lexer: &mut Lexer<'_>) -> Parsed<Vec<Entry>> {
    if lexer.peek() != Some(b'(') {
        return Ok(vec![entry(lexer)?]);
    }
    let entries = lexer.list(ENTRIES_MAX, entry)?;
    match entries.is_empty() {
        true => Err(Syntax("no entry is named")),
        false => Ok(entries),
    }
}

/// setmetadata = "SETMETADATA" SP mailbox SP entry-values;
/// entry-values = "(" entry-value *(SP entry-value) ")"; entry-value = entry SP value
pub fn set(lexer: &mut Lexer<'_>) -> Parsed<Metadata> {
    let mailbox = name_of(lexer)?;
    lexer.sp()?;
    let changes = lexer.list(ENTRIES_MAX, |l| {
        let Entry { seen, name } = entry(l)?;
        if name.is_empty() {
            return Err(Syntax("this cannot be an entry name"));
        }
        l.sp()?;
        let value = value(l)?;
        Ok(Annotation { seen, name, value })
    })?;
    match changes.is_empty() {
        true => Err(Syntax("no entry is named")),
        false => Ok(Metadata::Set { mailbox, changes }),
    }
}

/// value = nstring / literal8
fn value(lexer: &mut Lexer<'_>) -> Parsed<Option<Vec<u8>>> {
    match lexer.peek() {
        Some(b'~') => {
            lexer.take(b'~');
            lexer.literal().map(Some)
        }
        Some(b'"' | b'{') => lexer.string().map(Some),
        _ if lexer.take_word("NIL") => Ok(None),
        _ => Err(Syntax("a value is a string or NIL")),
    }
}

/// entry = astring ;; slash-separated path to entry; MUST NOT contain "*" or "%"
fn entry(lexer: &mut Lexer<'_>) -> Parsed<Entry> {
    let mut text = lexer.astring_text()?;
    text.make_ascii_lowercase();
    if text.len() > NAME_MAX {
        return Err(Syntax("[LIMIT] the entry name is too long"));
    }
    let (seen, name) = match (text.strip_prefix("/shared"), text.strip_prefix("/private")) {
        (Some(name), _) => (Seen::ByAll, name),
        (_, Some(name)) => (Seen::ByOne, name),
        _ => return Err(Syntax("an entry name begins with /private/ or /shared/")),
    };
    // RFC 5464 §3.2: no empty components, no wildcards, no control characters.
    let fits = |b: u8| (0x20..0x7f).contains(&b) && b != b'*' && b != b'%';
    // The scope alone is understood where there is something below it to be asked for.
    let rest = match name {
        "" => "scope",
        name => name.strip_prefix('/').unwrap_or_default(),
    };
    if rest.split('/').any(str::is_empty) || !rest.bytes().all(fits) {
        return Err(Syntax("this cannot be an entry name"));
    }
    Ok(Entry {
        seen,
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, well: bool) {
        let mut lexer = Lexer::new(text.as_bytes(), Vec::new());
        let rule = if text.contains(" NIL") || text.ends_with(')') && text.contains("\"v\"") {
            set
        } else {
            get
        };
        let got = rule(&mut lexer).and_then(|m| lexer.end().map(|()| m));
        assert_eq!(got.is_ok(), well, "{text:?} {got:?}");
    }

    #[test]
    fn entries_are_read_as_rfc_5464_says() {
        for well in [
            "\"\" /shared/comment",
            "INBOX (/shared/comment /private/comment)",
            "(MAXSIZE 1024 DEPTH infinity) INBOX /private/a/b",
            "INBOX (MAXSIZE 1024) (/shared/comment /private/comment)",
            "INBOX (depth 1) (/private/filters/values)",
            "INBOX /private/comment /shared/comment",
            "INBOX \"/private/a b\"",
            "INBOX (DEPTH infinity) /private",
            "INBOX (/private/comment NIL)",
            "INBOX (/private/comment \"v\" /SHARED/Comment \"v\")",
        ] {
            check(well, true);
        }
        for bad in [
            "INBOX /comment",
            "INBOX /private/",
            "INBOX (/private NIL)",
            "INBOX /privat/x",
            "INBOX /privatex/y",
            "INBOX \"/private/a*\"",
            "INBOX \"/private/a%\"",
            "INBOX /private//a",
            "INBOX /private/a/",
            "INBOX \"/private/\u{e9}\"",
            "INBOX ()",
            "(DEPTH 2) INBOX /private/a",
            "(NOPE 2) INBOX /private/a",
            "INBOX (/private/comment v NIL)",
        ] {
            check(bad, false);
        }
    }
}
