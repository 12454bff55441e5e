//! From the first format: how its commits and values are read, and what became of each. Frozen.

use crate::checkpoint::Checkpoint;
use crate::error::Cure;
use crate::index::Op;
use crate::journal::{Subject, v1};
use crate::record::{self, Meta};
use crate::{Error, Fault, Options, history, key, recover};

const VERSION: u8 = 1;
/// Octets before the version octet of the checkpoint, and of the checksum at its end.
const CHECKPOINT_HEAD: usize = 8;
const CHECKPOINT_SUM: usize = 32;

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
        if met.last && !clean {
            let stepped = ops.iter().map(|op| match op {
                Op::Put(key, value) => {
                    super::step(key, value.clone(), 0).map(|v| Op::Put(key.clone(), v))
                }
                deleted => Ok(deleted.clone()),
            });
            if !recover::content_is_whole(options, &stepped.collect::<Result<Vec<_>, _>>()?)? {
                tracing::warn!("content of the last commits did not come to the disk");
                return Ok(false);
            }
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
