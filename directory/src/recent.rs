//! Lately verified secrets, so that a mail program that signs in every minute does not cost an argon2id each
//! time. Keyed digests only, in memory only, five minutes, bounded.

use crate::bounded::Bounded;
use crate::{AccountId, CredentialId};

/// How long an answer is remembered.
pub(crate) const REMEMBERED_MS: i64 = 5 * 60 * 1000;
/// Answers remembered, right ones and wrong ones each.
pub(crate) const RECENT_MAX: usize = 20_000;

/// Digest of name and secret under the process's own random key.
pub(crate) type Attempt = [u8; 32];

#[derive(Debug, Clone, Copy)]
struct Right {
    account: AccountId,
    credential: CredentialId,
    at_ms: i64,
}

#[derive(Debug, Clone, Copy)]
struct Wrong {
    epoch: u64,
    at_ms: i64,
}

/// What was right and what was wrong.
#[derive(Debug)]
pub(crate) struct Recents {
    right: Bounded<Attempt, Right>,
    wrong: Bounded<Attempt, Wrong>,
}

impl Recents {
    pub(crate) fn new() -> Self {
        Self {
            right: Bounded::new(RECENT_MAX),
            wrong: Bounded::new(RECENT_MAX),
        }
    }

    /// What this attempt was right for; the caller checks that the credential still stands.
    pub(crate) fn right(
        &self,
        attempt: &Attempt,
        now_ms: i64,
    ) -> Option<(AccountId, CredentialId)> {
        let right = self.right.get(attempt)?;
        fresh(right.at_ms, now_ms).then_some((right.account, right.credential))
    }

    /// Whether this very attempt was wrong while the directory was as it is.
    pub(crate) fn wrong(&self, attempt: &Attempt, epoch: u64, now_ms: i64) -> bool {
        self.wrong
            .get(attempt)
            .is_some_and(|w| w.epoch == epoch && fresh(w.at_ms, now_ms))
    }

    pub(crate) fn was_right(
        &mut self,
        attempt: Attempt,
        (account, credential): (AccountId, CredentialId),
        now_ms: i64,
    ) {
        let right = Right {
            account,
            credential,
            at_ms: now_ms,
        };
        *self.right.entry(attempt, || right) = right;
    }

    pub(crate) fn was_wrong(&mut self, attempt: Attempt, epoch: u64, now_ms: i64) {
        let wrong = Wrong {
            epoch,
            at_ms: now_ms,
        };
        *self.wrong.entry(attempt, || wrong) = wrong;
    }

    pub(crate) fn forget(&mut self, attempt: &Attempt) {
        self.right.remove(attempt);
    }
}

fn fresh(at_ms: i64, now_ms: i64) -> bool {
    (0..REMEMBERED_MS).contains(&now_ms.saturating_sub(at_ms))
}
