//! RFC 1939 §3: a message as the lines of a multi-line response.

use formats::message::binary;
use std::sync::Arc;

/// RFC 1939 §3: what ends a multi-line response.
pub const END: &[u8] = b".\r\n";

/// Writes a stretch of a message: a dot before each line that begins with one, and CRLF at each line end.
///
/// A bare line feed in stored content becomes CRLF (RFC 1939 §11 knows no other line end): sent as it is,
/// a line `.` between two of them would end the message early for clients that read by line feeds.
pub fn put(out: &mut Vec<u8>, content: &[u8], from: usize, to: usize) {
    let to = to.min(content.len());
    let mut at = from;
    while at < to {
        let begins = at == 0 || content[at - 1] == b'\n';
        if begins && content[at] == b'.' {
            out.push(b'.');
        }
        let Some(end) = memchr::memchr(b'\n', &content[at..to]).map(|n| at + n) else {
            out.extend_from_slice(&content[at..to]);
            return;
        };
        out.extend_from_slice(&content[at..end]);
        if end == 0 || content[end - 1] != b'\r' {
            out.push(b'\r');
        }
        out.push(b'\n');
        at = end + 1;
    }
}

/// Closes the last line if it is open, and ends the response.
pub fn end(out: &mut Vec<u8>, content: &[u8], to: usize) {
    let last = content.get(..to).and_then(<[u8]>::last);
    if last.is_some_and(|last| *last != b'\n') {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(END);
}

/// RFC 1939 §3 knows lines only: the message with its binary parts in base64, if it has such.
pub fn told(content: Arc<[u8]>, binary: bool) -> Arc<[u8]> {
    let lines = binary.then(|| binary::readable(&content)).flatten();
    lines.map_or(content, Into::into)
}

/// How many octets more than these a message is when it is sent, without the dots that are stuffed (RFC 1939 §11).
pub fn growth(content: &[u8]) -> u64 {
    let feeds = memchr::memchr_iter(b'\n', content);
    let bare = feeds
        .filter(|&at| at == 0 || content[at - 1] != b'\r')
        .count() as u64;
    let open = content.last().is_some_and(|last| *last != b'\n');
    bare + if open { 2 } else { 0 }
}

/// Where the header ends: behind the empty line, or at the end of the content.
pub fn header_end(content: &[u8]) -> usize {
    let mut at = 0;
    while let Some(end) = memchr::memchr(b'\n', &content[at..]).map(|n| at + n) {
        let line = &content[at..end];
        at = end + 1;
        if line.is_empty() || line == b"\r" {
            return at;
        }
    }
    content.len()
}

/// Behind the `lines`th line from `from` on (TOP), or the end of the content.
pub fn lines_end(content: &[u8], from: usize, lines: u32) -> usize {
    let mut at = from.min(content.len());
    for _ in 0..lines {
        match memchr::memchr(b'\n', &content[at..]) {
            Some(end) => at += end + 1,
            None => return content.len(),
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole and cut at each place.
    fn check(content: &[u8], expected: &[u8]) {
        for cut in 0..=content.len() {
            let mut out = Vec::new();
            put(&mut out, content, 0, cut);
            put(&mut out, content, cut, content.len());
            end(&mut out, content, content.len());
            let (got, expected) = (out.escape_ascii(), expected.escape_ascii());
            assert_eq!(got.to_string(), expected.to_string(), "cut at {cut}");
        }
        // Without the dots, and the last line.
        let lines = expected.strip_suffix(END).unwrap().split(|b| *b == b'\n');
        let stuffed = lines.filter(|line| line.starts_with(b".")).count();
        let sent = (expected.len() - END.len() - stuffed) as u64;
        assert_eq!(content.len() as u64 + growth(content), sent);
    }

    #[test]
    fn lines_that_begin_with_a_dot_get_another() {
        check(b"a\r\n", b"a\r\n.\r\n");
        check(b".\r\n..\r\na.b\r\n", b"..\r\n...\r\na.b\r\n.\r\n");
        check(b"a\r\n.", b"a\r\n..\r\n.\r\n");
        check(b"no end", b"no end\r\n.\r\n");
        check(b"", b".\r\n");
        check(b"\r\n", b"\r\n.\r\n");
    }

    #[test]
    fn a_bare_line_feed_cannot_end_a_message_early() {
        check(b"a\n.\nb\n", b"a\r\n..\r\nb\r\n.\r\n");
        check(b"\n.\r\n", b"\r\n..\r\n.\r\n");
        check(b"a\r.\r\n", b"a\r.\r\n.\r\n");
    }

    #[test]
    fn header_and_lines_are_found() {
        let content = b"A: 1\r\nB: 2\r\n\r\none\r\ntwo\r\nthree";
        assert_eq!(header_end(content), 14);
        assert_eq!(lines_end(content, 14, 0), 14);
        assert_eq!(lines_end(content, 14, 1), 19);
        assert_eq!(lines_end(content, 14, 3), content.len());
        assert_eq!(lines_end(content, 14, u32::MAX), content.len());
        assert_eq!(header_end(b"A: 1\n\nx"), 6);
        assert_eq!(header_end(b"A: 1"), 4);
        assert_eq!(header_end(b""), 0);
    }
}
