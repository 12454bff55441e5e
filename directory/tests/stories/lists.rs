//! Lists are expanded once, whatever they name.

use crate::world::{World, address, agency};
use directory::{Account, AccountKind, Resolution};

/// What an address leads to, as text: local parts here, then `>` addresses elsewhere.
fn check(world: &World, to: &str, expected: &str) {
    let d = &world.directory;
    let got = match d.resolve(&address(to)).unwrap() {
        Resolution::Local { accounts, remote } => {
            let here = accounts
                .iter()
                .map(|id| d.account(*id).unwrap().address.local.to_string());
            here.chain(remote.iter().map(|r| format!(">{r}")))
                .collect::<Vec<_>>()
                .join(" ")
        }
        other => format!("{other:?}"),
    };
    assert_eq!(got, expected, "{to}");
}

#[test]
fn addresses_lead_where_they_should() {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99.1");
    world.person("binh@tinh.gov.vn", "H99.1");
    world.list(
        "phong@tinh.gov.vn",
        &["binh@tinh.gov.vn", "an@tinh.gov.vn", "xa@noi.vn"],
    );
    world.list(
        "so@tinh.gov.vn",
        &[
            "phong@tinh.gov.vn",
            "AN@tinh.gov.vn",
            "XA@noi.vn",
            "so@tinh.gov.vn",
        ],
    );
    world.list("vong@tinh.gov.vn", &["vong2@tinh.gov.vn"]);
    world.list("vong2@tinh.gov.vn", &["vong@tinh.gov.vn", "an@tinh.gov.vn"]);
    world.list(
        "rong@tinh.gov.vn",
        &["nobody@tinh.gov.vn", "rong@tinh.gov.vn"],
    );
    check(&world, "an@tinh.gov.vn", "an");
    check(&world, "AN@Tinh.Gov.VN", "an");
    check(&world, "nobody@tinh.gov.vn", "Unknown");
    check(&world, "an@noi.vn", "Elsewhere");
    check(&world, "an@x.tinh.gov.vn", "Elsewhere");
    check(&world, "an@[127.0.0.1]", "Elsewhere");
    check(&world, "phong@tinh.gov.vn", "an binh >xa@noi.vn");
    check(&world, "so@tinh.gov.vn", "an binh >xa@noi.vn");
    check(&world, "vong@tinh.gov.vn", "an");
    check(&world, "vong2@tinh.gov.vn", "an");
    check(&world, "rong@tinh.gov.vn", "Closed");
}

#[test]
fn i13_lists_have_limits() {
    let world = World::new();
    let members = |from: usize, count: usize| -> Vec<Account> {
        let members = (from..from + count)
            .map(|n| address(&format!("p{n}@noi.vn")))
            .collect();
        let new = directory::NewAccount {
            kind: AccountKind::List { members },
            ..crate::world::new(&format!("l{from}@tinh.gov.vn"), "H99")
        };
        world
            .directory
            .create_account(None, new)
            .into_iter()
            .collect()
    };
    assert_eq!(members(0, 10_001), [], "too many members");
    let mut names = Vec::new();
    for from in (0..60_000).step_by(10_000) {
        names.extend(
            members(from, 10_000)
                .into_iter()
                .map(|list| list.address.to_string()),
        );
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut all = world.list("all@tinh.gov.vn", &names[..4]);
    let Resolution::Local { remote, .. } = world.directory.resolve(&all.address).unwrap() else {
        panic!("a list");
    };
    assert_eq!(remote.len(), 40_000);
    let members = names.iter().map(|n| address(n)).collect();
    all = Account {
        kind: AccountKind::List { members },
        agency: agency("H99"),
        ..all
    };
    world
        .directory
        .change_account(None, all.clone(), None)
        .unwrap();
    let error = world.directory.resolve(&all.address).unwrap_err();
    assert!(
        matches!(
            error,
            directory::Error::Storage(storage::Error::TooLarge(_))
        ),
        "{error}"
    );
}
