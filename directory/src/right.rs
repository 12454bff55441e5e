//! Rights: what one may do with mail. What an administrator may do with a subtree is in `capability`.

use serde::{Deserialize, Serialize};

/// A right over an account's mail. For one's own account all are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// See and fetch.
    Read,
    /// Keywords, append, move, delete, mailboxes.
    Write,
    /// Submit mail as this account.
    Send,
}

/// Rights over one mailbox, a set of the letters of RFC 4314 §2.1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Rights(u16);

impl Rights {
    /// No right at all.
    pub const NONE: Self = Self(0);
    /// `l`: it is seen in lists, and may be subscribed to.
    pub const LOOKUP: Self = Self(1);
    /// `r`: it may be opened, and its counts asked for.
    pub const READ: Self = Self(1 << 1);
    /// `s`: messages may be marked as seen or not.
    pub const SEEN: Self = Self(1 << 2);
    /// `w`: other keywords may be set and cleared.
    pub const WRITE: Self = Self(1 << 3);
    /// `i`: messages may be put into it.
    pub const INSERT: Self = Self(1 << 4);
    /// `p`: mail may be sent to its submission address.
    pub const POST: Self = Self(1 << 5);
    /// `k`: mailboxes may be made below it.
    pub const CREATE: Self = Self(1 << 6);
    /// `x`: the mailbox itself may be deleted or renamed.
    pub const REMOVE: Self = Self(1 << 7);
    /// `t`: messages may be marked as deleted or not.
    pub const DELETE: Self = Self(1 << 8);
    /// `e`: what is marked as deleted may be expunged.
    pub const EXPUNGE: Self = Self(1 << 9);
    /// `a`: its list of rights may be seen and changed.
    pub const ADMINISTER: Self = Self(1 << 10);
    /// Every right: what one has over one's own mailboxes.
    pub const ALL: Self = Self((1 << 11) - 1);
    /// The letters, each at the place of its bit.
    pub const LETTERS: &'static str = "lrswipkxtea";

    /// The right of one letter.
    pub fn letter(letter: char) -> Option<Self> {
        let at = Self::LETTERS.find(letter)?;
        Some(Self(1 << at))
    }

    /// From letters, in any order; `None` when one of them is no right.
    pub fn parse(letters: &str) -> Option<Self> {
        letters
            .chars()
            .try_fold(Self::NONE, |all, c| Some(all.with(Self::letter(c)?)))
    }

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set less the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether every right of the other set is in this one.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any right of the other set is in this one.
    pub const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether there is no right in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl std::fmt::Display for Rights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut given = Self::LETTERS
            .chars()
            .enumerate()
            .filter(|(at, _)| self.0 & (1 << at) != 0);
        given.try_for_each(|(_, letter)| write!(f, "{letter}"))
    }
}

impl std::fmt::Debug for Rights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rights({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_return() {
        assert_eq!(Rights::ALL.to_string(), Rights::LETTERS);
        assert_eq!(
            Rights::parse("xsrl").map(|r| r.to_string()),
            Some("lrsx".into())
        );
        assert_eq!(Rights::parse(""), Some(Rights::NONE));
        for bad in ["L", "q", "lr ", "-l", "c", "d"] {
            assert_eq!(Rights::parse(bad), None, "{bad}");
        }
        let some = Rights::READ.with(Rights::LOOKUP);
        assert!(some.has(Rights::READ) && !some.has(Rights::ALL) && some.any(Rights::ALL));
        assert_eq!(Rights::ALL.without(some).to_string(), "swipkxtea");
    }
}
