//! Browser sessions: opened by a password, known by a random token of which only the digest is kept.

use crate::fact::{Fact, encode as encode_row, table};
use crate::hash::{digest, encode, random};
use crate::origin::Origin;
use crate::{Access, AccountId, CredentialId, Denied, Directory, Error, Peer, Through};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use storage::RowChange;

/// Seconds without use after which a session ends.
pub const IDLE_MAX_S: i64 = 12 * 60 * 60;
/// Seconds after which a session ends, used or not.
pub const AGE_MAX_S: i64 = 7 * 24 * 60 * 60;
/// Sessions of one account; a further one ends the one used longest ago.
pub const SESSIONS_MAX: usize = 50;
/// Octets of a token that is looked at.
const TOKEN_MAX: usize = 128;
/// Seconds between two writings of when a session was last used.
const SEEN_STEP_S: i64 = 10 * 60;

/// A browser session's secret as set in the cookie; `Debug` is `***`. Stored only as a hash.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken(pub String);

impl std::fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// A session as kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SessionRow {
    pub(crate) account: AccountId,
    /// The password that opened it; the session ends with it.
    pub(crate) credential: CredentialId,
    pub(crate) opened_at: i64,
    /// From where, to be shown to the account's owner.
    pub(crate) ip: String,
}

/// A session in memory.
#[derive(Debug)]
pub(crate) struct KeptSession {
    pub(crate) row: SessionRow,
    pub(crate) seen_at: AtomicI64,
    /// The `seen_at` that was last handed over for writing.
    written_at: AtomicI64,
}

impl KeptSession {
    pub(crate) fn new(row: SessionRow) -> Self {
        let opened = row.opened_at;
        Self {
            row,
            seen_at: AtomicI64::new(opened),
            written_at: AtomicI64::new(opened),
        }
    }

    pub(crate) fn ended(&self, now_s: i64) -> bool {
        now_s >= self.row.opened_at.saturating_add(AGE_MAX_S)
            || now_s >= self.seen_at.load(Relaxed).saturating_add(IDLE_MAX_S)
    }
}

impl Directory {
    /// Opens a browser session for somebody who just signed in by password; durable; ends after 12 h idle,
    /// after 7 days, or with the password. Errors: `Denied` for app passwords and tokens, which must not
    /// grow into a browser's rights, and where a code is wanted (`open_with_code`).
    pub fn open_session(&self, access: &Access, peer: Peer) -> Result<SessionToken, Error> {
        if !self.read().opens_alone(access.account) {
            return Err(Denied.into());
        }
        self.begin_session(access, peer, Vec::new())
    }

    /// The same, with what becomes so with it.
    pub(crate) fn begin_session(
        &self,
        access: &Access,
        peer: Peer,
        with: Vec<Fact>,
    ) -> Result<SessionToken, Error> {
        let (token, mut facts) = self.new_session(access, peer)?;
        facts.extend(with);
        self.commit_unlogged(facts)?;
        Ok(token)
    }

    /// A session, and what becomes so when it is opened.
    pub(crate) fn new_session(
        &self,
        access: &Access,
        peer: Peer,
    ) -> Result<(SessionToken, Vec<Fact>), Error> {
        let Through::Password(credential) = access.through else {
            return Err(Denied.into());
        };
        if !access.stands() {
            return Err(Denied.into());
        }
        let now = self.now_s();
        let token = encode(&random::<32>()?);
        let row = SessionRow {
            account: access.account,
            credential,
            opened_at: now,
            ip: peer.ip.to_string(),
        };
        let mut facts = self.crowded_out(access.account, now);
        facts.push(Fact::Session(digest(&token), row));
        Ok((SessionToken(token), facts))
    }

    /// The session's Access; `None` when unknown, ended or expired. Quick (no argon2).
    pub fn session(&self, token: &str) -> Option<Access> {
        if token.is_empty() || token.len() > TOKEN_MAX {
            return None;
        }
        let hash = digest(token);
        let (account, address) = {
            let book = self.read();
            let account = book.sessions.get(&hash)?.row.account;
            (account, book.account(account)?.address.clone())
        };
        let access = Access {
            directory: self.clone(),
            account,
            address,
            through: Through::Session,
            session: Some(hash),
            origin: Origin::default(),
        };
        if !access.stands() {
            return None;
        }
        self.saw(&hash);
        Some(access)
    }

    /// Ends it; a token that is not known has ended already.
    pub fn close_session(&self, token: &str) -> Result<(), Error> {
        let hash = digest(token);
        let account = match self.read().sessions.get(&hash) {
            Some(session) if token.len() <= TOKEN_MAX => session.row.account,
            _ => return Ok(()),
        };
        self.commit_unlogged(vec![Fact::NoSession(hash)])?;
        self.end_fallen();
        // RFC 8620 §7.2: what it had pushed to goes with it.
        self.sweep_pushes(Some(account))?;
        Ok(())
    }

    /// The sessions that end because a new one is opened: those past their time, and the one used longest ago
    /// when there are too many.
    fn crowded_out(&self, account: AccountId, now: i64) -> Vec<Fact> {
        let book = self.read();
        let of = book.sessions_of.get(&account).into_iter().flatten();
        let mut open: Vec<(i64, [u8; 32])> = Vec::new();
        let mut ended = Vec::new();
        for hash in of {
            match book.sessions.get(hash) {
                Some(session) if !session.ended(now) => {
                    open.push((session.seen_at.load(Relaxed), *hash));
                }
                _ => ended.push(*hash),
            }
        }
        open.sort_unstable();
        let over = (open.len() + 1).saturating_sub(SESSIONS_MAX);
        ended.extend(open.iter().take(over).map(|(_, hash)| *hash));
        ended.into_iter().map(Fact::NoSession).collect()
    }

    /// Notes the use; written behind the caller's back, now and then.
    fn saw(&self, hash: &[u8; 32]) {
        let now = self.now_s();
        let book = self.read();
        let Some(session) = book.sessions.get(hash) else {
            return;
        };
        session.seen_at.store(now, Relaxed);
        if now.saturating_sub(session.written_at.load(Relaxed)) < SEEN_STEP_S {
            return;
        }
        session.written_at.store(now, Relaxed);
        if let Ok(value) = encode_row(&now) {
            let key = hash.to_vec();
            self.inner.lazy.put(RowChange {
                table: table::USED,
                key,
                value: Some(value),
            });
        }
    }
}
