//! RFC 9051 §6.4.4 SEARCH, RFC 4731 ESEARCH, RFC 5182 SEARCHRES, RFC 9394 PARTIAL, RFC 7377 ESEARCH.
//!
//! One mailbox after the other is searched; of each first the messages that match are found, then they
//! are ordered where SORT or THREAD asks for it, then told. The work is cut into batches, so that a
//! long search holds nobody up. `judge` holds one message against the keys, `gather` reads what an
//! order needs, `index` knows which messages need no judging, `tell` says what was found, `sources`
//! finds the mailboxes.

mod content;
mod gather;
mod index;
mod judge;
mod listed;
mod needle;
mod sources;
mod tell;

pub(in crate::run) use content::content_of;
pub(in crate::run) use gather::Hit;
pub(in crate::run) use judge::{Scope, Subject, Test};
pub(in crate::run) use listed::Listed;

use super::context::{Context, Keyed};
use super::limit::Cut;
use super::{BATCH_OCTETS_MAX, Progress, Runner, Selected, Stop};
use crate::ask::Completion;
use crate::view::View;
use crate::wire::response::{self, put};
use crate::wire::returns::Wanted;
use crate::wire::search::{Key, Search};
use crate::wire::sequence::Numbers;
use crate::wire::sort::Order;
use gather::Gathering;
use sources::Target;
use std::collections::VecDeque;
use storage::{AccountStore, Error, ModSeq, State, Uid};
use tell::{Correlator, Telling};

/// Messages judged in one step while states are enough, or summaries.
const BATCH_MAX: usize = 1_024;
/// Messages whose content is read in one step.
const CONTENTS_MAX: usize = 32;

/// A SEARCH, SORT, THREAD or ESEARCH under way.
pub(super) struct Searching {
    pub(super) uid: bool,
    tag: String,
    wanted: Option<Wanted>,
    order: Order,
    key: Key,
    /// RFC 7162 §3.2.10.2: message numbers are named.
    pub(super) numbered: bool,
    /// Unix seconds when the command came.
    now_s: i64,
    /// Mailboxes after this one.
    targets: VecDeque<Target>,
    target: Target,
    test: Test,
    /// UIDs that have not been judged.
    left: Numbers,
    /// RFC 9738 §3.1: not all messages are judged.
    cut: Option<Cut>,
    found: Found,
    stage: Stage,
    /// RFC 5267 §4.3: changes are to be told, and nothing sees to that yet.
    unfollowed: bool,
    /// Damaged messages, which were judged by what is known of them.
    unread: u64,
}

/// The matches in one mailbox.
#[derive(Default)]
struct Found {
    /// UIDs.
    uids: Numbers,
    /// RFC 6203 §4, of each UID in order; kept only where they are asked for.
    scores: Vec<(u32, u8)>,
    /// RFC 7162 §3.1.6: the highest of all.
    modseq: Option<ModSeq>,
}

enum Stage {
    Judging,
    Gathering(Box<Gathering>),
    Telling(Telling),
}

impl Searching {
    /// Messages of the selected mailbox still to be judged; `None` afterwards.
    pub(super) fn left(&self) -> Option<u64> {
        let judging = matches!(self.stage, Stage::Judging) && self.target.is_selected;
        judging.then(|| self.left.count())
    }

    /// Whether content is read, so that a step takes long.
    fn is_long(&self) -> bool {
        self.test.needs_content()
    }

    /// Whether others should get their turn between two steps.
    pub(super) fn yields(&self) -> bool {
        let quick = matches!(self.stage, Stage::Judging) && !self.test.needs_summary();
        !quick || !self.targets.is_empty()
    }

    /// RFC 5267 §4.3: the search goes on, if it can.
    fn follow(&mut self, selected: &mut Selected, keyed: Vec<Keyed>) {
        if selected.contexts.is_full() {
            return;
        }
        let test = std::mem::replace(&mut self.test, Test::Always(false));
        let context = Context::new(
            (&self.tag, self.uid),
            (&self.key, test),
            &self.order,
            (&self.found.uids, keyed),
            // What the peer was not told yet was not searched, and will be judged when it is.
            selected.modseq,
        );
        if let Some(context) = context {
            selected.contexts.add(context);
            self.unfollowed = false;
        }
    }

    fn is_scored(&self) -> bool {
        self.wanted.is_some_and(|w| w.relevancy) || self.order.by_relevancy()
    }

    /// What the tagged OK says.
    fn completion(&self) -> Completion {
        let done = match (&self.order, &self.target.named) {
            (Order::Sorted(_), _) => "SORT completed",
            (Order::Threaded(_), _) => "THREAD completed",
            (Order::Mailbox, Some(_)) => "ESEARCH completed",
            (Order::Mailbox, None) => "SEARCH completed",
        };
        match self.unread {
            0 => Completion::ok(done),
            1 => Completion::ok(done).saying(format!("{done}, but one message is damaged")),
            n => Completion::ok(done).saying(format!("{done}, but {n} messages are damaged")),
        }
    }
}

impl Runner {
    pub(super) fn search(
        &mut self,
        tag: &str,
        uid: bool,
        search: Search,
    ) -> Result<Box<Searching>, Stop> {
        let Search {
            mut wanted,
            key,
            order,
            charset,
            sources,
        } = search;
        if charset && self.utf8_accept {
            // RFC 6855 §3
            return Err(Completion::bad("with UTF8=ACCEPT no charset is named").into());
        }
        if wanted.is_none() && self.rev2 && order == Order::Mailbox {
            // RFC 9051 §6.4.4: rev2 answers with ESEARCH.
            wanted = Some(Wanted {
                all: true,
                ..Wanted::default()
            });
        }
        let update = wanted.is_some_and(|w| w.update);
        if update && self.selected()?.contexts.has(tag) {
            // RFC 5267 §4.3
            return Err(Completion::bad("this tag names a search that goes on").into());
        }
        let mut targets = match &sources {
            Some(sources) => self.targets(sources)?,
            None => VecDeque::from([Target::selected(self.selected()?)]),
        };
        let target = targets.pop_front().unwrap_or_else(Target::none);
        let mut searching = Box::new(Searching {
            uid,
            tag: tag.to_owned(),
            wanted,
            order,
            numbered: key.names_numbers(),
            key,
            now_s: self.directory.clock().now_ms().div_euclid(1_000),
            targets,
            target,
            test: Test::Always(false),
            left: Numbers::default(),
            cut: None,
            found: Found::default(),
            stage: Stage::Judging,
            unfollowed: update,
            unread: 0,
        });
        self.open_target(&mut searching)?;
        Ok(searching)
    }

    /// Begins with the mailbox that is next.
    fn open_target(&mut self, searching: &mut Searching) -> Result<(), Stop> {
        self.resolve(searching)?;
        let Some(mailbox) = searching.target.mailbox else {
            return Ok(());
        };
        // A search that goes on keeps its test, and what the index says would weigh on it.
        if searching.unfollowed || !searching.test.needs_summary() {
            return Ok(());
        }
        let store = self.searched(&searching.target)?;
        index::consult(&store, &mut searching.test, &mut index::Budget::default());
        if let Some(uids) = index::narrowed(&store, mailbox, &searching.test)? {
            let uids: Numbers = uids.into_iter().collect();
            searching.left = searching.left.and(&uids);
        }
        Ok(())
    }

    /// What a search means in the mailbox that is next, and all that may match.
    fn resolve(&mut self, searching: &mut Searching) -> Result<(), Stop> {
        let now_s = searching.now_s;
        let zone_s = i64::from(self.settings.zone()) * 60;
        let target = &searching.target;
        searching.stage = Stage::Judging;
        searching.found = Found::default();
        let Some(mailbox) = target.mailbox else {
            return Ok(());
        };
        let owner = self.foreign(target.owner);
        if target.is_selected {
            let selected = self.selected()?;
            let scope = Scope {
                view: &selected.view,
                saved: &selected.saved,
                recent: &selected.recent,
                now_s,
                zone_s,
                mailbox,
                owner,
            };
            searching.test = Test::of(&searching.key, &scope);
            searching.left = selected.view.all();
            if let Some(bound) = searching.test.bound() {
                searching.left = searching.left.and(&bound);
            }
            return self.limit(searching);
        }
        // RFC 7377 §2: message numbers mean those of the mailbox that is searched.
        let numbered = |key: &Key| matches!(key, Key::Sequence(_) | Key::Uid(_));
        let mut view = View::default();
        if searching.key.any(&numbered) {
            let store = self.searched(target)?;
            store.scan(mailbox, Uid::FIRST, LAST_UID, &mut |uid, _| {
                view.push(uid.raw());
                true
            })?;
        }
        let recent = match searching.key.any(&|key| matches!(key, Key::Recent(_))) {
            true => self.recent_in(target, mailbox)?,
            false => Numbers::default(),
        };
        let scope = Scope {
            view: &view,
            saved: &Numbers::default(),
            recent: &recent,
            now_s,
            zone_s,
            mailbox,
            owner,
        };
        searching.test = Test::of(&searching.key, &scope);
        searching.left = Numbers::of(&[(Some(1), Some(u32::MAX))], 0);
        Ok(())
    }

    /// RFC 9051 §6.4.4: the charset is not known.
    pub(super) fn bad_charset(&mut self, save: bool) -> Completion {
        // RFC 9051 §6.4.4.1: a failed SAVE empties the result.
        if let Some(selected) = self.selected.as_deref_mut().filter(|_| save) {
            selected.saved = Numbers::default();
        }
        Completion::no(BAD_CHARSET, "This charset is not known")
    }

    pub(super) fn search_step(
        &mut self,
        searching: &mut Searching,
        out: &mut Vec<u8>,
    ) -> Result<Progress, Stop> {
        match self.step(searching, out) {
            // RFC 5182 §2.1: a SAVE that fails empties the result.
            Err(stop) if searching.wanted.is_some_and(|w| w.save) => {
                if let Some(selected) = self.selected.as_deref_mut() {
                    selected.saved = Numbers::default();
                }
                Err(stop)
            }
            other => other,
        }
    }

    fn step(&mut self, searching: &mut Searching, out: &mut Vec<u8>) -> Result<Progress, Stop> {
        match &mut searching.stage {
            Stage::Telling(telling) => {
                if !telling.tell(out) {
                    return Ok(Progress::More);
                }
                let Some(next) = searching.targets.pop_front() else {
                    if searching.unfollowed {
                        // RFC 5267 §4.3.1
                        put(
                            out,
                            format_args!(
                                "* NO [NOUPDATE \"{}\"] Changes will not be told\r\n",
                                searching.tag
                            ),
                        );
                    }
                    let done = searching.completion();
                    return Ok(Progress::Done(match searching.cut {
                        Some(cut) => cut.ends(done, out),
                        None => done,
                    }));
                };
                searching.target = next;
                self.open_target(searching)?;
            }
            Stage::Judging if searching.left.is_empty() => self.judged(searching)?,
            Stage::Judging => self.judge_some(searching)?,
            Stage::Gathering(gathering) => {
                if let Some(mailbox) = searching.target.mailbox {
                    let store = self.searched(&searching.target)?;
                    let hashing = self.kept.columns.hashing();
                    gathering.step(&store, mailbox, &searching.found.scores, hashing)?;
                }
                if gathering.is_done() {
                    self.gathered(searching)?;
                }
            }
        }
        Ok(Progress::More)
    }

    /// Judges a batch.
    fn judge_some(&mut self, searching: &mut Searching) -> Result<(), Stop> {
        let Some(mailbox) = searching.target.mailbox else {
            searching.left = Numbers::default();
            return Ok(());
        };
        let store = self.searched(&searching.target)?;
        let max = if searching.is_long() {
            CONTENTS_MAX
        } else {
            BATCH_MAX
        };
        let scored = searching.is_scored();
        // `None`: the state alone was enough.
        let mut states: Vec<(u32, Option<State>)> = Vec::new();
        let (mut reached, mut undecided, mut octets) = (0, 0, 0);
        let mut highest = searching.found.modseq;
        for &(from, to) in searching.left.ranges() {
            let (Some(from), Some(to)) = (Uid::new(from), Uid::new(to)) else {
                continue;
            };
            let mut last = to.raw();
            store.scan(mailbox, from, to, &mut |uid, state| {
                let uid = uid.raw();
                match searching.test.judge(&Subject::new(uid, state)) {
                    Some(false) => {}
                    Some(true) if !scored => {
                        highest = highest.max(Some(state.modseq));
                        states.push((uid, None));
                    }
                    _ => {
                        undecided += 1;
                        octets += state.size;
                        states.push((uid, Some(state.clone())));
                    }
                }
                let full = undecided >= max || octets >= BATCH_OCTETS_MAX;
                if full {
                    last = uid;
                }
                !full
            })?;
            reached = last;
            if undecided >= max || octets >= BATCH_OCTETS_MAX {
                break;
            }
        }
        searching.left = searching.left.after(reached);
        searching.found.modseq = highest;
        searching.decide(&store, states, scored)?;
        Ok(())
    }

    /// The result of one mailbox, as UIDs in its order.
    fn found(
        &mut self,
        searching: &mut Searching,
        listed: Listed,
        keyed: Vec<Keyed>,
    ) -> Result<(), Stop> {
        let wanted = searching.wanted;
        let asks_modseq = searching.key.asks_modseq();
        let scores = searching.found.scores_in(&listed);
        let mut told = listed.clone();
        if searching.target.is_selected {
            let selected = self.selected()?;
            if !searching.uid {
                told = numbers(&listed, selected);
            }
            if let Some(wanted) = wanted.filter(|w| w.save) {
                selected.saved = tell::saved(&listed, wanted);
            }
            // What was cut off would come as if it were new.
            if searching.unfollowed && searching.cut.is_none() {
                searching.follow(selected, keyed);
            }
        }
        let Some(wanted) = wanted else {
            let word = match searching.order {
                Order::Sorted(_) => "SORT",
                _ => "SEARCH",
            };
            let modseq = searching.found.modseq.filter(|_| asks_modseq);
            searching.stage = Stage::Telling(Telling::list(word, told, modseq));
            return Ok(());
        };
        // RFC 7377 §2.1: a mailbox in which nothing matches is not told of.
        if searching.target.named.is_some() && listed.is_empty() {
            searching.stage = Stage::Telling(Telling::default());
            return Ok(());
        }
        let named = searching.target.named.as_ref();
        let correlator = Correlator {
            tag: &searching.tag,
            mailbox: named.map(|(name, validity)| {
                let mut written = Vec::new();
                response::mailbox(&mut written, name, self.utf8);
                (written, *validity)
            }),
            uid: searching.uid,
        };
        let modseq = match asks_modseq {
            true => self.modseq_of(searching, wanted, &listed)?,
            false => None,
        };
        let telling = Telling::esearch(&correlator, wanted, told, scores, modseq);
        searching.stage = Stage::Telling(telling);
        Ok(())
    }
}

impl Runner {
    /// RFC 4731 §3.2: the mod-sequence of the ends where only they are returned, else the highest of all
    /// that was found.
    fn modseq_of(
        &self,
        searching: &Searching,
        wanted: Wanted,
        listed: &Listed,
    ) -> Result<Option<ModSeq>, Stop> {
        let whole = wanted.all || wanted.count || wanted.partial.is_some();
        if whole || !(wanted.min || wanted.max) {
            return Ok(searching.found.modseq);
        }
        let Some(mailbox) = searching.target.mailbox else {
            return Ok(None);
        };
        let store = self.searched(&searching.target)?;
        let ends = [
            listed.first().filter(|_| wanted.min),
            listed.last().filter(|_| wanted.max),
        ];
        let mut highest = None;
        for uid in ends.into_iter().flatten().filter_map(Uid::new) {
            match store.at(mailbox, uid) {
                Ok(state) => highest = highest.max(Some(state.modseq)),
                Err(Error::NotFound | Error::Expunged) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(highest)
    }
}

/// The greatest number that a message can have.
const LAST_UID: Uid = match Uid::new(u32::MAX) {
    Some(uid) => uid,
    None => Uid::FIRST,
};

/// RFC 9051 §7.1 BADCHARSET: some of those that are known.
const BAD_CHARSET: &str = "BADCHARSET (UTF-8 US-ASCII ISO-8859-1 ISO-8859-2 ISO-8859-15 \
    WINDOWS-1250 WINDOWS-1251 WINDOWS-1252 WINDOWS-1258 KOI8-R GB18030 BIG5 SHIFT_JIS EUC-JP EUC-KR \
    TCVN VISCII)";

/// The message numbers of these UIDs, in their order.
pub(in crate::run) fn numbers(listed: &Listed, selected: &Selected) -> Listed {
    let number = |uid| selected.view.number(uid);
    listed.iter().filter_map(number).collect()
}

impl Found {
    /// Of each result its score; nothing where none are kept.
    fn scores_in(&self, listed: &Listed) -> Vec<u8> {
        if self.scores.is_empty() {
            return Vec::new();
        }
        listed
            .iter()
            .map(|uid| score_of(&self.scores, uid))
            .collect()
    }
}

/// The score of a message, among scores in the order of UIDs.
fn score_of(scores: &[(u32, u8)], uid: u32) -> u8 {
    let found = scores.binary_search_by_key(&uid, |(uid, _)| *uid);
    found.map_or(100, |at| scores[at].1)
}

impl Searching {
    /// Judges what the states alone could not decide.
    fn decide(
        &mut self,
        store: &AccountStore,
        states: Vec<(u32, Option<State>)>,
        scored: bool,
    ) -> Result<(), Error> {
        let open = states.iter().filter_map(|(_, state)| state.as_ref());
        let emails: Vec<_> = open.map(|state| state.email).collect();
        // Where no content is read, nobody asks for the parts.
        let (mut heads, mut summaries) = match self.test.needs_content() {
            true => (Vec::new(), store.summaries(&emails)?),
            false => (store.letterheads(&emails)?, Vec::new()),
        };
        let (mut heads, mut summaries) =
            (heads.drain(..).peekable(), summaries.drain(..).peekable());
        for (uid, state) in states {
            let Some(state) = state else {
                self.found.uids.push(uid);
                continue;
            };
            let head = heads.next_if(|(email, _)| *email == state.email);
            let summary = summaries.next_if(|(email, _)| *email == state.email);
            let content;
            let mut subject = Subject::new(uid, &state);
            match (&head, &summary) {
                (_, Some((_, summary))) => subject.knows(summary),
                (Some((_, head)), _) => subject.knows_head(head),
                _ => continue,
            }
            let mut decided = self.test.judge(&subject);
            if decided.is_none() {
                content = content_of(store, &state)?;
                self.unread += u64::from(content.is_none());
                subject.reads(content.as_deref());
                decided = Some(self.test.judge(&subject).unwrap_or(false));
            }
            if decided == Some(true) {
                self.found.uids.push(uid);
                self.found.modseq = self.found.modseq.max(Some(state.modseq));
                if scored {
                    self.found.scores.push((uid, self.test.score(&subject)));
                }
            }
        }
        Ok(())
    }
}
