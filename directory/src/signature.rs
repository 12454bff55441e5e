//! Signature: how one presents oneself when one sends from an address: the name, whereto answers go, and what stands
//! below the words (RFC 8621 §6). Addresses are the directory's; this is what a person says of them.
//!
//! A row belongs to the account in whose list of identities it stands: one's own signs for oneself, also from a seat's
//! address; a seat's own list is the same for all who send as it. Rows are read when somebody asks, never held in memory.

use crate::act::{NAME_MAX, invalid};
use crate::fact::{account_key, decode, encode, table};
use crate::hash::digest;
use crate::{Access, AccountId, Error, SenderAddress, Sending};
use formats::address::Address;
use formats::text::steers;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use storage::RowChange;

/// Octets of what stands below plain text.
pub const TEXT_OCTETS_MAX: usize = 8 * 1024;
/// Octets of what stands below HTML.
pub const HTML_OCTETS_MAX: usize = 32 * 1024;
/// Addresses of one field.
pub const ADDRESSES_MAX: usize = 10;
/// Octets of all that one account says.
pub const TOTAL_MAX: usize = 1024 * 1024;
/// Rows of one account that are read: as many as it can have addresses, and more.
const ROWS_MAX: usize = 50_000;

/// A name, perhaps, and an address.
pub type Named = (Option<String>, String);

/// What an account says of one address that it sends from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// In whose list of identities it stands.
    pub account: AccountId,
    /// The address.
    pub address: Address,
    /// Another name than the directory's.
    pub name: Option<String>,
    /// Whereto answers go (RFC 5322 §3.6.2).
    pub reply_to: Option<Vec<Named>>,
    /// Who gets copies unseen.
    pub bcc: Option<Vec<Named>>,
    /// Below plain text.
    pub text: String,
    /// Below HTML; cleaned by who sets it.
    pub html: String,
}

/// What is said, by the keys of the addresses.
pub type Signatures = HashMap<String, Signature>;

impl Signature {
    /// Where nothing was said.
    #[must_use]
    pub fn none(account: AccountId, address: Address) -> Self {
        Self {
            account,
            address,
            name: None,
            reply_to: None,
            bcc: None,
            text: String::new(),
            html: String::new(),
        }
    }

    fn is_none(&self) -> bool {
        *self == Self::none(self.account, self.address.clone())
    }

    fn octets(&self) -> usize {
        let named = |list: &Option<Vec<Named>>| -> usize {
            let each = list.iter().flatten();
            each.map(|(name, address)| name.as_ref().map_or(0, String::len) + address.len())
                .sum()
        };
        let name = self.name.as_ref().map_or(0, String::len);
        name + named(&self.reply_to) + named(&self.bcc) + self.text.len() + self.html.len()
    }

    fn check(&self) -> Result<(), Error> {
        let line = |text: &str| text.chars().count() <= NAME_MAX && !text.contains(steers);
        if !self.name.as_deref().is_none_or(line) {
            return Err(invalid(
                "name",
                format!("one line of at most {NAME_MAX} characters"),
            ));
        }
        for (field, list) in [("reply_to", &self.reply_to), ("bcc", &self.bcc)] {
            let list = list.as_deref().unwrap_or_default();
            let sound = |(name, address): &Named| {
                name.as_deref().is_none_or(line) && Address::parse(address).is_ok()
            };
            if list.len() > ADDRESSES_MAX || !list.iter().all(sound) {
                return Err(invalid(field, format!("at most {ADDRESSES_MAX} addresses")));
            }
        }
        for (field, text, max) in [
            ("text", &self.text, TEXT_OCTETS_MAX),
            ("html", &self.html, HTML_OCTETS_MAX),
        ] {
            if text.len() > max || text.contains('\0') {
                return Err(invalid(
                    field,
                    format!("at most {max} octets of UTF-8, no NUL"),
                ));
            }
        }
        Ok(())
    }

    fn row(&self) -> Result<RowChange, storage::Error> {
        let mut key = account_key(self.account);
        // An address may be longer than a key.
        key.extend_from_slice(&digest(&self.address.key()));
        let value = match self.is_none() {
            true => None,
            false => Some(encode(self)?),
        };
        Ok(RowChange {
            table: table::SIGNATURE,
            key,
            value,
        })
    }
}

impl Access {
    /// The addresses in an account's list of identities: of one's own all that one sends from, of another's its own.
    pub fn identities(&self, account: AccountId) -> Vec<SenderAddress> {
        match account == self.account {
            true => self.senders(),
            false => self.senders_of(account),
        }
    }

    /// What is said of an account's identities; nothing where one may not send in its name.
    pub fn signatures(&self, account: AccountId) -> Result<Signatures, storage::Error> {
        if account != self.account && self.sending_for(account) == Sending::No {
            return Ok(Signatures::new());
        }
        let table = self.directory.inner.store.table(table::SIGNATURE);
        let rows = table.rows(&account_key(account), None, ROWS_MAX)?;
        let read = |(_, value): &(Vec<u8>, Vec<u8>)| {
            let said: Signature = decode(table::SIGNATURE, value)?;
            Ok((said.address.key(), said))
        };
        rows.iter().map(read).collect()
    }

    /// Says it. Errors: `NotFound` where the address is none of the account's identities, or one does not send as the
    /// account (I-17); `Invalid` (field `name`, `reply_to`, `bcc`, `text`, `html`); `TooLarge` past [`TOTAL_MAX`].
    pub fn set_signature(&self, new: &Signature) -> Result<(), Error> {
        // One at a time, so that the sum holds.
        let acts = self.directory.acts();
        let key = new.address.key();
        let may = new.account == self.account || self.sending_for(new.account) == Sending::As;
        let mut all = self.identities(new.account).into_iter();
        if !may || !all.any(|identity| identity.address.key() == key) {
            return Err(Error::NotFound("identity"));
        }
        new.check()?;
        let said = self.signatures(new.account)?;
        let others = said.iter().filter(|(other, _)| **other != key);
        let octets: usize = others.map(|(_, said)| said.octets()).sum();
        if octets + new.octets() > TOTAL_MAX {
            return Err(storage::Error::TooLarge("signatures").into());
        }
        let store = &self.directory.inner.store;
        store.commit_rows(vec![new.row()?])?;
        drop(acts);
        store.account(new.account).wake();
        Ok(())
    }
}
