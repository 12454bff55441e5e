//! From the first format: how its commits and values are read, and what became of each. Frozen.

use crate::checkpoint::Checkpoint;
use crate::error::Cure;
use crate::index::Op;
use crate::journal::{self, Gap, Position, Subject, v1};
use crate::record::{self, Meta};
use crate::{Error, Fault, Options, history, key, recover};

const VERSION: u8 = 1;
/// Octets before the version octet of the checkpoint, and of the checksum at its end.
const CHECKPOINT_HEAD: usize = 8;
const CHECKPOINT_SUM: usize = 32;

/// What is damaged of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// Only a segment's head; all that it says is known.
    Head {
        segment: u32,
    },
    Missing {
        segment: u32,
    },
    /// Its file is that of this other segment.
    Other {
        segment: u32,
        own: u32,
    },
    /// Between these octets.
    Commits {
        segment: u32,
        from: u64,
        to: u64,
    },
    /// It ends before its checkpoint.
    Short,
}

impl Wrong {
    /// Whether commits are lost by it.
    pub(crate) fn is_loss(self) -> bool {
        !matches!(self, Self::Head { .. })
    }
}

/// From version 1 to version 2: counters gained octets and messages, the log gained the time and
/// what was replaced; everything else stayed.
pub(super) fn step(key: &[u8], body: &[u8], now: i64) -> Result<Vec<u8>, Error> {
    match key::kind_of(key) {
        key::META => record::encode_as(2, &Meta::from_v1(body)?),
        key::LOG => history::from_v1(body, now),
        _ => Ok([&[VERSION + 1], body].concat()),
    }
}

/// Visits all commits that count. Returns how many. Errors: `Corrupt`, when the journal ends before its checkpoint, too.
pub(super) fn replay(
    options: &Options,
    each: &mut dyn FnMut(Subject, Vec<Op>) -> Result<(), Error>,
) -> Result<u64, Error> {
    let checkpoint = checkpoint(options);
    let clean = checkpoint.as_ref().is_some_and(|c| c.clean);
    let found = v1::replay(&options.dir.join("journal"), &mut |met| {
        let ops = ops(met.body)?;
        if met.last && !clean && !came(options, &ops)? {
            return Ok(false);
        }
        each(met.subject, ops)?;
        Ok(true)
    })?;
    // All up to there was durable, and applied.
    if checkpoint.is_some_and(|c| found.end < c.position) {
        let (segment, at) = (found.end.segment, found.end.offset);
        let short = Fault::JournalShort { segment, at };
        return Err(Error::cured(short, Cure::First));
    }
    Ok(found.records)
}

/// The same of a damaged journal: all commits that are whole. `wrong` hears of all else. Errors: `Unavailable`.
pub(super) fn salvage(
    options: &Options,
    wrong: &mut dyn FnMut(Wrong),
    each: &mut dyn FnMut(Subject, Vec<Op>) -> Result<(), Error>,
) -> Result<(), Error> {
    let checkpoint = checkpoint(options);
    let clean = checkpoint.as_ref().is_some_and(|c| c.clean);
    let journal = options.dir.join("journal");
    let there = journal::segments(&journal)?;
    let promised = checkpoint.map(|c| c.position);
    let last = there.last().copied().max(promised.map(|p| p.segment));
    let mut end = None;
    for segment in 1..=last.unwrap_or(1) {
        let is_last = Some(segment) == last;
        if there.binary_search(&segment).is_err() {
            wrong(Wrong::Missing { segment });
            continue;
        }
        let left = v1::salvage(&journal, segment, is_last, &mut |met| {
            // One that cannot be read is whole by its checksum: nothing that this program wrote.
            let ops = ops(met.body)?;
            if met.last && !clean && !came(options, &ops)? {
                return Ok(false);
            }
            each(met.subject, ops)?;
            Ok(true)
        })?;
        let offset = left.end;
        end = Some(Position { segment, offset });
        if let Some(own) = left.other {
            wrong(Wrong::Other { segment, own });
        }
        for Gap { from, to, .. } in left.gaps.into_iter().filter(|gap| !(gap.is_end && is_last)) {
            wrong(match from {
                0 => Wrong::Head { segment },
                _ => Wrong::Commits { segment, from, to },
            });
        }
    }
    if promised > end {
        wrong(Wrong::Short);
    }
    Ok(())
}

/// Whether the content that a commit names is on the disk.
fn came(options: &Options, ops: &[Op]) -> Result<bool, Error> {
    let stepped = ops.iter().map(|op| match op {
        Op::Put(key, value) => super::step(key, value.clone(), 0).map(|v| Op::Put(key.clone(), v)),
        deleted => Ok(deleted.clone()),
    });
    let came = recover::content_is_whole(options, &stepped.collect::<Result<Vec<_>, _>>()?)?;
    if !came {
        tracing::warn!("content of the last commits did not come to the disk");
    }
    Ok(came)
}

/// How the store was stopped. `None` for what cannot be read: it promises nothing.
fn checkpoint(options: &Options) -> Option<Checkpoint> {
    let bytes = std::fs::read(options.dir.join("checkpoint")).ok()?;
    let (said, sum) = bytes.split_last_chunk::<CHECKPOINT_SUM>()?;
    let body = said.get(CHECKPOINT_HEAD..);
    let body = body.filter(|_| blake3::hash(said).as_bytes() == sum);
    match body.and_then(<[u8]>::split_first) {
        Some((&VERSION, body)) => postcard::from_bytes(body).ok(),
        _ => None,
    }
}

/// The operations of a commit: `tag, length of key, key`, and for a put `length of value, value`.
fn ops(mut body: &[u8]) -> Result<Vec<Op>, Error> {
    let strange = || Error::Corrupt("a journal record of the first format cannot be read".into());
    let mut ops = Vec::new();
    while let Some((tag, rest)) = body.split_first() {
        let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(strange)?;
        let length = usize::from(u16::from_le_bytes(*length));
        let (key, rest) = rest.split_at_checked(length).ok_or_else(strange)?;
        body = rest;
        if *tag == 0 {
            ops.push(Op::Delete(key.to_vec()));
            continue;
        }
        let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(strange)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (value, rest) = rest.split_at_checked(length).ok_or_else(strange)?;
        body = rest;
        if *tag != 1 || value.first() != Some(&VERSION) {
            return Err(strange());
        }
        ops.push(Op::Put(key.to_vec(), value.to_vec()));
    }
    Ok(ops)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Meta, decode};
    use crate::{AccountId, BlobId, EmailId, MailboxId, ModSeq, QueueId};

    const FIRST: &str = include_str!("../../tests/golden/v1.txt");
    const SECOND: &str = include_str!("../../tests/golden/v2.txt");

    fn kept(lines: &str, name: &str) -> Vec<u8> {
        let line = lines
            .lines()
            .find_map(|l| l.strip_prefix(name)?.strip_prefix(' '));
        let pairs = line.unwrap_or_default().as_bytes().chunks(2);
        let octet = |pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
        pairs.map(octet).collect()
    }

    /// The golden octets of the first version become those of the second.
    #[test]
    fn i18_each_kept_value_becomes_that_of_the_next_version() {
        let account = AccountId::new(7).unwrap();
        let same = [
            ("mailbox", key::mailbox(account, MailboxId::FIRST)),
            ("location", key::blob(BlobId([1; 32]))),
            ("queue", key::queue(QueueId::FIRST)),
            ("delivered", key::delivered(account, 1)),
            ("state", key::state(account, EmailId::FIRST)),
            ("summary", key::summary(account, EmailId::FIRST)),
        ];
        for (name, key) in same {
            let stepped = step(&key, &kept(FIRST, name)[1..], 5).unwrap();
            assert_eq!(stepped, kept(SECOND, name), "{name}");
        }
        let meta = step(&key::meta(account), &kept(FIRST, "meta")[1..], 5).unwrap();
        let meta: Meta = decode(&meta, "account").unwrap();
        assert_eq!((meta.modseq, meta.held), (ModSeq::new(300).unwrap(), None));
        let key = key::log(account, ModSeq::FIRST);
        let log = step(&key, &kept(FIRST, "log")[1..], 5).unwrap();
        let (before, after) = (kept(FIRST, "log"), kept(SECOND, "log"));
        assert_eq!((log[0], after[0]), (2, 2));
        assert!(log.ends_with(&before[1..]), "the changes stay");
        let through = super::super::step(&key, kept(FIRST, "log"), 5).unwrap();
        assert_eq!(through[0], record::VERSION);
        let unknown = super::super::step(&key, vec![0, 1], 5);
        assert!(matches!(unknown, Err(Error::Corrupt(_))));
        let later = super::super::step(&key, vec![record::VERSION + 1], 5);
        assert!(matches!(later, Err(Error::Corrupt(_))));
    }
}
