//! RFC 6409 §6, §8: what submission checks, and messages submitted from the store (RFC 8621 §7).

use crate::accept::temporary;
use crate::header::{self, Header};
use crate::{Delivery, Envelope, Origin, Receipt, Recipient, Refusal, Refused, ReversePath};
use directory::{Access, AccountId, Sending};
use formats::address::Address;
use formats::message::header::fields;
use formats::message::{person, seven};
use std::collections::HashSet;
use std::net::IpAddr;
use storage::EmailId;

fn no<T>(refusal: Refusal) -> Result<T, Refused> {
    Err(Refused::Permanent(refusal))
}

/// RFC 6409 §6.1: the reverse-path belongs to who signed in, or to somebody in whose name he may send; null is for
/// receipts and replies by program.
pub(crate) fn check_sender(access: &Access, from: &ReversePath) -> Result<(), Refused> {
    let own = match from {
        ReversePath::Null => true,
        ReversePath::Address(address) => access.sending(address) != Sending::No,
    };
    match (own, access.stands()) {
        (true, true) => Ok(()),
        (_, false) => no(Refusal::SignedOut),
        (false, true) => no(Refusal::SenderNotYours),
    }
}

/// Exactly one From, its authors those whom one may send as or on behalf of; a Sender, if there is one, is somebody
/// whom one may send as. Returns the Sender to be added: RFC 6409 §8.1, where From alone would hide that somebody
/// writes on behalf of another.
pub(crate) fn check_header(access: &Access, header: &Header) -> Result<Option<Address>, Refused> {
    if header.overlong {
        return no(Refusal::Malformed("more header fields than are looked at"));
    }
    // RFC 5322 §2.2: a field begins with its name. Readers differ on a first line ` From: x`: a field, or
    // a continuation of what is put before it.
    if header.continues_nothing {
        return no(Refusal::Malformed("white space before the first field"));
    }
    let [Some(from)] = header.from.as_slice() else {
        return no(Refusal::FromInvalid);
    };
    let senders = match header.sender.as_slice() {
        [] => &[],
        [Some(sender)] => sender.as_slice(),
        _ => return no(Refusal::SenderFieldInvalid),
    };
    let authors = from.iter().map(|address| access.sending(address)).min();
    if !senders.iter().all(|address| access.may_send_as(address)) {
        return no(Refusal::SenderFieldNotYours);
    }
    match authors {
        Some(Sending::As) => Ok(None),
        Some(Sending::OnBehalf) => Ok(senders.is_empty().then(|| access.address().clone())),
        Some(Sending::No) | None => no(Refusal::FromNotYours),
    }
}

/// RFC 5322 §2.1.1, RFC 5321 §4.5.3.1.6: lines of more than 998 octets are encoded when the letter leaves, where that
/// can be; where it cannot, its author hears of it now.
pub(crate) fn check_lines(content: &[u8]) -> Result<(), Refused> {
    match seven::has_long_lines(content) && seven::to_short_lines(content, false).is_none() {
        true => no(Refusal::LongLine),
        false => Ok(()),
    }
}

impl Delivery {
    pub(crate) fn submit_stored(
        &self,
        access: &Access,
        account: AccountId,
        email: EmailId,
        envelope: Option<Envelope>,
        ip: Option<IpAddr>,
    ) -> Result<(Envelope, Receipt), Refused> {
        if access.sending_for(account) == Sending::No {
            return no(Refusal::SenderNotYours);
        }
        let Ok(mail) = access.reach(account) else {
            return no(Refusal::SenderNotYours);
        };
        let content = match mail.content(email) {
            Ok(content) => content,
            Err(storage::Error::NotFound) => return no(Refusal::Malformed("no such message")),
            Err(error) => return Err(temporary("cannot read the message", &error)),
        };
        let envelope = match envelope {
            Some(envelope) => envelope,
            None => envelope_of(&content)?,
        };
        let helo = ip.map_or_else(|| "localhost".to_owned(), |ip| format!("[{ip}]"));
        let origin = Origin::Submitted {
            access: access.clone(),
            ip,
            helo,
            with: "JMAP",
            tls: None,
        };
        let receipt = self.accept(envelope.clone(), &content, &origin)?;
        Ok((envelope, receipt))
    }
}

/// RFC 8621 §7 `envelope`: Sender or else From, and every address in To, Cc and Bcc once.
fn envelope_of(content: &[u8]) -> Result<Envelope, Refused> {
    let header = Header::read(content);
    let author = match (header.sender.as_slice(), header.from.as_slice()) {
        ([Some(sender), ..], _) => sender.first(),
        (_, [Some(from)]) => from.first(),
        _ => None,
    };
    let Some(author) = author else {
        return no(Refusal::FromInvalid);
    };
    let (mut recipients, mut seen) = (Vec::new(), HashSet::new());
    for field in fields(content) {
        if !["To", "Cc", "Bcc"].iter().any(|name| field.is(name)) {
            continue;
        }
        for person in person::addresses(field.value)
            .iter()
            .filter(|p| p.is_mailbox())
        {
            let Some(address) = header::address(person) else {
                return no(Refusal::Malformed("a recipient that is no address"));
            };
            if seen.insert(address.key()) {
                recipients.push(Recipient {
                    address,
                    notify: None,
                    orcpt: None,
                });
            }
        }
    }
    let utf8 = |address: &Address| !address.is_ascii();
    Ok(Envelope {
        smtputf8: utf8(author) || recipients.iter().any(|r| utf8(&r.address)),
        from: ReversePath::Address(author.clone()),
        recipients,
        envid: None,
        ret: None,
        eight_bit: !content.is_ascii(),
        ..Envelope::default()
    })
}
