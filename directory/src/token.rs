//! Token: what a program brings along instead of a password, for the API of administration, for mail (JMAP), or for both.
//!
//! Everybody may make tokens for himself. None opens more than its owner may: whoever administers nothing has tokens for mail,
//! and one that administers does what its owner's grants allow at each time. What somebody else makes opens no mail: he knows it.
//! Tokens that their owner makes in his own right end, and are few; who manages tokens is not bound in that.

use crate::act::{invalid, name};
use crate::book::Book;
use crate::credential::{Proof, Stored};
use crate::hash::{digest, encode, random};
use crate::policy::Key;
use crate::{
    Access, Account, AccountId, AgencyId, Capability, Credential, CredentialKind, Directory, Error,
    Secret, Through,
};
use serde::{Deserialize, Serialize};

/// Tokens at one time that an account has of its owner's making.
pub const OWN_MAX: usize = 10;
/// Days for which such a token is good where nothing is said.
pub const OWN_DAYS: i64 = 90;
/// Days for which it may be good.
pub const OWN_DAYS_MAX: i64 = 366;
const DAY_S: i64 = 24 * 60 * 60;

/// What a token opens. The order is kept in stored rows: new ones come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opens {
    /// Mail, and what the account administers.
    All,
    /// Mail alone.
    Mail,
    /// What the account administers, and no mail.
    Administration,
}

impl Opens {
    /// Whether it opens mail.
    pub const fn mail(self) -> bool {
        matches!(self, Self::All | Self::Mail)
    }

    /// Whether it opens the API of administration.
    pub const fn administration(self) -> bool {
        matches!(self, Self::All | Self::Administration)
    }

    /// Its name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Mail => "mail",
            Self::Administration => "administration",
        }
    }
}

impl Directory {
    /// Makes a token; its secret is shown once. `opens`: as much as it may where it is left out. Errors: `Invalid` for what it may
    /// not open, a past or distant end, too many.
    pub fn create_token(
        &self,
        by: Option<&Access>,
        account: AccountId,
        label: &str,
        opens: Option<Opens>,
        expires_at: Option<i64>,
    ) -> Result<(Credential, Secret), Error> {
        let label = name("label", label)?;
        self.check_to_come(expires_at)?;
        let secret = format!("cv_{}", encode(&random::<32>()?));
        let proof = Proof::Blake3(digest(&secret));
        let mut acts = self.acts();
        let mut stored = self.draft(&acts, CredentialKind::Token, label, expires_at, proof);
        let now = self.now_s();
        let address = {
            let book = self.read();
            let owner = book.check_credentials(by, account, Capability::ManageTokens)?;
            book.check_factor(by, owner)?;
            stored.opens = book.token_opens(by, owner, opens, now)?;
            stored.expires_at = book.token_ends(by, owner, expires_at, now)?;
            stored.hands = book.hands(by, account)?;
            owner.address.to_string()
        };
        self.put_credential(&mut acts, by, (account, stored), address)
            .map(|shown| (shown, Secret::new(secret)))
    }
}

/// Why a token opens no mail.
const CLOSED: &str = "administration: the agency lets no token open mail";
const NARROW: &str = "administration: the token by which you ask opens no mail";
const KNOWN: &str = "nothing of mail yet: an administrator made the password before yours and may know by what you signed in; \
     seven days after you chose your password a token opens mail";

impl Book {
    /// What a token that `by` makes for an account opens. Errors: `Invalid`.
    fn token_opens(
        &self,
        by: Option<&Access>,
        owner: &Account,
        wanted: Option<Opens>,
        now_s: i64,
    ) -> Result<Opens, Error> {
        let wrong = |expected: &str| Err(invalid("opens", expected));
        if by.is_none_or(|by| by.account != owner.id) {
            return match wanted.unwrap_or(Opens::Administration) {
                Opens::Administration => Ok(Opens::Administration),
                _ => wrong("administration: a token that somebody else makes opens no mail"),
            };
        }
        let through = by.and_then(|by| self.own_token(by)).map(|kept| kept.opens);
        let mut grants = owner.grants.iter();
        let administers = grants.any(|grant| grant.stands(now_s) && !grant.only_binds())
            && through.is_none_or(Opens::administration);
        let closed = match by {
            _ if !self.tokens_open_mail(&owner.agency) => Some(CLOSED),
            Some(by) if self.persons(by).len() > 1 => Some(KNOWN),
            _ if !through.is_none_or(Opens::mail) => Some(NARROW),
            _ => None,
        };
        let may = match (closed, administers) {
            (None, true) => Opens::All,
            (None, false) => Opens::Mail,
            (Some(_), true) => Opens::Administration,
            (Some(KNOWN), false) => return wrong(KNOWN),
            (Some(_), false) => {
                return wrong(
                    "nothing: the agency lets no token open mail, and the account administers nothing",
                );
            }
        };
        let opens = wanted.unwrap_or(may);
        if opens.administration() && !administers {
            return wrong(
                "mail: the account administers nothing, or the token by which you ask does not",
            );
        }
        match closed {
            Some(why) if opens.mail() => wrong(why),
            _ => Ok(opens),
        }
    }

    /// The token by which its owner, who made it, does something, also by a job: what is made by it is no wider and lasts no
    /// longer. Not one that the server's own commands made, which stand for who runs it.
    fn own_token(&self, by: &Access) -> Option<&Stored> {
        let (Through::Token(id) | Through::Job(id)) = by.through else {
            return None;
        };
        let kept = &self.credential(by.account, id)?.stored;
        (kept.kind == CredentialKind::Token && kept.hands.is_own()).then_some(kept)
    }

    /// Whether it is by such a token that opens no mail.
    pub(crate) fn by_token_without_mail(&self, by: &Access) -> bool {
        self.own_token(by).is_some_and(|kept| !kept.opens.mail())
    }

    /// A token makes no password for its own account: that would be wider, and stay when the token is withdrawn. Errors:
    /// `Invalid`.
    pub(crate) fn check_no_token(
        &self,
        by: Option<&Access>,
        owner: AccountId,
    ) -> Result<(), Error> {
        match by.is_some_and(|by| by.account == owner && self.own_token(by).is_some()) {
            true => Err(invalid(
                "account",
                "another account, or a sign-in by password: a token makes no password of its own account",
            )),
            false => Ok(()),
        }
    }

    /// When it ends. Errors: `Invalid`.
    fn token_ends(
        &self,
        by: Option<&Access>,
        owner: &Account,
        wanted: Option<i64>,
        now_s: i64,
    ) -> Result<Option<i64>, Error> {
        let through = by.filter(|by| by.account == owner.id);
        let through = through.and_then(|by| self.own_token(by));
        if let Some(last) = through.and_then(|kept| kept.expires_at) {
            if wanted.is_some_and(|end| end > last) {
                let expected = format!("a time not after {}", formats::date::utc(last));
                return Err(invalid("expires_at", expected));
            }
            return Ok(wanted.or(Some(last)));
        }
        if self
            .check_account(by, Capability::ManageTokens, owner)
            .is_ok()
        {
            return Ok(wanted);
        }
        let days = |days: i64| now_s.saturating_add(days * DAY_S);
        let end = wanted.unwrap_or_else(|| days(OWN_DAYS));
        if end > days(OWN_DAYS_MAX) {
            let expected = format!("a time within {OWN_DAYS_MAX} days");
            return Err(invalid("expires_at", expected));
        }
        let all = self.credentials.get(&owner.id).into_iter().flatten();
        let tokens = all.filter(|(_, kept)| kept.stored.kind == CredentialKind::Token);
        let standing =
            tokens.filter(|(_, kept)| !kept.expired(now_s) && kept.stored.hands.is_own());
        if standing.count() >= OWN_MAX {
            return Err(invalid(
                "label",
                format!("fewer than {OWN_MAX} tokens of one's own"),
            ));
        }
        Ok(Some(end))
    }

    /// Whether the agencies let a token open mail: it is an app password for JMAP.
    pub(crate) fn tokens_open_mail(&self, agency: &AgencyId) -> bool {
        self.ruled_on(agency, Key::Jmap) && self.ruled_on(agency, Key::AppPasswords)
    }
}
