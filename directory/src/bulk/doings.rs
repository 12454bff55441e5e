//! What a batch of rows does: gathered, then one commit.

use super::fault::{Fault, Found, fault_of};
use super::job::{Job, JobId};
use super::outcome::Outcome;
use super::plan::{Planned, Work};
use super::shelf::results_row;
use super::work::Halt;
use crate::act::{Acts, Note, difference, json};
use crate::fact::Fact;
use crate::position::object;
use crate::{
    Access, Account, AccountId, AccountKind, Alias, Directory, Position, PositionId, Rights,
    Sharing,
};
use formats::address::Address;
use serde_json::Value;
use std::collections::HashMap;
use storage::RowChange;

/// Entries of the audit log, rows, and results of one commit.
pub(super) struct Doings {
    job: JobId,
    notes: Vec<Note>,
    facts: Vec<Fact>,
    /// Lists as they were and as they are to be.
    lists: HashMap<AccountId, (Account, Account)>,
    pub(super) results: Vec<Outcome>,
    /// Accounts that move, to be sealed under another key.
    moved: Vec<Account>,
    /// Who hears of other rights: whose mailboxes, and who has the rights.
    told: Vec<(AccountId, AccountId)>,
    /// Accounts that go.
    gone: Vec<AccountId>,
    /// The last number given to a position; 0: none.
    seat_last: u32,
}

impl Doings {
    pub(super) fn new(job: JobId) -> Self {
        Self {
            job,
            notes: Vec::new(),
            facts: Vec::new(),
            lists: HashMap::new(),
            results: Vec::new(),
            moved: Vec::new(),
            told: Vec::new(),
            gone: Vec::new(),
            seat_last: 0,
        }
    }

    /// Takes what a row does into the batch; its result. `made`: numbers of new accounts, by their addresses' keys.
    pub(super) fn add(
        &mut self,
        directory: &Directory,
        acts: &Acts,
        by: &Access,
        mut planned: Planned,
        row: u64,
        made: &HashMap<String, AccountId>,
    ) -> Result<Outcome, Halt> {
        let (mut account, mut version) = (0, 0);
        match &mut planned.work {
            None => {}
            Some(Work::NewAgency(new)) => {
                version = new.version;
                self.say("agency.create", new.id.to_string(), json(new));
                self.facts.push(Fact::Agency(new.clone()));
            }
            Some(Work::Agency(old, new)) => {
                version = new.version;
                self.say("agency.change", new.id.to_string(), difference(old, new));
                self.facts.push(Fact::Agency(new.clone()));
            }
            Some(Work::NewAccount(new, aliases)) => {
                let Some(id) = made.get(&new.address.key()) else {
                    // It was somebody's when the batch was prepared.
                    let found = vec![Found::row(Fault::Changed)];
                    return Ok(Outcome::failed(row, planned.key, found));
                };
                new.id = *id;
                (account, version) = (id.raw(), new.version);
                self.say("account.create", new.address.to_string(), json(new));
                self.facts.push(Fact::Account(new.clone()));
                self.aliases(*id, aliases, &[]);
            }
            Some(Work::Account(old, new, others)) => {
                (account, version) = (new.id.raw(), new.version);
                self.change(directory, old, new);
                self.aliases(new.id, &others.come, &others.go);
            }
            Some(Work::Member(of, who, rights)) => {
                account = of.raw();
                match self.member(directory, acts, by, (*of, *who, *rights))? {
                    Ok(now) => version = now,
                    Err(fault) => {
                        let found = vec![Found::row(fault)];
                        return Ok(Outcome::failed(row, planned.key, found));
                    }
                }
            }
            Some(Work::Listed(list, member, removed)) => {
                account = list.raw();
                self.listed(directory, *list, member, *removed);
            }
            Some(Work::NewSeat(new, rights)) => {
                match self.seat(directory, acts, by, (new, *rights))? {
                    Ok(()) => (account, version) = (new.id.0, new.version),
                    Err(fault) => {
                        let found = vec![Found::row(fault)];
                        return Ok(Outcome::failed(row, planned.key, found));
                    }
                }
            }
            Some(Work::Seat(old, new)) => {
                (account, version) = (new.id.0, new.version);
                self.say("position.change", object(new.id), difference(old, new));
                self.facts.push(Fact::Position(new.clone()));
            }
        }
        let mut outcome = planned.outcome(row);
        (outcome.account, outcome.version) = (account, version);
        Ok(outcome)
    }

    /// An account becomes another.
    fn change(&mut self, directory: &Directory, old: &Account, new: &Account) {
        self.facts.extend(directory.read().ended_sessions(new));
        self.say(
            "account.change",
            new.address.to_string(),
            difference(old, new),
        );
        if old.agency != new.agency {
            self.moved.push(new.clone());
        }
        self.facts.push(Fact::Account(new.clone()));
    }

    /// Somebody gets rights over a shared account; its version then, or why not.
    pub(super) fn member(
        &mut self,
        directory: &Directory,
        acts: &Acts,
        by: &Access,
        (of, who, rights): (AccountId, AccountId, Rights),
    ) -> Result<Result<u64, Fault>, Halt> {
        let done = directory.member_facts(acts, Some(by), (of, who, rights), None);
        match done.map_err(fault_of) {
            Ok((share, facts, note)) => {
                self.facts.extend(facts);
                self.say(note.act, note.object, note.detail);
                self.told.push((of, who));
                Ok(Ok(share.version))
            }
            Err(Ok(fault)) => Ok(Err(fault)),
            Err(Err(error)) => Err(Halt::Store(error)),
        }
    }

    /// A position is made, gets its number, and is handed to who holds it first.
    fn seat(
        &mut self,
        directory: &Directory,
        acts: &Acts,
        by: &Access,
        (new, rights): (&mut Position, Option<Rights>),
    ) -> Result<Result<(), Fault>, Halt> {
        let holder = new.holder().cloned();
        let gets = new.mailbox.zip(holder.as_ref().map(|held| held.account));
        if let Some(((of, who), rights)) = gets.zip(rights)
            && let Err(fault) = self.member(directory, acts, by, (of, who, rights))?
        {
            return Ok(Err(fault));
        }
        let last = directory.read().seats.last().max(self.seat_last);
        let next = last.checked_add(1);
        self.seat_last = next.ok_or(storage::Error::TooLarge("the number of positions"))?;
        new.id = PositionId(self.seat_last);
        self.say("position.create", object(new.id), json(new));
        if let Some(held) = holder {
            let detail = serde_json::json!({
                "title": new.title, "agency": new.agency, "from": null, "to": held.address,
                "acting": held.acting, "rights": rights.map(|rights| rights.to_string()),
                "earlier": "readable",
            });
            self.say("position.handover", object(new.id), detail);
        }
        self.facts.push(Fact::PositionCounter(self.seat_last));
        self.facts.push(Fact::Position(new.clone()));
        Ok(Ok(()))
    }

    /// Aliases of an account come and go.
    fn aliases(&mut self, account: AccountId, come: &[Address], go: &[Address]) {
        for address in go {
            let detail = serde_json::json!({ "address": address, "account": account });
            self.say("alias.delete", address.to_string(), detail);
            self.facts.push(Fact::NoAlias(address.clone()));
        }
        for address in come {
            let alias = Alias {
                address: address.clone(),
                account,
                until: None,
                version: 1,
            };
            self.say("alias.create", address.to_string(), json(&alias));
            self.facts.push(Fact::Alias(alias));
        }
    }

    /// An entry of the audit log, which names the job.
    pub(super) fn say(&mut self, act: &'static str, object: String, mut detail: Value) {
        if let Some(fields) = detail.as_object_mut() {
            fields.insert("job".to_owned(), self.job.0.into());
        }
        self.notes.push(Note {
            act,
            object,
            detail,
        });
    }

    /// Rows of the directory that become so.
    pub(super) fn facts(&mut self, facts: Vec<Fact>) {
        self.facts.extend(facts);
    }

    /// An account goes, and what hangs on it.
    pub(super) fn depart(&mut self, account: &Account, facts: Vec<Fact>) {
        self.say("account.delete", account.address.to_string(), json(account));
        self.facts.extend(facts);
        self.gone.push(account.id);
    }

    fn listed(&mut self, directory: &Directory, list: AccountId, member: &Address, removed: bool) {
        let book = directory.read();
        let Some(was) = book.account(list) else {
            return;
        };
        let kept = self.lists.entry(list);
        let (_, now) = kept.or_insert_with(|| ((**was).clone(), (**was).clone()));
        now.version = was.version + 1;
        if let AccountKind::List { members } = &mut now.kind {
            let key = member.key();
            match removed {
                true => members.retain(|m| m.key() != key),
                false => members.push(member.clone()),
            }
        }
    }

    /// All of it at once, with its results and how far the job is.
    pub(super) fn commit(
        mut self,
        directory: &Directory,
        acts: &mut Acts,
        by: &Access,
        job: &Job,
    ) -> Result<(), Halt> {
        for (_, (old, new)) in std::mem::take(&mut self.lists) {
            // Only who came and who went: a list of thousands would fill the log.
            self.say(
                "account.change",
                new.address.to_string(),
                roster(&old, &new),
            );
            self.facts.push(Fact::Account(new));
        }
        if !self.results.is_empty() {
            let row: RowChange = results_row(self.job, &self.results)?;
            self.facts.push(Fact::Row(row));
        }
        self.facts.push(Fact::Job(Box::new(job.clone())));
        directory.commit_all(acts, Some(by), self.notes, self.facts)?;
        for account in &self.moved {
            directory.seal_account(account)?;
        }
        for (of, who) in self.told {
            directory.tell_shared(of, None, Sharing::Account(who));
        }
        for id in self.gone {
            directory.forget_account(id)?;
        }
        Ok(())
    }
}

/// Who came into a list and who went.
fn roster(old: &Account, new: &Account) -> Value {
    let members = |account: &Account| match &account.kind {
        AccountKind::List { members } => members.iter().map(ToString::to_string).collect(),
        _ => std::collections::BTreeSet::new(),
    };
    let (was, is) = (members(old), members(new));
    let came: Vec<&String> = is.difference(&was).collect();
    let went: Vec<&String> = was.difference(&is).collect();
    serde_json::json!({ "members_added": came, "members_removed": went })
}
