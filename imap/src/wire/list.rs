//! RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154: the arguments of LIST and STATUS.

use super::lexer::{Lexer, Parsed, Syntax};
use super::metadata::{self, Entry};

/// Patterns of one LIST.
pub const PATTERNS_MAX: usize = 64;
/// Octets of one pattern or name, as sent.
pub const NAME_MAX: usize = 8_192;

/// status-att; APPENDLIMIT is RFC 7889, RECENT RFC 3501, HIGHESTMODSEQ RFC 7162,
/// MAILBOXID RFC 8474.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum StatusItem {
    Messages,
    UidNext,
    UidValidity,
    Unseen,
    Deleted,
    Size,
    Recent,
    AppendLimit,
    HighestModSeq,
    MailboxId,
    /// RFC 9208 §4.1.4.
    DeletedStorage,
}

impl StatusItem {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Messages => "MESSAGES",
            Self::UidNext => "UIDNEXT",
            Self::UidValidity => "UIDVALIDITY",
            Self::Unseen => "UNSEEN",
            Self::Deleted => "DELETED",
            Self::Size => "SIZE",
            Self::Recent => "RECENT",
            Self::AppendLimit => "APPENDLIMIT",
            Self::HighestModSeq => "HIGHESTMODSEQ",
            Self::MailboxId => "MAILBOXID",
            Self::DeletedStorage => "DELETED-STORAGE",
        }
    }

    const ALL: [Self; 11] = [
        Self::Messages,
        Self::UidNext,
        Self::UidValidity,
        Self::Unseen,
        Self::Deleted,
        Self::Size,
        Self::Recent,
        Self::AppendLimit,
        Self::HighestModSeq,
        Self::MailboxId,
        Self::DeletedStorage,
    ];
}

/// "(" status-att *(SP status-att) ")"
pub fn status_items(lexer: &mut Lexer<'_>) -> Parsed<Vec<StatusItem>> {
    let items = lexer.list(32, |l| {
        let word = l.keyword()?;
        let found = StatusItem::ALL.into_iter().find(|i| i.word() == word);
        found.ok_or(Syntax("an unknown STATUS item"))
    })?;
    if items.is_empty() {
        Err(Syntax("no STATUS item is named"))
    } else {
        Ok(items)
    }
}

/// A LIST, with selection and return options.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct List {
    pub reference: Vec<u8>,
    pub patterns: Vec<Vec<u8>>,
    /// Selection options.
    pub subscribed: bool,
    pub recursive: bool,
    pub special_use: bool,
    /// Whether any selection or return option or a pattern list was given (RFC 5258 §1).
    pub extended: bool,
    /// Return options.
    pub return_subscribed: bool,
    /// RFC 8440.
    pub return_rights: bool,
    /// RFC 9590.
    pub metadata: Vec<Entry>,
    pub status: Vec<StatusItem>,
}

/// list = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]; after "LIST ".
pub fn parse(lexer: &mut Lexer<'_>) -> Parsed<List> {
    let mut list = List::default();
    if lexer.peek() == Some(b'(') {
        list.extended = true;
        selection(lexer, &mut list)?;
        lexer.sp()?;
    }
    list.reference = capped(lexer.mailbox()?)?;
    lexer.sp()?;
    // mbox-or-pat = list-mailbox / patterns; patterns = "(" list-mailbox *(SP list-mailbox) ")"
    if lexer.peek() == Some(b'(') {
        list.extended = true;
        list.patterns = lexer.list(PATTERNS_MAX, |l| capped(l.list_mailbox()?))?;
        if list.patterns.is_empty() {
            return Err(Syntax("no pattern is given"));
        }
    } else {
        list.patterns = vec![capped(lexer.list_mailbox()?)?];
    }
    if lexer.take(b' ') {
        list.extended = true;
        returns(lexer, &mut list)?;
    }
    Ok(list)
}

fn capped(name: Vec<u8>) -> Parsed<Vec<u8>> {
    if name.len() > NAME_MAX {
        Err(Syntax("[LIMIT] the mailbox name is too long"))
    } else {
        Ok(name)
    }
}

/// list-select-opts
fn selection(lexer: &mut Lexer<'_>, list: &mut List) -> Parsed<()> {
    lexer.list(16, |l| {
        match l.keyword()?.as_str() {
            "SUBSCRIBED" => list.subscribed = true,
            // There are no remote mailboxes; asking for them too changes nothing.
            "REMOTE" => {}
            "RECURSIVEMATCH" => list.recursive = true,
            "SPECIAL-USE" => list.special_use = true,
            _ => return Err(Syntax("an unknown LIST selection option")),
        }
        Ok(())
    })?;
    // RFC 5258 §3: RECURSIVEMATCH must come with another option than REMOTE.
    if list.recursive && !list.subscribed && !list.special_use {
        return Err(Syntax("RECURSIVEMATCH needs another selection option"));
    }
    Ok(())
}

/// list-return-opts = "RETURN" SP "(" [list-return-opt *(SP list-return-opt)] ")"
fn returns(lexer: &mut Lexer<'_>, list: &mut List) -> Parsed<()> {
    if !lexer.take_word("RETURN ") {
        return Err(Syntax("RETURN is expected"));
    }
    lexer.list(16, |l| {
        match l.keyword()?.as_str() {
            "SUBSCRIBED" => list.return_subscribed = true,
            // Children and special uses are always told.
            "CHILDREN" | "SPECIAL-USE" => {}
            "METADATA" => {
                l.sp()?;
                list.metadata = metadata::entries(l)?;
            }
            "MYRIGHTS" => list.return_rights = true,
            "STATUS" => {
                l.sp()?;
                list.status = status_items(l)?;
            }
            _ => return Err(Syntax("an unknown LIST return option")),
        }
        Ok(())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, well: bool) {
        let mut lexer = Lexer::new(text.as_bytes(), Vec::new());
        let got = parse(&mut lexer).and_then(|l| lexer.end().map(|()| l));
        assert_eq!(got.is_ok(), well, "{text:?} {got:?}");
    }

    #[test]
    fn options_are_read_as_rfc_5258_says() {
        check("\"\" \"*\"", true);
        check("\"\" %", true);
        check("() \"\" (\"INBOX\" \"Drafts\" \"Sent/%\")", true);
        check("(SUBSCRIBED RECURSIVEMATCH) \"\" \"*\"", true);
        check(
            "(SUBSCRIBED REMOTE) \"\" * RETURN (CHILDREN SPECIAL-USE STATUS (MESSAGES SIZE))",
            true,
        );
        check("(SPECIAL-USE) \"\" * RETURN ()", true);
        check(
            "\"\" % RETURN (MYRIGHTS METADATA (/shared/comment /private/vendor/x/color) SUBSCRIBED)",
            true,
        );
        check("\"\" % RETURN (METADATA ())", false);
        for bad in [
            "(RECURSIVEMATCH) \"\" *",
            "(REMOTE RECURSIVEMATCH) \"\" *",
            "(NOPE) \"\" *",
            "\"\" * RETURN (NOPE)",
            "\"\" * RETURN (STATUS ())",
            "\"\"",
            "\"\" ()",
            "\"\" * X",
        ] {
            check(bad, false);
        }
    }
}
