//! A client that only reads the change log.
#![allow(unreachable_pub, clippy::unwrap_used, reason = "part of a test")]

use std::collections::BTreeMap;
use storage::*;

/// What a client that only follows the change log knows.
#[derive(Default)]
pub struct Follower {
    pub at: Option<ModSeq>,
    pub states: BTreeMap<EmailId, State>,
    pub boxes: BTreeMap<MailboxId, Mailbox>,
}

impl Follower {
    /// `trimmed` is the last commit that the log no longer has.
    pub fn follow(&mut self, account: &AccountStore, max: usize, trimmed: ModSeq) {
        loop {
            let since = self.at.unwrap_or(ModSeq::FIRST);
            let changes = match account.changes(since, max) {
                Ok(changes) => changes,
                Err(e) => {
                    assert_eq!(e, Error::NotFound);
                    assert!(since < trimmed, "the log reaches back to {trimmed}");
                    self.begin_anew(account);
                    continue;
                }
            };
            assert!(since >= trimmed, "the log was trimmed up to {trimmed}");
            for (modseq, change) in &changes.list {
                assert!(*modseq > since && *modseq <= changes.until, "i04");
                match change {
                    Change::EmailCreated { email, .. } | Change::EmailChanged { email, .. } => {
                        // It may be gone again by now; then a later change says so.
                        account
                            .state(*email)
                            .map(|s| self.states.insert(*email, s))
                            .ok();
                    }
                    Change::EmailRemoved { email, .. } => drop(self.states.remove(email)),
                    Change::MailboxRemoved(id) => drop(self.boxes.remove(id)),
                    Change::MailboxCreated(id)
                    | Change::MailboxChanged(id)
                    | Change::MailboxCounts(id) => {
                        account.mailbox(*id).map(|m| self.boxes.insert(*id, m)).ok();
                    }
                    Change::Vanished { mailbox, uid } => {
                        assert_eq!(account.at(*mailbox, *uid), Err(Error::NotFound));
                    }
                }
            }
            self.at = Some(changes.until);
            if !changes.more {
                break;
            }
        }
        assert_eq!(self.at.unwrap(), account.modseq().unwrap());
        let mut states = BTreeMap::new();
        account
            .scan_all(&mut |s| states.insert(s.email, s.clone()).is_none())
            .unwrap();
        assert_eq!(self.states, states);
        // The highest ModSeq and the next Uid move without a change of their own.
        let still = |m: &Mailbox| {
            (
                m.id,
                m.name.clone(),
                m.parent,
                m.subscribed,
                m.counts,
                m.modseq,
            )
        };
        let boxes: Vec<_> = account.mailboxes().unwrap().iter().map(still).collect();
        assert_eq!(self.boxes.values().map(still).collect::<Vec<_>>(), boxes);
    }

    /// What a client does when the log no longer reaches back: it reads everything.
    fn begin_anew(&mut self, account: &AccountStore) {
        *self = Self::default();
        self.at = Some(account.modseq().unwrap());
        let boxes = account.mailboxes().unwrap().into_iter();
        self.boxes = boxes.map(|m| (m.id, m)).collect();
        account
            .scan_all(&mut |s| self.states.insert(s.email, s.clone()).is_none())
            .unwrap();
    }
}
