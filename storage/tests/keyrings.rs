//! Two keyrings that are both whole and not alike: the right one is taken, and a refusal costs neither.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must say so")]

mod world;

use std::fs;
use storage::*;
use world::World;
use world::closed::SIZES;

const NAMES: [&str; 2] = ["keyring", "keyring.copy"];

fn closed() -> World {
    let mut world = World::sized(EngineKind::Sled, SIZES);
    world.options.keys = KeySource::Master(MasterKey::new([7; 32]));
    world.close();
    fs::remove_dir_all(&world.options.dir).unwrap();
    world.reopen();
    world.letters(2, 0..5, "trước");
    world.close();
    world
}

/// Draws new data keys and writes under them.
fn rotated(options: &Options, letters: u64) {
    let store = Store::open(options).unwrap();
    store.rotate_keys(None).unwrap();
    let account = store.account(AccountId::new(2).unwrap());
    let inbox = account.by_role(Role::Inbox).unwrap().unwrap().id;
    for number in 0..letters {
        let text = world::letter(900 + number, "sau", &[]);
        world::deliver(&store, 2, inbox, &text, None).unwrap();
    }
    store.close().unwrap();
}

fn keyrings(options: &Options) -> [Vec<u8>; 2] {
    NAMES.map(|name| fs::read(options.dir.join(name)).unwrap())
}

fn write(options: &Options, two: [&[u8]; 2]) {
    for (name, octets) in NAMES.iter().zip(two) {
        fs::write(options.dir.join(name), octets).unwrap();
    }
}

/// Opens a copy of the store with these two files: all mail is there, and then both files are the right one.
fn opens(world: &World, two: [&[u8]; 2], right: &[u8], what: &str) {
    for repaired in [false, true] {
        let (_dir, options) = world.copied();
        write(&options, two);
        if repaired {
            let report = Store::repair(&options).unwrap();
            assert_eq!((report.damage.len(), report.gone), (0, None), "{what}");
        }
        let store = Store::open(&options).expect(what);
        assert_eq!(store.check_deep().unwrap(), Vec::<String>::new(), "{what}");
        store.close().unwrap();
        assert!(keyrings(&options).iter().all(|own| own == right), "{what}");
    }
}

/// Whatever is tried with these two files is refused, says so in both languages, and changes neither.
fn is_refused(options: &Options, two: [&[u8]; 2], says: [&str; 2]) {
    write(options, two);
    let tried = [
        Store::open(options).map(drop),
        Store::repair(options).map(drop),
        Store::open(options).map(drop),
    ];
    for refused in tried {
        let refused = refused.unwrap_err();
        assert!(refused.to_string().contains(says[0]), "{refused}");
        let told = refused.in_tongue(Tongue::Vietnamese);
        assert!(told.contains(says[1]), "{told}");
        assert_eq!(keyrings(options), two, "{refused}");
    }
}

#[test]
fn i01_of_two_whole_keyrings_the_one_that_opens_the_store_is_taken() {
    let world = closed();
    let (_dir, twin) = world.copied();
    let [older, _] = keyrings(&world.options);
    rotated(&world.options, 5);
    rotated(&twin, 5);
    let ([own, _], [others, _]) = (keyrings(&world.options), keyrings(&twin));
    opens(
        &world,
        [&older, &own],
        &own,
        "an older one beside the newer copy",
    );
    opens(&world, [&own, &older], &own, "an older copy");
    opens(
        &world,
        [&others, &own],
        &own,
        "a copy's beside the right copy",
    );
    opens(&world, [&own, &others], &own, "a copy's as the copy");
}

#[test]
fn i01_a_wrong_keyring_costs_the_right_one_nothing() {
    let world = closed();
    let (_dir, twin) = world.copied();
    let [older, _] = keyrings(&world.options);
    // Nothing is sealed under the newest key of either: nothing tells which is the right one.
    rotated(&world.options, 0);
    rotated(&twin, 0);
    let ([own, _], [others, _]) = (keyrings(&world.options), keyrings(&twin));
    is_refused(
        &twin,
        [&own, &others],
        ["both whole and hold different keys", "chứa khoá khác nhau"],
    );
    write(&twin, [&others, &others]);
    let store = Store::open(&twin).unwrap();
    store.rotate_master(&MasterKey::new([9; 32])).unwrap();
    store.close().unwrap();
    let [strange, _] = keyrings(&twin);
    is_refused(
        &world.options,
        [&strange, &own],
        [
            "opens the file `keyring.copy`",
            "mở được tệp `keyring.copy`",
        ],
    );
    // The only ones that there are, and too old: as they were when a newer one comes back.
    write(&world.options, [&own, &own]);
    rotated(&world.options, 5);
    let [newest, _] = keyrings(&world.options);
    is_refused(
        &world.options,
        [&older, &older],
        ["older than the store", "cũ hơn kho thư"],
    );
    write(&world.options, [&older, &newest]);
    drop(Store::open(&world.options).unwrap());
    assert!(keyrings(&world.options).iter().all(|own| *own == newest));
}
