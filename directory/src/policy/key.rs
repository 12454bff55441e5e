//! The values of policies: which there are, how each is spelled, and which of two is stricter.

use crate::Error;
use crate::act::invalid;
use crate::approval::Dangerous;
use crate::freed::REST_DAYS;
use crate::place::{Net, Week};
use serde::{Deserialize, Serialize};

/// Words of one value.
pub const WORDS_MAX: usize = 200;
/// Octets of one word.
const WORD_MAX: usize = 64;

/// What is ruled. The order is kept in stored rows: new ones come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Key {
    /// Characters of a new password, at least.
    PasswordMin,
    /// Of lower case, upper case, digits and others in a new password, at least so many.
    PasswordClasses,
    /// A new password is none of the last so many.
    PasswordHistory,
    /// Whether mail programs may sign in over IMAP.
    Imap,
    /// The same over POP3, where the account's own switch is on.
    Pop3,
    /// The same over SMTP, to send.
    Submission,
    /// The same over JMAP, by name and password.
    Jmap,
    /// Whether people may sign in to the webmail.
    Webmail,
    /// Whether app passwords may be made and used.
    AppPasswords,
    /// Networks from which people and their mail programs may sign in.
    SignInNetworks,
    /// Hours at which they may.
    SignInHours,
    /// Octets of one attachment that is sent, decoded.
    AttachmentOctets,
    /// Endings of file names that may be sent; others may not.
    AttachmentTypes,
    /// Endings of file names that may not be sent.
    AttachmentTypesRefused,
    /// Acts that one person alone does not do.
    TwoPersons,
    /// Days for which an address that was freed rests before others may give it to somebody.
    AddressDays,
    /// Octets of one message that is sent.
    MessageOctets,
    /// Days for which removed mail can be put back, at least.
    RestoreDays,
    /// Days after which mail goes from the mailbox for deleted mail.
    TrashDays,
    /// The same of the mailbox for spam.
    JunkDays,
    /// Whether people sign in with a code besides the password, and mail programs by app passwords alone.
    SecondFactor,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Value {
    Number(u64),
    Switch(bool),
    /// Each once, in order.
    Words(Vec<String>),
}

/// How a value is ruled, and which of two is stricter.
enum Kind {
    /// A number between these; more is stricter.
    AtLeast(u64, u64),
    /// A number between these; less is stricter.
    AtMost(u64, u64),
    /// Off is stricter.
    Allowed,
    /// On is stricter.
    Demanded,
    /// Words of which fewer are stricter; without any rule all may be.
    Only(Words),
    /// Words of which more are stricter.
    Refused(Words),
}

/// How words are read.
enum Words {
    Endings,
    Networks,
    Hours,
    Acts,
}

/// Each with its name outside, in their order. Names do not change.
const NAMES: [(Key, &str); 21] = [
    (Key::PasswordMin, "password_min"),
    (Key::PasswordClasses, "password_classes"),
    (Key::PasswordHistory, "password_history"),
    (Key::Imap, "imap"),
    (Key::Pop3, "pop3"),
    (Key::Submission, "submission"),
    (Key::Jmap, "jmap"),
    (Key::Webmail, "webmail"),
    (Key::AppPasswords, "app_passwords"),
    (Key::SignInNetworks, "sign_in_networks"),
    (Key::SignInHours, "sign_in_hours"),
    (Key::AttachmentOctets, "attachment_octets"),
    (Key::AttachmentTypes, "attachment_types"),
    (Key::AttachmentTypesRefused, "attachment_types_refused"),
    (Key::TwoPersons, "two_persons"),
    (Key::AddressDays, "address_rest_days"),
    (Key::MessageOctets, "message_octets"),
    (Key::RestoreDays, "restore_days"),
    (Key::TrashDays, "trash_days"),
    (Key::JunkDays, "junk_days"),
    (Key::SecondFactor, "second_factor"),
];

impl Key {
    /// All there are, in their order.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.into_iter().map(|(key, _)| key)
    }

    /// Its name in the API.
    pub fn name(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// The reverse of `name`.
    pub fn named(name: &str) -> Option<Self> {
        let found = NAMES.into_iter().find(|(_, known)| *known == name);
        found.map(|(key, _)| key)
    }

    fn kind(self) -> Kind {
        match self {
            Self::PasswordMin => Kind::AtLeast(PASSWORD_MIN, 64),
            Self::PasswordClasses => Kind::AtLeast(1, 4),
            Self::PasswordHistory => Kind::AtLeast(0, HISTORY_MAX),
            Self::Imap
            | Self::Pop3
            | Self::Submission
            | Self::Jmap
            | Self::Webmail
            | Self::AppPasswords => Kind::Allowed,
            Self::SignInNetworks => Kind::Only(Words::Networks),
            Self::SignInHours => Kind::Only(Words::Hours),
            Self::AddressDays => Kind::AtLeast(0, DAYS_MAX),
            Self::AttachmentOctets | Self::MessageOctets => Kind::AtMost(1, 1 << 40),
            Self::RestoreDays => Kind::AtLeast(1, DAYS_MAX),
            Self::TrashDays | Self::JunkDays => Kind::AtMost(1, DAYS_MAX),
            Self::AttachmentTypes => Kind::Only(Words::Endings),
            Self::AttachmentTypesRefused => Kind::Refused(Words::Endings),
            Self::TwoPersons => Kind::Refused(Words::Acts),
            Self::SecondFactor => Kind::Demanded,
        }
    }

    /// What holds where no agency says anything. `None`: no rule.
    pub fn default(self) -> Option<Value> {
        match self {
            Self::PasswordMin => Some(Value::Number(PASSWORD_MIN)),
            Self::PasswordClasses => Some(Value::Number(CLASSES)),
            Self::PasswordHistory => Some(Value::Number(0)),
            Self::AddressDays => Some(Value::Number(REST_DAYS)),
            Self::SignInNetworks
            | Self::SignInHours
            | Self::AttachmentOctets
            | Self::AttachmentTypes
            | Self::AttachmentTypesRefused
            | Self::TwoPersons
            | Self::MessageOctets
            | Self::RestoreDays
            | Self::TrashDays
            | Self::JunkDays => None,
            Self::SecondFactor => Some(Value::Switch(false)),
            _ => Some(Value::Switch(true)),
        }
    }

    /// Whether its values are lists of words.
    pub fn is_listed(self) -> bool {
        matches!(self.kind(), Kind::Only(_) | Kind::Refused(_))
    }

    /// What its values are, as a refusal says it; of a list, what its words are.
    pub fn expected(self) -> String {
        match self.kind() {
            Kind::AtLeast(min, max) | Kind::AtMost(min, max) => {
                format!("a number from {min} to {max}")
            }
            Kind::Allowed | Kind::Demanded => "true or false".into(),
            Kind::Only(words) | Kind::Refused(words) => words.expected().into(),
        }
    }

    /// The value as it is kept: words once each, in one spelling. Errors: `Invalid`, naming the key.
    pub fn checked(self, value: Value) -> Result<Value, Error> {
        let wrong = |expected: String| invalid(self.name(), expected);
        match (self.kind(), value) {
            (Kind::AtLeast(min, max) | Kind::AtMost(min, max), Value::Number(n)) => {
                match (min..=max).contains(&n) {
                    true => Ok(Value::Number(n)),
                    false => Err(wrong(self.expected())),
                }
            }
            (Kind::Allowed | Kind::Demanded, Value::Switch(on)) => Ok(Value::Switch(on)),
            (Kind::Only(words) | Kind::Refused(words), Value::Words(given)) => {
                if given.is_empty() || given.len() > WORDS_MAX {
                    return Err(wrong(format!("1 to {WORDS_MAX} words")));
                }
                let each = given.iter().map(|word| words.spelled(word));
                let spelled: Option<Vec<String>> = each.collect();
                let mut all = spelled.ok_or_else(|| wrong(self.expected()))?;
                all.sort_unstable();
                all.dedup();
                Ok(Value::Words(all))
            }
            _ => Err(wrong(self.expected())),
        }
    }

    /// Whether `below` is as strict as `above`, or stricter.
    pub(super) fn is_no_looser(self, below: &Value, above: &Value) -> bool {
        match (self.kind(), below, above) {
            (Kind::AtLeast(..), Value::Number(below), Value::Number(above)) => below >= above,
            (Kind::AtMost(..), Value::Number(below), Value::Number(above)) => below <= above,
            (Kind::Allowed, Value::Switch(below), Value::Switch(above)) => !below || *above,
            (Kind::Demanded, Value::Switch(below), Value::Switch(above)) => *below || !above,
            (Kind::Only(words), Value::Words(below), Value::Words(above)) => {
                words.within(below, above)
            }
            (Kind::Refused(words), Value::Words(below), Value::Words(above)) => {
                words.within(above, below)
            }
            _ => false,
        }
    }
}

impl Words {
    /// One word in its one spelling.
    fn spelled(&self, word: &str) -> Option<String> {
        let word = word.trim().to_ascii_lowercase();
        if word.len() > WORD_MAX {
            return None;
        }
        match self {
            Self::Endings => {
                let ending = word.trim_start_matches('.');
                let fits = (1..=16).contains(&ending.len());
                let fits = fits
                    && ending
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b == b'_');
                fits.then(|| ending.to_owned())
            }
            Self::Networks => Net::parse(&word).map(|net| net.to_string()),
            Self::Hours => Week::spelled(&word),
            Self::Acts => Dangerous::ruled(&word).then_some(word),
        }
    }

    fn expected(&self) -> &'static str {
        match self {
            Self::Endings => "endings of file names such as pdf",
            Self::Networks => "networks such as 10.0.0.0/8 or 2001:db8::/32",
            Self::Hours => "hours such as mon-fri 07:00-18:00",
            Self::Acts => {
                "some of: delete_account, restore_mail, export_mail, release_hold, impersonate"
            }
        }
    }

    /// Whether all that the first say is said by the others.
    fn within(&self, these: &[String], others: &[String]) -> bool {
        match self {
            Self::Endings | Self::Acts => these.iter().all(|word| others.contains(word)),
            Self::Networks => {
                let others: Vec<Net> = others.iter().filter_map(|n| Net::parse(n)).collect();
                let mut these = these.iter().filter_map(|n| Net::parse(n));
                these.all(|net| others.iter().any(|other| other.holds(&net)))
            }
            Self::Hours => Week::of(others).holds(&Week::of(these)),
        }
    }
}

/// Characters of a password, at least, whatever is said.
pub const PASSWORD_MIN: u64 = 8;
/// Of lower case, upper case, digits and others, where nothing is said.
const CLASSES: u64 = 3;
/// Ten years.
const DAYS_MAX: u64 = 3_650;
/// Passwords that are remembered.
const HISTORY_MAX: u64 = 24;

#[cfg(test)]
mod tests {
    use super::*;

    fn words(these: &[&str]) -> Value {
        Value::Words(these.iter().map(|w| (*w).to_owned()).collect())
    }

    #[test]
    fn names_stand_in_their_order_and_return() {
        for (n, (key, name)) in NAMES.into_iter().enumerate() {
            assert_eq!(key as usize, n, "{name}");
            assert_eq!(Key::named(name), Some(key));
            if let Some(value) = key.default() {
                assert_eq!(key.checked(value.clone()).unwrap(), value, "{name}");
            }
        }
    }

    #[test]
    fn values_are_spelled_one_way_or_refused() {
        let check = |key: Key, value: Value, expected: Option<Value>| {
            assert_eq!(
                key.checked(value.clone()).ok(),
                expected,
                "{key:?} {value:?}"
            );
        };
        check(Key::PasswordMin, Value::Number(12), Some(Value::Number(12)));
        check(Key::PasswordMin, Value::Number(7), None);
        check(Key::PasswordMin, Value::Switch(true), None);
        check(Key::Imap, Value::Number(1), None);
        check(
            Key::AttachmentTypes,
            words(&[".PDF", "docx", "pdf"]),
            Some(words(&["docx", "pdf"])),
        );
        check(Key::AttachmentTypes, words(&[]), None);
        check(Key::AttachmentTypes, words(&["a/b"]), None);
        check(
            Key::SignInNetworks,
            words(&["10.1.2.3/8"]),
            Some(words(&["10.0.0.0/8"])),
        );
        check(Key::SignInNetworks, words(&["10.0.0.0/33"]), None);
        check(
            Key::SignInHours,
            words(&["Mon-Fri 7:00-18:00"]),
            Some(words(&["mon-fri 07:00-18:00"])),
        );
        check(Key::SignInHours, words(&["mon-fri 18:00-07:00"]), None);
    }

    #[test]
    fn of_two_values_one_is_looser() {
        let check = |key: Key, below: Value, above: Value, expected: bool| {
            let told = key.is_no_looser(&below, &above);
            assert_eq!(told, expected, "{key:?} {below:?} {above:?}");
        };
        check(Key::PasswordMin, Value::Number(12), Value::Number(10), true);
        check(Key::PasswordMin, Value::Number(9), Value::Number(10), false);
        check(
            Key::AttachmentOctets,
            Value::Number(9),
            Value::Number(10),
            true,
        );
        check(
            Key::AttachmentOctets,
            Value::Number(11),
            Value::Number(10),
            false,
        );
        check(Key::Imap, Value::Switch(false), Value::Switch(true), true);
        check(Key::Imap, Value::Switch(true), Value::Switch(false), false);
        check(
            Key::AttachmentTypes,
            words(&["pdf"]),
            words(&["docx", "pdf"]),
            true,
        );
        check(
            Key::AttachmentTypes,
            words(&["exe"]),
            words(&["docx", "pdf"]),
            false,
        );
        check(
            Key::AttachmentTypesRefused,
            words(&["bat", "exe"]),
            words(&["exe"]),
            true,
        );
        check(
            Key::AttachmentTypesRefused,
            words(&["bat"]),
            words(&["exe"]),
            false,
        );
        check(
            Key::SignInNetworks,
            words(&["10.1.0.0/16"]),
            words(&["10.0.0.0/8"]),
            true,
        );
        check(
            Key::SignInNetworks,
            words(&["0.0.0.0/0"]),
            words(&["10.0.0.0/8"]),
            false,
        );
        check(
            Key::SignInHours,
            words(&["mon 08:00-12:00"]),
            words(&["mon-fri 07:00-18:00"]),
            true,
        );
        check(
            Key::SignInHours,
            words(&["sat 08:00-12:00"]),
            words(&["mon-fri 07:00-18:00"]),
            false,
        );
    }
}
