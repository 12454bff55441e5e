//! Mail that goes on: who finds it, what is told of how far it is, and when its sender hears that it failed.

use crate::bounces::report;
use crate::forwarding::go_on;
use crate::world::{LETTER, Transport, World, address, envelope, local, remote};
use delivery::trace::{Sought, Standing, What};
use delivery::{Job, Outcome, Tried};
use std::sync::Arc;

/// Answers by the mailbox: `ok`, `later`, and no to all others.
struct Mixed {
    later_is: Outcome,
}

impl Transport for Mixed {
    fn relay(&self, job: &Job) -> Tried {
        let answer = |name: &str| match name {
            "ok" => Outcome::Relayed("2.0.0 mx[192.0.2.1] said to DATA: 250 2.0.0 Ok".into()),
            "later" => self.later_is.clone(),
            _ => Outcome::Failed("5.1.1 mx[192.0.2.1] said to RCPT TO: 550 5.1.1 no".into()),
        };
        let each = job.envelope.recipients.iter();
        Tried {
            outcomes: each.map(|to| answer(to.address.local.as_str())).collect(),
            ..Tried::default()
        }
    }
}

/// `later`: what the one of this name says.
fn mixed(later: Outcome) -> Option<Arc<dyn Transport>> {
    Some(Arc::new(Mixed { later_is: later }))
}

fn wait() -> Outcome {
    Outcome::Deferred("4.2.0 mx[192.0.2.1] said to DATA: 451 later".into())
}

/// Submitted by `an`, tried; the name of its acceptance.
fn send(world: &World, to: &[&str], notify: Option<&str>) -> String {
    let mut sent = envelope("an@tinh.gov.vn", to);
    for to in &mut sent.recipients {
        to.notify = notify.map(str::to_owned);
    }
    let origin = world.submitted("an");
    let taken = world.delivery.accept(sent, LETTER, &origin).unwrap();
    world.dispatch();
    taken.trace
}

fn standings(world: &World, trace: &str) -> Vec<Standing> {
    let (found, events) = world.delivery.trace(trace).unwrap();
    let all = world.delivery.progress(&found, &events).unwrap();
    all.into_iter().map(|one| one.standing).collect()
}

fn is_found(world: &World, trace: &str, to: &str) -> bool {
    let sought = Sought {
        to: Some(address(to)),
        ..Sought::default()
    };
    let page = world.delivery.traces(&sought, None, 100).unwrap();
    page.found.iter().any(|found| found.id == trace)
}

#[test]
fn what_goes_on_without_a_copy_is_found_by_who_was_written_to() {
    let world = World::with(mixed(wait()));
    let check = |target: &str, expected: Standing| {
        go_on(&world, "binh", &[target], false);
        let trace = send(&world, &["binh+x@tinh.gov.vn"], None);
        assert_eq!(standings(&world, &trace), [expected], "{target}");
        // As it was written to, and by the account that this is; by where it went on to.
        for to in ["binh@tinh.gov.vn", "binh+x@tinh.gov.vn", target] {
            assert!(is_found(&world, &trace, to), "{target}: {to}");
        }
        assert!(!is_found(&world, &trace, "ai@noi.vn"));
        // Whoever owns the account it came to.
        let own = Sought {
            account: Some(world.id("binh")),
            ..Sought::default()
        };
        let page = world.delivery.traces(&own, None, 100).unwrap();
        assert!(page.found.iter().any(|f| f.id == trace), "{target}");
    };
    check("ok@noi.vn", Standing::SentOn);
    check("no@noi.vn", Standing::Failed);
    check("later@noi.vn", Standing::Waiting);
    // It lies in another's mailbox, not in his.
    check("chi@tinh.gov.vn", Standing::SentOn);
    assert!(world.inbox_if_any("binh").is_empty());
}

#[test]
fn who_keeps_a_copy_has_it_wherever_else_it_goes() {
    let world = World::with(mixed(wait()));
    for (targets, placed) in [
        (["chi@tinh.gov.vn", "ok@noi.vn"], 1),
        (["no@noi.vn", "later@noi.vn"], 0),
    ] {
        go_on(&world, "binh", &targets, true);
        let before = world.inbox_if_any("chi").len();
        let trace = send(&world, &["binh@tinh.gov.vn"], None);
        assert_eq!(standings(&world, &trace), [Standing::Placed]);
        assert_eq!(world.inbox_if_any("chi").len() - before, placed);
    }
    // A list has no mailbox of its own.
    world.list("phong", vec![local("chi"), address("no@noi.vn")]);
    let trace = send(&world, &["phong@tinh.gov.vn"], None);
    assert_eq!(standings(&world, &trace), [Standing::SentOn]);
    // What was accepted for one mailbox is in that.
    let trace = send(&world, &["chi@tinh.gov.vn"], None);
    assert_eq!(standings(&world, &trace), [Standing::Placed]);
}

/// What `an` was told of failures, and the timeline's word of it.
fn told(world: &World, trace: &str) -> (Vec<String>, usize) {
    let all = world.inbox_if_any("an").into_iter();
    let reports = all.filter(|raw| raw.contains("multipart/report"));
    let (_, events) = world.delivery.trace(trace).unwrap();
    let failures = events.iter().filter(|event| {
        let What::Told { late, good, .. } = event.what else {
            return false;
        };
        !late && !good
    });
    (reports.map(|raw| report(&raw)).collect(), failures.count())
}

#[test]
fn its_sender_hears_of_no_failure_where_it_is_in_a_mailbox() {
    let world = World::with(mixed(wait()));
    let nothing = (Vec::new(), 0);
    // A copy stays; one of two took it.
    for (targets, keep) in [
        (&["no@noi.vn"][..], true),
        (&["no@noi.vn", "ok@noi.vn"], true),
        (&["no@noi.vn", "ok@khac.vn"], false),
        (&["no@noi.vn", "chi@tinh.gov.vn"], false),
    ] {
        go_on(&world, "binh", targets, keep);
        let trace = send(&world, &["binh@tinh.gov.vn"], None);
        assert_eq!(told(&world, &trace), nothing, "{targets:?} {keep}");
        assert_ne!(standings(&world, &trace), [Standing::Failed]);
        assert!(world.delivery.queue(None, 9).unwrap().is_empty());
        // Whoever lets it go on there sees that.
        let (_, events) = world.delivery.trace(&trace).unwrap();
        let refused = events.iter().any(|event| match &event.what {
            What::Tried { results, .. } => results.iter().any(|(how, to)| {
                matches!(how, Outcome::Failed(_)) && to.contains(&"no@noi.vn".to_owned())
            }),
            _ => false,
        });
        assert!(refused, "{events:?}");
    }
    // He who asked for success heard that it went on, and nothing else.
    go_on(&world, "binh", &["no@noi.vn"], true);
    let trace = send(&world, &["binh@tinh.gov.vn"], Some("SUCCESS,FAILURE"));
    let (reports, failures) = told(&world, &trace);
    assert_eq!((reports.len(), failures), (1, 0));
    assert!(reports[0].contains("Action: expanded"), "{reports:?}");
}

#[test]
fn what_ends_later_decides_over_a_crash() {
    let check = |later: Outcome, fails: bool| {
        let world = World::with(mixed(wait()));
        go_on(&world, "binh", &["no@noi.vn", "later@khac.vn"], false);
        let trace = send(&world, &["binh@tinh.gov.vn"], None);
        // One has refused it, one may take it yet.
        assert_eq!(told(&world, &trace), (Vec::new(), 0));
        assert_eq!(standings(&world, &trace), [Standing::Waiting]);
        let world = world.restart(mixed(later));
        world.pass(3600);
        world.dispatch();
        assert!(world.delivery.queue(None, 9).unwrap().is_empty());
        let (reports, failures) = told(&world, &trace);
        assert_eq!(
            (reports.len(), failures),
            (usize::from(fails), usize::from(fails))
        );
        let expected = match fails {
            true => Standing::Failed,
            false => Standing::SentOn,
        };
        assert_eq!(standings(&world, &trace), [expected]);
        for report in reports {
            assert!(
                !report.contains("noi.vn") && !report.contains("khac.vn"),
                "{report}"
            );
            assert_eq!(report.matches("Final-Recipient: rfc822; binh@").count(), 1);
        }
    };
    check(Outcome::Relayed("2.0.0 Ok".into()), false);
    check(Outcome::Failed("5.7.1 no".into()), true);
}

#[test]
fn its_sender_is_not_told_that_it_waits_where_it_is_in_a_mailbox() {
    let world = World::with(mixed(wait()));
    for (keep, told) in [(true, 0), (false, 1)] {
        go_on(&world, "binh", &["later@noi.vn"], keep);
        let before = world.inbox_if_any("an").len();
        let trace = send(&world, &["binh@tinh.gov.vn"], None);
        world.pass(5 * 3600);
        world.dispatch();
        assert_eq!(world.inbox_if_any("an").len() - before, told, "{keep}");
        // He who lets it go on may still lose that: the sender hears nothing of it, after five days either.
        world.pass(6 * 24 * 3600);
        world.dispatch();
        assert_eq!(world.inbox_if_any("an").len() - before, 2 * told, "{keep}");
        let expected = if keep {
            Standing::Placed
        } else {
            Standing::Failed
        };
        assert_eq!(standings(&world, &trace), [expected]);
    }
}

#[test]
fn a_strangers_letter_is_found_by_who_lets_it_go_on() {
    let world = World::with(mixed(wait()));
    go_on(&world, "binh", &["chi@tinh.gov.vn"], false);
    go_on(&world, "chi", &["later@noi.vn"], false);
    let sent = envelope("s@khac.vn", &["binh@tinh.gov.vn"]);
    let taken = world.delivery.accept(sent, LETTER, &remote()).unwrap();
    // Each through whose account it went.
    for to in ["binh@tinh.gov.vn", "chi@tinh.gov.vn", "later@noi.vn"] {
        assert!(is_found(&world, &taken.trace, to), "{to}");
    }
    assert!(!is_found(&world, &taken.trace, "an@tinh.gov.vn"));
}
