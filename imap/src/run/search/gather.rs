//! What SORT and THREAD need of each message that was found: first its state, then, where the order asks
//! for it and no column knows it yet, its header.

use super::tell::Telling;
use super::{BATCH_MAX, Listed, Searching, Stage, score_of};
use crate::run::columns::{Columns, Filling, Hashing, Of};
use crate::run::context::Keyed;
use crate::run::sort::{self, Sorting};
use crate::run::thread::{self, Forest, Threading};
use crate::run::{BATCH_OCTETS_MAX, Runner, Stop};
use crate::view::View;
use crate::wire::sequence::Numbers;
use crate::wire::sort::{Algorithm, Criterion, Order};
use storage::{AccountId, AccountStore, EmailId, MailboxId, State, Uid, UidValidity};

/// Messages of one step where states are enough.
const STATES_MAX: usize = 64 * 1024;

/// What the state says of a message that was found.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::run) struct Hit {
    pub(in crate::run) uid: u32,
    /// Octets.
    pub(in crate::run) size: u64,
    /// Unix seconds.
    pub(in crate::run) received_at: i64,
    /// Unix seconds.
    pub(in crate::run) sent_at: i64,
    /// RFC 6203 §4.
    pub(in crate::run) score: u8,
}

impl Hit {
    pub(in crate::run) fn of(uid: u32, state: &State, score: u8) -> Self {
        Self {
            uid,
            size: state.told_size(),
            received_at: state.received_at,
            sent_at: state.sent_at,
            score,
        }
    }
}

enum Into {
    Sort(Vec<Criterion>),
    /// With the view for message numbers.
    Thread(Algorithm, Option<View>),
}

/// What came of it, as UIDs, or as the numbers to be told.
pub(super) enum Ordered {
    /// With the keys, where they are to be kept.
    List(Listed, Vec<Keyed>),
    Forest(Forest),
}

/// Messages being gathered.
pub(super) struct Gathering {
    into: Into,
    /// A column for each criterion that asks for the header, or the one for threads.
    fillings: Vec<Option<Filling>>,
    hits: Vec<Hit>,
    /// UIDs.
    left: Numbers,
}

/// The mailbox that is gathered from, and what is known of it.
pub(super) struct Ground<'a> {
    pub(super) columns: &'a Columns,
    pub(super) account: AccountId,
    pub(super) mailbox: MailboxId,
    pub(super) validity: UidValidity,
}

impl Ground<'_> {
    fn open(&self, of: Of) -> Filling {
        let key = (self.account, self.mailbox, self.validity, of);
        self.columns.open(key)
    }
}

impl Gathering {
    pub(super) fn sort(criteria: &[Criterion], uids: &Numbers, ground: &Ground<'_>) -> Self {
        let header = |c: &Criterion| c.by.needs_header().then(|| ground.open(Of::Sort(c.by)));
        Self {
            into: Into::Sort(criteria.to_vec()),
            fillings: criteria.iter().map(header).collect(),
            hits: Vec::new(),
            left: uids.clone(),
        }
    }

    /// With a view, message numbers are told instead of UIDs.
    pub(super) fn thread(
        algorithm: Algorithm,
        uids: &Numbers,
        view: Option<View>,
        ground: &Ground<'_>,
    ) -> Self {
        Self {
            into: Into::Thread(algorithm, view),
            fillings: vec![Some(ground.open(Of::Thread))],
            hits: Vec::new(),
            left: uids.clone(),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.left.is_empty()
    }

    /// Reads a batch. Errors: NO LIMIT.
    pub(super) fn step(
        &mut self,
        store: &AccountStore,
        mailbox: MailboxId,
        scores: &[(u32, u8)],
        hashing: &Hashing,
    ) -> Result<(), Stop> {
        // Messages that a column lacks.
        let mut unknown: Vec<(u32, EmailId)> = Vec::new();
        let mut octets = 0;
        let (mut reached, mut full, begun) = (0, false, self.hits.len());
        let Self { fillings, hits, .. } = self;
        for &(from, to) in self.left.ranges() {
            let (Some(from), Some(to)) = (Uid::new(from), Uid::new(to)) else {
                continue;
            };
            let mut last = to.raw();
            store.scan(mailbox, from, to, &mut |uid, state| {
                let uid = uid.raw();
                hits.push(Hit::of(uid, state, score_of(scores, uid)));
                let knows = |filling: &mut Filling| filling.knows(uid);
                // All are asked, so that each is at its place.
                let lacking = fillings
                    .iter_mut()
                    .flatten()
                    .filter_map(|f| (!knows(f)).then_some(()));
                if lacking.count() > 0 {
                    unknown.push((uid, state.email));
                    octets += state.size;
                }
                full = unknown.len() >= BATCH_MAX
                    || octets >= BATCH_OCTETS_MAX
                    || hits.len() - begun >= STATES_MAX;
                if full {
                    last = uid;
                }
                !full
            })?;
            reached = last;
            if full {
                break;
            }
        }
        self.left = self.left.after(reached);
        self.learn(store, &unknown, hashing)
    }

    /// Reads the headers of these messages.
    fn learn(
        &mut self,
        store: &AccountStore,
        unknown: &[(u32, EmailId)],
        hashing: &Hashing,
    ) -> Result<(), Stop> {
        let emails: Vec<EmailId> = unknown.iter().map(|(_, email)| *email).collect();
        let mut heads = store.letterheads(&emails)?.into_iter().peekable();
        for (uid, email) in unknown {
            let head = heads.next_if(|(own, _)| own == email);
            let head = head.as_ref().map(|(_, head)| &**head);
            for filling in self.fillings.iter_mut().flatten() {
                let entry = match filling.of() {
                    Of::Sort(by) => sort::entry(by, head),
                    Of::Thread => thread::entry(hashing, head),
                };
                filling.learn(*uid, &entry);
            }
        }
        let added = self.fillings.iter().flatten().map(Filling::weight).sum();
        sort::within_bounds(self.hits.len(), added)
    }

    /// Puts them in order, and leaves what was learnt to the next command. Errors: NO LIMIT.
    pub(super) fn finish(self, columns: &Columns, keeps_keys: bool) -> Result<Ordered, Stop> {
        let close = |filling: Option<Filling>| filling.map(|filling| columns.close(filling));
        let columns: Vec<_> = self.fillings.into_iter().map(close).collect();
        let hits = &self.hits;
        Ok(match self.into {
            Into::Sort(criteria) => {
                let sorting = Sorting {
                    criteria: &criteria,
                    hits,
                    columns: &columns,
                };
                if keeps_keys {
                    let keyed = sorting.keyed();
                    let listed = keyed.iter().map(|(_, uid)| *uid).collect();
                    return Ok(Ordered::List(listed, keyed));
                }
                Ordered::List(sorting.order().into_iter().collect(), Vec::new())
            }
            Into::Thread(algorithm, view) => {
                let mut threading = Threading::new(algorithm);
                let column = columns.into_iter().flatten().next().unwrap_or_default();
                let places = column.places(hits.iter().map(|hit| hit.uid));
                for (hit, place) in hits.iter().zip(places) {
                    let number = match &view {
                        Some(view) => view.number(hit.uid).unwrap_or(0),
                        None => hit.uid,
                    };
                    threading.add(number, hit, column.entry(place))?;
                }
                Ordered::Forest(threading.finish())
            }
        })
    }
}

impl Runner {
    /// All of a mailbox has been judged.
    pub(super) fn judged(&mut self, searching: &mut Searching) -> Result<(), Stop> {
        let uids = &searching.found.uids;
        if searching.order == Order::Mailbox {
            return self.found(searching, Listed::from(uids), Vec::new());
        }
        let Some(mailbox) = searching.target.mailbox else {
            return self.found(searching, Listed::default(), Vec::new());
        };
        let store = self.searched(&searching.target)?;
        let ground = Ground {
            columns: &self.kept.columns,
            account: store.id(),
            mailbox,
            validity: store.mailbox(mailbox)?.uid_validity,
        };
        let gathering = match &searching.order {
            Order::Mailbox => return Ok(()),
            Order::Sorted(criteria) => Gathering::sort(criteria, uids, &ground),
            Order::Threaded(algorithm) => {
                let selected = self.selected.as_deref().filter(|_| !searching.uid);
                let view = selected.map(|selected| selected.view.clone());
                Gathering::thread(*algorithm, uids, view, &ground)
            }
        };
        searching.stage = Stage::Gathering(Box::new(gathering));
        Ok(())
    }

    /// Everything that an order needs has been read.
    pub(super) fn gathered(&mut self, searching: &mut Searching) -> Result<(), Stop> {
        let stage = std::mem::replace(&mut searching.stage, Stage::Judging);
        let Stage::Gathering(gathering) = stage else {
            return Ok(());
        };
        match gathering.finish(&self.kept.columns, searching.unfollowed)? {
            Ordered::List(listed, keyed) => self.found(searching, listed, keyed)?,
            Ordered::Forest(forest) => {
                searching.stage = Stage::Telling(Telling::threads(forest));
            }
        }
        Ok(())
    }
}
