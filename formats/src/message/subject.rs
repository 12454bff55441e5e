//! RFC 5256 §2.1: the base subject, exactly as sorting and threading by IMAP servers and their clients
//! must agree on it. What people's threads are made of in the store (`thread`) also knows Vietnamese
//! marks; here they would break that agreement.

use super::word;

/// A subject without its artifacts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reduced {
    /// RFC 5256 §2.1: the base subject, decoded. Compare two by `text::order`.
    pub text: String,
    /// RFC 5256 §3: something that marks a reply or a forward was removed.
    pub is_reply: bool,
}

/// Reduces a subject as sent (encoded words left in) or decoded. Linear in its length.
#[must_use]
pub fn reduce(subject: &str) -> Reduced {
    let flat = flatten(&word::decode_words(subject));
    let mut is_reply = false;
    let mut rest = flat.as_str();
    loop {
        rest = without_trailers(rest, &mut is_reply);
        rest = without_leaders(rest, &mut is_reply);
        match inside_forward(rest) {
            // (6), and again from (2).
            Some(inner) => rest = inner,
            None => break,
        }
        is_reply = true;
    }
    Reduced {
        text: rest.to_owned(),
        is_reply,
    }
}

/// (1): tabs and continuations are spaces, several spaces are one.
fn flatten(decoded: &str) -> String {
    let mut flat = String::with_capacity(decoded.len());
    for c in decoded.chars() {
        let c = if matches!(c, '\t' | '\r' | '\n') {
            ' '
        } else {
            c
        };
        if c != ' ' || !flat.ends_with(' ') {
            flat.push(c);
        }
    }
    flat
}

/// (2): subj-trailer = "(fwd)" / WSP
fn without_trailers<'a>(mut text: &'a str, is_reply: &mut bool) -> &'a str {
    loop {
        text = text.trim_end_matches(' ');
        let Some(at) = text.len().checked_sub(5) else {
            return text;
        };
        match text.get(at..) {
            Some(end) if end.eq_ignore_ascii_case("(fwd)") => {
                *is_reply = true;
                text = &text[..at];
            }
            _ => return text,
        }
    }
}

/// (3) to (5): subj-leader = (*subj-blob subj-refwd) / WSP, and single blobs before something.
fn without_leaders<'a>(mut text: &'a str, is_reply: &mut bool) -> &'a str {
    loop {
        text = text.trim_start_matches(' ');
        let (mut last, mut after) = (text, text);
        while let Some(rest) = blob(after) {
            (last, after) = (after, rest);
        }
        match refwd(after) {
            Some(rest) => {
                *is_reply = true;
                text = rest;
            }
            // The last blob is the subject where nothing else is.
            None if after.is_empty() => return last,
            None => return after,
        }
    }
}

/// subj-blob = "[" *BLOBCHAR "]" *WSP; BLOBCHAR is anything but brackets.
fn blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(['[', ']'])?;
    let rest = inner[end..].strip_prefix(']')?;
    Some(rest.trim_start_matches(' '))
}

/// subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
fn refwd(text: &str) -> Option<&str> {
    ["re", "fwd", "fw"].iter().find_map(|mark| {
        let head = text.get(..mark.len())?;
        if !head.eq_ignore_ascii_case(mark) {
            return None;
        }
        let rest = text[mark.len()..].trim_start_matches(' ');
        blob(rest).unwrap_or(rest).strip_prefix(':')
    })
}

/// subj-fwd = subj-fwd-hdr subject subj-fwd-trl; subj-fwd-hdr = "[fwd:"; subj-fwd-trl = "]"
fn inside_forward(text: &str) -> Option<&str> {
    let head = text.get(..5)?;
    let rest = text
        .get(5..)
        .filter(|_| head.eq_ignore_ascii_case("[fwd:"))?;
    rest.strip_suffix(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(subject: &str, text: &str, is_reply: bool) {
        let expected = Reduced {
            text: text.to_owned(),
            is_reply,
        };
        assert_eq!(reduce(subject), expected, "{subject:?}");
    }

    #[test]
    fn artifacts_are_removed_as_rfc_5256_says() {
        check("Họp", "Họp", false);
        check("Re: Họp", "Họp", true);
        check("RE : re: Fwd: Fw: Họp (fwd) (FWD) ", "Họp", true);
        check("Họp (fwd)", "Họp", true);
        check("[nhom] Re: [nhom] Họp", "Họp", true);
        check("[nhom] [2] Họp", "Họp", false);
        check("Re[2]: Họp", "Họp", true);
        check("re [a] : b", "b", true);
        check("re a: b", "re a: b", false);
        check("[nhom]", "[nhom]", false);
        check("[a] [b]", "[b]", false);
        check("[a] Re:", "", true);
        check("[fwd: Re: Họp]", "Họp", true);
        check("[Fwd: [x] Họp (fwd)]", "Họp", true);
        check("[fwd:", "[fwd:", false);
        check("[a[b] c", "[a[b] c", false);
        check("=?utf-8?b?UmU6IEjhu41w?=", "Họp", true);
        check(" a \t b\r\n c ", "a b c", false);
        check("Rest: a", "Rest: a", false);
        // RFC 5256 §7: translated marks stay.
        check("Trả lời: a", "Trả lời: a", false);
        check("Re: ", "", true);
        check("", "", false);
    }

    #[test]
    fn i13_hostile_subjects_cost_linear_time() {
        for piece in ["[a]", "[fwd:", "re:", "[", "(fwd)", "re[a]:", "] ", "fw "] {
            let long = piece.repeat(200_000);
            assert!(reduce(&long).text.len() <= long.len(), "{piece}");
        }
        let deep = format!("{}{}", "[fwd:".repeat(20_000), "]".repeat(20_000));
        check(&deep, "", true);
    }
}
