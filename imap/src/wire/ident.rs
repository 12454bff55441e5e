//! RFC 8474: how ids are spelled, as JMAP spells them: `m2` mailbox, `e3` message, `t3` thread.
//!
//! Each account gives its numbers by itself, so that what is somebody else's has his account before it, `a7-m2`: no
//! two mailboxes that a client sees have one id (RFC 8474 §4). A message that COPY makes has an id of its own, as it
//! has in JMAP: its keywords are its own too.

use super::lexer::{Lexer, Parsed, Syntax};
use std::fmt::Display;
use storage::{AccountId, EmailId, MailboxId, ThreadId};

/// objectid = 1*255(ALPHA / DIGIT / "_" / "-")
pub const OCTETS_MAX: usize = 255;

/// What an objectid names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectId {
    /// Whose it is; `None`: one's own.
    pub owner: Option<AccountId>,
    /// The number behind the letter.
    pub number: u64,
}

fn spell(owner: Option<AccountId>, letter: char, number: impl Display) -> String {
    match owner {
        None => format!("{letter}{number}"),
        Some(owner) => format!("a{owner}-{letter}{number}"),
    }
}

/// The MAILBOXID. `owner`: whose it is; `None`: one's own.
pub fn mailbox(owner: Option<AccountId>, id: MailboxId) -> String {
    spell(owner, 'm', id)
}

/// The EMAILID.
pub fn email(owner: Option<AccountId>, id: EmailId) -> String {
    spell(owner, 'e', id)
}

/// The THREADID.
pub fn thread(owner: Option<AccountId>, id: ThreadId) -> String {
    spell(owner, 't', id)
}

/// Each thing has exactly one spelling.
fn number(text: &str, letter: char) -> Option<u64> {
    let digits = text.strip_prefix(letter)?;
    let well = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    well.then(|| digits.parse().ok()).flatten()
}

/// objectid; `None` when it is well formed and names nothing.
pub fn parse(lexer: &mut Lexer<'_>, letter: char) -> Parsed<Option<ObjectId>> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    let octets = lexer.run(fits, "an object id is expected")?;
    if octets.len() > OCTETS_MAX {
        return Err(Syntax("[LIMIT] the object id is too long"));
    }
    let Ok(text) = std::str::from_utf8(octets) else {
        return Ok(None);
    };
    let (owner, thing) = match text.split_once('-') {
        None => (None, text),
        Some((account, thing)) => {
            let id = number(account, 'a').and_then(|n| AccountId::new(n.try_into().ok()?));
            match id {
                Some(id) => (Some(id), thing),
                None => return Ok(None),
            }
        }
    };
    Ok(number(thing, letter).map(|number| ObjectId { owner, number }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(Option<u32>, u64)>) {
        let mut lexer = Lexer::new(text.as_bytes(), Vec::new());
        let read =
            parse(&mut lexer, 'e').map(|id| id.map(|id| (id.owner.map(AccountId::raw), id.number)));
        assert_eq!(read, Ok(expected), "{text}");
    }

    #[test]
    fn ids_have_one_spelling() {
        check("e3", Some((None, 3)));
        check("a7-e3", Some((Some(7), 3)));
        for nothing in [
            "e03", "t3", "a07-e3", "a7-t3", "a7-", "7-e3", "a7-e3-e3", "-e3", "e-3", "a0-e3",
        ] {
            check(nothing, None);
        }
    }
}
