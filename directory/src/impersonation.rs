//! Impersonation: for some minutes an administrator reads the mail of somebody else as its owner has it, and changes
//! nothing.
//!
//! It is a privileged read (`reading`) by a token of its own, shown once: it needs a reason, is in the audit log before
//! the token is worth anything (I-20), and its owner sees who, when and why, unless a recorded legal order hides it for a
//! time. Where an agency leaves it to two (`approval`), it waits for the second. It ends by itself, and with what it
//! rests on: the right of who reads, the credential he asked by, and both accounts being active. Each sitting, that is
//! from where and when the token is used, is in the audit log before anything is answered.

use crate::act::{Note, invalid};
use crate::approval::{Dangerous, Wanted};
use crate::book::Book;
use crate::bounded::Bounded;
use crate::error::Barred;
use crate::fact::Fact;
use crate::hash::{digest, encode, random};
use crate::origin::Origin;
use crate::reading::{no_reason, row_of, told};
use crate::signin::{Peer, may_enter};
use crate::{
    Access, AccountId, Capability, CredentialId, Denied, Directory, Error, Reading, Scope, Secret,
    SignInError, Through,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Minutes for which one may be asked; for more, it is asked anew.
pub const MINUTES_MAX: u32 = 60;
/// Those of one administrator that stand at one time.
pub const STANDING_MAX: usize = 20;
/// Those that are kept, whether they stand or not.
const KEPT_MAX: usize = 10_000;
/// Seconds for which they are listed after their time; the audit log keeps them.
const LISTED_S: i64 = 90 * 24 * 60 * 60;
/// Seconds without use after which the next use is another sitting.
const SITTING_S: i64 = 15 * 60;
/// Sittings that are known at one time; who is forgotten has another entered.
const SITTINGS_MAX: usize = 10_000;
/// The act that begins one.
pub(crate) const OPEN: &str = "impersonation.open";

/// One of them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Impersonation {
    /// The number of the entry in the audit log that began it, and of its reading.
    pub id: u64,
    /// Whose mail is read.
    pub account: AccountId,
    /// Who reads.
    pub by: AccountId,
    /// The reader's address at that time.
    pub address: String,
    /// By what he asked: it stands while that does.
    pub credential: CredentialId,
    pub reason: String,
    /// Unix seconds.
    pub opened_at: i64,
    pub until: i64,
    /// When somebody ended it before that.
    pub ended_at: Option<i64>,
    /// The legal order under which it is done.
    pub order: Option<u64>,
    /// How often it was begun to be used.
    pub sittings: u32,
    pub last_sitting_at: Option<i64>,
    /// Of its token.
    pub(crate) proof: [u8; 32],
}

impl std::fmt::Debug for Impersonation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (id, by, account) = (self.id, self.by, self.account);
        write!(f, "Impersonation({id}, {by} reads {account}, ***)")
    }
}

/// When a token was last used, by where it was used from. In memory: after a restart another sitting is entered.
pub(crate) struct Sittings(Mutex<Bounded<(u64, IpAddr), i64>>);

impl Default for Sittings {
    fn default() -> Self {
        Self(Mutex::new(Bounded::new(SITTINGS_MAX)))
    }
}

impl Sittings {
    /// Whether the token was used from there lately; if so, it is used now.
    fn goes_on(&self, id: u64, ip: IpAddr, now_s: i64) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = all
            .get(&(id, ip))
            .is_some_and(|last| now_s.saturating_sub(*last) < SITTING_S);
        if lately {
            *all.entry((id, ip), || now_s) = now_s;
        }
        lately
    }

    fn begins(&self, id: u64, ip: IpAddr, now_s: i64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *all.entry((id, ip), || now_s) = now_s;
    }
}

impl Directory {
    /// Lets `by` read the mail of an account for some minutes; the secret is shown once. Errors: `NotFound`, `Denied`
    /// (also for one's own account, and one that holds more than he could give), `Invalid` (no reason, the minutes, an
    /// order that does not stand, an account that may not sign in, too many), `Awaiting`.
    pub fn impersonate(
        &self,
        by: &Access,
        id: AccountId,
        minutes: u32,
    ) -> Result<(Impersonation, Secret), Error> {
        self.check_impersonation(by, id)?;
        if minutes == 0 || minutes > MINUTES_MAX {
            let expected = format!("a number from 1 to {MINUTES_MAX}");
            return Err(invalid("minutes", expected));
        }
        let reason = by.reason().ok_or_else(no_reason)?.to_owned();
        let order = by.origin.order;
        if let Some(order) = order {
            self.check_order(order, &Scope::Impersonation(id))?;
        }
        let credential = by.rests_on().ok_or(Denied)?;
        let secret = format!("cvi_{}", encode(&random::<32>()?));
        let now = self.now_s();
        let mut acts = self.acts();
        let (owner, over) = {
            let book = self.read();
            let owner = book.account(id).ok_or(Error::NotFound("account"))?;
            if !may_enter(owner) {
                return Err(invalid("account", "an account that may sign in"));
            }
            (owner.clone(), book.impersonations_over(by.account, now)?)
        };
        let object = owner.address.to_string();
        let mut asked = json!({"minutes": minutes, "reason": reason});
        if let Some(order) = order {
            asked["order"] = order.into();
        }
        let asked = json!({"account": id, "asked": asked}).to_string();
        let wanted = Wanted {
            act: Dangerous::Impersonate,
            agency: &owner.agency,
            object: &object,
            detail: &asked,
        };
        let (used, spent) = self.with_second(&mut acts, Some(by), wanted)?.into_rows();
        let made = Impersonation {
            id: acts.chain.last + 1,
            account: id,
            by: by.account,
            address: by.address.to_string(),
            credential,
            reason,
            opened_at: now,
            until: now.saturating_add(i64::from(minutes) * 60),
            ended_at: None,
            order,
            sittings: 0,
            last_sitting_at: None,
            proof: digest(&secret),
        };
        let mut facts = made.reading()?;
        facts.extend(over.into_iter().map(Fact::NoImpersonation));
        facts.extend(spent);
        facts.push(Fact::Impersonation(made.clone()));
        // Its own entry comes first: that has its number.
        let notes = std::iter::once(made.note(OPEN, object)).chain(used);
        self.commit_all(&mut acts, Some(by), notes.collect(), facts)?;
        Ok((made, Secret::new(secret)))
    }

    /// Whether `by` may do this with an account at all; the owner himself may not, nor look on. Errors: `NotFound`, `Denied`.
    fn check_impersonation(&self, by: &Access, id: AccountId) -> Result<(), Error> {
        if by.account == id {
            return Err(Denied.into());
        }
        self.in_reach(Some(by), id, Capability::Impersonate)
            .map(drop)
    }

    /// Those of an account, newest first, each with whether it stands; for who may impersonate it or reads the audit
    /// log, and never for its owner. Errors: `NotFound`, `Denied`.
    pub fn impersonations(
        &self,
        by: &Access,
        id: AccountId,
    ) -> Result<Vec<(Impersonation, bool)>, Error> {
        match self.check_impersonation(by, id) {
            Err(Error::Denied(denied)) if by.account == id => return Err(denied.into()),
            Err(Error::Denied(_) | Error::Outranked) => {
                drop(self.in_reach(Some(by), id, Capability::ReadAudit)?);
            }
            may => may?,
        }
        let book = self.read();
        let of = book.impersonations.values().rev();
        let of = of.filter(|one| one.account == id);
        Ok(of
            .map(|one| (one.clone(), self.stands(&book, one)))
            .collect())
    }

    /// Ends one; requests with its token are refused at once. One that is over already stays as it is. Errors:
    /// `NotFound`, `Denied`.
    pub fn end_impersonation(&self, by: &Access, account: AccountId, id: u64) -> Result<(), Error> {
        self.check_impersonation(by, account)?;
        let mut acts = self.acts();
        let (mut one, object) = {
            let book = self.read();
            let found = book.impersonations.get(&id);
            let found = found.filter(|one| one.account == account);
            let one = found.ok_or(Error::NotFound("impersonation"))?.clone();
            let owner = book.account(account).ok_or(Error::NotFound("account"))?;
            (one, owner.address.to_string())
        };
        let now = self.now_s();
        if one.ended_at.is_some() || one.until <= now {
            return Ok(());
        }
        one.ended_at = Some(now);
        let note = one.note("impersonation.end", object);
        self.commit(&mut acts, Some(by), note, vec![Fact::Impersonation(one)])?;
        drop(acts);
        // Who listens is to look anew, and is let out.
        self.inner.store.account(account).wake();
        Ok(())
    }

    /// Who reads, by what he asked.
    fn impersonator(&self, book: &Book, one: &Impersonation) -> Option<Access> {
        let account = book.account(one.by)?;
        Some(Access {
            directory: self.clone(),
            account: account.id,
            address: account.address.clone(),
            through: Through::Job(one.credential),
            session: None,
            origin: Origin::default(),
        })
    }

    /// Whether it holds now: within its time, both there and active, and the one with the right over the other.
    pub(crate) fn stands(&self, book: &Book, one: &Impersonation) -> bool {
        let within = one.ended_at.is_none() && self.now_s() < one.until;
        let owner = book.account(one.account).filter(|a| may_enter(a));
        let (Some(owner), true) = (owner, within) else {
            return false;
        };
        let by = self.impersonator(book, one);
        let may = |by: Access| {
            let may = book.check_account(Some(&by), Capability::Impersonate, owner);
            may.is_ok()
        };
        by.is_some_and(may)
    }

    /// A sign-in by such a token; `None`: it is none that stands. Errors: `Barred`, `Storage`.
    pub(crate) fn impersonating(
        &self,
        proof: &[u8; 32],
        peer: Peer,
    ) -> Option<Result<Access, SignInError>> {
        let book = self.read();
        let mut all = book.impersonations.values();
        let one = all.find(|one| one.proof == *proof && self.stands(&book, one))?;
        let (id, through) = (one.id, Through::Impersonation(one.id));
        let (reader, owner) = (book.account(one.by)?, book.account(one.account)?);
        let access = Access {
            directory: self.clone(),
            account: owner.id,
            address: owner.address.clone(),
            through,
            session: None,
            origin: Origin::of(peer),
        };
        // From where and when, is ruled by the agency of who sits there.
        let barred = match peer.service {
            "jmap" => book.barred(&reader.agency, through, peer, self.now_s()),
            _ => Some(Barred::ReadsMail),
        };
        drop(book);
        if let Some(barred) = barred {
            return Some(Err(SignInError::Barred(barred)));
        }
        match self.sit(id, peer) {
            Ok(true) => Some(Ok(access)),
            Ok(false) => None,
            Err(Error::Storage(error)) => Some(Err(error.into())),
            Err(_) => Some(Err(SignInError::Refused)),
        }
    }

    /// Enters a sitting, where it is a new one; whether it still stands.
    fn sit(&self, id: u64, peer: Peer) -> Result<bool, Error> {
        let (sittings, now) = (&self.inner.sittings, self.now_s());
        if sittings.goes_on(id, peer.ip, now) {
            return Ok(true);
        }
        let mut acts = self.acts();
        // Another request of the same sitting may have waited for the same lock.
        if sittings.goes_on(id, peer.ip, now) {
            return Ok(true);
        }
        let found = {
            let book = self.read();
            let one = book.impersonations.get(&id);
            one.filter(|one| self.stands(&book, one)).and_then(|one| {
                let by = self.impersonator(&book, one)?;
                let object = book.account(one.account)?.address.to_string();
                Some((one.clone(), by.coming_from(peer), object))
            })
        };
        let Some((mut one, by, object)) = found else {
            return Ok(false);
        };
        let by = by.because(&one.reason)?;
        one.sittings = one.sittings.saturating_add(1);
        one.last_sitting_at = Some(now);
        let note = one.note("impersonation.use", object);
        self.commit(&mut acts, Some(&by), note, vec![Fact::Impersonation(one)])?;
        sittings.begins(id, peer.ip, now);
        Ok(true)
    }
}

impl Impersonation {
    /// The rows that tell its owner, as of every privileged read.
    fn reading(&self) -> Result<Vec<Fact>, storage::Error> {
        let reading = Reading {
            id: self.id,
            by: self.by,
            address: self.address.clone(),
            scope: Scope::Impersonation(self.account),
            reason: self.reason.clone(),
            opened_at: self.opened_at,
            until: self.until,
            order: self.order,
        };
        Ok(vec![
            row_of(&reading)?,
            told(self.account, self.id, self.opened_at)?,
        ])
    }

    fn note(&self, act: &'static str, object: String) -> Note {
        let until = formats::date::utc(self.until);
        let mut detail = json!({"impersonation": self.id, "until": until});
        if let Some(order) = self.order {
            detail["order"] = order.into();
        }
        Note {
            act,
            object,
            detail,
        }
    }
}

impl Book {
    /// Those that are long over, to be forgotten when another is made. Errors: `Invalid` (too many).
    fn impersonations_over(&self, by: AccountId, now_s: i64) -> Result<Vec<u64>, Error> {
        let all = self.impersonations.values();
        let open = |one: &&Impersonation| one.ended_at.is_none() && one.until > now_s;
        let mine = all.clone().filter(|one| one.by == by).filter(open).count();
        let over = all.filter(|one| one.until.saturating_add(LISTED_S) < now_s);
        let over: Vec<u64> = over.map(|one| one.id).collect();
        if mine >= STANDING_MAX || self.impersonations.len() - over.len() >= KEPT_MAX {
            let expected = format!("at most {STANDING_MAX} that stand");
            return Err(invalid("account", expected));
        }
        Ok(over)
    }
}
