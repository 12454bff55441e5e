//! RFC 9989 §4.6, RFC 9990 §4: where a domain wants its reports, and whether those places agree.

use crate::verify::is_dmarc_record;
use formats::address::Address;

/// Places that one domain may name for its reports; more are not looked at (RFC 7489 §6.2 wants two at least).
const PLACES_MAX: usize = 4;

/// A place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `mailto:`.
    pub address: Address,
    /// RFC 7489 §6.2: octets of a letter that it takes; `None`: any.
    pub size_max: Option<u64>,
}

/// The places of a `rua` to which letters can go.
///
/// ```text
/// dmarc-uri = URI [ "!" 1*DIGIT [ "k" / "m" / "g" / "t" ] ]
/// ```
#[must_use]
pub fn places(uris: &str) -> Vec<Place> {
    let places = uris.split(',').filter_map(|uri| {
        let (scheme, rest) = uri.trim().split_once(':')?;
        if !scheme.eq_ignore_ascii_case("mailto") {
            return None;
        }
        // Within an address an exclamation mark is encoded (RFC 9989 §4.8).
        let (address, size_max) = match rest.split_once('!') {
            Some((address, size)) => (address, Some(octets(size)?)),
            None => (rest, None),
        };
        // RFC 6068 §2: parameters are not for us.
        let address = decoded(address.split('?').next()?)?;
        let address = Address::parse(&address).ok()?;
        Some(Place { address, size_max })
    });
    places.take(PLACES_MAX).collect()
}

/// RFC 7489 §6.2: units are powers of two.
fn octets(size: &str) -> Option<u64> {
    let size = size.trim().to_ascii_lowercase();
    let digits = size.trim_end_matches(['k', 'm', 'g', 't']);
    let shift = match &size[digits.len()..] {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return None,
    };
    let number: u64 = digits.parse().ok()?;
    number.checked_mul(1 << shift)
}

/// RFC 3986 §2.1.
fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&b, tail)) = rest.split_first() {
        rest = tail;
        if b == b'%' {
            let (hex, tail) = tail.split_at_checked(2)?;
            let hex = std::str::from_utf8(hex).ok()?;
            out.push(u8::from_str_radix(hex, 16).ok()?);
            rest = tail;
        } else {
            out.push(b);
        }
    }
    String::from_utf8(out).ok()
}

/// RFC 9990 §4, steps 6 to 9: the places of a destination, by the records with which its domain agrees to have the
/// reports of another; empty: it does not.
#[must_use]
pub fn agreed(place: &Place, records: &[String]) -> Vec<Place> {
    let Some(record) = records.iter().find(|text| is_dmarc_record(text)) else {
        return Vec::new();
    };
    let instead = record.split(';').find_map(|tag| {
        let (name, value) = tag.split_once('=')?;
        (name.trim() == "rua").then(|| places(value))
    });
    match instead {
        None => vec![place.clone()],
        // Another host would be indirect abuse: then neither gets any.
        Some(instead) => {
            let own = |other: &Place| other.address.domain == place.address.domain;
            match instead.iter().all(own) {
                true => instead,
                false => Vec::new(),
            }
        }
    }
}
