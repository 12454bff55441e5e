//! Small files of a backup: magic, version, body, checksum.

use crate::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;

const MAGIC: usize = 8;
const HEAD: usize = MAGIC + 4;
const SUM: usize = 32;

/// What kind of file it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    pub magic: &'static [u8; MAGIC],
    pub version: u32,
    /// For people.
    pub what: &'static str,
}

/// The whole file with this body.
pub(super) fn wrap(kind: Kind, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + body.len() + SUM);
    bytes.extend_from_slice(kind.magic);
    bytes.extend_from_slice(&kind.version.to_le_bytes());
    bytes.extend_from_slice(body);
    let sum = blake3::hash(&bytes);
    bytes.extend_from_slice(sum.as_bytes());
    bytes
}

/// Why a file has no body that could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    Damaged,
    /// It is whole, and of this version, which is not known (I-18).
    Version(u32),
}

impl Wrong {
    pub(super) fn told(self, kind: Kind) -> Error {
        let what = kind.what;
        let what = match self {
            Self::Damaged => format!("the {what} is damaged"),
            Self::Version(version) => format!("the {what} has the unknown version {version}"),
        };
        Error::Corrupt(what.into())
    }
}

/// The body.
pub(super) fn open(kind: Kind, bytes: &[u8]) -> Result<&[u8], Wrong> {
    let end = bytes.len().checked_sub(SUM).filter(|end| *end >= HEAD);
    let (whole, sum) = bytes.split_at(end.ok_or(Wrong::Damaged)?);
    if whole[..MAGIC] != *kind.magic || *blake3::hash(whole).as_bytes() != *sum {
        return Err(Wrong::Damaged);
    }
    let version = u32::from_le_bytes([whole[8], whole[9], whole[10], whole[11]]);
    match version == kind.version {
        true => Ok(&whole[HEAD..]),
        false => Err(Wrong::Version(version)),
    }
}

/// The body. Errors: `Corrupt`, naming an unknown version (I-18).
pub(super) fn unwrap(kind: Kind, bytes: &[u8]) -> Result<&[u8], Error> {
    open(kind, bytes).map_err(|wrong| wrong.told(kind))
}

/// The version that the file says.
pub(super) fn version(bytes: &[u8]) -> Option<u32> {
    let version = bytes.get(MAGIC..HEAD)?.try_into().ok()?;
    Some(u32::from_le_bytes(version))
}

/// The whole file that holds this value.
pub(super) fn encode<T: Serialize>(kind: Kind, value: &T) -> Result<Vec<u8>, Error> {
    Ok(wrap(kind, &body(value)?))
}

/// The value in the file. Errors: `Corrupt`.
pub(super) fn decode<T: DeserializeOwned>(kind: Kind, bytes: &[u8]) -> Result<T, Error> {
    value(kind, unwrap(kind, bytes)?)
}

/// A value as a body has it.
pub(super) fn body<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    postcard::to_stdvec(value).map_err(|_| Error::Invalid("a value that cannot be encoded"))
}

/// The value of a body.
pub(super) fn value<T: DeserializeOwned>(kind: Kind, body: &[u8]) -> Result<T, Error> {
    match postcard::take_from_bytes(body) {
        Ok((value, [])) => Ok(value),
        _ => Err(Error::Corrupt(
            format!("the {} cannot be read", kind.what).into(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind {
        magic: b"CVTEST\r\n",
        version: 7,
        what: "thing",
    };

    #[test]
    fn i18_damage_and_unknown_versions_are_errors() {
        let bytes = encode(KIND, &(1u64, "x".to_owned())).unwrap();
        let good = decode::<(u64, String)>(KIND, &bytes);
        assert_eq!(good, Ok((1, "x".to_owned())));
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let read = decode::<(u64, String)>(KIND, &changed);
            assert!(matches!(read, Err(Error::Corrupt(_))), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert!(decode::<(u64, String)>(KIND, &bytes[..len]).is_err());
        }
        let later = Kind { version: 8, ..KIND };
        let unknown = decode::<(u64, String)>(later, &bytes).unwrap_err();
        assert!(unknown.to_string().contains("unknown version 7"));
        assert!(decode::<u64>(KIND, &bytes).is_err());
    }
}
