//! RFC 9208 §7: the arguments of GETQUOTA, GETQUOTAROOT and SETQUOTA.

use super::command::name_of;
use super::lexer::{Lexer, Parsed, Syntax};

/// Octets of a quota root's name.
pub const ROOT_MAX: usize = 1_024;
/// Limits of one SETQUOTA.
pub const LIMITS_MAX: usize = 16;

/// One of the three commands. The mailbox name is as sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Quota {
    Get(String),
    Roots(Vec<u8>),
    /// Names of resources in upper case, with their limits.
    Set {
        root: String,
        limits: Vec<(String, u64)>,
    },
}

/// getquota = "GETQUOTA" SP quota-root-name; getquotaroot = "GETQUOTAROOT" SP mailbox;
/// setquota = "SETQUOTA" SP quota-root-name SP setquota-list
pub fn parse(lexer: &mut Lexer<'_>, name: &str) -> Parsed<Quota> {
    if name == "GETQUOTAROOT" {
        return name_of(lexer).map(Quota::Roots);
    }
    // quota-root-name = astring
    let root = lexer.astring_text()?;
    if root.len() > ROOT_MAX {
        return Err(Syntax("[LIMIT] the name of the quota root is too long"));
    }
    if name == "GETQUOTA" {
        return Ok(Quota::Get(root));
    }
    lexer.sp()?;
    // setquota-list = "(" [setquota-resource *(SP setquota-resource)] ")";
    // setquota-resource = resource-name SP resource-limit
    let limits = lexer.list(LIMITS_MAX, |l| {
        let mut name = l.atom()?;
        name.make_ascii_uppercase();
        l.sp()?;
        Ok((name, l.number64()?))
    })?;
    Ok(Quota::Set { root, limits })
}
