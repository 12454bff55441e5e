//! How ids are spelled: `a1` account, `p1` its principal, `m2` mailbox, `e3` message, `t3` thread; blobs as in [`BlobName`].
//!
//! RFC 8620 §1.2: an id is 1 to 255 octets of the URL-safe alphabet. Each thing has exactly one
//! spelling to who looks: leading zeros are not an id. In the account of somebody else it has the account before it,
//! `a1-m2`, as IMAP has it: there, all mailboxes that one sees stand side by side, and no two may have one id
//! (RFC 8474 §4), and over both protocols the ids are the same (RFC 9698 §3).

use directory::Sharing;
use storage::{AccountId, BlobId, EmailId, MailboxId, ThreadId};

/// The identifier that IMAP has for the same (RFC 4314 §2).
const ANYONE: &str = "anyone";

fn number(text: &str, letter: char) -> Option<u64> {
    let digits = text.strip_prefix(letter)?;
    let canonical = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    canonical.then(|| digits.parse().ok()).flatten()
}

pub(crate) fn account(id: AccountId) -> String {
    format!("a{id}")
}

pub(crate) fn parse_account(text: &str) -> Option<AccountId> {
    AccountId::new(number(text, 'a')?.try_into().ok()?)
}

/// RFC 9670 §2: a principal is an account that one may know of, or (`Sharing::Anyone`) all of them.
pub(crate) fn principal(who: Sharing) -> String {
    match who {
        Sharing::Anyone => ANYONE.to_owned(),
        Sharing::Account(id) => format!("p{id}"),
    }
}

pub(crate) fn parse_principal(text: &str) -> Option<Sharing> {
    if text == ANYONE {
        return Some(Sharing::Anyone);
    }
    let id = AccountId::new(number(text, 'p')?.try_into().ok()?)?;
    Some(Sharing::Account(id))
}

/// How one names what is in an account: one's own, or (with its id) somebody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ids(Option<AccountId>);

impl Ids {
    /// As `who` names what is in `account`.
    pub(crate) fn of(who: AccountId, account: AccountId) -> Self {
        Self(Some(account).filter(|account| *account != who))
    }

    fn spell(self, letter: char, number: impl std::fmt::Display) -> String {
        match self.0 {
            None => format!("{letter}{number}"),
            Some(owner) => format!("a{owner}-{letter}{number}"),
        }
    }

    fn number(self, text: &str, letter: char) -> Option<u64> {
        match self.0 {
            None => number(text, letter),
            Some(owner) => {
                let (account, thing) = text.split_once('-')?;
                let here = parse_account(account) == Some(owner);
                here.then(|| number(thing, letter)).flatten()
            }
        }
    }

    pub(crate) fn mailbox(self, id: MailboxId) -> String {
        self.spell('m', id)
    }

    pub(crate) fn parse_mailbox(self, text: &str) -> Option<MailboxId> {
        MailboxId::new(self.number(text, 'm')?.try_into().ok()?)
    }

    pub(crate) fn email(self, id: EmailId) -> String {
        self.spell('e', id)
    }

    pub(crate) fn parse_email(self, text: &str) -> Option<EmailId> {
        EmailId::new(self.number(text, 'e')?)
    }

    pub(crate) fn thread(self, id: ThreadId) -> String {
        self.spell('t', id)
    }

    pub(crate) fn parse_thread(self, text: &str) -> Option<ThreadId> {
        ThreadId::new(self.number(text, 't')?)
    }

    /// Those that a list of changes names.
    pub(crate) fn spell_all(self, letter: char, numbers: &[u64]) -> Vec<String> {
        numbers.iter().map(|id| self.spell(letter, id)).collect()
    }
}

/// What a blob id is rooted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Root {
    /// The raw octets of a message of the account, whoever looks: `e34`. A blob is no object of IMAP.
    Message(EmailId),
    /// Something that this account uploaded: `u` and 64 hex digits.
    Upload(BlobId),
}

/// A blob id: its root, and the way into it. `e34` is a message, `e34-1.2` its part 1.2 after transfer
/// decoding; `e34-2-1` opens part 2 as a message and takes the part 1 of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BlobName {
    pub(crate) root: Root,
    pub(crate) sections: Vec<String>,
}

impl BlobName {
    pub(crate) fn message(email: EmailId) -> Self {
        Self {
            root: Root::Message(email),
            sections: Vec::new(),
        }
    }

    pub(crate) fn part(&self, section: &str) -> Self {
        let mut sections = self.sections.clone();
        sections.push(section.to_owned());
        Self {
            root: self.root,
            sections,
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > crate::limit::BLOB_ID_OCTETS_MAX {
            return None;
        }
        let mut steps = text.split('-');
        let root = steps.next()?;
        let root = match root.strip_prefix('u') {
            Some(hex) if hex.bytes().all(|b| !b.is_ascii_uppercase()) => {
                Root::Upload(BlobId::parse(hex)?)
            }
            Some(_) => return None,
            None => Root::Message(EmailId::new(number(root, 'e')?)?),
        };
        let sections: Vec<String> = steps.map(str::to_owned).collect();
        let sound = sections.len() <= crate::limit::BLOB_DEPTH_MAX
            && sections.iter().all(|s| section(s).is_some());
        sound.then_some(Self { root, sections })
    }
}

impl std::fmt::Display for BlobName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.root {
            Root::Message(email) => write!(f, "e{email}")?,
            Root::Upload(blob) => write!(f, "u{blob}")?,
        }
        self.sections.iter().try_for_each(|s| write!(f, "-{s}"))
    }
}

/// `1.2` as indices from one; `None` for anything else.
pub(crate) fn section(text: &str) -> Option<Vec<usize>> {
    text.split('.')
        .map(|step| {
            let canonical = !step.starts_with('0') && step.bytes().all(|b| b.is_ascii_digit());
            canonical.then(|| step.parse().ok()).flatten()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, sound: bool) {
        let read = BlobName::parse(text);
        assert_eq!(read.is_some(), sound, "{text}");
        if let Some(name) = read {
            assert_eq!(name.to_string(), text);
        }
    }

    #[test]
    fn blob_ids_have_one_spelling() {
        let hex = "0f".repeat(32);
        check("e34", true);
        check("e34-1.2", true);
        check("e34-2-1.1", true);
        check(&format!("u{hex}"), true);
        check(&format!("u{hex}-1"), true);
        check(&format!("u{}", hex.to_uppercase()), false);
        check("e034", false);
        check("e0", false);
        check("e", false);
        check("e34-", false);
        check("e34-0", false);
        check("e34-1..2", false);
        check("e34-1-1-1-1-1", false);
        check("m3", false);
        check("e99999999999999999999999", false);
    }

    #[test]
    fn an_id_is_of_one_account() {
        let account = |raw| AccountId::new(raw).unwrap();
        let (own, other) = (
            Ids::of(account(7), account(7)),
            Ids::of(account(7), account(42)),
        );
        let email = EmailId::new(3);
        assert_eq!(own.email(email.unwrap()), "e3");
        assert_eq!(other.email(email.unwrap()), "a42-e3");
        for (text, own_is, other_is) in [
            ("e3", email, None),
            ("a42-e3", None, email),
            ("a7-e3", None, None),
            ("a042-e3", None, None),
            ("a42-e03", None, None),
            ("a42-m3", None, None),
            ("a42-e3-1", None, None),
            ("a42-", None, None),
        ] {
            assert_eq!(own.parse_email(text), own_is, "{text}");
            assert_eq!(other.parse_email(text), other_is, "{text}");
        }
    }

    #[test]
    fn ids_have_one_spelling() {
        assert_eq!(parse_account("a7").map(account).as_deref(), Some("a7"));
        for bad in ["a07", "a+7", "7", "a", "A7", "a7 ", "m7", "a4294967296"] {
            assert_eq!(parse_account(bad), None, "{bad}");
        }
    }
}
