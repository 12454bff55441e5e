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
use crate::fact::{Fact, body, decode, table};
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
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Minutes for which one may be asked; for more, it is asked anew.
pub const MINUTES_MAX: u32 = 60;
/// Those of one administrator that stand at one time.
pub const STANDING_MAX: usize = 20;
/// Those of all administrators that stand at one time.
const ALL_STANDING_MAX: usize = 10_000;
/// Those of one administrator that are kept to be listed; then the oldest that is over goes.
const KEPT_MAX: usize = 500;
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
    /// The browser session by which he asked: it ends with that.
    pub(crate) session: Option<[u8; 32]>,
}

/// The version of their rows: 2 has the session.
pub(crate) const ROW_VERSION: u8 = 2;

/// The same as version 1 kept it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Impersonation1 {
    id: u64,
    account: AccountId,
    by: AccountId,
    address: String,
    credential: CredentialId,
    reason: String,
    opened_at: i64,
    until: i64,
    ended_at: Option<i64>,
    order: Option<u64>,
    sittings: u32,
    last_sitting_at: Option<i64>,
    proof: [u8; 32],
}

impl From<Impersonation1> for Impersonation {
    fn from(row: Impersonation1) -> Self {
        Self {
            id: row.id,
            account: row.account,
            by: row.by,
            address: row.address,
            credential: row.credential,
            reason: row.reason,
            opened_at: row.opened_at,
            until: row.until,
            ended_at: row.ended_at,
            order: row.order,
            sittings: row.sittings,
            last_sitting_at: row.last_sitting_at,
            proof: row.proof,
            session: None,
        }
    }
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
            session: by.session,
        };
        let mut facts = self.read().impersonation_told(by, &made)?;
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
        if !one.is_open(now) {
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

    /// Ends for good what stands no longer: suspended and let in again, or given a right back, nobody reads on by a token
    /// that was refused in between. Done with each act and the end of a session, and once at the start; what the store
    /// does not take is refused meanwhile, and ended with the next act.
    pub(crate) fn end_fallen(&self) {
        let fallen = self.read().impersonations_fallen(self);
        if fallen.is_empty() {
            return;
        }
        let read: BTreeSet<AccountId> = fallen.iter().map(|one| one.account).collect();
        let ended = fallen.into_iter().map(Fact::Impersonation);
        if let Err(error) = self.commit_unlogged(ended.collect()) {
            tracing::warn!(%error, "impersonations that stand no longer were not ended for good");
        }
        for account in read {
            // Who listens is to look anew, and is let out.
            self.inner.store.account(account).wake();
        }
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

    /// Whether it holds now: within its time, both there and active, the one with the right over the other, and the session
    /// open by which he asked.
    pub(crate) fn stands(&self, book: &Book, one: &Impersonation) -> bool {
        let now = self.now_s();
        let open = |session| book.sessions.get(&session).is_some_and(|s| !s.ended(now));
        let within = one.is_open(now) && one.session.is_none_or(open);
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
    /// Whether nobody has ended it, within its time.
    fn is_open(&self, now_s: i64) -> bool {
        self.ended_at.is_none() && now_s < self.until
    }

    fn reading(&self) -> Reading {
        Reading {
            id: self.id,
            by: self.by,
            address: self.address.clone(),
            scope: Scope::Impersonation(self.account),
            reason: self.reason.clone(),
            opened_at: self.opened_at,
            until: self.until,
            order: self.order,
        }
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
    /// The rows that tell whose mail it is, as of every privileged read.
    fn impersonation_told(&self, by: &Access, one: &Impersonation) -> Result<Vec<Fact>, Error> {
        let mut facts = vec![row_of(&one.reading())?];
        for who in self.told_of(one.account, by) {
            facts.push(told(who, one.id, one.opened_at)?);
        }
        Ok(facts)
    }

    /// Those that are over and no longer to be listed, to be forgotten when another is made. Errors: `Invalid` (too many
    /// that stand).
    fn impersonations_over(&self, by: AccountId, now_s: i64) -> Result<Vec<u64>, Error> {
        let all = || self.impersonations.values();
        let mine = || all().filter(|one| one.by == by);
        let open = |one: &&Impersonation| one.is_open(now_s);
        if mine().filter(open).count() >= STANDING_MAX
            || all().filter(open).count() >= ALL_STANDING_MAX
        {
            let expected = format!("at most {STANDING_MAX} that stand");
            return Err(invalid("account", expected));
        }
        let old = all().filter(|one| one.until.saturating_add(LISTED_S) < now_s);
        let crowd = (mine().count() + 1).saturating_sub(KEPT_MAX);
        let crowd = mine().filter(|one| !one.is_open(now_s)).take(crowd);
        let over: BTreeSet<u64> = old.chain(crowd).map(|one| one.id).collect();
        Ok(over.into_iter().collect())
    }

    /// Those that nobody ended and that stand no longer, though their time is not over.
    fn impersonations_fallen(&self, directory: &Directory) -> Vec<Impersonation> {
        let now = directory.now_s();
        let open = self.impersonations.values().filter(|one| one.is_open(now));
        let fallen = open.filter(|one| !directory.stands(self, one));
        let ended = fallen.map(|one| Impersonation {
            ended_at: Some(now),
            ..one.clone()
        });
        ended.collect()
    }
}

/// A row, of this version or brought to it.
pub(crate) fn read(octets: &[u8]) -> Result<Impersonation, storage::Error> {
    match octets.split_first() {
        Some((&ROW_VERSION, rest)) => body(table::IMPERSONATION, rest),
        _ => decode::<Impersonation1>(table::IMPERSONATION, octets).map(Impersonation::from),
    }
}
