//! Puts one message into mailboxes, once each (I-09). The only way of mail into an account without
//! an Access (I-08).

use crate::Delivery;
use formats::message::Summary;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use storage::{AccountId, Append, BlobId, Error, MailboxId, NewMailbox, Placed, Role};

/// Accounts written at a time: so many commits share one flush of the disk.
const WRITERS_MAX: usize = 16;

/// What is placed.
#[derive(Clone, Copy)]
pub(crate) struct Letter<'a> {
    pub(crate) blob: BlobId,
    pub(crate) summary: &'a Summary,
    /// Unix seconds.
    pub(crate) now: i64,
    pub(crate) delivery: Option<u64>,
}

impl Delivery {
    /// Places it into every account's INBOX; one result for each, in order. Durable where `Ok`.
    pub(crate) fn place(
        &self,
        accounts: &[AccountId],
        letter: &Letter<'_>,
    ) -> Vec<Result<Placed, Error>> {
        if let [only] = accounts {
            return vec![self.place_one(*only, letter)];
        }
        let next = AtomicUsize::new(0);
        let unplaced = || Err(Error::Unavailable("not tried".into()));
        let results = Mutex::new(accounts.iter().map(|_| unplaced()).collect::<Vec<_>>());
        std::thread::scope(|scope| {
            for _ in 0..accounts.len().min(WRITERS_MAX) {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(account) = accounts.get(at) else {
                            break;
                        };
                        let result = self.place_one(*account, letter);
                        results.lock().unwrap_or_else(PoisonError::into_inner)[at] = result;
                    }
                });
            }
        });
        results.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn place_one(&self, id: AccountId, letter: &Letter<'_>) -> Result<Placed, Error> {
        let account = self.inner.store.account(id);
        let inbox = account.by_role(Role::Inbox)?.map(|mailbox| mailbox.id);
        let mut writer = account.write()?;
        writer.quota(self.inner.directory.quota(id));
        let inbox: MailboxId = match inbox {
            Some(inbox) => inbox,
            None => writer.create_mailbox(NewMailbox {
                parent: None,
                name: "INBOX".into(),
                role: Some(Role::Inbox),
                subscribed: true,
                sort_order: 0,
            })?,
        };
        let placed = writer.append(Append {
            blob: letter.blob,
            summary: letter.summary,
            received_at: letter.now,
            keywords: Vec::new(),
            mailboxes: vec![inbox],
            delivery: letter.delivery,
        })?;
        writer.commit()?;
        Ok(placed)
    }
}
