//! The same columns out of the directory, a piece at a time: what is exported can be imported as it is.

use super::column::{Column, Subject};
use super::{account, agency, member, seat};
use crate::reading::Opened;
use crate::{
    Access, AccountId, AccountKind, AgencyId, Capability, Directory, Error, PositionId, Scope,
    Sharing,
};
use formats::csv::{BOM, Delimiter, line};
use serde_json::json;
use std::collections::HashSet;
use std::ops::Bound;

/// Rows under one reading of the book.
const EXPORT_PAGE: usize = 500;

/// An export under way.
#[derive(Debug)]
pub struct Export {
    directory: Directory,
    by: Access,
    top: AgencyId,
    subject: Subject,
    delimiter: Delimiter,
    /// Agencies that are still to come, the last first: parents stand before their children.
    agencies: Vec<AgencyId>,
    after: Option<AccountId>,
    after_seat: Option<PositionId>,
    begun: bool,
    opened: Opened,
    /// Whose rows are in the piece that is being made.
    owners: Vec<AccountId>,
}

impl Directory {
    /// Begins to export what lies in a subtree, as far as `by` may see it. It is in the audit log when this returns.
    /// Errors: `NotFound` (agency), `Denied`, `Invalid` (agency: several are seen and none is named; no reason).
    pub fn export(
        &self,
        by: &Access,
        subject: Subject,
        agency: Option<AgencyId>,
        delimiter: Delimiter,
    ) -> Result<Export, Error> {
        let capability = Capability::ReadDirectory;
        let scopes = by.scopes(capability);
        let top = match (agency, scopes.as_slice()) {
            (Some(agency), _) => agency,
            (None, [one]) => one.clone(),
            (None, []) => return Err(crate::Denied.into()),
            (None, _) => {
                let expected = "one of the agencies that you administer";
                return Err(crate::act::invalid("agency", expected));
            }
        };
        {
            let book = self.read();
            if !book.agencies.contains_key(&top) {
                return Err(Error::NotFound("agency"));
            }
            book.check(Some(by), capability, &top, "agency")?;
        }
        let detail = json!({"subject": format!("{subject:?}").to_lowercase()});
        let opened = self.open_reading(by, Scope::Directory(top.clone()))?;
        opened.enter("directory.export", &top.0, detail, &[])?;
        Ok(Export {
            directory: self.clone(),
            by: by.clone(),
            agencies: vec![top.clone()],
            top,
            subject,
            delimiter,
            after: None,
            after_seat: None,
            begun: false,
            opened,
            owners: Vec::new(),
        })
    }
}

impl Export {
    /// The next piece of the file; `None` at its end. What one may see is asked at each piece anew: it ends when
    /// the right is withdrawn.
    pub fn piece(&mut self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        if !self.begun {
            self.begun = true;
            out.extend_from_slice(BOM);
            let names: Vec<&str> = self.subject.columns().iter().map(|c| c.name()).collect();
            line(&mut out, self.delimiter, &names);
        }
        // A piece without a row would end the file for some readers.
        loop {
            let more = match self.subject {
                Subject::Agencies => self.agencies(&mut out),
                Subject::Accounts | Subject::Members => self.accounts(&mut out),
                Subject::Positions => self.seats(&mut out),
            };
            // Before it goes out they can see that it does.
            let owners = std::mem::take(&mut self.owners);
            if let Err(error) = self.opened.tell(&owners) {
                tracing::error!(%error, "an export ends: its owners could not be told");
                return None;
            }
            if !out.is_empty() {
                return Some(out);
            }
            if !more {
                return None;
            }
        }
    }

    fn row(&self, out: &mut Vec<u8>, text: impl Fn(Column) -> String) {
        let cells: Vec<String> = self.subject.columns().iter().map(|c| text(*c)).collect();
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        line(out, self.delimiter, &cells);
    }

    /// Whether more follows.
    fn agencies(&mut self, out: &mut Vec<u8>) -> bool {
        let directory = self.directory.clone();
        let book = directory.read();
        for _ in 0..EXPORT_PAGE {
            let Some(id) = self.agencies.pop() else {
                return false;
            };
            let seen = book.allows(Some(&self.by), Capability::ReadDirectory, &id);
            let Some(found) = book.agencies.get(&id).filter(|_| seen) else {
                continue;
            };
            self.row(out, |column| agency::text(found, column));
            let children = book.children.get(&id).into_iter().flatten();
            self.agencies.extend(children.rev().cloned());
        }
        !self.agencies.is_empty()
    }

    fn accounts(&mut self, out: &mut Vec<u8>) -> bool {
        let directory = self.directory.clone();
        let book = directory.read();
        let visible: HashSet<AgencyId> = match book.visible(Some(&self.by), Some(&self.top)) {
            Ok(Some(visible)) => visible,
            Ok(None) | Err(_) => return false,
        };
        let from = self.after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut looked = 0;
        for (id, account) in book.accounts.range((from, Bound::Unbounded)) {
            self.after = Some(*id);
            looked += 1;
            if visible.contains(&account.agency) {
                self.owners.push(*id);
                match self.subject {
                    Subject::Members => self.members(&book, account, out),
                    _ => {
                        let aliases = book.other_addresses(*id);
                        self.row(out, |column| account::text(account, &aliases, column));
                    }
                }
            }
            if looked >= EXPORT_PAGE {
                return true;
            }
        }
        false
    }

    fn seats(&mut self, out: &mut Vec<u8>) -> bool {
        let directory = self.directory.clone();
        let book = directory.read();
        let Ok(Some(visible)) = book.visible(Some(&self.by), Some(&self.top)) else {
            return false;
        };
        for (looked, found) in book.seats.after(self.after_seat).enumerate() {
            if looked >= EXPORT_PAGE {
                return true;
            }
            self.after_seat = Some(found.id);
            if visible.contains(&found.agency) {
                self.owners.extend(found.holder().map(|held| held.account));
                self.row(out, |column| seat::text(&book, found, column));
            }
        }
        false
    }

    fn members(&self, book: &crate::book::Book, account: &crate::Account, out: &mut Vec<u8>) {
        if let AccountKind::List { members } = &account.kind {
            for who in members {
                self.row(out, |column| member::text(account, who, "", column));
            }
            return;
        }
        if !matches!(account.kind, AccountKind::Shared | AccountKind::Resource) {
            // What persons share is theirs.
            return;
        }
        for (who, rights) in book.share(account.id, None).entries {
            let Sharing::Account(id) = who else {
                continue;
            };
            if let Some(who) = book.account(id) {
                let rights = rights.to_string();
                self.row(out, |column| {
                    member::text(account, &who.address, &rights, column)
                });
            }
        }
    }
}
