//! Unlocked: a browser that was left open is not its owner. What would outlast the session, or shut the owner out (a password, an
//! app password, a token of his own), is made in it by the present password alone, which is asked anew each time.
//!
//! A wrong one counts as a failed sign-in, in the same counts as at the door, so nothing is learnt here that would not be learnt
//! there; and it is in the audit log. What the agencies rule of signing in is not asked: nobody comes in.

use crate::act::{Note, invalid};
use crate::lockout::Network;
use crate::{Access, AccountId, Directory, Error, Peer, Secret, SignInError, Through};
use serde_json::json;

/// What is expected where it is left out, where it is wrong, and where it is not asked.
pub(crate) const MISSING: &str =
    "the password that you have now: the browser may have been left open";
const WRONG: &str = "the password that you have now: this is not it";
const NEEDLESS: &str =
    "nothing: only who changes what is his own in the browser says his present password";

impl Directory {
    /// The same who, by the present password, where he makes a secret of his own in the browser; else the Access as it is. Blocks:
    /// argon2id. On trial the password is not looked at: the answer would tell whether it is right, and be in no log. Errors:
    /// `Invalid` (field `current`: left out, wrong, or not asked for), `Later`.
    pub fn unlocked(
        &self,
        access: &Access,
        account: AccountId,
        current: Option<&Secret>,
    ) -> Result<Access, Error> {
        let asked = access.through == Through::Session && access.account == account;
        let current = match (asked, current) {
            (false, None) => return Ok(access.clone()),
            (false, Some(_)) => return Err(invalid("current", NEEDLESS)),
            (true, None) => return Err(invalid("current", MISSING)),
            (true, Some(current)) => current,
        };
        let id = access.rests_on().ok_or(crate::Denied)?;
        let unlocked = Access {
            through: Through::Password(id),
            ..access.clone()
        };
        if access.is_on_trial() {
            return Ok(unlocked);
        }
        let peer = Peer {
            ip: access.origin.address.ok_or(crate::Denied)?,
            service: "login",
        };
        let now = self.inner.clock.now_ms();
        match self.matched(&access.address.to_string(), current, peer, now) {
            Ok(((of, Through::Password(by)), who)) if (of.id, by) == (account, id) => {
                self.lockout(|lockout| lockout.succeeded(who, Network::of(peer.ip), now));
                Ok(unlocked)
            }
            Err(SignInError::Later(wait)) => Err(Error::Later(wait)),
            Err(SignInError::Storage(error)) => Err(error.into()),
            Ok(_) | Err(_) => {
                let note = Note {
                    act: "password.wrong",
                    object: access.address.to_string(),
                    detail: json!({}),
                };
                self.commit(&mut self.acts(), Some(access), note, Vec::new())?;
                Err(invalid("current", WRONG))
            }
        }
    }
}
