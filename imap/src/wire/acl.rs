//! RFC 4314 §7: the arguments of SETACL, DELETEACL, GETACL, LISTRIGHTS and MYRIGHTS, and rights as printed.

use super::command::name_of;
use super::lexer::{Lexer, Parsed, Syntax};
use directory::{Rights, RightsChange};

/// Octets of an identifier.
pub const IDENTIFIER_MAX: usize = 1_024;

/// RFC 4314 §2.1.1: `c` stands for these.
const CREATE: Rights = Rights::CREATE.with(Rights::REMOVE);
/// RFC 4314 §2.1.1: `d` stands for these.
const DELETE: Rights = Rights::EXPUNGE.with(Rights::DELETE);

/// One of the five commands. Mailbox names are as sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Acl {
    Set {
        mailbox: Vec<u8>,
        identifier: String,
        change: RightsChange,
    },
    Delete {
        mailbox: Vec<u8>,
        identifier: String,
    },
    Get(Vec<u8>),
    List {
        mailbox: Vec<u8>,
        identifier: String,
    },
    Mine(Vec<u8>),
}

/// setacl = "SETACL" SP mailbox SP identifier SP mod-rights;
/// deleteacl = "DELETEACL" SP mailbox SP identifier; getacl = "GETACL" SP mailbox;
/// listrights = "LISTRIGHTS" SP mailbox SP identifier; myrights = "MYRIGHTS" SP mailbox
pub fn parse(lexer: &mut Lexer<'_>, name: &str) -> Parsed<Acl> {
    let mailbox = name_of(lexer)?;
    match name {
        "GETACL" => return Ok(Acl::Get(mailbox)),
        "MYRIGHTS" => return Ok(Acl::Mine(mailbox)),
        _ => lexer.sp()?,
    }
    let identifier = identifier(lexer)?;
    Ok(match name {
        "DELETEACL" => Acl::Delete {
            mailbox,
            identifier,
        },
        "LISTRIGHTS" => Acl::List {
            mailbox,
            identifier,
        },
        _ => {
            lexer.sp()?;
            let change = change(&lexer.astring_text()?)?;
            Acl::Set {
                mailbox,
                identifier,
                change,
            }
        }
    })
}

/// identifier = astring; RFC 4314 §3: what no SASLprep could prepare is BAD.
fn identifier(lexer: &mut Lexer<'_>) -> Parsed<String> {
    let text = lexer.astring_text()?;
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(Syntax("this cannot be an identifier"));
    }
    if text.len() > IDENTIFIER_MAX {
        return Err(Syntax("[LIMIT] the identifier is too long"));
    }
    Ok(text)
}

/// mod-rights = astring ;; +rights to add, -rights to remove, rights to replace
fn change(text: &str) -> Parsed<RightsChange> {
    Ok(match text.split_at_checked(1) {
        Some(("+", rest)) => RightsChange::Add(rights(rest)?),
        Some(("-", rest)) => RightsChange::Remove(rights(rest)?),
        _ => RightsChange::Set(rights(text)?),
    })
}

/// RFC 4314 §3.1: an unknown right is BAD.
fn rights(text: &str) -> Parsed<Rights> {
    let right = |letter| match letter {
        'c' => Some(CREATE),
        'd' => Some(DELETE),
        letter => Rights::letter(letter),
    };
    let all = text
        .chars()
        .try_fold(Rights::NONE, |all, c| Some(all.with(right(c)?)));
    all.ok_or(Syntax("an unknown right"))
}

/// rights = astring; with the virtual rights of RFC 4314 §2.1.1.
pub fn text(rights: Rights) -> String {
    let mut text = rights.to_string();
    if rights.any(CREATE) {
        text.push('c');
    }
    if rights.any(DELETE) {
        text.push('d');
    }
    match text.is_empty() {
        true => "\"\"".to_owned(),
        false => text,
    }
}

/// RFC 4314 §3.7: what is always granted, then each right that can be, none tied to another.
pub fn grantable(always: Rights) -> String {
    let mut out = text(always);
    let virtual_rights = [('c', CREATE), ('d', DELETE)];
    let letters = Rights::LETTERS.chars();
    let letters = letters.filter_map(|c| Some((c, Rights::letter(c)?)));
    for (letter, right) in letters.chain(virtual_rights) {
        if !always.any(right) {
            out.push(' ');
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<RightsChange>) {
        assert_eq!(change(text).ok(), expected, "{text:?}");
    }

    #[test]
    fn rights_are_read_as_rfc_4314_says() {
        let set = |letters| Rights::parse(letters).unwrap();
        check("lrs", Some(RightsChange::Set(set("lrs"))));
        check("+cda", Some(RightsChange::Add(set("kxeta"))));
        check("-d", Some(RightsChange::Remove(set("et"))));
        check("", Some(RightsChange::Set(Rights::NONE)));
        check("lrQ", None);
        check("lrq", None);
        check("l0", None);
        check("++l", None);
        check("é", None);
        assert_eq!(text(set("lrswida".trim_end_matches("da"))), "lrswi");
        assert_eq!(text(set("lrk")), "lrkc");
        assert_eq!(text(Rights::NONE), "\"\"");
        assert_eq!(text(Rights::ALL), "lrswipkxteacd");
        assert_eq!(grantable(Rights::NONE), "\"\" l r s w i p k x t e a c d");
        assert_eq!(grantable(Rights::ALL), "lrswipkxteacd");
        assert_eq!(grantable(set("lrx")), "lrxc s w i p k t e a d");
    }
}
