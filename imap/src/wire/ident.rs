//! RFC 8474: how ids are spelled, as JMAP spells them: `m2` mailbox, `e3` message, `t3` thread.
//!
//! A message that COPY makes has an id of its own, as it has in JMAP: its keywords are its own too.

use super::lexer::{Lexer, Parsed, Syntax};
use storage::{EmailId, MailboxId, ThreadId};

/// objectid = 1*255(ALPHA / DIGIT / "_" / "-")
pub const OCTETS_MAX: usize = 255;

/// The MAILBOXID.
pub fn mailbox(id: MailboxId) -> String {
    format!("m{id}")
}

/// The EMAILID.
pub fn email(id: EmailId) -> String {
    format!("e{id}")
}

/// The THREADID.
pub fn thread(id: ThreadId) -> String {
    format!("t{id}")
}

/// objectid: the number behind the letter; `None` when it is well formed and names nothing. Each
/// thing has exactly one spelling.
pub fn parse(lexer: &mut Lexer<'_>, letter: char) -> Parsed<Option<u64>> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    let octets = lexer.run(fits, "an object id is expected")?;
    if octets.len() > OCTETS_MAX {
        return Err(Syntax("[LIMIT] the object id is too long"));
    }
    let digits = std::str::from_utf8(octets).ok();
    let digits = digits.and_then(|text| text.strip_prefix(letter));
    let digits = digits.filter(|d| !d.starts_with('0') && d.bytes().all(|b| b.is_ascii_digit()));
    Ok(digits.and_then(|digits| digits.parse().ok()))
}
