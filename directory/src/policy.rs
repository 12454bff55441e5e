//! What a password must be. Inherited down the agency tree later; one policy for all now.

use crate::act::invalid;
use crate::hash::prepare;
use crate::{Error, Secret};
use formats::address::Address;

/// Characters of a password, at least.
pub const PASSWORD_MIN: usize = 8;
/// Characters of a password, at most.
pub const PASSWORD_MAX: usize = 256;
/// Of lower case, upper case, digits and others, at least so many.
pub const CLASSES_MIN: usize = 3;
/// A local part shorter than this may appear in a password by chance.
const LOCAL_PART_MIN: usize = 4;

/// The password as it is compared. Errors: `Invalid`, with what is expected.
pub(crate) fn prepared(secret: &Secret, address: &Address) -> Result<String, Error> {
    let expected = |what: &str| invalid("password", what);
    let text = prepare(secret.expose()).ok_or_else(|| expected("8 to 256 characters"))?;
    let count = text.chars().count();
    if !(PASSWORD_MIN..=PASSWORD_MAX).contains(&count) || text.chars().any(char::is_control) {
        return Err(expected("8 to 256 characters"));
    }
    let has = |class: fn(&char) -> bool| usize::from(text.chars().any(|c| class(&c)));
    let classes = has(|c| c.is_lowercase())
        + has(|c| c.is_uppercase())
        + has(char::is_ascii_digit)
        + has(|c| !c.is_lowercase() && !c.is_uppercase() && !c.is_ascii_digit());
    if classes < CLASSES_MIN {
        return Err(expected(
            "three of: lower case, upper case, digits, other characters",
        ));
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
        let got = prepared(&Secret::new(password), &address);
        assert_eq!(got.is_ok(), fits, "{password:?}: {got:?}");
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
