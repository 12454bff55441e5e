//! Rows of agencies.

use super::cells::{Cell, Cells, Faults, NUMBER_EXPECTED, optional, several};
use super::column::{Column, Subject};
use super::day::{AGENCY_KIND_EXPECTED, DAY_EXPECTED, agency_kind, agency_kind_text, day};
use super::fault::{Fault, fault_of};
use super::plan::{Ahead, Ground, Planned, Work, differences};
use crate::allotment::Growth;
use crate::book::AGENCY_DEPTH_MAX;
use crate::profile::CODE_EXPECTED;
use crate::{Agency, AgencyCode, AgencyId, AgencyProfile, AgencyQuota, Capability, Error};

/// A cell of an agency's row.
pub(crate) fn text(agency: &Agency, column: Column) -> String {
    match column {
        Column::Id => agency.id.0.clone(),
        Column::Parent => optional(agency.parent.as_ref().map(ToString::to_string)),
        Column::Name => agency.name.clone(),
        Column::NameEn => optional(agency.name_en.clone()),
        Column::ShortName => optional(agency.profile.short_name.clone()),
        Column::Kind => agency_kind_text(agency.profile.kind).to_owned(),
        Column::Codes => {
            let codes: Vec<&str> = agency
                .profile
                .codes
                .iter()
                .map(AgencyCode::as_str)
                .collect();
            codes.join(" ")
        }
        Column::Order => agency.profile.order.to_string(),
        Column::Since => optional(agency.profile.since.map(|day| day.to_string())),
        Column::Until => optional(agency.profile.until.map(|day| day.to_string())),
        _ => String::new(),
    }
}

impl Ground<'_> {
    pub(super) fn agency(
        &self,
        cells: &Cells,
        ahead: &mut Ahead,
        faults: &mut Faults,
    ) -> Option<Planned> {
        let id = AgencyId(cells.text(Column::Id).to_owned());
        if id.0.is_empty() {
            faults.at(cells, Column::Id, Fault::Missing);
            return None;
        }
        if !id.is_valid() {
            let expected = "letters, digits and dots, at most 35";
            faults.at(cells, Column::Id, Fault::Invalid(expected.to_owned()));
            return None;
        }
        let old = ahead
            .agencies
            .get(&id)
            .or(self.book.agencies.get(&id))
            .cloned();
        if self.book.agencies.contains_key(&id) {
            if !self.reaches(&id) {
                faults.at(cells, Column::Id, Fault::Taken);
                return None;
            }
            if !self.allows(Capability::ManageAgencies, &id) {
                faults.at(cells, Column::Id, Fault::NotAllowed);
                return None;
            }
        }
        let parent = self.parent(cells, old.as_ref(), &id, ahead, faults);
        let name = faults.name(cells, Column::Name, old.as_ref().map(|a| a.name.clone()));
        let was = old.as_ref().and_then(|a| a.name_en.clone());
        let name_en = faults.line(cells, Column::NameEn, was);
        let profile = old.as_ref().map(|a| a.profile.clone());
        let profile = profile_as(cells, &id, profile.unwrap_or_default(), faults);
        if !faults.0.is_empty() {
            return None;
        }
        let new = Agency {
            parent,
            name,
            name_en,
            profile,
            version: old.as_ref().map_or(1, |a| a.version + 1),
            ..old.clone().unwrap_or_else(|| blank(id.clone()))
        };
        if let Some(column) = self.code_taken(&new, ahead) {
            faults.at(cells, column, Fault::Taken);
            return None;
        }
        let from = |column| optional(old.as_ref().map(|old| text(old, column)));
        let differences = differences(Subject::Agencies, from, |column| text(&new, column));
        let is_new = old.is_none();
        let work = match old {
            None => Some(Work::NewAgency(new.clone())),
            Some(_) if differences.is_empty() => None,
            Some(old) => Some(Work::Agency(old, new.clone())),
        };
        if work.is_some() {
            ahead.code(&new);
            ahead.agencies.insert(id.clone(), new);
        }
        Some(Planned {
            key: id.0,
            differences,
            is_new,
            work,
        })
    }

    /// Where a code stands that another agency has, as its own or beside it, or is given by an earlier row.
    fn code_taken(&self, new: &Agency, ahead: &Ahead) -> Option<Column> {
        let given = |code: &str| ahead.codes.get(code).is_some_and(|owner| *owner != new.id);
        match self.book.check_codes(new) {
            Err(Error::Exists(code))
                if code.strip_prefix("code ") == Some(&new.id.0.to_ascii_uppercase()) =>
            {
                Some(Column::Id)
            }
            Err(_) => Some(Column::Codes),
            Ok(()) if given(&new.id.0.to_ascii_uppercase()) => Some(Column::Id),
            Ok(()) => {
                let mut codes = new.profile.codes.iter();
                codes
                    .any(|code| given(code.as_str()))
                    .then_some(Column::Codes)
            }
        }
    }

    /// The agency above.
    fn parent(
        &self,
        cells: &Cells,
        old: Option<&Agency>,
        id: &AgencyId,
        ahead: &Ahead,
        faults: &mut Faults,
    ) -> Option<AgencyId> {
        let was = old.and_then(|a| a.parent.clone());
        let parent = match cells.get(Column::Parent) {
            Cell::Absent if old.is_some() => return was,
            Cell::Empty if old.is_some() && was.is_none() => return None,
            Cell::Absent | Cell::Empty => {
                faults.at(cells, Column::Parent, Fault::Missing);
                return None;
            }
            Cell::Text(text) => AgencyId(text.to_owned()),
        };
        if was.as_ref() == Some(&parent) {
            return was;
        }
        if old.is_some() && was.is_none() {
            // The top of a tree is above every grant.
            faults.at(cells, Column::Parent, Fault::NotAllowed);
            return None;
        }
        let hangs = self.hangs(id, &parent, ahead);
        match hangs.and_then(|ground| self.moves(old, &ground)) {
            Ok(()) => Some(parent),
            Err(fault) => {
                faults.at(cells, Column::Parent, fault);
                None
            }
        }
    }

    /// Whether what is there already may move with all its accounts, under this or what the file makes under this.
    fn moves(&self, old: Option<&Agency>, to: &AgencyId) -> Result<(), Fault> {
        let Some(old) = old.filter(|old| self.book.agencies.contains_key(&old.id)) else {
            return Ok(());
        };
        if self.book.takes_less(old.parent.as_ref(), Some(to)) {
            return Err(Fault::TakesTwo);
        }
        let growth = Growth::agency(&old.id, self.reckoning);
        let may = Capability::ManageAgencies;
        let fits = self.book.check_allotment(self.by, may, to, &growth);
        fits.map_err(|error| fault_of(error).unwrap_or(Fault::NotAllowed))
    }

    /// Whether the agency may hang there, with all that is under it; the agency of the book which it comes under.
    fn hangs(&self, id: &AgencyId, parent: &AgencyId, ahead: &Ahead) -> Result<AgencyId, Fault> {
        let above = |at: &AgencyId| match ahead.agencies.get(at) {
            Some(agency) => agency.parent.clone(),
            None => self.book.agencies.get(at).and_then(|a| a.parent.clone()),
        };
        let there =
            |at: &AgencyId| ahead.agencies.contains_key(at) || self.book.agencies.contains_key(at);
        if !there(parent) {
            return Err(Fault::NoAgency);
        }
        let chain: Vec<AgencyId> = std::iter::successors(Some(parent.clone()), above)
            .take(AGENCY_DEPTH_MAX + 1)
            .collect();
        if chain.contains(id) {
            return Err(Fault::Loop);
        }
        let above = ahead.agencies.get(parent);
        if above.is_some_and(|a| a.profile.ended(self.book.today())) {
            return Err(Fault::Invalid("an agency that has not ended".to_owned()));
        }
        // What this file makes hangs under something that is there.
        let ground = chain.iter().find(|at| self.book.agencies.contains_key(at));
        let ground = ground
            .filter(|at| self.reaches(at))
            .ok_or(Fault::NoAgency)?;
        if !self.allows(Capability::ManageAgencies, ground) {
            return Err(Fault::NotAllowed);
        }
        if let Err(error) = self.book.check_goes_on("parent", ground) {
            return Err(fault_of(error).unwrap_or(Fault::NotAllowed));
        }
        let height = match self.book.agencies.contains_key(id) {
            true => self.book.height(id),
            false => 1,
        };
        if chain.len() + height > AGENCY_DEPTH_MAX {
            return Err(Fault::Invalid(format!("at most {AGENCY_DEPTH_MAX} levels")));
        }
        Ok(ground.clone())
    }
}

/// What the agency is, as the row says.
fn profile_as(
    cells: &Cells,
    id: &AgencyId,
    was: AgencyProfile,
    faults: &mut Faults,
) -> AgencyProfile {
    let short_name = faults.line(cells, Column::ShortName, was.short_name.clone());
    let none = AgencyProfile::default();
    let kind = faults.value(
        cells,
        Column::Kind,
        (was.kind, none.kind),
        agency_kind,
        AGENCY_KIND_EXPECTED,
    );
    let read = |text: &str| several(text).map(AgencyCode::parse).collect::<Option<_>>();
    let codes = faults.value(
        cells,
        Column::Codes,
        (was.codes.clone(), none.codes),
        read,
        CODE_EXPECTED,
    );
    let place = |text: &str| text.parse::<u32>().ok();
    let column = Column::Order;
    let order = faults.value(
        cells,
        column,
        (was.order, none.order),
        place,
        NUMBER_EXPECTED,
    );
    let read = |text: &str| day(text).map(Some);
    let since = faults.value(cells, Column::Since, (was.since, None), read, DAY_EXPECTED);
    let until = faults.value(cells, Column::Until, (was.until, None), read, DAY_EXPECTED);
    let profile = AgencyProfile {
        kind,
        short_name,
        codes,
        order,
        since,
        until,
    };
    match profile.checked(id) {
        Ok(profile) => profile,
        Err(error) => {
            let column = match &error {
                Error::Invalid { field: "until", .. } => Column::Until,
                Error::Invalid { field: "codes", .. } => Column::Codes,
                _ => Column::ShortName,
            };
            if let Ok(fault) = fault_of(error) {
                faults.at(cells, column, fault);
            }
            was
        }
    }
}

fn blank(id: AgencyId) -> Agency {
    Agency {
        id,
        parent: None,
        name: String::new(),
        name_en: None,
        quota: AgencyQuota::default(),
        profile: AgencyProfile::default(),
        version: 0,
    }
}
