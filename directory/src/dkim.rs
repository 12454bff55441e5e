//! The keys that sign a domain's mail: made two at a time (RSA and Ed25519, RFC 8463 §6), rotated with overlap,
//! forgotten. Every act is in the audit log; private keys never leave this room.
//!
//! The life of a key: new (its record is to be published) -> signing -> retiring (its record stays for letters that
//! are on their way) -> gone. The first keys of a domain sign at once: a signature whose key is not in DNS yet counts
//! as none (RFC 6376 §6.1).

mod key;
mod rsa;

pub(crate) use key::DkimRow;
pub use key::{Algorithm, DkimKey, DkimState, SigningKey};

use crate::act::{Note, invalid};
use crate::book::Book;
use crate::fact::Fact;
use crate::trial::only_tried;
use crate::{Access, Capability, Directory, Error};
use formats::address::DomainName;
use formats::date;
use serde_json::json;
use std::sync::Arc;

/// How long the record of a key stays that signs no more: longer than any server tries to deliver, and time for who
/// reads DKIM late.
pub const RETIRING_S: i64 = 14 * 24 * 60 * 60;
/// Keys of one domain, those retiring too.
pub const KEYS_MAX: usize = 20;
/// Labels above a name that are looked at for a domain of ours.
const ABOVE_MAX: usize = 10;
/// Selectors are named after months as people here have them.
const ZONE_MIN: i32 = 7 * 60;

impl Directory {
    /// The first keys of a domain, which sign at once; those that it has, if it has any. Blocks: an RSA key takes some
    /// tenths of a second. Errors: `NotFound`, `Denied`.
    pub fn make_first_dkim_keys(
        &self,
        by: Option<&Access>,
        domain: &DomainName,
    ) -> Result<Vec<DkimKey>, Error> {
        let there = self.checked_keys(by, domain)?;
        if !there.is_empty() {
            return Ok(there);
        }
        match self.make_keys(by, domain, DkimState::Signing) {
            // Somebody else was faster.
            Err(Error::Exists(_)) => self.dkim_keys(by, domain),
            made => made,
        }
    }

    /// What making the first keys of a domain that is only tried itself would tell (`Trial`). Errors: always `Tried`.
    pub fn try_first_dkim_keys(&self, by: &Access, domain: &DomainName) -> Result<(), Error> {
        let stem = stem(self.now_s(), &[]);
        let both = [Algorithm::RsaSha256, Algorithm::Ed25519Sha256];
        let selectors = both.map(|algorithm| stem.replace('*', &algorithm.letter().to_string()));
        only_tried(Some(by), || made(domain, &selectors, DkimState::Signing))?;
        Err(Error::Tried)
    }

    /// New keys for a domain: their records are to be published, then [`Directory::activate_dkim`]. Blocks. Errors:
    /// `Exists` while it has new ones, `Invalid` with too many, `NotFound`, `Denied`.
    pub fn renew_dkim(
        &self,
        by: Option<&Access>,
        domain: &DomainName,
    ) -> Result<Vec<DkimKey>, Error> {
        let there = self.checked_keys(by, domain)?;
        if there.len() + 2 > KEYS_MAX {
            let most = format!("fewer than {KEYS_MAX} keys; wait until the oldest are gone");
            return Err(invalid("name", most));
        }
        self.make_keys(by, domain, DkimState::New)
    }

    /// The new keys sign from now on, those that signed retire. Errors: `Invalid` without new keys, `NotFound`,
    /// `Denied`.
    pub fn activate_dkim(
        &self,
        by: Option<&Access>,
        domain: &DomainName,
    ) -> Result<Vec<DkimKey>, Error> {
        let mut acts = self.acts();
        self.checked_keys(by, domain)?;
        let until = self.now_s() + RETIRING_S;
        let (mut begin, mut retire, mut facts) = (Vec::new(), Vec::new(), Vec::new());
        for row in self.read().dkim_rows(domain) {
            let (names, state) = match row.key.state {
                DkimState::New => (&mut begin, DkimState::Signing),
                DkimState::Signing => (&mut retire, DkimState::Retiring { until }),
                DkimState::Retiring { .. } => continue,
            };
            names.push(row.key.selector.clone());
            facts.push(Fact::Dkim(row.turned(state)));
        }
        if begin.is_empty() {
            return Err(invalid("name", "a domain with new keys; make them first"));
        }
        let note = Note {
            act: "domain.dkim.activate",
            object: domain.to_string(),
            detail: json!({ "signing": begin, "retiring": retire }),
        };
        self.commit(&mut acts, by, note, facts)?;
        Ok(self.read().dkim_of(domain))
    }

    /// Forgets a key that does not sign. Errors: `InUse` while it signs, `NotFound`, `Denied`.
    pub fn delete_dkim_key(
        &self,
        by: Option<&Access>,
        domain: &DomainName,
        selector: &str,
    ) -> Result<(), Error> {
        let mut acts = self.acts();
        let there = self.checked_keys(by, domain)?;
        let found = there.into_iter().find(|key| key.selector == selector);
        let found = found.ok_or(Error::NotFound("key"))?;
        if found.state == DkimState::Signing {
            return Err(Error::InUse("it signs".into()));
        }
        self.forget(&mut acts, by, &found)
    }

    /// Forgets the keys whose records need not stay any longer; how many.
    pub fn forget_retired_dkim(&self) -> Result<usize, Error> {
        let mut acts = self.acts();
        let now = self.now_s();
        let over: Vec<DkimKey> = {
            let book = self.read();
            let keys = book.dkim.values().map(|key| key.key());
            let over =
                |key: &&DkimKey| matches!(key.state, DkimState::Retiring { until } if until <= now);
            keys.filter(over).cloned().collect()
        };
        for key in &over {
            self.forget(&mut acts, None, key)?;
        }
        Ok(over.len())
    }

    /// The keys of a domain. Errors: `NotFound`.
    pub fn dkim_keys(
        &self,
        by: Option<&Access>,
        domain: &DomainName,
    ) -> Result<Vec<DkimKey>, Error> {
        let book = self.read();
        let row = book.domains.get(domain);
        let row = row.filter(|row| book.allows(by, Capability::ReadDirectory, &row.agency));
        row.ok_or(Error::NotFound("domain"))?;
        Ok(book.dkim_of(domain))
    }

    /// Domains that have no key at all.
    pub fn domains_without_dkim(&self) -> Vec<DomainName> {
        let book = self.read();
        let names = book.domains.keys();
        names
            .filter(|name| book.dkim_rows(name).next().is_none())
            .cloned()
            .collect()
    }

    /// How many domains have keys that sign.
    pub fn domains_that_sign(&self) -> usize {
        let book = self.read();
        let names = book.domains.keys();
        names
            .filter(|name| book.signing(name).next().is_some())
            .count()
    }

    /// The keys with which mail from this domain is signed now: its own, or those of the nearest domain above it that
    /// is ours and has some. Empty: none has.
    pub fn signing_keys(&self, domain: &DomainName) -> Vec<Arc<SigningKey>> {
        let book = self.read();
        let mut name = Some(domain.clone());
        for _ in 0..ABOVE_MAX {
            let Some(at) = name else { break };
            let keys: Vec<_> = book.signing(&at).cloned().collect();
            if !keys.is_empty() {
                return keys;
            }
            let above = at.as_str().split_once('.').map(|(_, above)| above);
            name = above.and_then(|above| DomainName::parse(above).ok());
        }
        Vec::new()
    }

    /// Whether `by` may change this domain. Errors: `NotFound`, `Denied`.
    pub fn may_manage_domain(&self, by: Option<&Access>, domain: &DomainName) -> Result<(), Error> {
        self.checked_keys(by, domain).map(drop)
    }

    /// The domain's keys, for somebody who may change them.
    fn checked_keys(
        &self,
        by: Option<&Access>,
        domain: &DomainName,
    ) -> Result<Vec<DkimKey>, Error> {
        let book = self.read();
        let row = book.domains.get(domain).ok_or(Error::NotFound("domain"))?;
        book.check(by, Capability::ManageDomains, &row.agency, "domain")?;
        Ok(book.dkim_of(domain))
    }

    /// One of each kind. `Exists`: there are some in this state already.
    fn make_keys(
        &self,
        by: Option<&Access>,
        domain: &DomainName,
        state: DkimState,
    ) -> Result<Vec<DkimKey>, Error> {
        let both = [Algorithm::RsaSha256, Algorithm::Ed25519Sha256];
        // Long work, before anything is held.
        let drawn = both.map(|algorithm| Ok((algorithm, key::draw(algorithm)?)));
        let drawn = drawn.into_iter().collect::<Result<Vec<_>, Error>>()?;
        let mut acts = self.acts();
        let there = self.checked_keys(by, domain)?;
        if there.iter().any(|key| key.state == state) {
            return Err(Error::Exists(format!("keys of {domain}")));
        }
        let made_at = self.now_s();
        let stem = stem(made_at, &there);
        let rows = drawn.into_iter().map(|(algorithm, (private, public))| {
            let key = DkimKey {
                domain: domain.clone(),
                selector: stem.replace('*', &algorithm.letter().to_string()),
                algorithm,
                state,
                made_at,
                public,
            };
            key::row(key, private)
        });
        let rows: Vec<DkimRow> = rows.collect();
        let keys: Vec<DkimKey> = rows.iter().map(|row| row.key.clone()).collect();
        let selectors: Vec<String> = keys.iter().map(|key| key.selector.clone()).collect();
        let note = made(domain, &selectors, state);
        let facts = rows.into_iter().map(Fact::Dkim).collect();
        self.commit(&mut acts, by, note, facts)?;
        Ok(keys)
    }

    fn forget(
        &self,
        acts: &mut crate::act::Acts,
        by: Option<&Access>,
        key: &DkimKey,
    ) -> Result<(), Error> {
        let note = Note {
            act: "domain.dkim.delete",
            object: key.domain.to_string(),
            detail: json!({ "selector": key.selector }),
        };
        let gone = Fact::NoDkim(key.domain.clone(), key.selector.clone());
        self.commit(acts, by, note, vec![gone])
    }
}

/// What making keys is in the audit log.
fn made(domain: &DomainName, selectors: &[String], state: DkimState) -> Note {
    Note {
        act: "domain.dkim.create",
        object: domain.to_string(),
        detail: json!({ "selectors": selectors, "signs": state == DkimState::Signing }),
    }
}

/// `cv202611*`, the algorithm's letter to be put in; of several in a month each has a higher number, since a name that
/// once held another key is remembered out there.
fn stem(now: i64, there: &[DkimKey]) -> String {
    let day = date::day_of(now, ZONE_MIN);
    let month = format!("cv{:04}{:02}", day.year, day.month);
    let numbers = there.iter().filter_map(|key| {
        let rest = key.selector.strip_prefix(&month)?;
        let number = rest.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        Some(number.parse::<u32>().unwrap_or(1))
    });
    match numbers.max() {
        None => format!("{month}*"),
        Some(last) => format!("{month}*{}", last.saturating_add(1)),
    }
}

impl Book {
    /// The domain's keys in the order of their selectors.
    pub(crate) fn dkim_rows<'a>(
        &'a self,
        domain: &'a DomainName,
    ) -> impl Iterator<Item = &'a DkimRow> {
        self.dkim_at(domain).map(|key| &key.row)
    }

    fn dkim_at<'a>(&'a self, domain: &'a DomainName) -> impl Iterator<Item = &'a Arc<SigningKey>> {
        let from = self.dkim.range((domain.clone(), String::new())..);
        from.take_while(move |((of, _), _)| of == domain)
            .map(|(_, key)| key)
    }

    fn dkim_of(&self, domain: &DomainName) -> Vec<DkimKey> {
        self.dkim_rows(domain).map(|row| row.key.clone()).collect()
    }

    fn signing<'a>(&'a self, domain: &'a DomainName) -> impl Iterator<Item = &'a Arc<SigningKey>> {
        let signs = |key: &&Arc<SigningKey>| key.key().state == DkimState::Signing;
        self.dkim_at(domain).filter(signs)
    }
}
