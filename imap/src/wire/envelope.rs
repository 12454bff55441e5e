//! RFC 9051 §7.5.2 ENVELOPE, from the letterhead that was read at arrival.

use super::response::{nstring, string};
use formats::message::header::{decode_words, encode_words};
use formats::message::{LetterheadView, PersonKind, PersonView};
use std::borrow::Cow;

/// envelope = "(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP env-to SP
/// env-cc SP env-bcc SP env-in-reply-to SP env-message-id ")"
pub fn envelope(out: &mut Vec<u8>, head: &LetterheadView<'_>, utf8: bool) {
    out.push(b'(');
    text(out, head.date, utf8);
    out.push(b' ');
    text(out, head.subject, utf8);
    out.push(b' ');
    people(out, &head.from, utf8);
    // RFC 9051 §7.5.2: Sender and Reply-To default to From.
    for list in [&head.sender, &head.reply_to] {
        let list = if list.is_empty() { &head.from } else { list };
        out.push(b' ');
        people(out, list, utf8);
    }
    for list in [&head.to, &head.cc, &head.bcc] {
        out.push(b' ');
        people(out, list, utf8);
    }
    out.push(b' ');
    text(out, head.in_reply_to, utf8);
    out.push(b' ');
    text(out, head.message_id, utf8);
    out.push(b')');
}

fn text(out: &mut Vec<u8>, value: Option<&str>, utf8: bool) {
    nstring(out, value.map(|v| plain(v, utf8)).as_deref(), utf8);
}

/// A header that came as raw 8-bit text goes to a rev1 peer as encoded words, the way it should have come.
fn plain(value: &str, utf8: bool) -> Cow<'_, str> {
    if utf8 || value.is_ascii() {
        return Cow::Borrowed(value);
    }
    Cow::Owned(encode_words(&decode_words(value)))
}

/// env-from = "(" 1*address ")" / nil
fn people(out: &mut Vec<u8>, list: &[PersonView<'_>], utf8: bool) {
    if list.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    out.push(b'(');
    list.iter().for_each(|person| address(out, person, utf8));
    out.push(b')');
}

/// address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"; the ends of a group have
/// no host, and its end no mailbox either.
fn address(out: &mut Vec<u8>, person: &PersonView<'_>, utf8: bool) {
    out.push(b'(');
    text(
        out,
        person.name.filter(|_| person.kind == PersonKind::Mailbox),
        utf8,
    );
    out.extend_from_slice(b" NIL ");
    match person.kind {
        PersonKind::Mailbox => {
            string(out, person.mailbox.unwrap_or_default().as_bytes(), utf8);
            out.push(b' ');
            string(out, person.host.unwrap_or_default().as_bytes(), utf8);
        }
        PersonKind::GroupStart => {
            string(
                out,
                plain(person.mailbox.unwrap_or_default(), utf8).as_bytes(),
                utf8,
            );
            out.extend_from_slice(b" NIL");
        }
        PersonKind::GroupEnd => out.extend_from_slice(b"NIL NIL"),
    }
    out.push(b')');
}
