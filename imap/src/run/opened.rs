//! What SELECT (RFC 9051 §6.3.2) found when it went through the states of a mailbox, kept until the mailbox
//! changes: many clients open the same few mailboxes again and again.
//!
//! Whatever changes a message raises the mailbox's HIGHESTMODSEQ (RFC 7162 §3.1.2.1), so that what is kept under
//! an older one is not found again. It is asked only after the Access has opened the mailbox (I-08), and all
//! of it together is bounded (I-13).

use crate::view::View;
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use storage::{AccountId, Keyword, Mailbox, MailboxId, ModSeq, Uid, UidValidity};

/// Mailboxes kept.
const MAILBOXES_MAX: usize = 1_024;
/// Octets of all that is kept.
const OCTETS_MAX: usize = 16 * 1024 * 1024;
/// About what an entry costs besides its view and its keywords, octets.
const ENTRY: usize = 256;
/// About what a keyword costs, octets.
const KEYWORD: usize = 48;

/// What one scan of the mailbox tells.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub(super) view: View,
    /// Every keyword that a message has.
    pub(super) keywords: BTreeSet<Keyword>,
    /// The number of the first message without `$seen`.
    pub(super) unseen: Option<u32>,
}

impl Found {
    fn weight(&self) -> usize {
        ENTRY + self.view.weight() + self.keywords.len() * KEYWORD
    }
}

/// A mailbox at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    validity: UidValidity,
    next: Uid,
    highest: ModSeq,
    total: u32,
}

impl Stamp {
    fn of(mailbox: &Mailbox) -> Self {
        Self {
            validity: mailbox.uid_validity,
            next: mailbox.uid_next,
            highest: mailbox.highest_modseq,
            total: mailbox.counts.total,
        }
    }
}

struct Entry {
    key: (AccountId, MailboxId),
    stamp: Stamp,
    found: Arc<Found>,
}

/// What is known of mailboxes, the one used last at the end.
#[derive(Default)]
pub(crate) struct Opened(Mutex<VecDeque<Entry>>);

impl Opened {
    /// What a scan would find, when the mailbox is as it was then.
    pub(super) fn find(&self, account: AccountId, mailbox: &Mailbox) -> Option<Arc<Found>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (account, mailbox.id);
        let at = kept.iter().rposition(|entry| entry.key == key)?;
        let entry = kept.remove(at)?;
        if entry.stamp != Stamp::of(mailbox) {
            return None;
        }
        let found = Arc::clone(&entry.found);
        kept.push_back(entry);
        Some(found)
    }

    /// Keeps what a scan found that began after `mailbox` was read.
    pub(super) fn keep(&self, account: AccountId, mailbox: &Mailbox, found: &Arc<Found>) {
        if found.weight() > OCTETS_MAX {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (account, mailbox.id);
        kept.retain(|entry| entry.key != key);
        kept.push_back(Entry {
            key,
            stamp: Stamp::of(mailbox),
            found: Arc::clone(found),
        });
        let mut octets: usize = kept.iter().map(|entry| entry.found.weight()).sum();
        while kept.len() > MAILBOXES_MAX || octets > OCTETS_MAX {
            octets -= kept.pop_front().map_or(octets, |e| e.found.weight());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use storage::Counts;

    fn mailbox(id: u32, highest: u64) -> Mailbox {
        Mailbox {
            id: MailboxId::new(id).unwrap(),
            parent: None,
            name: "a".into(),
            role: None,
            subscribed: false,
            sort_order: 0,
            uid_validity: UidValidity::new(1).unwrap(),
            uid_next: Uid::FIRST,
            modseq: ModSeq::new(1).unwrap(),
            highest_modseq: ModSeq::new(highest).unwrap(),
            counts: Counts::default(),
        }
    }

    #[test]
    fn a_mailbox_that_changed_is_not_found() {
        let opened = Opened::default();
        let found = Arc::new(Found::default());
        opened.keep(AccountId::FIRST, &mailbox(1, 5), &found);
        assert!(opened.find(AccountId::FIRST, &mailbox(1, 5)).is_some());
        assert!(opened.find(AccountId::FIRST, &mailbox(2, 5)).is_none());
        assert!(opened.find(AccountId::FIRST, &mailbox(1, 6)).is_none());
        assert!(opened.0.lock().unwrap().is_empty());
    }

    #[test]
    fn i13_what_is_kept_is_bounded() {
        let opened = Opened::default();
        let found = Arc::new(Found::default());
        for id in 1..=MAILBOXES_MAX as u32 + 10 {
            opened.keep(AccountId::FIRST, &mailbox(id, 1), &found);
        }
        assert_eq!(opened.0.lock().unwrap().len(), MAILBOXES_MAX);
        // Every second message is gone: as many ranges as messages.
        let view = (1..=400_000).filter(|uid| uid % 2 == 0).collect();
        let large = Arc::new(Found {
            view,
            ..Found::default()
        });
        for id in 1..=20 {
            opened.keep(AccountId::FIRST, &mailbox(id, 1), &large);
        }
        let kept = opened.0.lock().unwrap();
        let octets: usize = kept.iter().map(|entry| entry.found.weight()).sum();
        assert!(octets <= OCTETS_MAX && octets + large.weight() > OCTETS_MAX);
    }
}
