//! From the second version to the third: a message's state tells when it was put into each mailbox. Frozen.

use crate::record::{self, StateRecord, StateRecordV2};
use crate::{Error, history, key};

const VERSION: u8 = 2;

/// States, and what the log keeps of messages that are gone, gained a time that is not known; everything else
/// stayed.
pub(super) fn step(key: &[u8], body: &[u8], _now: i64) -> Result<Vec<u8>, Error> {
    let old = [&[VERSION], body].concat();
    match key::kind_of(key) {
        key::STATE => {
            let record: StateRecordV2 = record::decode(&old, "message")?;
            record::encode_as(VERSION + 1, &StateRecord::from(record))
        }
        key::LOG => history::from_v2(body),
        _ => Ok([&[VERSION + 1], body].concat()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AccountId, BlobId, EmailId, MailboxId, ModSeq, QueueId};

    const SECOND: &str = include_str!("../../tests/golden/v2.txt");
    const THIRD: &str = include_str!("../../tests/golden/v3.txt");

    fn kept(lines: &str, name: &str) -> Vec<u8> {
        let line = lines
            .lines()
            .find_map(|l| l.strip_prefix(name)?.strip_prefix(' '));
        let pairs = line.unwrap_or_default().as_bytes().chunks(2);
        let octet = |pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
        pairs.map(octet).collect()
    }

    /// The golden octets of the second version become those of the third.
    #[test]
    fn i18_each_kept_value_becomes_that_of_the_next_version() {
        let account = AccountId::new(7).unwrap();
        let same = [
            ("meta", key::meta(account)),
            ("mailbox", key::mailbox(account, MailboxId::FIRST)),
            ("location", key::blob(BlobId([1; 32]))),
            ("queue", key::queue(QueueId::FIRST)),
            ("delivered", key::delivered(account, 1)),
            ("summary", key::summary(account, EmailId::FIRST)),
        ];
        for (name, key) in same {
            let stepped = super::super::step(&key, kept(SECOND, name), 5).unwrap();
            assert_eq!(stepped, kept(THIRD, name), "{name}");
        }
    }

    /// What was put into a mailbox before its time was kept has none, read where it lies or stepped.
    #[test]
    fn i18_a_state_of_the_second_version_has_no_times() {
        let (account, email) = (AccountId::new(7).unwrap(), EmailId::new(4).unwrap());
        let old = kept(SECOND, "state");
        let mut third = record::decode_row(email, &kept(THIRD, "state")).unwrap();
        assert_eq!(third.state.saved.len(), 1);
        third.state.saved.clear();
        assert_eq!(record::decode_row(email, &old).as_ref(), Ok(&third));
        let stepped = super::super::step(&key::state(account, email), old, 5).unwrap();
        assert_eq!(stepped[0], 3);
        assert_eq!(record::decode_row(email, &stepped), Ok(third));
    }

    #[test]
    fn i18_the_log_of_the_second_version_tells_the_same() {
        let account = AccountId::new(7).unwrap();
        let old = kept(SECOND, "log");
        let key = key::log(account, ModSeq::FIRST);
        let stepped = super::super::step(&key, old.clone(), 5).unwrap();
        assert_eq!((old[0], stepped[0]), (2, 3));
        let (before, after) = (
            history::read(&old).unwrap(),
            history::read(&stepped).unwrap(),
        );
        assert_eq!((before.time, &before.changes), (after.time, &after.changes));
        let rows = |entry: &history::Entry<'_>| entry.undone().unwrap().unwrap().rows;
        assert_eq!(rows(&before), rows(&after));
        assert_eq!(rows(&before).len(), 5);
    }
}
