//! RFC 5322 §3.6: the header fields that make a [`Letterhead`].

use super::header::{self, ADDRESSES_MAX, FIELDS_MAX, Field};
use super::person::{self, Person};
use super::summary::Letterhead;
use crate::date;
use crate::defect::{Defect, Defects};

/// Reads a header. Each field counts once, its first occurrence (RFC 5322 §3.6): a second `From`
/// must not be what one program shows and another checks.
pub(super) fn read(head: &[u8], defects: Option<&mut Defects>) -> Letterhead {
    let mut letterhead = Letterhead::default();
    let mut found = Defects::default();
    let mut seen = 0u32;
    let mut count = 0;
    for field in header::fields(head) {
        count += 1;
        let Some(slot) = slot(field.name) else {
            continue;
        };
        if seen & (1 << slot) != 0 {
            found.add(Defect::RepeatedField);
            continue;
        }
        seen |= 1 << slot;
        if !field.value.is_ascii() && std::str::from_utf8(field.value).is_err() {
            found.add(Defect::EightBitHeader);
        }
        take(&mut letterhead, slot, &field, &mut found);
    }
    if count >= FIELDS_MAX {
        found.add(Defect::TooManyFields);
    }
    if !letterhead.from.iter().any(Person::is_mailbox) {
        found.add(Defect::BadFrom);
    }
    if let Some(defects) = defects {
        found
            .into_vec()
            .into_iter()
            .for_each(|defect| defects.add(defect));
    }
    letterhead
}

const NAMES: [&str; 11] = [
    "Subject",
    "Date",
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "In-Reply-To",
    "Message-ID",
    "References",
];

fn slot(name: &str) -> Option<usize> {
    NAMES
        .iter()
        .position(|known| known.eq_ignore_ascii_case(name))
}

fn take(letterhead: &mut Letterhead, slot: usize, field: &Field<'_>, found: &mut Defects) {
    let text = || Some(header::shorten(header::unfold(field.value))).filter(|t| !t.is_empty());
    let mut people = || {
        let people = person::addresses(field.value);
        if people.len() >= ADDRESSES_MAX {
            found.add(Defect::TooManyAddresses);
        }
        people
    };
    match slot {
        // An empty subject is a subject: ENVELOPE shows "" for it and NIL for none.
        0 => letterhead.subject = Some(header::shorten(header::unfold(field.value))),
        1 => {
            letterhead.date = text();
            letterhead.sent_at = letterhead.date.as_deref().and_then(date::parse_rfc5322);
            if letterhead.sent_at.is_none() {
                found.add(Defect::BadDate);
            }
        }
        2 => letterhead.from = people(),
        3 => letterhead.sender = people(),
        4 => letterhead.reply_to = people(),
        5 => letterhead.to = people(),
        6 => letterhead.cc = people(),
        7 => letterhead.bcc = people(),
        8 => letterhead.in_reply_to = text(),
        9 => letterhead.message_id = text(),
        _ => letterhead.references = header::message_ids(field.value),
    }
}
