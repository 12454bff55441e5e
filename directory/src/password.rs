//! What a password must be: as the policies of the agencies say, and never less than eight characters.

use crate::act::invalid;
use crate::book::Book;
use crate::fact::{Fact, account_key, credential_of, decode, table};
use crate::hash::prepare;
use crate::policy::{Key, PASSWORD_MIN};
use crate::{AccountId, AgencyId, CredentialId, Directory, Error, Secret};
use formats::address::Address;

/// Characters of a password, at most.
const PASSWORD_MAX: usize = 256;
/// A local part shorter than this may appear in a password by chance.
const LOCAL_PART_MIN: usize = 4;

/// What the agencies rule of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Characters, at least.
    min: u64,
    /// Of lower case, upper case, digits and others, at least so many.
    classes: u64,
    /// It is none of the last so many.
    history: u64,
}

impl Book {
    pub(crate) fn password_rules(&self, agency: &AgencyId) -> Rules {
        let number = |key: Key| self.ruled_number(agency, key).unwrap_or(0);
        Rules {
            min: number(Key::PasswordMin).max(PASSWORD_MIN),
            classes: number(Key::PasswordClasses),
            history: number(Key::PasswordHistory),
        }
    }
}

impl Directory {
    /// Refuses a password that the account has or lately had. Costs an argon2id for each that is remembered.
    /// Errors: `Invalid`.
    pub(crate) fn check_not_former(
        &self,
        account: AccountId,
        prepared: &str,
        rules: Rules,
    ) -> Result<(), Error> {
        if rules.history == 0 {
            return Ok(());
        }
        let present = self.read().password(account).map(|(_, phc)| phc);
        let mut former = self.former_passwords(account)?;
        former.reverse();
        let kept = usize::try_from(rules.history).unwrap_or(usize::MAX);
        let known = present
            .into_iter()
            .chain(former.into_iter().map(|(_, phc)| phc));
        for phc in known.take(kept) {
            let busy =
                |_| storage::Error::Unavailable("too many passwords are being hashed".into());
            if self
                .inner
                .hasher
                .verify(Some(&phc), prepared)
                .map_err(busy)?
            {
                let expected = format!("a password other than the last {}", rules.history);
                return Err(invalid("password", expected));
            }
        }
        Ok(())
    }

    /// What is remembered of a password that is replaced, and what is forgotten for it.
    pub(crate) fn remembered(
        &self,
        account: AccountId,
        old: Option<(CredentialId, String)>,
        rules: Rules,
    ) -> Result<Vec<Fact>, Error> {
        let before = self.former_passwords(account)?;
        // The present one is among the last so many.
        let kept = usize::try_from(rules.history.saturating_sub(1)).unwrap_or(usize::MAX);
        let new = old.filter(|_| kept > 0);
        let over = (before.len() + new.iter().len()).saturating_sub(kept);
        let forgotten = before.into_iter().take(over);
        let forgotten = forgotten.map(|(id, _)| Fact::FormerPassword(account, id, None));
        let new = new.map(|(id, phc)| Fact::FormerPassword(account, id, Some(phc)));
        Ok(forgotten.chain(new).collect())
    }

    /// Passwords that the account had, oldest first.
    fn former_passwords(&self, account: AccountId) -> Result<Vec<(CredentialId, String)>, Error> {
        let rows = self.inner.store.table(table::FORMER_PASSWORD);
        let rows = rows.rows(&account_key(account), None, FORMER_MAX)?;
        let each = rows.into_iter().filter_map(|(key, row)| {
            let (_, id) = credential_of(&key)?;
            Some(decode(table::FORMER_PASSWORD, &row).map(|phc| (id, phc)))
        });
        Ok(each.collect::<Result<_, _>>()?)
    }
}

/// Rows of one account that are looked at; policies let fewer be kept.
const FORMER_MAX: usize = 100;

/// The password as it is compared. Errors: `Invalid`, with what is expected.
pub(crate) fn prepared(secret: &Secret, address: &Address, rules: Rules) -> Result<String, Error> {
    let expected = |what: &str| invalid("password", what);
    let length = format!("{} to {PASSWORD_MAX} characters", rules.min);
    let text = prepare(secret.expose()).ok_or_else(|| expected(&length))?;
    let count = text.chars().count();
    let fits = count as u64 >= rules.min && count <= PASSWORD_MAX;
    if !fits || text.chars().any(char::is_control) {
        return Err(expected(&length));
    }
    let has = |class: fn(&char) -> bool| u64::from(text.chars().any(|c| class(&c)));
    let classes = has(|c| c.is_lowercase())
        + has(|c| c.is_uppercase())
        + has(char::is_ascii_digit)
        + has(|c| !c.is_lowercase() && !c.is_uppercase() && !c.is_ascii_digit());
    if classes < rules.classes {
        return Err(expected(match rules.classes {
            0..=2 => "two of: lower case, upper case, digits, other characters",
            3 => "three of: lower case, upper case, digits, other characters",
            _ => "all of: lower case, upper case, digits, other characters",
        }));
    }
    let folded = text.to_lowercase();
    let local = address.local.as_str().to_lowercase();
    let named = local.chars().count() >= LOCAL_PART_MIN && folded.contains(&local);
    if named || folded.contains(&address.key()) {
        return Err(expected("a password without the address in it"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(password: &str, fits: bool) {
        let address = Address::parse("annv@x.vn").unwrap();
        let rules = Book::default().password_rules(&AgencyId("H99".into()));
        let got = prepared(&Secret::new(password), &address, rules);
        assert_eq!(got.is_ok(), fits, "{password:?}: {got:?}");
    }

    #[test]
    fn agencies_may_ask_for_more() {
        let address = Address::parse("annv@x.vn").unwrap();
        let rules = Rules {
            min: 12,
            classes: 4,
            history: 0,
        };
        for (password, fits) in [
            ("Aa1!bcdefghi", true),
            ("Aa1!bcdefgh", false),
            ("Aa1bcdefghij", false),
        ] {
            let got = prepared(&Secret::new(password), &address, rules);
            assert_eq!(got.is_ok(), fits, "{password}: {got:?}");
        }
    }

    #[test]
    fn passwords_have_length_and_classes_and_no_address() {
        check("Aa1bcdef", true);
        check("Aa1bcde", false);
        check("mật khẩu 1", true);
        check("abcdefgh1", false);
        check("ABCDEFGH1", false);
        check("Abcdefgh", false);
        check("Annv@2026", false);
        check("xANNV#2026y", false);
        check("Tinh Mau 2026", true);
        check("Aa1\0bcdef", false);
        check("Aa1\nbcdef", false);
        check(&format!("Aa1{}", "b".repeat(254)), false);
    }
}
