//! Sign-ins that are half done: the password was right, and a code is still wanted.
//!
//! Kept in memory only and not for long, so that the password need not go through the page again. Whoever has the
//! server restarted under him begins anew.

use crate::form::new_token;
use directory::{Access, Enrolment};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So long somebody may look for the telephone.
const KEPT: Duration = Duration::from_secs(10 * 60);
/// Halves at a time. Only right passwords make them; the oldest goes for a further one.
const HALVES_MAX: usize = 10_000;

/// Of one account; its oldest goes for a further one, so that who has one password pushes nobody else out.
const OF_ONE_MAX: usize = 200;

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct Half {
    pub(crate) access: Access,
    /// What an app was told, while a second factor is being set up.
    pub(crate) drawn: Option<Enrolment>,
    /// The session that this browser has had.
    pub(crate) before: Option<String>,
}

/// All of them, by the secret that the page has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Halves(Arc<Mutex<HashMap<String, (Instant, Half)>>>);

impl Halves {
    /// Keeps one; its secret. `None`: the system gives no random octets.
    pub(crate) fn keep(&self, half: Half) -> Option<String> {
        let name = new_token()?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if all.len() >= HALVES_MAX {
            all.retain(|_, (since, _)| now.duration_since(*since) < KEPT);
        }
        if all.len() >= HALVES_MAX {
            let oldest = all.iter().min_by_key(|(_, (since, _))| *since);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                all.remove(&oldest);
            }
        }
        let of = half.access.account();
        let own = all
            .iter()
            .filter(|(_, (_, kept))| kept.access.account() == of);
        if own.clone().count() >= OF_ONE_MAX {
            let oldest = own.min_by_key(|(_, (since, _))| *since);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                all.remove(&oldest);
            }
        }
        all.insert(name.clone(), (now, half));
        Some(name)
    }

    /// The one of this secret, while it is kept.
    pub(crate) fn find(&self, name: &str) -> Option<Half> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, half) = all.get(name)?;
        (since.elapsed() < KEPT).then(|| half.clone())
    }

    /// It is done, or given up.
    pub(crate) fn end(&self, name: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(name);
    }
}
