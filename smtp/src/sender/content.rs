//! RFC 5321 §4.5.2: a message as DATA carries it: dots doubled, every line ended by CRLF, a dot alone at its end.
//!
//! A CR or LF that stands alone becomes CRLF, so that no peer can take part of a message for its end
//! (the other half of what `data` refuses on the way in).

use std::sync::Arc;

/// Octets of content sent at once: a slow peer holds one such piece.
pub const PIECE_MAX: usize = 64 * 1024;

/// A message on its way out.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// What goes first, until it is given: whole fields, short ones.
    head: Arc<[u8]>,
    content: Arc<[u8]>,
    at: usize,
    /// The octet before `at` ended a line.
    line_start: bool,
    ended: bool,
}

impl Outgoing {
    pub(crate) fn new(head: Arc<[u8]>, content: Arc<[u8]>) -> Self {
        Self {
            head,
            content,
            at: 0,
            line_start: true,
            ended: false,
        }
    }

    /// The next piece with dots doubled; `None` once CRLF.CRLF was given.
    pub(crate) fn dotted(&mut self) -> Option<Vec<u8>> {
        if self.ended {
            return None;
        }
        let mut out = Vec::with_capacity(PIECE_MAX + 256);
        // No field begins with a dot.
        out.extend_from_slice(&std::mem::take(&mut self.head));
        while self.at < self.content.len() && out.len() < PIECE_MAX {
            let rest = &self.content[self.at..];
            if self.line_start && rest[0] == b'.' {
                out.push(b'.');
            }
            let rest = &rest[..rest.len().min(PIECE_MAX)];
            let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            out.extend_from_slice(&rest[..end]);
            self.at += end;
            self.line_start = false;
            if end < rest.len() {
                out.extend_from_slice(b"\r\n");
                // CR LF, CR alone and LF alone are each one line end.
                let pair = self.content[self.at..].starts_with(b"\r\n");
                self.at += if pair { 2 } else { 1 };
                self.line_start = true;
            }
        }
        if self.at == self.content.len() {
            out.extend_from_slice(if self.line_start {
                b".\r\n"
            } else {
                b"\r\n.\r\n"
            });
            self.ended = true;
        }
        Some(out)
    }

    /// Whether everything was given, in the form that is asked for.
    pub(crate) fn is_at_end(&self, plain: bool) -> bool {
        if plain {
            self.head.is_empty() && self.at == self.content.len()
        } else {
            self.ended
        }
    }

    /// The next piece as it is, for BDAT (RFC 3030 §2); `None` at the end.
    pub(crate) fn plain(&mut self) -> Option<Vec<u8>> {
        if !self.head.is_empty() {
            return Some(std::mem::take(&mut self.head).to_vec());
        }
        let rest = &self.content[self.at..];
        if rest.is_empty() {
            return None;
        }
        let piece = rest[..rest.len().min(PIECE_MAX)].to_vec();
        self.at += piece.len();
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Body;

    fn dotted(content: &[u8]) -> Vec<u8> {
        let mut out = Outgoing::new(Arc::default(), content.into());
        std::iter::from_fn(|| out.dotted()).flatten().collect()
    }

    fn check(content: &[u8], expected: &[u8]) {
        assert_eq!(
            String::from_utf8_lossy(&dotted(content)),
            String::from_utf8_lossy(expected)
        );
    }

    #[test]
    fn dots_are_doubled_and_lines_ended() {
        check(b"", b".\r\n");
        check(b"a\r\n", b"a\r\n.\r\n");
        check(b"a", b"a\r\n.\r\n");
        check(b".\r\n..b\r\nc.\r\n", b"..\r\n...b\r\nc.\r\n.\r\n");
        check(
            b"a\n.\nb\r.\rc\r\r\n",
            b"a\r\n..\r\nb\r\n..\r\nc\r\n\r\n.\r\n",
        );
    }

    #[test]
    fn what_goes_out_comes_back_through_our_own_reader() {
        for length in [1, PIECE_MAX - 1, PIECE_MAX, PIECE_MAX + 1, 3 * PIECE_MAX] {
            // Dots at line starts on both sides of every piece's edge.
            for line in [1, 7, 76] {
                let mut content: Vec<u8> = Vec::new();
                while content.len() < length {
                    content.extend(std::iter::repeat_n(b'.', line));
                    content.extend_from_slice(b"\r\n");
                }
                let mut body = Body::new(u64::MAX);
                let wire = dotted(&content);
                let (used, ended) = feed(&mut body, &wire);
                assert!(ended && used == wire.len());
                assert!(body.finish().unwrap() == content);
            }
        }
    }

    fn feed(body: &mut Body, wire: &[u8]) -> (usize, bool) {
        let mut at = 0;
        loop {
            let (used, ended) = body.dotted(&wire[at..]);
            at += used;
            if ended || at == wire.len() {
                return (at, ended);
            }
        }
    }
}
