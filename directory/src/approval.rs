//! Approval: the second person of an act that an agency does not leave to one.
//!
//! The first one asks by doing it: instead of being done, it becomes a request. Somebody else who might do the same
//! approves or refuses it; then the first one does it again, as he asked for it, within a day. Nobody approves his own
//! request, neither by another token nor by somebody whom he gave the right, nor by a password or token that was made
//! since he asked, or that he made for another (`hand`); nor do two who have the right from one and the same person. The rule itself is only loosened in the same way.

use crate::act::{Acts, Note, invalid, name};
use crate::book::Book;
use crate::fact::Fact;
use crate::open::PAGE_MAX;
use crate::policy::{Key, Said, Value};
use crate::signin::may_enter;
use crate::{Access, Account, AccountId, AgencyId, Capability, Denied, Directory, Error};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use std::ops::Bound;

/// Seconds in which a request may be decided.
pub const WAIT_S: i64 = 3 * 24 * 60 * 60;
/// Seconds in which what was approved may be done.
pub const USE_S: i64 = 24 * 60 * 60;
/// Seconds for which requests are shown that are over; the audit log keeps what came of them.
const SHOWN_S: i64 = 90 * 24 * 60 * 60;
/// The act that makes a request.
pub(crate) const ASK: &str = "approval.ask";
/// The field that is `Invalid` where no more may wait.
pub const REQUESTS: &str = "approval";
/// Requests of one account that wait.
pub const WAITING_MAX: usize = 100;

/// What takes two. The order is kept in stored rows: new ones come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Dangerous {
    /// An account is deleted.
    DeleteAccount,
    /// Removed or earlier mail is put into an account.
    RestoreMail,
    /// The mail that a legal hold keeps is read; approved, for as long as the approval may be used.
    ExportMail,
    /// A legal hold is ended.
    ReleaseHold,
    /// One of these is no longer left to two, by another rule or by a move to where it is left to one.
    Loosen,
    /// The mail of somebody else is read for some minutes.
    Impersonate,
    /// Mail that is meant for somebody comes to another (`diversion`).
    Redirect,
    /// A secret by which somebody's mail is read beside him is made for him.
    MakeSecret,
    /// Who administers becomes one who reads a shared mailbox.
    Join,
}

/// Each with its name outside, in their order. Names do not change.
const NAMES: [(Dangerous, &str); 9] = [
    (Dangerous::DeleteAccount, "delete_account"),
    (Dangerous::RestoreMail, "restore_mail"),
    (Dangerous::ExportMail, "export_mail"),
    (Dangerous::ReleaseHold, "release_hold"),
    (Dangerous::Loosen, "loosen_two_persons"),
    (Dangerous::Impersonate, "impersonate"),
    (Dangerous::Redirect, "redirect_mail"),
    (Dangerous::MakeSecret, "make_secret"),
    (Dangerous::Join, "join_mailbox"),
];

/// Ways to somebody's mail that are left to two where impersonation is.
const WAYS_ROUND: [Dangerous; 3] = [Dangerous::Redirect, Dangerous::MakeSecret, Dangerous::Join];

impl Dangerous {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// Those that an agency may leave to two.
    pub(crate) fn ruled(name: &str) -> bool {
        let by_itself = |act: &Self| *act != Self::Loosen && !WAYS_ROUND.contains(act);
        let mut all = NAMES.iter().filter(|(act, _)| by_itself(act));
        all.any(|(_, known)| *known == name)
    }

    /// The right that both must have.
    fn right(self) -> Capability {
        match self {
            Self::DeleteAccount => Capability::ManageAccounts,
            Self::RestoreMail => Capability::RecoverMail,
            Self::ExportMail | Self::ReleaseHold => Capability::ManageHolds,
            Self::Loosen => Capability::ManagePolicies,
            Self::Impersonate => Capability::Impersonate,
            Self::Redirect | Self::Join => Capability::ManageAccounts,
            Self::MakeSecret => Capability::ResetCredentials,
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Decision {
    Waiting,
    Approved,
    Refused,
    /// Approved, and done.
    Used,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Approval {
    pub id: u64,
    pub act: Dangerous,
    /// Whose policy asks for two.
    pub agency: AgencyId,
    /// The account's address, or the agency's code.
    pub object: String,
    /// JSON: what exactly was asked for.
    pub detail: String,
    pub asked_by: AccountId,
    /// Who else knew, or might have known, the secret by which it was asked.
    pub asked_behind: Vec<AccountId>,
    /// Unix seconds.
    pub asked_at: i64,
    pub decision: Decision,
    pub decided_by: Option<AccountId>,
    pub decided_at: Option<i64>,
    /// The last credential that was there when it was asked, by its number; zero: a row of before that was kept.
    pub credential_last: u64,
}

impl Approval {
    /// Whether its time is over, undecided or unused.
    pub fn lapsed(&self, now_s: i64) -> bool {
        match self.decision {
            Decision::Waiting => now_s >= self.asked_at.saturating_add(WAIT_S),
            Decision::Approved => now_s >= self.decided_at.unwrap_or(0).saturating_add(USE_S),
            Decision::Refused | Decision::Used => false,
        }
    }

    fn note(&self, act: &'static str) -> Note {
        let asked = self.asked();
        let order = asked["asked"]["order"].as_u64();
        let mut detail = json!({ "approval": self.id, "act": self.act.name(), "asked": asked });
        // What is done under a legal order is looked for here by who must not be told of it.
        if let Some(order) = order {
            detail["order"] = order.into();
        }
        Note {
            act,
            object: self.object.clone(),
            detail,
        }
    }

    fn asked(&self) -> serde_json::Value {
        serde_json::from_str(&self.detail).unwrap_or(serde_json::Value::Null)
    }

    /// Whether it would be done under a legal order about this account, which is not to know.
    fn is_kept_from(&self, account: AccountId) -> bool {
        let asked = self.asked();
        asked["account"] == account.raw() && !asked["asked"]["order"].is_null()
    }
}

/// An approval that an act uses up, in the commit that does it: what is refused has used up nothing.
#[must_use = "an act that has a second person uses the approval up"]
#[derive(Default)]
pub(crate) struct Spent(Option<Approval>);

impl Spent {
    /// That of an approved request. Reading what a hold keeps uses nothing up: it is approved for a day.
    pub(crate) fn of(approved: Option<Approval>) -> Self {
        let once =
            |a: &Approval| a.decision == Decision::Approved && a.act != Dangerous::ExportMail;
        Self(approved.filter(once).map(|approved| Approval {
            decision: Decision::Used,
            ..approved
        }))
    }

    /// What is committed along with the act.
    pub(crate) fn into_rows(self) -> (Option<Note>, Option<Fact>) {
        let note = self.0.as_ref().map(|used| used.note("approval.use"));
        (note, self.0.map(Fact::Approval))
    }
}

/// What is to be done, as exactly as its doer says it.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) act: Dangerous,
    pub(crate) agency: &'a AgencyId,
    pub(crate) object: &'a str,
    pub(crate) detail: &'a str,
}

impl Directory {
    /// Lets an act go on that needs no second person, or has one who might still be it; what that uses up. Errors:
    /// `Awaiting`, with the request that was made or waits already.
    pub(crate) fn with_second(
        &self,
        acts: &mut Acts,
        by: Option<&Access>,
        wanted: Wanted<'_>,
    ) -> Result<Spent, Error> {
        let Some(by) = by else {
            return Ok(Spent::default());
        };
        if !self.read().takes_two(wanted) {
            return Ok(Spent::default());
        }
        let found = self.found_second(by, wanted);
        let now = self.now_s();
        let (waiting, over) = {
            let book = self.read();
            let mine = book.approvals.values().filter(|a| a.asked_by == by.account);
            let waits = |a: &&Approval| a.decision == Decision::Waiting && !a.lapsed(now);
            let last = |a: &Approval| a.decided_at.unwrap_or(a.asked_at);
            let over = book.approvals.values();
            let over = over.filter(|a| last(a).saturating_add(SHOWN_S) < now);
            let over: Vec<u64> = over.map(|a| a.id).collect();
            (mine.filter(waits).count(), over)
        };
        match found {
            Some(approved) if approved.decision == Decision::Approved => {
                Ok(Spent::of(Some(approved)))
            }
            Some(waits) => Err(Error::Awaiting(waits.id)),
            None if waiting >= WAITING_MAX => Err(invalid(
                REQUESTS,
                format!("fewer than {WAITING_MAX} requests that wait"),
            )),
            None => self.ask_second(acts, by, wanted, &over),
        }
    }

    /// The request for exactly this that waits, or is approved by somebody who might still be the second person.
    pub(crate) fn found_second(&self, by: &Access, wanted: Wanted<'_>) -> Option<Approval> {
        let now = self.now_s();
        let book = self.read();
        let same = |a: &&Approval| {
            (a.asked_by, a.act, a.object.as_str(), a.detail.as_str())
                == (by.account, wanted.act, wanted.object, wanted.detail)
        };
        // Who approved it may have lost the right since, or got it from who asked.
        let open = |a: &&Approval| match a.decision {
            Decision::Waiting => !a.lapsed(now),
            Decision::Approved => !a.lapsed(now) && book.is_still_second(a, now),
            Decision::Refused | Decision::Used => false,
        };
        let mut all = book.approvals.values().rev();
        all.find(|a| same(a) && open(a)).cloned()
    }

    /// Uses an approval up where the act is no commit of the directory, once it is done.
    pub(crate) fn spend(
        &self,
        acts: &mut Acts,
        by: Option<&Access>,
        spent: Spent,
    ) -> Result<(), Error> {
        match spent.into_rows() {
            (Some(note), Some(fact)) => self.commit(acts, by, note, vec![fact]),
            _ => Ok(()),
        }
    }

    /// Makes the request, and forgets those that are long over. Errors: `Awaiting`, when it is made.
    fn ask_second(
        &self,
        acts: &mut Acts,
        by: &Access,
        wanted: Wanted<'_>,
        over: &[u64],
    ) -> Result<Spent, Error> {
        let (last, asked_behind) = {
            let book = self.read();
            let last = book.approvals.last_key_value().map_or(0, |(id, _)| *id);
            (last, book.persons(by).split_off(1))
        };
        let asked = Approval {
            id: last + 1,
            act: wanted.act,
            agency: wanted.agency.clone(),
            object: wanted.object.to_owned(),
            detail: wanted.detail.to_owned(),
            asked_by: by.account,
            asked_behind,
            asked_at: self.now_s(),
            decision: Decision::Waiting,
            decided_by: None,
            decided_at: None,
            credential_last: acts.credential_last,
        };
        let (id, note) = (asked.id, asked.note(ASK));
        // The newest stays whatever its age: its number is the last one given.
        let over = over.iter().filter(|id| **id != last);
        let mut facts: Vec<Fact> = over.map(|id| Fact::NoApproval(*id)).collect();
        facts.push(Fact::Approval(asked));
        self.commit(acts, Some(by), note, facts)?;
        Err(Error::Awaiting(id))
    }

    /// Ends what an agency says of two persons, by who runs the server: the way out where nobody is left who could
    /// approve that. Told in the audit log, with why. What an agency above says holds on. Errors: `NotFound` (it says
    /// nothing of it), `Invalid` (no reason).
    pub fn lift_two_persons(&self, agency: &AgencyId, reason: &str) -> Result<(), Error> {
        let reason = name("reason", reason)?;
        let mut acts = self.acts();
        let (mut policy, was) = {
            let book = self.read();
            let mut policy = book.said_policy(agency);
            let was = policy.said.remove(&Key::TwoPersons);
            (policy, was.ok_or(Error::NotFound("two_persons"))?)
        };
        policy.version += 1;
        let was = match was.value {
            Value::Words(words) => words,
            Value::Number(_) | Value::Switch(_) => Vec::new(),
        };
        let note = Note {
            act: "two_persons.lift",
            object: agency.to_string(),
            detail: json!({ "reason": reason, "was": was }),
        };
        self.commit(&mut acts, None, note, vec![Fact::Policy(policy)])
    }

    /// Requests that one made oneself or could decide, the newest first.
    pub fn approvals(&self, by: &Access, before: Option<u64>, max: usize) -> Vec<Approval> {
        let book = self.read();
        let to = before.map_or(Bound::Unbounded, Bound::Excluded);
        let all = book.approvals.range((Bound::Unbounded, to)).rev();
        all.map(|(_, approval)| approval)
            .filter(|approval| book.shows_approval(by, approval))
            .take(max.min(PAGE_MAX))
            .cloned()
            .collect()
    }

    /// One request. Errors: `NotFound`.
    pub fn approval(&self, by: &Access, id: u64) -> Result<Approval, Error> {
        let book = self.read();
        let found = book.approvals.get(&id);
        found
            .filter(|approval| book.shows_approval(by, approval))
            .cloned()
            .ok_or(Error::NotFound("approval"))
    }

    /// Approves a request, or refuses it; one's own may be taken back. Errors: `NotFound`, `Denied`, `Closed`.
    pub fn decide(&self, by: &Access, id: u64, approves: bool) -> Result<Approval, Error> {
        let now = self.now_s();
        let mut acts = self.acts();
        let decided = {
            let book = self.read();
            let found = book.approvals.get(&id);
            let found = found.filter(|approval| book.shows_approval(by, approval));
            let found = found.ok_or(Error::NotFound("approval"))?;
            let own = found.asked_by == by.account;
            let may = match (own, approves) {
                (true, approves) => !approves,
                (false, true) => book.is_second(by, found, now),
                (false, false) => book.allows(Some(by), found.act.right(), &found.agency),
            };
            if !may && approves && book.allows(Some(by), found.act.right(), &found.agency) {
                return Err(Error::NotSecond);
            }
            if !may {
                return Err(Denied.into());
            }
            if found.decision != Decision::Waiting || found.lapsed(now) {
                return Err(Error::Closed);
            }
            Approval {
                decision: match approves {
                    true => Decision::Approved,
                    false => Decision::Refused,
                },
                decided_by: Some(by.account),
                decided_at: Some(now),
                ..found.clone()
            }
        };
        let note = decided.note(match approves {
            true => "approval.approve",
            false => "approval.refuse",
        });
        self.commit(
            &mut acts,
            Some(by),
            note,
            vec![Fact::Approval(decided.clone())],
        )?;
        Ok(decided)
    }
}

impl Book {
    fn takes_two(&self, wanted: Wanted<'_>) -> bool {
        let ruled = self.ruled_words(wanted.agency, Key::TwoPersons);
        match (ruled, wanted.act) {
            (None, _) => false,
            (Some(_), Dangerous::Loosen) => true,
            (Some(acts), act) => {
                let ruled = match WAYS_ROUND.contains(&act) {
                    true => Dangerous::Impersonate,
                    false => act,
                };
                acts.iter().any(|name| name == ruled.name())
            }
        }
    }

    /// Whether an agency's new word on what takes two leaves something to one that took two.
    pub(crate) fn loosens_two(&self, agency: &AgencyId, new: Option<&Said>) -> bool {
        let before = self.ruled_words(agency, Key::TwoPersons);
        let parent = self.agencies.get(agency).and_then(|a| a.parent.as_ref());
        let after = match new.map(|said| &said.value) {
            Some(Value::Words(words)) => Some(words.clone()),
            _ => parent.and_then(|parent| self.ruled_words(parent, Key::TwoPersons)),
        };
        let after = after.unwrap_or_default();
        let mut before = before.into_iter().flatten();
        before.any(|name| !after.contains(&name))
    }

    /// Whether something that takes two by what an agency says is left to one by what another says.
    pub(crate) fn takes_less(&self, from: Option<&AgencyId>, to: Option<&AgencyId>) -> bool {
        let ruled = |id: Option<&AgencyId>| {
            id.and_then(|id| self.ruled_words(id, Key::TwoPersons))
                .unwrap_or_default()
        };
        let after = ruled(to);
        ruled(from).iter().any(|name| !after.contains(name))
    }

    fn shows_approval(&self, by: &Access, approval: &Approval) -> bool {
        if approval.is_kept_from(by.account) {
            return false;
        }
        (approval.asked_by == by.account && by.stands_in(self))
            || self.allows(Some(by), approval.act.right(), &approval.agency)
            || self.allows(Some(by), Capability::ReadAudit, &approval.agency)
    }

    /// Whether somebody is really another person: with the right, not out of the asker's hands, by a credential that was
    /// there before and that nobody knows who may have asked.
    fn is_second(&self, by: &Access, approval: &Approval, now_s: i64) -> bool {
        if !self.allows(Some(by), approval.act.right(), &approval.agency)
            || !self.is_independent(by.account, approval, now_s)
        {
            return false;
        }
        let asked =
            |who: &AccountId| *who == approval.asked_by || approval.asked_behind.contains(who);
        if self.persons(by).iter().any(asked) {
            return false;
        }
        let credential = by.rests_on_in(self);
        let kept = credential.and_then(|id| self.credential(by.account, id));
        // By its number, since much happens in a second.
        kept.is_some_and(|kept| match approval.credential_last {
            0 => kept.stored.created_at < approval.asked_at,
            last => kept.stored.id.0 <= last,
        })
    }

    /// Whether who approved a request might do so still: he is there, and has the right from somebody else.
    fn is_still_second(&self, approval: &Approval, now_s: i64) -> bool {
        let second = approval.decided_by;
        second.is_some_and(|second| self.is_independent(second, approval, now_s))
    }

    /// Whether an account has the right of a request, and not by the hands of who asked nor of one behind both.
    fn is_independent(&self, second: AccountId, approval: &Approval, now_s: i64) -> bool {
        let Some(account) = self.account(second).filter(|a| may_enter(a)) else {
            return false;
        };
        let mut grants = self.standing(account, approval.act.right(), &approval.agency, now_s);
        let foreign = |given_by: Option<AccountId>| given_by != Some(approval.asked_by);
        let independent = grants.any(|grant| {
            let mut above = grant.out_of.into_iter().flat_map(|id| self.chain(id));
            foreign(grant.given_by) && above.all(|grant| foreign(grant.given_by))
        });
        independent && !self.one_is_behind_both(account, approval, now_s)
    }

    /// Whether one person gave the right to who asked and to who approves, or is one of them and gave it to the other: both
    /// may be accounts of his making. He is not suspected who stands above the agency whose rule it is, nor at the top
    /// of the tree who has his right from who runs the server.
    fn one_is_behind_both(&self, second: &Account, approval: &Approval, now_s: i64) -> bool {
        let Some(asker) = self.account(approval.asked_by) else {
            return true;
        };
        let behind_asker = self.behind(asker, approval, now_s);
        let mut both = self.behind(second, approval, now_s);
        both.retain(|who| behind_asker.contains(who));
        both.iter()
            .any(|who| !self.stands_over(*who, approval, now_s))
    }

    /// An account, and everybody without whom it would not have the right of a request, at any remove; where it asked by
    /// another right, that is any of its rights there.
    fn behind(&self, account: &Account, approval: &Approval, now_s: i64) -> BTreeSet<AccountId> {
        let right = approval.act.right();
        let mut by_it = self.standing(account, right, &approval.agency, now_s);
        let by_another = by_it.next().is_none();
        let here = account
            .grants
            .iter()
            .filter(|grant| grant.stands(now_s) && self.is_above(&grant.agency, &approval.agency));
        let grants = here.filter(|grant| by_another || grant.may.capabilities().has(right));
        let givers = grants.map(|grant| {
            let above = grant.out_of.into_iter().flat_map(|id| self.chain(id));
            let chain = std::iter::once(grant).chain(above);
            let givers = chain.filter_map(|grant| grant.given_by);
            givers.collect::<BTreeSet<_>>()
        });
        let all = givers.reduce(|all, more| all.intersection(&more).copied().collect());
        let mut all = all.unwrap_or_default();
        all.insert(account.id);
        all
    }

    fn stands_over(&self, who: AccountId, approval: &Approval, now_s: i64) -> bool {
        let Some(account) = self.account(who) else {
            return false;
        };
        let rule = self.policy(&approval.agency, Key::TwoPersons).from;
        let rule = rule.as_ref().unwrap_or(&approval.agency);
        let right = approval.act.right();
        let above = self.agencies.get(rule).and_then(|a| a.parent.as_ref());
        match above {
            Some(above) => self.standing(account, right, above, now_s).next().is_some(),
            None => {
                let mut grants = self.standing(account, right, rule, now_s);
                grants.any(|grant| grant.given_by.is_none())
            }
        }
    }
}
