//! Addresses proposed from a person's name, by the schemes that agencies use; who is there already is taken.

use crate::act::{invalid, name};
use crate::book::Book;
use crate::{Access, AgencyId, Capability, Directory, Error};
use formats::address::{Address, DomainName};
use formats::text::{NameScheme, fold, local_part_by};

/// The schemes, in the order in which they are proposed.
pub const SCHEMES: [NameScheme; 4] = [
    NameScheme::GivenInitials,
    NameScheme::InitialsGiven,
    NameScheme::Full,
    NameScheme::GivenDotRest,
];
/// Octets of what follows the name: the short name of a unit, as in `tltha.cuc`.
pub const SUFFIX_MAX: usize = 24;
/// Numbers that are tried behind a name that is taken.
const NUMBERS_MAX: u32 = 999;
/// Octets of a local part (RFC 5321 §4.5.3.1.1).
const LOCAL_PART_MAX: usize = 64;

/// Names that belong to a role in each domain, whoever has it: those of RFC 2142 §2 to §6, and what programs write as or to.
const ROLES: [&str; 30] = [
    "abuse",
    "admin",
    "administrator",
    "bounce",
    "bounces",
    "daemon",
    "dmarc",
    "ftp",
    "hostmaster",
    "info",
    "mailer-daemon",
    "mailerdaemon",
    "marketing",
    "news",
    "nobody",
    "noc",
    "noreply",
    "postmaster",
    "root",
    "sales",
    "ssladmin",
    "ssladministrator",
    "security",
    "support",
    "sysadmin",
    "system",
    "usenet",
    "uucp",
    "webmaster",
    "www",
];

/// What is asked for.
#[derive(Debug, Clone)]
pub struct NameAsked {
    /// As people write it: `Nguyễn Văn An`.
    pub name: String,
    /// The domain of the address.
    pub domain: DomainName,
    /// The agency of the account to be.
    pub agency: AgencyId,
    /// One scheme; `None`: each.
    pub scheme: Option<NameScheme>,
    /// Put behind the name with a dot between: `cuc`.
    pub suffix: Option<String>,
}

/// One address by one scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// How it was made.
    pub scheme: NameScheme,
    /// What the scheme says.
    pub wanted: Address,
    /// Whether somebody has that already, or it is the name of a role.
    pub taken: bool,
    /// That address, or the first free one with a number (`annv2`); `None` when a thousand are taken.
    pub free: Option<Address>,
}

impl Directory {
    /// Proposes addresses for a person who is to have an account in the agency. Whether an address is taken is said to
    /// whoever may make accounts in its domain, and by whom is not: another agency's people are not to be seen (I-17).
    /// Errors: `NotFound` (agency), `Denied`, `Invalid` (domain, suffix, a name without a letter).
    pub fn propose_addresses(
        &self,
        by: Option<&Access>,
        asked: &NameAsked,
    ) -> Result<Vec<Proposal>, Error> {
        let full_name = name("name", &asked.name)?;
        let suffix = asked.suffix.as_deref().map(suffix).transpose()?;
        let book = self.read();
        if !book.agencies.contains_key(&asked.agency) {
            return Err(Error::NotFound("agency"));
        }
        book.check(by, Capability::CreateAccounts, &asked.agency, "agency")?;
        book.check_domain(by, Capability::CreateAccounts, &asked.domain, &asked.agency)
            .map_err(|_| invalid("domain", "a domain of the agency or of one above it"))?;
        let schemes = SCHEMES
            .into_iter()
            .filter(|scheme| asked.scheme.is_none_or(|s| s == *scheme));
        let proposals: Vec<Proposal> = schemes
            .filter_map(|scheme| book.propose(scheme, &full_name, suffix.as_deref(), &asked.domain))
            .collect();
        if proposals.is_empty() {
            return Err(invalid(
                "name",
                "a name with a letter of the Latin alphabet",
            ));
        }
        Ok(proposals)
    }
}

impl Book {
    /// `None` where the name has no letter that an address can have.
    fn propose(
        &self,
        scheme: NameScheme,
        full_name: &str,
        suffix: Option<&str>,
        domain: &DomainName,
    ) -> Option<Proposal> {
        let local = local_part_by(scheme, full_name);
        if local.is_empty() {
            return None;
        }
        let wanted = address(&local, "", suffix, domain)?;
        let taken = self.is_taken(&wanted);
        let free = if taken {
            (2..=NUMBERS_MAX)
                .filter_map(|number| address(&local, &number.to_string(), suffix, domain))
                .find(|numbered| !self.is_taken(numbered))
        } else {
            Some(wanted.clone())
        };
        Some(Proposal {
            scheme,
            wanted,
            taken,
            free,
        })
    }

    fn is_taken(&self, address: &Address) -> bool {
        is_role(address) || self.addresses.contains_key(&address.key()) || self.is_resting(address)
    }
}

/// Whether the name belongs to a role, in whatever letters.
pub(crate) fn is_role(address: &Address) -> bool {
    let local = address.local.as_str();
    ROLES.iter().any(|role| role.eq_ignore_ascii_case(local))
}

/// Name, number and suffix together; what is too long is cut from the name.
fn address(
    local: &str,
    number: &str,
    suffix: Option<&str>,
    domain: &DomainName,
) -> Option<Address> {
    let behind = suffix.map_or_else(|| number.to_owned(), |s| format!("{number}.{s}"));
    let room = LOCAL_PART_MAX.checked_sub(behind.len())?;
    let local = local.get(..room.min(local.len()))?.trim_end_matches('.');
    Address::parse(&format!("{local}{behind}@{domain}")).ok()
}

/// A unit's short name as an address has it: `Cục` is `cuc`. Errors: `Invalid`.
fn suffix(text: &str) -> Result<String, Error> {
    let plain = fold(text.trim());
    let fits = !plain.is_empty()
        && plain.len() <= SUFFIX_MAX
        && plain
            .split('.')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()));
    if fits {
        Ok(plain)
    } else {
        Err(invalid(
            "suffix",
            format!("letters and digits, dots between them, at most {SUFFIX_MAX}"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_numbers_and_suffixes_make_addresses() {
        let domain = DomainName::parse("moj.gov.vn").unwrap();
        let check = |local: &str, number: &str, with: Option<&str>, expected: &str| {
            let with = with.map(|s| suffix(s).unwrap());
            let made = address(local, number, with.as_deref(), &domain).unwrap();
            assert_eq!(made.to_string(), format!("{expected}@moj.gov.vn"));
        };
        check("annv", "", None, "annv");
        check("annv", "2", None, "annv2");
        check("tltha", "", Some("Cục"), "tltha.cuc");
        check("tltha", "12", Some(" cuc.thads "), "tltha12.cuc.thads");
        let long = "a".repeat(64);
        check(&long, "2", None, &format!("{}2", "a".repeat(63)));
        check(&long, "", Some("cuc"), &format!("{}.cuc", "a".repeat(60)));
        let dotted = format!("{}.b", "a".repeat(62));
        check(&dotted, "2", None, &format!("{}2", "a".repeat(62)));
        for bad in ["", " ", ".", "a.", "a..b", "a b", "李", &"a".repeat(25)] {
            assert!(suffix(bad).is_err(), "{bad:?}");
        }
    }
}
