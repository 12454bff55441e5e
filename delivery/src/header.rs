//! What the door looks at in a header, in one pass.

use crate::list;
use crate::urgency;
use directory::ListFace;
use formats::address::Address;
use formats::message::header::{self, FIELDS_MAX};
use formats::message::person::{self, Person, PersonKind};

/// Fields in which clients say how urgent a letter is.
const URGENCY_FIELDS: [&str; 3] = ["Importance", "Priority", "X-Priority"];
/// Octets of a Message-ID kept in the queue's lists (RFC 5322 §2.1.1: a line has 998).
const MESSAGE_ID_MAX: usize = 998;
/// Addresses of one From or Sender of a submission; nobody signs in as more.
pub(crate) const AUTHORS_MAX: usize = 16;

/// Lists and addresses that it came through that are looked at; more hops than that are a loop anyway.
const PASSED_MAX: usize = 100;

/// The fields that decide something.
#[derive(Debug, Default)]
pub(crate) struct Header {
    pub(crate) received: usize,
    pub(crate) has_date: bool,
    pub(crate) has_bcc: bool,
    pub(crate) has_return_path: bool,
    /// How much the author says that it cannot wait: an RFC 6710 priority.
    pub(crate) urgency: i8,
    pub(crate) message_id: Option<String>,
    /// RFC 8689 §3 `TLS-Required: No`.
    pub(crate) tls_waived: bool,
    /// One list for each From field.
    pub(crate) from: Vec<Option<Vec<Address>>>,
    /// One list for each Sender field; `None`: not readable.
    pub(crate) sender: Vec<Option<Vec<Address>>>,
    /// The lists that it came through (RFC 2919 §3), as far as they are looked at.
    pub(crate) list_ids: Vec<String>,
    /// Addresses from which it was sent on, as it says.
    pub(crate) delivered_to: Vec<Address>,
    pub(crate) has_delivered_to: bool,
    /// More fields than are looked at.
    pub(crate) overlong: bool,
    /// White space comes before the first field: a continuation of nothing.
    pub(crate) continues_nothing: bool,
}

impl Header {
    pub(crate) fn read(content: &[u8]) -> Self {
        let mut found = Self {
            continues_nothing: matches!(content.first(), Some(b' ' | b'\t')),
            ..Self::default()
        };
        let (mut count, mut wishes) = (0, 0);
        for field in header::fields(content) {
            count += 1;
            if field.is("Received") {
                found.received += 1;
            } else if field.is("Date") {
                found.has_date = true;
            } else if field.is("Bcc") || field.is("Resent-Bcc") {
                found.has_bcc = true;
            } else if field.is("Return-Path") {
                found.has_return_path = true;
            } else if field.is("Subject") {
                let said = urgency::of_subject(&header::text(field.value));
                found.urgency = found.urgency.max(said);
            } else if let Some(name) = URGENCY_FIELDS.iter().find(|name| field.is(name)) {
                let said = urgency::of_field(name, &header::unfold(field.value));
                found.urgency = found.urgency.max(said);
            } else if field.is("TLS-Required") {
                wishes += 1;
                found.tls_waived = header::unfold(field.value).eq_ignore_ascii_case("no");
            } else if field.is("Message-ID") && found.message_id.is_none() {
                let id = header::unfold(field.value);
                found.message_id = (!id.is_empty() && id.len() <= MESSAGE_ID_MAX).then_some(id);
            } else if field.is("List-Id") && found.list_ids.len() < PASSED_MAX {
                found.list_ids.extend(list::identifier(field.value));
            } else if field.is("Delivered-To") && found.delivered_to.len() < PASSED_MAX {
                found.has_delivered_to = true;
                let address = Address::parse(&header::unfold(field.value)).ok();
                found.delivered_to.extend(address);
            } else if field.is("From") {
                found.from.push(authors(field.value));
            } else if field.is("Sender") {
                found.sender.push(authors(field.value));
            }
        }
        // RFC 8689 §3: more than one must not be; who knows which was the author's.
        found.tls_waived &= wishes == 1;
        found.overlong = count >= FIELDS_MAX;
        found
    }
}

impl Header {
    /// The same of a message that arrives at this host. That it was sent on from an address of ours counts only where it
    /// went through this host: else anybody could write so, and it would go on no more. `fresh`: somebody here begins it.
    pub(crate) fn arriving(content: &[u8], host: &str, fresh: bool) -> Self {
        let mut found = Self::read(content);
        if found.has_delivered_to && (fresh || !went_through(content, host)) {
            found.delivered_to.clear();
        }
        found
    }

    /// Whether it came through this list, or was sent on from its address, before.
    pub(crate) fn has_met(&self, face: &ListFace) -> bool {
        let (id, key) = (face.id(), face.address.key());
        let by_id = self
            .list_ids
            .iter()
            .any(|met| met.eq_ignore_ascii_case(&id));
        by_id || self.delivered_to.iter().any(|met| met.key() == key)
    }
}

/// RFC 5321 §4.4: whether a Received field is by this host.
fn went_through(content: &[u8], host: &str) -> bool {
    let is_ours = |value: &[u8]| {
        let text = header::unfold(value);
        let mut words = text.split_whitespace();
        let by = words.any(|word| word.eq_ignore_ascii_case("by"));
        let name = words.next().filter(|_| by);
        name.is_some_and(|name| name.trim_end_matches(';').eq_ignore_ascii_case(host))
    };
    let mut received = header::fields(content).filter(|field| field.is("Received"));
    received.any(|field| is_ours(field.value))
}

/// The addresses of a From or Sender: at least one, all readable, no group.
fn authors(value: &[u8]) -> Option<Vec<Address>> {
    let people = person::addresses(value);
    if people.is_empty() || people.len() > AUTHORS_MAX {
        return None;
    }
    people.iter().map(address).collect()
}

/// The address of one mailbox.
pub(crate) fn address(person: &Person) -> Option<Address> {
    if person.kind != PersonKind::Mailbox {
        return None;
    }
    Address::parse(&person.email()?).ok()
}

/// Octets up to the end of the header, the empty line left out.
pub(crate) fn length(content: &[u8]) -> usize {
    let mut at = 0;
    while let Some(lf) = memchr(content, at) {
        let line = &content[at..lf];
        if line.is_empty() || line == b"\r" {
            return at;
        }
        at = lf + 1;
    }
    content.len()
}

fn memchr(content: &[u8], from: usize) -> Option<usize> {
    content[from..]
        .iter()
        .position(|b| *b == b'\n')
        .map(|at| from + at)
}
