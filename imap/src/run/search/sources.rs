//! RFC 7377 §2.2: the mailboxes that a search looks into.

use super::Searching;
use crate::ask::Completion;
use crate::code::{self, Seeking};
use crate::run::find::{OTHERS, SHARED, not_permitted};
use crate::run::{Runner, Selected, Stop};
use crate::tree::{Pattern, Row, SEPARATOR, Tree, name};
use crate::wire::sequence::Numbers;
use crate::wire::sort::Order;
use crate::wire::sources::Source;
use directory::Rights;
use std::collections::{BTreeSet, VecDeque};
use storage::{AccountId, AccountStore, Error, MailboxId, Role};

/// A mailbox to look into.
pub(super) struct Target {
    /// Whose it is; `None`: one's own.
    pub(super) owner: Option<AccountId>,
    /// `None`: there is none.
    pub(super) mailbox: Option<MailboxId>,
    /// Its message numbers are the peer's.
    pub(super) is_selected: bool,
    /// Its name and UIDVALIDITY, where they are to be told.
    pub(super) named: Option<(String, u32)>,
}

impl Target {
    /// Stands for an empty list of mailboxes.
    pub(super) fn none() -> Self {
        Self {
            owner: None,
            mailbox: None,
            is_selected: false,
            named: Some((String::new(), 0)),
        }
    }

    /// The selected mailbox, for a SEARCH.
    pub(super) fn selected(selected: &Selected) -> Self {
        Self {
            owner: Some(selected.account),
            mailbox: Some(selected.mailbox),
            is_selected: true,
            named: None,
        }
    }
}

/// A mailbox, and whose it is; `None`: one's own.
type Named = (Option<AccountId>, MailboxId);

impl Runner {
    /// RFC 9738 §3.1: SEARCH judges so many messages; §3.3: what is to be ordered must be had whole.
    pub(super) fn limit(&self, searching: &mut Searching) -> Result<(), Stop> {
        // RFC 7377: of several mailboxes there is no one UID to stop at.
        if searching.target.named.is_some() || !searching.targets.is_empty() {
            return Ok(());
        }
        if searching.order != Order::Mailbox {
            return self.within_limit(&searching.left);
        }
        searching.cut = self.cut(&mut searching.left);
        Ok(())
    }

    /// The door to the mail that is searched, when it may still be read.
    pub(super) fn searched(&self, target: &Target) -> Result<AccountStore, Stop> {
        match (target.owner, target.mailbox) {
            _ if target.is_selected => self.here(Rights::READ),
            (Some(owner), Some(mailbox)) => {
                let door = self.access()?.mailbox(owner, mailbox, Rights::READ);
                door.map_err(|_| not_permitted().into())
            }
            _ => self.own(),
        }
    }

    /// RFC 3501 §2.3.2: the UIDs of which no session was told yet, in a mailbox that is not selected.
    pub(super) fn recent_in(&self, target: &Target, mailbox: MailboxId) -> Result<Numbers, Stop> {
        if self.rev2 {
            return Ok(Numbers::default());
        }
        let store = self.searched(target)?;
        let first =
            self.kept
                .untold
                .first(&self.directory, store.id(), &store.mailbox(mailbox)?)?;
        Ok(Numbers::of(&[(Some(first), Some(u32::MAX))], 0))
    }

    /// In the order of LIST, each once. A mailbox that is not there is passed over: RFC 7377 §5 wants it
    /// to look as one that may not be read.
    pub(super) fn targets(&mut self, sources: &[Source]) -> Result<VecDeque<Target>, Stop> {
        let own = self.access()?.account();
        let key = |s: &Selected| ((s.account != own).then_some(s.account), s.mailbox);
        let selected = self.selected.as_deref().map(key);
        let afar = selected.is_some_and(|(owner, _)| owner.is_some());
        let mut tree = match afar || sources.iter().any(leads_elsewhere) {
            true => self.forest(&Pattern::any(), false)?,
            false => self.tree()?,
        };
        // RFC 7377 §5: what may not be read is not searched.
        tree.keep(|row| row.rights.has(Rights::READ));
        let mut wanted = BTreeSet::new();
        for source in sources {
            if *source == Source::Selected && selected.is_none() {
                return Err(Completion::bad("no mailbox is selected").into());
            }
            self.among(source, selected, &tree, &mut wanted);
        }
        let rows = tree
            .rows()
            .iter()
            .filter(|row| wanted.contains(&(row.owner, row.mailbox.id)));
        let targets: VecDeque<Target> = rows
            .map(|row| Target {
                owner: row.owner,
                mailbox: Some(row.mailbox.id),
                is_selected: selected == Some((row.owner, row.mailbox.id)),
                named: Some((row.path.clone(), row.mailbox.uid_validity.raw())),
            })
            .collect();
        // Deleted by another session while it is selected here.
        if targets.is_empty() && *sources == [Source::Selected] {
            return Err(code::refusal(&Error::NotFound, Seeking::Named).into());
        }
        Ok(targets)
    }

    fn among(
        &self,
        source: &Source,
        selected: Option<Named>,
        tree: &Tree,
        wanted: &mut BTreeSet<Named>,
    ) {
        let mut take = |fits: &dyn Fn(&Row) -> bool| {
            let rows = tree.rows().iter().filter(|row| fits(row));
            wanted.extend(rows.map(|row| (row.owner, row.mailbox.id)));
        };
        let read = |names: &[Vec<u8>]| -> Vec<String> {
            names
                .iter()
                .filter_map(|raw| name(raw, self.utf8))
                .collect()
        };
        match source {
            Source::Selected => take(&|row| Some((row.owner, row.mailbox.id)) == selected),
            // RFC 5465 §6.3: where mail is delivered to.
            Source::Inboxes => {
                take(&|row| {
                    let delivered = matches!(row.mailbox.role, Some(Role::Inbox | Role::Junk));
                    delivered && row.owner.is_none()
                });
            }
            Source::Personal => take(&|row| row.owner.is_none()),
            Source::Subscribed => take(&|row| row.mailbox.subscribed),
            Source::Mailboxes(names) => {
                let names = read(names);
                take(&|row| names.contains(&row.path));
            }
            Source::Subtree(names) => {
                let names = read(names);
                take(&|row| names.iter().any(|top| depth(top, &row.path).is_some()));
            }
            Source::SubtreeOne(names) => {
                let names = read(names);
                take(&|row| {
                    let near = |top: &String| depth(top, &row.path).is_some_and(|d| d <= 1);
                    names.iter().any(near)
                });
            }
        }
    }
}

/// Whether mailboxes of others may be meant.
fn leads_elsewhere(source: &Source) -> bool {
    let shared = |raw: &Vec<u8>| {
        let first = raw.split(|b| *b == b'/').next().unwrap_or_default();
        [OTHERS, SHARED]
            .iter()
            .any(|space| space.as_bytes() == first)
    };
    match source {
        Source::Subscribed => true,
        Source::Selected | Source::Inboxes | Source::Personal => false,
        Source::Mailboxes(names) | Source::Subtree(names) | Source::SubtreeOne(names) => {
            names.iter().any(shared)
        }
    }
}

/// How many levels a mailbox lies below another; zero for itself.
fn depth(top: &str, path: &str) -> Option<usize> {
    let rest = path.strip_prefix(top)?;
    if rest.is_empty() {
        return Some(0);
    }
    rest.starts_with(SEPARATOR)
        .then(|| rest.matches(SEPARATOR).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_below_are_counted() {
        let table = [
            ("a", "a", Some(0)),
            ("a", "a/b", Some(1)),
            ("a", "a/b/c", Some(2)),
            ("a", "ab", None),
            ("a/b", "a", None),
        ];
        for (top, path, expected) in table {
            assert_eq!(depth(top, path), expected, "{top} {path}");
        }
    }
}
