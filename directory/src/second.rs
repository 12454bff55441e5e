//! The second factor: a code of six digits that a telephone's app shows (TOTP, RFC 6238, with SHA-1, which all of these
//! apps know), asked for on the sign-in page after the password.
//!
//! Mail programs cannot ask for it: where an account has one, or its agency demands one, they sign in by app passwords,
//! and the password alone opens nothing. For who lost the telephone there are spare codes, each good once; for who lost
//! those too, the agency's administrator withdraws the factor like any other credential.

use crate::act::{Note, invalid};
use crate::book::Book;
use crate::credential::{Proof, Stored, squeeze};
use crate::error::Barred;
use crate::fact::Fact;
use crate::hash::{digest, random};
use crate::lockout::{NameDigest, Network};
use crate::policy::{Key, Value};
use crate::{
    Access, Account, AccountId, AgencyId, CredentialId, CredentialKind, Denied, Directory, Error,
    Peer, SessionToken, Through,
};
use serde_json::json;
use subtle::ConstantTimeEq;
use totp_rs::{Algorithm, TOTP};

/// Octets of what the app and we share: as many as SHA-1 has (RFC 4226 §4).
const SECRET_OCTETS: usize = 20;
/// Digits of a code.
pub const DIGITS: usize = 6;
/// Seconds for which the app shows one code.
const STEP_S: i64 = 30;
/// Steps that the telephone's clock may be ahead or behind (RFC 6238 §5.2).
const SKEW: i64 = 1;
/// Spare codes, each good once.
pub const SPARE_CODES: usize = 10;
/// Letters of a spare code: those that do not look alike; 32, so that five bits make each.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789x";
/// Letters of one spare code, in two halves.
const SPARE_LETTERS: usize = 10;
/// Octets of a code that is looked at.
const TYPED_MAX: usize = 64;

/// What an app is told, once; nothing of it is kept before a code shows that it was.
#[derive(Clone)]
pub struct Enrolment {
    secret: [u8; SECRET_OCTETS],
    account: AccountId,
    address: String,
    /// The factor that it takes the place of, by a code of that one.
    replaces: Option<CredentialId>,
}

impl std::fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Enrolment({}, ***)", self.account)
    }
}

impl Enrolment {
    /// To be typed into the app: groups of four letters and digits.
    #[must_use]
    pub fn spelled(&self) -> String {
        let letters = base32(&self.secret);
        let groups = letters.as_bytes().chunks(4);
        let groups: Vec<&str> = groups
            .filter_map(|group| std::str::from_utf8(group).ok())
            .collect();
        groups.join(" ")
    }

    /// To be shown as a picture for the app's camera.
    #[must_use]
    pub fn uri(&self) -> String {
        let issuer = self
            .address
            .rsplit_once('@')
            .map_or("", |(_, domain)| domain);
        format!(
            "otpauth://totp/{issuer}:{}?secret={}&issuer={issuer}",
            self.address.replace('@', "%40"),
            base32(&self.secret)
        )
    }
}

/// RFC 4648 §6, without padding.
fn base32(octets: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let fives = octets.chunks(5).flat_map(|chunk| {
        let number =
            chunk.iter().fold(0u64, |n, o| n << 8 | u64::from(*o)) << (8 * (5 - chunk.len()));
        let letters = (chunk.len() * 8).div_ceil(5);
        (0..letters).map(move |n| (number >> (35 - 5 * n)) as usize & 31)
    });
    fives.map(|five| char::from(ALPHABET[five])).collect()
}

/// Why a session is not opened though the password is right.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// A code is asked for.
    #[error("a code of the second factor is wanted")]
    Wanted,
    /// The agency demands a second factor, and the account has none yet.
    #[error("a second factor is to be set up first")]
    Enrol,
    /// It is none of now, or was used already.
    #[error("this is not the code of now")]
    Wrong,
    /// After failures: seconds to wait.
    #[error("try again in {0} s")]
    Later(u32),
    /// Many wrong codes came from elsewhere: so many seconds one code alone does not do. Two that follow each other do
    /// at once, and so does a spare one.
    #[error("two codes in a row, or one in {0} s")]
    Beset(u32),
    /// By an app password or token; or the sign-in does not stand any more; or there is no such factor.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Not done for another reason.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// How an account stands to second factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondFactor {
    /// Since when it has one; Unix seconds.
    pub since: Option<i64>,
    /// Spare codes that were not used yet.
    pub spare: usize,
    /// Whether its agency demands one.
    pub demanded: bool,
}

/// What a code turned out to be.
enum Fits {
    /// The app's, of this step.
    Step(i64),
    /// The spare one at this place.
    Spare(usize),
}

impl Directory {
    /// How one's own account stands.
    pub fn second_factor(&self, access: &Access) -> SecondFactor {
        let book = self.read();
        let agency = book.account(access.account).map(|account| &account.agency);
        let demanded = agency.is_some_and(|agency| book.demands_second(agency));
        let kept = book.second(access.account);
        let spare = kept.map_or(0, |kept| match &kept.proof {
            Proof::Totp { spare, .. } => spare.len(),
            _ => 0,
        });
        SecondFactor {
            since: kept.map(|kept| kept.created_at),
            spare,
            demanded,
        }
    }

    /// Opens a browser session for somebody who just signed in by password, when no code is wanted or `code` is right.
    /// A right code is good once. Errors: as `StepError` says; a wrong code is counted.
    pub fn open_with_code(
        &self,
        access: &Access,
        code: Option<&str>,
        peer: Peer,
    ) -> Result<SessionToken, StepError> {
        if !access.stands() || !matches!(access.through, Through::Password(_)) {
            return Err(Denied.into());
        }
        let (mut facts, mut by) = (Vec::new(), None);
        let acts = self.acts();
        match (self.kept_second(access), code) {
            (Some(_), None) => return Err(StepError::Wanted),
            (Some(kept), Some(code)) => {
                let after = self.spent(access, &kept, code, peer)?;
                facts.push(Fact::Credential(access.account, after));
                by = Some(kept.id);
            }
            (None, _) if self.second_factor(access).demanded => return Err(StepError::Enrol),
            (None, _) => {}
        }
        let opened = self.begin_session(access, peer, facts)?;
        drop(acts);
        if let Some(factor) = by {
            self.used(access.account, factor);
        }
        Ok(opened)
    }

    /// What is to be told to an app. Errors: no random octets, `Denied` (not signed in by password or in the browser).
    pub fn draw_second(&self, access: &Access) -> Result<Enrolment, Error> {
        if !access.stands() || !chooses(access) {
            return Err(Denied.into());
        }
        Ok(Enrolment {
            secret: random()?,
            account: access.account,
            address: access.address.to_string(),
            replaces: None,
        })
    }

    /// The same for another telephone in place of the one that there is, by a code of that. Errors: as `StepError` says.
    pub fn change_second(
        &self,
        access: &Access,
        code: &str,
        peer: Peer,
    ) -> Result<Enrolment, StepError> {
        let drawn = self.draw_second(access)?;
        let _acts = self.acts();
        let kept = self.kept_second(access).ok_or(Denied)?;
        let after = self.spent(access, &kept, code, peer)?;
        self.commit_unlogged(vec![Fact::Credential(access.account, after)])?;
        Ok(Enrolment {
            replaces: Some(kept.id),
            ..drawn
        })
    }

    /// Keeps it, when `code` shows that an app has it, and opens a browser session for who came by password; the spare
    /// codes, told this once. The sessions that stand stand on. Errors: as `StepError` says; then nothing is done.
    /// `Denied` also where the account has a factor by now that this was not drawn to replace: the password alone, or a
    /// session that was open before, takes nobody's factor away.
    pub fn enrol_second(
        &self,
        access: &Access,
        drawn: &Enrolment,
        code: &str,
        peer: Peer,
    ) -> Result<(Vec<String>, Option<SessionToken>), StepError> {
        if !access.stands() || !chooses(access) || drawn.account != access.account {
            return Err(Denied.into());
        }
        let mut acts = self.acts();
        let there = self.kept_second(access).map(|kept| kept.id);
        if there != drawn.replaces {
            return Err(Denied.into());
        }
        let (codes, spare) = spare_codes()?;
        let proof = |step| Proof::Totp {
            secret: drawn.secret,
            step,
            spare: spare.clone(),
        };
        let mut stored = self.draft(
            &acts,
            CredentialKind::SecondFactor,
            String::new(),
            None,
            proof(0),
        );
        // Not counted when it is wrong: who is shown the secret has nothing to guess.
        let step = match fits(&stored.proof, code, self.now_s()) {
            Some(Fits::Step(step)) => step,
            Some(Fits::Spare(_)) | None => return Err(StepError::Wrong),
        };
        stored.proof = proof(step);
        stored.hands = self.read().hands(Some(access), access.account)?;
        let id = stored.id;
        let mut facts = vec![Fact::CredentialCounter(id.0)];
        let mut token = None;
        if matches!(access.through, Through::Password(_)) {
            let (opened, with) = self.new_session(access, peer)?;
            facts.extend(with);
            token = Some(opened);
        }
        if let Some(old) = there {
            facts.push(Fact::NoCredential(access.account, old));
        }
        facts.push(Fact::Credential(access.account, stored));
        let note = Note {
            act: "second_factor.set",
            object: access.address.to_string(),
            detail: json!({ "credential": id.0 }),
        };
        self.commit(&mut acts, Some(access), note, facts)?;
        acts.credential_last = id.0;
        let (who, from) = (self.counted(access.account), Network::of(peer.ip));
        let now = self.inner.clock.now_ms();
        self.lockout(|lockout| lockout.succeeded(who, from, now));
        Ok((codes, token))
    }

    /// Draws new spare codes in place of those that are left; told this once. Errors: as `StepError` says.
    pub fn renew_spare(
        &self,
        access: &Access,
        code: &str,
        peer: Peer,
    ) -> Result<Vec<String>, StepError> {
        let mut acts = self.acts();
        let kept = self.kept_second(access).ok_or(Denied)?;
        let mut after = self.spent(access, &kept, code, peer)?;
        let (codes, drawn) = spare_codes()?;
        if let Proof::Totp { spare, .. } = &mut after.proof {
            *spare = drawn;
        }
        let note = Note {
            act: "second_factor.spare",
            object: access.address.to_string(),
            detail: json!({ "credential": after.id.0 }),
        };
        let facts = vec![Fact::Credential(access.account, after)];
        self.commit(&mut acts, Some(access), note, facts)?;
        Ok(codes)
    }

    /// Takes one's own away. Errors: as `StepError` says; `Enrol` where the agency demands one.
    pub fn withdraw_second(
        &self,
        access: &Access,
        code: &str,
        peer: Peer,
    ) -> Result<(), StepError> {
        let mut acts = self.acts();
        let kept = self.kept_second(access).ok_or(Denied)?;
        if self.second_factor(access).demanded {
            return Err(StepError::Enrol);
        }
        self.spent(access, &kept, code, peer)?;
        let note = Note {
            act: "second_factor.withdraw",
            object: access.address.to_string(),
            detail: json!({ "credential": kept.id.0 }),
        };
        let facts = vec![Fact::NoCredential(access.account, kept.id)];
        self.commit(&mut acts, Some(access), note, facts)?;
        Ok(())
    }

    fn kept_second(&self, access: &Access) -> Option<Stored> {
        self.read().second(access.account).cloned()
    }

    /// The factor as it is after this code, which is not good again.
    fn spent(
        &self,
        access: &Access,
        kept: &Stored,
        code: &str,
        peer: Peer,
    ) -> Result<Stored, StepError> {
        if !access.stands() || !chooses(access) {
            return Err(Denied.into());
        }
        let fits = self.judged(access, kept, code, peer)?;
        let mut after = kept.clone();
        if let Proof::Totp { step, spare, .. } = &mut after.proof {
            match fits {
                Fits::Step(of) => *step = of,
                Fits::Spare(at) => drop(spare.remove(at)),
            }
        }
        Ok(after)
    }

    /// Under what failures of this account's codes are counted.
    fn counted(&self, account: AccountId) -> NameDigest {
        self.keyed(&[b"second", &account.raw().to_be_bytes()])
    }

    /// Judges a code, and counts failures: by account, since who comes so far has its password. While strangers try
    /// many, what nobody guesses is looked at all the same: a spare code, or two of the app's in a row.
    fn judged(
        &self,
        access: &Access,
        kept: &Stored,
        code: &str,
        peer: Peer,
    ) -> Result<Fits, StepError> {
        let now = self.inner.clock.now_ms();
        let from = Network::of(peer.ip);
        let who = self.counted(access.account);
        if let Some(wait) = self.lockout(|lockout| lockout.wait(Some(who), from, now)) {
            return Err(StepError::Later(wait));
        }
        let beset = self.lockout(|lockout| lockout.wait_code(who, from, now));
        if let Some(wait) = beset.filter(|_| is_short(code)) {
            return Err(StepError::Beset(wait));
        }
        match fits(&kept.proof, code, now.div_euclid(1000)) {
            Some(fits) => {
                self.lockout(|lockout| lockout.succeeded(who, from, now));
                Ok(fits)
            }
            None => {
                self.lockout(|lockout| lockout.failed_code(who, from, now));
                tracing::info!(ip = %peer.ip, account = %access.account, "a code was wrong");
                Err(StepError::Wrong)
            }
        }
    }
}

/// Whether it may choose what opens the account: a token and an app password may not.
fn chooses(access: &Access) -> bool {
    matches!(access.through, Through::Password(_) | Through::Session)
}

/// Digits and letters of a code, as people type them.
fn typed(code: &str) -> Option<String> {
    if code.len() > TYPED_MAX {
        return None;
    }
    Some(squeeze(code, CredentialKind::SecondFactor))
}

/// Whether it may be one code of the app, which can be guessed.
fn is_short(code: &str) -> bool {
    typed(code).is_none_or(|code| code.len() <= DIGITS)
}

/// What the code is now; a step is good once, and none before it. Two codes that follow each other, written together,
/// are the later one's step.
fn fits(proof: &Proof, code: &str, now_s: i64) -> Option<Fits> {
    let Proof::Totp {
        secret,
        step: last,
        spare,
    } = proof
    else {
        return None;
    };
    let code = typed(code)?;
    let codes = code.len() / DIGITS;
    if matches!(codes, 1 | 2) && code.len() == codes * DIGITS {
        let (now, before) = (now_s.div_euclid(STEP_S), codes as i64 - 1);
        let mut steps = (now - SKEW..=now + SKEW).filter(|step| step - before > *last);
        let shown = |step: i64| (step - before..=step).map(|step| code_of(secret, step));
        return steps
            .find(|step| {
                let shown: String = shown(*step).collect();
                shown.as_bytes().ct_eq(code.as_bytes()).into()
            })
            .map(Fits::Step);
    }
    let digest = digest(&code);
    let at = spare.iter().position(|kept| kept.ct_eq(&digest).into());
    at.map(Fits::Spare)
}

/// The app's code of one step (RFC 6238 §4).
fn code_of(secret: &[u8; SECRET_OCTETS], step: i64) -> String {
    let totp = TOTP::new_unchecked(Algorithm::SHA1, DIGITS, 0, 1, secret.to_vec());
    totp.generate(u64::try_from(step).unwrap_or_default())
}

/// Spare codes, and what is kept of them.
fn spare_codes() -> Result<(Vec<String>, Vec<[u8; 32]>), Error> {
    let mut codes = Vec::with_capacity(SPARE_CODES);
    for _ in 0..SPARE_CODES {
        let octets = random::<SPARE_LETTERS>()?;
        let letters = octets.map(|octet| char::from(LETTERS[usize::from(octet & 31)]));
        codes.push(letters.iter().collect::<String>());
    }
    let kept = codes.iter().map(|code| digest(code)).collect();
    let half = SPARE_LETTERS / 2;
    let shown = codes
        .iter()
        .map(|code| format!("{}-{}", &code[..half], &code[half..]));
    Ok((shown.collect(), kept))
}

impl Book {
    /// The account's second factor.
    pub(crate) fn second(&self, account: AccountId) -> Option<&Stored> {
        let mut of = self.credentials.get(&account)?.values();
        of.find(|kept| kept.stored.kind == CredentialKind::SecondFactor)
            .map(|kept| &kept.stored)
    }

    /// Whether accounts of the agency are to have one.
    pub(crate) fn demands_second(&self, agency: &AgencyId) -> bool {
        self.policy(agency, Key::SecondFactor).value == Some(Value::Switch(true))
    }

    /// Why a password alone does not sign in at a door that asks for no code.
    pub(crate) fn wants_code(
        &self,
        account: AccountId,
        agency: &AgencyId,
        through: Through,
        service: &str,
    ) -> Option<Barred> {
        let alone = matches!(through, Through::Password(_)) && service != "login";
        let wants = alone && (self.second(account).is_some() || self.demands_second(agency));
        wants.then_some(Barred::SecondFactor)
    }

    /// Whether a session may be opened by this password without a code.
    pub(crate) fn opens_alone(&self, account: AccountId) -> bool {
        let agency = self.account(account).map(|account| &account.agency);
        self.second(account).is_none() && !agency.is_some_and(|agency| self.demands_second(agency))
    }

    /// A browser's session of before the agency demanded a second factor makes no token or app password for its own account:
    /// those outlast it. Errors: `Invalid`.
    pub(crate) fn check_factor(&self, by: Option<&Access>, owner: &Account) -> Result<(), Error> {
        let own = by.is_some_and(|by| by.account == owner.id && by.session.is_some());
        match own && self.demands_second(&owner.agency) && self.second(owner.id).is_none() {
            true => Err(invalid(
                "account",
                "an account with a second factor, which its agency demands: sign in again to set it up",
            )),
            false => Ok(()),
        }
    }

    /// Whether this credential is a second factor.
    pub(crate) fn is_factor(&self, account: AccountId, id: CredentialId) -> bool {
        self.credential(account, id)
            .is_some_and(|kept| kept.stored.kind == CredentialKind::SecondFactor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238 appendix B, the last six of eight digits.
        let check = |at: i64, expected: &str| {
            assert_eq!(code_of(b"12345678901234567890", at / STEP_S), expected);
        };
        check(59, "287082");
        check(1_111_111_109, "081804");
        check(1_111_111_111, "050471");
        check(1_234_567_890, "005924");
        check(2_000_000_000, "279037");
        check(20_000_000_000, "353130");
    }

    #[test]
    fn base32_is_that_of_the_standard() {
        // RFC 4648 §10.
        let check = |text: &str, expected: &str| assert_eq!(base32(text.as_bytes()), expected);
        check("", "");
        check("f", "MY");
        check("fo", "MZXQ");
        check("foo", "MZXW6");
        check("foob", "MZXW6YQ");
        check("fooba", "MZXW6YTB");
        check("foobar", "MZXW6YTBOI");
    }

    #[test]
    fn a_code_is_good_once_and_near_its_time() {
        let proof = |step| Proof::Totp {
            secret: *b"12345678901234567890",
            step,
            spare: vec![digest("abcdefghjk")],
        };
        let check = |step: i64, code: &str, now_s: i64, expected: bool| {
            assert_eq!(
                fits(&proof(step), code, now_s).is_some(),
                expected,
                "{code} at {now_s} after {step}"
            );
        };
        check(0, "081804", 1_111_111_109, true);
        check(0, "081 804", 1_111_111_109 + STEP_S, true);
        check(0, "081804", 1_111_111_109 - STEP_S, true);
        check(0, "081804", 1_111_111_109 + 2 * STEP_S, false);
        check(1_111_111_109 / STEP_S, "081804", 1_111_111_109, false);
        check(0, "081805", 1_111_111_109, false);
        check(0, "", 1_111_111_109, false);
        // Two in a row: those of 1111111109 and 1111111111, which are two steps.
        check(0, "081804 050471", 1_111_111_111, true);
        check(0, "081804 050471", 1_111_111_111 + STEP_S, true);
        check(0, "081804 050471", 1_111_111_111 + 2 * STEP_S, false);
        check(0, "050471 081804", 1_111_111_111, false);
        check(0, "081804 081804", 1_111_111_111, false);
        check(0, "081804 050472", 1_111_111_111, false);
        // The first of them was used: who saw it would have six digits to guess.
        check(
            1_111_111_109 / STEP_S,
            "081804 050471",
            1_111_111_111,
            false,
        );
        check(0, "ABCDE-fghjk", 1_111_111_109, true);
        check(0, "abcdefghjx", 1_111_111_109, false);
        check(0, &"0".repeat(65), 1_111_111_109, false);
    }
}
