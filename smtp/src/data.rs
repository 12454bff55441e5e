//! RFC 5321 §4.5.2, RFC 3030 §2: the octets of a message as they arrive.
//!
//! Only `CRLF . CRLF` ends DATA, and a CR or LF by itself spoils the message: two servers that
//! disagree about line ends are how messages are smuggled. What is declared binary (RFC 3030 §3) comes by BDAT,
//! where lengths tell the end; in it a CR or LF may stand alone in parts that say that they are binary, which never
//! leave by DATA as they are.

use formats::message::binary;

/// Octets of one line of text. RFC 5321 §4.5.3.1.6 says 1000; generated HTML in real mail passes
/// that by far, and nothing here holds a line by itself, so the limit only stops the absurd.
pub const TEXT_LINE_MAX: usize = 1 << 20;

/// Why a message can no longer be taken; the first reason counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoiled {
    /// A CR without LF or an LF without CR.
    BareLineEnd,
    /// Longer than [`TEXT_LINE_MAX`].
    LineTooLong,
    /// More octets than a message may have.
    TooLarge,
    /// No memory for it now.
    NoRoom,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// After CRLF, or at the beginning.
    LineStart,
    /// Inside a line.
    Text,
    /// After a CR.
    Cr,
    /// After a dot at the start of a line.
    Dot,
    /// After a dot and a CR at the start of a line.
    DotCr,
}

/// A message being received.
#[derive(Debug)]
pub struct Body {
    /// Not made of lines.
    binary: bool,
    bytes: Vec<u8>,
    at: At,
    line: usize,
    spoiled: Option<Spoiled>,
    size_max: u64,
    /// Octets read since the message was spoiled.
    drained: u64,
}

impl Body {
    /// An empty one that may grow to `size_max` octets.
    pub fn new(size_max: u64) -> Self {
        Self {
            binary: false,
            bytes: Vec::new(),
            at: At::LineStart,
            line: 0,
            spoiled: None,
            size_max,
            drained: 0,
        }
    }

    /// The same of one that is binary, for chunks alone.
    pub fn binary(size_max: u64) -> Self {
        Self {
            binary: true,
            ..Self::new(size_max)
        }
    }

    /// Octets held.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Octets thrown away since it was spoiled.
    pub fn drained(&self) -> u64 {
        self.drained
    }

    /// Why it cannot be taken.
    pub fn spoiled(&self) -> Option<Spoiled> {
        self.spoiled
    }

    /// Drops what is held and keeps the first reason.
    pub fn spoil(&mut self, why: Spoiled) {
        self.spoiled.get_or_insert(why);
        self.bytes = Vec::new();
    }

    /// The message, or why not. A CR at the very end stands alone, too.
    pub fn finish(mut self) -> Result<Vec<u8>, Spoiled> {
        let stray = self.binary && binary::has_stray_line_ends(&self.bytes);
        if stray || self.at == At::Cr {
            self.spoil(Spoiled::BareLineEnd);
        }
        match self.spoiled {
            Some(why) => Err(why),
            None => Ok(self.bytes),
        }
    }

    /// Reads DATA's octets; returns how many were read and whether the end was among them.
    pub fn dotted(&mut self, input: &[u8]) -> (usize, bool) {
        let mut i = 0;
        while let Some(&b) = input.get(i) {
            match (self.at, b) {
                (At::LineStart, b'.') => {
                    self.at = At::Dot;
                    i += 1;
                }
                (At::Dot, b'\r') => {
                    self.at = At::DotCr;
                    i += 1;
                }
                (At::DotCr, b'\n') => {
                    self.at = At::LineStart;
                    return (i + 1, true);
                }
                (At::DotCr, _) => {
                    self.spoil(Spoiled::BareLineEnd);
                    self.at = At::Text;
                }
                // RFC 5321 §4.5.2: the first dot of a longer line was added by the sender.
                (At::Dot, _) => self.at = At::Text,
                _ => i += self.text(&input[i..]),
            }
        }
        (i, false)
    }

    /// Reads octets of a BDAT chunk, all of them.
    pub fn chunk(&mut self, input: &[u8]) {
        if self.binary {
            return self.push(input);
        }
        let mut i = 0;
        while i < input.len() {
            i += self.text(&input[i..]);
        }
    }

    /// Reads up to the end of the line that `input` is in; at least one octet. Never in a dot state.
    fn text(&mut self, input: &[u8]) -> usize {
        if self.at == At::Cr {
            if input[0] == b'\n' {
                self.push(b"\r\n");
                self.at = At::LineStart;
                self.line = 0;
                return 1;
            }
            self.spoil(Spoiled::BareLineEnd);
        }
        self.at = At::Text;
        let end = memchr::memchr2(b'\r', b'\n', input);
        let text = &input[..end.unwrap_or(input.len())];
        self.line += text.len();
        if self.line > TEXT_LINE_MAX {
            self.spoil(Spoiled::LineTooLong);
        }
        let Some(end) = end else {
            self.push(text);
            return text.len();
        };
        // The usual case in one copy: text and its CRLF are both here.
        if input[end..].starts_with(b"\r\n") {
            self.push(&input[..end + 2]);
            self.at = At::LineStart;
            self.line = 0;
            return end + 2;
        }
        self.push(text);
        if input[end] == b'\r' {
            self.at = At::Cr;
        } else {
            self.spoil(Spoiled::BareLineEnd);
        }
        end + 1
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.spoiled.is_some() {
            self.drained += bytes.len() as u64;
        } else if (self.bytes.len() + bytes.len()) as u64 > self.size_max {
            self.spoil(Spoiled::TooLarge);
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds whole, and split at every octet, and octet by octet: all must agree.
    fn check(input: &[u8], expected: Option<Result<&[u8], Spoiled>>) {
        let expected = expected.map(|r| r.map(<[u8]>::to_vec));
        for step in 1..=input.len().max(1) {
            let mut body = Body::new(64);
            let (mut at, mut ended) = (0, false);
            for piece in input.chunks(step) {
                let (used, end) = body.dotted(piece);
                at += used;
                if end {
                    ended = true;
                    break;
                }
            }
            assert!(ended || at == input.len());
            let got = ended.then(|| body.finish());
            assert_eq!(
                got,
                expected,
                "{:?} by {step}",
                String::from_utf8_lossy(input)
            );
        }
    }

    #[test]
    fn dots_are_removed_and_only_crlf_dot_crlf_ends() {
        check(b".\r\n", Some(Ok(b"")));
        check(b"a\r\n.\r\n", Some(Ok(b"a\r\n")));
        check(b"..\r\n...b\r\n.c\r\n.\r\n", Some(Ok(b".\r\n..b\r\nc\r\n")));
        check(b"a\r\n.b\r\n..\r\n.\r\nQUIT", Some(Ok(b"a\r\nb\r\n.\r\n")));
        check(b"a.\r\n.\r\n", Some(Ok(b"a.\r\n")));
        check(b"a\r\n.", None);
        check(b"a\r\n.\r", None);
    }

    #[test]
    fn smuggled_ends_are_no_ends_and_spoil_the_message() {
        // smtpsmuggling.com: the ends that one of two servers took for an end.
        for fake in [
            "\n.\n",
            "\n.\r\n",
            "\r.\r",
            "\r.\r\n",
            "\r\n.\n",
            "\r\n.\r",
            "\r\n\0.\r\n.x",
            "\n.\r",
            "\r.\n",
        ] {
            let text = format!("a{fake}MAIL FROM:<x@y>\r\nb\r\n.\r\n");
            let real = fake.contains('\0');
            let bare = Some(Err(Spoiled::BareLineEnd));
            check(
                text.as_bytes(),
                if real {
                    Some(Ok(b"a\r\n\0.\r\nxMAIL FROM:<x@y>\r\nb\r\n"))
                } else {
                    bare
                },
            );
        }
    }

    #[test]
    fn binary_chunks_are_kept_as_they_are_within_binary_parts() {
        let check = |message: &[u8], expected: Result<(), Spoiled>| {
            for step in 1..=message.len() {
                let mut body = Body::binary(100);
                message.chunks(step).for_each(|piece| body.chunk(piece));
                let expected = expected.map(|()| message.to_vec());
                assert_eq!(body.finish(), expected, "by {step}");
            }
        };
        let part = b"Content-Transfer-Encoding: binary\r\n\r\n\0\r\r\n.\r\n\n.\n\xff\r";
        check(part, Ok(()));
        check(b"A: b\r\n\r\nc\0\xff", Ok(()));
        let bare = Err(Spoiled::BareLineEnd);
        check(b"A: b\nContent-Transfer-Encoding: binary\r\n\r\nc", bare);
        check(b"A: b\r\n\r\nc\n.\r\n", bare);
        check(&[b'x'; 101], Err(Spoiled::TooLarge));
    }

    #[test]
    fn what_is_too_much_is_not_held() {
        let long = [b'x'; 65];
        check(
            &[&long[..], b"\r\n.\r\n"].concat(),
            Some(Err(Spoiled::TooLarge)),
        );
        let mut body = Body::new(u64::MAX);
        body.chunk(&vec![b'x'; TEXT_LINE_MAX + 1]);
        assert_eq!(
            (body.len(), body.spoiled()),
            (0, Some(Spoiled::LineTooLong))
        );
        let mut body = Body::new(10);
        body.chunk(b"a\r");
        assert_eq!(body.finish(), Err(Spoiled::BareLineEnd));
    }
}
