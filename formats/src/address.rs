//! RFC 5321 §4.1.2, RFC 6531 §3.3: mail addresses, and RFC 5891 for the names of their domains.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// RFC 5321 §4.5.3.1.1: octets of a local part.
pub const LOCAL_PART_MAX: usize = 64;
/// RFC 5321 §4.5.3.1.2: octets of a domain.
pub const DOMAIN_MAX: usize = 255;
/// RFC 1035 §2.3.4: octets of one label.
pub const LABEL_MAX: usize = 63;

/// Why text is not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum AddressError {
    /// Nothing was given.
    #[error("the address is empty")]
    Empty,
    /// There is no `@`.
    #[error("the address has no domain")]
    NoDomain,
    /// Longer than [`LOCAL_PART_MAX`] or [`DOMAIN_MAX`].
    #[error("the address is too long")]
    TooLong,
    /// Left of the `@` is no local part.
    #[error("the local part is malformed")]
    LocalPart,
    /// Right of the `@` is no domain.
    #[error("the domain is malformed")]
    Domain,
}

/// A domain in lower-case A-labels, or an address literal such as `[127.0.0.1]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DomainName(String);

impl DomainName {
    /// Reads a domain in A-labels or U-labels, in any case, or an address literal.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        // A U-label may be longer in UTF-8 than as an A-label, hence the slack before IDNA.
        if text.len() > DOMAIN_MAX * 4 {
            return Err(AddressError::TooLong);
        }
        if text.starts_with('[') {
            return literal(text).map(Self).ok_or(AddressError::Domain);
        }
        let ascii = idna::domain_to_ascii(text).map_err(|_| AddressError::Domain)?;
        if ascii.len() > DOMAIN_MAX {
            return Err(AddressError::TooLong);
        }
        if ascii.is_empty() || !ascii.split('.').all(is_label) {
            return Err(AddressError::Domain);
        }
        Ok(Self(ascii))
    }

    /// The name in lower-case A-labels, as DNS and SMTP carry it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name for people: U-labels where they are valid.
    #[must_use]
    pub fn to_unicode(&self) -> String {
        if self.is_literal() {
            self.0.clone()
        } else {
            idna::domain_to_unicode(&self.0).0
        }
    }

    /// Whether this is an address literal rather than a name.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.0.starts_with('[')
    }
}

/// let-dig [*(let-dig / "-") let-dig]; `_` too, since names in use have it.
fn is_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    let inner = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    !bytes.is_empty()
        && bytes.len() <= LABEL_MAX
        && bytes.iter().all(inner)
        && bytes.first() != Some(&b'-')
        && bytes.last() != Some(&b'-')
}

/// RFC 5321 §4.1.3: `[a.b.c.d]` and `[IPv6:…]`, printed in the canonical form.
fn literal(text: &str) -> Option<String> {
    let inside = text.strip_prefix('[')?.strip_suffix(']')?;
    if let Ok(v4) = inside.parse::<Ipv4Addr>() {
        return Some(format!("[{v4}]"));
    }
    let tag = inside.get(..5)?;
    let v6 = inside
        .get(5..)
        .filter(|_| tag.eq_ignore_ascii_case("ipv6:"))?;
    v6.parse::<Ipv6Addr>().ok().map(|v6| format!("[IPv6:{v6}]"))
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for DomainName {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, AddressError> {
        Self::parse(&text)
    }
}

impl From<DomainName> for String {
    fn from(name: DomainName) -> Self {
        name.0
    }
}

impl std::str::FromStr for DomainName {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

/// The part before the `@`: NFC, case kept, without the quotes of a quoted string.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LocalPart(String);

impl LocalPart {
    /// Reads a dot-string or a quoted string (RFC 5321 §4.1.2, RFC 6531 §3.3).
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::LocalPart);
        }
        if text.len() > LOCAL_PART_MAX * 2 + 2 {
            return Err(AddressError::TooLong);
        }
        let plain: String = match text.strip_prefix('"') {
            Some(rest) => unquote(rest)?.nfc().collect(),
            None => text.nfc().collect(),
        };
        if plain.len() > LOCAL_PART_MAX {
            return Err(AddressError::TooLong);
        }
        if !text.starts_with('"') && !is_dot_string(&plain) {
            return Err(AddressError::LocalPart);
        }
        Ok(Self(plain))
    }

    /// The content, never quoted.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// RFC 5321 §4.1.2: Quoted-string = DQUOTE *QcontentSMTP DQUOTE; the first quote is already read.
fn unquote(rest: &str) -> Result<String, AddressError> {
    let mut plain = String::with_capacity(rest.len());
    let mut chars = rest.chars();
    loop {
        match chars.next() {
            Some('"') if chars.as_str().is_empty() => return Ok(plain),
            Some('\\') => match chars.next() {
                Some(c) if !c.is_control() => plain.push(c),
                _ => return Err(AddressError::LocalPart),
            },
            Some(c) if c != '"' && !c.is_control() => plain.push(c),
            _ => return Err(AddressError::LocalPart),
        }
    }
}

/// Dot-string = Atom *("." Atom), where RFC 6531 §3.3 adds UTF-8 to atext.
pub(crate) fn is_dot_string(text: &str) -> bool {
    text.split('.')
        .all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || "!#$%&'*+-/=?^_`{|}~".contains(c)
        || (!c.is_ascii() && !c.is_control() && !c.is_whitespace() && !is_invisible(c))
}

/// Characters that cannot be seen or that turn the line: two addresses that look alike.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}')
}

impl fmt::Display for LocalPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_string(&self.0) {
            return f.write_str(&self.0);
        }
        f.write_str("\"")?;
        for c in self.0.chars() {
            if matches!(c, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        f.write_str("\"")
    }
}

impl TryFrom<String> for LocalPart {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, AddressError> {
        Self::parse(&text)
    }
}

impl From<LocalPart> for String {
    fn from(local: LocalPart) -> Self {
        local.to_string()
    }
}

/// `local@domain`, RFC 5321 §4.1.2 `Mailbox`. Equality is exact; compare people by [`Address::key`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    /// The part before the `@`.
    pub local: LocalPart,
    /// The part after the `@`.
    pub domain: DomainName,
}

impl Address {
    /// Reads `local@domain` without angle brackets.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::NoDomain)?;
        Ok(Self {
            local: LocalPart::parse(local)?,
            domain: DomainName::parse(domain)?,
        })
    }

    /// The form in which addresses are compared and looked up: lower case, NFC.
    #[must_use]
    pub fn key(&self) -> String {
        let local = self.local.to_string().to_lowercase();
        format!("{}@{}", local.nfc().collect::<String>(), self.domain)
    }

    /// Whether the address can travel without SMTPUTF8 (RFC 6531 §3.4).
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.local.0.is_ascii()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, AddressError> {
        Self::parse(&text)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl std::str::FromStr for Address {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: Result<&str, AddressError>) {
        let got = Address::parse(input).map(|a| a.to_string());
        assert_eq!(got, expected.map(str::to_owned), "{input:?}");
    }

    #[test]
    fn addresses_are_read_as_rfc_5321_and_6531_say() {
        check("an@example.vn", Ok("an@example.vn"));
        check("Van.Thu@EXAMPLE.vn", Ok("Van.Thu@example.vn"));
        check("\"a b\"@x.vn", Ok("\"a b\"@x.vn"));
        check("\"ab\"@x.vn", Ok("ab@x.vn"));
        check("\"a\\\"@\\\\b\"@x.vn", Ok("\"a\\\"@\\\\b\"@x.vn"));
        check("văn.thư@cơquan.vn", Ok("văn.thư@xn--cquan-uob.vn"));
        check("user@[127.0.0.1]", Ok("user@[127.0.0.1]"));
        check("user@[ipv6:::1]", Ok("user@[IPv6:::1]"));
        check("", Err(AddressError::Empty));
        check("an", Err(AddressError::NoDomain));
        check("@x.vn", Err(AddressError::LocalPart));
        check("an@", Err(AddressError::Empty));
        check("v\u{200b}an@x.vn", Err(AddressError::LocalPart));
        check("a..b@x.vn", Err(AddressError::LocalPart));
        check("a b@x.vn", Err(AddressError::LocalPart));
        check("a@b@x.vn", Err(AddressError::LocalPart));
        check("a\r\nb@x.vn", Err(AddressError::LocalPart));
        check("\"a\r\nb\"@x.vn", Err(AddressError::LocalPart));
        check("a@x..vn", Err(AddressError::Domain));
        check("a@-x.vn", Err(AddressError::Domain));
        check("a@x y.vn", Err(AddressError::Domain));
        check("a@[300.0.0.1]", Err(AddressError::Domain));
        check("a@[éé]", Err(AddressError::Domain));
        check(
            &format!("{}@x.vn", "a".repeat(65)),
            Err(AddressError::TooLong),
        );
        check(
            &format!("a@{}.vn", "x".repeat(64)),
            Err(AddressError::Domain),
        );
    }

    #[test]
    fn the_key_joins_spellings_of_one_address() {
        let composed = Address::parse("Văn@X.vn").unwrap();
        let decomposed = Address::parse("va\u{306}n@x.VN").unwrap();
        assert_eq!(composed.key(), decomposed.key());
        assert_eq!(composed.key(), "văn@x.vn");
        assert!(!composed.is_ascii());
    }

    #[test]
    fn names_round_trip_through_serde_and_unicode() {
        let name = DomainName::parse("CƠQUAN.vn").unwrap();
        assert_eq!(name.to_unicode(), "cơquan.vn");
        let json = serde_json::to_string(&name).unwrap();
        assert_eq!(serde_json::from_str::<DomainName>(&json).unwrap(), name);
        let odd = Address::parse("\"a b\"@x.vn").unwrap();
        let json = serde_json::to_string(&odd).unwrap();
        assert_eq!(serde_json::from_str::<Address>(&json).unwrap(), odd);
    }
}
