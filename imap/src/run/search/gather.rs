//! What SORT and THREAD need of each message that was found: first its state, then, where the order asks
//! for it, its header.

use super::{BATCH_MAX, Listed, score_of};
use crate::run::context::Keyed;
use crate::run::sort::Sorting;
use crate::run::thread::{Forest, Threading};
use crate::run::{BATCH_OCTETS_MAX, Stop};
use crate::view::View;
use crate::wire::sequence::Numbers;
use crate::wire::sort::{Algorithm, Criterion};
use formats::message::Letterhead;
use storage::{AccountStore, MailboxId, State, Uid};

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
            size: state.size,
            received_at: state.received_at,
            sent_at: state.sent_at,
            score,
        }
    }
}

enum Into {
    Sort(Sorting),
    /// With the view for message numbers.
    Thread(Threading, Option<View>),
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
    /// UIDs.
    left: Numbers,
}

impl Gathering {
    pub(super) fn sort(criteria: &[Criterion], uids: &Numbers) -> Self {
        Self {
            into: Into::Sort(Sorting::new(criteria.to_vec())),
            left: uids.clone(),
        }
    }

    /// With a view, message numbers are told instead of UIDs.
    pub(super) fn thread(algorithm: Algorithm, uids: &Numbers, view: Option<View>) -> Self {
        Self {
            into: Into::Thread(Threading::new(algorithm), view),
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
    ) -> Result<(), Stop> {
        let needs_header = match &self.into {
            Into::Sort(sorting) => sorting.needs_header(),
            Into::Thread(..) => true,
        };
        let max = if needs_header { BATCH_MAX } else { STATES_MAX };
        let mut hits = Vec::new();
        let mut emails = Vec::new();
        let (mut reached, mut octets) = (0, 0);
        for &(from, to) in self.left.ranges() {
            let (Some(from), Some(to)) = (Uid::new(from), Uid::new(to)) else {
                continue;
            };
            let mut last = to.raw();
            store.scan(mailbox, from, to, &mut |uid, state| {
                hits.push(Hit::of(uid.raw(), state, score_of(scores, uid.raw())));
                if needs_header {
                    emails.push(state.email);
                    octets += state.size;
                }
                let full = hits.len() >= max || octets >= BATCH_OCTETS_MAX;
                if full {
                    last = uid.raw();
                }
                !full
            })?;
            reached = last;
            if hits.len() >= max || octets >= BATCH_OCTETS_MAX {
                break;
            }
        }
        self.left = self.left.after(reached);
        let mut heads = store.letterheads(&emails)?.into_iter().peekable();
        for (at, hit) in hits.iter().enumerate() {
            let own = emails.get(at).copied();
            let head = heads.next_if(|(email, _)| Some(*email) == own);
            self.add(hit, head.as_ref().map(|(_, head)| &**head))?;
        }
        Ok(())
    }

    fn add(&mut self, hit: &Hit, head: Option<&Letterhead>) -> Result<(), Stop> {
        match &mut self.into {
            Into::Sort(sorting) => sorting.add(hit, head),
            Into::Thread(threading, view) => {
                let number = match view {
                    Some(view) => view.number(hit.uid).unwrap_or(0),
                    None => hit.uid,
                };
                threading.add(number, hit, head)
            }
        }
    }

    pub(super) fn finish(self, keeps_keys: bool) -> Ordered {
        match self.into {
            Into::Sort(mut sorting) => {
                let listed = sorting.finish().collect();
                let keyed = match keeps_keys {
                    true => sorting.keyed(),
                    false => Vec::new(),
                };
                Ordered::List(listed, keyed)
            }
            Into::Thread(threading, _) => Ordered::Forest(threading.finish()),
        }
    }
}
