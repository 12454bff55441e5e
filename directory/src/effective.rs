//! The effective policy of an account: each value that rules it, and where that comes from.
//!
//! Quotas and forwarding have their own places, with their own resources; they are told here beside the values of
//! `policy`, so that one answer says all. Of the size of a message and of the days for which removed mail is kept the
//! stricter of two counts: the policy's, and what sending (`cap`) or the config says.

use crate::book::Book;
use crate::policy::{Key, Value};
use crate::{Access, Account, AccountId, AgencyId, Capability, Directory, Error};

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The account's own.
    Account,
    /// The agency's, its own or one above.
    Agency(AgencyId),
    /// The server's configuration.
    Config,
    /// Nobody said anything.
    Default,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Ruled {
    pub name: &'static str,
    /// `None`: no rule.
    pub value: Option<Value>,
    pub from: Source,
    /// The agency below which it cannot be loosened.
    pub locked: Option<AgencyId>,
}

impl Directory {
    /// All that rules an account; anybody may ask for one's own. Errors: `NotFound`.
    pub fn effective_policy(
        &self,
        by: Option<&Access>,
        id: AccountId,
    ) -> Result<Vec<Ruled>, Error> {
        let sending = self.sending_settings();
        let book = self.read();
        let account = book.account(id).ok_or(Error::NotFound("account"))?;
        if !by.is_some_and(|by| by.account == id && by.stands_in(&book)) {
            book.check(by, Capability::ReadDirectory, &account.agency, "account")?;
        }
        let number = |name, own: Option<u64>, above: &dyn Fn(&AgencyId) -> Option<u64>, config| {
            let said = || {
                let mut above_all = book.upward(&account.agency);
                above_all.find_map(|id| Some((above(id)?, id)))
            };
            let (value, from) = match (own, said()) {
                (Some(own), _) => (Some(own), Source::Account),
                (None, Some((said, id))) => (Some(said), Source::Agency(id.clone())),
                (None, None) => match config {
                    Some(config) => (Some(config), Source::Config),
                    None => (None, Source::Default),
                },
            };
            Ruled {
                name,
                value: value.map(Value::Number),
                from,
                locked: None,
            }
        };
        let each = |id: &AgencyId| book.agencies.get(id).map(|agency| agency.quota.each);
        let mut all = vec![
            number(
                "quota",
                account.quota,
                &|id| each(id)?.octets,
                self.inner.settings.default_quota,
            ),
            number(
                "messages_max",
                account.messages_max,
                &|id| each(id)?.messages,
                None,
            ),
        ];
        let size = number(
            Key::MessageOctets.name(),
            None,
            &|id| book.caps.get(id)?.each.octets,
            sending.each.octets,
        );
        let days = Ruled {
            name: Key::RestoreDays.name(),
            value: self.restore_days().map(Value::Number),
            from: match self.restore_days() {
                Some(_) => Source::Config,
                None => Source::Default,
            },
            locked: None,
        };
        all.push(book.ruled_outside(&account.agency));
        all.extend(Key::all().map(|key| {
            let ruled = book.ruled_value(account, key);
            match key {
                Key::MessageOctets => stricter(ruled, size.clone(), u64::lt),
                Key::RestoreDays => stricter(ruled, days.clone(), u64::gt),
                _ => ruled,
            }
        }));
        Ok(all)
    }
}

/// Of a policy's value and another the one that counts; the lock is the policy's.
fn stricter(ruled: Ruled, other: Ruled, is_stricter: fn(&u64, &u64) -> bool) -> Ruled {
    let counts = match (&ruled.value, &other.value) {
        (Some(Value::Number(ruled)), Some(Value::Number(other))) => !is_stricter(other, ruled),
        (ruled, _) => ruled.is_some(),
    };
    match counts {
        true => ruled,
        false => Ruled {
            locked: ruled.locked,
            ..other
        },
    }
}

impl Book {
    /// Whether mail may go on elsewhere.
    fn ruled_outside(&self, agency: &AgencyId) -> Ruled {
        let mut above = self.upward(agency);
        let outside = above.find_map(|id| Some((self.outsides.get(id)?.outside?, id)));
        Ruled {
            name: "forwarding_outside",
            value: Some(Value::Switch(outside.is_some_and(|(may, _)| may))),
            from: outside.map_or(Source::Default, |(_, id)| Source::Agency(id.clone())),
            locked: None,
        }
    }

    /// One value of the policies.
    fn ruled_value(&self, account: &Account, key: Key) -> Ruled {
        let holds = self.policy(&account.agency, key);
        let mut ruled = Ruled {
            name: key.name(),
            value: holds.value,
            from: holds.from.map_or(Source::Default, Source::Agency),
            locked: holds.locked,
        };
        // What the agencies allow is still off until it is turned on for the account.
        if key == Key::Pop3 && ruled.value == Some(Value::Switch(true)) {
            ruled.value = Some(Value::Switch(account.pop3));
            ruled.from = Source::Account;
        }
        ruled
    }
}
