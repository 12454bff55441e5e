//! RFC 1939 §3: octets become lines, within limits that hold before anything is kept.

/// Octets of a line that is too long which are read and dropped; then the peer cannot be followed.
pub const DROPPED_MAX: usize = 64 * 1024;

/// What was read but not used. Empty, it holds no memory.
#[derive(Debug, Default)]
pub struct Lines {
    buffer: Vec<u8>,
    /// Where the unused octets begin.
    at: usize,
    /// Up to where there is no line end.
    searched: usize,
    /// Octets of the line now coming in that were too many.
    dropped: usize,
}

/// The next line.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// More octets are needed.
    More,
    /// Without its line end.
    Whole(Vec<u8>),
    /// It was too long and was passed over.
    TooLong,
    /// It does not end.
    Endless,
}

impl Lines {
    /// Adds octets.
    pub fn push(&mut self, octets: &[u8]) {
        self.buffer.drain(..self.at);
        self.searched -= self.at;
        self.at = 0;
        self.buffer.extend_from_slice(octets);
    }

    /// Forgets everything (RFC 2595 §4: what came before TLS).
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The next line of at most `max` octets. A line feed alone ends it too: some old clients send no more.
    pub fn next(&mut self, max: usize) -> Line {
        let Some(found) = memchr::memchr(b'\n', &self.buffer[self.searched..]) else {
            return self.unfinished(max);
        };
        let end = self.searched + found;
        let line = &self.buffer[self.at..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let next = if self.dropped > 0 || line.len() > max {
            Line::TooLong
        } else {
            Line::Whole(line.to_vec())
        };
        (self.at, self.searched, self.dropped) = (end + 1, end + 1, 0);
        if self.at == self.buffer.len() {
            self.clear();
        }
        next
    }

    fn unfinished(&mut self, max: usize) -> Line {
        self.searched = self.buffer.len();
        let len = self.buffer.len() - self.at;
        // A CR that may belong to the line end is not the line's.
        if len > max + 1 || self.dropped > 0 {
            self.dropped += len;
            (self.at, self.searched) = (0, 0);
            self.buffer = Vec::new();
        }
        match self.dropped > DROPPED_MAX {
            true => Line::Endless,
            false => Line::More,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What lines of at most 5 octets come of the pieces; `|` between them.
    fn check(pieces: &[&[u8]], expected: &str) {
        let mut lines = Lines::default();
        let mut got = Vec::new();
        for piece in pieces {
            lines.push(piece);
            loop {
                match lines.next(5) {
                    Line::More => break,
                    Line::Whole(line) => got.push(String::from_utf8(line).unwrap()),
                    Line::TooLong => got.push("long".into()),
                    Line::Endless => {
                        got.push("endless".into());
                        break;
                    }
                }
            }
        }
        assert_eq!(got.join("|"), expected, "{pieces:?}");
    }

    #[test]
    fn lines_end_where_they_end_however_they_are_cut() {
        check(&[b"STAT\r\nNOOP\r\n"], "STAT|NOOP");
        check(&[b"STA", b"T\r", b"\nNOOP\n"], "STAT|NOOP");
        check(&[b"12345\r", b"\n"], "12345");
        check(&[b"123456\r\n12345\r\n"], "long|12345");
        check(&[b"1234567", b"8", b"\r\nSTAT\r\n"], "long|STAT");
        check(&[b"\r\n\n"], "|");
        check(&[b"a\rb\n"], "a\rb");
        check(&[&[b'x'; DROPPED_MAX + 1]], "endless");
        check(&[&[b'x'; DROPPED_MAX], b"\nok\n"], "long|ok");
    }

    #[test]
    fn nothing_is_kept_of_what_was_used() {
        let mut lines = Lines::default();
        lines.push(b"NOOP\r\nNOOP\r\n");
        assert_eq!(lines.next(9), Line::Whole(b"NOOP".to_vec()));
        assert_eq!(lines.next(9), Line::Whole(b"NOOP".to_vec()));
        assert_eq!(lines.buffer.capacity(), 0);
        lines.push(&[b'x'; 50]);
        assert_eq!(lines.next(9), Line::More);
        assert_eq!(lines.buffer.capacity(), 0);
    }
}
