//! RFC 2047 encoded words, read leniently and written strictly.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use unicode_normalization::UnicodeNormalization;

use super::{charset, part};

/// RFC 2047 §2: octets of one encoded word as written.
pub const WORD_MAX: usize = 75;
/// Octets of one encoded word that are read; senders exceed the limit.
const WORD_READ_MAX: usize = 1024;
/// Octets of a charset name with its language.
const CHARSET_MAX: usize = 64;
/// Octets without a space that may stand in a header as they are (RFC 5322 §2.1.1 allows 998).
const UNFOLDED_MAX: usize = 900;
/// `=?utf-8?B?` and `?=`.
const FRAME: usize = 12;

struct Word<'a> {
    charset: &'a str,
    content: Vec<u8>,
    len: usize,
}

/// The text with its encoded words decoded, NFC. What is not a well-formed word stays as it is.
///
/// Neighbouring words of one charset are joined before decoding, since many senders split a
/// character between two of them.
#[must_use]
pub fn decode_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut pending: Option<(String, Vec<u8>)> = None;
    let mut rest = text;
    while let Some(at) = rest.find("=?") {
        let Some(word) = read_word(&rest[at..]) else {
            flush(&mut pending, &mut out);
            out.push_str(&rest[..at + 2]);
            rest = &rest[at + 2..];
            continue;
        };
        let between = &rest[..at];
        // RFC 2047 §6.2: white space between encoded words is not shown.
        let joined = pending.is_some() && between.trim_ascii().is_empty();
        if !joined {
            flush(&mut pending, &mut out);
            out.push_str(between);
        }
        match &mut pending {
            Some((charset, bytes))
                if charset.eq_ignore_ascii_case(word.charset) && !is_stateful(charset) =>
            {
                bytes.extend_from_slice(&word.content);
            }
            _ => {
                flush(&mut pending, &mut out);
                pending = Some((word.charset.to_owned(), word.content));
            }
        }
        rest = &rest[at + word.len..];
    }
    flush(&mut pending, &mut out);
    out.push_str(rest);
    if out.is_ascii() {
        out
    } else {
        out.nfc().collect()
    }
}

fn flush(pending: &mut Option<(String, Vec<u8>)>, out: &mut String) {
    if let Some((charset, bytes)) = pending.take() {
        let text = charset::decode(&charset, &bytes);
        // A decoded line break must not become one in a header or a list.
        out.extend(text.chars().map(|c| if c.is_control() { ' ' } else { c }));
    }
}

/// encoded-word = "=?" charset ["*" language] "?" encoding "?" encoded-text "?="
fn read_word(text: &str) -> Option<Word<'_>> {
    let inner = text.strip_prefix("=?")?;
    let charset_len = inner.bytes().take(CHARSET_MAX).position(|b| b == b'?')?;
    let charset = inner[..charset_len].split('*').next().unwrap_or_default();
    let mut rest = inner[charset_len + 1..].bytes();
    let encoding = rest.next()?.to_ascii_lowercase();
    if rest.next()? != b'?' || charset.is_empty() || !charset.bytes().all(|b| b.is_ascii_graphic())
    {
        return None;
    }
    let start = charset_len + 3;
    let bytes = &inner.as_bytes()[start..];
    let window = &bytes[..bytes.len().min(WORD_READ_MAX)];
    let end = memchr::memmem::find(window, b"?=")?;
    let content = match encoding {
        b'b' => part::base64(&window[..end]),
        b'q' => q_decode(&window[..end]),
        _ => return None,
    };
    let encoded = &inner[start..start + end];
    if encoding == b'q' && !encoded.is_ascii() {
        // Raw characters in a word were read already; only the escapes are in its charset.
        let content = mixed_text(charset, encoded).into_bytes();
        return Some(Word {
            charset: "utf-8",
            content,
            len: 2 + start + end + 2,
        });
    }
    Some(Word {
        charset,
        content,
        len: 2 + start + end + 2,
    })
}

/// Charsets in which each word begins and ends in ASCII: joined ones are an error to decoders.
fn is_stateful(charset: &str) -> bool {
    let prefix = |p: &str| {
        charset
            .get(..p.len())
            .is_some_and(|c| c.eq_ignore_ascii_case(p))
    };
    prefix("iso-2022") || prefix("utf-7") || prefix("hz-")
}

fn mixed_text(charset: &str, encoded: &str) -> String {
    let mut text = String::new();
    let mut rest = encoded;
    while let Some(first) = rest.chars().next() {
        let ascii = rest.find(|c: char| !c.is_ascii()).unwrap_or(rest.len());
        let (run, tail) = rest.split_at(ascii.max(if ascii == 0 { first.len_utf8() } else { 0 }));
        match ascii {
            0 => text.push_str(run),
            _ => text.push_str(&charset::decode(charset, &q_decode(run.as_bytes()))),
        }
        rest = tail;
    }
    text
}

/// RFC 2047 §4.2.
fn q_decode(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|&b| if b == b'_' { b' ' } else { b })
        .collect();
    part::hex_escapes(&spaced, b'=')
}

/// The value in ASCII: itself when it is plain, else UTF-8 encoded words of at most 75 octets with
/// a space between them, no character split (RFC 2047 §5). Control characters become spaces.
#[must_use]
pub fn encode_words(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let foldable = clean.split(' ').all(|word| word.len() <= UNFOLDED_MAX);
    if clean.is_ascii() && !clean.contains("=?") && foldable {
        return clean;
    }
    let q_cost: usize = clean
        .bytes()
        .map(|b| if is_q_plain(b) || b == b' ' { 1 } else { 3 })
        .sum();
    let use_q = q_cost <= clean.len().div_ceil(3) * 4;
    let room = if use_q {
        WORD_MAX - FRAME
    } else {
        (WORD_MAX - FRAME) / 4 * 3
    };
    let mut words: Vec<String> = Vec::new();
    let mut chunk = String::new();
    let mut used = 0;
    for c in clean.chars() {
        let cost = if use_q { q_len(c) } else { c.len_utf8() };
        if used + cost > room {
            words.push(frame(&chunk, use_q));
            chunk.clear();
            used = 0;
        }
        chunk.push(c);
        used += cost;
    }
    words.push(frame(&chunk, use_q));
    words.join(" ")
}

fn frame(chunk: &str, use_q: bool) -> String {
    if !use_q {
        return format!("=?utf-8?B?{}?=", STANDARD.encode(chunk));
    }
    let mut word = String::from("=?utf-8?Q?");
    for b in chunk.bytes() {
        match b {
            b' ' => word.push('_'),
            b if is_q_plain(b) => word.push(b as char),
            b => word.push_str(&format!("={b:02X}")),
        }
    }
    word + "?="
}

fn q_len(c: char) -> usize {
    if c.is_ascii() && (is_q_plain(c as u8) || c == ' ') {
        1
    } else {
        c.len_utf8() * 3
    }
}

/// RFC 2047 §5 (3): the only octets that are plain in a phrase too.
fn is_q_plain(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'!' | b'*' | b'+' | b'-' | b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: &str) {
        assert_eq!(decode_words(input), expected, "{input:?}");
    }

    #[test]
    fn words_are_decoded() {
        check("plain", "plain");
        check("=?utf-8?b?S8OtbmggZ+G7rWk=?=", "Kính gửi");
        check("=?UTF-8*vi?Q?h=C3=B2a?= x", "hòa x");
        check("a =?utf-8?q?b_c?= =?utf-8?q?d?= e", "a b cd e");
        check("=?iso-8859-1?q?=E9?=\t=?utf-8?q?=C3=A9?=", "éé");
        // A character split between two words.
        check("=?utf-8?q?h=C3?= =?utf-8?q?=B2a?=", "hòa");
        check("=?viscii?q?h=F2a?=", "hòa");
        check(
            "=?iso-2022-jp?b?GyRCJTclYyE8JUobKEI=?= =?iso-2022-jp?b?GyRCJTclYxsoQg==?=",
            "シャーナシャ",
        );
        check("=?iso-8859-1?q?h=E9_ö?=", "hé ö");
        check("=?utf-8?x?a?=", "=?utf-8?x?a?=");
        check("=?utf-8?q?a", "=?utf-8?q?a");
        check("=?=?utf-8?q?a?=", "=?a");
        check("=?utf-8?q?a=0D=0ABcc:_x?=", "a  Bcc: x");
        check("=?", "=?");
        check("=??q?a?=", "=??q?a?=");
    }

    #[test]
    fn words_are_written_short_whole_and_readable() {
        for text in [
            "Về việc triển khai hệ thống thư điện tử công vụ "
                .repeat(20)
                .as_str(),
            "café au lait",
            "=?x",
            "a\r\nBcc: b",
        ] {
            let written = encode_words(text);
            assert!(written.is_ascii() && !written.contains(['\r', '\n']));
            assert!(
                written
                    .split(' ')
                    .filter(|w| w.starts_with("=?"))
                    .all(|w| w.len() <= WORD_MAX)
            );
            for word in written.split(' ').filter(|w| w.starts_with("=?utf-8?")) {
                assert!(!decode_words(word).contains('\u{fffd}'), "{word}");
            }
            let expected: String = text
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .collect();
            assert_eq!(decode_words(&written), expected);
        }
    }

    #[test]
    fn hostile_words_cost_linear_time() {
        let text = "=?a?q?x".repeat(200_000);
        assert!(decode_words(&text) == text);
        assert!(decode_words(&"=?a?q?".repeat(200_000)).len() < text.len());
    }
}
