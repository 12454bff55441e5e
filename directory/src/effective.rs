//! The effective policy of an account: each value that rules it, and where that comes from.
//!
//! Quotas, sizes of messages and forwarding have their own places, with their own resources; they are told here beside
//! the values of `policy`, so that one answer says all.

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
            number(
                "message_octets",
                None,
                &|id| book.caps.get(id)?.each.octets,
                sending.each.octets,
            ),
        ];
        all.push(book.ruled_outside(&account.agency));
        all.extend(Key::all().map(|key| book.ruled_value(account, key)));
        Ok(all)
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
