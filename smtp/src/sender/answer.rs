//! RFC 5321 §4.2: reads a peer's replies, whatever it sends, within limits.
//!
//! ```text
//! Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF
//! Reply-code = %x32-35 %x30-35 %x30-39
//! ```

/// Octets of one line; RFC 5321 §4.5.3.1.5 says 512, some peers write essays.
pub const LINE_MAX: usize = 4_096;
/// Lines of one reply.
pub const LINES_MAX: usize = 256;
/// Octets of text kept of a reply, all its lines together.
pub const TEXT_MAX: usize = 1_024;

/// A whole reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// 200 to 599.
    pub code: u16,
    /// RFC 2034 §4: the enhanced code, where the peer gave one of the same class.
    pub enhanced: Option<(u8, u16, u16)>,
    /// What it says, lines joined by spaces, without codes and control characters; at most [`TEXT_MAX`].
    pub text: String,
    /// The lines as they came, without codes: EHLO's are keywords. Cut at [`LINES_MAX`].
    pub(crate) lines: Vec<String>,
}

impl Reply {
    /// The first digit, by which a client decides (RFC 5321 §4.2.1).
    #[must_use]
    pub fn class(&self) -> u8 {
        (self.code / 100) as u8
    }

    /// `code [enhanced] text`, as one line for people and for Diagnostic-Code (RFC 3464 §2.3.6).
    #[must_use]
    pub fn line(&self) -> String {
        match self.enhanced {
            Some((class, subject, detail)) => {
                format!("{} {class}.{subject}.{detail} {}", self.code, self.text)
            }
            None => format!("{} {}", self.code, self.text),
        }
        .trim_end()
        .to_owned()
    }

    /// The enhanced code, or one that says no more than the class (RFC 3463 §3.1).
    #[must_use]
    pub fn status(&self) -> String {
        match self.enhanced {
            Some((class, subject, detail)) => format!("{class}.{subject}.{detail}"),
            None => format!("{}.0.0", self.class().min(5)),
        }
    }
}

/// What the peer sent is no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nonsense {
    /// A line over [`LINE_MAX`].
    LineTooLong,
    /// A reply of more than [`LINES_MAX`] lines.
    TooManyLines,
    /// A line that does not begin with a code, or whose code differs from the one before.
    NoCode,
}

impl Nonsense {
    /// For the log and the bounce.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::LineTooLong => "the peer's reply has a line that is too long",
            Self::TooManyLines => "the peer's reply never ends",
            Self::NoCode => "the peer's reply cannot be read",
        }
    }
}

/// Gathers replies from octets that come in any pieces.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    input: Vec<u8>,
    used: usize,
    lines: Vec<String>,
    code: Option<u16>,
}

impl Replies {
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        if self.used > 0 {
            self.input.drain(..self.used);
            self.used = 0;
        }
        self.input.extend_from_slice(bytes);
    }

    /// Octets that wait unread: after STARTTLS's reply there must be none (RFC 3207 §5).
    pub(crate) fn pending(&self) -> bool {
        self.input.len() > self.used || self.code.is_some()
    }

    /// The next whole reply, if it is here.
    pub(crate) fn next(&mut self) -> Result<Option<Reply>, Nonsense> {
        loop {
            let rest = &self.input[self.used..];
            let Some(end) = memchr::memchr(b'\n', rest) else {
                return if rest.len() > LINE_MAX {
                    Err(Nonsense::LineTooLong)
                } else {
                    Ok(None)
                };
            };
            if end > LINE_MAX {
                return Err(Nonsense::LineTooLong);
            }
            // A bare LF ends a line too: nothing can be smuggled into ourselves by it.
            let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
            let (code, more, text) = split(line).ok_or(Nonsense::NoCode)?;
            let text = plain(text);
            self.used += end + 1;
            if self.code.is_some_and(|before| before != code) {
                return Err(Nonsense::NoCode);
            }
            if self.lines.len() == LINES_MAX {
                return Err(Nonsense::TooManyLines);
            }
            self.lines.push(text);
            if more {
                self.code = Some(code);
                continue;
            }
            self.code = None;
            return Ok(Some(join(code, std::mem::take(&mut self.lines))));
        }
    }
}

/// Code, whether more lines follow, text.
fn split(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (code, rest) = line.split_at_checked(3)?;
    if !code.iter().all(u8::is_ascii_digit) || !(b'2'..=b'5').contains(&code[0]) {
        return None;
    }
    let code = code
        .iter()
        .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match rest.split_first() {
        None => Some((code, false, b"")),
        Some((b' ', text)) => Some((code, false, text)),
        Some((b'-', text)) => Some((code, true, text)),
        Some(_) => None,
    }
}

/// Text that can be shown: what is not UTF-8 and what controls a terminal is replaced.
fn plain(text: &[u8]) -> String {
    String::from_utf8_lossy(text)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>()
        .trim()
        .to_owned()
}

fn join(code: u16, lines: Vec<String>) -> Reply {
    let enhanced = lines
        .first()
        .and_then(|line| enhanced(line))
        .filter(|e| u16::from(e.0) == code / 100);
    let mut text = String::new();
    for line in &lines {
        let bare = match enhanced {
            Some(_) if self::enhanced(line).is_some() => {
                line.split_once(' ').map_or("", |(_, rest)| rest)
            }
            _ => line,
        };
        if bare.is_empty() || text.len() >= TEXT_MAX {
            continue;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(bare);
    }
    let mut end = text.len().min(TEXT_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    Reply {
        code,
        enhanced,
        text,
        lines,
    }
}

/// `status-code ::= class "." subject "." detail`, RFC 2034 §4.
fn enhanced(line: &str) -> Option<(u8, u16, u16)> {
    let word = line.split(' ').next()?;
    let mut parts = word.split('.');
    let (class, subject, detail) = (parts.next()?, parts.next()?, parts.next()?);
    let number = |text: &str| {
        let fits = (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| text.parse().ok()).flatten()
    };
    match (parts.next(), class) {
        (None, "2" | "4" | "5") => Some((class.parse().ok()?, number(subject)?, number(detail)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds at every split: all agree.
    fn check(input: &[u8], expected: Result<Option<(u16, &str, &str)>, Nonsense>) {
        for step in 1..=input.len() {
            let mut replies = Replies::default();
            let mut got = Ok(None);
            for piece in input.chunks(step) {
                replies.receive(piece);
                got = replies.next();
                if got != Ok(None) {
                    break;
                }
            }
            let got = got.map(|r| r.map(|r| (r.code, r.status(), r.text)));
            let expected = expected.map(|r| r.map(|(c, s, t)| (c, s.to_owned(), t.to_owned())));
            assert_eq!(
                got,
                expected,
                "{:?} by {step}",
                String::from_utf8_lossy(input)
            );
        }
    }

    #[test]
    fn replies_are_read_however_they_are_cut() {
        check(b"250 2.1.0 Ok\r\n", Ok(Some((250, "2.1.0", "Ok"))));
        check(b"250\r\n", Ok(Some((250, "2.0.0", ""))));
        check(b"250 Ok\n", Ok(Some((250, "2.0.0", "Ok"))));
        check(
            b"550-5.1.1 No such\r\n550-5.1.1 user\r\n550 5.1.1 here\r\n",
            Ok(Some((550, "5.1.1", "No such user here"))),
        );
        check(
            b"550-first\r\n550 5.1.1 second\r\n",
            Ok(Some((550, "5.0.0", "first 5.1.1 second"))),
        );
        // An enhanced code of another class is only text (RFC 2034 §4).
        check(b"450 5.1.1 odd\r\n", Ok(Some((450, "4.0.0", "5.1.1 odd"))));
        check(
            b"450 4.1.1.1 odd\r\n",
            Ok(Some((450, "4.0.0", "4.1.1.1 odd"))),
        );
        check(
            b"450 4.1234.1 odd\r\n",
            Ok(Some((450, "4.0.0", "4.1234.1 odd"))),
        );
        check(
            "550 5.1.1 Kh\u{f4}ng c\u{f3}\x1b[31m\r\n".as_bytes(),
            Ok(Some((550, "5.1.1", "Không có [31m"))),
        );
        check(b"250-half\r\n", Ok(None));
        check(b"250 hal", Ok(None));
    }

    #[test]
    fn nonsense_is_refused_within_limits() {
        check(b"hello\r\n", Err(Nonsense::NoCode));
        check(b"199 x\r\n", Err(Nonsense::NoCode));
        check(b"600 x\r\n", Err(Nonsense::NoCode));
        check(b"2500 x\r\n", Err(Nonsense::NoCode));
        check(b"\r\n", Err(Nonsense::NoCode));
        check(b"250-a\r\n251 b\r\n", Err(Nonsense::NoCode));
        let mut replies = Replies::default();
        replies.receive(&vec![b'2'; LINE_MAX + 1]);
        assert_eq!(replies.next(), Err(Nonsense::LineTooLong));
        let mut replies = Replies::default();
        replies.receive("250-x\r\n".repeat(LINES_MAX + 1).as_bytes());
        assert_eq!(replies.next(), Err(Nonsense::TooManyLines));
        let mut replies = Replies::default();
        replies.receive(format!("250-{}\r\n250 end\r\n", "é".repeat(TEXT_MAX)).as_bytes());
        let reply = replies.next().unwrap().unwrap();
        assert!(reply.text.len() <= TEXT_MAX);
    }
}
