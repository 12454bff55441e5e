//! DNS that is dead: while it gives no answers nobody waits for them. So many questions in a row without an answer, and
//! it is left alone for a while; then one question goes to see, and an answer lets all ask again.
//!
//! What counts is silence, not what an answer says: a name server that says it failed is there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Questions without an answer, one after the other, by which DNS counts as dead: those of two messages.
pub const SILENT_MAX: u32 = 4;
/// Seconds for which it is left alone; so long it is not noticed that it is back.
pub const REST_S: i64 = 30;

/// Whether DNS answers; shared by all who ask.
#[derive(Debug, Default)]
pub struct Silence {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Questions without an answer since the last one that had one.
    silent: u32,
    /// Unix seconds of the first of them.
    since: Option<i64>,
    /// When somebody is to see again, once it counts as dead.
    rests_until: Option<i64>,
    /// Somebody is seeing.
    probing: bool,
}

/// Leave to ask one question; what comes of it is told to it.
#[derive(Debug)]
pub struct Leave {
    silence: Arc<Silence>,
    probe: bool,
}

impl Silence {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether something may be asked at this time (Unix seconds); `None`: there would be no answer.
    #[must_use]
    pub fn leave(self: &Arc<Self>, now: i64) -> Option<Leave> {
        let mut state = self.lock();
        let probe = match state.rests_until {
            None => false,
            // A clock that was set back makes nobody wait for longer.
            Some(until) if now < until && until - now <= REST_S => return None,
            Some(_) if state.probing => return None,
            Some(_) => true,
        };
        state.probing |= probe;
        Some(Leave {
            silence: Arc::clone(self),
            probe,
        })
    }

    /// Since when it gives no answer (Unix seconds), where it counts as dead.
    #[must_use]
    pub fn since(&self) -> Option<i64> {
        let state = self.lock();
        state.rests_until.and(state.since)
    }
}

impl Leave {
    /// Something came back, whatever it says.
    pub fn answered(self) {
        let mut state = self.silence.lock();
        if state.rests_until.is_some() {
            tracing::info!("DNS answers again: mail from outside is looked at");
        }
        let probing = state.probing && !self.probe;
        *state = State {
            probing,
            ..State::default()
        };
    }

    /// Nothing did, until this time (Unix seconds).
    pub fn silent(self, now: i64) {
        let mut state = self.silence.lock();
        state.silent = state.silent.saturating_add(1);
        state.since.get_or_insert(now);
        match state.rests_until {
            None if state.silent >= SILENT_MAX => {
                tracing::warn!(
                    questions = state.silent,
                    "DNS gives no answer: mail from outside comes in unchecked (temperror) until it does; see relay.name_servers, or set inbound.verify = false"
                );
                state.rests_until = Some(now.saturating_add(REST_S));
            }
            Some(_) if self.probe => state.rests_until = Some(now.saturating_add(REST_S)),
            _ => {}
        }
    }
}

impl Drop for Leave {
    /// Told or given up: somebody else may see now.
    fn drop(&mut self) {
        if self.probe {
            self.silence.lock().probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silent(silence: &Arc<Silence>, now: i64) -> bool {
        let leave = silence.leave(now);
        leave.map(|leave| leave.silent(now)).is_some()
    }

    #[test]
    fn it_is_left_alone_after_so_many_and_one_goes_to_see() {
        let silence = Arc::new(Silence::default());
        // An answer in between, and all begins anew.
        for _ in 0..3 {
            assert!((1..SILENT_MAX).all(|_| silent(&silence, 100)));
            silence.leave(100).unwrap().answered();
        }
        assert!((0..SILENT_MAX).all(|n| silent(&silence, 100 + i64::from(n))));
        assert_eq!(silence.since(), Some(100));
        let begun = 100 + i64::from(SILENT_MAX) - 1;
        assert!(!silent(&silence, begun) && !silent(&silence, begun + REST_S - 1));
        // One sees, the others do not wait for it.
        let probe = silence.leave(begun + REST_S).unwrap();
        assert!(silence.leave(begun + REST_S).is_none());
        probe.silent(begun + REST_S + 2);
        assert!(silence.leave(begun + 2 * REST_S).is_none());
        assert_eq!(silence.since(), Some(100));
        // Who gives up without having heard anything leaves it to the next one.
        drop(silence.leave(begun + 2 * REST_S + 2).unwrap());
        silence.leave(begun + 2 * REST_S + 2).unwrap().answered();
        assert_eq!(silence.since(), None);
        assert!((0..100).all(|_| silence.leave(begun).is_some()));
    }

    #[test]
    fn answers_to_older_questions_count_too() {
        let silence = Arc::new(Silence::default());
        let (older, late) = (silence.leave(0).unwrap(), silence.leave(0).unwrap());
        assert!((0..SILENT_MAX).all(|_| silent(&silence, 5)));
        // One that began before is no reason to rest for longer.
        late.silent(20);
        let probe = silence.leave(5 + REST_S).unwrap();
        drop(probe);
        older.answered();
        assert!(silence.since().is_none() && silence.leave(6).is_some());
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait() {
        let silence = Arc::new(Silence::default());
        assert!((0..SILENT_MAX).all(|_| silent(&silence, 1_000_000)));
        assert!(silence.leave(1_000_000).is_none());
        assert!(silence.leave(5).is_some());
    }
}
