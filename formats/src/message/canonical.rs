//! RFC 6376 §3.4: header fields and bodies in the form over which DKIM signatures are made ("relaxed"), and where the
//! one ends and the other begins.
//!
//! What counts is the message as it goes over the wire, where each line ends by CRLF: a CR or an LF alone, which
//! a peer would get as CRLF, ends a line here too.

use std::borrow::Cow;

/// Octets that are given to the sink at once, or little more.
pub const PIECE_MAX: usize = 16 * 1024;

/// Header and body; the empty line between them belongs to neither.
#[must_use]
pub fn split(message: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    while let Some((line, width)) = next_line(&message[at..]) {
        if line == 0 && width > 0 {
            return (&message[..at], &message[at + width..]);
        }
        at += line + width;
    }
    (message, b"")
}

/// Octets of the first line and of its end; `None`: there is none.
fn next_line(rest: &[u8]) -> Option<(usize, usize)> {
    if rest.is_empty() {
        return None;
    }
    let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
    let width = match rest[end..] {
        [] => 0,
        [b'\r', b'\n', ..] => 2,
        _ => 1,
    };
    Some((end, width))
}

/// The header with every line ended by CRLF.
#[must_use]
pub fn lines_ended(header: &[u8]) -> Cow<'_, [u8]> {
    let mut at = 0;
    let mut clean = true;
    while let Some((line, width)) = next_line(&header[at..]) {
        clean &= width == 2;
        at += line + width;
    }
    if clean {
        return Cow::Borrowed(header);
    }
    let (mut out, mut at) = (Vec::with_capacity(header.len() + 64), 0);
    while let Some((line, width)) = next_line(&header[at..]) {
        out.extend_from_slice(&header[at..at + line]);
        out.extend_from_slice(b"\r\n");
        at += line + width;
    }
    Cow::Owned(out)
}

/// RFC 6376 §3.4.2: a field with its line end, in its relaxed form, onto `out`. What has no colon adds nothing.
pub fn relaxed_field(raw: &[u8], out: &mut Vec<u8>) {
    let Some(colon) = memchr::memchr(b':', raw) else {
        return;
    };
    let name = raw[..colon].trim_ascii_end();
    out.extend(name.iter().map(u8::to_ascii_lowercase));
    out.push(b':');
    let (mut gap, mut begun) = (false, false);
    for octet in &raw[colon + 1..] {
        match octet {
            b'\r' | b'\n' => {}
            b' ' | b'\t' => gap = true,
            _ => {
                if gap && begun {
                    out.push(b' ');
                }
                (gap, begun) = (false, true);
                out.push(*octet);
            }
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// RFC 6376 §3.4.4: a body in its relaxed form, fed and given on in pieces.
#[derive(Debug, Default)]
pub struct RelaxedBody {
    out: Vec<u8>,
    /// Empty lines that came last: they count once something follows them.
    empty: u64,
    /// The line has something other than white space.
    begun: bool,
    /// White space came last.
    gap: bool,
    /// A CR came last: an LF now belongs to it.
    cr: bool,
    /// A CR or LF alone is an octet like another.
    exact: bool,
}

impl RelaxedBody {
    /// Of a body as it came over the wire: only CRLF ends a line. One that is binary (RFC 3030) may have CR and LF alone.
    #[must_use]
    pub fn exact() -> Self {
        Self {
            exact: true,
            ..Self::default()
        }
    }

    /// Takes the next octets; `sink` gets what they become.
    pub fn feed(&mut self, octets: &[u8], sink: &mut dyn FnMut(&[u8])) {
        let mut rest = octets;
        while let [first, after @ ..] = rest {
            let after_cr = std::mem::take(&mut self.cr);
            if self.exact && (after_cr || matches!(first, b'\r' | b'\n')) {
                rest = self.exactly(*first, after_cr, rest, sink);
                continue;
            }
            if after_cr && *first == b'\n' {
                rest = after;
                continue;
            }
            match first {
                b'\r' | b'\n' => {
                    self.cr = *first == b'\r';
                    self.end_line();
                    rest = after;
                }
                b' ' | b'\t' => {
                    self.gap = true;
                    rest = after;
                }
                _ => {
                    self.begin(sink);
                    let special = |octet: &u8| matches!(octet, b' ' | b'\t' | b'\r' | b'\n');
                    let most = rest.len().min(PIECE_MAX);
                    let run = rest[..most].iter().position(special).unwrap_or(most);
                    self.out.extend_from_slice(&rest[..run]);
                    rest = &rest[run..];
                }
            }
            self.give(PIECE_MAX, sink);
        }
    }

    /// Around a CR or an LF where only both together end a line; what is left to read.
    fn exactly<'a>(
        &mut self,
        first: u8,
        after_cr: bool,
        rest: &'a [u8],
        sink: &mut dyn FnMut(&[u8]),
    ) -> &'a [u8] {
        match (after_cr, first) {
            (true, b'\n') => self.end_line(),
            (true, _) => {
                self.begin(sink);
                self.out.push(b'\r');
                return rest;
            }
            (false, b'\r') => self.cr = true,
            (false, _) => {
                self.begin(sink);
                self.out.push(first);
            }
        }
        self.give(PIECE_MAX, sink);
        &rest[1..]
    }

    /// The end: a last line without its end gets one, empty lines are left out.
    pub fn finish(mut self, sink: &mut dyn FnMut(&[u8])) {
        if self.exact && self.cr {
            self.begin(sink);
            self.out.push(b'\r');
        }
        if self.begun {
            self.end_line();
        }
        self.give(1, sink);
    }

    /// Something is to follow in this line.
    fn begin(&mut self, sink: &mut dyn FnMut(&[u8])) {
        for _ in 0..std::mem::take(&mut self.empty) {
            self.out.extend_from_slice(b"\r\n");
            self.give(PIECE_MAX, sink);
        }
        if std::mem::take(&mut self.gap) {
            self.out.push(b' ');
        }
        self.begun = true;
    }

    fn end_line(&mut self) {
        self.gap = false;
        if std::mem::take(&mut self.begun) {
            self.out.extend_from_slice(b"\r\n");
        } else {
            self.empty += 1;
        }
    }

    /// Gives on what has gathered, once it is `least` octets.
    fn give(&mut self, least: usize, sink: &mut dyn FnMut(&[u8])) {
        if self.out.len() >= least {
            sink(&self.out);
            self.out.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body_in_pieces(body: &[u8], piece: usize) -> Vec<u8> {
        let mut got = Vec::new();
        let mut relaxed = RelaxedBody::default();
        for piece in body.chunks(piece) {
            relaxed.feed(piece, &mut |octets| got.extend_from_slice(octets));
        }
        relaxed.finish(&mut |octets| got.extend_from_slice(octets));
        got
    }

    #[test]
    fn bodies_are_relaxed() {
        let check = |body: &str, expected: &str| {
            for piece in [1, 2, 3, body.len().max(1)] {
                let got = body_in_pieces(body.as_bytes(), piece);
                assert_eq!(
                    String::from_utf8_lossy(&got),
                    expected,
                    "{body:?} by {piece}"
                );
            }
        };
        // RFC 6376 §3.4.5, example 1.
        check(" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n");
        check("", "");
        check("\r\n", "");
        check("\r\n\r\n\r\n", "");
        check("  \r\n\t\r\n ", "");
        check("a", "a\r\n");
        check("a  ", "a\r\n");
        check("a\r\n\r\n\r\nb", "a\r\n\r\n\r\nb\r\n");
        check("\r\n \r\na\r\n", "\r\n\r\na\r\n");
        check("\t\ta\t \tb", " a b\r\n");
        // As the wire has it: each of these is a line end.
        check("a\nb\rc\r\r\nd\n\re", "a\r\nb\r\nc\r\n\r\nd\r\n\r\ne\r\n");
        check(
            "a\0b\u{1ea1}\u{a0}c\u{b}\r\n",
            "a\0b\u{1ea1}\u{a0}c\u{b}\r\n",
        );
    }

    #[test]
    fn exactly_only_both_together_end_a_line() {
        let check = |body: &str, expected: &str| {
            for piece in [1, 2, 3, body.len().max(1)] {
                let mut got = Vec::new();
                let mut relaxed = RelaxedBody::exact();
                for piece in body.as_bytes().chunks(piece) {
                    relaxed.feed(piece, &mut |octets| got.extend_from_slice(octets));
                }
                relaxed.finish(&mut |octets| got.extend_from_slice(octets));
                assert_eq!(
                    String::from_utf8_lossy(&got),
                    expected,
                    "{body:?} by {piece}"
                );
            }
        };
        check(" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n");
        check("a\nb\rc\r\r\nd \n\re", "a\nb\rc\r\r\nd \n\re\r\n");
        check("\n", "\n\r\n");
        check("a\r", "a\r\r\n");
        check("a\r\n \r\n\r", "a\r\n\r\n\r\r\n");
        check("", "");
    }

    #[test]
    fn fields_are_relaxed() {
        let check = |field: &str, expected: &str| {
            let mut out = Vec::new();
            relaxed_field(field.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{field:?}");
        };
        // RFC 6376 §3.4.5, example 1.
        check("A: X\r\n", "a:X\r\n");
        check("B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n");
        check("SUBJect: AbC\r\n", "subject:AbC\r\n");
        check("Subject:\r\n", "subject:\r\n");
        check("Subject: \r\n \r\n", "subject:\r\n");
        check("Subject:\r\n a\r\n\t b:c \r\n", "subject:a b:c\r\n");
        check("Subject: Công  văn\r\n", "subject:Công văn\r\n");
        check("no field\r\n", "");
    }

    #[test]
    fn header_and_body_part_where_the_wire_has_an_empty_line() {
        let check = |message: &str, header: &str, body: &str| {
            let (got, rest) = split(message.as_bytes());
            assert_eq!(
                (
                    &*String::from_utf8_lossy(got),
                    &*String::from_utf8_lossy(rest)
                ),
                (header, body),
                "{message:?}"
            );
        };
        check("A: b\r\n\r\nc\r\n", "A: b\r\n", "c\r\n");
        check("A: b\n\nc", "A: b\n", "c");
        check("A: b\r\rc", "A: b\r", "c");
        check("A: b\r\n", "A: b\r\n", "");
        check("A: b", "A: b", "");
        check("\r\nbody", "", "body");
        check("", "", "");
        // CR CR LF is two line ends.
        check("A: b\r\r\nc", "A: b\r", "c");
        let ended =
            |header: &str| String::from_utf8(lines_ended(header.as_bytes()).into()).unwrap();
        assert_eq!(ended("A: b\rFrom: c\nD: e"), "A: b\r\nFrom: c\r\nD: e\r\n");
        assert!(matches!(lines_ended(b"A: b\r\n c\r\n"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(body in "[ab \t\r\n]{0,60}", piece in 1usize..9) {
            let whole = body_in_pieces(body.as_bytes(), usize::MAX);
            prop_assert_eq!(&body_in_pieces(body.as_bytes(), piece), &whole);
            // Relaxed twice is relaxed once.
            prop_assert_eq!(&body_in_pieces(&whole, usize::MAX), &whole);
        }
    }
}
