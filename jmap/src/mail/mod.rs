//! RFC 8621: mailboxes, threads, messages, identities and their submission.

pub(crate) mod copy;
pub(crate) mod email;
pub(crate) mod identity;
pub(crate) mod import;
pub(crate) mod mailbox;
pub(crate) mod mdn;
pub(crate) mod snippet;
pub(crate) mod submission;
pub(crate) mod thread;
pub(crate) mod tree;
pub(crate) mod vacation;

/// RFC 8621 §1.3.1 `emailQuerySortOptions`.
pub(crate) const SORT_OPTIONS: [&str; 9] = [
    "receivedAt",
    "sentAt",
    "size",
    "from",
    "to",
    "subject",
    "hasKeyword",
    "allInThreadHaveKeyword",
    "someInThreadHaveKeyword",
];

/// IMAP's mark for what is to be expunged; RFC 8621 §4.1.1 hides such messages from JMAP.
pub(crate) const DELETED: &str = "$deleted";
pub(crate) const SEEN: &str = "$seen";
pub(crate) const DRAFT: &str = "$draft";
