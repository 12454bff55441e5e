//! Files written into the text of a letter as programs did before MIME, and as many still read: uuencode and its base64 form
//! (POSIX), and yEnc.

/// A file within text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InlineFile {
    /// As written.
    pub name: String,
    /// Octets that its lines hold; of yEnc what it says itself.
    pub octets: u64,
}

/// The files that lines of a text begin, in order.
#[must_use]
pub fn inline_files(text: &[u8]) -> Vec<InlineFile> {
    let mut found: Vec<InlineFile> = Vec::new();
    let mut writing: Option<Writing> = None;
    for line in text.split(|&b| b == b'\n') {
        let line = line.trim_ascii_end();
        if let Some((begun, name, octets)) = begins(line) {
            let name = String::from_utf8_lossy(name).trim().to_owned();
            found.push(InlineFile { name, octets });
            writing = Some(begun);
            continue;
        }
        let (Some(how), Some(file)) = (writing, found.last_mut()) else {
            continue;
        };
        if matches!(line, b"end" | b"====") {
            writing = None;
            continue;
        }
        file.octets += how.octets(line);
    }
    found
}

/// How its lines are written.
#[derive(Clone, Copy)]
enum Writing {
    Uuencode,
    Base64,
    Yenc,
}

impl Writing {
    /// Octets that a line stands for.
    fn octets(self, line: &[u8]) -> u64 {
        match self {
            // The first octet tells the length; what is not there is not written.
            Self::Uuencode => {
                let said = line.first().map_or(0, |first| first.wrapping_sub(32) & 63);
                u64::from(said).min(line.len() as u64 / 4 * 3 + 3)
            }
            Self::Base64 => line.len() as u64 / 4 * 3,
            Self::Yenc => 0,
        }
    }
}

/// A line that begins a file: how it is written, its name, and octets that are told.
fn begins(line: &[u8]) -> Option<(Writing, &[u8], u64)> {
    if let Some(rest) = line.strip_prefix(b"=ybegin ") {
        let text = std::str::from_utf8(rest).unwrap_or_default();
        let size = text.split(' ').find_map(|word| word.strip_prefix("size="));
        let size = size.and_then(|size| size.parse().ok()).unwrap_or(0);
        let at = memchr::memmem::find(rest, b"name=")?;
        return Some((Writing::Yenc, &rest[at + 5..], size));
    }
    let (writing, rest) = match line.strip_prefix(b"begin-base64 ") {
        Some(rest) => (Writing::Base64, rest),
        None => (Writing::Uuencode, line.strip_prefix(b"begin ")?),
    };
    let rest = rest.trim_ascii_start();
    let digits = rest.iter().take_while(|b| matches!(b, b'0'..=b'7')).count();
    let name = rest.get(digits..)?;
    let named = (3..=6).contains(&digits) && name.first().is_some_and(u8::is_ascii_whitespace);
    (named && !name.trim_ascii().is_empty()).then_some((writing, name, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_in_text_are_found() {
        let check = |text: &str, expected: &[(&str, u64)]| {
            let found = inline_files(text.as_bytes());
            let found: Vec<(&str, u64)> =
                found.iter().map(|f| (f.name.as_str(), f.octets)).collect();
            assert_eq!(found, expected, "{text}");
        };
        check(
            "Kính gửi\r\nbegin 644 a.exe\r\n#0V%T\r\n`\r\nend\r\nHết",
            &[("a.exe", 3)],
        );
        check("begin 0755  b c.exe \n#0V%T\n", &[("b c.exe", 3)]);
        check(
            "begin-base64 644 a.js\nQUFB\n====\nbegin 600 b\n",
            &[("a.js", 3), ("b", 0)],
        );
        check(
            "=ybegin line=128 size=5 name=x.scr\nabc\n=yend size=5",
            &[("x.scr", 5)],
        );
        for text in [
            "begin with a word",
            "begin 2029 the year",
            "begin 644",
            " begin 644 a",
            "beginning 644 a",
            "",
        ] {
            check(text, &[]);
        }
        // One that says more than there is.
        check("begin 644 a\nM\n", &[("a", 3)]);
    }
}
