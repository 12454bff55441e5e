//! RFC 3834 §2: which letters are answered by a program, and whom they name.

use crate::TlsWish;
use crate::header;
use crate::verify;
use formats::address::{Address, DomainName};
use formats::message::header::{self as fields, FIELDS_MAX, Field};
use formats::message::person;

/// Addresses in To and Cc that are looked at.
const NAMED_MAX: usize = 500;
/// Message-IDs of the thread that an answer goes on with.
const REFERENCES_MAX: usize = 20;
/// Octets of a Message-ID that is answered; RFC 5322 §2.1.1: a line has 998, of which the field's name takes some.
const MESSAGE_ID_OCTETS_MAX: usize = 900;
/// Characters of the subject that an answer repeats.
const SUBJECT_MAX: usize = 200;
/// RFC 3834 §2: what has one of these comes from a list, or from a program.
const OF_LISTS: [&str; 9] = [
    "List-Id",
    "List-Help",
    "List-Unsubscribe",
    "List-Subscribe",
    "List-Post",
    "List-Owner",
    "List-Archive",
    "X-Autoreply",
    "X-Autorespond",
];
/// RFC 3834 §2: fields in which the recipient is named.
const NAMES: [&str; 6] = ["To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"];
/// Local parts behind which nobody reads (RFC 3834 §2, RFC 5230 §4.6).
const MACHINES: [&str; 8] = [
    "mailer-daemon",
    "listserv",
    "majordomo",
    "mailman",
    "noreply",
    "no-reply",
    "donotreply",
    "do-not-reply",
];

/// A letter that may be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asking {
    pub(crate) sender: Address,
    /// Those whom it names, in their order.
    pub(crate) named: Vec<Address>,
    pub(crate) message_id: Option<String>,
    /// The thread so far, the oldest first, the letter itself left out.
    pub(crate) references: Vec<String>,
    pub(crate) subject: String,
    /// Names its acceptance.
    pub(crate) about: String,
    pub(crate) tls: TlsWish,
}

impl Asking {
    /// Of a letter as it is stored; `None`: it is not to be answered. `serves`: domains of this server.
    pub(crate) fn read(
        stored: &[u8],
        host: &str,
        serves: impl Fn(&DomainName) -> bool,
    ) -> Option<Self> {
        let mut all = fields::fields(stored);
        let path = all.next().filter(|field| field.is("Return-Path"))?;
        let sender = sender(&path)?;
        if may_be_forged(stored, host, &sender, serves) {
            return None;
        }
        let mut asking = Self {
            sender,
            named: Vec::new(),
            message_id: None,
            references: Vec::new(),
            subject: String::new(),
            about: String::new(),
            tls: TlsWish::None,
        };
        let mut count = 1;
        for field in all {
            count += 1;
            // What is not looked at may be what forbids it.
            if count >= FIELDS_MAX || forbids(&field) {
                return None;
            }
            asking.note(&field);
        }
        Some(asking)
    }

    fn note(&mut self, field: &Field<'_>) {
        if NAMES.iter().any(|name| field.is(name)) {
            let left = NAMED_MAX.saturating_sub(self.named.len());
            let people = person::addresses(field.value);
            let named = people.iter().filter_map(header::address);
            self.named.extend(named.take(left));
        } else if field.is("Message-ID") && self.message_id.is_none() {
            self.message_id = message_ids(field).into_iter().next();
        } else if field.is("References") {
            self.references = message_ids(field);
            let over = self.references.len().saturating_sub(REFERENCES_MAX);
            // RFC 5322 §3.6.4: the first names the thread.
            if over > 0 {
                self.references.drain(1..=over);
            }
        } else if field.is("In-Reply-To") && self.references.is_empty() {
            let of = message_ids(field);
            // RFC 5322 §3.6.4: of several it is not known which.
            self.references = if of.len() == 1 { of } else { Vec::new() };
        } else if field.is("Subject") {
            let text = fields::text(field.value);
            let shown = text.chars().filter(|c| !c.is_control());
            self.subject = shown.take(SUBJECT_MAX).collect();
        }
    }
}

/// Those that can stand on a line: longer ones are nobody's, and are not kept and sent back.
fn message_ids(field: &Field<'_>) -> Vec<String> {
    let mut ids = fields::message_ids(field.value);
    ids.retain(|id| id.len() <= MESSAGE_ID_OCTETS_MAX);
    ids
}

/// The reverse-path, if a person may be behind it.
fn sender(path: &Field<'_>) -> Option<Address> {
    let value = fields::unfold(path.value);
    let inside = value.strip_prefix('<')?.strip_suffix('>')?;
    let sender = Address::parse(inside).ok()?;
    let local = sender.local.to_string().to_lowercase();
    let machine = MACHINES.contains(&local.as_str())
        || local.starts_with("owner-")
        || local.ends_with("-owner")
        || local.ends_with("-request")
        || local.ends_with("-bounces")
        || local.contains("-bounces+");
    (!machine).then_some(sender)
}

/// Whether what was found out speaks against the reverse-path, or against the author: he who is named there may never
/// have written (no backscatter).
fn may_be_forged(
    stored: &[u8],
    host: &str,
    sender: &Address,
    serves: impl Fn(&DomainName) -> bool,
) -> bool {
    let Some(said) = verify::said(stored, host) else {
        return false;
    };
    let stranger = !said.spf_passes && serves(&sender.domain);
    said.spf_fails || said.spf_doubts || said.dmarc_fails || stranger
}

/// Whether a field says that a program sent it, or that no program is to answer.
fn forbids(field: &Field<'_>) -> bool {
    let value = || fields::unfold(field.value).to_ascii_lowercase();
    let word = |text: &str| {
        let end = text.find(|c: char| c == ';' || c == '(' || c.is_whitespace());
        text[..end.unwrap_or(text.len())].to_owned()
    };
    if field.is("Auto-Submitted") {
        return word(&value()) != "no";
    }
    if field.is("Precedence") {
        return ["bulk", "list", "junk"].contains(&word(&value()).as_str());
    }
    if field.is("X-Auto-Response-Suppress") {
        let said = value();
        let mut each = said.split(',').map(str::trim);
        return each.any(|one| ["all", "oof", "autoreply"].contains(&one));
    }
    if field.is("X-Spam-Flag") {
        return word(&value()) == "yes";
    }
    if field.is("Content-Type") {
        return word(&value()) == "multipart/report";
    }
    OF_LISTS.iter().any(|name| field.is(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &str) -> Option<Asking> {
        let serves = |domain: &DomainName| domain.as_str() == "x.vn";
        Asking::read(head.as_bytes(), "mx.x.vn", serves)
    }

    #[test]
    fn whom_nobody_answers() {
        let check = |head: &str, answered: bool| {
            let letter = format!("{head}To: an@x.vn\r\nSubject: a\r\n\r\nbody\r\n");
            assert_eq!(read(&letter).is_some(), answered, "{head}");
        };
        let of = |field: &str| format!("Return-Path: <a@y.vn>\r\n{field}\r\n");
        check("Return-Path: <a@y.vn>\r\n", true);
        check("Return-Path: <>\r\n", false);
        check("Return-Path: a@y.vn\r\n", false);
        check("From: a@y.vn\r\n", false);
        for local in [
            "MAILER-DAEMON",
            "owner-ds",
            "ds-owner",
            "ds-request",
            "ds-bounces",
            "x-bounces+a=b",
            "no-reply",
            "NoReply",
            "listserv",
            "majordomo",
            "mailman",
        ] {
            check(&format!("Return-Path: <{local}@y.vn>\r\n"), false);
        }
        for field in [
            "Auto-Submitted: auto-replied",
            "Auto-Submitted: auto-generated (cron)",
            "auto-submitted: auto-notified; x=y",
            "Auto-Submitted:",
            "List-Id: <ds.y.vn>",
            "LIST-POST: <mailto:a@y.vn>",
            "List-Unsubscribe: <https://y.vn>",
            "List-Help: x",
            "List-Subscribe: x",
            "List-Owner: x",
            "List-Archive: x",
            "Precedence: bulk",
            "Precedence: LIST",
            "precedence: junk",
            "X-Auto-Response-Suppress: DR, OOF",
            "X-Auto-Response-Suppress: All",
            "Content-Type: multipart/report; report-type=delivery-status",
            "X-Autoreply: yes",
            "X-Spam-Flag: YES",
        ] {
            check(&of(field), false);
        }
        for field in [
            "Auto-Submitted: no",
            "Auto-Submitted: No (a person)",
            "Precedence: first-class",
            "X-Auto-Response-Suppress: DR, RN",
            "Content-Type: multipart/mixed",
            "X-Spam-Flag: NO",
            "Listing: x",
        ] {
            check(&of(field), true);
        }
        check(
            &format!("Return-Path: <a@y.vn>\r\n{}", "X: y\r\n".repeat(FIELDS_MAX)),
            false,
        );
    }

    #[test]
    fn what_was_found_out_counts() {
        let check = |from: &str, results: &str, answered: bool| {
            let letter =
                format!("Return-Path: <{from}>\r\nAuthentication-Results: {results}\r\n\r\n");
            assert_eq!(read(&letter).is_some(), answered, "{from} {results}");
        };
        check(
            "a@y.vn",
            "mx.x.vn;\r\n\tspf=pass smtp.mailfrom=y.vn;\r\n\tdmarc=pass (p=none dis=none)",
            true,
        );
        check(
            "a@y.vn",
            "mx.x.vn;\r\n\tspf=none smtp.mailfrom=y.vn;\r\n\tdmarc=none (p=none dis=none)",
            true,
        );
        check(
            "a@y.vn",
            "mx.x.vn;\r\n\tspf=fail smtp.mailfrom=y.vn;\r\n\tdmarc=pass (p=none dis=none)",
            false,
        );
        check(
            "a@y.vn",
            "mx.x.vn;\r\n\tspf=pass smtp.mailfrom=y.vn;\r\n\tdmarc=fail (p=none dis=none)",
            false,
        );
        check(
            "a@y.vn",
            "mx.x.vn;\r\n\tspf=softfail smtp.mailfrom=y.vn;\r\n\tdmarc=none ()",
            false,
        );
        check(
            "a@y.vn",
            "mx.x.vn;\r\n\tspf=softfail smtp.mailfrom=y.vn;\r\n\tdmarc=pass (p=none dis=none)",
            true,
        );
        // Of a greeting that fails nothing follows.
        check(
            "a@y.vn",
            "mx.x.vn;\r\n\tspf=pass smtp.mailfrom=y.vn;\r\n\tspf=fail smtp.helo=z;\r\n\tdmarc=none ()",
            true,
        );
        // Somebody outside who says he is of here.
        check(
            "b@x.vn",
            "mx.x.vn;\r\n\tspf=none smtp.mailfrom=x.vn;\r\n\tdmarc=none ()",
            false,
        );
        check(
            "b@x.vn",
            "mx.x.vn;\r\n\tspf=pass smtp.mailfrom=x.vn;\r\n\tdmarc=none ()",
            true,
        );
        // What another host says is not known to be so.
        check("a@y.vn", "mx.z.vn; spf=fail smtp.mailfrom=y.vn", true);
    }

    #[test]
    fn what_it_names_and_what_it_goes_on_with() {
        let asking = read(
            "Return-Path: <A@y.vn>\r\nReceived: x\r\nTo: An <an@x.vn>, Nhom: binh@x.vn;\r\ncc: chi@x.vn\r\n\
             Message-ID: <3@y.vn>\r\nReferences: <1@y.vn> <2@y.vn>\r\nIn-Reply-To: <2@y.vn>\r\n\
             Subject: =?utf-8?B?SOG7j2k=?= a\r\n\r\nTo: no@x.vn\r\n",
        );
        let asking = asking.unwrap();
        let named: Vec<String> = asking.named.iter().map(ToString::to_string).collect();
        assert_eq!(named, ["an@x.vn", "binh@x.vn", "chi@x.vn"]);
        assert_eq!(asking.message_id.as_deref(), Some("3@y.vn"));
        assert_eq!(asking.references, ["1@y.vn", "2@y.vn"]);
        assert_eq!(asking.subject, "Hỏi a");
        let ids: String = (0..90).map(|n| format!(" <{n}@y.vn>")).collect();
        let long = read(&format!(
            "Return-Path: <a@y.vn>\r\nReferences:{ids}\r\n\r\n"
        ))
        .unwrap();
        assert_eq!(long.references.len(), REFERENCES_MAX);
        assert_eq!(long.references[0], "0@y.vn");
        assert_eq!(long.references.last().map(String::as_str), Some("89@y.vn"));
        let huge = "x".repeat(MESSAGE_ID_OCTETS_MAX + 1);
        let huge = read(&format!(
            "Return-Path: <a@y.vn>\r\nMessage-ID: <{huge}>\r\nReferences: <{huge}> <1@y.vn>\r\n\r\n"
        ))
        .unwrap();
        assert_eq!(
            (huge.message_id, huge.references),
            (None, vec!["1@y.vn".to_owned()])
        );
    }
}
