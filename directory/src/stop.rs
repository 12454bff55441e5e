//! Stop: sending that is suspended, by an administrator or because it suddenly was far too much; and the question
//! that each message puts before it goes: may this be sent now?

use crate::act::Note;
use crate::book::Book;
use crate::fact::Fact;
use crate::pace::{Pace, Reached, Sent, Whose};
use crate::{Access, Account, AccountId, AccountState, Capability, Directory, Error};
use formats::address::Address;
use serde::{Deserialize, Serialize};
use std::sync::PoisonError;

/// Administrators who are told of one event.
pub const TOLD_MAX: usize = 10;

/// Why an account sends nothing now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Stop {
    pub account: AccountId,
    /// Unix seconds.
    pub since: i64,
    /// It was sudden: recipients within the hour, and in the busiest hour of the days before. `None`: an
    /// administrator did it.
    pub sudden: Option<(u64, u64)>,
}

/// Why a message is not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsent {
    /// Sending is suspended; the stop, where this message made it so.
    Stopped(Option<Stop>),
    /// A cap of an hour or a day.
    Reached(Reached),
    /// More octets than one message may have.
    TooLarge(u64),
    /// More recipients than one message may have.
    TooMany(u64),
}

/// What an account has sent, and whether it may go on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Standing {
    pub hour: Sent,
    pub day: Sent,
    /// Recipients in the busiest hour of the days before.
    pub usual: u64,
    pub stop: Option<Stop>,
}

/// A message that is being taken.
pub struct Underway {
    directory: Directory,
    whose: Vec<Whose>,
    recipients: u64,
}

impl std::fmt::Debug for Underway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Underway({})", self.recipients)
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        let mut paces = self.directory.paces();
        for whose in &self.whose {
            if let Some(pace) = paces.get_mut(whose) {
                pace.end(self.recipients);
            }
        }
    }
}

impl Access {
    /// Whether a message may be sent now; `recipients` zero: whether any. Errors: why not. What is suddenly far
    /// too much stops the account's sending, durably and in the audit log.
    pub fn may_send(&self, recipients: u64, octets: u64) -> Result<(), Unsent> {
        self.begin_sending(recipients, octets).map(drop)
    }

    /// The same for a message that is being taken: it counts for others from now on, until what is given back is
    /// dropped, and that only after [`Access::sent`] has counted it or it was refused. `recipients` zero counts nothing.
    pub fn begin_sending(&self, recipients: u64, octets: u64) -> Result<Underway, Unsent> {
        let (directory, now) = (&self.directory, self.directory.now_s());
        let settings = directory.sending_settings();
        let (caps, above) = {
            let book = directory.read();
            if book.stops.contains_key(&self.account) {
                return Err(Unsent::Stopped(None));
            }
            let Some(account) = book.account(self.account) else {
                return Err(Unsent::Stopped(None));
            };
            let above = book.upward(&account.agency);
            let above = above.map(|id| (Whose::Agency(id.clone()), book.said_caps(id).total));
            let caps = book.caps_of(&account.agency, settings.each);
            (caps, above.collect::<Vec<_>>())
        };
        if let Some(max) = caps.octets.filter(|max| octets > *max) {
            return Err(Unsent::TooLarge(max));
        }
        if let Some(max) = caps.recipients.filter(|max| recipients > *max) {
            return Err(Unsent::TooMany(max));
        }
        let mut paces = directory.paces();
        let own = paces.entry(Whose::Account(self.account)).or_default();
        if let Some(reached) = own.reaches(&caps, recipients, now) {
            return Err(Unsent::Reached(reached));
        }
        let sudden = settings
            .sudden
            .filter(|from| own.is_sudden(*from, recipients, now));
        let sudden = sudden.map(|_| (own.hour(now).recipients + recipients, own.usual(now)));
        for (whose, total) in &above {
            let pace = paces.entry(whose.clone()).or_default();
            if pace.reaches(total, recipients, now).is_some() {
                return Err(Unsent::Reached(Reached::Agency));
            }
        }
        let Some(sudden) = sudden else {
            // Who only asks whether any may be sent has none under way.
            let own = (recipients > 0).then_some(Whose::Account(self.account));
            let above = above.into_iter().filter(|_| recipients > 0);
            let whose: Vec<Whose> = own
                .into_iter()
                .chain(above.map(|(whose, _)| whose))
                .collect();
            for one in &whose {
                paces.entry(one.clone()).or_default().begin(recipients);
            }
            let directory = directory.clone();
            return Ok(Underway {
                directory,
                whose,
                recipients,
            });
        };
        drop(paces);
        let stopped = directory.stop_sending(None, self.account, Some(sudden));
        if let Err(error) = &stopped {
            tracing::error!(account = %self.account, %error, "sending could not be suspended");
        }
        Err(Unsent::Stopped(stopped.ok()))
    }

    /// Octets of one message that may be sent; `None`: nothing is said.
    pub fn message_octets(&self) -> Option<u64> {
        let caps = self.directory.caps(self.account);
        caps.ok().and_then(|caps| caps.octets)
    }

    /// Counts a message that was taken.
    pub fn sent(&self, recipients: u64) {
        let (directory, now) = (&self.directory, self.directory.now_s());
        let agencies = {
            let book = directory.read();
            let account = book.account(self.account);
            let above = account.map(|a| book.upward(&a.agency).cloned().collect::<Vec<_>>());
            above.unwrap_or_default()
        };
        let mut paces = directory.paces();
        let own = std::iter::once(Whose::Account(self.account));
        for whose in own.chain(agencies.into_iter().map(Whose::Agency)) {
            let pace: &mut Pace = paces.entry(whose.clone()).or_default();
            pace.add(recipients, now);
            match pace.row(&whose) {
                Ok(row) => directory.inner.lazy.put(row),
                Err(error) => tracing::error!(%error, "what was sent is not written"),
            }
        }
    }
}

impl Directory {
    /// What an account has sent lately. Errors: `NotFound`.
    pub fn standing(&self, account: AccountId) -> Result<Standing, Error> {
        self.account(account)?;
        let now = self.now_s();
        let stop = self.read().stops.get(&account).cloned();
        let mut paces = self.paces();
        let pace = paces.entry(Whose::Account(account)).or_default();
        Ok(Standing {
            hour: pace.hour(now),
            day: pace.day(now),
            usual: pace.usual(now),
            stop,
        })
    }

    /// Whether an account is suspended, or its sending alone is.
    pub fn is_suspended(&self, account: AccountId) -> bool {
        let book = self.read();
        let state = book.account(account).map(|account| account.state);
        book.stops.contains_key(&account) || state == Some(AccountState::Suspended)
    }

    /// Those of one's subtree whose sending is suspended, by number.
    pub fn stops(&self, by: Option<&Access>) -> Vec<Stop> {
        let book = self.read();
        let seen = |stop: &&Stop| {
            book.account(stop.account)
                .is_some_and(|a| book.allows(by, Capability::ReadDirectory, &a.agency))
        };
        book.stops.values().filter(seen).cloned().collect()
    }

    /// Suspends an account's sending; it goes on receiving and reading. `sudden`: as in [`Stop`]. Errors:
    /// `NotFound`, `Denied`, `Exists` where it is suspended.
    pub fn stop_sending(
        &self,
        by: Option<&Access>,
        account: AccountId,
        sudden: Option<(u64, u64)>,
    ) -> Result<Stop, Error> {
        let mut acts = self.acts();
        let address = {
            let book = self.read();
            let found = book.account(account).ok_or(Error::NotFound("account"))?;
            book.check_account(by, Capability::ManageAccounts, found)?;
            if book.stops.contains_key(&account) {
                return Err(Error::Exists(found.address.to_string()));
            }
            found.address.to_string()
        };
        let since = self.now_s();
        let stop = Stop {
            account,
            since,
            sudden,
        };
        let detail = match sudden {
            Some((within, usual)) => {
                serde_json::json!({"recipients_within_the_hour": within, "busiest_hour_before": usual})
            }
            None => serde_json::Value::Null,
        };
        let note = Note {
            act: "sending.suspend",
            object: address.clone(),
            detail,
        };
        self.commit(&mut acts, by, note, vec![Fact::Stop(stop.clone())])?;
        tracing::warn!(%address, ?sudden, "sending is suspended");
        Ok(stop)
    }

    /// Lets it send again. What it sent in the last hour counts as usual from now on, so that it is not stopped
    /// at once again. Errors: `NotFound` also where it is not suspended, `Denied`.
    pub fn resume_sending(&self, by: Option<&Access>, account: AccountId) -> Result<(), Error> {
        let mut acts = self.acts();
        let object = {
            let book = self.read();
            let found = book.account(account).ok_or(Error::NotFound("account"))?;
            book.check_account(by, Capability::ManageAccounts, found)?;
            if !book.stops.contains_key(&account) {
                return Err(Error::NotFound("suspension"));
            }
            found.address.to_string()
        };
        let note = Note {
            act: "sending.resume",
            object: object.clone(),
            detail: serde_json::Value::Null,
        };
        self.commit(&mut acts, by, note, vec![Fact::NoStop(account)])?;
        self.paces()
            .entry(Whose::Account(account))
            .or_default()
            .forgive(self.now_s());
        tracing::info!(address = %object, "sending is resumed");
        Ok(())
    }

    /// Who is told of what happens to an account: the active administrators of its agency, or of the nearest
    /// above that has any, at most [`TOLD_MAX`].
    pub fn administrators_of(&self, account: AccountId) -> Vec<Address> {
        let book = self.read();
        let Some(account) = book.account(account) else {
            return Vec::new();
        };
        let told = book
            .administrators(&account.agency, self.now_s())
            .into_iter();
        told.take(TOLD_MAX).map(|a| a.address.clone()).collect()
    }

    pub(crate) fn paces(
        &self,
    ) -> std::sync::MutexGuard<'_, std::collections::HashMap<Whose, Pace>> {
        let paces = &self.inner.paces;
        paces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// What is no longer so of sending when an account goes.
    pub(crate) fn stop_of_departed(&self, account: &Account) -> Option<Fact> {
        let stopped = self.stops.contains_key(&account.id);
        stopped.then_some(Fact::NoStop(account.id))
    }
}
