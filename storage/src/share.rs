//! Base64 inside content: found by its look, decoded, and proven to come out the same again.
//!
//! A message is not parsed for this. A run is lines of one length, each with the same end, the last
//! one perhaps shorter; how a message is nested or what it calls its parts makes no difference, so a
//! circular that was forwarded, answered or attached is still the same octets. What does not
//! come out the same, octet for octet, stays text (I-12).

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use serde::{Deserialize, Serialize};

/// A line shorter than this begins no run.
const LINE_MIN: usize = 16;
/// Octets that are encoded at once; divisible by three.
const CHUNK: usize = 3 * 16 * 1024;

/// Without padding: for what precedes the end.
const BARE: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new());

/// How base64 is laid out in lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lines {
    /// Letters of a line; 0 when it is all one line.
    letters: u32,
    /// Whether a line ends in LF alone rather than CRLF.
    bare: bool,
}

/// Where base64 may lie in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub start: usize,
    /// Letters, padding included.
    letters: usize,
    pub lines: Lines,
}

/// The runs of at least `octets_min` octets, in order; none when there are more than `runs_max`.
pub(crate) fn runs(text: &[u8], octets_min: usize, runs_max: usize) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let line = Line::at(text, at);
        if line.letters.len() < LINE_MIN || !is_coded(line.letters) {
            at = line.next;
            continue;
        }
        let (run, next) = run(text, at, &line);
        at = next;
        if run.octets(run.letters) >= octets_min {
            runs.push(run);
            if runs.len() > runs_max {
                return Vec::new();
            }
        }
    }
    runs
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum End {
    CrLf,
    Lf,
    None,
}

struct Line<'a> {
    letters: &'a [u8],
    end: End,
    next: usize,
}

impl<'a> Line<'a> {
    fn at(text: &'a [u8], at: usize) -> Self {
        let rest = &text[at..];
        match memchr::memchr(b'\n', rest) {
            None => Self {
                letters: rest,
                end: End::None,
                next: text.len(),
            },
            Some(lf) => {
                let (letters, end) = match rest[..lf].split_last() {
                    Some((b'\r', letters)) => (letters, End::CrLf),
                    _ => (&rest[..lf], End::Lf),
                };
                Self {
                    letters,
                    end,
                    next: at + lf + 1,
                }
            }
        }
    }
}

/// Letters of base64, with at most two signs of padding at the end.
fn is_coded(line: &[u8]) -> bool {
    let letters = &line[..line.len() - padding(line)];
    let coded = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    !letters.is_empty() && letters.iter().all(coded)
}

fn padding(line: &[u8]) -> usize {
    line.iter()
        .rev()
        .take(2)
        .take_while(|b| **b == b'=')
        .count()
}

/// The run that begins with `first`, and where the line after it begins.
fn run(text: &[u8], start: usize, first: &Line<'_>) -> (Run, usize) {
    let length = first.letters.len();
    let (mut letters, mut next) = (length, first.next);
    let mut goes_on = padding(first.letters) == 0 && first.end != End::None;
    let mut several = false;
    while goes_on && next < text.len() {
        let line = Line::at(text, next);
        let fits = (1..=length).contains(&line.letters.len()) && is_coded(line.letters);
        if !fits {
            break;
        }
        several = true;
        letters += line.letters.len();
        next = line.next;
        goes_on =
            line.letters.len() == length && padding(line.letters) == 0 && line.end == first.end;
    }
    let lines = Lines {
        letters: if several { length as u32 } else { 0 },
        bare: several && first.end == End::Lf,
    };
    let run = Run {
        start,
        letters,
        lines,
    };
    (run, next)
}

impl Run {
    /// Octets of text that the first `letters` of it take.
    fn octets(&self, letters: usize) -> usize {
        match self.lines.letters {
            0 => letters,
            n => letters + letters.saturating_sub(1) / n as usize * self.lines.end().len(),
        }
    }

    /// What the run says and where it ends in the text; `None` when that would not come out the same.
    pub(crate) fn decode(&self, text: &[u8]) -> Option<(Vec<u8>, usize)> {
        let whole = self.octets(self.letters);
        let mut letters = Vec::with_capacity(self.letters);
        let run = text.get(self.start..self.start + whole)?;
        match self.lines.letters {
            0 => letters.extend_from_slice(run),
            n => {
                for line in run.chunks(n as usize + self.lines.end().len()) {
                    letters.extend_from_slice(&line[..line.len().min(n as usize)]);
                }
            }
        }
        // With a strange end, all but the last four letters or fewer may still be decoded.
        let last = (letters.len() - padding(&letters)).saturating_sub(1) / 4 * 4;
        let full = letters.len().is_multiple_of(4);
        let (decoded, used) = match STANDARD.decode(&letters) {
            Ok(decoded) if full => (decoded, letters.len()),
            _ => (BARE.decode(&letters[..last]).ok()?, last),
        };
        drop(letters);
        let octets = self.octets(used);
        let proven = used > 0 && self.lines.is(&decoded, &run[..octets]);
        proven.then_some((decoded, self.start + octets))
    }
}

impl Lines {
    fn end(self) -> &'static [u8] {
        if self.bare { b"\n" } else { b"\r\n" }
    }

    /// Appends `octets` as base64 in such lines, without an end behind the last one.
    pub(crate) fn write(self, octets: &[u8], to: &mut Vec<u8>) {
        self.each_piece(octets, &mut |piece| {
            to.extend_from_slice(piece);
            true
        });
    }

    /// Whether `octets` written in such lines are `text`.
    fn is(self, octets: &[u8], text: &[u8]) -> bool {
        let mut rest = text;
        let same = self.each_piece(octets, &mut |piece| match rest.strip_prefix(piece) {
            Some(after) => {
                rest = after;
                true
            }
            None => false,
        });
        same && rest.is_empty()
    }

    /// Writes piece by piece, until one is refused.
    fn each_piece(self, octets: &[u8], each: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        let line = match self.letters {
            0 => usize::MAX,
            n => n as usize,
        };
        let mut left = line;
        let mut coded = vec![0; CHUNK.min(octets.len() + 2) / 3 * 4 + 4];
        for chunk in octets.chunks(CHUNK) {
            let Ok(n) = STANDARD.encode_slice(chunk, &mut coded) else {
                return false;
            };
            let mut letters = &coded[..n];
            while !letters.is_empty() {
                if left == 0 {
                    left = line;
                    if !each(self.end()) {
                        return false;
                    }
                }
                let (now, after) = letters.split_at(left.min(letters.len()));
                if !each(now) {
                    return false;
                }
                (letters, left) = (after, left - now.len());
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left as text and what is decoded; and the whole again, which must be the same.
    fn apart(text: &[u8]) -> Vec<Vec<u8>> {
        let mut again = Vec::new();
        let (mut parts, mut done) = (Vec::new(), 0);
        for run in runs(text, 32, 1_000) {
            assert!(run.start >= done);
            let Some((decoded, end)) = run.decode(text) else {
                continue;
            };
            again.extend_from_slice(&text[done..run.start]);
            run.lines.write(&decoded, &mut again);
            parts.push(decoded);
            done = end;
        }
        again.extend_from_slice(&text[done..]);
        assert!(again == text, "{}", String::from_utf8_lossy(text));
        parts
    }

    fn check(text: &str, parts: &[&str]) {
        let found = apart(text.as_bytes());
        let found: Vec<_> = found.iter().map(|p| String::from_utf8_lossy(p)).collect();
        assert_eq!(found, parts, "{text:?}");
    }

    #[test]
    fn runs_of_base64_are_found_and_come_out_the_same() {
        let long = "UXVhbiB0cm9uZyB2YSBraGFuIGNhcC4u"; // 32 letters
        let said = "Quan trong va khan cap..";
        check(&format!("a b\r\n\r\n{long}\r\n\r\nc"), &[said]);
        check(long, &[said]);
        check(&format!("{long}\r\n{long}"), &[&said.repeat(2)]);
        check(
            &format!("{long}\n{long}\nQQ==\n"),
            &[&format!("{}A", said.repeat(2))],
        );
        // Mixed ends: the run stops where the end changes.
        check(
            &format!("{long}\n{long}\r\n{long}\r\n"),
            &[&said.repeat(2), said],
        );
        check(
            &format!("{long}\r\n{long}\n{long}\n"),
            &[&said.repeat(2), said],
        );
        // Padding that is missing, too much, or not canonical.
        check(&format!("{long}\r\nQQ\r\n"), &[said]);
        check(&format!("{long}QQ"), &[said]);
        check(&format!("{long}\r\nQQ=\r\n"), &[said]);
        check(&format!("{long}\r\nQR==\r\n"), &[said]);
        check(&format!("{long}\r\nQQ===\r\n"), &[said]);
        check(&format!("{long}\r\n==\r\n"), &[said]);
        // A shorter line within, a stray letter, a space at the end.
        check(
            &format!("{long}\r\nQUJD\r\n{long}\r\n"),
            &[&format!("{said}ABC"), said],
        );
        check(&format!("{long}\r\n{long}!\r\n{long}"), &[said, said]);
        check(&format!("{long} \r\n{long}"), &[said]);
        check(&format!("{long}\r\r\n{long}"), &[said]);
        check(&format!("-{long}\r\n"), &[]);
        check("", &[]);
    }

    #[test]
    fn random_texts_come_out_the_same() {
        let mut random = 7u64;
        let mut draw = move |n: usize| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (random >> 33) as usize % n
        };
        let (mut texts, mut decoded) = (0, 0);
        for _ in 0..3_000 {
            let mut text = Vec::new();
            for _ in 0..draw(6) {
                let octets: Vec<u8> = (0..draw(300)).map(|_| draw(256) as u8).collect();
                let coded = match draw(4) {
                    0 => BARE.encode(&octets).trim_end_matches('=').to_owned(),
                    1 => BARE.encode(&octets) + ["", "=", "==", "\r\n="][draw(4)],
                    _ => BARE.encode(&octets),
                };
                let line = [1, 3, 19, 60, 61, 76, 77, 998, 100_000][draw(9)];
                let ends = ["\r\n", "\n", "\r\n", "\n", "\r", " \r\n"];
                let end = ends[draw(6)];
                for piece in coded.as_bytes().chunks(line) {
                    text.extend_from_slice(piece);
                    let strays = draw(60) == 0;
                    text.extend_from_slice(if strays { ends[draw(6)] } else { end }.as_bytes());
                }
                if draw(3) == 0 {
                    text.truncate(text.len() - draw(3).min(text.len()));
                }
                text.extend_from_slice(
                    ["", "\r\n", "--b\r\n\r\n", "abc\n", "=\r\n"][draw(5)].as_bytes(),
                );
            }
            if draw(5) == 0 && !text.is_empty() {
                let at = draw(text.len());
                text[at] = draw(256) as u8;
            }
            texts += 1;
            decoded += apart(&text).len();
        }
        assert!(decoded > texts, "{decoded} runs in {texts} texts");
    }

    #[test]
    fn content_of_too_many_runs_is_left_alone() {
        let text = format!("{}\r\n\r\n", "QUJD".repeat(10)).repeat(11);
        assert_eq!(runs(text.as_bytes(), 40, 11).len(), 11);
        assert_eq!(runs(text.as_bytes(), 40, 10).len(), 0);
    }
}
