//! The journal over files: groups, torn tails, damage, segments.

use super::*;
use crate::seal::Keys;
use crate::{Disk, Options, Sizes};
use std::fs;

const OURS: Owner = Owner {
    id: [7; ID],
    unnamed: false,
};

/// Account, time and body of a commit.
type Read = (u32, i64, Vec<u8>);

struct World {
    _dir: tempfile::TempDir,
    options: Options,
    keys: Keys,
}

impl World {
    fn new(segment: u64, ahead: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            dir: dir.path().to_owned(),
            sizes: Sizes {
                segment,
                ahead,
                ..Sizes::default()
            },
            ..Options::default()
        };
        options.disk.make_dir(&dir.path().join("journal")).unwrap();
        Self {
            _dir: dir,
            options,
            keys: Keys::none(),
        }
    }

    fn dir(&self) -> PathBuf {
        self.options.dir.join("journal")
    }

    fn open(&self) -> Journal {
        let end = self.replay().unwrap().1.end;
        let found = (end, Lineage::default());
        Journal::open(&self.options, &self.keys, OURS, found).unwrap()
    }

    /// What is read: account, time and body of each commit.
    fn replay(&self) -> Result<(Vec<Read>, Found), Error> {
        let mut all = Vec::new();
        let found = replay(&self.dir(), &self.keys, Position::START, &mut |met| {
            all.push((
                met.subject.account.raw(),
                met.subject.time,
                met.body.to_vec(),
            ));
            Ok(true)
        })?;
        Ok((all, found))
    }

    fn read(&self) -> Vec<u8> {
        fs::read(path(&self.dir(), 1)).unwrap()
    }

    fn write(&self, bytes: &[u8]) {
        fs::write(path(&self.dir(), 1), bytes).unwrap();
    }
}

/// Bodies of these accounts in one group, durable.
fn group(journal: &mut Journal, accounts: &[u32]) {
    write(journal, accounts).unwrap();
    journal.sync().unwrap();
    journal.settle();
}

fn write(journal: &mut Journal, accounts: &[u32]) -> Result<(), Error> {
    let bodies: Vec<_> = accounts
        .iter()
        .map(|a| a.to_string().into_bytes())
        .collect();
    let subject = |account: &u32| Subject {
        account: AccountId::new(*account).unwrap(),
        modseq: None,
        time: -i64::from(*account),
    };
    let group: Vec<_> = accounts
        .iter()
        .zip(&bodies)
        .map(|(account, body)| (subject(account), body.as_slice()))
        .collect();
    journal.write(&group)
}

fn expected(accounts: impl IntoIterator<Item = u32>) -> Vec<Read> {
    let each = accounts.into_iter();
    each.map(|a| (a, -i64::from(a), a.to_string().into_bytes()))
        .collect()
}

#[test]
fn a_tail_torn_anywhere_is_the_group_before() {
    let world = World::new(1 << 20, 0);
    let mut journal = world.open();
    group(&mut journal, &[1, 2]);
    let start = journal.end().offset as usize;
    group(&mut journal, &[3, 4, 5]);
    drop(journal);
    let whole = world.read();
    assert_eq!(world.replay().unwrap().0, expected(1..=5));
    for cut in start..whole.len() {
        world.write(&whole[..cut]);
        let (all, found) = world.replay().unwrap();
        assert_eq!(all, expected(1..=2), "cut at {cut}");
        assert_eq!(found.torn, (cut - start) as u64);
        group(&mut world.open(), &[9]);
        assert_eq!(
            world.replay().unwrap().0,
            expected([1, 2, 9]),
            "cut at {cut}"
        );
    }
    for flipped in start..whole.len() {
        let mut changed = whole.clone();
        changed[flipped] ^= 1;
        world.write(&changed);
        assert_eq!(
            world.replay().unwrap().0,
            expected(1..=2),
            "flipped at {flipped}"
        );
    }
    // Of the first group something was promised, since the second was written behind it.
    for flipped in 0..start {
        let mut changed = whole.clone();
        changed[flipped] ^= 1;
        world.write(&changed);
        let read = world.replay();
        assert!(
            matches!(read, Err(Error::Corrupt(_))),
            "flipped at {flipped}"
        );
    }
}

#[test]
fn a_head_that_was_torn_holds_nothing_and_is_written_anew() {
    let world = World::new(1 << 20, 0);
    drop(world.open());
    let head = world.read();
    for cut in 0..head.len() {
        for tail in [&[][..], &vec![0; head.len() - cut]] {
            world.write(&[&head[..cut], tail].concat());
            assert_eq!(world.replay().unwrap().0, []);
            group(&mut world.open(), &[1]);
            assert_eq!(world.replay().unwrap().0, expected([1]), "cut at {cut}");
        }
    }
}

#[test]
fn a_visitor_that_refuses_cuts_the_whole_last_group() {
    let world = World::new(1 << 20, 0);
    let mut journal = world.open();
    group(&mut journal, &[1]);
    let end = journal.end();
    group(&mut journal, &[2, 3]);
    let mut met = Vec::new();
    let found = replay(&world.dir(), &world.keys, Position::START, &mut |m| {
        met.push((m.subject.account.raw(), m.last));
        Ok(m.subject.account.raw() != 3)
    });
    assert_eq!(met, [(1, false), (2, true), (3, true)]);
    let found = found.unwrap();
    assert_eq!((found.end, found.records), (end, 1));
    drop(journal);
    group(
        &mut Journal::open(
            &world.options,
            &world.keys,
            OURS,
            (found.end, Lineage::default()),
        )
        .unwrap(),
        &[4],
    );
    assert_eq!(world.replay().unwrap().0, expected([1, 4]));
}

#[test]
fn zeros_laid_ahead_are_nobodys_and_segments_follow_each_other() {
    let world = World::new(500, 4_096);
    let mut journal = world.open();
    for account in 1..=30 {
        group(&mut journal, &[account]);
        assert_eq!(world.replay().unwrap().0, expected(1..=account));
        assert_eq!(world.replay().unwrap().1.torn, 0);
        if account % 7 == 0 {
            journal.seal().unwrap();
            journal.seal().unwrap();
        }
        if account % 10 == 0 {
            journal = world.open();
        }
    }
    let numbers = segments(&world.dir()).unwrap();
    let last = *numbers.last().unwrap();
    assert_eq!(numbers, (1..=last).collect::<Vec<_>>());
    // Each sealed segment ends where its last frame ends, and is read alone.
    let mut alone = Vec::new();
    for number in 1..last {
        sealed(&world.dir(), &world.keys, number, &mut |met| {
            alone.push(met.subject.account.raw());
            Ok(true)
        })
        .unwrap();
    }
    between(
        &world.dir(),
        &world.keys,
        Position {
            segment: last,
            offset: FILE_HEAD,
        },
        journal.end(),
        &mut |met| {
            alone.push(met.subject.account.raw());
            Ok(true)
        },
    )
    .unwrap();
    assert_eq!(alone, (1..=30).collect::<Vec<_>>());
    let end = journal.end();
    fs::remove_file(path(&world.dir(), last - 1)).unwrap();
    assert!(matches!(world.replay(), Err(Error::Corrupt(_))));
    assert_eq!(
        remove(&world.dir(), &Disk::default(), last - 1).unwrap(),
        last - 2
    );
    let from = Position {
        segment: last,
        offset: FILE_HEAD,
    };
    assert_eq!(
        replay(&world.dir(), &world.keys, from, &mut |_| Ok(true))
            .unwrap()
            .end,
        end
    );
}

#[test]
fn what_a_failed_write_left_is_no_damage_in_a_sealed_segment() {
    for seed in 0..40 {
        let mut world = World::new(1 << 20, 0);
        world.options.disk = Disk::forgetful(seed);
        let mut journal = world.open();
        group(&mut journal, &[1]);
        // Written, then taken back since the content was lost.
        write(&mut journal, &[2]).unwrap();
        journal.take_back();
        write(&mut journal, &[3]).unwrap();
        journal.take_back();
        journal.seal().unwrap();
        group(&mut journal, &[4]);
        write(&mut journal, &[5]).unwrap();
        drop(journal);
        world.options.disk.power_cut().unwrap();
        let all = world.replay().unwrap().0;
        assert!(
            all == expected([1, 4]) || all == expected([1, 4, 5]),
            "seed {seed}: {all:?}"
        );
    }
}

#[test]
fn a_sealed_frame_is_read_with_its_keys_only_and_shows_nothing() {
    let mut world = World::new(1 << 20, 0);
    world.keys = crate::keyring::tests::keys(&world.options.dir);
    let mut journal = world.open();
    group(&mut journal, &[123_456, 123_457]);
    let large: Vec<u32> = (200_000..200_100).collect();
    group(&mut journal, &large);
    let all = [123_456, 123_457].into_iter().chain(large);
    assert_eq!(world.replay().unwrap().0, expected(all));
    let shown = world.read().windows(6).any(|w| w == b"123456");
    assert!(!shown, "the journal shows what it should hide");
    world.keys = Keys::none();
    assert!(matches!(world.replay(), Err(Error::Corrupt(_))));
}

#[test]
fn i18_a_segment_of_another_version_or_number_is_an_error() {
    let world = World::new(1 << 20, 0);
    group(&mut world.open(), &[1]);
    let whole = world.read();
    for (at, what) in [(8, "unknown version 4"), (12, "")] {
        let mut changed = whole.clone();
        changed[at] += 1;
        world.write(&changed);
        // Without a checksum that fits it is damage.
        let said = world.replay().unwrap_err().to_string();
        assert!(said.contains("no valid head"), "{said}");
        let sum = blake3::hash(&changed[..40]);
        changed[40..48].copy_from_slice(&sum.as_bytes()[..8]);
        world.write(&changed);
        let said = world.replay().unwrap_err().to_string();
        assert!(said.contains(what), "{said}");
    }
    fs::write(path(&world.dir(), 2), &whole).unwrap();
    world.write(&whole);
    assert!(
        world
            .replay()
            .unwrap_err()
            .to_string()
            .contains("head of segment 1")
    );
}

#[test]
fn i18_a_head_is_written_as_before_and_that_of_version_2_is_still_read() {
    let named = Head {
        segment: 7,
        salt: [9; SALT],
        store: Some(OURS.id),
    };
    let unnamed = Head {
        store: None,
        ..named
    };
    let kept: Vec<&str> = include_str!("../../tests/golden/segment.txt")
        .lines()
        .collect();
    for (head, line, said) in [(unnamed, 0, Said::Nobody), (named, 1, Said::Store(OURS.id))] {
        let octets = head.octets();
        let written: String = octets.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(written, kept[line]);
        assert_eq!(octets.len() as u64, head.end());
        assert_eq!(Head::read(&octets, 7), Ok(Some(head)));
        assert_eq!(super::said(&octets), said);
        for cut in 0..octets.len() {
            assert_eq!(
                super::said(&octets[..cut]),
                Said::Unreadable,
                "cut at {cut}"
            );
        }
    }
}

/// A segment of before heads named a store is read where it lies; what comes is written into the next one.
#[test]
fn a_segment_that_names_nobody_is_not_gone_on_with() {
    for groups in [0, 1] {
        let world = World::new(1 << 20, 0);
        let head = Head {
            store: None,
            ..Head::draw(1, OURS).unwrap()
        };
        world.write(&head.octets());
        let mut frame = Vec::new();
        let subject = Subject {
            account: AccountId::new(5).unwrap(),
            modseq: None,
            time: -5,
        };
        let packer = frame::Packer::default();
        for _ in 0..groups {
            let packed = frame::pack(&[(subject, b"5")], &packer.zip).unwrap();
            frame::encode(head, FILE_HEAD, &packed, &packer.keys, &mut frame).unwrap();
            world.write(&[head.octets(), frame.clone()].concat());
        }
        let before = world.read();
        let mut journal = world.open();
        assert_eq!(journal.end().segment, 2);
        group(&mut journal, &[6]);
        drop(journal);
        assert_eq!(world.read(), before);
        let accounts = [5, 6].into_iter().skip(1 - groups);
        assert_eq!(world.replay().unwrap().0, expected(accounts));
        assert_eq!(world.open().end().segment, 2);
    }
}
