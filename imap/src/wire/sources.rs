//! RFC 7377 §2.2: the mailboxes that an ESEARCH looks into.

use super::command::name_of;
use super::lexer::{Lexer, Parsed, Syntax};
use super::returns;
use super::search::{self, Fault, Search};
use super::sort::Order;

/// Filters of one ESEARCH, and names in one of them.
pub const NAMES_MAX: usize = 256;

/// filter-mailboxes (RFC 5465 §8), as RFC 7377 §4 changes it. Names are as sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Source {
    Selected,
    /// Where deliveries may arrive.
    Inboxes,
    Personal,
    Subscribed,
    Mailboxes(Vec<Vec<u8>>),
    Subtree(Vec<Vec<u8>>),
    /// One level down.
    SubtreeOne(Vec<Vec<u8>>),
}

/// esearch = "ESEARCH" [SP esearch-source-opts] [SP search-return-opts] SP search-program;
/// after "ESEARCH".
pub fn parse(lexer: &mut Lexer<'_>) -> Result<Search, Fault> {
    lexer.sp()?;
    let mut sources = vec![Source::Selected];
    if lexer.take_word("IN ") {
        sources = source_options(lexer)?;
        lexer.sp()?;
    }
    // RFC 7377 §2.1: without result options it is as if ALL were given.
    let wanted = returns::parse(lexer)?.unwrap_or(returns::Wanted {
        all: true,
        ..returns::Wanted::default()
    });
    let selected = sources == [Source::Selected];
    if wanted.save && !selected {
        return Err(Fault::Syntax(Syntax(
            "SAVE goes with the selected mailbox alone",
        )));
    }
    let charset = lexer.looking_at("CHARSET ");
    Search {
        wanted: Some(wanted),
        key: search::program(lexer, Some(wanted))?,
        order: Order::Mailbox,
        charset,
        sources: Some(sources),
    }
    .checked()
}

/// esearch-source-opts = "IN" SP "(" source-mbox [SP "(" scope-options ")"] ")"; no scope option is
/// defined. source-mbox = filter-mailboxes *(SP filter-mailboxes)
fn source_options(lexer: &mut Lexer<'_>) -> Parsed<Vec<Source>> {
    let sources = lexer.list(NAMES_MAX, |l| {
        Ok(match l.keyword()?.as_str() {
            "SELECTED" => Source::Selected,
            "INBOXES" => Source::Inboxes,
            "PERSONAL" => Source::Personal,
            "SUBSCRIBED" => Source::Subscribed,
            "MAILBOXES" => Source::Mailboxes(names(l)?),
            "SUBTREE" => Source::Subtree(names(l)?),
            "SUBTREE-ONE" => Source::SubtreeOne(names(l)?),
            _ => return Err(Syntax("an unknown mailbox filter")),
        })
    })?;
    if sources.is_empty() {
        return Err(Syntax("no mailbox is named"));
    }
    Ok(sources)
}

/// SP one-or-more-mailbox; one-or-more-mailbox = mailbox / many-mailboxes;
/// many-mailboxes = "(" mailbox *(SP mailbox) ")"
fn names(lexer: &mut Lexer<'_>) -> Parsed<Vec<Vec<u8>>> {
    lexer.sp()?;
    if lexer.peek() != Some(b'(') {
        return name_of(lexer).map(|name| vec![name]);
    }
    let names = lexer.list(NAMES_MAX, name_of)?;
    if names.is_empty() {
        return Err(Syntax("no mailbox is named"));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<usize>) {
        let mut lexer = Lexer::new(text.as_bytes(), Vec::new());
        let got = parse(&mut lexer);
        let ended = got.as_ref().ok().filter(|_| lexer.end().is_ok());
        let sources = ended.and_then(|s| s.sources.as_ref()).map(Vec::len);
        assert_eq!(sources, expected, "{text:?} {got:?}");
    }

    #[test]
    fn sources_are_read_as_rfc_7377_says() {
        check(
            " IN (mailboxes \"folder1\" subtree \"folder2\") unseen",
            Some(2),
        );
        check(
            " IN (mailboxes (a b) subtree-one c) RETURN (COUNT) subject \"chad\"",
            Some(2),
        );
        check(
            " IN (selected personal inboxes subscribed) CHARSET UTF-8 ALL",
            Some(4),
        );
        check(" ALL", Some(1));
        check(" RETURN (SAVE) ALL", Some(1));
        check(" IN (selected) RETURN (SAVE) ALL", Some(1));
        for bad in [
            "",
            " IN () ALL",
            " IN (selected-delayed) ALL",
            " IN (mailboxes) ALL",
            " IN (mailboxes ()) ALL",
            " IN (personal (x y)) ALL",
            " IN (personal) RETURN (SAVE) ALL",
            " IN (personal)",
            " IN personal ALL",
        ] {
            check(bad, None);
        }
    }
}
