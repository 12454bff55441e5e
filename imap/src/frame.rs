//! RFC 9051 §4.3, RFC 7888: lines and literals become one whole command, within limits.
//!
//! The limits hold before anything is kept (ATTACKS 4): a line, a literal and their number are
//! bounded, more tightly before login, and a large literal needs room that the session sets aside.

use crate::wire::lexer::{Literal, TAG_MAX};

/// Octets of a command's text before login.
pub const LINE_BEFORE_LOGIN_MAX: usize = 8_192;
/// Octets of a command's text after login; a UID set of several thousand ranges fits.
pub const LINE_MAX: usize = 65_536;
/// Octets of one literal before login: a name or a password.
pub const LITERAL_BEFORE_LOGIN_MAX: u64 = 1_024;
/// Literals of one command before login.
pub const LITERALS_BEFORE_LOGIN_MAX: usize = 4;
/// Octets of one literal that is not APPEND's: a mailbox name or a search string.
pub const LITERAL_MAX: u64 = 16_384;
/// Literals of one command.
pub const LITERALS_MAX: usize = 64;
/// Literals of one APPEND or REPLACE: the messages of RFC 3502, the pieces of RFC 4469.
pub const LITERALS_OF_APPEND_MAX: usize = 1_024;
/// Octets of all literals of one APPEND, unless a single message may be larger.
pub const APPEND_MAX: u64 = 128 * 1024 * 1024;
/// Literals that make a command hold more than this need room set aside.
pub const ROOM_FREE_MAX: u64 = 16_384;
/// A longer line of a client that is signed in is read and dropped up to this length: a set of a million
/// message numbers is refused, and the session lives on.
pub const LINE_DROPPED_MAX: usize = 16 * 1024 * 1024;
/// The end of a dropped line that is kept, to see whether a literal follows.
const LINE_END_KEPT: usize = 24;
/// A refused literal that is sent anyway is read and dropped up to this length.
pub const DROPPED_MAX: u64 = 512 * 1024 * 1024;

/// What a frame came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// More octets are needed.
    More,
    /// The peer waits for `+` before it sends the literal.
    Continue,
    /// A literal of so many octets needs room: call [`Frame::room`].
    Room(u64),
    /// A whole command.
    Command(Vec<u8>, Vec<Literal>),
    /// The command is refused and was passed over; its tag where there was one.
    Refused(Option<String>, Refusal),
    /// The peer cannot be followed any longer.
    Fatal(&'static str),
}

/// Why a command was passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// RFC 7889 §4: NO [TOOBIG].
    TooBig,
    /// RFC 5464 §4.3: NO [METADATA MAXSIZE …].
    TooLong,
    /// No memory for it now: NO [LIMIT].
    NoRoom,
    /// BAD, with the reason.
    Bad(&'static str),
}

/// What holds for this connection now.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct Limits {
    pub signed_in: bool,
    pub size_max: u64,
}

/// A literal that was announced.
#[derive(Debug, Clone, Copy)]
struct Announced {
    at: usize,
    len: u64,
    waits: bool,
}

/// A command being gathered. Empty, it holds no memory.
#[derive(Debug, Default)]
pub struct Frame {
    text: Vec<u8>,
    literals: Vec<Literal>,
    /// Octets of the current literal that are still to come.
    missing: u64,
    pending: Option<Announced>,
    refusal: Option<Refusal>,
    /// Octets of the input already searched for a line end.
    searched: usize,
    /// Octets of a line that is too long which were dropped already.
    dropped: usize,
}

impl Frame {
    /// Whether a command has begun.
    pub fn begun(&self) -> bool {
        !self.text.is_empty() || self.missing > 0
    }

    /// Goes on with the input; takes from its front what it used. `More` only when that is all of it.
    pub fn advance(&mut self, input: &mut Input, limits: Limits) -> Event {
        loop {
            if self.pending.is_some() {
                return Event::More;
            }
            self.fill(input);
            if self.missing > 0 {
                return Event::More;
            }
            if let Some(event) = self.line(input, limits) {
                return event;
            }
        }
    }

    /// Takes one line; `None` when a literal follows at once.
    fn line(&mut self, input: &mut Input, limits: Limits) -> Option<Event> {
        let max = if limits.signed_in {
            LINE_MAX
        } else {
            LINE_BEFORE_LOGIN_MAX
        };
        let rest = input.rest();
        let Some(end) = memchr::memchr(b'\n', &rest[self.searched..]) else {
            self.searched = rest.len();
            let long = self.dropped > 0 || self.text.len() + rest.len() > max;
            return Some(match long {
                true => self.drop_some(input, limits),
                false => Event::More,
            });
        };
        let end = self.searched + end;
        self.searched = 0;
        let long = self.dropped > 0 || self.text.len() + end > max;
        if long && (!limits.signed_in || self.dropped + end > LINE_DROPPED_MAX) {
            return Some(Event::Fatal("the line is too long"));
        }
        let line = &rest[..end];
        let strict = line.ends_with(b"\r") && memchr::memchr(b'\r', line) == Some(end - 1);
        let mut begin = self.text.len();
        self.text
            .extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        input.used(end + 1);
        if long {
            self.dropped = 0;
            begin = self.shorten();
        }
        if !strict {
            // RFC 9051 §2.2: CRLF alone ends a line. A lone CR or LF is how commands are smuggled in.
            self.refusal
                .get_or_insert(Refusal::Bad("a line ends in CRLF"));
        }
        match announced(&self.text, begin) {
            Some(literal) if strict => self.announce(literal, limits),
            _ => Some(self.finish()),
        }
    }

    /// More of a line that is too long. A CR stays: its LF may be what comes next.
    fn drop_some(&mut self, input: &mut Input, limits: Limits) -> Event {
        let rest = input.rest();
        if !limits.signed_in || self.dropped + rest.len() > LINE_DROPPED_MAX {
            return Event::Fatal("the line is too long");
        }
        let len = rest.len() - usize::from(rest.ends_with(b"\r"));
        self.text.extend_from_slice(&rest[..len]);
        input.used(len);
        self.searched = 0;
        self.dropped += len;
        self.shorten();
        Event::More
    }

    /// Of a line that is too long its tag and its end are kept; gives where the end begins.
    fn shorten(&mut self) -> usize {
        self.refusal
            .get_or_insert(Refusal::Bad("[LIMIT] the line is too long"));
        self.literals.clear();
        let tag = self.text.iter().position(|b| *b == b' ');
        // One more than a tag may have, so that a cut one is not taken for a whole.
        let tag = tag.unwrap_or(self.text.len()).min(TAG_MAX + 1);
        let end = (self.text.len() - LINE_END_KEPT.min(self.text.len())).max(tag);
        let end = self.text.split_off(end);
        self.text.truncate(tag);
        self.text.push(b' ');
        self.text.extend_from_slice(&end);
        tag + 1
    }

    fn fill(&mut self, input: &mut Input) {
        let rest = input.rest();
        let len = usize::try_from(self.missing)
            .unwrap_or(usize::MAX)
            .min(rest.len());
        if self.refusal.is_none()
            && let Some(literal) = self.literals.last_mut()
        {
            literal.octets.extend_from_slice(&rest[..len]);
        }
        input.used(len);
        self.missing -= len as u64;
    }

    fn announce(&mut self, literal: Announced, limits: Limits) -> Option<Event> {
        if self.refusal.is_none() {
            self.refusal = self.judge(literal, limits);
        }
        match self.refusal {
            // Not asked to go on, the peer does not send it: the command ends here.
            Some(_) if literal.waits => Some(self.finish()),
            Some(Refusal::TooBig) if literal.len > DROPPED_MAX => {
                // RFC 7888 §5: also in BYE.
                Some(Event::Fatal(
                    "[TOOBIG] The message is larger than APPENDLIMIT",
                ))
            }
            Some(_) if !limits.signed_in || literal.len > DROPPED_MAX => {
                Some(Event::Fatal("the literal is too large"))
            }
            Some(_) => {
                self.drop_literal(literal);
                None
            }
            None if self.held().saturating_add(literal.len) > ROOM_FREE_MAX => {
                self.pending = Some(literal);
                Some(Event::Room(literal.len))
            }
            None => self.accept(literal),
        }
    }

    fn judge(&self, literal: Announced, limits: Limits) -> Option<Refusal> {
        if !limits.signed_in {
            let many = self.literals.len() >= LITERALS_BEFORE_LOGIN_MAX;
            let long = literal.len > LITERAL_BEFORE_LOGIN_MAX;
            return (many || long).then_some(Refusal::Bad("[LIMIT] the literal is too large"));
        }
        let append = self.is_append();
        let many = match append {
            true => LITERALS_OF_APPEND_MAX,
            false => LITERALS_MAX,
        };
        if self.literals.len() >= many {
            return Some(Refusal::Bad(match append {
                true => "[LIMIT] one APPEND takes at most 1000 messages",
                false => "[LIMIT] too many literals",
            }));
        }
        if !append {
            let long = literal.len > LITERAL_MAX;
            return long.then_some(match self.is_value() {
                true => Refusal::TooLong,
                false => Refusal::Bad("[LIMIT] the literal is too large"),
            });
        }
        let all = self.held().saturating_add(literal.len);
        let all_max = limits.size_max.saturating_add(LITERAL_MAX).max(APPEND_MAX);
        (all > all_max || literal.len > limits.size_max).then_some(Refusal::TooBig)
    }

    /// Octets of the literals so far.
    fn held(&self) -> u64 {
        self.literals.iter().map(|l| l.octets.len() as u64).sum()
    }

    /// The commands that bring messages: APPEND, REPLACE and UID REPLACE.
    fn is_append(&self) -> bool {
        let mut words = self.text.split(|b| *b == b' ').skip(1);
        let mut word = || words.next().unwrap_or_default().to_ascii_uppercase();
        match word().as_slice() {
            b"APPEND" | b"REPLACE" => true,
            b"UID" => word() == b"REPLACE",
            _ => false,
        }
    }

    /// What comes is the value of an annotation.
    fn is_value(&self) -> bool {
        let mut words = self.text.split(|b| *b == b' ').skip(1);
        let first = words.next().unwrap_or_default();
        first.eq_ignore_ascii_case(b"SETMETADATA")
    }

    /// The refused literal is read and dropped; of the command only its tag is still needed.
    fn drop_literal(&mut self, literal: Announced) {
        self.missing = literal.len;
        self.literals.clear();
        let tag = self
            .text
            .iter()
            .position(|b| *b == b' ')
            .unwrap_or(self.text.len());
        self.text.truncate(tag);
        self.text.push(b' ');
    }

    fn accept(&mut self, literal: Announced) -> Option<Event> {
        // The session has set this much aside, or it is small; growing by doubling would take twice.
        let octets = Vec::with_capacity(literal.len as usize);
        self.literals.push(Literal {
            at: literal.at,
            octets,
        });
        self.missing = literal.len;
        literal.waits.then_some(Event::Continue)
    }

    /// The answer to [`Event::Room`]; with `None`, go on with [`Frame::advance`].
    pub fn room(&mut self, granted: bool) -> Option<Event> {
        let literal = self.pending.take()?;
        if granted {
            return self.accept(literal);
        }
        self.refusal = Some(Refusal::NoRoom);
        if literal.waits {
            return Some(self.finish());
        }
        self.drop_literal(literal);
        None
    }

    fn finish(&mut self) -> Event {
        let text = std::mem::take(&mut self.text);
        let literals = std::mem::take(&mut self.literals);
        (self.missing, self.dropped) = (0, 0);
        match self.refusal.take() {
            None => Event::Command(text, literals),
            Some(refusal) => {
                let mut lexer = crate::wire::lexer::Lexer::new(&text, Vec::new());
                Event::Refused(lexer.tag().ok(), refusal)
            }
        }
    }
}

/// literal = "{" number64 ["+"] "}" CRLF; at the end of the line that begins at `begin`.
fn announced(text: &[u8], begin: usize) -> Option<Announced> {
    let inside = text
        .strip_suffix(b"}")
        .filter(|inside| inside.len() > begin)?;
    let tail = inside.len().saturating_sub(24).max(begin);
    let at = tail + memchr::memrchr(b'{', &inside[tail..])?;
    let count = &inside[at + 1..];
    let digits = count.strip_suffix(b"+").unwrap_or(count);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let len = std::str::from_utf8(digits)
        .ok()?
        .parse()
        .unwrap_or(u64::MAX);
    Some(Announced {
        at,
        len,
        waits: digits.len() == count.len(),
    })
}

/// Octets received and not used yet.
#[derive(Debug, Default)]
pub struct Input {
    octets: Vec<u8>,
    at: usize,
}

impl Input {
    /// Adds received octets.
    pub fn push(&mut self, octets: &[u8]) {
        if self.at > 0 && self.at >= self.octets.len() / 2 {
            self.octets.drain(..self.at);
            self.at = 0;
        }
        self.octets.extend_from_slice(octets);
    }

    /// What is not used yet.
    pub fn rest(&self) -> &[u8] {
        &self.octets[self.at..]
    }

    /// Marks octets as used; an emptied input gives its memory back, so that idle connections hold none.
    pub fn used(&mut self, len: usize) {
        self.at += len;
        if self.at >= self.octets.len() {
            self.clear();
        }
    }

    /// Takes everything that is not used yet.
    pub fn take(&mut self) -> Vec<u8> {
        let rest = self.octets.split_off(self.at);
        self.clear();
        rest
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.octets = Vec::new();
        self.at = 0;
    }

    /// Takes one line without CRLF; `Err` when it passes `max` or does not end in CRLF.
    pub fn line(&mut self, max: usize) -> Result<Option<Vec<u8>>, &'static str> {
        let rest = self.rest();
        let Some(end) = memchr::memchr(b'\n', rest) else {
            return if rest.len() > max {
                Err("the line is too long")
            } else {
                Ok(None)
            };
        };
        if end > max {
            return Err("the line is too long");
        }
        let line = rest[..end].strip_suffix(b"\r").map(<[u8]>::to_vec);
        self.used(end + 1);
        line.map(Some).ok_or("a line ends in CRLF")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds the octets in steps of `step`, and tells every event but More.
    fn events(octets: &[u8], step: usize, signed_in: bool) -> Vec<String> {
        let limits = Limits {
            signed_in,
            size_max: 100_000,
        };
        let (mut frame, mut input, mut seen) = (Frame::default(), Input::default(), Vec::new());
        for piece in octets.chunks(step) {
            input.push(piece);
            loop {
                let mut event = frame.advance(&mut input, limits);
                if let Event::Room(n) = event {
                    seen.push(format!("room {n}"));
                    match frame.room(n < 60_000) {
                        Some(next) => event = next,
                        None => continue,
                    }
                }
                match event {
                    Event::More => break,
                    Event::Command(text, literals) => seen.push(format!(
                        "{} {:?}",
                        String::from_utf8_lossy(&text),
                        literals
                            .iter()
                            .map(|l| (l.at, l.octets.len()))
                            .collect::<Vec<_>>()
                    )),
                    Event::Fatal(why) => {
                        seen.push(why.to_owned());
                        return seen;
                    }
                    other => seen.push(format!("{other:?}")),
                }
            }
        }
        seen
    }

    fn check(octets: &[u8], signed_in: bool, expected: &[&str]) {
        for step in [1, 2, 3, 7, octets.len().max(1)] {
            assert_eq!(
                events(octets, step, signed_in),
                expected,
                "in steps of {step}"
            );
        }
    }

    #[test]
    fn commands_are_gathered_however_they_are_split() {
        check(b"a NOOP\r\nb NOOP\r\n", false, &["a NOOP []", "b NOOP []"]);
        check(
            b"a LOGIN {2}\r\nab {3+}\r\nxyz\r\n",
            false,
            &["Continue", "a LOGIN {2} {3+} [(8, 2), (12, 3)]"],
        );
        check(
            b"a LOGIN {0}\r\n {0+}\r\n\r\n",
            false,
            &["Continue", "a LOGIN {0} {0+} [(8, 0), (12, 0)]"],
        );
        check(
            b"a SEARCH TEXT {2+}\r\n\r\n\r\n",
            true,
            &["a SEARCH TEXT {2+} [(14, 2)]"],
        );
    }

    #[test]
    fn i13_literals_are_limited() {
        check(
            b"a LOGIN {1025}\r\nb NOOP\r\n",
            false,
            &[
                "Refused(Some(\"a\"), Bad(\"[LIMIT] the literal is too large\"))",
                "b NOOP []",
            ],
        );
        check(
            b"a LOGIN {1025+}\r\nxx",
            false,
            &["the literal is too large"],
        );
        check(
            b"a LOGIN {99999999999999999999}\r\n",
            false,
            &["Refused(Some(\"a\"), Bad(\"[LIMIT] the literal is too large\"))"],
        );
        check(
            b"a APPEND x {100001}\r\nb NOOP\r\n",
            true,
            &["Refused(Some(\"a\"), TooBig)", "b NOOP []"],
        );
        check(
            b"a APPEND x {99999}\r\nb NOOP\r\n",
            true,
            &["room 99999", "Refused(Some(\"a\"), NoRoom)", "b NOOP []"],
        );
        let mut big = b"a APPEND x {100001+}\r\n".to_vec();
        big.extend(vec![b'\n'; 100_001]);
        big.extend(b" {3+}\r\nabc\r\nb NOOP\r\n");
        check(&big, true, &["Refused(Some(\"a\"), TooBig)", "b NOOP []"]);
        let mut well = b"a APPEND x {50000+}\r\n".to_vec();
        well.extend(vec![b'x'; 50_000]);
        well.extend(b"\r\n");
        check(
            &well,
            true,
            &["room 50000", "a APPEND x {50000+} [(11, 50000)]"],
        );
        let line = vec![b'x'; LINE_BEFORE_LOGIN_MAX + 1];
        assert_eq!(events(&line, 100, false), ["the line is too long"]);
    }

    #[test]
    fn i13_a_line_that_is_too_long_is_passed_over() {
        let refused = "Refused(Some(\"a\"), Bad(\"[LIMIT] the line is too long\"))";
        let of = |begin: &str, len: usize, end: &str| {
            let mut octets = begin.as_bytes().to_vec();
            octets.resize(begin.len() + len, b'x');
            octets.extend_from_slice(end.as_bytes());
            octets
        };
        let check = |octets: &[u8], expected: &[&str]| {
            for step in [1_000, 1_001, LINE_MAX, octets.len()] {
                assert_eq!(events(octets, step, true), expected, "in steps of {step}");
            }
        };
        check(
            &of("a FETCH ", 3 * LINE_MAX, "\r\nb NOOP\r\n"),
            &[refused, "b NOOP []"],
        );
        // Whatever literals it announces are not taken for commands.
        check(
            &of(
                "a FETCH {3+}\r\nabc",
                LINE_MAX,
                " {9+}\r\nc LOGOUT\r x\r\nb NOOP\r\n",
            ),
            &[refused, "b NOOP []"],
        );
        check(
            &of("a FETCH ", LINE_MAX, " {9}\r\nb NOOP\r\n"),
            &[refused, "b NOOP []"],
        );
        let nameless = refused.replace("Some(\"a\")", "None");
        check(
            &of("a", LINE_MAX, " x\r\nb NOOP\r\n"),
            &[&nameless, "b NOOP []"],
        );
        let endless = of("a ", LINE_DROPPED_MAX, "");
        for step in [4_096, endless.len()] {
            assert_eq!(events(&endless, step, true), ["the line is too long"]);
        }
    }

    #[test]
    fn lone_line_ends_are_refused() {
        let refused = "Refused(Some(\"a\"), Bad(\"a line ends in CRLF\"))";
        check(b"a NOOP\nb NOOP\r\n", false, &[refused, "b NOOP []"]);
        check(b"a LOGIN \"x\rb NOOP\" y\r\n", false, &[refused]);
    }
}
