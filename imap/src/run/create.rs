//! RFC 9051 §6.3.4 CREATE, §6.3.5 DELETE, §6.3.6 RENAME, §6.3.7 SUBSCRIBE, §6.3.8 UNSUBSCRIBE.

use super::find::{Spot, not_permitted};
use super::{Runner, Stop, list};
use crate::ask::{Completion, Effect};
use crate::code::{self, Seeking};
use crate::tree::{self, Tree};
use crate::wire::ident;
use directory::Rights;
use storage::{Error, MailboxChange, MailboxId, NewMailbox, Role, Uid, Writer};

impl Runner {
    pub(super) fn create(
        &mut self,
        raw: &[u8],
        roles: Option<&[Option<Role>]>,
        out: &mut Vec<u8>,
    ) -> Result<Completion, Stop> {
        // RFC 9051 §6.3.4: a trailing separator only declares that names will follow below.
        let raw = raw.strip_suffix(b"/").unwrap_or(raw);
        let spot = self.spot(raw)?;
        let role = match roles {
            // RFC 6154 §3: USEATTR when the use cannot be given. One mailbox has one role here.
            None | Some([]) => None,
            Some([Some(role)]) if spot.owner.is_none() => Some(*role),
            Some(_) => return Err(Completion::no("USEATTR", "This use cannot be given").into()),
        };
        let mut writer = spot.store.write()?;
        let tree = Tree::of(writer.mailboxes()?);
        let levels = levels(&spot.path)?;
        let above = self.may_make(&spot, &tree, &levels)?;
        if tree.find(&spot.path).is_some() {
            return Err(Error::Exists.into());
        }
        if role.is_some() && tree.rows().iter().any(|r| r.mailbox.role == role) {
            return Err(Completion::no("USEATTR", "Another mailbox has this use").into());
        }
        let mut made = Vec::new();
        let parent = parents(&mut writer, &tree, &levels, &mut made)?;
        let name = levels.last().copied().unwrap_or_default();
        let id = writer.create_mailbox(new(parent, name, role))?;
        made.push(id);
        writer.commit()?;
        self.inherit(&spot, above, &made);
        self.tell_old_name(raw, out)?;
        // RFC 8474 §4.1.
        let code = format!("MAILBOXID ({})", ident::mailbox(spot.owner, id));
        Ok(Completion::ok("CREATE completed").code(code))
    }

    /// RFC 4314 §4: the nearest mailbox above that exists, over which `k` is needed; at the top of an
    /// account, over the account as a whole.
    pub(super) fn may_make(
        &self,
        spot: &Spot,
        tree: &Tree,
        levels: &[&str],
    ) -> Result<Option<MailboxId>, Stop> {
        let mut above = (1..levels.len()).rev();
        let above = above.find_map(|depth| tree.find(&levels[..depth].join("/")));
        let above = above.map(|row| row.mailbox.id);
        let rights = self.access()?.rights(spot.account, above);
        match rights.has(Rights::CREATE) {
            true => Ok(above),
            false => Err(not_permitted().into()),
        }
    }

    /// RFC 4314 §4: a new mailbox has the list of rights of the one above it.
    fn inherit(&self, spot: &Spot, above: Option<MailboxId>, made: &[MailboxId]) {
        let (Some(above), Ok(access)) = (above, self.access()) else {
            return;
        };
        for mailbox in made {
            if let Err(error) = access.inherit_share(spot.account, above, *mailbox) {
                // The mailbox stands; without a list it is the owner's alone.
                tracing::warn!(%error, "a new mailbox could not be given the rights of the one above it");
            }
        }
    }

    pub(super) fn delete(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<Completion, Stop> {
        let row = self.find(raw, Seeking::Named)?;
        let row = row.needs(Rights::REMOVE)?;
        // RFC 9051 §6.3.5 forbids it for INBOX. The others with a use are where the server and other
        // clients put mail; JMAP says mayDelete false of them all (RFC 8621 §2).
        if row.mailbox.role.is_some() {
            let text = "A mailbox with a special use cannot be deleted";
            return Err(Completion::no("CANNOT", text).into());
        }
        if row.children {
            let text = "Delete the mailboxes below it first";
            return Err(Completion::no("HASCHILDREN", text).into());
        }
        let tree = Tree::of(row.store.mailboxes()?);
        self.keep_names(row.account, &tree, row.mailbox.id)?;
        let mut writer = row.store.write()?;
        writer.remove_mailbox(row.mailbox.id)?;
        writer.commit()?;
        // RFC 4314 §4: its list of rights goes with it. Ids are never given twice, so that what a full
        // disk leaves behind means nothing.
        if let Err(error) = self.directory.forget_mailbox(row.account, row.mailbox.id) {
            tracing::warn!(%error, "what was said of a deleted mailbox could not be removed");
        }
        if let Some(old) = self.old_name(raw) {
            list::tell_gone(out, &row.path, &old);
        }
        let done = Completion::ok("DELETE completed");
        let place = Some((row.account, row.mailbox.id));
        if self.selected.as_deref().map(|s| (s.account, s.mailbox)) != place {
            return Ok(done);
        }
        // Who deletes what he has open knows it: the connection stays.
        self.selected = None;
        out.extend_from_slice(b"* OK [CLOSED] The mailbox was deleted\r\n");
        Ok(done.effect(Effect::Unselected))
    }

    pub(super) fn rename(
        &mut self,
        (from, to): (&[u8], &[u8]),
        out: &mut Vec<u8>,
    ) -> Result<Completion, Stop> {
        // RFC 9051 §6.3.6: where either name is put into its one form, the one before is told.
        let changed = self.old_name(from).or_else(|| self.old_name(to));
        let old = changed.and_then(|_| tree::written(from, self.utf8));
        let raw = to;
        let source = self.find(from, Seeking::Named)?;
        let source = source.needs(Rights::REMOVE)?;
        let spot = self.spot(to)?;
        if spot.account != source.account {
            let text = "A mailbox cannot be renamed into another account; move its messages";
            return Err(Completion::no("CANNOT", text).into());
        }
        let store = spot.store.clone();
        if source.mailbox.role != Some(Role::Inbox) {
            let tree = Tree::of(store.mailboxes()?);
            if tree.find(&spot.path).is_none() {
                self.keep_names(source.account, &tree, source.mailbox.id)?;
            }
        }
        let mut writer = store.write()?;
        let tree = Tree::of(writer.mailboxes()?);
        let row = tree
            .rows()
            .iter()
            .find(|r| r.mailbox.id == source.mailbox.id);
        let row = row.ok_or(Error::NotFound)?;
        let (from, to) = (&row.path, &spot.path);
        let levels = levels(to)?;
        let above = self.may_make(&spot, &tree, &levels)?;
        if tree.find(to).is_some() {
            return Err(Error::Exists.into());
        }
        let inbox = row.mailbox.role == Some(Role::Inbox);
        if inbox && spot.owner.is_some() {
            let text = "The inbox of somebody else cannot be renamed";
            return Err(Completion::no("CANNOT", text).into());
        }
        if !inbox
            && to
                .strip_prefix(from.as_str())
                .is_some_and(|rest| rest.starts_with(tree::SEPARATOR))
        {
            return Err(Completion::no("CANNOT", "A mailbox cannot go below itself").into());
        }
        let (mut made, mut emptied) = (Vec::new(), None);
        let parent = parents(&mut writer, &tree, &levels, &mut made)?;
        let name = levels.last().copied().unwrap_or_default();
        if inbox {
            let target = writer.create_mailbox(new(parent, name, None))?;
            empty_into(&store, &mut writer, row.mailbox.id, target)?;
            emptied = Some(target);
        } else {
            let change = MailboxChange {
                parent: Some(parent),
                name: Some(name.to_owned()),
                ..MailboxChange::default()
            };
            writer.change_mailbox(row.mailbox.id, change)?;
        }
        writer.commit()?;
        self.inherit(&spot, above, &made);
        if let Some(target) = emptied {
            // RFC 5464 §4.1: the annotations are copied, and stay with INBOX. The mail is moved already; a
            // limit or a full disk that stops this does not undo it.
            if let Err(error) = self.access()?.copy_annotations(source.mailbox.id, target) {
                tracing::warn!(%error, "annotations were not copied from INBOX");
            }
        }
        if let Some(old) = old {
            let row = self.find(raw, Seeking::Named)?;
            list::tell_old(out, &row, old);
        }
        Ok(Completion::ok("RENAME completed"))
    }

    pub(super) fn subscribe(&mut self, raw: &[u8], on: bool) -> Result<Completion, Stop> {
        let row = match self.find(raw, Seeking::Named) {
            Ok(row) => row,
            Err(Stop::Answer(refused)) => return self.subscribe_to_name(raw, on, refused),
            Err(stop) => return Err(stop),
        };
        let place = (row.account, row.mailbox.id);
        let done = Completion::ok(match on {
            true => "SUBSCRIBE completed",
            false => "UNSUBSCRIBE completed",
        });
        if row.owner.is_some() {
            // RFC 4314 §4: `l` to subscribe, nothing to unsubscribe. The owner's own subscription is his.
            let needed = if on { Rights::LOOKUP } else { Rights::NONE };
            let row = row.needs(needed)?;
            self.list_name(&row.path, place, on)?;
            self.access()?.subscribe(row.account, row.mailbox.id, on)?;
            return Ok(done);
        }
        self.list_name(&row.path, place, on)?;
        if row.mailbox.subscribed != on {
            let mut writer = row.store.write()?;
            let change = MailboxChange {
                subscribed: Some(on),
                ..MailboxChange::default()
            };
            writer.change_mailbox(row.mailbox.id, change)?;
            writer.commit()?;
        }
        Ok(done)
    }
}

fn levels(path: &str) -> Result<Vec<&str>, Stop> {
    let text = "A level of the name is empty, too deep or has forbidden characters";
    tree::levels(path).ok_or_else(|| Completion::no("CANNOT", text).into())
}

/// RFC 9051 §6.3.4: the names above are made too where they are missing.
/// Adds their ids to `made`.
fn parents(
    writer: &mut Writer,
    tree: &Tree,
    levels: &[&str],
    made: &mut Vec<MailboxId>,
) -> Result<Option<MailboxId>, Stop> {
    let mut parent = None;
    for depth in 1..levels.len() {
        let path = levels[..depth].join("/");
        parent = Some(match tree.find(&path) {
            Some(row) => row.mailbox.id,
            None => {
                let new = writer.create_mailbox(new(parent, levels[depth - 1], None))?;
                made.push(new);
                new
            }
        });
    }
    Ok(parent)
}

/// Subscribed at once: a client that shows subscribed mailboxes only would hide what it just made.
fn new(parent: Option<MailboxId>, name: &str, role: Option<Role>) -> NewMailbox {
    NewMailbox {
        parent,
        name: name.to_owned(),
        role,
        subscribed: true,
        sort_order: 100,
    }
}

/// RFC 9051 §6.3.6: renaming INBOX moves its messages and leaves it, and what is below it, in place.
fn empty_into(
    store: &storage::AccountStore,
    writer: &mut Writer,
    inbox: MailboxId,
    target: MailboxId,
) -> Result<(), Stop> {
    let mut uids = Vec::new();
    let last = Uid::new(u32::MAX).unwrap_or(Uid::FIRST);
    store.scan(inbox, Uid::FIRST, last, &mut |uid, _| {
        uids.push(uid);
        true
    })?;
    for uid in uids {
        let email = writer.at(inbox, uid)?.email;
        let moved = writer.relocate(email, inbox, target);
        moved.map_err(|e| Stop::Answer(code::refusal(&e, Seeking::Named)))?;
    }
    Ok(())
}
