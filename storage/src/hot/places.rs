//! Where a message in memory is, as small as can be: there are millions.

use crate::{MailboxId, State, Uid};

/// Mostly one: then it costs no allocation.
#[derive(Clone)]
pub(super) enum Few<T> {
    One(T),
    Many(Box<[T]>),
}

impl<T: Copy> Few<T> {
    pub(super) fn new(list: &[T]) -> Self {
        match list {
            [one] => Self::One(*one),
            many => Self::Many(many.into()),
        }
    }

    pub(super) fn list(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// Where a message is, each time with when it was put there: one more than Unix seconds, zero where that is not
/// known. Mostly in one mailbox: then it takes no more room than without the time.
#[derive(Clone)]
pub(super) enum Places {
    None,
    One((MailboxId, Uid), u32),
    Many(Box<Several>),
}

#[derive(Clone)]
pub(super) struct Several {
    list: Box<[(MailboxId, Uid)]>,
    saved: Box<[u32]>,
}

impl Places {
    pub(super) fn of(state: &State) -> Self {
        let saved = |place: &(MailboxId, Uid)| {
            let at = state.saved_at(place.0).map(|at| at.saturating_add(1));
            at.map_or(0, |at| u32::try_from(at.max(0)).unwrap_or(u32::MAX))
        };
        match state.mailboxes.as_slice() {
            [] => Self::None,
            [one] => Self::One(*one, saved(one)),
            many => Self::Many(Box::new(Several {
                list: many.into(),
                saved: many.iter().map(saved).collect(),
            })),
        }
    }

    pub(super) fn list(&self) -> &[(MailboxId, Uid)] {
        match self {
            Self::None => &[],
            Self::One(one, _) => std::slice::from_ref(one),
            Self::Many(many) => &many.list,
        }
    }

    /// Adds the times that are known.
    pub(super) fn add_saved(&self, times: &mut Vec<(MailboxId, i64)>) {
        let saved = match self {
            Self::None => &[],
            Self::One(_, at) => std::slice::from_ref(at),
            Self::Many(many) => &*many.saved,
        };
        let known = self.list().iter().zip(saved).filter(|(_, at)| **at > 0);
        times.extend(known.map(|(place, at)| (place.0, i64::from(*at) - 1)));
    }
}
