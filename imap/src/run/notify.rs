//! RFC 5465 NOTIFY: changes are told at any time, of more mailboxes than the selected one.
//!
//! The session keeps what it last told of each mailbox and compares: what differs is an event.
//! Storage wakes it after commits of its own account only. Changes that this client made are told
//! as well where they show in other mailboxes (RFC 5465 §5 would rather not).

use super::{Runner, Stop, list};
use crate::ask::Completion;
use crate::tree::{Row, Tree};
use crate::wire::fetch::Item;
use crate::wire::list::StatusItem;
use crate::wire::notify::{self, Events, Filter, Group, Notify};
use crate::wire::response::{self, put};
use std::collections::BTreeMap;
use std::sync::Arc;
use storage::{MailboxId, ModSeq, Subscription};

/// Mailbox names of one NOTIFY: past it, NOTIFICATIONOVERFLOW (RFC 5465 §5.8).
const NAMES_MAX: usize = 1_000;

/// What is wanted of the selected mailbox (RFC 5465 §6.1); by default, what was always told.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    /// MessageNew and MessageExpunge.
    pub(super) messages: bool,
    pub(super) flags: bool,
    /// Expunges wait for a command.
    delayed: bool,
    /// What is fetched of each new message.
    pub(super) items: Vec<Item>,
}

impl Selection {
    /// RFC 5465 §3.1: until the first NOTIFY.
    const USUAL: Self = Self {
        messages: true,
        flags: true,
        delayed: false,
        items: Vec::new(),
    };
    const NOTHING: Self = Self {
        messages: false,
        flags: false,
        delayed: false,
        items: Vec::new(),
    };
}

/// What a client listens to.
pub(super) struct Watch {
    selection: Selection,
    /// Mailboxes by name, and what is wanted of those that are not selected.
    groups: Vec<(Names, Events)>,
    /// Up to which commit mailboxes were compared.
    modseq: ModSeq,
    told: BTreeMap<MailboxId, Told>,
    /// Ends the calls when dropped.
    subscription: Option<Subscription>,
}

/// Which mailboxes.
enum Names {
    Personal,
    Subscribed,
    Subtree(Vec<String>),
    Mailboxes(Vec<String>),
}

impl Names {
    fn fit(&self, path: &str, subscribed: bool) -> bool {
        match self {
            Self::Personal => true,
            Self::Subscribed => subscribed,
            Self::Mailboxes(names) => names.iter().any(|name| name == path),
            Self::Subtree(names) => names.iter().any(|name| {
                let rest = path.strip_prefix(name.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }),
        }
    }
}

/// A mailbox as it was last looked at.
struct Told {
    path: String,
    parent: Option<MailboxId>,
    subscribed: bool,
    next: u32,
    total: u32,
    unseen: u32,
    highest: ModSeq,
}

impl Told {
    fn of(row: &Row) -> Self {
        let mailbox = &row.mailbox;
        Self {
            path: row.path.clone(),
            parent: mailbox.parent,
            subscribed: mailbox.subscribed,
            next: mailbox.uid_next.raw(),
            total: mailbox.counts.total,
            unseen: mailbox.counts.unseen,
            highest: mailbox.highest_modseq,
        }
    }
}

impl Watch {
    /// All that any group wants of this mailbox.
    fn wants(&self, path: &str, subscribed: bool) -> Events {
        let mut all = Events::default();
        for (names, events) in &self.groups {
            if names.fit(path, subscribed) {
                all.new = all.new.or_else(|| events.new.clone());
                all.expunge |= events.expunge;
                all.flags |= events.flags;
                all.names |= events.names;
                all.subscriptions |= events.subscriptions;
            }
        }
        all
    }
}

impl Runner {
    /// RFC 5465 §3.1. What changed in the selected mailbox is told by the end of the command.
    pub(super) fn watch(&mut self, notify: Notify, out: &mut Vec<u8>) -> Result<Completion, Stop> {
        let done = Completion::ok("NOTIFY completed");
        let Notify::Set {
            status,
            groups,
            unsupported,
        } = notify
        else {
            self.watch = Some(Box::new(Watch::nothing()));
            return Ok(done);
        };
        if unsupported {
            let code = format!("BADEVENT ({})", notify::EVENTS);
            return Err(Completion::no(&code, "These are the events that there are").into());
        }
        let mut watch = self.watch_of(groups)?;
        let tree = self.tree()?;
        for row in tree.rows() {
            if status {
                self.tell_first(&watch, row, out);
            }
            watch.told.insert(row.mailbox.id, Told::of(row));
        }
        self.watch = Some(Box::new(watch));
        Ok(done)
    }

    fn watch_of(&self, groups: Vec<Group>) -> Result<Watch, Stop> {
        let store = self.own()?;
        let notify = Arc::clone(&self.notify);
        let mut watch = Watch::nothing();
        watch.subscription = Some(store.subscribe(Arc::new(move |_| notify.notify_one())));
        // Read before the mailboxes: what is committed in between is looked at again.
        watch.modseq = store.modseq()?;
        let mut left = NAMES_MAX;
        for Group { filter, events } in groups {
            let names = match filter {
                Filter::Selected { delayed } => {
                    watch.selection = Selection {
                        messages: events.expunge,
                        flags: events.flags,
                        delayed,
                        items: events.new.unwrap_or_default(),
                    };
                    continue;
                }
                Filter::Personal => Names::Personal,
                Filter::Subscribed => Names::Subscribed,
                Filter::Subtree(raw) => Names::Subtree(self.names(&raw, &mut left)?),
                Filter::Mailboxes(raw) => Names::Mailboxes(self.names(&raw, &mut left)?),
            };
            watch.groups.push((names, events));
        }
        Ok(watch)
    }

    /// RFC 5465 §3.1: names that are no mailbox are ignored.
    fn names(&self, raw: &[Vec<u8>], left: &mut usize) -> Result<Vec<String>, Stop> {
        let too_many = || Completion::no("NOTIFICATIONOVERFLOW", "Too many mailboxes are named");
        *left = left.checked_sub(raw.len()).ok_or_else(too_many)?;
        Ok(raw.iter().filter_map(|raw| self.name(raw).ok()).collect())
    }

    /// RFC 5465 §3.1, the STATUS indicator.
    fn tell_first(&self, watch: &Watch, row: &Row, out: &mut Vec<u8>) {
        let wants = watch.wants(&row.path, row.mailbox.subscribed);
        if !wants.expunge || self.is_selected(row.mailbox.id) {
            return;
        }
        let mut items = vec![
            StatusItem::Messages,
            StatusItem::UidNext,
            StatusItem::UidValidity,
        ];
        if wants.flags {
            items.push(StatusItem::HighestModSeq);
        }
        super::status::line(out, row, &items, self.utf8, self.settings.size_max);
    }

    fn is_selected(&self, id: MailboxId) -> bool {
        // Only one's own mailboxes are watched; another account may have one of the same id.
        let own = self.access.as_ref().map(|access| access.account());
        let selected = self.selected.as_deref();
        selected.is_some_and(|s| s.mailbox == id && Some(s.account) == own)
    }

    /// What is wanted of the selected mailbox.
    pub(super) fn selection(&self) -> Selection {
        let watch = self.watch.as_deref();
        watch.map_or(Selection::USUAL, |watch| watch.selection.clone())
    }

    /// Whether EXPUNGE may be told although no command is in progress (RFC 5465 §6.1.2).
    pub(super) fn expunges_at_once(&self) -> bool {
        !self.selection().delayed
    }

    /// What changed in mailboxes that are not selected. When it cannot be known, RFC 5465 §5.8.
    pub(super) fn tell_watched(&mut self, out: &mut Vec<u8>) {
        let Some(mut watch) = self.watch.take() else {
            return;
        };
        let deaf = watch.groups.is_empty() || watch.subscription.is_none();
        if deaf || self.compare(&mut watch, out).is_ok() {
            self.watch = Some(watch);
            return;
        }
        self.watch = Some(Box::new(Watch::nothing()));
        let line = "* OK [NOTIFICATIONOVERFLOW] Changes can no longer be told\r\n";
        out.extend_from_slice(line.as_bytes());
    }

    fn compare(&self, watch: &mut Watch, out: &mut Vec<u8>) -> Result<(), Stop> {
        let store = self.own()?;
        let now = store.modseq()?;
        if now == watch.modseq {
            return Ok(());
        }
        let tree = self.tree()?;
        let mut before = std::mem::take(&mut watch.told);
        let mut parents: Vec<MailboxId> = Vec::new();
        for row in tree.rows() {
            let told = before.remove(&row.mailbox.id);
            self.tell_row(watch, row, told.as_ref(), out);
            if told.is_none() {
                parents.extend(row.mailbox.parent);
            }
            watch.told.insert(row.mailbox.id, Told::of(row));
        }
        // What is left is no more.
        for gone in before.into_values() {
            if watch.wants(&gone.path, gone.subscribed).names {
                out.extend_from_slice(b"* LIST (\\NonExistent) \"/\" ");
                response::mailbox(out, &gone.path, self.utf8);
                out.extend_from_slice(b"\r\n");
            }
            parents.extend(gone.parent);
        }
        self.tell_parents(watch, &tree, parents, out);
        watch.modseq = now;
        Ok(())
    }

    fn tell_row(&self, watch: &Watch, row: &Row, told: Option<&Told>, out: &mut Vec<u8>) {
        let mailbox = &row.mailbox;
        let wants = watch.wants(&row.path, mailbox.subscribed);
        let Some(told) = told else {
            if wants.names {
                self.tell_name(row, None, out);
            }
            return;
        };
        let old = watch.wants(&told.path, told.subscribed);
        // RFC 5465 §5.4: children of what was renamed are not told of.
        let level = |path: &str| path.rsplit('/').next().map(str::to_owned);
        let renamed = told.path != row.path
            && (told.parent != mailbox.parent || level(&told.path) != level(&row.path));
        if renamed && (wants.names || old.names) {
            self.tell_name(row, Some(&told.path), out);
        } else if told.subscribed != mailbox.subscribed
            && (wants.subscriptions || old.subscriptions)
        {
            self.tell_name(row, None, out);
        }
        if !self.is_selected(mailbox.id) {
            self.tell_counts(row, told, &wants, out);
        }
    }

    /// RFC 5465 §5.1, §5.2, §5.3: STATUS of a mailbox that is not selected.
    fn tell_counts(&self, row: &Row, told: &Told, wants: &Events, out: &mut Vec<u8>) {
        let mailbox = &row.mailbox;
        let came = mailbox.uid_next.raw() != told.next;
        let moved = came || mailbox.counts.total != told.total;
        let unseen = mailbox.counts.unseen != told.unseen;
        let mut items = Vec::new();
        if moved && wants.expunge {
            items.extend([StatusItem::Messages, StatusItem::UidNext]);
        } else if !wants.flags || mailbox.highest_modseq == told.highest {
            return;
        }
        if self.modes.condstore {
            items.extend([StatusItem::UidValidity, StatusItem::HighestModSeq]);
        }
        if wants.flags && unseen {
            items.push(StatusItem::Unseen);
        }
        if !items.is_empty() {
            super::status::line(out, row, &items, self.utf8, self.settings.size_max);
        }
    }

    /// RFC 5465 §5.4: whether a mailbox has others below it is told anew when they come and go.
    fn tell_parents(&self, watch: &Watch, tree: &Tree, ids: Vec<MailboxId>, out: &mut Vec<u8>) {
        for row in tree.rows().iter().filter(|r| ids.contains(&r.mailbox.id)) {
            if watch.wants(&row.path, row.mailbox.subscribed).names {
                self.tell_name(row, None, out);
            }
        }
    }

    /// `* LIST (\HasNoChildren \Subscribed) "/" "New" ("OLDNAME" ("Old"))`
    fn tell_name(&self, row: &Row, old: Option<&str>, out: &mut Vec<u8>) {
        list::line_subscribed(out, row, self.utf8);
        let Some(old) = old else { return };
        // Behind the name, before the line's end.
        out.truncate(out.len() - 2);
        put(out, format_args!(" (\"OLDNAME\" ("));
        response::mailbox(out, old, self.utf8);
        out.extend_from_slice(b"))\r\n");
    }
}

impl Watch {
    /// RFC 5465 §3.1 NOTIFY NONE.
    fn nothing() -> Self {
        Self {
            selection: Selection::NOTHING,
            groups: Vec::new(),
            modseq: ModSeq::FIRST,
            told: BTreeMap::new(),
            subscription: None,
        }
    }
}
