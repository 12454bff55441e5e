//! Vacation: what an account answers by itself while its owner is away (RFC 8621 §8), set by whoever sends as it.
//!
//! In memory is only when; the words lie in their row, and are read when somebody is answered. Whom and how often
//! is not decided here.

use crate::act::{Note, difference, invalid};
use crate::book::Book;
use crate::fact::{Fact, account_key, decode, table};
use crate::{Access, Account, AccountId, AccountKind, AccountState, Directory, Error, Sending};
use formats::address::Address;
use serde::{Deserialize, Serialize};

/// Octets of a subject.
pub const SUBJECT_OCTETS_MAX: usize = 900;
/// Octets of the words as plain text.
pub const TEXT_OCTETS_MAX: usize = 32 * 1024;
/// Octets of the words as HTML.
pub const HTML_OCTETS_MAX: usize = 64 * 1024;

/// What an account answers by itself, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vacation {
    /// Whose.
    pub account: AccountId,
    /// When.
    pub span: Span,
    /// `None`: one that names what is answered.
    pub subject: Option<String>,
    /// The words; where `html` is none either, words of the server's own.
    pub text: Option<String>,
    /// The words as HTML.
    pub html: Option<String>,
}

/// When something is answered: what arrives at `from` or later, and before `to` (Unix seconds).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Span {
    pub enabled: bool,
    pub from: Option<i64>,
    pub to: Option<i64>,
}

impl Span {
    /// Whether what arrives at this time (Unix seconds) is answered.
    #[must_use]
    pub fn holds(&self, at: i64) -> bool {
        self.enabled && self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }
}

/// Who answers, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// As people write it.
    pub name: String,
    /// What is said.
    pub vacation: Vacation,
}

impl Vacation {
    /// Of an account that never answered anything.
    #[must_use]
    pub fn none(account: AccountId) -> Self {
        Self {
            account,
            span: Span::default(),
            subject: None,
            text: None,
            html: None,
        }
    }

    fn fact(self) -> Fact {
        match self == Self::none(self.account) {
            true => Fact::NoVacation(self.account),
            false => Fact::Vacation(self),
        }
    }

    fn check(&self) -> Result<(), Error> {
        let fits = |field: &'static str, text: &Option<String>, max: usize| match text {
            Some(text) if text.len() > max => {
                Err(invalid(field, format!("at most {max} octets of UTF-8")))
            }
            Some(text) if text.contains('\0') => Err(invalid(field, "text without NUL")),
            _ => Ok(()),
        };
        fits("subject", &self.subject, SUBJECT_OCTETS_MAX)?;
        fits("text", &self.text, TEXT_OCTETS_MAX)?;
        fits("html", &self.html, HTML_OCTETS_MAX)?;
        let steers = |text: &String| text.contains(char::is_control);
        if self.subject.as_ref().is_some_and(steers) {
            return Err(invalid("subject", "one line"));
        }
        match (self.span.from, self.span.to) {
            (Some(from), Some(to)) if to <= from => Err(invalid("to", "a time after `from`")),
            _ => Ok(()),
        }
    }
}

impl Directory {
    /// What an account answers. Errors: `NotFound`, also for whoever does not send as it (I-17).
    pub fn vacation(&self, by: Option<&Access>, account: AccountId) -> Result<Vacation, Error> {
        self.read().check_answers(by, account)?;
        Ok(self.said_vacation(account)?)
    }

    /// Says it, in the audit log too: when, not the words. Errors: `NotFound` as above, `Invalid` (field `subject`,
    /// `text`, `html`, `to`).
    pub fn set_vacation(&self, by: Option<&Access>, new: Vacation) -> Result<Vacation, Error> {
        let mut acts = self.acts();
        let object = {
            let book = self.read();
            let account = book.check_answers(by, new.account)?;
            account.address.to_string()
        };
        new.check()?;
        let old = self.said_vacation(new.account)?;
        if old == new {
            return Ok(new);
        }
        let mut detail = difference(&old.span, &new.span);
        let words = |v: &Vacation| (v.subject.clone(), v.text.clone(), v.html.clone());
        detail["words"] = (words(&old) != words(&new)).into();
        let note = Note {
            act: "account.vacation",
            object,
            detail,
        };
        self.commit(&mut acts, by, note, vec![new.clone().fact()])?;
        drop(acts);
        self.inner.store.account(new.account).wake();
        Ok(new)
    }

    /// Whether an account answers what arrives at this time (Unix seconds).
    pub fn is_away(&self, account: AccountId, at: i64) -> bool {
        self.read().is_away(account, at)
    }

    /// What an account answers to what arrives at this time (Unix seconds); `None`: nothing.
    pub fn answers(&self, account: AccountId, at: i64) -> Result<Option<Answers>, storage::Error> {
        let name = {
            let book = self.read();
            let found = book.account(account).filter(|_| book.is_away(account, at));
            let Some(found) = found else { return Ok(None) };
            found.name.clone()
        };
        let vacation = self.said_vacation(account)?;
        Ok(Some(Answers { name, vacation }))
    }

    /// Whether an address is one of this account's, by whatever other name.
    pub fn is_address_of(&self, address: &Address, account: AccountId) -> bool {
        let book = self.read();
        book.reached(address)
            .is_some_and(|found| found.id == account)
    }

    fn said_vacation(&self, account: AccountId) -> Result<Vacation, storage::Error> {
        let row = self.inner.store.table(table::VACATION);
        match row.row(&account_key(account))? {
            Some(row) => decode(table::VACATION, &row),
            None => Ok(Vacation::none(account)),
        }
    }
}

impl Book {
    /// The account, where `by` sends as it.
    fn check_answers(
        &self,
        by: Option<&Access>,
        account: AccountId,
    ) -> Result<&std::sync::Arc<Account>, Error> {
        let found = self.account(account).filter(|found| {
            let sends = |by: &Access| {
                by.stands_in(self) && self.sending(by.account, account) == Sending::As
            };
            !matches!(found.kind, AccountKind::List { .. }) && by.is_none_or(sends)
        });
        found.ok_or(Error::NotFound("account"))
    }

    /// What is suspended says nothing, and who may send nothing does not answer either.
    fn is_away(&self, account: AccountId, at: i64) -> bool {
        let said = self.vacations.get(&account);
        said.is_some_and(|span| span.holds(at))
            && !self.stops.contains_key(&account)
            && self
                .account(account)
                .is_some_and(|found| found.state == AccountState::Active)
    }

    /// What is no longer so when an account goes, or passes into other hands.
    pub(crate) fn vacation_of_departed(&self, account: AccountId) -> Option<Fact> {
        let said = self.vacations.contains_key(&account);
        said.then_some(Fact::NoVacation(account))
    }
}
