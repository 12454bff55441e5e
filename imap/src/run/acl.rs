//! RFC 4314 §3: SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS.
//!
//! Identifiers are addresses, as at sign-in, and `anyone`: every account under the same topmost agency. Negative
//! rights are refused. The owner has every right, and a member of a seat what he has over the account as a whole:
//! such rights are always granted.

use super::find::{Found, not_permitted};
use super::{Runner, Stop};
use crate::ask::Completion;
use crate::code::{self, Seeking};
use crate::wire::acl::{self, Acl};
use crate::wire::response::{self, put};
use directory::{Rights, RightsChange, Sharing};
use std::collections::BTreeMap;
use storage::Error;

/// RFC 4314 §4: any of these is enough for MYRIGHTS.
const ANY: Rights = Rights::LOOKUP
    .with(Rights::READ)
    .with(Rights::INSERT)
    .with(Rights::CREATE)
    .with(Rights::REMOVE)
    .with(Rights::ADMINISTER);

impl Runner {
    pub(super) fn acl(&mut self, acl: &Acl, out: &mut Vec<u8>) -> Result<Completion, Stop> {
        match acl {
            Acl::Set {
                mailbox,
                identifier,
                change,
            } => {
                self.change_acl(mailbox, identifier, *change)?;
                Ok(Completion::ok("SETACL completed"))
            }
            Acl::Delete {
                mailbox,
                identifier,
            } => {
                self.change_acl(mailbox, identifier, RightsChange::Set(Rights::NONE))?;
                Ok(Completion::ok("DELETEACL completed"))
            }
            Acl::Get(mailbox) => self.get_acl(mailbox, out),
            Acl::List {
                mailbox,
                identifier,
            } => self.list_rights(mailbox, identifier, out),
            Acl::Mine(mailbox) => {
                let found = self.find(mailbox, Seeking::Named)?;
                if !found.rights.any(ANY) {
                    return Err(code::refusal(&Error::NotFound, Seeking::Named).into());
                }
                my_rights(out, &found.path, found.rights, self.utf8);
                Ok(Completion::ok("MYRIGHTS completed"))
            }
        }
    }

    fn administered(&self, mailbox: &[u8]) -> Result<Found, Stop> {
        let found = self.find(mailbox, Seeking::Named)?;
        found.needs(Rights::ADMINISTER)
    }

    /// RFC 4314 §3: all names with which one may sign in are identifiers.
    fn whom(&self, identifier: &str) -> Result<Sharing, Stop> {
        if identifier == "anyone" {
            return Ok(Sharing::Anyone);
        }
        if identifier.starts_with('-') {
            // RFC 4314 §2: they need not be supported.
            return Err(Completion::no("CANNOT", "Negative rights are not supported").into());
        }
        let account = self.directory.account_named(identifier);
        let account = account.ok_or_else(|| Completion::no("CANNOT", "There is no such account"));
        Ok(Sharing::Account(account?.id))
    }

    fn change_acl(
        &mut self,
        mailbox: &[u8],
        identifier: &str,
        change: RightsChange,
    ) -> Result<(), Stop> {
        let found = self.administered(mailbox)?;
        let whom = self.whom(identifier)?;
        if whom == Sharing::Account(found.account) {
            let text = "The owner of a mailbox has every right";
            return match change.of(Rights::ALL) {
                Rights::ALL => Ok(()),
                _ => Err(Completion::no("CANNOT", text).into()),
            };
        }
        let access = self.access()?;
        let done = access.change_share(found.account, found.mailbox.id, whom, change);
        done.map_err(|error| match error {
            directory::Error::Denied(_) | directory::Error::Outranked => not_permitted().into(),
            directory::Error::Storage(error) => error.into(),
            _ => {
                let text =
                    "Rights over the account as a whole cannot be taken away for one mailbox";
                Completion::no("CANNOT", text).into()
            }
        })
    }

    fn get_acl(&mut self, mailbox: &[u8], out: &mut Vec<u8>) -> Result<Completion, Stop> {
        let found = self.administered(mailbox)?;
        let shares = self.access()?.shares(found.account, found.mailbox.id);
        let (whole, own) = shares.map_err(|_| Stop::from(not_permitted()))?;
        let mut given: BTreeMap<Sharing, Rights> = BTreeMap::new();
        for (who, rights) in whole.entries.into_iter().chain(own.entries) {
            let held = given.entry(who).or_default();
            *held = held.with(rights);
        }
        given.remove(&Sharing::Account(found.account));
        out.extend_from_slice(b"* ACL ");
        response::mailbox(out, &found.path, self.utf8);
        self.entry(out, Sharing::Account(found.account), Rights::ALL);
        for (who, rights) in given {
            self.entry(out, who, rights);
        }
        out.extend_from_slice(b"\r\n");
        Ok(Completion::ok("GETACL completed"))
    }

    fn entry(&self, out: &mut Vec<u8>, who: Sharing, rights: Rights) {
        let identifier = match who {
            Sharing::Anyone => "anyone".to_owned(),
            Sharing::Account(id) => match self.directory.account(id) {
                Ok(account) => account.address.to_string(),
                Err(_) => return,
            },
        };
        out.push(b' ');
        response::string(out, identifier.as_bytes(), self.utf8);
        put(out, format_args!(" {}", acl::text(rights)));
    }

    fn list_rights(
        &mut self,
        mailbox: &[u8],
        identifier: &str,
        out: &mut Vec<u8>,
    ) -> Result<Completion, Stop> {
        let found = self.administered(mailbox)?;
        let whom = self.whom(identifier)?;
        let always = match whom == Sharing::Account(found.account) {
            true => Rights::ALL,
            false => {
                let shares = self.access()?.shares(found.account, found.mailbox.id);
                let (whole, _) = shares.map_err(|_| Stop::from(not_permitted()))?;
                whole.given(whom)
            }
        };
        out.extend_from_slice(b"* LISTRIGHTS ");
        response::mailbox(out, &found.path, self.utf8);
        out.push(b' ');
        response::string(out, identifier.as_bytes(), self.utf8);
        put(out, format_args!(" {}\r\n", acl::grantable(always)));
        Ok(Completion::ok("LISTRIGHTS completed"))
    }
}

/// `* MYRIGHTS INBOX lrswipkxteacd`
pub(super) fn my_rights(out: &mut Vec<u8>, path: &str, rights: Rights, rev2: bool) {
    out.extend_from_slice(b"* MYRIGHTS ");
    response::mailbox(out, path, rev2);
    put(out, format_args!(" {}\r\n", acl::text(rights)));
}
