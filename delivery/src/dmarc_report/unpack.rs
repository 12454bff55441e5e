//! What a report is packed in: gzip (RFC 1952), zip as others send it, or nothing. What comes out is bounded, whatever
//! the package says of itself.

use super::charset::begins_utf16;
use std::io::Read as _;

/// Octets of a report as XML that are read: some two hundred thousand rows.
pub(super) const XML_MAX: usize = 32 * 1024 * 1024;
/// Files of one package that are looked at: a report comes alone, some put a folder before it.
const FILES_MAX: usize = 8;

/// Members of one gzip: some write one for each piece.
const MEMBERS_MAX: usize = 1_000;

/// The XML. `None`: it is something else, damaged, or more than [`XML_MAX`].
pub(crate) fn unpacked(octets: &[u8]) -> Option<Vec<u8>> {
    match octets {
        [0x1f, 0x8b, ..] => members(octets),
        [b'P', b'K', 3, 4, ..] => first_xml(octets),
        _ if octets.len() > XML_MAX => None,
        _ => looks_like_xml(octets).then(|| octets.to_vec()),
    }
}

fn looks_like_xml(octets: &[u8]) -> bool {
    let octets = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets);
    octets.trim_ascii_start().starts_with(b"<") || begins_utf16(octets)
}

/// RFC 1952 §2.2: a file of one or more members, one behind the other; what follows that is none is no part of it.
fn members(octets: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut rest) = (Vec::new(), octets);
    for _ in 0..MEMBERS_MAX {
        let mut member = flate2::bufread::GzDecoder::new(rest);
        let room = (XML_MAX - out.len()) as u64;
        member.by_ref().take(room + 1).read_to_end(&mut out).ok()?;
        if out.len() > XML_MAX {
            return None;
        }
        rest = member.into_inner();
        if !rest.starts_with(&[0x1f, 0x8b]) {
            return Some(out);
        }
    }
    None
}

fn bounded(from: impl std::io::Read) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    from.take(XML_MAX as u64 + 1).read_to_end(&mut out).ok()?;
    (out.len() <= XML_MAX).then_some(out)
}

/// The first XML file of a package. APPNOTE 6.3.10 §4.3.7: each file has its own header before it, so that no list of
/// them is read, which could name a million.
fn first_xml(octets: &[u8]) -> Option<Vec<u8>> {
    let mut rest = octets;
    for _ in 0..FILES_MAX {
        let head = rest.get(..30)?;
        if !head.starts_with(b"PK\x03\x04") {
            return None;
        }
        let short = |at: usize| usize::from(u16::from_le_bytes([head[at], head[at + 1]]));
        let long =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (flags, method, packed) = (short(6), short(8), long(18) as usize);
        let (begin, after) = (30 + short(26), short(28));
        let name = rest.get(30..begin)?;
        let body = rest.get(begin + after..)?;
        // Sealed ones are for who has the password; of a length that comes behind the file (§4.3.9) only deflate tells.
        let (sealed, unsized_yet) = (flags & 1 != 0, flags & 8 != 0);
        let wanted = !name.ends_with(b"/") && !sealed;
        let found = match method {
            8 if wanted => bounded(flate2::read::DeflateDecoder::new(body)),
            0 if wanted && !unsized_yet => body.get(..packed).and_then(bounded),
            _ => None,
        };
        if let Some(found) = found.filter(|found| looks_like_xml(found)) {
            return Some(found);
        }
        if unsized_yet {
            return None;
        }
        rest = body.get(packed..)?;
    }
    None
}
