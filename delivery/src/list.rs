//! RFC 2919, RFC 2369: what a list makes of a letter: its fields, and its owner as reverse-path, so that who writes
//! to a list hears nothing of members who are gone. What a letter says is left as it is (I-12); fields of other lists
//! give way, since each may be there once (RFC 2919 §3, §7; RFC 2369 §5).
//!
//! A list is asked anew at each try what it is called and who its owner is: the queue does not keep it.

use crate::{Delivery, Envelope, Recipient, ReversePath};
use directory::ListFace;
use formats::address::Address;
use formats::message::header;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Fields that only a list sets.
const FIELDS: [&str; 8] = [
    "List-Id",
    "List-Help",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Subscribe",
    "List-Post",
    "List-Owner",
    "List-Archive",
];
/// What each list through which a letter came leaves in it.
const MARK: &str = "Delivered-To";
/// Characters of a list's name in its `List-Id`.
const NAME_MAX: usize = 60;

/// The lists among the recipients of an envelope, by the recipient's number.
#[derive(Debug, Default, Clone)]
pub(crate) struct Lists {
    faces: BTreeMap<u32, Arc<ListFace>>,
    /// Those that change nothing, too.
    all: BTreeSet<u32>,
}

impl Lists {
    /// What came through this recipient comes through a list that changes it.
    pub(crate) fn of(&self, recipient: u32) -> Option<&Arc<ListFace>> {
        self.faces.get(&recipient)
    }

    /// This recipient is a list, whether it changes anything or not.
    pub(crate) fn has(&self, recipient: u32) -> bool {
        self.all.contains(&recipient)
    }

    /// The recipients that are lists.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.all.iter().copied()
    }

    /// Of a list that changes nothing only that it is one is kept.
    pub(crate) fn add(&mut self, recipient: u32, face: &ListFace) {
        self.all.insert(recipient);
        if face.fields || face.owner.is_some() {
            self.faces.insert(recipient, Arc::new(face.clone()));
        }
    }

    /// Those who came through the same list together, those who came through none first; in their order.
    pub(crate) fn parted<T>(
        &self,
        all: impl IntoIterator<Item = (u32, T)>,
    ) -> Vec<(Option<Arc<ListFace>>, Vec<T>)> {
        let mut parts: BTreeMap<Option<u32>, Vec<T>> = BTreeMap::new();
        for (recipient, one) in all {
            let through = self.faces.contains_key(&recipient).then_some(recipient);
            parts.entry(through).or_default().push(one);
        }
        let face = |through: Option<u32>| through.and_then(|n| self.faces.get(&n).cloned());
        let parts = parts.into_iter();
        parts.map(|(through, of)| (face(through), of)).collect()
    }

    /// The recipient as those to whom it leads hear of it. RFC 3461 §5.2.7.1: a list that answers for itself asks for
    /// what it wants, whatever its poster asked for.
    pub(crate) fn recipient<'a>(&self, envelope: &'a Envelope, n: u32) -> Cow<'a, Recipient> {
        let recipient = &envelope.recipients[n as usize];
        match self.of(n).and_then(|face| face.owner.as_ref()) {
            None => Cow::Borrowed(recipient),
            Some(_) => Cow::Owned(Recipient {
                address: recipient.address.clone(),
                notify: None,
                orcpt: None,
            }),
        }
    }
}

impl Delivery {
    /// The lists among the recipients of an envelope, as they are now.
    pub(crate) fn lists(&self, envelope: &Envelope) -> Lists {
        let mut lists = Lists::default();
        for (n, recipient) in (0..).zip(&envelope.recipients) {
            if let Some(face) = self.inner.directory.list_face(&recipient.address) {
                lists.add(n, &face);
            }
        }
        lists
    }
}

/// The envelope of what goes out through a list: its owner is its sender.
pub(crate) fn envelope<'a>(face: Option<&ListFace>, given: &'a Envelope) -> Cow<'a, Envelope> {
    match face.and_then(|face| face.owner.as_ref()) {
        None => Cow::Borrowed(given),
        Some(owner) => Cow::Owned(Envelope {
            from: ReversePath::Address(owner.clone()),
            envid: None,
            ret: None,
            ..given.clone()
        }),
    }
}

/// Whether a list answers for what comes through it: its owner is told, whoever sent it.
pub(crate) fn speaks(face: Option<&ListFace>) -> bool {
    face.is_some_and(|face| face.owner.is_some())
}

/// A stored letter as it comes through a list. What a list has made of it already stays as it is.
pub(crate) fn letter<'a>(face: Option<&ListFace>, stored: &'a [u8]) -> Cow<'a, [u8]> {
    let Some(face) = face else {
        return Cow::Borrowed(stored);
    };
    let first = match stored.starts_with(b"Return-Path:") {
        true => stored
            .iter()
            .position(|b| *b == b'\n')
            .map_or(0, |at| at + 1),
        false => 0,
    };
    let (path, rest) = stored.split_at(first);
    let path = match &face.owner {
        Some(owner) if !path.is_empty() => format!("Return-Path: <{owner}>\r\n").into_bytes(),
        _ => path.to_vec(),
    };
    let mut rest = Cow::Borrowed(rest);
    let mut new = mark(&rest, face);
    if face.fields && !bears(&rest, face) {
        for name in FIELDS {
            if header::fields(&rest).any(|field| field.is(name)) {
                rest = Cow::Owned(header::remove_field(&rest, name));
            }
        }
        new.push_str(&fields(face));
    }
    Cow::Owned([&path[..], &behind_received(&rest, &new)].concat())
}

/// By this the list knows the letter again, whatever other lists make of the fields of lists: lists that name each other
/// over two servers would go on until there is no room for another Received. Nothing where it is there.
fn mark(content: &[u8], face: &ListFace) -> String {
    let key = face.address.key();
    let is_own = |value: &[u8]| {
        let met = Address::parse(header::unfold(value).trim());
        met.is_ok_and(|met| met.key() == key)
    };
    let mut all = header::fields(content).filter(|field| field.is(MARK));
    match all.any(|field| is_own(field.value)) {
        true => String::new(),
        false => format!("{MARK}: {}\r\n", face.address),
    }
}

/// The letter with these fields behind its first Received: what comes first there tells whence it is (`stamp`).
pub(crate) fn behind_received(content: &[u8], fields: &str) -> Vec<u8> {
    let mut at = 0;
    if content.starts_with(b"Received:") {
        let line = |from: usize| {
            let end = content[from..].iter().position(|b| *b == b'\n');
            end.map_or(content.len(), |end| from + end + 1)
        };
        at = line(0);
        while matches!(content.get(at), Some(b' ' | b'\t')) {
            at = line(at);
        }
    }
    [&content[..at], fields.as_bytes(), &content[at..]].concat()
}

fn bears(content: &[u8], face: &ListFace) -> bool {
    let id = face.id();
    header::fields(content).any(|field| field.is("List-Id") && names(field.value, &id))
}

/// RFC 2919 §6: whether a List-Id is of the list of this id.
pub(crate) fn names(value: &[u8], id: &str) -> bool {
    identifier(value).is_some_and(|found| found.eq_ignore_ascii_case(id))
}

/// RFC 2919 §3: what stands between the brackets, white space left out.
pub(crate) fn identifier(value: &[u8]) -> Option<String> {
    let text = header::unfold(value);
    let (_, rest) = text.rsplit_once('<')?;
    let (inside, _) = rest.split_once('>')?;
    Some(inside.chars().filter(|c| !c.is_whitespace()).collect())
}

/// RFC 2919 §3 List-Id, and of RFC 2369 §3 what there is: a way to answer, and whom to ask.
fn fields(face: &ListFace) -> String {
    let post = match face.answers {
        true => format!("<{}>", mailto(&face.address)),
        // RFC 2369 §3.4: only some may write to it, and whom it reaches mostly not.
        false => "NO".to_owned(),
    };
    let mut fields = format!(
        "List-Id: {}<{}>\r\nList-Post: {post}\r\n",
        phrase(&face.name),
        face.id()
    );
    if let Some(owner) = &face.owner {
        // RFC 2369 §3.2, §3.5: who is on a list is a matter of office, so a person is asked.
        let owner = mailto(owner);
        let about = percent(&face.address.to_string());
        fields.push_str(&format!(
            "List-Unsubscribe: <{owner}?subject=unsubscribe%20{about}>\r\nList-Owner: <{owner}>\r\n"
        ));
    }
    fields
}

/// RFC 5322 §3.2.5 phrase, and a space; nothing for no name.
fn phrase(name: &str) -> String {
    let name: String = name
        .chars()
        .filter(|c| !c.is_control())
        .take(NAME_MAX)
        .collect();
    if name.trim().is_empty() {
        String::new()
    } else if name.is_ascii() && !name.contains("=?") {
        format!(
            "\"{}\"\r\n\t",
            name.replace('\\', "\\\\").replace('"', "\\\"")
        )
    } else {
        format!(
            "{}\r\n\t",
            header::encode_words(&name).replace("= =", "=\r\n\t=")
        )
    }
}

/// RFC 6068 §2: a link that opens a letter to this address.
fn mailto(address: &Address) -> String {
    format!("mailto:{}", percent(&address.to_string()))
}

fn percent(text: &str) -> String {
    let mut out = String::new();
    for b in text.bytes() {
        match b {
            b if b.is_ascii_alphanumeric() || b"-._~@!$*+".contains(&b) => out.push(char::from(b)),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(name: &str, owner: Option<&str>) -> ListFace {
        ListFace {
            address: Address::parse("to.1@x.vn").unwrap(),
            name: name.into(),
            owner: owner.map(|owner| Address::parse(owner).unwrap()),
            answers: true,
            fields: true,
        }
    }

    fn check(face: &ListFace, given: &str, expected: &str) {
        let got = letter(Some(face), given.as_bytes());
        assert_eq!(String::from_utf8(got.to_vec()).unwrap(), expected);
        // Twice is once.
        assert_eq!(letter(Some(face), &got), got);
    }

    #[test]
    fn a_letter_bears_the_fields_of_its_list_alone() {
        check(
            &face("Tổ 1", None),
            "Return-Path: <a@y.vn>\r\nReceived: x\r\n\ty\r\nFrom: a@y.vn\r\nlist-id: <other.y.vn>\r\n\
             List-Unsubscribe: <mailto:x@y.vn>\r\n\r\nList-Id: body\r\n",
            "Return-Path: <a@y.vn>\r\nReceived: x\r\n\ty\r\nDelivered-To: to.1@x.vn\r\nList-Id: =?utf-8?B?VOG7lSAx?=\r\n\t\
             <to.1.list-id.x.vn>\r\nList-Post: <mailto:to.1@x.vn>\r\nFrom: a@y.vn\r\n\r\nList-Id: body\r\n",
        );
        let mut owned = face("A \"b\"", Some("ạ@x.vn"));
        owned.answers = false;
        check(
            &owned,
            "Return-Path: <>\r\nFrom: a@y.vn\r\n\r\n",
            "Return-Path: <ạ@x.vn>\r\nDelivered-To: to.1@x.vn\r\nList-Id: \"A \\\"b\\\"\"\r\n\t<to.1.list-id.x.vn>\r\nList-Post: NO\r\n\
             List-Unsubscribe: <mailto:%E1%BA%A1@x.vn?subject=unsubscribe%20to.1@x.vn>\r\n\
             List-Owner: <mailto:%E1%BA%A1@x.vn>\r\nFrom: a@y.vn\r\n\r\n",
        );
        owned.fields = false;
        check(
            &owned,
            "Return-Path: <>\r\nList-Id: <z>\r\n\r\n",
            "Return-Path: <ạ@x.vn>\r\nDelivered-To: to.1@x.vn\r\nList-Id: <z>\r\n\r\n",
        );
        let plain = b"Return-Path: <>\r\n\r\n";
        assert_eq!(letter(None, plain), Cow::Borrowed(&plain[..]));
        check(
            &face("", None),
            "",
            "Delivered-To: to.1@x.vn\r\nList-Id: <to.1.list-id.x.vn>\r\nList-Post: <mailto:to.1@x.vn>\r\n",
        );
    }

    #[test]
    fn list_ids_are_compared_by_what_is_in_the_brackets() {
        let check =
            |value: &str, is: bool| assert_eq!(names(value.as_bytes(), "a.x.vn"), is, "{value}");
        check(" Phòng <A.x.vn>", true);
        check("<a. x.vn>\r\n", true);
        check("\"<b>\"\r\n <a.x.vn>", true);
        check("a.x.vn", false);
        check("<a.x.vn", false);
        check("<b.x.vn>", false);
    }
}
