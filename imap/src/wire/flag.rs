//! RFC 9051 §2.3.2: flags on the wire, keywords in storage. `\\Seen` exists only here.

use super::lexer::{Lexer, Parsed, Syntax};
use directory::Rights;
use storage::Keyword;

/// Flags of one list.
pub const FLAGS_MAX: usize = 128;

/// A flag as storage keeps it: `\Seen` is `$seen`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flag(pub Keyword);

impl Flag {
    /// One of storage's own five.
    pub fn system(word: &'static str) -> Self {
        Self(Keyword::new(word).expect("the five words are keywords"))
    }
}

/// The system flags: storage's keyword and the RFC's word.
const SYSTEM: [(&str, &str); 5] = [
    ("$answered", "Answered"),
    ("$flagged", "Flagged"),
    ("$deleted", "Deleted"),
    ("$seen", "Seen"),
    ("$draft", "Draft"),
];

/// Registered keywords (RFC 9051 §2.3.2, RFC 5788), and those of Thunderbird, Apple Mail and Dovecot, in the spelling
/// that these print. All others come back in lower case, however they came: they mean the same in any (RFC 5788 §2), and
/// RFC 8621 §4.1.1 wants them in lower case over JMAP, of which they are the same keywords.
const REGISTERED: [&str; 24] = [
    "$Forwarded",
    "$MDNSent",
    "$Junk",
    "$NotJunk",
    "$Phishing",
    "$Important",
    "Junk",
    "NonJunk",
    "$Label1",
    "$Label2",
    "$Label3",
    "$Label4",
    "$Label5",
    "$MailFlagBit0",
    "$MailFlagBit1",
    "$MailFlagBit2",
    "NotJunk",
    "JunkRecorded",
    "Forwarded",
    "Redirected",
    "$SubmitPending",
    "$Submitted",
    "$HasAttachment",
    "$HasNoAttachment",
];

/// `\Seen` without its backslash, in any case, to storage's keyword.
pub fn system_flag(name: &str) -> Option<Flag> {
    let (word, _) = SYSTEM
        .into_iter()
        .find(|(_, n)| n.eq_ignore_ascii_case(name))?;
    Some(Flag::system(word))
}

/// RFC 4314 §4: the right without which a flag may not be set or cleared.
pub fn right(keyword: &Keyword) -> Rights {
    match keyword.as_str() {
        "$seen" => Rights::SEEN,
        "$deleted" => Rights::DELETE,
        _ => Rights::WRITE,
    }
}

/// With these rights every flag may be set and cleared.
pub const ALL: Rights = Rights::SEEN.with(Rights::WRITE).with(Rights::DELETE);

/// Those of a message's keywords that may be set with these rights.
pub fn kept(keywords: &[Keyword], rights: Rights) -> Vec<Keyword> {
    let kept = keywords.iter().filter(|k| rights.has(right(k)));
    kept.cloned().collect()
}

/// Those of the flags that may be set with these rights.
pub fn permitted(flags: Vec<Flag>, rights: Rights) -> Vec<Keyword> {
    let keywords = flags.into_iter().map(|flag| flag.0);
    keywords.filter(|k| rights.has(right(k))).collect()
}

/// One flag.
pub fn put_flag(out: &mut Vec<u8>, keyword: &Keyword) {
    let word = keyword.as_str();
    if let Some((_, name)) = SYSTEM.into_iter().find(|(w, _)| *w == word) {
        out.push(b'\\');
        out.extend_from_slice(name.as_bytes());
        return;
    }
    let name = REGISTERED
        .into_iter()
        .find(|n| n.eq_ignore_ascii_case(word))
        .unwrap_or(word);
    out.extend_from_slice(name.as_bytes());
}

/// flag-list = "(" [flag *(SP flag)] ")"
pub fn put_flags<'k>(out: &mut Vec<u8>, keywords: impl IntoIterator<Item = &'k Keyword>) {
    out.push(b'(');
    let start = out.len();
    for keyword in keywords {
        if out.len() > start {
            out.push(b' ');
        }
        put_flag(out, keyword);
    }
    out.push(b')');
}

/// The same of a message: flag-fetch = flag / "\Recent" (RFC 3501 §9).
pub fn put_flags_told<'k>(
    out: &mut Vec<u8>,
    keywords: impl IntoIterator<Item = &'k Keyword>,
    recent: bool,
) {
    put_flags(out, keywords);
    if recent {
        out.pop();
        let space = if out.ends_with(b"(") { "" } else { " " };
        out.extend_from_slice(space.as_bytes());
        out.extend_from_slice(b"\\Recent)");
    }
}

/// The five system flags as keywords, for FLAGS and PERMANENTFLAGS.
pub fn system_keywords() -> impl Iterator<Item = Keyword> {
    SYSTEM.into_iter().map(|(word, _)| Flag::system(word).0)
}

/// flag-list = "(" [flag *(SP flag)] ")"
pub fn flag_list(lexer: &mut Lexer<'_>) -> Parsed<Vec<Flag>> {
    Ok(lexer.list(FLAGS_MAX, flag)?.into_iter().flatten().collect())
}

/// flag = "\Answered" / "\Flagged" / "\Deleted" / "\Seen" / "\Draft" / flag-keyword / flag-extension.
/// `\Recent` was never a client's to set (RFC 3501 §2.3.2), and other extensions are not in
/// PERMANENTFLAGS: they are passed over (RFC 9051 §7.1 PERMANENTFLAGS).
pub fn flag(lexer: &mut Lexer<'_>) -> Parsed<Option<Flag>> {
    if !lexer.take(b'\\') {
        return flag_keyword(lexer).map(Some);
    }
    let name = lexer.atom()?;
    Ok(system_flag(&name))
}

/// flag-keyword = "$MDNSent" / "$Forwarded" / "$Junk" / "$NotJunk" / "$Phishing" / atom
pub fn flag_keyword(lexer: &mut Lexer<'_>) -> Parsed<Flag> {
    Keyword::new(&lexer.atom()?)
        .map(Flag)
        .ok_or(Syntax("[LIMIT] the keyword is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_return() {
        let mut out = Vec::new();
        let words = [
            "$seen",
            "$forwarded",
            "cần-xử-lý",
            "viec",
            "nonjunk",
            "$IMPORTANT",
            "$mailflagbit1",
        ]
        .map(Keyword::new);
        put_flags(&mut out, words.iter().flatten());
        assert_eq!(
            out,
            b"(\\Seen $Forwarded viec NonJunk $Important $MailFlagBit1)"
        );
        assert_eq!(system_flag("sEEN"), Some(Flag::system("$seen")));
    }
}
