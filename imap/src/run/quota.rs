//! RFC 9208 §4: GETQUOTA, GETQUOTAROOT, SETQUOTA.
//!
//! A quota root is an account, named by its address, or an agency with all below it, named by its code. A mailbox
//! has the roots of its owner's account and of the agencies above it, those that have a limit. SETQUOTA is for
//! administrators, as the admin API lets them; it is written to the audit log alike.

use super::find::not_permitted;
use super::{Runner, Stop};
use crate::ask::Completion;
use crate::code::{self, Seeking};
use crate::wire::quota::Quota;
use crate::wire::response::{self, put};
use directory::quota::Used;
use directory::{Account, Agency, AgencyId, Capability, Rights};
use storage::{AccountId, Error};

/// RFC 9208 §5.1: octets of one unit of STORAGE.
const UNIT: u64 = 1_024;
/// Agencies above one another.
const LEVELS_MAX: usize = 32;

/// What a limit hangs on.
enum Root {
    Account(Account),
    Agency(Agency),
}

impl Root {
    fn name(&self) -> String {
        match self {
            Self::Account(account) => account.address.to_string(),
            Self::Agency(agency) => agency.id.to_string(),
        }
    }
}

impl Runner {
    pub(super) fn quota(&mut self, quota: &Quota, out: &mut Vec<u8>) -> Result<Completion, Stop> {
        match quota {
            Quota::Get(name) => {
                let root = self.quota_root(name).filter(|root| self.sees(root));
                let none = || Completion::no("NONEXISTENT", "There is no such quota root");
                self.tell_quota(&root.ok_or_else(none)?, out)?;
                Ok(Completion::ok("GETQUOTA completed"))
            }
            Quota::Roots(mailbox) => self.quota_roots(mailbox, out),
            Quota::Set { root, limits } => self.set_quota(root, limits, out),
        }
    }

    fn quota_roots(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<Completion, Stop> {
        // RFC 9208 §4.1.2: the mailbox need not exist; §6: `r` where it does.
        let (owner, rights) = match self.find(raw, Seeking::Named) {
            Ok(found) => {
                let found = found.needs(Rights::READ)?;
                (found.account, found.rights)
            }
            Err(_) => {
                let owner = self.spot(raw)?.account;
                (owner, self.access()?.rights(owner, None))
            }
        };
        if !rights.has(Rights::READ) {
            return Err(code::refusal(&Error::NotFound, Seeking::Named).into());
        }
        let mut roots = Vec::new();
        for root in self.roots_of(owner) {
            if self.used(&root)?.is_some_and(|u| limited(&u)) {
                roots.push(root);
            }
        }
        out.extend_from_slice(b"* QUOTAROOT ");
        response::mailbox(out, &self.name(raw)?, self.utf8);
        for root in &roots {
            out.push(b' ');
            response::string(out, root.name().as_bytes(), self.utf8);
        }
        out.extend_from_slice(b"\r\n");
        for root in &roots {
            self.tell_quota(root, out)?;
        }
        Ok(Completion::ok("GETQUOTAROOT completed"))
    }

    /// The account, and the agencies above it, nearest first.
    fn roots_of(&self, owner: AccountId) -> Vec<Root> {
        let Ok(account) = self.directory.account(owner) else {
            return Vec::new();
        };
        let above = |id: &AgencyId| self.directory.agency(id).ok();
        let first = above(&account.agency);
        let agencies = std::iter::successors(first, |a| above(a.parent.as_ref()?));
        let agencies = agencies.take(LEVELS_MAX).map(Root::Agency);
        std::iter::once(Root::Account(account))
            .chain(agencies)
            .collect()
    }

    fn quota_root(&self, name: &str) -> Option<Root> {
        if name.contains('@') {
            return self.directory.account_named(name).map(Root::Account);
        }
        let agency = self.directory.agency(&AgencyId(name.to_owned()));
        agency.ok().map(Root::Agency)
    }

    /// One's own roots, those of mailboxes that one may read, and those that one may see as an administrator.
    fn sees(&self, root: &Root) -> bool {
        let Ok(access) = self.access() else {
            return false;
        };
        let agency = match root {
            Root::Account(account) => &account.agency,
            Root::Agency(agency) => &agency.id,
        };
        if access.may(Capability::ReadDirectory, agency) {
            return true;
        }
        match root {
            Root::Account(account) => {
                let store = access.reach(account.id);
                let boxes = store.ok().and_then(|store| store.mailboxes().ok());
                boxes.unwrap_or_default().iter().any(|mailbox| {
                    let rights = access.rights(account.id, Some(mailbox.id));
                    rights.has(Rights::READ)
                })
            }
            Root::Agency(agency) => self
                .roots_of(access.account())
                .iter()
                .any(|root| matches!(root, Root::Agency(above) if above.id == agency.id)),
        }
    }

    /// What is used of it; `None` when it went meanwhile.
    fn used(&self, root: &Root) -> Result<Option<Used>, Error> {
        let used = match root {
            Root::Account(account) => self.directory.account_usage(account.id),
            Root::Agency(agency) => self.directory.agency_usage(&agency.id),
        };
        match used {
            Ok(used) => Ok(Some(used)),
            Err(directory::Error::Storage(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// `* QUOTA "an@tinh.gov.vn" (STORAGE 104 10485760 MESSAGE 42 1000)`, only what has a limit
    /// (RFC 9208 §4.2.1).
    fn tell_quota(&self, root: &Root, out: &mut Vec<u8>) -> Result<(), Stop> {
        let Some(used) = self.used(root)? else {
            return Ok(());
        };
        out.extend_from_slice(b"* QUOTA ");
        response::string(out, root.name().as_bytes(), self.utf8);
        out.extend_from_slice(b" (");
        let (usage, limits) = (used.usage, used.limits);
        // What is begun counts; a limit holds no more than it says.
        let octets = limits
            .octets
            .map(|max| (usage.octets.div_ceil(UNIT), max / UNIT));
        let messages = limits.messages.map(|max| (usage.messages, max));
        let mut space = "";
        for (name, value) in [("STORAGE", octets), ("MESSAGE", messages)] {
            if let Some((used, max)) = value {
                put(out, format_args!("{space}{name} {used} {max}"));
                space = " ";
            }
        }
        out.extend_from_slice(b")\r\n");
        Ok(())
    }

    fn set_quota(
        &mut self,
        name: &str,
        limits: &[(String, u64)],
        out: &mut Vec<u8>,
    ) -> Result<Completion, Stop> {
        let mut octets = None;
        let mut messages = None;
        for (resource, limit) in limits {
            match resource.as_str() {
                "STORAGE" => octets = Some(limit.saturating_mul(UNIT)),
                "MESSAGE" => messages = Some(*limit),
                _ => {
                    let text = "Only STORAGE and MESSAGE can be limited here";
                    return Err(Completion::no("CANNOT", text).into());
                }
            }
        }
        // Who may not set it learns nothing of what is there (I-17).
        let root = self.quota_root(name).ok_or_else(not_permitted)?;
        let access = Some(self.access()?);
        let done = match &root {
            Root::Account(account) => {
                let new = Account {
                    quota: octets,
                    messages_max: messages,
                    ..account.clone()
                };
                let version = Some(account.version);
                self.directory
                    .change_account(access, new, version)
                    .map(drop)
            }
            Root::Agency(agency) => {
                let mut new = agency.clone();
                new.quota.total.octets = octets;
                new.quota.total.messages = messages;
                let version = Some(agency.version);
                self.directory.change_agency(access, new, version).map(drop)
            }
        };
        done.map_err(|error| match error {
            directory::Error::Storage(error) => Stop::from(error),
            directory::Error::Conflict => Error::Conflict.into(),
            directory::Error::Invalid { .. } => {
                Completion::no("CANNOT", "This limit cannot be set").into()
            }
            _ => not_permitted().into(),
        })?;
        self.tell_quota(&root, out)?;
        Ok(Completion::ok("SETQUOTA completed"))
    }
}

fn limited(used: &Used) -> bool {
    used.limits.octets.is_some() || used.limits.messages.is_some()
}
