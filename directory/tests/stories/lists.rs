//! Lists are expanded once, whatever they name.

use crate::world::{World, address, agency};
use directory::{
    Access, Account, AccountKind, Error, ListRules, Passing, Poster, Posting, Resolution, Role,
};

/// What an address leads to, as text: local parts here, then `>` addresses elsewhere, then `!` lists left out.
fn check(world: &World, to: &str, expected: &str) {
    check_for(world, &Poster::System, to, expected);
}

fn check_for(world: &World, poster: &Poster, to: &str, expected: &str) {
    let d = &world.directory;
    let got = match d
        .resolve(&address(to), Passing { poster, met: &[] })
        .unwrap()
    {
        Resolution::Local {
            accounts,
            remote,
            closed_lists,
            gone,
            ..
        } => {
            let here = accounts
                .iter()
                .map(|id| d.account(*id).unwrap().address.local.to_string());
            here.chain(remote.iter().map(|r| format!(">{r}")))
                .chain(closed_lists.iter().map(|l| format!("!{}", l.local)))
                .chain(gone.iter().map(|g| format!("?{}", g.local)))
                .collect::<Vec<_>>()
                .join(" ")
        }
        other => format!("{other:?}"),
    };
    assert_eq!(got, expected, "{to} {poster:?}");
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
    // RFC 5233 §1: a detail belongs to the mailbox, unless the whole is an address of its own.
    check(&world, "An+hop@tinh.gov.vn", "an");
    check(&world, "an+a+b@tinh.gov.vn", "an");
    check(&world, "+an@tinh.gov.vn", "Unknown");
    check(&world, "khong+an@tinh.gov.vn", "Unknown");
    check(&world, "phong+x@tinh.gov.vn", "an binh >xa@noi.vn");
    world.person("binh+rieng@tinh.gov.vn", "H99.1");
    check(&world, "binh+rieng@tinh.gov.vn", "binh+rieng");
    check(&world, "binh+khac@tinh.gov.vn", "binh");
    check(&world, "an@x.tinh.gov.vn", "Elsewhere");
    check(&world, "an@[127.0.0.1]", "Elsewhere");
    check(&world, "phong@tinh.gov.vn", "an binh >xa@noi.vn");
    check(&world, "so@tinh.gov.vn", "an binh >xa@noi.vn");
    check(&world, "vong@tinh.gov.vn", "an");
    check(&world, "vong2@tinh.gov.vn", "an");
    check(&world, "rong@tinh.gov.vn", "Closed");
    // Who should be there and is not is not passed over in silence.
    world.list(
        "thieu@tinh.gov.vn",
        &["nobody@tinh.gov.vn", "an@tinh.gov.vn", "AN@tinh.gov.vn"],
    );
    check(&world, "thieu@tinh.gov.vn", "an ?nobody");
}

/// RFC 5321 §4.5.1: each domain has a postmaster.
#[test]
fn mail_for_the_postmaster_comes_to_the_administrators() {
    let world = World::new();
    check(&world, "postmaster@tinh.gov.vn", "Unknown");
    let administrator = world.officer("qt@tinh.gov.vn", Role::Administrator, "H99");
    world.officer("xem@tinh.gov.vn", Role::Auditor, "H99");
    check(&world, "Postmaster@tinh.gov.vn", "qt");
    check(&world, "abuse@tinh.gov.vn", "qt");
    check(&world, "postmaster@noi.vn", "Elsewhere");
    check(&world, "webmaster@tinh.gov.vn", "Unknown");
    // To the server itself, by its own name.
    let of = |text: &str| {
        let found = world.directory.postmaster_of_host(&address(text));
        found.map(|to| to.to_string())
    };
    for to in [
        "postmaster@mail.tinh.gov.vn",
        "Mailer-Daemon@a.b.tinh.gov.vn",
    ] {
        assert_eq!(of(to).as_deref(), Some("postmaster@tinh.gov.vn"), "{to}");
    }
    for to in ["an@mail.tinh.gov.vn", "postmaster@mail.noi.vn"] {
        assert_eq!(of(to), None, "{to}");
    }
    // An address of that name goes before.
    let an = world.person("an@tinh.gov.vn", "H99.1");
    let directory = &world.directory;
    directory
        .create_alias(None, address("postmaster@tinh.gov.vn"), an.id)
        .unwrap();
    check(&world, "postmaster@tinh.gov.vn", "an");
    assert_eq!(
        administrator.account(),
        world
            .directory
            .account_at(&address("qt@tinh.gov.vn"))
            .unwrap()
            .id
    );
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
    let Resolution::Local { remote, .. } = world
        .directory
        .resolve(&all.address, crate::world::PLAIN)
        .unwrap()
    else {
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
    let error = world
        .directory
        .resolve(&all.address, crate::world::PLAIN)
        .unwrap_err();
    assert!(
        matches!(error, Error::Storage(storage::Error::TooLarge(_))),
        "{error}"
    );
}

fn say(world: &World, list: &str, posting: Posting, posters: &[&str], owner: Option<&str>) {
    let rules = ListRules {
        account: world.id(list),
        posting,
        posters: posters.iter().map(|p| address(p)).collect(),
        owner: owner.map(address),
        fields: true,
        rule: None,
        version: 0,
    };
    world.directory.set_list_rules(None, rules, None).unwrap();
}

#[test]
fn lists_say_who_may_post() {
    let world = World::new();
    for name in ["an", "binh", "chi"] {
        world.person(&format!("{name}@tinh.gov.vn"), "H99.1");
    }
    world.list("to@tinh.gov.vn", &["binh@tinh.gov.vn", "xa@noi.vn"]);
    world.list("phong@tinh.gov.vn", &["an@tinh.gov.vn", "to@tinh.gov.vn"]);
    let account = |name: &str| Poster::Account(world.id(&format!("{name}@tinh.gov.vn")));
    let from = |text: &str| Poster::Elsewhere(Some(address(text)));
    let null = Poster::Elsewhere(None);
    let (all, no) = ("an binh >xa@noi.vn", "MayNotPost");
    let check =
        |poster: &Poster, expected| check_for(&world, poster, "phong@tinh.gov.vn", expected);
    // As a new list: from inside.
    check(&account("chi"), all);
    check(&from("chi@tinh.gov.vn"), no);
    check(&null, no);
    check(&Poster::System, all);
    say(
        &world,
        "phong@tinh.gov.vn",
        Posting::Members,
        &[],
        Some("chi@tinh.gov.vn"),
    );
    check(&account("binh"), all);
    check(&account("chi"), all);
    check(&from("XA@noi.vn"), all);
    check(&from("la@noi.vn"), no);
    // Nobody is a member because another server says so.
    check(&from("binh@tinh.gov.vn"), no);
    say(
        &world,
        "phong@tinh.gov.vn",
        Posting::Named,
        &["TO@tinh.gov.vn", "la@noi.vn"],
        None,
    );
    check(&account("binh"), all);
    check(&account("an"), no);
    check(&from("la@noi.vn"), all);
    check(&from("xa@noi.vn"), no);
    say(&world, "phong@tinh.gov.vn", Posting::Anyone, &[], None);
    check(&null, all);
    let world = world.restart();
    check_for(&world, &null, "phong@tinh.gov.vn", all);
    let id = world.id("phong@tinh.gov.vn");
    world.directory.delete_account(None, id, None).unwrap();
    world.list("phong@tinh.gov.vn", &["an@tinh.gov.vn"]);
    check_for(&world, &null, "phong@tinh.gov.vn", no);
}

/// What a list says holds below its agency, not beside it: else whoever may make a list could reach all.
#[test]
fn a_list_within_a_list_asks_again_where_nobody_above_has_answered() {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99.1");
    world.person("binh@tinh.gov.vn", "H99.2");
    let made = |name: &str, at: &str, members: &[&str]| {
        let new = directory::NewAccount {
            kind: AccountKind::List {
                members: members.iter().map(|m| address(m)).collect(),
            },
            ..crate::world::new(name, at)
        };
        world.directory.create_account(None, new).unwrap();
    };
    made("hai@tinh.gov.vn", "H99.2", &["binh@tinh.gov.vn"]);
    made(
        "tinh@tinh.gov.vn",
        "H99",
        &["hai@tinh.gov.vn", "an@tinh.gov.vn"],
    );
    made(
        "mot@tinh.gov.vn",
        "H99.1",
        &["hai@tinh.gov.vn", "an@tinh.gov.vn"],
    );
    made("vo@tinh.gov.vn", "H99.1", &["hai@tinh.gov.vn"]);
    say(&world, "hai@tinh.gov.vn", Posting::Named, &[], None);
    let an = Poster::Account(world.id("an@tinh.gov.vn"));
    check_for(&world, &an, "hai@tinh.gov.vn", "MayNotPost");
    check_for(&world, &an, "tinh@tinh.gov.vn", "an binh");
    check_for(&world, &an, "mot@tinh.gov.vn", "an !hai");
    check_for(&world, &an, "vo@tinh.gov.vn", "MayNotPost");
    // Unless that list is named.
    say(
        &world,
        "hai@tinh.gov.vn",
        Posting::Named,
        &["mot@tinh.gov.vn"],
        None,
    );
    check_for(&world, &an, "mot@tinh.gov.vn", "an binh");
}

#[test]
fn i20_what_is_said_of_lists_is_checked_and_logged() {
    let world = World::new();
    world.person("an@tinh.gov.vn", "H99.1");
    world.list("phong@tinh.gov.vn", &["an@tinh.gov.vn"]);
    let id = world.id("phong@tinh.gov.vn");
    let d = &world.directory;
    let rules = d.list_rules(None, id).unwrap();
    assert_eq!(
        (rules.posting, rules.fields, rules.version),
        (Posting::Inside, true, 0)
    );
    let officer = world.officer("cb@tinh.gov.vn", Role::AccountOfficer, "H99");
    let other = world.officer("khac@tinh.gov.vn", Role::AccountOfficer, "H99.1");
    let set = |by: &Access, change: &dyn Fn(&mut ListRules), version| {
        let mut rules = rules.clone();
        change(&mut rules);
        d.set_list_rules(Some(by), rules, version)
    };
    let set_rules = set(
        &officer,
        &|r| r.posters = vec![address("b@x.vn"), address("a@x.vn"), address("A@x.vn")],
        Some(0),
    )
    .unwrap();
    let posters: Vec<String> = set_rules.posters.iter().map(ToString::to_string).collect();
    assert_eq!(posters, ["a@x.vn", "b@x.vn"]);
    assert!(matches!(
        set(&officer, &|_| {}, Some(0)),
        Err(Error::Conflict)
    ));
    assert!(matches!(
        set(&other, &|_| {}, None),
        Err(Error::NotFound("account"))
    ));
    let own = |r: &mut ListRules| r.owner = Some(address("phong@tinh.gov.vn"));
    assert!(matches!(
        set(&officer, &own, None),
        Err(Error::Invalid { field: "owner", .. })
    ));
    let many = |r: &mut ListRules| {
        r.posters = (0..=directory::list::POSTERS_MAX)
            .map(|n| address(&format!("p{n}@x.vn")))
            .collect();
    };
    assert!(matches!(
        set(&officer, &many, None),
        Err(Error::Invalid {
            field: "posters",
            ..
        })
    ));
    let person = |r: &mut ListRules| r.account = world.id("an@tinh.gov.vn");
    assert!(matches!(
        set(&officer, &person, None),
        Err(Error::NotFound("list"))
    ));
    let entry = &d.audit(None, 1).unwrap()[0];
    assert_eq!(
        (entry.act.as_str(), entry.object.as_str()),
        ("account.list", "phong@tinh.gov.vn")
    );
    assert_eq!(entry.actor, "cb@tinh.gov.vn");
}
