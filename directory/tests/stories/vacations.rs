//! What an account answers by itself: who may say it, what may be said, and when it ends.

use crate::world::World;
use directory::vacation::{HTML_OCTETS_MAX, SUBJECT_OCTETS_MAX, TEXT_OCTETS_MAX};
use directory::{Error, NewAccount, Rights, Sending, Span, Vacation};

fn away(account: directory::AccountId) -> Vacation {
    Vacation {
        span: Span {
            enabled: true,
            from: None,
            to: Some(2_000_000_000),
        },
        text: Some("Tôi nghỉ.".into()),
        ..Vacation::none(account)
    }
}

/// It is not there for whoever asked (I-17).
fn hidden<T: std::fmt::Debug>(result: Result<T, Error>) {
    assert!(
        matches!(result, Err(Error::NotFound("account"))),
        "{result:?}"
    );
}

#[test]
fn one_says_it_of_oneself_and_of_whom_one_sends_as() {
    let world = World::new();
    for name in ["an", "binh"] {
        world.person(&format!("{name}@tinh.gov.vn"), "H99.1");
    }
    let d = &world.directory;
    let seat = NewAccount {
        kind: directory::AccountKind::Shared,
        ..crate::world::new("vanthu@tinh.gov.vn", "H99.1")
    };
    let seat = d.create_account(None, seat).unwrap().id;
    let (an, binh) = (world.enter("an"), world.enter("binh"));
    let id = an.account();
    assert_eq!(d.vacation(Some(&an), id).unwrap(), Vacation::none(id));
    d.set_vacation(Some(&an), away(id)).unwrap();
    assert_eq!(d.vacation(Some(&an), id).unwrap(), away(id));
    for (who, of) in [
        (&binh, id),
        (&an, seat),
        (&an, directory::AccountId::SYSTEM),
    ] {
        hidden(d.vacation(Some(who), of));
        hidden(d.set_vacation(Some(who), away(of)));
    }
    let holder = directory::sender::HOLDER;
    d.set_member(None, seat, id, holder, None).unwrap();
    d.set_vacation(Some(&an), away(seat)).unwrap();
    d.set_member(
        None,
        seat,
        binh.account(),
        Rights::parse("lrs").unwrap(),
        None,
    )
    .unwrap();
    d.set_sender(None, seat, binh.account(), Some(Sending::OnBehalf), None)
        .unwrap();
    hidden(d.vacation(Some(&binh), seat));
    // The log says that, not what.
    let all = format!("{:?}", d.audit(None, 99).unwrap());
    assert!(
        all.contains("account.vacation") && !all.contains("Tôi nghỉ"),
        "{all}"
    );
}

#[test]
fn it_holds_over_a_restart_and_goes_with_its_account() {
    let world = World::new();
    let an = world.person("an@tinh.gov.vn", "H99.1");
    let binh = world.person("binh@tinh.gov.vn", "H99.1");
    for id in [an.id, binh.id] {
        world.directory.set_vacation(None, away(id)).unwrap();
    }
    let world = world.restart();
    let d = &world.directory;
    assert!(d.is_away(an.id, 0) && !d.is_away(an.id, 2_000_000_000));
    let answers = d.answers(an.id, 0).unwrap().unwrap();
    assert_eq!(
        (answers.name, answers.vacation),
        (an.name.clone(), away(an.id))
    );
    d.set_vacation(None, Vacation::none(an.id)).unwrap();
    d.delete_account(None, binh.id, None).unwrap();
    let rows = world
        .store
        .table("directory.vacation")
        .rows(&[], None, 9)
        .unwrap();
    assert_eq!(rows, []);
    assert!(!d.is_away(an.id, 0) && !d.is_away(binh.id, 0));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let world = World::new();
    let an = world.person("an@tinh.gov.vn", "H99.1").id;
    let check = |field: &str, change: &dyn Fn(&mut Vacation), fits: bool| {
        let mut said = away(an);
        change(&mut said);
        match world.directory.set_vacation(None, said) {
            Ok(_) => assert!(fits, "{field}"),
            Err(Error::Invalid { field: named, .. }) => {
                assert_eq!((named, fits), (field, false));
            }
            Err(other) => panic!("{other}"),
        }
    };
    let long = |octets: usize| Some("a".repeat(octets));
    check("subject", &|v| v.subject = long(SUBJECT_OCTETS_MAX), true);
    check(
        "subject",
        &|v| v.subject = long(SUBJECT_OCTETS_MAX + 1),
        false,
    );
    check(
        "subject",
        &|v| v.subject = Some("a\r\nBcc: b@x.vn".into()),
        false,
    );
    check("text", &|v| v.text = long(TEXT_OCTETS_MAX), true);
    check("text", &|v| v.text = long(TEXT_OCTETS_MAX + 1), false);
    check("text", &|v| v.text = Some("a\0".into()), false);
    check("html", &|v| v.html = long(HTML_OCTETS_MAX), true);
    check("html", &|v| v.html = long(HTML_OCTETS_MAX + 1), false);
    check("to", &|v| v.span.from = v.span.to, false);
    check("to", &|v| v.span.from = Some(1_999_999_999), true);
}
