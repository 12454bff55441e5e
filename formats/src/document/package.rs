//! Documents that are packages: a zip with files of XML in it. APPNOTE 6.3.10 §4.3.6: the list of files at the end
//! says where each of them is. What a package says of sizes is never believed: unpacking itself is bounded.

use super::markup::{self, Flavour};
use super::{Text, Unread};
use std::io::Read as _;

/// Files that a package may list.
const ENTRIES_MAX: usize = 10_000;
/// Files of a package that are read.
const READ_MAX: usize = 1_000;
/// Octets that one file may unpack to.
const ENTRY_MAX: u64 = 32 * 1024 * 1024;
/// Octets that all files that are read may unpack to.
const ALL_MAX: u64 = 96 * 1024 * 1024;
/// Octets of the record that ends the list (§4.3.16), and of the note behind it.
const END: usize = 22;
const NOTE_MAX: usize = 65_535;
/// Octets of a row of the list (§4.3.12) and of a file's own head (§4.3.7), without names.
const ROW: usize = 46;
const HEAD: usize = 30;
/// What a compound file (MS-CFB §2.2) begins with: OOXML with a password is wrapped in one.
const COMPOUND: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

/// A file of the package.
struct Entry {
    name: String,
    sealed: bool,
    method: u16,
    packed: usize,
    at: usize,
}

fn short(octets: &[u8], at: usize) -> Option<usize> {
    let pair = octets.get(at..at + 2)?;
    Some(usize::from(u16::from_le_bytes([pair[0], pair[1]])))
}

fn long(octets: &[u8], at: usize) -> Option<usize> {
    let four = octets.get(at..at + 4)?;
    usize::try_from(u32::from_le_bytes([four[0], four[1], four[2], four[3]])).ok()
}

/// The list of files.
fn entries(octets: &[u8]) -> Result<Vec<Entry>, Unread> {
    let from = octets.len().saturating_sub(END + NOTE_MAX);
    let end = memchr::memmem::rfind(&octets[from..], b"PK\x05\x06").ok_or(Unread::Damaged)? + from;
    let (count, at) = short(octets, end + 10)
        .zip(long(octets, end + 16))
        .ok_or(Unread::Damaged)?;
    if count > ENTRIES_MAX {
        return Err(Unread::TooLarge);
    }
    let mut rest = octets.get(at..end).ok_or(Unread::Damaged)?;
    let mut found = Vec::new();
    for _ in 0..count {
        let Some((entry, next)) = row(rest) else {
            return Err(Unread::Damaged);
        };
        found.push(entry);
        rest = next;
    }
    Ok(found)
}

fn row(octets: &[u8]) -> Option<(Entry, &[u8])> {
    if !octets.starts_with(b"PK\x01\x02") {
        return None;
    }
    let name = octets.get(ROW..ROW + short(octets, 28)?)?;
    let entry = Entry {
        name: String::from_utf8_lossy(name).into_owned(),
        sealed: short(octets, 8)? & 1 != 0,
        method: short(octets, 10)? as u16,
        packed: long(octets, 20)?,
        at: long(octets, 42)?,
    };
    let length = ROW + short(octets, 28)? + short(octets, 30)? + short(octets, 32)?;
    Some((entry, octets.get(length..)?))
}

/// A file, unpacked; `budget`: octets that may still come out of this package.
fn unpacked(octets: &[u8], entry: &Entry, budget: &mut u64) -> Result<Vec<u8>, Unread> {
    if entry.sealed {
        return Err(Unread::Sealed);
    }
    let body = || {
        let head = octets.get(entry.at..)?;
        let begin = HEAD + short(head, 26)? + short(head, 28)?;
        (head.starts_with(b"PK\x03\x04")).then(|| head.get(begin..))?
    };
    let body = body().ok_or(Unread::Damaged)?;
    let body = &body[..body.len().min(entry.packed)];
    let max = ENTRY_MAX.min(*budget);
    let mut out = Vec::new();
    let taken = match entry.method {
        0 => body.take(max + 1).read_to_end(&mut out),
        8 => flate2::read::DeflateDecoder::new(body)
            .take(max + 1)
            .read_to_end(&mut out),
        _ => return Err(Unread::Damaged),
    };
    *budget = budget.saturating_sub(out.len() as u64);
    if out.len() as u64 > max {
        return Err(Unread::TooLarge);
    }
    taken.map(|_| out).map_err(|_| Unread::Damaged)
}

/// Reads the files whose names are wanted, in the order of the list; what is damaged behind some text leaves that.
fn read(
    octets: &[u8],
    out: &mut Text,
    flavour: Flavour,
    wanted: fn(&str) -> Option<u8>,
) -> Result<(), Unread> {
    if octets.starts_with(COMPOUND) {
        return Err(Unread::Sealed);
    }
    let entries = entries(octets)?;
    let found = entries.iter().filter_map(|e| Some((wanted(&e.name)?, e)));
    let mut found: Vec<_> = found.take(READ_MAX).collect();
    if found.is_empty() {
        return Err(Unread::Damaged);
    }
    found.sort_by_key(|(order, _)| *order);
    let (mut budget, mut failed) = (ALL_MAX, None);
    for (_, entry) in found {
        if out.is_full() {
            break;
        }
        let done = unpacked(octets, entry, &mut budget)
            .and_then(|octets| markup::read(&octets, flavour, out));
        failed = failed.or(done.err());
        out.push("\n");
        if budget == 0 {
            break;
        }
    }
    match failed {
        Some(why) if out.0.trim().is_empty() => Err(why),
        _ => Ok(()),
    }
}

/// ECMA-376 part 1 §11.3, §12.3, §13.3: the parts that people wrote.
pub(super) fn office(octets: &[u8], out: &mut Text) -> Result<(), Unread> {
    read(octets, out, Flavour::Office, |name| {
        let (folder, file) = name.rsplit_once('/')?;
        if !file.ends_with(".xml") {
            return None;
        }
        let begins = |words: &[&str]| words.iter().any(|word| file.starts_with(word));
        match folder {
            "word" if begins(&["document"]) => Some(0),
            "word" => {
                begins(&["header", "footer", "footnotes", "endnotes", "comments"]).then_some(1)
            }
            "xl" if begins(&["workbook"]) => Some(0),
            "xl" => begins(&["sharedStrings", "comments"]).then_some(1),
            "xl/worksheets" => begins(&["sheet"]).then_some(2),
            "ppt/slides" => begins(&["slide"]).then_some(0),
            "ppt/notesSlides" | "ppt/comments" => Some(1),
            "word/diagrams" | "ppt/diagrams" | "xl/drawings" => {
                begins(&["data", "drawing"]).then_some(3)
            }
            _ => None,
        }
    })
}

/// ISO/IEC 26300-3 §2.2: the content, then what the pages have above and below.
pub(super) fn open(octets: &[u8], out: &mut Text) -> Result<(), Unread> {
    read(octets, out, Flavour::Open, |name| match name {
        "content.xml" => Some(0),
        "styles.xml" => Some(1),
        _ => None,
    })
}
