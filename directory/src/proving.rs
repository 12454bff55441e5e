//! SCRAM's half of signing in (RFC 5802, RFC 7677): verifiers kept, offered, taught and believed.
//!
//! A verifier is made when a secret is set. Secrets that were set before are known at the next sign-in that
//! shows them, and get theirs then. Salts are made from the name with a key of the store, so that a name that
//! does not exist has one too, always the same.

use crate::book::Book;
use crate::credential::as_shown;
use crate::fact::Fact;
use crate::hash::random;
use crate::lockout::Network;
use crate::saslprep::saslprep;
use crate::scram::Offer;
use crate::signin::{Peer, may_enter, spelled};
use crate::verifier::{ITERATIONS_MIN, SALT, Verifier};
use crate::{Access, AccountId, CredentialId, Directory, Secret, SignInError, Through};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use formats::address::Address;

impl Directory {
    /// Whether SCRAM-SHA-256 is to be offered.
    pub fn offers_scram(&self) -> bool {
        self.inner.settings.scram_iterations > 0
    }

    fn iterations(&self) -> u32 {
        self.inner.settings.scram_iterations.max(ITERATIONS_MIN)
    }

    /// The salt of a name, whether it exists or not.
    fn salt(&self, spelled: &str) -> [u8; SALT] {
        let digest = blake3::keyed_hash(&self.inner.salt_key, spelled.as_bytes());
        let mut salt = [0; SALT];
        salt.copy_from_slice(&digest.as_bytes()[..SALT]);
        salt
    }

    /// The verifier of a secret that is being set; `None` where SCRAM is off, and for a secret that
    /// SASLprep does not allow: its owner signs in by PLAIN.
    pub(crate) fn verifier_of(&self, account: AccountId, secret: &str) -> Option<Verifier> {
        if !self.offers_scram() {
            return None;
        }
        let text = saslprep(secret)?;
        let (kept, spelled) = {
            let book = self.read();
            let kept = book.verifiers(account, None).first().map(|(_, v)| v.salt);
            (kept, book.account(account)?.address.key())
        };
        let salt = kept.unwrap_or_else(|| self.salt(&spelled));
        Some(Verifier::of(&text, salt, self.iterations()))
    }

    /// Gives a credential its verifier, now that the secret is known.
    pub(crate) fn teach(&self, account: AccountId, through: Through, secret: &Secret) {
        let (id, text) = match through {
            Through::Password(id) => (id, secret.expose().to_owned()),
            Through::AppPassword(id) => (id, as_shown(secret.expose())),
            _ => return,
        };
        let lacks = |book: &Book| {
            let kept = book.credential(account, id)?;
            let known = kept.stored.verifier.as_ref();
            let stale = known.is_none_or(|v| v.iterations != self.iterations());
            stale.then(|| kept.stored.clone())
        };
        if !self.offers_scram() || lacks(&self.read()).is_none() {
            return;
        }
        let Some(verifier) = self.verifier_of(account, &text) else {
            return;
        };
        // Whoever changes the credential meanwhile waits, or has done so already.
        let _acts = self.acts();
        let Some(mut stored) = lacks(&self.read()) else {
            return;
        };
        stored.verifier = Some(verifier);
        if let Err(error) = self.commit_unlogged(vec![Fact::Credential(account, stored)]) {
            tracing::warn!(%error, "a verifier for SCRAM could not be kept");
        }
    }

    /// What the server-first-message says to this name.
    pub(crate) fn scram_offer(&self, name: &str, peer: Peer) -> Result<Offer, SignInError> {
        let now = self.inner.clock.now_ms();
        // RFC 5802 §5.1 n: prepared, or compared as if it were.
        let name = saslprep(name).unwrap_or_default();
        let address = self.named(&name);
        let spelled = address
            .as_ref()
            .map_or_else(|| spelled(&name), Address::key);
        let who = self.keyed(&[spelled.as_bytes()]);
        let from = Network::of(peer.ip);
        let wait = self.lockout(|l| l.wait(Some(who), from, now).max(l.wait_name(who, now)));
        if let Some(wait) = wait {
            return Err(SignInError::Later(wait));
        }
        let unknown = |_| storage::Error::Unavailable("the system gives no random octets".into());
        let nonce = random::<18>().map_err(unknown)?;
        let decoy = [random().map_err(unknown)?, random().map_err(unknown)?];
        let mut verifiers: Vec<(Option<(AccountId, CredentialId)>, Verifier)> = {
            let book = self.read();
            let account = address.and_then(|address| book.at(&address).cloned());
            let account = account.filter(|account| may_enter(account));
            let found = account.map(|a| (a.id, book.verifiers(a.id, Some(self.now_s()))));
            let (id, found) = found.unwrap_or((AccountId::SYSTEM, Vec::new()));
            let owned = found.into_iter().map(|(c, v)| (Some((id, c)), v));
            owned.collect()
        };
        if verifiers.is_empty() {
            let verifier = Verifier::decoy(self.salt(&spelled), self.iterations(), decoy);
            verifiers.push((None, verifier));
        }
        Ok(Offer {
            nonce: STANDARD_NO_PAD.encode(nonce),
            verifiers,
        })
    }

    /// A proof that fitted this credential, or none: counted as a password would be.
    pub(crate) fn scram_outcome(
        &self,
        name: &str,
        found: Option<(AccountId, CredentialId)>,
        peer: Peer,
    ) -> Result<Access, SignInError> {
        let now = self.inner.clock.now_ms();
        let name = saslprep(name).unwrap_or_default();
        let address = self.named(&name);
        let spelled = address
            .as_ref()
            .map_or_else(|| spelled(&name), Address::key);
        let who = self.keyed(&[spelled.as_bytes()]);
        let from = Network::of(peer.ip);
        // Asked again: it may have been withdrawn while the client was counting.
        let entry = found.and_then(|(account, id)| self.read().entry(account, id, now));
        match entry {
            Some(found) => self.entered(found, Some(who), peer, now),
            None => {
                self.refused(Some(who), from, now, peer);
                Err(SignInError::Refused)
            }
        }
    }
}

impl Book {
    /// The verifiers of an account that can be offered together: those with the salt and iterations of the
    /// password's, or of the first. Those that have expired by `now_s` are left out.
    fn verifiers(&self, account: AccountId, now_s: Option<i64>) -> Vec<(CredentialId, Verifier)> {
        let of = self.credentials.get(&account).into_iter().flatten();
        let stands = of.filter(|(_, kept)| now_s.is_none_or(|now| !kept.expired(now)));
        let mut all: Vec<_> = stands
            .filter_map(|(id, kept)| Some((kept.stored.kind, *id, kept.stored.verifier.clone()?)))
            .collect();
        // The password's first.
        all.sort_by_key(|(kind, id, _)| (*kind != crate::CredentialKind::Password, *id));
        let like = all.first().map(|(_, _, v)| (v.salt, v.iterations));
        all.into_iter()
            .filter(|(_, _, v)| like == Some((v.salt, v.iterations)))
            .map(|(_, id, v)| (id, v))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AccountKind, AgencyId, AgencyQuota, Clock, NewAccount, NewAgency, Settings};
    use formats::address::DomainName;
    use std::sync::Arc;
    use storage::{EngineKind, Options, Store};

    #[derive(Debug)]
    struct Standing;

    impl Clock for Standing {
        fn now_ms(&self) -> i64 {
            1_795_305_600_000
        }
    }

    fn directory(dir: &std::path::Path) -> (Directory, AccountId) {
        let store = Store::open(&Options {
            dir: dir.to_owned(),
            engine: EngineKind::Memory,
            cache_bytes: 1 << 20,
            ..Options::default()
        });
        let settings = Settings {
            argon2_memory_kib: 64,
            argon2_passes: 1,
            scram_iterations: ITERATIONS_MIN,
            default_domain: None,
            default_quota: None,
        };
        let directory = Directory::open(store.unwrap(), Arc::new(Standing), settings).unwrap();
        let agency = AgencyId("H99".into());
        let new = NewAgency {
            id: agency.clone(),
            parent: None,
            name: "Tỉnh".into(),
            name_en: None,
            quota: AgencyQuota::default(),
            profile: crate::AgencyProfile::default(),
        };
        directory.create_agency(None, new).unwrap();
        let domain = DomainName::parse("x.vn").unwrap();
        directory
            .create_domain(None, domain, agency.clone())
            .unwrap();
        let new = NewAccount {
            address: Address::parse("an@x.vn").unwrap(),
            kind: AccountKind::Person,
            agency,
            name: "An".into(),
            position: None,
            quota: None,
            messages_max: None,
        };
        let account = directory.create_account(None, new).unwrap();
        (directory, account.id)
    }

    #[test]
    fn a_secret_without_a_verifier_gets_one_when_it_is_shown() {
        let dir = tempfile::tempdir().unwrap();
        let (directory, account) = directory(dir.path());
        let secret = Secret::new("Mật khẩu 2026");
        let peer = Peer {
            ip: "192.0.2.1".parse().unwrap(),
            service: "imap",
        };
        let offered = || {
            let offer = directory.scram_offer("AN@x.vn", peer).unwrap();
            let (owner, verifier) = offer.verifiers.first().cloned().unwrap();
            (owner.is_some(), verifier.salt)
        };
        let (unknown, salt) = offered();
        assert!(!unknown, "no password yet");
        let id = directory.set_password(None, account, &secret).unwrap();
        assert_eq!(offered(), (true, salt), "the salt tells nothing");
        // As an earlier version left it.
        let kept = directory.read().credential(account, id).cloned().unwrap();
        let mut stored = kept.stored.clone();
        let before = stored.verifier.take();
        directory
            .commit_unlogged(vec![Fact::Credential(account, stored)])
            .unwrap();
        assert!(!offered().0);
        let wrong = Secret::new("Mật khẩu 2027");
        assert!(directory.sign_in("an@x.vn", &wrong, peer).is_err());
        assert!(!offered().0);
        directory.sign_in("an@x.vn", &secret, peer).unwrap();
        assert!(offered().0);
        let after = directory.read().credential(account, id).cloned().unwrap();
        assert!(before.is_some() && after.stored.verifier == before);
    }
}
