//! XML of office documents to text. Only the elements that hold what people wrote are looked at, by their local names.
//! A document type that defines anything is refused, so no entity can stand for a million others.

use super::{Text, Unread, plain};
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// Elements within each other.
const DEPTH_MAX: usize = 256;
/// Attributes of an element that are looked at.
const ATTRIBUTES_MAX: usize = 64;

/// Whose XML it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    /// ECMA-376: text stands in `t`, numbers of a sheet in `v`.
    Office,
    /// ISO/IEC 26300: text stands in paragraphs and headings.
    Open,
}

struct Reading<'a> {
    flavour: Flavour,
    out: &'a mut Text,
    depth: usize,
    /// How many of the elements that are open hold text.
    holding: usize,
    /// The cell names a string of another part, or says whether or why not: its value is no text.
    is_named: bool,
}

/// Adds the text of a part.
pub(super) fn read(octets: &[u8], flavour: Flavour, out: &mut Text) -> Result<(), Unread> {
    let text = match octets {
        [0xff, 0xfe, rest @ ..] => plain::utf16(rest, true),
        [0xfe, 0xff, rest @ ..] => plain::utf16(rest, false),
        _ => String::from_utf8(octets.to_vec()).map_err(|_| Unread::Damaged)?,
    };
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut reading = Reading {
        flavour,
        out,
        depth: 0,
        holding: 0,
        is_named: false,
    };
    while !reading.out.is_full() {
        match reader.read_event().map_err(|_| Unread::Damaged)? {
            Event::Start(tag) => reading.open(&tag, false)?,
            Event::Empty(tag) => {
                reading.open(&tag, true)?;
                reading.close(tag.local_name().as_ref());
            }
            Event::End(tag) => reading.close(tag.local_name().as_ref()),
            Event::Text(text) => reading.text(&text.xml10_content()),
            Event::CData(text) => reading.text(&text.xml10_content()),
            Event::GeneralRef(name) => reading.text(entity(&name)?.encode_utf8(&mut [0; 4])),
            Event::DocType(_) => return Err(Unread::Damaged),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    Ok(())
}

/// XML 1.0 §4.6, §4.1.
fn entity(name: &BytesRef<'_>) -> Result<char, Unread> {
    if let Some(c) = name.resolve_char_ref().map_err(|_| Unread::Damaged)? {
        return Ok(c);
    }
    match &**name {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(Unread::Damaged),
    }
}

impl Reading<'_> {
    fn holds(&self, name: &str) -> bool {
        match self.flavour {
            Flavour::Office => name == "t" || (name == "v" && !self.is_named),
            Flavour::Open => matches!(name, "p" | "h"),
        }
    }

    fn open(&mut self, tag: &BytesStart<'_>, empty: bool) -> Result<(), Unread> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Unread::TooLarge);
        }
        let name = tag.local_name();
        let name = name.as_ref();
        match (self.flavour, name) {
            (Flavour::Office, "c") => {
                let kind = attribute(tag, "t");
                self.is_named = kind.is_some_and(|kind| matches!(&*kind, "s" | "b" | "e"));
            }
            (Flavour::Office, "sheet") => {
                self.out.push(&attribute(tag, "name").unwrap_or_default());
                self.out.push("\n");
            }
            (Flavour::Office, "tab" | "br" | "cr")
            | (Flavour::Open, "tab" | "s" | "line-break")
                if empty =>
            {
                self.out.push(" ");
            }
            _ => {}
        }
        self.holding += usize::from(self.holds(name));
        Ok(())
    }

    fn close(&mut self, name: &str) {
        self.depth = self.depth.saturating_sub(1);
        self.holding = self.holding.saturating_sub(usize::from(self.holds(name)));
        let ends = match self.flavour {
            Flavour::Office => matches!(name, "p" | "si" | "c" | "row" | "tr" | "tc"),
            Flavour::Open => matches!(name, "p" | "h"),
        };
        if ends && !self.out.0.is_empty() && !self.out.0.ends_with('\n') {
            self.out.push("\n");
        }
    }

    fn text(&mut self, text: &str) {
        if self.holding > 0 {
            self.out.push(text);
        }
    }
}

/// The value of an attribute, with XML's own references resolved.
fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut all = tag.attributes();
    // Comparing each with all before it would take the square of the time.
    all.with_checks(false);
    let mut all = all.take(ATTRIBUTES_MAX).flatten();
    let found = all.find(|a| a.key.local_name().as_ref() == name)?;
    Some(quick_xml::escape::unescape(&found.value).ok()?.into_owned())
}
