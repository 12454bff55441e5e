//! RFC 5464 §4: GETMETADATA, SETMETADATA; RFC 9590: LIST with METADATA; RFC 6154 §5.4: `/private/specialuse`.
//!
//! Any well-formed entry may be set. `/shared/admin` of the server is computed, its other shared entries are set by
//! administrators of the whole store. What all see of a mailbox is set by who may write to it.

use super::find::{Found, not_permitted};
use super::{Runner, Stop};
use crate::ask::Completion;
use crate::code::{self, Seeking};
use crate::tree::Row;
use crate::wire::metadata::{Depth, Entry, Metadata};
use crate::wire::response::{self, put};
use directory::annotation::VALUE_MAX;
use directory::{Annotated, Annotation, Annotations, Reannotated, Seen};
use storage::{Error, MailboxChange, Role};

/// RFC 6154 §5.4.
const SPECIAL_USE: &str = "/specialuse";
/// RFC 5464 §3.2.1.1.
const ADMIN: &str = "/admin";

impl Runner {
    pub(super) fn metadata(
        &mut self,
        metadata: Metadata,
        out: &mut Vec<u8>,
    ) -> Result<Completion, Stop> {
        match metadata {
            Metadata::Get {
                mailbox,
                max,
                depth,
                entries,
            } => {
                let longest = self.get_metadata(&mailbox, max, depth, &entries, out)?;
                let done = Completion::ok("GETMETADATA completed");
                Ok(match longest {
                    Some(octets) => done.code(format!("METADATA LONGENTRIES {octets}")),
                    None => done,
                })
            }
            Metadata::Set { mailbox, changes } => {
                self.set_metadata(&mailbox, changes)?;
                Ok(Completion::ok("SETMETADATA completed"))
            }
        }
    }

    /// RFC 5464 §4.1: from now on, what others set is told.
    pub(super) fn enable_metadata(&mut self, names: &[String], enabled: &mut String) {
        for name in ["METADATA", "METADATA-SERVER"] {
            if names.iter().any(|n| n == name) {
                put_name(enabled, name);
                self.metadata_enabled = true;
            }
        }
        if self.metadata_enabled {
            // Whose sign-in no longer stands hears nothing.
            let _ = self.listen();
        }
    }

    /// The longest value that was left out.
    fn get_metadata(
        &mut self,
        raw: &[u8],
        max: Option<u32>,
        depth: Depth,
        entries: &[Entry],
        out: &mut Vec<u8>,
    ) -> Result<Option<usize>, Stop> {
        let found = self.annotated(raw)?;
        let row = found.as_ref().map(|f| &f.row);
        let on = found.as_ref().map_or(Annotated::Server, Found::annotated);
        let all = self.values(on, row)?;
        let mut told: Vec<(String, Option<&[u8]>)> = Vec::new();
        let mut longest = None;
        for entry in entries {
            let values = of(&all, entry.seen);
            let mut there = false;
            for (name, value) in values.iter().filter(|(name, _)| within(entry, name, depth)) {
                there = true;
                if max.is_some_and(|max| value.len() > max as usize) {
                    longest = longest.max(Some(value.len()));
                    continue;
                }
                let name = name.clone();
                let entry = Entry {
                    seen: entry.seen,
                    name,
                };
                told.push((entry.text(), Some(value)));
            }
            // Asked for by its name, an entry without a value is told as NIL.
            if !there && depth == Depth::Zero {
                told.push((entry.text(), None));
            }
        }
        told.sort_unstable();
        told.dedup();
        if !told.is_empty() {
            let path = row.map_or("", |row| row.path.as_str());
            tell(out, path, &told, self.utf8);
        }
        Ok(longest)
    }

    /// RFC 9590: for each listed mailbox, the entries that were asked for.
    pub(super) fn listed_metadata(
        &self,
        row: &Row,
        entries: &[Entry],
        out: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        let account = row.owner.map_or_else(|| self.own().map(|s| s.id()), Ok)?;
        let on = Annotated::Mailbox(account, row.mailbox.id);
        let all = match self.values(on, Some(row)) {
            Ok(all) => all,
            // What may not be read is not told of.
            Err(Stop::Answer(_)) => return Ok(()),
            Err(stop) => return Err(stop),
        };
        let told: Vec<_> = entries
            .iter()
            .map(|entry| {
                let value = of(&all, entry.seen).get(&entry.name);
                (entry.text(), value.map(Vec::as_slice))
            })
            .collect();
        tell(out, &row.path, &told, self.utf8);
        Ok(())
    }

    /// The mailbox; `None` for the server (RFC 5464 §4.1: the empty name).
    fn annotated(&self, raw: &[u8]) -> Result<Option<Found>, Stop> {
        match raw.is_empty() {
            true => Ok(None),
            false => self.find(raw, Seeking::Named).map(Some),
        }
    }

    /// What all see, and what one sees alone; with what is computed.
    fn values(&self, on: Annotated, row: Option<&Row>) -> Result<(Annotations, Annotations), Stop> {
        let access = self.access()?;
        let read = |seen| access.annotations(on, seen).map_err(|e| refused(e, row));
        let (mut all, mut one) = (read(Seen::ByAll)?, read(Seen::ByOne)?);
        if let (Annotated::Server, Some(domain)) = (on, self.directory.default_domain()) {
            let uri = format!("mailto:postmaster@{}", domain.as_str());
            all.insert(ADMIN.to_owned(), uri.into_bytes());
        }
        let role = row.filter(|row| row.owner.is_none());
        let role = role.and_then(|row| row.mailbox.role);
        if let Some(used) = role.and_then(response::special_use) {
            one.insert(SPECIAL_USE.to_owned(), used.as_bytes().to_vec());
        }
        Ok((all, one))
    }

    fn set_metadata(&mut self, raw: &[u8], mut changes: Vec<Annotation>) -> Result<(), Stop> {
        let found = self.annotated(raw)?;
        let long = changes.iter().filter_map(|c| c.value.as_ref());
        if long.map(Vec::len).max().is_some_and(|len| len > VALUE_MAX) {
            return Err(too_long().into());
        }
        let on = found.as_ref().map_or(Annotated::Server, Found::annotated);
        let of_server = |c: &Annotation| c.seen == Seen::ByAll && c.name == ADMIN;
        if on == Annotated::Server && changes.iter().any(of_server) {
            return Err(not_permitted().into());
        }
        let mut used = None;
        if found.is_some() {
            let is_use = |c: &Annotation| c.seen == Seen::ByOne && c.name == SPECIAL_USE;
            used = changes.iter().rev().find(|c| is_use(c)).cloned();
            changes.retain(|c| !is_use(c));
        }
        let row = found.as_ref().map(|f| &f.row);
        // RFC 5464 §4.3: all or none; what can be refused is tried before the use is changed.
        let role = match (&used, &found) {
            (Some(used), Some(found)) => Some(self.use_of(found, used)?),
            _ => None,
        };
        if !changes.is_empty() {
            let access = self.access()?;
            access.annotate(on, &changes).map_err(|e| refused(e, row))?;
            let names = changes.iter().map(|c| (c.seen, c.name.clone())).collect();
            let by = access.account();
            if let Some(ears) = &self.ears {
                ears.forget(&Reannotated { on, names, by });
            }
        }
        if let (Some(role), Some(found)) = (role, &found) {
            set_role(found, role)?;
        }
        Ok(())
    }

    /// The role that the value names; refused where none can be given.
    fn use_of(&self, found: &Found, change: &Annotation) -> Result<Option<Role>, Stop> {
        if found.owner.is_some() {
            return Err(not_permitted().into());
        }
        let cannot = || Completion::no("USEATTR", "This use cannot be given");
        if found.mailbox.role == Some(Role::Inbox) {
            return Err(cannot().into());
        }
        let Some(value) = &change.value else {
            return Ok(None);
        };
        let name = std::str::from_utf8(value).ok();
        let name = name.and_then(|text| text.trim().strip_prefix('\\'));
        let role = name.and_then(response::role).ok_or_else(cannot)?;
        Ok(Some(role))
    }
}

impl Found {
    fn annotated(&self) -> Annotated {
        Annotated::Mailbox(self.account, self.mailbox.id)
    }
}

/// RFC 6154 §5.4: the mailbox that had the use loses it.
fn set_role(found: &Found, role: Option<Role>) -> Result<(), Stop> {
    let mut writer = found.store.write()?;
    let given = |role| MailboxChange {
        role: Some(role),
        ..MailboxChange::default()
    };
    let before = writer.mailboxes()?;
    let before = before.iter().find(|m| m.role.is_some() && m.role == role);
    if before.map(|m| m.id) == Some(found.mailbox.id) {
        return Ok(());
    }
    if let Some(before) = before {
        writer.change_mailbox(before.id, given(None))?;
    }
    writer.change_mailbox(found.mailbox.id, given(role))?;
    writer.commit()?;
    Ok(())
}

fn of((all, one): &(Annotations, Annotations), seen: Seen) -> &Annotations {
    match seen {
        Seen::ByAll => all,
        Seen::ByOne => one,
    }
}

/// RFC 5464 §4.2.2: the entry itself, and what is below it as deep as was asked for.
fn within(entry: &Entry, name: &str, depth: Depth) -> bool {
    let Some(below) = name.strip_prefix(entry.name.as_str()) else {
        return false;
    };
    match (below.strip_prefix('/'), depth) {
        _ if below.is_empty() => true,
        (Some(_), Depth::Infinity) => true,
        (Some(rest), Depth::One) => !rest.contains('/'),
        _ => false,
    }
}

fn put_name(enabled: &mut String, name: &str) {
    enabled.push(' ');
    enabled.push_str(name);
}

fn entry_name(out: &mut Vec<u8>, name: &str, rev2: bool) {
    match name.bytes().all(crate::wire::lexer::is_astring_char) {
        true => out.extend_from_slice(name.as_bytes()),
        false => response::string(out, name.as_bytes(), rev2),
    }
}

/// RFC 5464 §4.4.2: metadata-resp = "METADATA" SP mailbox SP entry-list
pub(super) fn tell_names(out: &mut Vec<u8>, path: &str, names: &[(Seen, &str)], rev2: bool) {
    out.extend_from_slice(b"* METADATA ");
    response::mailbox(out, path, rev2);
    for (seen, name) in names {
        out.push(b' ');
        let name = (*name).to_owned();
        let entry = Entry { seen: *seen, name };
        entry_name(out, &entry.text(), rev2);
    }
    out.extend_from_slice(b"\r\n");
}

/// metadata-resp = "METADATA" SP mailbox SP entry-values
fn tell(out: &mut Vec<u8>, path: &str, told: &[(String, Option<&[u8]>)], rev2: bool) {
    out.extend_from_slice(b"* METADATA ");
    response::mailbox(out, path, rev2);
    for (at, (name, value)) in told.iter().enumerate() {
        out.extend_from_slice(if at == 0 { b" (" } else { b" " });
        entry_name(out, name, rev2);
        out.push(b' ');
        match value {
            None => out.extend_from_slice(b"NIL"),
            // literal8 is for what has NUL in it (RFC 5464 §5 value).
            Some(octets) if octets.contains(&0) => {
                put(out, format_args!("~{{{}}}\r\n", octets.len()));
                out.extend_from_slice(octets);
            }
            Some(octets) => response::string(out, octets, rev2),
        }
    }
    out.extend_from_slice(b")\r\n");
}

fn too_long() -> Completion {
    let code = format!("METADATA MAXSIZE {VALUE_MAX}");
    Completion::no(&code, "The value is too large")
}

/// RFC 5464 §4.3: why a value was not set; what may not be seen is not there (I-17).
fn refused(error: directory::Error, row: Option<&Row>) -> Stop {
    let seen = row.is_none_or(|row| row.rights.has(directory::Rights::LOOKUP));
    match error {
        directory::Error::Denied(_) | directory::Error::Outranked if !seen => {
            code::refusal(&Error::NotFound, Seeking::Named).into()
        }
        directory::Error::Storage(Error::TooLarge(_)) => {
            Completion::no("METADATA TOOMANY", "There are too many annotations").into()
        }
        directory::Error::Storage(error) => error.into(),
        directory::Error::Invalid { .. } => too_long().into(),
        _ => not_permitted().into(),
    }
}
