//! The master key: what wraps a store's data keys. It never lies in the store's folder; whoever
//! opens the store brings it.

use crate::Error;
use crate::seal::{Context, open_with, seal_with};
use zeroize::Zeroizing;

/// Octets of a key.
pub(crate) const KEY_OCTETS: usize = 32;
/// What the text of a master key begins with; the number is the form's version.
const PREFIX: &str = "congvu-master-1:";

/// A master key; its memory is wiped when dropped, and `Debug` never shows it.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; KEY_OCTETS]>);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(***)")
    }
}

impl MasterKey {
    /// From its octets.
    pub fn new(octets: [u8; KEY_OCTETS]) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// A new one. Errors: `Unavailable` when the system gives no random numbers.
    pub fn draw() -> Result<Self, Error> {
        let mut octets = Zeroizing::new([0; KEY_OCTETS]);
        fill(octets.as_mut())?;
        Ok(Self(octets))
    }

    /// From the text that [`MasterKey::text`] makes; white space around it does not matter.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim().strip_prefix(PREFIX)?.as_bytes();
        if digits.len() != 2 * KEY_OCTETS {
            return None;
        }
        let mut octets = Zeroizing::new([0u8; KEY_OCTETS]);
        for (octet, pair) in octets.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |c: u8| char::from(c).to_digit(16);
            *octet = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
        }
        Some(Self(octets))
    }

    /// One line for a key file.
    pub fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + 2 * KEY_OCTETS + 1));
        text.push_str(PREFIX);
        for octet in self.0.iter() {
            for digit in [octet >> 4, octet & 15] {
                text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            }
        }
        text.push('\n');
        text
    }

    /// Seals under the master key itself.
    pub(crate) fn seal(&self, context: Context<'_>, plain: &[u8]) -> Result<Vec<u8>, Error> {
        seal_with(&self.cipher(), context, plain)
    }

    /// The reverse; `None` when the key is another one or the octets are not as they were.
    pub(crate) fn unseal(&self, context: Context<'_>, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        open_with(&self.cipher(), context, sealed).map(Zeroizing::new)
    }

    fn cipher(&self) -> crate::seal::Cipher {
        crate::seal::cipher(&self.0)
    }
}

/// Where the master key comes from.
#[derive(Debug, Clone, Default)]
pub enum KeySource {
    /// There is none: the store is plain, and a sealed one is refused.
    #[default]
    None,
    /// The store is sealed; one that was plain is sealed from now on.
    Master(MasterKey),
}

/// Random octets of the system.
pub(crate) fn fill(octets: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(octets)
        .map_err(|e| Error::Unavailable(format!("no random numbers: {e}").into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_key_comes_back_and_nothing_else_is_one() {
        let key = MasterKey::draw().unwrap();
        let text = key.text();
        assert_eq!(*MasterKey::parse(&text).unwrap().0, *key.0);
        let check = |text: &str| assert!(MasterKey::parse(text).is_none(), "{text}");
        check("");
        check(&text[1..]);
        check(text.trim_end().strip_suffix(|_: char| true).unwrap());
        check(&text.replace("master-1", "master-2"));
        check(&format!("{}g", &text[..text.len() - 2]));
        check(&format!("{}é", &text[..text.len() - 3]));
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = MasterKey::new([0xAB; KEY_OCTETS]);
        let shown = format!("{:?} {:#?}", key, KeySource::Master(key.clone()));
        assert!(shown.contains("***") && !shown.contains("171") && !shown.contains("ab, "));
    }
}
