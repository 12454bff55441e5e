//! RFC 9051 §6.4.5 FETCH, RFC 3501 §6.4.5; RFC 7162 §3.1.4, §3.2.6.
//!
//! Flags, dates and sizes come from states; ENVELOPE and BODYSTRUCTURE from summaries, read in
//! batches; content is touched only for sections. The output is made in pieces.

mod brief;
mod seen;
mod stretch;
mod tell;

use super::limit::Cut;
use super::resync::{Modes, VANISHED_MAX, put_fetch, put_vanished};
use super::search::Listed;
use super::{BATCH_OCTETS_MAX, PIECE_MAX, Progress, Runner, Selected, Stop};
use crate::ask::{Completion, Effect, Output};
use crate::wire::envelope::envelope;
use crate::wire::fetch::{Item, Modifiers};
use crate::wire::sequence::{Numbers, SequenceSet};
use brief::Brief;
use directory::Rights;
use formats::message::{Summary, summarize};
use seen::mark;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use storage::{
    AccountId, AccountStore, BlobId, EmailId, Error, Keyword, Lately, Lies, ModSeq, Uid,
};
use tell::{needs_content, tell_item};

pub(super) use stretch::{Of, Rest, STRETCH_MAX, Sent};

/// Messages whose states are looked up at one time.
const BATCH_MAX: usize = 256;
/// The same where they are counted from the end and their summaries are needed.
const HEAVY_MAX: u64 = 32;
/// The same where of each nothing but its content is read: the more are looked for at once, the more of them are
/// neighbours in the index.
const FAR_MAX: usize = 1_024;

/// A message about to be told.
struct Due {
    uid: u32,
    state: Brief,
    summary: Option<Told>,
    /// Where its content lies, when that is asked for.
    lies: Option<Lies>,
    /// `\Seen` was set by this very FETCH.
    marked: bool,
    /// RFC 3501 §2.3.2: this session was the first to be told of it.
    recent: bool,
}

/// What is known of a message beside its state.
enum Told {
    /// Where ENVELOPE alone is asked for, it is written from the stored octets at once: here, among those of
    /// the batch.
    Written(Range<usize>),
    Whole(Arc<Summary>),
}

/// The message being told: a piece may end between any two items, so that only one item's octets
/// are ever made at a time.
struct Open {
    due: Due,
    number: u32,
    content: Option<Arc<[u8]>>,
    /// The content cannot be read: what needs it is left out. NIL or nothing would say that it is empty, and a
    /// client that keeps what it was given would never ask again.
    damaged: bool,
    /// The item that comes next.
    at: usize,
    /// What is still to be sent of it.
    rest: Option<Rest>,
    /// The content is not held while a piece is on its way.
    away: bool,
}

/// A FETCH under way.
pub(super) struct Fetch {
    pub(super) uid: bool,
    items: Vec<Item>,
    left: Numbers,
    due: VecDeque<Due>,
    open: Option<Open>,
    /// ENVELOPEs of the batch.
    written: Vec<u8>,
    /// Keywords that FLAGS has named already.
    named: Option<Arc<[Keyword]>>,
    missing: bool,
    /// UIDs of messages whose content cannot be read.
    damaged: Vec<u32>,
    unknown_encoding: bool,
    /// RFC 9738 §3.1: not all that was named is told; then the highest UID comes first.
    cut: Option<Cut>,
    /// RFC 7162 §3.1.4.1: only what changed after this mod-sequence.
    changed_since: u64,
    /// RFC 7162 §3.2.10.1: told before everything else.
    vanished: Numbers,
    /// This is the end of another command, which ends so.
    opening: Option<Completion>,
    /// The highest mod-sequence of the message told last.
    told: Option<ModSeq>,
    /// Whose mailbox it is; `None`: one's own.
    owner: Option<AccountId>,
}

impl Runner {
    pub(super) fn fetch(
        &mut self,
        uid: bool,
        set: &SequenceSet,
        mut items: Vec<Item>,
        modifiers: Modifiers,
        out: &mut Vec<u8>,
    ) -> Result<Box<Fetch>, Stop> {
        if modifiers.vanished && !self.modes.qresync {
            return Err(Completion::bad("ENABLE QRESYNC first").into());
        }
        let mut left = self.uids(uid, set)?;
        if let Some(span) = modifiers.partial {
            left = Listed::from(&left).part(span).numbers();
            self.within_limit(&left)?;
        }
        let cut = self.cut(&mut left);
        let since = modifiers.changed_since;
        // RFC 7162 §3.1.4.1: CHANGEDSINCE implies MODSEQ.
        if since.is_some() && !items.contains(&Item::ModSeq) {
            items.push(Item::ModSeq);
        }
        if items.contains(&Item::ModSeq) {
            self.condstore_on(out);
        }
        let mut vanished = Numbers::default();
        if let Some(since) = since.filter(|_| modifiers.vanished) {
            vanished = self.vanished(&self.asked(set)?, since, None)?;
        }
        // RFC 9051 §6.4.9: the UID is told whether asked for or not.
        let told = self.modes.uid_only;
        if uid && !told && !items.contains(&Item::Uid) {
            items.insert(0, Item::Uid);
        }
        Ok(Box::new(Fetch {
            uid,
            cut,
            changed_since: since.unwrap_or(0),
            vanished,
            ..Fetch::of(items, left)
        }))
    }

    /// The UIDs that a set names, whether there or not; `*` is as large as any that may be gone.
    fn asked(&self, set: &SequenceSet) -> Result<Numbers, Stop> {
        let Some(selected) = self.selected.as_deref() else {
            return Ok(Numbers::default());
        };
        let (ranges, saved) = match set {
            SequenceSet::Saved => return Ok(selected.saved.clone()),
            SequenceSet::Ranges(ranges) => (ranges, Numbers::default()),
            SequenceSet::Both(ranges) => (ranges, selected.saved.clone()),
        };
        let store = self.here(Rights::READ)?;
        let next = store.mailbox(selected.mailbox).map(|m| m.uid_next.raw());
        let last = next.unwrap_or(1).saturating_sub(1);
        Ok(Numbers::of(ranges, last).or(&saved))
    }

    pub(super) fn fetch_step(
        &mut self,
        fetch: &mut Fetch,
        out: &mut Output,
    ) -> Result<Progress, Stop> {
        let store = self.here(Rights::READ).map_err(|stop| match &fetch.open {
            Some(open) if open.begun() => Stop::Torn,
            _ => stop,
        })?;
        if fetch.left().is_some_and(|left| left >= BATCH_MAX as u64) {
            // A piece of a long list: it grows at once to what it will be.
            out.buf().reserve(PIECE_MAX + PIECE_MAX / 8);
        }
        fetch.owner = self.foreign(Some(store.id()));
        let (rev2, kept, modes) = (self.utf8, Arc::clone(&self.kept), self.modes);
        let zone_min = self.settings.zone();
        while out.len() < PIECE_MAX {
            if !fetch.vanished.is_empty() {
                let rest = fetch.vanished.cut(VANISHED_MAX);
                put_vanished(
                    out.buf(),
                    std::mem::replace(&mut fetch.vanished, rest),
                    true,
                );
            } else if fetch.open.is_some() {
                fetch.take_up(&store, &kept.lately)?;
                fetch.tell((rev2, zone_min), modes, out);
                if let Some(told) = fetch.told.take() {
                    self.selected()?.tell_modseq(told);
                }
            } else if let Some(due) = fetch.due.pop_front() {
                let selected = self.selected()?;
                let known = |k: &Arc<[Keyword]>| Arc::ptr_eq(k, &due.state.keywords);
                if !fetch.named.as_ref().is_some_and(known) {
                    let new = due.state.keywords.iter();
                    let new = new.filter(|k| !selected.keywords.contains(k));
                    let new: Vec<_> = new.cloned().collect();
                    if !new.is_empty() {
                        selected.tell_keywords(new, out.buf());
                    }
                    fetch.named = Some(Arc::clone(&due.state.keywords));
                }
                if let Some(number) = selected.view.number(due.uid) {
                    fetch.open(number, due, &store, &kept.lately)?;
                }
            } else if fetch.left.is_empty() {
                let done = fetch.completion();
                return Ok(Progress::Done(match fetch.cut {
                    Some(cut) => cut.ends(done, out.buf()),
                    None => done,
                }));
            } else {
                let marks = fetch.items.iter().any(Item::marks_seen);
                let marks = marks && !self.selected()?.read_only;
                // RFC 4314 §4: without the right to mark as seen, nothing is marked.
                let marks = marks && self.rights_here().has(Rights::SEEN);
                fetch.look_up(self.selected()?, &store, marks, rev2)?;
            }
        }
        fetch.put_down(&store, &kept.lately);
        Ok(Progress::More)
    }
}

impl Runner {
    /// RFC 5465 §5.2: what NOTIFY wants told of messages that have just arrived.
    pub(super) fn fetch_arrived(
        &mut self,
        completion: &Completion,
        expunges: bool,
    ) -> Option<Box<Fetch>> {
        let selected = self.selected.as_deref_mut()?;
        let arrived = std::mem::take(&mut selected.arrived);
        let mut items = self.selection().items;
        if arrived.is_empty() || items.is_empty() {
            return None;
        }
        // RFC 7162 §3.2.4: nobody has asked for it in a command.
        for item in [Item::Uid, Item::ModSeq] {
            let told = self.modes.uid_only && item == Item::Uid;
            if self.modes.condstore && !told && !items.contains(&item) {
                items.push(item);
            }
        }
        Some(Box::new(Fetch {
            uid: expunges,
            opening: Some(completion.clone()),
            ..Fetch::of(items, arrived)
        }))
    }
}

impl Fetch {
    fn of(items: Vec<Item>, left: Numbers) -> Self {
        Self {
            uid: false,
            cut: None,
            items,
            left,
            due: VecDeque::new(),
            open: None,
            written: Vec::new(),
            named: None,
            missing: false,
            damaged: Vec::new(),
            unknown_encoding: false,
            changed_since: 0,
            vanished: Numbers::default(),
            opening: None,
            told: None,
            owner: None,
        }
    }

    /// RFC 7162 §3.2.5.1: what a SELECT tells of messages that changed, and of those that are gone.
    pub(super) fn opening(
        changed: Numbers,
        gone: Numbers,
        modes: Modes,
        completion: Completion,
    ) -> Box<Self> {
        let mut items = vec![Item::Flags, Item::ModSeq];
        if !modes.uid_only {
            items.insert(0, Item::Uid);
        }
        Box::new(Self {
            uid: true,
            vanished: gone,
            opening: Some(completion),
            ..Self::of(items, changed)
        })
    }

    /// Messages still to come; `None` in the middle of one.
    pub(super) fn left(&self) -> Option<u64> {
        let left = self.left.count() + self.due.len() as u64;
        self.open.is_none().then_some(left)
    }

    /// Whether a mailbox is being selected.
    pub(super) fn opens(&self) -> bool {
        let ends = self.opening.as_ref();
        ends.is_some_and(|completion| completion.effect == Effect::Selected)
    }

    /// The command had ended well before this was told besides.
    pub(super) fn ended_before(&self) -> Option<Completion> {
        self.opening.clone().filter(|_| !self.opens())
    }

    fn completion(&self) -> Completion {
        if let Some(opened) = &self.opening {
            return opened.clone();
        }
        if !self.damaged.is_empty() {
            // RFC 9051 §7.1 CORRUPTION; all that can be had was told.
            return Completion::no("CORRUPTION", "").saying(tell::damage(&self.damaged));
        }
        if self.unknown_encoding {
            return Completion::no("UNKNOWN-CTE", "A part has an unknown transfer encoding");
        }
        let done = Completion::ok("FETCH completed");
        // RFC 5530 §3 EXPUNGEISSUED: some messages are gone, which the peer has not been told yet.
        if self.missing && !self.uid {
            done.code("EXPUNGEISSUED".into())
        } else {
            done
        }
    }

    /// The next messages: states, marks and summaries, each in one go.
    fn look_up(
        &mut self,
        selected: &mut Selected,
        store: &AccountStore,
        marks: bool,
        rev2: bool,
    ) -> Result<(), Stop> {
        let mut states: Vec<(u32, Brief)> = Vec::new();
        let mut reached = 0;
        let heavy = self.items.iter().any(Item::needs_summary);
        let part = match self.cut {
            // From the end, and so by number: few enough where summaries are held.
            Some(_) if heavy => self.left.top(HEAVY_MAX),
            Some(_) => self.left.top(BATCH_MAX as u64),
            None => self.left.clone(),
        };
        let heavy = heavy && self.cut.is_none();
        let most = self.batch_max(heavy);
        let mut octets = 0;
        for &(from, to) in part.ranges() {
            let (Some(from), Some(to)) = (Uid::new(from), Uid::new(to)) else {
                continue;
            };
            let mut found = from.raw().saturating_sub(1);
            store.scan(selected.mailbox, from, to, &mut |uid, state| {
                self.missing |= uid.raw() != found + 1;
                found = uid.raw();
                if state.modseq.raw() > self.changed_since {
                    let before = states.last().map(|(_, before)| before);
                    let brief = Brief::of(state, selected.mailbox, before);
                    states.push((uid.raw(), brief));
                    octets += if heavy { state.size } else { 0 };
                }
                states.len() < most && octets < BATCH_OCTETS_MAX
            })?;
            let full = states.len() >= most || octets >= BATCH_OCTETS_MAX;
            reached = if full { found } else { to.raw() };
            if full {
                break;
            }
            self.missing |= found != to.raw();
        }
        self.left = match self.cut {
            Some(_) => self.left.before(part.first().unwrap_or(0)),
            None => part.after(reached),
        };
        let marked = if marks {
            mark(selected, store, &mut states)
        } else {
            Vec::new()
        };
        let emails: Vec<EmailId> = states.iter().map(|(_, s)| s.email).collect();
        let mut summaries = self.summaries(store, &emails, rev2)?;
        let mut lie = self.lie(store, &states)?.into_iter();
        for (uid, state) in states {
            let own = summaries.binary_search_by_key(&state.email, |(email, _)| *email);
            let summary = own.ok().and_then(|at| summaries[at].1.take());
            let marked = marked.binary_search(&uid).is_ok();
            let recent = selected.recent.contains(uid);
            self.due.push_back(Due {
                uid,
                state,
                summary,
                lies: lie.next().flatten(),
                marked,
                recent,
            });
        }
        if self.cut.is_some() {
            self.due.make_contiguous().reverse();
        }
        Ok(())
    }

    fn batch_max(&self, heavy: bool) -> usize {
        match self.items.iter().any(needs_content) && !heavy {
            true => FAR_MAX,
            false => BATCH_MAX,
        }
    }

    /// Where the contents lie, when they are asked for.
    fn lie(
        &self,
        store: &AccountStore,
        states: &[(u32, Brief)],
    ) -> Result<Vec<Option<Lies>>, Error> {
        if !self.items.iter().any(needs_content) {
            return Ok(Vec::new());
        }
        let blobs: Vec<BlobId> = states.iter().map(|(_, state)| state.blob).collect();
        store.lie(&blobs)
    }

    /// What the items need of summaries, by EmailId.
    fn summaries(
        &mut self,
        store: &AccountStore,
        emails: &[EmailId],
        rev2: bool,
    ) -> Result<Vec<(EmailId, Option<Told>)>, Error> {
        let mut asked = self.items.iter().filter(|i| i.needs_summary()).peekable();
        let mut found = Vec::with_capacity(emails.len());
        if asked.peek().is_none() {
            return Ok(found);
        }
        if asked.all(|item| *item == Item::Envelope) {
            let written = &mut self.written;
            written.clear();
            store.each_letterhead(emails, &mut |email, head| {
                let from = written.len();
                envelope(written, head, rev2);
                found.push((email, Some(Told::Written(from..written.len()))));
            })?;
        } else {
            let whole = store.summaries(emails)?.into_iter();
            found.extend(whole.map(|(email, s)| (email, Some(Told::Whole(s)))));
        }
        if !found.is_sorted_by_key(|(email, _)| *email) {
            found.sort_unstable_by_key(|(email, _)| *email);
        }
        Ok(found)
    }

    /// Reads what telling the message needs. A message that is gone is passed over; of a damaged one all
    /// that does not need its content is told, so that the others can still be had.
    fn open(
        &mut self,
        number: u32,
        mut due: Due,
        store: &AccountStore,
        lately: &Lately,
    ) -> Result<(), Stop> {
        let (mut content, mut damaged) = (None, false);
        let summary = due.summary.is_some() || !self.items.iter().any(Item::needs_summary);
        // RFC 3516 §6: the structure is that of the content as it is told.
        let binary = due.state.is_binary() && matches!(due.summary, Some(Told::Whole(_)));
        let needs_content = |item: &Item| needs_content(item) || binary && item.is_structure();
        if self.items.iter().any(needs_content) && summary {
            match self.content(&due, store, lately) {
                Ok(octets) => {
                    if binary {
                        due.summary = Some(Told::Whole(Arc::new(summarize(&octets))));
                    }
                    content = Some(octets);
                }
                Err(Error::NotFound | Error::Expunged) => {}
                Err(Error::Damaged(_)) => {
                    self.damaged.push(due.uid);
                    damaged = true;
                    if !due.marked && self.items.iter().all(needs_content) {
                        return Ok(());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        let gone =
            !summary || self.items.iter().any(needs_content) && content.is_none() && !damaged;
        if gone {
            self.missing = true;
        } else {
            self.open = Some(Open {
                due,
                number,
                content,
                damaged,
                at: 0,
                rest: None,
                away: false,
            });
        }
        Ok(())
    }

    fn content(
        &self,
        due: &Due,
        store: &AccountStore,
        lately: &Lately,
    ) -> Result<Arc<[u8]>, Error> {
        let state = &due.state;
        let key = (store.id(), state.email, state.path());
        let read = || {
            let content = store.content_at(state.email, due.lies)?;
            Ok(state.told(content))
        };
        let content = lately.read(key.clone(), state.size, read)?;
        if self.items.iter().any(Item::is_partial) {
            lately.keep(key, &content);
        }
        Ok(content)
    }

    /// msg-att of one message, from the item that comes next to the end of a piece.
    fn tell(&mut self, shown: (bool, i32), modes: Modes, out: &mut Output) {
        let Some(open) = &mut self.open else { return };
        if !open.go_on(out) {
            return;
        }
        if open.at == 0 {
            put_fetch(out.buf(), open.number, open.due.uid, modes);
        }
        // A change that this FETCH makes is told as any other is (RFC 9051 §6.4.5, RFC 7162 §3.2.4).
        let added = [
            (Item::Flags, true),
            (Item::Uid, modes.condstore && !modes.uid_only),
            (Item::ModSeq, modes.condstore),
        ];
        let added = added.iter().filter(|(_, due)| *due && open.due.marked);
        let added = added.map(|(item, _)| item);
        let added = added.filter(|item| !self.items.contains(item));
        let damaged = open.damaged;
        let items = self.items.iter().chain(added);
        let items = items.filter(|item| !damaged || !needs_content(item));
        for item in items.skip(open.at) {
            if open.at > 0 {
                if out.len() >= PIECE_MAX {
                    return;
                }
                out.buf().push(b' ');
            }
            if *item == Item::ModSeq {
                self.told = Some(open.due.state.modseq);
            }
            match tell_item(item, (self.owner, open), &self.written, shown, out) {
                Sent::All => {}
                Sent::Unknown => self.unknown_encoding = true,
                Sent::Rest(rest) => {
                    open.rest = Some(rest);
                    return;
                }
            }
            open.at += 1;
        }
        out.buf().extend_from_slice(b")\r\n");
        self.open = None;
    }
}
