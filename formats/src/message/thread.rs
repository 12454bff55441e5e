//! RFC 5256 §2.1: the base subject, by which replies are told to belong together.

use super::word;

/// Characters of a subject that are looked at.
const SUBJECT_MAX: usize = 1000;
/// RFC 5256 §5 `subj-refwd`, and what Vietnamese programs write instead.
const MARKS: [&str; 7] = ["re", "fwd", "fw", "trả lời", "chuyển tiếp", "tl", "ct"];

/// The subject without reply and forward marks, list names and trailers, white space squeezed.
/// Takes a subject as sent or decoded. Compare two of them by [`crate::text::casemap`].
#[must_use]
pub fn base_subject(subject: &str) -> String {
    let decoded = word::decode_words(subject);
    let words: Vec<&str> = decoded.split_whitespace().collect();
    let flat: String = words.join(" ").chars().take(SUBJECT_MAX).collect();
    let mut rest = flat.as_str();
    loop {
        // (2) to (5), then (6) `[fwd: …]` and all again.
        rest = without_trailer(rest);
        rest = without_leaders(rest);
        match inside_forward(rest) {
            Some(inner) => rest = inner,
            None => return rest.trim().to_owned(),
        }
    }
}

/// Whether the subject bears a mark of a reply or a forward.
#[must_use]
pub fn is_reply(subject: &str) -> bool {
    let decoded = word::decode_words(subject);
    let mut rest = decoded.trim();
    while let Some(after) = blob(rest) {
        rest = after;
    }
    mark(rest).is_some()
}

/// (2) subj-trailer = "(fwd)" / WSP
fn without_trailer(mut text: &str) -> &str {
    loop {
        text = text.trim_end();
        let cut = text
            .len()
            .checked_sub(5)
            .filter(|at| text.is_char_boundary(*at));
        match cut.filter(|at| text[*at..].eq_ignore_ascii_case("(fwd)")) {
            Some(at) => text = &text[..at],
            None => return text,
        }
    }
}

/// (3) to (5): subj-leader = (*subj-blob subj-refwd) / WSP, and single blobs before something.
fn without_leaders(mut text: &str) -> &str {
    loop {
        text = text.trim_start();
        let mut after_blobs = text;
        while let Some(rest) = blob(after_blobs) {
            after_blobs = rest;
        }
        if let Some(rest) = mark(after_blobs) {
            text = rest;
            continue;
        }
        match blob(text).filter(|rest| !rest.trim().is_empty()) {
            Some(rest) => text = rest,
            None => return text,
        }
    }
}

/// subj-blob = "[" *BLOBCHAR "]" *WSP
fn blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(['[', ']'])?;
    inner[end..].strip_prefix(']').map(str::trim_start)
}

/// subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
fn mark(text: &str) -> Option<&str> {
    MARKS.iter().find_map(|mark| {
        let rest = strip_prefix_ignoring_case(text, mark)?.trim_start();
        let rest = blob(rest).unwrap_or(rest);
        rest.strip_prefix(':').or_else(|| rest.strip_prefix('：'))
    })
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let mut rest = text.chars();
    for wanted in prefix.chars() {
        let found = rest.next()?;
        if !found.to_lowercase().eq(wanted.to_lowercase()) {
            return None;
        }
    }
    Some(rest.as_str())
}

/// (6) subj-fwd = subj-fwd-hdr subject subj-fwd-trl: `[fwd: …]`
fn inside_forward(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    strip_prefix_ignoring_case(inner, "fwd:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: &str) {
        assert_eq!(base_subject(input), expected, "{input:?}");
    }

    #[test]
    fn subjects_are_reduced() {
        check("Họp giao ban", "Họp giao ban");
        check("Re: Họp", "Họp");
        check("RE : re: Fwd: Fw: Họp (fwd) (FWD) ", "Họp");
        check("Trả lời: TL: Chuyển tiếp: CT: Họp", "Họp");
        check("TRẢ LỜI: Họp", "Họp");
        check("[nhom] Re: [nhom] Họp", "Họp");
        check("Re[2]: Họp", "Họp");
        check("[nhom]", "[nhom]");
        check("[fwd: Re: Họp]", "Họp");
        check("=?utf-8?b?UmU6IEjhu41w?=", "Họp");
        check("Rest: a", "Rest: a");
        check("  a   b  ", "a b");
        check("Re:", "");
        check("", "");
        assert!(is_reply("[x] RE: a") && is_reply("Trả lời: a") && !is_reply("[x] a"));
    }

    #[test]
    fn hostile_subjects_cost_linear_time() {
        for piece in ["[a]", "[fwd: ", "re: ", "[", "(fwd)"] {
            assert!(
                base_subject(&piece.repeat(100_000)).chars().count() <= SUBJECT_MAX,
                "{piece}"
            );
        }
    }
}
