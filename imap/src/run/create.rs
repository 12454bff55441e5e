//! RFC 9051 §6.3.4 CREATE, §6.3.5 DELETE, §6.3.6 RENAME, §6.3.7 SUBSCRIBE, §6.3.8 UNSUBSCRIBE.

use super::{Runner, Stop};
use crate::ask::Completion;
use crate::code::{self, Seeking};
use crate::tree::{self, Tree};
use crate::wire::ident;
use directory::Right;
use storage::{Error, MailboxChange, MailboxId, NewMailbox, Role, Uid, Writer};

impl Runner {
    pub(super) fn create(
        &mut self,
        raw: &[u8],
        roles: Option<&[Option<Role>]>,
    ) -> Result<Completion, Stop> {
        // RFC 9051 §6.3.4: a trailing separator only declares that names will follow below.
        let raw = raw.strip_suffix(b"/").unwrap_or(raw);
        let path = self.name(raw)?;
        let role = match roles {
            // RFC 6154 §3: USEATTR when the use cannot be given. One mailbox has one role here.
            None | Some([]) => None,
            Some([Some(role)]) => Some(*role),
            Some(_) => return Err(Completion::no("USEATTR", "This use cannot be given").into()),
        };
        let store = self.mail(Right::Write)?;
        let mut writer = store.write()?;
        let tree = Tree::of(writer.mailboxes()?);
        if tree.find(&path).is_some() {
            return Err(Error::Exists.into());
        }
        if role.is_some() && tree.rows().iter().any(|r| r.mailbox.role == role) {
            return Err(Completion::no("USEATTR", "Another mailbox has this use").into());
        }
        let levels = levels(&path)?;
        let parent = parents(&mut writer, &tree, &levels)?;
        let name = levels.last().copied().unwrap_or_default();
        let id = writer.create_mailbox(new(parent, name, role))?;
        writer.commit()?;
        // RFC 8474 §4.1.
        let code = format!("MAILBOXID ({})", ident::mailbox(id));
        Ok(Completion::ok("CREATE completed").code(code))
    }

    pub(super) fn delete(&mut self, raw: &[u8]) -> Result<Completion, Stop> {
        let row = self.find(raw, Seeking::Named)?;
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
        let store = self.mail(Right::Write)?;
        let mut writer = store.write()?;
        writer.remove_mailbox(row.mailbox.id)?;
        writer.commit()?;
        Ok(Completion::ok("DELETE completed"))
    }

    pub(super) fn rename(&mut self, from: &[u8], to: &[u8]) -> Result<Completion, Stop> {
        let (from, to) = (self.name(from)?, self.name(to)?);
        let store = self.mail(Right::Write)?;
        let mut writer = store.write()?;
        let tree = Tree::of(writer.mailboxes()?);
        let row = tree.find(&from).ok_or(Error::NotFound)?;
        if tree.find(&to).is_some() {
            return Err(Error::Exists.into());
        }
        let levels = levels(&to)?;
        let inbox = row.mailbox.role == Some(Role::Inbox);
        if !inbox
            && to
                .strip_prefix(&from)
                .is_some_and(|rest| rest.starts_with(tree::SEPARATOR))
        {
            return Err(Completion::no("CANNOT", "A mailbox cannot go below itself").into());
        }
        let parent = parents(&mut writer, &tree, &levels)?;
        let name = levels.last().copied().unwrap_or_default();
        if inbox {
            let target = writer.create_mailbox(new(parent, name, None))?;
            empty_into(&store, &mut writer, row.mailbox.id, target)?;
        } else {
            let change = MailboxChange {
                parent: Some(parent),
                name: Some(name.to_owned()),
                ..MailboxChange::default()
            };
            writer.change_mailbox(row.mailbox.id, change)?;
        }
        writer.commit()?;
        Ok(Completion::ok("RENAME completed"))
    }

    pub(super) fn subscribe(&mut self, raw: &[u8], on: bool) -> Result<Completion, Stop> {
        let row = self.find(raw, Seeking::Named)?;
        if row.mailbox.subscribed != on {
            let store = self.mail(Right::Write)?;
            let mut writer = store.write()?;
            let change = MailboxChange {
                subscribed: Some(on),
                ..MailboxChange::default()
            };
            writer.change_mailbox(row.mailbox.id, change)?;
            writer.commit()?;
        }
        Ok(Completion::ok(if on {
            "SUBSCRIBE completed"
        } else {
            "UNSUBSCRIBE completed"
        }))
    }
}

fn levels(path: &str) -> Result<Vec<&str>, Stop> {
    let text = "A level of the name is empty, too deep or has forbidden characters";
    tree::levels(path).ok_or_else(|| Completion::no("CANNOT", text).into())
}

/// RFC 9051 §6.3.4: the names above are made too where they are missing.
fn parents(writer: &mut Writer, tree: &Tree, levels: &[&str]) -> Result<Option<MailboxId>, Stop> {
    let mut parent = None;
    for depth in 1..levels.len() {
        let path = levels[..depth].join("/");
        parent = Some(match tree.find(&path) {
            Some(row) => row.mailbox.id,
            None => writer.create_mailbox(new(parent, levels[depth - 1], None))?,
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
