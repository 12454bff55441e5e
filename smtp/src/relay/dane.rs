//! RFC 7672: what a mail exchanger's own DNS records say of its certificate. Which of them count, and for whom, is
//! decided here; who looks at certificates is the [`Wire`](super::Wire).

use delivery::{Tlsa, Tlsas};

/// RFC 7218 §2.1: a certificate of the chain, DANE-TA.
pub const USAGE_TA: u8 = 2;
/// RFC 7218 §2.1: the server's own certificate, DANE-EE.
pub const USAGE_EE: u8 = 3;
/// RFC 7218 §2.2: the whole certificate.
pub const SELECTOR_CERT: u8 = 0;
/// RFC 7218 §2.2: its public key (SubjectPublicKeyInfo).
pub const SELECTOR_SPKI: u8 = 1;
/// RFC 7218 §2.3: the octets themselves.
pub const MATCHING_FULL: u8 = 0;
/// RFC 7218 §2.3: their SHA-256.
pub const MATCHING_SHA256: u8 = 1;
/// RFC 7218 §2.3: their SHA-512.
pub const MATCHING_SHA512: u8 = 2;

/// How a server is to be known by its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dane {
    /// At least one.
    pub records: Vec<Tlsa>,
    /// RFC 7672 §3.2.2: names of which the certificate must bear one, for records of the usage DANE-TA. The first is
    /// the TLSA base domain, which RFC 7672 §8.1 wants in SNI.
    pub names: Vec<String>,
}

impl Dane {
    /// `next_hop`: the recipient's domain, where DNSSEC says that the host is its. `None`: none of the records can be
    /// used, which asks for TLS all the same, whoever answers (RFC 7672 §2.2).
    pub(crate) fn new(found: Tlsas, next_hop: Option<&str>) -> Option<Self> {
        let records = usable(found.records);
        let mut names = vec![found.base];
        // RFC 7672 §3.2.2: behind an MX record that could be forged the host's own name alone counts.
        let also = next_hop.filter(|name| !names[0].eq_ignore_ascii_case(name));
        names.extend(also.map(str::to_owned));
        (!records.is_empty()).then_some(Self { records, names })
    }
}

/// RFC 7672 §3.1: of the usages 2 and 3, which need no authority beyond DNS (§3.1.3); well formed; and of the digests
/// of one usage and selector the strongest alone (RFC 7671 §9).
fn usable(mut records: Vec<Tlsa>) -> Vec<Tlsa> {
    records.retain(|record| {
        let octets = record.data.len();
        let fits = match record.matching {
            MATCHING_FULL => octets > 0,
            MATCHING_SHA256 => octets == 32,
            MATCHING_SHA512 => octets == 64,
            _ => false,
        };
        let known = matches!(record.selector, SELECTOR_CERT | SELECTOR_SPKI);
        fits && known && matches!(record.usage, USAGE_TA | USAGE_EE)
    });
    let stronger = |record: &Tlsa, all: &[Tlsa]| {
        let rival = |other: &Tlsa| {
            other.usage == record.usage
                && other.selector == record.selector
                && other.matching > record.matching
        };
        record.matching != MATCHING_FULL && all.iter().any(rival)
    };
    let all = records.clone();
    records.retain(|record| !stronger(record, &all));
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(usage: u8, selector: u8, matching: u8, octets: usize) -> Tlsa {
        Tlsa {
            usage,
            selector,
            matching,
            data: vec![7; octets],
        }
    }

    #[test]
    fn only_records_that_say_something_count() {
        let check = |given: &[(u8, u8, u8, usize)], expected: &[(u8, u8, u8, usize)]| {
            let of = |all: &[(u8, u8, u8, usize)]| -> Vec<Tlsa> {
                all.iter().map(|r| record(r.0, r.1, r.2, r.3)).collect()
            };
            let base = "mx.b.example".to_owned();
            let found = Tlsas {
                base,
                records: of(given),
            };
            let dane = Dane::new(found, None);
            let got = dane.map(|dane| dane.records).unwrap_or_default();
            assert_eq!(got, of(expected));
        };
        let (ee, ta) = ((3, 1, 1, 32), (2, 0, 1, 32));
        check(&[ee, ta], &[ee, ta]);
        // PKIX usages, unknown selectors and digests, digests of a wrong length.
        check(&[(0, 0, 1, 32), (1, 1, 1, 32), (4, 1, 1, 32)], &[]);
        check(&[(3, 2, 1, 32), (3, 1, 3, 32), (3, 1, 1, 31)], &[]);
        check(&[(3, 1, 2, 32), (3, 0, 0, 0)], &[]);
        // The stronger digest of the same usage and selector; octets as they are count beside it.
        check(&[ee, (3, 1, 2, 64), ta], &[(3, 1, 2, 64), ta]);
        check(&[ee, (3, 0, 2, 64)], &[ee, (3, 0, 2, 64)]);
        check(&[(3, 1, 0, 90), ee], &[(3, 1, 0, 90), ee]);
        // A strong one that cannot be used weakens nothing.
        check(&[ee, (3, 1, 2, 63)], &[ee]);
        check(&[], &[]);
    }

    #[test]
    fn names_depend_on_who_vouches() {
        let names = |next_hop: Option<&str>| {
            let found = Tlsas {
                base: "mx.b.example".into(),
                records: vec![record(2, 1, 1, 32)],
            };
            Dane::new(found, next_hop).unwrap().names
        };
        assert_eq!(names(None), ["mx.b.example"]);
        assert_eq!(names(Some("b.example")), ["mx.b.example", "b.example"]);
        assert_eq!(names(Some("MX.b.example")), ["mx.b.example"]);
    }
}
