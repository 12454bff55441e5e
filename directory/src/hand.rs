//! Hand: through whose hands a secret went, so that nobody is his own second person.
//!
//! Who makes another's token, or sets another's password, knows it and can act as that other. So a credential keeps who
//! beside its owner made it, and through whose hands that went by which it was made: what an owner makes for himself
//! is no cleaner than what he came in by. A password of his own choice becomes his own with time: had somebody else
//! chosen it, he could not have come in since, and would have said so.

use crate::act::invalid;
use crate::book::Book;
use crate::credential::Stored;
use crate::fact::Fact;
use crate::{Access, AccountId, CredentialId, CredentialKind, Error, Through};
use serde::{Deserialize, Serialize};

/// Seconds after which a password that its owner chose is his own, by whatever he came in to choose it.
const OWN_AFTER_S: i64 = 7 * 24 * 60 * 60;
/// Others through whose hands one secret went.
const OTHERS_MAX: usize = 16;

/// Through whose hands a secret went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hands {
    /// Whether its owner made it; not so of what the system made, or what was made before this was recorded.
    own: bool,
    /// Who else knows it, or may, each once.
    others: Vec<AccountId>,
}

impl Hands {
    /// Whether its owner made it.
    pub(crate) fn is_own(&self) -> bool {
        self.own
    }

    /// Whether somebody else made it, as far as is known.
    pub(crate) fn is_anothers(&self) -> bool {
        !self.own && !self.others.is_empty()
    }
}

impl Stored {
    /// Whether its owner made it, and nobody else knows it, or may.
    fn is_owners_own(&self, now_s: i64) -> bool {
        self.hands.own && self.known_to(now_s).is_empty()
    }

    /// Who beside its owner knows it, or may.
    pub(crate) fn known_to(&self, now_s: i64) -> &[AccountId] {
        let chosen = self.hands.own && self.kind == CredentialKind::Password;
        match chosen && self.created_at.saturating_add(OWN_AFTER_S) <= now_s {
            true => &[],
            false => &self.hands.others,
        }
    }
}

impl Book {
    /// Through whose hands a secret goes that `by` makes for an account. Errors: `Invalid`.
    pub(crate) fn hands(&self, by: Option<&Access>, owner: AccountId) -> Result<Hands, Error> {
        let Some(by) = by else {
            return Ok(Hands::default());
        };
        let mut others = self.persons(by);
        others.retain(|who| *who != owner);
        if others.len() > OTHERS_MAX {
            let expected = "a sign-in by a secret that went through fewer hands";
            return Err(invalid("account", expected));
        }
        Ok(Hands {
            own: by.account == owner,
            others,
        })
    }

    /// Whether it is by a token that somebody else than the account's owner knows, or may: what it does in the owner's name
    /// somebody else may do. It administers, and nothing is his own by it.
    pub(crate) fn is_lent(&self, by: &Access) -> bool {
        matches!(by.through, Through::Token(_)) && self.persons(by).len() > 1
    }

    /// Whether it is the account's owner by what opens his mail to him: not by a token that somebody else may know, and not by
    /// one that he made for administration alone. Such a one brings his mail to somebody as anybody else's: with a reason, by
    /// two persons where that is the rule, and told.
    pub(crate) fn owns_mail(&self, by: &Access, account: AccountId) -> bool {
        by.account == account && !self.is_lent(by) && !self.by_token_without_mail(by)
    }

    /// What ends when an account is given a grant: every secret of it that somebody else knows, or may, who does not give
    /// the grant. He would have it too.
    pub(crate) fn planted(&self, owner: AccountId, by: Option<&Access>, now_s: i64) -> Vec<Fact> {
        let giver = by.map(|by| by.account);
        let all = self.credentials.get(&owner).into_iter().flatten();
        let planted = all.filter(|(_, kept)| {
            let mut others = kept.stored.known_to(now_s).iter();
            others.any(|who| Some(*who) != giver)
        });
        planted
            .flat_map(|(id, _)| self.withdrawal(owner, *id))
            .collect()
    }

    /// Whether this credential of an account is known to its owner alone, who made it.
    pub(crate) fn is_owners_own(&self, owner: AccountId, id: CredentialId, now_s: i64) -> bool {
        let kept = self.credential(owner, id);
        kept.is_some_and(|kept| kept.stored.is_owners_own(now_s))
    }

    /// Who may be behind an act: the one who is signed in, first, and those who know by what.
    pub(crate) fn persons(&self, by: &Access) -> Vec<AccountId> {
        let now = by.directory.now_s();
        let kept = by
            .rests_on_in(self)
            .and_then(|id| self.credential(by.account, id));
        let others = kept.map(|kept| kept.stored.known_to(now).to_vec());
        let mut persons = vec![by.account];
        persons.extend(others.unwrap_or_default());
        persons
    }
}
