//! RFC 7377 §2.2: the mailboxes that a search looks into.

use crate::ask::Completion;
use crate::code::{self, Seeking};
use crate::run::{Runner, Selected, Stop};
use crate::tree::{Row, SEPARATOR, Tree, name};
use crate::wire::sources::Source;
use std::collections::{BTreeSet, VecDeque};
use storage::{Error, MailboxId, Role};

/// A mailbox to look into.
pub(super) struct Target {
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
            mailbox: None,
            is_selected: false,
            named: Some((String::new(), 0)),
        }
    }

    /// The selected mailbox, for a SEARCH.
    pub(super) fn selected(selected: &Selected) -> Self {
        Self {
            mailbox: Some(selected.mailbox),
            is_selected: true,
            named: None,
        }
    }
}

impl Runner {
    /// In the order of LIST, each once. A mailbox that is not there is passed over: RFC 7377 §5 wants it
    /// to look as one that may not be read.
    pub(super) fn targets(&mut self, sources: &[Source]) -> Result<VecDeque<Target>, Stop> {
        let selected = self.selected.as_deref().map(|selected| selected.mailbox);
        let tree = self.tree()?;
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
            .filter(|row| wanted.contains(&row.mailbox.id));
        let targets: VecDeque<Target> = rows
            .map(|row| Target {
                mailbox: Some(row.mailbox.id),
                is_selected: selected == Some(row.mailbox.id),
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
        selected: Option<MailboxId>,
        tree: &Tree,
        wanted: &mut BTreeSet<MailboxId>,
    ) {
        let mut take = |fits: &dyn Fn(&Row) -> bool| {
            let rows = tree.rows().iter().filter(|row| fits(row));
            wanted.extend(rows.map(|row| row.mailbox.id));
        };
        let read = |names: &[Vec<u8>]| -> Vec<String> {
            names
                .iter()
                .filter_map(|raw| name(raw, self.utf8))
                .collect()
        };
        match source {
            Source::Selected => take(&|row| Some(row.mailbox.id) == selected),
            // RFC 5465 §6.3: where mail is delivered to.
            Source::Inboxes => {
                take(&|row| matches!(row.mailbox.role, Some(Role::Inbox | Role::Junk)));
            }
            Source::Personal => take(&|_| true),
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
