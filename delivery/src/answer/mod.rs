//! RFC 3834, RFC 8621 §8: what accounts answer by themselves while their owners are away.
//!
//! With a letter a row is committed that says whom to answer; whoever dispatches makes an answer of it, and the commit
//! that places or queues the answer takes the row away and remembers whom it went to. So a crash neither doubles an
//! answer nor loses it, and a sender who writes twice before he was answered is answered once.
//!
//! | table | key | value |
//! |---|---|---|
//! | `delivery.owed` | account, digest of the sender | the question: who asks, and of what |
//! | `delivery.answered` | the same | when he was answered |
//!
//! Answered rows go a period after they were written; an account has [`ANSWERED_MAX`] of them at most, and answers
//! nobody else until then: whoever writes under many names gets no more than that out of it.

mod asking;
mod letter;

pub(crate) use asking::Asking;

use crate::accept::{Passed, temporary};
use crate::{Delivery, Envelope, Origin, Recipient, Refused, ReversePath, TlsWish, stamp, unheard};
use formats::address::Address;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use storage::{AccountId, Error, RowChange};

/// Seconds within which one account answers one sender once (RFC 3834 §2 names a week).
pub const PERIOD_S: i64 = 7 * 24 * 3600;
/// Senders that one account answers within such a time.
pub const ANSWERED_MAX: usize = 5_000;
/// Whom to answer.
const OWED: &str = "delivery.owed";
/// Who was answered.
const ANSWERED: &str = "delivery.answered";
/// The version of these rows.
const VERSION: u8 = 1;
/// Octets of a sender's digest in a key.
const DIGEST_OCTETS: usize = 16;
/// Rows that are read at once.
const PAGE_MAX: usize = 100;
/// Old rows of one account that one answer takes away.
const SWEPT_MAX: usize = 100;
/// Seconds until it is tried again to answer, where that cannot be now.
const AGAIN_S: i64 = 60;

/// When somebody is to be answered, and whose turn it is to do so.
pub(crate) struct Owing {
    /// Unix seconds; `i64::MAX`: nobody is. After a start it is not known.
    due: AtomicI64,
    turn: Mutex<()>,
}

impl Default for Owing {
    fn default() -> Self {
        Self {
            due: AtomicI64::new(0),
            turn: Mutex::default(),
        }
    }
}

/// Who asks, and of what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Question {
    /// The sender.
    to: Address,
    /// The account's address that the letter names.
    named: Address,
    /// When it arrived, Unix seconds.
    at: i64,
    /// Names its acceptance.
    about: String,
    message_id: Option<String>,
    references: Vec<String>,
    subject: String,
    tls: TlsWish,
}

fn key(account: AccountId, sender: &Address) -> Vec<u8> {
    let digest = Sha256::digest(sender.key());
    let mut key = account.raw().to_be_bytes().to_vec();
    key.extend_from_slice(&digest[..DIGEST_OCTETS]);
    key
}

fn account_of(key: &[u8]) -> Option<AccountId> {
    let (account, _) = key.split_first_chunk::<4>()?;
    AccountId::new(u32::from_be_bytes(*account))
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    postcard::to_extend(value, vec![VERSION]).map_err(|_| Error::Invalid("an answer"))
}

fn decode<T: DeserializeOwned>(octets: &[u8]) -> Option<T> {
    match octets.split_first() {
        Some((&VERSION, rest)) => postcard::from_bytes(rest).ok(),
        _ => None,
    }
}

fn gone(table: &'static str, key: Vec<u8>) -> RowChange {
    let value = None;
    RowChange { table, key, value }
}

/// Whom an account answered within a period, and rows of whom it was longer ago.
#[derive(Default)]
struct Remembered {
    live: usize,
    old: Vec<RowChange>,
    /// The one who asks is among them.
    him: bool,
}

impl Delivery {
    /// What of a letter for these accounts matters to those of them that are away now; `None`: nobody is, or nobody
    /// answers such a letter.
    pub(crate) fn asking(
        &self,
        accounts: impl IntoIterator<Item = AccountId>,
        stored: &[u8],
        (at, about, tls): (i64, &str, TlsWish),
    ) -> Option<Arc<Asking>> {
        let directory = &self.inner.directory;
        let mut accounts = accounts.into_iter();
        if !accounts.any(|account| directory.is_away(account, at)) {
            return None;
        }
        let serves = |domain: &_| directory.serves(domain);
        let asking = Asking::read(stored, &self.inner.settings.host, serves)?;
        let leads = directory.leads_to_list(&asking.sender);
        (!leads).then(|| {
            Arc::new(Asking {
                about: about.to_owned(),
                tls,
                ..asking
            })
        })
    }

    /// The row by which an account that takes a letter now owes its sender an answer.
    pub(crate) fn owed(
        &self,
        account: AccountId,
        asking: &Asking,
        at: i64,
    ) -> Result<Option<RowChange>, Error> {
        let directory = &self.inner.directory;
        let is_his = |address: &Address| directory.is_address_of(address, account);
        // RFC 3834 §2: only where the letter names him, and never to himself.
        let named = asking.named.iter().find(|address| is_his(address));
        let Some(named) = named.filter(|_| !is_his(&asking.sender)) else {
            return Ok(None);
        };
        if !directory.is_away(account, at) {
            return Ok(None);
        }
        let key = key(account, &asking.sender);
        // Asked again when it is answered; here it only spares a row.
        if self.was_answered(&key, at)? {
            return Ok(None);
        }
        let question = Question {
            to: asking.sender.clone(),
            named: named.clone(),
            at,
            about: asking.about.clone(),
            message_id: asking.message_id.clone(),
            references: asking.references.clone(),
            subject: asking.subject.clone(),
            tls: asking.tls,
        };
        let value = Some(encode(&question)?);
        let table = OWED;
        Ok(Some(RowChange { table, key, value }))
    }

    /// Somebody is to be answered: whoever dispatches is woken.
    pub(crate) fn owes(&self) {
        self.inner.owing.due.store(0, SeqCst);
        self.wake();
    }

    fn was_answered(&self, key: &[u8], now: i64) -> Result<bool, Error> {
        let row = self.inner.store.table(ANSWERED).row(key)?;
        let at = row.and_then(|row| decode::<i64>(&row));
        Ok(at.is_some_and(|at| is_lately(at, now)))
    }

    /// Answers all who are owed an answer; when to come again for those who could not be answered now (Unix seconds).
    pub(crate) fn answer_owed(&self, now: i64) -> Option<i64> {
        let owing = &self.inner.owing;
        let _turn = owing.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if owing.due.load(SeqCst) <= now {
            // Who is owed one from now on says so anew.
            owing.due.store(i64::MAX, SeqCst);
            if let Err(error) = self.answer_all(now) {
                tracing::warn!(%error, "those who are owed an answer are answered later");
                owing.due.fetch_min(now.saturating_add(AGAIN_S), SeqCst);
            }
        }
        let due = owing.due.load(SeqCst);
        (due != i64::MAX).then_some(due)
    }

    fn answer_all(&self, now: i64) -> Result<(), Error> {
        let table = self.inner.store.table(OWED);
        let mut after: Option<Vec<u8>> = None;
        let mut failed = None;
        loop {
            let rows = table.rows(&[], after.as_deref(), PAGE_MAX)?;
            let Some((last, _)) = rows.last() else {
                return failed.map_or(Ok(()), Err);
            };
            after = Some(last.clone());
            for (key, value) in rows {
                let (Some(account), Some(question)) = (account_of(&key), decode(&value)) else {
                    tracing::error!("whom an account owes an answer cannot be read");
                    continue;
                };
                if let Err(refused) = self.answer(account, key, &question, now) {
                    let (Refused::Temporary(why) | Refused::Failed(why)) = refused else {
                        continue;
                    };
                    failed = Some(Error::Unavailable(why.into()));
                }
            }
        }
    }

    /// Answers one question, or not. Errors only where it may be answered later: `Temporary`, `Failed`.
    fn answer(
        &self,
        account: AccountId,
        key: Vec<u8>,
        question: &Question,
        now: i64,
    ) -> Result<(), Refused> {
        let (store, about) = (&self.inner.store, question.about.as_str());
        let failed = |error| temporary("cannot answer", &error);
        let answers = self.inner.directory.answers(account, question.at);
        let remembered = self.remembered(&key, now).map_err(failed)?;
        let full = remembered.live >= ANSWERED_MAX;
        if full {
            tracing::warn!(%account, about, "not answered: too many were answered this week");
        }
        let mut rows = remembered.old;
        rows.push(gone(OWED, key.clone()));
        let Some(answers) = answers
            .map_err(failed)?
            .filter(|_| !full && !remembered.him)
        else {
            return store.commit_rows(rows).map(drop).map_err(failed);
        };
        let (table, value) = (ANSWERED, Some(encode(&now).map_err(failed)?));
        rows.push(RowChange { table, key, value });
        let id = stamp::trace_id(now)?;
        let host = &self.inner.settings.host;
        let content = letter::print(&answers, question, &format!("{id}@{host}"), now);
        let passed = Passed {
            trace: Some(id),
            about: Some(about.to_owned()),
            rows: rows.clone(),
            ..Passed::default()
        };
        let envelope = envelope(question, &content);
        match self.take(envelope, &content, &Origin::Generated, passed) {
            Ok(receipt) => {
                tracing::info!(%account, about, to = %question.to, trace = %receipt.trace, "answered by itself");
                Ok(())
            }
            Err(Refused::Permanent(cause)) => {
                tracing::info!(%account, about, to = %question.to, ?cause, "cannot be answered");
                store.commit_rows(rows).map(drop).map_err(failed)
            }
            Err(later) => Err(later),
        }
    }

    fn remembered(&self, key: &[u8], now: i64) -> Result<Remembered, Error> {
        let account = &key[..key.len().min(size_of::<u32>())];
        let table = self.inner.store.table(ANSWERED);
        let mut found = Remembered::default();
        for (row, value) in table.rows(account, None, ANSWERED_MAX + SWEPT_MAX)? {
            if decode::<i64>(&value).is_some_and(|at| is_lately(at, now)) {
                found.live += 1;
                found.him |= row == key;
            } else if found.old.len() < SWEPT_MAX && row != key {
                found.old.push(gone(ANSWERED, row));
            }
        }
        Ok(found)
    }

    /// Forgets whom accounts answered so long ago that they would answer them again. Blocks.
    pub fn forget_answered(&self, now: i64) -> Result<(), Error> {
        let table = self.inner.store.table(ANSWERED);
        let mut after: Option<Vec<u8>> = None;
        loop {
            let rows = table.rows(&[], after.as_deref(), PAGE_MAX)?;
            let Some((last, _)) = rows.last() else {
                return Ok(());
            };
            after = Some(last.clone());
            let is_old = |value: &[u8]| !decode::<i64>(value).is_some_and(|at| is_lately(at, now));
            let old = rows.into_iter().filter(|(_, value)| is_old(value));
            let old: Vec<RowChange> = old.map(|(key, _)| gone(ANSWERED, key)).collect();
            if !old.is_empty() {
                self.inner.store.commit_rows(old)?;
            }
        }
    }
}

/// A clock that was set back makes nobody wait for longer.
fn is_lately(at: i64, now: i64) -> bool {
    now.saturating_sub(at).abs() < PERIOD_S
}

/// RFC 3834 §4: to the reverse-path, with none of its own, so that nothing answers the answer (I-11).
fn envelope(question: &Question, content: &[u8]) -> Envelope {
    Envelope {
        from: ReversePath::Null,
        recipients: vec![Recipient {
            address: question.to.clone(),
            notify: Some(unheard::NEVER.to_owned()),
            orcpt: None,
        }],
        smtputf8: !question.to.is_ascii() || !question.named.is_ascii(),
        eight_bit: !content.is_ascii(),
        // RFC 8689 §6: an answer goes under the protection of what it answers.
        tls: question.tls,
        ..Envelope::default()
    }
}
