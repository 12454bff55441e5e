//! One account changed over IMAP and JMAP at once; then both show what a model says, and what each tells of changes
//! leads from what it showed before to what it shows now.
//!
//! Each side has letters and mailboxes of its own, so that the model knows what became of them, and both have letters in
//! common, which either may mark and move at any time and JMAP may destroy: of those each side knows what it was told.
//! `CONGVU_SEED` and `CONGVU_ROUNDS` say which and how long.

mod by_imap;
mod by_jmap;
mod model;

use by_imap::ByImap;
use by_jmap::ByJmap;
use model::{Dice, Shown, Side};
use std::collections::BTreeMap;
use tests::world::World;

/// Rounds unless told otherwise.
const ROUNDS: u64 = 5;
/// What each side does in a round.
const ACTS: usize = 12;
/// Letters that both sides may change.
const COMMON: usize = 6;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// Holds what is shown against what each side did and was told.
fn judge(what: &str, shown: &Shown, imap: &Side, jmap: &Side) {
    let mut left = shown.clone();
    for side in [imap, jmap] {
        for (id, expected) in &side.own {
            assert_eq!(left.remove(id).as_ref(), Some(expected), "{what}: {id}");
        }
    }
    for id in &imap.common {
        if jmap.destroyed.contains(id) {
            assert!(!left.contains_key(id), "{what}: {id} was destroyed");
            continue;
        }
        let found = left
            .remove(id)
            .unwrap_or_else(|| panic!("{what}: {id} is lost"));
        for side in [imap, jmap] {
            let theirs = found.keywords.iter().filter(|k| k.starts_with(side.letter));
            let theirs: Vec<&String> = theirs.collect();
            let expected: Vec<&String> = side.marks.get(id).into_iter().flatten().collect();
            assert_eq!(theirs, expected, "{what}: {id}");
        }
        let mut places = [imap, jmap].into_iter().flat_map(|side| side.moves.get(id));
        let at = found.mailboxes.first().expect("it is somewhere");
        assert_eq!(found.mailboxes.len(), 1, "{what}: {id}");
        assert!(places.any(|to| to.contains(at)), "{what}: {id} is in {at}");
    }
    assert!(left.is_empty(), "{what}: nobody made these: {left:?}");
}

#[test]
fn both_doors_show_the_same_and_what_the_model_says() {
    let seed = number("CONGVU_SEED", 20_261_123);
    let world = World::new();
    let mut dice = Dice(seed);
    let mut imap = ByImap::new(&world, dice.fork());
    let mut jmap = ByJmap::new(&world, dice.fork());
    for at in 0..COMMON {
        let id = imap.common_letter(at);
        for side in [&mut imap.side, &mut jmap.side] {
            side.common.push(id.clone());
            side.moves.insert(id.clone(), ["A".to_owned()].into());
        }
    }
    let mut known_imap = BTreeMap::new();
    for round in 0..number("CONGVU_ROUNDS", ROUNDS) {
        let what = format!("seed {seed}, round {round}");
        std::thread::scope(|scope| {
            let one = scope.spawn(|| (0..ACTS).for_each(|_| imap.act()));
            let other = scope.spawn(|| (0..ACTS).for_each(|_| jmap.act()));
            let ended = [one.join(), other.join()];
            assert!(ended.iter().all(Result::is_ok), "{what}");
        });
        let by_jmap = jmap.view();
        judge(&format!("{what}, JMAP"), &by_jmap, &imap.side, &jmap.side);
        let by_imap = imap.view();
        assert_eq!(by_imap, by_jmap, "{what}: IMAP and JMAP differ");
        assert_eq!(jmap.follow(), by_jmap, "{what}: Email/changes");
        imap.follow(&mut known_imap);
        assert_eq!(
            imap.flat(&known_imap),
            by_imap,
            "{what}: CHANGEDSINCE and VANISHED"
        );
        assert_eq!(imap.counts(), jmap.counts(), "{what}: counts");
        // From here on they are where they are.
        for side in [&mut imap.side, &mut jmap.side] {
            side.settle(&by_jmap);
        }
    }
    world.finish();
}
