//! One subscription: its code is sent once; when it came back, what changes is. One message at a time.

use super::message::{self, Message};
use super::seal::TEXT_MAX;
use super::{House, Posted};
use crate::ear::{Ear, Wake, wished};
use crate::problem::Problem;
use crate::{ident, limit, subscription};
use directory::{Access, Heeding, Push, PushId};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

/// Seconds to wait after a failed message, by how many failed before it; the last counts for all that follow.
const WAITS_S: [u64; 8] = [10, 30, 120, 600, 1_800, 3_600, 7_200, 14_400];
/// After the store refused to say what changed, and between two looks at whether a suspended account is back.
const AGAIN: Duration = Duration::from_secs(30);

/// What becomes of a message by its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Taken,
    /// RFC 8030 §7.3: the subscription is no more.
    Gone,
    /// RFC 8030 §7.2
    TooLarge,
    /// RFC 8030 §8.4, RFC 8620 §7.2: not so often.
    TooOften,
    Failed,
}

impl Fate {
    fn of(posted: &Posted) -> Self {
        match posted {
            Posted::Status { code, .. } => match code {
                200..=299 => Self::Taken,
                404 | 410 => Self::Gone,
                413 => Self::TooLarge,
                429 => Self::TooOften,
                _ => Self::Failed,
            },
            Posted::Failed(_) => Self::Failed,
        }
    }
}

/// How often, and how much, it may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pace {
    /// Messages in a row that failed.
    tries: u32,
    /// Seconds between two messages.
    gap_s: u64,
    /// Octets of a message.
    room: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            tries: 0,
            gap_s: limit::PUSH_GAP_MIN_S,
            room: TEXT_MAX,
        }
    }
}

impl Pace {
    /// Seconds to wait before the next message; `None`: it is given up.
    fn after(&mut self, fate: Fate, retry_after_s: Option<u64>) -> Option<u64> {
        if fate == Fate::Taken {
            self.tries = 0;
            self.gap_s = (self.gap_s / 2).max(limit::PUSH_GAP_MIN_S);
            return Some(self.gap_s);
        }
        self.tries += 1;
        if fate == Fate::Gone || self.tries >= limit::PUSH_TRIES_MAX {
            return None;
        }
        let asked = retry_after_s.unwrap_or(0).min(limit::PUSH_GAP_MAX_S);
        Some(match fate {
            Fate::TooOften => {
                self.gap_s = (self.gap_s * 2).max(asked).min(limit::PUSH_GAP_MAX_S);
                self.gap_s
            }
            Fate::TooLarge => {
                self.room /= 2;
                self.gap_s
            }
            _ => {
                let step = (self.tries as usize - 1).min(WAITS_S.len() - 1);
                WAITS_S[step].max(asked)
            }
        })
    }
}

pub(super) struct Line {
    house: Arc<House>,
    id: PushId,
    wake: Wake,
    woken: watch::Receiver<u64>,
    /// Absent until the code came back, and while somebody looks on a blocking thread.
    ear: Option<Ear>,
    _heeding: Option<Heeding>,
    /// Something may have changed that was not looked at.
    due: bool,
    /// What changed and was not told.
    pending: Map<String, Value>,
    pace: Pace,
    not_before: Instant,
}

impl Line {
    pub(super) fn new(
        house: Arc<House>,
        id: PushId,
        wake: Wake,
        woken: watch::Receiver<u64>,
    ) -> Self {
        Self {
            house,
            id,
            wake,
            woken,
            ear: None,
            _heeding: None,
            due: false,
            pending: Map::new(),
            pace: Pace::default(),
            not_before: Instant::now(),
        }
    }

    /// Until the subscription has ended; then it is removed, should it be there still.
    pub(super) async fn run(mut self) {
        while self.step().await.is_some() {}
        let (directory, id) = (self.house.context.directory.clone(), self.id);
        let ended = self.house.pool.run(move || Ok(directory.end_push(id)?));
        if ended.await.is_err() {
            tracing::warn!(account = %self.id.account, "a push subscription that has ended is not removed yet");
        }
    }

    /// One thing to do, or to wait for. No address and no key is held while it waits. `None`: it has ended.
    async fn step(&mut self) -> Option<()> {
        self.woken.borrow_and_update();
        let (push, access) = self.house.context.directory.push(self.id)?;
        if !access.stands() {
            // Suspended: its words are kept for it.
            self.ear = None;
            drop((push, access));
            self.wait(Some(Instant::now() + AGAIN)).await?;
            return Some(());
        }
        if self.not_before > Instant::now() {
            drop((push, access));
            sleep_until(self.not_before).await;
            self.due = true;
            return Some(());
        }
        if !push.verified {
            if push.asked {
                drop((push, access));
                return self.wait(None).await;
            }
            return self.ask(push, access).await;
        }
        if self.ear.is_none() || self.due {
            let names: Option<Vec<String>> = push.types.clone();
            if self.look(access.clone(), names).await.is_err() {
                self.ear = None;
                self.not_before = Instant::now() + AGAIN;
                return Some(());
            }
        }
        if self.pending.is_empty() {
            drop((push, access));
            self.wait(None).await?;
            // So that a burst is one message.
            sleep(Duration::from_millis(limit::COALESCE_MS)).await;
            self.due = true;
            return Some(());
        }
        self.tell(push, access).await
    }

    /// Until it is woken, or this time has come.
    async fn wait(&mut self, until: Option<Instant>) -> Option<()> {
        match until {
            None => self.woken.changed().await.ok(),
            Some(at) => match timeout_at(at, self.woken.changed()).await {
                Ok(changed) => changed.ok(),
                Err(_) => Some(()),
            },
        }
    }

    /// Adds to what is pending.
    async fn look(&mut self, access: Access, names: Option<Vec<String>>) -> Result<(), Problem> {
        self.due = false;
        let (ear, wake, id) = (self.ear.take(), Arc::clone(&self.wake), self.id);
        if ear.is_none() {
            let wake = Arc::clone(&wake);
            self._heeding = Some(access.heed(Arc::new(move |()| crate::ear::wake(&wake))));
        }
        let context = self.house.context.clone();
        let directory = context.directory.clone();
        let looked = self.house.pool.run(move || {
            let names: Option<Vec<&str>> = names
                .as_ref()
                .map(|names| names.iter().map(String::as_str).collect());
            let types = wished(names.as_deref());
            let mut ear = match ear {
                Some(ear) => ear,
                None => Ear::resume(context, access, &types, directory.push_told(id)?, wake)?,
            };
            let changed = ear.look(&types)?;
            Ok((ear, changed))
        });
        let (ear, changed) = looked.await?;
        self.ear = Some(ear);
        for (account, states) in changed {
            let there = self
                .pending
                .entry(account)
                .or_insert_with(|| Map::new().into());
            if let (Some(there), Value::Object(states)) = (there.as_object_mut(), states) {
                there.extend(states);
            }
        }
        Ok(())
    }

    /// RFC 8620 §7.2: at once, and once; to an address from which no code came back nothing more is sent. Noted before
    /// it goes, so that neither a full disk nor a stop sends it twice.
    async fn ask(&mut self, push: Push, access: Access) -> Option<()> {
        let (directory, id) = (self.house.context.directory.clone(), self.id);
        let noted = self.house.pool.run(move || Ok(directory.push_asked(id)?));
        if noted.await.is_err() {
            drop((push, access));
            self.not_before = Instant::now() + AGAIN;
            return Some(());
        }
        let name = subscription::id(self.id.number);
        let verification = message::verification(&name, &push);
        let posted = self.post(verification, push, access).await;
        let fate = Fate::of(&posted);
        self.said(fate, &posted);
        self.pace = Pace::default();
        (fate != Fate::Gone).then_some(())
    }

    /// Tells what is pending, or as much of it as fits.
    async fn tell(&mut self, push: Push, access: Access) -> Option<()> {
        let own = ident::account(self.id.account);
        let (message, told) =
            message::change(&mut self.pending, (&own, &push.code), self.pace.room);
        let posted = self.post(message, push, access).await;
        let fate = Fate::of(&posted);
        let (given_up, wait) = self.said(fate, &posted);
        if given_up {
            return None;
        }
        self.not_before = Instant::now() + Duration::from_secs(wait?);
        self.due = true;
        if fate == Fate::Taken {
            if let (true, Some(ear)) = (self.pending.is_empty(), &self.ear) {
                let directory = &self.house.context.directory;
                directory.keep_push_told(self.id, &ear.told());
            }
        } else {
            // Nothing newer was looked up meanwhile.
            self.pending.extend(told);
        }
        Some(())
    }

    async fn post(&self, message: Message, push: Push, access: Access) -> Posted {
        let directory = &self.house.context.directory;
        let post = message.post(directory, &access, &push);
        drop((push, access));
        let Ok(post) = post else {
            return Posted::Failed("it cannot be encrypted".to_owned());
        };
        match self.house.posts.acquire().await {
            Ok(_permit) => self.house.courier.post(post).await,
            Err(_) => Posted::Failed("the server stops".to_owned()),
        }
    }

    /// Whether it is given up, and the seconds to wait otherwise.
    fn said(&mut self, fate: Fate, posted: &Posted) -> (bool, Option<u64>) {
        // Why there was no answer is not logged: it may say where the address leads.
        let (code, retry_after_s) = match posted {
            Posted::Status {
                code,
                retry_after_s,
            } => (Some(*code), *retry_after_s),
            Posted::Failed(_) => (None, None),
        };
        let wait = self.pace.after(fate, retry_after_s);
        let account = self.id.account;
        match (fate, wait) {
            (Fate::Taken, _) => tracing::debug!(%account, "pushed"),
            (_, Some(_)) => tracing::debug!(%account, ?code, "not pushed: again later"),
            (_, None) => tracing::info!(%account, ?code, "a push subscription is removed"),
        }
        (wait.is_none(), wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16) -> Posted {
        Posted::Status {
            code,
            retry_after_s: None,
        }
    }

    /// RFC 8030 §5, §7.2, §7.3, §8.4.
    #[test]
    fn answers_of_push_services() {
        for (code, fate) in [
            (200, Fate::Taken),
            (201, Fate::Taken),
            (202, Fate::Taken),
            (204, Fate::Taken),
            (307, Fate::Failed),
            (400, Fate::Failed),
            (403, Fate::Failed),
            (404, Fate::Gone),
            (410, Fate::Gone),
            (413, Fate::TooLarge),
            (429, Fate::TooOften),
            (500, Fate::Failed),
            (503, Fate::Failed),
        ] {
            assert_eq!(Fate::of(&status(code)), fate, "{code}");
        }
        assert_eq!(Fate::of(&Posted::Failed("x".into())), Fate::Failed);
    }

    #[test]
    fn what_fails_is_tried_ever_less_often_and_given_up() {
        let mut pace = Pace::default();
        let mut whole = 0;
        let mut last = 0;
        while let Some(wait) = pace.after(Fate::Failed, None) {
            assert!(wait >= last && wait <= 14_400);
            (whole, last) = (whole + wait, wait);
        }
        assert_eq!(pace.tries, limit::PUSH_TRIES_MAX);
        assert!((24 * 3_600..48 * 3_600).contains(&whole), "{whole}");
        assert_eq!(Pace::default().after(Fate::Gone, None), None);
        assert_eq!(Pace::default().after(Fate::Failed, Some(900)), Some(900));
        let long = Pace::default().after(Fate::Failed, Some(u64::MAX));
        assert_eq!(long, Some(limit::PUSH_GAP_MAX_S));
    }

    #[test]
    fn who_says_too_often_is_told_less_often_until_it_goes_well() {
        let mut pace = Pace::default();
        assert_eq!(pace.after(Fate::TooOften, Some(60)), Some(60));
        assert_eq!(pace.after(Fate::TooOften, None), Some(120));
        assert_eq!(pace.after(Fate::Taken, None), Some(60));
        assert_eq!(pace.after(Fate::Taken, None), Some(30));
        assert_eq!(pace.tries, 0);
        let room = pace.room;
        assert_eq!(pace.after(Fate::TooLarge, None), Some(30));
        assert_eq!(pace.room, room / 2);
    }
}
