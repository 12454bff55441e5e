//! Cap: how much one account, and all accounts of an agency together, may send.
//!
//! What an agency says of each of its accounts comes down the tree: the nearest agency that says it counts, field by
//! field, and the config where none does. What it says of all together holds for the agency with all below it, beside
//! what those above say. Recipients are counted as the envelope names them: a list is one.

use crate::act::{Note, check_version, difference};
use crate::book::Book;
use crate::fact::Fact;
use crate::{Access, AccountId, AgencyId, Capability, Directory, Error};
use serde::{Deserialize, Serialize};
use std::sync::PoisonError;

/// Limits of sending; `None`: nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Caps {
    /// Octets of one message.
    pub octets: Option<u64>,
    /// Recipients of one message.
    pub recipients: Option<u64>,
    /// Messages in any hour.
    pub messages_hour: Option<u64>,
    /// Messages in any day.
    pub messages_day: Option<u64>,
    /// Recipients in any hour.
    pub recipients_hour: Option<u64>,
    /// Recipients in any day.
    pub recipients_day: Option<u64>,
}

impl Caps {
    /// These, and the others' where these say nothing.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            octets: self.octets.or(others.octets),
            recipients: self.recipients.or(others.recipients),
            messages_hour: self.messages_hour.or(others.messages_hour),
            messages_day: self.messages_day.or(others.messages_day),
            recipients_hour: self.recipients_hour.or(others.recipients_hour),
            recipients_day: self.recipients_day.or(others.recipients_day),
        }
    }
}

/// What holds where no agency says anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SendingSettings {
    /// Of each account.
    pub each: Caps,
    /// Recipients within an hour from which on much more than an account ever sent stops its sending;
    /// `None`: nothing does.
    pub sudden: Option<u64>,
}

/// What an agency says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct AgencyCaps {
    pub agency: AgencyId,
    /// Of each account in the subtree.
    pub each: Caps,
    /// Of all accounts in the subtree together; of one message it says nothing.
    pub total: Caps,
    pub version: u64,
}

impl Directory {
    /// Sets what holds where no agency says anything; without it there are no caps.
    pub fn set_sending(&self, settings: SendingSettings) {
        let lock = &self.inner.sending;
        *lock.write().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    pub(crate) fn sending_settings(&self) -> SendingSettings {
        let lock = &self.inner.sending;
        *lock.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The caps that hold for an account. Errors: `NotFound`.
    pub fn caps(&self, account: AccountId) -> Result<Caps, Error> {
        let book = self.read();
        let found = book.account(account).ok_or(Error::NotFound("account"))?;
        Ok(book.caps_of(&found.agency, self.sending_settings().each))
    }

    /// What an agency says itself. Errors: `NotFound`.
    pub fn agency_caps(&self, by: Option<&Access>, id: &AgencyId) -> Result<AgencyCaps, Error> {
        let book = self.read();
        if !book.agencies.contains_key(id) {
            return Err(Error::NotFound("agency"));
        }
        book.check(by, Capability::ReadDirectory, id, "agency")?;
        Ok(book.said_caps(id))
    }

    /// Says it. What holds for all together is said by who manages the agency above. Errors: `NotFound`,
    /// `Denied`, `Conflict`.
    pub fn set_agency_caps(
        &self,
        by: Option<&Access>,
        caps: AgencyCaps,
        version: Option<u64>,
    ) -> Result<AgencyCaps, Error> {
        let mut acts = self.acts();
        let (old, new) = {
            let book = self.read();
            let agency = book.agencies.get(&caps.agency);
            let agency = agency.ok_or(Error::NotFound("agency"))?;
            book.check(by, Capability::ManageAgencies, &agency.id, "agency")?;
            let old = book.said_caps(&caps.agency);
            check_version(version, old.version)?;
            if let (Some(above), true) = (&agency.parent, old.total != caps.total) {
                book.check(by, Capability::ManageAgencies, above, "agency")?;
            }
            let new = AgencyCaps {
                version: old.version + 1,
                ..caps
            };
            (old, new)
        };
        let note = Note {
            act: "agency.caps",
            object: new.agency.to_string(),
            detail: difference(&old, &new),
        };
        self.commit(&mut acts, by, note, vec![Fact::Caps(new.clone())])?;
        Ok(new)
    }
}

impl Book {
    pub(crate) fn said_caps(&self, id: &AgencyId) -> AgencyCaps {
        let none = || AgencyCaps {
            agency: id.clone(),
            each: Caps::default(),
            total: Caps::default(),
            version: 0,
        };
        self.caps.get(id).cloned().unwrap_or_else(none)
    }

    /// What holds for each account of an agency; `config`: where no agency says anything.
    pub(crate) fn caps_of(&self, agency: &AgencyId, config: Caps) -> Caps {
        let caps = self.caps(agency).or(config);
        Caps {
            octets: self.message_octets(agency, caps.octets),
            ..caps
        }
    }

    /// What the agencies say of each account of this one.
    pub(crate) fn caps(&self, agency: &AgencyId) -> Caps {
        let said = self.upward(agency).filter_map(|id| self.caps.get(id));
        said.fold(Caps::default(), |caps, above| caps.or(above.each))
    }
}
