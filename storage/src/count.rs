//! Counts of mailboxes: found by counting once, then moved by what each batch changes.

use crate::hot::{Hot, Weighed};
use crate::{Counts, EmailId, MailboxId, State, ThreadId};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Counts everything.
pub(crate) fn all(hot: &Hot) -> BTreeMap<MailboxId, Counts> {
    let mut tally = Tally::default();
    hot.weigh_all(&mut |message| tally.add(message));
    tally.counts()
}

/// Counts message by message.
#[derive(Default)]
pub(crate) struct Tally {
    counts: BTreeMap<MailboxId, Counts>,
    /// Whether something in the thread is unseen.
    threads: HashMap<(MailboxId, ThreadId), bool>,
}

impl Tally {
    pub(crate) fn add(&mut self, message: Weighed<'_>) {
        for (mailbox, _) in message.places {
            let counted = self.counts.entry(*mailbox).or_default();
            counted.total += 1;
            counted.unseen += u32::from(message.unseen);
            counted.deleted += u32::from(message.deleted);
            counted.size += message.told;
            let thread = self.threads.entry((*mailbox, message.thread));
            *thread.or_default() |= message.unseen;
        }
    }

    pub(crate) fn counts(mut self) -> BTreeMap<MailboxId, Counts> {
        for ((mailbox, _), unseen) in self.threads {
            let counted = self.counts.entry(mailbox).or_default();
            counted.threads += 1;
            counted.unseen_threads += u32::from(unseen);
        }
        self.counts
    }
}

#[derive(Default, Clone, Copy)]
struct Moved {
    total: i64,
    unseen: i64,
    deleted: i64,
    size: i64,
    threads: i64,
    unseen_threads: i64,
}

/// How a batch moves the counts of mailboxes.
#[derive(Default)]
pub(crate) struct Moves(BTreeMap<MailboxId, Moved>);

impl Moves {
    fn message(&mut self, message: Weighed<'_>, sign: i64) {
        for (mailbox, _) in message.places {
            let moved = self.0.entry(*mailbox).or_default();
            moved.total += sign;
            moved.unseen += sign * i64::from(message.unseen);
            moved.deleted += sign * i64::from(message.deleted);
            moved.size += sign * message.told as i64;
        }
    }

    fn thread<'a>(&mut self, messages: impl Iterator<Item = Weighed<'a>>, sign: i64) {
        let mut boxes: BTreeMap<MailboxId, bool> = BTreeMap::new();
        for message in messages {
            for (mailbox, _) in message.places {
                *boxes.entry(*mailbox).or_default() |= message.unseen;
            }
        }
        for (mailbox, unseen) in boxes {
            let moved = self.0.entry(mailbox).or_default();
            moved.threads += sign;
            moved.unseen_threads += sign * i64::from(unseen);
        }
    }

    /// The counts after the batch.
    pub(crate) fn apply(&self, mailbox: MailboxId, before: Counts) -> Counts {
        let Some(moved) = self.0.get(&mailbox) else {
            return before;
        };
        let add = |count: u32, by: i64| (i64::from(count) + by).max(0) as u32;
        Counts {
            total: add(before.total, moved.total),
            unseen: add(before.unseen, moved.unseen),
            deleted: add(before.deleted, moved.deleted),
            size: before.size.saturating_add_signed(moved.size),
            threads: add(before.threads, moved.threads),
            unseen_threads: add(before.unseen_threads, moved.unseen_threads),
        }
    }
}

/// What the messages of `after` (`None`: gone) move, seen against `hot`. `members` gives a thread's
/// messages before the batch.
pub(crate) fn moves<'a>(
    hot: &Hot,
    after: &BTreeMap<EmailId, Option<&'a State>>,
    members: &dyn Fn(ThreadId) -> Vec<EmailId>,
) -> Moves {
    let mut moves = Moves::default();
    let mut arrived: BTreeMap<ThreadId, Vec<&'a State>> = BTreeMap::new();
    let mut threads = BTreeSet::new();
    for (email, state) in after {
        let before = hot.weighed(*email);
        if let Some(before) = before {
            moves.message(before, -1);
            threads.insert(before.thread);
        }
        if let Some(state) = state {
            moves.message(Weighed::of(state), 1);
            threads.insert(state.thread);
            if before.is_none() {
                arrived.entry(state.thread).or_default().push(state);
            }
        }
    }
    for thread in threads {
        let members = members(thread);
        moves.thread(members.iter().filter_map(|e| hot.weighed(*e)), -1);
        let stayed = members.iter().filter_map(|email| match after.get(email) {
            Some(Some(state)) => Some(Weighed::of(state)),
            Some(None) => None,
            None => hot.weighed(*email),
        });
        let arrived = arrived.get(&thread).map_or(&[][..], |a| a);
        moves.thread(stayed.chain(arrived.iter().map(|s| Weighed::of(s))), 1);
    }
    moves
}
