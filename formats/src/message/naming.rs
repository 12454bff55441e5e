//! All names that some program may read for one part (RFC 2183 §2.3, RFC 2231, RFC 2047). [`super::file_name`] takes the
//! likeliest for people; what refuses files by their names must look at each, since whoever writes a header that two
//! programs read differently chooses which of them is asked.

use super::header::{FIELDS_MAX, Field};
use super::parameter::{Declaration, decoded};
use super::{charset, header, part, word};
use crate::text::steers;
use std::collections::BTreeSet;

/// The parameters that name a file, on either field.
const PARAMETERS: [&str; 2] = ["filename", "name"];
/// Readings of one part; a header that has more is doubtful.
pub const NAMES_MAX: usize = 500;
/// Octets that are read of one field; a longer one is doubtful.
pub const FIELD_OCTETS_MAX: usize = 64 * 1024;
/// Names that begin within another one, as careless programs read them; a field that has more is doubtful. It bounds the
/// time: `name=name=name=…` would be read anew from each of its places.
pub const OVERLAPS_MAX: usize = 8;

/// What the header of a part calls it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Naming {
    /// Names as a program reads them that knows the standards; where two are given, both.
    pub names: BTreeSet<String>,
    /// Names as others may read them: escapes left as they are, pieces joined in other ways.
    pub careless: BTreeSet<String>,
    /// Lower-case `type/subtype`, as declared first.
    pub media: Option<String>,
    /// Whether Content-Disposition says `attachment`.
    pub attached: bool,
    /// Whether two programs may find different parts in it, or show another name than they save.
    pub doubtful: bool,
}

impl Naming {
    fn read(&mut self, name: String) {
        self.keep(name, true);
    }

    fn misread(&mut self, name: &str) {
        self.keep(name.to_owned(), false);
    }

    fn keep(&mut self, name: String, well: bool) {
        if self.names.len() + self.careless.len() >= NAMES_MAX {
            self.doubtful = true;
            return;
        }
        // A name that ends early in one program and not in the other, or that is shown in another order.
        let turns = |c: char| c == '\0' || (steers(c) && !c.is_control());
        self.doubtful |= name.chars().any(turns);
        match well {
            true => self.names.insert(name),
            false => self.careless.insert(name),
        };
    }
}

/// Reads the header of a part, or of a message.
#[must_use]
pub fn naming(part_header: &[u8]) -> Naming {
    let mut found = Naming::default();
    let mut media = BTreeSet::new();
    let mut boundaries = BTreeSet::new();
    let mut encodings = BTreeSet::new();
    let mut fields = header::fields(part_header);
    for field in fields.by_ref() {
        let Some(of) = content_name(&field) else {
            continue;
        };
        // RFC 5322 §4: left out here, the end of the name elsewhere.
        found.doubtful |= field.value.contains(&0);
        found.doubtful |= field.value.len() > FIELD_OCTETS_MAX;
        let read = field.value.len().min(FIELD_OCTETS_MAX);
        let text = header::unfold(&field.value[..read]);
        match of.as_str() {
            "type" => {
                let read = named(&text, &mut found);
                let kind = (!read.value.is_empty()).then_some(read.value);
                found.media = found.media.take().or_else(|| kind.clone());
                media.extend(kind);
                boundaries.extend(values(&read.params, "boundary"));
            }
            "disposition" => {
                let read = named(&text, &mut found);
                found.attached |= read.value == "attachment";
            }
            "name" => found.read(word::decode_words(&text)),
            "transfer-encoding" => {
                encodings.insert(Declaration::first_word(&text).to_ascii_lowercase());
            }
            _ => {}
        }
    }
    let differs = [&media, &boundaries, &encodings];
    found.doubtful |= differs.iter().any(|readings| readings.len() > 1);
    found.doubtful |= header::fields(part_header).count() >= FIELDS_MAX;
    found
}

/// What follows `Content-`, in lower case.
fn content_name(field: &Field<'_>) -> Option<String> {
    let (before, of) = field.name.split_at_checked(8)?;
    before
        .eq_ignore_ascii_case("content-")
        .then(|| of.to_ascii_lowercase())
}

/// The field; its names are kept.
fn named(text: &str, found: &mut Naming) -> Declaration {
    let (read, more) = Declaration::read_repeated(text);
    found.doubtful |= more;
    for parameter in PARAMETERS {
        for value in values(&read.params, parameter) {
            found.read(value);
        }
        for value in misreadings(&read.params, parameter) {
            found.misread(&value);
        }
        let (values, more) = occurrences(text, parameter);
        found.doubtful |= more;
        for value in values {
            found.misread(value);
        }
    }
    read
}

/// What a parameter says, however often: each plain value, and what its continuations and extended forms say together.
fn values(params: &[(String, String)], name: &str) -> BTreeSet<String> {
    let plain = params.iter().filter(|(found, _)| found == name);
    let plain = plain.map(|(_, value)| word::decode_words(value));
    let starred = starred(params, name);
    let together = decoded(&starred, name).filter(|_| !starred.is_empty());
    plain.chain(together).collect()
}

/// The continued and extended forms of a parameter, as often as they are given.
fn starred(params: &[(String, String)], name: &str) -> Vec<(String, String)> {
    let of = |found: &str| {
        found
            .strip_prefix(name)
            .is_some_and(|mark| mark.starts_with('*'))
    };
    let each = params.iter().filter(|(found, _)| of(found));
    each.cloned().collect()
}

/// The same as less careful programs read it.
fn misreadings(params: &[(String, String)], name: &str) -> Vec<String> {
    let plain = params.iter().filter(|(found, _)| found == name);
    let mut found: Vec<String> = plain.map(|(_, value)| value.clone()).collect();
    let mut pieces = starred(params, name);
    let in_a_row = |pieces: &[(String, String)]| -> String {
        pieces.iter().map(|(_, value)| value.as_str()).collect()
    };
    let mut joined = BTreeSet::from([in_a_row(&pieces)]);
    // By number, with what is given twice and behind gaps.
    let number = |mark: &str| {
        let digits = mark[name.len()..].trim_matches('*');
        digits.parse::<u32>().unwrap_or(0)
    };
    pieces.sort_by_key(|(mark, _)| number(mark));
    joined.insert(in_a_row(&pieces));
    // Given twice: either may be taken.
    let mut other = pieces.clone();
    other.reverse();
    other.dedup_by_key(|(mark, _)| number(mark));
    other.reverse();
    joined.insert(in_a_row(&other));
    for text in joined.into_iter().filter(|text| !text.is_empty()) {
        let without = text.splitn(3, '\'').nth(2).unwrap_or(&text);
        for reading in [text.as_str(), without] {
            let octets = part::hex_escapes(reading.as_bytes(), b'%');
            found.push(charset::decode("utf-8", &octets));
            found.push(word::decode_words(reading));
        }
    }
    found
}

/// Values behind every `name=` wherever it stands, be it within quotes or a comment of ours; and whether there are more
/// than are read.
fn occurrences<'t>(text: &'t str, name: &str) -> (Vec<&'t str>, bool) {
    // ASCII case folding keeps every octet where it was.
    let lower = text.to_ascii_lowercase();
    let (mut found, mut overlaps, mut end) = (Vec::new(), 0, 0);
    for (at, _) in lower.match_indices(name) {
        let behind = text[at + name.len()..].trim_start();
        let Some(value) = behind.strip_prefix('=').map(str::trim_start) else {
            continue;
        };
        overlaps += usize::from(at < end);
        if overlaps > OVERLAPS_MAX || found.len() >= NAMES_MAX {
            return (found, true);
        }
        let read = match value.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next(),
            None => value.split([';', ' ', '\t', ')']).next(),
        };
        let read = read.unwrap_or_default();
        end = end.max(text.len() - value.len() + read.len());
        found.push(read);
    }
    (found, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether one of its names is this: read well, and read at all.
    fn check(fields: &str, name: &str, well: bool) {
        let found = naming(fields.as_bytes());
        assert_eq!(found.names.contains(name), well, "{fields}: {found:?}");
        assert!(
            well || found.careless.contains(name),
            "{fields}: {found:?} lacks {name}"
        );
    }

    #[test]
    fn every_reading_of_a_name_is_found() {
        let twice = "Content-Disposition: attachment; filename=a.pdf; filename=\"a.exe\"\r\n";
        check(twice, "a.pdf", true);
        check(twice, "a.exe", true);
        let both = "Content-Type: application/pdf; name=a.exe\r\nContent-Disposition: attachment;\r\n filename=a.pdf\r\n";
        check(both, "a.exe", true);
        check(both, "a.pdf", true);
        let fields = "Content-Disposition: inline; filename=a\r\nContent-Disposition: inline; filename=b\r\n";
        check(fields, "b", true);
        check("Content-Name: a.exe\r\n", "a.exe", true);
        let filename = |value: &str| format!("Content-Disposition: attachment; {value}\r\n");
        check(&filename("filename*=utf-8''a%2Eexe"), "a.exe", true);
        check(
            &filename("filename*0=\"a.e\"; filename*1=xe"),
            "a.exe",
            true,
        );
        check(
            &filename("filename=\"=?utf-8?B?YS5leGU=?=\""),
            "a.exe",
            true,
        );
        let plain_too = filename("filename=a.pdf; filename*=utf-8''a.exe");
        check(&plain_too, "a.exe", true);
        check(&plain_too, "a.pdf", true);
        // What careful programs do not read.
        check(&filename("filename*0=a; filename*2=.exe"), "a.exe", false);
        check(
            &filename("filename*0=\"a.\"; filename*1=pdf; filename*1=exe"),
            "a.exe",
            false,
        );
        check(&filename("x=\"a\\\"; filename=\"a.exe\""), "a.exe", false);
        check(&filename("(filename=a.exe)"), "a.exe", false);
    }

    #[test]
    fn what_two_programs_read_differently_is_doubtful() {
        let check = |fields: &str, expected: bool| {
            assert_eq!(naming(fields.as_bytes()).doubtful, expected, "{fields}");
        };
        check("Content-Type: multipart/mixed; boundary=b\r\n", false);
        check(
            "Content-Type: multipart/mixed; boundary=z; boundary=b\r\n",
            true,
        );
        check(
            "Content-Type: multipart/mixed; boundary=b; boundary=b\r\n",
            false,
        );
        check(
            "Content-Type: multipart/mixed; boundary=z; boundary*=us-ascii''b\r\n",
            true,
        );
        check("Content-Type: a/b\r\nContent-Type: a/c\r\n", true);
        check("Content-Type: a/b\r\nContent-Type: A/B\r\n", false);
        let encodings = "Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n";
        check(encodings, true);
        check("Content-Type: a/b; name=\"a.exe\0.pdf\"\r\n", true);
        check("Content-Type: a/b; name*=utf-8''a.exe%00.pdf\r\n", true);
        check(
            "Content-Type: a/b; name*=utf-8''a%E2%80%AEfdp.exe\r\n",
            true,
        );
        check("Content-Type: a/b; name=\"công văn.pdf\"\r\n", false);
        let many: String = (0..200).map(|n| format!(";p{n}=1")).collect();
        check(&format!("Content-Type: a/b{many}\r\n"), true);
        let many: String = (0..5000).map(|_| "X: y\r\n").collect();
        check(&many, true);
        // Each would be read from its place to the end.
        let within = format!("Content-Type: a/b; {}\r\n", "name=".repeat(5_000_000));
        check(&within, true);
        let quoted = "\"name=".repeat(OVERLAPS_MAX + 5);
        check(&format!("Content-Type: a/b; {quoted}\r\n"), true);
        check("Content-Type: a/b; name=\"his name=x.pdf\"\r\n", false);
        let long = "x".repeat(FIELD_OCTETS_MAX);
        check(&format!("Content-Type: a/b; name={long}\r\n"), true);
    }

    #[test]
    fn type_and_disposition_are_told() {
        let found = naming(
            b"Content-Type: Application/X-MSDownload\r\nContent-Disposition: ATTACHMENT\r\n\r\n",
        );
        assert_eq!(found.media.as_deref(), Some("application/x-msdownload"));
        assert!(found.attached && found.names.is_empty() && !found.doubtful);
    }
}
