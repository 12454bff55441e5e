//! Reading a segment that is damaged: every frame that is whole, and where those are that are not.

use super::frame::{self, Packer};
use super::{FILE_HEAD, HEAD_MAX, Head, SALT, SALT_AT, Subject, path};
use crate::owner::Owner;
use crate::seal::Keys;
use crate::{Error, disk};
use std::path::Path;

/// Octets of a segment that are in no whole frame though whole frames follow, or the head was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    pub from: u64,
    pub to: u64,
    /// Nothing whole follows: it may be what a stop left, which was never promised.
    pub is_end: bool,
    /// Only the segment's head, which was mended.
    pub is_head: bool,
}

/// What [`salvage`] found beside the commits.
#[derive(Debug, Default)]
pub(crate) struct Left {
    pub gaps: Vec<Gap>,
    /// The file is that of this other segment, and nothing was read of it.
    pub other: Option<u32>,
    /// Where the last whole frame ends.
    pub end: u64,
}

/// Called for each commit that is whole, with the offset at which its frame ends.
pub(crate) type Each<'a> = dyn FnMut(Subject, &[u8], u64) -> Result<(), Error> + 'a;

/// Reads what is whole of a segment; returns where it is not. Errors: what `each` returns, `Unavailable`,
/// `Corrupt` for a segment of an unknown version (I-18).
pub(crate) fn salvage(
    dir: &Path,
    (keys, owner): (&Keys, Owner),
    number: u32,
    each: &mut Each<'_>,
) -> Result<Left, Error> {
    let path = path(dir, number);
    let bytes = std::fs::read(&path).map_err(|e| disk::failed("cannot read", &path, &e))?;
    let end = bytes.len() as u64;
    let mut left = Left {
        end: FILE_HEAD,
        ..Left::default()
    };
    let gap = |from, to, is_end, is_head| Gap {
        from,
        to,
        is_end,
        is_head,
    };
    let found = head(&bytes, number, owner)?;
    left.other = found.map(|(head, _)| head.segment).filter(|n| *n != number);
    if left.other.is_some() {
        // Its commits are older or newer than what was here: in its place they would undo others.
        return Ok(left);
    }
    let Some((head, mended)) = found else {
        left.gaps.push(gap(0, end, end <= HEAD_MAX, false));
        return Ok(left);
    };
    left.end = head.end();
    if mended {
        left.gaps.push(gap(0, head.end(), false, true));
    }
    let packer = Packer {
        keys: keys.clone(),
        ..Packer::default()
    };
    let mut at = head.end();
    while at < end {
        if let Some(frame) = frame::at(&bytes, head, at) {
            let payload = frame.open(&packer)?;
            for (subject, body) in frame::commits(&payload)? {
                each(subject, body, frame.end)?;
            }
            (at, left.end) = (frame.end, frame.end);
            continue;
        }
        let next = frame::next(&bytes, head, at);
        let to = next.unwrap_or(end);
        if next.is_some() || bytes[at as usize..].iter().any(|b| *b != 0) {
            left.gaps.push(gap(at, to, next.is_none(), false));
        }
        at = to;
    }
    Ok(left)
}

/// The head, and whether it had to be mended: without its salt no frame can be told from another.
/// All of it is known but salt and checksum, and of these one flipped bit is found by trying.
fn head(bytes: &[u8], number: u32, owner: Owner) -> Result<Option<(Head, bool)>, Error> {
    let whole = Head::any(bytes, number)?;
    Ok(whole
        .map(|head| (head, false))
        .or_else(|| Some((mended(bytes, number, owner)?, true))))
}

fn mended(bytes: &[u8], number: u32, owner: Owner) -> Option<Head> {
    let of = |store| Head {
        segment: number,
        salt: [0; SALT],
        store,
    };
    let unnamed = || mended_like(bytes, of(None)).filter(|_| owner.unnamed);
    mended_like(bytes, of(Some(owner.id))).or_else(unnamed)
}

/// The head that is like this one but for its salt.
fn mended_like(bytes: &[u8], like: Head) -> Option<Head> {
    let whole = bytes.get(..like.end() as usize)?;
    let sum = &whole[whole.len() - SALT..];
    let said = [&whole[SALT_AT..SALT_AT + SALT], sum].concat();
    if let Some(head) = fitting(&said, like) {
        return Some(head);
    }
    (0..said.len() * 8).find_map(|bit| {
        let mut other = said.clone();
        other[bit / 8] ^= 1 << (bit % 8);
        fitting(&other, like)
    })
}

/// The head like this one that has this salt, if it has this checksum.
fn fitting(said: &[u8], like: Head) -> Option<Head> {
    let (salt, sum) = said.split_at(SALT);
    let salt = salt.try_into().ok()?;
    let head = Head { salt, ..like };
    head.octets().ends_with(sum).then_some(head)
}
