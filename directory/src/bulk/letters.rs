//! First passwords of the persons that an import made, as letters: drawn when they are fetched, and kept as digests
//! only. Nowhere lies a password that could be read: neither in the store, nor in its journal, nor in a backup.

use super::column::Subject;
use super::job::{JobId, JobKind, Phase};
use super::outcome::Done;
use crate::act::{Acts, Note};
use crate::fact::Fact;
use crate::secret::Making;
use crate::{
    Access, AccountId, AccountKind, Capability, CredentialId, CredentialKind, Denied, Directory,
    Error, Secret,
};
use serde_json::json;

/// Letters of one commit.
const LETTERS_COMMIT: usize = 200;
/// Persons whom a dry run names; how many there are it says of all.
const LETTERS_TRIED_MAX: usize = 1_000;

/// One person's letter.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Letter {
    pub name: String,
    pub position: Option<String>,
    pub agency: String,
    pub address: String,
    pub secret: Secret,
    /// Unix seconds: until when the password is good.
    pub until: i64,
}

/// Letters on their way.
#[derive(Debug)]
pub struct Letters {
    directory: Directory,
    by: Access,
    job: JobId,
    after: u64,
    ended: bool,
}

impl Directory {
    /// Begins to draw the first passwords of the persons whom an import made and who have none of their own yet.
    /// Once: with `again` those that nobody used are drawn anew, and the letters before are void. Errors: `NotFound`,
    /// `Denied` (another's job; no right to set passwords), `InUse` (they were fetched; none are to be had).
    pub fn letters(&self, by: &Access, id: JobId, again: bool) -> Result<Letters, Error> {
        let mut acts = self.acts();
        let mut job = self.job(Some(by), id)?;
        if job.account != by.account {
            return Err(Denied.into());
        }
        let agency = job.agency.clone();
        let right = Capability::ResetCredentials;
        self.read().check(Some(by), right, &agency, "agency")?;
        let makes = job.kind == JobKind::Import
            && job.subject == Subject::Accounts
            && job.phase == Phase::Applying
            && !job.state.is_open();
        if !makes {
            return Err(Error::InUse("the job made no accounts".to_owned()));
        }
        if job.letters_at.is_some() && !again {
            return Err(Error::InUse("the letters were fetched already".to_owned()));
        }
        job.letters_at = Some(self.now_s());
        let note = Note {
            act: "job.letters",
            object: agency.to_string(),
            detail: json!({"job": id.0, "again": again}),
        };
        self.letters_settled(&mut acts, by, id)?;
        let fact = Fact::Job(Box::new(job));
        if let Some(trial) = by.trial() {
            return trial.end(self.letters_tried(by, id, note)?);
        }
        self.commit(&mut acts, Some(by), note, vec![fact])?;
        Ok(Letters {
            directory: self.clone(),
            by: by.clone(),
            job: id,
            after: 0,
            ended: false,
        })
    }
}

impl Letters {
    /// The next letters; `None` after the last. Their passwords are on disk when this returns.
    pub fn some(&mut self) -> Result<Option<Vec<Letter>>, Error> {
        if self.ended {
            return Ok(None);
        }
        let found = self.persons()?;
        let mut letters = Vec::with_capacity(found.len());
        let (mut notes, mut facts) = (Vec::new(), Vec::new());
        let mut acts = self.directory.acts();
        let mut last = acts.credential_last;
        for id in found {
            last += 1;
            let drawn = self
                .directory
                .draw_first(&self.by, id, CredentialId(last))?;
            let Some((letter, note, rows)) = drawn else {
                continue;
            };
            let entry = acts.chain.last + notes.len() as u64 + 1;
            let making = Making::of(id, CredentialKind::FirstPassword);
            let settled = self
                .directory
                .settle_secret(&mut acts, Some(&self.by), making, entry)?;
            letters.push(letter);
            notes.push(note);
            facts.extend(rows);
            notes.extend(settled.notes);
            facts.extend(settled.facts);
        }
        if !letters.is_empty() {
            facts.push(Fact::CredentialCounter(last));
            self.directory
                .commit_all(&mut acts, Some(&self.by), notes, facts)?;
            acts.credential_last = last;
        }
        Ok(Some(letters))
    }

    /// The next accounts that the import made.
    fn persons(&mut self) -> Result<Vec<AccountId>, Error> {
        let made = |o: &super::outcome::Outcome| o.done == Done::New && o.account != 0;
        let (found, after) = self
            .directory
            .shelf(self.job, self.after, LETTERS_COMMIT, made)?;
        match after {
            Some(after) => self.after = after,
            None => self.ended = true,
        }
        let ids = found.into_iter();
        Ok(ids.filter_map(|o| AccountId::new(o.account)).collect())
    }
}

impl Directory {
    /// Before anything is drawn: the reason and the second persons of letters by which shared mailboxes are read (`secret`).
    /// Errors: `Invalid` (no reason), `Awaiting`.
    fn letters_settled(&self, acts: &mut Acts, by: &Access, id: JobId) -> Result<(), Error> {
        let mut letters = Letters {
            directory: self.clone(),
            by: by.clone(),
            job: id,
            after: 0,
            ended: false,
        };
        while !letters.ended {
            for account in letters.persons()? {
                let making = Making::of(account, CredentialKind::FirstPassword);
                let opens = !self.read().opened_by(by, making).is_empty();
                if opens && self.draw_first(by, account, CredentialId(0))?.is_some() {
                    self.settle_secret(acts, Some(by), making, 0)?;
                }
            }
        }
        Ok(())
    }

    /// Whose letters there would be, behind the act that begins them.
    fn letters_tried(&self, by: &Access, id: JobId, begins: Note) -> Result<Vec<Note>, Error> {
        let mut letters = Letters {
            directory: self.clone(),
            by: by.clone(),
            job: id,
            after: 0,
            ended: false,
        };
        let (mut notes, mut persons) = (vec![begins], 0u64);
        while !letters.ended {
            for account in letters.persons()? {
                let Some((_, mut note, _)) = self.draw_first(by, account, CredentialId(0))? else {
                    continue;
                };
                persons += 1;
                note.detail["credential"] = serde_json::Value::Null;
                if notes.len() <= LETTERS_TRIED_MAX {
                    notes.push(note);
                }
            }
        }
        notes[0].detail["persons"] = persons.into();
        Ok(notes)
    }

    /// A first password for a person who has no password yet; `None`: he has one, or may have none.
    fn draw_first(
        &self,
        by: &Access,
        id: AccountId,
        number: CredentialId,
    ) -> Result<Option<(Letter, Note, Vec<Fact>)>, Error> {
        let book = self.read();
        let Ok(owner) = book.check_credentials(Some(by), id, Capability::ResetCredentials) else {
            return Ok(None);
        };
        let of = book.credentials.get(&id).into_iter().flatten();
        let kinds: Vec<_> = of.map(|(n, kept)| (*n, kept.stored.kind)).collect();
        let set = kinds
            .iter()
            .any(|(_, kind)| *kind == CredentialKind::Password);
        if set || owner.kind != AccountKind::Person {
            return Ok(None);
        }
        let hands = book.hands(Some(by), id)?;
        let (stored, secret) = crate::credential::first(number, self.now_s(), hands)?;
        let before = kinds
            .iter()
            .filter(|(_, kind)| *kind == CredentialKind::FirstPassword);
        let mut facts: Vec<Fact> = before
            .flat_map(|(old, _)| book.withdrawal(id, *old))
            .collect();
        let agency = book.agencies.get(&owner.agency);
        let letter = Letter {
            name: owner.name.clone(),
            position: owner.position.clone(),
            agency: agency.map_or_else(String::new, |a| a.name.clone()),
            address: owner.address.to_string(),
            secret,
            until: stored.expires_at.unwrap_or(i64::MAX),
        };
        let note = Note {
            act: "password.first",
            object: letter.address.clone(),
            detail: json!({ "credential": number.0, "expires_at": stored.expires_at }),
        };
        facts.push(Fact::Credential(id, stored));
        Ok(Some((letter, note, facts)))
    }
}
