//! Which mailboxes a restore needs, made in its first commit.

use super::revive::{free_name, parents_first};
use super::{Later, RestoreAt, Target, View};
use crate::record::MailboxRecord;
use crate::tree::DEPTH_MAX;
use crate::{Error, MailboxId, ModSeq, NewMailbox, Writer};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Mailboxes of an account that are known as made by restores.
const MADE_MAX: usize = 2_000;
/// How often one mailbox is made again of one that was made again.
const CHAIN_MAX: usize = 100;

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

/// What restores into place made, so that the next one to the same time takes it and makes nothing twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Made {
    /// Mailboxes made again, each with the gone one that it stands for.
    again: BTreeMap<MailboxId, MailboxId>,
    /// The last mailbox for what was moved aside.
    aside: Option<MailboxId>,
}

impl Made {
    /// The mailbox that is there and stands for a gone one: made for it, or for one that was made for it.
    fn for_gone(&self, gone: MailboxId, writer: &Writer) -> Option<MailboxId> {
        let stands = |made: MailboxId| {
            let origins = std::iter::successors(Some(made), |id| self.again.get(id).copied());
            origins.take(CHAIN_MAX).any(|origin| origin == gone)
        };
        let mut made = self.again.keys().copied();
        made.find(|id| stands(*id) && writer.record(*id).is_some())
    }

    /// Notes that a mailbox was made; the oldest notes go when there are too many.
    fn add(&mut self, made: MailboxId, gone: MailboxId) {
        self.again.insert(made, gone);
        while self.again.len() > MADE_MAX {
            self.again.pop_first();
        }
    }
}

impl Job {
    /// Makes the mailboxes. Errors: `NotFound` (no such mailbox then), `Exists` (the folder), `TooLarge`.
    pub(super) fn begin(
        ask: &RestoreAt,
        view: &View,
        made: &mut Made,
        writer: &mut Writer,
    ) -> Result<Self, Error> {
        let mut records = view.records();
        if let Some(only) = ask.mailbox {
            records.retain(|id, _| *id == only);
        }
        if records.is_empty() {
            // No such mailbox, or the account was not there yet: no folder is made for nothing.
            return Err(Error::NotFound);
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
                job.one((&records, view, later), made, writer)?
            }
            Target::Place(later) => job.whole_tree(&records, later, made, writer)?,
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
        (records, view, later): (&BTreeMap<MailboxId, MailboxRecord>, &View, &Later),
        made: &mut Made,
        writer: &mut Writer,
    ) -> Result<(), Error> {
        for (id, record) in records {
            let goal = match there(*id, made, writer) {
                Some(to) => Goal { to, fresh: false },
                None => {
                    let to = again(*id, record, view, writer)?;
                    made.add(to, *id);
                    Goal { to, fresh: true }
                }
            };
            self.boxes.insert(*id, goal);
        }
        self.make_aside(later, &view.records(), &BTreeMap::new(), made, writer)
    }

    fn whole_tree(
        &mut self,
        records: &BTreeMap<MailboxId, MailboxRecord>,
        later: &Later,
        made: &mut Made,
        writer: &mut Writer,
    ) -> Result<(), Error> {
        let mut others: Vec<MailboxId> = writer
            .tree()
            .into_keys()
            .filter(|id| !records.contains_key(id))
            .collect();
        for (id, record) in records {
            let goal = match there(*id, made, writer) {
                Some(to) => Goal { to, fresh: false },
                None => {
                    let to = writer.make_mailbox(plain(None, &record.name))?;
                    made.add(to, *id);
                    Goal { to, fresh: true }
                }
            };
            self.boxes.insert(*id, goal);
        }
        let mut wanted: BTreeMap<MailboxId, MailboxRecord> = BTreeMap::new();
        for (id, record) in records {
            let mut record = record.clone();
            record.parent = record.parent.and_then(|p| Some(self.boxes.get(&p)?.to));
            wanted.insert(self.boxes[id].to, record);
        }
        self.make_aside(later, records, &wanted, made, writer)?;
        others.retain(|id| !wanted.contains_key(id) && self.folder != Some(*id));
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
        then: &BTreeMap<MailboxId, MailboxRecord>,
        wanted: &BTreeMap<MailboxId, MailboxRecord>,
        made: &mut Made,
        writer: &mut Writer,
    ) -> Result<(), Error> {
        let Later::Aside(name) = later else {
            return Ok(());
        };
        // That of the restore before, when it is there, is asked for again, and was not there then.
        let before = made.aside.filter(|id| !then.contains_key(id));
        let same = |id: &MailboxId| {
            let record = writer.record(*id);
            record.is_some_and(|r| r.parent.is_none() && is_like(&r.name, name))
        };
        if let Some(id) = before.filter(same) {
            self.folder = Some(id);
            return Ok(());
        }
        let at_root = |n: &str| wanted.values().any(|r| r.parent.is_none() && r.name == n);
        let name = free_name(name, &|n| at_root(n) || writer.child(None, n).is_some())?;
        self.folder = Some(writer.create_mailbox(plain(None, &name))?);
        made.aside = self.folder;
        Ok(())
    }
}

/// Whether this is the name that was asked for, or what [`free_name`] makes of it where that was taken.
fn is_like(name: &str, asked: &str) -> bool {
    let number = |rest: &str| {
        let digits = rest.strip_prefix(" (").and_then(|r| r.strip_suffix(')'));
        digits.is_some_and(|d| d.parse::<u32>().is_ok())
    };
    let rest = name.strip_prefix(asked);
    rest.is_some_and(|rest| rest.is_empty() || number(rest))
}

/// The mailbox that is there, or what an earlier restore made for it.
fn there(id: MailboxId, made: &Made, writer: &Writer) -> Option<MailboxId> {
    match writer.record(id) {
        Some(_) => Some(id),
        None => made.for_gone(id, writer),
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
