//! A letterhead as it lies stored, without copying its texts: for lists of very many messages.

use super::person::{Person, PersonKind};
use super::summary::Letterhead;
use serde::Deserialize;

/// What ENVELOPE tells (RFC 9051 §7.5.2), borrowed. The same fields in the same order as [`Letterhead`], of which
/// it reads the beginning: what follows is not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[allow(missing_docs)]
pub struct LetterheadView<'a> {
    #[serde(borrow)]
    pub subject: Option<&'a str>,
    #[serde(borrow)]
    pub date: Option<&'a str>,
    pub sent_at: Option<(i64, i32)>,
    #[serde(borrow)]
    pub from: Vec<PersonView<'a>>,
    #[serde(borrow)]
    pub sender: Vec<PersonView<'a>>,
    #[serde(borrow)]
    pub reply_to: Vec<PersonView<'a>>,
    #[serde(borrow)]
    pub to: Vec<PersonView<'a>>,
    #[serde(borrow)]
    pub cc: Vec<PersonView<'a>>,
    #[serde(borrow)]
    pub bcc: Vec<PersonView<'a>>,
    #[serde(borrow)]
    pub in_reply_to: Option<&'a str>,
    #[serde(borrow)]
    pub message_id: Option<&'a str>,
}

/// A [`Person`], borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[allow(missing_docs)]
pub struct PersonView<'a> {
    #[serde(borrow)]
    pub name: Option<&'a str>,
    #[serde(borrow)]
    pub mailbox: Option<&'a str>,
    #[serde(borrow)]
    pub host: Option<&'a str>,
    pub kind: PersonKind,
}

impl<'a> From<&'a Person> for PersonView<'a> {
    fn from(person: &'a Person) -> Self {
        Self {
            name: person.name.as_deref(),
            mailbox: person.mailbox.as_deref(),
            host: person.host.as_deref(),
            kind: person.kind,
        }
    }
}

impl<'a> From<&'a Letterhead> for LetterheadView<'a> {
    fn from(head: &'a Letterhead) -> Self {
        let people = |list: &'a [Person]| list.iter().map(PersonView::from).collect();
        Self {
            subject: head.subject.as_deref(),
            date: head.date.as_deref(),
            sent_at: head.sent_at,
            from: people(&head.from),
            sender: people(&head.sender),
            reply_to: people(&head.reply_to),
            to: people(&head.to),
            cc: people(&head.cc),
            bcc: people(&head.bcc),
            in_reply_to: head.in_reply_to.as_deref(),
            message_id: head.message_id.as_deref(),
        }
    }
}
