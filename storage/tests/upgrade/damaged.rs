//! Damaged stores of the first format: refused unchanged, and upgraded by a repair with all that is whole.

use super::{check, everything, kept, refused, world};
use std::fs;
use std::path::Path;
use storage::*;

#[test]
fn damage_to_the_first_format_refuses_and_changes_nothing() {
    let (_dir, options) = kept(EngineKind::Memory);
    let path = options.dir.join("journal/0000000003.log");
    let mut bytes = fs::read(&path).unwrap();
    bytes[500] ^= 1;
    fs::write(&path, bytes).unwrap();
    let refused = Store::open(&options).map(drop).unwrap_err().to_string();
    assert!(refused.contains("segment 3 is damaged"), "{refused}");
    assert!(options.dir.join("journal/0000000010.log").exists());
    assert!(options.dir.join("checkpoint").exists());
    assert!(!options.dir.join("format").exists());
}

/// The checkpoint says up to where all was durable and applied.
#[test]
fn a_journal_of_the_first_format_that_ends_too_early_is_refused_and_nothing_is_changed() {
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 4] = [
        ("removed", |last| fs::remove_file(last).unwrap()),
        ("cut in the middle", |last| {
            let bytes = fs::read(last).unwrap();
            fs::write(last, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("cut at its end", |last| {
            let bytes = fs::read(last).unwrap();
            fs::write(last, &bytes[..bytes.len() - 25]).unwrap();
        }),
        ("a flipped bit in its last record", |last| {
            let mut bytes = fs::read(last).unwrap();
            let at = bytes.len() - 3;
            bytes[at] ^= 1;
            fs::write(last, bytes).unwrap();
        }),
    ];
    for (what, harm) in harms {
        let (_dir, options) = kept(EngineKind::Memory);
        harm(&options.dir.join("journal/0000000010.log"));
        let before = everything(&options);
        let told = refused(&options);
        assert!(
            told.contains("before commits that were promised"),
            "{what}: {told}"
        );
        assert!(told.ends_with(&Cure::First.to_string()), "{what}: {told}");
        assert_eq!(everything(&options), before, "{what}");
        // A repair keeps all that is whole, and says that something is missing.
        let report = Store::repair(&options).unwrap();
        assert!(
            report.gone.as_ref().is_some_and(|gone| gone.others),
            "{what}: {report:?}"
        );
        assert!(
            report.damage.iter().any(|d| d.what.contains("journal")),
            "{what}: {report:?}"
        );
        assert_eq!(report.remaining, Vec::<String>::new(), "{what}");
        let store = Store::open(&options).unwrap();
        let account = store.account(AccountId::new(2).unwrap());
        assert!(
            account.modseq().unwrap().raw() > 1_000_000,
            "{what}: its numbers leapt"
        );
        assert!(!options.dir.join("restored").exists(), "{what}");
        let kept = options.dir.join("before-2/journal");
        for (path, octets) in before
            .into_iter()
            .filter(|(path, _)| path.ends_with(".log"))
        {
            assert_eq!(
                fs::read(kept.join(path.file_name().unwrap())).ok(),
                octets,
                "{what}"
            );
        }
    }
}

/// Its header has no checksum, but the first entry lies where no other version has one.
#[test]
fn a_damaged_header_of_a_pack_of_the_first_format_is_written_again_and_costs_nothing() {
    for at in [0, 3, 8, 9, 11, 12, 15] {
        let (_dir, options) = kept(EngineKind::Sled);
        let pack = options.dir.join("packs/000001.pack");
        world::closed::change(&pack, |octets| octets[at] ^= 4);
        let store = Store::open(&options).unwrap();
        assert!(!store.check_deep().unwrap().is_empty(), "{at}");
        store.close().unwrap();
        drop(store);
        let report = Store::repair(&options).unwrap();
        assert_eq!((report.damage.len(), report.gone), (1, None), "{at}");
        assert_eq!(
            (report.contents.len(), report.remaining.len()),
            (0, 0),
            "{at}"
        );
        check(&options, "a mended header");
    }
}

/// What its head says is known, and that it is of the first format others say, or its records.
#[test]
fn a_damaged_head_of_any_segment_of_the_first_format_is_refused_and_repaired_without_loss() {
    for segment in [1, 2, 10] {
        for at in [0, 1, 8, 9, 12, 15] {
            let (_dir, options) = kept(EngineKind::Sled);
            let path = options.dir.join(format!("journal/{segment:010}.log"));
            world::closed::change(&path, |octets| octets[at] ^= 16);
            let before = everything(&options);
            let told = refused(&options);
            assert!(
                told.ends_with(&Cure::First.to_string()),
                "{segment} {at}: {told}"
            );
            assert_eq!(everything(&options), before, "{segment} {at}");
            let report = Store::repair(&options).unwrap();
            assert_eq!(report.damage.len(), 1, "{segment} {at}: {report:?}");
            let said = &report.damage[0].what;
            let named = format!("journal segment {segment}: its head is damaged");
            assert!(said.contains(&named), "{segment} {at}: {said}");
            assert_eq!(
                (report.gone, report.contents.len()),
                (None, 0),
                "{segment} {at}"
            );
            check(&options, "a mended head");
        }
    }
}

/// Nothing but its records says what a store of one segment is.
#[test]
fn the_records_of_a_single_segment_say_that_it_is_of_the_first_format() {
    let (_dir, options) = kept(EngineKind::Sled);
    for number in 2..11 {
        fs::remove_file(options.dir.join(format!("journal/{number:010}.log"))).unwrap();
    }
    fs::remove_file(options.dir.join("checkpoint")).unwrap();
    world::closed::change(&options.dir.join("journal/0000000001.log"), |octets| {
        octets[3] ^= 1
    });
    assert!(refused(&options).ends_with(&Cure::First.to_string()));
    let report = Store::repair(&options).unwrap();
    assert_eq!(
        (report.damage.len(), report.gone),
        (1, None),
        "{:?}",
        report.damage
    );
    let store = Store::open(&options).unwrap();
    assert_eq!(store.check().unwrap(), Vec::<String>::new());
    assert!(store.account(AccountId::new(2).unwrap()).modseq().is_ok());
}

/// In the midst of the journal, and a segment that is not there, or is another one.
#[test]
fn damage_to_the_first_format_costs_what_is_damaged_and_is_told() {
    type Harm = fn(&Path);
    let at = |dir: &Path, number: u32| dir.join(format!("journal/{number:010}.log"));
    let harms: [(&str, Harm, &str); 3] = [
        (
            "a flipped bit",
            |dir| world::closed::change(&dir.join("journal/0000000003.log"), |o| o[500] ^= 1),
            "journal segment 3: commits from octet",
        ),
        (
            "a missing segment",
            |dir| fs::remove_file(dir.join("journal/0000000001.log")).unwrap(),
            "journal segment 1 is missing",
        ),
        (
            "another segment",
            |dir| {
                let from = dir.join("journal/0000000002.log");
                let to = dir.join("journal/0000000001.log");
                fs::copy(from, to).map(|_| ()).unwrap();
            },
            "journal segment 1 is missing: its file is that of segment 2",
        ),
    ];
    for (what, harm, said) in harms {
        let (_dir, options) = kept(EngineKind::Sled);
        harm(&options.dir);
        let last = fs::read(at(&options.dir, 10)).unwrap();
        assert!(
            refused(&options).ends_with(&Cure::First.to_string()),
            "{what}"
        );
        let report = Store::repair(&options).unwrap();
        assert!(
            report.damage.iter().any(|d| d.what.contains(said)),
            "{what}: {report:?}"
        );
        assert!(report.gone.is_some(), "{what}");
        assert_eq!(report.remaining, Vec::<String>::new(), "{what}");
        let store = Store::open(&options).unwrap();
        let left = store.account(AccountId::new(2).unwrap()).usage().unwrap();
        assert!(left.1 > 0, "{what}");
        assert!(fs::read(options.dir.join("before-2/journal/0000000010.log")).unwrap() == last);
        drop(store);
        let again = Store::repair(&options).unwrap();
        assert_eq!((again.damage, again.gone), (Vec::new(), None), "{what}");
    }
}

/// Cut off anywhere, the next repair ends it.
#[test]
fn a_repair_of_the_first_format_that_loses_its_power_anywhere_goes_on() {
    let (mut ended, mut steps) = (false, 0);
    while !ended {
        steps += 3;
        assert!(steps < 600, "there are more steps than were tried");
        let (_dir, mut options) = kept(EngineKind::Memory);
        world::closed::change(&options.dir.join("journal/0000000001.log"), |o| o[9] ^= 16);
        options.disk = Disk::forgetful(steps);
        options.disk.fail_after(steps);
        ended = Store::repair(&options).is_ok();
        options.disk.power_cut().unwrap();
        options.disk = Disk::default();
        let report = Store::repair(&options).unwrap();
        assert_eq!(report.gone, None, "cut at step {steps}: {report:?}");
        check(&options, &format!("cut at step {steps}"));
    }
}

#[test]
fn a_repair_does_not_take_the_first_format_for_damage() {
    let (_dir, options) = kept(EngineKind::Sled);
    let report = Store::repair(&options).unwrap();
    assert_eq!((report.damage, report.gone), (Vec::new(), None));
    check(&options, "after a repair");
}

/// The file `format` is lost, and a flipped bit makes the only segment look like one of the first format.
#[test]
fn a_store_of_this_format_is_not_taken_for_one_of_the_first() {
    let (_dir, options) = kept(EngineKind::Sled);
    Store::open(&options).unwrap().close().unwrap();
    let store = Store::open(&options).unwrap();
    let whole = store.fingerprint().unwrap();
    store.close().unwrap();
    drop(store);
    fs::remove_file(options.dir.join("format")).unwrap();
    let segments = world::closed::journal(&options);
    for path in &segments {
        world::closed::change(path, |octets| octets[8] ^= 2);
        assert_eq!(fs::read(path).unwrap()[8], 1);
    }
    let told = refused(&options);
    assert!(told.contains("the file is missing"), "{told}");
    Store::repair(&options).unwrap();
    let store = Store::open(&options).unwrap();
    assert_eq!(store.fingerprint().unwrap(), whole);
}

/// Octet 23464 of this pack is of a letter that waits three times.
#[test]
fn a_letter_of_the_queue_whose_content_is_damaged_is_named() {
    let (_dir, options) = kept(EngineKind::Sled);
    Store::open(&options).unwrap().close().unwrap();
    let pack = options.dir.join("packs/000001.pack");
    world::closed::change(&pack, |octets| octets[23_464] ^= 16);
    let report = Store::repair(&options).unwrap();
    let waiting: Vec<u64> = report.waiting.iter().map(|id| id.raw()).collect();
    assert_eq!((waiting, report.contents.len()), (vec![2, 3, 4], 0));
    let text = fs::read_to_string(report.report.unwrap()).unwrap();
    let lost = "lost: the content of the letter 3 of the queue";
    assert!(text.lines().any(|line| line == lost), "{text}");
}
