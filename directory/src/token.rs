//! Token: what a program brings along instead of a password, for the API of administration, for mail (JMAP), or for both.
//!
//! Everybody may make tokens for himself. None opens more than its owner may: whoever administers nothing has tokens for mail,
//! and one that administers does what its owner's grants allow at each time. What somebody else makes opens no mail: he knows it.
//! Tokens that their owner makes in his own right end, and are few; who manages tokens is not bound in that.

use crate::act::{invalid, name};
use crate::book::Book;
use crate::credential::Proof;
use crate::hash::{digest, encode, random};
use crate::policy::Key;
use crate::{
    Access, Account, AccountId, AgencyId, Capability, Credential, CredentialKind, Directory, Error,
    Secret,
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
            stored.opens = book.token_opens(by, owner, opens, now)?;
            stored.expires_at = book.token_ends(by, owner, expires_at, now)?;
            stored.hands = book.hands(by, account)?;
            owner.address.to_string()
        };
        self.put_credential(&mut acts, by, (account, stored), address)
            .map(|shown| (shown, Secret::new(secret)))
    }
}

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
        let mut grants = owner.grants.iter();
        let administers = grants.any(|grant| grant.stands(now_s) && !grant.only_binds());
        let may = match (self.tokens_open_mail(&owner.agency), administers) {
            (true, true) => Opens::All,
            (true, false) => Opens::Mail,
            (false, true) => Opens::Administration,
            (false, false) => {
                return wrong(
                    "nothing: the agency lets no token open mail, and the account administers nothing",
                );
            }
        };
        let opens = wanted.unwrap_or(may);
        if opens.administration() && !administers {
            return wrong("mail: the account administers nothing");
        }
        if opens.mail() && !may.mail() {
            return wrong("administration: the agency lets no token open mail");
        }
        Ok(opens)
    }

    /// When it ends. Errors: `Invalid`.
    fn token_ends(
        &self,
        by: Option<&Access>,
        owner: &Account,
        wanted: Option<i64>,
        now_s: i64,
    ) -> Result<Option<i64>, Error> {
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
                "account",
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
