//! Rerouting: a letter that waits to go elsewhere is handed to a host that an administrator names.
//!
//! Whose host it is reads it, so it is a diversion (`diversion`) of the mail of who sent it and of everybody whose mail
//! it is: it needs a reason, is told to each of them, and takes two where impersonation does.

use crate::act::{Note, invalid};
use crate::diversion::{Diverted, is_owner};
use crate::{Access, AccountId, Directory, Error};
use std::collections::BTreeSet;
use storage::RowChange;

/// The act, as the audit log tells it.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Rerouted {
    pub act: &'static str,
    pub object: String,
    /// Must hold no secret.
    pub detail: serde_json::Value,
    /// Whose letter it is; nobody's: nobody gets it by this.
    pub owners: BTreeSet<AccountId>,
    /// The host.
    pub to: String,
}

impl Directory {
    /// As [`Directory::record_with`], of a letter that another host gets by it. Errors: also `Invalid` (no reason, or a legal
    /// order that does not stand), `Awaiting`.
    pub fn reroute_with<T>(
        &self,
        by: Option<&Access>,
        what: Rerouted,
        commit: impl FnOnce(Vec<RowChange>) -> Result<T, storage::Error>,
    ) -> Result<T, Error> {
        let mut acts = self.acts();
        let all: Vec<Diverted> = {
            let book = self.read();
            let owners = what.owners.iter().filter_map(|id| book.account(*id));
            let letter = |owner| Diverted::letter(owner, &what.to, &what.object);
            owners.map(|owner| letter(owner)).collect()
        };
        let mut notes = vec![Note {
            act: what.act,
            object: what.object,
            detail: what.detail,
        }];
        let mut facts = Vec::new();
        if let Some(by) = by {
            let others = all.into_iter().filter(|one| !is_owner(by, one.owner));
            let others: Vec<Diverted> = others.collect();
            if by.reason().is_none() && !others.is_empty() {
                let expected = "why letters of others are to go to this host";
                return Err(invalid("reason", expected));
            }
            self.settle_each(&mut acts, by, others, (&mut notes, &mut facts))?;
            if let Some(trial) = by.trial() {
                return trial.end(notes);
            }
        }
        self.enter(&mut acts, by, notes, facts, commit)
    }
}
