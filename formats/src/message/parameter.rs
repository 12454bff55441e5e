//! RFC 2045 §5.1 parameters and RFC 2231 §3 and §4: continued and extended ones.

use super::{charset, header, part, word};

/// Parameters of one field that are read.
pub const PARAMETERS_MAX: usize = 100;

/// `value; name=value; …`
pub(super) struct Declaration {
    /// Lower case.
    pub(super) value: String,
    /// Lower-case names, values unquoted.
    pub(super) params: Vec<(String, String)>,
}

impl Declaration {
    /// RFC 2045 §5.1: a parameter given twice has no meaning; the first one counts.
    pub(super) fn read(text: &str) -> Self {
        let (mut read, _) = Self::read_repeated(text);
        let mut params: Vec<(String, String)> = Vec::with_capacity(read.params.len());
        for (name, value) in read.params {
            if !params.iter().any(|(known, _)| *known == name) {
                params.push((name, value));
            }
        }
        read.params = params;
        read
    }

    /// The same with each parameter as often as it is given; and whether there are more than are read.
    pub(super) fn read_repeated(text: &str) -> (Self, bool) {
        let mut pieces = Pieces { rest: text };
        let first = pieces.next().map(|piece| piece.text).unwrap_or_default();
        let (mut value, mut more) = split_value(&first);
        if value.contains('=') {
            // `filename=x` where the type was forgotten.
            (value, more) = (String::new(), &first);
        }
        // `application/pdf name=x`: a semicolon forgotten.
        let more = more.find('=').map(|at| Piece {
            text: more.to_owned(),
            equals: Some(at),
            quoted: None,
        });
        let mut pieces = more.into_iter().chain(pieces);
        let mut params: Vec<(String, String)> = Vec::new();
        for piece in pieces.by_ref().take(PARAMETERS_MAX) {
            let Some(equals) = piece.equals else { continue };
            let name = piece.text[..equals].trim().to_ascii_lowercase();
            if is_token(&name) {
                params.push((name, header::shorten(piece.value(equals + 1).to_owned())));
            }
        }
        let read = Self {
            value: header::shorten(value.to_ascii_lowercase()),
            params,
        };
        (read, pieces.next().is_some())
    }

    /// `Content-Transfer-Encoding` is one word; comments around it (RFC 2045 §1) and junk behind it are left out.
    pub(super) fn first_word(text: &str) -> String {
        let stop = |c: char| !c.is_ascii_graphic() || "()<>@,;:\\\"/[]?=".contains(c);
        let word = behind_comments(text).split(stop).next();
        word.unwrap_or_default().to_owned()
    }
}

/// What follows the comments with which a text begins (RFC 5322 §3.2.2); of one that does not end nothing.
fn behind_comments(text: &str) -> &str {
    let mut depth = 0u32;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            '\\' if depth > 0 => drop(chars.next()),
            _ if depth > 0 || c.is_whitespace() => {}
            _ => return &text[at..],
        }
    }
    ""
}

/// The value and what stands behind it without a semicolon. Blanks around the slash are allowed.
fn split_value(first: &str) -> (String, &str) {
    let mut value = String::new();
    let mut rest = first.trim_start();
    while let Some(word) = rest.split_whitespace().next() {
        let begins = value.is_empty() || value.ends_with('/') || word.starts_with('/');
        if !begins {
            break;
        }
        value.push_str(word);
        rest = rest[word.len()..].trim_start();
    }
    (value, rest)
}

/// What stands between two semicolons, with quotes and comments taken out.
#[derive(Default)]
struct Piece {
    text: String,
    /// Where `=` stands.
    equals: Option<usize>,
    /// From the first quote behind it to the last.
    quoted: Option<(usize, usize)>,
}

impl Piece {
    /// What begins here, without blanks around it; those inside of quotes belong to it (RFC 2231 §3: a name may
    /// be cut at one).
    fn value(&self, from: usize) -> &str {
        let Some((first, last)) = self.quoted else {
            return self.text[from..].trim();
        };
        let before = self.text[from..first].trim_start().len();
        let behind = self.text[last..].trim_end().len();
        &self.text[first - before..last + behind]
    }

    fn quote(&mut self) {
        if self.equals.is_some() {
            let at = self.text.len();
            self.quoted = Some((self.quoted.map_or(at, |quoted| quoted.0), at));
        }
    }
}

/// The pieces between semicolons.
struct Pieces<'a> {
    rest: &'a str,
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let mut piece = Piece::default();
        let (mut quoted, mut depth) = (false, 0u32);
        let mut chars = self.rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' if quoted => piece.text.extend(unescaped(&mut chars)),
                '\\' if depth > 0 => drop(chars.next()),
                '"' if depth == 0 => {
                    quoted = !quoted;
                    piece.quote();
                }
                '(' if !quoted && (depth > 0 || !piece.text.is_empty()) => depth += 1,
                ')' if !quoted && depth > 0 => depth -= 1,
                _ if depth > 0 => {}
                ';' if !quoted => {
                    self.rest = &self.rest[at + 1..];
                    return Some(piece);
                }
                _ => {
                    if c == '=' && !quoted && piece.equals.is_none() {
                        piece.equals = Some(piece.text.len());
                    }
                    piece.text.push(c);
                }
            }
        }
        self.rest = "";
        Some(piece)
    }
}

/// A backslash escapes quotes and itself; elsewhere it is kept, since Windows paths have it.
fn unescaped(chars: &mut std::str::CharIndices<'_>) -> impl Iterator<Item = char> {
    let next = chars.next().map(|(_, c)| c);
    let kept = (!matches!(next, Some('"' | '\\') | None)).then_some('\\');
    kept.into_iter().chain(next)
}

pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&b))
}

/// The value of a parameter as people read it: RFC 2231 continuations joined, extended values and
/// (against RFC 2047 §5, but usual) encoded words decoded.
#[must_use]
pub fn decoded(params: &[(String, String)], name: &str) -> Option<String> {
    let segments = segments(params, name);
    if segments.is_empty() {
        let plain = params.iter().find(|(found, _)| found == name);
        return plain.map(|(_, value)| word::decode_words(value));
    }
    Some(text_of(&segments))
}

/// The pieces of a continued or extended parameter, in order.
fn segments<'p>(params: &'p [(String, String)], name: &str) -> Vec<(u32, bool, &'p str)> {
    let mut segments: Vec<(u32, bool, &str)> = Vec::new();
    for (found, value) in params {
        let Some(mark) = found.strip_prefix(name).and_then(|m| m.strip_prefix('*')) else {
            continue;
        };
        let (number, extended) = match mark.strip_suffix('*') {
            Some(number) => (number, true),
            None => (mark, mark.is_empty()),
        };
        let order = if number.is_empty() {
            Some(0)
        } else {
            number.parse().ok()
        };
        segments.extend(order.map(|order| (order, extended, value.as_str())));
    }
    segments.sort_by_key(|(order, _, _)| *order);
    segments.dedup_by_key(|(order, _, _)| *order);
    segments
}

/// RFC 2231 §6: the parameters with their continuations joined, each in the place of its first piece. One in
/// the extended form keeps it (`name*`, a charset and percent-encoding); with `decode` its value is the text
/// itself (RFC 9051 §7.5.2).
#[must_use]
pub fn joined(params: &[(String, String)], decode: bool) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::with_capacity(params.len());
    let mut done: Vec<&str> = Vec::new();
    for (name, value) in params {
        let Some((base, _)) = name.split_once('*') else {
            found.push((name.clone(), value.clone()));
            continue;
        };
        if done.contains(&base) {
            continue;
        }
        let segments = segments(params, base);
        if segments.is_empty() {
            // Neither a number nor an end: no piece of anything.
            found.push((name.clone(), value.clone()));
            continue;
        }
        done.push(base);
        let extended = segments.iter().any(|(_, extended, _)| *extended);
        let star = if extended { "*" } else { "" };
        let value = match (extended, decode) {
            (false, _) => in_a_row(&segments).map(|(_, value)| value).collect(),
            (true, true) => text_of(&segments),
            (true, false) => written(&segments),
        };
        found.push((format!("{base}{star}"), value));
    }
    found
}

/// Pieces in the extended form as one in that form: what was not percent-encoded now is.
fn written(segments: &[(u32, bool, &str)]) -> String {
    let mut out = String::new();
    for (extended, value) in in_a_row(segments) {
        if extended {
            out.push_str(value);
            continue;
        }
        for octet in value.bytes() {
            match octet.is_ascii_alphanumeric() || b"-._".contains(&octet) {
                true => out.push(char::from(octet)),
                false => out.push_str(&format!("%{octet:02X}")),
            }
        }
    }
    out
}

/// Up to the first gap: what follows it belongs elsewhere.
fn in_a_row<'s>(segments: &'s [(u32, bool, &'s str)]) -> impl Iterator<Item = (bool, &'s str)> {
    let numbered = segments.iter().enumerate();
    numbered
        .take_while(|(at, (order, _, _))| *order as usize == *at)
        .map(|(_, (_, extended, value))| (*extended, *value))
}

fn text_of(segments: &[(u32, bool, &str)]) -> String {
    let mut declared = "";
    let mut bytes = Vec::new();
    for (at, (extended, mut value)) in in_a_row(segments).enumerate() {
        if at == 0 && extended {
            let mut pieces = value.splitn(3, '\'');
            if let (Some(charset), Some(_), Some(rest)) =
                (pieces.next(), pieces.next(), pieces.next())
            {
                (declared, value) = (charset, rest);
            }
        }
        if extended {
            bytes.extend(part::hex_escapes(value.as_bytes(), b'%'));
        } else {
            bytes.extend_from_slice(value.as_bytes());
        }
    }
    let text = charset::decode(declared, &bytes);
    if segments.iter().any(|(_, extended, _)| *extended) {
        text
    } else {
        word::decode_words(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(field: &str, value: &str, name: &str, expected: Option<&str>) {
        let read = Declaration::read(field);
        assert_eq!(read.value, value, "{field}");
        assert_eq!(decoded(&read.params, name).as_deref(), expected, "{field}");
    }

    #[test]
    fn parameters_are_read_in_every_dress() {
        check("text/plain", "text/plain", "charset", None);
        check(
            "application/pdf name=\"a b.pdf\"; x=y",
            "application/pdf",
            "name",
            Some("a b.pdf"),
        );
        check(
            "application/pdf inline; name=x",
            "application/pdf",
            "name",
            Some("x"),
        );
        check(
            "Text / Plain; Charset = \"utf-8\" ; x=1",
            "text/plain",
            "charset",
            Some("utf-8"),
        );
        check(
            "text/plain (kiểu; x=1) ; charset=utf-8 (chữ)",
            "text/plain",
            "charset",
            Some("utf-8"),
        );
        check("a/b; name=\"x;y\\\"z\"", "a/b", "name", Some("x;y\"z"));
        check(
            "a/b; name=\"C:\\dir\\x.doc\"",
            "a/b",
            "name",
            Some("C:\\dir\\x.doc"),
        );
        check("a/b; name=\"unclosed", "a/b", "name", Some("unclosed"));
        check("a/b; name=first; name=second", "a/b", "name", Some("first"));
        check(
            "a/b; name*=utf-8'vi'C%C3%B4ng%20v%C4%83n.docx",
            "a/b",
            "name",
            Some("Công văn.docx"),
        );
        check(
            "a/b; name*1=%20x; name*0*=utf-8''C%C3%B4ng; name*2*=%20y; name*4=z",
            "a/b",
            "name",
            Some("Công%20x y"),
        );
        check(
            "a/b; name*0=ab; name*1=\"c d\"",
            "a/b",
            "name",
            Some("abc d"),
        );
        check(
            "a/b; name=\"=?utf-8?b?Q8O0bmc=?=\"",
            "a/b",
            "name",
            Some("Công"),
        );
        check("a/b; name*=utf-8''%", "a/b", "name", Some("%"));
        check(
            "attachment;;; =x; filename=a.b",
            "attachment",
            "filename",
            Some("a.b"),
        );
        check("filename=a.b; x=y", "", "filename", Some("a.b"));
        check("; filename=a.b", "", "filename", Some("a.b"));
        check("", "", "name", None);
    }

    #[test]
    fn continuations_are_joined_as_rfc_2231_says() {
        let check = |field: &str, decode: bool, expected: &str| {
            let read = Declaration::read(field);
            let shown = joined(&read.params, decode);
            let shown: Vec<String> = shown.iter().map(|(n, v)| format!("{n}={v}")).collect();
            assert_eq!(shown.join(";"), expected, "{field} {decode}");
        };
        check(
            "a/b; x=1; baz*1=\"c d\"; baz*0=ab; y=2",
            false,
            "x=1;baz=abc d;y=2",
        );
        let long = "a/b; name*0*=utf-8'vi'C%C3%B4ng; name*1=\" v\"; name*2*=%C4%83n";
        check(long, false, "name*=utf-8'vi'C%C3%B4ng%20v%C4%83n");
        check(long, true, "name*=Công văn");
        let cut = "a/b; name*0=\"Bao cao \"; name*1=\" thang.pdf\" ; x= y ; z=\" \"";
        check(cut, false, "name=Bao cao  thang.pdf;x=y;z= ");
        check("a/b; name*=utf-8''x%20y", false, "name*=utf-8''x%20y");
        check("a/b; name*=utf-8''x%20y", true, "name*=x y");
        check("a/b; name*x=1; name*y=2", false, "name*x=1;name*y=2");
        check("a/b; name*0=ab; name*2=ef", false, "name=ab");
    }

    #[test]
    fn parameters_are_capped() {
        let many: String = (0..100_000).map(|n| format!(";p{n}=1")).collect();
        assert!(Declaration::read(&format!("a/b{many}")).params.len() <= PARAMETERS_MAX);
    }
}
