//! The name of an acceptance, and the keys of its rows.

use directory::AccountId;
use std::fmt;

/// Digits of names, in the order of their values.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Digits that tell the time, and those that are drawn.
const TIME_DIGITS: usize = 7;
const DRAWN_DIGITS: usize = 8;
const DAY_S: u32 = 24 * 3600;

pub(super) const HEAD: u8 = b'h';
const EVENT: u8 = b'e';
const ITEM: u8 = b'q';
pub(super) const ACCOUNT: u8 = b'a';
pub(super) const SENDER: u8 = b's';
pub(super) const RECIPIENT: u8 = b'r';
pub(super) const MESSAGE_ID: u8 = b'm';
/// Octets of what tells messages of one day apart.
const TAIL: usize = 9;

/// Names one acceptance: fifteen letters and digits, of which the first seven tell when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Id {
    /// Unix seconds.
    at: u32,
    drawn: [u8; 5],
}

impl Id {
    /// For an acceptance now (Unix seconds), with random octets.
    pub(crate) fn new(now: i64, drawn: [u8; 5]) -> Self {
        let at = u32::try_from(now.max(0)).unwrap_or(u32::MAX);
        Self { at, drawn }
    }

    /// Reads a name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let digit = |b: u8| DIGITS.iter().position(|d| *d == b).map(|n| n as u64);
        let number = |digits: &[u8]| {
            let mut digits = digits.iter();
            digits.try_fold(0, |n: u64, b| Some(n << 5 | digit(*b)?))
        };
        let (time, drawn) = name.as_bytes().split_at_checked(TIME_DIGITS)?;
        if drawn.len() != DRAWN_DIGITS {
            return None;
        }
        let octets = number(drawn)?.to_be_bytes();
        Some(Self {
            at: u32::try_from(number(time)?).ok()?,
            drawn: octets[3..].try_into().ok()?,
        })
    }

    /// The name of a message that was accepted then; `None`: it tells another time.
    pub(crate) fn of(name: &str, accepted_at: i64) -> Option<Self> {
        Self::parse(name).filter(|id| i64::from(id.at) == accepted_at)
    }

    /// When, Unix seconds.
    pub(crate) fn at(self) -> i64 {
        self.at.into()
    }

    /// Days since 1970.
    pub(super) fn day(self) -> u16 {
        (self.at / DAY_S) as u16
    }

    /// Time counted down, then what was drawn.
    pub(super) fn tail(self) -> [u8; TAIL] {
        let mut tail = [0; TAIL];
        tail[..4].copy_from_slice(&(!self.at).to_be_bytes());
        tail[4..].copy_from_slice(&self.drawn);
        tail
    }

    /// The message of a key.
    pub(super) fn of_key(key: &[u8]) -> Option<Self> {
        let tail = key.get(key.len().checked_sub(TAIL)?..)?;
        Some(Self {
            at: !u32::from_be_bytes(tail[..4].try_into().ok()?),
            drawn: tail[4..].try_into().ok()?,
        })
    }

    fn key(self, kind: u8, middle: &[u8]) -> Vec<u8> {
        let mut key = prefix(self.day(), kind, middle);
        key.extend_from_slice(&self.tail());
        key
    }

    pub(super) fn head(self) -> Vec<u8> {
        self.key(HEAD, &[])
    }

    /// The item of the queue in which it waited.
    pub(super) fn item(self) -> Vec<u8> {
        self.key(ITEM, &[])
    }

    /// All its events.
    pub(super) fn events(self) -> Vec<u8> {
        self.key(EVENT, &[])
    }

    pub(super) fn event(self, now: i64, number: u16) -> Vec<u8> {
        let mut key = self.events();
        let now = u32::try_from(now.max(0)).unwrap_or(u32::MAX);
        key.extend_from_slice(&now.to_be_bytes());
        key.extend_from_slice(&number.to_be_bytes());
        key
    }

    /// When the event of a key was, Unix seconds.
    pub(super) fn event_at(key: &[u8]) -> Option<i64> {
        let at = key.get(3 + TAIL..3 + TAIL + 4)?;
        Some(u32::from_be_bytes(at.try_into().ok()?).into())
    }

    pub(super) fn account(self, account: AccountId) -> Vec<u8> {
        self.key(ACCOUNT, &account.raw().to_be_bytes())
    }

    pub(super) fn hashed(self, kind: u8, text: &str) -> Vec<u8> {
        self.key(kind, &hash(text))
    }
}

/// What all keys of a day, a kind and something in the midst begin with.
pub(super) fn prefix(day: u16, kind: u8, middle: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(3 + middle.len() + TAIL);
    key.extend_from_slice(&day.to_be_bytes());
    key.push(kind);
    key.extend_from_slice(middle);
    key
}

/// FNV-1a. What is found by it is compared whole.
pub(super) fn hash(text: &str) -> [u8; 8] {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for octet in text.bytes() {
        hash = (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3);
    }
    hash.to_be_bytes()
}

/// The day of a key.
pub(super) fn day_of(key: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(key.get(..2)?.try_into().ok()?))
}

/// The day of a time in Unix seconds.
pub(super) fn day_at(at: i64) -> u16 {
    Id::new(at, [0; 5]).day()
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut octets = [0; 8];
        octets[3..].copy_from_slice(&self.drawn);
        let parts = [
            (u64::from(self.at), TIME_DIGITS),
            (u64::from_be_bytes(octets), DRAWN_DIGITS),
        ];
        for (number, digits) in parts {
            for at in (0..digits).rev() {
                let digit = DIGITS[(number >> (5 * at) & 31) as usize];
                write!(f, "{}", digit as char)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_sort_by_time() {
        let mut last = String::new();
        for at in [0, 1, 86_399, 86_400, 1_795_305_600, i64::from(u32::MAX)] {
            let id = Id::new(at, [1, 2, 0xff, 0, at as u8]);
            let name = id.to_string();
            assert_eq!(name.len(), TIME_DIGITS + DRAWN_DIGITS);
            assert_eq!(Id::parse(&name), Some(id));
            assert_eq!(Id::of(&name, at), Some(id));
            assert_eq!(Id::of(&name, at + 1), None);
            assert!(name > last, "{name} {last}");
            for key in [
                id.head(),
                id.item(),
                id.account(AccountId::new(7).unwrap()),
                id.hashed(SENDER, "x"),
            ] {
                assert_eq!(Id::of_key(&key), Some(id));
                assert_eq!(day_of(&key), Some((at / 86_400) as u16));
            }
            assert_eq!(Id::event_at(&id.event(77, 3)), Some(77));
            last = name;
        }
        for bad in [
            "",
            "0",
            "zzzzzzz00000000",
            "il00000o0000000",
            "0000000000000000",
            "é00000000000000",
        ] {
            assert_eq!(Id::parse(bad), None, "{bad}");
        }
    }
}
