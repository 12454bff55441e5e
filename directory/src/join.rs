//! Join: who administers lets himself into a shared mailbox, or one of whom he knows a secret: from then on he reads its
//! mail like a member.
//!
//! That is his office turned to his own use, as impersonation is: it needs a reason, is told to the others who read that
//! mailbox, and takes two where impersonation does. Letting somebody else in is ordinary work, and so is a mailbox in which
//! there is nothing yet and nobody else.

use crate::act::{Acts, Note, invalid};
use crate::approval::{Dangerous, Spent, Wanted};
use crate::book::Book;
use crate::fact::Fact;
use crate::{Access, Account, AccountId, Directory, Error, Rights, Scope, Share, Sharing};
use serde_json::json;

/// Who is let into which mailbox, with which rights.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Join {
    pub(crate) mailbox: AccountId,
    pub(crate) member: AccountId,
    pub(crate) rights: Rights,
}

impl Directory {
    /// Gives a member these rights over all mailboxes of a shared account, or takes every right away: then also
    /// those over single mailboxes. `version`: the list's, zero while there is none. Who lets himself in says why, and it
    /// is told to the others (`join`). Errors: `NotFound` (account), `Invalid` (kind, member, reason), `Conflict`, `Denied`,
    /// `Awaiting`.
    pub fn set_member(
        &self,
        by: Option<&Access>,
        account: AccountId,
        member: AccountId,
        rights: Rights,
        version: Option<u64>,
    ) -> Result<Share, Error> {
        let mut acts = self.acts();
        let meant = (account, member, rights);
        let (share, mut facts, note) = self.member_facts(&acts, by, meant, version)?;
        let join = Join {
            mailbox: account,
            member,
            rights,
        };
        let mut notes = vec![note];
        self.settle_join(&mut acts, by, join, &mut notes, &mut facts)?;
        self.commit_all(&mut acts, by, notes, facts)?;
        drop(acts);
        self.tell_shared(account, None, Sharing::Account(member));
        Ok(share)
    }

    /// The reason, and the second person, of a join that needs them; `None`: it needs none. Errors: `Invalid` (no reason),
    /// `Awaiting`.
    pub(crate) fn second_of_join<'a>(
        &self,
        acts: &mut Acts,
        by: Option<&'a Access>,
        join: Join,
    ) -> Result<Option<(&'a Access, Spent)>, Error> {
        let Some(by) = by else { return Ok(None) };
        let owner = {
            let book = self.read();
            let owner = book.account(join.mailbox).cloned();
            match owner.filter(|owner| book.joins(by, owner, join)) {
                Some(owner) => owner,
                None => return Ok(None),
            }
        };
        let Some(reason) = by.reason() else {
            return Err(invalid("reason", "why you let yourself into this mailbox"));
        };
        let asked = json!({ "account": owner.id,
            "asked": { "member": join.member, "rights": join.rights.to_string(), "reason": reason } });
        let wanted = Wanted {
            act: Dangerous::Join,
            agency: &owner.agency,
            object: &owner.address.to_string(),
            detail: &asked.to_string(),
        };
        Ok(Some((by, self.with_second(acts, Some(by), wanted)?)))
    }

    /// The same of an act whose own entry comes first: tells the others, and uses the second person up. Errors: as there.
    pub(crate) fn settle_join(
        &self,
        acts: &mut Acts,
        by: Option<&Access>,
        join: Join,
        notes: &mut Vec<Note>,
        facts: &mut Vec<Fact>,
    ) -> Result<(), Error> {
        let Some((by, spent)) = self.second_of_join(acts, by, join)? else {
            return Ok(());
        };
        facts.extend(self.act_told(acts.chain.last + 1, by, Scope::Member(join.mailbox))?);
        let (used, spent) = spent.into_rows();
        notes.extend(used);
        facts.extend(spent);
        Ok(())
    }
}

impl Book {
    /// Whether somebody lets himself in by this who could not read the mailbox before.
    pub(crate) fn joins(&self, by: &Access, owner: &Account, join: Join) -> bool {
        let before = self.share(owner.id, None);
        let opens = |rights: Rights| rights.has(Rights::READ) || rights.has(Rights::ADMINISTER);
        let gains = join
            .rights
            .without(before.given(Sharing::Account(join.member)));
        let himself = || {
            let persons = self.persons(by);
            persons.contains(&join.member) || self.knows_secret_of(&persons, join.member, by)
        };
        opens(gains) && himself() && !self.is_nobodys(owner.id, join.member, by)
    }

    /// Whether one of these knows a secret of an account, or may.
    fn knows_secret_of(&self, persons: &[AccountId], account: AccountId, by: &Access) -> bool {
        let now = by.directory.now_s();
        let all = self.credentials.get(&account).into_iter().flatten();
        let mut known = all.flat_map(|(_, kept)| kept.stored.known_to(now));
        known.any(|who| persons.contains(who))
    }

    /// Whether there is no mail in a mailbox and nobody else who reads it.
    fn is_nobodys(&self, mailbox: AccountId, but: AccountId, by: &Access) -> bool {
        let others = self.insiders(mailbox);
        let alone = others.iter().all(|who| *who == but || *who == by.account);
        alone && !by.directory.has_mail(mailbox)
    }
}
