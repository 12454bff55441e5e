//! RFC 9051 §6.4.5, RFC 3501 §6.4.5: what a FETCH asks for; RFC 7162 §3.1.4, §3.2.6: of which messages.

use super::lexer::{Lexer, Parsed, Syntax};
use super::returns::Span;

/// Items of one FETCH.
pub const ITEMS_MAX: usize = 256;
/// Numbers in one section path; deeper than any part that formats opens.
pub const PATH_MAX: usize = 128;
/// Modifiers of one FETCH.
pub const MODIFIERS_MAX: usize = 16;
/// Field names of one HEADER.FIELDS.
pub const FIELDS_MAX: usize = 512;

/// One thing asked for about each message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Item {
    Uid,
    Flags,
    InternalDate,
    Size,
    Envelope,
    /// BODY: the structure without extension data.
    Body,
    BodyStructure,
    /// BODY[…], BODY.PEEK[…], RFC822, RFC822.HEADER, RFC822.TEXT.
    Section {
        section: Section,
        peek: bool,
        partial: Option<Partial>,
        spelling: Spelling,
    },
    Binary {
        path: Vec<u32>,
        peek: bool,
        partial: Option<Partial>,
    },
    BinarySize {
        path: Vec<u32>,
    },
    /// RFC 7162 §3.1.4.2
    ModSeq,
    /// RFC 8514 §4.2
    SaveDate,
    /// RFC 8474 §5.3
    EmailId,
    /// RFC 8474 §5.3
    ThreadId,
    /// RFC 8970 §3; previews are kept, so that LAZY is no different.
    Preview,
}

impl Item {
    /// Whether fetching it sets `\Seen` (RFC 9051 §6.4.5).
    pub fn marks_seen(&self) -> bool {
        matches!(
            self,
            Self::Section { peek: false, .. } | Self::Binary { peek: false, .. }
        )
    }

    /// Whether it tells of the parts of the message.
    pub fn is_structure(&self) -> bool {
        matches!(self, Self::Body | Self::BodyStructure)
    }

    /// Whether only a stretch of a section is asked for.
    pub fn is_partial(&self) -> bool {
        matches!(
            self,
            Self::Section {
                partial: Some(_),
                ..
            } | Self::Binary {
                partial: Some(_),
                ..
            }
        )
    }

    /// Whether the message is asked for as it is, or a stretch of it.
    pub fn is_whole(&self) -> bool {
        let whole = |section: &Section| section.path.is_empty() && section.text == Text::All;
        matches!(self, Self::Section { section, .. } if whole(section))
    }

    /// Whether the immutable summary is needed.
    pub fn needs_summary(&self) -> bool {
        !self.is_whole()
            && !matches!(
                self,
                Self::Uid
                    | Self::Flags
                    | Self::InternalDate
                    | Self::SaveDate
                    | Self::Size
                    | Self::ModSeq
                    | Self::EmailId
                    | Self::ThreadId
            )
    }
}

/// How a section was asked for, hence how it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Spelling {
    Body,
    Rfc822,
    Rfc822Header,
    Rfc822Text,
}

/// partial = "<" number64 "." nz-number64 ">": first octet and how many at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Partial {
    pub from: u64,
    pub len: u64,
}

/// section-spec: which part, and what of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Section {
    /// section-part; empty: the message itself.
    pub path: Vec<u32>,
    pub text: Text,
}

/// section-text
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Text {
    /// The whole message, or the part's body.
    All,
    Header,
    Fields(Vec<String>),
    FieldsNot(Vec<String>),
    Text,
    Mime,
}

/// fetch = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att /
/// "(" fetch-att *(SP fetch-att) ")"); from the items on.
pub fn parse(lexer: &mut Lexer<'_>) -> Parsed<Vec<Item>> {
    for (name, full, envelope) in [
        ("ALL", false, true),
        ("FULL", true, true),
        ("FAST", false, false),
    ] {
        if lexer.take_word(name) {
            let mut items = vec![Item::Flags, Item::InternalDate, Item::Size];
            items.extend(envelope.then_some(Item::Envelope));
            items.extend(full.then_some(Item::Body));
            return Ok(items);
        }
    }
    if lexer.peek() != Some(b'(') {
        return item(lexer).map(|i| vec![i]);
    }
    let items = lexer.list(ITEMS_MAX, item)?;
    if items.is_empty() {
        Err(Syntax("nothing to fetch"))
    } else {
        Ok(items)
    }
}

/// What a FETCH says after its items.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Modifiers {
    /// RFC 7162 §3.1.4.1: only messages that changed after this mod-sequence.
    pub changed_since: Option<u64>,
    /// RFC 7162 §3.2.6: what is gone since then is told too.
    pub vanished: bool,
    /// RFC 9394 §3.3: only those of the messages named.
    pub partial: Option<Span>,
}

/// fetch-modifiers = SP "(" fetch-modifier *(SP fetch-modifier) ")" (RFC 4466 §2.4);
/// fetch-modifier =/ "CHANGEDSINCE" SP mod-sequence-value / "VANISHED" (RFC 7162 §7) /
/// "PARTIAL" SP partial-range (RFC 9394 §4), which goes with UID FETCH only.
///
/// VANISHED goes with UID FETCH and CHANGEDSINCE only. A mod-sequence of zero, which the grammar
/// leaves out, is understood: everything changed since then.
pub fn modifiers(lexer: &mut Lexer<'_>, uid: bool) -> Parsed<Modifiers> {
    let mut found = Modifiers::default();
    if !lexer.take(b' ') {
        return Ok(found);
    }
    lexer.list(MODIFIERS_MAX, |l| {
        match l.keyword()?.as_str() {
            "CHANGEDSINCE" => {
                l.sp()?;
                found.changed_since = Some(l.number64()?);
            }
            "VANISHED" if uid => found.vanished = true,
            "PARTIAL" if uid && found.partial.is_none() => {
                l.sp()?;
                found.partial = Some(Span::parse(l)?);
            }
            _ => return Err(Syntax("an unknown FETCH modifier")),
        }
        Ok(())
    })?;
    if found.vanished && found.changed_since.is_none() {
        return Err(Syntax("VANISHED needs CHANGEDSINCE"));
    }
    Ok(found)
}

/// fetch-att = "ENVELOPE" / "FLAGS" / "INTERNALDATE" / "RFC822.SIZE" / "BODY" ["STRUCTURE"] / "UID" /
/// "BODY" section [partial] / "BODY.PEEK" section [partial] / "BINARY" [".PEEK"] section-binary
/// [partial] / "BINARY.SIZE" section-binary; RFC 3501 adds "RFC822" [".HEADER" / ".TEXT"], RFC 7162
/// "MODSEQ", RFC 8514 "SAVEDATE", RFC 8474 "EMAILID" / "THREADID", RFC 8970 "PREVIEW" [SP "(" preview-mod *(SP preview-mod) ")"]
fn item(lexer: &mut Lexer<'_>) -> Parsed<Item> {
    let name = lexer.keyword()?;
    let bracket = lexer.peek() == Some(b'[');
    Ok(match (name.as_str(), bracket) {
        ("UID", false) => Item::Uid,
        ("MODSEQ", false) => Item::ModSeq,
        ("SAVEDATE", false) => Item::SaveDate,
        ("EMAILID", false) => Item::EmailId,
        ("THREADID", false) => Item::ThreadId,
        ("PREVIEW", false) => preview(lexer)?,
        ("FLAGS", false) => Item::Flags,
        ("INTERNALDATE", false) => Item::InternalDate,
        ("RFC822.SIZE", false) => Item::Size,
        ("ENVELOPE", false) => Item::Envelope,
        ("BODY", false) => Item::Body,
        ("BODYSTRUCTURE", false) => Item::BodyStructure,
        ("RFC822", false) => whole(Text::All, false, Spelling::Rfc822),
        // RFC 3501 §6.4.5: RFC822.HEADER does not set \Seen.
        ("RFC822.HEADER", false) => whole(Text::Header, true, Spelling::Rfc822Header),
        ("RFC822.TEXT", false) => whole(Text::Text, false, Spelling::Rfc822Text),
        ("BODY" | "BODY.PEEK", true) => Item::Section {
            section: section(lexer)?,
            peek: name.ends_with("PEEK"),
            partial: partial(lexer)?,
            spelling: Spelling::Body,
        },
        ("BINARY" | "BINARY.PEEK", true) => Item::Binary {
            path: section_binary(lexer)?,
            peek: name.ends_with("PEEK"),
            partial: partial(lexer)?,
        },
        ("BINARY.SIZE", true) => Item::BinarySize {
            path: section_binary(lexer)?,
        },
        _ => return Err(Syntax("an unknown FETCH item")),
    })
}

/// preview-mod = "LAZY"
fn preview(lexer: &mut Lexer<'_>) -> Parsed<Item> {
    // A single PREVIEW may be followed by the modifiers of the FETCH itself.
    if lexer.looking_at(" (LAZY") {
        lexer.sp()?;
        lexer.list(MODIFIERS_MAX, |l| match l.take_word("LAZY") {
            true => Ok(()),
            false => Err(Syntax("an unknown modifier of PREVIEW")),
        })?;
    }
    Ok(Item::Preview)
}

fn whole(text: Text, peek: bool, spelling: Spelling) -> Item {
    Item::Section {
        section: Section {
            path: Vec::new(),
            text,
        },
        peek,
        partial: None,
        spelling,
    }
}

/// section = "[" [section-spec] "]"
fn section(lexer: &mut Lexer<'_>) -> Parsed<Section> {
    lexer.must(b'[', "a section is expected")?;
    let section = section_spec(lexer)?;
    lexer.must(b']', "the section is not closed")?;
    Ok(section)
}

/// section-spec = section-msgtext / (section-part ["." section-text]), or nothing
pub fn section_spec(lexer: &mut Lexer<'_>) -> Parsed<Section> {
    let (path, more) = path(lexer)?;
    let text = match lexer.peek() {
        Some(b']') | None if !more => Text::All,
        _ => section_text(lexer, !path.is_empty())?,
    };
    Ok(Section { path, text })
}

/// section-part = nz-number *("." nz-number); also tells whether a "." is left open for a text.
fn path(lexer: &mut Lexer<'_>) -> Parsed<(Vec<u32>, bool)> {
    let mut path = Vec::new();
    let mut more = false;
    while lexer.peek().is_some_and(|b| b.is_ascii_digit()) {
        if path.len() == PATH_MAX {
            return Err(Syntax("[LIMIT] the section is too deep"));
        }
        path.push(lexer.nz_number()?);
        more = lexer.take(b'.');
        if !more {
            break;
        }
    }
    Ok((path, more))
}

/// section-msgtext = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT";
/// section-text = section-msgtext / "MIME"
fn section_text(lexer: &mut Lexer<'_>, of_part: bool) -> Parsed<Text> {
    Ok(match lexer.keyword()?.as_str() {
        "HEADER" => Text::Header,
        "HEADER.FIELDS" => Text::Fields(header_list(lexer)?),
        "HEADER.FIELDS.NOT" => Text::FieldsNot(header_list(lexer)?),
        "TEXT" => Text::Text,
        // RFC 9051 §6.4.5.1: MIME refers to a part and must follow a number.
        "MIME" if of_part => Text::Mime,
        _ => return Err(Syntax("an unknown section")),
    })
}

/// header-list = "(" header-fld-name *(SP header-fld-name) ")"
fn header_list(lexer: &mut Lexer<'_>) -> Parsed<Vec<String>> {
    lexer.sp()?;
    let names = lexer.list(FIELDS_MAX, Lexer::astring_text)?;
    if names.is_empty() {
        Err(Syntax("no header field is named"))
    } else {
        Ok(names)
    }
}

/// section-binary = "[" [section-part] "]"
fn section_binary(lexer: &mut Lexer<'_>) -> Parsed<Vec<u32>> {
    lexer.must(b'[', "a section is expected")?;
    let (path, more) = path(lexer)?;
    if more {
        return Err(Syntax("BINARY takes a part only"));
    }
    lexer.must(b']', "the section is not closed")?;
    Ok(path)
}

fn partial(lexer: &mut Lexer<'_>) -> Parsed<Option<Partial>> {
    if !lexer.take(b'<') {
        return Ok(None);
    }
    let from = lexer.number64()?;
    lexer.must(b'.', "a partial is <first.count>")?;
    let len = lexer.number64()?;
    lexer.must(b'>', "a partial is <first.count>")?;
    if len == 0 {
        return Err(Syntax("a partial of no octets"));
    }
    Ok(Some(Partial { from, len }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<usize>) {
        let mut lexer = Lexer::new(text.as_bytes(), Vec::new());
        let got = parse(&mut lexer).and_then(|i| lexer.end().map(|()| i.len()));
        assert_eq!(got.ok(), expected, "{text:?}");
    }

    #[test]
    fn items_are_read_as_the_grammar_says() {
        check("ALL", Some(4));
        check("full", Some(5));
        check("FAST", Some(3));
        check("(FLAGS BODY[HEADER.FIELDS (DATE FROM)])", Some(2));
        check("BODY[]", Some(1));
        check("BODY.PEEK[1.2.HEADER.FIELDS.NOT (\"x\")]<0.1024>", Some(1));
        check("BODY[4.2.MIME]", Some(1));
        check(
            "(UID RFC822.SIZE BODY.PEEK[TEXT] BINARY.SIZE[2] BINARY[1]<3.4> BINARY.PEEK[])",
            Some(6),
        );
        check(
            "(RFC822 RFC822.HEADER RFC822.TEXT BODYSTRUCTURE BODY ENVELOPE)",
            Some(6),
        );
        check(
            "(PREVIEW PREVIEW (LAZY) EMAILID THREADID SAVEDATE)",
            Some(5),
        );
        check("PREVIEW (LAZY)", Some(1));
        for bad in [
            "",
            "()",
            "PREVIEW (LAZY NOPE)",
            "EMAILID[1]",
            "(ALL)",
            "BODY[",
            "BODY[MIME]",
            "BODY[1.]",
            "BODY[0]",
            "BODY[1.0]",
            "BODY[]<0.0>",
            "BODY[]<1>",
            "BODY[HEADER.FIELDS ()]",
            "BINARY[1.MIME]",
            "BODY.PEEK",
            "NOPE",
            "RFC822[]",
            "ENVELOPE[1]",
            "FLAGS ",
        ] {
            check(bad, None);
        }
        check(&format!("BODY[{}1]", "1.".repeat(PATH_MAX)), None);
    }
}
