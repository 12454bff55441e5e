//! Secret: what the making of one asks for where somebody else makes it than the account's owner.
//!
//! He knows it. Where the owner's own stays in place mail is read beside him, which is impersonation by another name; where it
//! does not, he is shut out and notices. Yet who never had one of his own notices nothing: an account that somebody made, let
//! into a shared mailbox and gave a password afterwards is a way into that mailbox, so then this is the join (`join`).

use crate::act::{Acts, Note, invalid};
use crate::approval::{Dangerous, Spent, Wanted};
use crate::book::Book;
use crate::diversion::is_owner;
use crate::fact::Fact;
use crate::{
    Access, Account, AccountId, AccountKind, CredentialKind, Directory, Error, Rights, Scope,
    Sharing,
};
use serde_json::json;
use std::collections::BTreeSet;

/// The act that is entered beside the making of a secret, of each mailbox that it opens.
pub(crate) const OPENED: &str = "member.secret";

/// A secret that is to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Making<'a> {
    pub(crate) account: AccountId,
    pub(crate) kind: CredentialKind,
    pub(crate) label: &'a str,
    pub(crate) expires_at: Option<i64>,
}

impl<'a> Making<'a> {
    /// One without a label and an end.
    pub(crate) fn of(account: AccountId, kind: CredentialKind) -> Self {
        Self {
            account,
            kind,
            label: "",
            expires_at: None,
        }
    }

    fn kind_name(&self) -> &'static str {
        match self.kind {
            CredentialKind::Password => "password",
            CredentialKind::FirstPassword => "first_password",
            CredentialKind::AppPassword => "app_password",
            CredentialKind::Token => "token",
            CredentialKind::SecondFactor => "second_factor",
        }
    }
}

/// What comes with the making, its own entry before these.
#[derive(Default)]
pub(crate) struct Settled {
    pub(crate) notes: Vec<Note>,
    pub(crate) facts: Vec<Fact>,
}

impl Settled {
    fn spend(&mut self, spent: Spent) {
        let (note, fact) = spent.into_rows();
        self.notes.extend(note);
        self.facts.extend(fact);
    }
}

impl Directory {
    /// The reason, the second persons and who is told of a secret whose entry will have this number. Nothing but telling is
    /// asked of a password that takes the place of the owner's own, and of tokens, which open no mail. Errors: `Invalid` (no
    /// reason), `Awaiting`.
    pub(crate) fn settle_secret(
        &self,
        acts: &mut Acts,
        by: Option<&Access>,
        making: Making<'_>,
        entry: u64,
    ) -> Result<Settled, Error> {
        let mut settled = Settled {
            notes: Vec::new(),
            facts: self.secret_told(entry, by, making.account)?,
        };
        let Some(by) = by.filter(|by| !is_owner(by, making.account)) else {
            return Ok(settled);
        };
        if making.kind == CredentialKind::Token {
            return Ok(settled);
        }
        settled.spend(self.second_of_secret(acts, by, making)?);
        let opened = self.read().opened_by(by, making);
        // All that are needed are asked for at once.
        let (mut seconds, mut awaited) = (Vec::new(), None);
        for mailbox in opened {
            match self.second_of_opened(acts, by, making, mailbox) {
                Ok(spent) => seconds.push((mailbox, spent)),
                Err(Error::Awaiting(id)) => awaited = awaited.or(Some(id)),
                Err(error) => return Err(error),
            }
        }
        if let Some(id) = awaited {
            return Err(Error::Awaiting(id));
        }
        for (mailbox, spent) in seconds {
            let number = entry + settled.notes.len() as u64 + 1;
            settled.notes.push(Note {
                act: OPENED,
                object: self.account(mailbox)?.address.to_string(),
                detail: json!({ "member": making.account, "secret": making.kind_name() }),
            });
            let told = self.act_told(number, by, Scope::Member(mailbox))?;
            settled.facts.extend(told);
            settled.spend(spent);
        }
        Ok(settled)
    }

    /// Of an app password, and of any secret of an account that members read. Errors: as above.
    fn second_of_secret(
        &self,
        acts: &mut Acts,
        by: &Access,
        making: Making<'_>,
    ) -> Result<Spent, Error> {
        let owner = self.account(making.account)?;
        if making.kind != CredentialKind::AppPassword && !is_office(&owner) {
            return Ok(Spent::default());
        }
        let mut asked = json!({ "kind": making.kind_name(), "reason": reason(by)? });
        if making.kind == CredentialKind::AppPassword {
            asked["label"] = making.label.into();
            asked["expires_at"] = making.expires_at.into();
        }
        let detail = json!({ "account": owner.id, "asked": asked }).to_string();
        let wanted = Wanted {
            act: Dangerous::MakeSecret,
            agency: &owner.agency,
            object: &owner.address.to_string(),
            detail: &detail,
        };
        self.with_second(acts, Some(by), wanted)
    }

    /// Of a shared mailbox that is read by it. Errors: as above.
    fn second_of_opened(
        &self,
        acts: &mut Acts,
        by: &Access,
        making: Making<'_>,
        mailbox: AccountId,
    ) -> Result<Spent, Error> {
        let owner = self.account(mailbox)?;
        let asked = json!({ "account": owner.id, "asked": {
            "member": making.account, "secret": making.kind_name(), "reason": reason(by)?,
        } });
        let wanted = Wanted {
            act: Dangerous::Join,
            agency: &owner.agency,
            object: &owner.address.to_string(),
            detail: &asked.to_string(),
        };
        self.with_second(acts, Some(by), wanted)
    }
}

fn reason(by: &Access) -> Result<&str, Error> {
    by.reason().ok_or_else(|| {
        let expected = "why you make a secret by which mail of another is read";
        invalid("reason", expected)
    })
}

fn is_office(account: &Account) -> bool {
    matches!(account.kind, AccountKind::Shared | AccountKind::Resource)
}

impl Book {
    /// Shared mailboxes that `by` does not read, and would by this secret, unnoticed by whose account it is.
    pub(crate) fn opened_by(&self, by: &Access, making: Making<'_>) -> BTreeSet<AccountId> {
        let account = making.account;
        let persons = self.persons(by);
        let notices = making.kind != CredentialKind::AppPassword
            && self.has_password_of_his(account, &persons, by.directory.now_s());
        if notices {
            return BTreeSet::new();
        }
        let reads_himself =
            |mailbox: AccountId| persons.iter().any(|who| self.reads(*who, mailbox));
        let beyond =
            |mailbox: &AccountId| !reads_himself(*mailbox) && by.directory.has_mail(*mailbox);
        self.mailboxes_of(account).filter(beyond).collect()
    }

    /// Shared mailboxes that an account reads as a member or by a seat.
    fn mailboxes_of(&self, account: AccountId) -> impl Iterator<Item = AccountId> {
        let to = Sharing::Account(account);
        let named = self.shared_to.range((to, AccountId::FIRST, None)..);
        let named = named.take_while(move |(who, ..)| *who == to);
        let whole = named.filter(|(.., mailbox)| mailbox.is_none());
        let shared = whole.map(|(_, owner, _)| *owner);
        let all = shared.chain(self.seats.mailboxes_of(account));
        all.filter(move |owner| {
            self.account(*owner).is_some_and(|a| is_office(a)) && self.reads(account, *owner)
        })
    }

    /// Whether somebody reads a shared mailbox as a member of it, or as who holds its seat.
    fn reads(&self, who: AccountId, mailbox: AccountId) -> bool {
        let rights = self.share(mailbox, None).given(Sharing::Account(who));
        let seat = self.seats.of_mailbox(mailbox);
        let holds = seat.and_then(|seat| seat.holder());
        rights.has(Rights::READ)
            || rights.has(Rights::ADMINISTER)
            || holds.is_some_and(|held| held.account == who)
    }

    /// Whether an account has a password that its owner chose, as far as is known, and that none of these knows: he notices
    /// that it is good no more.
    fn has_password_of_his(&self, account: AccountId, persons: &[AccountId], now_s: i64) -> bool {
        let all = self.credentials.get(&account).into_iter().flatten();
        let mut passwords = all.filter(|(_, kept)| kept.stored.kind == CredentialKind::Password);
        passwords.any(|(_, kept)| {
            let known = kept.stored.known_to(now_s);
            let his = kept.stored.hands.is_own() || known.is_empty();
            his && !kept.expired(now_s) && !known.iter().any(|who| persons.contains(who))
        })
    }
}
