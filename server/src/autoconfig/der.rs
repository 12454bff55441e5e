//! Distinguished encoding (X.690 §10): as much as signing a profile needs, and reading an issuer's name.

/// INTEGER.
pub(super) const INTEGER: u8 = 0x02;
/// OCTET STRING.
pub(super) const OCTETS: u8 = 0x04;
/// NULL.
pub(super) const NULL: u8 = 0x05;
/// OBJECT IDENTIFIER.
pub(super) const OID: u8 = 0x06;
/// UTCTime.
pub(super) const TIME: u8 = 0x17;
/// SEQUENCE.
pub(super) const SEQUENCE: u8 = 0x30;
/// SET.
pub(super) const SET: u8 = 0x31;
/// `[0]`, constructed.
pub(super) const ZERO: u8 = 0xa0;

/// One value: tag, length, content.
pub(super) fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len().to_be_bytes();
    let short: Vec<u8> = length.iter().copied().skip_while(|b| *b == 0).collect();
    match content.len() {
        len @ 0..=127 => out.push(len as u8),
        _ => {
            out.push(0x80 | short.len() as u8);
            out.extend_from_slice(&short);
        }
    }
    out.extend_from_slice(content);
    out
}

/// One value whose content is these, one after the other.
pub(super) fn of(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    value(tag, &parts.concat())
}

/// One value as it is found.
pub(super) struct Found<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    /// Tag, length and content.
    pub(super) all: &'a [u8],
    /// What follows.
    pub(super) rest: &'a [u8],
}

/// The first value.
pub(super) fn first(octets: &[u8]) -> Option<Found<'_>> {
    let (tag, length) = (*octets.first()?, *octets.get(1)?);
    let (len, at) = match length {
        0..=0x7f => (usize::from(length), 2),
        0x81..=0x84 => {
            let count = usize::from(length & 0x7f);
            let digits = octets.get(2..2 + count)?;
            let len = digits.iter().fold(0, |n, b| n << 8 | usize::from(*b));
            (len, 2 + count)
        }
        _ => return None,
    };
    let end = at.checked_add(len)?;
    Some(Found {
        tag,
        content: octets.get(at..end)?,
        all: &octets[..end],
        rest: &octets[end..],
    })
}

/// RFC 5652 §10.2.4 IssuerAndSerialNumber of a certificate (RFC 5280 §4.1), encoded.
pub(super) fn issuer_and_serial(certificate: &[u8]) -> Option<Vec<u8>> {
    let signed = first(first(certificate)?.content)?.content;
    let version = first(signed)?;
    let serial = match version.tag {
        ZERO => first(version.rest)?,
        _ => version,
    };
    let algorithm = first(serial.rest)?;
    let issuer = first(algorithm.rest)?;
    let fits = serial.tag == INTEGER && issuer.tag == SEQUENCE;
    fits.then(|| of(SEQUENCE, &[issuer.all, serial.all]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_as_short_as_they_can_be() {
        assert_eq!(value(OCTETS, b"ab"), [4, 2, b'a', b'b']);
        assert_eq!(value(OCTETS, &[0; 127])[..2], [4, 127]);
        assert_eq!(value(OCTETS, &[0; 128])[..3], [4, 0x81, 128]);
        assert_eq!(value(OCTETS, &[0; 300])[..4], [4, 0x82, 1, 44]);
        for len in [0, 1, 127, 128, 255, 256, 70_000] {
            let octets = value(SET, &vec![7; len]);
            let found = first(&octets).unwrap();
            assert_eq!((found.tag, found.content.len()), (SET, len));
            assert_eq!(found.all.len(), octets.len());
            assert!(found.rest.is_empty());
            assert!(first(&octets[..octets.len() - 1]).is_none());
        }
        assert!(first(&[4, 0x85, 0, 0, 0, 0, 1, 7]).is_none());
        assert!(first(&[]).is_none());
        assert!(issuer_and_serial(b"\x30\x03\x30\x01\x02").is_none());
    }
}
