//! Calls: what a hook is told next, signed, and what becomes of it when the other side does not answer.
//!
//! A call that fails is made again, ever less often, for about two days; then that one event is given up. When that
//! happened to some events in a row, or the other side says 410 Gone, the hook stops until somebody switches it on again.

use super::event::{Event, changed};
use super::{Hook, KeptHook};
use crate::audit::{AUDIT_PAGE_MAX, Entry};
use crate::verifier::hmac;
use crate::{AgencyId, Directory, Error};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fmt::Write as _;

/// Seconds to wait after a failed call, by how many failed before it; the last counts for all that follow.
const WAITS_S: [i64; 9] = [10, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 21_600];
/// Calls for one event.
pub const TRIES_MAX: u32 = 14;
/// Events given up in a row after which a hook stops.
pub const STOPPED_AFTER: u32 = 3;
/// Failures that are remembered of a hook.
const FAILURES_MAX: usize = 20;
/// Octets of an error that is remembered.
const ERROR_MAX: usize = 300;
/// Pages of the log looked through for one call; more follow next time.
const PAGES_MAX: usize = 5;
/// RFC 9110 §15.5.11.
const GONE: u16 = 410;

/// Why a hook is not called any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stopped {
    /// The other side said 410.
    Gone,
    /// Some events in a row were given up.
    Failing,
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Failure {
    pub event: u64,
    /// Unix seconds.
    pub at: i64,
    /// Of the answer, if there was one.
    pub status: Option<u16>,
    /// What was wrong, in English.
    pub error: String,
    /// It was the last try for this event.
    pub given_up: bool,
}

/// How a hook goes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct HookState {
    /// Entries of the log up to this one are told, or are none of its.
    pub told: u64,
    /// Calls for the next event that failed.
    pub tries: u32,
    /// Unix seconds before which it is not called.
    pub again_at: i64,
    pub delivered: u64,
    pub given_up: u64,
    pub given_up_in_row: u32,
    /// When a call succeeded last.
    pub last_at: Option<i64>,
    pub stopped: Option<Stopped>,
    /// The newest last.
    pub failures: Vec<Failure>,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The other side answered with this status.
    Status(u16),
    /// There was no answer: why, in English.
    Failed(String),
}

/// A call to make.
#[derive(Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Call {
    pub hook: u64,
    /// The number of the entry: the same each time the call is made again.
    pub event: u64,
    pub name: &'static str,
    pub url: String,
    /// JSON.
    pub body: String,
    /// `t=UNIX-SECONDS,v1=HEX`: HMAC-SHA256 by the hook's secret over the seconds, a full stop and the body.
    pub signature: String,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Call({}, {})", self.hook, self.event)
    }
}

impl HookState {
    pub(super) fn from(entry: u64) -> Self {
        Self {
            told: entry,
            ..Self::default()
        }
    }

    pub(super) fn resume(&mut self) {
        self.stopped = None;
        self.tries = 0;
        self.again_at = 0;
        self.given_up_in_row = 0;
    }

    pub(super) fn skip_to(&mut self, entry: u64) {
        self.told = self.told.max(entry);
        self.tries = 0;
    }

    /// Whether it may be called now.
    fn is_due(&self, now_s: i64) -> bool {
        self.stopped.is_none() && self.again_at <= now_s
    }

    fn ended(&mut self, event: u64, answer: &Answer, now_s: i64) {
        if let Answer::Status(200..=299) = answer {
            self.told = event;
            self.tries = 0;
            self.again_at = 0;
            self.given_up_in_row = 0;
            self.delivered += 1;
            self.last_at = Some(now_s);
            return;
        }
        let wait = WAITS_S.get(self.tries as usize).copied();
        let wait = wait.unwrap_or(WAITS_S[WAITS_S.len() - 1]);
        self.tries += 1;
        let given_up = self.tries >= TRIES_MAX;
        let (status, error) = match answer {
            Answer::Status(status) => (Some(*status), format!("it answered {status}")),
            Answer::Failed(why) => (None, why.chars().take(ERROR_MAX).collect()),
        };
        if self.failures.len() >= FAILURES_MAX {
            self.failures.remove(0);
        }
        self.failures.push(Failure {
            event,
            at: now_s,
            status,
            error,
            given_up,
        });
        self.again_at = now_s.saturating_add(wait);
        if given_up {
            self.told = event;
            self.tries = 0;
            self.given_up += 1;
            self.given_up_in_row += 1;
        }
        if status == Some(GONE) {
            self.stopped = Some(Stopped::Gone);
        } else if self.given_up_in_row >= STOPPED_AFTER {
            self.stopped = Some(Stopped::Failing);
        }
    }
}

fn signature(secret: &str, at: i64, body: &str) -> String {
    let mac = hmac(secret.as_bytes(), format!("{at}.{body}").as_bytes());
    let mut text = format!("t={at},v1=");
    for octet in mac {
        let _ = write!(text, "{octet:02x}");
    }
    text
}

fn body(entry: &Entry, event: Event) -> String {
    let body = json!({
        "id": entry.number, "event": event.name(), "at": formats::date::utc(entry.at),
        "account": entry.account.map(|id| id.raw()), "object": entry.object,
        "agency": entry.agency, "by": entry.actor, "changed": changed(entry),
    });
    body.to_string()
}

impl Directory {
    /// Calls that are due, one for each hook, at most `max`. None while the config has hooks switched off.
    pub fn calls_due(&self, max: usize) -> Result<Vec<Call>, Error> {
        let now = self.now_s();
        let mut calls = Vec::new();
        for (kept, state) in self.inner.hooks.kept() {
            if calls.len() >= max {
                break;
            }
            if kept.hook.enabled && state.is_due(now) {
                calls.extend(self.call(&kept, state, now)?);
            }
        }
        Ok(calls)
    }

    fn call(&self, kept: &KeptHook, mut state: HookState, now: i64) -> Result<Option<Call>, Error> {
        let hook = &kept.hook;
        for _ in 0..PAGES_MAX {
            let page = self.audit_forward(state.told, AUDIT_PAGE_MAX)?;
            let Some(last) = page.last().map(|entry| entry.number) else {
                break;
            };
            if let Some((entry, event)) = page
                .iter()
                .find_map(|entry| Some((entry, self.is_for(hook, entry)?)))
            {
                let body = body(entry, event);
                return Ok(Some(Call {
                    hook: hook.id,
                    event: entry.number,
                    name: event.name(),
                    url: hook.url.clone(),
                    signature: signature(&kept.secret, now, &body),
                    body,
                }));
            }
            state.told = last;
        }
        // Not written: who comes after a restart looks through it again.
        self.inner.hooks.looked(hook.id, state.told);
        Ok(None)
    }

    /// The event, where this hook is to hear of it.
    fn is_for(&self, hook: &Hook, entry: &Entry) -> Option<Event> {
        let event = Event::of(entry)?;
        let wanted = hook.events.is_empty() || hook.events.contains(&event);
        let of = AgencyId(entry.agency.clone()?);
        (wanted && self.read().is_above(&hook.agency, &of)).then_some(event)
    }

    /// Keeps what came of a call, before the next one is made.
    pub fn call_ended(&self, call: &Call, answer: &Answer) -> Result<(), Error> {
        let _acts = self.acts();
        let Some((_, mut state)) = self.inner.hooks.one(call.hook) else {
            return Ok(());
        };
        if state.told >= call.event {
            // Somebody skipped it meanwhile.
            return Ok(());
        }
        state.ended(call.event, answer, self.now_s());
        if let Some(why) = state.stopped {
            tracing::warn!(
                webhook = call.hook,
                ?why,
                "a webhook is not called any more"
            );
        }
        self.keep_hook_state(call.hook, state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_signed_as_the_documents_say() {
        // By OpenSSL: printf '1795305600.{"id":7}' | openssl dgst -sha256 -hmac bi-mat
        assert_eq!(
            signature("bi-mat", 1_795_305_600, r#"{"id":7}"#),
            "t=1795305600,v1=06823690370ab7c694bf96fbe1ed133f7b75ac4cd51dc76a22e0eaaf8eb17b50"
        );
    }

    #[test]
    fn an_event_is_tried_ever_less_often_and_then_given_up() {
        let mut state = HookState::from(10);
        let mut now = 0;
        for n in 1..=TRIES_MAX {
            assert!(state.is_due(now));
            state.ended(11, &Answer::Failed("nobody is there".into()), now);
            assert!(!state.is_due(now));
            assert_eq!(state.told, if n == TRIES_MAX { 11 } else { 10 });
            assert_eq!(state.failures.last().unwrap().given_up, n == TRIES_MAX);
            assert!(state.again_at - now <= 21_600);
            now = state.again_at;
        }
        assert!((36 * 3600..72 * 3600).contains(&now), "{now}");
        state.ended(12, &Answer::Status(204), now);
        assert_eq!((state.told, state.delivered, state.given_up), (12, 1, 1));
        assert!(state.is_due(now) && state.stopped.is_none());
    }

    #[test]
    fn i13_a_hook_that_only_fails_stops_and_remembers_little() {
        let mut state = HookState::from(0);
        let mut event = 1;
        while state.stopped.is_none() {
            state.ended(event, &Answer::Status(500), 0);
            event = state.told + 1;
        }
        assert_eq!(state.stopped, Some(Stopped::Failing));
        assert_eq!(state.given_up, u64::from(STOPPED_AFTER));
        assert_eq!(state.failures.len(), FAILURES_MAX);
        state.resume();
        assert!(state.is_due(0));
        state.ended(event, &Answer::Status(410), 0);
        assert_eq!(state.stopped, Some(Stopped::Gone));
        assert_eq!(state.told, event - 1);
    }
}
