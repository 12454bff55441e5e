//! RFC 5465 §8 NOTIFY: of which events, in which mailboxes, a client wants to hear at any time.

use super::fetch::{self, Item};
use super::lexer::{Lexer, Parsed, Syntax};

/// Event groups of one NOTIFY.
pub const GROUPS_MAX: usize = 64;
/// Events of one group.
pub const EVENTS_MAX: usize = 32;
/// Mailboxes named in one group.
pub const NAMES_MAX: usize = 1_000;

/// What NOTIFY asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notify {
    /// Of nothing.
    None,
    /// Of this, in place of what was asked for before.
    Set {
        /// RFC 5465 §3.1: STATUS of the mailboxes first.
        status: bool,
        /// In order.
        groups: Vec<Group>,
        /// Some event is not known here (RFC 5465 §3.1, BADEVENT).
        unsupported: bool,
    },
}

/// event-group: mailboxes, and what is wanted of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Group {
    pub filter: Filter,
    pub events: Events,
}

/// filter-mailboxes; names as sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Filter {
    Selected {
        delayed: bool,
    },
    /// "inboxes" too: mail may be delivered anywhere (RFC 5465 §6.3).
    Personal,
    Subscribed,
    Subtree(Vec<Vec<u8>>),
    Mailboxes(Vec<Vec<u8>>),
}

/// events
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Events {
    /// MessageNew, with what is to be fetched of each.
    pub new: Option<Vec<Item>>,
    pub expunge: bool,
    pub flags: bool,
    /// MailboxName
    pub names: bool,
    /// SubscriptionChange
    pub subscriptions: bool,
    /// MailboxMetadataChange
    pub metadata: bool,
    /// ServerMetadataChange
    pub server: bool,
}

/// The events that there are.
pub const EVENTS: &str = "MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange \
                          MailboxMetadataChange ServerMetadataChange";

/// notify = "NOTIFY" SP (notify-set / notify-none); after "NOTIFY ".
/// notify-set = "SET" [SP "STATUS"] SP event-groups; event-groups = event-group *(SP event-group)
pub fn parse(lexer: &mut Lexer<'_>) -> Parsed<Notify> {
    if lexer.take_word("NONE") {
        return Ok(Notify::None);
    }
    if !lexer.take_word("SET") {
        return Err(Syntax("SET or NONE is expected"));
    }
    let status = lexer.take_word(" STATUS");
    let (mut groups, mut unsupported) = (Vec::new(), false);
    loop {
        if groups.len() == GROUPS_MAX {
            return Err(Syntax("[LIMIT] too many event groups"));
        }
        lexer.sp()?;
        groups.push(group(lexer, &mut unsupported)?);
        if lexer.peek().is_none() {
            break;
        }
    }
    let selected = |group: &&Group| matches!(group.filter, Filter::Selected { .. });
    if groups.iter().filter(selected).count() > 1 {
        return Err(Syntax("SELECTED may be specified once"));
    }
    Ok(Notify::Set {
        status,
        groups,
        unsupported,
    })
}

/// event-group = "(" filter-mailboxes SP events ")"; events = ("(" event *(SP event) ")") / "NONE"
///
/// The parentheses around events may be missing, as in RFC 5465 §3.1's own example.
fn group(lexer: &mut Lexer<'_>, unsupported: &mut bool) -> Parsed<Group> {
    lexer.must(b'(', "an event group is expected")?;
    let filter = filter(lexer)?;
    lexer.sp()?;
    let mut events = Events::default();
    if !lexer.take_word("NONE") {
        let inside = lexer.take(b'(');
        for _ in 0..=EVENTS_MAX {
            event(lexer, &filter, &mut events, unsupported)?;
            if !lexer.take(b' ') {
                break;
            }
        }
        if inside {
            lexer.must(b')', "the events are not closed")?;
        }
    }
    lexer.must(b')', "the event group is not closed")?;
    // RFC 5465 §5.
    if events.new.is_some() != events.expunge {
        return Err(Syntax("MessageNew and MessageExpunge go together"));
    }
    if events.flags && !events.expunge {
        return Err(Syntax("FlagChange needs MessageNew and MessageExpunge"));
    }
    Ok(Group { filter, events })
}

/// filter-mailboxes = "selected" / "selected-delayed" / "inboxes" / "personal" / "subscribed" /
/// ("subtree" SP one-or-more-mailbox) / ("mailboxes" SP one-or-more-mailbox)
fn filter(lexer: &mut Lexer<'_>) -> Parsed<Filter> {
    Ok(match lexer.keyword()?.as_str() {
        "SELECTED" => Filter::Selected { delayed: false },
        "SELECTED-DELAYED" => Filter::Selected { delayed: true },
        "INBOXES" | "PERSONAL" => Filter::Personal,
        "SUBSCRIBED" => Filter::Subscribed,
        "SUBTREE" => Filter::Subtree(names(lexer)?),
        "MAILBOXES" => Filter::Mailboxes(names(lexer)?),
        _ => return Err(Syntax("an unknown mailbox filter")),
    })
}

/// one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")"
fn names(lexer: &mut Lexer<'_>) -> Parsed<Vec<Vec<u8>>> {
    lexer.sp()?;
    if lexer.peek() != Some(b'(') {
        return Ok(vec![super::command::name_of(lexer)?]);
    }
    let names = lexer.list(NAMES_MAX, super::command::name_of)?;
    match names.is_empty() {
        true => Err(Syntax("no mailbox is named")),
        false => Ok(names),
    }
}

/// event = "MessageNew" [SP "(" fetch-att *(SP fetch-att) ")"] / "MessageExpunge" / "FlagChange" /
/// "AnnotationChange" / "MailboxName" / "SubscriptionChange" / "MailboxMetadataChange" /
/// "ServerMetadataChange" / event-ext
fn event(
    lexer: &mut Lexer<'_>,
    filter: &Filter,
    events: &mut Events,
    unsupported: &mut bool,
) -> Parsed<()> {
    let selected = matches!(filter, Filter::Selected { .. });
    match lexer.keyword()?.as_str() {
        "MESSAGENEW" => {
            let mut items = Vec::new();
            if lexer.looking_at(" (") {
                lexer.sp()?;
                items = fetch::parse(lexer)?;
                if !selected {
                    return Err(Syntax("only SELECTED has FETCH items"));
                }
            }
            events.new = Some(items);
        }
        "MESSAGEEXPUNGE" => events.expunge = true,
        "FLAGCHANGE" => events.flags = true,
        // RFC 5465 §6.1: only message events.
        "MAILBOXNAME" | "SUBSCRIPTIONCHANGE" | "MAILBOXMETADATACHANGE" | "SERVERMETADATACHANGE"
            if selected =>
        {
            return Err(Syntax("SELECTED has message events only"));
        }
        "MAILBOXNAME" => events.names = true,
        "SUBSCRIPTIONCHANGE" => events.subscriptions = true,
        "MAILBOXMETADATACHANGE" => events.metadata = true,
        "SERVERMETADATACHANGE" => events.server = true,
        _ => *unsupported = true,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, well: bool) {
        let mut lexer = Lexer::new(text.as_bytes(), Vec::new());
        let got = parse(&mut lexer).and_then(|n| lexer.end().map(|()| n));
        assert_eq!(got.is_ok(), well, "{text:?} {got:?}");
    }

    #[test]
    fn events_are_read_as_rfc_5465_says() {
        for well in [
            "NONE",
            "SET (selected NONE)",
            "set status (SELECTED-DELAYED (MessageNew (UID BODY.PEEK[HEADER.FIELDS (From To)]) MessageExpunge))",
            "SET (selected MessageNew (uid flags) MessageExpunge) (subtree Lists (MessageNew MessageExpunge))",
            "SET (mailboxes (INBOX \"a b\") (MessageNew MessageExpunge FlagChange)) (personal (MailboxName SubscriptionChange))",
            "SET (subscribed (MessageExpunge MessageNew)) (inboxes NONE)",
            "SET (personal (AnnotationChange))",
        ] {
            check(well, true);
        }
        for bad in [
            "",
            "SET",
            "SET (selected)",
            "SET (selected (MessageNew))",
            "SET (selected (FlagChange))",
            "SET (selected (MailboxName))",
            "SET (selected NONE) (selected-delayed NONE)",
            "SET (personal (MessageNew (UID) MessageExpunge))",
            "SET (mailboxes () NONE)",
            "SET (nope NONE)",
            "SET (selected NONE",
            "NONE x",
        ] {
            check(bad, false);
        }
        let mut lexer = Lexer::new(b"SET (personal (Nope))", Vec::new());
        let got = parse(&mut lexer);
        assert!(matches!(
            got,
            Ok(Notify::Set {
                unsupported: true,
                ..
            })
        ));
    }
}
