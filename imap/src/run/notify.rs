//! RFC 5465 NOTIFY: changes are told at any time, of more mailboxes than the selected one.
//!
//! The session keeps what it last told of each mailbox and compares: what differs is an event.
//! It is woken by commits of its own account, and of those whose mailboxes it may see when it asks for
//! more than its own. Changes that this client made are told as well where they show in other mailboxes
//! (RFC 5465 §5 would rather not).

use super::find::root;
use super::hear::{Ears, Heard};
use super::{Runner, Stop, list, metadata};
use crate::ask::Completion;
use crate::tree::{Pattern, Row, Tree};
use crate::wire::fetch::Item;
use crate::wire::list::StatusItem;
use crate::wire::notify::{self, Events, Filter, Group, Notify};
use crate::wire::response::{self, put};
use directory::{Account, Annotated, Reannotated, Rights, Seen};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use storage::{AccountId, Error, MailboxId, ModSeq};

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

    fn hears(&self) -> bool {
        self.messages || self.flags
    }
}

/// What a client listens to.
pub(super) struct Watch {
    selection: Selection,
    /// Mailboxes by name, and what is wanted of those that are not selected.
    groups: Vec<(Names, Events)>,
    /// Up to which commit mailboxes were compared.
    modseq: ModSeq,
    told: BTreeMap<Place, Told>,
}

/// A mailbox, and whose it is; `None`: one's own.
type Place = (Option<AccountId>, MailboxId);

fn place(row: &Row) -> Place {
    (row.owner, row.mailbox.id)
}

/// Which mailboxes.
enum Names {
    Personal,
    Subscribed,
    Subtree(Vec<String>),
    Mailboxes(Vec<String>),
}

impl Names {
    fn fit(&self, path: &str, subscribed: bool, own: bool) -> bool {
        match self {
            // RFC 5465 §6.4: one's own namespace.
            Self::Personal => own,
            Self::Subscribed => subscribed,
            Self::Mailboxes(names) => names.iter().any(|name| name == path),
            Self::Subtree(names) => names.iter().any(|name| {
                let rest = path.strip_prefix(name.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }),
        }
    }
}

impl Names {
    /// Whether one of them may lie below this name.
    fn reach(&self, root: &str) -> bool {
        let inside = |path: &str, of: &str| {
            let rest = path.strip_prefix(of);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match self {
            Self::Personal => false,
            Self::Subscribed => true,
            Self::Mailboxes(names) => names.iter().any(|name| inside(name, root)),
            Self::Subtree(names) => names
                .iter()
                .any(|name| inside(name, root) || inside(root, name)),
        }
    }
}

/// What was told to have another name: by its old one, the new one.
#[derive(Default)]
struct Renamed(BTreeMap<String, String>);

impl Renamed {
    fn add(&mut self, old: &str, new: &str) {
        self.0.insert(old.to_owned(), new.to_owned());
    }

    /// RFC 5465 §5.4: what lies below a mailbox of which that was told is renamed with it, and not told of. Where
    /// no mailbox above was told of, because it may not be seen or was not asked for, it is told itself.
    fn implies(&self, old: &str, new: &str) -> bool {
        let above = old.match_indices('/').map(|(at, _)| old.split_at(at));
        let mut known = above.filter_map(|(above, rest)| Some((self.0.get(above)?, rest)));
        known.any(|(above, rest)| new.strip_prefix(above.as_str()) == Some(rest))
    }
}

/// A mailbox as it was last looked at.
struct Told {
    path: String,
    own: bool,
    parent: Option<MailboxId>,
    subscribed: bool,
    readable: bool,
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
            own: row.owner.is_none(),
            parent: mailbox.parent,
            subscribed: mailbox.subscribed,
            readable: row.rights.has(Rights::READ),
            next: mailbox.uid_next.raw(),
            total: mailbox.counts.total,
            unseen: mailbox.counts.unseen,
            highest: mailbox.highest_modseq,
        }
    }
}

impl Watch {
    /// All that any group wants of this mailbox.
    fn wants(&self, path: &str, subscribed: bool, own: bool) -> Events {
        let mut all = Events::default();
        for (names, events) in &self.groups {
            if names.fit(path, subscribed, own) {
                all.new = all.new.or_else(|| events.new.clone());
                all.expunge |= events.expunge;
                all.flags |= events.flags;
                all.names |= events.names;
                all.subscriptions |= events.subscriptions;
                all.metadata |= events.metadata;
            }
        }
        all
    }
}

impl Watch {
    fn wants_row(&self, row: &Row) -> Events {
        self.wants(&row.path, row.mailbox.subscribed, row.owner.is_none())
    }

    fn wanted(&self, told: &Told) -> Events {
        self.wants(&told.path, told.subscribed, told.own)
    }

    /// RFC 5465 §3.1: whether one may know of it, and may not hear what is asked for.
    fn lacks_access(&self, row: &Row) -> bool {
        let wants = self.wants_row(row);
        let messages = wants.new.is_some() || wants.expunge || wants.flags;
        messages && !row.rights.has(Rights::READ)
    }

    /// Whether a mailbox below the name of another account may be meant.
    fn reaches(&self, root: &str) -> bool {
        self.groups.iter().any(|(names, _)| names.reach(root))
    }

    /// Whether mailboxes of others may be meant.
    fn is_wide(&self) -> bool {
        let wide = |(names, _): &(Names, Events)| !matches!(names, Names::Personal);
        self.groups.iter().any(wide)
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
            self.listen()?;
            return Ok(done);
        };
        if unsupported {
            let code = format!("BADEVENT ({})", notify::EVENTS);
            return Err(Completion::no(&code, "These are the events that there are").into());
        }
        let watch = self.watch_of(groups)?;
        let before = self.watch.replace(Box::new(watch));
        if let Err(stop) = self.listen() {
            self.watch = before;
            return Err(stop);
        }
        let Some(mut watch) = self.watch.take() else {
            return Ok(done);
        };
        // Read before the mailboxes: what is committed in between is looked at again.
        watch.modseq = self.own()?.modseq()?;
        for row in self.watched(&watch)?.rows() {
            if watch.lacks_access(row) {
                self.tell_name(&watch, row, None, out);
            } else if status {
                self.tell_first(&watch, row, out);
            }
            watch.told.insert(place(row), Told::of(row));
        }
        self.watch = Some(watch);
        Ok(done)
    }

    /// The mailboxes that may be meant.
    fn watched(&self, watch: &Watch) -> Result<Tree, Stop> {
        match watch.is_wide() {
            true => self.forest(&Pattern::any(), true),
            false => self.tree(),
        }
    }

    /// Listens to the accounts of which something is to be told, and to no others; to none when nothing is.
    pub(super) fn listen(&mut self) -> Result<(), Stop> {
        let watch = self.watch.as_deref();
        let deaf = watch.is_none_or(|w| w.groups.is_empty() && !w.selection.hears());
        if deaf && !self.metadata_enabled {
            self.ears = None;
            return Ok(());
        }
        let all = self.metadata_enabled;
        let server = |w: &Watch| w.groups.iter().any(|(_, events)| events.server);
        let server = all || watch.is_some_and(server);
        let access = self.access()?.clone();
        let notify = Arc::clone(&self.notify);
        let ears = self.ears.take();
        let wakes = || Arc::clone(&self.kept.wakes);
        let mut ears = ears.unwrap_or_else(|| Box::new(Ears::new(&access, notify, wakes())));
        ears.server(&access, server);
        let mut accounts = BTreeSet::from([access.account()]);
        accounts.extend(self.selected.as_deref().map(|s| s.account));
        if all || watch.is_some_and(Watch::is_wide) {
            let meant = |account: &Account| all || watch.is_some_and(|w| w.reaches(&root(account)));
            let shown = access.shown().into_iter().map(|(account, _)| account);
            accounts.extend(shown.filter(meant).map(|account| account.id));
        }
        ears.keep(&accounts);
        for account in accounts {
            // What was shared a moment ago may be no longer.
            if let Ok(store) = access.reach(account) {
                ears.add(&access, &store);
            }
        }
        self.ears = Some(ears);
        Ok(())
    }

    fn watch_of(&self, groups: Vec<Group>) -> Result<Watch, Stop> {
        let mut watch = Watch::nothing();
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
        let wants = watch.wants_row(row);
        let read = row.rights.has(Rights::READ);
        if !wants.expunge || !read || self.is_selected(row) {
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

    fn is_selected(&self, row: &Row) -> bool {
        // Another account may have a mailbox of the same id.
        let selected = self.selected.as_deref();
        selected.is_some_and(|s| (self.foreign(Some(s.account)), s.mailbox) == place(row))
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
        let Some(ears) = self.ears.as_deref() else {
            return;
        };
        let heard = ears.take();
        let own = self.access.as_ref().map(|access| access.account());
        let selected = self.selected.as_deref().map(|s| s.account);
        let strange = selected.is_some_and(|account| !ears.hears(account));
        // Who is woken for his own account may see more than before, or less.
        if strange || own.is_some_and(|own| heard.woken.contains(&own)) {
            // Without a sign-in that stands there is nothing to tell either.
            let _ = self.listen();
        }
        let mut watch = self.watch.take();
        let told = match heard.overflow {
            true => Err(Stop::Denied),
            false => self.tell_heard(watch.as_deref_mut(), &heard, out),
        };
        if told.is_err() && watch.is_some() {
            watch = Some(Box::new(Watch::nothing()));
            let line = "* OK [NOTIFICATIONOVERFLOW] Changes can no longer be told\r\n";
            out.extend_from_slice(line.as_bytes());
        }
        self.watch = watch;
    }

    fn tell_heard(
        &self,
        mut watch: Option<&mut Watch>,
        heard: &Heard,
        out: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        if let Some(watch) = watch.as_deref_mut().filter(|w| !w.groups.is_empty()) {
            self.compare(watch, heard, out)?;
        }
        if heard.annotated.is_empty() {
            return Ok(());
        }
        let tree = self.forest(&Pattern::any(), true)?;
        for change in &heard.annotated {
            self.tell_annotated(watch.as_deref(), change, &tree, out)?;
        }
        Ok(())
    }

    /// RFC 5465 §5.6, §5.7, RFC 5464 §4.4.2: the names of what changed.
    fn tell_annotated(
        &self,
        watch: Option<&Watch>,
        change: &Reannotated,
        tree: &Tree,
        out: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        let access = self.access()?;
        let mine = |seen: Seen| seen == Seen::ByAll || change.by == access.account();
        let names = change.names.iter().filter(|(seen, _)| mine(*seen));
        let names: Vec<(Seen, &str)> = names.map(|(seen, name)| (*seen, name.as_str())).collect();
        let (path, wanted) = match change.on {
            Annotated::Server => {
                let asked = |w: &Watch| w.groups.iter().any(|(_, events)| events.server);
                ("", watch.is_some_and(asked))
            }
            Annotated::Mailbox(account, id) => {
                let there = (self.foreign(Some(account)), id);
                let Some(row) = tree.rows().iter().find(|row| place(row) == there) else {
                    return Ok(());
                };
                if access.annotations(change.on, Seen::ByAll).is_err() {
                    return Ok(());
                }
                (
                    row.path.as_str(),
                    watch.is_some_and(|w| w.wants_row(row).metadata),
                )
            }
        };
        if !names.is_empty() && (wanted || self.metadata_enabled) {
            metadata::tell_names(out, path, &names, self.utf8);
        }
        Ok(())
    }

    fn compare(&self, watch: &mut Watch, heard: &Heard, out: &mut Vec<u8>) -> Result<(), Stop> {
        let now = self.own()?.modseq()?;
        if now == watch.modseq && heard.woken.is_empty() {
            return Ok(());
        }
        let tree = self.watched(watch)?;
        let mut before = std::mem::take(&mut watch.told);
        let mut parents: Vec<Place> = Vec::new();
        let mut renamed = Renamed::default();
        // Parents come before their children.
        for row in tree.rows() {
            let told = before.remove(&place(row));
            self.tell_row(watch, row, told.as_ref(), &mut renamed, out);
            if told.is_none() {
                parents.extend(row.mailbox.parent.map(|id| (row.owner, id)));
            }
            watch.told.insert(place(row), Told::of(row));
        }
        // What is left is no more.
        for ((owner, id), gone) in before {
            if watch.wanted(&gone).names {
                // RFC 5465 §5.4: deleted, or, §5.9, to be seen no more.
                let attribute = match gone.own || self.is_deleted(owner, id) {
                    true => "\\NonExistent",
                    false => "\\NonExistent \\NoAccess",
                };
                put(out, format_args!("* LIST ({attribute}) \"/\" "));
                response::mailbox(out, &gone.path, self.utf8);
                out.extend_from_slice(b"\r\n");
            }
            parents.extend(gone.parent.map(|id| (owner, id)));
        }
        self.tell_parents(watch, &tree, &parents, out);
        watch.modseq = now;
        Ok(())
    }

    /// Whether a mailbox of somebody else is no more. Who may see nothing of his any longer is not told of it (I-17).
    fn is_deleted(&self, owner: Option<AccountId>, id: MailboxId) -> bool {
        let Ok(access) = self.access() else {
            return false;
        };
        let store = owner.and_then(|owner| access.reach(owner).ok());
        store.is_some_and(|store| matches!(store.mailbox(id), Err(Error::NotFound)))
    }

    fn tell_row(
        &self,
        watch: &Watch,
        row: &Row,
        told: Option<&Told>,
        renamed: &mut Renamed,
        out: &mut Vec<u8>,
    ) {
        let mailbox = &row.mailbox;
        let wants = watch.wants_row(row);
        let Some(told) = told else {
            if wants.names {
                self.tell_name(watch, row, None, out);
            }
            return;
        };
        let old = watch.wanted(told);
        let moved = told.path != row.path && !renamed.implies(&told.path, &row.path);
        if moved && (wants.names || old.names) {
            self.tell_name(watch, row, Some(&told.path), out);
            renamed.add(&told.path, &row.path);
        } else if told.subscribed != mailbox.subscribed
            && (wants.subscriptions || old.subscriptions)
            || told.readable != row.rights.has(Rights::READ) && wants.names
        {
            self.tell_name(watch, row, None, out);
        }
        if row.rights.has(Rights::READ) && !self.is_selected(row) {
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
    fn tell_parents(&self, watch: &Watch, tree: &Tree, ids: &[Place], out: &mut Vec<u8>) {
        for row in tree.rows().iter().filter(|r| ids.contains(&place(r))) {
            if watch.wants_row(row).names {
                self.tell_name(watch, row, None, out);
            }
        }
    }

    /// `* LIST (\HasNoChildren \Subscribed) "/" "New" ("OLDNAME" ("Old"))`
    fn tell_name(&self, watch: &Watch, row: &Row, old: Option<&str>, out: &mut Vec<u8>) {
        list::line_subscribed(out, row, watch.lacks_access(row), self.utf8);
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
        }
    }
}
