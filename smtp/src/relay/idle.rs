//! Connections on which the peer waits for another letter (RFC 5321 §3.3: several transactions in one session).

use super::line::Line;
use delivery::Hop;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite};

/// Connections kept open without work, to all peers; more are ended at once.
pub const IDLE_MAX: usize = 200;

/// Open connections by next hop.
pub(crate) struct Idle<S>(Mutex<HashMap<Hop, Vec<Line<S>>>>);

impl<S> Default for Idle<S> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Idle<S> {
    fn lines(&self) -> std::sync::MutexGuard<'_, HashMap<Hop, Vec<Line<S>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one used last of those that fit: the others may grow too old.
    pub(crate) fn take(&self, hop: &Hop, fits: impl Fn(&Line<S>) -> bool) -> Option<Line<S>> {
        let mut lines = self.lines();
        let own = lines.get_mut(hop)?;
        let at = own.iter().rposition(fits);
        let line = at.map(|at| own.remove(at));
        if own.is_empty() {
            lines.remove(hop);
        }
        line
    }

    /// Keeps it; gives it back when there are enough.
    pub(crate) fn put(&self, hop: &Hop, line: Line<S>) -> Option<Line<S>> {
        let mut lines = self.lines();
        if lines.values().map(Vec::len).sum::<usize>() >= IDLE_MAX {
            return Some(line);
        }
        lines.entry(hop.clone()).or_default().push(line);
        None
    }

    /// Takes out what waited for too long.
    pub(crate) fn stale(&self) -> Vec<Line<S>> {
        let mut stale = Vec::new();
        self.lines().retain(|_, own| {
            let (fresh, old) = std::mem::take(own)
                .into_iter()
                .partition(|line: &Line<S>| line.is_fresh());
            *own = fresh;
            stale.extend::<Vec<Line<S>>>(old);
            !own.is_empty()
        });
        stale
    }

    /// Takes out all.
    pub(crate) fn all(&self) -> Vec<Line<S>> {
        self.lines().drain().flat_map(|(_, own)| own).collect()
    }
}
