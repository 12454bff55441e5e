//! Acts: one at a time, checked against the book, then its rows and its audit entry in one commit (I-20).

use crate::approval;
use crate::audit::{Actor, Chain};
use crate::book::Book;
use crate::fact::Fact;
use crate::grant::{Grant, id_of};
use crate::hearing;
use crate::proposal::is_role;
use crate::quota::Told;
use crate::reader::Reading;
use crate::{Access, Account, AgencyId, Capability, Denied, Directory, Error};
use formats::address::{Address, DomainName};
use formats::text::steers;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{MutexGuard, PoisonError, RwLockWriteGuard};
use storage::RowChange;
use unicode_normalization::UnicodeNormalization;

/// Characters of a name, title or label.
pub(crate) const NAME_MAX: usize = 200;

/// What acts advance; held by the one act that runs.
#[derive(Debug)]
pub(crate) struct Acts {
    pub(crate) chain: Chain,
    /// The next account id to give; those up to `account_reserved` are recorded as given.
    pub(crate) account_next: u32,
    pub(crate) account_reserved: u32,
    pub(crate) credential_last: u64,
    pub(crate) job_last: u64,
}

/// How an act appears in the audit log.
pub(crate) struct Note {
    pub(crate) act: &'static str,
    pub(crate) object: String,
    /// Never holds a secret.
    pub(crate) detail: Value,
}

impl Directory {
    // A panic elsewhere leaves these whole: each change of the book is a single `apply`.
    pub(crate) fn read(&self) -> Reading<'_> {
        let reading = Reading::of(&self.inner.book);
        reading.now.store(self.now_s(), Relaxed);
        reading
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Book> {
        self.inner
            .book
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn acts(&self) -> MutexGuard<'_, Acts> {
        self.inner
            .acts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits an act: the rows and the audit entry at once, then the book. On trial nothing of it is done. Errors:
    /// `Tried` then.
    pub(crate) fn commit(
        &self,
        acts: &mut Acts,
        by: Option<&Access>,
        note: Note,
        facts: Vec<Fact>,
    ) -> Result<(), Error> {
        self.commit_all(acts, by, vec![note], facts)
    }

    /// The same of many acts: all of them, each with its audit entry, or none. Addresses that are freed by them rest, and
    /// nothing names them any more; whose mail comes to another by them is told (`diversion`). Errors: also `LastAdministrator`.
    pub(crate) fn commit_all(
        &self,
        acts: &mut Acts,
        by: Option<&Access>,
        mut notes: Vec<Note>,
        mut facts: Vec<Fact>,
    ) -> Result<(), Error> {
        let now = self.inner.clock.now_s();
        self.read().check_administered(by, &facts, now)?;
        let own = notes.len();
        if let Some(by) = by {
            self.settle_diversions(acts, by, &mut notes, &mut facts)?;
        }
        let has_mail = |id| self.has_mail(id);
        let mut freed = self.read().freeing(&mut facts, now, &has_mail);
        if let Some(trial) = by.and_then(Access::trial) {
            // What becomes of others by it is entered in the log of those who look after them, and is not told here.
            let book = self.read();
            let mut others = notes.split_off(own);
            others.append(&mut freed);
            others.retain(|note| book.may_hear(by, note, &facts));
            // The request for a second person is about one of them.
            let asks = |note: &Note| note.act == approval::ASK;
            notes.retain(|note| !asks(note) || book.may_hear(by, note, &facts));
            notes.extend(others);
            return trial.end(notes);
        }
        notes.extend(freed);
        self.outdate_mailboxes(&facts)?;
        self.enter(acts, by, notes, facts, |rows| {
            self.inner.store.commit_rows(rows)
        })?;
        self.end_fallen();
        Ok(())
    }

    /// Makes facts so with their entries in the audit log, once `commit` has taken their rows. Errors: those of `commit`;
    /// then nothing has changed.
    pub(crate) fn enter<T>(
        &self,
        acts: &mut Acts,
        by: Option<&Access>,
        notes: Vec<Note>,
        facts: Vec<Fact>,
        commit: impl FnOnce(Vec<RowChange>) -> Result<T, storage::Error>,
    ) -> Result<T, Error> {
        let (actor, now) = (Actor::of(by), self.inner.clock.now_s());
        let mut rows = Vec::with_capacity(facts.len() + notes.len());
        for fact in &facts {
            rows.push(fact.row()?);
        }
        let mut chain = acts.chain.clone();
        let book = self.read();
        for note in notes {
            let whom = book.concerned(&note.object, &facts);
            let entry = chain.entry(now, &actor, note, whom);
            rows.push(entry.row()?);
            chain.follow(&entry);
        }
        drop(book);
        let done = commit(rows)?;
        acts.chain = chain;
        self.apply(facts);
        Ok(done)
    }

    /// Commits what is no administrative act: sessions and counters.
    pub(crate) fn commit_unlogged(&self, facts: Vec<Fact>) -> Result<(), Error> {
        let rows = facts.iter().map(Fact::row).collect::<Result<Vec<_>, _>>()?;
        self.inner.store.commit_rows(rows)?;
        self.apply(facts);
        Ok(())
    }

    fn apply(&self, facts: Vec<Fact>) {
        let shaken: Vec<_> = facts.iter().filter_map(hearing::shaken).collect();
        let mut concerned = BTreeSet::new();
        let mut book = self.write();
        for fact in facts {
            concerned.extend(hearing::concerned(&fact, &book));
            let told = Told::of(&fact, &book);
            book.apply(fact);
            if let Some(told) = told {
                self.inner.tell_quotas(&book, &told);
            }
        }
        // Who hears of it may ask the book.
        drop(book);
        for account in shaken {
            self.inner.heeding.tell(account, &());
        }
        for account in concerned {
            self.inner.store.account(account).wake();
        }
    }
}

impl Book {
    /// Whether `by` may do this at the agency. The system may all.
    pub(crate) fn allows(
        &self,
        by: Option<&Access>,
        capability: Capability,
        at: &AgencyId,
    ) -> bool {
        by.is_none_or(|access| {
            let now = access.directory.now_s();
            access.stands_in(self) && self.may(access.account, access.through, capability, at, now)
        })
    }

    /// Whether one may be told of this act: what it concerns lies where one sees.
    fn may_hear(&self, by: Option<&Access>, note: &Note, facts: &[Fact]) -> bool {
        let agency = self.concerned(&note.object, facts).agency.map(AgencyId);
        agency.is_some_and(|agency| self.allows(by, Capability::ReadDirectory, &agency))
    }

    /// As `allows`, as an error: who may not even see it is told that it is not there (I-17).
    pub(crate) fn check(
        &self,
        by: Option<&Access>,
        capability: Capability,
        at: &AgencyId,
        what: &'static str,
    ) -> Result<(), Error> {
        if self.allows(by, capability, at) {
            Ok(())
        } else if self.allows(by, Capability::ReadDirectory, at) {
            Err(Denied.into())
        } else {
            Err(Error::NotFound(what))
        }
    }

    /// An act on an account: whoever touches an account that holds grants must be able to give those grants,
    /// or an account officer could become the administrator by setting his password. Errors: as `check`, `Outranked`.
    pub(crate) fn check_account(
        &self,
        by: Option<&Access>,
        capability: Capability,
        account: &Account,
    ) -> Result<(), Error> {
        self.check(by, capability, &account.agency, "account")?;
        let Some(now) = by.map(|access| access.directory.now_s()) else {
            return Ok(());
        };
        let gives = |grant: &&Grant| !grant.ended(now) && !grant.only_binds();
        let mut grants = account.grants.iter().filter(gives);
        let covered = grants.all(|grant| {
            self.source(by, id_of(account.id, grant), grant, now)
                .is_ok()
        });
        if covered {
            Ok(())
        } else {
            Err(Error::Outranked)
        }
    }

    /// An address of this domain for an account of this agency: the domain must be ours and belong to the
    /// agency or one above it, or be within the actor's own reach.
    pub(crate) fn check_domain(
        &self,
        by: Option<&Access>,
        capability: Capability,
        domain: &DomainName,
        agency: &AgencyId,
    ) -> Result<(), Error> {
        let fits = self.domains.get(domain).is_some_and(|d| {
            self.is_above(&d.agency, agency) || self.allows(by, capability, &d.agency)
        });
        if fits {
            Ok(())
        } else {
            Err(invalid(
                "address",
                "an address in a domain of the agency or of one above it",
            ))
        }
    }
}

impl Book {
    /// The same, and the name is no role's that stands for the whole domain (RFC 2142: whoever reads `admin@` gets
    /// certificates for it), unless the domain's own agency is the actor's to look after. Errors: `Invalid`.
    pub(crate) fn check_address(
        &self,
        by: Option<&Access>,
        capability: Capability,
        address: &Address,
        agency: &AgencyId,
    ) -> Result<(), Error> {
        self.check_domain(by, capability, &address.domain, agency)?;
        let owner = self.domains.get(&address.domain).map(|d| &d.agency);
        let own = owner.is_some_and(|owner| self.allows(by, capability, owner));
        match own || !is_role(address) {
            true => Ok(()),
            false => Err(invalid(
                "address",
                "a name that is no role's, such as admin: those are given by who manages the domain's own agency",
            )),
        }
    }
}

/// If-Match: the version that the caller last saw.
pub(crate) fn check_version(expected: Option<u64>, present: u64) -> Result<(), Error> {
    if expected.is_none_or(|v| v == present) {
        Ok(())
    } else {
        Err(Error::Conflict)
    }
}

pub(crate) fn invalid(field: &'static str, expected: impl Into<String>) -> Error {
    Error::Invalid {
        field,
        expected: expected.into(),
    }
}

/// A name as people write it: NFC, trimmed, one line, and nothing in it that turns what follows.
pub(crate) fn name(field: &'static str, text: &str) -> Result<String, Error> {
    let text: String = text.trim().nfc().take(NAME_MAX * 4).collect();
    let count = text.chars().count();
    if count == 0 || count > NAME_MAX || text.chars().any(steers) {
        return Err(invalid(
            field,
            format!("1 to {NAME_MAX} characters on one line"),
        ));
    }
    Ok(text)
}

/// The same where nothing may be given.
pub(crate) fn name_if_any(
    field: &'static str,
    text: Option<&str>,
) -> Result<Option<String>, Error> {
    text.filter(|t| !t.trim().is_empty())
        .map(|t| name(field, t))
        .transpose()
}

/// A value for the audit log.
pub(crate) fn json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

/// The fields that differ, each with what it was and what it is.
pub(crate) fn difference<T: Serialize>(old: &T, new: &T) -> Value {
    let (Value::Object(old), Value::Object(mut new)) = (json(old), json(new)) else {
        return Value::Null;
    };
    let changed: Map<String, Value> = old
        .into_iter()
        .filter_map(|(field, was)| {
            let is = new.remove(&field)?;
            (was != is && field != "version").then(|| (field, Value::Array(vec![was, is])))
        })
        .collect();
    Value::Object(changed)
}
