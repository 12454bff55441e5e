//! Which mailboxes a restore needs, made in its first commit.

use super::revive::{free_name, parents_first};
use super::{Later, RestoreAt, Target, View};
use crate::record::MailboxRecord;
use crate::tree::DEPTH_MAX;
use crate::{Error, MailboxId, ModSeq, NewMailbox, Writer};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// A restore under way, as it is stored in its account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Job {
    pub ask: RestoreAt,
    /// The commit as at which is restored.
    pub at: ModSeq,
    /// The last commit before the restore's own first one.
    pub from: ModSeq,
    pub boxes: BTreeMap<MailboxId, Goal>,
    /// The new mailbox for copies, or for what is moved aside.
    pub folder: Option<MailboxId>,
}

/// Where a mailbox's messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Goal {
    pub to: MailboxId,
    /// Made for this restore: Uids are as they were.
    pub fresh: bool,
}

impl Job {
    /// Makes the mailboxes. Errors: `NotFound` (no such mailbox then), `Exists` (the folder), `TooLarge`.
    pub(super) fn begin(ask: &RestoreAt, view: &View, writer: &mut Writer) -> Result<Self, Error> {
        let mut records = view.records();
        if let Some(only) = ask.mailbox {
            records.retain(|id, _| *id == only);
            if records.is_empty() {
                return Err(Error::NotFound);
            }
        }
        let mut job = Self {
            ask: ask.clone(),
            at: view.modseq(),
            from: writer.before.meta.modseq,
            boxes: BTreeMap::new(),
            folder: None,
        };
        match &ask.to {
            Target::Folder(name) => job.folder_tree(name, &records, writer)?,
            Target::Place(later) if ask.mailbox.is_some() => {
                job.one(&records, view, later, writer)?
            }
            Target::Place(later) => job.whole_tree(&records, later, writer)?,
        }
        Ok(job)
    }

    fn folder_tree(
        &mut self,
        name: &str,
        records: &BTreeMap<MailboxId, MailboxRecord>,
        writer: &mut Writer,
    ) -> Result<(), Error> {
        let root = writer.create_mailbox(plain(None, name))?;
        self.folder = Some(root);
        if let Some(only) = self.ask.mailbox {
            let goal = Goal {
                to: root,
                fresh: true,
            };
            self.boxes.insert(only, goal);
            return Ok(());
        }
        for id in parents_first(records) {
            let record = &records[&id];
            let parent = record.parent.and_then(|p| self.boxes.get(&p));
            let parent = parent.map_or(root, |goal| goal.to);
            let new = NewMailbox {
                subscribed: record.subscribed,
                sort_order: record.sort_order,
                ..plain(Some(parent), &record.name)
            };
            let to = writer.create_mailbox(new)?;
            self.boxes.insert(id, Goal { to, fresh: true });
        }
        Ok(())
    }

    /// A single mailbox in its place: what is there keeps its name, what is gone is made again.
    fn one(
        &mut self,
        records: &BTreeMap<MailboxId, MailboxRecord>,
        view: &View,
        later: &Later,
        writer: &mut Writer,
    ) -> Result<(), Error> {
        for (id, record) in records {
            let fresh = writer.record(*id).is_none();
            let to = if fresh {
                again(*id, record, view, writer)?
            } else {
                *id
            };
            self.boxes.insert(*id, Goal { to, fresh });
        }
        self.make_aside(later, &BTreeMap::new(), writer)
    }

    fn whole_tree(
        &mut self,
        records: &BTreeMap<MailboxId, MailboxRecord>,
        later: &Later,
        writer: &mut Writer,
    ) -> Result<(), Error> {
        let others: Vec<MailboxId> = writer
            .tree()
            .into_keys()
            .filter(|id| !records.contains_key(id))
            .collect();
        for (id, record) in records {
            let fresh = writer.record(*id).is_none();
            let to = if fresh {
                writer.make_mailbox(plain(None, &record.name))?
            } else {
                *id
            };
            self.boxes.insert(*id, Goal { to, fresh });
        }
        let mut wanted: BTreeMap<MailboxId, MailboxRecord> = BTreeMap::new();
        for (id, record) in records {
            let mut record = record.clone();
            record.parent = record.parent.and_then(|p| Some(self.boxes.get(&p)?.to));
            wanted.insert(self.boxes[id].to, record);
        }
        self.make_aside(later, &wanted, writer)?;
        if let Some(folder) = self.folder {
            wanted.extend(writer.record(folder).map(|r| (folder, r.clone())));
        }
        self.give_way(&others, &mut wanted, writer)?;
        if wanted.len() > crate::tree::MAILBOXES_MAX {
            return Err(Error::TooLarge("number of mailboxes"));
        }
        wanted
            .iter()
            .try_for_each(|(id, record)| writer.set_record(*id, record))
    }

    /// The mailboxes that came later keep out of the way of those that were there.
    fn give_way(
        &self,
        others: &[MailboxId],
        wanted: &mut BTreeMap<MailboxId, MailboxRecord>,
        writer: &Writer,
    ) -> Result<(), Error> {
        let mut taken: HashSet<(Option<MailboxId>, String)> = wanted
            .values()
            .map(|r| (r.parent, r.name.clone()))
            .collect();
        let mut roles: BTreeSet<_> = wanted.values().filter_map(|r| r.role).collect();
        let own: BTreeMap<MailboxId, MailboxRecord> = others
            .iter()
            .filter_map(|id| Some((*id, writer.record(*id)?.clone())))
            .collect();
        for id in parents_first(&own) {
            let mut record = own[&id].clone();
            let is_top = record.parent.is_none_or(|p| !own.contains_key(&p));
            if self.folder.is_some() && is_top {
                record.parent = self.folder;
            }
            if depth(record.parent, wanted) >= DEPTH_MAX {
                record.parent = self.folder;
            }
            record.role = record.role.filter(|role| roles.insert(*role));
            let parent = record.parent;
            record.name = free_name(&record.name, &|n| taken.contains(&(parent, n.to_owned())))?;
            taken.insert((parent, record.name.clone()));
            wanted.insert(id, record);
        }
        Ok(())
    }

    fn make_aside(
        &mut self,
        later: &Later,
        wanted: &BTreeMap<MailboxId, MailboxRecord>,
        writer: &mut Writer,
    ) -> Result<(), Error> {
        let Later::Aside(name) = later else {
            return Ok(());
        };
        let at_root = |n: &str| wanted.values().any(|r| r.parent.is_none() && r.name == n);
        let name = free_name(name, &|n| at_root(n) || writer.child(None, n).is_some())?;
        self.folder = Some(writer.create_mailbox(plain(None, &name))?);
        Ok(())
    }
}

fn plain(parent: Option<MailboxId>, name: &str) -> NewMailbox {
    NewMailbox {
        parent,
        name: name.to_owned(),
        role: None,
        subscribed: true,
        sort_order: 0,
    }
}

/// A gone mailbox once more, below its nearest parent that is there.
fn again(
    id: MailboxId,
    record: &MailboxRecord,
    view: &View,
    writer: &mut Writer,
) -> Result<MailboxId, Error> {
    let then = view.records();
    let mut parent = then.get(&id).and_then(|r| r.parent);
    while let Some(gone) = parent.filter(|p| writer.record(*p).is_none()) {
        parent = then.get(&gone).and_then(|r| r.parent);
    }
    let name = free_name(&record.name, &|n| writer.child(parent, n).is_some())?;
    writer.create_mailbox(NewMailbox {
        parent,
        name,
        role: record.role.filter(|role| writer.role_is_free(*role)),
        subscribed: record.subscribed,
        sort_order: record.sort_order,
    })
}

/// Levels down to this mailbox.
fn depth(at: Option<MailboxId>, records: &BTreeMap<MailboxId, MailboxRecord>) -> usize {
    let (mut depth, mut at) = (0, at);
    while let Some(id) = at.filter(|_| depth < DEPTH_MAX) {
        depth += 1;
        at = records.get(&id).and_then(|r| r.parent);
    }
    depth
}
