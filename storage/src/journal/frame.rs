//! One frame: a group of commits to octets and back. Pure.

use super::{BODY_OCTETS_MAX, Head, SUM, Subject};
use crate::error::{Cure, Fault};
use crate::seal::{Context, KeyId, Keys};
use crate::zip::Zip;
use crate::{AccountId, Error, ModSeq};
use std::borrow::Cow;

const MAGIC: &[u8; 4] = b"CvF2";
/// Octets of a frame before its payload.
pub(super) const HEAD: usize = 4 + 4 + SUM + 4 + 4 + 4;
/// Where the checksum begins, and where what it covers does.
const SUM_AT: usize = 8;
const COVERED_AT: usize = SUM_AT + SUM;
/// Largest payload, octets: one commit may be as large as allowed, with a group before it.
const RAW_OCTETS_MAX: usize = BODY_OCTETS_MAX + 64 * 1024 * 1024;

const ZIPPED: u8 = 1;
const SEALED: u8 = 2;

/// The only kind of record there is.
const COMMIT: u8 = 1;
/// The version of a commit's own layout.
const COMMIT_VERSION: u8 = 2;
/// Octets of a commit between its length and its body.
const COMMIT_HEAD: usize = 1 + 1 + 4 + 8 + 8;
/// Octets of a commit's checksum.
const COMMIT_SUM: usize = 4;

/// A whole frame as it lies in a segment.
pub(super) struct Frame<'a> {
    head: Head,
    offset: u64,
    flags: u8,
    key: KeyId,
    raw: usize,
    stored: Cow<'a, [u8]>,
    /// Its checksum.
    pub sum: [u8; SUM],
    /// Where the next one begins.
    pub end: u64,
}

/// What frames are packed with.
#[derive(Default)]
pub(super) struct Packer {
    pub zip: Zip,
    pub keys: Keys,
}

/// A group that is packed, for whatever place.
pub(crate) struct Packed {
    raw: u32,
    flags: u8,
    stored: Vec<u8>,
}

impl Packed {
    pub(super) fn shrink(&mut self) {
        self.stored.shrink_to_fit();
    }
}

/// Packs a group: the most of the work that a frame is.
pub(super) fn pack(group: &[(Subject, &[u8])], zip: &Zip) -> Result<Packed, Error> {
    let payload = payload(group)?;
    let raw = payload.len() as u32;
    let (stored, flags) = match zip.press(&payload) {
        Some(zipped) => (zipped, ZIPPED),
        None => (payload, 0),
    };
    Ok(Packed { raw, flags, stored })
}

/// Puts a group into a frame for this place.
pub(super) fn encode(
    head: Head,
    offset: u64,
    packed: &Packed,
    keys: &Keys,
    frame: &mut Vec<u8>,
) -> Result<(), Error> {
    let Packed {
        raw,
        mut flags,
        ref stored,
    } = *packed;
    let (mut stored, key) = (Cow::Borrowed(stored), keys.system());
    if !key.is_plain() {
        stored = Cow::Owned(keys.seal(key, context(head, offset), &stored)?);
        flags |= SEALED;
    }
    frame.clear();
    frame.extend_from_slice(MAGIC);
    frame.extend_from_slice(&(stored.len() as u32).to_le_bytes());
    frame.extend_from_slice(&[0; SUM]);
    frame.extend_from_slice(&[flags, 0, 0, 0]);
    frame.extend_from_slice(&key.0.to_le_bytes());
    frame.extend_from_slice(&raw.to_le_bytes());
    frame.extend_from_slice(&stored);
    let sum = checksum(head, offset, &frame[COVERED_AT..]);
    frame[SUM_AT..COVERED_AT].copy_from_slice(&sum);
    Ok(())
}

fn context(head: Head, offset: u64) -> Context<'static> {
    let segment = head.segment;
    Context::Frame { segment, offset }
}

fn payload(group: &[(Subject, &[u8])]) -> Result<Vec<u8>, Error> {
    let sizes = group.iter().map(|(_, body)| commit_octets(body.len()));
    let mut payload = Vec::with_capacity(sizes.sum());
    for (subject, body) in group {
        if body.len() > BODY_OCTETS_MAX {
            return Err(Error::TooLarge("commit"));
        }
        let length = (commit_octets(body.len()) - 4) as u32;
        payload.extend_from_slice(&length.to_le_bytes());
        let start = payload.len();
        payload.extend_from_slice(&[COMMIT, COMMIT_VERSION]);
        payload.extend_from_slice(&subject.account.raw().to_le_bytes());
        let modseq = subject.modseq.map_or(0, |m| m.raw());
        payload.extend_from_slice(&modseq.to_le_bytes());
        payload.extend_from_slice(&subject.time.to_le_bytes());
        payload.extend_from_slice(body);
        let sum = blake3::hash(&payload[start..]);
        payload.extend_from_slice(&sum.as_bytes()[..COMMIT_SUM]);
    }
    if payload.len() > RAW_OCTETS_MAX {
        return Err(Error::TooLarge("group of commits"));
    }
    Ok(payload)
}

/// Octets of a commit whose body has so many.
fn commit_octets(body: usize) -> usize {
    4 + COMMIT_HEAD + body + COMMIT_SUM
}

fn checksum(head: Head, offset: u64, covered: &[u8]) -> [u8; SUM] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&head.salt);
    hasher.update(&head.segment.to_le_bytes());
    hasher.update(&offset.to_le_bytes());
    hasher.update(covered);
    let mut sum = [0u8; SUM];
    sum.copy_from_slice(&hasher.finalize().as_bytes()[..SUM]);
    sum
}

/// The checksum of a frame that was encoded.
pub(super) fn sum_of(frame: &[u8]) -> Option<&[u8; SUM]> {
    frame.get(SUM_AT..)?.first_chunk()
}

/// Octets of the frame that begins so; `None` for what does not begin one.
pub(super) fn octets(first: &[u8]) -> Option<u64> {
    let length = first.get(4..8)?.try_into().ok()?;
    let begins = first.len() >= HEAD && first.starts_with(MAGIC);
    begins.then(|| HEAD as u64 + u64::from(u32::from_le_bytes(length)))
}

/// The frame at `offset` of a segment; `None` for what is no whole frame.
pub(super) fn at(bytes: &[u8], head: Head, offset: u64) -> Option<Frame<'_>> {
    of(bytes.get(usize::try_from(offset).ok()?..)?, head, offset)
}

/// The frame that is these octets, which lie at `offset`.
pub(super) fn owned(mut octets: Vec<u8>, head: Head, offset: u64) -> Option<Frame<'static>> {
    let Frame {
        flags,
        key,
        raw,
        sum,
        end,
        ..
    } = of(&octets, head, offset)?;
    octets.drain(..HEAD);
    Some(Frame {
        head,
        offset,
        flags,
        key,
        raw,
        stored: Cow::Owned(octets),
        sum,
        end,
    })
}

/// The frame with which these octets begin, which lie at `offset`.
pub(super) fn of(rest: &[u8], head: Head, offset: u64) -> Option<Frame<'_>> {
    let start = rest.get(..HEAD)?;
    let field =
        |at: usize| u32::from_le_bytes([start[at], start[at + 1], start[at + 2], start[at + 3]]);
    if start[..4] != *MAGIC {
        return None;
    }
    let end = HEAD + field(4) as usize;
    let whole = rest.get(..end)?;
    let sum = checksum(head, offset, &whole[COVERED_AT..]);
    if sum != whole[SUM_AT..COVERED_AT] {
        return None;
    }
    Some(Frame {
        head,
        offset,
        flags: start[COVERED_AT],
        key: KeyId(field(COVERED_AT + 4)),
        raw: field(COVERED_AT + 8) as usize,
        stored: Cow::Borrowed(&whole[HEAD..]),
        sum,
        end: offset + end as u64,
    })
}

/// Whether these are the first octets of a frame, which say that it is sealed.
pub(super) fn is_sealed(first: &[u8; HEAD]) -> bool {
    first.starts_with(MAGIC) && first[COVERED_AT] & SEALED != 0
}

/// Whether a whole frame lies anywhere in these octets, which lie at `offset`, but at their beginning.
pub(super) fn follows(rest: &[u8], head: Head, offset: u64) -> bool {
    let places = rest.windows(MAGIC.len()).enumerate().skip(1);
    let mut places = places.filter(|(_, window)| window == MAGIC);
    places.any(|(skip, _)| of(&rest[skip..], head, offset + skip as u64).is_some())
}

/// Where the first whole frame behind `offset` begins.
pub(super) fn next(bytes: &[u8], head: Head, offset: u64) -> Option<u64> {
    let from = offset as usize + 1;
    let rest = bytes.get(from..).unwrap_or_default();
    let places = rest.windows(MAGIC.len()).enumerate();
    let mut places = places.filter(|(_, window)| window == MAGIC);
    places.find_map(|(skip, _)| {
        let place = (from + skip) as u64;
        at(bytes, head, place).map(|_| place)
    })
}

impl Frame<'_> {
    /// The commits, unpacked. The frame passed its checksum, so what cannot be read is of another
    /// version or sealed under another key. Errors: `Corrupt`.
    pub(super) fn open(&self, packer: &Packer) -> Result<Vec<u8>, Error> {
        let unknown = self.flags & !(ZIPPED | SEALED) != 0;
        if unknown || self.raw > RAW_OCTETS_MAX || self.key.is_plain() == (self.flags & SEALED != 0)
        {
            return Err(Error::cured(Fault::FrameKind, Cure::Newer));
        }
        let context = context(self.head, self.offset);
        let stored = packer.keys.unseal(self.key, context, &self.stored)?;
        if self.flags & ZIPPED == 0 {
            return Ok(stored);
        }
        let raw = packer.zip.unpress(&stored, self.raw);
        raw.map_err(|_| Error::Corrupt("a journal frame cannot be unpacked".into()))
    }
}

/// The commits of an opened frame, in order. Errors: `Corrupt`, for an unknown type or version too (I-18).
pub(super) fn commits(mut payload: &[u8]) -> Result<Vec<(Subject, &[u8])>, Error> {
    let strange = || Error::Corrupt("a journal commit cannot be read".into());
    let mut commits = Vec::new();
    while !payload.is_empty() {
        let (length, rest) = payload.split_first_chunk::<4>().ok_or_else(strange)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (commit, rest) = rest.split_at_checked(length).ok_or_else(strange)?;
        payload = rest;
        let (covered, sum) = commit
            .split_last_chunk::<COMMIT_SUM>()
            .ok_or_else(strange)?;
        if blake3::hash(covered).as_bytes()[..COMMIT_SUM] != *sum {
            return Err(strange());
        }
        commits.push(commit_of(covered)?);
    }
    Ok(commits)
}

fn commit_of(covered: &[u8]) -> Result<(Subject, &[u8]), Error> {
    let strange = || Error::Corrupt("a journal commit cannot be read".into());
    let (head, body) = covered
        .split_first_chunk::<COMMIT_HEAD>()
        .ok_or_else(strange)?;
    if head[..2] != [COMMIT, COMMIT_VERSION] {
        let (kind, version) = (head[0], head[1]);
        return Err(Error::cured(
            Fault::RecordKind { kind, version },
            Cure::Newer,
        ));
    }
    let (account, rest) = head[2..].split_first_chunk::<4>().ok_or_else(strange)?;
    let (modseq, time) = rest.split_first_chunk::<8>().ok_or_else(strange)?;
    let time = time.try_into().map_err(|_| strange())?;
    let subject = Subject {
        account: AccountId::new(u32::from_le_bytes(*account)).ok_or_else(strange)?,
        modseq: ModSeq::new(u64::from_le_bytes(*modseq)),
        time: i64::from_le_bytes(time),
    };
    Ok((subject, body))
}

#[cfg(test)]
mod tests {
    use super::super::SALT;
    use super::*;

    const PLACE: Head = Head {
        segment: 7,
        salt: [9; SALT],
        store: None,
    };

    fn subject(account: u32, modseq: u64, time: i64) -> Subject {
        Subject {
            account: AccountId::new(account).unwrap(),
            modseq: ModSeq::new(modseq),
            time,
        }
    }

    fn framed(group: &[(Subject, &[u8])]) -> Vec<u8> {
        let mut frame = Vec::new();
        let packed = pack(group, &Zip::default()).unwrap();
        encode(PLACE, 32, &packed, &Keys::none(), &mut frame).unwrap();
        frame
    }

    /// As if it lay behind a head of 32 octets.
    fn placed(frame: &[u8]) -> Vec<u8> {
        [&[0; 32], frame].concat()
    }

    #[test]
    fn a_group_comes_back_as_it_was() {
        let packer = Packer::default();
        let large = vec![5; 100_000];
        let groups: [&[(Subject, &[u8])]; 4] = [
            &[],
            &[(subject(1, 0, -1), b"")],
            &[(subject(2, 9, 1 << 40), b"abc"), (subject(3, 1, 0), b"d")],
            &[(subject(u32::MAX, u64::MAX, i64::MIN), &large)],
        ];
        for group in groups {
            let bytes = placed(&framed(group));
            let frame = at(&bytes, PLACE, 32).unwrap();
            assert_eq!(frame.end as usize, bytes.len());
            let payload = frame.open(&packer).unwrap();
            assert_eq!(commits(&payload).unwrap(), group);
        }
        assert!(framed(groups[3]).len() < 1_000, "it was not compressed");
    }

    #[test]
    fn another_place_salt_or_bit_is_no_frame() {
        let bytes = placed(&framed(&[(subject(2, 9, 5), b"abc")]));
        for bit in 32 * 8..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(at(&changed, PLACE, 32).is_none(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(at(&bytes[..length], PLACE, 32).is_none(), "cut at {length}");
        }
        let other = Head {
            salt: [8; SALT],
            ..PLACE
        };
        assert!(at(&bytes, other, 32).is_none());
        let moved = [&[0; 33], &bytes[32..]].concat();
        assert!(at(&moved, PLACE, 33).is_none());
    }

    #[test]
    fn i18_an_unknown_kind_or_version_is_an_error() {
        let packer = Packer::default();
        let payload = payload(&[(subject(2, 9, 5), b"abc")]).unwrap();
        for (at, value) in [(4, 2), (5, 3)] {
            let mut strange = payload.clone();
            strange[at] = value;
            assert!(commits(&strange).is_err(), "a wrong checksum");
            let end = strange.len() - COMMIT_SUM;
            let sum = blake3::hash(&strange[4..end]);
            strange[end..].copy_from_slice(&sum.as_bytes()[..COMMIT_SUM]);
            let said = commits(&strange).unwrap_err().to_string();
            assert!(said.contains("unknown"), "{said}");
        }
        let mut bytes = placed(&framed(&[(subject(2, 9, 5), b"abc")]));
        bytes[32 + COVERED_AT] = 4;
        let sum = checksum(PLACE, 32, &bytes[32 + COVERED_AT..]);
        bytes[32 + SUM_AT..32 + COVERED_AT].copy_from_slice(&sum);
        assert!(at(&bytes, PLACE, 32).unwrap().open(&packer).is_err());
    }

    #[test]
    fn i18_a_frame_is_written_as_before() {
        let frame = framed(&[(subject(2, 9, 5), b"abc")]);
        let written: String = frame.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(written, include_str!("../../tests/golden/frame.txt").trim());
    }
}
