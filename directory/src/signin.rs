//! Signing in: secrets against credentials, with back-off.
//!
//! The order of the questions matters. The network's back-off comes before anything that tells right from
//! wrong; the name's back-off comes after what is cheap and certain, so that others' failures do not lock
//! the owner out; argon2id comes last, and also for names that do not exist.

use crate::book::Book;
use crate::credential::{Kept, Proof, squeeze};
use crate::error::Barred;
use crate::fact::{credential_key, encode, table};
use crate::hash::{Busy, digest, prepare};
use crate::lockout::{NameDigest, Network};
use crate::origin::Origin;
use crate::recent::Attempt;
use crate::{
    Access, Account, AccountId, AccountKind, AccountState, CredentialId, CredentialKind, Directory,
    Secret, SignInError, Through,
};
use formats::address::{Address, LocalPart};
use std::net::IpAddr;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;
use storage::RowChange;

/// Octets of a name that is looked at.
pub const NAME_MAX: usize = 1024;
/// Seconds to wait when all processors are busy with passwords.
const BUSY_WAIT_S: u32 = 2;
/// Seconds between two writings of when a credential was last used.
const USED_STEP_S: i64 = 60 * 60;

/// Where a sign-in comes from, for back-off and audit.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct Peer {
    pub ip: IpAddr,
    /// `imap`, `submission`, `jmap`, `login`, `api`.
    pub service: &'static str,
}

impl Directory {
    /// Address (or alias; or a bare local part of the default domain) and password or app password.
    /// Costs a whole argon2id unless lately verified: call it on a blocking thread. Unknown names cost the same.
    pub fn sign_in(&self, name: &str, secret: &Secret, peer: Peer) -> Result<Access, SignInError> {
        let now = self.inner.clock.now_ms();
        let (found, who) = self.matched(name, secret, peer, now)?;
        self.entered(found, Some(who), peer, now)
    }

    /// Whose secret it is, and the name as failures are counted of it. Errors: as `sign_in`, but `Barred`.
    pub(crate) fn matched(
        &self,
        name: &str,
        secret: &Secret,
        peer: Peer,
        now: i64,
    ) -> Result<((Account, Through), NameDigest), SignInError> {
        let from = Network::of(peer.ip);
        let address = self.named(name);
        let spelled = address.as_ref().map_or_else(|| spelled(name), Address::key);
        let who = self.keyed(&[spelled.as_bytes()]);
        let attempt = self.keyed(&[spelled.as_bytes(), secret.expose().as_bytes()]);
        if let Some(wait) = self.lockout(|lockout| lockout.wait(Some(who), from, now)) {
            return Err(SignInError::Later(wait));
        }
        if let Some(found) = self.quick(address.as_ref(), secret, &attempt, now) {
            if matches!(found.1, Through::FirstPassword(_)) {
                // Who knows it guesses nothing; nothing is counted, in his favour neither.
                return Err(SignInError::ChooseFirst);
            }
            self.teach(found.0.id, found.1, secret);
            return Ok((found, who));
        }
        let epoch = self.read().epoch;
        if self.recents(|recents| recents.wrong(&attempt, epoch, now)) {
            // The same wrong secret again, as a telephone with an old password sends it: nobody is guessing.
            return Err(SignInError::Refused);
        }
        if let Some(wait) = self.lockout(|lockout| lockout.wait_name(who, now)) {
            return Err(SignInError::Later(wait));
        }
        match self.slow(address.as_ref(), secret) {
            Ok(Some(found)) => {
                let (account, through) = (found.0.id, found.1);
                self.teach(account, through, secret);
                self.recents(|r| r.was_right(attempt, (account, credential_of(through)), now));
                Ok((found, who))
            }
            Ok(None) => {
                self.recents(|recents| recents.was_wrong(attempt, epoch, now));
                self.refused(Some(who), from, now, peer);
                Err(SignInError::Refused)
            }
            Err(Busy) => Err(SignInError::Later(BUSY_WAIT_S)),
        }
    }

    /// Chooses a password of one's own in place of a first one, which is then withdrawn; the account's address and
    /// what it is. Failures are counted as of every sign-in. Errors: `Ok(Err)` with what is wrong with the new one.
    pub fn choose_password(
        &self,
        name: &str,
        first: &Secret,
        new: &Secret,
        peer: Peer,
    ) -> Result<Result<(), crate::Error>, SignInError> {
        let now = self.inner.clock.now_ms();
        let from = Network::of(peer.ip);
        let address = self.named(name);
        let spelled = address.as_ref().map_or_else(|| spelled(name), Address::key);
        let who = self.keyed(&[spelled.as_bytes()]);
        let wait = self.lockout(|l| l.wait(Some(who), from, now).max(l.wait_name(who, now)));
        if let Some(wait) = wait {
            return Err(SignInError::Later(wait));
        }
        let attempt = self.keyed(&[spelled.as_bytes(), first.expose().as_bytes()]);
        let found = self.quick(address.as_ref(), first, &attempt, now);
        let Some(found) = found.filter(|f| matches!(f.1, Through::FirstPassword(_))) else {
            self.refused(Some(who), from, now, peer);
            return Err(SignInError::Refused);
        };
        let access = self.entered(found, Some(who), peer, now)?;
        let same = prepare(new.expose()) == prepare(first.expose());
        if same {
            let expected = "another password than the first one";
            return Ok(Err(crate::act::invalid("password", expected)));
        }
        Ok(self
            .set_password(Some(&access), access.account, new)
            .map(drop))
    }

    /// A bearer token: for administration where the peer's service is `api`, for mail where it is another, of which the
    /// agency's policy is asked, and which only a token opens that its owner made; or that of an impersonation, for mail.
    /// Errors: as `sign_in`.
    pub fn sign_in_token(&self, token: &Secret, peer: Peer) -> Result<Access, SignInError> {
        let now = self.inner.clock.now_ms();
        let from = Network::of(peer.ip);
        if let Some(wait) = self.lockout(|lockout| lockout.wait(None, from, now)) {
            return Err(SignInError::Later(wait));
        }
        let fits = token.expose().len() <= crate::hash::SECRET_MAX;
        let digest = fits.then(|| digest(token.expose()));
        let found = digest.and_then(|digest| {
            let book = self.read();
            let (account, id) = *book.by_digest.get(&digest)?;
            book.entry(account, id, now)
                .filter(|(_, t)| matches!(t, Through::Token(_)))
        });
        if let Some((account, through)) = found {
            let id = credential_of(through);
            // Let go of before the rest reads again: between two of one thread a writer may wait, and all would stand.
            let closed = self
                .read()
                .closed_to(account.id, id, peer, now.div_euclid(1000));
            return match closed {
                None => self.entered((account, through), None, peer, now),
                Some(barred) => Err(SignInError::Barred(barred)),
            };
        }
        if let Some(entered) = digest.and_then(|digest| self.impersonating(&digest, peer)) {
            return entered;
        }
        self.refused(None, from, now, peer);
        Err(SignInError::Refused)
    }

    /// What needs no argon2id: a lately verified secret, or an app password.
    fn quick(
        &self,
        address: Option<&Address>,
        secret: &Secret,
        attempt: &Attempt,
        now_ms: i64,
    ) -> Option<(Account, Through)> {
        let remembered = self.recents(|recents| recents.right(attempt, now_ms));
        let book = self.read();
        let owner = book.at(address?)?.id;
        if let Some((account, id)) = remembered {
            match book.entry(account, id, now_ms) {
                Some(found) if account == owner => return Some(found),
                _ => self.recents(|recents| recents.forget(attempt)),
            }
        }
        let text = prepare(secret.expose())?;
        let digest = digest(&squeeze(&text, CredentialKind::AppPassword));
        let (account, id) = *book.by_digest.get(&digest)?;
        let found = book.entry(account, id, now_ms)?;
        let typed = matches!(found.1, Through::AppPassword(_) | Through::FirstPassword(_));
        (account == owner && typed).then_some(found)
    }

    /// The account's password by argon2id; the same work when there is no such account.
    fn slow(
        &self,
        address: Option<&Address>,
        secret: &Secret,
    ) -> Result<Option<(Account, Through)>, Busy> {
        let kept = address.and_then(|address| {
            let book = self.read();
            let account = book.at(address)?.id;
            Some((account, book.password(account)?))
        });
        let text = prepare(secret.expose());
        let phc = kept
            .as_ref()
            .and_then(|(_, (_, phc))| text.as_ref().map(|_| phc.as_str()));
        let fits = self
            .inner
            .hasher
            .verify(phc, text.as_deref().unwrap_or("-"))?;
        let Some((account, (id, _))) = kept.filter(|_| fits) else {
            return Ok(None);
        };
        // Asked again: it may have been withdrawn while we were counting.
        Ok(self.read().entry(account, id, self.inner.clock.now_ms()))
    }

    /// The address that a name at sign-in means.
    pub(crate) fn named(&self, name: &str) -> Option<Address> {
        let name = name.trim();
        if name.len() > NAME_MAX {
            return None;
        }
        if name.contains('@') {
            return Address::parse(name).ok();
        }
        let domain = self.inner.settings.default_domain.clone()?;
        Some(Address {
            local: LocalPart::parse(name).ok()?,
            domain,
        })
    }

    /// Who it is, is known; what the agencies rule of signing in is asked now, so that nobody learns of it who does not
    /// know the secret. Errors: `Barred`.
    pub(crate) fn entered(
        &self,
        (account, through): (Account, Through),
        who: Option<NameDigest>,
        peer: Peer,
        now_ms: i64,
    ) -> Result<Access, SignInError> {
        let barred = {
            let book = self.read();
            let code = || book.wants_code(account.id, &account.agency, through, peer.service);
            book.barred(&account.agency, through, peer, now_ms.div_euclid(1000))
                .or_else(code)
        };
        if let Some(barred) = barred {
            // Neither a failure nor a success: nobody guesses, and nobody comes in.
            tracing::info!(ip = %peer.ip, service = peer.service, account = %account.id, ?barred, "a sign-in was barred");
            return Err(SignInError::Barred(barred));
        }
        if let Some(who) = who {
            self.lockout(|lockout| lockout.succeeded(who, Network::of(peer.ip), now_ms));
        }
        self.used(account.id, credential_of(through));
        Ok(Access {
            directory: self.clone(),
            account: account.id,
            address: account.address,
            through,
            session: None,
            origin: Origin::of(peer),
        })
    }

    pub(crate) fn refused(&self, who: Option<NameDigest>, from: Network, now_ms: i64, peer: Peer) {
        self.lockout(|lockout| lockout.failed(who, from, now_ms));
        // Without the name: people type passwords into the wrong field.
        tracing::info!(ip = %peer.ip, service = peer.service, "a sign-in was refused");
    }

    /// Notes the use of a credential; written behind the caller's back, once an hour.
    pub(crate) fn used(&self, account: AccountId, id: CredentialId) {
        let now = self.now_s();
        let book = self.read();
        let Some(kept) = book.credential(account, id) else {
            return;
        };
        if now.saturating_sub(kept.used_at.load(Relaxed)) < USED_STEP_S {
            return;
        }
        kept.used_at.store(now, Relaxed);
        if let Ok(value) = encode(&now) {
            let key = credential_key(account, id);
            self.inner.lazy.put(RowChange {
                table: table::USED,
                key,
                value: Some(value),
            });
        }
    }

    /// A digest of the parts, each with its length, that means nothing outside this process.
    pub(crate) fn keyed(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.inner.memory_key);
        for part in parts {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        *hasher.finalize().as_bytes()
    }

    pub(crate) fn lockout<T>(&self, ask: impl FnOnce(&mut crate::lockout::Lockout) -> T) -> T {
        ask(&mut self
            .inner
            .lockout
            .lock()
            .unwrap_or_else(PoisonError::into_inner))
    }

    fn recents<T>(&self, ask: impl FnOnce(&mut crate::recent::Recents) -> T) -> T {
        ask(&mut self
            .inner
            .recents
            .lock()
            .unwrap_or_else(PoisonError::into_inner))
    }
}

impl Book {
    /// The account's password: id and PHC string.
    pub(crate) fn password(&self, account: AccountId) -> Option<(CredentialId, String)> {
        self.credentials
            .get(&account)?
            .values()
            .find_map(|kept| match &kept.stored.proof {
                Proof::Argon2id(phc) => Some((kept.stored.id, phc.clone())),
                Proof::Blake3(_) | Proof::Totp { .. } => None,
            })
    }

    /// Why a token does not open this door; `None`: it does.
    fn closed_to(
        &self,
        account: AccountId,
        id: CredentialId,
        peer: Peer,
        now_s: i64,
    ) -> Option<Barred> {
        let opens = self.credential(account, id)?.stored.opens;
        if peer.service == "api" {
            return (!opens.administration()).then_some(Barred::MailOnly);
        }
        // Who makes a token for another knows it: it would read his mail, and he would see nothing of it.
        if !self.is_owners_own(account, id, now_s) {
            return Some(Barred::Token);
        }
        (!opens.mail()).then_some(Barred::AdministersOnly)
    }

    /// Who signs in through this credential now: the account is active and not a list, the credential stands.
    pub(crate) fn entry(
        &self,
        account: AccountId,
        id: CredentialId,
        now_ms: i64,
    ) -> Option<(Account, Through)> {
        let owner = self.account(account).filter(|a| may_enter(a))?;
        let kept = self.credential(account, id)?;
        let through = through(kept)?;
        (!kept.expired(now_ms.div_euclid(1000))).then(|| ((**owner).clone(), through))
    }
}

/// Whether the account may sign in at all.
pub(crate) fn may_enter(account: &Account) -> bool {
    account.state == AccountState::Active && !matches!(account.kind, AccountKind::List { .. })
}

/// `None`: it is not what one signs in by.
fn through(kept: &Kept) -> Option<Through> {
    let id = kept.stored.id;
    Some(match kept.stored.kind {
        CredentialKind::Password => Through::Password(id),
        CredentialKind::AppPassword => Through::AppPassword(id),
        CredentialKind::Token => Through::Token(id),
        CredentialKind::FirstPassword => Through::FirstPassword(id),
        CredentialKind::SecondFactor => return None,
    })
}

fn credential_of(through: Through) -> CredentialId {
    match through {
        Through::Password(id)
        | Through::AppPassword(id)
        | Through::Token(id)
        | Through::FirstPassword(id)
        | Through::Job(id) => id,
        // Sessions are not made here, and impersonations have no credential of the account.
        Through::Session | Through::Impersonation(_) => CredentialId(0),
    }
}

/// A name that is no address, for counting failures.
pub(crate) fn spelled(name: &str) -> String {
    name.trim()
        .chars()
        .take(NAME_MAX)
        .flat_map(char::to_lowercase)
        .collect()
}
