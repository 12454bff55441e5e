//! Push: an address that somebody's program named, to be told there that something changed (RFC 8620 §7.2).
//!
//! A subscription belongs to the sign-in that made it: only that sees and changes it, and with that credential or
//! browser session it ends. Its address and keys are told to nobody but who sends to it, and wiped from memory when it
//! goes. Until its code comes back, nothing but that code is sent there.

mod keep;

pub(crate) use keep::Pushes;

use crate::access::Access;
use crate::book::Book;
use crate::hash::{encode, random};
use crate::hook::checked_url;
use crate::origin::Origin;
use crate::{AccountId, CredentialId, Denied, Directory, Error, Through};
use serde::{Deserialize, Serialize};
use storage::ModSeq;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

/// Subscriptions of one account, by whatever sign-ins.
pub const PUSHES_MAX: usize = 32;
/// Subscriptions that one account may make in an hour: each sends something to an address of its choice.
pub const MADE_PER_HOUR_MAX: u32 = 60;
/// Seconds after which one ends that rests on a secret without an end (RFC 8620 §7.2 asks for seven days or more).
pub const LIFE_MAX_S: i64 = 30 * 86_400;
/// Seconds after which one is forgotten whose code did not come back.
pub const UNVERIFIED_MAX_S: i64 = 2 * 86_400;
/// Octets of an address: push services have some hundred, Windows' about a thousand.
pub const URL_MAX: usize = 2_000;
/// Octets of what names program and device.
pub const DEVICE_MAX: usize = 255;
/// Types that one may name.
pub const TYPES_MAX: usize = 64;
/// Octets of the name of a type.
pub const TYPE_OCTETS_MAX: usize = 64;
/// Octets of a public key on P-256, uncompressed (RFC 8291 §3.1).
pub const KEY_OCTETS: usize = 65;
/// Octets of an authentication secret (RFC 8291 §3.2).
pub const AUTH_OCTETS: usize = 16;

/// Which subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub struct PushId {
    pub account: AccountId,
    /// Drawn at random, never zero.
    pub number: u64,
}

/// With what to encrypt what is sent (RFC 8291).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct PushKeys {
    /// [`KEY_OCTETS`]: a point of P-256.
    pub p256dh: Vec<u8>,
    /// [`AUTH_OCTETS`].
    pub auth: Vec<u8>,
}

impl Drop for PushKeys {
    fn drop(&mut self) {
        self.p256dh.zeroize();
        self.auth.zeroize();
    }
}

/// Through what it was made, and with what it ends.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Maker {
    Password(CredentialId),
    AppPassword(CredentialId),
    Token(CredentialId),
    /// The digest of a browser session's token.
    Session([u8; 32]),
}

/// One subscription. `Debug` tells neither its address nor its keys.
#[derive(Clone, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Push {
    /// As the client names itself and its device.
    pub device: String,
    pub url: String,
    pub keys: Option<PushKeys>,
    /// To be sent there, and to come back.
    pub code: String,
    /// The code was sent.
    pub asked: bool,
    /// The code came back.
    pub verified: bool,
    /// Unix seconds; `None`: with the session that made it.
    pub expires_at: Option<i64>,
    /// `None`: all.
    pub types: Option<Vec<String>>,
    /// Unix seconds.
    pub created_at: i64,
    maker: Maker,
}

impl Drop for Push {
    fn drop(&mut self) {
        self.url.zeroize();
        self.code.zeroize();
    }
}

impl std::fmt::Debug for Push {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Push({:?}, ***)", self.device)
    }
}

/// A subscription to make.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct NewPush {
    pub device: String,
    pub url: String,
    pub keys: Option<PushKeys>,
    pub expires_at: Option<i64>,
    pub types: Option<Vec<String>>,
}

/// What to change; `None`: it stays.
#[derive(Clone, Default)]
#[allow(missing_docs)]
pub struct PushChange {
    /// What came back.
    pub code: Option<String>,
    /// With the code: from where on it is told.
    pub told: Option<PushTold>,
    pub expires_at: Option<Option<i64>>,
    pub types: Option<Option<Vec<String>>>,
}

/// Up to where a subscription was told, so that a restart loses nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct PushTold {
    pub accounts: Vec<(AccountId, ModSeq)>,
    /// The state of one's notices.
    pub notices: Option<String>,
}

/// Why a subscription was not made or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The account has [`PUSHES_MAX`].
    #[error("too many push subscriptions")]
    Full,
    /// [`MADE_PER_HOUR_MAX`] were made in this hour.
    #[error("too many push subscriptions in an hour")]
    Often,
    /// A property, by its name in JMAP, and what was expected.
    #[error("{0}: {1}")]
    Invalid(&'static str, &'static str),
    /// There is none, or it is another sign-in's.
    #[error("no such push subscription")]
    NotFound,
    /// The sign-in stands no longer, or is none that may make one.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Storage refused or failed.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

impl From<Error> for PushError {
    fn from(error: Error) -> Self {
        match error {
            Error::Storage(error) => Self::Storage(error),
            _ => Self::Denied(Denied),
        }
    }
}

impl Maker {
    fn of(access: &Access) -> Result<Self, Denied> {
        Ok(match access.through {
            Through::Password(id) => Self::Password(id),
            Through::AppPassword(id) => Self::AppPassword(id),
            Through::Token(id) => Self::Token(id),
            Through::Session => Self::Session(access.session.ok_or(Denied)?),
            Through::FirstPassword(_) | Through::Job(_) | Through::Impersonation(_) => {
                return Err(Denied);
            }
        })
    }

    /// Whether what it rests on is still there; a suspended account is.
    fn is_there(self, book: &Book, account: AccountId, now: i64) -> bool {
        let kept = |id| {
            let credential = book.credential(account, id);
            credential.is_some_and(|c| !c.expired(now))
        };
        book.account(account).is_some()
            && match self {
                Self::Password(id) | Self::AppPassword(id) | Self::Token(id) => kept(id),
                Self::Session(hash) => book
                    .sessions
                    .get(&hash)
                    .is_some_and(|s| !s.ended(now) && kept(s.row.credential)),
            }
    }

    /// Whether it ends by itself: then RFC 8620 §7.2 wants no bound of our own.
    fn ends(self, book: &Book, account: AccountId) -> bool {
        match self {
            Self::Session(_) => true,
            Self::Password(id) | Self::AppPassword(id) | Self::Token(id) => book
                .credential(account, id)
                .is_some_and(|c| c.stored.expires_at.is_some()),
        }
    }
}

impl Push {
    fn has_ended(&self, now: i64) -> bool {
        let unproved = !self.verified && now >= self.created_at.saturating_add(UNVERIFIED_MAX_S);
        unproved || self.expires_at.is_some_and(|end| now >= end)
    }
}

fn checked_types(types: Option<Vec<String>>) -> Result<Option<Vec<String>>, PushError> {
    let Some(types) = types else {
        return Ok(None);
    };
    let is_name = |name: &String| {
        (1..=TYPE_OCTETS_MAX).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b':')
    };
    if types.len() > TYPES_MAX || !types.iter().all(is_name) {
        return Err(PushError::Invalid("types", "at most 64 names of types"));
    }
    Ok(Some(types))
}

fn checked(new: NewPush) -> Result<NewPush, PushError> {
    let device = &new.device;
    if device.is_empty() || device.len() > DEVICE_MAX || device.chars().any(char::is_control) {
        let expected = "1 to 255 octets";
        return Err(PushError::Invalid("deviceClientId", expected));
    }
    let expected = "an address that begins with https://, without a user or a fragment";
    let url = checked_url(&new.url, URL_MAX).ok_or(PushError::Invalid("url", expected))?;
    if let Some(keys) = &new.keys {
        let point = keys.p256dh.len() == KEY_OCTETS && keys.p256dh.first() == Some(&4);
        if !point || keys.auth.len() != AUTH_OCTETS {
            let expected = "p256dh of 65 octets and auth of 16, in base64url";
            return Err(PushError::Invalid("keys", expected));
        }
    }
    let types = checked_types(new.types)?;
    Ok(NewPush { url, types, ..new })
}

impl Directory {
    /// When one ends that shall end then. Errors: `Invalid` for a time that is over.
    fn push_end(
        &self,
        account: AccountId,
        maker: Maker,
        wanted: Option<i64>,
    ) -> Result<Option<i64>, PushError> {
        let now = self.now_s();
        if wanted.is_some_and(|at| at <= now) {
            return Err(PushError::Invalid("expires", "a time that is to come"));
        }
        let latest = now.saturating_add(LIFE_MAX_S);
        Ok(match maker.ends(&self.read(), account) {
            true => wanted,
            false => Some(wanted.unwrap_or(latest).min(latest)),
        })
    }

    /// The subscription, and the Access by which to look for it; the Access stands for nothing while the account is
    /// suspended. `None`: it has ended.
    pub fn push(&self, id: PushId) -> Option<(Push, Access)> {
        let push = self.inner.pushes.one(id)?;
        let book = self.read();
        let now = self.now_s();
        if push.has_ended(now) || !push.maker.is_there(&book, id.account, now) {
            return None;
        }
        let (through, session) = match push.maker {
            Maker::Password(id) => (Through::Password(id), None),
            Maker::AppPassword(id) => (Through::AppPassword(id), None),
            Maker::Token(id) => (Through::Token(id), None),
            Maker::Session(hash) => (Through::Session, Some(hash)),
        };
        let access = Access {
            directory: self.clone(),
            account: id.account,
            address: book.account(id.account)?.address.clone(),
            through,
            session,
            origin: Origin::default(),
        };
        Some((push, access))
    }

    /// Removes what has ended by its time or with its sign-in, of all accounts or of one; how many.
    pub fn sweep_pushes(&self, of: Option<AccountId>) -> Result<usize, storage::Error> {
        let now = self.now_s();
        let over = |id: &PushId, push: &Push| {
            of.is_none_or(|of| of == id.account)
                && (push.has_ended(now) || !push.maker.is_there(&self.read(), id.account, now))
        };
        let ended = self.inner.pushes.which(over);
        for id in &ended {
            self.end_push(*id)?;
        }
        Ok(ended.len())
    }

    /// Its address is no more, or answers no longer: it is removed.
    pub fn end_push(&self, id: PushId) -> Result<(), storage::Error> {
        let _acts = self.acts();
        self.drop_push(id)
    }

    /// Its code was sent: it is not sent again.
    pub fn push_asked(&self, id: PushId) -> Result<(), storage::Error> {
        let _acts = self.acts();
        let Some(mut push) = self.inner.pushes.one(id) else {
            return Ok(());
        };
        push.asked = true;
        self.keep_push(id, push, None)
    }
}

impl Access {
    /// Those of this very sign-in. Errors: `Denied`.
    pub fn pushes(&self) -> Result<Vec<(u64, Push)>, Denied> {
        let maker = Maker::of(self)?;
        if !self.stands() {
            return Err(Denied);
        }
        let now = self.directory.now_s();
        let mut all = self.directory.inner.pushes.of(self.account);
        all.retain(|(_, push)| push.maker == maker && !push.has_ended(now));
        Ok(all)
    }

    fn own_push(&self, number: u64) -> Result<Push, PushError> {
        let mut all = self.pushes()?.into_iter();
        let found = all.find(|(there, _)| *there == number);
        found.map(|(_, push)| push).ok_or(PushError::NotFound)
    }

    /// Makes one; its code is to be sent at once.
    pub fn create_push(&self, new: NewPush) -> Result<(u64, Push), PushError> {
        let maker = Maker::of(self)?;
        let new = checked(new)?;
        let directory = &self.directory;
        if !self.stands() {
            return Err(Denied.into());
        }
        let expires_at = directory.push_end(self.account, maker, new.expires_at)?;
        directory.sweep_pushes(Some(self.account))?;
        let _acts = directory.acts();
        let pushes = &directory.inner.pushes;
        if pushes.of(self.account).len() >= PUSHES_MAX {
            return Err(PushError::Full);
        }
        let now = directory.now_s();
        if !pushes.may_make(self.account, now) {
            return Err(PushError::Often);
        }
        let number = u64::from_be_bytes(random()?).max(1);
        let push = Push {
            device: new.device,
            url: new.url,
            keys: new.keys,
            code: encode(&random::<24>()?),
            asked: false,
            verified: false,
            expires_at,
            types: new.types,
            created_at: now,
            maker,
        };
        let account = self.account;
        directory.keep_push(PushId { account, number }, push.clone(), None)?;
        Ok((number, push))
    }

    /// Changes one. Errors: `Invalid` also for a code that is not the right one.
    pub fn change_push(&self, number: u64, change: PushChange) -> Result<Push, PushError> {
        let _acts = self.directory.acts();
        let mut push = self.own_push(number)?;
        if let Some(code) = change.code {
            let same: bool = code.as_bytes().ct_eq(push.code.as_bytes()).into();
            if !same {
                let expected = "the code that was sent to the address";
                return Err(PushError::Invalid("verificationCode", expected));
            }
            push.verified = true;
        }
        let told = change.told.filter(|_| push.verified);
        if let Some(wanted) = change.expires_at {
            push.expires_at = self.directory.push_end(self.account, push.maker, wanted)?;
        }
        if let Some(types) = change.types {
            push.types = checked_types(types)?;
        }
        let account = self.account;
        let id = PushId { account, number };
        self.directory.keep_push(id, push.clone(), told.as_ref())?;
        Ok(push)
    }

    /// Removes one.
    pub fn remove_push(&self, number: u64) -> Result<(), PushError> {
        let _acts = self.directory.acts();
        self.own_push(number)?;
        let account = self.account;
        Ok(self.directory.drop_push(PushId { account, number })?)
    }
}
