//! Where mail goes on to: once to each, back to nobody, elsewhere only where an agency lets it.

use crate::world::{PLAIN, World, address, agency};
use directory::{
    AccountState, AgencyForwarding, Denied, Error, Forwarding, Passing, Poster, Resolution, Role,
};

fn go_on(world: &World, from: &str, to: &[&str], keep: bool) -> Result<Forwarding, Error> {
    let new = Forwarding {
        account: world.id(from),
        to: to.iter().map(|to| address(to)).collect(),
        keep,
        version: 0,
    };
    world.directory.set_forwarding(None, new, None)
}

fn let_out(world: &World, at: &str, outside: Option<bool>) {
    let said = AgencyForwarding {
        agency: agency(at),
        outside,
        version: 0,
    };
    world
        .directory
        .set_agency_forwarding(None, said, None)
        .unwrap();
}

/// What an address leads to: local parts here, then `>` addresses elsewhere.
fn check_met(world: &World, met: &[&str], to: &str, expected: &str) {
    let d = &world.directory;
    let met: Vec<_> = met.iter().map(|met| address(met)).collect();
    let passing = Passing {
        poster: &Poster::System,
        met: &met,
    };
    let Resolution::Local {
        accounts, remote, ..
    } = d.resolve(&address(to), passing).unwrap()
    else {
        panic!("{to} leads nowhere");
    };
    let here = accounts
        .iter()
        .map(|id| d.account(*id).unwrap().address.local.to_string());
    let all: Vec<String> = here.chain(remote.iter().map(|r| format!(">{r}"))).collect();
    assert_eq!(all.join(" "), expected, "{to}");
}

fn check(world: &World, to: &str, expected: &str) {
    check_met(world, &[], to, expected);
}

fn world() -> World {
    let world = World::new();
    for name in ["an", "binh", "chi", "dung"] {
        world.person(&format!("{name}@tinh.gov.vn"), "H99.1");
    }
    world
}

#[test]
fn mail_goes_on_once_and_ends() {
    let world = world();
    let (an, binh, chi, dung) = (
        "an@tinh.gov.vn",
        "binh@tinh.gov.vn",
        "chi@tinh.gov.vn",
        "dung@tinh.gov.vn",
    );
    go_on(&world, an, &[binh], true).unwrap();
    check(&world, an, "an binh");
    go_on(&world, an, &[binh], false).unwrap();
    check(&world, an, "binh");
    // Two that lead to each other: the letter lies where it came first.
    go_on(&world, binh, &[an], false).unwrap();
    check(&world, an, "an");
    check(&world, binh, "binh");
    world.list("phong@tinh.gov.vn", &[an, binh, chi]);
    check(&world, "phong@tinh.gov.vn", "an chi");
    // Who leads into the circle has nothing to keep: it lies where it came into it.
    go_on(&world, dung, &[binh], false).unwrap();
    check(&world, dung, "binh");
    go_on(&world, dung, &[], true).unwrap();
    // Three in a circle, and one of them keeps a copy.
    go_on(&world, binh, &[chi], false).unwrap();
    go_on(&world, chi, &[an], false).unwrap();
    for first in [an, binh, chi] {
        check(&world, first, first.split('@').next().unwrap());
    }
    check(&world, "phong@tinh.gov.vn", "an");
    go_on(&world, chi, &[an], true).unwrap();
    for first in [an, binh, chi] {
        check(&world, first, "chi");
    }
    // One way out.
    go_on(&world, chi, &[an, dung], false).unwrap();
    check(&world, an, "dung");
    check(&world, "phong@tinh.gov.vn", "dung");
    // Who has gone takes nothing: what would go there stays, here in the circle.
    let mut gone = world.directory.account_at(&address(dung)).unwrap();
    gone.state = AccountState::Retired;
    world.directory.change_account(None, gone, None).unwrap();
    check(&world, an, "an");
    check(&world, chi, "chi");
    let world = world.restart();
    check(&world, an, "an");
    let id = world.id(an);
    world.directory.delete_account(None, id, None).unwrap();
    world.person(an, "H99.1");
    check(&world, an, "an");
}

#[test]
fn i13_a_long_way_has_an_end() {
    let world = World::new();
    let name = |n: usize| format!("p{n}@tinh.gov.vn");
    for n in 0..20 {
        world.person(&name(n), "H99.1");
    }
    for n in 0..19 {
        go_on(&world, &name(n), &[&name(n + 1)], false).unwrap();
    }
    check(&world, "p0@tinh.gov.vn", "p10");
    let many: Vec<String> = (0..=directory::forward::TO_MAX)
        .map(|n| name(n + 1))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let refused = go_on(&world, "p0@tinh.gov.vn", &many, true);
    assert!(matches!(refused, Err(Error::Invalid { field: "to", .. })));
}

#[test]
fn it_leaves_only_where_an_agency_lets_it() {
    let world = world();
    let an = "an@tinh.gov.vn";
    let refused = |to: &str| {
        let done = go_on(&world, an, &[to], true);
        assert!(
            matches!(done, Err(Error::Invalid { field: "to", .. })),
            "{to}: {done:?}"
        );
    };
    refused("x@noi.vn");
    refused("khong@tinh.gov.vn");
    refused(an);
    refused("AN+x@tinh.gov.vn");
    world.list("phong@tinh.gov.vn", &["binh@tinh.gov.vn"]);
    refused("phong@tinh.gov.vn");
    let_out(&world, "H99", Some(true));
    go_on(&world, an, &["x@noi.vn", "X@noi.vn"], false).unwrap();
    check(&world, an, ">x@noi.vn");
    // It came back: it stays.
    check_met(&world, &["an@tinh.gov.vn"], an, "an");
    check_met(&world, &["khac@noi.vn"], an, ">x@noi.vn");
    // What may leave no more stays, until somebody lets it again.
    let_out(&world, "H99.1", Some(false));
    check(&world, an, "an");
    let_out(&world, "H99.1", None);
    check(&world, an, ">x@noi.vn");
    let_out(&world, "H99", None);
    check(&world, an, "an");
    // Letting it out is for who stands above.
    let officer = world.officer("cb@tinh.gov.vn", Role::Administrator, "H99.1");
    let say = |outside| {
        let said = AgencyForwarding {
            agency: agency("H99.1"),
            outside,
            version: 0,
        };
        world
            .directory
            .set_agency_forwarding(Some(&officer), said, None)
    };
    assert!(matches!(say(Some(true)), Err(Error::Denied(Denied))));
    assert!(matches!(say(None), Err(Error::Denied(Denied))));
    say(Some(false)).unwrap();
}

#[test]
fn one_lets_ones_own_mail_go_on_but_not_with_a_programs_password() {
    let world = world();
    let id = world.id("an@tinh.gov.vn");
    let d = &world.directory;
    let new = || Forwarding {
        account: id,
        to: vec![address("binh@tinh.gov.vn")],
        keep: true,
        version: 0,
    };
    let an = world.enter("an@tinh.gov.vn");
    assert_eq!(
        d.set_forwarding(Some(&an), new(), Some(0)).unwrap().version,
        1
    );
    assert!(matches!(
        d.set_forwarding(Some(&an), new(), Some(0)),
        Err(Error::Conflict)
    ));
    let kind = directory::CredentialKind::AppPassword;
    let (_, secret) = d
        .create_credential(Some(&an), id, kind, "máy", None)
        .unwrap();
    let program = world.try_enter("an@tinh.gov.vn", secret.expose()).unwrap();
    assert!(matches!(
        d.set_forwarding(Some(&program), new(), None),
        Err(Error::Denied(Denied))
    ));
    let other = world.enter("binh@tinh.gov.vn");
    assert!(matches!(
        d.set_forwarding(Some(&other), new(), None),
        Err(Error::NotFound("account"))
    ));
    assert!(matches!(
        d.forwarding(Some(&other), id),
        Err(Error::NotFound("account"))
    ));
    assert_eq!(
        d.audit(None, 9)
            .unwrap()
            .iter()
            .filter(|e| e.act == "account.forwarding")
            .count(),
        1
    );
}

/// A stranger's reverse-path goes out as ours and comes back as his; a forged one is no address.
#[test]
fn reverse_paths_go_out_and_come_back() {
    let world = world();
    let d = &world.directory;
    let ours = address("x@tinh.gov.vn").domain;
    let back = |text: &str| match d.resolve(&address(text), PLAIN).unwrap() {
        Resolution::SentBack(sender) => sender.to_string(),
        other => format!("{other:?}"),
    };
    for from in ["x@noi.vn", "X.y+z=1@a.noi.vn", "ạn@noi.vn", "SRS=a@b.vn"] {
        let out = d.sent_on(&address(from), &ours).unwrap().to_string();
        assert!(
            out.starts_with("SRS0=") && out.ends_with("@tinh.gov.vn"),
            "{out}"
        );
        assert_eq!(back(&out), from);
        // A server that changes the case of it changes that of the sender, and no more.
        assert_eq!(
            back(&out.to_uppercase()).to_lowercase(),
            from.to_lowercase()
        );
        for forged in [
            out.replacen("noi", "mgi", 1),
            out.replacen("SRS0=", "SRS0=b", 1),
            out.replacen("b.vn", "c.vn", 1),
        ] {
            if forged != out {
                assert_eq!(back(&forged), "Unknown", "{forged}");
            }
        }
    }
    // Sent on by others before: the first of them takes it back.
    let first = "SRS0=abcd=ef=noi.vn=x@mx.khac.vn";
    let out = d.sent_on(&address(first), &ours).unwrap().to_string();
    assert!(out.starts_with("SRS1="), "{out}");
    assert_eq!(back(&out), first);
    let again = format!("{}@xa.vn", out.split('@').next().unwrap());
    let again = d.sent_on(&address(&again), &ours).unwrap().to_string();
    assert_eq!(back(&again), first);
    assert_eq!(
        d.sent_on(&address(&format!("{}@noi.vn", "x".repeat(60))), &ours),
        None
    );
    for none in [
        "SRS0@",
        "SRS0=@",
        "SRS0=a=b@",
        "SRS1=a@",
        "SRS0=a=b=c=d@",
        "SRSx=a@",
        "SRS0=aaaaaaaa=aa=noi.vn=x@",
    ] {
        assert_eq!(back(&format!("{none}tinh.gov.vn")), "Unknown", "{none}");
    }
    let out = d.sent_on(&address("x@noi.vn"), &ours).unwrap().to_string();
    world.pass(20 * 24 * 3600);
    assert_eq!(back(&out), "x@noi.vn");
    world.pass(2 * 24 * 3600);
    assert_eq!(back(&out), "Unknown");
}
