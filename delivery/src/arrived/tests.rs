//! Who is believed, what is kept where too much comes, and what is counted.

use super::brought::Brought;
use super::day::{DAY_MAX, Day, Kept, REPORTER_MAX, Verdict};
use super::{DAY_S, Standing, can_be};
use crate::verify::{Dkim, DkimResult, DmarcResult, Published, SpfResult};
use crate::{Asks, Envelope, Evidence, Origin, Recipient, ReversePath};
use formats::address::{Address, DomainName};

/// The report of this number, of who is counted under `by`.
fn one(number: u32, standing: Standing, by: u64) -> Kept {
    let first = match standing {
        Standing::Verified => 0,
        Standing::Half => 1,
        Standing::Stranger => 2,
    };
    Kept {
        name: format!("{first:02x}{number:014x}"),
        standing,
        vouched: standing == Standing::Verified,
        by,
        at: i64::from(number),
        content: u64::from(number),
        report: 0,
    }
}

fn shares(day: &Day, by: u64) -> usize {
    day.kept.iter().filter(|kept| kept.by == by).count()
}

#[test]
fn what_is_believed_further_has_room_whoever_came_before() {
    let mut day = Day::default();
    // From more strangers than there is room for.
    for n in 0..300 {
        day.take(one(n, Standing::Stranger, u64::from(n)));
    }
    assert_eq!((day.kept.len(), day.dropped), (DAY_MAX, 100));
    // The last of those who are believed least gives way, and is counted.
    for (n, standing) in [(300, Standing::Half), (301, Standing::Verified)] {
        let verdict = day.take(one(n, standing, u64::from(n)));
        let gave_way = format!("02{:014x}", DAY_MAX as u32 - 1 - (n - 300));
        assert_eq!(verdict, Verdict::Keep(Some(gave_way)));
    }
    assert_eq!((day.kept.len(), day.dropped), (DAY_MAX, 102));
    // Never the other way round.
    for n in 400..700 {
        day.take(one(n, Standing::Verified, u64::from(n)));
    }
    let verified = |kept: &Kept| kept.standing == Standing::Verified;
    assert!(day.kept.iter().all(verified));
    let before = day.kept.clone();
    for n in 700..710 {
        for standing in [Standing::Stranger, Standing::Half] {
            assert_eq!(day.take(one(n, standing, 9_999)), Verdict::Drop);
        }
    }
    assert_eq!(day.kept, before);
}

#[test]
fn nobody_has_more_than_his_share() {
    let mut day = Day::default();
    for n in 0..40 {
        day.take(one(n, Standing::Verified, 1));
    }
    assert_eq!((shares(&day, 1), day.dropped), (REPORTER_MAX, 15));
    // Within it his better ones go before his others.
    let mut day = Day::default();
    for n in 0..40 {
        day.take(one(n, Standing::Stranger, 1));
    }
    day.take(one(99, Standing::Half, 1));
    assert_eq!(shares(&day, 1), REPORTER_MAX);
    assert!(day.kept.iter().any(|kept| kept.standing == Standing::Half));
    // Where all is taken by some who have much, who has none yet has room.
    let mut day = Day::default();
    for n in 0..DAY_MAX as u32 {
        let by = u64::from(n) / REPORTER_MAX as u64;
        day.take(one(n, Standing::Verified, by));
    }
    assert_eq!((day.kept.len(), day.dropped), (DAY_MAX, 0));
    for n in 1_000..1_004 {
        let verdict = day.take(one(n, Standing::Verified, 77));
        assert!(matches!(verdict, Verdict::Keep(Some(_))), "{n}");
    }
    assert_eq!((shares(&day, 77), day.kept.len()), (4, DAY_MAX));
    let each: Vec<usize> = (0..8).map(|by| shares(&day, by)).collect();
    assert!(each.iter().all(|n| *n >= REPORTER_MAX - 1), "{each:?}");
}

#[test]
fn a_report_is_replaced_by_its_own_reporter_alone() {
    let anew = |standing| Kept {
        content: 99,
        ..one(1, standing, 1)
    };
    // The same again is no loss.
    let mut day = Day::default();
    day.take(one(1, Standing::Half, 1));
    assert_eq!(day.take(one(1, Standing::Half, 2)), Verdict::Repeat);
    assert_eq!(day.take(one(1, Standing::Stranger, 2)), Verdict::Repeat);
    assert!(day.is_whole());
    // Another of its number, from somebody who may be anybody.
    for standing in [Standing::Half, Standing::Stranger] {
        assert_eq!(day.take(anew(standing)), Verdict::Drop);
    }
    assert_eq!((day.kept.len(), day.dropped), (1, 2));
    assert_eq!(day.kept[0].content, 1);
    // From who is believed further; then what was there is lost.
    let mut day = Day::default();
    day.take(one(1, Standing::Stranger, 1));
    let verdict = day.take(anew(Standing::Half));
    assert_eq!(verdict, Verdict::Keep(Some(format!("02{:014x}", 1))));
    assert_eq!((day.kept.len(), day.dropped), (1, 1));
    // Who is known corrects himself.
    let mut day = Day::default();
    day.take(one(1, Standing::Verified, 1));
    assert!(matches!(
        day.take(anew(Standing::Verified)),
        Verdict::Keep(Some(_))
    ));
    assert_eq!((day.kept[0].content, day.dropped), (99, 0));
}

/// Reporters are told apart by who vouches for them, so the same report has another name from each.
#[test]
fn one_report_of_one_organisation_is_kept_once_where_one_is_believed_further() {
    let of = |number, standing, by| Kept {
        report: 7,
        ..one(number, standing, by)
    };
    let mut day = Day::default();
    day.take(of(1, Standing::Stranger, 1));
    let verdict = day.take(of(2, Standing::Verified, 2));
    assert_eq!(verdict, Verdict::Keep(Some(format!("02{:014x}", 1))));
    assert_eq!((day.kept.len(), day.dropped), (1, 1));
    assert_eq!(day.take(of(3, Standing::Stranger, 3)), Verdict::Drop);
    assert_eq!((day.kept.len(), day.dropped), (1, 2));
    // Of two that are believed as far nobody knows which it is.
    let verdict = day.take(of(4, Standing::Verified, 4));
    assert_eq!(verdict, Verdict::Keep(None));
    // Nobody has more than his share by it.
    let mut day = Day::default();
    for n in 0..REPORTER_MAX as u32 {
        day.take(one(n, Standing::Verified, 1));
    }
    day.take(of(99, Standing::Stranger, 2));
    assert_eq!(day.take(of(100, Standing::Verified, 1)), Verdict::Drop);
}

fn domain(name: &str) -> DomainName {
    DomainName::parse(name).unwrap()
}

fn letter(to: &str, evidence: Option<&Evidence>) -> Brought {
    let envelope = Envelope {
        from: ReversePath::Null,
        recipients: vec![Recipient {
            address: Address::parse(to).unwrap(),
            notify: None,
            orcpt: None,
        }],
        ..Envelope::default()
    };
    let origin = Origin::Remote {
        ip: "192.0.2.7".parse().unwrap(),
        helo: "mx".into(),
        with: "ESMTP",
        tls: None,
    };
    Brought::of(&envelope, &origin, evidence, ("bao.vn", "mail.z.vn"))
}

fn evidence(result: DmarcResult, author: &str) -> Evidence {
    let mut evidence = Evidence::unknown(&ReversePath::Null);
    evidence.dmarc.result = result;
    evidence.dmarc.domain = author.into();
    evidence
}

#[test]
fn one_is_believed_for_ones_domain_and_the_place_it_came_to() {
    let check = |to: &str, evidence: Option<&Evidence>, expected: Standing| {
        let brought = letter(to, evidence);
        assert_eq!(brought.standing(&domain("x.vn")), expected, "{to}");
        brought
    };
    let pass = evidence(DmarcResult::Pass, "m.bao.vn");
    let known = check("Postmaster@x.vn", Some(&pass), Standing::Verified);
    assert_eq!(known.reporter.as_deref(), Some("m.bao.vn"));
    check("an@x.vn", Some(&pass), Standing::Half);
    // Nobody knows what the record says: all may go to one.
    check("postmaster@y.vn", Some(&pass), Standing::Verified);
    check("postmaster@y.vn", None, Standing::Half);
    let mut asks = pass.clone();
    asks.asks = Some(Asks {
        domain: "x.vn".into(),
        places: vec![Address::parse("dmarc@y.vn").unwrap()],
    });
    check("DMARC@y.vn", Some(&asks), Standing::Verified);
    check("postmaster@x.vn", Some(&asks), Standing::Verified);
    // It does, and that is not the place.
    check("postmaster@y.vn", Some(&asks), Standing::Half);
    asks.asks.as_mut().unwrap().domain = "z.vn".into();
    check("dmarc@y.vn", Some(&asks), Standing::Half);
    for result in [
        DmarcResult::Fail,
        DmarcResult::None,
        DmarcResult::TempError,
        DmarcResult::PermError,
    ] {
        let no = evidence(result, "bao.vn");
        check("an@x.vn", Some(&no), Standing::Stranger);
        check("postmaster@x.vn", Some(&no), Standing::Half);
    }
    check("an@x.vn", None, Standing::Stranger);
    check("postmaster@x.vn", None, Standing::Half);
    // Without a policy: SPF or a signature of the author's domain, or of one above it.
    let mut spf = evidence(DmarcResult::None, "m.bao.vn");
    spf.spf.result = SpfResult::Pass;
    for (of, expected) in [
        ("bao.vn", Standing::Half),
        ("m.bao.vn", Standing::Half),
        ("x.m.bao.vn", Standing::Stranger),
        ("o.vn", Standing::Stranger),
        ("", Standing::Stranger),
    ] {
        spf.spf.domain = of.into();
        check("an@x.vn", Some(&spf), expected);
    }
    let mut dkim = evidence(DmarcResult::None, "bao.vn");
    dkim.dkim = vec![Dkim {
        result: DkimResult::Pass,
        domain: "Bao.vn".into(),
        ..Dkim::default()
    }];
    check("an@x.vn", Some(&dkim), Standing::Half);
    dkim.dmarc.result = DmarcResult::Fail;
    check("an@x.vn", Some(&dkim), Standing::Stranger);
}

#[test]
fn letters_are_counted_by_who_can_be_known() {
    let by = |evidence: Option<&Evidence>| letter("an@x.vn", evidence).by;
    assert_eq!(by(None), "f bao.vn");
    let fail = evidence(DmarcResult::Fail, "a.vn");
    assert_eq!(by(Some(&fail)), "n 192.0.2.7");
    // All below a policy are one.
    let mut pass = evidence(DmarcResult::Pass, "a1.bao.vn");
    pass.dmarc.published = Some(Published {
        domain: "bao.vn".into(),
        ..Published::default()
    });
    assert_eq!(by(Some(&pass)), "d bao.vn");
}

#[test]
fn a_time_that_cannot_be_is_none() {
    let now = 20_000 * DAY_S;
    let check = |begin: i64, end: i64, expected: bool| {
        assert_eq!(can_be((begin, end), now), expected, "{begin} {end}");
    };
    check(now - 2 * DAY_S, now - DAY_S - 1, true);
    check(now - 31 * DAY_S, now - 30 * DAY_S, true);
    check(now, now + 2 * DAY_S, true);
    check(now - 32 * DAY_S, now - 30 * DAY_S, false);
    check(now, now + 2 * DAY_S + 1, false);
    check(now - DAY_S, now - 2 * DAY_S, false);
    check(-5, -1, false);
    check(0, 0, false);
    check(99_999_999_999, 99_999_999_999, false);
    check(i64::MIN, i64::MAX, false);
}
