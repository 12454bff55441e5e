//! Credentials: password (argon2id), app passwords, API tokens. Secrets are never stored or logged in clear.

use crate::act::{Acts, Note, invalid, json as act_json, name};
use crate::book::Book;
use crate::diversion::is_owner;
use crate::fact::Fact;
use crate::hand::Hands;
use crate::hash::{digest, random};
use crate::policy::Key;
use crate::secret::{Making, Settled};
use crate::token::Opens;
use crate::verifier::Verifier;
use crate::{Access, Account, AccountId, Capability, Directory, Error, Scope, Through, password};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// Credentials of one account.
pub const CREDENTIALS_MAX: usize = 50;

/// A secret in memory; its `Debug` is `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);
impl Secret {
    /// Takes the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
    /// Lets it out, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Identifies a credential of an account, for listing and withdrawal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CredentialId(pub u64);

/// What kind of proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum CredentialKind {
    Password,
    AppPassword,
    /// Bearer token for the API.
    Token,
    /// Drawn by us and told in a letter: good until its time, for nothing but choosing a password of one's own.
    FirstPassword,
    /// What a telephone's app shows codes by; opens nothing by itself.
    SecondFactor,
}

/// A credential without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Credential {
    pub id: CredentialId,
    pub kind: CredentialKind,
    /// `Điện thoại của tôi`.
    pub label: String,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub last_used_at: Option<i64>,
    /// Of a token: what it opens.
    pub opens: Option<Opens>,
}

/// A credential as kept.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) id: CredentialId,
    pub(crate) kind: CredentialKind,
    pub(crate) label: String,
    pub(crate) created_at: i64,
    pub(crate) expires_at: Option<i64>,
    pub(crate) proof: Proof,
    /// For SCRAM; of tokens and of secrets set before there was SCRAM: none.
    pub(crate) verifier: Option<Verifier>,
    pub(crate) hands: Hands,
    /// Of tokens; of others it says nothing.
    pub(crate) opens: Opens,
}

/// What a secret is compared with.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Proof {
    /// A PHC string.
    Argon2id(String),
    /// Of a secret that we drew.
    Blake3([u8; 32]),
    /// Shared with an app that shows codes (`second`).
    Totp {
        secret: [u8; 20],
        /// The last step whose code was used.
        step: i64,
        /// Digests of the spare codes that are left.
        spare: Vec<[u8; 32]>,
    },
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stored({:?}, {:?}, ***)", self.id, self.kind)
    }
}

impl Stored {
    pub(crate) fn digest(&self) -> Option<[u8; 32]> {
        match self.proof {
            Proof::Blake3(digest) => Some(digest),
            Proof::Argon2id(_) | Proof::Totp { .. } => None,
        }
    }
}

/// A credential in memory, with when it was last used (0: never).
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) stored: Stored,
    pub(crate) used_at: AtomicI64,
}

impl Kept {
    pub(crate) fn new(stored: Stored) -> Self {
        Self {
            stored,
            used_at: AtomicI64::new(0),
        }
    }

    pub(crate) fn expired(&self, now_s: i64) -> bool {
        self.stored.expires_at.is_some_and(|end| end <= now_s)
    }

    pub(crate) fn shown(&self) -> Credential {
        let used = self.used_at.load(Relaxed);
        Credential {
            id: self.stored.id,
            kind: self.stored.kind,
            label: self.stored.label.clone(),
            created_at: self.stored.created_at,
            expires_at: self.stored.expires_at,
            last_used_at: (used != 0).then_some(used),
            opens: (self.stored.kind == CredentialKind::Token).then_some(self.stored.opens),
        }
    }
}

impl Directory {
    /// Sets the account's one password (argon2id). What the old one opened ends at once, browser sessions too.
    /// Errors: `Invalid` (as the policies say: by default at least 8 characters of 3 classes; not the address).
    pub fn set_password(
        &self,
        by: Option<&Access>,
        account: AccountId,
        secret: &Secret,
    ) -> Result<CredentialId, Error> {
        let (address, rules) = {
            let book = self.read();
            let account = book.check_credentials(by, account, Capability::ResetCredentials)?;
            (
                account.address.clone(),
                book.password_rules(&account.agency),
            )
        };
        let prepared = password::prepared(secret, &address, rules)?;
        // On trial the answer would tell, again and again and in no log, whether it is the present one.
        if !by.is_some_and(Access::is_on_trial) {
            self.check_not_former(account, &prepared, rules)?;
        }
        let hash = self.inner.hasher.hash(&prepared)?;
        let proof = Proof::Argon2id(hash);
        let verifier = self.verifier_of(account, &prepared);
        let mut acts = self.acts();
        let making = Making::of(account, CredentialKind::Password);
        let entry = acts.chain.last + 1;
        let settled = self.settle_secret(&mut acts, by, making, entry)?;
        let mut stored = self.draft(&acts, CredentialKind::Password, String::new(), None, proof);
        stored.verifier = verifier;
        let id = stored.id;
        let mut facts = vec![Fact::CredentialCounter(id.0)];
        {
            let book = self.read();
            book.check_credentials(by, account, Capability::ResetCredentials)?;
            stored.hands = book.hands(by, account)?;
            facts.extend(book.replaced(by, account));
        }
        facts.push(Fact::Credential(account, stored));
        let old = self.read().password(account);
        facts.extend(self.remembered(account, old, rules)?);
        let note = Note {
            act: "password.set",
            object: address.to_string(),
            detail: json!({ "credential": id.0 }),
        };
        self.commit_secret(&mut acts, by, note, facts, settled)?;
        acts.credential_last = id.0;
        Ok(id)
    }

    /// Makes an app password, token or first password; the secret is shown once. A first password takes the place of
    /// the password and of another first one; a token opens what it may (`create_token`). Errors: `Invalid` for a password (that
    /// is `set_password`), a past expiry, more than `CREDENTIALS_MAX`, or no reason where one is needed; `Awaiting`.
    pub fn create_credential(
        &self,
        by: Option<&Access>,
        account: AccountId,
        kind: CredentialKind,
        label: &str,
        expires_at: Option<i64>,
    ) -> Result<(Credential, Secret), Error> {
        match kind {
            CredentialKind::Password | CredentialKind::SecondFactor => {
                Err(invalid("kind", "an app password or a token"))
            }
            CredentialKind::Token => self.create_token(by, account, label, None, expires_at),
            CredentialKind::FirstPassword => {
                self.create_first(by, account, name("label", label)?, expires_at)
            }
            CredentialKind::AppPassword => self.create_app(by, account, label, expires_at),
        }
    }

    fn create_app(
        &self,
        by: Option<&Access>,
        account: AccountId,
        label: &str,
        expires_at: Option<i64>,
    ) -> Result<(Credential, Secret), Error> {
        let label = name("label", label)?;
        let secret = app_password()?;
        let kind = CredentialKind::AppPassword;
        self.check_to_come(expires_at)?;
        let proof = Proof::Blake3(digest(&squeeze(&secret, kind)));
        let verifier = self.verifier_of(account, &secret);
        let mut acts = self.acts();
        let mut stored = self.draft(&acts, kind, label, expires_at, proof);
        stored.verifier = verifier;
        let address = {
            let book = self.read();
            let owner = book.check_credentials(by, account, Capability::ResetCredentials)?;
            book.check_factor(by, owner)?;
            if !book.ruled_on(&owner.agency, Key::AppPasswords) {
                let expected = "another kind: the agency does not allow app passwords";
                return Err(invalid("kind", expected));
            }
            stored.hands = book.hands(by, account)?;
            owner.address.to_string()
        };
        self.put_credential(&mut acts, by, (account, stored), address)
            .map(|shown| (shown, Secret::new(secret)))
    }

    /// Errors: `Invalid`.
    pub(crate) fn check_to_come(&self, expires_at: Option<i64>) -> Result<(), Error> {
        match expires_at.is_some_and(|end| end <= self.now_s()) {
            true => Err(invalid("expires_at", "a time to come")),
            false => Ok(()),
        }
    }

    /// Keeps a new credential beside the others. Errors: `Invalid` where there are too many.
    pub(crate) fn put_credential(
        &self,
        acts: &mut Acts,
        by: Option<&Access>,
        (account, stored): (AccountId, Stored),
        address: String,
    ) -> Result<Credential, Error> {
        let there = self
            .read()
            .credentials
            .get(&account)
            .map_or(0, |of| of.len());
        if there >= CREDENTIALS_MAX {
            let expected = format!("fewer than {CREDENTIALS_MAX} credentials");
            return Err(invalid("account", expected));
        }
        let id = stored.id;
        let shown = Kept::new(stored.clone()).shown();
        let note = Note {
            act: "credential.create",
            object: address,
            detail: act_json(&shown),
        };
        let facts = vec![
            Fact::CredentialCounter(id.0),
            Fact::Credential(account, stored),
        ];
        let making = Making {
            label: &shown.label,
            expires_at: shown.expires_at,
            ..Making::of(account, shown.kind)
        };
        let entry = acts.chain.last + 1;
        let settled = self.settle_secret(acts, by, making, entry)?;
        self.commit_secret(acts, by, note, facts, settled)?;
        acts.credential_last = id.0;
        Ok(shown)
    }

    fn create_first(
        &self,
        by: Option<&Access>,
        account: AccountId,
        label: String,
        expires_at: Option<i64>,
    ) -> Result<(Credential, Secret), Error> {
        self.check_to_come(expires_at)?;
        let mut acts = self.acts();
        let id = CredentialId(acts.credential_last + 1);
        let hands = self.read().hands(by, account)?;
        let (mut stored, secret) = first(id, self.now_s(), hands)?;
        stored.label = label;
        stored.expires_at = expires_at.or(stored.expires_at);
        let shown = Kept::new(stored.clone()).shown();
        let (note, facts) = {
            let book = self.read();
            let owner = book.check_credentials(by, account, Capability::ResetCredentials)?;
            let mut facts = book.replaced(by, account);
            facts.push(Fact::CredentialCounter(id.0));
            facts.push(Fact::Credential(account, stored));
            let note = Note {
                act: "password.first",
                object: owner.address.to_string(),
                detail: act_json(&shown),
            };
            (note, facts)
        };
        let making = Making::of(account, CredentialKind::FirstPassword);
        let entry = acts.chain.last + 1;
        let settled = self.settle_secret(&mut acts, by, making, entry)?;
        self.commit_secret(&mut acts, by, note, facts, settled)?;
        acts.credential_last = id.0;
        Ok((shown, secret))
    }

    /// Commits the making of one, its own entry first: that has its number.
    fn commit_secret(
        &self,
        acts: &mut Acts,
        by: Option<&Access>,
        note: Note,
        mut facts: Vec<Fact>,
        settled: Settled,
    ) -> Result<(), Error> {
        facts.extend(settled.facts);
        let notes = std::iter::once(note).chain(settled.notes);
        self.commit_all(acts, by, notes.collect(), facts)
    }

    /// Credentials of an account.
    pub fn credentials(
        &self,
        by: Option<&Access>,
        account: AccountId,
    ) -> Result<Vec<Credential>, Error> {
        let book = self.read();
        let owner = book.account(account).ok_or(Error::NotFound("account"))?;
        if by.is_none_or(|access| access.account != account) {
            book.check(by, Capability::ReadDirectory, &owner.agency, "account")?;
        }
        let of = book.credentials.get(&account).into_iter().flatten();
        Ok(of.map(|(_, kept)| kept.shown()).collect())
    }

    /// Withdraws one; sign-ins through it end at once.
    pub fn delete_credential(
        &self,
        by: Option<&Access>,
        account: AccountId,
        id: CredentialId,
    ) -> Result<(), Error> {
        let mut acts = self.acts();
        let (note, mut facts, kind) = {
            let book = self.read();
            let kind = book.credential(account, id).map(|kept| kept.stored.kind);
            let capability = match kind {
                Some(CredentialKind::Token) => Capability::ManageTokens,
                _ => Capability::ResetCredentials,
            };
            // One may always withdraw what is one's own.
            let owner = match by {
                Some(access) if access.account == account => {
                    if book.is_factor(account, id) {
                        let expected = "to be taken away on the sign-in page, by a code of it";
                        return Err(invalid("credential", expected));
                    }
                    book.account(account).ok_or(Error::NotFound("account"))?
                }
                _ => book.check_credentials(by, account, capability)?,
            };
            let kept = book
                .credential(account, id)
                .ok_or(Error::NotFound("credential"))?;
            let note = Note {
                act: "credential.delete",
                object: owner.address.to_string(),
                detail: act_json(&kept.shown()),
            };
            (note, book.withdrawal(account, id), kind)
        };
        let another = by.filter(|by| !is_owner(by, account));
        if let (Some(by), Some(CredentialKind::SecondFactor)) = (another, kind) {
            let scope = Scope::SecondFactor(account);
            facts.extend(self.act_told(acts.chain.last + 1, by, scope)?);
        }
        self.commit(&mut acts, by, note, facts)
    }

    pub(crate) fn draft(
        &self,
        acts: &Acts,
        kind: CredentialKind,
        label: String,
        expires_at: Option<i64>,
        proof: Proof,
    ) -> Stored {
        let id = CredentialId(acts.credential_last + 1);
        Stored {
            id,
            kind,
            label,
            created_at: self.now_s(),
            expires_at,
            proof,
            verifier: None,
            hands: Hands::default(),
            opens: Opens::Administration,
        }
    }
}

impl Book {
    /// The account, when `by` may give it credentials. One's own passwords, app passwords and tokens: by the password,
    /// which in a browser is asked anew (`unlocked`); a token or an app password cannot make others of its kind.
    pub(crate) fn check_credentials(
        &self,
        by: Option<&Access>,
        account: AccountId,
        capability: Capability,
    ) -> Result<&Account, Error> {
        let owner = self.account(account).ok_or(Error::NotFound("account"))?;
        let open =
            |access: &Access| access.account == account && access.through == Through::Session;
        if by.is_some_and(open) {
            return Err(invalid("current", crate::unlocked::MISSING));
        }
        let own = by.is_some_and(|access| {
            let opens = match access.through {
                Through::Password(_) => {
                    [Capability::ResetCredentials, Capability::ManageTokens].contains(&capability)
                }
                // It opens nothing but the choice of a password.
                Through::FirstPassword(_) => capability == Capability::ResetCredentials,
                _ => false,
            };
            access.account == account && opens
        });
        if !own {
            self.check_account(by, capability, owner)?;
        }
        if capability == Capability::ResetCredentials {
            self.check_no_token(by, account)?;
        }
        Ok(owner)
    }

    /// What goes when an account gets a password or first password: those before, and where somebody else sets it than its
    /// owner, what he made beside them: a thief may have made it, and whose it is would not notice that he is shut out. What
    /// others made stays, they answer for it.
    fn replaced(&self, by: Option<&Access>, account: AccountId) -> Vec<Fact> {
        let another = by.is_some_and(|by| by.account != account || self.is_lent(by));
        let all = self.credentials.get(&account).into_iter().flatten();
        let goes = all.filter(|(_, kept)| match kept.stored.kind {
            CredentialKind::Password | CredentialKind::FirstPassword => true,
            CredentialKind::AppPassword => another && !kept.stored.hands.is_anothers(),
            CredentialKind::Token => another && kept.stored.hands.is_own(),
            CredentialKind::SecondFactor => false,
        });
        goes.flat_map(|(id, _)| self.withdrawal(account, *id))
            .collect()
    }

    /// What is no longer so when a credential goes: itself and the sessions that it opened.
    pub(crate) fn withdrawal(&self, account: AccountId, id: CredentialId) -> Vec<Fact> {
        let sessions = self.sessions_of.get(&account).into_iter().flatten();
        sessions
            .filter(|hash| {
                self.sessions
                    .get(*hash)
                    .is_some_and(|s| s.row.credential == id)
            })
            .map(|hash| Fact::NoSession(*hash))
            .chain([Fact::NoCredential(account, id)])
            .collect()
    }
}

/// Days for which a first password is good.
const FIRST_DAYS: i64 = 30;

/// A first password: 16 letters and digits, 80 bits, short enough to be typed from paper. Drawn by us, so a quick
/// digest is enough: nobody goes through 2^80 of them, offline or here, within its days. No half for SCRAM is kept:
/// it opens no mail.
pub(crate) fn first(id: CredentialId, now_s: i64, hands: Hands) -> Result<(Stored, Secret), Error> {
    let secret = drawn::<16>()?;
    let kind = CredentialKind::FirstPassword;
    let stored = Stored {
        id,
        kind,
        label: String::new(),
        created_at: now_s,
        expires_at: Some(now_s.saturating_add(FIRST_DAYS * 24 * 3600)),
        proof: Proof::Blake3(digest(&squeeze(&secret, kind))),
        verifier: None,
        hands,
        opens: Opens::Administration,
    };
    Ok((stored, Secret::new(secret)))
}

/// 24 letters and digits, 120 bits.
fn app_password() -> Result<String, Error> {
    drawn::<24>()
}

/// Letters and digits in groups of four, five bits each; none that look alike.
fn drawn<const N: usize>() -> Result<String, Error> {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut text = String::with_capacity(N + N / 4);
    for (n, byte) in random::<N>()?.iter().enumerate() {
        if n > 0 && n % 4 == 0 {
            text.push('-');
        }
        text.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    Ok(text)
}

/// An app password as it was shown, however it was typed: SCRAM's clients hash what they are given.
pub(crate) fn as_shown(secret: &str) -> String {
    let letters = squeeze(secret, CredentialKind::AppPassword);
    let mut text = String::with_capacity(letters.len() + letters.len() / 4);
    for (n, letter) in letters.chars().enumerate() {
        if n > 0 && n % 4 == 0 {
            text.push('-');
        }
        text.push(letter);
    }
    text
}

/// App passwords and codes are typed from one screen to another: case, dashes and spaces do not count.
pub(crate) fn squeeze(secret: &str, kind: CredentialKind) -> String {
    match kind {
        CredentialKind::AppPassword
        | CredentialKind::FirstPassword
        | CredentialKind::SecondFactor => secret
            .chars()
            .filter(|c| *c != '-' && !c.is_whitespace())
            .flat_map(char::to_lowercase)
            .collect(),
        CredentialKind::Password | CredentialKind::Token => secret.to_owned(),
    }
}
