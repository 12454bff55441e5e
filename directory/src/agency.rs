//! Agency: a node of the province's tree, independent of domains (idea 7).

use crate::act::{Acts, Note, check_version, difference, invalid, json, name, name_if_any};
use crate::allotment::Growth;
use crate::approval::{Dangerous, Spent, Wanted};
use crate::book::{AGENCY_DEPTH_MAX, Book};
use crate::fact::Fact;
use crate::open::PAGE_MAX;
use crate::{Access, AgencyProfile, AgencyQuota, Capability, Denied, Directory, Error, quota};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::ops::Bound;

/// Octets of a code.
pub const AGENCY_ID_MAX: usize = 35;

/// The node's code, e.g. `H99.1` (QĐ 20/2020 form; letters, digits, dots; at most 35 octets). Never changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AgencyId(pub String);

impl AgencyId {
    /// Whether it is a code: letters, digits and single dots between them.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.0.len() <= AGENCY_ID_MAX
            && self
                .0
                .split('.')
                .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()))
    }
}

impl std::fmt::Display for AgencyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One agency or unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Agency {
    pub id: AgencyId,
    pub parent: Option<AgencyId>,
    pub name: String,
    pub name_en: Option<String>,
    pub quota: AgencyQuota,
    pub profile: AgencyProfile,
    /// Raised with each change (If-Match).
    pub version: u64,
}

/// An agency to make.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct NewAgency {
    pub id: AgencyId,
    pub parent: Option<AgencyId>,
    pub name: String,
    pub name_en: Option<String>,
    pub quota: AgencyQuota,
    pub profile: AgencyProfile,
}

impl Directory {
    // Acts. `by`: `None` is the system itself (init, demo); otherwise rights are checked against the
    // agencies touched (`Denied`; `NotFound` for what may not be seen), and every act is in the audit log
    // in the same commit (I-20). `version`: If-Match; `None` does not check. Lists are ordered by key,
    // `after` a key, with what `by` may see only, at most `PAGE_MAX` at a time.

    /// Makes an agency. Errors: `Exists` (also one of its codes), `NotFound` (parent), `Invalid`.
    pub fn create_agency(&self, by: Option<&Access>, new: NewAgency) -> Result<Agency, Error> {
        if !new.id.is_valid() {
            return Err(invalid(
                "id",
                format!("letters, digits and dots, at most {AGENCY_ID_MAX}"),
            ));
        }
        quota::check(&new.quota)?;
        let agency = Agency {
            profile: new.profile.checked(&new.id)?,
            id: new.id,
            parent: new.parent,
            name: name("name", &new.name)?,
            name_en: name_if_any("name_en", new.name_en.as_deref())?,
            quota: new.quota,
            version: 1,
        };
        let mut acts = self.acts();
        {
            let book = self.read();
            book.check_parent(by, agency.parent.as_ref(), 1)?;
            if book.agencies.contains_key(&agency.id) {
                return Err(Error::Exists(format!("code {}", agency.id)));
            }
            book.check_codes(&agency)?;
        }
        let note = Note {
            act: "agency.create",
            object: agency.id.to_string(),
            detail: json(&agency),
        };
        self.commit(&mut acts, by, note, vec![Fact::Agency(agency.clone())])?;
        Ok(agency)
    }

    /// One agency.
    pub fn agency(&self, id: &AgencyId) -> Result<Agency, Error> {
        self.read()
            .agencies
            .get(id)
            .cloned()
            .ok_or(Error::NotFound("agency"))
    }

    /// Agencies, all or the children of one.
    pub fn agencies(
        &self,
        by: Option<&Access>,
        parent: Option<&AgencyId>,
        after: Option<&AgencyId>,
        max: usize,
    ) -> Result<Vec<Agency>, Error> {
        let book = self.read();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        Ok(book
            .agencies
            .range::<AgencyId, _>((from, Bound::Unbounded))
            .map(|(_, agency)| agency)
            .filter(|agency| parent.is_none() || agency.parent.as_ref() == parent)
            .filter(|agency| book.allows(by, Capability::ReadDirectory, &agency.id))
            .take(max.min(PAGE_MAX))
            .cloned()
            .collect())
    }

    /// Renames or moves it, says what it is and until when, sets its quotas. Errors: `Invalid` (loop), `Exists` (a code),
    /// `Conflict`, `Denied` (the total is set by who manages the agency above).
    pub fn change_agency(
        &self,
        by: Option<&Access>,
        agency: Agency,
        version: Option<u64>,
    ) -> Result<Agency, Error> {
        quota::check(&agency.quota)?;
        let mut acts = self.acts();
        let (old, new) = {
            let book = self.read();
            let old = book
                .agencies
                .get(&agency.id)
                .cloned()
                .ok_or(Error::NotFound("agency"))?;
            book.check(by, Capability::ManageAgencies, &old.id, "agency")?;
            check_version(version, old.version)?;
            if agency.parent != old.parent {
                if agency
                    .parent
                    .as_ref()
                    .is_some_and(|p| book.is_above(&old.id, p))
                {
                    return Err(invalid("parent", "an agency outside its own subtree"));
                }
                book.check_parent(by, agency.parent.as_ref(), book.height(&old.id))?;
                if let Some(parent) = &agency.parent {
                    let growth = Growth::agency(&old.id, self.reckoning());
                    book.check_allotment(by, Capability::ManageAgencies, parent, &growth)?;
                }
            }
            let each = agency.quota.each.octets;
            if each != old.quota.each.octets {
                let growth = Growth::each(&old.id, each, self.reckoning());
                book.check_allotment(by, Capability::ManageAgencies, &old.id, &growth)?;
            }
            let new = Agency {
                name: name("name", &agency.name)?,
                name_en: name_if_any("name_en", agency.name_en.as_deref())?,
                profile: agency.profile.checked(&old.id)?,
                version: old.version + 1,
                ..agency
            };
            book.check_codes(&new)?;
            book.check_total(by, &old, &new)?;
            (old, new)
        };
        let (used, fact) = self.second_of_move(&mut acts, by, &old, &new)?.into_rows();
        let note = Note {
            act: "agency.change",
            object: new.id.to_string(),
            detail: difference(&old, &new),
        };
        let notes = used.into_iter().chain([note]).collect();
        let facts = fact.into_iter().chain([Fact::Agency(new.clone())]);
        self.commit_all(&mut acts, by, notes, facts.collect())?;
        Ok(new)
    }

    /// The second person of a move to where fewer acts take two. Errors: `Awaiting`.
    fn second_of_move(
        &self,
        acts: &mut Acts,
        by: Option<&Access>,
        old: &Agency,
        new: &Agency,
    ) -> Result<Spent, Error> {
        let (from, to) = (old.parent.as_ref(), new.parent.as_ref());
        if from == to || !self.read().takes_less(from, to) {
            return Ok(Spent::default());
        }
        let wanted = Wanted {
            act: Dangerous::Loosen,
            agency: &old.id,
            object: &old.id.0,
            detail: &serde_json::json!({ "parent": to }).to_string(),
        };
        self.with_second(acts, by, wanted)
    }

    /// Errors: `InUse` while it has children, accounts, domains, positions or grants; `Held` while a deleted account of
    /// it is under a legal hold.
    pub fn delete_agency(
        &self,
        by: Option<&Access>,
        id: &AgencyId,
        version: Option<u64>,
    ) -> Result<(), Error> {
        let mut acts = self.acts();
        let old = {
            let book = self.read();
            let old = book
                .agencies
                .get(id)
                .cloned()
                .ok_or(Error::NotFound("agency"))?;
            book.check(by, Capability::ManageAgencies, id, "agency")?;
            check_version(version, old.version)?;
            book.check_unused(id)?;
            old
        };
        self.check_none_held(id)?;
        let note = Note {
            act: "agency.delete",
            object: id.to_string(),
            detail: json(&old),
        };
        self.commit(
            &mut acts,
            by,
            note,
            vec![
                Fact::NoCaps(id.clone()),
                Fact::NoOutside(id.clone()),
                Fact::NoPolicy(id.clone()),
                Fact::NoAgency(id.clone()),
            ],
        )
    }
}

impl Book {
    /// Whether a subtree of this height may hang there.
    fn check_parent(
        &self,
        by: Option<&Access>,
        parent: Option<&AgencyId>,
        height: usize,
    ) -> Result<(), Error> {
        let Some(parent) = parent else {
            // The top of a tree is above every grant.
            return if by.is_none() {
                Ok(())
            } else {
                Err(Denied.into())
            };
        };
        if !self.agencies.contains_key(parent) {
            return Err(Error::NotFound("agency"));
        }
        self.check(by, Capability::ManageAgencies, parent, "agency")?;
        self.check_goes_on("parent", parent)?;
        if self.upward(parent).count() + height > AGENCY_DEPTH_MAX {
            return Err(invalid(
                "parent",
                format!("at most {AGENCY_DEPTH_MAX} levels"),
            ));
        }
        Ok(())
    }

    pub(crate) fn check_unused(&self, id: &AgencyId) -> Result<(), Error> {
        self.check_unused_but(id, &HashSet::new())
    }

    /// The same when these will be gone.
    pub(crate) fn check_unused_but(
        &self,
        id: &AgencyId,
        gone: &HashSet<AgencyId>,
    ) -> Result<(), Error> {
        let mut below = self.children.get(id).into_iter().flatten();
        let used = if below.any(|child| !gone.contains(child)) {
            "agencies below it"
        } else if self.accounts_in.contains_key(id) {
            "accounts"
        } else if self.domains.values().any(|d| d.agency == *id) {
            "domains"
        } else if self.seats.each().any(|position| position.agency == *id) {
            "positions"
        } else if self
            .holders
            .iter()
            .filter_map(|h| self.account(*h))
            .any(|a| a.grants.iter().any(|grant| grant.agency == *id))
        {
            "grants"
        } else {
            return Ok(());
        };
        Err(Error::InUse(used.to_owned()))
    }

    /// The agencies that a list is about: `None` for all.
    pub(crate) fn visible(
        &self,
        by: Option<&Access>,
        under: Option<&AgencyId>,
    ) -> Result<Option<HashSet<AgencyId>>, Error> {
        if by.is_none() && under.is_none() {
            return Ok(None);
        }
        let mut set = match under {
            Some(top) if self.agencies.contains_key(top) => self.subtree(top),
            Some(_) => return Err(Error::NotFound("agency")),
            None => self.agencies.keys().cloned().collect(),
        };
        set.retain(|id| self.allows(by, Capability::ReadDirectory, id));
        Ok(Some(set))
    }
}
