//! RFC 9051 §7, RFC 3501 §7: strings, attributes and status lines as they go out.

use std::fmt::Write as _;
use storage::Role;

/// A quoted string longer than this goes as a literal.
const QUOTED_MAX: usize = 1_000;

/// The outcome words of a status response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Status {
    Ok,
    No,
    Bad,
}

impl Status {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::No => "NO",
            Self::Bad => "BAD",
        }
    }
}

/// string = quoted / literal. With `utf8` (rev2) non-ASCII text may be quoted; otherwise it is a literal.
/// NUL, which no string may hold, is left out.
pub fn string(out: &mut Vec<u8>, octets: &[u8], utf8: bool) {
    if octets.len() <= QUOTED_MAX && is_text(octets, utf8) {
        quoted(out, octets);
    } else if memchr::memchr(0, octets).is_some() {
        let clean: Vec<u8> = octets.iter().copied().filter(|b| *b != 0).collect();
        literal(out, &clean);
    } else {
        literal(out, octets);
    }
}

/// Whether it can be quoted. Without a branch for each octet: every list of messages comes by here.
fn is_text(octets: &[u8], utf8: bool) -> bool {
    let (mut control, mut high) = (false, 0);
    for octet in octets {
        control |= *octet < 0x20 || *octet == 0x7f;
        high |= octet & 0x80;
    }
    !control && (high == 0 || (utf8 && std::str::from_utf8(octets).is_ok()))
}

fn quoted(out: &mut Vec<u8>, octets: &[u8]) {
    out.reserve(octets.len() + 2);
    out.push(b'"');
    let mut rest = octets;
    while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(&[b'\\', rest[at]]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// number64, without the ways of `std::fmt`: each message of a list has some.
pub fn number(out: &mut Vec<u8>, number: u64) {
    // The greatest has twenty digits.
    let (mut digits, mut at, mut rest) = ([b'0'; 20], 20, number);
    while rest > 0 || at == digits.len() {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&digits[at..]);
}

/// literal = "{" number64 "}" CRLF *CHAR8
pub fn literal(out: &mut Vec<u8>, octets: &[u8]) {
    out.push(b'{');
    number(out, octets.len() as u64);
    out.extend_from_slice(b"}\r\n");
    out.extend_from_slice(octets);
}

/// nstring = string / nil
pub fn nstring(out: &mut Vec<u8>, text: Option<&str>, utf8: bool) {
    match text {
        Some(text) => string(out, text.as_bytes(), utf8),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// mailbox = "INBOX" / astring, always as a string but for INBOX.
pub fn mailbox(out: &mut Vec<u8>, name: &str, utf8: bool) {
    if name == "INBOX" {
        out.extend_from_slice(b"INBOX");
    } else if utf8 {
        string(out, name.as_bytes(), true);
    } else {
        string(out, super::utf7::encode(name).as_bytes(), false);
    }
}

/// Text that cannot break the line: what is not printable ASCII becomes `?`, at most 200 octets.
pub fn tame(text: &str) -> String {
    let fits = |c: char| (' '..='~').contains(&c);
    text.chars()
        .take(200)
        .map(|c| if fits(c) { c } else { '?' })
        .collect()
}

/// RFC 6154 §2: the attribute of a role.
pub fn special_use(role: Role) -> Option<&'static str> {
    Some(match role {
        Role::Inbox => return None,
        Role::Drafts => "\\Drafts",
        Role::Sent => "\\Sent",
        Role::Junk => "\\Junk",
        Role::Trash => "\\Trash",
        Role::Archive => "\\Archive",
    })
}

/// The role of an attribute without its backslash.
pub fn role(name: &str) -> Option<Role> {
    let roles = [
        Role::Drafts,
        Role::Sent,
        Role::Junk,
        Role::Trash,
        Role::Archive,
    ];
    roles
        .into_iter()
        .find(|r| special_use(*r).is_some_and(|a| a[1..].eq_ignore_ascii_case(name)))
}

/// Appends formatted ASCII.
pub fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    struct Octets<'a>(&'a mut Vec<u8>);
    impl std::fmt::Write for Octets<'_> {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.extend_from_slice(text.as_bytes());
            Ok(())
        }
    }
    Octets(out)
        .write_fmt(text)
        .expect("writing to memory does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, utf8: bool, expected: &str) {
        let mut out = Vec::new();
        string(&mut out, text.as_bytes(), utf8);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn numbers_are_written_whole() {
        for n in [0, 1, 9, 10, 100, 4_294_967_295, u64::MAX] {
            let mut out = Vec::new();
            number(&mut out, n);
            assert_eq!(out, n.to_string().as_bytes());
        }
    }

    #[test]
    fn strings_are_quoted_where_they_may_be() {
        check("", false, "\"\"");
        check("a\"b\\c", false, "\"a\\\"b\\\\c\"");
        check("a\r\nb", false, "{4}\r\na\r\nb");
        check("ă", false, "{2}\r\nă");
        check("ă", true, "\"ă\"");
        check("a\0b", true, "{2}\r\nab");
        check(
            &"x".repeat(1001),
            true,
            &format!("{{1001}}\r\n{}", "x".repeat(1001)),
        );
    }

    #[test]
    fn uses_and_names_return() {
        assert_eq!(role("junk"), Some(Role::Junk));
        assert_eq!(role("All"), None);
        let mut out = Vec::new();
        mailbox(&mut out, "Công văn", false);
        out.push(b' ');
        mailbox(&mut out, "Công văn", true);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\"C&APQ-ng v&AQM-n\" \"Công văn\""
        );
    }
}
