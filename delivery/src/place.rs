//! Puts one message into mailboxes, once each (I-09). The only way of mail into an account without
//! an Access (I-08).
//!
//! An account has one writer at a time, and a commit waits for the disk. So those who wait for the
//! same account's writer lay their letters on a pile, and whoever gets it first commits them all.

use crate::Delivery;
use crate::answer::Asking;
use crate::trace::Beginning;
use formats::message::Summary;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use storage::{
    AccountId, AccountStore, Append, BlobId, Error, MailboxId, NewMailbox, Placed, Role, RowChange,
    Writer,
};

/// Accounts written at a time: so many commits share one flush of the disk.
const WRITERS_MAX: usize = 16;

/// What is placed.
#[derive(Clone)]
pub(crate) struct Letter {
    pub(crate) blob: BlobId,
    pub(crate) summary: Arc<Summary>,
    /// Unix seconds.
    pub(crate) now: i64,
    pub(crate) delivery: Option<u64>,
    /// How its timeline begins, where that was not written before.
    pub(crate) beginning: Option<Arc<Beginning>>,
    /// Into Junk instead of INBOX.
    pub(crate) junk: bool,
    /// Of whom those who are away are to answer.
    pub(crate) asking: Option<Arc<Asking>>,
}

/// Where the outcome of one letter appears.
#[derive(Default)]
struct Slot {
    outcome: Mutex<Option<Result<Placed, Error>>>,
    filled: Condvar,
}

impl Slot {
    /// The first outcome counts.
    fn fill(&self, result: Result<Placed, Error>) {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.get_or_insert(result);
        self.filled.notify_all();
    }

    fn wait(&self) -> Result<Placed, Error> {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(result) = outcome.take() {
                return result;
            }
            outcome = self
                .filled
                .wait(outcome)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Letters of one account, each with where its outcome appears.
type Pile = Vec<(Letter, Arc<Slot>)>;

/// The letters that one thread took upon itself: whatever happens to it, each slot is filled.
struct Claimed(Pile);

impl Drop for Claimed {
    fn drop(&mut self) {
        for (_, slot) in &self.0 {
            slot.fill(Err(Error::Unavailable("whoever placed it failed".into())));
        }
    }
}

/// Letters that wait for their account's writer; no more than there are threads that accept.
#[derive(Default)]
pub(crate) struct Piles(Mutex<HashMap<AccountId, Pile>>);

impl Piles {
    fn lay(&self, account: AccountId, letter: Letter) -> Arc<Slot> {
        let slot = Arc::new(Slot::default());
        let mut piles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        piles
            .entry(account)
            .or_default()
            .push((letter, slot.clone()));
        slot
    }

    fn claim(&self, account: AccountId) -> Claimed {
        let mut piles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Claimed(piles.remove(&account).unwrap_or_default())
    }
}

impl Delivery {
    /// Places it into every account's INBOX, or Junk; one result for each, in order. Durable where `Ok`.
    pub(crate) fn place(
        &self,
        accounts: &[AccountId],
        letter: &Letter,
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

    /// The same for one account.
    pub(crate) fn place_one(&self, id: AccountId, letter: &Letter) -> Result<Placed, Error> {
        // The mailbox of a seat may have been sealed since the letter was accepted for it.
        let id = self.inner.directory.takes_for(id);
        let account = self.inner.store.account(id);
        let slot = self.inner.piles.lay(id, letter.clone());
        let turn = account.write();
        // Ours is on the pile, or somebody claimed it: a commit gives the turn away before it returns,
        // so that one may not have filled the slot yet.
        let pile = self.inner.piles.claim(id);
        match turn {
            // Who claimed ours may need the turn again.
            Ok(writer) if pile.0.is_empty() => drop(writer),
            Ok(writer) => self.commit_pile(&account, writer, &pile),
            Err(error) => pile
                .0
                .iter()
                .for_each(|(_, slot)| slot.fill(Err(error.clone()))),
        }
        drop(pile);
        slot.wait()
    }

    /// Whether an account has this delivery. Nothing is changed.
    pub(crate) fn was_placed(
        &self,
        id: AccountId,
        delivery: u64,
        blob: BlobId,
        summary: &Summary,
    ) -> Result<bool, Error> {
        let account = self.inner.store.account(id);
        let Some(inbox) = account.by_role(Role::Inbox)? else {
            return Ok(false);
        };
        // What is appended is thrown away with the writer.
        let placed = account.write()?.append(Append {
            blob,
            summary,
            received_at: 0,
            keywords: Vec::new(),
            mailboxes: vec![inbox.id],
            delivery: Some(delivery),
        })?;
        Ok(placed.already)
    }

    /// All in one commit; where one letter spoils it, each in its own.
    fn commit_pile(&self, account: &AccountStore, writer: Writer, pile: &Claimed) {
        let letters: Vec<&Letter> = pile.0.iter().map(|(letter, _)| letter).collect();
        match self.commit(account, writer, &letters) {
            Ok(placed) => {
                for ((_, slot), placed) in pile.0.iter().zip(placed) {
                    slot.fill(Ok(placed));
                }
            }
            Err(error) if letters.len() == 1 || matches!(error, Error::Unavailable(_)) => {
                pile.0
                    .iter()
                    .for_each(|(_, slot)| slot.fill(Err(error.clone())));
            }
            Err(_) => {
                for (letter, slot) in &pile.0 {
                    let alone = account
                        .write()
                        .and_then(|w| self.commit(account, w, &[letter]));
                    let lost = || Error::Unavailable("placed without a place".into());
                    slot.fill(alone.and_then(|mut placed| placed.pop().ok_or_else(lost)));
                }
            }
        }
    }

    fn commit(
        &self,
        account: &AccountStore,
        mut writer: Writer,
        letters: &[&Letter],
    ) -> Result<Vec<Placed>, Error> {
        writer.quota(self.inner.directory.quota(account.id()));
        let inbox = mailbox(account, &mut writer, Role::Inbox, "INBOX")?;
        let junk = match letters.iter().any(|letter| letter.junk) {
            true => mailbox(account, &mut writer, Role::Junk, "Junk")?,
            false => inbox,
        };
        let each = letters.iter().map(|letter| {
            writer.append(Append {
                blob: letter.blob,
                summary: &letter.summary,
                received_at: letter.now,
                keywords: Vec::new(),
                mailboxes: vec![if letter.junk { junk } else { inbox }],
                delivery: letter.delivery,
            })
        });
        let placed = each.collect::<Result<Vec<Placed>, Error>>()?;
        for (letter, placed) in letters.iter().zip(&placed) {
            if let (Some(beginning), false) = (&letter.beginning, placed.already) {
                writer.with_rows(beginning.placed(account.id())?)?;
            }
        }
        let owed = self.owed_by(account.id(), letters, &placed)?;
        let owes = !owed.is_empty();
        writer.with_rows(owed)?;
        writer.commit()?;
        if owes {
            self.owes();
        }
        Ok(placed)
    }

    /// What an account that is away owes to those whose letters it gets: in the same commit as these.
    fn owed_by(
        &self,
        account: AccountId,
        letters: &[&Letter],
        placed: &[Placed],
    ) -> Result<Vec<RowChange>, Error> {
        let fresh = letters.iter().zip(placed);
        let fresh = fresh.filter(|(letter, placed)| !placed.already && !letter.junk);
        let mut rows = Vec::new();
        for (letter, _) in fresh {
            if let Some(asking) = &letter.asking {
                rows.extend(self.owed(account, asking, letter.now)?);
            }
        }
        Ok(rows)
    }
}

/// The account's mailbox of this role, made when it is not there.
fn mailbox(
    account: &AccountStore,
    writer: &mut Writer,
    role: Role,
    name: &str,
) -> Result<MailboxId, Error> {
    // The writer holds the account's turn: nobody changes it between.
    if let Some(there) = account.by_role(role)? {
        return Ok(there.id);
    }
    writer.create_mailbox(NewMailbox {
        parent: None,
        name: name.into(),
        role: Some(role),
        subscribed: true,
        sort_order: 0,
    })
}
