//! The rules of an account's mailbox tree. RFC 8621 §2: names, roles, no loops.

use crate::record::MailboxRecord;
use crate::{Error, MailboxId, Role};
use std::collections::BTreeMap;

/// Mailboxes of one account.
pub(crate) const MAILBOXES_MAX: usize = 5_000;
/// Levels of the tree.
pub(crate) const DEPTH_MAX: usize = 20;
/// Octets of one level's name.
const NAME_OCTETS_MAX: usize = 255;

/// All mailboxes as a batch leaves them.
pub(crate) type Tree<'a> = BTreeMap<MailboxId, &'a MailboxRecord>;

/// Whether `wanted` may stand in the tree as mailbox `id` (`None`: a new one).
pub(crate) fn check(
    tree: &Tree<'_>,
    id: Option<MailboxId>,
    parent: Option<MailboxId>,
    name: &str,
    role: Option<Role>,
) -> Result<(), Error> {
    check_name(name)?;
    let others = || tree.iter().filter(|(other, _)| Some(**other) != id);
    if others().any(|(_, m)| m.parent == parent && m.name == name) {
        return Err(Error::Exists);
    }
    if role.is_some() && others().any(|(_, m)| m.role == role) {
        return Err(Error::Exists);
    }
    if id.is_none() && tree.len() >= MAILBOXES_MAX {
        return Err(Error::TooLarge("number of mailboxes"));
    }
    let below = id.map_or(0, |id| height(tree, id));
    if above(tree, id, parent)? + 1 + below > DEPTH_MAX {
        return Err(Error::TooLarge("depth of mailboxes"));
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Error> {
    if name.is_empty() {
        return Err(Error::Invalid("empty mailbox name"));
    }
    if name.len() > NAME_OCTETS_MAX {
        return Err(Error::TooLarge("mailbox name"));
    }
    if name.contains(|c: char| c == '/' || c.is_control()) {
        return Err(Error::Invalid("character in a mailbox name"));
    }
    Ok(())
}

/// Levels from the root to `parent`. Errors: `NotFound`, `Invalid` for a loop.
fn above(
    tree: &Tree<'_>,
    id: Option<MailboxId>,
    parent: Option<MailboxId>,
) -> Result<usize, Error> {
    let (mut depth, mut at) = (0, parent);
    while let Some(mailbox) = at {
        if Some(mailbox) == id {
            return Err(Error::Invalid("a mailbox below itself"));
        }
        at = tree.get(&mailbox).ok_or(Error::NotFound)?.parent;
        depth += 1;
        if depth > DEPTH_MAX {
            break;
        }
    }
    Ok(depth)
}

/// Levels below a mailbox.
fn height(tree: &Tree<'_>, top: MailboxId) -> usize {
    let mut level = vec![top];
    let mut height = 0;
    while height <= DEPTH_MAX {
        let children = tree
            .iter()
            .filter(|(_, m)| m.parent.is_some_and(|p| level.contains(&p)));
        level = children.map(|(id, _)| *id).collect();
        if level.is_empty() {
            break;
        }
        height += 1;
    }
    height
}

/// Whether it has children.
pub(crate) fn is_parent(tree: &Tree<'_>, id: MailboxId) -> bool {
    tree.values().any(|m| m.parent == Some(id))
}
